// SPDX-License-Identifier: Apache-2.0
// The export dialog: from its button to a job in the queue.
#include <glib/gi18n.h>

#include "ui/export_dialog_private.h"
#include "ui/settings.h"

#define SLICE_US 6000 // of collecting masks between events

static void save_settings(MskExportDialog *dialog)
{
    GSettings *settings = msk_settings_get();
    // Presets come first in the list; what they stand for is found under its kind's name.
    static const char *const ids[] = {"editor", "web", "archive", "compositing"};
    guint at = adw_combo_row_get_selected(dialog->preset);
    MskExportKind kind = msk_export_dialog_get_kind(dialog);
    g_settings_set_string(settings, "export-preset",
                          at < G_N_ELEMENTS(ids) ? ids[at] : msk_export_kind_get_name(kind));
    g_settings_set_string(settings, "export-folder", dialog->folder);
    if (gtk_widget_get_visible(GTK_WIDGET(dialog->pattern)))
        g_settings_set_string(settings, "export-pattern",
                              gtk_editable_get_text(GTK_EDITABLE(dialog->pattern)));
    if (kind != MSK_EXPORT_DAVIS)
        g_settings_set_boolean(settings, "export-separate",
                               gtk_switch_get_active(dialog->separate));
    if (gtk_widget_get_visible(GTK_WIDGET(dialog->premultiplied_row)))
        g_settings_set_boolean(settings, "export-premultiplied",
                               gtk_switch_get_active(dialog->premultiplied));
    if (gtk_widget_get_visible(GTK_WIDGET(dialog->sound_row)))
        g_settings_set_boolean(settings, "export-sound", gtk_switch_get_active(dialog->sound));
}

void msk_export_dialog_stop(MskExportDialog *dialog)
{
    g_clear_handle_id(&dialog->collect_source, g_source_remove);
    g_clear_pointer(&dialog->work, msk_export_work_free);
    g_clear_pointer(&dialog->job_title, g_free);
    g_clear_pointer(&dialog->job_detail, g_free);
}

static gboolean collect_idle(gpointer user)
{
    MskExportDialog *dialog = user;
    if (!msk_export_work_collect(dialog->work, SLICE_US)) {
        gtk_progress_bar_set_fraction(dialog->collecting,
                                      msk_export_work_get_fraction(dialog->work));
        return G_SOURCE_CONTINUE;
    }
    dialog->collect_source = 0;
    MskJobs *jobs = msk_session_get_jobs(dialog->session);
    gboolean waits = msk_jobs_get_n_active(jobs) > 0;
    MskJobItem *item =
        msk_jobs_add(jobs, dialog->job_title, dialog->job_detail, msk_export_work_run,
                     g_steal_pointer(&dialog->work), msk_export_work_free);
    waits = waits && msk_job_item_get_state(item) == MSK_JOB_QUEUED;
    if (waits)
        msk_session_toast(dialog->session, _("The export waits for the one before"));
    else
        msk_session_toast(dialog->session, _("Exporting “%s”"), dialog->job_title);
    gtk_window_destroy(GTK_WINDOW(dialog));
    return G_SOURCE_REMOVE;
}

static void start(MskExportDialog *dialog, gboolean overwrite)
{
    g_autoptr(GPtrArray) masklets = msk_export_dialog_dup_masklets(dialog);
    g_autofree char *path = NULL, *pattern = NULL;
    MskExportOptions options = msk_export_dialog_get_options(dialog, &path, &pattern);
    options.overwrite = overwrite;
    int64_t first, last;
    if (masklets->len == 0 || !msk_export_dialog_get_range(dialog, &first, &last))
        return;
    save_settings(dialog);
    dialog->work =
        msk_export_work_new(dialog->document, dialog->media, (MskMasklet *const *)masklets->pdata,
                            masklets->len, first, last, &options);
    g_autofree char *base = g_path_get_basename(path);
    dialog->job_title = g_filename_display_name(base);
    g_autofree char *objects =
        g_strdup_printf(ngettext("%u object", "%u objects", masklets->len), masklets->len);
    g_autofree char *frames =
        g_strdup_printf(ngettext("%lld frame", "%lld frames", (gulong)(last - first + 1)),
                        (long long)(last - first + 1));
    dialog->job_detail = g_strdup_printf(
        "%s, %s, %s", msk_export_dialog_get_kind_title(options.kind), objects, frames);
    gtk_widget_set_sensitive(dialog->export, FALSE);
    gtk_stack_set_visible_child_name(dialog->stack, "collecting");
    dialog->collect_source = g_idle_add(collect_idle, dialog);
}

static void replace_cb(MskExportDialog *dialog, const char *response)
{
    if (strcmp(response, "replace") == 0)
        start(dialog, TRUE);
}

static void ask_to_replace(MskExportDialog *dialog, const char *path, gboolean is_sequence)
{
    g_autofree char *name = g_filename_display_name(path);
    g_autofree char *text = g_strdup_printf(
        is_sequence ? _("There are files in %s. Those of an earlier export and those of the same "
                        "names are replaced, others stay.")
                    : _("%s or a file beside it is there already and is replaced."),
        name);
    GtkWidget *question =
        adw_message_dialog_new(GTK_WINDOW(dialog), _("Replace What Is There?"), text);
    AdwMessageDialog *message = ADW_MESSAGE_DIALOG(question);
    adw_message_dialog_add_responses(message, "cancel", _("_Cancel"), "replace", _("_Replace"),
                                     NULL);
    adw_message_dialog_set_response_appearance(message, "replace", ADW_RESPONSE_DESTRUCTIVE);
    adw_message_dialog_set_default_response(message, "cancel");
    adw_message_dialog_set_close_response(message, "cancel");
    g_signal_connect_object(question, "response", G_CALLBACK(replace_cb), dialog,
                            G_CONNECT_SWAPPED);
    gtk_window_present(GTK_WINDOW(question));
}

static void tell_problem(MskExportDialog *dialog, const char *reason)
{
    GtkWidget *message =
        adw_message_dialog_new(GTK_WINDOW(dialog), _("Cannot Export There"), reason);
    adw_message_dialog_add_response(ADW_MESSAGE_DIALOG(message), "close", _("_Close"));
    gtk_window_present(GTK_WINDOW(message));
}

void msk_export_dialog_run(MskExportDialog *dialog)
{
    if (dialog->work || !gtk_widget_get_sensitive(dialog->export))
        return;
    g_autoptr(GPtrArray) masklets = msk_export_dialog_dup_masklets(dialog);
    g_autofree char *path = NULL, *pattern = NULL;
    MskExportOptions options = msk_export_dialog_get_options(dialog, &path, &pattern);
    g_autofree MskExportObject *objects = g_new0(MskExportObject, masklets->len);
    for (guint i = 0; i < masklets->len; i++)
        msk_export_object_init(&objects[i], dialog->document, masklets->pdata[i]);
    g_autoptr(GError) error = NULL;
    if (msk_export_check_destination(&options, dialog->media, objects, (int)masklets->len,
                                     &error)) {
        start(dialog, FALSE);
        return;
    }
    // What may be replaced is asked for; what is in the way for good is not.
    options.overwrite = TRUE;
    if (g_error_matches(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_EXISTS) &&
        msk_export_check_destination(&options, dialog->media, objects, (int)masklets->len, NULL))
        ask_to_replace(dialog, path, msk_export_kind_is_sequence(options.kind));
    else
        tell_problem(dialog, error->message);
}

void msk_export_dialog_track_first(MskExportDialog *dialog)
{
    MskTracker *tracker = msk_session_get_tracker(dialog->session);
    g_autoptr(GPtrArray) masklets = msk_export_dialog_dup_masklets(dialog);
    int64_t first, last;
    if (!tracker || masklets->len == 0 || !msk_export_dialog_get_range(dialog, &first, &last))
        return;
    MskTrackOptions options = {
        .masklets = (MskMasklet *const *)masklets->pdata,
        .n_masklets = masklets->len,
        .direction = MSK_DIRECTION_BOTH,
        .first = first,
        .last = last,
        .from = -1,
    };
    g_autoptr(GError) error = NULL;
    if (msk_tracker_track(tracker, &options, &error)) {
        msk_session_toast(dialog->session, _("Tracking; export again when it is done"));
        gtk_window_close(GTK_WINDOW(dialog));
    } else {
        tell_problem(dialog, error ? error->message : _("There is nothing to track from"));
    }
}
