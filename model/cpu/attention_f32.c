// SPDX-License-Identifier: Apache-2.0
// fp32 attention, built once per instruction set.
//
// Queries lie along the lanes: scores and weights are (keys, queries), the output (dv, queries), so
// the softmax needs no sums across lanes, and keys and values are only ever broadcast: they are
// read where they lie. Only the queries are packed, (d, queries), and the output is turned back at
// the end. Queries go in groups of up to 3 vectors; per group and block of keys: scores, softmax
// with the maximum so far, output.
#include "model/cpu/attention_kernel.h"
#include "model/cpu/attention_vec.h"
#include "model/cpu/kernel.h"

#include <math.h>
#include <string.h>

#ifdef __AVX512F__
#define TILE_ROWS 8 // 8 rows x 3 vectors: 24 sums, 3 vectors and a broadcast in 32 registers
#else
#define TILE_ROWS 4 // 12 sums, 3 vectors and a broadcast in 16 registers
#endif
#define GROUP_VECS 3
#define MAX_QUERIES 208 // with 256 columns, this many queries and a block of keys stay in 512 KiB
#define MAX_VECS (MAX_QUERIES / LANES)
#define KEY_BLOCK 256

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef struct Group {
    int n_vecs;
    float *q;   // (d, lanes)
    float *o;   // (dv, lanes)
    float *max; // of the scores so far
    float *sum; // of the weights so far
} Group;

// Rows of the next block of keys, to be brought near while this one is at work: scattered rows of
// some hundred bytes are nothing that the processor foresees.
typedef struct Ahead {
    const float *const *k, *const *v;
    int n_rows;
    int n_at_once; // for each tile of scores
    int d, dv;
    size_t qk_offset, v_offset;
} Ahead;

static inline void prefetch_row(const float *row, int n)
{
    for (int i = 0; i < n; i += 16)
        _mm_prefetch((const char *)(row + i), _MM_HINT_T1);
}

static void prefetch_some(Ahead *ahead)
{
    int n = ahead->n_at_once < ahead->n_rows ? ahead->n_at_once : ahead->n_rows;
    for (int i = 0; i < n; i++) {
        prefetch_row(*ahead->k++ + ahead->qk_offset, ahead->d);
        prefetch_row(*ahead->v++ + ahead->v_offset, ahead->dv);
    }
    ahead->n_rows -= n;
}

// s (n_keys, lanes) = K q; max becomes the maximum of itself and the scores. It stays in memory:
// the sums take the registers.
ALWAYS_INLINE void score_keys(const int n_vecs, float *s, float *max, const float *const *k,
                              size_t offset, int n_keys, const float *q, int d, Ahead *ahead)
{
    const int stride = n_vecs * LANES;
    for (int key = 0; key < n_keys; key += TILE_ROWS) {
        prefetch_some(ahead);
        // Rows past the last repeat it: harmless to the maximum, and not stored.
        const float *rows[TILE_ROWS];
        for (int r = 0; r < TILE_ROWS; r++)
            rows[r] = k[key + r < n_keys ? key + r : n_keys - 1] + offset;
        Vec sum[TILE_ROWS][GROUP_VECS];
        for (int r = 0; r < TILE_ROWS; r++)
            for (int j = 0; j < n_vecs; j++)
                sum[r][j] = vec_set(0);
        const float *column = q;
        for (int64_t i = 0; i < d; i++, column += stride) {
            Vec x[GROUP_VECS];
            for (int j = 0; j < n_vecs; j++)
                x[j] = vec_load(column + j * LANES);
#pragma GCC unroll 8
            for (int r = 0; r < TILE_ROWS; r++) {
                Vec y = vec_set(rows[r][i]);
                for (int j = 0; j < n_vecs; j++)
                    sum[r][j] = vec_fma(y, x[j], sum[r][j]);
            }
        }
        for (int j = 0; j < n_vecs; j++) {
            Vec x = vec_load(max + j * LANES);
            for (int r = 0; r < TILE_ROWS; r++) {
                x = vec_max(sum[r][j], x);
                if (key + r < n_keys)
                    vec_store(s + (key + r) * stride + j * LANES, sum[r][j]);
            }
            vec_store(max + j * LANES, x);
        }
    }
}

// o (TILE_ROWS, lanes) = alpha o + V^T p for that many columns of v, rows of v stride_v apart; o
// counts as 0 at the first block.
ALWAYS_INLINE void add_values(const int n_vecs, float *o, const float *alpha, const float *v,
                              size_t stride_v, int n_keys, const float *p, bool first)
{
    const int stride = n_vecs * LANES;
    Vec sum[TILE_ROWS][GROUP_VECS];
    for (int r = 0; r < TILE_ROWS; r++)
        for (int j = 0; j < n_vecs; j++)
            sum[r][j] =
                first ? vec_set(0)
                      : vec_mul(vec_load(alpha + j * LANES), vec_load(o + r * stride + j * LANES));
    for (int key = 0; key < n_keys; key++, p += stride, v += stride_v) {
        Vec x[GROUP_VECS];
        for (int j = 0; j < n_vecs; j++)
            x[j] = vec_load(p + j * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < TILE_ROWS; r++) {
            Vec y = vec_set(v[r]);
            for (int j = 0; j < n_vecs; j++)
                sum[r][j] = vec_fma(y, x[j], sum[r][j]);
        }
    }
    for (int r = 0; r < TILE_ROWS; r++)
        for (int j = 0; j < n_vecs; j++)
            vec_store(o + r * stride + j * LANES, sum[r][j]);
}

// Turns the scores s into weights 2^(c s - c max), adds them to `sum` and gives what the earlier
// weights, which were of old_max, are to be multiplied by.
ALWAYS_INLINE void weigh_keys(const int n_vecs, float *s, float *alpha, float *sum, int n_keys,
                              float scale, const float *old_max, const float *new_max)
{
    const Vec c = vec_set(fabsf(scale) * (float)M_LOG2E);
    Vec shift[GROUP_VECS], total[GROUP_VECS];
    for (int j = 0; j < n_vecs; j++) {
        Vec max = vec_load(new_max + j * LANES);
        Vec x = vec_exp2(vec_mul(c, vec_sub(vec_load(old_max + j * LANES), max)));
        vec_store(alpha + j * LANES, x);
        total[j] = vec_mul(x, vec_load(sum + j * LANES));
        shift[j] = vec_mul(vec_set(-1), vec_mul(c, max));
    }
    for (int key = 0; key < n_keys; key++) {
        for (int j = 0; j < n_vecs; j++, s += LANES) {
            Vec weight = vec_exp2(vec_fma(c, vec_load(s), shift[j]));
            total[j] = vec_add(total[j], weight);
            vec_store(s, weight);
        }
    }
    for (int j = 0; j < n_vecs; j++)
        vec_store(sum + j * LANES, total[j]);
}

// The steps for groups of 1, 2 and 3 vectors. Each is a function of its own so that the compiler
// has all registers for its loop.
typedef struct Steps {
    void (*score)(float *s, float *max, const float *const *k, size_t offset, int n_keys,
                  const float *q, int d, Ahead *ahead);
    void (*weigh)(float *s, float *alpha, float *sum, int n_keys, float scale, const float *old_max,
                  const float *new_max);
    void (*add)(float *o, const float *alpha, const float *v, size_t stride_v, int n_keys,
                const float *p, bool first);
} Steps;

#define DEFINE_STEPS(n)                                                                            \
    static void score_##n(float *s, float *max, const float *const *k, size_t offset, int n_keys,  \
                          const float *q, int d, Ahead *ahead)                                     \
    {                                                                                              \
        score_keys(n, s, max, k, offset, n_keys, q, d, ahead);                                     \
    }                                                                                              \
    static void weigh_##n(float *s, float *alpha, float *sum, int n_keys, float scale,             \
                          const float *old_max, const float *new_max)                              \
    {                                                                                              \
        weigh_keys(n, s, alpha, sum, n_keys, scale, old_max, new_max);                             \
    }                                                                                              \
    static void add_##n(float *o, const float *alpha, const float *v, size_t stride_v, int n_keys, \
                        const float *p, bool first)                                                \
    {                                                                                              \
        add_values(n, o, alpha, v, stride_v, n_keys, p, first);                                    \
    }

DEFINE_STEPS(1)
DEFINE_STEPS(2)
DEFINE_STEPS(3)

static const Steps steps_of[GROUP_VECS + 1] = {
    [1] = {score_1, weigh_1, add_1},
    [2] = {score_2, weigh_2, add_2},
    [3] = {score_3, weigh_3, add_3},
};

static int pad_values(int dv)
{
    return (dv + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
}

// A block's values close together, (n_keys, padded dv): they are read once for each TILE_ROWS
// columns, and rows that are pages apart would miss the first TLB every time.
static void pack_values(const Sam2AttentionJob *job, int64_t first_key, int n_keys, float *v)
{
    const int padded = pad_values(job->dv);
    for (int key = 0; key < n_keys; key++, v += padded) {
        const float *row = job->v[first_key + key] + job->v_offset;
        int column = 0;
        for (; column + LANES <= job->dv; column += LANES)
            vec_store(v + column, vec_load(row + column));
        for (; column < padded; column++)
            v[column] = column < job->dv ? row[column] : 0;
    }
}

// One block of keys for one group of queries.
static void attend(const Sam2AttentionJob *job, const Group *group, int64_t first_key, int n_keys,
                   const float *v, float *s, Ahead *ahead)
{
    const Steps *steps = &steps_of[group->n_vecs];
    const int stride = group->n_vecs * LANES;
    const bool first = first_key == 0;
    float old_max[GROUP_VECS * LANES], alpha[GROUP_VECS * LANES];
    memcpy(old_max, group->max, (size_t)stride * sizeof *old_max);
    steps->score(s, group->max, job->k + first_key, job->qk_offset, n_keys, group->q, job->d,
                 ahead);
    steps->weigh(s, alpha, group->sum, n_keys, job->scale, old_max, group->max);

    const int dv = pad_values(job->dv);
    for (int row = 0; row < dv; row += TILE_ROWS)
        steps->add(group->o + row * stride, alpha, v + row, (size_t)dv, n_keys, s, first);
}

// Vectors in the next group when n are left: 3, but two groups of 2 rather than 3 + 1.
static int choose_group(int n)
{
    return n == 4 ? 2 : n < GROUP_VECS ? n : GROUP_VECS;
}

static void pack_queries(const Sam2AttentionJob *job, int64_t first, int n, const Group *group)
{
    const int stride = group->n_vecs * LANES;
    for (int j = 0; j < group->n_vecs; j++) {
        const float *const *rows = job->q + (first + j * LANES) * (job->pool ? 4 : 1);
        for (int column = 0; column < job->d; column += LANES) {
            Vec x[LANES];
            int width = job->d - column < LANES ? job->d - column : LANES;
            vec_load_queries(x, rows, n - j * LANES, job->qk_offset + column, width, job->pool);
            vec_transpose(x);
            for (int i = 0; i < width; i++)
                vec_store(group->q + (column + i) * stride + j * LANES,
                          job->scale < 0 ? vec_mul(x[i], vec_set(-1)) : x[i]);
        }
    }
}

static void store_output(const Sam2AttentionJob *job, int64_t first, int n, const Group *group)
{
    const int stride = group->n_vecs * LANES;
    for (int j = 0; j < group->n_vecs; j++) {
        const Vec factor = vec_div(vec_set(1), vec_load(group->sum + j * LANES));
        int n_rows = n - j * LANES < LANES ? n - j * LANES : LANES;
        for (int column = 0; column < job->dv; column += LANES) {
            Vec x[LANES];
            int width = job->dv - column < LANES ? job->dv - column : LANES;
            for (int i = 0; i < LANES; i++)
                x[i] = i < width
                           ? vec_mul(factor, vec_load(group->o + (column + i) * stride + j * LANES))
                           : vec_set(0);
            vec_transpose(x);
            for (int i = 0; i < n_rows; i++)
                vec_store_up_to(job->dst[first + j * LANES + i] + job->v_offset + column, x[i],
                                width);
        }
    }
}

static size_t scratch_size(int d, int dv)
{
    const size_t padded = (size_t)pad_values(dv);
    return sizeof(float) *
           (MAX_QUERIES * ((size_t)d + padded + 2) + KEY_BLOCK * (GROUP_VECS * LANES + padded));
}

static void run(const Sam2AttentionJob *job, const void *packed, void *scratch)
{
    float *q = scratch;
    float *o = q + MAX_QUERIES * (size_t)job->d;
    float *max = o + MAX_QUERIES * (size_t)pad_values(job->dv);
    float *sum = max + MAX_QUERIES;
    float *s = sum + MAX_QUERIES;
    float *v = s + KEY_BLOCK * GROUP_VECS * LANES;
    const int64_t n_blocks = (job->n_k + KEY_BLOCK - 1) / KEY_BLOCK;
    const int64_t in_block = ((job->n_k + n_blocks - 1) / n_blocks + TILE_ROWS - 1) & -TILE_ROWS;
    const unsigned saved = vec_flush_denormals();
    for (int64_t first = 0; first < job->n_q; first += MAX_QUERIES) {
        int n = job->n_q - first < MAX_QUERIES ? (int)(job->n_q - first) : MAX_QUERIES;
        int n_groups = 0;
        Group groups[MAX_VECS];
        for (int at = 0; at < n; n_groups++) {
            Group *group = &groups[n_groups];
            *group = (Group){
                .n_vecs = choose_group((n - at + LANES - 1) / LANES),
                .q = q + at * job->d,
                .o = o + at * pad_values(job->dv),
                .max = max + at,
                .sum = sum + at,
            };
            pack_queries(job, first + at, n - at, group);
            for (int j = 0; j < group->n_vecs; j++) {
                vec_store(group->max + j * LANES, vec_set(-1e37f)); // finite: no inf - inf
                vec_store(group->sum + j * LANES, vec_set(0));
            }
            at += group->n_vecs * LANES;
        }
        for (int64_t key = 0; key < job->n_k; key += in_block) {
            int n_keys = job->n_k - key < in_block ? (int)(job->n_k - key) : (int)in_block;
            pack_values(job, key, n_keys, v);
            int64_t next = job->n_k - key - n_keys;
            Ahead ahead = {
                .k = job->k + key + n_keys,
                .v = job->v + key + n_keys,
                .n_rows = next < in_block ? (int)next : (int)in_block,
                .n_at_once = TILE_ROWS / n_groups + 1,
                .d = job->d,
                .dv = job->dv,
                .qk_offset = job->qk_offset,
                .v_offset = job->v_offset,
            };
            for (int i = 0; i < n_groups; i++)
                attend(job, &groups[i], key, n_keys, v, s, &ahead);
        }
        for (int i = 0, at = 0; i < n_groups; at += groups[i++].n_vecs * LANES)
            store_output(job, first + at, n - at, &groups[i]);
    }
    vec_restore(saved);
}

const Sam2AttentionKernels SAM2_KERNEL(sam2_attention_f32) = {
    .lanes = LANES,
    .max_queries = MAX_QUERIES,
    .scratch_size = scratch_size,
    .run = run,
};
