// SPDX-License-Identifier: Apache-2.0
// FFmpeg's messages: kept off the terminal, the last error of each thread remembered.
#include "app/media_private.h"

#include <glib/gi18n.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_message[256];
static _Thread_local unsigned refused_width, refused_height;

static void log_cb(void *object, int level, const char *format, va_list args)
{
    char line[sizeof last_message];

    if (level > AV_LOG_ERROR)
        return;
    vsnprintf(line, sizeof line, format, args);
    g_strchomp(line);
    if (!line[0])
        return;
    sscanf(line, "Picture size %ux%u", &refused_width, &refused_height);
    char *valid = g_utf8_make_valid(line, -1);
    g_strlcpy(last_message, valid, sizeof last_message);
    g_free(valid);
}

void msk_log_silence(void)
{
    static gsize is_done;

    if (g_once_init_enter(&is_done)) {
        av_log_set_callback(log_cb);
        g_once_init_leave(&is_done, 1);
    }
}

void msk_log_clear(void)
{
    last_message[0] = 0;
    refused_width = refused_height = 0;
}

const char *msk_log_last(void)
{
    return last_message;
}

gboolean msk_set_size_error(GError **error, const char *path)
{
    const int width = (int)MIN(refused_width, INT_MAX), height = (int)MIN(refused_height, INT_MAX);

    return width > 0 && height > 0 && !msk_media_check_size(path, width, height, error);
}

// Whether the file starts like an MP4 or MOV: FFmpeg also tries by the name alone.
static gboolean starts_with_atom(const char *path)
{
    static const char *const atoms[] = {"ftyp", "moov", "mdat", "free", "skip", "wide", "pnot"};
    char bytes[8] = "";
    FILE *file = g_fopen(path, "rb");
    gboolean is_atom = FALSE;

    if (!file)
        return FALSE;
    if (fread(bytes, 1, sizeof bytes, file) == sizeof bytes)
        for (size_t i = 0; i < G_N_ELEMENTS(atoms); i++)
            is_atom |= memcmp(bytes + 4, atoms[i], 4) == 0;
    fclose(file);
    return is_atom;
}

void msk_set_av_error(GError **error, const char *path, int code)
{
    g_autofree char *name = g_filename_display_name(path);
    const char *reason = last_message;
    char text[AV_ERROR_MAX_STRING_SIZE] = "";

    av_strerror(code, text, sizeof text);
    if (code == AVERROR_EXIT) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _("Opening \"%s\" was cancelled"),
                    name);
    } else if (code == AVERROR(ENOENT)) {
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_NOT_FOUND,
                    _("There is no file \"%s\"; check the name"), name);
    } else if (code == AVERROR(EACCES) || code == AVERROR(EPERM)) {
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_UNREADABLE,
                    _("\"%s\" may not be read; check its permissions"), name);
    } else if (code == AVERROR(ENOMEM)) { // mostly a size in a damaged header
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_FORMAT,
                    _("\"%s\" asks for more memory than there is: it is damaged, or other programs "
                      "must be closed first"),
                    name);
    } else if (strstr(reason, "moov atom not found") && starts_with_atom(path)) {
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_FORMAT,
                    _("\"%s\" has no table of contents (moov): it was cut off while it was written "
                      "or copied; copy it again or recover it with a repair tool"),
                    name);
    } else if (code == AVERROR_INVALIDDATA || code == AVERROR_EOF ||
               code == AVERROR_DEMUXER_NOT_FOUND || code == AVERROR_PROTOCOL_NOT_FOUND) {
        g_set_error(
            error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_FORMAT,
            _("\"%s\" is not a video or image, or it is damaged%s%s%s; open another file or "
              "make a new copy of it"),
            name, reason[0] ? " (" : "", reason, reason[0] ? ")" : "");
    } else {
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_UNREADABLE,
                    _("\"%s\" cannot be read: %s; check the disk, or make a new copy of the file"),
                    name, text);
    }
}
