// SPDX-License-Identifier: Apache-2.0
// MskTimelinePart: a child of the timeline that draws itself with one function.
#include "ui/timeline_private.h"

struct _MskTimelinePart {
    GtkWidget parent_instance;
    MskTimeline *timeline; // the parent; outlives its part's drawing
    MskTimelineDrawFunc draw;
};

G_DEFINE_FINAL_TYPE(MskTimelinePart, msk_timeline_part, GTK_TYPE_WIDGET)

static void msk_timeline_part_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
    MskTimelinePart *self = MSK_TIMELINE_PART(widget);

    self->draw(self->timeline, snapshot, gtk_widget_get_width(widget),
               gtk_widget_get_height(widget));
}

static void msk_timeline_part_init(MskTimelinePart *self)
{
    gtk_widget_set_overflow(GTK_WIDGET(self), GTK_OVERFLOW_HIDDEN);
    gtk_widget_set_direction(GTK_WIDGET(self), GTK_TEXT_DIR_LTR);
}

static void msk_timeline_part_class_init(MskTimelinePartClass *class)
{
    GTK_WIDGET_CLASS(class)->snapshot = msk_timeline_part_snapshot;
}

GtkWidget *msk_timeline_part_new(MskTimeline *timeline, const char *css_name,
                                 GtkAccessibleRole role, MskTimelineDrawFunc draw)
{
    MskTimelinePart *self =
        g_object_new(MSK_TYPE_TIMELINE_PART, "css-name", css_name, "accessible-role", role, NULL);

    self->timeline = timeline;
    self->draw = draw;
    gtk_widget_set_parent(GTK_WIDGET(self), GTK_WIDGET(timeline));
    return GTK_WIDGET(self);
}
