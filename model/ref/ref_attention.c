// SPDX-License-Identifier: Apache-2.0
// Reference attention: global, windowed with query pooling, and rotary positions.
#include "model/ref/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// One query (d) against n keys and values, whose rows are k_step and v_step floats apart.
typedef struct Head {
    const float *k, *v;
    int64_t n, k_step, v_step, d, d_v;
    double scale;
} Head;

// out (d_v) = softmax(scale q k^T) v; scores (n + d_v) is scratch.
static void attend(float *out, const float *q, const Head *head, double *scores)
{
    double *sums = scores + head->n, max = -HUGE_VAL, total = 0;
    for (int64_t j = 0; j < head->n; j++) {
        const float *k = head->k + j * head->k_step;
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < head->d; i++)
            sum += (double)q[i] * k[i];
        scores[j] = sum * head->scale;
        max = fmax(max, scores[j]);
    }
    for (int64_t i = 0; i < head->d_v; i++)
        sums[i] = 0;
    for (int64_t j = 0; j < head->n; j++) {
        const float *v = head->v + j * head->v_step;
        double p = exp(scores[j] - max);
        total += p;
        for (int64_t i = 0; i < head->d_v; i++)
            sums[i] += p * v[i];
    }
    for (int64_t i = 0; i < head->d_v; i++)
        out[i] = (float)(sums[i] / total);
}

Sam2Status sam2_ref_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                              const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale)
{
    int64_t n_q = q->shape[0], c = q->shape[1], c_v = v->shape[1];
    int64_t d = c / n_heads, d_v = c_v / n_heads;
    size_t scratch = (size_t)(k->shape[0] + d_v) * sizeof(double);
    bool failed = false;
#pragma omp parallel num_threads(be->n_threads)
    {
        double *scores = malloc(scratch);
        if (!scores) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for collapse(2)
        for (int64_t t = 0; t < n_q; t++) {
            for (int h = 0; h < n_heads; h++) {
                Head head = {
                    sam2_f32(k) + h * d, sam2_f32(v) + h * d_v, k->shape[0], c, c_v, d, d_v, scale};
                if (scores)
                    attend(sam2_f32(dst) + t * c_v + h * d_v, sam2_f32(q) + t * c + h * d, &head,
                           scores);
            }
        }
        free(scores);
    }
    return failed ? sam2_fail_memory(&be->error, scratch) : SAM2_OK;
}

typedef struct Windows {
    const float *qkv, *bias; // (h, w, 3c), (3c)
    float *dst;
    int64_t h, w, c;
    int64_t tile_h, tile_w;
    int n_heads;
    bool pool;
} Windows;

// The tile whose first token is (y0, x0); tile (tile_h * tile_w, 3c), pooled (c) and scores are
// scratch.
static void attend_tile(const Windows *win, int64_t y0, int64_t x0, float *tile, float *pooled,
                        double *scores)
{
    int64_t c = win->c, c3 = 3 * c, d = c / win->n_heads, step = win->pool ? 2 : 1;
    for (int64_t y = 0; y < win->tile_h; y++) {
        for (int64_t x = 0; x < win->tile_w; x++) {
            bool inside = y0 + y < win->h && x0 + x < win->w;
            memcpy(tile + (y * win->tile_w + x) * c3,
                   inside ? win->qkv + ((y0 + y) * win->w + x0 + x) * c3 : win->bias,
                   (size_t)c3 * sizeof *tile);
        }
    }
    for (int64_t y = 0; y < win->tile_h && y0 + y < win->h; y += step) {
        for (int64_t x = 0; x < win->tile_w && x0 + x < win->w; x += step) {
            const float *q = tile + (y * win->tile_w + x) * c3;
            if (win->pool) {
                const float *below = q + win->tile_w * c3;
                for (int64_t i = 0; i < c; i++)
                    pooled[i] = fmaxf(fmaxf(q[i], q[i + c3]), fmaxf(below[i], below[i + c3]));
                q = pooled;
            }
            float *out = win->dst + ((y0 + y) / step * (win->w / step) + (x0 + x) / step) * c;
            for (int h = 0; h < win->n_heads; h++) {
                Head head = {.k = tile + c + h * d,
                             .v = tile + 2 * c + h * d,
                             .n = win->tile_h * win->tile_w,
                             .k_step = c3,
                             .v_step = c3,
                             .d = d,
                             .d_v = d,
                             .scale = 1 / sqrt((double)d)};
                attend(out + h * d, q + h * d, &head, scores);
            }
        }
    }
}

Sam2Status sam2_ref_window_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                     const Sam2Tensor *qkv_bias, int n_heads, int window, bool pool)
{
    Windows win = {.qkv = sam2_f32(qkv),
                   .bias = sam2_f32(qkv_bias),
                   .dst = sam2_f32(dst),
                   .h = qkv->shape[0],
                   .w = qkv->shape[1],
                   .c = qkv->shape[2] / 3,
                   .tile_h = window ? window : qkv->shape[0],
                   .tile_w = window ? window : qkv->shape[1],
                   .n_heads = n_heads,
                   .pool = pool};
    int64_t n_x = (win.w + win.tile_w - 1) / win.tile_w;
    int64_t n_tiles = (win.h + win.tile_h - 1) / win.tile_h * n_x;
    size_t tokens = (size_t)(win.tile_h * win.tile_w), c = (size_t)win.c;
    size_t tile_size = tokens * 3 * c * sizeof(float), score_size = (tokens + c) * sizeof(double);
    bool failed = false;
#pragma omp parallel num_threads(be->n_threads)
    {
        double *scores = malloc(score_size);
        float *tile = malloc(tile_size + c * sizeof *tile);
        if (!scores || !tile) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for
        for (int64_t i = 0; i < n_tiles; i++)
            if (scores && tile)
                attend_tile(&win, i / n_x * win.tile_h, i % n_x * win.tile_w, tile,
                            tile + tokens * 3 * c, scores);
        free(scores);
        free(tile);
    }
    return failed ? sam2_fail_memory(&be->error, tile_size + score_size) : SAM2_OK;
}

Sam2Status sam2_ref_rope(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *cos,
                         const Sam2Tensor *sin, int64_t n_rotated)
{
    int64_t half = cos->shape[1], period = cos->shape[0];
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t t = 0; t < n_rotated; t++) {
        float *row = sam2_f32(x) + t * 2 * half;
        const float *c = sam2_f32(cos) + t % period * half;
        const float *s = sam2_f32(sin) + t % period * half;
        for (int64_t i = 0; i < half; i++) {
            float re = row[2 * i], im = row[2 * i + 1];
            row[2 * i] = re * c[i] - im * s[i];
            row[2 * i + 1] = re * s[i] + im * c[i];
        }
    }
    return SAM2_OK;
}
