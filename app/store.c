// SPDX-License-Identifier: Apache-2.0
// Making, opening and closing project files.
#include <glib/gi18n.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "app/store_private.h"

// ---- Making ------------------------------------------------------------------------------------

static gboolean write_new(const char *temporary, const char *path, const MskMediaRef *ref,
                          GError **error)
{
    MskStoreRows rows = {0};
    sqlite3 *db = msk_store_open_db(temporary, SQLITE_OPEN_READWRITE, error);
    if (!db)
        return FALSE;
    gboolean is_written = msk_store_schema_create(db, path, error);
    if (!is_written) {
        sqlite3_close(db);
        return FALSE;
    }
    is_written = msk_store_rows_init(&rows, db) && msk_store_rows_put_media(&rows, ref);
    if (!is_written)
        msk_store_set_db_error(error, db, path);
    msk_store_rows_clear(&rows);
    return is_written;
}

MskStore *msk_store_create(const char *path, const MskMediaRef *media, gboolean replace,
                           GError **error)
{
    g_autofree char *full = g_canonicalize_filename(path, NULL);
    g_autoptr(MskMediaRef) ref = msk_media_ref_copy(media);
    MskStoreFile file;

    if (!replace && g_file_test(full, G_FILE_TEST_EXISTS)) {
        msk_store_set_error(error, MSK_STORE_ERROR_EXISTS, full, _("is there already"));
        return NULL;
    }
    if (!ref->relative_path)
        ref->relative_path = msk_media_ref_dup_relative(ref->path, full);
    g_autofree char *temporary = msk_store_file_make_temporary(&file, full, error);
    if (!temporary)
        return NULL;
    if (!write_new(temporary, full, ref, error)) {
        msk_store_file_drop(&file, temporary);
        return NULL;
    }
    if (!msk_store_file_install(&file, temporary, full, replace, error))
        return NULL;
    return msk_store_open(full, 0, error);
}

// ---- Opening -----------------------------------------------------------------------------------

static char *get_text(sqlite3 *db, const char *sql)
{
    g_autoptr(sqlite3_stmt) statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        return NULL;
    return g_strdup((const char *)sqlite3_column_text(statement, 0));
}

static gboolean check_pages(sqlite3 *db, const char *path, GError **error)
{
    g_autofree char *verdict = get_text(db, "PRAGMA quick_check(1)");
    if (!verdict)
        msk_store_set_db_error(error, db, path);
    else if (strcmp(verdict, "ok") != 0)
        msk_store_set_error(error, MSK_STORE_ERROR_NOT_PROJECT, path,
                            _("is damaged (%s); go back to a copy of it"),
                            g_strdelimit(verdict, "\n", ' '));
    return verdict && strcmp(verdict, "ok") == 0;
}

// The log of writing is in the memory of this connection, no second one can come in.
static gboolean use_log(sqlite3 *db, const char *path, GError **error)
{
    g_autofree char *mode = get_text(db, "PRAGMA journal_mode = WAL");
    if (g_strcmp0(mode, "wal") == 0)
        return msk_store_run(db, path, "PRAGMA synchronous = FULL", error);
    msk_store_set_db_error(error, db, path);
    return FALSE;
}

static gboolean open_db(MskStore *store, const char *path, gboolean keep, GError **error)
{
    int version;
    sqlite3 *db = store->rows.db = msk_store_open_db(path, SQLITE_OPEN_READWRITE, error);
    return db && msk_store_run(db, store->path, "PRAGMA locking_mode = EXCLUSIVE", error) &&
           msk_store_schema_check(db, store->path, &version, error) &&
           check_pages(db, store->path, error) && use_log(db, store->path, error) &&
           msk_store_schema_migrate(db, store->path, version, keep, error);
}

// A project that may not be written to and needs to be: its log was not emptied, or it is of an
// older version.
static gboolean open_private(MskStore *store, GError **error)
{
    static const char *const endings[] = {"", "-wal"};
    g_autofree char *path = NULL;

    store->private_folder = g_dir_make_tmp("masklet-XXXXXX", error);
    if (!store->private_folder)
        return FALSE;
    path = g_build_filename(store->private_folder, "project.masklet", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *from = g_strconcat(store->path, endings[i], NULL);
        g_autofree char *to = g_strconcat(path, endings[i], NULL);
        if (i > 0 && access(from, F_OK) != 0)
            continue;
        g_autoptr(GFile) source = g_file_new_for_path(from), target = g_file_new_for_path(to);
        if (!g_file_copy(source, target, G_FILE_COPY_TARGET_DEFAULT_PERMS, NULL, NULL, NULL, error))
            return FALSE;
    }
    return open_db(store, path, FALSE, error);
}

static gboolean open_immutable(MskStore *store, int *version, GError **error)
{
    g_autofree char *plain = g_filename_to_uri(store->path, NULL, error);
    if (!plain)
        return FALSE;
    g_autofree char *uri = g_strconcat(plain, "?immutable=1", NULL);
    sqlite3 *db = store->rows.db =
        msk_store_open_db(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error);
    return db && msk_store_schema_check(db, store->path, version, error) &&
           check_pages(db, store->path, error);
}

static gboolean open_read_only(MskStore *store, GError **error)
{
    g_autofree char *log = g_strconcat(store->path, "-wal", NULL);
    GStatBuf status;
    int version = 0;

    store->is_read_only = TRUE;
    if (!msk_store_file_open(&store->file, store->path, TRUE, error))
        return FALSE;
    if (g_stat(log, &status) == 0 && status.st_size > 0)
        return open_private(store, error);
    if (!open_immutable(store, &version, error))
        return FALSE;
    if (version == MSK_STORE_SCHEMA)
        return TRUE;
    g_clear_pointer(&store->rows.db, sqlite3_close);
    return open_private(store, error);
}

static void free_store(MskStore *store, gboolean remove)
{
    msk_store_rows_clear(&store->rows);
    if (remove)
        g_unlink(store->path);
    msk_store_file_close(&store->file);
    if (store->private_folder) {
        static const char *const names[] = {"project.masklet", "project.masklet-wal",
                                            "project.masklet-journal"};
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
            g_autofree char *path = g_build_filename(store->private_folder, names[i], NULL);
            g_unlink(path);
        }
        g_rmdir(store->private_folder);
    }
    g_queue_clear_full(&store->ops, (GDestroyNotify)msk_store_op_unref);
    g_clear_pointer(&store->moving, g_ptr_array_unref);
    g_clear_error(&store->failure);
    msk_media_ref_free(store->ref);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->db_lock);
    pthread_cond_destroy(&store->cond);
    g_free(store->private_folder);
    g_free(store->path);
    g_free(store);
}

MskStore *msk_store_open(const char *path, MskStoreFlags flags, GError **error)
{
    MskStore *store = g_new0(MskStore, 1);
    store->path = g_canonicalize_filename(path, NULL);
    store->file.fd = -1;
    pthread_mutex_init(&store->lock, NULL);
    pthread_mutex_init(&store->db_lock, NULL);
    pthread_cond_init(&store->cond, NULL);
    gboolean is_open = FALSE;
    if (flags & MSK_STORE_READ_ONLY)
        is_open = open_read_only(store, error);
    else
        is_open = msk_store_file_open(&store->file, store->path, FALSE, error) &&
                  open_db(store, store->path, TRUE, error);
    if (is_open && !msk_store_rows_init(&store->rows, store->rows.db)) {
        msk_store_set_db_error(error, store->rows.db, store->path);
        is_open = FALSE;
    }
    if (!is_open) {
        free_store(store, FALSE);
        return NULL;
    }
    store->ref = msk_store_load_media(store->rows.db);
    msk_store_start(store);
    return store;
}

// ---- Closing -----------------------------------------------------------------------------------

static pthread_mutex_t closing_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t closed = PTHREAD_COND_INITIALIZER;
static int n_closing;

typedef struct Closing {
    MskStore *store;
    gboolean remove;
} Closing;

void msk_store_close(MskStore *store)
{
    if (!store)
        return;
    msk_store_hush(store);
    msk_store_stop(store);
    free_store(store, FALSE);
}

static gpointer close_thread(gpointer user)
{
    g_autofree Closing *closing = user;
    msk_store_stop(closing->store);
    free_store(closing->store, closing->remove);
    pthread_mutex_lock(&closing_lock);
    n_closing--;
    pthread_cond_broadcast(&closed);
    pthread_mutex_unlock(&closing_lock);
    return NULL;
}

void msk_store_close_later(MskStore *store, gboolean remove)
{
    if (!store)
        return;
    msk_store_hush(store);
    msk_store_file_announce_close(&store->file);
    pthread_mutex_lock(&closing_lock);
    n_closing++;
    pthread_mutex_unlock(&closing_lock);
    Closing *closing = g_new(Closing, 1);
    *closing = (Closing){store, remove};
    g_thread_unref(g_thread_new("store-close", close_thread, closing));
}

void msk_store_wait_closed(void)
{
    pthread_mutex_lock(&closing_lock);
    while (n_closing > 0)
        pthread_cond_wait(&closed, &closing_lock);
    pthread_mutex_unlock(&closing_lock);
}

// ---- Facts -------------------------------------------------------------------------------------

const char *msk_store_get_path(MskStore *store)
{
    return store->path;
}

gboolean msk_store_is_read_only(MskStore *store)
{
    return store->is_read_only;
}

const MskMediaRef *msk_store_get_media(MskStore *store)
{
    return store->ref;
}
