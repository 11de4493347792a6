// SPDX-License-Identifier: Apache-2.0
// Sweeping through a video: prompts become memory, then frame after frame is tracked.
#include "model/video.h"

#include <stdlib.h>
#include <string.h>

static bool in_sweep(const Sam2Sweep *sweep, int id)
{
    if (!sweep->objects)
        return true;
    for (int i = 0; i < sweep->n_objects; i++)
        if (sweep->objects[i] == id)
            return true;
    return false;
}

// Fresh results get their memory and join the object's outputs.
static Sam2Status consolidate(Sam2Video *video, Sam2Object *object)
{
    Sam2Backend *be = video->model->be;
    for (int kind = 0; kind < 2; kind++) {
        Sam2OutputList *fresh = &object->fresh[kind];
        while (fresh->n > 0) {
            Sam2FrameOutput *output = fresh->items[0];
            Sam2ArenaMark mark = sam2_arena_mark(&video->arena);
            if (!output->memory.data)
                SAM2_TRY(sam2_video_encode(video, output, true, &be->error));
            sam2_arena_release(&video->arena, mark);
            SAM2_TRY(
                sam2_output_put(&object->outputs[kind], output, kind == SAM2_TRACKED_LIST, be));
            sam2_output_take(fresh, output->frame);
            if (video->params.options.clear_non_cond_mem_around_input)
                sam2_video_forget_around(video, object, output->frame);
        }
    }
    const Sam2OutputList *conditioning = &object->outputs[SAM2_CONDITIONING_LIST];
    if (conditioning->n == 0)
        return sam2_fail(&be->error, SAM2_ERR_ARGUMENT,
                         "object %d has no prompts; add points, a box or a mask first", object->id);
    for (int i = 0; i < conditioning->n; i++) {
        int64_t frame = conditioning->items[i]->frame;
        sam2_output_drop(&object->outputs[SAM2_TRACKED_LIST], frame, frame, be);
    }
    return SAM2_OK;
}

static Sam2Status start_sweep(Sam2Video *video, const Sam2Sweep *sweep)
{
    Sam2Error *error = &video->model->be->error;
    int64_t n_frames = video->params.n_frames, start = sweep->start, first = INT64_MAX;
    int n = 0;
    for (int i = 0; sweep->objects && i < sweep->n_objects; i++)
        if (!sam2_video_find(video, sweep->objects[i]))
            return sam2_fail(error, SAM2_ERR_ARGUMENT, "object %d does not exist",
                             sweep->objects[i]);
    if (start >= 0)
        SAM2_TRY(sam2_video_check_frame(video, start, error));
    for (int i = 0; i < video->n_objects; i++) {
        Sam2Object *object = video->objects[i];
        if (!in_sweep(sweep, object->id))
            continue;
        SAM2_TRY(consolidate(video, object));
        const Sam2OutputList *conditioning = &object->outputs[SAM2_CONDITIONING_LIST];
        for (int k = 0; k < conditioning->n; k++)
            if (conditioning->items[k]->frame < first)
                first = conditioning->items[k]->frame;
        n++;
    }
    if (n == 0)
        return sam2_fail(error, SAM2_ERR_ARGUMENT,
                         "no object has prompts; add points, a box or a mask first");
    if (start < 0)
        start = first;
    int64_t count =
        sweep->max_frames < 0 || sweep->max_frames > n_frames ? n_frames : sweep->max_frames;
    Sam2SweepState state = {
        .active = true, .reverse = sweep->reverse, .all_objects = !sweep->objects, .next = start};
    if (sweep->objects) {
        size_t size = (size_t)sweep->n_objects * sizeof *state.objects;
        state.objects = malloc(size ? size : 1);
        if (!state.objects)
            return sam2_fail_memory(error, size);
        memcpy(state.objects, sweep->objects, size);
        state.n_objects = sweep->n_objects;
    }
    if (sweep->reverse)
        state.end = start - count > 0 ? start - count : 0;
    else
        state.end = start + count < n_frames ? start + count : n_frames - 1;
    // As in the reference: there is nothing behind the first frame.
    if (sweep->reverse && start == 0 && !sweep->visits_first)
        state.active = false;
    free(video->sweep.objects);
    video->sweep = state;
    return SAM2_OK;
}

Sam2Status sam2_video_sweep_start(Sam2Video *video, const Sam2Sweep *sweep, Sam2Error *error)
{
    video->sweep.active = false;
    return sam2_video_finish(video, start_sweep(video, sweep), error);
}

// What a conditioning frame has is its result.
static Sam2Status pass_conditioning(Sam2Video *video, Sam2Object *object, int64_t frame,
                                    bool reverse)
{
    if (video->params.options.clear_non_cond_mem_around_input)
        sam2_video_forget_around(video, object, frame);
    return sam2_object_set_tracked(object, frame,
                                   reverse ? SAM2_TRACKED_REVERSE : SAM2_TRACKED_FORWARD,
                                   &video->model->be->error);
}

static Sam2Status visit(Sam2Video *video, const Sam2Sweep *filter, int64_t frame, bool reverse)
{
    int n = 0;
    size_t size = (size_t)video->n_objects * sizeof(Sam2Object *);
    Sam2Object **tracked = malloc(size ? size : 1);
    if (!tracked)
        return sam2_fail_memory(&video->model->be->error, size);
    Sam2Status status = SAM2_OK;
    for (int i = 0; status == SAM2_OK && i < video->n_objects; i++) {
        // An object that came after the start has no memory to be tracked with.
        Sam2Object *object = video->objects[i];
        const Sam2OutputList *conditioning = &object->outputs[SAM2_CONDITIONING_LIST];
        if (!in_sweep(filter, object->id) || conditioning->n == 0)
            continue;
        if (sam2_output_find(conditioning, frame))
            status = pass_conditioning(video, object, frame, reverse);
        else
            tracked[n++] = object;
    }
    if (status == SAM2_OK && n > 0)
        status = sam2_video_track(video, tracked, n, frame, reverse);
    free(tracked);
    return status;
}

Sam2Status sam2_video_sweep_next(Sam2Video *video, int64_t *frame, Sam2Error *error)
{
    Sam2SweepState *sweep = &video->sweep;
    Sam2Sweep filter = {.objects = sweep->all_objects ? NULL : sweep->objects,
                        .n_objects = sweep->n_objects};
    *frame = -1;
    if (!sweep->active)
        return SAM2_OK;
    Sam2Status status = visit(video, &filter, sweep->next, sweep->reverse);
    if (status != SAM2_OK)
        return sam2_video_finish(video, status, error);
    *frame = sweep->next;
    if (sweep->next == sweep->end)
        sweep->active = false;
    sweep->next += sweep->reverse ? -1 : 1;
    return sam2_video_finish(video, SAM2_OK, error);
}
