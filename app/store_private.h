// SPDX-License-Identifier: Apache-2.0
// What store*.c share: the store itself, files and locks, schema, rows, and the queue of writing.
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "app/store.h"

G_BEGIN_DECLS

// ---- store_error.c -----------------------------------------------------------------------------

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3, sqlite3_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)

// Sets the error of what SQLite said last about the database of `path`: "\"dog.masklet\": ...".
void msk_store_set_db_error(GError **error, sqlite3 *db, const char *path);
// The same of errno; `what` says what was tried: "could not be opened".
void msk_store_set_file_error(GError **error, int code, const char *path, const char *what);
void msk_store_set_error(GError **error, MskStoreErrorCode code, const char *path,
                         const char *format, ...) G_GNUC_PRINTF(4, 5);

// ---- store_file.c ------------------------------------------------------------------------------

#define MSK_STORE_APPLICATION_ID 0x4d534b4c // "MSKL", in the header

// A project file, opened and locked against other windows and programs until it is closed. The lock
// goes with the process, however that ends.
typedef struct MskStoreFile {
    int fd; // -1: closed
    gboolean is_shared;
    gboolean is_closing; // announced
} MskStoreFile;

// Opens an existing project file: checks that it is one, is not newer, can be written (unless
// `is_shared`, which reads and lets others read), and is not in use.
gboolean msk_store_file_open(MskStoreFile *out, const char *path, gboolean is_shared,
                             GError **error);
// After SQLite has closed it: closing drops SQLite's locks.
void msk_store_file_close(MskStoreFile *file);
// It will be closed soon, whatever happens: who opens it in this process waits until then.
void msk_store_file_announce_close(MskStoreFile *file);

// Makes a temporary file for what will become `path`, in the same folder; locked. Files that ended
// programs left are removed. g_free(); NULL with an error.
char *msk_store_file_make_temporary(MskStoreFile *out, const char *path, GError **error);
// Puts the finished temporary file in place of `path`, durably; removes it on failure. Closes it.
gboolean msk_store_file_install(MskStoreFile *file, const char *temporary, const char *path,
                                gboolean replace, GError **error);
// Closes and removes it.
void msk_store_file_drop(MskStoreFile *file, const char *temporary);

// ---- store_schema.c ----------------------------------------------------------------------------

// Opens a database as this program uses it; nothing in the file is trusted.
sqlite3 *msk_store_open_db(const char *path, int flags, GError **error);
gboolean msk_store_run(sqlite3 *db, const char *path, const char *sql, GError **error);
// Makes the tables of a new, empty database.
gboolean msk_store_schema_create(sqlite3 *db, const char *path, GError **error);
// Checks that the tables are those of the version that the file says.
gboolean msk_store_schema_check(sqlite3 *db, const char *path, int *version, GError **error);
// Brings an older file to this program's version, all or nothing. With `keep`, a copy as it was is
// put beside it first.
gboolean msk_store_schema_migrate(sqlite3 *db, const char *path, int version, gboolean keep,
                                  GError **error);
guint32 msk_store_checksum(int kind, gconstpointer data, gsize size);

// ---- store_rows.c ------------------------------------------------------------------------------

typedef enum MskStoreOpKind {
    MSK_STORE_OP_COMMAND,
    MSK_STORE_OP_DROP,
    MSK_STORE_OP_UNDO,
    MSK_STORE_OP_REDO,
    MSK_STORE_OP_MEDIA,
    MSK_STORE_OP_FLUSH, // nothing to write: its task is answered when all before it is written
} MskStoreOpKind;

// What is to be written, as it was when it was handed over. Shared by reference.
typedef struct MskStoreOp MskStoreOp;
struct MskStoreOp {
    MskStoreOpKind kind;
    int64_t id;       // of the command
    char *name;       // COMMAND
    int64_t time;     // COMMAND
    GArray *changes;  // COMMAND: of MskChange, its values owned
    MskMediaRef *ref; // MEDIA
    GTask *task;      // FLUSH
};

MskStoreOp *msk_store_op_new(MskStoreOpKind kind, int64_t id);
#define msk_store_op_ref(op) ((MskStoreOp *)g_atomic_rc_box_acquire(op))
void msk_store_op_unref(MskStoreOp *op);

#define MSK_STORE_N_STATEMENTS 24

// The tables of an open database, and which value has which row. One thread at a time.
typedef struct MskStoreRows {
    sqlite3 *db;
    sqlite3_stmt *statements[MSK_STORE_N_STATEMENTS];
    GHashTable *ids;    // MskValue * (owned) -> int64_t *: its row
    GHashTable *values; // int64_t * (owned) -> MskValue *: the other way round
    int64_t next_id;
    // Of the running transaction:
    GPtrArray *added;    // of MskValue *, in `ids`: to be taken out if it fails
    GHashTable *dropped; // int64_t *: rows that may have lost their last use
} MskStoreRows;

gboolean msk_store_rows_init(MskStoreRows *rows, sqlite3 *db);
void msk_store_rows_clear(MskStoreRows *rows);
void msk_store_rows_know(MskStoreRows *rows, int64_t id, MskValue *value);
// A copy of what is known, for the copy of the database.
gboolean msk_store_rows_init_copy(MskStoreRows *rows, sqlite3 *db, const MskStoreRows *from);
// Writes the operations in one transaction; on failure nothing of them.
gboolean msk_store_rows_write(MskStoreRows *rows, const char *path, MskStoreOp *const *ops, guint n,
                              GError **error);
// Within a transaction of the caller.
gboolean msk_store_rows_put_media(MskStoreRows *rows, const MskMediaRef *ref);

// ---- The store ---------------------------------------------------------------------------------

typedef struct MskStoreCopy MskStoreCopy;

struct MskStore {
    char *path;
    MskStoreFile file;
    gboolean is_read_only;
    char *private_folder; // of a copy that a read-only file had to be read from; NULL: none
    MskMediaRef *ref;     // main thread
    GMainContext *context;

    // Locks are pthread's: the thread sanitizer sees them, GLib's it does not.
    pthread_mutex_t db_lock; // of `rows` and its database
    MskStoreRows rows;

    // The queue: store_write.c.
    GThread *thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    GQueue ops; // of MskStoreOp, oldest first; what is being written stays in it
    gboolean is_failing, must_try, is_closing, is_hushed;
    gboolean is_told_again; // the next failure, though the one before was told
    GPtrArray *moving;      // of MskStoreOp, since msk_store_begin_move(); NULL: not moving
    GQueue copies;          // of MskStoreCopy, waiting or running: store_copy.c
    int n_finishing;
    MskStoreFailedFunc failed_func;
    gpointer failed_user;
    GError *failure; // to be told
    GSource *telling;
};

// ---- store_write.c -----------------------------------------------------------------------------

void msk_store_start(MskStore *store);
// Writes what is pending and ends the thread. FALSE: what could not be written is lost.
gboolean msk_store_stop(MskStore *store);
// Nothing is told any more. Main thread.
void msk_store_hush(MskStore *store);

// ---- store_read.c ------------------------------------------------------------------------------

MskMediaRef *msk_store_load_media(sqlite3 *db);

// ---- store_copy.c, on the writing thread -------------------------------------------------------

// Goes on copying pages for a moment. TRUE: all are copied, or it failed.
gboolean msk_store_copy_step(MskStoreCopy *copy, MskStoreRows *rows);
// Ends the copy on a thread of its own, with `pending` written into it; counts store->n_finishing
// down then. With the store's lock held.
void msk_store_copy_complete(MskStoreCopy *copy, MskStore *store, GPtrArray *pending);

// ---- media_ref.c -------------------------------------------------------------------------------

// The path as seen from the project's folder; NULL: on another file system. g_free().
char *msk_media_ref_dup_relative(const char *path, const char *project);

G_END_DECLS
