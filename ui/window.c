// SPDX-License-Identifier: Apache-2.0
// MskWindow: composition, what the session says, the window's size and panes.
#include "ui/window_private.h"

#include <glib/gi18n.h>

#include "ui/accessible.h"
#include "ui/jobs_popover.h"
#include "ui/masklet_list.h"
#include "ui/panel_style.h"
#include "ui/settings.h"

G_DEFINE_FINAL_TYPE(MskWindow, msk_window, ADW_TYPE_APPLICATION_WINDOW)

// ---- Messages ----------------------------------------------------------------------------------

void msk_window_toast(MskWindow *self, const char *message)
{
    g_autofree char *escaped = g_markup_escape_text(message, -1);
    AdwToast *toast = adw_toast_new(escaped);
    adw_toast_set_priority(toast, ADW_TOAST_PRIORITY_HIGH); // now, not after the one before
    adw_toast_overlay_add_toast(self->toasts, toast);
}

AdwMessageDialog *msk_window_ask(MskWindow *self, const char *heading, const char *body, ...)
{
    GtkWidget *dialog = adw_message_dialog_new(GTK_WINDOW(self), heading, body);
    va_list args;
    va_start(args, body);
    const char *id, *first = NULL;
    while ((id = va_arg(args, const char *))) {
        first = first ? first : id;
        adw_message_dialog_add_response(ADW_MESSAGE_DIALOG(dialog), id, va_arg(args, const char *));
    }
    va_end(args);
    adw_message_dialog_set_close_response(ADW_MESSAGE_DIALOG(dialog), first);
    return ADW_MESSAGE_DIALOG(dialog);
}

void msk_window_tell(MskWindow *self, const char *heading, const char *body)
{
    AdwMessageDialog *dialog = msk_window_ask(self, heading, body, "close", _("_Close"), NULL);
    gtk_window_present(GTK_WINDOW(dialog));
}

static void toast_cb(MskSession *session, const char *message, MskWindow *self)
{
    msk_window_toast(self, message);
}

static void error_cb(MskSession *session, const char *title, const char *message, MskWindow *self)
{
    msk_window_tell(self, title, message);
}

// ---- What the session has ----------------------------------------------------------------------

static void update_title(MskWindow *self)
{
    const char *title = msk_session_get_title(self->session);
    const char *subtitle = "";
    if (title && msk_session_is_read_only(self->session))
        subtitle = _("Read-only");
    else if (title && msk_session_is_unsaved(self->session))
        subtitle = _("Unsaved");
    adw_window_title_set_title(self->title, title ? title : _("Masklet"));
    adw_window_title_set_subtitle(self->title, subtitle);
    g_autofree char *name =
        title ? g_strdup_printf(_("%s - Masklet"), title) : g_strdup(_("Masklet"));
    gtk_window_set_title(GTK_WINDOW(self), name);
    gtk_info_bar_set_revealed(self->read_only_bar, msk_session_is_read_only(self->session));
}

static void update_page(MskWindow *self)
{
    const char *busy = msk_session_get_busy(self->session);
    const gboolean has_clip = msk_session_get_media(self->session) != NULL;
    gtk_stack_set_visible_child_name(self->pages, has_clip ? "clip" : busy ? "opening" : "start");
    gtk_label_set_label(self->opening_label, busy ? busy : "");
    gtk_spinner_set_spinning(self->spinner, busy && !has_clip);
    // Edits while a project moves to another file would be lost to it: see msk_session_save_as().
    gtk_widget_set_sensitive(GTK_WIDGET(self->pages), !(busy && has_clip));
    msk_window_update_actions(self);
}

static void update_model_bar(MskWindow *self)
{
    MskModelHost *host = msk_session_get_model_host(self->session);
    const char *problem = msk_model_host_get_problem(host);
    const gboolean has_clip = msk_session_get_media(self->session) != NULL;
    const gboolean has_model = msk_model_host_get_info(host) != NULL;
    if (problem) {
        g_autofree char *text =
            has_model ? g_strdup_printf(_("Another model could not be opened: %s"), problem)
                      : g_strdup_printf(_("There is no model to find masks with: %s. Add one in "
                                          "the preferences."),
                                        problem);
        gtk_label_set_label(self->model_label, text);
    }
    gtk_info_bar_set_revealed(self->model_bar, problem && (has_clip || has_model));
}

static void write_problem_cb(MskWindow *self)
{
    const char *problem = msk_session_get_write_problem(self->session);
    g_autofree char *text =
        g_strdup_printf(_("Your last edits are not on the disk yet: %s"), problem ? problem : "");
    gtk_label_set_label(self->write_label, problem ? text : "");
    gtk_info_bar_set_revealed(self->write_bar, problem != NULL);
}

// GTK asks the display where the pointer is for every tooltip that is set, and waits for it.
static void set_tooltip(GtkWidget *widget, const char *text)
{
    if (g_strcmp0(gtk_widget_get_tooltip_text(widget), text) != 0)
        gtk_widget_set_tooltip_text(widget, text);
}

static void history_changed_cb(MskWindow *self)
{
    g_autofree char *undo = NULL, *redo = NULL;
    if (self->document)
        g_object_get(self->document, "undo-name", &undo, "redo-name", &redo, NULL);
    // Translators: %s is what would be undone, for example "Add point"
    g_autofree char *undo_tip =
        undo ? g_strdup_printf(_("Undo %s (Ctrl+Z)"), undo) : g_strdup(_("Undo (Ctrl+Z)"));
    g_autofree char *redo_tip = redo ? g_strdup_printf(_("Redo %s (Ctrl+Shift+Z)"), redo)
                                     : g_strdup(_("Redo (Ctrl+Shift+Z)"));
    set_tooltip(self->undo_button, undo_tip);
    set_tooltip(self->redo_button, redo_tip);
    msk_window_update_actions(self);
}

static void document_changed_cb(MskWindow *self)
{
    if (self->document)
        g_signal_handlers_disconnect_by_data(self->document, self);
    g_set_object(&self->document, msk_session_get_document(self->session));
    if (self->document) {
        g_signal_connect_swapped(self->document, "history-changed", G_CALLBACK(history_changed_cb),
                                 self);
        g_signal_connect_swapped(self->document, "items-changed",
                                 G_CALLBACK(msk_window_update_actions), self);
    }
    msk_window_watch_tracker(self);
    history_changed_cb(self);
    update_page(self);
}

// ---- Playing -----------------------------------------------------------------------------------

static gboolean tick_cb(GtkWidget *widget, GdkFrameClock *clock, gpointer user)
{
    MskWindow *self = MSK_WINDOW(widget);
    // This is what is about to be drawn.
    msk_player_see(self->player, msk_canvas_get_shown_frame(MSK_CANVAS(self->canvas)));
    msk_player_tick(self->player, gdk_frame_clock_get_frame_time(clock));
    return G_SOURCE_CONTINUE;
}

static void playing_changed_cb(MskWindow *self)
{
    if (msk_player_is_playing(self->player)) {
        if (!self->tick)
            self->tick = gtk_widget_add_tick_callback(GTK_WIDGET(self), tick_cb, NULL, NULL);
    } else if (self->tick) {
        gtk_widget_remove_tick_callback(GTK_WIDGET(self), self->tick);
        self->tick = 0;
    }
}

// ---- Size and panes ----------------------------------------------------------------------------

static void save_panes(MskWindow *self)
{
    GSettings *settings = msk_settings_get();
    const int width = gtk_widget_get_width(GTK_WIDGET(self->side_bin));
    const int height = gtk_widget_get_height(GTK_WIDGET(self->timeline_bin));
    if (width > 0)
        g_settings_set_int(settings, "side-pane-width", width);
    if (height > 0)
        g_settings_set_int(settings, "timeline-height", height);
}

static void save_window(MskWindow *self)
{
    GSettings *settings = msk_settings_get();
    int width, height;
    gtk_window_get_default_size(GTK_WINDOW(self), &width, &height);
    const gboolean is_maximized = gtk_window_is_maximized(GTK_WINDOW(self));
    g_settings_set_boolean(settings, "window-maximized", is_maximized);
    if (!is_maximized && !gtk_window_is_fullscreen(GTK_WINDOW(self))) {
        g_settings_set_int(settings, "window-width", width);
        g_settings_set_int(settings, "window-height", height);
    }
    if (gtk_widget_get_mapped(GTK_WIDGET(self->timeline_paned)))
        save_panes(self);
}

// Panes have their width at their end, and GtkPaned counts from the start: once the size is known
// it is set from there.
static void paned_size_cb(GtkPaned *paned, GParamSpec *pspec, MskWindow *self)
{
    int most;
    const gboolean is_side = paned == self->side_paned;
    const int wanted =
        g_settings_get_int(msk_settings_get(), is_side ? "side-pane-width" : "timeline-height");
    g_object_get(paned, "max-position", &most, NULL);
    const int size = is_side ? gtk_widget_get_width(GTK_WIDGET(paned))
                             : gtk_widget_get_height(GTK_WIDGET(paned));
    if (most <= 0 || most == G_MAXINT || size <= 0)
        return;
    g_signal_handlers_disconnect_by_func(paned, paned_size_cb, self);
    gtk_paned_set_position(paned, MAX(size - wanted, 0));
}

static void restore_window(MskWindow *self)
{
    GSettings *settings = msk_settings_get();
    gtk_window_set_default_size(GTK_WINDOW(self), g_settings_get_int(settings, "window-width"),
                                g_settings_get_int(settings, "window-height"));
    if (g_settings_get_boolean(settings, "window-maximized"))
        gtk_window_maximize(GTK_WINDOW(self));
    g_signal_connect(self->side_paned, "notify::max-position", G_CALLBACK(paned_size_cb), self);
    g_signal_connect(self->timeline_paned, "notify::max-position", G_CALLBACK(paned_size_cb), self);
}

static void fullscreened_cb(MskWindow *self)
{
    const gboolean is_full = gtk_window_is_fullscreen(GTK_WINDOW(self));
    gtk_revealer_set_reveal_child(self->header_revealer, !is_full);
    msk_window_update_actions(self);
}

// ---- The window --------------------------------------------------------------------------------

static void left_cb(MskSession *session, gpointer user)
{
    MskWindow *self = user;
    self->is_left = TRUE;
    gtk_window_close(GTK_WINDOW(self));
}

// The window stays until the last edits are on the disk.
static gboolean close_request(GtkWindow *window)
{
    MskWindow *self = MSK_WINDOW(window);
    if (!self->is_left && !msk_window_may_close(self))
        return TRUE;
    if (!self->is_left)
        save_window(self);
    if (msk_session_get_store(self->session)) {
        msk_session_leave(self->session, left_cb, g_object_ref(self), g_object_unref);
        return TRUE;
    }
    return GTK_WINDOW_CLASS(msk_window_parent_class)->close_request(window);
}

static void zoom_changed_cb(MskWindow *self)
{
    msk_transport_set_zoom(self->transport, msk_canvas_get_zoom(self->canvas));
}

// Back to work: keys are for the canvas, not for the button that opened the menu.
void msk_window_focus_canvas(MskWindow *self)
{
    if (gtk_widget_get_mapped(GTK_WIDGET(self->canvas)))
        gtk_widget_grab_focus(GTK_WIDGET(self->canvas));
}

static void watch_popovers(MskWindow *self)
{
    GtkPopover *const popovers[] = {
        adw_split_button_get_popover(ADW_SPLIT_BUTTON(self->open_button)),
        adw_split_button_get_popover(ADW_SPLIT_BUTTON(self->track_button)),
        gtk_menu_button_get_popover(GTK_MENU_BUTTON(self->jobs_button)),
        gtk_menu_button_get_popover(GTK_MENU_BUTTON(self->menu_button)),
    };
    for (guint i = 0; i < G_N_ELEMENTS(popovers); i++)
        if (popovers[i])
            g_signal_connect_object(popovers[i], "closed", G_CALLBACK(msk_window_focus_canvas),
                                    self, G_CONNECT_SWAPPED);
}

static void add_widgets(MskWindow *self)
{
    GtkWidget *list = msk_masklet_list_new();
    self->canvas = MSK_CANVAS(msk_canvas_new());
    self->timeline = MSK_TIMELINE(msk_timeline_new());
    adw_bin_set_child(self->canvas_bin, GTK_WIDGET(self->canvas));
    adw_bin_set_child(self->timeline_bin, GTK_WIDGET(self->timeline));
    adw_bin_set_child(self->side_bin, list);
    gtk_menu_button_set_popover(GTK_MENU_BUTTON(self->jobs_button), msk_jobs_popover_new());
    msk_canvas_set_session(self->canvas, self->session);
    msk_timeline_set_session(self->timeline, self->session);
    msk_masklet_list_set_session(MSK_MASKLET_LIST(list), self->session);
    g_signal_connect_object(self->canvas, "notify::zoom", G_CALLBACK(zoom_changed_cb), self,
                            G_CONNECT_SWAPPED);
    watch_popovers(self);
}

static void connect_session(MskWindow *self)
{
    const struct {
        gpointer object;
        const char *signal;
        GCallback callback;
        gboolean as_is;
    } signals[] = {
        {self->session, "notify::title", G_CALLBACK(update_title), FALSE},
        {self->session, "notify::unsaved", G_CALLBACK(update_title), FALSE},
        {self->session, "notify::read-only", G_CALLBACK(update_title), FALSE},
        {self->session, "notify::busy", G_CALLBACK(update_page), FALSE},
        {self->session, "notify::media", G_CALLBACK(update_page), FALSE},
        {self->session, "notify::media", G_CALLBACK(update_model_bar), FALSE},
        {self->session, "notify::document", G_CALLBACK(document_changed_cb), FALSE},
        {self->session, "notify::selected", G_CALLBACK(msk_window_update_actions), FALSE},
        {self->session, "notify::write-problem", G_CALLBACK(write_problem_cb), FALSE},
        {msk_session_get_model_host(self->session), "notify", G_CALLBACK(update_model_bar), FALSE},
        {self->player, "notify::playing", G_CALLBACK(playing_changed_cb), FALSE},
        {self->session, "toast", G_CALLBACK(toast_cb), TRUE},
        {self->session, "error", G_CALLBACK(error_cb), TRUE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
        g_signal_connect_object(signals[i].object, signals[i].signal, signals[i].callback, self,
                                signals[i].as_is ? 0 : G_CONNECT_SWAPPED);
}

static void dispose(GObject *object)
{
    MskWindow *self = MSK_WINDOW(object);
    if (self->player)
        msk_player_stop(self->player);
    if (self->document)
        g_signal_handlers_disconnect_by_data(self->document, self);
    if (self->tracker)
        g_signal_handlers_disconnect_by_data(self->tracker, self);
    if (self->chooser)
        gtk_native_dialog_destroy(GTK_NATIVE_DIALOG(self->chooser));
    g_clear_object(&self->chooser);
    g_clear_object(&self->document);
    g_clear_object(&self->tracker);
    g_clear_object(&self->track_item);
    msk_window_remove_actions(self);
    // Clips are let go of before the widgets that show them.
    if (self->session)
        msk_session_close(self->session);
    g_clear_object(&self->player);
    g_clear_object(&self->session);
    G_OBJECT_CLASS(msk_window_parent_class)->dispose(object);
}

static void bind_children(GtkWidgetClass *widget_class)
{
    gtk_widget_class_bind_template_child(widget_class, MskWindow, toasts);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, header_revealer);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, title);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, open_button);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, undo_button);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, redo_button);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, track_button);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, jobs_button);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, export_button);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, menu_button);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, write_bar);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, read_only_bar);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, model_bar);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, write_label);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, model_label);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, opening_label);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, pages);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, spinner);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, start_page);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, timeline_paned);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, side_paned);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, toolbar);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, canvas_bin);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, side_bin);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, timeline_bin);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, transport);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, status_bar);
    gtk_widget_class_bind_template_child(widget_class, MskWindow, recent_section);
}

static void msk_window_class_init(MskWindowClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    GTK_WINDOW_CLASS(class)->close_request = close_request;
    g_type_ensure(MSK_TYPE_START_PAGE);
    g_type_ensure(MSK_TYPE_TOOLBAR);
    g_type_ensure(MSK_TYPE_TRANSPORT);
    g_type_ensure(MSK_TYPE_STATUS_BAR);
    gtk_widget_class_set_template_from_resource(widget_class, "/org/masklet/Masklet/window.ui");
    bind_children(widget_class);
}

static void msk_window_init(MskWindow *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    msk_accessible_name_buttons(GTK_WIDGET(self));
    self->session = msk_session_new();
    self->player = msk_player_new(self->session);
    g_settings_bind(msk_settings_get(), "loop", self->player, "loop", G_SETTINGS_BIND_DEFAULT);
    msk_start_page_set_session(self->start_page, self->session);
    msk_toolbar_set_session(self->toolbar, self->session);
    msk_transport_set_session(self->transport, self->session, self->player);
    msk_status_bar_set_session(self->status_bar, self->session);
    add_widgets(self);
    msk_window_install_actions(self);
    msk_window_install_file_actions(self);
    msk_window_install_unsaved_actions(self);
    msk_window_install_track_actions(self);
    msk_window_install_keys(self);
    connect_session(self);
    msk_window_watch_files(self);
    g_signal_connect(self, "notify::fullscreened", G_CALLBACK(fullscreened_cb), NULL);
    restore_window(self);
    update_title(self);
    document_changed_cb(self);
    update_model_bar(self);
}

MskSession *msk_window_get_session(MskWindow *self)
{
    return self->session;
}

void msk_window_open(MskWindow *self, GFile *file)
{
    msk_session_open(self->session, file);
}

gboolean msk_window_is_empty(MskWindow *self)
{
    return !msk_session_get_media(self->session) && !msk_session_get_busy(self->session);
}

MskWindow *msk_window_new(AdwApplication *application)
{
    return g_object_new(MSK_TYPE_WINDOW, "application", application, NULL);
}
