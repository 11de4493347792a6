// SPDX-License-Identifier: Apache-2.0
// MskMaskletList: the pane beside the canvas: the document's objects, and the selected one's
// inspector.
//
// Rows exist for what is on the screen only. The session's selected object is always selected here;
// more can be, for what concerns several: they are merged, deleted, moved, hidden, locked together.
//
// Actions, for menus and shortcuts within the pane: "objects.add", "objects.duplicate",
// "objects.merge", "objects.delete", "objects.rename", "objects.move-up", "objects.move-down",
// "objects.show-only", "objects.show-all".
#pragma once

#include <gtk/gtk.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_TYPE_MASKLET_LIST (msk_masklet_list_get_type())
// Property: "session" (MskSession).
G_DECLARE_FINAL_TYPE(MskMaskletList, msk_masklet_list, MSK, MASKLET_LIST, GtkWidget)

GtkWidget *msk_masklet_list_new(void);
void msk_masklet_list_set_session(MskMaskletList *list, MskSession *session);

// The selected objects in the list's order; free with g_ptr_array_unref().
GPtrArray *msk_masklet_list_dup_selection(MskMaskletList *list);

G_END_DECLS
