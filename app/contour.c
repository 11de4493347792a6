// SPDX-License-Identifier: Apache-2.0
// Tracing outlines along the cracks between inside and outside pixels, and thinning them out.
#include "app/contour.h"

#include <math.h>
#include <string.h>

// A crack is an inside pixel and the direction to its outside neighbour.
typedef enum Side { RIGHT, DOWN, LEFT, UP } Side;

static const int step_x[4] = {1, 0, -1, 0};
static const int step_y[4] = {0, 1, 0, -1};

typedef struct Grid {
    const uint8_t *alpha;
    size_t stride;
    int width, height;
} Grid;

static int value_at(const Grid *grid, int x, int y)
{
    if (x < 0 || y < 0 || x >= grid->width || y >= grid->height)
        return 0;
    return grid->alpha[(size_t)y * grid->stride + (size_t)x];
}

static gboolean is_in(const Grid *grid, int x, int y)
{
    return value_at(grid, x, y) >= 128;
}

static MskContour *new_contour(void)
{
    MskContour *contour = g_new(MskContour, 1);
    contour->points = g_array_new(FALSE, FALSE, sizeof(float));
    contour->ends = g_array_new(FALSE, FALSE, sizeof(guint));
    return contour;
}

void msk_contour_free(MskContour *contour)
{
    if (!contour)
        return;
    g_array_unref(contour->points);
    g_array_unref(contour->ends);
    g_free(contour);
}

// Appends a point of the loop that began at point `first`; points within a straight line are
// replaced by the next.
static void add_point(GArray *points, guint first, float x, float y)
{
    guint n = points->len / 2;
    float *xy = (float *)(void *)points->data;
    if (n >= first + 2) {
        float ax = xy[2 * n - 4], ay = xy[2 * n - 3], bx = xy[2 * n - 2], by = xy[2 * n - 1];
        float cross = (bx - ax) * (y - by) - (by - ay) * (x - bx);
        float along = (bx - ax) * (x - bx) + (by - ay) * (y - by);
        if (fabsf(cross) < 1e-6f && along > 0) {
            xy[2 * n - 2] = x;
            xy[2 * n - 1] = y;
            return;
        }
    }
    float values[2] = {x, y};
    g_array_append_vals(points, values, 2);
}

static void trace_loop(const Grid *grid, MskContour *contour, uint8_t *seen, int x, int y, int x0,
                       int y0)
{
    guint first = contour->points->len / 2;
    int start_x = x, start_y = y;
    Side side = UP;
    do {
        if (side == UP)
            seen[(size_t)y * (size_t)grid->width + (size_t)x] = 1;
        int in = value_at(grid, x, y), out = value_at(grid, x + step_x[side], y + step_y[side]);
        float at = ((float)in - 127.5f) / (float)(in - out);
        add_point(contour->points, first, (float)(x0 + x) + 0.5f + at * (float)step_x[side],
                  (float)(y0 + y) + 0.5f + at * (float)step_y[side]);

        Side walk = (side + 1) % 4;
        int ahead_x = x + step_x[walk], ahead_y = y + step_y[walk];
        if (!is_in(grid, ahead_x, ahead_y)) {
            side = walk; // round the pixel's corner
        } else if (!is_in(grid, ahead_x + step_x[side], ahead_y + step_y[side])) {
            x = ahead_x;
            y = ahead_y;
        } else {
            x = ahead_x + step_x[side];
            y = ahead_y + step_y[side];
            side = (walk + 2) % 4;
        }
    } while (x != start_x || y != start_y || side != UP);
    guint end = contour->points->len / 2;
    g_array_append_val(contour->ends, end);
}

MskContour *msk_contour_trace(const uint8_t *alpha, size_t stride, int width, int height, int x,
                              int y)
{
    Grid grid = {alpha, stride, width, height};
    MskContour *contour = new_contour();
    // Every loop has a crack above one of its pixels: those found are marked.
    g_autofree uint8_t *seen = g_malloc0(MAX((size_t)width * (size_t)height, 1));
    for (int v = 0; v < height; v++) {
        const uint8_t *row = alpha + (size_t)v * stride;
        const uint8_t *above = v > 0 ? row - stride : NULL;
        const uint8_t *marks = seen + (size_t)v * (size_t)width;
        for (int u = 0; u < width; u++) {
            if (row[u] >= 128 && (!above || above[u] < 128) && !marks[u])
                trace_loop(&grid, contour, seen, u, v, x, y);
        }
    }
    return contour;
}

// ---- Fewer points ------------------------------------------------------------------------------

static double distance_to_line(const float *p, const float *a, const float *b)
{
    double dx = b[0] - a[0], dy = b[1] - a[1], px = p[0] - a[0], py = p[1] - a[1];
    double length = dx * dx + dy * dy;
    double t = length > 0 ? CLAMP((px * dx + py * dy) / length, 0, 1) : 0;
    return hypot(px - t * dx, py - t * dy);
}

// Marks what is kept of a stretch whose ends are kept (Douglas and Peucker).
static void keep_points(const float *xy, guint n, guint from, guint to, double tolerance,
                        uint8_t *keep, GArray *stack)
{
    guint pair[2] = {from, to};
    g_array_set_size(stack, 0);
    g_array_append_vals(stack, pair, 2);
    while (stack->len > 0) {
        guint a = g_array_index(stack, guint, stack->len - 2);
        guint b = g_array_index(stack, guint, stack->len - 1);
        g_array_set_size(stack, stack->len - 2);
        double most = tolerance;
        guint found = a;
        for (guint i = a + 1; i < b; i++) {
            double distance =
                distance_to_line(xy + 2 * (i % n), xy + 2 * (a % n), xy + 2 * (b % n));
            if (distance > most) {
                most = distance;
                found = i;
            }
        }
        if (found == a)
            continue;
        keep[found % n] = 1;
        guint pairs[4] = {a, found, found, b};
        g_array_append_vals(stack, pairs, 4);
    }
}

// The point of a loop that is furthest from its first.
static guint find_furthest(const float *xy, guint n)
{
    guint found = 0;
    float most = -1;
    for (guint i = 1; i < n; i++) {
        float dx = xy[2 * i] - xy[0], dy = xy[2 * i + 1] - xy[1];
        if (dx * dx + dy * dy > most) {
            most = dx * dx + dy * dy;
            found = i;
        }
    }
    return found;
}

MskContour *msk_contour_simplify(const MskContour *contour, double tolerance)
{
    MskContour *out = new_contour();
    const float *points = (const float *)(const void *)contour->points->data;
    g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autofree uint8_t *keep = g_malloc(MAX(contour->points->len / 2, 1));
    guint first = 0;
    for (guint k = 0; k < contour->ends->len; k++) {
        guint end = g_array_index(contour->ends, guint, k), n = end - first;
        const float *xy = points + 2 * first;
        first = end;
        if (n < 3)
            continue;
        memset(keep, 0, n);
        guint far = find_furthest(xy, n);
        keep[0] = keep[far] = 1;
        keep_points(xy, n, 0, far, tolerance, keep, stack);
        keep_points(xy, n, far, n, tolerance, keep, stack);
        guint before = out->points->len / 2;
        for (guint i = 0; i < n; i++) {
            if (keep[i])
                g_array_append_vals(out->points, xy + 2 * i, 2);
        }
        guint now = out->points->len / 2;
        if (now - before < 3)
            g_array_set_size(out->points, 2 * before);
        else
            g_array_append_val(out->ends, now);
    }
    return out;
}
