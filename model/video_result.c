// SPDX-License-Identifier: Apache-2.0
// Reading results of a video.
#include "model/video.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NO_OBJECT_LOGIT -1024.0f

static Sam2Status find_output(const Sam2Video *video, int64_t frame, int id,
                              const Sam2FrameOutput **out, Sam2Error *error)
{
    const Sam2Object *object = sam2_video_find(video, id);
    if (!object)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "object %d does not exist", id);
    *out = sam2_object_result(object, frame);
    if (!*out)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "object %d has no result on frame %lld", id,
                         (long long)frame);
    return SAM2_OK;
}

bool sam2_video_has_result(const Sam2Video *video, int64_t frame, int id)
{
    const Sam2Object *object = sam2_video_find(video, id);
    return object && sam2_object_result(object, frame);
}

Sam2Status sam2_video_get_low_logits(Sam2Video *video, int64_t frame, int id, float *out,
                                     Sam2Error *error)
{
    const Sam2FrameOutput *output;
    SAM2_TRY(find_output(video, frame, id, &output, error));
    size_t side = (size_t)video->model->config.image_size / 4;
    memcpy(out, output->low_logits, side * side * sizeof *out);
    return SAM2_OK;
}

Sam2Status sam2_video_get_scores(Sam2Video *video, int64_t frame, int id, Sam2Scores *out,
                                 Sam2Error *error)
{
    const Sam2FrameOutput *output;
    SAM2_TRY(find_output(video, frame, id, &output, error));
    *out = (Sam2Scores){output->object_score, output->iou};
    return SAM2_OK;
}

Sam2Status sam2_video_get_pointer(Sam2Video *video, int64_t frame, int id, float *out,
                                  Sam2Error *error)
{
    const Sam2FrameOutput *output;
    SAM2_TRY(find_output(video, frame, id, &output, error));
    if (!output->pointer)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "object %d has no pointer on frame %lld", id,
                         (long long)frame);
    memcpy(out, output->pointer, (size_t)video->model->config.d_model * sizeof *out);
    return SAM2_OK;
}

// Low logits to frame size; out (height, width) on the host.
static Sam2Status upsample(Sam2Video *video, const Sam2FrameOutput *output, float *out)
{
    Sam2Backend *be = video->model->be;
    int64_t side = video->model->config.image_size / 4;
    Sam2ArenaMark mark = sam2_arena_mark(&video->arena);
    Sam2Tensor low, full;
    double start = sam2_seconds();
    SAM2_TRY(SAM2_TAKE(&video->arena, &low, 1, side, side));
    SAM2_TRY(SAM2_TAKE(&video->arena, &full, 1, video->params.height, video->params.width));
    SAM2_TRY(be->ops->upload(be, low.data, output->low_logits, sam2_tensor_size(&low)));
    SAM2_TRY(sam2_op_resize(be, &full, &low, false));
    SAM2_TRY(be->ops->download(be, out, full.data, sam2_tensor_size(&full)));
    sam2_arena_release(&video->arena, mark);
    video->stats.resize_s += sam2_seconds() - start;
    return SAM2_OK;
}

// Where another object's logit is higher (or as high, and it came first), at most -10 is left.
static Sam2Status exclude_others(Sam2Video *video, int64_t frame, const Sam2FrameOutput *own,
                                 float *out)
{
    size_t n = (size_t)video->params.width * (size_t)video->params.height;
    float *other = malloc(n * sizeof *other);
    bool *lost = calloc(n, sizeof *lost);
    Sam2Status status = SAM2_OK;
    if (!other || !lost)
        status = sam2_fail_memory(&video->model->be->error, n * sizeof *other);
    bool before = true;
    for (int i = 0; status == SAM2_OK && i < video->n_objects; i++) {
        const Sam2FrameOutput *output = sam2_object_result(video->objects[i], frame);
        if (output == own) {
            before = false;
            continue;
        }
        if (output)
            status = upsample(video, output, other);
        for (size_t k = 0; status == SAM2_OK && k < n; k++) {
            float value = output ? other[k] : NO_OBJECT_LOGIT;
            lost[k] |= before ? value >= out[k] : value > out[k];
        }
    }
    for (size_t k = 0; status == SAM2_OK && k < n; k++)
        if (lost[k])
            out[k] = fminf(out[k], -10.0f);
    free(other);
    free(lost);
    return status;
}

Sam2Status sam2_video_get_logits(Sam2Video *video, int64_t frame, int id, float *out,
                                 Sam2Error *error)
{
    const Sam2FrameOutput *output;
    SAM2_TRY(find_output(video, frame, id, &output, error));
    Sam2Status status = upsample(video, output, out);
    if (status == SAM2_OK && video->params.options.non_overlap_masks && video->n_objects > 1)
        status = exclude_others(video, frame, output, out);
    return sam2_video_finish(video, status, error);
}

Sam2Status sam2_video_get_mask(Sam2Video *video, int64_t frame, int id, uint8_t *out,
                               Sam2Error *error)
{
    size_t n = (size_t)video->params.width * (size_t)video->params.height;
    float *logits = malloc(n * sizeof *logits);
    if (!logits)
        return sam2_fail_memory(error, n * sizeof *logits);
    Sam2Status status = sam2_video_get_logits(video, frame, id, logits, error);
    for (size_t i = 0; status == SAM2_OK && i < n; i++)
        out[i] = logits[i] > 0 ? 255 : 0;
    free(logits);
    return status;
}
