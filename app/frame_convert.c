// SPDX-License-Identifier: Apache-2.0
// MskFrame to packed RGB and to any pixel format an encoder wants.
#include "app/frame_private.h"
#include "app/media.h"

#include <glib/gi18n.h>
#include <libavutil/imgutils.h>
#include <libavutil/intreadwrite.h>
#include <string.h>

static const MskColour rgb_colour = {.range = AVCOL_RANGE_JPEG, .matrix = AVCOL_SPC_RGB};

static int bytes_of_packed(enum AVPixelFormat format)
{
    return format == AV_PIX_FMT_RGB24 ? 3 : format == AV_PIX_FMT_RGBA ? 4 : 8;
}

static void interleave(uint8_t *bytes, enum AVPixelFormat format, int width,
                       const uint16_t *rows[4])
{
    const uint16_t *r = rows[0], *g = rows[1], *b = rows[2], *a = rows[3];

    switch (format) {
    case AV_PIX_FMT_RGB24:
        for (int x = 0; x < width; x++, bytes += 3) {
            bytes[0] = (uint8_t)r[x];
            bytes[1] = (uint8_t)g[x];
            bytes[2] = (uint8_t)b[x];
        }
        break;
    case AV_PIX_FMT_RGBA:
        for (int x = 0; x < width; x++, bytes += 4) {
            const uint32_t pixel =
                r[x] | (uint32_t)g[x] << 8 | (uint32_t)b[x] << 16 | (uint32_t)a[x] << 24;
            AV_WL32(bytes, pixel);
        }
        break;
    default:
        for (int x = 0; x < width; x++, bytes += 8) {
            const uint64_t pixel =
                r[x] | (uint64_t)g[x] << 16 | (uint64_t)b[x] << 32 | (uint64_t)a[x] << 48;
            AV_WL64(bytes, pixel);
        }
    }
}

static uint8_t *alloc_image(MskImage *image, enum AVPixelFormat format, int width, int height,
                            GError **error)
{
    const int step = bytes_of_packed(format);
    const size_t stride = ((size_t)width * step + 63) & ~(size_t)63;
    uint8_t *memory = g_try_malloc(stride * height + 64); // swscale may read past the last row

    if (!memory) {
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_MEMORY,
                    _("Out of memory for a picture of %d x %d pixels"), width, height);
        return NULL;
    }
    memset(image, 0, sizeof *image);
    image->format = format;
    image->width = width;
    image->height = height;
    image->data[0] = memory;
    image->stride[0] = (int)stride;
    image->colour = rgb_colour;
    return memory;
}

// swscale's alpha is not exact.
static void mend_alpha(const MskFrame *frame, const MskImage *dst)
{
    g_autofree uint16_t *row = g_new(uint16_t, dst->width);

    for (int y = 0; y < dst->height; y++) {
        uint8_t *bytes = dst->data[0] + (ptrdiff_t)y * dst->stride[0];
        msk_frame_read_row(frame->av, &frame->colour, frame->has_alpha, y, 3, 255, row);
        for (int x = 0; x < dst->width; x++)
            bytes[x * 4 + 3] = (uint8_t)row[x];
    }
}

// Fills `dst` (packed, coded orientation, of the frame's own size).
static gboolean pack(const MskFrame *frame, const MskImage *dst, GError **error)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->av->format);
    const MskImage src = msk_image_of_frame(frame->av, &frame->colour);
    const gboolean wide = dst->format == AV_PIX_FMT_RGBA64;
    const unsigned max = wide ? 65535 : 255;
    const int depth = desc->comp[0].depth;
    const size_t width = (size_t)dst->width;
    g_autoptr(AVFrame) expanded = NULL;

    if (!msk_frame_is_plain(desc)) {
        if (!msk_frame_is_yuv(desc)) { // 1 bit, XYZ, Bayer
            if (!msk_image_scale(dst, &src, error))
                return FALSE;
            if (dst->format == AV_PIX_FMT_RGBA)
                mend_alpha(frame, dst);
            return TRUE;
        }
        expanded = msk_frame_expand(frame->av, &frame->colour, error);
        if (!expanded)
            return FALSE;
    }
    g_autofree uint16_t *memory = g_new(uint16_t, width * 4);
    uint16_t *rows[4] = {memory, memory + width, memory + 2 * width, memory + 3 * width};
    for (int y = 0; y < dst->height; y++) {
        if (expanded)
            msk_frame_expanded_row(expanded, &frame->colour, depth, y, max, rows[0], rows[1],
                                   rows[2]);
        for (int c = expanded ? 3 : 0; c < (dst->format == AV_PIX_FMT_RGB24 ? 3 : 4); c++)
            msk_frame_read_row(frame->av, &frame->colour, frame->has_alpha, y, c, max, rows[c]);
        interleave(dst->data[0] + (ptrdiff_t)y * dst->stride[0], dst->format, dst->width,
                   (const uint16_t **)rows);
    }
    return TRUE;
}

// As pack(), with `dst` of any size.
static gboolean pack_scaled(const MskFrame *frame, const MskImage *dst, GError **error)
{
    const AVFrame *av = frame->av;
    MskImage src = msk_image_of_frame(av, &frame->colour);

    if (av->width == dst->width && av->height == dst->height)
        return pack(frame, dst, error);
    if (!msk_frame_is_plain(av_pix_fmt_desc_get(av->format)) && dst->format != AV_PIX_FMT_RGBA64)
        return msk_image_scale(dst, &src, error);
    g_autofree uint8_t *memory = alloc_image(&src, dst->format, av->width, av->height, error);
    return memory && pack(frame, &src, error) && msk_image_scale(dst, &src, error);
}

static gboolean get_packed(const MskFrame *frame, enum AVPixelFormat format, int width, int height,
                           void *pixels, size_t stride, GError **error)
{
    const gboolean swaps = msk_orientation_swaps(frame->orientation);
    const int step = bytes_of_packed(format);
    MskImage image;

    g_return_val_if_fail(stride >= (size_t)width * step && stride <= INT_MAX, FALSE);
    // swscale writes whole vectors, so it gets memory of its own with room behind each row.
    g_autofree uint8_t *memory =
        alloc_image(&image, format, swaps ? height : width, swaps ? width : height, error);
    if (!memory || !pack_scaled(frame, &image, error))
        return FALSE;
    if (frame->orientation == MSK_ORIENTATION_NORMAL)
        av_image_copy_plane(pixels, (int)stride, memory, image.stride[0], width * step, height);
    else
        msk_frame_orient(frame->orientation, pixels, stride, memory, image.stride[0], image.width,
                         image.height, step);
    return TRUE;
}

gboolean msk_frame_get_rgb8(const MskFrame *frame, uint8_t *rgb, size_t stride, GError **error)
{
    return get_packed(frame, AV_PIX_FMT_RGB24, frame->width, frame->height, rgb, stride, error);
}

gboolean msk_frame_get_rgba8(const MskFrame *frame, uint8_t *rgba, size_t stride, GError **error)
{
    return get_packed(frame, AV_PIX_FMT_RGBA, frame->width, frame->height, rgba, stride, error);
}

gboolean msk_frame_get_rgba16(const MskFrame *frame, uint16_t *rgba, size_t stride, GError **error)
{
    return get_packed(frame, AV_PIX_FMT_RGBA64, frame->width, frame->height, rgba, stride, error);
}

gboolean msk_frame_get_rgba8_scaled(const MskFrame *frame, int width, int height, uint8_t *rgba,
                                    size_t stride, GError **error)
{
    g_return_val_if_fail(width > 0 && height > 0, FALSE);
    return get_packed(frame, AV_PIX_FMT_RGBA, width, height, rgba, stride, error);
}

// ---- For encoders ------------------------------------------------------------------------------

static AVFrame *alloc_av(int format, int width, int height, const MskColour *colour)
{
    AVFrame *av = av_frame_alloc();

    if (!av)
        return NULL;
    av->format = format;
    av->width = width;
    av->height = height;
    av->color_range = colour->range;
    av->colorspace = colour->matrix;
    av->color_primaries = colour->primaries;
    av->color_trc = colour->transfer;
    av->chroma_location = colour->chroma_location;
    if (av_frame_get_buffer(av, 0) < 0) {
        av_frame_free(&av);
        return NULL;
    }
    for (int i = 0; i < AV_NUM_DATA_POINTERS && av->buf[i]; i++)
        memset(av->buf[i]->data, 0, av->buf[i]->size);
    return av;
}

static gboolean is_rgb(const AVPixFmtDescriptor *desc)
{
    return desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

// What the result's tags shall be.
static MskColour target_colour(const MskFrame *frame, const AVPixFmtDescriptor *desc,
                               const MskColour *wanted)
{
    MskColour colour = frame->colour;

    if (wanted) {
        colour = *wanted;
        if (colour.range == AVCOL_RANGE_UNSPECIFIED)
            colour.range = frame->colour.range;
        if (colour.matrix == AVCOL_SPC_UNSPECIFIED)
            colour.matrix = frame->colour.matrix;
    }
    if (!is_rgb(desc) && colour.matrix == AVCOL_SPC_RGB) {
        colour.matrix = AVCOL_SPC_UNSPECIFIED;
        if (desc->nb_components > 2 && !(wanted && wanted->range))
            colour.range = AVCOL_RANGE_UNSPECIFIED;
    }
    return msk_frame_resolve_colour(desc, frame->av->width, frame->av->height, colour);
}

// A format whose planes can be turned, of the target's depth and with all of its chroma.
static int turnable_format(const AVPixFmtDescriptor *desc)
{
    const gboolean alpha = desc->flags & AV_PIX_FMT_FLAG_ALPHA;

    if (!desc->log2_chroma_w && !desc->log2_chroma_h)
        return (int)av_pix_fmt_desc_get_id(desc);
    switch (desc->comp[0].depth) {
    case 8:
        return alpha ? AV_PIX_FMT_YUVA444P : AV_PIX_FMT_YUV444P;
    case 10:
        return alpha ? AV_PIX_FMT_YUVA444P10 : AV_PIX_FMT_YUV444P10;
    case 12:
        return alpha ? AV_PIX_FMT_YUVA444P12 : AV_PIX_FMT_YUV444P12;
    default:
        return alpha ? AV_PIX_FMT_YUVA444P16 : AV_PIX_FMT_YUV444P16;
    }
}

// Component `c` of an RGB or grey picture, or the alpha of any, from a picture of the same size.
static void copy_component(const AVFrame *av, const MskColour *from, gboolean has_alpha, int c,
                           AVFrame *dst, const MskColour *to)
{
    const unsigned max = msk_frame_component_max(av_pix_fmt_desc_get(dst->format), c);
    g_autofree uint16_t *row = g_new(uint16_t, dst->width);

    for (int y = 0; y < dst->height; y++) {
        msk_frame_read_row(av, from, has_alpha, y, c, max, row);
        msk_frame_write_row(dst, to, y, c, row);
    }
}

static gboolean scale(const AVFrame *av, const MskColour *from, AVFrame *dst, const MskColour *to,
                      GError **error)
{
    const MskImage src_image = msk_image_of_frame(av, from),
                   dst_image = msk_image_of_frame(dst, to);

    return msk_image_scale(&dst_image, &src_image, error);
}

// The colours of `dst`, which has the frame's own size and orientation.
static gboolean convert_colours(const MskFrame *frame, AVFrame *dst, const MskColour *colour,
                                GError **error)
{
    const AVPixFmtDescriptor *from = av_pix_fmt_desc_get(frame->av->format);
    const AVPixFmtDescriptor *to = av_pix_fmt_desc_get(dst->format);
    const gboolean is_deep = from->comp[0].depth > 8 || to->comp[0].depth > 8;
    const gboolean to_yuv = msk_frame_is_yuv(to), to_grey = to->nb_components <= 2;
    const gboolean to_plain = msk_frame_is_plain(to) && !(to->flags & AV_PIX_FMT_FLAG_PAL);
    g_autoptr(AVFrame) rgb = NULL;
    const AVFrame *plain = msk_frame_is_plain(from) ? frame->av : NULL;
    const MskColour *plain_colour = &frame->colour;

    // YUV that stays what it is, and everything of 8 bits but plain formats, is swscale's. (Full
    // range does not grow by shifting.)
    const gboolean same_yuv =
        msk_frame_is_yuv(from) && to_yuv && colour->matrix == frame->colour.matrix &&
        colour->range == frame->colour.range &&
        (colour->range != AVCOL_RANGE_JPEG || from->comp[0].depth == to->comp[0].depth);
    if (!plain && !same_yuv && is_deep && msk_frame_is_yuv(from) && !to_grey) {
        plain = rgb = msk_frame_to_rgb16(frame->av, &frame->colour, error);
        plain_colour = &rgb_colour;
        if (!rgb)
            return FALSE;
    }
    if (plain && to_plain && (!to_grey || !(is_rgb(from) || rgb))) {
        for (int c = 0; c < (to_grey ? 1 : 3); c++)
            copy_component(plain, plain_colour, FALSE, c, dst, colour);
        return TRUE;
    }
    if (plain && to_yuv && is_deep)
        return msk_frame_plain_to_yuv(plain, plain_colour, dst, colour, error);
    return scale(frame->av, &frame->colour, dst, colour, error);
}

// Fills `dst`, which is in coded orientation.
static gboolean convert_coded(const MskFrame *frame, AVFrame *dst, const MskColour *colour,
                              GError **error)
{
    const AVPixFmtDescriptor *to = av_pix_fmt_desc_get(dst->format);

    if (frame->av->width != dst->width || frame->av->height != dst->height)
        return scale(frame->av, &frame->colour, dst, colour, error);
    if (!convert_colours(frame, dst, colour, error))
        return FALSE;
    if (to->flags & AV_PIX_FMT_FLAG_ALPHA && to->comp[0].depth <= 16)
        copy_component(frame->av, &frame->colour, frame->has_alpha, 3, dst, colour);
    return TRUE;
}

static AVFrame *turn_upright(const AVFrame *av, MskOrientation orientation, const MskColour *colour)
{
    const gboolean swaps = msk_orientation_swaps(orientation);
    AVFrame *upright = alloc_av(av->format, swaps ? av->height : av->width,
                                swaps ? av->width : av->height, colour);
    int steps[4];

    if (!upright)
        return NULL;
    av_image_fill_max_pixsteps(steps, NULL, av_pix_fmt_desc_get(av->format));
    for (int i = 0; i < 4 && av->data[i]; i++)
        msk_frame_orient(orientation, upright->data[i], upright->linesize[i], av->data[i],
                         av->linesize[i], av->width, av->height, steps[i]);
    return upright;
}

// NULL with or without an error: without, memory ran out.
static AVFrame *convert(const MskFrame *frame, const AVPixFmtDescriptor *desc,
                        const MskColour *colour, GError **error)
{
    const gboolean swaps = msk_orientation_swaps(frame->orientation);
    const int target = (int)av_pix_fmt_desc_get_id(desc);
    const int format =
        frame->orientation == MSK_ORIENTATION_NORMAL ? target : turnable_format(desc);
    g_autoptr(AVFrame) coded = alloc_av(format, swaps ? frame->height : frame->width,
                                        swaps ? frame->width : frame->height, colour);

    if (!coded || !convert_coded(frame, coded, colour, error))
        return NULL;
    if (frame->orientation == MSK_ORIENTATION_NORMAL)
        return g_steal_pointer(&coded);

    g_autoptr(AVFrame) upright = turn_upright(coded, frame->orientation, colour);
    if (!upright || format == target)
        return g_steal_pointer(&upright);

    g_autoptr(AVFrame) final = alloc_av(target, frame->width, frame->height, colour);
    if (!final)
        return NULL;
    MskImage src = msk_image_of_frame(upright, colour), dst = msk_image_of_frame(final, colour);
    if (!msk_image_scale(&dst, &src, error))
        return NULL;
    return g_steal_pointer(&final);
}

AVFrame *msk_frame_convert(const MskFrame *frame, int pixel_format, const MskColour *colour,
                           GError **error)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(pixel_format);
    GError *problem = NULL;

    g_return_val_if_fail(desc != NULL, NULL);
    const MskColour target = target_colour(frame, desc, colour);
    AVFrame *av = convert(frame, desc, &target, &problem);
    if (!av) {
        if (problem)
            g_propagate_error(error, problem);
        else
            g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_MEMORY,
                        _("Out of memory for a picture of %d x %d pixels"), frame->width,
                        frame->height);
        return NULL;
    }
    av->pts = frame->pts;
    av->sample_aspect_ratio = frame->av->sample_aspect_ratio;
    if (msk_orientation_swaps(frame->orientation) && av->sample_aspect_ratio.num)
        av->sample_aspect_ratio = av_inv_q(av->sample_aspect_ratio);
    return av;
}
