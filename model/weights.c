// SPDX-License-Identifier: Apache-2.0
// Taking a model's weights out of a checkpoint.
#include "model/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Sam2WeightList {
    Sam2WeightList *next;
    Sam2Weight weight;
    float *host;
    size_t host_size;
};

static Sam2WeightList *add_entry(Sam2Loader *loader)
{
    Sam2WeightList *entry = calloc(1, sizeof *entry);
    if (!entry) {
        sam2_fail_memory(loader->error, sizeof *entry);
        return NULL;
    }
    entry->next = *loader->list;
    *loader->list = entry;
    return entry;
}

static void format_shape(char *out, size_t size, int n_dims, const int64_t *shape)
{
    size_t used = (size_t)snprintf(out, size, "(");
    for (int i = 0; i < n_dims && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, i ? ", %lld" : "%lld", (long long)shape[i]);
    if (used < size)
        snprintf(out + used, size - used, ")");
}

static bool same_shape(const Sam2CheckpointTensor *tensor, int n_dims, const int64_t *shape)
{
    return tensor->n_dims == n_dims &&
           memcmp(tensor->shape, shape, (size_t)n_dims * sizeof *shape) == 0;
}

Sam2Status sam2_load_f32(Sam2Loader *loader, float **out, const char *name, int n_dims,
                         const int64_t *shape)
{
    const char *path = sam2_checkpoint_path(loader->checkpoint);
    const Sam2CheckpointTensor *tensor = sam2_checkpoint_find(loader->checkpoint, name);
    char expected[96], found[96];
    format_shape(expected, sizeof expected, n_dims, shape);
    if (!tensor)
        return sam2_fail(loader->error, SAM2_ERR_SHAPE,
                         "%s: tensor \"%s\" %s is missing; this is not a complete SAM 2 model",
                         path, name, expected);
    if (!same_shape(tensor, n_dims, shape)) {
        format_shape(found, sizeof found, tensor->n_dims, tensor->shape);
        return sam2_fail(loader->error, SAM2_ERR_SHAPE,
                         "%s: tensor \"%s\" has shape %s, expected %s", path, name, found,
                         expected);
    }
    size_t count = 1;
    for (int i = 0; i < n_dims; i++)
        count *= (size_t)shape[i];
    float *data = malloc(count * sizeof *data);
    if (!data)
        return sam2_fail_memory(loader->error, count * sizeof *data);
    Sam2Status status = sam2_checkpoint_read_f32(tensor, data, path, loader->error);
    if (status != SAM2_OK) {
        free(data);
        return status;
    }
    *out = data;
    return SAM2_OK;
}

Sam2Status sam2_load_data(Sam2Loader *loader, const Sam2Weight **out, Sam2WeightKind kind,
                          const float *data, int n_dims, const int64_t *shape)
{
    Sam2WeightList *entry = add_entry(loader);
    if (!entry)
        return SAM2_ERR_MEMORY;
    Sam2Tensor host = {.data = (void *)(uintptr_t)data, .dtype = SAM2_F32, .n_dims = n_dims};
    memcpy(host.shape, shape, (size_t)n_dims * sizeof *shape);
    Sam2Status status = loader->be->ops->weight_init(loader->be, &entry->weight, kind, &host);
    if (status != SAM2_OK)
        return sam2_fail(loader->error, status, "%s", loader->be->error.message);
    *out = &entry->weight;
    return SAM2_OK;
}

Sam2Status sam2_load_host(Sam2Loader *loader, const float **out, const char *name, int n_dims,
                          const int64_t *shape)
{
    Sam2WeightList *entry = add_entry(loader);
    if (!entry)
        return SAM2_ERR_MEMORY;
    SAM2_TRY(sam2_load_f32(loader, &entry->host, name, n_dims, shape));
    entry->host_size = sizeof(float);
    for (int i = 0; i < n_dims; i++)
        entry->host_size *= (size_t)shape[i];
    *out = entry->host;
    return SAM2_OK;
}

Sam2Status sam2_load_weight(Sam2Loader *loader, const Sam2Weight **out, Sam2WeightKind kind,
                            const char *name, int n_dims, const int64_t *shape)
{
    float *data;
    SAM2_TRY(sam2_load_f32(loader, &data, name, n_dims, shape));
    Sam2Status status = sam2_load_data(loader, out, kind, data, n_dims, shape);
    free(data);
    return status;
}

Sam2Status sam2_load_vector(Sam2Loader *loader, const Sam2Tensor **out, const char *name, int64_t n)
{
    const Sam2Weight *weight;
    SAM2_TRY(sam2_load_weight(loader, &weight, SAM2_WEIGHT_VECTOR, name, SAM2_SHAPE(n)));
    *out = &weight->tensor;
    return SAM2_OK;
}

// Linear maps are stored as (n_out, n_in) or as 1x1 convolutions.
static Sam2Status load_matrix(Sam2Loader *loader, float **out, const char *name, int64_t n_out,
                              int64_t n_in)
{
    const Sam2CheckpointTensor *tensor = sam2_checkpoint_find(loader->checkpoint, name);
    int n_dims = tensor && tensor->n_dims == 4 ? 4 : 2;
    return sam2_load_f32(loader, out, name, n_dims, (const int64_t[]){n_out, n_in, 1, 1});
}

Sam2Status sam2_load_linear(Sam2Loader *loader, Sam2Linear *out, const char *prefix, int64_t n_out,
                            int64_t n_in)
{
    char name[160];
    float *data;
    snprintf(name, sizeof name, "%s.weight", prefix);
    SAM2_TRY(load_matrix(loader, &data, name, n_out, n_in));
    Sam2Status status =
        sam2_load_data(loader, &out->weight, SAM2_WEIGHT_LINEAR, data, SAM2_SHAPE(n_out, n_in));
    free(data);
    SAM2_TRY(status);
    snprintf(name, sizeof name, "%s.bias", prefix);
    return sam2_load_vector(loader, &out->bias, name, n_out);
}

Sam2Status sam2_load_conv(Sam2Loader *loader, Sam2Linear *out, Sam2WeightKind kind,
                          const char *prefix, int64_t n_bias, int n_dims, const int64_t *shape)
{
    char name[160];
    snprintf(name, sizeof name, "%s.weight", prefix);
    SAM2_TRY(sam2_load_weight(loader, &out->weight, kind, name, n_dims, shape));
    snprintf(name, sizeof name, "%s.bias", prefix);
    return sam2_load_vector(loader, &out->bias, name, n_bias);
}

Sam2Status sam2_load_norm(Sam2Loader *loader, Sam2Norm *out, const char *prefix, int64_t n)
{
    char name[160];
    snprintf(name, sizeof name, "%s.weight", prefix);
    SAM2_TRY(sam2_load_vector(loader, &out->gamma, name, n));
    snprintf(name, sizeof name, "%s.bias", prefix);
    return sam2_load_vector(loader, &out->beta, name, n);
}

Sam2Status sam2_load_folded(Sam2Loader *loader, Sam2Linear *out, const char *outer,
                            const char *inner, int64_t n_out, int64_t n_mid, int64_t n_in)
{
    Sam2Status status;
    char name[160];
    float *a = NULL, *a_bias = NULL, *b = NULL, *b_bias = NULL, *w = NULL;
    snprintf(name, sizeof name, "%s.weight", outer);
    SAM2_TRY_FAIL(load_matrix(loader, &a, name, n_out, n_mid));
    snprintf(name, sizeof name, "%s.bias", outer);
    SAM2_TRY_FAIL(sam2_load_f32(loader, &a_bias, name, SAM2_SHAPE(n_out)));
    snprintf(name, sizeof name, "%s.weight", inner);
    SAM2_TRY_FAIL(load_matrix(loader, &b, name, n_mid, n_in));
    snprintf(name, sizeof name, "%s.bias", inner);
    SAM2_TRY_FAIL(sam2_load_f32(loader, &b_bias, name, SAM2_SHAPE(n_mid)));
    w = malloc((size_t)(n_out * n_in) * sizeof *w);
    if (!w) {
        status = sam2_fail_memory(loader->error, (size_t)(n_out * n_in) * sizeof *w);
        goto fail;
    }
    for (int64_t i = 0; i < n_out; i++) {
        for (int64_t j = 0; j < n_in; j++) {
            double sum = 0;
            for (int64_t k = 0; k < n_mid; k++)
                sum += (double)a[i * n_mid + k] * b[k * n_in + j];
            w[i * n_in + j] = (float)sum;
        }
        double sum = a_bias[i];
        for (int64_t k = 0; k < n_mid; k++)
            sum += (double)a[i * n_mid + k] * b_bias[k];
        a_bias[i] = (float)sum;
    }
    SAM2_TRY_FAIL(
        sam2_load_data(loader, &out->weight, SAM2_WEIGHT_LINEAR, w, SAM2_SHAPE(n_out, n_in)));
    const Sam2Weight *bias;
    SAM2_TRY_FAIL(sam2_load_data(loader, &bias, SAM2_WEIGHT_VECTOR, a_bias, SAM2_SHAPE(n_out)));
    out->bias = &bias->tensor;
fail:
    free(a);
    free(a_bias);
    free(b);
    free(b_bias);
    free(w);
    return status;
}

size_t sam2_weight_list_size(const Sam2WeightList *list)
{
    size_t size = 0;
    for (; list; list = list->next)
        size += list->weight.size + list->host_size;
    return size;
}

void sam2_weight_list_free(Sam2WeightList **list, Sam2Backend *be)
{
    while (*list) {
        Sam2WeightList *entry = *list;
        *list = entry->next;
        be->ops->weight_free(be, &entry->weight);
        free(entry->host);
        free(entry);
    }
}
