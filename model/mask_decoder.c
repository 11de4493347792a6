// SPDX-License-Identifier: Apache-2.0
// SAM 2's mask decoder: a two-way transformer between prompt tokens and image, then upscaling and
// one small network a mask that turns the image into logits.
#include "model/network.h"

#include <math.h>
#include <stdio.h>

#define N_HEADS 8
#define MLP_DIM 2048
#define N_MASKS 4
#define N_OUTPUT_TOKENS 6
#define IOU_HIDDEN 256
#define EPS 1e-5f

#define PREFIX "sam_mask_decoder."

static Sam2Status load_attention(Sam2Loader *loader, Sam2Attention *attention, const char *prefix,
                                 int64_t d, int64_t inner)
{
    char name[160];
    snprintf(name, sizeof name, "%s.q_proj", prefix);
    SAM2_TRY(sam2_load_linear(loader, &attention->q, name, inner, d));
    snprintf(name, sizeof name, "%s.k_proj", prefix);
    SAM2_TRY(sam2_load_linear(loader, &attention->k, name, inner, d));
    snprintf(name, sizeof name, "%s.v_proj", prefix);
    SAM2_TRY(sam2_load_linear(loader, &attention->v, name, inner, d));
    snprintf(name, sizeof name, "%s.out_proj", prefix);
    return sam2_load_linear(loader, &attention->out, name, d, inner);
}

static Sam2Status load_layer(Sam2Loader *loader, Sam2DecoderLayer *layer, int index, int64_t d)
{
    char prefix[96], name[128];
    snprintf(prefix, sizeof prefix, PREFIX "transformer.layers.%d", index);
#define NAME(suffix) (snprintf(name, sizeof name, "%s." suffix, prefix), name)
    SAM2_TRY(load_attention(loader, &layer->self, NAME("self_attn"), d, d));
    SAM2_TRY(load_attention(loader, &layer->token_to_image, NAME("cross_attn_token_to_image"), d,
                            d / 2));
    SAM2_TRY(load_attention(loader, &layer->image_to_token, NAME("cross_attn_image_to_token"), d,
                            d / 2));
    SAM2_TRY(sam2_load_norm(loader, &layer->norm1, NAME("norm1"), d));
    SAM2_TRY(sam2_load_norm(loader, &layer->norm2, NAME("norm2"), d));
    SAM2_TRY(sam2_load_norm(loader, &layer->norm3, NAME("norm3"), d));
    SAM2_TRY(sam2_load_norm(loader, &layer->norm4, NAME("norm4"), d));
    SAM2_TRY(sam2_load_linear(loader, &layer->mlp0, NAME("mlp.layers.0"), MLP_DIM, d));
    return sam2_load_linear(loader, &layer->mlp1, NAME("mlp.layers.1"), d, MLP_DIM);
#undef NAME
}

static Sam2Status load_mlp3(Sam2Loader *loader, Sam2Mlp3 *mlp, const char *prefix, int64_t n_in,
                            int64_t n_hidden, int64_t n_out)
{
    for (int i = 0; i < 3; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s.layers.%d", prefix, i);
        SAM2_TRY(sam2_load_linear(loader, &mlp->layers[i], name, i == 2 ? n_out : n_hidden,
                                  i == 0 ? n_in : n_hidden));
    }
    return SAM2_OK;
}

static Sam2Status load_output_tokens(Sam2MaskDecoder *decoder, Sam2Loader *loader, int64_t d)
{
    const float *score, *iou, *masks;
    SAM2_TRY(sam2_load_host(loader, &score, PREFIX "obj_score_token.weight", SAM2_SHAPE(1, d)));
    SAM2_TRY(sam2_load_host(loader, &iou, PREFIX "iou_token.weight", SAM2_SHAPE(1, d)));
    SAM2_TRY(sam2_load_host(loader, &masks, PREFIX "mask_tokens.weight", SAM2_SHAPE(N_MASKS, d)));
    decoder->output_tokens[0] = score;
    decoder->output_tokens[1] = iou;
    for (int i = 0; i < N_MASKS; i++)
        decoder->output_tokens[2 + i] = masks + i * d;
    return SAM2_OK;
}

Sam2Status sam2_mask_decoder_load(Sam2MaskDecoder *decoder, Sam2Loader *loader,
                                  const Sam2Config *config)
{
    int64_t d = config->d_model;
    *decoder = (Sam2MaskDecoder){.d_model = config->d_model, .top_size = config->image_size / 16};
    SAM2_TRY(load_output_tokens(decoder, loader, d));
    for (int i = 0; i < 2; i++)
        SAM2_TRY(load_layer(loader, &decoder->layers[i], i, d));
    SAM2_TRY(load_attention(loader, &decoder->final_attention,
                            PREFIX "transformer.final_attn_token_to_image", d, d / 2));
    SAM2_TRY(sam2_load_norm(loader, &decoder->final_norm, PREFIX "transformer.norm_final_attn", d));
    SAM2_TRY(sam2_load_conv(loader, &decoder->upscale0, SAM2_WEIGHT_CONV_TRANSPOSE,
                            PREFIX "output_upscaling.0", d / 4, SAM2_SHAPE(d, d / 4, 2, 2)));
    SAM2_TRY(sam2_load_norm(loader, &decoder->upscale_norm, PREFIX "output_upscaling.1", d / 4));
    SAM2_TRY(sam2_load_conv(loader, &decoder->upscale1, SAM2_WEIGHT_CONV_TRANSPOSE,
                            PREFIX "output_upscaling.3", d / 8, SAM2_SHAPE(d / 4, d / 8, 2, 2)));
    for (int i = 0; i < N_MASKS; i++) {
        char name[96];
        snprintf(name, sizeof name, PREFIX "output_hypernetworks_mlps.%d", i);
        SAM2_TRY(load_mlp3(loader, &decoder->hyper[i], name, d, d, d / 8));
    }
    SAM2_TRY(load_mlp3(loader, &decoder->iou_head, PREFIX "iou_prediction_head", d, IOU_HIDDEN,
                       N_MASKS));
    return load_mlp3(loader, &decoder->score_head, PREFIX "pred_obj_score_head", d, d, 1);
}

Sam2Status sam2_mlp3_forward(const Sam2Mlp3 *mlp, Sam2Arena *arena, const Sam2Tensor *x,
                             Sam2Tensor *out)
{
    Sam2Tensor in = *x;
    for (int i = 0; i < 3; i++) {
        int64_t width = mlp->layers[i].bias->shape[0];
        SAM2_TRY(i < 2 ? SAM2_TAKE_OPERAND(arena, out, width, x->shape[0], width)
                       : SAM2_TAKE(arena, out, x->shape[0], width));
        SAM2_TRY(sam2_op_linear(arena->be, out, &in, mlp->layers[i].weight, mlp->layers[i].bias,
                                i < 2 ? SAM2_ACT_RELU : SAM2_ACT_NONE, NULL));
        in = *out;
    }
    return SAM2_OK;
}

// An operand of attention.
static Sam2Status project(Sam2Arena *arena, const Sam2Linear *linear, const Sam2Tensor *x,
                          Sam2Tensor *out)
{
    int64_t width = linear->bias->shape[0];
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, out, width / N_HEADS, x->shape[0], width));
    return sam2_op_linear(arena->be, out, x, linear->weight, linear->bias, SAM2_ACT_NONE, NULL);
}

// x (n * T, C) as (n, T, C)
static Sam2Tensor split(const Sam2Tensor *x, int64_t n)
{
    return SAM2_RESHAPE(x, n, x->shape[0] / n, x->shape[1]);
}

// dst = attention(q, k, v) + residual (or nothing), the rows of n objects each; dst may be the
// residual.
static Sam2Status attend(const Sam2Attention *attention, Sam2Arena *arena, int64_t n,
                         const Sam2Tensor *dst, const Sam2Tensor *q, const Sam2Tensor *k,
                         const Sam2Tensor *v, const Sam2Tensor *residual)
{
    Sam2Backend *be = arena->be;
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor pq, pk, pv, out;
    SAM2_TRY(project(arena, &attention->q, q, &pq));
    SAM2_TRY(project(arena, &attention->k, k, &pk));
    SAM2_TRY(project(arena, &attention->v, v, &pv));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &out, pq.shape[1] / N_HEADS, pq.shape[0], pq.shape[1]));
    float scale = 1.0f / sqrtf((float)(pq.shape[1] / N_HEADS));
    Sam2Tensor to = split(&out, n);
    pq = split(&pq, n);
    pk = split(&pk, n);
    pv = split(&pv, n);
    SAM2_TRY(sam2_op_attention(be, &to, &pq, &pk, &pv, N_HEADS, scale));
    SAM2_TRY(sam2_op_linear(be, dst, &out, attention->out.weight, attention->out.bias,
                            SAM2_ACT_NONE, residual));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

static Sam2Status normalise(Sam2Backend *be, const Sam2Norm *norm, const Sam2Tensor *x)
{
    return sam2_op_layer_norm(be, x, x, norm->gamma, norm->beta, EPS, SAM2_ACT_NONE);
}

// queries (n * T, d), keys (n * h * w, d), both updated; query_pe (T, d), the first queries, and
// key_pe (h * w, d) are the same for all objects.
static Sam2Status run_layer(const Sam2DecoderLayer *layer, Sam2Arena *arena, int64_t n, bool first,
                            const Sam2Tensor *queries, const Sam2Tensor *keys,
                            const Sam2Tensor *query_pe, const Sam2Tensor *key_pe)
{
    Sam2Backend *be = arena->be;
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    int64_t t = queries->shape[0], d = queries->shape[1];
    Sam2Tensor q, k, hidden;
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &q, d, t, d));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &k, d, keys->shape[0], d));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &hidden, MLP_DIM, t, MLP_DIM));
    if (first) {
        SAM2_TRY(attend(&layer->self, arena, n, queries, queries, queries, queries, NULL));
    } else {
        SAM2_TRY(sam2_op_add(be, &q, queries, query_pe, 1.0f));
        SAM2_TRY(attend(&layer->self, arena, n, queries, &q, &q, queries, queries));
    }
    SAM2_TRY(normalise(be, &layer->norm1, queries));

    SAM2_TRY(sam2_op_add(be, &q, queries, query_pe, 1.0f));
    SAM2_TRY(sam2_op_add(be, &k, keys, key_pe, 1.0f));
    SAM2_TRY(attend(&layer->token_to_image, arena, n, queries, &q, &k, keys, queries));
    SAM2_TRY(normalise(be, &layer->norm2, queries));

    SAM2_TRY(sam2_op_linear(be, &hidden, queries, layer->mlp0.weight, layer->mlp0.bias,
                            SAM2_ACT_RELU, NULL));
    SAM2_TRY(sam2_op_linear(be, queries, &hidden, layer->mlp1.weight, layer->mlp1.bias,
                            SAM2_ACT_NONE, queries));
    SAM2_TRY(normalise(be, &layer->norm3, queries));

    SAM2_TRY(sam2_op_add(be, &q, queries, query_pe, 1.0f));
    SAM2_TRY(attend(&layer->image_to_token, arena, n, keys, &k, &q, queries, keys));
    SAM2_TRY(normalise(be, &layer->norm4, keys));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

// keys (n * h * w, d) to (n, 4h, 4w, d / 8)
static Sam2Status upscale(const Sam2MaskDecoder *decoder, Sam2Arena *arena,
                          const Sam2Features *features, const Sam2Tensor *keys, Sam2Tensor *out)
{
    Sam2Backend *be = arena->be;
    int64_t h = decoder->top_size, d = decoder->d_model, n = keys->shape[0] / (h * h);
    Sam2Tensor x = SAM2_RESHAPE(keys, n, h, h, d), half;
    SAM2_TRY(SAM2_TAKE(arena, out, n, 4 * h, 4 * h, d / 8));
    SAM2_TRY(SAM2_TAKE(arena, &half, n, 2 * h, 2 * h, d / 4));
    SAM2_TRY(sam2_op_conv_transpose(be, &half, &x, decoder->upscale0.weight, decoder->upscale0.bias,
                                    &features->s1, SAM2_ACT_NONE));
    Sam2Tensor rows = SAM2_RESHAPE(&half, n * 4 * h * h, d / 4);
    SAM2_TRY(sam2_op_layer_norm(be, &rows, &rows, decoder->upscale_norm.gamma,
                                decoder->upscale_norm.beta, 1e-6f, SAM2_ACT_GELU));
    return sam2_op_conv_transpose(be, out, &half, decoder->upscale1.weight, decoder->upscale1.bias,
                                  &features->s0, SAM2_ACT_GELU);
}

// Row `first` of each object's t rows of queries to dst (n, d).
static Sam2Status pick_rows(const Sam2MaskDecoder *decoder, Sam2Backend *be,
                            const Sam2Tensor *queries, int64_t t, int64_t first,
                            const Sam2Tensor *dst)
{
    size_t size = (size_t)decoder->d_model * sizeof(float);
    return be->ops->copy_rows(be, dst->data, size, (char *)queries->data + (size_t)first * size,
                              (size_t)t * size, size, dst->shape[0]);
}

// queries (n * t, d), upscaled (n, 4h, 4w, d / 8)
static Sam2Status run_heads(const Sam2MaskDecoder *decoder, Sam2Arena *arena, int64_t t,
                            const Sam2Tensor *queries, const Sam2Tensor *upscaled,
                            const Sam2DecodedObjects *out)
{
    Sam2Backend *be = arena->be;
    int64_t c = decoder->d_model / 8, n = upscaled->shape[0], n_pixels = out->masks.shape[2];
    size_t row_size = (size_t)c * sizeof(float);
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor hyper, head, token;
    SAM2_TRY(SAM2_TAKE(arena, &hyper, n, N_MASKS, c));
    SAM2_TRY(SAM2_TAKE(arena, &token, n, decoder->d_model));
    for (int i = 0; i < N_MASKS; i++) {
        Sam2Tensor rows = sam2_tensor_rows(&out->tokens, i, 1);
        rows = SAM2_RESHAPE(&rows, n, decoder->d_model);
        SAM2_TRY(pick_rows(decoder, be, queries, t, 2 + i, &rows));
        SAM2_TRY(sam2_mlp3_forward(&decoder->hyper[i], arena, &rows, &head));
        SAM2_TRY(be->ops->copy_rows(be, (char *)hyper.data + (size_t)i * row_size,
                                    N_MASKS * row_size, head.data, row_size, row_size, n));
    }
    Sam2Tensor pixels = SAM2_RESHAPE(upscaled, n, n_pixels, c);
    SAM2_TRY(sam2_op_matmul_nt(be, &out->masks, &hyper, &pixels));

    const Sam2Tensor *scores[] = {&out->score, &out->iou};
    const Sam2Mlp3 *heads[] = {&decoder->score_head, &decoder->iou_head};
    for (int i = 0; i < 2; i++) {
        SAM2_TRY(pick_rows(decoder, be, queries, t, i, &token));
        SAM2_TRY(sam2_mlp3_forward(heads[i], arena, &token, &head));
        SAM2_TRY(be->ops->copy(be, scores[i]->data, head.data, sam2_tensor_size(&head)));
    }
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

Sam2Status sam2_mask_decoder_run(const Sam2MaskDecoder *decoder, Sam2Arena *arena,
                                 const Sam2PromptEncoder *prompts, const Sam2Features *features,
                                 const Sam2Tensor *image, const Sam2Tensor *dense,
                                 const Sam2Tensor *tokens, Sam2DecodedObjects *out)
{
    Sam2Backend *be = arena->be;
    int64_t h = decoder->top_size, d = decoder->d_model, t = tokens->shape[0];
    int64_t n = image->shape[0] / (h * h);
    SAM2_TRY(SAM2_TAKE(arena, &out->masks, n, N_MASKS, 16 * h * h));
    SAM2_TRY(SAM2_TAKE(arena, &out->tokens, N_MASKS, n, d));
    SAM2_TRY(SAM2_TAKE(arena, &out->iou, n, N_MASKS));
    SAM2_TRY(SAM2_TAKE(arena, &out->score, n, 1));
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor queries, keys, q, k, upscaled;
    SAM2_TRY(SAM2_TAKE(arena, &queries, n * t, d));
    SAM2_TRY(SAM2_TAKE(arena, &keys, n * h * h, d));
    for (int64_t i = 0; i < n; i++) {
        Sam2Tensor rows = sam2_tensor_rows(&queries, i * t, t);
        SAM2_TRY(be->ops->copy(be, rows.data, tokens->data, sam2_tensor_size(tokens)));
    }
    SAM2_TRY(sam2_op_add(be, &keys, image, dense, 1.0f));

    for (int i = 0; i < 2; i++)
        SAM2_TRY(run_layer(&decoder->layers[i], arena, n, i == 0, &queries, &keys, tokens,
                           prompts->dense_position));
    Sam2ArenaMark inner = sam2_arena_mark(arena);
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &q, d, n * t, d));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &k, d, n * h * h, d));
    SAM2_TRY(sam2_op_add(be, &q, &queries, tokens, 1.0f));
    SAM2_TRY(sam2_op_add(be, &k, &keys, prompts->dense_position, 1.0f));
    SAM2_TRY(attend(&decoder->final_attention, arena, n, &queries, &q, &k, &keys, &queries));
    SAM2_TRY(normalise(be, &decoder->final_norm, &queries));
    sam2_arena_release(arena, inner);

    SAM2_TRY(upscale(decoder, arena, features, &keys, &upscaled));
    SAM2_TRY(run_heads(decoder, arena, t, &queries, &upscaled, out));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

Sam2Status sam2_mask_decoder_forward(const Sam2MaskDecoder *decoder, Sam2Arena *arena,
                                     const Sam2PromptEncoder *prompts, const Sam2Features *features,
                                     const Sam2Tensor *image, const Sam2Tensor *dense,
                                     const float *sparse, int n_sparse, Sam2DecoderOutput *out)
{
    Sam2Backend *be = arena->be;
    int64_t h = decoder->top_size, d = decoder->d_model;
    size_t row_size = (size_t)d * sizeof(float);
    Sam2Tensor tokens;
    Sam2DecodedObjects decoded;
    SAM2_TRY(SAM2_TAKE(arena, &tokens, N_OUTPUT_TOKENS + n_sparse, d));
    for (int i = 0; i < N_OUTPUT_TOKENS; i++)
        SAM2_TRY(be->ops->upload(be, (char *)tokens.data + (size_t)i * row_size,
                                 decoder->output_tokens[i], row_size));
    SAM2_TRY(be->ops->upload(be, (char *)tokens.data + N_OUTPUT_TOKENS * row_size, sparse,
                             (size_t)n_sparse * row_size));
    SAM2_TRY(
        sam2_mask_decoder_run(decoder, arena, prompts, features, image, dense, &tokens, &decoded));
    out->masks = SAM2_RESHAPE(&decoded.masks, N_MASKS, 4 * h, 4 * h);
    out->tokens = SAM2_RESHAPE(&decoded.tokens, N_MASKS, d);
    SAM2_TRY(be->ops->download(be, out->iou, decoded.iou.data, sizeof out->iou));
    SAM2_TRY(
        be->ops->download(be, &out->object_score, decoded.score.data, sizeof out->object_score));
    for (int i = 0; i < N_MASKS; i++)
        out->iou[i] = 1.0f / (1.0f + expf(-out->iou[i]));
    return SAM2_OK;
}
