// SPDX-License-Identifier: Apache-2.0
// LayerNorm, to fp32 or to the half operand of what follows: a row is read once and kept in the
// registers of as many lanes as it needs.
#include "model/cuda/device.cuh"

#define WARPS 8

// Of LANES lanes side by side.
template <int LANES> static __device__ __forceinline__ float sum_of_lanes(float x)
{
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, step);
    return x;
}

static __device__ __forceinline__ void store_4(float *dst, const float x[4])
{
    *(float4 *)dst = make_float4(x[0], x[1], x[2], x[3]);
}

template <typename T> static __device__ __forceinline__ void store_4(T *dst, const float x[4])
{
    T out[4] = {sam2_from_f32<T>(x[0]), sam2_from_f32<T>(x[1]), sam2_from_f32<T>(x[2]),
                sam2_from_f32<T>(x[3])};
    uint2 raw;
    memcpy(&raw, out, sizeof raw);
    *(uint2 *)dst = raw;
}

#define MOST_WITH_ACT 2 // pieces of a row in a lane: erfc() for each of many would be much code

// c a multiple of 4, at most 4 N LANES; all at 16-byte addresses.
template <typename T, int LANES, int N>
static __global__ void layer_norm_kernel(T *dst, const float *x, const float *gamma,
                                         const float *beta, int64_t rows, int c, float eps, int act)
{
    constexpr int rows_of_warp = 32 / LANES;
    const int lane = threadIdx.x % LANES;
    // All lanes of a warp go round together.
    for (int64_t first = ((int64_t)blockIdx.x * WARPS + threadIdx.x / 32) * rows_of_warp;
         first < rows; first += (int64_t)gridDim.x * WARPS * rows_of_warp) {
        const int64_t row = first + threadIdx.x % 32 / LANES;
        const int n = row < rows ? c : 0;
        float values[N][4], sum = 0, squares = 0;
#pragma unroll
        for (int i = 0; i < N; i++) {
            const int at = (i * LANES + lane) * 4;
            float4 read = make_float4(0, 0, 0, 0);
            if (at < n)
                read = *(const float4 *)(x + row * c + at);
            values[i][0] = read.x;
            values[i][1] = read.y;
            values[i][2] = read.z;
            values[i][3] = read.w;
            sum += (read.x + read.y) + (read.z + read.w);
        }
        const float mean = sum_of_lanes<LANES>(sum) / (float)c;
#pragma unroll
        for (int i = 0; i < N; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
                if ((i * LANES + lane) * 4 < n)
                    squares += (values[i][j] - mean) * (values[i][j] - mean);
        const float scale = 1.0f / sqrtf(sum_of_lanes<LANES>(squares) / (float)c + eps);
#pragma unroll
        for (int i = 0; i < N; i++) {
            const int at = (i * LANES + lane) * 4;
            if (at >= n)
                continue;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const float y = (values[i][j] - mean) * scale * gamma[at + j] + beta[at + j];
                values[i][j] = N <= MOST_WITH_ACT ? sam2_cuda_act(y, act) : y;
            }
            store_4(dst + row * c + at, values[i]);
        }
    }
}

// Any width: a warp for each row, read three times from the cache.
template <typename T>
static __global__ void layer_norm_any_kernel(T *dst, const float *x, const float *gamma,
                                             const float *beta, int64_t rows, int c, float eps,
                                             int act)
{
    const int lane = threadIdx.x % 32;
    for (int64_t row = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32; row < rows;
         row += (int64_t)gridDim.x * WARPS) {
        const float *in = x + row * c;
        float sum = 0, squares = 0;
        for (int i = lane; i < c; i += 32)
            sum += in[i];
        float mean = sum_of_lanes<32>(sum) / (float)c;
        for (int i = lane; i < c; i += 32)
            squares += (in[i] - mean) * (in[i] - mean);
        float scale = 1.0f / sqrtf(sum_of_lanes<32>(squares) / (float)c + eps);
        // Every lane has read its elements: dst may be x.
        for (int i = lane; i < c; i += 32)
            dst[row * c + i] =
                sam2_from_f32<T>(sam2_cuda_act((in[i] - mean) * scale * gamma[i] + beta[i], act));
    }
}

template <typename T>
static void launch(cudaStream_t stream, T *dst, const float *x, const float *gamma,
                   const float *beta, int64_t rows, int c, float eps, int act)
{
    const uintptr_t bits = (uintptr_t)dst | (uintptr_t)x;
    if (c % 4 == 0 && bits % 16 == 0) {
#define TRY(lanes, n)                                                                              \
    if (c <= 4 * (lanes) * (n) && (act == 0 || n <= MOST_WITH_ACT)) {                              \
        SAM2_LAUNCH((layer_norm_kernel<T, lanes, n>), sam2_blocks(rows, WARPS * (32 / (lanes))),    \
                    WARPS * 32, 0, stream, dst, x, gamma, beta, rows, c, eps, act);                \
        return;                                                                                    \
    }
        TRY(1, 1);
        TRY(4, 1);
        TRY(16, 1);
        TRY(32, 1);
        TRY(32, 2);
        TRY(32, 4);
        TRY(32, 6);
        TRY(32, 9);
#undef TRY
    }
    SAM2_LAUNCH((layer_norm_any_kernel<T>), sam2_blocks(rows, WARPS), WARPS * 32, 0, stream, dst, x,
                gamma, beta, rows, c, eps, act);
}

cudaError_t sam2_cuda_launch_layer_norm(cudaStream_t stream, void *dst, const float *x,
                                        const float *gamma, const float *beta, int64_t rows, int c,
                                        float eps, int act, bool to_half, Sam2CudaHalf half)
{
    SAM2_DISPATCH(to_half, half, launch(stream, (T *)dst, x, gamma, beta, rows, c, eps, act));
    return cudaGetLastError();
}
