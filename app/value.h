// SPDX-License-Identifier: Apache-2.0
// What a document consists of: cells that hold immutable values, and the changes made to them.
//
// A cell is a place in the document: an object's properties, its prompt on frame 12, the range. It
// holds a value or nothing. Every edit is a command, a list of changes of cells; undo puts the
// values before back, the store writes the values after. Values may be read by any thread.
#pragma once

#include "app/engine.h"
#include "app/mask.h"
#include "app/matte.h"
#include "app/prompt.h"

G_BEGIN_DECLS

typedef enum MskCellKind { // stored in project files: numbers never change
    MSK_CELL_SETTING = 1,  // of the document; MskCell.frame is the MskSetting
    MSK_CELL_OBJECT = 2,   // an object's properties; nothing there: no such object
    MSK_CELL_LOCKS = 3,    // an object's locked spans
    MSK_CELL_PROMPT = 4,   // an object's prompt on a frame
    MSK_CELL_PAINT = 5,    // its brush strokes on a frame
    MSK_CELL_RESULT = 6,   // its mask on a frame, from a prompt or from tracking
} MskCellKind;

typedef enum MskSetting {  // stored in project files: numbers never change
    MSK_SETTING_RANGE = 1, // (xx): first and last frame, both included
    MSK_SETTING_NOTES = 2, // s: free text of the user
} MskSetting;

typedef struct MskCell {
    MskCellKind kind;
    int64_t object; // id, from 1; 0 for settings
    int64_t frame;  // of kinds PROMPT, PAINT, RESULT; the MskSetting; else 0
} MskCell;

guint msk_cell_hash(gconstpointer cell);
gboolean msk_cell_equal(gconstpointer a, gconstpointer b);

// ---- Values ------------------------------------------------------------------------------------

typedef struct MskObjectInfo {
    char *name;       // UTF-8, not empty
    char *label;      // class label, UTF-8, may be empty
    guint32 colour;   // 0xRRGGBB
    gboolean visible; // drawn, and exported
    gboolean locked;  // nothing edits it
    double
        position; // order in the list, ascending; the first one wins where ids exclude each other
    MskMatteParams matte;
} MskObjectInfo;

// Brush strokes of one frame, on top of the result: (result or add) and not remove.
typedef struct MskPaint {
    MskMask *add, *remove; // BITS at frame size; either may be NULL, not both
} MskPaint;

// Closed intervals of frames, ascending, apart by at least one frame.
typedef struct MskInterval {
    int64_t first, last;
} MskInterval;

typedef struct MskTrackValue {
    MskResult *result;
    // What it was tracked from: msk_masklet_get_source() of then. 0: from the frame's own prompt.
    guint64 source;
    // IoU with the mask that tracking from the other side gave; -1: not known.
    float agreement;
} MskTrackValue;

typedef struct MskValue {
    int n_refs; // atomic
    MskCellKind kind;
    union {
        GVariant *setting;    // SETTING
        MskObjectInfo object; // OBJECT
        GArray *locks;        // LOCKS: of MskInterval
        MskPrompt *prompt;    // PROMPT; mask prompts carry their pixels, never a path
        MskPaint paint;       // PAINT
        MskTrackValue track;  // RESULT
    };
} MskValue;

// Each returns a new reference. Data is copied (masks and results are referenced).
MskValue *msk_value_new_setting(GVariant *setting); // sinks it
MskValue *msk_value_new_object(const MskObjectInfo *info);
MskValue *msk_value_new_locks(const MskInterval *intervals, guint n);
MskValue *msk_value_new_prompt(const MskPrompt *prompt); // without a path
MskValue *msk_value_new_paint(MskMask *add, MskMask *remove);
MskValue *msk_value_new_track(MskResult *result, guint64 source, float agreement);
MskValue *msk_value_ref(MskValue *value);
void msk_value_unref(MskValue *value); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskValue, msk_value_unref)
// Same content; NULLs allowed.
gboolean msk_value_equal(const MskValue *a, const MskValue *b);
// Bytes of memory held, about.
gsize msk_value_get_size(const MskValue *value);

// As bytes, the same on every machine; and back. Every field is checked: MSK_VALUE_ERROR says what
// is damaged. Decoding never allocates much more than the bytes can mean.
GBytes *msk_value_encode(const MskValue *value);
MskValue *msk_value_decode(MskCellKind kind, GBytes *bytes, GError **error);
typedef enum MskValueErrorCode { MSK_VALUE_ERROR_DAMAGED } MskValueErrorCode;
#define MSK_VALUE_ERROR (msk_value_error_quark())
GQuark msk_value_error_quark(void);

// A 64-bit content hash of a mask, never 0, the same in every run and on every machine.
guint64 msk_value_hash_mask(const MskMask *mask);

// ---- Changes -----------------------------------------------------------------------------------

typedef struct MskChange {
    MskCell cell;
    MskValue *before, *after; // NULL: nothing
} MskChange;

// An edit as the user knows it. Immutable once it is committed, but for amending (document.h).
typedef struct MskCommand {
    int n_refs;         // atomic
    int64_t id;         // ascending within a document
    char *name;         // for the menu: "Add point"
    int64_t time;       // of the edit, microseconds since 1970
    GPtrArray *changes; // of MskChange *, owned; a cell occurs once
    // Of MskChange *, in `changes`: those that were added or altered since the store was handed the
    // command last, so that a frame of a long track costs no more than a frame. May have repeats.
    GPtrArray *pending;
    GHashTable *index; // of value.c
} MskCommand;

MskCommand *msk_command_new(int64_t id, const char *name);
MskCommand *msk_command_ref(MskCommand *command);
void msk_command_unref(MskCommand *command); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskCommand, msk_command_unref)
// Adds a change, or, where the cell was changed before, replaces its value after.
void msk_command_add(MskCommand *command, const MskCell *cell, MskValue *before, MskValue *after);
// The command's change of the cell; NULL: it did not change it. O(1).
MskChange *msk_command_find(MskCommand *command, const MskCell *cell);
void msk_command_forget_pending(MskCommand *command);
// What was in force before the change is this now; NULL: nothing.
void msk_command_take_before(MskCommand *command, MskChange *change, MskValue *before);
// As unref(); a thread frees what takes long.
void msk_command_unref_later(MskCommand *command);

G_END_DECLS
