// SPDX-License-Identifier: Apache-2.0
// A model's configuration, from the file's metadata or told from its tensors.
#include "model/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_private.h"

// The published trunks. Windows of 8, 4, 14, 7 tokens except for large.
static const struct Variant {
    const char *name;
    int embed_dim, n_heads;
    int stages[SAM2_N_STAGES], window_spec[SAM2_N_STAGES], global_att_blocks[3];
    int pos_embed_size;
} variants[] = {
    {"tiny", 96, 1, {1, 2, 7, 2}, {8, 4, 14, 7}, {5, 7, 9}, 7},
    {"small", 96, 1, {1, 2, 11, 2}, {8, 4, 14, 7}, {7, 10, 13}, 7},
    {"base+", 112, 2, {2, 3, 16, 3}, {8, 4, 14, 7}, {12, 16, 20}, 14},
    {"large", 144, 2, {2, 6, 36, 4}, {8, 4, 16, 8}, {23, 33, 43}, 7},
};
#define N_VARIANTS (sizeof variants / sizeof *variants)
#define BASE_PLUS (&variants[2])

typedef struct Source {
    const Sam2Checkpoint *checkpoint;
    const char *path;
    Sam2Error *error;
} Source;

static const Sam2CheckpointTensor *find(const Source *s, const char *format, int index)
{
    char name[128];
    snprintf(name, sizeof name, format, index);
    return sam2_checkpoint_find(s->checkpoint, name);
}

// Side `axis` of a tensor that has n_dims dimensions.
static Sam2Status read_side(const Source *s, const char *name, int n_dims, int axis, int *out)
{
    const Sam2CheckpointTensor *tensor = sam2_checkpoint_find(s->checkpoint, name);
    if (!tensor)
        return sam2_fail(s->error, SAM2_ERR_SHAPE,
                         "%s: tensor \"%s\" is missing; this is not a SAM 2 model", s->path, name);
    if (tensor->n_dims != n_dims || tensor->shape[axis] < 1 || tensor->shape[axis] > 65536)
        return sam2_fail(s->error, SAM2_ERR_SHAPE, "%s: tensor \"%s\" has an unexpected shape",
                         s->path, name);
    *out = (int)tensor->shape[axis];
    return SAM2_OK;
}

static Sam2Status count_layers(const Source *s, const char *format, int *out)
{
    *out = 0;
    while (find(s, format, *out))
        ++*out;
    if (*out >= 1 && *out <= SAM2_MAX_BLOCKS)
        return SAM2_OK;
    char name[128];
    snprintf(name, sizeof name, format, 0);
    return sam2_fail(s->error, SAM2_ERR_SHAPE, "%s has %d tensors like \"%s\"; 1 to %d can be used",
                     s->path, *out, name, SAM2_MAX_BLOCKS);
}

// A stage begins where the width doubles.
static Sam2Status observe_stages(const Source *s, Sam2Config *out)
{
    int n_blocks, stage = 0, width = out->embed_dim;
    SAM2_TRY(count_layers(s, "image_encoder.trunk.blocks.%d.attn.proj.weight", &n_blocks));
    for (int i = 0; i < n_blocks; i++) {
        const Sam2CheckpointTensor *proj =
            find(s, "image_encoder.trunk.blocks.%d.attn.proj.weight", i);
        int64_t found = proj->n_dims == 2 ? proj->shape[0] : 0;
        if (found == 2 * (int64_t)width && i > 0 && stage + 1 < SAM2_N_STAGES) {
            stage++;
            width *= 2;
        } else if (found != width) {
            return sam2_fail(s->error, SAM2_ERR_SHAPE,
                             "%s: trunk block %d is %lld wide, which follows no SAM 2 plan",
                             s->path, i, (long long)found);
        }
        out->stages[stage]++;
    }
    if (stage != SAM2_N_STAGES - 1)
        return sam2_fail(s->error, SAM2_ERR_SHAPE, "%s: the trunk has %d stages, not %d", s->path,
                         stage + 1, SAM2_N_STAGES);
    return SAM2_OK;
}

// All that the tensors' shapes tell.
static Sam2Status observe(const Source *s, Sam2Config *out)
{
    static const char pos[] = "image_encoder.trunk.pos_embed";
    memset(out, 0, sizeof *out);
    SAM2_TRY(read_side(s, pos, 4, 1, &out->embed_dim));
    SAM2_TRY(read_side(s, pos, 4, 2, &out->pos_embed_size[0]));
    SAM2_TRY(read_side(s, pos, 4, 3, &out->pos_embed_size[1]));
    SAM2_TRY(read_side(s, "image_encoder.trunk.pos_embed_window", 4, 2, &out->window_spec[0]));
    SAM2_TRY(observe_stages(s, out));
    SAM2_TRY(read_side(s, "no_mem_embed", 3, 2, &out->d_model));
    SAM2_TRY(read_side(s, "maskmem_tpos_enc", 4, 0, &out->num_maskmem));
    SAM2_TRY(read_side(s, "maskmem_tpos_enc", 4, 3, &out->mem_dim));
    SAM2_TRY(count_layers(s, "memory_attention.layers.%d.linear1.weight", &out->memory_layers));
    SAM2_TRY(
        read_side(s, "memory_attention.layers.0.linear1.weight", 2, 0, &out->memory_feedforward));
    SAM2_TRY(count_layers(s, "memory_encoder.fuser.layers.%d.gamma", &out->fuser_layers));
    out->no_obj_embed_spatial = find(s, "no_obj_embed_spatial", 0) != NULL;
    out->proj_tpos_enc_in_obj_ptrs = find(s, "obj_ptr_tpos_proj.weight", 0) != NULL;
    return SAM2_OK;
}

static void apply_variant(Sam2Config *config, const struct Variant *variant)
{
    config->embed_dim = variant->embed_dim;
    config->n_heads = variant->n_heads;
    memcpy(config->stages, variant->stages, sizeof config->stages);
    memcpy(config->window_spec, variant->window_spec, sizeof config->window_spec);
    memcpy(config->global_att_blocks, variant->global_att_blocks,
           sizeof variant->global_att_blocks);
    config->n_global_att_blocks = 3;
    config->pos_embed_size[0] = config->pos_embed_size[1] = variant->pos_embed_size;
}

static bool same_stages(const Sam2Config *config, const struct Variant *variant)
{
    return config->embed_dim == variant->embed_dim &&
           memcmp(config->stages, variant->stages, sizeof config->stages) == 0;
}

static void name_variant(Sam2Config *config)
{
    strcpy(config->variant, "custom");
    for (size_t i = 0; i < N_VARIANTS; i++) {
        Sam2Config published;
        memcpy(&published, config, sizeof published); // with its padding, for the memcmp
        apply_variant(&published, &variants[i]);
        if (memcmp(&published, config, sizeof published) == 0 && config->d_model == 256)
            strcpy(config->variant, variants[i].name);
    }
}

// What the published models share.
static void set_common(Sam2Config *config, const Sam2Config *seen)
{
    config->image_size = 1024;
    config->d_model = seen->d_model;
    config->mem_dim = seen->mem_dim;
    config->memory_layers = seen->memory_layers;
    config->memory_feedforward = seen->memory_feedforward;
    config->fuser_layers = seen->fuser_layers;
    config->num_maskmem = seen->num_maskmem;
    config->max_obj_ptrs = 16;
    config->sigmoid_scale = 20;
    config->sigmoid_bias = -10;
    config->no_obj_embed_spatial = seen->no_obj_embed_spatial;
    config->add_tpos_enc_to_obj_ptrs = seen->no_obj_embed_spatial;
    config->proj_tpos_enc_in_obj_ptrs = seen->proj_tpos_enc_in_obj_ptrs;
    config->use_signed_tpos_enc_to_obj_ptrs = seen->no_obj_embed_spatial;
}

static Sam2Status tell_variant(const Source *s, const Sam2Config *seen, Sam2Config *config)
{
    for (size_t i = 0; i < N_VARIANTS; i++) {
        if (same_stages(seen, &variants[i])) {
            apply_variant(config, &variants[i]);
            return SAM2_OK;
        }
    }
    return sam2_fail(s->error, SAM2_ERR_UNSUPPORTED,
                     "%s: no published SAM 2 is %d wide with %d-%d-%d-%d blocks, and the file "
                     "does not carry its configuration (metadata key \"masklet.config\")",
                     s->path, seen->embed_dim, seen->stages[0], seen->stages[1], seen->stages[2],
                     seen->stages[3]);
}

static Sam2Status compare(const Source *s, const char *what, int configured, int seen)
{
    if (configured == seen)
        return SAM2_OK;
    return sam2_fail(s->error, SAM2_ERR_SHAPE,
                     "%s: the configuration says %s %d, but the tensors say %d", s->path, what,
                     configured, seen);
}

static Sam2Status compare_all(const Source *s, const Sam2Config *config, const Sam2Config *seen)
{
    static const char *const stages[] = {"stages[0]", "stages[1]", "stages[2]", "stages[3]"};
    SAM2_TRY(compare(s, "embed_dim", config->embed_dim, seen->embed_dim));
    for (int i = 0; i < SAM2_N_STAGES; i++)
        SAM2_TRY(compare(s, stages[i], config->stages[i], seen->stages[i]));
    SAM2_TRY(compare(s, "window_spec[0]", config->window_spec[0], seen->window_spec[0]));
    SAM2_TRY(compare(s, "window_pos_embed_bkg_spatial_size[0]", config->pos_embed_size[0],
                     seen->pos_embed_size[0]));
    SAM2_TRY(compare(s, "window_pos_embed_bkg_spatial_size[1]", config->pos_embed_size[1],
                     seen->pos_embed_size[1]));
    SAM2_TRY(compare(s, "d_model", config->d_model, seen->d_model));
    SAM2_TRY(compare(s, "memory width", config->mem_dim, seen->mem_dim));
    SAM2_TRY(compare(s, "memory attention layers", config->memory_layers, seen->memory_layers));
    SAM2_TRY(compare(s, "dim_feedforward", config->memory_feedforward, seen->memory_feedforward));
    SAM2_TRY(compare(s, "fuser layers", config->fuser_layers, seen->fuser_layers));
    SAM2_TRY(compare(s, "num_maskmem", config->num_maskmem, seen->num_maskmem));
    SAM2_TRY(compare(s, "no_obj_embed_spatial", config->no_obj_embed_spatial,
                     seen->no_obj_embed_spatial));
    return compare(s, "proj_tpos_enc_in_obj_ptrs", config->proj_tpos_enc_in_obj_ptrs,
                   seen->proj_tpos_enc_in_obj_ptrs);
}

static Sam2Status check_range(const Source *s, const char *what, int value, int min, int max,
                              int multiple)
{
    if (value >= min && value <= max && value % multiple == 0)
        return SAM2_OK;
    if (multiple == 1)
        return sam2_fail(s->error, SAM2_ERR_UNSUPPORTED, "%s: %s is %d; %d to %d can be used",
                         s->path, what, value, min, max);
    return sam2_fail(s->error, SAM2_ERR_UNSUPPORTED,
                     "%s: %s is %d; multiples of %d from %d to %d can be used", s->path, what,
                     value, multiple, min, max);
}

static Sam2Status check_ranges(const Source *s, const Sam2Config *c)
{
    int n_blocks = 0;
    SAM2_TRY(check_range(s, "image_size", c->image_size, 64, 2048, 32));
    SAM2_TRY(check_range(s, "num_heads", c->n_heads, 1, 64, 1));
    SAM2_TRY(check_range(s, "embed_dim", c->embed_dim, 1, 1024, c->n_heads));
    for (int i = 0; i < SAM2_N_STAGES; i++) {
        SAM2_TRY(
            check_range(s, "a number of blocks in stages", c->stages[i], 1, SAM2_MAX_BLOCKS, 1));
        // The first block of the next stage pools pairs inside this stage's windows.
        SAM2_TRY(check_range(s, "a window of window_spec", c->window_spec[i], 1, 64,
                             i + 1 < SAM2_N_STAGES ? 2 : 1));
        n_blocks += c->stages[i];
    }
    SAM2_TRY(check_range(s, "the number of blocks", n_blocks, 4, SAM2_MAX_BLOCKS, 1));
    for (int i = 0; i < c->n_global_att_blocks; i++)
        SAM2_TRY(check_range(s, "an index in global_att_blocks", c->global_att_blocks[i], 0,
                             n_blocks - 1, 1));
    SAM2_TRY(check_range(s, "the position grid's height", c->pos_embed_size[0], 1, 512, 1));
    SAM2_TRY(check_range(s, "the position grid's width", c->pos_embed_size[1], 1, 512, 1));
    // 8 heads of the mask decoder share d_model / 2; upscaling ends at d_model / 8.
    SAM2_TRY(check_range(s, "d_model", c->d_model, 16, 1024, 16));
    SAM2_TRY(check_range(s, "the memory's width", c->mem_dim, 4, c->d_model, 4));
    if (c->d_model % c->mem_dim != 0)
        return sam2_fail(s->error, SAM2_ERR_UNSUPPORTED,
                         "%s: d_model %d is no multiple of the memory's width %d", s->path,
                         c->d_model, c->mem_dim);
    SAM2_TRY(check_range(s, "dim_feedforward", c->memory_feedforward, 1, 16384, 1));
    SAM2_TRY(check_range(s, "num_maskmem", c->num_maskmem, 1, SAM2_MAX_MASKMEM, 1));
    SAM2_TRY(check_range(s, "max_obj_ptrs_in_encoder", c->max_obj_ptrs, 2, 256, 1));
    if (c->proj_tpos_enc_in_obj_ptrs && !c->add_tpos_enc_to_obj_ptrs)
        return sam2_fail(s->error, SAM2_ERR_UNSUPPORTED,
                         "%s: proj_tpos_enc_in_obj_ptrs needs add_tpos_enc_to_obj_ptrs", s->path);
    return SAM2_OK;
}

Sam2Status sam2_config_read(Sam2Config *out, const Sam2Checkpoint *checkpoint, Sam2Error *error)
{
    Source source = {checkpoint, sam2_checkpoint_path(checkpoint), error};
    Sam2Config config = {0}, seen;
    SAM2_TRY(observe(&source, &seen));
    set_common(&config, &seen);
    const char *text = sam2_checkpoint_metadata(checkpoint, "masklet.config");
    if (text) {
        char what[512];
        snprintf(what, sizeof what, "%.400s: configuration", source.path);
        apply_variant(&config, BASE_PLUS);
        SAM2_TRY(sam2_config_parse(&config, text, what, error));
    } else {
        SAM2_TRY(tell_variant(&source, &seen, &config));
    }
    config.is_2_1 = config.no_obj_embed_spatial;
    SAM2_TRY(check_ranges(&source, &config));
    SAM2_TRY(compare_all(&source, &config, &seen));
    name_variant(&config);
    *out = config;
    return SAM2_OK;
}
