// SPDX-License-Identifier: Apache-2.0
// The thread that makes the canvas's pictures: the latest request wins, what can be used again is.
#include "ui/canvas_render.h"

#include <math.h>
#include <string.h>

#include "app/media.h"

#define MATTE_BUDGET ((gsize)192 << 20) // bytes
#define MARGIN 192                      // device pixels around what is visible, for panning

// ---- Values ------------------------------------------------------------------------------------

static void clear_source(MskViewSource *source)
{
    msk_mask_unref(source->result);
    msk_mask_unref(source->add);
    msk_mask_unref(source->remove);
}

static void clear_object(gpointer data)
{
    MskSceneObject *object = data;
    clear_source(&object->now);
    clear_source(&object->previous);
}

static void clear_ghost(gpointer data)
{
    clear_source(&((MskSceneGhost *)data)->source);
}

MskScene *msk_scene_new(MskFrame *frame, int64_t n)
{
    MskScene *scene = g_new0(MskScene, 1);
    g_atomic_ref_count_init(&scene->refs);
    scene->frame = msk_frame_ref(frame);
    scene->n = n;
    scene->objects = g_array_new(FALSE, TRUE, sizeof(MskSceneObject));
    g_array_set_clear_func(scene->objects, clear_object);
    scene->ghosts = g_array_new(FALSE, TRUE, sizeof(MskSceneGhost));
    g_array_set_clear_func(scene->ghosts, clear_ghost);
    return scene;
}

MskScene *msk_scene_ref(MskScene *scene)
{
    g_atomic_ref_count_inc(&scene->refs);
    return scene;
}

void msk_scene_unref(MskScene *scene)
{
    if (!scene || !g_atomic_ref_count_dec(&scene->refs))
        return;
    msk_frame_unref(scene->frame);
    g_free(scene->image_path);
    g_array_unref(scene->objects);
    g_array_unref(scene->ghosts);
    g_free(scene);
}

MskRendered *msk_rendered_ref(MskRendered *rendered)
{
    g_atomic_ref_count_inc(&rendered->refs);
    return rendered;
}

void msk_rendered_unref(MskRendered *rendered)
{
    if (!rendered || !g_atomic_ref_count_dec(&rendered->refs))
        return;
    msk_scene_unref(rendered->scene);
    msk_pixels_unref(rendered->pixels);
    g_ptr_array_unref(rendered->mattes);
    g_free(rendered->problem);
    g_free(rendered);
}

// ---- Sizes -------------------------------------------------------------------------------------

// One direction of a picture. Made smaller, a frame is drawn at the screen's resolution and as a
// whole; else at its own, and the visible part is magnified.
typedef struct Axis {
    int n_picture;       // pixels of the picture
    double zoom;         // device pixels a frame pixel
    double picture_zoom; // device pixels a picture pixel
    int first, n;        // device pixels shown, from the frame's corner
} Axis;

static Axis plan_axis(int n_frame, double zoom, int origin, int n_view, int margin)
{
    Axis axis = {.n_picture = n_frame, .zoom = zoom, .picture_zoom = zoom};
    if (zoom < 1) {
        axis.n = axis.n_picture = MAX((int)lrint(n_frame * zoom), 1);
        axis.zoom = (double)axis.n / n_frame;
        axis.picture_zoom = 1;
        return axis;
    }
    int end = (int)ceil(n_frame * zoom);
    axis.first = CLAMP(-origin - margin, 0, end - 1);
    axis.n = CLAMP(n_view - origin + margin, axis.first + 1, end) - axis.first;
    return axis;
}

static void plan_axes(const MskLayout *layout, int margin, Axis *across, Axis *down)
{
    double zoom_x, zoom_y;
    int x, y;
    msk_layout_get_zoom(layout, &zoom_x, &zoom_y);
    msk_layout_get_origin(layout, &x, &y);
    *across = plan_axis(layout->width, zoom_x, x, layout->view_width, margin);
    *down = plan_axis(layout->height, zoom_y, y, layout->view_height, margin);
}

gboolean msk_rendered_covers(const MskRendered *rendered, const MskLayout *layout)
{
    Axis across, down;
    plan_axes(layout, 0, &across, &down);
    return rendered->across == across.zoom && rendered->down == down.zoom &&
           across.first >= rendered->x && down.first >= rendered->y &&
           across.first + across.n <= rendered->x + rendered->width &&
           down.first + down.n <= rendered->y + rendered->height;
}

// ---- The thread's work -------------------------------------------------------------------------

typedef struct Request {
    MskScene *scene;
    MskLayout layout;
} Request;

static void free_request(Request *request)
{
    if (!request)
        return;
    msk_scene_unref(request->scene);
    g_free(request);
}

struct MskRenderer {
    GThread *thread;
    GMutex lock;
    GCond changed;
    Request *next; // waits
    gboolean closing;
    MskRendered *ready; // for the main thread
    gboolean is_due;    // it will be taken
    MskRendererFunc func;
    gpointer user;

    // Makes mattes while the thread converts the frame.
    GThreadPool *helper;
    GCond helped; // with `lock`
    gboolean is_helping;

    // Of the thread alone: what was made last, to be used again.
    MskViewCache *cache;
    MskFrame *frame; // of which `rgba` is, at width x height
    uint8_t *rgba;
    int width, height;
    MskScene *drawn; // of which `picture` is, at the same size
    uint8_t *picture;
    MskFrame *image; // of `image_path`
    char *image_path;
    uint8_t *image_rgba; // at the same size; NULL: not made yet
    char *problem;
};

static void fit_buffers(MskRenderer *renderer, int width, int height)
{
    if (renderer->width == width && renderer->height == height)
        return;
    size_t size = (size_t)width * (size_t)height * 4;
    g_free(renderer->rgba);
    g_free(renderer->picture);
    renderer->rgba = g_malloc(size);
    renderer->picture = g_malloc(size);
    renderer->width = width;
    renderer->height = height;
    g_clear_pointer(&renderer->frame, msk_frame_unref);
    g_clear_pointer(&renderer->drawn, msk_scene_unref);
    g_clear_pointer(&renderer->image_rgba, g_free);
}

static void convert_frame(MskRenderer *renderer, MskFrame *frame)
{
    if (renderer->frame == frame)
        return;
    g_clear_pointer(&renderer->frame, msk_frame_unref);
    size_t stride = (size_t)renderer->width * 4;
    g_autoptr(GError) error = NULL;
    gboolean whole = renderer->width == msk_frame_get_width(frame) &&
                     renderer->height == msk_frame_get_height(frame);
    gboolean done = whole ? msk_frame_get_rgba8(frame, renderer->rgba, stride, &error)
                          : msk_frame_get_rgba8_scaled(frame, renderer->width, renderer->height,
                                                       renderer->rgba, stride, &error);
    if (done)
        renderer->frame = msk_frame_ref(frame);
    else // the session tells of frames that cannot be shown
        memset(renderer->rgba, 0, stride * (size_t)renderer->height);
}

static const uint8_t *load_image(MskRenderer *renderer, const char *path)
{
    if (!path || !*path)
        return NULL;
    if (g_strcmp0(path, renderer->image_path) != 0) {
        g_clear_pointer(&renderer->image, msk_frame_unref);
        g_clear_pointer(&renderer->image_rgba, g_free);
        g_clear_pointer(&renderer->problem, g_free);
        g_free(renderer->image_path);
        renderer->image_path = g_strdup(path);
        g_autoptr(GError) error = NULL;
        g_autoptr(MskMedia) media = msk_media_open(path, NULL, NULL, &error);
        if (media)
            renderer->image = msk_media_get_frame(media, 0, NULL, &error);
        if (error)
            renderer->problem = g_strdup(error->message);
    }
    if (renderer->image && !renderer->image_rgba) {
        renderer->image_rgba = g_malloc((size_t)renderer->width * (size_t)renderer->height * 4);
        g_autoptr(GError) error = NULL;
        if (!msk_view_cover(renderer->image, renderer->width, renderer->height,
                            renderer->image_rgba, &error)) {
            g_clear_pointer(&renderer->image_rgba, g_free);
            g_clear_pointer(&renderer->image, msk_frame_unref);
            renderer->problem = g_strdup(error->message);
        }
    }
    return renderer->image_rgba;
}

static MskViewMatte *get_matte(MskRenderer *renderer, const MskScene *scene,
                               const MskViewSource *source)
{
    return msk_view_cache_get(renderer->cache, source, msk_frame_get_width(scene->frame),
                              msk_frame_get_height(scene->frame));
}

// The mattes of a scene's objects, in their order.
static void get_mattes(MskRenderer *renderer, const MskScene *scene, GPtrArray *mattes)
{
    for (guint i = 0; i < scene->objects->len; i++)
        g_ptr_array_add(mattes, get_matte(renderer, scene,
                                          &g_array_index(scene->objects, MskSceneObject, i).now));
}

// Fills the cache.
static void help_thread(gpointer data, gpointer user)
{
    MskRenderer *renderer = user;
    const MskScene *scene = data;
    for (guint i = 0; i < scene->objects->len; i++)
        msk_view_matte_unref(
            get_matte(renderer, scene, &g_array_index(scene->objects, MskSceneObject, i).now));
    g_mutex_lock(&renderer->lock);
    renderer->is_helping = FALSE;
    g_cond_signal(&renderer->helped);
    g_mutex_unlock(&renderer->lock);
}

static void convert_with_help(MskRenderer *renderer, MskScene *scene)
{
    if (renderer->frame == scene->frame)
        return;
    renderer->is_helping = TRUE;
    g_thread_pool_push(renderer->helper, scene, NULL);
    convert_frame(renderer, scene->frame);
    g_mutex_lock(&renderer->lock);
    while (renderer->is_helping)
        g_cond_wait(&renderer->helped, &renderer->lock);
    g_mutex_unlock(&renderer->lock);
}

static void draw_picture(MskRenderer *renderer, MskScene *scene, GPtrArray *mattes)
{
    if (renderer->drawn == scene)
        return;
    guint n = scene->objects->len;
    gboolean any_selected = FALSE;
    for (guint i = 0; i < n; i++)
        any_selected |= g_array_index(scene->objects, MskSceneObject, i).selected;

    g_autofree MskViewObject *objects = g_new0(MskViewObject, MAX(n, 1));
    g_autoptr(GPtrArray) previous =
        g_ptr_array_new_with_free_func((GDestroyNotify)msk_view_matte_unref);
    for (guint i = 0; i < n; i++) {
        const MskSceneObject *object = &g_array_index(scene->objects, MskSceneObject, i);
        objects[i].matte = g_ptr_array_index(mattes, i);
        objects[i].colour = object->colour;
        objects[i].strength =
            (object->selected || !any_selected ? 1 : 0.55) * (object->stale ? 0.6 : 1);
        if (scene->style != MSK_VIEW_STYLE_DIFFERENCE)
            continue;
        objects[i].previous = get_matte(renderer, scene, &object->previous);
        g_ptr_array_add(previous, objects[i].previous);
    }
    MskView view = {
        .style = scene->style,
        .opacity = scene->opacity,
        .background = scene->background,
        .frame = renderer->rgba,
        .frame_alpha = msk_frame_has_alpha(scene->frame),
        .image =
            scene->style == MSK_VIEW_STYLE_IMAGE ? load_image(renderer, scene->image_path) : NULL,
        .objects = objects,
        .n_objects = (int)n,
    };
    msk_view_render(&view, renderer->width, renderer->height, renderer->picture);
    g_clear_pointer(&renderer->drawn, msk_scene_unref);
    renderer->drawn = msk_scene_ref(scene);
}

static MskRendered *render(MskRenderer *renderer, const Request *request)
{
    MskScene *scene = request->scene;
    Axis across, down;
    plan_axes(&request->layout, MARGIN * request->layout.scale, &across, &down);
    fit_buffers(renderer, across.n_picture, down.n_picture);

    MskRendered *rendered = g_new0(MskRendered, 1);
    g_atomic_ref_count_init(&rendered->refs);
    rendered->scene = msk_scene_ref(scene);
    rendered->mattes = g_ptr_array_new_with_free_func((GDestroyNotify)msk_view_matte_unref);
    convert_with_help(renderer, scene);
    get_mattes(renderer, scene, rendered->mattes);
    draw_picture(renderer, scene, rendered->mattes);
    if (scene->style == MSK_VIEW_STYLE_IMAGE)
        rendered->problem = g_strdup(renderer->problem);

    rendered->across = across.zoom;
    rendered->down = down.zoom;
    rendered->x = across.first;
    rendered->y = down.first;
    rendered->width = across.n;
    rendered->height = down.n;
    rendered->pixels = msk_pixels_new(across.n, down.n, TRUE);
    uint32_t *pixels = msk_pixels_get_data(rendered->pixels);
    MskViewWindow window = {across.first, down.first,          across.n,
                            down.n,       across.picture_zoom, down.picture_zoom};
    msk_view_present(renderer->picture, renderer->width, renderer->height, &window, pixels,
                     (size_t)across.n);
    g_autoptr(GPtrArray) ghosts =
        g_ptr_array_new_with_free_func((GDestroyNotify)msk_view_matte_unref);
    for (guint i = 0; i < scene->ghosts->len; i++)
        g_ptr_array_add(ghosts, get_matte(renderer, scene,
                                          &g_array_index(scene->ghosts, MskSceneGhost, i).source));
    msk_rendered_draw_lines(rendered, pixels, request->layout.scale, ghosts);
    return rendered;
}

// ---- Requests and answers ----------------------------------------------------------------------

static gboolean deliver_idle(gpointer data)
{
    MskRenderer *renderer = data;
    g_mutex_lock(&renderer->lock);
    g_autoptr(MskRendered) rendered = g_steal_pointer(&renderer->ready);
    renderer->is_due = FALSE;
    g_mutex_unlock(&renderer->lock);
    if (rendered)
        renderer->func(rendered, renderer->user);
    return G_SOURCE_REMOVE;
}

static gpointer render_thread(gpointer data)
{
    MskRenderer *renderer = data;
    g_mutex_lock(&renderer->lock);
    while (!renderer->closing) {
        Request *request = g_steal_pointer(&renderer->next);
        if (!request) {
            g_cond_wait(&renderer->changed, &renderer->lock);
            continue;
        }
        g_mutex_unlock(&renderer->lock);
        MskRendered *rendered = render(renderer, request);
        free_request(request);
        g_mutex_lock(&renderer->lock);
        MskRendered *old = g_steal_pointer(&renderer->ready);
        gboolean wake = !renderer->is_due;
        renderer->ready = rendered;
        renderer->is_due = TRUE;
        g_mutex_unlock(&renderer->lock);
        // Without the lock: the main thread runs at once and would wait for it.
        if (wake)
            g_idle_add_full(GDK_PRIORITY_REDRAW - 5, deliver_idle, renderer, NULL);
        msk_rendered_unref(old);
        g_mutex_lock(&renderer->lock);
    }
    g_mutex_unlock(&renderer->lock);
    return NULL;
}

MskRenderer *msk_renderer_new(MskRendererFunc func, gpointer user)
{
    MskRenderer *renderer = g_new0(MskRenderer, 1);
    renderer->func = func;
    renderer->user = user;
    renderer->cache = msk_view_cache_new(MATTE_BUDGET);
    renderer->helper = g_thread_pool_new(help_thread, renderer, 1, FALSE, NULL);
    g_cond_init(&renderer->helped);
    g_mutex_init(&renderer->lock);
    g_cond_init(&renderer->changed);
    renderer->thread = g_thread_new("msk-render", render_thread, renderer);
    return renderer;
}

void msk_renderer_free(MskRenderer *renderer)
{
    g_mutex_lock(&renderer->lock);
    renderer->closing = TRUE;
    g_cond_signal(&renderer->changed);
    g_mutex_unlock(&renderer->lock);
    g_thread_join(renderer->thread);
    g_thread_pool_free(renderer->helper, FALSE, TRUE);
    g_cond_clear(&renderer->helped);
    g_idle_remove_by_data(renderer);
    free_request(renderer->next);
    msk_rendered_unref(renderer->ready);
    msk_view_cache_free(renderer->cache);
    g_clear_pointer(&renderer->frame, msk_frame_unref);
    g_clear_pointer(&renderer->image, msk_frame_unref);
    msk_scene_unref(renderer->drawn);
    g_free(renderer->rgba);
    g_free(renderer->picture);
    g_free(renderer->image_path);
    g_free(renderer->image_rgba);
    g_free(renderer->problem);
    g_mutex_clear(&renderer->lock);
    g_cond_clear(&renderer->changed);
    g_free(renderer);
}

void msk_renderer_request(MskRenderer *renderer, MskScene *scene, const MskLayout *layout)
{
    Request *request = g_new(Request, 1);
    *request = (Request){msk_scene_ref(scene), *layout};
    g_mutex_lock(&renderer->lock);
    Request *old = renderer->next;
    renderer->next = request;
    g_cond_signal(&renderer->changed);
    g_mutex_unlock(&renderer->lock);
    free_request(old);
}
