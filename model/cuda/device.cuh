// SPDX-License-Identifier: Apache-2.0
// What kernels share: sizes of launches, half types.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "model/cuda/kernels.h"

#define SAM2_BLOCK 256

// Tests run the kernels on the host, where neither is said like this (tests/model/cuda).
#ifdef __CUDACC__
#define SAM2_LAUNCH(kernel, grid, block, shared, stream, ...)                                      \
    kernel<<<grid, block, shared, stream>>>(__VA_ARGS__)
#define SAM2_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#endif

static inline dim3 sam2_blocks(int64_t n, int64_t per_block = SAM2_BLOCK)
{
    int64_t blocks = (n + per_block - 1) / per_block;
    // Kernels walk the rest in a loop.
    return dim3((unsigned)(blocks < 1 ? 1 : blocks > (1 << 20) ? (1 << 20) : blocks));
}

// for (i of this thread; i < n; next of this thread)
#define SAM2_FOR(i, n)                                                                             \
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < (n);                      \
         i += (int64_t)gridDim.x * blockDim.x)

template <typename T> __device__ __forceinline__ T sam2_from_f32(float x);
template <> __device__ __forceinline__ float sam2_from_f32<float>(float x)
{
    return x;
}
template <> __device__ __forceinline__ __nv_bfloat16 sam2_from_f32<__nv_bfloat16>(float x)
{
    return __float2bfloat16_rn(x);
}
// Beyond float16's range the largest number is nearer than infinity.
template <> __device__ __forceinline__ __half sam2_from_f32<__half>(float x)
{
    return __float2half_rn(fminf(fmaxf(x, -65504.0f), 65504.0f));
}

static __device__ __forceinline__ float sam2_to_f32(__nv_bfloat16 x)
{
    return __bfloat162float(x);
}
static __device__ __forceinline__ float sam2_to_f32(__half x)
{
    return __half2float(x);
}

// Two results side by side, at an even index.
template <typename T> static __device__ __forceinline__ void sam2_store_2(T *dst, float x, float y)
{
    T pair[2] = {sam2_from_f32<T>(x), sam2_from_f32<T>(y)};
    uint32_t raw;
    memcpy(&raw, pair, sizeof raw);
    *(uint32_t *)dst = raw;
}

// Calls `call` with T as the type of `to_half`, `half`.
#define SAM2_DISPATCH(to_half, half, call)                                                         \
    do {                                                                                           \
        if (!(to_half)) {                                                                          \
            typedef float T;                                                                       \
            call;                                                                                  \
        } else if ((half) == SAM2_CUDA_BF16) {                                                     \
            typedef __nv_bfloat16 T;                                                               \
            call;                                                                                  \
        } else {                                                                                   \
            typedef __half T;                                                                      \
            call;                                                                                  \
        }                                                                                          \
    } while (0)
