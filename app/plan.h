// SPDX-License-Identifier: Apache-2.0
// Plan: which frames of which objects are tracked, from which anchors, in which order.
//
// Anchors are the frames where an object's mask is given: by prompts, painting or locking. Spans
// are the frames between them. Tracking a span depends on its own anchors only, so spans may run in
// any order; msk_plan_passes() puts them into one sweep backward and one forward over the clip, so
// that a frame is encoded once in each direction however many objects there are.
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef enum MskDirection {
    MSK_DIRECTION_BOTH,     // before the first anchor backward, all else forward
    MSK_DIRECTION_FORWARD,  // from anchors forward only
    MSK_DIRECTION_BACKWARD, // from anchors backward only
} MskDirection;

const char *msk_direction_get_name(MskDirection direction); // "both", "forward", "backward"
gboolean msk_direction_from_name(const char *name, MskDirection *out);

typedef struct MskSpan {
    int object;          // index of the object
    int64_t first, last; // frames to track, both included; never an anchor
    gboolean reverse;    // runs from last to first
    int n_anchors;       // 1 or 2
    int64_t anchors[2];  // where the sweep comes from, and the anchor at the other end
} MskSpan;

// Appends to `spans` (of MskSpan, in the order of frames) what one object needs: its `anchors` (any
// order, repeats allowed, all within first..last) over the frames first..last. No anchors, no
// spans.
void msk_plan_spans(GArray *spans, int object, const int64_t *anchors, int n_anchors, int64_t first,
                    int64_t last, MskDirection direction);

// A stretch of a pass in which the same spans are tracked.
typedef struct MskSegment {
    gboolean reverse;
    int64_t from, to; // frames in the order they run: from >= to if reverse
    int n_spans;
    int *spans; // indices, ascending
} MskSegment;

// The order of work: segments of the backward pass, then those of the forward pass. Together they
// cover each span exactly once, in its direction. Free with g_ptr_array_unref().
GPtrArray *msk_plan_passes(const MskSpan *spans, int n_spans);

// Frames visited by all segments, for progress.
int64_t msk_plan_count(const GPtrArray *segments);

G_END_DECLS
