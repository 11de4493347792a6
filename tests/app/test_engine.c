// SPDX-License-Identifier: Apache-2.0
// The engine: requests, tracking, cancelling, changes of model. test-engine MODEL_JSON
//
// Runs on the ref backend with one thread, so that the thread sanitizer sees all that goes on.
#include <glib/gstdio.h>
#include <libavutil/frame.h>
#include <string.h>

#include "tests/app/engine_fixture.h"
#include "tests/support/check.h"

#define WIDTH ENGINE_WIDTH
#define HEIGHT ENGINE_HEIGHT
#define N_FRAMES 12

static int n_sources_destroyed;

static void destroy_cb(gpointer user)
{
    g_atomic_int_inc(&n_sources_destroyed);
}

static int no_bad_frame = -1;

static MskVideo *open_video(MskEngine *engine, int *bad_frame)
{
    MskFrameSource source = {WIDTH, HEIGHT, N_FRAMES, engine_get_rgb_cb, bad_frame, destroy_cb};
    return msk_video_new(engine, &source, NULL);
}

static gboolean open_model(MskEngine *engine, const char *path, GError **error)
{
    MskModelInfo info = {{0}};
    gboolean opened = engine_open_model(engine, path, &info, error);
    CHECK(!opened || (info.image_size > 0 && info.n_threads == 1 && info.n_parameters > 0));
    return opened;
}

// ---- Tracking ----------------------------------------------------------------------------------

#define MAX_OBJECTS 3

typedef struct Tracks {
    MskResult *results[MAX_OBJECTS][N_FRAMES];
    int n_delivered;
    int64_t order[4 * N_FRAMES];
    int cancel_after; // frames; 0: never
    MskJob *job;
} Tracks;

static void clear_tracks(Tracks *tracks)
{
    for (int i = 0; i < MAX_OBJECTS; i++)
        for (int k = 0; k < N_FRAMES; k++)
            g_clear_pointer(&tracks->results[i][k], msk_result_unref);
    msk_job_unref(tracks->job);
}

static void tracked_cb(int64_t frame, const MskTracked *tracked, int n, gpointer user)
{
    Tracks *tracks = user;
    tracks->order[tracks->n_delivered++] = frame;
    for (int i = 0; i < n; i++)
        tracks->results[tracked[i].object][frame] = msk_result_ref(tracked[i].result);
    if (tracks->n_delivered == tracks->cancel_after)
        msk_job_cancel(tracks->job);
}

// Begins to track objects from their anchors (NULL-ended) over the whole clip.
static void begin(MskEngine *engine, MskVideo *video, MskResult *(*anchors)[4], int n_objects,
                  Tracks *tracks, GAsyncResult **result)
{
    MskTrackObject objects[MAX_OBJECTS] = {{0}};
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(MskSpan));
    tracks->job = msk_job_new();
    for (int i = 0; i < n_objects; i++) {
        int64_t frames[4];
        int n = 0;
        for (; n < 4 && anchors[i][n]; n++)
            frames[n] = anchors[i][n]->frame;
        objects[i] = (MskTrackObject){anchors[i], n};
        msk_plan_spans(spans, i, frames, n, 0, N_FRAMES - 1, MSK_DIRECTION_BOTH);
    }
    MskTrackRequest request = {.video = video,
                               .objects = objects,
                               .n_objects = n_objects,
                               .spans = (const MskSpan *)(void *)spans->data,
                               .n_spans = (int)spans->len,
                               .func = tracked_cb,
                               .user = tracks,
                               .job = tracks->job};
    msk_engine_track_async(engine, &request, engine_done_cb, result);
}

static gboolean track(MskEngine *engine, MskVideo *video, MskResult *(*anchors)[4], int n_objects,
                      Tracks *tracks, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    begin(engine, video, anchors, n_objects, tracks, &result);
    return msk_engine_track_finish(engine, engine_wait(&result), error);
}

// ---- Tests -------------------------------------------------------------------------------------

static void test_models(void)
{
    g_autoptr(MskEngine) engine = msk_engine_new();
    g_autoptr(MskVideo) video = open_video(engine, &no_bad_frame);
    g_autoptr(GError) no_model = NULL, missing = NULL, not_model = NULL, error = NULL;
    CHECK(!engine_click(engine, video, 0, 16, 24, NULL, &no_model));
    CHECK(g_error_matches(no_model, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL));
    CHECK(!open_model(engine, "/nonexistent/model.pt", &missing));
    CHECK(g_error_matches(missing, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_MODEL));
    CHECK(missing && strstr(missing->message, "/nonexistent/model.pt"));
    CHECK(open_model(engine, engine_model, &error) && !error);
    // A file that is no model leaves the old one open.
    CHECK(!open_model(engine, "/dev/null", &not_model));
    CHECK(g_error_matches(not_model, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_MODEL));
    g_autoptr(MskResult) result = engine_click(engine, video, 0, 16, 24, NULL, &error);
    CHECK(result && result->frame == 0 && result->low_logits && result->pointer);
    CHECK(result && msk_mask_get_width(result->mask) == WIDTH);
    // Models are known by what is in their files.
    MskModelInfo first, again, other, moved;
    g_autofree char *contents = NULL, *elsewhere = g_strconcat(engine_model, ".copy", NULL);
    gsize size = 0;
    CHECK(msk_engine_get_model(engine) != 0 && result->model == msk_engine_get_model(engine));
    CHECK(engine_open_model(engine, engine_smaller_model, &first, NULL) && first.id != 0);
    CHECK(first.id != result->model && msk_engine_get_model(engine) == first.id);
    CHECK(engine_open_model(engine, engine_other_model, &other, NULL) && other.id != first.id);
    CHECK(engine_open_model(engine, engine_smaller_model, &again, NULL) && again.id == first.id);
    CHECK(g_file_get_contents(engine_smaller_model, &contents, &size, NULL) &&
          g_file_set_contents(elsewhere, contents, (gssize)size, NULL));
    CHECK(engine_open_model(engine, elsewhere, &moved, NULL) && moved.id == first.id);
    contents[size - 1] ^= 1; // one bit of the last weight
    CHECK(g_file_set_contents(elsewhere, contents, (gssize)size, NULL));
    CHECK(engine_open_model(engine, elsewhere, &moved, NULL) && moved.id != first.id);
    g_unlink(elsewhere);
    end_group("opening models");
}

static void test_prompts(MskEngine *engine, MskVideo *video)
{
    g_autoptr(GError) error = NULL, outside = NULL;
    g_autoptr(MskResult) a = engine_click(engine, video, 3, 20, 24, NULL, &error);
    g_autoptr(MskResult) b = engine_click(engine, video, 3, 20, 24, NULL, &error);
    g_autoptr(MskResult) corrected = engine_click(engine, video, 3, 50, 10, a, &error);
    g_autoptr(MskResult) fresh = engine_click(engine, video, 3, 50, 10, NULL, &error);
    CHECK(a && b && corrected && fresh && !error);
    if (!a || !b || !corrected || !fresh)
        return;
    CHECK(engine_equal(a, b));
    // A correction starts from the mask so far; an answer's click is part of its prompt.
    CHECK(!engine_equal(corrected, fresh));
    CHECK(!a->from_mask && !corrected->from_mask && !fresh->from_mask);
    CHECK(!engine_click(engine, video, N_FRAMES, 1, 1, NULL, &outside));
    CHECK(g_error_matches(outside, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_ARGUMENT));

    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(MskPrompt) prompt = msk_prompt_new(0);
    g_autoptr(GError) cancelled = NULL;
    msk_prompt_add_point(prompt, 16, 24, TRUE);
    g_cancellable_cancel(cancellable);
    msk_engine_prompt_async(engine, video, prompt, NULL, cancellable, engine_done_cb, &result);
    CHECK(!msk_engine_prompt_finish(engine, engine_wait(&result), &cancelled));
    CHECK(g_error_matches(cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    end_group("prompts");
}

static void test_mask_prompt(MskEngine *engine, MskVideo *video)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(MskPrompt) prompt = msk_prompt_new(2);
    uint8_t *pixels = g_malloc0(WIDTH * HEIGHT);
    for (int y = 10; y < 30; y++)
        memset(pixels + y * WIDTH + 12, 1, 24);
    msk_prompt_set_mask(prompt, pixels, WIDTH, HEIGHT);
    msk_engine_prompt_async(engine, video, prompt, NULL, NULL, engine_done_cb, &result);
    g_autoptr(MskResult) mask = msk_engine_prompt_finish(engine, engine_wait(&result), &error);
    if (!CHECK(mask && !error))
        return;
    MskRect box = {0};
    CHECK(msk_mask_get_bounds(mask->mask, &box) && abs(box.x - 12) <= 2 && abs(box.y - 10) <= 2);
    CHECK(abs(box.width - 24) <= 3 && abs(box.height - 20) <= 3);
    end_group("a mask as a prompt");
}

static MskFrame *make_frame(int64_t n)
{
    AVFrame *av = av_frame_alloc();
    av->format = AV_PIX_FMT_RGB24;
    av->width = WIDTH;
    av->height = HEIGHT;
    av_frame_get_buffer(av, 0);
    engine_get_rgb_cb(&no_bad_frame, n, av->data[0], (size_t)av->linesize[0], NULL);
    MskFrame *frame = msk_frame_new(av, n, n, MSK_ORIENTATION_NORMAL, WIDTH, HEIGHT);
    av_frame_free(&av);
    return frame;
}

static GPtrArray *segment(MskEngine *engine, MskFrame *frame, double x, double y, gboolean three,
                          GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(MskPrompt) prompt = msk_prompt_new(0);
    msk_prompt_add_point(prompt, x, y, TRUE);
    msk_engine_segment_async(engine, frame, prompt, three, NULL, engine_done_cb, &result);
    return msk_engine_segment_finish(engine, engine_wait(&result), error);
}

static void test_segment(MskEngine *engine)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MskFrame) frame = make_frame(0);
    g_autoptr(MskFrame) other = make_frame(9);
    g_autoptr(GPtrArray) one = segment(engine, frame, 16, 24, FALSE, &error);
    g_autoptr(GPtrArray) three = segment(engine, frame, 16, 24, TRUE, &error);
    g_autoptr(GPtrArray) elsewhere = segment(engine, frame, 60, 40, FALSE, &error);
    g_autoptr(GPtrArray) another = segment(engine, other, 16, 24, FALSE, &error);
    g_autoptr(GPtrArray) back = segment(engine, frame, 16, 24, FALSE, &error);
    if (!CHECK(one && three && elsewhere && another && back && !error))
        return;
    CHECK(one->len == 1 && three->len == 3 && elsewhere->len == 1 && back->len == 1);
    MskResult *first = g_ptr_array_index(one, 0);
    CHECK(msk_mask_get_width(first->mask) == WIDTH && first->frame == 0);
    CHECK(engine_equal(first, g_ptr_array_index(back, 0)));
    CHECK(!engine_equal(first, g_ptr_array_index(elsewhere, 0)));
    CHECK(!engine_equal(first, g_ptr_array_index(another, 0)));
    CHECK(!engine_equal(g_ptr_array_index(three, 0), g_ptr_array_index(three, 1)));
    for (guint i = 0; i < 3; i++) {
        const MskResult *candidate = g_ptr_array_index(three, i);
        CHECK(candidate->iou >= 0 && candidate->iou <= 1);
    }
    end_group("single pictures");
}

static void test_track(MskEngine *engine, MskVideo *video)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MskResult) a1 = engine_click(engine, video, 1, 18, 24, NULL, &error);
    g_autoptr(MskResult) a6 = engine_click(engine, video, 6, 28, 24, NULL, &error);
    g_autoptr(MskResult) b4 = engine_click(engine, video, 4, 50, 8, NULL, &error);
    g_autoptr(MskResult) c0 = engine_click(engine, video, 0, 60, 40, NULL, &error);
    MskResult *all[MAX_OBJECTS][4] = {{a6, a1}, {b4}, {c0}};
    MskResult *only_a[1][4] = {{a1, a6}}, *only_b[1][4] = {{b4}};
    Tracks together = {0}, a = {0}, b = {0};
    CHECK(track(engine, video, all, 3, &together, &error));
    CHECK(track(engine, video, only_b, 1, &b, &error));
    CHECK(track(engine, video, only_a, 1, &a, &error));
    CHECK(!error);
    // Backward 3 to 0, then forward 1 to 11.
    static const int64_t order[] = {3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    CHECK(together.n_delivered == G_N_ELEMENTS(order));
    CHECK(memcmp(together.order, order, sizeof order) == 0);
    MskProgress progress;
    msk_job_get_progress(together.job, &progress);
    CHECK(progress.done == together.n_delivered);
    for (int i = 0; i < N_FRAMES; i++) {
        // Anchors are not tracked; all else is, the same in company as alone.
        CHECK((i == 1 || i == 6) ? !together.results[0][i]
                                 : engine_equal(together.results[0][i], a.results[0][i]));
        CHECK(i == 4 ? !together.results[1][i]
                     : engine_equal(together.results[1][i], b.results[0][i]));
        CHECK(i == 0 ? !together.results[2][i] : together.results[2][i] != NULL);
    }
    // A span depends on its own anchors: without a6, what comes before a1 stays, the rest does not.
    MskResult *first_a[1][4] = {{a1}};
    Tracks shorter = {0};
    CHECK(track(engine, video, first_a, 1, &shorter, &error));
    CHECK(engine_equal(shorter.results[0][0], a.results[0][0]));
    CHECK(!engine_equal(shorter.results[0][5], a.results[0][5]));
    clear_tracks(&together);
    clear_tracks(&a);
    clear_tracks(&b);
    clear_tracks(&shorter);
    end_group("tracking objects together and alone");
}

static void test_click_while_tracking(MskEngine *engine, MskVideo *video)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MskResult) anchor = engine_click(engine, video, 0, 16, 24, NULL, &error);
    g_autoptr(GAsyncResult) tracking = NULL;
    MskResult *anchors[1][4] = {{anchor}};
    Tracks alone = {0}, disturbed = {0};
    CHECK(track(engine, video, anchors, 1, &alone, &error));
    begin(engine, video, anchors, 1, &disturbed, &tracking);
    g_autoptr(MskResult) answer = engine_click(engine, video, 11, 38, 24, NULL, &error);
    CHECK(answer && !tracking);
    g_autoptr(MskResult) again = engine_click(engine, video, 11, 38, 24, NULL, &error);
    CHECK(msk_engine_track_finish(engine, engine_wait(&tracking), &error) && !error);
    for (int i = 1; i < N_FRAMES; i++)
        CHECK(engine_equal(alone.results[0][i], disturbed.results[0][i]));
    CHECK(engine_equal(answer, again));
    clear_tracks(&alone);
    clear_tracks(&disturbed);
    end_group("clicks while tracking");
}

static void test_cancel(MskEngine *engine, MskVideo *video)
{
    g_autoptr(GError) error = NULL, cancelled = NULL;
    g_autoptr(MskResult) anchor = engine_click(engine, video, 0, 16, 24, NULL, &error);
    MskResult *anchors[1][4] = {{anchor}};
    Tracks tracks = {.cancel_after = 4};
    CHECK(!track(engine, video, anchors, 1, &tracks, &cancelled));
    CHECK(g_error_matches(cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    CHECK(tracks.n_delivered == 4 && tracks.results[0][4] && !tracks.results[0][5]);
    clear_tracks(&tracks);
    end_group("stopping");
}

static void test_failures(MskEngine *engine, MskVideo *video)
{
    g_autoptr(GError) error = NULL, bad = NULL, no_anchor = NULL, other_model = NULL;
    static int bad_frame = 5;
    g_autoptr(MskVideo) damaged = open_video(engine, &bad_frame);
    g_autoptr(MskResult) anchor = engine_click(engine, damaged, 0, 16, 24, NULL, &error);
    CHECK(anchor && !error);
    MskResult *anchors[1][4] = {{anchor}};
    Tracks tracks = {0};
    CHECK(!track(engine, damaged, anchors, 1, &tracks, &bad));
    CHECK(bad && strcmp(bad->message, "frame 5 is bad") == 0 && tracks.n_delivered == 4);
    clear_tracks(&tracks);
    CHECK(!engine_click(engine, damaged, 5, 16, 24, NULL, NULL));

    g_autoptr(GAsyncResult) result = NULL;
    MskSpan span = {0, 1, 3, FALSE, 1, {7}};
    MskTrackObject object = {anchors[0], 1};
    MskTrackRequest request = {.video = video,
                               .objects = &object,
                               .n_objects = 1,
                               .spans = &span,
                               .n_spans = 1,
                               .func = tracked_cb};
    msk_engine_track_async(engine, &request, engine_done_cb, &result);
    CHECK(!msk_engine_track_finish(engine, engine_wait(&result), &no_anchor));
    CHECK(g_error_matches(no_anchor, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_ARGUMENT));

    // Another model while a clip is tracked.
    g_autoptr(GAsyncResult) tracking = NULL;
    Tracks interrupted = {0};
    begin(engine, video, anchors, 1, &interrupted, &tracking);
    MskProgress progress;
    do {
        msk_job_get_progress(interrupted.job, &progress);
    } while (progress.done < 1);
    CHECK(open_model(engine, engine_model, &error) && !error);
    CHECK(!msk_engine_track_finish(engine, engine_wait(&tracking), &other_model));
    CHECK(g_error_matches(other_model, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL));
    clear_tracks(&interrupted);
    g_autoptr(MskResult) after = engine_click(engine, video, 0, 16, 24, NULL, &error);
    CHECK(engine_equal(after, anchor));
    end_group("failures");
}

static void test_close(void)
{
    g_autoptr(MskEngine) engine = msk_engine_new();
    g_autoptr(GError) error = NULL, closed = NULL;
    g_autoptr(GAsyncResult) waiting = NULL;
    g_autoptr(MskPrompt) prompt = msk_prompt_new(0);
    int n_before = n_sources_destroyed;
    CHECK(open_model(engine, engine_model, &error));
    MskVideo *video = open_video(engine, &no_bad_frame);
    msk_prompt_add_point(prompt, 16, 24, TRUE);
    msk_engine_prompt_async(engine, video, prompt, NULL, NULL, engine_done_cb, &waiting);
    msk_engine_close(engine);
    // What waited was done.
    g_autoptr(MskResult) result = msk_engine_prompt_finish(engine, engine_wait(&waiting), &error);
    CHECK(result && !error);
    CHECK(!engine_click(engine, video, 0, 16, 24, NULL, &closed));
    CHECK(g_error_matches(closed, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL));
    msk_engine_close(engine);
    msk_video_unref(video);
    CHECK(n_sources_destroyed == n_before + 1);
    end_group("closing");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test-engine MODEL_JSON\n");
        return 2;
    }
    if (!engine_make_models(argv[1]))
        return 1;
    test_models();
    MskEngine *engine = msk_engine_new();
    g_autoptr(GError) error = NULL;
    if (!CHECK(open_model(engine, engine_model, &error)))
        return end_tests();
    MskVideo *video = open_video(engine, &no_bad_frame);
    test_prompts(engine, video);
    test_mask_prompt(engine, video);
    test_segment(engine);
    test_track(engine, video);
    test_click_while_tracking(engine, video);
    test_cancel(engine, video);
    test_failures(engine, video);
    MskVideoStats stats;
    msk_video_get_stats(video, &stats);
    CHECK(stats.n_encoded > 0 && stats.encode_s > 0 && stats.frame_s > 0);
    // The last reference to the engine may be the video's.
    g_object_unref(engine);
    msk_video_unref(video);
    while (g_atomic_int_get(&n_sources_destroyed) < 3)
        g_usleep(1000);
    test_close();
    engine_remove_models();
    return end_tests();
}
