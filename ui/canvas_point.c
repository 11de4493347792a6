// SPDX-License-Identifier: Apache-2.0
// The point tool: adds, selects, moves and removes points; clicks that wait for their answer.
#include <glib/gi18n.h>
#include <math.h>

#include "ui/canvas_private.h"

#define REACH 11.0 // how near a press is on a point, points
#define SLACK 3.0  // how far the pointer goes before a point moves, points

// ---- Prompts -----------------------------------------------------------------------------------

const MskPrompt *msk_canvas_get_prompt(MskCanvas *canvas, MskMasklet *masklet)
{
    gboolean selected = canvas->session && masklet == msk_session_get_selected(canvas->session);
    if (selected && canvas->live)
        return canvas->live;
    if (!masklet)
        return NULL;
    MskFrameState state = {0};
    msk_masklet_get_frame(masklet, msk_canvas_get_shown_frame(canvas), &state);
    return state.prompt;
}

// A copy to be changed; points and boxes take a mask prompt's place. The caller owns it.
static MskPrompt *copy_prompt(MskMasklet *masklet, int64_t frame)
{
    MskFrameState state = {0};
    if (masklet)
        msk_masklet_get_frame(masklet, frame, &state);
    if (!state.prompt || state.prompt->mask.pixels || state.prompt->mask_path)
        return msk_prompt_new(frame);
    MskPrompt *prompt = msk_prompt_copy(state.prompt);
    prompt->frame = frame;
    return prompt;
}

static gboolean turn_cb(GtkWidget *widget, GdkFrameClock *clock, gpointer user)
{
    gtk_widget_queue_draw(widget);
    return G_SOURCE_CONTINUE;
}

void msk_canvas_send_prompt(MskCanvas *canvas, MskPrompt *prompt, const char *name, double frame_x,
                            double frame_y)
{
    MskTracker *tracker = msk_session_get_tracker(canvas->session);
    MskDocument *document = msk_session_get_document(canvas->session);
    if (!tracker || !document)
        return;
    msk_document_begin(document, name);
    if (!canvas->target)
        g_set_object(&canvas->target, msk_session_ensure_selected(canvas->session));
    MskPendingClick click = {msk_masklet_get_id(canvas->target), prompt->frame, frame_x, frame_y};
    gboolean is_asked = msk_tracker_prompt(tracker, canvas->target, prompt, name);
    msk_document_end(document);
    if (!is_asked || msk_prompt_is_empty(prompt))
        return;
    if (!msk_session_get_model_info(canvas->session)) // answered when there is a model
        return;
    g_array_append_val(canvas->pending, click);
    if (canvas->pending_tick == 0)
        canvas->pending_tick =
            gtk_widget_add_tick_callback(GTK_WIDGET(canvas), turn_cb, NULL, NULL);
}

void msk_canvas_forget_pending(MskCanvas *canvas, MskMasklet *masklet, int64_t frame)
{
    for (guint i = canvas->pending->len; i-- > 0;) {
        const MskPendingClick *click = &g_array_index(canvas->pending, MskPendingClick, i);
        if (!masklet || (click->object == msk_masklet_get_id(masklet) && click->frame == frame))
            g_array_remove_index(canvas->pending, i);
    }
    if (canvas->pending->len == 0 && canvas->pending_tick != 0) {
        gtk_widget_remove_tick_callback(GTK_WIDGET(canvas), canvas->pending_tick);
        canvas->pending_tick = 0;
        gtk_widget_queue_draw(GTK_WIDGET(canvas));
    }
}

// ---- Points ------------------------------------------------------------------------------------

int msk_canvas_find_point(MskCanvas *canvas, double x, double y)
{
    MskMasklet *masklet = canvas->session ? msk_session_get_selected(canvas->session) : NULL;
    const MskPrompt *prompt = masklet ? msk_canvas_get_prompt(canvas, masklet) : NULL;
    double nearest = REACH;
    int found = -1;
    for (guint i = 0; prompt && i < prompt->labels->len; i++) {
        double distance =
            msk_canvas_get_distance(canvas, g_array_index(prompt->points, float, 2 * i),
                                    g_array_index(prompt->points, float, 2 * i + 1), x, y);
        if (distance <= nearest) {
            nearest = distance;
            found = (int)i;
        }
    }
    return found;
}

// Places are kept on the frame: points off it mean nothing.
static void set_point(MskCanvas *canvas, MskPrompt *prompt, int i, double frame_x, double frame_y)
{
    // The largest float below the frame's size.
    float right = nextafterf((float)canvas->layout.width, 0);
    float bottom = nextafterf((float)canvas->layout.height, 0);
    g_array_index(prompt->points, float, 2 * i) = CLAMP((float)frame_x, 0, right);
    g_array_index(prompt->points, float, 2 * i + 1) = CLAMP((float)frame_y, 0, bottom);
}

static gboolean append_point(MskCanvas *canvas, MskPrompt *prompt, double frame_x, double frame_y,
                             gboolean positive)
{
    if (prompt->labels->len >= MSK_PROMPT_POINTS_MAX) {
        msk_session_toast(canvas->session, _("There is no room for more points on this frame."));
        return FALSE;
    }
    msk_prompt_add_point(prompt, 0, 0, positive);
    set_point(canvas, prompt, (int)prompt->labels->len - 1, frame_x, frame_y);
    return TRUE;
}

void msk_canvas_add_point(MskCanvas *canvas, double frame_x, double frame_y, gboolean positive)
{
    g_autoptr(MskPrompt) prompt = copy_prompt(canvas->target, canvas->target_frame);
    if (append_point(canvas, prompt, frame_x, frame_y, positive))
        msk_canvas_send_prompt(canvas, prompt, positive ? _("Add Point") : _("Add Negative Point"),
                               frame_x, frame_y);
}

gboolean msk_canvas_point_begin(MskCanvas *canvas, double x, double y)
{
    msk_canvas_widget_to_frame(canvas, x, y, &canvas->press_x, &canvas->press_y);
    int point = canvas->subtract ? -1 : msk_canvas_find_point(canvas, x, y);
    if (point < 0 && !msk_canvas_contains(canvas, canvas->press_x, canvas->press_y)) {
        canvas->point = -1;
        return FALSE;
    }
    if (!msk_canvas_take_target(canvas))
        return FALSE;
    canvas->live = copy_prompt(canvas->target, canvas->target_frame);
    canvas->point = canvas->live_point = point;
    if (point >= 0)
        return TRUE;
    canvas->live_point = (int)canvas->live->labels->len;
    if (append_point(canvas, canvas->live, canvas->press_x, canvas->press_y, !canvas->subtract))
        return TRUE;
    g_clear_pointer(&canvas->live, msk_prompt_free);
    return FALSE;
}

void msk_canvas_point_update(MskCanvas *canvas, double x, double y)
{
    if (hypot(x - canvas->drag_x, y - canvas->drag_y) < SLACK)
        return;
    canvas->drag_x = canvas->drag_y = -INFINITY; // from now on it moves
    double frame_x, frame_y;
    msk_canvas_widget_to_frame(canvas, x, y, &frame_x, &frame_y);
    set_point(canvas, canvas->live, canvas->live_point, frame_x, frame_y);
}

void msk_canvas_point_end(MskCanvas *canvas, double x, double y)
{
    msk_canvas_point_update(canvas, x, y);
    g_autoptr(MskPrompt) prompt = g_steal_pointer(&canvas->live);
    gboolean moved = canvas->drag_x == -INFINITY;
    if (!prompt || (canvas->point >= 0 && !moved)) // a click on a point selects it
        return;
    gboolean positive = g_array_index(prompt->labels, int, (guint)canvas->live_point) == 1;
    const char *name = canvas->point >= 0 ? _("Move Point")
                       : positive         ? _("Add Point")
                                          : _("Add Negative Point");
    int selected = canvas->point;
    float at_x = g_array_index(prompt->points, float, 2 * canvas->live_point);
    float at_y = g_array_index(prompt->points, float, 2 * canvas->live_point + 1);
    msk_canvas_send_prompt(canvas, prompt, name, at_x, at_y);
    canvas->point = selected;
}

gboolean msk_canvas_delete_point(MskCanvas *canvas)
{
    MskMasklet *masklet = canvas->session ? msk_session_get_selected(canvas->session) : NULL;
    const MskPrompt *shown = masklet ? msk_canvas_get_prompt(canvas, masklet) : NULL;
    if (canvas->point < 0 || !shown || canvas->point >= (int)shown->labels->len)
        return FALSE;
    if (!msk_canvas_take_target(canvas))
        return TRUE;
    g_autoptr(MskPrompt) prompt = copy_prompt(masklet, canvas->target_frame);
    guint i = (guint)canvas->point;
    float x = g_array_index(prompt->points, float, 2 * i);
    float y = g_array_index(prompt->points, float, 2 * i + 1);
    g_array_remove_range(prompt->points, 2 * i, 2);
    g_array_remove_index(prompt->labels, i);
    canvas->point = -1;
    msk_canvas_send_prompt(canvas, prompt, _("Remove Point"), x, y);
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
    return TRUE;
}
