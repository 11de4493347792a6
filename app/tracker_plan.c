// SPDX-License-Identifier: Apache-2.0
// MskTracker: what has to run for what is wanted, from the document's anchors and masks.
#include "app/tracker_private.h"

gboolean msk_tracker_is_answered(MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    return !state.prompt || (state.track && state.track->source == 0);
}

// Whether a span can be tracked from these anchors.
static gboolean is_ready(MskMasklet *masklet, const MskSpan *span)
{
    for (int k = 0; k < span->n_anchors; k++)
        if (!msk_tracker_is_answered(masklet, span->anchors[k]))
            return FALSE;
    return TRUE;
}

// ---- Frames that are needed --------------------------------------------------------------------

// The first and last frame found so far; first > last: none.
typedef struct Need {
    MskMasklet *masklet;
    int64_t first, last;
} Need;

// Adds frames, but for locked ones.
static void add_need(Need *need, int64_t first, int64_t last)
{
    const GArray *locks = msk_masklet_get_locks(need->masklet);
    for (guint i = 0; i < locks->len; i++) {
        const MskInterval *lock = &g_array_index(locks, MskInterval, i);
        if (lock->first <= first && first <= lock->last)
            first = lock->last + 1;
    }
    for (guint i = locks->len; i-- > 0;) {
        const MskInterval *lock = &g_array_index(locks, MskInterval, i);
        if (lock->first <= last && last <= lock->last)
            last = lock->first - 1;
    }
    if (first > last)
        return;
    need->first = MIN(need->first, first);
    need->last = MAX(need->last, last);
}

// Frames with an up-to-date mask: needed where it came from the other side.
static void add_other_side(Need *need, const MskRun *run, guint64 source)
{
    for (int64_t frame = run->first; frame <= run->last; frame++) {
        MskFrameState state;
        msk_masklet_get_frame(need->masklet, frame, &state);
        if (!state.track || state.track->source != source)
            add_need(need, frame, frame);
    }
}

static void add_run(Need *need, const MskRun *run, const MskTrackWant *want, guint64 source)
{
    const gboolean is_stale = (run->flags & MSK_FRAME_STALE) != 0;
    const gboolean is_missing = !(run->flags & MSK_FRAME_HAS_MASK) && !want->stale_only;
    if (want->again || is_missing || is_stale)
        add_need(need, run->first, run->last);
    else if (want->direction != MSK_DIRECTION_BOTH)
        add_other_side(need, run, source);
}

static void find_need(Need *need, const MskTrackWant *want, guint64 source, int64_t first,
                      int64_t last)
{
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
    if (first > last)
        return;
    msk_masklet_get_runs(need->masklet, first, last, runs);
    for (guint i = 0; i < runs->len; i++) {
        const MskRun *run = &g_array_index(runs, MskRun, i);
        if (!want->stale_only)
            add_need(need, first, run->first - 1); // nothing is there
        add_run(need, run, want, source);
        first = run->last + 1;
    }
    if (!want->stale_only)
        add_need(need, first, last);
}

// ---- Units -------------------------------------------------------------------------------------

typedef struct Plan {
    MskTracker *tracker;
    const MskTrackWant *want;
    GHashTable *done;
    gboolean ready;
    int64_t first, last, end; // wanted, and the last frame there is
    GArray *units;
} Plan;

// Makes the span what remains of it, from the state if it can go on there.
static void trim_span(MskTrackUnit *unit, const Need *need)
{
    MskSpan *span = &unit->span;
    int64_t next = unit->state ? msk_track_state_get_next(unit->state) : -1;
    if (span->reverse) {
        if (unit->state && next >= need->last && next <= span->last)
            span->last = next;
        else
            unit->state = NULL;
        span->first = need->first;
    } else {
        if (unit->state && next <= need->first && next >= span->first)
            span->first = next;
        else
            unit->state = NULL;
        span->last = need->last;
    }
}

static void plan_span(Plan *plan, MskMasklet *masklet, const MskSpan *span)
{
    int64_t id = msk_masklet_get_id(masklet);
    guint64 source = msk_masklet_get_source(masklet, span->first, span->reverse);
    int64_t first = MAX(span->first, plan->first), last = MIN(span->last, plan->last);
    MskCell key = {0, id, (int64_t)source};
    const int64_t *done = plan->done ? g_hash_table_lookup(plan->done, &key) : NULL;
    if (done && span->reverse)
        last = MIN(last, *done - 1);
    else if (done)
        first = MAX(first, *done + 1);
    Need need = {masklet, INT64_MAX, -1};
    find_need(&need, plan->want, source, first, last);
    if (need.first > need.last || (plan->ready && !is_ready(masklet, span)))
        return;
    MskTrackUnit unit = {id, *span, source,
                         msk_track_states_find(&plan->tracker->states, id, source)};
    trim_span(&unit, &need);
    g_array_append_val(plan->units, unit);
}

static void plan_object(Plan *plan, MskMasklet *masklet, int index)
{
    const GArray *anchors = msk_masklet_get_anchors(masklet);
    guint n = anchors->len;
    while (n > 0 && g_array_index(anchors, int64_t, n - 1) > plan->end)
        n--;
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(MskSpan));
    msk_plan_spans(spans, index, (const int64_t *)(void *)anchors->data, (int)n, 0, plan->end,
                   plan->want->direction);
    for (guint i = 0; i < spans->len; i++)
        plan_span(plan, masklet, &g_array_index(spans, MskSpan, i));
}

GArray *msk_tracker_plan(MskTracker *tracker, const MskTrackWant *want, GHashTable *done,
                         gboolean ready)
{
    int64_t n_frames = msk_document_get_n_frames(tracker->document);
    if (tracker->video)
        n_frames = MIN(n_frames, msk_video_get_n_frames(tracker->video));
    Plan plan = {.tracker = tracker,
                 .want = want,
                 .done = done,
                 .ready = ready,
                 .first = MAX(want->first, 0),
                 .end = n_frames - 1,
                 .units = g_array_new(FALSE, FALSE, sizeof(MskTrackUnit))};
    plan.last = want->last < 0 ? plan.end : MIN(want->last, plan.end);
    if (want->from >= 0 && want->direction == MSK_DIRECTION_FORWARD)
        plan.first = MAX(plan.first, want->from);
    if (want->from >= 0 && want->direction == MSK_DIRECTION_BACKWARD)
        plan.last = MIN(plan.last, want->from);
    for (guint i = 0; i < want->objects->len; i++) {
        int64_t id = g_array_index(want->objects, int64_t, i);
        MskMasklet *masklet = msk_document_find_object(tracker->document, id);
        if (masklet && !msk_masklet_get_info(masklet)->locked)
            plan_object(&plan, masklet, (int)i);
    }
    return plan.units;
}

int64_t msk_tracker_count_units(const GArray *units)
{
    g_autofree MskSpan *spans = g_new(MskSpan, units->len + 1);
    for (guint i = 0; i < units->len; i++)
        spans[i] = g_array_index(units, MskTrackUnit, i).span;
    g_autoptr(GPtrArray) segments = msk_plan_passes(spans, (int)units->len);
    return msk_plan_count(segments);
}

gboolean msk_tracker_is_current(MskTracker *tracker, const MskTrackUnit *unit)
{
    MskMasklet *masklet = msk_document_find_object(tracker->document, unit->object);
    return masklet && !msk_masklet_get_info(masklet)->locked &&
           msk_masklet_get_source(masklet, unit->span.first, unit->span.reverse) == unit->source;
}
