// SPDX-License-Identifier: Apache-2.0
// Video files: pictures through an encoder into a container, with the source's times, tags, sound.
#include "app/export_movie.h"

#include <glib/gi18n.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libavutil/timecode.h>

struct MskMovie {
    const MskExportSource *source;
    MskMovieSpec spec;
    char *shown;
    AVFormatContext *muxer;
    AVCodecContext *encoder;
    AVStream *stream;
    MskSound *sound;
    AVPacket *packet;
    GQueue durations; // of pictures inside the encoder; it does not reorder
    gboolean started;
    int64_t end; // of the last picture
};

gboolean msk_movie_fail(GError **error, int code, MskExportErrorCode otherwise, const char *format,
                        ...)
{
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, reason, sizeof(reason));
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    // FFmpeg passes errors of the system on as they are; EINVAL and ENOMEM are also its own.
    static const int system_errors[] = {ENOSPC, EFBIG, EIO, EDQUOT, EROFS, EACCES, EPERM, ENOENT};
    MskExportErrorCode kind = otherwise;
    for (size_t i = 0; i < G_N_ELEMENTS(system_errors); i++) {
        if (code == AVERROR(system_errors[i]))
            kind = MSK_EXPORT_ERROR_IO;
    }
    g_set_error(error, MSK_EXPORT_ERROR, kind, "%s: %s", what, reason);
    return FALSE;
}

// ---- Colour ------------------------------------------------------------------------------------

static int matrix_by_size(const MskExportSource *source)
{
    gboolean large = (source->width >= 1280 && source->height >= 720) || source->height > 576;
    return large ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

MskColour msk_movie_yuv_tags(const MskExportSource *source, int range)
{
    MskColour tags = source->info.colour;
    tags.range = range;
    tags.chroma_location = AVCHROMA_LOC_UNSPECIFIED;
    if (source->info.assumed.matrix == AVCOL_SPC_RGB)
        tags.matrix = matrix_by_size(source);
    return tags;
}

MskColour msk_movie_rgb_tags(const MskExportSource *source)
{
    MskColour tags = source->info.colour;
    tags.range = AVCOL_RANGE_JPEG;
    tags.matrix = AVCOL_SPC_RGB;
    tags.chroma_location = AVCHROMA_LOC_UNSPECIFIED;
    return tags;
}

MskColour msk_movie_matte_tags(const MskExportSource *source, int range)
{
    int matrix = matrix_by_size(source);
    gboolean large = matrix == AVCOL_SPC_BT709;
    return (MskColour){
        .range = range,
        .matrix = matrix,
        .primaries = large ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M,
        .transfer = large ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M,
    };
}

static void tag_picture(AVFrame *av, const MskColour *tags)
{
    av->color_range = tags->range;
    av->colorspace = tags->matrix;
    av->color_primaries = tags->primaries;
    av->color_trc = tags->transfer;
    av->chroma_location = tags->chroma_location;
}

AVFrame *msk_movie_convert(const MskMovieSpec *spec, const MskFrame *frame, GError **error)
{
    // An untagged matrix stays untagged: no conversion, the next reader assumes the same by size.
    AVFrame *av = msk_frame_convert(frame, spec->pixel_format, &spec->tags, error);
    if (av)
        tag_picture(av, &spec->tags);
    return av;
}

AVFrame *msk_movie_new_picture(const MskMovieSpec *spec, const MskExportSource *source,
                               GError **error)
{
    g_autoptr(AVFrame) av = av_frame_alloc();
    if (av) {
        av->format = spec->pixel_format;
        av->width = source->width;
        av->height = source->height;
        tag_picture(av, &spec->tags);
    }
    if (!av || av_frame_get_buffer(av, 0) < 0) {
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_UNSUPPORTED,
                    _("Not enough memory for pictures of %d x %d"), source->width, source->height);
        return NULL;
    }
    return g_steal_pointer(&av);
}

const char *msk_movie_ffv1_options(const MskExportSource *source)
{
    // FFmpeg 5.1 loses pictures of one row or column in version 3, and below a few rows it needs to
    // be told that one slice will do.
    int side = MIN(source->width, source->height);
    if (side == 1)
        return "level=1";
    return side < 32 ? "level=3:slicecrc=1:slices=1" : "level=3:slicecrc=1";
}

// ---- Opening -----------------------------------------------------------------------------------

static AVRational to_av(MskRational value)
{
    return value.den > 0 ? (AVRational){value.num, value.den} : (AVRational){0, 1};
}

// ProRes and FFV1 can say which field comes first.
static void set_field_order(AVCodecContext *encoder, const MskMediaInfo *info)
{
    if (encoder->codec_id != AV_CODEC_ID_PRORES && encoder->codec_id != AV_CODEC_ID_FFV1)
        return;
    if (info->field_order == MSK_FIELD_PROGRESSIVE)
        encoder->field_order = AV_FIELD_PROGRESSIVE;
    if (info->field_order != MSK_FIELD_TOP_FIRST && info->field_order != MSK_FIELD_BOTTOM_FIRST)
        return;
    encoder->field_order = info->field_order == MSK_FIELD_TOP_FIRST ? AV_FIELD_TT : AV_FIELD_BB;
    encoder->flags |= AV_CODEC_FLAG_INTERLACED_DCT;
}

AVCodecContext *msk_movie_open_encoder(const MskExportSource *source, const MskMovieSpec *spec,
                                       gboolean global_header, GError **error)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(spec->encoder);
    if (!codec) {
        g_set_error(
            error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_UNSUPPORTED,
            _("The encoder %s is missing from this machine's FFmpeg; choose another kind of "
              "export or install a full FFmpeg"),
            spec->encoder);
        return NULL;
    }
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    if (!encoder)
        g_error("out of memory");
    const MskMediaInfo *info = &source->info;
    encoder->width = source->width;
    encoder->height = source->height;
    encoder->pix_fmt = spec->pixel_format;
    encoder->time_base = to_av(info->time_base);
    encoder->framerate = to_av(info->frame_rate);
    encoder->sample_aspect_ratio = to_av(info->pixel_aspect);
    encoder->color_range = spec->tags.range;
    encoder->colorspace = spec->tags.matrix;
    encoder->color_primaries = spec->tags.primaries;
    encoder->color_trc = spec->tags.transfer;
    encoder->chroma_sample_location = spec->tags.chroma_location;
    set_field_order(encoder, info);
    encoder->max_b_frames = 0; // packets leave in the order of the pictures
    encoder->thread_count = 0;
    if (spec->intra_only)
        encoder->gop_size = 1;
    if (spec->bit_rate > 0)
        encoder->bit_rate = spec->bit_rate;
    if (spec->global_quality > 0) {
        encoder->flags |= AV_CODEC_FLAG_QSCALE;
        encoder->global_quality = spec->global_quality * FF_QP2LAMBDA;
    }
    if (global_header)
        encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;

    AVDictionary *options = NULL;
    int code = spec->options ? av_dict_parse_string(&options, spec->options, "=", ":", 0) : 0;
    if (code >= 0)
        code = avcodec_open2(encoder, codec, &options);
    gboolean unknown = code >= 0 && av_dict_count(options) > 0;
    av_dict_free(&options);
    if (code < 0 || unknown) {
        avcodec_free_context(&encoder);
        msk_movie_fail(error, unknown ? AVERROR_OPTION_NOT_FOUND : code,
                       MSK_EXPORT_ERROR_UNSUPPORTED,
                       _("The encoder %s does not take pictures of %d x %d, %s"), spec->encoder,
                       source->width, source->height, av_get_pix_fmt_name(spec->pixel_format));
        return NULL;
    }
    return encoder;
}

static gboolean open_stream(MskMovie *movie, const char *path, GError **error)
{
    const MskExportSource *source = movie->source;
    int code = avformat_alloc_output_context2(&movie->muxer, NULL, movie->spec.muxer, NULL);
    if (code < 0)
        return msk_movie_fail(error, code, MSK_EXPORT_ERROR_UNSUPPORTED, _("Container %s"),
                              movie->spec.muxer);
    gboolean global_header = (movie->muxer->oformat->flags & AVFMT_GLOBALHEADER) != 0;
    movie->encoder = msk_movie_open_encoder(source, &movie->spec, global_header, error);
    if (!movie->encoder)
        return FALSE;
    movie->stream = avformat_new_stream(movie->muxer, NULL);
    movie->packet = av_packet_alloc();
    if (!movie->stream || !movie->packet ||
        avcodec_parameters_from_context(movie->stream->codecpar, movie->encoder) < 0)
        g_error("out of memory");
    movie->stream->codecpar->format = movie->spec.marked_format;
    movie->stream->codecpar->codec_tag = movie->encoder->codec_tag;
    movie->stream->time_base = movie->encoder->time_base;
    movie->stream->sample_aspect_ratio = movie->encoder->sample_aspect_ratio;
    if (!source->info.is_vfr && source->info.frame_rate.num > 0 && source->info.frame_rate.den > 0)
        movie->stream->avg_frame_rate = movie->encoder->framerate;

    // Times below 0 are the sound's priming, which containers know how to mark; moving everything
    // to 0 would move the pictures.
    movie->muxer->avoid_negative_ts = 0;
    movie->muxer->max_interleave_delta = AV_TIME_BASE;
    g_autofree char *url = g_strconcat("file:", path, NULL);
    code = avio_open(&movie->muxer->pb, url, AVIO_FLAG_WRITE);
    if (code < 0)
        return msk_movie_fail(error, code, MSK_EXPORT_ERROR_IO, _("Cannot write %s"), movie->shown);
    if (!source->sound)
        return TRUE;
    return msk_sound_open(&movie->sound, source, movie->muxer, movie->shown, error);
}

MskMovie *msk_movie_open(const MskExportSource *source, const MskMovieSpec *spec, const char *path,
                         const char *shown, GError **error)
{
    MskMovie *movie = g_new0(MskMovie, 1);
    movie->source = source;
    movie->spec = *spec;
    movie->shown = g_strdup(shown);
    if (!open_stream(movie, path, error)) {
        msk_movie_free(movie);
        return NULL;
    }
    return movie;
}

void msk_movie_free(MskMovie *movie)
{
    if (!movie)
        return;
    msk_sound_free(movie->sound);
    avcodec_free_context(&movie->encoder);
    av_packet_free(&movie->packet);
    if (movie->muxer) {
        avio_closep(&movie->muxer->pb);
        avformat_free_context(movie->muxer);
    }
    g_queue_clear_full(&movie->durations, g_free);
    g_free(movie->shown);
    g_free(movie);
}

// ---- Writing -----------------------------------------------------------------------------------

static void set_timecode(MskMovie *movie, const MskFrame *first)
{
    g_autofree char *text =
        msk_media_dup_timecode(movie->source->media, msk_frame_get_number(first));
    AVTimecode timecode;
    // A rate that the container cannot count would make its header fail.
    if (text &&
        av_timecode_init_from_string(&timecode, movie->encoder->framerate, text, movie->muxer) >= 0)
        av_dict_set(&movie->muxer->metadata, "timecode", text, 0);
}

static gboolean start(MskMovie *movie, const MskFrame *first, GError **error)
{
    set_timecode(movie, first);
    AVDictionary *options = NULL;
    int code = avformat_write_header(movie->muxer, &options);
    av_dict_free(&options);
    if (code < 0)
        return msk_movie_fail(error, code, MSK_EXPORT_ERROR_UNSUPPORTED, _("Cannot write %s"),
                              movie->shown);
    movie->started = TRUE;
    return !movie->sound || msk_sound_start(movie->sound, msk_frame_get_pts(first), error);
}

// Writes the packets that the encoder has ready.
static gboolean drain(MskMovie *movie, GError **error)
{
    for (;;) {
        int code = avcodec_receive_packet(movie->encoder, movie->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return TRUE;
        if (code < 0)
            return msk_movie_fail(error, code, MSK_EXPORT_ERROR_UNSUPPORTED,
                                  _("The encoder %s failed"), movie->spec.encoder);
        int64_t *duration = g_queue_pop_head(&movie->durations);
        if (duration)
            movie->packet->duration = *duration;
        g_free(duration);
        if (movie->spec.packet_cb &&
            !movie->spec.packet_cb(movie->spec.user, movie->packet, error)) {
            av_packet_unref(movie->packet);
            return FALSE;
        }
        movie->packet->stream_index = movie->stream->index;
        av_packet_rescale_ts(movie->packet, movie->encoder->time_base, movie->stream->time_base);
        code = av_interleaved_write_frame(movie->muxer, movie->packet);
        if (code < 0)
            return msk_movie_fail(error, code, MSK_EXPORT_ERROR_IO, _("Cannot write %s"),
                                  movie->shown);
    }
}

gboolean msk_movie_write(MskMovie *movie, AVFrame *av, const MskExportPicture *picture,
                         GError **error)
{
    if (!movie->started && !start(movie, picture->frame, error))
        return FALSE;
    av->pts = picture->pts;
    av->sample_aspect_ratio = movie->encoder->sample_aspect_ratio;
    av->interlaced_frame = (movie->encoder->flags & AV_CODEC_FLAG_INTERLACED_DCT) != 0;
    av->top_field_first = movie->encoder->field_order == AV_FIELD_TT;
    int code = avcodec_send_frame(movie->encoder, av);
    if (code < 0)
        return msk_movie_fail(error, code, MSK_EXPORT_ERROR_UNSUPPORTED, _("The encoder %s failed"),
                              movie->spec.encoder);
    g_queue_push_tail(&movie->durations, g_memdup2(&picture->duration, sizeof(picture->duration)));
    movie->end = picture->pts + picture->duration;
    return drain(movie, error) &&
           (!movie->sound || msk_sound_write_until(movie->sound, movie->end, error));
}

gboolean msk_movie_finish(MskMovie *movie, GError **error)
{
    int code = avcodec_send_frame(movie->encoder, NULL);
    if (code < 0)
        return msk_movie_fail(error, code, MSK_EXPORT_ERROR_UNSUPPORTED, _("The encoder %s failed"),
                              movie->spec.encoder);
    if (!drain(movie, error))
        return FALSE;
    if (movie->sound && !msk_sound_finish(movie->sound, movie->end, error))
        return FALSE;
    code = av_write_trailer(movie->muxer);
    if (code >= 0 && movie->muxer->pb->error < 0)
        code = movie->muxer->pb->error;
    int closed = avio_closep(&movie->muxer->pb);
    if (code >= 0)
        code = closed;
    if (code < 0)
        return msk_movie_fail(error, code, MSK_EXPORT_ERROR_IO, _("Cannot write %s"), movie->shown);
    return TRUE;
}
