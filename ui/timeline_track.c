// SPDX-License-Identifier: Apache-2.0
// Draws the lanes: tiles that are kept and moved, and what is selected over them.
#include "ui/timeline_private.h"

#include <math.h>

#define DOUBT_PART 0.8 // of the time for tiles
#define TILE_AGE 64    // drawings that an unseen tile is kept

static void put_rect(GtkSnapshot *snapshot, const GdkRGBA *colour, float x, float y, float width,
                     float height)
{
    gtk_snapshot_append_color(snapshot, colour, &GRAPHENE_RECT_INIT(x, y, width, height));
}

// What one drawing may still do.
typedef struct Budget {
    gint64 doubt_end, tiles_end; // monotonic time
    gboolean is_spent;
    gboolean is_partial; // something is to be made by the next drawing
} Budget;

static MskTimelineTile *get_tile(MskTimelineLane *lane, int64_t index, Budget *budget)
{
    MskTimelineTile *tile = g_hash_table_lookup(lane->tiles, &index);

    if (!tile) {
        tile = g_new0(MskTimelineTile, 1);
        tile->is_outdated = TRUE;
        g_hash_table_insert(lane->tiles, g_memdup2(&index, sizeof(index)), tile);
    }
    if (tile->is_outdated ? !budget->is_spent
                          : tile->is_partial && g_get_monotonic_time() < budget->doubt_end) {
        msk_timeline_tile_draw(lane, tile, index, budget->doubt_end);
        budget->is_spent = g_get_monotonic_time() >= budget->tiles_end;
    }
    budget->is_partial |= tile->is_outdated || tile->is_partial;
    tile->last_used = lane->timeline->n_draws;
    return tile;
}

static void put_tile(MskTimeline *self, GtkSnapshot *snapshot, const MskTimelineTile *tile,
                     double x, float y, double width)
{
    if (tile->pixels)
        msk_pixels_draw(tile->pixels, snapshot, self->tracks, (float)x, y, (float)width,
                        MSK_TIMELINE_LANE_HEIGHT);
}

// The zoom before, stretched, where a tile is not made yet.
static void put_before(MskTimeline *self, GtkSnapshot *snapshot, MskTimelineLane *lane,
                       int64_t index, float y)
{
    const int64_t x = index * MSK_TIMELINE_TILE_WIDTH;
    const double width = MSK_TIMELINE_TILE_WIDTH * self->view.zoom / lane->zoom_before;
    const int64_t last = (int64_t)floor((double)(x + MSK_TIMELINE_TILE_WIDTH - 1) / width);

    gtk_snapshot_push_clip(snapshot,
                           &GRAPHENE_RECT_INIT((float)(x - self->view.scroll), y,
                                               MSK_TIMELINE_TILE_WIDTH, MSK_TIMELINE_LANE_HEIGHT));
    for (int64_t t = (int64_t)floor((double)x / width); t <= last; t++) {
        const MskTimelineTile *tile = g_hash_table_lookup(lane->before, &t);
        if (tile)
            put_tile(self, snapshot, tile, (double)t * width - (double)self->view.scroll, y, width);
    }
    gtk_snapshot_pop(snapshot);
}

static void draw_tiles(MskTimeline *self, GtkSnapshot *snapshot, MskTimelineLane *lane, float y,
                       int width, Budget *budget)
{
    const int64_t scroll = self->view.scroll;
    const int64_t first = // -1 has the half of frame 0's marker that is in the margin
        scroll < 0 ? -1 : scroll / MSK_TIMELINE_TILE_WIDTH;
    const int64_t last = (scroll + width - 1) / MSK_TIMELINE_TILE_WIDTH;

    for (int64_t t = first; t <= last; t++) {
        const MskTimelineTile *tile = get_tile(lane, t, budget);
        if (tile->is_outdated && !tile->pixels && g_hash_table_size(lane->before) > 0)
            put_before(self, snapshot, lane, t, y);
        else
            put_tile(self, snapshot, tile, (double)(t * MSK_TIMELINE_TILE_WIDTH - scroll), y,
                     MSK_TIMELINE_TILE_WIDTH);
    }
}

static gboolean is_old(gpointer key, gpointer value, gpointer user)
{
    const MskTimelineTile *tile = value;

    return tile->last_used + TILE_AGE < *(guint64 *)user;
}

static gboolean redraw_idle(gpointer user)
{
    MskTimeline *self = user;

    self->redraw_id = 0;
    gtk_widget_queue_draw(self->tracks);
    return G_SOURCE_REMOVE;
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

    msk_timeline_style_put_ghost(&self->style, snapshot, self->tracks, (float)at, y);
    if (self->drag != MSK_DRAG_KEYFRAME || !self->is_moved)
        return;
    const int64_t to = msk_timeline_view_get_middle(view, self->drag_frame) - view->scroll;
    put_rect(snapshot, &self->style.accent, (float)to, y, 1, MSK_TIMELINE_LANE_HEIGHT - 1);
    msk_timeline_style_put_ghost(&self->style, snapshot, self->tracks, (float)to, y);
}

void msk_timeline_draw_lanes(MskTimeline *self, GtkSnapshot *snapshot, int width, int height)
{
    const int64_t scroll_y = msk_timeline_get_scroll_y(self);
    const gint64 now = g_get_monotonic_time();
    Budget budget = {.doubt_end = now + (gint64)((double)self->draw_budget * DOUBT_PART),
                     .tiles_end = now + self->draw_budget};
    const guint first = (guint)(scroll_y / MSK_TIMELINE_LANE_HEIGHT);
    const guint end =
        (guint)MIN((scroll_y + height - 1) / MSK_TIMELINE_LANE_HEIGHT + 1, self->lanes->len);
    MskMasklet *selected = self->session ? msk_session_get_selected(self->session) : NULL;

    self->n_draws++;
    for (guint i = first; i < end; i++) {
        MskTimelineLane *lane = self->lanes->pdata[i];
        const gboolean is_selected = lane->masklet == selected;
        const float y = (float)((int64_t)i * MSK_TIMELINE_LANE_HEIGHT - scroll_y);
        draw_background(self, snapshot, lane, is_selected, y, width);
        const gboolean is_hidden = !msk_masklet_get_info(lane->masklet)->visible;
        if (is_hidden)
            gtk_snapshot_push_opacity(snapshot, 0.45);
        draw_tiles(self, snapshot, lane, y, width, &budget);
        if (is_hidden)
            gtk_snapshot_pop(snapshot);
        if (is_selected && self->keyframe >= 0)
            draw_keyframe(self, snapshot, y);
    }
    if (budget.is_partial && !self->redraw_id)
        self->redraw_id = g_idle_add_full(G_PRIORITY_LOW, redraw_idle, self, NULL);
    if (!budget.is_partial && self->has_before)
        for (guint i = 0; i < self->lanes->len; i++)
            g_hash_table_remove_all(((MskTimelineLane *)self->lanes->pdata[i])->before);
    self->has_before &= budget.is_partial;
    if (self->n_draws % TILE_AGE == 0)
        for (guint i = 0; i < self->lanes->len; i++)
            g_hash_table_foreach_remove(((MskTimelineLane *)self->lanes->pdata[i])->tiles, is_old,
                                        &self->n_draws);
}
