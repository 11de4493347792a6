// SPDX-License-Identifier: Apache-2.0
// Image mode: one picture, any number of independent prompts, as SAM 2's image predictor does it.
#include "model/track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_POINTS 4096

struct Sam2Image {
    Sam2Model *model;
    Sam2Arena arena;
    Sam2Features features;
    Sam2Tensor embedding; // (h * w, d): top with the no-memory embedding
    int width, height;    // 0: no image yet
    float *logits[3];     // of the last result
    float *clamped[3];    // what the caller sees of them
    int n_masks;
};

static Sam2Status finish(Sam2Image *image, Sam2Status status, Sam2Error *error)
{
    sam2_arena_release(&image->arena, (Sam2ArenaMark){0});
    if (status != SAM2_OK && error)
        *error = image->model->be->error;
    return status;
}

Sam2Status sam2_image_open(Sam2Image **out, Sam2Model *model, Sam2Error *error)
{
    *out = NULL;
    Sam2Image *image = calloc(1, sizeof *image);
    if (!image)
        return sam2_fail_memory(error, sizeof *image);
    image->model = model;
    sam2_arena_init(&image->arena, model->be);
    size_t side = (size_t)model->config.image_size / 4;
    Sam2Status status = sam2_features_alloc(&image->features, &model->fpn, model->be);
    if (status == SAM2_OK)
        status = sam2_backend_alloc(model->be, &image->embedding, 2, image->features.top.shape);
    for (int i = 0; status == SAM2_OK && i < 3; i++) {
        image->logits[i] = malloc(side * side * sizeof(float));
        image->clamped[i] = malloc(side * side * sizeof(float));
        if (!image->logits[i] || !image->clamped[i])
            status = sam2_fail_memory(&model->be->error, side * side * sizeof(float));
    }
    if (status != SAM2_OK) {
        if (error)
            *error = model->be->error;
        sam2_image_close(&image);
        return status;
    }
    *out = image;
    return SAM2_OK;
}

void sam2_image_close(Sam2Image **image)
{
    if (!*image)
        return;
    Sam2Backend *be = (*image)->model->be;
    sam2_features_free(&(*image)->features, be);
    sam2_backend_release(be, &(*image)->embedding);
    sam2_arena_clear(&(*image)->arena);
    for (int i = 0; i < 3; i++) {
        free((*image)->logits[i]);
        free((*image)->clamped[i]);
    }
    free(*image);
    *image = NULL;
}

static Sam2Status encode(Sam2Image *image, const uint8_t *rgb, int width, int height, size_t stride)
{
    const Sam2Model *model = image->model;
    int64_t size = model->config.image_size;
    Sam2Tensor input;
    SAM2_TRY(SAM2_TAKE(&image->arena, &input, size, size, 3));
    SAM2_TRY(sam2_op_image_input(model->be, &input, rgb, width, height, stride, false));
    SAM2_TRY(sam2_fpn_forward(&model->fpn, &model->hiera, &image->arena, &input, &image->features));
    return sam2_op_add(model->be, &image->embedding, &image->features.top, model->no_mem_embed,
                       1.0f);
}

Sam2Status sam2_image_set(Sam2Image *image, const uint8_t *rgb, int width, int height,
                          size_t stride, Sam2Error *error)
{
    if (!rgb || width < 1 || height < 1 || width > 65535 || height > 65535 ||
        stride < (size_t)width * 3)
        return sam2_fail(error, SAM2_ERR_ARGUMENT,
                         "an image of %d x %d pixels, rows %zu bytes apart", width, height, stride);
    image->width = image->height = image->n_masks = 0;
    Sam2Status status = encode(image, rgb, width, height, stride);
    if (status == SAM2_OK) {
        image->width = width;
        image->height = height;
    }
    return finish(image, status, error);
}

static Sam2Status check_prompt(const Sam2Image *image, const Sam2ImagePrompt *prompt,
                               Sam2Error *error)
{
    if (image->width == 0)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "no image is set");
    if (prompt->n_points < 0 || prompt->n_points > MAX_POINTS ||
        (prompt->n_points > 0 && (!prompt->points || !prompt->labels)))
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "%d points; 0 to %d with labels are possible",
                         prompt->n_points, MAX_POINTS);
    if (prompt->n_points == 0 && !prompt->box && !prompt->low_logits)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "a prompt needs points, a box or logits");
    for (int i = 0; i < prompt->n_points; i++)
        if (!isfinite(prompt->points[2 * i]) || !isfinite(prompt->points[2 * i + 1]) ||
            (prompt->labels[i] != 0 && prompt->labels[i] != 1))
            return sam2_fail(error, SAM2_ERR_ARGUMENT,
                             "point %d: coordinates must be numbers and the label 0 or 1", i);
    for (int i = 0; prompt->box && i < 4; i++)
        if (!isfinite(prompt->box[i]))
            return sam2_fail(error, SAM2_ERR_ARGUMENT, "a box coordinate is not a number");
    return SAM2_OK;
}

// Prompt embeddings on the host, the box's corners first; *out has *n rows and is the caller's.
static Sam2Status embed_points(const Sam2Image *image, const Sam2ImagePrompt *prompt, float **out,
                               int *n)
{
    const Sam2Model *model = image->model;
    Sam2Error *error = &model->be->error;
    int n_box = prompt->box ? 2 : 0, total = n_box + prompt->n_points;
    size_t size = (size_t)(total + 1) * (size_t)model->config.d_model * sizeof(float);
    float *xy = malloc((size_t)(total + 1) * 2 * sizeof *xy), *sparse = malloc(size);
    int *labels = malloc((size_t)(total + 1) * sizeof *labels);
    Sam2Status status = SAM2_OK;
    if (!xy || !labels || !sparse) {
        status = sam2_fail_memory(error, size);
        free(sparse);
        sparse = NULL;
    }
    for (int i = 0; status == SAM2_OK && i < total; i++) {
        const float *at = i < n_box ? prompt->box + 2 * i : prompt->points + 2 * (i - n_box);
        xy[2 * i] = at[0] / (float)image->width * (float)model->config.image_size;
        xy[2 * i + 1] = at[1] / (float)image->height * (float)model->config.image_size;
        labels[i] = i < n_box ? 2 + i : prompt->labels[i - n_box];
    }
    if (status == SAM2_OK) {
        Sam2Points points = {xy, labels, total};
        sam2_prompt_encoder_points(&model->prompts, &points, sparse);
    }
    free(xy);
    free(labels);
    *out = sparse;
    *n = total + 1;
    return status;
}

static Sam2Status predict(Sam2Image *image, const Sam2ImagePrompt *prompt, Sam2ImageResult *out)
{
    const Sam2Model *model = image->model;
    Sam2Backend *be = model->be;
    int64_t side = model->config.image_size / 4;
    Sam2VideoOptions options = sam2_video_options_parity();
    Sam2Tensor dense, mask = {0};
    if (prompt->low_logits) {
        SAM2_TRY(SAM2_TAKE(&image->arena, &mask, side, side));
        SAM2_TRY(be->ops->upload(be, mask.data, prompt->low_logits, sam2_tensor_size(&mask)));
    }
    SAM2_TRY(
        sam2_prompt_encoder_mask(&model->prompts, &image->arena, mask.data ? &mask : NULL, &dense));
    float *sparse;
    int n;
    Sam2DecoderOutput decoded;
    SAM2_TRY(embed_points(image, prompt, &sparse, &n));
    Sam2Status status =
        sam2_mask_decoder_forward(&model->decoder, &image->arena, &model->prompts, &image->features,
                                  &image->embedding, &dense, sparse, n, &decoded);
    free(sparse);
    SAM2_TRY(status);
    int first = 1;
    if (!prompt->multimask)
        SAM2_TRY(sam2_track_choose(&image->arena, &decoded, false, &options, &first));
    Sam2ImageResult result = {.n_masks = prompt->multimask ? 3 : 1,
                              .object_score = decoded.object_score};
    for (int i = 0; i < result.n_masks; i++) {
        Sam2Tensor row = sam2_tensor_rows(&decoded.masks, first + i, 1);
        SAM2_TRY(be->ops->download(be, image->logits[i], row.data, sam2_tensor_size(&row)));
        for (int64_t k = 0; k < side * side; k++)
            image->clamped[i][k] = fminf(fmaxf(image->logits[i][k], -32.0f), 32.0f);
        result.iou[i] = decoded.iou[first + i];
        result.low_logits[i] = image->clamped[i];
    }
    image->n_masks = result.n_masks;
    *out = result;
    return SAM2_OK;
}

Sam2Status sam2_image_predict(Sam2Image *image, const Sam2ImagePrompt *prompt, Sam2ImageResult *out,
                              Sam2Error *error)
{
    SAM2_TRY(check_prompt(image, prompt, error));
    return finish(image, predict(image, prompt, out), error);
}

static Sam2Status resize_logits(Sam2Image *image, const float *logits, float *out)
{
    Sam2Backend *be = image->model->be;
    int64_t side = image->model->config.image_size / 4;
    Sam2Tensor low, full;
    SAM2_TRY(SAM2_TAKE(&image->arena, &low, 1, side, side));
    SAM2_TRY(SAM2_TAKE(&image->arena, &full, 1, image->height, image->width));
    SAM2_TRY(be->ops->upload(be, low.data, logits, sam2_tensor_size(&low)));
    SAM2_TRY(sam2_op_resize(be, &full, &low, false));
    return be->ops->download(be, out, full.data, sam2_tensor_size(&full));
}

Sam2Status sam2_image_get_logits(Sam2Image *image, int index, float *out, Sam2Error *error)
{
    if (index < 0 || index >= image->n_masks)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "mask %d of a result with %d", index,
                         image->n_masks);
    return finish(image, resize_logits(image, image->logits[index], out), error);
}
