// SPDX-License-Identifier: Apache-2.0
// Projects without a name of the user's: which there are, keeping one under a name, discarding one.
#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/store_private.h"

char *msk_store_dup_unsaved_folder(void)
{
    return g_build_filename(g_get_user_state_dir(), "masklet", "unsaved", NULL);
}

gboolean msk_store_is_unsaved_path(const char *path)
{
    g_autofree char *folder = msk_store_dup_unsaved_folder();
    g_autofree char *full = g_canonicalize_filename(path, NULL);
    g_autofree char *parent = g_path_get_dirname(full);
    g_autofree char *expected = g_canonicalize_filename(folder, NULL);
    return strcmp(parent, expected) == 0;
}

void msk_unsaved_free(MskUnsaved *unsaved)
{
    if (!unsaved)
        return;
    g_free(unsaved->path);
    g_free(unsaved->clip);
    g_free(unsaved->problem);
    g_free(unsaved);
}

// ---- Looking -----------------------------------------------------------------------------------

static int64_t ask(sqlite3 *db, const char *sql)
{
    g_autoptr(sqlite3_stmt) statement = NULL;
    int64_t answer = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        answer = sqlite3_column_int64(statement, 0);
    return answer;
}

static int64_t get_change_time(const char *path)
{
    GStatBuf status;
    return g_stat(path, &status) == 0 ? (int64_t)status.st_mtime * G_USEC_PER_SEC : 0;
}

// FALSE: there is nothing in it.
static gboolean describe(MskUnsaved *unsaved, sqlite3 *db, int version)
{
    g_autoptr(MskMediaRef) ref = msk_store_load_media(db);
    const int64_t n_commands = version >= 2 ? ask(db, "SELECT count(*) FROM command") : 1;
    const int64_t edited = version >= 2 ? ask(db, "SELECT max(time) FROM command") : 0;
    unsaved->clip = g_strdup(ref->path);
    unsaved->has_clip = g_file_test(ref->path, G_FILE_TEST_EXISTS) || strchr(ref->path, '%');
    unsaved->n_objects = (int)MIN(ask(db, "SELECT count(*) FROM cell WHERE kind = 2"), G_MAXINT);
    if (edited > 0)
        unsaved->changed = edited;
    return n_commands > 0 || ask(db, "SELECT count(*) FROM cell") > 0;
}

// NULL: nothing to be kept, or somebody has it open.
static MskUnsaved *look_into(const char *path)
{
    g_autoptr(GError) error = NULL;
    MskUnsaved *unsaved = g_new0(MskUnsaved, 1);
    MskStoreFile file;
    gboolean has_content = TRUE;
    int version = 0;
    unsaved->path = g_strdup(path);
    unsaved->changed = get_change_time(path);
    if (msk_store_file_open(&file, path, FALSE, &error)) {
        sqlite3 *db = msk_store_open_db(path, SQLITE_OPEN_READWRITE, &error);
        if (db && msk_store_schema_check(db, path, &version, &error))
            has_content = describe(unsaved, db, version);
        sqlite3_close(db);
        if (!has_content)
            g_unlink(path);
        msk_store_file_close(&file);
    } else if (!g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_NOT_PROJECT) &&
               !g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_NEWER)) {
        has_content = FALSE;
    }
    if (error)
        unsaved->problem = g_strdup(error->message);
    if (!has_content)
        g_clear_pointer(&unsaved, msk_unsaved_free);
    return unsaved;
}

static int compare_times(gconstpointer a, gconstpointer b)
{
    const MskUnsaved *x = *(MskUnsaved *const *)a, *y = *(MskUnsaved *const *)b;
    if (x->changed != y->changed)
        return x->changed > y->changed ? -1 : 1;
    return strcmp(x->path, y->path);
}

GPtrArray *msk_store_list_unsaved(void)
{
    g_autofree char *folder = msk_store_dup_unsaved_folder();
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)msk_unsaved_free);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        if (*name == '.' ||
            !(g_str_has_suffix(name, ".masklet") || g_str_has_suffix(name, ".damaged")))
            continue;
        g_autofree char *path = g_build_filename(folder, name, NULL);
        MskUnsaved *unsaved = look_into(path);
        if (unsaved)
            g_ptr_array_add(list, unsaved);
    }
    g_ptr_array_sort(list, compare_times);
    return list;
}

// ---- Keeping and discarding --------------------------------------------------------------------

gboolean msk_store_discard_unsaved(const char *path, GError **error)
{
    static const char *const logs[] = {"-wal", "-shm", "-journal"};
    g_autoptr(GError) problem = NULL;
    MskStoreFile file = {.fd = -1};
    const gboolean is_free = msk_store_file_open(&file, path, FALSE, &problem);
    // What is no project any more is nobody's; what is open elsewhere stays.
    if (!is_free && !g_error_matches(problem, MSK_STORE_ERROR, MSK_STORE_ERROR_NOT_PROJECT) &&
        !g_error_matches(problem, MSK_STORE_ERROR, MSK_STORE_ERROR_NEWER)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    const gboolean is_gone = g_unlink(path) == 0 || errno == ENOENT;
    if (!is_gone)
        msk_store_set_file_error(error, errno, path, _("could not be deleted"));
    for (guint i = 0; is_gone && i < G_N_ELEMENTS(logs); i++) {
        g_autofree char *log = g_strconcat(path, logs[i], NULL);
        g_unlink(log);
    }
    msk_store_file_close(&file);
    return is_gone;
}

gboolean msk_store_keep_unsaved(const char *path, const char *target, GError **error)
{
    MskStore *store = msk_store_open(path, 0, error);
    if (!store)
        return FALSE;
    const gboolean is_copied = msk_store_copy(store, target, TRUE, error);
    if (is_copied)
        msk_store_close_later(store, TRUE);
    else
        msk_store_close(store);
    return is_copied;
}
