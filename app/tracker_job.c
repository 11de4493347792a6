// SPDX-License-Identifier: Apache-2.0
// MskTracker: tracking as a job: plan, run, take results, plan again after edits.
//
// A plan is made, the spans around the playhead run as one request, then what is left of a new
// plan, until nothing is needed. An edit that changes what a running span is tracked from stops the
// request; the states of the spans it had begun are kept, so that those which are still wanted go
// on where they were.
#include "app/tracker_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>

G_DEFINE_QUARK(msk - tracker - error - quark, msk_tracker_error)

static void copy_want(MskTracker *tracker, MskTrackWant *want, const MskTrackOptions *options)
{
    *want = (MskTrackWant){.objects = g_array_new(FALSE, FALSE, sizeof(int64_t)),
                           .direction = options->direction,
                           .first = options->first,
                           .last = options->last,
                           .from = options->from,
                           .again = options->again,
                           .stale_only = options->stale_only && !options->again};
    guint n =
        options->masklets ? options->n_masklets : msk_document_get_n_objects(tracker->document);
    for (guint i = 0; i < n; i++) {
        MskMasklet *masklet = options->masklets ? options->masklets[i]
                                                : msk_document_get_object(tracker->document, i);
        g_array_append_vals(want->objects, &(int64_t){msk_masklet_get_id(masklet)}, 1);
    }
}

// ---- Results -----------------------------------------------------------------------------------

static gboolean was_undone(MskTracker *tracker)
{
    const MskTrackWork *work = tracker->work;
    return work->is_undone ||
           (work->command && !msk_document_has_command(tracker->document, work->command));
}

gboolean msk_tracker_begin_results(MskTracker *tracker)
{
    MskTrackWork *work = tracker->work;
    gboolean can_redo;
    if (!work || was_undone(tracker))
        return FALSE;
    g_object_get(tracker->document, "can-redo", &can_redo, NULL);
    // After an undo a new command would throw away what can be redone.
    if (work->command && (!work->is_opening || can_redo)) {
        tracker->is_editing = msk_document_begin_amending(tracker->document, work->command);
        return tracker->is_editing;
    }
    tracker->is_editing = TRUE;
    work->is_opening = TRUE;
    msk_document_begin(tracker->document, _("Track"));
    return TRUE;
}

void msk_tracker_end_results(MskTracker *tracker, int64_t last_frame)
{
    MskTrackWork *work = tracker->work;
    int64_t command = msk_document_get_command(tracker->document);
    gboolean changed = msk_document_end(tracker->document) != 0;
    tracker->is_editing = FALSE;
    if (work == tracker->work && changed && work->is_opening) {
        work->command = command;
        work->is_opening = FALSE;
    }
    msk_tracker_emit_tracked(tracker, last_frame);
}

static void note_done(MskTrackWork *work, const MskTrackUnit *unit, int64_t frame)
{
    MskCell key = {0, unit->object, (int64_t)unit->source};
    g_hash_table_insert(work->done, g_memdup2(&key, sizeof key), g_memdup2(&frame, sizeof frame));
}

static gboolean same_result(const MskResult *a, const MskResult *b)
{
    return a->object_score == b->object_score && a->iou == b->iou && a->model == b->model &&
           msk_mask_equal(a->mask, b->mask);
}

void msk_tracker_put_result(MskTracker *tracker, const MskTrackUnit *unit, MskResult *result,
                            float agreement)
{
    MskTrackWork *work = tracker->work;
    MskFrameState state;
    if (!work || !msk_tracker_is_current(tracker, unit))
        return; // outdated
    note_done(work, unit, result->frame);
    MskMasklet *masklet = msk_document_find_object(tracker->document, unit->object);
    msk_masklet_get_frame(masklet, result->frame, &state);
    if (state.track && state.track->source == unit->source && agreement < 0 &&
        same_result(state.track->result, result))
        return; // passed by again
    // On the way to what is wanted; what came from the other side is as good.
    if (state.track && work->want.direction == MSK_DIRECTION_BOTH && !work->want.again &&
        state.track->source == msk_masklet_get_source(masklet, result->frame, !unit->span.reverse))
        return;
    msk_document_set_track(tracker->document, masklet, result->frame, result, unit->source,
                           agreement);
}

// ---- Ending ------------------------------------------------------------------------------------

static void free_work(MskTrackWork *work)
{
    g_clear_handle_id(&work->quiet_source, g_source_remove);
    g_signal_handler_disconnect(msk_job_get_cancellable(work->job), work->cancelled_id);
    msk_job_unref(work->job);
    g_array_unref(work->want.objects);
    g_hash_table_unref(work->done);
    g_hash_table_unref(work->renewed);
    g_hash_table_unref(work->sources);
    g_free(work);
}

void msk_tracker_drop_work(MskTracker *tracker)
{
    msk_tracker_drop_renewals(tracker);
    g_clear_pointer(&tracker->work, free_work);
}

static void finish(MskTracker *tracker, gboolean completed)
{
    MskProgress progress;
    msk_job_get_progress(tracker->work->job, &progress);
    if (completed)
        msk_job_set_total(tracker->work->job, progress.done);
    msk_tracker_drop_work(tracker);
    msk_tracker_emit_stopped(tracker, completed);
}

static void fail(MskTracker *tracker, const GError *error)
{
    g_autoptr(GError) failure = g_error_copy(error);
    tracker->failure = g_error_copy(error);
    finish(tracker, FALSE);
    msk_tracker_emit_failed(tracker, failure);
}

void msk_tracker_run_ended(MskTracker *tracker, gboolean completed, GError *error)
{
    if (!tracker->work)
        return;
    if (g_error_matches(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_STATE)) {
        msk_track_states_clear(&tracker->states); // from the anchors, then
    } else if (!completed && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        fail(tracker, error);
        return;
    }
    msk_tracker_advance(tracker);
}

void msk_tracker_stop(MskTracker *tracker)
{
    MskTrackWork *work = tracker->work;
    if (!work || work->is_stopping)
        return;
    work->is_stopping = TRUE;
    msk_job_cancel(work->job);
    if (tracker->run)
        msk_track_run_cancel(tracker->run);
    else
        finish(tracker, FALSE);
}

static gboolean stop_idle(gpointer user)
{
    MskTracker *tracker = user;
    if (tracker->work && msk_job_is_cancelled(tracker->work->job))
        msk_tracker_stop(tracker);
    return G_SOURCE_REMOVE;
}

// On the thread that cancels.
static void cancelled_cb(GCancellable *cancellable, MskTracker *tracker)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, stop_idle, g_object_ref(tracker), g_object_unref);
}

// ---- Going on ----------------------------------------------------------------------------------

// The spans at the playhead, or all if there is none.
static GArray *pick_units(const GArray *units, int64_t from)
{
    GArray *near = g_array_new(FALSE, FALSE, sizeof(MskTrackUnit));
    for (guint i = 0; from >= 0 && i < units->len; i++) {
        const MskTrackUnit *unit = &g_array_index(units, MskTrackUnit, i);
        int64_t first = unit->span.first, last = unit->span.last;
        for (int k = 0; k < unit->span.n_anchors; k++) {
            first = MIN(first, unit->span.anchors[k]);
            last = MAX(last, unit->span.anchors[k]);
        }
        if (first <= from && from <= last)
            g_array_append_vals(near, unit, 1);
    }
    if (near->len == 0)
        g_array_append_vals(near, units->data, units->len);
    return near;
}

static gboolean is_awaiting(MskTracker *tracker)
{
    const GArray *objects = tracker->work->want.objects;
    for (guint i = 0; i < objects->len; i++)
        if (msk_tracker_is_awaiting(tracker, g_array_index(objects, int64_t, i)))
            return TRUE;
    return FALSE;
}

// Nothing is left to run: all is done, or prompts without a mask are in the way.
static void finish_or_fail(MskTracker *tracker)
{
    MskTrackWork *work = tracker->work;
    g_autoptr(GArray) units = msk_tracker_plan(tracker, &work->want, work->done, FALSE);
    if (units->len == 0) {
        finish(tracker, TRUE);
        return;
    }
    const MskSpan *span = &g_array_index(units, MskTrackUnit, 0).span;
    g_autoptr(GError) error =
        g_error_new(MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_NO_ANCHOR,
                    _("The prompt beside frame %" PRId64
                      " has no mask, so nothing can be tracked from it: click there again."),
                    span->reverse ? span->last : span->first);
    fail(tracker, error);
}

void msk_tracker_advance(MskTracker *tracker)
{
    MskTrackWork *work = tracker->work;
    if (!work || tracker->run)
        return;
    if (work->is_stopping) {
        finish(tracker, FALSE);
        return;
    }
    if (!work->is_quiet || !tracker->video || is_awaiting(tracker))
        return;
    g_autoptr(GArray) units = msk_tracker_plan(tracker, &work->want, work->done, TRUE);
    if (units->len == 0) {
        finish_or_fail(tracker);
        return;
    }
    work->is_opening |= work->splits;
    work->splits = FALSE;
    g_autoptr(GArray) picked = pick_units(units, work->want.from);
    if (msk_tracker_renew_anchors(tracker, picked))
        return;
    MskProgress progress;
    msk_job_get_progress(work->job, &progress);
    msk_job_set_total(work->job, progress.done + msk_tracker_count_units(units));
    tracker->run = msk_track_run_start(tracker, picked, &work->want, work->job);
}

static gboolean quiet_cb(gpointer user)
{
    MskTracker *tracker = user;
    tracker->work->quiet_source = 0;
    tracker->work->is_quiet = TRUE;
    msk_tracker_advance(tracker);
    return G_SOURCE_REMOVE;
}

// Sources that an object's spans have now.
static GHashTable *list_sources(MskMasklet *masklet)
{
    GHashTable *sources = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    const GArray *anchors = msk_masklet_get_anchors(masklet);
    for (guint i = 0; i < anchors->len; i++) {
        for (int side = -1; side <= 1; side += 2) {
            int64_t frame = g_array_index(anchors, int64_t, i) + side;
            for (int reverse = 0; reverse < 2 && frame >= 0; reverse++) {
                guint64 source = msk_masklet_get_source(masklet, frame, reverse);
                g_hash_table_add(sources, g_memdup2(&source, sizeof source));
            }
        }
    }
    return sources;
}

static guint64 add_sources(GHashTable *sources)
{
    GHashTableIter iter;
    gpointer key;
    guint64 sum = g_hash_table_size(sources);
    g_hash_table_iter_init(&iter, sources);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        sum += *(guint64 *)key;
    return sum;
}

// Notes the sources of an object. TRUE if they are not what was noted before.
static gboolean note_sources(MskTrackWork *work, int64_t id, GHashTable *sources)
{
    guint64 sum = add_sources(sources), *noted = g_hash_table_lookup(work->sources, &id);
    if (noted && *noted == sum)
        return FALSE;
    g_hash_table_insert(work->sources, g_memdup2(&id, sizeof id), g_memdup2(&sum, sizeof sum));
    return TRUE;
}

void msk_tracker_check_object(MskTracker *tracker, MskMasklet *masklet)
{
    MskTrackWork *work = tracker->work;
    int64_t id = msk_masklet_get_id(masklet);
    if (!work || !g_hash_table_contains(work->sources, &id))
        return;
    g_autoptr(GHashTable) sources = list_sources(masklet);
    if (!note_sources(work, id, sources))
        return;
    work->splits = work->command != 0;
    // What was done from what is no more is forgotten: by undo it may come back, and other masks
    // with it.
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, work->done);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        MskCell *cell = key;
        if (cell->object == id && !g_hash_table_contains(sources, &cell->frame))
            g_hash_table_iter_remove(&iter);
    }
}

void msk_tracker_restart(MskTracker *tracker)
{
    MskTrackWork *work = tracker->work;
    // Edits come in bursts: wait for their end.
    g_clear_handle_id(&work->quiet_source, g_source_remove);
    work->is_quiet = tracker->quiet_ms == 0;
    if (!work->is_quiet)
        work->quiet_source = g_timeout_add(tracker->quiet_ms, quiet_cb, tracker);
    if (tracker->run)
        msk_track_run_cancel(tracker->run);
    else
        msk_tracker_advance(tracker);
}

void msk_tracker_check_work(MskTracker *tracker)
{
    if (!tracker->work || tracker->work->is_stopping)
        return;
    if (was_undone(tracker)) {
        tracker->work->is_undone = TRUE;
        msk_tracker_stop(tracker);
        return;
    }
    const GArray *units = tracker->run ? msk_track_run_get_units(tracker->run) : NULL;
    for (guint i = 0; units && i < units->len; i++) {
        if (!msk_tracker_is_current(tracker, &g_array_index(units, MskTrackUnit, i))) {
            msk_tracker_restart(tracker);
            return;
        }
    }
}

// ---- For the user ------------------------------------------------------------------------------

// Whether there are objects wanted, and all of them are locked.
static gboolean is_locked(MskTracker *tracker, const MskTrackWant *want)
{
    gboolean any = FALSE;
    for (guint i = 0; i < want->objects->len; i++) {
        int64_t id = g_array_index(want->objects, int64_t, i);
        MskMasklet *masklet = msk_document_find_object(tracker->document, id);
        if (masklet && !msk_masklet_get_info(masklet)->locked)
            return FALSE;
        any |= masklet != NULL;
    }
    return any;
}

static gboolean has_anchor(MskTracker *tracker, const MskTrackWant *want)
{
    for (guint i = 0; i < want->objects->len; i++) {
        int64_t id = g_array_index(want->objects, int64_t, i);
        MskMasklet *masklet = msk_document_find_object(tracker->document, id);
        if (masklet && !msk_masklet_get_info(masklet)->locked &&
            msk_masklet_get_anchors(masklet)->len > 0)
            return TRUE;
    }
    return FALSE;
}

// Whether another model made masks of the objects. Looks beside anchors, where they begin.
static gboolean has_foreign(MskTracker *tracker, const MskTrackWant *want)
{
    guint64 model = msk_engine_get_model(tracker->engine);
    for (guint i = 0; i < want->objects->len; i++) {
        int64_t id = g_array_index(want->objects, int64_t, i);
        MskMasklet *masklet = msk_document_find_object(tracker->document, id);
        const GArray *anchors = masklet ? msk_masklet_get_anchors(masklet) : NULL;
        for (guint k = 0; anchors && k < 3 * anchors->len; k++) {
            MskFrameState state;
            msk_masklet_get_frame(masklet, g_array_index(anchors, int64_t, k / 3) + k % 3 - 1,
                                  &state);
            guint64 made = state.track ? state.track->result->model : 0;
            if (made && model && made != model)
                return TRUE;
        }
    }
    return FALSE;
}

int64_t msk_tracker_count(MskTracker *tracker, const MskTrackOptions *options)
{
    MskTrackWant want;
    if (tracker->is_closed)
        return 0;
    copy_want(tracker, &want, options);
    g_autoptr(GArray) objects = want.objects;
    g_autoptr(GArray) units = msk_tracker_plan(tracker, &want, NULL, FALSE);
    return msk_tracker_count_units(units);
}

static gboolean check_start(MskTracker *tracker, const MskTrackWant *want, GError **error)
{
    if (tracker->is_closed || !tracker->video) {
        g_set_error_literal(error, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_NOT_READY,
                            _("The clip is still being opened; track when it is there."));
        return FALSE;
    }
    if (tracker->work) {
        g_set_error_literal(error, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_BUSY,
                            _("Tracking is already under way; stop it first."));
        return FALSE;
    }
    if (is_locked(tracker, want)) {
        g_set_error_literal(
            error, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_LOCKED,
            _("What is to be tracked is locked; unlock the object in the list first."));
        return FALSE;
    }
    if (!has_anchor(tracker, want)) {
        g_set_error_literal(
            error, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_NO_ANCHOR,
            _("There is nothing to track from: click on the object on any frame, or "
              "paint it."));
        return FALSE;
    }
    g_autoptr(GArray) units = msk_tracker_plan(tracker, want, NULL, FALSE);
    if (units->len == 0) {
        g_set_error_literal(
            error, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_NOTHING,
            want->stale_only ? _("Nothing is stale: all that was tracked is up to date.")
            : has_foreign(tracker, want)
                ? _("Nothing is left to track: all masks are up to date. Some are another model's; "
                    "tracking also what is up to date makes them anew.")
                : _("Nothing is left to track: all masks are up to date."));
        return FALSE;
    }
    return TRUE;
}

gboolean msk_tracker_track(MskTracker *tracker, const MskTrackOptions *options, GError **error)
{
    MskTrackWant want;
    copy_want(tracker, &want, options);
    if (!check_start(tracker, &want, error)) {
        g_array_unref(want.objects);
        return FALSE;
    }
    MskTrackWork *work = g_new0(MskTrackWork, 1);
    work->job = msk_job_new();
    work->want = want;
    work->is_quiet = TRUE;
    work->done = g_hash_table_new_full(msk_cell_hash, msk_cell_equal, g_free, g_free);
    work->renewed = g_hash_table_new_full(msk_cell_hash, msk_cell_equal, g_free, NULL);
    work->cancelled_id = g_signal_connect(msk_job_get_cancellable(work->job), "cancelled",
                                          G_CALLBACK(cancelled_cb), tracker);
    work->sources = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    for (guint i = 0; i < want.objects->len; i++) {
        int64_t id = g_array_index(want.objects, int64_t, i);
        MskMasklet *masklet = msk_document_find_object(tracker->document, id);
        g_autoptr(GHashTable) sources = masklet ? list_sources(masklet) : NULL;
        if (sources)
            note_sources(work, id, sources);
    }
    tracker->work = work;
    g_clear_error(&tracker->failure);
    msk_tracker_answer_missing(tracker);
    msk_job_start(work->job, msk_tracker_count(tracker, options));
    msk_tracker_emit_started(tracker);
    msk_tracker_advance(tracker);
    return TRUE;
}

gboolean msk_tracker_is_tracking(MskTracker *tracker)
{
    return tracker->work != NULL;
}

const GError *msk_tracker_get_failure(MskTracker *tracker)
{
    return tracker->failure;
}

MskJob *msk_tracker_get_job(MskTracker *tracker)
{
    return tracker->work ? tracker->work->job : NULL;
}
