// SPDX-License-Identifier: Apache-2.0
// MskDocument: adding, removing, copying and ordering objects.
#include "app/document_private.h"

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
        g_autofree char *name = g_strdup_printf("%s %" G_GUINT64_FORMAT, stem, n);
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
        name ? NULL : make_name(document, "Object", (guint64)document->list->len + 1);
    msk_document_begin(document, "Add Object");
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
    msk_document_begin(document, "Delete Object");
    change_info(document, masklet->id, NULL);
    msk_document_end(document);
}

void msk_document_set_info(MskDocument *document, MskMasklet *masklet, const MskObjectInfo *info)
{
    g_return_if_fail(info->name && *info->name);
    if (!masklet->exists)
        return;
    msk_document_begin(document, "Change Object");
    change_info(document, masklet->id, info);
    msk_document_end(document);
}

void msk_document_move_object(MskDocument *document, MskMasklet *masklet, guint index)
{
    int now = msk_document_find_index(document, masklet);
    index = MIN(index, MAX(document->list->len, 1) - 1);
    if (now < 0 || index == (guint)now)
        return;
    msk_document_begin(document, "Reorder Objects");
    // The object itself, which goes, is still counted.
    double position = make_position(document, index > (guint)now ? index + 1 : index);
    MskObjectInfo info = masklet->info->object;
    info.position = position;
    change_info(document, masklet->id, &info);
    msk_document_end(document);
}

// ---- Duplicating -------------------------------------------------------------------------------

typedef struct Copying {
    MskDocument *document;
    int64_t to;
} Copying;

static void copy_cell(const MskCell *cell, MskValue *value, gpointer user)
{
    const Copying *copying = user;
    MskCell to = {cell->kind, copying->to, cell->frame};
    if (cell->kind != MSK_CELL_OBJECT)
        msk_document_change(copying->document, &to, value);
}

MskMasklet *msk_document_duplicate_object(MskDocument *document, MskMasklet *masklet)
{
    if (!masklet->exists)
        return NULL;
    g_autofree char *name = make_copy_name(document, masklet->info->object.name);
    msk_document_begin(document, "Duplicate Object");
    guint index = (guint)msk_document_find_index(document, masklet);
    double position = make_position(document, index + 1);
    MskObjectInfo info = masklet->info->object;
    info.name = name;
    info.colour = choose_colour(document);
    info.position = position;
    Copying copying = {document, document->next_object++};
    change_info(document, copying.to, &info);
    msk_masklet_foreach(masklet, copy_cell, &copying);
    msk_document_end(document);
    return msk_document_find_object(document, copying.to);
}
