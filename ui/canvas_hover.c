// SPDX-License-Identifier: Apache-2.0
// What a click would select: asked of the engine while the pointer rests, one question at a time.
#include <math.h>

#include "ui/canvas_private.h"

#define REST 80       // milliseconds
#define REST_MAX 1500 // on a model that is slow on a new frame
#define SLOW 250000   // microseconds

static void ask(MskCanvas *canvas);

static void clear_contour(MskCanvas *canvas)
{
    if (!canvas->hover_contour)
        return;
    g_clear_pointer(&canvas->hover_contour, msk_contour_free);
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
}

void msk_canvas_hover_stop(MskCanvas *canvas)
{
    g_clear_handle_id(&canvas->hover_timer, g_source_remove);
    canvas->hover_again = FALSE;
    if (canvas->hover_cancellable)
        g_cancellable_cancel(canvas->hover_cancellable);
    clear_contour(canvas);
}

// ---- The question ------------------------------------------------------------------------------

typedef struct Question {
    MskCanvas *canvas; // reference
    GCancellable *cancellable;
    int64_t frame, started;
    gboolean is_new; // the first on this frame
} Question;

static void free_question(Question *question)
{
    g_object_unref(question->canvas);
    g_object_unref(question->cancellable);
    g_free(question);
}

static void end_question(Question *question)
{
    MskCanvas *canvas = question->canvas;
    if (canvas->hover_cancellable == question->cancellable)
        canvas->hover_cancellable = NULL;
    if (canvas->hover_again) {
        canvas->hover_again = FALSE;
        ask(canvas);
    }
    free_question(question);
}

static void trace_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    MskMask *mask = data;
    MskViewSource what = {.result = mask};
    g_autoptr(MskViewMatte) matte =
        msk_view_matte_new(&what, msk_mask_get_width(mask), msk_mask_get_height(mask));
    g_task_return_pointer(task, msk_contour_simplify(matte->contour, 0.5),
                          (GDestroyNotify)msk_contour_free);
}

static void traced_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    Question *question = user;
    MskCanvas *canvas = question->canvas;
    g_autoptr(MskContour) contour = g_task_propagate_pointer(G_TASK(result), NULL);
    if (contour && !g_cancellable_is_cancelled(question->cancellable) &&
        msk_canvas_get_shown_frame(canvas) == question->frame) {
        msk_contour_free(canvas->hover_contour);
        canvas->hover_contour = g_steal_pointer(&contour);
        gtk_widget_queue_draw(GTK_WIDGET(canvas));
    }
    end_question(question);
}

static void answered_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    Question *question = user;
    MskCanvas *canvas = question->canvas;
    g_autoptr(GPtrArray) results = msk_engine_segment_finish(MSK_ENGINE(source), result, NULL);
    if (results && question->is_new) {
        canvas->hover_cost = g_get_monotonic_time() - question->started;
        canvas->hover_known_frame = question->frame;
    }
    // Failures are silent: it is an offer only, and a click says what is wrong.
    if (!results || results->len == 0 || g_cancellable_is_cancelled(question->cancellable)) {
        end_question(question);
        return;
    }
    const MskResult *answer = g_ptr_array_index(results, 0);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, traced_cb, question);
    g_task_set_task_data(task, msk_mask_ref(answer->mask), (GDestroyNotify)msk_mask_unref);
    g_task_run_in_thread(task, trace_thread);
}

// Whether a click there would ask for something, and the engine has nothing better to do.
static gboolean is_wanted(MskCanvas *canvas)
{
    MskSession *session = canvas->session;
    if (!session || !canvas->rendered || !canvas->pointer_inside || canvas->space_held ||
        canvas->dragging != MSK_DRAG_NONE || canvas->pending->len > 0 ||
        msk_session_get_tool(session) != MSK_TOOL_POINT || !msk_session_get_model_info(session) ||
        msk_session_get_masks_muted(session))
        return FALSE;
    MskTracker *tracker = msk_session_get_tracker(session);
    if (!tracker || msk_tracker_is_tracking(tracker) || msk_tracker_is_answering(tracker))
        return FALSE;
    // Not while the playhead runs: what is shown must be what is asked.
    if (msk_session_get_frame(session) != msk_canvas_get_shown_frame(canvas))
        return FALSE;
    msk_canvas_widget_to_frame(canvas, canvas->pointer_x, canvas->pointer_y, &canvas->hover_x,
                               &canvas->hover_y);
    return msk_canvas_contains(canvas, canvas->hover_x, canvas->hover_y) &&
           msk_canvas_find_point(canvas, canvas->pointer_x, canvas->pointer_y) < 0;
}

static void ask(MskCanvas *canvas)
{
    if (!is_wanted(canvas))
        return;
    if (canvas->hover_cancellable) { // the engine is still at the last question
        canvas->hover_again = TRUE;
        return;
    }
    Question *question = g_new0(Question, 1);
    question->canvas = g_object_ref(canvas);
    question->cancellable = g_cancellable_new();
    question->frame = msk_canvas_get_shown_frame(canvas);
    question->started = g_get_monotonic_time();
    question->is_new = canvas->hover_known_frame != question->frame;
    canvas->hover_cancellable = question->cancellable;

    // With what is there already: that is what a click adds to.
    MskMasklet *selected = msk_session_get_selected(canvas->session);
    const MskPrompt *shown = selected ? msk_canvas_get_prompt(canvas, selected) : NULL;
    gboolean extend = shown && !shown->mask.pixels && !shown->mask_path &&
                      shown->labels->len < MSK_PROMPT_POINTS_MAX;
    g_autoptr(MskPrompt) prompt = extend ? msk_prompt_copy(shown) : msk_prompt_new(question->frame);
    msk_prompt_add_point(prompt, canvas->hover_x, canvas->hover_y, TRUE);
    msk_engine_segment_async(msk_session_get_engine(canvas->session),
                             canvas->rendered->scene->frame, prompt, FALSE, question->cancellable,
                             answered_cb, question);
}

static gboolean rested_cb(gpointer user)
{
    MskCanvas *canvas = user;
    canvas->hover_timer = 0;
    ask(canvas);
    return G_SOURCE_REMOVE;
}

void msk_canvas_hover_moved(MskCanvas *canvas)
{
    msk_canvas_hover_stop(canvas);
    if (!is_wanted(canvas))
        return;
    // A click waits for the question before it: where a new frame takes long, ask rarely.
    guint rest = REST;
    if (canvas->hover_cost > SLOW && canvas->hover_known_frame != canvas->rendered->scene->n)
        rest = (guint)MIN(REST + canvas->hover_cost / 1000, REST_MAX);
    canvas->hover_timer = g_timeout_add(rest, rested_cb, canvas);
}
