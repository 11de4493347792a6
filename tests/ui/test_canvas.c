// SPDX-License-Identifier: Apache-2.0
// test_canvas CLIP: the canvas in a window: coordinates over zoom and pan, pictures pixel by pixel,
// the tools' edits of a document, and that nothing is left behind.
#include <adwaita.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"
#include "ui/canvas_private.h"

static uint64_t random_state = 17;

static double next_random(double low, double high)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(random_state >> 33) / (double)(1u << 31);
}

// ---- Layout ------------------------------------------------------------------------------------

static MskLayout random_layout(int round)
{
    static const double aspects[4] = {1, 1, 16.0 / 15, 0.5};
    MskLayout layout = {
        .width = 1 + (int)next_random(0, 4000),
        .height = 1 + (int)next_random(0, 3000),
        .aspect = aspects[round % 4],
        .scale = 1 + round % 3,
        .view_width = 1 + (int)next_random(0, 3000),
        .view_height = 1 + (int)next_random(0, 2000),
        .fit = round % 5 == 0,
        .zoom = exp2(next_random(-5, 6)),
    };
    layout.x = next_random(0, layout.width);
    layout.y = next_random(0, layout.height);
    msk_layout_update(&layout);
    return layout;
}

static void test_layout(void)
{
    for (int round = 0; round < 2000; round++) {
        MskLayout layout = random_layout(round);
        double frame_x = next_random(-100, 5000), frame_y = next_random(-100, 4000), x, y, u, v;
        msk_layout_to_view(&layout, frame_x, frame_y, &x, &y);
        msk_layout_from_view(&layout, x, y, &u, &v);
        CHECK(fabs(u - frame_x) < 1e-6 && fabs(v - frame_y) < 1e-6);

        // A frame pixel is as large as the zoom says, and wide as its aspect.
        double x1, y1;
        msk_layout_to_view(&layout, frame_x + 1, frame_y + 1, &x1, &y1);
        CHECK(fabs((y1 - y) * layout.scale - layout.zoom) < 1e-6);
        CHECK(fabs((x1 - x) * layout.scale - layout.zoom * layout.aspect) < 1e-6);

        if (layout.fit) { // in the middle, all of it, unless there is no room at all
            double left, top, right, bottom;
            msk_layout_to_view(&layout, 0, 0, &left, &top);
            msk_layout_to_view(&layout, layout.width, layout.height, &right, &bottom);
            double width = (double)layout.view_width / layout.scale;
            double height = (double)layout.view_height / layout.scale;
            if (width > 30 && height > 30 && layout.zoom > MSK_CANVAS_ZOOM_MIN) {
                CHECK(left >= 11 && top >= 11 && right <= width - 11 && bottom <= height - 11);
                CHECK(fabs(left + right - width) < 2 && fabs(top + bottom - height) < 2);
            }
        }

        // What is under the pointer stays there (to a device pixel) as long as it is on the frame.
        x = next_random(0, layout.view_width) / layout.scale;
        y = next_random(0, layout.view_height) / layout.scale;
        msk_layout_from_view(&layout, x, y, &frame_x, &frame_y);
        MskLayout zoomed = layout;
        msk_layout_zoom_at(&zoomed, layout.zoom * exp2(next_random(-1, 1)), x, y);
        CHECK(!zoomed.fit && zoomed.zoom >= MSK_CANVAS_ZOOM_MIN &&
              zoomed.zoom <= MSK_CANVAS_ZOOM_MAX);
        if (zoomed.x > 0 && zoomed.y > 0 && zoomed.x < zoomed.width && zoomed.y < zoomed.height) {
            msk_layout_to_view(&zoomed, frame_x, frame_y, &u, &v);
            CHECK(fabs(u - x) * layout.scale <= 1.01 && fabs(v - y) * layout.scale <= 1.01);
        }

        // The frame cannot be lost: its edge goes to the middle of the view at most.
        MskLayout panned = layout;
        msk_layout_pan(&panned, next_random(-1e5, 1e5), next_random(-1e5, 1e5));
        CHECK(panned.x >= 0 && panned.y >= 0 && panned.x <= panned.width &&
              panned.y <= panned.height);
        panned = layout;
        msk_layout_pan(&panned, 3, -2);
        if (panned.x > 0 && panned.x < panned.width && panned.y > 0 && panned.y < panned.height) {
            msk_layout_to_view(&layout, 0, 0, &x, &y);
            msk_layout_to_view(&panned, 0, 0, &u, &v);
            CHECK(fabs(u - x - 3) * layout.scale <= 1.01 && fabs(v - y + 2) * layout.scale <= 1.01);
        }
    }
    end_group("coordinates");
}

// ---- The program around a canvas ---------------------------------------------------------------

typedef struct Place {
    MskSession *session;
    GtkWidget *window;
    MskCanvas *canvas;
    int64_t shown;
    int n_shown, n_toasts, n_zoom, n_fit;
} Place;

static void shown_cb(MskCanvas *canvas, gint64 n, Place *place)
{
    place->shown = n;
    place->n_shown++;
}

static void toast_cb(MskSession *session, const char *message, Place *place)
{
    place->n_toasts++;
}

static void zoom_cb(MskCanvas *canvas, GParamSpec *pspec, Place *place)
{
    place->n_zoom++;
}

static void fit_cb(MskCanvas *canvas, GParamSpec *pspec, Place *place)
{
    place->n_fit++;
}

// Runs the main loop until the condition holds; the limit is for a test that has failed.
#define WAIT_FOR(condition)                                                                        \
    G_STMT_START                                                                                   \
    {                                                                                              \
        gint64 limit_ = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;                              \
        while (!(condition) && g_get_monotonic_time() < limit_)                                    \
            if (!g_main_context_iteration(NULL, FALSE))                                            \
                g_usleep(1000);                                                                    \
        CHECK(condition);                                                                          \
    }                                                                                              \
    G_STMT_END

// Whether the picture on the screen has all that was asked for.
static bool is_settled(const Place *place)
{
    const MskCanvas *canvas = place->canvas;
    return !canvas->scene_dirty && canvas->render_idle == 0 && canvas->scene && canvas->rendered &&
           canvas->rendered->scene == canvas->scene &&
           msk_rendered_covers(canvas->rendered, &canvas->layout);
}

static void open_place(Place *place, const char *clip)
{
    place->session = msk_session_new();
    place->shown = -1;
    g_signal_connect(place->session, "toast", G_CALLBACK(toast_cb), place);
    place->window = gtk_window_new();
    gtk_window_set_default_size(GTK_WINDOW(place->window), 1000, 640);
    place->canvas = MSK_CANVAS(msk_canvas_new());
    g_signal_connect(place->canvas, "shown", G_CALLBACK(shown_cb), place);
    g_signal_connect(place->canvas, "notify::zoom", G_CALLBACK(zoom_cb), place);
    g_signal_connect(place->canvas, "notify::fit", G_CALLBACK(fit_cb), place);
    gtk_window_set_child(GTK_WINDOW(place->window), GTK_WIDGET(place->canvas));
    msk_canvas_set_session(place->canvas, place->session);
    gtk_window_present(GTK_WINDOW(place->window));
    g_autoptr(GFile) file = g_file_new_for_path(clip);
    msk_session_open(place->session, file);
    WAIT_FOR(place->shown == 0 && msk_session_get_document(place->session));
    WAIT_FOR(is_settled(place));
}

// What is on the screen as 0xAARRGGBB.
static uint32_t *download(const Place *place, int *width, int *height)
{
    const MskPixels *pixels = place->canvas->rendered->pixels;
    *width = msk_pixels_get_width(pixels);
    *height = msk_pixels_get_height(pixels);
    return g_memdup2(msk_pixels_get_data(pixels), (gsize)*width * (gsize)*height * 4);
}

static bool pixel_equals(uint32_t pixel, const uint8_t *rgba)
{
    return pixel == (0xff000000u | (uint32_t)rgba[0] << 16 | (uint32_t)rgba[1] << 8 | rgba[2]);
}

// ---- Pictures ----------------------------------------------------------------------------------

// The part of the frame on the screen, pixel by pixel, at a whole zoom.
static bool shows_frame(Place *place, int zoom)
{
    const MskRendered *rendered = place->canvas->rendered;
    MskFrame *frame = rendered->scene->frame;
    int width, height, frame_width = msk_frame_get_width(frame);
    g_autofree uint32_t *pixels = download(place, &width, &height);
    g_autofree uint8_t *rgba =
        g_malloc((size_t)frame_width * (size_t)msk_frame_get_height(frame) * 4);
    msk_frame_get_rgba8(frame, rgba, (size_t)frame_width * 4, NULL);
    int n_wrong = 0;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            size_t at = (size_t)((rendered->y + y) / zoom) * (size_t)frame_width +
                        (size_t)((rendered->x + x) / zoom);
            n_wrong += !pixel_equals(pixels[y * width + x], rgba + 4 * at);
        }
    }
    return n_wrong == 0;
}

static void test_pictures(Place *place)
{
    MskCanvas *canvas = place->canvas;
    CHECK(canvas->layout.fit && canvas->layout.width == 960 && canvas->layout.height == 540);
    CHECK(gtk_widget_get_visible(canvas->hint)); // nothing is cut out yet

    place->n_zoom = place->n_fit = 0;
    msk_canvas_one_to_one(canvas);
    CHECK(msk_canvas_get_zoom(canvas) == 1 && place->n_zoom == 1 && place->n_fit == 1);
    WAIT_FOR(is_settled(place));
    CHECK(shows_frame(place, 1));
    msk_canvas_zoom_at(canvas, 3, 200, 100);
    WAIT_FOR(is_settled(place));
    CHECK(shows_frame(place, 3));
    CHECK(canvas->rendered->width < 960 * 3); // the visible part and a margin only
    msk_canvas_pan(canvas, -500, -300);
    WAIT_FOR(is_settled(place));
    CHECK(shows_frame(place, 3));

    // Steps go up and down by the same zooms and meet 1:1.
    msk_canvas_one_to_one(canvas);
    msk_canvas_zoom_in(canvas);
    msk_canvas_zoom_in(canvas);
    CHECK(fabs(msk_canvas_get_zoom(canvas) - 2) < 1e-12);
    for (int i = 0; i < 4; i++)
        msk_canvas_zoom_out(canvas);
    CHECK(fabs(msk_canvas_get_zoom(canvas) - 0.5) < 1e-12);
    WAIT_FOR(is_settled(place));
    CHECK(canvas->rendered->width == 480 && canvas->rendered->height == 270);
    for (int i = 0; i < 100; i++)
        msk_canvas_zoom_in(canvas);
    CHECK(msk_canvas_get_zoom(canvas) == MSK_CANVAS_ZOOM_MAX);
    for (int i = 0; i < 100; i++)
        msk_canvas_zoom_out(canvas);
    CHECK(msk_canvas_get_zoom(canvas) >= MSK_CANVAS_ZOOM_MIN);
    g_object_set(canvas, "zoom", 1.5, NULL);
    CHECK(msk_canvas_get_zoom(canvas) == 1.5 && !canvas->layout.fit);
    WAIT_FOR(is_settled(place));
    msk_canvas_fit(canvas);
    gboolean fit;
    g_object_get(canvas, "fit", &fit, NULL);
    CHECK(fit);
    WAIT_FOR(is_settled(place));
    end_group("zoom");
}

// A picture never has a frame with another's number, however fast the playhead moves.
static void test_steps(Place *place)
{
    int n_wrong = 0;
    for (int n = 1; n <= 30; n++) {
        msk_session_set_frame(place->session, n);
        for (int i = 0; i < 3; i++)
            g_main_context_iteration(NULL, FALSE);
        const MskScene *scene = place->canvas->rendered->scene;
        n_wrong += scene->n != msk_frame_get_number(scene->frame) || scene->n > n;
        n_wrong += scene->n != msk_canvas_get_shown_frame(place->canvas);
    }
    CHECK(n_wrong == 0);
    WAIT_FOR(place->shown == 30);
    msk_session_set_frame(place->session, 0);
    WAIT_FOR(place->shown == 0 && is_settled(place));
    end_group("frames in step");
}

// ---- Tools -------------------------------------------------------------------------------------

static void drag(Place *place, const double from[2], const double to[2], bool subtract)
{
    MskCanvas *canvas = place->canvas;
    double x0, y0, x1, y1;
    msk_canvas_frame_to_widget(canvas, from[0], from[1], &x0, &y0);
    msk_canvas_frame_to_widget(canvas, to[0], to[1], &x1, &y1);
    canvas->subtract = subtract;
    canvas->drag_x = x0;
    canvas->drag_y = y0;
    switch (msk_session_get_tool(place->session)) {
    case MSK_TOOL_POINT:
        if (!msk_canvas_point_begin(canvas, x0, y0))
            return;
        msk_canvas_point_update(canvas, (x0 + x1) / 2, (y0 + y1) / 2);
        msk_canvas_point_end(canvas, x1, y1);
        break;
    case MSK_TOOL_BOX:
        if (!msk_canvas_box_begin(canvas, x0, y0))
            return;
        msk_canvas_box_update(canvas, (x0 + x1) / 2, (y0 + y1) / 2);
        msk_canvas_box_update(canvas, x1, y1);
        msk_canvas_box_end(canvas, x1, y1);
        break;
    case MSK_TOOL_BRUSH:
    case MSK_TOOL_ERASER:
        if (!msk_canvas_paint_begin(canvas, x0, y0))
            return;
        msk_canvas_paint_update(canvas, (x0 + x1) / 2, (y0 + y1) / 2);
        msk_canvas_paint_update(canvas, x1, y1);
        msk_canvas_paint_end(canvas);
        break;
    default:
        break;
    }
}

static void click(Place *place, double x, double y, bool subtract)
{
    const double at[2] = {x, y};
    drag(place, at, at, subtract);
}

static const MskPrompt *get_prompt(Place *place)
{
    MskMasklet *masklet = msk_session_get_selected(place->session);
    return masklet ? msk_canvas_get_prompt(place->canvas, masklet) : NULL;
}

static bool has_point(const MskPrompt *prompt, guint i, double x, double y, int label)
{
    return prompt && i < prompt->labels->len &&
           fabs(g_array_index(prompt->points, float, 2 * i) - x) < 0.01 &&
           fabs(g_array_index(prompt->points, float, 2 * i + 1) - y) < 0.01 &&
           g_array_index(prompt->labels, int, i) == label;
}

static void test_points(Place *place)
{
    MskDocument *document = msk_session_get_document(place->session);
    msk_session_set_tool(place->session, MSK_TOOL_POINT);
    CHECK(msk_document_get_n_objects(document) == 0);
    click(place, 400.25, 250.5, false);
    CHECK(msk_document_get_n_objects(document) == 1); // a click always works
    CHECK(has_point(get_prompt(place), 0, 400.25, 250.5, 1));
    CHECK(msk_document_undo(document)); // the point and its object are one command
    CHECK(msk_document_get_n_objects(document) == 0);
    CHECK(msk_document_redo(document));
    msk_session_select(place->session, msk_document_get_object(document, 0));
    WAIT_FOR(is_settled(place));
    CHECK(!gtk_widget_get_visible(place->canvas->hint));

    click(place, 500, 300, true);
    const MskPrompt *prompt = get_prompt(place);
    CHECK(prompt && prompt->labels->len == 2 && has_point(prompt, 1, 500, 300, 0));
    // Off the frame there is nothing to click on.
    click(place, -50, 100, false);
    click(place, 100, 541, false);
    CHECK(get_prompt(place)->labels->len == 2);

    // A press on a point selects it; a drag moves it, to the frame's edge at most.
    click(place, 501, 301, false);
    CHECK(get_prompt(place)->labels->len == 2 && place->canvas->point == 1);
    const double from[2] = {400.25, 250.5}, to[2] = {450, 2000};
    drag(place, from, to, false);
    prompt = get_prompt(place);
    CHECK(prompt->labels->len == 2 && has_point(prompt, 0, 450, 539.999, 1));
    CHECK(g_array_index(prompt->points, float, 1) < 540);
    CHECK(place->canvas->point == 0);

    // Delete: the selected point, then what the frame has, then nothing.
    CHECK(msk_canvas_delete(place->canvas));
    prompt = get_prompt(place);
    CHECK(prompt && prompt->labels->len == 1 && has_point(prompt, 0, 500, 300, 0));
    CHECK(msk_canvas_delete(place->canvas));
    CHECK(!get_prompt(place));
    CHECK(!msk_canvas_delete(place->canvas));
    end_group("points");
}

static bool has_box(const MskPrompt *prompt, double x0, double y0, double x1, double y1)
{
    return prompt && prompt->has_box && fabs(prompt->box[0] - x0) < 0.01 &&
           fabs(prompt->box[1] - y0) < 0.01 && fabs(prompt->box[2] - x1) < 0.01 &&
           fabs(prompt->box[3] - y1) < 0.01;
}

static void test_boxes(Place *place)
{
    msk_session_set_tool(place->session, MSK_TOOL_BOX);
    const double a[2] = {300, 200}, b[2] = {100, 120};
    click(place, 300, 200, false); // no box
    CHECK(!get_prompt(place));
    drag(place, a, b, false); // corners in any order
    CHECK(has_box(get_prompt(place), 100, 120, 300, 200));
    const double middle[2] = {200, 160}, moved[2] = {250, 180};
    drag(place, middle, moved, false);
    CHECK(has_box(get_prompt(place), 150, 140, 350, 220));
    const double corner[2] = {350, 220}, wider[2] = {400, 5000};
    drag(place, corner, wider, false); // stays on the frame
    CHECK(has_box(get_prompt(place), 150, 140, 400, 540));
    const double side[2] = {150, 300}, over[2] = {500, 300};
    drag(place, side, over, false); // across the other side: turned over
    CHECK(has_box(get_prompt(place), 400, 140, 500, 540));
    const double inside[2] = {450, 300}, away[2] = {-9000, -9000};
    drag(place, inside, away, false);
    CHECK(has_box(get_prompt(place), 0, 0, 100, 400));
    CHECK(msk_canvas_delete(place->canvas) && !get_prompt(place));

    // A cancelled drag leaves nothing.
    double x, y;
    msk_canvas_frame_to_widget(place->canvas, 100, 100, &x, &y);
    place->canvas->dragging = MSK_DRAG_BOX;
    CHECK(msk_canvas_box_begin(place->canvas, x, y));
    msk_canvas_box_update(place->canvas, x + 90, y + 60);
    CHECK(msk_canvas_cancel(place->canvas));
    CHECK(!get_prompt(place) && !msk_canvas_cancel(place->canvas));
    end_group("boxes");
}

static const MskPaint *get_paint(Place *place)
{
    MskFrameState state = {0};
    msk_masklet_get_frame(msk_session_get_selected(place->session), place->shown, &state);
    return state.paint;
}

// Whether a mask is the disc around the way between two places, but for its very edge.
static bool is_capsule(const MskMask *mask, const double *a, const double *b, double radius)
{
    if (!mask)
        return false;
    int width = msk_mask_get_width(mask), height = msk_mask_get_height(mask), n_wrong = 0;
    g_autofree uint8_t *bits = g_malloc((size_t)width * (size_t)height);
    msk_mask_get_binary(mask, bits, (size_t)width);
    double dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double px = x + 0.5 - a[0], py = y + 0.5 - a[1];
            double t = length > 0 ? CLAMP((px * dx + py * dy) / length, 0, 1) : 0;
            double distance = hypot(px - t * dx, py - t * dy);
            n_wrong +=
                fabs(distance - radius) > 0.05 && (bits[y * width + x] != 0) != (distance < radius);
        }
    }
    return n_wrong == 0;
}

static void test_paint(Place *place)
{
    MskDocument *document = msk_session_get_document(place->session);
    msk_session_set_tool(place->session, MSK_TOOL_ERASER);
    place->n_toasts = 0;
    click(place, 300, 300, false); // nothing there: says so
    CHECK(place->n_toasts == 1 && !place->canvas->stroke && !get_paint(place));

    msk_session_set_tool(place->session, MSK_TOOL_BRUSH);
    msk_session_set_brush_size(place->session, 40);
    const double a[2] = {200, 200}, b[2] = {500, 320};
    drag(place, a, b, false);
    CHECK(!get_paint(place)); // not on the main thread
    WAIT_FOR(get_paint(place));
    CHECK(is_capsule(get_paint(place)->add, a, b, 20) && !get_paint(place)->remove);
    WAIT_FOR(g_queue_is_empty(&place->canvas->strokes) && is_settled(place));
    // It is on the picture now: the object's tint is where the stroke was.
    MskMasklet *masklet = msk_session_get_selected(place->session);
    CHECK(msk_canvas_pick(place->canvas, 350, 260) == masklet);
    CHECK(!msk_canvas_pick(place->canvas, 350, 360));

    // Two strokes at once: the second waits for the first.
    const double c[2] = {700, 100}, d[2] = {720, 140}, e[2] = {600, 400};
    int64_t area = msk_mask_get_area(get_paint(place)->add);
    drag(place, c, c, false);
    drag(place, d, e, false);
    WAIT_FOR(g_queue_is_empty(&place->canvas->strokes));
    CHECK(msk_mask_get_area(get_paint(place)->add) > area + 1000);
    CHECK(msk_document_undo(document) && msk_document_undo(document));
    CHECK(msk_mask_get_area(get_paint(place)->add) == area);

    // Erasing takes from what was added and is remembered as removed; so does Alt with the brush.
    msk_session_set_tool(place->session, MSK_TOOL_ERASER);
    drag(place, a, a, false);
    WAIT_FOR(g_queue_is_empty(&place->canvas->strokes));
    CHECK(msk_mask_get_area(get_paint(place)->add) < area);
    CHECK(is_capsule(get_paint(place)->remove, a, a, 20));
    msk_session_set_tool(place->session, MSK_TOOL_BRUSH);
    drag(place, a, b, true);
    WAIT_FOR(g_queue_is_empty(&place->canvas->strokes));
    CHECK(get_paint(place) && !get_paint(place)->add);
    CHECK(is_capsule(get_paint(place)->remove, a, b, 20));
    CHECK(msk_canvas_delete(place->canvas) && !get_paint(place));
    end_group("paint");
}

static void test_lasso(Place *place)
{
    MskCanvas *canvas = place->canvas;
    msk_session_set_tool(place->session, MSK_TOOL_LASSO);
    const double corners[5][2] = {{100, 100}, {400, 100}, {100, 300}, {400, 300}, {250, 50}};
    canvas->subtract = FALSE;
    for (int i = 0; i < 5; i++) {
        double x, y;
        msk_canvas_frame_to_widget(canvas, corners[i][0], corners[i][1], &x, &y);
        if (i == 0)
            CHECK(msk_canvas_lasso_begin(canvas, x, y));
        else
            msk_canvas_lasso_update(canvas, x, y);
    }
    msk_canvas_lasso_end(canvas);
    WAIT_FOR(g_queue_is_empty(&canvas->strokes));
    const MskPaint *paint = get_paint(place);
    CHECK(paint && paint->add && !paint->remove);
    if (paint && paint->add) {
        // By the sign of the area on each side of a point, edge by edge (non-zero winding).
        g_autofree uint8_t *bits = g_malloc(960 * 540);
        msk_mask_get_binary(paint->add, bits, 960);
        int n_wrong = 0;
        for (int y = 0; y < 540; y++) {
            for (int x = 0; x < 960; x++) {
                double px = x + 0.5, py = y + 0.5, near = INFINITY;
                int winding = 0;
                for (int i = 0; i < 5; i++) {
                    const double *p = corners[i], *q = corners[(i + 1) % 5];
                    double cross = (q[0] - p[0]) * (py - p[1]) - (q[1] - p[1]) * (px - p[0]);
                    near = fmin(near, fabs(cross) / hypot(q[0] - p[0], q[1] - p[1]));
                    winding += p[1] <= py && q[1] > py && cross < 0;
                    winding -= p[1] > py && q[1] <= py && cross > 0;
                }
                n_wrong += near > 0.01 && (bits[y * 960 + x] != 0) != (winding != 0);
            }
        }
        CHECK(n_wrong == 0);
    }
    CHECK(msk_canvas_delete(canvas) && !get_paint(place));
    end_group("lasso");
}

static void test_locks(Place *place)
{
    MskDocument *document = msk_session_get_document(place->session);
    MskMasklet *masklet = msk_session_get_selected(place->session);
    msk_session_set_tool(place->session, MSK_TOOL_BRUSH);
    drag(place, (double[]){100, 100}, (double[]){200, 200}, false);
    WAIT_FOR(g_queue_is_empty(&place->canvas->strokes) && get_paint(place));
    msk_document_lock(document, masklet, 0, 3);
    static const MskTool tools[] = {MSK_TOOL_POINT, MSK_TOOL_BOX, MSK_TOOL_BRUSH, MSK_TOOL_ERASER};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 4; i++) {
            const MskPaint *before = get_paint(place);
            msk_session_set_tool(place->session, tools[i]);
            place->n_toasts = 0;
            drag(place, (double[]){300, 200}, (double[]){350, 260}, false);
            CHECK(place->n_toasts == 1); // says why
            CHECK(get_paint(place) == before && !get_prompt(place));
            CHECK(!place->canvas->live && !place->canvas->stroke);
        }
        place->n_toasts = 0;
        CHECK(msk_canvas_delete(place->canvas) && place->n_toasts == 1 && get_paint(place));
        if (pass == 0) { // then the whole object
            msk_document_unlock(document, masklet, 0, 3);
            MskObjectInfo info = *msk_masklet_get_info(masklet);
            info.locked = TRUE;
            msk_document_set_info(document, masklet, &info);
        } else {
            msk_document_undo(document);
        }
    }
    CHECK(msk_canvas_delete(place->canvas));
    end_group("locks");
}

// ---- Views -------------------------------------------------------------------------------------

static void test_views(Place *place)
{
    MskSession *session = place->session;
    msk_session_set_tool(session, MSK_TOOL_BRUSH);
    msk_canvas_one_to_one(place->canvas);
    const double a[2] = {480, 270};
    msk_session_set_brush_size(session, 200);
    drag(place, a, a, false);
    WAIT_FOR(g_queue_is_empty(&place->canvas->strokes));
    msk_session_set_view_mode(session, MSK_VIEW_MATTE);
    WAIT_FOR(is_settled(place));
    const MskRendered *rendered = place->canvas->rendered;
    int width, height, n_wrong = 0;
    g_autofree uint32_t *pixels = download(place, &width, &height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double distance = hypot(rendered->x + x + 0.5 - 480, rendered->y + y + 0.5 - 270);
            uint32_t want = distance < 100 ? 0xffffffff : 0xff000000;
            n_wrong += fabs(distance - 100) > 0.1 && pixels[y * width + x] != want;
        }
    }
    CHECK(n_wrong == 0);
    for (int mode = MSK_VIEW_OVERLAY; mode <= MSK_VIEW_DIFFERENCE; mode++) {
        msk_session_set_view_mode(session, (MskViewMode)mode);
        WAIT_FOR(is_settled(place));
        CHECK(place->canvas->rendered->scene->style == (MskViewStyle)mode);
    }
    g_object_set(session, "background-image", "/nowhere/picture.png", "view-mode", MSK_VIEW_IMAGE,
                 NULL);
    place->n_toasts = 0;
    WAIT_FOR(is_settled(place));
    CHECK(place->n_toasts == 1); // names the file
    msk_session_set_view_mode(session, MSK_VIEW_OVERLAY);
    g_object_set(session, "onion-skin", 2, NULL);
    msk_session_set_frame(session, 1);
    WAIT_FOR(place->shown == 1 && is_settled(place));
    CHECK(place->canvas->rendered->scene->ghosts->len == 1); // what was painted on frame 0
    msk_session_set_masks_muted(session, TRUE);
    WAIT_FOR(is_settled(place));
    CHECK(place->canvas->rendered->mattes->len == 0 && shows_frame(place, 1));
    msk_session_set_masks_muted(session, FALSE);
    g_object_set(session, "onion-skin", 0, NULL);
    msk_session_set_frame(session, 0);
    WAIT_FOR(place->shown == 0 && is_settled(place));
    end_group("views");
}

// ---- With a model ------------------------------------------------------------------------------

static void test_answers(Place *place)
{
    MskCanvas *canvas = place->canvas;
    msk_session_open_model(place->session, "starter");
    WAIT_FOR(msk_session_get_model_info(place->session));
    msk_canvas_fit(canvas);
    msk_session_set_tool(place->session, MSK_TOOL_POINT);
    msk_session_set_frame(place->session, 5);
    WAIT_FOR(place->shown == 5 && is_settled(place));

    // At rest the pointer shows what a click would select; moving takes it away.
    canvas->pointer_inside = TRUE;
    msk_canvas_frame_to_widget(canvas, 330, 250, &canvas->pointer_x, &canvas->pointer_y);
    msk_canvas_hover_moved(canvas);
    WAIT_FOR(canvas->hover_contour);
    msk_canvas_hover_moved(canvas);
    CHECK(!canvas->hover_contour);
    // Moved away while the question is under way: its answer is not shown.
    WAIT_FOR(canvas->hover_cancellable);
    msk_canvas_hover_stop(canvas);
    WAIT_FOR(!canvas->hover_cancellable);
    CHECK(!canvas->hover_contour);
    canvas->pointer_inside = FALSE;

    click(place, 330, 250, false);
    CHECK(canvas->pending->len == 1 && canvas->pending_tick != 0);
    WAIT_FOR(canvas->pending->len == 0);
    CHECK(canvas->pending_tick == 0);
    MskMasklet *masklet = msk_session_get_selected(place->session);
    CHECK(msk_masklet_get_frame(masklet, 5, NULL) & MSK_FRAME_HAS_MASK);
    WAIT_FOR(is_settled(place));
    CHECK(canvas->rendered->mattes->len == 1);
    end_group("answers");
}

// ---- Leaving -----------------------------------------------------------------------------------

static void test_close(Place *place)
{
    // While a stroke is on its way and a picture is being made.
    msk_session_set_tool(place->session, MSK_TOOL_BRUSH);
    drag(place, (double[]){50, 50}, (double[]){800, 500}, false);
    msk_canvas_zoom_in(place->canvas);
    gpointer canvas = place->canvas, window = place->window, session = place->session;
    g_object_add_weak_pointer(canvas, &canvas);
    g_object_add_weak_pointer(window, &window);
    gtk_window_destroy(GTK_WINDOW(place->window));
    WAIT_FOR(!window && !canvas);
    g_object_add_weak_pointer(session, &session);
    msk_session_close(place->session);
    g_object_unref(place->session);
    WAIT_FOR(!session);
    // A canvas that never was in a window, and one without a clip.
    GtkWidget *alone = g_object_ref_sink(msk_canvas_new());
    CHECK(msk_canvas_get_shown_frame(MSK_CANVAS(alone)) == -1);
    CHECK(!msk_canvas_delete(MSK_CANVAS(alone)) && !msk_canvas_cancel(MSK_CANVAS(alone)));
    msk_canvas_zoom_in(MSK_CANVAS(alone));
    msk_canvas_fit(MSK_CANVAS(alone));
    g_object_unref(alone);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    end_group("closing");
}

int main(int n_args, char **args)
{
    test_layout();
    if (n_args < 2)
        return end_tests();
    adw_init();
    Place place = {0};
    open_place(&place, args[1]);
    test_pictures(&place);
    test_steps(&place);
    test_points(&place);
    test_boxes(&place);
    test_paint(&place);
    test_lasso(&place);
    test_locks(&place);
    test_views(&place);
    test_answers(&place);
    test_close(&place);
    return end_tests();
}
