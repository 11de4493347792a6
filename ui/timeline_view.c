// SPDX-License-Identifier: Apache-2.0
// Frames to pixels and back, zoom, scrolling and ticks.
#include "ui/timeline_view.h"

#include <math.h>

// floor() as a call is most of what drawing costs; the values are far from the limits.
static inline int64_t round_down(double value)
{
    const int64_t truncated = (int64_t)value;

    return truncated - ((double)truncated > value);
}

int64_t msk_timeline_view_get_edge(const MskTimelineView *view, int64_t frame)
{
    return round_down((double)frame * view->zoom);
}

void msk_timeline_view_get_pixels(const MskTimelineView *view, int64_t frame, int64_t *first,
                                  int64_t *last)
{
    *first = msk_timeline_view_get_edge(view, frame);
    *last = MAX(*first, msk_timeline_view_get_edge(view, frame + 1) - 1);
}

int64_t msk_timeline_view_get_middle(const MskTimelineView *view, int64_t frame)
{
    int64_t first, last;

    msk_timeline_view_get_pixels(view, frame, &first, &last);
    return first + (last - first) / 2;
}

int64_t msk_timeline_view_find_frame(const MskTimelineView *view, int64_t pixel)
{
    int64_t frame = round_down((double)pixel / view->zoom);

    // The quotient may be off by rounding; below a pixel a frame several begin at the same pixel.
    while (msk_timeline_view_get_edge(view, frame) > pixel)
        frame--;
    while (msk_timeline_view_get_edge(view, frame + 1) <= pixel)
        frame++;
    return frame;
}

int64_t msk_timeline_view_pick(const MskTimelineView *view, double x)
{
    const int64_t pixel = view->scroll + (int64_t)floor(x);

    return CLAMP(msk_timeline_view_find_frame(view, pixel), 0, view->n_frames - 1);
}

gboolean msk_timeline_view_get_span(const MskTimelineView *view, int64_t first_pixel,
                                    int64_t last_pixel, int64_t *first, int64_t *last)
{
    // Of the frames that begin at the first pixel, the first one; else the one it is in.
    int64_t frame = msk_timeline_view_find_frame(view, first_pixel - 1) + 1;

    if (msk_timeline_view_get_edge(view, frame) > first_pixel)
        frame--;
    *first = MAX(frame, 0);
    *last = MIN(msk_timeline_view_find_frame(view, last_pixel), view->n_frames - 1);
    return *first <= *last;
}

double msk_timeline_view_get_fit(const MskTimelineView *view)
{
    const int width = MAX(view->width - 2 * MSK_TIMELINE_MARGIN, 1);

    return MIN((double)width / (double)view->n_frames, MSK_TIMELINE_ZOOM_MAX);
}

int64_t msk_timeline_view_get_content_width(const MskTimelineView *view)
{
    int64_t first, last;

    msk_timeline_view_get_pixels(view, view->n_frames - 1, &first, &last);
    return last + 1;
}

void msk_timeline_view_set_scroll(MskTimelineView *view, int64_t scroll)
{
    const int64_t end = msk_timeline_view_get_content_width(view) + MSK_TIMELINE_MARGIN;

    view->scroll =
        CLAMP(scroll, -MSK_TIMELINE_MARGIN, MAX(end - view->width, -MSK_TIMELINE_MARGIN));
}

void msk_timeline_view_zoom_at(MskTimelineView *view, double zoom, double x)
{
    const double frame = ((double)view->scroll + x) / view->zoom;

    view->zoom = CLAMP(zoom, msk_timeline_view_get_fit(view), MSK_TIMELINE_ZOOM_MAX);
    msk_timeline_view_set_scroll(view, (int64_t)floor(frame * view->zoom - x + 0.5));
}

gboolean msk_timeline_view_reveal(MskTimelineView *view, int64_t frame)
{
    const int64_t before = view->scroll, room = view->width / 8;
    int64_t first, last;

    msk_timeline_view_get_pixels(view, frame, &first, &last);
    if (first < view->scroll) // one page back, or where it is
        msk_timeline_view_set_scroll(view, last + room - view->width);
    else if (last >= view->scroll + view->width)
        msk_timeline_view_set_scroll(view, first - room);
    return view->scroll != before;
}

// ---- Ticks -------------------------------------------------------------------------------------

// The smallest of 1, 2, 5, 10, 20 ... that is at least `least`, and a tick between labels.
static MskTimelineTicks find_decimal(double least)
{
    MskTimelineTicks ticks = {1, 1, 0};

    for (int64_t power = 1;; power *= 10)
        for (int i = 0; i < 3; i++) {
            ticks.major = power * (i == 0 ? 1 : i == 1 ? 2 : 5);
            ticks.minor = ticks.major == 1 ? 1 : i == 1 ? ticks.major / 2 : ticks.major / 5;
            if (i == 0 && power > 1)
                ticks.minor = power / 10;
            if ((double)ticks.major >= least || power > INT64_MAX / 100)
                return ticks;
        }
}

static MskTimelineTicks find_timecode(double least, int base)
{
    static const int seconds[][2] = {{1, 0},      {2, 1},       {5, 1},        {10, 1},
                                     {15, 5},     {30, 5},      {60, 10},      {120, 60},
                                     {300, 60},   {600, 60},    {900, 300},    {1800, 300},
                                     {3600, 600}, {7200, 3600}, {18000, 3600}, {36000, 3600}};
    MskTimelineTicks ticks = {base, 1, 0};

    for (int n = 1; n < base; n++) // divisors of a second, so that every second has its label
        if (base % n == 0 && n >= least) {
            ticks.major = n;
            ticks.minor = 1;
            return ticks;
        }
    for (guint i = 0; i < G_N_ELEMENTS(seconds); i++) {
        ticks.major = (int64_t)seconds[i][0] * base;
        ticks.minor = (int64_t)seconds[i][1] * base;
        if (seconds[i][1] == 0) // a fifth or so of a second
            for (int n = MAX(base / 6, 1); n <= base; n++)
                if (base % n == 0) {
                    ticks.minor = n;
                    break;
                }
        if ((double)ticks.major >= least)
            return ticks;
    }
    const int64_t day = (int64_t)86400 * base;
    ticks.major = day * (int64_t)ceil(least / (double)day);
    ticks.minor = ticks.major;
    return ticks;
}

MskTimelineTicks msk_timeline_view_get_ticks(const MskTimelineView *view, int base, int64_t offset,
                                             int gap)
{
    const double least = gap / view->zoom;
    MskTimelineTicks ticks = base > 0 ? find_timecode(least, base) : find_decimal(least);

    if ((double)ticks.minor * view->zoom < 4)
        ticks.minor = ticks.major;
    ticks.offset = base > 0 ? offset : 0;
    return ticks;
}

int64_t msk_timeline_ticks_find(int64_t frame, int64_t step, int64_t offset)
{
    const int64_t rest = (frame + offset) % step;

    return rest == 0 ? frame : frame + (rest < 0 ? -rest : step - rest);
}

// ---- Colours -----------------------------------------------------------------------------------

static double linearise(guint32 component)
{
    const double value = component / 255.0;

    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static double get_luminance(guint32 colour)
{
    return 0.2126 * linearise(colour >> 16 & 255) + 0.7152 * linearise(colour >> 8 & 255) +
           0.0722 * linearise(colour & 255);
}

double msk_timeline_get_contrast(guint32 a, guint32 b)
{
    const double la = get_luminance(a), lb = get_luminance(b);

    return (MAX(la, lb) + 0.05) / (MIN(la, lb) + 0.05);
}

static guint32 mix(guint32 colour, guint32 with, int part)
{
    guint32 out = 0;

    for (int shift = 0; shift < 24; shift += 8) {
        const int from = colour >> shift & 255, to = with >> shift & 255;
        out |= (guint32)(from + (to - from) * part / 32) << shift;
    }
    return out;
}

guint32 msk_timeline_fit_colour(guint32 colour, guint32 background, double contrast)
{
    const gboolean lighter =
        msk_timeline_get_contrast(0xffffff, background) > msk_timeline_get_contrast(0, background);
    const guint32 with = lighter ? 0xffffff : 0;

    for (int part = 0; part < 32; part++) {
        const guint32 mixed = mix(colour, with, part);
        if (msk_timeline_get_contrast(mixed, background) >= contrast)
            return mixed;
    }
    return with;
}
