// SPDX-License-Identifier: Apache-2.0
// MskWindow: choosing files to open and save, recent ones, dropped ones; a clip that is not found.
#include "ui/window_private.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/startup.h"
#include "ui/settings.h"

#define N_RECENT 10

// ---- Choosing ----------------------------------------------------------------------------------

typedef void (*ChosenFunc)(MskWindow *window, GtkFileChooserNative *chooser, GFile *file);

static void response_cb(GtkNativeDialog *dialog, int response, MskWindow *self)
{
    ChosenFunc chosen = (ChosenFunc)g_object_get_data(G_OBJECT(dialog), "chosen");
    g_autoptr(GtkFileChooserNative) chooser = g_steal_pointer(&self->chooser);
    if (response == GTK_RESPONSE_ACCEPT) {
        g_autoptr(GFile) file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
        if (file)
            chosen(self, chooser, file);
    } else if (g_object_get_data(G_OBJECT(dialog), "is-relink")) {
        msk_session_relink(self->session, NULL, FALSE);
    }
    gtk_native_dialog_destroy(dialog);
}

static void set_last_folder(GtkFileChooser *chooser)
{
    g_autofree char *last = g_settings_get_string(msk_settings_get(), "last-folder");
    g_autoptr(GFile) folder = *last ? g_file_new_for_path(last) : NULL;
    if (folder && g_file_query_exists(folder, NULL))
        gtk_file_chooser_set_current_folder(chooser, folder, NULL);
}

static void keep_last_folder(GFile *file)
{
    g_autoptr(GFile) folder = g_file_get_parent(file);
    g_autofree char *path = folder ? g_file_get_path(folder) : NULL;
    if (path)
        g_settings_set_string(msk_settings_get(), "last-folder", path);
}

static GtkFileChooserNative *new_chooser(MskWindow *self, const char *title,
                                         GtkFileChooserAction action, const char *accept,
                                         ChosenFunc chosen)
{
    if (self->chooser)
        gtk_native_dialog_destroy(GTK_NATIVE_DIALOG(self->chooser));
    g_clear_object(&self->chooser);
    self->chooser =
        gtk_file_chooser_native_new(title, GTK_WINDOW(self), action, accept, _("_Cancel"));
    gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(self->chooser), TRUE);
    g_object_set_data(G_OBJECT(self->chooser), "chosen", (gpointer)chosen);
    g_signal_connect_object(self->chooser, "response", G_CALLBACK(response_cb), self, 0);
    set_last_folder(GTK_FILE_CHOOSER(self->chooser));
    return self->chooser;
}

static void add_filter(GtkFileChooserNative *chooser, const char *name,
                       const char *const *mime_types, const char *pattern)
{
    g_autoptr(GtkFileFilter) filter = gtk_file_filter_new();
    gtk_file_filter_set_name(filter, name);
    for (; mime_types && *mime_types; mime_types++)
        gtk_file_filter_add_mime_type(filter, *mime_types);
    if (pattern)
        gtk_file_filter_add_pattern(filter, pattern);
    gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(chooser), filter);
}

static const char *const video_types[] = {"video/*", NULL};
static const char *const image_types[] = {"image/*", NULL};
static const char *const all_types[] = {"video/*", "image/*", "application/x-masklet", NULL};

static void open_chosen(MskWindow *self, GtkFileChooserNative *chooser, GFile *file)
{
    keep_last_folder(file);
    msk_window_open(self, file);
}

static void open_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    GtkFileChooserNative *chooser = new_chooser(
        self, _("Open a Clip or a Project"), GTK_FILE_CHOOSER_ACTION_OPEN, _("_Open"), open_chosen);
    add_filter(chooser, _("Clips and projects"), all_types, "*.masklet");
    add_filter(chooser, _("Videos"), video_types, NULL);
    add_filter(chooser, _("Image sequences (any of its images)"), image_types, NULL);
    add_filter(chooser, _("Masklet projects"), NULL, "*.masklet");
    add_filter(chooser, _("All files"), NULL, "*");
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

static void open_folder_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    GtkFileChooserNative *chooser =
        new_chooser(self, _("Open a Folder of Images"), GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER,
                    _("_Open"), open_chosen);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

static void open_sample_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    g_autofree char *path = msk_startup_find_data("sample/sample.mp4");
    g_autoptr(GFile) file = path ? g_file_new_for_path(path) : NULL;
    if (file)
        msk_window_open(user, file);
    else
        msk_window_toast(user, _("The sample clip is not installed"));
}

static void open_recent_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    g_autoptr(GFile) file = g_file_new_for_uri(g_variant_get_string(target, NULL));
    msk_window_open(user, file);
}

static void background_chosen(MskWindow *self, GtkFileChooserNative *chooser, GFile *file)
{
    g_autofree char *path = g_file_get_path(file);
    g_object_set(self->session, "background-image", path, NULL);
    msk_session_set_view_mode(self->session, MSK_VIEW_IMAGE);
}

static void choose_background_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    GtkFileChooserNative *chooser = new_chooser(
        self, _("Choose a Picture"), GTK_FILE_CHOOSER_ACTION_OPEN, _("_Choose"), background_chosen);
    add_filter(chooser, _("Pictures"), image_types, NULL);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

// ---- Saving ------------------------------------------------------------------------------------

static void show_save_chooser(MskWindow *self, const char *title, ChosenFunc chosen,
                              gboolean is_copy)
{
    g_autofree char *stem = g_strdup(msk_session_get_title(self->session));
    GFile *file = msk_session_get_file(self->session);
    g_autoptr(GFile) folder = file ? g_file_get_parent(file) : NULL;
    char *dot = stem ? strrchr(stem, '.') : NULL;
    if (dot && dot != stem)
        *dot = '\0';
    g_autofree char *name =
        is_copy ? g_strdup_printf(_("%s copy.masklet"), stem) : g_strdup_printf("%s.masklet", stem);
    GtkFileChooserNative *chooser =
        new_chooser(self, title, GTK_FILE_CHOOSER_ACTION_SAVE, _("_Save"), chosen);
    if (folder)
        gtk_file_chooser_set_current_folder(GTK_FILE_CHOOSER(chooser), folder, NULL);
    gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(chooser), name);
    add_filter(chooser, _("Masklet projects"), NULL, "*.masklet");
    if (is_copy) {
        const char *ids[] = {"relative", "absolute", NULL};
        const char *labels[] = {_("Beside the copy, moved along with it"), _("Where it is now"),
                                NULL};
        gtk_file_chooser_add_choice(GTK_FILE_CHOOSER(chooser), "media", _("The clip is found"), ids,
                                    labels);
        gtk_file_chooser_set_choice(GTK_FILE_CHOOSER(chooser), "media", "relative");
    }
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

static void save_as_chosen(MskWindow *self, GtkFileChooserNative *chooser, GFile *file)
{
    msk_session_save_as(self->session, file);
}

static void save_copy_chosen(MskWindow *self, GtkFileChooserNative *chooser, GFile *file)
{
    const char *choice = gtk_file_chooser_get_choice(GTK_FILE_CHOOSER(chooser), "media");
    msk_session_save_copy(self->session, file, g_strcmp0(choice, "absolute") != 0);
}

static void save_as_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    show_save_chooser(user, _("Save the Project"), save_as_chosen, FALSE);
}

static void save_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    if (msk_session_is_unsaved(self->session))
        show_save_chooser(self, _("Save the Project"), save_as_chosen, FALSE);
    else
        msk_session_save(self->session);
}

static void save_copy_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    show_save_chooser(user, _("Save a Copy of the Project"), save_copy_chosen, TRUE);
}

// What is done with a name that is chosen.
typedef struct Naming {
    MskNameChosenFunc chosen;
    gpointer user;
    GDestroyNotify destroy;
} Naming;

static void free_naming(gpointer data)
{
    Naming *naming = data;
    naming->destroy(naming->user);
    g_free(naming);
}

static void name_chosen(MskWindow *self, GtkFileChooserNative *chooser, GFile *file)
{
    const Naming *naming = g_object_get_data(G_OBJECT(chooser), "naming");
    naming->chosen(self, file, naming->user);
}

void msk_window_choose_name(MskWindow *self, const char *clip, MskNameChosenFunc chosen,
                            gpointer user, GDestroyNotify destroy)
{
    Naming *naming = g_new(Naming, 1);
    *naming = (Naming){chosen, user, destroy};
    g_autofree char *stem = g_filename_display_basename(clip);
    g_autofree char *place = g_path_get_dirname(clip);
    g_autoptr(GFile) folder = g_file_new_for_path(place);
    char *dot = strrchr(stem, '.');
    if (dot && dot != stem)
        *dot = '\0';
    g_autofree char *name = g_strdup_printf("%s.masklet", stem);
    GtkFileChooserNative *chooser = new_chooser(
        self, _("Save the Project"), GTK_FILE_CHOOSER_ACTION_SAVE, _("_Save"), name_chosen);
    g_object_set_data_full(G_OBJECT(chooser), "naming", naming, free_naming);
    gtk_file_chooser_set_current_folder(GTK_FILE_CHOOSER(chooser), folder, NULL);
    gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(chooser), name);
    add_filter(chooser, _("Masklet projects"), NULL, "*.masklet");
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

static void retry_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    msk_session_retry_writing(((MskWindow *)user)->session);
}

static void close_clip_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    msk_session_leave(((MskWindow *)user)->session, NULL, NULL, NULL);
}

static gboolean leave_anyway_idle(gpointer user)
{
    msk_session_leave_anyway(user);
    return G_SOURCE_REMOVE;
}

static void unwritten_response_cb(AdwMessageDialog *dialog, const char *response, MskWindow *self)
{
    if (g_str_equal(response, "lose")) { // the window may go, but not under the dialog's feet
        g_idle_add_full(G_PRIORITY_DEFAULT, leave_anyway_idle, g_object_ref(self->session),
                        g_object_unref);
        return;
    }
    msk_session_stay(self->session);
    if (g_str_equal(response, "save-as"))
        g_action_group_activate_action(G_ACTION_GROUP(self), "save-as", NULL);
}

static void unwritten_cb(MskSession *session, const char *message, MskWindow *self)
{
    self->is_closing = FALSE;
    g_autofree char *body = g_strdup_printf(
        "%s\n\n%s", message,
        _("They could not be written to the disk. Make room, or save under another name."));
    AdwMessageDialog *dialog =
        msk_window_ask(self, _("Lose the Last Edits?"), body, "keep", _("_Keep Working"), "save-as",
                       _("Save _As…"), "lose", _("_Close All the Same"), NULL);
    adw_message_dialog_set_response_appearance(dialog, "lose", ADW_RESPONSE_DESTRUCTIVE);
    adw_message_dialog_set_default_response(dialog, "save-as");
    g_signal_connect_object(dialog, "response", G_CALLBACK(unwritten_response_cb), self, 0);
    gtk_window_present(GTK_WINDOW(dialog));
}

// ---- A clip that is not found ------------------------------------------------------------------

static void relink_chosen(MskWindow *self, GtkFileChooserNative *chooser, GFile *file)
{
    msk_session_relink(self->session, file, FALSE);
}

// Begins where the clip was, if that folder is still there.
static void show_relink_chooser(MskWindow *self, GFile *was)
{
    g_autoptr(GFile) folder = g_file_get_parent(was);
    GtkFileChooserNative *chooser = new_chooser(
        self, _("Where Is the Clip?"), GTK_FILE_CHOOSER_ACTION_OPEN, _("_Choose"), relink_chosen);
    g_object_set_data(G_OBJECT(chooser), "is-relink", self);
    if (folder && g_file_query_exists(folder, NULL))
        gtk_file_chooser_set_current_folder(GTK_FILE_CHOOSER(chooser), folder, NULL);
    add_filter(chooser, _("Videos and images"), all_types, NULL);
    add_filter(chooser, _("All files"), NULL, "*");
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

typedef struct Relink {
    MskWindow *window;
    GFile *file;
} Relink;

static void relink_response_cb(AdwMessageDialog *dialog, const char *response, Relink *relink)
{
    MskSession *session = relink->window->session;
    if (g_str_equal(response, "locate"))
        show_relink_chooser(relink->window, relink->file);
    else if (g_str_equal(response, "use"))
        msk_session_relink(session, relink->file, TRUE);
    else
        msk_session_relink(session, NULL, FALSE);
}

static void free_relink(gpointer user, GClosure *closure)
{
    Relink *relink = user;
    g_object_unref(relink->file);
    g_object_unref(relink->window);
    g_free(relink);
}

static void ask_relink(MskWindow *self, AdwMessageDialog *dialog, const char *path)
{
    Relink *relink = g_new(Relink, 1);
    *relink = (Relink){g_object_ref(self), g_file_new_for_path(path)};
    g_signal_connect_data(dialog, "response", G_CALLBACK(relink_response_cb), relink, free_relink,
                          0);
    adw_message_dialog_set_default_response(dialog, "locate");
    gtk_window_present(GTK_WINDOW(dialog));
}

static void media_missing_cb(MskSession *session, const char *path, MskWindow *self)
{
    g_autofree char *name = g_filename_display_basename(path);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *shown = g_filename_display_name(folder);
    g_autofree char *heading = g_strdup_printf(_("“%s” Is Not There"), name);
    g_autofree char *body =
        g_strdup_printf(_("The project’s clip was in %s. If it was moved or renamed, show where it "
                          "is now."),
                        shown);
    AdwMessageDialog *dialog = msk_window_ask(self, heading, body, "cancel", _("_Cancel"), "locate",
                                              _("_Locate the Clip…"), NULL);
    adw_message_dialog_set_response_appearance(dialog, "locate", ADW_RESPONSE_SUGGESTED);
    ask_relink(self, dialog, path);
}

static void media_differs_cb(MskSession *session, const char *path, const char *how,
                             gboolean usable, MskWindow *self)
{
    g_autofree char *name = g_filename_display_basename(path);
    g_autofree char *heading = g_strdup_printf(_("“%s” Is Not the Same Clip"), name);
    g_autofree char *body = g_strdup_printf(
        "%s\n\n%s", how,
        usable ? _("If it is the same shot (graded or encoded anew), use it; masks that do not fit "
                   "can be run again.")
               : _("The masks would not fit it. Choose the clip that the project was made with."));
    AdwMessageDialog *dialog = msk_window_ask(self, heading, body, "cancel", _("_Cancel"), "locate",
                                              _("_Locate the Clip…"), NULL);
    if (usable) {
        adw_message_dialog_add_response(dialog, "use", _("_Use It"));
        adw_message_dialog_set_response_appearance(dialog, "use", ADW_RESPONSE_DESTRUCTIVE);
    }
    ask_relink(self, dialog, path);
}

static void start_afresh_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    msk_session_start_afresh(((MskWindow *)user)->session);
}

static void earlier_work_cb(MskSession *session, MskWindow *self)
{
    AdwToast *toast = adw_toast_new(_("Your earlier work on this clip is here"));
    adw_toast_set_button_label(toast, _("_Start Afresh"));
    adw_toast_set_action_name(toast, "win.start-afresh");
    adw_toast_set_timeout(toast, 10);
    adw_toast_overlay_add_toast(self->toasts, toast);
}

// ---- Recent files ------------------------------------------------------------------------------

void msk_window_add_recent(MskWindow *self, GFile *file)
{
    g_autofree char *uri = g_file_get_uri(file);
    g_autofree char *name = g_file_get_basename(file);
    g_autofree char *type = g_content_type_guess(name, NULL, 0, NULL);
    g_autofree char *mime = g_content_type_get_mime_type(type);
    g_autofree char *program = g_strdup("Masklet"), *command = g_strdup("masklet %u");
    const GtkRecentData data = {.mime_type = mime, .app_name = program, .app_exec = command};
    gtk_recent_manager_add_full(gtk_recent_manager_get_default(), uri, &data);
}

static int compare_recent_cb(gconstpointer a, gconstpointer b)
{
    GDateTime *left = gtk_recent_info_get_modified((GtkRecentInfo *)a);
    GDateTime *right = gtk_recent_info_get_modified((GtkRecentInfo *)b);
    return g_date_time_compare(right, left);
}

static void recent_changed_cb(MskWindow *self)
{
    GList *items = gtk_recent_manager_get_items(gtk_recent_manager_get_default());
    int n = 0;
    items = g_list_sort(items, compare_recent_cb);
    g_menu_remove_all(self->recent_section);
    for (GList *at = items; at && n < N_RECENT; at = at->next) {
        GtkRecentInfo *info = at->data;
        if (!gtk_recent_info_has_application(info, "Masklet") || !gtk_recent_info_is_local(info) ||
            !gtk_recent_info_exists(info))
            continue;
        // Underscores are part of the name here, not mnemonics.
        g_auto(GStrv) parts = g_strsplit(gtk_recent_info_get_display_name(info), "_", -1);
        g_autofree char *label = g_strjoinv("__", parts);
        g_autoptr(GMenuItem) item = g_menu_item_new(label, NULL);
        g_menu_item_set_action_and_target(item, "win.open-recent", "s",
                                          gtk_recent_info_get_uri(info));
        g_menu_append_item(self->recent_section, item);
        n++;
    }
    g_list_free_full(items, (GDestroyNotify)gtk_recent_info_unref);
}

// ---- Dropped files -----------------------------------------------------------------------------

static gboolean drop_cb(GtkDropTarget *drop, const GValue *value, double x, double y,
                        MskWindow *self)
{
    if (G_VALUE_HOLDS(value, G_TYPE_FILE)) {
        msk_window_open(self, g_value_get_object(value));
        return TRUE;
    }
    GSList *files = g_value_get_boxed(value);
    if (!files)
        return FALSE;
    msk_window_open(self, files->data);
    // Each further one gets a window of its own.
    for (GSList *at = files->next; at; at = at->next) {
        GFile *file = at->data;
        g_application_open(G_APPLICATION(gtk_window_get_application(GTK_WINDOW(self))), &file, 1,
                           "");
    }
    return TRUE;
}

static void opened_cb(MskSession *session, MskWindow *self)
{
    msk_window_add_recent(self, msk_session_get_file(session));
    gtk_widget_grab_focus(GTK_WIDGET(self->canvas));
}

static void saved_cb(MskSession *session, GFile *file, MskWindow *self)
{
    msk_window_add_recent(self, file);
}

void msk_window_install_file_actions(MskWindow *self)
{
    static const GActionEntry entries[] = {
        {"open", open_cb},
        {"open-folder", open_folder_cb},
        {"open-sample", open_sample_cb},
        {"open-recent", open_recent_cb, "s"},
        {"choose-background", choose_background_cb},
        {"save", save_cb},
        {"save-as", save_as_cb},
        {"save-copy", save_copy_cb},
        {"retry-writing", retry_cb},
        {"close-clip", close_clip_cb},
        {"start-afresh", start_afresh_cb},
    };
    g_action_map_add_action_entries(G_ACTION_MAP(self), entries, G_N_ELEMENTS(entries), self);
}

void msk_window_watch_files(MskWindow *self)
{
    const GType types[] = {GDK_TYPE_FILE_LIST, G_TYPE_FILE};
    GtkDropTarget *drop = gtk_drop_target_new(G_TYPE_INVALID, GDK_ACTION_COPY);
    gtk_drop_target_set_gtypes(drop, (GType *)types, G_N_ELEMENTS(types));
    g_signal_connect(drop, "drop", G_CALLBACK(drop_cb), self);
    gtk_widget_add_controller(GTK_WIDGET(self), GTK_EVENT_CONTROLLER(drop));
    g_signal_connect_object(gtk_recent_manager_get_default(), "changed",
                            G_CALLBACK(recent_changed_cb), self, G_CONNECT_SWAPPED);
    recent_changed_cb(self);
    g_signal_connect_object(self->session, "opened", G_CALLBACK(opened_cb), self, 0);
    g_signal_connect_object(self->session, "saved", G_CALLBACK(saved_cb), self, 0);
    g_signal_connect_object(self->session, "unwritten", G_CALLBACK(unwritten_cb), self, 0);
    g_signal_connect_object(self->session, "earlier-work", G_CALLBACK(earlier_work_cb), self, 0);
    g_signal_connect_object(self->session, "media-missing", G_CALLBACK(media_missing_cb), self, 0);
    g_signal_connect_object(self->session, "media-differs", G_CALLBACK(media_differs_cb), self, 0);
}
