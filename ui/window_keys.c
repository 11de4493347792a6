// SPDX-License-Identifier: Apache-2.0
// MskWindow: keys without modifiers, and undo, which belong to what is typed into first.
//
// Accelerators of an application come before the widget that has the focus: single letters among
// them would never reach an entry. So these keys are looked at here, and only where nobody types.
#include "ui/window_private.h"

#include <string.h>

typedef enum KeyKind {
    KEY_ANYWHERE, // but where text is typed
    KEY_MOVE,     // moves in lists and sliders too, if they have the focus
} KeyKind;

static const struct {
    guint key;
    GdkModifierType modifiers;
    const char *action; // detailed
    KeyKind kind;
} keys[] = {
    {GDK_KEY_z, GDK_CONTROL_MASK, "win.undo", KEY_ANYWHERE},
    {GDK_KEY_z, GDK_CONTROL_MASK | GDK_SHIFT_MASK, "win.redo", KEY_ANYWHERE},
    {GDK_KEY_y, GDK_CONTROL_MASK, "win.redo", KEY_ANYWHERE},
    {GDK_KEY_space, 0, "win.play", KEY_MOVE},
    {GDK_KEY_j, 0, "win.shuttle(-1)", KEY_ANYWHERE},
    {GDK_KEY_k, 0, "win.shuttle(0)", KEY_ANYWHERE},
    {GDK_KEY_l, 0, "win.shuttle(1)", KEY_ANYWHERE},
    {GDK_KEY_Left, 0, "win.step(int64 -1)", KEY_MOVE},
    {GDK_KEY_Right, 0, "win.step(int64 1)", KEY_MOVE},
    {GDK_KEY_comma, 0, "win.step(int64 -1)", KEY_ANYWHERE},
    {GDK_KEY_period, 0, "win.step(int64 1)", KEY_ANYWHERE},
    {GDK_KEY_Left, GDK_SHIFT_MASK, "win.step(int64 -10)", KEY_MOVE},
    {GDK_KEY_Right, GDK_SHIFT_MASK, "win.step(int64 10)", KEY_MOVE},
    {GDK_KEY_Home, 0, "win.go-first", KEY_MOVE},
    {GDK_KEY_End, 0, "win.go-last", KEY_MOVE},
    {GDK_KEY_Page_Up, 0, "win.keyframe(-1)", KEY_MOVE},
    {GDK_KEY_Page_Down, 0, "win.keyframe(1)", KEY_MOVE},
    {GDK_KEY_n, 0, "win.doubt(1)", KEY_ANYWHERE},
    {GDK_KEY_n, GDK_SHIFT_MASK, "win.doubt(-1)", KEY_ANYWHERE},
    {GDK_KEY_i, 0, "win.set-in", KEY_ANYWHERE},
    {GDK_KEY_o, 0, "win.set-out", KEY_ANYWHERE},
    {GDK_KEY_p, 0, "win.tool::point", KEY_ANYWHERE},
    {GDK_KEY_b, 0, "win.tool::box", KEY_ANYWHERE},
    {GDK_KEY_r, 0, "win.tool::brush", KEY_ANYWHERE},
    {GDK_KEY_e, 0, "win.tool::eraser", KEY_ANYWHERE},
    {GDK_KEY_s, 0, "win.tool::lasso", KEY_ANYWHERE},
    {GDK_KEY_h, 0, "win.tool::hand", KEY_ANYWHERE},
    {GDK_KEY_bracketleft, 0, "win.brush(-1)", KEY_ANYWHERE},
    {GDK_KEY_bracketright, 0, "win.brush(1)", KEY_ANYWHERE},
    {GDK_KEY_Delete, 0, "win.delete", KEY_ANYWHERE},
    {GDK_KEY_Escape, 0, "win.escape", KEY_ANYWHERE},
};

// Text fields, menus and dialogs have their keys for themselves.
static gboolean is_typing(GtkWidget *focus)
{
    return GTK_IS_TEXT(focus) || GTK_IS_EDITABLE(focus) || GTK_IS_TEXT_VIEW(focus) ||
           gtk_widget_get_ancestor(focus, GTK_TYPE_POPOVER) != NULL;
}

// Whether this widget does something with arrows, Home, Space ... that the user, who came to it
// with the keyboard, expects.
static gboolean uses_movement(MskWindow *self, GtkWidget *focus)
{
    if (!gtk_window_get_focus_visible(GTK_WINDOW(self)))
        return GTK_IS_RANGE(focus);
    return !(gtk_widget_is_ancestor(focus, GTK_WIDGET(self->canvas_bin)) ||
             gtk_widget_is_ancestor(focus, GTK_WIDGET(self->timeline_bin)));
}

static gboolean is_at_canvas(MskWindow *self, GtkWidget *focus)
{
    GtkWidget *canvas = GTK_WIDGET(self->canvas);
    return (gtk_widget_get_state_flags(canvas) & GTK_STATE_FLAG_PRELIGHT) ||
           (focus && (focus == canvas || gtk_widget_is_ancestor(focus, canvas)));
}

static gboolean activate(MskWindow *self, const char *detailed)
{
    g_autofree char *name = NULL;
    g_autoptr(GVariant) target = NULL;
    if (!g_action_parse_detailed_name(detailed, &name, &target, NULL))
        return FALSE;
    const char *short_name = name + strlen("win.");
    if (!g_action_group_get_action_enabled(G_ACTION_GROUP(self), short_name))
        return FALSE;
    g_action_group_activate_action(G_ACTION_GROUP(self), short_name, target);
    return TRUE;
}

// The key as on a keyboard of Latin letters, so that J K L are where they are on a Greek one, and
// without Shift's and the keypad's own symbols.
static guint plain_key(GtkEventControllerKey *controller, guint key)
{
    switch (key) {
    case GDK_KEY_KP_Left:
        return GDK_KEY_Left;
    case GDK_KEY_KP_Right:
        return GDK_KEY_Right;
    case GDK_KEY_KP_Home:
        return GDK_KEY_Home;
    case GDK_KEY_KP_End:
        return GDK_KEY_End;
    case GDK_KEY_KP_Page_Up:
        return GDK_KEY_Page_Up;
    case GDK_KEY_KP_Page_Down:
        return GDK_KEY_Page_Down;
    case GDK_KEY_KP_Delete:
        return GDK_KEY_Delete;
    default:
        return gdk_keyval_to_lower(key);
    }
}

static gboolean pressed_cb(GtkEventControllerKey *controller, guint key, guint code,
                           GdkModifierType state, MskWindow *self)
{
    const GdkModifierType modifiers =
        state & (GDK_CONTROL_MASK | GDK_SHIFT_MASK | GDK_ALT_MASK | GDK_SUPER_MASK);
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(self));
    if (focus && is_typing(focus))
        return FALSE;
    key = plain_key(controller, key);
    if (key == GDK_KEY_m && modifiers == 0) {
        msk_session_set_masks_muted(self->session, TRUE);
        return TRUE;
    }
    if (key >= GDK_KEY_1 && key <= GDK_KEY_9 && modifiers == 0) {
        g_action_group_activate_action(G_ACTION_GROUP(self), "select-object",
                                       g_variant_new_int32((int)(key - GDK_KEY_0)));
        return TRUE;
    }
    // Over the canvas Space is also what pans; the canvas tells a tap from that.
    if (key == GDK_KEY_space && is_at_canvas(self, focus))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
        if (keys[i].key == key && keys[i].modifiers == modifiers) {
            if (keys[i].kind == KEY_MOVE && focus && uses_movement(self, focus))
                return FALSE;
            return activate(self, keys[i].action);
        }
    return FALSE;
}

// What was typed is done: keys are for the canvas again.
static gboolean typed_cb(GtkEventControllerKey *controller, guint key, guint code,
                         GdkModifierType state, MskWindow *self)
{
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(self));
    if ((key != GDK_KEY_Escape && key != GDK_KEY_Return && key != GDK_KEY_KP_Enter) || !focus ||
        !is_typing(focus) || gtk_widget_get_ancestor(focus, GTK_TYPE_POPOVER) ||
        GTK_IS_TEXT_VIEW(focus))
        return FALSE;
    msk_window_focus_canvas(self);
    return TRUE;
}

static void released_cb(GtkEventControllerKey *controller, guint key, guint code,
                        GdkModifierType state, MskWindow *self)
{
    if (plain_key(controller, key) == GDK_KEY_m)
        msk_session_set_masks_muted(self->session, FALSE);
}

// The release of a key goes elsewhere when the window loses the focus meanwhile.
static void active_changed_cb(MskWindow *self)
{
    if (!gtk_window_is_active(GTK_WINDOW(self)))
        msk_session_set_masks_muted(self->session, FALSE);
}

void msk_window_install_keys(MskWindow *self)
{
    GtkEventController *controller = gtk_event_controller_key_new();
    gtk_event_controller_set_propagation_phase(controller, GTK_PHASE_CAPTURE);
    g_signal_connect(controller, "key-pressed", G_CALLBACK(pressed_cb), self);
    g_signal_connect(controller, "key-released", G_CALLBACK(released_cb), self);
    gtk_widget_add_controller(GTK_WIDGET(self), controller);
    controller = gtk_event_controller_key_new();
    g_signal_connect(controller, "key-pressed", G_CALLBACK(typed_cb), self);
    gtk_widget_add_controller(GTK_WIDGET(self), controller);
    g_signal_connect(self, "notify::is-active", G_CALLBACK(active_changed_cb), NULL);
}
