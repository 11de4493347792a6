// SPDX-License-Identifier: Apache-2.0
// One object on one frame.
#include "model/track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NO_OBJECT_LOGIT -1024.0f

Sam2Status sam2_track_unconditioned(const Sam2Model *model, Sam2Arena *arena,
                                    const Sam2Features *features, Sam2Tensor *out)
{
    SAM2_TRY(SAM2_TAKE(arena, out, features->top.shape[0], features->top.shape[1]));
    return sam2_op_add(arena->be, out, &features->top, model->no_mem_embed, 1.0f);
}

// Tokens of the pointers and their position, (n * d / mem_dim, mem_dim) each.
static Sam2Status fill_pointers(const Sam2Model *model, const Sam2Selection *selection,
                                float *tokens, float *keys)
{
    int d = model->config.d_model, m = model->config.mem_dim;
    float *sine = malloc((size_t)d * sizeof *sine);
    float *position = calloc((size_t)m, sizeof *position);
    if (!sine || !position) {
        free(sine);
        free(position);
        return sam2_fail_memory(&model->be->error, (size_t)d * sizeof *sine);
    }
    for (int i = 0; i < selection->n_pointers; i++) {
        const Sam2PointerRef *ref = &selection->pointers[i];
        float *token = tokens + (int64_t)i * d, *key = keys + (int64_t)i * d;
        memcpy(token, ref->output->pointer, (size_t)d * sizeof *token);
        if (model->pointer_tpos_weight) {
            sam2_position_sine_1d(sine, ref->position, d);
            for (int j = 0; j < m; j++) {
                float sum = 0;
                for (int k = 0; k < d; k++)
                    sum += model->pointer_tpos_weight[j * d + k] * sine[k];
                position[j] = sum + model->pointer_tpos_bias[j];
            }
        } else if (model->config.add_tpos_enc_to_obj_ptrs) {
            sam2_position_sine_1d(position, ref->position, m);
        }
        for (int k = 0; k < d; k++)
            key[k] = token[k] + position[k % m];
    }
    free(sine);
    free(position);
    return SAM2_OK;
}

Sam2Status sam2_track_condition(const Sam2Model *model, Sam2Arena *arena, Sam2Features *features,
                                const Sam2Selection *selection, Sam2Tensor *out)
{
    Sam2Backend *be = arena->be;
    int64_t n = features->top.shape[0], d = model->config.d_model, m = model->config.mem_dim;
    int64_t n_frames = selection->n_memories * n;
    int64_t n_tokens = selection->n_pointers * (d / m);
    Sam2Tensor memory, keys;
    SAM2_TRY(sam2_memory_attention_prepare(&model->attention, arena, features));
    SAM2_TRY(SAM2_TAKE(arena, &memory, n_frames + n_tokens, m));
    SAM2_TRY(SAM2_TAKE(arena, &keys, n_frames + n_tokens, m));
    for (int i = 0; i < selection->n_memories; i++) {
        const Sam2MemoryRef *ref = &selection->memories[i];
        Sam2Tensor memory_rows = sam2_tensor_rows(&memory, i * n, n);
        Sam2Tensor key_rows = sam2_tensor_rows(&keys, i * n, n);
        SAM2_TRY(be->ops->copy(be, memory_rows.data, ref->output->memory.data,
                               sam2_tensor_size(&memory_rows)));
        SAM2_TRY(sam2_op_add(be, &key_rows, &memory_rows, model->memory_position, 1.0f));
        SAM2_TRY(sam2_op_add(be, &key_rows, &key_rows, &model->temporal[ref->temporal], 1.0f));
    }
    if (n_tokens > 0) {
        Sam2Tensor memory_rows = sam2_tensor_rows(&memory, n_frames, n_tokens);
        Sam2Tensor key_rows = sam2_tensor_rows(&keys, n_frames, n_tokens);
        size_t size = sam2_tensor_size(&memory_rows);
        float *host = malloc(2 * size);
        if (!host)
            return sam2_fail_memory(&be->error, 2 * size);
        float *host_keys = host + n_tokens * m;
        Sam2Status status = fill_pointers(model, selection, host, host_keys);
        if (status == SAM2_OK)
            status = be->ops->upload(be, memory_rows.data, host, size);
        if (status == SAM2_OK)
            status = be->ops->upload(be, key_rows.data, host_keys, size);
        free(host);
        SAM2_TRY(status);
    }
    return sam2_memory_attention_forward(&model->attention, arena, features, &memory, &keys,
                                         n_frames, out);
}

static int best_of_three(const float iou[4])
{
    int best = 1;
    for (int i = 2; i <= 3; i++)
        if (iou[i] > iou[best])
            best = i;
    return best;
}

Sam2Status sam2_track_choose(Sam2Arena *arena, const Sam2DecoderOutput *decoded, bool multimask,
                             const Sam2VideoOptions *options, int *index)
{
    Sam2Backend *be = arena->be;
    if (multimask || !options->dynamic_multimask_via_stability) {
        *index = multimask ? best_of_three(decoded->iou) : 0;
        return SAM2_OK;
    }
    Sam2Tensor mask = sam2_tensor_rows(&decoded->masks, 0, 1);
    int64_t n = sam2_tensor_count(&mask), inner = 0, outer = 0;
    float *logits = malloc((size_t)n * sizeof *logits);
    if (!logits)
        return sam2_fail_memory(&be->error, (size_t)n * sizeof *logits);
    Sam2Status status = be->ops->download(be, logits, mask.data, (size_t)n * sizeof *logits);
    float delta = options->dynamic_multimask_stability_delta;
    for (int64_t i = 0; status == SAM2_OK && i < n; i++) {
        inner += logits[i] > delta;
        outer += logits[i] > -delta;
    }
    free(logits);
    float stability = outer > 0 ? (float)inner / (float)outer : 1.0f;
    *index =
        stability >= options->dynamic_multimask_stability_thresh ? 0 : best_of_three(decoded->iou);
    return status;
}

static Sam2Status make_pointer(const Sam2Model *model, Sam2Arena *arena, const Sam2Tensor *token,
                               bool present, float *pointer)
{
    size_t size = (size_t)model->config.d_model * sizeof *pointer;
    if (!present) {
        memcpy(pointer, model->no_obj_ptr, size);
        return SAM2_OK;
    }
    Sam2Tensor out;
    SAM2_TRY(sam2_mlp3_forward(&model->pointer_proj, arena, token, &out));
    return arena->be->ops->download(arena->be, pointer, out.data, size);
}

static Sam2Status fill(Sam2Arena *arena, const Sam2Tensor *x, float value)
{
    size_t size = sam2_tensor_size(x);
    float *host = malloc(size);
    if (!host)
        return sam2_fail_memory(&arena->be->error, size);
    for (int64_t i = 0; i < sam2_tensor_count(x); i++)
        host[i] = value;
    Sam2Status status = arena->be->ops->upload(arena->be, x->data, host, size);
    free(host);
    return status;
}

Sam2Status sam2_track_decode(const Sam2Model *model, Sam2Arena *arena, const Sam2Features *features,
                             const Sam2Tensor *image, const Sam2Points *points,
                             const Sam2Tensor *mask, bool multimask,
                             const Sam2VideoOptions *options, Sam2Decoded *out, float *pointer)
{
    static const float no_xy[2];
    static const int no_label[1] = {-1};
    const Sam2Points none = {no_xy, no_label, 1};
    if (points->n == 0)
        points = &none;
    int64_t d = model->config.d_model, side = model->config.image_size / 4;
    Sam2Tensor dense;
    SAM2_TRY(sam2_prompt_encoder_mask(&model->prompts, arena, mask, &dense));
    size_t size = (size_t)((points->n + 1) * d) * sizeof(float);
    float *sparse = malloc(size);
    if (!sparse)
        return sam2_fail_memory(&arena->be->error, size);
    sam2_prompt_encoder_points(&model->prompts, points, sparse);
    Sam2DecoderOutput decoded;
    Sam2Status status = sam2_mask_decoder_forward(&model->decoder, arena, &model->prompts, features,
                                                  image, &dense, sparse, points->n + 1, &decoded);
    free(sparse);
    SAM2_TRY(status);

    int index = 0;
    SAM2_TRY(sam2_track_choose(arena, &decoded, multimask, options, &index));
    Sam2Tensor low = sam2_tensor_rows(&decoded.masks, index, 1);
    out->low = SAM2_RESHAPE(&low, side, side);
    out->iou = decoded.iou[index];
    out->object_score = decoded.object_score;
    bool present = decoded.object_score > 0;
    if (!present)
        SAM2_TRY(fill(arena, &out->low, NO_OBJECT_LOGIT));
    // Only where three masks were asked for does the pointer follow the choice.
    Sam2Tensor token = sam2_tensor_rows(&decoded.tokens, multimask ? index : 0, 1);
    return make_pointer(model, arena, &token, present, pointer);
}

Sam2Status sam2_track_take_mask(const Sam2Model *model, Sam2Arena *arena,
                                const Sam2Features *features, const Sam2Tensor *mask, bool present,
                                const Sam2VideoOptions *options, Sam2Decoded *out, float *pointer)
{
    Sam2Backend *be = arena->be;
    int64_t size = model->config.image_size, side = size / 4;
    Sam2Tensor high, logits;
    SAM2_TRY(SAM2_TAKE(arena, &out->low, side, side));
    SAM2_TRY(SAM2_TAKE(arena, &high, 1, size, size));
    // 0 and 1 become -10 and 10.
    Sam2Tensor flat = SAM2_RESHAPE(&high, size, size);
    SAM2_TRY(sam2_op_mask_to_memory(be, &flat, mask, true, 20.0f, -10.0f));
    Sam2Tensor plane = SAM2_RESHAPE(&out->low, 1, side, side);
    SAM2_TRY(sam2_op_resize(be, &plane, &high, true));
    out->object_score = present ? 10.0f : -10.0f;
    out->iou = 1.0f;
    if (!present) {
        memcpy(pointer, model->no_obj_ptr, (size_t)model->config.d_model * sizeof *pointer);
        return SAM2_OK;
    }
    SAM2_TRY(SAM2_TAKE(arena, &logits, side, side, 1));
    Sam2Tensor map = SAM2_RESHAPE(mask, size, size, 1);
    SAM2_TRY(sam2_op_conv2d(be, &logits, &map, model->mask_downsample.weight,
                            model->mask_downsample.bias, 4, 0, SAM2_ACT_NONE));
    Sam2Tensor prompt = SAM2_RESHAPE(&logits, side, side);
    const Sam2Points none = {0};
    Sam2Decoded unused;
    return sam2_track_decode(model, arena, features, &features->top, &none, &prompt, false, options,
                             &unused, pointer);
}

Sam2Status sam2_track_encode(const Sam2Model *model, Sam2Arena *arena, const Sam2Features *features,
                             const Sam2Tensor *low, float object_score, bool binarize,
                             const Sam2Tensor *memory)
{
    Sam2Backend *be = arena->be;
    int64_t size = model->config.image_size, side = size / 4;
    Sam2Tensor high, mask;
    SAM2_TRY(SAM2_TAKE(arena, &high, 1, size, size));
    SAM2_TRY(SAM2_TAKE(arena, &mask, size, size));
    Sam2Tensor plane = SAM2_RESHAPE(low, 1, side, side);
    SAM2_TRY(sam2_op_resize(be, &high, &plane, false));
    Sam2Tensor flat = SAM2_RESHAPE(&high, size, size);
    SAM2_TRY(sam2_op_mask_to_memory(be, &mask, &flat, binarize, model->config.sigmoid_scale,
                                    model->config.sigmoid_bias));
    SAM2_TRY(sam2_memory_encoder_forward(&model->memory, arena, features, &mask, memory));
    if (object_score <= 0 && model->no_obj_embed)
        SAM2_TRY(sam2_op_add(be, memory, memory, model->no_obj_embed, 1.0f));
    return sam2_op_round_bf16(be, memory);
}
