// SPDX-License-Identifier: Apache-2.0
// The CUDA backend's state, and what its C files share.
#pragma once

#include "model/cuda/gemm.h"
#include "model/cuda/kernels.h"
#include "model/cuda/module.h"

// Device memory that grows and is used by one operation at a time, for one purpose each.
typedef enum Sam2CudaScratch {
    SAM2_CUDA_SCRATCH_A,       // left operand of a product
    SAM2_CUDA_SCRATCH_PRODUCT, // what is finished into dst
    SAM2_CUDA_SCRATCH_Q,
    SAM2_CUDA_SCRATCH_K,
    SAM2_CUDA_SCRATCH_V,
    SAM2_CUDA_SCRATCH_PARTIAL, // attention in parts
    SAM2_CUDA_SCRATCH_IMAGE,   // resizing
    SAM2_CUDA_SCRATCH_IMAGE2,
    SAM2_CUDA_N_SCRATCH,
} Sam2CudaScratch;

#define SAM2_CUDA_N_TAPS 8

typedef struct Sam2CudaTapsEntry {
    int n_in, n_out, filter; // n_out 0: empty
    Sam2CudaTaps taps;
    void *memory;
} Sam2CudaTapsEntry;

typedef struct Sam2CudaState {
    int device, n_multiprocessors, shared_limit;
    Sam2CudaHalf half;
    cudaStream_t stream;
    Sam2CudaGemm *gemm;
    struct {
        void *data;
        size_t size;
    } scratch[SAM2_CUDA_N_SCRATCH];
    Sam2CudaTapsEntry taps[SAM2_CUDA_N_TAPS];
    int next_taps;
} Sam2CudaState;

static inline Sam2CudaState *sam2_cuda_state(Sam2Backend *be)
{
    return be->state;
}

// SAM2_OK, or the failure of `what` in be->error.
Sam2Status sam2_cuda_check(Sam2Backend *be, cudaError_t error, const char *what);
// At least `size` bytes, contents undefined; NULL with be->error.
void *sam2_cuda_scratch(Sam2Backend *be, Sam2CudaScratch purpose, size_t size);
// Taps of a filter from n_in to n_out samples; they live until the backend closes or eight others
// were asked for.
Sam2Status sam2_cuda_taps(Sam2Backend *be, int n_in, int n_out, bool bicubic, Sam2CudaTaps *out);

// ---- Operations: see Sam2BackendOps ------------------------------------------------------------

Sam2Status sam2_cuda_weight_init(Sam2Backend *be, Sam2Weight *out, Sam2WeightKind kind,
                                 const Sam2Tensor *host);
void sam2_cuda_weight_free(Sam2Backend *be, Sam2Weight *weight);
Sam2Status sam2_cuda_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                            const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                            const Sam2Tensor *residual);
Sam2Status sam2_cuda_matmul_nt(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                               const Sam2Tensor *b);
Sam2Status sam2_cuda_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                            const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                            Sam2Act act);
Sam2Status sam2_cuda_conv_transpose(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                    const Sam2Weight *w, const Sam2Tensor *bias,
                                    const Sam2Tensor *residual, Sam2Act act);
Sam2Status sam2_cuda_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                    const Sam2Weight *w, const Sam2Tensor *bias);
Sam2Status sam2_cuda_window_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                      const Sam2Tensor *qkv_bias, int n_heads, int window,
                                      bool pool);
Sam2Status sam2_cuda_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                               const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale);
Sam2Status sam2_cuda_resize(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                            bool antialias);
Sam2Status sam2_cuda_image_input(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb,
                                 int width, int height, size_t stride, bool exact_8bit);
