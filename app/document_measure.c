// SPDX-License-Identifier: Apache-2.0
// MskDocument: measures masks that came without area and bounds, on a thread, a batch at a time.
//
// Masks of tracking come measured. Those of a project that was opened do not, nor do strokes on top
// of a mask: until it is their turn, whether they are empty and what they are doubted for is open.
#include "app/document_private.h"

#include <pthread.h>

#define BATCH 32

typedef struct Batch {
    GWeakRef document;
    GArray *masklets; // of MskMasklet *, references, one for each of `frames`
    GArray *frames;   // of MskUnmeasured
} Batch;

// What a thread wrote before is seen by those that pass here after. GLib sees to that too, but with
// locks of its own, which the thread sanitizer does not see.
static void pass_lock(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
}

static void clear_unmeasured_cb(gpointer data)
{
    msk_unmeasured_clear(data);
}

static void clear_object_cb(gpointer data)
{
    g_object_unref(*(gpointer *)data);
}

static Batch *make_batch(MskDocument *document)
{
    Batch *batch = g_new0(Batch, 1);
    g_weak_ref_init(&batch->document, document);
    batch->masklets = g_array_new(FALSE, FALSE, sizeof(MskMasklet *));
    g_array_set_clear_func(batch->masklets, clear_object_cb);
    batch->frames = g_array_new(FALSE, FALSE, sizeof(MskUnmeasured));
    g_array_set_clear_func(batch->frames, clear_unmeasured_cb);
    return batch;
}

static void free_batch_cb(gpointer data)
{
    Batch *batch = data;
    pass_lock();
    g_weak_ref_clear(&batch->document);
    g_array_unref(batch->masklets);
    g_array_unref(batch->frames);
    g_free(batch);
}

static void measure_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Batch *batch = data;
    pass_lock();
    for (guint i = 0; i < batch->frames->len && !g_cancellable_is_cancelled(cancellable); i++)
        msk_unmeasured_measure(&g_array_index(batch->frames, MskUnmeasured, i));
    pass_lock();
    g_task_return_boolean(task, TRUE);
}

static gboolean measure_idle(gpointer user);

static void schedule(MskDocument *document)
{
    document->measure_source = g_idle_add_full(G_PRIORITY_LOW, measure_idle, document, NULL);
}

static void take_measured(MskDocument *document, const Batch *batch)
{
    g_clear_object(&document->measuring);
    for (guint i = 0; i < batch->frames->len; i++) {
        MskMasklet *masklet = g_array_index(batch->masklets, MskMasklet *, i);
        msk_masklet_put_measured(masklet, &g_array_index(batch->frames, MskUnmeasured, i));
        g_hash_table_add(document->frames_of, masklet);
    }
    schedule(document);
    if (document->open->len == 0)
        msk_document_flush_frames(document);
}

static void measured_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    Batch *batch = g_task_get_task_data(G_TASK(result));
    pass_lock();
    g_autoptr(MskDocument) document = g_weak_ref_get(&batch->document);
    if (document && !g_cancellable_is_cancelled(g_task_get_cancellable(G_TASK(result))))
        take_measured(document, batch);
    // The task may end on its thread, where no masklet may: objects go here.
    g_array_set_size(batch->masklets, 0);
    pass_lock();
}

static gboolean measure_idle(gpointer user)
{
    MskDocument *document = user;
    document->measure_source = 0;
    Batch *batch = make_batch(document);
    GHashTableIter iter;
    gpointer masklet;
    g_hash_table_iter_init(&iter, document->objects);
    while (batch->frames->len < BATCH && g_hash_table_iter_next(&iter, NULL, &masklet)) {
        msk_masklet_collect_unmeasured(masklet, BATCH - batch->frames->len, batch->frames);
        while (batch->masklets->len < batch->frames->len)
            g_array_append_vals(batch->masklets, &(gpointer){g_object_ref(masklet)}, 1);
    }
    if (batch->frames->len == 0) {
        free_batch_cb(batch);
        return G_SOURCE_REMOVE;
    }
    document->measuring = g_cancellable_new();
    g_autoptr(GTask) task = g_task_new(NULL, document->measuring, measured_cb, NULL);
    g_task_set_name(task, "measure masks");
    g_task_set_task_data(task, batch, free_batch_cb);
    g_task_set_priority(task, G_PRIORITY_LOW);
    pass_lock();
    g_task_run_in_thread(task, measure_thread);
    return G_SOURCE_REMOVE;
}

void msk_document_start_measuring(MskDocument *document)
{
    if (!document->measuring && !document->measure_source && !document->is_in_making)
        schedule(document);
}

void msk_document_stop_measuring(MskDocument *document)
{
    if (document->measuring)
        g_cancellable_cancel(document->measuring);
    g_clear_object(&document->measuring);
    g_clear_handle_id(&document->measure_source, g_source_remove);
}

gboolean msk_document_is_measuring(MskDocument *document)
{
    return document->measuring || document->measure_source;
}
