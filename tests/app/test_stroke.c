// SPDX-License-Identifier: Apache-2.0
// Strokes: discs, lines and polygons against tests of every pixel's centre; strokes as masks.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/stroke.h"
#include "tests/support/check.h"

static uint64_t random_state = 5;

static double next_random(double low, double high)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(random_state >> 33) / (double)(1u << 31);
}

static bool is_set(const MskStroke *stroke, int x, int y)
{
    return stroke->pixels[(size_t)y * stroke->stride + (size_t)x] == 255;
}

// The bounds hold all pixels, and each side of them holds one.
static bool has_tight_bounds(const MskStroke *stroke)
{
    int x0 = G_MAXINT, y0 = G_MAXINT, x1 = 0, y1 = 0;
    for (int y = 0; y < stroke->height; y++) {
        for (int x = 0; x < stroke->width; x++) {
            if (!is_set(stroke, x, y))
                continue;
            x0 = MIN(x0, x);
            y0 = MIN(y0, y);
            x1 = MAX(x1, x + 1);
            y1 = MAX(y1, y + 1);
        }
    }
    const MskRect *b = &stroke->bounds;
    if (x1 == 0)
        return b->width == 0;
    return b->x == x0 && b->y == y0 && b->width == x1 - x0 && b->height == y1 - y0;
}

static void test_discs(void)
{
    for (int round = 0; round < 200; round++) {
        g_autoptr(MskStroke) stroke = msk_stroke_new(61, 43);
        double x = next_random(-20, 80), y = next_random(-20, 60), radius = next_random(0, 30);
        msk_stroke_add_disc(stroke, x, y, radius);
        int n_wrong = 0;
        for (int v = 0; v < 43; v++) {
            for (int u = 0; u < 61; u++) {
                double distance = hypot(u + 0.5 - x, v + 0.5 - y);
                n_wrong +=
                    fabs(distance - radius) > 1e-9 && is_set(stroke, u, v) != (distance < radius);
            }
        }
        CHECK(n_wrong == 0);
        CHECK(has_tight_bounds(stroke));
    }
    end_group("discs");
}

// How deep (x, y) lies inside of the disc moved from one place to another: the maximum over many
// places of radius minus distance.
static double depth_in_line(double x, double y, const double *a, const double *b)
{
    double most = -INFINITY;
    for (int i = 0; i <= 4000; i++) {
        double t = i / 4000.0, r = a[2] + t * (b[2] - a[2]);
        most = fmax(most, r - hypot(x - a[0] - t * (b[0] - a[0]), y - a[1] - t * (b[1] - a[1])));
    }
    return most;
}

static void test_lines(void)
{
    for (int round = 0; round < 60; round++) {
        g_autoptr(MskStroke) stroke = msk_stroke_new(50, 40);
        double a[3] = {next_random(-10, 60), next_random(-10, 50), next_random(0.3, 12)};
        double b[3] = {next_random(-10, 60), next_random(-10, 50),
                       round % 2 ? next_random(0.3, 12) : a[2]};
        if (round % 10 == 0)
            memcpy(b, a, sizeof b); // no way at all: a dab
        msk_stroke_add_line(stroke, a[0], a[1], a[2], b[0], b[1], b[2]);
        int n_wrong = 0;
        for (int v = 0; v < 40; v++) {
            for (int u = 0; u < 50; u++) {
                double depth = depth_in_line(u + 0.5, v + 0.5, a, b);
                // Sure within 1/32 pixel, and the oracle's own step.
                n_wrong += fabs(depth) > 0.045 && is_set(stroke, u, v) != (depth > 0);
            }
        }
        CHECK(n_wrong == 0);
        CHECK(has_tight_bounds(stroke));
    }
    end_group("lines");
}

static int wind(const float *points, guint n, double x, double y)
{
    int winding = 0;
    for (guint i = 0; i < n; i++) {
        const float *a = points + 2 * i, *b = points + 2 * ((i + 1) % n);
        if ((a[1] <= y) == (b[1] <= y))
            continue;
        // The side of the edge, without dividing.
        double cross =
            ((double)b[0] - a[0]) * (y - a[1]) - ((double)b[1] - a[1]) * (x - (double)a[0]);
        if (a[1] <= y && cross < 0)
            winding++;
        if (b[1] <= y && cross > 0)
            winding--;
    }
    return winding;
}

static void test_polygons(void)
{
    for (int round = 0; round < 300; round++) {
        g_autoptr(MskStroke) stroke = msk_stroke_new(45, 37);
        guint n = (guint)next_random(0, 14);
        float points[28];
        for (guint i = 0; i < 2 * n; i++) {
            points[i] = (float)next_random(-15, 60);
            if (round % 3 == 0) // corners and edges through pixel corners
                points[i] = roundf(points[i]);
        }
        msk_stroke_add_polygon(stroke, points, n);
        int n_wrong = 0;
        for (int v = 0; v < 37; v++) {
            for (int u = 0; u < 45; u++) {
                int a = wind(points, n, u + 0.5 - 1e-6, v + 0.5);
                int b = wind(points, n, u + 0.5 + 1e-6, v + 0.5);
                n_wrong += (a != 0) == (b != 0) && is_set(stroke, u, v) != (a != 0);
            }
        }
        CHECK(n_wrong == 0);
        CHECK(has_tight_bounds(stroke));
    }

    // The middle of a pentagram is wound around twice: in. Two squares cut out of one path: both.
    float star[10];
    for (int i = 0; i < 5; i++) {
        star[2 * i] = (float)(20 + 18 * sin(i * 4 * G_PI / 5));
        star[2 * i + 1] = (float)(20 - 18 * cos(i * 4 * G_PI / 5));
    }
    g_autoptr(MskStroke) stroke = msk_stroke_new(40, 40);
    msk_stroke_add_polygon(stroke, star, 5);
    CHECK(is_set(stroke, 20, 20) && !is_set(stroke, 2, 30));
    end_group("polygons");
}

static void test_apply(void)
{
    enum { W = 40, H = 30 };
    for (int round = 0; round < 40; round++) {
        uint8_t add[W * H] = {0}, remove[W * H] = {0};
        for (int i = 0; i < W * H; i++) {
            add[i] = next_random(0, 1) < 0.3 ? 255 : 0;
            remove[i] = !add[i] && next_random(0, 1) < 0.2 ? 255 : 0;
        }
        g_autoptr(MskMask) add_mask = round % 3 ? msk_mask_new_bits(add, W, W, H) : NULL;
        g_autoptr(MskMask) remove_mask = round % 4 ? msk_mask_new_bits(remove, W, W, H) : NULL;
        g_autoptr(MskStroke) stroke = msk_stroke_new(W, H);
        msk_stroke_add_disc(stroke, next_random(0, W), next_random(0, H), round == 7 ? 100 : 9);
        bool erase = round % 2;
        MskMask *new_add, *new_remove;
        msk_stroke_apply(stroke, erase, add_mask, remove_mask, &new_add, &new_remove);
        uint8_t got_add[W * H] = {0}, got_remove[W * H] = {0};
        if (new_add)
            msk_mask_get_binary(new_add, got_add, W);
        if (new_remove)
            msk_mask_get_binary(new_remove, got_remove, W);
        int n_wrong = 0, n_add = 0, n_remove = 0;
        for (int i = 0; i < W * H; i++) {
            bool drawn = is_set(stroke, i % W, i / W);
            bool was_add = add_mask && add[i], was_remove = remove_mask && remove[i];
            bool want_add = drawn ? !erase : was_add, want_remove = drawn ? erase : was_remove;
            n_wrong += (got_add[i] != 0) != want_add || (got_remove[i] != 0) != want_remove;
            n_add += want_add;
            n_remove += want_remove;
        }
        CHECK(n_wrong == 0);
        CHECK((new_add != NULL) == (n_add > 0) && (new_remove != NULL) == (n_remove > 0));
        msk_mask_unref(new_add);
        msk_mask_unref(new_remove);
    }
    end_group("on top of earlier strokes");
}

int main(void)
{
    test_discs();
    test_lines();
    test_polygons();
    test_apply();
    return end_tests();
}
