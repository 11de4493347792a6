// SPDX-License-Identifier: Apache-2.0
// Attention of the cpu backend: which rows attend to which, memory, threads. Kernels do the rest.
#include "model/cpu/attention_kernel.h"
#include "model/cpu/cpu.h"

#include <math.h>
#include <omp.h>

// Below this many multiplications waking the other threads costs more than it saves.
#define MIN_PARALLEL_WORK 4e6

// The memory of a call. A set is the row lists of one job and room for its packed keys.
typedef struct Work {
    const Sam2AttentionKernels *kernels;
    int64_t n_q, n_k; // of the largest job
    int n_sources;    // rows a query is made of
    size_t packed_size, set_size, scratch_size;
    char *sets, *scratch;
} Work;

typedef struct Set {
    const float **q, **k, **v;
    float **dst;
    char *packed; // packed_size for each head; NULL when the kernels pack nothing
} Set;

static const Sam2AttentionKernels *choose_kernels(Sam2Backend *be)
{
    Sam2CpuIsa isa = sam2_cpu_state(be)->isa;
    if (isa >= SAM2_CPU_AMX && be->precision == SAM2_PRECISION_BF16)
        return &sam2_attention_bf16_amx;
    return isa >= SAM2_CPU_AVX512 ? &sam2_attention_f32_avx512 : &sam2_attention_f32_avx2;
}

// Memory for n_sets jobs like `job`, each with n_packed heads, and every thread's scratch.
static Sam2Status reserve(Work *work, Sam2Backend *be, const Sam2AttentionJob *job, int n_sets,
                          int n_packed)
{
    const Sam2AttentionKernels *kernels = choose_kernels(be);
    if (job->n_k > INT32_MAX) // a window can be far larger than its map
        return sam2_fail_memory(&be->error, SIZE_MAX);
    *work = (Work){.kernels = kernels, .n_q = job->n_q, .n_k = job->n_k};
    work->n_sources = job->pool ? 4 : 1;
    if (kernels->pack)
        work->packed_size = sam2_attention_align(kernels->packed_size(job->n_k, job->d, job->dv));
    size_t n_rows = (size_t)job->n_q * (size_t)(work->n_sources + 1) + 2 * (size_t)job->n_k;
    work->set_size =
        sam2_attention_align(n_rows * sizeof(float *)) + work->packed_size * (size_t)n_packed;
    work->scratch_size = sam2_attention_align(kernels->scratch_size(job->d, job->dv));
    size_t sets_size = work->set_size * (size_t)n_sets;
    work->sets = sam2_cpu_scratch(be, SAM2_CPU_SCRATCH_ATTENTION,
                                  sets_size + work->scratch_size * (size_t)be->n_threads);
    if (!work->sets)
        return be->error.status;
    work->scratch = work->sets + sets_size;
    return SAM2_OK;
}

static Set get_set(const Work *work, int index)
{
    char *base = work->sets + (size_t)index * work->set_size;
    Set set = {.k = (const float **)base};
    set.v = set.k + work->n_k;
    set.q = set.v + work->n_k;
    set.dst = (float **)(set.q + work->n_q * work->n_sources);
    char *end = (char *)(set.dst + work->n_q);
    set.packed = work->packed_size ? base + sam2_attention_align((size_t)(end - base)) : NULL;
    return set;
}

static void *get_scratch(const Work *work)
{
    return work->scratch + (size_t)omp_get_thread_num() * work->scratch_size;
}

static void select_head(Sam2AttentionJob *job, int64_t head)
{
    job->qk_offset = (size_t)(head * job->d);
    job->v_offset = (size_t)(head * job->dv);
}

// All queries of the job against all keys, for each head.
static void attend_all(const Sam2Backend *be, const Work *work, const Sam2AttentionJob *job,
                       const Set *set, int n_heads)
{
    const Sam2AttentionKernels *kernels = work->kernels;
    const double n_products = (double)job->n_q * (double)job->n_k * (job->d + job->dv) * n_heads;
    const int step = kernels->pack_step;
    const int64_t n_packs = kernels->pack ? (job->n_k + step - 1) / step : 0;
    // As many pieces for each thread, at least two, as give pieces of at most max_queries.
    int64_t n_turns = job->n_q * n_heads / ((int64_t)kernels->max_queries * be->n_threads) + 1;
    int64_t n_wanted = be->n_threads * (n_turns < 2 ? 2 : n_turns);
    int64_t in_piece = (job->n_q * n_heads + n_wanted - 1) / n_wanted;
    in_piece = (in_piece + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
    const int64_t n_pieces = (job->n_q + in_piece - 1) / in_piece;

#pragma omp parallel num_threads(be->n_threads) if (n_products >= MIN_PARALLEL_WORK)
    {
        Sam2AttentionJob part = *job;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < n_packs * n_heads; i++) {
            int64_t head = i / n_packs;
            int64_t key = i % n_packs * step;
            select_head(&part, head);
            kernels->pack(&part, key, job->n_k - key < step ? (int)(job->n_k - key) : step,
                          set->packed + (size_t)head * work->packed_size);
        }
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < n_pieces * n_heads; i++) {
            int64_t head = i / n_pieces;
            int64_t query = i % n_pieces * in_piece;
            select_head(&part, head);
            part.q = job->q + query * work->n_sources;
            part.dst = job->dst + query;
            part.n_q = job->n_q - query < in_piece ? job->n_q - query : in_piece;
            const char *packed =
                set->packed ? set->packed + (size_t)head * work->packed_size : NULL;
            kernels->run(&part, packed, get_scratch(work));
        }
    }
}

Sam2Status sam2_cpu_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                              const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale)
{
    const int64_t qk_width = q->shape[1], v_width = v->shape[1];
    Sam2AttentionJob job = {
        .n_q = q->shape[0],
        .n_k = k->shape[0],
        .d = (int)(qk_width / n_heads),
        .dv = (int)(v_width / n_heads),
        .scale = scale,
    };
    Work work;
    SAM2_TRY(reserve(&work, be, &job, 1, n_heads));
    const Set set = get_set(&work, 0);
    for (int64_t i = 0; i < job.n_q; i++) {
        set.q[i] = sam2_f32(q) + i * qk_width;
        set.dst[i] = sam2_f32(dst) + i * v_width;
    }
    for (int64_t i = 0; i < job.n_k; i++) {
        set.k[i] = sam2_f32(k) + i * qk_width;
        set.v[i] = sam2_f32(v) + i * v_width;
    }
    job.q = set.q;
    job.k = set.k;
    job.v = set.v;
    job.dst = set.dst;
    attend_all(be, &work, &job, &set, n_heads);
    return SAM2_OK;
}

typedef struct Tiles {
    const float *qkv, *bias;
    float *dst;
    int64_t height, width, channels;
    int64_t tile_height, tile_width;
    bool pool;
} Tiles;

static const float *get_token(const Tiles *tiles, int64_t y, int64_t x)
{
    if (y >= tiles->height || x >= tiles->width)
        return tiles->bias;
    return tiles->qkv + (y * tiles->width + x) * 3 * tiles->channels;
}

// The rows of the tile whose corner is (top, left). Queries outside the map are left out.
static void list_tile(const Tiles *tiles, int64_t top, int64_t left, const Set *set,
                      Sam2AttentionJob *job)
{
    const int64_t step = tiles->pool ? 2 : 1;
    const int64_t dst_width = tiles->width / step;
    int64_t n_k = 0, n_q = 0;
    for (int64_t y = top; y < top + tiles->tile_height; y++) {
        for (int64_t x = left; x < left + tiles->tile_width; x++) {
            const float *token = get_token(tiles, y, x);
            set->k[n_k] = token + tiles->channels;
            set->v[n_k++] = token + 2 * tiles->channels;
            if (y >= tiles->height || x >= tiles->width || (y - top) % step || (x - left) % step)
                continue;
            if (tiles->pool) {
                set->q[4 * n_q] = token;
                set->q[4 * n_q + 1] = get_token(tiles, y, x + 1);
                set->q[4 * n_q + 2] = get_token(tiles, y + 1, x);
                set->q[4 * n_q + 3] = get_token(tiles, y + 1, x + 1);
            } else {
                set->q[n_q] = token;
            }
            set->dst[n_q++] = tiles->dst + (y / step * dst_width + x / step) * tiles->channels;
        }
    }
    job->q = set->q;
    job->k = set->k;
    job->v = set->v;
    job->dst = set->dst;
    job->n_q = n_q;
    job->n_k = n_k;
}

Sam2Status sam2_cpu_window_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                     const Sam2Tensor *qkv_bias, int n_heads, int window, bool pool)
{
    Tiles tiles = {
        .qkv = sam2_f32(qkv),
        .bias = sam2_f32(qkv_bias),
        .dst = sam2_f32(dst),
        .height = qkv->shape[0],
        .width = qkv->shape[1],
        .channels = qkv->shape[2] / 3,
        .pool = pool,
    };
    tiles.tile_height = window ? window : tiles.height;
    tiles.tile_width = window ? window : tiles.width;
    const int64_t n_columns = (tiles.width + tiles.tile_width - 1) / tiles.tile_width;
    const int64_t n_tiles = (tiles.height + tiles.tile_height - 1) / tiles.tile_height * n_columns;
    const int width = (int)(tiles.channels / n_heads);
    Sam2AttentionJob job = {
        .n_q = tiles.tile_height * tiles.tile_width / (pool ? 4 : 1),
        .n_k = tiles.tile_height * tiles.tile_width,
        .d = width,
        .dv = width,
        .pool = pool,
        .scale = 1 / sqrtf((float)width),
    };
    Work work;
    if (!window) {
        SAM2_TRY(reserve(&work, be, &job, 1, n_heads));
        const Set set = get_set(&work, 0);
        list_tile(&tiles, 0, 0, &set, &job);
        attend_all(be, &work, &job, &set, n_heads);
        return SAM2_OK;
    }
    SAM2_TRY(reserve(&work, be, &job, be->n_threads, 1));
    const double n_products =
        2.0 * (double)job.n_q * (double)job.n_k * width * n_heads * (double)n_tiles;
#pragma omp parallel num_threads(be->n_threads) if (n_products >= MIN_PARALLEL_WORK)
    {
        const Set set = get_set(&work, omp_get_thread_num());
        Sam2AttentionJob part = job;
        int64_t listed = -1;
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < n_tiles * n_heads; i++) {
            int64_t tile = i / n_heads;
            if (tile != listed)
                list_tile(&tiles, tile / n_columns * window, tile % n_columns * window, &set,
                          &part);
            listed = tile;
            select_head(&part, i % n_heads);
            if (set.packed)
                work.kernels->pack(&part, 0, (int)part.n_k, set.packed);
            work.kernels->run(&part, set.packed, get_scratch(&work));
        }
    }
    return SAM2_OK;
}
