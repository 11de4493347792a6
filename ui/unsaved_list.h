// SPDX-License-Identifier: Apache-2.0
// MskUnsavedList: work that was never saved under a name, also from before a crash: open it, save
// it, discard it. Not visible where there is none.
//
// Its rows activate the actions "win.open-unsaved", "win.save-unsaved" and "win.discard-unsaved",
// whose target is the project's path and its clip's ("" unknown), byte strings (ayay).
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define MSK_TYPE_UNSAVED_LIST (msk_unsaved_list_get_type())
G_DECLARE_FINAL_TYPE(MskUnsavedList, msk_unsaved_list, MSK, UNSAVED_LIST, GtkWidget)

// Looks for them anew, on a thread; it does so itself whenever it appears.
void msk_unsaved_list_refresh(MskUnsavedList *list);

G_END_DECLS
