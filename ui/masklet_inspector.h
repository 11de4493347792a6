// SPDX-License-Identifier: Apache-2.0
// MskMaskletInspector: what the selected object is and how its matte is made, to be changed, and
// what the model says of it on the playhead's frame.
#pragma once

#include <gtk/gtk.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_TYPE_MASKLET_INSPECTOR (msk_masklet_inspector_get_type())
// Property: "session" (MskSession). Shown while the session has an object selected.
G_DECLARE_FINAL_TYPE(MskMaskletInspector, msk_masklet_inspector, MSK, MASKLET_INSPECTOR, GtkWidget)

GtkWidget *msk_masklet_inspector_new(void);
void msk_masklet_inspector_set_session(MskMaskletInspector *inspector, MskSession *session);

G_END_DECLS
