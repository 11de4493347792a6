// SPDX-License-Identifier: Apache-2.0
// How fast the canvas's thread makes pictures while playing: a frame of 1920x1080 with three masks,
// new ones on every frame, with outlines, for a view that fits it and at 1:1.
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "tests/app/clips.h"
#include "ui/canvas_render.h"

enum { WIDTH = 1920, HEIGHT = 1080, N_OBJECTS = 3, N_FRAMES = 60 };

static MskScene *scenes[N_FRAMES];
static int n_done;

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

static void rendered_cb(MskRendered *rendered, gpointer user)
{
    n_done++;
}

static void measure(MskViewStyle style, const char *name, const char *size, const MskLayout *layout)
{
    MskRenderer *renderer = msk_renderer_new(rendered_cb, NULL);
    gint64 start = g_get_monotonic_time();
    clock_t busy = clock();
    for (int n = 0; n < N_FRAMES; n++) {
        scenes[n]->style = style;
        n_done = 0;
        msk_renderer_request(renderer, scenes[n], layout);
        while (n_done == 0)
            g_main_context_iteration(NULL, TRUE);
    }
    double seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
    double work = (double)(clock() - busy) / CLOCKS_PER_SEC;
    msk_renderer_free(renderer);
    printf("%-8s %-4s %6.1f pictures/s, %5.1f ms of processor a picture\n", name, size,
           N_FRAMES / seconds, work / N_FRAMES * 1000);
}

int main(void)
{
    if (!clips_begin())
        return 77;
    const char *clip =
        clip_make("hd.mp4", "-f lavfi -i testsrc2=size=1920x1080:rate=30 -t 2.1 -pix_fmt yuv420p");
    g_autoptr(GError) error = NULL;
    g_autoptr(MskMedia) media = clip ? msk_media_open(clip, NULL, NULL, &error) : NULL;
    clips_end();
    if (!media)
        return 1;
    for (int n = 0; n < N_FRAMES; n++) {
        g_autoptr(MskFrame) frame = msk_media_get_frame(media, n, NULL, &error);
        if (!frame || msk_frame_get_width(frame) != WIDTH || msk_frame_get_height(frame) != HEIGHT)
            return 1;
        scenes[n] = msk_scene_new(frame, n);
        scenes[n]->opacity = 0.5;
        for (int k = 0; k < N_OBJECTS; k++) {
            MskSceneObject object = {.id = k + 1, .colour = 0xe69f00, .selected = k == 0};
            object.now.result = make_mask(k, n);
            g_array_append_val(scenes[n]->objects, object);
        }
    }
    MskLayout layout = {WIDTH, HEIGHT, 1, 1150, 680, 1, TRUE, 1, 0, 0};
    msk_layout_update(&layout);
    MskLayout whole = {WIDTH, HEIGHT, 1, WIDTH, HEIGHT, 1, FALSE, 1, WIDTH / 2, HEIGHT / 2};
    static const struct {
        MskViewStyle style;
        const char *name;
    } styles[] = {
        {MSK_VIEW_STYLE_OVERLAY, "overlay"},
        {MSK_VIEW_STYLE_MATTE, "matte"},
        {MSK_VIEW_STYLE_CUTOUT, "cut-out"},
        {MSK_VIEW_STYLE_BLUR, "blur"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(styles); i++) {
        measure(styles[i].style, styles[i].name, "fit", &layout);
        measure(styles[i].style, styles[i].name, "1:1", &whole);
    }
    for (int n = 0; n < N_FRAMES; n++)
        msk_scene_unref(scenes[n]);
    return 0;
}
