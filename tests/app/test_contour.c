// SPDX-License-Identifier: Apache-2.0
// Outlines: what they enclose is the mask again, they pass where the definition says, and thinning
// them out stays within its tolerance.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/contour.h"
#include "tests/support/check.h"

static uint64_t random_state = 11;

static uint32_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static const float *points_of(const MskContour *contour)
{
    return (const float *)(const void *)contour->points->data;
}

// How often the polygon winds around (x, y).
static int wind(const MskContour *contour, double x, double y)
{
    int winding = 0;
    guint first = 0;
    for (guint k = 0; k < contour->ends->len; k++) {
        guint end = g_array_index(contour->ends, guint, k);
        for (guint i = first; i < end; i++) {
            const float *a = points_of(contour) + 2 * i;
            const float *b = points_of(contour) + 2 * (i + 1 < end ? i + 1 : first);
            if ((a[1] <= y) == (b[1] <= y))
                continue;
            double at = a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
            if (at > x)
                winding += a[1] < b[1] ? 1 : -1;
        }
        first = end;
    }
    return winding;
}

static void fill_random(uint8_t *alpha, int n, int style)
{
    for (int i = 0; i < n; i++) {
        uint32_t value = next_random();
        alpha[i] = style == 0   ? 0
                   : style == 1 ? 255
                   : style == 2 ? (value % 2 ? 255 : 0)
                   : style == 3 ? (value % 5 ? 255 : 0)
                                : (uint8_t)value;
    }
}

static void test_enclosed(void)
{
    for (int round = 0; round < 400; round++) {
        int width = 1 + (int)(next_random() % 24), height = 1 + (int)(next_random() % 24);
        size_t stride = (size_t)width + next_random() % 4;
        int x0 = (int)(next_random() % 50), y0 = (int)(next_random() % 50);
        uint8_t alpha[24 * 28];
        fill_random(alpha, (int)sizeof alpha, round % 5);
        g_autoptr(MskContour) contour = msk_contour_trace(alpha, stride, width, height, x0, y0);
        int n_wrong = 0;
        for (int y = -1; y <= height; y++) {
            for (int x = -1; x <= width; x++) {
                bool in = x >= 0 && y >= 0 && x < width && y < height &&
                          alpha[(size_t)y * stride + (size_t)x] >= 128;
                // Off the centre by a little, so that no point lies on the ray.
                n_wrong += wind(contour, x0 + x + 0.5, y0 + y + 0.5 + 1e-4) != in;
            }
        }
        CHECK(n_wrong == 0);
    }
    end_group("outlines enclose the mask");
}

static void test_places(void)
{
    // A pixel: half a pixel to each side of its centre, clockwise from the top.
    uint8_t one = 255;
    g_autoptr(MskContour) pixel = msk_contour_trace(&one, 1, 1, 1, 3, 5);
    const float expected[8] = {3.5f, 5.0f, 4.0f, 5.5f, 3.5f, 6.0f, 3.0f, 5.5f};
    CHECK(pixel->ends->len == 1 && pixel->points->len == 8);
    CHECK(pixel->points->len == 8 && memcmp(points_of(pixel), expected, sizeof expected) == 0);

    // A ramp 255, 191, 64, 0: between 191 and 64 the value 127.5 is exactly half way.
    const uint8_t ramp[4] = {255, 191, 64, 0};
    g_autoptr(MskContour) soft = msk_contour_trace(ramp, 4, 4, 1, 0, 0);
    float right = 0;
    for (guint i = 0; i < soft->points->len; i += 2)
        right = fmaxf(right, points_of(soft)[i]);
    CHECK(fabsf(right - 2.0f) < 1e-5f);

    // A rectangle's sides have no points but at the corners.
    uint8_t block[20 * 10];
    memset(block, 255, sizeof block);
    g_autoptr(MskContour) rectangle = msk_contour_trace(block, 20, 20, 10, 0, 0);
    CHECK(rectangle->ends->len == 1 && rectangle->points->len <= 2 * 9);

    // Pixels that touch by a corner are two loops; a ring is two loops of opposite sense.
    const uint8_t corner[4] = {255, 0, 0, 255};
    g_autoptr(MskContour) two = msk_contour_trace(corner, 2, 2, 2, 0, 0);
    CHECK(two->ends->len == 2);
    const uint8_t ring[9] = {255, 255, 255, 255, 0, 255, 255, 255, 255};
    g_autoptr(MskContour) hole = msk_contour_trace(ring, 3, 3, 3, 0, 0);
    CHECK(hole->ends->len == 2 && wind(hole, 1.5, 1.5) == 0 && wind(hole, 0.5, 0.5) == 1);
    g_autoptr(MskContour) nothing = msk_contour_trace(NULL, 0, 0, 0, 0, 0);
    CHECK(nothing->ends->len == 0 && nothing->points->len == 0);
    end_group("where outlines pass");
}

static double distance_to(const MskContour *contour, const float *p)
{
    double least = INFINITY;
    guint first = 0;
    for (guint k = 0; k < contour->ends->len; k++) {
        guint end = g_array_index(contour->ends, guint, k);
        for (guint i = first; i < end; i++) {
            const float *a = points_of(contour) + 2 * i;
            const float *b = points_of(contour) + 2 * (i + 1 < end ? i + 1 : first);
            double dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
            double t = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length;
            t = fmin(fmax(length > 0 ? t : 0, 0), 1);
            least = fmin(least, hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy));
        }
        first = end;
    }
    return least;
}

static void test_simplify(void)
{
    enum { SIZE = 200 };
    g_autofree uint8_t *disc = g_malloc0(SIZE * SIZE);
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            double radius = 70 + 12 * sin(5 * atan2(y - 100, x - 100));
            disc[y * SIZE + x] = hypot(x - 100, y - 100) < radius ? 255 : 0;
        }
    }
    g_autoptr(MskContour) full = msk_contour_trace(disc, SIZE, SIZE, SIZE, 0, 0);
    guint n_before = G_MAXUINT;
    for (double tolerance = 0.25; tolerance < 5; tolerance *= 2) {
        g_autoptr(MskContour) thin = msk_contour_simplify(full, tolerance);
        double worst = 0;
        for (guint i = 0; i < full->points->len; i += 2)
            worst = fmax(worst, distance_to(thin, points_of(full) + i));
        CHECK(worst <= tolerance + 1e-5);
        CHECK(thin->points->len <= n_before);
        n_before = thin->points->len;
    }
    CHECK(n_before < full->points->len / 8);
    // What is thinner than the tolerance goes; nothing stays of nothing.
    uint8_t one = 255;
    g_autoptr(MskContour) pixel = msk_contour_trace(&one, 1, 1, 1, 0, 0);
    g_autoptr(MskContour) gone = msk_contour_simplify(pixel, 3);
    CHECK(gone->ends->len == 0 && gone->points->len == 0);
    end_group("thinned out");
}

int main(void)
{
    test_enclosed();
    test_places();
    test_simplify();
    return end_tests();
}
