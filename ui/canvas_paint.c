// SPDX-License-Identifier: Apache-2.0
// Brush, eraser and lasso: drawn at frame size as the pointer goes, put into the document by a
// thread, one stroke after the other.
#include <glib/gi18n.h>
#include <math.h>

#include "ui/canvas_private.h"

struct MskStrokeJob {
    MskCanvas *canvas; // NULL: it is gone
    MskDocument *document;
    MskMasklet *masklet; // NULL: one that is to be made
    int64_t frame;
    MskStroke *stroke;
    gboolean erase;
    guint32 colour;
    MskMask *add, *remove;         // what the stroke goes on top of; references
    MskMask *new_add, *new_remove; // the outcome
    guint serial;                  // of the first scene that has it; 0: not handed over yet
};

static void clear_masks(MskStrokeJob *job)
{
    g_clear_pointer(&job->add, msk_mask_unref);
    g_clear_pointer(&job->remove, msk_mask_unref);
    g_clear_pointer(&job->new_add, msk_mask_unref);
    g_clear_pointer(&job->new_remove, msk_mask_unref);
}

static void free_job(MskStrokeJob *job)
{
    clear_masks(job);
    msk_stroke_free(job->stroke);
    g_object_unref(job->document);
    g_clear_object(&job->masklet);
    g_free(job);
}

// ---- Into the document -------------------------------------------------------------------------

static void merge_next(MskCanvas *canvas);

static void merge_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    MskStrokeJob *job = data;
    msk_stroke_apply(job->stroke, job->erase, job->add, job->remove, &job->new_add,
                     &job->new_remove);
    g_task_return_boolean(task, TRUE);
}

static void take_base(MskStrokeJob *job)
{
    MskFrameState state = {0};
    clear_masks(job);
    if (!job->masklet) // an earlier stroke may have made it
        g_set_object(&job->masklet, msk_session_get_selected(job->canvas->session));
    if (job->masklet)
        msk_masklet_get_frame(job->masklet, job->frame, &state);
    if (state.paint && state.paint->add)
        job->add = msk_mask_ref(state.paint->add);
    if (state.paint && state.paint->remove)
        job->remove = msk_mask_ref(state.paint->remove);
}

static gboolean base_changed(MskStrokeJob *job)
{
    MskFrameState state = {0};
    if (job->masklet)
        msk_masklet_get_frame(job->masklet, job->frame, &state);
    return (state.paint ? state.paint->add : NULL) != job->add ||
           (state.paint ? state.paint->remove : NULL) != job->remove;
}

// The new masks as a command, with the object if it is new.
static void commit(MskStrokeJob *job)
{
    msk_document_begin(job->document, job->erase ? _("Erase") : _("Paint"));
    if (!job->masklet && job->canvas)
        g_set_object(&job->masklet, msk_session_ensure_selected(job->canvas->session));
    else if (!job->masklet)
        g_set_object(&job->masklet, msk_document_add_object(job->document, NULL));
    if (!msk_document_set_paint(job->document, job->masklet, job->frame, job->new_add,
                                job->new_remove) &&
        job->canvas)
        msk_canvas_check_editable(job->canvas, job->masklet, job->frame); // says why
    msk_document_end(job->document);
}

static gboolean is_gone(const MskStrokeJob *job)
{
    return job->masklet && msk_document_find_object(
                               job->document, msk_masklet_get_id(job->masklet)) != job->masklet;
}

static void merged_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    MskStrokeJob *job = user;
    MskCanvas *canvas = job->canvas;
    if (canvas)
        canvas->is_merging = FALSE;
    if (canvas && !is_gone(job) && base_changed(job)) { // undone meanwhile, or the like
        merge_next(canvas);
        return;
    }
    if (!is_gone(job))
        commit(job);
    if (!canvas) {
        free_job(job);
        return;
    }
    // It stays on the screen until a picture has it.
    msk_canvas_queue_scene(canvas);
    job->serial = canvas->serial + 1;
    merge_next(canvas);
}

static void merge_next(MskCanvas *canvas)
{
    for (GList *link = canvas->strokes.head; link && !canvas->is_merging; link = link->next) {
        MskStrokeJob *job = link->data;
        if (job->serial != 0)
            continue;
        canvas->is_merging = TRUE;
        take_base(job);
        g_autoptr(GTask) task = g_task_new(NULL, NULL, merged_cb, job);
        g_task_set_task_data(task, job, NULL);
        g_task_run_in_thread(task, merge_thread);
    }
}

static guint32 get_target_colour(MskCanvas *canvas)
{
    return canvas->target ? msk_masklet_get_info(canvas->target)->colour : 0xffffff;
}

static void push_stroke(MskCanvas *canvas, MskStroke *stroke, gboolean erase)
{
    MskStrokeJob *job = g_new0(MskStrokeJob, 1);
    job->canvas = canvas;
    job->document = g_object_ref(msk_session_get_document(canvas->session));
    g_set_object(&job->masklet, canvas->target);
    job->frame = canvas->target_frame;
    job->stroke = stroke;
    job->erase = erase;
    job->colour = get_target_colour(canvas);
    g_queue_push_tail(&canvas->strokes, job);
    merge_next(canvas);
}

void msk_canvas_scene_shown(MskCanvas *canvas, guint serial)
{
    for (GList *link = canvas->strokes.head; link;) {
        MskStrokeJob *job = link->data;
        GList *next = link->next;
        if (job->serial != 0 && serial >= job->serial) {
            g_queue_delete_link(&canvas->strokes, link);
            free_job(job);
        }
        link = next;
    }
}

void msk_canvas_clear_paint(MskCanvas *canvas)
{
    gboolean first = TRUE;
    while (!g_queue_is_empty(&canvas->strokes)) {
        MskStrokeJob *job = g_queue_pop_head(&canvas->strokes);
        // The one that is worked on is handed over when it is done, and freed there.
        if (canvas->is_merging && first && job->serial == 0) {
            job->canvas = NULL;
            first = FALSE;
            continue;
        }
        free_job(job);
    }
    canvas->is_merging = FALSE;
    g_clear_pointer(&canvas->stroke, msk_stroke_free);
    g_array_set_size(canvas->lasso, 0);
}

// ---- Drawing -----------------------------------------------------------------------------------

static gboolean is_erasing(MskCanvas *canvas)
{
    MskTool tool = msk_session_get_tool(canvas->session);
    return (tool == MSK_TOOL_ERASER) != (canvas->subtract != FALSE);
}

// There must be something to take away from.
static gboolean take_paint_target(MskCanvas *canvas, gboolean erase)
{
    MskMasklet *masklet = msk_session_get_selected(canvas->session);
    int64_t frame = msk_canvas_get_shown_frame(canvas);
    if (erase &&
        (!masklet || !(msk_masklet_get_frame(masklet, frame, NULL) & MSK_FRAME_HAS_MASK)) &&
        g_queue_is_empty(&canvas->strokes)) {
        msk_session_toast(canvas->session, _("There is nothing to erase on this frame."));
        return FALSE;
    }
    return msk_canvas_take_target(canvas);
}

// Less pressure of a pen makes the brush smaller.
static double get_radius(MskCanvas *canvas, double pressure)
{
    return msk_session_get_brush_size(canvas->session) / 2 * CLAMP(pressure, 0.05, 1);
}

static void paint_to(MskCanvas *canvas, double x, double y, double radius)
{
    double frame_x, frame_y;
    msk_canvas_widget_to_frame(canvas, x, y, &frame_x, &frame_y);
    msk_stroke_add_line(canvas->stroke, canvas->brush_x, canvas->brush_y, canvas->brush_radius,
                        frame_x, frame_y, radius);
    canvas->brush_x = frame_x;
    canvas->brush_y = frame_y;
    canvas->brush_radius = radius;
}

gboolean msk_canvas_paint_begin(MskCanvas *canvas, double x, double y)
{
    if (!take_paint_target(canvas, is_erasing(canvas)))
        return FALSE;
    MskDocument *document = msk_session_get_document(canvas->session);
    msk_stroke_free(canvas->stroke);
    canvas->stroke =
        msk_stroke_new(msk_document_get_width(document), msk_document_get_height(document));
    canvas->brush_radius = get_radius(canvas, canvas->pressure);
    msk_canvas_widget_to_frame(canvas, x, y, &canvas->brush_x, &canvas->brush_y);
    paint_to(canvas, x, y, canvas->brush_radius);
    return TRUE;
}

// Places between the last event and this one that were joined into it.
static void paint_history(MskCanvas *canvas, double x, double y)
{
    GdkEvent *event = gtk_event_controller_get_current_event(GTK_EVENT_CONTROLLER(canvas->drag));
    double event_x, event_y;
    guint n = 0;
    if (!event || !gdk_event_get_position(event, &event_x, &event_y))
        return;
    g_autofree GdkTimeCoord *history = gdk_event_get_history(event, &n);
    for (guint i = 0; i < n; i++) {
        const double *axes = history[i].axes;
        gboolean has_pressure =
            gdk_event_get_device_tool(event) && (history[i].flags & GDK_AXIS_FLAG_PRESSURE);
        if ((history[i].flags & GDK_AXIS_FLAG_X) && (history[i].flags & GDK_AXIS_FLAG_Y))
            paint_to(canvas, axes[GDK_AXIS_X] + x - event_x, axes[GDK_AXIS_Y] + y - event_y,
                     get_radius(canvas, has_pressure ? axes[GDK_AXIS_PRESSURE] : canvas->pressure));
    }
}

void msk_canvas_paint_update(MskCanvas *canvas, double x, double y)
{
    paint_history(canvas, x, y);
    paint_to(canvas, x, y, get_radius(canvas, canvas->pressure));
}

void msk_canvas_paint_end(MskCanvas *canvas)
{
    MskStroke *stroke = g_steal_pointer(&canvas->stroke);
    if (!stroke)
        return;
    if (msk_stroke_is_empty(stroke)) // off the frame
        msk_stroke_free(stroke);
    else
        push_stroke(canvas, stroke, is_erasing(canvas));
}

// ---- Lasso -------------------------------------------------------------------------------------

gboolean msk_canvas_lasso_begin(MskCanvas *canvas, double x, double y)
{
    if (!take_paint_target(canvas, canvas->subtract))
        return FALSE;
    g_array_set_size(canvas->lasso, 0);
    msk_canvas_lasso_update(canvas, x, y);
    return TRUE;
}

void msk_canvas_lasso_update(MskCanvas *canvas, double x, double y)
{
    double frame_x, frame_y;
    msk_canvas_widget_to_frame(canvas, x, y, &frame_x, &frame_y);
    float at[2] = {(float)frame_x, (float)frame_y};
    g_array_append_vals(canvas->lasso, at, 2);
}

void msk_canvas_lasso_end(MskCanvas *canvas)
{
    MskDocument *document = msk_session_get_document(canvas->session);
    if (canvas->lasso->len >= 6 && document) {
        MskStroke *stroke =
            msk_stroke_new(msk_document_get_width(document), msk_document_get_height(document));
        msk_stroke_add_polygon(stroke, (const float *)(const void *)canvas->lasso->data,
                               canvas->lasso->len / 2);
        if (msk_stroke_is_empty(stroke))
            msk_stroke_free(stroke);
        else
            push_stroke(canvas, stroke, canvas->subtract);
    }
    g_array_set_size(canvas->lasso, 0);
}

// ---- On the screen -----------------------------------------------------------------------------

// A stroke in its colour (erasing: dark), each of its pixels where it is on the frame.
static void draw_stroke(MskCanvas *canvas, GtkSnapshot *snapshot, const MskStroke *stroke,
                        gboolean erase, guint32 colour)
{
    double x0, y0, x1, y1;
    const MskRect *box = &stroke->bounds;
    if (box->width == 0)
        return;
    msk_canvas_frame_to_widget(canvas, box->x, box->y, &x0, &y0);
    msk_canvas_frame_to_widget(canvas, box->x + box->width, box->y + box->height, &x1, &y1);
    graphene_rect_t bounds =
        GRAPHENE_RECT_INIT((float)x0, (float)y0, (float)(x1 - x0), (float)(y1 - y0));
    graphene_rect_t view = GRAPHENE_RECT_INIT(0, 0, (float)gtk_widget_get_width(GTK_WIDGET(canvas)),
                                              (float)gtk_widget_get_height(GTK_WIDGET(canvas)));
    if (!graphene_rect_intersection(&bounds, &view, &bounds))
        return;
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        stroke->pixels + (size_t)box->y * stroke->stride, CAIRO_FORMAT_A8, stroke->width,
        box->height, (int)stroke->stride);
    cairo_t *cr = gtk_snapshot_append_cairo(snapshot, &bounds);
    cairo_translate(cr, x0, y0);
    cairo_scale(cr, (x1 - x0) / box->width, (y1 - y0) / box->height);
    cairo_pattern_t *pattern = cairo_pattern_create_for_surface(surface);
    cairo_matrix_t matrix;
    cairo_matrix_init_translate(&matrix, box->x, 0);
    cairo_pattern_set_matrix(pattern, &matrix);
    cairo_pattern_set_filter(pattern, canvas->layout.zoom >= 2 ? CAIRO_FILTER_NEAREST
                                                               : CAIRO_FILTER_BILINEAR);
    if (erase)
        cairo_set_source_rgba(cr, 0, 0, 0, 0.55);
    else
        cairo_set_source_rgba(cr, ((colour >> 16) & 255) / 255.0, ((colour >> 8) & 255) / 255.0,
                              (colour & 255) / 255.0, 0.6);
    cairo_mask(cr, pattern);
    cairo_pattern_destroy(pattern);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
}

static void draw_lasso(MskCanvas *canvas, GtkSnapshot *snapshot)
{
    const float *points = (const float *)(const void *)canvas->lasso->data;
    graphene_rect_t view = GRAPHENE_RECT_INIT(0, 0, (float)gtk_widget_get_width(GTK_WIDGET(canvas)),
                                              (float)gtk_widget_get_height(GTK_WIDGET(canvas)));
    cairo_t *cr = gtk_snapshot_append_cairo(snapshot, &view);
    for (guint i = 0; i < canvas->lasso->len; i += 2) {
        double x, y;
        msk_canvas_frame_to_widget(canvas, points[i], points[i + 1], &x, &y);
        cairo_line_to(cr, x, y);
    }
    if (canvas->crosshair) { // corner by corner: the next one
        double x, y;
        msk_canvas_frame_to_widget(canvas, canvas->crosshair_x, canvas->crosshair_y, &x, &y);
        cairo_line_to(cr, x, y);
    }
    cairo_close_path(cr);
    cairo_set_source_rgba(cr, 1, 1, 1, 0.15);
    cairo_fill_preserve(cr);
    cairo_set_line_width(cr, 3);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.6);
    cairo_stroke_preserve(cr);
    cairo_set_line_width(cr, 1.5);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_stroke(cr);
    cairo_destroy(cr);
}

void msk_canvas_draw_strokes(MskCanvas *canvas, GtkSnapshot *snapshot)
{
    int64_t frame = msk_canvas_get_shown_frame(canvas);
    for (GList *link = canvas->strokes.head; link; link = link->next) {
        const MskStrokeJob *job = link->data;
        if (job->frame == frame)
            draw_stroke(canvas, snapshot, job->stroke, job->erase, job->colour);
    }
    if (canvas->stroke)
        draw_stroke(canvas, snapshot, canvas->stroke, is_erasing(canvas),
                    get_target_colour(canvas));
    if (canvas->lasso->len > 0)
        draw_lasso(canvas, snapshot);
}
