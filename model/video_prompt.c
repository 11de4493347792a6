// SPDX-License-Identifier: Apache-2.0
// Prompts of a video: points, boxes, masks, results given back.
#include "model/video.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_POINTS 4096

static bool all_finite(const float *values, int n)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static Sam2Status check_prompt(const Sam2Prompt *prompt, int64_t frame, Sam2Error *error)
{
    if (prompt->n_points < 0 || (prompt->n_points > 0 && (!prompt->points || !prompt->labels)))
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "frame %lld: points need coordinates and labels",
                         (long long)frame);
    if (prompt->n_points == 0 && !prompt->box)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "frame %lld: a prompt needs points or a box",
                         (long long)frame);
    if (prompt->box && prompt->keep_old_points)
        return sam2_fail(error, SAM2_ERR_ARGUMENT,
                         "frame %lld: a box replaces the points of its frame; clear the old points",
                         (long long)frame);
    if (!all_finite(prompt->points, 2 * prompt->n_points) ||
        (prompt->box && !all_finite(prompt->box, 4)))
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "frame %lld: a coordinate is not a number",
                         (long long)frame);
    for (int i = 0; i < prompt->n_points; i++)
        if (prompt->labels[i] != 0 && prompt->labels[i] != 1)
            return sam2_fail(error, SAM2_ERR_ARGUMENT,
                             "frame %lld: point %d has label %d; 1 is positive, 0 negative",
                             (long long)frame, i, prompt->labels[i]);
    return SAM2_OK;
}

static void free_prompt(Sam2FramePrompt *prompt)
{
    free(prompt->xy);
    free(prompt->labels);
    *prompt = (Sam2FramePrompt){0};
}

// Old points, if kept, then the box's corners, then the new points, in network pixels.
static Sam2Status join_points(const Sam2Video *video, const Sam2FramePrompt *old,
                              const Sam2Prompt *prompt, Sam2FramePrompt *out, Sam2Error *error)
{
    int n_old = prompt->keep_old_points && old && !old->is_mask ? old->n : 0;
    int n_box = prompt->box ? 2 : 0, n = n_old + n_box + prompt->n_points;
    if (prompt->n_points > MAX_POINTS || n > MAX_POINTS)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "%d points on a frame; at most %d are possible",
                         n, MAX_POINTS);
    out->xy = malloc((size_t)n * 2 * sizeof *out->xy);
    out->labels = malloc((size_t)n * sizeof *out->labels);
    out->n = n;
    if (!out->xy || !out->labels) {
        free_prompt(out);
        return sam2_fail_memory(error, (size_t)n * 2 * sizeof *out->xy);
    }
    if (n_old) {
        memcpy(out->xy, old->xy, (size_t)n_old * 2 * sizeof *out->xy);
        memcpy(out->labels, old->labels, (size_t)n_old * sizeof *out->labels);
    }
    float size = (float)video->model->config.image_size;
    float width = (float)video->params.width, height = (float)video->params.height;
    for (int i = n_old; i < n; i++) {
        int k = i - n_old;
        const float *xy = k < n_box ? prompt->box + 2 * k : prompt->points + 2 * (k - n_box);
        out->xy[2 * i] = xy[0] / width * size;
        out->xy[2 * i + 1] = xy[1] / height * size;
        out->labels[i] = k < n_box ? 2 + k : prompt->labels[k - n_box];
    }
    return SAM2_OK;
}

// Makes room so that store_prompt cannot fail.
static Sam2Status reserve_prompt(Sam2Object *object, Sam2Error *error)
{
    if (object->n_prompts < object->prompts_capacity)
        return SAM2_OK;
    int capacity = object->prompts_capacity ? 2 * object->prompts_capacity : 8;
    Sam2FramePrompt *grown = realloc(object->prompts, (size_t)capacity * sizeof *grown);
    if (!grown)
        return sam2_fail_memory(error, (size_t)capacity * sizeof *grown);
    object->prompts = grown;
    object->prompts_capacity = capacity;
    return SAM2_OK;
}

static void store_prompt(Sam2Object *object, Sam2FramePrompt *prompt)
{
    Sam2FramePrompt *slot = sam2_object_prompt(object, prompt->frame);
    if (!slot)
        slot = &object->prompts[object->n_prompts++];
    else
        free_prompt(slot);
    *slot = *prompt;
    *prompt = (Sam2FramePrompt){0};
}

static void remove_prompt(Sam2Object *object, int64_t frame)
{
    Sam2FramePrompt *slot = sam2_object_prompt(object, frame);
    if (!slot)
        return;
    free_prompt(slot);
    int at = (int)(slot - object->prompts);
    object->n_prompts--;
    memmove(slot, slot + 1, (size_t)(object->n_prompts - at) * sizeof *slot);
}

// Which list a prompt's result belongs to.
static int prompt_list(const Sam2Video *video, const Sam2Object *object, int64_t frame)
{
    bool first = sam2_object_tracked(object, frame) == SAM2_UNTRACKED;
    return first || video->params.options.add_all_frames_to_correct_as_cond ? SAM2_CONDITIONING_LIST
                                                                            : SAM2_TRACKED_LIST;
}

// Logits that a correction starts from, clamped: *out in the arena, data NULL if there are none.
static Sam2Status previous_logits(Sam2Video *video, const Sam2Object *object, int64_t frame,
                                  int list, Sam2Tensor *out)
{
    *out = (Sam2Tensor){0};
    const Sam2FrameOutput *old = sam2_output_find(&object->fresh[list], frame);
    if (!old)
        old = sam2_output_find(&object->outputs[SAM2_CONDITIONING_LIST], frame);
    if (!old)
        old = sam2_output_find(&object->outputs[SAM2_TRACKED_LIST], frame);
    if (!old)
        return SAM2_OK;
    Sam2Backend *be = video->model->be;
    int64_t side = video->model->config.image_size / 4;
    SAM2_TRY(SAM2_TAKE(&video->arena, out, side, side));
    size_t size = sam2_tensor_size(out);
    float *clamped = malloc(size);
    if (!clamped)
        return sam2_fail_memory(&be->error, size);
    for (int64_t i = 0; i < side * side; i++)
        clamped[i] = fminf(fmaxf(old->low_logits[i], -32.0f), 32.0f);
    Sam2Status status = be->ops->upload(be, out->data, clamped, size);
    free(clamped);
    return status;
}

static Sam2Status segment_points(Sam2Video *video, const Sam2Object *object, int list,
                                 const Sam2FramePrompt *prompt, Sam2FrameOutput **out)
{
    const Sam2Model *model = video->model;
    int64_t frame = prompt->frame;
    Sam2Tracked tracked = sam2_object_tracked(object, frame);
    Sam2Features *features;
    Sam2Tensor previous, image;
    SAM2_TRY(sam2_video_features(video, frame, false, &features, &model->be->error));
    SAM2_TRY(previous_logits(video, object, frame, list, &previous));
    if (tracked == SAM2_UNTRACKED)
        SAM2_TRY(sam2_track_unconditioned(model, &video->arena, features, &image));
    else
        SAM2_TRY(sam2_video_condition(video, object, frame, tracked == SAM2_TRACKED_REVERSE,
                                      features, &image));
    float *pointer = malloc((size_t)model->config.d_model * sizeof *pointer);
    if (!pointer)
        return sam2_fail_memory(&model->be->error, (size_t)model->config.d_model * 4);
    Sam2Points points = {prompt->xy, prompt->labels, prompt->n};
    Sam2Decoded decoded;
    Sam2Status status = sam2_track_decode(model, &video->arena, features, &image, &points,
                                          previous.data ? &previous : NULL, prompt->n <= 1,
                                          &video->params.options, &decoded, pointer);
    if (status == SAM2_OK)
        status = sam2_video_make_output(video, frame, &decoded, pointer, out);
    free(pointer);
    return status;
}

// Stores a prompt and its result, or neither. Takes `output` over on success only.
static Sam2Status accept(Sam2Video *video, Sam2Object *object, int list, Sam2FramePrompt *prompt,
                         Sam2FrameOutput *output)
{
    Sam2Backend *be = video->model->be;
    SAM2_TRY(reserve_prompt(object, &be->error));
    SAM2_TRY(sam2_output_put(&object->fresh[list], output, false, be));
    store_prompt(object, prompt);
    return SAM2_OK;
}

Sam2Status sam2_video_add_points(Sam2Video *video, int64_t frame, int id, const Sam2Prompt *prompt,
                                 Sam2Error *error)
{
    Sam2Object *object;
    Sam2FrameOutput *output = NULL;
    Sam2FramePrompt joined = {.frame = frame};
    bool made;
    SAM2_TRY(sam2_video_check_frame(video, frame, error));
    SAM2_TRY(check_prompt(prompt, frame, error));
    SAM2_TRY(sam2_video_object(video, id, &object, &made, error));
    Sam2Error *inner = &video->model->be->error;
    int list = prompt_list(video, object, frame);
    Sam2Status status =
        join_points(video, sam2_object_prompt(object, frame), prompt, &joined, inner);
    if (status == SAM2_OK)
        status = segment_points(video, object, list, &joined, &output);
    if (status == SAM2_OK)
        status = accept(video, object, list, &joined, output);
    if (status != SAM2_OK) {
        free_prompt(&joined);
        sam2_output_free(&output, video->model->be);
        if (made)
            sam2_video_drop_object(video, object);
    }
    return sam2_video_finish(video, status, error);
}

// The mask at network size as 0 and 1: *out (S, S) in the arena.
static Sam2Status resize_mask(Sam2Video *video, const uint8_t *mask, int width, int height,
                              Sam2Tensor *out, bool *present)
{
    Sam2Backend *be = video->model->be;
    int64_t size = video->model->config.image_size, n = (int64_t)width * height;
    SAM2_TRY(SAM2_TAKE(&video->arena, out, size, size));
    Sam2Tensor full, plane = SAM2_RESHAPE(out, 1, size, size);
    SAM2_TRY(SAM2_TAKE(&video->arena, &full, 1, height, width));
    int64_t n_host = n > size * size ? n : size * size;
    float *host = malloc((size_t)n_host * sizeof *host);
    if (!host)
        return sam2_fail_memory(&be->error, (size_t)n_host * sizeof *host);
    for (int64_t i = 0; i < n; i++)
        host[i] = mask[i] ? 1.0f : 0.0f;
    Sam2Status status = be->ops->upload(be, full.data, host, (size_t)n * sizeof *host);
    if (status == SAM2_OK)
        status = sam2_op_resize(be, &plane, &full, true);
    size_t bytes = sam2_tensor_size(out);
    if (status == SAM2_OK)
        status = be->ops->download(be, host, out->data, bytes);
    *present = false;
    if (status == SAM2_OK) {
        for (int64_t i = 0; i < size * size; i++) {
            host[i] = host[i] >= 0.5f ? 1.0f : 0.0f;
            *present |= host[i] > 0;
        }
        status = be->ops->upload(be, out->data, host, bytes);
    }
    free(host);
    return status;
}

static Sam2Status segment_mask(Sam2Video *video, int64_t frame, const uint8_t *mask, int width,
                               int height, Sam2FrameOutput **out)
{
    const Sam2Model *model = video->model;
    Sam2Features *features;
    Sam2Tensor resized;
    bool present = false;
    SAM2_TRY(sam2_video_features(video, frame, false, &features, &model->be->error));
    SAM2_TRY(resize_mask(video, mask, width, height, &resized, &present));
    float *pointer = malloc((size_t)model->config.d_model * sizeof *pointer);
    if (!pointer)
        return sam2_fail_memory(&model->be->error, (size_t)model->config.d_model * 4);
    Sam2Decoded decoded;
    Sam2Status status = sam2_track_take_mask(model, &video->arena, features, &resized, present,
                                             &video->params.options, &decoded, pointer);
    if (status == SAM2_OK)
        status = sam2_video_make_output(video, frame, &decoded, pointer, out);
    free(pointer);
    return status;
}

Sam2Status sam2_video_add_mask(Sam2Video *video, int64_t frame, int id, const uint8_t *mask,
                               int width, int height, Sam2Error *error)
{
    Sam2Object *object;
    Sam2FrameOutput *output = NULL;
    Sam2FramePrompt prompt = {.frame = frame, .is_mask = true};
    bool made;
    SAM2_TRY(sam2_video_check_frame(video, frame, error));
    if (!mask || width < 1 || height < 1 || width > 65535 || height > 65535)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "frame %lld: a mask of %d x %d pixels",
                         (long long)frame, width, height);
    SAM2_TRY(sam2_video_object(video, id, &object, &made, error));
    int list = prompt_list(video, object, frame);
    Sam2Status status = segment_mask(video, frame, mask, width, height, &output);
    if (status == SAM2_OK)
        status = accept(video, object, list, &prompt, output);
    if (status != SAM2_OK) {
        sam2_output_free(&output, video->model->be);
        if (made)
            sam2_video_drop_object(video, object);
    }
    return sam2_video_finish(video, status, error);
}

Sam2Status sam2_video_set_result(Sam2Video *video, int64_t frame, int id, const Sam2Result *result,
                                 Sam2Error *error)
{
    Sam2Object *object;
    bool made;
    int64_t side = video->model->config.image_size / 4, d = video->model->config.d_model;
    SAM2_TRY(sam2_video_check_frame(video, frame, error));
    if (!result->low_logits || (result->conditioning && !result->pointer))
        return sam2_fail(error, SAM2_ERR_ARGUMENT,
                         "frame %lld: a result needs logits, a conditioning one a pointer too",
                         (long long)frame);
    Sam2FrameOutput *output = sam2_output_new(frame, side * side, result->pointer ? d : 0, error);
    if (!output)
        return SAM2_ERR_MEMORY;
    memcpy(output->low_logits, result->low_logits, (size_t)(side * side) * sizeof(float));
    if (result->pointer)
        memcpy(output->pointer, result->pointer, (size_t)d * sizeof(float));
    output->object_score = result->object_score;
    output->iou = result->iou;
    Sam2Backend *be = video->model->be;
    Sam2Status status = sam2_video_object(video, id, &object, &made, &be->error);
    if (status == SAM2_OK) {
        Sam2OutputList *list = result->conditioning ? &object->fresh[SAM2_CONDITIONING_LIST]
                                                    : &object->outputs[SAM2_TRACKED_LIST];
        status = sam2_output_put(list, output, !result->conditioning, be);
        if (status != SAM2_OK && made)
            sam2_video_drop_object(video, object);
    }
    if (status != SAM2_OK)
        sam2_output_free(&output, be);
    return sam2_video_finish(video, status, error);
}

Sam2Status sam2_video_clear_prompts(Sam2Video *video, int64_t frame, int id, Sam2Error *error)
{
    Sam2Backend *be = video->model->be;
    Sam2Object *object = sam2_video_find(video, id);
    if (!object)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "object %d does not exist", id);
    SAM2_TRY(sam2_video_check_frame(video, frame, error));
    Sam2Status status = SAM2_OK;
    Sam2FrameOutput *output = sam2_output_take(&object->outputs[SAM2_CONDITIONING_LIST], frame);
    if (output) {
        // No longer a conditioning frame, but still a result.
        status = sam2_output_put(&object->outputs[SAM2_TRACKED_LIST], output, true, be);
        if (status != SAM2_OK)
            sam2_output_free(&output, be);
        else
            status = sam2_object_set_tracked(object, frame, SAM2_UNTRACKED, &be->error);
    }
    remove_prompt(object, frame);
    sam2_output_drop(&object->fresh[0], frame, frame, be);
    sam2_output_drop(&object->fresh[1], frame, frame, be);
    return sam2_video_finish(video, status, error);
}
