// SPDX-License-Identifier: Apache-2.0
// MskDocument: adding, removing, copying and ordering objects.
#include "app/document_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#include "app/palette.h"

static gboolean change_info(MskDocument *document, int64_t id, const MskObjectInfo *info)
{
    MskCell cell = {MSK_CELL_OBJECT, id, 0};
    return msk_document_change_take(document, &cell, info ? msk_value_new_object(info) : NULL);
}

static gboolean has_name(MskDocument *document, const char *name)
{
    for (guint i = 0; i < document->list->len; i++) {
        const MskMasklet *masklet = document->list->pdata[i];
        if (strcmp(masklet->info->object.name, name) == 0)
            return TRUE;
    }
    return FALSE;
}

// "STEM N" with the first N from `n` on that no object has.
static char *make_name(MskDocument *document, const char *stem, guint64 n)
{
    for (;; n++) {
        g_autofree char *name = g_strdup_printf("%s %" PRIu64, stem, n);
        if (!has_name(document, name))
            return g_steal_pointer(&name);
    }
}

// "Dog" -> "Dog 2", "Dog 2" -> "Dog 3".
static char *make_copy_name(MskDocument *document, const char *name)
{
    const char *space = strrchr(name, ' ');
    guint64 n;
    if (space && space != name && g_ascii_string_to_unsigned(space + 1, 10, 0, 1000000, &n, NULL)) {
        g_autofree char *stem = g_strndup(name, (gsize)(space - name));
        return make_name(document, stem, n + 1);
    }
    return make_name(document, name, 2);
}

// The first colour of the palette that the fewest objects have.
static guint32 choose_colour(MskDocument *document)
{
    g_autoptr(GHashTable) used = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < document->list->len; i++) {
        const MskMasklet *masklet = document->list->pdata[i];
        g_hash_table_add(used, GUINT_TO_POINTER(masklet->info->object.colour));
    }
    guint index = 0;
    while (index < document->list->len &&
           g_hash_table_contains(used, GUINT_TO_POINTER(msk_palette_get(index))))
        index++;
    return msk_palette_get(index);
}

static double get_position(MskDocument *document, guint index)
{
    return msk_document_get_object(document, index)->info->object.position;
}

// Gives all objects whole numbers in the order they are in.
static void renumber(MskDocument *document)
{
    g_autoptr(GPtrArray) objects = g_ptr_array_copy(document->list, NULL, NULL);
    for (guint i = 0; i < objects->len; i++) {
        MskMasklet *masklet = objects->pdata[i];
        MskObjectInfo info = masklet->info->object;
        info.position = i + 1;
        change_info(document, masklet->id, &info);
    }
    msk_document_flush_objects(document);
}

// A position that puts an object before the one that is at `index` now.
static double make_position(MskDocument *document, guint index)
{
    guint n = document->list->len;
    if (n == 0)
        return 1;
    if (index >= n)
        return get_position(document, n - 1) + 1;
    if (index == 0)
        return get_position(document, 0) - 1;
    double before = get_position(document, index - 1), after = get_position(document, index);
    double middle = before + (after - before) / 2;
    if (before < middle && middle < after)
        return middle;
    renumber(document); // halved too often
    return index + 0.5;
}

MskMasklet *msk_document_add_object(MskDocument *document, const char *name)
{
    g_autofree char *made =
        name ? NULL : make_name(document, _("Object"), (guint64)document->list->len + 1);
    msk_document_begin(document, _("Add Object"));
    MskObjectInfo info = {.name = made ? made : (char *)name,
                          .label = (char *)"",
                          .colour = choose_colour(document),
                          .visible = TRUE,
                          .position = make_position(document, document->list->len)};
    int64_t id = document->next_object++;
    change_info(document, id, &info);
    msk_document_end(document);
    return msk_document_find_object(document, id);
}

void msk_document_remove_object(MskDocument *document, MskMasklet *masklet)
{
    if (!msk_document_can_edit(document, masklet))
        return;
    msk_document_begin(document, _("Delete Object"));
    change_info(document, masklet->id, NULL);
    msk_document_end(document);
}

void msk_document_set_info(MskDocument *document, MskMasklet *masklet, const MskObjectInfo *info)
{
    g_return_if_fail(info->name && *info->name);
    if (!masklet->exists)
        return;
    msk_document_begin(document, _("Change Object"));
    change_info(document, masklet->id, info);
    msk_document_end(document);
}

void msk_document_move_object(MskDocument *document, MskMasklet *masklet, guint index)
{
    int now = msk_document_find_index(document, masklet);
    index = MIN(index, MAX(document->list->len, 1) - 1);
    if (now < 0 || index == (guint)now)
        return;
    msk_document_begin(document, _("Reorder Objects"));
    // The object itself, which goes, is still counted.
    double position = make_position(document, index > (guint)now ? index + 1 : index);
    MskObjectInfo info = masklet->info->object;
    info.position = position;
    change_info(document, masklet->id, &info);
    msk_document_end(document);
}

// ---- Duplicating -------------------------------------------------------------------------------

typedef struct Copying {
    GPtrArray *masklets, *copies; // references
    MskBulk *bulk;
} Copying;

static void free_copying(gpointer data)
{
    Copying *copying = data;
    g_ptr_array_unref(copying->masklets);
    g_clear_pointer(&copying->copies, g_ptr_array_unref);
    msk_bulk_free(copying->bulk);
    g_free(copying);
}

static Copying *fork_objects(MskDocument *document, MskMasklet *const *masklets, guint n,
                             const char *name)
{
    Copying *copying = g_new0(Copying, 1);
    g_autoptr(MskCommand) command = msk_command_new(0, name);
    copying->masklets = g_ptr_array_new_with_free_func(g_object_unref);
    copying->copies = g_ptr_array_new_with_free_func(g_object_unref);
    copying->bulk = msk_bulk_new(command);
    msk_document_finish_turns(document);
    for (guint i = 0; i < n; i++) {
        if (!masklets[i]->exists)
            continue;
        g_ptr_array_add(copying->masklets, g_object_ref(masklets[i]));
        MskMasklet *fork = msk_bulk_fork(copying->bulk, masklets[i], document->next_object++);
        fork->revision++; // all of it is new to the document
        msk_masklet_mark_changed(fork, 0, INT64_MAX);
    }
    return copying;
}

static void copy_cell(const MskCell *cell, MskValue *value, gpointer user)
{
    if (cell->kind != MSK_CELL_OBJECT)
        msk_command_add(user, cell, NULL, value);
}

// Any thread.
static void list_changes(Copying *copying)
{
    GHashTableIter iter;
    gpointer fork;
    g_hash_table_iter_init(&iter, copying->bulk->forks);
    while (g_hash_table_iter_next(&iter, NULL, &fork))
        msk_masklet_foreach(fork, copy_cell, copying->bulk->command);
    msk_bulk_end(copying->bulk);
}

// The objects may be gone or others by now; the copies go behind them where they are there.
static void add_copy(MskDocument *document, MskMasklet *masklet, int64_t id)
{
    g_autofree char *name = make_copy_name(document, masklet->info->object.name);
    const int index = msk_document_find_index(document, masklet);
    const double position =
        make_position(document, index < 0 ? document->list->len : (guint)index + 1);
    MskObjectInfo info = masklet->info->object;
    info.name = name;
    info.colour = choose_colour(document);
    info.position = position;
    change_info(document, id, &info);
    msk_document_flush_objects(document);
}

static int compare_ids(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void commit(MskDocument *document, Copying *copying)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    GHashTableIter iter;
    gpointer id;
    g_hash_table_iter_init(&iter, copying->bulk->forks);
    while (g_hash_table_iter_next(&iter, &id, NULL))
        g_array_append_val(ids, *(int64_t *)id);
    g_array_sort(ids, compare_ids);
    msk_document_begin_bulk(document, copying->bulk);
    for (guint i = 0; i < ids->len; i++) {
        add_copy(document, copying->masklets->pdata[i], g_array_index(ids, int64_t, i));
        MskMasklet *copy = msk_document_find_object(document, g_array_index(ids, int64_t, i));
        g_ptr_array_add(copying->copies, g_object_ref(copy));
    }
    msk_document_end(document);
}

MskMasklet *msk_document_duplicate_object(MskDocument *document, MskMasklet *masklet)
{
    Copying *copying = fork_objects(document, &masklet, 1, _("Duplicate Object"));
    MskMasklet *copy = NULL;
    if (copying->masklets->len > 0) {
        list_changes(copying);
        commit(document, copying);
        copy = copying->copies->pdata[0];
    }
    free_copying(copying);
    return copy;
}

static void list_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    list_changes(data);
    g_task_return_boolean(task, TRUE);
}

static void listed_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autoptr(GTask) outer = user;
    Copying *copying = g_task_get_task_data(outer);
    if (copying->masklets->len > 0)
        commit(g_task_get_source_object(outer), copying);
    g_task_return_pointer(outer, g_steal_pointer(&copying->copies),
                          (GDestroyNotify)g_ptr_array_unref);
}

void msk_document_duplicate_objects_async(MskDocument *document, MskMasklet *const *masklets,
                                          guint n, const char *name, GAsyncReadyCallback callback,
                                          gpointer user)
{
    GTask *outer = g_task_new(document, NULL, callback, user);
    Copying *copying = fork_objects(document, masklets, n, name);
    g_task_set_task_data(outer, copying, free_copying);
    // The inner one knows no objects: it may end on its thread.
    g_autoptr(GTask) task = g_task_new(NULL, NULL, listed_cb, outer);
    g_task_set_task_data(task, copying, NULL);
    g_task_run_in_thread(task, list_thread);
}

GPtrArray *msk_document_duplicate_objects_finish(MskDocument *document, GAsyncResult *result)
{
    return g_task_propagate_pointer(G_TASK(result), NULL);
}
