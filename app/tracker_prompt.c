// SPDX-License-Identifier: Apache-2.0
// MskTracker: prompts, one asked at a time, their answers into the commands that set them.
#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#include "app/tracker_private.h"

#define N_ASKS 256 // of commands that were undone, mostly
#define N_BASES 64

// What the answer to a prompt started from.
typedef struct Base {
    int64_t object, frame;
    MskValue *prompt;
    MskResult *previous; // or NULL
} Base;

struct MskAsking {
    MskTracker *tracker; // reference
    int64_t object, frame;
    int64_t command;
    MskValue *prompt;
    MskResult *previous;
    gboolean renews;
    GCancellable *cancellable;
    // The engine has answered, but somebody else's command is open.
    gboolean is_late;
    MskResult *result;
    GError *error;
};

static void free_ask(gpointer data)
{
    MskAsk *ask = data;
    msk_value_unref(ask->prompt);
    msk_result_unref(ask->previous);
    g_free(ask);
}

static void free_base(gpointer data)
{
    Base *base = data;
    msk_value_unref(base->prompt);
    msk_result_unref(base->previous);
    g_free(base);
}

static void free_asking(MskAsking *asking)
{
    msk_value_unref(asking->prompt);
    msk_result_unref(asking->previous);
    msk_result_unref(asking->result);
    g_clear_error(&asking->error);
    g_object_unref(asking->cancellable);
    g_object_unref(asking->tracker);
    g_free(asking);
}

void msk_tracker_init_prompts(MskTracker *tracker)
{
    g_queue_init(&tracker->asks);
    g_queue_init(&tracker->bases);
}

void msk_tracker_clear_prompts(MskTracker *tracker)
{
    MskAsking *asking = g_steal_pointer(&tracker->asking);
    if (asking && asking->is_late)
        free_asking(asking);
    else if (asking)
        g_cancellable_cancel(asking->cancellable); // it frees itself when the engine has answered
    g_queue_clear_full(&tracker->asks, free_ask);
    g_queue_clear_full(&tracker->bases, free_base);
}

static MskValue *get_cell(MskTracker *tracker, MskCellKind kind, int64_t object, int64_t frame)
{
    MskCell cell = {kind, object, frame};
    return msk_document_get_value(tracker->document, &cell);
}

// ---- What an answer starts from ----------------------------------------------------------------

static const Base *find_base(MskTracker *tracker, int64_t object, int64_t frame,
                             const MskValue *prompt)
{
    for (GList *link = tracker->bases.head; link; link = link->next) {
        const Base *base = link->data;
        if (base->object == object && base->frame == frame && msk_value_equal(base->prompt, prompt))
            return base;
    }
    return NULL;
}

static void add_base(MskTracker *tracker, const MskAsking *asking)
{
    Base *base = g_new(Base, 1);
    *base = (Base){asking->object, asking->frame, msk_value_ref(asking->prompt),
                   asking->previous ? msk_result_ref(asking->previous) : NULL};
    g_queue_push_head(&tracker->bases, base);
    if (tracker->bases.length > N_BASES)
        free_base(g_queue_pop_tail(&tracker->bases));
}

static MskAsk *find_ask(MskTracker *tracker, int64_t object, int64_t frame, const MskValue *prompt)
{
    for (GList *link = tracker->asks.tail; link; link = link->prev) {
        MskAsk *ask = link->data;
        if (ask->object == object && ask->frame == frame && msk_value_equal(ask->prompt, prompt))
            return ask;
    }
    return NULL;
}

static gboolean same_box(const MskPrompt *a, const MskPrompt *b)
{
    return a->has_box == b->has_box && (!a->has_box || memcmp(a->box, b->box, sizeof a->box) == 0);
}

static gboolean same_points(const MskPrompt *a, const MskPrompt *b, guint n)
{
    return a->labels->len >= n && b->labels->len >= n &&
           (n == 0 || // empty arrays have no data
            (memcmp(a->labels->data, b->labels->data, n * sizeof(int)) == 0 &&
             memcmp(a->points->data, b->points->data, 2 * n * sizeof(float)) == 0));
}

// Points were added to `old`, nothing else.
static gboolean has_grown(const MskPrompt *old, const MskPrompt *prompt)
{
    return !old->mask.pixels && prompt->labels->len > old->labels->len && same_box(old, prompt) &&
           same_points(old, prompt, old->labels->len);
}

// The points of both are as many and of the same kind.
static gboolean is_alike(const MskPrompt *old, const MskPrompt *prompt)
{
    return !old->mask.pixels && !prompt->mask.pixels && old->has_box == prompt->has_box &&
           old->labels->len == prompt->labels->len &&
           (old->labels->len == 0 || // empty arrays have no data
            memcmp(old->labels->data, prompt->labels->data, old->labels->len * sizeof(int)) == 0);
}

// The last point, or the box of a prompt without points, is elsewhere, or of the other kind.
static gboolean has_moved_last(const MskPrompt *old, const MskPrompt *prompt)
{
    guint n = prompt->labels->len;
    if (old->mask.pixels || old->labels->len != n || old->has_box != prompt->has_box)
        return FALSE;
    return n == 0 || (same_box(old, prompt) && same_points(old, prompt, n - 1));
}

// As msk_tracker_prompt() has it. `old` is the frame's prompt before, or NULL.
static void choose_previous(MskTracker *tracker, MskAsk *ask, const MskValue *old)
{
    const MskPrompt *prompt = ask->prompt->prompt;
    const Base *base = find_base(tracker, ask->object, ask->frame, ask->prompt);
    if (prompt->mask.pixels)
        return;
    if (base && old) { // it was asked before
        ask->previous = base->previous ? msk_result_ref(base->previous) : NULL;
    } else if (!old || old->prompt->mask.pixels || has_grown(old->prompt, prompt)) {
        ask->is_chained = TRUE;
    } else if (has_moved_last(old->prompt, prompt)) {
        const MskAsk *before = find_ask(tracker, ask->object, ask->frame, old);
        base = find_base(tracker, ask->object, ask->frame, old);
        if (before)
            ask->is_chained = before->is_chained;
        MskResult *previous = before ? before->previous : base ? base->previous : NULL;
        ask->previous = previous ? msk_result_ref(previous) : NULL;
    }
}

// ---- Asking ------------------------------------------------------------------------------------

// Whether the frame has this prompt now, and by this command (which may still be open).
static gboolean is_current(MskTracker *tracker, const MskAsk *ask)
{
    const MskValue *prompt = get_cell(tracker, MSK_CELL_PROMPT, ask->object, ask->frame);
    return prompt && msk_value_equal(ask->prompt, prompt) &&
           (!ask->command || ask->command == msk_document_get_command(tracker->document) ||
            msk_document_has_command(tracker->document, ask->command));
}

// Whether it is to be asked, and can be. A lock does not matter: the prompt is older.
static gboolean is_due(MskTracker *tracker, const MskAsk *ask)
{
    return ask->waits && !ask->is_lost && msk_document_find_object(tracker->document, ask->object);
}

static MskAsk *find_waiting(MskTracker *tracker)
{
    for (GList *link = tracker->asks.head; link; link = link->next)
        if (is_due(tracker, link->data))
            return link->data;
    return NULL;
}

static gboolean is_for(const MskAsking *asking, const MskAsk *ask)
{
    return asking && ask->object == asking->object && ask->frame == asking->frame &&
           ask->command == asking->command && ask->prompt == asking->prompt;
}

static GList *find_link(MskTracker *tracker, const MskAsking *asking)
{
    for (GList *link = tracker->asks.head; link; link = link->next)
        if (is_for(asking, link->data))
            return link;
    return NULL;
}

// Puts the answer into the command of its prompt. FALSE if it cannot go there (now).
static gboolean accept(MskTracker *tracker, const MskAsking *asking, MskResult *result)
{
    MskDocument *document = tracker->document;
    MskMasklet *masklet = msk_document_find_object(document, asking->object);
    // Where the frame was cleared it stays so; the prompt may come back by undo and is asked again.
    if (!masklet || !get_cell(tracker, MSK_CELL_PROMPT, asking->object, asking->frame))
        return FALSE;
    int64_t command = asking->command ? asking->command : msk_document_get_command(document);
    if (command == 0)
        msk_document_begin(document, _("Answer Prompt"));
    else if (!msk_document_begin_amending(document, command))
        return FALSE;
    gboolean done = msk_document_set_answer(document, masklet, asking->frame, result);
    msk_document_end(document);
    return done;
}

// Puts the answer into the command of the tracking that asked for it.
static gboolean accept_renewal(MskTracker *tracker, const MskAsking *asking, MskResult *result)
{
    MskMasklet *masklet = msk_document_find_object(tracker->document, asking->object);
    if (!masklet || !msk_tracker_begin_results(tracker))
        return FALSE;
    gboolean done =
        msk_document_set_track(tracker->document, masklet, asking->frame, result, 0, -1);
    msk_tracker_end_results(tracker, asking->frame);
    return done;
}

static void take_answer(MskTracker *tracker, const MskAsking *asking, MskResult *result)
{
    tracker->is_editing = TRUE;
    gboolean accepted =
        asking->renews ? accept_renewal(tracker, asking, result) : accept(tracker, asking, result);
    tracker->is_editing = FALSE;
    GList *link = find_link(tracker, asking);
    if (link && accepted) {
        free_ask(link->data);
        g_queue_delete_link(&tracker->asks, link);
        add_base(tracker, asking);
    }
    MskMasklet *masklet = msk_document_find_object(tracker->document, asking->object);
    // Nothing is in the way, but the mask was changed by something else since: not asked again.
    if (link && !accepted && masklet)
        ((MskAsk *)link->data)->is_lost = is_current(tracker, link->data);
    if (masklet) {
        gboolean splits = tracker->work && tracker->work->splits;
        msk_tracker_check_object(tracker, masklet);
        if (asking->renews && tracker->work)
            tracker->work->splits = splits; // it is the work's own edit
        msk_tracker_check_prompts(tracker, masklet, asking->frame, asking->frame);
    }
    msk_tracker_check_work(tracker);
    if (masklet && accepted)
        msk_tracker_emit_answered(tracker, masklet, asking->frame);
}

static void take_failure(MskTracker *tracker, const MskAsking *asking, const GError *error)
{
    GList *link = find_link(tracker, asking);
    if (!link)
        return; // outdated
    ((MskAsk *)link->data)->is_lost = TRUE;
    if (asking->renews) // it enters by its mask
        return;
    // What nobody clicked just now waits for a model in silence.
    if (asking->command != 0 ||
        !g_error_matches(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL))
        msk_tracker_emit_failed(tracker, error);
}

static void settle(MskAsking *asking)
{
    MskTracker *tracker = asking->tracker;
    if (!tracker->is_closed) {
        tracker->asking = NULL;
        // A prompt that was moved on meanwhile, within its command, is outdated.
        if (asking->result && find_link(tracker, asking))
            take_answer(tracker, asking, asking->result);
        else if (!asking->result)
            take_failure(tracker, asking, asking->error);
    }
    if (!tracker->is_closed) {
        msk_tracker_ask_next(tracker);
        msk_tracker_advance(tracker);
    }
    free_asking(asking);
}

// Whether the answer would become part of a command that is somebody else's.
static gboolean is_in_the_way(const MskAsking *asking)
{
    MskDocument *document = asking->tracker->document;
    return !asking->tracker->is_closed && msk_document_is_open(document) &&
           (asking->command == 0 || asking->command != msk_document_get_command(document));
}

static void answered_cb(GObject *engine, GAsyncResult *answer, gpointer user)
{
    MskAsking *asking = user;
    asking->result = msk_engine_prompt_finish(MSK_ENGINE(engine), answer, &asking->error);
    asking->is_late = is_in_the_way(asking);
    if (!asking->is_late)
        settle(asking);
}

void msk_tracker_take_late_answer(MskTracker *tracker)
{
    if (tracker->asking && tracker->asking->is_late)
        settle(tracker->asking);
}

void msk_tracker_ask_next(MskTracker *tracker)
{
    MskAsk *ask = tracker->asking || !tracker->video ? NULL : find_waiting(tracker);
    if (!ask)
        return;
    if (ask->is_chained) {
        const MskValue *track = get_cell(tracker, MSK_CELL_RESULT, ask->object, ask->frame);
        ask->is_chained = FALSE;
        ask->previous = track ? msk_result_ref(track->track.result) : NULL;
    }
    MskAsking *asking = g_new0(MskAsking, 1);
    *asking = (MskAsking){.tracker = g_object_ref(tracker),
                          .object = ask->object,
                          .frame = ask->frame,
                          .command = ask->command,
                          .prompt = msk_value_ref(ask->prompt),
                          .previous = ask->previous ? msk_result_ref(ask->previous) : NULL,
                          .renews = ask->renews,
                          .cancellable = g_cancellable_new()};
    tracker->asking = asking;
    msk_engine_prompt_async(tracker->engine, tracker->video, ask->prompt->prompt, ask->previous,
                            asking->cancellable, answered_cb, asking);
}

// ---- What is to be asked -----------------------------------------------------------------------

// A command has one ask of a frame, the newest.
static void add_ask(MskTracker *tracker, MskAsk *ask)
{
    for (GList *link = tracker->asks.head; link; link = link->next) {
        MskAsk *old = link->data;
        if (old->object != ask->object || old->frame != ask->frame || old->command != ask->command)
            continue;
        if (is_for(tracker->asking, old))
            g_cancellable_cancel(tracker->asking->cancellable);
        free_ask(old);
        g_queue_delete_link(&tracker->asks, link);
        break;
    }
    g_queue_push_tail(&tracker->asks, ask);
    for (GList *link = tracker->asks.head; link && tracker->asks.length > N_ASKS;) {
        GList *next = link->next;
        if (!((MskAsk *)link->data)->waits) {
            free_ask(link->data);
            g_queue_delete_link(&tracker->asks, link);
        }
        link = next;
    }
}

// The newest ask that fits the prompt which the frame has now waits, the others do not.
static void check_frame(MskTracker *tracker, MskMasklet *masklet, int64_t frame)
{
    int64_t id = msk_masklet_get_id(masklet);
    const MskValue *prompt = get_cell(tracker, MSK_CELL_PROMPT, id, frame);
    gboolean found = FALSE;
    for (GList *link = tracker->asks.tail; link; link = link->prev) {
        MskAsk *ask = link->data;
        if (ask->object != id || ask->frame != frame)
            continue;
        ask->waits = !found && is_current(tracker, ask);
        found |= ask->waits;
    }
    if (!prompt || found || msk_tracker_is_answered(masklet, frame))
        return;
    MskAsk *ask = g_new0(MskAsk, 1);
    *ask = (MskAsk){.object = id,
                    .frame = frame,
                    .prompt = msk_value_ref((MskValue *)prompt),
                    .is_chained = !prompt->prompt->mask.pixels,
                    .waits = TRUE};
    add_ask(tracker, ask);
}

void msk_tracker_check_prompts(MskTracker *tracker, MskMasklet *masklet, int64_t first,
                               int64_t last)
{
    // Frames that had a prompt, or have one.
    g_autoptr(GArray) frames = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (GList *link = tracker->asks.head; link; link = link->next) {
        const MskAsk *ask = link->data;
        if (ask->object == msk_masklet_get_id(masklet) && ask->frame >= first && ask->frame <= last)
            g_array_append_val(frames, ask->frame);
    }
    const GArray *keyframes = msk_masklet_get_keyframes(masklet);
    for (guint i = 0; i < keyframes->len; i++) {
        int64_t frame = g_array_index(keyframes, int64_t, i);
        if (frame >= first && frame <= last && !msk_tracker_is_answered(masklet, frame))
            g_array_append_val(frames, frame);
    }
    for (guint i = 0; i < frames->len; i++)
        check_frame(tracker, masklet, g_array_index(frames, int64_t, i));
    msk_tracker_ask_next(tracker);
}

gboolean msk_tracker_is_awaiting(MskTracker *tracker, int64_t object)
{
    for (GList *link = tracker->asks.head; link; link = link->next) {
        const MskAsk *ask = link->data;
        if (ask->object == object && is_due(tracker, ask))
            return TRUE;
    }
    return FALSE;
}

// ---- Anchors of another model ------------------------------------------------------------------

// Whether the anchor is another model's answer to points or a box. Where it was painted over or
// locked, the mask is what counts.
static gboolean is_foreign(MskTracker *tracker, MskMasklet *masklet, int64_t frame)
{
    guint64 model = msk_engine_get_model(tracker->engine);
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    if (!state.prompt || state.prompt->mask.pixels || state.paint || !state.track ||
        state.track->source != 0 || (state.flags & MSK_FRAME_LOCKED))
        return FALSE;
    return model && state.track->result->model && state.track->result->model != model;
}

static void renew_anchor(MskTracker *tracker, MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    int64_t id = msk_masklet_get_id(masklet);
    msk_masklet_get_frame(masklet, frame, &state);
    MskAsk *ask = g_new0(MskAsk, 1);
    *ask = (MskAsk){.object = id,
                    .frame = frame,
                    .prompt = msk_value_ref(get_cell(tracker, MSK_CELL_PROMPT, id, frame)),
                    .waits = TRUE,
                    .renews = TRUE};
    // A correction means nothing without what it corrected; the mask that was accepted has it all.
    if (state.track->result->from_mask)
        ask->previous = msk_result_ref(state.track->result);
    add_ask(tracker, ask);
}

gboolean msk_tracker_renew_anchors(MskTracker *tracker, const GArray *units)
{
    gboolean any = FALSE;
    for (guint i = 0; i < units->len; i++) {
        const MskTrackUnit *unit = &g_array_index(units, MskTrackUnit, i);
        MskMasklet *masklet = msk_document_find_object(tracker->document, unit->object);
        for (int k = 0; k < unit->span.n_anchors; k++) {
            MskCell key = {MSK_CELL_PROMPT, unit->object, unit->span.anchors[k]};
            if (!is_foreign(tracker, masklet, key.frame) ||
                !g_hash_table_add(tracker->work->renewed, g_memdup2(&key, sizeof key)))
                continue;
            renew_anchor(tracker, masklet, key.frame);
            any = TRUE;
        }
    }
    msk_tracker_ask_next(tracker);
    return any;
}

void msk_tracker_drop_renewals(MskTracker *tracker)
{
    if (tracker->asking && tracker->asking->renews)
        g_cancellable_cancel(tracker->asking->cancellable);
    for (GList *link = tracker->asks.head; link;) {
        GList *next = link->next;
        if (((MskAsk *)link->data)->renews) {
            free_ask(link->data);
            g_queue_delete_link(&tracker->asks, link);
        }
        link = next;
    }
}

// ---- For the user ------------------------------------------------------------------------------

void msk_tracker_answer_missing(MskTracker *tracker)
{
    if (tracker->is_closed)
        return;
    for (GList *link = tracker->asks.head; link; link = link->next)
        ((MskAsk *)link->data)->is_lost = FALSE;
    for (guint i = 0; i < msk_document_get_n_objects(tracker->document); i++)
        msk_tracker_check_prompts(tracker, msk_document_get_object(tracker->document, i), 0,
                                  INT64_MAX);
}

gboolean msk_tracker_is_answering(MskTracker *tracker)
{
    return tracker->asking || find_waiting(tracker);
}

static void begin_command(MskTracker *tracker, MskMasklet *masklet, const MskValue *old,
                          const MskPrompt *prompt, const char *name)
{
    if (!old || !is_alike(old->prompt, prompt)) {
        msk_document_begin(tracker->document, name);
        return;
    }
    g_autofree char *key =
        g_strdup_printf("prompt %" PRId64 " %" PRId64, msk_masklet_get_id(masklet), prompt->frame);
    msk_document_begin_merging(tracker->document, name, key);
}

gboolean msk_tracker_prompt(MskTracker *tracker, MskMasklet *masklet, const MskPrompt *prompt,
                            const char *name)
{
    if (tracker->is_closed)
        return FALSE;
    int64_t id = msk_masklet_get_id(masklet), frame = prompt->frame;
    MskValue *current = get_cell(tracker, MSK_CELL_PROMPT, id, frame);
    g_autoptr(MskValue) old = current ? msk_value_ref(current) : NULL;
    MskAsk *ask = NULL;
    if (!msk_prompt_is_empty(prompt)) {
        ask = g_new0(MskAsk, 1);
        *ask = (MskAsk){.object = id, .frame = frame, .prompt = msk_value_new_prompt(prompt)};
        choose_previous(tracker, ask, old);
    }
    // What the edit emits finds the ask only when it is there.
    gboolean was_editing = tracker->is_editing;
    tracker->is_editing = TRUE;
    begin_command(tracker, masklet, old, prompt, name);
    gboolean done = msk_document_set_prompt(tracker->document, masklet, frame, prompt);
    int64_t command = msk_document_get_command(tracker->document);
    msk_document_end(tracker->document);
    tracker->is_editing = was_editing;
    if (ask && done && !(old && msk_value_equal(old, ask->prompt))) {
        ask->command = command;
        add_ask(tracker, ask);
    } else if (ask) {
        MskAsk *same = find_ask(tracker, id, frame, ask->prompt);
        if (same)
            same->is_lost = FALSE; // clicking again tries again
        free_ask(ask);
    }
    if (done) {
        msk_tracker_check_object(tracker, masklet);
        msk_tracker_check_prompts(tracker, masklet, frame, frame);
        msk_tracker_check_work(tracker);
    }
    return done;
}
