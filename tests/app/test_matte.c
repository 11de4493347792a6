// SPDX-License-Identifier: Apache-2.0
// Mattes: each step against an oracle that follows its definition pixel by pixel.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/matte.h"
#include "tests/support/check.h"

static uint64_t random_state = 7;

static uint32_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

// Spots of all kinds: hard or soft, sparse or dense, sometimes at the border, sometimes nothing.
static uint16_t *make_matte(int width, int height, int style)
{
    uint16_t *alpha = g_new0(uint16_t, (size_t)width * height);
    int n_spots = style % 5 == 0 ? 0 : 1 + (int)(next_random() % 8);
    for (int k = 0; k < n_spots; k++) {
        int cx = (int)(next_random() % (unsigned)width),
            cy = (int)(next_random() % (unsigned)height);
        int radius = (int)(next_random() % 6);
        bool erase = k % 3 == 2;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                if ((x - cx) * (x - cx) + (y - cy) * (y - cy) > radius * radius)
                    continue;
                uint16_t value = style % 2 ? (uint16_t)(next_random() % 65536) : 65535;
                alpha[y * width + x] = erase ? 0 : value;
            }
        }
    }
    if (style % 7 == 6) {
        for (int i = 0; i < width * height; i++)
            alpha[i] = next_random() % 3 ? 65535 : style % 2 ? (uint16_t)next_random() : 0;
    }
    return alpha;
}

// ---- Oracles -----------------------------------------------------------------------------------

// Components by letting the smallest label spread until nothing changes.
static void clean_slowly(uint16_t *alpha, int width, int height, bool holes, int limit)
{
    size_t n = (size_t)width * height;
    g_autofree int *label = g_new(int, n);
    for (size_t i = 0; i < n; i++)
        label[i] = (holes ? alpha[i] < 65535 : alpha[i] > 0) ? (int)i : -1;
    for (bool changed = true; changed;) {
        changed = false;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int *own = &label[y * width + x];
                for (int dy = -1; dy <= 1; dy++) {
                    for (int dx = -1; dx <= 1; dx++) {
                        int u = x + dx, v = y + dy;
                        if ((holes && dx && dy) || u < 0 || v < 0 || u >= width || v >= height)
                            continue;
                        int other = label[v * width + u];
                        if (*own >= 0 && other >= 0 && other < *own) {
                            *own = other;
                            changed = true;
                        }
                    }
                }
            }
        }
    }
    for (size_t k = 0; k < n; k++) {
        int count = 0;
        bool exists = false, border = false;
        for (size_t i = 0; i < n; i++) {
            if (label[i] != (int)k)
                continue;
            exists = true;
            count += holes ? alpha[i] < 32768 : alpha[i] >= 32768;
            int x = (int)(i % width), y = (int)(i / width);
            border |= x == 0 || y == 0 || x == width - 1 || y == height - 1;
        }
        if (!exists || count > limit || (holes && border))
            continue;
        for (size_t i = 0; i < n; i++) {
            if (label[i] == (int)k)
                alpha[i] = holes ? 65535 : 0;
        }
    }
}

static void grow_slowly(uint16_t *alpha, int width, int height, double radius)
{
    g_autofree uint16_t *in = g_memdup2(alpha, (size_t)width * height * 2);
    int reach = (int)ceil(fabs(radius));
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint16_t best = in[y * width + x];
            for (int v = MAX(y - reach, 0); v <= MIN(y + reach, height - 1); v++) {
                for (int u = MAX(x - reach, 0); u <= MIN(x + reach, width - 1); u++) {
                    if ((u - x) * (u - x) + (v - y) * (v - y) > radius * radius)
                        continue;
                    uint16_t value = in[v * width + u];
                    best = radius > 0 ? MAX(best, value) : MIN(best, value);
                }
            }
            alpha[y * width + x] = best;
        }
    }
}

static void feather_slowly(const uint16_t *in, double *out, int width, int height, double feather)
{
    double sigma = feather / 2, sum = 0;
    int reach = (int)ceil(3 * sigma);
    for (int i = -reach; i <= reach; i++)
        sum += exp(-0.5 * i * i / sigma / sigma);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double total = 0;
            for (int dy = -reach; dy <= reach; dy++) {
                for (int dx = -reach; dx <= reach; dx++) {
                    int u = CLAMP(x + dx, 0, width - 1), v = CLAMP(y + dy, 0, height - 1);
                    total += in[v * width + u] * exp(-0.5 * (dx * dx + dy * dy) / sigma / sigma);
                }
            }
            out[y * width + x] = total / (sum * sum);
        }
    }
}

// ---- Tests -------------------------------------------------------------------------------------

static const int sizes[][2] = {{1, 1}, {33, 17}, {2, 31}, {24, 24}, {41, 1}};

static void test_components(bool holes)
{
    for (int style = 0; style < 60; style++) {
        int width = sizes[style % 5][0], height = sizes[style % 5][1];
        g_autofree uint16_t *alpha = make_matte(width, height, style);
        for (int limit = 1; limit <= 1000; limit = limit * 3 + 1) {
            size_t size = (size_t)width * height * 2;
            g_autofree uint16_t *got = g_memdup2(alpha, size), *expected = g_memdup2(alpha, size);
            MskMatteParams params = {0};
            *(holes ? &params.fill_holes : &params.remove_dots) = limit;
            msk_matte_apply(got, width, height, &params);
            clean_slowly(expected, width, height, holes, limit);
            CHECK(memcmp(got, expected, size) == 0);
        }
    }
    end_group(holes ? "holes" : "dots");
}

static void test_grow(void)
{
    static const double radii[] = {0.4, 1, 1.5, 2, 3.7, 5, 12, 200};
    for (int style = 0; style < 40; style++) {
        int width = sizes[style % 5][0], height = sizes[style % 5][1];
        g_autofree uint16_t *alpha = make_matte(width, height, style);
        for (size_t k = 0; k < 2 * G_N_ELEMENTS(radii); k++) {
            double radius = k % 2 ? radii[k / 2] : -radii[k / 2];
            size_t size = (size_t)width * height * 2;
            g_autofree uint16_t *got = g_memdup2(alpha, size), *expected = g_memdup2(alpha, size);
            MskMatteParams params = {.grow = radius};
            msk_matte_apply(got, width, height, &params);
            grow_slowly(expected, width, height, radius);
            CHECK(memcmp(got, expected, size) == 0);
        }
    }
    end_group("grow");
}

static void test_feather(void)
{
    static const double widths[] = {0.01, 0.5, 1, 2.3, 6, 20};
    for (int style = 0; style < 12; style++) {
        int width = sizes[style % 5][0], height = sizes[style % 5][1];
        g_autofree uint16_t *alpha = make_matte(width, height, style);
        g_autofree double *expected = g_new(double, (size_t)width *height);
        for (size_t k = 0; k < G_N_ELEMENTS(widths); k++) {
            g_autofree uint16_t *got = g_memdup2(alpha, (size_t)width * height * 2);
            MskMatteParams params = {.feather = widths[k]};
            msk_matte_apply(got, width, height, &params);
            feather_slowly(alpha, expected, width, height, widths[k]);
            double worst = 0;
            for (int i = 0; i < width * height; i++)
                worst = MAX(worst, fabs(got[i] - expected[i]));
            CHECK(worst <= 0.55); // half a level is the rounding, the rest float sums
        }
    }
    // Plateaus stay full, and a straight edge is at half its height where it was.
    enum { W = 101, H = 9 };
    uint16_t edge[W * H];
    for (int i = 0; i < W * H; i++)
        edge[i] = i % W < 50 ? 65535 : 0;
    MskMatteParams params = {.feather = 10};
    msk_matte_apply(edge, W, H, &params);
    CHECK(edge[0] == 65535 && edge[30] == 65535 && edge[70] == 0);
    CHECK(abs((edge[49] + edge[50]) - 65535) <= 1);
    CHECK(edge[40] > 0.97 * 65535 && edge[59] < 0.03 * 65535 && edge[59] > 0);
    end_group("feather");
}

static void test_render(void)
{
    enum { W = 40, H = 30 };
    uint8_t pixels[W * H] = {0};
    for (int y = 8; y < 22; y++)
        memset(pixels + y * W + 10, 1, 20);
    pixels[15 * W + 20] = 0;
    pixels[2 * W + 2] = 1;
    g_autoptr(MskMask) mask = msk_mask_new_bits(pixels, W, W, H);
    uint16_t plain[W * H], all[W * H], step[W * H];
    msk_matte_render(mask, W, H, NULL, plain);
    bool same = true;
    for (int i = 0; i < W * H; i++)
        same &= plain[i] == (pixels[i] ? 65535 : 0);
    CHECK(same);
    const MskMatteParams off = {0};
    msk_matte_render(mask, W, H, &off, step);
    CHECK(memcmp(plain, step, sizeof(plain)) == 0);

    // All together is one after the other, in the order of the fields.
    const MskMatteParams params = {.fill_holes = 4, .remove_dots = 4, .grow = -2, .feather = 3};
    msk_matte_render(mask, W, H, &params, all);
    msk_matte_apply(step, W, H, &(MskMatteParams){.fill_holes = 4});
    CHECK(step[15 * W + 20] == 65535);
    msk_matte_apply(step, W, H, &(MskMatteParams){.remove_dots = 4});
    CHECK(step[2 * W + 2] == 0);
    msk_matte_apply(step, W, H, &(MskMatteParams){.grow = -2});
    msk_matte_apply(step, W, H, &(MskMatteParams){.feather = 3});
    CHECK(memcmp(all, step, sizeof(all)) == 0);

    msk_matte_render(NULL, W, H, &params, all);
    same = true;
    for (int i = 0; i < W * H; i++)
        same &= all[i] == 0;
    CHECK(same);
    for (int v = 0; v < 256; v++)
        CHECK(msk_matte_to_8((uint16_t)(v * 257)) == v);
    CHECK(msk_matte_to_8(128) == 0 && msk_matte_to_8(129) == 1);
    end_group("render");
}

static void test_params(void)
{
    static const MskMatteParams wrong[] = {
        {.ramp = -1},   {.ramp = 9},           {.fill_holes = -1}, {.remove_dots = -5},
        {.grow = 1000}, {.grow = (double)NAN}, {.feather = -1},    {.feather = (double)INFINITY},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        CHECK(!msk_matte_params_check(&wrong[i], &error) && error);
    }
    const MskMatteParams right = {.ramp = 8, .fill_holes = 99, .grow = -200, .feather = 200};
    CHECK(msk_matte_params_check(&right, NULL));
    end_group("params");
}

int main(void)
{
    test_components(true);
    test_components(false);
    test_grow();
    test_feather();
    test_render();
    test_params();
    return end_tests();
}
