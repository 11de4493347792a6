// SPDX-License-Identifier: Apache-2.0
// What tests of panes and dialogs share: a session with a clip, the main loop, finding widgets,
// pictures of windows for whoever wants to look ($MASKLET_SHOTS names a folder).
#pragma once

#include "ui/session.h"

#include <adwaita.h>

// Prepares GTK; call it first.
void fixture_init(void);
// A session in which the clip is open and its frames are counted.
MskSession *fixture_open(const char *clip);
void fixture_close(MskSession *session); // and drops it

// Runs the main loop until nothing is pending and the window was drawn.
void fixture_settle(void);
void fixture_wait(gboolean (*is_done)(gpointer user), gpointer user);

// A rectangle from column x on, on frames first..last: a keyframe, and tracked from it.
void fixture_track(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last, int x);

// Child of a template by its id.
gpointer fixture_child(gpointer widget, GType type, const char *name);
// Descendants of a type, shown or not, in the tree's order; g_ptr_array_unref().
GPtrArray *fixture_find(GtkWidget *widget, GType type);
// The first of the program's windows of that type; NULL: none.
gpointer fixture_window(GType type);

// Saves the window as it looks now: light, dark, and from right to left.
void fixture_shot(GtkWidget *window, const char *name);
