// SPDX-License-Identifier: Apache-2.0
// model/cuda/gemm.h on the host, in plain loops.
#include "model/cuda/gemm.h"

#include <math.h>
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

static float read(Sam2CudaGemmType type, const void *data, int64_t i)
{
    switch (type) {
    case SAM2_CUDA_GEMM_BF16:
        return sam2_f32_from_bf16(((const uint16_t *)data)[i]);
    case SAM2_CUDA_GEMM_F16:
        return sam2_f32_from_f16(((const uint16_t *)data)[i]);
    default:
        return ((const float *)data)[i];
    }
}

static void write(Sam2CudaGemmType type, void *data, int64_t i, float x)
{
    if (type == SAM2_CUDA_GEMM_F32)
        ((float *)data)[i] = x;
    else
        ((uint16_t *)data)[i] =
            type == SAM2_CUDA_GEMM_BF16 ? sam2_bf16_from_f32(x) : sam2_f16_from_f32(x);
}

// As the device has them.
static float activate(float x, Sam2CudaGemmAct act)
{
    if (act == SAM2_CUDA_GEMM_RELU)
        return x < 0 ? 0 : x;
    if (act == SAM2_CUDA_GEMM_GELU)
        return 0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    return x;
}

static void multiply(const void *product)
{
    const Sam2CudaProduct *p = product;
    const Sam2CudaGemmType result = p->to_half ? p->type : SAM2_CUDA_GEMM_F32;
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            float sum = 0;
            for (int64_t k = 0; k < p->k; k++)
                sum += read(p->type, p->a, i * p->k + k) * read(p->type, p->b, j * p->k + k);
            sum = activate(sum + (p->bias ? read(result, p->bias, j) : 0), p->act);
            write(result, p->dst, i * p->n + j,
                  sum + (p->residual ? p->residual[i * p->n + j] : 0));
        }
    }
}

Sam2Status sam2_cuda_gemm_run(Sam2CudaGemm *gemm, const Sam2CudaProduct *p, Sam2Error *error)
{
    // What cuBLASLt would refuse, or do wrong.
    if (p->residual && (p->act != SAM2_CUDA_GEMM_NONE || p->to_half))
        return sam2_fail(error, SAM2_ERR_BACKEND, "a residual takes fp32 and no activation");
    if (p->to_half ? p->type == SAM2_CUDA_GEMM_F32 : p->act == SAM2_CUDA_GEMM_GELU)
        return sam2_fail(error, SAM2_ERR_BACKEND, "GELU and half results are for half operands");
    if (p->type != SAM2_CUDA_GEMM_F32 && (p->k % 8 || ((uintptr_t)p->a | (uintptr_t)p->b) % 16 ||
                                          (p->to_half && (p->n % 8 || (uintptr_t)p->dst % 16))))
        return sam2_fail(error, SAM2_ERR_BACKEND, "rows of halves are not at 16-byte addresses");
    if (emulated_enqueue(gemm->stream, multiply, p, sizeof *p) != cudaSuccess)
        return sam2_fail(error, SAM2_ERR_BACKEND, "the product failed");
    return SAM2_OK;
}
