// SPDX-License-Identifier: Apache-2.0
// MskWindow: tracking: what is asked for, the running job, closing while there is work.
#include "ui/window_private.h"

#include <glib/gi18n.h>

// ---- Asking for it -----------------------------------------------------------------------------

static gboolean get_flag(MskWindow *self, const char *name)
{
    g_autoptr(GVariant) state = g_action_group_get_action_state(G_ACTION_GROUP(self), name);
    return g_variant_get_boolean(state);
}

static gboolean is_for_all(MskWindow *self)
{
    g_autoptr(GVariant) state =
        g_action_group_get_action_state(G_ACTION_GROUP(self), "track-scope");
    return g_str_equal(g_variant_get_string(state, NULL), "all");
}

static void start(MskWindow *self, const MskTrackOptions *options)
{
    g_autoptr(GError) error = NULL;
    if (!msk_session_get_model_info(self->session))
        msk_window_toast(self, _("No model is open: choose one in the preferences"));
    else if (!msk_tracker_track(self->tracker, options, &error))
        msk_window_toast(self, error->message);
}

static void track(MskWindow *self, MskTrackOptions *options)
{
    MskMasklet *selected = msk_session_get_selected(self->session);
    if (selected && !is_for_all(self)) {
        options->masklets = &selected;
        options->n_masklets = 1;
    }
    options->from = msk_session_get_frame(self->session);
    options->again = options->again || get_flag(self, "track-again");
    start(self, options);
}

// The frames to work on: the range or all of the clip.
static void get_frames(MskWindow *self, int64_t *first, int64_t *last)
{
    *first = 0;
    *last = -1;
    if (get_flag(self, "track-in-range") && msk_document_has_range(self->document))
        msk_session_get_range(self->session, first, last);
}

static void track_both_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    MskTrackOptions options = {.direction = MSK_DIRECTION_BOTH};
    get_frames(self, &options.first, &options.last);
    track(self, &options);
}

static void track_forward_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    MskTrackOptions options = {.direction = MSK_DIRECTION_FORWARD};
    get_frames(self, &options.first, &options.last);
    options.first = MAX(options.first, msk_session_get_frame(self->session));
    track(self, &options);
}

static void track_backward_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    MskTrackOptions options = {.direction = MSK_DIRECTION_BACKWARD};
    get_frames(self, &options.first, &options.last);
    const int64_t frame = msk_session_get_frame(self->session);
    options.last = options.last < 0 ? frame : MIN(options.last, frame);
    track(self, &options);
}

static void track_frame_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    const int64_t frame = msk_session_get_frame(self->session);
    MskTrackOptions options = {
        .direction = MSK_DIRECTION_BOTH, .first = frame, .last = frame, .again = TRUE};
    track(self, &options);
}

static void track_stale_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    const MskTrackOptions options = {.direction = MSK_DIRECTION_BOTH,
                                     .last = -1,
                                     .from = msk_session_get_frame(self->session),
                                     .stale_only = TRUE};
    start(self, &options);
}

static void stop_cb(GSimpleAction *action, GVariant *target, gpointer user)
{
    MskWindow *self = user;
    if (self->tracker)
        msk_tracker_stop(self->tracker);
}

void msk_window_install_track_actions(MskWindow *self)
{
    static const GActionEntry entries[] = {
        {"track-both", track_both_cb},          {"track-forward", track_forward_cb},
        {"track-backward", track_backward_cb},  {"track-frame", track_frame_cb},
        {"track-stale", track_stale_cb},        {"stop-tracking", stop_cb},
        {"track-scope", NULL, "s", "'object'"}, {"track-in-range", NULL, NULL, "true"},
        {"track-again", NULL, NULL, "false"},
    };
    g_action_map_add_action_entries(G_ACTION_MAP(self), entries, G_N_ELEMENTS(entries), self);
}

// ---- The running job ---------------------------------------------------------------------------

static void started_cb(MskWindow *self)
{
    MskJob *job = msk_tracker_get_job(self->tracker);
    if (job && !self->track_item) {
        g_autofree char *title =
            g_strdup_printf(_("Tracking in “%s”"), msk_session_get_title(self->session));
        self->track_item = g_object_ref(
            msk_jobs_add_running(msk_session_get_jobs(self->session), title, NULL, job));
    }
    msk_window_update_actions(self);
}

static void end_item(MskWindow *self, gboolean completed, const GError *failure)
{
    g_autoptr(GError) stopped = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, _("Stopped"));
    if (self->track_item)
        msk_jobs_end(msk_session_get_jobs(self->session), self->track_item, NULL,
                     completed ? NULL
                     : failure ? failure
                               : stopped);
    g_clear_object(&self->track_item);
}

static void stopped_cb(MskTracker *tracker, gboolean completed, MskWindow *self)
{
    end_item(self, completed, msk_tracker_get_failure(tracker));
    msk_window_update_actions(self);
}

void msk_window_watch_tracker(MskWindow *self)
{
    if (self->tracker)
        g_signal_handlers_disconnect_by_data(self->tracker, self);
    end_item(self, FALSE, NULL);
    g_set_object(&self->tracker, msk_session_get_tracker(self->session));
    if (!self->tracker)
        return;
    g_signal_connect_swapped(self->tracker, "started", G_CALLBACK(started_cb), self);
    g_signal_connect(self->tracker, "stopped", G_CALLBACK(stopped_cb), self);
}

// ---- Closing -----------------------------------------------------------------------------------

static void close_response_cb(AdwMessageDialog *dialog, const char *response, MskWindow *self)
{
    if (!g_str_equal(response, "stop"))
        return;
    self->is_closing = TRUE;
    gtk_window_close(GTK_WINDOW(self));
}

static gboolean is_last(MskWindow *self)
{
    GtkApplication *application = gtk_window_get_application(GTK_WINDOW(self));
    int n = 0;
    for (GList *at = application ? gtk_application_get_windows(application) : NULL; at;
         at = at->next)
        n += MSK_IS_WINDOW(at->data);
    return n <= 1;
}

gboolean msk_window_may_close(MskWindow *self)
{
    const gboolean is_tracking = self->tracker && msk_tracker_is_tracking(self->tracker);
    const guint n_jobs = msk_jobs_get_n_active(msk_session_get_jobs(self->session));
    const gboolean is_exporting = n_jobs > (is_tracking ? 1 : 0) && is_last(self);
    if (self->is_closing || (!is_tracking && !is_exporting))
        return TRUE;
    const char *heading = is_exporting ? _("Stop Exporting?") : _("Stop Tracking?");
    const char *body = is_exporting
                           ? _("An export is not complete yet; its unfinished files go away.")
                           : _("What is tracked so far is kept, and can be gone on with later.");
    AdwMessageDialog *dialog = msk_window_ask(self, heading, body, "keep", _("_Keep Working"),
                                              "stop", _("_Stop and Close"), NULL);
    adw_message_dialog_set_response_appearance(dialog, "stop", ADW_RESPONSE_DESTRUCTIVE);
    g_signal_connect_object(dialog, "response", G_CALLBACK(close_response_cb), self, 0);
    gtk_window_present(GTK_WINDOW(dialog));
    return FALSE;
}
