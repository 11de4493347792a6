// SPDX-License-Identifier: Apache-2.0
// MskTracker: asks the engine for what a document needs: answers to prompts, and tracked spans.
//
// Main thread. Prompts are answered in the order of the clicks; tracking runs as one job at a time
// and restarts by itself, where it stopped, when an edit touches what it works on.
#pragma once

#include "app/document.h"
#include "app/job.h"

G_BEGIN_DECLS

typedef enum MskTrackerErrorCode {
    MSK_TRACKER_ERROR_NOT_READY, // the clip is not open yet, or no longer
    MSK_TRACKER_ERROR_BUSY,      // it tracks already
    MSK_TRACKER_ERROR_NO_ANCHOR, // there is no mask to track from
    MSK_TRACKER_ERROR_NOTHING,   // nothing is stale or missing
    MSK_TRACKER_ERROR_LOCKED,    // all that could be tracked is locked
} MskTrackerErrorCode;
#define MSK_TRACKER_ERROR (msk_tracker_error_quark())
GQuark msk_tracker_error_quark(void);

#define MSK_TYPE_TRACKER (msk_tracker_get_type())
// Signals:
//   "prompt-answered" (MskMasklet *, gint64 frame)
//   "failed" (GError *): a prompt or the tracking failed; what was done before stays
//   "started", "stopped" (gboolean completed): of tracking
//   "tracked" (gint64 frame): results of a frame are in the document (coalesced: the last of a
//   batch)
// Property: "tracking" (boolean).
G_DECLARE_FINAL_TYPE(MskTracker, msk_tracker, MSK, TRACKER, GObject)

// Keeps references to both.
MskTracker *msk_tracker_new(MskDocument *document, MskEngine *engine);
// `video` may be set later, and again when the clip's frame count becomes known; NULL: none, all
// waits.
void msk_tracker_set_video(MskTracker *tracker, MskVideo *video);
// Stops all work and lets go of everything; later calls do nothing.
void msk_tracker_close(MskTracker *tracker);

// ---- Prompts -----------------------------------------------------------------------------------

// Sets the prompt as a command `name` (inside an open command: as part of it) and asks the engine;
// the answer amends that command. An empty prompt clears the frame's. Points or a box that are
// moved again and again make one command, and only the newest is asked. FALSE if the frame or
// object is locked; a lock that comes before the answer does not keep it out.
//
// What an answer starts from is as in the reference: the first click on a tracked frame from the
// tracked mask, a further point from the answer before it, a moved point from what it started from
// before it moved; all else afresh.
gboolean msk_tracker_prompt(MskTracker *tracker, MskMasklet *masklet, const MskPrompt *prompt,
                            const char *name);
// Asks again for prompts that have no answer: a project closed before it came, no model was open.
// Prompts that lose their answer while the document is open (a moved keyframe, undo) are asked for
// without this.
void msk_tracker_answer_missing(MskTracker *tracker);
gboolean msk_tracker_is_answering(MskTracker *tracker);

// ---- Tracking ----------------------------------------------------------------------------------

typedef struct MskTrackOptions {
    MskMasklet *const *masklets; // NULL: all that are not locked
    guint n_masklets;
    // FORWARD and BACKWARD also track again what was tracked from the other side, and note how far
    // the two agree.
    MskDirection direction;
    int64_t first, last; // frames wanted, both included; last -1: to the end of the clip
    // Where to begin (the playhead): the spans there run first, and FORWARD and BACKWARD want only
    // frames from there on; -1: anywhere.
    int64_t from;
    gboolean again;      // not only what is stale or missing
    gboolean stale_only; // what is stale, not what was never tracked; not with `again`
} MskTrackOptions;

// Frames that tracking would visit for these options: 0 means nothing is stale. Tracking goes from
// an anchor to the frames wanted, or goes on where it was left; what it passes is kept as well.
int64_t msk_tracker_count(MskTracker *tracker, const MskTrackOptions *options);
// Tracks as one command; after an edit that touches what is tracked, as another, so that undo goes
// back over both in turn. Undoing it stops the tracking. Waits for prompts that are being answered.
// FALSE with a MSK_TRACKER_ERROR where there is nothing to track from or nothing to do.
//
// Masks of another model than the open one stay and are no less up to date. Where spans are tracked
// from such anchors, the prompts are asked again first, as part of the command; what was tracked
// from the old answers is stale then. Painted and locked anchors, and given masks, are used as they
// are.
gboolean msk_tracker_track(MskTracker *tracker, const MskTrackOptions *options, GError **error);
// Stops after the frame in work; what is done stays. Tracking again goes on from there. So does
// cancelling the job.
void msk_tracker_stop(MskTracker *tracker);
gboolean msk_tracker_is_tracking(MskTracker *tracker);
// Why the tracking that was stopped last failed, from before "stopped" until it begins anew;
// borrowed. NULL: it did not.
const GError *msk_tracker_get_failure(MskTracker *tracker);
// The running job, borrowed; NULL: none.
MskJob *msk_tracker_get_job(MskTracker *tracker);
// Memory for going on where tracking was left; beyond it the oldest goes, and its span begins at
// its anchor.
#define MSK_TRACKER_STATE_BUDGET ((size_t)256 << 20)
void msk_tracker_set_state_budget(MskTracker *tracker, size_t bytes);

G_END_DECLS
