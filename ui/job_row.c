// SPDX-License-Identifier: Apache-2.0
// A job of the list.
#include "ui/job_row.h"

#include <glib/gi18n.h>

#include "ui/show_files.h"

struct _MskJobRow {
    GtkWidget parent;
    GtkWidget *content, *show, *stop, *remove;
    GtkImage *icon;
    GtkLabel *title, *detail, *status;
    GtkProgressBar *bar;
    MskJobs *jobs;
    MskJobItem *item;
};

G_DEFINE_FINAL_TYPE(MskJobRow, msk_job_row, GTK_TYPE_WIDGET)

char *msk_job_row_format_progress(const MskProgress *progress)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (progress->total <= 0)
        return g_strdup(_("Preparing"));
    g_string_append_printf(
        text, ngettext("%lld of %lld frame", "%lld of %lld frames", (gulong)progress->total),
        (long long)progress->done, (long long)progress->total);
    if (progress->rate > 0)
        g_string_append_printf(text, _(", %.1f frames/s"), progress->rate);
    if (progress->seconds_left >= 0 && progress->done < progress->total) {
        g_autofree char *left = msk_job_format_seconds(progress->seconds_left);
        g_string_append_printf(text, _(", %s left"), left);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

void msk_job_row_update(MskJobRow *row)
{
    if (msk_job_item_get_state(row->item) != MSK_JOB_RUNNING)
        return;
    MskProgress progress;
    msk_job_get_progress(msk_job_item_get_job(row->item), &progress);
    if (progress.total > 0)
        gtk_progress_bar_set_fraction(row->bar, progress.fraction);
    else
        gtk_progress_bar_pulse(row->bar);
    g_autofree char *text = msk_job_row_format_progress(&progress);
    gboolean is_stopping = msk_job_is_cancelled(msk_job_item_get_job(row->item));
    gtk_label_set_text(row->status, is_stopping ? _("Stopping") : text);
    gtk_widget_set_sensitive(row->stop, !is_stopping);
}

static void show_state(MskJobRow *row)
{
    MskJobState state = msk_job_item_get_state(row->item);
    const char *message = msk_job_item_get_message(row->item);
    static const char *const icons[] = {
        [MSK_JOB_QUEUED] = "content-loading-symbolic",
        [MSK_JOB_RUNNING] = "media-playback-start-symbolic",
        [MSK_JOB_DONE] = "object-select-symbolic",
        [MSK_JOB_STOPPED] = "process-stop-symbolic",
        [MSK_JOB_FAILED] = "dialog-error-symbolic",
    };
    gtk_image_set_from_icon_name(row->icon, icons[state]);
    gboolean is_active = msk_job_item_is_active(row->item);
    gtk_widget_set_visible(GTK_WIDGET(row->bar), state == MSK_JOB_RUNNING);
    gtk_widget_set_visible(row->stop, is_active);
    gtk_widget_set_visible(row->remove, !is_active);
    gtk_widget_set_visible(row->show, !is_active && msk_job_item_get_paths(row->item));
    gtk_widget_remove_css_class(GTK_WIDGET(row->status), "error");
    switch (state) {
    case MSK_JOB_QUEUED:
        gtk_label_set_text(row->status, _("Waits for the one before"));
        break;
    case MSK_JOB_RUNNING:
        msk_job_row_update(row);
        break;
    case MSK_JOB_DONE: {
        MskProgress progress;
        msk_job_get_progress(msk_job_item_get_job(row->item), &progress);
        g_autofree char *text = g_strdup_printf(
            ngettext("Done, %lld frame", "Done, %lld frames", (gulong)progress.done),
            (long long)progress.done);
        gtk_label_set_text(row->status, progress.done > 0 ? text : _("Done"));
        break;
    }
    case MSK_JOB_STOPPED:
        gtk_label_set_text(row->status, _("Stopped"));
        break;
    case MSK_JOB_FAILED:
        gtk_label_set_text(row->status, message ? message : _("Failed"));
        gtk_widget_add_css_class(GTK_WIDGET(row->status), "error");
        break;
    }
}

static void stop_cb(MskJobRow *row)
{
    msk_jobs_cancel(row->jobs, row->item);
    msk_job_row_update(row);
}

static void remove_cb(MskJobRow *row)
{
    msk_jobs_remove(row->jobs, row->item);
}

static void show_cb(MskJobRow *row)
{
    GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(row));
    msk_show_files(GTK_IS_WINDOW(root) ? GTK_WINDOW(root) : NULL,
                   msk_job_item_get_paths(row->item));
}

static void dispose_cb(GObject *object)
{
    MskJobRow *row = MSK_JOB_ROW(object);
    if (row->item)
        g_signal_handlers_disconnect_by_data(row->item, row);
    g_clear_object(&row->item);
    g_clear_object(&row->jobs);
    g_clear_pointer(&row->content, gtk_widget_unparent);
    G_OBJECT_CLASS(msk_job_row_parent_class)->dispose(object);
}

static void msk_job_row_class_init(MskJobRowClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose_cb;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, "/org/masklet/Masklet/job_row.ui");
    gtk_widget_class_bind_template_child(widget, MskJobRow, content);
    gtk_widget_class_bind_template_child(widget, MskJobRow, show);
    gtk_widget_class_bind_template_child(widget, MskJobRow, stop);
    gtk_widget_class_bind_template_child(widget, MskJobRow, remove);
    gtk_widget_class_bind_template_child(widget, MskJobRow, icon);
    gtk_widget_class_bind_template_child(widget, MskJobRow, title);
    gtk_widget_class_bind_template_child(widget, MskJobRow, detail);
    gtk_widget_class_bind_template_child(widget, MskJobRow, status);
    gtk_widget_class_bind_template_child(widget, MskJobRow, bar);
    gtk_widget_class_bind_template_callback(widget, show_cb);
    gtk_widget_class_bind_template_callback(widget, stop_cb);
    gtk_widget_class_bind_template_callback(widget, remove_cb);
}

static void msk_job_row_init(MskJobRow *row)
{
    gtk_widget_init_template(GTK_WIDGET(row));
}

GtkWidget *msk_job_row_new(MskJobs *jobs, MskJobItem *item)
{
    MskJobRow *row = g_object_new(MSK_TYPE_JOB_ROW, NULL);
    row->jobs = g_object_ref(jobs);
    row->item = g_object_ref(item);
    gtk_label_set_text(row->title, msk_job_item_get_title(item));
    gtk_widget_set_tooltip_text(GTK_WIDGET(row->title), msk_job_item_get_title(item));
    const char *detail = msk_job_item_get_detail(item);
    gtk_label_set_text(row->detail, detail ? detail : "");
    gtk_widget_set_visible(GTK_WIDGET(row->detail), detail && detail[0]);
    g_signal_connect_swapped(item, "notify::state", G_CALLBACK(show_state), row);
    show_state(row);
    return GTK_WIDGET(row);
}
