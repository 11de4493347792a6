// SPDX-License-Identifier: Apache-2.0
// Matrix products on the device, by cuBLASLt.
#pragma once

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/cuda/kernels.h"
#include "model/status.h"

typedef struct Sam2CudaGemm Sam2CudaGemm;

typedef enum Sam2CudaGemmType {
    SAM2_CUDA_GEMM_F32,
    SAM2_CUDA_GEMM_BF16,
    SAM2_CUDA_GEMM_F16
} Sam2CudaGemmType;

typedef enum Sam2CudaGemmAct {
    SAM2_CUDA_GEMM_NONE,
    SAM2_CUDA_GEMM_RELU,
    // x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, for half results only: it is at most
    // 4.74e-4 off GELU by erf (at |x| = 2.7), less than what rounding may do to a bf16 from
    // |y| = 0.125 on and to an fp16 from 1 on (half of the last place: 4.88e-4).
    SAM2_CUDA_GEMM_GELU,
} Sam2CudaGemmAct;

// dst (m, n) = epilogue(a (m, k) b^T (n, k)) + residual (m, n) or nothing. a and b are of `type`,
// rows without gaps, sums in fp32. dst, fp32 or with to_half of `type`; bias (n) is like it.
// epilogue: plus bias if there is one, then the activation (not with a residual, which is fp32, as
// dst then is). dst may be the residual.
typedef struct Sam2CudaProduct {
    Sam2CudaGemmType type;
    int64_t m, n, k;
    const void *a, *b;
    const void *bias;      // NULL: none
    const float *residual; // NULL: none
    Sam2CudaGemmAct act;
    bool to_half;
    void *dst;
} Sam2CudaProduct;

// Products then run on `stream` with the workspace of `lane` (0 or 1).
Sam2Status sam2_cuda_gemm_open(Sam2CudaGemm **out, Sam2Error *error);
void sam2_cuda_gemm_use(Sam2CudaGemm *gemm, cudaStream_t stream, int lane);
void sam2_cuda_gemm_close(Sam2CudaGemm **gemm); // NULL inside is fine
// The algorithm for a product's type, size and epilogue is chosen once.
Sam2Status sam2_cuda_gemm_run(Sam2CudaGemm *gemm, const Sam2CudaProduct *product, Sam2Error *error);
