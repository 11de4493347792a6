// SPDX-License-Identifier: Apache-2.0
// The timeline's sums against naive ones: frames and pixels, zoom, ticks, runs joined by pixel.
#include "ui/timeline_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"

static const double zooms[] = {80,    64,  24,  10,      3,   2.5,   1.0 / 3 + 1, 1,
                               0.999, 0.7, 0.5, 1.0 / 3, 0.1, 0.012, 0.01,        1e-3};

static double random_unit(void)
{
    return rand() / (RAND_MAX + 1.0);
}

// Every frame has its pixels, in order, without gaps; a pixel's frame is found back.
static void check_mapping(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(zooms); i++) {
        const MskTimelineView view = {100000, zooms[i], 0, 1200};
        int64_t end = 0;
        gboolean right = TRUE;
        for (int64_t f = 0; f < view.n_frames; f++) {
            int64_t first, last;
            msk_timeline_view_get_pixels(&view, f, &first, &last);
            const int64_t middle = msk_timeline_view_get_middle(&view, f);
            right &= first <= last && middle >= first && middle <= last;
            right &= zooms[i] >= 1 ? first == end : first == end || first == end - 1;
            right &= fabs((double)f * zooms[i] - (double)first) < 1;
            const int64_t found = msk_timeline_view_find_frame(&view, first);
            right &= zooms[i] >= 1
                         ? found == f && msk_timeline_view_find_frame(&view, last) == f
                         : found >= f && msk_timeline_view_get_edge(&view, found) == first;
            end = last + 1;
        }
        CHECK(right);
        CHECK(msk_timeline_view_get_content_width(&view) == end);
    }

    // Far out too: a day at 1000 frames/s and more.
    const MskTimelineView huge = {(int64_t)1 << 36, 79.97, 0, 1200};
    gboolean right = TRUE;
    for (int i = 0; i < 100000; i++) {
        const int64_t f = (int64_t)(random_unit() * (double)huge.n_frames);
        int64_t first, last;
        msk_timeline_view_get_pixels(&huge, f, &first, &last);
        right &= msk_timeline_view_find_frame(&huge, first) == f;
        right &= msk_timeline_view_find_frame(&huge, last) == f;
        right &= msk_timeline_view_get_edge(&huge, f + 1) == last + 1;
    }
    CHECK(right);
    end_group("mapping");
}

static void check_span(void)
{
    gboolean right = TRUE;
    for (int i = 0; i < 3000; i++) {
        const MskTimelineView view = {1 + rand() % 300, zooms[rand() % G_N_ELEMENTS(zooms)], 0,
                                      100};
        const int64_t a = rand() % 400 - 50, b = a + rand() % 100;
        int64_t first, last, want_first = -1, want_last = -1;
        for (int64_t f = 0; f < view.n_frames; f++) {
            int64_t p, q;
            msk_timeline_view_get_pixels(&view, f, &p, &q);
            if (p > b || q < a)
                continue;
            want_first = want_first < 0 ? f : want_first;
            want_last = f;
        }
        if (msk_timeline_view_get_span(&view, a, b, &first, &last))
            right &= first == want_first && last == want_last;
        else
            right &= want_first < 0;
    }
    CHECK(right);
    end_group("span");
}

static void check_zoom(void)
{
    MskTimelineView view = {100000, 1, 0, 1200};

    // The frame under the pointer stays there over hundreds of steps.
    view.zoom = 10;
    msk_timeline_view_set_scroll(&view, 500000);
    const int64_t there = msk_timeline_view_pick(&view, 600);
    gboolean right = TRUE;
    for (int i = 0; i < 400; i++) {
        msk_timeline_view_zoom_at(&view, view.zoom * (rand() % 2 ? 1.1 : 1 / 1.1), 600);
        const int64_t off = llabs(msk_timeline_view_pick(&view, 600) - there);
        right &= (double)off <= ceil(400 * 0.5 / MIN(view.zoom, 1));
    }
    CHECK(right);
    view.zoom = 10;
    msk_timeline_view_set_scroll(&view, 500000);
    for (int i = 0; i < 20; i++)
        msk_timeline_view_zoom_at(&view, view.zoom * (i < 10 ? 1.2 : 1 / 1.2), 600);
    CHECK(llabs(msk_timeline_view_pick(&view, 600) - there) <= 1);

    // Clamped at both ends, and to the clip.
    msk_timeline_view_zoom_at(&view, 1e9, 0);
    CHECK(view.zoom == MSK_TIMELINE_ZOOM_MAX);
    msk_timeline_view_zoom_at(&view, 1e-9, 300);
    CHECK(view.zoom == msk_timeline_view_get_fit(&view) && view.scroll == -MSK_TIMELINE_MARGIN);
    CHECK(msk_timeline_view_get_content_width(&view) <= view.width);
    CHECK(msk_timeline_view_pick(&view, -50) == 0);
    CHECK(msk_timeline_view_pick(&view, 5000) == view.n_frames - 1);
    view.zoom = 2;
    msk_timeline_view_set_scroll(&view, INT64_MAX / 4);
    CHECK(view.scroll == 200000 - 1200 + MSK_TIMELINE_MARGIN);
    CHECK(msk_timeline_view_pick(&view, 1199) == 99999);
    msk_timeline_view_set_scroll(&view, -7);
    CHECK(view.scroll == -7);
    msk_timeline_view_set_scroll(&view, -70);
    CHECK(view.scroll == -MSK_TIMELINE_MARGIN);
    gboolean fits = TRUE;
    for (int64_t n = 1; n < 3000; n += 7)
        for (int width = 100; width < 3000; width += 13) {
            MskTimelineView whole = {n * n, 1, 0, width};
            whole.zoom = msk_timeline_view_get_fit(&whole);
            fits &= msk_timeline_view_get_content_width(&whole) <= width - 2 * MSK_TIMELINE_MARGIN;
        }
    CHECK(fits);
    const MskTimelineView one = {1, 1, 0, 1200};
    CHECK(msk_timeline_view_get_fit(&one) == MSK_TIMELINE_ZOOM_MAX);

    // Revealing: nothing to do where it is seen, else it is seen then.
    right = TRUE;
    for (int i = 0; i < 2000; i++) {
        view.zoom = zooms[rand() % 12];
        msk_timeline_view_set_scroll(&view, (int64_t)(random_unit() * 1e5 * view.zoom));
        const int64_t frame = (int64_t)(random_unit() * 1e5), before = view.scroll;
        int64_t first, last;
        msk_timeline_view_get_pixels(&view, frame, &first, &last);
        const gboolean seen = first >= before && last < before + view.width;
        right &= msk_timeline_view_reveal(&view, frame) == !seen;
        right &= first >= view.scroll && last < view.scroll + view.width;
    }
    CHECK(right);
    end_group("zoom");
}

static void check_ticks(void)
{
    static const int bases[] = {0, 1, 10, 12, 15, 24, 25, 30, 48, 50, 60, 120, 240, 1000};
    gboolean wide = TRUE, nested = TRUE, few = TRUE, seconds = TRUE, found = TRUE;

    for (guint b = 0; b < G_N_ELEMENTS(bases); b++)
        for (double zoom = MSK_TIMELINE_ZOOM_MAX; zoom > 1e-7; zoom *= 0.93) {
            const MskTimelineView view = {1 << 30, zoom, 0, 1200};
            const MskTimelineTicks ticks = msk_timeline_view_get_ticks(&view, bases[b], 17, 90);
            wide &= (double)ticks.major * zoom >= 90 && ticks.minor >= 1;
            wide &= ticks.minor == ticks.major || (double)ticks.minor * zoom >= 4;
            nested &= ticks.major % ticks.minor == 0;
            // No more than six times the gap, where a frame is not wider than that.
            few &= (double)ticks.major * zoom <= MAX(90 * 6, zoom);
            if (bases[b])
                seconds &= ticks.major % bases[b] == 0 || bases[b] % ticks.major == 0;
        }
    CHECK(wide);
    CHECK(nested);
    CHECK(few);
    CHECK(seconds);
    for (int i = 0; i < 5000; i++) {
        const int64_t frame = rand() % 1000 - 500, step = 1 + rand() % 40, offset = rand() % 100;
        const int64_t tick = msk_timeline_ticks_find(frame, step, offset);
        found &= tick >= frame && tick < frame + step && (tick + offset) % step == 0;
    }
    CHECK(found);
    end_group("ticks");
}

// ---- Runs --------------------------------------------------------------------------------------

static GArray *random_runs(int n_frames, gboolean dense)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
    for (int f = 0; f < n_frames;) {
        const int length = 1 + rand() % (dense ? 3 : 40);
        const MskRun run = {f, MIN(f + length, n_frames) - 1, rand() & 127};
        if (run.flags && rand() % 4)
            g_array_append_val(runs, run);
        f += length;
    }
    return runs;
}

static void check_joined(const MskTimelineView *view, const GArray *runs)
{
    const int64_t width = msk_timeline_view_get_content_width(view) + 2;
    g_autofree MskTimelineBits *bits = g_new0(MskTimelineBits, width);
    g_autofree MskTimelineBits *marks = g_new0(MskTimelineBits, width);
    g_autofree int64_t *frames = g_new0(int64_t, width);
    g_autoptr(GArray) stretches = g_array_new(FALSE, FALSE, sizeof(MskTimelineStretch));
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(MskTimelineMark));

    for (guint i = 0; i < runs->len; i++) {
        const MskRun *run = &g_array_index(runs, MskRun, i);
        for (int64_t f = run->first; f <= run->last; f++) {
            int64_t first, last;
            msk_timeline_view_get_pixels(view, f, &first, &last);
            for (int64_t p = first; p <= last; p++)
                bits[p] |= msk_timeline_bits_of(run->flags);
            const int64_t middle = msk_timeline_view_get_middle(view, f);
            MskTimelineBits mark = 0;
            mark |= run->flags & MSK_FRAME_PROMPT ? MSK_BIT_PROMPT : 0;
            mark |= run->flags & MSK_FRAME_PAINT ? MSK_BIT_PAINT : 0;
            if (mark && !marks[middle])
                frames[middle] = f;
            marks[middle] |= mark;
        }
    }

    msk_timeline_join_runs(view, runs, stretches);
    gboolean ordered = TRUE, right = TRUE;
    int64_t end = -1;
    MskTimelineBits before = 0;
    for (guint i = 0; i < stretches->len; i++) {
        const MskTimelineStretch *stretch = &g_array_index(stretches, MskTimelineStretch, i);
        ordered &= stretch->first > end && stretch->first <= stretch->last;
        ordered &= stretch->first != end + 1 || stretch->bits != before; // as few as can be
        for (int64_t p = stretch->first; p <= stretch->last; p++) {
            right &= p < width && bits[p] == stretch->bits;
            bits[p] = 0;
        }
        end = stretch->last;
        before = stretch->bits;
    }
    for (int64_t p = 0; p < width; p++)
        right &= bits[p] == 0;
    CHECK(ordered);
    CHECK(right);

    msk_timeline_join_marks(view, runs, found);
    right = TRUE;
    for (guint i = 0; i < found->len; i++) {
        const MskTimelineMark *mark = &g_array_index(found, MskTimelineMark, i);
        right &= marks[mark->pixel] == mark->bits && frames[mark->pixel] == mark->frame;
        marks[mark->pixel] = 0;
    }
    for (int64_t p = 0; p < width; p++)
        right &= marks[p] == 0;
    CHECK(right);
}

static void check_runs(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(zooms); i++)
        for (int round = 0; round < 12; round++) {
            const MskTimelineView view = {1 + rand() % 3000, zooms[i], 0, 1200};
            g_autoptr(GArray) runs = random_runs((int)view.n_frames, round % 2);
            check_joined(&view, runs);
        }

    // One keyframe and one doubtful frame among 100 000 at a hundredth of a pixel are not lost.
    const MskTimelineView view = {100000, 0.01, 0, 1000};
    const MskRun some[] = {
        {0, 54320, MSK_FRAME_HAS_MASK},     {54321, 54321, MSK_FRAME_HAS_MASK | MSK_FRAME_PROMPT},
        {54322, 77776, MSK_FRAME_HAS_MASK}, {77777, 77777, MSK_FRAME_HAS_MASK | MSK_FRAME_DOUBT},
        {77778, 99999, MSK_FRAME_HAS_MASK},
    };
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(MskTimelineStretch));
    g_autoptr(GArray) marks = g_array_new(FALSE, FALSE, sizeof(MskTimelineMark));
    g_array_append_vals(runs, some, G_N_ELEMENTS(some));
    msk_timeline_join_runs(&view, runs, out);
    msk_timeline_join_marks(&view, runs, marks);
    CHECK(out->len == 3 && g_array_index(out, MskTimelineStretch, 1).first == 777);
    CHECK(g_array_index(out, MskTimelineStretch, 1).last == 777);
    CHECK(g_array_index(out, MskTimelineStretch, 1).bits & MSK_BIT_DOUBT);
    CHECK(g_array_index(out, MskTimelineStretch, 2).last == 999);
    CHECK(marks->len == 1 && g_array_index(marks, MskTimelineMark, 0).frame == 54321);
    CHECK(g_array_index(marks, MskTimelineMark, 0).pixel == 543);
    end_group("runs");
}

static void check_colours(void)
{
    CHECK(fabs(msk_timeline_get_contrast(0xffffff, 0) - 21) < 1e-9);
    CHECK(msk_timeline_get_contrast(0x123456, 0x123456) == 1);
    CHECK(fabs(msk_timeline_get_contrast(0x767676, 0xffffff) - 4.54) < 0.01);
    CHECK(msk_timeline_fit_colour(0x0072b2, 0xffffff, 3) == 0x0072b2); // good as it is
    gboolean right = TRUE;
    for (int i = 0; i < 2000; i++) {
        const guint32 colour = rand() & 0xffffff, background = rand() & 0xffffff;
        const guint32 fitted = msk_timeline_fit_colour(colour, background, 3);
        right &= msk_timeline_get_contrast(fitted, background) >= 3;
        right &= fitted == colour || msk_timeline_get_contrast(colour, background) < 3;
    }
    CHECK(right);
    end_group("colours");
}

int main(void)
{
    srand(4);
    check_mapping();
    check_span();
    check_zoom();
    check_ticks();
    check_runs();
    check_colours();
    return end_tests();
}
