// SPDX-License-Identifier: Apache-2.0
// Printing and exporting results as they come.
#include "app/cli_sink.h"

#include <pthread.h>

#include "app/cli.h"

// Results that may wait before the engine does. Their frames should still be in the frame cache.
#define QUEUE_MAX 8

typedef struct Item {
    int object;
    MskResult *result;
} Item;

struct CliSink {
    CliSinkParams params;
    int *ids;
    int64_t n_frames;
    // Of the thread: for each frame of the range what is expected and has come, and the masks.
    guint16 *n_expected, *n_come;
    MskMask **masks; // (n_frames, n_objects); NULL without exports
    int64_t next;    // frame to write, from the range's start
    GError *error;
    GThread *thread;
    MskJob *job;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    GQueue queue; // of Item
    gboolean no_more, is_complete, stop, abort, ended, was_stopped;
    int64_t n_results;
};

CliSink *cli_sink_new(const CliSinkParams *params)
{
    CliSink *sink = g_new0(CliSink, 1);
    sink->params = *params;
    sink->params.media = g_object_ref(params->media);
    sink->params.exports = g_ptr_array_ref(params->exports);
    sink->params.failed = g_object_ref(params->failed);
    sink->ids = g_memdup2(params->object_ids, sizeof(int) * (gsize)params->n_objects);
    sink->n_frames = params->last - params->first + 1;
    sink->n_expected = g_new0(guint16, sink->n_frames);
    sink->n_come = g_new0(guint16, sink->n_frames);
    if (params->exports->len > 0)
        sink->masks = g_new0(MskMask *, sink->n_frames * params->n_objects);
    sink->job = msk_job_new();
    msk_job_start(sink->job, sink->n_frames);
    pthread_mutex_init(&sink->lock, NULL);
    pthread_cond_init(&sink->changed, NULL);
    g_queue_init(&sink->queue);
    return sink;
}

void cli_sink_expect(CliSink *sink, int object, int64_t frame)
{
    sink->n_expected[frame - sink->params.first]++;
}

static void free_item(gpointer data)
{
    Item *item = data;
    msk_result_unref(item->result);
    g_free(item);
}

void cli_sink_put(CliSink *sink, int object, MskResult *result, gboolean may_wait)
{
    Item *item = g_new(Item, 1);
    *item = (Item){object, msk_result_ref(result)};
    pthread_mutex_lock(&sink->lock);
    while (may_wait && g_queue_get_length(&sink->queue) >= QUEUE_MAX && !sink->abort)
        pthread_cond_wait(&sink->changed, &sink->lock);
    g_queue_push_tail(&sink->queue, item);
    sink->n_results++;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
}

// ---- The thread --------------------------------------------------------------------------------

static gboolean must_end(CliSink *sink)
{
    pthread_mutex_lock(&sink->lock);
    gboolean end = sink->abort || sink->stop;
    pthread_mutex_unlock(&sink->lock);
    return end || sink->error;
}

static gboolean print_result(const CliSink *sink, int object, const MskResult *result)
{
    MskRect box;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    cli_json_text(builder, "event", "mask");
    cli_json_int(builder, "frame", result->frame);
    cli_json_int(builder, "object", sink->ids[object]);
    cli_json_number(builder, "object_score", (double)result->object_score);
    cli_json_number(builder, "iou", (double)result->iou);
    cli_json_int(builder, "area", msk_mask_get_area(result->mask));
    json_builder_set_member_name(builder, "bbox");
    if (msk_mask_get_bounds(result->mask, &box)) {
        json_builder_begin_array(builder);
        json_builder_add_int_value(builder, box.x);
        json_builder_add_int_value(builder, box.y);
        json_builder_add_int_value(builder, box.x + box.width);
        json_builder_add_int_value(builder, box.y + box.height);
        json_builder_end_array(builder);
    } else {
        json_builder_add_null_value(builder);
    }
    json_builder_end_object(builder);
    return cli_print_json(builder);
}

static void fail(CliSink *sink, GError *error)
{
    sink->error = error;
    g_cancellable_cancel(sink->params.failed);
}

static void take(CliSink *sink, const Item *item)
{
    int64_t at = item->result->frame - sink->params.first;
    if (sink->error)
        return;
    if (sink->params.print_json && !print_result(sink, item->object, item->result)) {
        fail(sink,
             g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, "cannot write to standard output"));
        return;
    }
    sink->n_come[at]++;
    if (sink->masks)
        sink->masks[at * sink->params.n_objects + item->object] = msk_mask_ref(item->result->mask);
}

static void write_frame(CliSink *sink, int64_t at)
{
    GError *error = NULL;
    MskMask **masks = sink->masks + at * sink->params.n_objects;
    g_autoptr(MskFrame) frame = msk_frame_cache_get(sink->params.cache, sink->params.media,
                                                    sink->params.first + at, NULL, &error);
    for (guint i = 0; i < sink->params.exports->len && !error; i++)
        msk_export_write_frame(g_ptr_array_index(sink->params.exports, i), frame, masks, &error);
    for (int i = 0; i < sink->params.n_objects; i++)
        g_clear_pointer(&masks[i], msk_mask_unref);
    if (error)
        fail(sink, error);
    msk_job_advance(sink->job, 1);
}

static gboolean has_mask(const CliSink *sink, int64_t at)
{
    for (int i = 0; i < sink->params.n_objects; i++)
        if (sink->masks[at * sink->params.n_objects + i])
            return TRUE;
    return FALSE;
}

static gboolean is_complete(const CliSink *sink, int64_t at)
{
    return sink->n_come[at] == sink->n_expected[at];
}

// Frames whose turn it is.
static void write_due(CliSink *sink)
{
    while (sink->masks && sink->next < sink->n_frames && is_complete(sink, sink->next) &&
           !must_end(sink))
        write_frame(sink, sink->next++);
}

// After an early end: what is complete behind gaps.
static void write_rest(CliSink *sink)
{
    for (; sink->masks && sink->next < sink->n_frames && !must_end(sink); sink->next++)
        if (is_complete(sink, sink->next) && has_mask(sink, sink->next))
            write_frame(sink, sink->next);
}

static void finish_exports(CliSink *sink)
{
    for (guint i = 0; i < sink->params.exports->len && !sink->error; i++) {
        GError *error = NULL;
        MskExport *export = g_ptr_array_index(sink->params.exports, i);
        if (msk_export_get_n_frames(export) > 0 && !msk_export_finish(export, &error))
            fail(sink, error);
    }
}

static gpointer sink_thread(gpointer data)
{
    CliSink *sink = data;
    gboolean more = TRUE;
    while (more) {
        pthread_mutex_lock(&sink->lock);
        while (!sink->abort && !sink->no_more && g_queue_is_empty(&sink->queue))
            pthread_cond_wait(&sink->changed, &sink->lock);
        Item *item = sink->abort ? NULL : g_queue_pop_head(&sink->queue);
        more = item != NULL;
        pthread_cond_broadcast(&sink->changed);
        pthread_mutex_unlock(&sink->lock);
        if (item) {
            take(sink, item);
            free_item(item);
            write_due(sink);
        }
    }
    write_due(sink);
    if (!sink->is_complete && !must_end(sink))
        write_rest(sink);
    pthread_mutex_lock(&sink->lock);
    gboolean abort = sink->abort;
    sink->was_stopped = sink->stop && sink->next < sink->n_frames;
    pthread_mutex_unlock(&sink->lock);
    if (!abort)
        finish_exports(sink);
    for (guint i = 0; i < sink->params.exports->len; i++)
        if (abort || sink->error)
            msk_export_abort(g_ptr_array_index(sink->params.exports, i));
    pthread_mutex_lock(&sink->lock);
    sink->ended = TRUE;
    pthread_mutex_unlock(&sink->lock);
    g_main_context_wakeup(NULL);
    return NULL;
}

void cli_sink_start(CliSink *sink)
{
    sink->thread = g_thread_new("sink", sink_thread, sink);
}

// ---- The end -----------------------------------------------------------------------------------

void cli_sink_end(CliSink *sink, gboolean complete)
{
    pthread_mutex_lock(&sink->lock);
    sink->no_more = TRUE;
    sink->is_complete = complete;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
}

gboolean cli_sink_has_ended(CliSink *sink)
{
    pthread_mutex_lock(&sink->lock);
    gboolean ended = sink->ended;
    pthread_mutex_unlock(&sink->lock);
    return ended;
}

void cli_sink_stop(CliSink *sink)
{
    pthread_mutex_lock(&sink->lock);
    sink->stop = TRUE;
    pthread_mutex_unlock(&sink->lock);
}

void cli_sink_abort(CliSink *sink)
{
    pthread_mutex_lock(&sink->lock);
    sink->abort = TRUE;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
    if (sink->thread)
        g_thread_join(g_steal_pointer(&sink->thread));
    else
        for (guint i = 0; i < sink->params.exports->len; i++)
            msk_export_abort(g_ptr_array_index(sink->params.exports, i));
}

gboolean cli_sink_get_status(CliSink *sink, GError **error)
{
    if (sink->error)
        g_propagate_error(error, g_error_copy(sink->error));
    return !sink->error;
}

gboolean cli_sink_was_stopped(CliSink *sink)
{
    return sink->was_stopped;
}

int64_t cli_sink_get_n_results(CliSink *sink)
{
    pthread_mutex_lock(&sink->lock);
    int64_t n = sink->n_results;
    pthread_mutex_unlock(&sink->lock);
    return n;
}

MskJob *cli_sink_get_job(CliSink *sink)
{
    return sink->job;
}

void cli_sink_free(CliSink *sink)
{
    if (!cli_sink_has_ended(sink))
        cli_sink_abort(sink);
    if (sink->thread)
        g_thread_join(sink->thread);
    g_queue_clear_full(&sink->queue, free_item);
    for (int64_t i = 0; sink->masks && i < sink->n_frames * sink->params.n_objects; i++)
        msk_mask_unref(sink->masks[i]);
    g_free(sink->masks);
    g_free(sink->n_expected);
    g_free(sink->n_come);
    g_free(sink->ids);
    g_clear_error(&sink->error);
    msk_job_unref(sink->job);
    g_object_unref(sink->params.media);
    g_ptr_array_unref(sink->params.exports);
    g_object_unref(sink->params.failed);
    pthread_mutex_destroy(&sink->lock);
    pthread_cond_destroy(&sink->changed);
    g_free(sink);
}
