// SPDX-License-Identifier: Apache-2.0
// What the files of the timeline share.
#pragma once

#include "app/timecode.h"
#include "ui/pixels.h"
#include "ui/timeline.h"
#include "ui/timeline_view.h"

G_BEGIN_DECLS

#define MSK_TIMELINE_RULER_HEIGHT 38
#define MSK_TIMELINE_STRIP_HEIGHT 10 // the in/out range, at the ruler's bottom
#define MSK_TIMELINE_FILM_HEIGHT 44
#define MSK_TIMELINE_LANE_HEIGHT 36
#define MSK_TIMELINE_BAR_TOP 6
#define MSK_TIMELINE_BAR_HEIGHT 15
#define MSK_TIMELINE_SHAPE_Y 13 // the pixel in the middle of the bar
#define MSK_TIMELINE_DOUBT_TOP 23
#define MSK_TIMELINE_DOUBT_HEIGHT 8
#define MSK_TIMELINE_TILE_WIDTH 512

// ---- Lanes (timeline_lane.c) -------------------------------------------------------------------

// An object's lane: what is drawn of it is kept in tiles. A drawing makes as many as it has time
// for; until the others are made, they show what they were before, or before the zoom changed.
typedef struct MskTimelineLane MskTimelineLane;

typedef struct MskTimelineTile {
    MskPixels *pixels; // NULL: empty
    guint64 last_used;
    gboolean is_outdated; // not made yet, or what it shows has changed
    gboolean is_partial;  // doubt was not known of all frames
} MskTimelineTile;

struct MskTimelineLane {
    MskMasklet *masklet;
    guint index;
    GHashTable *tiles;  // int64 * -> MskTimelineTile *
    GHashTable *before; // likewise, of the zoom before
    double zoom_before;
    GHashTable *doubts; // int64 * block -> guint8 *
    gulong notify_id;
    MskTimeline *timeline;
};

MskTimelineLane *msk_timeline_lane_new(MskTimeline *timeline, MskMasklet *masklet);
void msk_timeline_lane_free(MskTimelineLane *lane);
// What is kept of these frames is not true any longer.
void msk_timeline_lane_invalidate(MskTimelineLane *lane, int64_t first, int64_t last);
void msk_timeline_lane_forget_tiles(MskTimelineLane *lane);
// Another zoom: the tiles stand in for those that are not made yet.
void msk_timeline_lane_set_tiles_aside(MskTimelineLane *lane, double zoom_before);
// The greatest doubt of these frames, 0 to 254. After `deadline` (monotonic time) only what is
// known counts, and *complete is made FALSE.
guint8 msk_timeline_lane_get_doubt(MskTimelineLane *lane, int64_t first, int64_t last,
                                   int64_t deadline, gboolean *complete);
// Draws what the lane has from pixel index * MSK_TIMELINE_TILE_WIDTH on (timeline_tile.c).
void msk_timeline_tile_draw(MskTimelineLane *lane, MskTimelineTile *tile, int64_t index,
                            int64_t deadline);
// The keyframe whose marker is at x, y of the lane (widget pixels); -1: none.
int64_t msk_timeline_lane_pick_keyframe(MskTimelineLane *lane, double x, double y);

// ---- Colours and shapes (timeline_style.c) -----------------------------------------------------

typedef enum MskTimelineShape {
    MSK_SHAPE_PROMPT, // a diamond
    MSK_SHAPE_PAINT,  // a disc
    MSK_SHAPE_BOTH,   // a disc in a diamond
    MSK_N_SHAPES,
} MskTimelineShape;
#define MSK_SHAPE_SIZE 13 // odd

typedef struct MskTimelineStyle {
    GdkRGBA foreground, dim, line, accent, warning, selected, odd, background;
    guint32 background_rgb;
    int scale;
    MskPixels *shapes[MSK_N_SHAPES]; // MSK_SHAPE_SIZE * scale on each side
    MskPixels *ghost;                // a selected or dragged keyframe
    PangoLayout *layout;
} MskTimelineStyle;

// Adds the style sheet to the display, once.
void msk_timeline_style_load(void);
// Reads the theme; `widget` is one whose CSS node has the lanes' background.
void msk_timeline_style_update(MskTimelineStyle *style, GtkWidget *widget);
void msk_timeline_style_clear(MskTimelineStyle *style);
// An object's colour, fit to be seen on the lane.
GdkRGBA msk_timeline_style_get_colour(const MskTimelineStyle *style, guint32 colour);
// A selected or dragged keyframe of the lane at y.
void msk_timeline_style_put_ghost(const MskTimelineStyle *style, GtkSnapshot *snapshot,
                                  GtkWidget *widget, float x, float y);
// Text as a node with its top left corner at (0, 0); *width in pixels. The caller owns the node.
GskRenderNode *msk_timeline_style_draw_text(MskTimelineStyle *style, GtkWidget *widget,
                                            const char *text, const GdkRGBA *colour, int *width);

// ---- Parts -------------------------------------------------------------------------------------

// A child that draws itself with one function. Parts run left to right in every language.
#define MSK_TYPE_TIMELINE_PART (msk_timeline_part_get_type())
G_DECLARE_FINAL_TYPE(MskTimelinePart, msk_timeline_part, MSK, TIMELINE_PART, GtkWidget)
typedef void (*MskTimelineDrawFunc)(MskTimeline *timeline, GtkSnapshot *snapshot, int width,
                                    int height);
GtkWidget *msk_timeline_part_new(MskTimeline *timeline, const char *css_name,
                                 GtkAccessibleRole role, MskTimelineDrawFunc draw);

void msk_timeline_draw_lanes(MskTimeline *timeline, GtkSnapshot *snapshot, int width, int height);
void msk_timeline_draw_ruler(MskTimeline *timeline, GtkSnapshot *snapshot, int width, int height);
void msk_timeline_draw_film(MskTimeline *timeline, GtkSnapshot *snapshot, int width, int height);
void msk_timeline_draw_overlay(MskTimeline *timeline, GtkSnapshot *snapshot, int width, int height);

GHashTable *msk_timeline_labels_new(void); // timeline_ruler.c

// ---- Film (timeline_film.c) --------------------------------------------------------------------

typedef struct MskTimelineFilm MskTimelineFilm;
MskTimelineFilm *msk_timeline_film_new(MskTimeline *timeline);
void msk_timeline_film_free(MskTimelineFilm *film);
// Another clip, or none.
void msk_timeline_film_reset(MskTimelineFilm *film);
gsize msk_timeline_film_get_size(MskTimelineFilm *film); // bytes of pictures kept

// ---- Headers (timeline_header.c) ---------------------------------------------------------------

// The column of lane headers; makes as many rows as are seen.
#define MSK_TYPE_TIMELINE_HEADERS (msk_timeline_headers_get_type())
G_DECLARE_FINAL_TYPE(MskTimelineHeaders, msk_timeline_headers, MSK, TIMELINE_HEADERS, GtkWidget)
GtkWidget *msk_timeline_headers_new(MskTimeline *timeline);
// Lanes, scroll position or selection changed.
void msk_timeline_headers_update(MskTimelineHeaders *headers);

// One row: swatch, name, visible and locked toggles.
#define MSK_TYPE_TIMELINE_HEADER (msk_timeline_header_get_type())
G_DECLARE_FINAL_TYPE(MskTimelineHeader, msk_timeline_header, MSK, TIMELINE_HEADER, GtkWidget)
GtkWidget *msk_timeline_header_new(void);
void msk_timeline_header_bind(MskTimelineHeader *header, MskTimeline *timeline,
                              MskMasklet *masklet); // NULL: to nothing
void msk_timeline_header_set_selected(MskTimelineHeader *header, gboolean selected);

// ---- The whole ---------------------------------------------------------------------------------

typedef enum MskTimelineDrag {
    MSK_DRAG_NONE,
    MSK_DRAG_SCRUB,
    MSK_DRAG_SPAN,
    MSK_DRAG_KEYFRAME,
    MSK_DRAG_IN,
    MSK_DRAG_OUT,
} MskTimelineDrag;

struct _MskTimeline {
    GtkWidget parent_instance;

    MskSession *session;
    MskDocument *document; // the session's, or NULL
    GSignalGroup *session_signals, *document_signals;
    GPtrArray *lanes; // of MskTimelineLane *, in the document's order
    MskTimelineView view;
    gboolean is_fit; // zoom follows the width
    int lanes_height;
    MskTimelineStyle style;
    guint64 n_draws;
    gint64 draw_budget;  // microseconds that a drawing spends on tiles, but for a first one
    gboolean has_before; // lanes may have tiles of the zoom before
    guint redraw_id;

    GtkAdjustment *hadjustment, *vadjustment;
    GtkWidget *corner, *headers, *ruler, *film, *tracks, *overlay, *hbar, *vbar;
    GtkWidget *menu;

    MskTimelineFilm *film_strip;
    GHashTable *labels; // of the ruler: int64 * frame -> Label *
    int label_base;
    int64_t label_start; // see MskTimelineTicks.offset

    int64_t selection_first, selection_last; // -1: none
    int64_t selection_anchor;
    int64_t keyframe; // of the selected object; -1: none

    MskTimelineDrag drag;
    gboolean is_moved; // the drag went far enough to mean it
    gboolean is_copy;
    int64_t drag_frame; // where the dragged thing is now
    double drag_x, drag_start_x;
    guint tick_id; // scrolls while the pointer is outside

    MskMasklet *menu_masklet; // what the context menu is about
    int64_t menu_frame;
    double pinch_zoom, pointer_x; // of the lanes
};

// Where things are on the way from pixels to lanes; NULL: below the last lane. `y` of the lanes.
MskTimelineLane *msk_timeline_pick_lane(MskTimeline *timeline, double y);
MskTimelineLane *msk_timeline_find_lane(MskTimeline *timeline, MskMasklet *masklet);
int64_t msk_timeline_get_scroll_y(MskTimeline *timeline);
void msk_timeline_reveal_lane(MskTimeline *timeline, MskTimelineLane *lane);
// Scrolls or zooms: clamps, and redraws what it moves.
void msk_timeline_scroll_to(MskTimeline *timeline, int64_t scroll);
void msk_timeline_zoom_at(MskTimeline *timeline, double zoom, double x);
// The range's edges as shown: while a handle is dragged, where it is.
void msk_timeline_get_shown_range(MskTimeline *timeline, int64_t *first, int64_t *last);
// The clip whose timecode is to be shown; NULL: frame numbers are.
MskMedia *msk_timeline_get_timed_media(MskTimeline *timeline);
char *msk_timeline_dup_frame_text(MskTimeline *timeline, int64_t frame); // frame or timecode
// "frame 112, dog: tracked, doubtful"
char *msk_timeline_describe(MskTimeline *timeline, MskMasklet *masklet, int64_t frame);
// As describe, in lines, with the model's scores.
char *msk_timeline_explain(MskTimeline *timeline, MskMasklet *masklet, int64_t frame);

void msk_timeline_add_gestures(MskTimeline *timeline);      // timeline_input.c
void msk_timeline_class_add_actions(GtkWidgetClass *class); // timeline_menu.c
void msk_timeline_popup_menu(MskTimeline *timeline, MskMasklet *masklet, int64_t frame,
                             GtkWidget *widget, double x, double y);

G_END_DECLS
