// SPDX-License-Identifier: Apache-2.0
// Tracking objects into a frame: those that remember as much as each other go together.
#include "model/video.h"

#include <stdlib.h>
#include <string.h>

// ---- Memory ------------------------------------------------------------------------------------

static Sam2Status grow(Sam2Backend *be, Sam2Tensor *tensor, int64_t count)
{
    if (tensor->data && sam2_tensor_count(tensor) >= count)
        return SAM2_OK;
    sam2_backend_release(be, tensor);
    return sam2_backend_alloc(be, tensor, 1, &count);
}

static Sam2Status grow_host(Sam2Video *video, int64_t count)
{
    Sam2VideoWork *work = &video->work;
    size_t size = (size_t)count * sizeof(float);
    if (work->host_size >= size)
        return SAM2_OK;
    free(work->host);
    work->host = malloc(size);
    work->host_size = work->host ? size : 0;
    return work->host ? SAM2_OK : sam2_fail_memory(&video->model->be->error, size);
}

void sam2_video_free_work(Sam2Video *video)
{
    Sam2Backend *be = video->model->be;
    sam2_backend_release(be, &video->work.table);
    sam2_backend_release(be, &video->work.tracks);
    sam2_backend_release(be, &video->work.memory);
    sam2_features_free(&video->work.features, be);
    free(video->work.host);
    video->work = (Sam2VideoWork){.encoded = video->work.encoded};
}

// What the objects remember, for the backend: *out.
static Sam2Status make_table(Sam2Video *video, const Sam2Selection *selections,
                             const Sam2TrackShape *shape, Sam2Tensor *out)
{
    Sam2Backend *be = video->model->be;
    int64_t count = sam2_track_table_count(video->model, shape);
    if (count == 0)
        return SAM2_OK;
    SAM2_TRY(grow(be, &video->work.table, count));
    SAM2_TRY(grow_host(video, count));
    SAM2_TRY(sam2_track_fill_table(video->model, selections, shape, video->work.host));
    *out = SAM2_RESHAPE(&video->work.table, count);
    return be->ops->upload(be, out->data, video->work.host, (size_t)count * sizeof(float));
}

// ---- One object, with prompts ------------------------------------------------------------------

static Sam2Status select_memory(const Sam2Video *video, const Sam2Object *object, int64_t frame,
                                bool reverse, Sam2Selection *out)
{
    const Sam2Model *model = video->model;
    return sam2_memory_bank_select(out, object, frame, video->params.n_frames, reverse,
                                   &model->config, &video->params.options, &model->be->error);
}

static Sam2Status condition(Sam2Video *video, const Sam2Selection *selections,
                            const Sam2TrackShape *shape, Sam2Features *features, Sam2Tensor *table)
{
    if (shape->n_memories == 0)
        return SAM2_OK;
    SAM2_TRY(sam2_memory_attention_prepare(&video->model->attention, &video->arena, features));
    return make_table(video, selections, shape, table);
}

Sam2Status sam2_video_condition(Sam2Video *video, const Sam2Object *object, int64_t frame,
                                bool reverse, Sam2Features *features, Sam2Tensor *out)
{
    Sam2Selection selection;
    Sam2Tensor table = {0};
    SAM2_TRY(select_memory(video, object, frame, reverse, &selection));
    Sam2TrackShape shape = {1, selection.n_memories, selection.n_pointers};
    Sam2Status status = condition(video, &selection, &shape, features, &table);
    if (status == SAM2_OK)
        status = sam2_track_condition(video->model, &video->arena, features, &shape, &table, out);
    sam2_selection_free(&selection);
    return status;
}

// ---- Many objects ------------------------------------------------------------------------------

// Objects that are tracked into a frame, with what they read there.
typedef struct Group {
    Sam2Object **objects;
    Sam2Selection *selections;
    Sam2TrackShape shape;
    int64_t frame, next[2]; // next: that are tracked after this one, or -1
    bool reverse;
} Group;

// Where stages are timed, waits for the device.
static Sam2Status end_stage(Sam2Video *video, double *seconds, double *start)
{
    Sam2Backend *be = video->model->be;
    if (video->params.options.time_stages)
        SAM2_TRY(be->ops->sync(be));
    double now = sam2_seconds();
    *seconds += now - *start;
    *start = now;
    return SAM2_OK;
}

static Sam2Status run(Sam2Video *video, const Group *group, const Sam2Features *features,
                      const Sam2Tensor *table, const Sam2Tracks *tracks, const Sam2Tensor *memory)
{
    const Sam2Model *model = video->model;
    Sam2VideoStats *stats = &video->stats;
    Sam2ArenaMark mark = sam2_arena_mark(&video->arena);
    Sam2Tensor image, low;
    double start = sam2_seconds();
    SAM2_TRY(sam2_track_condition(model, &video->arena, features, &group->shape, table, &image));
    SAM2_TRY(end_stage(video, &stats->attention_s, &start));
    SAM2_TRY(sam2_track_decode_objects(model, &video->arena, features, &image,
                                       &video->params.options, tracks, &low));
    SAM2_TRY(end_stage(video, &stats->decode_s, &start));
    SAM2_TRY(
        sam2_track_encode_objects(model, &video->arena, features, &low, &tracks->scores, memory));
    SAM2_TRY(end_stage(video, &stats->memory_s, &start));
    sam2_arena_release(&video->arena, mark);
    return SAM2_OK;
}

// The same on a backend with lanes: always in the same place, so that it can be recorded.
static Sam2Status run_recorded(Sam2Video *video, const Group *group, const Sam2Features *features,
                               const Sam2Tensor *table, const Sam2Tracks *tracks,
                               const Sam2Tensor *memory)
{
    Sam2Backend *be = video->model->be;
    Sam2Features *own = &video->work.features;
    bool replayed;
    if (!own->all.data)
        SAM2_TRY(sam2_features_alloc(own, &video->model->fpn, be));
    SAM2_TRY(sam2_features_copy(own, features, be));
    SAM2_TRY(be->ops->mark(be)); // from here on the frame's features can be replaced
    if (video->params.options.time_stages)
        return run(video, group, own, table, tracks, memory);
    Sam2WorkKey key;
    memset(&key, 0, sizeof key);
    key.sizes[1] = group->shape.n_objects;
    key.sizes[2] = group->shape.n_memories;
    key.sizes[3] = group->shape.n_pointers;
    key.sizes[4] = video->params.options.fill_hole_area;
    key.memory[0] = own->all.data;
    key.memory[1] = table->data;
    key.memory[2] = tracks->all.data;
    key.memory[3] = memory->data;
    key.arena = sam2_arena_place(&video->arena, &key.arena_size, &key.arena_used);
    SAM2_TRY(be->ops->record_begin(be, &key, sizeof key, &replayed));
    if (replayed)
        return SAM2_OK;
    Sam2Status status = run(video, group, own, table, tracks, memory);
    Sam2Status ended = be->ops->record_end(be, status == SAM2_OK);
    return status == SAM2_OK ? ended : status;
}

// The group's object i gets its result, which is in tracks (on the host) and memory.
static Sam2Status store(Sam2Video *video, const Group *group, int i, const Sam2Tracks *tracks,
                        const Sam2Tensor *memory)
{
    const Sam2Model *model = video->model;
    Sam2Backend *be = model->be;
    Sam2Object *object = group->objects[i];
    int64_t d = model->config.d_model, n = sam2_tensor_count(&tracks->filled);
    int64_t n_logits = n / group->shape.n_objects, rows = memory->shape[0] / group->shape.n_objects;
    Sam2Status status;
    Sam2FrameOutput *output = sam2_output_new(group->frame, n_logits, d, &be->error);
    if (!output)
        return SAM2_ERR_MEMORY;
    memcpy(output->low_logits, sam2_f32(&tracks->filled) + i * n_logits,
           (size_t)n_logits * sizeof(float));
    memcpy(output->pointer, sam2_f32(&tracks->pointers) + i * d, (size_t)d * sizeof(float));
    output->iou = sam2_f32(&tracks->scores)[2 * i];
    output->object_score = sam2_f32(&tracks->scores)[2 * i + 1];
    Sam2Tensor part = sam2_tensor_rows(memory, i * rows, rows);
    SAM2_TRY_FAIL(sam2_backend_alloc(be, &output->memory, 2, part.shape));
    SAM2_TRY_FAIL(be->ops->copy(be, output->memory.data, part.data, sam2_tensor_size(&part)));
    SAM2_TRY_FAIL(sam2_object_set_tracked(
        object, group->frame, group->reverse ? SAM2_TRACKED_REVERSE : SAM2_TRACKED_FORWARD,
        &be->error));
    SAM2_TRY_FAIL(sam2_output_put(&object->outputs[SAM2_TRACKED_LIST], output, true, be));
    video->stats.n_tracked++;
    if (video->params.options.bounded_memory)
        sam2_memory_bank_trim(object, group->frame, &model->config, &video->params.options, be);
    return SAM2_OK;
fail:
    sam2_output_free(&output, be);
    return status;
}

static Sam2Status track_group(Sam2Video *video, const Group *group, Sam2Features *features)
{
    const Sam2Model *model = video->model;
    Sam2Backend *be = model->be;
    int n = group->shape.n_objects;
    int64_t hw = features->top.shape[0], m = model->config.mem_dim;
    int64_t count = sam2_track_count(model, n);
    Sam2Tensor table = {0};
    SAM2_TRY(grow(be, &video->work.tracks, count));
    SAM2_TRY(grow(be, &video->work.memory, n * hw * m));
    SAM2_TRY(condition(video, group->selections, &group->shape, features, &table));
    Sam2Tensor all = SAM2_RESHAPE(&video->work.tracks, count);
    Sam2Tensor memory = SAM2_RESHAPE(&video->work.memory, n * hw, m);
    Sam2Tracks tracks = sam2_track_view(model, n, &all);
    SAM2_TRY(be->n_lanes > 1 ? run_recorded(video, group, features, &table, &tracks, &memory)
                             : run(video, group, features, &table, &tracks, &memory));
    // While the device works: what the next frame can begin with as soon as this one is done.
    if (group->next[0] >= 0)
        sam2_video_encode_ahead(video, group->next[0]);
    if (group->next[1] >= 0)
        sam2_video_read_ahead(video, group->next[1]);
    SAM2_TRY(grow_host(video, count));
    SAM2_TRY(be->ops->download(be, video->work.host, all.data, sam2_tensor_size(&all)));
    all.data = video->work.host;
    tracks = sam2_track_view(model, n, &all);
    for (int i = 0; i < n; i++)
        SAM2_TRY(store(video, group, i, &tracks, &memory));
    return SAM2_OK;
}

// Moves objects from `first` on that read as much as the first one behind it; returns how many
// there are with it, at most `limit`.
static int gather(Group *all, int first, int n, int limit)
{
    const Sam2Selection *like = &all->selections[first];
    int end = first + 1;
    for (int i = end; i < n && end - first < limit; i++) {
        Sam2Selection selection = all->selections[i];
        if (selection.n_memories != like->n_memories || selection.n_pointers != like->n_pointers)
            continue;
        Sam2Object *object = all->objects[i];
        all->selections[i] = all->selections[end];
        all->objects[i] = all->objects[end];
        all->selections[end] = selection;
        all->objects[end++] = object;
    }
    return end - first;
}

static Sam2Status track_groups(Sam2Video *video, Group *all, int n)
{
    Sam2Features *features;
    bool shrunk = false;
    SAM2_TRY(sam2_video_features(video, all->frame, true, &features, &video->model->be->error));
    for (int i = 0; i < n;) {
        Group group = *all;
        int count = gather(all, i, n, video->max_batch);
        group.objects += i;
        group.selections += i;
        group.shape =
            (Sam2TrackShape){count, group.selections[0].n_memories, group.selections[0].n_pointers};
        Sam2ArenaMark mark = sam2_arena_mark(&video->arena);
        Sam2Status status = track_group(video, &group, features);
        sam2_arena_release(&video->arena, mark);
        if (status == SAM2_ERR_MEMORY && count > 1) {
            video->max_batch = count / 2; // fewer at once need less
            continue;
        }
        if (status == SAM2_ERR_MEMORY && !shrunk && sam2_video_shrink_features(video)) {
            shrunk = true;
            SAM2_TRY(
                sam2_video_features(video, all->frame, true, &features, &video->model->be->error));
            continue;
        }
        SAM2_TRY(status);
        i += count;
    }
    return SAM2_OK;
}

Sam2Status sam2_video_track(Sam2Video *video, Sam2Object *const *objects, int n, int64_t frame,
                            bool reverse)
{
    Sam2Status status = SAM2_OK;
    Group all = {.frame = frame, .next = {-1, -1}, .reverse = reverse};
    if (video->sweep.active && frame == video->sweep.next)
        for (int64_t i = 0, last = frame; i < 2 && last != video->sweep.end; i++)
            last = all.next[i] = last + (reverse ? -1 : 1);
    all.objects = malloc((size_t)n * sizeof *all.objects);
    all.selections = calloc((size_t)n, sizeof *all.selections);
    if (!all.objects || !all.selections)
        status = sam2_fail_memory(&video->model->be->error, (size_t)n * sizeof *all.selections);
    for (int i = 0; status == SAM2_OK && i < n; i++) {
        all.objects[i] = objects[i];
        status = select_memory(video, objects[i], frame, reverse, &all.selections[i]);
    }
    if (status == SAM2_OK)
        status = track_groups(video, &all, n);
    for (int i = 0; all.selections && i < n; i++)
        sam2_selection_free(&all.selections[i]);
    free(all.objects);
    free(all.selections);
    return status;
}
