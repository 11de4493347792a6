// SPDX-License-Identifier: Apache-2.0
// Tracking a document: directions and ranges, stopping and going on, edits in between, undo.
// test-tracker-track MODEL_JSON
#include <string.h>

#include "tests/app/tracker_fixture.h"
#include "tests/support/check.h"

#define N_FRAMES 12

static const MskTrackValue *get_track(MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    return state.track;
}

// Whether exactly these frames have a mask: "..xx" from frame 0 on.
static gboolean has_masks(MskMasklet *masklet, const char *frames)
{
    gboolean right = TRUE;
    for (int64_t k = 0; frames[k]; k++)
        right &= (frames[k] == 'x') == (get_track(masklet, k) != NULL);
    return right;
}

static MskMasklet *add_object(TrackerFixture *fixture, int64_t frame, double x, double y)
{
    MskMasklet *masklet = msk_document_add_object(fixture->document, NULL);
    tracker_click(fixture, masklet, frame, x, y);
    tracker_wait(fixture);
    return masklet;
}

static gboolean track(TrackerFixture *fixture, MskDirection direction, int64_t first, int64_t last,
                      int64_t from)
{
    MskTrackOptions options = {.direction = direction, .first = first, .last = last, .from = from};
    gboolean began = msk_tracker_track(fixture->tracker, &options, NULL);
    tracker_wait(fixture);
    return began;
}

// ---- What is tracked ---------------------------------------------------------------------------

static void test_ranges(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = add_object(&fixture, 3, 22, 24);
    int64_t before = tracker_count(&fixture);
    // One frame: what lies on the way is kept, and the next one goes on from there.
    CHECK(track(&fixture, MSK_DIRECTION_BOTH, 6, 6, -1) && has_masks(masklet, "...xxxx....."));
    CHECK(tracker_count(&fixture) - before == 3);
    CHECK(!track(&fixture, MSK_DIRECTION_BOTH, 6, 6, -1));
    CHECK(track(&fixture, MSK_DIRECTION_BOTH, 7, 7, -1) && has_masks(masklet, "...xxxxx...."));
    CHECK(tracker_count(&fixture) - before == 4);
    CHECK(track(&fixture, MSK_DIRECTION_BOTH, 2, 8, -1) && has_masks(masklet, "..xxxxxxx..."));
    CHECK(tracker_count(&fixture) - before == 6);
    MskTrackOptions rest = {.last = -1, .from = -1};
    CHECK(msk_tracker_count(fixture.tracker, &rest) == 5);
    CHECK(tracker_track_all(&fixture) && has_masks(masklet, "xxxxxxxxxxxx"));
    CHECK(tracker_count(&fixture) - before == 11);
    CHECK(msk_tracker_count(fixture.tracker, &rest) == 0);
    // In pieces as in one.
    TrackerFixture anew;
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &anew);
    CHECK(tracker_equal(&fixture, &anew, NULL));
    CHECK(fixture.n_started == 4 && fixture.n_completed == 4);
    tracker_close(&anew);
    tracker_close(&fixture);
    end_group("ranges");
}

// What was tracked and is stale, and nothing else.
static void test_stale_only(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = add_object(&fixture, 3, 22, 24);
    MskMasklet *untracked = add_object(&fixture, 3, 50, 8);
    const MskTrackOptions stale = {.last = -1, .from = -1, .stale_only = TRUE};
    g_autoptr(GError) nothing = NULL, locked = NULL;
    CHECK(msk_tracker_count(fixture.tracker, &stale) == 0);
    const MskTrackOptions some = {
        .masklets = &masklet, .n_masklets = 1, .first = 2, .last = 8, .from = -1};
    CHECK(msk_tracker_track(fixture.tracker, &some, NULL));
    tracker_wait(&fixture);
    CHECK(has_masks(masklet, "..xxxxxxx..."));
    CHECK(!msk_tracker_track(fixture.tracker, &stale, &nothing));
    CHECK(g_error_matches(nothing, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_NOTHING));
    tracker_click(&fixture, masklet, 6, 30, 24);
    tracker_wait(&fixture);
    CHECK(msk_tracker_count(fixture.tracker, &stale) == 4); // 4, 5 and 7, 8
    CHECK(msk_tracker_track(fixture.tracker, &stale, NULL));
    tracker_wait(&fixture);
    CHECK(has_masks(masklet, "..xxxxxxx...") && has_masks(untracked, "...x........"));
    CHECK(msk_tracker_count(fixture.tracker, &stale) == 0 && fixture.n_completed == 2);
    for (int64_t k = 0; k < N_FRAMES; k++)
        CHECK(!(msk_masklet_get_frame(masklet, k, NULL) & MSK_FRAME_STALE));
    // Locked objects are not tracked, and that is what is said.
    MskObjectInfo info = *msk_masklet_get_info(masklet);
    info.locked = TRUE;
    msk_document_set_info(fixture.document, masklet, &info);
    CHECK(!msk_tracker_track(fixture.tracker, &some, &locked));
    CHECK(g_error_matches(locked, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_LOCKED));
    tracker_close(&fixture);
    end_group("stale spans only");
}

static void test_directions(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = add_object(&fixture, 3, 22, 24);
    tracker_click(&fixture, masklet, 8, 32, 24);
    tracker_wait(&fixture);
    // From the playhead on; the way there is tracked too.
    CHECK(track(&fixture, MSK_DIRECTION_FORWARD, 0, -1, 5) && has_masks(masklet, "...xxxxxxxxx"));
    CHECK(get_track(masklet, 5)->source == msk_masklet_get_source(masklet, 5, FALSE));
    // Where it comes out beside the next anchor, it is compared with that.
    CHECK(get_track(masklet, 7)->agreement >= 0 && get_track(masklet, 7)->agreement <= 1);
    CHECK(get_track(masklet, 6)->agreement == -1 && get_track(masklet, 11)->agreement == -1);
    // Backward over the same frames: compared with what is there.
    CHECK(track(&fixture, MSK_DIRECTION_BACKWARD, 0, -1, 6) && has_masks(masklet, "xxxxxxxxxxxx"));
    for (int64_t k = 4; k <= 7; k++) {
        CHECK(get_track(masklet, k)->source == msk_masklet_get_source(masklet, k, TRUE));
        CHECK(get_track(masklet, k)->agreement >= 0 && get_track(masklet, k)->agreement <= 1);
    }
    CHECK(get_track(masklet, 2)->agreement == -1);
    // Up to date, from whichever side.
    CHECK(!track(&fixture, MSK_DIRECTION_BOTH, 0, -1, -1));
    CHECK(!track(&fixture, MSK_DIRECTION_BACKWARD, 0, -1, -1));
    CHECK(track(&fixture, MSK_DIRECTION_FORWARD, 0, -1, -1));
    CHECK(get_track(masklet, 5)->source == msk_masklet_get_source(masklet, 5, FALSE));
    // Again, though nothing is stale.
    int64_t before = tracker_count(&fixture);
    MskTrackOptions options = {.last = -1, .from = -1, .again = TRUE};
    CHECK(msk_tracker_count(fixture.tracker, &options) == 10);
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    tracker_wait(&fixture);
    CHECK(tracker_count(&fixture) - before == 10 && fixture.n_failed == 0);
    tracker_close(&fixture);
    end_group("directions");
}

static int64_t first_frames[4];
static int n_first;

static void note_frame_cb(MskDocument *document, MskMasklet *masklet, gint64 first, gint64 last,
                          gpointer user)
{
    if (n_first < 4)
        first_frames[n_first++] = first;
}

static void test_playhead(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = add_object(&fixture, 2, 20, 24);
    tracker_click(&fixture, masklet, 9, 34, 24);
    tracker_wait(&fixture);
    g_signal_connect(fixture.document, "frames-changed", G_CALLBACK(note_frame_cb), NULL);
    n_first = 0;
    CHECK(track(&fixture, MSK_DIRECTION_BOTH, 0, -1, 10));
    CHECK(n_first > 0 && first_frames[0] == 10 && has_masks(masklet, "xxxxxxxxxxxx"));
    tracker_close(&fixture);
    end_group("the playhead's spans first");
}

static void test_locks(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskDocument *document = fixture.document;
    MskMasklet *masklet = add_object(&fixture, 2, 20, 24), *other = add_object(&fixture, 2, 50, 8);
    CHECK(tracker_track_all(&fixture));
    msk_document_lock(document, masklet, 5, 7);
    MskObjectInfo info = *msk_masklet_get_info(other);
    info.locked = TRUE;
    msk_document_set_info(document, other, &info);
    const MskTrackValue *locked[] = {get_track(masklet, 5), get_track(masklet, 6),
                                     get_track(masklet, 7), get_track(other, 6)};
    tracker_paint(&fixture, masklet, 2, 40, 20, 16);
    tracker_click(&fixture, masklet, 9, 40, 30);
    tracker_wait(&fixture);
    // 3 and 4, 8, 10 and 11, and before.
    MskTrackOptions options = {.last = -1, .from = -1};
    CHECK(msk_tracker_count(fixture.tracker, &options) == 7);
    CHECK(tracker_track_all(&fixture));
    CHECK(get_track(masklet, 5) == locked[0] && get_track(masklet, 6) == locked[1]);
    CHECK(get_track(masklet, 7) == locked[2] && get_track(other, 6) == locked[3]);
    CHECK(get_track(masklet, 4)->agreement >= 0); // with the lock's edge
    TrackerFixture anew;
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &anew);
    for (int64_t k = 0; k < N_FRAMES; k++) {
        MskMasklet *same = msk_document_find_object(anew.document, msk_masklet_get_id(masklet));
        g_autoptr(MskMask) x = msk_masklet_get_mask(masklet, k), y = msk_masklet_get_mask(same, k);
        CHECK(x && y && msk_mask_equal(x, y));
    }
    tracker_close(&anew);
    tracker_close(&fixture);
    end_group("locks");
}

static void test_errors(void)
{
    TrackerFixture fixture;
    g_autoptr(GError) none = NULL, busy = NULL, nothing = NULL;
    MskTrackOptions options = {.last = -1, .from = -1};
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = msk_document_add_object(fixture.document, NULL);
    CHECK(!msk_tracker_track(fixture.tracker, &options, &none));
    CHECK(g_error_matches(none, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_NO_ANCHOR));
    // It waits for the answer.
    tracker_click(&fixture, masklet, 3, 22, 24);
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    CHECK(msk_tracker_get_job(fixture.tracker) && msk_tracker_is_tracking(fixture.tracker));
    CHECK(!msk_tracker_track(fixture.tracker, &options, &busy));
    CHECK(g_error_matches(busy, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_BUSY));
    tracker_wait(&fixture);
    CHECK(has_masks(masklet, "xxxxxxxxxxxx") && fixture.n_completed == 1);
    CHECK(!msk_tracker_get_job(fixture.tracker));
    CHECK(!msk_tracker_track(fixture.tracker, &options, &nothing));
    CHECK(g_error_matches(nothing, MSK_TRACKER_ERROR, MSK_TRACKER_ERROR_NOTHING));
    tracker_close(&fixture);
    end_group("nothing to do");
}

// ---- Stopping ----------------------------------------------------------------------------------

static void test_stopping(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = add_object(&fixture, 3, 22, 24), *other = add_object(&fixture, 5, 50, 8);
    int64_t before = tracker_count(&fixture);
    int n_runs = 0;
    MskTrackOptions options = {.last = -1, .from = -1};
    while (msk_tracker_track(fixture.tracker, &options, NULL)) {
        MskJob *job = msk_job_ref(msk_tracker_get_job(fixture.tracker));
        int64_t count = msk_tracker_count(fixture.tracker, &options);
        fixture.stop_after = fixture.n_tracked + 1;
        tracker_wait(&fixture);
        MskProgress progress;
        msk_job_get_progress(job, &progress);
        CHECK(progress.total == count && progress.done <= count && progress.done >= 1);
        CHECK(progress.done == progress.total || msk_job_is_cancelled(job));
        msk_job_unref(job);
        n_runs++;
    }
    // How many depends on how quickly results are taken; the last one may be stopped when all is
    // there.
    CHECK(n_runs >= 1 && fixture.n_stopped == n_runs && fixture.n_completed <= 1);
    CHECK(has_masks(masklet, "xxxxxxxxxxxx") && has_masks(other, "xxxxxxxxxxxx"));
    // Each frame once.
    CHECK(tracker_count(&fixture) - before == 22 && fixture.n_failed == 0);
    TrackerFixture anew;
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &anew);
    CHECK(tracker_equal(&fixture, &anew, NULL));
    // Without room for states it begins at the anchor: more work, the same masks.
    msk_document_undo(fixture.document);
    msk_tracker_set_state_budget(fixture.tracker, 1000);
    before = tracker_count(&fixture);
    fixture.stop_after = fixture.n_tracked + 2;
    while (tracker_track_all(&fixture))
        ;
    CHECK(tracker_equal(&fixture, &anew, NULL) && fixture.tracker->states.size == 0);
    // The job's own cancel stops too.
    msk_tracker_track(fixture.tracker, &(MskTrackOptions){.last = -1, .from = -1, .again = TRUE},
                      NULL);
    msk_job_cancel(msk_tracker_get_job(fixture.tracker));
    tracker_wait(&fixture);
    CHECK(!msk_tracker_is_tracking(fixture.tracker) && fixture.n_started == fixture.n_stopped);
    tracker_close(&anew);
    tracker_close(&fixture);
    end_group("stopping and going on");
}

// Stopped, then undone: the state that is kept is further on than what is missing.
static void test_undone_stop(void)
{
    TrackerFixture fixture, anew;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = add_object(&fixture, 1, 18, 24);
    MskTrackOptions options = {.last = -1, .from = -1};
    tracker_hold_at(7);
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    tracker_wait_held();
    msk_tracker_stop(fixture.tracker);
    tracker_let_go();
    tracker_wait(&fixture);
    CHECK(fixture.tracker->states.entries.length == 1);
    CHECK(msk_tracker_count(fixture.tracker, &options) == 4);
    CHECK(msk_document_undo(fixture.document) && has_masks(masklet, ".x.........."));
    CHECK(msk_tracker_count(fixture.tracker, &options) == 11);
    // Redone: it goes on where it was.
    CHECK(msk_document_redo(fixture.document));
    CHECK(msk_tracker_count(fixture.tracker, &options) == 4);
    CHECK(msk_document_undo(fixture.document) && tracker_track_all(&fixture));
    CHECK(has_masks(masklet, "xxxxxxxxxxxx"));
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &anew);
    CHECK(tracker_equal(&fixture, &anew, NULL));
    tracker_close(&anew);
    tracker_close(&fixture);
    end_group("stopped and undone");
}

static void iterate_until_tracked(TrackerFixture *fixture, int n)
{
    n += fixture->n_tracked;
    while (fixture->n_tracked < n && msk_tracker_is_tracking(fixture->tracker))
        g_main_context_iteration(NULL, TRUE);
}

static void test_closing(void)
{
    for (int i = 0; i < 6; i++) {
        TrackerFixture fixture;
        tracker_open(&fixture, N_FRAMES);
        MskMasklet *masklet = add_object(&fixture, 3, 22, 24);
        MskTrackOptions options = {.last = -1, .from = -1};
        CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
        iterate_until_tracked(&fixture, i);
        tracker_click(&fixture, masklet, 8, 30, 24);
        // Closed with a prompt under way, or only let go of.
        if (i % 2)
            msk_tracker_close(fixture.tracker);
        CHECK(i % 2 == 0 ||
              !msk_tracker_prompt(fixture.tracker, masklet, &(MskPrompt){.frame = 1}, "None"));
        tracker_close(&fixture);
    }
    end_group("closing while tracking");
}

// ---- Edits in between --------------------------------------------------------------------------

static void test_edits(void)
{
    TrackerFixture fixture, anew;
    tracker_open(&fixture, N_FRAMES);
    MskDocument *document = fixture.document;
    MskMasklet *masklet = add_object(&fixture, 1, 18, 24), *other = add_object(&fixture, 1, 50, 8);
    MskMasklet *third = add_object(&fixture, 1, 8, 40);
    MskMasklet *both[] = {masklet, other};
    MskTrackOptions options = {.masklets = both, .n_masklets = 2, .last = -1, .from = -1};
    int64_t before = tracker_count(&fixture);
    tracker_hold_at(8);
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    tracker_wait_held();
    tracker_let_go();
    // What is not tracked, and names, disturb nothing.
    tracker_click(&fixture, third, 6, 10, 40);
    MskObjectInfo info = *msk_masklet_get_info(masklet);
    info.name = (char *)"Dog";
    msk_document_set_info(document, masklet, &info);
    tracker_wait(&fixture);
    CHECK(tracker_count(&fixture) - before == 22 && fixture.n_completed == 1);
    CHECK(has_masks(third, ".x....x....."));
    // A correction ahead: tracked from it, in a command of its own.
    CHECK(msk_document_undo(document) && msk_document_undo(document) &&
          msk_document_undo(document));
    CHECK(has_masks(masklet, ".x.........."));
    tracker_hold_at(8);
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    tracker_wait_held();
    CHECK(has_masks(masklet, "xxxxxxxx...."));
    tracker_click(&fixture, masklet, 9, 40, 20);
    tracker_let_go();
    tracker_wait(&fixture);
    CHECK(has_masks(masklet, "xxxxxxxxxxxx") && fixture.n_completed == 2);
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &anew);
    MskMasklet *unwanted = msk_document_find_object(anew.document, msk_masklet_get_id(third));
    msk_document_remove_object(anew.document, unwanted);
    msk_document_remove_object(document, third);
    CHECK(tracker_equal(&fixture, &anew, NULL));
    CHECK(msk_document_undo(document));
    tracker_close(&anew);
    g_autofree char *name = NULL;
    g_object_get(document, "undo-name", &name, NULL);
    CHECK(g_strcmp0(name, "Track") == 0 && msk_document_undo(document));
    g_autofree char *before_it = NULL;
    g_object_get(document, "undo-name", &before_it, NULL);
    CHECK(g_strcmp0(before_it, "Add Point") == 0);
    tracker_close(&fixture);
    end_group("edits while tracking");
}

static void test_undo(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = add_object(&fixture, 1, 18, 24);
    MskTrackOptions options = {.last = -1, .from = -1};
    tracker_hold_at(5);
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    tracker_wait_held();
    CHECK(has_masks(masklet, "xxxxx......."));
    CHECK(msk_document_undo(fixture.document) && has_masks(masklet, ".x.........."));
    tracker_let_go();
    tracker_wait(&fixture);
    CHECK(has_masks(masklet, ".x..........") && fixture.n_stopped == 1 && !fixture.n_completed);
    CHECK(msk_document_redo(fixture.document) && get_track(masklet, 0));
    // The object goes while it is tracked: nothing is left to do.
    tracker_hold_at(8);
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    tracker_wait_held();
    tracker_let_go();
    msk_document_remove_object(fixture.document, masklet);
    tracker_wait(&fixture);
    CHECK(fixture.n_stopped == 2 && fixture.n_failed == 0);
    tracker_close(&fixture);
    end_group("undo while tracking");
}

static void test_other_model(void)
{
    TrackerFixture fixture, anew;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = add_object(&fixture, 1, 18, 24);
    tracker_hold_at(6);
    CHECK(msk_tracker_track(fixture.tracker, &(MskTrackOptions){.last = -1, .from = -1}, NULL));
    tracker_wait_held();
    msk_tracker_stop(fixture.tracker);
    tracker_let_go();
    tracker_wait(&fixture);
    CHECK(fixture.n_stopped == 1 && fixture.n_completed == 0);
    CHECK(fixture.tracker->states.size > 0);
    // What was left with one model is not gone on with by another: it begins at the anchor.
    CHECK(engine_open_model(tracker_engine, engine_model, NULL, NULL));
    CHECK(tracker_track_all(&fixture) && fixture.n_failed == 0 && fixture.n_completed == 1);
    CHECK(has_masks(masklet, "xxxxxxxxxxxx"));
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &anew);
    g_autoptr(MskMask) x = msk_masklet_get_mask(masklet, 11);
    g_autoptr(MskMask) y = msk_masklet_get_mask(msk_document_get_object(anew.document, 0), 11);
    CHECK(x && y && msk_mask_equal(x, y));
    tracker_close(&anew);
    // In the middle it fails; what is there stays.
    MskTrackOptions options = {.last = -1, .from = -1, .again = TRUE};
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    CHECK(engine_open_model(tracker_engine, engine_smaller_model, NULL, NULL));
    tracker_wait(&fixture);
    CHECK(fixture.n_stopped == 3 && fixture.n_failed <= 1);
    const GError *failure = msk_tracker_get_failure(fixture.tracker);
    CHECK((failure != NULL) == (fixture.n_failed == 1));
    CHECK(!failure || g_error_matches(failure, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL));
    // The next one has not failed.
    CHECK(tracker_track_all(&fixture) || !failure);
    CHECK(!msk_tracker_get_failure(fixture.tracker));
    tracker_close(&fixture);
    end_group("another model");
}

static void test_other_video(void)
{
    TrackerFixture fixture;
    tracker_open(&fixture, 8);
    MskMasklet *masklet = add_object(&fixture, 1, 18, 24);
    MskTrackOptions options = {.last = -1, .from = -1};
    tracker_hold_at(6);
    CHECK(msk_tracker_track(fixture.tracker, &options, NULL));
    tracker_wait_held();
    tracker_let_go();
    // The clip turned out to be longer.
    MskVideo *longer = tracker_open_video(N_FRAMES);
    msk_document_set_n_frames(fixture.document, N_FRAMES);
    msk_tracker_set_video(fixture.tracker, longer);
    tracker_wait(&fixture);
    CHECK(has_masks(masklet, "xxxxxxxxxxxx") && fixture.n_completed == 1);
    msk_video_unref(longer);
    tracker_close(&fixture);
    end_group("a clip that grows");
}

static void test_paint(void)
{
    TrackerFixture fixture, anew;
    tracker_open(&fixture, N_FRAMES);
    MskMasklet *masklet = msk_document_add_object(fixture.document, NULL);
    CHECK(tracker_paint(&fixture, masklet, 4, 16, 14, 18));
    CHECK(tracker_track_all(&fixture) && fixture.n_failed == 0);
    CHECK(get_track(masklet, 3) && get_track(masklet, 5) && !get_track(masklet, 4));
    // Strokes on a tracked frame make it an anchor; its own two spans are stale.
    CHECK(tracker_paint(&fixture, masklet, 8, 30, 14, 18));
    MskTrackOptions options = {.last = -1, .from = -1};
    CHECK(msk_tracker_count(fixture.tracker, &options) == 6);
    CHECK(tracker_track_all(&fixture) && get_track(masklet, 7)->agreement >= 0);
    tracker_copy_anchors(&fixture, MSK_DIRECTION_BOTH, &anew);
    CHECK(tracker_equal(&fixture, &anew, NULL));
    tracker_close(&anew);
    tracker_close(&fixture);
    end_group("painted frames");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test-tracker-track MODEL_JSON\n");
        return 2;
    }
    if (!tracker_begin(argv[1]))
        return 1;
    test_ranges();
    test_stale_only();
    test_directions();
    test_playhead();
    test_locks();
    test_paint();
    test_errors();
    test_stopping();
    test_undone_stop();
    test_closing();
    test_edits();
    test_undo();
    test_other_video();
    test_other_model();
    tracker_end();
    return end_tests();
}
