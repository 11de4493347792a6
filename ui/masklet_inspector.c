// SPDX-License-Identifier: Apache-2.0
// The inspector of the selected object.
#include "ui/masklet_inspector.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#include "ui/rgb.h"

struct _MskMaskletInspector {
    GtkWidget parent;
    GtkWidget *content;
    GtkColorButton *colour;
    GtkLabel *name, *state, *numbers;
    GtkEntry *label;
    GtkExpander *matte;
    GtkWidget *reset;
    GtkAdjustment *softness, *grow, *feather, *holes, *dots;

    MskSession *session;
    MskDocument *document;
    MskMasklet *masklet; // the session's selected one
    gboolean is_showing; // widgets are set from the document
};

G_DEFINE_FINAL_TYPE(MskMaskletInspector, msk_masklet_inspector, GTK_TYPE_WIDGET)

enum { PROPERTY_0, PROPERTY_SESSION, N_PROPERTIES };
static GParamSpec *properties[N_PROPERTIES];

// ---- Showing -----------------------------------------------------------------------------------

static void show_info(MskMaskletInspector *self)
{
    if (!self->masklet)
        return;
    const MskObjectInfo *info = msk_masklet_get_info(self->masklet);
    self->is_showing = TRUE;
    GdkRGBA rgba = msk_rgb_to_rgba(info->colour);
    gtk_color_chooser_set_rgba(GTK_COLOR_CHOOSER(self->colour), &rgba);
    gtk_label_set_text(self->name, info->name);
    if (strcmp(gtk_editable_get_text(GTK_EDITABLE(self->label)), info->label) != 0)
        gtk_editable_set_text(GTK_EDITABLE(self->label), info->label);
    gtk_adjustment_set_value(self->softness, info->matte.ramp);
    gtk_adjustment_set_value(self->grow, info->matte.grow);
    gtk_adjustment_set_value(self->feather, info->matte.feather);
    gtk_adjustment_set_value(self->holes, info->matte.fill_holes);
    gtk_adjustment_set_value(self->dots, info->matte.remove_dots);
    const MskMatteParams *matte = &info->matte;
    gtk_widget_set_sensitive(self->reset, matte->ramp != 0 || matte->grow != 0 ||
                                              matte->feather != 0 || matte->fill_holes != 0 ||
                                              matte->remove_dots != 0);
    gtk_widget_set_sensitive(self->content, !info->locked);
    self->is_showing = FALSE;
}

static const char *describe_flags(MskFrameFlags flags, gboolean has_track)
{
    if (flags & MSK_FRAME_LOCKED)
        return _("Locked on this frame");
    if (flags & MSK_FRAME_STALE)
        return _("Out of date: track again");
    if (flags & MSK_FRAME_PROMPT)
        return flags & MSK_FRAME_HAS_MASK ? _("Keyframe") : _("Keyframe, not answered yet");
    if (flags & MSK_FRAME_PAINT)
        return has_track ? _("Tracked and painted") : _("Painted");
    if (flags & MSK_FRAME_ABSENT)
        return _("Not to be seen on this frame");
    if (flags & MSK_FRAME_DOUBT)
        return _("Tracked, worth a look");
    if (flags & MSK_FRAME_HAS_MASK)
        return _("Tracked");
    return _("Nothing on this frame yet");
}

static gboolean is_of_another_model(MskMaskletInspector *self, const MskResult *result)
{
    const MskModelInfo *open = msk_session_get_model_info(self->session);
    return open && open->id && result->model && result->model != open->id;
}

static void show_frame(MskMaskletInspector *self)
{
    if (!self->masklet)
        return;
    MskFrameState state = {0};
    MskFrameFlags flags =
        msk_masklet_get_frame(self->masklet, msk_session_get_frame(self->session), &state);
    gtk_label_set_text(self->state, describe_flags(flags, state.track != NULL));
    if (state.track) {
        const MskResult *result = state.track->result;
        g_autoptr(GString) text = g_string_new(NULL);
        g_string_append_printf(text, _("IoU %.2f"), (double)result->iou);
        g_string_append(text, "   ");
        g_string_append_printf(text, _("Score %+.1f"), (double)result->object_score);
        if (state.track->agreement >= 0) {
            g_string_append(text, "   ");
            g_string_append_printf(text, _("Agreement %.2f"), (double)state.track->agreement);
        }
        if (is_of_another_model(self, result)) {
            g_string_append(text, "   ");
            g_string_append(text, _("By another model"));
        }
        gtk_label_set_text(self->numbers, text->str);
    }
    gtk_widget_set_visible(GTK_WIDGET(self->numbers), state.track != NULL);
}

static void frames_changed_cb(MskMaskletInspector *self, MskMasklet *masklet, gint64 first,
                              gint64 last)
{
    if (!self->masklet || masklet != self->masklet)
        return;
    int64_t frame = msk_session_get_frame(self->session);
    if (frame >= first && frame <= last)
        show_frame(self);
}

// ---- Following the session ---------------------------------------------------------------------

static void commit_label(MskMaskletInspector *self);

static void follow_selected(MskMaskletInspector *self)
{
    MskMasklet *selected = self->session ? msk_session_get_selected(self->session) : NULL;
    if (selected != self->masklet) {
        if (self->masklet) {
            commit_label(self); // typed for the one before
            g_signal_handlers_disconnect_by_data(self->masklet, self);
        }
        g_set_object(&self->masklet, selected);
        if (selected)
            g_signal_connect_swapped(selected, "notify", G_CALLBACK(show_info), self);
    }
    gtk_widget_set_visible(GTK_WIDGET(self), selected != NULL);
    show_info(self);
    show_frame(self);
}

static void follow_document(MskMaskletInspector *self)
{
    MskDocument *document = self->session ? msk_session_get_document(self->session) : NULL;
    if (document == self->document)
        return;
    if (self->document)
        g_signal_handlers_disconnect_by_data(self->document, self);
    g_set_object(&self->document, document);
    if (document)
        g_signal_connect_swapped(document, "frames-changed", G_CALLBACK(frames_changed_cb), self);
    follow_selected(self);
}

void msk_masklet_inspector_set_session(MskMaskletInspector *self, MskSession *session)
{
    if (session == self->session)
        return;
    if (self->session)
        g_signal_handlers_disconnect_by_data(self->session, self);
    g_set_object(&self->session, session);
    if (session) {
        g_signal_connect_swapped(session, "notify::document", G_CALLBACK(follow_document), self);
        g_signal_connect_swapped(session, "notify::selected", G_CALLBACK(follow_selected), self);
        g_signal_connect_swapped(session, "notify::frame", G_CALLBACK(show_frame), self);
        g_signal_connect_swapped(session, "notify::model-name", G_CALLBACK(show_frame), self);
    }
    follow_document(self);
    follow_selected(self);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROPERTY_SESSION]);
}

// ---- Editing -----------------------------------------------------------------------------------

static void set_info(MskMaskletInspector *self, const char *name, const char *key,
                     const MskObjectInfo *info)
{
    g_autofree char *merge_key =
        g_strdup_printf("%s-%" PRId64, key, msk_masklet_get_id(self->masklet));
    g_autoptr(MskMasklet) masklet = g_object_ref(self->masklet);
    msk_document_begin_merging(self->document, name, merge_key);
    msk_document_set_info(self->document, masklet, info);
    msk_document_end(self->document);
}

static void colour_set_cb(MskMaskletInspector *self)
{
    if (!self->masklet || self->is_showing)
        return;
    GdkRGBA rgba;
    gtk_color_chooser_get_rgba(GTK_COLOR_CHOOSER(self->colour), &rgba);
    MskObjectInfo info = *msk_masklet_get_info(self->masklet);
    info.colour = msk_rgb_from_rgba(&rgba);
    set_info(self, _("Change Colour"), "colour", &info);
}

static void commit_label(MskMaskletInspector *self)
{
    MskObjectInfo info = *msk_masklet_get_info(self->masklet);
    g_autofree char *text = g_strstrip(g_strdup(gtk_editable_get_text(GTK_EDITABLE(self->label))));
    if (self->is_showing || info.locked || strcmp(text, info.label) == 0 ||
        msk_document_find_index(self->document, self->masklet) < 0)
        return;
    info.label = text;
    set_info(self, _("Change Class"), "label", &info);
}

static void label_done_cb(MskMaskletInspector *self)
{
    if (self->masklet)
        commit_label(self);
}

static void label_left_cb(GtkEventControllerFocus *focus, MskMaskletInspector *self)
{
    label_done_cb(self);
}

static void matte_changed_cb(MskMaskletInspector *self, GtkAdjustment *adjustment)
{
    if (!self->masklet || self->is_showing)
        return;
    MskObjectInfo info = *msk_masklet_get_info(self->masklet);
    double value = gtk_adjustment_get_value(adjustment);
    const char *key;
    if (adjustment == self->softness) {
        key = "softness";
        info.matte.ramp = value;
    } else if (adjustment == self->grow) {
        key = "grow";
        info.matte.grow = value;
    } else if (adjustment == self->feather) {
        key = "feather";
        info.matte.feather = value;
    } else if (adjustment == self->holes) {
        key = "holes";
        info.matte.fill_holes = (int)value;
    } else {
        key = "dots";
        info.matte.remove_dots = (int)value;
    }
    set_info(self, _("Change Matte"), key, &info);
}

static void reset_cb(MskMaskletInspector *self)
{
    MskObjectInfo info = *msk_masklet_get_info(self->masklet);
    info.matte = (MskMatteParams){0};
    set_info(self, _("Reset Matte"), "reset", &info);
}

// ---- Object ------------------------------------------------------------------------------------

static void get_property_cb(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    if (id == PROPERTY_SESSION)
        g_value_set_object(value, MSK_MASKLET_INSPECTOR(object)->session);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void set_property_cb(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    if (id == PROPERTY_SESSION)
        msk_masklet_inspector_set_session(MSK_MASKLET_INSPECTOR(object), g_value_get_object(value));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void dispose_cb(GObject *object)
{
    MskMaskletInspector *self = MSK_MASKLET_INSPECTOR(object);
    if (self->masklet)
        g_signal_handlers_disconnect_by_data(self->masklet, self);
    if (self->document)
        g_signal_handlers_disconnect_by_data(self->document, self);
    if (self->session)
        g_signal_handlers_disconnect_by_data(self->session, self);
    g_clear_object(&self->masklet);
    g_clear_object(&self->document);
    g_clear_object(&self->session);
    g_clear_pointer(&self->content, gtk_widget_unparent);
    G_OBJECT_CLASS(msk_masklet_inspector_parent_class)->dispose(object);
}

static void msk_masklet_inspector_class_init(MskMaskletInspectorClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS(class);
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    object->dispose = dispose_cb;
    object->get_property = get_property_cb;
    object->set_property = set_property_cb;
    properties[PROPERTY_SESSION] =
        g_param_spec_object("session", NULL, NULL, MSK_TYPE_SESSION,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties(object, N_PROPERTIES, properties);
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
    gtk_widget_class_set_template_from_resource(widget,
                                                "/org/masklet/Masklet/masklet_inspector.ui");
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, content);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, colour);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, name);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, state);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, numbers);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, label);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, matte);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, reset);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, softness);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, grow);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, feather);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, holes);
    gtk_widget_class_bind_template_child(widget, MskMaskletInspector, dots);
    gtk_widget_class_bind_template_callback(widget, colour_set_cb);
    gtk_widget_class_bind_template_callback(widget, label_done_cb);
    gtk_widget_class_bind_template_callback(widget, matte_changed_cb);
    gtk_widget_class_bind_template_callback(widget, reset_cb);
}

static void msk_masklet_inspector_init(MskMaskletInspector *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    GtkEventController *focus = gtk_event_controller_focus_new();
    g_signal_connect(focus, "leave", G_CALLBACK(label_left_cb), self);
    gtk_widget_add_controller(GTK_WIDGET(self->label), focus);
}

GtkWidget *msk_masklet_inspector_new(void)
{
    return g_object_new(MSK_TYPE_MASKLET_INSPECTOR, NULL);
}
