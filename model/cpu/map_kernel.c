// SPDX-License-Identifier: Apache-2.0
// Kernels over maps and rows: norms, depthwise convolution, pooling, sums, rotation.
#include "model/cpu/kernel.h"
#include "model/cpu/kernels.h"
#include "model/cpu/map_kernel.h"
#include "model/cpu/vec_math.h"

#include <math.h>

static Vec load_up_to(const float *p, int64_t left)
{
    return left >= LANES ? vec_load(p) : vec_load_first(p, (int)left);
}

static void store_up_to(float *p, Vec x, int64_t left)
{
    if (left >= LANES)
        vec_store(p, x);
    else
        vec_store_first(p, x, (int)left);
}

static Vec activate(Vec x, Sam2Act act)
{
    return act == SAM2_ACT_GELU ? vec_gelu(x) : act == SAM2_ACT_RELU ? vec_max(x, vec_set(0)) : x;
}

// Rows of four: one to each 128 bits.
static void layer_norm_4(float *dst, const float *x, const float *gamma, const float *beta,
                         int64_t n_rows, float eps, Sam2Act act)
{
    float weights[2][LANES];
    for (int i = 0; i < LANES; i++) {
        weights[0][i] = gamma[i % 4];
        weights[1][i] = beta[i % 4];
    }
    const Vec scale = vec_load(weights[0]), shift = vec_load(weights[1]), quarter = vec_set(0.25f);
    for (int64_t i = 0; i < 4 * n_rows; i += LANES) {
        Vec y = load_up_to(x + i, 4 * n_rows - i);
        y = vec_sub(y, vec_mul(vec_sum_fours(y), quarter));
        Vec variance = vec_mul(vec_sum_fours(vec_mul(y, y)), quarter);
        y = vec_div(y, vec_sqrt(vec_add(variance, vec_set(eps))));
        store_up_to(dst + i, activate(vec_fma(y, scale, shift), act), 4 * n_rows - i);
    }
}

void SAM2_KERNEL(sam2_layer_norm)(float *dst, const float *x, const float *gamma, const float *beta,
                                  int64_t n_rows, int64_t c, float eps, Sam2Act act)
{
    if (c == 4) {
        layer_norm_4(dst, x, gamma, beta, n_rows, eps, act);
        return;
    }
    for (int64_t t = 0; t < n_rows; t++, x += c, dst += c) {
        Vec sum = vec_set(0), squares = vec_set(0);
        for (int64_t i = 0; i < c; i += LANES)
            sum = vec_add(sum, load_up_to(x + i, c - i));
        const float mean = vec_sum(sum) / (float)c;
        for (int64_t i = 0; i < c; i += LANES) {
            Vec y = vec_sub(load_up_to(x + i, c - i), vec_set(mean));
            if (c - i < LANES)
                y = vec_keep_first(y, (int)(c - i));
            squares = vec_fma(y, y, squares);
        }
        const Vec scale = vec_set(1 / sqrtf(vec_sum(squares) / (float)c + eps));
        for (int64_t i = 0; i < c; i += LANES) {
            Vec y = vec_mul(vec_sub(load_up_to(x + i, c - i), vec_set(mean)), scale);
            y = vec_fma(y, load_up_to(gamma + i, c - i), load_up_to(beta + i, c - i));
            store_up_to(dst + i, activate(y, act), c - i);
        }
    }
}

#define PIXELS 8 // of an output row that are summed together

// Pixels x..x + n of an output row, n at most PIXELS; channels from c on, at most LANES.
static inline void convolve_pixels(const Sam2ConvRow *conv, int64_t y, int64_t x, int n, int64_t c)
{
    const int64_t left = conv->c - c;
    const int k = conv->k;
    Vec sum[PIXELS];
    for (int p = 0; p < PIXELS; p++)
        sum[p] = load_up_to(conv->bias + c, left);
    for (int i = 0; i < k; i++) {
        const int64_t yy = y + i - k / 2;
        if (yy < 0 || yy >= conv->h)
            continue;
        for (int j = 0; j < k; j++) {
            const int64_t xx = x + j - k / 2;
            const float *in = conv->x + (yy * conv->width + xx) * conv->c + c;
            const Vec w = load_up_to(conv->w + (i * k + j) * conv->c + c, left);
            if (n == PIXELS && xx >= 0 && xx + PIXELS <= conv->width) {
#pragma GCC unroll 8
                for (int p = 0; p < PIXELS; p++)
                    sum[p] = vec_fma(load_up_to(in + p * conv->c, left), w, sum[p]);
            } else {
#pragma GCC unroll 8
                for (int p = 0; p < PIXELS; p++)
                    if (p < n && xx + p >= 0 && xx + p < conv->width)
                        sum[p] = vec_fma(load_up_to(in + p * conv->c, left), w, sum[p]);
            }
        }
    }
#pragma GCC unroll 8
    for (int p = 0; p < PIXELS; p++)
        if (p < n)
            store_up_to(conv->dst + (y * conv->width + x + p) * conv->c + c, sum[p], left);
}

void SAM2_KERNEL(sam2_depthwise_row)(const Sam2ConvRow *conv, int64_t y)
{
    for (int64_t c = 0; c < conv->c; c += LANES)
        for (int64_t x = 0; x < conv->width; x += PIXELS)
            convolve_pixels(conv, y, x, conv->width - x < PIXELS ? (int)(conv->width - x) : PIXELS,
                            c);
}

void SAM2_KERNEL(sam2_max_pool)(float *dst, const float *x, const float *below, int64_t n,
                                int64_t c)
{
    for (int64_t p = 0; p < n; p++, dst += c, x += 2 * c, below += 2 * c) {
        for (int64_t i = 0; i < c; i += LANES) {
            Vec top = vec_max(load_up_to(x + i, c - i), load_up_to(x + c + i, c - i));
            Vec bottom = vec_max(load_up_to(below + i, c - i), load_up_to(below + c + i, c - i));
            store_up_to(dst + i, vec_max(top, bottom), c - i);
        }
    }
}

void SAM2_KERNEL(sam2_upsample_add)(float *dst, const float *x, int64_t n, int64_t c)
{
    for (int64_t p = 0; p < n; p++, x += c) {
        for (int twice = 0; twice < 2; twice++, dst += c)
            for (int64_t i = 0; i < c; i += LANES)
                store_up_to(dst + i, vec_add(load_up_to(dst + i, c - i), load_up_to(x + i, c - i)),
                            c - i);
    }
}

void SAM2_KERNEL(sam2_add)(float *dst, const float *a, const float *b, float scale, int64_t n)
{
    for (int64_t i = 0; i < n; i += LANES)
        store_up_to(dst + i,
                    vec_fma(load_up_to(b + i, n - i), vec_set(scale), load_up_to(a + i, n - i)),
                    n - i);
}

void SAM2_KERNEL(sam2_rope)(float *x, const float *cos, const float *sin, int64_t c)
{
    int64_t i = 0;
    for (; i + LANES <= c; i += LANES) {
        Vec y = vec_load(x + i);
        vec_store(x + i, vec_mul_subadd(y, vec_load_twice(cos + i / 2), vec_swap_pairs(y),
                                        vec_load_twice(sin + i / 2)));
    }
    for (; i < c; i += 2) {
        float re = x[i], im = x[i + 1];
        x[i] = re * cos[i / 2] - im * sin[i / 2];
        x[i + 1] = re * sin[i / 2] + im * cos[i / 2];
    }
}

void SAM2_KERNEL(sam2_mask_to_memory)(float *dst, const float *x, int64_t n, bool binarize,
                                      float scale, float bias)
{
    for (int64_t i = 0; i < n; i += LANES) {
        Vec y = load_up_to(x + i, n - i);
        y = binarize ? vec_greater(y, vec_set(0)) : vec_sigmoid(y);
        store_up_to(dst + i, vec_fma(y, vec_set(scale), vec_set(bias)), n - i);
    }
}

void SAM2_KERNEL(sam2_round_bf16)(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += LANES)
        store_up_to(x + i, vec_round_bf16(load_up_to(x + i, n - i)), n - i);
}
