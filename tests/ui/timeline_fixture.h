// SPDX-License-Identifier: Apache-2.0
// Sessions with made-up documents, for tests, benchmarks and pictures of the timeline.
#pragma once

#include "ui/session.h"

// A document of many runs: every object has a keyframe about every `spacing` frames, tracked,
// stale, absent, doubtful and locked stretches of about `spacing` / 5 frames between, and gaps.
MskDocument *fixture_document(int64_t n_frames, guint n_objects, int spacing, guint seed);
// A document in which object 0 shows each state once, on 200 frames.
MskDocument *fixture_states(void);
// A session with that document open and no clip; takes the document.
MskSession *fixture_session(MskDocument *document);
// Closes the document and lets go of the session.
void fixture_close(MskSession *session);
// Results for first..last, as fresh as tracking would make them now.
void fixture_track(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last);
