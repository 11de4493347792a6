// SPDX-License-Identifier: Apache-2.0
// What the attention kernels need of vectors beyond vec.h.
#pragma once

#include "model/cpu/vec.h"

// Results below the normal numbers become 0, which costs nothing, instead of being computed, which
// costs a hundred cycles each. Returns what vec_restore() takes.
static inline unsigned vec_flush_denormals(void)
{
    unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | _MM_FLUSH_ZERO_ON | 0x40 /* denormals are zero */);
    return saved;
}

static inline void vec_restore(unsigned saved)
{
    _mm_setcsr(saved);
}

// The n <= LANES floats at p; 0 in the other lanes. Whole vectors do without a mask, which some
// processors are slow with.
static inline Vec vec_load_up_to(const float *p, int n)
{
    return n == LANES ? vec_load(p) : vec_load_first(p, n);
}

static inline void vec_store_up_to(float *p, Vec x, int n)
{
    if (n == LANES)
        vec_store(p, x);
    else
        vec_store_first(p, x, n);
}

#ifdef __AVX512F__

// 2^x for x <= 0 to 1e-7 relative, exact at 0; NaN stays. With denormals flushed.
static inline Vec vec_exp2(Vec x)
{
    Vec fraction = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF);
    Vec y = vec_fma(vec_set(0.00187931862f), fraction, vec_set(0.00899099465f));
    y = vec_fma(y, fraction, vec_set(0.0558186769f));
    y = vec_fma(y, fraction, vec_set(0.240159273f));
    y = vec_fma(y, fraction, vec_set(0.693151712f));
    y = vec_fma(y, fraction, vec_set(1));
    return _mm512_scalef_ps(y, x);
}

static inline void vec_transpose(Vec x[LANES])
{
    Vec a[LANES];
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        x[i] = _mm512_shuffle_ps(a[i], a[i + 2], 0x44);
        x[i + 1] = _mm512_shuffle_ps(a[i], a[i + 2], 0xee);
        x[i + 2] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        x[i + 3] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    // x[4 i + j], 128-bit lane l: column 4 l + j of rows 4 i .. 4 i + 3
    for (int j = 0; j < 4; j++) {
        Vec even_0 = _mm512_shuffle_f32x4(x[j], x[4 + j], 0x88);      // lanes 0, 2 of i = 0, 1
        Vec odd_0 = _mm512_shuffle_f32x4(x[j], x[4 + j], 0xdd);       // lanes 1, 3
        Vec even_1 = _mm512_shuffle_f32x4(x[8 + j], x[12 + j], 0x88); // of i = 2, 3
        Vec odd_1 = _mm512_shuffle_f32x4(x[8 + j], x[12 + j], 0xdd);
        a[j] = _mm512_shuffle_f32x4(even_0, even_1, 0x88);
        a[4 + j] = _mm512_shuffle_f32x4(odd_0, odd_1, 0x88);
        a[8 + j] = _mm512_shuffle_f32x4(even_0, even_1, 0xdd);
        a[12 + j] = _mm512_shuffle_f32x4(odd_0, odd_1, 0xdd);
    }
    for (int i = 0; i < 16; i++)
        x[i] = a[i];
}

#else // AVX2, FMA

static inline Vec vec_exp2(Vec x)
{
    // In the sum the low bits hold round(x) + 127, which shifted is the exponent of a float.
    const Vec magic = vec_set(0x1.8p23f + 127);
    x = vec_max(vec_set(-127), x);
    Vec rounded = vec_add(x, magic);
    Vec fraction = vec_sub(x, vec_sub(rounded, magic));
    Vec y = vec_fma(vec_set(0.0013276472f), fraction, vec_set(0.00967554133f));
    y = vec_fma(y, fraction, vec_set(0.0555071327f));
    y = vec_fma(y, fraction, vec_set(0.240221197f));
    y = vec_fma(y, fraction, vec_set(0.693146967f));
    y = vec_fma(y, fraction, vec_set(1));
    return vec_mul(y, vec_exponent(rounded));
}

static inline void vec_transpose(Vec x[LANES])
{
    Vec a[LANES];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        x[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        x[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        x[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        x[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        a[i] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x20);
        a[i + 4] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x31);
    }
    for (int i = 0; i < 8; i++)
        x[i] = a[i];
}

#endif

// Columns first .. first + LANES of a query per vector, given by rows at n of `rows` (4 a query
// when pooling); lanes past the width and queries past n are 0.
static inline void vec_load_queries(Vec x[LANES], const float *const *rows, int n, size_t first,
                                    int width, bool pool)
{
    for (int i = 0; i < LANES; i++) {
        if (i >= n) {
            x[i] = vec_set(0);
        } else if (!pool) {
            x[i] = vec_load_up_to(rows[i] + first, width);
        } else {
            Vec top = vec_max(vec_load_up_to(rows[4 * i] + first, width),
                              vec_load_up_to(rows[4 * i + 1] + first, width));
            Vec bottom = vec_max(vec_load_up_to(rows[4 * i + 2] + first, width),
                                 vec_load_up_to(rows[4 * i + 3] + first, width));
            x[i] = vec_max(top, bottom);
        }
    }
}
