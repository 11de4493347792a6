// SPDX-License-Identifier: Apache-2.0
// What the document's files share.
#pragma once

#include "app/document.h"
#include "app/masklet_private.h"

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
MskCommand *msk_document_peek_undo(MskDocument *document); // borrowed; NULL: nothing to undo
MskCommand *msk_document_peek_redo(MskDocument *document);
void msk_document_notify_history(MskDocument *document);
void msk_document_emit_closed(MskDocument *document); // document.c

// ---- document_edit.c ---------------------------------------------------------------------------

// Whether the object is in the document and not locked.
gboolean msk_document_can_edit(MskDocument *document, MskMasklet *masklet);

// ---- document_measure.c ------------------------------------------------------------------------

// Measures masks that are not measured, in the background, if there are any.
void msk_document_start_measuring(MskDocument *document);
void msk_document_stop_measuring(MskDocument *document);

G_END_DECLS
