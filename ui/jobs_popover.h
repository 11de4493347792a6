// SPDX-License-Identifier: Apache-2.0
// MskJobsPopover: the program's jobs, for the button in the header bar.
#pragma once

#include <gtk/gtk.h>

#include "app/jobs.h"

G_BEGIN_DECLS

#define MSK_TYPE_JOBS_POPOVER (msk_jobs_popover_get_type())
G_DECLARE_FINAL_TYPE(MskJobsPopover, msk_jobs_popover, MSK, JOBS_POPOVER, GtkPopover)

// Shows msk_jobs_get_default().
GtkWidget *msk_jobs_popover_new(void);

G_END_DECLS
