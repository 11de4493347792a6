// SPDX-License-Identifier: Apache-2.0
// The preferences: rows bound to settings.
#include "ui/preferences.h"

#include <glib/gi18n.h>

#include "ui/accessible.h"
#include "ui/panel_style.h"
#include "ui/preferences_private.h"
#include "ui/rgb.h"
#include "ui/settings.h"

G_DEFINE_FINAL_TYPE(MskPreferences, msk_preferences, ADW_TYPE_PREFERENCES_WINDOW)

// ---- Bindings ----------------------------------------------------------------------------------

static const char *get_key(gpointer row)
{
    return g_object_get_data(row, "key");
}

static void selected_cb(AdwComboRow *row, GParamSpec *spec, MskPreferences *self)
{
    int value = (int)adw_combo_row_get_selected(row);
    if (!self->settings) // the rows are being taken apart
        return;
    if (value != g_settings_get_enum(self->settings, get_key(row)))
        g_settings_set_enum(self->settings, get_key(row), value);
}

static void show_enum(AdwComboRow *row)
{
    adw_combo_row_set_selected(row, (guint)g_settings_get_enum(msk_settings_get(), get_key(row)));
}

// The row's items are in the order of the setting's values.
static void bind_enum(MskPreferences *self, const char *key, AdwComboRow *row)
{
    g_object_set_data(G_OBJECT(row), "key", (gpointer)key);
    show_enum(row);
    g_signal_connect_object(row, "notify::selected", G_CALLBACK(selected_cb), self, 0);
    g_autofree char *signal = g_strconcat("changed::", key, NULL);
    g_signal_connect_swapped(self->settings, signal, G_CALLBACK(show_enum), row);
}

// libadwaita 1.2 never lets go of a preferences window's rows: what they hear ends with the window.
static void unbind_enums(MskPreferences *self)
{
    AdwComboRow *rows[] = {self->theme, self->tool, self->view_mode, self->backend,
                           self->precision};
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_signal_handlers_disconnect_by_data(self->settings, rows[i]);
}

static void show_background(MskPreferences *self)
{
    GdkRGBA rgba = msk_rgb_to_rgba(g_settings_get_uint(self->settings, "background"));
    gtk_color_chooser_set_rgba(GTK_COLOR_CHOOSER(self->background), &rgba);
}

static void background_set_cb(MskPreferences *self)
{
    GdkRGBA rgba;
    gtk_color_chooser_get_rgba(GTK_COLOR_CHOOSER(self->background), &rgba);
    g_settings_set_uint(self->settings, "background", msk_rgb_from_rgba(&rgba));
}

static gboolean show_memory_cb(gpointer user)
{
    MskPreferences *self = user;
    MskFrameCacheStats stats;
    msk_frame_cache_get_stats(msk_session_get_frame_cache(), &stats);
    g_autofree char *size = g_format_size_full(stats.size, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *text = g_strdup_printf(
        ngettext("%s in use by %lld frame", "%s in use by %lld frames", (gulong)stats.n_frames),
        size, (long long)stats.n_frames);
    adw_action_row_set_subtitle(self->frame_cache_row, text);
    return G_SOURCE_CONTINUE;
}

static void bind_settings(MskPreferences *self)
{
    GSettings *settings = self->settings;
    bind_enum(self, "theme", self->theme);
    bind_enum(self, "tool", self->tool);
    bind_enum(self, "view-mode", self->view_mode);
    bind_enum(self, "backend", self->backend);
    bind_enum(self, "precision", self->precision);
    static const GSettingsBindFlags both = G_SETTINGS_BIND_DEFAULT;
    g_settings_bind(settings, "show-timecode", self->show_timecode, "active", both);
    g_settings_bind(settings, "hover-preview", self->hover_preview, "active", both);
    g_settings_bind(settings, "notify-jobs", self->notify_jobs, "active", both);
    g_settings_bind(settings, "brush-size", self->brush_size, "value", both);
    g_settings_bind(settings, "opacity", self->opacity, "value", both);
    g_settings_bind(settings, "onion-skin", self->onion_skin, "value", both);
    g_settings_bind(settings, "threads", self->threads, "value", both);
    g_settings_bind(settings, "frame-cache-mb", self->frame_cache, "value", both);
    g_settings_bind(settings, "feature-cache-mb", self->feature_cache, "value", both);
    show_background(self);
    g_signal_connect_object(settings, "changed::background", G_CALLBACK(show_background), self,
                            G_CONNECT_SWAPPED);
}

// ---- Object ------------------------------------------------------------------------------------

static void add_file_cb(MskPreferences *self)
{
    msk_preferences_add_file(self);
}

static void measure_cb(MskPreferences *self)
{
    msk_preferences_measure(self);
}

static void dispose_cb(GObject *object)
{
    MskPreferences *self = MSK_PREFERENCES(object);
    g_clear_handle_id(&self->memory_timer, g_source_remove);
    if (self->settings)
        unbind_enums(self);
    msk_preferences_dispose_models(self);
    g_clear_object(&self->session);
    g_clear_object(&self->host);
    g_clear_object(&self->settings);
    G_OBJECT_CLASS(msk_preferences_parent_class)->dispose(object);
}

static void msk_preferences_class_init(MskPreferencesClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose_cb;
    gtk_widget_class_set_template_from_resource(widget, "/org/masklet/Masklet/preferences.ui");
#define BIND(name) gtk_widget_class_bind_template_child(widget, MskPreferences, name)
    BIND(model_page);
    BIND(theme);
    BIND(tool);
    BIND(view_mode);
    BIND(show_timecode);
    BIND(hover_preview);
    BIND(notify_jobs);
    BIND(background);
    BIND(brush_size);
    BIND(opacity);
    BIND(onion_skin);
    BIND(models_group);
    BIND(in_use);
    BIND(problem);
    BIND(speed);
    BIND(opening);
    BIND(add_file);
    BIND(measure);
    BIND(measuring);
    BIND(backend);
    BIND(precision);
    BIND(cuda);
    BIND(threads);
    BIND(frame_cache);
    BIND(feature_cache);
    BIND(frame_cache_row);
#undef BIND
    gtk_widget_class_bind_template_callback(widget, background_set_cb);
    gtk_widget_class_bind_template_callback(widget, add_file_cb);
    gtk_widget_class_bind_template_callback(widget, measure_cb);
}

static void msk_preferences_init(MskPreferences *self)
{
    msk_panel_style_load();
    gtk_widget_init_template(GTK_WIDGET(self));
    msk_accessible_name_buttons(GTK_WIDGET(self));
    self->settings = g_object_ref(msk_settings_get());
    self->cancellable = g_cancellable_new();
    bind_settings(self);
    show_memory_cb(self);
    self->memory_timer = g_timeout_add_seconds(1, show_memory_cb, self);
}

static MskPreferences *make(GtkWindow *window, MskSession *session)
{
    MskPreferences *self = g_object_new(MSK_TYPE_PREFERENCES, "transient-for", window, NULL);
    self->session = g_object_ref(session);
    self->host = g_object_ref(msk_session_get_model_host(session));
    msk_preferences_init_models(self);
    return self;
}

void msk_preferences_present(GtkWindow *window, MskSession *session)
{
    gtk_window_present(GTK_WINDOW(make(window, session)));
}

void msk_preferences_present_models(GtkWindow *window, MskSession *session)
{
    MskPreferences *self = make(window, session);
    adw_preferences_window_set_visible_page(ADW_PREFERENCES_WINDOW(self), self->model_page);
    gtk_window_present(GTK_WINDOW(self));
}
