// SPDX-License-Identifier: Apache-2.0
// Memory attention: the frame attends to itself, then to what is remembered of other frames.
//
// Values carry no position and softmax rows sum to 1, so P (M Wv' + b) Wo' = (P M) (Wo Wv)' + Wo b:
// cross attention runs on the raw memory (width mem_dim) and one folded projection follows.
#include "model/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EPS 1e-5f
#define PREFIX "memory_attention."

static Sam2Status load_layer(Sam2Loader *loader, Sam2MemoryLayer *layer, int index,
                             const Sam2Config *config)
{
    int64_t d = config->d_model, m = config->mem_dim, f = config->memory_feedforward;
    char prefix[64], name[128], inner[128];
    snprintf(prefix, sizeof prefix, PREFIX "layers.%d", index);
#define NAME(suffix) (snprintf(name, sizeof name, "%s." suffix, prefix), name)
    SAM2_TRY(sam2_load_linear(loader, &layer->self.q, NAME("self_attn.q_proj"), d, d));
    SAM2_TRY(sam2_load_linear(loader, &layer->self.k, NAME("self_attn.k_proj"), d, d));
    SAM2_TRY(sam2_load_linear(loader, &layer->self.v, NAME("self_attn.v_proj"), d, d));
    SAM2_TRY(sam2_load_linear(loader, &layer->self.out, NAME("self_attn.out_proj"), d, d));
    SAM2_TRY(sam2_load_linear(loader, &layer->cross.q, NAME("cross_attn_image.q_proj"), d, d));
    SAM2_TRY(sam2_load_linear(loader, &layer->cross.k, NAME("cross_attn_image.k_proj"), d, m));
    snprintf(inner, sizeof inner, "%s.cross_attn_image.v_proj", prefix);
    SAM2_TRY(sam2_load_folded(loader, &layer->cross.out, NAME("cross_attn_image.out_proj"), inner,
                              d, d, m));
    SAM2_TRY(sam2_load_norm(loader, &layer->norm1, NAME("norm1"), d));
    SAM2_TRY(sam2_load_norm(loader, &layer->norm2, NAME("norm2"), d));
    SAM2_TRY(sam2_load_norm(loader, &layer->norm3, NAME("norm3"), d));
    SAM2_TRY(sam2_load_linear(loader, &layer->linear1, NAME("linear1"), f, d));
    return sam2_load_linear(loader, &layer->linear2, NAME("linear2"), d, f);
#undef NAME
}

static Sam2Status load_tables(Sam2MemoryAttention *attention, Sam2Loader *loader)
{
    int h = attention->top_size, d = attention->d_model;
    int64_t n = (int64_t)h * h;
    Sam2Status status;
    const Sam2Weight *weight;
    float *a = malloc((size_t)(n * d) * sizeof *a), *b = malloc((size_t)(n * d / 2) * sizeof *b);
    if (!a || !b) {
        status = sam2_fail_memory(loader->error, (size_t)(n * d) * sizeof *a);
        goto fail;
    }
    sam2_position_sine(a, h, h, d);
    SAM2_TRY_FAIL(sam2_load_data(loader, &weight, SAM2_WEIGHT_VECTOR, a, SAM2_SHAPE(n, d)));
    attention->position = &weight->tensor;
    sam2_position_rope(a, b, h, h, d);
    SAM2_TRY_FAIL(sam2_load_data(loader, &weight, SAM2_WEIGHT_VECTOR, a, SAM2_SHAPE(n, d / 2)));
    attention->rope_cos = &weight->tensor;
    SAM2_TRY_FAIL(sam2_load_data(loader, &weight, SAM2_WEIGHT_VECTOR, b, SAM2_SHAPE(n, d / 2)));
    attention->rope_sin = &weight->tensor;
fail:
    free(a);
    free(b);
    return status;
}

Sam2Status sam2_memory_attention_load(Sam2MemoryAttention *attention, Sam2Loader *loader,
                                      const Sam2Config *config)
{
    *attention = (Sam2MemoryAttention){.d_model = config->d_model,
                                       .mem_dim = config->mem_dim,
                                       .top_size = config->image_size / 16,
                                       .n_layers = config->memory_layers,
                                       .feedforward = config->memory_feedforward};
    if (config->memory_layers < 1 || config->memory_layers > SAM2_MAX_MEMORY_LAYERS)
        return sam2_fail(loader->error, SAM2_ERR_UNSUPPORTED,
                         "%s: %d memory attention layers; 1 to %d are supported",
                         sam2_checkpoint_path(loader->checkpoint), config->memory_layers,
                         SAM2_MAX_MEMORY_LAYERS);
    for (int i = 0; i < attention->n_layers; i++)
        SAM2_TRY(load_layer(loader, &attention->layers[i], i, config));
    SAM2_TRY(sam2_load_norm(loader, &attention->norm, PREFIX "norm", config->d_model));
    return load_tables(attention, loader);
}

static Sam2Status apply_linear(Sam2Backend *be, const Sam2Linear *linear, const Sam2Tensor *x,
                               const Sam2Tensor *dst)
{
    return sam2_op_linear(be, dst, x, linear->weight, linear->bias, SAM2_ACT_NONE, NULL);
}

static Sam2Status normalise(Sam2Backend *be, const Sam2Norm *norm, const Sam2Tensor *x,
                            const Sam2Tensor *dst)
{
    return sam2_op_layer_norm(be, dst, x, norm->gamma, norm->beta, EPS, SAM2_ACT_NONE);
}

// x (B * h * w, d) as (B, h * w, d)
static Sam2Tensor by_object(const Sam2MemoryAttention *attention, const Sam2Tensor *x)
{
    int64_t n = (int64_t)attention->top_size * attention->top_size;
    return SAM2_RESHAPE(x, x->shape[0] / n, n, x->shape[1]);
}

// dst (B, T, d) = rope(linear(x)), the first n_rotated rows of each object rotated
static Sam2Status apply_rotated(const Sam2MemoryAttention *attention, Sam2Backend *be,
                                const Sam2Linear *linear, const Sam2Tensor *x,
                                const Sam2Tensor *dst, int64_t n_rotated)
{
    return sam2_op_linear_rope(be, dst, x, linear->weight, linear->bias, attention->rope_cos,
                               attention->rope_sin, n_rotated);
}

// x (B * h * w, d) += self-attention
static Sam2Status attend_self(const Sam2MemoryAttention *attention, const Sam2MemoryLayer *layer,
                              Sam2Arena *arena, const Sam2Tensor *x)
{
    Sam2Backend *be = arena->be;
    int64_t n = x->shape[0], d = attention->d_model;
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor normed, q, k, v;
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &normed, d, n, d));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &q, d, n, d));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &k, d, n, d));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &v, d, n, d));
    SAM2_TRY(normalise(be, &layer->norm1, x, &normed));
    SAM2_TRY(apply_linear(be, &layer->self.v, &normed, &v));
    q = by_object(attention, &q);
    k = by_object(attention, &k);
    v = by_object(attention, &v);
    SAM2_TRY(apply_rotated(attention, be, &layer->self.q, &normed, &q, q.shape[1]));
    SAM2_TRY(apply_rotated(attention, be, &layer->self.k, &normed, &k, k.shape[1]));
    Sam2Tensor to = by_object(attention, &normed);
    SAM2_TRY(sam2_op_attention(be, &to, &q, &k, &v, 1, 1.0f / sqrtf((float)d)));
    SAM2_TRY(sam2_op_linear(be, x, &normed, layer->self.out.weight, layer->self.out.bias,
                            SAM2_ACT_NONE, x));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

// q (B * h * w, d) = rotated queries of the cross attention
static Sam2Status make_query(const Sam2MemoryAttention *attention, const Sam2MemoryLayer *layer,
                             Sam2Arena *arena, const Sam2Tensor *x, const Sam2Tensor *q)
{
    Sam2Backend *be = arena->be;
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor normed, to = by_object(attention, q);
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &normed, x->shape[1], x->shape[0], x->shape[1]));
    SAM2_TRY(normalise(be, &layer->norm2, x, &normed));
    SAM2_TRY(apply_rotated(attention, be, &layer->cross.q, &normed, &to, to.shape[1]));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

Sam2Status sam2_memory_attention_prepare(const Sam2MemoryAttention *attention, Sam2Arena *arena,
                                         Sam2Features *features)
{
    if (features->has_attended)
        return SAM2_OK;
    SAM2_TRY(
        sam2_op_add(arena->be, &features->attended, &features->top, attention->position, 0.1f));
    SAM2_TRY(attend_self(attention, &attention->layers[0], arena, &features->attended));
    SAM2_TRY(
        make_query(attention, &attention->layers[0], arena, &features->attended, &features->query));
    features->has_attended = true;
    return SAM2_OK;
}

// x (B * h * w, d) += attention to memory (B, T, m); q (B, h * w, d), or (h * w, d) for all objects
static Sam2Status attend_memory(const Sam2MemoryAttention *attention, const Sam2MemoryLayer *layer,
                                Sam2Arena *arena, const Sam2Tensor *x, const Sam2Tensor *q,
                                const Sam2Tensor *memory, const Sam2Tensor *keys, int64_t n_rotated)
{
    Sam2Backend *be = arena->be;
    int64_t n = keys->shape[0], t = keys->shape[1], m = keys->shape[2], d = attention->d_model;
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor k, out, key_rows = SAM2_RESHAPE(keys, n * t, m);
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &k, d, n, t, d));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &out, m, x->shape[0], m));
    SAM2_TRY(apply_rotated(attention, be, &layer->cross.k, &key_rows, &k, n_rotated));
    Sam2Tensor to = by_object(attention, &out);
    SAM2_TRY(sam2_op_attention(be, &to, q, &k, memory, 1, 1.0f / sqrtf((float)d)));
    SAM2_TRY(sam2_op_linear(be, x, &out, layer->cross.out.weight, layer->cross.out.bias,
                            SAM2_ACT_NONE, x));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

static Sam2Status feed_forward(const Sam2MemoryAttention *attention, const Sam2MemoryLayer *layer,
                               Sam2Arena *arena, const Sam2Tensor *x)
{
    Sam2Backend *be = arena->be;
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor normed, hidden;
    int64_t n = x->shape[0], d = x->shape[1], width = attention->feedforward;
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &normed, d, n, d));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &hidden, width, n, width));
    SAM2_TRY(normalise(be, &layer->norm3, x, &normed));
    SAM2_TRY(sam2_op_linear(be, &hidden, &normed, layer->linear1.weight, layer->linear1.bias,
                            SAM2_ACT_RELU, NULL));
    SAM2_TRY(sam2_op_linear(be, x, &hidden, layer->linear2.weight, layer->linear2.bias,
                            SAM2_ACT_NONE, x));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

Sam2Status sam2_memory_attention_forward(const Sam2MemoryAttention *attention, Sam2Arena *arena,
                                         const Sam2Features *features, const Sam2Tensor *memory,
                                         const Sam2Tensor *keys, int64_t n_rotated, Sam2Tensor *out)
{
    Sam2Backend *be = arena->be;
    int64_t n = features->top.shape[0], d = attention->d_model, n_objects = memory->shape[0];
    SAM2_TRY(SAM2_TAKE(arena, out, n_objects * n, d));
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor query;
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &query, d, n_objects * n, d));
    for (int64_t i = 0; i < n_objects; i++) {
        Sam2Tensor rows = sam2_tensor_rows(out, i * n, n);
        SAM2_TRY(be->ops->copy(be, rows.data, features->attended.data, sam2_tensor_size(&rows)));
    }
    for (int i = 0; i < attention->n_layers; i++) {
        const Sam2MemoryLayer *layer = &attention->layers[i];
        Sam2Tensor q = features->query;
        if (i > 0) {
            SAM2_TRY(attend_self(attention, layer, arena, out));
            SAM2_TRY(make_query(attention, layer, arena, out, &query));
            q = by_object(attention, &query);
        }
        SAM2_TRY(attend_memory(attention, layer, arena, out, &q, memory, keys, n_rotated));
        SAM2_TRY(feed_forward(attention, layer, arena, out));
    }
    SAM2_TRY(normalise(be, &attention->norm, out, out));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}
