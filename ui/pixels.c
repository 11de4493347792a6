// SPDX-License-Identifier: Apache-2.0
// Pictures in memory, drawn in the way that costs the window's renderer least.
#include "ui/pixels.h"

struct MskPixels {
    gatomicrefcount refs;
    cairo_surface_t *surface; // owns the memory
    gboolean is_opaque;
    // As it was drawn: a unit for a pixel, the corner at (0, 0). Kept, so that a window that is
    // drawn again knows that nothing changed here.
    GskRenderNode *node;
};

MskPixels *msk_pixels_new(int width, int height, gboolean is_opaque)
{
    MskPixels *pixels = g_new0(MskPixels, 1);
    g_atomic_ref_count_init(&pixels->refs);
    pixels->is_opaque = is_opaque;
    pixels->surface = cairo_image_surface_create(
        is_opaque ? CAIRO_FORMAT_RGB24 : CAIRO_FORMAT_ARGB32, width, height);
    if (cairo_surface_status(pixels->surface) != CAIRO_STATUS_SUCCESS)
        g_error("No memory for a picture of %d x %d pixels", width, height);
    g_assert(cairo_image_surface_get_stride(pixels->surface) == width * (int)sizeof(guint32));
    return pixels;
}

MskPixels *msk_pixels_ref(MskPixels *pixels)
{
    g_atomic_ref_count_inc(&pixels->refs);
    return pixels;
}

void msk_pixels_unref(MskPixels *pixels)
{
    if (!pixels || !g_atomic_ref_count_dec(&pixels->refs))
        return;
    g_clear_pointer(&pixels->node, gsk_render_node_unref);
    cairo_surface_destroy(pixels->surface);
    g_free(pixels);
}

int msk_pixels_get_width(const MskPixels *pixels)
{
    return cairo_image_surface_get_width(pixels->surface);
}

int msk_pixels_get_height(const MskPixels *pixels)
{
    return cairo_image_surface_get_height(pixels->surface);
}

guint32 *msk_pixels_get_data(const MskPixels *pixels)
{
    return (guint32 *)(void *)cairo_image_surface_get_data(pixels->surface);
}

// ---- Drawing -----------------------------------------------------------------------------------

static GskRenderNode *paint_node(const MskPixels *pixels, const graphene_rect_t *bounds)
{
    GskRenderNode *node = gsk_cairo_node_new(bounds);
    cairo_t *cr = gsk_cairo_node_get_draw_context(node);
    cairo_surface_mark_dirty(pixels->surface); // Cairo takes it for empty still
    cairo_set_source_surface(cr, pixels->surface, 0, 0);
    // Only where it is stretched; what comes pixel by pixel is copied.
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_rectangle(cr, 0, 0, bounds->size.width, bounds->size.height);
    cairo_fill(cr);
    cairo_destroy(cr);
    return node;
}

static GskRenderNode *texture_node(const MskPixels *pixels, const graphene_rect_t *bounds)
{
    const int width = msk_pixels_get_width(pixels), height = msk_pixels_get_height(pixels);
    const gsize stride = (gsize)width * sizeof(guint32);
    g_autoptr(GBytes) bytes = g_bytes_new_with_free_func(
        msk_pixels_get_data(pixels), stride * (gsize)height, (GDestroyNotify)cairo_surface_destroy,
        cairo_surface_reference(pixels->surface));
    g_autoptr(GdkTexture) texture =
        gdk_memory_texture_new(width, height, GDK_MEMORY_DEFAULT, bytes, stride);
    return gsk_texture_node_new(texture, bounds);
}

static GskRenderNode *get_node(MskPixels *pixels, GtkWidget *widget)
{
    if (!pixels->node) {
        GtkNative *native = gtk_widget_get_native(widget);
        GskRenderer *renderer = native ? gtk_native_get_renderer(native) : NULL;
        const graphene_rect_t bounds = GRAPHENE_RECT_INIT(0, 0, (float)msk_pixels_get_width(pixels),
                                                          (float)msk_pixels_get_height(pixels));
        pixels->node = renderer && GSK_IS_CAIRO_RENDERER(renderer) ? paint_node(pixels, &bounds)
                                                                   : texture_node(pixels, &bounds);
    }
    return pixels->node;
}

void msk_pixels_draw(MskPixels *pixels, GtkSnapshot *snapshot, GtkWidget *widget, float x, float y,
                     float width, float height)
{
    const float across = width / (float)msk_pixels_get_width(pixels);
    const float down = height / (float)msk_pixels_get_height(pixels);

    gtk_snapshot_save(snapshot);
    gtk_snapshot_translate(snapshot, &GRAPHENE_POINT_INIT(x, y));
    if (across != 1 || down != 1)
        gtk_snapshot_scale(snapshot, across, down);
    gtk_snapshot_append_node(snapshot, get_node(pixels, widget));
    gtk_snapshot_restore(snapshot);
}
