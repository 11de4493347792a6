// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores, by blocks of keys with an online softmax (Dao et al.,
// FlashAttention-2).
//
// A block of four warps takes 64 queries, 16 a warp, and walks over its part of the keys. Scores
// and sums live in registers, in the layout of mma.m16n8k16: a thread holds rows lane / 4 and lane
// / 4 + 8, columns 2 (lane % 4) and the next of each tile of 8. Scores are base-2 logarithms.
//
// Operands are read where they lie, by 8 threads a row: in rows of tokens with all heads, or, for
// Hiera's windows, in rows of the map with q, k and v of all heads.
#pragma once

#include "model/cuda/device.cuh"
#include "model/cuda/flash.h"
#include "model/cuda/warp.cuh"

#define SAM2_FLASH_THREADS 128
#define SAM2_FLASH_PAD 8 // halves between rows in shared memory, against bank conflicts

#define SAM2_FLASH_ROWS 16 // that are loaded at a time

// An operand's rows of one batch and head, and its bias.
template <typename T> struct Part {
    const T *data;
    int64_t step;
    const float *bias; // NULL: none
    int width;
};

template <typename T>
static __device__ __forceinline__ Part<T> part_of(const Sam2CudaFlash *flash,
                                                  const Sam2CudaRows *rows, int index, int n_heads,
                                                  int number, int width)
{
    const int batch = index / n_heads, head = index % n_heads;
    Part<T> part;
    part.data = (const T *)rows->data + batch * rows->batch + head * rows->head;
    part.step = rows->row;
    part.bias = flash->gathered ? flash->bias + number * flash->part + head * width : NULL;
    part.width = width;
    return part;
}

// A row to shared memory, WIDTH long with zeros behind the operand's; all zeros if not `there`.
// row -1: the bias.
template <typename T, int WIDTH>
static __device__ __forceinline__ void load_row(T *dst, const Part<T> *part, int64_t row,
                                                bool there)
{
#pragma unroll
    for (int i = 0; i < WIDTH; i += 64) {
        const int column = i + threadIdx.x % 8 * 8;
        if (column >= WIDTH)
            continue;
        const bool in_row = there && column < part->width;
        if (row >= 0) {
            copy_16(dst + column, part->data + row * part->step + (in_row ? column : 0), in_row);
        } else {
#pragma unroll 1 // seldom, and there are many copies of this
            for (int j = 0; j < 8; j++)
                dst[column + j] = sam2_from_f32<T>(in_row ? part->bias[column + j] : 0.0f);
        }
    }
}

static __device__ __forceinline__ int64_t row_of(const Sam2CudaAttention *attention,
                                                 const Sam2CudaFlash *flash, int index, int t)
{
    return flash->gathered
               ? sam2_cuda_window_token(&attention->windows, index / attention->n_heads, t)
               : t;
}

// Rows first..first + KEYS of keys and values; those from `end` on are zeros.
template <typename T, int D, int D_V, int KEYS>
static __device__ __forceinline__ void
load_keys(T *k_rows, T *v_rows, const Sam2CudaAttention *attention, const Sam2CudaFlash *flash,
          const Part<T> *k, const Part<T> *v, int index, int first, int end)
{
#pragma unroll
    for (int r = 0; r < KEYS; r += SAM2_FLASH_ROWS) {
        const int row = r + threadIdx.x / 8;
        const bool there = first + row < end;
        const int64_t from = there ? row_of(attention, flash, index, first + row) : 0;
        load_row<T, D>(k_rows + row * (D + SAM2_FLASH_PAD), k, from, there);
        load_row<T, D_V>(v_rows + row * (D_V + SAM2_FLASH_PAD), v, from, there);
    }
}

// The largest of four tokens' queries, element by element.
template <typename T, int D>
static __device__ __forceinline__ void load_pooled(T *dst, const Sam2CudaAttention *attention,
                                                   const Part<T> *q, int index, int t)
{
    int tokens[4];
    int64_t rows[4];
    sam2_cuda_window_pooled(&attention->windows, t, tokens);
    for (int i = 0; i < 4; i++)
        rows[i] =
            sam2_cuda_window_token(&attention->windows, index / attention->n_heads, tokens[i]);
#pragma unroll 1
    for (int column = threadIdx.x % 8 * 8; column < D; column += 64) {
        float best[8] = {};
#pragma unroll 1
        for (int i = 0; i < 4 && column < q->width; i++) {
            T values[8];
            if (rows[i] >= 0) {
                uint4 raw = *(const uint4 *)(q->data + rows[i] * q->step + column);
                memcpy(values, &raw, sizeof raw);
            }
#pragma unroll
            for (int j = 0; j < 8; j++) {
                float x = rows[i] >= 0 ? sam2_to_f32(values[j]) : q->bias[column + j];
                best[j] = i == 0 ? x : fmaxf(best[j], x);
            }
        }
#pragma unroll
        for (int j = 0; j < 8; j += 2)
            sam2_store_2(dst + column + j, best[j], best[j + 1]);
    }
}

template <typename T, int D>
static __device__ __forceinline__ void load_queries(T *q_rows, const Sam2CudaAttention *attention,
                                                    const Sam2CudaFlash *flash, const Part<T> *q,
                                                    int index, int first)
{
#pragma unroll 1 // once a block
    for (int r = 0; r < SAM2_FLASH_QUERIES; r += SAM2_FLASH_ROWS) {
        const int row = r + threadIdx.x / 8, t = first + row;
        T *dst = q_rows + row * (D + SAM2_FLASH_PAD);
        const bool there = t < attention->n_q;
        if (flash->gathered && attention->windows.step == 2 && there)
            load_pooled<T, D>(dst, attention, q, index, t);
        else
            load_row<T, D>(dst, q, there ? row_of(attention, flash, index, t) : 0, there);
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

// Where in dst row t of (batch, head) goes; -1: nowhere.
static __device__ __forceinline__ int64_t output_row(const Sam2CudaAttention *attention, int index,
                                                     int t)
{
    int head = index % attention->n_heads, batch = index / attention->n_heads;
    int64_t row = (int64_t)batch * attention->n_q + t;
    if (attention->windowed)
        row = sam2_cuda_window_output(&attention->windows, batch, t);
    return row < 0 ? -1 : row * attention->d_out + head * attention->d_v;
}

// Grid: (batches * heads, blocks of queries, parts of the keys). partial: (batches * heads, n_q,
// parts, D_V + 2): sums, maximum, weight; NULL: the result goes to dst.
template <typename T, int D, int D_V, int KEYS, int STAGES>
static __global__ void __launch_bounds__(SAM2_FLASH_THREADS)
    flash_kernel(Sam2CudaAttention attention, Sam2CudaFlash flash, float *partial)
{
    constexpr int q_step = D + SAM2_FLASH_PAD, v_step = D_V + SAM2_FLASH_PAD;
    constexpr bool q_in_registers = D <= 128;
    SAM2_SHARED(shared);
    T *q_rows = (T *)shared;
    T *k_rows = q_rows + SAM2_FLASH_QUERIES * q_step; // STAGES of (KEYS, D)
    T *v_rows = k_rows + STAGES * KEYS * q_step;      // STAGES of (KEYS, D_V)
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int index = blockIdx.x, n_q = attention.n_q, n_k = attention.n_k;
    const float factor_of_scores = attention.scale * 1.4426950408889634f; // log2(e)
    const Part<T> k = part_of<T>(&flash, &flash.k, index, attention.n_heads, 1, flash.width);
    const Part<T> v = part_of<T>(&flash, &flash.v, index, attention.n_heads, 2, flash.width_v);
    int first, end;
    sam2_cuda_split(n_k, SAM2_FLASH_KEYS, blockIdx.z, gridDim.z, &first, &end);

    {
        const Part<T> q = part_of<T>(&flash, &flash.q, index, attention.n_heads, 0, flash.width);
        load_queries<T, D>(q_rows, &attention, &flash, &q, index, blockIdx.y * SAM2_FLASH_QUERIES);
    }
    load_keys<T, D, D_V, KEYS>(k_rows, v_rows, &attention, &flash, &k, &v, index, first, end);
    end_copies();

    float sums[D_V / 8][4] = {}, max[2] = {-INFINITY, -INFINITY}, weight[2] = {0, 0};
    uint32_t q_part[q_in_registers ? D / 16 : 1][4];
    const T *q_row = q_rows + (warp * 16 + lane % 16) * q_step + lane / 16 * 8;
    int stage = 0;
    for (int at = first; at < end; at += KEYS) {
        // The next keys come while these are worked on.
        if (STAGES > 1) {
            int other = (stage + 1) % STAGES;
            if (at + KEYS < end)
                load_keys<T, D, D_V, KEYS>(k_rows + other * KEYS * q_step,
                                           v_rows + other * KEYS * v_step, &attention, &flash, &k,
                                           &v, index, at + KEYS, end);
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
            max[r] = sam2_cuda_softmax_join(max[r], max_of_quad(high) * factor_of_scores, &factor,
                                            &unused);
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++) {
#pragma unroll
                for (int c = 2 * r; c < 2 * r + 2; c++) {
                    scores[j][c] = exp2f(fmaf(scores[j][c], factor_of_scores, -max[r]));
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
            load_keys<T, D, D_V, KEYS>(k_rows, v_rows, &attention, &flash, &k, &v, index, at + KEYS,
                                       end);
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
        const int64_t to = output_row(&attention, index, t);
        const float share = 1.0f / total;
        if (to < 0)
            continue;
        if (attention.to_half) {
            T *out = (T *)attention.dst + to + column;
#pragma unroll
            for (int j = 0; j < D_V / 8; j++)
                if (j * 8 < attention.d_v)
                    sam2_store_2(out + j * 8, sums[j][2 * r] * share, sums[j][2 * r + 1] * share);
            continue;
        }
        float *out = (float *)attention.dst + to;
#pragma unroll
        for (int j = 0; j < D_V / 8; j++)
#pragma unroll
            for (int c = 0; c < 2; c++)
                if (j * 8 + column + c < attention.d_v)
                    out[j * 8 + column + c] = sums[j][2 * r + c] * share;
    }
}

// The parts of the keys together: a warp for each row.
template <typename T>
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
    int64_t to = output_row(&attention, (int)(row / attention.n_q), (int)(row % attention.n_q));
    for (int column = threadIdx.x % 32; to >= 0 && column < attention.d_v; column += 32) {
        float sum = 0;
        for (int i = 0; i < n_splits; i++) {
            sam2_cuda_softmax_join(max, parts[i * (d_v + 2) + d_v], &unused, &factor);
            sum += factor * parts[i * (d_v + 2) + column];
        }
        if (attention.to_half)
            ((T *)attention.dst)[to + column] = sam2_from_f32<T>(sum / total);
        else
            ((float *)attention.dst)[to + column] = sum / total;
    }
}

template <typename T, int D, int D_V, int KEYS, int STAGES>
static cudaError_t launch_kernel(cudaStream_t stream, const Sam2CudaAttention *attention,
                                 const Sam2CudaFlash *flash, float *scratch)
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
    SAM2_LAUNCH(kernel, grid, SAM2_FLASH_THREADS, size, stream, *attention, *flash,
                flash->n_splits > 1 ? scratch : NULL);
    if (flash->n_splits > 1) {
        int64_t rows = (int64_t)n * attention->n_q;
        SAM2_LAUNCH((flash_join_kernel<T>), (unsigned)((rows + 3) / 4), 128, 0, stream, *attention,
                    scratch, flash->n_splits, D_V);
    }
    return cudaGetLastError();
}

// The most keys at a time, and two stages, that shared memory allows.
template <typename T, int D, int D_V>
static cudaError_t launch_width(cudaStream_t stream, const Sam2CudaAttention *attention,
                                const Sam2CudaFlash *flash, float *scratch, int shared_limit)
{
#define TRY(keys, stages)                                                                          \
    if (flash_shared_size<D, D_V, keys, stages>() <= shared_limit)                                 \
    return launch_kernel<T, D, D_V, keys, stages>(stream, attention, flash, scratch)
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
                                const Sam2CudaFlash *flash, float *scratch, int shared_limit)
{
#define WIDTH(wanted, wanted_v)                                                                    \
    if (flash->d == (wanted) && flash->d_v == (wanted_v))                                          \
    return launch_width<T, wanted, wanted_v>(stream, attention, flash, scratch, shared_limit)
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
