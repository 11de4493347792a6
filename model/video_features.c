// SPDX-License-Identifier: Apache-2.0
// The features of a video's frames: encoded when they are asked for, or ahead of it; kept for a
// while.
#include "model/video.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BATCH 16   // objects tracked at once: more make nothing faster
#define MAX_CACHE 1024 // frames

// What tracking an object takes for a while, on a device: keys and queries in fp32 and as operands,
// the feed-forward layer, the upscaled map, the mask at full size.
static size_t object_size(const Sam2Model *model)
{
    size_t hw = (size_t)model->fpn.top_size * (size_t)model->fpn.top_size;
    size_t d = (size_t)model->config.d_model, m = (size_t)model->config.mem_dim;
    size_t n_keys = hw * (size_t)model->config.num_maskmem;
    size_t attention = n_keys * (2 * m + 2 * d) + hw * (8 * d + 2 * 2048);
    size_t decoder = hw * (16 * d / 8 + 4 * d / 4 + 8 * d) + hw * 16 * 4;
    size_t encoder = hw * 256 * 3 + hw * 8 * d;
    return (attention + decoder + encoder) * sizeof(float);
}

Sam2Status sam2_video_open_features(Sam2Video *video, Sam2Error *error)
{
    Sam2Backend *be = video->model->be;
    const Sam2VideoOptions *options = &video->params.options;
    size_t size = sam2_features_size(&video->model->fpn);
    size_t n_cache = options->feature_cache_size / size;
    size_t n_batch =
        options->max_objects_at_once ? (size_t)options->max_objects_at_once : MAX_BATCH;
    size_t free_size, total;
    if (be->ops->get_memory) {
        Sam2Status status = be->ops->get_memory(be, &free_size, &total);
        if (status != SAM2_OK)
            return sam2_fail(error, status, "%s", be->error.message);
        // A quarter for features, half for the objects that are tracked at once.
        if (n_cache > free_size / 4 / size)
            n_cache = free_size / 4 / size;
        if (n_batch > free_size / 2 / object_size(video->model))
            n_batch = free_size / 2 / object_size(video->model);
    }
    size_t least = be->n_lanes > 1 ? 2 : 1; // one that is encoded while the other is used
    n_cache = n_cache < least ? least : n_cache > MAX_CACHE ? MAX_CACHE : n_cache;
    video->max_batch = n_batch < 1 ? 1 : (int)n_batch;
    video->n_cache = (int)n_cache;
    video->cache = calloc(n_cache, sizeof *video->cache);
    if (!video->cache)
        return sam2_fail_memory(error, n_cache * sizeof *video->cache);
    for (int i = 0; i < video->n_cache; i++)
        video->cache[i].frame = -1;
    for (int i = 0; i < 2; i++)
        video->frames[i].frame = -1;
    sam2_video_spill_open(video);
    return SAM2_OK;
}

static bool has_lanes(const Sam2Video *video)
{
    return video->model->be->n_lanes > 1;
}

static void select_lane(const Sam2Video *video, int lane)
{
    Sam2Backend *be = video->model->be;
    if (has_lanes(video))
        be->ops->select_lane(be, lane);
}

// ---- The cache ---------------------------------------------------------------------------------

void sam2_video_clear_features(Sam2Video *video)
{
    Sam2Backend *be = video->model->be;
    be->ops->sync(be);
    for (int i = 0; i < video->n_cache; i++) {
        sam2_features_free(&video->cache[i].features, be);
        video->cache[i].frame = -1;
    }
}

bool sam2_video_shrink_features(Sam2Video *video)
{
    Sam2Backend *be = video->model->be;
    Sam2FeatureEntry *newest = &video->cache[0];
    bool freed = false;
    for (int i = 1; i < video->n_cache; i++)
        if (video->cache[i].last_use > newest->last_use)
            newest = &video->cache[i];
    if (has_lanes(video) && be->ops->mark(be) == SAM2_OK)
        for (int i = 0; i < video->n_cache; i++)
            if (&video->cache[i] != newest)
                sam2_video_spill_put(video, &video->cache[i], NULL);
    be->ops->sync(be);
    for (int i = 0; i < video->n_cache; i++) {
        Sam2FeatureEntry *entry = &video->cache[i];
        if (entry == newest || !entry->features.all.data)
            continue;
        sam2_features_free(&entry->features, be);
        *entry = (Sam2FeatureEntry){.frame = -1};
        freed = true;
    }
    return freed;
}

static Sam2FeatureEntry *find_entry(Sam2Video *video, int64_t frame)
{
    for (int i = 0; i < video->n_cache; i++)
        if (video->cache[i].frame == frame)
            return &video->cache[i];
    return NULL;
}

// The entry that was used longest ago, with memory. Where there is none for another one, fewer are
// kept; `spare` is not taken. What it held goes to the host, but not into `slot`.
static Sam2Status take_entry(Sam2Video *video, const Sam2FeatureEntry *spare,
                             const Sam2SpillSlot *slot, Sam2FeatureEntry **out)
{
    Sam2Backend *be = video->model->be;
    Sam2FeatureEntry *oldest = NULL, *oldest_held = NULL;
    for (int i = 0; i < video->n_cache; i++) {
        Sam2FeatureEntry *entry = &video->cache[i];
        if (entry == spare)
            continue;
        if (!oldest || entry->last_use < oldest->last_use)
            oldest = entry;
        if (entry->features.all.data && (!oldest_held || entry->last_use < oldest_held->last_use))
            oldest_held = entry;
    }
    if (!oldest)
        return sam2_fail(&be->error, SAM2_ERR_MEMORY, "no room for another frame's features");
    if (!oldest->features.all.data) {
        select_lane(video, SAM2_LANE_ENCODE); // that writes them
        Sam2Status status = sam2_features_alloc(&oldest->features, &video->model->fpn, be);
        select_lane(video, SAM2_LANE_TRACK);
        if (status == SAM2_ERR_MEMORY && oldest_held)
            oldest = oldest_held;
        else
            SAM2_TRY(status);
    }
    sam2_video_spill_put(video, oldest, slot);
    oldest->frame = -1;
    *out = oldest;
    return SAM2_OK;
}

// ---- Encoding ----------------------------------------------------------------------------------

// Pinned where that can be had: the frame is then uploaded from where it was read to.
static Sam2Status get_buffer(Sam2Video *video, Sam2FrameBuffer *buffer, Sam2Error *error)
{
    Sam2Backend *be = video->model->be;
    size_t size = (size_t)video->params.width * 3 * (size_t)video->params.height;
    if (buffer->rgb)
        return buffer->pinned ? be->ops->wait_pinned(be, buffer->rgb) : SAM2_OK;
    buffer->rgb = be->ops->alloc_pinned ? be->ops->alloc_pinned(be, size) : NULL;
    buffer->pinned = buffer->rgb != NULL;
    if (!buffer->rgb)
        buffer->rgb = malloc(size);
    return buffer->rgb ? SAM2_OK : sam2_fail_memory(error, size);
}

// *out is read into next, but for the frame that was read ahead. Behind it the other one is.
static Sam2Status read_frame(Sam2Video *video, int64_t frame, Sam2FrameBuffer **out,
                             Sam2Error *error)
{
    const Sam2VideoParams *params = &video->params;
    for (int i = 0; i < 2; i++)
        if (video->frames[i].frame == frame) {
            *out = &video->frames[i];
            return SAM2_OK;
        }
    Sam2FrameBuffer *buffer = *out = &video->frames[video->next_frame];
    buffer->frame = -1;
    SAM2_TRY(get_buffer(video, buffer, error));
    if (params->get_frame(params->user, frame, buffer->rgb, (size_t)params->width * 3) != 0)
        return sam2_fail(error, SAM2_ERR_FRAME, "frame %lld could not be read", (long long)frame);
    buffer->frame = frame;
    return SAM2_OK;
}

void sam2_video_free_frames(Sam2Video *video)
{
    Sam2Backend *be = video->model->be;
    for (int i = 0; i < 2; i++) {
        Sam2FrameBuffer *buffer = &video->frames[i];
        if (buffer->pinned)
            be->ops->free_pinned(be, buffer->rgb);
        else
            free(buffer->rgb);
        *buffer = (Sam2FrameBuffer){.frame = -1};
    }
}

static Sam2Status encode(const Sam2Model *model, Sam2Arena *arena, const Sam2Tensor *input,
                         Sam2Features *features, bool prepare)
{
    SAM2_TRY(sam2_fpn_forward(&model->fpn, &model->hiera, arena, input, features));
    return prepare ? sam2_memory_attention_prepare(&model->attention, arena, features) : SAM2_OK;
}

static Sam2Status make_input(Sam2Video *video, Sam2Arena *arena, Sam2FrameBuffer *buffer,
                             Sam2Tensor *input)
{
    const Sam2VideoParams *params = &video->params;
    int64_t size = video->model->config.image_size;
    SAM2_TRY(SAM2_TAKE(arena, input, size, size, 3));
    buffer->frame = -1;
    video->next_frame = buffer == &video->frames[0] && has_lanes(video);
    return sam2_op_image_input(arena->be, input, buffer->rgb, params->width, params->height,
                               (size_t)params->width * 3, true);
}

// In its own lane and always in the same place, so that it can be recorded.
static Sam2Status encode_beside(Sam2Video *video, Sam2FrameBuffer *buffer, Sam2Features *features,
                                bool prepare)
{
    const Sam2Model *model = video->model;
    Sam2Backend *be = model->be;
    Sam2Arena *arena = &video->encode_arena;
    Sam2Features *encoded = &video->work.encoded;
    Sam2Tensor input;
    bool replayed;
    SAM2_TRY(be->ops->wait(be, SAM2_LANE_TRACK)); // who still reads the old features
    if (!encoded->all.data)
        SAM2_TRY(sam2_features_alloc(encoded, &model->fpn, be));
    SAM2_TRY(make_input(video, arena, buffer, &input));
    Sam2WorkKey key;
    memset(&key, 0, sizeof key);
    key.sizes[0] = prepare ? 1 : 2;
    key.memory[0] = input.data;
    key.memory[1] = encoded->all.data;
    key.arena = sam2_arena_place(arena, &key.arena_size, &key.arena_used);
    SAM2_TRY(be->ops->record_begin(be, &key, sizeof key, &replayed));
    if (!replayed) {
        Sam2Status status = encode(model, arena, &input, encoded, prepare);
        Sam2Status ended = be->ops->record_end(be, status == SAM2_OK);
        SAM2_TRY(status == SAM2_OK ? ended : status);
    }
    encoded->has_attended = prepare;
    SAM2_TRY(be->ops->wait(be, SAM2_LANE_COPY)); // the old features may be on their way out
    SAM2_TRY(sam2_features_copy(features, encoded, be));
    return be->ops->mark(be);
}

// `prepare`: for memory attention, which asks for it anyway.
static Sam2Status encode_frame(Sam2Video *video, Sam2FrameBuffer *buffer, Sam2Features *features,
                               bool prepare)
{
    Sam2Backend *be = video->model->be;
    double start = sam2_seconds();
    Sam2Status status;
    if (has_lanes(video)) {
        select_lane(video, SAM2_LANE_ENCODE);
        status = encode_beside(video, buffer, features, prepare);
        sam2_arena_release(&video->encode_arena, (Sam2ArenaMark){0});
        if (status == SAM2_OK && video->params.options.time_stages)
            status = be->ops->sync(be);
        select_lane(video, SAM2_LANE_TRACK);
    } else {
        Sam2Tensor input;
        Sam2ArenaMark mark = sam2_arena_mark(&video->arena);
        status = make_input(video, &video->arena, buffer, &input);
        if (status == SAM2_OK)
            status = encode(video->model, &video->arena, &input, features, prepare);
        sam2_arena_release(&video->arena, mark);
    }
    video->stats.encode_s += sam2_seconds() - start;
    video->stats.n_encoded += status == SAM2_OK;
    return status;
}

void sam2_video_clear_encoder(Sam2Video *video)
{
    select_lane(video, SAM2_LANE_ENCODE);
    sam2_features_free(&video->work.encoded, video->model->be);
    sam2_arena_clear(&video->encode_arena);
    select_lane(video, SAM2_LANE_TRACK);
}

// Gets the frame from the host if it is kept there, else encodes it.
static Sam2Status fill_entry(Sam2Video *video, int64_t frame, const Sam2FeatureEntry *spare,
                             bool prepare, Sam2FeatureEntry **out, Sam2Error *error)
{
    Sam2FeatureEntry *entry;
    Sam2FrameBuffer *buffer;
    Sam2SpillSlot *slot = sam2_video_spill_find(video, frame);
    SAM2_TRY(take_entry(video, spare, slot, &entry));
    if (!slot || !sam2_video_spill_get(video, slot, entry)) {
        SAM2_TRY(read_frame(video, frame, &buffer, error));
        SAM2_TRY(encode_frame(video, buffer, &entry->features, prepare));
        entry->frame = frame;
    }
    *out = entry;
    return SAM2_OK;
}

Sam2Status sam2_video_features(Sam2Video *video, int64_t frame, bool tracking, Sam2Features **out,
                               Sam2Error *error)
{
    Sam2Backend *be = video->model->be;
    Sam2FeatureEntry *entry = find_entry(video, frame);
    if (!entry) {
        if (has_lanes(video)) // what is under way may read the entry
            SAM2_TRY(be->ops->mark(be));
        SAM2_TRY(fill_entry(video, frame, NULL, tracking && has_lanes(video), &entry, error));
    }
    if (has_lanes(video)) {
        SAM2_TRY(be->ops->wait(be, SAM2_LANE_ENCODE));
        SAM2_TRY(be->ops->wait(be, SAM2_LANE_COPY));
    }
    entry->last_use = ++video->clock;
    *out = &entry->features;
    return SAM2_OK;
}

void sam2_video_encode_ahead(Sam2Video *video, int64_t frame)
{
    Sam2Backend *be = video->model->be;
    Sam2FeatureEntry *entry, *newest = &video->cache[0];
    Sam2Error error;
    if (!has_lanes(video) || video->params.options.time_stages || find_entry(video, frame))
        return;
    for (int i = 1; i < video->n_cache; i++)
        if (video->cache[i].last_use > newest->last_use)
            newest = &video->cache[i];
    if (fill_entry(video, frame, newest, true, &entry, &error) == SAM2_OK)
        entry->last_use = ++video->clock;
    else
        be->error = (Sam2Error){0};
}

void sam2_video_read_ahead(Sam2Video *video, int64_t frame)
{
    Sam2Backend *be = video->model->be;
    Sam2FrameBuffer *buffer;
    Sam2Error error;
    if (!has_lanes(video) || video->params.options.time_stages || find_entry(video, frame) ||
        sam2_video_spill_find(video, frame))
        return;
    if (read_frame(video, frame, &buffer, &error) != SAM2_OK)
        be->error = (Sam2Error){0};
}
