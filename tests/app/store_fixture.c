// SPDX-License-Identifier: Apache-2.0
// Documents with random edits, and project files to keep them in, for tests.
#include "tests/app/store_fixture.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#include "app/document_private.h"
#include "tests/app/values.h"

char *make_folder(void)
{
    char *folder = g_dir_make_tmp("masklet-store-XXXXXX", NULL);
    g_assert(folder);
    return folder;
}

void remove_folder(const char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
            remove_folder(path);
        else
            g_unlink(path);
    }
    if (dir)
        g_dir_close(dir);
    g_rmdir(folder);
}

char *path_in(const char *folder, const char *name)
{
    return g_build_filename(folder, name, NULL);
}

MskMediaRef *make_ref(const char *folder)
{
    MskMediaRef *ref = g_new0(MskMediaRef, 1);
    ref->path = g_build_filename(folder, "clips", "dog.mp4", NULL);
    ref->hash = g_strdup("0123456789abcdef");
    ref->size = 123456789012;
    ref->width = CLIP_WIDTH;
    ref->height = CLIP_HEIGHT;
    ref->n_frames = CLIP_FRAMES;
    return ref;
}

MskDocument *make_document(void)
{
    return msk_document_new(CLIP_WIDTH, CLIP_HEIGHT, CLIP_FRAMES);
}

// ---- Editing -----------------------------------------------------------------------------------

static int below(GRand *rand, int end)
{
    return g_rand_int_range(rand, 0, end);
}

static void set_random(MskDocument *document, GRand *rand, MskMasklet *masklet, MskCellKind kind)
{
    int64_t frame = below(rand, CLIP_FRAMES);
    g_autoptr(MskValue) value = random_value(rand, kind, frame, CLIP_WIDTH, CLIP_HEIGHT);
    if (kind == MSK_CELL_PROMPT)
        msk_document_set_prompt(document, masklet, frame, value->prompt);
    else if (kind == MSK_CELL_PAINT)
        msk_document_set_paint(document, masklet, frame, value->paint.add, value->paint.remove);
    else
        msk_document_set_track(document, masklet, frame, value->track.result, value->track.source,
                               value->track.agreement);
}

static void set_info(MskDocument *document, GRand *rand, MskMasklet *masklet)
{
    g_autoptr(MskValue) value = random_value(rand, MSK_CELL_OBJECT, 0, 1, 1);
    MskObjectInfo info = value->object;
    info.position = msk_masklet_get_info(masklet)->position;
    info.locked = below(rand, 8) == 0;
    msk_document_set_info(document, masklet, &info);
}

// A track as it comes in: one command that grows, now and then behind the back of later ones.
static void amend(MskDocument *document, GRand *rand, MskMasklet *masklet)
{
    int64_t command = GPOINTER_TO_INT(g_object_get_data(G_OBJECT(document), "track"));
    if (command == 0 || below(rand, 4) == 0 || !msk_document_has_command(document, command)) {
        msk_document_begin(document, "Track");
        set_random(document, rand, masklet, MSK_CELL_RESULT);
        int64_t id = msk_document_end(document);
        g_object_set_data(G_OBJECT(document), "track", GINT_TO_POINTER((int)(id ? id : command)));
        return;
    }
    if (!msk_document_begin_amending(document, command))
        return;
    for (int i = below(rand, 4); i >= 0; i--)
        set_random(document, rand, masklet, MSK_CELL_RESULT);
    msk_document_end(document);
}

static void merge_two(MskDocument *document, GRand *rand)
{
    guint n = msk_document_get_n_objects(document);
    guint first = (guint)below(rand, (int)n), second = (first + 1) % n;
    if (first == second)
        return;
    MskMasklet *both[] = {msk_document_get_object(document, first),
                          msk_document_get_object(document, second)};
    msk_document_merge_objects(document, both, 2);
}

static void edit_object(MskDocument *document, GRand *rand, MskMasklet *masklet)
{
    int64_t frame = below(rand, CLIP_FRAMES), other = below(rand, CLIP_FRAMES);
    switch (below(rand, 20)) {
    case 0:
        if (msk_document_get_n_objects(document) > 2)
            msk_document_remove_object(document, masklet);
        break;
    case 1:
        if (msk_document_get_n_objects(document) < 6)
            msk_document_duplicate_object(document, masklet);
        break;
    case 2:
        merge_two(document, rand);
        break;
    case 3:
        msk_document_move_object(document, masklet,
                                 (guint)below(rand, (int)msk_document_get_n_objects(document)));
        break;
    case 4:
    case 5:
        set_info(document, rand, masklet);
        break;
    case 6:
        msk_document_lock(document, masklet, MIN(frame, other), MIN(frame, other) + below(rand, 5));
        break;
    case 7:
        msk_document_unlock(document, masklet, MIN(frame, other), MAX(frame, other));
        break;
    case 8:
        msk_document_clear_frame(document, masklet, frame);
        break;
    case 9:
        msk_document_move_keyframe(document, masklet, frame, other, below(rand, 2));
        break;
    case 10:
    case 11:
        set_random(document, rand, masklet, MSK_CELL_PAINT);
        break;
    case 12:
    case 13:
    case 14:
        set_random(document, rand, masklet, MSK_CELL_PROMPT);
        break;
    default:
        // Within a command it would be an edit of its own, and this function makes one at a time.
        if (document->open->len > 0)
            set_random(document, rand, masklet, MSK_CELL_RESULT);
        else
            amend(document, rand, masklet);
    }
}

void edit_document(MskDocument *document, GRand *rand)
{
    guint n = msk_document_get_n_objects(document);
    int what = below(rand, 24);
    if (n == 0 || what == 0) {
        if (n < 6)
            msk_document_add_object(document, NULL);
    } else if (what <= 2) {
        msk_document_undo(document);
    } else if (what <= 4) {
        msk_document_redo(document);
    } else if (what == 5) {
        int first = below(rand, CLIP_FRAMES);
        msk_document_set_range(document, first, g_rand_int_range(rand, first, CLIP_FRAMES));
    } else if (what == 6) {
        msk_document_begin(document, "Several");
        for (int i = below(rand, 4); i >= 0 && msk_document_get_n_objects(document) > 0; i--)
            edit_object(document, rand, msk_document_get_object(document, 0));
        msk_document_end(document);
    } else {
        edit_object(document, rand, msk_document_get_object(document, (guint)below(rand, (int)n)));
    }
}

// ---- Comparing ---------------------------------------------------------------------------------

typedef struct Comparison {
    MskDocument *from, *to;
    gboolean with_removed; // what removed objects had, too
    guint n_cells;
    gboolean is_same;
} Comparison;

static void compare_cb(const MskCell *cell, MskValue *value, gpointer user)
{
    Comparison *comparison = user;
    if (!comparison->with_removed && cell->object > 0 &&
        !msk_document_find_object(comparison->from, cell->object))
        return;
    comparison->n_cells++;
    if (!msk_value_equal(value, msk_document_get_value(comparison->to, cell)))
        comparison->is_same = FALSE;
}

static gboolean compare(MskDocument *a, MskDocument *b, gboolean with_removed)
{
    Comparison there = {a, b, with_removed, 0, TRUE}, back = {b, a, TRUE, 0, TRUE};
    msk_document_foreach(a, compare_cb, &there);
    msk_document_foreach(b, compare_cb, &back);
    if (there.n_cells != back.n_cells ||
        msk_document_get_n_objects(a) != msk_document_get_n_objects(b))
        return FALSE;
    for (guint i = 0; i < msk_document_get_n_objects(a); i++)
        if (msk_masklet_get_id(msk_document_get_object(a, i)) !=
            msk_masklet_get_id(msk_document_get_object(b, i)))
            return FALSE;
    return there.is_same;
}

gboolean same_document(MskDocument *a, MskDocument *b)
{
    return compare(a, b, TRUE);
}

gboolean same_without_removed(MskDocument *a, MskDocument *b)
{
    return compare(a, b, FALSE);
}

static gboolean same_changes(const MskCommand *a, MskCommand *b)
{
    if (a->id != b->id || strcmp(a->name, b->name) != 0 || a->changes->len != b->changes->len)
        return FALSE;
    for (guint i = 0; i < a->changes->len; i++) {
        const MskChange *x = g_ptr_array_index(a->changes, i);
        const MskChange *y = msk_command_find(b, &x->cell);
        if (!y || !msk_value_equal(x->before, y->before) || !msk_value_equal(x->after, y->after))
            return FALSE;
    }
    return TRUE;
}

gboolean same_commands(MskDocument *a, MskDocument *b)
{
    gboolean is_same = a->n_done == b->n_done && a->commands->len == b->commands->len;
    for (guint i = 0; is_same && i < a->commands->len; i++)
        is_same =
            same_changes(g_ptr_array_index(a->commands, i), g_ptr_array_index(b->commands, i));
    return is_same && same_document(a, b);
}

static gboolean same_names(MskDocument *a, MskDocument *b)
{
    g_autofree char *undo_a = NULL, *undo_b = NULL, *redo_a = NULL, *redo_b = NULL;
    g_object_get(a, "undo-name", &undo_a, "redo-name", &redo_a, NULL);
    g_object_get(b, "undo-name", &undo_b, "redo-name", &redo_b, NULL);
    return g_strcmp0(undo_a, undo_b) == 0 && g_strcmp0(redo_a, redo_b) == 0;
}

gboolean same_history(MskDocument *a, MskDocument *b)
{
    // All the way back, all the way forward, and back to where it was.
    gboolean is_same = same_document(a, b) && same_names(a, b);
    int n_undone = 0, n_redone = 0;
    gboolean more = TRUE;
    while (more && is_same) {
        more = msk_document_undo(a);
        is_same = msk_document_undo(b) == more && same_names(a, b) && same_document(a, b);
        n_undone += more;
    }
    more = TRUE;
    while (more && is_same) {
        more = msk_document_redo(a);
        is_same = msk_document_redo(b) == more && same_names(a, b) && same_document(a, b);
        n_redone += more;
    }
    for (; is_same && n_redone > n_undone; n_redone--)
        is_same = msk_document_undo(a) && msk_document_undo(b);
    return is_same && same_document(a, b);
}

// ---- Project files -----------------------------------------------------------------------------

static void take_result_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    *(GAsyncResult **)user = g_object_ref(result);
}

static GAsyncResult *wait_for(GAsyncResult **result)
{
    while (!*result)
        g_main_context_iteration(NULL, TRUE);
    return *result;
}

gboolean flush_store(MskStore *store, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    msk_store_flush_async(store, NULL, take_result_cb, &result);
    return msk_store_flush_finish(store, wait_for(&result), error);
}

gboolean copy_store(MskStore *store, const char *path, gboolean with_history, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    msk_store_copy_async(store, path, with_history, NULL, take_result_cb, &result);
    return msk_store_copy_finish(store, wait_for(&result), error);
}

MskDocument *load_document(const char *path, MskStore **store, char **warning, GError **error)
{
    MskStore *opened = msk_store_open(path, 0, error);
    g_autoptr(MskStoreContent) content = opened ? msk_store_read(opened, error) : NULL;
    if (!content) {
        msk_store_close(opened);
        return NULL;
    }
    MskDocument *document = make_document();
    msk_store_content_apply(content, document);
    if (warning)
        *warning = g_strdup(msk_store_content_get_warning(content));
    if (store) {
        *store = opened;
        msk_document_set_store(document, opened);
    } else {
        msk_store_close(opened);
    }
    return document;
}

int64_t ask_file(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t answer = -1;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

gboolean change_file(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    gboolean is_done =
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK &&
        sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK;
    if (message)
        printf("%s\n", message);
    sqlite3_free(message);
    sqlite3_close(db);
    return is_done;
}
