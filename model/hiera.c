// SPDX-License-Identifier: Apache-2.0
// The Hiera trunk ("Hiera: A Hierarchical Vision Transformer without the Bells-and-Whistles",
// Ryali et al., 2023) with SAM 2's windowed position embedding.
#include "model/network.h"

#include <stdio.h>
#include <stdlib.h>

static Sam2Status load_position(Sam2Hiera *hiera, Sam2Loader *loader, const Sam2Config *config)
{
    Sam2Status status;
    int c = config->embed_dim, size = config->image_size / 4;
    int gh = config->pos_embed_size[0], gw = config->pos_embed_size[1];
    int s = config->window_spec[0];
    float *grid = NULL, *window = NULL, *table = NULL;
    SAM2_TRY_FAIL(
        sam2_load_f32(loader, &grid, "image_encoder.trunk.pos_embed", SAM2_SHAPE(1, c, gh, gw)));
    SAM2_TRY_FAIL(sam2_load_f32(loader, &window, "image_encoder.trunk.pos_embed_window",
                                SAM2_SHAPE(1, c, s, s)));
    size_t bytes = (size_t)size * (size_t)size * (size_t)c * sizeof *table;
    table = malloc(bytes);
    if (!table) {
        status = sam2_fail_memory(loader->error, bytes);
        goto fail;
    }
    sam2_position_hiera(table, size, size, c, grid, gh, gw, window, s);
    const Sam2Weight *weight;
    SAM2_TRY_FAIL(sam2_load_data(loader, &weight, SAM2_WEIGHT_VECTOR, table,
                                 SAM2_SHAPE((int64_t)size * size, c)));
    hiera->position = &weight->tensor;
fail:
    free(grid);
    free(window);
    free(table);
    return status;
}

static Sam2Status load_block(Sam2HieraBlock *block, Sam2Loader *loader, int index)
{
    char prefix[96], name[128];
    int dim = block->dim, out = block->dim_out;
    snprintf(prefix, sizeof prefix, "image_encoder.trunk.blocks.%d", index);
#define NAME(suffix) (snprintf(name, sizeof name, "%s." suffix, prefix), name)
    SAM2_TRY(sam2_load_norm(loader, &block->norm1, NAME("norm1"), dim));
    SAM2_TRY(sam2_load_linear(loader, &block->qkv, NAME("attn.qkv"), 3 * out, dim));
    SAM2_TRY(sam2_load_linear(loader, &block->proj, NAME("attn.proj"), out, out));
    SAM2_TRY(sam2_load_norm(loader, &block->norm2, NAME("norm2"), out));
    SAM2_TRY(sam2_load_linear(loader, &block->mlp0, NAME("mlp.layers.0"), 4 * out, out));
    SAM2_TRY(sam2_load_linear(loader, &block->mlp1, NAME("mlp.layers.1"), out, 4 * out));
    if (dim != out)
        SAM2_TRY(sam2_load_linear(loader, &block->shortcut, NAME("proj"), out, dim));
#undef NAME
    return SAM2_OK;
}

Sam2Status sam2_hiera_load(Sam2Hiera *hiera, Sam2Loader *loader, const Sam2Config *config)
{
    *hiera = (Sam2Hiera){.image_size = config->image_size};
    SAM2_TRY(sam2_load_conv(loader, &hiera->patch_embed, SAM2_WEIGHT_CONV,
                            "image_encoder.trunk.patch_embed.proj", config->embed_dim,
                            SAM2_SHAPE(config->embed_dim, 3, 7, 7)));
    SAM2_TRY(load_position(hiera, loader, config));
    int dim = config->embed_dim, n_heads = config->n_heads;
    for (int stage = 0; stage < SAM2_N_STAGES; stage++) {
        for (int i = 0; i < config->stages[stage]; i++) {
            Sam2HieraBlock *block = &hiera->blocks[hiera->n_blocks];
            bool first = i == 0 && stage > 0;
            // The first block of a stage still has the windows of the stage before.
            *block = (Sam2HieraBlock){.dim = dim,
                                      .dim_out = first ? 2 * dim : dim,
                                      .window = config->window_spec[first ? stage - 1 : stage],
                                      .pool = first,
                                      .stage = i == config->stages[stage] - 1 ? stage : -1};
            if (first)
                n_heads *= 2;
            block->n_heads = n_heads;
            dim = block->dim_out;
            for (int g = 0; g < config->n_global_att_blocks; g++)
                if (config->global_att_blocks[g] == hiera->n_blocks)
                    block->window = 0;
            SAM2_TRY(load_block(block, loader, hiera->n_blocks));
            hiera->n_blocks++;
        }
    }
    return SAM2_OK;
}

// How many of n rows of `width` floats, in multiples of `step`, are within be->chunk_size.
static int64_t choose_rows(const Sam2Backend *be, int64_t n, int64_t width, int64_t step)
{
    int64_t rows = (int64_t)(be->chunk_size / sizeof(float)) / width / step * step;
    return rows < step ? step : rows < n ? rows : n;
}

// x += mlp(norm2(x)), x (T, C)
static Sam2Status run_mlp(const Sam2HieraBlock *block, Sam2Arena *arena, const Sam2Tensor *x)
{
    Sam2Backend *be = arena->be;
    int64_t n = x->shape[0], c = x->shape[1];
    int64_t rows = choose_rows(be, n, 4 * c, 64);
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    Sam2Tensor normed, hidden;
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &normed, c, rows, c));
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &hidden, 4 * c, rows, 4 * c));
    for (int64_t at = 0; at < n; at += rows) {
        int64_t m = n - at < rows ? n - at : rows;
        Sam2Tensor x_rows = sam2_tensor_rows(x, at, m);
        Sam2Tensor norm_rows = sam2_tensor_rows(&normed, 0, m);
        Sam2Tensor hidden_rows = sam2_tensor_rows(&hidden, 0, m);
        SAM2_TRY(sam2_op_layer_norm(be, &norm_rows, &x_rows, block->norm2.gamma, block->norm2.beta,
                                    1e-6f, SAM2_ACT_NONE));
        SAM2_TRY(sam2_op_linear(be, &hidden_rows, &norm_rows, block->mlp0.weight, block->mlp0.bias,
                                SAM2_ACT_GELU, NULL));
        SAM2_TRY(sam2_op_linear(be, &x_rows, &hidden_rows, block->mlp1.weight, block->mlp1.bias,
                                SAM2_ACT_NONE, &x_rows));
    }
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}

// A block on a band of the map that is whole rows of windows: x (h * w, dim) becomes out
// (h' * w', dim_out), which is x itself unless the block pools.
static Sam2Status run_band(const Sam2HieraBlock *block, Sam2Arena *arena, const Sam2Tensor *x,
                           const Sam2Tensor *out, int64_t h, int64_t w)
{
    Sam2Backend *be = arena->be;
    int64_t n = h * w, dim = block->dim, dim_out = block->dim_out, step = block->pool ? 2 : 1;
    int64_t h2 = h / step, w2 = w / step, head = dim_out / block->n_heads;
    Sam2Tensor normed, qkv, attended;
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &qkv, head, h, w, 3 * dim_out));
    Sam2ArenaMark inner = sam2_arena_mark(arena);
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &normed, dim, n, dim));
    SAM2_TRY(sam2_op_layer_norm(be, &normed, x, block->norm1.gamma, block->norm1.beta, 1e-6f,
                                SAM2_ACT_NONE));
    Sam2Tensor qkv_rows = SAM2_RESHAPE(&qkv, n, 3 * dim_out);
    SAM2_TRY(sam2_op_linear(be, &qkv_rows, &normed, block->qkv.weight, block->qkv.bias,
                            SAM2_ACT_NONE, NULL));
    if (block->pool) {
        Sam2Tensor projected;
        SAM2_TRY(SAM2_TAKE(arena, &projected, h, w, dim_out));
        Sam2Tensor rows = SAM2_RESHAPE(&projected, n, dim_out);
        SAM2_TRY(sam2_op_linear(be, &rows, &normed, block->shortcut.weight, block->shortcut.bias,
                                SAM2_ACT_NONE, NULL));
        Sam2Tensor map = SAM2_RESHAPE(out, h2, w2, dim_out);
        SAM2_TRY(sam2_op_max_pool(be, &map, &projected));
    }
    sam2_arena_release(arena, inner);
    SAM2_TRY(SAM2_TAKE_OPERAND(arena, &attended, head, h2, w2, dim_out));
    SAM2_TRY(sam2_op_window_attention(be, &attended, &qkv, block->qkv.bias, block->n_heads,
                                      block->window, block->pool));
    Sam2Tensor rows = SAM2_RESHAPE(&attended, h2 * w2, dim_out);
    SAM2_TRY(
        sam2_op_linear(be, out, &rows, block->proj.weight, block->proj.bias, SAM2_ACT_NONE, out));
    sam2_arena_release(arena, mark);
    return run_mlp(block, arena, out);
}

// x (h * w, dim) becomes *x (h' * w', dim_out), in `next` where the shape changes. Windows see only
// themselves, so that a map can be walked in bands that stay in the cache.
static Sam2Status run_block(const Sam2HieraBlock *block, Sam2Arena *arena, Sam2Tensor *x,
                            Sam2Tensor *next, int *size)
{
    int64_t side = *size, step = block->pool ? 2 : 1, side2 = side / step;
    int64_t band = side;
    if (block->window)
        band = choose_rows(arena->be, side, 3 * block->dim_out * side, block->window);
    Sam2Tensor out = block->pool ? SAM2_RESHAPE(next, side2 * side2, block->dim_out) : *x;
    for (int64_t y = 0; y < side; y += band) {
        int64_t h = side - y < band ? side - y : band;
        Sam2Tensor x_band = sam2_tensor_rows(x, y * side, h * side);
        Sam2Tensor out_band = sam2_tensor_rows(&out, y / step * side2, h / step * side2);
        SAM2_TRY(run_band(block, arena, &x_band, &out_band, h, side));
    }
    *x = out;
    *size = (int)side2;
    return SAM2_OK;
}

Sam2Status sam2_hiera_forward(const Sam2Hiera *hiera, Sam2Arena *arena, const Sam2Tensor *input,
                              Sam2StageFunc func, void *user)
{
    Sam2Backend *be = arena->be;
    int size = hiera->image_size / 4;
    int64_t dim = hiera->blocks[0].dim, n = (int64_t)size * size;
    Sam2ArenaMark mark = sam2_arena_mark(arena);
    // A pooled stage has half the elements of the one before: two buffers in turn.
    Sam2Tensor buffer[2], map;
    SAM2_TRY(SAM2_TAKE(arena, &buffer[0], n, dim));
    SAM2_TRY(SAM2_TAKE(arena, &buffer[1], n / 2, dim));
    map = SAM2_RESHAPE(&buffer[0], size, size, dim);
    SAM2_TRY(sam2_op_conv2d(be, &map, input, hiera->patch_embed.weight, hiera->patch_embed.bias, 4,
                            3, SAM2_ACT_NONE));
    Sam2Tensor x = buffer[0];
    SAM2_TRY(sam2_op_add(be, &x, &x, hiera->position, 1.0f));
    int current = 0;
    for (int i = 0; i < hiera->n_blocks; i++) {
        const Sam2HieraBlock *block = &hiera->blocks[i];
        if (block->pool)
            current = !current;
        int64_t half = size / 2;
        Sam2Tensor next = SAM2_RESHAPE(&buffer[current], half * half, block->dim_out);
        SAM2_TRY(run_block(block, arena, &x, &next, &size));
        if (block->stage >= 0)
            SAM2_TRY(func(user, block->stage, &x));
    }
    sam2_arena_release(arena, mark);
    return SAM2_OK;
}
