// SPDX-License-Identifier: Apache-2.0
// Documents in project files: what was edited is there again, with its history; values are stored
// once and go when nothing needs them; failures of the disk lose nothing.
#include <glib/gstdio.h>
#include <string.h>

#include "app/store_private.h"
#include "tests/app/store_fixture.h"
#include "tests/app/values.h"
#include "tests/support/check.h"

static const char orphans[] = "SELECT count(*) FROM value WHERE id NOT IN (SELECT value FROM cell)"
                              " AND id NOT IN (SELECT before FROM change WHERE before IS NOT NULL)"
                              " AND id NOT IN (SELECT after FROM change WHERE after IS NOT NULL)";

static void check_file(const char *path)
{
    g_autofree char *log = g_strconcat(path, "-wal", NULL);
    CHECK(!g_file_test(log, G_FILE_TEST_EXISTS));
    CHECK(ask_file(path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1);
    CHECK(ask_file(path, "SELECT count(*) FROM pragma_foreign_key_check") == 0);
    CHECK(ask_file(path, orphans) == 0);
    CHECK(ask_file(path, "SELECT count(*) - count(DISTINCT hex(data)) FROM value") == 0);
}

static void test_create(const char *folder)
{
    g_autofree char *path = path_in(folder, "new.masklet");
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(GError) error = NULL;
    MskStore *store = msk_store_create(path, ref, FALSE, &error);
    CHECK(store && !error);
    CHECK(strcmp(msk_store_get_path(store), path) == 0 && !msk_store_is_read_only(store));
    CHECK(strcmp(msk_store_get_media(store)->relative_path, "clips/dog.mp4") == 0);
    // Counted; found in another place.
    ref->n_frames = 77;
    g_free(ref->path);
    ref->path = g_build_filename(folder, "dog \xff.mp4", NULL); // need not be UTF-8
    msk_store_set_media(store, ref);
    CHECK(g_strcmp0(msk_store_get_media(store)->relative_path, "dog \xff.mp4") == 0);
    msk_store_close(store);
    check_file(path);

    CHECK(!msk_store_create(path, ref, FALSE, &error));
    CHECK(g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_EXISTS));
    g_clear_error(&error);
    store = msk_store_open(path, 0, &error);
    const MskMediaRef *kept = msk_store_get_media(store);
    CHECK(msk_media_ref_matches(kept, ref) && strcmp(kept->path, ref->path) == 0);
    CHECK(strcmp(kept->relative_path, "dog \xff.mp4") == 0);
    CHECK(kept->width == CLIP_WIDTH && kept->height == CLIP_HEIGHT && kept->n_frames == 77);
    CHECK(kept->size == 123456789012);
    // Given again without a relative path: it is not wanted.
    msk_store_set_media(store, ref);
    msk_store_close(store);
    store = msk_store_open(path, MSK_STORE_READ_ONLY, &error);
    CHECK(store && !msk_store_get_media(store)->relative_path);
    msk_store_close(store);
    store = msk_store_create(path, ref, TRUE, &error);
    CHECK(store != NULL);
    msk_store_close(store);
    msk_store_close(NULL);
    end_group("a new project");
}

static void test_edits(const char *folder, guint32 seed, int n_edits)
{
    g_autofree char *path = path_in(folder, "edits.masklet");
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(MskDocument) document = make_document();
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    msk_document_set_store(document, store);
    for (int i = 0; i < n_edits; i++) {
        edit_document(document, rand);
        if (i % 50 == 49) {
            // Close, reopen, compare; go on with the one that was loaded.
            g_autofree char *warning = NULL;
            g_autoptr(GError) error = NULL;
            msk_document_set_store(document, NULL);
            msk_store_close(store);
            check_file(path);
            MskDocument *loaded = load_document(path, &store, &warning, &error);
            if (!CHECK(loaded && !warning))
                printf("%s\n", loaded ? warning : error->message);
            CHECK(same_document(document, loaded));
            if (i % 100 == 99) {
                // Turning both through all their history must also leave the file in order.
                CHECK(same_history(document, loaded));
            }
            g_object_unref(document);
            document = loaded;
        }
    }
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    check_file(path);
}

static void test_shared(const char *folder)
{
    // An object with a mask, four times: its values are there once.
    g_autofree char *path = path_in(folder, "shared.masklet");
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    g_autoptr(MskDocument) document = make_document();
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    msk_document_set_store(document, store);
    MskMasklet *masklet = msk_document_add_object(document, "dog");
    g_autoptr(MskValue) value = random_value(rand, MSK_CELL_RESULT, 3, CLIP_WIDTH, CLIP_HEIGHT);
    msk_document_set_track(document, masklet, 3, value->track.result, 1, -1);
    for (int i = 0; i < 3; i++)
        msk_document_duplicate_object(document, masklet);
    // The same content by another way.
    g_autoptr(GBytes) bytes = msk_value_encode(value);
    g_autoptr(MskValue) twin = msk_value_decode(MSK_CELL_RESULT, bytes, NULL);
    MskMasklet *other = msk_document_add_object(document, "ball");
    msk_document_set_track(document, other, 3, twin->track.result, 1, -1);
    // Thrown away: undone, then edited.
    g_autoptr(MskValue) gone = random_value(rand, MSK_CELL_RESULT, 4, CLIP_WIDTH, CLIP_HEIGHT);
    msk_document_set_track(document, other, 4, gone->track.result, 1, -1);
    msk_document_undo(document);
    msk_document_set_range(document, 1, 2);
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    check_file(path);
    CHECK(ask_file(path, "SELECT count(*) FROM value WHERE kind = 6") == 1);
    CHECK(ask_file(path, "SELECT count(*) FROM cell WHERE kind = 6") == 5);
    CHECK(ask_file(path, "SELECT count(*) FROM command WHERE NOT done") == 0);
    end_group("values are stored once");
}

// Amendments of an old command while later ones overrule it or were undone.
static void test_amending(const char *folder)
{
    g_autofree char *path = path_in(folder, "amend.masklet");
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    g_autoptr(MskDocument) document = make_document();
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    msk_document_set_store(document, store);
    MskMasklet *masklet = msk_document_add_object(document, "dog");
    msk_document_begin(document, "Track");
    g_autoptr(MskValue) a = random_value(rand, MSK_CELL_RESULT, 1, CLIP_WIDTH, CLIP_HEIGHT);
    g_autoptr(MskValue) b = random_value(rand, MSK_CELL_RESULT, 2, CLIP_WIDTH, CLIP_HEIGHT);
    g_autoptr(MskValue) c = random_value(rand, MSK_CELL_RESULT, 2, CLIP_WIDTH, CLIP_HEIGHT);
    msk_document_set_track(document, masklet, 1, a->track.result, 1, -1);
    int64_t track = msk_document_end(document);
    // A later command changes frame 2 and is undone; the track reaches frame 2; it is redone.
    msk_document_set_track(document, masklet, 2, b->track.result, 2, -1);
    msk_document_undo(document);
    CHECK(msk_document_begin_amending(document, track));
    msk_document_set_track(document, masklet, 2, c->track.result, 3, -1);
    msk_document_end(document);
    msk_document_redo(document);
    CHECK(flush_store(store, NULL));
    g_autofree char *copy = path_in(folder, "amend-copy.masklet");
    CHECK(copy_store(store, copy, TRUE, NULL));
    g_autoptr(MskDocument) loaded = load_document(copy, NULL, NULL, NULL);
    CHECK(same_document(document, loaded));
    // What undoing brings back is the track's frame.
    MskCell cell = {MSK_CELL_RESULT, msk_masklet_get_id(masklet), 2};
    msk_document_undo(loaded);
    MskValue *back = msk_document_get_value(loaded, &cell);
    CHECK(back && back->track.source == 3);
    msk_document_undo(document);
    CHECK(same_history(document, loaded));
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    check_file(path);
    end_group("amending");
}

static void count_failure_cb(MskStore *store, const GError *error, gpointer user)
{
    GError **kept = user;
    CHECK(*kept == NULL);
    *kept = g_error_copy(error);
}

static void set_page_limit(MskStore *store, const char *limit)
{
    g_autofree char *sql = g_strdup_printf("PRAGMA max_page_count = %s", limit);
    pthread_mutex_lock(&store->db_lock);
    CHECK(msk_store_run(store->rows.db, store->path, sql, NULL));
    pthread_mutex_unlock(&store->db_lock);
}

static void test_full(const char *folder)
{
    g_autofree char *path = path_in(folder, "full.masklet");
    g_autofree char *copy = path_in(folder, "rescued.masklet");
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(GRand) rand = g_rand_new_with_seed(8);
    g_autoptr(MskDocument) document = make_document();
    g_autoptr(GError) failure = NULL, error = NULL;
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    msk_store_set_failed_func(store, count_failure_cb, &failure);
    msk_document_set_store(document, store);
    for (int i = 0; i < 40; i++)
        edit_document(document, rand);
    CHECK(flush_store(store, &error) && !failure);
    set_page_limit(store, "1"); // as large as it is: no more
    for (int i = 0; i < 100; i++)
        edit_document(document, rand);
    CHECK(!flush_store(store, &error));
    CHECK(g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_FULL));
    CHECK(strstr(error->message, "full.masklet") && strstr(error->message, "full"));
    g_clear_error(&error);
    // Told once, however often it was tried; again when asked to.
    while (g_main_context_iteration(NULL, FALSE))
        ;
    CHECK(g_error_matches(failure, MSK_STORE_ERROR, MSK_STORE_ERROR_FULL));
    edit_document(document, rand);
    CHECK(!flush_store(store, NULL));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_clear_error(&failure);
    msk_store_retry(store);
    CHECK(!flush_store(store, NULL));
    while (!failure)
        g_main_context_iteration(NULL, TRUE);
    // A copy in another place has what could not be written here.
    CHECK(copy_store(store, copy, TRUE, &error));
    check_file(copy);
    g_autoptr(MskDocument) rescued = load_document(copy, NULL, NULL, &error);
    CHECK(rescued && same_document(document, rescued));
    // There is room again: all is written in order.
    set_page_limit(store, "1000000");
    edit_document(document, rand);
    CHECK(flush_store(store, &error));
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    check_file(path);
    g_autoptr(MskDocument) loaded = load_document(path, NULL, NULL, &error);
    CHECK(loaded && same_history(document, loaded));
    end_group("a full disk");
}

static void test_copy(const char *folder)
{
    g_autofree char *path = path_in(folder, "original.masklet");
    g_autofree char *other_folder = path_in(folder, "other");
    g_autofree char *with = path_in(other_folder, "with.masklet");
    g_autofree char *without = path_in(other_folder, "without.masklet");
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(GRand) rand = g_rand_new_with_seed(9);
    g_autoptr(MskDocument) document = make_document();
    g_autoptr(GError) error = NULL;
    g_mkdir(other_folder, 0777);
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    msk_document_set_store(document, store);
    for (int i = 0; i < 200; i++)
        edit_document(document, rand);
    // Not flushed: the copy has what was handed over before.
    CHECK(copy_store(store, with, TRUE, &error) && copy_store(store, without, FALSE, &error));
    check_file(with);
    check_file(without);
    MskStore *opened = NULL;
    g_autoptr(MskDocument) copy = load_document(with, &opened, NULL, &error);
    CHECK(g_strcmp0(msk_store_get_media(opened)->relative_path, "../clips/dog.mp4") == 0);
    CHECK(same_history(document, copy));
    msk_document_set_store(copy, NULL);
    msk_store_close(opened);
    g_autoptr(MskDocument) bare = load_document(without, NULL, NULL, &error);
    CHECK(same_without_removed(document, bare));
    CHECK(!msk_document_undo(bare) && !msk_document_redo(bare));
    CHECK(ask_file(without, "SELECT count(*) FROM command") == 0);
    // Over an existing one; over itself and over one in use: refused.
    CHECK(copy_store(store, without, TRUE, &error));
    g_autoptr(MskDocument) again = load_document(without, NULL, NULL, &error);
    CHECK(same_history(document, again));
    CHECK(!copy_store(store, path, TRUE, &error));
    CHECK(g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_IN_USE));
    g_clear_error(&error);
    opened = msk_store_open(with, 0, NULL);
    CHECK(!copy_store(store, with, TRUE, &error));
    CHECK(g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_IN_USE));
    g_clear_error(&error);
    msk_store_close(opened);
    g_autofree char *nowhere = path_in(folder, "nowhere/a.masklet");
    CHECK(!copy_store(store, nowhere, TRUE, &error));
    CHECK(g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_IO));
    // The store goes on: after all of that, too.
    for (int i = 0; i < 20; i++)
        edit_document(document, rand);
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    g_autoptr(MskDocument) loaded = load_document(path, NULL, NULL, NULL);
    CHECK(same_history(document, loaded));
    // Nothing temporary is left.
    GDir *dir = g_dir_open(other_folder, 0, NULL);
    int n_files = 0;
    while (g_dir_read_name(dir))
        n_files++;
    g_dir_close(dir);
    CHECK(n_files == 2);
    end_group("copies");
}

int main(void)
{
    g_autofree char *folder = make_folder();
    test_create(folder);
    for (guint32 seed = 0; seed < 4; seed++)
        test_edits(folder, seed, 400);
    end_group("random edits, reopened again and again");
    test_shared(folder);
    test_amending(folder);
    test_full(folder);
    test_copy(folder);
    remove_folder(folder);
    return end_tests();
}
