// SPDX-License-Identifier: Apache-2.0
// Attention: operands are packed by heads (and windows), then one kernel runs them all.
#include <math.h>

#include "model/cuda/state.h"

#define LOG2_E 1.4426950408889634f

typedef struct Operands {
    void *q, *k, *v;
    int d, d_v;   // padded widths
    float factor; // of q
    bool half;
} Operands;

static Sam2Status prepare(Sam2Backend *be, const Sam2CudaAttention *attention, Sam2CudaFlash *flash,
                          Operands *out)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    out->half = be->precision == SAM2_PRECISION_BF16;
    out->factor = 1;
    *flash = (Sam2CudaFlash){.d = attention->d, .d_v = attention->d_v, .n_splits = 1};
    if (attention->d_v > 256 || (out->half && attention->d > 256))
        return sam2_fail(&be->error, SAM2_ERR_UNSUPPORTED,
                         "heads of width %d and %d: the cuda backend goes up to 256", attention->d,
                         attention->d_v);
    if (out->half) {
        sam2_cuda_flash_choose(flash, attention, state->n_multiprocessors);
        out->factor = attention->scale * LOG2_E;
    }
    out->d = flash->d;
    out->d_v = flash->d_v;
    size_t n = (size_t)attention->n_batches * (size_t)attention->n_heads;
    size_t element = out->half ? 2 : sizeof(float);
    size_t n_k = n * (size_t)attention->n_k;
    out->q = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_Q,
                               n * (size_t)attention->n_q * (size_t)out->d * element);
    out->k = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_K, n_k * (size_t)out->d * element);
    out->v = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_V, n_k * (size_t)out->d_v * element);
    return out->q && out->k && out->v ? SAM2_OK : be->error.status;
}

static Sam2Status run(Sam2Backend *be, const Sam2CudaAttention *attention,
                      const Sam2CudaFlash *flash, const Operands *operands)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    if (!operands->half)
        return sam2_cuda_check(be,
                               sam2_cuda_launch_attention_f32(state->stream, attention, operands->q,
                                                              operands->k, operands->v),
                               "attention");
    float *scratch = NULL;
    if (flash->scratch_size > 0) {
        scratch = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_PARTIAL, flash->scratch_size);
        if (!scratch)
            return be->error.status;
    }
    cudaError_t error =
        state->half == SAM2_CUDA_BF16
            ? sam2_cuda_launch_flash_bf16(state->stream, attention, flash, operands->q, operands->k,
                                          operands->v, scratch, state->shared_limit)
            : sam2_cuda_launch_flash_f16(state->stream, attention, flash, operands->q, operands->k,
                                         operands->v, scratch, state->shared_limit);
    return sam2_cuda_check(be, error, "attention");
}

Sam2Status sam2_cuda_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                               const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    const int at = k->n_dims - 2; // 1: a batch
    const Sam2CudaAttention attention = {.n_batches = at ? (int)k->shape[0] : 1,
                                         .n_heads = n_heads,
                                         .n_q = (int)q->shape[q->n_dims - 2],
                                         .n_k = (int)k->shape[at],
                                         .d = (int)k->shape[at + 1] / n_heads,
                                         .d_v = (int)v->shape[at + 1] / n_heads,
                                         .scale = scale,
                                         .dst = sam2_f32(dst),
                                         .d_out = v->shape[at + 1]};
    Sam2CudaFlash flash;
    Operands to;
    SAM2_TRY(prepare(be, &attention, &flash, &to));
    const struct {
        void *dst;
        const float *x;
        int64_t rows, step;
        int d, d_padded;
        float factor;
    } parts[] = {{to.q, sam2_f32(q), attention.n_q, q->n_dims == 2 ? 0 : attention.n_q, attention.d,
                  to.d, to.factor},
                 {to.k, sam2_f32(k), attention.n_k, attention.n_k, attention.d, to.d, 1},
                 {to.v, sam2_f32(v), attention.n_k, attention.n_k, attention.d_v, to.d_v, 1}};
    for (int i = 0; i < 3; i++)
        SAM2_TRY(sam2_cuda_check(be,
                                 sam2_cuda_launch_pack_heads(
                                     state->stream, parts[i].dst, parts[i].x, attention.n_batches,
                                     parts[i].rows, parts[i].step, n_heads, parts[i].d,
                                     parts[i].d_padded, parts[i].factor, to.half, state->half),
                                 "packing for attention"));
    return run(be, &attention, &flash, &to);
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
                                         .dst = sam2_f32(dst),
                                         .d_out = c,
                                         .windowed = true,
                                         .windows = windows};
    Sam2CudaFlash flash;
    Operands to;
    SAM2_TRY(prepare(be, &attention, &flash, &to));
    void *const parts[] = {to.q, to.k, to.v};
    for (int i = 0; i < 3; i++)
        SAM2_TRY(sam2_cuda_check(be,
                                 sam2_cuda_launch_pack_windows(
                                     state->stream, parts[i], sam2_f32(qkv), sam2_f32(qkv_bias), i,
                                     &windows, c, n_heads, i == 2 ? to.d_v : to.d,
                                     i == 0 ? to.factor : 1, to.half, state->half),
                                 "packing windows"));
    return run(be, &attention, &flash, &to);
}
