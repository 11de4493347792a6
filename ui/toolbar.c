// SPDX-License-Identifier: Apache-2.0
// MskToolbar: the tools beside the canvas, and the size of the brush.
#include "ui/toolbar.h"

#include <glib/gi18n.h>
#include <math.h>

struct _MskToolbar {
    GtkWidget parent;
    MskSession *session;
    GtkRevealer *brush_revealer;
    GtkAdjustment *brush_adjustment;
    GtkLabel *brush_label;
    gboolean is_updating;
};

G_DEFINE_FINAL_TYPE(MskToolbar, msk_toolbar, GTK_TYPE_WIDGET)

static void tool_changed_cb(MskToolbar *self)
{
    const MskTool tool = msk_session_get_tool(self->session);
    gtk_revealer_set_reveal_child(self->brush_revealer,
                                  tool == MSK_TOOL_BRUSH || tool == MSK_TOOL_ERASER);
}

// The scale is logarithmic: small brushes are set as finely as large ones.
static void brush_changed_cb(MskToolbar *self)
{
    const double size = msk_session_get_brush_size(self->session);
    g_autofree char *text = g_strdup_printf("%.0f", size);
    gtk_label_set_label(self->brush_label, text);
    self->is_updating = TRUE;
    gtk_adjustment_set_value(self->brush_adjustment,
                             log(size / MSK_BRUSH_MIN) / log(MSK_BRUSH_MAX / MSK_BRUSH_MIN));
    self->is_updating = FALSE;
}

static void scale_moved_cb(MskToolbar *self)
{
    const double value = gtk_adjustment_get_value(self->brush_adjustment);
    if (!self->is_updating && self->session)
        msk_session_set_brush_size(
            self->session, round(MSK_BRUSH_MIN * pow(MSK_BRUSH_MAX / MSK_BRUSH_MIN, value)));
}

void msk_toolbar_set_session(MskToolbar *self, MskSession *session)
{
    self->session = g_object_ref(session);
    g_signal_connect_object(session, "notify::tool", G_CALLBACK(tool_changed_cb), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "notify::brush-size", G_CALLBACK(brush_changed_cb), self,
                            G_CONNECT_SWAPPED);
    tool_changed_cb(self);
    brush_changed_cb(self);
}

static void dispose(GObject *object)
{
    MskToolbar *self = MSK_TOOLBAR(object);
    GtkWidget *child;
    while ((child = gtk_widget_get_first_child(GTK_WIDGET(self))))
        gtk_widget_unparent(child);
    g_clear_object(&self->session);
    G_OBJECT_CLASS(msk_toolbar_parent_class)->dispose(object);
}

static void msk_toolbar_class_init(MskToolbarClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    gtk_widget_class_set_template_from_resource(widget_class, "/org/masklet/Masklet/toolbar.ui");
    gtk_widget_class_bind_template_child(widget_class, MskToolbar, brush_revealer);
    gtk_widget_class_bind_template_child(widget_class, MskToolbar, brush_adjustment);
    gtk_widget_class_bind_template_child(widget_class, MskToolbar, brush_label);
}

static void msk_toolbar_init(MskToolbar *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    g_signal_connect_swapped(self->brush_adjustment, "value-changed", G_CALLBACK(scale_moved_cb),
                             self);
}
