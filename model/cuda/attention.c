// SPDX-License-Identifier: Apache-2.0
// Attention: on tensor cores half operands are read where they lie; fp32 ones, and all in fp32
// precision, are packed by heads (and windows) first. Then one kernel runs all heads.
#include <math.h>

#include "model/cuda/state.h"

static Sam2Status prepare(Sam2Backend *be, const Sam2CudaAttention *attention, Sam2CudaFlash *flash)
{
    const bool half = be->precision == SAM2_PRECISION_BF16;
    *flash = (Sam2CudaFlash){.d = attention->d, .d_v = attention->d_v, .n_splits = 1};
    if (attention->d_v > 256 || (half && attention->d > 256))
        return sam2_fail(&be->error, SAM2_ERR_UNSUPPORTED,
                         "heads of width %d and %d: the cuda backend goes up to 256", attention->d,
                         attention->d_v);
    if (half)
        sam2_cuda_flash_choose(flash, attention, sam2_cuda_state(be)->n_multiprocessors);
    // As packed operands have it.
    flash->width = flash->d;
    flash->width_v = flash->d_v;
    return SAM2_OK;
}

static Sam2Status run(Sam2Backend *be, const Sam2CudaAttention *attention,
                      const Sam2CudaFlash *flash)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    if (be->precision != SAM2_PRECISION_BF16)
        return sam2_cuda_check(be,
                               sam2_cuda_launch_attention_f32(state->stream, attention,
                                                              flash->q.data, flash->k.data,
                                                              flash->v.data),
                               "attention");
    float *scratch = NULL;
    if (flash->scratch_size > 0) {
        scratch = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_PARTIAL, flash->scratch_size);
        if (!scratch)
            return be->error.status;
    }
    cudaError_t error = state->half == SAM2_CUDA_BF16
                            ? sam2_cuda_launch_flash_bf16(state->stream, attention, flash, scratch,
                                                          state->shared_limit)
                            : sam2_cuda_launch_flash_f16(state->stream, attention, flash, scratch,
                                                         state->shared_limit);
    return sam2_cuda_check(be, error, "attention");
}

// Scratch for n_batches * n_heads packed operands (t, width).
static Sam2Status take_packed(Sam2Backend *be, Sam2CudaScratch purpose, Sam2CudaRows *out,
                              const Sam2CudaAttention *attention, int t, int width)
{
    const bool half = be->precision == SAM2_PRECISION_BF16;
    const size_t n = (size_t)attention->n_batches * (size_t)attention->n_heads * (size_t)t;
    out->data = sam2_cuda_scratch(be, purpose, n * (size_t)width * (half ? 2 : sizeof(float)));
    out->row = width;
    out->head = (int64_t)t * width;
    out->batch = (int64_t)attention->n_heads * t * width;
    return out->data ? SAM2_OK : be->error.status;
}

// x (n_batches, t, n_heads * d), or (t, n_heads * d) for all, as it is if it is half; else packed.
static Sam2Status place_heads(Sam2Backend *be, Sam2CudaScratch purpose, Sam2CudaRows *out,
                              const Sam2Tensor *x, const Sam2CudaAttention *attention, int d,
                              int *width)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    const int t = (int)x->shape[x->n_dims - 2];
    const int64_t row = x->shape[x->n_dims - 1];
    if (x->dtype != SAM2_F32) {
        *out = (Sam2CudaRows){x->data, row, d, x->n_dims == 2 ? 0 : t * row};
        *width = d;
        return SAM2_OK;
    }
    SAM2_TRY(take_packed(be, purpose, out, attention, t, *width));
    return sam2_cuda_check(be,
                           sam2_cuda_launch_pack_heads(
                               state->stream, (void *)out->data, sam2_f32(x), attention->n_batches,
                               t, x->n_dims == 2 ? 0 : t, attention->n_heads, d, *width,
                               be->precision == SAM2_PRECISION_BF16, state->half),
                           "packing for attention");
}

Sam2Status sam2_cuda_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                               const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale)
{
    const int at = k->n_dims - 2; // 1: a batch
    const Sam2CudaAttention attention = {.n_batches = at ? (int)k->shape[0] : 1,
                                         .n_heads = n_heads,
                                         .n_q = (int)q->shape[q->n_dims - 2],
                                         .n_k = (int)k->shape[at],
                                         .d = (int)k->shape[at + 1] / n_heads,
                                         .d_v = (int)v->shape[at + 1] / n_heads,
                                         .scale = scale,
                                         .dst = dst->data,
                                         .to_half = dst->dtype != SAM2_F32,
                                         .d_out = v->shape[at + 1]};
    Sam2CudaFlash flash;
    SAM2_TRY(prepare(be, &attention, &flash));
    int width_k = flash.width;
    SAM2_TRY(
        place_heads(be, SAM2_CUDA_SCRATCH_Q, &flash.q, q, &attention, attention.d, &flash.width));
    SAM2_TRY(place_heads(be, SAM2_CUDA_SCRATCH_K, &flash.k, k, &attention, attention.d, &width_k));
    SAM2_TRY(place_heads(be, SAM2_CUDA_SCRATCH_V, &flash.v, v, &attention, attention.d_v,
                         &flash.width_v));
    // What is packed has zeros behind: the narrower of both holds for both.
    flash.width = width_k < flash.width ? width_k : flash.width;
    return run(be, &attention, &flash);
}

Sam2Status sam2_cuda_window_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                      const Sam2Tensor *qkv_bias, int n_heads, int window,
                                      bool pool)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    const int c = (int)qkv->shape[2] / 3, d = c / n_heads;
    const Sam2CudaWindows windows =
        sam2_cuda_windows((int)qkv->shape[0], (int)qkv->shape[1], window, pool);
    const Sam2CudaAttention attention = {.n_batches = windows.n_tiles,
                                         .n_heads = n_heads,
                                         .n_q = windows.tile_h / windows.step *
                                                (windows.tile_w / windows.step),
                                         .n_k = windows.tile_h * windows.tile_w,
                                         .d = d,
                                         .d_v = d,
                                         .scale = 1.0f / sqrtf((float)d),
                                         .dst = dst->data,
                                         .to_half = dst->dtype != SAM2_F32,
                                         .d_out = c,
                                         .windowed = true,
                                         .windows = windows};
    Sam2CudaFlash flash;
    SAM2_TRY(prepare(be, &attention, &flash));
    Sam2CudaRows *const parts[] = {&flash.q, &flash.k, &flash.v};
    if (qkv->dtype != SAM2_F32) {
        for (int i = 0; i < 3; i++)
            *parts[i] = (Sam2CudaRows){(const uint16_t *)qkv->data + i * c, 3 * (int64_t)c, d, 0};
        flash.width = flash.width_v = d;
        flash.gathered = window > 0 || pool; // else tokens are as they lie
        flash.bias = sam2_f32(qkv_bias);
        flash.part = c;
        return run(be, &attention, &flash);
    }
    for (int i = 0; i < 3; i++) {
        const int width = i == 2 ? flash.d_v : flash.d;
        SAM2_TRY(take_packed(be, SAM2_CUDA_SCRATCH_Q + i, parts[i], &attention,
                             i == 0 ? attention.n_q : attention.n_k, width));
        SAM2_TRY(sam2_cuda_check(
            be,
            sam2_cuda_launch_pack_windows(state->stream, (void *)parts[i]->data, sam2_f32(qkv),
                                          sam2_f32(qkv_bias), i, &windows, c, n_heads, width,
                                          be->precision == SAM2_PRECISION_BF16, state->half),
            "packing windows"));
    }
    return run(be, &attention, &flash);
}
