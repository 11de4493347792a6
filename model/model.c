// SPDX-License-Identifier: Apache-2.0
// Opening and closing a model.
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Sam2Status load_memory_tables(Sam2Model *model, Sam2Loader *loader)
{
    const Sam2Config *config = &model->config;
    int64_t h = config->image_size / 16, m = config->mem_dim, d = config->d_model;
    const Sam2Weight *weight;
    SAM2_TRY(sam2_load_weight(loader, &weight, SAM2_WEIGHT_VECTOR, "maskmem_tpos_enc",
                              SAM2_SHAPE(config->num_maskmem, 1, 1, m)));
    model->temporal = SAM2_RESHAPE(&weight->tensor, config->num_maskmem, m);
    float *table = malloc((size_t)(h * h * m) * sizeof *table);
    if (!table)
        return sam2_fail_memory(loader->error, (size_t)(h * h * m) * sizeof *table);
    sam2_position_sine(table, (int)h, (int)h, (int)m);
    Sam2Status status =
        sam2_load_data(loader, &weight, SAM2_WEIGHT_VECTOR, table, SAM2_SHAPE(h * h, m));
    free(table);
    SAM2_TRY(status);
    model->memory_position = &weight->tensor;
    if (config->add_tpos_enc_to_obj_ptrs && config->proj_tpos_enc_in_obj_ptrs) {
        SAM2_TRY(sam2_load_host(loader, &model->pointer_tpos_weight, "obj_ptr_tpos_proj.weight",
                                SAM2_SHAPE(m, d)));
        SAM2_TRY(sam2_load_host(loader, &model->pointer_tpos_bias, "obj_ptr_tpos_proj.bias",
                                SAM2_SHAPE(m)));
    }
    return SAM2_OK;
}

// What the mask decoder gets where nothing prompts it, on tracked frames: its own tokens, one point
// that is none, and the padding point.
static Sam2Status load_track_tokens(Sam2Model *model, Sam2Loader *loader)
{
    static const float no_xy[2];
    static const int no_label[1] = {-1};
    const Sam2Points none = {no_xy, no_label, 1};
    int64_t d = model->config.d_model;
    const Sam2Weight *weight;
    float *tokens = malloc((size_t)(8 * d) * sizeof *tokens);
    if (!tokens)
        return sam2_fail_memory(loader->error, (size_t)(8 * d) * sizeof *tokens);
    for (int i = 0; i < 6; i++)
        memcpy(tokens + i * d, model->decoder.output_tokens[i], (size_t)d * sizeof *tokens);
    sam2_prompt_encoder_points(&model->prompts, &none, tokens + 6 * d);
    Sam2Status status =
        sam2_load_data(loader, &weight, SAM2_WEIGHT_VECTOR, tokens, SAM2_SHAPE(8, d));
    free(tokens);
    SAM2_TRY(status);
    model->track_tokens = &weight->tensor;
    return SAM2_OK;
}

static Sam2Status load_embeddings(Sam2Model *model, Sam2Loader *loader)
{
    const Sam2Config *config = &model->config;
    int64_t d = config->d_model;
    const Sam2Weight *weight;
    SAM2_TRY(
        sam2_load_weight(loader, &weight, SAM2_WEIGHT_VECTOR, "no_mem_embed", SAM2_SHAPE(1, 1, d)));
    model->no_mem_embed = &weight->tensor;
    SAM2_TRY(sam2_load_host(loader, &model->no_obj_ptr, "no_obj_ptr", SAM2_SHAPE(1, d)));
    SAM2_TRY(sam2_load_data(loader, &weight, SAM2_WEIGHT_VECTOR, model->no_obj_ptr, SAM2_SHAPE(d)));
    model->absent_pointer = &weight->tensor;
    if (config->no_obj_embed_spatial) {
        SAM2_TRY(sam2_load_weight(loader, &weight, SAM2_WEIGHT_VECTOR, "no_obj_embed_spatial",
                                  SAM2_SHAPE(1, config->mem_dim)));
        model->no_obj_embed = &weight->tensor;
    }
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"obj_ptr_proj.layers.0", "obj_ptr_proj.layers.1",
                                            "obj_ptr_proj.layers.2"};
        SAM2_TRY(sam2_load_linear(loader, &model->pointer_proj.layers[i], names[i], d, d));
    }
    return sam2_load_conv(loader, &model->mask_downsample, SAM2_WEIGHT_CONV, "mask_downsample", 1,
                          SAM2_SHAPE(1, 1, 4, 4));
}

static Sam2Status load_modules(Sam2Model *model, Sam2Loader *loader)
{
    const Sam2Config *config = &model->config;
    SAM2_TRY(sam2_hiera_load(&model->hiera, loader, config));
    SAM2_TRY(sam2_fpn_load(&model->fpn, loader, config));
    SAM2_TRY(sam2_prompt_encoder_load(&model->prompts, loader, config));
    SAM2_TRY(sam2_mask_decoder_load(&model->decoder, loader, config));
    SAM2_TRY(sam2_memory_attention_load(&model->attention, loader, config));
    SAM2_TRY(sam2_memory_encoder_load(&model->memory, loader, config));
    SAM2_TRY(load_memory_tables(model, loader));
    SAM2_TRY(load_track_tokens(model, loader));
    return load_embeddings(model, loader);
}

Sam2Status sam2_model_open(Sam2Model **out, const Sam2ModelParams *params, Sam2Error *error)
{
    Sam2Status status;
    Sam2Checkpoint *checkpoint = NULL;
    *out = NULL;
    if (!params->path)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "no model file is named");
    Sam2Model *model = calloc(1, sizeof *model);
    if (!model)
        return sam2_fail_memory(error, sizeof *model);
    SAM2_TRY_FAIL(sam2_checkpoint_open(&checkpoint, params->path, error));
    SAM2_TRY_FAIL(sam2_config_read(&model->config, checkpoint, error));
    SAM2_TRY_FAIL(sam2_backend_open(&model->be, params->backend, params->precision,
                                    params->n_threads, error));
    Sam2Loader loader = {checkpoint, model->be, &model->weights, error};
    SAM2_TRY_FAIL(load_modules(model, &loader));
    for (size_t i = 0; i < sam2_checkpoint_n_tensors(checkpoint); i++) {
        const Sam2CheckpointTensor *tensor = sam2_checkpoint_tensor(checkpoint, i);
        model->n_parameters += (int64_t)(tensor->size / sam2_dtype_size(tensor->dtype));
    }
    sam2_checkpoint_close(&checkpoint);
    *out = model;
    return SAM2_OK;
fail:
    sam2_checkpoint_close(&checkpoint);
    sam2_model_close(&model);
    return status;
}

void sam2_model_close(Sam2Model **model)
{
    if (!*model)
        return;
    if ((*model)->be)
        sam2_weight_list_free(&(*model)->weights, (*model)->be);
    sam2_backend_close(&(*model)->be);
    free(*model);
    *model = NULL;
}

void sam2_model_get_info(const Sam2Model *model, Sam2ModelInfo *out)
{
    *out = (Sam2ModelInfo){.precision = model->be->precision,
                           .image_size = model->config.image_size,
                           .d_model = model->config.d_model,
                           .n_parameters = model->n_parameters,
                           .weights_size = sam2_weight_list_size(model->weights),
                           .n_threads = model->be->n_threads};
    snprintf(out->variant, sizeof out->variant, "%s", model->config.variant);
    snprintf(out->version, sizeof out->version, "%s", model->config.is_2_1 ? "2.1" : "2.0");
    snprintf(out->backend, sizeof out->backend, "%s", model->be->name);
}
