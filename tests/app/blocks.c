// SPDX-License-Identifier: Apache-2.0
// Blocks: the time between two calls of poll() is what the main loop worked.
#include "tests/app/blocks.h"

static GPollFunc poll_before;
static gint64 woken, longest;

static void note(void)
{
    longest = MAX(longest, g_get_monotonic_time() - woken);
}

static gint measuring_poll(GPollFD *fds, guint n_fds, gint timeout)
{
    note();
    const gint n = poll_before(fds, n_fds, timeout);
    woken = g_get_monotonic_time();
    return n;
}

void blocks_begin(void)
{
    if (!poll_before) {
        poll_before = g_main_context_get_poll_func(NULL);
        g_main_context_set_poll_func(NULL, measuring_poll);
    }
    while (g_main_context_iteration(NULL, FALSE))
        ;
    longest = 0;
    woken = g_get_monotonic_time();
}

double blocks_end(gpointer *done)
{
    while (!*done)
        g_main_context_iteration(NULL, TRUE);
    note();
    return (double)longest / 1e3;
}
