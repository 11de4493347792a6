// SPDX-License-Identifier: Apache-2.0
// MskFrameTable: what a masklet has by frame, for clips of any length.
//
// Pages of 64 frames, in order, only where there is something. Looking up a frame is a search among
// pages; walking over frames reads them in sequence. Values are pointers that the caller owns.
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef enum MskFrameSlot {
    MSK_SLOT_PROMPT,   // MskValue
    MSK_SLOT_PAINT,    // MskValue
    MSK_SLOT_RESULT,   // MskValue
    MSK_SLOT_PREVIOUS, // MskMask: the one before tracking replaced it
    MSK_SLOT_SHOWN,    // MskMask: result and strokes together
    MSK_N_SLOTS,
} MskFrameSlot;

#define MSK_PAGE_FRAMES 64

typedef struct MskFramePage {
    int64_t first; // frame, a multiple of MSK_PAGE_FRAMES
    guint n_values;
    guint8 flags[MSK_PAGE_FRAMES]; // of the caller, 0 at first
    gpointer *slots[MSK_N_SLOTS];  // MSK_PAGE_FRAMES each; NULL: all empty
} MskFramePage;

typedef struct MskFrameTable {
    GPtrArray *pages; // ascending
    guint found;      // where the last search ended: frames are asked for in sequence
} MskFrameTable;

void msk_frame_table_init(MskFrameTable *table);
// The values are to be taken out before.
void msk_frame_table_clear(MskFrameTable *table);

// Index of the first page that has frames at or after `frame`; the number of pages if none.
guint msk_frame_table_seek(MskFrameTable *table, int64_t frame);
MskFramePage *msk_frame_table_get_page(MskFrameTable *table, guint index);
// NULL: there is nothing on the page's frames.
MskFramePage *msk_frame_table_find_page(MskFrameTable *table, int64_t frame);

gpointer msk_frame_table_get(MskFrameTable *table, MskFrameSlot slot, int64_t frame);
// Returns what was there. A page without values goes, and its flags with it. frame >= 0.
gpointer msk_frame_table_set(MskFrameTable *table, MskFrameSlot slot, int64_t frame,
                             gpointer value);
// 0 where there is nothing.
guint8 msk_frame_table_get_flags(MskFrameTable *table, int64_t frame);

G_END_DECLS
