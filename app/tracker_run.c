// SPDX-License-Identifier: Apache-2.0
// MskTracker: a request to the engine, and what comes back of it.
#include "app/tracker_private.h"

#include <pthread.h>

#define BATCH_TIME 6000 // microseconds that a batch of results may take on the main thread

// What the engine's thread reads of a unit besides it.
typedef struct RunUnit {
    // Masks that came from the other side, by frame from span.first on; or NULL.
    MskMask **others;
    // The mask at the far end, where the unit ends beside it; or NULL.
    MskMask *far, *far_add, *far_remove;
} RunUnit;

typedef struct Item {
    guint unit;
    MskResult *result;
    float agreement;
} Item;

typedef struct Saved {
    guint unit;
    MskTrackState *state;
} Saved;

struct MskTrackRun {
    MskTracker *tracker; // main thread; NULL: it is gone
    GArray *units;       // of MskTrackUnit; their spans count the run's objects
    RunUnit *parts;      // one for each unit
    guint *first_unit;   // of each object, and one more
    MskJob *stop;        // of the engine: its total means nothing
    MskJob *job;         // of the user
    GMainContext *context;
    // A pthread lock, which the thread sanitizer sees. Guards what follows.
    pthread_mutex_t lock;
    GQueue items; // of Item
    GArray *saved;
    GSource *source; // will hand over
    // Main thread: the engine has answered.
    gboolean is_ended, is_completed;
    GError *error;
};

static void free_item(gpointer data)
{
    msk_result_unref(((Item *)data)->result);
    g_free(data);
}

static void free_part(const MskTrackUnit *unit, RunUnit *part)
{
    for (int64_t i = 0; part->others && i <= unit->span.last - unit->span.first; i++)
        msk_mask_unref(part->others[i]);
    g_free(part->others);
    msk_mask_unref(part->far);
    msk_mask_unref(part->far_add);
    msk_mask_unref(part->far_remove);
}

static void free_run(MskTrackRun *run)
{
    if (run->source) {
        g_source_destroy(run->source);
        g_source_unref(run->source);
    }
    g_queue_clear_full(&run->items, free_item);
    for (guint i = 0; i < run->saved->len; i++)
        msk_track_state_unref(g_array_index(run->saved, Saved, i).state);
    for (guint i = 0; i < run->units->len; i++)
        free_part(&g_array_index(run->units, MskTrackUnit, i), &run->parts[i]);
    g_array_unref(run->saved);
    g_array_unref(run->units);
    g_free(run->parts);
    g_free(run->first_unit);
    msk_job_unref(run->stop);
    msk_job_unref(run->job);
    g_main_context_unref(run->context);
    pthread_mutex_destroy(&run->lock);
    g_clear_error(&run->error);
    g_free(run);
}

// ---- Agreement (the engine's thread) -----------------------------------------------------------

static float compare_counts(int64_t n_both, int64_t n_either)
{
    return n_either ? (float)((double)n_both / (double)n_either) : 1;
}

static float compare_logits(const MskMask *a, const MskMask *b, gsize n)
{
    g_autofree float *x = g_new(float, n), *y = g_new(float, n);
    int64_t n_both = 0, n_either = 0;
    msk_mask_get_low_logits(a, x);
    msk_mask_get_low_logits(b, y);
    for (gsize i = 0; i < n; i++) {
        n_both += x[i] > 0 && y[i] > 0;
        n_either += x[i] > 0 || y[i] > 0;
    }
    return compare_counts(n_both, n_either);
}

// IoU; of masks of one grid, on the grid. Empty masks are equal.
static float compare_masks(const MskMask *a, const MskMask *b)
{
    int width[2], height[2];
    msk_mask_get_grid_size(a, &width[0], &height[0]);
    msk_mask_get_grid_size(b, &width[1], &height[1]);
    if (width[0] > 0 && width[0] == width[1] && height[0] == height[1])
        return compare_logits(a, b, (gsize)width[0] * (gsize)height[0]);
    int w = msk_mask_get_width(a), h = msk_mask_get_height(a);
    if (msk_mask_get_width(b) != w || msk_mask_get_height(b) != h)
        return -1;
    gsize n = (gsize)w * (gsize)h;
    g_autofree uint8_t *x = g_malloc(n), *y = g_malloc(n);
    int64_t n_both = 0, n_either = 0;
    msk_mask_get_binary(a, x, (size_t)w);
    msk_mask_get_binary(b, y, (size_t)w);
    for (gsize i = 0; i < n; i++) {
        n_both += x[i] && y[i];
        n_either += x[i] || y[i];
    }
    return compare_counts(n_both, n_either);
}

static float compare_far(const RunUnit *part, const MskMask *mask)
{
    if (!part->far_add && !part->far_remove)
        return compare_masks(part->far, mask);
    g_autoptr(MskMask) shown = msk_mask_combine(part->far, part->far_add, part->far_remove);
    return compare_masks(shown, mask);
}

// With what tracking from the other side gave, or with the mask that it comes out beside.
static float find_agreement(const MskTrackRun *run, guint index, const MskResult *result)
{
    const MskSpan *span = &g_array_index(run->units, MskTrackUnit, index).span;
    const RunUnit *part = &run->parts[index];
    const MskMask *other = part->others ? part->others[result->frame - span->first] : NULL;
    if (other)
        return compare_masks(other, result->mask);
    if ((part->far || part->far_add) && result->frame == (span->reverse ? span->first : span->last))
        return compare_far(part, result->mask);
    return -1;
}

// ---- Results (the engine's thread) -------------------------------------------------------------

static guint find_unit(const MskTrackRun *run, int object, int64_t frame)
{
    guint i = run->first_unit[object];
    while (frame > g_array_index(run->units, MskTrackUnit, i).span.last)
        i++;
    return i;
}

static gboolean hand_over_idle(gpointer user);

// With the lock held.
static void attach_source(MskTrackRun *run, int priority)
{
    if (run->source) {
        if (priority < g_source_get_priority(run->source))
            g_source_set_priority(run->source, priority);
        return;
    }
    run->source = g_idle_source_new();
    g_source_set_priority(run->source, priority);
    g_source_set_callback(run->source, hand_over_idle, run, NULL);
    g_source_attach(run->source, run->context);
}

static void tracked_cb(int64_t frame, const MskTracked *tracked, int n, gpointer user)
{
    MskTrackRun *run = user;
    for (int i = 0; i < n; i++) {
        Item *item = g_new(Item, 1);
        MskRect box;
        *item = (Item){find_unit(run, tracked[i].object, frame), msk_result_ref(tracked[i].result)};
        msk_mask_get_bounds(item->result->mask, &box); // measured here: it takes time
        item->agreement = find_agreement(run, item->unit, item->result);
        pthread_mutex_lock(&run->lock);
        g_queue_push_tail(&run->items, item);
        // A batch before drawing: where that takes all the time, nothing would ever be shown.
        attach_source(run, G_PRIORITY_DEFAULT);
        pthread_mutex_unlock(&run->lock);
    }
    msk_job_advance(run->job, 1);
    if (msk_job_is_cancelled(run->job))
        msk_job_cancel(run->stop);
}

static void saved_cb(int span, MskTrackState *state, gpointer user)
{
    MskTrackRun *run = user;
    pthread_mutex_lock(&run->lock);
    g_array_append_vals(run->saved, &(Saved){(guint)span, msk_track_state_ref(state)}, 1);
    pthread_mutex_unlock(&run->lock);
}

// ---- Handing over (the main thread) ------------------------------------------------------------

static Item *pop_item(MskTrackRun *run)
{
    pthread_mutex_lock(&run->lock);
    Item *item = g_queue_pop_head(&run->items);
    pthread_mutex_unlock(&run->lock);
    return item;
}

// Results into the document, for about that time (0: all).
static void hand_over(MskTrackRun *run, int64_t time)
{
    int64_t start = g_get_monotonic_time(), last = -1;
    Item *item = pop_item(run);
    if (!item)
        return;
    gboolean begun = msk_tracker_begin_results(run->tracker);
    while (item) {
        if (begun && run->tracker) {
            const MskTrackUnit *unit = &g_array_index(run->units, MskTrackUnit, item->unit);
            last = item->result->frame;
            msk_tracker_put_result(run->tracker, unit, item->result, item->agreement);
        }
        free_item(item);
        item = time && g_get_monotonic_time() - start > time ? NULL : pop_item(run);
    }
    if (begun && run->tracker)
        msk_tracker_end_results(run->tracker, last);
}

static gboolean hand_over_idle(gpointer user)
{
    MskTrackRun *run = user;
    pthread_mutex_lock(&run->lock);
    GSource *source = g_steal_pointer(&run->source);
    pthread_mutex_unlock(&run->lock);
    g_source_unref(source);
    if (!run->tracker || msk_document_is_open(run->tracker->document))
        return G_SOURCE_REMOVE;
    g_autoptr(MskTracker) alive = g_object_ref(run->tracker);
    hand_over(run, BATCH_TIME);
    pthread_mutex_lock(&run->lock);
    if (run->items.length > 0) // after drawing
        attach_source(run, G_PRIORITY_DEFAULT_IDLE);
    pthread_mutex_unlock(&run->lock);
    return G_SOURCE_REMOVE;
}

// Where spans were left is kept; what is done needs no state any more.
static void keep_states(MskTrackRun *run, MskTrackStates *states, gboolean completed)
{
    for (guint i = 0; completed && i < run->units->len; i++) {
        const MskTrackUnit *unit = &g_array_index(run->units, MskTrackUnit, i);
        msk_track_states_drop(states, unit->object, unit->source);
    }
    for (guint i = 0; i < run->saved->len; i++) {
        const Saved *saved = &g_array_index(run->saved, Saved, i);
        const MskTrackUnit *unit = &g_array_index(run->units, MskTrackUnit, saved->unit);
        msk_track_states_put(states, unit->object, unit->source, saved->state);
    }
}

// All that is left of it, unless its results would become part of somebody else's command.
static void end_run(MskTrackRun *run)
{
    if (run->tracker && msk_document_is_open(run->tracker->document))
        return;
    if (run->tracker) {
        g_autoptr(MskTracker) alive = g_object_ref(run->tracker);
        hand_over(run, 0);
        // A handler may have closed it.
        if (run->tracker) {
            keep_states(run, &run->tracker->states, run->is_completed);
            run->tracker->run = NULL;
            msk_tracker_run_ended(run->tracker, run->is_completed, run->error);
        }
    }
    free_run(run);
}

static void ended_cb(GObject *engine, GAsyncResult *result, gpointer user)
{
    MskTrackRun *run = user;
    run->is_completed = msk_engine_track_finish(MSK_ENGINE(engine), result, &run->error);
    run->is_ended = TRUE;
    end_run(run);
}

void msk_track_run_take_late(MskTrackRun *run)
{
    if (run->is_ended) {
        end_run(run);
        return;
    }
    pthread_mutex_lock(&run->lock);
    if (run->items.length > 0)
        attach_source(run, G_PRIORITY_DEFAULT);
    pthread_mutex_unlock(&run->lock);
}

// ---- Starting ----------------------------------------------------------------------------------

static void ref_others(MskTrackRun *run, guint index, MskMasklet *masklet)
{
    const MskTrackUnit *unit = &g_array_index(run->units, MskTrackUnit, index);
    const MskSpan *span = &unit->span;
    guint64 other = msk_masklet_get_source(masklet, span->first, !span->reverse);
    if (!other)
        return;
    MskMask **masks = g_new0(MskMask *, span->last - span->first + 1);
    for (int64_t frame = span->first; frame <= span->last; frame++) {
        MskFrameState state;
        msk_masklet_get_frame(masklet, frame, &state);
        if (state.track && state.track->source == other)
            masks[frame - span->first] = msk_mask_ref(state.track->result->mask);
    }
    run->parts[index].others = masks;
}

static void ref_far(MskTrackRun *run, guint index, MskMasklet *masklet)
{
    const MskSpan *span = &g_array_index(run->units, MskTrackUnit, index).span;
    RunUnit *part = &run->parts[index];
    if (span->n_anchors < 2 ||
        span->anchors[1] != (span->reverse ? span->first - 1 : span->last + 1))
        return;
    MskFrameState state;
    msk_masklet_get_frame(masklet, span->anchors[1], &state);
    if (state.track)
        part->far = msk_mask_ref(state.track->result->mask);
    if (state.paint && state.paint->add)
        part->far_add = msk_mask_ref(state.paint->add);
    if (state.paint && state.paint->remove && part->far)
        part->far_remove = msk_mask_ref(state.paint->remove);
}

typedef struct Anchors {
    GPtrArray *results, *add, *remove;
} Anchors;

// The anchor as it is, and its strokes. Where strokes are all there is, an empty mask.
static void add_anchor(Anchors *anchors, MskDocument *document, MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    MskResult *result = state.track ? msk_result_ref(state.track->result) : NULL;
    if (!result || result->frame != frame) { // a keyframe that was copied
        MskResult *moved = g_new0(MskResult, 1);
        moved->n_refs = 1;
        moved->frame = frame;
        moved->mask = result ? msk_mask_ref(result->mask)
                             : msk_mask_new_empty(msk_document_get_width(document),
                                                  msk_document_get_height(document));
        msk_result_unref(result);
        result = moved;
    }
    g_ptr_array_add(anchors->results, result);
    g_ptr_array_add(anchors->add, state.paint ? state.paint->add : NULL);
    g_ptr_array_add(anchors->remove, state.paint ? state.paint->remove : NULL);
}

// The anchors that an object's units name, each once.
static void collect_anchors(Anchors *anchors, MskTracker *tracker, const MskTrackRun *run,
                            int object)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    for (guint i = run->first_unit[object]; i < run->first_unit[object + 1]; i++) {
        MskTrackUnit *unit = &g_array_index(run->units, MskTrackUnit, i);
        MskMasklet *masklet = msk_document_find_object(tracker->document, unit->object);
        for (int k = 0; k < unit->span.n_anchors; k++)
            if (g_hash_table_add(seen, &unit->span.anchors[k]))
                add_anchor(anchors, tracker->document, masklet, unit->span.anchors[k]);
    }
}

// Numbers the objects from 0 and finds their units.
static int number_objects(MskTrackRun *run)
{
    int n = 0;
    run->first_unit = g_new0(guint, run->units->len + 1);
    for (guint i = 0; i < run->units->len; i++) {
        MskTrackUnit *unit = &g_array_index(run->units, MskTrackUnit, i);
        if (i == 0 || unit[-1].object != unit->object)
            run->first_unit[n++] = i;
        unit->span.object = n - 1;
    }
    run->first_unit[n] = run->units->len;
    return n;
}

static void send_request(MskTracker *tracker, MskTrackRun *run, int n_objects)
{
    guint n = run->units->len;
    g_autofree MskSpan *spans = g_new(MskSpan, n);
    g_autofree MskTrackState **states = g_new(MskTrackState *, n);
    g_autofree MskTrackObject *objects = g_new0(MskTrackObject, n_objects);
    g_autofree Anchors *anchors = g_new(Anchors, n_objects);
    for (guint i = 0; i < n; i++) {
        spans[i] = g_array_index(run->units, MskTrackUnit, i).span;
        states[i] = g_array_index(run->units, MskTrackUnit, i).state;
    }
    for (int i = 0; i < n_objects; i++) {
        anchors[i].results = g_ptr_array_new_with_free_func((GDestroyNotify)msk_result_unref);
        anchors[i].add = g_ptr_array_new();
        anchors[i].remove = g_ptr_array_new();
        collect_anchors(&anchors[i], tracker, run, i);
        objects[i] = (MskTrackObject){
            (MskResult *const *)anchors[i].results->pdata, (int)anchors[i].results->len,
            (MskMask *const *)anchors[i].add->pdata, (MskMask *const *)anchors[i].remove->pdata};
    }
    MskTrackRequest request = {.video = tracker->video,
                               .objects = objects,
                               .n_objects = n_objects,
                               .spans = spans,
                               .n_spans = (int)n,
                               .states = states,
                               .func = tracked_cb,
                               .saved = saved_cb,
                               .user = run,
                               .job = run->stop};
    msk_engine_track_async(tracker->engine, &request, ended_cb, run);
    for (int i = 0; i < n_objects; i++) {
        g_ptr_array_unref(anchors[i].results);
        g_ptr_array_unref(anchors[i].add);
        g_ptr_array_unref(anchors[i].remove);
    }
}

MskTrackRun *msk_track_run_start(MskTracker *tracker, const GArray *units, const MskTrackWant *want,
                                 MskJob *job)
{
    MskTrackRun *run = g_new0(MskTrackRun, 1);
    run->tracker = tracker;
    run->units = g_array_copy((GArray *)units);
    run->parts = g_new0(RunUnit, units->len);
    run->stop = msk_job_new();
    run->job = msk_job_ref(job);
    run->context = g_main_context_ref_thread_default();
    run->saved = g_array_new(FALSE, FALSE, sizeof(Saved));
    pthread_mutex_init(&run->lock, NULL);
    g_queue_init(&run->items);
    int n_objects = number_objects(run);
    for (guint i = 0; i < units->len; i++) {
        const MskTrackUnit *unit = &g_array_index(units, MskTrackUnit, i);
        MskMasklet *masklet = msk_document_find_object(tracker->document, unit->object);
        if (want->direction != MSK_DIRECTION_BOTH)
            ref_others(run, i, masklet);
        ref_far(run, i, masklet);
    }
    send_request(tracker, run, n_objects);
    return run;
}

const GArray *msk_track_run_get_units(const MskTrackRun *run)
{
    return run->units;
}

void msk_track_run_cancel(MskTrackRun *run)
{
    msk_job_cancel(run->stop);
}

void msk_track_run_leave(MskTrackRun *run)
{
    run->tracker = NULL;
    msk_job_cancel(run->stop);
    if (run->is_ended)
        end_run(run);
}
