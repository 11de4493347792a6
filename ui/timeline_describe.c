// SPDX-License-Identifier: Apache-2.0
// The timeline in words: for tooltips and for screen readers.
#include "ui/timeline_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#include "app/doubt.h"

static void add_word(GString *text, const char *word)
{
    if (text->len > 0)
        g_string_append(text, C_("between the words of a list", ", "));
    g_string_append(text, word);
}

static char *describe_flags(MskFrameFlags flags)
{
    GString *text = g_string_new(NULL);

    if (flags & MSK_FRAME_PROMPT)
        add_word(text, _("keyframe"));
    if (flags & MSK_FRAME_PAINT)
        add_word(text, _("painted"));
    if (flags & MSK_FRAME_LOCKED)
        add_word(text, _("locked"));
    if (flags & MSK_FRAME_STALE)
        add_word(text, _("out of date"));
    else if (text->len == 0 && flags & MSK_FRAME_HAS_MASK)
        add_word(text, _("tracked"));
    if (flags & MSK_FRAME_HAS_MASK && flags & MSK_FRAME_ABSENT)
        add_word(text, _("not in the picture"));
    if (flags & MSK_FRAME_DOUBT)
        add_word(text, _("doubtful"));
    if (text->len == 0)
        add_word(text, _("not tracked yet"));
    return g_string_free(text, FALSE);
}

// "frame 112 of 287", after the timecode where that is shown.
static char *describe_frame(MskTimeline *self, int64_t frame)
{
    // Translators: a frame's number and the last one's; they count from 0.
    g_autofree char *number =
        g_strdup_printf(_("frame %" PRId64 " of %" PRId64), frame, self->view.n_frames - 1);

    if (!msk_timeline_get_timed_media(self))
        return g_steal_pointer(&number);
    g_autofree char *timecode = msk_timeline_dup_frame_text(self, frame);
    return g_strdup_printf("%s, %s", timecode, number);
}

char *msk_timeline_describe(MskTimeline *self, MskMasklet *masklet, int64_t frame)
{
    g_autofree char *place = describe_frame(self, frame);

    if (!masklet)
        return g_steal_pointer(&place);
    g_autofree char *state = describe_flags(msk_masklet_get_frame(masklet, frame, NULL));
    // Translators: a frame, an object's name, and what it is there: "frame 3 of 9, dog: tracked".
    return g_strdup_printf(_("%s, %s: %s"), place, msk_masklet_get_info(masklet)->name, state);
}

static void add_line(GString *text, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add_line(GString *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_string_append_c(text, '\n');
    g_string_append_vprintf(text, format, args);
    va_end(args);
}

// Why a frame is doubtful, strongest reasons in words.
static void add_reasons(GString *text, const MskTrackValue *track)
{
    gboolean is_told = FALSE;

    if (msk_doubt_of_score(track->result->object_score) >= MSK_DOUBT_LIMIT) {
        add_line(text, _("• hardly sure whether the object is there"));
        is_told = TRUE;
    } else if (msk_doubt_of_iou(track) >= MSK_DOUBT_LIMIT) {
        add_line(text, _("• low predicted IoU"));
        is_told = TRUE;
    }
    if (msk_doubt_of_agreement(track->agreement) >= MSK_DOUBT_LIMIT) {
        add_line(text, _("• tracking from the other side gave another mask"));
        is_told = TRUE;
    }
    if (!is_told)
        add_line(text, _("• area or place changes suddenly"));
}

char *msk_timeline_explain(MskTimeline *self, MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    const MskFrameFlags flags = msk_masklet_get_frame(masklet, frame, &state);
    GString *text = g_string_new(msk_masklet_get_info(masklet)->name);
    g_autofree char *place = describe_frame(self, frame);
    g_autofree char *words = describe_flags(flags);

    add_line(text, "%s", place);
    add_line(text, "%s", words);
    if (!state.track)
        return g_string_free(text, FALSE);
    add_line(text, _("Object score %.1f, predicted IoU %.2f"), state.track->result->object_score,
             state.track->result->iou);
    if (state.track->agreement >= 0)
        add_line(text, _("Agreement of both directions %.2f"), state.track->agreement);
    if (flags & MSK_FRAME_DOUBT)
        add_reasons(text, state.track);
    return g_string_free(text, FALSE);
}
