// SPDX-License-Identifier: Apache-2.0
// CliSink: takes results in the order they come, prints them, writes exports in the order of
// frames.
//
// A thread of its own does the printing, decoding and encoding. A frame is written, decoded once
// for all exports, as soon as all its results and all frames before it are there; until then masks
// are kept compressed.
#pragma once

#include "app/engine.h"
#include "app/export.h"

G_BEGIN_DECLS

typedef struct CliSink CliSink;

typedef struct CliSinkParams {
    MskMedia *media;
    MskFrameCache *cache;
    int64_t first, last;   // the range to write
    const int *object_ids; // copied
    int n_objects;
    GPtrArray *exports;   // of MskExport; used by the sink's thread until it has ended
    gboolean print_json;  // a line for each result
    GCancellable *failed; // cancelled when the sink fails, so that tracking stops
} CliSinkParams;

CliSink *cli_sink_new(const CliSinkParams *params);

// A result will come for this object (index) on this frame. Before the start.
void cli_sink_expect(CliSink *sink, int object, int64_t frame);

void cli_sink_start(CliSink *sink);

// Hands a result over; takes a reference. `may_wait`: waits while the sink is behind. Any thread.
void cli_sink_put(CliSink *sink, int object, MskResult *result, gboolean may_wait);

// No more results come. The thread writes what is complete (of a clip that was not tracked to its
// end: only frames with a mask), finishes the exports, wakes the main context and ends.
void cli_sink_end(CliSink *sink, gboolean is_complete);
gboolean cli_sink_has_ended(CliSink *sink);

// Stops writing after the current frame, and finishes the exports with what they have.
void cli_sink_stop(CliSink *sink);

// Aborts the exports after the current frame and waits for that; no more is printed. Started or
// not.
void cli_sink_abort(CliSink *sink);

// What became of it; after it has ended. FALSE with an error if it failed.
gboolean cli_sink_get_status(CliSink *sink, GError **error);
gboolean cli_sink_was_stopped(CliSink *sink); // not all complete frames were written
int64_t cli_sink_get_n_results(CliSink *sink);
MskJob *cli_sink_get_job(CliSink *sink); // frames written; owned by the sink

// Aborts if it has not ended.
void cli_sink_free(CliSink *sink);

G_END_DECLS
