// SPDX-License-Identifier: Apache-2.0
// Operations of the cpu backend but attention; model/backend.h describes them.
#pragma once

#include "model/cpu/kernels.h"

// Matrix products in the backend's precision.
static inline const Sam2GemmKernels *sam2_cpu_gemm(Sam2Backend *be)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    return be->precision == SAM2_PRECISION_BF16 ? kernels->bf16 : kernels->f32;
}

Sam2Status sam2_cpu_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                           const Sam2Tensor *residual);
Sam2Status sam2_cpu_matmul_nt(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                              const Sam2Tensor *b);
Sam2Status sam2_cpu_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                           Sam2Act act);
Sam2Status sam2_cpu_conv_transpose(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   const Sam2Weight *w, const Sam2Tensor *bias,
                                   const Sam2Tensor *residual, Sam2Act act);

Sam2Status sam2_cpu_layer_norm(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                               const Sam2Tensor *gamma, const Sam2Tensor *beta, float eps,
                               Sam2Act act);
Sam2Status sam2_cpu_rope(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *cos,
                         const Sam2Tensor *sin, int64_t n_rotated);
Sam2Status sam2_cpu_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   const Sam2Weight *w, const Sam2Tensor *bias);
Sam2Status sam2_cpu_max_pool(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x);
Sam2Status sam2_cpu_upsample_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x);
Sam2Status sam2_cpu_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                        const Sam2Tensor *b, float scale);
Sam2Status sam2_cpu_mask_to_memory(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   bool binarize, float scale, float bias);
Sam2Status sam2_cpu_round_bf16(Sam2Backend *be, const Sam2Tensor *x);

Sam2Status sam2_cpu_resize(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           bool antialias);
Sam2Status sam2_cpu_image_input(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb,
                                int width, int height, size_t stride, bool exact_8bit);
