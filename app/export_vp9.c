// SPDX-License-Identifier: Apache-2.0
// VP9 with alpha in .webm: colour as 4:2:0, alpha as a second VP9 stream in block additions.
//
// FFmpeg's encoder can do both at once, but codes alpha as coarsely as colour. Here alpha has an
// encoder of its own without loss; the packets are what that encoder would have made.
#include <glib/gi18n.h>
#include <libavutil/intreadwrite.h>

#include "app/export_movie.h"

#define KEY_FRAME_DISTANCE 120

typedef struct Vp9Writer {
    const MskExportSource *source;
    MskMovieSpec spec, alpha_spec;
    MskMovie *movie;
    AVCodecContext *alpha_encoder;
    AVPacket *alpha_packet;
    int64_t n_frames;
} Vp9Writer;

static void free_vp9(void *data)
{
    Vp9Writer *writer = data;
    msk_movie_free(writer->movie);
    avcodec_free_context(&writer->alpha_encoder);
    av_packet_free(&writer->alpha_packet);
    g_free(writer);
}

// Gives a colour packet the alpha packet of the same picture.
static gboolean join_alpha_cb(void *user, AVPacket *packet, GError **error)
{
    Vp9Writer *writer = user;
    int code = avcodec_receive_packet(writer->alpha_encoder, writer->alpha_packet);
    if (code < 0)
        return msk_movie_fail(error, code, MSK_EXPORT_ERROR_UNSUPPORTED,
                              _("The encoder %s gave no alpha"), writer->alpha_spec.encoder);
    size_t size = (size_t)writer->alpha_packet->size;
    uint8_t *addition =
        writer->alpha_packet->pts == packet->pts
            ? av_packet_new_side_data(packet, AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL, size + 8)
            : NULL;
    if (addition) {
        AV_WB64(addition, 1); // the number that WebM gave to alpha
        memcpy(addition + 8, writer->alpha_packet->data, size);
    } else {
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_UNSUPPORTED,
                    _("The encoder %s lost the order of pictures"), writer->alpha_spec.encoder);
    }
    av_packet_unref(writer->alpha_packet);
    return addition != NULL;
}

static void *open_vp9(const MskExportSource *source, const char *path, const char *shown,
                      GError **error)
{
    Vp9Writer *writer = g_new0(Vp9Writer, 1);
    writer->source = source;
    // No alternate reference frames and no lag: one packet a picture, in order, from both encoders.
    writer->spec = (MskMovieSpec){
        .muxer = "webm",
        .encoder = "libvpx-vp9",
        .pixel_format = AV_PIX_FMT_YUV420P,
        .marked_format = AV_PIX_FMT_YUVA420P,
        .tags = msk_movie_yuv_tags(source, AVCOL_RANGE_MPEG),
        .options = "auto-alt-ref=0:lag-in-frames=0:crf=18:b=0:deadline=good:cpu-used=4:row-mt=1",
        .packet_cb = join_alpha_cb,
        .user = writer,
    };
    writer->alpha_spec = writer->spec;
    writer->alpha_spec.options =
        "auto-alt-ref=0:lag-in-frames=0:lossless=1:deadline=good:cpu-used=4:row-mt=1";
    writer->alpha_spec.tags = msk_movie_matte_tags(source, AVCOL_RANGE_MPEG);
    writer->alpha_packet = av_packet_alloc();
    writer->alpha_encoder = msk_movie_open_encoder(source, &writer->alpha_spec, FALSE, error);
    if (writer->alpha_encoder)
        writer->movie = msk_movie_open(source, &writer->spec, path, shown, error);
    if (writer->movie)
        return writer;
    free_vp9(writer);
    return NULL;
}

static gboolean write_vp9(void *data, const MskExportPicture *picture, GError **error)
{
    Vp9Writer *writer = data;
    g_autoptr(AVFrame) av = msk_movie_convert(&writer->spec, picture->frame, error);
    g_autoptr(AVFrame) alpha =
        av ? msk_movie_new_picture(&writer->alpha_spec, writer->source, error) : NULL;
    if (!alpha)
        return FALSE;
    if (writer->source->premultiplied)
        msk_export_premultiply(av, picture->alpha);
    msk_export_fill_matte(alpha, picture->alpha, FALSE);
    msk_export_fill_plane(alpha, 1, 128);
    msk_export_fill_plane(alpha, 2, 128);

    // A reader that seeks starts both streams on the same picture.
    gboolean is_key = writer->n_frames++ % KEY_FRAME_DISTANCE == 0;
    av->pict_type = alpha->pict_type = is_key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    alpha->pts = picture->pts;
    int code = avcodec_send_frame(writer->alpha_encoder, alpha);
    if (code < 0)
        return msk_movie_fail(error, code, MSK_EXPORT_ERROR_UNSUPPORTED, _("The encoder %s failed"),
                              writer->alpha_spec.encoder);
    return msk_movie_write(writer->movie, av, picture, error);
}

static gboolean finish_vp9(void *data, GError **error)
{
    Vp9Writer *writer = data;
    avcodec_send_frame(writer->alpha_encoder, NULL);
    return msk_movie_finish(writer->movie, error);
}

const MskExportWriter msk_export_vp9_writer = {open_vp9, write_vp9, finish_vp9, free_vp9};
