// SPDX-License-Identifier: Apache-2.0
// A contiguous, row-major view of backend memory. Owns nothing.
#pragma once

#include "model/status.h"

#define SAM2_MAX_DIMS 4

typedef struct Sam2Tensor {
    void *data; // backend memory; host memory for ref and cpu
    Sam2DType dtype;
    int n_dims;
    int64_t shape[SAM2_MAX_DIMS];
} Sam2Tensor;

size_t sam2_dtype_size(Sam2DType dtype);
const char *sam2_dtype_name(Sam2DType dtype);
int64_t sam2_tensor_count(const Sam2Tensor *tensor); // elements
size_t sam2_tensor_size(const Sam2Tensor *tensor);   // bytes

// The same elements under another shape, which must have the same count.
Sam2Tensor sam2_tensor_reshape(const Sam2Tensor *tensor, int n_dims, const int64_t *shape);
#define SAM2_RESHAPE(tensor, ...)                                                                  \
    sam2_tensor_reshape(tensor, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),         \
                        (const int64_t[]){__VA_ARGS__})

// Rows first..first+n of the leading dimension.
Sam2Tensor sam2_tensor_rows(const Sam2Tensor *tensor, int64_t first, int64_t n);

static inline float *sam2_f32(const Sam2Tensor *tensor)
{
    return (float *)tensor->data;
}

// Round to nearest even, NaN kept.
uint16_t sam2_bf16_from_f32(float value);
float sam2_f32_from_bf16(uint16_t value);
float sam2_f32_from_f16(uint16_t value);
uint16_t sam2_f16_from_f32(float value);
