// SPDX-License-Identifier: Apache-2.0
// The kernels, as C functions that put them on a stream.
//
// All pointers are device memory unless they say host. Each returns what cudaGetLastError() says of
// the launch; errors of running come with a later call. "half" is bfloat16, or float16 on devices
// without it (Sam2CudaHalf). With `to_half` the result is half, else fp32.
#pragma once

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/cuda/scalar.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum Sam2CudaHalf { SAM2_CUDA_BF16, SAM2_CUDA_F16 } Sam2CudaHalf;

// ---- elementwise.cu ----------------------------------------------------------------------------

cudaError_t sam2_cuda_launch_add(cudaStream_t stream, void *dst, const float *a, const float *b,
                                 int64_t n, int64_t n_b, float scale, bool to_half,
                                 Sam2CudaHalf half);
// x (rows, n) = act(x + bias (n) or NULL) + residual or NULL, in place or to dst.
cudaError_t sam2_cuda_launch_finish(cudaStream_t stream, float *dst, const float *x,
                                    const float *bias, const float *residual, int64_t rows,
                                    int64_t n, int act);
cudaError_t sam2_cuda_launch_mask_to_memory(cudaStream_t stream, float *dst, const float *x,
                                            int64_t n, bool binarize, float scale, float bias);
cudaError_t sam2_cuda_launch_round_bf16(cudaStream_t stream, float *x, int64_t n);
// x (n_batches, rows, 2 half): the first `rotated` rows of each
cudaError_t sam2_cuda_launch_rope(cudaStream_t stream, float *x, const float *cos, const float *sin,
                                  int64_t n_batches, int64_t rows, int64_t rotated, int64_t half,
                                  int64_t period);
cudaError_t sam2_cuda_launch_max_pool(cudaStream_t stream, float *dst, const float *x, int out_h,
                                      int out_w, int c);
cudaError_t sam2_cuda_launch_upsample_add(cudaStream_t stream, float *dst, const float *x,
                                          int out_h, int out_w, int c);
// x (rows, k) fp32 to half (rows, k_padded), zeros behind k.
cudaError_t sam2_cuda_launch_to_half(cudaStream_t stream, void *dst, const float *x, int64_t rows,
                                     int64_t k, int64_t k_padded, Sam2CudaHalf half);

// ---- convolution.cu ----------------------------------------------------------------------------

typedef struct Sam2CudaConv {
    int h, w, c, kh, kw, stride, pad, out_h, out_w;
} Sam2CudaConv;

// Patches of x (B, h, w, c): (B * out_h * out_w, k_padded), k = kh * kw * c; half if to_half, else
// fp32.
cudaError_t sam2_cuda_launch_patches(cudaStream_t stream, void *dst, const float *x,
                                     const Sam2CudaConv *conv, int64_t first_pixel,
                                     int64_t n_pixels, int64_t k_padded, bool to_half,
                                     Sam2CudaHalf half);
// x (n_maps, h, width, c), w (k, k, c)
cudaError_t sam2_cuda_launch_depthwise(cudaStream_t stream, float *dst, const float *x,
                                       const float *w, const float *bias, int n_maps, int h,
                                       int width, int c, int k);
// dst (n_maps, 2h, 2w, c) = act(y (n_maps * h * w, 4, c) + bias + residual (2h, 2w, c) or NULL)
cudaError_t sam2_cuda_launch_unfold2(cudaStream_t stream, float *dst, const float *y,
                                     const float *bias, const float *residual, int n_maps, int h,
                                     int w, int c, int act);

// ---- layer_norm.cu -----------------------------------------------------------------------------

cudaError_t sam2_cuda_launch_layer_norm(cudaStream_t stream, void *dst, const float *x,
                                        const float *gamma, const float *beta, int64_t rows, int c,
                                        float eps, int act, bool to_half, Sam2CudaHalf half);

// ---- attention ---------------------------------------------------------------------------------

// Queries, keys and values of one or many attentions of the same size: batch b of head h.
typedef struct Sam2CudaAttention {
    int n_batches, n_heads, n_q, n_k, d, d_v;
    float scale;
    // Where query t of (batch, head) goes: row `row * d_out + head * d_v` of dst, row being t, or
    // what the windows say (-1: nowhere). dst is half with widths of multiples of 8, or fp32.
    void *dst;
    bool to_half;
    int64_t d_out;
    bool windowed;
    Sam2CudaWindows windows;
} Sam2CudaAttention;

// attention_f32.cu: everything in fp32. Packed operands, (batch * head, t, d), fp32.
cudaError_t sam2_cuda_launch_attention_f32(cudaStream_t stream, const Sam2CudaAttention *attention,
                                           const float *q, const float *k, const float *v);

// Where an operand's rows lie: half elements between those of a (batch, head), between heads and
// between batches (0: all are the same), all multiples of 8; data at a 16-byte address.
typedef struct Sam2CudaRows {
    const void *data;
    int64_t row, head, batch;
} Sam2CudaRows;

// flash.c: how attention on tensor cores is cut; attention.c: where its operands are.
typedef struct Sam2CudaFlash {
    int d, d_v;          // padded widths, of one of the kernels that there are
    int n_splits;        // of the keys, so that the device is filled
    size_t scratch_size; // bytes, for n_splits > 1
    Sam2CudaRows q, k, v;
    int width, width_v; // elements of a row that there are, multiples of 8; the rest are zeros
    // The windows say which rows of the map (`batch` is 0) a tile's tokens are: those beyond it are
    // bias, by parts of `part` elements for q, k, v; queries are pooled.
    bool gathered;
    const float *bias;
    int part;
} Sam2CudaFlash;

void sam2_cuda_flash_choose(Sam2CudaFlash *out, const Sam2CudaAttention *attention,
                            int n_multiprocessors);

// attention_bf16.cu and attention_f16.cu: the same kernels for both half types. `shared_limit` is
// the shared memory that a block can have.
cudaError_t sam2_cuda_launch_flash_bf16(cudaStream_t stream, const Sam2CudaAttention *attention,
                                        const Sam2CudaFlash *flash, float *scratch,
                                        int shared_limit);
cudaError_t sam2_cuda_launch_flash_f16(cudaStream_t stream, const Sam2CudaAttention *attention,
                                       const Sam2CudaFlash *flash, float *scratch,
                                       int shared_limit);

// In the same two files: a projection that rotates what it has summed up, in fp32, before it is
// rounded. dst (m, n) half = rope(x (m, k) half w^T (n, k) half + bias (n) fp32); n and k are
// multiples of 8. Tables cos, sin (period, n / 2); see sam2_cuda_rope_row().
typedef struct Sam2CudaProjection {
    int64_t m, rows, rotated, period;
    int n, k;
} Sam2CudaProjection;

cudaError_t sam2_cuda_launch_project_bf16(cudaStream_t stream, void *dst, const void *x,
                                          const void *w, const float *bias, const float *cos,
                                          const float *sin, const Sam2CudaProjection *shape);
cudaError_t sam2_cuda_launch_project_f16(cudaStream_t stream, void *dst, const void *x,
                                         const void *w, const float *bias, const float *cos,
                                         const float *sin, const Sam2CudaProjection *shape);

// pack.cu: operands of fp32 tensors, for both. Padded widths are d, d_v in fp32. Rows of x
// (n_batches, t, n_heads * d) to (n_batches, n_heads, t, d_padded); a batch begins `step` rows
// after the one before, 0: all are the same.
cudaError_t sam2_cuda_launch_pack_heads(cudaStream_t stream, void *dst, const float *x,
                                        int64_t n_batches, int64_t t, int64_t step, int n_heads,
                                        int d, int d_padded, bool to_half, Sam2CudaHalf half);
// Part `part` (0 q, 1 k, 2 v) of qkv (h, w, 3c) to (tiles * heads, tokens, d_padded); tokens beyond
// the map are bias. q is pooled where the windows say so.
cudaError_t sam2_cuda_launch_pack_windows(cudaStream_t stream, void *dst, const float *qkv,
                                          const float *bias, int part,
                                          const Sam2CudaWindows *windows, int c, int n_heads,
                                          int d_padded, bool to_half, Sam2CudaHalf half);

// ---- image.cu ----------------------------------------------------------------------------------

cudaError_t sam2_cuda_launch_bilinear(cudaStream_t stream, float *dst, const float *x, int n_planes,
                                      int h, int w, int out_h, int out_w);
// A table of taps: first (n_out), n (n_out), weights (n_out, n_max).
typedef struct Sam2CudaTaps {
    const int *first, *n;
    const float *weights;
    const int *fixed; // the same for 8-bit pixels, in 1 / 2^22
    int n_max, n_out;
} Sam2CudaTaps;
// Along the middle axis of x (a, n_in, b) to dst (a, n_out, b).
cudaError_t sam2_cuda_launch_resample(cudaStream_t stream, float *dst, const float *x, int64_t a,
                                      int64_t n_in, int64_t b, const Sam2CudaTaps *taps);
cudaError_t sam2_cuda_launch_resample_8bit(cudaStream_t stream, uint8_t *dst, const uint8_t *x,
                                           int64_t a, int64_t n_in, int64_t b,
                                           const Sam2CudaTaps *taps);
// 8 bits to fp32 / 255; and (x - mean) / deviation of interleaved RGB, in place.
cudaError_t sam2_cuda_launch_from_8bit(cudaStream_t stream, float *dst, const uint8_t *x,
                                       int64_t n);
cudaError_t sam2_cuda_launch_normalise(cudaStream_t stream, float *x, int64_t n);

// ---- holes.cu ----------------------------------------------------------------------------------

// x (n_maps, h, w); labels, areas (n_maps * h * w) are scratch.
cudaError_t sam2_cuda_launch_fill_holes(cudaStream_t stream, float *x, int n_maps, int h, int w,
                                        int max_area, float value, int *labels, int *areas);

// ---- track.cu: see gather_memory, choose_mask and mark_absent of Sam2BackendOps ----------------

typedef struct Sam2CudaMemory {
    int64_t rows, width; // of an object
    int64_t n_frames, hw;
} Sam2CudaMemory;

cudaError_t sam2_cuda_launch_gather(cudaStream_t stream, void *memory, void *keys,
                                    const uint64_t *sources, const int64_t *temporal_rows,
                                    const float *tokens, const float *token_keys,
                                    const float *position, const float *temporal,
                                    const Sam2CudaMemory *shape, int64_t n_objects, bool to_half,
                                    Sam2CudaHalf half);
cudaError_t sam2_cuda_launch_choose(cudaStream_t stream, float *low, float *token, float *scores,
                                    const float *logits, const float *tokens, const float *iou,
                                    const float *score, int64_t n_objects, int64_t n_pixels,
                                    int64_t d, float absent);
cudaError_t sam2_cuda_launch_mark_absent(cudaStream_t stream, float *x, const float *scores,
                                         const float *row, int64_t n_objects, int64_t in_object,
                                         int64_t c, bool replace);

#ifdef __cplusplus
}
#endif
