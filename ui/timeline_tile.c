// SPDX-License-Identifier: Apache-2.0
// Tiles of lanes: bars, patterns, doubt and keyframes of a stretch of pixels as one picture, so
// that a lane costs the same however much is in it.
#include "ui/timeline_private.h"

#define REACH 16    // pixels to each side whose keyframes are looked at
#define SHAPE_GAP 6 // pixels: keyframes nearer to the one before have ticks only
#define TICK_HEIGHT 4
#define FLAG_WIDTH 3 // pixels: a flagged frame is not thinner
#define HATCH_PERIOD 8
#define HATCH_LINE 4.5 // of the period

// What is used again and again while drawing.
typedef struct Scratch {
    GArray *runs, *stretches, *marks;
} Scratch;

static Scratch *get_scratch(void)
{
    static Scratch scratch; // main thread only
    if (!scratch.runs) {
        scratch.runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
        scratch.stretches = g_array_new(FALSE, FALSE, sizeof(MskTimelineStretch));
        scratch.marks = g_array_new(FALSE, FALSE, sizeof(MskTimelineMark));
    }
    return &scratch;
}

// ---- Pixels ------------------------------------------------------------------------------------

// Premultiplied, as GDK_MEMORY_DEFAULT; `scale` pixels for one of the widget.
typedef struct Picture {
    guint32 *pixels;
    int width, height, scale;
    int64_t x0; // content pixel at the left edge
} Picture;

static guint32 premultiply(const GdkRGBA *colour, float alpha)
{
    const float a = CLAMP(colour->alpha * alpha, 0, 1);

    return (guint32)(a * 255 + 0.5f) << 24 | (guint32)(colour->red * a * 255 + 0.5f) << 16 |
           (guint32)(colour->green * a * 255 + 0.5f) << 8 |
           (guint32)(colour->blue * a * 255 + 0.5f);
}

// Replaces what is there. Content pixels across, lane pixels down; cut at the sides.
static void fill(const Picture *picture, guint32 colour, int64_t x, int y, int64_t width,
                 int height)
{
    const int s = picture->scale;
    const int64_t from = MAX((x - picture->x0) * s, 0);
    const int64_t to = MIN((x + width - picture->x0) * s, picture->width);

    for (int v = y * s; v < (y + height) * s; v++)
        for (int64_t u = from; u < to; u++)
            picture->pixels[v * picture->width + u] = colour;
}

static void put_shape(const Picture *picture, const guint32 *shape, int64_t x, int y)
{
    const int s = picture->scale, size = MSK_SHAPE_SIZE * s;
    const int64_t left = (x - MSK_SHAPE_SIZE / 2 - picture->x0) * s;
    const int top = (y - MSK_SHAPE_SIZE / 2) * s;

    for (int v = 0; v < size; v++)
        for (int u = 0; u < size; u++) {
            const guint32 over = shape[v * size + u];
            if (over >> 24 == 0 || left + u < 0 || left + u >= picture->width || top + v < 0 ||
                top + v >= picture->height)
                continue;
            guint32 *pixel = &picture->pixels[(top + v) * picture->width + left + u];
            guint32 out = 0;
            for (int shift = 0; shift < 32; shift += 8) {
                const guint32 under = (*pixel >> shift & 255) * (255 - (over >> 24));
                out |= MIN((over >> shift & 255) + (under + 127) / 255, 255) << shift;
            }
            *pixel = out;
        }
}

// ---- Bars --------------------------------------------------------------------------------------

typedef enum Pattern { PATTERN_SOLID, PATTERN_HATCH, PATTERN_LOCK } Pattern;

// How much of a pixel the diagonal lines cover, 0 to 255; a period's worth of diagonals.
static const guint8 *get_hatch(int scale)
{
    static guint8 table[HATCH_PERIOD * 8];
    static int made_for;

    scale = MIN(scale, 8);
    if (made_for == scale)
        return table;
    made_for = scale;
    for (int i = 0; i < HATCH_PERIOD * scale; i++) {
        const double middle = HATCH_LINE * scale / 2;
        const double inside = middle - ABS(i + 0.5 - middle) + 0.5;
        table[i] = (guint8)(CLAMP(inside, 0, 1) * 255);
    }
    return table;
}

// Two rails and a row of bolts are left out. Logical pixels; x of the content.
static gboolean is_lock_gap(int64_t x, int y)
{
    const int middle = MSK_TIMELINE_BAR_HEIGHT / 2;

    return y == 2 || y == MSK_TIMELINE_BAR_HEIGHT - 3 ||
           (ABS(y - middle) <= 1 && x % HATCH_PERIOD >= 2 && x % HATCH_PERIOD <= 4);
}

static guint32 scale_colour(guint32 colour, guint32 alpha)
{
    guint32 out = 0;

    for (int shift = 0; shift < 32; shift += 8)
        out |= ((colour >> shift & 255) * alpha + 127) / 255 << shift;
    return out;
}

// Takes the pattern's gaps out of what is there.
static void punch(const Picture *picture, Pattern pattern, int64_t x, int64_t width)
{
    const int s = picture->scale, period = HATCH_PERIOD * MIN(s, 8);
    const guint8 *hatch = get_hatch(s);
    const int64_t from = MAX((x - picture->x0) * s, 0);
    const int64_t to = MIN((x + width - picture->x0) * s, picture->width);

    for (int v = 0; v < MSK_TIMELINE_BAR_HEIGHT * s; v++) {
        guint32 *row = &picture->pixels[(MSK_TIMELINE_BAR_TOP * s + v) * picture->width];
        for (int64_t u = from; u < to; u++) {
            const int64_t at = picture->x0 * s + u;
            const guint32 alpha = hatch[(at + v) % period];
            if (pattern == PATTERN_HATCH && alpha < 255)
                row[u] = alpha ? scale_colour(row[u], alpha) : 0;
            else if (pattern == PATTERN_LOCK && is_lock_gap(at / s, v / s))
                row[u] = 0;
        }
    }
}

// Whether the hollow bar goes on in the next stretch; only its ends are closed.
static gboolean goes_on(const GArray *stretches, guint i)
{
    const MskTimelineStretch *a = &g_array_index(stretches, MskTimelineStretch, i);

    return i + 1 < stretches->len && a->last + 1 == a[1].first &&
           ((a->bits ^ a[1].bits) & (MSK_BIT_MASK | MSK_BIT_PRESENT)) == 0;
}

static void draw_bar(const Picture *picture, const MskTimelineStyle *style, guint32 colour,
                     const GArray *stretches, guint i)
{
    const MskTimelineStretch *stretch = &g_array_index(stretches, MskTimelineStretch, i);
    const int64_t x = stretch->first, width = stretch->last - stretch->first + 1;
    const int top = MSK_TIMELINE_BAR_TOP, height = MSK_TIMELINE_BAR_HEIGHT;

    if (stretch->bits & MSK_BIT_PRESENT) {
        fill(picture, colour, x, top, width, height);
    } else if (stretch->bits & MSK_BIT_MASK) { // hollow
        fill(picture, colour, x, top, width, 1);
        fill(picture, colour, x, top + height - 1, width, 1);
        if (width >= 3 && (i == 0 || !goes_on(stretches, i - 1)))
            fill(picture, colour, x, top, 1, height);
        if (width >= 3 && !goes_on(stretches, i))
            fill(picture, colour, x + width - 1, top, 1, height);
    } else if (stretch->bits & MSK_BIT_LOCKED) { // nothing there, and it stays so
        fill(picture, premultiply(&style->foreground, 0.3f), x, top, width, height);
    }
    if (stretch->bits & MSK_BIT_STALE)
        punch(picture, PATTERN_HATCH, x, width);
    else if (stretch->bits & MSK_BIT_LOCKED)
        punch(picture, PATTERN_LOCK, x, width);
}

// ---- Doubt -------------------------------------------------------------------------------------

static void draw_doubt(const Picture *picture, MskTimelineLane *lane,
                       const MskTimelineStretch *stretch, int64_t deadline, gboolean *complete)
{
    const MskTimelineView *view = &lane->timeline->view;
    const MskTimelineStyle *style = &lane->timeline->style;
    const int64_t from = MAX(stretch->first, picture->x0);
    const int64_t to = MIN(stretch->last, picture->x0 + MSK_TIMELINE_TILE_WIDTH - 1);
    const gboolean is_flagged = (stretch->bits & MSK_BIT_DOUBT) != 0;
    const guint32 colour = premultiply(is_flagged ? &style->warning : &style->dim, 1);
    const int top = MSK_TIMELINE_DOUBT_TOP, bottom = top + MSK_TIMELINE_DOUBT_HEIGHT;

    fill(picture, premultiply(&style->line, 1), from, bottom - 1, to - from + 1, 1);
    if (is_flagged) // a cap over it, so that it is not told by its colour alone
        fill(picture, colour, stretch->first, top - 1,
             MAX(stretch->last - stretch->first + 1, FLAG_WIDTH), 2);
    int64_t first = view->zoom < 1 ? msk_timeline_view_find_frame(view, from - 1) + 1
                                   : msk_timeline_view_find_frame(view, from);
    for (int64_t pixel = from; pixel <= to;) {
        const int64_t last = view->zoom < 1 ? msk_timeline_view_find_frame(view, pixel) : first;
        const int64_t next =
            view->zoom < 1 ? pixel + 1 : MIN(msk_timeline_view_get_edge(view, last + 1), to + 1);
        const int doubt = msk_timeline_lane_get_doubt(
            lane, MAX(first, 0), MIN(last, view->n_frames - 1), deadline, complete);
        const int height = (doubt * MSK_TIMELINE_DOUBT_HEIGHT + 127) / 254;
        if (height > 0)
            fill(picture, colour, pixel, bottom - height, next - pixel, height);
        pixel = next;
        first = last + 1;
    }
}

// ---- Keyframes ---------------------------------------------------------------------------------

static MskTimelineShape get_shape(MskTimelineBits bits)
{
    if (!(bits & MSK_BIT_PAINT))
        return MSK_SHAPE_PROMPT;
    return bits & MSK_BIT_PROMPT ? MSK_SHAPE_BOTH : MSK_SHAPE_PAINT;
}

static void draw_marks(const Picture *picture, const MskTimelineStyle *style, const GArray *marks)
{
    const guint32 tick = premultiply(&style->foreground, 1);
    int64_t before = INT64_MIN / 2;

    for (guint i = 0; i < marks->len; i++) {
        const MskTimelineMark *mark = &g_array_index(marks, MskTimelineMark, i);
        fill(picture, tick, mark->pixel, MSK_TIMELINE_BAR_TOP - TICK_HEIGHT, 1, TICK_HEIGHT);
        if (mark->pixel - before >= SHAPE_GAP)
            put_shape(picture, msk_pixels_get_data(style->shapes[get_shape(mark->bits)]),
                      mark->pixel, MSK_TIMELINE_SHAPE_Y);
        before = mark->pixel;
    }
}

// ---- Tiles -------------------------------------------------------------------------------------

static void get_runs(MskTimelineLane *lane, int64_t first_pixel, int64_t last_pixel, GArray *runs)
{
    int64_t first, last;

    g_array_set_size(runs, 0);
    if (msk_timeline_view_get_span(&lane->timeline->view, first_pixel, last_pixel, &first, &last))
        msk_masklet_get_runs(lane->masklet, first, last, runs);
}

void msk_timeline_tile_draw(MskTimelineLane *lane, MskTimelineTile *tile, int64_t index,
                            int64_t deadline)
{
    const MskTimelineView *view = &lane->timeline->view;
    const MskTimelineStyle *style = &lane->timeline->style;
    const GdkRGBA colour =
        msk_timeline_style_get_colour(style, msk_masklet_get_info(lane->masklet)->colour);
    const int64_t x0 = index * MSK_TIMELINE_TILE_WIDTH, end = x0 + MSK_TIMELINE_TILE_WIDTH - 1;
    Picture picture = {.width = MSK_TIMELINE_TILE_WIDTH * style->scale,
                       .height = MSK_TIMELINE_LANE_HEIGHT * style->scale,
                       .scale = style->scale,
                       .x0 = x0};
    Scratch *scratch = get_scratch();
    gboolean complete = TRUE;

    g_clear_pointer(&tile->pixels, msk_pixels_unref);
    tile->is_outdated = tile->is_partial = FALSE;
    get_runs(lane, x0 - REACH, end + REACH, scratch->runs);
    if (scratch->runs->len == 0)
        return;
    tile->pixels = msk_pixels_new(picture.width, picture.height, FALSE);
    picture.pixels = msk_pixels_get_data(tile->pixels);
    msk_timeline_join_marks(view, scratch->runs, scratch->marks);
    msk_timeline_join_runs(view, scratch->runs, scratch->stretches);
    for (guint i = 0; i < scratch->stretches->len; i++) {
        const MskTimelineStretch *stretch =
            &g_array_index(scratch->stretches, MskTimelineStretch, i);
        draw_bar(&picture, style, premultiply(&colour, 1), scratch->stretches, i);
        if (stretch->bits & MSK_BIT_MASK)
            draw_doubt(&picture, lane, stretch, deadline, &complete);
    }
    draw_marks(&picture, style, scratch->marks);
    tile->is_partial = !complete;
}
