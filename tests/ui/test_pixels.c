// SPDX-License-Identifier: Apache-2.0
// test_pixels RENDERER: pixels on the screen are those in memory, with the renderer named; the
// Cairo renderer gets no texture of them, which it would convert each time it draws.
#include <string.h>

#include "tests/support/check.h"
#include "ui/pixels.h"

enum { WIDTH = 37, HEIGHT = 23 };
// Pixman interpolates with weights in 1/128, in each direction.
#define LIMIT_STRETCHED 4

static GtkWidget *window;

static GskRenderNode *draw(MskPixels *pixels, float x, float y, float width, float height)
{
    GtkSnapshot *snapshot = gtk_snapshot_new();
    msk_pixels_draw(pixels, snapshot, window, x, y, width, height);
    return gtk_snapshot_free_to_node(snapshot);
}

static guint32 *download(GskRenderNode *node, int width, int height)
{
    GskRenderer *renderer = gtk_native_get_renderer(GTK_NATIVE(window));
    g_autoptr(GdkTexture) texture = gsk_renderer_render_texture(
        renderer, node, &GRAPHENE_RECT_INIT(0, 0, (float)width, (float)height));
    guint32 *out = g_new(guint32, width * height);
    gdk_texture_download(texture, (guchar *)out, (gsize)width * 4);
    return out;
}

static MskPixels *make_pixels(gboolean is_opaque)
{
    MskPixels *pixels = msk_pixels_new(WIDTH, HEIGHT, is_opaque);
    guint32 *data = msk_pixels_get_data(pixels);
    for (guint32 i = 0; i < WIDTH * HEIGHT; i++) {
        const guint32 alpha = is_opaque ? 255 : i * 7 % 256;
        data[i] = alpha << 24 | (i * 3 % (alpha + 1)) << 16 | (i * 5 % (alpha + 1)) << 8 |
                  i * 11 % (alpha + 1);
    }
    CHECK(msk_pixels_get_width(pixels) == WIDTH && msk_pixels_get_height(pixels) == HEIGHT);
    return pixels;
}

static gboolean is_near(guint32 a, guint32 b, int limit)
{
    for (int shift = 0; shift < 32; shift += 8)
        if (ABS((int)(a >> shift & 255) - (int)(b >> shift & 255)) > limit)
            return FALSE;
    return TRUE;
}

static void check_exact(gboolean is_opaque)
{
    g_autoptr(MskPixels) pixels = make_pixels(is_opaque);
    const guint32 *data = msk_pixels_get_data(pixels);
    for (int pass = 0; pass < 2; pass++) { // again: from what is kept
        g_autoptr(GskRenderNode) node = draw(pixels, 3, 2, WIDTH, HEIGHT);
        g_autofree guint32 *seen = download(node, WIDTH + 8, HEIGHT + 8);
        int n_wrong = 0;
        for (int y = 0; y < HEIGHT + 8; y++)
            for (int x = 0; x < WIDTH + 8; x++) {
                const gboolean inside = x >= 3 && y >= 2 && x < 3 + WIDTH && y < 2 + HEIGHT;
                const guint32 expected = inside ? data[(y - 2) * WIDTH + x - 3] : 0;
                n_wrong += !is_near(seen[y * (WIDTH + 8) + x], expected, 1);
            }
        CHECK(n_wrong == 0);
    }
}

// Three times as large: each pixel's middle has its colour, and all of the rectangle is covered.
static void check_stretched(void)
{
    g_autoptr(MskPixels) pixels = make_pixels(TRUE);
    const guint32 *data = msk_pixels_get_data(pixels);
    g_autoptr(GskRenderNode) node = draw(pixels, 0, 0, WIDTH * 3, HEIGHT * 3);
    g_autofree guint32 *seen = download(node, WIDTH * 3, HEIGHT * 3);
    int n_wrong = 0, n_clear = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            n_wrong += !is_near(seen[(3 * y + 1) * WIDTH * 3 + 3 * x + 1], data[y * WIDTH + x],
                                LIMIT_STRETCHED);
    for (int i = 0; i < WIDTH * 3 * HEIGHT * 3; i++)
        n_clear += seen[i] >> 24 != 255;
    CHECK(n_wrong == 0);
    CHECK(n_clear == 0);
}

// The node of the pixels alone, below moving and scaling.
static GskRenderNode *find_leaf(GskRenderNode *node)
{
    while (gsk_render_node_get_node_type(node) == GSK_TRANSFORM_NODE)
        node = gsk_transform_node_get_child(node);
    return node;
}

static void check_kind(gboolean is_cairo)
{
    g_autoptr(MskPixels) pixels = make_pixels(TRUE);
    g_autoptr(GskRenderNode) first = draw(pixels, 3, 2, WIDTH, HEIGHT);
    g_autoptr(GskRenderNode) second = draw(pixels, 9, 2, WIDTH * 2, HEIGHT * 2);
    CHECK(gsk_render_node_get_node_type(find_leaf(first)) ==
          (is_cairo ? GSK_CAIRO_NODE : GSK_TEXTURE_NODE));
    CHECK(find_leaf(first) == find_leaf(second));
}

// What was drawn is seen until something else is, even when its owner let go of it.
static void check_outlives(void)
{
    MskPixels *pixels = make_pixels(TRUE);
    const guint32 first = msk_pixels_get_data(pixels)[0];
    g_autoptr(GskRenderNode) node = draw(pixels, 0, 0, WIDTH, HEIGHT);
    msk_pixels_unref(pixels);
    g_autofree guint32 *seen = download(node, WIDTH, HEIGHT);
    CHECK(is_near(seen[0], first, 1));
}

int main(int argc, char **argv)
{
    g_setenv("GSK_RENDERER", argc > 1 ? argv[1] : "cairo", TRUE);
    if (argc > 1 && strcmp(argv[1], "cairo") != 0)
        g_unsetenv("GDK_DEBUG"); // which takes GL away from the other tests
    gtk_init();
    window = gtk_window_new();
    gtk_window_present(GTK_WINDOW(window));
    while (!gtk_widget_get_mapped(window))
        g_main_context_iteration(NULL, TRUE);
    GskRenderer *renderer = gtk_native_get_renderer(GTK_NATIVE(window));
    const gboolean is_cairo = GSK_IS_CAIRO_RENDERER(renderer);
    if (is_cairo != (argc < 2 || strcmp(argv[1], "cairo") == 0)) {
        printf("this display has no renderer %s\n", argv[1]);
        return 77;
    }
    check_exact(TRUE);
    check_exact(FALSE);
    check_stretched();
    check_kind(is_cairo);
    check_outlives();
    gtk_window_destroy(GTK_WINDOW(window));
    end_group("pixels");
    return end_tests();
}
