// SPDX-License-Identifier: Apache-2.0
// model/cuda/gemm.h on the host, in plain loops.
#include "model/cuda/gemm.h"

#include <stdlib.h>

#include "model/tensor.h"

cudaError_t emulated_enqueue(cudaStream_t stream, void (*call)(const void *), const void *data,
                             size_t size);

struct Sam2CudaGemm {
    cudaStream_t stream;
};

Sam2Status sam2_cuda_gemm_open(Sam2CudaGemm **out, Sam2Error *error)
{
    *out = calloc(1, sizeof **out);
    return *out ? SAM2_OK : sam2_fail_memory(error, sizeof **out);
}

void sam2_cuda_gemm_use(Sam2CudaGemm *gemm, cudaStream_t stream, int lane)
{
    gemm->stream = stream;
}

void sam2_cuda_gemm_close(Sam2CudaGemm **gemm)
{
    free(*gemm);
    *gemm = NULL;
}

static float read(const Sam2CudaProduct *product, const void *data, int64_t i)
{
    switch (product->type) {
    case SAM2_CUDA_GEMM_BF16:
        return sam2_f32_from_bf16(((const uint16_t *)data)[i]);
    case SAM2_CUDA_GEMM_F16:
        return sam2_f32_from_f16(((const uint16_t *)data)[i]);
    default:
        return ((const float *)data)[i];
    }
}

static void multiply(const void *product)
{
    const Sam2CudaProduct *p = product;
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            float sum = 0;
            for (int64_t k = 0; k < p->k; k++)
                sum += read(p, p->a, i * p->k + k) * read(p, p->b, j * p->k + k);
            sum += p->bias ? p->bias[j] : 0;
            sum = p->relu && sum < 0 ? 0 : sum;
            p->dst[i * p->n + j] = sum + (p->residual ? p->residual[i * p->n + j] : 0);
        }
    }
}

Sam2Status sam2_cuda_gemm_run(Sam2CudaGemm *gemm, const Sam2CudaProduct *p, Sam2Error *error)
{
    if (p->relu && p->residual)
        return sam2_fail(error, SAM2_ERR_BACKEND, "ReLU and a residual do not go together");
    if (emulated_enqueue(gemm->stream, multiply, p, sizeof *p) != cudaSuccess)
        return sam2_fail(error, SAM2_ERR_BACKEND, "the product failed");
    return SAM2_OK;
}
