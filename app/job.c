// SPDX-License-Identifier: Apache-2.0
// Progress, rate and time left of long work.
#include "app/job.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>

#define RATE_WINDOW (30 * G_USEC_PER_SEC)
#define STAMP_INTERVAL (G_USEC_PER_SEC / 4)

struct MskJob {
    int n_refs; // atomic
    GCancellable *cancellable;
    // A pthread lock, which the thread sanitizer sees; it does not see GLib's.
    pthread_mutex_t lock;
    int64_t done, total, start, last_stamp;
    MskRate rate;
};

MskJob *msk_job_new(void)
{
    MskJob *job = g_new0(MskJob, 1);
    job->n_refs = 1;
    job->cancellable = g_cancellable_new();
    pthread_mutex_init(&job->lock, NULL);
    job->start = g_get_monotonic_time();
    return job;
}

MskJob *msk_job_ref(MskJob *job)
{
    g_atomic_int_inc(&job->n_refs);
    return job;
}

void msk_job_unref(MskJob *job)
{
    if (!job || !g_atomic_int_dec_and_test(&job->n_refs))
        return;
    g_object_unref(job->cancellable);
    pthread_mutex_destroy(&job->lock);
    g_free(job);
}

void msk_job_start(MskJob *job, int64_t total)
{
    pthread_mutex_lock(&job->lock);
    job->done = 0;
    job->total = total;
    job->start = job->last_stamp = g_get_monotonic_time();
    job->rate = (MskRate){0};
    msk_rate_add(&job->rate, job->start, 0);
    pthread_mutex_unlock(&job->lock);
}

void msk_job_set_total(MskJob *job, int64_t total)
{
    pthread_mutex_lock(&job->lock);
    job->total = total;
    pthread_mutex_unlock(&job->lock);
}

void msk_job_advance(MskJob *job, int64_t n)
{
    pthread_mutex_lock(&job->lock);
    job->done += n;
    int64_t now = g_get_monotonic_time();
    if (now - job->last_stamp >= STAMP_INTERVAL || job->rate.n < 2) {
        msk_rate_add(&job->rate, now, job->done);
        job->last_stamp = now;
    }
    pthread_mutex_unlock(&job->lock);
}

void msk_job_get_progress(MskJob *job, MskProgress *out)
{
    pthread_mutex_lock(&job->lock);
    out->done = job->done;
    out->total = job->total;
    out->rate = msk_rate_get(&job->rate);
    out->seconds = (double)(g_get_monotonic_time() - job->start) / G_USEC_PER_SEC;
    pthread_mutex_unlock(&job->lock);
    out->fraction = out->total > 0 ? CLAMP((double)out->done / (double)out->total, 0, 1) : 0;
    out->seconds_left = -1;
    if (out->total > 0 && out->done >= out->total)
        out->seconds_left = 0;
    else if (out->total > 0 && out->rate > 0)
        out->seconds_left = (double)(out->total - out->done) / out->rate;
}

void msk_job_cancel(MskJob *job)
{
    g_cancellable_cancel(job->cancellable);
}

gboolean msk_job_is_cancelled(MskJob *job)
{
    return g_cancellable_is_cancelled(job->cancellable);
}

GCancellable *msk_job_get_cancellable(MskJob *job)
{
    return job->cancellable;
}

char *msk_job_format_seconds(double seconds)
{
    int64_t s = (int64_t)ceil(CLAMP(seconds, 0, 1e9));
    if (s < 60)
        return g_strdup_printf(_("%d s"), (int)s);
    if (s < 3600)
        return g_strdup_printf(_("%d min %02d s"), (int)(s / 60), (int)(s % 60));
    return g_strdup_printf(_("%" PRId64 " h %02d min"), s / 3600, (int)(s / 60 % 60));
}

// ---- Rate --------------------------------------------------------------------------------------

void msk_rate_add(MskRate *rate, int64_t now, int64_t count)
{
    if (rate->n == MSK_RATE_N_STAMPS) {
        rate->first = (rate->first + 1) % MSK_RATE_N_STAMPS;
        rate->n--;
    }
    // Two stamps stay however old they are.
    while (rate->n >= 2 && now - rate->times[rate->first] > RATE_WINDOW) {
        rate->first = (rate->first + 1) % MSK_RATE_N_STAMPS;
        rate->n--;
    }
    int at = (rate->first + rate->n++) % MSK_RATE_N_STAMPS;
    rate->times[at] = now;
    rate->counts[at] = count;
}

double msk_rate_get(const MskRate *rate)
{
    if (rate->n < 2)
        return 0;
    int last = (rate->first + rate->n - 1) % MSK_RATE_N_STAMPS;
    int64_t time = rate->times[last] - rate->times[rate->first];
    int64_t count = rate->counts[last] - rate->counts[rate->first];
    return time > 0 && count > 0 ? (double)count * G_USEC_PER_SEC / (double)time : 0;
}
