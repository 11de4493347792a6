// SPDX-License-Identifier: Apache-2.0
// What tests of documents share.
#include "document_tools.h"

#include <string.h>

MskMask *tool_bits(int x, int y, int width, int height)
{
    uint8_t pixels[TOOL_HEIGHT][TOOL_WIDTH];
    memset(pixels, 0, sizeof pixels);
    for (int v = y; v < MIN(y + height, TOOL_HEIGHT); v++)
        for (int u = x; u < MIN(x + width, TOOL_WIDTH); u++)
            pixels[v][u] = 1;
    return msk_mask_new_bits(&pixels[0][0], TOOL_WIDTH, TOOL_WIDTH, TOOL_HEIGHT);
}

// The grid has the frame's size: a cell is a pixel.
MskMask *tool_logits(int x, int y, int width, int height)
{
    float logits[TOOL_HEIGHT][TOOL_WIDTH];
    for (int v = 0; v < TOOL_HEIGHT; v++)
        for (int u = 0; u < TOOL_WIDTH; u++)
            logits[v][u] = u >= x && v >= y && u < x + width && v < y + height ? 5.0f : -5.0f;
    return msk_mask_new_logits(&logits[0][0], TOOL_WIDTH, TOOL_HEIGHT, TOOL_WIDTH, TOOL_HEIGHT);
}

MskResult *tool_result_of(int64_t frame, MskMask *mask, float score, float iou)
{
    MskResult *result = g_new0(MskResult, 1);
    *result =
        (MskResult){.n_refs = 1, .frame = frame, .mask = mask, .object_score = score, .iou = iou};
    return result;
}

MskResult *tool_result(int64_t frame, guint seed)
{
    MskMask *mask = tool_logits((int)(seed % 7), (int)(seed / 7 % 5), 6 + (int)(seed / 35 % 3), 6);
    msk_mask_get_area(mask);
    return tool_result_of(frame, mask, 8, 0.95f);
}

MskPrompt *tool_prompt(double x, double y)
{
    MskPrompt *prompt = msk_prompt_new(0);
    msk_prompt_add_point(prompt, x, y, TRUE);
    return prompt;
}

static void load_cell(const MskCell *cell, MskValue *value, gpointer user)
{
    msk_document_load_value(user, cell, value);
}

MskDocument *tool_copy(MskDocument *document)
{
    MskDocument *copy =
        msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, msk_document_get_n_frames(document));
    msk_document_foreach(document, load_cell, copy);
    msk_document_loaded(copy);
    return copy;
}

void tool_settle(MskDocument *document)
{
    while (msk_document_is_measuring(document))
        g_main_context_iteration(NULL, TRUE);
}

static void unref_value_cb(gpointer value)
{
    msk_value_unref(value);
}

static void add_cell(const MskCell *cell, MskValue *value, gpointer user)
{
    g_hash_table_insert(user, g_memdup2(cell, sizeof *cell), msk_value_ref(value));
}

GHashTable *tool_cells(MskDocument *document)
{
    GHashTable *cells =
        g_hash_table_new_full(msk_cell_hash, msk_cell_equal, g_free, unref_value_cb);
    msk_document_foreach(document, add_cell, cells);
    return cells;
}

MskValue *tool_lookup(GHashTable *cells, const MskCell *cell)
{
    return g_hash_table_lookup(cells, cell);
}

gboolean tool_same_cells(GHashTable *a, GHashTable *b)
{
    if (g_hash_table_size(a) != g_hash_table_size(b))
        return FALSE;
    GHashTableIter iter;
    gpointer cell, value;
    g_hash_table_iter_init(&iter, a);
    while (g_hash_table_iter_next(&iter, &cell, &value))
        if (!msk_value_equal(value, g_hash_table_lookup(b, cell)))
            return FALSE;
    return TRUE;
}

void tool_track(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last,
                gboolean reverse, guint seed)
{
    for (int64_t frame = first; frame <= last; frame++) {
        guint64 source = msk_masklet_get_source(masklet, frame, reverse);
        if (source == 0)
            continue;
        g_autoptr(MskResult) result = tool_result(frame, seed + (guint)frame);
        msk_document_set_track(document, masklet, frame, result, source, -1);
    }
}
