// SPDX-License-Identifier: Apache-2.0
// The timeline's colours, taken from the theme, and its patterns and markers, drawn once.
#include "ui/rgb.h"
#include "ui/timeline_private.h"

#include <math.h>

#define LANE_CONTRAST 3.0 // WCAG 2, graphical objects

static GdkRGBA look_up(GtkStyleContext *context, const char *name, const GdkRGBA *fallback)
{
    GdkRGBA colour;

    return gtk_style_context_lookup_color(context, name, &colour) ? colour : *fallback;
}

static GdkRGBA with_alpha(GdkRGBA colour, float alpha)
{
    colour.alpha *= alpha;
    return colour;
}

// ---- Pictures ----------------------------------------------------------------------------------

typedef void (*PaintFunc)(cairo_t *cr, const MskTimelineStyle *style);

// The shape's pixels, MSK_SHAPE_SIZE * scale on each side.
static MskPixels *paint(const MskTimelineStyle *style, PaintFunc func)
{
    const int size = MSK_SHAPE_SIZE * style->scale;
    MskPixels *pixels = msk_pixels_new(size, size, FALSE);
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        (guchar *)msk_pixels_get_data(pixels), CAIRO_FORMAT_ARGB32, size, size,
        size * (int)sizeof(guint32));
    cairo_t *cr = cairo_create(surface);

    cairo_scale(cr, style->scale, style->scale);
    func(cr, style);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return pixels;
}

static void trace_diamond(cairo_t *cr, double radius)
{
    const double c = MSK_SHAPE_SIZE / 2.0;

    cairo_move_to(cr, c, c - radius);
    cairo_line_to(cr, c + radius, c);
    cairo_line_to(cr, c, c + radius);
    cairo_line_to(cr, c - radius, c);
    cairo_close_path(cr);
}

static void trace_disc(cairo_t *cr, double radius)
{
    cairo_new_sub_path(cr);
    cairo_arc(cr, MSK_SHAPE_SIZE / 2.0, MSK_SHAPE_SIZE / 2.0, radius, 0, 2 * G_PI);
}

static void fill(cairo_t *cr, const GdkRGBA *colour)
{
    gdk_cairo_set_source_rgba(cr, colour);
    cairo_fill(cr);
}

static void paint_prompt(cairo_t *cr, const MskTimelineStyle *style)
{
    trace_diamond(cr, 6.5);
    fill(cr, &style->background);
    trace_diamond(cr, 5);
    fill(cr, &style->foreground);
}

static void paint_paint(cairo_t *cr, const MskTimelineStyle *style)
{
    trace_disc(cr, 5.2);
    fill(cr, &style->background);
    trace_disc(cr, 3.9);
    fill(cr, &style->foreground);
}

static void paint_both(cairo_t *cr, const MskTimelineStyle *style)
{
    paint_prompt(cr, style);
    trace_disc(cr, 2.2);
    fill(cr, &style->background);
}

static void paint_ghost(cairo_t *cr, const MskTimelineStyle *style)
{
    trace_diamond(cr, 6.5);
    fill(cr, &style->foreground);
    trace_diamond(cr, 5);
    fill(cr, &style->accent);
}

void msk_timeline_style_load(void)
{
    static gboolean is_loaded;
    if (is_loaded)
        return;
    is_loaded = TRUE;
    g_autoptr(GtkCssProvider) provider = gtk_css_provider_new();
    gtk_css_provider_load_from_resource(provider, "/org/masklet/Masklet/timeline.css");
    gtk_style_context_add_provider_for_display(gdk_display_get_default(),
                                               GTK_STYLE_PROVIDER(provider),
                                               GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

// ---- The style ---------------------------------------------------------------------------------

void msk_timeline_style_clear(MskTimelineStyle *style)
{
    for (int i = 0; i < MSK_N_SHAPES; i++)
        g_clear_pointer(&style->shapes[i], msk_pixels_unref);
    g_clear_pointer(&style->ghost, msk_pixels_unref);
    g_clear_object(&style->layout);
}

void msk_timeline_style_update(MskTimelineStyle *style, GtkWidget *widget)
{
    static const PaintFunc funcs[MSK_N_SHAPES] = {paint_prompt, paint_paint, paint_both};
    const GdkRGBA white = {1, 1, 1, 1};
    const GdkRGBA blue = {0.21f, 0.52f, 0.89f, 1}, red = {0.75f, 0.11f, 0.16f, 1};
    GtkStyleContext *context = gtk_widget_get_style_context(widget);

    msk_timeline_style_clear(style);
    style->scale = gtk_widget_get_scale_factor(widget);
    gtk_style_context_get_color(context, &style->foreground);
    style->background = look_up(context, "view_bg_color", &white);
    style->background_rgb = msk_rgb_from_rgba(&style->background);
    style->accent = look_up(context, "accent_bg_color", &blue);
    const GdkRGBA error = look_up(context, "error_color", &red);
    style->warning = msk_rgb_to_rgba(
        msk_timeline_fit_colour(msk_rgb_from_rgba(&error), style->background_rgb, LANE_CONTRAST));
    style->dim = with_alpha(style->foreground, 0.6f);
    style->line = with_alpha(style->foreground, 0.15f);
    style->odd = with_alpha(style->foreground, 0.03f);
    style->selected = with_alpha(style->accent, 0.18f);
    for (int i = 0; i < MSK_N_SHAPES; i++)
        style->shapes[i] = paint(style, funcs[i]);
    style->ghost = paint(style, paint_ghost);
}

GdkRGBA msk_timeline_style_get_colour(const MskTimelineStyle *style, guint32 colour)
{
    return msk_rgb_to_rgba(msk_timeline_fit_colour(colour, style->background_rgb, LANE_CONTRAST));
}

void msk_timeline_style_put_ghost(const MskTimelineStyle *style, GtkSnapshot *snapshot,
                                  GtkWidget *widget, float x, float y)
{
    const int half = MSK_SHAPE_SIZE / 2; // x: the pixel in the middle

    msk_pixels_draw(style->ghost, snapshot, widget, x - half, y + MSK_TIMELINE_SHAPE_Y - half,
                    MSK_SHAPE_SIZE, MSK_SHAPE_SIZE);
}

GskRenderNode *msk_timeline_style_draw_text(MskTimelineStyle *style, GtkWidget *widget,
                                            const char *text, const GdkRGBA *colour, int *width)
{
    GtkSnapshot *snapshot = gtk_snapshot_new();

    if (!style->layout) {
        PangoAttrList *attributes = pango_attr_list_new();
        pango_attr_list_insert(attributes, pango_attr_scale_new(0.82));
        pango_attr_list_insert(attributes, pango_attr_font_features_new("tnum=1"));
        style->layout = gtk_widget_create_pango_layout(widget, NULL);
        pango_layout_set_attributes(style->layout, attributes);
        pango_attr_list_unref(attributes);
    }
    pango_layout_set_text(style->layout, text, -1);
    pango_layout_get_pixel_size(style->layout, width, NULL);
    gtk_snapshot_append_layout(snapshot, style->layout, colour);
    return gtk_snapshot_free_to_node(snapshot);
}
