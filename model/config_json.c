// SPDX-License-Identifier: Apache-2.0
// Configurations as JSON: the arguments of the reference's constructors, nested.
#include "model/config_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"

#define TEXT_SIZE 4096 // more than the largest configuration takes as text

// Where a field has several keys they must agree.
static const struct IntKey {
    const char *path;
    size_t offset;
} int_keys[] = {
#define INT(path, field)                                                                           \
    {                                                                                              \
        path, offsetof(Sam2Config, field)                                                          \
    }
    INT("image_size", image_size),
    INT("num_maskmem", num_maskmem),
    INT("max_obj_ptrs_in_encoder", max_obj_ptrs),
    INT("image_encoder.trunk.embed_dim", embed_dim),
    INT("image_encoder.trunk.num_heads", n_heads),
    INT("image_encoder.neck.d_model", d_model),
    INT("image_encoder.neck.position_encoding.num_pos_feats", d_model),
    INT("memory_attention.d_model", d_model),
    INT("memory_attention.layer.d_model", d_model),
    INT("memory_attention.layer.self_attention.embedding_dim", d_model),
    INT("memory_attention.layer.cross_attention.embedding_dim", d_model),
    INT("memory_attention.layer.cross_attention.kv_in_dim", mem_dim),
    INT("memory_attention.layer.dim_feedforward", memory_feedforward),
    INT("memory_attention.num_layers", memory_layers),
    INT("memory_encoder.in_dim", d_model),
    INT("memory_encoder.out_dim", mem_dim),
    INT("memory_encoder.position_encoding.num_pos_feats", mem_dim),
    INT("memory_encoder.mask_downsampler.embed_dim", d_model),
    INT("memory_encoder.fuser.layer.dim", d_model),
    INT("memory_encoder.fuser.num_layers", fuser_layers),
#undef INT
};

static const struct FlagKey {
    const char *path;
    size_t offset;
} flag_keys[] = {
#define FLAG(field)                                                                                \
    {                                                                                              \
#field, offsetof(Sam2Config, field)                                                        \
    }
    FLAG(no_obj_embed_spatial),
    FLAG(add_tpos_enc_to_obj_ptrs),
    FLAG(proj_tpos_enc_in_obj_ptrs),
    FLAG(use_signed_tpos_enc_to_obj_ptrs),
#undef FLAG
};

// What every published model has, and this program therefore takes for granted.
static const struct FixedKey {
    const char *path, *value;
} fixed_keys[] = {
    {"image_encoder.scalp", "1"},
    {"image_encoder.trunk.q_pool", "3"},
    {"image_encoder.trunk.q_stride", "[2,2]"},
    {"image_encoder.trunk.dim_mul", "2"},
    {"image_encoder.trunk.head_mul", "2"},
    {"image_encoder.neck.kernel_size", "1"},
    {"image_encoder.neck.stride", "1"},
    {"image_encoder.neck.padding", "0"},
    {"image_encoder.neck.fuse_type", "sum"},
    {"image_encoder.neck.fpn_top_down_levels", "[2,3]"},
    {"image_encoder.neck.fpn_interp_model", "nearest"},
    {"image_encoder.neck.position_encoding.normalize", "true"},
    {"image_encoder.neck.position_encoding.scale", "null"},
    {"image_encoder.neck.position_encoding.temperature", "10000"},
    {"memory_attention.pos_enc_at_input", "true"},
    {"memory_attention.layer.activation", "relu"},
    {"memory_attention.layer.pos_enc_at_attn", "false"},
    {"memory_attention.layer.pos_enc_at_cross_attn_keys", "true"},
    {"memory_attention.layer.pos_enc_at_cross_attn_queries", "false"},
    {"memory_attention.layer.self_attention.rope_theta", "10000"},
    {"memory_attention.layer.self_attention.num_heads", "1"},
    {"memory_attention.layer.self_attention.downsample_rate", "1"},
    {"memory_attention.layer.cross_attention.rope_theta", "10000"},
    {"memory_attention.layer.cross_attention.rope_k_repeat", "true"},
    {"memory_attention.layer.cross_attention.num_heads", "1"},
    {"memory_attention.layer.cross_attention.downsample_rate", "1"},
    {"memory_encoder.position_encoding.normalize", "true"},
    {"memory_encoder.position_encoding.scale", "null"},
    {"memory_encoder.position_encoding.temperature", "10000"},
    {"memory_encoder.mask_downsampler.kernel_size", "3"},
    {"memory_encoder.mask_downsampler.stride", "2"},
    {"memory_encoder.mask_downsampler.padding", "1"},
    {"memory_encoder.mask_downsampler.total_stride", "16"},
    {"memory_encoder.fuser.layer.kernel_size", "7"},
    {"memory_encoder.fuser.layer.padding", "3"},
    {"memory_encoder.fuser.layer.use_dwconv", "true"},
    {"backbone_stride", "16"},
    {"use_mask_input_as_output_without_sam", "true"},
    {"directly_add_no_mem_embed", "true"},
    {"use_high_res_features_in_sam", "true"},
    {"multimask_output_in_sam", "true"},
    {"multimask_min_pt_num", "0"},
    {"multimask_max_pt_num", "1"},
    {"multimask_output_for_tracking", "true"},
    {"use_multimask_token_for_obj_ptr", "true"},
    {"iou_prediction_use_sigmoid", "true"},
    {"use_obj_ptrs_in_encoder", "true"},
    {"only_obj_ptrs_in_the_past_for_eval", "true"},
    {"pred_obj_scores", "true"},
    {"pred_obj_scores_mlp", "true"},
    {"fixed_no_obj_ptr", "true"},
    {"soft_no_obj_ptr", "false"},
    {"use_mlp_for_obj_ptr_proj", "true"},
};

#define N_ELEMENTS(array) (sizeof(array) / sizeof *(array))

typedef struct Reader {
    const Sam2JsonValue *root;
    const char *what;
    Sam2Error *error;
} Reader;

static Sam2Status fail_key(const Reader *r, const char *path, const char *expected)
{
    return sam2_fail(r->error, SAM2_ERR_FORMAT, "%s: %s is not %s", r->what, path, expected);
}

static Sam2Status read_int(const Reader *r, const Sam2JsonValue *value, const char *path, int *out)
{
    if (!value->is_integer || value->integer < 0 || value->integer > 65536)
        return fail_key(r, path, "a whole number from 0 to 65536");
    *out = (int)value->integer;
    return SAM2_OK;
}

static Sam2Status read_ints(const Reader *r, Sam2Config *config)
{
    bool seen[sizeof(Sam2Config)] = {false};
    for (size_t i = 0; i < N_ELEMENTS(int_keys); i++) {
        const struct IntKey *key = &int_keys[i];
        const Sam2JsonValue *value = sam2_json_path(r->root, key->path);
        int *field = (int *)(void *)((char *)config + key->offset), number = 0;
        if (!value)
            continue;
        SAM2_TRY(read_int(r, value, key->path, &number));
        if (seen[key->offset] && *field != number)
            return sam2_fail(r->error, SAM2_ERR_FORMAT,
                             "%s: %s is %d, but another key for the same width says %d", r->what,
                             key->path, number, *field);
        *field = number;
        seen[key->offset] = true;
    }
    return SAM2_OK;
}

static Sam2Status read_int_array(const Reader *r, const char *path, int *out, size_t min,
                                 size_t max, int *n)
{
    const Sam2JsonValue *array = sam2_json_path(r->root, path);
    if (!array)
        return SAM2_OK;
    if (array->kind != SAM2_JSON_ARRAY || array->n_children < min || array->n_children > max)
        return sam2_fail(r->error, SAM2_ERR_FORMAT, "%s: %s is not a list of %zu to %zu numbers",
                         r->what, path, min, max);
    int i = 0;
    for (const Sam2JsonValue *value = array->first; value; value = value->next)
        SAM2_TRY(read_int(r, value, path, &out[i++]));
    if (n)
        *n = i;
    return SAM2_OK;
}

static Sam2Status read_float(const Reader *r, const char *path, float *out)
{
    const Sam2JsonValue *value = sam2_json_path(r->root, path);
    if (!value)
        return SAM2_OK;
    if (value->kind != SAM2_JSON_NUMBER || !(fabs(value->number) <= 1e6))
        return fail_key(r, path, "a number of sensible size");
    *out = (float)value->number;
    return SAM2_OK;
}

// Plain text of a value that one of the fixed keys may have.
static void format_value(char *out, size_t size, const Sam2JsonValue *value)
{
    switch (value->kind) {
    case SAM2_JSON_NULL:
        snprintf(out, size, "null");
        break;
    case SAM2_JSON_BOOL:
        snprintf(out, size, "%s", value->boolean ? "true" : "false");
        break;
    case SAM2_JSON_NUMBER:
        // %g would follow the locale; whole numbers are all that is wanted here.
        if (value->number == floor(value->number) && fabs(value->number) < 1e9)
            snprintf(out, size, "%lld", (long long)value->number);
        else
            snprintf(out, size, "another number");
        break;
    case SAM2_JSON_STRING:
        snprintf(out, size, "%.20s", value->string);
        break;
    case SAM2_JSON_ARRAY:
        if (value->n_children == 2 && value->first->is_integer && value->first->next->is_integer)
            snprintf(out, size, "[%lld,%lld]", (long long)value->first->integer,
                     (long long)value->first->next->integer);
        else
            snprintf(out, size, "another list");
        break;
    case SAM2_JSON_OBJECT:
        snprintf(out, size, "an object");
        break;
    }
}

static Sam2Status check_fixed(const Reader *r)
{
    for (size_t i = 0; i < N_ELEMENTS(fixed_keys); i++) {
        const Sam2JsonValue *value = sam2_json_path(r->root, fixed_keys[i].path);
        char text[64];
        if (!value)
            continue;
        format_value(text, sizeof text, value);
        if (strcmp(text, fixed_keys[i].value) != 0)
            return sam2_fail(r->error, SAM2_ERR_UNSUPPORTED,
                             "%s: %s is %s; only models with %s can be used", r->what,
                             fixed_keys[i].path, text, fixed_keys[i].value);
    }
    return SAM2_OK;
}

static Sam2Status check_channels(const Reader *r, const Sam2Config *config)
{
    int channels[SAM2_N_STAGES];
    const char *path = "image_encoder.neck.backbone_channel_list";
    if (!sam2_json_path(r->root, path))
        return SAM2_OK;
    SAM2_TRY(read_int_array(r, path, channels, SAM2_N_STAGES, SAM2_N_STAGES, NULL));
    for (int i = 0; i < SAM2_N_STAGES; i++)
        if (channels[i] != config->embed_dim << (SAM2_N_STAGES - 1 - i))
            return fail_key(r, path, "embed_dim doubled at each stage");
    return SAM2_OK;
}

static Sam2Status read_config(const Reader *r, Sam2Config *config)
{
    if (r->root->kind != SAM2_JSON_OBJECT)
        return sam2_fail(r->error, SAM2_ERR_FORMAT, "%s is not a JSON object", r->what);
    SAM2_TRY(read_ints(r, config));
    for (size_t i = 0; i < N_ELEMENTS(flag_keys); i++) {
        const Sam2JsonValue *value = sam2_json_path(r->root, flag_keys[i].path);
        if (value && value->kind != SAM2_JSON_BOOL)
            return fail_key(r, flag_keys[i].path, "true or false");
        if (value)
            *(bool *)((char *)config + flag_keys[i].offset) = value->boolean;
    }
    SAM2_TRY(read_float(r, "sigmoid_scale_for_mem_enc", &config->sigmoid_scale));
    SAM2_TRY(read_float(r, "sigmoid_bias_for_mem_enc", &config->sigmoid_bias));
    SAM2_TRY(read_int_array(r, "image_encoder.trunk.stages", config->stages, SAM2_N_STAGES,
                            SAM2_N_STAGES, NULL));
    SAM2_TRY(read_int_array(r, "image_encoder.trunk.window_spec", config->window_spec,
                            SAM2_N_STAGES, SAM2_N_STAGES, NULL));
    SAM2_TRY(read_int_array(r, "image_encoder.trunk.global_att_blocks", config->global_att_blocks,
                            0, SAM2_MAX_BLOCKS, &config->n_global_att_blocks));
    SAM2_TRY(read_int_array(r, "image_encoder.trunk.window_pos_embed_bkg_spatial_size",
                            config->pos_embed_size, 2, 2, NULL));
    SAM2_TRY(check_channels(r, config));
    return check_fixed(r);
}

Sam2Status sam2_config_parse(Sam2Config *config, const char *text, const char *what,
                             Sam2Error *error)
{
    Sam2Json *json;
    SAM2_TRY(sam2_json_parse(&json, text, strlen(text), what, error));
    Reader reader = {.root = sam2_json_root(json), .what = what, .error = error};
    Sam2Status status = read_config(&reader, config);
    sam2_json_free(&json);
    return status;
}

// %g would follow the locale.
static void format_float(char *out, size_t size, float value)
{
    long millionths = lround((double)value * 1e6);
    if (millionths % 1000000 == 0)
        snprintf(out, size, "%ld", millionths / 1000000);
    else
        snprintf(out, size, "%ldE-6", millionths);
}

static const char *flag_text(bool flag)
{
    return flag ? "true" : "false";
}

Sam2Status sam2_config_format(char **out, const Sam2Config *config, Sam2Error *error)
{
    char blocks[SAM2_MAX_BLOCKS * 8] = "";
    const int *stages = config->stages, *windows = config->window_spec;
    int d = config->d_model, used = 0;
    for (int i = 0; i < config->n_global_att_blocks; i++)
        used += snprintf(blocks + used, sizeof blocks - (size_t)used, i ? ",%d" : "%d",
                         config->global_att_blocks[i]);
    char scale[32], bias[32];
    format_float(scale, sizeof scale, config->sigmoid_scale);
    format_float(bias, sizeof bias, config->sigmoid_bias);
    *out = malloc(TEXT_SIZE);
    if (!*out)
        return sam2_fail_memory(error, TEXT_SIZE);
    snprintf(
        *out, TEXT_SIZE,
        "{\"image_encoder\":{\"trunk\":{\"embed_dim\":%d,\"num_heads\":%d,"
        "\"stages\":[%d,%d,%d,%d],\"global_att_blocks\":[%s],\"window_spec\":[%d,%d,%d,%d],"
        "\"window_pos_embed_bkg_spatial_size\":[%d,%d]},\"neck\":{\"d_model\":%d}},"
        "\"memory_attention\":{\"d_model\":%d,\"layer\":{\"dim_feedforward\":%d,\"d_model\":%d},"
        "\"num_layers\":%d},\"memory_encoder\":{\"out_dim\":%d,\"in_dim\":%d,"
        "\"fuser\":{\"num_layers\":%d}},\"num_maskmem\":%d,\"max_obj_ptrs_in_encoder\":%d,"
        "\"image_size\":%d,\"sigmoid_scale_for_mem_enc\":%s,"
        "\"sigmoid_bias_for_mem_enc\":%s,\"no_obj_embed_spatial\":%s,"
        "\"add_tpos_enc_to_obj_ptrs\":%s,\"proj_tpos_enc_in_obj_ptrs\":%s,"
        "\"use_signed_tpos_enc_to_obj_ptrs\":%s}",
        config->embed_dim, config->n_heads, stages[0], stages[1], stages[2], stages[3], blocks,
        windows[0], windows[1], windows[2], windows[3], config->pos_embed_size[0],
        config->pos_embed_size[1], d, d, config->memory_feedforward, d, config->memory_layers,
        config->mem_dim, d, config->fuser_layers, config->num_maskmem, config->max_obj_ptrs,
        config->image_size, scale, bias, flag_text(config->no_obj_embed_spatial),
        flag_text(config->add_tpos_enc_to_obj_ptrs), flag_text(config->proj_tpos_enc_in_obj_ptrs),
        flag_text(config->use_signed_tpos_enc_to_obj_ptrs));
    return SAM2_OK;
}
