// SPDX-License-Identifier: Apache-2.0
// MskLoader: one thread that decodes, one coalesced source that hands over.
#include "app/loader.h"

#include <pthread.h>

typedef enum Kind { KIND_NONE, KIND_SHOW, KIND_AHEAD, KIND_THUMBNAIL } Kind;

typedef struct Work {
    Kind kind;
    int64_t n;
    GCancellable *cancellable;
} Work;

typedef struct Show {
    int64_t n;
    MskLoaderFunc func; // NULL: nothing is asked for
    gpointer user;
} Show;

typedef struct Ahead {
    int64_t n, first, last;
    int step;
    int next; // candidates before this one were looked at
} Ahead;

typedef struct Thumbnail {
    int64_t n;
    int width, height;
    MskLoaderThumbnailFunc func;
    gpointer user;
    guint batch; // grows when requests are forgotten
} Thumbnail;

// What the thread hands over: a thumbnail if it has a function, else a frame to show.
typedef struct Answer {
    Show show;
    MskFrame *frame;
    GError *error;
    Thumbnail thumbnail;
    GBytes *rgba;
} Answer;

struct MskLoader {
    MskMedia *media;
    MskFrameCache *cache;
    GMainContext *context;
    GThread *thread;
    int n_holds; // its owner, and callbacks under way
    // A pthread lock, which the thread sanitizer sees; it does not see GLib's. Guards what follows.
    pthread_mutex_t lock;
    pthread_cond_t filled;
    gboolean quit;
    Work work; // in hand
    Show show;
    Ahead ahead;
    size_t frame_size; // of a decoded frame; 0: none yet
    int64_t end;       // the lowest number known not to be there
    GQueue thumbnails; // of Thumbnail, the newest first
    guint batch;
    GQueue answers;  // of Answer
    GSource *source; // will hand them over
};

static void free_answer(gpointer data)
{
    Answer *answer = data;
    g_clear_pointer(&answer->frame, msk_frame_unref);
    g_clear_error(&answer->error);
    g_clear_pointer(&answer->rgba, g_bytes_unref);
    g_free(answer);
}

static void release(MskLoader *loader)
{
    if (--loader->n_holds > 0)
        return;
    pthread_mutex_destroy(&loader->lock);
    pthread_cond_destroy(&loader->filled);
    g_main_context_unref(loader->context);
    g_object_unref(loader->media);
    g_free(loader);
}

// ---- Handing over ------------------------------------------------------------------------------

static Answer *pop_answer(MskLoader *loader)
{
    pthread_mutex_lock(&loader->lock);
    Answer *answer = g_queue_pop_head(&loader->answers);
    // A thumbnail may have been forgotten since it was made.
    while (answer && answer->thumbnail.func && answer->thumbnail.batch != loader->batch) {
        free_answer(answer);
        answer = g_queue_pop_head(&loader->answers);
    }
    pthread_mutex_unlock(&loader->lock);
    return answer;
}

static gboolean answer_idle(gpointer user)
{
    MskLoader *loader = user;
    loader->n_holds++; // a callback may free it
    pthread_mutex_lock(&loader->lock);
    guint n = g_queue_get_length(&loader->answers);
    GSource *source = g_steal_pointer(&loader->source);
    pthread_mutex_unlock(&loader->lock);
    g_source_unref(source);
    Answer *answer;
    // Only those of now, so that callbacks which ask again do not keep others waiting.
    for (; n > 0 && (answer = pop_answer(loader)); n--) {
        const Thumbnail *thumbnail = &answer->thumbnail;
        if (thumbnail->func)
            thumbnail->func(thumbnail->n, answer->rgba, thumbnail->width, thumbnail->height,
                            thumbnail->user);
        else
            answer->show.func(answer->show.n, answer->frame, answer->error, answer->show.user);
        free_answer(answer);
    }
    release(loader);
    return G_SOURCE_REMOVE;
}

// With the lock held.
static void push_answer(MskLoader *loader, const Answer *answer)
{
    g_queue_push_tail(&loader->answers, g_memdup2(answer, sizeof *answer));
    if (loader->source)
        return;
    loader->source = g_idle_source_new();
    g_source_set_priority(loader->source, G_PRIORITY_DEFAULT);
    g_source_set_callback(loader->source, answer_idle, loader, NULL);
    g_source_attach(loader->source, loader->context);
}

// ---- Reading ahead -----------------------------------------------------------------------------

// How many candidates there are: bounded by half of the cache.
static int count_ahead(MskLoader *loader)
{
    MskFrameCacheStats stats;
    msk_frame_cache_get_stats(loader->cache, &stats);
    size_t room = loader->frame_size ? stats.budget / 2 / loader->frame_size : 1;
    if (loader->ahead.step == 0)
        return 2 * (int)MIN(room / 2, MSK_LOADER_ASIDE);
    return (int)MIN(room, MSK_LOADER_AHEAD);
}

// Candidate i of n; -1: no such frame.
static int64_t find_ahead(const MskLoader *loader, int i, int n)
{
    const Ahead *ahead = &loader->ahead;
    int64_t first = MAX(ahead->first, 0), last = MIN(ahead->last, loader->end - 1);
    if (ahead->step == 0) {
        int64_t frame = i < n / 2 ? ahead->n + 1 + i : ahead->n - 1 - (i - n / 2);
        // Without an index, going back means decoding from the start.
        if (frame < ahead->n && !msk_media_is_indexed(loader->media))
            return -1;
        return frame >= first && frame <= last ? frame : -1;
    }
    int64_t length = last - first + 1, distance = (int64_t)(i + 1) * ABS((int64_t)ahead->step);
    if (length < 1 || distance >= length || ahead->n < first || ahead->n > last)
        return -1;
    int64_t frame = ahead->n + (ahead->step > 0 ? distance : -distance);
    return frame > last ? frame - length : frame < first ? frame + length : frame;
}

// The next frame to read ahead, or -1.
static int64_t pick_ahead(MskLoader *loader)
{
    int n = count_ahead(loader);
    for (; loader->ahead.next < n; loader->ahead.next++) {
        int64_t frame = find_ahead(loader, loader->ahead.next, n);
        if (frame < 0)
            continue;
        MskFrame *present = msk_frame_cache_peek(loader->cache, loader->media, frame);
        if (!present)
            return frame;
        msk_frame_unref(present);
    }
    return -1;
}

static gboolean is_wanted_ahead(MskLoader *loader, int64_t frame)
{
    int n = count_ahead(loader);
    for (int i = 0; i < n; i++)
        if (find_ahead(loader, i, n) == frame)
            return TRUE;
    return FALSE;
}

static void read_ahead(MskLoader *loader, const Work *work)
{
    GError *error = NULL;
    MskFrame *frame =
        msk_frame_cache_get(loader->cache, loader->media, work->n, work->cancellable, &error);
    pthread_mutex_lock(&loader->lock);
    if (frame)
        loader->frame_size = msk_frame_get_size(frame);
    else if (g_error_matches(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_RANGE))
        loader->end = MIN(loader->end, work->n);
    // A frame that does not decode is left out. What was given up is looked at again, unless
    // another place is read from now.
    int n = count_ahead(loader);
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) &&
        find_ahead(loader, loader->ahead.next, n) == work->n)
        loader->ahead.next++;
    pthread_mutex_unlock(&loader->lock);
    g_clear_pointer(&frame, msk_frame_unref);
    g_clear_error(&error);
}

// ---- Thumbnails --------------------------------------------------------------------------------

// Takes out the requests for a frame.
static GQueue take_thumbnails(MskLoader *loader, int64_t n)
{
    GQueue taken = G_QUEUE_INIT;
    pthread_mutex_lock(&loader->lock);
    for (GList *link = loader->thumbnails.head; link;) {
        GList *next = link->next;
        if (((Thumbnail *)link->data)->n == n) {
            g_queue_unlink(&loader->thumbnails, link);
            g_queue_push_tail_link(&taken, link);
        }
        link = next;
    }
    pthread_mutex_unlock(&loader->lock);
    return taken;
}

static GBytes *scale_frame(const MskFrame *frame, int width, int height)
{
    size_t stride = 4 * (size_t)width;
    g_autofree uint8_t *rgba = g_try_malloc(stride * (size_t)height);
    if (!rgba || !msk_frame_get_rgba8_scaled(frame, width, height, rgba, stride, NULL))
        return NULL;
    return g_bytes_new_take(g_steal_pointer(&rgba), stride * (size_t)height);
}

// Answers the requests for a frame; `frame` is NULL where it does not decode.
static void answer_thumbnails(MskLoader *loader, int64_t n, const MskFrame *frame)
{
    GQueue taken = take_thumbnails(loader, n);
    Thumbnail *thumbnail;
    while ((thumbnail = g_queue_pop_head(&taken))) {
        Answer answer = {.thumbnail = *thumbnail};
        if (frame)
            answer.rgba = scale_frame(frame, thumbnail->width, thumbnail->height);
        pthread_mutex_lock(&loader->lock);
        push_answer(loader, &answer);
        pthread_mutex_unlock(&loader->lock);
        g_free(thumbnail);
    }
}

// Neighbours are often wanted together, and decoding one passes the others.
static void pass_thumbnail_cb(MskFrame *frame, gpointer user)
{
    answer_thumbnails(user, msk_frame_get_number(frame), frame);
}

static void make_thumbnail(MskLoader *loader, const Work *work)
{
    GError *error = NULL;
    MskFrame *frame = msk_frame_cache_peek(loader->cache, loader->media, work->n);
    if (!frame)
        frame = msk_media_get_frame_passing(loader->media, work->n, pass_thumbnail_cb, loader,
                                            work->cancellable, &error);
    // What was given up is tried again.
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        answer_thumbnails(loader, work->n, frame);
    g_clear_pointer(&frame, msk_frame_unref);
    g_clear_error(&error);
}

// ---- The thread --------------------------------------------------------------------------------

static void show_frame(MskLoader *loader, const Work *work, const Show *show)
{
    Answer answer = {.show = *show};
    answer.frame = msk_frame_cache_get(loader->cache, loader->media, work->n, work->cancellable,
                                       &answer.error);
    pthread_mutex_lock(&loader->lock);
    if (answer.frame)
        loader->frame_size = msk_frame_get_size(answer.frame);
    push_answer(loader, &answer);
    pthread_mutex_unlock(&loader->lock);
}

// What to do next, in the order of importance. With the lock held.
static Work pick_work(MskLoader *loader, Show *show)
{
    Work work = {KIND_NONE, -1, NULL};
    if (loader->show.func) {
        *show = loader->show;
        loader->show.func = NULL;
        work = (Work){KIND_SHOW, show->n, NULL};
    } else if ((work.n = pick_ahead(loader)) >= 0) {
        work.kind = KIND_AHEAD;
    } else if (loader->thumbnails.head) {
        work = (Work){KIND_THUMBNAIL, ((Thumbnail *)loader->thumbnails.head->data)->n, NULL};
    }
    if (work.kind != KIND_NONE)
        work.cancellable = g_cancellable_new();
    return work;
}

// Waits for work, which is in hand from then on. FALSE to quit.
static gboolean begin_work(MskLoader *loader, Work *work, Show *show)
{
    pthread_mutex_lock(&loader->lock);
    *work = (Work){KIND_NONE, -1, NULL};
    while (!loader->quit && (*work = pick_work(loader, show)).kind == KIND_NONE)
        pthread_cond_wait(&loader->filled, &loader->lock);
    loader->work = *work;
    gboolean quit = loader->quit;
    pthread_mutex_unlock(&loader->lock);
    return !quit;
}

static void end_work(MskLoader *loader, Work *work)
{
    pthread_mutex_lock(&loader->lock);
    loader->work = (Work){KIND_NONE, -1, NULL};
    pthread_mutex_unlock(&loader->lock);
    g_object_unref(work->cancellable);
}

static gpointer loader_thread(gpointer data)
{
    MskLoader *loader = data;
    Work work;
    Show show;
    while (begin_work(loader, &work, &show)) {
        if (work.kind == KIND_SHOW)
            show_frame(loader, &work, &show);
        else if (work.kind == KIND_AHEAD)
            read_ahead(loader, &work);
        else
            make_thumbnail(loader, &work);
        end_work(loader, &work);
    }
    return NULL;
}

// ---- For the owner -----------------------------------------------------------------------------

MskLoader *msk_loader_new(MskMedia *media, MskFrameCache *cache)
{
    MskLoader *loader = g_new0(MskLoader, 1);
    loader->media = g_object_ref(media);
    loader->cache = cache;
    loader->context = g_main_context_ref_thread_default();
    loader->n_holds = 1;
    loader->end = G_MAXINT64;
    loader->ahead.last = -1; // nothing to read ahead yet
    g_queue_init(&loader->thumbnails);
    g_queue_init(&loader->answers);
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->filled, NULL);
    loader->thread = g_thread_new("loader", loader_thread, loader);
    return loader;
}

void msk_loader_free(MskLoader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->quit = TRUE;
    if (loader->work.cancellable)
        g_cancellable_cancel(loader->work.cancellable);
    pthread_cond_signal(&loader->filled);
    pthread_mutex_unlock(&loader->lock);
    g_thread_join(loader->thread);
    if (loader->source) {
        g_source_destroy(loader->source);
        g_clear_pointer(&loader->source, g_source_unref);
    }
    g_queue_clear_full(&loader->answers, free_answer);
    g_queue_clear_full(&loader->thumbnails, g_free);
    release(loader);
}

MskFrame *msk_loader_peek(MskLoader *loader, int64_t n)
{
    return msk_frame_cache_peek(loader->cache, loader->media, n);
}

void msk_loader_request(MskLoader *loader, int64_t n, MskLoaderFunc func, gpointer user)
{
    pthread_mutex_lock(&loader->lock);
    loader->show = (Show){n, func, user};
    // Reading ahead may be about to deliver the very frame.
    if (loader->work.kind == KIND_THUMBNAIL ||
        (loader->work.kind == KIND_AHEAD && loader->work.n != n))
        g_cancellable_cancel(loader->work.cancellable);
    pthread_cond_signal(&loader->filled);
    pthread_mutex_unlock(&loader->lock);
}

void msk_loader_set_ahead(MskLoader *loader, int64_t n, int step, int64_t first, int64_t last)
{
    Ahead ahead = {.n = n, .first = first, .last = last, .step = step};
    pthread_mutex_lock(&loader->lock);
    const Ahead *old = &loader->ahead;
    if (old->n != n || old->step != step || old->first != first || old->last != last) {
        loader->ahead = ahead;
        if ((loader->work.kind == KIND_THUMBNAIL && pick_ahead(loader) >= 0) ||
            (loader->work.kind == KIND_AHEAD && !is_wanted_ahead(loader, loader->work.n)))
            g_cancellable_cancel(loader->work.cancellable);
        pthread_cond_signal(&loader->filled);
    }
    pthread_mutex_unlock(&loader->lock);
}

void msk_loader_request_thumbnail(MskLoader *loader, int64_t n, int width, int height,
                                  MskLoaderThumbnailFunc func, gpointer user)
{
    g_return_if_fail(width > 0 && height > 0);
    pthread_mutex_lock(&loader->lock);
    Thumbnail thumbnail = {n, width, height, func, user, loader->batch};
    g_queue_push_head(&loader->thumbnails, g_memdup2(&thumbnail, sizeof thumbnail));
    pthread_cond_signal(&loader->filled);
    pthread_mutex_unlock(&loader->lock);
}

void msk_loader_forget_thumbnails(MskLoader *loader)
{
    pthread_mutex_lock(&loader->lock);
    loader->batch++;
    g_queue_clear_full(&loader->thumbnails, g_free);
    if (loader->work.kind == KIND_THUMBNAIL)
        g_cancellable_cancel(loader->work.cancellable);
    pthread_mutex_unlock(&loader->lock);
}
