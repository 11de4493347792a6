// SPDX-License-Identifier: Apache-2.0
// The preferences' page of models: what is installed and in use, adding files, backends, speed.
#include <glib/gi18n.h>
#include <glib/gstdio.h>

#include "app/model_speed.h"
#include "app/model_store.h"
#include "ui/preferences_private.h"

// ---- In use ------------------------------------------------------------------------------------

static char *describe_model(const MskModelInfo *info, guint64 n_bytes)
{
    g_autofree char *size = g_format_size(n_bytes);
    return g_strdup_printf("SAM %s %s, %s", info->version, info->variant, size);
}

static void show_in_use(MskPreferences *self)
{
    const MskModelInfo *info = msk_model_host_get_info(self->host);
    const char *opening = msk_model_host_get_opening(self->host);
    const char *name = msk_model_host_get_name(self->host);
    const char *problem = msk_model_host_get_problem(self->host);
    g_autofree char *title = NULL, *subtitle = NULL;
    if (opening)
        title = g_strdup_printf(_("Opening “%s”"), opening);
    else if (name)
        title = g_strdup(name);
    else
        title = g_strdup(_("No model is open"));
    if (info && !opening) {
        g_autofree char *what = describe_model(info, info->weights_size);
        const char *precision = info->precision == MSK_PRECISION_BF16 ? _("16 bits") : _("32 bits");
        subtitle = g_strdup_printf(_("%s; on %s, %s"), what, info->backend, precision);
    }
    g_autofree char *escaped_title = g_markup_escape_text(title, -1);
    g_autofree char *escaped = g_markup_escape_text(subtitle ? subtitle : "", -1);
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(self->in_use), escaped_title);
    adw_action_row_set_subtitle(self->in_use, escaped);
    gtk_widget_set_visible(GTK_WIDGET(self->opening), opening != NULL);
    gtk_spinner_set_spinning(self->opening, opening != NULL);
    g_autofree char *escaped_problem = g_markup_escape_text(problem ? problem : "", -1);
    adw_action_row_set_subtitle(self->problem, escaped_problem);
    gtk_widget_set_visible(GTK_WIDGET(self->problem), problem != NULL);
    gtk_widget_set_sensitive(self->measure, info && !opening && !self->measure_cancellable);
}

static void show_cuda(MskPreferences *self)
{
    const char *why = NULL;
    gboolean is_there = msk_backend_is_available(MSK_BACKEND_CUDA, &why);
    g_autofree char *text =
        is_there ? g_strdup(_("Found, and used unless another backend is chosen"))
                 : g_strdup_printf(_("Not available: %s"), why && why[0] ? why : _("not found"));
    g_autofree char *escaped = g_markup_escape_text(text, -1);
    adw_action_row_set_subtitle(self->cuda, escaped);
}

// ---- List --------------------------------------------------------------------------------------

typedef struct Listed {
    MskModelEntry *entry;
    MskModelInfo info;
    guint64 file_size;
    char *problem; // NULL: the file is fine
    gboolean is_chosen;
} Listed;

static void free_listed(gpointer data)
{
    Listed *listed = data;
    msk_model_entry_free(listed->entry);
    g_free(listed->problem);
    g_free(listed);
}

static void list_thread(GTask *task, gpointer source, gpointer chosen, GCancellable *cancellable)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(free_listed);
    g_autofree char *chosen_path = msk_model_store_find(chosen, NULL);
    g_autoptr(GPtrArray) entries = msk_model_store_list();
    g_ptr_array_set_free_func(entries, NULL);
    for (guint i = 0; i < entries->len; i++) {
        Listed *listed = g_new0(Listed, 1);
        g_autoptr(GError) error = NULL;
        listed->entry = entries->pdata[i];
        if (!msk_model_inspect(listed->entry->path, &listed->info, &error))
            listed->problem = g_strdup(error->message);
        GStatBuf status;
        if (g_stat(listed->entry->path, &status) == 0)
            listed->file_size = (guint64)status.st_size;
        listed->is_chosen = g_strcmp0(chosen_path, listed->entry->path) == 0;
        g_ptr_array_add(all, listed);
    }
    g_task_return_pointer(task, all, (GDestroyNotify)g_ptr_array_unref);
}

static void refresh(MskPreferences *self);

static void show_chosen(MskPreferences *self)
{
    g_autofree char *name = g_settings_get_string(self->settings, "model");
    for (guint i = 0; i < self->radios->len; i++) {
        GObject *radio = self->radios->pdata[i];
        if (strcmp(g_object_get_data(radio, "name"), name) == 0)
            gtk_check_button_set_active(GTK_CHECK_BUTTON(radio), TRUE);
    }
}

static void chosen_cb(GtkCheckButton *radio, MskPreferences *self)
{
    const char *name = g_object_get_data(G_OBJECT(radio), "name");
    g_autofree char *now = g_settings_get_string(self->settings, "model");
    if (gtk_check_button_get_active(radio) && strcmp(name, now) != 0)
        g_settings_set_string(self->settings, "model", name);
}

static void removed_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autoptr(MskPreferences) self = user;
    g_autoptr(GError) error = NULL;
    gboolean removed = g_task_propagate_boolean(G_TASK(result), &error);
    if (!self->host) // closed meanwhile
        return;
    if (!removed)
        adw_preferences_window_add_toast(ADW_PREFERENCES_WINDOW(self),
                                         adw_toast_new(error->message));
    refresh(self);
}

static void remove_thread(GTask *task, gpointer source, gpointer path, GCancellable *cancellable)
{
    GError *error = NULL;
    if (msk_model_store_remove(path, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void remove_answered_cb(AdwMessageDialog *question, const char *response,
                               MskPreferences *self)
{
    if (strcmp(response, "delete") != 0)
        return;
    g_autoptr(GTask) task = g_task_new(NULL, NULL, removed_cb, g_object_ref(self));
    g_task_set_task_data(task, g_strdup(g_object_get_data(G_OBJECT(question), "path")), g_free);
    g_task_run_in_thread(task, remove_thread);
}

static void remove_cb(GtkButton *button, MskPreferences *self)
{
    const char *path = g_object_get_data(G_OBJECT(button), "path");
    const char *name = g_object_get_data(G_OBJECT(button), "name");
    if (g_strcmp0(name, msk_model_host_get_name(self->host)) == 0) {
        g_autofree char *text =
            g_strdup_printf(_("“%s” is in use: choose another one first"), name);
        adw_preferences_window_add_toast(ADW_PREFERENCES_WINDOW(self), adw_toast_new(text));
        return;
    }
    GtkWidget *question = adw_message_dialog_new(GTK_WINDOW(self), NULL, NULL);
    AdwMessageDialog *message = ADW_MESSAGE_DIALOG(question);
    adw_message_dialog_format_heading(message, _("Delete the Model “%s”?"), name);
    adw_message_dialog_format_body(message, _("The file %s is deleted for good."), path);
    g_object_set_data_full(G_OBJECT(question), "path", g_strdup(path), g_free);
    adw_message_dialog_add_responses(message, "cancel", _("_Cancel"), "delete", _("_Delete"), NULL);
    adw_message_dialog_set_response_appearance(message, "delete", ADW_RESPONSE_DESTRUCTIVE);
    adw_message_dialog_set_default_response(message, "cancel");
    adw_message_dialog_set_close_response(message, "cancel");
    g_signal_connect_object(question, "response", G_CALLBACK(remove_answered_cb), self, 0);
    gtk_window_present(GTK_WINDOW(question));
}

static GtkWidget *make_model_row(MskPreferences *self, const Listed *listed)
{
    const MskModelEntry *entry = listed->entry;
    g_autofree char *what = listed->problem ? g_strdup(listed->problem)
                                            : describe_model(&listed->info, listed->file_size);
    g_autofree char *subtitle = g_markup_escape_text(what, -1);
    g_autofree char *title = g_markup_escape_text(entry->name, -1);
    GtkWidget *row = adw_action_row_new();
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), title);
    adw_action_row_set_subtitle(ADW_ACTION_ROW(row), subtitle);
    adw_action_row_set_subtitle_lines(ADW_ACTION_ROW(row), 0);
    gtk_widget_set_tooltip_text(row, entry->path);

    GtkWidget *radio = gtk_check_button_new();
    gtk_widget_set_valign(radio, GTK_ALIGN_CENTER);
    if (self->radios->len > 0)
        gtk_check_button_set_group(GTK_CHECK_BUTTON(radio), self->radios->pdata[0]);
    gtk_check_button_set_active(GTK_CHECK_BUTTON(radio), listed->is_chosen);
    gtk_widget_set_sensitive(radio, !listed->problem);
    gtk_accessible_update_property(GTK_ACCESSIBLE(radio), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   entry->name, -1);
    g_object_set_data_full(G_OBJECT(radio), "name", g_strdup(entry->name), g_free);
    g_ptr_array_add(self->radios, radio);
    g_signal_connect(radio, "toggled", G_CALLBACK(chosen_cb), self);
    adw_action_row_add_prefix(ADW_ACTION_ROW(row), radio);
    adw_action_row_set_activatable_widget(ADW_ACTION_ROW(row), radio);
    if (listed->problem)
        adw_action_row_add_suffix(ADW_ACTION_ROW(row),
                                  gtk_image_new_from_icon_name("dialog-warning-symbolic"));
    if (entry->is_own) {
        GtkWidget *button = gtk_button_new_from_icon_name("user-trash-symbolic");
        gtk_widget_add_css_class(button, "flat");
        gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
        gtk_widget_set_tooltip_text(button, _("Delete this model"));
        g_object_set_data_full(G_OBJECT(button), "path", g_strdup(entry->path), g_free);
        g_object_set_data_full(G_OBJECT(button), "name", g_strdup(entry->name), g_free);
        g_signal_connect(button, "clicked", G_CALLBACK(remove_cb), self);
        adw_action_row_add_suffix(ADW_ACTION_ROW(row), button);
    }
    return row;
}

static void listed_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autoptr(MskPreferences) self = user;
    g_autoptr(GPtrArray) all = g_task_propagate_pointer(G_TASK(result), NULL);
    self->is_listing = FALSE;
    if (!all || !self->host) // closed meanwhile
        return;
    if (self->list_again) {
        refresh(self);
        return;
    }
    for (guint i = 0; i < self->model_rows->len; i++)
        adw_preferences_group_remove(self->models_group, self->model_rows->pdata[i]);
    g_ptr_array_set_size(self->model_rows, 0);
    g_ptr_array_set_size(self->radios, 0);
    for (guint i = 0; i < all->len; i++) {
        GtkWidget *row = make_model_row(self, all->pdata[i]);
        adw_preferences_group_add(self->models_group, row);
        g_ptr_array_add(self->model_rows, row);
    }
}

static void refresh(MskPreferences *self)
{
    self->list_again = self->is_listing;
    if (self->is_listing)
        return;
    self->is_listing = TRUE;
    g_autoptr(GTask) task = g_task_new(NULL, self->cancellable, listed_cb, g_object_ref(self));
    g_task_set_task_data(task, g_settings_get_string(self->settings, "model"), g_free);
    g_task_run_in_thread(task, list_thread);
}

// ---- Adding ------------------------------------------------------------------------------------

static void use_cb(AdwToast *toast, MskPreferences *self)
{
    g_settings_set_string(self->settings, "model", g_object_get_data(G_OBJECT(toast), "name"));
}

static void added_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autoptr(MskPreferences) self = user;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_task_propagate_pointer(G_TASK(result), &error);
    if (!self->host)
        return;
    gtk_widget_set_sensitive(self->add_file, TRUE);
    if (!name) {
        GtkWidget *message =
            adw_message_dialog_new(GTK_WINDOW(self), _("This File Cannot Be Used"), error->message);
        adw_message_dialog_add_response(ADW_MESSAGE_DIALOG(message), "close", _("_Close"));
        gtk_window_present(GTK_WINDOW(message));
        return;
    }
    g_autofree char *text = g_strdup_printf(_("“%s” added"), name);
    AdwToast *toast = adw_toast_new(text);
    adw_toast_set_button_label(toast, _("_Use It"));
    g_object_set_data_full(G_OBJECT(toast), "name", g_strdup(name), g_free);
    g_signal_connect_object(toast, "button-clicked", G_CALLBACK(use_cb), self, 0);
    adw_preferences_window_add_toast(ADW_PREFERENCES_WINDOW(self), toast);
    refresh(self);
}

static void add_thread(GTask *task, gpointer source, gpointer path, GCancellable *cancellable)
{
    GError *error = NULL;
    char *name = NULL;
    if (msk_model_store_add(path, &name, cancellable, &error))
        g_task_return_pointer(task, name, g_free);
    else
        g_task_return_error(task, error);
}

static void file_chosen_cb(MskPreferences *self, int response)
{
    g_autoptr(GFile) file = response == GTK_RESPONSE_ACCEPT
                                ? gtk_file_chooser_get_file(GTK_FILE_CHOOSER(self->chooser))
                                : NULL;
    g_autofree char *path = file ? g_file_get_path(file) : NULL;
    gtk_native_dialog_destroy(GTK_NATIVE_DIALOG(self->chooser));
    g_clear_object(&self->chooser);
    if (!path)
        return;
    gtk_widget_set_sensitive(self->add_file, FALSE);
    g_autoptr(GTask) task = g_task_new(NULL, self->cancellable, added_cb, g_object_ref(self));
    g_task_set_task_data(task, g_steal_pointer(&path), g_free);
    g_task_run_in_thread(task, add_thread);
}

void msk_preferences_add_file(MskPreferences *self)
{
    if (self->chooser)
        return;
    self->chooser = gtk_file_chooser_native_new(
        _("Add a Model"), GTK_WINDOW(self), GTK_FILE_CHOOSER_ACTION_OPEN, _("_Add"), _("_Cancel"));
    gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(self->chooser), TRUE);
    g_autoptr(GtkFileFilter) filter = gtk_file_filter_new();
    gtk_file_filter_set_name(filter, _("Models (.safetensors, .pt)"));
    gtk_file_filter_add_suffix(filter, "safetensors");
    gtk_file_filter_add_suffix(filter, "pt");
    gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(self->chooser), filter);
    g_signal_connect_swapped(self->chooser, "response", G_CALLBACK(file_chosen_cb), self);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(self->chooser));
}

// ---- Speed -------------------------------------------------------------------------------------

static void measured_cb(GObject *engine, GAsyncResult *result, gpointer user)
{
    g_autoptr(MskPreferences) self = user;
    g_autoptr(GError) error = NULL;
    double rate = msk_model_measure_finish(MSK_ENGINE(engine), result, &error);
    g_clear_object(&self->measure_cancellable);
    if (!self->host)
        return;
    gtk_spinner_set_spinning(self->measuring, FALSE);
    gtk_widget_set_visible(GTK_WIDGET(self->measuring), FALSE);
    g_autofree char *text = rate >= 0 ? g_strdup_printf(_("%.1f frames/s with one object"), rate)
                                      : g_markup_escape_text(error->message, -1);
    adw_action_row_set_subtitle(self->speed, text);
    show_in_use(self);
}

void msk_preferences_measure(MskPreferences *self)
{
    if (self->measure_cancellable || !msk_model_host_get_info(self->host))
        return;
    self->measure_cancellable = g_cancellable_new();
    adw_action_row_set_subtitle(self->speed, _("Tracking a few drawn frames"));
    gtk_widget_set_visible(GTK_WIDGET(self->measuring), TRUE);
    gtk_spinner_set_spinning(self->measuring, TRUE);
    msk_model_measure_async(msk_model_host_get_engine(self->host), self->measure_cancellable,
                            measured_cb, g_object_ref(self));
    show_in_use(self);
}

// Another model or backend: what was measured holds no more.
static void model_changed_cb(MskPreferences *self)
{
    if (!self->measure_cancellable)
        adw_action_row_set_subtitle(self->speed, _("Tracks one object over a few drawn frames"));
    show_in_use(self);
}

// ---- Page --------------------------------------------------------------------------------------

void msk_preferences_init_models(MskPreferences *self)
{
    self->model_rows = g_ptr_array_new();
    self->radios = g_ptr_array_new();
    g_signal_connect_object(self->host, "notify", G_CALLBACK(show_in_use), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->host, "changed", G_CALLBACK(model_changed_cb), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->settings, "changed::model", G_CALLBACK(show_chosen), self,
                            G_CONNECT_SWAPPED);
    show_in_use(self);
    show_cuda(self);
    refresh(self);
}

void msk_preferences_dispose_models(MskPreferences *self)
{
    if (self->cancellable)
        g_cancellable_cancel(self->cancellable);
    if (self->measure_cancellable)
        g_cancellable_cancel(self->measure_cancellable);
    g_clear_object(&self->cancellable);
    if (self->chooser)
        gtk_native_dialog_destroy(GTK_NATIVE_DIALOG(self->chooser));
    g_clear_object(&self->chooser);
    g_clear_pointer(&self->model_rows, g_ptr_array_unref);
    g_clear_pointer(&self->radios, g_ptr_array_unref);
}
