// SPDX-License-Identifier: Apache-2.0
// MskMask: an object's mask on one frame, an immutable value shared by reference.
//
// Two kinds. LOGITS is what tracking gives: the model's 1/4-resolution logits, 8 bits each, cropped
// and deflated; threshold and edge stay open until the mask is read. BITS is a painted or imported
// mask at frame size, run-length coded. Any thread may read a mask; nothing changes it.
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct MskMask MskMask;

typedef enum MskMaskKind { MSK_MASK_LOGITS, MSK_MASK_BITS } MskMaskKind;

typedef struct MskRect {
    int x, y, width, height; // pixels; width 0: empty
} MskRect;

#define MSK_MASK_SIDE_MAX 32768      // frame sides, pixels
#define MSK_MASK_GRID_MAX 2048       // sides of the logits grid
#define MSK_MASK_LOGIT_MAX 64.0f     // logits are kept within +- this
#define MSK_MASK_LOGIT_FLOOR (-8.0f) // lower logits away from the object may be made one level
#define MSK_MASK_RAMP_MAX 8.0f

typedef enum MskMaskError { MSK_MASK_ERROR_DAMAGED, MSK_MASK_ERROR_SIZE } MskMaskError;
#define MSK_MASK_ERROR (msk_mask_error_quark())
GQuark msk_mask_error_quark(void);

// ---- Making ------------------------------------------------------------------------------------
// Each returns a new reference owned by the caller. Sizes must be within the limits above.

// From the model's low logits, (grid_height, grid_width) row-major, for a frame of width x height.
// The sign of every logit is kept exactly, its value l to 0.02 * sqrt(1 + l^2). Logits at or below
// MSK_MASK_LOGIT_FLOOR that touch no higher one become one common value (their mean).
MskMask *msk_mask_new_logits(const float *logits, int grid_width, int grid_height, int width,
                             int height);

// From a mask at frame size: non-zero is the object, rows `stride` bytes apart.
MskMask *msk_mask_new_bits(const uint8_t *mask, size_t stride, int width, int height);

// No pixel set (BITS).
MskMask *msk_mask_new_empty(int width, int height);

// (base or add) and not remove, as BITS. Each may be NULL, one must not be; sizes must be equal.
MskMask *msk_mask_combine(const MskMask *base, const MskMask *add, const MskMask *remove);

MskMask *msk_mask_ref(MskMask *mask);
void msk_mask_unref(MskMask *mask); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskMask, msk_mask_unref)

// ---- Reading -----------------------------------------------------------------------------------

MskMaskKind msk_mask_get_kind(const MskMask *mask);
int msk_mask_get_width(const MskMask *mask);
int msk_mask_get_height(const MskMask *mask);
// 0 x 0 for BITS.
void msk_mask_get_grid_size(const MskMask *mask, int *width, int *height);
// Bytes of memory held by the mask.
size_t msk_mask_get_size(const MskMask *mask);

// The mask at frame size, 0 or 255: logits are upsampled bilinearly as the model does it
// (align_corners = false), > 0 is the object.
void msk_mask_get_binary(const MskMask *mask, uint8_t *out, size_t stride);

// The mask's alpha at frame size. ramp 0: hard, 0 or full, as msk_mask_get_binary(). ramp R in
// (0, MSK_MASK_RAMP_MAX]: a soft edge for LOGITS: with the upsampled logit l and s(x) the sigmoid,
// alpha = (s(4 l / R) - s(-4)) / (s(4) - s(-4)), 0 where l <= -R, full where l >= R. BITS are hard.
// Strides are in bytes.
void msk_mask_get_alpha8(const MskMask *mask, float ramp, uint8_t *out, size_t stride);
void msk_mask_get_alpha16(const MskMask *mask, float ramp, uint16_t *out, size_t stride);

// The logits of a LOGITS mask, (grid_height, grid_width). Must not be called for BITS.
void msk_mask_get_low_logits(const MskMask *mask, float *out);

// Pixels of the binary mask, and their bounding box (FALSE and an empty box if there are none).
// The first call on a mask costs one msk_mask_get_binary(); later ones nothing.
int64_t msk_mask_get_area(const MskMask *mask);
gboolean msk_mask_get_bounds(const MskMask *mask, MskRect *out);
// Whether area and bounds are known, so that asking for them costs nothing.
gboolean msk_mask_is_measured(const MskMask *mask);

// Whether both are of one kind and size and hold the same values.
gboolean msk_mask_equal(const MskMask *a, const MskMask *b);

// ---- Storing -----------------------------------------------------------------------------------

// The mask as bytes, the same on every machine, with a checksum.
GBytes *msk_mask_serialise(const MskMask *mask);
// Back. Every field, the checksum and the packed data are checked: damage is MSK_MASK_ERROR.
MskMask *msk_mask_deserialise(const void *data, size_t size, GError **error);

G_END_DECLS
