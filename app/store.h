// SPDX-License-Identifier: Apache-2.0
// MskStore: a project file (.masklet), an SQLite database written by a thread of its own.
//
// Every command is one transaction, begun as soon as it is handed over: a kill at any moment loses
// at most what was handed over in the last instant, never the file. Functions are for the main
// thread and do not block unless they say so.
#pragma once

#include "app/document.h"

G_BEGIN_DECLS

#define MSK_STORE_SCHEMA 2 // of this program; older ones are migrated, newer ones refused

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
    char *relative_path; // from the project's folder; NULL: another file system
    int64_t size;        // bytes; sequences: of all images
    char *hash;          // of content: see msk_media_ref_init()
    int width, height;
    int64_t n_frames; // -1: not yet counted
} MskMediaRef;

// Looks at the file and hashes size, first, middle and last parts (SHA-256 of at most 3 MiB).
// Blocks.
gboolean msk_media_ref_init(MskMediaRef *out, const char *path, GError **error);
void msk_media_ref_clear(MskMediaRef *ref);
MskMediaRef *msk_media_ref_copy(const MskMediaRef *ref);
void msk_media_ref_free(MskMediaRef *ref); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskMediaRef, msk_media_ref_free)
// Whether both are the same content.
gboolean msk_media_ref_matches(const MskMediaRef *a, const MskMediaRef *b);

// Makes a new project file. Blocks for a moment. An existing file is MSK_STORE_ERROR_EXISTS unless
// `replace`, which replaces it by renaming. The store keeps the file locked until it is closed.
MskStore *msk_store_create(const char *path, const MskMediaRef *media, gboolean replace,
                           GError **error);

typedef enum MskStoreFlags {
    MSK_STORE_READ_ONLY = 1 << 0, // open only to look: commands are refused by set_store's owner
} MskStoreFlags;

// Opens a project. A read-only file is MSK_STORE_ERROR_READ_ONLY unless the flag is given, a newer
// one MSK_STORE_ERROR_NEWER; an older one is migrated (a copy NAME.masklet.bak-N is kept). Blocks;
// any thread.
MskStore *msk_store_open(const char *path, MskStoreFlags flags, GError **error);

// Writes what is pending and closes the file. Blocks until then. NULL is fine.
void msk_store_close(MskStore *store);

const char *msk_store_get_path(MskStore *store); // absolute
gboolean msk_store_is_read_only(MskStore *store);
const MskMediaRef *msk_store_get_media(MskStore *store);
void msk_store_set_media(MskStore *store, const MskMediaRef *media); // relinked, counted

// What loading found: read on a worker, applied to a document on the main thread.
typedef struct MskStoreContent MskStoreContent;
// Reads and checks every value; damaged ones are left out and named in a warning. Blocks; any
// thread.
MskStoreContent *msk_store_read(MskStore *store, GError **error);
void msk_store_content_apply(MskStoreContent *content, MskDocument *document);
// One sentence a line on what could not be read; NULL: nothing.
const char *msk_store_content_get_warning(const MskStoreContent *content);
void msk_store_content_free(MskStoreContent *content);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskStoreContent, msk_store_content_free)

// ---- Writing (called by the document) ----------------------------------------------------------

// A command was made, or it was made before and has changed since (amended, merged).
void msk_store_write_command(MskStore *store, MskCommand *command);
// Commands after `id` are thrown away (an edit after undoing).
void msk_store_drop_commands_after(MskStore *store, int64_t id);
// The command was undone (values before are in force) or redone.
void msk_store_write_undo(MskStore *store, MskCommand *command);
void msk_store_write_redo(MskStore *store, MskCommand *command);

// Calls back on the main thread when all that was handed over before is on the disk.
void msk_store_flush_async(MskStore *store, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user);
gboolean msk_store_flush_finish(MskStore *store, GAsyncResult *result, GError **error);

// Called on the main thread when writing fails (disk full, file gone). What could not be written is
// kept and tried again with the next command, by msk_store_retry() or at close.
typedef void (*MskStoreFailedFunc)(MskStore *store, const GError *error, gpointer user);
void msk_store_set_failed_func(MskStore *store, MskStoreFailedFunc func, gpointer user);
void msk_store_retry(MskStore *store);

// Writes a compact copy to `path` under a temporary name and renames it. The store goes on with its
// own file.
void msk_store_copy_async(MskStore *store, const char *path, gboolean with_history,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user);
gboolean msk_store_copy_finish(MskStore *store, GAsyncResult *result, GError **error);

// Where projects live that were not saved under a name yet: $XDG_STATE_HOME/masklet/unsaved.
// g_free().
char *msk_store_dup_unsaved_folder(void);

G_END_DECLS
