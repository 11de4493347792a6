// SPDX-License-Identifier: Apache-2.0
// The kernels of one instruction set, as a table. A kernel does a part of an operation on the
// calling thread; the operations share the parts out.
#pragma once

#include "model/cpu/cpu.h"

// c (rows, n) = act(a (rows, k) b (k, n) + bias) + residual, or act(... + residual) if act_last.
// All of k is summed at once: nothing but the result is stored.
typedef struct Sam2Gemm {
    const float *a; // rows are k floats apart; NULL: made by gather
    // Writes rows row..row + n_rows of a to out, k floats each.
    void (*gather)(const void *map, int64_t row, int64_t n_rows, float *out);
    const void *map;       // gather's own
    const void *b;         // packed, see Sam2GemmKernels
    const float *bias;     // (n) or NULL
    const float *residual; // laid out like c, or NULL
    float *c;
    int64_t rows, n, k;
    // Row t of c is at t / c_period * c_outer + t % c_period * c_inner floats.
    int64_t c_period, c_outer, c_inner;
    Sam2Act act;
    bool act_last;
} Sam2Gemm;

// Matrix products with one type of factor; sums and results are fp32.
typedef struct Sam2GemmKernels {
    int tile_rows; // rows of c that are computed together
    int panel;     // columns of b that are packed together
    int size;      // bytes of a factor
    // b in panels, from fp32 w whose element (k, n) is at n * n_step + k * k_step.
    size_t (*packed_size)(int64_t n, int64_t k);
    void (*pack)(void *packed, const float *w, int64_t n_step, int64_t k_step, int64_t n,
                 int64_t k);
    // For run() with at most this many rows; a multiple of 64.
    size_t (*scratch_size)(int64_t n_rows, int64_t k, bool gather);
    // Rows row..row + n_rows, which do not cross c_period, and panels panel..panel + n_panels of c.
    // packed b and scratch are 64-byte aligned.
    void (*run)(const Sam2Gemm *gemm, int64_t row, int64_t n_rows, int64_t panel, int64_t n_panels,
                void *scratch);
} Sam2GemmKernels;

typedef struct Sam2ConvRow {
    const float *x, *w, *bias; // (h, width, c), (k, k, c), (c)
    float *dst;                // (h, width, c)
    int64_t h, width, c;
    int k;
} Sam2ConvRow;

// An image of bytes resized to `size` columns: output column i is the sum of input columns first[i]
// to first[i] + n[i] - 1 by weights[i * n_max ...] in 1 / 2^22.
typedef struct Sam2Across {
    const uint8_t *rgb; // rows of 3 width bytes, `stride` apart
    size_t stride;
    int64_t width, height, size;
    const int *first, *n;
    int n_max;
    const int32_t *weights;
    uint8_t *dst; // (height, 3 size)
} Sam2Across;

#define SAM2_ACROSS_ROWS 16 // that are done together
#define SAM2_SUM_BYTES 64

struct Sam2CpuKernels {
    const Sam2GemmKernels *f32;
    const Sam2GemmKernels *bf16; // NULL where there is none

    // n_rows of c floats.
    void (*layer_norm)(float *dst, const float *x, const float *gamma, const float *beta,
                       int64_t n_rows, int64_t c, float eps, Sam2Act act);
    void (*depthwise_row)(const Sam2ConvRow *conv, int64_t y);
    // dst (c) is the maximum of four rows of c floats, for n pixels of an output row; `below` is
    // the second row of x.
    void (*max_pool)(float *dst, const float *x, const float *below, int64_t n, int64_t c);
    // dst (2n, c) += x (n, c), each pixel twice
    void (*upsample_add)(float *dst, const float *x, int64_t n, int64_t c);
    void (*add)(float *dst, const float *a, const float *b, float scale, int64_t n);
    // One row of c floats by its c / 2 cosines and sines.
    void (*rope)(float *x, const float *cos, const float *sin, int64_t c);
    void (*mask_to_memory)(float *dst, const float *x, int64_t n, bool binarize, float scale,
                           float bias);
    void (*round_bf16)(float *x, int64_t n);
    // dst (n) between two rows, `down` of the way to the second; column i lies `across[i]` of the
    // way from left[i] to right[i]. line (w) is scratch.
    void (*resize_row)(float *dst, const float *top, const float *bottom, float down,
                       const int32_t *left, const int32_t *right, const float *across, int64_t n,
                       float *line, int64_t w);
    // Rows y..y + SAM2_ACROSS_ROWS, as many as there are. scratch has 3 SAM2_ACROSS_ROWS (width +
    // size + 32) bytes.
    void (*sum_across_u8)(const Sam2Across *across, int64_t y, uint8_t *scratch);
    // dst (n) = sum of n_taps rows of bytes `stride` apart by weights in 1 / 2^22, 8 bits again.
    // Rows are read and dst is written up to the next multiple of SAM2_SUM_BYTES.
    void (*sum_rows_u8)(uint8_t *dst, const uint8_t *x, size_t stride, const int32_t *weights,
                        int n_taps, int64_t n);
    void (*sum_rows_f32)(float *dst, const float *x, size_t stride, const float *weights,
                         int n_taps, int64_t n);
};

extern const Sam2CpuKernels sam2_cpu_kernels_avx2;
extern const Sam2CpuKernels sam2_cpu_kernels_avx512;
extern const Sam2CpuKernels sam2_cpu_kernels_avx512_bf16;
extern const Sam2CpuKernels sam2_cpu_kernels_amx;
