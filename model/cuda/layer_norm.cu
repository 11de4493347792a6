// SPDX-License-Identifier: Apache-2.0
// LayerNorm: a warp for each row, read twice from the cache: the mean first, then the variance.
#include "model/cuda/device.cuh"

#define WARPS 8

static __device__ float sum_of_warp(float x)
{
#pragma unroll
    for (int step = 16; step > 0; step /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, step);
    return x;
}

static __global__ void layer_norm_kernel(float *dst, const float *x, const float *gamma,
                                         const float *beta, int64_t rows, int c, float eps, int act)
{
    int lane = threadIdx.x % 32;
    for (int64_t row = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32; row < rows;
         row += (int64_t)gridDim.x * WARPS) {
        const float *in = x + row * c;
        float sum = 0, squares = 0;
        for (int i = lane; i < c; i += 32)
            sum += in[i];
        float mean = sum_of_warp(sum) / (float)c;
        for (int i = lane; i < c; i += 32)
            squares += (in[i] - mean) * (in[i] - mean);
        float scale = 1.0f / sqrtf(sum_of_warp(squares) / (float)c + eps);
        // Every lane has read its elements: dst may be x.
        for (int i = lane; i < c; i += 32)
            dst[row * c + i] = sam2_cuda_act((in[i] - mean) * scale * gamma[i] + beta[i], act);
    }
}

cudaError_t sam2_cuda_launch_layer_norm(cudaStream_t stream, float *dst, const float *x,
                                        const float *gamma, const float *beta, int64_t rows, int c,
                                        float eps, int act)
{
    SAM2_LAUNCH(layer_norm_kernel, sam2_blocks(rows, WARPS), WARPS * 32, 0, stream, dst, x, gamma,
                beta, rows, c, eps, act);
    return cudaGetLastError();
}
