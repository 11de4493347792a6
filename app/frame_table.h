// SPDX-License-Identifier: Apache-2.0
// MskFrameTable: what a masklet has by frame, for clips of any length.
//
// Pages of 64 frames, in order, only where there is something. Looking up a frame is a search among
// pages; walking over frames reads them in sequence. Tables share pages, which are copied before
// they are written to: a copy of a table costs no more than its list of pages, and may be used by
// another thread.
#pragma once

#include "app/value.h"

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
    int n_refs;    // atomic; of one that has others, nothing changes
    int64_t first; // frame, a multiple of MSK_PAGE_FRAMES
    guint n_values;
    guint8 flags[MSK_PAGE_FRAMES]; // of the caller, 0 at first
    gpointer *slots[MSK_N_SLOTS];  // MSK_PAGE_FRAMES each, references; NULL: all empty
} MskFramePage;

typedef struct MskFrameTable {
    GPtrArray *pages; // ascending
    guint found;      // where the last search ended: frames are asked for in sequence
} MskFrameTable;

void msk_frame_table_init(MskFrameTable *table);
// With the pages of another one.
void msk_frame_table_init_copy(MskFrameTable *table, const MskFrameTable *from);
void msk_frame_table_clear(MskFrameTable *table);

// Index of the first page that has frames at or after `frame`; the number of pages if none.
guint msk_frame_table_seek(MskFrameTable *table, int64_t frame);
const MskFramePage *msk_frame_table_get_page(const MskFrameTable *table, guint index);
// The same for writing: a page that no other table has. What was there before may be gone.
MskFramePage *msk_frame_table_own_page(MskFrameTable *table, guint index);
// NULL: there is nothing on the page's frames.
const MskFramePage *msk_frame_table_find_page(MskFrameTable *table, int64_t frame);

// Borrowed.
gpointer msk_frame_table_get(MskFrameTable *table, MskFrameSlot slot, int64_t frame);
// Takes the value. A page without values goes, and its flags with it. frame >= 0.
void msk_frame_table_set(MskFrameTable *table, MskFrameSlot slot, int64_t frame, gpointer value);
// 0 where there is nothing.
guint8 msk_frame_table_get_flags(MskFrameTable *table, int64_t frame);

G_END_DECLS
