// SPDX-License-Identifier: Apache-2.0
// MskIndex: every frame's number, PTS and packet, by reading the packets and, where they do not
// tell what is presented, by decoding.
#include "app/media_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#define N_CHECKED_FIRST 32

void msk_index_free(MskIndex *index)
{
    if (!index)
        return;
    g_free(index->pts);
    g_free(index->frame_packet);
    g_free(index->packets);
    g_free(index->sorted);
    g_free(index);
}

// ---- Look-up -----------------------------------------------------------------------------------

static int64_t key_of(MskIndexKey key, const MskPacketInfo *packet)
{
    return key == MSK_KEY_PTS ? packet->pts : key == MSK_KEY_POS ? packet->pos : packet->dts;
}

static int64_t find_key(const MskIndex *index, int64_t value)
{
    int64_t low = 0, high = index->n_packets;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (key_of(index->key, &index->packets[index->sorted[middle]]) < value)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == index->n_packets)
        return -1;
    int64_t ordinal = index->sorted[low];
    return key_of(index->key, &index->packets[ordinal]) == value ? ordinal : -1;
}

int64_t msk_index_find_packet(const MskIndex *index, const AVPacket *packet)
{
    if (index->key == MSK_KEY_NONE)
        return -1;
    const MskPacketInfo info = {.pts = packet->pts, .dts = packet->dts, .pos = packet->pos};
    int64_t ordinal = find_key(index, key_of(index->key, &info));
    return ordinal >= 0 && index->packets[ordinal].size == packet->size ? ordinal : -1;
}

int64_t msk_index_number_of(const MskIndex *index, const AVFrame *av)
{
    int64_t ordinal = index->key == MSK_KEY_PTS ? find_key(index, av->pts) : av->reordered_opaque;

    return ordinal >= 0 && ordinal < index->n_packets ? index->packets[ordinal].number : -1;
}

int64_t msk_index_find_entry(const MskIndex *index, int64_t n)
{
    if (index->key == MSK_KEY_NONE)
        return 0;
    for (int64_t i = index->frame_packet[n]; i > 0; i--) {
        const MskPacketInfo *packet = &index->packets[i];
        if (packet->entry != MSK_ENTRY_NONE && packet->number >= 0 && packet->number <= n)
            return i;
    }
    return 0;
}

// ---- Reading the packets -----------------------------------------------------------------------

typedef struct Builder {
    MskReader *reader;
    GArray *packets; // MskPacketInfo
    int64_t n_corrupt, n_discarded, n_empty, n_damaged;
    int64_t last_pts, last_duration;
    GArray *frame_pts, *frame_stamp, *frame_ordinal; // int64_t, in the order of presentation
    gboolean size_changes;
    MskMediaProgressFunc progress;
    gpointer user;
    GCancellable *cancellable;
} Builder;

static void report(const Builder *builder, double fraction, int64_t n_frames)
{
    if (builder->progress)
        builder->progress(CLAMP(fraction, 0, 1), n_frames, builder->user);
}

// Stamps beyond any clip are damage; the bound keeps differences from overflowing.
static int64_t sane_stamp(int64_t pts)
{
    return pts > -(1ll << 60) && pts < 1ll << 60 ? pts : AV_NOPTS_VALUE;
}

static gboolean scan(Builder *builder, GError **error)
{
    MskReader *reader = builder->reader;
    AVIOContext *io = reader->format->pb;
    const int64_t file_size = io ? avio_size(io) : 0;

    msk_log_clear();
    while (msk_reader_read(reader)) {
        const AVPacket *packet = reader->packet;
        MskPacketInfo info = {
            .pts = sane_stamp(packet->pts),
            .dts = packet->dts,
            .pos = packet->pos,
            .number = -1,
            .size = packet->size,
            .entry = (uint8_t)msk_entry_of_packet(reader->stream->codecpar, packet),
            .discard = !!(packet->flags & AV_PKT_FLAG_DISCARD),
        };
        builder->n_corrupt += !!(packet->flags & AV_PKT_FLAG_CORRUPT);
        builder->n_discarded += info.discard;
        builder->n_empty += !packet->size;
        if (info.pts != AV_NOPTS_VALUE &&
            (!builder->packets->len || info.pts > builder->last_pts)) {
            builder->last_pts = info.pts;
            builder->last_duration = packet->duration;
        }
        g_array_append_val(builder->packets, info);
        if (builder->packets->len % 64 == 0) {
            if (g_cancellable_set_error_if_cancelled(builder->cancellable, error))
                return FALSE;
            if (file_size > 0)
                report(builder, 0.1 * avio_tell(io) / file_size, builder->packets->len);
        }
    }
    return !g_cancellable_set_error_if_cancelled(builder->cancellable, error);
}

// ---- Keys --------------------------------------------------------------------------------------

typedef struct SortContext {
    const MskPacketInfo *packets;
    MskIndexKey key;
} SortContext;

static gint compare_keys_cb(gconstpointer a, gconstpointer b, gpointer user)
{
    const SortContext *context = user;
    int64_t left = key_of(context->key, &context->packets[*(const int64_t *)a]);
    int64_t right = key_of(context->key, &context->packets[*(const int64_t *)b]);

    return (left > right) - (left < right);
}

// Sorts the packets by the key; FALSE when it is not unique. One packet may be without it.
static gboolean sort_by(MskIndex *index, MskIndexKey key)
{
    const SortContext context = {index->packets, key};

    index->key = key;
    for (int64_t i = 0; i < index->n_packets; i++)
        index->sorted[i] = i;
    g_qsort_with_data(index->sorted, (gint)index->n_packets, sizeof(int64_t), compare_keys_cb,
                      (gpointer)&context);
    for (int64_t i = 1; i < index->n_packets; i++)
        if (key_of(key, &index->packets[index->sorted[i - 1]]) ==
            key_of(key, &index->packets[index->sorted[i]]))
            return FALSE;
    return TRUE;
}

// Gives the decoded pictures' numbers to their packets; FALSE when the key does not tell them.
static gboolean number_packets(MskIndex *index, const Builder *builder, MskIndexKey key)
{
    if (!sort_by(index, key))
        return FALSE;
    for (int64_t i = 0; i < index->n_packets; i++)
        index->packets[i].number = -1;
    for (int64_t n = 0; n < index->n_frames; n++) {
        int64_t ordinal = key == MSK_KEY_PTS
                              ? find_key(index, g_array_index(builder->frame_stamp, int64_t, n))
                              : g_array_index(builder->frame_ordinal, int64_t, n);
        if (ordinal < 0 || ordinal >= index->n_packets || index->packets[ordinal].number >= 0)
            return FALSE;
        index->packets[ordinal].number = n;
        index->frame_packet[n] = ordinal;
    }
    return TRUE;
}

// ---- Time stamps -------------------------------------------------------------------------------

// Fills in missing time stamps at the pace of their neighbours, or of the container.
static void complete_pts(MskIndex *index, const MskReader *reader, GPtrArray *warnings)
{
    AVRational rate = reader->stream->avg_frame_rate;
    int64_t n_missing = 0, first_known = 0;

    for (int64_t n = 0; n < index->n_frames; n++)
        n_missing += index->pts[n] == AV_NOPTS_VALUE;
    if (!n_missing)
        return;
    if (rate.num <= 0 || rate.den <= 0)
        rate = (AVRational){25, 1};
    const int64_t step = MAX(av_rescale_q(1, av_inv_q(rate), reader->stream->time_base), 1);
    if (n_missing == index->n_frames)
        index->pts[0] = 0;
    while (index->pts[first_known] == AV_NOPTS_VALUE)
        first_known++;
    for (int64_t n = first_known - 1; n >= 0; n--)
        index->pts[n] = index->pts[n + 1] - step;
    for (int64_t n = first_known + 1; n < index->n_frames; n++)
        if (index->pts[n] == AV_NOPTS_VALUE)
            index->pts[n] = index->pts[n - 1] + step;
    if (n_missing > 1) // the last frame of a stream often has none
        g_ptr_array_add(warnings,
                        g_strdup_printf(_("%" PRId64 " frames have no time stamp; they are "
                                          "placed at %d/%d frames per second"),
                                        n_missing, rate.num, rate.den));
}

// Makes time stamps ascend, and says what was done.
static void repair_pts(MskIndex *index, const MskReader *reader, GPtrArray *warnings)
{
    const AVRational tb = reader->stream->time_base;
    int64_t first_wrong = -1, shift = 0;

    complete_pts(index, reader, warnings);
    for (int64_t n = 1; n < index->n_frames; n++) {
        int64_t pts = index->pts[n] + shift, before = index->pts[n - 1];
        if (pts <= before) {
            // A jump back by more than a second starts another recording: it goes on from here.
            if (av_rescale_q(before - pts, tb, (AVRational){1, 1000}) > 1000) {
                shift += before - pts + (n > 1 ? before - index->pts[n - 2] : 1);
                pts = index->pts[n] + shift;
            } else {
                pts = before + 1;
            }
            if (first_wrong < 0)
                first_wrong = n;
        }
        index->pts[n] = pts;
    }
    if (first_wrong >= 0)
        g_ptr_array_add(warnings, g_strdup_printf(_("Time stamps do not ascend at frame %" PRId64
                                                    "; they were moved forward"),
                                                  first_wrong));
}

// ---- The two ways to count ---------------------------------------------------------------------

static MskIndex *new_index(Builder *builder, int64_t n_frames)
{
    MskIndex *index = g_new0(MskIndex, 1);

    index->n_packets = builder->packets->len;
    index->packets = g_memdup2(builder->packets->data, sizeof(MskPacketInfo) * index->n_packets);
    index->sorted = g_new(int64_t, index->n_packets);
    index->n_frames = n_frames;
    index->frame_packet = g_new(int64_t, n_frames);
    index->pts = g_new(int64_t, n_frames);
    return index;
}

// Whether the packets promise to be the frames, one by one. NULL when they do not.
static MskIndex *index_of_packets(Builder *builder)
{
    const AVCodecParameters *parameters = builder->reader->stream->codecpar;
    const AVCodecDescriptor *desc = avcodec_descriptor_get(parameters->codec_id);
    const gboolean intra = desc && desc->props & AV_CODEC_PROP_INTRA_ONLY;
    const gboolean known =
        intra || parameters->codec_id == AV_CODEC_ID_FFV1 ||
        ((parameters->codec_id == AV_CODEC_ID_H264 || parameters->codec_id == AV_CODEC_ID_HEVC) &&
         parameters->field_order == AV_FIELD_PROGRESSIVE);

    if (!known || builder->n_corrupt || builder->n_discarded || builder->n_empty ||
        builder->reader->read_error)
        return NULL;
    g_autoptr(MskIndex) index = new_index(builder, builder->packets->len);
    if (!sort_by(index, MSK_KEY_PTS) || index->sorted[0] != 0 ||
        index->packets[0].pts == AV_NOPTS_VALUE || index->packets[0].entry != MSK_ENTRY_CLEAN)
        return NULL;
    for (int64_t n = 0; n < index->n_frames; n++) {
        index->frame_packet[n] = index->sorted[n];
        index->packets[index->sorted[n]].number = n;
        index->pts[n] = index->packets[index->sorted[n]].pts;
    }
    index->last_duration = builder->last_duration;
    return g_steal_pointer(&index);
}

// Decodes and expects the frames from `n` on, `n_expected` of them; at the end, no more.
static gboolean expect_frames(Builder *builder, const MskIndex *index, int64_t n,
                              int64_t n_expected, GError **error)
{
    g_autoptr(AVFrame) av = av_frame_alloc();
    const int64_t first = n, end = n + n_expected;

    while (n < end || end == index->n_frames) {
        if (!msk_reader_decode(builder->reader, av, error))
            return n == end;
        int64_t number = msk_index_number_of(index, av);
        if (number != n && number >= first) // less: shown before the entry
            return FALSE;
        n += number == n;
    }
    return TRUE;
}

// Whether the decoder agrees at both ends, where counts go wrong. FALSE with or without an error.
static gboolean ends_agree(Builder *builder, const MskIndex *index, GError **error)
{
    const int64_t n_first = MIN(index->n_frames, N_CHECKED_FIRST);
    const int64_t entry = msk_index_find_entry(index, index->n_frames - 1);
    const int64_t n = index->packets[entry].number;

    if (!msk_reader_rewind(builder->reader, error) ||
        !expect_frames(builder, index, 0, n_first, error))
        return FALSE;
    return n_first == index->n_frames ||
           (msk_reader_seek(builder->reader, index, entry) &&
            expect_frames(builder, index, n, index->n_frames - n, error));
}

static gboolean decode_all(Builder *builder, GError **error)
{
    MskReader *reader = builder->reader;
    g_autoptr(AVFrame) av = av_frame_alloc();
    GError *problem = NULL;

    if (!msk_reader_rewind(reader, error))
        return FALSE;
    reader->n_errors = 0;
    reader->codec->skip_loop_filter = AVDISCARD_ALL; // nobody looks at these pictures
    while (msk_reader_decode(reader, av, &problem)) {
        int64_t stamp = sane_stamp(av->pts), ordinal = av->reordered_opaque;
        int64_t pts = stamp != AV_NOPTS_VALUE ? stamp : sane_stamp(av->best_effort_timestamp);
        g_array_append_val(builder->frame_pts, pts);
        g_array_append_val(builder->frame_stamp, stamp);
        g_array_append_val(builder->frame_ordinal, ordinal);
        builder->n_damaged += av->decode_error_flags || av->flags & AV_FRAME_FLAG_CORRUPT;
        builder->last_duration = av->pkt_duration;
        builder->size_changes |= av->width != reader->stream->codecpar->width ||
                                 av->height != reader->stream->codecpar->height;
        report(builder, 0.1 + 0.9 * (double)reader->next_ordinal / builder->packets->len,
               builder->frame_pts->len);
    }
    if (problem)
        g_propagate_error(error, problem);
    return !problem;
}

static MskIndex *index_of_frames(Builder *builder, GPtrArray *warnings)
{
    g_autoptr(MskIndex) index = new_index(builder, builder->frame_pts->len);

    memcpy(index->pts, builder->frame_pts->data, sizeof(int64_t) * index->n_frames);
    index->is_decoded = TRUE;
    index->last_duration = builder->last_duration;
    if (!number_packets(index, builder, MSK_KEY_PTS) &&
        !number_packets(index, builder, MSK_KEY_POS) &&
        !number_packets(index, builder, MSK_KEY_DTS)) {
        index->key = MSK_KEY_NONE;
        g_clear_pointer(&index->frame_packet, g_free);
    }
    repair_pts(index, builder->reader, warnings);
    return g_steal_pointer(&index);
}

// ---- What is wrong with the file ---------------------------------------------------------------

// Packets that an MP4's or MOV's table of contents places past the end of the file.
static int64_t count_cut_off(const MskReader *reader)
{
    const int n = avformat_index_get_entries_count(reader->stream);
    const int64_t size = reader->format->pb ? avio_size(reader->format->pb) : -1;
    int64_t n_cut = 0;

    if (size < 0 || !strstr(reader->format->iformat->name, "mp4"))
        return 0;
    for (int i = 0; i < n; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(reader->stream, i);
        n_cut += entry->pos + entry->size > size;
    }
    return n_cut;
}

static void add_warnings(const Builder *builder, int64_t n_cut, int64_t n_claimed, int read_error,
                         const char *logged, GPtrArray *warnings)
{
    const int64_t n_packets = builder->packets->len, n_errors = builder->reader->n_errors;

    if (n_cut > 0)
        g_ptr_array_add(warnings, g_strdup_printf(_("The file is cut off: %" PRId64
                                                    " frames of %" PRId64 " are missing"),
                                                  n_cut, MAX(n_claimed, n_packets)));
    else if (n_claimed > n_packets && n_packets > 0)
        g_ptr_array_add(warnings, g_strdup_printf(_("The header promises %" PRId64
                                                    " frames, the file holds %" PRId64),
                                                  n_claimed, n_packets));
    if (read_error) {
        char text[AV_ERROR_MAX_STRING_SIZE] = "";
        av_strerror(read_error, text, sizeof text);
        g_ptr_array_add(
            warnings,
            g_strdup_printf(_("Reading stopped after %" PRId64 " packets: %s"), n_packets, text));
    } else if (!n_cut && strstr(logged, "premature")) {
        g_ptr_array_add(warnings, g_strdup_printf(_("The file is cut off (%s)"), logged));
    }
    if (n_errors)
        g_ptr_array_add(
            warnings,
            g_strdup_printf(_("%" PRId64 " packets do not decode; they are no frames"), n_errors));
    if (builder->n_damaged)
        g_ptr_array_add(warnings,
                        g_strdup_printf(_("%" PRId64 " frames are damaged; they are shown as "
                                          "well as they can be"),
                                        builder->n_damaged));
    if (builder->size_changes)
        g_ptr_array_add(warnings,
                        g_strdup(_("The picture changes its size; all frames are scaled to "
                                   "the size of the first")));
}

// ---- Building ----------------------------------------------------------------------------------

static MskIndex *build(Builder *builder, double budget, GPtrArray *warnings, GError **error)
{
    MskReader *reader = builder->reader;
    const AVCodecParameters *parameters = reader->stream->codecpar;
    const AVCodecDescriptor *desc = avcodec_descriptor_get(parameters->codec_id);
    GError *problem = NULL;

    if (!scan(builder, error))
        return NULL;
    g_autofree char *logged = g_strdup(msk_log_last());
    const gboolean is_mp4 = strstr(reader->format->iformat->name, "mp4") != NULL;
    const int64_t n_cut = count_cut_off(reader);
    const int64_t n_claimed = is_mp4 && !n_cut ? 0 : reader->stream->nb_frames;
    const int read_error = reader->read_error;
    const double weight = desc && desc->props & AV_CODEC_PROP_INTRA_ONLY ? 4 : 1;
    const double cost = weight * parameters->width * parameters->height * builder->packets->len;

    g_autoptr(MskIndex) index = NULL;
    if (cost > budget && !n_cut && (index = index_of_packets(builder)) &&
        !ends_agree(builder, index, &problem))
        g_clear_pointer(&index, msk_index_free);
    if (!problem && !index && decode_all(builder, &problem))
        index = index_of_frames(builder, warnings);
    if (problem) {
        g_propagate_error(error, problem);
        return NULL;
    }
    if (index->n_frames == 0) {
        g_autofree char *name = g_filename_display_name(reader->path);
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_EMPTY,
                    _("\"%s\" has no frame that decodes; make a new copy of the file"), name);
        return NULL;
    }
    const AVRational guesses[] = {reader->stream->avg_frame_rate, reader->stream->r_frame_rate};
    index->is_vfr = !msk_rate_find(index->pts, index->n_frames, index->last_duration,
                                   reader->stream->time_base, guesses, 2, &index->frame_rate);
    add_warnings(builder, n_cut, n_claimed, read_error, logged, warnings);
    report(builder, 1, index->n_frames);
    return g_steal_pointer(&index);
}

MskIndex *msk_index_build(const char *path, int n_threads, double budget,
                          MskMediaProgressFunc progress, gpointer user, GPtrArray *warnings,
                          GCancellable *cancellable, GError **error)
{
    gboolean is_image = FALSE;
    g_autoptr(MskReader) reader = msk_reader_open(path, n_threads, &is_image, cancellable, error);

    if (!reader) {
        if (is_image)
            g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_UNREADABLE,
                        _("\"%s\" was replaced by an image while it was open; open it again"),
                        path);
        return NULL;
    }
    reader->cancellable = cancellable;
    Builder builder = {
        .reader = reader,
        .packets = g_array_new(FALSE, FALSE, sizeof(MskPacketInfo)),
        .frame_pts = g_array_new(FALSE, FALSE, sizeof(int64_t)),
        .frame_stamp = g_array_new(FALSE, FALSE, sizeof(int64_t)),
        .frame_ordinal = g_array_new(FALSE, FALSE, sizeof(int64_t)),
        .progress = progress,
        .user = user,
        .cancellable = cancellable,
    };
    MskIndex *index = build(&builder, budget, warnings, error);
    g_array_unref(builder.packets);
    g_array_unref(builder.frame_pts);
    g_array_unref(builder.frame_stamp);
    g_array_unref(builder.frame_ordinal);
    return index;
}
