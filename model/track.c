// SPDX-License-Identifier: Apache-2.0
// Objects on one frame.
#include "model/track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NO_OBJECT_LOGIT -1024.0f
#define FILLED_LOGIT 0.1f

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

static int64_t count_tokens(const Sam2Model *model, const Sam2TrackShape *shape)
{
    return shape->n_pointers * (model->config.d_model / model->config.mem_dim);
}

int64_t sam2_track_table_count(const Sam2Model *model, const Sam2TrackShape *shape)
{
    Sam2MemoryTable table = sam2_memory_table(NULL, shape->n_objects, shape->n_memories,
                                              count_tokens(model, shape), model->config.mem_dim);
    return (int64_t)(table.size / sizeof(float));
}

Sam2Status sam2_track_fill_table(const Sam2Model *model, const Sam2Selection *selections,
                                 const Sam2TrackShape *shape, void *table)
{
    int64_t n_tokens = count_tokens(model, shape), m = model->config.mem_dim;
    Sam2MemoryTable out =
        sam2_memory_table(table, shape->n_objects, shape->n_memories, n_tokens, m);
    for (int i = 0; i < shape->n_objects; i++) {
        for (int k = 0; k < shape->n_memories; k++) {
            const Sam2MemoryRef *ref = &selections[i].memories[k];
            out.sources[i * shape->n_memories + k] = (uint64_t)(uintptr_t)ref->output->memory.data;
            out.rows[i * shape->n_memories + k] = ref->temporal;
        }
        SAM2_TRY(fill_pointers(model, &selections[i], out.tokens + i * n_tokens * m,
                               out.keys + i * n_tokens * m));
    }
    return SAM2_OK;
}

Sam2Status sam2_track_condition(const Sam2Model *model, Sam2Arena *arena,
                                const Sam2Features *features, const Sam2TrackShape *shape,
                                const Sam2Tensor *table, Sam2Tensor *out)
{
    Sam2Backend *be = arena->be;
    int64_t n = shape->n_objects, hw = features->top.shape[0], d = model->config.d_model;
    if (shape->n_memories == 0) {
        SAM2_TRY(SAM2_TAKE(arena, out, n * hw, d));
        for (int64_t i = 0; i < n; i++) {
            Sam2Tensor rows = sam2_tensor_rows(out, i * hw, hw);
            SAM2_TRY(sam2_op_add(be, &rows, &features->top, model->no_mem_embed, 1.0f));
        }
        return SAM2_OK;
    }
    int64_t t = shape->n_memories * hw + count_tokens(model, shape), m = model->config.mem_dim;
    Sam2Tensor memory, keys;
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &memory, m, n, t, m));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &keys, m, n, t, m));
    SAM2_TRY(sam2_op_gather_memory(be, &memory, &keys, table, model->memory_position,
                                   &model->temporal, shape->n_memories));
    return sam2_memory_attention_forward(&model->attention, arena, features, &memory, &keys,
                                         shape->n_memories * hw, out);
}

int64_t sam2_track_count(const Sam2Model *model, int n_objects)
{
    int64_t side = model->config.image_size / 4;
    return n_objects * (side * side + model->config.d_model + 2);
}

Sam2Tracks sam2_track_view(const Sam2Model *model, int n_objects, const Sam2Tensor *all)
{
    int64_t side = model->config.image_size / 4, d = model->config.d_model, n = n_objects;
    Sam2Tensor flat = SAM2_RESHAPE(all, sam2_track_count(model, n_objects));
    Sam2Tensor filled = sam2_tensor_rows(&flat, 0, n * side * side);
    Sam2Tensor pointers = sam2_tensor_rows(&flat, n * side * side, n * d);
    Sam2Tensor scores = sam2_tensor_rows(&flat, n * (side * side + d), n * 2);
    return (Sam2Tracks){.all = flat,
                        .filled = SAM2_RESHAPE(&filled, n, side, side),
                        .pointers = SAM2_RESHAPE(&pointers, n, d),
                        .scores = SAM2_RESHAPE(&scores, n, 2)};
}

Sam2Status sam2_track_decode_objects(const Sam2Model *model, Sam2Arena *arena,
                                     const Sam2Features *features, const Sam2Tensor *image,
                                     const Sam2VideoOptions *options, const Sam2Tracks *out,
                                     Sam2Tensor *low)
{
    Sam2Backend *be = arena->be;
    int64_t side = model->config.image_size / 4, d = model->config.d_model;
    int64_t n = image->shape[0] / features->top.shape[0];
    Sam2DecodedObjects decoded;
    Sam2Tensor token, pointer;
    SAM2_TRY(SAM2_TAKE(arena, low, n, side, side));
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    SAM2_TRY(SAM2_TAKE(arena, &token, n, d));
    SAM2_TRY(sam2_mask_decoder_run(&model->decoder, arena, &model->prompts, features, image,
                                   model->prompts.no_mask, model->track_tokens, &decoded));
    Sam2Tensor rows = SAM2_RESHAPE(low, n, side * side);
    SAM2_TRY(sam2_op_choose_mask(be, &rows, &token, &out->scores, &decoded.masks, &decoded.tokens,
                                 &decoded.iou, &decoded.score, NO_OBJECT_LOGIT));
    SAM2_TRY(sam2_mlp3_forward(&model->pointer_proj, arena, &token, &pointer));
    SAM2_TRY(be->ops->copy(be, out->pointers.data, pointer.data, sam2_tensor_size(&pointer)));
    Sam2Tensor pointers = SAM2_RESHAPE(&out->pointers, n, 1, d);
    SAM2_TRY(sam2_op_mark_absent(be, &pointers, &out->scores, model->absent_pointer, true));
    SAM2_TRY(be->ops->copy(be, out->filled.data, low->data, sam2_tensor_size(low)));
    SAM2_TRY(sam2_op_fill_holes(be, &out->filled, options->fill_hole_area, FILLED_LOGIT));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
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

// low (n, S/4, S/4) to memory (n * h * w, mem_dim)
static Sam2Status encode_masks(const Sam2Model *model, Sam2Arena *arena,
                               const Sam2Features *features, const Sam2Tensor *low, bool binarize,
                               const Sam2Tensor *memory)
{
    Sam2Backend *be = arena->be;
    int64_t size = model->config.image_size, n = low->shape[0];
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor high, mask;
    SAM2_TRY(SAM2_TAKE(arena, &high, n, size, size));
    SAM2_TRY(SAM2_TAKE(arena, &mask, n, size, size));
    SAM2_TRY(sam2_op_resize(be, &high, low, false));
    SAM2_TRY(sam2_op_mask_to_memory(be, &mask, &high, binarize, model->config.sigmoid_scale,
                                    model->config.sigmoid_bias));
    SAM2_TRY(sam2_memory_encoder_forward(&model->memory, arena, features, &mask, memory));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

Sam2Status sam2_track_encode(const Sam2Model *model, Sam2Arena *arena, const Sam2Features *features,
                             const Sam2Tensor *low, float object_score, bool binarize,
                             const Sam2Tensor *memory)
{
    Sam2Backend *be = arena->be;
    Sam2Tensor plane = SAM2_RESHAPE(low, 1, low->shape[0], low->shape[1]);
    SAM2_TRY(encode_masks(model, arena, features, &plane, binarize, memory));
    if (object_score <= 0 && model->no_obj_embed)
        SAM2_TRY(sam2_op_add(be, memory, memory, model->no_obj_embed, 1.0f));
    return sam2_op_round_bf16(be, memory);
}

Sam2Status sam2_track_encode_objects(const Sam2Model *model, Sam2Arena *arena,
                                     const Sam2Features *features, const Sam2Tensor *low,
                                     const Sam2Tensor *scores, const Sam2Tensor *memory)
{
    Sam2Backend *be = arena->be;
    int64_t n = low->shape[0];
    SAM2_TRY(encode_masks(model, arena, features, low, false, memory));
    Sam2Tensor objects = SAM2_RESHAPE(memory, n, memory->shape[0] / n, memory->shape[1]);
    if (model->no_obj_embed)
        SAM2_TRY(sam2_op_mark_absent(be, &objects, scores, model->no_obj_embed, false));
    return sam2_op_round_bf16(be, memory);
}
