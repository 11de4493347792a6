// SPDX-License-Identifier: Apache-2.0
// The clip that a project belongs to: where it is, and how it is known again when it was moved.
#include <glib/gi18n.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/media_private.h"
#include "app/store_private.h"

#define PIECE_SIZE ((int64_t)1 << 20)

static gboolean fail(GError **error, int code, const char *path)
{
    msk_store_set_file_error(error, code, path, _("could not be read"));
    return FALSE;
}

static void hash_number(GChecksum *sum, int64_t number)
{
    guint64 bytes = GUINT64_TO_LE((guint64)number);
    g_checksum_update(sum, (const guchar *)&bytes, sizeof bytes);
}

// Hashes `size` bytes from `offset`; fewer where the file ends.
static gboolean hash_piece(GChecksum *sum, int fd, int64_t offset, int64_t size)
{
    guchar buffer[65536];
    while (size > 0) {
        ssize_t n = pread(fd, buffer, (size_t)MIN(size, (int64_t)sizeof buffer), offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        if (n == 0)
            break;
        g_checksum_update(sum, buffer, n);
        offset += n;
        size -= n;
    }
    return TRUE;
}

// Size, then all of a small file, else its first, middle and last piece.
static gboolean hash_file(GChecksum *sum, const char *path, int64_t *out_size, GError **error)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(error, errno, path);
    int code = fstat(fd, &status) < 0 ? errno : S_ISREG(status.st_mode) ? 0 : EINVAL;
    if (code) {
        close(fd);
        return fail(error, code, path);
    }
    const int64_t size = status.st_size;
    hash_number(sum, size);
    gboolean is_read;
    if (size <= 3 * PIECE_SIZE)
        is_read = hash_piece(sum, fd, 0, size);
    else
        is_read = hash_piece(sum, fd, 0, PIECE_SIZE) &&
                  hash_piece(sum, fd, (size - PIECE_SIZE) / 2, PIECE_SIZE) &&
                  hash_piece(sum, fd, size - PIECE_SIZE, PIECE_SIZE);
    code = errno;
    close(fd);
    *out_size = size;
    return is_read || fail(error, code, path);
}

// Every image's name and size, the content of the first and the last one.
static gboolean hash_sequence(GChecksum *sum, const MskSequence *sequence, int64_t *out_size,
                              GError **error)
{
    int64_t size;
    *out_size = 0;
    for (guint i = 0; i < sequence->names->len; i++) {
        const char *name = g_ptr_array_index(sequence->names, i);
        g_autofree char *path = g_build_filename(sequence->folder, name, NULL);
        struct stat status;
        if (stat(path, &status) < 0)
            return fail(error, errno, path);
        g_checksum_update(sum, (const guchar *)name, (gssize)strlen(name) + 1);
        hash_number(sum, status.st_size);
        *out_size += status.st_size;
        if ((i == 0 || i == sequence->names->len - 1) && !hash_file(sum, path, &size, error))
            return FALSE;
    }
    return TRUE;
}

gboolean msk_media_ref_init(MskMediaRef *out, const char *path, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *absolute = g_canonicalize_filename(path, NULL);

    *out = (MskMediaRef){.n_frames = -1};
    g_autoptr(MskSequence) sequence = msk_sequence_open(absolute, FALSE, warnings, &problem);
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (!(sequence ? hash_sequence(sum, sequence, &out->size, error)
                   : hash_file(sum, absolute, &out->size, error)))
        return FALSE;
    out->path = g_steal_pointer(&absolute);
    out->hash = g_strdup(g_checksum_get_string(sum));
    return TRUE;
}

void msk_media_ref_clear(MskMediaRef *ref)
{
    g_free(ref->path);
    g_free(ref->relative_path);
    g_free(ref->hash);
    *ref = (MskMediaRef){0};
}

MskMediaRef *msk_media_ref_copy(const MskMediaRef *ref)
{
    MskMediaRef *copy = g_new(MskMediaRef, 1);
    *copy = *ref;
    copy->path = g_strdup(ref->path);
    copy->relative_path = g_strdup(ref->relative_path);
    copy->hash = g_strdup(ref->hash);
    return copy;
}

void msk_media_ref_free(MskMediaRef *ref)
{
    if (!ref)
        return;
    msk_media_ref_clear(ref);
    g_free(ref);
}

gboolean msk_media_ref_matches(const MskMediaRef *a, const MskMediaRef *b)
{
    return a->size == b->size && a->hash && b->hash && strcmp(a->hash, b->hash) == 0;
}

// ---- Where it is -------------------------------------------------------------------------------

// The file, its folder, or the nearest folder above that there is.
static gboolean stat_nearest(const char *path, struct stat *out)
{
    g_autofree char *at = g_strdup(path);
    while (stat(at, out) < 0) {
        char *above = g_path_get_dirname(at);
        if (strcmp(above, at) == 0) {
            g_free(above);
            return FALSE;
        }
        g_free(at);
        at = above;
    }
    return TRUE;
}

char *msk_media_ref_dup_relative(const char *path, const char *project)
{
    g_autofree char *full = g_canonicalize_filename(project, NULL);
    g_autofree char *folder = g_path_get_dirname(full);
    struct stat a, b;
    if (!g_path_is_absolute(path) || !stat_nearest(path, &a) || !stat_nearest(folder, &b) ||
        a.st_dev != b.st_dev)
        return NULL;
    g_auto(GStrv) to = g_strsplit(path, "/", -1), from = g_strsplit(folder, "/", -1);
    guint n_to = g_strv_length(to), n_from = g_strv_length(from), n_same = 0;
    if (n_from > 0 && !*from[n_from - 1]) // the folder is "/"
        n_from--;
    while (n_same < n_from && n_same + 1 < n_to && strcmp(to[n_same], from[n_same]) == 0)
        n_same++;
    g_autoptr(GString) relative = g_string_new(NULL);
    for (guint i = n_same; i < n_from; i++)
        g_string_append(relative, "../");
    g_autofree char *rest = g_strjoinv("/", to + n_same);
    g_string_append(relative, rest);
    return g_string_free(g_steal_pointer(&relative), FALSE);
}
