// SPDX-License-Identifier: Apache-2.0
// Reading a project: every value checked, damaged ones left out and named.
#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#include "app/store_private.h"

#define WARNINGS_MAX 20
#define THREADS_MAX 16
#define VALUES_PER_THREAD 64
#define ID_MAX ((int64_t)1 << 52) // of objects and commands: there are numbers left above

struct MskStoreContent {
    GArray *cells;       // of Item
    GPtrArray *commands; // of MskCommand, oldest first
    guint n_done;
    GString *warning;
    guint n_warnings;
};

typedef struct Item {
    MskCell cell;
    MskValue *value; // owned
} Item;

// A row of `value`; decoded by any thread.
typedef struct Slot {
    int64_t id; // the key in the table
    int kind;
    guint32 checksum;
    GBytes *data;    // until it is decoded
    MskValue *value; // NULL: damaged
} Slot;

typedef struct Load {
    MskStore *store;
    MskStoreContent *content;
    GHashTable *slots; // of Slot, by id
    gboolean is_cut;   // the history is shorter than the file's
    GError *error;
} Load;

static void clear_item(gpointer data)
{
    Item *item = data;
    msk_value_unref(item->value);
}

static void free_slot(gpointer data)
{
    Slot *slot = data;
    g_clear_pointer(&slot->data, g_bytes_unref);
    msk_value_unref(slot->value);
    g_free(slot);
}

// ---- The clip ----------------------------------------------------------------------------------

static char *take_bytes(sqlite3_stmt *statement)
{
    const char *bytes = sqlite3_column_blob(statement, 1);
    return g_strndup(bytes ? bytes : "", bytes ? (gsize)sqlite3_column_bytes(statement, 1) : 0);
}

MskMediaRef *msk_store_load_media(sqlite3 *db)
{
    g_autoptr(sqlite3_stmt) statement = NULL;
    MskMediaRef *ref = g_new0(MskMediaRef, 1);
    ref->n_frames = -1;
    if (sqlite3_prepare_v2(db, "SELECT key, value FROM project", -1, &statement, NULL) == SQLITE_OK)
        while (sqlite3_step(statement) == SQLITE_ROW) {
            const char *key = (const char *)sqlite3_column_text(statement, 0);
            const int64_t number = sqlite3_column_int64(statement, 1);
            if (g_strcmp0(key, "media-path") == 0) {
                g_free(ref->path);
                ref->path = take_bytes(statement);
            } else if (g_strcmp0(key, "media-relative-path") == 0) {
                g_free(ref->relative_path);
                ref->relative_path = take_bytes(statement);
            } else if (g_strcmp0(key, "media-hash") == 0) {
                g_free(ref->hash);
                ref->hash = take_bytes(statement);
            } else if (g_strcmp0(key, "media-size") == 0) {
                ref->size = MAX(number, 0);
            } else if (g_strcmp0(key, "media-width") == 0) {
                ref->width = (int)CLAMP(number, 0, MSK_MASK_SIDE_MAX);
            } else if (g_strcmp0(key, "media-height") == 0) {
                ref->height = (int)CLAMP(number, 0, MSK_MASK_SIDE_MAX);
            } else if (g_strcmp0(key, "media-frames") == 0) {
                ref->n_frames = CLAMP(number, -1, MSK_PROMPT_FRAME_MAX);
            }
        }
    if (!ref->path)
        ref->path = g_strdup("");
    if (!ref->hash)
        ref->hash = g_strdup("");
    return ref;
}

// ---- Values ------------------------------------------------------------------------------------

static void decode_slot(Slot *slot)
{
    gsize size;
    const void *data = g_bytes_get_data(slot->data, &size);
    if (msk_store_checksum(slot->kind, data, size) == slot->checksum)
        slot->value = msk_value_decode((MskCellKind)slot->kind, slot->data, NULL);
    g_clear_pointer(&slot->data, g_bytes_unref);
}

typedef struct Decoding {
    GPtrArray *slots; // borrowed
    int next;         // atomic: the first one that nobody has taken
} Decoding;

static gpointer decode_thread(gpointer user)
{
    Decoding *decoding = user;
    for (;;) {
        const guint i = (guint)g_atomic_int_add(&decoding->next, 1);
        if (i >= decoding->slots->len)
            return NULL;
        decode_slot(g_ptr_array_index(decoding->slots, i));
    }
}

static void decode_all(GPtrArray *slots)
{
    Decoding decoding = {.slots = slots};
    GThread *threads[THREADS_MAX];
    guint n = MIN(MIN(g_get_num_processors(), THREADS_MAX), slots->len / VALUES_PER_THREAD);
    for (guint i = 0; i < n; i++)
        threads[i] = g_thread_new("store-read", decode_thread, &decoding);
    decode_thread(&decoding);
    for (guint i = 0; i < n; i++)
        g_thread_join(threads[i]);
}

static gboolean prepare(Load *load, const char *sql, sqlite3_stmt **out)
{
    if (sqlite3_prepare_v2(load->store->rows.db, sql, -1, out, NULL) == SQLITE_OK)
        return TRUE;
    msk_store_set_db_error(&load->error, load->store->rows.db, load->store->path);
    return FALSE;
}

static gboolean end_of_rows(Load *load, int code)
{
    if (code != SQLITE_DONE)
        msk_store_set_db_error(&load->error, load->store->rows.db, load->store->path);
    return code == SQLITE_DONE;
}

static gboolean read_values(Load *load)
{
    g_autoptr(sqlite3_stmt) statement = NULL;
    g_autoptr(GPtrArray) slots = g_ptr_array_new();
    int code;
    if (!prepare(load, "SELECT id, kind, checksum, data FROM value", &statement))
        return FALSE;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        Slot *slot = g_new0(Slot, 1);
        const void *data = sqlite3_column_blob(statement, 3);
        slot->id = sqlite3_column_int64(statement, 0);
        slot->kind = sqlite3_column_int(statement, 1);
        slot->checksum = (guint32)sqlite3_column_int64(statement, 2);
        slot->data = g_bytes_new(data, data ? (gsize)sqlite3_column_bytes(statement, 3) : 0);
        if (g_hash_table_contains(load->slots, &slot->id)) {
            free_slot(slot); // a damaged table can have a number twice
        } else {
            g_hash_table_insert(load->slots, &slot->id, slot);
            g_ptr_array_add(slots, slot);
        }
    }
    decode_all(slots);
    return end_of_rows(load, code);
}

// ---- Checks ------------------------------------------------------------------------------------

static gboolean is_cell(const MskCell *cell)
{
    const gboolean has_frame = cell->kind == MSK_CELL_PROMPT || cell->kind == MSK_CELL_PAINT ||
                               cell->kind == MSK_CELL_RESULT;
    if (cell->kind == MSK_CELL_SETTING)
        return cell->object == 0 && cell->frame >= 1 && cell->frame <= G_MAXINT;
    return cell->kind > MSK_CELL_SETTING && cell->kind <= MSK_CELL_RESULT && cell->object >= 1 &&
           cell->object <= ID_MAX && cell->frame >= 0 &&
           cell->frame <= (has_frame ? MSK_PROMPT_FRAME_MAX : 0);
}

static gboolean is_setting(int64_t setting, GVariant *value)
{
    gint64 first, last;
    switch ((MskSetting)setting) {
    case MSK_SETTING_RANGE:
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE("(xx)")))
            return FALSE;
        g_variant_get(value, "(xx)", &first, &last);
        return first >= 0 && first <= last && last <= MSK_PROMPT_FRAME_MAX;
    case MSK_SETTING_NOTES:
        return g_variant_is_of_type(value, G_VARIANT_TYPE_STRING);
    }
    return TRUE;
}

static gboolean has_size(const Load *load, int width, int height)
{
    const MskMediaRef *ref = load->store->ref;
    return ref->width == 0 || ref->height == 0 || (width == ref->width && height == ref->height);
}

static gboolean fits(const Load *load, const MskMask *mask)
{
    return !mask || has_size(load, msk_mask_get_width(mask), msk_mask_get_height(mask));
}

// Whether the value can be in the cell: its kind, its frame, the clip's size.
static gboolean belongs(const Load *load, const MskCell *cell, const MskValue *value)
{
    if (value->kind != cell->kind)
        return FALSE;
    switch (value->kind) {
    case MSK_CELL_SETTING:
        return is_setting(cell->frame, value->setting);
    case MSK_CELL_PROMPT:
        return value->prompt->frame == cell->frame &&
               (!value->prompt->mask.pixels ||
                has_size(load, value->prompt->mask.width, value->prompt->mask.height));
    case MSK_CELL_PAINT:
        return fits(load, value->paint.add) && fits(load, value->paint.remove);
    case MSK_CELL_RESULT:
        return fits(load, value->track.result->mask);
    default:
        return TRUE;
    }
}

// *out: the value of row `id` for the cell, borrowed; NULL for none. FALSE: damaged.
static gboolean find_value(const Load *load, const MskCell *cell, int64_t id, MskValue **out)
{
    const Slot *slot = id ? g_hash_table_lookup(load->slots, &id) : NULL;
    *out = slot ? slot->value : NULL;
    if (id == 0)
        return TRUE;
    if (!*out || !belongs(load, cell, *out)) {
        *out = NULL;
        return FALSE;
    }
    return TRUE;
}

// ---- What the document holds -------------------------------------------------------------------

static void warn(Load *load, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void warn(Load *load, const char *format, ...)
{
    MskStoreContent *content = load->content;
    va_list args;
    if (content->n_warnings++ >= WARNINGS_MAX)
        return;
    va_start(args, format);
    if (content->warning->len > 0)
        g_string_append_c(content->warning, '\n');
    g_string_append_vprintf(content->warning, format, args);
    va_end(args);
}

static char *dup_object_name(const Load *load, int64_t id)
{
    for (guint i = 0; i < load->content->cells->len; i++) {
        const Item *item = &g_array_index(load->content->cells, Item, i);
        if (item->cell.kind == MSK_CELL_OBJECT && item->cell.object == id)
            return g_strdup_printf("\"%s\"", item->value->object.name);
    }
    return g_strdup_printf(_("Object %" PRId64), id);
}

// Cells come with objects' properties before their frames, so that names are known.
static void warn_of_cell(Load *load, const MskCell *cell)
{
    if (cell->kind == MSK_CELL_SETTING) {
        warn(load, "%s",
             cell->frame == MSK_SETTING_RANGE
                 ? _("The range is damaged; the project is opened without.")
             : cell->frame == MSK_SETTING_NOTES
                 ? _("The notes are damaged; the project is opened without.")
                 : _("A setting is damaged; the project is opened without."));
        return;
    }
    if (cell->kind == MSK_CELL_OBJECT) {
        warn(load,
             _("Object %" PRId64 ": its name, label, colour and matte are damaged; they "
               "were set anew."),
             cell->object);
        return;
    }
    g_autofree char *name = dup_object_name(load, cell->object);
    if (cell->kind == MSK_CELL_LOCKS)
        warn(load, _("%s: the locked spans are damaged and were left out."), name);
    else if (cell->kind == MSK_CELL_PROMPT)
        warn(load, _("%s, frame %" PRId64 ": the prompt is damaged and was left out."), name,
             cell->frame);
    else if (cell->kind == MSK_CELL_PAINT)
        warn(load, _("%s, frame %" PRId64 ": the brush strokes are damaged and were left out."),
             name, cell->frame);
    else
        warn(load, _("%s, frame %" PRId64 ": the mask is damaged and was left out."), name,
             cell->frame);
}

// An object with damaged properties keeps its frames.
static MskValue *make_object(int64_t id)
{
    static const guint32 colours[] = {0xe69f00, 0x56b4e9, 0x009e73, 0xf0e442,
                                      0x0072b2, 0xd55e00, 0xcc79a7};
    g_autofree char *name = g_strdup_printf(_("Object %" PRId64), id);
    MskObjectInfo info = {.name = name,
                          .label = (char *)"",
                          .colour = colours[(guint64)id % G_N_ELEMENTS(colours)],
                          .visible = TRUE,
                          .position = (double)id};
    return msk_value_new_object(&info);
}

static gboolean read_cells(Load *load)
{
    g_autoptr(sqlite3_stmt) statement = NULL;
    int code;
    if (!prepare(load, "SELECT kind, object, frame, value FROM cell ORDER BY 1, 2, 3", &statement))
        return FALSE;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        Item item = {{.kind = (MskCellKind)sqlite3_column_int(statement, 0),
                      .object = sqlite3_column_int64(statement, 1),
                      .frame = sqlite3_column_int64(statement, 2)}};
        if (!is_cell(&item.cell)) {
            warn(load, _("A part of the project is damaged and was left out."));
            continue;
        }
        gboolean is_sound =
            find_value(load, &item.cell, sqlite3_column_int64(statement, 3), &item.value);
        if (!is_sound || !item.value)
            warn_of_cell(load, &item.cell);
        if (item.value)
            msk_value_ref(item.value);
        else if (item.cell.kind == MSK_CELL_OBJECT)
            item.value = make_object(item.cell.object);
        if (item.value)
            g_array_append_val(load->content->cells, item);
    }
    return end_of_rows(load, code);
}

// ---- History -----------------------------------------------------------------------------------

static MskCommand *read_command(sqlite3_stmt *statement)
{
    const char *text = (const char *)sqlite3_column_text(statement, 1);
    g_autofree char *name = g_utf8_make_valid(text ? text : "", -1);
    MskCommand *command = msk_command_new(sqlite3_column_int64(statement, 0), name);
    command->time = sqlite3_column_int64(statement, 2);
    return command;
}

// FALSE: the command could not be undone or redone faithfully.
static gboolean read_change(Load *load, sqlite3_stmt *statement, MskCommand *command)
{
    MskCell cell = {.kind = (MskCellKind)sqlite3_column_int(statement, 1),
                    .object = sqlite3_column_int64(statement, 2),
                    .frame = sqlite3_column_int64(statement, 3)};
    MskValue *before, *after;
    gboolean is_sound = is_cell(&cell);
    is_sound = find_value(load, &cell, sqlite3_column_int64(statement, 4), &before) && is_sound;
    is_sound = find_value(load, &cell, sqlite3_column_int64(statement, 5), &after) && is_sound;
    if (is_sound)
        msk_command_add(command, &cell, before, after);
    return is_sound;
}

// Undoing goes back to the last command that is whole, redoing forward to the first that is not.
static void cut_history(Load *load, const GArray *sound)
{
    MskStoreContent *content = load->content;
    guint first = content->n_done, end = content->n_done;
    while (first > 0 && g_array_index(sound, gboolean, first - 1))
        first--;
    while (end < content->commands->len && g_array_index(sound, gboolean, end))
        end++;
    load->is_cut = first > 0 || end < content->commands->len;
    if (end < content->commands->len)
        g_ptr_array_remove_range(content->commands, end, content->commands->len - end);
    if (first > 0) {
        const MskCommand *last = g_ptr_array_index(content->commands, first - 1);
        warn(load,
             _("Steps up to \"%s\" can no longer be undone: a part of the history is damaged."),
             last->name);
        g_ptr_array_remove_range(content->commands, 0, first);
    }
    content->n_done -= first;
}

static gboolean read_history(Load *load)
{
    g_autoptr(sqlite3_stmt) commands = NULL, changes = NULL;
    g_autoptr(GArray) sound = g_array_new(FALSE, FALSE, sizeof(gboolean));
    MskStoreContent *content = load->content;
    int code;
    if (!prepare(load, "SELECT id, name, time, done FROM command ORDER BY id", &commands) ||
        !prepare(load,
                 "SELECT command, kind, object, frame, before, after FROM change"
                 " ORDER BY 1, 2, 3, 4",
                 &changes))
        return FALSE;
    while ((code = sqlite3_step(commands)) == SQLITE_ROW) {
        const int64_t id = sqlite3_column_int64(commands, 0);
        const gboolean is_sound = id >= 1 && id <= ID_MAX;
        g_ptr_array_add(content->commands, read_command(commands));
        g_array_append_val(sound, is_sound);
        // What is not done comes last.
        if (sqlite3_column_int(commands, 3) && content->n_done == content->commands->len - 1)
            content->n_done++;
    }
    if (!end_of_rows(load, code))
        return FALSE;
    guint i = 0;
    while ((code = sqlite3_step(changes)) == SQLITE_ROW) {
        const int64_t id = sqlite3_column_int64(changes, 0);
        while (i < content->commands->len &&
               ((MskCommand *)g_ptr_array_index(content->commands, i))->id < id)
            i++;
        MskCommand *command =
            i < content->commands->len ? g_ptr_array_index(content->commands, i) : NULL;
        if (command && command->id == id && !read_change(load, changes, command))
            g_array_index(sound, gboolean, i) = FALSE;
    }
    for (guint k = 0; k < content->commands->len; k++)
        msk_command_forget_pending(g_ptr_array_index(content->commands, k));
    cut_history(load, sound);
    return end_of_rows(load, code);
}

// ---- All ---------------------------------------------------------------------------------------

// Commands to come will have the numbers of those that were left out.
static gboolean drop_lost_history(Load *load)
{
    const GPtrArray *commands = load->content->commands;
    int64_t first = 1, last = 0;
    if (commands->len > 0) {
        first = ((MskCommand *)g_ptr_array_index(commands, 0))->id;
        last = ((MskCommand *)g_ptr_array_index(commands, commands->len - 1))->id;
    }
    g_autofree char *sql =
        g_strdup_printf("BEGIN IMMEDIATE; DELETE FROM command WHERE id NOT BETWEEN %" PRId64
                        " AND %" PRId64 "; DELETE FROM value WHERE"
                        " NOT EXISTS(SELECT 1 FROM cell WHERE cell.value = value.id)"
                        " AND NOT EXISTS(SELECT 1 FROM change WHERE before = value.id)"
                        " AND NOT EXISTS(SELECT 1 FROM change WHERE after = value.id); COMMIT",
                        first, last);
    return msk_store_run(load->store->rows.db, load->store->path, sql, &load->error);
}

static void know_values(Load *load)
{
    GHashTableIter iter;
    gpointer data;
    g_hash_table_iter_init(&iter, load->slots);
    while (g_hash_table_iter_next(&iter, NULL, &data)) {
        Slot *slot = data;
        // Those of a history that was left out are gone.
        if (slot->value && slot->value->n_refs > 1)
            msk_store_rows_know(&load->store->rows, slot->id, slot->value);
    }
}

MskStoreContent *msk_store_read(MskStore *store, GError **error)
{
    g_autoptr(MskStoreContent) content = g_new0(MskStoreContent, 1);
    Load load = {.store = store, .content = content};

    content->cells = g_array_new(FALSE, FALSE, sizeof(Item));
    g_array_set_clear_func(content->cells, clear_item);
    content->commands = g_ptr_array_new_with_free_func((GDestroyNotify)msk_command_unref);
    content->warning = g_string_new(NULL);
    load.slots = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_slot);
    pthread_mutex_lock(&store->db_lock);
    gboolean is_read = read_values(&load) && read_cells(&load) && read_history(&load);
    if (is_read && !store->is_read_only && load.is_cut)
        is_read = drop_lost_history(&load);
    if (is_read && !store->is_read_only)
        know_values(&load);
    pthread_mutex_unlock(&store->db_lock);
    g_hash_table_unref(load.slots);
    if (!is_read) {
        g_propagate_error(error, load.error);
        return NULL;
    }
    if (content->n_warnings > WARNINGS_MAX)
        g_string_append_printf(content->warning,
                               ngettext("\n%u more part is damaged.",
                                        "\n%u more parts are damaged.",
                                        content->n_warnings - WARNINGS_MAX),
                               content->n_warnings - WARNINGS_MAX);
    return g_steal_pointer(&content);
}

void msk_store_content_apply(MskStoreContent *content, MskDocument *document)
{
    for (guint i = 0; i < content->cells->len; i++) {
        Item *item = &g_array_index(content->cells, Item, i);
        msk_document_load_value(document, &item->cell, item->value);
    }
    msk_document_load_commands(document, content->commands, content->n_done);
    msk_document_loaded(document);
}

MskDocument *msk_store_content_make_document(MskStoreContent *content, int width, int height,
                                             int64_t n_frames)
{
    MskDocument *document = msk_document_new_in_making(width, height, n_frames);
    msk_store_content_apply(content, document);
    return document;
}

const char *msk_store_content_get_warning(const MskStoreContent *content)
{
    return content->warning->len > 0 ? content->warning->str : NULL;
}

void msk_store_content_free(MskStoreContent *content)
{
    if (!content)
        return;
    g_array_unref(content->cells);
    g_ptr_array_unref(content->commands);
    g_string_free(content->warning, TRUE);
    g_free(content);
}
