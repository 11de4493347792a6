// SPDX-License-Identifier: Apache-2.0
// The kernels of map_kernel.c and resize_kernel.c; kernels.h describes them.
#pragma once

#include "model/cpu/kernel.h"
#include "model/cpu/kernels.h"

void SAM2_KERNEL(sam2_layer_norm)(float *dst, const float *x, const float *gamma, const float *beta,
                                  int64_t n_rows, int64_t c, float eps, Sam2Act act);
void SAM2_KERNEL(sam2_depthwise_row)(const Sam2ConvRow *conv, int64_t y);
void SAM2_KERNEL(sam2_max_pool)(float *dst, const float *x, const float *below, int64_t n,
                                int64_t c);
void SAM2_KERNEL(sam2_upsample_add)(float *dst, const float *x, int64_t n, int64_t c);
void SAM2_KERNEL(sam2_add)(float *dst, const float *a, const float *b, float scale, int64_t n);
void SAM2_KERNEL(sam2_rope)(float *x, const float *cos, const float *sin, int64_t c);
void SAM2_KERNEL(sam2_mask_to_memory)(float *dst, const float *x, int64_t n, bool binarize,
                                      float scale, float bias);
void SAM2_KERNEL(sam2_round_bf16)(float *x, int64_t n);
void SAM2_KERNEL(sam2_resize_row)(float *dst, const float *top, const float *bottom, float down,
                                  const int32_t *left, const int32_t *right, const float *across,
                                  int64_t n, float *line, int64_t w);
void SAM2_KERNEL(sam2_sum_across_u8)(const Sam2Across *across, int64_t y, uint8_t *scratch);
void SAM2_KERNEL(sam2_sum_rows_u8)(uint8_t *dst, const uint8_t *x, size_t stride,
                                   const int32_t *weights, int n_taps, int64_t n);
void SAM2_KERNEL(sam2_sum_rows_f32)(float *dst, const float *x, size_t stride, const float *weights,
                                    int n_taps, int64_t n);
