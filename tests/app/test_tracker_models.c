// SPDX-License-Identifier: Apache-2.0
// The tracker on a document that another model has worked on. test-tracker-models MODEL_JSON
#include <string.h>

#include "tests/app/tracker_fixture.h"
#include "tests/support/check.h"

#define N_FRAMES 14

static const MskTrackOptions everything = {.last = -1, .from = -1};

static const MskTrackValue *get_track(MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    return state.track;
}

static guint64 get_model(MskMasklet *masklet, int64_t frame)
{
    const MskTrackValue *track = get_track(masklet, frame);
    return track ? track->result->model : 0;
}

static MskResult *ref_result(MskMasklet *masklet, int64_t frame)
{
    return msk_result_ref(get_track(masklet, frame)->result);
}

// What the open model says to the frame's prompt.
static MskResult *ask(TrackerFixture *fixture, MskMasklet *masklet, int64_t frame,
                      MskResult *previous)
{
    MskFrameState state;
    g_autoptr(GAsyncResult) result = NULL;
    msk_masklet_get_frame(masklet, frame, &state);
    msk_engine_prompt_async(tracker_engine, fixture->video, state.prompt, previous, NULL,
                            engine_done_cb, &result);
    return msk_engine_prompt_finish(tracker_engine, engine_wait(&result), NULL);
}

static int count_stale(MskMasklet *masklet)
{
    int n = 0;
    for (int64_t k = 0; k < N_FRAMES; k++)
        n += (msk_masklet_get_frame(masklet, k, NULL) & MSK_FRAME_STALE) != 0;
    return n;
}

static gboolean open_model(const char *path)
{
    return engine_open_model(tracker_engine, path, NULL, NULL);
}

// Clicks on frames 2 and 11, a correction of what was tracked on frame 6; all tracked by the first
// model, then another one is opened.
static MskMasklet *open_worked_on(TrackerFixture *fixture, const char *other)
{
    CHECK(open_model(engine_smaller_model));
    tracker_open(fixture, N_FRAMES);
    MskMasklet *masklet = msk_document_add_object(fixture->document, "ball");
    tracker_click(fixture, masklet, 2, 20, 24);
    tracker_click(fixture, masklet, 11, 38, 24);
    CHECK(tracker_track_all(fixture));
    tracker_click(fixture, masklet, 6, 44, 12);
    tracker_wait(fixture);
    CHECK(get_track(masklet, 6)->result->from_mask && !get_track(masklet, 2)->result->from_mask);
    CHECK(tracker_track_all(fixture) && count_stale(masklet) == 0);
    CHECK(open_model(other));
    return masklet;
}

// Masks stay, up to date; nothing is tracked unless it is asked for.
static void test_looking(const char *other)
{
    TrackerFixture fixture;
    MskMasklet *masklet = open_worked_on(&fixture, other);
    const guint64 first = get_model(masklet, 2);
    g_autoptr(GError) error = NULL;
    CHECK(first && first != msk_engine_get_model(tracker_engine));
    msk_tracker_answer_missing(fixture.tracker);
    tracker_wait(&fixture);
    CHECK(msk_tracker_count(fixture.tracker, &everything) == 0 && count_stale(masklet) == 0);
    CHECK(!msk_tracker_track(fixture.tracker, &everything, &error));
    CHECK(g_error_matches(error, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_NOTHING) &&
          strstr(error->message, "another model"));
    for (int64_t k = 0; k < N_FRAMES; k++) {
        g_autoptr(MskMask) mask = msk_masklet_get_mask(masklet, k);
        CHECK(mask && get_model(masklet, k) == first);
    }
    // With the first one open again there is nothing to tell.
    CHECK(open_model(engine_smaller_model));
    g_clear_error(&error);
    CHECK(!msk_tracker_track(fixture.tracker, &everything, &error) &&
          !strstr(error->message, "another model"));
    tracker_close(&fixture);
    end_group("looking at another model's work");
}

// An edit makes its spans stale; where they are tracked from is asked again.
static void test_going_on(const char *other)
{
    TrackerFixture fixture, anew;
    MskMasklet *masklet = open_worked_on(&fixture, other);
    const guint64 first = get_model(masklet, 2), second = msk_engine_get_model(tracker_engine);
    g_autoptr(MskResult) old_click = ref_result(masklet, 2), old_middle = ref_result(masklet, 6);
    g_autoptr(MskResult) old_last = ref_result(masklet, 11), old_tail = ref_result(masklet, 13);
    g_autoptr(MskResult) fresh = ask(&fixture, masklet, 2, NULL);
    g_autoptr(MskResult) corrected = ask(&fixture, masklet, 6, old_middle);
    g_autoptr(MskResult) alone = ask(&fixture, masklet, 6, NULL);
    CHECK(!engine_equal(corrected, alone) && !engine_equal(fresh, old_click));

    // Frame 4 becomes a keyframe: the spans from 2 and to 6 are stale.
    tracker_click(&fixture, masklet, 4, 24, 24);
    tracker_wait(&fixture);
    CHECK(get_model(masklet, 4) == second && count_stale(masklet) == 2);
    const MskTrackOptions near = {.first = 3, .last = 5, .from = -1};
    CHECK(msk_tracker_track(fixture.tracker, &near, NULL));
    tracker_wait(&fixture);
    CHECK(fixture.n_failed == 0);
    // The click is answered afresh, the correction from the mask that was accepted.
    CHECK(engine_equal(get_track(masklet, 2)->result, fresh) && get_model(masklet, 2) == second);
    CHECK(engine_equal(get_track(masklet, 6)->result, corrected));
    CHECK(get_model(masklet, 6) == second && get_track(masklet, 6)->result->from_mask);
    CHECK(get_model(masklet, 3) == second && get_model(masklet, 5) == second);
    // Beyond the range nothing was touched, but what the new answers outdate says so.
    CHECK(get_track(masklet, 11)->result == old_last && get_track(masklet, 13)->result == old_tail);
    CHECK(get_model(masklet, 0) == first && get_model(masklet, 8) == first);
    static const char stale[] = "ss.....ssss...";
    for (int64_t k = 0; k < N_FRAMES; k++)
        CHECK(!(msk_masklet_get_frame(masklet, k, NULL) & MSK_FRAME_STALE) == (stale[k] == '.'));

    // Answers and tracking are one command.
    CHECK(msk_document_undo(fixture.document) && get_track(masklet, 2)->result == old_click);
    CHECK(get_track(masklet, 6)->result == old_middle && count_stale(masklet) == 2);
    CHECK(msk_document_redo(fixture.document) && count_stale(masklet) == 6);

    // All the rest; as if the second model had done it from these anchors.
    CHECK(tracker_track_all(&fixture) && count_stale(masklet) == 0 && fixture.n_failed == 0);
    CHECK(get_model(masklet, 11) == second && get_model(masklet, 0) == second);
    for (int64_t k = 0; k < N_FRAMES; k++)
        CHECK(get_model(masklet, k) == second);
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &anew);
    CHECK(tracker_equal(&fixture, &anew, NULL));
    tracker_close(&anew);
    tracker_close(&fixture);
    end_group("going on with another model");
}

// Also what is up to date: everything is the second model's afterwards.
static void test_anew(const char *other)
{
    TrackerFixture fixture, anew;
    MskMasklet *masklet = open_worked_on(&fixture, other);
    MskTrackOptions again = everything;
    again.again = TRUE;
    CHECK(msk_tracker_track(fixture.tracker, &again, NULL));
    tracker_wait(&fixture);
    for (int64_t k = 0; k < N_FRAMES; k++)
        CHECK(get_model(masklet, k) == msk_engine_get_model(tracker_engine));
    CHECK(fixture.n_failed == 0 && fixture.n_completed == 3 && count_stale(masklet) == 0);
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &anew);
    CHECK(tracker_equal(&fixture, &anew, NULL));
    CHECK(msk_document_undo(fixture.document));
    CHECK(get_model(masklet, 2) != msk_engine_get_model(tracker_engine));
    CHECK(count_stale(masklet) == 0);
    tracker_close(&anew);
    tracker_close(&fixture);
    end_group("everything anew");
}

// Painted, locked and given masks are what they are: no model answers them.
static void test_masks(const char *other)
{
    TrackerFixture fixture;
    CHECK(open_model(engine_smaller_model));
    tracker_open(&fixture, N_FRAMES);
    MskDocument *document = fixture.document;
    MskMasklet *masklet = msk_document_add_object(document, NULL);
    tracker_click(&fixture, masklet, 2, 20, 24);
    tracker_click(&fixture, masklet, 6, 28, 24);
    g_autoptr(MskPrompt) given = msk_prompt_new(10);
    uint8_t *pixels = g_malloc0(ENGINE_WIDTH * ENGINE_HEIGHT);
    for (int i = 0; i < 400; i++)
        pixels[(14 + i / 20) * ENGINE_WIDTH + 26 + i % 20] = 255;
    msk_prompt_set_mask(given, pixels, ENGINE_WIDTH, ENGINE_HEIGHT);
    CHECK(msk_tracker_prompt(fixture.tracker, masklet, given, "Import"));
    tracker_wait(&fixture);
    CHECK(tracker_paint(&fixture, masklet, 2, 4, 4, 8));
    msk_document_lock(document, masklet, 6, 6);
    CHECK(open_model(other));
    static const int64_t anchors[] = {2, 6, 10};
    MskResult *const before[] = {ref_result(masklet, 2), ref_result(masklet, 6),
                                 ref_result(masklet, 10)};
    const int n_answered = fixture.n_answered;
    CHECK(tracker_track_all(&fixture) && fixture.n_failed == 0);
    CHECK(fixture.n_answered == n_answered && count_stale(masklet) == 0);
    for (gsize i = 0; i < G_N_ELEMENTS(anchors); i++)
        CHECK(get_track(masklet, anchors[i])->result == before[i]);
    for (int64_t k = 0; k < N_FRAMES; k++)
        CHECK(k == 2 || k == 6 || k == 10 ||
              get_model(masklet, k) == msk_engine_get_model(tracker_engine));
    for (gsize i = 0; i < G_N_ELEMENTS(before); i++)
        msk_result_unref(before[i]);
    tracker_close(&fixture);
    end_group("masks that no model answers");
}

// Stopped while anchors are asked for: what was answered stays, the rest is asked the next time.
static void test_stopping(const char *other)
{
    TrackerFixture fixture;
    MskMasklet *masklet = open_worked_on(&fixture, other);
    g_autoptr(MskResult) old = ref_result(masklet, 2);
    MskTrackOptions again = everything;
    again.again = TRUE;
    CHECK(msk_tracker_track(fixture.tracker, &again, NULL));
    CHECK(msk_tracker_is_answering(fixture.tracker));
    msk_tracker_stop(fixture.tracker);
    tracker_wait(&fixture);
    CHECK(get_track(masklet, 2)->result == old && fixture.n_failed == 0);
    CHECK(!msk_tracker_is_answering(fixture.tracker) && count_stale(masklet) == 0);
    // Cleared while it is asked for: it goes.
    CHECK(msk_tracker_track(fixture.tracker, &again, NULL));
    msk_document_clear_frame(fixture.document, masklet, 6);
    tracker_wait(&fixture);
    CHECK(!(msk_masklet_get_frame(masklet, 6, NULL) & MSK_FRAME_PROMPT));
    CHECK(get_track(masklet, 6) && get_track(masklet, 6)->source != 0);
    CHECK(count_stale(masklet) == 0 && fixture.n_failed == 0);
    tracker_close(&fixture);
    end_group("stopping and editing meanwhile");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test-tracker-models MODEL_JSON\n");
        return 2;
    }
    if (!tracker_begin(argv[1]))
        return 1;
    // One of the same sizes, one of others.
    for (int i = 0; i < 2; i++) {
        const char *other = i == 0 ? engine_other_model : engine_model;
        test_looking(other);
        test_going_on(other);
        test_anew(other);
        test_masks(other);
        test_stopping(other);
    }
    tracker_end();
    return end_tests();
}
