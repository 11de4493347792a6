// SPDX-License-Identifier: Apache-2.0
// MskStartPage: what a window without a clip shows: what to do, work that was not saved, and which
// model is in use.
#pragma once

#include <gtk/gtk.h>

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_TYPE_START_PAGE (msk_start_page_get_type())
G_DECLARE_FINAL_TYPE(MskStartPage, msk_start_page, MSK, START_PAGE, GtkWidget)

// Once, before it is shown; keeps a reference.
void msk_start_page_set_session(MskStartPage *page, MskSession *session);
// The unsaved work is not what it was.
void msk_start_page_refresh(MskStartPage *page);

G_END_DECLS
