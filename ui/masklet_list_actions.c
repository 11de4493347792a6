// SPDX-License-Identifier: Apache-2.0
// What can be done with objects in the list.
#include <glib/gi18n.h>

#include "ui/masklet_list_private.h"
#include "ui/masklet_row.h"

static gboolean is_locked(MskMasklet *masklet)
{
    return msk_masklet_get_info(masklet)->locked;
}

// The selected objects that are not locked; says so where some are.
static GPtrArray *dup_free_selection(MskMaskletList *list)
{
    GPtrArray *masklets = msk_masklet_list_dup_selection(list);
    guint n_locked = 0;
    for (guint i = masklets->len; i > 0; i--) {
        if (is_locked(masklets->pdata[i - 1])) {
            g_ptr_array_remove_index(masklets, i - 1);
            n_locked++;
        }
    }
    if (n_locked > 0)
        msk_session_toast(list->session,
                          ngettext("%u locked object stays as it is",
                                   "%u locked objects stay as they are", n_locked),
                          n_locked);
    return masklets;
}

void msk_masklet_list_update_actions(MskMaskletList *list)
{
    GtkWidget *widget = GTK_WIDGET(list);
    g_autoptr(GPtrArray) masklets = msk_masklet_list_dup_selection(list);
    guint n = masklets->len, n_objects = 0;
    if (list->document)
        n_objects = msk_document_get_n_objects(list->document);
    gtk_widget_action_set_enabled(widget, "objects.add", list->document != NULL);
    gtk_widget_action_set_enabled(widget, "objects.duplicate", n > 0);
    gtk_widget_action_set_enabled(widget, "objects.merge", n > 1);
    gtk_widget_action_set_enabled(widget, "objects.delete", n > 0);
    gtk_widget_action_set_enabled(widget, "objects.rename", n == 1);
    gtk_widget_action_set_enabled(widget, "objects.move-up", n > 0 && n < n_objects);
    gtk_widget_action_set_enabled(widget, "objects.move-down", n > 0 && n < n_objects);
    gtk_widget_action_set_enabled(widget, "objects.show-only", n > 0);
    gtk_widget_action_set_enabled(widget, "objects.show-all", n_objects > 0);
}

// ---- Making and deleting -----------------------------------------------------------------------

static void add_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    MskMasklet *masklet = msk_document_add_object(list->document, NULL);
    msk_session_select(list->session, masklet);
}

static void duplicated_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autoptr(MskMaskletList) list = user;
    MskDocument *document = MSK_DOCUMENT(source);
    g_autoptr(GPtrArray) copies = msk_document_duplicate_objects_finish(document, result);
    if (list->document == document) // another project may have been opened meanwhile
        msk_masklet_list_select(list, copies);
}

static void duplicate_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    g_autoptr(GPtrArray) masklets = msk_masklet_list_dup_selection(list);
    msk_document_duplicate_objects_async(list->document, (MskMasklet *const *)masklets->pdata,
                                         masklets->len, _("Duplicate Objects"), duplicated_cb,
                                         g_object_ref(list));
}

typedef struct Merging {
    MskMaskletList *list;
    GPtrArray *masklets;
} Merging;

static void merged_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    Merging *merging = user;
    MskMaskletList *list = merging->list;
    MskDocument *document = MSK_DOCUMENT(source);
    g_autoptr(GError) error = NULL;
    gboolean done = msk_document_merge_objects_finish(document, result, &error);
    guint n = merging->masklets->len;
    // Another project may have been opened meanwhile.
    if (list->document == document && done) {
        g_ptr_array_set_size(merging->masklets, 1);
        msk_masklet_list_select(list, merging->masklets);
        msk_session_toast(list->session,
                          ngettext("%u object merged into “%s”", "%u objects merged into “%s”", n),
                          n, msk_masklet_get_info(merging->masklets->pdata[0])->name);
    } else if (list->document == document) {
        msk_session_toast(list->session, _("The objects were changed and not merged"));
    }
    g_ptr_array_unref(merging->masklets);
    g_object_unref(list);
    g_free(merging);
}

static void merge_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    g_autoptr(GPtrArray) masklets = dup_free_selection(list);
    if (masklets->len < 2)
        return;
    Merging *merging = g_new(Merging, 1);
    *merging = (Merging){g_object_ref(list), g_ptr_array_ref(masklets)};
    msk_document_merge_objects_async(list->document, (MskMasklet *const *)masklets->pdata,
                                     masklets->len, _("Merge Objects"), NULL, merged_cb, merging);
}

static void delete_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    g_autoptr(GPtrArray) masklets = dup_free_selection(list);
    guint n = masklets->len;
    if (n == 0)
        return;
    int position = msk_document_find_index(list->document, masklets->pdata[0]);
    g_autofree char *name = g_strdup(msk_masklet_get_info(masklets->pdata[0])->name);
    msk_document_begin(list->document, ngettext("Delete Object", "Delete Objects", n));
    for (guint i = 0; i < n; i++)
        msk_document_remove_object(list->document, masklets->pdata[i]);
    msk_document_end(list->document);
    // The one that has moved up, so that the keyboard goes on from here.
    guint n_objects = msk_document_get_n_objects(list->document);
    if (n_objects > 0 && !msk_session_get_selected(list->session))
        msk_session_select(
            list->session,
            msk_document_get_object(list->document, MIN((guint)MAX(position, 0), n_objects - 1)));
    if (n == 1)
        msk_session_toast(list->session, _("“%s” deleted; undo brings it back"), name);
    else
        msk_session_toast(list->session,
                          ngettext("%u object deleted; undo brings it back",
                                   "%u objects deleted; undo brings them back", n),
                          n);
}

// ---- Names, visible, locked --------------------------------------------------------------------

static void rename_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    MskMasklet *selected = msk_session_get_selected(list->session);
    int position = selected ? msk_document_find_index(list->document, selected) : -1;
    if (position < 0)
        return;
    msk_masklet_list_scroll_to(list, (guint)position);
    msk_masklet_list_rename(list, (guint)position);
}

static void set_name_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    gint64 id;
    const char *name;
    g_variant_get(parameter, "(x&s)", &id, &name);
    MskMasklet *masklet = list->document ? msk_document_find_object(list->document, id) : NULL;
    if (!masklet)
        return;
    MskObjectInfo info = *msk_masklet_get_info(masklet);
    info.name = (char *)name;
    msk_document_begin(list->document, _("Rename Object"));
    msk_document_set_info(list->document, masklet, &info);
    msk_document_end(list->document);
}

// The object, and where it is one of several selected ones, all of these.
static GPtrArray *dup_meant(MskMaskletList *list, gint64 id)
{
    GPtrArray *masklets = msk_masklet_list_dup_selection(list);
    MskMasklet *masklet = list->document ? msk_document_find_object(list->document, id) : NULL;
    if (!masklet || !g_ptr_array_find(masklets, masklet, NULL)) {
        g_ptr_array_set_size(masklets, 0);
        if (masklet)
            g_ptr_array_add(masklets, g_object_ref(masklet));
    }
    return masklets;
}

static void set_visible(MskMaskletList *list, MskMasklet *masklet, gboolean visible)
{
    MskObjectInfo info = *msk_masklet_get_info(masklet);
    info.visible = visible;
    msk_document_set_info(list->document, masklet, &info);
}

static void set_visible_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    gint64 id;
    gboolean visible;
    g_variant_get(parameter, "(xb)", &id, &visible);
    g_autoptr(GPtrArray) masklets = dup_meant(list, id);
    if (masklets->len == 0)
        return;
    msk_document_begin(list->document,
                       visible ? ngettext("Show Object", "Show Objects", masklets->len)
                               : ngettext("Hide Object", "Hide Objects", masklets->len));
    for (guint i = 0; i < masklets->len; i++)
        set_visible(list, masklets->pdata[i], visible);
    msk_document_end(list->document);
}

static void set_locked_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    gint64 id;
    gboolean locked;
    g_variant_get(parameter, "(xb)", &id, &locked);
    g_autoptr(GPtrArray) masklets = dup_meant(list, id);
    if (masklets->len == 0)
        return;
    msk_document_begin(list->document,
                       locked ? ngettext("Lock Object", "Lock Objects", masklets->len)
                              : ngettext("Unlock Object", "Unlock Objects", masklets->len));
    for (guint i = 0; i < masklets->len; i++) {
        MskObjectInfo info = *msk_masklet_get_info(masklets->pdata[i]);
        info.locked = locked;
        msk_document_set_info(list->document, masklets->pdata[i], &info);
    }
    msk_document_end(list->document);
}

static void show_only_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    g_autoptr(GPtrArray) masklets = msk_masklet_list_dup_selection(list);
    g_autoptr(GHashTable) chosen = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < masklets->len; i++)
        g_hash_table_add(chosen, masklets->pdata[i]);
    guint n_objects = msk_document_get_n_objects(list->document);
    msk_document_begin(list->document, _("Show Only Selected Objects"));
    for (guint i = 0; i < n_objects; i++) {
        MskMasklet *masklet = msk_document_get_object(list->document, i);
        set_visible(list, masklet, g_hash_table_contains(chosen, masklet));
    }
    msk_document_end(list->document);
}

static void show_all_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    guint n_objects = msk_document_get_n_objects(list->document);
    msk_document_begin(list->document, _("Show All Objects"));
    for (guint i = 0; i < n_objects; i++)
        set_visible(list, msk_document_get_object(list->document, i), TRUE);
    msk_document_end(list->document);
}

// ---- Order -------------------------------------------------------------------------------------

// Moves objects, which are in the list's order, into the gap before the row `gap`.
static void move_to_gap(MskMaskletList *list, GPtrArray *masklets, guint gap)
{
    msk_document_begin(list->document, ngettext("Move Object", "Move Objects", masklets->len));
    for (guint i = 0; i < masklets->len; i++) {
        MskMasklet *masklet = masklets->pdata[i];
        guint from = (guint)msk_document_find_index(list->document, masklet);
        // Above the gap, taking it out closes up by one; below, the next one goes after it.
        guint to = from < gap ? gap - 1 : gap++;
        if (from != to)
            msk_document_move_object(list->document, masklet, to);
    }
    msk_document_end(list->document);
    msk_masklet_list_select(list, masklets);
}

static void drop_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    gint64 id;
    guint gap;
    g_variant_get(parameter, "(xu)", &id, &gap);
    g_autoptr(GPtrArray) masklets = dup_meant(list, id);
    if (masklets->len > 0)
        move_to_gap(list, masklets, gap);
}

static void move_up_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    g_autoptr(GPtrArray) masklets = msk_masklet_list_dup_selection(list);
    if (masklets->len == 0)
        return;
    guint first = (guint)msk_document_find_index(list->document, masklets->pdata[0]);
    move_to_gap(list, masklets, first > 0 ? first - 1 : 0);
    msk_masklet_list_scroll_to(list, first > 0 ? first - 1 : 0);
}

static void move_down_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    g_autoptr(GPtrArray) masklets = msk_masklet_list_dup_selection(list);
    if (masklets->len == 0)
        return;
    guint last = (guint)msk_document_find_index(list->document, masklets->pdata[masklets->len - 1]);
    guint n_objects = msk_document_get_n_objects(list->document);
    move_to_gap(list, masklets, MIN(last + 2, n_objects));
    msk_masklet_list_scroll_to(list, MIN(last + 1, n_objects - 1));
}

// ---- Menu and keys -----------------------------------------------------------------------------

static void pop_up(MskMaskletList *list, double x, double y)
{
    double own_x, own_y;
    gtk_widget_translate_coordinates(GTK_WIDGET(list->view), GTK_WIDGET(list), x, y, &own_x,
                                     &own_y);
    gtk_popover_set_pointing_to(GTK_POPOVER(list->menu),
                                &(GdkRectangle){(int)own_x, (int)own_y, 1, 1});
    gtk_popover_popup(GTK_POPOVER(list->menu));
}

static void menu_cb(GtkWidget *widget, const char *action, GVariant *parameter)
{
    MskMaskletList *list = MSK_MASKLET_LIST(widget);
    guint position;
    double x, y;
    g_variant_get(parameter, "(udd)", &position, &x, &y);
    GtkSelectionModel *model = GTK_SELECTION_MODEL(list->selection);
    if (!gtk_selection_model_is_selected(model, position))
        gtk_selection_model_select_item(model, position, TRUE);
    pop_up(list, x, y);
}

// Below the row that has the focus.
static gboolean menu_key_cb(GtkWidget *view, GVariant *arguments, gpointer user)
{
    GtkWidget *focus = gtk_widget_get_focus_child(view);
    double x = 24, y = 24;
    if (focus)
        gtk_widget_translate_coordinates(focus, view, 24, gtk_widget_get_height(focus) - 6, &x, &y);
    pop_up(user, x, y);
    return TRUE;
}

static void add_shortcut(GtkShortcutController *controller, const char *trigger, const char *action)
{
    gtk_shortcut_controller_add_shortcut(
        controller,
        gtk_shortcut_new(gtk_shortcut_trigger_parse_string(trigger), gtk_named_action_new(action)));
}

void msk_masklet_list_add_shortcuts(MskMaskletList *list, GtkWidget *view)
{
    GtkEventController *controller = gtk_shortcut_controller_new();
    GtkShortcutController *shortcuts = GTK_SHORTCUT_CONTROLLER(controller);
    add_shortcut(shortcuts, "Delete|KP_Delete", "objects.delete");
    add_shortcut(shortcuts, "<Control>d", "objects.duplicate");
    add_shortcut(shortcuts, "<Control>m", "objects.merge");
    add_shortcut(shortcuts, "<Alt>Up|<Alt>KP_Up", "objects.move-up");
    add_shortcut(shortcuts, "<Alt>Down|<Alt>KP_Down", "objects.move-down");
    gtk_shortcut_controller_add_shortcut(
        shortcuts, gtk_shortcut_new(gtk_shortcut_trigger_parse_string("Menu|<Shift>F10"),
                                    gtk_callback_action_new(menu_key_cb, list, NULL)));
    gtk_widget_add_controller(view, controller);
}

void msk_masklet_list_install_actions(GtkWidgetClass *class)
{
    gtk_widget_class_install_action(class, "objects.add", NULL, add_cb);
    gtk_widget_class_install_action(class, "objects.duplicate", NULL, duplicate_cb);
    gtk_widget_class_install_action(class, "objects.merge", NULL, merge_cb);
    gtk_widget_class_install_action(class, "objects.delete", NULL, delete_cb);
    gtk_widget_class_install_action(class, "objects.rename", NULL, rename_cb);
    gtk_widget_class_install_action(class, "objects.move-up", NULL, move_up_cb);
    gtk_widget_class_install_action(class, "objects.move-down", NULL, move_down_cb);
    gtk_widget_class_install_action(class, "objects.show-only", NULL, show_only_cb);
    gtk_widget_class_install_action(class, "objects.show-all", NULL, show_all_cb);
    // Of the rows.
    gtk_widget_class_install_action(class, "objects.set-name", "(xs)", set_name_cb);
    gtk_widget_class_install_action(class, "objects.set-visible", "(xb)", set_visible_cb);
    gtk_widget_class_install_action(class, "objects.set-locked", "(xb)", set_locked_cb);
    gtk_widget_class_install_action(class, "objects.drop", "(xu)", drop_cb);
    gtk_widget_class_install_action(class, "objects.menu", "(udd)", menu_cb);
}
