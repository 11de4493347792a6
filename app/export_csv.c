// SPDX-License-Identifier: Apache-2.0
// frames.csv: which source frame each exported frame is, with its own time.
#include <glib/gi18n.h>
#include <inttypes.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/export_private.h"

#define OLD_CSV_SIZE_MAX (64 << 20)

struct MskExportCsv {
    FILE *file;
    char *shown;
};

gboolean msk_export_fail_io(GError **error, const char *path, int error_number)
{
    g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_IO, _("Cannot write %s: %s"), path,
                g_strerror(error_number));
    return FALSE;
}

MskExportCsv *msk_export_csv_open(const char *path, const char *shown, GError **error)
{
    FILE *file = fopen(path, "we");
    if (!file) {
        msk_export_fail_io(error, shown, errno);
        return NULL;
    }
    MskExportCsv *csv = g_new0(MskExportCsv, 1);
    csv->file = file;
    csv->shown = g_strdup(shown);
    fputs("index,pts,time_base,timecode,file\n", file); // errors show in msk_export_csv_finish()
    return csv;
}

static void put_field(FILE *file, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (const char *at = text; *at; at++) {
        if (*at == '"')
            fputc('"', file);
        fputc(*at, file);
    }
    fputc('"', file);
}

gboolean msk_export_csv_add(MskExportCsv *csv, const MskExportSource *source, const MskFrame *frame,
                            const char *file, GError **error)
{
    int64_t number = msk_frame_get_number(frame);
    g_autofree char *timecode = msk_media_dup_timecode(source->media, number);
    errno = 0;
    fprintf(csv->file, "%" PRId64 ",%" PRId64 ",%d/%d,%s,", number, msk_frame_get_pts(frame),
            source->info.time_base.num, source->info.time_base.den, timecode ? timecode : "");
    put_field(csv->file, file);
    fputc('\n', csv->file);
    return ferror(csv->file) ? msk_export_fail_io(error, csv->shown, errno ? errno : EIO) : TRUE;
}

gboolean msk_export_csv_finish(MskExportCsv *csv, GError **error)
{
    errno = 0;
    gboolean wrong = ferror(csv->file) || fflush(csv->file) != 0;
    int code = errno ? errno : EIO;
    wrong |= fclose(csv->file) != 0;
    csv->file = NULL;
    return wrong ? msk_export_fail_io(error, csv->shown, code) : TRUE;
}

void msk_export_csv_free(MskExportCsv *csv)
{
    if (!csv)
        return;
    if (csv->file)
        fclose(csv->file);
    g_free(csv->shown);
    g_free(csv);
}

// The last field of a row that this file wrote.
static char *parse_last_field(const char *row, const char *end)
{
    for (int i = 0; i < 4; i++) {
        const char *comma = memchr(row, ',', (size_t)(end - row));
        if (!comma)
            return NULL;
        row = comma + 1;
    }
    if (end > row && end[-1] == '\r')
        end--;
    if (end - row >= 2 && row[0] == '"' && end[-1] == '"') {
        GString *text = g_string_new_len(row + 1, end - row - 2);
        g_string_replace(text, "\"\"", "\"", 0);
        return g_string_free(text, FALSE);
    }
    return g_strndup(row, (gsize)(end - row));
}

GHashTable *msk_export_csv_read_files(const char *path)
{
    GHashTable *files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GMappedFile) map = g_mapped_file_new(path, FALSE, NULL);
    gsize size = map ? g_mapped_file_get_length(map) : 0;
    if (size == 0 || size > OLD_CSV_SIZE_MAX)
        return files;
    const char *at = g_mapped_file_get_contents(map), *end = at + size;
    static const char header[] = "index,pts,time_base,timecode,file\n";
    if (size < strlen(header) || memcmp(at, header, strlen(header)) != 0)
        return files; // somebody else's
    for (at += strlen(header); at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            break;
        g_autofree char *file = parse_last_field(at, stop);
        if (file && file[0] && !strchr(file, '/') && strcmp(file, ".") && strcmp(file, ".."))
            g_hash_table_add(files, g_steal_pointer(&file));
        at = stop + 1;
    }
    return files;
}
