// SPDX-License-Identifier: Apache-2.0
// Copies of a project: its pages while it goes on being written, then made compact and put in
// place.
//
// The pages are copied on the writing thread, a few at a time between transactions: SQLite brings
// what the same connection changes meanwhile into the copy too. The rest runs on another thread.
#include <string.h>

#include "app/store_private.h"

#define PAGES_PER_STEP 256

struct MskStoreCopy {
    GTask *task;
    char *path;
    gboolean with_history;
    MskMediaRef *ref;
    MskStore *store; // until it is counted down

    MskStoreFile file;
    char *temporary;
    sqlite3 *db;
    sqlite3_backup *backup;
    MskStoreRows rows; // of the copy
    GPtrArray *pending;
    GError *error;
};

static void free_copy(MskStoreCopy *copy)
{
    g_clear_object(&copy->task);
    g_clear_pointer(&copy->pending, g_ptr_array_unref);
    g_clear_error(&copy->error);
    msk_media_ref_free(copy->ref);
    g_free(copy->temporary);
    g_free(copy->path);
    g_free(copy);
}

// ---- Pages, on the writing thread --------------------------------------------------------------

static gboolean begin(MskStoreCopy *copy, MskStoreRows *rows)
{
    copy->temporary = msk_store_file_make_temporary(&copy->file, copy->path, &copy->error);
    if (!copy->temporary)
        return FALSE;
    copy->db = msk_store_open_db(copy->temporary, SQLITE_OPEN_READWRITE, &copy->error);
    if (!copy->db)
        return FALSE;
    copy->backup = sqlite3_backup_init(copy->db, "main", rows->db, "main");
    if (!copy->backup)
        msk_store_set_db_error(&copy->error, copy->db, copy->path);
    return copy->backup != NULL;
}

gboolean msk_store_copy_step(MskStoreCopy *copy, MskStoreRows *rows)
{
    if (g_cancellable_set_error_if_cancelled(g_task_get_cancellable(copy->task), &copy->error))
        return TRUE;
    if (!copy->backup && !begin(copy, rows))
        return TRUE;
    int code = sqlite3_backup_step(copy->backup, PAGES_PER_STEP);
    if (code == SQLITE_OK)
        return FALSE;
    int result = sqlite3_backup_finish(copy->backup);
    copy->backup = NULL;
    if (result != SQLITE_OK)
        msk_store_set_db_error(&copy->error, copy->db, copy->path);
    return TRUE;
}

// ---- The rest ----------------------------------------------------------------------------------

static int interrupt_cb(void *cancellable)
{
    return g_cancellable_is_cancelled(cancellable);
}

static gboolean write_pending(MskStoreCopy *copy)
{
    return !copy->pending || copy->pending->len == 0 ||
           msk_store_rows_write(&copy->rows, copy->path, (MskStoreOp *const *)copy->pending->pdata,
                                copy->pending->len, &copy->error);
}

static gboolean write_media(MskStoreCopy *copy)
{
    g_free(copy->ref->relative_path);
    copy->ref->relative_path = msk_media_ref_dup_relative(copy->ref->path, copy->path);
    if (msk_store_rows_put_media(&copy->rows, copy->ref))
        return TRUE;
    msk_store_set_db_error(&copy->error, copy->db, copy->path);
    return FALSE;
}

static gboolean make_compact(MskStoreCopy *copy)
{
    static const char drop_history[] =
        "BEGIN IMMEDIATE; DELETE FROM command;"
        // What removed objects had is kept for undo only.
        "DELETE FROM cell WHERE object > 0 AND object NOT IN"
        " (SELECT object FROM cell WHERE kind = 2);"
        "DELETE FROM value WHERE id NOT IN (SELECT value FROM cell); COMMIT";
    return (copy->with_history ||
            msk_store_run(copy->db, copy->path, drop_history, &copy->error)) &&
           msk_store_run(copy->db, copy->path, "VACUUM", &copy->error);
}

static gboolean finish(MskStoreCopy *copy)
{
    sqlite3 *db = copy->db;
    GCancellable *cancellable = g_task_get_cancellable(copy->task);
    if (cancellable)
        sqlite3_progress_handler(db, 100000, interrupt_cb, cancellable);
    // Half a copy is thrown away: only the rename has to be durable.
    gboolean is_done = msk_store_run(db, copy->path,
                                     "PRAGMA locking_mode = EXCLUSIVE;"
                                     "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF",
                                     &copy->error) &&
                       write_pending(copy) && write_media(copy) && make_compact(copy);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    return is_done;
}

static gpointer finish_thread(gpointer user)
{
    MskStoreCopy *copy = user;
    MskStore *store = copy->store;
    GCancellable *cancellable = g_task_get_cancellable(copy->task);
    gboolean is_done = !copy->error && finish(copy);

    // The rows' database is the copy's.
    if (copy->rows.db)
        msk_store_rows_clear(&copy->rows);
    else
        sqlite3_close(copy->db);
    if (is_done && g_cancellable_set_error_if_cancelled(cancellable, &copy->error))
        is_done = FALSE;
    if (is_done)
        is_done =
            msk_store_file_install(&copy->file, copy->temporary, copy->path, TRUE, &copy->error);
    else if (copy->temporary)
        msk_store_file_drop(&copy->file, copy->temporary);
    if (!is_done && g_cancellable_is_cancelled(cancellable))
        g_clear_error(&copy->error);
    if (is_done)
        g_task_return_boolean(copy->task, TRUE);
    else if (copy->error)
        g_task_return_error(copy->task, g_steal_pointer(&copy->error));
    else
        g_task_return_error_if_cancelled(copy->task);
    free_copy(copy);

    pthread_mutex_lock(&store->lock);
    store->n_finishing--;
    pthread_cond_signal(&store->cond);
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

void msk_store_copy_complete(MskStoreCopy *copy, MskStore *store, GPtrArray *pending)
{
    copy->store = store;
    if (!copy->error) {
        copy->pending = g_ptr_array_ref(pending);
        gboolean is_known = pending->len > 0
                                ? msk_store_rows_init_copy(&copy->rows, copy->db, &store->rows)
                                : msk_store_rows_init(&copy->rows, copy->db);
        if (!is_known)
            msk_store_set_db_error(&copy->error, copy->db, copy->path);
    }
    g_thread_unref(g_thread_new("store-copy", finish_thread, copy));
}

// ---- Public ------------------------------------------------------------------------------------

void msk_store_copy_async(MskStore *store, const char *path, gboolean with_history,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user)
{
    MskStoreCopy *copy = g_new0(MskStoreCopy, 1);
    copy->task = g_task_new(NULL, cancellable, callback, user);
    g_task_set_source_tag(copy->task, msk_store_copy_async);
    copy->path = g_canonicalize_filename(path, NULL);
    copy->with_history = with_history;
    copy->file.fd = -1;
    copy->ref = msk_media_ref_copy(store->ref);
    pthread_mutex_lock(&store->lock);
    g_queue_push_tail(&store->copies, copy);
    pthread_cond_signal(&store->cond);
    pthread_mutex_unlock(&store->lock);
}

gboolean msk_store_copy_finish(MskStore *store, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), FALSE);
    return g_task_propagate_boolean(G_TASK(result), error);
}

static void take_result_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    *(GAsyncResult **)user = g_object_ref(result);
}

gboolean msk_store_copy(MskStore *store, const char *path, gboolean with_history, GError **error)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GAsyncResult) result = NULL;
    g_main_context_push_thread_default(context);
    msk_store_copy_async(store, path, with_history, NULL, take_result_cb, &result);
    while (!result)
        g_main_context_iteration(context, TRUE);
    g_main_context_pop_thread_default(context);
    return msk_store_copy_finish(store, result, error);
}
