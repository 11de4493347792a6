// SPDX-License-Identifier: Apache-2.0
// MskTimelineHeaders: the column that holds the rows of the lanes that are seen.
#include "ui/timeline_private.h"

#include <glib/gi18n.h>

struct _MskTimelineHeaders {
    GtkWidget parent_instance;
    MskTimeline *timeline; // the parent
    GPtrArray *rows;       // of MskTimelineHeader *; lane i has row i % rows->len
};

G_DEFINE_FINAL_TYPE(MskTimelineHeaders, msk_timeline_headers, GTK_TYPE_WIDGET)

// Enough rows for the height, and one that is half seen. Never fewer: they would come back.
// TRUE: there are new ones.
static gboolean ensure_rows(MskTimelineHeaders *self, int height)
{
    const guint wanted = (guint)(height / MSK_TIMELINE_LANE_HEIGHT + 2);

    if (self->rows->len >= wanted)
        return FALSE;
    while (self->rows->len < wanted) {
        GtkWidget *row = msk_timeline_header_new();
        gtk_widget_set_parent(row, GTK_WIDGET(self));
        g_ptr_array_add(self->rows, row);
    }
    return TRUE;
}

static void bind_rows(MskTimelineHeaders *self)
{
    MskTimeline *timeline = self->timeline;
    MskMasklet *selected = timeline->session ? msk_session_get_selected(timeline->session) : NULL;
    const guint n = self->rows->len;
    const guint first = (guint)(msk_timeline_get_scroll_y(timeline) / MSK_TIMELINE_LANE_HEIGHT);

    // A row stays with its lane while it is seen, and so does the keyboard focus.
    for (guint i = first; i < first + n; i++) {
        GtkWidget *row = self->rows->pdata[i % n];
        MskTimelineLane *lane = i < timeline->lanes->len ? timeline->lanes->pdata[i] : NULL;
        MskTimelineHeader *header = MSK_TIMELINE_HEADER(row);
        msk_timeline_header_bind(header, timeline, lane ? lane->masklet : NULL);
        gtk_widget_set_visible(row, lane != NULL);
        if (!lane)
            continue;
        msk_timeline_header_set_selected(header, lane->masklet == selected);
        gtk_accessible_update_relation(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_RELATION_POS_IN_SET,
                                       (int)i + 1, GTK_ACCESSIBLE_RELATION_SET_SIZE,
                                       (int)timeline->lanes->len, -1);
    }
}

void msk_timeline_headers_update(MskTimelineHeaders *self)
{
    if (self->rows->len > 0)
        bind_rows(self);
    gtk_widget_queue_allocate(GTK_WIDGET(self));
}

static void msk_timeline_headers_measure(GtkWidget *widget, GtkOrientation orientation,
                                         int for_size, int *minimum, int *natural,
                                         int *minimum_baseline, int *natural_baseline)
{
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child))
        gtk_widget_measure(child, orientation, -1, NULL, NULL, NULL, NULL);
    *minimum = *natural = MSK_TIMELINE_LANE_HEIGHT;
}

static void msk_timeline_headers_size_allocate(GtkWidget *widget, int width, int height,
                                               int baseline)
{
    MskTimelineHeaders *self = MSK_TIMELINE_HEADERS(widget);
    const int64_t scroll = msk_timeline_get_scroll_y(self->timeline);
    const guint first = (guint)(scroll / MSK_TIMELINE_LANE_HEIGHT);

    if (ensure_rows(self, height))
        bind_rows(self);
    for (guint i = first; i < first + self->rows->len; i++) {
        GtkWidget *row = self->rows->pdata[i % self->rows->len];
        if (!gtk_widget_get_visible(row))
            continue;
        gtk_widget_measure(row, GTK_ORIENTATION_HORIZONTAL, -1, NULL, NULL, NULL, NULL);
        gtk_widget_size_allocate(
            row,
            &(GtkAllocation){0, (int)((int64_t)i * MSK_TIMELINE_LANE_HEIGHT - scroll), width,
                             MSK_TIMELINE_LANE_HEIGHT},
            -1);
    }
}

static void msk_timeline_headers_dispose(GObject *object)
{
    MskTimelineHeaders *self = MSK_TIMELINE_HEADERS(object);

    for (guint i = 0; i < self->rows->len; i++)
        gtk_widget_unparent(self->rows->pdata[i]);
    g_ptr_array_set_size(self->rows, 0);
    G_OBJECT_CLASS(msk_timeline_headers_parent_class)->dispose(object);
}

static void msk_timeline_headers_finalize(GObject *object)
{
    g_ptr_array_unref(MSK_TIMELINE_HEADERS(object)->rows);
    G_OBJECT_CLASS(msk_timeline_headers_parent_class)->finalize(object);
}

static void msk_timeline_headers_init(MskTimelineHeaders *self)
{
    self->rows = g_ptr_array_new();
    gtk_widget_set_overflow(GTK_WIDGET(self), GTK_OVERFLOW_HIDDEN);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Lanes"),
                                   -1);
}

static void msk_timeline_headers_class_init(MskTimelineHeadersClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = msk_timeline_headers_dispose;
    G_OBJECT_CLASS(class)->finalize = msk_timeline_headers_finalize;
    widget_class->measure = msk_timeline_headers_measure;
    widget_class->size_allocate = msk_timeline_headers_size_allocate;
    gtk_widget_class_set_css_name(widget_class, "timelineheaders");
    gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_LIST);
}

GtkWidget *msk_timeline_headers_new(MskTimeline *timeline)
{
    MskTimelineHeaders *self = g_object_new(MSK_TYPE_TIMELINE_HEADERS, NULL);

    self->timeline = timeline;
    gtk_widget_set_parent(GTK_WIDGET(self), GTK_WIDGET(timeline));
    return GTK_WIDGET(self);
}
