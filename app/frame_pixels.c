// SPDX-License-Identifier: Apache-2.0
// Pixels by components: exact integer scaling, palettes, float pictures and turning upright.
#include "app/frame_private.h"

#include <libavutil/intreadwrite.h>
#include <math.h>
#include <string.h>

gboolean msk_frame_is_plain(const AVPixFmtDescriptor *desc)
{
    const uint64_t others = AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BITSTREAM |
                            AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT;

    if (desc->flags & others || g_str_has_prefix(desc->name, "xyz"))
        return FALSE;
    return desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL) || desc->nb_components <= 2;
}

gboolean msk_frame_palette_has_alpha(const AVFrame *av)
{
    const uint32_t *palette = (const uint32_t *)av->data[1];
    gboolean is_clear[256], any = FALSE;

    for (int i = 0; i < 256; i++) {
        is_clear[i] = palette[i] >> 24 != 255;
        any |= is_clear[i];
    }
    if (!any)
        return FALSE;
    for (int y = 0; y < av->height; y++) {
        const uint8_t *row = av->data[0] + (ptrdiff_t)y * av->linesize[0];
        for (int x = 0; x < av->width; x++)
            if (is_clear[row[x]])
                return TRUE;
    }
    return FALSE;
}

// The descriptor's component for red, green, blue (0 to 2) or alpha (3).
static int component_index(const AVPixFmtDescriptor *desc, int component)
{
    if (component == 3)
        return desc->nb_components - 1;
    return desc->nb_components <= 2 ? 0 : component;
}

unsigned msk_frame_component_max(const AVPixFmtDescriptor *desc, int component)
{
    return (1u << desc->comp[component_index(desc, component)].depth) - 1;
}

static void scale_row(uint16_t *row, int n, unsigned from, unsigned to)
{
    const double scale = (double)to / from;

    if (from == to)
        return;
    // `from` is odd: no value is halfway between two, so that this rounds exactly.
    for (int i = 0; i < n; i++)
        row[i] = (uint16_t)(int)(row[i] * scale + 0.5);
}

static gboolean is_limited_grey(const AVPixFmtDescriptor *desc, const MskColour *colour,
                                int component)
{
    return component != 3 && desc->nb_components <= 2 &&
           !(desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) &&
           colour->range == AVCOL_RANGE_MPEG;
}

void msk_frame_read_row(const AVFrame *av, const MskColour *colour, gboolean has_alpha, int y,
                        int component, unsigned max, uint16_t *row)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);
    const int width = av->width;

    if (component == 3 && !has_alpha) {
        for (int x = 0; x < width; x++)
            row[x] = (uint16_t)max;
        return;
    }
    if (desc->flags & AV_PIX_FMT_FLAG_PAL) {
        const uint32_t *palette = (const uint32_t *)av->data[1];
        const uint8_t *indices = av->data[0] + (ptrdiff_t)y * av->linesize[0];
        const int shift = (const int[]){16, 8, 0, 24}[component];
        for (int x = 0; x < width; x++)
            row[x] = palette[indices[x]] >> shift & 255;
        scale_row(row, width, 255, max);
        return;
    }

    const unsigned from = msk_frame_component_max(desc, component);
    av_read_image_line2(row, (const uint8_t **)av->data, av->linesize, desc, 0, y,
                        component_index(desc, component), width, 0, 2);
    if (!is_limited_grey(desc, colour, component)) {
        scale_row(row, width, from, max);
        return;
    }
    const unsigned unit = (from + 1) / 256; // 16 and 235 of 8 bits, at this depth
    for (int x = 0; x < width; x++) {
        unsigned value = CLAMP(row[x], 16 * unit, 235 * unit) - 16 * unit;
        row[x] = (uint16_t)((value * max + 219 * unit / 2) / (219 * unit));
    }
}

// av_write_image_line2() ORs into what is there.
static void clear_row(AVFrame *av, const AVPixFmtDescriptor *desc, int y, int index)
{
    const AVComponentDescriptor *comp = &desc->comp[index];
    const gboolean alone = desc->flags & AV_PIX_FMT_FLAG_PLANAR || desc->nb_components == 1;
    if (comp->depth != 8 && comp->depth != 16 && !alone)
        return; // shares bytes with other components; such pictures are cleared at birth
    uint8_t *at = av->data[comp->plane] + (ptrdiff_t)y * av->linesize[comp->plane] + comp->offset;
    for (int x = 0; x < av->width; x++, at += comp->step)
        memset(at, 0, comp->depth > 8 ? 2 : 1);
}

// av_write_image_line2() only sets bits; here the old value goes.
void msk_frame_write_component(AVFrame *av, const AVComponentDescriptor *component, int y,
                               const uint16_t *row)
{
    const gboolean is_be = !!(av_pix_fmt_desc_get(av->format)->flags & AV_PIX_FMT_FLAG_BE);
    const int step = component->step, shift = component->shift, n_bits = shift + component->depth;
    const uint32_t mask = ((1u << component->depth) - 1) << shift;
    uint8_t *to = av->data[component->plane] + (ptrdiff_t)y * av->linesize[component->plane] +
                  component->offset;

    if (n_bits <= 8) {
        to += is_be; // the low byte
        for (int x = 0; x < av->width; x++, to += step)
            *to = (uint8_t)((*to & ~mask) | (uint32_t)row[x] << shift);
    } else if (n_bits <= 16) {
        for (int x = 0; x < av->width; x++, to += step) {
            uint32_t old = is_be ? AV_RB16(to) : AV_RL16(to);
            uint32_t value = (old & ~mask) | (uint32_t)row[x] << shift;
            if (is_be)
                AV_WB16(to, value);
            else
                AV_WL16(to, value);
        }
    } else {
        for (int x = 0; x < av->width; x++, to += step) {
            uint32_t old = is_be ? AV_RB32(to) : AV_RL32(to);
            uint32_t value = (old & ~mask) | (uint32_t)row[x] << shift;
            if (is_be)
                AV_WB32(to, value);
            else
                AV_WL32(to, value);
        }
    }
}

void msk_frame_write_row(AVFrame *av, const MskColour *colour, int y, int component,
                         const uint16_t *row)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);
    g_autofree uint16_t *limited = NULL;

    if (is_limited_grey(desc, colour, component)) {
        const unsigned max = msk_frame_component_max(desc, component), unit = (max + 1) / 256;
        limited = g_new(uint16_t, av->width);
        for (int x = 0; x < av->width; x++)
            limited[x] = (uint16_t)(16 * unit + (row[x] * 219 * unit + max / 2) / max);
        row = limited;
    }
    clear_row(av, desc, y, component_index(desc, component));
    msk_frame_write_component(av, &desc->comp[component_index(desc, component)], y, row);
}

// ---- Orientation -------------------------------------------------------------------------------

#define TILE 32 // rows become columns: both sides stay in the cache

#define COPY_TILE(size)                                                                            \
    for (int y = y0; y < y1; y++) {                                                                \
        uint8_t *to = dst + (size_t)y * dst_stride + (size_t)x0 * (size);                          \
        const uint8_t *from = origin + y * step_y + x0 * step_x;                                   \
        for (int x = x0; x < x1; x++, to += (size), from += step_x)                                \
            memcpy(to, from, (size));                                                              \
    }

void msk_frame_orient(MskOrientation orientation, uint8_t *dst, size_t dst_stride,
                      const uint8_t *src, size_t src_stride, int width, int height, int step)
{
    // Upright (x, y) comes from origin + x * step_x + y * step_y.
    const gboolean swaps = msk_orientation_swaps(orientation);
    const int out_width = swaps ? height : width, out_height = swaps ? width : height;
    const gboolean from_right =
        orientation == MSK_ORIENTATION_FLIP_H || orientation == MSK_ORIENTATION_ROTATE_180 ||
        orientation == MSK_ORIENTATION_TRANSVERSE || orientation == MSK_ORIENTATION_ROTATE_270;
    const gboolean from_bottom =
        orientation == MSK_ORIENTATION_FLIP_V || orientation == MSK_ORIENTATION_ROTATE_180 ||
        orientation == MSK_ORIENTATION_TRANSVERSE || orientation == MSK_ORIENTATION_ROTATE_90;
    const ptrdiff_t along = from_right ? -step : step;
    const ptrdiff_t down = from_bottom ? -(ptrdiff_t)src_stride : (ptrdiff_t)src_stride;
    const ptrdiff_t step_x = swaps ? down : along, step_y = swaps ? along : down;
    const uint8_t *origin = src + (from_right ? (size_t)(width - 1) * step : 0) +
                            (from_bottom ? (size_t)(height - 1) * src_stride : 0);

    for (int y0 = 0; y0 < out_height; y0 += TILE) {
        const int y1 = MIN(y0 + TILE, out_height);
        for (int x0 = 0; x0 < out_width; x0 += TILE) {
            const int x1 = MIN(x0 + TILE, out_width);
            switch (step) {
            case 1:
                COPY_TILE(1);
                break;
            case 2:
                COPY_TILE(2);
                break;
            case 3:
                COPY_TILE(3);
                break;
            case 4:
                COPY_TILE(4);
                break;
            case 8:
                COPY_TILE(8);
                break;
            default:
                COPY_TILE((size_t)step);
            }
        }
    }
}

// ---- Float -------------------------------------------------------------------------------------

static void read_float_row(const AVFrame *av, const AVPixFmtDescriptor *desc, int y, int c,
                           float *row)
{
    av_read_image_line2(row, (const uint8_t **)av->data, av->linesize, desc, 0, y, c, av->width, 0,
                        4);
    for (int x = 0; x < av->width; x++)
        if (!(row[x] > 0)) // negative and NaN
            row[x] = 0;
}

static uint16_t encode_srgb(float linear)
{
    if (linear >= 1)
        return 65535;
    float code = linear <= 0.0031308f ? 12.92f * linear : 1.055f * powf(linear, 1 / 2.4f) - 0.055f;
    return (uint16_t)lrintf(code * 65535);
}

AVFrame *msk_frame_linear_to_srgb(const AVFrame *av)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);
    const gboolean has_alpha = desc->flags & AV_PIX_FMT_FLAG_ALPHA;
    const int n_colours = desc->nb_components <= 2 ? 1 : 3;
    AVFrame *out = av_frame_alloc();

    if (!out)
        return NULL;
    out->format = n_colours == 1 && !has_alpha ? AV_PIX_FMT_GRAY16
                  : has_alpha                  ? AV_PIX_FMT_GBRAP16
                                               : AV_PIX_FMT_GBRP16;
    out->width = av->width;
    out->height = av->height;
    if (av_frame_get_buffer(out, 0) < 0 || av_frame_copy_props(out, av) < 0) {
        av_frame_free(&out);
        return NULL;
    }
    for (int i = 0; i < AV_NUM_DATA_POINTERS && out->buf[i]; i++)
        memset(out->buf[i]->data, 0, out->buf[i]->size); // rows are ORed into it
    out->color_range = AVCOL_RANGE_JPEG;
    out->color_trc = AVCOL_TRC_IEC61966_2_1;
    if (n_colours == 3)
        out->colorspace = AVCOL_SPC_RGB;

    const AVPixFmtDescriptor *out_desc = av_pix_fmt_desc_get(out->format);
    g_autofree float *values = g_new(float, av->width);
    g_autofree float *alpha = g_new(float, av->width);
    g_autofree uint16_t *codes = g_new(uint16_t, av->width);
    for (int y = 0; y < av->height; y++) {
        if (has_alpha) {
            read_float_row(av, desc, y, desc->nb_components - 1, alpha);
            for (int x = 0; x < av->width; x++)
                codes[x] = (uint16_t)lrintf(fminf(alpha[x], 1) * 65535);
            msk_frame_write_component(out, &out_desc->comp[3], y, codes);
        }
        for (int c = 0; c < (out_desc->nb_components == 1 ? 1 : 3); c++) {
            read_float_row(av, desc, y, n_colours == 1 ? 0 : c, values);
            for (int x = 0; x < av->width; x++) {
                if (has_alpha && alpha[x] > 0 && alpha[x] < 1)
                    values[x] /= alpha[x];
                codes[x] = encode_srgb(values[x]);
            }
            msk_frame_write_component(out, &out_desc->comp[c], y, codes);
        }
    }
    return out;
}
