// SPDX-License-Identifier: Apache-2.0
// The style sheet of the panes and dialogs.
#pragma once

#include <gtk/gtk.h>

// Adds it to the display, once.
void msk_panel_style_load(void);
