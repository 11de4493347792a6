// SPDX-License-Identifier: Apache-2.0
// How fast the open model is here.
#include "app/model_speed.h"

#include <glib/gi18n.h>

#include "app/bench_clip.h"

#define WIDTH 640
#define HEIGHT 360
#define N_FRAMES 41
#define N_FIRST 2 // tracked frames before the clock starts: caches, code that is loaded late
#define SECONDS 3

typedef struct Measure {
    MskVideo *video;
    MskJob *job;
    int n_tracked; // engine's thread until tracking has ended
    int64_t start, end;
} Measure;

static void free_measure(Measure *measure)
{
    msk_video_unref(measure->video);
    msk_job_unref(measure->job);
    g_free(measure);
}

static gboolean get_rgb_cb(gpointer user, int64_t frame, uint8_t *rgb, size_t stride,
                           GError **error)
{
    uint8_t *drawn = user;
    bench_clip_draw(drawn, WIDTH, HEIGHT, frame, 1);
    for (int y = 0; y < HEIGHT; y++)
        memcpy(rgb + (size_t)y * stride, drawn + (size_t)y * 3 * WIDTH, 3 * (size_t)WIDTH);
    return TRUE;
}

static void tracked_cb(int64_t frame, const MskTracked *tracked, int n_tracked, gpointer user)
{
    Measure *measure = user;
    measure->end = g_get_monotonic_time();
    if (++measure->n_tracked == N_FIRST)
        measure->start = measure->end;
    if (measure->n_tracked > N_FIRST &&
        measure->end - measure->start > SECONDS * (int64_t)G_USEC_PER_SEC)
        msk_job_cancel(measure->job);
}

static void track_done_cb(GObject *engine, GAsyncResult *result, gpointer user)
{
    g_autoptr(GTask) task = user;
    Measure *measure = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    gboolean done = msk_engine_track_finish(MSK_ENGINE(engine), result, &error);
    if (g_task_return_error_if_cancelled(task))
        return;
    int n = measure->n_tracked - N_FIRST;
    if (n > 0 && measure->end > measure->start) {
        double *rate = g_new(double, 1);
        *rate = n * (double)G_USEC_PER_SEC / (double)(measure->end - measure->start);
        g_task_return_pointer(task, rate, g_free);
    } else if (done) {
        g_task_return_new_error(task, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_ARGUMENT,
                                _("The drawn clip could not be tracked"));
    } else {
        g_task_return_error(task, g_steal_pointer(&error));
    }
}

static void cancelled_cb(GCancellable *cancellable, gpointer job)
{
    msk_job_cancel(job);
}

static void prompt_done_cb(GObject *object, GAsyncResult *result, gpointer user)
{
    g_autoptr(GTask) task = user;
    MskEngine *engine = MSK_ENGINE(object);
    Measure *measure = g_task_get_task_data(task);
    GError *error = NULL;
    g_autoptr(MskResult) anchor = msk_engine_prompt_finish(engine, result, &error);
    if (!anchor) {
        g_task_return_error(task, error);
        return;
    }
    MskResult *anchors[] = {anchor};
    MskTrackObject object_to_track = {anchors, 1};
    MskSpan span = {.first = 1, .last = N_FRAMES - 1, .n_anchors = 1};
    MskTrackRequest request = {
        .video = measure->video,
        .objects = &object_to_track,
        .n_objects = 1,
        .spans = &span,
        .n_spans = 1,
        .func = tracked_cb,
        .user = measure,
        .job = measure->job,
    };
    msk_engine_track_async(engine, &request, track_done_cb, g_steal_pointer(&task));
}

void msk_model_measure_async(MskEngine *engine, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user)
{
    g_autoptr(GTask) task = g_task_new(engine, cancellable, callback, user);
    MskFrameSource source = {
        .width = WIDTH,
        .height = HEIGHT,
        .n_frames = N_FRAMES,
        .get_rgb = get_rgb_cb,
        .user = g_malloc(3 * WIDTH * HEIGHT),
        .destroy = g_free,
    };
    Measure *measure = g_new0(Measure, 1);
    measure->video = msk_video_new(engine, &source, NULL);
    measure->job = msk_job_new();
    g_task_set_task_data(task, measure, (GDestroyNotify)free_measure);
    if (cancellable)
        g_signal_connect_data(cancellable, "cancelled", G_CALLBACK(cancelled_cb),
                              msk_job_ref(measure->job), (GClosureNotify)(void *)msk_job_unref, 0);
    double x, y;
    bench_clip_centre(WIDTH, HEIGHT, 0, 0, &x, &y);
    g_autoptr(MskPrompt) prompt = msk_prompt_new(0);
    msk_prompt_add_point(prompt, x, y, TRUE);
    msk_engine_prompt_async(engine, measure->video, prompt, NULL, cancellable, prompt_done_cb,
                            g_steal_pointer(&task));
}

double msk_model_measure_finish(MskEngine *engine, GAsyncResult *result, GError **error)
{
    g_autofree double *rate = g_task_propagate_pointer(G_TASK(result), error);
    return rate ? *rate : -1;
}
