// SPDX-License-Identifier: Apache-2.0
// MskFrameCache: a hash table of frames in a queue, most recently used first.
#include "app/frame_cache.h"
#include "app/free_later.h"
#include "app/media_private.h"

#include <pthread.h>

typedef struct Entry {
    guint64 serial; // of the media
    int64_t n;
    MskFrame *frame;
    GList link; // in the queue
} Entry;

struct MskFrameCache {
    pthread_mutex_t lock; // which the thread sanitizer sees; it does not see GLib's
    GHashTable *entries;  // Entry as its own key
    GQueue recent;        // of entries, most recently used first
    MskFrameCacheStats stats;
};

static guint hash_cb(gconstpointer data)
{
    const Entry *entry = data;
    const guint64 mixed = (entry->serial * 0x9e3779b97f4a7c15u) ^ (guint64)entry->n;

    return (guint)(mixed ^ mixed >> 32);
}

static gboolean equal_cb(gconstpointer a, gconstpointer b)
{
    const Entry *left = a, *right = b;

    return left->serial == right->serial && left->n == right->n;
}

MskFrameCache *msk_frame_cache_new(size_t budget)
{
    MskFrameCache *cache = g_new0(MskFrameCache, 1);

    pthread_mutex_init(&cache->lock, NULL);
    g_queue_init(&cache->recent);
    cache->entries = g_hash_table_new(hash_cb, equal_cb);
    cache->stats.budget = budget;
    return cache;
}

static void remove_entry(MskFrameCache *cache, Entry *entry)
{
    cache->stats.size -= msk_frame_get_size(entry->frame);
    cache->stats.n_frames--;
    g_queue_unlink(&cache->recent, &entry->link);
    g_hash_table_remove(cache->entries, entry);
    msk_frame_unref(entry->frame);
    g_free(entry);
}

void msk_frame_cache_free(MskFrameCache *cache)
{
    if (!cache)
        return;
    msk_frame_cache_clear(cache);
    g_hash_table_unref(cache->entries);
    pthread_mutex_destroy(&cache->lock);
    g_free(cache);
}

static void evict(MskFrameCache *cache)
{
    while (cache->stats.size > cache->stats.budget && cache->stats.n_frames > 1) {
        remove_entry(cache, g_queue_peek_tail(&cache->recent));
        cache->stats.n_evicted++;
    }
}

// A reference to the frame, which becomes the most recently used one; or NULL.
static MskFrame *look_up(MskFrameCache *cache, guint64 serial, int64_t n)
{
    const Entry key = {.serial = serial, .n = n};
    Entry *entry = g_hash_table_lookup(cache->entries, &key);

    if (!entry)
        return NULL;
    g_queue_unlink(&cache->recent, &entry->link);
    g_queue_push_head_link(&cache->recent, &entry->link);
    return msk_frame_ref(entry->frame);
}

static void insert(MskFrameCache *cache, guint64 serial, MskFrame *frame)
{
    const int64_t n = msk_frame_get_number(frame);
    MskFrame *present = look_up(cache, serial, n);

    if (present) { // another thread was faster, or it passed by again
        msk_frame_unref(present);
        return;
    }
    Entry *entry = g_new0(Entry, 1);
    entry->serial = serial;
    entry->n = n;
    entry->frame = msk_frame_ref(frame);
    entry->link.data = entry;
    g_queue_push_head_link(&cache->recent, &entry->link);
    g_hash_table_add(cache->entries, entry);
    cache->stats.size += msk_frame_get_size(frame);
    cache->stats.n_frames++;
    evict(cache);
}

typedef struct Passing {
    MskFrameCache *cache;
    guint64 serial;
    int64_t n; // what was asked for
} Passing;

static void keep_passing_cb(MskFrame *frame, gpointer user)
{
    const Passing *passing = user;
    MskFrameCache *cache = passing->cache;
    const size_t n_behind = (size_t)(passing->n - msk_frame_get_number(frame));

    pthread_mutex_lock(&cache->lock);
    if (n_behind < cache->stats.budget / 2 / msk_frame_get_size(frame))
        insert(cache, passing->serial, frame);
    pthread_mutex_unlock(&cache->lock);
}

MskFrame *msk_frame_cache_peek(MskFrameCache *cache, MskMedia *media, int64_t n)
{
    pthread_mutex_lock(&cache->lock);
    MskFrame *frame = look_up(cache, msk_media_get_serial(media), n);
    cache->stats.n_hits += frame != NULL;
    cache->stats.n_misses += frame == NULL;
    pthread_mutex_unlock(&cache->lock);
    return frame;
}

MskFrame *msk_frame_cache_get(MskFrameCache *cache, MskMedia *media, int64_t n,
                              GCancellable *cancellable, GError **error)
{
    MskFrame *frame = msk_frame_cache_peek(cache, media, n);

    if (frame)
        return frame;
    Passing passing = {cache, msk_media_get_serial(media), n};
    frame = msk_media_get_frame_passing(media, n, keep_passing_cb, &passing, cancellable, error);
    if (frame) {
        pthread_mutex_lock(&cache->lock);
        insert(cache, passing.serial, frame);
        pthread_mutex_unlock(&cache->lock);
    }
    return frame;
}

void msk_frame_cache_drop(MskFrameCache *cache, MskMedia *media)
{
    const guint64 serial = msk_media_get_serial(media);
    GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)msk_frame_unref);

    pthread_mutex_lock(&cache->lock);
    for (GList *at = cache->recent.head; at;) {
        Entry *entry = at->data;
        at = at->next;
        if (entry->serial == serial) {
            g_ptr_array_add(frames, msk_frame_ref(entry->frame));
            remove_entry(cache, entry);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    // Hundreds of megabytes take a while to be given back.
    msk_free_later(frames, (GDestroyNotify)g_ptr_array_unref);
}

void msk_frame_cache_clear(MskFrameCache *cache)
{
    pthread_mutex_lock(&cache->lock);
    while (cache->recent.head)
        remove_entry(cache, cache->recent.head->data);
    pthread_mutex_unlock(&cache->lock);
}

void msk_frame_cache_set_budget(MskFrameCache *cache, size_t budget)
{
    pthread_mutex_lock(&cache->lock);
    cache->stats.budget = budget;
    evict(cache);
    pthread_mutex_unlock(&cache->lock);
}

void msk_frame_cache_get_stats(MskFrameCache *cache, MskFrameCacheStats *out)
{
    pthread_mutex_lock(&cache->lock);
    *out = cache->stats;
    pthread_mutex_unlock(&cache->lock);
}
