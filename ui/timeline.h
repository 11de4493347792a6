// SPDX-License-Identifier: Apache-2.0
// MskTimeline: a clip's frames from left to right: ruler, film strip, and one lane per object.
//
// Listens to its session and changes the document, the playhead and the selection by itself. Costs
// what is seen: neither the length of the clip nor the number of objects matters.
//
// Properties: "session" (MskSession), "zoom" (double, pixels of a frame).
// Signal: "selection-changed": another span of frames is selected.
// Actions (group "timeline"): track-span, track-forward, track-backward, lock-span, unlock-span,
// clear-keyframe, clear-object, next-doubt, zoom-in, zoom-out, zoom-fit.
#pragma once

#include <gtk/gtk.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_TYPE_TIMELINE (msk_timeline_get_type())
G_DECLARE_FINAL_TYPE(MskTimeline, msk_timeline, MSK, TIMELINE, GtkWidget)

GtkWidget *msk_timeline_new(void);
void msk_timeline_set_session(MskTimeline *timeline, MskSession *session); // NULL: none
MskSession *msk_timeline_get_session(MskTimeline *timeline);               // borrowed

// ---- What is seen ------------------------------------------------------------------------------

// Clamped between the whole clip and MSK_TIMELINE_ZOOM_MAX; the playhead stays where it is seen.
void msk_timeline_set_zoom(MskTimeline *timeline, double zoom);
double msk_timeline_get_zoom(MskTimeline *timeline);
void msk_timeline_zoom_in(MskTimeline *timeline);
void msk_timeline_zoom_out(MskTimeline *timeline);
void msk_timeline_zoom_fit(MskTimeline *timeline); // the whole clip, also when the width changes
void msk_timeline_reveal(MskTimeline *timeline, int64_t frame);

// ---- Selected frames and keyframe --------------------------------------------------------------

// The span of frames selected by dragging or clicking with Shift, both included; FALSE: none.
gboolean msk_timeline_get_selection(MskTimeline *timeline, int64_t *first, int64_t *last);
void msk_timeline_select(MskTimeline *timeline, int64_t first, int64_t last);
void msk_timeline_clear_selection(MskTimeline *timeline);
// The selected object's keyframe that was clicked last; -1: none.
int64_t msk_timeline_get_keyframe(MskTimeline *timeline);

// For the window's Delete and Esc keys: TRUE if there was something for the timeline to do.
gboolean msk_timeline_delete_keyframe(MskTimeline *timeline);
gboolean msk_timeline_cancel_drag(MskTimeline *timeline);

// ---- Edits, as the pointer and the context menu make them (timeline_edit.c) --------------------

// Moves or copies a keyframe, asks for its mask there, and puts the playhead on it. A frame that
// nothing may edit: a toast says why, and FALSE.
gboolean msk_timeline_move_keyframe(MskTimeline *timeline, MskMasklet *masklet, int64_t from,
                                    int64_t to, gboolean copy);
// The frames that "this span" means at a frame: the selected frames if it is among them; else the
// locked span it is in; else from the anchor before it to the anchor after it, or the clip's ends.
void msk_timeline_get_span(MskTimeline *timeline, MskMasklet *masklet, int64_t frame,
                           int64_t *first, int64_t *last);
// Tracks the frames of the span around `frame` that need it.
void msk_timeline_track_span(MskTimeline *timeline, MskMasklet *masklet, int64_t frame,
                             MskDirection direction);
// Locks the frames of the span that have a mask.
void msk_timeline_lock_span(MskTimeline *timeline, MskMasklet *masklet, int64_t frame);
void msk_timeline_unlock_span(MskTimeline *timeline, MskMasklet *masklet, int64_t frame);
// The next doubtful frame after the playhead, around the clip's end; FALSE: there is none.
gboolean msk_timeline_go_to_doubt(MskTimeline *timeline, MskMasklet *masklet);

G_END_DECLS
