// SPDX-License-Identifier: Apache-2.0
// Which pixels show which frames, and what a row of pixels shows of an object: sums without
// widgets.
//
// Content pixels count from frame 0's left edge and never depend on the scroll position. Frame f
// begins at pixel floor(f * zoom); nothing is accumulated, so the last frame of a long clip is as
// exact as the first.
#pragma once

#include "app/masklet.h"

G_BEGIN_DECLS

#define MSK_TIMELINE_ZOOM_MAX 80.0 // pixels of a frame
#define MSK_TIMELINE_MARGIN 8      // pixels before the first frame and after the last

typedef struct MskTimelineView {
    int64_t n_frames; // at least 1
    double zoom;      // pixels of a frame, > 0
    int64_t scroll;   // content pixel at the left edge, from -MSK_TIMELINE_MARGIN
    int width;        // pixels seen, at least 1
} MskTimelineView;

// The pixel where a frame begins; any frame number.
int64_t msk_timeline_view_get_edge(const MskTimelineView *view, int64_t frame);
// The pixels of a frame: *first to *last, at least one.
void msk_timeline_view_get_pixels(const MskTimelineView *view, int64_t frame, int64_t *first,
                                  int64_t *last);
// The pixel in a frame's middle, where its marker and the playhead are.
int64_t msk_timeline_view_get_middle(const MskTimelineView *view, int64_t frame);
// The last frame that begins at or before the pixel; not clamped to the clip.
int64_t msk_timeline_view_find_frame(const MskTimelineView *view, int64_t pixel);
// The frame under x in the widget, clamped to the clip.
int64_t msk_timeline_view_pick(const MskTimelineView *view, double x);
// The frames of the clip that have pixels in a range; FALSE: none.
gboolean msk_timeline_view_get_span(const MskTimelineView *view, int64_t first_pixel,
                                    int64_t last_pixel, int64_t *first, int64_t *last);

// The zoom at which the whole clip is seen; no zoom is smaller.
double msk_timeline_view_get_fit(const MskTimelineView *view);
// The clip's, without margins.
int64_t msk_timeline_view_get_content_width(const MskTimelineView *view);
// Clamps, so that no more than the margin is seen beyond the clip's ends.
void msk_timeline_view_set_scroll(MskTimelineView *view, int64_t scroll);
// Zooms, clamped; what is at x of the widget stays there as far as the ends allow.
void msk_timeline_view_zoom_at(MskTimelineView *view, double zoom, double x);
// Scrolls so that the frame is seen: by pages, with some room ahead. TRUE if it had to.
gboolean msk_timeline_view_reveal(MskTimelineView *view, int64_t frame);

// ---- Ticks -------------------------------------------------------------------------------------

typedef struct MskTimelineTicks {
    int64_t major, minor; // frames between ticks; major is a multiple of minor
    int64_t offset;       // ticks are where (frame + offset) is a multiple
} MskTimelineTicks;

// Ticks with at least `gap` pixels between labels. `base`: frames of a second for timecode, 0 for
// frame numbers.
MskTimelineTicks msk_timeline_view_get_ticks(const MskTimelineView *view, int base, int64_t offset,
                                             int gap);
// The first tick at or after a frame.
int64_t msk_timeline_ticks_find(int64_t frame, int64_t step, int64_t offset);

// ---- Runs --------------------------------------------------------------------------------------

// What is shown of one or more frames: the union of what each is.
typedef enum MskTimelineBits {
    MSK_BIT_MASK = 1 << 0,
    MSK_BIT_PRESENT = 1 << 1, // a mask that is not empty
    MSK_BIT_STALE = 1 << 2,
    MSK_BIT_LOCKED = 1 << 3,
    MSK_BIT_DOUBT = 1 << 4,
    MSK_BIT_PROMPT = 1 << 5, // of marks only
    MSK_BIT_PAINT = 1 << 6,  // of marks only
} MskTimelineBits;

typedef struct MskTimelineStretch {
    int64_t first, last; // content pixels, both included
    MskTimelineBits bits;
} MskTimelineStretch;

typedef struct MskTimelineMark {
    int64_t pixel; // the middle of the frame
    int64_t frame; // the first one there
    MskTimelineBits bits;
} MskTimelineMark;

MskTimelineBits msk_timeline_bits_of(MskFrameFlags flags);
// From runs (of MskRun, ascending) to stretches of equal bits, ascending and without overlap;
// several frames of a pixel are joined, and none is left out. `stretches` is cleared first.
void msk_timeline_join_runs(const MskTimelineView *view, const GArray *runs, GArray *stretches);
// The keyframes among the runs, one mark a pixel. `marks` is cleared first.
void msk_timeline_join_marks(const MskTimelineView *view, const GArray *runs, GArray *marks);

// ---- Colours -----------------------------------------------------------------------------------

// Contrast of two colours (0xRRGGBB) as WCAG 2 has it, 1 to 21.
double msk_timeline_get_contrast(guint32 a, guint32 b);
// The colour, mixed with black or white only as far as it needs for `contrast` with the background.
guint32 msk_timeline_fit_colour(guint32 colour, guint32 background, double contrast);

G_END_DECLS
