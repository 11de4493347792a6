// SPDX-License-Identifier: Apache-2.0
// What becomes of frames and their features on the way through the cuda backend, on the emulated
// runtime: the next frame goes up while the device works, features that leave the device wait in
// pinned memory and come back as they were, and what happens where that memory cannot be had.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/cuda/emulate_control.h"
#include "tests/model/video_fixture.h"
#include "tests/support/check.h"

#define SIDE 64
#define LOW (SIDE / 4)
#define N 5 // frames
#define N_ON_DEVICE 2
#define N_SWEEPS 2 // there and back

typedef struct Result {
    float low[N_SWEEPS][N][LOW * LOW];
} Result;

static EmulatedControl *control;
static Sam2Model *model;
static size_t frame_size; // bytes of a frame's features
static VideoFixture fixture = {48, 40, N, -1, 0};
static const uint8_t *last_read; // where the last frame was put
static Result expected;

static int read_frame(void *user, int64_t frame, uint8_t *rgb, size_t stride)
{
    last_read = rgb;
    if (control->log && control->n_log > 1) {
        *control->log++ = 'f';
        *control->log = 0;
        control->n_log--;
    }
    return fixture_frame(user, frame, rgb, stride);
}

static bool open_cuda(void)
{
    model = fixture_model(SAM2_BACKEND_CUDA, SIDE);
    void *handle = dlopen(getenv("SAM2_CUDA_MODULE"), RTLD_NOW | RTLD_NOLOAD);
    control = handle ? dlsym(handle, EMULATED_CONTROL_SYMBOL) : NULL;
    return CHECK(model && control);
}

// Room for so many frames on the device and on the host, and a click on the first one.
static Sam2Status open_video(Sam2Video **out, int n_device, size_t n_host)
{
    const float point[2] = {12, 20};
    const int label = 1;
    const Sam2Prompt prompt = {.points = point, .labels = &label, .n_points = 1};
    Sam2VideoOptions options = sam2_video_options_default();
    options.feature_cache_size = (size_t)n_device * frame_size;
    options.host_cache_size = n_host * frame_size;
    Sam2VideoParams params = fixture_params(&fixture, options);
    params.get_frame = read_frame;
    Sam2Status status = sam2_video_open(out, model, &params, NULL);
    return status == SAM2_OK ? sam2_video_add_points(*out, 0, 0, &prompt, NULL) : status;
}

static Sam2Status sweep(Sam2Video *video, bool reverse, int n_frames,
                        float (*out)[LOW * LOW] /* or NULL */)
{
    const Sam2Sweep params = {.start = reverse ? N - 1 : 0,
                              .max_frames = n_frames - 1,
                              .reverse = reverse,
                              .visits_first = true};
    int64_t frame = 0;
    Sam2Status status = sam2_video_sweep_start(video, &params, NULL);
    while (status == SAM2_OK && frame >= 0) {
        status = sam2_video_sweep_next(video, &frame, NULL);
        if (status == SAM2_OK && frame >= 0 && out)
            status = sam2_video_get_low_logits(video, frame, 0, out[frame], NULL);
    }
    return status;
}

static Sam2Status sweep_all(Sam2Video *video, Result *out)
{
    Sam2Status status = SAM2_OK;
    memset(out, 0, sizeof *out);
    for (int i = 0; status == SAM2_OK && i < N_SWEEPS; i++)
        status = sweep(video, i % 2, N, out->low[i]);
    return status;
}

static bool is_expected(const Result *actual)
{
    return memcmp(&expected, actual, sizeof expected) == 0;
}

// Opens, sweeps, closes.
static Sam2Status track(int n_device, size_t n_host, Result *out, Sam2VideoStats *stats)
{
    Sam2Video *video = NULL;
    Sam2Status status = open_video(&video, n_device, n_host);
    if (status == SAM2_OK)
        status = sweep_all(video, out);
    if (video)
        sam2_video_get_stats(video, stats);
    sam2_video_close(&video);
    return status;
}

static void open_first(void)
{
    Sam2Video *video = NULL;
    Sam2VideoStats stats;
    if (!open_cuda() || !CHECK(open_video(&video, 1, 0) == SAM2_OK))
        exit(1);
    sam2_video_get_stats(video, &stats);
    frame_size = stats.feature_bytes;
    sam2_video_close(&video);
}

// All frames on the device.
static void find_expected(void)
{
    Sam2VideoStats stats;
    open_first();
    CHECK(track(N, 0, &expected, &stats) == SAM2_OK && stats.n_encoded == N);
    for (int i = 1; i < N; i++) // the frames differ, so that a wrong one is seen
        CHECK(memcmp(expected.low[0][i - 1], expected.low[0][i], sizeof expected.low[0][0]) != 0);
    sam2_model_close(&model);
}

// ---- Ahead of time -----------------------------------------------------------------------------

// What is asked for between two results, in a steady sweep: the frame is tracked (its own features
// lie there), the next one, which has been read, goes up from where it was read to and is encoded,
// and the one behind it is read, all before the host waits.
static void test_ahead(void)
{
    char log[4096] = "";
    Sam2Video *video = NULL;
    if (!open_cuda())
        exit(1);
    CHECK(open_video(&video, N_ON_DEVICE, 0) == SAM2_OK);
    for (int i = 0; i < 2; i++) // until all is recorded
        CHECK(sweep(video, false, N, NULL) == SAM2_OK &&
              sam2_video_clear_tracked(video, 0, NULL) == SAM2_OK);
    const Sam2Sweep params = {.max_frames = -1};
    int64_t frame = 0;
    CHECK(sam2_video_sweep_start(video, &params, NULL) == SAM2_OK);
    CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK); // the prompt's
    for (int i = 1; i < N; i++) {
        const uint8_t *read_before = last_read;
        control->log = log;
        control->n_log = sizeof log;
        CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK && frame == i);
        control->log = NULL;
        const char *tracked = strchr(log, 'G'), *waited = strchr(log, 'W');
        const char *uploaded = strchr(log, 'i'), *encoded = strchr(log, 'g');
        const char *read = strchr(log, 'f');
        if (i == 1) // it is not known before that there is a sweep
            continue;
        bool good = tracked && waited && tracked < waited && !strchr(waited + 1, 'W') &&
                    !strchr(log, 'w') && !strchr(log, 'p') && !strchr(log, 'P');
        if (i + 1 < N)
            good = good && uploaded && encoded && tracked < uploaded && uploaded < encoded &&
                   encoded < waited && control->uploaded == read_before;
        else
            good = good && !uploaded && !encoded;
        if (i + 2 < N)
            good = good && read && read > encoded && read < waited && !strchr(read + 1, 'f') &&
                   last_read != read_before;
        else
            good = good && !read;
        if (!CHECK(good))
            printf("frame %d: %s\n", i, log);
    }
    sam2_video_close(&video);
    sam2_model_close(&model);
    end_group("the next frame goes up beside the work");
}

// A frame that cannot be read counts when its turn comes, and can then be tried again.
static void test_unreadable(void)
{
    Sam2Video *video = NULL;
    const Sam2Sweep params = {.max_frames = -1};
    int64_t frame = 0;
    if (!open_cuda())
        exit(1);
    fixture.fail_at = 4;
    CHECK(open_video(&video, N_ON_DEVICE, 0) == SAM2_OK);
    CHECK(sam2_video_sweep_start(video, &params, NULL) == SAM2_OK);
    for (int i = 0; i < 4; i++)
        CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK && frame == i);
    for (int i = 0; i < 2; i++)
        CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_ERR_FRAME);
    fixture.fail_at = -1;
    for (int i = 4; i < N; i++) {
        float low[LOW * LOW];
        CHECK(sam2_video_sweep_next(video, &frame, NULL) == SAM2_OK && frame == i);
        CHECK(sam2_video_get_low_logits(video, frame, 0, low, NULL) == SAM2_OK &&
              memcmp(low, expected.low[0][i], sizeof low) == 0);
    }
    sam2_video_close(&video);
    sam2_model_close(&model);
    end_group("a frame that cannot be read");
}

// ---- Pinned memory -----------------------------------------------------------------------------

// Whatever the order in which the three streams get on.
static void test_orders(void)
{
    static const char *const orders[] = {"eel", "lel", "lll"};
    for (int i = 0; i < 3; i++) {
        Sam2VideoStats stats;
        Result actual;
        setenv("SAM2_EMULATED_ORDER", orders[i], 1);
        if (!open_cuda())
            exit(1);
        CHECK(track(N_ON_DEVICE, N, &actual, &stats) == SAM2_OK);
        if (!CHECK(is_expected(&actual) && stats.n_encoded == N &&
                   stats.n_returned >= N - N_ON_DEVICE))
            printf("order %s: %d encoded, %d came back\n", orders[i], (int)stats.n_encoded,
                   (int)stats.n_returned);
        sam2_model_close(&model);
    }
    unsetenv("SAM2_EMULATED_ORDER");
    end_group("orders of three streams");
}

// Room for fewer frames than there are, from none at all.
static void test_budgets(void)
{
    static const int budgets[] = {0, 3, N};
    int64_t n_encoded[3] = {0};
    if (!open_cuda())
        exit(1);
    const long pinned = control->pinned_used;
    for (int i = 0; i < 3; i++) {
        const int n_host = budgets[i];
        Sam2Video *video = NULL;
        Sam2VideoStats stats = {0};
        Result actual;
        const long n_out = control->n_copied_out, n_in = control->n_copied_in;
        CHECK(open_video(&video, N_ON_DEVICE, (size_t)n_host) == SAM2_OK);
        const long n_read = fixture.n_read;
        CHECK(sweep_all(video, &actual) == SAM2_OK && is_expected(&actual));
        sam2_video_get_stats(video, &stats);
        n_encoded[i] = stats.n_encoded;
        const size_t frames_size = 2 * 3 * (size_t)fixture.width * (size_t)fixture.height;
        CHECK((size_t)(control->pinned_used - pinned) <=
              (size_t)n_host * frame_size + frames_size + ((size_t)1 << 16)); // results
        CHECK(stats.host_feature_bytes <= (size_t)n_host * frame_size);
        CHECK((stats.host_feature_bytes > 0) == (n_host > 0));
        CHECK(control->n_copied_in - n_in == stats.n_returned);
        if (n_host == 0)
            CHECK(control->n_copied_in == n_in && control->n_copied_out == n_out);
        // Each goes out once (the clicked one again, once it is prepared for tracking).
        if (n_host == N)
            CHECK(control->n_copied_out - n_out <= N + 1);
        CHECK(fixture.n_read - n_read <= stats.n_encoded + N_SWEEPS);
        sam2_video_close(&video);
    }
    CHECK(n_encoded[2] == N && n_encoded[0] == 2 * N - N_ON_DEVICE);
    CHECK(n_encoded[1] > N && n_encoded[1] < n_encoded[0]);
    sam2_model_close(&model);
    CHECK(control->pinned_used == 0 && control->memory_used == 0);
    end_group("budgets of pinned memory");
}

// Once all frames have been seen nothing is asked of the driver, and the host waits once a frame.
static void test_steady(void)
{
    Sam2Video *video = NULL;
    EmulatedControl before = {0};
    if (!open_cuda())
        exit(1);
    CHECK(open_video(&video, N_ON_DEVICE, N) == SAM2_OK);
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            before = *control;
        CHECK(sweep(video, i % 2, N, NULL) == SAM2_OK);
    }
    CHECK(control->n_mallocs == before.n_mallocs && control->n_frees == before.n_frees);
    CHECK(control->n_host_mallocs == before.n_host_mallocs);
    CHECK(control->n_stream_waits - before.n_stream_waits == 2 * (N - 1));
    CHECK(control->n_copied_out == before.n_copied_out);
    CHECK(control->n_copied_in - before.n_copied_in >= 2 * (N - 1) - 2 * N_ON_DEVICE);
    // The way in is asked for ahead: before the host waits for the frame before.
    char log[4096] = "";
    control->log = log;
    control->n_log = sizeof log;
    CHECK(sweep(video, false, N, NULL) == SAM2_OK);
    control->log = NULL;
    int n_ahead = 0;
    for (const char *at = log; (at = strchr(at, '>')); at++) {
        const char *tracked = at, *waited = strchr(at, 'W');
        while (tracked > log && *tracked != 'G' && *tracked != 'W')
            tracked--;
        n_ahead += *tracked == 'G' && waited;
    }
    if (!CHECK(n_ahead >= N - 1 - N_ON_DEVICE))
        printf("%d ahead: %s\n", n_ahead, log);
    sam2_video_close(&video);
    sam2_model_close(&model);
    end_group("a steady load of copies");
}

// No memory can be pinned, from the n-th time on; then each copy fails, once.
static void test_failing(void)
{
    Sam2VideoStats stats;
    Result actual;
    for (long n = 1; n < 7; n += 5) {
        if (!open_cuda())
            exit(1);
        control->fail_host_malloc = n;
        control->n_more = 1000000;
        CHECK(track(N_ON_DEVICE, N, &actual, &stats) == SAM2_OK && is_expected(&actual));
        CHECK(stats.n_encoded > N);
        control->fail_host_malloc = control->n_more = 0;
        // It is asked for again by the next video.
        CHECK(track(N_ON_DEVICE, N, &actual, &stats) == SAM2_OK && stats.n_encoded == N);
        sam2_model_close(&model);
        CHECK(control->pinned_used == 0);
    }
    int n_hit = 0;
    if (!open_cuda())
        exit(1);
    for (long n = 1;; n += n_hit < 2 ? 1 : 3) {
        control->fail_copy = n;
        CHECK(track(N_ON_DEVICE, N, &actual, &stats) == SAM2_OK);
        bool hit = control->fail_copy == 0;
        control->fail_copy = 0;
        if (!CHECK(is_expected(&actual) && stats.n_encoded <= N + 1))
            printf("copy %ld: %d encoded\n", n, (int)stats.n_encoded);
        if (!hit)
            break;
        n_hit++;
    }
    sam2_model_close(&model);
    CHECK(n_hit >= 3);
    printf("%d copies failed; ", n_hit);
    end_group("pinned memory that fails");
}

// The device has no room for the frames that the cache may hold.
static void test_small_device(void)
{
    Sam2VideoStats stats;
    Result actual;
    int n_done = 0;
    if (!open_cuda())
        exit(1);
    CHECK(track(1, 0, &actual, &stats) == SAM2_OK);
    const long needed = control->memory_used;
    sam2_model_close(&model);
    for (int percent = 110; percent > 85; percent -= 8) {
        if (!open_cuda())
            exit(1);
        control->memory_limit = needed * percent / 100;
        Sam2Status status = track(N, N, &actual, &stats);
        CHECK(status == SAM2_OK ? is_expected(&actual) : status == SAM2_ERR_MEMORY);
        n_done += status == SAM2_OK;
        control->memory_limit = 0;
        sam2_model_close(&model);
        CHECK(control->pinned_used == 0 && control->memory_used == 0);
    }
    CHECK(n_done > 0);
    end_group("a small device with pinned memory");
}

// Two videos share it: the one that was used last has what it needs.
static void test_shared(void)
{
    Sam2Video *videos[2] = {NULL, NULL};
    Sam2VideoStats stats[2];
    Result actual;
    setenv("SAM2_EMULATED_ORDER", "lll", 1); // copies are under way when a video closes
    if (!open_cuda())
        exit(1);
    for (int i = 0; i < 2; i++)
        CHECK(open_video(&videos[i], N_ON_DEVICE, N) == SAM2_OK);
    for (int i = 0; i < 2; i++) {
        CHECK(sweep_all(videos[i], &actual) == SAM2_OK && is_expected(&actual));
        for (int k = 0; k < 2; k++)
            sam2_video_get_stats(videos[k], &stats[k]);
        CHECK(stats[0].host_feature_bytes + stats[1].host_feature_bytes <= N * frame_size);
        CHECK(stats[i].host_feature_bytes >= (N - 1) * frame_size && stats[i].n_encoded == N);
    }
    // Both, a frame in turn: fewer of each are kept, and none of the other's is taken for its own.
    for (int i = 0; i < 2; i++)
        CHECK(sam2_video_clear_tracked(videos[i], 0, NULL) == SAM2_OK);
    const Sam2Sweep params = {.max_frames = -1};
    for (int i = 0; i < 2; i++)
        CHECK(sam2_video_sweep_start(videos[i], &params, NULL) == SAM2_OK);
    for (int frame = 0; frame < N; frame++)
        for (int i = 0; i < 2; i++) {
            int64_t at;
            float low[LOW * LOW];
            CHECK(sam2_video_sweep_next(videos[i], &at, NULL) == SAM2_OK && at == frame);
            CHECK(sam2_video_get_low_logits(videos[i], at, 0, low, NULL) == SAM2_OK &&
                  memcmp(low, expected.low[0][frame], sizeof low) == 0);
        }
    const long before = control->pinned_used;
    sam2_video_close(&videos[0]);
    CHECK(before - control->pinned_used < (long)frame_size); // it is the other one's now
    CHECK(sweep(videos[1], true, N, NULL) == SAM2_OK);
    sam2_video_close(&videos[1]);
    CHECK(before - control->pinned_used >= (long)((N - 1) * frame_size));
    sam2_model_close(&model);
    CHECK(control->pinned_used == 0);
    unsetenv("SAM2_EMULATED_ORDER");
    end_group("two videos");
}

// In a process of its own: a lost device stays lost.
static int lose_device(long at)
{
    Sam2VideoStats stats;
    Result actual;
    open_first();
    control->fail_copy = at;
    control->copy_loses = 1;
    CHECK(track(N_ON_DEVICE, N, &actual, &stats) == SAM2_ERR_DEVICE);
    CHECK(track(N_ON_DEVICE, N, &actual, &stats) == SAM2_ERR_DEVICE);
    sam2_model_close(&model);
    return end_tests();
}

static void test_lost_device(void)
{
    for (long at = 1; at < 6; at += 3) {
        if (!CHECK(fixture_in_child(lose_device, at)))
            printf("lost at copy %ld\n", at);
    }
    end_group("a device lost in a copy");
}

int main(void)
{
    test_lost_device(); // before there are threads
    find_expected();
    test_ahead();
    test_unreadable();
    test_orders();
    test_budgets();
    test_steady();
    test_failing();
    test_small_device();
    test_shared();
    return end_tests();
}
