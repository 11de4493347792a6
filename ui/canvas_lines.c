// SPDX-License-Identifier: Apache-2.0
// Outlines and hatching over the canvas's pictures, in device pixels: as fine at any zoom.
#include <math.h>

#include "ui/canvas_render.h"

#define DARK 0.05, 0.05, 0.05, 0.75

void msk_contour_append_to(const MskContour *contour, cairo_t *cr, double across, double down,
                           double x, double y)
{
    const float *points = (const float *)(const void *)contour->points->data;
    guint first = 0;
    for (guint k = 0; k < contour->ends->len; k++) {
        guint end = g_array_index(contour->ends, guint, k);
        for (guint i = first; i < end; i++) {
            double u = points[2 * i] * across - x, v = points[2 * i + 1] * down - y;
            if (i == first)
                cairo_move_to(cr, u, v);
            else
                cairo_line_to(cr, u, v);
        }
        cairo_close_path(cr);
        first = end;
    }
}

static void set_colour(cairo_t *cr, guint32 colour, double alpha)
{
    cairo_set_source_rgba(cr, ((colour >> 16) & 255) / 255.0, ((colour >> 8) & 255) / 255.0,
                          (colour & 255) / 255.0, alpha);
}

// Adds the outline that is to be seen; FALSE if there is none.
static gboolean add_outline(const MskRendered *rendered, cairo_t *cr, const MskViewMatte *matte)
{
    const MskRect *box = &matte->bounds;
    cairo_new_path(cr);
    if (box->width == 0 || (box->x + box->width) * rendered->across < rendered->x - 8 ||
        (box->y + box->height) * rendered->down < rendered->y - 8 ||
        box->x * rendered->across > rendered->x + rendered->width + 8 ||
        box->y * rendered->down > rendered->y + rendered->height + 8)
        return FALSE;
    // A third of a device pixel is not to be seen.
    g_autoptr(MskContour) thin =
        msk_contour_simplify(matte->contour, 0.33 / fmax(rendered->across, rendered->down));
    msk_contour_append_to(thin, cr, rendered->across, rendered->down, rendered->x, rendered->y);
    return thin->ends->len > 0;
}

static void draw_ghost(const MskRendered *rendered, cairo_t *cr, int scale,
                       const MskViewMatte *matte, const MskSceneGhost *ghost)
{
    if (!add_outline(rendered, cr, matte))
        return;
    // Before: long dashes, orange; after: dots, sky blue.
    const double before[2] = {7.0 * scale, 4.0 * scale}, after[2] = {1.5 * scale, 3.5 * scale};
    double alpha = 1 - 0.6 * (abs(ghost->step) - 1) / MAX(ghost->n_steps, 1);
    cairo_set_dash(cr, ghost->step < 0 ? before : after, 2, 0);
    cairo_set_line_width(cr, 2.6 * scale);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.5 * alpha);
    cairo_stroke_preserve(cr);
    cairo_set_line_width(cr, 1.4 * scale);
    set_colour(cr, ghost->step < 0 ? 0xe69f00 : 0x56b4e9, alpha);
    cairo_stroke(cr);
}

// Diagonal lines within the outline: the mask is stale.
static void hatch(const MskRendered *rendered, cairo_t *cr, int scale, const MskViewMatte *matte,
                  guint32 colour)
{
    const MskRect *box = &matte->bounds;
    double x0 = fmax(box->x * rendered->across - rendered->x, 0);
    double y0 = fmax(box->y * rendered->down - rendered->y, 0);
    double x1 = fmin((box->x + box->width) * rendered->across - rendered->x, rendered->width);
    double y1 = fmin((box->y + box->height) * rendered->down - rendered->y, rendered->height);
    if (x0 >= x1 || y0 >= y1)
        return;
    double step = 9.0 * scale;
    cairo_save(cr);
    cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
    cairo_clip(cr);
    // Fixed to the frame, so that they move with it.
    double first = floor((x0 + y0 + rendered->x + rendered->y) / step) * step;
    for (double at = first - rendered->x - rendered->y; at < x1 + y1; at += step) {
        cairo_move_to(cr, at - y0, y0);
        cairo_line_to(cr, at - y1, y1);
    }
    cairo_set_line_width(cr, 3.0 * scale);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.35);
    cairo_stroke_preserve(cr);
    cairo_set_line_width(cr, 1.6 * scale);
    set_colour(cr, colour, 0.9);
    cairo_stroke(cr);
    cairo_restore(cr);
}

static void draw_object(const MskRendered *rendered, cairo_t *cr, int scale,
                        const MskViewMatte *matte, const MskSceneObject *object)
{
    if (object->stale && add_outline(rendered, cr, matte))
        hatch(rendered, cr, scale, matte, object->colour);
    if (!add_outline(rendered, cr, matte))
        return;
    double width = object->selected ? 2 : 1.25;
    cairo_set_line_width(cr, (width + 2) * scale);
    cairo_set_source_rgba(cr, DARK);
    cairo_stroke_preserve(cr);
    // The selected one is white with its colour around, to stand out from its own tint.
    if (object->selected) {
        cairo_set_line_width(cr, (width + 1) * scale);
        set_colour(cr, object->colour, 1);
        cairo_stroke_preserve(cr);
        cairo_set_line_width(cr, 1.25 * scale);
        cairo_set_source_rgba(cr, 1, 1, 1, 0.95);
    } else {
        cairo_set_line_width(cr, width * scale);
        set_colour(cr, object->colour, 0.9);
    }
    if (object->stale) {
        const double dash[2] = {5.0 * scale, 4.0 * scale};
        cairo_set_dash(cr, dash, 2, 0);
    }
    cairo_stroke(cr);
    cairo_set_dash(cr, NULL, 0, 0);
}

void msk_rendered_draw_lines(const MskRendered *rendered, uint32_t *pixels, int scale,
                             GPtrArray *ghost_mattes)
{
    const MskScene *scene = rendered->scene;
    gboolean with_objects =
        scene->style == MSK_VIEW_STYLE_OVERLAY || scene->style == MSK_VIEW_STYLE_OUTLINE;
    if (scene->ghosts->len == 0 && !with_objects)
        return;
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        (unsigned char *)pixels, CAIRO_FORMAT_ARGB32, rendered->width, rendered->height,
        rendered->width * (int)sizeof *pixels);
    cairo_t *cr = cairo_create(surface);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    for (guint i = 0; i < scene->ghosts->len; i++)
        draw_ghost(rendered, cr, scale, g_ptr_array_index(ghost_mattes, i),
                   &g_array_index(scene->ghosts, MskSceneGhost, i));
    cairo_set_dash(cr, NULL, 0, 0);
    for (int i = with_objects ? (int)rendered->mattes->len - 1 : -1; i >= 0; i--)
        draw_object(rendered, cr, scale, g_ptr_array_index(rendered->mattes, (guint)i),
                    &g_array_index(scene->objects, MskSceneObject, (guint)i));
    cairo_destroy(cr);
    cairo_surface_finish(surface);
    cairo_surface_destroy(surface);
}
