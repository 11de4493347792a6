// SPDX-License-Identifier: Apache-2.0
// The popover of jobs.
#include "ui/jobs_popover.h"

#include <glib/gi18n.h>

#include "ui/job_row.h"
#include "ui/panel_style.h"

#define UPDATE_MS 250

struct _MskJobsPopover {
    GtkPopover parent;
    GtkListBox *list;
    GtkWidget *scroll, *empty, *clear;
    MskJobs *jobs;
    GtkSorter *sorter;
    guint timer; // while it is on the screen
};

G_DEFINE_FINAL_TYPE(MskJobsPopover, msk_jobs_popover, GTK_TYPE_POPOVER)

static gboolean update_cb(gpointer user)
{
    MskJobsPopover *self = user;
    GtkListBoxRow *row;
    for (int i = 0; (row = gtk_list_box_get_row_at_index(self->list, i)); i++)
        msk_job_row_update(MSK_JOB_ROW(gtk_list_box_row_get_child(row)));
    return G_SOURCE_CONTINUE;
}

// What runs and waits in its order, then what has ended, the latest first.
static int compare_cb(gconstpointer a, gconstpointer b, gpointer user)
{
    MskJobItem *left = (MskJobItem *)a, *right = (MskJobItem *)b;
    gboolean is_active = msk_job_item_is_active(left);
    if (is_active != msk_job_item_is_active(right))
        return is_active ? GTK_ORDERING_SMALLER : GTK_ORDERING_LARGER;
    gboolean is_earlier = msk_job_item_get_number(left) < msk_job_item_get_number(right);
    return is_earlier == is_active ? GTK_ORDERING_SMALLER : GTK_ORDERING_LARGER;
}

static void sort(MskJobsPopover *self)
{
    gtk_sorter_changed(self->sorter, GTK_SORTER_CHANGE_DIFFERENT);
}

static void show_count(MskJobsPopover *self)
{
    guint n = g_list_model_get_n_items(G_LIST_MODEL(self->jobs));
    gtk_widget_set_visible(self->scroll, n > 0);
    gtk_widget_set_visible(self->empty, n == 0);
    gtk_widget_set_visible(self->clear, n > msk_jobs_get_n_active(self->jobs));
}

static void clear_cb(MskJobsPopover *self)
{
    msk_jobs_clear_ended(self->jobs);
}

static GtkWidget *make_row_cb(gpointer item, gpointer user)
{
    GtkWidget *row = gtk_list_box_row_new();
    gtk_list_box_row_set_child(GTK_LIST_BOX_ROW(row), msk_job_row_new(user, item));
    gtk_list_box_row_set_activatable(GTK_LIST_BOX_ROW(row), FALSE);
    gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   msk_job_item_get_title(item), -1);
    return row;
}

static void map_cb(GtkWidget *widget)
{
    MskJobsPopover *self = MSK_JOBS_POPOVER(widget);
    GTK_WIDGET_CLASS(msk_jobs_popover_parent_class)->map(widget);
    update_cb(self);
    self->timer = g_timeout_add(UPDATE_MS, update_cb, self);
}

static void unmap_cb(GtkWidget *widget)
{
    MskJobsPopover *self = MSK_JOBS_POPOVER(widget);
    g_clear_handle_id(&self->timer, g_source_remove);
    GTK_WIDGET_CLASS(msk_jobs_popover_parent_class)->unmap(widget);
}

static void dispose_cb(GObject *object)
{
    MskJobsPopover *self = MSK_JOBS_POPOVER(object);
    g_clear_handle_id(&self->timer, g_source_remove);
    if (self->jobs)
        g_signal_handlers_disconnect_by_data(self->jobs, self);
    g_clear_object(&self->jobs);
    g_clear_object(&self->sorter);
    G_OBJECT_CLASS(msk_jobs_popover_parent_class)->dispose(object);
}

static void msk_jobs_popover_class_init(MskJobsPopoverClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose_cb;
    widget->map = map_cb;
    widget->unmap = unmap_cb;
    gtk_widget_class_set_template_from_resource(widget, "/org/masklet/Masklet/jobs_popover.ui");
    gtk_widget_class_bind_template_child(widget, MskJobsPopover, list);
    gtk_widget_class_bind_template_child(widget, MskJobsPopover, scroll);
    gtk_widget_class_bind_template_child(widget, MskJobsPopover, empty);
    gtk_widget_class_bind_template_child(widget, MskJobsPopover, clear);
    gtk_widget_class_bind_template_callback(widget, clear_cb);
}

static void msk_jobs_popover_init(MskJobsPopover *self)
{
    msk_panel_style_load();
    gtk_widget_init_template(GTK_WIDGET(self));
    self->jobs = g_object_ref(msk_jobs_get_default());
    self->sorter = GTK_SORTER(gtk_custom_sorter_new(compare_cb, NULL, NULL));
    g_autoptr(GtkSortListModel) sorted =
        gtk_sort_list_model_new(g_object_ref(G_LIST_MODEL(self->jobs)), g_object_ref(self->sorter));
    gtk_list_box_bind_model(self->list, G_LIST_MODEL(sorted), make_row_cb, self->jobs, NULL);
    g_signal_connect_swapped(self->jobs, "ended", G_CALLBACK(sort), self);
    g_signal_connect_swapped(self->jobs, "items-changed", G_CALLBACK(show_count), self);
    g_signal_connect_swapped(self->jobs, "notify::n-active", G_CALLBACK(show_count), self);
    show_count(self);
}

GtkWidget *msk_jobs_popover_new(void)
{
    return g_object_new(MSK_TYPE_JOBS_POPOVER, NULL);
}
