// SPDX-License-Identifier: Apache-2.0
// Values as bytes: every kind comes back exactly, damage of every kind is refused.
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/app/values.h"
#include "tests/support/check.h"

#define WIDTH 61
#define HEIGHT 43

static const MskCellKind kinds[] = {MSK_CELL_SETTING, MSK_CELL_OBJECT, MSK_CELL_LOCKS,
                                    MSK_CELL_PROMPT,  MSK_CELL_PAINT,  MSK_CELL_RESULT};

static MskValue *decode(MskCellKind kind, const void *data, gsize size, GError **error)
{
    // A copy of its own size, so that a sanitizer sees reads past the end.
    g_autofree void *copy = g_memdup2(data, size);
    g_autoptr(GBytes) bytes = g_bytes_new_static(copy, size);
    return msk_value_decode(kind, bytes, error);
}

static void test_round_trip(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++) {
        for (int i = 0; i < 200; i++) {
            g_autoptr(GError) error = NULL;
            g_autoptr(MskValue) value = random_value(rand, kinds[k], i, WIDTH, HEIGHT);
            g_autoptr(GBytes) bytes = msk_value_encode(value);
            g_autoptr(MskValue) back = msk_value_decode(kinds[k], bytes, &error);
            g_autoptr(GBytes) again = back ? msk_value_encode(back) : NULL;
            if (!CHECK(back && msk_value_equal(value, back) && g_bytes_equal(bytes, again)))
                printf("kind %d: %s\n", (int)kinds[k], error ? error->message : "differs");
            // Nothing decodes as another kind.
            for (gsize other = 0; other < G_N_ELEMENTS(kinds); other++) {
                g_autoptr(MskValue) wrong =
                    other == k ? NULL : msk_value_decode(kinds[other], bytes, NULL);
                CHECK(!wrong);
            }
        }
    }
    end_group("values come back exactly");
}

static void test_measures(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);
    for (int i = 0; i < 100; i++) {
        g_autoptr(MskValue) value = random_value(rand, MSK_CELL_RESULT, i, WIDTH, HEIGHT);
        g_autoptr(GBytes) bytes = msk_value_encode(value);
        g_autoptr(MskValue) back = msk_value_decode(MSK_CELL_RESULT, bytes, NULL);
        const MskMask *before = value->track.result->mask, *after = back->track.result->mask;
        MskRect a, b;
        CHECK(msk_mask_get_area(before) == msk_mask_get_area(after));
        CHECK(msk_mask_get_bounds(before, &a) == msk_mask_get_bounds(after, &b));
        CHECK(memcmp(&a, &b, sizeof a) == 0);
    }
    end_group("masks come back measured");
}

// What is read from damaged bytes, if anything, must be a sound value: reading it all touches every
// byte that it refers to.
static void use(const MskValue *value)
{
    g_autoptr(GBytes) bytes = msk_value_encode(value);
    CHECK(g_bytes_get_size(bytes) > 2 && msk_value_equal(value, value));
    CHECK(msk_value_get_size(value) > 0);
}

static void test_damage(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    int n_refused = 0, n_read = 0;
    for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++) {
        for (int i = 0; i < 12; i++) {
            g_autoptr(MskValue) value = random_value(rand, kinds[k], i, WIDTH, HEIGHT);
            g_autoptr(GBytes) bytes = msk_value_encode(value);
            gsize size;
            const guint8 *data = g_bytes_get_data(bytes, &size);
            // Every length; long ones with a stride.
            for (gsize n = 0; n < size; n += 1 + size / 500) {
                g_autoptr(GError) error = NULL;
                g_autoptr(MskValue) cut = decode(kinds[k], data, n, &error);
                CHECK(!cut && g_error_matches(error, MSK_VALUE_ERROR, MSK_VALUE_ERROR_DAMAGED));
            }
            g_autofree guint8 *longer = g_malloc0(size + 1);
            memcpy(longer, data, size);
            g_autoptr(MskValue) extended = decode(kinds[k], longer, size + 1, NULL);
            CHECK(!extended);
            for (int flip = 0; flip < 400; flip++) {
                g_autofree guint8 *copy = g_memdup2(data, size);
                g_autoptr(GError) error = NULL;
                int n_flips = g_rand_int_range(rand, 1, 4);
                // Mostly in the header and the fields at the start and the end.
                for (int f = 0; f < n_flips; f++) {
                    gsize at = (gsize)g_rand_int_range(rand, 0, (gint32)size);
                    if (g_rand_boolean(rand))
                        at = (gsize)g_rand_int_range(rand, 0, (gint32)MIN(size, 80));
                    copy[at] ^= (guint8)(1u << g_rand_int_range(rand, 0, 8));
                }
                g_autoptr(MskValue) back = decode(kinds[k], copy, size, &error);
                CHECK((back != NULL) == (error == NULL));
                if (back)
                    use(back);
                n_refused += back == NULL;
                n_read += back != NULL;
            }
        }
    }
    CHECK(n_refused > 0 && n_read > 0);
    printf("flips: %d refused, %d read as something else\n", n_refused, n_read);
    end_group("damaged values");
}

static void test_noise(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    for (int i = 0; i < 60000; i++) {
        guint8 data[200];
        gsize size = (gsize)g_rand_int_range(rand, 0, sizeof data);
        for (gsize b = 0; b < size; b++)
            data[b] = (guint8)g_rand_int_range(rand, 0, g_rand_boolean(rand) ? 256 : 4);
        MskCellKind kind = kinds[i % (int)G_N_ELEMENTS(kinds)];
        if (size >= 2) {
            data[0] = (guint8)g_rand_int_range(rand, 1, 4);
            data[1] = (guint8)kind;
        }
        g_autoptr(MskValue) value = decode(kind, data, size, NULL);
        if (value)
            use(value);
    }
    CHECK(!decode((MskCellKind)0, "\2\0", 2, NULL) && !decode((MskCellKind)77, "\2\115", 2, NULL));
    end_group("noise");
}

// Fields that lie about sizes are refused before memory is taken: the limit would kill it.
static void test_claims(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    g_autoptr(MskMask) mask = random_logits(rand, 16, WIDTH, HEIGHT);
    float logit = 1;
    MskResult *result = g_new0(MskResult, 1);
    result->n_refs = 1;
    result->mask = msk_mask_ref(mask);
    result->grid = 1;
    result->low_logits = g_memdup2(&logit, sizeof logit);
    g_autoptr(MskValue) value = msk_value_new_track(result, 1, -1);
    msk_result_unref(result);
    g_autoptr(GBytes) bytes = msk_value_encode(value);
    // The grid differs from the mask's.
    g_autoptr(MskValue) back = msk_value_decode(MSK_CELL_RESULT, bytes, NULL);
    CHECK(!back);

    static const struct {
        MskCellKind kind;
        const char *data;
        gsize size;
    } claims[] = {
        {MSK_CELL_LOCKS, "\2\3\377\377\377\377", 6},
        {MSK_CELL_OBJECT, "\2\2\377\377\377\177abc", 9},
        {MSK_CELL_PROMPT, "\2\4\0\0\0\0\0\0\0\0\377\377\0\0", 14},
        {MSK_CELL_PROMPT, "\2\4\0\0\0\0\0\0\0\0\350\3\0\0", 14},
        {MSK_CELL_PAINT, "\2\5\1\377\377\377\377", 7},
        {MSK_CELL_SETTING, "\2\1\2\0\0\0ay\377\377\377\377", 12},
        {MSK_CELL_SETTING, "\2\1\1\0\0\0v\0\0\0\0", 11},
        {MSK_CELL_SETTING, "\2\1\1\0\0\0*\0\0\0\0", 11},
        {MSK_CELL_SETTING, "\2\1\1\0\0\0s\2\0\0\0\377\0", 13}, // not UTF-8
        {MSK_CELL_SETTING, "\2\1\1\0\0\0s\1\0\0\0a", 12},      // no end
    };
    for (gsize i = 0; i < G_N_ELEMENTS(claims); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(MskValue) claimed =
            decode(claims[i].kind, claims[i].data, claims[i].size, &error);
        CHECK(!claimed && error && strstr(error->message, "damaged"));
    }
    end_group("sizes that lie");
}

// What results of earlier versions do not say.
static void test_versions(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    for (int i = 0; i < 20; i++) {
        g_autoptr(MskValue) value = random_value(rand, MSK_CELL_RESULT, i, WIDTH, HEIGHT);
        g_autoptr(GBytes) bytes = msk_value_encode(value);
        gsize size;
        const guint8 *data = g_bytes_get_data(bytes, &size);
        g_autoptr(MskValue) back = decode(MSK_CELL_RESULT, data, size, NULL);
        const MskResult *result = value->track.result;
        CHECK(back && back->track.result->model == result->model);
        CHECK(back->track.result->from_mask == result->from_mask);
        g_autofree guint8 *older = g_memdup2(data, size);
        older[0] = 2;
        g_autoptr(MskValue) old = decode(MSK_CELL_RESULT, older, size - 9, NULL);
        CHECK(old && old->track.result->model == 0 && old->track.result->from_mask);
        CHECK(old->track.source == value->track.source);
        CHECK(msk_mask_equal(old->track.result->mask, result->mask));
        // Another model's result is another result.
        g_autoptr(MskValue) other = decode(MSK_CELL_RESULT, data, size, NULL);
        other->track.result->model++;
        CHECK(!msk_value_equal(value, other) && msk_value_equal(value, back));
        CHECK(!decode(MSK_CELL_RESULT, older, size, NULL));
    }
    end_group("results of earlier versions");
}

static void test_limits(void)
{
    // Numbers that are none.
    g_autoptr(MskPrompt) prompt = msk_prompt_new(3);
    msk_prompt_add_point(prompt, NAN, 1, TRUE);
    g_autoptr(MskValue) value = msk_value_new_prompt(prompt);
    g_autoptr(GBytes) bytes = msk_value_encode(value);
    g_autoptr(MskValue) back = msk_value_decode(MSK_CELL_PROMPT, bytes, NULL);
    CHECK(!back);

    // Spans that touch, overlap, run backward or lie outside.
    static const MskInterval spans[][2] = {
        {{0, 5}, {6, 7}}, {{0, 5}, {3, 9}},  {{9, 10}, {0, 2}},
        {{5, 4}, {9, 9}}, {{-1, 4}, {9, 9}}, {{0, 1}, {9, MSK_PROMPT_FRAME_MAX + 1}}};
    for (gsize i = 0; i < G_N_ELEMENTS(spans); i++) {
        g_autoptr(MskValue) locks = msk_value_new_locks(spans[i], 2);
        g_autoptr(GBytes) encoded = msk_value_encode(locks);
        g_autoptr(MskValue) decoded = msk_value_decode(MSK_CELL_LOCKS, encoded, NULL);
        CHECK(!decoded);
    }
    // Just apart.
    static const MskInterval apart[] = {{0, 5}, {7, 7}};
    g_autoptr(MskValue) locks = msk_value_new_locks(apart, 2);
    g_autoptr(GBytes) encoded = msk_value_encode(locks);
    g_autoptr(MskValue) decoded = msk_value_decode(MSK_CELL_LOCKS, encoded, NULL);
    CHECK(decoded && msk_value_equal(locks, decoded));

    // Objects outside their limits.
    MskObjectInfo infos[] = {
        {.name = (char *)"", .label = (char *)""},
        {.name = (char *)"a", .label = (char *)"", .colour = 0x1000000},
        {.name = (char *)"a\xff", .label = (char *)""},
        {.name = (char *)"a", .label = (char *)"", .position = INFINITY},
        {.name = (char *)"a", .label = (char *)"", .matte = {.grow = 1e6}},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(infos); i++) {
        g_autoptr(MskValue) object = msk_value_new_object(&infos[i]);
        g_autoptr(GBytes) object_bytes = msk_value_encode(object);
        g_autoptr(MskValue) object_back = msk_value_decode(MSK_CELL_OBJECT, object_bytes, NULL);
        CHECK(!object_back);
    }
    end_group("limits");
}

int main(void)
{
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    // Honest values need little: whoever believes a lie about sizes dies here.
    const struct rlimit limit = {G_GUINT64_CONSTANT(2) << 30, G_GUINT64_CONSTANT(2) << 30};
    setrlimit(RLIMIT_AS, &limit);
#endif
    test_round_trip();
    test_measures();
    test_damage();
    test_noise();
    test_versions();
    test_claims();
    test_limits();
    return end_tests();
}
