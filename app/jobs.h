// SPDX-License-Identifier: Apache-2.0
// MskJobs: the list of long work, running, waiting and ended, and the queue that exports stand in.
//
// A list model of MskJobItem, oldest first. Work that was queued runs on a worker thread, one at a
// time, in order; work that runs elsewhere (tracking) can be listed too. Main thread, but for what
// says else: the thread that made the list and whose default main context is iterated.
#pragma once

#include "app/job.h"

G_BEGIN_DECLS

typedef enum MskJobState {
    MSK_JOB_QUEUED,
    MSK_JOB_RUNNING,
    MSK_JOB_DONE,
    MSK_JOB_STOPPED, // cancelled; may have paths where what was done is kept
    MSK_JOB_FAILED,
} MskJobState;
#define MSK_TYPE_JOB_STATE (msk_job_state_get_type())
GType msk_job_state_get_type(void);

#define MSK_TYPE_JOB_ITEM (msk_job_item_get_type())
// Properties, read-only, with notify: "title", "detail" (string), "state" (MskJobState), "message"
// (string or NULL: why it failed). Progress has no notify: whoever shows it asks now and then.
G_DECLARE_FINAL_TYPE(MskJobItem, msk_job_item, MSK, JOB_ITEM, GObject)

const char *msk_job_item_get_title(MskJobItem *item);
const char *msk_job_item_get_detail(MskJobItem *item);
guint msk_job_item_get_number(MskJobItem *item); // ascending in the order of adding
MskJob *msk_job_item_get_job(MskJobItem *item);  // borrowed
MskJobState msk_job_item_get_state(MskJobItem *item);
gboolean msk_job_item_is_active(MskJobItem *item);           // queued or running
const char *msk_job_item_get_message(MskJobItem *item);      // NULL: it has not failed
const char *const *msk_job_item_get_paths(MskJobItem *item); // what it made; NULL: nothing

#define MSK_TYPE_JOBS (msk_jobs_get_type())
// Property: "n-active" (uint, with notify): jobs that run or wait.
// Signal: "ended" (MskJobItem *): one is done, stopped or failed.
G_DECLARE_FINAL_TYPE(MskJobs, msk_jobs, MSK, JOBS, GObject)

MskJobs *msk_jobs_new(void);
// The program's list, made on first use; borrowed.
MskJobs *msk_jobs_get_default(void);
// Cancels everything and waits for the running work to stop; later queued work is stopped at once.
// The last reference going does this too.
void msk_jobs_close(MskJobs *jobs);

// The work of a queued job, on a worker thread: advances and heeds `job`. FALSE with an error;
// G_IO_ERROR_CANCELLED is being stopped. `paths` is set to what was made (g_strfreev()), or left.
typedef gboolean (*MskJobFunc)(MskJob *job, char ***paths, GError **error, gpointer user);

// Queues work. `detail` may be NULL. `destroy` (or NULL) gets `user` on the main thread when the
// work has ended or will never run. The item is borrowed: take a reference to keep it.
MskJobItem *msk_jobs_add(MskJobs *jobs, const char *title, const char *detail, MskJobFunc func,
                         gpointer user, GDestroyNotify destroy);
// Lists work that runs elsewhere, until msk_jobs_end() tells how it ended: `error` NULL is done.
MskJobItem *msk_jobs_add_running(MskJobs *jobs, const char *title, const char *detail, MskJob *job);
void msk_jobs_end(MskJobs *jobs, MskJobItem *item, const char *const *paths, const GError *error);

// Stops a job; one that waits ends at once, a running one when it gets to it.
void msk_jobs_cancel(MskJobs *jobs, MskJobItem *item);
// Takes an ended job off the list; FALSE: it has not ended.
gboolean msk_jobs_remove(MskJobs *jobs, MskJobItem *item);
void msk_jobs_clear_ended(MskJobs *jobs);
guint msk_jobs_get_n_active(MskJobs *jobs);
// Progress of all jobs that run or wait together, 0 to 1; -1: there is none, or it is not known.
double msk_jobs_get_fraction(MskJobs *jobs);

G_END_DECLS
