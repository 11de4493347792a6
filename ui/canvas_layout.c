// SPDX-License-Identifier: Apache-2.0
// Zoom and pan as arithmetic.
#include "ui/canvas_layout.h"

#include <math.h>

#include "ui/canvas.h"

#define MARGIN 12 // points around a frame that fits

double msk_layout_get_fit_zoom(const MskLayout *layout)
{
    double margin = 2.0 * MARGIN * layout->scale;
    double width = layout->view_width - margin, height = layout->view_height - margin;
    if (layout->width <= 0 || layout->height <= 0 || width <= 0 || height <= 0)
        return 1;
    double zoom = fmin(width / (layout->width * layout->aspect), height / layout->height);
    return CLAMP(zoom, MSK_CANVAS_ZOOM_MIN, MSK_CANVAS_ZOOM_MAX);
}

void msk_layout_update(MskLayout *layout)
{
    if (layout->fit) {
        layout->zoom = msk_layout_get_fit_zoom(layout);
        layout->x = layout->width / 2.0;
        layout->y = layout->height / 2.0;
        return;
    }
    double lowest = fmin(MSK_CANVAS_ZOOM_MIN * 4, msk_layout_get_fit_zoom(layout) / 4);
    layout->zoom = CLAMP(layout->zoom, fmax(lowest, MSK_CANVAS_ZOOM_MIN), MSK_CANVAS_ZOOM_MAX);
    layout->x = CLAMP(layout->x, 0, layout->width);
    layout->y = CLAMP(layout->y, 0, layout->height);
}

void msk_layout_get_zoom(const MskLayout *layout, double *across, double *down)
{
    *across = layout->zoom * layout->aspect;
    *down = layout->zoom;
}

void msk_layout_get_origin(const MskLayout *layout, int *x, int *y)
{
    double across, down;
    msk_layout_get_zoom(layout, &across, &down);
    *x = (int)lrint(layout->view_width / 2.0 - layout->x * across);
    *y = (int)lrint(layout->view_height / 2.0 - layout->y * down);
}

void msk_layout_to_view(const MskLayout *layout, double frame_x, double frame_y, double *x,
                        double *y)
{
    double across, down;
    int origin_x, origin_y;
    msk_layout_get_zoom(layout, &across, &down);
    msk_layout_get_origin(layout, &origin_x, &origin_y);
    *x = (origin_x + frame_x * across) / layout->scale;
    *y = (origin_y + frame_y * down) / layout->scale;
}

void msk_layout_from_view(const MskLayout *layout, double x, double y, double *frame_x,
                          double *frame_y)
{
    double across, down;
    int origin_x, origin_y;
    msk_layout_get_zoom(layout, &across, &down);
    msk_layout_get_origin(layout, &origin_x, &origin_y);
    *frame_x = (x * layout->scale - origin_x) / across;
    *frame_y = (y * layout->scale - origin_y) / down;
}

void msk_layout_zoom_at(MskLayout *layout, double zoom, double x, double y)
{
    double frame_x, frame_y, across, down;
    msk_layout_from_view(layout, x, y, &frame_x, &frame_y);
    layout->fit = FALSE;
    layout->zoom = zoom;
    msk_layout_update(layout);
    msk_layout_get_zoom(layout, &across, &down);
    layout->x = frame_x - (x * layout->scale - layout->view_width / 2.0) / across;
    layout->y = frame_y - (y * layout->scale - layout->view_height / 2.0) / down;
    msk_layout_update(layout);
}

void msk_layout_pan(MskLayout *layout, double dx, double dy)
{
    double across, down;
    msk_layout_get_zoom(layout, &across, &down);
    layout->fit = FALSE;
    layout->x -= dx * layout->scale / across;
    layout->y -= dy * layout->scale / down;
    msk_layout_update(layout);
}
