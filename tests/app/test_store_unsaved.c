// SPDX-License-Identifier: Apache-2.0
// Projects without a name of the user's: what is listed, kept and discarded.
#include <glib/gstdio.h>
#include <string.h>

#include "app/store_private.h"
#include "tests/app/store_fixture.h"
#include "tests/app/values.h"
#include "tests/support/check.h"

static char *place;

static MskStore *make_project(const char *name, const char *object, int64_t time)
{
    g_autofree char *path = path_in(place, name);
    g_autoptr(MskMediaRef) ref = make_ref(place);
    g_autoptr(MskDocument) document = make_document();
    MskStore *store = msk_store_create(path, ref, FALSE, NULL);
    if (!object)
        return store;
    msk_document_set_store(document, store);
    msk_document_add_object(document, object);
    CHECK(flush_store(store, NULL));
    g_autofree char *sql = g_strdup_printf("UPDATE command SET time = %" G_GINT64_FORMAT, time);
    pthread_mutex_lock(&store->db_lock);
    CHECK(msk_store_run(store->rows.db, store->path, sql, NULL));
    pthread_mutex_unlock(&store->db_lock);
    return store;
}

static void write_file(const char *name, const char *text)
{
    g_autofree char *path = path_in(place, name);
    CHECK(g_file_set_contents(path, text, -1, NULL));
}

// "NAME OBJECTS, ..." with * for what cannot be opened.
static char *list(void)
{
    g_autoptr(GPtrArray) unsaved = msk_store_list_unsaved();
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < unsaved->len; i++) {
        const MskUnsaved *one = unsaved->pdata[i];
        g_autofree char *name = g_path_get_basename(one->path);
        g_string_append_printf(text, "%s%s%s %d", i ? ", " : "", name, one->problem ? "*" : "",
                               one->n_objects);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean lists(const char *expected)
{
    g_autofree char *found = list();
    if (strcmp(found, expected) == 0)
        return TRUE;
    printf("  %s\n", found);
    return FALSE;
}

static void copy_as(const char *from, const char *to)
{
    static const char *const endings[] = {"", "-wal"};
    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *a = g_strconcat(from, endings[i], NULL);
        g_autofree char *b = g_strconcat(to, endings[i], NULL);
        g_autofree char *bytes = NULL;
        gsize size;
        CHECK(g_file_get_contents(a, &bytes, &size, NULL));
        CHECK(g_file_set_contents(b, bytes, (gssize)size, NULL));
    }
}

static void test_listing(void)
{
    CHECK(lists("")); // no folder at all
    CHECK(g_mkdir_with_parents(place, 0700) == 0 && lists(""));
    msk_store_close(make_project("old.masklet", "dog", 1000));
    msk_store_close(make_project("new.masklet", "cat", 3000));
    msk_store_close(make_project("nothing.masklet", NULL, 0));
    CHECK(lists("new.masklet 1, old.masklet 1"));
    g_autofree char *nothing = path_in(place, "nothing.masklet");
    CHECK(!g_file_test(nothing, G_FILE_TEST_EXISTS)); // nothing was ever done in it

    // One that is open is not to be had; one whose program was killed is, with all its edits.
    MskStore *open = make_project("open.masklet", "bird", 2000);
    g_autofree char *killed = path_in(place, "killed.masklet");
    CHECK(lists("new.masklet 1, old.masklet 1"));
    copy_as(msk_store_get_path(open), killed);
    CHECK(lists("new.masklet 1, killed.masklet 1, old.masklet 1"));
    g_autoptr(GPtrArray) unsaved = msk_store_list_unsaved();
    const MskUnsaved *one = unsaved->pdata[1];
    CHECK(one->changed == 2000 && strcmp(one->clip, msk_store_get_media(open)->path) == 0);
    GError *error = NULL;
    CHECK(!msk_store_discard_unsaved(msk_store_get_path(open), &error));
    CHECK(g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_IN_USE));
    g_clear_error(&error);
    // One that is being closed is waited for.
    msk_store_close_later(open, FALSE);
    CHECK(lists("new.masklet 1, killed.masklet 1, open.masklet 1, old.masklet 1"));
    end_group("unsaved projects");
}

static void test_deeds(void)
{
    g_autofree char *killed = path_in(place, "killed.masklet"),
                    *old = path_in(place, "old.masklet");
    g_autofree char *open = path_in(place, "open.masklet"), *new = path_in(place, "new.masklet");
    g_autofree char *target = path_in(place, "../named.masklet");
    g_autofree char *nowhere = path_in(place, "not/there/named.masklet");
    GError *error = NULL;
    CHECK(msk_store_is_unsaved_path(killed) && !msk_store_is_unsaved_path(target));
    CHECK(!msk_store_keep_unsaved(killed, nowhere, &error) && error);
    g_clear_error(&error);
    CHECK(g_file_test(killed, G_FILE_TEST_EXISTS));
    CHECK(msk_store_keep_unsaved(killed, target, NULL));
    msk_store_wait_closed();
    CHECK(!g_file_test(killed, G_FILE_TEST_EXISTS));
    g_autoptr(MskDocument) kept = load_document(target, NULL, NULL, NULL);
    CHECK(kept && msk_document_get_n_objects(kept) == 1 && msk_document_undo(kept));
    CHECK(msk_store_discard_unsaved(open, NULL) && msk_store_discard_unsaved(old, NULL));
    CHECK(!msk_store_discard_unsaved(old, &error) && error); // gone already
    g_clear_error(&error);
    CHECK(lists("new.masklet 1"));

    // What cannot be opened says so, and can be discarded.
    write_file("hurt.masklet.damaged", "no project");
    CHECK(change_file(new, "PRAGMA user_version = 99"));
    CHECK(lists("hurt.masklet.damaged* 0, new.masklet* 0"));
    g_autofree char *hurt = path_in(place, "hurt.masklet.damaged");
    CHECK(msk_store_discard_unsaved(hurt, NULL) && msk_store_discard_unsaved(new, NULL));
    CHECK(lists(""));
    end_group("keeping and discarding");
}

int main(void)
{
    g_autofree char *folder = make_folder();
    g_setenv("XDG_STATE_HOME", folder, TRUE);
    place = msk_store_dup_unsaved_folder();
    test_listing();
    test_deeds();
    g_free(place);
    g_autofree char *state = path_in(folder, "masklet"), *unsaved = path_in(state, "unsaved");
    remove_folder(unsaved);
    remove_folder(state);
    remove_folder(folder);
    return end_tests();
}
