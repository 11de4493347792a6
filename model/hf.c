// SPDX-License-Identifier: Apache-2.0
// Hugging Face's names for SAM 2's tensors (Sam2VideoModel of transformers), as published ones.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint_private.h"

// '#' stands for a number, '*' for the rest of the name. The first rule that fits counts; a name
// that fits none stays.
static const struct Rule {
    const char *from, *to;
} rules[] = {
    {"vision_encoder.backbone.patch_embed.projection.*", "image_encoder.trunk.patch_embed.proj.*"},
    {"vision_encoder.backbone.blocks.#.layer_norm#.*", "image_encoder.trunk.blocks.#.norm#.*"},
    {"vision_encoder.backbone.blocks.#.mlp.proj_in.*",
     "image_encoder.trunk.blocks.#.mlp.layers.0.*"},
    {"vision_encoder.backbone.blocks.#.mlp.proj_out.*",
     "image_encoder.trunk.blocks.#.mlp.layers.1.*"},
    {"vision_encoder.backbone.*", "image_encoder.trunk.*"},
    {"vision_encoder.neck.convs.#.*", "image_encoder.neck.convs.#.conv.*"},

    {"prompt_encoder.mask_embed.conv1.*", "sam_prompt_encoder.mask_downscaling.0.*"},
    {"prompt_encoder.mask_embed.layer_norm1.*", "sam_prompt_encoder.mask_downscaling.1.*"},
    {"prompt_encoder.mask_embed.conv2.*", "sam_prompt_encoder.mask_downscaling.3.*"},
    {"prompt_encoder.mask_embed.layer_norm2.*", "sam_prompt_encoder.mask_downscaling.4.*"},
    {"prompt_encoder.mask_embed.conv3.*", "sam_prompt_encoder.mask_downscaling.6.*"},
    {"prompt_encoder.shared_embedding.positional_embedding",
     "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"},
    {"shared_image_embedding.positional_embedding",
     "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"},
    {"prompt_encoder.*", "sam_prompt_encoder.*"},

    {"mask_decoder.transformer.layers.#.layer_norm#.*",
     "sam_mask_decoder.transformer.layers.#.norm#.*"},
    {"mask_decoder.transformer.layers.#.mlp.proj_in.*",
     "sam_mask_decoder.transformer.layers.#.mlp.layers.0.*"},
    {"mask_decoder.transformer.layers.#.mlp.proj_out.*",
     "sam_mask_decoder.transformer.layers.#.mlp.layers.1.*"},
    {"mask_decoder.transformer.layers.#.self_attn.o_proj.*",
     "sam_mask_decoder.transformer.layers.#.self_attn.out_proj.*"},
    {"mask_decoder.transformer.layers.#.cross_attn_token_to_image.o_proj.*",
     "sam_mask_decoder.transformer.layers.#.cross_attn_token_to_image.out_proj.*"},
    {"mask_decoder.transformer.layers.#.cross_attn_image_to_token.o_proj.*",
     "sam_mask_decoder.transformer.layers.#.cross_attn_image_to_token.out_proj.*"},
    {"mask_decoder.transformer.final_attn_token_to_image.o_proj.*",
     "sam_mask_decoder.transformer.final_attn_token_to_image.out_proj.*"},
    {"mask_decoder.transformer.layer_norm_final_attn.*",
     "sam_mask_decoder.transformer.norm_final_attn.*"},
    {"mask_decoder.upscale_conv1.*", "sam_mask_decoder.output_upscaling.0.*"},
    {"mask_decoder.upscale_layer_norm.*", "sam_mask_decoder.output_upscaling.1.*"},
    {"mask_decoder.upscale_conv2.*", "sam_mask_decoder.output_upscaling.3.*"},
    {"mask_decoder.output_hypernetworks_mlps.#.proj_in.*",
     "sam_mask_decoder.output_hypernetworks_mlps.#.layers.0.*"},
    {"mask_decoder.output_hypernetworks_mlps.#.layers.0.*",
     "sam_mask_decoder.output_hypernetworks_mlps.#.layers.1.*"},
    {"mask_decoder.output_hypernetworks_mlps.#.proj_out.*",
     "sam_mask_decoder.output_hypernetworks_mlps.#.layers.2.*"},
    {"mask_decoder.iou_prediction_head.proj_in.*",
     "sam_mask_decoder.iou_prediction_head.layers.0.*"},
    {"mask_decoder.iou_prediction_head.layers.0.*",
     "sam_mask_decoder.iou_prediction_head.layers.1.*"},
    {"mask_decoder.iou_prediction_head.proj_out.*",
     "sam_mask_decoder.iou_prediction_head.layers.2.*"},
    {"mask_decoder.pred_obj_score_head.proj_in.*",
     "sam_mask_decoder.pred_obj_score_head.layers.0.*"},
    {"mask_decoder.pred_obj_score_head.layers.0.*",
     "sam_mask_decoder.pred_obj_score_head.layers.1.*"},
    {"mask_decoder.pred_obj_score_head.proj_out.*",
     "sam_mask_decoder.pred_obj_score_head.layers.2.*"},
    {"mask_decoder.*", "sam_mask_decoder.*"},

    {"memory_attention.layer_norm.*", "memory_attention.norm.*"},
    {"memory_attention.layers.#.layer_norm#.*", "memory_attention.layers.#.norm#.*"},
    {"memory_attention.layers.#.self_attn.o_proj.*",
     "memory_attention.layers.#.self_attn.out_proj.*"},
    {"memory_attention.layers.#.cross_attn_image.o_proj.*",
     "memory_attention.layers.#.cross_attn_image.out_proj.*"},

    {"memory_encoder.feature_projection.*", "memory_encoder.pix_feat_proj.*"},
    {"memory_encoder.projection.*", "memory_encoder.out_proj.*"},
    {"memory_encoder.mask_downsampler.layers.0.conv.*",
     "memory_encoder.mask_downsampler.encoder.0.*"},
    {"memory_encoder.mask_downsampler.layers.0.layer_norm.*",
     "memory_encoder.mask_downsampler.encoder.1.*"},
    {"memory_encoder.mask_downsampler.layers.1.conv.*",
     "memory_encoder.mask_downsampler.encoder.3.*"},
    {"memory_encoder.mask_downsampler.layers.1.layer_norm.*",
     "memory_encoder.mask_downsampler.encoder.4.*"},
    {"memory_encoder.mask_downsampler.layers.2.conv.*",
     "memory_encoder.mask_downsampler.encoder.6.*"},
    {"memory_encoder.mask_downsampler.layers.2.layer_norm.*",
     "memory_encoder.mask_downsampler.encoder.7.*"},
    {"memory_encoder.mask_downsampler.layers.3.conv.*",
     "memory_encoder.mask_downsampler.encoder.9.*"},
    {"memory_encoder.mask_downsampler.layers.3.layer_norm.*",
     "memory_encoder.mask_downsampler.encoder.10.*"},
    {"memory_encoder.mask_downsampler.final_conv.*",
     "memory_encoder.mask_downsampler.encoder.12.*"},
    {"memory_encoder.memory_fuser.layers.#.depthwise_conv.*",
     "memory_encoder.fuser.layers.#.dwconv.*"},
    {"memory_encoder.memory_fuser.layers.#.layer_norm.*", "memory_encoder.fuser.layers.#.norm.*"},
    {"memory_encoder.memory_fuser.layers.#.pointwise_conv#.*",
     "memory_encoder.fuser.layers.#.pwconv#.*"},
    {"memory_encoder.memory_fuser.layers.#.scale", "memory_encoder.fuser.layers.#.gamma"},

    {"object_pointer_proj.proj_in.*", "obj_ptr_proj.layers.0.*"},
    {"object_pointer_proj.layers.0.*", "obj_ptr_proj.layers.1.*"},
    {"object_pointer_proj.proj_out.*", "obj_ptr_proj.layers.2.*"},
    {"temporal_positional_encoding_projection_layer.*", "obj_ptr_tpos_proj.*"},
    {"memory_temporal_positional_encoding", "maskmem_tpos_enc"},
    {"no_memory_embedding", "no_mem_embed"},
    {"no_memory_positional_encoding", "no_mem_pos_enc"},
    {"no_object_pointer", "no_obj_ptr"},
    {"occlusion_spatial_embedding_parameter", "no_obj_embed_spatial"},
};

typedef struct Part {
    const char *text;
    size_t length;
} Part;

// What the wildcards of `pattern` stand for in `name`, in order.
static bool match(const char *pattern, const char *name, Part parts[4])
{
    int n = 0;
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            parts[n] = (Part){name, strlen(name)};
            return true;
        }
        if (*pattern == '#') {
            size_t digits = strspn(name, "0123456789");
            if (digits == 0)
                return false;
            parts[n++] = (Part){name, digits};
            name += digits;
        } else if (*name++ != *pattern) {
            return false;
        }
    }
    return *name == '\0';
}

static char *fill_in(const char *pattern, const Part *parts)
{
    char out[2 * SAM2_MAX_NAME + 64];
    size_t n = 0;
    for (const char *c = pattern; *c; c++) {
        if (*c != '#' && *c != '*') {
            out[n++] = *c;
            continue;
        }
        memcpy(out + n, parts->text, parts->length);
        n += parts++->length;
    }
    return strndup(out, n);
}

static Sam2Status rename_tensor(Sam2CheckpointTensor *tensor, Sam2Error *error)
{
    Part parts[4];
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!match(rules[i].from, tensor->name, parts))
            continue;
        char *name = fill_in(rules[i].to, parts);
        if (!name)
            return sam2_fail_memory(error, SAM2_MAX_NAME);
        free((char *)(uintptr_t)tensor->name);
        tensor->name = name;
        return SAM2_OK;
    }
    return SAM2_OK;
}

static Sam2CheckpointTensor *find(Sam2Checkpoint *checkpoint, const char *name)
{
    for (size_t i = 0; i < checkpoint->n_tensors; i++)
        if (strcmp(checkpoint->tensors[i].name, name) == 0)
            return &checkpoint->tensors[i];
    return NULL;
}

static void remove_tensor(Sam2Checkpoint *checkpoint, Sam2CheckpointTensor *tensor)
{
    free((char *)(uintptr_t)tensor->name);
    *tensor = checkpoint->tensors[--checkpoint->n_tensors];
}

// The position matrix stands in the file once or twice.
static Sam2Status merge_shared(Sam2Checkpoint *checkpoint, Sam2Error *error)
{
    Sam2CheckpointTensor *image = find(checkpoint, "shared_image_embedding.positional_embedding");
    const Sam2CheckpointTensor *prompt =
        find(checkpoint, "prompt_encoder.shared_embedding.positional_embedding");
    if (!image || !prompt)
        return SAM2_OK;
    if (image->dtype != prompt->dtype || image->size != prompt->size ||
        memcmp(image->data, prompt->data, image->size) != 0)
        return sam2_fail(error, SAM2_ERR_UNSUPPORTED, "%s: tensors \"%s\" and \"%s\" differ",
                         checkpoint->path, image->name, prompt->name);
    remove_tensor(checkpoint, image);
    return SAM2_OK;
}

// (4, C) -> four of (1, C)
static Sam2Status split_point_embed(Sam2Checkpoint *checkpoint, Sam2Error *error)
{
    Sam2CheckpointTensor *merged = find(checkpoint, "prompt_encoder.point_embed.weight");
    if (!merged)
        return SAM2_OK;
    if (merged->n_dims != 2 || merged->shape[0] != 4)
        return sam2_fail(error, SAM2_ERR_SHAPE,
                         "%s: tensor \"%s\" does not have the shape of four rows", checkpoint->path,
                         merged->name);
    Sam2CheckpointTensor row = *merged;
    remove_tensor(checkpoint, merged);
    row.shape[0] = 1;
    row.size /= 4;
    for (int i = 0; i < 4; i++) {
        char name[64];
        int length =
            snprintf(name, sizeof name, "sam_prompt_encoder.point_embeddings.%d.weight", i);
        SAM2_TRY(sam2_checkpoint_add(checkpoint, name, (size_t)length, &row, error));
        row.data = (const char *)row.data + row.size;
    }
    return SAM2_OK;
}

Sam2Status sam2_hf_rename(Sam2Checkpoint *checkpoint, Sam2Error *error)
{
    if (!find(checkpoint, "vision_encoder.backbone.pos_embed"))
        return SAM2_OK;
    SAM2_TRY(merge_shared(checkpoint, error));
    SAM2_TRY(split_point_embed(checkpoint, error));
    for (size_t i = 0; i < checkpoint->n_tensors; i++)
        SAM2_TRY(rename_tensor(&checkpoint->tensors[i], error));
    return SAM2_OK;
}
