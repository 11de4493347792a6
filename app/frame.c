// SPDX-License-Identifier: Apache-2.0
// MskFrame: life, facts, and what its colour tags mean.
#include "app/frame_private.h"

#include <glib/gi18n.h>
#include <libavutil/mem.h>
#include <math.h>
#include <stdlib.h>

gboolean msk_orientation_swaps(MskOrientation orientation)
{
    return orientation >= MSK_ORIENTATION_TRANSPOSE;
}

MskOrientation msk_orientation_from_matrix(const int32_t matrix[9], gboolean *exact)
{
    // Coded (p, q) is shown at x = a p + c q, y = b p + d q.
    double a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
    double straight = fmin(fabs(a), fabs(d)), turned = fmin(fabs(b), fabs(c));
    double rest_straight = fmax(fabs(b), fabs(c)), rest_turned = fmax(fabs(a), fabs(d));
    const double one_degree = 0.01746;

    if (exact)
        *exact = TRUE;
    if (straight > 0 && rest_straight <= straight * one_degree) {
        if (a > 0)
            return d > 0 ? MSK_ORIENTATION_NORMAL : MSK_ORIENTATION_FLIP_V;
        return d > 0 ? MSK_ORIENTATION_FLIP_H : MSK_ORIENTATION_ROTATE_180;
    }
    if (turned > 0 && rest_turned <= turned * one_degree) {
        if (b > 0)
            return c > 0 ? MSK_ORIENTATION_TRANSPOSE : MSK_ORIENTATION_ROTATE_90;
        return c > 0 ? MSK_ORIENTATION_ROTATE_270 : MSK_ORIENTATION_TRANSVERSE;
    }
    if (exact)
        *exact = FALSE;
    return MSK_ORIENTATION_NORMAL;
}

static gboolean is_known_matrix(int matrix)
{
    switch (matrix) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_FCC:
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_SMPTE240M:
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return TRUE;
    }
    return FALSE;
}

static gboolean is_jpeg_format(const AVPixFmtDescriptor *desc)
{
    return g_str_has_prefix(desc->name, "yuvj");
}

MskColour msk_frame_resolve_colour(const AVPixFmtDescriptor *desc, int width, int height,
                                   MskColour tagged)
{
    MskColour colour = tagged;

    if (desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) {
        colour.range = AVCOL_RANGE_JPEG;
        colour.matrix = AVCOL_SPC_RGB;
        return colour;
    }
    if (is_jpeg_format(desc))
        colour.range = AVCOL_RANGE_JPEG;
    if (colour.range == AVCOL_RANGE_UNSPECIFIED)
        colour.range = desc->nb_components <= 2 ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    if (!is_known_matrix(colour.matrix)) {
        gboolean hd = width >= 1280 || height > 576;
        colour.matrix = hd ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    }
    return colour;
}

static size_t count_bytes(const AVFrame *av)
{
    size_t size = sizeof(MskFrame) + sizeof(AVFrame);

    for (int i = 0; i < AV_NUM_DATA_POINTERS && av->buf[i]; i++)
        size += av->buf[i]->size;
    return size;
}

MskFrame *msk_frame_new(const AVFrame *av, int64_t n, int64_t pts, MskOrientation orientation,
                        int width, int height)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);
    MskFrame *frame = g_new0(MskFrame, 1);

    g_atomic_ref_count_init(&frame->n_refs);
    frame->av =
        desc->flags & AV_PIX_FMT_FLAG_FLOAT ? msk_frame_linear_to_srgb(av) : av_frame_clone(av);
    if (!frame->av)
        g_error("out of memory: a picture of %d x %d pixels", av->width, av->height);
    desc = av_pix_fmt_desc_get(frame->av->format);
    frame->n = n;
    frame->pts = pts;
    frame->orientation = orientation;
    frame->width = width;
    frame->height = height;
    frame->has_alpha = desc->flags & AV_PIX_FMT_FLAG_PAL ? msk_frame_palette_has_alpha(frame->av)
                                                         : !!(desc->flags & AV_PIX_FMT_FLAG_ALPHA);
    MskColour tagged = {frame->av->color_range, frame->av->colorspace, frame->av->color_primaries,
                        frame->av->color_trc, frame->av->chroma_location};
    frame->colour = msk_frame_resolve_colour(desc, frame->av->width, frame->av->height, tagged);
    frame->size = count_bytes(frame->av);
    return frame;
}

MskFrame *msk_frame_ref(MskFrame *frame)
{
    g_atomic_ref_count_inc(&frame->n_refs);
    return frame;
}

void msk_frame_unref(MskFrame *frame)
{
    if (!frame || !g_atomic_ref_count_dec(&frame->n_refs))
        return;
    av_frame_free(&frame->av);
    g_free(frame);
}

int64_t msk_frame_get_number(const MskFrame *frame)
{
    return frame->n;
}

int64_t msk_frame_get_pts(const MskFrame *frame)
{
    return frame->pts;
}

int msk_frame_get_width(const MskFrame *frame)
{
    return frame->width;
}

int msk_frame_get_height(const MskFrame *frame)
{
    return frame->height;
}

gboolean msk_frame_has_alpha(const MskFrame *frame)
{
    return frame->has_alpha;
}

int msk_frame_get_depth(const MskFrame *frame)
{
    return av_pix_fmt_desc_get(frame->av->format)->comp[0].depth;
}

size_t msk_frame_get_size(const MskFrame *frame)
{
    return frame->size;
}

MskOrientation msk_frame_get_orientation(const MskFrame *frame)
{
    return frame->orientation;
}

MskColour msk_frame_get_colour(const MskFrame *frame)
{
    return frame->colour;
}

const AVFrame *msk_frame_get_av(const MskFrame *frame)
{
    return frame->av;
}
