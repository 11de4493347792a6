// SPDX-License-Identifier: Apache-2.0
// Showing files in the desktop's file manager.
#pragma once

#include <gtk/gtk.h>

// Opens the file manager with these files selected, or, where it cannot select, their folder. A
// folder is opened itself. `paths` is NULL-ended; NULL is fine.
void msk_show_files(GtkWindow *window, const char *const *paths);
