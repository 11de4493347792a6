// SPDX-License-Identifier: Apache-2.0
// An object in the list.
#include "ui/masklet_row.h"

#include <glib/gi18n.h>

#include "ui/rgb.h"

struct _MskMaskletRow {
    GtkWidget parent;
    GtkLabel *number, *name, *label;
    GtkDrawingArea *swatch;
    GtkStack *stack;
    GtkEntry *entry;
    GtkToggleButton *visible, *locked;
    MskMasklet *masklet;
    guint position;
    int drop_edge; // -1 above, 1 below, 0 none
};

G_DEFINE_FINAL_TYPE(MskMaskletRow, msk_masklet_row, GTK_TYPE_WIDGET)

// ---- Showing -----------------------------------------------------------------------------------

static void draw_swatch_cb(GtkDrawingArea *area, cairo_t *cr, int width, int height, gpointer user)
{
    MskMaskletRow *row = user;
    if (!row->masklet)
        return;
    const MskObjectInfo *info = msk_masklet_get_info(row->masklet);
    GdkRGBA fill = msk_rgb_to_rgba(info->colour), line;
    gtk_style_context_get_color(gtk_widget_get_style_context(GTK_WIDGET(area)), &line);
    cairo_arc(cr, width / 2.0, height / 2.0, MIN(width, height) / 2.0 - 1, 0, 2 * G_PI);
    if (info->visible) {
        gdk_cairo_set_source_rgba(cr, &fill);
        cairo_fill_preserve(cr);
        line.alpha *= 0.4f; // told from any background
        gdk_cairo_set_source_rgba(cr, &line);
        cairo_set_line_width(cr, 1);
    } else {
        gdk_cairo_set_source_rgba(cr, &fill);
        cairo_set_line_width(cr, 2);
    }
    cairo_stroke(cr);
}

static void set_css_class(gpointer widget, const char *class, gboolean is_set)
{
    if (is_set)
        gtk_widget_add_css_class(widget, class);
    else
        gtk_widget_remove_css_class(widget, class);
}

static void show_toggle(GtkToggleButton *button, gboolean active, gboolean is_usual,
                        const char *icon, const char *tooltip)
{
    gtk_toggle_button_set_active(button, active);
    set_css_class(button, "usual", is_usual);
    gtk_button_set_icon_name(GTK_BUTTON(button), icon);
    gtk_widget_set_tooltip_text(GTK_WIDGET(button), tooltip);
}

static void show_state(MskMaskletRow *row)
{
    const MskObjectInfo *info = msk_masklet_get_info(row->masklet);
    gtk_label_set_text(row->name, info->name);
    gtk_label_set_text(row->label, info->label);
    gtk_widget_set_visible(GTK_WIDGET(row->label), info->label[0] != 0);
    show_toggle(row->visible, info->visible, info->visible,
                info->visible ? "view-reveal-symbolic" : "view-conceal-symbolic",
                info->visible ? _("Shown and exported. Hide") : _("Hidden and not exported. Show"));
    show_toggle(row->locked, info->locked, !info->locked,
                info->locked ? "changes-prevent-symbolic" : "changes-allow-symbolic",
                info->locked ? _("Locked: nothing edits it. Unlock") : _("Lock against edits"));
    gtk_accessible_update_property(GTK_ACCESSIBLE(row->visible), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Visible"), -1);
    gtk_accessible_update_property(GTK_ACCESSIBLE(row->locked), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Locked"), -1);
    set_css_class(row, "locked", info->locked);
    gtk_widget_queue_draw(GTK_WIDGET(row->swatch));

    g_autofree char *text =
        info->label[0] ? g_strdup_printf("%s, %s", info->name, info->label) : g_strdup(info->name);
    GtkWidget *item = gtk_widget_get_parent(GTK_WIDGET(row));
    gtk_accessible_update_property(GTK_ACCESSIBLE(item ? item : GTK_WIDGET(row)),
                                   GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
}

// The whole name where it is cut short.
static gboolean query_tooltip_cb(GtkLabel *label, int x, int y, gboolean keyboard,
                                 GtkTooltip *tooltip)
{
    gtk_tooltip_set_text(tooltip, gtk_label_get_text(label));
    return pango_layout_is_ellipsized(gtk_label_get_layout(label));
}

static void end_editing(MskMaskletRow *row)
{
    if (!msk_masklet_row_is_editing(row))
        return;
    GtkWidget *item = gtk_widget_get_parent(GTK_WIDGET(row));
    GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(row));
    GtkWidget *focus = root ? gtk_root_get_focus(root) : NULL;
    gboolean had_focus = focus && gtk_widget_is_ancestor(focus, GTK_WIDGET(row->entry));
    gtk_stack_set_visible_child_name(row->stack, "show");
    if (had_focus && item)
        gtk_widget_grab_focus(item);
}

void msk_masklet_row_set_masklet(MskMaskletRow *row, MskMasklet *masklet)
{
    if (row->masklet)
        g_signal_handlers_disconnect_by_data(row->masklet, row);
    end_editing(row);
    g_set_object(&row->masklet, masklet);
    if (!masklet)
        return;
    g_signal_connect_object(masklet, "notify", G_CALLBACK(show_state), row, G_CONNECT_SWAPPED);
    show_state(row);
}

MskMasklet *msk_masklet_row_get_masklet(MskMaskletRow *row)
{
    return row->masklet;
}

void msk_masklet_row_set_position(MskMaskletRow *row, guint position)
{
    row->position = position;
    g_autofree char *text = g_strdup_printf("%u", position + 1);
    gtk_label_set_text(row->number, text);
}

guint msk_masklet_row_get_position(MskMaskletRow *row)
{
    return row->position;
}

// ---- Name --------------------------------------------------------------------------------------

gboolean msk_masklet_row_is_editing(MskMaskletRow *row)
{
    return g_strcmp0(gtk_stack_get_visible_child_name(row->stack), "edit") == 0;
}

void msk_masklet_row_edit_name(MskMaskletRow *row)
{
    if (!row->masklet || msk_masklet_get_info(row->masklet)->locked)
        return;
    gtk_editable_set_text(GTK_EDITABLE(row->entry), msk_masklet_get_info(row->masklet)->name);
    gtk_stack_set_visible_child_name(row->stack, "edit");
    gtk_widget_grab_focus(GTK_WIDGET(row->entry)); // selects all
}

static void commit_cb(MskMaskletRow *row)
{
    if (!row->masklet || !msk_masklet_row_is_editing(row))
        return;
    g_autofree char *name = g_strstrip(g_strdup(gtk_editable_get_text(GTK_EDITABLE(row->entry))));
    gint64 id = msk_masklet_get_id(row->masklet);
    gboolean changed = name[0] && strcmp(name, msk_masklet_get_info(row->masklet)->name) != 0;
    end_editing(row);
    if (changed)
        gtk_widget_activate_action(GTK_WIDGET(row), "objects.set-name", "(xs)", id, name);
}

static gboolean key_pressed_cb(GtkEventControllerKey *keys, guint key, guint code,
                               GdkModifierType modifiers, MskMaskletRow *row)
{
    if (key != GDK_KEY_Escape || !msk_masklet_row_is_editing(row))
        return GDK_EVENT_PROPAGATE;
    end_editing(row);
    return GDK_EVENT_STOP;
}

static void focus_left_cb(GtkEventControllerFocus *focus, MskMaskletRow *row)
{
    commit_cb(row);
}

// ---- Toggles -----------------------------------------------------------------------------------

static void visible_clicked_cb(MskMaskletRow *row)
{
    gtk_widget_activate_action(GTK_WIDGET(row), "objects.set-visible", "(xb)",
                               msk_masklet_get_id(row->masklet),
                               gtk_toggle_button_get_active(row->visible));
    show_state(row); // the document may have refused
}

static void locked_clicked_cb(MskMaskletRow *row)
{
    gtk_widget_activate_action(GTK_WIDGET(row), "objects.set-locked", "(xb)",
                               msk_masklet_get_id(row->masklet),
                               gtk_toggle_button_get_active(row->locked));
    show_state(row);
}

static void context_cb(GtkGestureClick *click, int n, double x, double y, MskMaskletRow *row)
{
    GtkWidget *list = gtk_widget_get_ancestor(GTK_WIDGET(row), GTK_TYPE_LIST_VIEW);
    double list_x, list_y;
    if (!row->masklet || !list ||
        !gtk_widget_translate_coordinates(GTK_WIDGET(row), list, x, y, &list_x, &list_y))
        return;
    gtk_gesture_set_state(GTK_GESTURE(click), GTK_EVENT_SEQUENCE_CLAIMED);
    gtk_widget_activate_action(GTK_WIDGET(row), "objects.menu", "(udd)", row->position, list_x,
                               list_y);
}

// ---- Reordering --------------------------------------------------------------------------------

static GdkContentProvider *prepare_drag_cb(GtkDragSource *source, double x, double y,
                                           MskMaskletRow *row)
{
    if (!row->masklet || msk_masklet_row_is_editing(row))
        return NULL;
    return gdk_content_provider_new_typed(MSK_TYPE_MASKLET, row->masklet);
}

static void drag_begin_cb(GtkDragSource *source, GdkDrag *drag, MskMaskletRow *row)
{
    g_autoptr(GdkPaintable) picture = gtk_widget_paintable_new(GTK_WIDGET(row));
    gtk_drag_source_set_icon(source, picture, 12, 12);
}

static void show_drop_edge(MskMaskletRow *row, int edge)
{
    GtkWidget *widget = GTK_WIDGET(row);
    row->drop_edge = edge;
    gtk_widget_remove_css_class(widget, "drop-above");
    gtk_widget_remove_css_class(widget, "drop-below");
    if (edge)
        gtk_widget_add_css_class(widget, edge < 0 ? "drop-above" : "drop-below");
}

static GdkDragAction drop_motion_cb(GtkDropTarget *target, double x, double y, MskMaskletRow *row)
{
    show_drop_edge(row, y < gtk_widget_get_height(GTK_WIDGET(row)) / 2.0 ? -1 : 1);
    return GDK_ACTION_MOVE;
}

static void drop_leave_cb(GtkDropTarget *target, MskMaskletRow *row)
{
    show_drop_edge(row, 0);
}

static gboolean drop_cb(GtkDropTarget *target, const GValue *value, double x, double y,
                        MskMaskletRow *row)
{
    MskMasklet *masklet = g_value_get_object(value);
    guint gap = row->position + (y < gtk_widget_get_height(GTK_WIDGET(row)) / 2.0 ? 0 : 1);
    show_drop_edge(row, 0);
    return masklet && gtk_widget_activate_action(GTK_WIDGET(row), "objects.drop", "(xu)",
                                                 msk_masklet_get_id(masklet), gap);
}

// ---- Object ------------------------------------------------------------------------------------

static void dispose_cb(GObject *object)
{
    MskMaskletRow *row = MSK_MASKLET_ROW(object);
    if (row->masklet)
        g_signal_handlers_disconnect_by_data(row->masklet, row);
    g_clear_object(&row->masklet);
    GtkWidget *child;
    while ((child = gtk_widget_get_first_child(GTK_WIDGET(row))))
        gtk_widget_unparent(child);
    G_OBJECT_CLASS(msk_masklet_row_parent_class)->dispose(object);
}

static void msk_masklet_row_class_init(MskMaskletRowClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose_cb;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BOX_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, "/org/masklet/Masklet/masklet_row.ui");
    gtk_widget_class_bind_template_child(widget, MskMaskletRow, number);
    gtk_widget_class_bind_template_child(widget, MskMaskletRow, name);
    gtk_widget_class_bind_template_child(widget, MskMaskletRow, label);
    gtk_widget_class_bind_template_child(widget, MskMaskletRow, swatch);
    gtk_widget_class_bind_template_child(widget, MskMaskletRow, stack);
    gtk_widget_class_bind_template_child(widget, MskMaskletRow, entry);
    gtk_widget_class_bind_template_child(widget, MskMaskletRow, visible);
    gtk_widget_class_bind_template_child(widget, MskMaskletRow, locked);
    gtk_widget_class_bind_template_callback(widget, commit_cb);
    gtk_widget_class_bind_template_callback(widget, query_tooltip_cb);
    gtk_widget_class_bind_template_callback(widget, visible_clicked_cb);
    gtk_widget_class_bind_template_callback(widget, locked_clicked_cb);
}

static void msk_masklet_row_init(MskMaskletRow *row)
{
    GtkWidget *widget = GTK_WIDGET(row);
    gtk_widget_init_template(widget);
    gtk_box_layout_set_spacing(GTK_BOX_LAYOUT(gtk_widget_get_layout_manager(widget)), 6);
    gtk_drawing_area_set_draw_func(row->swatch, draw_swatch_cb, row, NULL);

    GtkEventController *keys = gtk_event_controller_key_new();
    gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
    g_signal_connect(keys, "key-pressed", G_CALLBACK(key_pressed_cb), row);
    gtk_widget_add_controller(GTK_WIDGET(row->entry), keys);
    GtkEventController *focus = gtk_event_controller_focus_new();
    g_signal_connect(focus, "leave", G_CALLBACK(focus_left_cb), row);
    gtk_widget_add_controller(GTK_WIDGET(row->entry), focus);

    GtkGesture *click = gtk_gesture_click_new();
    gtk_gesture_single_set_button(GTK_GESTURE_SINGLE(click), GDK_BUTTON_SECONDARY);
    g_signal_connect(click, "pressed", G_CALLBACK(context_cb), row);
    gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(click));

    GtkDragSource *source = gtk_drag_source_new();
    gtk_drag_source_set_actions(source, GDK_ACTION_MOVE);
    g_signal_connect(source, "prepare", G_CALLBACK(prepare_drag_cb), row);
    g_signal_connect(source, "drag-begin", G_CALLBACK(drag_begin_cb), row);
    gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(source));
    GtkDropTarget *target = gtk_drop_target_new(MSK_TYPE_MASKLET, GDK_ACTION_MOVE);
    g_signal_connect(target, "motion", G_CALLBACK(drop_motion_cb), row);
    g_signal_connect(target, "leave", G_CALLBACK(drop_leave_cb), row);
    g_signal_connect(target, "drop", G_CALLBACK(drop_cb), row);
    gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(target));
}

GtkWidget *msk_masklet_row_new(void)
{
    return g_object_new(MSK_TYPE_MASKLET_ROW, NULL);
}
