// SPDX-License-Identifier: Apache-2.0
// Documents, edit by edit: what each does, what it refuses, how it is undone and told.
#include "app/document_private.h"

#include <string.h>

#include "document_tools.h"
#include "tests/support/check.h"

typedef struct Told {
    int frames, settings, history, lists, notified;
    MskMasklet *masklet;
    int64_t first, last;
    guint setting;
    char notes[256]; // the properties notified
} Told;

static void frames_cb(MskDocument *document, MskMasklet *masklet, gint64 first, gint64 last,
                      Told *told)
{
    told->frames++;
    told->masklet = masklet;
    told->first = first;
    told->last = last;
}

static void setting_cb(MskDocument *document, guint setting, Told *told)
{
    told->settings++;
    told->setting = setting;
}

static void history_cb(MskDocument *document, Told *told)
{
    told->history++;
}

static void items_cb(GListModel *list, guint at, guint removed, guint added, Told *told)
{
    told->lists++;
}

static void notify_cb(GObject *object, GParamSpec *spec, Told *told)
{
    told->notified++;
    g_strlcat(told->notes, spec->name, sizeof told->notes);
    g_strlcat(told->notes, " ", sizeof told->notes);
}

static MskDocument *make_document(Told *told)
{
    MskDocument *document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 100);
    if (told) {
        g_signal_connect(document, "frames-changed", G_CALLBACK(frames_cb), told);
        g_signal_connect(document, "setting-changed", G_CALLBACK(setting_cb), told);
        g_signal_connect(document, "history-changed", G_CALLBACK(history_cb), told);
        g_signal_connect(document, "items-changed", G_CALLBACK(items_cb), told);
    }
    return document;
}

static gboolean click(MskDocument *document, MskMasklet *masklet, int64_t frame, double x)
{
    g_autoptr(MskPrompt) prompt = tool_prompt(x, 2);
    return msk_document_set_prompt(document, masklet, frame, prompt);
}

static gboolean answer(MskDocument *document, MskMasklet *masklet, int64_t frame, guint seed)
{
    g_autoptr(MskResult) result = tool_result(frame, seed);
    return msk_document_set_track(document, masklet, frame, result, 0, -1);
}

static gboolean paint(MskDocument *document, MskMasklet *masklet, int64_t frame, int x)
{
    g_autoptr(MskMask) add = tool_bits(x, 1, 4, 4);
    return msk_document_set_paint(document, masklet, frame, add, NULL);
}

static guint flags_at(MskMasklet *masklet, int64_t frame)
{
    return msk_masklet_get_frame(masklet, frame, NULL);
}

static const char *undo_name(MskDocument *document)
{
    return document->n_done > 0 ? msk_document_peek_undo(document)->name : "";
}

// ---- Objects -----------------------------------------------------------------------------------

static const char *name_at(MskDocument *document, guint index)
{
    MskMasklet *masklet = msk_document_get_object(document, index);
    return masklet ? msk_masklet_get_info(masklet)->name : "";
}

static gboolean has_order(MskDocument *document, const char *names)
{
    g_autoptr(GString) found = g_string_new(NULL);
    for (guint i = 0; i < msk_document_get_n_objects(document); i++)
        g_string_append_printf(found, "%s%s", i > 0 ? "," : "", name_at(document, i));
    return strcmp(found->str, names) == 0;
}

static void test_objects(void)
{
    Told told = {0};
    g_autoptr(MskDocument) document = make_document(&told);
    MskMasklet *a = msk_document_add_object(document, "A");
    CHECK(told.lists == 1 && told.history == 1);
    MskMasklet *b = msk_document_add_object(document, "B");
    MskMasklet *c = msk_document_add_object(document, NULL);
    CHECK(has_order(document, "A,B,Object 3"));
    CHECK(msk_masklet_get_info(a)->colour == 0xe69f00);
    CHECK(msk_masklet_get_info(b)->colour == 0x56b4e9);
    CHECK(msk_masklet_get_info(a)->visible && !msk_masklet_get_info(a)->locked);
    CHECK(strcmp(msk_masklet_get_info(a)->label, "") == 0);
    CHECK(strcmp(undo_name(document), "Add Object") == 0);

    msk_document_move_object(document, c, 0);
    CHECK(has_order(document, "Object 3,A,B"));
    msk_document_move_object(document, c, 1);
    CHECK(has_order(document, "A,Object 3,B"));
    msk_document_move_object(document, a, 99);
    CHECK(has_order(document, "Object 3,B,A"));
    told.history = 0;
    msk_document_move_object(document, a, 2);
    CHECK(told.history == 0);
    CHECK(msk_document_undo(document) && has_order(document, "A,Object 3,B"));
    CHECK(msk_document_undo(document) && has_order(document, "Object 3,A,B"));
    CHECK(msk_document_undo(document) && has_order(document, "A,B,Object 3"));

    // The same masklet comes back, and ids are not used again.
    int64_t id = msk_masklet_get_id(b);
    msk_document_remove_object(document, b);
    CHECK(has_order(document, "A,Object 3") && !msk_document_find_object(document, id));
    CHECK(msk_document_find_index(document, b) == -1);
    CHECK(strcmp(msk_masklet_get_info(b)->name, "B") == 0); // for who still shows it
    CHECK(!click(document, b, 3, 1) && !answer(document, b, 3, 1) && !paint(document, b, 3, 1));
    msk_document_undo(document);
    CHECK(msk_document_find_object(document, id) == b && has_order(document, "A,B,Object 3"));
    msk_document_redo(document);
    MskMasklet *d = msk_document_add_object(document, NULL);
    CHECK(msk_masklet_get_id(d) == 4);
    // "Object 3" is taken.
    CHECK(strcmp(msk_masklet_get_info(d)->name, "Object 4") == 0);
    CHECK(msk_masklet_get_info(d)->colour == 0x56b4e9); // of the one that went
    CHECK(!msk_document_find_object(document, 77));
    CHECK(msk_document_get_object(document, 77) == NULL);
    end_group("objects");
}

// Halving the distance between two neighbours again and again runs out of numbers at some point.
static void test_order_exhausted(void)
{
    g_autoptr(MskDocument) document = make_document(NULL);
    MskMasklet *items[3];
    for (int i = 0; i < 3; i++)
        items[i] = msk_document_add_object(document, (const char *[]){"A", "B", "C"}[i]);
    gboolean right = TRUE;
    for (int i = 0; i < 300; i++) { // the last one between the first two
        MskMasklet *last = msk_document_get_object(document, 2);
        MskMasklet *first = msk_document_get_object(document, 0);
        msk_document_move_object(document, last, 1);
        right &= msk_document_find_index(document, last) == 1;
        right &= msk_document_find_index(document, first) == 0;
        double position = -G_MAXDOUBLE;
        for (guint k = 0; k < 3; k++) {
            MskMasklet *masklet = msk_document_get_object(document, k);
            right &= msk_masklet_get_info(masklet)->position > position;
            position = msk_masklet_get_info(masklet)->position;
        }
    }
    CHECK(right);
    while (msk_document_undo(document))
        ;
    CHECK(msk_document_get_n_objects(document) == 0);
    while (msk_document_redo(document))
        ;
    CHECK(msk_document_get_n_objects(document) == 3);
    CHECK(msk_document_find_index(document, items[0]) == 0);
    end_group("order");
}

static void test_info(void)
{
    Told told = {0};
    g_autoptr(MskDocument) document = make_document(&told);
    MskMasklet *a = msk_document_add_object(document, "A");
    msk_document_add_object(document, "B");
    g_signal_connect(a, "notify", G_CALLBACK(notify_cb), &told);
    told = (Told){0};
    MskObjectInfo info = *msk_masklet_get_info(a);
    msk_document_set_info(document, a, &info);
    CHECK(told.history == 0 && told.notified == 0);

    info.name = (char *)"Dog";
    info.colour = 0x123456;
    msk_document_set_info(document, a, &info);
    CHECK(told.lists == 0); // the list is not rebuilt for a name
    CHECK(told.notified == 2 && strstr(told.notes, "name ") && strstr(told.notes, "colour "));
    CHECK(told.history == 1);
    guint colour;
    g_autofree char *name = NULL;
    g_object_get(a, "name", &name, "colour", &colour, NULL);
    CHECK(strcmp(name, "Dog") == 0 && colour == 0x123456);
    msk_document_undo(document);
    CHECK(strcmp(name_at(document, 0), "A") == 0);
    CHECK(told.notified == 4);

    info = *msk_masklet_get_info(a);
    info.locked = TRUE;
    info.matte.feather = 3;
    told = (Told){0};
    msk_document_set_info(document, a, &info);
    CHECK(told.notified == 2 && strstr(told.notes, "locked ") && strstr(told.notes, "matte "));
    MskMatteParams *matte;
    g_object_get(a, "matte", &matte, NULL);
    CHECK(matte->feather == 3);
    end_group("info");
}

static void test_duplicate(void)
{
    g_autoptr(MskDocument) document = make_document(NULL);
    MskMasklet *a = msk_document_add_object(document, "Dog");
    msk_document_add_object(document, "Cat");
    click(document, a, 10, 1);
    answer(document, a, 10, 5);
    paint(document, a, 15, 3);
    tool_track(document, a, 11, 20, FALSE, 3);
    msk_document_lock(document, a, 18, 19);
    MskMasklet *b = msk_document_duplicate_object(document, a);
    CHECK(has_order(document, "Dog,Dog 2,Cat"));
    MskMasklet *c = msk_document_duplicate_object(document, b);
    CHECK(has_order(document, "Dog,Dog 2,Dog 3,Cat"));
    CHECK(msk_masklet_get_info(b)->colour != msk_masklet_get_info(a)->colour);
    gboolean same = TRUE;
    for (int64_t n = 0; n < 40; n++) {
        g_autoptr(MskMask) x = msk_masklet_get_mask(a, n);
        g_autoptr(MskMask) y = msk_masklet_get_mask(c, n);
        same &= flags_at(a, n) == flags_at(c, n) && (x != NULL) == (y != NULL) &&
                (!x || msk_mask_equal(x, y));
    }
    CHECK(same);
    // They are two objects from then on.
    answer(document, a, 10, 60);
    CHECK((flags_at(a, 12) & MSK_FRAME_STALE) && !(flags_at(b, 12) & MSK_FRAME_STALE));
    msk_document_undo(document);
    msk_document_undo(document);
    CHECK(has_order(document, "Dog,Dog 2,Cat"));
    tool_settle(document);
    end_group("duplicate");
}

// ---- Frames ------------------------------------------------------------------------------------

static void test_prompt_and_track(void)
{
    Told told = {0};
    g_autoptr(MskDocument) document = make_document(&told);
    MskMasklet *a = msk_document_add_object(document, "A");
    told = (Told){0};
    CHECK(click(document, a, 10, 1));
    CHECK(told.frames == 1 && told.masklet == a && told.first == 10 && told.last == 10);
    CHECK(flags_at(a, 10) == MSK_FRAME_PROMPT);
    CHECK(answer(document, a, 10, 5));
    CHECK(flags_at(a, 10) == (MSK_FRAME_PROMPT | MSK_FRAME_HAS_MASK));
    msk_document_begin(document, "Track Both Ways");
    tool_track(document, a, 11, 30, FALSE, 9);
    tool_track(document, a, 0, 9, TRUE, 9);
    told = (Told){0};
    CHECK(msk_document_end(document) == 4);
    CHECK(told.frames == 1 && told.first == 0 && told.last == 30); // once, joined
    CHECK(strcmp(undo_name(document), "Track Both Ways") == 0);
    CHECK(!(flags_at(a, 5) & MSK_FRAME_STALE) && !(flags_at(a, 30) & MSK_FRAME_STALE));

    // A correction makes its two spans stale, up to the neighbouring anchors, and they are told.
    told = (Told){0};
    CHECK(click(document, a, 20, 4));
    CHECK(told.frames == 1 && told.first == 11 && told.last == 30);
    CHECK(flags_at(a, 20) & MSK_FRAME_HAS_MASK); // what was tracked stays until the answer
    CHECK(flags_at(a, 15) & MSK_FRAME_STALE);
    CHECK(!(flags_at(a, 5) & MSK_FRAME_STALE));
    CHECK(answer(document, a, 20, 41));
    CHECK(flags_at(a, 25) & MSK_FRAME_STALE);
    msk_document_undo(document);
    msk_document_undo(document);
    CHECK(!(flags_at(a, 15) & MSK_FRAME_STALE) && !(flags_at(a, 25) & MSK_FRAME_STALE));

    // Removing the prompt takes its answer along, but not what was tracked.
    CHECK(msk_document_set_prompt(document, a, 10, NULL));
    CHECK(flags_at(a, 10) == 0 && (flags_at(a, 11) & MSK_FRAME_HAS_MASK));
    CHECK(flags_at(a, 11) & MSK_FRAME_STALE); // of nothing
    told.history = 0;
    CHECK(msk_document_set_prompt(document, a, 11, NULL) && told.history == 0);
    CHECK(flags_at(a, 11) & MSK_FRAME_HAS_MASK);
    msk_document_undo(document);
    CHECK(!(flags_at(a, 11) & MSK_FRAME_STALE));

    // Painted, it stays.
    paint(document, a, 10, 3);
    CHECK(msk_document_set_prompt(document, a, 10, NULL));
    MskFrameState state;
    msk_masklet_get_frame(a, 10, &state);
    CHECK(state.track && state.paint && !state.prompt);
    // An empty prompt is none.
    g_autoptr(MskPrompt) empty = msk_prompt_new(0);
    CHECK(msk_document_set_prompt(document, a, 50, empty) && flags_at(a, 50) == 0);
    CHECK(!click(document, a, -1, 2));
    tool_settle(document);
    end_group("prompts and tracking");
}

static void test_paint(void)
{
    g_autoptr(MskDocument) document = make_document(NULL);
    MskMasklet *a = msk_document_add_object(document, "A");
    click(document, a, 10, 1);
    answer(document, a, 10, 0);
    g_autoptr(MskMask) plain = msk_masklet_get_mask(a, 10);
    g_autoptr(MskMask) add = tool_bits(20, 12, 3, 3);
    g_autoptr(MskMask) remove = tool_bits(0, 0, 2, 2);
    CHECK(msk_document_set_paint(document, a, 10, add, remove));
    g_autoptr(MskMask) shown = msk_masklet_get_mask(a, 10);
    g_autoptr(MskMask) expected = msk_mask_combine(plain, add, remove);
    CHECK(msk_mask_equal(shown, expected));
    // It survives a new result below.
    CHECK(answer(document, a, 10, 6));
    g_autoptr(MskMask) again = msk_masklet_get_mask(a, 10);
    CHECK(!msk_mask_equal(again, shown));
    CHECK(msk_document_set_paint(document, a, 10, NULL, NULL));
    CHECK(!(flags_at(a, 10) & MSK_FRAME_PAINT));

    // All rubbed out: the object is not to be seen there, once that is known.
    g_autoptr(MskMask) all = tool_bits(0, 0, TOOL_WIDTH, TOOL_HEIGHT);
    CHECK(msk_document_set_paint(document, a, 10, NULL, all));
    tool_settle(document);
    CHECK(flags_at(a, 10) & MSK_FRAME_ABSENT);
    CHECK(msk_document_set_paint(document, a, 40, NULL, all)); // of nothing
    tool_settle(document);
    CHECK(flags_at(a, 40) == (MSK_FRAME_HAS_MASK | MSK_FRAME_PAINT | MSK_FRAME_ABSENT));
    end_group("paint");
}

static void test_clear_and_move(void)
{
    g_autoptr(MskDocument) document = make_document(NULL);
    MskMasklet *a = msk_document_add_object(document, "A");
    click(document, a, 10, 1);
    answer(document, a, 10, 0);
    paint(document, a, 10, 2);
    tool_track(document, a, 11, 30, FALSE, 2);
    click(document, a, 20, 1); // on a tracked frame, not answered

    CHECK(msk_document_move_keyframe(document, a, 10, 25, FALSE));
    CHECK(flags_at(a, 10) == 0);
    MskFrameState state;
    msk_masklet_get_frame(a, 25, &state);
    CHECK(state.prompt && state.prompt->frame == 25 && state.paint);
    CHECK(!state.track); // it is to be asked for again
    msk_document_undo(document);
    msk_masklet_get_frame(a, 25, &state);
    CHECK(state.track && !state.prompt && !state.paint);

    CHECK(msk_document_move_keyframe(document, a, 10, 20, TRUE));
    msk_masklet_get_frame(a, 20, &state);
    CHECK(state.paint && state.prompt && !state.track && (flags_at(a, 10) & MSK_FRAME_PROMPT));
    CHECK(!msk_document_move_keyframe(document, a, 10, 10, TRUE));
    CHECK(!msk_document_move_keyframe(document, a, 11, 12, FALSE)); // no keyframe
    CHECK(!msk_document_move_keyframe(document, a, 10, -3, FALSE));
    msk_document_undo(document);

    msk_document_clear_frame(document, a, 20);
    msk_masklet_get_frame(a, 20, &state);
    CHECK(!state.prompt && state.track); // tracked
    msk_document_clear_frame(document, a, 10);
    CHECK(flags_at(a, 10) == 0);
    msk_document_undo(document);
    msk_document_undo(document);
    msk_document_lock(document, a, 20, 22);
    msk_document_clear_object(document, a);
    CHECK(flags_at(a, 10) == 0);
    CHECK(flags_at(a, 20) & MSK_FRAME_PROMPT); // locked
    CHECK(flags_at(a, 15) & MSK_FRAME_HAS_MASK);
    msk_document_undo(document);
    CHECK(flags_at(a, 10) & MSK_FRAME_PROMPT);
    tool_settle(document);
    end_group("clear and move");
}

static gboolean has_locks(MskMasklet *masklet, const char *expected)
{
    g_autoptr(GString) found = g_string_new(NULL);
    const GArray *locks = msk_masklet_get_locks(masklet);
    for (guint i = 0; i < locks->len; i++) {
        const MskInterval *lock = &g_array_index(locks, MskInterval, i);
        g_string_append_printf(found, "%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT " ", lock->first,
                               lock->last);
    }
    return strcmp(found->str, expected) == 0;
}

static void test_locks(void)
{
    Told told = {0};
    g_autoptr(MskDocument) document = make_document(&told);
    MskMasklet *a = msk_document_add_object(document, "A");
    click(document, a, 10, 1);
    answer(document, a, 10, 0);
    tool_track(document, a, 11, 40, FALSE, 2);
    msk_document_lock(document, a, 20, 24);
    msk_document_lock(document, a, 30, 34);
    CHECK(has_locks(a, "20-24 30-34 "));
    msk_document_lock(document, a, 25, 26); // touches the first
    CHECK(has_locks(a, "20-26 30-34 "));
    msk_document_lock(document, a, 28, 31);
    CHECK(has_locks(a, "20-26 28-34 "));
    told = (Told){0};
    msk_document_lock(document, a, 21, 22); // is locked
    CHECK(told.history == 0 && told.frames == 0);
    msk_document_lock(document, a, 27, 27);
    CHECK(has_locks(a, "20-34 "));
    msk_document_unlock(document, a, 25, 29);
    CHECK(has_locks(a, "20-24 30-34 "));
    msk_document_unlock(document, a, 0, 21);
    CHECK(has_locks(a, "22-24 30-34 "));
    msk_document_unlock(document, a, 25, 29);
    CHECK(has_locks(a, "22-24 30-34 "));
    told = (Told){0};
    msk_document_unlock(document, a, 33, 100);
    CHECK(has_locks(a, "22-24 30-32 "));
    CHECK(told.frames == 1 && told.first <= 33 && told.last >= 34);

    // Edges are anchors; nothing inside is edited, nor stale.
    const GArray *anchors = msk_masklet_get_anchors(a);
    CHECK(anchors->len == 5); // 10, 22, 24, 30, 32
    CHECK(!click(document, a, 23, 1) && !answer(document, a, 24, 1) && !paint(document, a, 22, 1));
    CHECK(!msk_document_move_keyframe(document, a, 10, 23, FALSE));
    CHECK(!(flags_at(a, 23) & MSK_FRAME_STALE) && (flags_at(a, 25) & MSK_FRAME_STALE));
    CHECK(click(document, a, 25, 1));
    CHECK(msk_document_undo(document));
    msk_document_unlock(document, a, 0, 99);
    CHECK(has_locks(a, "") && !(flags_at(a, 25) & MSK_FRAME_STALE));
    msk_document_lock(document, a, -5, INT64_MAX);
    CHECK(flags_at(a, 0) == MSK_FRAME_LOCKED && flags_at(a, 1000000) == MSK_FRAME_LOCKED);
    msk_document_undo(document);

    // Of a locked object nothing but its properties.
    MskObjectInfo info = *msk_masklet_get_info(a);
    info.locked = TRUE;
    msk_document_set_info(document, a, &info);
    told = (Told){0};
    CHECK(!click(document, a, 50, 1) && !answer(document, a, 50, 1) && !paint(document, a, 50, 1));
    CHECK(!msk_document_move_keyframe(document, a, 10, 50, TRUE));
    msk_document_clear_frame(document, a, 10);
    msk_document_clear_object(document, a);
    msk_document_lock(document, a, 1, 2);
    msk_document_remove_object(document, a);
    CHECK(told.history == 0 && told.frames == 0 && msk_document_get_n_objects(document) == 1);
    info = *msk_masklet_get_info(a);
    info.locked = FALSE;
    msk_document_set_info(document, a, &info);
    CHECK(click(document, a, 50, 1));
    end_group("locks");
}

static void test_previous(void)
{
    g_autoptr(MskDocument) document = make_document(NULL);
    MskMasklet *a = msk_document_add_object(document, "A");
    click(document, a, 10, 1);
    answer(document, a, 10, 0);
    tool_track(document, a, 11, 12, FALSE, 2);
    CHECK(!msk_masklet_get_previous(a, 11));
    g_autoptr(MskMask) old = msk_masklet_get_mask(a, 11);
    tool_track(document, a, 11, 12, FALSE, 20);
    g_autoptr(MskMask) previous = msk_masklet_get_previous(a, 11);
    CHECK(previous && msk_mask_equal(previous, old));
    // Two clicks on a tracked frame: what was tracked, not the first answer.
    g_autoptr(MskMask) tracked = msk_masklet_get_mask(a, 11);
    click(document, a, 11, 1);
    answer(document, a, 11, 60);
    answer(document, a, 11, 61);
    g_autoptr(MskMask) before = msk_masklet_get_previous(a, 11);
    CHECK(msk_mask_equal(before, tracked));
    end_group("previous masks");
}

// ---- Settings ----------------------------------------------------------------------------------

static void test_settings(void)
{
    Told told = {0};
    g_autoptr(MskDocument) document = make_document(&told);
    int64_t first, last;
    msk_document_get_range(document, &first, &last);
    CHECK(!msk_document_has_range(document) && first == 0 && last == 99);
    msk_document_set_n_frames(document, 120);
    CHECK(told.settings == 1 && told.setting == MSK_SETTING_RANGE);
    msk_document_get_range(document, &first, &last);
    CHECK(last == 119);
    msk_document_set_range(document, 10, 110);
    CHECK(told.settings == 2 && msk_document_has_range(document));
    msk_document_set_n_frames(document, 50); // the clip is shorter than it was
    msk_document_get_range(document, &first, &last);
    CHECK(first == 10 && last == 49);
    msk_document_set_n_frames(document, 5);
    msk_document_get_range(document, &first, &last);
    CHECK(first == 4 && last == 4);
    msk_document_undo(document);
    CHECK(!msk_document_has_range(document));
    msk_document_redo(document);
    msk_document_clear_range(document);
    CHECK(!msk_document_has_range(document));
    CHECK(strcmp(msk_document_get_notes(document), "") == 0);
    msk_document_set_notes(document, "Föhn");
    CHECK(strcmp(msk_document_get_notes(document), "Föhn") == 0);
    told.history = 0;
    msk_document_set_notes(document, "Föhn");
    CHECK(told.history == 0);
    msk_document_set_notes(document, NULL);
    CHECK(strcmp(msk_document_get_notes(document), "") == 0);
    end_group("settings");
}

int main(void)
{
    test_objects();
    test_order_exhausted();
    test_info();
    test_duplicate();
    test_prompt_and_track();
    test_paint();
    test_clear_and_move();
    test_locks();
    test_previous();
    test_settings();
    return end_tests();
}
