// SPDX-License-Identifier: Apache-2.0
// Documents under long random sequences of edits, against a model that keeps a full copy of all
// cells for every command, and against a document loaded from scratch.
#include <string.h>

#include "app/document_private.h"
#include "document_tools.h"
#include "tests/support/check.h"

#define N_FRAMES 40
#define ALL_SHOWN                                                                                  \
    (MSK_FRAME_HAS_MASK | MSK_FRAME_PROMPT | MSK_FRAME_PAINT | MSK_FRAME_LOCKED |                  \
     MSK_FRAME_STALE | MSK_FRAME_ABSENT | MSK_FRAME_DOUBT)

typedef struct Model {
    MskDocument *document;
    GRand *random;
    GPtrArray *states; // cells before any command, after the first, ...
    GArray *ids;       // of commands: states less one
    guint n_done;
    gboolean on_thread; // undoing and redoing is done by threads

    GHashTable *covered; // id -> MskInterval: what "frames-changed" said in this edit
    gboolean told_twice;
    GPtrArray *mirror; // the list as items-changed says
    gboolean list_wrong;
} Model;

static void frames_changed_cb(MskDocument *document, MskMasklet *masklet, gint64 first, gint64 last,
                              Model *model)
{
    gint64 id = msk_masklet_get_id(masklet);
    MskInterval interval = {first, last};
    if (g_hash_table_contains(model->covered, &id))
        model->told_twice = TRUE;
    g_hash_table_insert(model->covered, g_memdup2(&id, sizeof id),
                        g_memdup2(&interval, sizeof interval));
}

static void items_changed_cb(GListModel *list, guint at, guint removed, guint added, Model *model)
{
    if (at + removed > model->mirror->len) {
        model->list_wrong = TRUE;
        return;
    }
    if (removed > 0)
        g_ptr_array_remove_range(model->mirror, at, removed);
    for (guint i = 0; i < added; i++) {
        g_autoptr(MskMasklet) masklet = g_list_model_get_item(list, at + i);
        g_ptr_array_insert(model->mirror, (int)(at + i), masklet);
    }
    // What the list says is in step at every single signal.
    if (g_list_model_get_n_items(list) != model->mirror->len)
        model->list_wrong = TRUE;
}

static int pick(Model *model, int n)
{
    return g_rand_int_range(model->random, 0, n);
}

static MskMasklet *pick_object(Model *model)
{
    guint n = msk_document_get_n_objects(model->document);
    return n > 0 ? msk_document_get_object(model->document, (guint)pick(model, (int)n)) : NULL;
}

// ---- What is to be seen of a document ----------------------------------------------------------

typedef struct Seen {
    int64_t id;
    guint flags[N_FRAMES];
    const void *values[N_FRAMES][3];
} Seen;

static GArray *look(MskDocument *document)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Seen));
    for (guint i = 0; i < msk_document_get_n_objects(document); i++) {
        MskMasklet *masklet = msk_document_get_object(document, i);
        Seen seen = {.id = msk_masklet_get_id(masklet)};
        for (int n = 0; n < N_FRAMES; n++) {
            MskFrameState state;
            seen.flags[n] = msk_masklet_get_frame(masklet, n, &state);
            seen.values[n][0] = state.prompt;
            seen.values[n][1] = state.paint;
            seen.values[n][2] = state.track;
        }
        g_array_append_val(all, seen);
    }
    return all;
}

static const Seen *find_seen(const GArray *all, int64_t id)
{
    for (guint i = 0; i < all->len; i++)
        if (g_array_index(all, Seen, i).id == id)
            return &g_array_index(all, Seen, i);
    return NULL;
}

// Every frame of an object that was there before and is there still, and that differs, was told.
static gboolean is_all_told(Model *model, const GArray *before, const GArray *after)
{
    for (guint i = 0; i < after->len; i++) {
        const Seen *now = &g_array_index(after, Seen, i);
        const Seen *then = find_seen(before, now->id);
        gint64 id = now->id;
        const MskInterval *told = g_hash_table_lookup(model->covered, &id);
        for (int n = 0; then && n < N_FRAMES; n++) {
            gboolean same = then->flags[n] == now->flags[n] &&
                            memcmp(then->values[n], now->values[n], sizeof now->values[n]) == 0;
            if (!same && (!told || n < told->first || n > told->last))
                return FALSE;
        }
    }
    return TRUE;
}

// ---- Flags, from the definition ----------------------------------------------------------------

static gboolean is_locked(MskMasklet *masklet, int64_t n)
{
    const GArray *locks = msk_masklet_get_locks(masklet);
    for (guint i = 0; i < locks->len; i++)
        if (g_array_index(locks, MskInterval, i).first <= n &&
            g_array_index(locks, MskInterval, i).last >= n)
            return TRUE;
    return FALSE;
}

static gboolean is_lock_edge(MskMasklet *masklet, int64_t n)
{
    const GArray *locks = msk_masklet_get_locks(masklet);
    for (guint i = 0; i < locks->len; i++)
        if (g_array_index(locks, MskInterval, i).first == n ||
            g_array_index(locks, MskInterval, i).last == n)
            return TRUE;
    return FALSE;
}

static guint define_flags(MskMasklet *masklet, int64_t n)
{
    MskFrameState state;
    msk_masklet_get_frame(masklet, n, &state);
    guint flags = 0;
    if (state.track || state.paint)
        flags |= MSK_FRAME_HAS_MASK;
    if (state.prompt)
        flags |= MSK_FRAME_PROMPT;
    if (state.paint)
        flags |= MSK_FRAME_PAINT;
    if (is_locked(masklet, n))
        flags |= MSK_FRAME_LOCKED;
    g_autoptr(MskMask) mask = msk_masklet_get_mask(masklet, n);
    if (mask && msk_mask_get_area(mask) == 0)
        flags |= MSK_FRAME_ABSENT;
    gboolean given = flags & (MSK_FRAME_PROMPT | MSK_FRAME_PAINT | MSK_FRAME_LOCKED);
    guint64 forward = msk_masklet_get_source(masklet, n, FALSE);
    guint64 reverse = msk_masklet_get_source(masklet, n, TRUE);
    if (state.track && !given &&
        (state.track->source == 0 ||
         (state.track->source != forward && state.track->source != reverse)))
        flags |= MSK_FRAME_STALE;
    if (msk_masklet_get_doubt(masklet, n) >= 0.5f)
        flags |= MSK_FRAME_DOUBT;
    return flags;
}

static gboolean are_anchors_right(MskMasklet *masklet)
{
    const GArray *anchors = msk_masklet_get_anchors(masklet);
    const GArray *keyframes = msk_masklet_get_keyframes(masklet);
    guint k = 0, a = 0;
    for (int64_t n = 0; n < N_FRAMES; n++) {
        MskFrameState state;
        msk_masklet_get_frame(masklet, n, &state);
        gboolean is_key = state.prompt || state.paint;
        if (is_key && (k == keyframes->len || g_array_index(keyframes, int64_t, k++) != n))
            return FALSE;
        if ((is_key || (is_lock_edge(masklet, n) && state.track)) &&
            (a == anchors->len || g_array_index(anchors, int64_t, a++) != n))
            return FALSE;
    }
    return k == keyframes->len && a == anchors->len;
}

static gboolean are_runs_right(Model *model, MskMasklet *masklet)
{
    int first = pick(model, N_FRAMES), last = first + pick(model, N_FRAMES - first);
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
    msk_masklet_get_runs(masklet, first, last, runs);
    guint r = 0;
    for (int64_t n = first; n <= last; n++) {
        guint flags = msk_masklet_get_frame(masklet, n, NULL);
        if (flags == 0)
            continue;
        while (r < runs->len && g_array_index(runs, MskRun, r).last < n)
            r++;
        if (r == runs->len || g_array_index(runs, MskRun, r).first > n ||
            g_array_index(runs, MskRun, r).flags != flags)
            return FALSE;
    }
    int64_t end = first - 1;
    for (guint i = 0; i < runs->len; i++) {
        const MskRun *run = &g_array_index(runs, MskRun, i);
        const MskRun *next = i + 1 < runs->len ? run + 1 : NULL;
        if (run->first <= end || run->last < run->first || run->last > last || run->flags == 0 ||
            (run->flags & ~(guint)ALL_SHOWN))
            return FALSE;
        if (next && next->first == run->last + 1 && next->flags == run->flags)
            return FALSE; // one run would do
        for (int64_t n = run->first; n <= run->last; n++)
            if (msk_masklet_get_frame(masklet, n, NULL) != run->flags)
                return FALSE;
        end = run->last;
    }
    return TRUE;
}

static gboolean are_searches_right(MskMasklet *masklet, int64_t from)
{
    int64_t keys[2] = {-1, -1}, doubts[2] = {-1, -1}, extent[2] = {-1, -1};
    for (int64_t n = 0; n < N_FRAMES; n++) {
        guint flags = msk_masklet_get_frame(masklet, n, NULL);
        gboolean is_key = flags & (MSK_FRAME_PROMPT | MSK_FRAME_PAINT);
        if (is_key && n < from)
            keys[0] = n;
        if (is_key && n > from && keys[1] < 0)
            keys[1] = n;
        if ((flags & MSK_FRAME_DOUBT) && n < from)
            doubts[0] = n;
        if ((flags & MSK_FRAME_DOUBT) && n > from && doubts[1] < 0)
            doubts[1] = n;
        if (flags & ~(guint)MSK_FRAME_LOCKED) {
            extent[0] = extent[0] < 0 ? n : extent[0];
            extent[1] = n;
        }
    }
    int64_t first, last;
    gboolean any = msk_masklet_get_extent(masklet, &first, &last);
    return msk_masklet_find_keyframe(masklet, from, -1) == keys[0] &&
           msk_masklet_find_keyframe(masklet, from, 1) == keys[1] &&
           msk_masklet_find_doubt(masklet, from, -1) == doubts[0] &&
           msk_masklet_find_doubt(masklet, from, 1) == doubts[1] && any == (extent[0] >= 0) &&
           (!any || (first == extent[0] && last == extent[1]));
}

static gboolean is_list_right(Model *model)
{
    MskDocument *document = model->document;
    double position = -G_MAXDOUBLE;
    if (model->list_wrong || model->mirror->len != msk_document_get_n_objects(document))
        return FALSE;
    for (guint i = 0; i < model->mirror->len; i++) {
        MskMasklet *masklet = msk_document_get_object(document, i);
        const MskObjectInfo *info = msk_masklet_get_info(masklet);
        if (model->mirror->pdata[i] != masklet || info->position <= position ||
            msk_document_find_index(document, masklet) != (int)i ||
            msk_document_find_object(document, msk_masklet_get_id(masklet)) != masklet)
            return FALSE;
        position = info->position;
    }
    return TRUE;
}

static gboolean same_as_loaded(MskDocument *document)
{
    g_autoptr(MskDocument) copy = tool_copy(document);
    tool_settle(copy);
    guint n = msk_document_get_n_objects(document);
    gboolean same = msk_document_get_n_objects(copy) == n;
    for (guint i = 0; same && i < n; i++) {
        MskMasklet *a = msk_document_get_object(document, i);
        MskMasklet *b = msk_document_get_object(copy, i);
        same = msk_masklet_get_id(a) == msk_masklet_get_id(b);
        for (int64_t k = 0; same && k < N_FRAMES; k++)
            same = msk_masklet_get_frame(a, k, NULL) == msk_masklet_get_frame(b, k, NULL) &&
                   msk_masklet_get_source(a, k, FALSE) == msk_masklet_get_source(b, k, FALSE) &&
                   msk_masklet_get_source(a, k, TRUE) == msk_masklet_get_source(b, k, TRUE);
    }
    return same;
}

// ---- Random edits ------------------------------------------------------------------------------

static void edit_info(Model *model, MskMasklet *masklet)
{
    MskObjectInfo info = *msk_masklet_get_info(masklet);
    g_autofree char *name = g_strdup_printf("Thing %d", pick(model, 5));
    switch (pick(model, 4)) {
    case 0:
        info.name = name;
        break;
    case 1:
        info.visible = !info.visible;
        break;
    case 2:
        info.locked = pick(model, 3) == 0;
        break;
    default:
        info.matte.grow = pick(model, 3);
    }
    msk_document_set_info(model->document, masklet, &info);
}

static void edit_track(Model *model, MskMasklet *masklet, int64_t frame)
{
    gboolean reverse = pick(model, 2), sane = pick(model, 4) > 0;
    int64_t last = frame + pick(model, 12);
    last = MIN(last, N_FRAMES - 1);
    if (sane) {
        tool_track(model->document, masklet, frame, last, reverse, (guint)pick(model, 50));
        return;
    }
    MskMask *mask = pick(model, 2) ? tool_logits(pick(model, 20), 3, pick(model, 4), 9)
                                   : tool_bits(pick(model, 20), 3, pick(model, 4), 9);
    g_autoptr(MskResult) result =
        tool_result_of(frame, mask, (float)(pick(model, 12) - 4), (float)pick(model, 10) / 10);
    msk_document_set_track(model->document, masklet, frame, result, (guint64)pick(model, 3),
                           (float)pick(model, 3) / 2 - 0.5f);
}

static void edit_paint(Model *model, MskMasklet *masklet, int64_t frame)
{
    g_autoptr(MskMask) add = pick(model, 2) ? tool_bits(pick(model, 9), 2, 5, 5) : NULL;
    g_autoptr(MskMask) remove =
        pick(model, 2) ? tool_bits(0, 0, 8 + pick(model, 17), TOOL_HEIGHT) : NULL;
    msk_document_set_paint(model->document, masklet, frame, add, remove);
}

static void edit_prompt(Model *model, MskMasklet *masklet, int64_t frame)
{
    g_autoptr(MskPrompt) prompt = tool_prompt(pick(model, 5), 3);
    if (!msk_document_set_prompt(model->document, masklet, frame, prompt) || pick(model, 3) == 0)
        return;
    g_autoptr(MskResult) result = tool_result(frame, (guint)pick(model, 90));
    msk_document_set_track(model->document, masklet, frame, result, 0, -1);
}

static void edit_once(Model *model)
{
    MskDocument *document = model->document;
    MskMasklet *masklet = pick_object(model);
    int64_t frame = pick(model, N_FRAMES), other = pick(model, N_FRAMES);
    int kind = masklet ? pick(model, 34) : 0;
    if (kind == 0 && msk_document_get_n_objects(document) < 6)
        msk_document_add_object(document, NULL);
    else if (kind == 1)
        msk_document_remove_object(document, masklet);
    else if (kind == 2 && msk_document_get_n_objects(document) < 6)
        msk_document_duplicate_object(document, masklet);
    else if (kind == 3 && pick(model, 3) == 0)
        msk_document_merge_objects(document, (MskMasklet *[]){masklet, pick_object(model)}, 2);
    else if (kind == 4)
        msk_document_move_object(document, masklet, (guint)pick(model, 7));
    else if (kind <= 7)
        edit_info(model, masklet);
    else if (kind <= 9)
        msk_document_clear_frame(document, masklet, frame);
    else if (kind == 10 && pick(model, 3) == 0)
        msk_document_clear_object(document, masklet);
    else if (kind <= 13) {
        const GArray *keys = msk_masklet_get_keyframes(masklet);
        if (keys->len > 0)
            frame = g_array_index(keys, int64_t, pick(model, (int)keys->len));
        msk_document_move_keyframe(document, masklet, frame, other, pick(model, 2));
    } else if (kind == 14)
        msk_document_lock(document, masklet, MIN(frame, other), MIN(frame, other) + 4);
    else if (kind == 15)
        msk_document_unlock(document, masklet, MIN(frame, other), MAX(frame, other));
    else if (kind == 16)
        msk_document_set_range(document, MIN(frame, other), MAX(frame, other));
    else if (kind == 17)
        msk_document_clear_range(document);
    else if (kind <= 21)
        edit_prompt(model, masklet, frame);
    else if (kind == 22)
        msk_document_set_prompt(document, masklet, frame, NULL);
    else if (kind <= 25)
        edit_paint(model, masklet, frame);
    else
        edit_track(model, masklet, frame);
}

static void edit_some(Model *model)
{
    for (int n = 1 + pick(model, 3); n > 0; n--) {
        if (pick(model, 3) == 0) {
            msk_document_begin(model->document, "Inner");
            edit_once(model);
            edit_once(model);
            CHECK(msk_document_end(model->document) == 0);
        } else {
            edit_once(model);
        }
    }
}

// ---- The model ---------------------------------------------------------------------------------

static GHashTable *get_state(Model *model, guint index)
{
    return model->states->pdata[index];
}

static void step_edit(Model *model)
{
    msk_document_begin(model->document, "Edit");
    edit_some(model);
    int64_t id = msk_document_end(model->document);
    GHashTable *now = tool_cells(model->document);
    gboolean changed = !tool_same_cells(now, get_state(model, model->n_done));
    CHECK((id > 0) == changed);
    if (!changed) {
        g_hash_table_unref(now);
        return;
    }
    g_ptr_array_set_size(model->states, (int)model->n_done + 1);
    g_array_set_size(model->ids, model->n_done);
    g_ptr_array_add(model->states, now);
    g_array_append_val(model->ids, id);
    model->n_done++;
}

static void set_cell(GHashTable *cells, const MskCell *cell, MskValue *value)
{
    g_hash_table_insert(cells, g_memdup2(cell, sizeof *cell), msk_value_ref(value));
}

// Whether a command changed a cell. Amended ones may have set it to what it was.
static gboolean is_changed_by(Model *model, guint command, const MskCell *cell)
{
    return !msk_value_equal(tool_lookup(get_state(model, command), cell),
                            tool_lookup(get_state(model, command + 1), cell));
}

static void step_amend(Model *model)
{
    MskMasklet *masklet = pick_object(model);
    if (model->ids->len == 0 || !masklet)
        return;
    guint back = (guint)pick(model, 6);
    guint command = model->ids->len > back ? model->ids->len - 1 - back : 0;
    int64_t id = g_array_index(model->ids, int64_t, command), frame = pick(model, N_FRAMES);
    CHECK(msk_document_has_command(model->document, id) == (command < model->n_done));
    gboolean began = msk_document_begin_amending(model->document, id);
    CHECK(began == (command < model->n_done));
    if (!began)
        return;
    MskCell cell = {MSK_CELL_RESULT, msk_masklet_get_id(masklet), frame};
    gboolean taken = FALSE;
    for (guint k = command + 1; k < model->n_done; k++)
        taken |= is_changed_by(model, k, &cell);
    g_autoptr(MskResult) result = tool_result(frame, (guint)pick(model, 100));
    g_autoptr(MskValue) value = msk_value_new_track(result, 77, 0.5f);
    gboolean locked = is_locked(masklet, frame) || msk_masklet_get_info(masklet)->locked;
    // The object has to be there since that command for the model to follow.
    gboolean done = msk_document_set_track(model->document, masklet, frame, result, 77, 0.5f);
    msk_document_end(model->document);
    if (taken || locked)
        CHECK(!done);
    if (!done)
        return;
    // In force up to the first command that was undone and changed the cell: redone, it still does.
    for (guint k = command + 1; k < model->states->len; k++) {
        gboolean ends =
            k >= model->n_done && k + 1 < model->states->len && is_changed_by(model, k, &cell);
        set_cell(get_state(model, k), &cell, value);
        if (ends)
            break;
    }
}

static void step_undo(Model *model)
{
    for (int n = 1 + pick(model, 4); n > 0; n--) {
        gboolean possible = model->n_done > 0;
        if (!model->on_thread)
            CHECK(msk_document_undo(model->document) == possible);
        else if (possible)
            CHECK(msk_document_undo_later(model->document));
        model->n_done -= possible ? 1 : 0;
        g_hash_table_remove_all(model->covered); // one edit each
        model->told_twice = FALSE;
    }
}

static void step_redo(Model *model)
{
    for (int n = 1 + pick(model, 4); n > 0; n--) {
        gboolean possible = model->n_done + 1 < model->states->len;
        if (!model->on_thread)
            CHECK(msk_document_redo(model->document) == possible);
        else if (possible)
            CHECK(msk_document_redo_later(model->document));
        model->n_done += possible ? 1 : 0;
        g_hash_table_remove_all(model->covered);
        model->told_twice = FALSE;
    }
}

static gboolean is_document_right(Model *model)
{
    MskDocument *document = model->document;
    g_autoptr(GHashTable) cells = tool_cells(document);
    gboolean right = CHECK(tool_same_cells(cells, get_state(model, model->n_done)));
    right &= CHECK(is_list_right(model));
    right &= CHECK(same_as_loaded(document));
    for (guint i = 0; i < msk_document_get_n_objects(document); i++) {
        MskMasklet *masklet = msk_document_get_object(document, i);
        right &= CHECK(are_anchors_right(masklet)) & CHECK(are_runs_right(model, masklet));
        right &= CHECK(are_searches_right(masklet, pick(model, N_FRAMES)));
        gboolean same = TRUE;
        for (int64_t n = 0; n < N_FRAMES; n++)
            same &= define_flags(masklet, n) == msk_masklet_get_frame(masklet, n, NULL);
        right &= CHECK(same);
    }
    gboolean can_undo, can_redo;
    g_object_get(document, "can-undo", &can_undo, "can-redo", &can_redo, NULL);
    right &= CHECK(can_undo == (model->n_done > 0));
    right &= CHECK(can_redo == (model->n_done + 1 < model->states->len));
    return right;
}

static void step(Model *model)
{
    g_autoptr(GArray) before = look(model->document);
    g_hash_table_remove_all(model->covered);
    model->told_twice = FALSE;
    int kind = pick(model, 12);
    if (kind < 7)
        step_edit(model);
    else if (kind < 9)
        step_amend(model);
    else if (kind < 11)
        step_undo(model);
    else
        step_redo(model);
    while (msk_document_is_turning(model->document))
        g_main_context_iteration(NULL, TRUE);
    if (kind < 9) {
        g_autoptr(GArray) after = look(model->document);
        CHECK(is_all_told(model, before, after));
        CHECK(!model->told_twice);
    }
    tool_settle(model->document);
}

static void run_sequence(guint32 seed, int n_steps, gboolean on_thread)
{
    Model model = {.document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, N_FRAMES),
                   .random = g_rand_new_with_seed(seed),
                   .states = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref),
                   .ids = g_array_new(FALSE, FALSE, sizeof(int64_t)),
                   .covered = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free),
                   .mirror = g_ptr_array_new(),
                   .on_thread = on_thread};
    if (on_thread)
        model.document->bulk_min = 1;
    g_ptr_array_add(model.states, tool_cells(model.document));
    g_signal_connect(model.document, "frames-changed", G_CALLBACK(frames_changed_cb), &model);
    g_signal_connect(model.document, "items-changed", G_CALLBACK(items_changed_cb), &model);
    gboolean right = TRUE;
    for (int i = 0; i < n_steps && right; i++) {
        step(&model);
        right = is_document_right(&model);
        if (!right)
            printf("seed %u, step %d\n", seed, i);
    }
    // All the way back and forth again.
    while (model.n_done > 0 && right) {
        CHECK(msk_document_undo(model.document));
        model.n_done--;
        g_autoptr(GHashTable) cells = tool_cells(model.document);
        right = CHECK(tool_same_cells(cells, get_state(&model, model.n_done)));
    }
    while (model.n_done + 1 < model.states->len && right) {
        CHECK(msk_document_redo(model.document));
        model.n_done++;
        g_autoptr(GHashTable) cells = tool_cells(model.document);
        right = CHECK(tool_same_cells(cells, get_state(&model, model.n_done)));
    }
    tool_settle(model.document);
    g_object_unref(model.document);
    g_rand_free(model.random);
    g_ptr_array_unref(model.states);
    g_array_unref(model.ids);
    g_hash_table_unref(model.covered);
    g_ptr_array_unref(model.mirror);
}

int main(void)
{
    for (guint32 seed = 1; seed <= 12; seed++)
        run_sequence(seed, 250, seed % 3 == 0);
    end_group("random edits");
    return end_tests();
}
