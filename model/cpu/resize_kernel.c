// SPDX-License-Identifier: Apache-2.0
// Kernels of resizing: plain loops that the compiler turns into vectors.
#include "model/cpu/map_kernel.h"

#include <immintrin.h>
#include <string.h>

#define FRACTION_BITS 22 // of weights for bytes
#define HALF (1 << (FRACTION_BITS - 1))
#define ROWS SAM2_ACROSS_ROWS

// Sums of as many bytes as fit in a vector.
#ifdef __AVX512F__
typedef __m512i Sums;
#define IN_SUMS 16

static inline Sums set_sums(int32_t x)
{
    return _mm512_set1_epi32(x);
}

static inline Sums add_bytes(Sums sum, const uint8_t *bytes, Sums weight)
{
    Sums x = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)bytes));
    return _mm512_add_epi32(sum, _mm512_mullo_epi32(x, weight));
}

static inline void store_bytes(uint8_t *out, Sums sum)
{
    sum = _mm512_max_epi32(_mm512_srai_epi32(sum, FRACTION_BITS), _mm512_setzero_si512());
    _mm_storeu_si128((__m128i *)out, _mm512_cvtusepi32_epi8(sum));
}
#else
typedef __m256i Sums;
#define IN_SUMS 8

static inline Sums set_sums(int32_t x)
{
    return _mm256_set1_epi32(x);
}

static inline Sums add_bytes(Sums sum, const uint8_t *bytes, Sums weight)
{
    Sums x = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)bytes));
    return _mm256_add_epi32(sum, _mm256_mullo_epi32(x, weight));
}

static inline void store_bytes(uint8_t *out, Sums sum)
{
    sum = _mm256_srai_epi32(sum, FRACTION_BITS);
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    _mm_storel_epi64((__m128i *)out, _mm_packus_epi16(words, words));
}
#endif
#define N_SUMS (3 * ROWS / IN_SUMS)

static void transpose(__m128i x[ROWS])
{
    __m128i y[ROWS];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 8; i++) {
            y[2 * i] = _mm_unpacklo_epi8(x[i], x[i + 8]);
            y[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + 8]);
        }
        memcpy(x, y, sizeof y);
    }
}

// Sixteen rows are turned so that they lie along the lanes, summed, and turned back.
void SAM2_KERNEL(sam2_sum_across_u8)(const Sam2Across *across, int64_t y, uint8_t *scratch)
{
    const int64_t line = 3 * across->width, out_line = 3 * across->size;
    const int n_rows = across->height - y < ROWS ? (int)(across->height - y) : ROWS;
    uint8_t *columns = scratch, *out = scratch + ROWS * (line + ROWS); // (.., ROWS)
    for (int64_t i = 0; i < line; i += ROWS) {
        const size_t left = line - i < ROWS ? (size_t)(line - i) : ROWS;
        __m128i x[ROWS];
        for (int r = 0; r < ROWS; r++) {
            x[r] = _mm_setzero_si128();
            if (r < n_rows)
                memcpy(&x[r], across->rgb + (size_t)(y + r) * across->stride + i, left);
        }
        transpose(x);
        memcpy(columns + i * ROWS, x, sizeof x);
    }
    for (int64_t i = 0; i < across->size; i++) {
        const int32_t *weights = across->weights + i * across->n_max;
        const uint8_t *in = columns + 3 * ROWS * (int64_t)across->first[i];
        Sums sum[N_SUMS];
#pragma GCC unroll 6
        for (int k = 0; k < N_SUMS; k++)
            sum[k] = set_sums(HALF);
        for (int j = 0; j < across->n[i]; j++, in += 3 * ROWS)
#pragma GCC unroll 6
            for (int k = 0; k < N_SUMS; k++)
                sum[k] = add_bytes(sum[k], in + k * IN_SUMS, set_sums(weights[j]));
#pragma GCC unroll 6
        for (int k = 0; k < N_SUMS; k++)
            store_bytes(out + 3 * ROWS * i + k * IN_SUMS, sum[k]);
    }
    for (int64_t i = 0; i < out_line; i += ROWS) {
        const size_t left = out_line - i < ROWS ? (size_t)(out_line - i) : ROWS;
        __m128i x[ROWS];
        memcpy(x, out + i * ROWS, sizeof x);
        transpose(x);
        for (int r = 0; r < n_rows; r++)
            memcpy(across->dst + (y + r) * out_line + i, &x[r], left);
    }
}

void SAM2_KERNEL(sam2_resize_row)(float *restrict dst, const float *top, const float *bottom,
                                  float down, const int32_t *left, const int32_t *right,
                                  const float *across, int64_t n, float *restrict line, int64_t w)
{
    for (int64_t i = 0; i < w; i++)
        line[i] = (1 - down) * top[i] + down * bottom[i];
    for (int64_t i = 0; i < n; i++)
        dst[i] = (1 - across[i]) * line[left[i]] + across[i] * line[right[i]];
}

void SAM2_KERNEL(sam2_sum_rows_u8)(uint8_t *dst, const uint8_t *x, size_t stride,
                                   const int32_t *weights, int n_taps, int64_t n)
{
    for (int64_t i = 0; i < n; i += SAM2_SUM_BYTES) {
        Sums sum[SAM2_SUM_BYTES / IN_SUMS];
#pragma GCC unroll 8
        for (int k = 0; k < SAM2_SUM_BYTES / IN_SUMS; k++)
            sum[k] = set_sums(HALF);
        for (int j = 0; j < n_taps; j++)
#pragma GCC unroll 8
            for (int k = 0; k < SAM2_SUM_BYTES / IN_SUMS; k++)
                sum[k] = add_bytes(sum[k], x + (size_t)j * stride + i + k * IN_SUMS,
                                   set_sums(weights[j]));
#pragma GCC unroll 8
        for (int k = 0; k < SAM2_SUM_BYTES / IN_SUMS; k++)
            store_bytes(dst + i + k * IN_SUMS, sum[k]);
    }
}

void SAM2_KERNEL(sam2_sum_rows_f32)(float *restrict dst, const float *x, size_t stride,
                                    const float *weights, int n_taps, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = weights[0] * x[i];
    for (int j = 1; j < n_taps; j++)
        for (int64_t i = 0; i < n; i++)
            dst[i] += weights[j] * x[(size_t)j * stride + (size_t)i];
}
