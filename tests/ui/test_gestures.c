// SPDX-License-Identifier: Apache-2.0
// test-gestures SAMPLE: pinching, a pen's pressure and dropped files, as their gestures tell them.
#include <adwaita.h>
#include <math.h>

#include "tests/support/check.h"
#include "tests/ui/session_fixture.h"
#include "ui/canvas_private.h"
#include "ui/window_private.h"

static MskWindow *window;

static void spin_until(gboolean (*is_done)(void))
{
    const gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    while (!is_done() && g_get_monotonic_time() < end)
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
    CHECK(is_done());
}

static gboolean is_open(void)
{
    MskSession *session = window->session;
    return msk_session_get_document(session) && !msk_session_get_busy(session) &&
           msk_session_get_index_progress(session) < 0 &&
           msk_canvas_get_shown_frame(window->canvas) >= 0;
}

static gboolean is_not_busy(void)
{
    return !msk_session_get_busy(window->session);
}

// ---- Dropped files -----------------------------------------------------------------------------

static GtkDropTarget *find_drop_target(void)
{
    g_autoptr(GListModel) controllers = gtk_widget_observe_controllers(GTK_WIDGET(window));
    for (guint i = 0; i < g_list_model_get_n_items(controllers); i++) {
        g_autoptr(GObject) controller = g_list_model_get_item(controllers, i);
        if (GTK_IS_DROP_TARGET(controller))
            return GTK_DROP_TARGET(controller);
    }
    return NULL;
}

static gboolean drop(GType type, gpointer content)
{
    gboolean is_taken = FALSE;
    GValue value = G_VALUE_INIT;
    g_value_init(&value, type);
    if (type == G_TYPE_FILE)
        g_value_set_object(&value, content);
    else
        g_value_set_boxed(&value, content);
    g_signal_emit_by_name(find_drop_target(), "drop", &value, 100.0, 100.0, &is_taken);
    g_value_unset(&value);
    return is_taken;
}

static void test_drop(const char *sample)
{
    GtkDropTarget *target = find_drop_target();
    if (!CHECK(target))
        return;
    gsize n_types;
    gboolean takes_lists = FALSE, takes_files = FALSE;
    const GType *types = gtk_drop_target_get_gtypes(target, &n_types);
    for (gsize i = 0; i < n_types; i++) {
        takes_lists |= types[i] == GDK_TYPE_FILE_LIST;
        takes_files |= types[i] == G_TYPE_FILE;
    }
    CHECK(takes_lists && takes_files);
    CHECK(gtk_drop_target_get_actions(target) & GDK_ACTION_COPY);

    CHECK(!drop(GDK_TYPE_FILE_LIST, NULL)); // an empty list
    CHECK(msk_window_is_empty(window));
    g_autoptr(GFile) missing = g_file_new_for_path("/nowhere/clip.mp4");
    CHECK(drop(G_TYPE_FILE, missing)); // says so, and goes on
    spin_until(is_not_busy);
    CHECK(!msk_session_get_document(window->session));

    g_autoptr(GFile) file = g_file_new_for_path(sample);
    GdkFileList *list = gdk_file_list_new_from_array(&file, 1);
    CHECK(drop(GDK_TYPE_FILE_LIST, list));
    g_boxed_free(GDK_TYPE_FILE_LIST, list);
    spin_until(is_open);
    CHECK(g_file_equal(msk_session_get_file(window->session), file));
    end_group("dropped files");
}

// ---- Pinching ----------------------------------------------------------------------------------

static void test_pinch(void)
{
    MskCanvas *canvas = window->canvas;
    double x, y;
    msk_canvas_fit(canvas);
    const double zoom = msk_canvas_get_zoom(canvas);
    // A finger has pressed a point when the second comes down: nothing is left of it.
    msk_session_set_tool(window->session, MSK_TOOL_POINT);
    msk_canvas_frame_to_widget(canvas, 300, 200, &x, &y);
    canvas->pointer_x = x;
    canvas->pointer_y = y;
    CHECK(msk_canvas_point_begin(canvas, x, y));
    canvas->dragging = MSK_DRAG_POINT;
    g_signal_emit_by_name(canvas->pinch, "begin", NULL);
    CHECK(canvas->dragging == MSK_DRAG_NONE && !canvas->live);
    CHECK(msk_document_get_n_objects(msk_session_get_document(window->session)) == 0);

    // What is between the fingers stays there.
    static const double scales[] = {1.1, 1.7, 3, 0.5, 1};
    for (guint i = 0; i < G_N_ELEMENTS(scales); i++) {
        double frame_x, frame_y;
        g_signal_emit_by_name(canvas->pinch, "scale-changed", scales[i]);
        CHECK(fabs(msk_canvas_get_zoom(canvas) / (zoom * scales[i]) - 1) < 1e-6);
        msk_canvas_widget_to_frame(canvas, x, y, &frame_x, &frame_y);
        CHECK(hypot(frame_x - 300, frame_y - 200) < 2 / msk_canvas_get_zoom(canvas));
    }
    // The scale is of the fingers' distance since they came down, and zoom has its limits.
    g_signal_emit_by_name(canvas->pinch, "scale-changed", 1e6);
    CHECK(msk_canvas_get_zoom(canvas) == MSK_CANVAS_ZOOM_MAX);
    g_signal_emit_by_name(canvas->pinch, "end", NULL);
    msk_canvas_fit(canvas);
    end_group("pinch");
}

// ---- Pressure ----------------------------------------------------------------------------------

// Rows painted in column x.
static int count_rows(const MskStroke *stroke, int x)
{
    int n = 0;
    for (int y = 0; y < stroke->height; y++)
        n += stroke->pixels[(size_t)y * stroke->stride + (size_t)x] != 0;
    return n;
}

static void test_pressure(void)
{
    MskCanvas *canvas = window->canvas;
    double x, y;
    msk_session_set_tool(window->session, MSK_TOOL_BRUSH);
    msk_session_set_brush_size(window->session, 80);
    CHECK(canvas->pressure == 1);
    msk_canvas_frame_to_widget(canvas, 200, 300, &x, &y);
    CHECK(msk_canvas_paint_begin(canvas, x, y));
    msk_canvas_frame_to_widget(canvas, 400, 300, &x, &y);
    canvas->pressure = 0.25;
    msk_canvas_paint_update(canvas, x, y);
    msk_canvas_frame_to_widget(canvas, 600, 300, &x, &y);
    msk_canvas_paint_update(canvas, x, y);
    canvas->pressure = 0; // a pen that hovers still leaves a line
    msk_canvas_frame_to_widget(canvas, 800, 300, &x, &y);
    msk_canvas_paint_update(canvas, x, y);
    const MskStroke *stroke = canvas->stroke;
    if (CHECK(stroke)) {
        CHECK(ABS(count_rows(stroke, 200) - 80) <= 2);
        CHECK(ABS(count_rows(stroke, 300) - 50) <= 3); // half way from 80 to 20
        CHECK(ABS(count_rows(stroke, 500) - 20) <= 2);
        CHECK(ABS(count_rows(stroke, 790) - 4) <= 2);
    }
    CHECK(msk_canvas_cancel(canvas) || !canvas->stroke);
    msk_canvas_cancel_drag(canvas);
    end_group("pressure");
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    if (!fixture_begin_window())
        return 77;
    window = g_object_ref_sink(g_object_new(MSK_TYPE_WINDOW, NULL));
    gtk_window_present(GTK_WINDOW(window));
    test_drop(argv[1]);
    test_pinch();
    test_pressure();
    gtk_window_destroy(GTK_WINDOW(window));
    g_object_unref(window);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    fixture_end();
    return end_tests();
}
