// SPDX-License-Identifier: Apache-2.0
// The tracker: answers to prompts and tracked spans, edits in between. test-tracker MODEL_JSON
#include <string.h>

#include "tests/app/tracker_fixture.h"
#include "tests/support/check.h"

#define N_FRAMES 12

static const MskResult *get_result(MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    return state.track ? state.track->result : NULL;
}

// What the engine says by itself.
static MskResult *ask(TrackerFixture *fixture, const MskPrompt *prompt, const MskResult *previous)
{
    g_autoptr(GAsyncResult) result = NULL;
    msk_engine_prompt_async(tracker_engine, fixture->video, prompt, (MskResult *)previous, NULL,
                            engine_done_cb, &result);
    return msk_engine_prompt_finish(tracker_engine, engine_wait(&result), NULL);
}

static MskPrompt *make_prompt(int64_t frame, int n, const double *xy)
{
    MskPrompt *prompt = msk_prompt_new(frame);
    for (int i = 0; i < n; i++)
        msk_prompt_add_point(prompt, xy[2 * i], xy[2 * i + 1], TRUE);
    return prompt;
}

// ---- Prompts -----------------------------------------------------------------------------------

static void test_prompts(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskDocument *document = fixture.document;
    MskMasklet *masklet = msk_document_add_object(document, NULL);
    CHECK(tracker_click(&fixture, masklet, 3, 22, 24));
    CHECK(msk_tracker_is_answering(fixture.tracker) && !get_result(masklet, 3));
    tracker_wait(&fixture);
    CHECK(fixture.n_answered == 1 && fixture.n_failed == 0);
    static const double xy[] = {22, 24, 30, 20, 40, 10};
    g_autoptr(MskPrompt) one = make_prompt(3, 1, xy);
    g_autoptr(MskPrompt) two = make_prompt(3, 2, xy);
    g_autoptr(MskResult) first = ask(&fixture, one, NULL);
    CHECK(engine_equal(get_result(masklet, 3), first));
    // A further point starts from the answer before it, also when that is not there yet.
    CHECK(tracker_click(&fixture, masklet, 3, 30, 20));
    tracker_wait(&fixture);
    g_autoptr(MskResult) second = ask(&fixture, two, first);
    CHECK(engine_equal(get_result(masklet, 3), second) && !engine_equal(first, second));
    CHECK(msk_document_undo(document) && msk_document_undo(document));
    CHECK(!get_result(masklet, 3));
    CHECK(tracker_click(&fixture, masklet, 3, 22, 24) &&
          tracker_click(&fixture, masklet, 3, 30, 20));
    tracker_wait(&fixture);
    CHECK(engine_equal(get_result(masklet, 3), second));
    // Each click is a command with its answer.
    CHECK(msk_document_undo(document) && engine_equal(get_result(masklet, 3), first));
    CHECK(msk_document_undo(document) && !get_result(masklet, 3));
    CHECK(msk_document_redo(document) && engine_equal(get_result(masklet, 3), first));
    CHECK(msk_document_redo(document) && engine_equal(get_result(masklet, 3), second));
    CHECK(!msk_tracker_is_answering(fixture.tracker));
    // Deleting the last point gives back what was there before it.
    CHECK(msk_tracker_prompt(fixture.tracker, masklet, one, "Delete Point"));
    tracker_wait(&fixture);
    CHECK(engine_equal(get_result(masklet, 3), first));
    // An empty prompt clears the frame's.
    g_autoptr(MskPrompt) empty = msk_prompt_new(3);
    CHECK(msk_tracker_prompt(fixture.tracker, masklet, empty, "Clear"));
    tracker_wait(&fixture);
    CHECK(msk_masklet_get_frame(masklet, 3, NULL) == 0);
    tracker_close(&fixture);
    end_group("prompts");
}

// The first click makes the object too: one command, one answer, from nothing.
static void test_larger_command(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    static const double xy[] = {22, 24};
    g_autoptr(MskPrompt) prompt = make_prompt(3, 1, xy);
    g_autoptr(MskResult) expected = ask(&fixture, prompt, NULL);
    msk_document_begin(fixture.document, "Add Point");
    MskMasklet *masklet = msk_document_add_object(fixture.document, NULL);
    CHECK(msk_tracker_prompt(fixture.tracker, masklet, prompt, "Add Point"));
    msk_document_end(fixture.document);
    tracker_wait(&fixture);
    CHECK(fixture.n_answered == 1 && fixture.n_failed == 0);
    CHECK(engine_equal(get_result(masklet, 3), expected));
    CHECK(msk_document_undo(fixture.document));
    CHECK(msk_document_get_n_objects(fixture.document) == 0);
    tracker_close(&fixture);
    end_group("a prompt in a larger command");
}

static void test_tracked_click(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = msk_document_add_object(fixture.document, NULL);
    tracker_click(&fixture, masklet, 2, 20, 24);
    tracker_wait(&fixture);
    CHECK(tracker_track_all(&fixture));
    g_autoptr(MskResult) tracked = msk_result_ref((MskResult *)get_result(masklet, 8));
    static const double xy[] = {40, 10, 44, 14};
    g_autoptr(MskPrompt) prompt = make_prompt(8, 1, xy);
    g_autoptr(MskPrompt) moved = make_prompt(8, 1, xy + 2);
    g_autoptr(MskResult) from_tracked = ask(&fixture, prompt, tracked);
    g_autoptr(MskResult) from_nothing = ask(&fixture, prompt, NULL);
    g_autoptr(MskResult) moved_from_tracked = ask(&fixture, moved, tracked);
    CHECK(!engine_equal(from_tracked, from_nothing));
    CHECK(tracker_click(&fixture, masklet, 8, 40, 10));
    tracker_wait(&fixture);
    CHECK(engine_equal(get_result(masklet, 8), from_tracked));
    CHECK(msk_tracker_prompt(fixture.tracker, masklet, moved, "Move Point"));
    tracker_wait(&fixture);
    CHECK(engine_equal(get_result(masklet, 8), moved_from_tracked));
    // Frames between the anchors were tracked from other anchors; those beyond too.
    CHECK(msk_masklet_get_frame(masklet, 5, NULL) & MSK_FRAME_STALE);
    CHECK(!(msk_masklet_get_frame(masklet, 1, NULL) & MSK_FRAME_STALE));
    tracker_close(&fixture);
    end_group("a click on a tracked frame");
}

static void test_drag(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = msk_document_add_object(fixture.document, NULL);
    double xy[] = {20, 24, 40, 10};
    tracker_click(&fixture, masklet, 2, xy[0], xy[1]);
    tracker_wait(&fixture);
    g_autoptr(MskResult) base = msk_result_ref((MskResult *)get_result(masklet, 2));
    tracker_click(&fixture, masklet, 2, xy[2], xy[3]);
    tracker_wait(&fixture);
    int n_answered = fixture.n_answered;
    for (int i = 0; i < 30; i++) {
        xy[2] = 41 + i * 0.5;
        g_autoptr(MskPrompt) prompt = make_prompt(2, 2, xy);
        CHECK(msk_tracker_prompt(fixture.tracker, masklet, prompt, "Move Point"));
        CHECK(fixture.tracker->asks.length == 1);
    }
    tracker_wait(&fixture);
    CHECK(fixture.n_answered == n_answered + 1 && fixture.n_failed == 0);
    g_autoptr(MskPrompt) last = make_prompt(2, 2, xy);
    g_autoptr(MskResult) expected = ask(&fixture, last, base);
    CHECK(engine_equal(get_result(masklet, 2), expected));
    // The drag is one command.
    g_autofree char *name = NULL;
    g_object_get(fixture.document, "undo-name", &name, NULL);
    CHECK(g_strcmp0(name, "Move Point") == 0);
    msk_document_undo(fixture.document);
    g_autofree char *before = NULL;
    g_object_get(fixture.document, "undo-name", &before, NULL);
    CHECK(g_strcmp0(before, "Add Point") == 0);
    tracker_wait(&fixture);
    tracker_close(&fixture);
    end_group("dragging a point");
}

static void test_outdated(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskDocument *document = fixture.document;
    MskMasklet *masklet = msk_document_add_object(document, NULL);
    // Undone before the answer: it is dropped, and asked again when it is redone.
    tracker_click(&fixture, masklet, 4, 24, 24);
    CHECK(msk_document_undo(document));
    tracker_wait(&fixture);
    CHECK(msk_masklet_get_frame(masklet, 4, NULL) == 0 && fixture.n_answered == 0);
    CHECK(msk_document_redo(document));
    CHECK(msk_tracker_is_answering(fixture.tracker));
    tracker_wait(&fixture);
    CHECK(get_result(masklet, 4) && fixture.n_answered == 1);
    // Cleared before the answer.
    tracker_click(&fixture, masklet, 6, 24, 24);
    msk_document_clear_frame(document, masklet, 6);
    tracker_wait(&fixture);
    CHECK(msk_masklet_get_frame(masklet, 6, NULL) == 0);
    CHECK(msk_document_undo(document));
    tracker_wait(&fixture);
    CHECK(get_result(masklet, 6));
    // Three clicks at once: the middle one is asked when undo comes back to it.
    for (int i = 0; i < 3; i++)
        tracker_click(&fixture, masklet, 9, 20 + 8 * i, 20);
    tracker_wait(&fixture);
    g_autoptr(MskResult) third = msk_result_ref((MskResult *)get_result(masklet, 9));
    CHECK(msk_document_undo(document) && msk_tracker_is_answering(fixture.tracker));
    tracker_wait(&fixture);
    static const double xy[] = {20, 20, 28, 20};
    g_autoptr(MskPrompt) one = make_prompt(9, 1, xy);
    g_autoptr(MskPrompt) two = make_prompt(9, 2, xy);
    g_autoptr(MskResult) first = ask(&fixture, one, NULL);
    g_autoptr(MskResult) second = ask(&fixture, two, first);
    CHECK(engine_equal(get_result(masklet, 9), second));
    CHECK(msk_document_redo(document) && engine_equal(get_result(masklet, 9), third));
    // The object goes, and comes back.
    tracker_click(&fixture, masklet, 2, 18, 24);
    int64_t id = msk_masklet_get_id(masklet);
    msk_document_remove_object(document, masklet);
    tracker_wait(&fixture);
    CHECK(msk_document_undo(document));
    msk_tracker_answer_missing(fixture.tracker);
    tracker_wait(&fixture);
    masklet = msk_document_find_object(document, id);
    CHECK(masklet && get_result(masklet, 2));
    // A keyframe that is moved is asked for anew, as part of the move.
    CHECK(msk_document_move_keyframe(document, masklet, 2, 7, FALSE));
    tracker_wait(&fixture);
    CHECK(get_result(masklet, 7) && !get_result(masklet, 2));
    CHECK(msk_document_undo(document) && get_result(masklet, 2) && !get_result(masklet, 7));
    CHECK(!msk_tracker_is_answering(fixture.tracker) && fixture.n_failed == 0);
    // Locked frames and objects take no prompts.
    msk_document_lock(document, masklet, 9, 11);
    CHECK(!tracker_click(&fixture, masklet, 10, 20, 20));
    CHECK(!msk_tracker_is_answering(fixture.tracker));
    tracker_close(&fixture);
    end_group("outdated answers");
}

// A lock that comes before the answer: the prompt is older, and what is tracked needs its mask.
static void test_locked_before_answer(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskDocument *document = fixture.document;
    MskMasklet *masklet = msk_document_add_object(document, NULL);
    CHECK(tracker_click(&fixture, masklet, 3, 22, 24));
    msk_document_lock(document, masklet, 2, 4);
    tracker_wait(&fixture);
    static const double xy[] = {22, 24, 40, 10};
    g_autoptr(MskPrompt) prompt = make_prompt(3, 1, xy);
    g_autoptr(MskResult) answer = ask(&fixture, prompt, NULL);
    CHECK(engine_equal(get_result(masklet, 3), answer) && fixture.n_answered == 1);
    // Still locked otherwise.
    CHECK(!tracker_click(&fixture, masklet, 3, 40, 10));
    CHECK(!msk_document_set_track(document, masklet, 3, answer, 7, -1));
    // The answer belongs to the click, not to the lock.
    CHECK(msk_document_undo(document) && get_result(masklet, 3));
    CHECK(msk_document_undo(document) && !get_result(masklet, 3));
    CHECK(msk_document_redo(document) && msk_document_redo(document) && get_result(masklet, 3));
    CHECK(msk_document_undo(document));

    // The whole object, while tracking waits for the answer.
    CHECK(tracker_click(&fixture, masklet, 8, 32, 24));
    msk_document_lock(document, masklet, 8, 8);
    CHECK(msk_tracker_track(fixture.tracker, &(MskTrackOptions){.last = -1, .from = -1}, NULL));
    tracker_wait(&fixture);
    CHECK(fixture.n_failed == 0 && fixture.n_completed == 1);
    for (int64_t k = 0; k < N_FRAMES; k++)
        CHECK(get_result(masklet, k));
    // Asked again after the project was closed: a prompt that was locked without an answer.
    MskObjectInfo info = *msk_masklet_get_info(masklet);
    CHECK(tracker_click(&fixture, masklet, 11, 38, 24));
    info.locked = TRUE;
    msk_document_set_info(document, masklet, &info);
    msk_tracker_close(fixture.tracker);
    fixture.tracker = msk_tracker_new(document, tracker_engine);
    msk_tracker_set_video(fixture.tracker, fixture.video);
    msk_tracker_answer_missing(fixture.tracker);
    tracker_wait(&fixture);
    MskFrameState state;
    msk_masklet_get_frame(masklet, 11, &state);
    CHECK(state.prompt && state.track && state.track->source == 0);
    tracker_close(&fixture);
    end_group("locked before the answer");
}

static char *undo_name(MskDocument *document)
{
    char *name = NULL;
    g_object_get(document, "undo-name", &name, NULL);
    return name;
}

// Iterates until the engine has done so many object-frames and its answers had time to come.
static void let_run(TrackerFixture *fixture, int64_t n)
{
    while (tracker_count(fixture) < n)
        g_main_context_iteration(NULL, FALSE);
    for (int i = 0; i < 50; i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
}

// Somebody's command that stays open while answers and results come is undone without them.
static void test_open_command(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskDocument *document = fixture.document;
    MskMasklet *masklet = msk_document_add_object(document, "ball");
    MskObjectInfo info = *msk_masklet_get_info(masklet);
    // An answer.
    CHECK(tracker_click(&fixture, masklet, 3, 22, 24));
    msk_document_begin(document, "Group");
    info.name = (char *)"first";
    msk_document_set_info(document, masklet, &info);
    let_run(&fixture, 0);
    CHECK(!get_result(masklet, 3) && msk_tracker_is_answering(fixture.tracker));
    msk_document_end(document);
    tracker_wait(&fixture);
    CHECK(get_result(masklet, 3));
    g_autofree char *first = undo_name(document);
    CHECK(g_str_equal(first, "Group") && msk_document_undo(document) && get_result(masklet, 3));
    CHECK(msk_document_redo(document));

    // Results: all of them come, and tracking ends, while the command is open.
    const int64_t before = tracker_count(&fixture);
    CHECK(msk_tracker_track(fixture.tracker, &(MskTrackOptions){.last = -1, .from = -1}, NULL));
    msk_document_begin(document, "Group 2");
    info.name = (char *)"second";
    msk_document_set_info(document, masklet, &info);
    let_run(&fixture, before + N_FRAMES - 1);
    CHECK(!get_result(masklet, 4) && msk_tracker_is_tracking(fixture.tracker));
    msk_document_end(document);
    tracker_wait(&fixture);
    CHECK(fixture.n_completed == 1 && get_result(masklet, 4) && get_result(masklet, 0));
    g_autofree char *second = undo_name(document);
    CHECK(g_str_equal(second, "Track") && msk_document_undo(document));
    CHECK(!get_result(masklet, 4) && get_result(masklet, 3));
    g_autofree char *third = undo_name(document);
    CHECK(g_str_equal(third, "Group 2") && msk_document_undo(document));
    CHECK(g_str_equal(msk_masklet_get_info(masklet)->name, "first"));
    CHECK(msk_document_redo(document) && msk_document_redo(document) && get_result(masklet, 4));

    // Closed meanwhile: what is held goes with it.
    MskTrackOptions again = {.last = -1, .from = -1, .again = TRUE};
    CHECK(msk_tracker_track(fixture.tracker, &again, NULL));
    msk_document_begin(document, "Group 3");
    let_run(&fixture, before + 2 * (N_FRAMES - 1));
    msk_tracker_close(fixture.tracker);
    msk_document_end(document);
    CHECK(!msk_tracker_is_tracking(fixture.tracker));
    tracker_close(&fixture);
    end_group("commands that stay open");
}

// Results that are on their way when an edit changes what they were tracked from are dropped.
static void test_outdated_results(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskDocument *document = fixture.document;
    MskMasklet *masklet = msk_document_add_object(document, NULL);
    MskMasklet *other = msk_document_add_object(document, NULL);
    tracker_click(&fixture, masklet, 1, 18, 24);
    tracker_click(&fixture, other, 1, 50, 8);
    tracker_wait(&fixture);
    const guint64 source = msk_masklet_get_source(masklet, 5, FALSE);
    tracker_hold_at(7);
    MskTrackOptions options = {.direction = MSK_DIRECTION_FORWARD, .last = -1, .from = -1};
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    tracker_wait_held_unseen(); // frames 2 to 6 were tracked, nothing of them is here
    CHECK(!get_result(masklet, 2) && !get_result(other, 2));
    CHECK(tracker_paint(&fixture, masklet, 1, 10, 14, 20));
    CHECK(msk_masklet_get_source(masklet, 5, FALSE) != source);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    for (int64_t k = 2; k < 7; k++)
        CHECK(!get_result(masklet, k) && get_result(other, k));
    tracker_let_go();
    tracker_wait(&fixture);
    for (int64_t k = 2; k < N_FRAMES; k++) {
        MskFrameState state;
        msk_masklet_get_frame(masklet, k, &state);
        CHECK(state.track && state.track->source == msk_masklet_get_source(masklet, k, FALSE));
        CHECK(!(state.flags & MSK_FRAME_STALE) && state.track->source != source);
    }
    CHECK(fixture.n_completed == 1 && fixture.n_failed == 0);
    tracker_close(&fixture);
    end_group("results of outdated revisions");
}

static gboolean draw_cb(gpointer user)
{
    ++*(int *)user;
    return G_SOURCE_CONTINUE;
}

// A window that is drawn all the time, as animations have it on a slow machine, gets its masks.
static void test_busy_window(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = msk_document_add_object(fixture.document, NULL);
    tracker_click(&fixture, masklet, 1, 18, 24);
    tracker_wait(&fixture);
    int n_drawn = 0;
    const guint drawing = g_idle_add_full(G_PRIORITY_HIGH_IDLE + 20, draw_cb, &n_drawn, NULL);
    tracker_hold_at(7);
    MskTrackOptions options = {.direction = MSK_DIRECTION_FORWARD, .last = -1, .from = -1};
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    tracker_wait_held_unseen();
    while (n_drawn < 20)
        g_main_context_iteration(NULL, TRUE);
    CHECK(get_result(masklet, 2));
    tracker_let_go();
    g_source_remove(drawing);
    tracker_wait(&fixture);
    CHECK(get_result(masklet, N_FRAMES - 1));
    tracker_close(&fixture);
    end_group("a window that is always drawn");
}

static void test_no_model(void)
{
    MskEngine *engine = tracker_engine;
    tracker_engine = msk_engine_new();
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = msk_document_add_object(fixture.document, NULL);
    tracker_click(&fixture, masklet, 4, 24, 24);
    tracker_wait(&fixture);
    CHECK(fixture.n_failed == 1 && !get_result(masklet, 4));
    CHECK(g_error_matches(fixture.error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL));
    CHECK(engine_open_model(tracker_engine, engine_smaller_model, NULL, NULL));
    msk_tracker_answer_missing(fixture.tracker);
    tracker_wait(&fixture);
    CHECK(fixture.n_failed == 1 && get_result(masklet, 4));
    // Without a video all waits.
    msk_tracker_set_video(fixture.tracker, NULL);
    tracker_click(&fixture, masklet, 7, 30, 24);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_autoptr(GError) error = NULL;
    CHECK(!msk_tracker_track(fixture.tracker, &(MskTrackOptions){.last = -1, .from = -1}, &error));
    CHECK(g_error_matches(error, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_NOT_READY));
    CHECK(!get_result(masklet, 7) && msk_tracker_is_answering(fixture.tracker));
    msk_tracker_set_video(fixture.tracker, fixture.video);
    tracker_wait(&fixture);
    CHECK(get_result(masklet, 7));
    tracker_close(&fixture);
    msk_engine_close(tracker_engine);
    g_object_unref(tracker_engine);
    tracker_engine = engine;
    end_group("without a model, without a video");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test-tracker MODEL_JSON\n");
        return 2;
    }
    if (!tracker_begin(argv[1]))
        return 1;
    test_prompts();
    test_larger_command();
    test_tracked_click();
    test_drag();
    test_outdated();
    test_locked_before_answer();
    test_open_command();
    test_outdated_results();
    test_busy_window();
    test_no_model();
    tracker_end();
    return end_tests();
}
