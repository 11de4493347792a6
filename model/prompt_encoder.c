// SPDX-License-Identifier: Apache-2.0
// SAM's prompt encoder: points and box corners as tokens, a mask as a dense embedding.
#include "model/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Sam2Status load_dense_position(Sam2PromptEncoder *encoder, Sam2Loader *loader)
{
    int64_t h = encoder->top_size, n = h * h, d = encoder->d_model;
    Sam2Status status = SAM2_OK;
    float *xy = malloc((size_t)(2 * n) * sizeof *xy);
    float *table = malloc((size_t)(n * d) * sizeof *table);
    if (!xy || !table) {
        status = sam2_fail_memory(loader->error, (size_t)(n * d) * sizeof *table);
        goto fail;
    }
    for (int64_t i = 0; i < n; i++) {
        xy[2 * i] = ((float)(i % h) + 0.5f) / (float)h;
        xy[2 * i + 1] = ((float)(i / h) + 0.5f) / (float)h;
    }
    sam2_position_fourier(table, xy, n, (int)d, encoder->gaussian);
    const Sam2Weight *weight;
    SAM2_TRY_FAIL(sam2_load_data(loader, &weight, SAM2_WEIGHT_VECTOR, table, SAM2_SHAPE(n, d)));
    encoder->dense_position = &weight->tensor;
fail:
    free(xy);
    free(table);
    return status;
}

Sam2Status sam2_prompt_encoder_load(Sam2PromptEncoder *encoder, Sam2Loader *loader,
                                    const Sam2Config *config)
{
    int64_t d = config->d_model;
    *encoder = (Sam2PromptEncoder){.d_model = config->d_model,
                                   .image_size = config->image_size,
                                   .top_size = config->image_size / 16};
    SAM2_TRY(sam2_load_host(loader, &encoder->gaussian,
                            "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
                            SAM2_SHAPE(2, d / 2)));
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "sam_prompt_encoder.point_embeddings.%d.weight", i);
        SAM2_TRY(sam2_load_host(loader, &encoder->point_embed[i], name, SAM2_SHAPE(1, d)));
    }
    SAM2_TRY(sam2_load_host(loader, &encoder->not_a_point,
                            "sam_prompt_encoder.not_a_point_embed.weight", SAM2_SHAPE(1, d)));
    const Sam2Weight *no_mask;
    SAM2_TRY(sam2_load_weight(loader, &no_mask, SAM2_WEIGHT_VECTOR,
                              "sam_prompt_encoder.no_mask_embed.weight", SAM2_SHAPE(1, d)));
    encoder->no_mask = &no_mask->tensor;
    SAM2_TRY(load_dense_position(encoder, loader));
    SAM2_TRY(sam2_load_conv(loader, &encoder->conv0, SAM2_WEIGHT_CONV,
                            "sam_prompt_encoder.mask_downscaling.0", 4, SAM2_SHAPE(4, 1, 2, 2)));
    SAM2_TRY(sam2_load_norm(loader, &encoder->norm0, "sam_prompt_encoder.mask_downscaling.1", 4));
    SAM2_TRY(sam2_load_conv(loader, &encoder->conv1, SAM2_WEIGHT_CONV,
                            "sam_prompt_encoder.mask_downscaling.3", 16, SAM2_SHAPE(16, 4, 2, 2)));
    SAM2_TRY(sam2_load_norm(loader, &encoder->norm1, "sam_prompt_encoder.mask_downscaling.4", 16));
    return sam2_load_linear(loader, &encoder->conv2, "sam_prompt_encoder.mask_downscaling.6", d,
                            16);
}

void sam2_prompt_encoder_points(const Sam2PromptEncoder *encoder, const Sam2Points *points,
                                float *out)
{
    int d = encoder->d_model;
    float scale = 1.0f / (float)encoder->image_size;
    for (int i = 0; i < points->n; i++) {
        float *row = out + (int64_t)i * d;
        int label = points->labels[i];
        if (label < 0) {
            memcpy(row, encoder->not_a_point, (size_t)d * sizeof *row);
            continue;
        }
        float xy[2] = {(points->xy[2 * i] + 0.5f) * scale, (points->xy[2 * i + 1] + 0.5f) * scale};
        sam2_position_fourier(row, xy, 1, d, encoder->gaussian);
        for (int k = 0; k < d; k++)
            row[k] += encoder->point_embed[label][k];
    }
    memcpy(out + (int64_t)points->n * d, encoder->not_a_point, (size_t)d * sizeof *out);
}

Sam2Status sam2_prompt_encoder_mask(const Sam2PromptEncoder *encoder, Sam2Arena *arena,
                                    const Sam2Tensor *mask, Sam2Tensor *out)
{
    Sam2Backend *be = arena->be;
    int64_t h = encoder->top_size, d = encoder->d_model;
    if (!mask) {
        *out = *encoder->no_mask; // (1, d)
        return SAM2_OK;
    }
    SAM2_TRY(SAM2_TAKE(arena, out, h * h, d));
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor x0, x1;
    Sam2Tensor x = SAM2_RESHAPE(mask, 4 * h, 4 * h, 1);
    SAM2_TRY(SAM2_TAKE(arena, &x0, 2 * h, 2 * h, 4));
    SAM2_TRY(SAM2_TAKE(arena, &x1, h, h, 16));
    SAM2_TRY(sam2_op_conv2d(be, &x0, &x, encoder->conv0.weight, encoder->conv0.bias, 2, 0,
                            SAM2_ACT_NONE));
    Sam2Tensor rows0 = SAM2_RESHAPE(&x0, 4 * h * h, 4);
    SAM2_TRY(sam2_op_layer_norm(be, &rows0, &rows0, encoder->norm0.gamma, encoder->norm0.beta,
                                1e-6f, SAM2_ACT_GELU));
    SAM2_TRY(sam2_op_conv2d(be, &x1, &x0, encoder->conv1.weight, encoder->conv1.bias, 2, 0,
                            SAM2_ACT_NONE));
    Sam2Tensor rows1 = SAM2_RESHAPE(&x1, h * h, 16);
    SAM2_TRY(sam2_op_layer_norm(be, &rows1, &rows1, encoder->norm1.gamma, encoder->norm1.beta,
                                1e-6f, SAM2_ACT_GELU));
    SAM2_TRY(sam2_op_linear(be, out, &rows1, encoder->conv2.weight, encoder->conv2.bias,
                            SAM2_ACT_NONE, NULL));
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}
