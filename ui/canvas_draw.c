// SPDX-License-Identifier: Apache-2.0
// What the canvas draws over its picture: points, boxes, the brush, the crosshair; each in a node
// of its own, so that nothing of the view's size is drawn on the main thread.
#include <adwaita.h>
#include <math.h>

#include "ui/canvas_private.h"

#define GLYPH 7.0    // radius of a point, points
#define HANDLE 4.0   // half side of a box's handle
#define PENDING 13.0 // radius of the mark of a click that waits

static cairo_t *begin_node(GtkSnapshot *snapshot, double x, double y, double reach)
{
    graphene_rect_t bounds = GRAPHENE_RECT_INIT((float)(x - reach), (float)(y - reach),
                                                (float)(2 * reach), (float)(2 * reach));
    return gtk_snapshot_append_cairo(snapshot, &bounds);
}

static void set_colour(cairo_t *cr, guint32 colour, double alpha)
{
    cairo_set_source_rgba(cr, ((colour >> 16) & 255) / 255.0, ((colour >> 8) & 255) / 255.0,
                          (colour & 255) / 255.0, alpha);
}

static gboolean is_light(guint32 colour)
{
    return 54 * ((colour >> 16) & 255) + 183 * ((colour >> 8) & 255) + 19 * (colour & 255) >
           256 * 140;
}

// ---- Points ------------------------------------------------------------------------------------

static void draw_sign(cairo_t *cr, double x, double y, double size, gboolean positive)
{
    cairo_move_to(cr, x - size, y);
    cairo_line_to(cr, x + size, y);
    if (positive) {
        cairo_move_to(cr, x, y - size);
        cairo_line_to(cr, x, y + size);
    }
    cairo_stroke(cr);
}

// Positive: filled with +. Negative: hollow with -.
static void draw_point(GtkSnapshot *snapshot, double x, double y, gboolean positive, guint32 colour,
                       gboolean dim, gboolean selected)
{
    double radius = dim ? GLYPH * 0.7 : GLYPH, alpha = dim ? 0.55 : 1;
    cairo_t *cr = begin_node(snapshot, x, y, radius + 7);
    if (selected) {
        cairo_arc(cr, x, y, radius + 4.5, 0, 2 * G_PI);
        cairo_set_line_width(cr, 3.5);
        cairo_set_source_rgba(cr, 0, 0, 0, 0.7);
        cairo_stroke_preserve(cr);
        cairo_set_line_width(cr, 1.75);
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_stroke(cr);
    }
    cairo_arc(cr, x, y, radius, 0, 2 * G_PI);
    if (positive)
        set_colour(cr, colour, alpha);
    else
        cairo_set_source_rgba(cr, 0, 0, 0, 0.25 * alpha);
    cairo_fill_preserve(cr);
    cairo_set_line_width(cr, positive ? 3 : 4.5);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.75 * alpha);
    cairo_stroke_preserve(cr);
    cairo_set_line_width(cr, positive ? 1.5 : 2.25);
    if (positive)
        cairo_set_source_rgba(cr, 1, 1, 1, alpha);
    else
        set_colour(cr, colour, alpha);
    cairo_stroke(cr);

    double size = radius * 0.55;
    if (!positive) {
        cairo_set_line_width(cr, 4);
        cairo_set_source_rgba(cr, 0, 0, 0, 0.75 * alpha);
        draw_sign(cr, x, y, size, FALSE);
    }
    double grey = positive && is_light(colour) ? 0 : 1;
    cairo_set_line_width(cr, 2);
    cairo_set_source_rgba(cr, grey, grey, grey, alpha);
    draw_sign(cr, x, y, size, positive);
    cairo_destroy(cr);
}

static void draw_points(MskCanvas *canvas, GtkSnapshot *snapshot, const MskPrompt *prompt,
                        guint32 colour, gboolean dim)
{
    for (guint i = 0; i < prompt->labels->len; i++) {
        double x, y;
        msk_canvas_frame_to_widget(canvas, g_array_index(prompt->points, float, 2 * i),
                                   g_array_index(prompt->points, float, 2 * i + 1), &x, &y);
        gboolean selected = !dim && ((canvas->live && canvas->live_point == (int)i) ||
                                     (!canvas->live && canvas->point == (int)i));
        draw_point(snapshot, x, y, g_array_index(prompt->labels, int, i) == 1, colour, dim,
                   selected);
    }
}

// ---- Boxes -------------------------------------------------------------------------------------

static void fill_rect(GtkSnapshot *snapshot, double x, double y, double width, double height,
                      const GdkRGBA *colour)
{
    if (width <= 0 || height <= 0)
        return;
    gtk_snapshot_append_color(snapshot, colour,
                              &GRAPHENE_RECT_INIT((float)x, (float)y, (float)width, (float)height));
}

// Lines of `width` points around a rectangle, centred on its sides.
static void draw_frame(GtkSnapshot *snapshot, double x0, double y0, double x1, double y1,
                       double width, const GdkRGBA *colour)
{
    double half = width / 2;
    fill_rect(snapshot, x0 - half, y0 - half, x1 - x0 + width, width, colour);
    fill_rect(snapshot, x0 - half, y1 - half, x1 - x0 + width, width, colour);
    fill_rect(snapshot, x0 - half, y0 + half, width, y1 - y0 - width, colour);
    fill_rect(snapshot, x1 - half, y0 + half, width, y1 - y0 - width, colour);
}

static void draw_box(MskCanvas *canvas, GtkSnapshot *snapshot, const float *box, guint32 colour,
                     gboolean dim, gboolean handles)
{
    double x0, y0, x1, y1;
    msk_canvas_frame_to_widget(canvas, box[0], box[1], &x0, &y0);
    msk_canvas_frame_to_widget(canvas, box[2], box[3], &x1, &y1);
    float alpha = dim ? 0.5f : 1;
    GdkRGBA dark = {0, 0, 0, 0.7f * alpha}, white = {1, 1, 1, 1};
    GdkRGBA own = {(float)((colour >> 16) & 255) / 255, (float)((colour >> 8) & 255) / 255,
                   (float)(colour & 255) / 255, alpha};
    draw_frame(snapshot, x0, y0, x1, y1, 4, &dark);
    draw_frame(snapshot, x0, y0, x1, y1, 2, &own);
    if (!handles)
        return;
    double places[8][2];
    MskBoxPart parts[8];
    msk_canvas_get_box_handles(box, places, parts);
    for (int i = 0; i < 8; i++) {
        double x, y;
        msk_canvas_frame_to_widget(canvas, places[i][0], places[i][1], &x, &y);
        fill_rect(snapshot, x - HANDLE - 1, y - HANDLE - 1, 2 * HANDLE + 2, 2 * HANDLE + 2, &dark);
        fill_rect(snapshot, x - HANDLE, y - HANDLE, 2 * HANDLE, 2 * HANDLE, &white);
    }
}

// ---- Prompts of the frame ----------------------------------------------------------------------

static void draw_prompt(MskCanvas *canvas, GtkSnapshot *snapshot, MskMasklet *masklet, gboolean dim)
{
    const MskPrompt *prompt = msk_canvas_get_prompt(canvas, masklet);
    if (!prompt)
        return;
    guint32 colour = masklet ? msk_masklet_get_info(masklet)->colour : 0xffffff;
    if (prompt->has_box)
        draw_box(canvas, snapshot, prompt->box, colour, dim,
                 !dim && msk_session_get_tool(canvas->session) == MSK_TOOL_BOX);
    draw_points(canvas, snapshot, prompt, colour, dim);
}

static void draw_prompts(MskCanvas *canvas, GtkSnapshot *snapshot)
{
    MskDocument *document = msk_session_get_document(canvas->session);
    if (!document || msk_session_get_masks_muted(canvas->session))
        return;
    // Edges are judged without marks in the way, unless they are what one works with.
    MskTool tool = msk_session_get_tool(canvas->session);
    if (canvas->rendered->scene->style >= MSK_VIEW_STYLE_MATTE && tool != MSK_TOOL_POINT &&
        tool != MSK_TOOL_BOX)
        return;
    MskMasklet *selected = msk_session_get_selected(canvas->session);
    guint n = msk_document_get_n_objects(document);
    for (guint i = 0; i < n; i++) {
        MskMasklet *masklet = msk_document_get_object(document, i);
        if (masklet != selected && msk_masklet_get_info(masklet)->visible)
            draw_prompt(canvas, snapshot, masklet, TRUE);
    }
    draw_prompt(canvas, snapshot, selected, FALSE); // NULL: a first one that is being dragged
}

static void draw_pending(MskCanvas *canvas, GtkSnapshot *snapshot)
{
    int64_t frame = msk_canvas_get_shown_frame(canvas);
    double turn = (double)(g_get_monotonic_time() % 900000) / 900000 * 2 * G_PI;
    for (guint i = 0; i < canvas->pending->len; i++) {
        const MskPendingClick *click = &g_array_index(canvas->pending, MskPendingClick, i);
        if (click->frame != frame)
            continue;
        double x, y;
        msk_canvas_frame_to_widget(canvas, click->x, click->y, &x, &y);
        cairo_t *cr = begin_node(snapshot, x, y, PENDING + 4);
        cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
        for (int pass = 0; pass < 2; pass++) {
            cairo_arc(cr, x, y, PENDING, turn, turn + G_PI * 0.6);
            cairo_set_line_width(cr, pass ? 2 : 4);
            cairo_set_source_rgba(cr, pass, pass, pass, pass ? 1 : 0.6);
            cairo_stroke(cr);
        }
        cairo_destroy(cr);
    }
}

// ---- Outlines that change with the pointer -----------------------------------------------------

// Strokes the path of `contour` twice, for contrast.
static void draw_contour(MskCanvas *canvas, GtkSnapshot *snapshot, const MskContour *contour)
{
    const float *points = (const float *)(const void *)contour->points->data;
    if (contour->points->len == 0)
        return;
    double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (guint i = 0; i < contour->points->len; i += 2) {
        x0 = fmin(x0, points[i]);
        y0 = fmin(y0, points[i + 1]);
        x1 = fmax(x1, points[i]);
        y1 = fmax(y1, points[i + 1]);
    }
    double zoom_x, zoom_y, u0, v0, u1, v1, left, top;
    msk_layout_get_zoom(&canvas->layout, &zoom_x, &zoom_y);
    int scale = canvas->layout.scale;
    msk_canvas_frame_to_widget(canvas, x0, y0, &u0, &v0);
    msk_canvas_frame_to_widget(canvas, x1, y1, &u1, &v1);
    graphene_rect_t bounds = GRAPHENE_RECT_INIT((float)(u0 - 3), (float)(v0 - 3),
                                                (float)(u1 - u0 + 6), (float)(v1 - v0 + 6));
    graphene_rect_t view = GRAPHENE_RECT_INIT(0, 0, (float)gtk_widget_get_width(GTK_WIDGET(canvas)),
                                              (float)gtk_widget_get_height(GTK_WIDGET(canvas)));
    if (!graphene_rect_intersection(&bounds, &view, &bounds))
        return;
    msk_canvas_frame_to_widget(canvas, 0, 0, &left, &top);
    cairo_t *cr = gtk_snapshot_append_cairo(snapshot, &bounds);
    msk_contour_append_to(contour, cr, zoom_x / scale, zoom_y / scale, -left, -top);
    const double dash[2] = {5, 4};
    cairo_set_dash(cr, dash, 2, 0);
    cairo_set_line_width(cr, 3);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.6);
    cairo_stroke_preserve(cr);
    cairo_set_line_width(cr, 1.5);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_stroke(cr);
    cairo_destroy(cr);
}

// ---- Brush and crosshair -----------------------------------------------------------------------

static void draw_brush(MskCanvas *canvas, GtkSnapshot *snapshot, double x, double y)
{
    double zoom_x, zoom_y;
    msk_layout_get_zoom(&canvas->layout, &zoom_x, &zoom_y);
    double size = msk_session_get_brush_size(canvas->session) / 2 / canvas->layout.scale;
    double radius_x = fmax(size * zoom_x, 1), radius_y = fmax(size * zoom_y, 1);
    cairo_t *cr = begin_node(snapshot, x, y, fmax(radius_x, radius_y) + 3);
    for (int pass = 0; pass < 2; pass++) {
        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_scale(cr, radius_x, radius_y);
        cairo_arc(cr, 0, 0, 1, 0, 2 * G_PI);
        cairo_restore(cr);
        cairo_set_line_width(cr, pass ? 1 : 2.5);
        cairo_set_source_rgba(cr, pass, pass, pass, pass ? 1 : 0.6);
        cairo_stroke(cr);
    }
    if (msk_session_get_tool(canvas->session) == MSK_TOOL_ERASER && radius_x > 6) {
        cairo_set_line_width(cr, 1.5);
        cairo_set_source_rgb(cr, 1, 1, 1);
        draw_sign(cr, x, y, 3, FALSE);
    }
    cairo_destroy(cr);
}

static void draw_crosshair(MskCanvas *canvas, GtkSnapshot *snapshot)
{
    double x, y;
    msk_canvas_frame_to_widget(canvas, canvas->crosshair_x, canvas->crosshair_y, &x, &y);
    GdkRGBA dark = {0, 0, 0, 0.65f}, white = {1, 1, 1, 1};
    for (int pass = 0; pass < 2; pass++) {
        double half = pass ? 0.5 : 1.5;
        const GdkRGBA *colour = pass ? &white : &dark;
        fill_rect(snapshot, x - 16, y - half, 12, 2 * half, colour);
        fill_rect(snapshot, x + 4, y - half, 12, 2 * half, colour);
        fill_rect(snapshot, x - half, y - 16, 2 * half, 12, colour);
        fill_rect(snapshot, x - half, y + 4, 2 * half, 12, colour);
    }
}

// ---- All of it ---------------------------------------------------------------------------------

static void draw_picture(MskCanvas *canvas, GtkSnapshot *snapshot)
{
    const MskRendered *rendered = canvas->rendered;
    const MskLayout *layout = &canvas->layout;
    double zoom_x, zoom_y;
    int x, y;
    msk_layout_get_zoom(layout, &zoom_x, &zoom_y);
    msk_layout_get_origin(layout, &x, &y);
    // Until the picture of this zoom is there, the one before is stretched. Whole device pixels
    // else: made smaller, a picture's size is rounded.
    double across = fabs(rendered->width - rendered->width / rendered->across * zoom_x) < 1
                        ? 1
                        : zoom_x / rendered->across;
    double down = fabs(rendered->height - rendered->height / rendered->down * zoom_y) < 1
                      ? 1
                      : zoom_y / rendered->down;
    float scale = (float)layout->scale;
    msk_pixels_draw(rendered->pixels, snapshot, GTK_WIDGET(canvas),
                    (float)rint(x + rendered->x * across) / scale,
                    (float)rint(y + rendered->y * down) / scale,
                    (float)rint(rendered->width * across) / scale,
                    (float)rint(rendered->height * down) / scale);
}

void msk_canvas_draw(MskCanvas *canvas, GtkSnapshot *snapshot)
{
    int width = gtk_widget_get_width(GTK_WIDGET(canvas));
    int height = gtk_widget_get_height(GTK_WIDGET(canvas));
    // Neutral, so that colours are not judged against a tint.
    float grey = adw_style_manager_get_dark(adw_style_manager_get_default()) ? 0.11f : 0.55f;
    fill_rect(snapshot, 0, 0, width, height, &(GdkRGBA){grey, grey, grey, 1});
    if (!canvas->rendered || !canvas->session)
        return;
    draw_picture(canvas, snapshot);
    msk_canvas_draw_strokes(canvas, snapshot);
    if (canvas->hover_contour)
        draw_contour(canvas, snapshot, canvas->hover_contour);
    draw_prompts(canvas, snapshot);
    draw_pending(canvas, snapshot);
    MskTool tool = msk_session_get_tool(canvas->session);
    gboolean brush = tool == MSK_TOOL_BRUSH || tool == MSK_TOOL_ERASER;
    if (canvas->crosshair) {
        double x, y;
        msk_canvas_frame_to_widget(canvas, canvas->crosshair_x, canvas->crosshair_y, &x, &y);
        if (brush)
            draw_brush(canvas, snapshot, x, y);
        draw_crosshair(canvas, snapshot);
    } else if (brush && canvas->pointer_inside && canvas->dragging != MSK_DRAG_PAN &&
               !canvas->space_held) {
        draw_brush(canvas, snapshot, canvas->pointer_x, canvas->pointer_y);
    }
}
