// SPDX-License-Identifier: Apache-2.0
// The pushed form of the export: checks, one output or one for each object, finishing, aborting.
#include "app/export.h"

#include <glib/gi18n.h>
#include <errno.h>
#include <string.h>

#include "app/export_private.h"

G_DEFINE_QUARK(msk_export_error, msk_export_error)

#define DAVIS_ID_MAX 254 // 0 is background, 255 void

static const struct KindInfo {
    const char *name, *description;
    const char *extension; // NULL: a folder of files
    const MskExportWriter *writer;
    gboolean is_cut_out; // has the source's colours
} kinds[MSK_EXPORT_N_KINDS] = {
    [MSK_EXPORT_MATTE_PNG] = {"matte-png", "8-bit grey PNG sequence", NULL, &msk_export_png_writer,
                              FALSE},
    [MSK_EXPORT_MATTE_PNG16] = {"matte-png16", "16-bit grey PNG sequence", NULL,
                                &msk_export_png_writer, FALSE},
    [MSK_EXPORT_RGBA_PNG] = {"rgba-png", "PNG sequence with alpha", NULL, &msk_export_png_writer,
                             TRUE},
    [MSK_EXPORT_DAVIS] = {"davis", "DAVIS data set: indexed PNGs, pixel = object id", NULL,
                          &msk_export_davis_writer, FALSE},
    [MSK_EXPORT_PRORES4444] = {"prores4444", "ProRes 4444 video with alpha (.mov)", ".mov",
                               &msk_export_prores_writer, TRUE},
    [MSK_EXPORT_VP9_ALPHA] = {"vp9-alpha", "VP9 video with alpha for the web (.webm)", ".webm",
                              &msk_export_vp9_writer, TRUE},
    [MSK_EXPORT_FFV1_ALPHA] = {"ffv1-alpha", "FFV1 video with alpha, lossless (.mkv)", ".mkv",
                               &msk_export_ffv1_writer, TRUE},
    [MSK_EXPORT_MATTE_VIDEO] = {"matte-video",
                                "black-and-white matte video (.mp4 H.264, .mov ProRes, .mkv FFV1)",
                                ".mp4", &msk_export_matte_video_writer, FALSE},
};

const char *msk_export_kind_get_name(MskExportKind kind)
{
    return kinds[kind].name;
}

const char *msk_export_kind_get_description(MskExportKind kind)
{
    return kinds[kind].description;
}

gboolean msk_export_kind_from_name(const char *name, MskExportKind *out)
{
    for (int i = 0; i < MSK_EXPORT_N_KINDS; i++) {
        if (g_str_equal(name, kinds[i].name)) {
            *out = (MskExportKind)i;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean msk_export_kind_is_sequence(MskExportKind kind)
{
    return kinds[kind].extension == NULL;
}

const char *msk_export_kind_get_extension(MskExportKind kind)
{
    return kinds[kind].extension;
}

// ---- Checks ------------------------------------------------------------------------------------

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean refuse(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (error)
        *error = g_error_new_valist(MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_ARGUMENT, format, arguments);
    va_end(arguments);
    return FALSE;
}

static gboolean check_extension(const MskExportOptions *options, GError **error)
{
    const char *path = options->path;
    if (options->kind == MSK_EXPORT_MATTE_VIDEO) {
        if (g_str_has_suffix(path, ".mp4") || g_str_has_suffix(path, ".mov") ||
            g_str_has_suffix(path, ".mkv"))
            return TRUE;
        return refuse(error,
                      _("%s: matte video needs a name that ends in .mp4 (H.264), .mov (ProRes) "
                        "or .mkv (FFV1)"),
                      path);
    }
    const char *extension = kinds[options->kind].extension;
    if (!extension || g_str_has_suffix(path, extension))
        return TRUE;
    return refuse(error, _("%s: %s needs a name that ends in %s"), path, kinds[options->kind].name,
                  extension);
}

static gboolean check_objects(const MskExportOptions *options, const MskExportObject *objects,
                              int n_objects, GError **error)
{
    if (n_objects < 1)
        return refuse(error, _("There are no objects to export"));
    g_autoptr(GHashTable) ids = g_hash_table_new(NULL, NULL);
    for (int i = 0; i < n_objects; i++) {
        int id = objects[i].id;
        if (options->kind == MSK_EXPORT_DAVIS && (id < 1 || id > DAVIS_ID_MAX))
            return refuse(error,
                          _("Object %d: DAVIS has room for the ids 1 to %d only; export fewer "
                            "objects or renumber them"),
                          id, DAVIS_ID_MAX);
        if (id < 1)
            return refuse(error, _("Object id %d: ids begin at 1"), id);
        if (!g_hash_table_add(ids, GINT_TO_POINTER(id)))
            return refuse(error, _("Object %d is there twice"), id);
    }
    return TRUE;
}

static gboolean check_options(const MskExportOptions *options, const MskExportObject *objects,
                              int n_objects, GError **error)
{
    if ((unsigned)options->kind >= MSK_EXPORT_N_KINDS)
        return refuse(error, _("Unknown kind of export"));
    if (!options->path || !options->path[0])
        return refuse(error, _("The export needs a destination"));
    if (options->kind == MSK_EXPORT_DAVIS && options->separate)
        return refuse(error, _("DAVIS has all objects in one; matte-png exports them one by one"));
    if (options->first_number < -1)
        return refuse(error, _("The first number must be 0 or more"));
    if (!check_objects(options, objects, n_objects, error) || !check_extension(options, error))
        return FALSE;
    if (options->pattern && kinds[options->kind].extension)
        return refuse(error, _("A pattern is for sequences, not for %s"),
                      kinds[options->kind].name);
    if (options->pattern &&
        !msk_export_pattern_check(options->pattern, options->separate || n_objects == 1, error))
        return FALSE;
    g_autoptr(GError) why = NULL;
    if (!msk_matte_params_check(&options->matte, &why))
        return refuse(error, "%s", why->message);
    for (int i = 0; i < n_objects; i++)
        if (objects[i].matte && !msk_matte_params_check(objects[i].matte, &why))
            return refuse(error, _("Object %d: %s"), objects[i].id, why->message);
    return TRUE;
}

// ---- Opening -----------------------------------------------------------------------------------

char *msk_export_dup_clip_name(MskMedia *media)
{
    MskMediaInfo info;
    msk_media_get_info(media, &info);
    g_autofree char *base = g_path_get_basename(info.path);
    char *dot = strrchr(base, '.');
    if (dot && dot > base && !g_file_test(info.path, G_FILE_TEST_IS_DIR))
        *dot = 0;
    // A pattern such as "frames/%05d.png" has no name of its own.
    if (strchr(base, '%'))
        return g_strdup("clip");
    return msk_export_safe_name(base, "clip");
}

// Names that are safe and differ, whatever the case.
static void name_objects(MskExport *self, const MskExportObject *objects)
{
    g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (int i = 0; i < self->n_objects; i++) {
        g_autofree char *fallback = g_strdup_printf("object-%d", objects[i].id);
        char *name = msk_export_safe_name(objects[i].name, fallback);
        while (!g_hash_table_add(taken, g_utf8_casefold(name, -1))) {
            char *other = g_strdup_printf("%s-%d", name, objects[i].id);
            g_free(name);
            name = other;
        }
        self->objects[i].id = objects[i].id;
        self->objects[i].name = name;
        self->objects[i].has_name = objects[i].name && objects[i].name[0];
        self->objects[i].matte = objects[i].matte ? *objects[i].matte : self->options.matte;
    }
}

// Who is painted last wins.
static int compare_order(gconstpointer a, gconstpointer b, gpointer user)
{
    const MskExport *self = user;
    int left = *(const int *)a, right = *(const int *)b;
    return self->options.first_wins ? right - left
                                    : self->objects[right].id - self->objects[left].id;
}

char *msk_export_dup_video_path(const MskExport *self, const MskExportOutput *output)
{
    return output->object >= 0 && self->options.separate
               ? msk_export_object_path(self->options.path, output->name, output->id)
               : g_strdup(self->options.path);
}

char *msk_export_dup_file_name(const MskExport *self, const MskExportOutput *output, int64_t frame)
{
    int64_t number = self->options.first_number >= 0 ? self->options.first_number + self->n_frames
                     : self->source.kind == MSK_EXPORT_DAVIS ? self->n_frames
                                                             : frame;
    return msk_export_pattern_expand(self->options.pattern, output->name, output->id, self->clip,
                                     number);
}

static gboolean open_video(MskExport *self, MskExportOutput *output, GError **error)
{
    g_autofree char *path = msk_export_dup_video_path(self, output);
    g_autofree char *csv_path = g_strconcat(path, ".frames.csv", NULL);
    gboolean overwrite = self->options.overwrite;
    output->stage = msk_stage_open(path, FALSE, overwrite, error);
    if (!output->stage)
        return FALSE;
    output->csv_stage = msk_stage_open(csv_path, FALSE, overwrite, error);
    if (!output->csv_stage)
        return FALSE;
    output->csv = msk_export_csv_open(msk_stage_get_path(output->csv_stage), csv_path, error);
    if (!output->csv)
        return FALSE;
    output->writer =
        self->writer->open(&self->source, msk_stage_get_path(output->stage), path, error);
    return output->writer != NULL;
}

static gboolean open_sequence(MskExport *self, MskExportOutput *output, GError **error)
{
    if (output->folder) {
        g_autofree char *path =
            g_build_filename(msk_stage_get_path(self->stage), output->folder, NULL);
        if (g_mkdir_with_parents(path, 0777) != 0)
            return msk_export_fail_io(error, msk_stage_get_final(self->stage), errno);
    }
    const char *below = output->folder ? output->folder : ".";
    g_autofree char *csv =
        g_build_filename(msk_stage_get_path(self->stage), below, "frames.csv", NULL);
    g_autofree char *shown =
        g_build_filename(msk_stage_get_final(self->stage), below, "frames.csv", NULL);
    output->csv = msk_export_csv_open(csv, shown, error);
    if (!output->csv)
        return FALSE;
    output->writer = self->writer->open(&self->source, NULL, NULL, error);
    return output->writer != NULL;
}

static void name_outputs(MskExport *self)
{
    self->n_outputs = self->options.separate ? self->n_objects : 1;
    self->outputs = g_new0(MskExportOutput, self->n_outputs);
    for (int i = 0; i < self->n_outputs; i++) {
        MskExportOutput *output = &self->outputs[i];
        gboolean single = self->options.separate || self->n_objects == 1;
        output->object = single ? i : -1;
        output->id = single ? self->objects[i].id : 0;
        gboolean by_object = self->options.separate || (single && self->objects[i].has_name);
        output->name = g_strdup(by_object ? self->objects[i].name : self->clip);
        if (self->options.separate && msk_export_kind_is_sequence(self->source.kind))
            output->folder = g_strdup(output->name);
    }
}

static gboolean open_outputs(MskExport *self, GError **error)
{
    gboolean is_sequence = msk_export_kind_is_sequence(self->source.kind);
    if (is_sequence) {
        self->stage = msk_stage_open(self->options.path, TRUE, self->options.overwrite, error);
        if (!self->stage)
            return FALSE;
    }
    for (int i = 0; i < self->n_outputs; i++)
        if (!(is_sequence ? open_sequence : open_video)(self, &self->outputs[i], error))
            return FALSE;
    return TRUE;
}

static gboolean allocate_pixels(MskExport *self, GError **error)
{
    size_t n = (size_t)self->source.width * (size_t)self->source.height;
    self->alpha = g_try_new(uint16_t, n);
    self->layer = g_try_new(uint16_t, n);
    gboolean done = self->alpha && self->layer;
    if (self->source.kind == MSK_EXPORT_DAVIS)
        done &= (self->labels = g_try_new(uint8_t, n)) != NULL;
    if (self->is_cut_out && self->source.info.has_alpha)
        done &= (self->source_rgba = g_try_new(uint16_t, 4 * n)) != NULL;
    if (!done)
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_UNSUPPORTED,
                    _("Not enough memory for pictures of %d x %d"), self->source.width,
                    self->source.height);
    return done;
}

MskExport *msk_export_make(const MskExportOptions *options, MskMedia *media,
                           const MskExportObject *objects, int n_objects, GError **error)
{
    if (!check_options(options, objects, n_objects, error))
        return NULL;
    MskExport *self = g_new0(MskExport, 1);
    self->options = *options;
    self->writer = kinds[options->kind].writer;
    self->is_cut_out = kinds[options->kind].is_cut_out;
    self->options.path = g_strdup(options->path);
    size_t length = strlen(self->options.path);
    while (length > 1 && self->options.path[length - 1] == '/')
        ((char *)self->options.path)[--length] = 0;
    const char *usual =
        options->kind == MSK_EXPORT_DAVIS ? "{frame:05d}.png" : "{name}.{frame:04d}.png";
    self->options.pattern = g_strdup(options->pattern ? options->pattern : usual);

    MskExportSource *source = &self->source;
    source->media = g_object_ref(media);
    source->kind = options->kind;
    source->premultiplied = options->premultiplied;
    msk_media_get_info(media, &source->info);
    source->width = source->info.width;
    source->height = source->info.height;
    source->sound = options->sound && !msk_export_kind_is_sequence(options->kind);
    self->clip = msk_export_dup_clip_name(media);

    self->n_objects = n_objects;
    self->objects = g_malloc0_n((gsize)n_objects, sizeof(*self->objects));
    name_objects(self, objects);
    self->paint_order = g_new(int, n_objects);
    for (int i = 0; i < n_objects; i++)
        self->paint_order[i] = i;
    g_qsort_with_data(self->paint_order, n_objects, sizeof(int), compare_order, self);
    name_outputs(self);
    return self;
}

MskExport *msk_export_open(const MskExportOptions *options, MskMedia *media,
                           const MskExportObject *objects, int n_objects, GError **error)
{
    MskExport *self = msk_export_make(options, media, objects, n_objects, error);
    if (self && (!allocate_pixels(self, error) || !open_outputs(self, error)))
        g_clear_pointer(&self, msk_export_free);
    return self;
}
