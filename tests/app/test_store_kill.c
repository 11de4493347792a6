// SPDX-License-Identifier: Apache-2.0
// A program that edits a project is killed at random moments: what it was told is on the disk is
// there, and what came after it up to some edit, in order; the file is whole. Killed while it
// copies over an older copy, that one or the new one is there.
//
// The edits follow from a seed, so this program knows what the killed one had after each.
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/app/store_fixture.h"
#include "tests/support/check.h"

#define N_KILLS 200
#define N_KILLS_COPYING 25
#define KILLS_PER_FILE 10
#define EDITS_MAX 3000

static const char *self_path;

// ---- The program that is killed ----------------------------------------------------------------

static void tell(int32_t number)
{
    if (write(1, &number, sizeof number) != (ssize_t)sizeof number)
        _exit(1);
}

static void flushed_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    if (!msk_store_flush_finish(NULL, result, NULL))
        _exit(2);
    tell(GPOINTER_TO_INT(user));
}

// Edits as fast as it can; tells how many edits are known to be on the disk.
static int edit_until_killed(const char *path, guint32 seed)
{
    MskStore *store = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(GRand) pace = g_rand_new_with_seed(seed + 1);
    g_autoptr(MskDocument) document = load_document(path, &store, NULL, NULL);
    if (!document)
        return 3;
    tell(0);
    for (int i = 1; i <= EDITS_MAX; i++) {
        edit_document(document, rand);
        if (g_rand_int_range(pace, 0, 4) == 0)
            msk_store_flush_async(store, NULL, flushed_cb, GINT_TO_POINTER(i));
        while (g_main_context_iteration(NULL, FALSE))
            ;
        if (g_rand_int_range(pace, 0, 3) == 0)
            g_usleep((gulong)g_rand_int_range(pace, 0, 1500));
    }
    for (;;)
        g_main_context_iteration(NULL, TRUE);
}

static int copy_until_killed(const char *path, const char *copy)
{
    MskStore *store = NULL;
    g_autoptr(MskDocument) document = load_document(path, &store, NULL, NULL);
    tell(0);
    for (;;)
        if (!document || !copy_store(store, copy, TRUE, NULL))
            return 3;
}

// ---- Killing it --------------------------------------------------------------------------------

// Starts this program again, kills it after so many microseconds from when it is ready; -1: the
// last number that it told.
static int32_t run_and_kill(const char *const *argv, gulong delay)
{
    GPid pid;
    int out, status;
    int32_t number = -1, last = -1;
    if (!g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                  &pid, NULL, &out, NULL, NULL))
        return -1;
    if (delay > 0 && read(out, &number, sizeof number) == (ssize_t)sizeof number)
        last = number;
    g_usleep(delay);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    while (read(out, &number, sizeof number) == (ssize_t)sizeof number)
        last = number;
    close(out);
    return last;
}

// How many edits of the seed lead from `document` to `found`, history and all; at least `n_told`.
// -1: none do.
static int find_edits(MskDocument *document, MskDocument *found, guint32 seed, int n_told)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    for (int i = 0; i < n_told; i++)
        edit_document(document, rand);
    for (int i = n_told; i < n_told + 400; i++) {
        if (same_commands(document, found))
            return i;
        edit_document(document, rand);
    }
    return -1;
}

static void test_kills(const char *folder)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)g_get_real_time());
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autofree char *path = path_in(folder, "killed.masklet");
    g_autoptr(MskDocument) before = NULL;
    int n_told_all = 0, n_found_all = 0, n_with_edits = 0;

    for (int i = 0; i < N_KILLS; i++) {
        if (i % KILLS_PER_FILE == 0) {
            msk_store_close(msk_store_create(path, ref, TRUE, NULL));
            g_clear_object(&before);
            before = make_document();
        }
        const guint32 seed = g_rand_int(rand);
        g_autofree char *number = g_strdup_printf("%u", seed);
        const char *argv[] = {self_path, "edit", path, number, NULL};
        // Now and then before it is ready: while it opens the file.
        const gulong delay = i % 10 == 9 ? 0 : (gulong)g_rand_int_range(rand, 1, 60000);
        const int32_t last = run_and_kill(argv, delay);
        const int n_told = MAX(last, 0);

        g_autofree char *warning = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(MskDocument) found = load_document(path, NULL, &warning, &error);
        if (!CHECK(found && !warning)) {
            printf("kill %d: %s\n", i, error ? error->message : warning);
            return;
        }
        CHECK(ask_file(path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1);
        CHECK(ask_file(path, "SELECT count(*) FROM pragma_foreign_key_check") == 0);
        const int n_found = find_edits(before, found, seed, n_told);
        if (!CHECK(n_found >= n_told))
            printf("kill %d, seed %u: %d edits told, not found\n", i, seed, n_told);
        n_told_all += n_told;
        n_found_all += n_found;
        n_with_edits += n_found > 0;
        // The next one starts from the file.
        g_clear_object(&before);
        before = load_document(path, NULL, NULL, NULL);
    }
    CHECK(n_with_edits > N_KILLS / 2);
    printf("%d kills, %d of them after edits; %d edits told, %d found\n", N_KILLS, n_with_edits,
           n_told_all, n_found_all);
    end_group("killed while editing");
}

static void test_kills_copying(const char *folder)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)g_get_real_time());
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autofree char *path = path_in(folder, "source.masklet");
    g_autofree char *copy = path_in(folder, "copy.masklet");
    g_autoptr(MskDocument) first = make_document(), second = NULL;
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    int n_old = 0, n_new = 0;
    msk_document_set_store(first, store);
    for (int i = 0; i < 100; i++)
        edit_document(first, rand);
    g_autofree char *older = path_in(folder, "older.masklet");
    CHECK(copy_store(store, older, TRUE, NULL));
    second = load_document(older, NULL, NULL, NULL);
    for (int i = 0; i < 100; i++)
        edit_document(first, rand);
    // From the beginning of a copy to a while after its end.
    const int64_t start = g_get_monotonic_time();
    CHECK(copy_store(store, copy, TRUE, NULL));
    const int longest = (int)(g_get_monotonic_time() - start) * 3 / 2 + 2000;
    msk_document_set_store(first, NULL);
    msk_store_close(store);
    for (int i = 0; i < N_KILLS_COPYING; i++) {
        store = msk_store_open(older, 0, NULL);
        CHECK(copy_store(store, copy, TRUE, NULL));
        msk_store_close(store);
        const char *argv[] = {self_path, "copy", path, copy, NULL};
        run_and_kill(argv, (gulong)g_rand_int_range(rand, 1, longest));
        CHECK(ask_file(copy, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1);
        g_autoptr(MskDocument) found = load_document(copy, NULL, NULL, NULL);
        gboolean is_new = found && same_document(first, found);
        CHECK(is_new || (found && same_history(second, found)));
        n_new += is_new;
        n_old += !is_new;
    }
    // What the killed ones left goes with the next copy.
    store = msk_store_open(path, 0, NULL);
    CHECK(copy_store(store, copy, TRUE, NULL));
    msk_store_close(store);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(dir)))
        CHECK(!g_str_has_suffix(name, ".part"));
    printf("%d kills: %d times the old copy, %d times the new one\n", N_KILLS_COPYING, n_old,
           n_new);
    end_group("killed while copying");
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "edit") == 0)
        return edit_until_killed(argv[2], (guint32)g_ascii_strtoull(argv[3], NULL, 10));
    if (argc == 4)
        return copy_until_killed(argv[2], argv[3]);
    self_path = argv[0];
    g_autofree char *folder = make_folder();
    test_kills(folder);
    test_kills_copying(folder);
    remove_folder(folder);
    return end_tests();
}
