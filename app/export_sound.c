// SPDX-License-Identifier: Apache-2.0
// The source's sound in an exported video: copied where the container takes it, else coded anew.
#include "app/export_track.h"

#include <glib/gi18n.h>

#define PREROLL_US 500000     // how far before the range reading begins
#define READ_AHEAD_US 2000000 // how far one track may run ahead while another one is silent

struct MskSound {
    AVFormatContext *demuxer;
    AVPacket *packet;
    char *path;
    MskTrack **tracks; // by stream of the demuxer; NULL: not exported
    unsigned n_streams;
    AVRational time_base; // of the media's pictures
    int64_t start;        // first exported picture
    gboolean at_end;
};

gboolean msk_sound_open(MskSound **out, const MskExportSource *source, AVFormatContext *muxer,
                        const char *shown, GError **error)
{
    *out = NULL;
    if (source->info.n_audio == 0 || source->info.is_sequence)
        return TRUE;
    MskSound *sound = g_new0(MskSound, 1);
    sound->path = g_strdup(source->info.path);
    sound->time_base = (AVRational){source->info.time_base.num, source->info.time_base.den};
    sound->packet = av_packet_alloc();
    g_autofree char *url = g_strconcat("file:", sound->path, NULL);
    AVDictionary *options = NULL;
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    int code = avformat_open_input(&sound->demuxer, url, NULL, &options);
    av_dict_free(&options);
    if (code >= 0)
        code = avformat_find_stream_info(sound->demuxer, NULL);
    if (code < 0) {
        msk_movie_fail(error, code, MSK_EXPORT_ERROR_SOURCE,
                       _("Cannot read the sound of %s; export without sound"), sound->path);
        msk_sound_free(sound);
        return FALSE;
    }
    sound->n_streams = sound->demuxer->nb_streams;
    sound->tracks = g_new0(MskTrack *, sound->n_streams);
    int n_tracks = 0;
    for (unsigned i = 0; i < sound->n_streams; i++) {
        AVStream *stream = sound->demuxer->streams[i];
        stream->discard = AVDISCARD_ALL;
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO ||
            stream->codecpar->sample_rate <= 0 || stream->codecpar->ch_layout.nb_channels <= 0)
            continue;
        sound->tracks[i] =
            msk_track_open(muxer, stream, sound->time_base, sound->path, shown, error);
        if (!sound->tracks[i]) {
            msk_sound_free(sound);
            return FALSE;
        }
        stream->discard = AVDISCARD_DEFAULT;
        n_tracks++;
    }
    if (n_tracks == 0)
        msk_sound_free(sound);
    else
        *out = sound;
    return TRUE;
}

void msk_sound_free(MskSound *sound)
{
    if (!sound)
        return;
    for (unsigned i = 0; i < sound->n_streams; i++)
        msk_track_free(sound->tracks[i]);
    g_free(sound->tracks);
    avformat_close_input(&sound->demuxer);
    av_packet_free(&sound->packet);
    g_free(sound->path);
    g_free(sound);
}

gboolean msk_sound_start(MskSound *sound, int64_t pts, GError **error)
{
    sound->start = pts;
    for (unsigned i = 0; i < sound->n_streams; i++) {
        if (sound->tracks[i])
            msk_track_start(sound->tracks[i], pts);
    }
    int64_t target = av_rescale_q(pts, sound->time_base, AV_TIME_BASE_Q) - PREROLL_US;
    int64_t first = sound->demuxer->start_time;
    // A file that cannot seek is read from its start: slow, but the same sound.
    if (first != AV_NOPTS_VALUE && target > first)
        avformat_seek_file(sound->demuxer, -1, INT64_MIN, target, target, 0);
    return TRUE;
}

// Whether every track, or one of them by far, has been read up to `end`.
static gboolean has_read(const MskSound *sound, int64_t end)
{
    int64_t far = end + av_rescale_q(READ_AHEAD_US, AV_TIME_BASE_Q, sound->time_base);
    gboolean all = TRUE;
    for (unsigned i = 0; i < sound->n_streams; i++) {
        if (!sound->tracks[i])
            continue;
        if (msk_track_has(sound->tracks[i], far))
            return TRUE;
        all &= msk_track_has(sound->tracks[i], end);
    }
    return all;
}

static gboolean read_until(MskSound *sound, int64_t end, GError **error)
{
    while (!sound->at_end && !has_read(sound, end)) {
        int code = av_read_frame(sound->demuxer, sound->packet);
        if (code == AVERROR_EOF) {
            sound->at_end = TRUE;
        } else if (code < 0) {
            return msk_movie_fail(error, code, MSK_EXPORT_ERROR_SOURCE,
                                  _("Cannot read the sound of %s; export without sound"),
                                  sound->path);
        } else {
            unsigned stream = (unsigned)sound->packet->stream_index;
            if (stream < sound->n_streams && sound->tracks[stream])
                msk_track_add(sound->tracks[stream], sound->packet);
            av_packet_unref(sound->packet);
        }
    }
    return TRUE;
}

gboolean msk_sound_write_until(MskSound *sound, int64_t end, GError **error)
{
    end += sound->start;
    if (!read_until(sound, end, error))
        return FALSE;
    for (unsigned i = 0; i < sound->n_streams; i++) {
        if (sound->tracks[i] && !msk_track_write_until(sound->tracks[i], end, error))
            return FALSE;
    }
    return TRUE;
}

gboolean msk_sound_finish(MskSound *sound, int64_t end, GError **error)
{
    end += sound->start;
    if (!read_until(sound, end, error))
        return FALSE;
    for (unsigned i = 0; i < sound->n_streams; i++) {
        if (sound->tracks[i] && !msk_track_finish(sound->tracks[i], end, error))
            return FALSE;
    }
    return TRUE;
}
