// SPDX-License-Identifier: Apache-2.0
// The pushed form of the export, second half: writing frames, finishing, aborting.
#include <glib/gi18n.h>
#include <inttypes.h>
#include <libavutil/mathematics.h>
#include <string.h>

#include "app/export_private.h"

#define HALF 32768 // from here on a pixel belongs to the object

static gboolean check_frame(MskExport *self, const MskFrame *frame, MskMask *const *masks,
                            GError **error)
{
    int64_t number = msk_frame_get_number(frame);
    if (self->failed || self->finished) {
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_ARGUMENT,
                    _("Frame %" PRId64 ": the export has ended"), number);
        return FALSE;
    }
    if (self->n_frames > 0 &&
        (number <= self->last_number || msk_frame_get_pts(frame) <= self->last_pts)) {
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_ARGUMENT,
                    _("Frame %" PRId64 " does not come after frame %" PRId64), number,
                    self->last_number);
        return FALSE;
    }
    int width = self->source.width, height = self->source.height;
    for (int i = 0; i < self->n_objects; i++) {
        if (!masks[i] ||
            (msk_mask_get_width(masks[i]) == width && msk_mask_get_height(masks[i]) == height))
            continue;
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_ARGUMENT,
                    _("Frame %" PRId64 ", object %d: the mask is %d x %d, the frame %d x %d"),
                    number, self->objects[i].id, msk_mask_get_width(masks[i]),
                    msk_mask_get_height(masks[i]), width, height);
        return FALSE;
    }
    return TRUE;
}

static int64_t get_duration(const MskExport *self, const MskFrame *frame)
{
    const MskMediaInfo *info = &self->source.info;
    int64_t duration = 0;
    if (msk_media_is_indexed(self->source.media))
        duration = msk_media_get_frame_duration(self->source.media, msk_frame_get_number(frame));
    if (duration <= 0 && info->frame_rate.num > 0 && info->frame_rate.den > 0)
        duration = av_rescale_q(1, (AVRational){info->frame_rate.den, info->frame_rate.num},
                                (AVRational){info->time_base.num, info->time_base.den});
    return MAX(duration, 1);
}

static void render(MskExport *self, const MskMask *mask, int object, uint16_t *alpha)
{
    msk_matte_render(mask, self->source.width, self->source.height, &self->objects[object].matte,
                     alpha);
}

static void paint_labels(MskExport *self, MskMask *const *masks)
{
    size_t n = (size_t)self->source.width * (size_t)self->source.height;
    memset(self->labels, 0, n);
    for (int k = 0; k < self->n_objects; k++) {
        int object = self->paint_order[k];
        if (!masks[object])
            continue;
        render(self, masks[object], object, self->layer);
        for (size_t i = 0; i < n; i++) {
            if (self->layer[i] >= HALF)
                self->labels[i] = (uint8_t)self->objects[object].id;
        }
    }
}

static void paint_alpha(MskExport *self, MskMask *const *masks, int object)
{
    size_t n = (size_t)self->source.width * (size_t)self->source.height;
    if (object >= 0) {
        render(self, masks[object], object, self->alpha);
    } else {
        memset(self->alpha, 0, n * sizeof(*self->alpha));
        for (int k = 0; k < self->n_objects; k++) {
            if (!masks[k])
                continue;
            render(self, masks[k], k, self->layer);
            for (size_t i = 0; i < n; i++)
                self->alpha[i] = MAX(self->alpha[i], self->layer[i]);
        }
    }
    if (!self->source_rgba)
        return;
    for (size_t i = 0; i < n; i++)
        self->alpha[i] =
            (uint16_t)((self->alpha[i] * (uint64_t)self->source_rgba[4 * i + 3] + 32767) / 65535);
}

static gboolean write_output(MskExport *self, MskExportOutput *output, MskExportPicture *picture,
                             GError **error)
{
    g_autofree char *file = NULL, *path = NULL, *shown = NULL;
    if (self->stage) {
        const char *below = output->folder ? output->folder : ".";
        file = msk_export_dup_file_name(self, output, msk_frame_get_number(picture->frame));
        path = g_build_filename(msk_stage_get_path(self->stage), below, file, NULL);
        shown = g_build_filename(msk_stage_get_final(self->stage), below, file, NULL);
        picture->path = path;
        picture->shown = shown;
    } else {
        file = g_path_get_basename(msk_stage_get_final(output->stage));
    }
    return self->writer->write(output->writer, picture, error) &&
           msk_export_csv_add(output->csv, &self->source, picture->frame, file, error);
}

gboolean msk_export_write_frame(MskExport *self, MskFrame *frame, MskMask *const *masks,
                                GError **error)
{
    if (!check_frame(self, frame, masks, error))
        return FALSE;
    int64_t pts = msk_frame_get_pts(frame);
    if (self->n_frames == 0)
        self->first_pts = pts;
    MskExportPicture picture = {
        .frame = frame,
        .alpha = self->alpha,
        .labels = self->labels,
        .pts = pts - self->first_pts,
        .duration = get_duration(self, frame),
    };
    if (self->source_rgba &&
        !msk_frame_get_rgba16(frame, self->source_rgba,
                              (size_t)self->source.width * 4 * sizeof(uint16_t), error)) {
        self->failed = TRUE;
        return FALSE;
    }
    if (self->labels)
        paint_labels(self, masks);
    for (int i = 0; i < self->n_outputs; i++) {
        if (!self->labels)
            paint_alpha(self, masks, self->outputs[i].object);
        if (!write_output(self, &self->outputs[i], &picture, error)) {
            self->failed = TRUE;
            return FALSE;
        }
    }
    self->last_number = msk_frame_get_number(frame);
    self->last_pts = pts;
    self->n_frames++;
    return TRUE;
}

int64_t msk_export_get_n_frames(const MskExport *self)
{
    return self->n_frames;
}

// ---- Ending ------------------------------------------------------------------------------------

static gboolean complete_files(MskExport *self, GError **error)
{
    for (int i = 0; i < self->n_outputs; i++) {
        MskExportOutput *output = &self->outputs[i];
        if (!self->writer->finish(output->writer, error) ||
            !msk_export_csv_finish(output->csv, error))
            return FALSE;
        g_clear_pointer(&output->writer, self->writer->free);
    }
    return TRUE;
}

static gboolean commit_all(MskExport *self, GError **error)
{
    if (self->stage)
        return msk_stage_commit(self->stage, error);
    for (int i = 0; i < self->n_outputs; i++) {
        MskExportOutput *output = &self->outputs[i];
        if (msk_stage_commit(output->stage, error) && msk_stage_commit(output->csv_stage, error))
            continue;
        for (int k = 0; k <= i; k++) {
            msk_stage_revoke(self->outputs[k].stage);
            msk_stage_revoke(self->outputs[k].csv_stage);
        }
        return FALSE;
    }
    return TRUE;
}

static void note_paths(MskExport *self)
{
    self->paths = g_new0(char *, self->n_outputs + 1);
    for (int i = 0; i < self->n_outputs; i++) {
        MskExportOutput *output = &self->outputs[i];
        const char *final = msk_stage_get_final(self->stage ? self->stage : output->stage);
        self->paths[i] =
            output->folder ? g_build_filename(final, output->folder, NULL) : g_strdup(final);
    }
}

// Deletes what is not committed.
static void drop_outputs(MskExport *self)
{
    for (int i = 0; i < self->n_outputs; i++) {
        MskExportOutput *output = &self->outputs[i];
        if (output->writer)
            g_clear_pointer(&output->writer, self->writer->free);
        g_clear_pointer(&output->csv, msk_export_csv_free);
        g_clear_pointer(&output->stage, msk_stage_free);
        g_clear_pointer(&output->csv_stage, msk_stage_free);
        g_clear_pointer(&output->name, g_free);
        g_clear_pointer(&output->folder, g_free);
    }
    g_clear_pointer(&self->stage, msk_stage_free);
    g_clear_pointer(&self->outputs, g_free);
    self->n_outputs = 0;
}

gboolean msk_export_finish(MskExport *self, GError **error)
{
    if (self->failed || self->finished || self->n_frames == 0) {
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_ARGUMENT, "%s: %s",
                    self->options.path,
                    self->n_frames == 0 ? _("no frame was exported") : _("the export has ended"));
        msk_export_abort(self);
        return FALSE;
    }
    if (!complete_files(self, error) || !commit_all(self, error)) {
        msk_export_abort(self);
        return FALSE;
    }
    note_paths(self);
    self->finished = TRUE;
    drop_outputs(self);
    return TRUE;
}

const char *const *msk_export_get_paths(const MskExport *self)
{
    return (const char *const *)self->paths;
}

void msk_export_abort(MskExport *self)
{
    if (self->finished)
        return;
    self->failed = TRUE;
    drop_outputs(self);
}

void msk_export_free(MskExport *self)
{
    if (!self)
        return;
    msk_export_abort(self);
    for (int i = 0; i < self->n_objects; i++)
        g_free(self->objects[i].name);
    g_free(self->objects);
    g_free(self->paint_order);
    g_free((char *)self->options.path);
    g_free((char *)self->options.pattern);
    g_free(self->clip);
    g_free(self->alpha);
    g_free(self->layer);
    g_free(self->source_rgba);
    g_free(self->labels);
    g_strfreev(self->paths);
    g_clear_object(&self->source.media);
    g_free(self);
}
