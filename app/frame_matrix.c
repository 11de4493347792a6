// SPDX-License-Identifier: Apache-2.0
// YUV to RGB and back at 16 bits. swscale's 16-bit RGB puts white at 65280 and its results from
// more than 8 bits are off by a step; here it only interpolates chroma.
#include "app/frame_private.h"

#include <glib/gi18n.h>
#include "app/media.h"

typedef struct Matrix {
    float kr, kg, kb;
    float luma_zero, luma_span, chroma_span; // in 16-bit codes; chroma is centred on 32768
} Matrix;

// `depth`: of the format that the 16-bit codes are made from or for, by shifting.
static Matrix matrix_of(const MskColour *colour, int depth)
{
    Matrix matrix = {.kr = 0.299f, .kb = 0.114f};

    switch (colour->matrix) {
    case AVCOL_SPC_BT709:
        matrix.kr = 0.2126f;
        matrix.kb = 0.0722f;
        break;
    case AVCOL_SPC_FCC:
        matrix.kr = 0.30f;
        matrix.kb = 0.11f;
        break;
    case AVCOL_SPC_SMPTE240M:
        matrix.kr = 0.212f;
        matrix.kb = 0.087f;
        break;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        matrix.kr = 0.2627f;
        matrix.kb = 0.0593f;
        break;
    }
    matrix.kg = 1 - matrix.kr - matrix.kb;
    if (colour->range == AVCOL_RANGE_JPEG) {
        matrix.luma_span = matrix.chroma_span = (float)(((1 << depth) - 1) << (16 - depth));
    } else {
        matrix.luma_zero = 16 * 256;
        matrix.luma_span = 219 * 256;
        matrix.chroma_span = 224 * 256;
    }
    return matrix;
}

// Comparisons, not fminf(): these loops are vectorised.
static inline uint16_t round_clipped(float value, float max)
{
    value += 0.5f;
    value = value > 0 ? value : 0;
    value = value < max ? value : max;
    return (uint16_t)(int)value;
}

static void row_to_rgb(const Matrix *matrix, int width, unsigned max, const uint16_t *restrict y,
                       const uint16_t *restrict cb, const uint16_t *restrict cr,
                       uint16_t *restrict r, uint16_t *restrict g, uint16_t *restrict b)
{
    const float top = (float)max, kr = matrix->kr, kg = matrix->kg, kb = matrix->kb;
    const float luma_scale = top / matrix->luma_span, chroma_scale = top / matrix->chroma_span;
    const float r_cr = 2 * (1 - kr) * chroma_scale, b_cb = 2 * (1 - kb) * chroma_scale;
    const float g_cr = -r_cr * kr / kg, g_cb = -b_cb * kb / kg, zero = matrix->luma_zero;

    for (int x = 0; x < width; x++) {
        const float luma = ((float)y[x] - zero) * luma_scale;
        const float blue = (float)cb[x] - 32768, red = (float)cr[x] - 32768;
        r[x] = round_clipped(luma + red * r_cr, top);
        g[x] = round_clipped(luma + red * g_cr + blue * g_cb, top);
        b[x] = round_clipped(luma + blue * b_cb, top);
    }
}

static void row_to_yuv(const Matrix *matrix, int width, const uint16_t *restrict r,
                       const uint16_t *restrict g, const uint16_t *restrict b, uint16_t *restrict y,
                       uint16_t *restrict cb, uint16_t *restrict cr)
{
    const float unit = 1 / 65535.0f;
    const float kr = matrix->kr * unit, kg = matrix->kg * unit, kb = matrix->kb * unit;
    const float zero = matrix->luma_zero, span = matrix->luma_span;
    const float cb_scale = matrix->chroma_span / (2 * (1 - matrix->kb));
    const float cr_scale = matrix->chroma_span / (2 * (1 - matrix->kr));

    for (int x = 0; x < width; x++) {
        const float luma = kr * (float)r[x] + kg * (float)g[x] + kb * (float)b[x];
        y[x] = round_clipped(zero + span * luma, 65535);
        cb[x] = round_clipped(32768 + cb_scale * ((float)b[x] * unit - luma), 65535);
        cr[x] = round_clipped(32768 + cr_scale * ((float)r[x] * unit - luma), 65535);
    }
}

gboolean msk_frame_is_yuv(const AVPixFmtDescriptor *desc)
{
    const uint64_t others = AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BITSTREAM |
                            AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_RGB |
                            AV_PIX_FMT_FLAG_PAL;

    return !(desc->flags & others) && desc->nb_components >= 3 &&
           !g_str_has_prefix(desc->name, "xyz");
}

static AVFrame *alloc_16(enum AVPixelFormat format, const AVFrame *like, GError **error)
{
    AVFrame *av = av_frame_alloc();

    if (av) {
        av->format = format;
        av->width = like->width;
        av->height = like->height;
        if (av_frame_get_buffer(av, 0) < 0)
            av_frame_free(&av);
    }
    if (!av)
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_MEMORY,
                    _("Out of memory for a picture of %d x %d pixels"), like->width, like->height);
    return av;
}

static uint16_t *row_of(const AVFrame *av, int plane, int y)
{
    return (uint16_t *)(av->data[plane] + (ptrdiff_t)y * av->linesize[plane]);
}

static gboolean is_subsampled(const AVFrame *av)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);

    return desc->log2_chroma_w || desc->log2_chroma_h;
}

AVFrame *msk_frame_expand(const AVFrame *av, const MskColour *colour, GError **error)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);
    g_autoptr(AVFrame) yuv = alloc_16(AV_PIX_FMT_YUV444P16, av, error);

    if (!yuv)
        return NULL;
    if (is_subsampled(av)) {
        MskImage src = msk_image_of_frame(av, colour), dst = msk_image_of_frame(yuv, colour);
        return msk_image_scale(&dst, &src, error) ? g_steal_pointer(&yuv) : NULL;
    }
    for (int c = 0; c < 3; c++) {
        for (int y = 0; y < av->height; y++) {
            uint16_t *row = row_of(yuv, c, y);
            av_read_image_line2(row, (const uint8_t **)av->data, av->linesize, desc, 0, y, c,
                                av->width, 0, 2);
            for (int x = 0; x < av->width; x++)
                row[x] = (uint16_t)(row[x] << (16 - desc->comp[c].depth));
        }
    }
    return g_steal_pointer(&yuv);
}

void msk_frame_expanded_row(const AVFrame *yuv, const MskColour *colour, int depth, int y,
                            unsigned max, uint16_t *r, uint16_t *g, uint16_t *b)
{
    const Matrix matrix = matrix_of(colour, depth);

    row_to_rgb(&matrix, yuv->width, max, row_of(yuv, 0, y), row_of(yuv, 1, y), row_of(yuv, 2, y), r,
               g, b);
}

AVFrame *msk_frame_to_rgb16(const AVFrame *av, const MskColour *colour, GError **error)
{
    const int depth = av_pix_fmt_desc_get(av->format)->comp[0].depth;
    g_autoptr(AVFrame) yuv = msk_frame_expand(av, colour, error);
    g_autoptr(AVFrame) rgb = yuv ? alloc_16(AV_PIX_FMT_GBRP16, av, error) : NULL;

    for (int y = 0; rgb && y < av->height; y++)
        msk_frame_expanded_row(yuv, colour, depth, y, 65535, row_of(rgb, 2, y), row_of(rgb, 0, y),
                               row_of(rgb, 1, y));
    return g_steal_pointer(&rgb);
}

gboolean msk_frame_plain_to_yuv(const AVFrame *plain, const MskColour *from, AVFrame *dst,
                                const MskColour *to, GError **error)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(dst->format);
    const int depth = desc->comp[0].depth, shift = 16 - depth, width = plain->width;
    const Matrix matrix = matrix_of(to, depth);
    g_autofree uint16_t *rgb = g_new(uint16_t, (size_t)width * 3);
    g_autoptr(AVFrame) yuv = alloc_16(AV_PIX_FMT_YUV444P16, plain, error);

    if (!yuv)
        return FALSE;
    for (int y = 0; y < plain->height; y++) {
        for (int c = 0; c < 3; c++)
            msk_frame_read_row(plain, from, FALSE, y, c, 65535, rgb + (size_t)width * c);
        row_to_yuv(&matrix, width, rgb, rgb + width, rgb + 2 * (size_t)width, row_of(yuv, 0, y),
                   row_of(yuv, 1, y), row_of(yuv, 2, y));
    }
    if (is_subsampled(dst)) {
        MskImage src_image = msk_image_of_frame(yuv, to), dst_image = msk_image_of_frame(dst, to);
        return msk_image_scale(&dst_image, &src_image, error);
    }
    for (int y = 0; y < plain->height; y++) { // swscale would dither
        for (int c = 0; c < 3; c++) {
            uint16_t *row = row_of(yuv, c, y);
            for (int x = 0; x < width && shift; x++)
                row[x] = (uint16_t)MIN((row[x] + (1 << (shift - 1))) >> shift, (1 << depth) - 1);
            msk_frame_write_component(dst, &desc->comp[c], y, row);
        }
    }
    return TRUE;
}
