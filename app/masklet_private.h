// SPDX-License-Identifier: Apache-2.0
// What the document does with a masklet, and what the masklet's files share.
#pragma once

#include "app/frame_table.h"
#include "app/masklet.h"

G_BEGIN_DECLS

// A frame where the mask is given, and a hash of that mask: 0 while it is asked for.
typedef struct MskAnchor {
    int64_t frame;
    guint64 content;
    MskValue *result, *paint; // what `content` was computed of; references
} MskAnchor;

struct _MskMasklet {
    GObject parent;
    int64_t id;
    MskValue *info;  // the last one, kept when the object goes
    gboolean exists; // in the document
    // In the document's list, under that position.
    gboolean listed;
    double listed_position;
    MskValue *locks; // or NULL
    GArray *no_locks;
    MskFrameTable frames;
    guint64 revision; // counts the values put
    gsize size;       // of the values of frames, in bytes

    // Worked out of the cells by msk_masklet_settle(); never changed in place, forks have them too.
    GArray *keyframes;  // int64_t
    GArray *anchors;    // of MskAnchor
    GArray *anchors_at; // int64_t: their frames

    // Since it was settled last.
    GArray *dirty;          // of MskInterval: frames whose cells changed, in any order
    gboolean anchors_dirty; // they may be others now
    // Since the changes were taken last: frames that are not what they were. first > last: none.
    MskInterval changed;
    // Frames may carry MSK_FRAME_UNMEASURED.
    gboolean has_unmeasured;
};

// A mask's area is not known: whether it is empty, and how much it differs from its neighbours, is
// left open. Besides MskFrameFlags, never shown outside.
#define MSK_FRAME_UNMEASURED (1 << 7)

// ---- masklet.c ---------------------------------------------------------------------------------

MskMasklet *msk_masklet_new(int64_t id);
// A masklet with the same cells, for a thread to change: it costs what the pages of frames are.
MskMasklet *msk_masklet_fork(MskMasklet *masklet, int64_t id);
// Takes over what a fork has on its frames, and its locks. Main thread; emits nothing.
void msk_masklet_adopt(MskMasklet *masklet, MskMasklet *fork);

// The value of a cell of this object, borrowed; NULL: nothing.
MskValue *msk_masklet_peek_value(MskMasklet *masklet, const MskCell *cell);
// Puts a value into a cell; NULL: nothing. Emits nothing.
void msk_masklet_put_value(MskMasklet *masklet, const MskCell *cell, MskValue *value);
void msk_masklet_foreach(MskMasklet *masklet,
                         void (*func)(const MskCell *cell, MskValue *value, gpointer user),
                         gpointer user);
// Remembers (or forgets: NULL) the mask before tracking replaced it.
void msk_masklet_set_previous(MskMasklet *masklet, int64_t frame, MskMask *mask);
// Emits notify for the properties in which the object's info differs from `before` (or NULL).
void msk_masklet_notify_info(MskMasklet *masklet, const MskObjectInfo *before);
gboolean msk_masklet_is_locked_at(MskMasklet *masklet, int64_t frame);

// ---- masklet_anchors.c -------------------------------------------------------------------------

// Works out keyframes, anchors and flags after cells were put. Every reader calls it; it costs
// nothing when nothing was put.
void msk_masklet_settle(MskMasklet *masklet);
// The frames that are not what they were when this was called last; FALSE: none.
gboolean msk_masklet_take_changed(MskMasklet *masklet, int64_t *first, int64_t *last);

GArray *msk_masklet_new_anchors(void); // empty, of MskAnchor

typedef struct MskSources {
    guint64 forward, reverse; // 0: no anchor on that side
} MskSources;
// Index of the first anchor at or after `frame`.
guint msk_masklet_seek_anchor(MskMasklet *masklet, int64_t frame);
// Sources of the frames between anchor `next` and the one before it.
MskSources msk_masklet_get_sources(MskMasklet *masklet, guint next);

// ---- masklet_flags.c ---------------------------------------------------------------------------

void msk_masklet_mark_changed(MskMasklet *masklet, int64_t first, int64_t last);
// Works the flags of first..last out again, or only whether they are stale. Frames whose flags are
// others now are marked as changed.
void msk_masklet_refresh_flags(MskMasklet *masklet, int64_t first, int64_t last);
void msk_masklet_refresh_stale(MskMasklet *masklet, int64_t first, int64_t last);

// ---- Measuring (document_measure.c) ------------------------------------------------------------

// A frame whose mask's area is not known, and what its mask consists of; references.
typedef struct MskUnmeasured {
    int64_t frame;
    MskMask *result; // or NULL
    MskValue *paint; // or NULL
    MskMask *shown;  // filled by msk_unmeasured_measure()
} MskUnmeasured;
void msk_unmeasured_clear(MskUnmeasured *unmeasured);
// Any thread; slow.
void msk_unmeasured_measure(MskUnmeasured *unmeasured);
// Appends up to `n` to `out` (of MskUnmeasured); FALSE: there are no more.
gboolean msk_masklet_collect_unmeasured(MskMasklet *masklet, guint n, GArray *out);
// The mask was measured: takes the mask shown over if it is still that frame's.
void msk_masklet_put_measured(MskMasklet *masklet, const MskUnmeasured *measured);

G_END_DECLS
