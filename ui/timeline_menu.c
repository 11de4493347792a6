// SPDX-License-Identifier: Apache-2.0
// The timeline's actions and its context menu.
#include "ui/timeline_private.h"

#include <glib/gi18n.h>

// What an action is about: what the menu was opened on, else the selection.
static MskMasklet *get_target(MskTimeline *self, int64_t *frame)
{
    if (!self->session || !self->document)
        return NULL;
    *frame = msk_session_get_frame(self->session);
    if (self->menu_masklet && msk_document_find_index(self->document, self->menu_masklet) >= 0) {
        *frame = self->menu_frame;
        return self->menu_masklet;
    }
    return msk_session_get_selected(self->session);
}

static void track_cb(GtkWidget *widget, const char *name, GVariant *parameter)
{
    MskTimeline *self = MSK_TIMELINE(widget);
    int64_t frame;
    MskMasklet *masklet = get_target(self, &frame);

    if (masklet)
        msk_timeline_track_span(self, masklet, frame,
                                g_str_has_suffix(name, "-forward")    ? MSK_DIRECTION_FORWARD
                                : g_str_has_suffix(name, "-backward") ? MSK_DIRECTION_BACKWARD
                                                                      : MSK_DIRECTION_BOTH);
}

static void lock_cb(GtkWidget *widget, const char *name, GVariant *parameter)
{
    MskTimeline *self = MSK_TIMELINE(widget);
    int64_t frame;
    MskMasklet *masklet = get_target(self, &frame);

    if (masklet && g_str_has_suffix(name, "unlock-span"))
        msk_timeline_unlock_span(self, masklet, frame);
    else if (masklet)
        msk_timeline_lock_span(self, masklet, frame);
}

static void clear_keyframe_cb(GtkWidget *widget, const char *name, GVariant *parameter)
{
    MskTimeline *self = MSK_TIMELINE(widget);
    int64_t frame;
    MskMasklet *masklet = get_target(self, &frame);

    if (masklet)
        msk_document_clear_frame(self->document, masklet, frame);
}

static void clear_object_cb(GtkWidget *widget, const char *name, GVariant *parameter)
{
    MskTimeline *self = MSK_TIMELINE(widget);
    int64_t frame;
    MskMasklet *masklet = get_target(self, &frame);

    if (masklet)
        msk_document_clear_object(self->document, masklet);
}

static void next_doubt_cb(GtkWidget *widget, const char *name, GVariant *parameter)
{
    MskTimeline *self = MSK_TIMELINE(widget);
    int64_t frame;
    MskMasklet *masklet = get_target(self, &frame);

    if (masklet)
        msk_timeline_go_to_doubt(self, masklet);
}

static void zoom_cb(GtkWidget *widget, const char *name, GVariant *parameter)
{
    if (g_str_has_suffix(name, "-in"))
        msk_timeline_zoom_in(MSK_TIMELINE(widget));
    else if (g_str_has_suffix(name, "-out"))
        msk_timeline_zoom_out(MSK_TIMELINE(widget));
    else
        msk_timeline_zoom_fit(MSK_TIMELINE(widget));
}

void msk_timeline_class_add_actions(GtkWidgetClass *class)
{
    gtk_widget_class_install_action(class, "timeline.track-span", NULL, track_cb);
    gtk_widget_class_install_action(class, "timeline.track-forward", NULL, track_cb);
    gtk_widget_class_install_action(class, "timeline.track-backward", NULL, track_cb);
    gtk_widget_class_install_action(class, "timeline.lock-span", NULL, lock_cb);
    gtk_widget_class_install_action(class, "timeline.unlock-span", NULL, lock_cb);
    gtk_widget_class_install_action(class, "timeline.clear-keyframe", NULL, clear_keyframe_cb);
    gtk_widget_class_install_action(class, "timeline.clear-object", NULL, clear_object_cb);
    gtk_widget_class_install_action(class, "timeline.next-doubt", NULL, next_doubt_cb);
    gtk_widget_class_install_action(class, "timeline.zoom-in", NULL, zoom_cb);
    gtk_widget_class_install_action(class, "timeline.zoom-out", NULL, zoom_cb);
    gtk_widget_class_install_action(class, "timeline.zoom-fit", NULL, zoom_cb);
}

// ---- The menu ----------------------------------------------------------------------------------

static GMenuModel *new_model(void)
{
    static const struct {
        const char *label, *action; // NULL label: a new section
    } items[] = {
        {N_("_Track This Span"), "timeline.track-span"},
        {N_("Track Span _Forward"), "timeline.track-forward"},
        {N_("Track Span _Backward"), "timeline.track-backward"},
        {NULL, NULL},
        {N_("_Lock This Span"), "timeline.lock-span"},
        {N_("_Unlock This Span"), "timeline.unlock-span"},
        {NULL, NULL},
        {N_("Clear _Keyframe"), "timeline.clear-keyframe"},
        {N_("Clear _All Keyframes of the Object"), "timeline.clear-object"},
        {NULL, NULL},
        {N_("Go to Next _Doubtful Frame"), "timeline.next-doubt"},
    };
    GMenu *menu = g_menu_new(), *section = g_menu_new();

    for (guint i = 0; i < G_N_ELEMENTS(items); i++) {
        if (items[i].label) {
            g_menu_append(section, _(items[i].label), items[i].action);
            continue;
        }
        g_menu_append_section(menu, NULL, G_MENU_MODEL(section));
        g_object_unref(section);
        section = g_menu_new();
    }
    g_menu_append_section(menu, NULL, G_MENU_MODEL(section));
    g_object_unref(section);
    return G_MENU_MODEL(menu);
}

static gboolean forget_target_idle(gpointer user)
{
    MskTimeline *self = user;

    g_clear_object(&self->menu_masklet);
    return G_SOURCE_REMOVE;
}

static void closed_cb(MskTimeline *self)
{
    // The action is activated after the menu has closed.
    g_idle_add_full(G_PRIORITY_LOW, forget_target_idle, g_object_ref(self), g_object_unref);
}

static void update_enabled(MskTimeline *self, MskMasklet *masklet, int64_t frame)
{
    GtkWidget *widget = GTK_WIDGET(self);
    const MskFrameFlags flags = msk_masklet_get_frame(masklet, frame, NULL);
    const gboolean is_free = !msk_masklet_get_info(masklet)->locked;
    const gboolean is_locked = (flags & MSK_FRAME_LOCKED) != 0;
    const gboolean has_anchors = msk_masklet_get_anchors(masklet)->len > 0;
    const gboolean is_keyframe = (flags & (MSK_FRAME_PROMPT | MSK_FRAME_PAINT)) != 0;

    gtk_widget_action_set_enabled(widget, "timeline.track-span", is_free && has_anchors);
    gtk_widget_action_set_enabled(widget, "timeline.track-forward", is_free && has_anchors);
    gtk_widget_action_set_enabled(widget, "timeline.track-backward", is_free && has_anchors);
    gtk_widget_action_set_enabled(widget, "timeline.lock-span",
                                  is_free && !is_locked && flags & MSK_FRAME_HAS_MASK);
    gtk_widget_action_set_enabled(widget, "timeline.unlock-span", is_free && is_locked);
    gtk_widget_action_set_enabled(widget, "timeline.clear-keyframe",
                                  is_free && !is_locked && is_keyframe);
    gtk_widget_action_set_enabled(widget, "timeline.clear-object",
                                  is_free && msk_masklet_get_keyframes(masklet)->len > 0);
}

void msk_timeline_popup_menu(MskTimeline *self, MskMasklet *masklet, int64_t frame,
                             GtkWidget *widget, double x, double y)
{
    double at_x, at_y;

    if (!self->menu) {
        g_autoptr(GMenuModel) model = new_model();
        self->menu = gtk_popover_menu_new_from_model(model);
        gtk_popover_set_has_arrow(GTK_POPOVER(self->menu), FALSE);
        gtk_widget_set_halign(self->menu, GTK_ALIGN_START);
        gtk_widget_set_parent(self->menu, GTK_WIDGET(self));
        g_signal_connect_swapped(self->menu, "closed", G_CALLBACK(closed_cb), self);
    }
    g_set_object(&self->menu_masklet, masklet);
    self->menu_frame = frame;
    update_enabled(self, masklet, frame);
    gtk_widget_translate_coordinates(widget, GTK_WIDGET(self), x, y, &at_x, &at_y);
    gtk_popover_set_pointing_to(GTK_POPOVER(self->menu),
                                &(GdkRectangle){(int)at_x, (int)at_y, 1, 1});
    gtk_popover_popup(GTK_POPOVER(self->menu));
}
