// SPDX-License-Identifier: Apache-2.0
// Rates of made-up clocks, times in words, and a job seen from two threads.
#include "app/job.h"

#include <math.h>
#include <string.h>

#include "tests/support/check.h"

#define SECOND ((int64_t)1000000)

static void test_rate(void)
{
    MskRate rate = {0};
    CHECK(msk_rate_get(&rate) == 0);
    msk_rate_add(&rate, 100 * SECOND, 0);
    CHECK(msk_rate_get(&rate) == 0);
    for (int i = 1; i <= 500; i++)
        msk_rate_add(&rate, 100 * SECOND + i * SECOND / 4, i);
    CHECK(fabs(msk_rate_get(&rate) - 4) < 1e-9);
    // Ten times slower: after the window nothing is left of the fast time.
    int64_t now = 100 * SECOND + 125 * SECOND;
    for (int i = 1; i <= 20; i++)
        msk_rate_add(&rate, now + i * 5 * SECOND / 2, 500 + i);
    CHECK(fabs(msk_rate_get(&rate) - 0.4) < 1e-9);
    // Slower than the window: still a rate.
    MskRate slow = {0};
    for (int i = 0; i < 5; i++)
        msk_rate_add(&slow, i * 50 * SECOND, i);
    CHECK(fabs(msk_rate_get(&slow) - 0.02) < 1e-9);
    // Nothing done, no time gone by.
    MskRate idle = {0};
    msk_rate_add(&idle, SECOND, 0);
    msk_rate_add(&idle, 2 * SECOND, 0);
    CHECK(msk_rate_get(&idle) == 0);
    MskRate instant = {0};
    msk_rate_add(&instant, SECOND, 0);
    msk_rate_add(&instant, SECOND, 9);
    CHECK(msk_rate_get(&instant) == 0);
    end_group("rates");
}

static gboolean reads_as(double seconds, const char *expected)
{
    g_autofree char *text = msk_job_format_seconds(seconds);
    return strcmp(text, expected) == 0;
}

static void test_format(void)
{
    CHECK(reads_as(0, "0 s") && reads_as(-3, "0 s") && reads_as(0.2, "1 s"));
    CHECK(reads_as(59, "59 s") && reads_as(59.5, "1 min 00 s") && reads_as(185, "3 min 05 s"));
    CHECK(reads_as(3600, "1 h 00 min") && reads_as(3725, "1 h 02 min"));
    CHECK(reads_as(1e12, "277777 h 46 min"));
    end_group("times in words");
}

static gpointer work_thread(gpointer data)
{
    MskJob *job = data;
    msk_job_start(job, 1000);
    g_usleep(2000);
    for (int i = 0; i < 1000; i++)
        msk_job_advance(job, 1);
    while (!msk_job_is_cancelled(job))
        g_usleep(100);
    return NULL;
}

static void test_job(void)
{
    g_autoptr(MskJob) job = msk_job_new();
    MskProgress progress;
    msk_job_get_progress(job, &progress);
    CHECK(progress.total == 0 && progress.fraction == 0 && progress.seconds_left == -1);
    GThread *thread = g_thread_new("work", work_thread, job);
    int64_t last = 0;
    gboolean grows = TRUE;
    do {
        msk_job_get_progress(job, &progress);
        grows &= progress.done >= last && progress.fraction >= 0 && progress.fraction <= 1;
        last = progress.done;
    } while (progress.done < 1000);
    CHECK(grows && progress.total == 1000 && progress.fraction == 1);
    CHECK(progress.rate > 0 && progress.seconds_left == 0 && progress.seconds >= 0);
    CHECK(!msk_job_is_cancelled(job));
    msk_job_cancel(job);
    g_thread_join(thread);
    CHECK(msk_job_is_cancelled(job));
    CHECK(g_cancellable_is_cancelled(msk_job_get_cancellable(job)));
    end_group("a job on another thread");
}

int main(void)
{
    test_rate();
    test_format();
    test_job();
    return end_tests();
}
