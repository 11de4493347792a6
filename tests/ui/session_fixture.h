// SPDX-License-Identifier: Apache-2.0
// What tests of a session share: a state folder of their own, and waiting for what it says.
#pragma once

#include "ui/session.h"

// What a session has said since fixture_new_session() or fixture_forget().
typedef struct Heard {
    MskSession *session;
    int n_opened, n_earlier, n_saved, n_missing, n_differs, n_errors, n_pictures, n_unwritten;
    gboolean is_usable; // of media-differs
    char *error, *path; // of the last error; of media-missing or media-differs
    gboolean had_count; // the first picture came with the exact count already
} Heard;

// A folder for states and files; g_free() nothing, it lives until fixture_end().
const char *fixture_begin(void);
void fixture_end(void);
// The same for tests with a window. FALSE: there is no display, nothing was begun.
gboolean fixture_begin_window(void);

Heard *fixture_new_session(void);
void fixture_free_session(Heard *heard);
void fixture_forget(Heard *heard);

// Runs the main loop until the count has grown to `n` (TRUE), or for half a minute.
gboolean fixture_wait_count(const int *count, int n);
// Until nothing is being opened and the index is complete.
gboolean fixture_wait_idle(Heard *heard);
// Until the picture of frame n is there.
gboolean fixture_wait_picture(Heard *heard, int64_t n);

void fixture_open(Heard *heard, const char *path);
// Files in the folder of unsaved projects.
int fixture_count_unsaved(void);
void fixture_remove_unsaved(void);
