// SPDX-License-Identifier: Apache-2.0
// Pictures of frames with masks, against a computation of each pixel by the definition, in doubles.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/view.h"
#include "tests/support/check.h"

static uint64_t random_state = 3;

static uint32_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

// A few blocks, by their corners.
static MskMask *make_bits(int width, int height)
{
    g_autofree uint8_t *bits = g_malloc0((size_t)width * (size_t)height);
    for (int k = 0; k < 3; k++) {
        int x0 = (int)(next_random() % (unsigned)width),
            y0 = (int)(next_random() % (unsigned)height);
        int x1 = x0 + 1 + (int)(next_random() % 20);
        int y1 = y0 + 1 + (int)(next_random() % 20);
        for (int y = y0; y < MIN(y1, height); y++)
            memset(bits + y * width + x0, 255, (size_t)(MIN(x1, width) - x0));
    }
    return msk_mask_new_bits(bits, (size_t)width, width, height);
}

static MskMask *make_logits(int width, int height)
{
    int grid_width = (width + 3) / 4, grid_height = (height + 3) / 4;
    g_autofree float *logits = g_new(float, (size_t)grid_width *(size_t)grid_height);
    for (int i = 0; i < grid_width * grid_height; i++)
        logits[i] = (float)(next_random() % 200) / 10 - 13;
    return msk_mask_new_logits(logits, grid_width, grid_height, width, height);
}

// ---- Mattes ------------------------------------------------------------------------------------

static void test_mattes(void)
{
    for (int round = 0; round < 60; round++) {
        int width = 1 + (int)(next_random() % 90), height = 1 + (int)(next_random() % 70);
        MskViewSource source = {0};
        if (round % 4 != 1)
            source.result = round % 2 ? make_logits(width, height) : make_bits(width, height);
        if (round % 3)
            source.add = make_bits(width, height);
        if (round % 5 > 2)
            source.remove = make_bits(width, height);
        source.params.grow = round % 6 == 2 ? 3 : 0;
        source.params.feather = round % 7 == 3 ? 4 : 0;
        source.params.ramp = round % 8 == 5 ? 4 : 0;
        g_autoptr(MskViewMatte) matte = msk_view_matte_new(&source, width, height);

        g_autofree uint16_t *expected = g_new0(uint16_t, (size_t)width * (size_t)height);
        if (source.result || source.add || source.remove) {
            g_autoptr(MskMask) mask =
                source.add || source.remove
                    ? msk_mask_combine(source.result, source.add, source.remove)
                    : msk_mask_ref(source.result);
            msk_matte_render(mask, width, height, &source.params, expected);
        }
        int n_wrong = 0, x0 = width, y0 = height, x1 = 0, y1 = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                double alpha = expected[y * width + x] / 257.0;
                n_wrong += fabs(msk_view_matte_get_alpha(matte, x, y) - alpha) > 0.51;
                if (msk_view_matte_get_alpha(matte, x, y) > 0) {
                    x0 = MIN(x0, x);
                    y0 = MIN(y0, y);
                    x1 = MAX(x1, x + 1);
                    y1 = MAX(y1, y + 1);
                }
            }
        }
        CHECK(n_wrong == 0);
        const MskRect *box = &matte->bounds;
        CHECK(x1 == 0 ? box->width == 0 && matte->contour->ends->len == 0
                      : box->x == x0 && box->y == y0 && box->width == x1 - x0 &&
                            box->height == y1 - y0);
        CHECK(msk_view_matte_get_alpha(matte, -1, 0) == 0 &&
              msk_view_matte_get_alpha(matte, width, height) == 0);
        msk_mask_unref(source.result);
        msk_mask_unref(source.add);
        msk_mask_unref(source.remove);
    }
    // A mask of another size than the frame's is not drawn.
    g_autoptr(MskMask) other = make_bits(30, 20);
    MskViewSource source = {.result = other};
    g_autoptr(MskViewMatte) matte = msk_view_matte_new(&source, 31, 20);
    CHECK(matte->bounds.width == 0 && matte->contour->ends->len == 0);
    end_group("mattes");
}

static void test_cache(void)
{
    g_autoptr(MskMask) a = make_bits(64, 48);
    g_autoptr(MskMask) b = make_bits(64, 48);
    MskViewCache *cache = msk_view_cache_new(1 << 20);
    MskViewSource source = {.result = a};
    g_autoptr(MskViewMatte) first = msk_view_cache_get(cache, &source, 64, 48);
    g_autoptr(MskViewMatte) again = msk_view_cache_get(cache, &source, 64, 48);
    CHECK(first == again);
    source.params.grow = 2;
    g_autoptr(MskViewMatte) grown = msk_view_cache_get(cache, &source, 64, 48);
    CHECK(grown != first);
    source.params.grow = 0;
    source.add = b;
    g_autoptr(MskViewMatte) painted = msk_view_cache_get(cache, &source, 64, 48);
    CHECK(painted != first && painted != grown);
    msk_view_cache_free(cache);

    // Too small for two: the one used last stays.
    cache = msk_view_cache_new(1);
    MskViewSource of_a = {.result = a}, of_b = {.result = b};
    g_autoptr(MskViewMatte) a1 = msk_view_cache_get(cache, &of_a, 64, 48);
    g_autoptr(MskViewMatte) b1 = msk_view_cache_get(cache, &of_b, 64, 48);
    g_autoptr(MskViewMatte) b2 = msk_view_cache_get(cache, &of_b, 64, 48);
    g_autoptr(MskViewMatte) a2 = msk_view_cache_get(cache, &of_a, 64, 48);
    CHECK(b1 == b2 && a1 != a2);
    msk_view_cache_free(cache);
    end_group("matte cache");
}

// ---- Pictures ----------------------------------------------------------------------------------

enum { FRAME_W = 97, FRAME_H = 61, MAX_OBJECTS = 4 };

// The mean of a matte over what a picture pixel covers, rounded as the picture has it.
static double mean_alpha(const MskViewMatte *matte, int width, int height, int x, int y)
{
    if (!matte)
        return 0;
    double x0 = (double)x * FRAME_W / width, x1 = (double)(x + 1) * FRAME_W / width;
    double y0 = (double)y * FRAME_H / height, y1 = (double)(y + 1) * FRAME_H / height;
    double sum = 0;
    for (int v = 0; v < FRAME_H; v++) {
        for (int u = 0; u < FRAME_W; u++) {
            double across = fmin(x1, u + 1) - fmax(x0, u), down = fmin(y1, v + 1) - fmax(y0, v);
            if (across > 0 && down > 0)
                sum += across * down * msk_view_matte_get_alpha(matte, u, v);
        }
    }
    return sum / ((x1 - x0) * (y1 - y0)) / 255;
}

static double mixed(double under, double over, double alpha)
{
    return under + (over - under) * alpha;
}

static void expect_pixel(double *out, const MskView *view, int width, int height, int x, int y)
{
    const uint8_t *frame = view->frame + ((size_t)y * (size_t)width + (size_t)x) * 4;
    double check = (x / 8 + y / 8) % 2 ? 0x66 : 0x9a;
    double opaque = view->frame_alpha ? frame[3] / 255.0 : 1;
    double all = 0, before = 0;
    for (int i = 0; i < view->n_objects; i++) {
        all = fmax(all, mean_alpha(view->objects[i].matte, width, height, x, y));
        before = fmax(before, mean_alpha(view->objects[i].previous, width, height, x, y));
    }
    for (int k = 0; k < 3; k++) {
        double value = mixed(check, frame[k], opaque);
        int shift = 16 - 8 * k;
        switch (view->style) {
        case MSK_VIEW_STYLE_OVERLAY:
            for (int i = view->n_objects - 1; i >= 0; i--) {
                const MskViewObject *object = &view->objects[i];
                value = mixed(value, (object->colour >> shift) & 255,
                              mean_alpha(object->matte, width, height, x, y) * view->opacity *
                                  object->strength);
            }
            break;
        case MSK_VIEW_STYLE_OUTLINE:
            break;
        case MSK_VIEW_STYLE_MATTE:
            value = 255 * all;
            break;
        case MSK_VIEW_STYLE_CUTOUT:
            value = mixed(check, frame[k], all * opaque);
            break;
        case MSK_VIEW_STYLE_COLOUR:
            value = mixed((view->background >> shift) & 255, frame[k], all * opaque);
            break;
        case MSK_VIEW_STYLE_IMAGE:
            value = mixed(view->image
                              ? view->image[((size_t)y * (size_t)width + (size_t)x) * 4 + (size_t)k]
                              : 0,
                          frame[k], all * opaque);
            break;
        case MSK_VIEW_STYLE_DIFFERENCE: {
            double grey = (54.0 * frame[0] + 183.0 * frame[1] + 19.0 * frame[2]) / 256;
            value = mixed(grey / 3, grey, fmin(all, before));
            if (all > before)
                value = mixed(value, (0x009e73 >> shift) & 255, all - before);
            else if ((x + y) % 6 < 4)
                value = mixed(value, (0xd55e00 >> shift) & 255, before - all);
            break;
        }
        case MSK_VIEW_STYLE_BLUR:
            g_assert_not_reached();
        }
        out[k] = value;
    }
}

static uint8_t *make_pixels(int width, int height)
{
    uint8_t *pixels = g_malloc((size_t)width * (size_t)height * 4);
    for (int i = 0; i < width * height * 4; i++)
        pixels[i] = (uint8_t)next_random();
    return pixels;
}

static void test_pictures(void)
{
    static const int sizes[][2] = {{FRAME_W, FRAME_H}, {48, 30}, {33, 50}, {110, 40}, {1, 1}};
    static const MskViewStyle styles[] = {
        MSK_VIEW_STYLE_OVERLAY,    MSK_VIEW_STYLE_OUTLINE, MSK_VIEW_STYLE_MATTE,
        MSK_VIEW_STYLE_CUTOUT,     MSK_VIEW_STYLE_COLOUR,  MSK_VIEW_STYLE_IMAGE,
        MSK_VIEW_STYLE_DIFFERENCE,
    };
    for (int round = 0; round < 5 * 7 * 2; round++) {
        int width = sizes[round % 5][0], height = sizes[round % 5][1];
        g_autofree uint8_t *frame = make_pixels(width, height);
        g_autofree uint8_t *image = make_pixels(width, height);
        MskViewObject objects[MAX_OBJECTS] = {0};
        int n_objects = (int)(next_random() % (MAX_OBJECTS + 1));
        for (int i = 0; i < n_objects; i++) {
            g_autoptr(MskMask) mask = make_bits(FRAME_W, FRAME_H);
            g_autoptr(MskMask) old = make_bits(FRAME_W, FRAME_H);
            MskViewSource now = {.result = mask, .params.feather = i % 2 ? 3 : 0};
            MskViewSource before = {.result = old};
            objects[i].matte = i == 3 ? NULL : msk_view_matte_new(&now, FRAME_W, FRAME_H);
            objects[i].previous = i == 2 ? NULL : msk_view_matte_new(&before, FRAME_W, FRAME_H);
            objects[i].colour = next_random() & 0xffffff;
            objects[i].strength = i == 0 ? 1 : 0.6;
        }
        MskView view = {
            .style = styles[round % 7],
            .opacity = (double)(next_random() % 101) / 100,
            .background = next_random() & 0xffffff,
            .frame = frame,
            .frame_alpha = round >= 35,
            .image = round % 3 ? image : NULL,
            .objects = objects,
            .n_objects = n_objects,
        };
        g_autofree uint8_t *got = g_malloc((size_t)width * (size_t)height * 4);
        msk_view_render(&view, width, height, got);
        double worst = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                double expected[3];
                expect_pixel(expected, &view, width, height, x, y);
                const uint8_t *pixel = got + ((size_t)y * (size_t)width + (size_t)x) * 4;
                for (int k = 0; k < 3; k++)
                    worst = fmax(worst, fabs(pixel[k] - expected[k]));
            }
        }
        // Alpha, share of the tint and each layer are rounded to 8 bits.
        if (!CHECK(worst <= 1.6 + 0.8 * n_objects))
            printf("style %d size %dx%d worst %g\n", view.style, width, height, worst);
        for (int i = 0; i < n_objects; i++) {
            msk_view_matte_unref(objects[i].matte);
            msk_view_matte_unref(objects[i].previous);
        }
    }
    end_group("pictures");
}

static void test_blur(void)
{
    enum { W = 400, H = 240 };
    g_autofree uint8_t *frame = make_pixels(W, H);
    // A step from dark to bright with noise: blurred it is smooth, far from the step it is level.
    for (int i = 0; i < W * H; i++) {
        for (int k = 0; k < 3; k++)
            frame[4 * i + k] = (uint8_t)((i % W < W / 2 ? 40 : 200) + frame[4 * i + k] % 16);
    }
    uint8_t bits[W * H] = {0};
    for (int y = 20; y < 60; y++)
        memset(bits + y * W + 20, 255, 300);
    g_autoptr(MskMask) mask = msk_mask_new_bits(bits, W, W, H);
    MskViewSource source = {.result = mask};
    g_autoptr(MskViewMatte) matte = msk_view_matte_new(&source, W, H);
    MskViewObject object = {.matte = matte, .strength = 1};
    MskView view = {
        .style = MSK_VIEW_STYLE_BLUR, .frame = frame, .objects = &object, .n_objects = 1};
    g_autofree uint8_t *got = g_malloc(W * H * 4);
    msk_view_render(&view, W, H, got);
    int n_changed = 0, n_rough = 0, n_level = 0;
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            const uint8_t *pixel = got + (y * W + x) * 4;
            if (bits[y * W + x]) {
                n_changed += memcmp(pixel, frame + (y * W + x) * 4, 3) != 0;
                continue;
            }
            n_rough += x > 0 && !bits[y * W + x - 1] && abs(pixel[0] - pixel[-4]) > 12;
            n_level += x < 100 && abs(pixel[0] - 47) > 5;
            n_level += x > 300 && abs(pixel[0] - 207) > 5;
        }
    }
    CHECK(n_changed == 0); // the object stays sharp
    CHECK(n_rough == 0);
    CHECK(n_level == 0);
    // Tiny pictures have no room for a blur, but work.
    MskView tiny = {.style = MSK_VIEW_STYLE_BLUR, .frame = frame};
    msk_view_render(&tiny, 1, 1, got);
    CHECK(got[0] == frame[0]);
    end_group("blur");
}

// ---- On the screen -----------------------------------------------------------------------------

static double sample(const uint8_t *rgba, int width, int height, double x, double y, int k)
{
    double u = fmin(fmax(x - 0.5, 0), width - 1), v = fmin(fmax(y - 0.5, 0), height - 1);
    int x0 = (int)u, y0 = (int)v, x1 = MIN(x0 + 1, width - 1), y1 = MIN(y0 + 1, height - 1);
    double top = mixed(rgba[(y0 * width + x0) * 4 + k], rgba[(y0 * width + x1) * 4 + k], u - x0);
    double bottom = mixed(rgba[(y1 * width + x0) * 4 + k], rgba[(y1 * width + x1) * 4 + k], u - x0);
    return mixed(top, bottom, v - y0);
}

static void test_present(void)
{
    enum { W = 23, H = 17 };
    static const double zooms[] = {1, 1.3, 1.99, 2, 3.7, 16};
    g_autofree uint8_t *rgba = make_pixels(W, H);
    for (int round = 0; round < 6 * 6; round++) {
        MskViewWindow window = {
            .x = round % 4 == 3 ? -3 : (int)(next_random() % 10),
            .y = (int)(next_random() % 10),
            .width = 1 + (int)(next_random() % 40),
            .height = 1 + (int)(next_random() % 30),
            .zoom_x = zooms[round % 6],
            .zoom_y = zooms[round / 6],
        };
        uint32_t out[40 * 44];
        memset(out, 0x55, sizeof out);
        msk_view_present(rgba, W, H, &window, out, 44);
        double worst = 0;
        for (int j = 0; j < window.height; j++) {
            for (int i = 0; i < window.width; i++) {
                double x = (window.x + i + 0.5) / window.zoom_x;
                double y = (window.y + j + 0.5) / window.zoom_y;
                if (window.zoom_x >= 2 || window.zoom_x == 1)
                    x = floor(x) + 0.5;
                if (window.zoom_y >= 2 || window.zoom_y == 1)
                    y = floor(y) + 0.5;
                for (int k = 0; k < 3; k++) {
                    double value = (out[j * 44 + i] >> (16 - 8 * k)) & 255;
                    worst = fmax(worst, fabs(value - sample(rgba, W, H, x, y, k)));
                }
                worst = fmax(worst, out[j * 44 + i] >> 24 == 255 ? 0 : 1000);
            }
            CHECK(out[j * 44 + window.width] == 0x55555555); // nothing beyond the row
        }
        if (!CHECK(worst <= 1.6))
            printf("zoom %g x %g: %g\n", window.zoom_x, window.zoom_y, worst);
    }
    end_group("on the screen");
}

int main(void)
{
    test_mattes();
    test_cache();
    test_pictures();
    test_blur();
    test_present();
    return end_tests();
}
