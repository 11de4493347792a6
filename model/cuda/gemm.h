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

// dst (m, n) fp32 = epilogue(a (m, k) b^T (n, k)) + residual (m, n) or nothing. a and b are of
// `type`, rows without gaps, sums in fp32. epilogue: plus bias (n) if there is one, then ReLU if
// asked for (not with a residual). dst may be the residual.
typedef struct Sam2CudaProduct {
    Sam2CudaGemmType type;
    int64_t m, n, k;
    const void *a, *b;
    const float *bias, *residual; // NULL: none
    bool relu;
    float *dst;
} Sam2CudaProduct;

// Products then run on `stream` with the workspace of `lane` (0 or 1).
Sam2Status sam2_cuda_gemm_open(Sam2CudaGemm **out, Sam2Error *error);
void sam2_cuda_gemm_use(Sam2CudaGemm *gemm, cudaStream_t stream, int lane);
void sam2_cuda_gemm_close(Sam2CudaGemm **gemm); // NULL inside is fine
// The algorithm for a product's type, size and epilogue is chosen once.
Sam2Status sam2_cuda_gemm_run(Sam2CudaGemm *gemm, const Sam2CudaProduct *product, Sam2Error *error);
