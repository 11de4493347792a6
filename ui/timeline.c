// SPDX-License-Identifier: Apache-2.0
// MskTimeline: properties, layout, scrolling and zoom, and what it hears of session and document.
#include "ui/timeline_private.h"

#include <glib/gi18n.h>
#include <math.h>

#define HEADER_WIDTH 190
#define ZOOM_STEP 1.4
#define DRAW_BUDGET 5000 // microseconds

enum { PROP_SESSION = 1, PROP_ZOOM, N_PROPS };
static GParamSpec *props[N_PROPS];
static guint selection_changed_signal;

G_DEFINE_FINAL_TYPE(MskTimeline, msk_timeline, GTK_TYPE_WIDGET)

// ---- Scrolling and zoom ------------------------------------------------------------------------

static void queue_draw_all(MskTimeline *self)
{
    gtk_widget_queue_draw(self->ruler);
    gtk_widget_queue_draw(self->film);
    gtk_widget_queue_draw(self->tracks);
    gtk_widget_queue_draw(self->overlay);
}

static int64_t get_lanes_height(MskTimeline *self)
{
    return (int64_t)self->lanes->len * MSK_TIMELINE_LANE_HEIGHT;
}

// Keeps its place where there is nothing to scroll.
static void show_bar(GtkWidget *bar, gboolean show)
{
    gtk_widget_set_opacity(bar, show ? 1 : 0);
    gtk_widget_set_can_target(bar, show);
}

static void update_adjustments(MskTimeline *self)
{
    const int64_t content =
        msk_timeline_view_get_content_width(&self->view) + 2 * MSK_TIMELINE_MARGIN;
    const int width = self->view.width, height = self->lanes_height;
    const double upper = MAX((double)get_lanes_height(self), height);
    const double y = gtk_adjustment_get_value(self->vadjustment);

    gtk_adjustment_configure(self->hadjustment, (double)self->view.scroll, -MSK_TIMELINE_MARGIN,
                             (double)MAX(content, width) - MSK_TIMELINE_MARGIN, width * 0.1,
                             width * 0.9, width);
    gtk_adjustment_configure(self->vadjustment, CLAMP(y, 0, upper - height), 0, upper,
                             MSK_TIMELINE_LANE_HEIGHT, height * 0.9, height);
    show_bar(self->hbar, content > width);
    show_bar(self->vbar, upper > height);
}

static void hadjustment_cb(MskTimeline *self)
{
    const int64_t scroll = llround(gtk_adjustment_get_value(self->hadjustment));

    if (scroll == self->view.scroll)
        return;
    msk_timeline_view_set_scroll(&self->view, scroll);
    queue_draw_all(self);
}

static void vadjustment_cb(MskTimeline *self)
{
    gtk_widget_queue_draw(self->tracks);
    gtk_widget_queue_draw(self->overlay);
    msk_timeline_headers_update(MSK_TIMELINE_HEADERS(self->headers));
}

void msk_timeline_scroll_to(MskTimeline *self, int64_t scroll)
{
    const int64_t before = self->view.scroll;

    msk_timeline_view_set_scroll(&self->view, scroll);
    if (self->view.scroll == before)
        return;
    gtk_adjustment_set_value(self->hadjustment, (double)self->view.scroll);
    queue_draw_all(self);
}

static void forget_tiles(MskTimeline *self)
{
    for (guint i = 0; i < self->lanes->len; i++)
        msk_timeline_lane_forget_tiles(self->lanes->pdata[i]);
}

// After the view changed by other means than scrolling.
static void update_view(MskTimeline *self, double zoom_before)
{
    update_adjustments(self);
    queue_draw_all(self);
    if (self->view.zoom == zoom_before)
        return;
    for (guint i = 0; i < self->lanes->len; i++)
        msk_timeline_lane_set_tiles_aside(self->lanes->pdata[i], zoom_before);
    self->has_before = TRUE;
    g_object_notify_by_pspec(G_OBJECT(self), props[PROP_ZOOM]);
}

void msk_timeline_zoom_at(MskTimeline *self, double zoom, double x)
{
    const double before = self->view.zoom;

    msk_timeline_view_zoom_at(&self->view, zoom, x);
    self->is_fit = self->view.zoom <= msk_timeline_view_get_fit(&self->view);
    update_view(self, before);
}

// Clip or width changed: the whole clip stays in view if it was.
static void adapt_view(MskTimeline *self)
{
    const double before = self->view.zoom;

    msk_timeline_view_zoom_at(&self->view,
                              self->is_fit ? msk_timeline_view_get_fit(&self->view) : before, 0);
    update_view(self, before);
}

// The playhead where it is seen, else the middle.
static double find_zoom_centre(MskTimeline *self)
{
    const int64_t frame = self->session ? msk_session_get_frame(self->session) : 0;
    const int64_t x = msk_timeline_view_get_middle(&self->view, frame) - self->view.scroll;

    return x >= 0 && x < self->view.width ? (double)x : self->view.width / 2.0;
}

void msk_timeline_set_zoom(MskTimeline *self, double zoom)
{
    g_return_if_fail(zoom > 0);
    msk_timeline_zoom_at(self, zoom, find_zoom_centre(self));
}

double msk_timeline_get_zoom(MskTimeline *self)
{
    return self->view.zoom;
}

void msk_timeline_zoom_in(MskTimeline *self)
{
    msk_timeline_set_zoom(self, self->view.zoom * ZOOM_STEP);
}

void msk_timeline_zoom_out(MskTimeline *self)
{
    msk_timeline_set_zoom(self, self->view.zoom / ZOOM_STEP);
}

void msk_timeline_zoom_fit(MskTimeline *self)
{
    msk_timeline_zoom_at(self, msk_timeline_view_get_fit(&self->view), 0);
}

void msk_timeline_reveal(MskTimeline *self, int64_t frame)
{
    if (!msk_timeline_view_reveal(&self->view, frame))
        return;
    gtk_adjustment_set_value(self->hadjustment, (double)self->view.scroll);
    queue_draw_all(self);
}

int64_t msk_timeline_get_scroll_y(MskTimeline *self)
{
    return llround(gtk_adjustment_get_value(self->vadjustment));
}

void msk_timeline_reveal_lane(MskTimeline *self, MskTimelineLane *lane)
{
    const double top = (double)lane->index * MSK_TIMELINE_LANE_HEIGHT;

    gtk_adjustment_clamp_page(self->vadjustment, top, top + MSK_TIMELINE_LANE_HEIGHT);
}

// ---- Lanes -------------------------------------------------------------------------------------

MskTimelineLane *msk_timeline_pick_lane(MskTimeline *self, double y)
{
    const double at = (y + (double)msk_timeline_get_scroll_y(self)) / MSK_TIMELINE_LANE_HEIGHT;

    return at >= 0 && at < self->lanes->len ? self->lanes->pdata[(guint)at] : NULL;
}

MskTimelineLane *msk_timeline_find_lane(MskTimeline *self, MskMasklet *masklet)
{
    for (guint i = 0; i < self->lanes->len; i++) {
        MskTimelineLane *lane = self->lanes->pdata[i];
        if (lane->masklet == masklet)
            return lane;
    }
    return NULL;
}

static void update_accessible(MskTimeline *self)
{
    if (!self->session)
        return;
    const int64_t frame = msk_session_get_frame(self->session);
    g_autofree char *text =
        msk_timeline_describe(self, msk_session_get_selected(self->session), frame);

    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->tracks), GTK_ACCESSIBLE_PROPERTY_VALUE_MIN, 0.0,
        GTK_ACCESSIBLE_PROPERTY_VALUE_MAX, (double)(self->view.n_frames - 1),
        GTK_ACCESSIBLE_PROPERTY_VALUE_NOW, (double)frame, GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text,
        GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text, -1);
}

static void items_changed_cb(MskTimeline *self, guint position, guint n_removed, guint n_added)
{
    if (n_removed > 0)
        g_ptr_array_remove_range(self->lanes, position, n_removed);
    for (guint i = 0; i < n_added; i++)
        g_ptr_array_insert(
            self->lanes, (int)(position + i),
            msk_timeline_lane_new(self, msk_document_get_object(self->document, position + i)));
    for (guint i = position; i < self->lanes->len; i++)
        ((MskTimelineLane *)self->lanes->pdata[i])->index = i;
    update_adjustments(self);
    gtk_widget_queue_draw(self->tracks);
    msk_timeline_headers_update(MSK_TIMELINE_HEADERS(self->headers));
}

static void frames_changed_cb(MskTimeline *self, MskMasklet *masklet, gint64 first, gint64 last)
{
    MskTimelineLane *lane = msk_timeline_find_lane(self, masklet);

    if (!lane)
        return;
    msk_timeline_lane_invalidate(lane, first, last);
    gtk_widget_queue_draw(self->tracks);
    if (masklet != msk_session_get_selected(self->session))
        return;
    if (self->keyframe >= first && self->keyframe <= last &&
        !(msk_masklet_get_frame(masklet, self->keyframe, NULL) &
          (MSK_FRAME_PROMPT | MSK_FRAME_PAINT)))
        self->keyframe = -1;
    const int64_t frame = msk_session_get_frame(self->session);
    if (frame >= first && frame <= last)
        update_accessible(self);
}

static void setting_changed_cb(MskTimeline *self)
{
    gtk_widget_queue_draw(self->overlay);
}

static void update_document(MskTimeline *self)
{
    MskDocument *document = self->session ? msk_session_get_document(self->session) : NULL;

    if (document == self->document)
        return;
    msk_timeline_cancel_drag(self);
    g_ptr_array_set_size(self->lanes, 0);
    g_set_object(&self->document, document);
    g_signal_group_set_target(self->document_signals, document);
    self->keyframe = -1;
    self->is_fit = TRUE;
    msk_timeline_clear_selection(self);
    items_changed_cb(self, 0, 0, document ? msk_document_get_n_objects(document) : 0);
}

// ---- The session -------------------------------------------------------------------------------

static void frame_cb(MskTimeline *self)
{
    gtk_widget_queue_draw(self->overlay);
    if (self->drag == MSK_DRAG_NONE && gtk_widget_get_mapped(GTK_WIDGET(self)))
        msk_timeline_reveal(self, msk_session_get_frame(self->session));
    update_accessible(self);
}

static void n_frames_cb(MskTimeline *self)
{
    const int64_t n_frames = self->session ? msk_session_get_n_frames(self->session) : 0;

    self->view.n_frames = MAX(n_frames, 1);
    forget_tiles(self);
    adapt_view(self);
}

static void selected_cb(MskTimeline *self)
{
    MskTimelineLane *lane = msk_timeline_find_lane(self, msk_session_get_selected(self->session));

    self->keyframe = -1;
    if (lane)
        msk_timeline_reveal_lane(self, lane);
    gtk_widget_queue_draw(self->tracks);
    gtk_widget_queue_draw(self->overlay);
    msk_timeline_headers_update(MSK_TIMELINE_HEADERS(self->headers));
    update_accessible(self);
}

static void labels_cb(MskTimeline *self)
{
    g_hash_table_remove_all(self->labels);
    self->label_base = -1;
    gtk_widget_queue_draw(self->ruler);
    if (self->session)
        update_accessible(self);
}

static void media_cb(MskTimeline *self)
{
    msk_timeline_film_reset(self->film_strip);
    labels_cb(self);
}

static void bind_cb(MskTimeline *self)
{
    update_document(self);
    n_frames_cb(self);
    media_cb(self);
    queue_draw_all(self);
}

void msk_timeline_set_session(MskTimeline *self, MskSession *session)
{
    g_return_if_fail(MSK_IS_TIMELINE(self));
    if (!g_set_object(&self->session, session))
        return;
    g_signal_group_set_target(self->session_signals, session);
    bind_cb(self);
    if (session)
        selected_cb(self);
    g_object_notify_by_pspec(G_OBJECT(self), props[PROP_SESSION]);
}

MskSession *msk_timeline_get_session(MskTimeline *self)
{
    return self->session;
}

MskMedia *msk_timeline_get_timed_media(MskTimeline *self)
{
    return self->session && msk_session_get_show_timecode(self->session)
               ? msk_session_get_media(self->session)
               : NULL;
}

char *msk_timeline_dup_frame_text(MskTimeline *self, int64_t frame)
{
    return msk_timecode_dup(msk_timeline_get_timed_media(self), frame);
}

// ---- Selection ---------------------------------------------------------------------------------

gboolean msk_timeline_get_selection(MskTimeline *self, int64_t *first, int64_t *last)
{
    if (first)
        *first = self->selection_first;
    if (last)
        *last = self->selection_last;
    return self->selection_first >= 0;
}

static void set_selection(MskTimeline *self, int64_t first, int64_t last)
{
    if (first == self->selection_first && last == self->selection_last)
        return;
    self->selection_first = first;
    self->selection_last = last;
    gtk_widget_queue_draw(self->overlay);
    g_signal_emit(self, selection_changed_signal, 0);
}

void msk_timeline_select(MskTimeline *self, int64_t first, int64_t last)
{
    set_selection(self, CLAMP(MIN(first, last), 0, self->view.n_frames - 1),
                  CLAMP(MAX(first, last), 0, self->view.n_frames - 1));
}

void msk_timeline_clear_selection(MskTimeline *self)
{
    self->selection_anchor = -1;
    set_selection(self, -1, -1);
}

int64_t msk_timeline_get_keyframe(MskTimeline *self)
{
    return self->keyframe;
}

// ---- Layout ------------------------------------------------------------------------------------

static int measure_bar(GtkWidget *bar, GtkOrientation orientation)
{
    int size = 0;
    gtk_widget_measure(bar, orientation, -1, &size, NULL, NULL, NULL);
    return size;
}

static void msk_timeline_measure(GtkWidget *widget, GtkOrientation orientation, int for_size,
                                 int *minimum, int *natural, int *minimum_baseline,
                                 int *natural_baseline)
{
    MskTimeline *self = MSK_TIMELINE(widget);

    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child))
        if (gtk_widget_should_layout(child)) // GTK wants every child measured
            gtk_widget_measure(child, orientation, -1, NULL, NULL, NULL, NULL);
    if (orientation == GTK_ORIENTATION_HORIZONTAL) {
        *minimum = HEADER_WIDTH + 160;
        *natural = HEADER_WIDTH + 800;
        return;
    }
    const int fixed = MSK_TIMELINE_RULER_HEIGHT + MSK_TIMELINE_FILM_HEIGHT +
                      measure_bar(self->hbar, GTK_ORIENTATION_VERTICAL);
    *minimum = fixed + MSK_TIMELINE_LANE_HEIGHT;
    *natural = fixed + 4 * MSK_TIMELINE_LANE_HEIGHT;
}

static void allocate(GtkWidget *child, int x, int y, int width, int height)
{
    gtk_widget_size_allocate(child, &(GtkAllocation){x, y, MAX(width, 1), MAX(height, 1)}, -1);
}

static void msk_timeline_size_allocate(GtkWidget *widget, int width, int height, int baseline)
{
    MskTimeline *self = MSK_TIMELINE(widget);
    const gboolean rtl = gtk_widget_get_direction(widget) == GTK_TEXT_DIR_RTL;
    const int top = MSK_TIMELINE_RULER_HEIGHT + MSK_TIMELINE_FILM_HEIGHT;
    const int vbar = measure_bar(self->vbar, GTK_ORIENTATION_HORIZONTAL);
    const int hbar = measure_bar(self->hbar, GTK_ORIENTATION_VERTICAL);
    const int lanes = MAX(height - top - hbar, 1);
    const int seen = MAX(width - HEADER_WIDTH - vbar, 1);
    const int headers_x = rtl ? width - HEADER_WIDTH : 0;
    const int x = rtl ? vbar : HEADER_WIDTH;

    // Before the scrollbars get their place, as they follow the adjustments.
    self->lanes_height = lanes;
    if (seen != self->view.width) {
        self->view.width = seen;
        adapt_view(self);
    } else {
        update_adjustments(self);
    }
    allocate(self->corner, headers_x, 0, HEADER_WIDTH, top);
    allocate(self->headers, headers_x, top, HEADER_WIDTH, lanes);
    allocate(self->ruler, x, 0, seen, MSK_TIMELINE_RULER_HEIGHT);
    allocate(self->film, x, MSK_TIMELINE_RULER_HEIGHT, seen, MSK_TIMELINE_FILM_HEIGHT);
    allocate(self->tracks, x, top, seen, lanes);
    allocate(self->hbar, x, top + lanes, seen, hbar);
    allocate(self->vbar, rtl ? 0 : width - vbar, top, vbar, lanes);
    allocate(self->overlay, x, 0, seen, top + lanes);
    if (self->menu)
        gtk_popover_present(GTK_POPOVER(self->menu));
}

static void update_style(MskTimeline *self)
{
    msk_timeline_style_update(&self->style, self->tracks);
    forget_tiles(self);
    g_hash_table_remove_all(self->labels);
    queue_draw_all(self);
}

static void msk_timeline_css_changed(GtkWidget *widget, GtkCssStyleChange *change)
{
    MskTimeline *self = MSK_TIMELINE(widget);

    GTK_WIDGET_CLASS(msk_timeline_parent_class)->css_changed(widget, change);
    if (self->overlay)
        update_style(self);
}

static GtkWidget *new_bar(MskTimeline *self, GtkOrientation orientation, GtkAdjustment *adjustment)
{
    GtkWidget *bar = gtk_scrollbar_new(orientation, adjustment);

    gtk_widget_set_direction(bar, GTK_TEXT_DIR_LTR); // time runs left to right
    gtk_widget_set_parent(bar, GTK_WIDGET(self));
    gtk_accessible_update_property(GTK_ACCESSIBLE(bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   orientation == GTK_ORIENTATION_HORIZONTAL
                                       ? _("Scroll the timeline in time")
                                       : _("Scroll the timeline's objects"),
                                   -1);
    return bar;
}

static void add_button(GtkWidget *box, const char *icon, const char *action, const char *label)
{
    GtkWidget *button = gtk_button_new_from_icon_name(icon);

    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), action);
    gtk_widget_add_css_class(button, "flat");
    gtk_widget_set_tooltip_text(button, label);
    gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                   -1);
    gtk_box_append(GTK_BOX(box), button);
}

static GtkWidget *new_corner(MskTimeline *self)
{
    GtkWidget *corner = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);

    gtk_widget_add_css_class(corner, "timeline-corner");
    add_button(corner, "zoom-out-symbolic", "timeline.zoom-out", _("Zoom Out in Time"));
    add_button(corner, "zoom-fit-best-symbolic", "timeline.zoom-fit", _("Show the Whole Clip"));
    add_button(corner, "zoom-in-symbolic", "timeline.zoom-in", _("Zoom In in Time"));
    for (GtkWidget *button = gtk_widget_get_first_child(corner); button;
         button = gtk_widget_get_next_sibling(button))
        gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
    gtk_widget_set_parent(corner, GTK_WIDGET(self));
    return corner;
}

// ---- The class ---------------------------------------------------------------------------------

static void scale_cb(MskTimeline *self)
{
    update_style(self);
}

static void msk_timeline_init(MskTimeline *self)
{
    msk_timeline_style_load();
    self->view = (MskTimelineView){1, 1, 0, 1};
    self->is_fit = TRUE;
    self->draw_budget = DRAW_BUDGET;
    self->selection_first = self->selection_last = self->selection_anchor = -1;
    self->keyframe = -1;
    self->label_base = -1;
    self->lanes = g_ptr_array_new_with_free_func((GDestroyNotify)msk_timeline_lane_free);
    self->labels = msk_timeline_labels_new();
    self->film_strip = msk_timeline_film_new(self);
    self->hadjustment = g_object_ref_sink(gtk_adjustment_new(0, 0, 1, 1, 1, 1));
    self->vadjustment = g_object_ref_sink(gtk_adjustment_new(0, 0, 1, 1, 1, 1));

    self->corner = new_corner(self);
    self->headers = msk_timeline_headers_new(self);
    self->ruler = msk_timeline_part_new(self, "timelineruler", GTK_ACCESSIBLE_ROLE_PRESENTATION,
                                        msk_timeline_draw_ruler);
    self->film = msk_timeline_part_new(self, "timelinefilm", GTK_ACCESSIBLE_ROLE_PRESENTATION,
                                       msk_timeline_draw_film);
    self->tracks = msk_timeline_part_new(self, "timelinelanes", GTK_ACCESSIBLE_ROLE_SLIDER,
                                         msk_timeline_draw_lanes);
    self->hbar = new_bar(self, GTK_ORIENTATION_HORIZONTAL, self->hadjustment);
    self->vbar = new_bar(self, GTK_ORIENTATION_VERTICAL, self->vadjustment);
    self->overlay = msk_timeline_part_new(self, "timelineoverlay", GTK_ACCESSIBLE_ROLE_PRESENTATION,
                                          msk_timeline_draw_overlay);
    gtk_widget_set_can_target(self->overlay, FALSE);
    gtk_widget_set_focusable(self->tracks, TRUE);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->tracks), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Playhead"), -1);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Timeline"), -1);
    msk_timeline_add_gestures(self);

    self->session_signals = g_signal_group_new(MSK_TYPE_SESSION);
    self->document_signals = g_signal_group_new(MSK_TYPE_DOCUMENT);
    const struct {
        const char *signal;
        void (*func)(MskTimeline *);
    } wanted[] = {
        {"notify::frame", frame_cb},       {"notify::n-frames", n_frames_cb},
        {"notify::selected", selected_cb}, {"notify::show-timecode", labels_cb},
        {"notify::document", bind_cb},     {"notify::media", media_cb},
    };
    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
        g_signal_group_connect_swapped(self->session_signals, wanted[i].signal,
                                       G_CALLBACK(wanted[i].func), self);
    g_signal_group_connect_swapped(self->document_signals, "items-changed",
                                   G_CALLBACK(items_changed_cb), self);
    g_signal_group_connect_swapped(self->document_signals, "frames-changed",
                                   G_CALLBACK(frames_changed_cb), self);
    g_signal_group_connect_swapped(self->document_signals, "setting-changed",
                                   G_CALLBACK(setting_changed_cb), self);
    g_signal_connect_swapped(self->hadjustment, "value-changed", G_CALLBACK(hadjustment_cb), self);
    g_signal_connect_swapped(self->vadjustment, "value-changed", G_CALLBACK(vadjustment_cb), self);
    g_signal_connect(self, "notify::scale-factor", G_CALLBACK(scale_cb), NULL);
    update_style(self);
}

static void msk_timeline_dispose(GObject *object)
{
    MskTimeline *self = MSK_TIMELINE(object);
    GtkWidget *child;

    if (self->session_signals) {
        msk_timeline_cancel_drag(self);
        g_signal_group_set_target(self->session_signals, NULL);
        g_signal_group_set_target(self->document_signals, NULL);
        g_signal_handlers_disconnect_by_data(self->hadjustment, self);
        g_signal_handlers_disconnect_by_data(self->vadjustment, self);
    }
    g_clear_handle_id(&self->redraw_id, g_source_remove);
    g_clear_object(&self->session_signals);
    g_clear_object(&self->document_signals);
    g_clear_pointer(&self->film_strip, msk_timeline_film_free); // needs the session
    g_clear_object(&self->menu_masklet);
    g_clear_object(&self->document);
    g_clear_object(&self->session);
    self->menu = NULL;
    while ((child = gtk_widget_get_first_child(GTK_WIDGET(self))))
        gtk_widget_unparent(child);
    G_OBJECT_CLASS(msk_timeline_parent_class)->dispose(object);
}

static void msk_timeline_finalize(GObject *object)
{
    MskTimeline *self = MSK_TIMELINE(object);

    g_ptr_array_unref(self->lanes);
    g_hash_table_unref(self->labels);
    msk_timeline_style_clear(&self->style);
    g_object_unref(self->hadjustment);
    g_object_unref(self->vadjustment);
    G_OBJECT_CLASS(msk_timeline_parent_class)->finalize(object);
}

static void msk_timeline_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    MskTimeline *self = MSK_TIMELINE(object);

    if (id == PROP_SESSION)
        g_value_set_object(value, self->session);
    else if (id == PROP_ZOOM)
        g_value_set_double(value, self->view.zoom);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void msk_timeline_set_property(GObject *object, guint id, const GValue *value,
                                      GParamSpec *pspec)
{
    MskTimeline *self = MSK_TIMELINE(object);

    if (id == PROP_SESSION)
        msk_timeline_set_session(self, g_value_get_object(value));
    else if (id == PROP_ZOOM)
        msk_timeline_set_zoom(self, g_value_get_double(value));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void msk_timeline_class_init(MskTimelineClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

    object_class->dispose = msk_timeline_dispose;
    object_class->finalize = msk_timeline_finalize;
    object_class->get_property = msk_timeline_get_property;
    object_class->set_property = msk_timeline_set_property;
    widget_class->measure = msk_timeline_measure;
    widget_class->size_allocate = msk_timeline_size_allocate;
    widget_class->css_changed = msk_timeline_css_changed;
    props[PROP_SESSION] = g_param_spec_object("session", NULL, NULL, MSK_TYPE_SESSION, flags);
    props[PROP_ZOOM] =
        g_param_spec_double("zoom", NULL, NULL, G_MINDOUBLE, MSK_TIMELINE_ZOOM_MAX, 1, flags);
    g_object_class_install_properties(object_class, N_PROPS, props);
    selection_changed_signal = g_signal_new("selection-changed", MSK_TYPE_TIMELINE,
                                            G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    gtk_widget_class_set_css_name(widget_class, "timeline");
    gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
    msk_timeline_class_add_actions(widget_class);
}

GtkWidget *msk_timeline_new(void)
{
    return g_object_new(MSK_TYPE_TIMELINE, NULL);
}
