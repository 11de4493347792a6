// SPDX-License-Identifier: Apache-2.0
// Sound coded anew: decoder, resampler, a queue of samples that counts from the range's start,
// encoder.
#include <glib/gi18n.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
#include <string.h>

#include "app/export_track.h"

#define CHUNK 1024         // samples a packet where the encoder does not mind
#define JITTER_DIVISOR 50  // time stamps may be off by 1/50 s before samples are moved
#define SILENCE_MAX_S 3600 // a longer gap is a damaged time stamp

struct MskRecoder {
    AVStream *source;
    char *path;
    AVCodecContext *decoder, *encoder;
    SwrContext *resampler;
    AVAudioFifo *samples; // in the encoder's format and rate
    AVFrame *decoded, *chunk;
    int64_t start;     // source stream's time base
    int64_t n_in;      // samples given to the resampler, from the start
    int64_t n_out;     // samples given to the encoder
    gboolean emptying; // the encoder got everything
};

static gboolean fail(MskRecoder *recoder, int code, const char *what, GError **error)
{
    return msk_movie_fail(error, code, MSK_EXPORT_ERROR_SOURCE, what, recoder->path);
}

static enum AVSampleFormat choose_format(const AVCodec *codec, enum AVSampleFormat wanted)
{
    if (!codec->sample_fmts)
        return wanted;
    for (const enum AVSampleFormat *at = codec->sample_fmts; *at != AV_SAMPLE_FMT_NONE; at++) {
        if (av_get_packed_sample_fmt(*at) == av_get_packed_sample_fmt(wanted))
            return *at;
    }
    return codec->sample_fmts[0];
}

static int choose_rate(const AVCodec *codec, int wanted)
{
    if (!codec->supported_samplerates)
        return wanted;
    int best = 0; // the lowest that loses nothing, else the highest
    for (const int *at = codec->supported_samplerates; *at; at++) {
        gboolean enough = *at >= wanted, best_enough = best >= wanted;
        if (best == 0 || (enough && (!best_enough || *at < best)) ||
            (!enough && !best_enough && *at > best))
            best = *at;
    }
    return best;
}

static void choose_layout(const AVCodec *codec, const AVChannelLayout *wanted, AVChannelLayout *out)
{
    if (wanted->order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(out, wanted->nb_channels);
    else
        av_channel_layout_copy(out, wanted);
    gboolean any = !codec->ch_layouts;
    for (const AVChannelLayout *at = codec->ch_layouts; at && at->nb_channels && !any; at++)
        any = av_channel_layout_compare(at, out) == 0;
    gboolean opus_takes = codec->id != AV_CODEC_ID_OPUS || out->nb_channels <= 8;
    if (any && opus_takes)
        return;
    av_channel_layout_uninit(out);
    av_channel_layout_default(out, wanted->nb_channels == 1 ? 1 : 2);
}

static gboolean open_decoder(MskRecoder *recoder, GError **error)
{
    const AVCodecParameters *codec = recoder->source->codecpar;
    const AVCodec *decoder = avcodec_find_decoder(codec->codec_id);
    if (!decoder)
        return fail(recoder, AVERROR_DECODER_NOT_FOUND,
                    _("Cannot decode the sound of %s; export without sound"), error);
    recoder->decoder = avcodec_alloc_context3(decoder);
    if (!recoder->decoder)
        g_error("out of memory");
    int code = avcodec_parameters_to_context(recoder->decoder, codec);
    recoder->decoder->pkt_timebase = recoder->source->time_base;
    if (code >= 0)
        code = avcodec_open2(recoder->decoder, decoder, NULL);
    return code >= 0 ? TRUE
                     : fail(recoder, code, _("Cannot decode the sound of %s; export without sound"),
                            error);
}

static gboolean open_encoder(MskRecoder *recoder, enum AVCodecID id, gboolean global_header,
                             GError **error)
{
    // The native Opus encoder is experimental.
    const AVCodec *codec =
        id == AV_CODEC_ID_OPUS ? avcodec_find_encoder_by_name("libopus") : avcodec_find_encoder(id);
    if (!codec) {
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_UNSUPPORTED,
                    _("The sound encoder %s is missing from this machine's FFmpeg; export without "
                      "sound or install a full FFmpeg"),
                    avcodec_get_name(id));
        return FALSE;
    }
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    if (!encoder)
        g_error("out of memory");
    recoder->encoder = encoder;
    const AVCodecContext *decoder = recoder->decoder;
    encoder->sample_fmt = choose_format(codec, decoder->sample_fmt);
    encoder->sample_rate = choose_rate(codec, decoder->sample_rate);
    choose_layout(codec, &decoder->ch_layout, &encoder->ch_layout);
    encoder->time_base = (AVRational){1, encoder->sample_rate};
    if (id == AV_CODEC_ID_OPUS || id == AV_CODEC_ID_AAC)
        encoder->bit_rate = 96000 * (int64_t)encoder->ch_layout.nb_channels;
    if (decoder->bits_per_raw_sample > 0)
        encoder->bits_per_raw_sample = decoder->bits_per_raw_sample;
    if (global_header)
        encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int code = avcodec_open2(encoder, codec, NULL);
    if (code < 0)
        return msk_movie_fail(
            error, code, MSK_EXPORT_ERROR_UNSUPPORTED,
            _("The sound encoder %s refuses the sound of %s; export without sound"), codec->name,
            recoder->path);
    return TRUE;
}

static gboolean open_resampler(MskRecoder *recoder, GError **error)
{
    AVCodecContext *from = recoder->decoder, *to = recoder->encoder;
    if (from->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
        int n = from->ch_layout.nb_channels;
        av_channel_layout_uninit(&from->ch_layout);
        av_channel_layout_default(&from->ch_layout, n);
    }
    int code =
        swr_alloc_set_opts2(&recoder->resampler, &to->ch_layout, to->sample_fmt, to->sample_rate,
                            &from->ch_layout, from->sample_fmt, from->sample_rate, 0, NULL);
    if (code >= 0)
        code = swr_init(recoder->resampler);
    if (code < 0)
        return fail(recoder, code, _("Cannot convert the sound of %s; export without sound"),
                    error);
    recoder->samples = av_audio_fifo_alloc(to->sample_fmt, to->ch_layout.nb_channels, CHUNK);
    recoder->decoded = av_frame_alloc();
    recoder->chunk = av_frame_alloc();
    if (!recoder->samples || !recoder->decoded || !recoder->chunk)
        g_error("out of memory");
    return TRUE;
}

MskRecoder *msk_recoder_open(AVStream *source, enum AVCodecID codec, gboolean global_header,
                             const AVCodecContext **encoder, const char *path, GError **error)
{
    MskRecoder *recoder = g_new0(MskRecoder, 1);
    recoder->source = source;
    recoder->path = g_strdup(path);
    if (!open_decoder(recoder, error) || !open_encoder(recoder, codec, global_header, error) ||
        !open_resampler(recoder, error)) {
        msk_recoder_free(recoder);
        return NULL;
    }
    *encoder = recoder->encoder;
    return recoder;
}

void msk_recoder_free(MskRecoder *recoder)
{
    if (!recoder)
        return;
    avcodec_free_context(&recoder->decoder);
    avcodec_free_context(&recoder->encoder);
    swr_free(&recoder->resampler);
    if (recoder->samples)
        av_audio_fifo_free(recoder->samples);
    av_frame_free(&recoder->decoded);
    av_frame_free(&recoder->chunk);
    g_free(recoder->path);
    g_free(recoder);
}

void msk_recoder_start(MskRecoder *recoder, int64_t start)
{
    recoder->start = start;
}

// Resamples into the queue; NULL input empties the resampler.
static gboolean resample(MskRecoder *recoder, const uint8_t **in, int n, GError **error)
{
    AVCodecContext *encoder = recoder->encoder;
    int room = swr_get_out_samples(recoder->resampler, n);
    if (room <= 0)
        return room == 0 ? TRUE
                         : fail(recoder, room,
                                _("Cannot convert the sound of %s; export without sound"), error);
    uint8_t **out = NULL;
    int code = av_samples_alloc_array_and_samples(&out, NULL, encoder->ch_layout.nb_channels, room,
                                                  encoder->sample_fmt, 0);
    if (code < 0)
        return fail(recoder, code, _("Cannot convert the sound of %s; export without sound"),
                    error);
    int n_out = swr_convert(recoder->resampler, out, room, in, n);
    if (n_out > 0)
        code = av_audio_fifo_write(recoder->samples, (void **)out, n_out);
    av_freep(&out[0]);
    av_freep(&out);
    if (n_out < 0 || code < 0)
        return fail(recoder, n_out < 0 ? n_out : code,
                    _("Cannot convert the sound of %s; export without sound"), error);
    return TRUE;
}

static gboolean add_silence(MskRecoder *recoder, int64_t n, GError **error)
{
    AVCodecContext *decoder = recoder->decoder;
    uint8_t **silence = NULL;
    int code = av_samples_alloc_array_and_samples(&silence, NULL, decoder->ch_layout.nb_channels,
                                                  CHUNK, decoder->sample_fmt, 0);
    if (code < 0)
        return fail(recoder, code, _("Cannot convert the sound of %s; export without sound"),
                    error);
    av_samples_set_silence(silence, 0, CHUNK, decoder->ch_layout.nb_channels, decoder->sample_fmt);
    gboolean done = TRUE;
    for (; done && n > 0; n -= CHUNK) {
        int part = (int)MIN(n, CHUNK);
        done = resample(recoder, (const uint8_t **)silence, part, error);
        recoder->n_in += part;
    }
    av_freep(&silence[0]);
    av_freep(&silence);
    return done;
}

// Puts a decoded frame where its time stamp says.
static gboolean place(MskRecoder *recoder, const AVFrame *frame, GError **error)
{
    const AVCodecContext *decoder = recoder->decoder;
    if (frame->sample_rate != decoder->sample_rate || frame->format != decoder->sample_fmt ||
        frame->ch_layout.nb_channels != decoder->ch_layout.nb_channels)
        return fail(recoder, AVERROR_INPUT_CHANGED,
                    _("The format changes in the sound of %s; export without sound"), error);
    int64_t at = recoder->n_in;
    int64_t pts = frame->best_effort_timestamp;
    if (pts != AV_NOPTS_VALUE)
        at = av_rescale_q(pts - recoder->start, recoder->source->time_base,
                          (AVRational){1, decoder->sample_rate});
    if (recoder->n_in > 0 && llabs(at - recoder->n_in) <= decoder->sample_rate / JITTER_DIVISOR)
        at = recoder->n_in;
    if (at > recoder->n_in) {
        if (at - recoder->n_in > (int64_t)SILENCE_MAX_S * decoder->sample_rate)
            return fail(recoder, AVERROR_INVALIDDATA,
                        _("A time stamp is wrong in the sound of %s; export without sound"), error);
        if (!add_silence(recoder, at - recoder->n_in, error))
            return FALSE;
    }
    int64_t skip = recoder->n_in - at;
    if (skip >= frame->nb_samples)
        return TRUE;
    int n_channels = decoder->ch_layout.nb_channels;
    gboolean planar = av_sample_fmt_is_planar(decoder->sample_fmt);
    size_t offset = (size_t)skip * (size_t)av_get_bytes_per_sample(decoder->sample_fmt) *
                    (size_t)(planar ? 1 : n_channels);
    g_autofree const uint8_t **in = g_new(const uint8_t *, n_channels);
    for (int i = 0; i < (planar ? n_channels : 1); i++)
        in[i] = frame->extended_data[i] + offset;
    int n = frame->nb_samples - (int)skip;
    recoder->n_in += n;
    return resample(recoder, in, n, error);
}

gboolean msk_recoder_add(MskRecoder *recoder, const AVPacket *packet, GError **error)
{
    // A damaged packet leaves a gap, which the time stamps behind it fill with silence.
    if (avcodec_send_packet(recoder->decoder, packet) < 0 && packet)
        return TRUE;
    while (avcodec_receive_frame(recoder->decoder, recoder->decoded) >= 0) {
        gboolean done = place(recoder, recoder->decoded, error);
        av_frame_unref(recoder->decoded);
        if (!done)
            return FALSE;
    }
    return packet || resample(recoder, NULL, 0, error);
}

static gboolean encode_chunk(MskRecoder *recoder, int n, GError **error)
{
    AVFrame *chunk = recoder->chunk;
    AVCodecContext *encoder = recoder->encoder;
    chunk->nb_samples = n;
    chunk->format = encoder->sample_fmt;
    chunk->sample_rate = encoder->sample_rate;
    av_channel_layout_copy(&chunk->ch_layout, &encoder->ch_layout);
    chunk->pts = recoder->n_out;
    int code = av_frame_get_buffer(chunk, 0);
    if (code >= 0)
        code = av_audio_fifo_read(recoder->samples, (void **)chunk->extended_data, n);
    if (code >= 0)
        code = avcodec_send_frame(encoder, chunk);
    av_frame_unref(chunk);
    recoder->n_out += n;
    return code >= 0 ? TRUE
                     : fail(recoder, code, _("Cannot encode the sound of %s; export without sound"),
                            error);
}

// Gives the encoder its next chunk; FALSE without an error when there is nothing to give.
static gboolean feed(MskRecoder *recoder, int64_t end, gboolean last, GError **error)
{
    AVCodecContext *encoder = recoder->encoder;
    int64_t limit =
        av_rescale_q(end - recoder->start, recoder->source->time_base, encoder->time_base);
    int size = encoder->frame_size > 0 ? encoder->frame_size : CHUNK;
    int n = (int)MIN(limit - recoder->n_out, av_audio_fifo_size(recoder->samples));
    if (n >= size || (last && n > 0))
        return encode_chunk(recoder, MIN(n, size), error);
    if (!last || recoder->emptying)
        return FALSE;
    recoder->emptying = TRUE;
    avcodec_send_frame(encoder, NULL);
    return TRUE;
}

gboolean msk_recoder_receive(MskRecoder *recoder, int64_t end, gboolean last, AVPacket *packet,
                             GError **error)
{
    for (;;) {
        int code = avcodec_receive_packet(recoder->encoder, packet);
        if (code >= 0)
            return TRUE;
        if (code != AVERROR(EAGAIN) && code != AVERROR_EOF)
            return fail(recoder, code, _("Cannot encode the sound of %s; export without sound"),
                        error);
        if (code == AVERROR_EOF || !feed(recoder, end, last, error))
            return FALSE;
    }
}
