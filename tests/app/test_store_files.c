// SPDX-License-Identifier: Apache-2.0
// Project files that cannot be opened, or not just like that: in use, read-only, older, newer,
// damaged, or something else.
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/store_private.h"
#include "tests/app/store_fixture.h"
#include "tests/app/values.h"
#include "tests/support/check.h"

static const char *self_path;

// ---- Another process ---------------------------------------------------------------------------

// What it says with an exit status: 0 opened, else 1 + MskStoreErrorCode.
static int open_here(const char *path, MskStoreFlags flags)
{
    g_autoptr(GError) error = NULL;
    MskStore *store = msk_store_open(path, flags, &error);
    g_autoptr(MskStoreContent) content = store ? msk_store_read(store, &error) : NULL;
    int code = content ? 0 : 1 + error->code;
    msk_store_close(store);
    return code;
}

// As a user who may do nothing special.
static void become_nobody(gpointer user)
{
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        _exit(99);
}

static int run_other(const char *command, const char *path, gboolean as_nobody)
{
    const char *argv[] = {self_path, command, path, NULL};
    int status = -1;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, 0, as_nobody ? become_nobody : NULL, NULL, NULL,
                      NULL, &status, NULL) ||
        !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

#define REFUSED(code) (1 + MSK_STORE_ERROR_##code)

// ---- Files -------------------------------------------------------------------------------------

static void make_project(const char *folder, const char *path, MskDocument **out)
{
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(GRand) rand = g_rand_new_with_seed(31);
    MskDocument *document = make_document();
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    msk_document_set_store(document, store);
    for (int i = 0; i < 150; i++)
        edit_document(document, rand);
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    if (out)
        *out = document;
    else
        g_object_unref(document);
}

static void copy_file(const char *from, const char *to)
{
    g_autofree char *data = NULL;
    gsize size;
    if (g_file_get_contents(from, &data, &size, NULL))
        CHECK(g_file_set_contents(to, data, (gssize)size, NULL));
}

static gboolean refuses(const char *path, MskStoreErrorCode code, const char *words)
{
    g_autoptr(GError) error = NULL;
    MskStore *store = msk_store_open(path, 0, &error);
    g_autofree char *name = g_path_get_basename(path);
    gboolean is_refused = !store && g_error_matches(error, MSK_STORE_ERROR, (int)code) &&
                          strstr(error->message, words) && strstr(error->message, name);
    if (!is_refused)
        printf("%s: %s\n", path, error ? error->message : "opened");
    msk_store_close(store);
    return is_refused;
}

static void test_not_projects(const char *folder)
{
    g_autofree char *path = path_in(folder, "no.masklet");
    g_autofree char *project = path_in(folder, "yes.masklet");
    CHECK(refuses(path, MSK_STORE_ERROR_IO, "no such file"));
    CHECK(refuses(folder, MSK_STORE_ERROR_NOT_PROJECT, "folder"));
    g_file_set_contents(path, "", 0, NULL);
    CHECK(refuses(path, MSK_STORE_ERROR_NOT_PROJECT, "empty"));
    g_file_set_contents(path, "hello, I am a text", -1, NULL);
    CHECK(refuses(path, MSK_STORE_ERROR_NOT_PROJECT, "not a Masklet project"));
    g_unlink(path);
    CHECK(mkfifo(path, 0666) == 0); // must not wait for a writer
    CHECK(refuses(path, MSK_STORE_ERROR_NOT_PROJECT, "device"));
    g_unlink(path);
    // Another program's database, left as it was.
    CHECK(change_file(path, "CREATE TABLE cell(a); INSERT INTO cell VALUES(7)"));
    CHECK(refuses(path, MSK_STORE_ERROR_NOT_PROJECT, "not a Masklet project"));
    CHECK(ask_file(path, "SELECT a FROM cell") == 7);
    // One that only says it is a project.
    CHECK(change_file(path, "PRAGMA application_id = 0x4d534b4c; PRAGMA user_version = 2"));
    CHECK(refuses(path, MSK_STORE_ERROR_NOT_PROJECT, "tables"));
    CHECK(change_file(path, "PRAGMA user_version = 0"));
    CHECK(refuses(path, MSK_STORE_ERROR_NOT_PROJECT, "tables"));
    // A project with something added that would run by itself.
    make_project(folder, project, NULL);
    CHECK(open_here(project, 0) == 0);
    CHECK(
        change_file(project, "CREATE TRIGGER t AFTER INSERT ON cell BEGIN DELETE FROM value; END"));
    CHECK(refuses(project, MSK_STORE_ERROR_NOT_PROJECT, "tables"));
    // Newer.
    make_project(folder, project, NULL);
    CHECK(change_file(project, "PRAGMA user_version = 4; ALTER TABLE cell ADD COLUMN more"));
    CHECK(refuses(project, MSK_STORE_ERROR_NEWER, "newer"));
    CHECK(ask_file(project, "PRAGMA user_version") == 4);
    // Cut off.
    make_project(folder, project, NULL);
    GStatBuf status;
    CHECK(g_stat(project, &status) == 0 && truncate(project, status.st_size / 2) == 0);
    CHECK(refuses(project, MSK_STORE_ERROR_NOT_PROJECT, "damaged"));
    CHECK(truncate(project, 50) == 0);
    CHECK(refuses(project, MSK_STORE_ERROR_NOT_PROJECT, "not a Masklet project"));
    g_unlink(path);
    g_unlink(project);
    end_group("what is not a project");
}

static void test_in_use(const char *folder)
{
    g_autofree char *path = path_in(folder, "used.masklet");
    g_autofree char *link = path_in(folder, "link.masklet");
    g_autofree char *log = g_strconcat(path, "-wal", NULL);
    g_autoptr(MskDocument) document = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    g_autoptr(GError) error = NULL;
    make_project(folder, path, &document);
    CHECK(symlink("used.masklet", link) == 0);

    MskStore *store = msk_store_open(path, 0, NULL);
    msk_document_set_store(document, store);
    CHECK(run_other("open", path, FALSE) == REFUSED(IN_USE));
    CHECK(refuses(path, MSK_STORE_ERROR_IN_USE, "another window"));
    CHECK(refuses(link, MSK_STORE_ERROR_IN_USE, "another window"));
    CHECK(open_here(path, MSK_STORE_READ_ONLY) == REFUSED(IN_USE));
    // Having tried has not unlocked it, nor has reading it by other means.
    g_autofree char *data = NULL;
    CHECK(g_file_get_contents(path, &data, NULL, NULL));
    CHECK(run_other("open", path, FALSE) == REFUSED(IN_USE));
    CHECK(run_other("look", path, FALSE) == REFUSED(IN_USE));
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    CHECK(!msk_store_create(path, ref, TRUE, &error));
    CHECK(g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_IN_USE));
    for (int i = 0; i < 20; i++)
        edit_document(document, rand);
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    CHECK(run_other("open", link, FALSE) == 0);
    g_autoptr(MskDocument) loaded = load_document(link, NULL, NULL, NULL);
    CHECK(loaded && same_history(document, loaded));

    // Two that only look go together, and keep out who would write.
    MskStore *first = msk_store_open(path, MSK_STORE_READ_ONLY, NULL);
    MskStore *second = msk_store_open(path, MSK_STORE_READ_ONLY, NULL);
    CHECK(first && second && run_other("look", path, FALSE) == 0);
    CHECK(run_other("open", path, FALSE) == REFUSED(IN_USE));
    CHECK(refuses(path, MSK_STORE_ERROR_IN_USE, "another window"));
    msk_store_close(first);
    CHECK(refuses(path, MSK_STORE_ERROR_IN_USE, "another window"));
    msk_store_close(second);
    CHECK(run_other("open", path, FALSE) == 0);

    // Killed with the file open: free again at once, edits and all.
    const char *argv[] = {self_path, "hold", path, NULL};
    GPid pid;
    int out, status;
    char byte;
    CHECK(g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                   &pid, NULL, &out, NULL, NULL));
    CHECK(read(out, &byte, 1) == 1 && g_file_test(log, G_FILE_TEST_EXISTS));
    CHECK(refuses(path, MSK_STORE_ERROR_IN_USE, "another window"));
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    close(out);
    CHECK(g_file_test(log, G_FILE_TEST_EXISTS));
    CHECK(run_other("look", path, FALSE) == 0 && g_file_test(log, G_FILE_TEST_EXISTS));
    g_autoptr(MskDocument) held = load_document(path, NULL, NULL, &error);
    CHECK(held && msk_document_get_n_objects(held) > 0 && !g_file_test(log, G_FILE_TEST_EXISTS));
    end_group("a project in use");
}

static void test_read_only(const char *folder)
{
    g_autofree char *place = path_in(folder, "shelf");
    g_autofree char *path = path_in(place, "kept.masklet");
    g_autofree char *log = g_strconcat(path, "-wal", NULL);
    g_autofree char *live = path_in(folder, "live.masklet");
    g_autofree char *live_log = g_strconcat(live, "-wal", NULL);
    g_autofree char *copy = path_in(folder, "kept-copy.masklet");
    g_autoptr(MskDocument) document = NULL;
    g_autoptr(GError) error = NULL;
    CHECK(g_mkdir(place, 0777) == 0 && g_chmod(place, 0777) == 0 && g_chmod(folder, 0755) == 0);
    make_project(folder, path, &document);
    CHECK(g_chmod(path, 0444) == 0);
    CHECK(run_other("open", path, TRUE) == REFUSED(READ_ONLY));
    CHECK(run_other("look", path, TRUE) == 0);
    CHECK(g_chmod(path, 0666) == 0 && g_chmod(place, 0555) == 0);
    CHECK(run_other("open", path, TRUE) == REFUSED(READ_ONLY));
    CHECK(run_other("look", path, TRUE) == 0);
    CHECK(run_other("create", path, TRUE) == REFUSED(READ_ONLY));
    CHECK(g_chmod(path, 0) == 0);
    CHECK(run_other("look", path, TRUE) == REFUSED(IO));
    CHECK(run_other("open", path, TRUE) == REFUSED(IO));
    CHECK(g_chmod(path, 0666) == 0 && g_chmod(place, 0777) == 0);
    CHECK(run_other("open", path, TRUE) == 0);

    // Not written to, whatever is handed over; but copied.
    g_autofree char *before = NULL, *after = NULL;
    gsize before_size, after_size;
    g_file_get_contents(path, &before, &before_size, NULL);
    MskStore *store = msk_store_open(path, MSK_STORE_READ_ONLY, NULL);
    CHECK(msk_store_is_read_only(store));
    g_autoptr(MskStoreContent) content = msk_store_read(store, NULL);
    g_autoptr(MskDocument) loaded = make_document();
    msk_store_content_apply(content, loaded);
    CHECK(same_document(document, loaded));
    msk_document_set_store(loaded, store);
    msk_document_add_object(loaded, "not kept");
    msk_document_undo(loaded);
    CHECK(flush_store(store, NULL) && copy_store(store, copy, TRUE, &error));
    msk_document_set_store(loaded, NULL);
    msk_store_close(store);
    g_file_get_contents(path, &after, &after_size, NULL);
    CHECK(before_size == after_size && memcmp(before, after, after_size) == 0);
    g_autoptr(MskDocument) copied = load_document(copy, NULL, NULL, NULL);
    CHECK(copied && same_history(document, copied));

    // One that was not closed: what its log holds is seen, and nothing is touched.
    g_autoptr(MskDocument) edited = load_document(copy, NULL, NULL, NULL);
    CHECK(copy_store((store = msk_store_open(copy, 0, NULL)), live, TRUE, NULL));
    msk_store_close(store);
    store = msk_store_open(live, 0, NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);
    msk_document_set_store(edited, store);
    for (int i = 0; i < 30; i++)
        edit_document(edited, rand);
    CHECK(flush_store(store, NULL));
    copy_file(live, path);
    copy_file(live_log, log);
    msk_document_set_store(edited, NULL);
    msk_store_close(store);
    CHECK(g_file_test(log, G_FILE_TEST_EXISTS));
    CHECK(g_chmod(place, 0555) == 0 && run_other("look", path, TRUE) == 0);
    CHECK(g_chmod(place, 0777) == 0);
    store = msk_store_open(path, MSK_STORE_READ_ONLY, NULL);
    g_autoptr(MskStoreContent) live_content = msk_store_read(store, NULL);
    g_autoptr(MskDocument) seen = make_document();
    msk_store_content_apply(live_content, seen);
    CHECK(same_history(edited, seen) && g_file_test(log, G_FILE_TEST_EXISTS));
    msk_store_close(store);

    // A copy in its place takes nothing of its log.
    store = msk_store_open(copy, 0, NULL);
    CHECK(copy_store(store, path, TRUE, NULL) && !g_file_test(log, G_FILE_TEST_EXISTS));
    msk_store_close(store);
    g_autoptr(MskDocument) replaced = load_document(path, NULL, NULL, NULL);
    CHECK(replaced && same_history(document, replaced));
    // Nor does a new one where only the log of a lost one lies.
    copy_file(path, log);
    g_unlink(path);
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    msk_store_close(msk_store_create(path, ref, FALSE, NULL));
    CHECK(ask_file(path, "SELECT count(*) FROM cell") == 0);
    end_group("read-only projects");
}

// A project as version 1 of the program wrote it: no history, no checksums, results without
// agreement, masks without measures.
static const char version_1[] =
    "CREATE TABLE project(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE value(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE cell(kind INTEGER NOT NULL, object INTEGER NOT NULL, frame INTEGER NOT NULL,"
    " value INTEGER NOT NULL REFERENCES value(id), PRIMARY KEY(kind, object, frame)) WITHOUT ROWID;"
    "INSERT INTO project VALUES('media-path', x'2f636c6970732f646f672e6d7034'),"
    " ('media-hash', x'616263'), ('media-size', 4711), ('media-width', 16), ('media-height', 12),"
    " ('media-frames', 10);"
    "INSERT INTO value VALUES"
    "(1, 2, "
    "x'010203000000646f6706000000616e696d616c009fe60001000000000000f83f000000000000000000000000"
    "0000000000000000000000000000000000000040'),"
    "(2, 4, x'01040300000000000000020000000000f0400000a840010000803f00000040000000'),"
    "(3, 1, x'010104000000287878291000000002000000000000000900000000000000'),"
    "(4, 5, "
    "x'0105012b0000004d534b4d01010000100000000c0000000000000000000000000000000700000023060a060a"
    "0677bb74ecdd'),"
    "(5, 6, "
    "x'010603000000000000000000000000000000000090400000403f370000004d534b4d01000000100000000c00"
    "000004000400000000000400040013000000789c736600821c8629200a48e6000010400244e7d58250040000000"
    "11b00000078016360c00f16808083030403990740c0c10182814c00258f128102000000010000003f0000a0bf'),"
    "(6, 6, "
    "x'010604000000000000008877665544332211000020400000003f370000004d534b4d01000000100000000c00"
    "000004000400000000000400040013000000789c736600821c8629200a48e6000010400244e7d58250040000000"
    "00000000000'),"
    "(7, 6, x'00');"
    "INSERT INTO cell VALUES(2, 1, 0, 1), (4, 1, 3, 2), (1, 0, 1, 3), (5, 1, 7, 4), (6, 1, 3, 5),"
    " (6, 1, 4, 6), (6, 1, 8, 7);"
    "PRAGMA application_id = 0x4d534b4c; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;";

static void check_version_1(MskDocument *document)
{
    MskMasklet *masklet = msk_document_get_object(document, 0);
    MskFrameState state;
    int64_t first, last;
    CHECK(msk_document_get_n_objects(document) == 1);
    const MskObjectInfo *info = msk_masklet_get_info(masklet);
    CHECK(strcmp(info->name, "dog") == 0 && strcmp(info->label, "animal") == 0);
    CHECK(info->colour == 0xe69f00 && info->visible && !info->locked && info->position == 1.5);
    CHECK(info->matte.feather == 2);
    msk_document_get_range(document, &first, &last);
    CHECK(first == 2 && last == 9);
    msk_masklet_get_frame(masklet, 3, &state);
    CHECK(state.prompt && state.prompt->labels->len == 2);
    CHECK(g_array_index(state.prompt->points, float, 1) == 5.25f);
    CHECK(state.track && state.track->agreement == -1 && state.track->source == 0);
    CHECK(state.track->result->low_logits[5] == 3.0f && state.track->result->grid == 4);
    CHECK(state.track->result->low_logits[0] == -5.0f && state.track->result->iou == 0.75f);
    CHECK(state.track->result->n_pointer == 2 && state.track->result->pointer[1] == -1.25f);
    CHECK(msk_mask_get_area(state.track->result->mask) == 32);
    msk_masklet_get_frame(masklet, 4, &state);
    CHECK(state.track && state.track->source == G_GUINT64_CONSTANT(0x1122334455667788));
    CHECK(state.track->result->object_score == 2.5f && state.track->agreement == -1);
    msk_masklet_get_frame(masklet, 7, &state);
    CHECK(state.paint && msk_mask_get_area(state.paint->add) == 18 && !state.paint->remove);
    CHECK(!msk_document_undo(document));
}

static void test_migration(const char *folder)
{
    g_autofree char *path = path_in(folder, "old.masklet");
    g_autofree char *kept = path_in(folder, "old.masklet.bak-1");
    g_autofree char *warning = NULL;
    g_autoptr(GError) error = NULL;
    CHECK(change_file(path, version_1));
    // Looked at: it stays as it is.
    MskStore *store = msk_store_open(path, MSK_STORE_READ_ONLY, &error);
    g_autoptr(MskStoreContent) content = msk_store_read(store, &error);
    g_autoptr(MskDocument) seen = msk_document_new(16, 12, 10);
    msk_store_content_apply(content, seen);
    check_version_1(seen);
    msk_store_close(store);
    CHECK(ask_file(path, "PRAGMA user_version") == 1 && !g_file_test(kept, G_FILE_TEST_EXISTS));

    store = msk_store_open(path, 0, &error);
    CHECK(store && msk_store_get_media(store)->n_frames == 10);
    CHECK(strcmp(msk_store_get_media(store)->path, "/clips/dog.mp4") == 0);
    g_autoptr(MskStoreContent) moved = msk_store_read(store, &error);
    warning = g_strdup(msk_store_content_get_warning(moved));
    CHECK(warning && strstr(warning, "\"dog\", frame 8: the mask is damaged"));
    g_autoptr(MskDocument) document = msk_document_new(16, 12, 10);
    msk_store_content_apply(moved, document);
    check_version_1(document);
    // It is a full project now: edits, history and all.
    msk_document_set_store(document, store);
    msk_document_set_range(document, 1, 4);
    msk_document_remove_object(document, msk_document_get_object(document, 0));
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    CHECK(ask_file(path, "PRAGMA user_version") == MSK_STORE_SCHEMA);
    CHECK(ask_file(path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1);
    CHECK(ask_file(path, "SELECT count(*) FROM pragma_foreign_key_check") == 0);
    CHECK(ask_file(path, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'old%'") == 0);
    store = msk_store_open(path, 0, &error);
    g_autoptr(MskStoreContent) again = msk_store_read(store, &error);
    g_autoptr(MskDocument) reopened = msk_document_new(16, 12, 10);
    msk_store_content_apply(again, reopened);
    CHECK(msk_document_get_n_objects(reopened) == 0 && msk_document_undo(reopened) &&
          msk_document_undo(reopened));
    check_version_1(reopened);
    msk_store_close(store);

    // The copy that was kept is what it was, and opens as well.
    CHECK(ask_file(kept, "PRAGMA user_version") == 1);
    CHECK(ask_file(kept, "PRAGMA application_id") == 0x4d534b4c);
    CHECK(ask_file(kept, "SELECT count(*) FROM value") == 7);
    CHECK(open_here(kept, 0) == 0);

    // Where there is no room for a copy beside it, the file is left alone.
    g_autofree char *shelf = path_in(folder, "old-shelf");
    g_autofree char *stuck = path_in(shelf, "old.masklet");
    g_autofree char *blocked = path_in(shelf, "old.masklet.bak-1");
    CHECK(g_mkdir(shelf, 0777) == 0 && g_mkdir(blocked, 0777) == 0);
    CHECK(change_file(stuck, version_1));
    CHECK(open_here(stuck, 0) != 0 && ask_file(stuck, "PRAGMA user_version") == 1);
    end_group("a project of version 1");
}

// Makes the file what version 2 of the program would have written: results without their model.
static void make_version_2(const char *path)
{
    g_autoptr(sqlite3) db = NULL;
    g_autoptr(sqlite3_stmt) read = NULL, write = NULL;
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    sqlite3_prepare_v2(db, "SELECT id, kind, data FROM value", -1, &read, NULL);
    sqlite3_prepare_v2(db, "UPDATE value SET data = ?, checksum = ? WHERE id = ?", -1, &write,
                       NULL);
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    while (sqlite3_step(read) == SQLITE_ROW) {
        const int kind = sqlite3_column_int(read, 1);
        const int size = sqlite3_column_bytes(read, 2) - (kind == MSK_CELL_RESULT ? 9 : 0);
        g_autofree guint8 *data = g_memdup2(sqlite3_column_blob(read, 2), (gsize)size);
        CHECK(data[0] == 3);
        data[0] = 2;
        sqlite3_bind_blob(write, 1, data, size, SQLITE_TRANSIENT);
        sqlite3_bind_int64(write, 2, msk_store_checksum(kind, data, (gsize)size));
        sqlite3_bind_int64(write, 3, sqlite3_column_int64(read, 0));
        CHECK(sqlite3_step(write) == SQLITE_DONE);
        sqlite3_reset(write);
    }
    sqlite3_exec(db, "COMMIT; PRAGMA user_version = 2", NULL, NULL, NULL);
}

typedef struct Compared {
    MskDocument *other;
    int n_results, n_others, n_wrong;
} Compared;

// What version 2 knew is the same; what it did not know is unknown.
static void compare_cb(const MskCell *cell, MskValue *value, gpointer user)
{
    Compared *compared = user;
    const MskValue *other = msk_document_get_value(compared->other, cell);
    if (cell->kind != MSK_CELL_RESULT) {
        compared->n_others++;
        compared->n_wrong += !msk_value_equal(value, other);
        return;
    }
    compared->n_results++;
    const MskResult *a = value->track.result, *b = other ? other->track.result : NULL;
    compared->n_wrong += !b || value->track.source != other->track.source ||
                         value->track.agreement != other->track.agreement || a->iou != b->iou ||
                         !msk_mask_equal(a->mask, b->mask) || !a->pointer != !b->pointer ||
                         b->model != 0 || !b->from_mask;
}

static gboolean same_but_models(MskDocument *document, MskDocument *migrated, int at_least)
{
    Compared compared = {.other = migrated};
    msk_document_foreach(document, compare_cb, &compared);
    return compared.n_wrong == 0 && compared.n_results >= at_least && compared.n_others >= at_least;
}

static void test_migration_2(const char *folder)
{
    g_autofree char *path = path_in(folder, "second.masklet");
    g_autofree char *kept = path_in(folder, "second.masklet.bak-2");
    g_autofree char *warning = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(MskDocument) document = NULL;
    make_project(folder, path, &document);
    make_version_2(path);
    const int64_t n_values = ask_file(path, "SELECT count(*) FROM value");

    MskStore *store = NULL;
    g_autoptr(MskDocument) migrated = load_document(path, &store, &warning, &error);
    CHECK(migrated && !warning && same_but_models(document, migrated, 4));
    // Its history too, step by step.
    for (gboolean more = TRUE; more;) {
        more = msk_document_undo(document);
        CHECK(msk_document_undo(migrated) == more);
    }
    for (gboolean more = TRUE; more;) {
        more = msk_document_redo(document);
        CHECK(msk_document_redo(migrated) == more && same_but_models(document, migrated, 0));
    }
    // It is worked on as any other.
    g_autoptr(GRand) rand = g_rand_new_with_seed(32);
    msk_document_set_store(migrated, store);
    for (int i = 0; i < 40; i++)
        edit_document(migrated, rand);
    msk_document_set_store(migrated, NULL);
    msk_store_close(store);
    CHECK(ask_file(path, "PRAGMA user_version") == MSK_STORE_SCHEMA);
    CHECK(ask_file(path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1);
    g_autoptr(MskDocument) reopened = load_document(path, NULL, NULL, &error);
    CHECK(reopened && same_commands(migrated, reopened));

    CHECK(ask_file(kept, "PRAGMA user_version") == 2);
    CHECK(ask_file(kept, "SELECT count(*) FROM value") == n_values && open_here(kept, 0) == 0);
    end_group("a project of version 2");
}

static void test_damage(const char *folder)
{
    g_autofree char *path = path_in(folder, "hurt.masklet");
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(GRand) rand = g_rand_new_with_seed(77);
    g_autoptr(MskDocument) document = make_document();
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    msk_document_set_store(document, store);
    MskMasklet *dog = msk_document_add_object(document, "dog");
    MskMasklet *cat = msk_document_add_object(document, "cat");
    for (int64_t frame = 0; frame < 6; frame++) {
        g_autoptr(MskValue) a = random_value(rand, MSK_CELL_RESULT, frame, CLIP_WIDTH, CLIP_HEIGHT);
        g_autoptr(MskValue) b = random_value(rand, MSK_CELL_PAINT, frame, CLIP_WIDTH, CLIP_HEIGHT);
        msk_document_set_track(document, dog, frame, a->track.result, 1, -1);
        msk_document_set_paint(document, cat, frame, b->paint.add, b->paint.remove);
    }
    msk_document_set_range(document, 3, 4);
    msk_document_set_range(document, 5, 6);
    msk_document_undo(document);
    const int64_t cat_id = msk_masklet_get_id(cat);
    msk_document_set_store(document, NULL);
    msk_store_close(store);

    // One byte of the mask of frame 2, the properties of the cat, and a value that is not there.
    CHECK(change_file(
        path, "UPDATE value SET data = CAST(x'02' || substr(data, 2, length(data) - 2) ||"
              " x'55' AS BLOB) WHERE id = (SELECT value FROM cell WHERE kind = 6 AND frame"
              " = 2); UPDATE value SET checksum = checksum + 1 WHERE id = (SELECT value FROM"
              " cell WHERE kind = 2 AND object = 2);"
              "UPDATE cell SET value = 999999 WHERE kind = 5 AND frame = 4;"));
    g_autofree char *warning = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(MskDocument) loaded = load_document(path, &store, &warning, &error);
    CHECK(loaded && warning);
    CHECK(warning && strstr(warning, "\"dog\", frame 2: the mask is damaged and was left out."));
    CHECK(warning && strstr(warning, "frame 4: the brush strokes are damaged and were left out."));
    CHECK(warning && strstr(warning, "Object 2: its name, label"));
    CHECK(warning && strstr(warning, "can no longer be undone"));
    CHECK(msk_document_get_n_objects(loaded) == 2);
    MskMasklet *found = msk_document_find_object(loaded, cat_id);
    CHECK(found && strcmp(msk_masklet_get_info(found)->name, "Object 2") == 0);
    MskCell cell = {MSK_CELL_PAINT, cat_id, 0};
    CHECK(msk_value_equal(msk_document_get_value(document, &cell),
                          msk_document_get_value(loaded, &cell)));
    cell = (MskCell){MSK_CELL_RESULT, msk_masklet_get_id(dog), 2};
    CHECK(!msk_document_get_value(loaded, &cell));
    cell.frame = 3;
    CHECK(msk_value_equal(msk_document_get_value(document, &cell),
                          msk_document_get_value(loaded, &cell)));
    // What is left of the history works, and goes on.
    CHECK(msk_document_redo(loaded) && msk_document_undo(loaded) && msk_document_undo(loaded));
    msk_document_set_range(loaded, 7, 8);
    CHECK(flush_store(store, &error));
    msk_document_set_store(loaded, NULL);
    msk_store_close(store);
    g_autoptr(MskDocument) again = load_document(path, NULL, NULL, &error);
    CHECK(again && same_history(loaded, again));
    end_group("damaged values");
}

// ---- Clips -------------------------------------------------------------------------------------

static void test_media_ref(const char *folder)
{
    g_autofree char *a = path_in(folder, "a.mp4"), *b = path_in(folder, "b.mp4");
    g_autofree char *images = path_in(folder, "images");
    MskMediaRef first = {0}, second = {0};
    g_autoptr(GError) error = NULL;
    const gsize size = 5 << 20;
    g_autofree char *data = g_malloc(size);
    for (gsize i = 0; i < size; i++)
        data[i] = (char)(i * 31 >> 3);
    g_file_set_contents(a, data, (gssize)size, NULL);
    g_file_set_contents(b, data, (gssize)size, NULL);
    CHECK(msk_media_ref_init(&first, a, &error) && msk_media_ref_init(&second, b, &error));
    CHECK(first.size == (int64_t)size && strlen(first.hash) == 64 && first.n_frames == -1);
    CHECK(strcmp(first.path, a) == 0 && msk_media_ref_matches(&first, &second));
    // Begin, middle and end count, as does the size.
    const gsize places[] = {0, size / 2, size - 1};
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        data[places[i]] ^= 1;
        g_file_set_contents(b, data, (gssize)size, NULL);
        data[places[i]] ^= 1;
        msk_media_ref_clear(&second);
        CHECK(msk_media_ref_init(&second, b, &error) && !msk_media_ref_matches(&first, &second));
    }
    CHECK(truncate(b, (off_t)size - 1) == 0);
    msk_media_ref_clear(&second);
    CHECK(msk_media_ref_init(&second, b, &error) && !msk_media_ref_matches(&first, &second));
    msk_media_ref_clear(&first);
    msk_media_ref_clear(&second);

    // Sequences: another name, another size, another first image.
    g_mkdir(images, 0777);
    for (int i = 0; i < 5; i++) {
        g_autofree char *name = g_strdup_printf("%s/f.%04d.png", images, i);
        g_file_set_contents(name, data, 100 + i, NULL);
    }
    g_autofree char *pattern = path_in(images, "f.%04d.png");
    CHECK(msk_media_ref_init(&first, images, &error) && first.size == 510);
    CHECK(msk_media_ref_init(&second, pattern, &error) && msk_media_ref_matches(&first, &second));
    g_autofree char *middle = path_in(images, "f.0002.png");
    g_file_set_contents(middle, data, 50, NULL);
    msk_media_ref_clear(&second);
    CHECK(msk_media_ref_init(&second, images, &error) && !msk_media_ref_matches(&first, &second));
    msk_media_ref_clear(&first);
    msk_media_ref_clear(&second);

    g_autofree char *missing = path_in(folder, "missing.mp4");
    CHECK(!msk_media_ref_init(&first, missing, &error) && strstr(error->message, "missing.mp4"));
    end_group("clips are known again");
}

static int be_other(int argc, char **argv)
{
    if (strcmp(argv[1], "open") == 0)
        return open_here(argv[2], 0);
    if (strcmp(argv[1], "look") == 0)
        return open_here(argv[2], MSK_STORE_READ_ONLY);
    if (strcmp(argv[1], "create") == 0) {
        g_autoptr(GError) error = NULL;
        g_autoptr(MskMediaRef) ref = make_ref("/");
        MskStore *store = msk_store_create(argv[2], ref, TRUE, &error);
        msk_store_close(store);
        return store ? 0 : 1 + error->code;
    }
    // hold
    MskStore *store = NULL;
    g_autoptr(MskDocument) document = load_document(argv[2], &store, NULL, NULL);
    msk_document_add_object(document, "held");
    if (flush_store(store, NULL) && write(1, "x", 1) == 1)
        for (;;)
            pause();
    return 1;
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return be_other(argc, argv);
    self_path = argv[0];
    g_autofree char *folder = make_folder();
    test_not_projects(folder);
    test_in_use(folder);
    test_read_only(folder);
    test_migration(folder);
    test_migration_2(folder);
    test_damage(folder);
    test_media_ref(folder);
    remove_folder(folder);
    return end_tests();
}
