// SPDX-License-Identifier: Apache-2.0
// MskJob: long work as others see it: how far, how fast, how long still; and a way to stop it.
//
// A worker calls msk_job_start() and msk_job_advance(); anyone else reads and cancels. Every
// function may be called from any thread.
#pragma once

#include <gio/gio.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct MskJob MskJob;

typedef struct MskProgress {
    int64_t done, total; // units, frames mostly; total 0: not known yet
    double fraction;     // 0 to 1
    double rate;         // units a second of late; 0: not known yet
    double seconds;      // since the start
    double seconds_left; // -1: not known yet
} MskProgress;

MskJob *msk_job_new(void);
MskJob *msk_job_ref(MskJob *job);
void msk_job_unref(MskJob *job); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskJob, msk_job_unref)

// The work begins: nothing of `total` is done.
void msk_job_start(MskJob *job, int64_t total);
// It turned out to be another amount of work; what is done and the rate stay.
void msk_job_set_total(MskJob *job, int64_t total);
void msk_job_advance(MskJob *job, int64_t n);
void msk_job_get_progress(MskJob *job, MskProgress *out);

// Asks the work to stop at the next good place.
void msk_job_cancel(MskJob *job);
gboolean msk_job_is_cancelled(MskJob *job);
GCancellable *msk_job_get_cancellable(MskJob *job); // owned by the job

// "12 s", "3 min 05 s", "1 h 02 min"; g_free() it.
char *msk_job_format_seconds(double seconds);

// ---- Rate --------------------------------------------------------------------------------------

#define MSK_RATE_N_STAMPS 32

// How fast a count grew over the last stamps, at most half a minute back unless they are rarer.
typedef struct MskRate {
    int64_t times[MSK_RATE_N_STAMPS], counts[MSK_RATE_N_STAMPS]; // a ring
    int first, n;
} MskRate;

// `now` in microseconds, never going back. The first stamp starts the clock.
void msk_rate_add(MskRate *rate, int64_t now, int64_t count);
double msk_rate_get(const MskRate *rate); // a second; 0 with less than two stamps

G_END_DECLS
