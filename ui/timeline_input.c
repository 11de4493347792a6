// SPDX-License-Identifier: Apache-2.0
// Pointer, wheel, touchpad and keys of the timeline.
#include "ui/timeline_private.h"

#include <glib/gi18n.h>
#include <math.h>

#define DRAG_THRESHOLD 4 // pixels before a press on a keyframe is a drag
#define HANDLE_REACH 7   // pixels around an in or out handle
#define WHEEL_STEP 60    // pixels of a notch
#define WHEEL_ZOOM 1.2
#define AUTOSCROLL_MAX 40 // pixels a frame of the display, while dragging outside

// ---- Dragging ----------------------------------------------------------------------------------

static int64_t pick(MskTimeline *self, double x)
{
    return msk_timeline_view_pick(&self->view, x);
}

static void redraw_drag(MskTimeline *self)
{
    gtk_widget_queue_draw(self->tracks);
    gtk_widget_queue_draw(self->overlay);
}

static void follow_drag(MskTimeline *self)
{
    const int64_t frame = pick(self, CLAMP(self->drag_x, 0, self->view.width - 1));
    int64_t first, last;

    switch (self->drag) {
    case MSK_DRAG_SCRUB:
        msk_session_set_frame(self->session, frame);
        break;
    case MSK_DRAG_SPAN:
        msk_timeline_select(self, self->selection_anchor, frame);
        break;
    case MSK_DRAG_KEYFRAME:
        if (fabs(self->drag_x - self->drag_start_x) >= DRAG_THRESHOLD)
            self->is_moved = TRUE;
        self->drag_frame = frame;
        break;
    case MSK_DRAG_IN:
        msk_document_get_range(self->document, &first, &last);
        self->is_moved = TRUE;
        self->drag_frame = MIN(frame, last);
        break;
    case MSK_DRAG_OUT:
        msk_document_get_range(self->document, &first, &last);
        self->is_moved = TRUE;
        self->drag_frame = MAX(frame, first);
        break;
    case MSK_DRAG_NONE:
        break;
    }
    redraw_drag(self);
}

// While the pointer is held outside, the view runs after it.
static gboolean autoscroll_cb(GtkWidget *widget, GdkFrameClock *clock, gpointer user)
{
    MskTimeline *self = MSK_TIMELINE(widget);
    const double over = self->drag_x < 0 ? self->drag_x : self->drag_x - (self->view.width - 1);

    if (self->drag == MSK_DRAG_NONE || (self->drag_x >= 0 && self->drag_x < self->view.width)) {
        self->tick_id = 0;
        return G_SOURCE_REMOVE;
    }
    msk_timeline_scroll_to(self, self->view.scroll +
                                     (int64_t)CLAMP(over / 3, -AUTOSCROLL_MAX, AUTOSCROLL_MAX));
    follow_drag(self);
    return G_SOURCE_CONTINUE;
}

static void begin_drag(MskTimeline *self, MskTimelineDrag drag, double x, int64_t frame)
{
    self->drag = drag;
    self->is_moved = FALSE;
    self->is_copy = FALSE;
    self->drag_x = self->drag_start_x = x;
    self->drag_frame = frame;
}

static void drag_update_cb(GtkGestureDrag *gesture, double dx, double dy, MskTimeline *self)
{
    const GdkModifierType state =
        gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(gesture));

    if (self->drag == MSK_DRAG_NONE || !self->document)
        return;
    self->drag_x = self->drag_start_x + dx;
    self->is_copy = (state & GDK_CONTROL_MASK) != 0;
    follow_drag(self);
    if ((self->drag_x < 0 || self->drag_x >= self->view.width) && !self->tick_id)
        self->tick_id = gtk_widget_add_tick_callback(GTK_WIDGET(self), autoscroll_cb, NULL, NULL);
}

static void drag_end_cb(GtkGestureDrag *gesture, double dx, double dy, MskTimeline *self)
{
    const MskTimelineDrag drag = self->drag;
    const int64_t frame = self->drag_frame;
    int64_t first, last;

    self->drag = MSK_DRAG_NONE;
    if (self->document && self->is_moved && drag == MSK_DRAG_KEYFRAME) {
        MskMasklet *selected = msk_session_get_selected(self->session);
        if (selected && self->keyframe >= 0)
            msk_timeline_move_keyframe(self, selected, self->keyframe, frame, self->is_copy);
    } else if (self->document && self->is_moved && (drag == MSK_DRAG_IN || drag == MSK_DRAG_OUT)) {
        msk_document_get_range(self->document, &first, &last);
        msk_document_set_range(self->document, drag == MSK_DRAG_IN ? frame : first,
                               drag == MSK_DRAG_OUT ? frame : last);
    } else if (drag == MSK_DRAG_SPAN && self->selection_first == self->selection_last &&
               self->selection_first == self->selection_anchor) {
        msk_timeline_clear_selection(self); // a click where it began
    }
    redraw_drag(self);
}

static void drag_cancel_cb(GtkGesture *gesture, GdkEventSequence *sequence, MskTimeline *self)
{
    msk_timeline_cancel_drag(self);
}

gboolean msk_timeline_cancel_drag(MskTimeline *self)
{
    const MskTimelineDrag drag = self->drag;

    self->drag = MSK_DRAG_NONE;
    if (self->tick_id) {
        gtk_widget_remove_tick_callback(GTK_WIDGET(self), self->tick_id);
        self->tick_id = 0;
    }
    if (drag == MSK_DRAG_SPAN)
        msk_timeline_clear_selection(self);
    if (drag == MSK_DRAG_NONE)
        return FALSE;
    redraw_drag(self);
    return TRUE;
}

// With Shift: a span from where it began, or from the playhead, to here.
static void begin_span(MskTimeline *self, double x)
{
    const int64_t frame = pick(self, x);

    if (self->selection_anchor < 0)
        self->selection_anchor = msk_session_get_frame(self->session);
    begin_drag(self, MSK_DRAG_SPAN, x, frame);
    msk_timeline_select(self, self->selection_anchor, frame);
}

static void begin_scrub(MskTimeline *self, double x)
{
    msk_timeline_clear_selection(self);
    begin_drag(self, MSK_DRAG_SCRUB, x, pick(self, x));
    follow_drag(self);
}

static gboolean is_shifted(GtkGestureDrag *gesture)
{
    return (gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(gesture)) &
            GDK_SHIFT_MASK) != 0;
}

static void ruler_begin_cb(GtkGestureDrag *gesture, double x, double y, MskTimeline *self)
{
    int64_t first, last, ignored;

    if (!self->document)
        return;
    gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
    gtk_widget_grab_focus(self->tracks);
    msk_document_get_range(self->document, &first, &last);
    const int64_t in = first, out = last;
    msk_timeline_view_get_pixels(&self->view, last, &ignored, &last);
    msk_timeline_view_get_pixels(&self->view, first, &first, &ignored);
    const double to_in = fabs(x - (double)(first - self->view.scroll));
    const double to_out = fabs(x - (double)(last - self->view.scroll));
    if (y >= MSK_TIMELINE_RULER_HEIGHT - MSK_TIMELINE_STRIP_HEIGHT &&
        MIN(to_in, to_out) <= HANDLE_REACH)
        begin_drag(self, to_in <= to_out ? MSK_DRAG_IN : MSK_DRAG_OUT, x,
                   to_in <= to_out ? in : out);
    else if (is_shifted(gesture))
        begin_span(self, x);
    else
        begin_scrub(self, x);
}

static void film_begin_cb(GtkGestureDrag *gesture, double x, double y, MskTimeline *self)
{
    if (!self->document)
        return;
    gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
    gtk_widget_grab_focus(self->tracks);
    if (is_shifted(gesture))
        begin_span(self, x);
    else
        begin_scrub(self, x);
}

static void lanes_begin_cb(GtkGestureDrag *gesture, double x, double y, MskTimeline *self)
{
    MskTimelineLane *lane = self->document ? msk_timeline_pick_lane(self, y) : NULL;

    if (!self->document)
        return;
    gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
    gtk_widget_grab_focus(self->tracks);
    if (lane)
        msk_session_select(self->session, lane->masklet);
    if (is_shifted(gesture)) {
        begin_span(self, x);
        return;
    }
    self->keyframe = -1;
    if (lane) {
        const double top = (double)((int64_t)lane->index * MSK_TIMELINE_LANE_HEIGHT -
                                    msk_timeline_get_scroll_y(self));
        self->keyframe = msk_timeline_lane_pick_keyframe(lane, x, y - top);
    }
    if (self->keyframe < 0) {
        begin_scrub(self, x);
        return;
    }
    begin_drag(self, MSK_DRAG_KEYFRAME, x, self->keyframe);
    msk_session_set_frame(self->session, self->keyframe);
    redraw_drag(self);
}

static void add_drag(MskTimeline *self, GtkWidget *widget, GCallback begin)
{
    GtkGesture *drag = gtk_gesture_drag_new();

    g_signal_connect(drag, "drag-begin", begin, self);
    g_signal_connect(drag, "drag-update", G_CALLBACK(drag_update_cb), self);
    g_signal_connect(drag, "drag-end", G_CALLBACK(drag_end_cb), self);
    g_signal_connect(drag, "cancel", G_CALLBACK(drag_cancel_cb), self);
    gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(drag));
}

// ---- The context menu --------------------------------------------------------------------------

static void menu_cb(GtkGestureClick *gesture, int n_press, double x, double y, MskTimeline *self)
{
    MskTimelineLane *lane = self->document ? msk_timeline_pick_lane(self, y) : NULL;

    if (!lane)
        return;
    const double top =
        (double)((int64_t)lane->index * MSK_TIMELINE_LANE_HEIGHT - msk_timeline_get_scroll_y(self));
    const int64_t keyframe = msk_timeline_lane_pick_keyframe(lane, x, y - top);
    gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
    msk_session_select(self->session, lane->masklet);
    self->keyframe = keyframe;
    msk_timeline_popup_menu(self, lane->masklet, keyframe >= 0 ? keyframe : pick(self, x),
                            self->tracks, x, y);
}

// ---- Wheel and pinch ---------------------------------------------------------------------------

// Events of the wheel do not say where the pointer is.
static void motion_cb(GtkEventControllerMotion *controller, double x, double y, MskTimeline *self)
{
    gtk_widget_translate_coordinates(GTK_WIDGET(self), self->tracks, x, y, &self->pointer_x, &y);
}

static gboolean scroll_cb(GtkEventControllerScroll *controller, double dx, double dy,
                          MskTimeline *self)
{
    const GdkModifierType state =
        gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(controller));
    const gboolean is_notch =
        gtk_event_controller_scroll_get_unit(controller) == GDK_SCROLL_UNIT_WHEEL;
    const double step = is_notch ? WHEEL_STEP : 1;

    if (state & GDK_CONTROL_MASK) {
        const double power = is_notch ? dy : dy / WHEEL_STEP;
        msk_timeline_zoom_at(self, self->view.zoom * pow(WHEEL_ZOOM, -power),
                             CLAMP(self->pointer_x, 0, self->view.width));
        return GDK_EVENT_STOP;
    }
    // Where all lanes are seen the wheel has only time to scroll.
    const gboolean is_tall = gtk_adjustment_get_upper(self->vadjustment) >
                             gtk_adjustment_get_page_size(self->vadjustment);
    if (state & GDK_SHIFT_MASK || !is_tall) {
        dx += dy;
        dy = 0;
    }
    if (dx != 0)
        msk_timeline_scroll_to(self, self->view.scroll + llround(dx * step));
    if (dy != 0)
        gtk_adjustment_set_value(self->vadjustment,
                                 gtk_adjustment_get_value(self->vadjustment) + dy * step);
    return GDK_EVENT_STOP;
}

static void pinch_begin_cb(GtkGesture *gesture, GdkEventSequence *sequence, MskTimeline *self)
{
    self->pinch_zoom = self->view.zoom;
}

static void pinch_cb(GtkGestureZoom *gesture, double scale, MskTimeline *self)
{
    double x = self->view.width / 2.0, y;

    gtk_gesture_get_bounding_box_center(GTK_GESTURE(gesture), &x, &y);
    msk_timeline_zoom_at(self, self->pinch_zoom * scale, x);
}

static void add_pinch(MskTimeline *self, GtkWidget *widget)
{
    GtkGesture *pinch = gtk_gesture_zoom_new();

    g_signal_connect(pinch, "begin", G_CALLBACK(pinch_begin_cb), self);
    g_signal_connect(pinch, "scale-changed", G_CALLBACK(pinch_cb), self);
    gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(pinch));
}

// ---- Keys --------------------------------------------------------------------------------------

static gboolean select_lane(MskTimeline *self, int step)
{
    MskMasklet *selected = msk_session_get_selected(self->session);
    MskTimelineLane *lane = selected ? msk_timeline_find_lane(self, selected) : NULL;
    const int index = lane ? (int)lane->index + step : step > 0 ? 0 : (int)self->lanes->len - 1;

    if (self->lanes->len == 0)
        return FALSE;
    lane = self->lanes->pdata[CLAMP(index, 0, (int)self->lanes->len - 1)];
    msk_session_select(self->session, lane->masklet);
    return TRUE;
}

static gboolean popup_at_playhead(MskTimeline *self)
{
    MskMasklet *selected = msk_session_get_selected(self->session);
    MskTimelineLane *lane = selected ? msk_timeline_find_lane(self, selected) : NULL;
    const int64_t frame = msk_session_get_frame(self->session);

    if (!lane)
        return FALSE;
    const double x = (double)(msk_timeline_view_get_middle(&self->view, frame) - self->view.scroll);
    const double y = (double)((int64_t)(lane->index + 1) * MSK_TIMELINE_LANE_HEIGHT -
                              msk_timeline_get_scroll_y(self));
    msk_timeline_popup_menu(self, selected, frame, self->tracks, CLAMP(x, 0, self->view.width), y);
    return TRUE;
}

static gboolean key_cb(GtkEventControllerKey *controller, guint key, guint code,
                       GdkModifierType state, MskTimeline *self)
{
    const GdkModifierType modifiers = state & gtk_accelerator_get_default_mod_mask();

    if (!self->document)
        return GDK_EVENT_PROPAGATE;
    if (key == GDK_KEY_Menu || (key == GDK_KEY_F10 && modifiers == GDK_SHIFT_MASK))
        return popup_at_playhead(self);
    if (modifiers)
        return GDK_EVENT_PROPAGATE;
    switch (key) {
    case GDK_KEY_Up:
    case GDK_KEY_KP_Up:
        return select_lane(self, -1);
    case GDK_KEY_Down:
    case GDK_KEY_KP_Down:
        return select_lane(self, 1);
    case GDK_KEY_Delete:
    case GDK_KEY_KP_Delete:
    case GDK_KEY_BackSpace:
        return msk_timeline_delete_keyframe(self);
    case GDK_KEY_Escape:
        return msk_timeline_cancel_drag(self);
    default:
        return GDK_EVENT_PROPAGATE;
    }
}

// ---- Tooltips ----------------------------------------------------------------------------------

static gboolean tooltip_cb(MskTimeline *self, int x, int y, gboolean keyboard, GtkTooltip *tooltip)
{
    MskTimelineLane *lane;

    if (!self->document || self->drag != MSK_DRAG_NONE ||
        (self->menu && gtk_widget_get_visible(self->menu)))
        return FALSE;
    if (keyboard) {
        MskMasklet *selected = msk_session_get_selected(self->session);
        g_autofree char *text =
            selected ? msk_timeline_explain(self, selected, msk_session_get_frame(self->session))
                     : NULL;
        gtk_tooltip_set_text(tooltip, text);
        return text != NULL;
    }
    lane = msk_timeline_pick_lane(self, y);
    if (!lane)
        return FALSE;
    const int64_t frame = pick(self, x);
    int64_t first, last;
    g_autofree char *text = msk_timeline_explain(self, lane->masklet, frame);
    gtk_tooltip_set_text(tooltip, text);
    // Another frame or lane: another tooltip.
    msk_timeline_view_get_pixels(&self->view, frame, &first, &last);
    gtk_tooltip_set_tip_area(tooltip,
                             &(GdkRectangle){(int)(first - self->view.scroll),
                                             (int)((int64_t)lane->index * MSK_TIMELINE_LANE_HEIGHT -
                                                   msk_timeline_get_scroll_y(self)),
                                             (int)(last - first + 1), MSK_TIMELINE_LANE_HEIGHT});
    return TRUE;
}

void msk_timeline_add_gestures(MskTimeline *self)
{
    GtkEventController *scroll =
        gtk_event_controller_scroll_new(GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
    GtkEventController *motion = gtk_event_controller_motion_new();
    GtkEventController *key = gtk_event_controller_key_new();
    GtkGesture *menu = gtk_gesture_click_new();

    add_drag(self, self->ruler, G_CALLBACK(ruler_begin_cb));
    add_drag(self, self->film, G_CALLBACK(film_begin_cb));
    add_drag(self, self->tracks, G_CALLBACK(lanes_begin_cb));
    add_pinch(self, self->ruler);
    add_pinch(self, self->film);
    add_pinch(self, self->tracks);

    g_signal_connect(motion, "enter", G_CALLBACK(motion_cb), self);
    g_signal_connect(motion, "motion", G_CALLBACK(motion_cb), self);
    gtk_widget_add_controller(GTK_WIDGET(self), motion);
    g_signal_connect(scroll, "scroll", G_CALLBACK(scroll_cb), self);
    gtk_widget_add_controller(GTK_WIDGET(self), scroll);
    g_signal_connect(key, "key-pressed", G_CALLBACK(key_cb), self);
    gtk_widget_add_controller(GTK_WIDGET(self), key);
    gtk_gesture_single_set_button(GTK_GESTURE_SINGLE(menu), GDK_BUTTON_SECONDARY);
    g_signal_connect(menu, "pressed", G_CALLBACK(menu_cb), self);
    gtk_widget_add_controller(self->tracks, GTK_EVENT_CONTROLLER(menu));

    gtk_widget_set_has_tooltip(self->tracks, TRUE);
    g_signal_connect_swapped(self->tracks, "query-tooltip", G_CALLBACK(tooltip_cb), self);
}
