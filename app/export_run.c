// SPDX-License-Identifier: Apache-2.0
// The export of a range: fetches frames and masks and pushes them.
#include "app/export.h"

#include <glib/gi18n.h>
#include <inttypes.h>

static void drop_masks(MskMask **masks, int n)
{
    for (int i = 0; i < n; i++)
        g_clear_pointer(&masks[i], msk_mask_unref);
}

static gboolean get_masks(const MskExportJob *job, int64_t frame, MskMask **masks, GError **error)
{
    for (int i = 0; i < job->n_objects; i++) {
        GError *why = NULL;
        masks[i] = job->get_mask(job->user, frame, job->objects[i].id, &why);
        if (why) {
            drop_masks(masks, job->n_objects);
            g_propagate_error(error, why);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean push_frames(const MskExportJob *job, MskExport *self, int64_t last, int64_t total,
                            GCancellable *cancellable, GError **error)
{
    g_autofree MskMask **masks = g_new0(MskMask *, job->n_objects);
    for (int64_t n = job->first; last < 0 || n <= last; n++) {
        if (g_cancellable_set_error_if_cancelled(cancellable, error))
            return FALSE;
        GError *why = NULL;
        g_autoptr(MskFrame) frame = msk_media_get_frame(job->media, n, cancellable, &why);
        if (!frame && last < 0 && msk_export_get_n_frames(self) > 0 &&
            g_error_matches(why, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_RANGE)) {
            g_error_free(why); // the number of frames was not known before
            return TRUE;
        }
        if (!frame) {
            g_propagate_error(error, why);
            return FALSE;
        }
        if (!get_masks(job, n, masks, error))
            return FALSE;
        gboolean done = msk_export_write_frame(self, frame, masks, error);
        drop_masks(masks, job->n_objects);
        if (!done)
            return FALSE;
        if (job->progress)
            job->progress(job->user, n - job->first + 1, MAX(total, n - job->first + 1));
    }
    return TRUE;
}

gboolean msk_export_run(const MskExportJob *job, GCancellable *cancellable, char ***paths,
                        GError **error)
{
    if (paths)
        *paths = NULL;
    int64_t n_frames = msk_media_get_n_frames(job->media);
    int64_t last = job->last >= 0 ? job->last : n_frames > 0 ? n_frames - 1 : -1;
    if (job->first < 0 || (last >= 0 && job->first > last) || (n_frames > 0 && last >= n_frames)) {
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_ARGUMENT,
                    _("There are no frames %" PRId64 " to %" PRId64 " in the source"), job->first,
                    last);
        return FALSE;
    }
    int64_t total =
        (last >= 0 ? last : msk_media_estimate_n_frames(job->media) - 1) - job->first + 1;
    g_autoptr(MskExport) self =
        msk_export_open(&job->options, job->media, job->objects, job->n_objects, error);
    if (!self)
        return FALSE;

    GError *why = NULL;
    gboolean done = push_frames(job, self, last, total, cancellable, &why);
    gboolean cancelled = g_error_matches(why, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    if (done || (cancelled && job->keep_on_cancel && msk_export_get_n_frames(self) > 0)) {
        GError *late = NULL;
        if (!msk_export_finish(self, &late)) {
            g_clear_error(&why);
            why = late;
        } else if (paths) {
            *paths = g_strdupv((char **)msk_export_get_paths(self));
        }
    }
    if (why) {
        g_propagate_error(error, why);
        return FALSE;
    }
    return TRUE;
}
