// SPDX-License-Identifier: Apache-2.0
// MskUnsavedList: rows of unsaved projects.
#include "ui/unsaved_list.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app/store.h"

struct _MskUnsavedList {
    GtkWidget parent;
    GtkWidget *group;
    GPtrArray *rows; // borrowed
    GCancellable *looking;
};

G_DEFINE_FINAL_TYPE(MskUnsavedList, msk_unsaved_list, GTK_TYPE_WIDGET)

// ---- Rows --------------------------------------------------------------------------------------

static char *dup_title(const MskUnsaved *unsaved)
{
    g_autofree char *name = unsaved->clip && *unsaved->clip
                                ? g_filename_display_basename(unsaved->clip)
                                : g_filename_display_basename(unsaved->path);
    return g_markup_escape_text(name, -1);
}

static char *dup_subtitle(const MskUnsaved *unsaved)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(unsaved->changed / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = utc ? g_date_time_to_local(utc) : NULL;
    g_autofree char *when = local ? g_date_time_format(local, "%x %H:%M") : g_strdup("");
    g_autofree char *folder = unsaved->clip ? g_path_get_dirname(unsaved->clip) : g_strdup("");
    g_autofree char *where = g_filename_display_name(folder);
    if (unsaved->problem)
        return g_markup_escape_text(unsaved->problem, -1);
    g_autofree char *objects = g_strdup_printf(
        ngettext("%d object", "%d objects", (gulong)unsaved->n_objects), unsaved->n_objects);
    // Translators: "3 objects, 21/11/26 14:02, in /home/me/clips"
    g_autofree char *text = g_strdup_printf(_("%s, %s, in %s"), objects, when, where);
    g_autofree char *missing = g_strdup_printf(_("%s (the clip is not there)"), text);
    return g_markup_escape_text(unsaved->has_clip ? text : missing, -1);
}

static GVariant *make_target(const MskUnsaved *unsaved)
{
    return g_variant_new("(^ay^ay)", unsaved->path, unsaved->clip ? unsaved->clip : "");
}

static GtkWidget *make_button(const char *icon, const char *tip, const char *action,
                              const MskUnsaved *unsaved)
{
    GtkWidget *button = gtk_button_new_from_icon_name(icon);
    gtk_widget_set_tooltip_text(button, tip);
    gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, tip, -1);
    gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
    gtk_widget_add_css_class(button, "flat");
    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), action);
    gtk_actionable_set_action_target_value(GTK_ACTIONABLE(button), make_target(unsaved));
    return button;
}

static void add_row(MskUnsavedList *self, const MskUnsaved *unsaved)
{
    GtkWidget *row = adw_action_row_new();
    g_autofree char *title = dup_title(unsaved), *subtitle = dup_subtitle(unsaved);
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), title);
    adw_action_row_set_subtitle(ADW_ACTION_ROW(row), subtitle);
    adw_action_row_set_subtitle_lines(ADW_ACTION_ROW(row), 2);
    if (!unsaved->problem) {
        adw_action_row_add_suffix(ADW_ACTION_ROW(row),
                                  make_button("document-save-as-symbolic", _("Save under a name"),
                                              "win.save-unsaved", unsaved));
        gtk_list_box_row_set_activatable(GTK_LIST_BOX_ROW(row), TRUE);
        gtk_widget_set_tooltip_text(row, _("Go on with this work"));
        gtk_actionable_set_action_name(GTK_ACTIONABLE(row), "win.open-unsaved");
        gtk_actionable_set_action_target_value(GTK_ACTIONABLE(row), make_target(unsaved));
    }
    adw_action_row_add_suffix(ADW_ACTION_ROW(row), make_button("user-trash-symbolic", _("Discard"),
                                                               "win.discard-unsaved", unsaved));
    adw_preferences_group_add(ADW_PREFERENCES_GROUP(self->group), row);
    g_ptr_array_add(self->rows, row);
}

// ---- Looking -----------------------------------------------------------------------------------

static void look_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    g_task_return_pointer(task, msk_store_list_unsaved(), (GDestroyNotify)g_ptr_array_unref);
}

static void looked_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    MskUnsavedList *self = MSK_UNSAVED_LIST(source);
    g_autoptr(GPtrArray) list = g_task_propagate_pointer(G_TASK(result), NULL);
    if (!list) // asked again since
        return;
    for (guint i = 0; i < self->rows->len; i++)
        adw_preferences_group_remove(ADW_PREFERENCES_GROUP(self->group), self->rows->pdata[i]);
    g_ptr_array_set_size(self->rows, 0);
    for (guint i = 0; i < list->len; i++)
        add_row(self, list->pdata[i]);
    gtk_widget_set_visible(self->group, list->len > 0);
}

void msk_unsaved_list_refresh(MskUnsavedList *self)
{
    if (self->looking)
        g_cancellable_cancel(self->looking);
    g_clear_object(&self->looking);
    self->looking = g_cancellable_new();
    g_autoptr(GTask) task = g_task_new(self, self->looking, looked_cb, NULL);
    g_task_run_in_thread(task, look_thread);
}

// ---- The widget --------------------------------------------------------------------------------

static void map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(msk_unsaved_list_parent_class)->map(widget);
    msk_unsaved_list_refresh(MSK_UNSAVED_LIST(widget));
}

static void dispose(GObject *object)
{
    MskUnsavedList *self = MSK_UNSAVED_LIST(object);
    if (self->looking)
        g_cancellable_cancel(self->looking);
    g_clear_object(&self->looking);
    g_clear_pointer(&self->group, gtk_widget_unparent);
    G_OBJECT_CLASS(msk_unsaved_list_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    g_ptr_array_unref(MSK_UNSAVED_LIST(object)->rows);
    G_OBJECT_CLASS(msk_unsaved_list_parent_class)->finalize(object);
}

static void msk_unsaved_list_class_init(MskUnsavedListClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    widget_class->map = map;
    gtk_widget_class_set_layout_manager_type(widget_class, GTK_TYPE_BIN_LAYOUT);
}

static void msk_unsaved_list_init(MskUnsavedList *self)
{
    self->rows = g_ptr_array_new();
    self->group = adw_preferences_group_new();
    adw_preferences_group_set_title(ADW_PREFERENCES_GROUP(self->group), _("Unsaved Work"));
    gtk_widget_set_visible(self->group, FALSE);
    gtk_widget_set_parent(self->group, GTK_WIDGET(self));
}
