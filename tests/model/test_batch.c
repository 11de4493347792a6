// SPDX-License-Identifier: Apache-2.0
// Objects that are tracked together get the same results as one by one, whatever they remember.
// With --bench [BACKEND [MODEL]]: what going together saves.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/model/video_fixture.h"
#include "tests/support/check.h"

#define LOW 16 // side of the low logits
#define N_FRAMES 12
#define N_OBJECTS 6
#define MAX_POINTER 1024

typedef struct Result {
    float low[N_FRAMES][N_OBJECTS][LOW * LOW];
    float pointer[N_FRAMES][N_OBJECTS][MAX_POINTER];
    Sam2Scores scores[N_FRAMES][N_OBJECTS];
} Result;

static Sam2Status click(Sam2Video *video, int64_t frame, int object, float x, float y, int label)
{
    const float points[4] = {x, y, 1, 1};
    const int labels[2] = {label, 0};
    Sam2Prompt prompt = {.points = points, .labels = labels, .n_points = label ? 1 : 2};
    return sam2_video_add_points(video, frame, object, &prompt, NULL);
}

// Objects that remember differently much: with one, two, three conditioning frames, some of them in
// the future.
static bool prompt_objects(Sam2Video *video)
{
    bool ok = true;
    for (int i = 0; i < N_OBJECTS; i++)
        ok &= click(video, i % 3 == 2 ? 2 : 0, i, 10.0f + 9.0f * (float)i, 24, i != 4) == SAM2_OK;
    ok &= click(video, 5, 1, 30, 20, 1) == SAM2_OK;
    ok &= click(video, 5, 4, 33, 22, 1) == SAM2_OK;
    ok &= click(video, 7, 4, 36, 22, 1) == SAM2_OK;
    return ok;
}

static bool read_frame(Sam2Video *video, int64_t frame, Result *out)
{
    bool ok = true;
    for (int i = 0; i < N_OBJECTS; i++) {
        ok &= sam2_video_get_low_logits(video, frame, i, out->low[frame][i], NULL) == SAM2_OK;
        ok &= sam2_video_get_pointer(video, frame, i, out->pointer[frame][i], NULL) == SAM2_OK;
        ok &= sam2_video_get_scores(video, frame, i, &out->scores[frame][i], NULL) == SAM2_OK;
    }
    return ok;
}

static bool track(Sam2Model *model, int at_once, bool reverse, Result *out)
{
    VideoFixture fixture = {64, 48, N_FRAMES, -1, 0};
    Sam2VideoOptions options = sam2_video_options_default();
    options.max_objects_at_once = at_once;
    Sam2VideoParams params = fixture_params(&fixture, options);
    Sam2Sweep sweep = {.start = reverse ? N_FRAMES - 1 : 0, .max_frames = -1, .reverse = reverse};
    Sam2Video *video = NULL;
    memset(out, 0, sizeof *out);
    bool ok = sam2_video_open(&video, model, &params, NULL) == SAM2_OK && prompt_objects(video) &&
              sam2_video_sweep_start(video, &sweep, NULL) == SAM2_OK;
    int64_t frame = 0;
    while (ok && frame >= 0) {
        ok = sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK;
        ok = ok && (frame < 0 || read_frame(video, frame, out));
    }
    sam2_video_close(&video);
    return ok;
}

static double largest_difference(const float *a, const float *b, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)a[i] - b[i]));
    return largest;
}

static void test_backend(Sam2BackendKind kind, const char *name)
{
    Sam2Model *model = fixture_model(kind, 4 * LOW);
    Result *alone = calloc(1, sizeof *alone), *together = calloc(1, sizeof *together);
    if (!CHECK(model && alone && together))
        exit(1);
    const bool brief = kind == SAM2_BACKEND_CUDA; // it may run on the host
    for (int reverse = 0; reverse < (brief ? 1 : 2); reverse++) {
        CHECK(track(model, 1, reverse, alone));
        int n_absent = 0;
        for (int i = 0; i < N_FRAMES * N_OBJECTS; i++)
            n_absent += alone->scores[i / N_OBJECTS][i % N_OBJECTS].object_score <= 0;
        for (int at_once = 0; at_once <= (brief ? 0 : 3); at_once += 3) {
            CHECK(track(model, at_once, reverse, together));
            // Each row is summed as it is alone.
            if (kind == SAM2_BACKEND_REF)
                CHECK(memcmp(alone, together, sizeof *alone) == 0);
            const size_t n_low = sizeof alone->low / sizeof(float);
            double low = largest_difference((float *)alone->low, (float *)together->low, n_low);
            double pointer = largest_difference((float *)alone->pointer, (float *)together->pointer,
                                                sizeof alone->pointer / sizeof(float));
            double scores = largest_difference((float *)alone->scores, (float *)together->scores,
                                               sizeof alone->scores / sizeof(float));
            CHECK(low <= 1e-3 && pointer <= 1e-4 && scores <= 1e-4);
            if (low > 0)
                printf("%s: logits differ by up to %.2g\n", name, low);
        }
        CHECK(n_absent < N_FRAMES * N_OBJECTS);
    }
    free(alone);
    free(together);
    sam2_model_close(&model);
    end_group(name);
}

// ---- Benchmark ---------------------------------------------------------------------------------

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Seconds a frame, without the image encoder.
static double time_objects(Sam2Model *model, int n, int at_once, int n_frames)
{
    VideoFixture fixture = {640, 360, n_frames, -1, 0};
    Sam2VideoOptions options = sam2_video_options_default();
    options.max_objects_at_once = at_once;
    Sam2VideoParams params = fixture_params(&fixture, options);
    Sam2Sweep sweep = {.start = -1, .max_frames = -1};
    Sam2Video *video = NULL;
    Sam2VideoStats before, after;
    Sam2Error error = {0};
    bool ok = sam2_video_open(&video, model, &params, &error) == SAM2_OK;
    for (int i = 0; ok && i < n; i++)
        ok = click(video, 0, i, 100.0f + 20.0f * (float)i, 180, 1) == SAM2_OK;
    ok = ok && sam2_video_sweep_start(video, &sweep, &error) == SAM2_OK;
    int64_t frame = 0;
    for (int i = 0; ok && i < 2; i++)
        ok = sam2_video_sweep_next(video, &frame, &error) == SAM2_OK;
    if (!CHECK(ok)) {
        printf("%s\n", error.message);
        exit(1);
    }
    sam2_video_get_stats(video, &before);
    double start = seconds();
    for (int i = 2; i < n_frames; i++)
        CHECK(sam2_video_sweep_next(video, &frame, &error) == SAM2_OK);
    double total = seconds() - start;
    sam2_video_get_stats(video, &after);
    sam2_video_close(&video);
    return (total - (after.encode_s - before.encode_s)) / (n_frames - 2);
}

static int bench(const char *backend, const char *path)
{
    Sam2BackendKind kind = backend && strcmp(backend, "ref") == 0    ? SAM2_BACKEND_REF
                           : backend && strcmp(backend, "cuda") == 0 ? SAM2_BACKEND_CUDA
                                                                     : SAM2_BACKEND_CPU;
    const int n_frames = path && kind != SAM2_BACKEND_CUDA ? 4 : 10;
    Sam2Model *model = NULL;
    Sam2Error error = {0};
    Sam2ModelParams params = {.path = path, .backend = kind};
    if (path)
        sam2_model_open(&model, &params, &error);
    else
        model = fixture_model(kind, 256);
    if (!model) {
        printf("%s\n", error.message);
        return 1;
    }
    for (int n = 1; n <= 8; n *= 2) {
        double alone = time_objects(model, n, 1, n_frames);
        double together = time_objects(model, n, 0, n_frames);
        printf("%d objects: one by one %.2f ms, together %.2f ms a frame: %.2f times as fast\n", n,
               1e3 * alone, 1e3 * together, alone / together);
    }
    sam2_model_close(&model);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--bench") == 0)
        return bench(argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
    if (argc > 1 && strcmp(argv[1], "--cuda") == 0) {
        const char *why;
        if (!sam2_backend_available(SAM2_BACKEND_CUDA, &why)) {
            printf("%s\n", why);
            return 77;
        }
        test_backend(SAM2_BACKEND_CUDA, "batches on cuda");
        return end_tests();
    }
    test_backend(SAM2_BACKEND_REF, "batches on ref");
    if (sam2_backend_available(SAM2_BACKEND_CPU, NULL))
        test_backend(SAM2_BACKEND_CPU, "batches on cpu");
    return end_tests();
}
