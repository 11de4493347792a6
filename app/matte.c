// SPDX-License-Identifier: Apache-2.0
// Post-processing of mattes. Every step works on the part of the frame that it can change.
#include "app/matte.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#define FULL 65535
#define HALF 32768

static gboolean check_range(double value, double low, double high, const char *name, GError **error)
{
    if (value >= low && value <= high) // false for NaN
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "Matte: %s must be between %g and %g, not %g", name, low, high, value);
    return FALSE;
}

gboolean msk_matte_params_check(const MskMatteParams *params, GError **error)
{
    return check_range(params->ramp, 0, MSK_MASK_RAMP_MAX, "the edge ramp", error) &&
           check_range(params->fill_holes, 0, G_MAXINT, "the size of holes", error) &&
           check_range(params->remove_dots, 0, G_MAXINT, "the size of dots", error) &&
           check_range(params->grow, -MSK_MATTE_GROW_MAX, MSK_MATTE_GROW_MAX, "grow", error) &&
           check_range(params->feather, 0, MSK_MATTE_FEATHER_MAX, "feather", error);
}

typedef struct View {
    uint16_t *pixels;
    size_t stride; // pixels
    int width, height;
} View;

// The part of the matte around pixels above 0, widened by `margin` within the frame.
static gboolean view_of_matte(uint16_t *alpha, int width, int height, int margin, View *out)
{
    int x0 = width, y0 = -1, x1 = 0, y1 = 0;
    for (int y = 0; y < height; y++) {
        const uint16_t *row = alpha + (size_t)y * width;
        int first = 0, end = width;
        while (first < width && row[first] == 0)
            first++;
        if (first == width)
            continue;
        while (row[end - 1] == 0)
            end--;
        x0 = MIN(x0, first);
        x1 = MAX(x1, end);
        y0 = y0 < 0 ? y : y0;
        y1 = y + 1;
    }
    if (y0 < 0)
        return FALSE;
    x0 = MAX(x0 - margin, 0);
    y0 = MAX(y0 - margin, 0);
    x1 = MIN(x1 + margin, width);
    y1 = MIN(y1 + margin, height);
    *out = (View){alpha + (size_t)y0 * width + x0, (size_t)width, x1 - x0, y1 - y0};
    return TRUE;
}

// ---- Holes and dots ----------------------------------------------------------------------------

typedef struct Search {
    View view;
    gboolean holes; // else dots
    uint8_t *seen;  // (height, width)
    int *queue;     // pixels of the component being gathered
} Search;

static gboolean is_member(const Search *search, int x, int y)
{
    uint16_t value = search->view.pixels[(size_t)y * search->view.stride + x];
    return search->holes ? value < FULL : value > 0;
}

// Gathers the component of (x, y) in the queue; returns how many pixels it has.
static int gather_component(Search *search, int x, int y, int *n_counted, gboolean *at_border)
{
    static const int steps[8][2] = {{1, 0}, {-1, 0}, {0, 1},  {0, -1},
                                    {1, 1}, {1, -1}, {-1, 1}, {-1, -1}};
    int n_steps = search->holes ? 4 : 8;
    int width = search->view.width, height = search->view.height;
    int n = 0;
    *n_counted = 0;
    *at_border = FALSE;
    search->queue[n++] = y * width + x;
    search->seen[y * width + x] = 1;
    for (int i = 0; i < n; i++) {
        x = search->queue[i] % width;
        y = search->queue[i] / width;
        gboolean in = search->view.pixels[(size_t)y * search->view.stride + x] >= HALF;
        *n_counted += in != search->holes;
        *at_border |= x == 0 || y == 0 || x == width - 1 || y == height - 1;
        for (int k = 0; k < n_steps; k++) {
            int u = x + steps[k][0], v = y + steps[k][1];
            if (u < 0 || v < 0 || u >= width || v >= height || search->seen[v * width + u] ||
                !is_member(search, u, v))
                continue;
            search->seen[v * width + u] = 1;
            search->queue[n++] = v * width + u;
        }
    }
    return n;
}

static void clean_components(uint16_t *alpha, int frame_width, int frame_height, gboolean holes,
                             int limit)
{
    // What reaches the border of the box around the matte is one with the outside: the box can
    // stand for the frame.
    Search search = {.holes = holes};
    if (!view_of_matte(alpha, frame_width, frame_height, 0, &search.view))
        return;
    int width = search.view.width, height = search.view.height;
    g_autofree uint8_t *seen = g_malloc0((size_t)width * height);
    g_autofree int *queue = g_new(int, (size_t)width *height);
    search.seen = seen;
    search.queue = queue;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            if (seen[y * width + x] || !is_member(&search, x, y))
                continue;
            int n_counted;
            gboolean at_border;
            int n = gather_component(&search, x, y, &n_counted, &at_border);
            if (n_counted > limit || (holes && at_border))
                continue;
            for (int i = 0; i < n; i++)
                search.view
                    .pixels[(size_t)(queue[i] / width) * search.view.stride + queue[i] % width] =
                    holes ? FULL : 0;
        }
    }
}

// ---- Grow and shrink ---------------------------------------------------------------------------

static void keep_larger(uint16_t *out, const uint16_t *other, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = MAX(out[i], other[i]);
}

// Largest value of the disc: row by row of the disc, from its shortest to its longest. `wide` holds
// each pixel's largest value within +- the half width reached so far.
static void dilate(const uint16_t *in, uint16_t *out, int width, int height, double radius)
{
    size_t n = (size_t)width * height;
    int reach = (int)radius;
    g_autofree uint16_t *wide = g_memdup2(in, n * sizeof(*in));
    g_autofree uint16_t *row = g_new(uint16_t, (size_t)width);
    memset(out, 0, n * sizeof(*out));
    for (int half = 0; half <= reach; half++) {
        for (int dy = -reach; dy <= reach; dy++) {
            // The half width of the disc's row dy is the largest whole h, h^2 + dy^2 <= radius^2.
            double left = radius * radius - (double)dy * dy;
            if (left < (double)half * half || left >= (double)(half + 1) * (half + 1))
                continue;
            for (int y = MAX(0, -dy); y < MIN(height, height - dy); y++)
                keep_larger(out + (size_t)y * width, wide + (size_t)(y + dy) * width, width);
        }
        for (int y = 0; y < height; y++) {
            uint16_t *at = wide + (size_t)y * width;
            memcpy(row, at, (size_t)width * sizeof(*row));
            keep_larger(at, row + 1, width - 1);
            keep_larger(at + 1, row, width - 1);
        }
    }
}

static void grow_matte(uint16_t *alpha, int frame_width, int frame_height, double radius)
{
    View view;
    double size = fabs(radius);
    if (!view_of_matte(alpha, frame_width, frame_height, (int)ceil(size), &view))
        return;
    uint16_t flip = radius < 0 ? FULL : 0; // the smallest value is the inverse's largest
    int width = view.width, height = view.height;
    g_autofree uint16_t *in = g_new(uint16_t, (size_t)width * height);
    g_autofree uint16_t *out = g_new(uint16_t, (size_t)width * height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++)
            in[(size_t)y * width + x] = view.pixels[(size_t)y * view.stride + x] ^ flip;
    }
    dilate(in, out, width, height, size);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++)
            view.pixels[(size_t)y * view.stride + x] = out[(size_t)y * width + x] ^ flip;
    }
}

// ---- Feather -----------------------------------------------------------------------------------

static void add_scaled(float *out, const float *in, float weight, int n)
{
    for (int i = 0; i < n; i++)
        out[i] += weight * in[i];
}

static void feather_matte(uint16_t *alpha, int frame_width, int frame_height, double feather)
{
    double sigma = feather / 2;
    int reach = (int)ceil(3 * sigma);
    View view;
    if (!view_of_matte(alpha, frame_width, frame_height, reach, &view))
        return;
    g_autofree float *kernel = g_new(float, 2 * (size_t)reach + 1);
    double sum = 0;
    for (int i = -reach; i <= reach; i++)
        sum += exp(-0.5 * i * i / (sigma * sigma));
    for (int i = -reach; i <= reach; i++)
        kernel[reach + i] = (float)(exp(-0.5 * i * i / (sigma * sigma)) / sum);

    int width = view.width, height = view.height;
    g_autofree float *across = g_new0(float, (size_t)width *height);
    g_autofree float *row = g_new(float, (size_t)width + 2 * (size_t)reach);
    for (int y = 0; y < height; y++) {
        const uint16_t *in = view.pixels + (size_t)y * view.stride;
        for (int x = -reach; x < width + reach; x++)
            row[reach + x] = in[CLAMP(x, 0, width - 1)];
        for (int k = 0; k <= 2 * reach; k++)
            add_scaled(across + (size_t)y * width, row + k, kernel[k], width);
    }
    for (int y = 0; y < height; y++) {
        memset(row, 0, (size_t)width * sizeof(*row));
        for (int k = -reach; k <= reach; k++)
            add_scaled(row, across + (size_t)CLAMP(y + k, 0, height - 1) * width, kernel[reach + k],
                       width);
        uint16_t *out = view.pixels + (size_t)y * view.stride;
        for (int x = 0; x < width; x++)
            out[x] = (uint16_t)CLAMP(lrintf(row[x]), 0, FULL);
    }
}

void msk_matte_apply(uint16_t *alpha, int width, int height, const MskMatteParams *params)
{
    if (!params)
        return;
    if (params->fill_holes > 0)
        clean_components(alpha, width, height, TRUE, params->fill_holes);
    if (params->remove_dots > 0)
        clean_components(alpha, width, height, FALSE, params->remove_dots);
    if (fabs(params->grow) >= 1) // smaller discs are one pixel
        grow_matte(alpha, width, height, params->grow);
    if (params->feather >= 0.01)
        feather_matte(alpha, width, height, params->feather);
}

void msk_matte_render(const MskMask *mask, int width, int height, const MskMatteParams *params,
                      uint16_t *alpha)
{
    if (!mask) {
        memset(alpha, 0, (size_t)width * height * sizeof(*alpha));
        return;
    }
    g_assert(msk_mask_get_width(mask) == width && msk_mask_get_height(mask) == height);
    msk_mask_get_alpha16(mask, params ? (float)params->ramp : 0, alpha,
                         (size_t)width * sizeof(*alpha));
    msk_matte_apply(alpha, width, height, params);
}
