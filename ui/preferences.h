// SPDX-License-Identifier: Apache-2.0
// MskPreferences: the program's settings. Everything applies at once.
#pragma once

#include <adwaita.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_TYPE_PREFERENCES (msk_preferences_get_type())
G_DECLARE_FINAL_TYPE(MskPreferences, msk_preferences, MSK, PREFERENCES, AdwPreferencesWindow)

// Shows the window over `window`; the session tells which model is in use.
void msk_preferences_present(GtkWindow *window, MskSession *session);
// The same, on the page of models.
void msk_preferences_present_models(GtkWindow *window, MskSession *session);

G_END_DECLS
