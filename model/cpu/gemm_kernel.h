// SPDX-License-Identifier: Apache-2.0
// What the matrix kernels of one instruction set share: the end of a tile.
#pragma once

#include "model/cpu/kernel.h"
#include "model/cpu/kernels.h"
#include "model/cpu/vec_math.h"

extern const Sam2GemmKernels SAM2_KERNEL(sam2_gemm_f32);
extern const Sam2GemmKernels SAM2_KERNEL(sam2_gemm_bf16);

VEC_INLINE Vec load_columns(const float *p, int width)
{
    return width >= LANES ? vec_load(p) : width > 0 ? vec_load_first(p, width) : vec_set(0);
}

VEC_INLINE void store_columns(float *p, Vec x, int width)
{
    if (width >= LANES)
        vec_store(p, x);
    else if (width > 0)
        vec_store_first(p, x, width);
}

// Where a tile of the result goes.
typedef struct Out {
    float *c;
    const float *residual; // or NULL
    int64_t step;          // floats from row to row of both
    int width;             // columns
} Out;

// Where row `row` of the result begins. A block of rows never crosses c_period.
VEC_INLINE int64_t row_offset(const Sam2Gemm *gemm, int64_t row)
{
    return row / gemm->c_period * gemm->c_outer + row % gemm->c_period * gemm->c_inner;
}

VEC_INLINE Out place_tile(const Sam2Gemm *gemm, int64_t offset, int64_t column)
{
    const int64_t left = gemm->n - column;
    return (Out){.c = gemm->c + offset + column,
                 .residual = gemm->residual ? gemm->residual + offset + column : NULL,
                 .step = gemm->c_inner,
                 .width = left < 2 * LANES ? (int)left : 2 * LANES};
}

// Applies activation and residual to vector i of a row of sums, and stores it. `gelu` says whether
// the code for GELU is wanted here: it needs many registers.
VEC_INLINE void finish(const Sam2Gemm *gemm, const Out *out, int row, int i, Vec x, const bool gelu)
{
    const int64_t at = row * out->step + i * LANES;
    const int left = out->width - i * LANES;
    Vec residual = out->residual ? load_columns(out->residual + at, left) : vec_set(0);
    if (gemm->act_last)
        x = vec_add(x, residual);
    if (gemm->act == SAM2_ACT_RELU)
        x = vec_max(x, vec_set(0));
    else if (gelu && gemm->act == SAM2_ACT_GELU)
        x = vec_gelu(x);
    if (!gemm->act_last)
        x = vec_add(x, residual);
    store_columns(out->c + at, x, left);
}
