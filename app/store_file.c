// SPDX-License-Identifier: Apache-2.0
// Project files as files: is it one, is it in use, and putting a finished one in place.
//
// A file in use is locked by an open file description lock past the end of any database, which no
// kill leaves behind. SQLite's own locks do not do: the process loses them when it closes any other
// descriptor of the file, and a window of the same process may try to open it. For the same reason
// no descriptor is opened on a file that this process is known to hold.
#include <glib/gi18n.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/store_private.h"

#define HEADER_SIZE 100 // of SQLite
#define LOCK_OFFSET ((off_t)1 << 60)

// ---- Files that this process holds -------------------------------------------------------------

typedef struct Held {
    dev_t device;
    ino_t inode;
    gboolean is_shared;
    int n;         // holders
    int n_closing; // of them, those that are about to close it
} Held;

static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t held_closed = PTHREAD_COND_INITIALIZER;
static GArray *held_files; // of Held

// With held_lock.
static Held *find_held(const struct stat *status)
{
    for (guint i = 0; held_files && i < held_files->len; i++) {
        Held *held = &g_array_index(held_files, Held, i);
        if (held->device == status->st_dev && held->inode == status->st_ino)
            return held;
    }
    return NULL;
}

static void hold(int fd, gboolean is_shared)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return;
    pthread_mutex_lock(&held_lock);
    Held *held = find_held(&status);
    if (held) {
        held->n++;
    } else {
        if (!held_files)
            held_files = g_array_new(FALSE, FALSE, sizeof(Held));
        Held first = {status.st_dev, status.st_ino, is_shared, 1, 0};
        g_array_append_val(held_files, first);
    }
    pthread_mutex_unlock(&held_lock);
}

// Who waits finds it closed: the lock is gone with the descriptor.
static void close_and_let_go(int fd, gboolean was_announced)
{
    struct stat status;
    const gboolean is_known = fstat(fd, &status) == 0;
    close(fd);
    if (!is_known)
        return;
    pthread_mutex_lock(&held_lock);
    Held *held = find_held(&status);
    if (held && was_announced)
        held->n_closing--;
    if (held && --held->n == 0)
        g_array_remove_index_fast(held_files, (guint)(held - (Held *)(void *)held_files->data));
    if (held_files && held_files->len == 0)
        g_clear_pointer(&held_files, g_array_unref);
    pthread_cond_broadcast(&held_closed);
    pthread_mutex_unlock(&held_lock);
}

static gboolean is_held(const char *path, gboolean is_shared)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return FALSE;
    pthread_mutex_lock(&held_lock);
    const Held *held = find_held(&status);
    gboolean conflicts = held && !(held->is_shared && is_shared);
    pthread_mutex_unlock(&held_lock);
    return conflicts;
}

// As is_held(), after those that are about to close it have done so.
static gboolean is_held_for_long(const char *path, gboolean is_shared)
{
    struct stat status;
    gboolean conflicts = FALSE;
    pthread_mutex_lock(&held_lock);
    while (stat(path, &status) == 0) {
        const Held *held = find_held(&status);
        conflicts = held && !(held->is_shared && is_shared);
        if (!conflicts || held->n_closing < held->n)
            break;
        conflicts = FALSE;
        pthread_cond_wait(&held_closed, &held_lock);
    }
    pthread_mutex_unlock(&held_lock);
    return conflicts;
}

// ---- Opening -----------------------------------------------------------------------------------

static gboolean set_in_use(GError **error, const char *path)
{
    msk_store_set_error(error, MSK_STORE_ERROR_IN_USE, path,
                        _("is open in another window or program; close it there first"));
    return FALSE;
}

// 0, EAGAIN where another one has it, or what went wrong.
static int try_lock(int fd, gboolean is_shared)
{
    struct flock lock = {.l_type = is_shared ? F_RDLCK : F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start = LOCK_OFFSET,
                         .l_len = 1};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    // File systems without locks: there is nothing to be had.
    return errno == EAGAIN || errno == EACCES ? EAGAIN : 0;
}

static guint32 get_be32(const guint8 *at)
{
    return (guint32)at[0] << 24 | (guint32)at[1] << 16 | (guint32)at[2] << 8 | at[3];
}

static gboolean check_header(int fd, const char *path, GError **error)
{
    guint8 header[HEADER_SIZE];
    struct stat status;
    if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode)) {
        msk_store_set_error(error, MSK_STORE_ERROR_NOT_PROJECT, path,
                            _("is not a Masklet project: it is a folder or a device"));
        return FALSE;
    }
    ssize_t n = pread(fd, header, sizeof header, 0);
    if (n < 0) {
        msk_store_set_file_error(error, errno, path, _("could not be read"));
        return FALSE;
    }
    if (n == 0) {
        msk_store_set_error(error, MSK_STORE_ERROR_NOT_PROJECT, path,
                            _("is not a Masklet project: the file is empty"));
        return FALSE;
    }
    if (n < HEADER_SIZE || memcmp(header, "SQLite format 3", 16) != 0 ||
        get_be32(header + 68) != MSK_STORE_APPLICATION_ID) {
        msk_store_set_error(error, MSK_STORE_ERROR_NOT_PROJECT, path,
                            _("is not a Masklet project"));
        return FALSE;
    }
    const guint32 version = get_be32(header + 60);
    if (version > MSK_STORE_SCHEMA && version < 1000000) {
        msk_store_set_error(
            error, MSK_STORE_ERROR_NEWER, path,
            _("was written by a newer Masklet (its version is %u, this program knows "
              "%d); use that one to open it"),
            version, MSK_STORE_SCHEMA);
        return FALSE;
    }
    return TRUE;
}

// The log of writing lies beside the file while it is open.
static gboolean check_folder(const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    if (access(folder, W_OK | X_OK) == 0)
        return TRUE;
    if (errno == EACCES || errno == EROFS)
        msk_store_set_error(
            error, MSK_STORE_ERROR_READ_ONLY, path,
            _("is in a folder that cannot be written to; copy it to another place to "
              "work on it"));
    else
        msk_store_set_file_error(error, errno, path, _("could not be opened"));
    return FALSE;
}

// Whether the path still leads to what was opened.
static gboolean is_in_place(int fd, const char *path)
{
    struct stat opened, there;
    return fstat(fd, &opened) == 0 && stat(path, &there) == 0 && opened.st_dev == there.st_dev &&
           opened.st_ino == there.st_ino;
}

gboolean msk_store_file_open(MskStoreFile *out, const char *path, gboolean is_shared,
                             GError **error)
{
    *out = (MskStoreFile){.fd = -1, .is_shared = is_shared};
    if (is_held_for_long(path, is_shared))
        return set_in_use(error, path);
    int fd = open(path, (is_shared ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno == EISDIR || errno == ENXIO)
            msk_store_set_error(error, MSK_STORE_ERROR_NOT_PROJECT, path,
                                _("is not a Masklet project: it is a folder or a device"));
        else if (errno != EACCES && errno != EROFS && errno != EPERM)
            msk_store_set_file_error(error, errno, path, _("could not be opened"));
        else if (access(path, R_OK) == 0)
            msk_store_set_error(error, MSK_STORE_ERROR_READ_ONLY, path,
                                _("cannot be written to; copy it to another place to work on it"));
        else
            msk_store_set_error(
                error, MSK_STORE_ERROR_IO, path,
                _("may not be read; check the permissions of the file and its folder"));
        return FALSE;
    }
    gboolean is_good = check_header(fd, path, error) && (is_shared || check_folder(path, error));
    if (is_good && (try_lock(fd, is_shared) || !is_in_place(fd, path)))
        is_good = set_in_use(error, path);
    if (!is_good) {
        close(fd);
        return FALSE;
    }
    out->fd = fd;
    hold(fd, is_shared);
    return TRUE;
}

void msk_store_file_close(MskStoreFile *file)
{
    if (file->fd < 0)
        return;
    close_and_let_go(file->fd, file->is_closing);
    file->fd = -1;
}

void msk_store_file_announce_close(MskStoreFile *file)
{
    struct stat status;
    if (file->fd < 0 || fstat(file->fd, &status) < 0)
        return;
    pthread_mutex_lock(&held_lock);
    Held *held = find_held(&status);
    if (held) {
        held->n_closing++;
        file->is_closing = TRUE;
    }
    pthread_mutex_unlock(&held_lock);
}

// ---- Putting in place --------------------------------------------------------------------------

// Temporary names: ".dog.masklet.XXXXXX.part".
static char *dup_prefix(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    return g_strdup_printf(".%s.", name);
}

static void remove_logs(const char *path)
{
    static const char *const endings[] = {"-journal", "-wal", "-shm"};
    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *name = g_strconcat(path, endings[i], NULL);
        unlink(name);
    }
}

static void remove_with_logs(const char *path)
{
    remove_logs(path);
    unlink(path);
}

// What a program that ended while it wrote has left: nobody has it locked.
static void remove_leftovers(const char *folder, const char *prefix)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        if (!g_str_has_prefix(name, prefix) || !g_str_has_suffix(name, ".part") ||
            strlen(name) != strlen(prefix) + strlen("XXXXXX.part"))
            continue;
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (is_held(path, FALSE))
            continue;
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd >= 0 && try_lock(fd, FALSE) == 0)
            remove_with_logs(path);
        if (fd >= 0)
            close(fd);
    }
}

char *msk_store_file_make_temporary(MskStoreFile *out, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *prefix = dup_prefix(path);
    g_autofree char *temporary = NULL;

    remove_leftovers(folder, prefix);
    *out = (MskStoreFile){.fd = -1};
    for (int i = 0; out->fd < 0 && (i == 0 || (i < 100 && errno == EEXIST)); i++) {
        g_autofree char *name = g_strdup_printf("%s%06x.part", prefix, g_random_int() & 0xffffff);
        g_free(temporary);
        temporary = g_build_filename(folder, name, NULL);
        out->fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    if (out->fd < 0) {
        msk_store_set_file_error(error, errno, path, _("could not be made"));
        return NULL;
    }
    // Who takes it for a leftover before it is locked makes the rename at the end fail, no more.
    try_lock(out->fd, FALSE);
    hold(out->fd, FALSE);
    return g_steal_pointer(&temporary);
}

void msk_store_file_drop(MskStoreFile *file, const char *temporary)
{
    remove_with_logs(temporary);
    msk_store_file_close(file);
}

static void sync_folder(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

// A log beside the old file would be taken for one of the new file. It holds the old file's last
// edits, and until the new one is in place they are worth something: they go into the old file
// first.
static void empty_log(const char *path)
{
    g_autofree char *log = g_strconcat(path, "-wal", NULL);
    g_autoptr(sqlite3) db = NULL;
    if (access(log, F_OK) == 0 &&
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
        sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA wal_checkpoint(TRUNCATE)", NULL,
                     NULL, NULL);
}

static gboolean replace_file(const char *temporary, const char *path, GError **error)
{
    struct stat status;
    if (is_held(path, FALSE))
        return set_in_use(error, path);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno != ENOENT) {
        msk_store_set_file_error(error, errno, path, _("could not be replaced"));
        return FALSE;
    }
    if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        msk_store_set_error(error, MSK_STORE_ERROR_EXISTS, path,
                            _("is there already and is not a file; choose another name"));
        return FALSE;
    }
    gboolean is_free = fd < 0 || try_lock(fd, FALSE) == 0;
    if (is_free) {
        empty_log(path);
        remove_logs(path);
        if (rename(temporary, path) < 0) {
            msk_store_set_file_error(error, errno, path, _("could not be replaced"));
            is_free = FALSE;
        }
    } else {
        set_in_use(error, path);
    }
    if (fd >= 0)
        close(fd);
    return is_free;
}

// Fails where there is something, as one step where the file system can.
static gboolean place_file(const char *temporary, const char *path, GError **error)
{
    if (access(path, F_OK) != 0)
        remove_logs(path); // of a file that is gone
    int code = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0 ? 0 : errno;
    if (code == EINVAL || code == ENOSYS || code == ENOTSUP) {
        if (access(path, F_OK) == 0)
            code = EEXIST;
        else
            code = rename(temporary, path) == 0 ? 0 : errno;
    }
    if (code == EEXIST)
        msk_store_set_error(error, MSK_STORE_ERROR_EXISTS, path, _("is there already"));
    else if (code)
        msk_store_set_file_error(error, code, path, _("could not be made"));
    return code == 0;
}

gboolean msk_store_file_install(MskStoreFile *file, const char *temporary, const char *path,
                                gboolean replace, GError **error)
{
    // What a link leads to is replaced, not the link.
    g_autofree char *real = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? realpath(path, NULL) : NULL;
    const char *target = real ? real : path;
    gboolean is_done;
    if (fsync(file->fd) < 0) {
        msk_store_set_file_error(error, errno, path, _("could not be written"));
        is_done = FALSE;
    } else {
        is_done =
            replace ? replace_file(temporary, target, error) : place_file(temporary, target, error);
    }
    if (!is_done) {
        msk_store_file_drop(file, temporary);
        return FALSE;
    }
    sync_folder(target);
    msk_store_file_close(file);
    return TRUE;
}
