// SPDX-License-Identifier: Apache-2.0
// MskStatusBar: the line at the window's foot: how sure the model is, what to do next, how far work
// is, memory in use.
#pragma once

#include <gtk/gtk.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_TYPE_STATUS_BAR (msk_status_bar_get_type())
G_DECLARE_FINAL_TYPE(MskStatusBar, msk_status_bar, MSK, STATUS_BAR, GtkWidget)

// Once, before it is shown; keeps a reference.
void msk_status_bar_set_session(MskStatusBar *bar, MskSession *session);

G_END_DECLS
