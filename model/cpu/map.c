// SPDX-License-Identifier: Apache-2.0
// Operations over rows and maps on the cpu: shares the rows out to the kernels.
#include "model/cpu/ops.h"

// Fewer elements than this are not worth waking another thread.
#define MIN_PARALLEL_COUNT ((int64_t)1 << 15)
#define CHUNK ((int64_t)1 << 13) // elements that a thread takes at a time

static int count_threads(const Sam2Backend *be, int64_t n_elements)
{
    return n_elements < MIN_PARALLEL_COUNT ? 1 : be->n_threads;
}

static int64_t min_int(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// Rows of c elements that make a chunk.
static int64_t chunk_rows(int64_t c)
{
    return c < CHUNK ? CHUNK / c : 1;
}

Sam2Status sam2_cpu_layer_norm(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                               const Sam2Tensor *gamma, const Sam2Tensor *beta, float eps,
                               Sam2Act act)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t rows = x->shape[0], c = x->shape[1], chunk = chunk_rows(c);
#pragma omp parallel for num_threads(count_threads(be, rows *c)) schedule(dynamic)
    for (int64_t t = 0; t < rows; t += chunk)
        kernels->layer_norm(sam2_f32(dst) + t * c, sam2_f32(x) + t * c, sam2_f32(gamma),
                            sam2_f32(beta), min_int(chunk, rows - t), c, eps, act);
    return SAM2_OK;
}

Sam2Status sam2_cpu_rope(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *cos,
                         const Sam2Tensor *sin, int64_t n_rotated)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t c = x->shape[1], period = cos->shape[0];
#pragma omp parallel for num_threads(count_threads(be, n_rotated *c))
    for (int64_t t = 0; t < n_rotated; t++)
        kernels->rope(sam2_f32(x) + t * c, sam2_f32(cos) + t % period * (c / 2),
                      sam2_f32(sin) + t % period * (c / 2), c);
    return SAM2_OK;
}

Sam2Status sam2_cpu_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   const Sam2Weight *w, const Sam2Tensor *bias)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const Sam2ConvRow conv = {.x = sam2_f32(x),
                              .w = w->packed,
                              .bias = sam2_f32(bias),
                              .dst = sam2_f32(dst),
                              .h = x->shape[0],
                              .width = x->shape[1],
                              .c = x->shape[2],
                              .k = (int)w->tensor.shape[2]};
#pragma omp parallel for num_threads(count_threads(be, sam2_tensor_count(x))) schedule(dynamic)
    for (int64_t y = 0; y < conv.h; y++)
        kernels->depthwise_row(&conv, y);
    return SAM2_OK;
}

Sam2Status sam2_cpu_max_pool(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t w = dst->shape[1], c = x->shape[2];
#pragma omp parallel for num_threads(count_threads(be, sam2_tensor_count(x)))
    for (int64_t y = 0; y < dst->shape[0]; y++) {
        const float *top = sam2_f32(x) + 4 * y * w * c;
        kernels->max_pool(sam2_f32(dst) + y * w * c, top, top + 2 * w * c, w, c);
    }
    return SAM2_OK;
}

Sam2Status sam2_cpu_upsample_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t w = x->shape[1], c = x->shape[2];
#pragma omp parallel for num_threads(count_threads(be, sam2_tensor_count(dst)))
    for (int64_t y = 0; y < dst->shape[0]; y++)
        kernels->upsample_add(sam2_f32(dst) + 2 * y * w * c, sam2_f32(x) + y / 2 * w * c, w, c);
    return SAM2_OK;
}

Sam2Status sam2_cpu_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                        const Sam2Tensor *b, float scale)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t n = sam2_tensor_count(a), n_b = sam2_tensor_count(b);
    const int64_t chunk = min_int(CHUNK, n_b), n_chunks = (n_b + chunk - 1) / chunk;
#pragma omp parallel for num_threads(count_threads(be, n))
    for (int64_t i = 0; i < n / n_b * n_chunks; i++) {
        int64_t in_b = i % n_chunks * chunk, at = i / n_chunks * n_b + in_b;
        kernels->add(sam2_f32(dst) + at, sam2_f32(a) + at, sam2_f32(b) + in_b, scale,
                     min_int(chunk, n_b - in_b));
    }
    return SAM2_OK;
}

Sam2Status sam2_cpu_mask_to_memory(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   bool binarize, float scale, float bias)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t n = sam2_tensor_count(x);
#pragma omp parallel for num_threads(count_threads(be, n))
    for (int64_t i = 0; i < n; i += CHUNK)
        kernels->mask_to_memory(sam2_f32(dst) + i, sam2_f32(x) + i, min_int(CHUNK, n - i), binarize,
                                scale, bias);
    return SAM2_OK;
}

Sam2Status sam2_cpu_round_bf16(Sam2Backend *be, const Sam2Tensor *x)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t n = sam2_tensor_count(x);
#pragma omp parallel for num_threads(count_threads(be, n))
    for (int64_t i = 0; i < n; i += CHUNK)
        kernels->round_bf16(sam2_f32(x) + i, min_int(CHUNK, n - i));
    return SAM2_OK;
}
