// SPDX-License-Identifier: Apache-2.0
// What the timeline does to the document: keyframes moved, spans tracked and locked.
#include "ui/timeline_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#define KEYFRAME_FLAGS (MSK_FRAME_PROMPT | MSK_FRAME_PAINT)

static gboolean is_keyframe(MskMasklet *masklet, int64_t frame)
{
    return (msk_masklet_get_frame(masklet, frame, NULL) & KEYFRAME_FLAGS) != 0;
}

// A toast where an edit of this frame would be refused.
static gboolean may_edit(MskTimeline *self, MskMasklet *masklet, int64_t frame)
{
    const MskObjectInfo *info = msk_masklet_get_info(masklet);

    if (info->locked) {
        msk_session_toast(self->session, _("“%s” is locked"), info->name);
        return FALSE;
    }
    if (msk_masklet_get_frame(masklet, frame, NULL) & MSK_FRAME_LOCKED) {
        msk_session_toast(self->session, _("Frame %" PRId64 " is in a locked span of “%s”"), frame,
                          info->name);
        return FALSE;
    }
    return TRUE;
}

gboolean msk_timeline_move_keyframe(MskTimeline *self, MskMasklet *masklet, int64_t from,
                                    int64_t to, gboolean copy)
{
    g_return_val_if_fail(self->document && MSK_IS_MASKLET(masklet), FALSE);
    to = CLAMP(to, 0, self->view.n_frames - 1);
    if (from == to || !is_keyframe(masklet, from))
        return FALSE;
    if (!may_edit(self, masklet, to) || (!copy && !may_edit(self, masklet, from)))
        return FALSE;
    if (!msk_document_move_keyframe(self->document, masklet, from, to, copy))
        return FALSE;
    MskTracker *tracker = msk_session_get_tracker(self->session);
    if (tracker)
        msk_tracker_answer_missing(tracker);
    if (masklet == msk_session_get_selected(self->session))
        self->keyframe = to;
    msk_session_set_frame(self->session, to);
    gtk_widget_queue_draw(self->tracks);
    return TRUE;
}

gboolean msk_timeline_delete_keyframe(MskTimeline *self)
{
    MskMasklet *selected = self->session ? msk_session_get_selected(self->session) : NULL;
    const int64_t frame = self->keyframe;

    if (!selected || frame < 0 || !is_keyframe(selected, frame))
        return FALSE;
    if (may_edit(self, selected, frame)) {
        msk_document_clear_frame(self->document, selected, frame);
        self->keyframe = -1;
        gtk_widget_queue_draw(self->tracks);
    }
    return TRUE;
}

// ---- Spans -------------------------------------------------------------------------------------

// The anchors around a frame; the frame itself is none of them. -1: there is none.
static void find_anchors(MskMasklet *masklet, int64_t frame, int64_t *before, int64_t *after)
{
    const GArray *anchors = msk_masklet_get_anchors(masklet);
    guint low = 0, high = anchors->len; // the first anchor not before the frame

    while (low < high) {
        const guint at = low + (high - low) / 2;
        if (g_array_index(anchors, int64_t, at) < frame)
            low = at + 1;
        else
            high = at;
    }
    *before = low > 0 ? g_array_index(anchors, int64_t, low - 1) : -1;
    if (low < anchors->len && g_array_index(anchors, int64_t, low) == frame)
        low++;
    *after = low < anchors->len ? g_array_index(anchors, int64_t, low) : -1;
}

static const MskInterval *find_lock(MskMasklet *masklet, int64_t frame)
{
    const GArray *locks = msk_masklet_get_locks(masklet);

    for (guint i = 0; i < locks->len; i++) {
        const MskInterval *lock = &g_array_index(locks, MskInterval, i);
        if (frame >= lock->first && frame <= lock->last)
            return lock;
    }
    return NULL;
}

void msk_timeline_get_span(MskTimeline *self, MskMasklet *masklet, int64_t frame, int64_t *first,
                           int64_t *last)
{
    const MskInterval *lock = find_lock(masklet, frame);

    if (msk_timeline_get_selection(self, first, last) && frame >= *first && frame <= *last)
        return;
    if (lock) {
        *first = lock->first;
        *last = lock->last;
        return;
    }
    find_anchors(masklet, frame, first, last);
    *first = MAX(*first, 0);
    if (*last < 0)
        *last = self->view.n_frames - 1;
}

void msk_timeline_track_span(MskTimeline *self, MskMasklet *masklet, int64_t frame,
                             MskDirection direction)
{
    MskTracker *tracker = msk_session_get_tracker(self->session);
    MskTrackOptions options = {.masklets = &masklet, .n_masklets = 1, .direction = direction};
    g_autoptr(GError) error = NULL;

    if (!tracker)
        return;
    msk_timeline_get_span(self, masklet, frame, &options.first, &options.last);
    options.from = frame;
    if (!msk_tracker_track(tracker, &options, &error))
        msk_session_toast(self->session, "%s", error->message);
}

void msk_timeline_lock_span(MskTimeline *self, MskMasklet *masklet, int64_t frame)
{
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
    int64_t first, last, from = -1, to = -1;

    // Only what has a mask is worth keeping: the stretch of it that the frame is in.
    msk_timeline_get_span(self, masklet, frame, &first, &last);
    msk_masklet_get_runs(masklet, first, last, runs);
    for (guint i = 0; i < runs->len; i++) {
        const MskRun *run = &g_array_index(runs, MskRun, i);
        if (!(run->flags & MSK_FRAME_HAS_MASK))
            continue;
        if (from < 0 || run->first != to + 1) {
            if (from >= 0 && to >= frame)
                break;
            from = run->first;
        }
        to = run->last;
    }
    if (from < 0) {
        msk_session_toast(self->session, _("There is no mask to lock here"));
        return;
    }
    if (msk_masklet_get_info(masklet)->locked) {
        msk_session_toast(self->session, _("“%s” is locked"), msk_masklet_get_info(masklet)->name);
        return;
    }
    msk_document_lock(self->document, masklet, from, to);
}

void msk_timeline_unlock_span(MskTimeline *self, MskMasklet *masklet, int64_t frame)
{
    int64_t first, last;

    if (msk_masklet_get_info(masklet)->locked) {
        msk_session_toast(self->session, _("“%s” is locked"), msk_masklet_get_info(masklet)->name);
        return;
    }
    msk_timeline_get_span(self, masklet, frame, &first, &last);
    msk_document_unlock(self->document, masklet, first, last);
}

gboolean msk_timeline_go_to_doubt(MskTimeline *self, MskMasklet *masklet)
{
    const int64_t frame = msk_session_get_frame(self->session);
    int64_t found = msk_masklet_find_doubt(masklet, frame, 1);

    if (found < 0)
        found = msk_masklet_find_doubt(masklet, -1, 1);
    if (found < 0) {
        msk_session_toast(self->session, _("No frame of “%s” is doubtful"),
                          msk_masklet_get_info(masklet)->name);
        return FALSE;
    }
    msk_session_set_frame(self->session, found);
    return TRUE;
}
