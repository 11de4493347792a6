// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores in float16, and the projections that make its keys and queries.
#include "model/cuda/flash.cuh"
#include "model/cuda/project.cuh"

cudaError_t sam2_cuda_launch_flash_f16(cudaStream_t stream, const Sam2CudaAttention *attention,
                                       const Sam2CudaFlash *flash, float *scratch, int shared_limit)
{
    return launch_flash<__half>(stream, attention, flash, scratch, shared_limit);
}

cudaError_t sam2_cuda_launch_project_f16(cudaStream_t stream, void *dst, const void *x,
                                         const void *w, const float *bias, const float *cos,
                                         const float *sin, const Sam2CudaProjection *shape)
{
    return launch_project<__half>(stream, dst, x, w, bias, cos, sin, shape);
}
