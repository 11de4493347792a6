// SPDX-License-Identifier: Apache-2.0
// Matrix products of bfloat16 with fp32 sums, with AMX tiles or AVX-512's dot products.
//
// Both matrices lie in blocks of 1 KiB that are what a tile register holds: of a, 16 rows x 32 of
// k; of b, 16 pairs of k x 16 columns x 2. A panel of b is two blocks wide. Rows of a are rounded
// and laid out so in scratch, missing ones and k's remainder zero.
#include "model/cpu/gemm_kernel.h"

#include <string.h>

#define PANEL (2 * LANES)
#define GROUP 32  // rows of a done together, two blocks
#define DEPTH 32  // of k in a block
#define BLOCK 512 // elements

typedef uint16_t Bf16;

static int64_t count_blocks(int64_t k)
{
    return (k + DEPTH - 1) / DEPTH;
}

static size_t packed_size(int64_t n, int64_t k)
{
    return (size_t)((n + PANEL - 1) / PANEL * 2 * count_blocks(k)) * BLOCK * sizeof(Bf16);
}

static Bf16 round_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (Bf16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void pack(void *packed, const float *w, int64_t n_step, int64_t k_step, int64_t n, int64_t k)
{
    Bf16 *out = packed;
    for (int64_t column = 0; column < n; column += PANEL)
        for (int64_t block = 0; block < 2 * count_blocks(k); block++)
            for (int i = 0; i < BLOCK; i++) {
                int64_t at_k = block / 2 * DEPTH + i / 32 * 2 + i % 2;
                int64_t at_n = column + block % 2 * LANES + i % 32 / 2;
                *out++ = at_k < k && at_n < n ? round_bf16(w[at_n * n_step + at_k * k_step]) : 0;
            }
}

static size_t scratch_size(int64_t n_rows, int64_t k, bool gather)
{
    size_t rows = (size_t)(n_rows + GROUP - 1) / GROUP * GROUP;
    size_t blocks = rows * (size_t)count_blocks(k) * DEPTH * sizeof(Bf16);
    return blocks + (gather ? (GROUP * (size_t)k * sizeof(float) + 63) / 64 * 64 : 0);
}

// Rows row..row + n of a, n at most GROUP, as two columns of blocks.
static void load_group(Bf16 *out, const float *a, int n, int64_t k)
{
    const int64_t n_blocks = count_blocks(k);
    if (n < GROUP)
        memset(out, 0, (size_t)n_blocks * 2 * BLOCK * sizeof *out);
    for (int r = 0; r < n; r++) {
        const float *x = a + r * k;
        Bf16 *to = out + r / 16 * n_blocks * BLOCK + r % 16 * DEPTH;
        for (int64_t i = 0; i < k; i += DEPTH, to += BLOCK) {
            const int left = k - i < DEPTH ? (int)(k - i) : DEPTH;
            __m512 low = load_columns(x + i, left),
                   high = load_columns(x + i + LANES, left - LANES);
            _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(high, low));
        }
    }
}

#ifdef __AMX_BF16__

typedef struct TileConfig {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_size[16];
    uint8_t n_rows[16];
} TileConfig;

static void start_tiles(void)
{
    TileConfig config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.row_size[i] = 64;
        config.n_rows[i] = 16;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config));
}

static void stop_tiles(void)
{
    _tile_release();
}

// c (GROUP, PANEL), its rows c_step apart, = a b + bias (PANEL) over n_blocks of k.
static void multiply_group(float *c, int64_t c_step, const Bf16 *a, const Bf16 *b, int64_t n_blocks,
                           const float *bias)
{
    const Bf16 *below = a + n_blocks * BLOCK;
    _tile_loadd(0, bias, 0); // every row
    _tile_loadd(1, bias + LANES, 0);
    _tile_loadd(2, bias, 0);
    _tile_loadd(3, bias + LANES, 0);
    for (int64_t i = 0; i < n_blocks; i++) {
        _tile_loadd(4, a + i * BLOCK, 64);
        _tile_loadd(6, b + 2 * i * BLOCK, 64);
        _tile_loadd(7, b + (2 * i + 1) * BLOCK, 64);
        _tile_loadd(5, below + i * BLOCK, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    const size_t step = (size_t)c_step * sizeof *c;
    _tile_stored(0, c, step);
    _tile_stored(1, c + LANES, step);
    _tile_stored(2, c + 16 * c_step, step);
    _tile_stored(3, c + 16 * c_step + LANES, step);
}

#else

#define TILE_ROWS 8

static void start_tiles(void)
{
}

static void stop_tiles(void)
{
}

static void multiply_group(float *c, int64_t c_step, const Bf16 *a, const Bf16 *b, int64_t n_blocks,
                           const float *bias)
{
    for (int row = 0; row < GROUP; row += TILE_ROWS) {
        const Bf16 *x = a + row / 16 * n_blocks * BLOCK + row % 16 * DEPTH;
        const Bf16 *y = b;
        Vec sum[TILE_ROWS][2];
#pragma GCC unroll 8
        for (int r = 0; r < TILE_ROWS; r++) {
            sum[r][0] = vec_load(bias);
            sum[r][1] = vec_load(bias + LANES);
        }
        for (int64_t i = 0; i < n_blocks; i++, x += BLOCK, y += 2 * BLOCK) {
            for (int pair = 0; pair < DEPTH / 2; pair++) {
                __m512bh b0 = (__m512bh)_mm512_load_si512(y + pair * 32);
                __m512bh b1 = (__m512bh)_mm512_load_si512(y + BLOCK + pair * 32);
#pragma GCC unroll 8
                for (int r = 0; r < TILE_ROWS; r++) {
                    int both;
                    memcpy(&both, x + r * DEPTH + 2 * pair, sizeof both);
                    __m512bh z = (__m512bh)_mm512_set1_epi32(both);
                    sum[r][0] = _mm512_dpbf16_ps(sum[r][0], z, b0);
                    sum[r][1] = _mm512_dpbf16_ps(sum[r][1], z, b1);
                }
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < TILE_ROWS; r++) {
            vec_store(c + (row + r) * c_step, sum[r][0]);
            vec_store(c + (row + r) * c_step + LANES, sum[r][1]);
        }
    }
}

#endif

// The rows of c that are written after this tile, which lie too far apart to be foreseen.
static void prefetch_c(const Out *out, int n)
{
    const float *c = out->c + GROUP * out->step;
    for (int r = 0; r < n; r++) {
        __builtin_prefetch(c + r * out->step, 1, 3);
        __builtin_prefetch(c + r * out->step + LANES, 1, 3);
    }
}

static void run(const Sam2Gemm *gemm, int64_t row, int64_t n_rows, int64_t panel, int64_t n_panels,
                void *scratch)
{
    const int64_t k = gemm->k, n_blocks = count_blocks(k), group_size = n_blocks * 2 * BLOCK;
    Bf16 *a = scratch;
    float *gathered = (float *)(a + (n_rows + GROUP - 1) / GROUP * group_size);
    for (int64_t r = 0; r < n_rows; r += GROUP) {
        const int n = n_rows - r < GROUP ? (int)(n_rows - r) : GROUP;
        if (!gemm->a)
            gemm->gather(gemm->map, row + r, n, gathered);
        load_group(a + r / GROUP * group_size, gemm->a ? gemm->a + (row + r) * k : gathered, n, k);
    }
    const int64_t offset = row_offset(gemm, row);
    const bool plain = gemm->act == SAM2_ACT_NONE && !gemm->residual;
    start_tiles();
    for (int64_t p = panel; p < panel + n_panels; p++) {
        const int64_t column = p * PANEL;
        const Bf16 *b = (const Bf16 *)gemm->b + p * group_size;
        float bias[PANEL] __attribute__((aligned(64))) = {0};
        for (int i = 0; gemm->bias && i < PANEL && column + i < gemm->n; i++)
            bias[i] = gemm->bias[column + i];
        for (int64_t r = 0; r < n_rows; r += GROUP) {
            const int n = n_rows - r < GROUP ? (int)(n_rows - r) : GROUP;
            const Bf16 *group = a + r / GROUP * group_size;
            const Out out = place_tile(gemm, offset + r * gemm->c_inner, column);
            if (r + 2 * GROUP <= n_rows)
                prefetch_c(&out, GROUP);
            if (plain && n == GROUP && out.width == PANEL) {
                multiply_group(out.c, out.step, group, b, n_blocks, bias);
                continue;
            }
            float c[GROUP * PANEL] __attribute__((aligned(64)));
            multiply_group(c, PANEL, group, b, n_blocks, bias);
            for (int i = 0; i < 2 * n; i++)
                finish(gemm, &out, i / 2, i % 2, vec_load(c + i * LANES), true);
        }
    }
    stop_tiles();
}

const Sam2GemmKernels SAM2_KERNEL(sam2_gemm_bf16) = {
    .tile_rows = GROUP,
    .panel = PANEL,
    .size = sizeof(Bf16),
    .packed_size = packed_size,
    .pack = pack,
    .scratch_size = scratch_size,
    .run = run,
};
