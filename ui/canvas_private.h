// SPDX-License-Identifier: Apache-2.0
// What the files of MskCanvas share.
#pragma once

#include "app/stroke.h"
#include "ui/canvas.h"
#include "ui/canvas_render.h"

G_BEGIN_DECLS

// What a drag with the pointer does.
typedef enum MskDrag {
    MSK_DRAG_NONE,
    MSK_DRAG_PAN,
    MSK_DRAG_POINT, // places a new point, or moves the one that was pressed
    MSK_DRAG_BOX,
    MSK_DRAG_PAINT,
    MSK_DRAG_LASSO,
} MskDrag;

// Which part of a box is dragged: edges that move, as bits.
typedef enum MskBoxPart {
    MSK_BOX_LEFT = 1 << 0,
    MSK_BOX_TOP = 1 << 1,
    MSK_BOX_RIGHT = 1 << 2,
    MSK_BOX_BOTTOM = 1 << 3,
    MSK_BOX_ALL = 15,
    MSK_BOX_NONE = 0,
} MskBoxPart;

// A click that waits for its answer.
typedef struct MskPendingClick {
    int64_t object, frame;
    double x, y; // frame pixels
} MskPendingClick;

// A stroke on its way into the document.
typedef struct MskStrokeJob MskStrokeJob;

struct _MskCanvas {
    GtkWidget parent;
    MskSession *session;
    GSignalGroup *session_signals, *document_signals, *tracker_signals;
    GPtrArray *watched; // MskMasklets whose "notify" is connected

    MskLayout layout;
    MskRenderer *renderer; // NULL: not realised
    MskScene *scene;       // asked for last
    MskRendered *rendered; // on the screen; NULL: nothing
    guint serial;          // of scenes
    gboolean scene_dirty;
    guint render_idle;
    char *told_problem; // of the background image, told already

    GtkWidget *hint;

    // Gestures (canvas_tools.c).
    GtkGesture *drag, *pinch;
    GtkEventController *keys; // of the window
    MskDrag dragging;
    gboolean subtract; // Alt, or the other button
    gboolean space_held, space_used;
    gboolean pointer_inside;
    double pointer_x, pointer_y; // points
    double drag_x, drag_y;       // where it began or was last, points
    double pinch_zoom, pinch_x, pinch_y;
    const char *cursor_name;

    // What the drag or the selected point belongs to.
    MskMasklet *target; // reference; NULL: a new one
    int64_t target_frame;

    // Points (canvas_point.c).
    int point;               // selected; -1: none
    MskPrompt *live;         // the prompt as it is being dragged; NULL: none
    int live_point;          // which of its points moves
    GArray *pending;         // of MskPendingClick
    guint pending_tick;      // turns their marks
    double press_x, press_y; // frame pixels where the drag began

    // Boxes (canvas_box.c).
    MskBoxPart box_part;
    float box_start[4];

    // Painting (canvas_paint.c).
    MskStroke *stroke; // being drawn
    double pressure;   // of the pen, 0..1; 1 without one
    double brush_x, brush_y, brush_radius;
    GArray *lasso;       // of float: x, y
    GQueue strokes;      // of MskStrokeJob
    gboolean is_merging; // the first of them is being worked on

    // Hover (canvas_hover.c).
    guint hover_timer;
    GCancellable *hover_cancellable; // in flight
    gboolean hover_again;            // the pointer moved meanwhile
    MskContour *hover_contour;       // what a click would select
    double hover_x, hover_y;         // frame pixels asked for
    int64_t hover_frame;
    int64_t hover_cost; // microseconds that an answer took on a new frame
    int64_t hover_known_frame;

    // The crosshair of the keyboard (canvas_keys.c).
    gboolean crosshair;
    double crosshair_x, crosshair_y; // frame pixels
    gboolean has_corner;             // a box was begun at press_x, press_y
};

// ---- canvas.c ----------------------------------------------------------------------------------

void msk_canvas_queue_render(MskCanvas *canvas); // after the layout changed
void msk_canvas_queue_scene(MskCanvas *canvas);  // after what is shown changed
void msk_canvas_layout_changed(MskCanvas *canvas);
void msk_canvas_pan(MskCanvas *canvas, double dx, double dy); // points
// Whether (x, y), frame pixels, is on the frame.
gboolean msk_canvas_contains(MskCanvas *canvas, double frame_x, double frame_y);

// ---- canvas_scene.c ----------------------------------------------------------------------------

// What the session shows now; NULL: nothing. The caller owns it.
MskScene *msk_canvas_build_scene(MskCanvas *canvas);
// Says in words what is on the canvas.
void msk_canvas_describe(MskCanvas *canvas);
// The topmost object there; NULL: none. Borrowed.
MskMasklet *msk_canvas_pick(MskCanvas *canvas, double frame_x, double frame_y);

// ---- canvas_draw.c -----------------------------------------------------------------------------

void msk_canvas_draw(MskCanvas *canvas, GtkSnapshot *snapshot);

// ---- canvas_tools.c ----------------------------------------------------------------------------

void msk_canvas_init_tools(MskCanvas *canvas);
// Cancels what is dragged. FALSE: nothing was.
gboolean msk_canvas_cancel_drag(MskCanvas *canvas);
void msk_canvas_update_cursor(MskCanvas *canvas);
// Whether edits can go to the object (NULL: a new one) on the frame shown; else a toast says why.
gboolean msk_canvas_check_editable(MskCanvas *canvas, MskMasklet *masklet, int64_t frame);
// Puts the selected object (NULL: one that is to be made) and the frame shown into canvas->target
// and _frame. FALSE, with a toast, if it cannot be edited.
gboolean msk_canvas_take_target(MskCanvas *canvas);
double msk_canvas_get_distance(MskCanvas *canvas, double frame_x, double frame_y, double x,
                               double y); // of a frame place to a place of the widget, points

// ---- canvas_keys.c -----------------------------------------------------------------------------

void msk_canvas_init_keys(MskCanvas *canvas);
void msk_canvas_watch_window(MskCanvas *canvas); // while it is mapped
void msk_canvas_unwatch_window(MskCanvas *canvas);

// ---- Tools: begin, update, end and cancel a drag; places in points ------------------------------

// A positive or negative point at a frame place, as one command.
void msk_canvas_add_point(MskCanvas *canvas, double frame_x, double frame_y, gboolean positive);
gboolean msk_canvas_point_begin(MskCanvas *canvas, double x, double y);
void msk_canvas_point_update(MskCanvas *canvas, double x, double y);
void msk_canvas_point_end(MskCanvas *canvas, double x, double y);
// The point of the selected object there; -1: none.
int msk_canvas_find_point(MskCanvas *canvas, double x, double y);
gboolean msk_canvas_delete_point(MskCanvas *canvas);
// Asks for the answer to a prompt of the target, which is made here if there is none, in the same
// command; with marks at a place until it is there.
void msk_canvas_send_prompt(MskCanvas *canvas, MskPrompt *prompt, const char *name, double frame_x,
                            double frame_y);
// NULL masklet: all of them.
void msk_canvas_forget_pending(MskCanvas *canvas, MskMasklet *masklet, int64_t frame);

gboolean msk_canvas_box_begin(MskCanvas *canvas, double x, double y);
void msk_canvas_box_update(MskCanvas *canvas, double x, double y);
void msk_canvas_box_end(MskCanvas *canvas, double x, double y);
// Sets the box of the target, corners in frame pixels.
void msk_canvas_set_box(MskCanvas *canvas, double x0, double y0, double x1, double y1);
MskBoxPart msk_canvas_find_box_part(MskCanvas *canvas, double x, double y);
// Eight places on a box, frame pixels, and the part that each moves.
void msk_canvas_get_box_handles(const float *box, double places[8][2], MskBoxPart parts[8]);

gboolean msk_canvas_paint_begin(MskCanvas *canvas, double x, double y);
void msk_canvas_paint_update(MskCanvas *canvas, double x, double y);
void msk_canvas_paint_end(MskCanvas *canvas);
gboolean msk_canvas_lasso_begin(MskCanvas *canvas, double x, double y);
void msk_canvas_lasso_update(MskCanvas *canvas, double x, double y);
void msk_canvas_lasso_end(MskCanvas *canvas);
void msk_canvas_draw_strokes(MskCanvas *canvas, GtkSnapshot *snapshot);
void msk_canvas_scene_shown(MskCanvas *canvas, guint serial); // strokes it has are let go of
void msk_canvas_clear_paint(MskCanvas *canvas);               // of what is not yet handed over

void msk_canvas_hover_moved(MskCanvas *canvas); // or left, or what is shown changed
void msk_canvas_hover_stop(MskCanvas *canvas);

// ---- Shared by the drawing of tools ------------------------------------------------------------

// The prompt on the frame shown as it is drawn: dragged, or the document's. Borrowed or NULL.
const MskPrompt *msk_canvas_get_prompt(MskCanvas *canvas, MskMasklet *masklet);

G_END_DECLS
