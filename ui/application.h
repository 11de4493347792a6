// SPDX-License-Identifier: Apache-2.0
// MskApplication: one process for all windows; the command line; what long jobs tell when they end.
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define MSK_APPLICATION_ID "org.masklet.Masklet"

#define MSK_TYPE_APPLICATION (msk_application_get_type())
G_DECLARE_FINAL_TYPE(MskApplication, msk_application, MSK, APPLICATION, AdwApplication)

MskApplication *msk_application_new(void);

G_END_DECLS
