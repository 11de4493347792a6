// SPDX-License-Identifier: Apache-2.0
// Post-processing from a mask to a matte: edge, holes, dots, grow, feather. All off by default.
//
// A matte is 16-bit alpha at frame size, A in 0..65535, "in" where A >= 32768. The steps run in the
// order of the fields below; each is a pure function of its input.
#pragma once

#include <glib.h>
#include <stdint.h>

#include "app/mask.h"

G_BEGIN_DECLS

#define MSK_MATTE_GROW_MAX 200.0    // pixels
#define MSK_MATTE_FEATHER_MAX 200.0 // pixels

typedef struct MskMatteParams {
    // Edge of tracked masks: 0 hard, else the ramp of msk_mask_get_alpha16() (4 is a good start).
    double ramp;
    // Holes: 4-connected components of pixels with A < 65535 that touch no border of the frame and
    // of which at most this many pixels are not "in" become 65535. 0: off.
    int fill_holes;
    // Dots: 8-connected components of pixels with A > 0 of which at most this many pixels are "in"
    // become 0. 0: off.
    int remove_dots;
    // Radius r in pixels. r > 0: the largest A of the disc dx^2 + dy^2 <= r^2; r < 0: the smallest
    // A of the disc of radius -r. Pixels outside the frame do not take part.
    double grow;
    // Gaussian blur of standard deviation feather / 2, so that a hard edge softens over `feather`
    // pixels to each side. Kernel radius ceil(3 * feather / 2), normalised, the frame's border
    // pixels repeated, rounded to nearest at the end. Below 0.01: off.
    double feather;
} MskMatteParams;

// Whether the parameters are numbers within their limits; the error names the one that is not.
gboolean msk_matte_params_check(const MskMatteParams *params, GError **error);

// Applies holes, dots, grow and feather to `alpha` (height rows of width, no gaps) in place.
// NULL params: nothing is done. `params` must have passed the check. Any thread.
void msk_matte_apply(uint16_t *alpha, int width, int height, const MskMatteParams *params);

// The matte of a mask (NULL mask: 0 everywhere) at frame size width x height into `alpha`. The mask
// must have that size.
void msk_matte_render(const MskMask *mask, int width, int height, const MskMatteParams *params,
                      uint16_t *alpha);

// 16 to 8 bits, rounded to nearest: 0, 257, 514 ... 65535 give 0 ... 255 exactly.
static inline uint8_t msk_matte_to_8(uint16_t alpha)
{
    return (uint8_t)((alpha * 255u + 32767u) / 65535u);
}

G_END_DECLS
