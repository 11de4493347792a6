// SPDX-License-Identifier: Apache-2.0
// A document with a tracker on the drawn clip, and the same masks tracked anew for comparison.
#pragma once

#include "app/tracker_private.h"
#include "tests/app/engine_fixture.h"

typedef struct TrackerFixture {
    MskDocument *document;
    MskVideo *video;
    MskTracker *tracker;
    // Signals so far.
    int n_started, n_stopped, n_completed, n_tracked, n_answered, n_failed;
    GError *error;  // the last failure
    int stop_after; // signals "tracked" until the tracking is stopped; 0: never
} TrackerFixture;

// The engine has the small model open; it and the models are shared by the tests of a program.
extern MskEngine *tracker_engine;
gboolean tracker_begin(const char *json);
void tracker_end(void);

// Edits are tracked at once, without a time of quiet.
void tracker_open(TrackerFixture *fixture, int64_t n_frames);
void tracker_close(TrackerFixture *fixture);
MskVideo *tracker_open_video(int64_t n_frames);

// Reading frames from this one on waits, on the engine's thread, until it is let go; results so far
// are taken until then.
void tracker_hold_at(int64_t frame);
void tracker_wait_held(void);
// The same, but results so far are on their way when it returns.
void tracker_wait_held_unseen(void);
void tracker_let_go(void);

// Iterates the main loop until nothing is asked and nothing is tracked.
void tracker_wait(TrackerFixture *fixture);
// Clicks: a prompt of one more point on the frame.
gboolean tracker_click(TrackerFixture *fixture, MskMasklet *masklet, int64_t frame, double x,
                       double y);
gboolean tracker_paint(TrackerFixture *fixture, MskMasklet *masklet, int64_t frame, int x, int y,
                       int side);
// Tracks all objects over the whole clip, to the end. FALSE if there was nothing to do.
gboolean tracker_track_all(TrackerFixture *fixture);
// Object-frames that the engine has tracked for this video.
int64_t tracker_count(TrackerFixture *fixture);

// A new document with the anchors, locks and locked masks of this one and nothing else, tracked.
void tracker_copy_anchors(TrackerFixture *fixture, MskDirection direction, TrackerFixture *out);
// All objects, by id, have the same masks on all frames, none stale. Frames that were tracked
// backward are compared with `backward` (NULL: there are none).
gboolean tracker_equal(TrackerFixture *fixture, TrackerFixture *both, TrackerFixture *backward);
