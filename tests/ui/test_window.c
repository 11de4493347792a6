// SPDX-License-Identifier: Apache-2.0
// test-window SAMPLE: the window in both directions of writing: what it is built of, what its
// actions do, and that nothing of it is left.
#include <adwaita.h>
#include <math.h>
#include <string.h>

#include "tests/support/check.h"
#include "tests/ui/session_fixture.h"
#include "ui/window_private.h"

static const char *sample;

static void spin(int ms)
{
    const int64_t end = g_get_monotonic_time() + (int64_t)ms * 1000;
    while (g_get_monotonic_time() < end)
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
}

static gboolean is_ready(MskSession *session)
{
    return msk_session_get_document(session) && !msk_session_get_busy(session) &&
           msk_session_get_index_progress(session) < 0 && msk_session_get_picture(session, NULL);
}

static gboolean wait_ready(MskSession *session)
{
    for (int i = 0; i < 3000 && !is_ready(session); i++)
        spin(10);
    return is_ready(session);
}

static void act(MskWindow *window, const char *name, GVariant *target)
{
    g_autoptr(GVariant) owned = target ? g_variant_ref_sink(target) : NULL;
    CHECK(g_action_group_get_action_enabled(G_ACTION_GROUP(window), name));
    g_action_group_activate_action(G_ACTION_GROUP(window), name, owned);
}

static gboolean is_enabled(MskWindow *window, const char *name)
{
    return g_action_group_get_action_enabled(G_ACTION_GROUP(window), name);
}

// Buttons show pictures: each has a tooltip or a text, or is a part of something that has.
static void check_names(GtkWidget *widget, int *n_buttons)
{
    // Libadwaita's own parts are its business.
    if (GTK_IS_BUTTON(widget) && gtk_widget_get_mapped(widget) &&
        !g_str_has_prefix(G_OBJECT_TYPE_NAME(gtk_widget_get_parent(widget)), "Adw")) {
        const char *label = gtk_button_get_label(GTK_BUTTON(widget));
        GtkWidget *child = gtk_button_get_child(GTK_BUTTON(widget));
        gboolean is_named =
            (label && *label) || GTK_IS_LABEL(child) ||
            gtk_test_accessible_has_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL);
        for (GtkWidget *at = widget; at && !is_named; at = gtk_widget_get_parent(at))
            is_named = gtk_widget_get_tooltip_text(at) != NULL || GTK_IS_WINDOW_CONTROLS(at) ||
                       GTK_IS_DROP_DOWN(at);
        if (!CHECK(is_named))
            printf("  %s in %s, %s\n", G_OBJECT_TYPE_NAME(widget),
                   G_OBJECT_TYPE_NAME(gtk_widget_get_parent(widget)),
                   gtk_button_get_icon_name(GTK_BUTTON(widget)));
        (*n_buttons)++;
    }
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child))
        check_names(child, n_buttons);
}

// The arrows of playing point where time goes, and that is to the right.
static int count_arrows(GtkWidget *widget)
{
    int n = 0;
    const char *icon = GTK_IS_IMAGE(widget) ? gtk_image_get_icon_name(GTK_IMAGE(widget)) : NULL;
    if (icon && (g_str_has_prefix(icon, "media-") || g_str_has_prefix(icon, "msk-step-")) &&
        !strstr(icon, "stop")) {
        CHECK(gtk_widget_get_direction(widget) == GTK_TEXT_DIR_LTR);
        n++;
    }
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child))
        n += count_arrows(child);
    return n;
}

static GtkRange *find_zoom(GtkWidget *widget)
{
    if (GTK_IS_SCALE(widget) && gtk_widget_get_tooltip_text(widget) &&
        g_str_has_prefix(gtk_widget_get_tooltip_text(widget), "Zoom"))
        return GTK_RANGE(widget);
    GtkRange *found = NULL;
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child && !found;
         child = gtk_widget_get_next_sibling(child))
        found = find_zoom(child);
    return found;
}

// The slider moves the canvas's zoom by powers of two, and follows it.
static void check_zoom(MskWindow *window)
{
    MskCanvas *canvas = window->canvas;
    GtkRange *slider = find_zoom(GTK_WIDGET(window));
    if (!CHECK(slider))
        return;
    gtk_range_set_value(slider, 1);
    CHECK(fabs(msk_canvas_get_zoom(canvas) - 2) < 1e-9);
    act(window, "zoom-original", NULL);
    CHECK(gtk_range_get_value(slider) == 0);
    act(window, "zoom-fit", NULL); // stays so: the slider's answer must not take it away
    gboolean is_fit;
    g_object_get(canvas, "fit", &is_fit, NULL);
    CHECK(is_fit);
    CHECK(fabs(exp2(gtk_range_get_value(slider)) / msk_canvas_get_zoom(canvas) - 1) < 1e-9);
}

static void check_moves(MskWindow *window)
{
    MskSession *session = msk_window_get_session(window);
    MskDocument *document = msk_session_get_document(session);
    int64_t first, last;
    act(window, "go-last", NULL);
    CHECK(msk_session_get_frame(session) == 119);
    act(window, "step", g_variant_new_int64(-10));
    CHECK(msk_session_get_frame(session) == 109);
    act(window, "set-out", NULL);
    act(window, "step", g_variant_new_int64(-9));
    act(window, "set-in", NULL);
    msk_document_get_range(document, &first, &last);
    CHECK(first == 100 && last == 109);
    act(window, "go-first", NULL);
    CHECK(msk_session_get_frame(session) == 100);
    // In behind out: out gives way.
    act(window, "step", g_variant_new_int64(15));
    act(window, "set-in", NULL);
    msk_document_get_range(document, &first, &last);
    CHECK(first == 115 && last == 119);
    act(window, "undo", NULL);
    act(window, "undo", NULL);
    act(window, "undo", NULL);
    CHECK(!msk_document_has_range(document) && !is_enabled(window, "undo"));
    act(window, "redo", NULL);
    CHECK(msk_document_has_range(document));
    act(window, "clear-range", NULL);
    CHECK(!msk_document_has_range(document));
}

static void check_objects(MskWindow *window)
{
    MskSession *session = msk_window_get_session(window);
    MskDocument *document = msk_session_get_document(session);
    CHECK(!is_enabled(window, "clear-frame") && !is_enabled(window, "lock"));
    act(window, "new-object", NULL);
    act(window, "new-object", NULL);
    CHECK(msk_document_get_n_objects(document) == 2);
    CHECK(msk_session_get_selected(session) == msk_document_get_object(document, 1));
    act(window, "select-object", g_variant_new_int32(1));
    CHECK(msk_session_get_selected(session) == msk_document_get_object(document, 0));
    act(window, "select-object", g_variant_new_int32(9)); // there is none: nothing happens
    CHECK(msk_session_get_selected(session) == msk_document_get_object(document, 0));
    CHECK(is_enabled(window, "clear-frame"));
    // Nothing to track from: a toast, no job.
    act(window, "track-both", NULL);
    CHECK(!msk_tracker_is_tracking(msk_session_get_tracker(session)));
}

static void check_view(MskWindow *window)
{
    static const guint32 colours[] = {0x000000, 0xffffff, 0x808080, 0x00b140, 0x000000};
    MskSession *session = msk_window_get_session(window);
    act(window, "view-mode", g_variant_new_string("matte"));
    CHECK(msk_session_get_view_mode(session) == MSK_VIEW_MATTE);
    for (guint i = 0; i < G_N_ELEMENTS(colours); i++) {
        act(window, "matte-check", NULL);
        CHECK(msk_session_get_background(session) == colours[i]);
        CHECK(msk_session_get_view_mode(session) == MSK_VIEW_COLOUR);
    }
    act(window, "view-mode", g_variant_new_string("overlay"));
    act(window, "tool", g_variant_new_string("brush"));
    CHECK(msk_session_get_tool(session) == MSK_TOOL_BRUSH);
    const double size = msk_session_get_brush_size(session);
    act(window, "brush", g_variant_new_int32(1));
    CHECK(msk_session_get_brush_size(session) > size);
    act(window, "tool", g_variant_new_string("point"));
    act(window, "zoom-in", NULL);
    act(window, "zoom-original", NULL);
    act(window, "zoom-fit", NULL);
}

static void gone_cb(gpointer user, GObject *object)
{
    *(gboolean *)user = TRUE;
}

static void test_window(GtkTextDirection direction)
{
    gboolean is_window_gone = FALSE, is_session_gone = FALSE;
    int n_buttons = 0;
    gtk_widget_set_default_direction(direction);
    MskWindow *window = g_object_ref_sink(g_object_new(MSK_TYPE_WINDOW, NULL));
    MskSession *session = msk_window_get_session(window);
    g_object_weak_ref(G_OBJECT(window), gone_cb, &is_window_gone);
    g_object_weak_ref(G_OBJECT(session), gone_cb, &is_session_gone);
    gtk_window_present(GTK_WINDOW(window));
    spin(200);
    CHECK(msk_window_is_empty(window));
    CHECK(!is_enabled(window, "play") && !is_enabled(window, "save"));
    CHECK(is_enabled(window, "open"));

    g_autoptr(GFile) file = g_file_new_for_path(sample);
    msk_window_open(window, file);
    CHECK(!msk_window_is_empty(window));
    CHECK(wait_ready(session));
    spin(200);
    CHECK(strstr(gtk_window_get_title(GTK_WINDOW(window)), "sample.mp4") != NULL);
    check_moves(window);
    check_objects(window);
    check_view(window);
    act(window, "go-first", NULL);
    act(window, "play", NULL);
    for (int i = 0; i < 3000 && msk_session_get_frame(session) == 0; i++)
        spin(10);
    CHECK(msk_session_get_frame(session) > 0);
    act(window, "shuttle", g_variant_new_int32(0));
    check_names(GTK_WIDGET(window), &n_buttons);
    CHECK(count_arrows(GTK_WIDGET(window)) == 6);
    check_zoom(window);
    CHECK(n_buttons > 25);
    MskDocument *document = g_object_ref(msk_session_get_document(session));
    msk_session_start_afresh(session); // leaves nothing for the next window
    for (int i = 0; i < 3000 && msk_session_get_document(session) == document; i++)
        spin(10);
    g_object_unref(document);
    CHECK(wait_ready(session));
    act(window, "close-clip", NULL);
    for (int i = 0; i < 3000 && !msk_window_is_empty(window); i++)
        spin(10);
    CHECK(msk_window_is_empty(window) && !is_enabled(window, "play"));
    spin(100);

    gtk_window_destroy(GTK_WINDOW(window));
    g_object_unref(window);
    for (int i = 0; i < 500 && !(is_window_gone && is_session_gone); i++)
        spin(10);
    CHECK(is_window_gone);
    if (!CHECK(is_session_gone))
        printf("  %u references left\n", G_OBJECT(session)->ref_count);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    sample = argv[1];
    if (!fixture_begin_window())
        return 77;
    test_window(GTK_TEXT_DIR_LTR);
    end_group("a window");
    test_window(GTK_TEXT_DIR_RTL);
    end_group("a window, right to left");
    fixture_end();
    return end_tests();
}
