// SPDX-License-Identifier: Apache-2.0
// MskFrame: one decoded picture, immutable and reference-counted, at the depth it was coded with.
//
// Every function may be called from any thread; a frame never changes after it was made. Sizes are
// upright: rotation and mirroring from the file are applied by every function that delivers pixels,
// except msk_frame_get_av(). This header needs no FFmpeg header: pixel formats are passed as int
// (enum AVPixelFormat), colour tags as the code points of ITU-T H.273, which AVCOL_* equal.
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

struct AVFrame;

// A ratio that never goes through a float; the layout of AVRational. 0/x and x/0 mean unknown.
typedef struct MskRational {
    int num, den;
} MskRational;

// How the decoded rows become upright; the values are those of the EXIF orientation tag.
typedef enum MskOrientation {
    MSK_ORIENTATION_NORMAL = 1,
    MSK_ORIENTATION_FLIP_H = 2,
    MSK_ORIENTATION_ROTATE_180 = 3,
    MSK_ORIENTATION_FLIP_V = 4,
    MSK_ORIENTATION_TRANSPOSE = 5,  // rows become columns
    MSK_ORIENTATION_ROTATE_90 = 6,  // clockwise, to be upright
    MSK_ORIENTATION_TRANSVERSE = 7, // transposed about the other diagonal
    MSK_ORIENTATION_ROTATE_270 = 8, // clockwise, to be upright
} MskOrientation;

// Whether the orientation exchanges width and height.
gboolean msk_orientation_swaps(MskOrientation orientation);

// The orientation in a display matrix (9 values as FFmpeg has them). *exact (may be NULL) becomes
// FALSE when the matrix turns by something else than a multiple of 90 degrees: then NORMAL.
MskOrientation msk_orientation_from_matrix(const int32_t matrix[9], gboolean *exact);

// Colour tags: the numbers of ITU-T H.273 (AVCOL_SPC_*, AVCOL_PRI_*, AVCOL_TRC_*), 2 is
// unspecified.
typedef struct MskColour {
    int range; // AVCOL_RANGE_*: 0 unspecified, 1 limited (16-235), 2 full
    int matrix;
    int primaries;
    int transfer;
    int chroma_location; // AVCHROMA_LOC_*, 0 unspecified
} MskColour;

typedef struct MskFrame MskFrame;

// Wraps a decoded picture. Takes a new reference to the data of `av` (not copied, never written
// to). Delivered pictures are `width` x `height`, which are upright sizes; a picture of another
// size is scaled. `n` and `pts` are as returned later. The caller owns the result.
MskFrame *msk_frame_new(const struct AVFrame *av, int64_t n, int64_t pts,
                        MskOrientation orientation, int width, int height);
MskFrame *msk_frame_ref(MskFrame *frame);
void msk_frame_unref(MskFrame *frame);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskFrame, msk_frame_unref)

int64_t msk_frame_get_number(const MskFrame *frame); // from 0
int64_t msk_frame_get_pts(const MskFrame *frame);    // in the media's time base
int msk_frame_get_width(const MskFrame *frame);      // upright
int msk_frame_get_height(const MskFrame *frame);
gboolean msk_frame_has_alpha(const MskFrame *frame);
int msk_frame_get_depth(const MskFrame *frame);   // bits of a component: 8, 10, 12, 16, 32 (float)
size_t msk_frame_get_size(const MskFrame *frame); // bytes held
MskOrientation msk_frame_get_orientation(const MskFrame *frame);
// The tags in force for this picture: unspecified range and matrix are replaced by what the
// conversions below assume (limited for YUV, full for RGB and grey; BT.709 from 1280x720 or more
// than 576 rows on, else BT.601); primaries, transfer and chroma location stay as tagged.
MskColour msk_frame_get_colour(const MskFrame *frame);

// The picture as decoded: coded orientation, own pixel format, all tags. Owned by the frame.
const struct AVFrame *msk_frame_get_av(const MskFrame *frame);

// The pixels as upright rows of packed components in caller memory, `stride` bytes from row to
// row (at least width * bytes of a pixel). RGB are the code values (no transfer function is
// applied or removed); matrix and range are honoured, rounding is accurate, chroma is interpolated
// at full resolution. Alpha is straight, exact to the rounding, opaque when the file has none.
// FALSE with an error when the pixel format cannot be converted; the memory is then undefined.
gboolean msk_frame_get_rgb8(const MskFrame *frame, uint8_t *rgb, size_t stride, GError **error);
gboolean msk_frame_get_rgba8(const MskFrame *frame, uint8_t *rgba, size_t stride, GError **error);
// 16 bits a component in native byte order, 0 to 65535, whatever the source's depth.
gboolean msk_frame_get_rgba16(const MskFrame *frame, uint16_t *rgba, size_t stride, GError **error);
// As msk_frame_get_rgba8(), scaled to `width` x `height` (upright), for thumbnails.
gboolean msk_frame_get_rgba8_scaled(const MskFrame *frame, int width, int height, uint8_t *rgba,
                                    size_t stride, GError **error);
// A new upright AVFrame of `pixel_format` (enum AVPixelFormat), width x height of the frame, for
// encoders. YUV stays YUV: there is no way over RGB when both sides are YUV of the same matrix.
// With `colour` NULL the result keeps msk_frame_get_colour() (an RGB source going to YUV: BT.709 or
// BT.601 by size, limited); else matrix and range are converted to colour's (unspecified: kept),
// and all of colour's tags are set on the result; primaries and transfer are labels only, nothing
// is converted between them. Alpha: as above, exact. pts and pixel aspect are set. The caller frees
// it with av_frame_free() and may write to it. NULL with an error when it cannot be done.
struct AVFrame *msk_frame_convert(const MskFrame *frame, int pixel_format, const MskColour *colour,
                                  GError **error);

G_END_DECLS
