// SPDX-License-Identifier: Apache-2.0
// Masklets: the table of frames, doubt, absence, measuring, merging objects.
#include "app/document_private.h"

#include <math.h>
#include <string.h>

#include "app/doubt.h"
#include "app/palette.h"
#include "document_tools.h"
#include "tests/support/check.h"

// ---- The table ---------------------------------------------------------------------------------

#define N_MARKS 400
#define N_COPIES 20

static gboolean has_content(MskFrameTable *table, const gpointer *expected)
{
    gboolean right = TRUE;
    for (int64_t n = 0; n < 4096; n++)
        right &= msk_frame_table_get(table, MSK_SLOT_RESULT, n) == expected[n];
    return right;
}

static void put_mark(MskFrameTable *table, MskFrameSlot slot, int64_t frame, MskValue *mark)
{
    msk_frame_table_set(table, slot, frame, mark ? msk_value_ref(mark) : NULL);
}

static void test_table(void)
{
    MskFrameTable table, copies[N_COPIES];
    msk_frame_table_init(&table);
    MskValue *marks[N_MARKS];
    int64_t frames[N_MARKS];
    GRand *random = g_rand_new_with_seed(5);
    gpointer expected[4096] = {0};
    g_autofree gpointer *before = g_new(gpointer, N_COPIES * 4096);
    gboolean right = TRUE;
    for (int i = 0; i < N_MARKS; i++)
        marks[i] = msk_value_new_locks(NULL, 0);
    for (int round = 0; round < 20000; round++) {
        int64_t frame = g_rand_int_range(random, 0, 4096);
        if (round % 100 == 0)
            frame = (frame & ~(int64_t)63) + (round % 200 ? 63 : 0); // page ends
        MskValue *value = g_rand_int_range(random, 0, 3) ? NULL : marks[round % N_MARKS];
        frames[round % N_MARKS] = frame;
        put_mark(&table, MSK_SLOT_RESULT, frame, value);
        expected[frame] = value;
        int64_t other = frames[g_rand_int_range(random, 0, MIN(round + 1, N_MARKS))];
        right &= msk_frame_table_get(&table, MSK_SLOT_RESULT, other) == expected[other];
        right &= msk_frame_table_get(&table, MSK_SLOT_PAINT, other) == NULL;
        if (round % 1000 == 999) {
            msk_frame_table_init_copy(&copies[round / 1000], &table);
            memcpy(&before[round / 1000 * 4096], expected, sizeof expected);
        }
    }
    CHECK(right);
    gboolean ordered = TRUE, no_empty = TRUE;
    for (guint p = 0; p < table.pages->len; p++) {
        ordered &= p == 0 || msk_frame_table_get_page(&table, p - 1)->first <
                                 msk_frame_table_get_page(&table, p)->first;
        no_empty &= msk_frame_table_get_page(&table, p)->n_values > 0;
    }
    CHECK(ordered && no_empty && has_content(&table, expected));
    // Copies have what there was then, whatever became of the table, and of other copies.
    for (int64_t n = 0; n < 4096; n++)
        put_mark(&copies[N_COPIES - 1], MSK_SLOT_RESULT, n, marks[0]);
    CHECK(has_content(&table, expected));
    for (int64_t n = 0; n < 4096; n++)
        put_mark(&table, MSK_SLOT_RESULT, n, NULL);
    CHECK(table.pages->len == 0 && msk_frame_table_seek(&table, 0) == 0);
    for (int i = 0; i < N_COPIES; i++) {
        CHECK(i == N_COPIES - 1 || has_content(&copies[i], &before[i * 4096]));
        msk_frame_table_clear(&copies[i]);
    }
    // Far apart costs no more than near.
    int64_t far = MSK_PROMPT_FRAME_MAX - 1;
    put_mark(&table, MSK_SLOT_PAINT, far, marks[0]);
    put_mark(&table, MSK_SLOT_PAINT, 0, marks[1]);
    CHECK(table.pages->len == 2 && msk_frame_table_get(&table, MSK_SLOT_PAINT, far) == marks[0]);
    CHECK(msk_frame_table_seek(&table, 64) == 1 && !msk_frame_table_find_page(&table, 64));
    msk_frame_table_clear(&table);
    for (int i = 0; i < N_MARKS; i++) {
        CHECK(marks[i]->n_refs == 1);
        msk_value_unref(marks[i]);
    }
    g_rand_free(random);
    end_group("table of frames");
}

// ---- Doubt -------------------------------------------------------------------------------------

static float doubt_of(float score, float iou, float agreement, MskMask *mask, MskMask *before,
                      MskMask *after)
{
    g_autoptr(MskResult) result = tool_result_of(3, msk_mask_ref(mask), score, iou);
    MskTrackValue track = {result, 1, agreement};
    return msk_doubt_compute(&track, before, after);
}

static MskMask *measured(MskMask *mask)
{
    msk_mask_get_area(mask);
    return mask;
}

static void test_doubt(void)
{
    g_autoptr(MskMask) here = measured(tool_bits(4, 4, 8, 8));
    g_autoptr(MskMask) near = measured(tool_bits(5, 4, 8, 8));
    g_autoptr(MskMask) away = measured(tool_bits(16, 8, 8, 8));
    g_autoptr(MskMask) large = measured(tool_bits(0, 0, 24, 16));
    g_autoptr(MskMask) none = measured(msk_mask_new_empty(TOOL_WIDTH, TOOL_HEIGHT));
    g_autoptr(MskMask) unknown = tool_bits(16, 8, 8, 8);
    CHECK(doubt_of(8, 0.95f, -1, here, NULL, NULL) == 0);
    CHECK(doubt_of(8, 0.95f, 0.97f, here, near, near) == 0);
    // Scores: near 0 to either side.
    CHECK(doubt_of(0.3f, 0.95f, -1, here, NULL, NULL) >= MSK_DOUBT_LIMIT);
    CHECK(doubt_of(-0.3f, 0.95f, -1, none, NULL, NULL) >= MSK_DOUBT_LIMIT);
    CHECK(doubt_of(-8, 0.1f, -1, none, none, none) == 0); // surely not there
    CHECK(doubt_of(8, 0.4f, -1, here, NULL, NULL) == 1);
    CHECK(doubt_of(8, 0.8f, -1, here, NULL, NULL) < MSK_DOUBT_LIMIT);
    CHECK(doubt_of(8, 0.65f, -1, here, NULL, NULL) >= MSK_DOUBT_LIMIT);
    CHECK(doubt_of(NAN, NAN, NAN, here, near, NULL) <= 1); // hostile files
    // Disagreement of two directions.
    CHECK(doubt_of(8, 0.95f, 0.5f, here, NULL, NULL) == 1);
    CHECK(doubt_of(8, 0.95f, 0.0f, here, NULL, NULL) == 1);
    // Place and area, on either side; the object coming or going.
    CHECK(doubt_of(8, 0.95f, -1, here, away, NULL) >= MSK_DOUBT_LIMIT);
    CHECK(doubt_of(8, 0.95f, -1, here, NULL, away) >= MSK_DOUBT_LIMIT);
    CHECK(doubt_of(8, 0.95f, -1, here, large, NULL) >= MSK_DOUBT_LIMIT);
    CHECK(doubt_of(8, 0.95f, -1, large, here, NULL) >= MSK_DOUBT_LIMIT);
    CHECK(doubt_of(8, 0.95f, -1, large, none, NULL) >= MSK_DOUBT_LIMIT);
    CHECK(doubt_of(8, 0.95f, -1, here, unknown, NULL) == 0); // not measured: left out
    CHECK(!msk_mask_is_measured(unknown));                   // and not measured by asking
    end_group("doubt");
}

static void put(MskDocument *document, MskMasklet *masklet, int64_t frame, MskMask *mask,
                float score)
{
    g_autoptr(MskResult) result = tool_result_of(frame, mask, score, 0.95f);
    guint64 source = msk_masklet_get_source(masklet, frame, FALSE);
    msk_document_set_track(document, masklet, frame, result, source, -1);
}

static void count_cb(MskDocument *document, MskMasklet *masklet, gint64 first, gint64 last,
                     int *count)
{
    ++*count;
}

static void test_measuring(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 1000);
    MskMasklet *a = msk_document_add_object(document, "A");
    g_autoptr(MskPrompt) prompt = tool_prompt(3, 3);
    msk_document_set_prompt(document, a, 0, prompt);
    // Not measured, as loaded from a file: a jump on frame 100, gone from 150 on.
    for (int64_t n = 1; n < 200; n++) {
        MskMask *mask = n < 100 ? tool_logits(1, 1, 8, 8) : tool_logits(15, 8, 8, 8);
        if (n >= 150) {
            msk_mask_unref(mask);
            mask = tool_logits(0, 0, 0, 0);
        }
        put(document, a, n, mask, 8);
    }
    CHECK(msk_document_is_measuring(document));
    CHECK(!(msk_masklet_get_frame(a, 160, NULL) & MSK_FRAME_ABSENT)); // the score says it is there
    int told = 0;
    g_signal_connect(document, "frames-changed", G_CALLBACK(count_cb), &told);
    tool_settle(document);
    CHECK(!msk_document_is_measuring(document) && told > 0);
    CHECK(msk_masklet_get_frame(a, 160, NULL) == (MSK_FRAME_HAS_MASK | MSK_FRAME_ABSENT));
    CHECK(msk_masklet_find_doubt(a, 1, 1) == 99 && msk_masklet_find_doubt(a, 99, 1) == 100);
    CHECK(msk_masklet_find_doubt(a, 100, 1) == 149 && msk_masklet_find_doubt(a, 150, 1) == -1);
    CHECK(msk_masklet_find_doubt(a, 999, -1) == 150 && msk_masklet_find_doubt(a, 99, -1) == -1);
    CHECK(msk_masklet_get_doubt(a, 100) >= MSK_DOUBT_LIMIT && msk_masklet_get_doubt(a, 50) == 0);
    // A keyframe is not doubtful, nor is what is locked; nor are frames that moved along with it.
    msk_document_set_prompt(document, a, 100, prompt);
    CHECK(msk_masklet_get_doubt(a, 100) == 0);
    CHECK(!(msk_masklet_get_frame(a, 100, NULL) & MSK_FRAME_DOUBT));
    msk_document_lock(document, a, 140, 160);
    CHECK(msk_masklet_find_doubt(a, 100, 1) == -1);
    msk_document_unlock(document, a, 150, 160);
    CHECK(msk_masklet_find_doubt(a, 100, 1) == 150);

    // A document that goes while masks are measured.
    MskDocument *gone = tool_copy(document);
    put(gone, msk_document_get_object(gone, 0), 300, tool_logits(1, 1, 3, 3), 8);
    while (!gone->measuring)
        g_main_context_iteration(NULL, TRUE);
    g_object_unref(gone);
    put(document, a, 301, tool_logits(1, 1, 3, 3), 8);
    tool_settle(document);
    for (int i = 0; i < 20; i++)
        g_main_context_iteration(NULL, FALSE);
    end_group("measuring");
}

// ---- Merging objects ---------------------------------------------------------------------------

static MskMasklet *add_tracked(MskDocument *document, int64_t key, int64_t first, int64_t last,
                               guint seed)
{
    MskMasklet *masklet = msk_document_add_object(document, NULL);
    g_autoptr(MskPrompt) prompt = tool_prompt(3, 3);
    msk_document_set_prompt(document, masklet, key, prompt);
    g_autoptr(MskResult) result = tool_result(key, seed);
    msk_document_set_track(document, masklet, key, result, 0, -1);
    tool_track(document, masklet, first, key - 1, TRUE, seed + 3);
    tool_track(document, masklet, key + 1, last, FALSE, seed + 3);
    return masklet;
}

static gboolean is_union(const MskMask *mask, const MskMask *a, const MskMask *b)
{
    g_autoptr(MskMask) expected = a || b ? msk_mask_combine(a, b, NULL) : NULL;
    if (!mask || !expected)
        return mask == NULL && expected == NULL;
    uint8_t x[TOOL_HEIGHT][TOOL_WIDTH], y[TOOL_HEIGHT][TOOL_WIDTH];
    msk_mask_get_binary(mask, &x[0][0], TOOL_WIDTH);
    msk_mask_get_binary(expected, &y[0][0], TOOL_WIDTH);
    return memcmp(x, y, sizeof x) == 0;
}

// The masks of two objects, kept to be compared with after merging them.
typedef struct Kept {
    MskMask *masks[2][60];
    guint flags[2][60];
} Kept;

static void keep(Kept *kept, MskMasklet *a, MskMasklet *b)
{
    for (int n = 0; n < 60; n++) {
        kept->masks[0][n] = msk_masklet_get_mask(a, n);
        kept->masks[1][n] = msk_masklet_get_mask(b, n);
        kept->flags[0][n] = msk_masklet_get_frame(a, n, NULL);
        kept->flags[1][n] = msk_masklet_get_frame(b, n, NULL);
    }
}

static void check_merged(const Kept *kept, MskMasklet *merged)
{
    gboolean united = TRUE, keys = TRUE, fresh = TRUE;
    const guint key = MSK_FRAME_PROMPT | MSK_FRAME_PAINT;
    for (int n = 0; n < 60; n++) {
        g_autoptr(MskMask) mask = msk_masklet_get_mask(merged, n);
        const guint *flags[2] = {kept->flags[0], kept->flags[1]};
        guint now = msk_masklet_get_frame(merged, n, NULL);
        united &= is_union(mask, kept->masks[0][n], kept->masks[1][n]);
        keys &= !(now & MSK_FRAME_PROMPT) &&
                ((now & MSK_FRAME_PAINT) != 0) == (((flags[0][n] | flags[1][n]) & key) != 0);
        if (!(now & MSK_FRAME_HAS_MASK) || (now & (MSK_FRAME_PAINT | MSK_FRAME_LOCKED)))
            continue;
        gboolean was_fresh = TRUE;
        for (int k = 0; k < 2; k++)
            was_fresh &= (flags[k][n] & (MSK_FRAME_LOCKED | key)) ||
                         ((flags[k][n] & MSK_FRAME_HAS_MASK) && !(flags[k][n] & MSK_FRAME_STALE));
        fresh &= was_fresh == !(now & MSK_FRAME_STALE);
    }
    CHECK(united);
    CHECK(keys);
    CHECK(fresh);
}

static void drop(Kept *kept)
{
    for (int k = 0; k < 2; k++)
        for (int n = 0; n < 60; n++)
            msk_mask_unref(kept->masks[k][n]);
}

static void merged_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    GError *error = NULL;
    gboolean done = msk_document_merge_objects_finish(MSK_DOCUMENT(source), result, &error);
    *(int *)user = done ? 1 : -error->code - 1;
    g_clear_error(&error);
}

static void test_merge(gboolean in_background)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 60);
    MskMasklet *a = add_tracked(document, 10, 0, 40, 3);
    MskMasklet *b = add_tracked(document, 25, 5, 50, 30);
    msk_document_lock(document, a, 30, 34);
    tool_track(document, a, 11, 29, FALSE, 2);
    tool_track(document, a, 35, 40, FALSE, 2);
    msk_document_lock(document, b, 34, 36);
    g_autoptr(MskMask) stroke = tool_bits(18, 10, 4, 4);
    msk_document_set_paint(document, a, 15, NULL, stroke);
    msk_document_set_paint(document, b, 12, stroke, NULL);
    tool_settle(document);
    g_autoptr(GHashTable) before = tool_cells(document);
    Kept kept;
    keep(&kept, a, b);
    guint n_commands = document->commands->len;
    if (in_background) {
        int outcome = 0;
        msk_document_merge_objects_async(document, (MskMasklet *[]){a, b}, 2, "Merge", NULL,
                                         merged_cb, &outcome);
        while (outcome == 0)
            g_main_context_iteration(NULL, TRUE);
        CHECK(outcome == 1);
    } else {
        CHECK(msk_document_merge_objects(document, (MskMasklet *[]){a, b}, 2));
    }
    tool_settle(document);
    CHECK(document->commands->len == n_commands + 1);
    CHECK(msk_document_get_n_objects(document) == 1 && msk_document_get_object(document, 0) == a);
    check_merged(&kept, a);
    const GArray *locks = msk_masklet_get_locks(a);
    CHECK(locks->len == 1 && g_array_index(locks, MskInterval, 0).first == 30 &&
          g_array_index(locks, MskInterval, 0).last == 36);
    MskFrameState state;
    msk_masklet_get_frame(a, 20, &state);
    CHECK(msk_mask_get_kind(state.track->result->mask) == MSK_MASK_LOGITS); // soft edges stay
    msk_document_undo(document);
    g_autoptr(GHashTable) after = tool_cells(document);
    CHECK(tool_same_cells(before, after) && msk_document_find_object(document, 2) == b);
    msk_document_redo(document);
    check_merged(&kept, a);
    tool_settle(document);
    drop(&kept);
}

static void test_merge_refused(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 60);
    MskMasklet *a = add_tracked(document, 10, 0, 40, 3);
    MskMasklet *b = add_tracked(document, 25, 5, 50, 30);
    CHECK(!msk_document_merge_objects(document, &a, 1));
    CHECK(!msk_document_merge_objects(document, (MskMasklet *[]){a, a}, 2));
    MskObjectInfo info = *msk_masklet_get_info(b);
    info.locked = TRUE;
    msk_document_set_info(document, b, &info);
    CHECK(!msk_document_merge_objects(document, (MskMasklet *[]){a, b}, 2));
    int outcome = 0;
    msk_document_merge_objects_async(document, (MskMasklet *[]){a, b}, 2, "Merge", NULL, merged_cb,
                                     &outcome);
    while (outcome == 0)
        g_main_context_iteration(NULL, TRUE);
    CHECK(outcome == -G_IO_ERROR_INVALID_ARGUMENT - 1);
    msk_document_undo(document);

    // Edited while the unions are made: they are made again.
    outcome = 0;
    msk_document_merge_objects_async(document, (MskMasklet *[]){a, b}, 2, "Merge", NULL, merged_cb,
                                     &outcome);
    g_autoptr(MskMask) stroke = tool_bits(18, 10, 4, 4);
    msk_document_set_paint(document, a, 45, stroke, NULL);
    while (outcome == 0)
        g_main_context_iteration(NULL, TRUE);
    CHECK(outcome == 1 && (msk_masklet_get_frame(a, 45, NULL) & MSK_FRAME_PAINT));
    msk_document_undo(document);
    // Removed meanwhile, or cancelled: nothing is done.
    outcome = 0;
    msk_document_merge_objects_async(document, (MskMasklet *[]){a, b}, 2, "Merge", NULL, merged_cb,
                                     &outcome);
    msk_document_remove_object(document, b);
    while (outcome == 0)
        g_main_context_iteration(NULL, TRUE);
    CHECK(outcome == -G_IO_ERROR_BUSY - 1);
    msk_document_undo(document);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    outcome = 0;
    msk_document_merge_objects_async(document, (MskMasklet *[]){a, b}, 2, "Merge", cancellable,
                                     merged_cb, &outcome);
    g_cancellable_cancel(cancellable);
    while (outcome == 0)
        g_main_context_iteration(NULL, TRUE);
    CHECK(outcome == -G_IO_ERROR_CANCELLED - 1 && msk_document_get_n_objects(document) == 2);
    tool_settle(document);
}

static void test_palette(void)
{
    gboolean distinct = TRUE;
    for (guint i = 0; i < 300; i++)
        for (guint j = 0; j < i; j++)
            distinct &= msk_palette_get(i) != msk_palette_get(j);
    CHECK(distinct);
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 60);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    for (int i = 0; i < 100; i++) {
        MskMasklet *masklet = msk_document_add_object(document, NULL);
        g_hash_table_add(seen, GUINT_TO_POINTER(msk_masklet_get_info(masklet)->colour));
    }
    CHECK(g_hash_table_size(seen) == 100);
    end_group("colours");
}

int main(void)
{
    test_table();
    test_doubt();
    test_measuring();
    test_merge(FALSE);
    test_merge(TRUE);
    test_merge_refused();
    end_group("merging objects");
    test_palette();
    return end_tests();
}
