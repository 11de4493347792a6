// SPDX-License-Identifier: Apache-2.0
// One sound track: which codec goes into which container, and what of it lies within the range.
#include "app/export_track.h"

#include <glib/gi18n.h>

struct MskTrack {
    AVFormatContext *muxer;
    AVStream *source, *target;
    AVRational time_base; // of the caller's times
    char *path, *shown;
    MskRecoder *recoder; // NULL: copied
    AVRational packet_time_base;
    GQueue pending; // AVPacket, read but not yet due
    int64_t start;  // in the source stream's time base
    int64_t delay;  // added to packets for Matroska, in their time base
    int64_t margin; // how much before the start copied packets may begin
    int64_t read_to;
    AVPacket *packet;
};

static gboolean is_pcm(enum AVCodecID codec)
{
    return codec >= AV_CODEC_ID_FIRST_AUDIO && codec < AV_CODEC_ID_ADPCM_IMA_QT;
}

static gboolean has_edit_lists(const AVFormatContext *muxer)
{
    return g_str_equal(muxer->oformat->name, "mov") || g_str_equal(muxer->oformat->name, "mp4");
}

static gboolean container_takes(const AVFormatContext *muxer, enum AVCodecID codec)
{
    // These may hold more than what players of such files know.
    static const enum AVCodecID quicktime[] = {AV_CODEC_ID_AAC, AV_CODEC_ID_ALAC, AV_CODEC_ID_MP3,
                                               AV_CODEC_ID_AC3};
    static const enum AVCodecID mp4[] = {AV_CODEC_ID_AAC, AV_CODEC_ID_MP3, AV_CODEC_ID_AC3,
                                         AV_CODEC_ID_EAC3, AV_CODEC_ID_OPUS};
    gboolean is_mov = g_str_equal(muxer->oformat->name, "mov");
    if (has_edit_lists(muxer)) {
        for (size_t i = 0; i < (is_mov ? G_N_ELEMENTS(quicktime) : G_N_ELEMENTS(mp4)); i++) {
            if (codec == (is_mov ? quicktime[i] : mp4[i]))
                return TRUE;
        }
        return is_mov && is_pcm(codec) &&
               avformat_query_codec(muxer->oformat, codec, FF_COMPLIANCE_NORMAL) == 1;
    }
    return avformat_query_codec(muxer->oformat, codec, FF_COMPLIANCE_NORMAL) == 1;
}

static enum AVCodecID codec_for(const AVFormatContext *muxer, const AVCodecParameters *source)
{
    if (is_pcm(source->codec_id) && container_takes(muxer, source->codec_id))
        return source->codec_id;
    if (g_str_equal(muxer->oformat->name, "webm"))
        return AV_CODEC_ID_OPUS;
    if (g_str_equal(muxer->oformat->name, "mp4"))
        return AV_CODEC_ID_AAC;
    gboolean is_16_bit = source->format == AV_SAMPLE_FMT_S16 ||
                         source->format == AV_SAMPLE_FMT_S16P || source->format == AV_SAMPLE_FMT_U8;
    return is_16_bit ? AV_CODEC_ID_PCM_S16LE : AV_CODEC_ID_PCM_S24LE;
}

// MP4 and QuickTime cut the beginning of a packet with an edit list; one packet more lets decoders
// warm up. Matroska can only leave out a codec's own delay.
static int64_t find_margin(const AVFormatContext *muxer, const AVStream *source)
{
    const AVCodecParameters *codec = source->codecpar;
    int n_samples = has_edit_lists(muxer) ? 2 * codec->frame_size : codec->initial_padding;
    return av_rescale_q(n_samples, (AVRational){1, codec->sample_rate}, source->time_base);
}

MskTrack *msk_track_open(AVFormatContext *muxer, AVStream *source, AVRational time_base,
                         const char *path, const char *shown, GError **error)
{
    MskTrack *track = g_new0(MskTrack, 1);
    track->muxer = muxer;
    track->source = source;
    track->time_base = time_base;
    track->path = g_strdup(path);
    track->shown = g_strdup(shown);
    track->read_to = INT64_MIN;
    track->packet = av_packet_alloc();
    const AVCodecParameters *codec = source->codecpar;
    if (!is_pcm(codec->codec_id) && container_takes(muxer, codec->codec_id)) {
        track->target = avformat_new_stream(muxer, NULL);
        if (!track->target || avcodec_parameters_copy(track->target->codecpar, codec) < 0)
            g_error("out of memory");
        track->target->codecpar->codec_tag = 0; // the muxer finds its own
        track->packet_time_base = source->time_base;
        track->margin = find_margin(muxer, source);
    } else {
        const AVCodecContext *encoder;
        track->recoder = msk_recoder_open(source, codec_for(muxer, codec),
                                          (muxer->oformat->flags & AVFMT_GLOBALHEADER) != 0,
                                          &encoder, path, error);
        if (!track->recoder) {
            msk_track_free(track);
            return NULL;
        }
        track->target = avformat_new_stream(muxer, NULL);
        if (!track->target || avcodec_parameters_from_context(track->target->codecpar, encoder) < 0)
            g_error("out of memory");
        track->packet_time_base = encoder->time_base;
    }
    track->target->time_base = track->packet_time_base;
    // Matroska notes the codec's delay beside the stream, and readers take it off each time stamp.
    if (!has_edit_lists(muxer))
        track->delay = av_rescale_q(track->target->codecpar->initial_padding,
                                    (AVRational){1, track->target->codecpar->sample_rate},
                                    track->packet_time_base);
    const AVDictionaryEntry *language = av_dict_get(source->metadata, "language", NULL, 0);
    if (language)
        av_dict_set(&track->target->metadata, "language", language->value, 0);
    track->target->disposition = source->disposition & AV_DISPOSITION_DEFAULT;
    return track;
}

static void free_packet(gpointer data)
{
    AVPacket *packet = data;
    av_packet_free(&packet);
}

void msk_track_free(MskTrack *track)
{
    if (!track)
        return;
    g_queue_clear_full(&track->pending, free_packet);
    msk_recoder_free(track->recoder);
    av_packet_free(&track->packet);
    g_free(track->path);
    g_free(track->shown);
    g_free(track);
}

static int64_t to_source(const MskTrack *track, int64_t pts)
{
    return av_rescale_q(pts, track->time_base, track->source->time_base);
}

void msk_track_start(MskTrack *track, int64_t pts)
{
    track->start = to_source(track, pts);
    if (track->recoder)
        msk_recoder_start(track->recoder, track->start);
}

void msk_track_add(MskTrack *track, AVPacket *packet)
{
    if (packet->pts == AV_NOPTS_VALUE)
        packet->pts = packet->dts != AV_NOPTS_VALUE ? packet->dts
                      : track->read_to != INT64_MIN ? track->read_to
                                                    : track->start;
    packet->dts = packet->pts; // sound is never reordered
    int64_t end = packet->pts + MAX(packet->duration, 0);
    track->read_to = MAX(track->read_to, end);
    gboolean is_wanted = track->recoder || packet->pts >= track->start - track->margin;
    if (is_wanted) {
        AVPacket *own = av_packet_alloc();
        if (!own)
            g_error("out of memory");
        av_packet_move_ref(own, packet);
        g_queue_push_tail(&track->pending, own);
    }
}

gboolean msk_track_has(const MskTrack *track, int64_t pts)
{
    return track->read_to != INT64_MIN && track->read_to >= to_source(track, pts);
}

static gboolean mux(MskTrack *track, AVPacket *packet, GError **error)
{
    packet->stream_index = track->target->index;
    packet->pos = -1;
    packet->pts += track->delay;
    packet->dts += track->delay;
    av_packet_rescale_ts(packet, track->packet_time_base, track->target->time_base);
    int code = av_interleaved_write_frame(track->muxer, packet);
    if (code < 0)
        return msk_movie_fail(error, code, MSK_EXPORT_ERROR_IO, _("Cannot write %s"), track->shown);
    return TRUE;
}

static gboolean mux_encoded(MskTrack *track, int64_t end, gboolean last, GError **error)
{
    GError *why = NULL;
    while (msk_recoder_receive(track->recoder, end, last, track->packet, &why)) {
        if (!mux(track, track->packet, error))
            return FALSE;
    }
    if (why)
        g_propagate_error(error, why);
    return !why;
}

gboolean msk_track_write_until(MskTrack *track, int64_t end, GError **error)
{
    int64_t source_end = to_source(track, end);
    for (;;) {
        AVPacket *next = g_queue_peek_head(&track->pending);
        if (!next || next->pts >= source_end)
            break;
        g_autoptr(AVPacket) packet = g_queue_pop_head(&track->pending);
        if (track->recoder) {
            if (!msk_recoder_add(track->recoder, packet, error))
                return FALSE;
            continue;
        }
        packet->pts -= track->start;
        packet->dts -= track->start;
        if (!mux(track, packet, error))
            return FALSE;
    }
    if (!track->recoder)
        return TRUE;
    return mux_encoded(track, source_end, FALSE, error);
}

gboolean msk_track_finish(MskTrack *track, int64_t end, GError **error)
{
    if (!msk_track_write_until(track, end, error))
        return FALSE;
    if (!track->recoder)
        return TRUE;
    return msk_recoder_add(track->recoder, NULL, error) &&
           mux_encoded(track, to_source(track, end), TRUE, error);
}
