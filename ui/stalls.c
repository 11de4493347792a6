// SPDX-License-Identifier: Apache-2.0
// Stalls: the time between two calls of poll() is what an iteration of the main loop worked.
#include "ui/stalls.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define WORK_MIN 1000 // microseconds; shorter iterations did nothing to speak of

static FILE *log_file;
static GPollFunc poll_before;
static gint64 woken; // when poll() returned; 0: not yet
static gint64 woken_busy;

// The processor time of this thread, microseconds.
static gint64 get_busy(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static gint measuring_poll(GPollFD *fds, guint n_fds, gint timeout)
{
    const gint64 now = g_get_monotonic_time();
    if (woken && now - woken > WORK_MIN)
        fprintf(log_file, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", woken,
                now - woken, get_busy() - woken_busy);
    const gint n = poll_before(fds, n_fds, timeout);
    const int failure = errno;
    woken = g_get_monotonic_time();
    woken_busy = get_busy();
    errno = failure;
    return n;
}

gboolean msk_stalls_start(const char *path)
{
    if (!path)
        path = g_getenv("MASKLET_STALLS");
    if (!path || !*path || log_file)
        return FALSE;
    log_file = fopen(path, "w");
    if (!log_file) {
        g_warning("%s: %s", path, g_strerror(errno));
        return FALSE;
    }
    setvbuf(log_file, NULL, _IOLBF, 0);
    poll_before = g_main_context_get_poll_func(NULL);
    g_main_context_set_poll_func(NULL, measuring_poll);
    return TRUE;
}
