// SPDX-License-Identifier: Apache-2.0
// Lanes: what is kept of an object between two drawings: its doubt by frame, and drawn tiles.
#include "ui/timeline_private.h"

#include <math.h>

#define DOUBT_BLOCK 1024 // frames
#define DOUBT_UNKNOWN 255
#define DOUBT_REACH 2    // doubt depends on the frames next to it
#define DOUBT_AT_ONCE 64 // frames between looks at the clock

static void free_tile(gpointer data)
{
    MskTimelineTile *tile = data;

    msk_pixels_unref(tile->pixels);
    g_free(tile);
}

static void notify_cb(MskTimelineLane *lane, GParamSpec *pspec)
{
    msk_timeline_lane_forget_tiles(lane); // another colour
    gtk_widget_queue_draw(lane->timeline->tracks);
}

MskTimelineLane *msk_timeline_lane_new(MskTimeline *timeline, MskMasklet *masklet)
{
    MskTimelineLane *lane = g_new0(MskTimelineLane, 1);

    lane->timeline = timeline;
    lane->masklet = g_object_ref(masklet);
    lane->tiles = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_tile);
    lane->before = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_tile);
    lane->doubts = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    lane->notify_id = g_signal_connect_swapped(masklet, "notify", G_CALLBACK(notify_cb), lane);
    return lane;
}

void msk_timeline_lane_free(MskTimelineLane *lane)
{
    g_signal_handler_disconnect(lane->masklet, lane->notify_id);
    g_hash_table_unref(lane->tiles);
    g_hash_table_unref(lane->before);
    g_hash_table_unref(lane->doubts);
    g_object_unref(lane->masklet);
    g_free(lane);
}

void msk_timeline_lane_forget_tiles(MskTimelineLane *lane)
{
    g_hash_table_remove_all(lane->tiles);
    g_hash_table_remove_all(lane->before);
}

static gboolean has_pixels(gpointer key, gpointer value, gpointer user)
{
    return ((const MskTimelineTile *)value)->pixels != NULL;
}

void msk_timeline_lane_set_tiles_aside(MskTimelineLane *lane, double zoom_before)
{
    // While it is zoomed faster than drawn, there may be nothing newer than what is aside.
    if (g_hash_table_find(lane->tiles, has_pixels, NULL)) {
        GHashTable *tiles = lane->before;
        lane->before = lane->tiles;
        lane->tiles = tiles;
        lane->zoom_before = zoom_before;
    }
    g_hash_table_remove_all(lane->tiles);
}

// ---- Doubt -------------------------------------------------------------------------------------

static guint8 *get_block(MskTimelineLane *lane, int64_t index)
{
    guint8 *block = g_hash_table_lookup(lane->doubts, &index);

    if (!block) {
        block = g_malloc(DOUBT_BLOCK);
        memset(block, DOUBT_UNKNOWN, DOUBT_BLOCK);
        g_hash_table_insert(lane->doubts, g_memdup2(&index, sizeof(index)), block);
    }
    return block;
}

static guint8 compute_doubt(MskTimelineLane *lane, int64_t frame)
{
    const float doubt = msk_masklet_get_doubt(lane->masklet, frame);

    return doubt > 0 ? (guint8)lroundf(MIN(doubt, 1) * 254) : 0;
}

guint8 msk_timeline_lane_get_doubt(MskTimelineLane *lane, int64_t first, int64_t last,
                                   int64_t deadline, gboolean *complete)
{
    guint8 greatest = 0;
    int n_computed = 0;
    gboolean is_late = !*complete;

    for (int64_t frame = first; frame <= last;) {
        const int64_t index = frame / DOUBT_BLOCK, end = MIN(last + 1, (index + 1) * DOUBT_BLOCK);
        guint8 *block = get_block(lane, index);
        for (; frame < end; frame++) {
            guint8 *doubt = &block[frame % DOUBT_BLOCK];
            if (*doubt == DOUBT_UNKNOWN) {
                if (is_late)
                    continue;
                *doubt = compute_doubt(lane, frame);
                if (++n_computed % DOUBT_AT_ONCE == 0)
                    is_late = g_get_monotonic_time() > deadline;
            }
            greatest = MAX(greatest, *doubt);
        }
        if (is_late)
            *complete = FALSE;
    }
    return greatest;
}

static void forget_doubts(MskTimelineLane *lane, int64_t first, int64_t last)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, lane->doubts);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const int64_t start = *(int64_t *)key * DOUBT_BLOCK;
        const int64_t from = MAX(first, start), to = MIN(last, start + DOUBT_BLOCK - 1);
        if (from > to)
            continue;
        if (to - from + 1 == DOUBT_BLOCK)
            g_hash_table_iter_remove(&iter);
        else
            memset((guint8 *)value + (from - start), DOUBT_UNKNOWN, (gsize)(to - from + 1));
    }
}

void msk_timeline_lane_invalidate(MskTimelineLane *lane, int64_t first, int64_t last)
{
    const MskTimelineView *view = &lane->timeline->view;
    GHashTableIter iter;
    gpointer key, value;

    first -= DOUBT_REACH;
    last += DOUBT_REACH;
    forget_doubts(lane, first, last);
    const int64_t from = msk_timeline_view_get_edge(view, first) / MSK_TIMELINE_TILE_WIDTH - 1;
    const int64_t to = msk_timeline_view_get_edge(view, last + 1) / MSK_TIMELINE_TILE_WIDTH;
    g_hash_table_iter_init(&iter, lane->tiles);
    while (g_hash_table_iter_next(&iter, &key, &value))
        if (*(int64_t *)key >= from && *(int64_t *)key <= to)
            ((MskTimelineTile *)value)->is_outdated = TRUE;
}

// ---- Picking -----------------------------------------------------------------------------------

int64_t msk_timeline_lane_pick_keyframe(MskTimelineLane *lane, double x, double y)
{
    const MskTimelineView *view = &lane->timeline->view;
    const int reach = MSK_SHAPE_SIZE / 2 + 1;
    const int64_t pixel = view->scroll + (int64_t)floor(x);
    const double middle = MSK_TIMELINE_SHAPE_Y + 0.5;
    int64_t first, last, found = -1, best = INT64_MAX;

    if (fabs(y - middle) > reach + 2 ||
        !msk_timeline_view_get_span(view, pixel - reach, pixel + reach, &first, &last))
        return -1;
    const GArray *keyframes = msk_masklet_get_keyframes(lane->masklet);
    guint low = 0, high = keyframes->len; // the first keyframe not before `first`
    while (low < high) {
        const guint at = low + (high - low) / 2;
        if (g_array_index(keyframes, int64_t, at) < first)
            low = at + 1;
        else
            high = at;
    }
    for (; low < keyframes->len && g_array_index(keyframes, int64_t, low) <= last; low++) {
        const int64_t frame = g_array_index(keyframes, int64_t, low);
        const int64_t distance = ABS(msk_timeline_view_get_middle(view, frame) - pixel);
        if (distance <= reach && distance < best) {
            best = distance;
            found = frame;
        }
    }
    return found;
}
