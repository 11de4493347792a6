// SPDX-License-Identifier: Apache-2.0
// The facts of a media: collected from container, stream and frame 0.
#include "app/media_private.h"

#include <glib/gi18n.h>

static const char *keep_string(MskMedia *media, const char *text)
{
    char *copy = g_utf8_make_valid(text, -1);

    g_ptr_array_add(media->strings, copy);
    return copy;
}

static MskRational rational(AVRational value)
{
    return (MskRational){value.num, value.den};
}

// The picture's own flag first: writers disagree on what the container's codes mean.
static MskFieldOrder field_order_of(const AVStream *stream, const AVFrame *first)
{
    if (first->interlaced_frame)
        return first->top_field_first ? MSK_FIELD_TOP_FIRST : MSK_FIELD_BOTTOM_FIRST;
    switch (stream->codecpar->field_order) {
    case AV_FIELD_PROGRESSIVE:
        return MSK_FIELD_PROGRESSIVE;
    case AV_FIELD_TT:
    case AV_FIELD_BT: // bottom coded first, top shown first
        return MSK_FIELD_TOP_FIRST;
    case AV_FIELD_BB:
    case AV_FIELD_TB:
        return MSK_FIELD_BOTTOM_FIRST;
    default:
        return MSK_FIELD_UNKNOWN;
    }
}

static void collect_audio(MskMedia *media, const AVFormatContext *format)
{
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];
        const AVCodecParameters *parameters = stream->codecpar;
        const AVDictionaryEntry *language = av_dict_get(stream->metadata, "language", NULL, 0);
        if (parameters->codec_type != AVMEDIA_TYPE_AUDIO)
            continue;
        MskAudioInfo audio = {.stream = (int)i,
                              .sample_rate = parameters->sample_rate,
                              .n_channels = parameters->ch_layout.nb_channels,
                              .time_base = rational(stream->time_base),
                              .bit_rate = parameters->bit_rate};
        g_strlcpy(audio.codec, avcodec_get_name(parameters->codec_id), sizeof audio.codec);
        if (av_channel_layout_describe(&parameters->ch_layout, audio.layout, sizeof audio.layout) <
            0)
            audio.layout[0] = 0;
        if (language && g_utf8_validate(language->value, -1, NULL))
            g_strlcpy(audio.language, language->value, sizeof audio.language);
        g_array_append_val(media->audio, audio);
    }
}

static void collect_container(MskMedia *media, AVFrame *first)
{
    const MskReader *reader = media->reader;
    const AVStream *stream = reader->stream;
    const AVCodecParameters *parameters = stream->codecpar;
    const int32_t *matrix =
        (const int32_t *)av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
    MskMediaInfo *info = &media->info;
    gboolean is_exact = TRUE;

    if (matrix)
        media->orientation = msk_orientation_from_matrix(matrix, &is_exact);
    if (!is_exact)
        g_ptr_array_add(
            media->warnings,
            g_strdup(_("The file asks for a rotation that is no multiple of 90 degrees; "
                       "the picture is shown as it is coded")));
    info->container = reader->format->iformat->name;
    info->codec = avcodec_get_name(parameters->codec_id);
    info->decoder = reader->codec->codec->name;
    info->profile = avcodec_profile_name(parameters->codec_id, parameters->profile);
    info->stream = stream->index;
    info->n_streams = (int)reader->format->nb_streams;
    info->field_order = field_order_of(stream, first);
    info->time_base = rational(stream->time_base);
    info->frame_rate = rational(stream->avg_frame_rate);
    if (info->frame_rate.num <= 0 || info->frame_rate.den <= 0)
        info->frame_rate = rational(stream->r_frame_rate);
    info->n_claimed = MAX(stream->nb_frames, 0);
    info->start_pts = first->pts != AV_NOPTS_VALUE ? first->pts : first->best_effort_timestamp;
    if (info->start_pts == AV_NOPTS_VALUE)
        info->start_pts = 0;
    if (stream->duration > 0)
        info->duration = stream->duration;
    else if (reader->format->duration > 0)
        info->duration = av_rescale_q(reader->format->duration, AV_TIME_BASE_Q, stream->time_base);
    const char *timecode = msk_timecode_find(reader->format, stream);
    if (timecode)
        info->timecode = keep_string(media, timecode);
    collect_audio(media, reader->format);
}

static void collect_sequence(MskMedia *media, MskRational rate)
{
    MskMediaInfo *info = &media->info;

    info->is_sequence = TRUE;
    info->container = media->sequence->names->len > 1 ? "image sequence" : "image";
    info->codec = info->decoder = media->sequence->codec;
    info->n_streams = 1;
    info->field_order = MSK_FIELD_PROGRESSIVE;
    info->time_base = (MskRational){rate.den, rate.num};
    info->frame_rate = rate;
    info->n_claimed = media->sequence->names->len;
    info->duration = info->n_claimed;
}

void msk_media_collect_info(MskMedia *media, AVFrame *first, MskRational sequence_rate)
{
    MskMediaInfo *info = &media->info;

    info->path = media->path;
    info->n_frames = -1;
    if (media->sequence)
        collect_sequence(media, sequence_rate);
    else
        collect_container(media, first);
    info->orientation = msk_media_orientation_of(media, first);
    const gboolean swaps = msk_orientation_swaps(info->orientation);
    info->coded_width = first->width;
    info->coded_height = first->height;
    info->width = swaps ? first->height : first->width;
    info->height = swaps ? first->width : first->height;
    info->pixel_format = av_get_pix_fmt_name(first->format);
    info->colour = (MskColour){first->color_range, first->colorspace, first->color_primaries,
                               first->color_trc, first->chroma_location};

    media->first = msk_media_wrap(media, first, 0, info->start_pts);
    AVRational aspect = first->sample_aspect_ratio; // set by wrapping
    if (aspect.num <= 0 || aspect.den <= 0)
        aspect = (AVRational){1, 1};
    info->pixel_aspect = rational(swaps ? av_inv_q(aspect) : aspect);
    info->depth = msk_frame_get_depth(media->first);
    info->has_alpha = msk_frame_has_alpha(media->first);
    info->assumed = msk_frame_get_colour(media->first);
    info->audio = (const MskAudioInfo *)media->audio->data;
    info->n_audio = (int)media->audio->len;
}

void msk_media_get_info(MskMedia *media, MskMediaInfo *out)
{
    const MskIndex *index = msk_media_get_index(media);

    *out = media->info;
    if (!index)
        return;
    const int64_t last = index->n_frames - 1;
    out->n_frames = index->n_frames;
    out->is_decoded = index->is_decoded;
    out->frame_rate = index->frame_rate;
    out->is_vfr = index->is_vfr;
    out->start_pts = index->pts[0];
    out->duration = index->pts[last] - index->pts[0] + msk_media_get_frame_duration(media, last);
}

int64_t msk_media_estimate_n_frames(MskMedia *media)
{
    MskMediaInfo info;

    msk_media_get_info(media, &info);
    if (info.n_frames >= 0)
        return info.n_frames;
    if (info.n_claimed > 0)
        return info.n_claimed;
    if (info.frame_rate.num <= 0 || info.frame_rate.den <= 0 || info.duration <= 0)
        return 1;
    const AVRational time_base = {info.time_base.num, info.time_base.den};
    const AVRational frame_time = {info.frame_rate.den, info.frame_rate.num};
    return MAX(av_rescale_q(info.duration, time_base, frame_time), 1);
}
