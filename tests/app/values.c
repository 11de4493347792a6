// SPDX-License-Identifier: Apache-2.0
// Random document values for tests.
#include "tests/app/values.h"

#include <string.h>

static int below(GRand *rand, int end)
{
    return g_rand_int_range(rand, 0, end);
}

MskMask *random_bits(GRand *rand, int width, int height)
{
    g_autofree guint8 *pixels = g_malloc0((gsize)width * (gsize)height);
    int n_boxes = below(rand, 4);
    for (int i = 0; i < n_boxes; i++) {
        int x0 = below(rand, width), y0 = below(rand, height);
        int x1 = g_rand_int_range(rand, x0, width) + 1, y1 = g_rand_int_range(rand, y0, height) + 1;
        for (int y = y0; y < y1; y++)
            memset(pixels + (gsize)y * (gsize)width + x0, 255, (gsize)(x1 - x0));
    }
    return msk_mask_new_bits(pixels, (size_t)width, width, height);
}

static float *random_floats(GRand *rand, gsize n)
{
    float *values = g_new(float, n);
    for (gsize i = 0; i < n; i++)
        values[i] = (float)g_rand_double_range(rand, -20, 20);
    return values;
}

MskMask *random_logits(GRand *rand, int grid, int width, int height)
{
    g_autofree float *logits = random_floats(rand, (gsize)grid * (gsize)grid);
    if (below(rand, 5) == 0)
        for (int i = 0; i < grid * grid; i++)
            logits[i] = -10;
    return msk_mask_new_logits(logits, grid, grid, width, height);
}

static MskValue *random_setting(GRand *rand)
{
    if (below(rand, 2)) {
        gint64 first = below(rand, 1000);
        return msk_value_new_setting(g_variant_new("(xx)", first, first + below(rand, 1000)));
    }
    return msk_value_new_setting(
        g_variant_new_string(below(rand, 2) ? "" : "Käse \xf0\x9f\x8e\xac"));
}

static MskValue *random_object(GRand *rand)
{
    g_autofree char *name = g_strdup_printf("Hund %d", below(rand, 1000));
    MskObjectInfo info = {
        .name = name,
        .label = (char *)(below(rand, 2) ? "犬" : ""),
        .colour = (guint32)below(rand, 1 << 24),
        .visible = below(rand, 2),
        .locked = below(rand, 2),
        .position = g_rand_double_range(rand, -1e9, 1e9),
        .matte = {.ramp = g_rand_double_range(rand, 0, MSK_MASK_RAMP_MAX),
                  .fill_holes = below(rand, 100000),
                  .remove_dots = below(rand, 100000),
                  .grow = g_rand_double_range(rand, -MSK_MATTE_GROW_MAX, MSK_MATTE_GROW_MAX),
                  .feather = g_rand_double_range(rand, 0, MSK_MATTE_FEATHER_MAX)},
    };
    return msk_value_new_object(&info);
}

static MskValue *random_locks(GRand *rand)
{
    MskInterval intervals[9];
    int n = below(rand, 10);
    int64_t frame = below(rand, 3);
    for (int i = 0; i < n; i++) {
        intervals[i].first = frame;
        intervals[i].last = frame + below(rand, 5);
        frame = intervals[i].last + 2 + below(rand, 5);
    }
    return msk_value_new_locks(intervals, (guint)n);
}

static MskValue *random_prompt(GRand *rand, int64_t frame, int width, int height)
{
    g_autoptr(MskPrompt) prompt = msk_prompt_new(frame);
    if (below(rand, 4) == 0) {
        g_autoptr(MskMask) mask = random_bits(rand, width, height);
        guint8 *pixels = g_malloc((gsize)width * (gsize)height);
        msk_mask_get_binary(mask, pixels, (size_t)width);
        msk_prompt_set_mask(prompt, pixels, width, height);
        return msk_value_new_prompt(prompt);
    }
    int n = below(rand, 10) ? below(rand, 6) : MSK_PROMPT_POINTS_MAX;
    for (int i = 0; i < n; i++)
        msk_prompt_add_point(prompt, g_rand_double_range(rand, 0, width),
                             g_rand_double_range(rand, 0, height), below(rand, 2));
    if (n == 0 || below(rand, 2))
        msk_prompt_set_box(prompt, 0.5, 1.25, g_rand_double_range(rand, 1, width),
                           g_rand_double_range(rand, 2, height));
    return msk_value_new_prompt(prompt);
}

static MskValue *random_paint(GRand *rand, int width, int height)
{
    int which = below(rand, 3);
    g_autoptr(MskMask) add = which != 1 ? random_bits(rand, width, height) : NULL;
    g_autoptr(MskMask) remove = which != 0 ? random_bits(rand, width, height) : NULL;
    return msk_value_new_paint(add, remove);
}

static MskValue *random_track(GRand *rand, int64_t frame, int width, int height)
{
    const int grid = 16;
    g_autoptr(MskResult) result = g_new0(MskResult, 1);

    result->n_refs = 1;
    result->frame = frame;
    result->object_score = (float)g_rand_double_range(rand, -10, 10);
    result->iou = (float)g_rand_double(rand);
    result->grid = grid;
    result->n_pointer = 256;
    gboolean is_bits = below(rand, 5) == 0;
    result->mask =
        is_bits ? random_bits(rand, width, height) : random_logits(rand, grid, width, height);
    gboolean is_anchor = below(rand, 2);
    if (is_anchor) {
        result->low_logits = random_floats(rand, (gsize)grid * (gsize)grid);
        result->low_logits[0] = -0.0f;
        result->low_logits[1] = 1e-42f; // denormal
        result->low_logits[2] = -3.4e38f;
        result->pointer = random_floats(rand, 256);
    }
    result->model = (guint64)g_rand_int(rand) << 32 | g_rand_int(rand);
    result->from_mask = below(rand, 2);
    guint64 source = is_anchor ? 0 : (guint64)g_rand_int(rand) << 32 | g_rand_int(rand);
    float agreement = below(rand, 2) ? -1 : (float)g_rand_double(rand);
    return msk_value_new_track(result, source, agreement);
}

MskValue *random_value(GRand *rand, MskCellKind kind, int64_t frame, int width, int height)
{
    switch (kind) {
    case MSK_CELL_SETTING:
        return random_setting(rand);
    case MSK_CELL_OBJECT:
        return random_object(rand);
    case MSK_CELL_LOCKS:
        return random_locks(rand);
    case MSK_CELL_PROMPT:
        return random_prompt(rand, frame, width, height);
    case MSK_CELL_PAINT:
        return random_paint(rand, width, height);
    case MSK_CELL_RESULT:
        return random_track(rand, frame, width, height);
    }
    g_assert_not_reached();
}
