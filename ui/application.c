// SPDX-License-Identifier: Apache-2.0
// MskApplication: one process for all windows; the command line; what long jobs tell when they end.
#include "ui/application.h"

#include <glib/gi18n.h>
#include <stdio.h>

#include "app/jobs.h"
#include "app/startup.h"
#include "ui/settings.h"
#include "ui/stalls.h"
#include "ui/window.h"

#define NOTIFY_MIN_S 20 // shorter jobs end under the user's eyes

struct _MskApplication {
    AdwApplication parent;
};

G_DEFINE_FINAL_TYPE(MskApplication, msk_application, ADW_TYPE_APPLICATION)

// ---- Windows -----------------------------------------------------------------------------------

static MskWindow *add_window(MskApplication *self)
{
    MskWindow *window = msk_window_new(ADW_APPLICATION(self));
    // The model is opened with the first window: it is ready before the user has clicked.
    msk_model_host_open(msk_session_get_model_host(msk_window_get_session(window)), NULL);
    return window;
}

// The window in which the file is open already, else one with nothing in it; NULL: neither.
static MskWindow *find_window(MskApplication *self, GFile *file)
{
    MskWindow *empty = NULL;
    for (GList *at = gtk_application_get_windows(GTK_APPLICATION(self)); at; at = at->next) {
        if (!MSK_IS_WINDOW(at->data))
            continue;
        MskWindow *window = at->data;
        GFile *open = msk_session_get_file(msk_window_get_session(window));
        if (open && g_file_equal(open, file))
            return window;
        if (msk_window_is_empty(window))
            empty = window;
    }
    return empty;
}

static void activate(GApplication *application)
{
    MskApplication *self = MSK_APPLICATION(application);
    GtkWindow *window = gtk_application_get_active_window(GTK_APPLICATION(self));
    gtk_window_present(window ? window : GTK_WINDOW(add_window(self)));
}

static void open_files(GApplication *application, GFile **files, int n_files, const char *hint)
{
    MskApplication *self = MSK_APPLICATION(application);
    for (int i = 0; i < n_files; i++) {
        MskWindow *window = find_window(self, files[i]);
        if (!window)
            window = add_window(self);
        msk_window_open(window, files[i]);
        gtk_window_present(GTK_WINDOW(window));
    }
}

// ---- Actions -----------------------------------------------------------------------------------

static void new_window_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    gtk_window_present(GTK_WINDOW(add_window(user)));
}

// Each window may ask; those that do stay.
static void quit_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    g_autoptr(GList) windows = g_list_copy(gtk_application_get_windows(user));
    for (GList *at = windows; at; at = at->next)
        gtk_window_close(at->data);
}

static void about_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    static const char *const developers[] = {"The Masklet project", NULL};
    adw_show_about_window(
        gtk_application_get_active_window(user), "application-name", _("Masklet"),
        "application-icon", MSK_APPLICATION_ID, "version", MSK_VERSION, "comments",
        _("Cut moving things out of video: click on a subject, and its mask is carried through "
          "the shot."),
        "license-type", GTK_LICENSE_APACHE_2_0, "developer-name", _("The Masklet project"),
        "developers", developers,
        // Translators: your names, one a line
        "translator-credits", _("translator-credits"), NULL);
}

// From a notification: the window that is there.
static void present_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    g_application_activate(user);
}

static const GActionEntry entries[] = {
    {"new-window", new_window_cb},
    {"quit", quit_cb},
    {"about", about_cb},
    {"present", present_cb},
};

// ---- Long jobs ---------------------------------------------------------------------------------

static void job_ended_cb(MskJobs *jobs, MskJobItem *item, MskApplication *self)
{
    MskProgress progress;
    GtkWindow *window = gtk_application_get_active_window(GTK_APPLICATION(self));
    const MskJobState state = msk_job_item_get_state(item);
    msk_job_get_progress(msk_job_item_get_job(item), &progress);
    if (progress.seconds < NOTIFY_MIN_S || state == MSK_JOB_STOPPED ||
        (window && gtk_window_is_active(window)) ||
        !g_settings_get_boolean(msk_settings_get(), "notify-jobs"))
        return;
    const char *message = msk_job_item_get_message(item);
    g_autofree char *took = msk_job_format_seconds(progress.seconds);
    g_autofree char *body = state == MSK_JOB_FAILED
                                ? g_strdup_printf(_("It failed: %s"), message ? message : "")
                                : g_strdup_printf(_("Done in %s"), took);
    g_autoptr(GNotification) notification = g_notification_new(msk_job_item_get_title(item));
    g_notification_set_body(notification, body);
    g_notification_set_default_action(notification, "app.present");
    g_application_send_notification(G_APPLICATION(self), NULL, notification);
}

// ---- Starting ----------------------------------------------------------------------------------

static void theme_cb(GSettings *settings, const char *key, gpointer user)
{
    static const AdwColorScheme schemes[] = {ADW_COLOR_SCHEME_DEFAULT, ADW_COLOR_SCHEME_FORCE_LIGHT,
                                             ADW_COLOR_SCHEME_FORCE_DARK};
    const int theme = g_settings_get_enum(settings, "theme");
    adw_style_manager_set_color_scheme(adw_style_manager_get_default(),
                                       schemes[CLAMP(theme, 0, 2)]);
}

// A program that is not installed brings its own icon.
static void find_icons(void)
{
    GdkDisplay *display = gdk_display_get_default();
    g_autofree char *folder = msk_startup_find_data("icons");
    if (folder && display)
        gtk_icon_theme_add_search_path(gtk_icon_theme_get_for_display(display), folder);
}

static void startup(GApplication *application)
{
    MskApplication *self = MSK_APPLICATION(application);
    G_APPLICATION_CLASS(msk_application_parent_class)->startup(application);
    msk_stalls_start(NULL);
    find_icons();
    gtk_window_set_default_icon_name(MSK_APPLICATION_ID);
    g_action_map_add_action_entries(G_ACTION_MAP(self), entries, G_N_ELEMENTS(entries), self);
    msk_window_set_accels(GTK_APPLICATION(self));
    g_signal_connect_object(msk_settings_get(), "changed::theme", G_CALLBACK(theme_cb), self, 0);
    theme_cb(msk_settings_get(), "theme", self);
    g_signal_connect_object(msk_jobs_get_default(), "ended", G_CALLBACK(job_ended_cb), self, 0);
}

static void shutdown(GApplication *application)
{
    msk_jobs_close(msk_jobs_get_default());
    G_APPLICATION_CLASS(msk_application_parent_class)->shutdown(application);
}

static int handle_local_options(GApplication *application, GVariantDict *options)
{
    const char *stalls;
    if (g_variant_dict_contains(options, "version")) {
        printf("masklet " MSK_VERSION "\n");
        return 0;
    }
    if (g_variant_dict_lookup(options, "measure-stalls", "^&ay", &stalls))
        msk_stalls_start(stalls);
    return -1;
}

static void msk_application_class_init(MskApplicationClass *class)
{
    GApplicationClass *application_class = G_APPLICATION_CLASS(class);
    application_class->activate = activate;
    application_class->open = open_files;
    application_class->startup = startup;
    application_class->shutdown = shutdown;
    application_class->handle_local_options = handle_local_options;
}

static void msk_application_init(MskApplication *self)
{
    static const GOptionEntry options[] = {
        {"version", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Print the version and exit"), NULL},
        {"measure-stalls", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, NULL, NULL, NULL},
        {NULL},
    };
    GApplication *application = G_APPLICATION(self);
    g_application_add_main_option_entries(application, options);
    g_application_set_option_context_parameter_string(application, _("[FILE…]"));
    g_application_set_option_context_summary(
        application, _("Cuts moving things out of video. FILE is a video, a folder of images, an "
                       "image of a sequence or a Masklet project."));
}

MskApplication *msk_application_new(void)
{
    return g_object_new(MSK_TYPE_APPLICATION, "application-id", MSK_APPLICATION_ID, "flags",
                        G_APPLICATION_HANDLES_OPEN, "resource-base-path", "/org/masklet/Masklet",
                        NULL);
}
