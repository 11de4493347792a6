// SPDX-License-Identifier: Apache-2.0
// Draws the lanes: bars, patterns, doubt and keyframes, in tiles that are drawn once and moved.
#include "ui/timeline_private.h"

#include <math.h>

#define DOUBT_BUDGET 4000 // microseconds of a drawing
#define TILE_AGE 64       // drawings that an unseen tile is kept
#define SHAPE_GAP 6       // pixels: nearer keyframes have ticks only
#define TICK_HEIGHT 4
#define FLAG_WIDTH 3 // pixels: a flagged frame is not thinner

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

static GdkRGBA fade(GdkRGBA colour, float alpha)
{
    colour.alpha *= alpha;
    return colour;
}

static void put_rect(GtkSnapshot *snapshot, const GdkRGBA *colour, float x, float y, float width,
                     float height)
{
    gtk_snapshot_append_color(snapshot, colour, &GRAPHENE_RECT_INIT(x, y, width, height));
}

// ---- Tiles -------------------------------------------------------------------------------------

// Whether the hollow bar goes on in the next stretch; only its ends are closed.
static gboolean goes_on(const GArray *stretches, guint i)
{
    const MskTimelineStretch *a = &g_array_index(stretches, MskTimelineStretch, i);

    return i + 1 < stretches->len && a->last + 1 == a[1].first &&
           ((a->bits ^ a[1].bits) & (MSK_BIT_MASK | MSK_BIT_PRESENT)) == 0;
}

static void draw_bar(MskTimelineLane *lane, GtkSnapshot *snapshot, const GdkRGBA *colour,
                     const GArray *stretches, guint i, int64_t x0)
{
    const MskTimelineStyle *style = &lane->timeline->style;
    const MskTimelineStretch *stretch = &g_array_index(stretches, MskTimelineStretch, i);
    const int64_t end = x0 + MSK_TIMELINE_TILE_WIDTH - 1;
    const int64_t from = MAX(stretch->first, x0), to = MIN(stretch->last, end);
    const float x = (float)(from - x0), width = (float)(to - from + 1);
    const float top = MSK_TIMELINE_BAR_TOP, height = MSK_TIMELINE_BAR_HEIGHT;
    const graphene_rect_t rect = GRAPHENE_RECT_INIT(x, top, width, height);

    if (from > to)
        return;
    if (stretch->bits & MSK_BIT_PRESENT) {
        gtk_snapshot_append_color(snapshot, colour, &rect);
    } else if (stretch->bits & MSK_BIT_MASK) { // hollow
        put_rect(snapshot, colour, x, top, width, 1);
        put_rect(snapshot, colour, x, top + height - 1, width, 1);
        if (width >= 3 && from == stretch->first && (i == 0 || !goes_on(stretches, i - 1)))
            put_rect(snapshot, colour, x, top, 1, height);
        if (width >= 3 && to == stretch->last && !goes_on(stretches, i))
            put_rect(snapshot, colour, x + width - 1, top, 1, height);
    } else if (stretch->bits & MSK_BIT_LOCKED) { // nothing there, and it stays so
        const GdkRGBA faint = fade(style->foreground, 0.3f);
        gtk_snapshot_append_color(snapshot, &faint, &rect);
    }
    if (stretch->bits & MSK_BIT_STALE)
        msk_timeline_style_fill(snapshot, style->hatch, &rect, from);
    else if (stretch->bits & MSK_BIT_LOCKED)
        msk_timeline_style_fill(snapshot, style->lock, &rect, from);
}

static void draw_doubt(MskTimelineLane *lane, GtkSnapshot *snapshot,
                       const MskTimelineStretch *stretch, int64_t x0, int64_t deadline,
                       gboolean *complete)
{
    const MskTimelineView *view = &lane->timeline->view;
    const MskTimelineStyle *style = &lane->timeline->style;
    const int64_t end = x0 + MSK_TIMELINE_TILE_WIDTH - 1;
    const int64_t from = MAX(stretch->first, x0), to = MIN(stretch->last, end);
    const gboolean is_flagged = (stretch->bits & MSK_BIT_DOUBT) != 0;
    const GdkRGBA colour = is_flagged ? style->warning : style->dim;
    const float bottom = MSK_TIMELINE_DOUBT_TOP + MSK_TIMELINE_DOUBT_HEIGHT;
    int64_t begin = from;
    int level = 0;

    if (from > to)
        return;
    put_rect(snapshot, &style->line, (float)(from - x0), bottom - 1, (float)(to - from + 1), 1);
    if (is_flagged) { // a cap over it, so that it is not told by its colour alone
        const float width = (float)MAX(to - from + 1, FLAG_WIDTH);
        put_rect(snapshot, &colour, (float)(from - x0), MSK_TIMELINE_DOUBT_TOP - 1, width, 2);
    }
    for (int64_t pixel = from; pixel <= to + 1;) {
        int height = -1; // ends the last one
        int64_t next = pixel + 1;
        if (pixel <= to) {
            const int64_t last = msk_timeline_view_find_frame(view, pixel);
            int64_t first = last;
            if (view->zoom < 1)
                first = msk_timeline_view_find_frame(view, pixel - 1) + 1;
            else
                next = MIN(msk_timeline_view_get_edge(view, last + 1), to + 1);
            const int doubt = msk_timeline_lane_get_doubt(
                lane, MAX(first, 0), MIN(last, view->n_frames - 1), deadline, complete);
            height = (doubt * MSK_TIMELINE_DOUBT_HEIGHT + 127) / 254;
        }
        if (height != level) {
            if (level > 0 && pixel > begin)
                put_rect(snapshot, &colour, (float)(begin - x0), bottom - (float)level,
                         (float)(pixel - begin), (float)level);
            begin = pixel;
            level = height;
        }
        pixel = next;
    }
}

static MskTimelineShape get_shape(MskTimelineBits bits)
{
    if (!(bits & MSK_BIT_PAINT))
        return MSK_SHAPE_PROMPT;
    return bits & MSK_BIT_PROMPT ? MSK_SHAPE_BOTH : MSK_SHAPE_PAINT;
}

static const float shape_y = MSK_TIMELINE_BAR_TOP + (MSK_TIMELINE_BAR_HEIGHT - 1) / 2.0f;

static void draw_marks(MskTimelineLane *lane, GtkSnapshot *snapshot, const GArray *marks,
                       int64_t x0)
{
    const MskTimelineStyle *style = &lane->timeline->style;
    int64_t before = -SHAPE_GAP;

    for (guint i = 0; i < marks->len; i++) {
        const MskTimelineMark *mark = &g_array_index(marks, MskTimelineMark, i);
        const int64_t x = mark->pixel - x0;
        if (x < 0 || x >= MSK_TIMELINE_TILE_WIDTH)
            continue;
        put_rect(snapshot, &style->foreground, (float)x, MSK_TIMELINE_BAR_TOP - TICK_HEIGHT, 1,
                 TICK_HEIGHT);
        if (x - before < SHAPE_GAP)
            continue;
        msk_timeline_style_put_shape(style, snapshot, get_shape(mark->bits), (float)x, shape_y);
        before = x;
    }
}

static void draw_tile(MskTimelineLane *lane, MskTimelineTile *tile, int64_t index, int64_t deadline)
{
    const MskTimelineView *view = &lane->timeline->view;
    const int64_t x0 = index * MSK_TIMELINE_TILE_WIDTH;
    const GdkRGBA colour = msk_timeline_style_get_colour(
        &lane->timeline->style, msk_masklet_get_info(lane->masklet)->colour);
    Scratch *scratch = get_scratch();
    gboolean complete = TRUE;
    int64_t first, last;

    g_clear_pointer(&tile->bars, gsk_render_node_unref);
    g_clear_pointer(&tile->marks, gsk_render_node_unref);
    tile->is_partial = FALSE;
    if (!msk_timeline_view_get_span(view, x0, x0 + MSK_TIMELINE_TILE_WIDTH - 1, &first, &last))
        return;
    g_array_set_size(scratch->runs, 0);
    msk_masklet_get_runs(lane->masklet, first, last, scratch->runs);
    msk_timeline_join_runs(view, scratch->runs, scratch->stretches);
    msk_timeline_join_marks(view, scratch->runs, scratch->marks);

    GtkSnapshot *bars = gtk_snapshot_new();
    for (guint i = 0; i < scratch->stretches->len; i++) {
        const MskTimelineStretch *stretch =
            &g_array_index(scratch->stretches, MskTimelineStretch, i);
        draw_bar(lane, bars, &colour, scratch->stretches, i, x0);
        if (stretch->bits & MSK_BIT_MASK)
            draw_doubt(lane, bars, stretch, x0, deadline, &complete);
    }
    tile->bars = gtk_snapshot_free_to_node(bars);
    GtkSnapshot *marks = gtk_snapshot_new();
    draw_marks(lane, marks, scratch->marks, x0);
    tile->marks = gtk_snapshot_free_to_node(marks);
    tile->is_partial = !complete;
}

static MskTimelineTile *get_tile(MskTimelineLane *lane, int64_t index, int64_t deadline)
{
    MskTimelineTile *tile = g_hash_table_lookup(lane->tiles, &index);

    if (!tile) {
        tile = g_new0(MskTimelineTile, 1);
        g_hash_table_insert(lane->tiles, g_memdup2(&index, sizeof(index)), tile);
        draw_tile(lane, tile, index, deadline);
    } else if (tile->is_partial && g_get_monotonic_time() < deadline) {
        draw_tile(lane, tile, index, deadline);
    }
    tile->last_used = lane->timeline->n_draws;
    return tile;
}

static gboolean is_old(gpointer key, gpointer value, gpointer user)
{
    const MskTimelineTile *tile = value;

    return tile->last_used + TILE_AGE < *(guint64 *)user;
}

// ---- Lanes -------------------------------------------------------------------------------------

static gboolean redraw_idle(gpointer user)
{
    MskTimeline *self = user;

    self->redraw_id = 0;
    gtk_widget_queue_draw(self->tracks);
    return G_SOURCE_REMOVE;
}

static void put_node(GtkSnapshot *snapshot, GskRenderNode *node, float x, float y)
{
    if (!node)
        return;
    gtk_snapshot_save(snapshot);
    gtk_snapshot_translate(snapshot, &GRAPHENE_POINT_INIT(x, y));
    gtk_snapshot_append_node(snapshot, node);
    gtk_snapshot_restore(snapshot);
}

static void draw_background(MskTimeline *self, GtkSnapshot *snapshot, const MskTimelineLane *lane,
                            gboolean is_selected, float y, int width)
{
    if (is_selected)
        put_rect(snapshot, &self->style.selected, 0, y, (float)width, MSK_TIMELINE_LANE_HEIGHT);
    else if (lane->index % 2)
        put_rect(snapshot, &self->style.odd, 0, y, (float)width, MSK_TIMELINE_LANE_HEIGHT);
    put_rect(snapshot, &self->style.line, 0, y + MSK_TIMELINE_LANE_HEIGHT - 1, (float)width, 1);
}

// The selected keyframe, and the one that is dragged where it would go.
static void draw_keyframe(MskTimeline *self, GtkSnapshot *snapshot, float y)
{
    const MskTimelineView *view = &self->view;
    const int64_t at = msk_timeline_view_get_middle(view, self->keyframe) - view->scroll;

    msk_timeline_style_put_shape(&self->style, snapshot, MSK_SHAPE_GHOST, (float)at, y + shape_y);
    if (self->drag != MSK_DRAG_KEYFRAME || !self->is_moved)
        return;
    const int64_t to = msk_timeline_view_get_middle(view, self->drag_frame) - view->scroll;
    put_rect(snapshot, &self->style.accent, (float)to, y, 1, MSK_TIMELINE_LANE_HEIGHT - 1);
    msk_timeline_style_put_shape(&self->style, snapshot, MSK_SHAPE_GHOST, (float)to, y + shape_y);
}

void msk_timeline_draw_lanes(MskTimeline *self, GtkSnapshot *snapshot, int width, int height)
{
    const int64_t scroll_y = msk_timeline_get_scroll_y(self), scroll = self->view.scroll;
    const int64_t deadline = g_get_monotonic_time() + DOUBT_BUDGET;
    const int64_t first_tile = scroll / MSK_TIMELINE_TILE_WIDTH;
    const int64_t last_tile = (scroll + width - 1) / MSK_TIMELINE_TILE_WIDTH;
    const guint first = (guint)(scroll_y / MSK_TIMELINE_LANE_HEIGHT);
    const guint end =
        (guint)MIN((scroll_y + height - 1) / MSK_TIMELINE_LANE_HEIGHT + 1, self->lanes->len);
    MskMasklet *selected = self->session ? msk_session_get_selected(self->session) : NULL;
    gboolean is_partial = FALSE;

    self->n_draws++;
    for (guint i = first; i < end; i++) {
        MskTimelineLane *lane = self->lanes->pdata[i];
        const gboolean is_selected = lane->masklet == selected;
        const float y = (float)((int64_t)i * MSK_TIMELINE_LANE_HEIGHT - scroll_y);
        draw_background(self, snapshot, lane, is_selected, y, width);
        const gboolean is_hidden = !msk_masklet_get_info(lane->masklet)->visible;
        if (is_hidden)
            gtk_snapshot_push_opacity(snapshot, 0.45);
        for (int64_t t = first_tile; t <= last_tile; t++) {
            MskTimelineTile *tile = get_tile(lane, t, deadline);
            put_node(snapshot, tile->bars, (float)(t * MSK_TIMELINE_TILE_WIDTH - scroll), y);
            is_partial |= tile->is_partial;
        }
        for (int64_t t = first_tile; t <= last_tile; t++) // markers reach over their tile's edge
            put_node(snapshot, get_tile(lane, t, deadline)->marks,
                     (float)(t * MSK_TIMELINE_TILE_WIDTH - scroll), y);
        if (is_hidden)
            gtk_snapshot_pop(snapshot);
        if (is_selected && self->keyframe >= 0)
            draw_keyframe(self, snapshot, y);
    }
    if (is_partial && !self->redraw_id)
        self->redraw_id = g_idle_add_full(G_PRIORITY_LOW, redraw_idle, self, NULL);
    if (self->n_draws % TILE_AGE == 0)
        for (guint i = 0; i < self->lanes->len; i++)
            g_hash_table_foreach_remove(((MskTimelineLane *)self->lanes->pdata[i])->tiles, is_old,
                                        &self->n_draws);
}
