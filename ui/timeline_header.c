// SPDX-License-Identifier: Apache-2.0
// The column of lane headers: rows of real widgets, as many as are seen, bound anew on scrolling.
#include "ui/timeline_private.h"

#include <glib/gi18n.h>

struct _MskTimelineHeader {
    GtkWidget parent_instance;
    MskTimeline *timeline; // an ancestor
    MskMasklet *masklet;
    gulong notify_id;
    gboolean is_updating;
    GtkWidget *swatch, *name, *visible, *locked;
};

G_DEFINE_FINAL_TYPE(MskTimelineHeader, msk_timeline_header, GTK_TYPE_WIDGET)

static void swatch_cb(GtkDrawingArea *area, cairo_t *cr, int width, int height, gpointer user)
{
    MskTimelineHeader *self = user;
    if (!self->masklet)
        return;
    const GdkRGBA colour = msk_timeline_style_get_colour(
        &self->timeline->style, msk_masklet_get_info(self->masklet)->colour);

    gdk_cairo_set_source_rgba(cr, &colour);
    cairo_arc(cr, width / 2.0, height / 2.0, MIN(width, height) / 2.0, 0, 2 * G_PI);
    cairo_fill(cr);
}

static void set_toggle(GtkWidget *button, gboolean active, const char *icon, const char *label,
                       gboolean is_unusual)
{
    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(button), active);
    gtk_button_set_icon_name(GTK_BUTTON(button), icon);
    gtk_widget_set_tooltip_text(button, label);
    gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                   -1);
    if (is_unusual)
        gtk_widget_add_css_class(button, "attention");
    else
        gtk_widget_remove_css_class(button, "attention");
}

static void update(MskTimelineHeader *self)
{
    if (!self->masklet)
        return;
    const MskObjectInfo *info = msk_masklet_get_info(self->masklet);
    // Translators: %s is an object's name.
    g_autofree char *visible = g_strdup_printf(_("Visible: %s"), info->name);
    g_autofree char *locked = g_strdup_printf(_("Locked: %s"), info->name);

    self->is_updating = TRUE;
    gtk_label_set_text(GTK_LABEL(self->name), info->name);
    gtk_widget_set_tooltip_text(self->name, info->name);
    set_toggle(self->visible, info->visible,
               info->visible ? "view-reveal-symbolic" : "view-conceal-symbolic", visible,
               !info->visible);
    set_toggle(self->locked, info->locked,
               info->locked ? "changes-prevent-symbolic" : "changes-allow-symbolic", locked,
               info->locked);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self), GTK_ACCESSIBLE_PROPERTY_LABEL, info->name,
                                   -1);
    gtk_widget_queue_draw(self->swatch);
    self->is_updating = FALSE;
}

static void toggled_cb(MskTimelineHeader *self)
{
    if (self->is_updating || !self->masklet)
        return;
    MskDocument *document = self->timeline->document;
    MskObjectInfo info = *msk_masklet_get_info(self->masklet);
    const gboolean visible = gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(self->visible));
    const gboolean locked = gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(self->locked));
    const char *name = visible != info.visible ? (visible ? _("Show Object") : _("Hide Object"))
                                               : (locked ? _("Lock Object") : _("Unlock Object"));

    info.visible = visible;
    info.locked = locked;
    info.name = g_strdup(info.name); // the masklet's goes with the edit
    info.label = g_strdup(info.label);
    msk_document_begin(document, name);
    msk_document_set_info(document, self->masklet, &info);
    msk_document_end(document);
    g_free(info.name);
    g_free(info.label);
    update(self);
}

void msk_timeline_header_bind(MskTimelineHeader *self, MskTimeline *timeline, MskMasklet *masklet)
{
    if (self->masklet == masklet)
        return;
    if (self->masklet)
        g_signal_handler_disconnect(self->masklet, self->notify_id);
    g_set_object(&self->masklet, masklet);
    self->timeline = timeline;
    if (!masklet)
        return;
    self->notify_id = g_signal_connect_swapped(masklet, "notify", G_CALLBACK(update), self);
    update(self);
}

void msk_timeline_header_set_selected(MskTimelineHeader *self, gboolean selected)
{
    if (selected)
        gtk_widget_set_state_flags(GTK_WIDGET(self), GTK_STATE_FLAG_SELECTED, FALSE);
    else
        gtk_widget_unset_state_flags(GTK_WIDGET(self), GTK_STATE_FLAG_SELECTED);
    gtk_accessible_update_state(GTK_ACCESSIBLE(self), GTK_ACCESSIBLE_STATE_SELECTED, selected, -1);
}

static void pressed_cb(MskTimelineHeader *self, int n_press, double x, double y,
                       GtkGestureClick *gesture)
{
    MskTimeline *timeline = self->timeline;
    const guint button = gtk_gesture_single_get_current_button(GTK_GESTURE_SINGLE(gesture));

    if (!self->masklet || !timeline->session)
        return;
    msk_session_select(timeline->session, self->masklet);
    if (button == GDK_BUTTON_SECONDARY)
        msk_timeline_popup_menu(timeline, self->masklet, msk_session_get_frame(timeline->session),
                                GTK_WIDGET(self), x, y);
    else
        gtk_widget_grab_focus(timeline->tracks);
    gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
}

static void msk_timeline_header_init(MskTimelineHeader *self)
{
    GtkGesture *click = gtk_gesture_click_new();

    gtk_widget_init_template(GTK_WIDGET(self));
    gtk_drawing_area_set_draw_func(GTK_DRAWING_AREA(self->swatch), swatch_cb, self, NULL);
    g_signal_connect_swapped(self->visible, "toggled", G_CALLBACK(toggled_cb), self);
    g_signal_connect_swapped(self->locked, "toggled", G_CALLBACK(toggled_cb), self);
    gtk_gesture_single_set_button(GTK_GESTURE_SINGLE(click), 0);
    g_signal_connect_swapped(click, "pressed", G_CALLBACK(pressed_cb), self);
    gtk_widget_add_controller(GTK_WIDGET(self), GTK_EVENT_CONTROLLER(click));
}

static void msk_timeline_header_dispose(GObject *object)
{
    MskTimelineHeader *self = MSK_TIMELINE_HEADER(object);
    GtkWidget *child;

    msk_timeline_header_bind(self, NULL, NULL);
    while ((child = gtk_widget_get_first_child(GTK_WIDGET(self))))
        gtk_widget_unparent(child);
    G_OBJECT_CLASS(msk_timeline_header_parent_class)->dispose(object);
}

static void msk_timeline_header_class_init(MskTimelineHeaderClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = msk_timeline_header_dispose;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/masklet/Masklet/timeline_header.ui");
    gtk_widget_class_bind_template_child(widget_class, MskTimelineHeader, swatch);
    gtk_widget_class_bind_template_child(widget_class, MskTimelineHeader, name);
    gtk_widget_class_bind_template_child(widget_class, MskTimelineHeader, visible);
    gtk_widget_class_bind_template_child(widget_class, MskTimelineHeader, locked);
    gtk_widget_class_set_css_name(widget_class, "timelineheader");
    gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_LIST_ITEM);
}

GtkWidget *msk_timeline_header_new(void)
{
    return g_object_new(MSK_TYPE_TIMELINE_HEADER, NULL);
}
