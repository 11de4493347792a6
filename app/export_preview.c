// SPDX-License-Identifier: Apache-2.0
// What an export would make, and whether it may.
#include <glib/gi18n.h>
#include <errno.h>
#include <unistd.h>

#include "app/export_private.h"

char **msk_export_preview(const MskExportOptions *options, MskMedia *media,
                          const MskExportObject *objects, int n_objects, int64_t frame,
                          GError **error)
{
    g_autoptr(MskExport) self = msk_export_make(options, media, objects, n_objects, error);
    if (!self)
        return NULL;
    char **paths = g_new0(char *, self->n_outputs + 1);
    for (int i = 0; i < self->n_outputs; i++) {
        const MskExportOutput *output = &self->outputs[i];
        if (msk_export_kind_is_sequence(self->source.kind)) {
            g_autofree char *file = msk_export_dup_file_name(self, output, frame);
            const char *below = output->folder ? output->folder : file;
            paths[i] =
                g_build_filename(self->options.path, below, output->folder ? file : NULL, NULL);
        } else {
            paths[i] = msk_export_dup_video_path(self, output);
        }
    }
    return paths;
}

static gboolean check_one(const char *path, gboolean is_folder, gboolean overwrite, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    if (access(folder, W_OK | X_OK) == 0)
        return msk_stage_check(path, is_folder, overwrite, error);
    int code = errno;
    g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_IO,
                _("Cannot write into the folder %s: %s; choose another one"), folder,
                g_strerror(code));
    return FALSE;
}

gboolean msk_export_check_destination(const MskExportOptions *options, MskMedia *media,
                                      const MskExportObject *objects, int n_objects, GError **error)
{
    g_autoptr(MskExport) self = msk_export_make(options, media, objects, n_objects, error);
    if (!self)
        return FALSE;
    gboolean overwrite = self->options.overwrite;
    if (msk_export_kind_is_sequence(self->source.kind))
        return check_one(self->options.path, TRUE, overwrite, error);
    for (int i = 0; i < self->n_outputs; i++) {
        g_autofree char *path = msk_export_dup_video_path(self, &self->outputs[i]);
        g_autofree char *csv = g_strconcat(path, ".frames.csv", NULL);
        if (!check_one(path, FALSE, overwrite, error) || !check_one(csv, FALSE, overwrite, error))
            return FALSE;
    }
    return TRUE;
}
