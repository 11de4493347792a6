// SPDX-License-Identifier: Apache-2.0
// Operations on the document, as changes of the project file's rows; one transaction, all or none.
#include <string.h>

#include "app/store_private.h"

enum {
    BEGIN,
    COMMIT,
    ROLLBACK,
    PUT_COMMAND,
    IS_DONE,
    FIND_CHANGE,
    PUT_CHANGE,
    HAS_LATER,
    FIND_CELL,
    PUT_CELL,
    DROP_CELL,
    FIND_VALUE,
    PUT_VALUE,
    DROP_VALUE,
    LIST_DROPPED,
    DROP_COMMANDS,
    SET_DONE,
    LIST_BEFORE,
    LIST_AFTER,
    LIST_OUTDATED,
    TAKE_BEFORE,
    PUT_FACT,
    DROP_FACT,
    N_STATEMENTS,
};

#define CELL_OF_CHANGE                                                                             \
    "(SELECT value FROM cell WHERE cell.kind = change.kind AND cell.object = change.object"        \
    " AND cell.frame = change.frame)"

static const char *const sources[N_STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [PUT_COMMAND] = "INSERT INTO command(id, name, time, done) VALUES(?1, ?2, ?3, 1)"
                    " ON CONFLICT(id) DO UPDATE SET name = excluded.name, time = excluded.time",
    [IS_DONE] = "SELECT done FROM command WHERE id = ?1",
    [FIND_CHANGE] = "SELECT before, after FROM change"
                    " WHERE command = ?1 AND kind = ?2 AND object = ?3 AND frame = ?4",
    [PUT_CHANGE] = "INSERT OR REPLACE INTO change(command, kind, object, frame, before, after)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [HAS_LATER] = "SELECT 1 FROM command CROSS JOIN change ON change.command = command.id"
                  " WHERE command.id > ?1 AND command.done AND kind = ?2 AND object = ?3"
                  " AND frame = ?4",
    [FIND_CELL] = "SELECT value FROM cell WHERE kind = ?1 AND object = ?2 AND frame = ?3",
    [PUT_CELL] = "INSERT OR REPLACE INTO cell(kind, object, frame, value) VALUES(?1, ?2, ?3, ?4)",
    [DROP_CELL] = "DELETE FROM cell WHERE kind = ?1 AND object = ?2 AND frame = ?3",
    [FIND_VALUE] = "SELECT id FROM value WHERE checksum = ?1 AND kind = ?2 AND data = ?3",
    [PUT_VALUE] = "INSERT INTO value(id, kind, checksum, data) VALUES(?1, ?2, ?3, ?4)",
    [DROP_VALUE] = "DELETE FROM value WHERE id = ?1"
                   " AND NOT EXISTS(SELECT 1 FROM cell WHERE cell.value = ?1)"
                   " AND NOT EXISTS(SELECT 1 FROM change WHERE before = ?1)"
                   " AND NOT EXISTS(SELECT 1 FROM change WHERE after = ?1)",
    [LIST_DROPPED] = "SELECT before, after FROM change WHERE command > ?1",
    [DROP_COMMANDS] = "DELETE FROM command WHERE id > ?1",
    [SET_DONE] = "UPDATE command SET done = ?2 WHERE id = ?1",
    [LIST_BEFORE] = "SELECT kind, object, frame, before FROM change WHERE command = ?1",
    [LIST_AFTER] = "SELECT kind, object, frame, after FROM change WHERE command = ?1",
    [LIST_OUTDATED] =
        "SELECT before FROM change WHERE command = ?1 AND before IS NOT " CELL_OF_CHANGE,
    [TAKE_BEFORE] = "UPDATE change SET before = " CELL_OF_CHANGE
                    " WHERE command = ?1 AND before IS NOT " CELL_OF_CHANGE,
    [PUT_FACT] = "INSERT OR REPLACE INTO project(key, value) VALUES(?1, ?2)",
    [DROP_FACT] = "DELETE FROM project WHERE key = ?1",
};

G_STATIC_ASSERT((int)N_STATEMENTS <= MSK_STORE_N_STATEMENTS);

// ---- Operations --------------------------------------------------------------------------------

static void clear_change(gpointer data)
{
    MskChange *change = data;
    msk_value_unref(change->before);
    msk_value_unref(change->after);
}

MskStoreOp *msk_store_op_new(MskStoreOpKind kind, int64_t id)
{
    MskStoreOp *op = g_atomic_rc_box_new0(MskStoreOp);
    op->kind = kind;
    op->id = id;
    if (kind == MSK_STORE_OP_COMMAND) {
        op->changes = g_array_new(FALSE, FALSE, sizeof(MskChange));
        g_array_set_clear_func(op->changes, clear_change);
    }
    return op;
}

static void clear_op(gpointer data)
{
    MskStoreOp *op = data;
    g_free(op->name);
    g_clear_pointer(&op->changes, g_array_unref);
    msk_media_ref_free(op->ref);
    g_clear_object(&op->task);
}

void msk_store_op_unref(MskStoreOp *op)
{
    g_atomic_rc_box_release_full(op, clear_op);
}

// ---- Statements --------------------------------------------------------------------------------

// Ready to be bound; NULL: the database says why.
static sqlite3_stmt *get(MskStoreRows *rows, int which)
{
    if (!rows->statements[which] &&
        sqlite3_prepare_v3(rows->db, sources[which], -1, SQLITE_PREPARE_PERSISTENT,
                           &rows->statements[which], NULL) != SQLITE_OK)
        return NULL;
    return rows->statements[which];
}

static void bind_cell(sqlite3_stmt *statement, int at, const MskCell *cell)
{
    sqlite3_bind_int(statement, at, (int)cell->kind);
    sqlite3_bind_int64(statement, at + 1, cell->object);
    sqlite3_bind_int64(statement, at + 2, cell->frame);
}

// Rows' ids are from 1; 0 stands for nothing.
static void bind_row(sqlite3_stmt *statement, int at, int64_t id)
{
    if (id)
        sqlite3_bind_int64(statement, at, id);
    else
        sqlite3_bind_null(statement, at);
}

static gboolean finish(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE || code == SQLITE_ROW;
}

// *out: the first two columns of the first row, or 0; *found: whether there is one.
static gboolean look_up(sqlite3_stmt *statement, int64_t out[2], gboolean *found)
{
    int code = sqlite3_step(statement);
    *found = code == SQLITE_ROW;
    out[0] = *found ? sqlite3_column_int64(statement, 0) : 0;
    out[1] = *found && sqlite3_column_count(statement) > 1 ? sqlite3_column_int64(statement, 1) : 0;
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

static gboolean run(MskStoreRows *rows, int which)
{
    sqlite3_stmt *statement = get(rows, which);
    return statement && finish(statement);
}

// ---- What is known -----------------------------------------------------------------------------

gboolean msk_store_rows_init(MskStoreRows *rows, sqlite3 *db)
{
    g_autoptr(sqlite3_stmt) statement = NULL;
    *rows = (MskStoreRows){.db = db};
    rows->ids = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)msk_value_unref, NULL);
    rows->values = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    rows->added = g_ptr_array_new();
    rows->dropped = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    if (sqlite3_prepare_v2(db, "SELECT max(id) FROM value", -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        return FALSE;
    rows->next_id = MAX(sqlite3_column_int64(statement, 0), 0) + 1;
    return rows->next_id < G_MAXINT64 / 2;
}

gboolean msk_store_rows_init_copy(MskStoreRows *rows, sqlite3 *db, const MskStoreRows *from)
{
    GHashTableIter iter;
    gpointer value, id;
    if (!msk_store_rows_init(rows, db))
        return FALSE;
    g_hash_table_iter_init(&iter, from->ids);
    while (g_hash_table_iter_next(&iter, &value, &id))
        msk_store_rows_know(rows, *(int64_t *)id, value);
    return TRUE;
}

void msk_store_rows_clear(MskStoreRows *rows)
{
    for (int i = 0; i < N_STATEMENTS; i++)
        g_clear_pointer(&rows->statements[i], sqlite3_finalize);
    g_clear_pointer(&rows->ids, g_hash_table_unref);
    g_clear_pointer(&rows->values, g_hash_table_unref);
    g_clear_pointer(&rows->added, g_ptr_array_unref);
    g_clear_pointer(&rows->dropped, g_hash_table_unref);
    g_clear_pointer(&rows->db, sqlite3_close);
}

static int64_t *dup_id(int64_t id)
{
    return g_memdup2(&id, sizeof id);
}

void msk_store_rows_know(MskStoreRows *rows, int64_t id, MskValue *value)
{
    if (g_hash_table_contains(rows->values, &id) || g_hash_table_contains(rows->ids, value))
        return;
    int64_t *key = dup_id(id);
    g_hash_table_insert(rows->values, key, value);
    g_hash_table_insert(rows->ids, msk_value_ref(value), key);
}

static void forget(MskStoreRows *rows, MskValue *value)
{
    int64_t *key = g_hash_table_lookup(rows->ids, value);
    if (key && g_hash_table_lookup(rows->values, key) == value)
        g_hash_table_remove(rows->values, key); // frees the key
    g_hash_table_remove(rows->ids, value);
}

static void may_drop(MskStoreRows *rows, int64_t id)
{
    if (id)
        g_hash_table_add(rows->dropped, dup_id(id));
}

// ---- Values ------------------------------------------------------------------------------------

static gboolean insert_value(MskStoreRows *rows, MskValue *value, int64_t *id)
{
    g_autoptr(GBytes) bytes = msk_value_encode(value);
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    const int64_t checksum = msk_store_checksum((int)value->kind, data, size);
    int64_t found_id[2];
    gboolean found;

    // The same content may be there under another pointer, as after saving under another name.
    sqlite3_stmt *find = get(rows, FIND_VALUE);
    if (!find)
        return FALSE;
    sqlite3_bind_int64(find, 1, checksum);
    sqlite3_bind_int(find, 2, (int)value->kind);
    sqlite3_bind_blob64(find, 3, data, size, SQLITE_STATIC);
    gboolean is_good = look_up(find, found_id, &found);
    sqlite3_clear_bindings(find);
    if (!is_good)
        return FALSE;
    *id = found_id[0];
    if (found)
        return TRUE;
    sqlite3_stmt *put = get(rows, PUT_VALUE);
    if (!put)
        return FALSE;
    *id = rows->next_id++;
    sqlite3_bind_int64(put, 1, *id);
    sqlite3_bind_int(put, 2, (int)value->kind);
    sqlite3_bind_int64(put, 3, checksum);
    sqlite3_bind_blob64(put, 4, data, size, SQLITE_STATIC);
    is_good = finish(put);
    sqlite3_clear_bindings(put);
    return is_good;
}

// *id: the value's row, written if it is new; 0 of no value.
static gboolean intern(MskStoreRows *rows, MskValue *value, int64_t *id)
{
    const int64_t *known = value ? g_hash_table_lookup(rows->ids, value) : NULL;
    *id = known ? *known : 0;
    if (!value || known)
        return TRUE;
    if (!insert_value(rows, value, id))
        return FALSE;
    // Of equal values the first one is remembered; it goes if the transaction does not hold.
    if (!g_hash_table_contains(rows->values, id)) {
        msk_store_rows_know(rows, *id, value);
        g_ptr_array_add(rows->added, value);
    }
    return TRUE;
}

// Values that nothing refers to any more go.
static gboolean drop_values(MskStoreRows *rows, GPtrArray *gone)
{
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, rows->dropped);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        sqlite3_stmt *statement = get(rows, DROP_VALUE);
        if (!statement)
            return FALSE;
        sqlite3_bind_int64(statement, 1, *(int64_t *)key);
        if (!finish(statement))
            return FALSE;
        MskValue *value = g_hash_table_lookup(rows->values, key);
        if (value && sqlite3_changes(rows->db) > 0)
            g_ptr_array_add(gone, value);
    }
    return TRUE;
}

// ---- Cells and changes -------------------------------------------------------------------------

static gboolean set_cell(MskStoreRows *rows, const MskCell *cell, int64_t id)
{
    int64_t old[2];
    gboolean found;
    sqlite3_stmt *find = get(rows, FIND_CELL);
    if (!find)
        return FALSE;
    bind_cell(find, 1, cell);
    if (!look_up(find, old, &found))
        return FALSE;
    if (old[0] == id)
        return TRUE;
    may_drop(rows, old[0]);
    sqlite3_stmt *put = get(rows, id ? PUT_CELL : DROP_CELL);
    if (!put)
        return FALSE;
    bind_cell(put, 1, cell);
    if (id)
        sqlite3_bind_int64(put, 4, id);
    return finish(put);
}

// *out: whether a later command, done, has changed the cell too: then that one's value is in force.
static gboolean has_later(MskStoreRows *rows, int64_t command, const MskCell *cell, gboolean *out)
{
    int64_t ignored[2];
    sqlite3_stmt *statement = get(rows, HAS_LATER);
    if (!statement)
        return FALSE;
    sqlite3_bind_int64(statement, 1, command);
    bind_cell(statement, 2, cell);
    return look_up(statement, ignored, out);
}

static gboolean write_change(MskStoreRows *rows, int64_t command, gboolean is_done,
                             const MskChange *change)
{
    int64_t before, after, old[2];
    gboolean found, is_overruled;
    if (!intern(rows, change->before, &before) || !intern(rows, change->after, &after))
        return FALSE;
    sqlite3_stmt *find = get(rows, FIND_CHANGE);
    if (!find)
        return FALSE;
    sqlite3_bind_int64(find, 1, command);
    bind_cell(find, 2, &change->cell);
    if (!look_up(find, old, &found))
        return FALSE;
    if (found && old[0] == before && old[1] == after)
        return TRUE;
    may_drop(rows, old[0]);
    may_drop(rows, old[1]);
    sqlite3_stmt *put = get(rows, PUT_CHANGE);
    if (!put)
        return FALSE;
    sqlite3_bind_int64(put, 1, command);
    bind_cell(put, 2, &change->cell);
    bind_row(put, 5, before);
    bind_row(put, 6, after);
    if (!finish(put))
        return FALSE;
    if (!is_done)
        return TRUE;
    return has_later(rows, command, &change->cell, &is_overruled) &&
           (is_overruled || set_cell(rows, &change->cell, after));
}

static gboolean write_command(MskStoreRows *rows, const MskStoreOp *op)
{
    int64_t done[2];
    gboolean found;
    sqlite3_stmt *put = get(rows, PUT_COMMAND), *ask = get(rows, IS_DONE);
    if (!put || !ask)
        return FALSE;
    sqlite3_bind_int64(put, 1, op->id);
    sqlite3_bind_text(put, 2, op->name ? op->name : "", -1, SQLITE_STATIC);
    sqlite3_bind_int64(put, 3, op->time);
    gboolean is_good = finish(put);
    sqlite3_clear_bindings(put);
    sqlite3_bind_int64(ask, 1, op->id);
    is_good = is_good && look_up(ask, done, &found);
    for (guint i = 0; is_good && i < op->changes->len; i++)
        is_good =
            write_change(rows, op->id, done[0] != 0, &g_array_index(op->changes, MskChange, i));
    return is_good;
}

static gboolean drop_commands(MskStoreRows *rows, int64_t id)
{
    sqlite3_stmt *list = get(rows, LIST_DROPPED), *drop = get(rows, DROP_COMMANDS);
    int code;
    if (!list || !drop)
        return FALSE;
    sqlite3_bind_int64(list, 1, id);
    while ((code = sqlite3_step(list)) == SQLITE_ROW) {
        may_drop(rows, sqlite3_column_int64(list, 0));
        may_drop(rows, sqlite3_column_int64(list, 1));
    }
    sqlite3_reset(list);
    sqlite3_bind_int64(drop, 1, id);
    return code == SQLITE_DONE && finish(drop);
}

// Before a command is done again: an earlier one may have been amended since it was undone, and
// what is in force now is what undoing has to bring back.
static gboolean take_before(MskStoreRows *rows, int64_t id)
{
    sqlite3_stmt *list = get(rows, LIST_OUTDATED), *set = get(rows, TAKE_BEFORE);
    int code;
    if (!list || !set)
        return FALSE;
    sqlite3_bind_int64(list, 1, id);
    while ((code = sqlite3_step(list)) == SQLITE_ROW)
        may_drop(rows, sqlite3_column_int64(list, 0));
    sqlite3_reset(list);
    sqlite3_bind_int64(set, 1, id);
    return code == SQLITE_DONE && finish(set);
}

// Puts the command's values before or after into its cells.
static gboolean turn(MskStoreRows *rows, int64_t id, gboolean is_done)
{
    sqlite3_stmt *list = get(rows, is_done ? LIST_AFTER : LIST_BEFORE), *set = get(rows, SET_DONE);
    gboolean is_good = list && set && (!is_done || take_before(rows, id));
    int code = SQLITE_DONE;
    if (!is_good)
        return FALSE;
    sqlite3_bind_int64(list, 1, id);
    while (is_good && (code = sqlite3_step(list)) == SQLITE_ROW) {
        MskCell cell = {.kind = (MskCellKind)sqlite3_column_int(list, 0),
                        .object = sqlite3_column_int64(list, 1),
                        .frame = sqlite3_column_int64(list, 2)};
        is_good = set_cell(rows, &cell, sqlite3_column_int64(list, 3));
    }
    sqlite3_reset(list);
    sqlite3_bind_int64(set, 1, id);
    sqlite3_bind_int(set, 2, is_done);
    return is_good && code == SQLITE_DONE && finish(set);
}

// ---- The clip ----------------------------------------------------------------------------------

static gboolean put_bytes(MskStoreRows *rows, const char *key, const char *bytes)
{
    sqlite3_stmt *statement = get(rows, bytes ? PUT_FACT : DROP_FACT);
    if (!statement)
        return FALSE;
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    if (bytes) // paths need not be text
        sqlite3_bind_blob(statement, 2, bytes, (int)strlen(bytes), SQLITE_STATIC);
    gboolean is_good = finish(statement);
    sqlite3_clear_bindings(statement);
    return is_good;
}

static gboolean put_number(MskStoreRows *rows, const char *key, int64_t number)
{
    sqlite3_stmt *statement = get(rows, PUT_FACT);
    if (!statement)
        return FALSE;
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, number);
    return finish(statement);
}

gboolean msk_store_rows_put_media(MskStoreRows *rows, const MskMediaRef *ref)
{
    return put_bytes(rows, "media-path", ref->path) &&
           put_bytes(rows, "media-relative-path", ref->relative_path) &&
           put_bytes(rows, "media-hash", ref->hash) && put_number(rows, "media-size", ref->size) &&
           put_number(rows, "media-width", ref->width) &&
           put_number(rows, "media-height", ref->height) &&
           put_number(rows, "media-frames", ref->n_frames);
}

// ---- Transactions ------------------------------------------------------------------------------

static gboolean write_op(MskStoreRows *rows, const MskStoreOp *op)
{
    switch (op->kind) {
    case MSK_STORE_OP_COMMAND:
        return write_command(rows, op);
    case MSK_STORE_OP_DROP:
        return drop_commands(rows, op->id);
    case MSK_STORE_OP_UNDO:
        return turn(rows, op->id, FALSE);
    case MSK_STORE_OP_REDO:
        return turn(rows, op->id, TRUE);
    case MSK_STORE_OP_MEDIA:
        return msk_store_rows_put_media(rows, op->ref);
    case MSK_STORE_OP_FLUSH:
        return TRUE;
    }
    return FALSE;
}

gboolean msk_store_rows_write(MskStoreRows *rows, const char *path, MskStoreOp *const *ops, guint n,
                              GError **error)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new();
    gboolean is_written = run(rows, BEGIN);
    for (guint i = 0; is_written && i < n; i++)
        is_written = write_op(rows, ops[i]);
    is_written = is_written && drop_values(rows, gone) && run(rows, COMMIT);
    if (is_written) {
        for (guint i = 0; i < gone->len; i++)
            forget(rows, g_ptr_array_index(gone, i));
    } else {
        msk_store_set_db_error(error, rows->db, path);
        if (!sqlite3_get_autocommit(rows->db))
            run(rows, ROLLBACK);
        for (guint i = 0; i < rows->added->len; i++)
            forget(rows, g_ptr_array_index(rows->added, i));
    }
    g_ptr_array_set_size(rows->added, 0);
    g_hash_table_remove_all(rows->dropped);
    return is_written;
}
