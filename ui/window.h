// SPDX-License-Identifier: Apache-2.0
// MskWindow: the main window: a session, the widgets that show it, and the actions on it.
#pragma once

#include <adwaita.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_TYPE_WINDOW (msk_window_get_type())
G_DECLARE_FINAL_TYPE(MskWindow, msk_window, MSK, WINDOW, AdwApplicationWindow)

MskWindow *msk_window_new(AdwApplication *application);
// The shortcuts of windows' actions, for menus and keys with modifiers; once an application.
void msk_window_set_accels(GtkApplication *application);
MskSession *msk_window_get_session(MskWindow *window); // borrowed
// Opens a clip or project here.
void msk_window_open(MskWindow *window, GFile *file);
// Whether nothing is open here, nor being opened.
gboolean msk_window_is_empty(MskWindow *window);

G_END_DECLS
