// SPDX-License-Identifier: Apache-2.0
// The video interface beyond the reference's scenarios: odd sizes, bounded memory, stopping and
// going on, results given back, refusals.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/video_fixture.h"
#include "tests/support/check.h"

#define LOW 32 // side of the micro model's low logits

static Sam2Model *model;

static Sam2Video *open_video(VideoFixture *fixture, Sam2VideoOptions options)
{
    Sam2Video *video = NULL;
    Sam2Error error = {0};
    Sam2VideoParams params = fixture_params(fixture, options);
    if (!CHECK(sam2_video_open(&video, model, &params, &error) == SAM2_OK))
        printf("%s\n", error.message);
    return video;
}

static Sam2Status click(Sam2Video *video, int64_t frame, int object, float x, float y)
{
    const float point[2] = {x, y};
    const int label = 1;
    Sam2Prompt prompt = {.points = point, .labels = &label, .n_points = 1};
    return sam2_video_add_points(video, frame, object, &prompt, NULL);
}

// Runs a sweep, storing each visited frame's low logits of `object` in logits[frame], and returns
// the number of frames.
static int sweep(Sam2Video *video, int64_t start, int64_t max_frames, bool reverse, int object,
                 float (*logits)[LOW * LOW])
{
    Sam2Sweep params = {.start = start, .max_frames = max_frames, .reverse = reverse};
    int n = 0;
    if (!CHECK(sam2_video_sweep_start(video, &params, NULL) == SAM2_OK))
        return -1;
    for (;;) {
        int64_t frame;
        if (!CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK))
            return -1;
        if (frame < 0)
            return n;
        n++;
        if (logits)
            CHECK(sam2_video_get_low_logits(video, frame, object, logits[frame], NULL) == SAM2_OK);
    }
}

static bool equal(const float *a, const float *b, int n_frames)
{
    return memcmp(a, b, (size_t)n_frames * LOW * LOW * sizeof *a) == 0;
}

static void test_sizes(void)
{
    static const struct {
        int width, height;
        int64_t n_frames;
    } sizes[] = {{64, 48, 1}, {64, 48, 2}, {1, 48, 3}, {64, 1, 3}, {1, 1, 2}, {333, 17, 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        VideoFixture fixture = {sizes[i].width, sizes[i].height, sizes[i].n_frames, -1, 0};
        Sam2Video *video = open_video(&fixture, sam2_video_options_default());
        int64_t last = fixture.n_frames - 1;
        size_t n = (size_t)fixture.width * (size_t)fixture.height;
        float *full = malloc(n * sizeof *full);
        CHECK(click(video, last, 1, (float)fixture.width / 2, (float)fixture.height / 2) ==
              SAM2_OK);
        // As in the reference: nothing lies behind frame 0.
        CHECK(sweep(video, last, -1, true, 1, NULL) == (last ? (int)fixture.n_frames : 0));
        CHECK(sweep(video, last, -1, false, 1, NULL) == 1);
        for (int64_t frame = 0; frame <= last; frame++) {
            CHECK(sam2_video_get_logits(video, frame, 1, full, NULL) == SAM2_OK);
            bool finite = true;
            for (size_t k = 0; k < n; k++)
                finite &= isfinite(full[k]) != 0;
            CHECK(finite);
        }
        // Tracking a single frame over again from a kept click: pointers have distance 0 only.
        CHECK(click(video, last, 1, 0, 0) == SAM2_OK);
        CHECK(sweep(video, 0, -1, false, 1, NULL) == (int)fixture.n_frames);
        free(full);
        sam2_video_close(&video);
    }
    end_group("sizes");
}

static void test_bounded(void)
{
    enum { N = 60 };
    float(*all)[LOW * LOW] = malloc(N * sizeof *all),
                      (*bounded)[LOW * LOW] = malloc(N * sizeof *all);
    size_t memory[2] = {0};
    for (int k = 0; k < 2; k++) {
        VideoFixture fixture = {120, 80, N, -1, 0};
        Sam2VideoOptions options = sam2_video_options_default();
        options.bounded_memory = k == 1;
        options.feature_cache_size = 0;
        Sam2Video *video = open_video(&fixture, options);
        CHECK(click(video, 20, 1, 60, 40) == SAM2_OK && click(video, 20, 7, 10, 10) == SAM2_OK);
        CHECK(sweep(video, 20, -1, false, 1, k ? bounded : all) == N - 20);
        Sam2VideoStats stats;
        sam2_video_get_stats(video, &stats);
        memory[k] = stats.memory_bytes;
        CHECK(sam2_video_has_result(video, 21, 7) == (k == 0));
        // Without this the way back would read what the way forth left, where it is still there.
        for (int object = 1; object <= 7; object += 6)
            CHECK(sam2_video_clear_tracked(video, object, NULL) == SAM2_OK);
        CHECK(sweep(video, 20, -1, true, 1, k ? bounded : all) == 21);
        sam2_video_get_stats(video, &stats);
        CHECK(stats.n_tracked == 2 * (N - 1));
        CHECK(sam2_video_has_result(video, 20, 1));
        CHECK(sam2_video_has_result(video, N - 1, 1) == false);
        sam2_video_close(&video);
    }
    CHECK(equal(all[0], bounded[0], N));
    CHECK(memory[1] * 3 < memory[0] * 2);
    free(all);
    free(bounded);
    end_group("bounded memory gives the same masks");
}

static void test_save(void)
{
    enum { N = 12, AT = 5 };
    float(*whole)[LOW * LOW] = malloc(N * sizeof *whole),
                        (*parts)[LOW * LOW] = malloc(N * sizeof *whole);
    VideoFixture fixture = {90, 60, N, -1, 0};
    Sam2VideoOptions options = sam2_video_options_default();
    Sam2Video *video = open_video(&fixture, options);
    CHECK(click(video, 0, 3, 30, 30) == SAM2_OK);
    CHECK(sweep(video, 0, -1, false, 3, whole) == N);
    sam2_video_reset(video);
    CHECK(click(video, 0, 3, 30, 30) == SAM2_OK);
    CHECK(sweep(video, 0, AT, false, 3, parts) == AT + 1);
    void *data;
    size_t size;
    CHECK(sam2_video_save(video, &data, &size, NULL) == SAM2_OK);
    sam2_video_close(&video);

    video = open_video(&fixture, options);
    CHECK(click(video, 1, 8, 5, 5) == SAM2_OK);
    CHECK(sam2_video_restore(video, data, size, NULL) == SAM2_OK);
    const int *ids;
    CHECK(sam2_video_get_objects(video, &ids) == 1 && ids[0] == 3);
    CHECK(sweep(video, AT + 1, -1, false, 3, parts) == N - AT - 1);
    CHECK(equal(whole[0], parts[0], N));

    // Every damage is noticed and changes nothing.
    uint8_t *copy = malloc(size);
    int n_accepted = 0;
    for (size_t cut = 0; cut < size; cut += size / 40 + 1)
        n_accepted += sam2_video_restore(video, data, cut, NULL) != SAM2_ERR_FORMAT;
    for (size_t at = 0; at < size; at += size / 60 + 1) {
        memcpy(copy, data, size);
        copy[at] ^= 0x40;
        n_accepted += sam2_video_restore(video, copy, size, NULL) != SAM2_ERR_FORMAT;
    }
    CHECK(n_accepted == 0);
    CHECK(sam2_video_get_objects(video, &ids) == 1 && ids[0] == 3);
    sam2_video_close(&video);
    fixture.width = 91;
    video = open_video(&fixture, options);
    Sam2Error error = {0};
    CHECK(sam2_video_restore(video, data, size, &error) == SAM2_ERR_FORMAT);
    CHECK(strstr(error.message, "width") != NULL);
    sam2_video_close(&video);
    free(copy);
    sam2_free(data);
    free(whole);
    free(parts);
    end_group("save and restore");
}

// An object leaves in the middle of a sweep, another goes on, and it comes back under another id.
static void test_save_object(bool reverse)
{
    enum { N = 14, AT = 6 };
    float(*whole)[LOW * LOW] = malloc(N * sizeof *whole),
                        (*parts)[LOW * LOW] = malloc(N * sizeof *whole);
    VideoFixture fixture = {90, 60, N, -1, 0};
    Sam2Video *video = open_video(&fixture, sam2_video_options_default());
    int64_t start = reverse ? N - 1 : 0;
    CHECK(click(video, start, 3, 30, 30) == SAM2_OK);
    CHECK(click(video, start, 4, 70, 10) == SAM2_OK);
    CHECK(sweep(video, start, -1, reverse, 3, whole) == N);
    sam2_video_reset(video);
    CHECK(click(video, start, 3, 30, 30) == SAM2_OK);
    CHECK(click(video, start, 4, 70, 10) == SAM2_OK);
    CHECK(sweep(video, start, AT, reverse, 3, parts) == AT + 1);
    void *data, *all;
    size_t size, all_size;
    Sam2Error error = {0};
    CHECK(sam2_video_save_object(video, 9, &data, &size, &error) == SAM2_ERR_ARGUMENT && !data);
    CHECK(sam2_video_save_object(video, 3, &data, &size, NULL) == SAM2_OK);
    CHECK(sam2_video_save(video, &all, &all_size, NULL) == SAM2_OK && all_size > size);
    CHECK(sam2_video_remove_object(video, 3, true, NULL) == SAM2_OK);
    int64_t next = reverse ? N - 2 - AT : AT + 1;
    CHECK(sweep(video, next, -1, reverse, 4, NULL) == N - AT - 1);
    // One block may serve twice; a block of two objects is none of one.
    CHECK(sam2_video_restore_object(video, 7, data, size, NULL) == SAM2_OK);
    CHECK(sam2_video_restore_object(video, 7, all, all_size, &error) == SAM2_ERR_FORMAT);
    CHECK(sam2_video_restore_object(video, 8, data, size - 1, &error) == SAM2_ERR_FORMAT);
    const int *ids;
    CHECK(sam2_video_get_objects(video, &ids) == 2 && ids[0] == 4 && ids[1] == 7);
    for (int id = 4; id <= 7; id += 3) {
        CHECK(sam2_video_restore_object(video, id, data, size, NULL) == SAM2_OK);
        memset(parts[next], 0, sizeof *parts);
        CHECK(sweep(video, next, -1, reverse, id, parts) == N - AT - 1);
        CHECK(equal(whole[0], parts[0], N));
    }
    sam2_video_close(&video);
    sam2_free(data);
    sam2_free(all);
    free(whole);
    free(parts);
    end_group(reverse ? "an object leaves and returns, backward" : "an object leaves and returns");
}

static void test_set_result(void)
{
    enum { N = 8 };
    float(*direct)[LOW * LOW] = malloc(N * sizeof *direct),
                         (*given)[LOW * LOW] = malloc(N * sizeof *direct);
    float pointer[64], low[LOW * LOW];
    VideoFixture fixture = {90, 60, N, -1, 0};
    Sam2Video *video = open_video(&fixture, sam2_video_options_default());
    Sam2Scores scores;
    CHECK(click(video, 2, 1, 30, 30) == SAM2_OK);
    CHECK(sam2_video_get_low_logits(video, 2, 1, low, NULL) == SAM2_OK);
    CHECK(sam2_video_get_pointer(video, 2, 1, pointer, NULL) == SAM2_OK);
    CHECK(sam2_video_get_scores(video, 2, 1, &scores, NULL) == SAM2_OK);
    CHECK(sweep(video, 2, -1, false, 1, direct) == N - 2);
    sam2_video_reset(video);
    Sam2Result result = {low, pointer, scores.object_score, scores.iou, true};
    CHECK(sam2_video_set_result(video, 2, 1, &result, NULL) == SAM2_OK);
    CHECK(sweep(video, 2, -1, false, 1, given) == N - 2);
    CHECK(equal(direct[2], given[2], N - 2));

    result.pointer = NULL;
    CHECK(sam2_video_set_result(video, 3, 9, &result, NULL) == SAM2_ERR_ARGUMENT);
    result.conditioning = false;
    CHECK(sam2_video_set_result(video, 3, 9, &result, NULL) == SAM2_OK);
    CHECK(sam2_video_has_result(video, 3, 9));
    sam2_video_close(&video);
    free(direct);
    free(given);
    end_group("a result given back conditions as the click did");
}

static void test_subset(void)
{
    enum { N = 6 };
    VideoFixture fixture = {90, 60, N, -1, 0};
    Sam2Video *video = open_video(&fixture, sam2_video_options_default());
    CHECK(click(video, 0, 1, 30, 30) == SAM2_OK && click(video, 0, 2, 60, 20) == SAM2_OK);
    const int one[] = {2}, unknown[] = {5};
    Sam2Sweep params = {.start = -1, .max_frames = -1, .objects = one, .n_objects = 1};
    int64_t frame = 0;
    CHECK(sam2_video_sweep_start(video, &params, NULL) == SAM2_OK);
    while (frame >= 0 && CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK)) {
    }
    CHECK(sam2_video_has_result(video, N - 1, 2) && !sam2_video_has_result(video, N - 1, 1));
    params.objects = unknown;
    CHECK(sam2_video_sweep_start(video, &params, NULL) == SAM2_ERR_ARGUMENT);
    // A sweep can be stopped, prompts changed, objects removed between two frames.
    params.objects = NULL;
    CHECK(sam2_video_sweep_start(video, &params, NULL) == SAM2_OK);
    CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK && frame == 0);
    CHECK(click(video, 3, 4, 10, 10) == SAM2_OK);
    CHECK(sam2_video_remove_object(video, 1, true, NULL) == SAM2_OK);
    CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK && frame == 1);
    sam2_video_reset(video);
    CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK && frame == -1);
    sam2_video_close(&video);
    end_group("sweeps of some objects");
}

// The reference's backward sweep from frame 0 is empty; one may ask for the frame itself.
static void test_first_frame(void)
{
    float whole[LOW * LOW], alone[LOW * LOW];
    VideoFixture fixture = {90, 60, 6, -1, 0};
    Sam2Video *video = open_video(&fixture, sam2_video_options_default());
    Sam2Sweep params = {.start = 2, .max_frames = -1, .reverse = true};
    int64_t frame = 0;
    CHECK(click(video, 2, 1, 30, 30) == SAM2_OK);
    CHECK(sweep(video, 2, -1, true, 1, NULL) == 3);
    CHECK(sam2_video_get_low_logits(video, 0, 1, whole, NULL) == SAM2_OK);
    CHECK(sweep(video, 2, 1, true, 1, NULL) == 2 && sweep(video, 0, -1, true, 1, NULL) == 0);
    params.start = 0;
    params.visits_first = true;
    CHECK(sam2_video_sweep_start(video, &params, NULL) == SAM2_OK);
    CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK && frame == 0);
    CHECK(sam2_video_get_low_logits(video, 0, 1, alone, NULL) == SAM2_OK);
    CHECK(memcmp(whole, alone, sizeof whole) == 0);
    CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK && frame == -1);
    sam2_video_close(&video);
    end_group("backward from the first frame");
}

static void test_features(void)
{
    VideoFixture fixture = {90, 60, 40, -1, 0};
    Sam2Video *video = open_video(&fixture, sam2_video_options_default());
    for (int i = 0; i < 5; i++)
        CHECK(click(video, 4, 1, 30, (float)(20 + i)) == SAM2_OK);
    CHECK(fixture.n_read == 1);
    CHECK(sweep(video, 4, 3, false, 1, NULL) == 4);
    CHECK(sweep(video, 4, 3, false, 1, NULL) == 4);
    CHECK(fixture.n_read == 4);
    sam2_video_close(&video);
    end_group("features are computed once");
}

static void test_refusals(void)
{
    VideoFixture fixture = {90, 60, 5, 3, 0};
    Sam2VideoOptions options = sam2_video_options_default();
    Sam2VideoParams params = fixture_params(&fixture, options);
    Sam2Video *video = NULL;
    Sam2Error error;
    params.width = 0;
    CHECK(sam2_video_open(&video, model, &params, NULL) == SAM2_ERR_ARGUMENT && !video);
    params = fixture_params(&fixture, options);
    params.n_frames = 0;
    CHECK(sam2_video_open(&video, model, &params, NULL) == SAM2_ERR_ARGUMENT && !video);
    params = fixture_params(&fixture, options);
    params.options.memory_temporal_stride_for_eval = 0;
    CHECK(sam2_video_open(&video, model, &params, NULL) == SAM2_ERR_ARGUMENT && !video);

    video = open_video(&fixture, options);
    CHECK(click(video, 5, 1, 1, 1) == SAM2_ERR_ARGUMENT);
    CHECK(click(video, -1, 1, 1, 1) == SAM2_ERR_ARGUMENT);
    CHECK(click(video, 0, 1, NAN, 1) == SAM2_ERR_ARGUMENT);
    Sam2Prompt empty = {0};
    CHECK(sam2_video_add_points(video, 0, 1, &empty, &error) == SAM2_ERR_ARGUMENT);
    const float box[4] = {1, 1, 20, 20};
    Sam2Prompt boxed = {.box = box, .keep_old_points = true};
    CHECK(sam2_video_add_points(video, 0, 1, &boxed, &error) == SAM2_ERR_ARGUMENT);
    const int *ids;
    CHECK(sam2_video_get_objects(video, &ids) == 0);
    Sam2Sweep params_sweep = {.start = -1, .max_frames = -1};
    CHECK(sam2_video_sweep_start(video, &params_sweep, &error) == SAM2_ERR_ARGUMENT);

    // A frame that cannot be read fails its call only; the sweep goes on when it can be read again.
    CHECK(click(video, 3, 1, 1, 1) == SAM2_ERR_FRAME);
    CHECK(sam2_video_get_objects(video, &ids) == 0);
    CHECK(click(video, 0, 1, 30, 30) == SAM2_OK);
    CHECK(sam2_video_sweep_start(video, &params_sweep, &error) == SAM2_OK);
    int64_t frame;
    for (int i = 0; i < 3; i++)
        CHECK(sam2_video_sweep_next(video, &frame, &error) == SAM2_OK && frame == i);
    CHECK(sam2_video_sweep_next(video, &frame, &error) == SAM2_ERR_FRAME && frame == -1);
    CHECK(strstr(error.message, "frame 3") != NULL);
    fixture.fail_at = -1;
    CHECK(sam2_video_sweep_next(video, &frame, &error) == SAM2_OK && frame == 3);
    float low[LOW * LOW];
    CHECK(sam2_video_get_low_logits(video, 4, 1, low, &error) == SAM2_ERR_ARGUMENT);
    CHECK(sam2_video_get_low_logits(video, 0, 2, low, &error) == SAM2_ERR_ARGUMENT);
    CHECK(sam2_video_clear_prompts(video, 0, 2, &error) == SAM2_ERR_ARGUMENT);
    CHECK(sam2_video_remove_object(video, 2, false, &error) == SAM2_OK);
    sam2_video_close(&video);
    end_group("refusals");
}

int main(void)
{
    model = fixture_model(SAM2_BACKEND_AUTO, 4 * LOW);
    if (!model)
        return 1;
    test_sizes();
    test_bounded();
    test_save();
    test_save_object(false);
    test_save_object(true);
    test_set_result();
    test_subset();
    test_first_frame();
    test_features();
    test_refusals();
    sam2_model_close(&model);
    return end_tests();
}
