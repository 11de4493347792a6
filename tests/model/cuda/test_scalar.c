// SPDX-License-Identifier: Apache-2.0
// The index maps of the kernels (model/cuda/scalar.h), against what they mean.
#include "model/cuda/scalar.h"

#include <stdlib.h>

#include "tests/support/check.h"

// Tiles cut one after another out of the map, row by row: what token t of a tile is.
static void check_windows(int h, int w, int window, bool pool)
{
    const Sam2CudaWindows windows = sam2_cuda_windows(h, w, window, pool);
    const int side_h = window ? window : h, side_w = window ? window : w, step = pool ? 2 : 1;
    int *seen = calloc((size_t)(h * w), sizeof *seen),
        *written = calloc((size_t)(h * w), sizeof *written);
    int tile = 0;
    bool tokens = true, pooled = true, outputs = true;
    for (int top = 0; top < h; top += side_h) {
        for (int left = 0; left < w; left += side_w, tile++) {
            int t = 0, query = 0;
            for (int y = top; y < top + side_h; y++) {
                for (int x = left; x < left + side_w; x++, t++) {
                    const int64_t token = sam2_cuda_window_token(&windows, tile, t);
                    const bool inside = y < h && x < w;
                    tokens &= token == (inside ? (int64_t)y * w + x : -1);
                    seen[inside ? y * w + x : 0] += inside;
                }
            }
            for (int y = top; y < top + side_h; y += step) {
                for (int x = left; x < left + side_w; x += step, query++) {
                    int four[4];
                    sam2_cuda_window_pooled(&windows, query, four);
                    for (int i = 0; i < 4; i++) {
                        const int dy = pool ? i / 2 : 0, dx = pool ? i % 2 : 0;
                        pooled &= four[i] == (y - top + dy) * side_w + x - left + dx;
                    }
                    const bool inside = y / step < h / step && x / step < w / step;
                    const int64_t row = sam2_cuda_window_output(&windows, tile, query);
                    outputs &= row == (inside ? (int64_t)(y / step) * (w / step) + x / step : -1);
                    if (row >= 0 && row < h * w)
                        written[row]++;
                }
            }
        }
    }
    CHECK(tokens && pooled && outputs && tile == windows.n_tiles);
    bool once = true;
    for (int i = 0; i < h * w; i++)
        once &= seen[i] == 1 && written[i] == (i < h / step * (w / step));
    CHECK(once); // every token is in one tile, every result is written once
    free(seen);
    free(written);
}

static void test_windows(void)
{
    static const int sizes[][3] = {{8, 8, 8},   {8, 8, 4},  {64, 64, 14}, {10, 14, 8}, {12, 6, 4},
                                   {14, 28, 7}, {9, 11, 8}, {3, 5, 4},    {6, 10, 0},  {1, 1, 7}};
    for (int i = 0; i < 10; i++) {
        const int *s = sizes[i];
        check_windows(s[0], s[1], s[2], false);
        if (s[0] % 2 == 0 && s[1] % 2 == 0 && s[2] % 2 == 0)
            check_windows(s[0], s[1], s[2], true);
    }
    end_group("windows");
}

// Memory of two objects: three frames of 4 rows, then pointers that are not turned.
static void test_rope_rows(void)
{
    const int64_t rows = 14, rotated = 12, period = 4;
    for (int64_t object = 0; object < 2; object++)
        for (int64_t frame = 0; frame < 3; frame++)
            for (int64_t i = 0; i < period; i++)
                CHECK(sam2_cuda_rope_row(object * rows + frame * period + i, rows, rotated,
                                         period) == i);
    for (int64_t object = 0; object < 2; object++)
        for (int64_t i = rotated; i < rows; i++)
            CHECK(sam2_cuda_rope_row(object * rows + i, rows, rotated, period) == -1);
    CHECK(sam2_cuda_rope_row(5, 6, 0, 4) == -1);
    end_group("rows of the tables of RoPE");
}

static void test_splits(void)
{
    for (int n_keys = 1; n_keys < 700; n_keys += 13) {
        for (int parts = 1; parts <= 11; parts++) {
            int next = 0, first, end;
            bool good = true;
            for (int i = 0; i < parts; i++) {
                sam2_cuda_split(n_keys, 64, i, parts, &first, &end);
                good &= first <= end ? first == next && (first % 64 == 0) : end == n_keys;
                next = end > next ? end : next;
            }
            CHECK(good && next == n_keys);
        }
    }
    end_group("parts of the keys");
}

int main(void)
{
    test_windows();
    test_rope_rows();
    test_splits();
    return end_tests();
}
