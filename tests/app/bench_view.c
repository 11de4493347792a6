// SPDX-License-Identifier: Apache-2.0
// How long a picture takes: a 1920x1080 frame with three masks, new ones on every frame as while
// playing.
#include <libavutil/frame.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/view.h"

enum { WIDTH = 1920, HEIGHT = 1080, N_OBJECTS = 3, N_FRAMES = 20 };

static MskFrame *make_frame(int n)
{
    AVFrame *av = av_frame_alloc();
    av->width = WIDTH;
    av->height = HEIGHT;
    av->format = 0; // yuv420p
    if (av_frame_get_buffer(av, 0) < 0)
        exit(1);
    for (int k = 0; k < 3; k++) {
        int height = k ? HEIGHT / 2 : HEIGHT;
        for (int i = 0; i < height * av->linesize[k]; i++)
            av->data[k][i] = (uint8_t)(i * 7 + n * 13 + (i >> 9));
    }
    MskFrame *frame = msk_frame_new(av, n, n, MSK_ORIENTATION_NORMAL, WIDTH, HEIGHT);
    av_frame_free(&av);
    return frame;
}

static MskMask *make_mask(int object, int n)
{
    enum { GRID_W = 480, GRID_H = 270 };
    g_autofree float *logits = g_new(float, GRID_W *GRID_H);
    double cx = 100 + 130 * object + n, cy = 135 + 10 * object;
    for (int y = 0; y < GRID_H; y++) {
        for (int x = 0; x < GRID_W; x++) {
            double angle = atan2(y - cy, x - cx);
            double radius = 70 + 8 * sin(9 * angle + n);
            logits[y * GRID_W + x] = (float)(radius - hypot(x - cx, y - cy));
        }
    }
    return msk_mask_new_logits(logits, GRID_W, GRID_H, WIDTH, HEIGHT);
}

static double now_ms(void)
{
    return (double)g_get_monotonic_time() / 1000;
}

static void measure(MskViewStyle style, const char *name, int width, int height)
{
    double convert = 0, mattes = 0, draw = 0, present = 0;
    g_autofree uint8_t *rgba = g_malloc((size_t)width * (size_t)height * 4);
    g_autofree uint8_t *out = g_malloc((size_t)width * (size_t)height * 4);
    g_autofree uint32_t *pixels = g_new(uint32_t, (size_t)width * (size_t)height);
    for (int n = 0; n < N_FRAMES; n++) {
        g_autoptr(MskFrame) frame = make_frame(n);
        MskMask *masks[N_OBJECTS];
        MskViewObject objects[N_OBJECTS] = {0};
        for (int k = 0; k < N_OBJECTS; k++)
            masks[k] = make_mask(k, n);

        double at = now_ms();
        msk_frame_get_rgba8_scaled(frame, width, height, rgba, (size_t)width * 4, NULL);
        convert += now_ms() - at;
        at = now_ms();
        for (int k = 0; k < N_OBJECTS; k++) {
            MskViewSource source = {.result = masks[k]};
            objects[k] =
                (MskViewObject){msk_view_matte_new(&source, WIDTH, HEIGHT), NULL, 0xe69f00, 1};
        }
        mattes += now_ms() - at;
        at = now_ms();
        MskView view = {style, 0.5, 0, rgba, FALSE, NULL, objects, N_OBJECTS};
        msk_view_render(&view, width, height, out);
        draw += now_ms() - at;
        at = now_ms();
        MskViewWindow window = {0, 0, width, height, 1, 1};
        msk_view_present(out, width, height, &window, pixels, (size_t)width);
        present += now_ms() - at;
        for (int k = 0; k < N_OBJECTS; k++) {
            msk_view_matte_unref(objects[k].matte);
            msk_mask_unref(masks[k]);
        }
    }
    printf(
        "%-8s %4d x %-4d  convert %5.1f  mattes %5.1f  draw %5.1f  present %5.1f  sum %5.1f ms\n",
        name, width, height, convert / N_FRAMES, mattes / N_FRAMES, draw / N_FRAMES,
        present / N_FRAMES, (convert + mattes + draw + present) / N_FRAMES);
}

int main(void)
{
    const int sizes[2][2] = {{WIDTH, HEIGHT}, {1100, 619}};
    for (int i = 0; i < 2; i++) {
        measure(MSK_VIEW_STYLE_OVERLAY, "overlay", sizes[i][0], sizes[i][1]);
        measure(MSK_VIEW_STYLE_MATTE, "matte", sizes[i][0], sizes[i][1]);
        measure(MSK_VIEW_STYLE_CUTOUT, "cut-out", sizes[i][0], sizes[i][1]);
        measure(MSK_VIEW_STYLE_BLUR, "blur", sizes[i][0], sizes[i][1]);
        measure(MSK_VIEW_STYLE_DIFFERENCE, "change", sizes[i][0], sizes[i][1]);
    }
    return 0;
}
