// SPDX-License-Identifier: Apache-2.0
// The canvas as a widget: its properties, zoom and pan, and when it asks for a new picture.
#include "ui/canvas.h"

#include <glib/gi18n.h>
#include <math.h>
#include <string.h>

#include "ui/canvas_private.h"

G_DEFINE_FINAL_TYPE(MskCanvas, msk_canvas, GTK_TYPE_WIDGET)

enum { PROP_SESSION = 1, PROP_ZOOM, PROP_FIT, N_PROPS };
static GParamSpec *props[N_PROPS];
enum { SIGNAL_SHOWN, N_SIGNALS };
static guint signals[N_SIGNALS];

GtkWidget *msk_canvas_new(void)
{
    return g_object_new(MSK_TYPE_CANVAS, NULL);
}

// ---- Asking for pictures -----------------------------------------------------------------------

static void set_rendered(MskCanvas *canvas, MskRendered *rendered)
{
    int64_t before = msk_canvas_get_shown_frame(canvas);
    g_clear_pointer(&canvas->rendered, msk_rendered_unref);
    if (rendered)
        canvas->rendered = msk_rendered_ref(rendered);
    int64_t now = msk_canvas_get_shown_frame(canvas);
    if (now != before) {
        canvas->point = -1;
        msk_canvas_hover_moved(canvas);
    }
    msk_canvas_describe(canvas);
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
    g_signal_emit(canvas, signals[SIGNAL_SHOWN], 0, (gint64)now);
}

static void rendered_cb(MskRendered *rendered, gpointer user)
{
    MskCanvas *canvas = user;
    if (!canvas->scene) // closed meanwhile
        return;
    if (rendered->problem && g_strcmp0(rendered->problem, canvas->told_problem) != 0) {
        g_free(canvas->told_problem);
        canvas->told_problem = g_strdup(rendered->problem);
        msk_session_toast(canvas->session, "%s", rendered->problem);
    }
    set_rendered(canvas, rendered);
    msk_canvas_scene_shown(canvas, rendered->scene->serial);
}

static void update_frame_size(MskCanvas *canvas)
{
    MskLayout *layout = &canvas->layout;
    MskFrame *frame = canvas->scene ? canvas->scene->frame : NULL;
    int width = frame ? msk_frame_get_width(frame) : 0;
    int height = frame ? msk_frame_get_height(frame) : 0;
    double aspect = 1;
    MskMedia *media = canvas->session ? msk_session_get_media(canvas->session) : NULL;
    if (media) {
        MskMediaInfo info;
        msk_media_get_info(media, &info);
        if (info.pixel_aspect.num > 0 && info.pixel_aspect.den > 0)
            aspect = CLAMP((double)info.pixel_aspect.num / info.pixel_aspect.den, 0.1, 10);
    }
    if (width == layout->width && height == layout->height && aspect == layout->aspect)
        return;
    layout->width = width;
    layout->height = height;
    layout->aspect = aspect;
    layout->fit = TRUE; // another clip
    msk_canvas_layout_changed(canvas);
    g_object_notify_by_pspec(G_OBJECT(canvas), props[PROP_FIT]);
}

static gboolean render_idle(gpointer data)
{
    MskCanvas *canvas = data;
    canvas->render_idle = 0;
    if (canvas->scene_dirty) {
        canvas->scene_dirty = FALSE;
        g_clear_pointer(&canvas->scene, msk_scene_unref);
        canvas->scene = msk_canvas_build_scene(canvas);
        update_frame_size(canvas);
        MskDocument *document = canvas->session ? msk_session_get_document(canvas->session) : NULL;
        gtk_widget_set_visible(canvas->hint, canvas->scene && document &&
                                                 msk_document_get_n_objects(document) == 0);
    }
    const MskLayout *layout = &canvas->layout;
    if (!canvas->scene) {
        if (canvas->rendered)
            set_rendered(canvas, NULL);
    } else if (canvas->renderer && layout->view_width > 0 && layout->view_height > 0) {
        if (!canvas->rendered || canvas->rendered->scene != canvas->scene ||
            !msk_rendered_covers(canvas->rendered, layout))
            msk_renderer_request(canvas->renderer, canvas->scene, layout);
    }
    return G_SOURCE_REMOVE;
}

void msk_canvas_queue_render(MskCanvas *canvas)
{
    if (canvas->render_idle == 0 && canvas->renderer)
        canvas->render_idle = g_idle_add_full(GDK_PRIORITY_REDRAW - 5, render_idle, canvas, NULL);
}

void msk_canvas_queue_scene(MskCanvas *canvas)
{
    canvas->scene_dirty = TRUE;
    msk_canvas_queue_render(canvas);
}

int64_t msk_canvas_get_shown_frame(MskCanvas *canvas)
{
    return canvas->rendered ? canvas->rendered->scene->n : -1;
}

// ---- Zoom and pan ------------------------------------------------------------------------------

void msk_canvas_layout_changed(MskCanvas *canvas)
{
    double before = canvas->layout.zoom;
    msk_layout_update(&canvas->layout);
    if (canvas->layout.zoom != before)
        g_object_notify_by_pspec(G_OBJECT(canvas), props[PROP_ZOOM]);
    msk_canvas_queue_render(canvas);
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
}

static void set_fit(MskCanvas *canvas, gboolean fit)
{
    if (canvas->layout.fit == fit)
        return;
    canvas->layout.fit = fit;
    msk_canvas_layout_changed(canvas);
    g_object_notify_by_pspec(G_OBJECT(canvas), props[PROP_FIT]);
}

double msk_canvas_get_zoom(MskCanvas *canvas)
{
    return canvas->layout.zoom;
}

void msk_canvas_zoom_at(MskCanvas *canvas, double zoom, double x, double y)
{
    double before = canvas->layout.zoom;
    gboolean was_fit = canvas->layout.fit;
    msk_layout_zoom_at(&canvas->layout, zoom, x, y);
    msk_canvas_layout_changed(canvas);
    if (canvas->layout.zoom != before)
        g_object_notify_by_pspec(G_OBJECT(canvas), props[PROP_ZOOM]);
    if (was_fit)
        g_object_notify_by_pspec(G_OBJECT(canvas), props[PROP_FIT]);
}

static void zoom_middle(MskCanvas *canvas, double zoom)
{
    GtkWidget *widget = GTK_WIDGET(canvas);
    msk_canvas_zoom_at(canvas, zoom, gtk_widget_get_width(widget) / 2.0,
                       gtk_widget_get_height(widget) / 2.0);
}

// The next of 1, sqrt(2), 2, ... in that direction, so that steps meet 1:1.
static double find_step(double zoom, int direction)
{
    double step = log2(zoom) * 2;
    double next = direction > 0 ? floor(step + 1e-6) + 1 : ceil(step - 1e-6) - 1;
    return exp2(next / 2);
}

void msk_canvas_zoom_in(MskCanvas *canvas)
{
    zoom_middle(canvas, find_step(canvas->layout.zoom, 1));
}

void msk_canvas_zoom_out(MskCanvas *canvas)
{
    zoom_middle(canvas, find_step(canvas->layout.zoom, -1));
}

void msk_canvas_fit(MskCanvas *canvas)
{
    set_fit(canvas, TRUE);
}

void msk_canvas_one_to_one(MskCanvas *canvas)
{
    zoom_middle(canvas, 1);
}

void msk_canvas_pan(MskCanvas *canvas, double dx, double dy)
{
    gboolean was_fit = canvas->layout.fit;
    msk_layout_pan(&canvas->layout, dx, dy);
    msk_canvas_layout_changed(canvas);
    if (was_fit)
        g_object_notify_by_pspec(G_OBJECT(canvas), props[PROP_FIT]);
}

void msk_canvas_frame_to_widget(MskCanvas *canvas, double frame_x, double frame_y, double *x,
                                double *y)
{
    msk_layout_to_view(&canvas->layout, frame_x, frame_y, x, y);
}

void msk_canvas_widget_to_frame(MskCanvas *canvas, double x, double y, double *frame_x,
                                double *frame_y)
{
    msk_layout_from_view(&canvas->layout, x, y, frame_x, frame_y);
}

gboolean msk_canvas_contains(MskCanvas *canvas, double frame_x, double frame_y)
{
    return frame_x >= 0 && frame_y >= 0 && frame_x < canvas->layout.width &&
           frame_y < canvas->layout.height;
}

// ---- Following the session ---------------------------------------------------------------------

static void object_changed_cb(MskMasklet *masklet, GParamSpec *pspec, MskCanvas *canvas)
{
    msk_canvas_queue_scene(canvas);
}

static void unwatch_objects(MskCanvas *canvas)
{
    for (guint i = 0; i < canvas->watched->len; i++)
        g_signal_handlers_disconnect_by_func(g_ptr_array_index(canvas->watched, i),
                                             object_changed_cb, canvas);
    g_ptr_array_set_size(canvas->watched, 0);
}

static void watch_objects(MskCanvas *canvas)
{
    unwatch_objects(canvas);
    MskDocument *document = canvas->session ? msk_session_get_document(canvas->session) : NULL;
    guint n = document ? msk_document_get_n_objects(document) : 0;
    for (guint i = 0; i < n; i++) {
        MskMasklet *masklet = msk_document_get_object(document, i);
        g_signal_connect(masklet, "notify", G_CALLBACK(object_changed_cb), canvas);
        g_ptr_array_add(canvas->watched, g_object_ref(masklet));
    }
}

static void items_changed_cb(GListModel *model, guint position, guint n_removed, guint n_added,
                             MskCanvas *canvas)
{
    watch_objects(canvas);
    msk_canvas_queue_scene(canvas);
}

static void frames_changed_cb(MskDocument *document, MskMasklet *masklet, gint64 first, gint64 last,
                              MskCanvas *canvas)
{
    int64_t n;
    if (!msk_session_get_picture(canvas->session, &n))
        return;
    int reach = msk_session_get_onion_skin(canvas->session);
    if (first <= n + reach && last >= n - reach)
        msk_canvas_queue_scene(canvas);
    if (first <= n && last >= n)
        msk_canvas_hover_moved(canvas);
}

static void prompt_answered_cb(MskTracker *tracker, MskMasklet *masklet, gint64 frame,
                               MskCanvas *canvas)
{
    msk_canvas_forget_pending(canvas, masklet, frame);
}

static void failed_cb(MskTracker *tracker, GError *error, MskCanvas *canvas)
{
    msk_canvas_forget_pending(canvas, NULL, -1);
}

static void follow_document(MskCanvas *canvas)
{
    MskDocument *document = canvas->session ? msk_session_get_document(canvas->session) : NULL;
    MskTracker *tracker = canvas->session ? msk_session_get_tracker(canvas->session) : NULL;
    msk_canvas_cancel_drag(canvas);
    msk_canvas_clear_paint(canvas);
    canvas->point = -1;
    g_clear_object(&canvas->target);
    msk_canvas_forget_pending(canvas, NULL, -1);
    msk_canvas_hover_stop(canvas);
    g_signal_group_set_target(canvas->document_signals, document);
    g_signal_group_set_target(canvas->tracker_signals, tracker);
    watch_objects(canvas);
    msk_canvas_queue_scene(canvas);
}

static void session_changed_cb(MskSession *session, GParamSpec *pspec, MskCanvas *canvas)
{
    static const char *const shown[] = {
        "view-mode",  "opacity",     "background", "background-image",
        "onion-skin", "masks-muted", "media",      NULL};
    if (strcmp(pspec->name, "document") == 0) {
        follow_document(canvas);
    } else if (strcmp(pspec->name, "selected") == 0) {
        canvas->point = -1;
        msk_canvas_queue_scene(canvas);
        msk_canvas_hover_moved(canvas);
    } else if (strcmp(pspec->name, "tool") == 0) {
        msk_canvas_cancel_drag(canvas);
        canvas->has_corner = FALSE;
        msk_canvas_hover_moved(canvas);
        msk_canvas_update_cursor(canvas);
        gtk_widget_queue_draw(GTK_WIDGET(canvas));
    } else if (strcmp(pspec->name, "brush-size") == 0) {
        msk_canvas_update_cursor(canvas);
        gtk_widget_queue_draw(GTK_WIDGET(canvas));
    } else if (g_strv_contains(shown, pspec->name)) {
        msk_canvas_queue_scene(canvas);
    }
}

static void frame_ready_cb(MskSession *session, gint64 n, MskCanvas *canvas)
{
    msk_canvas_queue_scene(canvas);
}

void msk_canvas_set_session(MskCanvas *canvas, MskSession *session)
{
    if (canvas->session == session)
        return;
    g_set_object(&canvas->session, session);
    g_signal_group_set_target(canvas->session_signals, session);
    follow_document(canvas);
    msk_canvas_update_cursor(canvas);
    g_object_notify_by_pspec(G_OBJECT(canvas), props[PROP_SESSION]);
}

static GSignalGroup *follow(MskCanvas *canvas, GType type)
{
    GSignalGroup *group = g_signal_group_new(type);
    if (type == MSK_TYPE_SESSION) {
        g_signal_group_connect(group, "notify", G_CALLBACK(session_changed_cb), canvas);
        g_signal_group_connect(group, "frame-ready", G_CALLBACK(frame_ready_cb), canvas);
    } else if (type == MSK_TYPE_DOCUMENT) {
        g_signal_group_connect(group, "items-changed", G_CALLBACK(items_changed_cb), canvas);
        g_signal_group_connect(group, "frames-changed", G_CALLBACK(frames_changed_cb), canvas);
    } else {
        g_signal_group_connect(group, "prompt-answered", G_CALLBACK(prompt_answered_cb), canvas);
        g_signal_group_connect(group, "failed", G_CALLBACK(failed_cb), canvas);
    }
    return group;
}

// ---- Widget ------------------------------------------------------------------------------------

gboolean msk_canvas_delete(MskCanvas *canvas)
{
    if (msk_canvas_delete_point(canvas))
        return TRUE;
    MskMasklet *masklet = canvas->session ? msk_session_get_selected(canvas->session) : NULL;
    int64_t frame = msk_canvas_get_shown_frame(canvas);
    if (!masklet || frame < 0)
        return FALSE;
    MskFrameFlags flags = msk_masklet_get_frame(masklet, frame, NULL);
    if (!(flags & (MSK_FRAME_PROMPT | MSK_FRAME_PAINT)))
        return FALSE;
    if (msk_canvas_check_editable(canvas, masklet, frame))
        msk_document_clear_frame(msk_session_get_document(canvas->session), masklet, frame);
    return TRUE;
}

gboolean msk_canvas_cancel(MskCanvas *canvas)
{
    if (msk_canvas_cancel_drag(canvas))
        return TRUE;
    if (canvas->point < 0)
        return FALSE;
    canvas->point = -1;
    gtk_widget_queue_draw(GTK_WIDGET(canvas));
    return TRUE;
}

static void update_view_size(MskCanvas *canvas)
{
    GtkWidget *widget = GTK_WIDGET(canvas);
    int scale = gtk_widget_get_scale_factor(widget);
    // What one sees stays as large when the window moves to another screen.
    if (!canvas->layout.fit && canvas->layout.scale > 0 && scale != canvas->layout.scale)
        canvas->layout.zoom *= (double)scale / canvas->layout.scale;
    canvas->layout.scale = scale;
    canvas->layout.view_width = gtk_widget_get_width(widget) * scale;
    canvas->layout.view_height = gtk_widget_get_height(widget) * scale;
    msk_canvas_layout_changed(canvas);
}

static void scale_changed_cb(MskCanvas *canvas, GParamSpec *pspec, gpointer user)
{
    update_view_size(canvas);
}

static void measure(GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                    int *natural, int *minimum_baseline, int *natural_baseline)
{
    *minimum = 160;
    *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 640 : 360;
    *minimum_baseline = *natural_baseline = -1;
}

static void size_allocate(GtkWidget *widget, int width, int height, int baseline)
{
    MskCanvas *canvas = MSK_CANVAS(widget);
    update_view_size(canvas);
    int hint_width, hint_height, least;
    gtk_widget_measure(canvas->hint, GTK_ORIENTATION_HORIZONTAL, -1, &least, &hint_width, NULL,
                       NULL);
    hint_width = MAX(MIN(hint_width, width - 24), least);
    gtk_widget_measure(canvas->hint, GTK_ORIENTATION_VERTICAL, hint_width, NULL, &hint_height, NULL,
                       NULL);
    gtk_widget_size_allocate(canvas->hint,
                             &(GtkAllocation){(width - hint_width) / 2, height - hint_height - 24,
                                              hint_width, hint_height},
                             -1);
}

static void snapshot(GtkWidget *widget, GtkSnapshot *out)
{
    MskCanvas *canvas = MSK_CANVAS(widget);
    msk_canvas_draw(canvas, out);
    gtk_widget_snapshot_child(widget, canvas->hint, out);
}

static void realize(GtkWidget *widget)
{
    MskCanvas *canvas = MSK_CANVAS(widget);
    GTK_WIDGET_CLASS(msk_canvas_parent_class)->realize(widget);
    canvas->renderer = msk_renderer_new(rendered_cb, canvas);
    msk_canvas_queue_scene(canvas);
}

static void unrealize(GtkWidget *widget)
{
    MskCanvas *canvas = MSK_CANVAS(widget);
    g_clear_handle_id(&canvas->render_idle, g_source_remove);
    g_clear_pointer(&canvas->renderer, msk_renderer_free);
    g_clear_pointer(&canvas->rendered, msk_rendered_unref);
    GTK_WIDGET_CLASS(msk_canvas_parent_class)->unrealize(widget);
}

static void map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(msk_canvas_parent_class)->map(widget);
    msk_canvas_watch_window(MSK_CANVAS(widget));
}

static void unmap(GtkWidget *widget)
{
    msk_canvas_unwatch_window(MSK_CANVAS(widget));
    GTK_WIDGET_CLASS(msk_canvas_parent_class)->unmap(widget);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    MskCanvas *canvas = MSK_CANVAS(object);
    switch (id) {
    case PROP_SESSION:
        g_value_set_object(value, canvas->session);
        break;
    case PROP_ZOOM:
        g_value_set_double(value, canvas->layout.zoom);
        break;
    case PROP_FIT:
        g_value_set_boolean(value, canvas->layout.fit);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    MskCanvas *canvas = MSK_CANVAS(object);
    switch (id) {
    case PROP_SESSION:
        msk_canvas_set_session(canvas, g_value_get_object(value));
        break;
    case PROP_ZOOM:
        zoom_middle(canvas, g_value_get_double(value));
        break;
    case PROP_FIT:
        set_fit(canvas, g_value_get_boolean(value));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void dispose(GObject *object)
{
    MskCanvas *canvas = MSK_CANVAS(object);
    msk_canvas_set_session(canvas, NULL);
    g_clear_handle_id(&canvas->render_idle, g_source_remove);
    msk_canvas_clear_paint(canvas);
    g_clear_pointer(&canvas->hint, gtk_widget_unparent);
    G_OBJECT_CLASS(msk_canvas_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    MskCanvas *canvas = MSK_CANVAS(object);
    g_object_unref(canvas->session_signals);
    g_object_unref(canvas->document_signals);
    g_object_unref(canvas->tracker_signals);
    g_ptr_array_unref(canvas->watched);
    msk_scene_unref(canvas->scene);
    g_array_unref(canvas->pending);
    g_array_unref(canvas->lasso);
    g_free(canvas->told_problem);
    G_OBJECT_CLASS(msk_canvas_parent_class)->finalize(object);
}

static void msk_canvas_class_init(MskCanvasClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    object_class->get_property = get_property;
    object_class->set_property = set_property;
    object_class->dispose = dispose;
    object_class->finalize = finalize;
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    widget_class->measure = measure;
    widget_class->size_allocate = size_allocate;
    widget_class->snapshot = snapshot;
    widget_class->realize = realize;
    widget_class->unrealize = unrealize;
    widget_class->map = map;
    widget_class->unmap = unmap;

    GParamFlags flags =
        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | (GParamFlags)G_PARAM_STATIC_STRINGS;
    props[PROP_SESSION] = g_param_spec_object("session", NULL, NULL, MSK_TYPE_SESSION, flags);
    props[PROP_ZOOM] =
        g_param_spec_double("zoom", NULL, NULL, MSK_CANVAS_ZOOM_MIN, MSK_CANVAS_ZOOM_MAX, 1, flags);
    props[PROP_FIT] = g_param_spec_boolean("fit", NULL, NULL, TRUE, flags);
    g_object_class_install_properties(object_class, N_PROPS, props);
    signals[SIGNAL_SHOWN] = g_signal_new("shown", MSK_TYPE_CANVAS, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                         NULL, G_TYPE_NONE, 1, G_TYPE_INT64);
    gtk_widget_class_set_css_name(widget_class, "canvas");
    gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void msk_canvas_init(MskCanvas *canvas)
{
    GtkWidget *widget = GTK_WIDGET(canvas);
    canvas->layout = (MskLayout){.aspect = 1, .scale = 1, .fit = TRUE, .zoom = 1};
    canvas->point = -1;
    canvas->pressure = 1;
    canvas->hover_known_frame = -1;
    canvas->watched = g_ptr_array_new_with_free_func(g_object_unref);
    canvas->pending = g_array_new(FALSE, FALSE, sizeof(MskPendingClick));
    canvas->lasso = g_array_new(FALSE, FALSE, sizeof(float));
    g_queue_init(&canvas->strokes);
    canvas->session_signals = follow(canvas, MSK_TYPE_SESSION);
    canvas->document_signals = follow(canvas, MSK_TYPE_DOCUMENT);
    canvas->tracker_signals = follow(canvas, MSK_TYPE_TRACKER);

    gtk_widget_set_overflow(widget, GTK_OVERFLOW_HIDDEN);
    gtk_widget_set_focusable(widget, TRUE);
    gtk_widget_set_hexpand(widget, TRUE);
    gtk_widget_set_vexpand(widget, TRUE);
    gtk_accessible_update_property(GTK_ACCESSIBLE(canvas), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Canvas"), -1);
    canvas->hint = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);
    gtk_widget_add_css_class(canvas->hint, "osd");
    gtk_widget_add_css_class(canvas->hint, "toolbar");
    GtkWidget *text = gtk_label_new(_("Click on what you want to cut out"));
    gtk_label_set_wrap(GTK_LABEL(text), TRUE);
    gtk_label_set_justify(GTK_LABEL(text), GTK_JUSTIFY_CENTER);
    gtk_widget_set_margin_start(text, 6);
    gtk_widget_set_margin_end(text, 6);
    gtk_box_append(GTK_BOX(canvas->hint), text);
    gtk_widget_set_can_target(canvas->hint, FALSE);
    gtk_widget_set_visible(canvas->hint, FALSE);
    gtk_widget_set_parent(canvas->hint, widget);
    g_signal_connect(canvas, "notify::scale-factor", G_CALLBACK(scale_changed_cb), NULL);
    msk_canvas_init_tools(canvas);
    msk_canvas_init_keys(canvas);
}
