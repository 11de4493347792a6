// SPDX-License-Identifier: Apache-2.0
// MskDocument: cells, the list of objects, and telling what changed.
#include "app/document_private.h"

enum { PROP_CAN_UNDO = 1, PROP_CAN_REDO, PROP_UNDO_NAME, PROP_REDO_NAME, N_PROPS };
enum { FRAMES_CHANGED, SETTING_CHANGED, HISTORY_CHANGED, CLOSED, N_SIGNALS };

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

static void init_list_model(GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(MskDocument, msk_document, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, init_list_model))

MskDocument *msk_document_new(int width, int height, int64_t n_frames)
{
    MskDocument *document = g_object_new(MSK_TYPE_DOCUMENT, NULL);
    document->width = width;
    document->height = height;
    document->n_frames = n_frames;
    return document;
}

MskDocument *msk_document_new_in_making(int width, int height, int64_t n_frames)
{
    MskDocument *document = msk_document_new(width, height, n_frames);
    document->is_in_making = TRUE;
    return document;
}

void msk_document_hand_over(MskDocument *document)
{
    GHashTableIter iter;
    gpointer masklet;
    document->is_in_making = FALSE;
    g_hash_table_iter_init(&iter, document->objects);
    while (g_hash_table_iter_next(&iter, NULL, &masklet))
        if (((MskMasklet *)masklet)->has_unmeasured)
            msk_document_start_measuring(document);
}

void msk_document_set_n_frames(MskDocument *document, int64_t n_frames)
{
    if (document->n_frames == n_frames)
        return;
    document->n_frames = n_frames;
    if (!msk_document_has_range(document))
        g_signal_emit(document, signals[SETTING_CHANGED], 0, (guint)MSK_SETTING_RANGE);
}

int64_t msk_document_get_n_frames(MskDocument *document)
{
    return document->n_frames;
}

int msk_document_get_width(MskDocument *document)
{
    return document->width;
}

int msk_document_get_height(MskDocument *document)
{
    return document->height;
}

void msk_document_set_store(MskDocument *document, MskStore *store)
{
    document->store = store;
}

// ---- Objects in order --------------------------------------------------------------------------

// By the position that they are listed under: edits move an object first, then the list follows.
static gboolean goes_before(MskMasklet *a, MskMasklet *b)
{
    if (a->listed_position != b->listed_position)
        return a->listed_position < b->listed_position;
    return a->id < b->id;
}

// Index of the first object that does not go before this one: its own if it is listed.
static guint seek_object(MskDocument *document, MskMasklet *masklet)
{
    guint low = 0, high = document->list->len;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (goes_before(g_ptr_array_index(document->list, middle), masklet))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

guint msk_document_get_n_objects(MskDocument *document)
{
    return document->list->len;
}

MskMasklet *msk_document_get_object(MskDocument *document, guint index)
{
    return index < document->list->len ? g_ptr_array_index(document->list, index) : NULL;
}

MskMasklet *msk_document_find_object(MskDocument *document, int64_t id)
{
    MskMasklet *masklet = g_hash_table_lookup(document->objects, &id);
    return masklet && masklet->exists ? masklet : NULL;
}

int msk_document_find_index(MskDocument *document, MskMasklet *masklet)
{
    guint index = seek_object(document, masklet);
    return msk_document_get_object(document, index) == masklet ? (int)index : -1;
}

MskMasklet *msk_document_ensure_object(MskDocument *document, int64_t id)
{
    MskMasklet *masklet = g_hash_table_lookup(document->objects, &id);
    if (!masklet) {
        masklet = msk_masklet_new(id);
        g_hash_table_insert(document->objects, &masklet->id, masklet);
        document->next_object = MAX(document->next_object, id + 1);
    }
    return masklet;
}

static GType get_item_type(GListModel *model)
{
    return MSK_TYPE_MASKLET;
}

static guint get_n_items(GListModel *model)
{
    return MSK_DOCUMENT(model)->list->len;
}

static gpointer get_item(GListModel *model, guint position)
{
    MskMasklet *masklet = msk_document_get_object(MSK_DOCUMENT(model), position);
    return masklet ? g_object_ref(masklet) : NULL;
}

static void init_list_model(GListModelInterface *iface)
{
    iface->get_item_type = get_item_type;
    iface->get_n_items = get_n_items;
    iface->get_item = get_item;
}

// ---- Cells -------------------------------------------------------------------------------------

MskValue *msk_document_get_value(MskDocument *document, const MskCell *cell)
{
    if (cell->kind == MSK_CELL_SETTING)
        return g_hash_table_lookup(document->settings, GINT_TO_POINTER((int)cell->frame));
    MskMasklet *masklet = g_hash_table_lookup(document->objects, &cell->object);
    return masklet ? msk_masklet_peek_value(masklet, cell) : NULL;
}

static void put_setting(MskDocument *document, int setting, MskValue *value)
{
    if (value)
        g_hash_table_insert(document->settings, GINT_TO_POINTER(setting), msk_value_ref(value));
    else
        g_hash_table_remove(document->settings, GINT_TO_POINTER(setting));
    g_hash_table_add(document->setting_set, GINT_TO_POINTER(setting));
}

void msk_document_put_value(MskDocument *document, const MskCell *cell, MskValue *value)
{
    if (cell->kind == MSK_CELL_SETTING) {
        put_setting(document, (int)cell->frame, value);
        return;
    }
    MskMasklet *masklet = msk_document_ensure_object(document, cell->object);
    if (cell->kind == MSK_CELL_OBJECT && !g_hash_table_contains(document->touched, masklet)) {
        MskValue *before = masklet->exists ? msk_value_ref(masklet->info) : NULL;
        g_hash_table_insert(document->touched, masklet, before);
    }
    msk_masklet_put_value(masklet, cell, value);
    if (cell->kind != MSK_CELL_OBJECT)
        g_hash_table_add(document->frames_of, masklet);
}

void msk_document_foreach(MskDocument *document,
                          void (*func)(const MskCell *cell, MskValue *value, gpointer user),
                          gpointer user)
{
    GHashTableIter iter;
    gpointer key, value;
    g_hash_table_iter_init(&iter, document->settings);
    while (g_hash_table_iter_next(&iter, &key, &value))
        func(&(MskCell){MSK_CELL_SETTING, 0, GPOINTER_TO_INT(key)}, value, user);
    g_hash_table_iter_init(&iter, document->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        msk_masklet_foreach(value, func, user);
}

gsize msk_document_get_size(MskDocument *document)
{
    GHashTableIter iter;
    gpointer masklet;
    gsize size = 0;
    g_hash_table_iter_init(&iter, document->objects);
    while (g_hash_table_iter_next(&iter, NULL, &masklet))
        size += ((MskMasklet *)masklet)->size;
    return size;
}

// ---- Telling -----------------------------------------------------------------------------------

static void flush_object(MskDocument *document, MskMasklet *masklet, const MskValue *before)
{
    GListModel *model = G_LIST_MODEL(document);
    double position = masklet->info->object.position;
    if (masklet->listed && (!masklet->exists || masklet->listed_position != position)) {
        guint index = seek_object(document, masklet);
        masklet->listed = FALSE;
        g_ptr_array_remove_index(document->list, index);
        g_list_model_items_changed(model, index, 1, 0);
    }
    if (masklet->exists && !masklet->listed) {
        masklet->listed = TRUE;
        masklet->listed_position = masklet->info->object.position;
        guint index = seek_object(document, masklet);
        g_ptr_array_insert(document->list, (int)index, masklet);
        g_list_model_items_changed(model, index, 0, 1);
    }
    if (masklet->exists)
        msk_masklet_notify_info(masklet, before ? &before->object : NULL);
}

static int compare_masklets(gconstpointer a, gconstpointer b)
{
    const MskMasklet *x = *(MskMasklet *const *)a, *y = *(MskMasklet *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

// Empties a table of masklets; they come in the order of their ids. Handlers may make new edits.
static GPtrArray *take_masklets(GHashTable *table)
{
    GPtrArray *masklets = g_ptr_array_new_with_free_func(g_object_unref);
    GHashTableIter iter;
    gpointer masklet;
    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &masklet, NULL))
        g_ptr_array_add(masklets, g_object_ref(masklet));
    g_ptr_array_sort(masklets, compare_masklets);
    return masklets;
}

void msk_document_flush_objects(MskDocument *document)
{
    if (g_hash_table_size(document->touched) == 0)
        return;
    g_autoptr(GPtrArray) masklets = take_masklets(document->touched);
    for (guint i = 0; i < masklets->len; i++) {
        MskMasklet *masklet = masklets->pdata[i];
        gpointer before;
        if (!g_hash_table_steal_extended(document->touched, masklet, NULL, &before))
            continue; // a handler's own edit was quicker
        flush_object(document, masklet, before);
        msk_value_unref(before);
    }
}

void msk_document_flush_frames(MskDocument *document)
{
    g_autoptr(MskDocument) alive = g_object_ref(document);
    g_autoptr(GPtrArray) masklets = take_masklets(document->frames_of);
    g_hash_table_remove_all(document->frames_of);
    g_autoptr(GList) settings = g_hash_table_get_keys(document->setting_set);
    g_hash_table_remove_all(document->setting_set);
    for (guint i = 0; i < masklets->len; i++) {
        MskMasklet *masklet = masklets->pdata[i];
        int64_t first, last;
        if (msk_masklet_take_changed(masklet, &first, &last) && masklet->exists)
            g_signal_emit(document, signals[FRAMES_CHANGED], 0, masklet, first, last);
        if (masklet->has_unmeasured)
            msk_document_start_measuring(document);
    }
    for (GList *at = settings; at; at = at->next)
        g_signal_emit(document, signals[SETTING_CHANGED], 0, GPOINTER_TO_UINT(at->data));
}

void msk_document_notify_history(MskDocument *document)
{
    GObject *object = G_OBJECT(document);
    g_object_freeze_notify(object);
    for (int i = PROP_CAN_UNDO; i < N_PROPS; i++)
        g_object_notify_by_pspec(object, properties[i]);
    g_object_thaw_notify(object);
    g_signal_emit(document, signals[HISTORY_CHANGED], 0);
}

void msk_document_emit_closed(MskDocument *document)
{
    g_signal_emit(document, signals[CLOSED], 0);
}

// ---- Loading -----------------------------------------------------------------------------------

void msk_document_load_value(MskDocument *document, const MskCell *cell, MskValue *value)
{
    msk_document_put_value(document, cell, value);
}

void msk_document_load_commands(MskDocument *document, GPtrArray *commands, guint n_done)
{
    g_ptr_array_set_size(document->commands, 0);
    for (guint i = 0; i < commands->len; i++) {
        MskCommand *command = commands->pdata[i];
        msk_command_forget_pending(command);
        g_ptr_array_add(document->commands, msk_command_ref(command));
        document->next_command = MAX(document->next_command, command->id + 1);
        for (guint k = 0; k < command->changes->len; k++) {
            const MskChange *change = command->changes->pdata[k];
            document->next_object = MAX(document->next_object, change->cell.object + 1);
        }
    }
    document->n_done = MIN(n_done, document->commands->len);
    document->amended = document->n_done < document->commands->len; // it may have been, then
}

void msk_document_loaded(MskDocument *document)
{
    msk_document_flush_objects(document);
    msk_document_flush_frames(document);
    msk_document_notify_history(document);
}

// ---- The object --------------------------------------------------------------------------------

static void get_property(GObject *object, guint property, GValue *value, GParamSpec *spec)
{
    MskDocument *document = MSK_DOCUMENT(object);
    const MskCommand *undo = msk_document_peek_undo(document);
    const MskCommand *redo = msk_document_peek_redo(document);
    switch (property) {
    case PROP_CAN_UNDO:
        g_value_set_boolean(value, undo != NULL);
        break;
    case PROP_CAN_REDO:
        g_value_set_boolean(value, redo != NULL);
        break;
    case PROP_UNDO_NAME:
        g_value_set_string(value, undo ? undo->name : NULL);
        break;
    case PROP_REDO_NAME:
        g_value_set_string(value, redo ? redo->name : NULL);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, property, spec);
    }
}

static void dispose(GObject *object)
{
    msk_document_drop_turn(MSK_DOCUMENT(object));
    msk_document_stop_measuring(MSK_DOCUMENT(object));
    G_OBJECT_CLASS(msk_document_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    MskDocument *document = MSK_DOCUMENT(object);
    g_array_unref(document->open);
    g_ptr_array_unref(document->commands);
    g_free(document->merge_key);
    g_hash_table_unref(document->touched);
    g_hash_table_unref(document->frames_of);
    g_hash_table_unref(document->setting_set);
    g_hash_table_unref(document->settings);
    g_ptr_array_unref(document->list);
    g_hash_table_unref(document->objects);
    G_OBJECT_CLASS(msk_document_parent_class)->finalize(object);
}

static void unref_value_cb(gpointer value)
{
    msk_value_unref(value);
}

static void unref_command_cb(gpointer command)
{
    msk_command_unref_later(command);
}

static void clear_open_cb(gpointer data)
{
    MskOpenCommand *open = data;
    msk_command_unref(open->command);
    g_free(open->merge_key);
}

static void msk_document_init(MskDocument *document)
{
    document->settings = g_hash_table_new_full(NULL, NULL, NULL, unref_value_cb);
    document->objects = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_object_unref);
    document->list = g_ptr_array_new();
    document->touched = g_hash_table_new_full(NULL, NULL, NULL, unref_value_cb);
    document->frames_of = g_hash_table_new(NULL, NULL);
    document->setting_set = g_hash_table_new(NULL, NULL);
    document->next_object = 1;
    document->commands = g_ptr_array_new_with_free_func(unref_command_cb);
    document->next_command = 1;
    document->open = g_array_new(FALSE, FALSE, sizeof(MskOpenCommand));
    g_array_set_clear_func(document->open, clear_open_cb);
    document->get_time = g_get_monotonic_time;
    document->bulk_min = MSK_BULK_MIN;
}

static void msk_document_class_init(MskDocumentClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    object_class->get_property = get_property;
    object_class->dispose = dispose;
    object_class->finalize = finalize;
    GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
    properties[PROP_CAN_UNDO] = g_param_spec_boolean("can-undo", NULL, NULL, FALSE, flags);
    properties[PROP_CAN_REDO] = g_param_spec_boolean("can-redo", NULL, NULL, FALSE, flags);
    properties[PROP_UNDO_NAME] = g_param_spec_string("undo-name", NULL, NULL, NULL, flags);
    properties[PROP_REDO_NAME] = g_param_spec_string("redo-name", NULL, NULL, NULL, flags);
    g_object_class_install_properties(object_class, N_PROPS, properties);

    GType type = G_TYPE_FROM_CLASS(class);
    signals[FRAMES_CHANGED] =
        g_signal_new("frames-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 3,
                     MSK_TYPE_MASKLET, G_TYPE_INT64, G_TYPE_INT64);
    signals[SETTING_CHANGED] = g_signal_new("setting-changed", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                            NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
    signals[HISTORY_CHANGED] = g_signal_new("history-changed", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                            NULL, NULL, G_TYPE_NONE, 0);
    signals[CLOSED] =
        g_signal_new("closed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}
