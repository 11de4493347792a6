// SPDX-License-Identifier: Apache-2.0
// Features that leave the device: kept in pinned host memory, which a model's videos share.
//
// What is kept stays kept while the frame is back on the device, so that it need not be copied out
// again. Copies have a lane of their own, beside tracking and encoding.
#include "model/video.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_SLOTS 2048

struct Sam2SpillSlot {
    void *data;
    const Sam2Video *owner; // NULL: empty
    int64_t frame;
    uint64_t last_use;
    size_t used; // bytes that mean something
};

struct Sam2Spill {
    Sam2SpillSlot slots[MAX_SLOTS];
    int n_slots, n_videos;
    uint64_t clock;
    bool is_full; // the system gave no more
};

// ---- Slots -------------------------------------------------------------------------------------

// Bytes that programs can have without others being pushed out; 0: not known.
static size_t available_memory(void)
{
    char line[128];
    unsigned long long size = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu kB", &size) == 1)
            break;
    if (file)
        fclose(file);
    return (size_t)size * 1024;
}

static size_t slot_size(const Sam2Video *video)
{
    return sam2_features_size(&video->model->fpn);
}

static Sam2SpillSlot *grow(Sam2Video *video)
{
    Sam2Backend *be = video->model->be;
    Sam2Spill *spill = video->model->spill;
    size_t size = slot_size(video), held = (size_t)spill->n_slots * size;
    if (spill->is_full || spill->n_slots == MAX_SLOTS ||
        held + size > video->params.options.host_cache_size ||
        held + size > (available_memory() + held) / 4)
        return NULL;
    void *data = be->ops->alloc_pinned(be, size);
    if (!data) {
        spill->is_full = true;
        return NULL;
    }
    Sam2SpillSlot *slot = &spill->slots[spill->n_slots++];
    *slot = (Sam2SpillSlot){.data = data};
    return slot;
}

// An empty slot, or the one that was used longest ago, but not `spare`. NULL: there is none.
static Sam2SpillSlot *take_slot(Sam2Video *video, const Sam2SpillSlot *spare)
{
    Sam2Spill *spill = video->model->spill;
    Sam2SpillSlot *oldest = NULL;
    for (int i = 0; i < spill->n_slots; i++) {
        Sam2SpillSlot *slot = &spill->slots[i];
        if (!slot->owner)
            return slot;
        if (slot != spare && (!oldest || slot->last_use < oldest->last_use))
            oldest = slot;
    }
    Sam2SpillSlot *grown = grow(video);
    return grown ? grown : oldest;
}

Sam2SpillSlot *sam2_video_spill_find(const Sam2Video *video, int64_t frame)
{
    Sam2Spill *spill = video->model->spill;
    for (int i = 0; spill && i < spill->n_slots; i++)
        if (spill->slots[i].owner == video && spill->slots[i].frame == frame)
            return &spill->slots[i];
    return NULL;
}

size_t sam2_video_spill_size(const Sam2Video *video)
{
    const Sam2Spill *spill = video->model->spill;
    size_t n = 0;
    for (int i = 0; spill && i < spill->n_slots; i++)
        n += spill->slots[i].owner == video;
    return n * slot_size(video);
}

// ---- Opening -----------------------------------------------------------------------------------

void sam2_video_spill_open(Sam2Video *video)
{
    Sam2Model *model = video->model;
    if (!model->be->ops->copy_out || video->params.options.host_cache_size < slot_size(video))
        return;
    if (!model->spill)
        model->spill = calloc(1, sizeof *model->spill);
    if (!model->spill)
        return; // it works without
    model->spill->is_full = false;
    model->spill->n_videos++;
    video->spills = true;
}

void sam2_video_spill_close(Sam2Video *video)
{
    Sam2Backend *be = video->model->be;
    Sam2Spill *spill = video->model->spill;
    if (!video->spills)
        return;
    video->spills = false;
    for (int i = 0; i < spill->n_slots; i++)
        if (spill->slots[i].owner == video)
            spill->slots[i].owner = NULL;
    if (--spill->n_videos > 0)
        return;
    for (int i = 0; i < spill->n_slots; i++)
        be->ops->free_pinned(be, spill->slots[i].data);
    free(spill);
    video->model->spill = NULL;
}

// ---- Copies ------------------------------------------------------------------------------------

// Behind all that may read or write an entry's features.
static Sam2Status begin_copy(Sam2Backend *be)
{
    be->ops->select_lane(be, SAM2_LANE_COPY);
    SAM2_TRY(be->ops->wait(be, SAM2_LANE_TRACK));
    return be->ops->wait(be, SAM2_LANE_ENCODE);
}

static bool end_copy(Sam2Backend *be, Sam2Status status)
{
    if (status == SAM2_OK)
        status = be->ops->mark(be);
    be->ops->select_lane(be, SAM2_LANE_TRACK);
    if (status == SAM2_OK)
        return true;
    be->ops->sync(be);          // nobody could wait for what was asked for
    be->error = (Sam2Error){0}; // the frame can be encoded again
    return false;
}

void sam2_video_spill_put(Sam2Video *video, const Sam2FeatureEntry *entry,
                          const Sam2SpillSlot *spare)
{
    Sam2Backend *be = video->model->be;
    if (!video->spills || entry->frame < 0 || !entry->features.all.data)
        return;
    size_t used = sam2_features_used(&entry->features);
    Sam2SpillSlot *slot = sam2_video_spill_find(video, entry->frame);
    if (!slot || slot->used < used) {
        if (!slot)
            slot = take_slot(video, spare);
        if (!slot)
            return;
        slot->owner = NULL;
        Sam2Status status = begin_copy(be);
        if (status == SAM2_OK)
            status = be->ops->copy_out(be, slot->data, entry->features.all.data, used);
        if (!end_copy(be, status))
            return;
        slot->owner = video;
        slot->frame = entry->frame;
        slot->used = used;
    }
    slot->last_use = ++video->model->spill->clock;
}

bool sam2_video_spill_get(Sam2Video *video, Sam2SpillSlot *slot, Sam2FeatureEntry *entry)
{
    Sam2Backend *be = video->model->be;
    Sam2Status status = begin_copy(be);
    if (status == SAM2_OK)
        status = be->ops->copy_in(be, entry->features.all.data, slot->data, slot->used);
    if (!end_copy(be, status)) {
        slot->owner = NULL;
        return false;
    }
    entry->frame = slot->frame;
    entry->features.has_attended = slot->used == slot_size(video);
    slot->last_use = ++video->model->spill->clock;
    video->stats.n_returned++;
    return true;
}
