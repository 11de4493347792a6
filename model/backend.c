// SPDX-License-Identifier: Apache-2.0
// Opens backends, and their memory.
#include "model/backend.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_THREADS 1024

// ---- Opening -----------------------------------------------------------------------------------

static int count_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN); // more processors than a cpu_set_t holds
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (int)n;
}

bool sam2_backend_available(Sam2BackendKind kind, const char **why)
{
    const char *reason = NULL;
    bool available = true;
    if (kind == SAM2_BACKEND_CPU) {
        available = sam2_cpu_available(&reason);
    } else if (kind == SAM2_BACKEND_CUDA) {
        available = sam2_cuda_available(&reason);
    } else if (kind != SAM2_BACKEND_REF && kind != SAM2_BACKEND_AUTO) {
        available = false;
        reason = "there is no such backend";
    }
    if (why)
        *why = available ? NULL : reason;
    return available;
}

static Sam2Status open_kind(Sam2Backend *be, Sam2BackendKind kind)
{
    const char *why;
    if (!sam2_backend_available(kind, &why))
        return sam2_fail(&be->error, SAM2_ERR_UNSUPPORTED, "%s", why);
    switch (kind) {
    case SAM2_BACKEND_CUDA:
        return sam2_cuda_open(be);
    case SAM2_BACKEND_CPU:
        return sam2_cpu_open(be);
    default:
        return sam2_ref_open(be);
    }
}

Sam2Status sam2_backend_open(Sam2Backend **out, Sam2BackendKind kind, Sam2Precision precision,
                             int n_threads, Sam2Error *error)
{
    *out = NULL;
    if (n_threads < 0 || n_threads > MAX_THREADS)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "%d threads: 0 to %d can be asked for",
                         n_threads, MAX_THREADS);
    if (precision != SAM2_PRECISION_AUTO && precision != SAM2_PRECISION_F32 &&
        precision != SAM2_PRECISION_BF16)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "unknown precision %d", (int)precision);
    Sam2Backend *be = calloc(1, sizeof *be);
    if (!be)
        return sam2_fail_memory(error, sizeof *be);

    const Sam2BackendKind best_first[] = {SAM2_BACKEND_CUDA, SAM2_BACKEND_CPU, SAM2_BACKEND_REF};
    Sam2Status status = SAM2_OK;
    for (int i = 0; i < 3; i++) {
        *be = (Sam2Backend){.precision = precision,
                            .n_threads = n_threads ? n_threads : count_cores(),
                            .chunk_size = SIZE_MAX};
        status = open_kind(be, kind == SAM2_BACKEND_AUTO ? best_first[i] : kind);
        if (kind != SAM2_BACKEND_AUTO || (status != SAM2_ERR_UNSUPPORTED &&
                                          status != SAM2_ERR_BACKEND && status != SAM2_ERR_DEVICE))
            break; // else the next best one
    }
    if (status != SAM2_OK) {
        sam2_fail(error, status, "%s", be->error.message);
        free(be);
        return status;
    }
    *out = be;
    return SAM2_OK;
}

void sam2_backend_close(Sam2Backend **backend)
{
    Sam2Backend *be = *backend;
    if (!be)
        return;
    be->ops->close(be);
    free(be);
    *backend = NULL;
}

Sam2Status sam2_backend_alloc(Sam2Backend *be, Sam2Tensor *out, int n_dims, const int64_t *shape)
{
    *out = (Sam2Tensor){0};
    if (n_dims < 1 || n_dims > SAM2_MAX_DIMS)
        return sam2_fail(&be->error, SAM2_ERR_SHAPE, "a tensor of %d dimensions", n_dims);
    int64_t count = 1;
    for (int i = 0; i < n_dims; i++)
        if (shape[i] < 1 || __builtin_mul_overflow(count, shape[i], &count) ||
            count > (int64_t)(PTRDIFF_MAX / sizeof(float)))
            return sam2_fail(&be->error, SAM2_ERR_SHAPE,
                             "a tensor whose dimension %d is %lld cannot be made", i,
                             (long long)shape[i]);
    size_t size = (size_t)count * sizeof(float);
    void *data = be->ops->alloc(be, size);
    if (!data)
        return sam2_fail_memory(&be->error, size);
    *out = sam2_tensor_reshape(&(Sam2Tensor){.data = data, .dtype = SAM2_F32}, n_dims, shape);
    return SAM2_OK;
}

void sam2_backend_release(Sam2Backend *be, Sam2Tensor *tensor)
{
    if (tensor->data)
        be->ops->free(be, tensor->data);
    *tensor = (Sam2Tensor){0};
}
