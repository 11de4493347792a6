// SPDX-License-Identifier: Apache-2.0
// The queue of jobs: one at a time, in order; stopped, failed, removed, and closed under way.
#include "app/jobs.h"

#include <pthread.h>
#include <string.h>

#include "tests/support/check.h"

// Work that waits to be let go, and notes what it saw.
typedef struct Work {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int n_allowed, n_started, n_running, n_running_max; // under the lock
    int n_destroyed;                                    // main thread
    GThread *main;
} Work;

static Work work = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void reset(void)
{
    pthread_mutex_lock(&work.lock);
    work.n_allowed = work.n_started = work.n_running = work.n_running_max = 0;
    pthread_mutex_unlock(&work.lock);
    work.n_destroyed = 0;
    work.main = g_thread_self();
}

static void allow(int n)
{
    pthread_mutex_lock(&work.lock);
    work.n_allowed += n;
    pthread_cond_broadcast(&work.changed);
    pthread_mutex_unlock(&work.lock);
}

static void wait_for_started(int n)
{
    pthread_mutex_lock(&work.lock);
    while (work.n_started < n)
        pthread_cond_wait(&work.changed, &work.lock);
    pthread_mutex_unlock(&work.lock);
}

static void cancelled_cb(GCancellable *cancellable, gpointer user)
{
    allow(0);
}

static gboolean wait_func(MskJob *job, char ***paths, GError **error, gpointer user)
{
    gulong handler =
        g_cancellable_connect(msk_job_get_cancellable(job), G_CALLBACK(cancelled_cb), NULL, NULL);
    pthread_mutex_lock(&work.lock);
    work.n_started++;
    work.n_running++;
    work.n_running_max = MAX(work.n_running_max, work.n_running);
    pthread_cond_broadcast(&work.changed);
    while (work.n_allowed == 0 && !msk_job_is_cancelled(job))
        pthread_cond_wait(&work.changed, &work.lock);
    if (!msk_job_is_cancelled(job))
        work.n_allowed--;
    work.n_running--;
    pthread_mutex_unlock(&work.lock);
    g_cancellable_disconnect(msk_job_get_cancellable(job), handler);

    msk_job_start(job, 2);
    msk_job_advance(job, 1);
    const char *what = user;
    if (g_cancellable_set_error_if_cancelled(msk_job_get_cancellable(job), error)) {
        if (strcmp(what, "keep") == 0)
            *paths = g_strsplit("/part", ":", 0);
        return FALSE;
    }
    if (strcmp(what, "fail") == 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "The disk is full");
        return FALSE;
    }
    msk_job_advance(job, 1);
    *paths = g_strsplit(strcmp(what, "empty") == 0 ? "" : what, ":", 0);
    return TRUE;
}

static void destroy_work(gpointer user)
{
    CHECK(g_thread_self() == work.main);
    work.n_destroyed++;
    g_free(user);
}

static MskJobItem *add(MskJobs *jobs, const char *what)
{
    return g_object_ref(
        msk_jobs_add(jobs, what, "detail", wait_func, g_strdup(what), destroy_work));
}

static void run_until_idle(MskJobs *jobs)
{
    while (msk_jobs_get_n_active(jobs) > 0)
        g_main_context_iteration(NULL, TRUE);
}

static void note_ended_cb(MskJobs *jobs, MskJobItem *item, GString *order)
{
    CHECK(!msk_job_item_is_active(item));
    g_string_append(order, msk_job_item_get_title(item));
}

static void test_queue(void)
{
    reset();
    g_autoptr(MskJobs) jobs = msk_jobs_new();
    g_autoptr(GString) order = g_string_new(NULL);
    g_signal_connect(jobs, "ended", G_CALLBACK(note_ended_cb), order);
    g_autoptr(MskJobItem) a = add(jobs, "/a:/b"), b = add(jobs, "fail"), c = add(jobs, "empty");
    CHECK(msk_jobs_get_n_active(jobs) == 3 && g_list_model_get_n_items(G_LIST_MODEL(jobs)) == 3);
    CHECK(msk_job_item_get_state(a) == MSK_JOB_RUNNING);
    CHECK(msk_job_item_get_state(b) == MSK_JOB_QUEUED &&
          msk_job_item_get_state(c) == MSK_JOB_QUEUED);
    CHECK(!msk_jobs_remove(jobs, a) && !msk_jobs_remove(jobs, b));
    allow(3);
    run_until_idle(jobs);
    CHECK(strcmp(order->str, "/a:/bfailempty") == 0);
    CHECK(work.n_running_max == 1 && work.n_started == 3 && work.n_destroyed == 3);
    CHECK(msk_job_item_get_state(a) == MSK_JOB_DONE && !msk_job_item_get_message(a));
    const char *const *paths = msk_job_item_get_paths(a);
    CHECK(paths && strcmp(paths[0], "/a") == 0 && strcmp(paths[1], "/b") == 0 && !paths[2]);
    CHECK(msk_job_item_get_state(b) == MSK_JOB_FAILED && !msk_job_item_get_paths(b));
    CHECK(g_strcmp0(msk_job_item_get_message(b), "The disk is full") == 0);
    CHECK(msk_job_item_get_state(c) == MSK_JOB_DONE && !msk_job_item_get_paths(c));
    CHECK(msk_jobs_get_fraction(jobs) == -1);

    // A new one after all have ended begins at once.
    g_autoptr(MskJobItem) d = add(jobs, "/d");
    CHECK(msk_job_item_get_state(d) == MSK_JOB_RUNNING);
    CHECK(msk_jobs_remove(jobs, b) && !msk_jobs_remove(jobs, b));
    msk_jobs_clear_ended(jobs);
    CHECK(g_list_model_get_n_items(G_LIST_MODEL(jobs)) == 1);
    allow(1);
    run_until_idle(jobs);
    msk_jobs_clear_ended(jobs);
    CHECK(g_list_model_get_n_items(G_LIST_MODEL(jobs)) == 0);
    end_group("a queue");
}

static void test_cancel(void)
{
    reset();
    g_autoptr(MskJobs) jobs = msk_jobs_new();
    g_autoptr(MskJobItem) a = add(jobs, "keep"), b = add(jobs, "/b"), c = add(jobs, "/c");
    wait_for_started(1);
    msk_jobs_cancel(jobs, b); // waits: ends at once, never runs
    CHECK(msk_job_item_get_state(b) == MSK_JOB_STOPPED && work.n_destroyed == 1);
    CHECK(msk_jobs_get_n_active(jobs) == 2);
    msk_jobs_cancel(jobs, b);
    CHECK(msk_jobs_get_n_active(jobs) == 2);
    msk_jobs_cancel(jobs, a); // runs: ends when it gets to it
    CHECK(msk_job_item_get_state(a) == MSK_JOB_RUNNING);
    allow(0);
    while (msk_job_item_is_active(a))
        g_main_context_iteration(NULL, TRUE);
    CHECK(msk_job_item_get_state(a) == MSK_JOB_STOPPED && !msk_job_item_get_message(a));
    CHECK(msk_job_item_get_paths(a) && strcmp(msk_job_item_get_paths(a)[0], "/part") == 0);
    allow(1);
    run_until_idle(jobs);
    CHECK(msk_job_item_get_state(c) == MSK_JOB_DONE && work.n_started == 2);
    end_group("stopping");
}

static void remove_ended_cb(MskJobs *jobs, MskJobItem *item, gpointer user)
{
    CHECK(msk_jobs_remove(jobs, item));
}

static void add_another_cb(MskJobs *jobs, MskJobItem *item, gpointer user)
{
    int *left = user;
    if ((*left)-- > 0)
        msk_jobs_add(jobs, "/next", NULL, wait_func, g_strdup("/next"), destroy_work);
}

static void test_handlers(void)
{
    reset();
    g_autoptr(MskJobs) jobs = msk_jobs_new();
    int left = 5;
    g_signal_connect(jobs, "ended", G_CALLBACK(remove_ended_cb), NULL);
    g_signal_connect(jobs, "ended", G_CALLBACK(add_another_cb), &left);
    allow(6);
    g_object_unref(add(jobs, "/first"));
    run_until_idle(jobs);
    CHECK(work.n_started == 6 && work.n_running_max == 1 && work.n_destroyed == 6);
    CHECK(g_list_model_get_n_items(G_LIST_MODEL(jobs)) == 0);
    end_group("changes while a job ends");
}

static void test_elsewhere(void)
{
    g_autoptr(MskJobs) jobs = msk_jobs_new();
    g_autoptr(MskJob) job = msk_job_new();
    MskJobItem *item = msk_jobs_add_running(jobs, "Track", NULL, job);
    CHECK(msk_job_item_get_job(item) == job && msk_job_item_get_state(item) == MSK_JOB_RUNNING);
    CHECK(msk_jobs_get_fraction(jobs) == -1);
    msk_job_start(job, 4);
    msk_job_advance(job, 1);
    CHECK(msk_jobs_get_fraction(jobs) == 0.25);
    msk_jobs_cancel(jobs, item);
    CHECK(msk_job_is_cancelled(job) && msk_job_item_is_active(item));
    g_autoptr(GError) error = g_error_new(G_IO_ERROR, G_IO_ERROR_FAILED, "No");
    msk_jobs_end(jobs, item, NULL, error);
    CHECK(msk_job_item_get_state(item) == MSK_JOB_FAILED && msk_jobs_get_n_active(jobs) == 0);
    msk_jobs_end(jobs, item, NULL, NULL); // ended already
    CHECK(msk_job_item_get_state(item) == MSK_JOB_FAILED && msk_jobs_get_n_active(jobs) == 0);
    end_group("work that runs elsewhere");
}

static void test_close(void)
{
    reset();
    MskJobs *jobs = msk_jobs_new();
    g_autoptr(MskJobItem) a = add(jobs, "/a"), b = add(jobs, "/b");
    wait_for_started(1);
    g_object_unref(jobs); // nobody iterates the main context here
    CHECK(msk_job_item_get_state(a) == MSK_JOB_STOPPED);
    CHECK(msk_job_item_get_state(b) == MSK_JOB_STOPPED && work.n_destroyed == 2);
    while (g_main_context_iteration(NULL, FALSE))
        ;

    // Ended on its thread, not yet told.
    reset();
    g_autoptr(MskJobs) other = msk_jobs_new();
    allow(1);
    g_autoptr(MskJobItem) c = add(other, "/c");
    wait_for_started(1);
    msk_jobs_close(other);
    CHECK(!msk_job_item_is_active(c) && work.n_destroyed == 1);
    g_autoptr(MskJobItem) d = add(other, "/d"); // closed: never runs
    CHECK(msk_job_item_get_state(d) == MSK_JOB_STOPPED && work.n_destroyed == 2);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    CHECK(work.n_started == 1);
    end_group("closing");
}

static void test_default(void)
{
    MskJobs *jobs = msk_jobs_get_default();
    CHECK(jobs == msk_jobs_get_default() && msk_jobs_get_n_active(jobs) == 0);
    g_object_unref(jobs);
    end_group("the program's list");
}

int main(void)
{
    test_queue();
    test_cancel();
    test_handlers();
    test_elsewhere();
    test_close();
    test_default();
    return end_tests();
}
