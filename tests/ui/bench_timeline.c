// SPDX-License-Identifier: Apache-2.0
// bench_timeline [FRAMES OBJECTS SPACING]: what scrolling, zooming and tracking cost the timeline.
//
// "change" is what the step itself costs, "draw" is making the render nodes of all parts, "frame"
// is the step and all that GTK does for one picture on this display: layout, drawing, rendering. A
// display at 60 frames/s leaves 16.7 ms.
#include <adwaita.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "tests/ui/timeline_fixture.h"
#include "ui/timeline_private.h"

#define N_STEPS 240
#define BUDGET_MS 16.7

typedef struct Bench {
    MskTimeline *timeline;
    MskSession *session;
    MskDocument *document;
    void (*step)(struct Bench *bench, int i);
    int i;
    double begin;
    double change[N_STEPS], draw[N_STEPS], frame[N_STEPS];
} Bench;

// Of the processor on this thread: other programs do not count.
static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_times(const char *what, double *times)
{
    qsort(times, N_STEPS, sizeof(double), compare);
    const double median = times[N_STEPS / 2], p99 = times[N_STEPS * 99 / 100];
    printf("  %-7s median %6.2f ms (%4.0f %%)   p99 %6.2f ms (%4.0f %%)   max %6.2f ms\n", what,
           median, 100 * median / BUDGET_MS, p99, 100 * p99 / BUDGET_MS, times[N_STEPS - 1]);
}

static void draw_all(MskTimeline *timeline)
{
    const int width = timeline->view.width, lanes = timeline->lanes_height;
    GtkSnapshot *snapshot = gtk_snapshot_new();

    msk_timeline_draw_ruler(timeline, snapshot, width, MSK_TIMELINE_RULER_HEIGHT);
    msk_timeline_draw_film(timeline, snapshot, width, MSK_TIMELINE_FILM_HEIGHT);
    msk_timeline_draw_lanes(timeline, snapshot, width, lanes);
    msk_timeline_draw_overlay(timeline, snapshot, width, 82 + lanes);
    GskRenderNode *node = gtk_snapshot_free_to_node(snapshot);
    g_clear_pointer(&node, gsk_render_node_unref);
}

static void update_cb(GdkFrameClock *clock, Bench *bench)
{
    if (bench->i >= N_STEPS)
        return;
    bench->begin = now_ms();
    bench->step(bench, bench->i);
    bench->change[bench->i] = now_ms() - bench->begin;
}

static void after_paint_cb(GdkFrameClock *clock, Bench *bench)
{
    if (bench->i < N_STEPS)
        bench->frame[bench->i++] = now_ms() - bench->begin;
}

// Once as the display would, once only drawing.
static void run(Bench *bench, const char *name, double zoom, void (*step)(Bench *, int))
{
    GdkFrameClock *clock = gtk_widget_get_frame_clock(GTK_WIDGET(bench->timeline));

    msk_timeline_zoom_at(bench->timeline, zoom * 1.01, 0);
    msk_timeline_zoom_at(bench->timeline, zoom, 0);
    bench->step = step;
    bench->i = 0;
    const gulong update = g_signal_connect(clock, "update", G_CALLBACK(update_cb), bench);
    const gulong after = g_signal_connect(clock, "after-paint", G_CALLBACK(after_paint_cb), bench);
    gdk_frame_clock_begin_updating(clock);
    while (bench->i < N_STEPS)
        g_main_context_iteration(NULL, TRUE);
    gdk_frame_clock_end_updating(clock);
    g_signal_handler_disconnect(clock, update);
    g_signal_handler_disconnect(clock, after);

    msk_timeline_zoom_at(bench->timeline, zoom * 1.01, 0); // nothing is kept
    msk_timeline_zoom_at(bench->timeline, zoom, 0);
    draw_all(bench->timeline);
    for (int i = 0; i < N_STEPS; i++) {
        step(bench, N_STEPS + i);
        const double begin = now_ms();
        draw_all(bench->timeline);
        bench->draw[i] = now_ms() - begin;
    }
    printf("%s, %.3g pixels a frame\n", name, zoom);
    print_times("change", bench->change);
    print_times("draw", bench->draw);
    print_times("frame", bench->frame);
}

// ---- Steps -------------------------------------------------------------------------------------

static void scroll_time(Bench *bench, int i)
{
    msk_timeline_scroll_to(bench->timeline, 1000 + (int64_t)i * 60);
}

static void scroll_lanes(Bench *bench, int i)
{
    gtk_adjustment_set_value(bench->timeline->vadjustment, i * 14 % 3000);
}

static void zoom(Bench *bench, int i)
{
    const int cycle = i % 80;
    const double power = cycle < 40 ? cycle : 80 - cycle;
    msk_timeline_zoom_at(bench->timeline, 0.02 * pow(1.2, power), 400);
}

static void play(Bench *bench, int i)
{
    msk_session_set_frame(bench->session, 1000 + i);
}

// Ten objects get their mask of a frame, as while tracking.
static void track(Bench *bench, int i)
{
    const int64_t frame = 2000 + i;

    msk_document_begin(bench->document, "Track");
    for (guint n = 0; n < MIN(10, msk_document_get_n_objects(bench->document)); n++)
        fixture_track(bench->document, msk_document_get_object(bench->document, n), frame, frame);
    msk_document_end(bench->document);
}

int main(int argc, char **argv)
{
    const int64_t n_frames = argc > 1 ? atoll(argv[1]) : 100000;
    const guint n_objects = argc > 2 ? (guint)atoi(argv[2]) : 100;
    const int spacing = argc > 3 ? atoi(argv[3]) : 100;
    Bench bench = {NULL};

    setvbuf(stdout, NULL, _IOLBF, 0);

    adw_init();
    const double begin = now_ms();
    bench.document = fixture_document(n_frames, n_objects, spacing, 1);
    bench.session = fixture_session(bench.document);
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
    msk_masklet_get_runs(msk_document_get_object(bench.document, 0), 0, n_frames - 1, runs);
    printf("%" G_GINT64_FORMAT " frames, %u objects, %u runs each; made in %.0f ms\n", n_frames,
           n_objects, runs->len, now_ms() - begin);

    GtkWidget *window = gtk_window_new();
    bench.timeline = MSK_TIMELINE(msk_timeline_new());
    gtk_window_set_child(GTK_WINDOW(window), GTK_WIDGET(bench.timeline));
    gtk_window_set_default_size(GTK_WINDOW(window), 1280, 640);
    msk_timeline_set_session(bench.timeline, bench.session);
    msk_session_select(bench.session, msk_document_get_object(bench.document, 0));
    gtk_window_present(GTK_WINDOW(window));
    while (bench.timeline->n_draws == 0)
        g_main_context_iteration(NULL, TRUE);
    printf("%d x %d pixels, %d lanes seen, renderer %s\n", gtk_widget_get_width(window),
           gtk_widget_get_height(window), bench.timeline->lanes_height / MSK_TIMELINE_LANE_HEIGHT,
           G_OBJECT_TYPE_NAME(gtk_native_get_renderer(GTK_NATIVE(window))));

    run(&bench, "scroll in time", 8, scroll_time);
    run(&bench, "scroll in time", 1, scroll_time);
    run(&bench, "scroll in time", 0.1, scroll_time);
    run(&bench, "scroll lanes", 8, scroll_lanes);
    run(&bench, "scroll lanes", 0.1, scroll_lanes);
    run(&bench, "scroll lanes", 1e-9, scroll_lanes);
    gtk_adjustment_set_value(bench.timeline->vadjustment, 0);
    run(&bench, "zoom", 0.1, zoom);
    run(&bench, "play", 8, play);
    run(&bench, "track 10 objects", 0.1, track);
    run(&bench, "track 10 objects", 8, track);

    gtk_window_destroy(GTK_WINDOW(window));
    fixture_close(bench.session);
    return 0;
}
