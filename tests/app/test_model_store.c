// SPDX-License-Identifier: Apache-2.0
// test-model-store MODEL NO-MODEL: models listed, added, refused and removed in a user's folder of
// its own; and the speed of one measured.
#include "app/model_store.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "app/export_private.h"
#include "app/model_speed.h"
#include "tests/support/check.h"

static char *home, *own; // the user's folder of models

static const MskModelEntry *find(GPtrArray *entries, const char *name)
{
    for (guint i = 0; i < entries->len; i++)
        if (strcmp(((MskModelEntry *)entries->pdata[i])->name, name) == 0)
            return entries->pdata[i];
    return NULL;
}

static char *copy_to(const char *from, const char *name)
{
    char *path = g_build_filename(home, name, NULL), *content = NULL;
    gsize size;
    if (!g_file_get_contents(from, &content, &size, NULL) ||
        !g_file_set_contents(path, content, (gssize)size, NULL))
        g_error("cannot copy %s", from);
    g_free(content);
    return path;
}

static int count_own(void)
{
    g_autoptr(GDir) folder = g_dir_open(own, 0, NULL);
    int n = 0;
    while (folder && g_dir_read_name(folder))
        n++;
    return n;
}

static bool refuses(const char *path, const char *part)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    int n = count_own();
    bool right = !msk_model_store_add(path, &name, NULL, &error) && !name && error &&
                 strstr(error->message, part) && count_own() == n;
    if (!right)
        printf("%s: %s\n", path, error ? error->message : "added");
    return right;
}

static void test_add(const char *model, const char *no_model)
{
    g_autoptr(GPtrArray) before = msk_model_store_list();
    CHECK(find(before, "starter") && !find(before, "starter")->is_own && !find(before, "mine.1"));
    g_autofree char *file = copy_to(model, "mine.1.safetensors");
    g_autofree char *name = NULL;
    g_autoptr(GError) error = NULL;
    CHECK(msk_model_store_add(file, &name, NULL, &error) && !error);
    CHECK(g_strcmp0(name, "mine.1") == 0);
    CHECK(count_own() == 1); // no leftovers
    g_autoptr(GPtrArray) after = msk_model_store_list();
    const MskModelEntry *entry = find(after, "mine.1");
    CHECK(after->len == before->len + 1 && entry && entry->is_own);
    g_autofree char *found = msk_model_store_find("mine.1", NULL);
    CHECK(entry && g_strcmp0(found, entry->path) == 0);
    for (guint i = 1; i < after->len; i++)
        CHECK(strcmp(((MskModelEntry *)after->pdata[i - 1])->name,
                     ((MskModelEntry *)after->pdata[i])->name) < 0);

    // The added file does not need the one it came from.
    g_unlink(file);
    MskModelInfo info;
    CHECK(entry && msk_model_inspect(entry->path, &info, NULL));

    CHECK(msk_model_store_add(model, NULL, NULL, &error)); // in front of the bundled one
    CHECK(count_own() == 2);
    CHECK(refuses(model, "there is a model of this name already"));
    CHECK(refuses(no_model, no_model));
    CHECK(refuses("/no/such/file.safetensors", "/no/such/file.safetensors"));
    g_autofree char *odd = copy_to(model, "mine.bin");
    CHECK(refuses(odd, "mine.bin"));
    g_autofree char *cut = copy_to(model, "cut.safetensors");
    CHECK(truncate(cut, 5000) == 0 && refuses(cut, "cut.safetensors"));

    CHECK(!msk_model_store_remove(model, &error) && error); // not the user's
    CHECK(g_file_test(model, G_FILE_TEST_EXISTS));
    g_clear_error(&error);
    CHECK(entry && msk_model_store_remove(entry->path, &error) && count_own() == 1);
    CHECK(entry && !msk_model_store_remove(entry->path, &error) && error);
    g_autofree char *gone = msk_model_store_find("mine.1", NULL);
    CHECK(!gone);
    end_group("adding and removing");
}

static void test_names(void)
{
    // Of two files of a name the safetensors one is used and listed, once; hidden files are not.
    g_autofree char *a = g_build_filename(own, "both.safetensors", NULL);
    g_autofree char *b = g_build_filename(own, "both.pt", NULL);
    g_autofree char *hidden = g_build_filename(own, ".part.pt", NULL);
    g_autofree char *folder = g_build_filename(own, "folder.pt", NULL);
    g_file_set_contents(a, "x", 1, NULL);
    g_file_set_contents(b, "x", 1, NULL);
    g_file_set_contents(hidden, "x", 1, NULL);
    g_mkdir(folder, 0755);
    g_autoptr(GPtrArray) entries = msk_model_store_list();
    const MskModelEntry *entry = find(entries, "both");
    CHECK(entry && strcmp(entry->path, a) == 0);
    CHECK(!find(entries, "") && !find(entries, ".part") && !find(entries, "folder"));
    end_group("names");
}

static void note_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    *(GAsyncResult **)user = g_object_ref(result);
}

static double measure(MskEngine *engine, GCancellable *cancellable, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    msk_model_measure_async(engine, cancellable, note_cb, &result);
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    return msk_model_measure_finish(engine, result, error);
}

static void test_speed(const char *model)
{
    g_autoptr(MskEngine) engine = msk_engine_new();
    g_autoptr(GError) error = NULL;
    CHECK(measure(engine, NULL, &error) < 0);
    CHECK(g_error_matches(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL));
    g_clear_error(&error);
    MskModelParams params = {.path = model, .n_threads = 1};
    g_autoptr(GAsyncResult) opened = NULL;
    msk_engine_open_model_async(engine, &params, NULL, note_cb, &opened);
    while (!opened)
        g_main_context_iteration(NULL, TRUE);
    CHECK(msk_engine_open_model_finish(engine, opened, NULL, &error) && !error);
    CHECK(measure(engine, NULL, &error) > 0 && !error);
    g_autoptr(GCancellable) cancelled = g_cancellable_new();
    g_cancellable_cancel(cancelled);
    CHECK(measure(engine, cancelled, &error) < 0);
    CHECK(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    msk_engine_close(engine);
    end_group("speed");
}

int main(int argc, char **argv)
{
    home = g_dir_make_tmp("masklet-models-XXXXXX", NULL);
    if (!home || argc != 3)
        return 77;
    g_setenv("XDG_DATA_HOME", home, TRUE);
    g_unsetenv("MASKLET_MODELS");
    own = g_build_filename(home, "masklet", "models", NULL);
    test_add(argv[1], argv[2]);
    test_names();
    test_speed(argv[1]);
    msk_stage_remove_tree(home);
    g_free(own);
    g_free(home);
    return end_tests();
}
