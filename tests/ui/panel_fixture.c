// SPDX-License-Identifier: Apache-2.0
// What tests of panes and dialogs share.
#include "panel_fixture.h"

#include <string.h>

#include "app/value.h"

void fixture_init(void)
{
    if (!gtk_init_check())
        exit(77);
    adw_init();
    // Without the desktop's animations a picture shows the end of them.
    g_object_set(gtk_settings_get_default(), "gtk-enable-animations", FALSE, NULL);
}

void fixture_wait(gboolean (*is_done)(gpointer user), gpointer user)
{
    while (!is_done(user))
        g_main_context_iteration(NULL, TRUE);
}

static gboolean is_set_cb(gpointer user)
{
    return *(gboolean *)user;
}

static gboolean set_cb(gpointer user)
{
    *(gboolean *)user = TRUE;
    return G_SOURCE_REMOVE;
}

void fixture_settle(void)
{
    // Layout and drawing happen at the frame clock, some of it a frame later.
    for (int i = 0; i < 3; i++) {
        gboolean is_over = FALSE;
        g_timeout_add_full(G_PRIORITY_LOW, 40, set_cb, &is_over, NULL);
        fixture_wait(is_set_cb, &is_over);
    }
}

static gboolean is_open_cb(gpointer user)
{
    MskMedia *media = msk_session_get_media(user);
    return media && msk_media_is_indexed(media) && msk_session_get_document(user) &&
           !msk_session_get_busy(user);
}

MskSession *fixture_open(const char *clip)
{
    MskSession *session = msk_session_new();
    g_autoptr(GFile) file = g_file_new_for_path(clip);
    msk_session_open(session, file);
    fixture_wait(is_open_cb, session);
    return session;
}

void fixture_close(MskSession *session)
{
    msk_session_close(session);
    g_object_unref(session);
    fixture_settle();
}

void fixture_track(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last, int x)
{
    int width = msk_document_get_width(document), height = msk_document_get_height(document);
    g_autofree uint8_t *pixels = g_malloc0((gsize)width * (gsize)height);
    for (int v = height / 4; v < height / 2; v++)
        memset(pixels + v * width + x, 1, 60);
    g_autoptr(MskPrompt) prompt = msk_prompt_new(first);
    msk_prompt_add_point(prompt, x + 30, height / 3.0, TRUE);
    msk_document_set_prompt(document, masklet, first, prompt);
    for (int64_t n = first; n <= last; n++) {
        MskResult *result = g_new0(MskResult, 1);
        *result = (MskResult){.n_refs = 1, .frame = n, .object_score = 7.5f, .iou = 0.93f};
        result->mask = msk_mask_new_bits(pixels, (size_t)width, width, height);
        guint64 source = n == first ? 0 : msk_masklet_get_source(masklet, n, FALSE);
        msk_document_set_track(document, masklet, n, result, source, -1);
        msk_result_unref(result);
    }
}

gpointer fixture_child(gpointer widget, GType type, const char *name)
{
    gpointer child = gtk_widget_get_template_child(GTK_WIDGET(widget), type, name);
    if (!child)
        g_error("no child %s", name);
    return child;
}

static void collect(GtkWidget *widget, GType type, GPtrArray *out)
{
    if (g_type_is_a(G_OBJECT_TYPE(widget), type))
        g_ptr_array_add(out, widget);
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child))
        collect(child, type, out);
}

GPtrArray *fixture_find(GtkWidget *widget, GType type)
{
    GPtrArray *out = g_ptr_array_new();
    collect(widget, type, out);
    return out;
}

gpointer fixture_window(GType type)
{
    GListModel *windows = gtk_window_get_toplevels();
    for (guint i = 0; i < g_list_model_get_n_items(windows); i++) {
        g_autoptr(GtkWidget) window = g_list_model_get_item(windows, i);
        if (g_type_is_a(G_OBJECT_TYPE(window), type))
            return window;
    }
    return NULL;
}

static void save(GtkWidget *window, const char *name, const char *look)
{
    fixture_settle();
    int width = gtk_widget_get_width(window), height = gtk_widget_get_height(window);
    g_autoptr(GdkPaintable) paintable = gtk_widget_paintable_new(window);
    g_autoptr(GtkSnapshot) snapshot = gtk_snapshot_new();
    gdk_paintable_snapshot(paintable, snapshot, width, height);
    g_autoptr(GskRenderNode) node = gtk_snapshot_to_node(snapshot);
    if (!node)
        return;
    GskRenderer *renderer = gtk_native_get_renderer(gtk_widget_get_native(window));
    g_autoptr(GdkTexture) texture = gsk_renderer_render_texture(
        renderer, node, &GRAPHENE_RECT_INIT(0, 0, (float)width, (float)height));
    g_autofree char *path = g_strdup_printf("%s/%s-%s.png", g_getenv("MASKLET_SHOTS"), name, look);
    gdk_texture_save_to_png(texture, path);
}

void fixture_shot(GtkWidget *window, const char *name)
{
    if (!g_getenv("MASKLET_SHOTS"))
        return;
    AdwStyleManager *style = adw_style_manager_get_default();
    adw_style_manager_set_color_scheme(style, ADW_COLOR_SCHEME_FORCE_DARK);
    save(window, name, "dark");
    adw_style_manager_set_color_scheme(style, ADW_COLOR_SCHEME_FORCE_LIGHT);
    save(window, name, "light");
    gtk_widget_set_default_direction(GTK_TEXT_DIR_RTL);
    save(window, name, "rtl");
    gtk_widget_set_default_direction(GTK_TEXT_DIR_LTR);
}
