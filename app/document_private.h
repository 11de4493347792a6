// SPDX-License-Identifier: Apache-2.0
// What the document's files share.
#pragma once

#include "app/document.h"
#include "app/masklet_private.h"
#include "app/store.h"

G_BEGIN_DECLS

// A command that is open: edits go into the innermost one.
typedef struct MskOpenCommand {
    MskCommand *command;
    guint depth;      // begin less end
    gboolean is_new;  // else it is in the history
    char *merge_key;  // or NULL
    gboolean changed; // since it was opened
} MskOpenCommand;

struct _MskDocument {
    GObject parent;
    int width, height;
    int64_t n_frames;
    MskStore *store; // not owned; or NULL

    GHashTable *settings;    // MskSetting -> MskValue
    GHashTable *objects;     // id -> MskMasklet; removed ones too, undo brings them back
    GPtrArray *list;         // those that exist, by position and id; borrowed
    GHashTable *touched;     // MskMasklet -> info before (MskValue or NULL), since flush_objects()
    GHashTable *frames_of;   // set of MskMasklet whose frames may have changed
    GHashTable *setting_set; // set of MskSetting that changed
    int64_t next_object;

    GPtrArray *commands; // the history, oldest first
    guint n_done;        // commands from here on were undone
    gboolean amended;    // a command that is done, since others were undone
    int64_t next_command;
    GArray *open; // of MskOpenCommand

    // The command that msk_document_begin_merging() may join.
    char *merge_key;
    int64_t merge_time;       // monotonic microseconds
    gint64 (*get_time)(void); // of tests

    // Very large commands: document_bulk.c.
    struct MskTurn *turn;  // what is being undone or redone by a thread; NULL: nothing
    int n_waiting;         // redos (positive) or undos (negative) to follow it
    guint bulk_min;        // changes from which on a thread does it
    MskStoreWrite *write;  // of the command that is about to be written, prepared by a thread
    gboolean is_in_making; // by a thread; the main thread has not seen it yet

    GCancellable *measuring; // NULL: nothing is measured
    guint measure_source;
};

// ---- document.c --------------------------------------------------------------------------------

// Puts a value into its cell and remembers what to tell. No history.
void msk_document_put_value(MskDocument *document, const MskCell *cell, MskValue *value);
// Brings the list in step with the objects and emits what they changed: at the end of every edit.
void msk_document_flush_objects(MskDocument *document);
// Emits "frames-changed" and "setting-changed": at the end of the outermost command.
void msk_document_flush_frames(MskDocument *document);
MskMasklet *msk_document_ensure_object(MskDocument *document, int64_t id);

// ---- document_history.c ------------------------------------------------------------------------

// The edit that all others consist of. FALSE: the open command is amended, and a later one changed
// the cell. NULL: nothing. Does not take the value.
gboolean msk_document_change(MskDocument *document, const MskCell *cell, MskValue *value);
// As msk_document_change(), but takes the value.
gboolean msk_document_change_take(MskDocument *document, const MskCell *cell, MskValue *value);
// Opens a command that was made already as a new one; what is changed until it ends is part of it.
void msk_document_open_new(MskDocument *document, MskCommand *command);
// The command's values are in place: what remains of undoing or redoing it.
void msk_document_turned(MskDocument *document, MskCommand *command, gboolean is_redo);
MskCommand *msk_document_peek_undo(MskDocument *document); // borrowed; NULL: nothing to undo
MskCommand *msk_document_peek_redo(MskDocument *document);
void msk_document_notify_history(MskDocument *document);
void msk_document_emit_closed(MskDocument *document); // document.c

// ---- document_bulk.c ---------------------------------------------------------------------------

#define MSK_BULK_MIN 2000 // changes

// A command in the making, and what it leaves of the masklets. Used by one thread at a time.
typedef struct MskBulk {
    MskCommand *command;
    GHashTable *forks; // id -> MskMasklet
    MskMasklet *last;  // fork that was asked for
    GPtrArray *rest;   // of MskChange *, of the command: settings and objects, not in forks
    MskStoreWrite *write;
} MskBulk;

MskBulk *msk_bulk_new(MskCommand *command);
void msk_bulk_free(MskBulk *bulk); // NULL is fine
// Adds a fork of a masklet, as object `id`. Main thread. Borrowed.
MskMasklet *msk_bulk_fork(MskBulk *bulk, MskMasklet *masklet, int64_t id);
// A cell of a frame, or locks. Takes the value. Any thread, as are the following.
void msk_bulk_change_take(MskBulk *bulk, const MskCell *cell, MskValue *value);
// Works out what follows of the changes, and prepares the command for the store.
void msk_bulk_end(MskBulk *bulk);
// Begins the command with what was changed; msk_document_end() commits it. Within another command
// it becomes a part of that one, change by change. Main thread.
void msk_document_begin_bulk(MskDocument *document, MskBulk *bulk);

// Waits for what is being undone or redone: before anything else changes.
void msk_document_finish_turns(MskDocument *document);
void msk_document_finish_turn(MskDocument *document);
void msk_document_drop_turn(MskDocument *document);

// ---- document_edit.c ---------------------------------------------------------------------------

// Whether the object is in the document and not locked.
gboolean msk_document_can_edit(MskDocument *document, MskMasklet *masklet);

// ---- document_measure.c ------------------------------------------------------------------------

// Measures masks that are not measured, in the background, if there are any.
void msk_document_start_measuring(MskDocument *document);
void msk_document_stop_measuring(MskDocument *document);

G_END_DECLS
