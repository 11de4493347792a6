// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores, by blocks of keys with an online softmax (Dao et al.,
// FlashAttention-2).
//
// A block of four warps takes 64 queries, 16 a warp, and walks over its part of the keys. Scores
// and sums live in registers, in the layout of mma.m16n8k16: a thread holds rows lane / 4 and lane
// / 4 + 8, columns 2 (lane % 4) and the next of each tile of 8. Scores are base-2 logarithms.
#pragma once

#include "model/cuda/device.cuh"
#include "model/cuda/flash.h"
#include "model/cuda/warp.cuh"

#define SAM2_FLASH_THREADS 128
#define SAM2_FLASH_PAD 8 // halves between rows in shared memory, against bank conflicts

// Rows first..first + N of x (n_rows, WIDTH) to shared memory; those from n_rows on are zeros.
template <typename T, int WIDTH, int N>
static __device__ __forceinline__ void load_rows(T *dst, const T *x, int first, int n_rows)
{
    constexpr int pieces = WIDTH / 8;
    for (int i = threadIdx.x; i < N * pieces; i += SAM2_FLASH_THREADS) {
        int row = i / pieces, column = i % pieces * 8;
        bool there = first + row < n_rows;
        copy_16(dst + row * (WIDTH + SAM2_FLASH_PAD) + column,
                x + (int64_t)(there ? first + row : 0) * WIDTH + column, there);
    }
}

template <int D, int D_V, int KEYS, int STAGES> constexpr int flash_shared_size(void)
{
    return 2 * (SAM2_FLASH_QUERIES * (D + SAM2_FLASH_PAD) +
                STAGES * KEYS * (D + SAM2_FLASH_PAD + D_V + SAM2_FLASH_PAD));
}

static __device__ __forceinline__ float max_of_quad(float x)
{
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

static __device__ __forceinline__ float sum_of_quad(float x)
{
    x += __shfl_xor_sync(0xffffffffu, x, 1);
    return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// Where row t of (batch, head) goes in dst; NULL: nowhere.
static __device__ __forceinline__ float *output_row(const Sam2CudaAttention *attention, int index,
                                                    int t)
{
    int head = index % attention->n_heads, batch = index / attention->n_heads;
    int64_t row = (int64_t)batch * attention->n_q + t;
    if (attention->windowed)
        row = sam2_cuda_window_output(&attention->windows, batch, t);
    return row < 0 ? NULL : attention->dst + row * attention->d_out + head * attention->d_v;
}

// Grid: (batches * heads, blocks of queries, parts of the keys). partial: (batches * heads, n_q,
// parts, D_V + 2): sums, maximum, weight; NULL: the result goes to dst.
template <typename T, int D, int D_V, int KEYS, int STAGES>
static __global__ void __launch_bounds__(SAM2_FLASH_THREADS)
    flash_kernel(Sam2CudaAttention attention, const T *q, const T *k, const T *v, float *partial)
{
    constexpr int q_step = D + SAM2_FLASH_PAD, v_step = D_V + SAM2_FLASH_PAD;
    constexpr bool q_in_registers = D <= 128;
    SAM2_SHARED(shared);
    T *q_rows = (T *)shared;
    T *k_rows = q_rows + SAM2_FLASH_QUERIES * q_step; // STAGES of (KEYS, D)
    T *v_rows = k_rows + STAGES * KEYS * q_step;      // STAGES of (KEYS, D_V)
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int index = blockIdx.x, n_q = attention.n_q, n_k = attention.n_k;
    q += (int64_t)index * n_q * D;
    k += (int64_t)index * n_k * D;
    v += (int64_t)index * n_k * D_V;
    int first, end;
    sam2_cuda_split(n_k, SAM2_FLASH_KEYS, blockIdx.z, gridDim.z, &first, &end);

    load_rows<T, D, SAM2_FLASH_QUERIES>(q_rows, q, blockIdx.y * SAM2_FLASH_QUERIES, n_q);
    load_rows<T, D, KEYS>(k_rows, k, first, end);
    load_rows<T, D_V, KEYS>(v_rows, v, first, end);
    end_copies();

    float sums[D_V / 8][4] = {}, max[2] = {-INFINITY, -INFINITY}, weight[2] = {0, 0};
    uint32_t q_part[q_in_registers ? D / 16 : 1][4];
    const T *q_row = q_rows + (warp * 16 + lane % 16) * q_step + lane / 16 * 8;
    int stage = 0;
    for (int at = first; at < end; at += KEYS) {
        // The next keys come while these are worked on.
        if (STAGES > 1) {
            int other = (stage + 1) % STAGES;
            if (at + KEYS < end) {
                load_rows<T, D, KEYS>(k_rows + other * KEYS * q_step, k, at + KEYS, end);
                load_rows<T, D_V, KEYS>(v_rows + other * KEYS * v_step, v, at + KEYS, end);
            }
            end_copies();
            finish_copies<1>();
        } else {
            finish_copies<0>();
        }
        __syncthreads();
        if (q_in_registers && at == first) {
#pragma unroll
            for (int i = 0; i < (q_in_registers ? D / 16 : 1); i++)
                load_matrices(q_part[i], q_row + i * 16);
        }

        // scores (16, KEYS) = q k^T
        const T *k_stage = k_rows + stage * KEYS * q_step;
        float scores[KEYS / 8][4] = {};
#pragma unroll
        for (int i = 0; i < D / 16; i++) {
            uint32_t a[4];
            if (!q_in_registers)
                load_matrices(a, q_row + i * 16);
            const uint32_t *a_part = q_in_registers ? q_part[q_in_registers ? i : 0] : a;
#pragma unroll
            for (int j = 0; j < KEYS / 16; j++) {
                uint32_t b[4];
                load_matrices(b, k_stage + (j * 16 + lane / 16 * 8 + lane % 8) * q_step + i * 16 +
                                     lane / 8 % 2 * 8);
                multiply<T>(scores[2 * j], a_part, b[0], b[1]);
                multiply<T>(scores[2 * j + 1], a_part, b[2], b[3]);
            }
        }
        if (at + KEYS > end) {
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
                for (int c = 0; c < 4; c++)
                    if (at + j * 8 + lane % 4 * 2 + c % 2 >= end)
                        scores[j][c] = -INFINITY;
        }

        // What came before is worth `factor` of what it was.
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float high = -INFINITY, factor, unused, part = 0;
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++)
                high = fmaxf(high, fmaxf(scores[j][2 * r], scores[j][2 * r + 1]));
            max[r] = sam2_cuda_softmax_join(max[r], max_of_quad(high), &factor, &unused);
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++) {
#pragma unroll
                for (int c = 2 * r; c < 2 * r + 2; c++) {
                    scores[j][c] = exp2f(scores[j][c] - max[r]);
                    part += scores[j][c];
                }
            }
            weight[r] = weight[r] * factor + part;
#pragma unroll
            for (int j = 0; j < D_V / 8; j++) {
                sums[j][2 * r] *= factor;
                sums[j][2 * r + 1] *= factor;
            }
        }

        // sums (16, D_V) += p v
        const T *v_stage = v_rows + stage * KEYS * v_step;
#pragma unroll
        for (int i = 0; i < KEYS / 16; i++) {
            uint32_t p[4] = {pack_pair<T>(scores[2 * i][0], scores[2 * i][1]),
                             pack_pair<T>(scores[2 * i][2], scores[2 * i][3]),
                             pack_pair<T>(scores[2 * i + 1][0], scores[2 * i + 1][1]),
                             pack_pair<T>(scores[2 * i + 1][2], scores[2 * i + 1][3])};
#pragma unroll
            for (int j = 0; j < D_V / 16; j++) {
                uint32_t b[4];
                load_matrices_transposed(b, v_stage + (i * 16 + lane % 16) * v_step + j * 16 +
                                                lane / 16 * 8);
                multiply<T>(sums[2 * j], p, b[0], b[1]);
                multiply<T>(sums[2 * j + 1], p, b[2], b[3]);
            }
        }
        __syncthreads();
        if (STAGES > 1) {
            stage = (stage + 1) % STAGES;
        } else if (at + KEYS < end) {
            load_rows<T, D, KEYS>(k_rows, k, at + KEYS, end);
            load_rows<T, D_V, KEYS>(v_rows, v, at + KEYS, end);
            end_copies();
        }
    }

#pragma unroll
    for (int r = 0; r < 2; r++) {
        int t = blockIdx.y * SAM2_FLASH_QUERIES + warp * 16 + lane / 4 + 8 * r;
        float total = sum_of_quad(weight[r]);
        if (t >= n_q)
            continue;
        int column = lane % 4 * 2;
        if (partial) {
            float *out =
                partial + (((int64_t)index * n_q + t) * gridDim.z + blockIdx.z) * (D_V + 2);
#pragma unroll
            for (int j = 0; j < D_V / 8; j++) {
                out[j * 8 + column] = sums[j][2 * r];
                out[j * 8 + column + 1] = sums[j][2 * r + 1];
            }
            if (column == 0) {
                out[D_V] = max[r];
                out[D_V + 1] = total;
            }
            continue;
        }
        float *out = output_row(&attention, index, t);
#pragma unroll
        for (int j = 0; j < D_V / 8; j++)
#pragma unroll
            for (int c = 0; c < 2; c++)
                if (out && j * 8 + column + c < attention.d_v)
                    out[j * 8 + column + c] = sums[j][2 * r + c] / total;
    }
}

// The parts of the keys together: a warp for each row.
static __global__ void flash_join_kernel(Sam2CudaAttention attention, const float *partial,
                                         int n_splits, int d_v)
{
    int64_t row = (int64_t)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    if (row >= (int64_t)attention.n_batches * attention.n_heads * attention.n_q)
        return;
    const float *parts = partial + row * n_splits * (d_v + 2);
    float max = -INFINITY, total = 0, unused, factor;
    for (int i = 0; i < n_splits; i++)
        max = fmaxf(max, parts[i * (d_v + 2) + d_v]);
    for (int i = 0; i < n_splits; i++) {
        sam2_cuda_softmax_join(max, parts[i * (d_v + 2) + d_v], &unused, &factor);
        total += factor * parts[i * (d_v + 2) + d_v + 1];
    }
    float *out = output_row(&attention, (int)(row / attention.n_q), (int)(row % attention.n_q));
    for (int column = threadIdx.x % 32; out && column < attention.d_v; column += 32) {
        float sum = 0;
        for (int i = 0; i < n_splits; i++) {
            sam2_cuda_softmax_join(max, parts[i * (d_v + 2) + d_v], &unused, &factor);
            sum += factor * parts[i * (d_v + 2) + column];
        }
        out[column] = sum / total;
    }
}

template <typename T, int D, int D_V, int KEYS, int STAGES>
static cudaError_t launch_kernel(cudaStream_t stream, const Sam2CudaAttention *attention,
                                 const Sam2CudaFlash *flash, const void *q, const void *k,
                                 const void *v, float *scratch)
{
    constexpr int size = flash_shared_size<D, D_V, KEYS, STAGES>();
    auto kernel = flash_kernel<T, D, D_V, KEYS, STAGES>;
    if (size > 48 * 1024) {
        cudaError_t error =
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, size);
        if (error != cudaSuccess)
            return error;
    }
    int n = attention->n_batches * attention->n_heads;
    dim3 grid(n, (attention->n_q + SAM2_FLASH_QUERIES - 1) / SAM2_FLASH_QUERIES, flash->n_splits);
    if (grid.y > 65535) // 4 million queries
        return cudaErrorInvalidConfiguration;
    SAM2_LAUNCH(kernel, grid, SAM2_FLASH_THREADS, size, stream, *attention, (const T *)q,
                (const T *)k, (const T *)v, flash->n_splits > 1 ? scratch : NULL);
    if (flash->n_splits > 1) {
        int64_t rows = (int64_t)n * attention->n_q;
        SAM2_LAUNCH(flash_join_kernel, (unsigned)((rows + 3) / 4), 128, 0, stream, *attention,
                    scratch, flash->n_splits, D_V);
    }
    return cudaGetLastError();
}

// The most keys at a time, and two stages, that shared memory allows.
template <typename T, int D, int D_V>
static cudaError_t launch_width(cudaStream_t stream, const Sam2CudaAttention *attention,
                                const Sam2CudaFlash *flash, const void *q, const void *k,
                                const void *v, float *scratch, int shared_limit)
{
#define TRY(keys, stages)                                                                          \
    if (flash_shared_size<D, D_V, keys, stages>() <= shared_limit)                                 \
    return launch_kernel<T, D, D_V, keys, stages>(stream, attention, flash, q, k, v, scratch)
    if constexpr (D <= 128) {
        TRY(64, 2);
        TRY(64, 1);
    } else {
        if constexpr (D_V <= 64)
            TRY(64, 2);
        TRY(32, 2);
        TRY(16, 1);
    }
#undef TRY
    return cudaErrorInvalidConfiguration;
}

template <typename T>
static cudaError_t launch_flash(cudaStream_t stream, const Sam2CudaAttention *attention,
                                const Sam2CudaFlash *flash, const void *q, const void *k,
                                const void *v, float *scratch, int shared_limit)
{
#define WIDTH(wanted, wanted_v)                                                                    \
    if (flash->d == (wanted) && flash->d_v == (wanted_v))                                          \
    return launch_width<T, wanted, wanted_v>(stream, attention, flash, q, k, v, scratch,           \
                                             shared_limit)
    WIDTH(16, 16);
    WIDTH(32, 32);
    WIDTH(64, 64);
    WIDTH(80, 80);
    WIDTH(96, 96);
    WIDTH(128, 128);
    WIDTH(256, 64);
    WIDTH(256, 256);
#undef WIDTH
    return cudaErrorInvalidValue;
}
