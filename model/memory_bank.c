// SPDX-License-Identifier: Apache-2.0
// Outputs by frame, and the choice of what a frame attends to.
#include "model/memory_bank.h"

#include <stdlib.h>
#include <string.h>

#define TRACKED 0
#define CONDITIONING 1

Sam2FrameOutput *sam2_output_new(int64_t frame, int64_t n_logits, int64_t n_pointer,
                                 Sam2Error *error)
{
    Sam2FrameOutput *output = calloc(1, sizeof *output);
    size_t logits_size = (size_t)n_logits * sizeof(float);
    if (output) {
        output->frame = frame;
        output->low_logits = malloc(logits_size);
        output->pointer = n_pointer ? malloc((size_t)n_pointer * sizeof(float)) : NULL;
    }
    if (!output || !output->low_logits || (n_pointer && !output->pointer)) {
        sam2_fail_memory(error, logits_size);
        sam2_output_free(&output, NULL);
        return NULL;
    }
    return output;
}

void sam2_output_free(Sam2FrameOutput **output, Sam2Backend *be)
{
    if (!*output)
        return;
    if ((*output)->memory.data)
        sam2_backend_release(be, &(*output)->memory);
    free((*output)->low_logits);
    free((*output)->pointer);
    free(*output);
    *output = NULL;
}

static int find_index(const Sam2OutputList *list, int64_t frame)
{
    for (int i = 0; i < list->n; i++)
        if (list->items[i]->frame == frame)
            return i;
    return -1;
}

Sam2FrameOutput *sam2_output_find(const Sam2OutputList *list, int64_t frame)
{
    int i = find_index(list, frame);
    return i < 0 ? NULL : list->items[i];
}

Sam2Status sam2_output_put(Sam2OutputList *list, Sam2FrameOutput *output, bool by_frame,
                           Sam2Backend *be)
{
    int i = find_index(list, output->frame);
    if (i >= 0) {
        if (list->items[i] != output)
            sam2_output_free(&list->items[i], be);
        list->items[i] = output;
        return SAM2_OK;
    }
    if (list->n == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 16;
        Sam2FrameOutput **items = realloc(list->items, (size_t)capacity * sizeof(void *));
        if (!items)
            return sam2_fail_memory(&be->error, (size_t)capacity * sizeof(void *));
        list->items = items;
        list->capacity = capacity;
    }
    int at = list->n;
    while (by_frame && at > 0 && list->items[at - 1]->frame > output->frame)
        at--;
    memmove(list->items + at + 1, list->items + at, (size_t)(list->n - at) * sizeof(void *));
    list->items[at] = output;
    list->n++;
    return SAM2_OK;
}

static Sam2FrameOutput *take_index(Sam2OutputList *list, int i)
{
    Sam2FrameOutput *output = list->items[i];
    list->n--;
    memmove(list->items + i, list->items + i + 1, (size_t)(list->n - i) * sizeof(void *));
    return output;
}

Sam2FrameOutput *sam2_output_take(Sam2OutputList *list, int64_t frame)
{
    int i = find_index(list, frame);
    return i < 0 ? NULL : take_index(list, i);
}

void sam2_output_drop(Sam2OutputList *list, int64_t first, int64_t last, Sam2Backend *be)
{
    for (int i = list->n - 1; i >= 0; i--) {
        if (list->items[i]->frame >= first && list->items[i]->frame <= last) {
            Sam2FrameOutput *output = take_index(list, i);
            sam2_output_free(&output, be);
        }
    }
}

void sam2_output_clear(Sam2OutputList *list, Sam2Backend *be)
{
    for (int i = 0; i < list->n; i++)
        sam2_output_free(&list->items[i], be);
    free(list->items);
    *list = (Sam2OutputList){0};
}

void sam2_object_free(Sam2Object **object, Sam2Backend *be)
{
    if (!*object)
        return;
    for (int i = 0; i < 2; i++) {
        sam2_output_clear(&(*object)->outputs[i], be);
        sam2_output_clear(&(*object)->fresh[i], be);
    }
    for (int i = 0; i < (*object)->n_prompts; i++) {
        free((*object)->prompts[i].xy);
        free((*object)->prompts[i].labels);
    }
    free((*object)->prompts);
    free((*object)->tracked);
    free(*object);
    *object = NULL;
}

Sam2FrameOutput *sam2_object_result(const Sam2Object *object, int64_t frame)
{
    Sam2FrameOutput *output = sam2_output_find(&object->fresh[CONDITIONING], frame);
    if (!output)
        output = sam2_output_find(&object->fresh[TRACKED], frame);
    if (!output)
        output = sam2_output_find(&object->outputs[CONDITIONING], frame);
    if (!output)
        output = sam2_output_find(&object->outputs[TRACKED], frame);
    return output;
}

Sam2FramePrompt *sam2_object_prompt(const Sam2Object *object, int64_t frame)
{
    for (int i = 0; i < object->n_prompts; i++)
        if (object->prompts[i].frame == frame)
            return &object->prompts[i];
    return NULL;
}

Sam2Tracked sam2_object_tracked(const Sam2Object *object, int64_t frame)
{
    return frame < object->n_tracked ? (Sam2Tracked)object->tracked[frame] : SAM2_UNTRACKED;
}

Sam2Status sam2_object_set_tracked(Sam2Object *object, int64_t frame, Sam2Tracked tracked,
                                   Sam2Error *error)
{
    if (frame >= object->n_tracked) {
        if (tracked == SAM2_UNTRACKED)
            return SAM2_OK;
        int64_t n = frame + frame / 2 + 256;
        uint8_t *grown = realloc(object->tracked, (size_t)n);
        if (!grown)
            return sam2_fail_memory(error, (size_t)n);
        memset(grown + object->n_tracked, SAM2_UNTRACKED, (size_t)(n - object->n_tracked));
        object->tracked = grown;
        object->n_tracked = n;
    }
    object->tracked[frame] = (uint8_t)tracked;
    return SAM2_OK;
}

// ---- Selection ---------------------------------------------------------------------------------

typedef struct Candidate {
    Sam2FrameOutput *output;
    int64_t distance;
    int order;
    bool selected;
} Candidate;

static int compare_distance(const void *a, const void *b)
{
    const Candidate *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->order - y->order;
}

// Marks the conditioning frames to attend: the last one before the frame, the first one from it on,
// then the nearest others. The reference's order is kept, first the selected ones.
static void select_conditioning(Candidate *all, int n, int64_t frame, int limit)
{
    if (limit < 0 || n <= limit) {
        for (int i = 0; i < n; i++)
            all[i].selected = true;
        return;
    }
    int before = -1, after = -1;
    for (int i = 0; i < n; i++) {
        int64_t t = all[i].output->frame;
        if (t < frame && (before < 0 || t > all[before].output->frame))
            before = i;
        if (t >= frame && (after < 0 || t < all[after].output->frame))
            after = i;
    }
    if (limit == 1) {
        if (before >= 0 && after >= 0)
            *(all[before].distance <= all[after].distance ? &after : &before) = -1;
    }
    // The two neighbours sort before everything else.
    if (after >= 0)
        all[after].distance = -1;
    if (before >= 0)
        all[before].distance = -2;
    qsort(all, (size_t)n, sizeof *all, compare_distance);
    for (int i = 0; i < n; i++)
        all[i].selected = i < limit;
}

static Sam2FrameOutput *find_unselected(const Candidate *all, int n, int64_t frame)
{
    for (int i = 0; i < n; i++)
        if (!all[i].selected && all[i].output->frame == frame)
            return all[i].output;
    return NULL;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

// The frame whose memory is `age` steps old (1 is the last frame).
static int64_t memory_frame(int64_t frame, int age, int64_t stride, bool reverse)
{
    if (age == 1)
        return reverse ? frame + 1 : frame - 1;
    if (!reverse)
        return floor_div(frame - 2, stride) * stride - (age - 2) * stride;
    return -floor_div(-(frame + 2), stride) * stride + (age - 2) * stride;
}

static const Sam2FrameOutput *find_past(const Sam2Object *object, const Candidate *all, int n,
                                        int64_t frame)
{
    const Sam2FrameOutput *output = sam2_output_find(&object->outputs[TRACKED], frame);
    return output ? output : find_unselected(all, n, frame);
}

static void add_memory(Sam2Selection *out, const Sam2FrameOutput *output, int temporal)
{
    if (output && output->memory.data)
        out->memories[out->n_memories++] = (Sam2MemoryRef){output, temporal};
}

static void add_pointer(Sam2Selection *out, const Sam2FrameOutput *output, int64_t distance,
                        int64_t largest)
{
    if (output && output->pointer)
        out->pointers[out->n_pointers++] =
            (Sam2PointerRef){output, (float)distance / (float)largest};
}

Sam2Status sam2_memory_bank_select(Sam2Selection *out, const Sam2Object *object, int64_t frame,
                                   int64_t n_frames, bool reverse, const Sam2Config *config,
                                   const Sam2VideoOptions *options, Sam2Error *error)
{
    const Sam2OutputList *list = &object->outputs[CONDITIONING];
    int n = list->n, past = config->num_maskmem - 1;
    int64_t max_pointers = n_frames < config->max_obj_ptrs ? n_frames : config->max_obj_ptrs;
    Candidate *all = malloc((size_t)(n + 1) * sizeof *all);
    *out = (Sam2Selection){0};
    out->memories = malloc((size_t)(n + past + 1) * sizeof *out->memories);
    out->pointers = malloc((size_t)(n + max_pointers) * sizeof *out->pointers);
    if (!all || !out->memories || !out->pointers) {
        free(all);
        sam2_selection_free(out);
        return sam2_fail_memory(error, (size_t)n * sizeof *all);
    }
    for (int i = 0; i < n; i++)
        all[i] = (Candidate){list->items[i], llabs(list->items[i]->frame - frame), i, false};
    select_conditioning(all, n, frame, options->max_cond_frames_in_attn);

    for (int i = 0; i < n; i++)
        if (all[i].selected)
            add_memory(out, all[i].output, past);
    for (int age = past; age >= 1; age--) {
        int64_t t = memory_frame(frame, age, options->memory_temporal_stride_for_eval, reverse);
        add_memory(out, find_past(object, all, n, t), age - 1);
    }
    int64_t largest = max_pointers > 1 ? max_pointers - 1 : 1;
    for (int i = 0; i < n; i++) {
        int64_t t = all[i].output->frame;
        if (!all[i].selected || (reverse ? t < frame : t > frame))
            continue;
        int64_t distance = (frame - t) * (reverse ? -1 : 1);
        if (!config->use_signed_tpos_enc_to_obj_ptrs)
            distance = llabs(distance);
        add_pointer(out, all[i].output, distance, largest);
    }
    for (int64_t distance = 1; distance < max_pointers; distance++) {
        int64_t t = reverse ? frame + distance : frame - distance;
        if (t < 0 || t >= n_frames)
            break;
        add_pointer(out, find_past(object, all, n, t), distance, largest);
    }
    free(all);
    return SAM2_OK;
}

void sam2_selection_free(Sam2Selection *selection)
{
    free(selection->memories);
    free(selection->pointers);
    *selection = (Sam2Selection){0};
}

void sam2_memory_bank_trim(Sam2Object *object, int64_t frame, const Sam2Config *config,
                           const Sam2VideoOptions *options, Sam2Backend *be)
{
    Sam2OutputList *list = &object->outputs[TRACKED];
    int64_t reach = (int64_t)(config->num_maskmem - 1) * options->memory_temporal_stride_for_eval;
    int64_t keep = reach > config->max_obj_ptrs ? reach : config->max_obj_ptrs;
    sam2_output_drop(list, 0, frame - keep - 1, be);
    sam2_output_drop(list, frame + keep + 1, INT64_MAX, be);
    for (int i = 0; i < list->n; i++) {
        int64_t distance = llabs(list->items[i]->frame - frame);
        if (distance > reach && list->items[i]->memory.data)
            sam2_backend_release(be, &list->items[i]->memory);
    }
}
