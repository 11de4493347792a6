// SPDX-License-Identifier: Apache-2.0
// MskTransport: the bar under the canvas: playing, where the playhead is, the range, the view.
#include "ui/transport.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "app/timecode.h"

struct _MskTransport {
    GtkWidget parent;
    MskSession *session;
    MskPlayer *player;
    MskDocument *document; // listened to
    GtkButton *play;
    GtkLabel *speed, *in_label, *out_label, *zoom_label;
    // What changes while playing. Not labels, with whose text the whole window is laid out again.
    GtkInscription *timecode_label, *frame_label, *dropped;
    GtkWidget *clear_range;
    GtkMenuButton *frame_button;
    GtkPopover *frame_popover;
    GtkSpinButton *frame_spin;
    GtkAdjustment *frame_adjustment, *zoom_adjustment; // the latter's value is log2 of the zoom
    GtkDropDown *view;
    gboolean is_updating;
};

G_DEFINE_FINAL_TYPE(MskTransport, msk_transport, GTK_TYPE_WIDGET)

// ---- What is shown -----------------------------------------------------------------------------

// `widest`: the longest text there may be, so that nothing jumps.
static void set_text(GtkInscription *inscription, const char *text, const char *widest)
{
    const guint n_chars = (guint)g_utf8_strlen(widest, -1);
    gtk_inscription_set_text(inscription, text);
    gtk_inscription_set_min_chars(inscription, n_chars);
    gtk_inscription_set_nat_chars(inscription, n_chars);
}

static void update_frame(MskTransport *self)
{
    MskMedia *media = msk_session_get_media(self->session);
    const int64_t frame = msk_session_get_frame(self->session);
    const int64_t last = MAX(msk_session_get_n_frames(self->session) - 1, 0);
    const gboolean is_exact = media && msk_media_is_indexed(media);
    g_autofree char *timecode = media ? msk_timecode_dup(media, frame) : g_strdup("–");
    set_text(self->timecode_label, timecode, timecode);
    // Translators: frame number and the number of the last frame; ~ tells that it is an estimate
    const char *format =
        is_exact ? _("frame %" PRId64 " / %" PRId64) : _("frame %" PRId64 " / ~%" PRId64);
    g_autofree char *text = g_strdup_printf(format, frame, last);
    g_autofree char *widest = g_strdup_printf(format, last, last);
    set_text(self->frame_label, text, widest);
}

static void update_range(MskTransport *self)
{
    int64_t first, last;
    MskDocument *document = msk_session_get_document(self->session);
    const gboolean has_range = document && msk_document_has_range(document);
    msk_session_get_range(self->session, &first, &last);
    // Translators: first and last frame of the range
    g_autofree char *in = g_strdup_printf(_("in %" PRId64), first);
    g_autofree char *out = g_strdup_printf(_("out %" PRId64), last);
    gtk_label_set_label(self->in_label, in);
    gtk_label_set_label(self->out_label, out);
    gtk_widget_set_visible(self->clear_range, has_range);
}

static void update_dropped(MskTransport *self)
{
    const int64_t n = msk_player_get_n_dropped(self->player);
    g_autofree char *text =
        g_strdup_printf(ngettext("%" PRId64 " dropped", "%" PRId64 " dropped", (gulong)n), n);
    set_text(self->dropped, text, text);
    gtk_widget_set_visible(GTK_WIDGET(self->dropped), n > 0);
}

static void update_playing(MskTransport *self)
{
    const gboolean is_playing = msk_player_is_playing(self->player);
    const int speed = msk_player_get_speed(self->player);
    gtk_button_set_icon_name(self->play, is_playing ? "media-playback-pause-symbolic"
                                                    : "media-playback-start-symbolic");
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->play),
                                is_playing ? _("Pause (Space)") : _("Play (Space)"));
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->play), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   is_playing ? _("Pause") : _("Play"), -1);
    gtk_widget_set_visible(GTK_WIDGET(self->speed), is_playing && speed != 1);
    g_autofree char *text = g_strdup_printf("%s%d×", speed < 0 ? "◀ " : "", ABS(speed));
    gtk_label_set_label(self->speed, text);
}

static void update_view(MskTransport *self)
{
    self->is_updating = TRUE;
    gtk_drop_down_set_selected(self->view, msk_session_get_view_mode(self->session));
    self->is_updating = FALSE;
}

void msk_transport_set_zoom(MskTransport *self, double zoom)
{
    g_autofree char *text = g_strdup_printf(_("%.0f %%"), zoom * 100);
    gtk_label_set_label(self->zoom_label, text);
    self->is_updating = TRUE;
    gtk_adjustment_set_value(self->zoom_adjustment, log2(zoom));
    self->is_updating = FALSE;
}

// ---- Listening ---------------------------------------------------------------------------------

static void frame_changed_cb(MskTransport *self)
{
    update_frame(self);
}

static void setting_changed_cb(MskDocument *document, guint setting, MskTransport *self)
{
    update_range(self);
}

static void document_changed_cb(MskTransport *self)
{
    if (self->document)
        g_signal_handlers_disconnect_by_data(self->document, self);
    g_set_object(&self->document, msk_session_get_document(self->session));
    if (self->document)
        g_signal_connect(self->document, "setting-changed", G_CALLBACK(setting_changed_cb), self);
    update_range(self);
}

static void n_frames_changed_cb(MskTransport *self)
{
    update_frame(self);
    update_range(self);
}

static void view_changed_cb(MskTransport *self)
{
    update_view(self);
}

static void player_changed_cb(MskTransport *self)
{
    update_playing(self);
}

static void dropped_cb(MskTransport *self)
{
    update_dropped(self);
}

static void view_selected_cb(GtkDropDown *view, GParamSpec *pspec, MskTransport *self)
{
    if (!self->is_updating && self->session)
        msk_session_set_view_mode(self->session, (MskViewMode)gtk_drop_down_get_selected(view));
}

static void zoom_scale_changed_cb(MskTransport *self)
{
    if (!self->is_updating)
        gtk_widget_activate_action(GTK_WIDGET(self), "win.zoom-to", "d",
                                   exp2(gtk_adjustment_get_value(self->zoom_adjustment)));
}

static void frame_popover_shown_cb(MskTransport *self)
{
    gtk_adjustment_configure(self->frame_adjustment, (double)msk_session_get_frame(self->session),
                             0, (double)MAX(msk_session_get_n_frames(self->session) - 1, 0), 1, 10,
                             0);
    gtk_widget_grab_focus(GTK_WIDGET(self->frame_spin));
    gtk_editable_select_region(GTK_EDITABLE(self->frame_spin), 0, -1);
}

static void frame_popover_closed_cb(MskTransport *self)
{
    gtk_widget_activate_action(GTK_WIDGET(self), "win.focus-canvas", NULL);
}

static void frame_spin_changed_cb(GtkSpinButton *spin, MskTransport *self)
{
    if (self->session && gtk_widget_get_visible(GTK_WIDGET(self->frame_popover)))
        msk_session_set_frame(self->session, gtk_spin_button_get_value_as_int(spin));
}

void msk_transport_go_to_frame(MskTransport *self)
{
    gtk_menu_button_popup(self->frame_button);
}

void msk_transport_set_session(MskTransport *self, MskSession *session, MskPlayer *player)
{
    self->session = g_object_ref(session);
    self->player = g_object_ref(player);
    const struct {
        gpointer object;
        const char *signal;
        GCallback callback;
    } signals[] = {
        {session, "notify::frame", G_CALLBACK(frame_changed_cb)},
        {session, "notify::media", G_CALLBACK(n_frames_changed_cb)},
        {session, "notify::n-frames", G_CALLBACK(n_frames_changed_cb)},
        {session, "notify::index-progress", G_CALLBACK(frame_changed_cb)},
        {session, "notify::document", G_CALLBACK(document_changed_cb)},
        {session, "notify::view-mode", G_CALLBACK(view_changed_cb)},
        {player, "notify::playing", G_CALLBACK(player_changed_cb)},
        {player, "notify::speed", G_CALLBACK(player_changed_cb)},
        {player, "notify::n-dropped", G_CALLBACK(dropped_cb)},
    };
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
        g_signal_connect_object(signals[i].object, signals[i].signal, signals[i].callback, self,
                                G_CONNECT_SWAPPED);
    update_frame(self);
    document_changed_cb(self);
    update_view(self);
    update_playing(self);
    update_dropped(self);
}

// ---- The widget --------------------------------------------------------------------------------

static void dispose(GObject *object)
{
    MskTransport *self = MSK_TRANSPORT(object);
    GtkWidget *child;
    if (self->document)
        g_signal_handlers_disconnect_by_data(self->document, self);
    g_clear_object(&self->document);
    while ((child = gtk_widget_get_first_child(GTK_WIDGET(self))))
        gtk_widget_unparent(child);
    g_clear_object(&self->session);
    g_clear_object(&self->player);
    G_OBJECT_CLASS(msk_transport_parent_class)->dispose(object);
}

static void msk_transport_class_init(MskTransportClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    gtk_widget_class_set_template_from_resource(widget_class, "/org/masklet/Masklet/transport.ui");
    gtk_widget_class_bind_template_child(widget_class, MskTransport, play);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, speed);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, timecode_label);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, frame_label);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, in_label);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, out_label);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, dropped);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, zoom_label);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, clear_range);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, frame_button);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, frame_popover);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, frame_spin);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, frame_adjustment);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, zoom_adjustment);
    gtk_widget_class_bind_template_child(widget_class, MskTransport, view);
}

// Time runs from left to right in every language, and so do the arrows: within buttons, too.
static void set_left_to_right(GtkWidget *widget)
{
    gtk_widget_set_direction(widget, GTK_TEXT_DIR_LTR);
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child))
        set_left_to_right(child);
}

static void msk_transport_init(MskTransport *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    set_left_to_right(gtk_widget_get_parent(GTK_WIDGET(self->play)));
    g_signal_connect(self->view, "notify::selected", G_CALLBACK(view_selected_cb), self);
    g_signal_connect_swapped(self->zoom_adjustment, "value-changed",
                             G_CALLBACK(zoom_scale_changed_cb), self);
    g_signal_connect_swapped(self->frame_popover, "show", G_CALLBACK(frame_popover_shown_cb), self);
    g_signal_connect_swapped(self->frame_popover, "closed", G_CALLBACK(frame_popover_closed_cb),
                             self);
    g_signal_connect(self->frame_spin, "value-changed", G_CALLBACK(frame_spin_changed_cb), self);
    gtk_editable_set_max_width_chars(GTK_EDITABLE(self->frame_spin), 12);
    g_signal_connect_swapped(gtk_editable_get_delegate(GTK_EDITABLE(self->frame_spin)), "activate",
                             G_CALLBACK(gtk_popover_popdown), self->frame_popover);
}
