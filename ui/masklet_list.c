// SPDX-License-Identifier: Apache-2.0
// The list of objects: its rows, and its selection together with the session's.
#include "ui/masklet_list.h"

#include <glib/gi18n.h>

#include "ui/masklet_inspector.h"
#include "ui/masklet_list_private.h"
#include "ui/masklet_row.h"
#include "ui/panel_style.h"

G_DEFINE_FINAL_TYPE(MskMaskletList, msk_masklet_list, GTK_TYPE_WIDGET)

enum { PROPERTY_0, PROPERTY_SESSION, N_PROPERTIES };
static GParamSpec *properties[N_PROPERTIES];

// ---- Selection ---------------------------------------------------------------------------------

GPtrArray *msk_masklet_list_dup_selection(MskMaskletList *list)
{
    GPtrArray *masklets = g_ptr_array_new_with_free_func(g_object_unref);
    if (!list->selection)
        return masklets;
    g_autoptr(GtkBitset) set =
        gtk_selection_model_get_selection(GTK_SELECTION_MODEL(list->selection));
    GtkBitsetIter iter;
    guint position;
    for (gboolean more = gtk_bitset_iter_init_first(&iter, set, &position); more;
         more = gtk_bitset_iter_next(&iter, &position)) {
        gpointer masklet = g_list_model_get_item(G_LIST_MODEL(list->selection), position);
        if (masklet)
            g_ptr_array_add(masklets, masklet);
    }
    return masklets;
}

void msk_masklet_list_scroll_to(MskMaskletList *list, guint position)
{
    gtk_widget_activate_action(GTK_WIDGET(list->view), "list.scroll-to-item", "u", position);
}

// The session's object is selected here, alone unless it is among those that are.
static void follow_selected(MskMaskletList *list)
{
    MskMasklet *selected = list->session ? msk_session_get_selected(list->session) : NULL;
    if (list->is_selecting || !list->selection)
        return;
    GtkSelectionModel *model = GTK_SELECTION_MODEL(list->selection);
    int position = selected ? msk_document_find_index(list->document, selected) : -1;
    list->is_selecting = TRUE;
    if (position < 0) {
        gtk_selection_model_unselect_all(model);
    } else if (!gtk_selection_model_is_selected(model, (guint)position)) {
        gtk_selection_model_select_item(model, (guint)position, TRUE);
        msk_masklet_list_scroll_to(list, (guint)position);
    }
    list->is_selecting = FALSE;
    msk_masklet_list_update_actions(list);
}

static void selection_changed_cb(MskMaskletList *list, guint position, guint n_items)
{
    if (list->is_selecting)
        return;
    g_autoptr(GPtrArray) masklets = msk_masklet_list_dup_selection(list);
    MskMasklet *selected = msk_session_get_selected(list->session);
    if (!selected || !g_ptr_array_find(masklets, selected, NULL)) {
        // The one that was just selected, where it can be told.
        guint last = position + n_items - 1;
        gboolean is_last = n_items > 0 && gtk_selection_model_is_selected(
                                              GTK_SELECTION_MODEL(list->selection), last);
        MskMasklet *next = is_last         ? msk_document_get_object(list->document, last)
                           : masklets->len ? masklets->pdata[0]
                                           : NULL;
        list->is_selecting = TRUE;
        msk_session_select(list->session, next);
        list->is_selecting = FALSE;
    }
    msk_masklet_list_update_actions(list);
}

void msk_masklet_list_select(MskMaskletList *list, GPtrArray *masklets)
{
    GtkSelectionModel *model = GTK_SELECTION_MODEL(list->selection);
    guint n_objects = msk_document_get_n_objects(list->document);
    g_autoptr(GtkBitset) chosen = gtk_bitset_new_empty(), all = gtk_bitset_new_range(0, n_objects);
    for (guint i = 0; i < masklets->len; i++) {
        int position = msk_document_find_index(list->document, masklets->pdata[i]);
        if (position >= 0)
            gtk_bitset_add(chosen, (guint)position);
    }
    gtk_selection_model_set_selection(model, chosen, all);
}

// ---- Rows --------------------------------------------------------------------------------------

static void setup_row_cb(GtkSignalListItemFactory *factory, GtkListItem *item, MskMaskletList *list)
{
    gtk_list_item_set_child(item, msk_masklet_row_new());
}

static void position_cb(GtkListItem *item)
{
    GtkWidget *row = gtk_list_item_get_child(item);
    if (row && gtk_list_item_get_item(item))
        msk_masklet_row_set_position(MSK_MASKLET_ROW(row), gtk_list_item_get_position(item));
}

static void bind_row_cb(GtkSignalListItemFactory *factory, GtkListItem *item, MskMaskletList *list)
{
    MskMaskletRow *row = MSK_MASKLET_ROW(gtk_list_item_get_child(item));
    msk_masklet_row_set_masklet(row, gtk_list_item_get_item(item));
    msk_masklet_row_set_position(row, gtk_list_item_get_position(item));
    g_ptr_array_add(list->rows, row);
    g_signal_connect(item, "notify::position", G_CALLBACK(position_cb), NULL);
}

static void unbind_row_cb(GtkSignalListItemFactory *factory, GtkListItem *item,
                          MskMaskletList *list)
{
    MskMaskletRow *row = MSK_MASKLET_ROW(gtk_list_item_get_child(item));
    g_signal_handlers_disconnect_by_func(item, position_cb, NULL);
    g_ptr_array_remove_fast(list->rows, row);
    msk_masklet_row_set_masklet(row, NULL);
}

void msk_masklet_list_rename(MskMaskletList *list, guint position)
{
    MskMasklet *masklet = list->document ? msk_document_get_object(list->document, position) : NULL;
    if (masklet && msk_masklet_get_info(masklet)->locked) {
        msk_session_toast(list->session, _("“%s” is locked"), msk_masklet_get_info(masklet)->name);
        return;
    }
    for (guint i = 0; masklet && i < list->rows->len; i++)
        if (msk_masklet_row_get_masklet(list->rows->pdata[i]) == masklet)
            msk_masklet_row_edit_name(list->rows->pdata[i]);
}

static gboolean rename_idle(gpointer user)
{
    MskMaskletList *list = user;
    list->rename_source = 0;
    msk_masklet_list_rename(list, list->rename_position);
    return G_SOURCE_REMOVE;
}

// After a double click the row takes the focus, which would end editing at once: so a moment later.
static void row_activated_cb(MskMaskletList *list, guint position)
{
    list->rename_position = position;
    if (!list->rename_source)
        list->rename_source = g_idle_add(rename_idle, list);
}

// ---- Following the session ---------------------------------------------------------------------

static void show_count(MskMaskletList *list)
{
    guint n = list->document ? msk_document_get_n_objects(list->document) : 0;
    g_autofree char *title = n > 1 ? g_strdup_printf(_("Objects (%u)"), n) : NULL;
    gtk_label_set_text(list->title, title ? title : _("Objects"));
    gtk_label_set_text(list->hint, list->document
                                       ? _("Click on the picture on what you want to cut out.")
                                       : _("Open a clip to begin."));
    gtk_stack_set_visible_child_name(list->stack, n > 0 ? "list" : "empty");
    msk_masklet_list_update_actions(list);
}

static void items_changed_cb(MskMaskletList *list)
{
    show_count(list);
    follow_selected(list);
}

static void follow_document(MskMaskletList *list)
{
    MskDocument *document = list->session ? msk_session_get_document(list->session) : NULL;
    if (document == list->document)
        return;
    if (list->document)
        g_signal_handlers_disconnect_by_data(list->document, list);
    if (list->selection)
        g_signal_handlers_disconnect_by_data(list->selection, list);
    gtk_list_view_set_model(list->view, NULL);
    g_clear_object(&list->selection);
    g_set_object(&list->document, document);
    if (document) {
        list->selection = gtk_multi_selection_new(g_object_ref(G_LIST_MODEL(document)));
        g_signal_connect_swapped(list->selection, "selection-changed",
                                 G_CALLBACK(selection_changed_cb), list);
        gtk_list_view_set_model(list->view, GTK_SELECTION_MODEL(list->selection));
        // After the selection model has seen it.
        g_signal_connect_data(document, "items-changed", G_CALLBACK(items_changed_cb), list, NULL,
                              G_CONNECT_SWAPPED | G_CONNECT_AFTER);
    }
    show_count(list);
    follow_selected(list);
}

void msk_masklet_list_set_session(MskMaskletList *list, MskSession *session)
{
    if (session == list->session)
        return;
    if (list->session)
        g_signal_handlers_disconnect_by_data(list->session, list);
    g_set_object(&list->session, session);
    if (session) {
        g_signal_connect_swapped(session, "notify::document", G_CALLBACK(follow_document), list);
        g_signal_connect_swapped(session, "notify::selected", G_CALLBACK(follow_selected), list);
    }
    follow_document(list);
    msk_masklet_inspector_set_session(list->inspector, session);
    msk_masklet_list_update_actions(list);
    g_object_notify_by_pspec(G_OBJECT(list), properties[PROPERTY_SESSION]);
}

// ---- Object ------------------------------------------------------------------------------------

static void get_property_cb(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    if (id == PROPERTY_SESSION)
        g_value_set_object(value, MSK_MASKLET_LIST(object)->session);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void set_property_cb(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    if (id == PROPERTY_SESSION)
        msk_masklet_list_set_session(MSK_MASKLET_LIST(object), g_value_get_object(value));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void dispose_cb(GObject *object)
{
    MskMaskletList *list = MSK_MASKLET_LIST(object);
    g_clear_handle_id(&list->rename_source, g_source_remove);
    if (list->content) {
        msk_masklet_list_set_session(list, NULL);
        g_clear_pointer(&list->menu, gtk_widget_unparent);
        g_clear_pointer(&list->content, gtk_widget_unparent);
    }
    G_OBJECT_CLASS(msk_masklet_list_parent_class)->dispose(object);
}

static void finalize_cb(GObject *object)
{
    g_ptr_array_unref(MSK_MASKLET_LIST(object)->rows);
    G_OBJECT_CLASS(msk_masklet_list_parent_class)->finalize(object);
}

static void msk_masklet_list_class_init(MskMaskletListClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS(class);
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    object->dispose = dispose_cb;
    object->finalize = finalize_cb;
    object->get_property = get_property_cb;
    object->set_property = set_property_cb;
    properties[PROPERTY_SESSION] =
        g_param_spec_object("session", NULL, NULL, MSK_TYPE_SESSION,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties(object, N_PROPERTIES, properties);

    g_type_ensure(MSK_TYPE_MASKLET_INSPECTOR);
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
    gtk_widget_class_set_template_from_resource(widget, "/org/masklet/Masklet/masklet_list.ui");
    gtk_widget_class_bind_template_child(widget, MskMaskletList, content);
    gtk_widget_class_bind_template_child(widget, MskMaskletList, title);
    gtk_widget_class_bind_template_child(widget, MskMaskletList, hint);
    gtk_widget_class_bind_template_child(widget, MskMaskletList, stack);
    gtk_widget_class_bind_template_child(widget, MskMaskletList, view);
    gtk_widget_class_bind_template_child(widget, MskMaskletList, inspector);
    gtk_widget_class_bind_template_child(widget, MskMaskletList, menu_model);
    gtk_widget_class_bind_template_callback(widget, row_activated_cb);
    msk_masklet_list_install_actions(widget);
}

static void msk_masklet_list_init(MskMaskletList *list)
{
    msk_panel_style_load();
    list->rows = g_ptr_array_new();
    gtk_widget_init_template(GTK_WIDGET(list));
    list->menu = gtk_popover_menu_new_from_model(list->menu_model);
    gtk_popover_set_has_arrow(GTK_POPOVER(list->menu), FALSE);
    gtk_widget_set_halign(list->menu, GTK_ALIGN_START);
    gtk_widget_set_parent(list->menu, GTK_WIDGET(list));

    g_autoptr(GtkListItemFactory) factory = gtk_signal_list_item_factory_new();
    g_signal_connect(factory, "setup", G_CALLBACK(setup_row_cb), list);
    g_signal_connect(factory, "bind", G_CALLBACK(bind_row_cb), list);
    g_signal_connect(factory, "unbind", G_CALLBACK(unbind_row_cb), list);
    gtk_list_view_set_factory(list->view, factory);
    msk_masklet_list_add_shortcuts(list, GTK_WIDGET(list->view));
    show_count(list);
}

GtkWidget *msk_masklet_list_new(void)
{
    return g_object_new(MSK_TYPE_MASKLET_LIST, NULL);
}
