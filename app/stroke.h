// SPDX-License-Identifier: Apache-2.0
// MskStroke: a brush stroke or a lasso as it is drawn: a bitmap at frame size that grows.
//
// A pixel belongs to a shape if its centre does. Frame pixels, (0, 0) is the corner of the first
// one. Used by one thread at a time.
#pragma once

#include "app/mask.h"

G_BEGIN_DECLS

typedef struct MskStroke {
    int width, height;
    size_t stride;   // bytes; a multiple of 16
    uint8_t *pixels; // 0 or 255
    MskRect bounds;  // around all that was drawn
} MskStroke;

MskStroke *msk_stroke_new(int width, int height);
void msk_stroke_free(MskStroke *stroke); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskStroke, msk_stroke_free)

// A disc. What lies outside of the frame is cut off.
void msk_stroke_add_disc(MskStroke *stroke, double x, double y, double radius);
// A disc drawn from one place to another while its radius changes, to 1/32 pixel.
void msk_stroke_add_line(MskStroke *stroke, double x0, double y0, double radius0, double x1,
                         double y1, double radius1);
// A closed polygon of `n` points (x, y, x, y ...), filled where it winds around (non-zero rule).
void msk_stroke_add_polygon(MskStroke *stroke, const float *points, guint n);
// Whether a pixel was drawn.
gboolean msk_stroke_is_empty(const MskStroke *stroke);

// What a frame's strokes are with this one on top: painting goes to `add` and leaves `remove`,
// erasing the reverse. `add` and `remove` may be NULL and stay the caller's; new references or NULL
// (nothing left) are returned. Takes milliseconds: not for the main thread.
void msk_stroke_apply(const MskStroke *stroke, gboolean erase, const MskMask *add,
                      const MskMask *remove, MskMask **new_add, MskMask **new_remove);

G_END_DECLS
