// SPDX-License-Identifier: Apache-2.0
// The tables of a project file, their versions, and bringing older ones up to date.
//
// A value is stored once, whoever refers to it. `cell` is what the document holds now; `command`
// and `change` are its history, commands that are not done can be redone.
#include <glib/gi18n.h>
#include <string.h>
#include <zlib.h>

#include "app/store_private.h"

#define BUSY_MS 2000
#define BLOB_MAX (256 << 20)

// Version 1 had no history and no checksums; its results did not know their agreement.
static const char schema_1[] =
    "CREATE TABLE project(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE value(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE cell(kind INTEGER NOT NULL, object INTEGER NOT NULL, frame INTEGER NOT NULL,"
    " value INTEGER NOT NULL REFERENCES value(id), PRIMARY KEY(kind, object, frame)) WITHOUT "
    "ROWID;";

// Version 3 has the same tables; results in it know the model that made them.
static const char schema_2[] =
    "CREATE TABLE project(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE value(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " data BLOB NOT NULL);"
    "CREATE INDEX value_checksum ON value(checksum);"
    "CREATE TABLE cell(kind INTEGER NOT NULL, object INTEGER NOT NULL, frame INTEGER NOT NULL,"
    " value INTEGER NOT NULL REFERENCES value(id), PRIMARY KEY(kind, object, frame)) WITHOUT ROWID;"
    "CREATE INDEX cell_value ON cell(value);"
    "CREATE TABLE command(id INTEGER PRIMARY KEY, name TEXT NOT NULL, time INTEGER NOT NULL,"
    " done INTEGER NOT NULL);"
    "CREATE TABLE change(command INTEGER NOT NULL REFERENCES command(id) ON DELETE CASCADE,"
    " kind INTEGER NOT NULL, object INTEGER NOT NULL, frame INTEGER NOT NULL,"
    " before INTEGER REFERENCES value(id), after INTEGER REFERENCES value(id),"
    " PRIMARY KEY(command, kind, object, frame)) WITHOUT ROWID;"
    "CREATE INDEX change_before ON change(before);"
    "CREATE INDEX change_after ON change(after);";

static const char *const schemas[] = {NULL, schema_1, schema_2, schema_2};

G_STATIC_ASSERT(G_N_ELEMENTS(schemas) == MSK_STORE_SCHEMA + 1);

guint32 msk_store_checksum(int kind, gconstpointer data, gsize size)
{
    guint8 first = (guint8)kind;
    uLong sum = crc32(crc32(0, NULL, 0), &first, 1);
    return (guint32)crc32_z(sum, data, size);
}

// ---- Databases ---------------------------------------------------------------------------------

sqlite3 *msk_store_open_db(const char *path, int flags, GError **error)
{
    g_autoptr(sqlite3) db = NULL;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK) {
        msk_store_set_db_error(error, db, path);
        return NULL;
    }
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, BLOB_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 1); // VACUUM takes it
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    // A file that comes from elsewhere may lie about anything.
    if (!msk_store_run(db, path,
                       "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
                       "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON",
                       error))
        return NULL;
    return g_steal_pointer(&db);
}

gboolean msk_store_run(sqlite3 *db, const char *path, const char *sql, GError **error)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return TRUE;
    msk_store_set_db_error(error, db, path);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return FALSE;
}

static char *dup_stamps(int version)
{
    return g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %d;",
                           MSK_STORE_APPLICATION_ID, version);
}

gboolean msk_store_schema_create(sqlite3 *db, const char *path, GError **error)
{
    g_autofree char *stamps = dup_stamps(MSK_STORE_SCHEMA);
    g_autofree char *sql = g_strconcat("BEGIN;", schema_2, stamps, "COMMIT;", NULL);
    return msk_store_run(db, path, sql, error);
}

// ---- Checking ----------------------------------------------------------------------------------

// All that is defined in a database, as text; NULL: not readable.
static char *dup_definitions(sqlite3 *db)
{
    g_autoptr(sqlite3_stmt) statement = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    int code;
    if (sqlite3_prepare_v2(db, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2",
                           -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        for (int i = 0; i < 4; i++) {
            const char *field = (const char *)sqlite3_column_text(statement, i);
            g_string_append_printf(text, "%s|", field ? field : "");
        }
    return code == SQLITE_DONE ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static char *dup_expected(int version)
{
    g_autoptr(sqlite3) db = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
        sqlite3_exec(db, schemas[version], NULL, NULL, NULL) != SQLITE_OK)
        return NULL;
    return dup_definitions(db);
}

static gboolean read_number(sqlite3 *db, const char *sql, gint64 *out)
{
    g_autoptr(sqlite3_stmt) statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        return FALSE;
    *out = sqlite3_column_int64(statement, 0);
    return TRUE;
}

gboolean msk_store_schema_check(sqlite3 *db, const char *path, int *version, GError **error)
{
    gint64 id = 0, number = 0;
    if (!read_number(db, "PRAGMA application_id", &id) ||
        !read_number(db, "PRAGMA user_version", &number)) {
        msk_store_set_db_error(error, db, path);
        return FALSE;
    }
    if (id != MSK_STORE_APPLICATION_ID) {
        msk_store_set_error(error, MSK_STORE_ERROR_NOT_PROJECT, path,
                            _("is not a Masklet project"));
        return FALSE;
    }
    if (number > MSK_STORE_SCHEMA) {
        msk_store_set_error(
            error, MSK_STORE_ERROR_NEWER, path,
            _("was written by a newer Masklet (its version is %u, this program knows "
              "%d); use that one to open it"),
            (guint)number, MSK_STORE_SCHEMA);
        return FALSE;
    }
    g_autofree char *expected = number >= 1 ? dup_expected((int)number) : NULL;
    g_autofree char *found = dup_definitions(db);
    if (!found) {
        msk_store_set_db_error(error, db, path);
        return FALSE;
    }
    if (!expected || strcmp(expected, found) != 0) {
        msk_store_set_error(
            error, MSK_STORE_ERROR_NOT_PROJECT, path,
            _("is damaged (its tables are not those of a project); go back to a copy "
              "of it"));
        return FALSE;
    }
    *version = (int)number;
    return TRUE;
}

// ---- Migration ---------------------------------------------------------------------------------

static void checksum_cb(sqlite3_context *context, int n, sqlite3_value **values)
{
    const void *data = sqlite3_value_blob(values[1]);
    const int size = sqlite3_value_bytes(values[1]);
    sqlite3_result_int64(
        context, msk_store_checksum(sqlite3_value_int(values[0]), data ? data : "", (gsize)size));
}

static gboolean keep_backup(sqlite3 *db, const char *path, int version, GError **error)
{
    g_autofree char *kept = g_strdup_printf("%s.bak-%d", path, version);
    MskStoreFile file;
    g_autofree char *temporary = msk_store_file_make_temporary(&file, kept, error);
    if (!temporary)
        return FALSE;
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", temporary);
    gboolean is_written = msk_store_run(db, path, sql, error);
    sqlite3_free(sql);
    if (!is_written) {
        msk_store_file_drop(&file, temporary);
        return FALSE;
    }
    return msk_store_file_install(&file, temporary, kept, TRUE, error);
}

gboolean msk_store_schema_migrate(sqlite3 *db, const char *path, int version, gboolean keep,
                                  GError **error)
{
    if (version == MSK_STORE_SCHEMA)
        return TRUE;
    if (keep && !keep_backup(db, path, version, error))
        return FALSE;
    g_autofree char *stamps = dup_stamps(MSK_STORE_SCHEMA);
    if (version == 2) {
        g_autofree char *restamp = g_strconcat("BEGIN IMMEDIATE;", stamps, "COMMIT;", NULL);
        return msk_store_run(db, path, restamp, error);
    }
    sqlite3_create_function(db, "masklet_checksum", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                            checksum_cb, NULL, NULL);
    g_autofree char *sql = g_strconcat(
        "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;"
        "BEGIN IMMEDIATE;"
        "ALTER TABLE project RENAME TO old_project;"
        "ALTER TABLE value RENAME TO old_value;"
        "ALTER TABLE cell RENAME TO old_cell;",
        schema_2,
        "INSERT INTO project SELECT key, value FROM old_project;"
        "INSERT INTO value SELECT id, kind, masklet_checksum(kind, data), data FROM old_value;"
        "INSERT INTO cell SELECT kind, object, frame, value FROM old_cell"
        " WHERE value IN (SELECT id FROM value);"
        "DROP TABLE old_cell; DROP TABLE old_value; DROP TABLE old_project;",
        stamps, "COMMIT; PRAGMA legacy_alter_table = OFF; PRAGMA foreign_keys = ON", NULL);
    gboolean is_done = msk_store_run(db, path, sql, error);
    sqlite3_create_function(db, "masklet_checksum", 2, SQLITE_UTF8, NULL, NULL, NULL, NULL);
    return is_done;
}
