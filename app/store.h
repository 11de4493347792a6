// SPDX-License-Identifier: Apache-2.0
// MskStore: a project file (.masklet), an SQLite database written by a thread of its own.
//
// Every command is written by a transaction begun as soon as it is handed over (together with those
// that came while the one before was on its way to the disk): a kill at any moment loses at most
// what was handed over in the last instant, never the file. Functions are for the main thread and
// do not block unless they say so; errors are MSK_STORE_ERROR, one sentence that names the file,
// the reason and what to do.
#pragma once

#include "app/document.h"

G_BEGIN_DECLS

#define MSK_STORE_SCHEMA 3 // of this program; older ones are migrated, newer ones refused

typedef enum MskStoreErrorCode {
    MSK_STORE_ERROR_NOT_PROJECT, // not a project file, or damaged beyond reading
    MSK_STORE_ERROR_NEWER,       // written by a newer Masklet
    MSK_STORE_ERROR_READ_ONLY,   // file or folder cannot be written
    MSK_STORE_ERROR_IN_USE,      // open in another window or program
    MSK_STORE_ERROR_FULL,        // no room on the disk
    MSK_STORE_ERROR_IO,
    MSK_STORE_ERROR_EXISTS,
} MskStoreErrorCode;
#define MSK_STORE_ERROR (msk_store_error_quark())
GQuark msk_store_error_quark(void);

// The clip that a project belongs to.
typedef struct MskMediaRef {
    char *path;          // as given when it was opened, absolute
    char *relative_path; // from the project's folder; NULL: another file system, or not wanted
    int64_t size;        // bytes; sequences: of all images
    char *hash;          // of content: see msk_media_ref_init()
    int width, height;
    int64_t n_frames; // -1: not yet counted
} MskMediaRef;

// Looks at the file and hashes size, first, middle and last parts (SHA-256 of at most 3 MiB); of a
// sequence the names and sizes of all images and the content of the first and last one. Fills path,
// size and hash; the caller adds width, height and n_frames. Blocks; any thread. Nothing to clear
// after a failure.
gboolean msk_media_ref_init(MskMediaRef *out, const char *path, GError **error);
void msk_media_ref_clear(MskMediaRef *ref);
MskMediaRef *msk_media_ref_copy(const MskMediaRef *ref);
void msk_media_ref_free(MskMediaRef *ref); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskMediaRef, msk_media_ref_free)
// Whether both are the same content.
gboolean msk_media_ref_matches(const MskMediaRef *a, const MskMediaRef *b);

// Makes a new project file in a folder that there is, under a temporary name first. Blocks for a
// moment; any thread. An existing file is MSK_STORE_ERROR_EXISTS unless `replace`, which replaces
// it by renaming. The store keeps the file locked until it is closed. A relative path to the clip
// is worked out if `media` has none.
MskStore *msk_store_create(const char *path, const MskMediaRef *media, gboolean replace,
                           GError **error);

typedef enum MskStoreFlags {
    // Open only to look and to copy: the file is not changed, whatever it needs (it may be an older
    // one, or not have been closed), and what is handed over is not written.
    MSK_STORE_READ_ONLY = 1 << 0,
} MskStoreFlags;

// Opens a project. A file or folder that cannot be written to is MSK_STORE_ERROR_READ_ONLY unless
// the flag is given, a newer file MSK_STORE_ERROR_NEWER, one that another store has open (of this
// process or another) MSK_STORE_ERROR_IN_USE; an older one is migrated (a copy NAME.masklet.bak-N
// is kept). Blocks; any thread.
MskStore *msk_store_open(const char *path, MskStoreFlags flags, GError **error);

// Writes what is pending and closes the file. Blocks until then, and until copies are complete.
// What cannot be written is lost: who wants to be told flushes before. NULL is fine.
void msk_store_close(MskStore *store);
// The same on a thread of its own; nothing is told any more. Who opens the file meanwhile waits
// until it is closed. `remove`: the file goes too. NULL is fine.
void msk_store_close_later(MskStore *store, gboolean remove);
// Blocks until all of these are closed: before the process ends. Any thread.
void msk_store_wait_closed(void);

const char *msk_store_get_path(MskStore *store); // absolute
gboolean msk_store_is_read_only(MskStore *store);
const MskMediaRef *msk_store_get_media(MskStore *store);
// Relinked, counted. For another path than before, a relative one is worked out if there is none.
void msk_store_set_media(MskStore *store, const MskMediaRef *media);

// What loading found: read on a worker, applied to a document on the main thread.
typedef struct MskStoreContent MskStoreContent;
// Reads and checks every value; damaged ones are left out and named in a warning, history is cut
// where it cannot be followed. Blocks; any thread; before anything is written.
MskStoreContent *msk_store_read(MskStore *store, GError **error);
void msk_store_content_apply(MskStoreContent *content, MskDocument *document);
// A document of it, for the main thread to take over by msk_document_hand_over(). Any thread.
MskDocument *msk_store_content_make_document(MskStoreContent *content, int width, int height,
                                             int64_t n_frames);
// One sentence a line on what could not be read; NULL: nothing.
const char *msk_store_content_get_warning(const MskStoreContent *content);
void msk_store_content_free(MskStoreContent *content);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskStoreContent, msk_store_content_free)

// ---- Writing (called by the document) ----------------------------------------------------------

// A command was made, or it was made before and has changed since (amended, merged): what is in
// command->pending, or all of it where nothing is. The caller empties `pending` then.
void msk_store_write_command(MskStore *store, MskCommand *command);
// The same for a command of very many changes, prepared by any thread; what is pending by then is
// added. write_prepared() takes it.
typedef struct MskStoreOp MskStoreWrite;
MskStoreWrite *msk_store_prepare_command(MskCommand *command);
void msk_store_write_prepared(MskStore *store, MskStoreWrite *write, MskCommand *command);
void msk_store_write_free(MskStoreWrite *write); // NULL is fine
// Commands after `id` are thrown away (an edit after undoing).
void msk_store_drop_commands_after(MskStore *store, int64_t id);
// The command was undone (values before are in force) or redone.
void msk_store_write_undo(MskStore *store, MskCommand *command);
void msk_store_write_redo(MskStore *store, MskCommand *command);

// Calls back on the main thread when all that was handed over before is on the disk, or failed to
// be written; it was tried once more then.
void msk_store_flush_async(MskStore *store, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user);
gboolean msk_store_flush_finish(MskStore *store, GAsyncResult *result, GError **error);

// Called on the main thread when writing fails (disk full, file gone). What could not be written is
// kept and tried again with the next command, by msk_store_retry() or at close. Told once for a row
// of failures, and again after msk_store_retry().
typedef void (*MskStoreFailedFunc)(MskStore *store, const GError *error, gpointer user);
void msk_store_set_failed_func(MskStore *store, MskStoreFailedFunc func, gpointer user);
void msk_store_retry(MskStore *store);

// Writes a compact copy to `path` under a temporary name and renames it; an existing file is
// replaced, unless it is in use. The copy has all that was handed over before, also what could not
// be written to the store's own file, and a relative path to the clip for its own folder. The store
// goes on with its own file, and edits can go on meanwhile.
void msk_store_copy_async(MskStore *store, const char *path, gboolean with_history,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user);
gboolean msk_store_copy_finish(MskStore *store, GAsyncResult *result, GError **error);
// For going on with a copy: from now on what is handed over is kept besides, until it is handed to
// the store of the copy too. NULL as `to`: it is not needed any more.
void msk_store_begin_move(MskStore *store);
void msk_store_end_move(MskStore *store, MskStore *to);
// Whether all that was handed over is on the disk.
gboolean msk_store_is_written(MskStore *store);

// Blocks until the copy is there; any thread.
gboolean msk_store_copy(MskStore *store, const char *path, gboolean with_history, GError **error);

// ---- Unsaved projects (store_unsaved.c) --------------------------------------------------------

// Where projects live that were not saved under a name yet: $XDG_STATE_HOME/masklet/unsaved.
// g_free().
char *msk_store_dup_unsaved_folder(void);
gboolean msk_store_is_unsaved_path(const char *path); // whether it is in there

typedef struct MskUnsaved {
    char *path;        // of the project
    char *clip;        // path of its clip; NULL: not known
    gboolean has_clip; // it is where it was
    int n_objects;
    int64_t changed; // last edit, microseconds since 1970
    char *problem;   // why it cannot be opened; NULL: it can
} MskUnsaved;
void msk_unsaved_free(MskUnsaved *unsaved); // NULL is fine

// The following block; any thread.
// Unsaved projects that nobody has open, of MskUnsaved, the one edited last first. Those in which
// nothing was ever done go.
GPtrArray *msk_store_list_unsaved(void);
// Moves one to a name of the user's; an existing file is replaced. It stays where this fails.
gboolean msk_store_keep_unsaved(const char *path, const char *target, GError **error);
// Deletes it for good. One that is open is MSK_STORE_ERROR_IN_USE.
gboolean msk_store_discard_unsaved(const char *path, GError **error);

G_END_DECLS
