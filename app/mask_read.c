// SPDX-License-Identifier: Apache-2.0
// Reading masks at frame size: a bilinear reader for logits, runs for bits; area and bounds.
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "app/mask_private.h"

// ---- Logits at frame size ----------------------------------------------------------------------

typedef struct Taps {
    int *low, *high; // cells that an output position reads
    float *weight;   // of the high one
    int first, end;  // output positions that read a cell of the box
} Taps;

// As torch's interpolate(mode='bilinear', align_corners=False).
static void make_taps(Taps *taps, int n_in, int n_out, int box_first, int box_size)
{
    taps->low = g_new(int, n_out);
    taps->high = g_new(int, n_out);
    taps->weight = g_new(float, n_out);
    taps->first = n_out;
    taps->end = 0;
    float scale = (float)n_in / (float)n_out;
    for (int i = 0; i < n_out; i++) {
        float at = MAX(scale * ((float)i + 0.5f) - 0.5f, 0.0f);
        int low = MIN((int)at, n_in - 1);
        int high = MIN(low + 1, n_in - 1);
        taps->low[i] = low;
        taps->high[i] = high;
        taps->weight[i] = CLAMP(at - (float)low, 0.0f, 1.0f);
        if (high >= box_first && low < box_first + box_size) {
            taps->first = MIN(taps->first, i);
            taps->end = i + 1;
        }
    }
}

static void free_taps(Taps *taps)
{
    g_free(taps->low);
    g_free(taps->high);
    g_free(taps->weight);
}

typedef void (*RowSink)(void *user, int y, int x, const float *logits, int n);

// Calls `sink` with the part of each frame row that can be above the floor; the rest is below.
static void upsample(const MskMask *mask, RowSink sink, void *user)
{
    if (mask->box.width == 0)
        return;
    int grid_width = mask->grid_width;
    g_autofree float *grid = g_new(float, (size_t)grid_width * mask->grid_height);
    msk_mask_get_low_logits(mask, grid);

    Taps across, down;
    make_taps(&across, grid_width, mask->width, mask->box.x, mask->box.width);
    make_taps(&down, mask->grid_height, mask->height, mask->box.y, mask->box.height);
    int first = across.first;
    int n = MAX(across.end - first, 0);
    g_autofree float *rows = g_new(float, 3 * (size_t)n + 1);
    float *stretched[2] = {rows, rows + n}; // grid rows at frame width, by parity of the row
    int held[2] = {-1, -1};
    float *out = rows + 2 * (size_t)n;

    for (int y = down.first; y < down.end; y++) {
        int pair[2] = {down.low[y], down.high[y]};
        for (int k = 0; k < 2; k++) {
            int row = pair[k];
            if (held[row & 1] == row)
                continue;
            held[row & 1] = row;
            const float *source = grid + (size_t)row * grid_width;
            for (int i = 0; i < n; i++) {
                float weight = across.weight[first + i];
                stretched[row & 1][i] = (1.0f - weight) * source[across.low[first + i]] +
                                        weight * source[across.high[first + i]];
            }
        }
        const float *low = stretched[pair[0] & 1], *high = stretched[pair[1] & 1];
        float weight = down.weight[y];
        for (int i = 0; i < n; i++)
            out[i] = (1.0f - weight) * low[i] + weight * high[i];
        sink(user, y, first, out, n);
    }
    free_taps(&across);
    free_taps(&down);
}

// Calls `paint` for each stretch of set pixels, split at row ends.
static void walk_bits(const MskMask *mask, void (*paint)(void *user, int y, int x, int n),
                      void *user)
{
    size_t position = 0;
    uint64_t at = 0, run;
    for (gboolean value = FALSE; msk_mask_next_run(mask, &position, &run); value = !value) {
        uint64_t end = at + run;
        while (at < end && value) {
            int y = (int)(at / (uint64_t)mask->width), x = (int)(at % (uint64_t)mask->width);
            int n = (int)MIN(end - at, (uint64_t)(mask->width - x));
            paint(user, y, x, n);
            at += (uint64_t)n;
        }
        at = end;
    }
}

// ---- Pixels ------------------------------------------------------------------------------------

typedef struct Canvas {
    void *pixels;
    size_t stride;
    float ramp;
} Canvas;

static void paint8(void *user, int y, int x, int n)
{
    Canvas *canvas = user;
    memset((uint8_t *)canvas->pixels + (size_t)y * canvas->stride + x, 255, (size_t)n);
}

static void paint16(void *user, int y, int x, int n)
{
    Canvas *canvas = user;
    uint16_t *row = (uint16_t *)((uint8_t *)canvas->pixels + (size_t)y * canvas->stride);
    memset(row + x, 255, (size_t)n * sizeof(*row));
}

static double soft_edge(float logit, float ramp)
{
    if (logit <= -ramp)
        return 0.0;
    if (logit >= ramp)
        return 1.0;
    double low = 1.0 / (1.0 + exp(4.0)), high = 1.0 / (1.0 + exp(-4.0));
    return (1.0 / (1.0 + exp(-4.0 * (double)logit / (double)ramp)) - low) / (high - low);
}

static void threshold8_cb(void *user, int y, int x, const float *logits, int n)
{
    Canvas *canvas = user;
    uint8_t *row = (uint8_t *)canvas->pixels + (size_t)y * canvas->stride + x;
    if (canvas->ramp > 0) {
        for (int i = 0; i < n; i++)
            row[i] = (uint8_t)lrint(soft_edge(logits[i], canvas->ramp) * 255.0);
        return;
    }
    for (int i = 0; i < n; i++)
        row[i] = logits[i] > 0 ? 255 : 0;
}

static void threshold16_cb(void *user, int y, int x, const float *logits, int n)
{
    Canvas *canvas = user;
    uint16_t *row = (uint16_t *)((uint8_t *)canvas->pixels + (size_t)y * canvas->stride) + x;
    if (canvas->ramp > 0) {
        for (int i = 0; i < n; i++)
            row[i] = (uint16_t)lrint(soft_edge(logits[i], canvas->ramp) * 65535.0);
        return;
    }
    for (int i = 0; i < n; i++)
        row[i] = logits[i] > 0 ? 65535 : 0;
}

void msk_mask_get_alpha8(const MskMask *mask, float ramp, uint8_t *out, size_t stride)
{
    Canvas canvas = {out, stride, ramp};
    for (int y = 0; y < mask->height; y++)
        memset(out + (size_t)y * stride, 0, (size_t)mask->width);
    if (mask->kind == MSK_MASK_LOGITS)
        upsample(mask, threshold8_cb, &canvas);
    else
        walk_bits(mask, paint8, &canvas);
}

void msk_mask_get_alpha16(const MskMask *mask, float ramp, uint16_t *out, size_t stride)
{
    Canvas canvas = {out, stride, ramp};
    for (int y = 0; y < mask->height; y++)
        memset((uint8_t *)out + (size_t)y * stride, 0, (size_t)mask->width * sizeof(*out));
    if (mask->kind == MSK_MASK_LOGITS)
        upsample(mask, threshold16_cb, &canvas);
    else
        walk_bits(mask, paint16, &canvas);
}

void msk_mask_get_binary(const MskMask *mask, uint8_t *out, size_t stride)
{
    msk_mask_get_alpha8(mask, 0, out, stride);
}

// ---- Measures ----------------------------------------------------------------------------------

typedef struct Measure {
    int64_t area;
    int x0, y0, x1, y1;
} Measure;

static void measure_run(void *user, int y, int x, int n)
{
    Measure *measure = user;
    measure->area += n;
    measure->x0 = MIN(measure->x0, x);
    measure->x1 = MAX(measure->x1, x + n);
    measure->y0 = MIN(measure->y0, y);
    measure->y1 = MAX(measure->y1, y + 1);
}

static void measure_row_cb(void *user, int y, int x, const float *logits, int n)
{
    for (int i = 0; i < n; i++) {
        if (logits[i] > 0)
            measure_run(user, y, x + i, 1);
    }
}

// The only change to a mask after birth: its measures, once, before anybody can read them. Two
// threads may come to the same result; the first one's is kept.
static void keep_measures(MskMask *mask, int64_t area, const MskRect *bounds)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!g_atomic_int_get(&mask->measured)) {
        mask->area = area;
        mask->bounds = *bounds;
        g_atomic_int_set(&mask->measured, 1);
    }
    pthread_mutex_unlock(&lock);
}

static const MskMask *measure(const MskMask *mask)
{
    if (g_atomic_int_get(&mask->measured))
        return mask;
    Measure found = {0, G_MAXINT, G_MAXINT, 0, 0};
    if (mask->kind == MSK_MASK_LOGITS)
        upsample(mask, measure_row_cb, &found);
    else
        walk_bits(mask, measure_run, &found);
    MskRect bounds = {0};
    if (found.area > 0)
        bounds = (MskRect){found.x0, found.y0, found.x1 - found.x0, found.y1 - found.y0};
    keep_measures((MskMask *)mask, found.area, &bounds);
    return mask;
}

gboolean msk_mask_set_measures(MskMask *mask, int64_t area, const MskRect *bounds)
{
    const int64_t room = (int64_t)bounds->width * bounds->height;
    if (bounds->x < 0 || bounds->y < 0 || bounds->width < 0 || bounds->height < 0 ||
        bounds->width > mask->width - bounds->x || bounds->height > mask->height - bounds->y)
        return FALSE;
    if (area == 0 ? bounds->x || bounds->y || bounds->width || bounds->height
                  : area < 0 || area > room)
        return FALSE;
    keep_measures(mask, area, bounds);
    return TRUE;
}

int64_t msk_mask_get_area(const MskMask *mask)
{
    return measure(mask)->area;
}

gboolean msk_mask_get_bounds(const MskMask *mask, MskRect *out)
{
    *out = measure(mask)->bounds;
    return out->width > 0;
}

gboolean msk_mask_is_measured(const MskMask *mask)
{
    return g_atomic_int_get(&mask->measured) != 0;
}
