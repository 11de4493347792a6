// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores in bfloat16.
#include "model/cuda/flash.cuh"

cudaError_t sam2_cuda_launch_flash_bf16(cudaStream_t stream, const Sam2CudaAttention *attention,
                                        const Sam2CudaFlash *flash, const void *q, const void *k,
                                        const void *v, float *scratch, int shared_limit)
{
    return launch_flash<__nv_bfloat16>(stream, attention, flash, q, k, v, scratch, shared_limit);
}
