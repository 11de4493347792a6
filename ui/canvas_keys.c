// SPDX-License-Identifier: Apache-2.0
// Keys of the canvas: Space as a hand for as long as it is held, and a crosshair moved by arrows.
#include <math.h>

#include "ui/canvas_private.h"

// ---- Space and Escape, wherever the focus is ---------------------------------------------------

static gboolean is_typing(GtkWidget *widget)
{
    GtkWidget *focus = gtk_root_get_focus(gtk_widget_get_root(widget));
    return focus && (GTK_IS_EDITABLE(focus) || GTK_IS_TEXT_VIEW(focus));
}

static gboolean window_pressed_cb(GtkEventControllerKey *controller, guint key, guint code,
                                  GdkModifierType state, MskCanvas *canvas)
{
    GtkWidget *widget = GTK_WIDGET(canvas);
    if (key == GDK_KEY_Escape)
        return msk_canvas_cancel_drag(canvas);
    if (key != GDK_KEY_space || (state & gtk_accelerator_get_default_mod_mask()))
        return FALSE;
    if (canvas->space_held) // repeated
        return TRUE;
    if (is_typing(widget) || !(canvas->pointer_inside || gtk_widget_is_focus(widget)))
        return FALSE;
    canvas->space_held = TRUE;
    canvas->space_used = canvas->dragging != MSK_DRAG_NONE;
    msk_canvas_hover_stop(canvas);
    msk_canvas_update_cursor(canvas);
    gtk_widget_queue_draw(widget);
    return TRUE;
}

static void window_released_cb(GtkEventControllerKey *controller, guint key, guint code,
                               GdkModifierType state, MskCanvas *canvas)
{
    if (key != GDK_KEY_space || !canvas->space_held)
        return;
    canvas->space_held = FALSE;
    msk_canvas_update_cursor(canvas);
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
    if (!canvas->space_used)
        gtk_widget_activate_action(GTK_WIDGET(canvas), "win.play", NULL);
}

// The controller added last is asked first: before the window's own shortcuts.
void msk_canvas_watch_window(MskCanvas *canvas)
{
    msk_canvas_unwatch_window(canvas);
    GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(canvas));
    if (!root)
        return;
    canvas->keys = gtk_event_controller_key_new();
    gtk_event_controller_set_propagation_phase(canvas->keys, GTK_PHASE_CAPTURE);
    g_signal_connect(canvas->keys, "key-pressed", G_CALLBACK(window_pressed_cb), canvas);
    g_signal_connect(canvas->keys, "key-released", G_CALLBACK(window_released_cb), canvas);
    gtk_widget_add_controller(GTK_WIDGET(root), canvas->keys);
}

void msk_canvas_unwatch_window(MskCanvas *canvas)
{
    if (!canvas->keys)
        return;
    gtk_widget_remove_controller(gtk_event_controller_get_widget(canvas->keys), canvas->keys);
    canvas->keys = NULL;
    canvas->space_held = FALSE;
}

// ---- The crosshair -----------------------------------------------------------------------------

#define STEP 10.0 // points

static void keep_in_view(MskCanvas *canvas)
{
    double x, y;
    msk_canvas_frame_to_widget(canvas, canvas->crosshair_x, canvas->crosshair_y, &x, &y);
    int width = gtk_widget_get_width(GTK_WIDGET(canvas));
    int height = gtk_widget_get_height(GTK_WIDGET(canvas));
    double dx = x < 0 ? -x : x > width ? width - x : 0;
    double dy = y < 0 ? -y : y > height ? height - y : 0;
    if (dx != 0 || dy != 0)
        msk_canvas_pan(canvas, dx + (dx > 0) * 4 * STEP - (dx < 0) * 4 * STEP,
                       dy + (dy > 0) * 4 * STEP - (dy < 0) * 4 * STEP);
}

static void move_crosshair(MskCanvas *canvas, int dx, int dy, gboolean fine)
{
    const MskLayout *layout = &canvas->layout;
    if (!canvas->crosshair) {
        canvas->crosshair = TRUE;
        canvas->crosshair_x = floor(layout->x) + 0.5;
        canvas->crosshair_y = floor(layout->y) + 0.5;
    } else {
        double zoom_x, zoom_y;
        msk_layout_get_zoom(layout, &zoom_x, &zoom_y);
        double step = STEP * layout->scale;
        canvas->crosshair_x += dx * (fine ? 1 : fmax(rint(step / zoom_x), 1));
        canvas->crosshair_y += dy * (fine ? 1 : fmax(rint(step / zoom_y), 1));
    }
    canvas->crosshair_x = CLAMP(canvas->crosshair_x, 0.5, layout->width - 0.5);
    canvas->crosshair_y = CLAMP(canvas->crosshair_y, 0.5, layout->height - 0.5);
    keep_in_view(canvas);
    msk_canvas_hover_stop(canvas);
    msk_canvas_describe(canvas);
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
}

static void press_box_corner(MskCanvas *canvas)
{
    if (!canvas->has_corner) {
        canvas->has_corner = TRUE;
        canvas->press_x = canvas->crosshair_x;
        canvas->press_y = canvas->crosshair_y;
        return;
    }
    canvas->has_corner = FALSE;
    if (msk_canvas_take_target(canvas))
        msk_canvas_set_box(canvas, canvas->press_x, canvas->press_y, canvas->crosshair_x,
                           canvas->crosshair_y);
}

static void press_lasso_corner(MskCanvas *canvas, double x, double y, gboolean close)
{
    if (canvas->lasso->len == 0) {
        msk_canvas_lasso_begin(canvas, x, y);
    } else {
        msk_canvas_lasso_update(canvas, x, y);
        if (close)
            msk_canvas_lasso_end(canvas);
    }
}

// Does at the crosshair what a click would.
static void press_crosshair(MskCanvas *canvas, GdkModifierType state)
{
    double x, y;
    msk_canvas_frame_to_widget(canvas, canvas->crosshair_x, canvas->crosshair_y, &x, &y);
    MskTool tool = msk_session_get_tool(canvas->session);
    gboolean alt = (state & GDK_ALT_MASK) != 0, shift = (state & GDK_SHIFT_MASK) != 0;
    canvas->subtract = tool == MSK_TOOL_LASSO ? shift : alt;
    switch (tool) {
    case MSK_TOOL_POINT:
        if (msk_canvas_take_target(canvas))
            msk_canvas_add_point(canvas, canvas->crosshair_x, canvas->crosshair_y, !alt);
        break;
    case MSK_TOOL_BOX:
        press_box_corner(canvas);
        break;
    case MSK_TOOL_BRUSH:
    case MSK_TOOL_ERASER:
        if (msk_canvas_paint_begin(canvas, x, y))
            msk_canvas_paint_end(canvas);
        break;
    case MSK_TOOL_LASSO:
        press_lasso_corner(canvas, x, y, alt || shift);
        break;
    case MSK_TOOL_HAND:
        break;
    }
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
}

static gboolean pressed_cb(GtkEventControllerKey *controller, guint key, guint code,
                           GdkModifierType state, MskCanvas *canvas)
{
    if (!canvas->session || !canvas->rendered || canvas->dragging != MSK_DRAG_NONE)
        return FALSE;
    gboolean alt = (state & GDK_ALT_MASK) && !(state & GDK_CONTROL_MASK);
    gboolean shift = (state & GDK_SHIFT_MASK) != 0;
    switch (key) {
    case GDK_KEY_Left:
    case GDK_KEY_KP_Left:
        return alt && (move_crosshair(canvas, -1, 0, shift), TRUE);
    case GDK_KEY_Right:
    case GDK_KEY_KP_Right:
        return alt && (move_crosshair(canvas, 1, 0, shift), TRUE);
    case GDK_KEY_Up:
    case GDK_KEY_KP_Up:
        return alt && (move_crosshair(canvas, 0, -1, shift), TRUE);
    case GDK_KEY_Down:
    case GDK_KEY_KP_Down:
        return alt && (move_crosshair(canvas, 0, 1, shift), TRUE);
    case GDK_KEY_Return:
    case GDK_KEY_KP_Enter:
    case GDK_KEY_ISO_Enter:
        if (!canvas->crosshair || (state & GDK_CONTROL_MASK))
            return FALSE;
        press_crosshair(canvas, state);
        return TRUE;
    default:
        return FALSE;
    }
}

void msk_canvas_init_keys(MskCanvas *canvas)
{
    GtkEventController *keys = gtk_event_controller_key_new();
    g_signal_connect(keys, "key-pressed", G_CALLBACK(pressed_cb), canvas);
    gtk_widget_add_controller(GTK_WIDGET(canvas), keys);
}
