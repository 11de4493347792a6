// SPDX-License-Identifier: Apache-2.0
// MskLayout: where the frame is on the canvas: zoom, pan, screens of more pixels than points.
//
// Three spaces: frame pixels; device pixels, counted from the frame's corner or the view's; and
// points, what widgets are measured in, `scale` device pixels each. Plain data, any thread.
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct MskLayout {
    int width, height;           // of the frame; 0: there is none
    double aspect;               // width of a frame pixel to its height, on the screen
    int view_width, view_height; // of the canvas, device pixels
    int scale;                   // device pixels a point
    gboolean fit;
    double zoom; // device pixels a frame row
    double x, y; // frame pixel in the middle of the view
} MskLayout;

// The zoom that shows the whole frame with a margin around it; 1 where there is no room at all.
double msk_layout_get_fit_zoom(const MskLayout *layout);
// Applies `fit`, keeps zoom and place within bounds. After any change of the fields.
void msk_layout_update(MskLayout *layout);

// Device pixels a frame pixel, across and down.
void msk_layout_get_zoom(const MskLayout *layout, double *across, double *down);
// The frame's corner in the view, whole device pixels, so that 1:1 is exact.
void msk_layout_get_origin(const MskLayout *layout, int *x, int *y);

void msk_layout_to_view(const MskLayout *layout, double frame_x, double frame_y, double *x,
                        double *y); // points
void msk_layout_from_view(const MskLayout *layout, double x, double y, double *frame_x,
                          double *frame_y);

// Zooms with what is at (x, y), points, staying there. No longer fits.
void msk_layout_zoom_at(MskLayout *layout, double zoom, double x, double y);
// Moves the frame by points. No longer fits.
void msk_layout_pan(MskLayout *layout, double dx, double dy);

G_END_DECLS
