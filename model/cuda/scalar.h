// SPDX-License-Identifier: Apache-2.0
// The arithmetic of one element, shared by the kernels and by tests that run on the host.
//
// Index maps return -1 for "outside". Sizes are those of model/backend.h's operations.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define SAM2_SCALAR __host__ __device__ __forceinline__ static
#else
#define SAM2_SCALAR static inline
#endif

// ---- Values ------------------------------------------------------------------------------------

// act: Sam2Act. GELU by erfc keeps small results of large negative x exact.
SAM2_SCALAR float sam2_cuda_act(float x, int act)
{
    if (act == 1)
        return x > 0 ? x : 0;
    if (act == 2)
        return 0.5f * x * erfcf(x * -0.70710678118654752f);
    return x;
}

// Round to nearest even bfloat16, kept as fp32; NaN stays NaN.
SAM2_SCALAR float sam2_cuda_round_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        bits |= 0x00400000u;
    else
        bits += 0x7fffu + (bits >> 16 & 1u);
    bits &= 0xffff0000u;
    memcpy(&x, &bits, sizeof x);
    return x;
}

SAM2_SCALAR float sam2_cuda_sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

SAM2_SCALAR float sam2_cuda_mask_to_memory(float x, int binarize, float scale, float bias)
{
    float value = binarize ? (x > 0 ? 1.0f : 0.0f) : sam2_cuda_sigmoid(x);
    return scale * value + bias;
}

// Of masks 1, 2, 3 the one whose predicted IoU, before the sigmoid, is best; the first of equals.
SAM2_SCALAR int sam2_cuda_best_mask(const float *iou)
{
    int best = 1;
    for (int i = 2; i <= 3; i++)
        if (sam2_cuda_sigmoid(iou[i]) > sam2_cuda_sigmoid(iou[best]))
            best = i;
    return best;
}

// A pair of RoPE, (re, im) turned by the angle of (c, s).
SAM2_SCALAR void sam2_cuda_rotate(float *re, float *im, float c, float s)
{
    float a = *re, b = *im;
    *re = a * c - b * s;
    *im = a * s + b * c;
}

// The row of RoPE's tables, `period` rows long, for row r of batches of `rows`, of each of which
// the first `rotated` are turned; -1: this one is not.
SAM2_SCALAR int64_t sam2_cuda_rope_row(int64_t r, int64_t rows, int64_t rotated, int64_t period)
{
    int64_t t = r % rows;
    return t < rotated ? t % period : -1;
}

// ---- Online softmax ----------------------------------------------------------------------------

// What two parts of a row are worth together: the maximum, and the factors for both parts' sums.
// A part without any key has the maximum -INFINITY and no weight.
SAM2_SCALAR float sam2_cuda_softmax_join(float max_a, float max_b, float *factor_a, float *factor_b)
{
    float max = max_a > max_b ? max_a : max_b;
    *factor_a = max_a == -INFINITY ? 0.0f : exp2f(max_a - max);
    *factor_b = max_b == -INFINITY ? 0.0f : exp2f(max_b - max);
    return max;
}

// Keys of part `part` of `n_parts`: whole blocks, spread evenly.
SAM2_SCALAR void sam2_cuda_split(int n_keys, int block, int part, int n_parts, int *first, int *end)
{
    int n_blocks = (n_keys + block - 1) / block;
    int64_t from = (int64_t)n_blocks * part / n_parts,
            to = (int64_t)n_blocks * (part + 1) / n_parts;
    *first = (int)from * block;
    *end = (int)to * block < n_keys ? (int)to * block : n_keys;
}

// ---- Index maps --------------------------------------------------------------------------------

// Hiera's windows over a map (h, w): tiles of tile_h x tile_w, row by row. step 2: queries pooled.
typedef struct Sam2CudaWindows {
    int h, w, tile_h, tile_w, step;
    int n_x, n_tiles; // tiles in a row, in all
} Sam2CudaWindows;

SAM2_SCALAR Sam2CudaWindows sam2_cuda_windows(int h, int w, int window, int pool)
{
    Sam2CudaWindows windows;
    windows.h = h;
    windows.w = w;
    windows.tile_h = window ? window : h;
    windows.tile_w = window ? window : w;
    windows.step = pool ? 2 : 1;
    windows.n_x = (w + windows.tile_w - 1) / windows.tile_w;
    windows.n_tiles = (h + windows.tile_h - 1) / windows.tile_h * windows.n_x;
    return windows;
}

// The token of the map that is token t of a tile.
SAM2_SCALAR int64_t sam2_cuda_window_token(const Sam2CudaWindows *windows, int tile, int t)
{
    int y = tile / windows->n_x * windows->tile_h + t / windows->tile_w;
    int x = tile % windows->n_x * windows->tile_w + t % windows->tile_w;
    return y < windows->h && x < windows->w ? (int64_t)y * windows->w + x : -1;
}

// The four tokens of a tile that query t of it is the maximum of (all the same where not pooled).
SAM2_SCALAR void sam2_cuda_window_pooled(const Sam2CudaWindows *windows, int t, int tokens[4])
{
    int width = windows->tile_w / windows->step;
    int first = t / width * windows->step * windows->tile_w + t % width * windows->step;
    for (int i = 0; i < 4; i++)
        tokens[i] = windows->step == 1 ? first : first + i / 2 * windows->tile_w + i % 2;
}

// The row of dst that query t of a tile is written to.
SAM2_SCALAR int64_t sam2_cuda_window_output(const Sam2CudaWindows *windows, int tile, int t)
{
    int width = windows->tile_w / windows->step;
    int y = tile / windows->n_x * windows->tile_h / windows->step + t / width;
    int x = tile % windows->n_x * windows->tile_w / windows->step + t % width;
    int out_h = windows->h / windows->step, out_w = windows->w / windows->step;
    return y < out_h && x < out_w ? (int64_t)y * out_w + x : -1;
}

// The element of x (h, w, c) under tap k = (i * kw + j) * c + channel of the filter at pixel p of
// the result, which is out_w wide.
SAM2_SCALAR int64_t sam2_cuda_conv_source(int64_t p, int k, int out_w, int h, int w, int c, int kw,
                                          int stride, int pad)
{
    int y = (int)(p / out_w) * stride - pad + k / c / kw;
    int x = (int)(p % out_w) * stride - pad + k / c % kw;
    return y < 0 || y >= h || x < 0 || x >= w ? -1 : ((int64_t)y * w + x) * c + k % c;
}

// The two taps of torch's bilinear interpolation with align_corners = false.
SAM2_SCALAR void sam2_cuda_bilinear(int i, int n_in, int n_out, int *first, int *second,
                                    float *weight)
{
    float scale = (float)n_in / (float)n_out;
#ifdef __CUDA_ARCH__ // the host rounds the product before it subtracts
    float at = __fsub_rn(__fmul_rn(scale, (float)i + 0.5f), 0.5f);
#else
    volatile float product = scale * ((float)i + 0.5f);
    float at = product - 0.5f;
#endif
    at = at < 0 ? 0 : at;
    *first = (int)at < n_in - 1 ? (int)at : n_in - 1;
    *second = *first < n_in - 1 ? *first + 1 : *first;
    *weight = at - (float)*first;
}

// Pillow's fixed-point sum, back to 8 bits.
#define SAM2_CUDA_PILLOW_BITS 22
SAM2_SCALAR uint8_t sam2_cuda_clip_8bit(int64_t sum)
{
    sum >>= SAM2_CUDA_PILLOW_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}
