// SPDX-License-Identifier: Apache-2.0
// bench_play [WIDTH HEIGHT OBJECTS]: the window plays a clip of 30 frames/s with masks on each
// frame: how many frames were dropped, how long the main loop was busy at a time, and what of the
// processors it took. 16 ms is what a display at 60 Hz leaves.
#include <adwaita.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "tests/app/clips.h"
#include "tests/ui/session_fixture.h"
#include "ui/stalls.h"
#include "ui/window_private.h"

enum { N_FRAMES = 180, GRID = 4, LIMIT_MS = 16, N_PASSES = 3 };

static void spin_until(gboolean (*is_done)(MskWindow *), MskWindow *window)
{
    while (!is_done(window))
        g_main_context_iteration(NULL, TRUE);
}

static gboolean is_open(MskWindow *window)
{
    MskSession *session = window->session;
    return msk_session_get_document(session) && !msk_session_get_busy(session) &&
           msk_session_get_index_progress(session) < 0 && msk_session_get_picture(session, NULL);
}

static gboolean is_stopped(MskWindow *window)
{
    return !msk_player_is_playing(window->player);
}

// ---- Masks -------------------------------------------------------------------------------------

// A blob that moves about.
static MskMask *make_mask(int width, int height, int64_t n, int i)
{
    const int w = width / GRID, h = height / GRID;
    g_autofree float *logits = g_new(float, w *h);
    const double phase = 0.7 * i + 0.03 * (double)n;
    const double cx = w * (0.5 + 0.3 * cos(phase + 2.1 * i)), cy = h * (0.5 + 0.3 * sin(phase));
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const double dx = x - cx, dy = y - cy, angle = atan2(dy, dx);
            logits[y * w + x] =
                (float)(h * (0.2 + 0.01 * sin(7 * angle + (double)n)) - hypot(dx, dy));
        }
    return msk_mask_new_logits(logits, w, h, width, height);
}

static void add_object(MskDocument *document, int i)
{
    const int width = msk_document_get_width(document), height = msk_document_get_height(document);
    MskMasklet *masklet = msk_document_add_object(document, NULL);
    g_autoptr(MskPrompt) prompt = msk_prompt_new(0);
    msk_prompt_add_point(prompt, (float)width / 2, (float)height / 2, TRUE);
    msk_document_set_prompt(document, masklet, 0, prompt);
    for (int64_t n = 0; n < N_FRAMES; n++) {
        MskResult *result = g_new0(MskResult, 1);
        *result = (MskResult){.n_refs = 1, .frame = n, .object_score = 7.5f, .iou = 0.93f};
        result->mask = make_mask(width, height, n, i);
        const guint64 source = n == 0 ? 0 : msk_masklet_get_source(masklet, n, FALSE);
        msk_document_set_track(document, masklet, n, result, source, -1);
        msk_result_unref(result);
    }
}

// ---- Measuring ---------------------------------------------------------------------------------

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double at(const GArray *sorted, double part)
{
    const guint i = (guint)(part * sorted->len);
    return sorted->len ? g_array_index(sorted, double, MIN(i, sorted->len - 1)) : 0;
}

// Iterations of the main loop since `begin`: milliseconds by the clock, or of the processor.
static GArray *read_log(const char *path, gint64 begin, gboolean is_busy)
{
    GArray *out = g_array_new(FALSE, FALSE, sizeof(double));
    g_autofree char *text = NULL;
    g_file_get_contents(path, &text, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++) {
        gint64 when, took, busy;
        if (sscanf(*line, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, &when,
                   &took, &busy) != 3 ||
            when < begin)
            continue;
        const double ms = (double)(is_busy ? busy : took) / 1000;
        g_array_append_val(out, ms);
    }
    g_array_sort(out, compare);
    return out;
}

static void print_log(const char *path, gint64 begin, gboolean is_busy)
{
    g_autoptr(GArray) times = read_log(path, begin, is_busy);
    guint n_late = 0;
    for (guint i = 0; i < times->len; i++)
        n_late += g_array_index(times, double, i) > LIMIT_MS;
    printf("  main loop, %-9s median %5.1f ms  p99 %5.1f ms  max %5.1f ms  %u of %u above %d ms\n",
           is_busy ? "processor" : "clock", at(times, 0.5), at(times, 0.99), at(times, 1), n_late,
           times->len, LIMIT_MS);
}

static void play(MskWindow *window, const char *log, int pass)
{
    msk_session_set_frame(window->session, 0);
    const gint64 begin = g_get_monotonic_time();
    const clock_t busy = clock();
    msk_player_play(window->player, 1);
    spin_until(is_stopped, window);
    const double seconds = (double)(g_get_monotonic_time() - begin) / G_USEC_PER_SEC;
    const int64_t n_dropped = msk_player_get_n_dropped(window->player);
    printf("pass %d: %d frames in %.2f s, %" G_GINT64_FORMAT
           " dropped: %.1f frames/s seen; %.2f of a "
           "processor\n",
           pass, N_FRAMES, seconds, n_dropped, (double)(N_FRAMES - n_dropped) / seconds,
           (double)(clock() - busy) / CLOCKS_PER_SEC / seconds);
    print_log(log, begin, FALSE);
    print_log(log, begin, TRUE);
}

int main(int argc, char **argv)
{
    const int width = argc > 1 ? atoi(argv[1]) : 1920, height = argc > 2 ? atoi(argv[2]) : 1080;
    const int n_objects = argc > 3 ? atoi(argv[3]) : 2;

    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *folder = fixture_begin();
    g_autofree char *log = g_build_filename(folder, "iterations.log", NULL);
    if (!clips_begin() || !gtk_init_check())
        return 77;
    adw_init();
    g_autofree char *how =
        g_strdup_printf("-f lavfi -i testsrc2=size=%dx%d:rate=30 -frames:v %d -pix_fmt yuv420p",
                        width, height, N_FRAMES);
    const char *clip = clip_make("play.mp4", how);
    if (!clip)
        return 1;
    MskWindow *window = g_object_ref_sink(g_object_new(MSK_TYPE_WINDOW, NULL));
    gtk_window_present(GTK_WINDOW(window));
    g_autoptr(GFile) file = g_file_new_for_path(clip);
    msk_window_open(window, file);
    spin_until(is_open, window);
    for (int i = 0; i < n_objects; i++)
        add_object(msk_session_get_document(window->session), i);
    msk_stalls_start(log);
    printf("%d x %d, 30 frames/s, masks of %d objects, renderer %s\n", width, height, n_objects,
           G_OBJECT_TYPE_NAME(gtk_native_get_renderer(GTK_NATIVE(window))));
    for (int pass = 1; pass <= N_PASSES; pass++)
        play(window, log, pass);
    gtk_window_destroy(GTK_WINDOW(window));
    g_object_unref(window);
    clips_end();
    fixture_end();
    return 0;
}
