// SPDX-License-Identifier: Apache-2.0
// Taking a model's weights out of a checkpoint, each checked by name and shape.
#pragma once

#include "model/backend.h"
#include "model/checkpoint.h"

// Owns every weight of a model; modules point into it.
typedef struct Sam2WeightList Sam2WeightList;

typedef struct Sam2Loader {
    const Sam2Checkpoint *checkpoint;
    Sam2Backend *be;
    Sam2WeightList **list;
    Sam2Error *error;
} Sam2Loader;

typedef struct Sam2Linear {
    const Sam2Weight *weight;
    const Sam2Tensor *bias;
} Sam2Linear;

typedef struct Sam2Norm {
    const Sam2Tensor *gamma, *beta;
} Sam2Norm;

#define SAM2_SHAPE(...)                                                                            \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

// Makes a backend weight from fp32 host data.
Sam2Status sam2_load_data(Sam2Loader *loader, const Sam2Weight **out, Sam2WeightKind kind,
                          const float *data, int n_dims, const int64_t *shape);
// The tensor `name`, which must have the given shape, as fp32 in malloc'd memory of the caller.
Sam2Status sam2_load_f32(Sam2Loader *loader, float **out, const char *name, int n_dims,
                         const int64_t *shape);
// The same, freed with the list.
Sam2Status sam2_load_host(Sam2Loader *loader, const float **out, const char *name, int n_dims,
                          const int64_t *shape);
Sam2Status sam2_load_weight(Sam2Loader *loader, const Sam2Weight **out, Sam2WeightKind kind,
                            const char *name, int n_dims, const int64_t *shape);
Sam2Status sam2_load_vector(Sam2Loader *loader, const Sam2Tensor **out, const char *name,
                            int64_t n);
// `prefix`.weight (n_out, n_in) and `prefix`.bias. A 1x1 convolution (n_out, n_in, 1, 1) will do.
Sam2Status sam2_load_linear(Sam2Loader *loader, Sam2Linear *out, const char *prefix, int64_t n_out,
                            int64_t n_in);
// A filter with its bias.
Sam2Status sam2_load_conv(Sam2Loader *loader, Sam2Linear *out, Sam2WeightKind kind,
                          const char *prefix, int64_t n_bias, int n_dims, const int64_t *shape);
Sam2Status sam2_load_norm(Sam2Loader *loader, Sam2Norm *out, const char *prefix, int64_t n);
// The linear map outer(inner(x)) as one.
Sam2Status sam2_load_folded(Sam2Loader *loader, Sam2Linear *out, const char *outer,
                            const char *inner, int64_t n_out, int64_t n_mid, int64_t n_in);

size_t sam2_weight_list_size(const Sam2WeightList *list); // bytes
void sam2_weight_list_free(Sam2WeightList **list, Sam2Backend *be);
