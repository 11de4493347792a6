// SPDX-License-Identifier: Apache-2.0
// MskMasklet: one object of a document through the clip: prompts, strokes, locks and masks by
// frame.
//
// A masklet is read here and edited through its document only. Main thread, but for what says else.
//
// Anchors are the frames where the mask is given: frames with a prompt, painted frames, and the
// first and last frame of a locked span. Every other frame is tracked from the anchors on its two
// sides; its mask is up to date while it was tracked from what these anchors are now, else it is
// stale. What an anchor is, is its mask's content: undoing an edit makes what was tracked before it
// up to date again.
#pragma once

#include "app/plan.h"
#include "app/value.h"

G_BEGIN_DECLS

#define MSK_TYPE_MASKLET (msk_masklet_get_type())
// Properties, read-only, with notify: "name", "label", "colour" (uint), "visible", "locked",
// "matte" (pointer).
G_DECLARE_FINAL_TYPE(MskMasklet, msk_masklet, MSK, MASKLET, GObject)

int64_t msk_masklet_get_id(MskMasklet *masklet);
// Lives until the next edit of the object. After the object was removed: what it was last.
const MskObjectInfo *msk_masklet_get_info(MskMasklet *masklet);

// ---- A frame -----------------------------------------------------------------------------------

typedef enum MskFrameFlags {
    MSK_FRAME_HAS_MASK = 1 << 0, // there is a result or paint
    MSK_FRAME_PROMPT = 1 << 1,   // keyframe: has a prompt
    MSK_FRAME_PAINT = 1 << 2,    // has brush strokes
    MSK_FRAME_LOCKED = 1 << 3,   // in a locked span
    MSK_FRAME_STALE = 1 << 4,    // tracked, from anchors that have changed since
    MSK_FRAME_ABSENT = 1 << 5,   // the mask is empty: the object is not to be seen
    MSK_FRAME_DOUBT = 1 << 6,    // worth a look: see msk_masklet_get_doubt()
} MskFrameFlags;

// What is there of a frame; borrowed until the next edit. Unset: NULL.
typedef struct MskFrameState {
    MskFrameFlags flags;
    const MskPrompt *prompt;
    const MskPaint *paint;
    const MskTrackValue *track;
} MskFrameState;

MskFrameFlags msk_masklet_get_frame(MskMasklet *masklet, int64_t frame, MskFrameState *out);

// The mask on a frame, result and strokes together; NULL: none. The caller owns it.
MskMask *msk_masklet_get_mask(MskMasklet *masklet, int64_t frame);

// The mask that was there before tracking last replaced it, for showing what changed; kept until
// the project is closed. NULL: none. The caller owns it.
MskMask *msk_masklet_get_previous(MskMasklet *masklet, int64_t frame);

// How doubtful a tracked frame is, 0 (sure) to 1, from app/doubt.c; flagged from MSK_DOUBT_LIMIT
// on.
float msk_masklet_get_doubt(MskMasklet *masklet, int64_t frame);

// ---- All frames --------------------------------------------------------------------------------

// A stretch of frames with the same flags.
typedef struct MskRun {
    int64_t first, last;
    MskFrameFlags flags;
} MskRun;

// The runs of first..last in order, cut to it; frames without anything are left out. Appended to
// `runs` (of MskRun). Costs what is appended plus a search; the whole list is kept between edits.
void msk_masklet_get_runs(MskMasklet *masklet, int64_t first, int64_t last, GArray *runs);

// Keyframes (prompts and paint), ascending, int64_t; borrowed until the next edit.
const GArray *msk_masklet_get_keyframes(MskMasklet *masklet);
// The next (step > 0) or previous keyframe, doubtful frame; -1: none.
int64_t msk_masklet_find_keyframe(MskMasklet *masklet, int64_t frame, int step);
int64_t msk_masklet_find_doubt(MskMasklet *masklet, int64_t frame, int step);

// Locked spans, of MskInterval; borrowed until the next edit.
const GArray *msk_masklet_get_locks(MskMasklet *masklet);

// Anchors, ascending, int64_t; borrowed until the next edit.
const GArray *msk_masklet_get_anchors(MskMasklet *masklet);
// What tracking `frame` in that direction starts from now: a hash of the anchors on both sides,
// their frames and the direction. 0: there is no anchor on the side it comes from, or the frame is
// an anchor.
guint64 msk_masklet_get_source(MskMasklet *masklet, int64_t frame, gboolean reverse);

// The first and last frame with a mask or a prompt; FALSE: none.
gboolean msk_masklet_get_extent(MskMasklet *masklet, int64_t *first, int64_t *last);

G_END_DECLS
