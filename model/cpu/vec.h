// SPDX-License-Identifier: Apache-2.0
// Vectors of floats for the instruction set at hand, with one spelling for all of them.
#pragma once

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __AVX512F__

typedef __m512 Vec;
#define LANES 16

static inline Vec vec_set(float x)
{
    return _mm512_set1_ps(x);
}

static inline Vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void vec_store(float *p, Vec x)
{
    _mm512_storeu_ps(p, x);
}

// The first n floats at p; 0 in the other lanes.
static inline Vec vec_load_first(const float *p, int n)
{
    return _mm512_maskz_loadu_ps((__mmask16)_bzhi_u32(0xffff, (unsigned)n), p);
}

static inline void vec_store_first(float *p, Vec x, int n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)_bzhi_u32(0xffff, (unsigned)n), x);
}

static inline Vec vec_add(Vec a, Vec b)
{
    return _mm512_add_ps(a, b);
}

static inline Vec vec_sub(Vec a, Vec b)
{
    return _mm512_sub_ps(a, b);
}

static inline Vec vec_mul(Vec a, Vec b)
{
    return _mm512_mul_ps(a, b);
}

static inline Vec vec_div(Vec a, Vec b)
{
    return _mm512_div_ps(a, b);
}

// a b + c
static inline Vec vec_fma(Vec a, Vec b, Vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

// b when either is NaN
static inline Vec vec_max(Vec a, Vec b)
{
    return _mm512_max_ps(a, b);
}

// b when either is NaN
static inline Vec vec_min(Vec a, Vec b)
{
    return _mm512_min_ps(a, b);
}

static inline float vec_sum(Vec x)
{
    return _mm512_reduce_add_ps(x);
}

static inline Vec vec_sqrt(Vec x)
{
    return _mm512_sqrt_ps(x);
}

// x with 0 in all but the first n lanes.
static inline Vec vec_keep_first(Vec x, int n)
{
    return _mm512_maskz_mov_ps((__mmask16)_bzhi_u32(0xffff, (unsigned)n), x);
}

// In each lane the sum of its four: lanes 4i to 4i + 3.
static inline Vec vec_sum_fours(Vec x)
{
    x = _mm512_add_ps(x, _mm512_permute_ps(x, 0xb1));
    return _mm512_add_ps(x, _mm512_permute_ps(x, 0x4e));
}

// 1 in the lanes where a > b, else 0.
static inline Vec vec_greater(Vec a, Vec b)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), _mm512_set1_ps(1));
}

// x 2^n, n the integer kept in the low bits of `shifted` by adding 1.5 * 2^23 + 127.
static inline Vec vec_exponent(Vec shifted)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(shifted), 23));
}

// x with the lanes of each pair (2i, 2i + 1) exchanged.
static inline Vec vec_swap_pairs(Vec x)
{
    return _mm512_permute_ps(x, 0xb1);
}

// Even lanes a b - c d, odd lanes a b + c d.
static inline Vec vec_mul_subadd(Vec a, Vec b, Vec c, Vec d)
{
    return _mm512_fmaddsub_ps(a, b, _mm512_mul_ps(c, d));
}

// Lanes 2i and 2i + 1 are p[i].
static inline Vec vec_load_twice(const float *p)
{
    __m512 x = _mm512_castps256_ps512(_mm256_loadu_ps(p));
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7),
                                 x);
}

// Each lane rounded to the nearest bfloat16, to even on ties; NaN is kept.
static inline Vec vec_round_bf16(Vec x)
{
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    __m512i y = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    y = _mm512_mask_mov_epi32(y, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), quiet);
    return _mm512_castsi512_ps(_mm512_and_si512(y, _mm512_set1_epi32((int)0xffff0000u)));
}

#else // AVX2, FMA

typedef __m256 Vec;
#define LANES 8

static inline Vec vec_set(float x)
{
    return _mm256_set1_ps(x);
}

static inline Vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static inline void vec_store(float *p, Vec x)
{
    _mm256_storeu_ps(p, x);
}

static inline __m256i first_lanes(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline Vec vec_load_first(const float *p, int n)
{
    return _mm256_maskload_ps(p, first_lanes(n));
}

static inline void vec_store_first(float *p, Vec x, int n)
{
    _mm256_maskstore_ps(p, first_lanes(n), x);
}

static inline Vec vec_add(Vec a, Vec b)
{
    return _mm256_add_ps(a, b);
}

static inline Vec vec_sub(Vec a, Vec b)
{
    return _mm256_sub_ps(a, b);
}

static inline Vec vec_mul(Vec a, Vec b)
{
    return _mm256_mul_ps(a, b);
}

static inline Vec vec_div(Vec a, Vec b)
{
    return _mm256_div_ps(a, b);
}

static inline Vec vec_fma(Vec a, Vec b, Vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline Vec vec_max(Vec a, Vec b)
{
    return _mm256_max_ps(a, b);
}

static inline Vec vec_min(Vec a, Vec b)
{
    return _mm256_min_ps(a, b);
}

static inline float vec_sum(Vec x)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

static inline Vec vec_sqrt(Vec x)
{
    return _mm256_sqrt_ps(x);
}

static inline Vec vec_keep_first(Vec x, int n)
{
    return _mm256_and_ps(x, _mm256_castsi256_ps(first_lanes(n)));
}

static inline Vec vec_sum_fours(Vec x)
{
    x = _mm256_add_ps(x, _mm256_permute_ps(x, 0xb1));
    return _mm256_add_ps(x, _mm256_permute_ps(x, 0x4e));
}

static inline Vec vec_greater(Vec a, Vec b)
{
    return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ), _mm256_set1_ps(1));
}

static inline Vec vec_exponent(Vec shifted)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(shifted), 23));
}

static inline Vec vec_swap_pairs(Vec x)
{
    return _mm256_permute_ps(x, 0xb1);
}

static inline Vec vec_mul_subadd(Vec a, Vec b, Vec c, Vec d)
{
    return _mm256_fmaddsub_ps(a, b, _mm256_mul_ps(c, d));
}

static inline Vec vec_load_twice(const float *p)
{
    __m256 x = _mm256_castps128_ps256(_mm_loadu_ps(p));
    return _mm256_permutevar8x32_ps(x, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}

static inline Vec vec_round_bf16(Vec x)
{
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    __m256i y = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    y = _mm256_blendv_epi8(y, quiet, nan);
    return _mm256_castsi256_ps(_mm256_and_si256(y, _mm256_set1_epi32((int)0xffff0000u)));
}

#endif
