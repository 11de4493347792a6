// SPDX-License-Identifier: Apache-2.0
// Pages of frames, found by bisection.
#include "app/frame_table.h"

static void free_page(gpointer data)
{
    MskFramePage *page = data;
    for (int slot = 0; slot < MSK_N_SLOTS; slot++)
        g_free(page->slots[slot]);
    g_free(page);
}

void msk_frame_table_init(MskFrameTable *table)
{
    table->pages = g_ptr_array_new_with_free_func(free_page);
    table->found = 0;
}

void msk_frame_table_clear(MskFrameTable *table)
{
    g_clear_pointer(&table->pages, g_ptr_array_unref);
}

MskFramePage *msk_frame_table_get_page(MskFrameTable *table, guint index)
{
    return g_ptr_array_index(table->pages, index);
}

static gboolean ends_before(MskFrameTable *table, guint index, int64_t frame)
{
    return msk_frame_table_get_page(table, index)->first + (MSK_PAGE_FRAMES - 1) < frame;
}

guint msk_frame_table_seek(MskFrameTable *table, int64_t frame)
{
    guint n = table->pages->len;
    guint at = table->found;
    if (at < n && !ends_before(table, at, frame) && (at == 0 || ends_before(table, at - 1, frame)))
        return at;
    guint low = 0, high = n;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (ends_before(table, middle, frame))
            low = middle + 1;
        else
            high = middle;
    }
    table->found = low;
    return low;
}

MskFramePage *msk_frame_table_find_page(MskFrameTable *table, int64_t frame)
{
    guint at = msk_frame_table_seek(table, frame);
    if (at == table->pages->len)
        return NULL;
    MskFramePage *page = msk_frame_table_get_page(table, at);
    return page->first <= frame ? page : NULL;
}

gpointer msk_frame_table_get(MskFrameTable *table, MskFrameSlot slot, int64_t frame)
{
    MskFramePage *page = msk_frame_table_find_page(table, frame);
    return page && page->slots[slot] ? page->slots[slot][frame - page->first] : NULL;
}

guint8 msk_frame_table_get_flags(MskFrameTable *table, int64_t frame)
{
    MskFramePage *page = msk_frame_table_find_page(table, frame);
    return page ? page->flags[frame - page->first] : 0;
}

gpointer msk_frame_table_set(MskFrameTable *table, MskFrameSlot slot, int64_t frame, gpointer value)
{
    g_assert(frame >= 0);
    MskFramePage *page = msk_frame_table_find_page(table, frame);
    if (!page) {
        if (!value)
            return NULL;
        page = g_new0(MskFramePage, 1);
        page->first = frame - frame % MSK_PAGE_FRAMES;
        g_ptr_array_insert(table->pages, (int)msk_frame_table_seek(table, frame), page);
    }
    if (!page->slots[slot]) {
        if (!value)
            return NULL;
        page->slots[slot] = g_new0(gpointer, MSK_PAGE_FRAMES);
    }
    gpointer *at = &page->slots[slot][frame - page->first];
    gpointer old = *at;
    *at = value;
    page->n_values += (value != NULL) - (old != NULL);
    if (page->n_values == 0)
        g_ptr_array_remove_index(table->pages, msk_frame_table_seek(table, frame));
    return old;
}
