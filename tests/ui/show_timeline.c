// SPDX-License-Identifier: Apache-2.0
// show_timeline OUT.png [dark] [rtl] [wide] [many]: a picture of the timeline, to look at.
#include <adwaita.h>

#include "tests/ui/timeline_fixture.h"
#include "ui/timeline.h"

static gboolean has(char **args, const char *name)
{
    return g_strv_contains((const char *const *)args + 2, name);
}

static void save(GtkWidget *window, const char *path)
{
    g_autoptr(GdkPaintable) paintable = gtk_widget_paintable_new(window);
    const int width = gtk_widget_get_width(window), height = gtk_widget_get_height(window);
    GtkSnapshot *snapshot = gtk_snapshot_new();

    gdk_paintable_snapshot(paintable, snapshot, width, height);
    GskRenderNode *node = gtk_snapshot_free_to_node(snapshot);
    g_autoptr(GdkTexture) texture =
        gsk_renderer_render_texture(gtk_native_get_renderer(GTK_NATIVE(window)), node,
                                    &GRAPHENE_RECT_INIT(0, 0, width, height));
    gdk_texture_save_to_png(texture, path);
    gsk_render_node_unref(node);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    adw_init();
    adw_style_manager_set_color_scheme(adw_style_manager_get_default(),
                                       has(argv, "dark") ? ADW_COLOR_SCHEME_FORCE_DARK
                                                         : ADW_COLOR_SCHEME_FORCE_LIGHT);
    if (has(argv, "rtl"))
        gtk_widget_set_default_direction(GTK_TEXT_DIR_RTL);
    MskDocument *document =
        has(argv, "many") ? fixture_document(100000, 100, 400, 7) : fixture_states();
    MskSession *session = fixture_session(document);
    GtkWidget *window = gtk_window_new(), *timeline = msk_timeline_new();

    gtk_window_set_child(GTK_WINDOW(window), timeline);
    gtk_window_set_default_size(GTK_WINDOW(window), 1200, has(argv, "many") ? 420 : 240);
    msk_timeline_set_session(MSK_TIMELINE(timeline), session);
    msk_session_select(session, msk_document_get_object(document, 0));
    gtk_window_present(GTK_WINDOW(window));
    for (int i = 0; i < 400; i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
        if (i != 200)
            continue;
        msk_document_set_range(document, 10, msk_document_get_n_frames(document) - 20);
        msk_session_set_frame(session, 45);
        if (has(argv, "wide"))
            msk_timeline_set_zoom(MSK_TIMELINE(timeline), 18);
        msk_timeline_select(MSK_TIMELINE(timeline), 65, 72);
    }
    save(window, argv[1]);
    gtk_window_destroy(GTK_WINDOW(window));
    fixture_close(session);
    return 0;
}
