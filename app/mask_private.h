// SPDX-License-Identifier: Apache-2.0
// What mask*.c and value_code.c share: the layout of a mask, its packed forms and measures.
#pragma once

#include "app/mask.h"

struct MskMask {
    gatomicrefcount refs;
    MskMaskKind kind;
    int width, height; // frame size

    // LOGITS: codes of the cells in `box` of the grid, deflated; all others are `background`.
    int grid_width, grid_height;
    MskRect box;
    uint8_t background;

    // Filled by the first reader, see measure() in mask_read.c.
    int measured; // atomic
    int64_t area;
    MskRect bounds;

    size_t payload_size;
    uint8_t payload[]; // LOGITS: zlib stream; BITS: run lengths as LEB128, background first
};

MskMask *msk_mask_alloc(MskMaskKind kind, int width, int height, const uint8_t *payload,
                        size_t payload_size);

// Inflates the box of a LOGITS mask into `codes` (box.height rows of box.width); FALSE if the
// payload is not exactly that.
gboolean msk_mask_unpack(const MskMask *mask, uint8_t *codes);

// Sets what msk_mask_get_area() and msk_mask_get_bounds() would measure, of a mask that nobody else
// knows yet; FALSE if it cannot be true.
gboolean msk_mask_set_measures(MskMask *mask, int64_t area, const MskRect *bounds);

// Reads the next run length of a BITS payload; FALSE at the end or on damage.
gboolean msk_mask_next_run(const MskMask *mask, size_t *position, uint64_t *run);
