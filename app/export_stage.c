// SPDX-License-Identifier: Apache-2.0
// Staging: results grow under temporary names beside their destination and are renamed at the end.
#include <glib/gi18n.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/export_private.h"

struct MskStage {
    char *path, *final;
    gboolean is_folder, overwrite;
    gboolean committed, made_final; // made_final: nothing was there before
};

static gboolean is_empty_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    return dir && !g_dir_read_name(dir);
}

gboolean msk_stage_check(const char *path, gboolean is_folder, gboolean overwrite, GError **error)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        if (errno == ENOENT)
            return TRUE;
        return msk_export_fail_io(error, path, errno);
    }
    if (is_folder != S_ISDIR(status.st_mode) || (!is_folder && !S_ISREG(status.st_mode))) {
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_EXISTS,
                    is_folder ? _("%s is not a folder; choose another name")
                              : _("%s is not a plain file; choose another name"),
                    path);
        return FALSE;
    }
    if (overwrite || (is_folder && is_empty_folder(path)))
        return TRUE;
    g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_EXISTS,
                is_folder ? _("The folder %s is not empty; choose another one or allow overwriting")
                          : _("%s exists; choose another name or allow overwriting"),
                path);
    return FALSE;
}

MskStage *msk_stage_open(const char *path, gboolean is_folder, gboolean overwrite, GError **error)
{
    if (!msk_stage_check(path, is_folder, overwrite, error))
        return NULL;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *short_base = msk_export_safe_name(base, "export"); // leaves room for the rest
    g_autofree char *name = g_strdup_printf(".%s.XXXXXX", short_base);
    g_autofree char *temporary = g_build_filename(folder, name, NULL);
    gboolean made;
    if (is_folder) {
        made = g_mkdtemp_full(temporary, 0777) != NULL;
    } else {
        int file = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, 0666);
        made = file >= 0;
        if (made)
            close(file);
    }
    if (!made) {
        int code = errno;
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_IO,
                    _("Cannot write into the folder %s: %s"), folder, g_strerror(code));
        return NULL;
    }
    MskStage *stage = g_new0(MskStage, 1);
    stage->path = g_steal_pointer(&temporary);
    stage->final = g_strdup(path);
    stage->is_folder = is_folder;
    stage->overwrite = overwrite;
    return stage;
}

const char *msk_stage_get_path(const MskStage *stage)
{
    return stage->path;
}

const char *msk_stage_get_final(const MskStage *stage)
{
    return stage->final;
}

// Also where the file system cannot refuse by itself, at the price of a race.
static gboolean rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return TRUE;
    if (errno != EINVAL && errno != ENOSYS)
        return FALSE;
    struct stat status;
    if (lstat(to, &status) == 0) {
        errno = EEXIST;
        return FALSE;
    }
    return rename(from, to) == 0;
}

static gboolean commit_file(MskStage *stage, GError **error)
{
    int file = open(stage->path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) { // the data must be on the disk before the name is
        int result = fsync(file);
        int code = errno;
        close(file);
        if (result != 0 && code != EINVAL)
            return msk_export_fail_io(error, stage->final, code);
    }
    if (rename_new(stage->path, stage->final)) {
        stage->made_final = TRUE;
        return TRUE;
    }
    if (errno == EEXIST && stage->overwrite && rename(stage->path, stage->final) == 0)
        return TRUE;
    return msk_export_fail_io(error, stage->final, errno);
}

// Moves the files of `from` into `to`, which exists, and deletes what an earlier export left there.
static gboolean merge_folder(const char *from, const char *to, GError **error)
{
    g_autofree char *old_csv = g_build_filename(to, "frames.csv", NULL);
    g_autoptr(GHashTable) old = msk_export_csv_read_files(old_csv);
    g_autoptr(GDir) dir = g_dir_open(from, 0, error);
    if (!dir)
        return FALSE;
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *source = g_build_filename(from, name, NULL);
        g_autofree char *target = g_build_filename(to, name, NULL);
        g_hash_table_remove(old, name);
        if (g_file_test(source, G_FILE_TEST_IS_DIR)) {
            if (g_mkdir(target, 0777) != 0 && errno != EEXIST)
                return msk_export_fail_io(error, target, errno);
            if (!merge_folder(source, target, error))
                return FALSE;
        } else if (rename(source, target) != 0) {
            return msk_export_fail_io(error, target, errno);
        }
    }
    GHashTableIter iter;
    g_hash_table_iter_init(&iter, old);
    for (gpointer name; g_hash_table_iter_next(&iter, &name, NULL);) {
        g_autofree char *target = g_build_filename(to, name, NULL);
        unlink(target);
    }
    return TRUE;
}

static gboolean commit_folder(MskStage *stage, GError **error)
{
    if (rename_new(stage->path, stage->final)) {
        stage->made_final = TRUE;
        return TRUE;
    }
    // An existing folder is filled, not replaced: it may be a link, or have rights of its own.
    int code = errno;
    if (code != EEXIST || !(stage->overwrite || is_empty_folder(stage->final)))
        return msk_export_fail_io(error, stage->final, code);
    return merge_folder(stage->path, stage->final, error);
}

gboolean msk_stage_commit(MskStage *stage, GError **error)
{
    stage->committed = stage->is_folder ? commit_folder(stage, error) : commit_file(stage, error);
    return stage->committed;
}

void msk_stage_revoke(MskStage *stage)
{
    if (!stage->committed || !stage->made_final)
        return;
    if (stage->is_folder)
        msk_stage_remove_tree(stage->final);
    else
        unlink(stage->final);
}

void msk_stage_remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        struct stat status;
        if (lstat(child, &status) == 0 && S_ISDIR(status.st_mode))
            msk_stage_remove_tree(child);
        else
            unlink(child);
    }
    rmdir(path);
}

void msk_stage_free(MskStage *stage)
{
    if (!stage)
        return;
    // After merging, the emptied temporary folder is still there.
    if (stage->is_folder)
        msk_stage_remove_tree(stage->path);
    else if (!stage->committed)
        unlink(stage->path);
    g_free(stage->path);
    g_free(stage->final);
    g_free(stage);
}
