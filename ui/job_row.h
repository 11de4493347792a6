// SPDX-License-Identifier: Apache-2.0
// MskJobRow: a job of the list: what it is, how far, how fast, how it ended.
#pragma once

#include <gtk/gtk.h>

#include "app/jobs.h"

G_BEGIN_DECLS

#define MSK_TYPE_JOB_ROW (msk_job_row_get_type())
G_DECLARE_FINAL_TYPE(MskJobRow, msk_job_row, MSK, JOB_ROW, GtkWidget)

// `jobs` is the list that the item is in; both are referenced.
GtkWidget *msk_job_row_new(MskJobs *jobs, MskJobItem *item);
// Shows how far the job is by now.
void msk_job_row_update(MskJobRow *row);
// "120 of 288 frames, 14.2 frames/s, 12 s left", as far as it is known; g_free() it.
char *msk_job_row_format_progress(const MskProgress *progress);

G_END_DECLS
