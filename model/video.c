// SPDX-License-Identifier: Apache-2.0
// Opening a video, its objects and the features of its frames.
#include "model/video.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SIDE 65535

double sam2_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

Sam2VideoOptions sam2_video_options_parity(void)
{
    return (Sam2VideoOptions){.max_cond_frames_in_attn = -1,
                              .memory_temporal_stride_for_eval = 1,
                              .fill_hole_area = 8,
                              .dynamic_multimask_via_stability = true,
                              .dynamic_multimask_stability_delta = 0.05f,
                              .dynamic_multimask_stability_thresh = 0.98f,
                              .binarize_mask_from_pts_for_mem_enc = true,
                              .feature_cache_size = (size_t)256 << 20,
                              .host_cache_size = (size_t)1 << 30};
}

Sam2VideoOptions sam2_video_options_default(void)
{
    Sam2VideoOptions options = sam2_video_options_parity();
    options.add_all_frames_to_correct_as_cond = true;
    options.max_cond_frames_in_attn = 6;
    options.bounded_memory = true;
    return options;
}

static Sam2Status check_params(const Sam2VideoParams *params, Sam2Error *error)
{
    const Sam2VideoOptions *options = &params->options;
    if (params->width < 1 || params->height < 1 || params->width > MAX_SIDE ||
        params->height > MAX_SIDE)
        return sam2_fail(error, SAM2_ERR_ARGUMENT,
                         "a video of %d x %d pixels; sides of 1 to %d are supported", params->width,
                         params->height, MAX_SIDE);
    if (params->n_frames < 1)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "the video has no frames");
    if (!params->get_frame)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "a video needs a function that gives frames");
    if (options->memory_temporal_stride_for_eval < 1)
        return sam2_fail(error, SAM2_ERR_ARGUMENT,
                         "memory_temporal_stride_for_eval is %d; it must be at least 1",
                         options->memory_temporal_stride_for_eval);
    if (options->max_cond_frames_in_attn == 0 || options->max_cond_frames_in_attn < -1)
        return sam2_fail(error, SAM2_ERR_ARGUMENT,
                         "max_cond_frames_in_attn is %d; it must be -1 or at least 1",
                         options->max_cond_frames_in_attn);
    if (options->max_objects_at_once < 0)
        return sam2_fail(error, SAM2_ERR_ARGUMENT,
                         "max_objects_at_once is %d; it cannot be negative",
                         options->max_objects_at_once);
    if (options->fill_hole_area < 0)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "fill_hole_area is %d; it cannot be negative",
                         options->fill_hole_area);
    return SAM2_OK;
}

Sam2Status sam2_video_open(Sam2Video **out, Sam2Model *model, const Sam2VideoParams *params,
                           Sam2Error *error)
{
    *out = NULL;
    SAM2_TRY(check_params(params, error));
    Sam2Video *video = calloc(1, sizeof *video);
    if (!video)
        return sam2_fail_memory(error, sizeof *video);
    video->model = model;
    video->params = *params;
    sam2_arena_init(&video->arena, model->be);
    sam2_arena_init(&video->encode_arena, model->be);
    Sam2Status status = sam2_video_open_features(video, error);
    if (status != SAM2_OK) {
        sam2_video_close(&video);
        return status;
    }
    *out = video;
    return SAM2_OK;
}

void sam2_video_close(Sam2Video **video)
{
    if (!*video)
        return;
    sam2_video_reset(*video);
    if ((*video)->cache)
        sam2_video_clear_features(*video);
    sam2_video_spill_close(*video);
    sam2_video_free_frames(*video);
    sam2_video_free_work(*video);
    sam2_arena_clear(&(*video)->arena);
    sam2_video_clear_encoder(*video);
    free((*video)->cache);
    free((*video)->objects);
    free((*video)->ids);
    free(*video);
    *video = NULL;
}

Sam2Status sam2_video_finish(Sam2Video *video, Sam2Status status, Sam2Error *error)
{
    sam2_arena_release(&video->arena, (Sam2ArenaMark){0});
    sam2_arena_release(&video->encode_arena, (Sam2ArenaMark){0});
    Sam2Error *inner = &video->model->be->error;
    if (status != SAM2_OK && error && error != inner)
        *error = *inner;
    return status;
}

// ---- Objects -----------------------------------------------------------------------------------

Sam2Object *sam2_video_find(const Sam2Video *video, int id)
{
    for (int i = 0; i < video->n_objects; i++)
        if (video->ids[i] == id)
            return video->objects[i];
    return NULL;
}

Sam2Status sam2_video_object(Sam2Video *video, int id, Sam2Object **out, bool *made,
                             Sam2Error *error)
{
    *out = sam2_video_find(video, id);
    *made = !*out;
    if (*out)
        return SAM2_OK;
    if (video->n_objects == video->objects_capacity) {
        int capacity = video->objects_capacity ? 2 * video->objects_capacity : 8;
        size_t size = (size_t)capacity * sizeof(void *);
        Sam2Object **objects = realloc(video->objects, size);
        if (objects)
            video->objects = objects;
        int *ids = objects ? realloc(video->ids, (size_t)capacity * sizeof *ids) : NULL;
        if (!ids)
            return sam2_fail_memory(error, size);
        video->ids = ids;
        video->objects_capacity = capacity;
    }
    Sam2Object *object = calloc(1, sizeof *object);
    if (!object)
        return sam2_fail_memory(error, sizeof *object);
    object->id = id;
    video->objects[video->n_objects] = object;
    video->ids[video->n_objects++] = id;
    *out = object;
    return SAM2_OK;
}

void sam2_video_drop_object(Sam2Video *video, Sam2Object *object)
{
    int i = 0;
    while (video->objects[i] != object)
        i++;
    size_t n = (size_t)(--video->n_objects - i);
    memmove(video->objects + i, video->objects + i + 1, n * sizeof *video->objects);
    memmove(video->ids + i, video->ids + i + 1, n * sizeof *video->ids);
    sam2_object_free(&object, video->model->be);
}

int sam2_video_get_objects(const Sam2Video *video, const int **ids)
{
    *ids = video->ids;
    return video->n_objects;
}

Sam2Status sam2_video_remove_object(Sam2Video *video, int id, bool strict, Sam2Error *error)
{
    Sam2Object *object = sam2_video_find(video, id);
    if (object)
        sam2_video_drop_object(video, object);
    else if (strict)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "object %d does not exist", id);
    return SAM2_OK;
}

Sam2Status sam2_video_clear_tracked(Sam2Video *video, int id, Sam2Error *error)
{
    Sam2Object *object = sam2_video_find(video, id);
    if (!object)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "object %d does not exist", id);
    sam2_output_clear(&object->outputs[SAM2_TRACKED_LIST], video->model->be);
    free(object->tracked);
    object->tracked = NULL;
    object->n_tracked = 0;
    return SAM2_OK;
}

void sam2_video_reset(Sam2Video *video)
{
    while (video->n_objects > 0)
        sam2_video_drop_object(video, video->objects[video->n_objects - 1]);
    free(video->sweep.objects);
    video->sweep = (Sam2SweepState){0};
}

Sam2Status sam2_video_check_frame(const Sam2Video *video, int64_t frame, Sam2Error *error)
{
    if (frame < 0 || frame >= video->params.n_frames)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "frame %lld is outside the video (0 to %lld)",
                         (long long)frame, (long long)video->params.n_frames - 1);
    return SAM2_OK;
}

// ---- Pieces of a frame's work ------------------------------------------------------------------

Sam2Status sam2_video_make_output(Sam2Video *video, int64_t frame, const Sam2Decoded *decoded,
                                  const float *pointer, Sam2FrameOutput **out)
{
    Sam2Backend *be = video->model->be;
    int64_t n = sam2_tensor_count(&decoded->low), d = video->model->config.d_model;
    Sam2Tensor low;
    SAM2_TRY(SAM2_TAKE(&video->arena, &low, decoded->low.shape[0], decoded->low.shape[1]));
    SAM2_TRY(be->ops->copy(be, low.data, decoded->low.data, sam2_tensor_size(&low)));
    if (video->params.options.fill_hole_area > 0)
        SAM2_TRY(sam2_op_fill_holes(be, &low, video->params.options.fill_hole_area, 0.1f));
    Sam2FrameOutput *output = sam2_output_new(frame, n, d, &be->error);
    if (!output)
        return SAM2_ERR_MEMORY;
    Sam2Status status = be->ops->download(be, output->low_logits, low.data, sam2_tensor_size(&low));
    if (status != SAM2_OK) {
        sam2_output_free(&output, be);
        return status;
    }
    memcpy(output->pointer, pointer, (size_t)d * sizeof *pointer);
    output->object_score = decoded->object_score;
    output->iou = decoded->iou;
    *out = output;
    return SAM2_OK;
}

Sam2Status sam2_video_encode(Sam2Video *video, Sam2FrameOutput *output, bool prompted,
                             Sam2Error *error)
{
    const Sam2Model *model = video->model;
    Sam2Backend *be = model->be;
    int64_t side = model->config.image_size / 4, h = model->fpn.top_size;
    Sam2Features *features;
    SAM2_TRY(sam2_video_features(video, output->frame, false, &features, error));
    Sam2Tensor low, memory = {0};
    SAM2_TRY(SAM2_TAKE(&video->arena, &low, side, side));
    SAM2_TRY(be->ops->upload(be, low.data, output->low_logits, sam2_tensor_size(&low)));
    SAM2_TRY(sam2_backend_alloc(be, &memory, 2, (const int64_t[]){h * h, model->config.mem_dim}));
    bool binarize = prompted && video->params.options.binarize_mask_from_pts_for_mem_enc;
    Sam2Status status = sam2_track_encode(model, &video->arena, features, &low,
                                          output->object_score, binarize, &memory);
    if (status != SAM2_OK) {
        sam2_backend_release(be, &memory);
        return status;
    }
    if (output->memory.data)
        sam2_backend_release(be, &output->memory);
    output->memory = memory;
    return SAM2_OK;
}

void sam2_video_forget_around(Sam2Video *video, Sam2Object *object, int64_t frame)
{
    int64_t reach = (int64_t)video->params.options.memory_temporal_stride_for_eval *
                    video->model->config.num_maskmem;
    sam2_output_drop(&object->outputs[SAM2_TRACKED_LIST], frame - reach, frame + reach,
                     video->model->be);
}

void sam2_video_get_stats(const Sam2Video *video, Sam2VideoStats *out)
{
    *out = video->stats;
    out->feature_bytes = out->memory_bytes = 0;
    out->host_feature_bytes = sam2_video_spill_size(video);
    for (int i = 0; i < video->n_cache; i++)
        if (video->cache[i].features.all.data)
            out->feature_bytes += sam2_tensor_size(&video->cache[i].features.all);
    for (int i = 0; i < video->n_objects; i++)
        for (int k = 0; k < 4; k++) {
            const Sam2OutputList *list =
                k < 2 ? &video->objects[i]->outputs[k] : &video->objects[i]->fresh[k - 2];
            size_t low = (size_t)(video->model->config.image_size / 4);
            for (int j = 0; j < list->n; j++)
                out->memory_bytes +=
                    low * low * sizeof(float) +
                    (list->items[j]->memory.data ? sam2_tensor_size(&list->items[j]->memory) : 0);
        }
}
