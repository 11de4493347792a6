// SPDX-License-Identifier: Apache-2.0
// MskMedia: exact access to frames, by decoding on, from an entry, or from the start.
#include "app/media_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>

// Decoding this many frames or packets more is cheaper than a seek.
#define SEEK_DISTANCE 16

MskOrientation msk_media_orientation_of(const MskMedia *media, const AVFrame *av)
{
    const AVFrameSideData *side = av_frame_get_side_data(av, AV_FRAME_DATA_DISPLAYMATRIX);

    if (side && side->size >= 9 * sizeof(int32_t))
        return msk_orientation_from_matrix((const int32_t *)side->data, NULL);
    return media->orientation;
}

MskFrame *msk_media_wrap(MskMedia *media, AVFrame *av, int64_t n, int64_t pts)
{
    if (media->reader)
        av->sample_aspect_ratio =
            av_guess_sample_aspect_ratio(media->reader->format, media->reader->stream, av);
    return msk_frame_new(av, n, pts, msk_media_orientation_of(media, av), media->info.width,
                         media->info.height);
}

// Number of the picture just decoded: by its key, or by counting from the start.
static int64_t number_of(MskMedia *media, const MskIndex *index, const AVFrame *av)
{
    return index && index->key != MSK_KEY_NONE ? msk_index_number_of(index, av)
                                               : media->position + 1;
}

static int64_t pts_of(const MskIndex *index, int64_t n, const AVFrame *av)
{
    if (index)
        return index->pts[n];
    return av->pts != AV_NOPTS_VALUE ? av->pts : av->best_effort_timestamp;
}

typedef struct Passing {
    MskMediaFrameFunc func;
    gpointer user;
} Passing;

// Decodes on until frame n. NULL without an error when it does not come.
static MskFrame *decode_until(MskMedia *media, const MskIndex *index, int64_t n,
                              const Passing *passing, GError **error)
{
    g_autoptr(AVFrame) av = av_frame_alloc();
    int n_later = 0;

    // Frames come in order, but for damaged files; there, one may be a few late.
    while (n_later < SEEK_DISTANCE && msk_reader_decode(media->reader, av, error)) {
        int64_t number = number_of(media, index, av);
        if (number < media->valid_from)
            continue;
        if (number <= n) {
            MskFrame *frame = msk_media_wrap(media, av, number, pts_of(index, number, av));
            media->position = number;
            if (number == n)
                return frame;
            if (passing->func)
                passing->func(frame, passing->user);
            msk_frame_unref(frame);
        } else {
            n_later++;
        }
    }
    media->is_lost = TRUE;
    return NULL;
}

static gboolean rewind_reader(MskMedia *media, GError **error)
{
    media->position = -1;
    media->valid_from = 0;
    media->is_lost = TRUE; // until it is done
    if (!msk_reader_rewind(media->reader, error))
        return FALSE;
    media->is_lost = FALSE;
    return TRUE;
}

static gboolean seek_entry(MskMedia *media, const MskIndex *index, int64_t entry)
{
    media->is_lost = TRUE;
    if (!msk_reader_seek(media->reader, index, entry))
        return FALSE;
    media->valid_from = entry ? index->packets[entry].number : 0;
    media->position = media->valid_from - 1;
    media->is_lost = FALSE;
    return TRUE;
}

static gboolean set_range_error(MskMedia *media, int64_t n, int64_t n_frames, GError **error)
{
    g_autofree char *name = g_filename_display_name(media->path);

    g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_RANGE,
                _("\"%s\" has no frame %" PRId64 ": its frames are 0 to %" PRId64), name, n,
                n_frames - 1);
    return FALSE;
}

static void set_damaged_error(MskMedia *media, int64_t n, GError **error)
{
    g_autofree char *name = g_filename_display_name(media->path);

    g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_DAMAGED,
                _("Frame %" PRId64 " of \"%s\" does not decode: the file is damaged or was "
                  "changed; make a new copy of it"),
                n, name);
}

static MskFrame *get_without_index(MskMedia *media, int64_t n, const Passing *passing,
                                   GError **error)
{
    GError *problem = NULL;

    if ((media->is_lost || n <= media->position) && !rewind_reader(media, error))
        return NULL;
    MskFrame *frame = decode_until(media, NULL, n, passing, &problem);
    if (!frame && problem)
        g_propagate_error(error, problem);
    else if (!frame)
        set_range_error(media, n, media->position + 1, error);
    return frame;
}

static MskFrame *get_with_index(MskMedia *media, const MskIndex *index, int64_t n,
                                const Passing *passing, GError **error)
{
    GError *problem = NULL;
    MskFrame *frame = NULL;
    int64_t entry = 0;

    // Decode on, if that is the shorter way; else from the nearest entry; else from the start.
    const gboolean is_ahead = !media->is_lost && n > media->position;
    const gboolean is_near = is_ahead && n - media->position <= SEEK_DISTANCE;
    if (!is_near)
        entry = msk_index_find_entry(index, n);
    if (is_near || (is_ahead && entry <= media->reader->next_ordinal + SEEK_DISTANCE))
        frame = decode_until(media, index, n, passing, &problem);
    if (!frame && is_near)
        entry = msk_index_find_entry(index, n);
    if (!frame && !problem && index->key != MSK_KEY_NONE &&
        index->packets[entry].entry != MSK_ENTRY_NONE && seek_entry(media, index, entry))
        frame = decode_until(media, index, n, passing, &problem);
    // Without a full decode it is not known whether the frame is there: do not search for long.
    if (!frame && !problem && (index->is_decoded || entry == 0) && rewind_reader(media, &problem))
        frame = decode_until(media, index, n, passing, &problem);
    if (frame)
        return frame;
    // What was broken off looks like the end of the file.
    if (problem || g_cancellable_set_error_if_cancelled(media->reader->cancellable, &problem)) {
        g_propagate_error(error, problem);
    } else {
        g_hash_table_add(media->damaged, g_memdup2(&n, sizeof n));
        set_damaged_error(media, n, error);
    }
    return NULL;
}

static MskFrame *get_image(MskMedia *media, int64_t n, GCancellable *cancellable, GError **error)
{
    g_autoptr(AVFrame) av =
        msk_sequence_decode(media->sequence, n, media->n_threads, cancellable, error);

    if (!av)
        return NULL;
    return msk_media_wrap(media, av, n, n);
}

// Opens what a twin reads from, or what a rewinding that was broken off has closed.
static gboolean ensure_reader(MskMedia *media, GCancellable *cancellable, GError **error)
{
    gboolean is_image = FALSE;

    if (media->reader) {
        media->reader->cancellable = cancellable;
        return media->reader->format || rewind_reader(media, error);
    }
    media->reader = msk_reader_open(media->path, media->n_threads, &is_image, cancellable, error);
    if (is_image)
        msk_media_set_replaced_error(error, media->path);
    return media->reader != NULL;
}

MskFrame *msk_media_get_frame_passing(MskMedia *media, int64_t n, MskMediaFrameFunc passing,
                                      gpointer user, GCancellable *cancellable, GError **error)
{
    const Passing pass = {passing, user};
    MskFrame *frame = NULL;

    g_return_val_if_fail(MSK_IS_MEDIA(media), NULL);
    const MskIndex *index = msk_media_get_index(media);
    const int64_t n_frames = media->sequence ? media->sequence->names->len
                             : index         ? index->n_frames
                                             : G_MAXINT64;
    if (n < 0 || n >= n_frames) {
        set_range_error(media, n, index || media->sequence ? n_frames : 1, error);
        return NULL;
    }
    if (g_cancellable_set_error_if_cancelled(cancellable, error))
        return NULL;
    if (n == 0 && media->first)
        return msk_frame_ref(media->first);

    pthread_mutex_lock(&media->lock);
    index = msk_media_get_index(media); // it may have been built while this waited
    if (media->sequence) {
        frame = get_image(media, n, cancellable, error);
    } else if (g_hash_table_contains(media->damaged, &n)) {
        set_damaged_error(media, n, error);
    } else if (ensure_reader(media, cancellable, error)) {
        media->reader->cancellable = cancellable;
        frame = index ? get_with_index(media, index, n, &pass, error)
                      : get_without_index(media, n, &pass, error);
    }
    if (media->reader)
        media->reader->cancellable = NULL;
    pthread_mutex_unlock(&media->lock);
    // While a file is opened, being broken off is told in many ways.
    if (!frame && error && g_cancellable_is_cancelled(cancellable)) {
        g_clear_error(error);
        g_cancellable_set_error_if_cancelled(cancellable, error);
    }
    return frame;
}

MskFrame *msk_media_get_frame(MskMedia *media, int64_t n, GCancellable *cancellable, GError **error)
{
    return msk_media_get_frame_passing(media, n, NULL, NULL, cancellable, error);
}
