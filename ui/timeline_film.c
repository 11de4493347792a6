// SPDX-License-Identifier: Apache-2.0
// The film strip: small pictures of frames that are powers of two apart, so that zooming in keeps
// half of them; asked for when they are seen, kept up to a number of bytes.
#include "ui/timeline_private.h"

#define CACHE_SIZE ((gsize)32 << 20)
#define MARGIN 3         // above and below
#define REQUEST_DELAY 60 // milliseconds: not for what only flies by
#define PENDING_MAX 256  // more are forgotten

typedef struct Thumb {
    int64_t n;
    MskPixels *pixels; // NULL: the frame cannot be shown
    gsize size;
    GList link; // in MskTimelineFilm.used
} Thumb;

struct MskTimelineFilm {
    MskTimeline *timeline;
    GHashTable *thumbs;  // int64 * (of the Thumb) -> Thumb *
    GHashTable *pending; // int64 *, asked for
    GQueue used;         // of Thumb, used last first
    gsize size;
    guint request_id;
};

static void free_thumb(gpointer data)
{
    Thumb *thumb = data;

    msk_pixels_unref(thumb->pixels);
    g_free(thumb);
}

MskTimelineFilm *msk_timeline_film_new(MskTimeline *timeline)
{
    MskTimelineFilm *film = g_new0(MskTimelineFilm, 1);

    film->timeline = timeline;
    film->thumbs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_thumb);
    film->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_queue_init(&film->used);
    return film;
}

static void forget_pending(MskTimelineFilm *film)
{
    MskSession *session = film->timeline->session;
    MskLoader *loader = session ? msk_session_get_loader(session) : NULL;

    if (loader && g_hash_table_size(film->pending) > 0)
        msk_loader_forget_thumbnails(loader);
    g_hash_table_remove_all(film->pending);
}

void msk_timeline_film_reset(MskTimelineFilm *film)
{
    forget_pending(film);
    g_clear_handle_id(&film->request_id, g_source_remove);
    g_queue_init(&film->used); // the links are part of the thumbs
    g_hash_table_remove_all(film->thumbs);
    film->size = 0;
    gtk_widget_queue_draw(film->timeline->film);
}

void msk_timeline_film_free(MskTimelineFilm *film)
{
    forget_pending(film);
    g_clear_handle_id(&film->request_id, g_source_remove);
    g_hash_table_unref(film->thumbs);
    g_hash_table_unref(film->pending);
    g_free(film);
}

gsize msk_timeline_film_get_size(MskTimelineFilm *film)
{
    return film->size;
}

// ---- Cells -------------------------------------------------------------------------------------

// Where the pictures are: every `step` frames, `width` wide.
typedef struct Cells {
    int64_t step, first, last; // frames
    int width, height;
} Cells;

static gboolean find_cells(MskTimeline *self, Cells *cells)
{
    const MskTimelineView *view = &self->view;
    const int width = msk_document_get_width(self->document);
    const int height = msk_document_get_height(self->document);

    if (width <= 0 || height <= 0)
        return FALSE;
    cells->height = MSK_TIMELINE_FILM_HEIGHT - 2 * MARGIN;
    cells->width = (int)CLAMP((int64_t)cells->height * width / height, 8, cells->height * 4);
    cells->step = 1;
    while ((double)cells->step * 2 * view->zoom <= cells->width * 1.25) // a gap, or cut
        cells->step *= 2;
    if (!msk_timeline_view_get_span(view, view->scroll, view->scroll + view->width - 1,
                                    &cells->first, &cells->last))
        return FALSE;
    cells->first -= cells->first % cells->step;
    return TRUE;
}

// ---- Pictures ----------------------------------------------------------------------------------

// From straight alpha.
static MskPixels *convert(const guint8 *rgba, int width, int height)
{
    MskPixels *pixels = msk_pixels_new(width, height, FALSE);
    guint32 *out = msk_pixels_get_data(pixels);
    for (int i = 0; i < width * height; i++, rgba += 4) {
        const guint32 alpha = rgba[3];
        out[i] = alpha << 24 | (rgba[0] * alpha + 127) / 255 << 16 |
                 (rgba[1] * alpha + 127) / 255 << 8 | (rgba[2] * alpha + 127) / 255;
    }
    return pixels;
}

static void thumbnail_cb(int64_t n, GBytes *rgba, int width, int height, gpointer user)
{
    MskTimelineFilm *film = user;

    if (!g_hash_table_remove(film->pending, &n) || g_hash_table_contains(film->thumbs, &n))
        return;
    Thumb *thumb = g_new0(Thumb, 1);
    thumb->n = n;
    thumb->link.data = thumb;
    if (rgba) {
        thumb->pixels = convert(g_bytes_get_data(rgba, NULL), width, height);
        thumb->size = (gsize)width * (gsize)height * 4;
    }
    g_hash_table_insert(film->thumbs, &thumb->n, thumb);
    g_queue_push_head_link(&film->used, &thumb->link);
    film->size += thumb->size + sizeof(Thumb);
    while (film->size > CACHE_SIZE && film->used.length > 1) {
        Thumb *oldest = film->used.tail->data;
        g_queue_unlink(&film->used, &oldest->link);
        film->size -= oldest->size + sizeof(Thumb);
        g_hash_table_remove(film->thumbs, &oldest->n);
    }
    gtk_widget_queue_draw(film->timeline->film);
}

static gboolean request_timeout(gpointer user)
{
    MskTimelineFilm *film = user;
    MskTimeline *self = film->timeline;
    MskLoader *loader = self->session ? msk_session_get_loader(self->session) : NULL;
    const int scale = gtk_widget_get_scale_factor(self->film);
    Cells cells;

    film->request_id = 0;
    if (!loader || !self->document || !find_cells(self, &cells))
        return G_SOURCE_REMOVE;
    if (g_hash_table_size(film->pending) > PENDING_MAX)
        forget_pending(film);
    // The newest are answered first: the leftmost is asked for last.
    for (int64_t n = cells.last - cells.last % cells.step; n >= cells.first; n -= cells.step) {
        if (g_hash_table_contains(film->thumbs, &n) || g_hash_table_contains(film->pending, &n))
            continue;
        g_hash_table_add(film->pending, g_memdup2(&n, sizeof(n)));
        msk_loader_request_thumbnail(loader, n, cells.width * scale, cells.height * scale,
                                     thumbnail_cb, film);
    }
    return G_SOURCE_REMOVE;
}

static void put_thumb(MskTimeline *self, GtkSnapshot *snapshot, MskPixels *pixels,
                      const Cells *cells, int64_t n)
{
    const MskTimelineView *view = &self->view;
    const int64_t from = msk_timeline_view_get_edge(view, n);
    const int64_t to =
        msk_timeline_view_get_edge(view, MIN(n + cells->step, view->n_frames)); // excluded
    const float x = (float)(from - view->scroll), width = (float)(to - from - 1);
    const graphene_rect_t rect =
        GRAPHENE_RECT_INIT(x, MARGIN, MIN(width, (float)cells->width), (float)cells->height);
    const graphene_rect_t whole =
        GRAPHENE_RECT_INIT(MIN(x, x + (width - (float)cells->width) / 2), MARGIN,
                           (float)cells->width, (float)cells->height);

    if (width < 1)
        return;
    if (!pixels) {
        gtk_snapshot_append_color(snapshot, &self->style.line, &rect);
        return;
    }
    gtk_snapshot_push_clip(snapshot, &rect);
    msk_pixels_draw(pixels, snapshot, self->film, whole.origin.x, whole.origin.y, whole.size.width,
                    whole.size.height);
    gtk_snapshot_pop(snapshot);
}

void msk_timeline_draw_film(MskTimeline *self, GtkSnapshot *snapshot, int width, int height)
{
    MskTimelineFilm *film = self->film_strip;
    gboolean is_missing = FALSE;
    Cells cells;

    gtk_snapshot_append_color(snapshot, &self->style.line,
                              &GRAPHENE_RECT_INIT(0, (float)height - 1, (float)width, 1));
    if (!self->document || !find_cells(self, &cells))
        return;
    for (int64_t n = cells.first; n <= cells.last; n += cells.step) {
        Thumb *thumb = g_hash_table_lookup(film->thumbs, &n);
        if (thumb) {
            g_queue_unlink(&film->used, &thumb->link);
            g_queue_push_head_link(&film->used, &thumb->link);
        } else if (!g_hash_table_contains(film->pending, &n)) {
            is_missing = TRUE;
        }
        put_thumb(self, snapshot, thumb ? thumb->pixels : NULL, &cells, n);
    }
    if (is_missing && !film->request_id && msk_session_get_loader(self->session))
        film->request_id = g_timeout_add(REQUEST_DELAY, request_timeout, film);
}
