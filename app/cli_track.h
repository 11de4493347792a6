// SPDX-License-Identifier: Apache-2.0
// What masklet-cli track was asked for.
#pragma once

#include "app/cli.h"
#include "app/export.h"

G_BEGIN_DECLS

typedef struct CliTrackExport {
    MskExportKind kind;
    char *path;
} CliTrackExport;

typedef struct CliTrackOptions {
    const char *path; // the clip
    char *model;
    MskBackend backend;
    MskPrecision precision;
    int n_threads;
    char *prompts_path;  // or NULL
    GPtrArray *objects;  // of MskPromptObject; frame -1: the first one of the range
    int64_t first, last; // last -1: to the end
    MskDirection direction;
    int hole_area;
    GArray *exports;             // of CliTrackExport
    MskExportOptions for_export; // what all exports share
    gboolean as_json;
} CliTrackOptions;

// Does it; returns the exit code.
int cli_track_run(CliTrackOptions *options);

G_END_DECLS
