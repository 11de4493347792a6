// SPDX-License-Identifier: Apache-2.0
// The memory encoder: a frame's mask, brought down to the feature grid, and its features become the
// memory that later frames attend to.
#include "model/network.h"

#include <stdio.h>
#include <stdlib.h>

#define EPS 1e-6f
#define PREFIX "memory_encoder."

// gamma * (W x + b) as one linear map.
static Sam2Status load_scaled(Sam2Loader *loader, Sam2Linear *out, const char *prefix,
                              int64_t n_out, int64_t n_in)
{
    Sam2Status status;
    char name[128];
    float *w = NULL, *b = NULL, *gamma = NULL;
    snprintf(name, sizeof name, "%s.pwconv2.weight", prefix);
    SAM2_TRY_FAIL(sam2_load_f32(loader, &w, name, SAM2_SHAPE(n_out, n_in)));
    snprintf(name, sizeof name, "%s.pwconv2.bias", prefix);
    SAM2_TRY_FAIL(sam2_load_f32(loader, &b, name, SAM2_SHAPE(n_out)));
    snprintf(name, sizeof name, "%s.gamma", prefix);
    SAM2_TRY_FAIL(sam2_load_f32(loader, &gamma, name, SAM2_SHAPE(n_out)));
    for (int64_t i = 0; i < n_out; i++) {
        for (int64_t j = 0; j < n_in; j++)
            w[i * n_in + j] *= gamma[i];
        b[i] *= gamma[i];
    }
    const Sam2Weight *bias;
    SAM2_TRY_FAIL(
        sam2_load_data(loader, &out->weight, SAM2_WEIGHT_LINEAR, w, SAM2_SHAPE(n_out, n_in)));
    SAM2_TRY_FAIL(sam2_load_data(loader, &bias, SAM2_WEIGHT_VECTOR, b, SAM2_SHAPE(n_out)));
    out->bias = &bias->tensor;
fail:
    free(w);
    free(b);
    free(gamma);
    return status;
}

Sam2Status sam2_memory_encoder_load(Sam2MemoryEncoder *encoder, Sam2Loader *loader,
                                    const Sam2Config *config)
{
    int64_t d = config->d_model;
    char prefix[96], name[128];
    *encoder = (Sam2MemoryEncoder){.d_model = config->d_model,
                                   .mem_dim = config->mem_dim,
                                   .top_size = config->image_size / 16,
                                   .image_size = config->image_size,
                                   .n_layers = config->fuser_layers};
    if (config->fuser_layers < 1 || config->fuser_layers > SAM2_MAX_FUSER_LAYERS)
        return sam2_fail(loader->error, SAM2_ERR_UNSUPPORTED,
                         "%s: %d memory fuser layers; 1 to %d are supported",
                         sam2_checkpoint_path(loader->checkpoint), config->fuser_layers,
                         SAM2_MAX_FUSER_LAYERS);
    for (int i = 0; i < 4; i++) {
        int64_t in = (int64_t)1 << (2 * i), out = 4 * in;
        snprintf(name, sizeof name, PREFIX "mask_downsampler.encoder.%d", 3 * i);
        SAM2_TRY(sam2_load_conv(loader, &encoder->down[i], SAM2_WEIGHT_CONV, name, out,
                                SAM2_SHAPE(out, in, 3, 3)));
        snprintf(name, sizeof name, PREFIX "mask_downsampler.encoder.%d", 3 * i + 1);
        SAM2_TRY(sam2_load_norm(loader, &encoder->down_norm[i], name, out));
    }
    SAM2_TRY(sam2_load_linear(loader, &encoder->down_proj, PREFIX "mask_downsampler.encoder.12", d,
                              256));
    SAM2_TRY(sam2_load_linear(loader, &encoder->pix_proj, PREFIX "pix_feat_proj", d, d));
    for (int i = 0; i < encoder->n_layers; i++) {
        Sam2FuserLayer *layer = &encoder->layers[i];
        snprintf(prefix, sizeof prefix, PREFIX "fuser.layers.%d", i);
        snprintf(name, sizeof name, "%s.dwconv", prefix);
        SAM2_TRY(sam2_load_conv(loader, &layer->dwconv, SAM2_WEIGHT_DEPTHWISE, name, d,
                                SAM2_SHAPE(d, 1, 7, 7)));
        snprintf(name, sizeof name, "%s.norm", prefix);
        SAM2_TRY(sam2_load_norm(loader, &layer->norm, name, d));
        snprintf(name, sizeof name, "%s.pwconv1", prefix);
        SAM2_TRY(sam2_load_linear(loader, &layer->pwconv1, name, 4 * d, d));
        SAM2_TRY(load_scaled(loader, &layer->pwconv2, prefix, d, 4 * d));
    }
    return sam2_load_linear(loader, &encoder->out_proj, PREFIX "out_proj", config->mem_dim, d);
}

// mask (B, S, S) to *out (B * h * w, 256)
static Sam2Status downsample(const Sam2MemoryEncoder *encoder, Sam2Arena *arena,
                             const Sam2Tensor *mask, Sam2Tensor *out)
{
    Sam2Backend *be = arena->be;
    int64_t n = mask->shape[0], size = encoder->image_size;
    Sam2Tensor x = SAM2_RESHAPE(mask, n, size, size, 1), y;
    for (int i = 0; i < 4; i++) {
        int64_t channels = (int64_t)4 << (2 * i);
        size /= 2;
        SAM2_TRY(SAM2_TAKE(arena, &y, n, size, size, channels));
        SAM2_TRY(sam2_op_conv2d(be, &y, &x, encoder->down[i].weight, encoder->down[i].bias, 2, 1,
                                SAM2_ACT_NONE));
        *out = SAM2_RESHAPE(&y, n * size * size, channels);
        SAM2_TRY(sam2_op_layer_norm(be, out, out, encoder->down_norm[i].gamma,
                                    encoder->down_norm[i].beta, EPS, SAM2_ACT_GELU));
        x = y;
    }
    return SAM2_OK;
}

// ConvNeXt block: x (B * h * w, d) += layer(x)
static Sam2Status fuse(const Sam2MemoryEncoder *encoder, const Sam2FuserLayer *layer,
                       Sam2Arena *arena, const Sam2Tensor *x)
{
    Sam2Backend *be = arena->be;
    int64_t h = encoder->top_size, d = encoder->d_model, n = x->shape[0] / (h * h);
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor y, normed, hidden;
    SAM2_TRY(SAM2_TAKE(arena, &y, n, h, h, d));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &hidden, 4 * d, n * h * h, 4 * d));
    Sam2Tensor map = SAM2_RESHAPE(x, n, h, h, d);
    SAM2_TRY(sam2_op_depthwise_conv(be, &y, &map, layer->dwconv.weight, layer->dwconv.bias));
    Sam2Tensor rows = SAM2_RESHAPE(&y, n * h * h, d);
    normed = rows;
    if (sam2_operand_type(be, d) != SAM2_F32)
        SAM2_TRY(SAM2_TAKE_OPERAND(arena, &normed, d, n * h * h, d));
    SAM2_TRY(sam2_op_layer_norm(be, &normed, &rows, layer->norm.gamma, layer->norm.beta, EPS,
                                SAM2_ACT_NONE));
    SAM2_TRY(sam2_op_linear(be, &hidden, &normed, layer->pwconv1.weight, layer->pwconv1.bias,
                            SAM2_ACT_GELU, NULL));
    SAM2_TRY(sam2_op_linear(be, x, &hidden, layer->pwconv2.weight, layer->pwconv2.bias,
                            SAM2_ACT_NONE, x));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

Sam2Status sam2_memory_encoder_forward(const Sam2MemoryEncoder *encoder, Sam2Arena *arena,
                                       const Sam2Features *features, const Sam2Tensor *mask,
                                       const Sam2Tensor *out)
{
    Sam2Backend *be = arena->be;
    int64_t n = features->top.shape[0], d = encoder->d_model;
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor x, pixels, down;
    SAM2_TRY(SAM2_TAKE(arena, &x, mask->shape[0] * n, d));
    SAM2_TRY(SAM2_TAKE(arena, &pixels, n, d));
    Sam2ArenaMark inner = sam2_arena_mark(arena);
    SAM2_TRY(downsample(encoder, arena, mask, &down));
    SAM2_TRY(sam2_op_linear(be, &x, &down, encoder->down_proj.weight, encoder->down_proj.bias,
                            SAM2_ACT_NONE, NULL));
    sam2_arena_release(arena, inner);
    // The frame's part is the same for all objects.
    SAM2_TRY(sam2_op_linear(be, &pixels, &features->top, encoder->pix_proj.weight,
                            encoder->pix_proj.bias, SAM2_ACT_NONE, NULL));
    SAM2_TRY(sam2_op_add(be, &x, &x, &pixels, 1.0f));
    for (int i = 0; i < encoder->n_layers; i++)
        SAM2_TRY(fuse(encoder, &encoder->layers[i], arena, &x));
    SAM2_TRY(sam2_op_linear(be, out, &x, encoder->out_proj.weight, encoder->out_proj.bias,
                            SAM2_ACT_NONE, NULL));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}
