// SPDX-License-Identifier: Apache-2.0
// Alpha, premultiplication and mattes in FFmpeg's pictures, for any planar or packed format.
#include <libavutil/intreadwrite.h>
#include <libavutil/pixdesc.h>

#include "app/export_private.h"

// One component of a picture: where its samples are and how they are stored.
typedef struct Plane {
    uint8_t *data;
    int linesize, step, depth;
    int width, height;
    int shift_x, shift_y; // subsampling
} Plane;

static Plane plane_of(AVFrame *picture, int component)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(picture->format);
    const AVComponentDescriptor *at = &format->comp[component];
    g_assert(component < format->nb_components && at->shift == 0);
    gboolean is_yuv = !(format->flags & AV_PIX_FMT_FLAG_RGB);
    gboolean is_chroma = is_yuv && (component == 1 || component == 2);
    int shift_x = is_chroma ? format->log2_chroma_w : 0;
    int shift_y = is_chroma ? format->log2_chroma_h : 0;
    return (Plane){
        .data = picture->data[at->plane] + at->offset,
        .linesize = picture->linesize[at->plane],
        .step = at->step,
        .depth = at->depth,
        .width = AV_CEIL_RSHIFT(picture->width, shift_x),
        .height = AV_CEIL_RSHIFT(picture->height, shift_y),
        .shift_x = shift_x,
        .shift_y = shift_y,
    };
}

// All formats in use are 8 bits or little endian words.
static unsigned get_sample(const Plane *plane, const uint8_t *at)
{
    return plane->depth > 8 ? AV_RL16(at) : *at;
}

static void put_sample(const Plane *plane, uint8_t *at, unsigned value)
{
    if (plane->depth > 8)
        AV_WL16(at, value);
    else
        *at = (uint8_t)value;
}

// To `depth` bits: 8 to nearest; deeper ones so that v * 257 becomes v with its high bits repeated.
static unsigned reduce_alpha(uint16_t alpha, int depth)
{
    return depth == 8 ? msk_matte_to_8(alpha) : (unsigned)alpha >> (16 - depth);
}

void msk_export_fill_alpha(AVFrame *picture, const uint16_t *alpha)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(picture->format);
    g_assert(format->flags & AV_PIX_FMT_FLAG_ALPHA);
    Plane plane = plane_of(picture, format->nb_components - 1);
    for (int y = 0; y < plane.height; y++) {
        uint8_t *at = plane.data + (ptrdiff_t)y * plane.linesize;
        const uint16_t *from = alpha + (size_t)y * plane.width;
        for (int x = 0; x < plane.width; x++, at += plane.step)
            put_sample(&plane, at, reduce_alpha(from[x], plane.depth));
    }
}

void msk_export_fill_plane(AVFrame *picture, int component, int value)
{
    Plane plane = plane_of(picture, component);
    for (int y = 0; y < plane.height; y++) {
        uint8_t *at = plane.data + (ptrdiff_t)y * plane.linesize;
        for (int x = 0; x < plane.width; x++, at += plane.step)
            put_sample(&plane, at, (unsigned)value);
    }
}

void msk_export_fill_matte(AVFrame *picture, const uint16_t *alpha, gboolean limited)
{
    Plane plane = plane_of(picture, 0);
    double low = limited ? 16 << (plane.depth - 8) : 0;
    double span = limited ? 219 << (plane.depth - 8) : (1 << plane.depth) - 1;
    for (int y = 0; y < plane.height; y++) {
        uint8_t *at = plane.data + (ptrdiff_t)y * plane.linesize;
        const uint16_t *from = alpha + (size_t)y * plane.width;
        for (int x = 0; x < plane.width; x++, at += plane.step)
            put_sample(&plane, at, (unsigned)(low + span * from[x] / 65535.0 + 0.5));
    }
}

// Mean alpha of the pixels under a sample.
static unsigned alpha_under(const uint16_t *alpha, int width, int height, const Plane *plane, int x,
                            int y)
{
    unsigned sum = 0, n = 0;
    for (int v = y << plane->shift_y; v < MIN((y + 1) << plane->shift_y, height); v++) {
        for (int u = x << plane->shift_x; u < MIN((x + 1) << plane->shift_x, width); u++, n++)
            sum += alpha[(size_t)v * width + u];
    }
    return (sum + n / 2) / n;
}

void msk_export_premultiply(AVFrame *picture, const uint16_t *alpha)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(picture->format);
    gboolean is_yuv = !(format->flags & AV_PIX_FMT_FLAG_RGB);
    gboolean limited = is_yuv && picture->color_range != AVCOL_RANGE_JPEG;
    for (int component = 0; component < 3; component++) {
        Plane plane = plane_of(picture, component);
        int zero = is_yuv && component > 0 ? 128 << (plane.depth - 8)
                   : limited               ? 16 << (plane.depth - 8)
                                           : 0;
        for (int y = 0; y < plane.height; y++) {
            uint8_t *at = plane.data + (ptrdiff_t)y * plane.linesize;
            for (int x = 0; x < plane.width; x++, at += plane.step) {
                unsigned a = alpha_under(alpha, picture->width, picture->height, &plane, x, y);
                int64_t value = (int64_t)get_sample(&plane, at) - zero;
                value = (value * a + (value >= 0 ? 32767 : -32767)) / 65535;
                put_sample(&plane, at, (unsigned)(value + zero));
            }
        }
    }
}
