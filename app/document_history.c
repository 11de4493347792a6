// SPDX-License-Identifier: Apache-2.0
// MskDocument: commands, undo and redo.
//
// A cell's value is what the last done command that changed it gave it. Amending keeps that: where
// a later done command changed the cell, the amendment is refused; where an undone one did, redoing
// takes the value that is there then as its value before.
#include "app/document_private.h"
#include "app/store.h"

#define MERGE_WINDOW (G_USEC_PER_SEC * 1)

MskCommand *msk_document_peek_undo(MskDocument *document)
{
    return document->n_done > 0 ? document->commands->pdata[document->n_done - 1] : NULL;
}

MskCommand *msk_document_peek_redo(MskDocument *document)
{
    return document->n_done < document->commands->len ? document->commands->pdata[document->n_done]
                                                      : NULL;
}

// Index of a command that is done; -1: none.
static int find_done(MskDocument *document, int64_t id)
{
    guint low = 0, high = document->n_done;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        const MskCommand *command = document->commands->pdata[middle];
        if (command->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == document->n_done || ((MskCommand *)document->commands->pdata[low])->id != id)
        return -1;
    return (int)low;
}

gboolean msk_document_has_command(MskDocument *document, int64_t command)
{
    return find_done(document, command) >= 0;
}

// ---- Changing cells ----------------------------------------------------------------------------

static MskOpenCommand *get_open(MskDocument *document)
{
    guint n = document->open->len;
    return n > 0 ? &g_array_index(document->open, MskOpenCommand, n - 1) : NULL;
}

// Whether a command that is done and later than the one being amended, or one that is open around
// it, changed the cell.
static gboolean was_changed_later(MskDocument *document, const MskOpenCommand *open,
                                  const MskCell *cell)
{
    for (guint i = 0; i + 1 < document->open->len; i++)
        if (msk_command_find(g_array_index(document->open, MskOpenCommand, i).command, cell))
            return TRUE;
    for (guint i = document->n_done; i-- > 0;) {
        MskCommand *command = document->commands->pdata[i];
        if (command == open->command)
            return FALSE;
        if (msk_command_find(command, cell))
            return TRUE;
    }
    return FALSE;
}

gboolean msk_document_change(MskDocument *document, const MskCell *cell, MskValue *value)
{
    MskOpenCommand *open = get_open(document);
    g_assert(open);
    if (!open->is_new && was_changed_later(document, open, cell))
        return FALSE;
    MskValue *before = msk_document_get_value(document, cell);
    if (msk_value_equal(before, value))
        return TRUE;
    msk_command_add(open->command, cell, before, value);
    open->changed = TRUE;
    msk_document_put_value(document, cell, value);
    return TRUE;
}

gboolean msk_document_change_take(MskDocument *document, const MskCell *cell, MskValue *value)
{
    g_autoptr(MskValue) taken = value;
    return msk_document_change(document, cell, taken);
}

// ---- Commands ----------------------------------------------------------------------------------

static void open_command(MskDocument *document, MskCommand *command, gboolean is_new)
{
    MskOpenCommand open = {.command = command, .depth = 1, .is_new = is_new};
    g_array_append_val(document->open, open);
}

static void forget_merging(MskDocument *document)
{
    g_clear_pointer(&document->merge_key, g_free);
}

void msk_document_begin(MskDocument *document, const char *name)
{
    msk_document_finish_turns(document);
    MskOpenCommand *open = get_open(document);
    if (open)
        open->depth++;
    else
        open_command(document, msk_command_new(document->next_command, name), TRUE);
}

void msk_document_begin_merging(MskDocument *document, const char *name, const char *merge_key)
{
    msk_document_finish_turns(document);
    if (document->open->len > 0) {
        msk_document_begin(document, name);
        return;
    }
    gboolean joins = document->merge_key && g_strcmp0(merge_key, document->merge_key) == 0 &&
                     document->n_done == document->commands->len && document->n_done > 0 &&
                     document->get_time() - document->merge_time < MERGE_WINDOW;
    if (joins)
        open_command(document, msk_command_ref(msk_document_peek_undo(document)), FALSE);
    else
        msk_document_begin(document, name);
    get_open(document)->merge_key = g_strdup(merge_key);
}

gboolean msk_document_begin_amending(MskDocument *document, int64_t command)
{
    msk_document_finish_turns(document);
    MskOpenCommand *open = get_open(document);
    if (open && open->command->id == command) {
        open->depth++;
        return TRUE;
    }
    int index = find_done(document, command);
    if (index < 0)
        return FALSE;
    open_command(document, msk_command_ref(document->commands->pdata[index]), FALSE);
    return TRUE;
}

static gboolean changes_nothing(const MskCommand *command)
{
    for (guint i = 0; i < command->changes->len; i++) {
        const MskChange *change = command->changes->pdata[i];
        if (!msk_value_equal(change->before, change->after))
            return FALSE;
    }
    return TRUE;
}

void msk_document_open_new(MskDocument *document, MskCommand *command)
{
    g_assert(document->open->len == 0);
    command->id = document->next_command;
    open_command(document, msk_command_ref(command), TRUE);
    get_open(document)->changed = TRUE;
}

// Throws away what was undone.
static void drop_undone(MskDocument *document)
{
    if (document->n_done == document->commands->len)
        return;
    const MskCommand *last = msk_document_peek_undo(document);
    if (document->store)
        msk_store_drop_commands_after(document->store, last ? last->id : 0);
    g_ptr_array_set_size(document->commands, (int)document->n_done);
    document->amended = FALSE;
}

static void write_command(MskDocument *document, MskCommand *command)
{
    MskStoreWrite *write = g_steal_pointer(&document->write);
    if (document->store && write)
        msk_store_write_prepared(document->store, write, command);
    else if (document->store)
        msk_store_write_command(document->store, command);
    else
        msk_store_write_free(write);
    msk_command_forget_pending(command);
}

static void commit_new(MskDocument *document, MskCommand *command)
{
    drop_undone(document);
    g_ptr_array_add(document->commands, msk_command_ref(command));
    document->n_done++;
    document->next_command++;
    write_command(document, command);
}

// The last command came to nothing by merging: a slider went back to where it was.
static void drop_last(MskDocument *document)
{
    document->n_done--;
    drop_undone(document);
}

static void commit_again(MskDocument *document, MskCommand *command, gboolean merged)
{
    document->amended |= document->n_done < document->commands->len;
    write_command(document, command);
    if (merged && changes_nothing(command))
        drop_last(document);
}

int64_t msk_document_end(MskDocument *document)
{
    MskOpenCommand *open = get_open(document);
    g_return_val_if_fail(open, 0);
    msk_document_flush_objects(document);
    if (--open->depth > 0)
        return 0;
    g_autoptr(MskCommand) command = g_steal_pointer(&open->command);
    g_autofree char *merge_key = g_steal_pointer(&open->merge_key);
    gboolean is_new = open->is_new;
    gboolean committed = open->changed && !(is_new && changes_nothing(command));
    g_array_set_size(document->open, document->open->len - 1);
    if (committed) {
        if (is_new)
            commit_new(document, command);
        else
            commit_again(document, command, merge_key != NULL);
        if (merge_key || is_new)
            forget_merging(document);
        if (merge_key && msk_document_has_command(document, command->id)) {
            document->merge_key = g_steal_pointer(&merge_key);
            document->merge_time = document->get_time();
        }
    }
    msk_document_flush_frames(document);
    if (committed)
        msk_document_notify_history(document);
    if (document->open->len == 0)
        msk_document_emit_closed(document);
    return committed ? command->id : 0;
}

gboolean msk_document_is_open(MskDocument *document)
{
    return document->open->len > 0;
}

int64_t msk_document_get_command(MskDocument *document)
{
    const MskOpenCommand *open = get_open(document);
    const MskCommand *command = open ? open->command : msk_document_peek_undo(document);
    return command ? command->id : 0;
}

// ---- Undo and redo -----------------------------------------------------------------------------

void msk_document_turned(MskDocument *document, MskCommand *command, gboolean is_redo)
{
    document->n_done += is_redo ? 1 : -1;
    forget_merging(document);
    if (command->pending->len > 0 || document->write)
        write_command(document, command);
    if (document->store && is_redo)
        msk_store_write_redo(document->store, command);
    else if (document->store)
        msk_store_write_undo(document->store, command);
    if (document->n_done == document->commands->len)
        document->amended = FALSE;
    msk_document_flush_objects(document);
    msk_document_flush_frames(document);
    msk_document_notify_history(document);
}

gboolean msk_document_undo(MskDocument *document)
{
    msk_document_finish_turns(document);
    MskCommand *command = msk_document_peek_undo(document);
    if (document->open->len > 0 || !command)
        return FALSE;
    for (guint i = command->changes->len; i-- > 0;) {
        const MskChange *change = command->changes->pdata[i];
        msk_document_put_value(document, &change->cell, change->before);
    }
    msk_document_turned(document, command, FALSE);
    return TRUE;
}

gboolean msk_document_redo(MskDocument *document)
{
    msk_document_finish_turns(document);
    MskCommand *command = msk_document_peek_redo(document);
    if (document->open->len > 0 || !command)
        return FALSE;
    for (guint i = 0; i < command->changes->len; i++) {
        MskChange *change = command->changes->pdata[i];
        // An earlier command may have been amended since this one was undone.
        if (document->amended)
            msk_command_take_before(command, change,
                                    msk_document_get_value(document, &change->cell));
        msk_document_put_value(document, &change->cell, change->after);
    }
    msk_document_turned(document, command, TRUE);
    return TRUE;
}
