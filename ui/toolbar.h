// SPDX-License-Identifier: Apache-2.0
// MskToolbar: the tools beside the canvas, and the size of the brush.
#pragma once

#include <gtk/gtk.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_TYPE_TOOLBAR (msk_toolbar_get_type())
G_DECLARE_FINAL_TYPE(MskToolbar, msk_toolbar, MSK, TOOLBAR, GtkWidget)

// Once, before it is shown; keeps a reference.
void msk_toolbar_set_session(MskToolbar *toolbar, MskSession *session);

G_END_DECLS
