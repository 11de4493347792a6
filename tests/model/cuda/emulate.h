// SPDX-License-Identifier: Apache-2.0
// Runs the CUDA kernels on the host, so that they are tested where there is no GPU.
//
// The threads of a block are fibers that take turns; blocks run one after another. What a warp does
// together (shuffles, tiles, products) is done by exchanging operands between its fibers. Nothing
// is known here of speed, of races between blocks, or of what a real device rounds differently.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <cuda_runtime_api.h>

#include <algorithm>
#include <functional>

extern "C" {
#include "model/tensor.h"
}

#define __host__
#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__
#define __align__(n) __attribute__((aligned(n)))

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
    dim3(int x_, int y_ = 1, int z_ = 1) : x((unsigned)x_), y((unsigned)y_), z((unsigned)z_)
    {
    }
};

struct uint4 {
    uint32_t x, y, z, w;
};
static inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w)
{
    return uint4{x, y, z, w};
}

struct uint2 {
    uint32_t x, y;
};
struct float4 {
    float x, y, z, w;
};
static inline float4 make_float4(float x, float y, float z, float w)
{
    return float4{x, y, z, w};
}

// Of the fiber that runs.
extern dim3 threadIdx, blockIdx, blockDim, gridDim;
unsigned char *emulated_shared(void); // of its block
void emulated_run(dim3 grid, dim3 block, size_t shared_size, const std::function<void()> &kernel);
// Puts it on a stream; see runtime.cc.
void emulated_launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared_size,
                     const std::function<void()> &kernel);
// The call with its arguments as they are now.
template <typename... P, typename... A>
static inline std::function<void()> emulated_bind(void (*kernel)(P...), A... arguments)
{
    return [=]() { kernel(arguments...); };
}
void emulated_sync_block(void);
// Gives `size` (at most 64) bytes to the warp; returns what all 32 lanes gave, 64 bytes each. Valid
// until emulated_end_exchange().
const unsigned char *emulated_exchange(const void *data, size_t size);
void emulated_end_exchange(void);

#define SAM2_LAUNCH(kernel, grid, block, shared, stream, ...)                                      \
    emulated_launch(stream, dim3(grid), dim3(block), (size_t)(shared),                             \
                    emulated_bind(kernel, __VA_ARGS__))
#define SAM2_SHARED(name) unsigned char *name = emulated_shared()
#define __syncthreads() emulated_sync_block()
#define __syncwarp() emulated_end_exchange()

static inline float __shfl_xor_sync(uint32_t mask, float x, int step)
{
    const unsigned char *all = emulated_exchange(&x, sizeof x);
    memcpy(&x, all + (threadIdx.x % 32 ^ (unsigned)step) * 64, sizeof x);
    emulated_end_exchange();
    return x;
}

static inline int atomicMin(int *at, int x)
{
    int before = *at;
    *at = before < x ? before : x;
    return before;
}

static inline int atomicAdd(int *at, int x)
{
    int before = *at;
    *at += x;
    return before;
}

static inline float __fdiv_rn(float a, float b)
{
    return a / b;
}

using std::max;
using std::min;

template <typename F> static inline cudaError_t cudaFuncSetAttribute(F, int, int)
{
    return cudaSuccess;
}
#define cudaFuncAttributeMaxDynamicSharedMemorySize 0

// ---- Half types --------------------------------------------------------------------------------

struct __nv_bfloat16 {
    uint16_t bits;
};
struct __half {
    uint16_t bits;
};
static inline __nv_bfloat16 __float2bfloat16_rn(float x)
{
    return {sam2_bf16_from_f32(x)};
}
static inline __half __float2half_rn(float x)
{
    return {sam2_f16_from_f32(x)};
}
static inline float __bfloat162float(__nv_bfloat16 x)
{
    return sam2_f32_from_bf16(x.bits);
}
static inline float __half2float(__half x)
{
    return sam2_f32_from_f16(x.bits);
}
