// SPDX-License-Identifier: Apache-2.0
// Drawing discs and polygons into a bitmap; strokes as masks.
#include "app/stroke.h"

#include <math.h>
#include <string.h>

MskStroke *msk_stroke_new(int width, int height)
{
    MskStroke *stroke = g_new0(MskStroke, 1);
    stroke->width = width;
    stroke->height = height;
    stroke->stride = ((size_t)width + 15) & ~(size_t)15;
    stroke->pixels = g_malloc0(stroke->stride * (size_t)height);
    return stroke;
}

void msk_stroke_free(MskStroke *stroke)
{
    if (!stroke)
        return;
    g_free(stroke->pixels);
    g_free(stroke);
}

gboolean msk_stroke_is_empty(const MskStroke *stroke)
{
    return stroke->bounds.width == 0;
}

// Sets the pixels of row y whose centres are in [from, to).
static void fill_span(MskStroke *stroke, int y, double from, double to)
{
    int x0 = (int)ceil(CLAMP(from, 0, stroke->width) - 0.5);
    int x1 = (int)ceil(CLAMP(to, 0, stroke->width) - 0.5);
    if (x0 >= x1)
        return;
    memset(stroke->pixels + (size_t)y * stroke->stride + x0, 255, (size_t)(x1 - x0));
    MskRect *bounds = &stroke->bounds;
    if (bounds->width == 0) {
        *bounds = (MskRect){x0, y, x1 - x0, 1};
        return;
    }
    int right = MAX(bounds->x + bounds->width, x1), bottom = MAX(bounds->y + bounds->height, y + 1);
    bounds->x = MIN(bounds->x, x0);
    bounds->y = MIN(bounds->y, y);
    bounds->width = right - bounds->x;
    bounds->height = bottom - bounds->y;
}

// The rows whose centres are in [from, to).
static void find_rows(const MskStroke *stroke, double from, double to, int *first, int *end)
{
    *first = (int)ceil(CLAMP(from, 0, stroke->height) - 0.5);
    *end = (int)ceil(CLAMP(to, 0, stroke->height) - 0.5);
}

void msk_stroke_add_disc(MskStroke *stroke, double x, double y, double radius)
{
    int first, end;
    find_rows(stroke, y - radius, y + radius, &first, &end);
    for (int row = first; row < end; row++) {
        double dy = row + 0.5 - y;
        double half = sqrt(MAX(radius * radius - dy * dy, 0));
        fill_span(stroke, row, x - half, x + half);
    }
}

void msk_stroke_add_line(MskStroke *stroke, double x0, double y0, double radius0, double x1,
                         double y1, double radius1)
{
    // Between discs of radius r a distance s apart the edge dents by s^2 / (8 r).
    double spacing = MAX(sqrt(MIN(radius0, radius1)) / 2, 0.125);
    int n = (int)ceil(hypot(x1 - x0, y1 - y0) / spacing);
    for (int i = 0; i <= n; i++) {
        double t = n > 0 ? (double)i / n : 1;
        msk_stroke_add_disc(stroke, x0 + t * (x1 - x0), y0 + t * (y1 - y0),
                            radius0 + t * (radius1 - radius0));
    }
}

// ---- Polygons ----------------------------------------------------------------------------------

typedef struct Crossing {
    int row;
    int winding; // +1 downward, -1 upward
    double x;
} Crossing;

static int compare_crossings(gconstpointer a, gconstpointer b)
{
    const Crossing *p = a, *q = b;
    if (p->row != q->row)
        return p->row < q->row ? -1 : 1;
    return p->x < q->x ? -1 : p->x > q->x;
}

void msk_stroke_add_polygon(MskStroke *stroke, const float *points, guint n)
{
    g_autoptr(GArray) crossings = g_array_new(FALSE, FALSE, sizeof(Crossing));
    for (guint i = 0; i < n; i++) {
        const float *a = points + 2 * i, *b = points + 2 * ((i + 1) % n);
        int winding = a[1] < b[1] ? 1 : -1;
        const float *top = winding > 0 ? a : b, *bottom = winding > 0 ? b : a;
        int first, end;
        find_rows(stroke, top[1], bottom[1], &first, &end);
        for (int row = first; row < end; row++) {
            double t = (row + 0.5 - top[1]) / ((double)bottom[1] - top[1]);
            Crossing crossing = {row, winding, top[0] + t * ((double)bottom[0] - top[0])};
            g_array_append_val(crossings, crossing);
        }
    }
    g_array_sort(crossings, compare_crossings);
    int winding = 0;
    for (guint i = 0; i + 1 < crossings->len; i++) {
        const Crossing *from = &g_array_index(crossings, Crossing, i), *to = from + 1;
        winding += from->winding; // 0 again at the end of each row
        if (winding != 0)
            fill_span(stroke, from->row, from->x, to->x);
    }
}

// ---- As masks ----------------------------------------------------------------------------------

// NULL for a mask without pixels.
static MskMask *drop_empty(MskMask *mask)
{
    if (mask && msk_mask_get_area(mask) == 0)
        g_clear_pointer(&mask, msk_mask_unref);
    return mask;
}

void msk_stroke_apply(const MskStroke *stroke, gboolean erase, const MskMask *add,
                      const MskMask *remove, MskMask **new_add, MskMask **new_remove)
{
    g_autoptr(MskMask) mask =
        msk_mask_new_bits(stroke->pixels, stroke->stride, stroke->width, stroke->height);
    const MskMask *grows = erase ? remove : add, *shrinks = erase ? add : remove;
    MskMask *more = msk_mask_combine(grows, mask, NULL);
    MskMask *less = shrinks ? msk_mask_combine(shrinks, NULL, mask) : NULL;
    *new_add = drop_empty(erase ? less : more);
    *new_remove = drop_empty(erase ? more : less);
}
