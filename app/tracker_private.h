// SPDX-License-Identifier: Apache-2.0
// What the tracker's files share.
#pragma once

#include "app/tracker.h"

G_BEGIN_DECLS

// ---- tracker_states.c: where spans were left ---------------------------------------------------

typedef struct MskTrackStates {
    GQueue entries; // the newest first
    size_t size, budget;
} MskTrackStates;

void msk_track_states_put(MskTrackStates *states, int64_t object, guint64 source,
                          MskTrackState *state);
MskTrackState *msk_track_states_find(MskTrackStates *states, int64_t object,
                                     guint64 source); // borrowed
void msk_track_states_drop(MskTrackStates *states, int64_t object, guint64 source);
void msk_track_states_clear(MskTrackStates *states);
void msk_track_states_set_budget(MskTrackStates *states, size_t bytes);

// ---- tracker_prompt.c --------------------------------------------------------------------------

// A prompt of the document that has no answer yet.
typedef struct MskAsk {
    int64_t object, frame;
    MskValue *prompt;
    // What the answer starts from, or NULL. Chained: the mask that is there when it is asked.
    MskResult *previous;
    gboolean is_chained;
    int64_t command;  // that the answer amends; 0: not known
    gboolean waits;   // to be asked; else its prompt is not in the document now
    gboolean is_lost; // failed; asked again by msk_tracker_answer_missing()
    gboolean renews;  // an answer of another model; becomes part of the tracking that needs it
} MskAsk;

// The ask under way.
typedef struct MskAsking MskAsking;

void msk_tracker_init_prompts(MskTracker *tracker);
void msk_tracker_clear_prompts(MskTracker *tracker);
// The frames' prompts may have changed.
void msk_tracker_check_prompts(MskTracker *tracker, MskMasklet *masklet, int64_t first,
                               int64_t last);
void msk_tracker_ask_next(MskTracker *tracker);
// Whether an answer of the object is awaited.
gboolean msk_tracker_is_awaiting(MskTracker *tracker, int64_t object);
// Asks for anchors of the units anew where they are another model's answers to prompts. TRUE if
// there are any; each is asked for once in a work. Others enter by their masks.
gboolean msk_tracker_renew_anchors(MskTracker *tracker, const GArray *units);
// Forgets those that were asked for.
void msk_tracker_drop_renewals(MskTracker *tracker);
// The answer that came while somebody else's command was open.
void msk_tracker_take_late_answer(MskTracker *tracker);

// ---- tracker_plan.c ----------------------------------------------------------------------------

// MskTrackOptions that last.
typedef struct MskTrackWant {
    GArray *objects; // ids, int64_t
    MskDirection direction;
    int64_t first, last, from;
    gboolean again, stale_only;
} MskTrackWant;

// A span as it is to run.
typedef struct MskTrackUnit {
    int64_t object;
    MskSpan span; // what remains of it; its object counts the objects of the plan
    guint64 source;
    MskTrackState *state; // borrowed of the states; NULL: from the anchor
} MskTrackUnit;

// Units (of MskTrackUnit) in the order of objects and frames. `done` (or NULL): cells of objects
// and sources, to the frame up to which they were run. Spans with unanswered prompts are left out
// if `ready`.
GArray *msk_tracker_plan(MskTracker *tracker, const MskTrackWant *want, GHashTable *done,
                         gboolean ready);
// Whether the frame has a prompt whose answer is there, or none.
gboolean msk_tracker_is_answered(MskMasklet *masklet, int64_t frame);
int64_t msk_tracker_count_units(const GArray *units);
// Whether what the unit is tracked from is still there, and may be tracked.
gboolean msk_tracker_is_current(MskTracker *tracker, const MskTrackUnit *unit);

// ---- tracker_run.c: one request to the engine --------------------------------------------------

typedef struct MskTrackRun MskTrackRun;

// Runs units (copied). `job` is advanced.
MskTrackRun *msk_track_run_start(MskTracker *tracker, const GArray *units, const MskTrackWant *want,
                                 MskJob *job);
const GArray *msk_track_run_get_units(const MskTrackRun *run);
void msk_track_run_cancel(MskTrackRun *run);
// Results that came while somebody else's command was open.
void msk_track_run_take_late(MskTrackRun *run);
// The tracker goes; the run ends by itself.
void msk_track_run_leave(MskTrackRun *run);

// ---- tracker_job.c -----------------------------------------------------------------------------

// A call of msk_tracker_track(), from "started" to "stopped".
typedef struct MskTrackWork {
    MskJob *job;
    gulong cancelled_id;
    MskTrackWant want;
    int64_t command;     // the last one made; 0: none
    gboolean splits;     // runs from now on make another command
    gboolean is_opening; // the next results do
    gboolean is_stopping, is_undone;
    GHashTable *done;    // MskCell (object, source) -> int64_t
    GHashTable *renewed; // MskCell of kind PROMPT: anchors that were asked for anew
    GHashTable *sources; // of objects wanted: id -> sum of what their spans are tracked from
    gboolean is_quiet;   // no edit of late that touches it
    guint quiet_source;
} MskTrackWork;

// A batch of results into the document: FALSE if none may come any more.
gboolean msk_tracker_begin_results(MskTracker *tracker);
void msk_tracker_end_results(MskTracker *tracker, int64_t last_frame);
// A result of a unit.
void msk_tracker_put_result(MskTracker *tracker, const MskTrackUnit *unit, MskResult *result,
                            float agreement);
void msk_tracker_run_ended(MskTracker *tracker, gboolean completed, GError *error);
// Goes on with the work if nothing hinders.
void msk_tracker_advance(MskTracker *tracker);
// The document was edited: restarts what it touches.
void msk_tracker_check_work(MskTracker *tracker);
void msk_tracker_check_object(MskTracker *tracker, MskMasklet *masklet); // its frames changed
void msk_tracker_restart(MskTracker *tracker);
void msk_tracker_drop_work(MskTracker *tracker); // without signals

// ---- The object --------------------------------------------------------------------------------

struct _MskTracker {
    GObject parent;
    MskDocument *document;
    MskEngine *engine;
    MskVideo *video; // or NULL
    gboolean is_closed;
    gboolean is_editing; // edits are its own
    guint quiet_ms;      // how long after an edit the spans that it touches wait
    // Prompts
    GQueue asks;       // of MskAsk, oldest first
    MskAsking *asking; // one at a time
    GQueue bases;      // of what answers started from, newest first
    // Tracking
    MskTrackWork *work; // or NULL
    MskTrackRun *run;   // or NULL
    GError *failure;    // of the work that ended last; or NULL
    MskTrackStates states;
};

void msk_tracker_emit_failed(MskTracker *tracker, const GError *error);
void msk_tracker_emit_answered(MskTracker *tracker, MskMasklet *masklet, int64_t frame);
void msk_tracker_emit_tracked(MskTracker *tracker, int64_t frame);
void msk_tracker_emit_started(MskTracker *tracker);
void msk_tracker_emit_stopped(MskTracker *tracker, gboolean completed);

G_END_DECLS
