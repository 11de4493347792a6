// SPDX-License-Identifier: Apache-2.0
// A linear layer whose results are turned by RoPE before they are rounded to half.
//
// Keys are read by every block of queries: turning them as they are loaded would be done 64 times
// for a map of 64 x 64, each time with tables twice as large as the keys. Here it is done once, on
// sums that are in registers, in the layout of mma.m16n8k16, where a thread holds both of a pair.
#pragma once

#include "model/cuda/device.cuh"
#include "model/cuda/warp.cuh"

#define PROJECT_TILE 64 // rows, columns and depth of a block's step
#define PROJECT_STEP (PROJECT_TILE + 8)
#define PROJECT_THREADS 128
#define PROJECT_SIZE (4 * PROJECT_TILE * PROJECT_STEP * 2) // bytes: two stages of both operands

// Rows first.., columns `at`.. of x (n_rows, k) to shared memory, zeros outside.
template <typename T>
static __device__ __forceinline__ void load_part(T *dst, const T *x, int64_t first, int64_t n_rows,
                                                 int at, int k)
{
    const int column = threadIdx.x % 8 * 8;
#pragma unroll
    for (int r = 0; r < PROJECT_TILE; r += PROJECT_THREADS / 8) {
        const int row = r + threadIdx.x / 8;
        const bool there = first + row < n_rows && at + column < k;
        copy_16(dst + row * PROJECT_STEP + column,
                x + (there ? (first + row) * k + at + column : 0), there);
    }
}

// Grid: (blocks of rows, blocks of columns).
template <typename T>
static __global__ void __launch_bounds__(PROJECT_THREADS)
    project_kernel(T *dst, const T *x, const T *w, const float *bias, const float *cos,
                   const float *sin, Sam2CudaProjection shape)
{
    SAM2_SHARED(shared);
    T *a_rows = (T *)shared, *b_rows = a_rows + 2 * PROJECT_TILE * PROJECT_STEP;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, k = shape.k;
    const int64_t row = (int64_t)blockIdx.x * PROJECT_TILE, column = blockIdx.y * PROJECT_TILE;
    load_part(a_rows, x, row, shape.m, 0, k);
    load_part(b_rows, w, column, shape.n, 0, k);
    end_copies();
    float sums[PROJECT_TILE / 8][4] = {};
    int stage = 0;
    for (int at = 0; at < k; at += PROJECT_TILE) {
        const int other = (1 - stage) * PROJECT_TILE * PROJECT_STEP;
        if (at + PROJECT_TILE < k) {
            load_part(a_rows + other, x, row, shape.m, at + PROJECT_TILE, k);
            load_part(b_rows + other, w, column, shape.n, at + PROJECT_TILE, k);
        }
        end_copies();
        finish_copies<1>();
        __syncthreads();
        const T *a_part =
            a_rows + (stage * PROJECT_TILE + warp * 16 + lane % 16) * PROJECT_STEP + lane / 16 * 8;
        const T *b_part = b_rows +
                          (stage * PROJECT_TILE + lane / 16 * 8 + lane % 8) * PROJECT_STEP +
                          lane / 8 % 2 * 8;
#pragma unroll
        for (int i = 0; i < PROJECT_TILE; i += 16) {
            uint32_t a[4], b[4];
            load_matrices(a, a_part + i);
#pragma unroll
            for (int j = 0; j < PROJECT_TILE / 16; j++) {
                load_matrices(b, b_part + j * 16 * PROJECT_STEP + i);
                multiply<T>(sums[2 * j], a, b[0], b[1]);
                multiply<T>(sums[2 * j + 1], a, b[2], b[3]);
            }
        }
        __syncthreads();
        stage = 1 - stage;
    }

#pragma unroll
    for (int r = 0; r < 2; r++) {
        const int64_t t = row + warp * 16 + lane / 4 + 8 * r;
        if (t >= shape.m)
            continue;
        const int64_t angle = sam2_cuda_rope_row(t, shape.rows, shape.rotated, shape.period);
#pragma unroll
        for (int j = 0; j < PROJECT_TILE / 8; j++) {
            const int64_t to = column + j * 8 + lane % 4 * 2;
            if (to >= shape.n)
                continue;
            float re = sums[j][2 * r] + bias[to], im = sums[j][2 * r + 1] + bias[to + 1];
            if (angle >= 0) {
                const int64_t at = angle * (shape.n / 2) + to / 2;
                sam2_cuda_rotate(&re, &im, cos[at], sin[at]);
            }
            sam2_store_2(dst + t * shape.n + to, re, im);
        }
    }
}

template <typename T>
static cudaError_t launch_project(cudaStream_t stream, void *dst, const void *x, const void *w,
                                  const float *bias, const float *cos, const float *sin,
                                  const Sam2CudaProjection *shape)
{
    dim3 grid((unsigned)((shape->m + PROJECT_TILE - 1) / PROJECT_TILE),
              (unsigned)((shape->n + PROJECT_TILE - 1) / PROJECT_TILE));
    SAM2_LAUNCH((project_kernel<T>), grid, PROJECT_THREADS, PROJECT_SIZE, stream, (T *)dst,
                (const T *)x, (const T *)w, bias, cos, sin, *shape);
    return cudaGetLastError();
}
