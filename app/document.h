// SPDX-License-Identifier: Apache-2.0
// MskDocument: a clip's objects and settings, the commands that made them, and the project file.
//
// A list model of MskMasklet in the objects' order. Every edit goes through here, becomes part of a
// command, can be undone, and is handed to the store at once. Main thread only.
#pragma once

#include "app/masklet.h"

G_BEGIN_DECLS

typedef struct MskStore MskStore;

#define MSK_TYPE_DOCUMENT (msk_document_get_type())
// Signals:
//   "frames-changed" (MskMasklet *, gint64 first, gint64 last): what the masklet has on these
//   frames,
//       or whether it is stale. Once per masklet at the end of an edit, its intervals joined.
//   "setting-changed" (guint MskSetting)
//   "history-changed": what can be undone or redone
//   "closed": no command is open any more, whether it changed something or not
// Properties: "can-undo", "can-redo" (boolean), "undo-name", "redo-name" (string or NULL).
G_DECLARE_FINAL_TYPE(MskDocument, msk_document, MSK, DOCUMENT, GObject)

// An empty document of a clip with that many frames of that size.
MskDocument *msk_document_new(int width, int height, int64_t n_frames);
// The count becomes exact when the clip's index is complete.
void msk_document_set_n_frames(MskDocument *document, int64_t n_frames);
int64_t msk_document_get_n_frames(MskDocument *document);
int msk_document_get_width(MskDocument *document);
int msk_document_get_height(MskDocument *document);

// From now on every command is written to `store`, which the caller keeps alive; NULL: to nowhere.
void msk_document_set_store(MskDocument *document, MskStore *store);

// ---- Reading -----------------------------------------------------------------------------------

guint msk_document_get_n_objects(MskDocument *document);
MskMasklet *msk_document_get_object(MskDocument *document, guint index); // borrowed; NULL: none
MskMasklet *msk_document_find_object(MskDocument *document, int64_t id); // borrowed; NULL: none
int msk_document_find_index(MskDocument *document, MskMasklet *masklet); // -1: none
// The range, both included; the whole clip unless it was set.
void msk_document_get_range(MskDocument *document, int64_t *first, int64_t *last);
gboolean msk_document_has_range(MskDocument *document);
const char *msk_document_get_notes(MskDocument *document);                    // borrowed; "": none
MskValue *msk_document_get_value(MskDocument *document, const MskCell *cell); // borrowed or NULL
// Bytes of memory that prompts, strokes and masks take, about.
gsize msk_document_get_size(MskDocument *document);
// Whether masks are being measured in the background: what is absent or doubtful may still change
// (with "frames-changed"). Masks of tracking should be measured where they are made, on the
// engine's thread, by msk_mask_get_area(): then this has nothing to do.
gboolean msk_document_is_measuring(MskDocument *document);

// ---- Commands ----------------------------------------------------------------------------------

// Edits between begin and end are one command, named for the menu; pairs nest, the outermost names
// it. Every edit function is a command of its own when called outside. Nothing changed: no command.
void msk_document_begin(MskDocument *document, const char *name);
// Returns the command's id, 0 if nothing changed or an outer command is still open.
int64_t msk_document_end(MskDocument *document);
// As begin, but joins the last command if it has the same `merge_key` and is younger than a second
// or so: for sliders and the like.
void msk_document_begin_merging(MskDocument *document, const char *name, const char *merge_key);
// Edits that belong to a command made earlier: the answer to a click, frames as they are tracked.
// FALSE (and no begin) if that command was undone or thrown away. Cells that later commands changed
// keep their value; see msk_document_set_track().
gboolean msk_document_begin_amending(MskDocument *document, int64_t command);

gboolean msk_document_undo(MskDocument *document);
gboolean msk_document_redo(MskDocument *document);
// The same, but a thread does what would take long: the document is as it was until that is through
// ("history-changed"). Edits wait for it; further ones follow it.
gboolean msk_document_undo_later(MskDocument *document);
gboolean msk_document_redo_later(MskDocument *document);
gboolean msk_document_is_turning(MskDocument *document); // whether a thread is at it
// The command that edits go into now, or, where none is open, the last one that is done; 0: none.
int64_t msk_document_get_command(MskDocument *document);
// Whether a command is open: edits of somebody else would become part of it.
gboolean msk_document_is_open(MskDocument *document);
// Whether the command is done (not undone, not thrown away).
gboolean msk_document_has_command(MskDocument *document, int64_t command);

// ---- Edits -------------------------------------------------------------------------------------

// NULL name: "Object N". The colour is the next of the palette. Added at the end. Borrowed.
MskMasklet *msk_document_add_object(MskDocument *document, const char *name);
// Its cells stay where they are, out of sight, for undo. Locked objects are not removed.
void msk_document_remove_object(MskDocument *document, MskMasklet *masklet);
// All that it has, after it, as "NAME 2". Borrowed. Long ones take a while, which the other one
// leaves to a thread: it is one command named `name`, the copies are the objects as they were when
// it was called, and finish() returns a container of them (references).
MskMasklet *msk_document_duplicate_object(MskDocument *document, MskMasklet *masklet);
void msk_document_duplicate_objects_async(MskDocument *document, MskMasklet *const *masklets,
                                          guint n, const char *name, GAsyncReadyCallback callback,
                                          gpointer user);
GPtrArray *msk_document_duplicate_objects_finish(MskDocument *document, GAsyncResult *result);
// The first one becomes the union of all, frame by frame; the others go. Keyframes of any become
// painted keyframes; frames between stay up to date where all were. FALSE, and nothing is done,
// with less than two objects or with a locked one. Making the unions takes milliseconds a frame:
// this one blocks; the other makes them on a thread, and ends with an error if it could not be
// done.
gboolean msk_document_merge_objects(MskDocument *document, MskMasklet *const *masklets, guint n);
void msk_document_merge_objects_async(MskDocument *document, MskMasklet *const *masklets, guint n,
                                      const char *name, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user);
gboolean msk_document_merge_objects_finish(MskDocument *document, GAsyncResult *result,
                                           GError **error);
// To that place in the list, counted as if it had been taken out before.
void msk_document_move_object(MskDocument *document, MskMasklet *masklet, guint index);
// Works on locked objects too: this is how they are unlocked.
void msk_document_set_info(MskDocument *document, MskMasklet *masklet, const MskObjectInfo *info);

// The following do nothing on locked objects and on frames of a locked span, and return FALSE.
// NULL removes. Removing a frame's prompt removes its answer too unless it is painted; what was
// tracked stays. A prompt on a tracked frame is not answered while its result's source is not 0.
gboolean msk_document_set_prompt(MskDocument *document, MskMasklet *masklet, int64_t frame,
                                 const MskPrompt *prompt);
// `add` and `remove` as BITS; both NULL removes the strokes.
gboolean msk_document_set_paint(MskDocument *document, MskMasklet *masklet, int64_t frame,
                                MskMask *add, MskMask *remove);
// A result. `source` as in MskTrackValue. While amending, FALSE if a later command changed the
// cell.
gboolean msk_document_set_track(MskDocument *document, MskMasklet *masklet, int64_t frame,
                                MskResult *result, guint64 source, float agreement);
// The answer to the prompt that the frame has: set_track() with source 0, on locked frames and
// objects too, whose prompt is older than the lock. FALSE also without a prompt.
gboolean msk_document_set_answer(MskDocument *document, MskMasklet *masklet, int64_t frame,
                                 MskResult *result);
// Removes prompts and strokes (clear the frame), or all of the object's, with what was tracked
// kept.
void msk_document_clear_frame(MskDocument *document, MskMasklet *masklet, int64_t frame);
void msk_document_clear_object(MskDocument *document, MskMasklet *masklet);
// A keyframe moved or copied to another frame, replacing what is there. The prompt and strokes go
// along, the result does not: it must be asked for again.
gboolean msk_document_move_keyframe(MskDocument *document, MskMasklet *masklet, int64_t from,
                                    int64_t to, gboolean copy);
void msk_document_lock(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last);
void msk_document_unlock(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last);
void msk_document_set_range(MskDocument *document, int64_t first, int64_t last);
void msk_document_clear_range(MskDocument *document);
void msk_document_set_notes(MskDocument *document, const char *notes); // NULL, "": none

// ---- For the store -----------------------------------------------------------------------------

// A document that is made by another thread, up to msk_document_loaded(). It is for the main thread
// from msk_document_hand_over() on, which costs next to nothing.
MskDocument *msk_document_new_in_making(int width, int height, int64_t n_frames);
void msk_document_hand_over(MskDocument *document);
// Puts a value into a cell with no command and no signal: while a project is loaded.
void msk_document_load_value(MskDocument *document, const MskCell *cell, MskValue *value);
// The commands of a loaded project, oldest first; the first `n_done` are done, the rest can be
// redone.
void msk_document_load_commands(MskDocument *document, GPtrArray *commands, guint n_done);
// Ends loading: builds the object list and emits what is needed.
void msk_document_loaded(MskDocument *document);
// Every cell that holds a value.
void msk_document_foreach(MskDocument *document,
                          void (*func)(const MskCell *cell, MskValue *value, gpointer user),
                          gpointer user);

G_END_DECLS
