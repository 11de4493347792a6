// SPDX-License-Identifier: Apache-2.0
// Pages of frames, found by bisection.
#include "app/frame_table.h"

static gboolean is_mask(int slot)
{
    return slot == MSK_SLOT_PREVIOUS || slot == MSK_SLOT_SHOWN;
}

static gpointer ref_content(int slot, gpointer content)
{
    return is_mask(slot) ? (gpointer)msk_mask_ref(content) : (gpointer)msk_value_ref(content);
}

static void unref_content(int slot, gpointer content)
{
    if (is_mask(slot))
        msk_mask_unref(content);
    else
        msk_value_unref(content);
}

static void unref_page(gpointer data)
{
    MskFramePage *page = data;
    if (!g_atomic_int_dec_and_test(&page->n_refs))
        return;
    for (int slot = 0; slot < MSK_N_SLOTS; slot++) {
        for (int i = 0; page->slots[slot] && i < MSK_PAGE_FRAMES; i++)
            if (page->slots[slot][i])
                unref_content(slot, page->slots[slot][i]);
        g_free(page->slots[slot]);
    }
    g_free(page);
}

static MskFramePage *copy_page(const MskFramePage *from)
{
    MskFramePage *page = g_memdup2(from, sizeof *from);
    page->n_refs = 1;
    for (int slot = 0; slot < MSK_N_SLOTS; slot++) {
        if (!from->slots[slot])
            continue;
        page->slots[slot] = g_memdup2(from->slots[slot], MSK_PAGE_FRAMES * sizeof(gpointer));
        for (int i = 0; i < MSK_PAGE_FRAMES; i++)
            if (page->slots[slot][i])
                ref_content(slot, page->slots[slot][i]);
    }
    return page;
}

void msk_frame_table_init(MskFrameTable *table)
{
    table->pages = g_ptr_array_new_with_free_func(unref_page);
    table->found = 0;
}

static gpointer ref_page(gconstpointer data, gpointer user)
{
    MskFramePage *page = (MskFramePage *)data;
    g_atomic_int_inc(&page->n_refs);
    return page;
}

void msk_frame_table_init_copy(MskFrameTable *table, const MskFrameTable *from)
{
    table->pages = g_ptr_array_copy(from->pages, ref_page, NULL);
    table->found = 0;
}

void msk_frame_table_clear(MskFrameTable *table)
{
    g_clear_pointer(&table->pages, g_ptr_array_unref);
}

const MskFramePage *msk_frame_table_get_page(const MskFrameTable *table, guint index)
{
    return g_ptr_array_index(table->pages, index);
}

MskFramePage *msk_frame_table_own_page(MskFrameTable *table, guint index)
{
    MskFramePage *page = g_ptr_array_index(table->pages, index);
    if (g_atomic_int_get(&page->n_refs) == 1)
        return page;
    MskFramePage *copy = copy_page(page);
    g_ptr_array_index(table->pages, index) = copy;
    unref_page(page);
    return copy;
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

const MskFramePage *msk_frame_table_find_page(MskFrameTable *table, int64_t frame)
{
    guint at = msk_frame_table_seek(table, frame);
    if (at == table->pages->len)
        return NULL;
    const MskFramePage *page = msk_frame_table_get_page(table, at);
    return page->first <= frame ? page : NULL;
}

gpointer msk_frame_table_get(MskFrameTable *table, MskFrameSlot slot, int64_t frame)
{
    const MskFramePage *page = msk_frame_table_find_page(table, frame);
    return page && page->slots[slot] ? page->slots[slot][frame - page->first] : NULL;
}

guint8 msk_frame_table_get_flags(MskFrameTable *table, int64_t frame)
{
    const MskFramePage *page = msk_frame_table_find_page(table, frame);
    return page ? page->flags[frame - page->first] : 0;
}

void msk_frame_table_set(MskFrameTable *table, MskFrameSlot slot, int64_t frame, gpointer value)
{
    g_assert(frame >= 0);
    const MskFramePage *found = msk_frame_table_find_page(table, frame);
    const guint at = msk_frame_table_seek(table, frame);
    if (!value && (!found || !found->slots[slot] || !found->slots[slot][frame - found->first]))
        return;
    if (!found) {
        MskFramePage *made = g_new0(MskFramePage, 1);
        made->n_refs = 1;
        made->first = frame - frame % MSK_PAGE_FRAMES;
        g_ptr_array_insert(table->pages, (int)at, made);
    }
    MskFramePage *page = msk_frame_table_own_page(table, at);
    if (!page->slots[slot])
        page->slots[slot] = g_new0(gpointer, MSK_PAGE_FRAMES);
    gpointer *place = &page->slots[slot][frame - page->first];
    gpointer old = *place;
    *place = value;
    page->n_values += (value != NULL) - (old != NULL);
    if (page->n_values == 0)
        g_ptr_array_remove_index(table->pages, at);
    if (old)
        unref_content(slot, old);
}
