// SPDX-License-Identifier: Apache-2.0
// MskMedia: life, opening, the index and what it says of frames.
#include "app/media_private.h"

#include <glib/gi18n.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <sys/stat.h>

// Decoder threads of a twin at most: each keeps frames in memory.
#define TWIN_THREADS 4
// Pixels that MSK_INDEX_AUTO decodes only to count frames.
#define COUNTING_BUDGET 4294967296.0

G_DEFINE_QUARK(msk - media - error - quark, msk_media_error)
G_DEFINE_FINAL_TYPE(MskMedia, msk_media, G_TYPE_OBJECT)

gboolean msk_media_error_is_input(const GError *error)
{
    if (!error || error->domain != MSK_MEDIA_ERROR)
        return FALSE;
    return error->code != MSK_MEDIA_ERROR_RANGE && error->code != MSK_MEDIA_ERROR_MEMORY;
}

static void msk_media_finalize(GObject *object)
{
    MskMedia *media = MSK_MEDIA(object);

    msk_reader_free(media->reader);
    if (!media->original)
        msk_sequence_free(media->sequence);
    msk_frame_unref(media->first);
    msk_index_free(media->index);
    g_hash_table_unref(media->damaged);
    g_ptr_array_unref(media->warnings);
    g_ptr_array_unref(media->strings);
    g_array_unref(media->audio);
    g_free(media->path);
    g_mutex_clear(&media->build_lock);
    pthread_mutex_destroy(&media->lock);
    g_mutex_clear(&media->facts_lock);
    g_clear_object(&media->original);
    G_OBJECT_CLASS(msk_media_parent_class)->finalize(object);
}

static void msk_media_class_init(MskMediaClass *class)
{
    G_OBJECT_CLASS(class)->finalize = msk_media_finalize;
}

static void msk_media_init(MskMedia *media)
{
    static gint n_made;

    media->serial = (guint64)g_atomic_int_add(&n_made, 1);
    media->position = -1;
    media->orientation = MSK_ORIENTATION_NORMAL;
    media->audio = g_array_new(FALSE, TRUE, sizeof(MskAudioInfo));
    media->strings = g_ptr_array_new_with_free_func(g_free);
    media->warnings = g_ptr_array_new_with_free_func(g_free);
    media->damaged = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_mutex_init(&media->build_lock);
    pthread_mutex_init(&media->lock, NULL);
    g_mutex_init(&media->facts_lock);
}

guint64 msk_media_get_serial(MskMedia *media)
{
    return media->serial;
}

gboolean msk_media_check_size(const char *path, int width, int height, GError **error)
{
    g_autofree char *name = g_filename_display_name(path);

    if (width > 0 && height > 0 && width <= MSK_MEDIA_MAX_SIDE && height <= MSK_MEDIA_MAX_SIDE &&
        (int64_t)width * height <= MSK_MEDIA_MAX_PIXELS)
        return TRUE;
    if (width <= 0 || height <= 0)
        g_set_error(
            error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_FORMAT,
            _("\"%s\" does not tell the size of its picture: it is damaged or not complete; "
              "make a new copy of it"),
            name);
    else
        g_set_error(
            error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_SIZE,
            _("\"%s\" is %d x %d pixels large; up to %d a side and %d million in all can be "
              "opened: scale it down first"),
            name, width, height, MSK_MEDIA_MAX_SIDE, MSK_MEDIA_MAX_PIXELS / 1000000);
    return FALSE;
}

MskIndex *msk_media_get_index(MskMedia *media)
{
    return g_atomic_pointer_get(media->original ? &media->original->index : &media->index);
}

// ---- Opening -----------------------------------------------------------------------------------

// Refuses what would block or cannot be a clip before FFmpeg gets to see it.
static gboolean check_path(const char *path, GError **error)
{
    GStatBuf status;

    if (!path[0]) {
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_NOT_FOUND,
                    _("The name of the file to open is empty; name a clip, a folder of images or a "
                      "pattern such as \"frames/%%05d.png\""));
        return FALSE;
    }
    if (g_stat(path, &status) < 0) {
        msk_log_clear();
        msk_set_av_error(error, path, AVERROR(errno));
        return FALSE;
    }
    if (!S_ISREG(status.st_mode)) {
        g_autofree char *name = g_filename_display_name(path);
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_UNREADABLE,
                    _("\"%s\" is not a regular file; copy its contents to one first"), name);
        return FALSE;
    }
    return TRUE;
}

// Opens the sequence or the reader behind the path.
static gboolean open_source(MskMedia *media, GCancellable *cancellable, GError **error)
{
    GError *problem = NULL;
    gboolean is_image = FALSE;

    media->sequence = msk_sequence_open(media->path, FALSE, media->warnings, &problem);
    if (media->sequence)
        return TRUE;
    if (!problem && check_path(media->path, &problem)) {
        media->reader =
            msk_reader_open(media->path, media->n_threads, &is_image, cancellable, &problem);
        if (is_image)
            media->sequence = msk_sequence_open(media->path, TRUE, media->warnings, &problem);
    }
    if (problem)
        g_propagate_error(error, problem);
    return !problem;
}

static AVFrame *decode_first(MskMedia *media, GCancellable *cancellable, GError **error)
{
    g_autoptr(AVFrame) av = av_frame_alloc();
    GError *problem = NULL;

    if (media->sequence)
        return msk_sequence_decode(media->sequence, 0, media->n_threads, cancellable, error);
    msk_log_clear();
    media->reader->cancellable = cancellable;
    if (msk_reader_decode(media->reader, av, &problem)) {
        media->reader->cancellable = NULL;
        media->position = 0;
        return g_steal_pointer(&av);
    }
    media->reader->cancellable = NULL;
    if (problem) {
        g_propagate_error(error, problem);
        return NULL;
    }
    if (msk_set_size_error(error, media->path))
        return NULL;
    g_autofree char *name = g_filename_display_name(media->path);
    g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_EMPTY,
                _("\"%s\" has no frame that decodes%s%s%s; make a new copy of the file"), name,
                msk_log_last()[0] ? " (" : "", msk_log_last(), msk_log_last()[0] ? ")" : "");
    return NULL;
}

MskMedia *msk_media_open(const char *path, const MskMediaOptions *options,
                         GCancellable *cancellable, GError **error)
{
    const MskRational rate = options ? options->sequence_rate : (MskRational){0, 0};

    g_return_val_if_fail(path != NULL, NULL);
    g_autoptr(MskMedia) media = g_object_new(MSK_TYPE_MEDIA, NULL);
    msk_log_silence();
    media->path = g_strdup(path);
    media->n_threads = options ? MAX(options->n_threads, 0) : 0;
    if (!open_source(media, cancellable, error))
        return NULL;
    g_autoptr(AVFrame) av = decode_first(media, cancellable, error);
    if (!av || !msk_media_check_size(path, av->width, av->height, error))
        return NULL;
    msk_media_collect_info(media, av, rate.num > 0 && rate.den > 0 ? rate : (MskRational){25, 1});
    return g_steal_pointer(&media);
}

MskMedia *msk_media_new_twin(MskMedia *media)
{
    MskMedia *original = media->original ? media->original : media;
    MskMedia *twin = g_object_new(MSK_TYPE_MEDIA, NULL);
    twin->original = g_object_ref(original);
    twin->path = g_strdup(original->path);
    const int n_threads = original->n_threads ? original->n_threads : (int)g_get_num_processors();
    twin->n_threads = MIN(n_threads, TWIN_THREADS);
    twin->serial = original->serial;
    twin->info = original->info;
    twin->orientation = original->orientation;
    twin->sequence = original->sequence;
    twin->first = msk_frame_ref(original->first);
    return twin;
}

// ---- Index -------------------------------------------------------------------------------------

static MskIndex *index_of_sequence(MskMedia *media, MskMediaProgressFunc progress, gpointer user,
                                   GPtrArray *warnings, GCancellable *cancellable, GError **error)
{
    if (!msk_sequence_check(media->sequence, progress, user, warnings, cancellable, error))
        return NULL;
    MskIndex *index = g_new0(MskIndex, 1);
    index->key = MSK_KEY_NONE;
    index->n_frames = media->sequence->names->len;
    index->pts = g_new(int64_t, index->n_frames);
    for (int64_t n = 0; n < index->n_frames; n++)
        index->pts[n] = n;
    index->last_duration = 1;
    index->frame_rate = media->info.frame_rate;
    return index;
}

gboolean msk_media_build_index(MskMedia *media, MskIndexMode mode, MskMediaProgressFunc progress,
                               gpointer user, GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail(MSK_IS_MEDIA(media), FALSE);
    if (media->original)
        media = media->original;
    g_autoptr(GMutexLocker) building = g_mutex_locker_new(&media->build_lock);
    if (msk_media_is_indexed(media))
        return TRUE;

    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    const double budget = mode == MSK_INDEX_DECODE ? INFINITY : COUNTING_BUDGET;
    MskIndex *index = media->sequence
                          ? index_of_sequence(media, progress, user, warnings, cancellable, error)
                          : msk_index_build(media->path, media->n_threads, budget, progress, user,
                                            warnings, cancellable, error);
    if (!index)
        return FALSE;
    g_mutex_lock(&media->facts_lock);
    g_ptr_array_extend_and_steal(media->warnings, g_steal_pointer(&warnings));
    g_mutex_unlock(&media->facts_lock);
    pthread_mutex_lock(&media->lock); // no frame is being decoded without it
    g_atomic_pointer_set(&media->index, index);
    pthread_mutex_unlock(&media->lock);
    return TRUE;
}

gboolean msk_media_is_indexed(MskMedia *media)
{
    return msk_media_get_index(media) != NULL;
}

int64_t msk_media_get_n_frames(MskMedia *media)
{
    const MskIndex *index = msk_media_get_index(media);

    return index ? index->n_frames : -1;
}

int64_t msk_media_get_pts(MskMedia *media, int64_t n)
{
    const MskIndex *index = msk_media_get_index(media);

    return index && n >= 0 && n < index->n_frames ? index->pts[n] : INT64_MIN;
}

int64_t msk_media_get_frame_duration(MskMedia *media, int64_t n)
{
    const MskIndex *index = msk_media_get_index(media);

    if (!index || n < 0 || n >= index->n_frames)
        return 0;
    if (n + 1 < index->n_frames)
        return index->pts[n + 1] - index->pts[n];
    if (index->last_duration > 0)
        return index->last_duration;
    return n > 0 ? index->pts[n] - index->pts[n - 1] : 1;
}

int64_t msk_media_find_frame(MskMedia *media, int64_t pts)
{
    const MskIndex *index = msk_media_get_index(media);

    if (!index)
        return -1;
    int64_t low = 0, high = index->n_frames; // the answer is in [low, high)
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (index->pts[middle] <= pts)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const char *msk_media_get_image_name(MskMedia *media, int64_t n)
{
    if (!media->sequence || n < 0 || n >= media->sequence->names->len)
        return NULL;
    return g_ptr_array_index(media->sequence->names, n);
}

char *msk_media_dup_warning(MskMedia *media)
{
    if (media->original)
        media = media->original;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&media->facts_lock);

    if (media->warnings->len == 0)
        return NULL;
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < media->warnings->len; i++)
        g_string_append_printf(text, "%s%s.", i ? "\n" : "",
                               (char *)g_ptr_array_index(media->warnings, i));
    return g_string_free(text, FALSE);
}
