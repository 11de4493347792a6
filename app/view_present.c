// SPDX-License-Identifier: Apache-2.0
// Pictures at the screen's resolution, and pictures that cover another's size.
#include <glib/gi18n.h>
#include <math.h>
#include <string.h>

#include "app/view.h"

#include <gio/gio.h>

static inline uint32_t pack(unsigned red, unsigned green, unsigned blue)
{
    return 0xff000000u | red << 16 | green << 8 | blue;
}

// For each device pixel the picture pixels it reads, and the share of the second in 1/256.
typedef struct Taps {
    int *low, *high, *share;
} Taps;

static Taps make_taps(int first, int n_out, double zoom, int n_in)
{
    Taps taps = {g_new(int, n_out), g_new(int, n_out), g_new0(int, n_out)};
    for (int i = 0; i < n_out; i++) {
        double at = (first + i + 0.5) / zoom;
        if (zoom >= 2 || zoom == 1) {
            taps.low[i] = taps.high[i] = (int)CLAMP(floor(at), 0, n_in - 1);
            continue;
        }
        at = CLAMP(at - 0.5, 0, n_in - 1);
        taps.low[i] = (int)at;
        taps.high[i] = MIN(taps.low[i] + 1, n_in - 1);
        taps.share[i] = (int)lrint((at - taps.low[i]) * 256);
    }
    return taps;
}

static void free_taps(Taps *taps)
{
    g_free(taps->low);
    g_free(taps->high);
    g_free(taps->share);
}

static void copy_row(const uint8_t *in, const Taps *across, int n, uint32_t *out)
{
    for (int i = 0; i < n; i++) {
        const uint8_t *pixel = in + 4 * (size_t)across->low[i];
        out[i] = pack(pixel[0], pixel[1], pixel[2]);
    }
}

static void blend_row(const uint8_t *above, const uint8_t *below, int share, const Taps *across,
                      int n, uint32_t *out)
{
    for (int i = 0; i < n; i++) {
        size_t low = 4 * (size_t)across->low[i], high = 4 * (size_t)across->high[i];
        unsigned value[3];
        for (int k = 0; k < 3; k++) {
            int top = 256 * above[low + k] + across->share[i] * (above[high + k] - above[low + k]);
            int bottom =
                256 * below[low + k] + across->share[i] * (below[high + k] - below[low + k]);
            value[k] = (unsigned)(256 * top + share * (bottom - top) + 32768) >> 16;
        }
        out[i] = pack(value[0], value[1], value[2]);
    }
}

void msk_view_present(const uint8_t *rgba, int width, int height, const MskViewWindow *window,
                      uint32_t *out, size_t stride)
{
    Taps across = make_taps(window->x, window->width, window->zoom_x, width);
    Taps down = make_taps(window->y, window->height, window->zoom_y, height);
    gboolean sharp_x = window->zoom_x >= 2 || window->zoom_x == 1;
    gboolean sharp_y = window->zoom_y >= 2 || window->zoom_y == 1;
    size_t row_size = 4 * (size_t)width;
    for (int j = 0; j < window->height; j++) {
        uint32_t *row = out + (size_t)j * stride;
        const uint8_t *above = rgba + row_size * (size_t)down.low[j];
        const uint8_t *below = rgba + row_size * (size_t)down.high[j];
        if (!sharp_x || !sharp_y)
            blend_row(above, below, down.share[j], &across, window->width, row);
        else if (j > 0 && down.low[j] == down.low[j - 1])
            memcpy(row, row - stride, (size_t)window->width * sizeof *row);
        else
            copy_row(above, &across, window->width, row);
    }
    free_taps(&across);
    free_taps(&down);
}

gboolean msk_view_cover(MskFrame *frame, int width, int height, uint8_t *rgba, GError **error)
{
    int own_width = msk_frame_get_width(frame), own_height = msk_frame_get_height(frame);
    double scale = fmax((double)width / own_width, (double)height / own_height);
    int full_width = MAX((int)lrint(own_width * scale), width);
    int full_height = MAX((int)lrint(own_height * scale), height);
    size_t stride = (size_t)full_width * 4;
    g_autofree uint8_t *full = g_try_malloc(stride * (size_t)full_height);
    if (!full) {
        g_set_error(
            error, G_IO_ERROR, G_IO_ERROR_FAILED,
            _("Not enough memory for a background of %d x %d pixels; choose a smaller image"),
            full_width, full_height);
        return FALSE;
    }
    if (!msk_frame_get_rgba8_scaled(frame, full_width, full_height, full, stride, error))
        return FALSE;
    int x = (full_width - width) / 2, y = (full_height - height) / 2;
    for (int v = 0; v < height; v++)
        memcpy(rgba + (size_t)v * (size_t)width * 4,
               full + (size_t)(y + v) * stride + (size_t)x * 4, (size_t)width * 4);
    return TRUE;
}
