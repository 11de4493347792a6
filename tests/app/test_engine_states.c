// SPDX-License-Identifier: Apache-2.0
// Tracking that is stopped and goes on, and anchors that are made from masks.
// test-engine-states MODEL_JSON
#include <string.h>

#include "tests/app/engine_fixture.h"
#include "tests/support/check.h"

#define N_FRAMES 14
#define N_OBJECTS 3
#define MAX_SPANS 12

static MskEngine *engine;
static MskVideo *video;
static int no_bad_frame = -1;

static MskVideo *open_video(int64_t n_frames)
{
    MskFrameSource source = {ENGINE_WIDTH,      ENGINE_HEIGHT, n_frames,
                             engine_get_rgb_cb, &no_bad_frame, NULL};
    return msk_video_new(engine, &source, NULL);
}

// What is to be tracked: objects with anchors, and spans with where they go on.
typedef struct Work {
    MskResult *anchors[N_OBJECTS][3]; // NULL-ended
    MskSpan spans[MAX_SPANS];
    MskTrackState *states[MAX_SPANS];
    int n_spans;
    // What came of it.
    MskResult *results[N_OBJECTS][N_FRAMES];
    int n_tracked[N_OBJECTS][N_FRAMES];
    int n_delivered, stop_after;
    MskTrackState *saved[MAX_SPANS];
    MskJob *job;
} Work;

static void tracked_cb(int64_t frame, const MskTracked *tracked, int n, gpointer user)
{
    Work *work = user;
    for (int i = 0; i < n; i++) {
        MskResult **slot = &work->results[tracked[i].object][frame];
        msk_result_unref(*slot);
        *slot = msk_result_ref(tracked[i].result);
        work->n_tracked[tracked[i].object][frame]++;
    }
    if (++work->n_delivered == work->stop_after)
        msk_job_cancel(work->job);
}

static void saved_cb(int span, MskTrackState *state, gpointer user)
{
    ((Work *)user)->saved[span] = msk_track_state_ref(state);
}

static void plan_work(Work *work, MskDirection direction)
{
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(MskSpan));
    for (int i = 0; i < N_OBJECTS; i++) {
        int64_t frames[3];
        int n = 0;
        for (; n < 3 && work->anchors[i][n]; n++)
            frames[n] = work->anchors[i][n]->frame;
        msk_plan_spans(spans, i, frames, n, 0, N_FRAMES - 1, direction);
    }
    work->n_spans = (int)spans->len;
    memcpy(work->spans, spans->data, spans->len * sizeof(MskSpan));
}

static void clear_work(Work *work)
{
    for (int i = 0; i < MAX_SPANS; i++) {
        g_clear_pointer(&work->states[i], msk_track_state_unref);
        g_clear_pointer(&work->saved[i], msk_track_state_unref);
    }
    for (int i = 0; i < N_OBJECTS; i++)
        for (int k = 0; k < N_FRAMES; k++)
            g_clear_pointer(&work->results[i][k], msk_result_unref);
}

static gboolean run(Work *work, MskVideo *of, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    MskTrackObject objects[N_OBJECTS];
    work->job = msk_job_new();
    work->n_delivered = 0;
    for (int i = 0; i < N_OBJECTS; i++) {
        int n = 0;
        while (n < 3 && work->anchors[i][n])
            n++;
        objects[i] = (MskTrackObject){work->anchors[i], n};
    }
    MskTrackRequest request = {.video = of,
                               .objects = objects,
                               .n_objects = N_OBJECTS,
                               .spans = work->spans,
                               .n_spans = work->n_spans,
                               .states = work->states,
                               .func = tracked_cb,
                               .saved = saved_cb,
                               .user = work,
                               .job = work->job};
    msk_engine_track_async(engine, &request, engine_done_cb, &result);
    gboolean done = msk_engine_track_finish(engine, engine_wait(&result), error);
    g_clear_pointer(&work->job, msk_job_unref);
    return done;
}

// Makes what remains after a stop the work: spans that were begun go on, those done are left out.
static void keep_rest(Work *work)
{
    int n = 0;
    for (int i = 0; i < work->n_spans; i++) {
        MskSpan span = work->spans[i];
        MskTrackState *state = g_steal_pointer(&work->saved[i]);
        int64_t begin = span.reverse ? span.last : span.first;
        if (!state && work->n_tracked[span.object][begin] > 0) {
            g_clear_pointer(&work->states[i], msk_track_state_unref);
            continue;
        }
        if (state)
            *(span.reverse ? &span.last : &span.first) = msk_track_state_get_next(state);
        MskTrackState *old = g_steal_pointer(&work->states[i]);
        work->spans[n] = span;
        work->states[n++] = state ? state : old;
        if (state)
            msk_track_state_unref(old);
    }
    work->n_spans = n;
}

// ---- Tests -------------------------------------------------------------------------------------

// Runs all at once, then with a stop after every `step` frames: the same, each frame tracked once.
static void compare_stopping(MskResult *const (*anchors)[3], MskDirection direction, int step)
{
    Work whole = {.stop_after = 0}, parts = {.stop_after = step};
    g_autoptr(GError) error = NULL;
    memcpy(whole.anchors, anchors, sizeof whole.anchors);
    memcpy(parts.anchors, anchors, sizeof parts.anchors);
    plan_work(&whole, direction);
    plan_work(&parts, direction);
    CHECK(run(&whole, video, &error) && !error);
    int n_stops = 0;
    while (!run(&parts, video, &error)) {
        if (!CHECK(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)))
            break;
        CHECK(parts.n_delivered == step);
        g_clear_error(&error);
        keep_rest(&parts);
        n_stops++;
    }
    CHECK(n_stops == (whole.n_delivered - 1) / step);
    for (int i = 0; i < N_OBJECTS; i++) {
        for (int k = 0; k < N_FRAMES; k++) {
            CHECK(whole.n_tracked[i][k] == parts.n_tracked[i][k]);
            CHECK(!whole.results[i][k] || engine_equal(whole.results[i][k], parts.results[i][k]));
        }
    }
    clear_work(&whole);
    clear_work(&parts);
}

static MskResult *paint(int64_t frame, int x, int y, int side)
{
    uint8_t pixels[ENGINE_WIDTH * ENGINE_HEIGHT] = {0};
    for (int row = y; row < y + side; row++)
        memset(pixels + row * ENGINE_WIDTH + x, 1, (size_t)side);
    MskResult *result = g_new0(MskResult, 1);
    result->n_refs = 1;
    result->frame = frame;
    result->mask = msk_mask_new_bits(pixels, ENGINE_WIDTH, ENGINE_WIDTH, ENGINE_HEIGHT);
    return result;
}

static void test_stopping(void)
{
    g_autoptr(MskResult) a4 = engine_click(engine, video, 4, 24, 24, NULL, NULL);
    g_autoptr(MskResult) a9 = engine_click(engine, video, 9, 34, 24, NULL, NULL);
    g_autoptr(MskResult) b6 = engine_click(engine, video, 6, 50, 8, NULL, NULL);
    g_autoptr(MskResult) c1 = paint(1, 12, 10, 20);
    if (!CHECK(a4 && a9 && b6))
        return;
    MskResult *const anchors[N_OBJECTS][3] = {{a4, a9}, {b6}, {c1}};
    for (int step = 1; step <= 7; step += 3)
        compare_stopping(anchors, MSK_DIRECTION_BOTH, step);
    compare_stopping(anchors, MSK_DIRECTION_BACKWARD, 2);
    compare_stopping(anchors, MSK_DIRECTION_FORWARD, 5);
    end_group("stopping and going on");
}

// A mask that is no anchor yet is tracked as the answer to the mask as a prompt.
static void compare_made(MskResult *mask)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(MskPrompt) prompt = msk_prompt_new(mask->frame);
    g_autoptr(GError) error = NULL;
    uint8_t *pixels = g_malloc(ENGINE_WIDTH * ENGINE_HEIGHT);
    msk_mask_get_binary(mask->mask, pixels, ENGINE_WIDTH);
    msk_prompt_set_mask(prompt, pixels, ENGINE_WIDTH, ENGINE_HEIGHT);
    msk_engine_prompt_async(engine, video, prompt, NULL, NULL, engine_done_cb, &result);
    g_autoptr(MskResult) anchor = msk_engine_prompt_finish(engine, engine_wait(&result), &error);
    if (!CHECK(anchor && !error))
        return;
    Work given = {.anchors = {{mask}}}, asked = {.anchors = {{anchor}}};
    plan_work(&given, MSK_DIRECTION_BOTH);
    plan_work(&asked, MSK_DIRECTION_BOTH);
    CHECK(run(&given, video, &error) && run(&asked, video, &error) && !error);
    for (int k = 0; k < N_FRAMES; k++)
        CHECK(k == mask->frame ? !given.results[0][k]
                               : engine_equal(given.results[0][k], asked.results[0][k]));
    clear_work(&given);
    clear_work(&asked);
}

static void test_anchors(void)
{
    g_autoptr(MskResult) painted = paint(5, 20, 16, 18);
    g_autoptr(MskResult) click = engine_click(engine, video, 3, 22, 24, NULL, NULL);
    if (!CHECK(click))
        return;
    compare_made(painted);
    compare_made(painted); // kept by now
    // A tracked frame has no pointer.
    Work work = {.anchors = {{click}}};
    plan_work(&work, MSK_DIRECTION_FORWARD);
    CHECK(run(&work, video, NULL));
    CHECK(!work.results[0][7]->pointer);
    compare_made(work.results[0][7]);
    clear_work(&work);
    // An empty mask: the object is not there.
    g_autoptr(MskResult) empty = paint(2, 0, 0, 0);
    compare_made(empty);
    end_group("anchors from masks");
}

static void test_refusals(void)
{
    g_autoptr(MskResult) click = engine_click(engine, video, 0, 16, 24, NULL, NULL);
    g_autoptr(GError) cancelled = NULL, wrong = NULL, shorter = NULL, changed = NULL, error = NULL;
    Work work = {.anchors = {{click}}, .stop_after = 4};
    plan_work(&work, MSK_DIRECTION_BOTH);
    CHECK(!run(&work, video, &cancelled));
    g_autoptr(MskTrackState) state = msk_track_state_ref(work.saved[0]);
    CHECK(msk_track_state_get_next(state) == 5 && msk_track_state_get_size(state) > 1000);
    keep_rest(&work);
    work.spans[0].first = 7;
    CHECK(!run(&work, video, &wrong));
    CHECK(g_error_matches(wrong, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_ARGUMENT));
    work.spans[0].first = 5;
    MskVideo *cut = open_video(N_FRAMES - 1);
    work.spans[0].last = N_FRAMES - 2;
    CHECK(!run(&work, cut, &shorter));
    CHECK(g_error_matches(shorter, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_STATE));
    msk_video_unref(cut);
    // The anchor and the state of one model with another: the anchor is made anew.
    CHECK(engine_open_model(engine, engine_model, NULL, &error));
    CHECK(!run(&work, video, &changed));
    CHECK(g_error_matches(changed, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_STATE));
    clear_work(&work);
    compare_made(click);
    end_group("what does not fit");
}

// A click on a mask that another model made, of the same sizes or not, starts from that mask; it is
// not taken for an anchor of the open model.
static void test_other_model(const char *path)
{
    g_autoptr(GError) error = NULL;
    CHECK(engine_open_model(engine, engine_smaller_model, NULL, &error));
    g_autoptr(MskResult) click = engine_click(engine, video, 3, 22, 24, NULL, &error);
    Work work = {.anchors = {{click}}};
    plan_work(&work, MSK_DIRECTION_FORWARD);
    CHECK(run(&work, video, &error) && !error);
    g_autoptr(MskResult) tracked = msk_result_ref(work.results[0][7]);
    clear_work(&work);
    CHECK(tracked->model == click->model && click->model == msk_engine_get_model(engine));

    CHECK(engine_open_model(engine, path, NULL, &error));
    CHECK(click->model != msk_engine_get_model(engine));
    compare_made(click);
    MskResult *const starts[] = {click, tracked};
    for (gsize i = 0; i < G_N_ELEMENTS(starts); i++) {
        int64_t frame = starts[i]->frame;
        g_autoptr(MskResult) corrected =
            engine_click(engine, video, frame, 50, 10, starts[i], &error);
        g_autoptr(MskResult) fresh = engine_click(engine, video, frame, 50, 10, NULL, &error);
        CHECK(corrected && fresh && !engine_equal(corrected, fresh) && !error);
        CHECK(corrected->model == msk_engine_get_model(engine));
        CHECK(corrected->from_mask == (starts[i] == tracked) && !fresh->from_mask);
    }
    end_group("masks of another model");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test-engine-states MODEL_JSON\n");
        return 2;
    }
    if (!engine_make_models(argv[1]))
        return 1;
    engine = msk_engine_new();
    if (CHECK(engine_open_model(engine, engine_smaller_model, NULL, NULL))) {
        video = open_video(N_FRAMES);
        test_stopping();
        test_anchors();
        test_refusals();
        test_other_model(engine_other_model);
        test_other_model(engine_model);
        msk_video_unref(video);
    }
    msk_engine_close(engine);
    g_object_unref(engine);
    engine_remove_models();
    return end_tests();
}
