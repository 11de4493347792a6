// SPDX-License-Identifier: Apache-2.0
// Values and commands: making, sharing and comparing them.
#include "app/value.h"

#include <string.h>

#include "app/free_later.h"

guint msk_cell_hash(gconstpointer data)
{
    const MskCell *cell = data;
    guint64 hash = (guint64)cell->object * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    hash = (hash ^ (guint64)cell->frame) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    hash = (hash ^ (guint64)cell->kind) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return (guint)(hash >> 32);
}

gboolean msk_cell_equal(gconstpointer a, gconstpointer b)
{
    const MskCell *x = a, *y = b;
    return x->kind == y->kind && x->object == y->object && x->frame == y->frame;
}

// ---- Values ------------------------------------------------------------------------------------

static MskValue *alloc_value(MskCellKind kind)
{
    MskValue *value = g_new0(MskValue, 1);
    value->n_refs = 1;
    value->kind = kind;
    return value;
}

MskValue *msk_value_new_setting(GVariant *setting)
{
    MskValue *value = alloc_value(MSK_CELL_SETTING);
    value->setting = g_variant_ref_sink(setting);
    return value;
}

MskValue *msk_value_new_object(const MskObjectInfo *info)
{
    MskValue *value = alloc_value(MSK_CELL_OBJECT);
    value->object = *info;
    value->object.name = g_strdup(info->name);
    value->object.label = g_strdup(info->label ? info->label : "");
    value->object.visible = info->visible != FALSE;
    value->object.locked = info->locked != FALSE;
    return value;
}

MskValue *msk_value_new_locks(const MskInterval *intervals, guint n)
{
    MskValue *value = alloc_value(MSK_CELL_LOCKS);
    value->locks = g_array_sized_new(FALSE, FALSE, sizeof(MskInterval), n);
    if (n > 0)
        g_array_append_vals(value->locks, intervals, n);
    return value;
}

MskValue *msk_value_new_prompt(const MskPrompt *prompt)
{
    MskValue *value = alloc_value(MSK_CELL_PROMPT);
    value->prompt = msk_prompt_copy(prompt);
    g_clear_pointer(&value->prompt->mask_path, g_free);
    if (!prompt->has_box)
        memset(value->prompt->box, 0, sizeof value->prompt->box);
    return value;
}

MskValue *msk_value_new_paint(MskMask *add, MskMask *remove)
{
    g_assert(add || remove);
    MskValue *value = alloc_value(MSK_CELL_PAINT);
    value->paint.add = add ? msk_mask_ref(add) : NULL;
    value->paint.remove = remove ? msk_mask_ref(remove) : NULL;
    return value;
}

MskValue *msk_value_new_track(MskResult *result, guint64 source, float agreement)
{
    MskValue *value = alloc_value(MSK_CELL_RESULT);
    value->track = (MskTrackValue){msk_result_ref(result), source, agreement};
    return value;
}

MskValue *msk_value_ref(MskValue *value)
{
    g_atomic_int_inc(&value->n_refs);
    return value;
}

void msk_value_unref(MskValue *value)
{
    if (!value || !g_atomic_int_dec_and_test(&value->n_refs))
        return;
    switch (value->kind) {
    case MSK_CELL_SETTING:
        g_variant_unref(value->setting);
        break;
    case MSK_CELL_OBJECT:
        g_free(value->object.name);
        g_free(value->object.label);
        break;
    case MSK_CELL_LOCKS:
        g_array_unref(value->locks);
        break;
    case MSK_CELL_PROMPT:
        msk_prompt_free(value->prompt);
        break;
    case MSK_CELL_PAINT:
        msk_mask_unref(value->paint.add);
        msk_mask_unref(value->paint.remove);
        break;
    case MSK_CELL_RESULT:
        msk_result_unref(value->track.result);
        break;
    }
    g_free(value);
}

// ---- Comparing ---------------------------------------------------------------------------------

static gboolean equal_bytes(const void *a, const void *b, gsize size)
{
    return a == b || (a && b && memcmp(a, b, size) == 0);
}

static gboolean equal_arrays(const GArray *a, const GArray *b, gsize element_size)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->data, b->data, a->len * element_size) == 0);
}

static gboolean equal_masks(const MskMask *a, const MskMask *b)
{
    return a == b || (a && b && msk_mask_equal(a, b));
}

static gboolean equal_objects(const MskObjectInfo *a, const MskObjectInfo *b)
{
    return g_strcmp0(a->name, b->name) == 0 && g_strcmp0(a->label, b->label) == 0 &&
           a->colour == b->colour && a->visible == b->visible && a->locked == b->locked &&
           a->position == b->position && a->matte.ramp == b->matte.ramp &&
           a->matte.fill_holes == b->matte.fill_holes &&
           a->matte.remove_dots == b->matte.remove_dots && a->matte.grow == b->matte.grow &&
           a->matte.feather == b->matte.feather;
}

static gboolean equal_prompts(const MskPrompt *a, const MskPrompt *b)
{
    return a->frame == b->frame && equal_arrays(a->points, b->points, sizeof(float)) &&
           equal_arrays(a->labels, b->labels, sizeof(int)) && a->has_box == b->has_box &&
           (!a->has_box || memcmp(a->box, b->box, sizeof a->box) == 0) &&
           a->mask.width == b->mask.width && a->mask.height == b->mask.height &&
           equal_bytes(a->mask.pixels, b->mask.pixels,
                       (gsize)a->mask.width * (gsize)a->mask.height);
}

// Floats as bits: a NaN equals itself.
static gboolean equal_results(const MskResult *a, const MskResult *b)
{
    return a == b || (a->frame == b->frame && a->grid == b->grid && a->n_pointer == b->n_pointer &&
                      a->model == b->model && !a->from_mask == !b->from_mask &&
                      equal_bytes(&a->object_score, &b->object_score, sizeof a->object_score) &&
                      equal_bytes(&a->iou, &b->iou, sizeof a->iou) &&
                      equal_bytes(a->low_logits, b->low_logits,
                                  (gsize)a->grid * (gsize)a->grid * sizeof(float)) &&
                      equal_bytes(a->pointer, b->pointer, (gsize)a->n_pointer * sizeof(float)) &&
                      equal_masks(a->mask, b->mask));
}

gboolean msk_value_equal(const MskValue *a, const MskValue *b)
{
    if (a == b)
        return TRUE;
    if (!a || !b || a->kind != b->kind)
        return FALSE;
    switch (a->kind) {
    case MSK_CELL_SETTING:
        return g_variant_equal(a->setting, b->setting);
    case MSK_CELL_OBJECT:
        return equal_objects(&a->object, &b->object);
    case MSK_CELL_LOCKS:
        return equal_arrays(a->locks, b->locks, sizeof(MskInterval));
    case MSK_CELL_PROMPT:
        return equal_prompts(a->prompt, b->prompt);
    case MSK_CELL_PAINT:
        return equal_masks(a->paint.add, b->paint.add) &&
               equal_masks(a->paint.remove, b->paint.remove);
    case MSK_CELL_RESULT:
        return a->track.source == b->track.source &&
               equal_bytes(&a->track.agreement, &b->track.agreement, sizeof(float)) &&
               equal_results(a->track.result, b->track.result);
    }
    return FALSE;
}

static gsize get_mask_size(const MskMask *mask)
{
    return mask ? msk_mask_get_size(mask) : 0;
}

gsize msk_value_get_size(const MskValue *value)
{
    gsize size = sizeof *value;
    switch (value->kind) {
    case MSK_CELL_SETTING:
        size += g_variant_get_size(value->setting);
        break;
    case MSK_CELL_OBJECT:
        size += strlen(value->object.name) + strlen(value->object.label) + 2;
        break;
    case MSK_CELL_LOCKS:
        size += value->locks->len * sizeof(MskInterval);
        break;
    case MSK_CELL_PROMPT:
        size += sizeof(MskPrompt) + value->prompt->points->len * sizeof(float) +
                value->prompt->labels->len * sizeof(int) +
                (gsize)value->prompt->mask.width * (gsize)value->prompt->mask.height;
        break;
    case MSK_CELL_PAINT:
        size += get_mask_size(value->paint.add) + get_mask_size(value->paint.remove);
        break;
    case MSK_CELL_RESULT: {
        const MskResult *result = value->track.result;
        size += sizeof *result + get_mask_size(result->mask);
        if (result->low_logits)
            size += (gsize)result->grid * (gsize)result->grid * sizeof(float);
        if (result->pointer)
            size += (gsize)result->n_pointer * sizeof(float);
        break;
    }
    }
    return size;
}

guint64 msk_value_hash_mask(const MskMask *mask)
{
    g_autoptr(GBytes) bytes = msk_mask_serialise(mask);
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325); // FNV-1a
    for (gsize i = 0; i < size; i++)
        hash = (hash ^ data[i]) * G_GUINT64_CONSTANT(0x100000001b3);
    return hash ? hash : 1;
}

// ---- Commands ----------------------------------------------------------------------------------

#define INDEX_FROM 16 // changes from which on they are looked up in a table

static void free_change(gpointer data)
{
    MskChange *change = data;
    msk_value_unref(change->before);
    msk_value_unref(change->after);
    g_free(change);
}

MskCommand *msk_command_new(int64_t id, const char *name)
{
    MskCommand *command = g_new0(MskCommand, 1);
    command->n_refs = 1;
    command->id = id;
    command->name = g_strdup(name);
    command->time = g_get_real_time();
    command->changes = g_ptr_array_new_with_free_func(free_change);
    command->pending = g_ptr_array_new();
    return command;
}

MskCommand *msk_command_ref(MskCommand *command)
{
    g_atomic_int_inc(&command->n_refs);
    return command;
}

void msk_command_unref(MskCommand *command)
{
    if (!command || !g_atomic_int_dec_and_test(&command->n_refs))
        return;
    g_clear_pointer(&command->index, g_hash_table_unref);
    g_ptr_array_unref(command->pending);
    g_ptr_array_unref(command->changes);
    g_free(command->name);
    g_free(command);
}

MskChange *msk_command_find(MskCommand *command, const MskCell *cell)
{
    if (command->index)
        return g_hash_table_lookup(command->index, cell);
    for (guint i = 0; i < command->changes->len; i++) {
        MskChange *change = g_ptr_array_index(command->changes, i);
        if (msk_cell_equal(&change->cell, cell))
            return change;
    }
    return NULL;
}

static void index_changes(MskCommand *command)
{
    command->index = g_hash_table_new(msk_cell_hash, msk_cell_equal);
    for (guint i = 0; i < command->changes->len; i++) {
        MskChange *change = g_ptr_array_index(command->changes, i);
        g_hash_table_insert(command->index, &change->cell, change);
    }
}

void msk_command_add(MskCommand *command, const MskCell *cell, MskValue *before, MskValue *after)
{
    MskChange *change = msk_command_find(command, cell);
    if (change) {
        if (after)
            msk_value_ref(after);
        msk_value_unref(change->after);
        change->after = after;
    } else {
        change = g_new(MskChange, 1);
        *change = (MskChange){*cell, before ? msk_value_ref(before) : NULL,
                              after ? msk_value_ref(after) : NULL};
        g_ptr_array_add(command->changes, change);
        if (command->index)
            g_hash_table_insert(command->index, &change->cell, change);
        else if (command->changes->len == INDEX_FROM)
            index_changes(command);
    }
    // An edit often sets a cell twice in a row; else a repeat does no harm.
    guint n = command->pending->len;
    if (n == 0 || g_ptr_array_index(command->pending, n - 1) != change)
        g_ptr_array_add(command->pending, change);
}

void msk_command_forget_pending(MskCommand *command)
{
    g_ptr_array_set_size(command->pending, 0);
}

void msk_command_take_before(MskCommand *command, MskChange *change, MskValue *before)
{
    if (msk_value_equal(before, change->before))
        return;
    if (before)
        msk_value_ref(before);
    msk_value_unref(change->before);
    change->before = before;
    g_ptr_array_add(command->pending, change);
}

#define CHANGES_MAX 1000 // that are freed at once

void msk_command_unref_later(MskCommand *command)
{
    if (command && command->changes->len > CHANGES_MAX)
        msk_free_later(command, (GDestroyNotify)msk_command_unref);
    else
        msk_command_unref(command);
}
