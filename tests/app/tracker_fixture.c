// SPDX-License-Identifier: Apache-2.0
// A document with a tracker on the drawn clip.
#include "tests/app/tracker_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

MskEngine *tracker_engine;
static int no_bad_frame = -1;

gboolean tracker_begin(const char *json)
{
    if (!engine_make_models(json))
        return FALSE;
    tracker_engine = msk_engine_new();
    return engine_open_model(tracker_engine, engine_smaller_model, NULL, NULL);
}

void tracker_end(void)
{
    msk_engine_close(tracker_engine);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_clear_object(&tracker_engine);
    engine_remove_models();
}

// ---- Holding -----------------------------------------------------------------------------------

static pthread_mutex_t hold_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hold_changed = PTHREAD_COND_INITIALIZER;
static int64_t held_frame = INT64_MAX;
static gboolean is_held;

static gboolean get_rgb_cb(gpointer user, int64_t frame, uint8_t *rgb, size_t stride,
                           GError **error)
{
    pthread_mutex_lock(&hold_lock);
    while (frame >= held_frame) {
        is_held = TRUE;
        pthread_cond_broadcast(&hold_changed);
        pthread_cond_wait(&hold_changed, &hold_lock);
    }
    pthread_mutex_unlock(&hold_lock);
    return engine_get_rgb_cb(user, frame, rgb, stride, error);
}

void tracker_hold_at(int64_t frame)
{
    pthread_mutex_lock(&hold_lock);
    held_frame = frame;
    is_held = FALSE;
    pthread_mutex_unlock(&hold_lock);
}

void tracker_wait_held_unseen(void)
{
    pthread_mutex_lock(&hold_lock);
    while (!is_held)
        pthread_cond_wait(&hold_changed, &hold_lock);
    pthread_mutex_unlock(&hold_lock);
}

void tracker_wait_held(void)
{
    tracker_wait_held_unseen();
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

void tracker_let_go(void)
{
    pthread_mutex_lock(&hold_lock);
    held_frame = INT64_MAX;
    pthread_cond_broadcast(&hold_changed);
    pthread_mutex_unlock(&hold_lock);
}

MskVideo *tracker_open_video(int64_t n_frames)
{
    MskFrameSource source = {ENGINE_WIDTH, ENGINE_HEIGHT, n_frames,
                             get_rgb_cb,   &no_bad_frame, NULL};
    return msk_video_new(tracker_engine, &source, NULL);
}

// ---- Signals -----------------------------------------------------------------------------------

static void started_cb(MskTracker *tracker, TrackerFixture *fixture)
{
    fixture->n_started++;
}

static void stopped_cb(MskTracker *tracker, gboolean completed, TrackerFixture *fixture)
{
    fixture->n_stopped++;
    fixture->n_completed += completed;
}

static void tracked_cb(MskTracker *tracker, gint64 frame, TrackerFixture *fixture)
{
    if (++fixture->n_tracked == fixture->stop_after)
        msk_tracker_stop(tracker);
}

static void answered_cb(MskTracker *tracker, MskMasklet *masklet, gint64 frame,
                        TrackerFixture *fixture)
{
    fixture->n_answered++;
}

static void failed_cb(MskTracker *tracker, const GError *error, TrackerFixture *fixture)
{
    fixture->n_failed++;
    g_clear_error(&fixture->error);
    fixture->error = g_error_copy(error);
}

static void listen(TrackerFixture *fixture)
{
    MskTracker *tracker = fixture->tracker;
    g_signal_connect(tracker, "started", G_CALLBACK(started_cb), fixture);
    g_signal_connect(tracker, "stopped", G_CALLBACK(stopped_cb), fixture);
    g_signal_connect(tracker, "tracked", G_CALLBACK(tracked_cb), fixture);
    g_signal_connect(tracker, "prompt-answered", G_CALLBACK(answered_cb), fixture);
    g_signal_connect(tracker, "failed", G_CALLBACK(failed_cb), fixture);
}

void tracker_open(TrackerFixture *fixture, int64_t n_frames)
{
    *fixture = (TrackerFixture){.document = msk_document_new(ENGINE_WIDTH, ENGINE_HEIGHT, n_frames),
                                .video = tracker_open_video(n_frames)};
    fixture->tracker = msk_tracker_new(fixture->document, tracker_engine);
    fixture->tracker->quiet_ms = 0;
    msk_tracker_set_video(fixture->tracker, fixture->video);
    listen(fixture);
}

void tracker_close(TrackerFixture *fixture)
{
    msk_tracker_close(fixture->tracker);
    g_clear_object(&fixture->tracker);
    g_clear_object(&fixture->document);
    g_clear_pointer(&fixture->video, msk_video_unref);
    g_clear_error(&fixture->error);
}

// ---- Doing -------------------------------------------------------------------------------------

void tracker_wait(TrackerFixture *fixture)
{
    while (msk_tracker_is_answering(fixture->tracker) || msk_tracker_is_tracking(fixture->tracker))
        g_main_context_iteration(NULL, TRUE);
}

gboolean tracker_click(TrackerFixture *fixture, MskMasklet *masklet, int64_t frame, double x,
                       double y)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    g_autoptr(MskPrompt) prompt =
        state.prompt ? msk_prompt_copy(state.prompt) : msk_prompt_new(frame);
    msk_prompt_add_point(prompt, x, y, TRUE);
    return msk_tracker_prompt(fixture->tracker, masklet, prompt, "Add Point");
}

gboolean tracker_paint(TrackerFixture *fixture, MskMasklet *masklet, int64_t frame, int x, int y,
                       int side)
{
    uint8_t pixels[ENGINE_WIDTH * ENGINE_HEIGHT] = {0};
    for (int row = y; row < y + side; row++)
        memset(pixels + row * ENGINE_WIDTH + x, 1, (size_t)side);
    g_autoptr(MskMask) mask = msk_mask_new_bits(pixels, ENGINE_WIDTH, ENGINE_WIDTH, ENGINE_HEIGHT);
    return msk_document_set_paint(fixture->document, masklet, frame, mask, NULL);
}

gboolean tracker_track_all(TrackerFixture *fixture)
{
    MskTrackOptions options = {.last = -1, .from = -1};
    if (!msk_tracker_track(fixture->tracker, &options, NULL))
        return FALSE;
    tracker_wait(fixture);
    return TRUE;
}

int64_t tracker_count(TrackerFixture *fixture)
{
    MskVideoStats stats;
    msk_video_get_stats(fixture->video, &stats);
    return stats.n_tracked;
}

// ---- Comparing ---------------------------------------------------------------------------------

typedef struct Copying {
    MskDocument *from, *to;
} Copying;

static void copy_cell_cb(const MskCell *cell, MskValue *value, gpointer user)
{
    Copying *copying = user;
    MskMasklet *masklet =
        cell->object ? msk_document_find_object(copying->from, cell->object) : NULL;
    if (cell->object && !masklet)
        return; // removed
    if (cell->kind == MSK_CELL_RESULT && !(msk_masklet_get_frame(masklet, cell->frame, NULL) &
                                           (MSK_FRAME_PROMPT | MSK_FRAME_PAINT | MSK_FRAME_LOCKED)))
        return;
    msk_document_load_value(copying->to, cell, value);
}

void tracker_copy_anchors(TrackerFixture *fixture, MskDirection direction, TrackerFixture *out)
{
    tracker_open(out, msk_document_get_n_frames(fixture->document));
    Copying copying = {fixture->document, out->document};
    msk_document_foreach(fixture->document, copy_cell_cb, &copying);
    msk_document_loaded(out->document);
    MskTrackOptions options = {.direction = direction, .last = -1, .from = -1};
    if (msk_tracker_track(out->tracker, &options, NULL))
        tracker_wait(out);
}

static gboolean equal_frames(MskMasklet *a, MskMasklet *b, int64_t frame)
{
    g_autoptr(MskMask) x = msk_masklet_get_mask(a, frame);
    g_autoptr(MskMask) y = msk_masklet_get_mask(b, frame);
    MskFrameFlags all =
        msk_masklet_get_frame(a, frame, NULL) | msk_masklet_get_frame(b, frame, NULL);
    if (!(all & MSK_FRAME_STALE) && ((!x && !y) || (x && y && msk_mask_equal(x, y))))
        return TRUE;
    printf("object %d, frame %d: %s\n", (int)msk_masklet_get_id(a), (int)frame,
           all & MSK_FRAME_STALE ? "stale"
           : !x || !y            ? "missing"
                                 : "other mask");
    return FALSE;
}

static gboolean is_backward(MskMasklet *masklet, int64_t frame)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, frame, &state);
    return state.track && state.track->source &&
           state.track->source == msk_masklet_get_source(masklet, frame, TRUE);
}

gboolean tracker_equal(TrackerFixture *fixture, TrackerFixture *both, TrackerFixture *backward)
{
    guint n = msk_document_get_n_objects(fixture->document);
    gboolean equal = n == msk_document_get_n_objects(both->document);
    for (guint i = 0; i < n; i++) {
        MskMasklet *left = msk_document_get_object(fixture->document, i);
        for (int64_t k = 0; k < msk_document_get_n_frames(fixture->document); k++) {
            TrackerFixture *other = backward && is_backward(left, k) ? backward : both;
            MskMasklet *right = msk_document_find_object(other->document, msk_masklet_get_id(left));
            equal &= right && equal_frames(left, right, k);
        }
    }
    return equal;
}
