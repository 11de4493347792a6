// SPDX-License-Identifier: Apache-2.0
// The thread that writes: what is handed over becomes a transaction at once; what comes while one
// is on its way to the disk goes together into the next.
//
// What could not be written stays in the queue, in order.
#include "app/free_later.h"

#include <glib/gi18n.h>
#include "app/store_private.h"

#define BATCH_MAX 256

// ---- Failures, told on the main thread ---------------------------------------------------------

static gboolean tell_cb(gpointer user)
{
    MskStore *store = user;
    pthread_mutex_lock(&store->lock);
    g_autoptr(GError) failure = g_steal_pointer(&store->failure);
    MskStoreFailedFunc func = store->failed_func;
    gpointer data = store->failed_user;
    g_clear_pointer(&store->telling, g_source_unref);
    pthread_mutex_unlock(&store->lock);
    if (func && failure)
        func(store, failure, data);
    return G_SOURCE_REMOVE;
}

// With the lock held.
static void tell(MskStore *store, const GError *error)
{
    if (store->is_hushed)
        return;
    g_clear_error(&store->failure);
    store->failure = g_error_copy(error);
    if (store->telling)
        return;
    store->telling = g_idle_source_new();
    g_source_set_priority(store->telling, G_PRIORITY_DEFAULT);
    g_source_set_callback(store->telling, tell_cb, store, NULL);
    g_source_attach(store->telling, store->context);
}

// ---- The thread --------------------------------------------------------------------------------

// With the lock held: references of the oldest operations.
static GPtrArray *list_ops(MskStore *store, guint limit)
{
    GPtrArray *ops = g_ptr_array_new_with_free_func((GDestroyNotify)msk_store_op_unref);
    for (GList *link = store->ops.head; link && ops->len < limit; link = link->next)
        g_ptr_array_add(ops, msk_store_op_ref(link->data));
    return ops;
}

// With the lock held. Flushes wait for what was before them; these fail with it.
static void fail_flushes(MskStore *store, const GError *error)
{
    GList *next;
    for (GList *link = store->ops.head; link; link = next) {
        MskStoreOp *op = link->data;
        next = link->next;
        if (op->kind != MSK_STORE_OP_FLUSH)
            continue;
        g_task_return_error(op->task, g_error_copy(error));
        msk_store_op_unref(op);
        g_queue_delete_link(&store->ops, link);
    }
}

static gboolean is_drop(const MskStoreOp *op)
{
    return op->kind == MSK_STORE_OP_DROP;
}

// With the lock held. What was undone is thrown away for the sake of a new command: who is killed
// has both or neither.
static guint count_writable(MskStore *store)
{
    GList *last = store->ops.tail;
    guint n = store->ops.length;
    for (; last && is_drop(last->data) && !store->is_closing; last = last->prev)
        n--;
    return n;
}

// With the lock held, which is released meanwhile. One transaction.
static void write_batch(MskStore *store)
{
    g_autoptr(GPtrArray) ops = list_ops(store, MIN(count_writable(store), BATCH_MAX));
    while (ops->len == BATCH_MAX && is_drop(g_ptr_array_index(ops, ops->len - 1)))
        g_ptr_array_set_size(ops, (int)ops->len - 1);
    g_autoptr(GError) error = NULL;
    const gboolean was_failing = store->is_failing;
    store->must_try = FALSE;
    pthread_mutex_unlock(&store->lock);

    pthread_mutex_lock(&store->db_lock);
    gboolean has_rows = FALSE;
    for (guint i = 0; i < ops->len; i++)
        has_rows |= ((MskStoreOp *)g_ptr_array_index(ops, i))->kind != MSK_STORE_OP_FLUSH;
    gboolean is_written =
        !has_rows || msk_store_rows_write(&store->rows, store->path,
                                          (MskStoreOp *const *)ops->pdata, ops->len, &error);
    pthread_mutex_unlock(&store->db_lock);

    pthread_mutex_lock(&store->lock);
    store->is_failing = !is_written;
    if (!is_written) {
        fail_flushes(store, error);
        if (!was_failing || store->is_told_again)
            tell(store, error);
        store->is_told_again = FALSE;
        return;
    }
    for (guint i = 0; i < ops->len; i++) {
        MskStoreOp *op = g_queue_pop_head(&store->ops);
        if (op->kind == MSK_STORE_OP_FLUSH)
            g_task_return_boolean(op->task, TRUE);
        msk_store_op_unref(op);
    }
}

// With the lock held, which is released meanwhile.
static void go_on_copying(MskStore *store)
{
    MskStoreCopy *copy = g_queue_peek_head(&store->copies);
    pthread_mutex_unlock(&store->lock);
    pthread_mutex_lock(&store->db_lock);
    const gboolean is_through = msk_store_copy_step(copy, &store->rows);
    pthread_mutex_unlock(&store->db_lock);
    pthread_mutex_lock(&store->lock);
    if (!is_through)
        return;
    // What is still in the queue, because it cannot be written here, goes into the copy.
    g_autoptr(GPtrArray) pending = list_ops(store, G_MAXUINT);
    g_queue_pop_head(&store->copies);
    store->n_finishing++;
    msk_store_copy_complete(copy, store, pending);
}

static gpointer write_thread(gpointer user)
{
    MskStore *store = user;
    pthread_mutex_lock(&store->lock);
    for (;;) {
        const gboolean can_write =
            count_writable(store) > 0 && (!store->is_failing || store->must_try);
        if (can_write)
            write_batch(store);
        else if (store->copies.length > 0)
            go_on_copying(store);
        else if (store->is_closing && store->n_finishing == 0)
            break;
        else
            pthread_cond_wait(&store->cond, &store->lock);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

void msk_store_start(MskStore *store)
{
    store->context = NULL; // the main one, whichever thread opens the file
    store->thread = g_thread_new("store", write_thread, store);
}

void msk_store_hush(MskStore *store)
{
    pthread_mutex_lock(&store->lock);
    store->is_hushed = TRUE;
    if (store->telling)
        g_source_destroy(store->telling);
    g_clear_pointer(&store->telling, g_source_unref);
    pthread_mutex_unlock(&store->lock);
}

gboolean msk_store_stop(MskStore *store)
{
    pthread_mutex_lock(&store->lock);
    store->is_closing = store->must_try = TRUE;
    pthread_cond_signal(&store->cond);
    pthread_mutex_unlock(&store->lock);
    g_thread_join(store->thread);
    const gboolean is_written = store->ops.length == 0;
    if (!is_written)
        g_warning("%s: %u edits could not be written", store->path, store->ops.length);
    return is_written;
}

// ---- Handing over ------------------------------------------------------------------------------

static void push(MskStore *store, MskStoreOp *op)
{
    pthread_mutex_lock(&store->lock);
    g_queue_push_tail(&store->ops, op);
    if (store->moving && op->kind != MSK_STORE_OP_FLUSH && op->kind != MSK_STORE_OP_MEDIA)
        g_ptr_array_add(store->moving, msk_store_op_ref(op));
    store->must_try = TRUE;
    pthread_cond_signal(&store->cond);
    pthread_mutex_unlock(&store->lock);
}

static void append_change(MskStoreOp *op, const MskChange *change)
{
    MskChange copy = *change;
    if (copy.before)
        msk_value_ref(copy.before);
    if (copy.after)
        msk_value_ref(copy.after);
    g_array_append_val(op->changes, copy);
}

MskStoreWrite *msk_store_prepare_command(MskCommand *command)
{
    MskStoreOp *op = msk_store_op_new(MSK_STORE_OP_COMMAND, command->id);
    op->name = g_strdup(command->name);
    op->time = command->time;
    // Only what is new, so that a frame of a long track costs no more than a frame.
    const GPtrArray *changes = command->pending->len > 0 ? command->pending : command->changes;
    for (guint i = 0; i < changes->len; i++)
        append_change(op, g_ptr_array_index(changes, i));
    return op;
}

void msk_store_write_command(MskStore *store, MskCommand *command)
{
    if (!store->is_read_only)
        push(store, msk_store_prepare_command(command));
}

void msk_store_write_prepared(MskStore *store, MskStoreWrite *write, MskCommand *command)
{
    write->id = command->id;
    for (guint i = 0; i < command->pending->len; i++)
        append_change(write, g_ptr_array_index(command->pending, i));
    if (store->is_read_only)
        msk_store_write_free(write);
    else
        push(store, write);
}

static void unref_op(gpointer op)
{
    msk_store_op_unref(op);
}

void msk_store_write_free(MskStoreWrite *write)
{
    msk_free_later(write, unref_op);
}

void msk_store_drop_commands_after(MskStore *store, int64_t id)
{
    if (!store->is_read_only)
        push(store, msk_store_op_new(MSK_STORE_OP_DROP, id));
}

void msk_store_write_undo(MskStore *store, MskCommand *command)
{
    if (!store->is_read_only)
        push(store, msk_store_op_new(MSK_STORE_OP_UNDO, command->id));
}

void msk_store_write_redo(MskStore *store, MskCommand *command)
{
    if (!store->is_read_only)
        push(store, msk_store_op_new(MSK_STORE_OP_REDO, command->id));
}

void msk_store_set_media(MskStore *store, const MskMediaRef *media)
{
    MskMediaRef *ref = msk_media_ref_copy(media);
    if (!ref->relative_path && g_strcmp0(ref->path, store->ref->path) != 0)
        ref->relative_path = msk_media_ref_dup_relative(ref->path, store->path);
    msk_media_ref_free(store->ref);
    store->ref = ref;
    if (store->is_read_only)
        return;
    MskStoreOp *op = msk_store_op_new(MSK_STORE_OP_MEDIA, 0);
    op->ref = msk_media_ref_copy(ref);
    push(store, op);
}

void msk_store_flush_async(MskStore *store, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user)
{
    MskStoreOp *op = msk_store_op_new(MSK_STORE_OP_FLUSH, 0);
    op->task = g_task_new(NULL, cancellable, callback, user);
    g_task_set_source_tag(op->task, msk_store_flush_async);
    push(store, op);
}

gboolean msk_store_flush_finish(MskStore *store, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), FALSE);
    return g_task_propagate_boolean(G_TASK(result), error);
}

gboolean msk_store_is_written(MskStore *store)
{
    pthread_mutex_lock(&store->lock);
    const gboolean is_written = store->ops.length == 0;
    pthread_mutex_unlock(&store->lock);
    return is_written;
}

void msk_store_begin_move(MskStore *store)
{
    g_clear_pointer(&store->moving, g_ptr_array_unref);
    store->moving = g_ptr_array_new_with_free_func((GDestroyNotify)msk_store_op_unref);
}

// Writing an operation again, in order, changes nothing: the copy may have some of them.
void msk_store_end_move(MskStore *store, MskStore *to)
{
    g_autoptr(GPtrArray) ops = g_steal_pointer(&store->moving);
    for (guint i = 0; to && ops && i < ops->len; i++)
        push(to, msk_store_op_ref(g_ptr_array_index(ops, i)));
}

void msk_store_set_failed_func(MskStore *store, MskStoreFailedFunc func, gpointer user)
{
    pthread_mutex_lock(&store->lock);
    store->failed_func = func;
    store->failed_user = user;
    pthread_mutex_unlock(&store->lock);
}

void msk_store_retry(MskStore *store)
{
    pthread_mutex_lock(&store->lock);
    store->must_try = store->is_told_again = TRUE;
    pthread_cond_signal(&store->cond);
    pthread_mutex_unlock(&store->lock);
}
