// SPDX-License-Identifier: Apache-2.0
// Collecting a document's masks, and the job that exports them.
#include "app/export_document.h"

#include <glib/gi18n.h>
#include <string.h>

#define N_BETWEEN_LOOKS 64 // masks collected between looks at the clock

typedef struct Object {
    MskMasklet *masklet; // until its masks are collected: main thread only
    int id;
    char *name;
    MskMatteParams matte;
    MskMask **masks;     // by frame, from `first`; tracked or prompted, without strokes
    GHashTable *strokes; // frame (int64_t *) -> MskPaint *
} Object;

struct MskExportWork {
    MskExportOptions options; // strings owned
    char *media_path;
    MskRational rate;
    int width, height;
    int64_t media_n_frames;
    Object *objects;
    guint n_objects;
    int64_t first, last;
    // Where collecting is.
    guint at_object;
    int64_t at_frame;
};

void msk_export_object_init(MskExportObject *out, MskDocument *document, MskMasklet *masklet)
{
    const MskObjectInfo *info = msk_masklet_get_info(masklet);
    *out = (MskExportObject){
        .id = msk_document_find_index(document, masklet) + 1,
        .name = info->name,
        .matte = &info->matte,
    };
}

void msk_export_count_gaps(MskMasklet *const *masklets, guint n_masklets, int64_t first,
                           int64_t last, int64_t *n_missing, int64_t *n_stale)
{
    int64_t n_with_mask = 0, n_old = 0;
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
    for (guint i = 0; i < n_masklets; i++) {
        g_array_set_size(runs, 0);
        msk_masklet_get_runs(masklets[i], first, last, runs);
        for (guint k = 0; k < runs->len; k++) {
            const MskRun *run = &g_array_index(runs, MskRun, k);
            int64_t n = run->last - run->first + 1;
            if (run->flags & MSK_FRAME_HAS_MASK)
                n_with_mask += n;
            if (run->flags & MSK_FRAME_STALE)
                n_old += n;
        }
    }
    if (n_missing)
        *n_missing = (int64_t)n_masklets * (last - first + 1) - n_with_mask;
    if (n_stale)
        *n_stale = n_old;
}

// ---- Collecting --------------------------------------------------------------------------------

static void free_strokes(gpointer data)
{
    MskPaint *paint = data;
    msk_mask_unref(paint->add);
    msk_mask_unref(paint->remove);
    g_free(paint);
}

static MskMask *ref_or_null(MskMask *mask)
{
    return mask ? msk_mask_ref(mask) : NULL;
}

MskExportWork *msk_export_work_new(MskDocument *document, MskMedia *media,
                                   MskMasklet *const *masklets, guint n_masklets, int64_t first,
                                   int64_t last, const MskExportOptions *options)
{
    MskExportWork *work = g_new0(MskExportWork, 1);
    work->options = *options;
    work->options.path = g_strdup(options->path);
    work->options.pattern = g_strdup(options->pattern);
    work->options.first_wins = TRUE;
    MskMediaInfo info;
    msk_media_get_info(media, &info);
    work->media_path = g_strdup(info.path);
    work->rate = info.is_sequence ? info.frame_rate : (MskRational){0, 0};
    work->width = info.width;
    work->height = info.height;
    work->media_n_frames = info.n_frames;
    work->first = work->at_frame = first;
    work->last = last;
    work->n_objects = n_masklets;
    work->objects = g_new0(Object, n_masklets);
    for (guint i = 0; i < n_masklets; i++) {
        MskExportObject object;
        msk_export_object_init(&object, document, masklets[i]);
        work->objects[i] = (Object){
            .masklet = g_object_ref(masklets[i]),
            .id = object.id,
            .name = g_strdup(object.name),
            .matte = *object.matte,
            .masks = g_new0(MskMask *, last - first + 1),
            .strokes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_strokes),
        };
    }
    return work;
}

static void collect_frame(Object *object, int64_t frame, int64_t first)
{
    MskFrameState state;
    if (!(msk_masklet_get_frame(object->masklet, frame, &state) & MSK_FRAME_HAS_MASK))
        return;
    if (state.track)
        object->masks[frame - first] = ref_or_null(state.track->result->mask);
    if (state.paint) {
        MskPaint *paint = g_new(MskPaint, 1);
        *paint = (MskPaint){ref_or_null(state.paint->add), ref_or_null(state.paint->remove)};
        g_hash_table_insert(object->strokes, g_memdup2(&frame, sizeof frame), paint);
    }
}

gboolean msk_export_work_collect(MskExportWork *work, int64_t budget)
{
    int64_t end = g_get_monotonic_time() + budget;
    for (int n = 1; work->at_object < work->n_objects; n++) {
        Object *object = &work->objects[work->at_object];
        if (work->at_frame > work->last) {
            g_clear_object(&object->masklet);
            work->at_object++;
            work->at_frame = work->first;
        } else {
            collect_frame(object, work->at_frame++, work->first);
        }
        if (n % N_BETWEEN_LOOKS == 0 && g_get_monotonic_time() >= end)
            break;
    }
    return work->at_object == work->n_objects;
}

double msk_export_work_get_fraction(const MskExportWork *work)
{
    double n_frames = (double)(work->last - work->first + 1);
    double done = work->at_object * n_frames + (double)(work->at_frame - work->first);
    return done / (work->n_objects * n_frames);
}

void msk_export_work_free(gpointer data)
{
    MskExportWork *work = data;
    if (!work)
        return;
    for (guint i = 0; i < work->n_objects; i++) {
        Object *object = &work->objects[i];
        for (int64_t n = 0; n <= work->last - work->first; n++)
            msk_mask_unref(object->masks[n]);
        g_free(object->masks);
        g_hash_table_unref(object->strokes);
        g_free(object->name);
        g_clear_object(&object->masklet);
    }
    g_free(work->objects);
    g_free(work->media_path);
    g_free((char *)work->options.path);
    g_free((char *)work->options.pattern);
    g_free(work);
}

// ---- Running -----------------------------------------------------------------------------------

typedef struct Running {
    MskExportWork *work;
    MskJob *job;
} Running;

static MskMask *get_mask_cb(void *user, int64_t frame, int id, GError **error)
{
    MskExportWork *work = ((Running *)user)->work;
    const Object *object = NULL;
    for (guint i = 0; i < work->n_objects && !object; i++)
        if (work->objects[i].id == id)
            object = &work->objects[i];
    g_assert(object);
    MskMask *mask = object->masks[frame - work->first];
    const MskPaint *paint = g_hash_table_lookup(object->strokes, &frame);
    if (paint)
        return msk_mask_combine(mask, paint->add, paint->remove);
    return ref_or_null(mask);
}

static void progress_cb(void *user, int64_t done, int64_t total)
{
    msk_job_advance(((Running *)user)->job, 1);
}

static MskMedia *open_media(MskExportWork *work, GCancellable *cancellable, GError **error)
{
    MskMediaOptions options = {.sequence_rate = work->rate};
    g_autoptr(MskMedia) media = msk_media_open(work->media_path, &options, cancellable, error);
    if (!media || !msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, cancellable, error))
        return NULL;
    MskMediaInfo info;
    msk_media_get_info(media, &info);
    if (info.width == work->width && info.height == work->height &&
        (work->media_n_frames < 0 || info.n_frames == work->media_n_frames))
        return g_steal_pointer(&media);
    g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_SOURCE,
                _("%s is not the clip any more that it was when it was opened; open it again"),
                work->media_path);
    return NULL;
}

gboolean msk_export_work_run(MskJob *job, char ***paths, GError **error, gpointer data)
{
    MskExportWork *work = data;
    GCancellable *cancellable = msk_job_get_cancellable(job);
    g_autoptr(MskMedia) media = open_media(work, cancellable, error);
    if (!media)
        return FALSE;
    g_autofree MskExportObject *objects = g_new0(MskExportObject, work->n_objects);
    for (guint i = 0; i < work->n_objects; i++) {
        const Object *object = &work->objects[i];
        objects[i] = (MskExportObject){object->id, object->name, &object->matte};
    }
    Running running = {work, job};
    MskExportJob export = {
        .options = work->options,
        .media = media,
        .objects = objects,
        .n_objects = (int)work->n_objects,
        .first = work->first,
        .last = work->last,
        .get_mask = get_mask_cb,
        .progress = progress_cb,
        .user = &running,
    };
    msk_job_start(job, work->last - work->first + 1);
    return msk_export_run(&export, cancellable, paths, error);
}
