// SPDX-License-Identifier: Apache-2.0
// MskTracker: asks the engine for what a document needs: answers to prompts, and tracked spans.
//
// Main thread. Prompts are answered in the order of the clicks; tracking runs as one job at a time
// and restarts by itself, where it stopped, when an edit touches what it works on.
#pragma once

#include "app/document.h"
#include "app/job.h"

G_BEGIN_DECLS

#define MSK_TYPE_TRACKER (msk_tracker_get_type())
// Signals:
//   "prompt-answered" (MskMasklet *, gint64 frame)
//   "failed" (GError *): a prompt or the tracking failed; what was done before stays
//   "started", "stopped" (gboolean completed): of tracking
//   "tracked" (gint64 frame): results of a frame are in the document (coalesced: the last of a
//   batch)
// Property: "tracking" (boolean).
G_DECLARE_FINAL_TYPE(MskTracker, msk_tracker, MSK, TRACKER, GObject)

// `video` may be set later, and again when the clip's frame count becomes known.
MskTracker *msk_tracker_new(MskDocument *document, MskEngine *engine);
void msk_tracker_set_video(MskTracker *tracker, MskVideo *video);
// Stops all work and lets go of everything; later calls do nothing.
void msk_tracker_close(MskTracker *tracker);

// ---- Prompts -----------------------------------------------------------------------------------

// Sets the prompt as a command `name` and asks the engine; the answer amends that command. An empty
// prompt clears the frame's. FALSE if the frame or object is locked.
gboolean msk_tracker_prompt(MskTracker *tracker, MskMasklet *masklet, const MskPrompt *prompt,
                            const char *name);
// Asks again for prompts that have no result (a project closed before the answer came, a moved
// keyframe, after a model was opened).
void msk_tracker_answer_missing(MskTracker *tracker);
gboolean msk_tracker_is_answering(MskTracker *tracker);

// ---- Tracking ----------------------------------------------------------------------------------

typedef struct MskTrackOptions {
    MskMasklet *const *masklets; // NULL: all that are not locked
    guint n_masklets;
    MskDirection direction;
    int64_t first, last; // frames wanted, both included; last -1: to the end of the clip
    int64_t from;        // where to begin (the playhead): the span there runs first; -1: anywhere
    gboolean again;      // not only what is stale or missing
} MskTrackOptions;

// Frames that tracking would run for these options: 0 means nothing is stale.
int64_t msk_tracker_count(MskTracker *tracker, const MskTrackOptions *options);
// Tracks as one command. FALSE with an error where there is nothing to track from or nothing to do.
gboolean msk_tracker_track(MskTracker *tracker, const MskTrackOptions *options, GError **error);
// Stops after the frame in work; what is done stays. Tracking again goes on from there.
void msk_tracker_stop(MskTracker *tracker);
gboolean msk_tracker_is_tracking(MskTracker *tracker);
// The running job, borrowed; NULL: none.
MskJob *msk_tracker_get_job(MskTracker *tracker);

G_END_DECLS
