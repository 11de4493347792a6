// SPDX-License-Identifier: Apache-2.0
// MskWindow: going on with work that has no name yet, giving it one, discarding it.
#include "ui/window_private.h"

#include <glib/gi18n.h>

#include "app/store.h"

// What is done with a project, by a thread.
typedef struct Deed {
    MskWindow *window;
    char *path, *clip, *target; // NULL target: discard it
} Deed;

static void free_deed(gpointer user)
{
    Deed *deed = user;
    g_clear_object(&deed->window);
    g_free(deed->path);
    g_free(deed->clip);
    g_free(deed->target);
    g_free(deed);
}

static Deed *new_deed(MskWindow *self, GVariant *target)
{
    const char *path, *clip;
    Deed *deed = g_new0(Deed, 1);
    g_variant_get(target, "(^&ay^&ay)", &path, &clip);
    deed->window = g_object_ref(self);
    deed->path = g_strdup(path);
    deed->clip = g_strdup(*clip ? clip : path);
    return deed;
}

static void do_thread(GTask *task, gpointer source, gpointer user, GCancellable *cancellable)
{
    const Deed *deed = user;
    GError *error = NULL;
    const gboolean is_done = deed->target ? msk_store_keep_unsaved(deed->path, deed->target, &error)
                                          : msk_store_discard_unsaved(deed->path, &error);
    if (is_done)
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void done_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    MskWindow *self = user;
    const Deed *deed = g_task_get_task_data(G_TASK(result));
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_filename_display_basename(deed->target ? deed->target : deed->clip);
    const gboolean is_done = g_task_propagate_boolean(G_TASK(result), &error);
    if (!is_done) {
        g_autofree char *heading =
            g_strdup_printf(deed->target ? _("“%s” Could Not Be Written")
                                         : _("The Work on “%s” Could Not Be Discarded"),
                            name);
        msk_window_tell(self, heading, error->message);
    } else if (deed->target) {
        g_autofree char *message = g_strdup_printf(_("Saved as “%s”"), name);
        g_autoptr(GFile) file = g_file_new_for_path(deed->target);
        msk_window_toast(self, message);
        msk_window_add_recent(self, file);
    }
    msk_start_page_refresh(self->start_page);
    g_object_unref(self);
}

// Takes the deed.
static void begin(Deed *deed)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, done_cb, g_steal_pointer(&deed->window));
    g_task_set_task_data(task, deed, free_deed);
    g_task_run_in_thread(task, do_thread);
}

static void open_unsaved_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    const char *path, *clip;
    g_variant_get(target, "(^&ay^&ay)", &path, &clip);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    msk_window_open(user, file);
}

static void name_chosen_cb(MskWindow *self, GFile *file, gpointer user)
{
    const Deed *asked = user;
    g_autofree char *path = g_file_get_path(file);
    Deed *deed = g_new0(Deed, 1);
    deed->window = g_object_ref(self);
    deed->path = g_strdup(asked->path);
    deed->clip = g_strdup(asked->clip);
    deed->target = g_str_has_suffix(path, ".masklet") ? g_steal_pointer(&path)
                                                      : g_strconcat(path, ".masklet", NULL);
    begin(deed);
}

static void save_unsaved_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    Deed *deed = new_deed(user, target);
    g_clear_object(&deed->window); // no circle: the chooser is the window's
    msk_window_choose_name(user, deed->clip, name_chosen_cb, deed, free_deed);
}

static void discard_response_cb(AdwMessageDialog *dialog, const char *response, gpointer user)
{
    const Deed *asked = user;
    if (!g_str_equal(response, "discard"))
        return;
    Deed *deed = g_new0(Deed, 1);
    deed->window = g_object_ref(asked->window);
    deed->path = g_strdup(asked->path);
    deed->clip = g_strdup(asked->clip);
    begin(deed);
}

static void free_deed_closure(gpointer user, GClosure *closure)
{
    free_deed(user);
}

static void discard_unsaved_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    Deed *deed = new_deed(user, target);
    g_autofree char *name = g_filename_display_basename(deed->clip);
    g_autofree char *heading = g_strdup_printf(_("Discard the Work on “%s”?"), name);
    AdwMessageDialog *dialog = msk_window_ask(
        user, heading, _("Its objects and masks are deleted. The clip itself stays."), "cancel",
        _("_Cancel"), "discard", _("_Discard"), NULL);
    adw_message_dialog_set_response_appearance(dialog, "discard", ADW_RESPONSE_DESTRUCTIVE);
    g_signal_connect_data(dialog, "response", G_CALLBACK(discard_response_cb), deed,
                          free_deed_closure, 0);
    gtk_window_present(GTK_WINDOW(dialog));
}

void msk_window_install_unsaved_actions(MskWindow *self)
{
    static const GActionEntry entries[] = {
        {"open-unsaved", open_unsaved_cb, "(ayay)"},
        {"save-unsaved", save_unsaved_cb, "(ayay)"},
        {"discard-unsaved", discard_unsaved_cb, "(ayay)"},
    };
    g_action_map_add_action_entries(G_ACTION_MAP(self), entries, G_N_ELEMENTS(entries), self);
}
