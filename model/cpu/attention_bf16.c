// SPDX-License-Identifier: Apache-2.0
// bf16 attention with AMX tiles: products of bf16 summed in fp32, softmax in fp32.
//
// As in attention_f32.c queries lie along the lanes: scores S^T = K q and output O^T = V^T P^T. In
// that form the left tile operands are keys as they lie and values transposed, both packed once for
// all queries, and pairs of rows of the weights make the right operand without any shuffling.
// Groups are 2 tiles, 32 queries, wide; keys go in steps of 2 tiles.
//
// Tile products and vector arithmetic run on different units, so the weights of a step of keys are
// made between the tile products for the scores of later steps. That is before the maximum over the
// block is known. Weights are instead relative to the maximum over the very first keys: being
// floating, they lose nothing by it, short of overflow. Their sum tells when they grow; then
// everything is scaled down, or the block is done over.
#include "model/cpu/attention_kernel.h"
#include "model/cpu/attention_vec.h"
#include "model/cpu/kernel.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define TILE_SIZE 1024 // bytes: 16 rows of 16 fp32 or 32 bf16
#define STEP 32        // queries in a group, keys in a step, depth of a product
#define MAX_QUERIES 256
#define KEY_BLOCK 512

typedef struct Group {
    char *q;      // tiles (d / 32, 2 of queries): rows are pairs of columns
    float *o;     // (dv rounded up to 16, 32)
    float *shift; // weights are 2^(c s + shift)
    float *sum;   // of the weights so far
} Group;

static int count_steps(int64_t n)
{
    return (int)((n + STEP - 1) / STEP);
}

static int count_value_tiles(int dv)
{
    return (dv + LANES - 1) / LANES;
}

// The tile intrinsics do not tell the compiler what memory they read.
static inline void finish_stores(void)
{
    __asm__ volatile("" ::: "memory");
}

static inline void store_bf16(char *p, Vec low, Vec high)
{
    _mm512_store_si512(p, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

// Columns column .. column + 32 of a row of n as bf16, 0 past the end.
static inline void convert_row(char *p, const float *row, int n)
{
    Vec low = vec_load_up_to(row, n < LANES ? n : LANES);
    Vec high = vec_set(0);
    if (n > LANES)
        high = vec_load_up_to(row + LANES, n < STEP ? n - LANES : LANES);
    store_bf16(p, low, high);
}

static size_t packed_size(int64_t n_k, int d, int dv)
{
    return (size_t)count_steps(n_k) * TILE_SIZE *
           (size_t)(2 * count_steps(d) + count_value_tiles(dv));
}

// All values follow all keys: keys (steps, d / 32, 2 tiles of 16 keys), values (steps, dv / 16
// tiles of 32 keys).
static char *get_packed_values(const Sam2AttentionJob *job, const void *packed)
{
    return (char *)packed +
           (size_t)count_steps(job->n_k) * TILE_SIZE * 2 * (size_t)count_steps(job->d);
}

static void pack_step_values(const Sam2AttentionJob *job, int64_t key, int n_keys, char *tiles)
{
    for (int column = 0; column < job->dv; column += LANES, tiles += TILE_SIZE) {
        Vec x[2][LANES];
        int width = job->dv - column < LANES ? job->dv - column : LANES;
        for (int half = 0; half < 2; half++) {
            vec_load_queries(x[half], job->v + key + half * LANES, n_keys - half * LANES,
                             job->v_offset + column, width, false);
            vec_transpose(x[half]);
        }
        for (int i = 0; i < LANES; i++)
            store_bf16(tiles + i * 64, x[0][i], x[1][i]);
    }
}

static void pack(const Sam2AttentionJob *job, int64_t first_key, int64_t n_keys, void *packed)
{
    const int depth = count_steps(job->d);
    char *values = get_packed_values(job, packed);
    for (int64_t key = first_key; key < first_key + n_keys; key += STEP) {
        char *tiles = (char *)packed + key / STEP * depth * 2 * TILE_SIZE;
        int n = first_key + n_keys - key < STEP ? (int)(first_key + n_keys - key) : STEP;
        if (n < STEP)
            memset(tiles, 0, (size_t)depth * 2 * TILE_SIZE);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < depth; j++)
                convert_row(tiles + (2 * j + i / LANES) * TILE_SIZE + i % LANES * 64,
                            job->k[key + i] + job->qk_offset + j * STEP, job->d - j * STEP);
        pack_step_values(job, key, n, values + key / STEP * count_value_tiles(job->dv) * TILE_SIZE);
    }
}

static void pack_queries(const Sam2AttentionJob *job, int64_t first, int n, char *tiles)
{
    for (int column = 0; column < job->d; column += STEP) {
        for (int half = 0; half < 2; half++, tiles += TILE_SIZE) {
            const float *const *rows = job->q + (first + half * LANES) * (job->pool ? 4 : 1);
            Vec low[LANES], high[LANES];
            int width = job->d - column;
            vec_load_queries(low, rows, n - half * LANES, job->qk_offset + column,
                             width < LANES ? width : LANES, job->pool);
            if (width > LANES)
                vec_load_queries(high, rows, n - half * LANES, job->qk_offset + column + LANES,
                                 width < STEP ? width - LANES : LANES, job->pool);
            for (int i = 0; i < LANES; i++) {
                const Vec sign = vec_set(job->scale < 0 ? -1 : 1);
                low[i] = (Vec)_mm512_cvtne2ps_pbh(
                    width > LANES ? vec_mul(high[i], sign) : vec_set(0), vec_mul(low[i], sign));
            }
            vec_transpose(low);
            for (int i = 0; i < LANES; i++)
                vec_store((float *)(tiles + i * 64), low[i]);
        }
    }
}

// 2^x to 1e-4 relative, which rounding to bf16 hides; exact at 0. NaN stays, -inf gives 0.
static inline Vec exp2_coarse(Vec x)
{
    Vec fraction = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF);
    Vec y = vec_fma(vec_set(0.0782679692f), fraction, vec_set(0.226307675f));
    y = vec_fma(y, fraction, vec_set(0.695424318f));
    y = vec_fma(y, fraction, vec_set(1));
    return _mm512_scalef_ps(y, x);
}

// Rounds to bf16, `even` in the low and `odd` in the high halves; both >= 0.
static inline Vec interleave_bf16(Vec even, Vec odd)
{
    const __m512i half = _mm512_set1_epi32(0x8000);
    __m512i low = _mm512_srli_epi32(_mm512_add_epi32(_mm512_castps_si512(even), half), 16);
    __m512i high = _mm512_add_epi32(_mm512_castps_si512(odd), half);
    // low | high & mask
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(low, high, _mm512_set1_epi32(-0x10000), 0xf8));
}

typedef struct Softmax {
    Vec c;
    Vec shift[2];
    Vec sum[2];
} Softmax;

// Rows row .. row + 2 n of a step's scores become weights in a pair of tiles (one for 16 queries)
// whose rows are pairs of keys.
static inline void weigh_pairs(Softmax *softmax, char *p, const float *s, int row, int n)
{
    for (s += row * STEP, p += row * 32; n > 0; n--, s += 2 * STEP, p += 64) {
        for (int j = 0; j < 2; j++) {
            Vec even = vec_fma(softmax->c, vec_load(s + j * LANES), softmax->shift[j]);
            Vec odd = vec_fma(softmax->c, vec_load(s + STEP + j * LANES), softmax->shift[j]);
            even = exp2_coarse(even);
            odd = exp2_coarse(odd);
            softmax->sum[j] = vec_add(softmax->sum[j], vec_add(even, odd));
            vec_store((float *)(p + j * TILE_SIZE), interleave_bf16(even, odd));
        }
    }
}

// Tiles 0 to 3 += K q for 32 keys, 32 queries and 32 columns.
static inline void multiply_step(const char *k, const char *q)
{
    _tile_loadd(6, q, 64);
    _tile_loadd(4, k, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, q + TILE_SIZE, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, k + TILE_SIZE, 64);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

static inline void clear_tiles(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

// Tiles 0 to 3 to s (32, 32).
static inline void store_tiles(float *s)
{
    _tile_stored(0, s, STEP * sizeof *s);
    _tile_stored(1, s + LANES, STEP * sizeof *s);
    _tile_stored(2, s + LANES * STEP, STEP * sizeof *s);
    _tile_stored(3, s + LANES * STEP + LANES, STEP * sizeof *s);
}

static void forbid_rows(float *s, int first)
{
    for (int i = first * STEP; i < STEP * STEP; i += LANES)
        vec_store(s + i, vec_set(-INFINITY));
}

typedef struct Block {
    const char *k, *v;
    int n_keys;
    bool first;
} Block;

// The weights p, tiles (steps, 2 of queries), of a block's keys, and their sum.
static void weigh_block(Softmax *result, char *p, const Block *block, const char *q, int depth,
                        float *s)
{
    const int n_steps = count_steps(block->n_keys), n_at_once = (LANES + depth - 1) / depth;
    const char *k = block->k;
    Softmax softmax = *result;
    for (int step = 0; step < n_steps; step++) {
        float *now = s + step % 2 * STEP * STEP, *before = s + (step + 1) % 2 * STEP * STEP;
        char *out = step == 0 ? p : p + (step - 1) * 2 * TILE_SIZE;
        int row = step == 0 ? STEP : 0; // of the step before
        clear_tiles();
        for (int j = 0; j < depth; j++, k += 2 * TILE_SIZE) {
            multiply_step(k, q + j * 2 * TILE_SIZE);
            int n = row + 2 * n_at_once <= STEP ? n_at_once : (STEP - row) / 2;
            weigh_pairs(&softmax, out, before, row, n);
            row += 2 * n;
        }
        store_tiles(now);
    }
    float *last = s + (n_steps - 1) % 2 * STEP * STEP;
    if (block->n_keys % STEP)
        forbid_rows(last, block->n_keys % STEP);
    weigh_pairs(&softmax, p + (n_steps - 1) * 2 * TILE_SIZE, last, 0, STEP / 2);
    *result = softmax;
}

// o (n_tiles * 16, 32) += V^T P^T, with the weights p; at the first block, =.
static void add_values(float *o, const Block *block, const char *p, int n_tiles)
{
    const int n_steps = count_steps(block->n_keys);
    const size_t stride = STEP * sizeof *o;
    for (int tile = 0; tile < n_tiles; tile += 2, o += 2 * LANES * STEP) {
        const bool two = tile + 1 < n_tiles;
        if (block->first) {
            clear_tiles();
        } else {
            _tile_loadd(0, o, stride);
            _tile_loadd(1, o + LANES, stride);
            if (two) {
                _tile_loadd(2, o + LANES * STEP, stride);
                _tile_loadd(3, o + LANES * STEP + LANES, stride);
            }
        }
        const char *left = block->v + tile * TILE_SIZE, *right = p;
        for (int step = 0; step < n_steps; step++) {
            if (two) {
                multiply_step(left, right);
            } else {
                _tile_loadd(4, left, 64);
                _tile_loadd(6, right, 64);
                _tile_dpbf16ps(0, 4, 6);
                _tile_loadd(7, right + TILE_SIZE, 64);
                _tile_dpbf16ps(1, 4, 7);
            }
            left += n_tiles * TILE_SIZE;
            right += 2 * TILE_SIZE;
        }
        if (two) {
            store_tiles(o);
        } else {
            _tile_stored(0, o, stride);
            _tile_stored(1, o + LANES, stride);
        }
    }
}

// Shifts such that the largest weight over the first steps of a block is 1, in all lanes where they
// are now larger.
static void lower_shift(Vec shift[2], const Block *block, const char *q, int n_steps, int depth,
                        Vec c, float *s)
{
    Vec max[2] = {vec_set(-1e30f), vec_set(-1e30f)}; // finite: no inf - inf
    for (int step = 0; step < n_steps; step++) {
        clear_tiles();
        for (int j = 0; j < depth; j++)
            multiply_step(block->k + (step * depth + j) * 2 * TILE_SIZE, q + j * 2 * TILE_SIZE);
        store_tiles(s);
        if (block->n_keys - step * STEP < STEP)
            forbid_rows(s, block->n_keys - step * STEP);
        for (int i = 0; i < STEP * STEP; i += 2 * LANES)
            for (int j = 0; j < 2; j++)
                max[j] = vec_max(vec_load(s + i + j * LANES), max[j]);
    }
    for (int j = 0; j < 2; j++)
        shift[j] = _mm512_min_ps(shift[j], vec_mul(vec_set(-1), vec_mul(c, max[j])));
}

// Makes sum and output relative to another shift.
static void rescale(const Group *group, const Vec shift[2], int n_rows)
{
    for (int j = 0; j < 2; j++) {
        Vec alpha = vec_exp2(vec_sub(shift[j], vec_load(group->shift + j * LANES)));
        float *sum = group->sum + j * LANES;
        vec_store(group->shift + j * LANES, shift[j]);
        vec_store(sum, vec_mul(alpha, vec_load(sum)));
        for (int row = 0; row < n_rows; row++) {
            float *o = group->o + row * STEP + j * LANES;
            vec_store(o, vec_mul(alpha, vec_load(o)));
        }
    }
}

// Also when a sum is NaN.
static bool is_any_above(const Vec sum[2], float limit)
{
    return _mm512_cmp_ps_mask(sum[0], vec_set(limit), _CMP_NLE_UQ) |
           _mm512_cmp_ps_mask(sum[1], vec_set(limit), _CMP_NLE_UQ);
}

// One block of keys for one group of queries.
static void attend(const Group *group, const Block *block, int depth, int n_tiles, Vec c, float *s,
                   char *p)
{
    const int n_steps = count_steps(block->n_keys), n_rows = block->first ? 0 : n_tiles * LANES;
    Softmax softmax = {.c = c};
    Vec shift[2] = {vec_load(group->shift), vec_load(group->shift + LANES)};
    if (block->first) {
        lower_shift(shift, block, group->q, 1, depth, c, s);
        rescale(group, shift, 0);
    }
    for (int turn = 0; turn < 2; turn++) {
        for (int j = 0; j < 2; j++) {
            softmax.shift[j] = shift[j];
            softmax.sum[j] = vec_set(0);
        }
        weigh_block(&softmax, p, block, group->q, depth, s);
        if (turn == 1 || !is_any_above(softmax.sum, 0x1p60f))
            break;
        lower_shift(shift, block, group->q, n_steps, depth, c, s);
        rescale(group, shift, n_rows);
    }
    for (int j = 0; j < 2; j++) {
        float *sum = group->sum + j * LANES;
        vec_store(sum, vec_add(softmax.sum[j], vec_load(sum)));
    }
    finish_stores();
    add_values(group->o, block, p, n_tiles);
    if (is_any_above(softmax.sum, 0x1p16f)) {
        for (int j = 0; j < 2; j++) {
            Vec exponent = vec_max(_mm512_getexp_ps(softmax.sum[j]), vec_set(0));
            shift[j] = vec_sub(shift[j], exponent);
        }
        rescale(group, shift, n_tiles * LANES);
    }
}

static void store_output(const Sam2AttentionJob *job, int64_t first, int n, const Group *group)
{
    for (int j = 0; j < 2; j++) {
        const Vec factor = vec_div(vec_set(1), vec_load(group->sum + j * LANES));
        for (int column = 0; column < job->dv; column += LANES) {
            Vec x[LANES];
            int width = job->dv - column < LANES ? job->dv - column : LANES;
            for (int i = 0; i < LANES; i++)
                x[i] = vec_mul(factor, vec_load(group->o + (column + i) * STEP + j * LANES));
            vec_transpose(x);
            for (int i = 0; i < LANES && j * LANES + i < n; i++)
                vec_store_up_to(job->dst[first + j * LANES + i] + job->v_offset + column, x[i],
                                width);
        }
    }
}

static size_t scratch_size(int d, int dv)
{
    size_t columns = (size_t)count_steps(d) * STEP / 2 + (size_t)count_value_tiles(dv) * LANES;
    return sizeof(float) * (MAX_QUERIES * (columns + 2) + KEY_BLOCK * STEP / 2 + 2 * STEP * STEP);
}

static void configure_tiles(void)
{
    // Palette 1: eight tiles of 16 rows of 64 bytes.
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_size[16];
        uint8_t n_rows[16];
    } config __attribute__((aligned(64))) = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.row_size[i] = 64;
        config.n_rows[i] = 16;
    }
    finish_stores();
    _tile_loadconfig(&config);
}

static void run(const Sam2AttentionJob *job, const void *packed, void *scratch)
{
    const int depth = count_steps(job->d), n_tiles = count_value_tiles(job->dv);
    const Vec c = vec_set(fmaxf(fabsf(job->scale) * (float)M_LOG2E, FLT_MIN)); // not 0: 0 x inf
    float *s = scratch;
    char *p = (char *)(s + 2 * STEP * STEP);
    char *next = p + KEY_BLOCK * STEP * 2;
    Group groups[MAX_QUERIES / STEP];
    for (int i = 0; i < MAX_QUERIES / STEP; i++) {
        groups[i].q = next;
        groups[i].o = (float *)(groups[i].q + depth * 2 * TILE_SIZE);
        groups[i].shift = groups[i].o + n_tiles * LANES * STEP;
        groups[i].sum = groups[i].shift + STEP;
        next = (char *)(groups[i].sum + STEP);
    }
    const unsigned saved = vec_flush_denormals();
    configure_tiles();
    for (int64_t first = 0; first < job->n_q; first += MAX_QUERIES) {
        int n = job->n_q - first < MAX_QUERIES ? (int)(job->n_q - first) : MAX_QUERIES;
        const int n_groups = count_steps(n);
        for (int i = 0; i < n_groups; i++) {
            pack_queries(job, first + i * STEP, n - i * STEP, groups[i].q);
            for (int j = 0; j < 2; j++) {
                vec_store(groups[i].shift + j * LANES, vec_set(FLT_MAX));
                vec_store(groups[i].sum + j * LANES, vec_set(0));
            }
        }
        finish_stores();
        for (int64_t key = 0; key < job->n_k; key += KEY_BLOCK) {
            const Block block = {
                .k = (const char *)packed + key / STEP * depth * 2 * TILE_SIZE,
                .v = get_packed_values(job, packed) + key / STEP * n_tiles * TILE_SIZE,
                .n_keys = job->n_k - key < KEY_BLOCK ? (int)(job->n_k - key) : KEY_BLOCK,
                .first = key == 0,
            };
            for (int i = 0; i < n_groups; i++)
                attend(&groups[i], &block, depth, n_tiles, c, s, p);
        }
        for (int i = 0; i < n_groups; i++)
            store_output(job, first + i * STEP, n - i * STEP, &groups[i]);
    }
    _tile_release();
    vec_restore(saved);
}

const Sam2AttentionKernels SAM2_KERNEL(sam2_attention_bf16) = {
    .lanes = STEP,
    .max_queries = MAX_QUERIES,
    .pack_step = 4 * STEP,
    .packed_size = packed_size,
    .pack = pack,
    .scratch_size = scratch_size,
    .run = run,
};
