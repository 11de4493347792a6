// SPDX-License-Identifier: Apache-2.0
// The drawn clip of masklet-cli bench.
#include "app/bench_clip.h"

#include <gio/gio.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
#include <math.h>

#include "app/media_private.h"

void bench_clip_centre(int width, int height, int64_t n, int i, double *x, double *y)
{
    double phase = 0.7 * i + 0.03 * (double)n;
    *x = width * (0.5 + 0.33 * cos(phase + 2.1 * i));
    *y = height * (0.5 + 0.30 * sin(1.3 * phase));
}

void bench_clip_draw(uint8_t *rgb, int width, int height, int64_t n, int n_discs)
{
    size_t stride = 3 * (size_t)width;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = rgb + (size_t)y * stride + 3 * (size_t)x;
            int shifted = x + (int)n;
            pixel[0] = (uint8_t)(60 + 100 * y / height + ((shifted ^ y) & 31));
            pixel[1] = (uint8_t)(90 + 60 * x / width + ((shifted * y >> 5) & 31));
            pixel[2] = (uint8_t)(120 + (shifted * 7 + y * 3) % 41);
        }
    }
    double radius = fmin(width, height) * 0.12;
    for (int i = 0; i < n_discs; i++) {
        double cx, cy;
        bench_clip_centre(width, height, n, i, &cx, &cy);
        for (int y = (int)fmax(0, cy - radius); y < fmin(height, cy + radius); y++) {
            for (int x = (int)fmax(0, cx - radius); x < fmin(width, cx + radius); x++) {
                double dx = (x - cx) / radius, dy = (y - cy) / radius;
                if (dx * dx + dy * dy > 1)
                    continue;
                uint8_t *pixel = rgb + (size_t)y * stride + 3 * (size_t)x;
                pixel[0] = (uint8_t)(230 - 60 * i % 200);
                pixel[1] = (uint8_t)(120 + 40 * dy);
                pixel[2] = (uint8_t)(40 + 90 * i % 200);
            }
        }
    }
}

typedef struct Writer {
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *stream;
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;
    uint8_t *rgb;
} Writer;

static void close_writer(Writer *writer)
{
    if (writer->format && writer->format->pb)
        avio_closep(&writer->format->pb);
    avformat_free_context(writer->format);
    avcodec_free_context(&writer->codec);
    av_frame_free(&writer->frame);
    av_packet_free(&writer->packet);
    sws_freeContext(writer->scaler);
    g_free(writer->rgb);
}

// An encoder wants even sides.
static gboolean open_codec(Writer *writer, int width, int height)
{
    static const char *const names[] = {"libx264", "mpeg4"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const AVCodec *codec = avcodec_find_encoder_by_name(names[i]);
        writer->codec = codec ? avcodec_alloc_context3(codec) : NULL;
        if (!writer->codec)
            continue;
        writer->codec->width = width;
        writer->codec->height = height;
        writer->codec->pix_fmt = AV_PIX_FMT_YUV420P;
        writer->codec->time_base = (AVRational){1, 25};
        writer->codec->gop_size = 48;
        writer->codec->bit_rate = (int64_t)width * height * 4;
        writer->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
        if (avcodec_open2(writer->codec, codec, NULL) == 0)
            return TRUE;
        avcodec_free_context(&writer->codec);
    }
    return FALSE;
}

static gboolean open_writer(Writer *writer, const char *path, int width, int height)
{
    writer->frame = av_frame_alloc();
    writer->packet = av_packet_alloc();
    writer->rgb = g_try_malloc(3 * (size_t)width * (size_t)height);
    if (!writer->frame || !writer->packet || !writer->rgb || !open_codec(writer, width, height) ||
        avformat_alloc_output_context2(&writer->format, NULL, "matroska", path) < 0)
        return FALSE;
    writer->stream = avformat_new_stream(writer->format, NULL);
    if (!writer->stream ||
        avcodec_parameters_from_context(writer->stream->codecpar, writer->codec) < 0)
        return FALSE;
    writer->stream->time_base = writer->codec->time_base;
    writer->frame->width = width;
    writer->frame->height = height;
    writer->frame->format = AV_PIX_FMT_YUV420P;
    writer->scaler = sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height,
                                    AV_PIX_FMT_YUV420P, SWS_BILINEAR, NULL, NULL, NULL);
    return writer->scaler && av_frame_get_buffer(writer->frame, 0) == 0 &&
           avio_open(&writer->format->pb, path, AVIO_FLAG_WRITE) == 0 &&
           avformat_write_header(writer->format, NULL) >= 0;
}

// Sends a frame (NULL: the end) and writes what comes out.
static gboolean encode(Writer *writer, AVFrame *frame)
{
    if (avcodec_send_frame(writer->codec, frame) < 0)
        return FALSE;
    while (avcodec_receive_packet(writer->codec, writer->packet) == 0) {
        av_packet_rescale_ts(writer->packet, writer->codec->time_base, writer->stream->time_base);
        if (av_interleaved_write_frame(writer->format, writer->packet) < 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean write_frames(Writer *writer, int64_t n_frames, int n_discs)
{
    int width = writer->frame->width, height = writer->frame->height;
    const uint8_t *rows[] = {writer->rgb};
    const int strides[] = {3 * width};
    for (int64_t n = 0; n < n_frames; n++) {
        bench_clip_draw(writer->rgb, width, height, n, n_discs);
        if (av_frame_make_writable(writer->frame) < 0)
            return FALSE;
        sws_scale(writer->scaler, rows, strides, 0, height, writer->frame->data,
                  writer->frame->linesize);
        writer->frame->pts = n;
        if (!encode(writer, writer->frame))
            return FALSE;
    }
    return encode(writer, NULL) && av_write_trailer(writer->format) == 0;
}

gboolean bench_clip_write(const char *path, int width, int height, int64_t n_frames, int n_discs,
                          const char **codec, GError **error)
{
    Writer writer = {0};
    msk_log_silence();
    gboolean done =
        open_writer(&writer, path, width, height) && write_frames(&writer, n_frames, n_discs);
    if (done)
        *codec = writer.codec->codec_id == AV_CODEC_ID_H264 ? "H.264" : "MPEG-4";
    else
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "%s: a video of %d x %d pixels for measuring could not be written", path, width,
                    height);
    close_writer(&writer);
    return done;
}
