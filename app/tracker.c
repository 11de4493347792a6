// SPDX-License-Identifier: Apache-2.0
// MskTracker: the object, its signals, and what it hears of the document.
#include "app/tracker_private.h"

// Clicks and drags follow each other at such intervals.
#define QUIET_MS 300

enum { PROP_TRACKING = 1, N_PROPS };
enum { PROMPT_ANSWERED, FAILED, STARTED, STOPPED, TRACKED, N_SIGNALS };

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(MskTracker, msk_tracker, G_TYPE_OBJECT)

void msk_tracker_emit_failed(MskTracker *tracker, const GError *error)
{
    g_signal_emit(tracker, signals[FAILED], 0, error);
}

void msk_tracker_emit_answered(MskTracker *tracker, MskMasklet *masklet, int64_t frame)
{
    g_signal_emit(tracker, signals[PROMPT_ANSWERED], 0, masklet, (gint64)frame);
}

void msk_tracker_emit_tracked(MskTracker *tracker, int64_t frame)
{
    g_signal_emit(tracker, signals[TRACKED], 0, (gint64)frame);
}

void msk_tracker_emit_started(MskTracker *tracker)
{
    g_object_notify_by_pspec(G_OBJECT(tracker), properties[PROP_TRACKING]);
    g_signal_emit(tracker, signals[STARTED], 0);
}

void msk_tracker_emit_stopped(MskTracker *tracker, gboolean completed)
{
    g_object_notify_by_pspec(G_OBJECT(tracker), properties[PROP_TRACKING]);
    g_signal_emit(tracker, signals[STOPPED], 0, completed);
}

// ---- The document ------------------------------------------------------------------------------

static void frames_changed_cb(MskDocument *document, MskMasklet *masklet, gint64 first, gint64 last,
                              MskTracker *tracker)
{
    if (tracker->is_editing)
        return;
    msk_tracker_check_object(tracker, masklet);
    msk_tracker_check_prompts(tracker, masklet, first, last);
}

static void history_changed_cb(MskDocument *document, MskTracker *tracker)
{
    if (!tracker->is_editing)
        msk_tracker_check_work(tracker);
}

static void closed_cb(MskDocument *document, MskTracker *tracker)
{
    if (tracker->is_editing)
        return;
    g_object_ref(tracker);
    if (tracker->run)
        msk_track_run_take_late(tracker->run);
    msk_tracker_take_late_answer(tracker);
    g_object_unref(tracker);
}

MskTracker *msk_tracker_new(MskDocument *document, MskEngine *engine)
{
    MskTracker *tracker = g_object_new(MSK_TYPE_TRACKER, NULL);
    tracker->document = g_object_ref(document);
    tracker->engine = g_object_ref(engine);
    g_signal_connect_object(document, "frames-changed", G_CALLBACK(frames_changed_cb), tracker, 0);
    g_signal_connect_object(document, "history-changed", G_CALLBACK(history_changed_cb), tracker,
                            0);
    g_signal_connect_object(document, "closed", G_CALLBACK(closed_cb), tracker, 0);
    return tracker;
}

void msk_tracker_set_video(MskTracker *tracker, MskVideo *video)
{
    if (tracker->is_closed || tracker->video == video)
        return;
    msk_video_unref(tracker->video);
    tracker->video = video ? msk_video_ref(video) : NULL;
    msk_track_states_clear(&tracker->states); // they are of the other one
    if (tracker->work && !tracker->work->is_stopping)
        msk_tracker_restart(tracker);
    msk_tracker_ask_next(tracker);
}

void msk_tracker_set_state_budget(MskTracker *tracker, size_t bytes)
{
    msk_track_states_set_budget(&tracker->states, bytes);
}

void msk_tracker_close(MskTracker *tracker)
{
    if (tracker->is_closed)
        return;
    tracker->is_closed = TRUE;
    g_signal_handlers_disconnect_by_data(tracker->document, tracker);
    msk_tracker_clear_prompts(tracker);
    if (tracker->run)
        msk_track_run_leave(g_steal_pointer(&tracker->run));
    msk_tracker_drop_work(tracker);
    msk_track_states_clear(&tracker->states);
    g_clear_pointer(&tracker->video, msk_video_unref);
}

// ---- The object --------------------------------------------------------------------------------

static void get_property(GObject *object, guint property, GValue *value, GParamSpec *spec)
{
    if (property == PROP_TRACKING)
        g_value_set_boolean(value, msk_tracker_is_tracking(MSK_TRACKER(object)));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, property, spec);
}

static void dispose(GObject *object)
{
    MskTracker *tracker = MSK_TRACKER(object);
    if (tracker->document)
        msk_tracker_close(tracker);
    g_clear_object(&tracker->document);
    g_clear_object(&tracker->engine);
    g_clear_error(&tracker->failure);
    G_OBJECT_CLASS(msk_tracker_parent_class)->dispose(object);
}

static void msk_tracker_init(MskTracker *tracker)
{
    tracker->quiet_ms = QUIET_MS;
    tracker->states.budget = MSK_TRACKER_STATE_BUDGET;
    g_queue_init(&tracker->states.entries);
    msk_tracker_init_prompts(tracker);
}

static void msk_tracker_class_init(MskTrackerClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    object_class->get_property = get_property;
    object_class->dispose = dispose;
    properties[PROP_TRACKING] =
        g_param_spec_boolean("tracking", NULL, NULL, FALSE,
                             G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties(object_class, N_PROPS, properties);

    GType type = G_TYPE_FROM_CLASS(class);
    signals[PROMPT_ANSWERED] =
        g_signal_new("prompt-answered", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                     2, MSK_TYPE_MASKLET, G_TYPE_INT64);
    signals[FAILED] = g_signal_new("failed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_ERROR);
    signals[STARTED] =
        g_signal_new("started", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    signals[STOPPED] = g_signal_new("stopped", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
    signals[TRACKED] = g_signal_new("tracked", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 1, G_TYPE_INT64);
}
