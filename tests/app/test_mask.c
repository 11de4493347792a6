// SPDX-License-Identifier: Apache-2.0
// Masks: quantisation, reading at frame size against a plain oracle, runs, storage and damage.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "app/mask.h"
#include "tests/support/check.h"

static uint64_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static float random_in(float low, float high)
{
    return low + (high - low) * (float)next_random() / 2147483648.0f;
}

// A blob with a smooth edge, as logits look like.
static float *make_blob(int width, int height, float cx, float cy, float radius, float slope)
{
    float *logits = g_new(float, (size_t)width *height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            float distance = hypotf((float)x - cx, (float)y - cy);
            logits[y * width + x] =
                CLAMP((radius - distance) * slope, -14.0f, 20.0f) + random_in(-0.4f, 0.4f);
        }
    }
    return logits;
}

// Bilinear, align_corners = false, in double, pixel by pixel.
static double sample(const float *grid, int gw, int gh, int width, int height, int x, int y)
{
    double u = MAX(((double)x + 0.5) * gw / width - 0.5, 0);
    double v = MAX(((double)y + 0.5) * gh / height - 0.5, 0);
    int u0 = MIN((int)u, gw - 1), v0 = MIN((int)v, gh - 1);
    int u1 = MIN(u0 + 1, gw - 1), v1 = MIN(v0 + 1, gh - 1);
    double fu = u - u0, fv = v - v0;
    return (1 - fv) * ((1 - fu) * grid[v0 * gw + u0] + fu * grid[v0 * gw + u1]) +
           fv * ((1 - fu) * grid[v1 * gw + u0] + fu * grid[v1 * gw + u1]);
}

static void test_codes(void)
{
    // Sign exact and value as promised over the whole range, in one row.
    enum { N = 2001 };
    float logits[N], back[N];
    for (int i = 0; i < N; i++)
        logits[i] = (float)(i - N / 2) * 0.03f;
    logits[0] = -1024;
    logits[1] = -INFINITY;
    logits[2] = NAN;
    logits[N - 1] = INFINITY;
    logits[N - 2] = 1e-30f;
    logits[N - 3] = -1e-30f;
    logits[N - 4] = -0.0f;
    g_autoptr(MskMask) mask = msk_mask_new_logits(logits, N, 1, N, 1);
    msk_mask_get_low_logits(mask, back);
    bool sign = true, value = true, floor_level = true;
    for (int i = 0; i < N; i++) {
        sign &= (logits[i] > 0) == (back[i] > 0);
        if (logits[i] > -7.9f && isfinite(logits[i]))
            value &= fabsf(back[i] - logits[i]) <= 0.02f * hypotf(1, logits[i]);
        if (logits[i] < -8.1f)
            floor_level &= back[i] < -7.8f && back[i] >= -64.1f;
    }
    CHECK(sign);
    CHECK(value);
    CHECK(floor_level);
    CHECK(back[N - 1] > 60 && back[N - 1] < 65);
    end_group("codes");
}

static void test_logits(void)
{
    static const int sizes[][4] = {
        // grid, frame
        {256, 256, 480, 270}, {64, 64, 480, 270}, {64, 64, 33, 17}, {7, 5, 1, 1},
        {1, 1, 5, 3},         {32, 32, 31, 97},   {2, 3, 64, 64},
    };
    for (size_t k = 0; k < G_N_ELEMENTS(sizes); k++) {
        int gw = sizes[k][0], gh = sizes[k][1], width = sizes[k][2], height = sizes[k][3];
        g_autofree float *logits =
            make_blob(gw, gh, (float)gw * 0.4f, (float)gh * 0.6f, (float)gw * 0.25f, 3.0f);
        g_autoptr(MskMask) mask = msk_mask_new_logits(logits, gw, gh, width, height);
        g_autofree float *stored = g_new(float, (size_t)gw *gh);
        msk_mask_get_low_logits(mask, stored);

        size_t n = (size_t)width * height;
        size_t stride = (size_t)width + 3;
        g_autofree uint8_t *binary = g_malloc(stride * height);
        g_autofree uint8_t *soft = g_malloc(stride * height);
        g_autofree uint16_t *soft16 = g_new(uint16_t, n);
        memset(binary, 0x5a, stride * height);
        msk_mask_get_binary(mask, binary, stride);
        msk_mask_get_alpha8(mask, 4, soft, stride);
        msk_mask_get_alpha16(mask, 4, soft16, (size_t)width * 2);

        int64_t area = 0, n_wrong = 0, n_moved = 0, n_wrong_soft = 0;
        int x0 = width, y0 = height, x1 = 0, y1 = 0;
        bool guard = true;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                double l = sample(stored, gw, gh, width, height, x, y);
                double exact = sample(logits, gw, gh, width, height, x, y);
                uint8_t got = binary[(size_t)y * stride + x];
                bool on = got == 255;
                n_wrong += (got != 0 && got != 255) || (fabs(l) > 1e-4 && on != (l > 0));
                n_moved += on != (exact > 0);
                area += on;
                if (on) {
                    x0 = MIN(x0, x), x1 = MAX(x1, x + 1);
                    y0 = MIN(y0, y), y1 = MAX(y1, y + 1);
                }
                double low = 1 / (1 + exp(4)), high = 1 / (1 + exp(-4));
                double alpha = l <= -4 ? 0 : l >= 4 ? 1 : (1 / (1 + exp(-l)) - low) / (high - low);
                n_wrong_soft += fabs(soft[(size_t)y * stride + x] - 255 * alpha) > 0.51;
                // Positions are float, as in torch: 256 cells * 2^-24, times 6 logits a cell, times
                // 65535 / 4 levels a logit.
                n_wrong_soft += fabs(soft16[(size_t)y * width + x] - 65535 * alpha) > 2.0;
            }
            guard &= binary[(size_t)y * stride + width] == 0x5a;
        }
        CHECK(n_wrong == 0);
        CHECK(n_wrong_soft == 0);
        CHECK(guard);
        CHECK(n_moved * 1000 <= (int64_t)n); // quantising may move 0.1 % of the pixels
        MskRect bounds;
        gboolean any = msk_mask_get_bounds(mask, &bounds);
        CHECK(msk_mask_get_area(mask) == area);
        CHECK(any == (area > 0));
        if (any)
            CHECK(bounds.x == x0 && bounds.y == y0 && bounds.width == x1 - x0 &&
                  bounds.height == y1 - y0);
    }

    // An absent object takes no room and reads back as the model's level, within the limit.
    g_autofree float *absent = g_new(float, 256 * 256);
    for (int i = 0; i < 256 * 256; i++)
        absent[i] = -1024;
    g_autoptr(MskMask) none = msk_mask_new_logits(absent, 256, 256, 1920, 1080);
    MskRect box = {1, 1, 1, 1};
    CHECK(msk_mask_get_area(none) == 0 && !msk_mask_get_bounds(none, &box) && box.width == 0);
    CHECK(msk_mask_get_size(none) < 200);
    msk_mask_get_low_logits(none, absent);
    CHECK(absent[0] < -60 && absent[65535] == absent[0]);

    g_autofree float *blob = make_blob(256, 256, 120, 100, 50, 2.5f);
    g_autoptr(MskMask) typical = msk_mask_new_logits(blob, 256, 256, 1920, 1080);
    printf("a noisy blob of 100 cells across takes %zu bytes\n", msk_mask_get_size(typical));
    CHECK(msk_mask_get_size(typical) < 12000);
    end_group("logits");
}

static void test_bits(void)
{
    static const int sizes[][2] = {{1, 1}, {33, 17}, {1, 40}, {40, 1}, {640, 360}, {300, 2}};
    for (size_t k = 0; k < G_N_ELEMENTS(sizes); k++) {
        for (int density = 0; density <= 4; density++) {
            int width = sizes[k][0], height = sizes[k][1];
            size_t stride = (size_t)width + 5, n = stride * height;
            g_autofree uint8_t *pixels = g_malloc0(n), *back = g_malloc(n);
            int64_t area = 0;
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    bool on = (int)(next_random() % 4) < density;
                    pixels[(size_t)y * stride + x] = on ? (uint8_t)(1 + next_random() % 255) : 0;
                    area += on;
                }
            }
            g_autoptr(MskMask) mask = msk_mask_new_bits(pixels, stride, width, height);
            msk_mask_get_binary(mask, back, stride);
            bool same = true;
            g_autofree uint16_t *wide = g_new(uint16_t, (size_t)width * height);
            msk_mask_get_alpha16(mask, 8, wide, (size_t)width * 2);
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    bool on = pixels[(size_t)y * stride + x] != 0;
                    same &= back[(size_t)y * stride + x] == (on ? 255 : 0);
                    same &= wide[(size_t)y * width + x] == (on ? 65535 : 0);
                }
            }
            CHECK(same);
            CHECK(msk_mask_get_area(mask) == area);
            g_autoptr(MskMask) again = msk_mask_new_bits(back, stride, width, height);
            CHECK(msk_mask_equal(mask, again));
            if (area == 0) {
                g_autoptr(MskMask) empty = msk_mask_new_empty(width, height);
                CHECK(msk_mask_equal(mask, empty));
            }
        }
    }

    const uint8_t base[6] = {1, 1, 0, 0, 1, 0}, add[6] = {0, 0, 1, 0, 0, 1};
    const uint8_t remove[6] = {1, 0, 0, 0, 0, 1};
    g_autoptr(MskMask) a = msk_mask_new_bits(base, 3, 3, 2);
    g_autoptr(MskMask) b = msk_mask_new_bits(add, 3, 3, 2);
    g_autoptr(MskMask) c = msk_mask_new_bits(remove, 3, 3, 2);
    g_autoptr(MskMask) all = msk_mask_combine(a, b, c);
    g_autoptr(MskMask) none = msk_mask_combine(NULL, NULL, c);
    uint8_t out[6];
    msk_mask_get_binary(all, out, 3);
    const uint8_t expected[6] = {0, 255, 255, 0, 255, 0};
    CHECK(memcmp(out, expected, 6) == 0);
    CHECK(msk_mask_get_area(none) == 0);
    CHECK(!msk_mask_equal(a, b));
    end_group("bits");
}

static void test_storage(void)
{
    g_autofree float *blob = make_blob(64, 48, 30, 20, 12, 2);
    g_autofree uint8_t *pixels = g_malloc(200 * 100);
    for (int i = 0; i < 200 * 100; i++)
        pixels[i] = (uint8_t)(i % 7 == 0 || (i > 5000 && i < 9000));
    MskMask *masks[] = {
        msk_mask_new_logits(blob, 64, 48, 640, 360),
        msk_mask_new_bits(pixels, 200, 200, 100),
        msk_mask_new_empty(MSK_MASK_SIDE_MAX, MSK_MASK_SIDE_MAX),
    };
    for (size_t k = 0; k < G_N_ELEMENTS(masks); k++) {
        g_autoptr(GBytes) bytes = msk_mask_serialise(masks[k]);
        gsize size;
        const uint8_t *data = g_bytes_get_data(bytes, &size);
        g_autoptr(GError) error = NULL;
        g_autoptr(MskMask) back = msk_mask_deserialise(data, size, &error);
        CHECK(back && !error && msk_mask_equal(masks[k], back));
        CHECK(back && msk_mask_get_area(back) == msk_mask_get_area(masks[k]));
        g_autoptr(GBytes) again = msk_mask_serialise(back);
        CHECK(g_bytes_equal(bytes, again));

        bool refused = true;
        for (gsize cut = 0; cut < size; cut++) { // every truncation
            g_autoptr(GError) why = NULL;
            g_autofree uint8_t *copy = g_memdup2(data, cut);
            g_autoptr(MskMask) wrong = msk_mask_deserialise(copy, cut, &why);
            refused &= !wrong && why && why->domain == MSK_MASK_ERROR;
        }
        CHECK(refused);

        // Damage behind a checksum that fits again: refused, or a mask that can be read.
        bool survived = true;
        for (int trial = 0; trial < 4000; trial++) {
            g_autofree uint8_t *copy = g_memdup2(data, size);
            for (int hits = 1 + (int)(next_random() % 3); hits > 0; hits--) {
                gsize at =
                    trial % 2 ? next_random() % MIN(size - 4, 32) : next_random() % (size - 4);
                copy[at] = (uint8_t)next_random();
            }
            uint32_t crc = (uint32_t)crc32(0, copy, (uInt)(size - 4));
            for (int i = 0; i < 4; i++)
                copy[size - 4 + i] = (uint8_t)(crc >> 8 * i);
            g_autoptr(GError) why = NULL;
            g_autoptr(MskMask) read = msk_mask_deserialise(copy, size, &why);
            survived &= (read != NULL) != (why != NULL);
            if (!read)
                continue;
            int64_t width = msk_mask_get_width(read), height = msk_mask_get_height(read);
            if (msk_mask_get_kind(read) == MSK_MASK_BITS || width * height < 1000000)
                survived &= msk_mask_get_area(read) <= width * height;
        }
        CHECK(survived);

        bool noticed = true; // the plain case: any single damaged byte
        for (gsize at = 0; at < size; at++) {
            g_autofree uint8_t *copy = g_memdup2(data, size);
            copy[at] ^= 0x10;
            g_autoptr(MskMask) wrong = msk_mask_deserialise(copy, size, NULL);
            noticed &= wrong == NULL;
        }
        CHECK(noticed);
    }
    for (size_t k = 0; k < G_N_ELEMENTS(masks); k++)
        msk_mask_unref(masks[k]);
    end_group("storage");
}

static gpointer measure_thread(gpointer data)
{
    MskMask *mask = data;
    int64_t area = msk_mask_get_area(mask);
    msk_mask_unref(mask);
    return GSIZE_TO_POINTER((gsize)area);
}

static void test_threads(void)
{
    g_autofree float *blob = make_blob(64, 64, 30, 20, 12, 2);
    for (int round = 0; round < 50; round++) {
        MskMask *mask = msk_mask_new_logits(blob, 64, 64, 320, 180);
        GThread *threads[4];
        for (int i = 0; i < 4; i++)
            threads[i] = g_thread_new("measure", measure_thread, msk_mask_ref(mask));
        gsize area = (gsize)msk_mask_get_area(mask);
        msk_mask_unref(mask);
        bool same = area > 0;
        for (int i = 0; i < 4; i++)
            same &= GPOINTER_TO_SIZE(g_thread_join(threads[i])) == area;
        CHECK(same);
    }
    end_group("threads");
}

int main(void)
{
    test_codes();
    test_logits();
    test_bits();
    test_storage();
    test_threads();
    return end_tests();
}
