// SPDX-License-Identifier: Apache-2.0
// Mutated project files: each opens or is refused with a message, and what opens can be used.
#include <glib/gstdio.h>
#include <string.h>

#include "app/store_private.h"
#include "tests/app/store_fixture.h"
#include "tests/app/values.h"
#include "tests/support/check.h"

#define N_FILES 400
#define N_LOGS 60
#define N_ROWS 150

static int n_opened, n_refused, n_warned;

// Everything that a session does with a project.
static void use(const char *path, guint32 seed)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    MskStore *store = msk_store_open(path, 0, &error);
    g_autoptr(MskStoreContent) content = store ? msk_store_read(store, &error) : NULL;
    CHECK((content != NULL) == (error == NULL));
    if (!content) {
        CHECK(error->domain == MSK_STORE_ERROR && strlen(error->message) > 20);
        msk_store_close(store);
        n_refused++;
        return;
    }
    n_opened++;
    n_warned += msk_store_content_get_warning(content) != NULL;
    g_autoptr(MskDocument) document = make_document();
    msk_store_content_apply(content, document);
    msk_document_set_store(document, store);
    for (guint i = 0; i < msk_document_get_n_objects(document); i++) {
        MskMasklet *masklet = msk_document_get_object(document, i);
        g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
        msk_masklet_get_runs(masklet, 0, CLIP_FRAMES - 1, runs);
        for (int64_t frame = 0; frame < CLIP_FRAMES; frame++) {
            g_autoptr(MskMask) mask = msk_masklet_get_mask(masklet, frame);
            CHECK(msk_masklet_get_doubt(masklet, frame) >= 0);
        }
    }
    while (msk_document_undo(document))
        ;
    while (msk_document_redo(document))
        ;
    for (int i = 0; i < 20; i++)
        edit_document(document, rand);
    // Damage that was not seen while reading may be met while writing: that is told, no more.
    flush_store(store, NULL);
    msk_document_set_store(document, NULL);
    msk_store_close(store);
}

static void put_file(const char *path, const char *data, gsize size)
{
    g_autofree char *log = g_strconcat(path, "-wal", NULL);
    g_unlink(log);
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

// Flips, zeros and foreign pieces; mostly where the structure is.
static void mutate(char *data, gsize size, gsize page, GRand *rand)
{
    int n = g_rand_int_range(rand, 1, 6);
    for (int i = 0; i < n; i++) {
        gsize at = (gsize)g_rand_int_range(rand, 0, (gint32)size);
        int where = g_rand_int_range(rand, 0, 4);
        if (where == 0) // the file's header, but for the magic and the id
            at = (gsize)g_rand_int_range(rand, 16, 60);
        else if (where == 1) // a page's header and its cell pointers
            at = at / page * page + (gsize)g_rand_int_range(rand, 0, 40);
        else if (where == 2) // a table's rows
            at = at / page * page + (gsize)g_rand_int_range(rand, (gint32)page / 2, (gint32)page);
        at = MIN(at, size - 1);
        gsize length = MIN((gsize)g_rand_int_range(rand, 1, 40), size - at);
        switch (g_rand_int_range(rand, 0, 4)) {
        case 0:
            memset(data + at, 0, length);
            break;
        case 1:
            memset(data + at, 255, MIN(length, 4));
            break;
        case 2:
            memmove(data + at, data + (gsize)g_rand_int_range(rand, 0, (gint32)(size - length)),
                    length);
            break;
        default:
            data[at] ^= (char)(1 << g_rand_int_range(rand, 0, 8));
        }
    }
}

static void test_pages(const char *folder, const char *good, gsize size)
{
    g_autofree char *path = path_in(folder, "fuzzed.masklet");
    g_autoptr(GRand) rand = g_rand_new_with_seed(41);
    for (int i = 0; i < N_FILES; i++) {
        g_autofree char *data = g_memdup2(good, size);
        gsize used = i % 10 == 9 ? (gsize)g_rand_int_range(rand, 1, (gint32)size) : size;
        mutate(data, size, 4096, rand);
        put_file(path, data, used);
        use(path, (guint32)i);
    }
    printf("%d opened (%d with a warning), %d refused\n", n_opened, n_warned, n_refused);
    CHECK(n_opened > N_FILES / 20 && n_refused > N_FILES / 20 && n_warned > 0);
    end_group("mutated files");
}

static void test_logs(const char *folder, const char *good, gsize size, const char *log,
                      gsize log_size)
{
    g_autofree char *path = path_in(folder, "logged.masklet");
    g_autofree char *log_path = g_strconcat(path, "-wal", NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(42);
    for (int i = 0; i < N_LOGS; i++) {
        g_autofree char *data = g_memdup2(log, log_size);
        if (i > 0)
            mutate(data, log_size, 4096 + 24, rand);
        put_file(path, good, size);
        CHECK(g_file_set_contents(log_path, data, (gssize)log_size, NULL));
        use(path, (guint32)i);
    }
    end_group("mutated logs");
}

// Rows that a hostile program wrote: sums fit, contents do not.
static void test_rows(const char *folder, const char *good, gsize size)
{
    static const char *const tables[] = {"cell",    "cell",    "change", "change",
                                         "command", "project", "value"};
    static const char *const columns[][4] = {
        {"kind", "object", "frame", "value"},    {"object", "frame", "frame", "value"},
        {"command", "object", "frame", "after"}, {"before", "after", "before", "kind"},
        {"id", "name", "time", "done"},          {"value", "key", "value", "value"},
        {"kind", "kind", "checksum", "data"}};
    static const char *const numbers[] = {"-1",
                                          "0",
                                          "1",
                                          "2",
                                          "3",
                                          "7",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "1099511627777",
                                          "'text'",
                                          "x'00ff'",
                                          "1e300",
                                          "4294967296"};
    g_autofree char *path = path_in(folder, "rows.masklet");
    g_autoptr(GRand) rand = g_rand_new_with_seed(43);
    for (int i = 0; i < N_ROWS; i++) {
        put_file(path, good, size);
        for (int k = g_rand_int_range(rand, 1, 5); k > 0; k--) {
            int table = g_rand_int_range(rand, 0, G_N_ELEMENTS(tables));
            g_autofree char *sql =
                g_strdup_printf("UPDATE OR IGNORE %s SET %s = %s WHERE %s %% %d = 0", tables[table],
                                columns[table][g_rand_int_range(rand, 0, 4)],
                                numbers[g_rand_int_range(rand, 0, G_N_ELEMENTS(numbers))],
                                table < 2    ? "frame"
                                : table == 5 ? "length(key)"
                                : table < 4  ? "command"
                                             : "id",
                                g_rand_int_range(rand, 1, 9));
            change_file(path, sql);
        }
        use(path, (guint32)i);
    }
    end_group("rows that lie");
}

// Values with flipped bytes and sums that fit.
static void test_values(const char *folder, const char *good, gsize size)
{
    g_autofree char *path = path_in(folder, "values.masklet");
    g_autoptr(GRand) rand = g_rand_new_with_seed(44);
    for (int i = 0; i < 40; i++) {
        g_autoptr(sqlite3) db = NULL;
        g_autoptr(sqlite3_stmt) list = NULL, set = NULL;
        put_file(path, good, size);
        CHECK(sqlite3_open(path, &db) == SQLITE_OK);
        CHECK(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK);
        CHECK(sqlite3_prepare_v2(db, "SELECT id, kind, data FROM value ORDER BY id", -1, &list,
                                 NULL) == SQLITE_OK);
        CHECK(sqlite3_prepare_v2(db, "UPDATE value SET data = ?2, checksum = ?3 WHERE id = ?1", -1,
                                 &set, NULL) == SQLITE_OK);
        while (sqlite3_step(list) == SQLITE_ROW) {
            gsize n = (gsize)sqlite3_column_bytes(list, 2);
            g_autofree guint8 *data = g_memdup2(sqlite3_column_blob(list, 2), n);
            if (g_rand_int_range(rand, 0, 3))
                continue;
            data[g_rand_int_range(rand, 2, (gint32)MIN(n, 60))] ^=
                (guint8)(1 << g_rand_int_range(rand, 0, 8));
            sqlite3_bind_int64(set, 1, sqlite3_column_int64(list, 0));
            sqlite3_bind_blob(set, 2, data, (int)n, SQLITE_STATIC);
            sqlite3_bind_int64(set, 3, msk_store_checksum(sqlite3_column_int(list, 1), data, n));
            CHECK(sqlite3_step(set) == SQLITE_DONE);
            sqlite3_reset(set);
        }
        g_clear_pointer(&list, sqlite3_finalize);
        g_clear_pointer(&set, sqlite3_finalize);
        CHECK(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
        g_clear_pointer(&db, sqlite3_close);
        use(path, (guint32)i);
    }
    end_group("values that lie");
}

int main(void)
{
    g_autofree char *folder = make_folder();
    g_autofree char *path = path_in(folder, "good.masklet");
    g_autofree char *log_path = g_strconcat(path, "-wal", NULL);
    g_autofree char *good = NULL, *early = NULL, *log = NULL;
    gsize size, early_size, log_size;
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(GRand) rand = g_rand_new_with_seed(40);
    g_autoptr(MskDocument) document = make_document();
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    CHECK(g_file_get_contents(path, &early, &early_size, NULL));
    msk_document_set_store(document, store);
    for (int i = 0; i < 120; i++)
        edit_document(document, rand);
    CHECK(flush_store(store, NULL) && g_file_get_contents(log_path, &log, &log_size, NULL));
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    CHECK(g_file_get_contents(path, &good, &size, NULL));
    printf("a file of %" G_GSIZE_FORMAT " bytes\n", size);

    test_pages(folder, good, size);
    test_logs(folder, early, early_size, log, log_size);
    test_rows(folder, good, size);
    test_values(folder, good, size);
    printf("in all %d opened (%d with a warning), %d refused\n", n_opened, n_warned, n_refused);
    remove_folder(folder);
    return end_tests();
}
