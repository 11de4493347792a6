// SPDX-License-Identifier: Apache-2.0
// test-preferences CLIP: rows and settings follow each other; models are listed, chosen, measured.
#include "ui/preferences_private.h"

#include <string.h>

#include "panel_fixture.h"
#include "tests/support/check.h"
#include "ui/settings.h"

static MskSession *session;
static GtkWidget *window;

static gboolean is_listed_cb(gpointer user)
{
    return ((MskPreferences *)user)->model_rows->len > 0;
}

static gboolean is_open_cb(gpointer user)
{
    MskModelHost *host = msk_session_get_model_host(session);
    return msk_model_host_get_info(host) && !msk_model_host_get_opening(host);
}

static gboolean has_problem_cb(gpointer user)
{
    return msk_model_host_get_problem(msk_session_get_model_host(session)) != NULL;
}

static gboolean is_measured_cb(gpointer user)
{
    return !((MskPreferences *)user)->measure_cancellable;
}

static MskPreferences *open_preferences(void)
{
    msk_preferences_present_models(GTK_WINDOW(window), session);
    MskPreferences *self = fixture_window(MSK_TYPE_PREFERENCES);
    fixture_wait(is_listed_cb, self);
    fixture_settle();
    return self;
}

static void test_settings(void)
{
    GSettings *settings = msk_settings_get();
    msk_preferences_present(GTK_WINDOW(window), session);
    MskPreferences *self = fixture_window(MSK_TYPE_PREFERENCES);
    fixture_settle();
    fixture_shot(GTK_WIDGET(self), "preferences-general");
    adw_combo_row_set_selected(self->theme, 2);
    CHECK(g_settings_get_enum(settings, "theme") == 2);
    g_settings_set_enum(settings, "theme", 1);
    CHECK(adw_combo_row_get_selected(self->theme) == 1);
    g_settings_reset(settings, "theme");
    CHECK(adw_combo_row_get_selected(self->theme) == 0);
    // Every value of an enumeration has its item, and no item is without a value.
    static const struct {
        const char *key;
        guint n;
    } enums[] = {{"theme", 3}, {"tool", 6}, {"view-mode", 8}, {"backend", 4}, {"precision", 3}};
    AdwComboRow *rows[] = {self->theme, self->tool, self->view_mode, self->backend,
                           self->precision};
    for (guint i = 0; i < G_N_ELEMENTS(enums); i++) {
        CHECK(g_list_model_get_n_items(adw_combo_row_get_model(rows[i])) == enums[i].n);
        if (rows[i] == self->backend || rows[i] == self->precision)
            continue; // these open the model anew
        for (guint k = 0; k < enums[i].n; k++) {
            adw_combo_row_set_selected(rows[i], k);
            CHECK(g_settings_get_enum(settings, enums[i].key) == (int)k);
        }
        g_settings_reset(settings, enums[i].key);
    }
    gtk_switch_set_active(self->hover_preview, FALSE);
    CHECK(!g_settings_get_boolean(settings, "hover-preview"));
    gtk_adjustment_set_value(self->brush_size, 77);
    CHECK(g_settings_get_double(settings, "brush-size") == 77);
    gtk_adjustment_set_value(self->frame_cache, 320);
    CHECK(g_settings_get_int(settings, "frame-cache-mb") == 320);
    g_settings_set_uint(settings, "background", 0x123456);
    GdkRGBA rgba;
    gtk_color_chooser_get_rgba(GTK_COLOR_CHOOSER(self->background), &rgba);
    CHECK((int)(rgba.green * 255 + 0.5f) == 0x34);
    rgba = (GdkRGBA){1, 0, 1, 1};
    gtk_color_chooser_set_rgba(GTK_COLOR_CHOOSER(self->background), &rgba);
    g_signal_emit_by_name(self->background, "color-set");
    CHECK(g_settings_get_uint(settings, "background") == 0xff00ff);
    gpointer preferences = self;
    g_object_add_weak_pointer(G_OBJECT(self), &preferences);
    gtk_window_destroy(GTK_WINDOW(self));
    fixture_settle();
    CHECK(!preferences);
    // The window is gone: nothing is left that hears.
    g_settings_set_enum(settings, "theme", 2);
    g_settings_reset(settings, "theme");
    end_group("settings");
}

static AdwActionRow *find_row(MskPreferences *self, const char *title)
{
    for (guint i = 0; i < self->model_rows->len; i++)
        if (strcmp(adw_preferences_row_get_title(self->model_rows->pdata[i]), title) == 0)
            return self->model_rows->pdata[i];
    return NULL;
}

static void test_models(void)
{
    GSettings *settings = msk_settings_get();
    g_autofree char *folder = g_build_filename(g_get_user_data_dir(), "masklet", "models", NULL);
    g_autofree char *broken = g_build_filename(folder, "broken.safetensors", NULL);
    g_mkdir_with_parents(folder, 0755);
    g_file_set_contents(broken, "no model", -1, NULL);
    msk_session_open_model(session, "starter");
    fixture_wait(is_open_cb, NULL);
    MskPreferences *self = open_preferences();
    AdwActionRow *starter = find_row(self, "starter"), *bad = find_row(self, "broken");
    CHECK(starter && strstr(adw_action_row_get_subtitle(starter), "SAM 2"));
    CHECK(bad && strstr(adw_action_row_get_subtitle(bad), "broken.safetensors"));
    CHECK(gtk_widget_get_sensitive(adw_action_row_get_activatable_widget(starter)));
    CHECK(!gtk_widget_get_sensitive(adw_action_row_get_activatable_widget(bad)));
    CHECK(gtk_check_button_get_active(
        GTK_CHECK_BUTTON(adw_action_row_get_activatable_widget(starter))));
    CHECK(strcmp(adw_preferences_row_get_title(ADW_PREFERENCES_ROW(self->in_use)), "starter") == 0);
    CHECK(!gtk_widget_get_visible(GTK_WIDGET(self->problem)));
    CHECK(adw_action_row_get_subtitle(self->cuda)[0] != 0);

    gtk_widget_activate(self->measure);
    g_signal_emit_by_name(self->measure, "clicked");
    CHECK(!gtk_widget_get_sensitive(self->measure));
    fixture_wait(is_measured_cb, self);
    CHECK(strstr(adw_action_row_get_subtitle(self->speed), "frames/s"));
    CHECK(gtk_widget_get_sensitive(self->measure));
    fixture_shot(GTK_WIDGET(self), "preferences-model");

    // A model that cannot be opened: told, and the one before stays.
    g_settings_set_string(settings, "model", "broken");
    fixture_wait(has_problem_cb, NULL);
    fixture_settle();
    CHECK(gtk_widget_get_visible(GTK_WIDGET(self->problem)));
    CHECK(strstr(adw_action_row_get_subtitle(self->problem), "broken"));
    CHECK(strcmp(adw_preferences_row_get_title(ADW_PREFERENCES_ROW(self->in_use)), "starter") == 0);
    fixture_shot(GTK_WIDGET(self), "preferences-problem");
    // Chosen by its row.
    g_signal_emit_by_name(starter, "activated");
    gtk_check_button_set_active(GTK_CHECK_BUTTON(adw_action_row_get_activatable_widget(starter)),
                                TRUE);
    g_autofree char *now = g_settings_get_string(settings, "model");
    CHECK(strcmp(now, "starter") == 0);
    fixture_settle();
    fixture_wait(is_open_cb, NULL);
    CHECK(!gtk_widget_get_visible(GTK_WIDGET(self->problem)));

    // Closed in the middle of measuring and listing.
    msk_preferences_measure(self);
    gtk_window_destroy(GTK_WINDOW(self));
    msk_preferences_present_models(GTK_WINDOW(window), session);
    self = fixture_window(MSK_TYPE_PREFERENCES);
    gtk_window_destroy(GTK_WINDOW(self));
    fixture_settle();
    CHECK(fixture_window(MSK_TYPE_PREFERENCES) == NULL);
    end_group("models");
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 77;
    fixture_init();
    session = fixture_open(argv[1]);
    window = adw_window_new();
    gtk_window_set_default_size(GTK_WINDOW(window), 800, 700);
    gtk_window_present(GTK_WINDOW(window));
    test_settings();
    test_models();
    gtk_window_destroy(GTK_WINDOW(window));
    fixture_close(session);
    return end_tests();
}
