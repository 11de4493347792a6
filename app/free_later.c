// SPDX-License-Identifier: Apache-2.0
// Freeing what takes long to be freed: one thread, while there is something to do.
#include "app/free_later.h"

#include <pthread.h>

typedef struct Waiting {
    gpointer data;
    GDestroyNotify destroy;
} Waiting;

// A pthread lock, which the thread sanitizer sees; it does not see GLib's.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static GQueue queue = G_QUEUE_INIT;
static gboolean is_running;

static gpointer free_thread(gpointer user)
{
    Waiting *waiting;
    pthread_mutex_lock(&lock);
    while ((waiting = g_queue_pop_head(&queue))) {
        pthread_mutex_unlock(&lock);
        waiting->destroy(waiting->data);
        g_free(waiting);
        pthread_mutex_lock(&lock);
    }
    is_running = FALSE;
    pthread_cond_broadcast(&done);
    pthread_mutex_unlock(&lock);
    return NULL;
}

void msk_free_later(gpointer data, GDestroyNotify destroy)
{
    if (!data)
        return;
    Waiting *waiting = g_new(Waiting, 1);
    *waiting = (Waiting){data, destroy};
    pthread_mutex_lock(&lock);
    g_queue_push_tail(&queue, waiting);
    if (!is_running)
        g_thread_unref(g_thread_new("free", free_thread, NULL));
    is_running = TRUE;
    pthread_mutex_unlock(&lock);
}

void msk_free_wait(void)
{
    pthread_mutex_lock(&lock);
    while (is_running)
        pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
}
