// SPDX-License-Identifier: Apache-2.0
// MskExportDialog: asks what to export, how and where, and puts it into the queue of jobs.
#pragma once

#include <adwaita.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_TYPE_EXPORT_DIALOG (msk_export_dialog_get_type())
G_DECLARE_FINAL_TYPE(MskExportDialog, msk_export_dialog, MSK, EXPORT_DIALOG, AdwWindow)

// Shows the dialog over `window` for what is open in the session, which must be something.
void msk_export_dialog_present(GtkWindow *window, MskSession *session);

G_END_DECLS
