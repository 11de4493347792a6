// SPDX-License-Identifier: Apache-2.0
// MskContour: where a matte passes one half, as closed polygons, for outlines at any zoom.
//
// Coordinates are frame pixels with (0, 0) the corner of the first pixel, so that the outline of a
// hard mask runs along its pixels' edges. The object lies to the right of the direction of travel
// (with y down): outer loops are clockwise on the screen, holes counter-clockwise.
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct MskContour {
    GArray *points; // of float: x, y, x, y ...; all loops in a row
    GArray *ends;   // of guint: for each loop, the number of the point after its last
} MskContour;

// Of `alpha`, rows `stride` bytes apart, whose first pixel is (x, y) of the frame; "in" is 128 and
// more, and outside of the array is 0. Between an inside and an outside pixel the outline passes
// where the values interpolated between their centres are 127.5. Pixels that touch by a corner only
// are apart. Any thread. The caller owns the result.
MskContour *msk_contour_trace(const uint8_t *alpha, size_t stride, int width, int height, int x,
                              int y);
void msk_contour_free(MskContour *contour); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskContour, msk_contour_free)

// With fewer points: none that is left out is further than `tolerance` from the polygon. Loops that
// become a line are left out. The caller owns the result.
MskContour *msk_contour_simplify(const MskContour *contour, double tolerance);

G_END_DECLS
