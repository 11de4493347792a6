// SPDX-License-Identifier: Apache-2.0
// Inside of MskFrame, shared by the frame_*.c files.
#pragma once

#include "app/frame.h"

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>

static inline void msk_av_frame_release(AVFrame *av)
{
    av_frame_free(&av);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AVFrame, msk_av_frame_release)

struct MskFrame {
    gatomicrefcount n_refs;
    AVFrame *av;
    int64_t n, pts;
    MskOrientation orientation;
    int width, height; // upright
    gboolean has_alpha;
    MskColour colour; // range and matrix resolved
    size_t size;
};

// What conversions assume of a picture of this format, size and tags.
MskColour msk_frame_resolve_colour(const AVPixFmtDescriptor *desc, int width, int height,
                                   MskColour tagged);

// ---- frame_pixels.c: components one by one, exact ----------------------------------------------

// Integer RGB, grey or palette: read component by component, never by swscale.
gboolean msk_frame_is_plain(const AVPixFmtDescriptor *desc);
// Whether a palette picture uses an entry that is not opaque.
gboolean msk_frame_palette_has_alpha(const AVFrame *av);

// Row `y` of component 0 to 3 (red, green, blue, alpha) of a plain picture, or of component 3 of
// any picture, scaled to 0 ... max. Grey is red, green and blue; no alpha is opaque.
void msk_frame_read_row(const AVFrame *av, const MskColour *colour, gboolean has_alpha, int y,
                        int component, unsigned max, uint16_t *row);
// Writes a row of values 0 ... (1 << depth) - 1 of a component (3: alpha) of an RGB or grey
// picture; grey of limited range is scaled into it.
void msk_frame_write_row(AVFrame *av, const MskColour *colour, int y, int component,
                         const uint16_t *row);
// As it says; only for components of integer formats that start at a byte.
void msk_frame_write_component(AVFrame *av, const AVComponentDescriptor *component, int y,
                               const uint16_t *row);
// The largest value of a component (3: alpha).
unsigned msk_frame_component_max(const AVPixFmtDescriptor *desc, int component);

// Turns `width` x `height` pixels of `step` bytes upright.
void msk_frame_orient(MskOrientation orientation, uint8_t *dst, size_t dst_stride,
                      const uint8_t *src, size_t src_stride, int width, int height, int step);

// Float pictures (scene linear, premultiplied when with alpha) become 16-bit sRGB, straight. The
// caller owns the result; NULL out of memory.
AVFrame *msk_frame_linear_to_srgb(const AVFrame *av);

// ---- frame_scale.c: swscale --------------------------------------------------------------------

typedef struct MskImage {
    uint8_t *data[4];
    int stride[4];
    int width, height;
    enum AVPixelFormat format;
    MskColour colour; // resolved
} MskImage;

MskImage msk_image_of_frame(const AVFrame *av, const MskColour *colour);

// Converts and scales between two pictures of any sizes and formats.
gboolean msk_image_scale(const MskImage *dst, const MskImage *src, GError **error);

// ---- frame_matrix.c: YUV and RGB at 16 bits ----------------------------------------------------

// YUV of any layout and depth.
gboolean msk_frame_is_yuv(const AVPixFmtDescriptor *desc);
// A YUV picture as YUV444P16: codes are shifted up, chroma is interpolated.
AVFrame *msk_frame_expand(const AVFrame *av, const MskColour *colour, GError **error);
// A row of such a picture, made from `depth` bits, as RGB from 0 to `max`.
void msk_frame_expanded_row(const AVFrame *yuv, const MskColour *colour, int depth, int y,
                            unsigned max, uint16_t *r, uint16_t *g, uint16_t *b);
// A YUV picture as GBRP16, without its alpha.
AVFrame *msk_frame_to_rgb16(const AVFrame *av, const MskColour *colour, GError **error);
// The colours of a YUV picture of the same size, from a plain one.
gboolean msk_frame_plain_to_yuv(const AVFrame *plain, const MskColour *from, AVFrame *dst,
                                const MskColour *to, GError **error);
