// SPDX-License-Identifier: Apache-2.0
// Drawing a frame with masks.
#include "app/view.h"

#include <math.h>
#include <string.h>

typedef struct Colour {
    uint8_t rgb[3];
} Colour;

static Colour colour_from(guint32 value)
{
    return (Colour){{(uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value}};
}

// From `under` to `over` by alpha / 255, rounded to nearest.
static inline uint8_t mix(unsigned under, unsigned over, unsigned alpha)
{
    unsigned sum = under * (255 - alpha) + over * alpha + 128;
    return (uint8_t)((sum + (sum >> 8)) >> 8);
}

static inline void mix_pixel(uint8_t *pixel, const uint8_t *over, unsigned alpha)
{
    for (int k = 0; k < 3; k++)
        pixel[k] = mix(pixel[k], over[k], alpha);
}

// ---- Mattes at the picture's size --------------------------------------------------------------

typedef struct Plane {
    MskRect bounds; // of the picture; outside is 0
    uint8_t *alpha; // bounds.height rows of bounds.width
    gboolean is_owned;
} Plane;

static void clear_plane(Plane *plane)
{
    if (plane->is_owned)
        g_free(plane->alpha);
}

// The picture pixels that a stretch of the frame touches.
static void scale_stretch(int first, int size, int n_in, int n_out, int *out_first, int *out_size)
{
    double scale = (double)n_out / n_in;
    int from = CLAMP((int)floor(first * scale), 0, n_out - 1);
    int to = CLAMP((int)ceil((first + size) * scale), from + 1, n_out);
    *out_first = from;
    *out_size = to - from;
}

// How much of frame pixel `at` lies in [from, to).
static inline float overlap(double from, double to, int at)
{
    return (float)MAX(MIN(to, at + 1) - MAX(from, at), 0);
}

// out = the mean of `in` over [from, to) of a row that starts at `first` and is 0 elsewhere.
static float average_row(const float *in, int first, int n, double from, double to)
{
    int begin = MAX((int)from, first), end = MIN((int)ceil(to), first + n);
    float sum = 0;
    for (int x = begin; x < end; x++)
        sum += overlap(from, to, x) * in[x - first];
    return sum / (float)(to - from);
}

static Plane scale_matte(const MskViewMatte *matte, int width, int height)
{
    MskRect box = matte->bounds;
    if (box.width == 0)
        return (Plane){0};
    if (matte->width == width && matte->height == height)
        return (Plane){box, matte->alpha, FALSE};

    Plane plane = {.is_owned = TRUE};
    MskRect *out = &plane.bounds;
    scale_stretch(box.x, box.width, matte->width, width, &out->x, &out->width);
    scale_stretch(box.y, box.height, matte->height, height, &out->y, &out->height);
    plane.alpha = g_malloc((size_t)out->width * (size_t)out->height);
    g_autofree float *rows = g_new(float, box.width);
    double step_x = (double)matte->width / width, step_y = (double)matte->height / height;
    for (int v = 0; v < out->height; v++) {
        double from = (out->y + v) * step_y, to = from + step_y;
        memset(rows, 0, (size_t)box.width * sizeof *rows);
        int begin = MAX((int)from, box.y), end = MIN((int)ceil(to), box.y + box.height);
        for (int y = begin; y < end; y++) {
            const uint8_t *in = matte->alpha + (size_t)(y - box.y) * (size_t)box.width;
            float weight = overlap(from, to, y) / (float)step_y;
            for (int x = 0; x < box.width; x++)
                rows[x] += weight * in[x];
        }
        uint8_t *row = plane.alpha + (size_t)v * (size_t)out->width;
        for (int u = 0; u < out->width; u++) {
            double left = (out->x + u) * step_x;
            row[u] = (uint8_t)(average_row(rows, box.x, box.width, left, left + step_x) + 0.5f);
        }
    }
    return plane;
}

static const uint8_t *plane_row(const Plane *plane, int y)
{
    return plane->alpha + (size_t)(y - plane->bounds.y) * (size_t)plane->bounds.width;
}

// The largest alpha of all objects, at the picture's size.
static uint8_t *unite_mattes(const MskView *view, int width, int height)
{
    uint8_t *all = g_malloc0((size_t)width * (size_t)height);
    for (int i = 0; i < view->n_objects; i++) {
        if (!view->objects[i].matte)
            continue;
        Plane plane = scale_matte(view->objects[i].matte, width, height);
        for (int y = plane.bounds.y; y < plane.bounds.y + plane.bounds.height; y++) {
            const uint8_t *in = plane_row(&plane, y);
            uint8_t *out = all + (size_t)y * (size_t)width + plane.bounds.x;
            for (int x = 0; x < plane.bounds.width; x++)
                out[x] = MAX(out[x], in[x]);
        }
        clear_plane(&plane);
    }
    return all;
}

// ---- Styles ------------------------------------------------------------------------------------

static uint8_t check_at(int x, int y)
{
    return (x / MSK_VIEW_CHECK_SIZE + y / MSK_VIEW_CHECK_SIZE) % 2 ? MSK_VIEW_CHECK_DARK
                                                                   : MSK_VIEW_CHECK_LIGHT;
}

// The frame, on a checkerboard where it is transparent.
static void draw_frame(const MskView *view, int width, int height, uint8_t *rgba)
{
    memcpy(rgba, view->frame, (size_t)width * (size_t)height * 4);
    if (!view->frame_alpha)
        return;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = rgba + ((size_t)y * (size_t)width + (size_t)x) * 4;
            uint8_t check = check_at(x, y);
            for (int k = 0; k < 3; k++)
                pixel[k] = mix(check, pixel[k], pixel[3]);
        }
    }
}

static void tint(uint8_t *rgba, int width, const Plane *plane, Colour colour, double opacity)
{
    unsigned share = (unsigned)lrint(CLAMP(opacity, 0, 1) * 256);
    for (int y = plane->bounds.y; y < plane->bounds.y + plane->bounds.height; y++) {
        const uint8_t *alpha = plane_row(plane, y);
        uint8_t *row = rgba + ((size_t)y * (size_t)width + (size_t)plane->bounds.x) * 4;
        for (int x = 0; x < plane->bounds.width; x++)
            mix_pixel(row + 4 * x, colour.rgb, (alpha[x] * share + 128) >> 8);
    }
}

static void draw_overlay(const MskView *view, int width, int height, uint8_t *rgba)
{
    draw_frame(view, width, height, rgba);
    for (int i = view->n_objects - 1; i >= 0; i--) {
        const MskViewObject *object = &view->objects[i];
        if (!object->matte)
            continue;
        Plane plane = scale_matte(object->matte, width, height);
        tint(rgba, width, &plane, colour_from(object->colour), view->opacity * object->strength);
        clear_plane(&plane);
    }
}

static void draw_matte(const MskView *view, int width, int height, uint8_t *rgba)
{
    g_autofree uint8_t *alpha = unite_mattes(view, width, height);
    size_t n = (size_t)width * (size_t)height;
    for (size_t i = 0; i < n; i++) {
        memset(rgba + 4 * i, alpha[i], 4);
    }
}

// Puts the frame over what is in `rgba`, where the mattes are.
static void cut_out(const MskView *view, int width, int height, uint8_t *rgba)
{
    g_autofree uint8_t *alpha = unite_mattes(view, width, height);
    size_t n = (size_t)width * (size_t)height;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *pixel = view->frame + 4 * i;
        unsigned over = view->frame_alpha ? mix(0, alpha[i], pixel[3]) : alpha[i];
        if (over == 0)
            continue;
        mix_pixel(rgba + 4 * i, pixel, over);
    }
}

static void fill_background(const MskView *view, int width, int height, uint8_t *rgba)
{
    size_t n = (size_t)width * (size_t)height;
    if (view->style == MSK_VIEW_STYLE_IMAGE && view->image) {
        memcpy(rgba, view->image, n * 4);
        return;
    }
    Colour colour = colour_from(view->style == MSK_VIEW_STYLE_COLOUR ? view->background : 0);
    size_t row_size = (size_t)width * 4;
    for (int y = 0; y < height; y++) {
        uint8_t *row = rgba + (size_t)y * row_size;
        if (y % MSK_VIEW_CHECK_SIZE != 0) {
            memcpy(row, row - row_size, row_size);
            continue;
        }
        for (int x = 0; x < width; x++) {
            uint8_t pixel[4] = {colour.rgb[0], colour.rgb[1], colour.rgb[2], 255};
            if (view->style == MSK_VIEW_STYLE_CUTOUT)
                memset(pixel, check_at(x, y), 3);
            memcpy(row + 4 * x, pixel, 4);
        }
    }
}

// ---- Blur --------------------------------------------------------------------------------------

// Running means over `radius` pixels to each side, border repeated, along `n` values `step` apart.
static void blur_line(float *line, float *copy, int n, size_t step, int radius)
{
    for (int i = 0; i < n; i++)
        copy[i] = line[(size_t)i * step];
    float sum = 0;
    for (int i = -radius; i <= radius; i++)
        sum += copy[CLAMP(i, 0, n - 1)];
    for (int i = 0; i < n; i++) {
        line[(size_t)i * step] = sum / (float)(2 * radius + 1);
        sum += copy[MIN(i + radius + 1, n - 1)] - copy[MAX(i - radius, 0)];
    }
}

static void blur_planes(float *rgb, int width, int height, int radius)
{
    g_autofree float *copy = g_new(float, MAX(width, height));
    for (int pass = 0; pass < 3; pass++) { // three boxes are close to a Gaussian
        for (int k = 0; k < 3; k++) {
            for (int y = 0; y < height; y++)
                blur_line(rgb + (size_t)y * (size_t)width * 3 + k, copy, width, 3, radius);
            for (int x = 0; x < width; x++)
                blur_line(rgb + (size_t)x * 3 + k, copy, height, (size_t)width * 3, radius);
        }
    }
}

#define BLUR_SHRINK 8 // blurred at a fraction of the size: fine detail is lost anyway

static float *shrink_picture(const uint8_t *rgba, int width, int height, int small_width,
                             int small_height)
{
    float *sums = g_new0(float, (size_t)small_width *(size_t)small_height * 3);
    g_autofree int *counts = g_new0(int, (size_t)small_width *(size_t)small_height);
    for (int y = 0; y < height; y++) {
        size_t row = (size_t)(y / BLUR_SHRINK) * (size_t)small_width;
        for (int x = 0; x < width; x++) {
            size_t at = row + (size_t)(x / BLUR_SHRINK);
            const uint8_t *pixel = rgba + ((size_t)y * (size_t)width + (size_t)x) * 4;
            for (int k = 0; k < 3; k++)
                sums[at * 3 + (size_t)k] += pixel[k];
            counts[at]++;
        }
    }
    for (size_t i = 0; i < (size_t)small_width * (size_t)small_height; i++) {
        for (size_t k = 0; k < 3; k++)
            sums[i * 3 + k] /= (float)counts[i];
    }
    return sums;
}

static void draw_blurred(int width, int height, uint8_t *rgba)
{
    int small_width = (width + BLUR_SHRINK - 1) / BLUR_SHRINK;
    int small_height = (height + BLUR_SHRINK - 1) / BLUR_SHRINK;
    g_autofree float *small = shrink_picture(rgba, width, height, small_width, small_height);
    blur_planes(small, small_width, small_height, MAX(MIN(small_width, small_height) / 40, 1));
    for (int y = 0; y < height; y++) {
        float v = CLAMP(((float)y + 0.5f) / BLUR_SHRINK - 0.5f, 0, (float)(small_height - 1));
        int y0 = (int)v, y1 = MIN(y0 + 1, small_height - 1);
        for (int x = 0; x < width; x++) {
            float u = CLAMP(((float)x + 0.5f) / BLUR_SHRINK - 0.5f, 0, (float)(small_width - 1));
            int x0 = (int)u, x1 = MIN(x0 + 1, small_width - 1);
            const float *corners[4] = {
                small + ((size_t)y0 * (size_t)small_width + (size_t)x0) * 3,
                small + ((size_t)y0 * (size_t)small_width + (size_t)x1) * 3,
                small + ((size_t)y1 * (size_t)small_width + (size_t)x0) * 3,
                small + ((size_t)y1 * (size_t)small_width + (size_t)x1) * 3,
            };
            float across = u - (float)x0, down = v - (float)y0;
            uint8_t *pixel = rgba + ((size_t)y * (size_t)width + (size_t)x) * 4;
            for (int k = 0; k < 3; k++) {
                float top = corners[0][k] + across * (corners[1][k] - corners[0][k]);
                float bottom = corners[2][k] + across * (corners[3][k] - corners[2][k]);
                pixel[k] = (uint8_t)(top + down * (bottom - top) + 0.5f);
            }
        }
    }
}

// ---- Difference --------------------------------------------------------------------------------

static uint8_t *unite_previous(const MskView *view, int width, int height)
{
    g_autofree MskViewObject *objects = g_new0(MskViewObject, MAX(view->n_objects, 1));
    for (int i = 0; i < view->n_objects; i++)
        objects[i].matte = view->objects[i].previous;
    MskView before = {.objects = objects, .n_objects = view->n_objects};
    return unite_mattes(&before, width, height);
}

// The frame in dim grey, brighter within the mattes; what was added and removed is coloured, what
// was removed in stripes: never by colour alone.
static void draw_difference(const MskView *view, int width, int height, uint8_t *rgba)
{
    g_autofree uint8_t *now = unite_mattes(view, width, height);
    g_autofree uint8_t *before = unite_previous(view, width, height);
    Colour added = colour_from(MSK_VIEW_ADDED), removed = colour_from(MSK_VIEW_REMOVED);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            size_t i = (size_t)y * (size_t)width + (size_t)x;
            const uint8_t *in = view->frame + 4 * i;
            unsigned grey = (54u * in[0] + 183u * in[1] + 19u * in[2] + 128) >> 8;
            unsigned kept = MIN(now[i], before[i]);
            uint8_t *pixel = rgba + 4 * i;
            memset(pixel, mix(grey / 3, grey, kept), 4);
            if (now[i] > before[i])
                mix_pixel(pixel, added.rgb, now[i] - before[i]);
            else if ((x + y) % 6 < 4)
                mix_pixel(pixel, removed.rgb, before[i] - now[i]);
        }
    }
}

void msk_view_render(const MskView *view, int width, int height, uint8_t *rgba)
{
    switch (view->style) {
    case MSK_VIEW_STYLE_OVERLAY:
        draw_overlay(view, width, height, rgba);
        break;
    case MSK_VIEW_STYLE_OUTLINE:
        draw_frame(view, width, height, rgba);
        break;
    case MSK_VIEW_STYLE_MATTE:
        draw_matte(view, width, height, rgba);
        break;
    case MSK_VIEW_STYLE_CUTOUT:
    case MSK_VIEW_STYLE_COLOUR:
    case MSK_VIEW_STYLE_IMAGE:
        fill_background(view, width, height, rgba);
        cut_out(view, width, height, rgba);
        break;
    case MSK_VIEW_STYLE_BLUR:
        draw_frame(view, width, height, rgba);
        draw_blurred(width, height, rgba);
        cut_out(view, width, height, rgba);
        break;
    case MSK_VIEW_STYLE_DIFFERENCE:
        draw_difference(view, width, height, rgba);
        break;
    }
}
