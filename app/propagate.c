// SPDX-License-Identifier: Apache-2.0
// Tracking the spans of a plan through the engine, one frame a step.
#include "app/engine_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>

struct MskTrackState {
    int n_refs; // atomic
    int64_t next;
    guint generation; // of the model
    GBytes *bytes;    // of msk_core_save_object()
};

// An anchor, and the strokes on it that have not been applied yet.
typedef struct Anchor {
    MskResult *result;
    MskMask *add, *remove; // or NULL
} Anchor;

typedef struct Object {
    Anchor *anchors;
    int n_anchors;
} Object;

struct MskPropagate {
    MskVideo *video;
    Object *objects;
    int n_objects;
    MskSpan *spans;
    int n_spans;
    MskTrackState **states; // n_spans, each may be NULL
    GPtrArray *segments;
    MskTrackFunc func;
    MskTrackSavedFunc saved;
    gpointer user;
    MskJob *job;
    guint generation; // of the model; 0: not begun
    guint segment;    // the current one
    gboolean is_sweeping;
    int64_t next;        // frame of the current segment, while sweeping
    MskTracked *tracked; // scratch, n_objects
};

// ---- Saved states ------------------------------------------------------------------------------

static MskTrackState *make_state(int64_t next, guint generation, GBytes *bytes)
{
    MskTrackState *state = g_new(MskTrackState, 1);
    *state = (MskTrackState){1, next, generation, bytes};
    return state;
}

MskTrackState *msk_track_state_ref(MskTrackState *state)
{
    g_atomic_int_inc(&state->n_refs);
    return state;
}

void msk_track_state_unref(MskTrackState *state)
{
    if (!state || !g_atomic_int_dec_and_test(&state->n_refs))
        return;
    g_bytes_unref(state->bytes);
    g_free(state);
}

int64_t msk_track_state_get_next(const MskTrackState *state)
{
    return state->next;
}

size_t msk_track_state_get_size(const MskTrackState *state)
{
    return sizeof *state + g_bytes_get_size(state->bytes);
}

// ---- A request ---------------------------------------------------------------------------------

// The frame where a span, or what remains of it, begins.
static int64_t begin_of(const MskSpan *span)
{
    return span->reverse ? span->last : span->first;
}

// Slot 0 is for prompts.
static int slot_of(const MskSpan *span)
{
    return span->object + 1;
}

static Anchor *find_anchor(const Object *object, int64_t frame)
{
    for (int i = 0; i < object->n_anchors; i++)
        if (object->anchors[i].result->frame == frame)
            return &object->anchors[i];
    return NULL;
}

static gboolean check_spans(const MskPropagate *propagate, GError **error)
{
    for (int i = 0; i < propagate->n_spans; i++) {
        const MskSpan *span = &propagate->spans[i];
        for (int k = 0; k < span->n_anchors; k++) {
            if (find_anchor(&propagate->objects[span->object], span->anchors[k]))
                continue;
            g_set_error(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_ARGUMENT,
                        _("there is no mask on frame %" PRId64 " to track from"), span->anchors[k]);
            return FALSE;
        }
        if (propagate->states[i] && propagate->states[i]->next != begin_of(span)) {
            g_set_error(
                error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_ARGUMENT,
                _("tracking was left at frame %" PRId64 ", it cannot go on with frame %" PRId64),
                propagate->states[i]->next, begin_of(span));
            return FALSE;
        }
    }
    return TRUE;
}

static void copy_object(Object *out, const MskTrackObject *object)
{
    out->n_anchors = object->n_anchors;
    out->anchors = g_new0(Anchor, object->n_anchors);
    for (int i = 0; i < object->n_anchors; i++) {
        Anchor *anchor = &out->anchors[i];
        anchor->result = msk_result_ref(object->anchors[i]);
        if (object->add && object->add[i])
            anchor->add = msk_mask_ref(object->add[i]);
        if (object->remove && object->remove[i])
            anchor->remove = msk_mask_ref(object->remove[i]);
    }
}

static void clear_object(Object *object)
{
    for (int i = 0; i < object->n_anchors; i++) {
        msk_result_unref(object->anchors[i].result);
        msk_mask_unref(object->anchors[i].add);
        msk_mask_unref(object->anchors[i].remove);
    }
    g_free(object->anchors);
}

MskPropagate *msk_propagate_new(const MskTrackRequest *request, GError **error)
{
    MskPropagate *propagate = g_new0(MskPropagate, 1);
    propagate->video = msk_video_ref(request->video);
    propagate->n_objects = request->n_objects;
    propagate->objects = g_new(Object, request->n_objects);
    for (int i = 0; i < request->n_objects; i++)
        copy_object(&propagate->objects[i], &request->objects[i]);
    propagate->n_spans = request->n_spans;
    propagate->spans = g_memdup2(request->spans, sizeof(MskSpan) * (gsize)request->n_spans);
    propagate->states = g_new0(MskTrackState *, request->n_spans);
    for (int i = 0; request->states && i < request->n_spans; i++)
        if (request->states[i])
            propagate->states[i] = msk_track_state_ref(request->states[i]);
    propagate->segments = msk_plan_passes(propagate->spans, request->n_spans);
    propagate->func = request->func;
    propagate->saved = request->saved;
    propagate->user = request->user;
    propagate->job = request->job ? msk_job_ref(request->job) : NULL;
    propagate->tracked = g_new0(MskTracked, request->n_objects);
    if (!check_spans(propagate, error)) {
        msk_propagate_free(propagate);
        return NULL;
    }
    return propagate;
}

void msk_propagate_free(MskPropagate *propagate)
{
    for (int i = 0; i < propagate->n_objects; i++)
        clear_object(&propagate->objects[i]);
    for (int i = 0; i < propagate->n_spans; i++)
        msk_track_state_unref(propagate->states[i]);
    g_free(propagate->states);
    g_free(propagate->objects);
    g_free(propagate->spans);
    g_ptr_array_unref(propagate->segments);
    msk_job_unref(propagate->job);
    msk_video_unref(propagate->video);
    g_free(propagate->tracked);
    g_free(propagate);
}

// The anchor's mask with its strokes, as a result that is nothing but that mask.
static void apply_strokes(Anchor *anchor)
{
    MskResult *painted = g_new0(MskResult, 1);
    painted->n_refs = 1;
    painted->frame = anchor->result->frame;
    painted->mask = msk_mask_combine(anchor->result->mask, anchor->add, anchor->remove);
    msk_result_unref(anchor->result);
    anchor->result = painted;
    g_clear_pointer(&anchor->add, msk_mask_unref);
    g_clear_pointer(&anchor->remove, msk_mask_unref);
}

// Prepares the next anchor that the segment needs and the model cannot use as it is. *more is FALSE
// if there is none any more.
static gboolean prepare_anchor(MskPropagate *propagate, MskCore *core, const MskSegment *segment,
                               gboolean *more, GError **error)
{
    *more = FALSE;
    for (int i = 0; i < segment->n_spans && !*more; i++) {
        const MskSpan *span = &propagate->spans[segment->spans[i]];
        if (segment->from != begin_of(span) || propagate->states[segment->spans[i]])
            continue;
        for (int k = 0; k < span->n_anchors && !*more; k++) {
            Anchor *anchor = find_anchor(&propagate->objects[span->object], span->anchors[k]);
            if (anchor->add || anchor->remove)
                apply_strokes(anchor);
            if (msk_core_is_prepared(core, anchor->result))
                continue;
            MskResult *made =
                msk_core_prepare_anchor(core, propagate->video, anchor->result, error);
            if (!made)
                return FALSE;
            msk_result_unref(anchor->result);
            anchor->result = made;
            *more = TRUE;
        }
    }
    return TRUE;
}

static gboolean enter_span(MskPropagate *propagate, MskCore *core, int index, GError **error)
{
    const MskSpan *span = &propagate->spans[index];
    MskTrackState *state = propagate->states[index];
    if (state && state->generation != propagate->generation) {
        g_set_error_literal(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_STATE,
                            _("another model was opened since tracking was left"));
        return FALSE;
    }
    if (state)
        return msk_core_restore_object(core, propagate->video, slot_of(span), state->bytes, error);
    MskResult *anchors[2] = {NULL};
    for (int k = 0; k < span->n_anchors; k++)
        anchors[k] = find_anchor(&propagate->objects[span->object], span->anchors[k])->result;
    return msk_core_set_anchors(core, propagate->video, slot_of(span), anchors, span->n_anchors,
                                error);
}

// An object enters its span with its anchors and no other memory, or with what was saved; who is in
// no span leaves.
static gboolean enter_spans(MskPropagate *propagate, MskCore *core, const MskSegment *segment,
                            GError **error)
{
    g_autofree gboolean *stays = g_new0(gboolean, propagate->n_objects);
    for (int i = 0; i < segment->n_spans; i++)
        stays[propagate->spans[segment->spans[i]].object] = TRUE;
    for (int i = 0; i < propagate->n_objects; i++)
        if (!stays[i])
            msk_core_drop_object(propagate->video, i + 1);
    for (int i = 0; i < segment->n_spans; i++)
        if (segment->from == begin_of(&propagate->spans[segment->spans[i]]) &&
            !enter_span(propagate, core, segment->spans[i], error))
            return FALSE;
    return TRUE;
}

static void save_span(MskPropagate *propagate, int index, int64_t next)
{
    GBytes *bytes = msk_core_save_object(propagate->video, slot_of(&propagate->spans[index]), NULL);
    if (!bytes)
        return; // no memory: it will begin at its anchor
    g_autoptr(MskTrackState) state = make_state(next, propagate->generation, bytes);
    propagate->saved(index, state, propagate->user);
}

// Hands over the states of the spans that were begun and are not finished.
static void save_states(MskPropagate *propagate, const MskCore *core)
{
    if (!propagate->saved || propagate->segment >= propagate->segments->len ||
        propagate->generation != msk_core_get_generation(core))
        return;
    const MskSegment *segment = g_ptr_array_index(propagate->segments, propagate->segment);
    int64_t next = propagate->is_sweeping ? propagate->next : segment->from;
    for (int i = 0; i < segment->n_spans; i++) {
        const MskSpan *span = &propagate->spans[segment->spans[i]];
        if (!propagate->is_sweeping && segment->from == begin_of(span))
            continue;
        save_span(propagate, segment->spans[i], next);
    }
}

// Hands over the states of the spans that ended with the segment short of what bounds them.
static void save_ends(MskPropagate *propagate, const MskSegment *segment)
{
    int64_t next = propagate->next;
    if (!propagate->saved || next < 0 || next >= msk_video_get_n_frames(propagate->video))
        return;
    for (int i = 0; i < segment->n_spans; i++) {
        const MskSpan *span = &propagate->spans[segment->spans[i]];
        if (segment->to == (span->reverse ? span->first : span->last) &&
            (span->n_anchors < 2 || span->anchors[1] != next))
            save_span(propagate, segment->spans[i], next);
    }
}

static gboolean start_segment(MskPropagate *propagate, MskCore *core, const MskSegment *segment,
                              GError **error)
{
    g_autofree int *slots = g_new(int, segment->n_spans);
    for (int i = 0; i < segment->n_spans; i++)
        slots[i] = slot_of(&propagate->spans[segment->spans[i]]);
    int64_t n = ABS(segment->to - segment->from) + 1;
    if (!enter_spans(propagate, core, segment, error) ||
        !msk_core_sweep_start(core, propagate->video, segment->from, n, segment->reverse, slots,
                              segment->n_spans, error))
        return FALSE;
    propagate->is_sweeping = TRUE;
    return TRUE;
}

static gboolean deliver(MskPropagate *propagate, MskCore *core, const MskSegment *segment,
                        int64_t frame, GError **error)
{
    int n = 0;
    gboolean done = TRUE;
    for (int i = 0; i < segment->n_spans && done; i++) {
        const MskSpan *span = &propagate->spans[segment->spans[i]];
        MskResult *result = msk_core_read(core, propagate->video, slot_of(span), frame, error);
        done = result != NULL;
        if (done)
            propagate->tracked[n++] = (MskTracked){span->object, result};
    }
    if (done)
        propagate->func(frame, propagate->tracked, n, propagate->user);
    for (int i = 0; i < n; i++)
        msk_result_unref(propagate->tracked[i].result);
    if (done && propagate->job)
        msk_job_advance(propagate->job, 1);
    return done;
}

static gboolean track_frame(MskPropagate *propagate, MskCore *core, const MskSegment *segment,
                            GError **error)
{
    int64_t frame;
    if (!msk_core_sweep_next(propagate->video, &frame, error))
        return FALSE;
    if (!deliver(propagate, core, segment, frame, error))
        return FALSE;
    propagate->next = frame + (segment->reverse ? -1 : 1);
    if (frame == segment->to) {
        save_ends(propagate, segment);
        propagate->is_sweeping = FALSE;
        propagate->segment++;
    }
    return TRUE;
}

static gboolean check_model(MskPropagate *propagate, const MskCore *core, GError **error)
{
    guint generation = msk_core_get_generation(core);
    if (propagate->generation == 0)
        propagate->generation = generation;
    if (propagate->generation == generation)
        return TRUE;
    g_set_error_literal(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL,
                        _("another model was opened while tracking; track again"));
    return FALSE;
}

static void leave(MskPropagate *propagate)
{
    for (int i = 0; i < propagate->n_objects; i++)
        msk_core_drop_object(propagate->video, i + 1);
}

static gboolean step(MskPropagate *propagate, MskCore *core, GError **error)
{
    const MskSegment *segment = g_ptr_array_index(propagate->segments, propagate->segment);
    gboolean more = FALSE;
    if (propagate->job &&
        g_cancellable_set_error_if_cancelled(msk_job_get_cancellable(propagate->job), error))
        return FALSE;
    if (!check_model(propagate, core, error) ||
        (!propagate->is_sweeping && !prepare_anchor(propagate, core, segment, &more, error)))
        return FALSE;
    return more || ((propagate->is_sweeping || start_segment(propagate, core, segment, error)) &&
                    track_frame(propagate, core, segment, error));
}

gboolean msk_propagate_step(MskPropagate *propagate, MskCore *core, gboolean *more, GError **error)
{
    gboolean done = TRUE;
    if (propagate->segment < propagate->segments->len)
        done = step(propagate, core, error);
    if (!done)
        save_states(propagate, core);
    *more = done && propagate->segment < propagate->segments->len;
    if (!*more)
        leave(propagate);
    msk_core_update_stats(propagate->video);
    return done;
}

// ---- As a request ------------------------------------------------------------------------------

static gboolean run_track(MskCore *core, MskRequest *request)
{
    gboolean more;
    GError *error = NULL;
    if (!msk_propagate_step(request->data, core, &more, &error))
        msk_request_return_error(request, error);
    else if (!more)
        msk_request_return_pointer(request, request, NULL);
    return more;
}

void msk_engine_track_async(MskEngine *engine, const MskTrackRequest *request,
                            GAsyncReadyCallback callback, gpointer user)
{
    GError *error = NULL;
    GTask *task = g_task_new(engine, NULL, callback, user);
    MskPropagate *propagate = msk_propagate_new(request, &error);
    if (!propagate) {
        g_task_return_error(task, error);
        g_object_unref(task);
        return;
    }
    msk_engine_push(engine, &(MskRequest){.task = task,
                                          .run = run_track,
                                          .is_job = TRUE,
                                          .data = propagate,
                                          .free_data = (GDestroyNotify)msk_propagate_free});
}

gboolean msk_engine_track_finish(MskEngine *engine, GAsyncResult *result, GError **error)
{
    return msk_engine_propagate(engine, result, error) != NULL;
}
