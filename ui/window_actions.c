// SPDX-License-Identifier: Apache-2.0
// MskWindow: actions on the session: editing, moving, looking; and their shortcuts.
#include "ui/window_private.h"

#include <glib/gi18n.h>

#include "ui/export_dialog.h"
#include "ui/preferences.h"
#include "ui/settings.h"

// ---- Editing -----------------------------------------------------------------------------------

static void undo_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    if (self->document)
        msk_document_undo_later(self->document);
}

static void redo_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    if (self->document)
        msk_document_redo_later(self->document);
}

static void new_object_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_session_select(self->session, msk_document_add_object(self->document, NULL));
}

static void select_object_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    const int number = g_variant_get_int32(target);
    MskMasklet *masklet =
        self->document ? msk_document_get_object(self->document, (guint)number - 1) : NULL;
    if (masklet)
        msk_session_select(self->session, masklet);
}

static void clear_frame_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_document_clear_frame(self->document, msk_session_get_selected(self->session),
                             msk_session_get_frame(self->session));
}

static void clear_object_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_document_clear_object(self->document, msk_session_get_selected(self->session));
}

static void delete_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    if (!msk_timeline_delete_keyframe(self->timeline))
        msk_canvas_delete(self->canvas);
}

static void lock_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    MskMasklet *selected = msk_session_get_selected(self->session);
    const int64_t frame = msk_session_get_frame(self->session);
    if (msk_masklet_get_frame(selected, frame, NULL) & MSK_FRAME_LOCKED)
        msk_timeline_unlock_span(self->timeline, selected, frame);
    else
        msk_timeline_lock_span(self->timeline, selected, frame);
}

// Brushes grow by a fifth: as many steps from 5 to 10 as from 50 to 100.
static void brush_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    const double size = msk_session_get_brush_size(self->session);
    const int direction = g_variant_get_int32(target);
    const double step = MAX(1, size * 0.2);
    msk_session_set_brush_size(self->session, (double)(int)(size + direction * step + 0.5));
}

static void escape_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    int64_t first, last;
    if (msk_canvas_cancel(self->canvas) || msk_timeline_cancel_drag(self->timeline))
        return;
    if (self->tracker && msk_tracker_is_tracking(self->tracker))
        msk_tracker_stop(self->tracker);
    else if (msk_timeline_get_selection(self->timeline, &first, &last))
        msk_timeline_clear_selection(self->timeline);
    else if (gtk_window_is_fullscreen(GTK_WINDOW(self)))
        gtk_window_unfullscreen(GTK_WINDOW(self));
}

// ---- The playhead ------------------------------------------------------------------------------

static void play_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_player_toggle(self->player);
}

static void shuttle_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    const int direction = g_variant_get_int32(target);
    if (direction == 0)
        msk_player_stop(self->player);
    else
        msk_player_shuttle(self->player, direction);
}

static void step_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_player_step(self->player, g_variant_get_int64(target));
}

static void go_to(MskWindow *self, int64_t frame)
{
    msk_player_stop(self->player);
    msk_session_set_frame(self->session, frame);
}

static void go_first_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    int64_t first, last;
    msk_session_get_range(self->session, &first, &last);
    go_to(self, first);
}

static void go_last_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    int64_t first, last;
    msk_session_get_range(self->session, &first, &last);
    go_to(self, last);
}

static void go_to_frame_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_transport_go_to_frame(self->transport);
}

static void keyframe_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    const int step = g_variant_get_int32(target);
    const int64_t frame = msk_masklet_find_keyframe(msk_session_get_selected(self->session),
                                                    msk_session_get_frame(self->session), step);
    if (frame >= 0)
        go_to(self, frame);
    else
        msk_window_toast(self, step > 0 ? _("No keyframe after this one")
                                        : _("No keyframe before this one"));
}

static void doubt_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    const int step = g_variant_get_int32(target);
    const int64_t frame = msk_masklet_find_doubt(msk_session_get_selected(self->session),
                                                 msk_session_get_frame(self->session), step);
    if (frame >= 0)
        go_to(self, frame);
    else
        msk_window_toast(self, step > 0 ? _("No doubtful frame after this one")
                                        : _("No doubtful frame before this one"));
}

static void set_in_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    int64_t first, last;
    const int64_t frame = msk_session_get_frame(self->session);
    msk_session_get_range(self->session, &first, &last);
    if (last < frame)
        last = msk_session_get_n_frames(self->session) - 1;
    msk_document_set_range(self->document, frame, MAX(frame, last));
}

static void set_out_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    int64_t first, last;
    const int64_t frame = msk_session_get_frame(self->session);
    msk_session_get_range(self->session, &first, &last);
    msk_document_set_range(self->document, first > frame ? 0 : first, frame);
}

static void clear_range_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_document_clear_range(self->document);
}

// ---- Looking -----------------------------------------------------------------------------------

// The four backgrounds that edges are judged on, one key press apart.
static void matte_check_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    static const guint32 colours[] = {0x000000, 0xffffff, 0x808080, 0x00b140};
    MskWindow *self = user;
    guint next = 0;
    if (msk_session_get_view_mode(self->session) == MSK_VIEW_COLOUR)
        for (guint i = 0; i < G_N_ELEMENTS(colours); i++)
            if (colours[i] == msk_session_get_background(self->session))
                next = (i + 1) % G_N_ELEMENTS(colours);
    msk_session_set_background(self->session, colours[next]);
    msk_session_set_view_mode(self->session, MSK_VIEW_COLOUR);
}

static void zoom_in_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    msk_canvas_zoom_in(((MskWindow *)user)->canvas);
}

static void zoom_out_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    msk_canvas_zoom_out(((MskWindow *)user)->canvas);
}

static void zoom_to_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    g_object_set(((MskWindow *)user)->canvas, "zoom", g_variant_get_double(target), NULL);
}

static void zoom_fit_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    msk_canvas_fit(((MskWindow *)user)->canvas);
}

static void zoom_original_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    msk_canvas_one_to_one(((MskWindow *)user)->canvas);
}

static void fullscreen_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    if (gtk_window_is_fullscreen(GTK_WINDOW(user)))
        gtk_window_unfullscreen(GTK_WINDOW(user));
    else
        gtk_window_fullscreen(GTK_WINDOW(user));
}

static void preferences_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_preferences_present(GTK_WINDOW(self), self->session);
}

static void models_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_preferences_present_models(GTK_WINDOW(self), self->session);
}

static void export_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    msk_export_dialog_present(GTK_WINDOW(self), self->session);
}

static void focus_canvas_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    msk_window_focus_canvas(user);
}

static void jobs_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    gtk_menu_button_popup(GTK_MENU_BUTTON(self->jobs_button));
}

static void menu_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    gtk_menu_button_popup(GTK_MENU_BUTTON(self->menu_button));
}

// ---- The list ----------------------------------------------------------------------------------

static const GActionEntry entries[] = {
    {"undo", undo_cb},
    {"redo", redo_cb},
    {"new-object", new_object_cb},
    {"select-object", select_object_cb, "i"},
    {"clear-frame", clear_frame_cb},
    {"clear-object", clear_object_cb},
    {"delete", delete_cb},
    {"lock", lock_cb},
    {"brush", brush_cb, "i"},
    {"escape", escape_cb},
    {"play", play_cb},
    {"shuttle", shuttle_cb, "i"},
    {"step", step_cb, "x"},
    {"go-first", go_first_cb},
    {"go-last", go_last_cb},
    {"go-to-frame", go_to_frame_cb},
    {"keyframe", keyframe_cb, "i"},
    {"doubt", doubt_cb, "i"},
    {"set-in", set_in_cb},
    {"set-out", set_out_cb},
    {"clear-range", clear_range_cb},
    {"matte-check", matte_check_cb},
    {"zoom-in", zoom_in_cb},
    {"zoom-out", zoom_out_cb},
    {"zoom-to", zoom_to_cb, "d"},
    {"zoom-fit", zoom_fit_cb},
    {"zoom-original", zoom_original_cb},
    {"fullscreen", fullscreen_cb},
    {"preferences", preferences_cb},
    {"models", models_cb},
    {"export", export_cb},
    {"focus-canvas", focus_canvas_cb},
    {"jobs", jobs_cb},
    {"menu", menu_cb},
};

static const char *const properties[] = {"tool", "view-mode", "masks-muted"}; // of the session

void msk_window_remove_actions(MskWindow *self)
{
    for (guint i = 0; i < G_N_ELEMENTS(properties); i++)
        g_action_map_remove_action(G_ACTION_MAP(self), properties[i]);
}

void msk_window_install_actions(MskWindow *self)
{
    GActionMap *map = G_ACTION_MAP(self);
    static const char *const settings[] = {"show-tools",    "show-side-pane", "show-timeline",
                                           "show-timecode", "onion-skin",     "loop"};
    g_action_map_add_action_entries(map, entries, G_N_ELEMENTS(entries), self);
    for (guint i = 0; i < G_N_ELEMENTS(properties); i++) {
        g_autoptr(GPropertyAction) action =
            g_property_action_new(properties[i], self->session, properties[i]);
        g_action_map_add_action(map, G_ACTION(action));
    }
    for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
        g_autoptr(GAction) action = g_settings_create_action(msk_settings_get(), settings[i]);
        g_action_map_add_action(map, action);
    }
    g_settings_bind(msk_settings_get(), "show-tools", self->toolbar, "visible",
                    G_SETTINGS_BIND_GET);
    g_settings_bind(msk_settings_get(), "show-side-pane", self->side_bin, "visible",
                    G_SETTINGS_BIND_GET);
    g_settings_bind(msk_settings_get(), "show-timeline", self->timeline_bin, "visible",
                    G_SETTINGS_BIND_GET);
}

static void enable(MskWindow *self, gboolean enabled, const char *const *names)
{
    for (; *names; names++) {
        GAction *action = g_action_map_lookup_action(G_ACTION_MAP(self), *names);
        g_simple_action_set_enabled(G_SIMPLE_ACTION(action), enabled);
    }
}

void msk_window_update_actions(MskWindow *self)
{
    static const char *const of_clip[] = {
        "play",        "shuttle",    "step",     "go-first", "go-last",
        "go-to-frame", "zoom-in",    "zoom-out", "zoom-fit", "zoom-original",
        "matte-check", "close-clip", "zoom-to",  NULL};
    static const char *const of_document[] = {
        "new-object", "set-in",        "set-out",        "clear-range",   "export",
        "save",       "save-as",       "save-copy",      "retry-writing", "track-stale",
        "track-both", "track-forward", "track-backward", "track-frame",   NULL};
    static const char *const of_object[] = {"clear-frame", "clear-object", "lock",
                                            "keyframe",    "doubt",        NULL};
    static const char *const of_undo[] = {"undo", NULL}, *const of_redo[] = {"redo", NULL};
    static const char *const of_tracking[] = {"stop-tracking", NULL};
    const gboolean is_busy = msk_session_get_busy(self->session) != NULL;
    const gboolean has_document = self->document && !is_busy;
    gboolean can_undo = FALSE, can_redo = FALSE;
    if (self->document)
        g_object_get(self->document, "can-undo", &can_undo, "can-redo", &can_redo, NULL);
    enable(self, msk_session_get_media(self->session) != NULL, of_clip);
    enable(self, has_document, of_document);
    enable(self, has_document && msk_session_get_selected(self->session), of_object);
    enable(self, has_document && can_undo, of_undo);
    enable(self, has_document && can_redo, of_redo);
    enable(self, self->tracker && msk_tracker_is_tracking(self->tracker), of_tracking);
}

void msk_window_set_accels(GtkApplication *application)
{
    static const struct {
        const char *action, *accels[4];
    } accels[] = {
        {"app.quit", {"<Control>q"}},
        {"app.new-window", {"<Control>n"}},
        {"win.open", {"<Control>o"}},
        {"win.save", {"<Control>s"}},
        {"win.save-as", {"<Control><Shift>s"}},
        {"win.close-clip", {"<Control><Shift>w"}},
        {"window.close", {"<Control>w"}},
        {"win.export", {"<Control>e"}},
        {"win.preferences", {"<Control>comma"}},
        {"win.jobs", {"<Control>j"}},
        {"win.new-object", {"<Control><Shift>n"}},
        {"win.track-both", {"<Control>t"}},
        {"win.track-forward", {"<Control><Alt>Right"}},
        {"win.track-backward", {"<Control><Alt>Left"}},
        {"win.track-frame", {"<Control><Shift>t"}},
        {"win.track-stale", {"<Control>r"}},
        {"win.lock", {"<Control>l"}},
        {"win.loop", {"<Control><Shift>l"}},
        {"win.clear-range", {"<Alt>x"}},
        {"win.go-to-frame", {"<Control>g"}},
        {"win.zoom-in", {"<Control>plus", "<Control>equal", "<Control>KP_Add"}},
        {"win.zoom-out", {"<Control>minus", "<Control>KP_Subtract"}},
        {"win.zoom-fit", {"<Control>0", "<Control>KP_0"}},
        {"win.zoom-original", {"<Control>1", "<Control>KP_1"}},
        {"win.view-mode::overlay", {"F2"}},
        {"win.view-mode::outline", {"F3"}},
        {"win.view-mode::matte", {"F4"}},
        {"win.view-mode::cutout", {"F5"}},
        {"win.matte-check", {"F6"}},
        {"win.view-mode::blur", {"F7"}},
        {"win.view-mode::difference", {"F8"}},
        {"win.show-side-pane", {"F9"}},
        {"win.show-tools", {"<Control>F9"}},
        {"win.show-timeline", {"<Shift>F9"}},
        {"win.fullscreen", {"F11"}},
    };
    for (guint i = 0; i < G_N_ELEMENTS(accels); i++)
        gtk_application_set_accels_for_action(application, accels[i].action, accels[i].accels);
}
