// SPDX-License-Identifier: Apache-2.0
// What the files of the reference backend share; model/backend.h describes the operations.
#pragma once

#include "model/backend.h"

float sam2_ref_act(float x, Sam2Act act);

// Separable resampling of a line of n_in pixels to n_out, as Pillow and torch do it: pixel i of the
// output is the sum over j < n[i] of input pixel first[i] + j times weights[i * n_max + j].
typedef struct Sam2Resample {
    int n_out, n_max;
    int *first, *n;  // (n_out)
    double *weights; // (n_out, n_max), each row sums to 1
} Sam2Resample;

typedef enum Sam2Filter { SAM2_FILTER_TRIANGLE, SAM2_FILTER_BICUBIC /* a = -0.5 */ } Sam2Filter;

// False if memory is short. Freeing a zeroed one is fine.
bool sam2_resample_init(Sam2Resample *out, int n_in, int n_out, Sam2Filter filter);
void sam2_resample_free(Sam2Resample *resample);

// Mean and standard deviation of ImageNet's channels.
extern const float sam2_image_mean[3], sam2_image_deviation[3];

Sam2Status sam2_ref_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                           const Sam2Tensor *residual);
Sam2Status sam2_ref_matmul_nt(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                              const Sam2Tensor *b);
Sam2Status sam2_ref_layer_norm(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                               const Sam2Tensor *gamma, const Sam2Tensor *beta, float eps,
                               Sam2Act act);
Sam2Status sam2_ref_window_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                     const Sam2Tensor *qkv_bias, int n_heads, int window,
                                     bool pool);
Sam2Status sam2_ref_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                              const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale);
Sam2Status sam2_ref_rope(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *cos,
                         const Sam2Tensor *sin, int64_t n_rotated);
Sam2Status sam2_ref_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                           Sam2Act act);
Sam2Status sam2_ref_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   const Sam2Weight *w, const Sam2Tensor *bias);
Sam2Status sam2_ref_conv_transpose(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   const Sam2Weight *w, const Sam2Tensor *bias,
                                   const Sam2Tensor *residual, Sam2Act act);
Sam2Status sam2_ref_max_pool(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x);
Sam2Status sam2_ref_upsample_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x);
Sam2Status sam2_ref_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                        const Sam2Tensor *b, float scale);
Sam2Status sam2_ref_mask_to_memory(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   bool binarize, float scale, float bias);
Sam2Status sam2_ref_round_bf16(Sam2Backend *be, const Sam2Tensor *x);
Sam2Status sam2_ref_resize(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           bool antialias);
Sam2Status sam2_ref_image_input(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb,
                                int width, int height, size_t stride, bool exact_8bit);
Sam2Status sam2_ref_gather_memory(Sam2Backend *be, const Sam2Tensor *memory, const Sam2Tensor *keys,
                                  const Sam2Tensor *table, const Sam2Tensor *position,
                                  const Sam2Tensor *temporal, int64_t n_frames);
Sam2Status sam2_ref_choose_mask(Sam2Backend *be, const Sam2Tensor *low, const Sam2Tensor *token,
                                const Sam2Tensor *scores, const Sam2Tensor *logits,
                                const Sam2Tensor *tokens, const Sam2Tensor *iou,
                                const Sam2Tensor *score, float absent);
Sam2Status sam2_ref_mark_absent(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *scores,
                                const Sam2Tensor *row, bool replace);
Sam2Status sam2_ref_fill_holes(Sam2Backend *be, const Sam2Tensor *x, int max_area, float value);
