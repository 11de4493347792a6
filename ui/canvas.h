// SPDX-License-Identifier: Apache-2.0
// MskCanvas: the frame with masks over it; zoom and pan; the tools that prompt and paint.
//
// It shows the session's picture and document, and edits through the session's tracker and
// document. Pictures are made by a thread of its own: the frame and its masks change together.
//
// Keys that the canvas takes by itself while it is shown (the window must not):
//   Space            held with a drag: pan. Tapped while the pointer is over the canvas or the
//                    focus in it: activates the action "win.play", so that one key does both.
//   Escape           while something is being drawn or dragged: cancels that, and only then
//   Alt+Arrows       with the focus: moves a crosshair; with Shift: by one frame pixel
//   Return           with the focus, at the crosshair: a positive point; a corner of a box; a dab
//                    of the brush; a corner of the lasso
//   Alt+Return       the same, negative; closes the lasso
//   Shift+Return     closes the lasso, taking away
// Pointer: click, Alt or the other button subtracts (any tool); Ctrl+click selects the object
// there; wheel zooms, Shift+wheel pans, two fingers on a touchpad pan, with Ctrl zoom.
#pragma once

#include <gtk/gtk.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_CANVAS_ZOOM_MIN (1.0 / 64)
#define MSK_CANVAS_ZOOM_MAX 64.0

#define MSK_TYPE_CANVAS (msk_canvas_get_type())
// Properties, with notify:
//   "session" (MskSession)
//   "zoom" (double): device pixels a frame pixel (row), 1 is 1:1. Setting it keeps the middle
//   "fit" (boolean): the whole frame, as large as there is room
// Signals:
//   "shown" (gint64 frame): a picture came onto the screen; -1: there is none any more
G_DECLARE_FINAL_TYPE(MskCanvas, msk_canvas, MSK, CANVAS, GtkWidget)

GtkWidget *msk_canvas_new(void);
void msk_canvas_set_session(MskCanvas *canvas, MskSession *session); // keeps a reference; or NULL

double msk_canvas_get_zoom(MskCanvas *canvas);
void msk_canvas_zoom_in(MskCanvas *canvas);
void msk_canvas_zoom_out(MskCanvas *canvas);
void msk_canvas_fit(MskCanvas *canvas);
void msk_canvas_one_to_one(MskCanvas *canvas);
// What is at (x, y) of the widget stays there.
void msk_canvas_zoom_at(MskCanvas *canvas, double zoom, double x, double y);

// Between frame pixels ((0, 0) is the corner of the first one) and the widget's coordinates.
void msk_canvas_frame_to_widget(MskCanvas *canvas, double frame_x, double frame_y, double *x,
                                double *y);
void msk_canvas_widget_to_frame(MskCanvas *canvas, double x, double y, double *frame_x,
                                double *frame_y);

// The number of the frame on the screen, which edits go to; -1: none.
int64_t msk_canvas_get_shown_frame(MskCanvas *canvas);

// For Delete: removes the selected point, else the prompts and strokes of the frame. FALSE: there
// was nothing to delete.
gboolean msk_canvas_delete(MskCanvas *canvas);
// For Escape: cancels what is being drawn or dragged, or lets go of the selected point. FALSE:
// there was nothing.
gboolean msk_canvas_cancel(MskCanvas *canvas);

G_END_DECLS
