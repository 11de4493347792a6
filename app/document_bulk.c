// SPDX-License-Identifier: Apache-2.0
// MskDocument: commands of very many changes: made on a thread, taken over on the main thread.
//
// A thread works on forks of the masklets, which cost no more than their lists of pages. Undoing
// and redoing hold edits up until they are through; what is merely prepared (merging, duplicating)
// does not, and sees to it that it still fits when it is committed.
#include "app/document_private.h"
#include "app/free_later.h"
#include "app/store.h"

// ---- Bulks -------------------------------------------------------------------------------------

MskBulk *msk_bulk_new(MskCommand *command)
{
    MskBulk *bulk = g_new0(MskBulk, 1);
    bulk->command = msk_command_ref(command);
    bulk->forks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_object_unref);
    bulk->rest = g_ptr_array_new();
    return bulk;
}

void msk_bulk_free(MskBulk *bulk)
{
    if (!bulk)
        return;
    msk_command_unref_later(bulk->command);
    g_hash_table_unref(bulk->forks);
    g_ptr_array_unref(bulk->rest);
    msk_store_write_free(bulk->write);
    g_free(bulk);
}

MskMasklet *msk_bulk_fork(MskBulk *bulk, MskMasklet *masklet, int64_t id)
{
    MskMasklet *fork = msk_masklet_fork(masklet, id);
    g_hash_table_insert(bulk->forks, &fork->id, fork);
    return fork;
}

// An object that was not there is made.
static MskMasklet *get_fork(MskBulk *bulk, int64_t id)
{
    if (bulk->last && bulk->last->id == id)
        return bulk->last;
    bulk->last = g_hash_table_lookup(bulk->forks, &id);
    if (!bulk->last) {
        bulk->last = msk_masklet_new(id);
        g_hash_table_insert(bulk->forks, &bulk->last->id, bulk->last);
    }
    return bulk->last;
}

static gboolean is_of_fork(const MskCell *cell)
{
    return cell->kind != MSK_CELL_SETTING && cell->kind != MSK_CELL_OBJECT;
}

void msk_bulk_change_take(MskBulk *bulk, const MskCell *cell, MskValue *value)
{
    g_autoptr(MskValue) taken = value;
    MskMasklet *fork = get_fork(bulk, cell->object);
    MskValue *before = msk_masklet_peek_value(fork, cell);
    if (msk_value_equal(before, value))
        return;
    msk_command_add(bulk->command, cell, before, value);
    msk_masklet_put_value(fork, cell, value);
}

static void settle(MskBulk *bulk)
{
    GHashTableIter iter;
    gpointer fork;
    g_hash_table_iter_init(&iter, bulk->forks);
    while (g_hash_table_iter_next(&iter, NULL, &fork))
        if (((MskMasklet *)fork)->revision > 0)
            msk_masklet_settle(fork);
}

void msk_bulk_end(MskBulk *bulk)
{
    settle(bulk);
    bulk->write = msk_store_prepare_command(bulk->command);
    msk_command_forget_pending(bulk->command);
}

static void take(MskDocument *document, MskBulk *bulk)
{
    GHashTableIter iter;
    gpointer data;
    g_hash_table_iter_init(&iter, bulk->forks);
    while (g_hash_table_iter_next(&iter, NULL, &data)) {
        MskMasklet *fork = data;
        if (fork->revision == 0)
            continue;
        MskMasklet *masklet = msk_document_ensure_object(document, fork->id);
        msk_masklet_adopt(masklet, fork);
        g_hash_table_add(document->frames_of, masklet);
    }
}

void msk_document_begin_bulk(MskDocument *document, MskBulk *bulk)
{
    msk_document_finish_turns(document);
    if (document->open->len > 0) {
        const GPtrArray *changes = bulk->command->changes;
        msk_document_begin(document, bulk->command->name);
        for (guint i = 0; i < changes->len; i++) {
            const MskChange *change = changes->pdata[i];
            msk_document_change(document, &change->cell, change->after);
        }
        return;
    }
    msk_document_open_new(document, bulk->command);
    take(document, bulk);
    document->write = g_steal_pointer(&bulk->write);
}

// ---- Undoing and redoing -----------------------------------------------------------------------

#define CANCEL_EVERY 1024 // changes

typedef struct MskTurn {
    MskBulk *bulk;
    gboolean is_redo, takes_before;
    int is_cancelled; // atomic
    GThread *thread;
    GSource *done; // attached when it is through
} MskTurn;

static void turn_change(MskTurn *turn, MskChange *change)
{
    MskBulk *bulk = turn->bulk;
    if (!is_of_fork(&change->cell)) {
        g_ptr_array_add(bulk->rest, change);
        return;
    }
    MskMasklet *fork = get_fork(bulk, change->cell.object);
    if (turn->takes_before)
        msk_command_take_before(bulk->command, change, msk_masklet_peek_value(fork, &change->cell));
    msk_masklet_put_value(fork, &change->cell, turn->is_redo ? change->after : change->before);
}

static gboolean turned_cb(gpointer user)
{
    msk_document_finish_turn(user);
    return G_SOURCE_REMOVE;
}

static gpointer turn_thread(gpointer user)
{
    MskTurn *turn = user;
    const GPtrArray *changes = turn->bulk->command->changes;
    for (guint i = 0; i < changes->len; i++) {
        if (i % CANCEL_EVERY == 0 && g_atomic_int_get(&turn->is_cancelled))
            return NULL;
        turn_change(turn, changes->pdata[i]);
    }
    if (turn->bulk->command->pending->len > 0)
        msk_bulk_end(turn->bulk);
    else
        settle(turn->bulk);
    g_source_attach(turn->done, NULL);
    return NULL;
}

static void start_turn(MskDocument *document, MskCommand *command, gboolean is_redo)
{
    MskTurn *turn = document->turn = g_new0(MskTurn, 1);
    GHashTableIter iter;
    gpointer masklet;
    turn->bulk = msk_bulk_new(command);
    turn->is_redo = is_redo;
    turn->takes_before = is_redo && document->amended;
    turn->done = g_idle_source_new();
    g_source_set_priority(turn->done, G_PRIORITY_DEFAULT);
    g_source_set_callback(turn->done, turned_cb, document, NULL);
    // All of them: to look which ones it is would take longer.
    g_hash_table_iter_init(&iter, document->objects);
    while (g_hash_table_iter_next(&iter, NULL, &masklet))
        msk_bulk_fork(turn->bulk, masklet, ((MskMasklet *)masklet)->id);
    turn->thread = g_thread_new("turn", turn_thread, turn);
}

static void free_turn(MskTurn *turn)
{
    g_source_destroy(turn->done);
    g_source_unref(turn->done);
    msk_bulk_free(turn->bulk);
    g_free(turn);
}

static void finish(MskDocument *document)
{
    MskTurn *turn = g_steal_pointer(&document->turn);
    MskBulk *bulk = turn->bulk;
    g_thread_join(turn->thread);
    for (guint i = 0; i < bulk->rest->len; i++) {
        MskChange *change = bulk->rest->pdata[i];
        if (turn->takes_before)
            msk_command_take_before(bulk->command, change,
                                    msk_document_get_value(document, &change->cell));
        msk_document_put_value(document, &change->cell,
                               turn->is_redo ? change->after : change->before);
    }
    take(document, bulk);
    document->write = g_steal_pointer(&bulk->write);
    msk_document_turned(document, bulk->command, turn->is_redo);
    free_turn(turn);
}

void msk_document_finish_turn(MskDocument *document)
{
    g_autoptr(MskDocument) alive = g_object_ref(document);
    if (document->turn)
        finish(document);
    while (!document->turn && document->n_waiting != 0) {
        const gboolean is_redo = document->n_waiting > 0;
        document->n_waiting += is_redo ? -1 : 1;
        if (is_redo)
            msk_document_redo_later(document);
        else
            msk_document_undo_later(document);
    }
}

void msk_document_finish_turns(MskDocument *document)
{
    while (document->turn)
        msk_document_finish_turn(document);
}

void msk_document_drop_turn(MskDocument *document)
{
    MskTurn *turn = g_steal_pointer(&document->turn);
    document->n_waiting = 0;
    if (!turn)
        return;
    g_atomic_int_set(&turn->is_cancelled, TRUE);
    g_thread_join(turn->thread);
    free_turn(turn);
}

static gboolean turn_later(MskDocument *document, gboolean is_redo)
{
    if (document->turn) {
        document->n_waiting += is_redo ? 1 : -1;
        return TRUE;
    }
    MskCommand *command =
        is_redo ? msk_document_peek_redo(document) : msk_document_peek_undo(document);
    if (!command || document->open->len > 0)
        return FALSE;
    if (command->changes->len < document->bulk_min)
        return is_redo ? msk_document_redo(document) : msk_document_undo(document);
    start_turn(document, command, is_redo);
    return TRUE;
}

gboolean msk_document_undo_later(MskDocument *document)
{
    return turn_later(document, FALSE);
}

gboolean msk_document_redo_later(MskDocument *document)
{
    return turn_later(document, TRUE);
}

gboolean msk_document_is_turning(MskDocument *document)
{
    return document->turn != NULL;
}
