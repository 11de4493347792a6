// SPDX-License-Identifier: Apache-2.0
// Random edits while tracking: in the end all masks are those of running everything from scratch,
// and only what was stale was run. test-tracker-random MODEL_JSON [ROUNDS [SEED]]
#include <stdlib.h>

#include "tests/app/tracker_fixture.h"
#include "tests/support/check.h"

#define N_FRAMES 13
#define N_STEPS 40
#define MAX_OBJECTS 3

static GRand *dice;

static int64_t any_frame(void)
{
    return g_rand_int_range(dice, 2, N_FRAMES); // not so near the start that frame 1 is run twice
}

static MskMasklet *any_object(TrackerFixture *fixture)
{
    guint n = msk_document_get_n_objects(fixture->document);
    if (n == 0 || (n < MAX_OBJECTS && g_rand_int_range(dice, 0, 12) == 0))
        return msk_document_add_object(fixture->document, NULL);
    return msk_document_get_object(fixture->document, (guint)g_rand_int_range(dice, 0, (int)n));
}

static void click(TrackerFixture *fixture, MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    if (state.prompt && g_rand_boolean(dice)) { // another one in its place
        g_autoptr(MskPrompt) prompt = msk_prompt_new(frame);
        msk_prompt_set_box(prompt, g_rand_int_range(dice, 0, 20), 4, 50,
                           g_rand_int_range(dice, 20, 44));
        msk_tracker_prompt(fixture->tracker, masklet, prompt, "Draw Box");
    } else {
        tracker_click(fixture, masklet, frame, g_rand_int_range(dice, 0, ENGINE_WIDTH),
                      g_rand_int_range(dice, 0, ENGINE_HEIGHT));
    }
}

static void track(TrackerFixture *fixture)
{
    MskMasklet *masklet = any_object(fixture);
    MskTrackOptions options = {.masklets = &masklet,
                               .n_masklets = 1,
                               .direction = (MskDirection)g_rand_int_range(dice, 0, 3),
                               .last = -1,
                               .from = -1,
                               .again = g_rand_int_range(dice, 0, 6) == 0};
    if (g_rand_boolean(dice))
        options.masklets = NULL;
    if (g_rand_boolean(dice))
        options.from = any_frame();
    if (g_rand_int_range(dice, 0, 3) == 0) {
        options.first = any_frame();
        options.last = MIN(options.first + g_rand_int_range(dice, 0, 5), N_FRAMES - 1);
    }
    msk_tracker_track(fixture->tracker, &options, NULL);
}

static void edit(TrackerFixture *fixture)
{
    MskDocument *document = fixture->document;
    MskMasklet *masklet = any_object(fixture);
    int64_t frame = any_frame(), other = any_frame();
    switch (g_rand_int_range(dice, 0, 20)) {
    case 0:
    case 1:
    case 2:
    case 3:
        click(fixture, masklet, frame);
        break;
    case 4:
        tracker_paint(fixture, masklet, frame, g_rand_int_range(dice, 0, 30), 10, 12);
        break;
    case 5:
        msk_document_clear_frame(document, masklet, frame);
        break;
    case 6:
        msk_document_lock(document, masklet, MIN(frame, other), MAX(frame, other));
        break;
    case 7:
    case 8:
        msk_document_unlock(document, masklet, 0, N_FRAMES);
        break;
    case 9:
        if (g_rand_boolean(dice))
            msk_document_remove_object(document, masklet);
        break;
    case 10:
    case 11:
        msk_document_undo(document);
        break;
    case 12:
        msk_document_redo(document);
        break;
    case 13:
        msk_document_move_keyframe(document, masklet, frame, other, g_rand_boolean(dice));
        break;
    case 14:
        msk_tracker_stop(fixture->tracker);
        break;
    default:
        track(fixture);
    }
}

// ---- What is to be run, worked out apart -------------------------------------------------------

static gboolean is_anchor(MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    const GArray *locks = msk_masklet_get_locks(masklet);
    msk_masklet_get_frame(masklet, frame, &state);
    gboolean given = state.prompt || state.paint;
    for (guint i = 0; i < locks->len; i++) {
        const MskInterval *lock = &g_array_index(locks, MskInterval, i);
        given |= state.track && (frame == lock->first || frame == lock->last);
    }
    return given;
}

static gboolean needs_run(MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    if ((state.flags & MSK_FRAME_LOCKED) || is_anchor(masklet, frame))
        return FALSE;
    guint64 source = state.track ? state.track->source : 0;
    return !source || (source != msk_masklet_get_source(masklet, frame, FALSE) &&
                       source != msk_masklet_get_source(masklet, frame, TRUE));
}

// Object-frames that run without states: from the anchor to the last frame that is needed; *least
// are the needed ones alone.
static int64_t expect_count(MskMasklet *masklet, int64_t *least)
{
    int64_t first_anchor = 0, n = 0;
    while (first_anchor < N_FRAMES && !is_anchor(masklet, first_anchor))
        first_anchor++;
    if (first_anchor == N_FRAMES)
        return 0;
    for (int64_t frame = 0; frame < first_anchor; frame++) {
        if (needs_run(masklet, frame) && n == 0)
            n = first_anchor - frame;
        *least += needs_run(masklet, frame);
    }
    int64_t anchor = first_anchor, reached = first_anchor;
    for (int64_t frame = first_anchor + 1; frame < N_FRAMES; frame++) {
        if (is_anchor(masklet, frame))
            anchor = reached = frame;
        if (!needs_run(masklet, frame))
            continue;
        n += frame - MAX(anchor, reached);
        reached = frame;
        ++*least;
    }
    return n;
}

// Prompts that were locked before their answer came are in the way of tracking: they are unlocked,
// and answered then.
static void answer_locked(TrackerFixture *fixture)
{
    for (guint i = 0; i < msk_document_get_n_objects(fixture->document); i++) {
        MskMasklet *masklet = msk_document_get_object(fixture->document, i);
        gboolean answered = TRUE;
        for (int64_t k = 0; k < N_FRAMES; k++)
            answered &= msk_tracker_is_answered(masklet, k);
        if (!answered)
            msk_document_unlock(fixture->document, masklet, 0, N_FRAMES);
        tracker_wait(fixture);
        for (int64_t k = 0; k < N_FRAMES; k++)
            CHECK(msk_tracker_is_answered(masklet, k));
    }
    g_clear_error(&fixture->error);
}

static void check_rest(TrackerFixture *fixture, gboolean has_states)
{
    int64_t most = 0, least = 0, before = tracker_count(fixture);
    for (guint i = 0; i < msk_document_get_n_objects(fixture->document); i++)
        most += expect_count(msk_document_get_object(fixture->document, i), &least);
    gboolean began = tracker_track_all(fixture);
    int64_t n = tracker_count(fixture) - before;
    CHECK(began == (least > 0));
    if (has_states)
        CHECK(n >= least && n <= most);
    else
        CHECK(n == most);
    // And nothing is left.
    CHECK(!tracker_track_all(fixture) && tracker_count(fixture) - before == n);
}

static void run_round(guint32 seed)
{
    TrackerFixture fixture, both, backward;
    g_rand_set_seed(dice, seed);
    tracker_open(&fixture, N_FRAMES);
    gboolean has_states = seed % 3 != 0;
    if (!has_states)
        msk_tracker_set_state_budget(fixture.tracker, 0);
    for (int i = 0; i < N_STEPS; i++) {
        edit(&fixture);
        for (int k = g_rand_int_range(dice, 0, 8); k > 0; k--)
            g_main_context_iteration(NULL, FALSE);
        // Until some more frames are there, now and then.
        int n = fixture.n_tracked + g_rand_int_range(dice, 0, 6);
        while (
            i % 3 == 0 && fixture.n_tracked < n &&
            (msk_tracker_is_tracking(fixture.tracker) || msk_tracker_is_answering(fixture.tracker)))
            g_main_context_iteration(NULL, TRUE);
    }
    msk_tracker_stop(fixture.tracker);
    tracker_wait(&fixture);
    answer_locked(&fixture);
    int n_failures = fixture.n_failed;
    check_rest(&fixture, has_states);
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &both);
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BACKWARD, &backward);
    int n_before = n_failed;
    CHECK(tracker_equal(&fixture, &both, &backward));
    CHECK(fixture.n_failed == n_failures && both.n_failed == 0 && backward.n_failed == 0);
    CHECK(fixture.n_started == fixture.n_stopped);
    if (n_failed > n_before)
        printf("seed %u\n", seed);
    tracker_close(&fixture);
    tracker_close(&both);
    tracker_close(&backward);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: test-tracker-random MODEL_JSON [ROUNDS [SEED]]\n");
        return 2;
    }
    if (!tracker_begin(argv[1]))
        return 1;
    int n_rounds = argc > 2 ? atoi(argv[2]) : 16;
    guint32 seed = argc > 3 ? (guint32)atoi(argv[3]) : 0;
    dice = g_rand_new();
    for (int i = 0; i < n_rounds; i++)
        run_round(seed + (guint32)i);
    end_group("random edits");
    g_rand_free(dice);
    tracker_end();
    return end_tests();
}
