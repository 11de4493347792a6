// SPDX-License-Identifier: Apache-2.0
// Writing .safetensors files; reading goes through checkpoint.h.
#pragma once

#include "model/checkpoint.h"

typedef struct Sam2SafetensorsMetadata {
    const char *key, *value;
} Sam2SafetensorsMetadata;

// Delivers elements first..first+n of tensor `index` as fp32.
typedef Sam2Status (*Sam2SafetensorsFill)(void *user, size_t index, int64_t first, int64_t n,
                                          float *out, Sam2Error *error);

typedef struct Sam2SafetensorsParams {
    const Sam2CheckpointTensor *tensors; // name, n_dims and shape count; data is not looked at
    size_t n_tensors;
    Sam2DType dtype; // of every tensor in the file
    const Sam2SafetensorsMetadata *metadata;
    size_t n_metadata;
    Sam2SafetensorsFill fill;
    void *user;
} Sam2SafetensorsParams;

// Writes under a temporary name beside `path`, flushes it to the disk and renames it. A value that
// is not finite or becomes infinite in `dtype` is SAM2_ERR_UNSUPPORTED and names its tensor. On
// failure nothing is left behind and an older file at `path` stays.
Sam2Status sam2_safetensors_write(const char *path, const Sam2SafetensorsParams *params,
                                  Sam2Error *error);
