// SPDX-License-Identifier: Apache-2.0
// fp32 matrix products, built once per instruction set: register tiles of rows x 2 vectors.
#include "model/cpu/gemm_kernel.h"

#define PANEL (2 * LANES)
#ifdef __AVX512F__
#define TILE_ROWS 14 // 28 sums, 2 vectors of b, a broadcast: 31 of 32 registers
#else
#define TILE_ROWS 6 // 12 sums, 2 vectors of b, a broadcast: 15 of 16 registers
#endif

// n_rows x PANEL of c from n_rows of a, k floats apart, and a panel of b.
VEC_INLINE void multiply_tile(const int n_rows, const Sam2Gemm *gemm, const float *a,
                              const float *b, const float *bias, const Out *out)
{
    Vec sum[TILE_ROWS][2], first[2] = {vec_set(0), vec_set(0)};
    if (bias) {
        first[0] = load_columns(bias, out->width);
        first[1] = load_columns(bias + LANES, out->width - LANES);
    }
#pragma GCC unroll 14
    for (int r = 0; r < n_rows; r++) {
        sum[r][0] = first[0];
        sum[r][1] = first[1];
    }
    // One pointer for three rows: two more are reached with the scaled offsets of an address.
    const char *p[(TILE_ROWS + 2) / 3];
    const ptrdiff_t step = (ptrdiff_t)(gemm->k * (int64_t)sizeof *a);
#pragma GCC unroll 5
    for (int i = 0; i < (n_rows + 2) / 3; i++)
        p[i] = (const char *)a + 3 * i * step;
    for (int64_t k = gemm->k; k > 0; k--) {
        Vec b0 = vec_load(b), b1 = vec_load(b + LANES);
        b += PANEL;
#pragma GCC unroll 14
        for (int r = 0; r < n_rows; r++) {
            Vec x = vec_set(*(const float *)(p[r / 3] + r % 3 * step));
            sum[r][0] = vec_fma(x, b0, sum[r][0]);
            sum[r][1] = vec_fma(x, b1, sum[r][1]);
        }
#pragma GCC unroll 5
        for (int i = 0; i < (n_rows + 2) / 3; i++)
            p[i] += sizeof *a;
    }
    if (gemm->act == SAM2_ACT_NONE && !out->residual && out->width == PANEL) {
#pragma GCC unroll 14
        for (int r = 0; r < n_rows; r++) {
            vec_store(out->c + r * out->step, sum[r][0]);
            vec_store(out->c + r * out->step + LANES, sum[r][1]);
        }
        return;
    }
    if (gemm->act != SAM2_ACT_GELU) {
#pragma GCC unroll 14
        for (int r = 0; r < n_rows; r++) {
            finish(gemm, out, r, 0, sum[r][0], false);
            finish(gemm, out, r, 1, sum[r][1], false);
        }
        return;
    }
    // GELU needs the registers. Not kept in c, which may be the residual.
    float tile[TILE_ROWS * PANEL] __attribute__((aligned(64)));
#pragma GCC unroll 14
    for (int r = 0; r < n_rows; r++) {
        vec_store(tile + r * PANEL, sum[r][0]);
        vec_store(tile + r * PANEL + LANES, sum[r][1]);
    }
    for (int i = 0; i < 2 * n_rows; i++)
        finish(gemm, out, i / 2, i % 2, vec_load(tile + i * LANES), true);
}

#define MULTIPLY(n)                                                                                \
    static void multiply_##n(const Sam2Gemm *gemm, const float *a, const float *b,                 \
                             const float *bias, const Out *out)                                    \
    {                                                                                              \
        multiply_tile(n, gemm, a, b, bias, out);                                                   \
    }
MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)
MULTIPLY(4)
MULTIPLY(5)
MULTIPLY(6)
#ifdef __AVX512F__
MULTIPLY(7)
MULTIPLY(8)
MULTIPLY(9)
MULTIPLY(10)
MULTIPLY(11)
MULTIPLY(12)
MULTIPLY(13)
MULTIPLY(14)
#endif

static void (*const multiply[TILE_ROWS])(const Sam2Gemm *gemm, const float *a, const float *b,
                                         const float *bias, const Out *out) = {
    multiply_1,  multiply_2,  multiply_3, multiply_4,  multiply_5,  multiply_6,
#ifdef __AVX512F__
    multiply_7,  multiply_8,  multiply_9, multiply_10, multiply_11, multiply_12,
    multiply_13, multiply_14,
#endif
};

static size_t packed_size(int64_t n, int64_t k)
{
    return (size_t)((n + PANEL - 1) / PANEL) * PANEL * (size_t)k * sizeof(float);
}

// A panel is (k, PANEL), its missing columns zero.
static void pack(void *packed, const float *w, int64_t n_step, int64_t k_step, int64_t n, int64_t k)
{
    float *out = packed;
    for (int64_t column = 0; column < n; column += PANEL)
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = column; j < column + PANEL; j++)
                *out++ = j < n ? w[j * n_step + i * k_step] : 0;
}

static size_t scratch_size(int64_t n_rows, int64_t k, bool gather)
{
    return gather ? ((size_t)n_rows * (size_t)k * sizeof(float) + 63) / 64 * 64 : 0;
}

// Asks for the next tile's rows of a, which lie too far apart for the processor to foresee.
static void prefetch_rows(const Sam2Gemm *gemm, int64_t row)
{
    const int64_t n = gemm->rows - row < TILE_ROWS ? gemm->rows - row : TILE_ROWS;
    const float *a = gemm->a + row * gemm->k;
    for (int64_t i = 0; i < n * gemm->k; i += 64 / (int64_t)sizeof *a)
        __builtin_prefetch(a + i, 0, 2);
}

static void run(const Sam2Gemm *gemm, int64_t row, int64_t n_rows, int64_t panel, int64_t n_panels,
                void *scratch)
{
    const int64_t offset = row_offset(gemm, row), k = gemm->k;
    const float *a = gemm->a ? gemm->a + row * k : scratch;
    if (!gemm->a)
        gemm->gather(gemm->map, row, n_rows, scratch);
    for (int64_t p = panel; p < panel + n_panels; p++) {
        const int64_t column = p * PANEL;
        const float *b = (const float *)gemm->b + column * k;
        for (int64_t r = 0; r < n_rows; r += TILE_ROWS) {
            const Out out = place_tile(gemm, offset + r * gemm->c_inner, column);
            const int64_t rows = n_rows - r < TILE_ROWS ? n_rows - r : TILE_ROWS;
            if (p == panel && gemm->a)
                prefetch_rows(gemm, row + r + rows);
            multiply[rows - 1](gemm, a + r * k, b, gemm->bias ? gemm->bias + column : NULL, &out);
        }
    }
}

const Sam2GemmKernels SAM2_KERNEL(sam2_gemm_f32) = {
    .tile_rows = TILE_ROWS,
    .panel = PANEL,
    .size = sizeof(float),
    .packed_size = packed_size,
    .pack = pack,
    .scratch_size = scratch_size,
    .run = run,
};
