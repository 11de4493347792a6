// SPDX-License-Identifier: Apache-2.0
// Functions of vectors.
#pragma once

#include "model/cpu/vec.h"

#define VEC_INLINE static inline __attribute__((always_inline))

// 1 / x
VEC_INLINE Vec vec_reciprocal(Vec x)
{
#ifdef __AVX512F__
    Vec y = _mm512_rcp14_ps(x);
#else
    Vec y = _mm256_rcp_ps(x);
#endif
    return vec_mul(y, vec_sub(vec_set(2), vec_mul(x, y)));
}

// x Phi(x), the normal distribution within 3e-7 by a rational function fitted on +-5.6.
VEC_INLINE Vec vec_gelu(Vec x)
{
    const float limit = 5.6f;
    Vec z = vec_min(vec_max(x, vec_set(-limit)), vec_set(limit)), u = vec_mul(z, z);
    Vec p = vec_fma(u, vec_set(0x1.7ceefcp-26f), vec_set(0x1.a961e8p-18f));
    p = vec_fma(u, p, vec_set(0x1.6a14f2p-13f));
    p = vec_fma(u, p, vec_set(0x1.34064p-8f));
    p = vec_fma(u, p, vec_set(0x1.18badep-5f));
    p = vec_fma(u, p, vec_set(0x1.988452p-2f));
    Vec q = vec_fma(u, vec_set(0x1.3caafap-20f), vec_set(0x1.392a12p-14f));
    q = vec_fma(u, q, vec_set(0x1.f3be16p-10f));
    q = vec_fma(u, q, vec_set(0x1.d91eecp-6f));
    q = vec_fma(u, q, vec_set(0x1.02a06cp-2f));
    q = vec_fma(u, q, vec_set(1));
    Vec phi = vec_fma(z, vec_mul(p, vec_reciprocal(q)), vec_set(0.5f));
    return vec_mul(vec_mul(x, vec_greater(x, vec_set(-limit))), phi);
}

// e^x within 2e-7 relative for |x| up to 87, and the value at the limit beyond.
VEC_INLINE Vec vec_exp(Vec x)
{
    x = vec_min(vec_max(x, vec_set(-87)), vec_set(87));
    // Adding this leaves round(x / log 2) + 127 in the low bits: an exponent.
    const Vec magic = vec_set(0x1.8p23f + 127);
    const Vec shifted = vec_fma(x, vec_set(0x1.715476p0f), magic), n = vec_sub(shifted, magic);
    Vec r = vec_fma(n, vec_set(-0x1.62e43p-1f), x); // log 2 in two parts
    r = vec_fma(n, vec_set(0x1.05c61p-29f), r);
    Vec y = vec_fma(r, vec_set(1.0f / 720), vec_set(1.0f / 120)); // |r| <= log(2) / 2
    y = vec_fma(r, y, vec_set(1.0f / 24));
    y = vec_fma(r, y, vec_set(1.0f / 6));
    y = vec_fma(r, y, vec_set(0.5f));
    y = vec_fma(r, y, vec_set(1));
    y = vec_fma(r, y, vec_set(1));
    return vec_mul(y, vec_exponent(shifted));
}

VEC_INLINE Vec vec_sigmoid(Vec x)
{
    return vec_div(vec_set(1), vec_add(vec_set(1), vec_exp(vec_sub(vec_set(0), x))));
}
