// SPDX-License-Identifier: Apache-2.0
// Runs of frames joined into stretches of pixels.
#include "ui/timeline_view.h"

MskTimelineBits msk_timeline_bits_of(MskFrameFlags flags)
{
    MskTimelineBits bits = 0;

    if (flags & MSK_FRAME_HAS_MASK)
        bits |= flags & MSK_FRAME_ABSENT ? MSK_BIT_MASK : MSK_BIT_MASK | MSK_BIT_PRESENT;
    if (flags & MSK_FRAME_STALE)
        bits |= MSK_BIT_STALE;
    if (flags & MSK_FRAME_LOCKED)
        bits |= MSK_BIT_LOCKED;
    if (flags & MSK_FRAME_DOUBT)
        bits |= MSK_BIT_DOUBT;
    return bits;
}

static void append_stretch(GArray *stretches, int64_t first, int64_t last, MskTimelineBits bits)
{
    if (first > last)
        return;
    if (stretches->len > 0) {
        MskTimelineStretch *end = &g_array_index(stretches, MskTimelineStretch, stretches->len - 1);
        if (end->last + 1 == first && end->bits == bits) {
            end->last = last;
            return;
        }
    }
    const MskTimelineStretch stretch = {first, last, bits};
    g_array_append_val(stretches, stretch);
}

void msk_timeline_join_runs(const MskTimelineView *view, const GArray *runs, GArray *stretches)
{
    g_array_set_size(stretches, 0);
    for (guint i = 0; i < runs->len; i++) {
        const MskRun *run = &g_array_index(runs, MskRun, i);
        const MskTimelineBits bits = msk_timeline_bits_of(run->flags);
        int64_t first, last, ignored;
        if (!bits)
            continue;
        msk_timeline_view_get_pixels(view, run->first, &first, &ignored);
        msk_timeline_view_get_pixels(view, run->last, &ignored, &last);
        MskTimelineStretch *end =
            stretches->len > 0 ? &g_array_index(stretches, MskTimelineStretch, stretches->len - 1)
                               : NULL;
        if (end && end->last == first) { // the run begins within the last one's last pixel
            const MskTimelineBits joined = end->bits | bits;
            if (end->first == end->last)
                g_array_set_size(stretches, stretches->len - 1);
            else
                end->last--;
            append_stretch(stretches, first, first, joined);
            first++;
        }
        append_stretch(stretches, first, last, bits);
    }
}

void msk_timeline_join_marks(const MskTimelineView *view, const GArray *runs, GArray *marks)
{
    g_array_set_size(marks, 0);
    for (guint i = 0; i < runs->len; i++) {
        const MskRun *run = &g_array_index(runs, MskRun, i);
        MskTimelineMark mark = {0};
        if (run->flags & MSK_FRAME_PROMPT)
            mark.bits |= MSK_BIT_PROMPT;
        if (run->flags & MSK_FRAME_PAINT)
            mark.bits |= MSK_BIT_PAINT;
        for (mark.frame = run->first; mark.bits && mark.frame <= run->last;) {
            mark.pixel = msk_timeline_view_get_middle(view, mark.frame);
            MskTimelineMark *end =
                marks->len > 0 ? &g_array_index(marks, MskTimelineMark, marks->len - 1) : NULL;
            if (end && end->pixel == mark.pixel)
                end->bits |= mark.bits;
            else
                g_array_append_val(marks, mark);
            // On to the frame of the next pixel.
            mark.frame = MAX(mark.frame, msk_timeline_view_find_frame(view, mark.pixel)) + 1;
        }
    }
}
