// SPDX-License-Identifier: Apache-2.0
// From gestures to tools: which drag a press begins, wheel, pinch, pointer; the cursor.
#include <glib/gi18n.h>
#include <math.h>

#include "ui/canvas_private.h"

// ---- Where edits go ----------------------------------------------------------------------------

gboolean msk_canvas_check_editable(MskCanvas *canvas, MskMasklet *masklet, int64_t frame)
{
    if (!canvas->session || !msk_session_get_document(canvas->session) || frame < 0)
        return FALSE;
    if (!masklet)
        return TRUE;
    const MskObjectInfo *info = msk_masklet_get_info(masklet);
    if (info->locked) {
        msk_session_toast(canvas->session, _("“%s” is locked. Unlock it to edit it."), info->name);
        return FALSE;
    }
    if (msk_masklet_get_frame(masklet, frame, NULL) & MSK_FRAME_LOCKED) {
        msk_session_toast(canvas->session,
                          _("“%s” is locked on this frame. Unlock the span to edit it."),
                          info->name);
        return FALSE;
    }
    if (!info->visible) // goes on: only the answer is not seen
        msk_session_toast(canvas->session, _("“%s” is hidden. Show it to see its mask."),
                          info->name);
    return TRUE;
}

gboolean msk_canvas_take_target(MskCanvas *canvas)
{
    int64_t frame = msk_canvas_get_shown_frame(canvas);
    MskMasklet *masklet = canvas->session ? msk_session_get_selected(canvas->session) : NULL;
    if (!msk_canvas_check_editable(canvas, masklet, frame))
        return FALSE;
    g_set_object(&canvas->target, masklet);
    canvas->target_frame = frame;
    return TRUE;
}

double msk_canvas_get_distance(MskCanvas *canvas, double frame_x, double frame_y, double x,
                               double y)
{
    double u, v;
    msk_canvas_frame_to_widget(canvas, frame_x, frame_y, &u, &v);
    return hypot(u - x, v - y);
}

// ---- Cursor ------------------------------------------------------------------------------------

static const char *find_box_cursor(MskBoxPart part)
{
    switch ((int)part) {
    case MSK_BOX_LEFT | MSK_BOX_TOP:
    case MSK_BOX_RIGHT | MSK_BOX_BOTTOM:
        return "nwse-resize";
    case MSK_BOX_RIGHT | MSK_BOX_TOP:
    case MSK_BOX_LEFT | MSK_BOX_BOTTOM:
        return "nesw-resize";
    case MSK_BOX_LEFT:
    case MSK_BOX_RIGHT:
        return "ew-resize";
    case MSK_BOX_TOP:
    case MSK_BOX_BOTTOM:
        return "ns-resize";
    case MSK_BOX_ALL:
        return "move";
    default:
        return "crosshair";
    }
}

static const char *find_cursor(MskCanvas *canvas)
{
    if (canvas->dragging == MSK_DRAG_PAN)
        return "grabbing";
    if (canvas->space_held)
        return "grab";
    if (!canvas->session || !canvas->rendered)
        return "default";
    switch (msk_session_get_tool(canvas->session)) {
    case MSK_TOOL_HAND:
        return "grab";
    case MSK_TOOL_POINT:
        return msk_canvas_find_point(canvas, canvas->pointer_x, canvas->pointer_y) >= 0
                   ? "move"
                   : "crosshair";
    case MSK_TOOL_BOX:
        return find_box_cursor(
            canvas->dragging == MSK_DRAG_BOX
                ? canvas->box_part
                : msk_canvas_find_box_part(canvas, canvas->pointer_x, canvas->pointer_y));
    case MSK_TOOL_BRUSH:
    case MSK_TOOL_ERASER: {
        // The brush's circle is the cursor, unless it is too small to be found.
        double size = msk_session_get_brush_size(canvas->session) * canvas->layout.zoom;
        return size / canvas->layout.scale < 8 ? "crosshair" : "none";
    }
    case MSK_TOOL_LASSO:
        return "crosshair";
    }
    return "default";
}

void msk_canvas_update_cursor(MskCanvas *canvas)
{
    const char *name = find_cursor(canvas);
    if (g_strcmp0(name, canvas->cursor_name) == 0)
        return;
    canvas->cursor_name = name;
    gtk_widget_set_cursor_from_name(GTK_WIDGET(canvas), name);
}

// ---- Dragging ----------------------------------------------------------------------------------

static MskDrag begin_tool(MskCanvas *canvas, double x, double y)
{
    switch (msk_session_get_tool(canvas->session)) {
    case MSK_TOOL_POINT:
        return msk_canvas_point_begin(canvas, x, y) ? MSK_DRAG_POINT : MSK_DRAG_NONE;
    case MSK_TOOL_BOX:
        return msk_canvas_box_begin(canvas, x, y) ? MSK_DRAG_BOX : MSK_DRAG_NONE;
    case MSK_TOOL_BRUSH:
    case MSK_TOOL_ERASER:
        return msk_canvas_paint_begin(canvas, x, y) ? MSK_DRAG_PAINT : MSK_DRAG_NONE;
    case MSK_TOOL_LASSO:
        return msk_canvas_lasso_begin(canvas, x, y) ? MSK_DRAG_LASSO : MSK_DRAG_NONE;
    case MSK_TOOL_HAND:
        return MSK_DRAG_PAN;
    }
    return MSK_DRAG_NONE;
}

static void pick_object(MskCanvas *canvas, double x, double y)
{
    double frame_x, frame_y;
    msk_canvas_widget_to_frame(canvas, x, y, &frame_x, &frame_y);
    MskMasklet *masklet = msk_canvas_pick(canvas, frame_x, frame_y);
    if (masklet)
        msk_session_select(canvas->session, masklet);
}

static void read_pressure(MskCanvas *canvas, GtkGesture *gesture)
{
    GdkEvent *event = gtk_event_controller_get_current_event(GTK_EVENT_CONTROLLER(gesture));
    if (!event || !gdk_event_get_device_tool(event) ||
        !gdk_event_get_axis(event, GDK_AXIS_PRESSURE, &canvas->pressure))
        canvas->pressure = 1;
}

static void drag_begin_cb(GtkGestureDrag *gesture, double x, double y, MskCanvas *canvas)
{
    gtk_widget_grab_focus(GTK_WIDGET(canvas));
    msk_canvas_cancel_drag(canvas);
    msk_canvas_hover_stop(canvas);
    if (!canvas->session || !canvas->rendered)
        return;
    guint button = gtk_gesture_single_get_current_button(GTK_GESTURE_SINGLE(gesture));
    GdkModifierType state =
        gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(gesture));
    canvas->crosshair = FALSE;
    canvas->drag_x = canvas->pointer_x = x;
    canvas->drag_y = canvas->pointer_y = y;
    read_pressure(canvas, GTK_GESTURE(gesture));
    canvas->subtract = button == GDK_BUTTON_SECONDARY || (state & GDK_ALT_MASK);
    if (button == GDK_BUTTON_MIDDLE || canvas->space_held) {
        canvas->dragging = MSK_DRAG_PAN;
        canvas->space_used = TRUE;
    } else if (button == GDK_BUTTON_PRIMARY && (state & GDK_CONTROL_MASK)) {
        pick_object(canvas, x, y);
    } else if (button == GDK_BUTTON_PRIMARY || button == GDK_BUTTON_SECONDARY) {
        canvas->dragging = begin_tool(canvas, x, y);
    }
    if (canvas->dragging != MSK_DRAG_NONE)
        gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
    msk_canvas_update_cursor(canvas);
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
}

static void drag_update_cb(GtkGestureDrag *gesture, double dx, double dy, MskCanvas *canvas)
{
    double x, y;
    gtk_gesture_drag_get_start_point(gesture, &x, &y);
    x += dx;
    y += dy;
    canvas->pointer_x = x;
    canvas->pointer_y = y;
    read_pressure(canvas, GTK_GESTURE(gesture));
    switch (canvas->dragging) {
    case MSK_DRAG_NONE:
        return;
    case MSK_DRAG_PAN:
        msk_canvas_pan(canvas, x - canvas->drag_x, y - canvas->drag_y);
        canvas->drag_x = x;
        canvas->drag_y = y;
        return;
    case MSK_DRAG_POINT:
        msk_canvas_point_update(canvas, x, y);
        break;
    case MSK_DRAG_BOX:
        msk_canvas_box_update(canvas, x, y);
        break;
    case MSK_DRAG_PAINT:
        msk_canvas_paint_update(canvas, x, y);
        break;
    case MSK_DRAG_LASSO:
        msk_canvas_lasso_update(canvas, x, y);
        break;
    }
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
}

static void drag_end_cb(GtkGestureDrag *gesture, double dx, double dy, MskCanvas *canvas)
{
    MskDrag dragging = canvas->dragging;
    canvas->dragging = MSK_DRAG_NONE;
    double x, y;
    if (!gtk_gesture_drag_get_start_point(gesture, &x, &y))
        return;
    switch (dragging) {
    case MSK_DRAG_NONE:
    case MSK_DRAG_PAN:
        break;
    case MSK_DRAG_POINT:
        msk_canvas_point_end(canvas, x + dx, y + dy);
        break;
    case MSK_DRAG_BOX:
        msk_canvas_box_end(canvas, x + dx, y + dy);
        break;
    case MSK_DRAG_PAINT:
        msk_canvas_paint_end(canvas);
        break;
    case MSK_DRAG_LASSO:
        msk_canvas_lasso_end(canvas);
        break;
    }
    msk_canvas_update_cursor(canvas);
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
}

gboolean msk_canvas_cancel_drag(MskCanvas *canvas)
{
    gboolean was = canvas->dragging != MSK_DRAG_NONE || canvas->lasso->len > 0 ||
                   canvas->has_corner || canvas->live;
    canvas->dragging = MSK_DRAG_NONE;
    canvas->has_corner = FALSE;
    g_clear_pointer(&canvas->live, msk_prompt_free);
    g_clear_pointer(&canvas->stroke, msk_stroke_free);
    g_array_set_size(canvas->lasso, 0);
    if (was) {
        msk_canvas_update_cursor(canvas);
        gtk_widget_queue_draw(GTK_WIDGET(canvas));
    }
    return was;
}

static void drag_cancel_cb(GtkGesture *gesture, GdkEventSequence *sequence, MskCanvas *canvas)
{
    msk_canvas_cancel_drag(canvas);
}

// ---- Pointer -----------------------------------------------------------------------------------

static void motion_cb(GtkEventControllerMotion *controller, double x, double y, MskCanvas *canvas)
{
    if (canvas->pointer_inside && x == canvas->pointer_x && y == canvas->pointer_y)
        return;
    canvas->pointer_inside = TRUE;
    canvas->pointer_x = x;
    canvas->pointer_y = y;
    if (canvas->dragging != MSK_DRAG_NONE)
        return;
    canvas->crosshair = FALSE;
    msk_canvas_hover_moved(canvas);
    msk_canvas_update_cursor(canvas);
    if (canvas->session && (msk_session_get_tool(canvas->session) == MSK_TOOL_BRUSH ||
                            msk_session_get_tool(canvas->session) == MSK_TOOL_ERASER))
        gtk_widget_queue_draw(GTK_WIDGET(canvas));
}

static void leave_cb(GtkEventControllerMotion *controller, MskCanvas *canvas)
{
    canvas->pointer_inside = FALSE;
    msk_canvas_hover_stop(canvas);
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
}

static gboolean is_touchpad(GtkEventControllerScroll *controller)
{
    if (gtk_event_controller_scroll_get_unit(controller) == GDK_SCROLL_UNIT_SURFACE)
        return TRUE;
    GdkDevice *device =
        gtk_event_controller_get_current_event_device(GTK_EVENT_CONTROLLER(controller));
    return device && gdk_device_get_source(device) == GDK_SOURCE_TOUCHPAD;
}

static gboolean scroll_cb(GtkEventControllerScroll *controller, double dx, double dy,
                          MskCanvas *canvas)
{
    GdkModifierType state =
        gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(controller));
    gboolean touchpad = is_touchpad(controller);
    if (state & GDK_SHIFT_MASK) {
        double by = fabs(dx) > fabs(dy) ? dx : dy;
        msk_canvas_pan(canvas, touchpad ? -by : -40 * by, 0);
    } else if (touchpad && !(state & GDK_CONTROL_MASK)) {
        // Of a touchpad of X11 the unit is a notch, as of a wheel.
        double step =
            gtk_event_controller_scroll_get_unit(controller) == GDK_SCROLL_UNIT_SURFACE ? 1 : 30;
        msk_canvas_pan(canvas, -step * dx, -step * dy);
    } else {
        double notches = touchpad ? dy / 12 : dy;
        msk_canvas_zoom_at(canvas, canvas->layout.zoom * exp2(-notches / 4), canvas->pointer_x,
                           canvas->pointer_y);
    }
    msk_canvas_hover_moved(canvas);
    return GDK_EVENT_STOP;
}

// ---- Pinch -------------------------------------------------------------------------------------

// Between the fingers; as it was if they are gone.
static void read_centre(GtkGesture *gesture, double *x, double *y)
{
    double u, v;
    if (!gtk_gesture_is_active(gesture) || !gtk_gesture_get_bounding_box_center(gesture, &u, &v))
        return;
    *x = u;
    *y = v;
}

static void pinch_begin_cb(GtkGesture *gesture, GdkEventSequence *sequence, MskCanvas *canvas)
{
    msk_canvas_cancel_drag(canvas);
    gtk_gesture_set_state(canvas->drag, GTK_EVENT_SEQUENCE_DENIED);
    gtk_gesture_set_state(gesture, GTK_EVENT_SEQUENCE_CLAIMED);
    canvas->pinch_zoom = canvas->layout.zoom;
    canvas->pinch_x = canvas->pointer_x;
    canvas->pinch_y = canvas->pointer_y;
    read_centre(gesture, &canvas->pinch_x, &canvas->pinch_y);
}

static void pinch_cb(GtkGestureZoom *gesture, double scale, MskCanvas *canvas)
{
    double x = canvas->pinch_x, y = canvas->pinch_y;
    read_centre(GTK_GESTURE(gesture), &x, &y);
    msk_canvas_pan(canvas, x - canvas->pinch_x, y - canvas->pinch_y);
    canvas->pinch_x = x;
    canvas->pinch_y = y;
    msk_canvas_zoom_at(canvas, canvas->pinch_zoom * scale, x, y);
    msk_canvas_hover_moved(canvas);
}

void msk_canvas_init_tools(MskCanvas *canvas)
{
    GtkWidget *widget = GTK_WIDGET(canvas);
    canvas->drag = gtk_gesture_drag_new();
    gtk_gesture_single_set_button(GTK_GESTURE_SINGLE(canvas->drag), 0);
    g_signal_connect(canvas->drag, "drag-begin", G_CALLBACK(drag_begin_cb), canvas);
    g_signal_connect(canvas->drag, "drag-update", G_CALLBACK(drag_update_cb), canvas);
    g_signal_connect(canvas->drag, "drag-end", G_CALLBACK(drag_end_cb), canvas);
    g_signal_connect(canvas->drag, "cancel", G_CALLBACK(drag_cancel_cb), canvas);
    gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(canvas->drag));

    canvas->pinch = gtk_gesture_zoom_new();
    g_signal_connect(canvas->pinch, "begin", G_CALLBACK(pinch_begin_cb), canvas);
    g_signal_connect(canvas->pinch, "scale-changed", G_CALLBACK(pinch_cb), canvas);
    gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(canvas->pinch));

    GtkEventController *motion = gtk_event_controller_motion_new();
    g_signal_connect(motion, "enter", G_CALLBACK(motion_cb), canvas);
    g_signal_connect(motion, "motion", G_CALLBACK(motion_cb), canvas);
    g_signal_connect(motion, "leave", G_CALLBACK(leave_cb), canvas);
    gtk_widget_add_controller(widget, motion);

    GtkEventController *scroll =
        gtk_event_controller_scroll_new(GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
    g_signal_connect(scroll, "scroll", G_CALLBACK(scroll_cb), canvas);
    gtk_widget_add_controller(widget, scroll);
}
