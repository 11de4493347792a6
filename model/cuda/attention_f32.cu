// SPDX-License-Identifier: Apache-2.0
// Attention in fp32 throughout, for results equal to the reference's. 64 queries a block of 16 x 16
// threads, 64 keys a step; a thread has 4 x 4 scores and 4 rows of every 16th column of the sums.
#include "model/cuda/device.cuh"

#define QUERIES 64
#define KEYS 64
#define DEPTH 32  // columns of q and k at a time
#define VALUES 16 // rows of v at a time
#define LOG2_E 1.4426950408889634f

typedef struct Shared {
    float q[QUERIES][DEPTH + 1], k[KEYS][DEPTH + 1];
    float scores[QUERIES][KEYS + 1];
    float max[QUERIES], weight[QUERIES], factor[QUERIES];
} Shared;

// Columns column.. of rows first.. of x (n, d), zeros outside.
static __device__ void load_tile(float (*tile)[DEPTH + 1], const float *x, int first, int n,
                                 int column, int d)
{
    for (int i = threadIdx.x; i < QUERIES * DEPTH; i += 256) {
        int row = first + i / DEPTH, at = column + i % DEPTH;
        tile[i / DEPTH][i % DEPTH] = row < n && at < d ? x[(int64_t)row * d + at] : 0.0f;
    }
}

// max, weight, factor and the scores as powers; 4 threads a row.
static __device__ void update_softmax(Shared *shared)
{
    int row = threadIdx.x / 4, part = threadIdx.x % 4;
    float high = -INFINITY, sum = 0, factor, unused;
    for (int j = part; j < KEYS; j += 4)
        high = fmaxf(high, shared->scores[row][j]);
    high = fmaxf(high, __shfl_xor_sync(0xffffffffu, high, 1));
    high = fmaxf(high, __shfl_xor_sync(0xffffffffu, high, 2));
    float max = sam2_cuda_softmax_join(shared->max[row], high, &factor, &unused);
    for (int j = part; j < KEYS; j += 4)
        sum += shared->scores[row][j] = exp2f(shared->scores[row][j] - max);
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    __syncwarp();
    if (part == 0) {
        shared->max[row] = max;
        shared->weight[row] = shared->weight[row] * factor + sum;
        shared->factor[row] = factor;
    }
}

template <int D_V>
static __global__ void __launch_bounds__(256)
    attention_kernel(Sam2CudaAttention attention, const float *q, const float *k, const float *v)
{
    SAM2_SHARED(memory);
    Shared *shared = (Shared *)memory;
    float(*values)[D_V] = (float(*)[D_V])(memory + sizeof(Shared)); // (VALUES, D_V)
    const int tx = threadIdx.x % 16, ty = threadIdx.x / 16, index = blockIdx.x;
    const int first = blockIdx.y * QUERIES, d = attention.d, d_v = attention.d_v;
    const int n_q = attention.n_q, n_k = attention.n_k;
    q += (int64_t)index * n_q * d;
    k += (int64_t)index * n_k * d;
    v += (int64_t)index * n_k * d_v;
    if (threadIdx.x < QUERIES) {
        shared->max[threadIdx.x] = -INFINITY;
        shared->weight[threadIdx.x] = 0;
    }
    float sums[4][D_V / 16] = {};
    for (int at = 0; at < n_k; at += KEYS) {
        float scores[4][4] = {};
        for (int column = 0; column < d; column += DEPTH) {
            __syncthreads();
            load_tile(shared->q, q, first, n_q, column, d);
            load_tile(shared->k, k, at, n_k, column, d);
            __syncthreads();
#pragma unroll 8
            for (int i = 0; i < DEPTH; i++)
#pragma unroll
                for (int r = 0; r < 4; r++)
#pragma unroll
                    for (int c = 0; c < 4; c++)
                        scores[r][c] += shared->q[ty * 4 + r][i] * shared->k[tx + 16 * c][i];
        }
        for (int r = 0; r < 4; r++)
            for (int c = 0; c < 4; c++)
                shared->scores[ty * 4 + r][tx + 16 * c] =
                    at + tx + 16 * c < n_k ? scores[r][c] * attention.scale * LOG2_E : -INFINITY;
        __syncthreads();
        update_softmax(shared);
        __syncthreads();
        for (int r = 0; r < 4; r++)
            for (int c = 0; c < D_V / 16; c++)
                sums[r][c] *= shared->factor[ty * 4 + r];
        for (int row = 0; row < KEYS; row += VALUES) {
            for (int i = threadIdx.x; i < VALUES * D_V; i += 256) {
                int key = at + row + i / D_V, column = i % D_V;
                values[i / D_V][column] =
                    key < n_k && column < d_v ? v[(int64_t)key * d_v + column] : 0.0f;
            }
            __syncthreads();
#pragma unroll 4
            for (int i = 0; i < VALUES; i++)
#pragma unroll
                for (int r = 0; r < 4; r++)
#pragma unroll
                    for (int c = 0; c < D_V / 16; c++)
                        sums[r][c] += shared->scores[ty * 4 + r][row + i] * values[i][tx + 16 * c];
            __syncthreads();
        }
    }
    for (int r = 0; r < 4; r++) {
        int t = first + ty * 4 + r, head = index % attention.n_heads;
        int64_t row = (int64_t)(index / attention.n_heads) * n_q + t;
        if (t < n_q && attention.windowed)
            row = sam2_cuda_window_output(&attention.windows, index / attention.n_heads, t);
        for (int c = 0; c < D_V / 16; c++)
            if (t < n_q && row >= 0 && tx + 16 * c < d_v)
                ((float *)attention.dst)[row * attention.d_out + head * d_v + tx + 16 * c] =
                    sums[r][c] / shared->weight[ty * 4 + r];
    }
}

template <int D_V>
static cudaError_t launch(cudaStream_t stream, const Sam2CudaAttention *attention, const float *q,
                          const float *k, const float *v)
{
    constexpr int size = (int)sizeof(Shared) + VALUES * D_V * (int)sizeof(float);
    auto kernel = attention_kernel<D_V>;
    cudaError_t error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, size);
    dim3 grid(attention->n_batches * attention->n_heads, (attention->n_q + QUERIES - 1) / QUERIES);
    if (error != cudaSuccess || grid.y > 65535)
        return error != cudaSuccess ? error : cudaErrorInvalidConfiguration;
    SAM2_LAUNCH(kernel, grid, 256, size, stream, *attention, q, k, v);
    return cudaGetLastError();
}

cudaError_t sam2_cuda_launch_attention_f32(cudaStream_t stream, const Sam2CudaAttention *attention,
                                           const float *q, const float *k, const float *v)
{
    if (attention->d_v <= 64)
        return launch<64>(stream, attention, q, k, v);
    if (attention->d_v <= 128)
        return launch<128>(stream, attention, q, k, v);
    return attention->d_v <= 256 ? launch<256>(stream, attention, q, k, v) : cudaErrorInvalidValue;
}
