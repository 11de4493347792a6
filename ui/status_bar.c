// SPDX-License-Identifier: Apache-2.0
// MskStatusBar: the line at the window's foot.
#include "ui/status_bar.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#define UPDATE_MS 120 // changes come in bursts
#define POLL_MS 250   // of running work
#define MEMORY_POLL_MS 2000

struct _MskStatusBar {
    GtkWidget parent;
    MskSession *session;
    MskDocument *document; // listened to
    MskTracker *tracker;   // listened to
    GtkLabel *hint, *track_label, *scores, *memory;
    GtkWidget *index_box, *track_box;
    GtkProgressBar *index_bar, *track_bar;
    guint update_timer, poll_timer, memory_timer;
};

G_DEFINE_FINAL_TYPE(MskStatusBar, msk_status_bar, GTK_TYPE_WIDGET)

// ---- What is shown -----------------------------------------------------------------------------

static char *describe_scores(MskMasklet *masklet, int64_t frame)
{
    MskFrameState state = {0};
    if (!masklet)
        return g_strdup("");
    const MskFrameFlags flags = msk_masklet_get_frame(masklet, frame, &state);
    if (!state.track)
        return g_strdup(flags & MSK_FRAME_PAINT ? _("painted") : "");
    g_autofree char *text =
        g_strdup_printf(_("IoU %.2f · score %+.1f"), (double)state.track->result->iou,
                        (double)state.track->result->object_score);
    if (flags & MSK_FRAME_ABSENT)
        return g_strdup_printf(_("not on this frame · %s"), text);
    return g_steal_pointer(&text);
}

static const char *describe_first_step(MskTool tool)
{
    switch (tool) {
    case MSK_TOOL_BOX:
        return _("Drag a box around what you want to cut out");
    case MSK_TOOL_BRUSH:
    case MSK_TOOL_LASSO:
        return _("Paint over what you want to cut out");
    case MSK_TOOL_POINT:
    case MSK_TOOL_ERASER:
    case MSK_TOOL_HAND:
    default:
        return _("Click on what you want to cut out");
    }
}

static gboolean has_stale_frames(MskMasklet *masklet)
{
    int64_t first, last;
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
    if (!msk_masklet_get_extent(masklet, &first, &last))
        return FALSE;
    msk_masklet_get_runs(masklet, first, last, runs);
    for (guint i = 0; i < runs->len; i++)
        if (g_array_index(runs, MskRun, i).flags & MSK_FRAME_STALE)
            return TRUE;
    return FALSE;
}

// What would happen next, and how to make it happen.
static char *describe_next(MskStatusBar *self)
{
    MskDocument *document = self->document;
    MskMasklet *selected = msk_session_get_selected(self->session);
    const char *busy = msk_session_get_busy(self->session);
    const MskTool tool = msk_session_get_tool(self->session);
    if (busy)
        return g_strdup(busy);
    if (!document)
        return g_strdup("");
    if (!msk_session_get_model_info(self->session))
        return g_strdup(_("No model is open: see Preferences"));
    if (msk_tracker_is_answering(self->tracker))
        return g_strdup(_("Finding the mask…"));
    if (msk_tracker_is_tracking(self->tracker))
        return g_strdup(_("Tracking: you can go on working"));
    if (msk_document_get_n_objects(document) == 0)
        return g_strdup(describe_first_step(tool));
    if (!selected)
        return g_strdup(_("Click on what you want to cut out, or select an object"));
    if (msk_masklet_get_info(selected)->locked)
        return g_strdup(_("This object is locked"));
    const GArray *anchors = msk_masklet_get_anchors(selected);
    if (anchors->len == 0)
        return g_strdup(describe_first_step(tool));
    const MskTrackOptions options = {.masklets = &selected,
                                     .n_masklets = 1,
                                     .direction = MSK_DIRECTION_BOTH,
                                     .first = 0,
                                     .last = -1,
                                     .from = -1};
    const int64_t n = msk_tracker_count(self->tracker, &options);
    if (n == 0)
        return g_strdup(msk_masklet_find_doubt(selected, -1, 1) >= 0
                            ? _("Tracked. Look at the doubtful frames (N), or export (Ctrl+E)")
                            : _("Tracked. Export it (Ctrl+E)"));
    if (has_stale_frames(selected))
        return g_strdup_printf(
            ngettext("%" PRId64 " frame is not up to date: run it again (Ctrl+R)",
                     "%" PRId64 " frames are not up to date: run them again (Ctrl+R)", (gulong)n),
            n);
    int64_t first = 0, last = 0;
    msk_masklet_get_extent(selected, &first, &last);
    if (last - first + 1 > (int64_t)anchors->len)
        return g_strdup_printf(ngettext("%" PRId64 " frame to go: track on (Ctrl+T)",
                                        "%" PRId64 " frames to go: track on (Ctrl+T)", (gulong)n),
                               n);
    return g_strdup(_("Track to carry it through the shot (Ctrl+T)"));
}

static void update(MskStatusBar *self)
{
    g_autofree char *next = describe_next(self);
    g_autofree char *scores =
        describe_scores(self->document ? msk_session_get_selected(self->session) : NULL,
                        msk_session_get_frame(self->session));
    gtk_label_set_label(self->hint, next);
    gtk_label_set_label(self->scores, scores);
}

static gboolean update_timeout_cb(gpointer user)
{
    MskStatusBar *self = user;
    self->update_timer = 0;
    update(self);
    return G_SOURCE_REMOVE;
}

static void queue_update(MskStatusBar *self)
{
    if (!self->update_timer)
        self->update_timer = g_timeout_add(UPDATE_MS, update_timeout_cb, self);
}

// ---- Work --------------------------------------------------------------------------------------

static gboolean update_track(gpointer user)
{
    MskStatusBar *self = user;
    MskJob *job = self->tracker ? msk_tracker_get_job(self->tracker) : NULL;
    gtk_widget_set_visible(self->track_box, job != NULL);
    if (!job) {
        self->poll_timer = 0;
        queue_update(self);
        return G_SOURCE_REMOVE;
    }
    MskProgress progress;
    msk_job_get_progress(job, &progress);
    gtk_progress_bar_set_fraction(self->track_bar, progress.fraction);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, _("%" PRId64 " / %" PRId64), progress.done, progress.total);
    if (progress.rate > 0)
        g_string_append_printf(text, _(" · %.1f frames/s"), progress.rate);
    if (progress.seconds_left >= 0) {
        g_autofree char *left = msk_job_format_seconds(progress.seconds_left);
        g_string_append_printf(text, _(" · %s left"), left);
    }
    gtk_label_set_label(self->track_label, text->str);
    return G_SOURCE_CONTINUE;
}

static void tracking_changed_cb(MskStatusBar *self)
{
    if (!self->poll_timer)
        self->poll_timer = g_timeout_add(POLL_MS, update_track, self);
    queue_update(self);
}

static void index_changed_cb(MskStatusBar *self)
{
    const double progress = msk_session_get_index_progress(self->session);
    gtk_widget_set_visible(self->index_box, progress >= 0);
    gtk_progress_bar_set_fraction(self->index_bar, MAX(progress, 0));
}

static gboolean update_memory(gpointer user)
{
    MskStatusBar *self = user;
    MskFrameCacheStats stats;
    msk_frame_cache_get_stats(msk_session_get_frame_cache(), &stats);
    const gsize masks = self->document ? msk_document_get_size(self->document) : 0;
    g_autofree char *text = g_format_size(stats.size + masks);
    gtk_label_set_label(self->memory, self->document ? text : "");
    return G_SOURCE_CONTINUE;
}

// ---- Listening ---------------------------------------------------------------------------------

static void document_changed_cb(MskStatusBar *self)
{
    if (self->document)
        g_signal_handlers_disconnect_by_data(self->document, self);
    if (self->tracker)
        g_signal_handlers_disconnect_by_data(self->tracker, self);
    g_set_object(&self->document, msk_session_get_document(self->session));
    g_set_object(&self->tracker, msk_session_get_tracker(self->session));
    if (self->document) {
        g_signal_connect_swapped(self->document, "frames-changed", G_CALLBACK(queue_update), self);
        g_signal_connect_swapped(self->document, "items-changed", G_CALLBACK(queue_update), self);
    }
    if (self->tracker) {
        g_signal_connect_swapped(self->tracker, "notify::tracking", G_CALLBACK(tracking_changed_cb),
                                 self);
        g_signal_connect_swapped(self->tracker, "prompt-answered", G_CALLBACK(queue_update), self);
    }
    gtk_widget_set_visible(self->track_box, FALSE);
    update_memory(self);
    queue_update(self);
}

void msk_status_bar_set_session(MskStatusBar *self, MskSession *session)
{
    self->session = g_object_ref(session);
    static const char *const updating[] = {"notify::frame", "notify::selected", "notify::tool",
                                           "notify::busy", "notify::model-name"};
    for (guint i = 0; i < G_N_ELEMENTS(updating); i++)
        g_signal_connect_object(session, updating[i], G_CALLBACK(queue_update), self,
                                G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "notify::document", G_CALLBACK(document_changed_cb), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "notify::index-progress", G_CALLBACK(index_changed_cb), self,
                            G_CONNECT_SWAPPED);
    self->memory_timer = g_timeout_add(MEMORY_POLL_MS, update_memory, self);
    document_changed_cb(self);
    index_changed_cb(self);
}

// ---- The widget --------------------------------------------------------------------------------

static void dispose(GObject *object)
{
    MskStatusBar *self = MSK_STATUS_BAR(object);
    GtkWidget *child;
    g_clear_handle_id(&self->update_timer, g_source_remove);
    g_clear_handle_id(&self->poll_timer, g_source_remove);
    g_clear_handle_id(&self->memory_timer, g_source_remove);
    if (self->document)
        g_signal_handlers_disconnect_by_data(self->document, self);
    if (self->tracker)
        g_signal_handlers_disconnect_by_data(self->tracker, self);
    g_clear_object(&self->document);
    g_clear_object(&self->tracker);
    while ((child = gtk_widget_get_first_child(GTK_WIDGET(self))))
        gtk_widget_unparent(child);
    g_clear_object(&self->session);
    G_OBJECT_CLASS(msk_status_bar_parent_class)->dispose(object);
}

static void msk_status_bar_class_init(MskStatusBarClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    gtk_widget_class_set_template_from_resource(widget_class, "/org/masklet/Masklet/status_bar.ui");
    gtk_widget_class_bind_template_child(widget_class, MskStatusBar, hint);
    gtk_widget_class_bind_template_child(widget_class, MskStatusBar, track_label);
    gtk_widget_class_bind_template_child(widget_class, MskStatusBar, scores);
    gtk_widget_class_bind_template_child(widget_class, MskStatusBar, memory);
    gtk_widget_class_bind_template_child(widget_class, MskStatusBar, index_box);
    gtk_widget_class_bind_template_child(widget_class, MskStatusBar, track_box);
    gtk_widget_class_bind_template_child(widget_class, MskStatusBar, index_bar);
    gtk_widget_class_bind_template_child(widget_class, MskStatusBar, track_bar);
}

static void msk_status_bar_init(MskStatusBar *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}
