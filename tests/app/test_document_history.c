// SPDX-License-Identifier: Apache-2.0
// Commands: nesting, amending, merging edits of a slider, undo and redo around them.
#include "app/document_private.h"

#include <string.h>

#include "document_tools.h"
#include "tests/support/check.h"

static gboolean click(MskDocument *document, MskMasklet *masklet, int64_t frame, double x)
{
    g_autoptr(MskPrompt) prompt = tool_prompt(x, 2);
    return msk_document_set_prompt(document, masklet, frame, prompt);
}

static gboolean track(MskDocument *document, MskMasklet *masklet, int64_t frame, guint seed)
{
    g_autoptr(MskResult) result = tool_result(frame, seed);
    return msk_document_set_track(document, masklet, frame, result, 0, -1);
}

// A click as a command of its own: its id.
static int64_t click_command(MskDocument *document, MskMasklet *masklet, int64_t frame, double x)
{
    msk_document_begin(document, "Add Point");
    click(document, masklet, frame, x);
    return msk_document_end(document);
}

static gboolean amend(MskDocument *document, MskMasklet *masklet, int64_t id, int64_t frame,
                      guint seed)
{
    if (!msk_document_begin_amending(document, id))
        return FALSE;
    gboolean done = track(document, masklet, frame, seed);
    msk_document_end(document);
    return done;
}

// The seed of the result that is on the frame; -1: none, -2: another one.
static int seed_at(MskMasklet *masklet, int64_t frame, const guint *seeds, int n)
{
    g_autoptr(MskMask) mask = msk_masklet_get_mask(masklet, frame);
    for (int i = 0; mask && i < n; i++) {
        g_autoptr(MskResult) result = tool_result(frame, seeds[i]);
        if (msk_mask_equal(result->mask, mask))
            return (int)seeds[i];
    }
    return mask ? -2 : -1;
}

#define SEED_AT(masklet, frame)                                                                    \
    seed_at(masklet, frame, (const guint[]){1, 2, 3, 4, 5, 6, 7, 8, 9}, 9)

static void test_nesting(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    msk_document_begin(document, "Outer");
    CHECK(!msk_document_undo(document) && !msk_document_redo(document));
    msk_document_begin(document, "Inner");
    MskMasklet *a = msk_document_add_object(document, "A");
    CHECK(a && msk_document_get_n_objects(document) == 1); // at once
    CHECK(msk_document_end(document) == 0);
    click(document, a, 4, 1);
    click(document, a, 4, 2);
    CHECK(msk_masklet_get_frame(a, 4, NULL) & MSK_FRAME_PROMPT);
    int64_t id = msk_document_end(document);
    CHECK(id == 1 && msk_document_has_command(document, id));
    g_autofree char *name = NULL;
    g_object_get(document, "undo-name", &name, NULL);
    CHECK(strcmp(name, "Outer") == 0);
    CHECK(document->commands->len == 1);
    const MskCommand *command = document->commands->pdata[0];
    CHECK(command->changes->len == 2); // a cell occurs once

    msk_document_begin(document, "Nothing");
    CHECK(msk_document_end(document) == 0);
    // There and back is nothing either.
    msk_document_begin(document, "Nothing");
    g_autoptr(MskPrompt) prompt = tool_prompt(2, 2);
    CHECK(msk_document_set_prompt(document, a, 4, NULL));
    CHECK(msk_document_set_prompt(document, a, 4, prompt));
    CHECK(msk_document_end(document) == 0 && document->commands->len == 1);

    CHECK(msk_document_undo(document) && !msk_document_undo(document));
    CHECK(!msk_document_has_command(document, id) && msk_document_get_n_objects(document) == 0);
    CHECK(msk_document_redo(document) && !msk_document_redo(document));
    CHECK(msk_document_get_object(document, 0) == a);
    end_group("nesting");
}

static void test_amending(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    MskMasklet *a = msk_document_add_object(document, "A");
    int64_t first = click_command(document, a, 10, 1);
    int64_t second = click_command(document, a, 10, 2); // before the first answer
    CHECK(first > 0 && second > first);
    CHECK(amend(document, a, first, 10, 1) && SEED_AT(a, 10) == 1);
    CHECK(amend(document, a, second, 10, 2) && SEED_AT(a, 10) == 2);
    // Too late: a later command has given that cell its value.
    CHECK(!amend(document, a, first, 10, 3) && SEED_AT(a, 10) == 2);
    CHECK(amend(document, a, second, 10, 4) && SEED_AT(a, 10) == 4);
    CHECK(document->commands->len == 3);
    msk_document_undo(document);
    CHECK(SEED_AT(a, 10) == 1);
    CHECK(!amend(document, a, second, 10, 5) && SEED_AT(a, 10) == 1); // it is undone
    CHECK(amend(document, a, first, 10, 6) && SEED_AT(a, 10) == 6);   // now it can
    // What was undone is still there to be redone, and undone again to what is there now.
    CHECK(msk_document_redo(document) && SEED_AT(a, 10) == 4);
    CHECK(msk_document_undo(document) && SEED_AT(a, 10) == 6);
    msk_document_undo(document);
    CHECK(SEED_AT(a, 10) == -1 && msk_masklet_get_frame(a, 10, NULL) == 0);
    msk_document_redo(document);
    CHECK(SEED_AT(a, 10) == 6);

    // An edit after undoing throws the second away for good.
    click_command(document, a, 40, 1);
    CHECK(!msk_document_begin_amending(document, second));
    CHECK(!msk_document_begin_amending(document, 0) && !msk_document_begin_amending(document, 99));
    CHECK(!msk_document_redo(document));
    end_group("amending");
}

static void test_amending_inside(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    MskMasklet *a = msk_document_add_object(document, "A");
    int64_t asked = click_command(document, a, 10, 1);
    // A drag is going on when the answer comes.
    msk_document_begin(document, "Drag");
    click(document, a, 20, 1);
    track(document, a, 30, 1);
    CHECK(amend(document, a, asked, 10, 2) && SEED_AT(a, 10) == 2);
    CHECK(!amend(document, a, asked, 30, 3) && SEED_AT(a, 30) == 1); // the drag's
    click(document, a, 21, 1);
    int64_t drag = msk_document_end(document);
    CHECK(drag > asked && document->commands->len == 3);
    msk_document_undo(document);
    CHECK(SEED_AT(a, 10) == 2 && SEED_AT(a, 30) == -1);
    CHECK(!(msk_masklet_get_frame(a, 20, NULL) & MSK_FRAME_PROMPT));
    msk_document_undo(document);
    CHECK(SEED_AT(a, 10) == -1);

    // Amending within itself is one amendment.
    msk_document_redo(document);
    CHECK(msk_document_begin_amending(document, asked));
    CHECK(msk_document_begin_amending(document, asked));
    msk_document_begin(document, "Inner");
    track(document, a, 11, 5);
    CHECK(msk_document_end(document) == 0 && msk_document_end(document) == 0);
    CHECK(msk_document_end(document) == asked);
    CHECK(msk_document_begin_amending(document, asked));
    CHECK(msk_document_end(document) == 0); // nothing new
    msk_document_undo(document);
    CHECK(SEED_AT(a, 11) == -1);

    // An object that went keeps what it had, and takes nothing more.
    msk_document_redo(document);
    msk_document_remove_object(document, a);
    CHECK(!amend(document, a, asked, 12, 5));
    msk_document_undo(document);
    CHECK(SEED_AT(a, 11) == 5 && SEED_AT(a, 12) == -1);
    CHECK(amend(document, a, asked, 12, 5));
    end_group("amending inside others");
}

// Undone tracking is up to date again when the anchors are what they were.
static void test_sources(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    MskMasklet *a = msk_document_add_object(document, "A");
    int64_t id = click_command(document, a, 10, 1);
    CHECK(msk_masklet_get_source(a, 11, FALSE) != 0); // asked for: an anchor already
    guint64 unanswered = msk_masklet_get_source(a, 11, FALSE);
    amend(document, a, id, 10, 1);
    guint64 one = msk_masklet_get_source(a, 11, FALSE);
    CHECK(one != unanswered && one == msk_masklet_get_source(a, 60, FALSE));
    CHECK(msk_masklet_get_source(a, 10, FALSE) == 0 && msk_masklet_get_source(a, 10, TRUE) == 0);
    CHECK(msk_masklet_get_source(a, 9, FALSE) == 0 && msk_masklet_get_source(a, 9, TRUE) != 0);
    CHECK(msk_masklet_get_source(a, 11, TRUE) == 0);
    tool_track(document, a, 11, 30, FALSE, 1);
    int64_t corrected = click_command(document, a, 20, 2);
    amend(document, a, corrected, 20, 7);
    guint64 two = msk_masklet_get_source(a, 11, FALSE), back = msk_masklet_get_source(a, 11, TRUE);
    CHECK(two != one && back != 0 && back != two);
    CHECK(msk_masklet_get_source(a, 21, FALSE) != one);
    tool_track(document, a, 11, 19, TRUE, 8); // from the other side: just as good
    CHECK(!(msk_masklet_get_frame(a, 15, NULL) & MSK_FRAME_STALE));
    amend(document, a, corrected, 20, 8);
    CHECK(msk_masklet_get_source(a, 11, FALSE) != two);
    CHECK(msk_masklet_get_frame(a, 15, NULL) & MSK_FRAME_STALE);
    amend(document, a, corrected, 20, 7);
    CHECK(msk_masklet_get_source(a, 11, FALSE) == two);
    CHECK(!(msk_masklet_get_frame(a, 15, NULL) & MSK_FRAME_STALE));
    while (msk_document_has_command(document, corrected))
        msk_document_undo(document);
    CHECK(msk_masklet_get_source(a, 11, FALSE) == one);
    gboolean fresh = TRUE;
    for (int64_t n = 11; n <= 30; n++)
        fresh &= !(msk_masklet_get_frame(a, n, NULL) & MSK_FRAME_STALE);
    CHECK(fresh);
    end_group("sources");
}

// ---- Merging -----------------------------------------------------------------------------------

static gint64 the_time;

static gint64 get_the_time(void)
{
    return the_time;
}

static void slide(MskDocument *document, MskMasklet *masklet, double grow, const char *key)
{
    MskObjectInfo info = *msk_masklet_get_info(masklet);
    info.matte.grow = grow;
    msk_document_begin_merging(document, "Grow", key);
    msk_document_set_info(document, masklet, &info);
    msk_document_end(document);
}

static double get_grow(MskMasklet *masklet)
{
    return msk_masklet_get_info(masklet)->matte.grow;
}

static void test_merging(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    document->get_time = get_the_time;
    MskMasklet *a = msk_document_add_object(document, "A");
    for (int i = 1; i <= 20; i++) {
        the_time += G_USEC_PER_SEC / 2; // longer than the window in all
        slide(document, a, i, "grow");
    }
    CHECK(document->commands->len == 2 && get_grow(a) == 20);
    msk_document_undo(document);
    CHECK(get_grow(a) == 0);
    msk_document_redo(document);
    CHECK(get_grow(a) == 20);
    slide(document, a, 21, "grow"); // after undo and redo it is another one
    CHECK(document->commands->len == 3);
    slide(document, a, 22, "other key");
    CHECK(document->commands->len == 4);
    the_time += 2 * G_USEC_PER_SEC;
    slide(document, a, 23, "other key"); // too late
    CHECK(document->commands->len == 5);
    slide(document, a, 24, "other key");
    CHECK(document->commands->len == 5);
    click_command(document, a, 3, 1);
    slide(document, a, 25, "other key"); // something else was between
    CHECK(document->commands->len == 7);
    // Back to where it was: nothing is left of it, and the next one does not join the one before.
    slide(document, a, 24, "other key");
    CHECK(document->commands->len == 6 && get_grow(a) == 24);
    slide(document, a, 26, "other key");
    CHECK(document->commands->len == 7);
    msk_document_undo(document);
    CHECK(get_grow(a) == 24 && (msk_masklet_get_frame(a, 3, NULL) & MSK_FRAME_PROMPT));
    // Within another command it is part of that.
    msk_document_begin(document, "Outer");
    slide(document, a, 30, "grow");
    slide(document, a, 31, "grow");
    CHECK(msk_document_end(document) > 0);
    slide(document, a, 32, "grow");
    CHECK(document->commands->len == 8);
    slide(document, a, 33, NULL); // no key, no merging
    slide(document, a, 34, NULL);
    CHECK(document->commands->len == 10);
    end_group("merging");
}

// ---- Loading -----------------------------------------------------------------------------------

static void test_loading(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    MskMasklet *a = msk_document_add_object(document, "A");
    MskMasklet *b = msk_document_add_object(document, "B");
    int64_t asked = click_command(document, a, 10, 1);
    amend(document, a, asked, 10, 1);
    tool_track(document, a, 11, 20, FALSE, 5);
    click_command(document, b, 5, 1);
    msk_document_remove_object(document, b);
    msk_document_move_object(document, a, 0);
    msk_document_undo(document); // the removal

    g_autoptr(MskDocument) loaded = tool_copy(document);
    msk_document_load_commands(loaded, document->commands, document->n_done);
    tool_settle(loaded);
    CHECK(msk_document_get_n_objects(loaded) == 2);
    MskMasklet *other = msk_document_find_object(loaded, 1);
    CHECK(other && other != a && !(msk_masklet_get_frame(other, 15, NULL) & MSK_FRAME_STALE));
    CHECK(msk_document_has_command(loaded, asked));
    CHECK(msk_document_redo(loaded) && msk_document_get_n_objects(loaded) == 1);
    while (msk_document_undo(loaded))
        ;
    g_autoptr(GHashTable) cells = tool_cells(loaded);
    CHECK(g_hash_table_size(cells) == 0);
    while (msk_document_redo(loaded))
        ;
    CHECK(msk_document_get_n_objects(loaded) == 1);
    // New ids follow those of the file, of objects too that exist in the history only.
    MskMasklet *c = msk_document_add_object(loaded, "C");
    CHECK(msk_masklet_get_id(c) == 3);
    CHECK(((MskCommand *)msk_document_peek_undo(loaded))->id > asked + 2);

    // Cells of no object are kept out of sight.
    g_autoptr(MskDocument) orphan = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    g_autoptr(MskResult) result = tool_result(3, 1);
    g_autoptr(MskValue) value = msk_value_new_track(result, 0, -1);
    msk_document_load_value(orphan, &(MskCell){MSK_CELL_RESULT, 9, 3}, value);
    msk_document_loaded(orphan);
    CHECK(msk_document_get_n_objects(orphan) == 0 && !msk_document_find_object(orphan, 9));
    CHECK(msk_document_get_value(orphan, &(MskCell){MSK_CELL_RESULT, 9, 3}) == value);
    CHECK(msk_masklet_get_id(msk_document_add_object(orphan, NULL)) == 10);
    end_group("loading");
}

// ---- On a thread -------------------------------------------------------------------------------

static void count_cb(int *count)
{
    (*count)++;
}

static void wait_turned(MskDocument *document)
{
    while (msk_document_is_turning(document))
        g_main_context_iteration(NULL, TRUE);
}

static void test_turning_later(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    int n_history = 0;
    document->bulk_min = 10;
    MskMasklet *a = msk_document_add_object(document, "A");
    MskMasklet *b = msk_document_add_object(document, "B");
    int64_t asked = click_command(document, a, 10, 1);
    amend(document, a, asked, 10, 1);
    msk_document_begin(document, "Track");
    tool_track(document, a, 11, 90, FALSE, 5);
    int64_t tracked = msk_document_end(document);
    msk_document_lock(document, a, 30, 40);
    g_autoptr(GHashTable) locked = tool_cells(document);
    g_signal_connect_swapped(document, "history-changed", G_CALLBACK(count_cb), &n_history);

    // A small one at once, a large one when the thread is through.
    CHECK(msk_document_undo_later(document) && !msk_document_is_turning(document));
    CHECK(n_history == 1 && msk_masklet_get_locks(a)->len == 0);
    CHECK(msk_document_undo_later(document) && msk_document_is_turning(document));
    CHECK(n_history == 1 && msk_document_has_command(document, tracked));
    CHECK(msk_masklet_get_frame(a, 50, NULL) & MSK_FRAME_HAS_MASK);
    wait_turned(document);
    CHECK(n_history == 2 && !msk_document_has_command(document, tracked));
    CHECK(!msk_masklet_get_frame(a, 50, NULL));
    // Further ones follow it.
    CHECK(msk_document_redo_later(document) && msk_document_redo_later(document));
    CHECK(msk_document_is_turning(document));
    wait_turned(document);
    g_autoptr(GHashTable) again = tool_cells(document);
    CHECK(n_history == 4 && tool_same_cells(locked, again) && !msk_document_redo_later(document));

    // An edit waits for what was asked for before it; masks that were read meanwhile do no harm.
    msk_document_undo(document);
    CHECK(msk_document_undo_later(document));
    g_autoptr(MskMask) seen = msk_masklet_get_mask(a, 50);
    CHECK(seen && msk_document_is_turning(document));
    g_autoptr(MskPrompt) prompt = tool_prompt(3, 3);
    CHECK(msk_document_set_prompt(document, b, 5, prompt));
    CHECK(!msk_document_is_turning(document) && !msk_document_redo(document));
    CHECK(!msk_masklet_get_frame(a, 50, NULL));
    CHECK(msk_masklet_get_frame(b, 5, NULL) & MSK_FRAME_PROMPT);

    // Amended since it was undone: what redoing brings back is undone to what is there now.
    msk_document_begin(document, "Track");
    tool_track(document, b, 6, 60, FALSE, 5);
    msk_document_end(document);
    CHECK(msk_document_undo_later(document));
    wait_turned(document);
    CHECK(msk_document_begin_amending(document, asked));
    g_autoptr(MskResult) late = tool_result(7, 9);
    CHECK(msk_document_set_track(document, b, 7, late, 3, -1));
    msk_document_end(document);
    CHECK(msk_document_redo_later(document));
    wait_turned(document);
    MskFrameState state;
    msk_masklet_get_frame(b, 7, &state);
    CHECK(state.track && state.track->result != late);
    CHECK(msk_document_undo(document));
    msk_masklet_get_frame(b, 7, &state);
    CHECK(state.track && state.track->result == late);

    // Gone before the thread is through.
    CHECK(msk_document_redo_later(document) && msk_document_is_turning(document));
    tool_settle(document);
    end_group("undoing on a thread");
}

static void copied_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    *(GPtrArray **)user = msk_document_duplicate_objects_finish(MSK_DOCUMENT(source), result);
}

static void test_duplicating_later(void)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    MskMasklet *both[2] = {msk_document_add_object(document, "A"),
                           msk_document_add_object(document, "B")};
    amend(document, both[0], click_command(document, both[0], 10, 1), 10, 1);
    amend(document, both[1], click_command(document, both[1], 19, 1), 19, 1);
    tool_track(document, both[0], 11, 90, FALSE, 5);
    tool_track(document, both[1], 20, 30, FALSE, 6);
    CHECK(msk_masklet_get_frame(both[0], 50, NULL) & MSK_FRAME_HAS_MASK);
    msk_document_lock(document, both[1], 22, 25);
    tool_settle(document);
    GPtrArray *copies = NULL;
    msk_document_duplicate_objects_async(document, both, 2, "Duplicate", copied_cb, &copies);
    // What is edited meanwhile is not in the copy, nor is it lost.
    g_autoptr(MskResult) late = tool_result(95, 9);
    msk_document_set_track(document, both[0], 95, late, 3, -1);
    g_autoptr(GHashTable) before = tool_cells(document);
    while (!copies)
        g_main_context_iteration(NULL, TRUE);
    CHECK(copies->len == 2 && msk_document_get_n_objects(document) == 4);
    CHECK(msk_document_get_object(document, 1) == copies->pdata[0]);
    CHECK(g_strcmp0(msk_masklet_get_info(copies->pdata[1])->name, "B 2") == 0);
    CHECK(msk_masklet_get_locks(copies->pdata[1])->len == 1);
    for (int64_t n = 0; n < 100; n++) {
        MskFrameState a, b;
        guint flags = msk_masklet_get_frame(both[0], n, &a);
        guint copied = msk_masklet_get_frame(copies->pdata[0], n, &b);
        if (n == 95)
            CHECK(a.track && !b.track);
        else if (n != 94 && n != 96) // its neighbours are compared with it
            CHECK(flags == copied && a.track == b.track);
    }
    // Frames of one are not the other's.
    msk_document_set_track(document, copies->pdata[0], 12, late, 3, -1);
    MskFrameState state;
    msk_masklet_get_frame(both[0], 12, &state);
    CHECK(state.track && state.track->result != late);
    CHECK(msk_document_undo(document) && msk_document_undo(document));
    g_autoptr(GHashTable) after = tool_cells(document);
    CHECK(tool_same_cells(before, after) && msk_document_get_n_objects(document) == 2);
    CHECK(msk_document_redo(document) && msk_document_get_n_objects(document) == 4);
    CHECK(msk_masklet_get_frame(copies->pdata[0], 50, NULL) & MSK_FRAME_HAS_MASK);
    g_ptr_array_unref(copies);
    end_group("duplicating on a thread");
}

int main(void)
{
    test_turning_later();
    test_duplicating_later();
    test_nesting();
    test_amending();
    test_amending_inside();
    test_sources();
    test_merging();
    test_loading();
    return end_tests();
}
