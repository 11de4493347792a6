// SPDX-License-Identifier: Apache-2.0
// MskReader: one demuxer and one decoder, from packets to presented pictures.
#include "app/media_private.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

static int interrupt_cb(void *data)
{
    MskReader *reader = data;

    return g_cancellable_is_cancelled(reader->cancellable);
}

// Formats that turn any bytes into pictures: a text is not a video.
static gboolean is_text_art(const AVInputFormat *format)
{
    static const char *const names[] = {"tty", "bin", "xbin", "adf", "idf"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(format->name, names[i]) == 0)
            return TRUE;
    return FALSE;
}

static gboolean is_image_format(const AVInputFormat *format)
{
    return strcmp(format->name, "image2") == 0 || g_str_has_suffix(format->name, "_pipe");
}

static int find_streams(AVFormatContext *format)
{
    const unsigned n_streams = format->nb_streams;
    AVDictionary **options = g_new0(AVDictionary *, n_streams + 1);

    for (unsigned i = 0; i < n_streams; i++) {
        av_dict_set_int(&options[i], "max_pixels", MSK_MEDIA_MAX_PIXELS, 0);
        av_dict_set(&options[i], "threads", "1", 0);
    }
    int code = avformat_find_stream_info(format, n_streams ? options : NULL);
    for (unsigned i = 0; i < n_streams; i++)
        av_dict_free(&options[i]);
    g_free(options);
    return code;
}

static gboolean open_container(MskReader *reader, gboolean *is_image, GError **error)
{
    g_autofree char *url = g_strconcat("file:", reader->path, NULL);
    AVDictionary *options = NULL;

    reader->format = avformat_alloc_context();
    if (!reader->format) {
        msk_set_av_error(error, reader->path, AVERROR(ENOMEM));
        return FALSE;
    }
    reader->format->interrupt_callback = (AVIOInterruptCB){interrupt_cb, reader};
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    av_dict_set(&options, "pattern_type", "none", 0); // a '%' in a file's name is just that
    msk_log_clear();
    int code = avformat_open_input(&reader->format, url, NULL, &options);
    av_dict_free(&options);
    if (code >= 0 && is_text_art(reader->format->iformat))
        code = AVERROR_INVALIDDATA;
    if (code >= 0 && is_image_format(reader->format->iformat)) {
        *is_image = TRUE;
        return FALSE;
    }
    if (code >= 0)
        code = find_streams(reader->format);
    if (code < 0) {
        msk_set_av_error(error, reader->path, code);
        return FALSE;
    }
    return TRUE;
}

// FFmpeg's own VP8 and VP9 decoders do not see the alpha that WebM keeps beside the picture.
static const AVCodec *find_decoder(const AVStream *stream)
{
    const AVDictionaryEntry *alpha = av_dict_get(stream->metadata, "alpha_mode", NULL, 0);
    const enum AVCodecID id = stream->codecpar->codec_id;
    const AVCodec *decoder = NULL;

    if (alpha && strcmp(alpha->value, "1") == 0 && id == AV_CODEC_ID_VP9)
        decoder = avcodec_find_decoder_by_name("libvpx-vp9");
    if (alpha && strcmp(alpha->value, "1") == 0 && id == AV_CODEC_ID_VP8)
        decoder = avcodec_find_decoder_by_name("libvpx");
    return decoder ? decoder : avcodec_find_decoder(id);
}

// The video stream FFmpeg thinks best, but never a cover picture when there is another. -1: none.
static int find_video(const AVFormatContext *format)
{
    int best = av_find_best_stream((AVFormatContext *)format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    int64_t best_size = -1;

    if (best < 0 || !(format->streams[best]->disposition & AV_DISPOSITION_ATTACHED_PIC))
        return best;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];
        const int64_t size = (int64_t)stream->codecpar->width * stream->codecpar->height;
        if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && size > best_size &&
            !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC)) {
            best = (int)i;
            best_size = size;
        }
    }
    return best;
}

static gboolean choose_stream(MskReader *reader, GError **error)
{
    g_autofree char *name = g_filename_display_name(reader->path);
    AVFormatContext *format = reader->format;
    const int best = find_video(format);

    if (best < 0) {
        const char *what = format->nb_streams ? _("sound or data only") : _("no streams at all");
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_NO_VIDEO,
                    _("\"%s\" has no video: it holds %s; open a file with a picture"), name, what);
        return FALSE;
    }
    reader->stream = format->streams[best];
    if (reader->stream->disposition & AV_DISPOSITION_ATTACHED_PIC) {
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_NO_VIDEO,
                    _("\"%s\" has no video, only a cover picture; open a file with a picture"),
                    name);
        return FALSE;
    }
    for (unsigned i = 0; i < format->nb_streams; i++)
        format->streams[i]->discard =
            format->streams[i] == reader->stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    return msk_media_check_size(reader->path, reader->stream->codecpar->width,
                                reader->stream->codecpar->height, error);
}

static gboolean open_decoder(MskReader *reader, GError **error)
{
    g_autofree char *name = g_filename_display_name(reader->path);
    const AVCodecParameters *parameters = reader->stream->codecpar;
    const AVCodec *decoder = find_decoder(reader->stream);

    if (!decoder) {
        g_set_error(
            error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_UNSUPPORTED,
            _("\"%s\": there is no decoder for its video codec (%s); convert it to a common "
              "codec first"),
            name, avcodec_get_name(parameters->codec_id));
        return FALSE;
    }
    reader->codec = avcodec_alloc_context3(decoder);
    int code =
        reader->codec ? avcodec_parameters_to_context(reader->codec, parameters) : AVERROR(ENOMEM);
    if (code >= 0) {
        reader->codec->pkt_timebase = reader->stream->time_base;
        reader->codec->framerate = reader->stream->avg_frame_rate;
        reader->codec->thread_count = reader->n_threads;
        reader->codec->max_pixels = MSK_MEDIA_MAX_PIXELS;
        code = avcodec_open2(reader->codec, decoder, NULL);
    }
    if (code == AVERROR(ENOMEM)) {
        msk_set_av_error(error, reader->path, code);
    } else if (code < 0) {
        char text[AV_ERROR_MAX_STRING_SIZE] = "";
        av_strerror(code, text, sizeof text);
        g_set_error(
            error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_UNSUPPORTED,
            _("\"%s\": the %s decoder refuses its video stream (%s); convert it to a common "
              "codec first"),
            name, decoder->name, msk_log_last()[0] ? msk_log_last() : text);
    }
    return code >= 0;
}

static gboolean open_all(MskReader *reader, gboolean *is_image, GError **error)
{
    return open_container(reader, is_image, error) && choose_stream(reader, error) &&
           open_decoder(reader, error);
}

static void close_all(MskReader *reader)
{
    avcodec_free_context(&reader->codec);
    avformat_close_input(&reader->format);
    reader->stream = NULL;
}

MskReader *msk_reader_open(const char *path, int n_threads, gboolean *is_image,
                           GCancellable *cancellable, GError **error)
{
    g_autoptr(MskReader) reader = g_new0(MskReader, 1);

    msk_log_silence();
    *is_image = FALSE;
    reader->path = g_strdup(path);
    reader->n_threads = n_threads;
    reader->packet = av_packet_alloc();
    if (!reader->packet) {
        msk_set_av_error(error, path, AVERROR(ENOMEM));
        return NULL;
    }
    reader->cancellable = cancellable;
    if (!open_all(reader, is_image, error))
        return NULL;
    reader->cancellable = NULL;
    return g_steal_pointer(&reader);
}

void msk_reader_free(MskReader *reader)
{
    if (!reader)
        return;
    close_all(reader);
    av_packet_free(&reader->packet);
    g_free(reader->path);
    g_free(reader);
}

void msk_media_set_replaced_error(GError **error, const char *path)
{
    g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_UNREADABLE,
                _("\"%s\" was replaced by another file while it was open; open it again"), path);
}

gboolean msk_reader_rewind(MskReader *reader, GError **error)
{
    gboolean is_image = FALSE;

    close_all(reader);
    av_packet_unref(reader->packet);
    reader->has_pending = reader->is_draining = reader->is_over = FALSE;
    reader->next_ordinal = 0;
    reader->read_error = 0;
    reader->expected = NULL;
    reader->n_rewinds++;
    if (open_all(reader, &is_image, error))
        return TRUE;
    if (is_image)
        msk_media_set_replaced_error(error, reader->path);
    close_all(reader);
    return FALSE;
}

gboolean msk_reader_read(MskReader *reader)
{
    if (reader->has_pending) {
        reader->has_pending = FALSE;
        reader->next_ordinal++;
        return TRUE;
    }
    for (int n_retries = 0;;) {
        av_packet_unref(reader->packet);
        int code = av_read_frame(reader->format, reader->packet);
        if (code == AVERROR(EAGAIN) && n_retries++ < 1000)
            continue;
        if (code < 0) {
            reader->read_error = code == AVERROR_EOF ? 0 : code;
            return FALSE;
        }
        if (reader->packet->stream_index != reader->stream->index)
            continue;
        if (reader->expected &&
            msk_index_find_packet(reader->expected, reader->packet) != reader->next_ordinal)
            return FALSE;
        reader->next_ordinal++;
        return TRUE;
    }
}

// Gives the decoder the next packet, or tells it that there is none.
static void feed(MskReader *reader)
{
    if (!msk_reader_read(reader)) {
        reader->is_draining = TRUE;
        avcodec_send_packet(reader->codec, NULL);
        return;
    }
    if (reader->packet->size == 0) // would be taken for the end
        return;
    reader->codec->reordered_opaque = reader->next_ordinal - 1;
    if (avcodec_send_packet(reader->codec, reader->packet) < 0)
        reader->n_errors++;
}

gboolean msk_reader_decode(MskReader *reader, AVFrame *av, GError **error)
{
    int n_errors = 0; // in a row: a broken decoder must not hold us up

    while (!reader->is_over) {
        if (g_cancellable_set_error_if_cancelled(reader->cancellable, error))
            return FALSE;
        int code = avcodec_receive_frame(reader->codec, av);
        if (code == 0)
            return TRUE;
        if (code != AVERROR(EAGAIN) && code != AVERROR_EOF) {
            reader->n_errors++;
            if (++n_errors < 64)
                continue;
        }
        n_errors = 0;
        if (reader->is_draining)
            reader->is_over = TRUE;
        else
            feed(reader);
    }
    return FALSE;
}
