// SPDX-License-Identifier: Apache-2.0
// How the cuda backend works through frames, on the emulated runtime: the same results whatever
// order streams run in, one wait a frame, recorded once and replayed, and what happens when memory
// runs out or the device is lost.
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/cuda/emulate_control.h"
#include "tests/model/video_fixture.h"
#include "tests/support/check.h"

#define SIDE 64
#define LOW (SIDE / 4)
#define MAX_FRAMES 6
#define N_OBJECTS 3

typedef struct Result {
    float low[MAX_FRAMES][N_OBJECTS][LOW * LOW];
} Result;

static EmulatedControl *control;
static Sam2Model *model;
static VideoFixture fixture = {48, 40, MAX_FRAMES, -1, 0};

static Sam2Status prompt_objects(Sam2Video *video, int n)
{
    Sam2Status status = SAM2_OK;
    for (int i = 0; status == SAM2_OK && i < n; i++) {
        const float point[2] = {12.0f + 8 * (float)i, 20};
        const int label = 1;
        Sam2Prompt prompt = {.points = point, .labels = &label, .n_points = 1};
        status = sam2_video_add_points(video, 0, i, &prompt, NULL);
    }
    return status;
}

static Sam2Status sweep(Sam2Video *video, int n_objects, int n_frames, Result *out)
{
    Sam2Sweep params = {.start = 0, .max_frames = n_frames - 1};
    int64_t frame = 0;
    Sam2Status status = sam2_video_sweep_start(video, &params, NULL);
    while (status == SAM2_OK && frame >= 0) {
        status = sam2_video_sweep_next(video, &frame, NULL);
        for (int i = 0; status == SAM2_OK && frame >= 0 && out && i < n_objects; i++)
            status = sam2_video_get_low_logits(video, frame, i, out->low[frame][i], NULL);
    }
    return status;
}

static int hole_area = -1; // -1: as it comes

static Sam2Status open_video(Sam2Video **out)
{
    Sam2VideoOptions options = sam2_video_options_default();
    options.feature_cache_size = options.host_cache_size = 0; // frames are encoded again
    if (hole_area >= 0)
        options.fill_hole_area = hole_area;
    Sam2VideoParams params = fixture_params(&fixture, options);
    return sam2_video_open(out, model, &params, NULL);
}

static Sam2Status track(int n_objects, int n_frames, Result *out)
{
    Sam2Video *video = NULL;
    Sam2Status status = open_video(&video);
    if (status == SAM2_OK)
        status = prompt_objects(video, n_objects);
    if (status == SAM2_OK)
        status = sweep(video, n_objects, n_frames, out);
    sam2_video_close(&video);
    return status;
}

static double difference(const Result *a, const Result *b)
{
    double largest = 0;
    const float *x = (const float *)a, *y = (const float *)b;
    for (size_t i = 0; i < sizeof *a / sizeof *x; i++)
        largest = fabs((double)x[i] - y[i]) > largest ? fabs((double)x[i] - y[i]) : largest;
    return largest;
}

static bool open_cuda_in(Sam2Precision precision)
{
    model = fixture_model_in(SAM2_BACKEND_CUDA, precision, SIDE);
    void *handle = dlopen(getenv("SAM2_CUDA_MODULE"), RTLD_NOW | RTLD_NOLOAD);
    control = handle ? dlsym(handle, EMULATED_CONTROL_SYMBOL) : NULL;
    return CHECK(model && control);
}

static bool open_cuda(void)
{
    return open_cuda_in(SAM2_PRECISION_F32);
}

// Results of the reference backend, and of several sweeps through the same frames in each order.
static void test_orders(void)
{
    static const char *const orders[] = {"ee", "el", "le", "ll"};
    Result expected = {0}, actual;
    model = fixture_model(SAM2_BACKEND_REF, SIDE);
    CHECK(model && track(2, 4, &expected) == SAM2_OK);
    sam2_model_close(&model);
    for (int i = 0; i < 4; i++) {
        setenv("SAM2_EMULATED_ORDER", orders[i], 1);
        if (!open_cuda())
            exit(1);
        Sam2Video *video = NULL;
        CHECK(open_video(&video) == SAM2_OK && prompt_objects(video, 2) == SAM2_OK);
        for (int round = 0; round < 3; round++) {
            memset(&actual, 0, sizeof actual);
            CHECK(sweep(video, 2, 4, &actual) == SAM2_OK);
            double largest = difference(&expected, &actual);
            if (!CHECK(largest <= 2e-3))
                printf("order %s, round %d: logits differ by %g\n", orders[i], round, largest);
            for (int id = 0; id < 2; id++)
                CHECK(sam2_video_clear_tracked(video, id, NULL) == SAM2_OK);
        }
        sam2_video_close(&video);
        sam2_model_close(&model);
    }
    unsetenv("SAM2_EMULATED_ORDER");
    end_group("orders of streams");
}

#define MOST_KERNELS 460 // 834 with operands in fp32
// Half operands between operations: results stay close to the reference's, and no pass over memory
// that only rounds, packs or rotates comes back. Without graphs every launch is counted.
static void test_half(void)
{
    Result expected = {0}, actual = {0};
    hole_area = 0; // whether a hole is one is a matter of the last digit
    model = fixture_model(SAM2_BACKEND_REF, SIDE);
    CHECK(model && track(2, 4, &expected) == SAM2_OK);
    sam2_model_close(&model);
    setenv("SAM2_CUDA_NO_GRAPHS", "1", 1);
    if (!open_cuda_in(SAM2_PRECISION_BF16))
        exit(1);
    Sam2Video *video = NULL;
    CHECK(open_video(&video) == SAM2_OK && prompt_objects(video, 2) == SAM2_OK);
    CHECK(sweep(video, 2, 4, &actual) == SAM2_OK);
    double low = 0, high = 0, squares = 0;
    for (int frame = 0; frame < 4; frame++) {
        for (int i = 0; i < 2 * LOW * LOW; i++) {
            const double x = expected.low[frame][i / (LOW * LOW)][i % (LOW * LOW)];
            const double y = actual.low[frame][i / (LOW * LOW)][i % (LOW * LOW)];
            low = fmin(low, x);
            high = fmax(high, x);
            squares += (x - y) * (x - y);
        }
    }
    const double error = sqrt(squares / (4 * 2 * LOW * LOW));
    if (!CHECK(error <= 0.02 * (high - low)))
        printf("logits err by %g of a spread of %g\n", error, high - low);
    for (int id = 0; id < 2; id++)
        CHECK(sam2_video_clear_tracked(video, id, NULL) == SAM2_OK);
    EmulatedControl before = *control;
    CHECK(sweep(video, 2, 4, NULL) == SAM2_OK);
    const long n_products = control->n_products - before.n_products;
    const long n_kernels = control->n_launches - before.n_launches - n_products;
    printf("three frames: %ld products and %ld other kernels, an error of %.2g %%; ", n_products,
           n_kernels, 100 * error / (high - low));
    CHECK(n_kernels <= MOST_KERNELS);
    unsetenv("SAM2_CUDA_NO_GRAPHS");
    hole_area = -1;
    sam2_video_close(&video);
    sam2_model_close(&model);
    end_group("half operands");
}

// What a steady load asks the runtime for.
static void test_steady(void)
{
    enum { N = 5 };
    if (!open_cuda())
        exit(1);
    Sam2Video *video = NULL;
    CHECK(open_video(&video) == SAM2_OK && prompt_objects(video, N_OBJECTS) == SAM2_OK);
    EmulatedControl before, after;
    for (int round = 0; round < 4; round++) {
        before = *control;
        CHECK(sweep(video, N_OBJECTS, N, NULL) == SAM2_OK);
        after = *control;
        for (int id = 0; id < N_OBJECTS; id++)
            CHECK(sam2_video_clear_tracked(video, id, NULL) == SAM2_OK);
    }
    // Frame 0 is a prompt's. Each other one waits once, for its result.
    CHECK(after.n_mallocs == before.n_mallocs);
    CHECK(after.n_frees == before.n_frees);
    CHECK(after.n_host_mallocs == before.n_host_mallocs);
    CHECK(after.n_captures == before.n_captures);
    CHECK(after.n_stream_waits - before.n_stream_waits == N - 1);
    // Tracking, and encoding a frame: nothing but graphs, copies and making the network's input.
    CHECK(after.n_products == before.n_products);
    long n_graphs = after.n_graph_launches - before.n_graph_launches;
    long n_launches = after.n_launches - before.n_launches - n_graphs;
    if (!CHECK(n_graphs >= 2 * (N - 1) - 1 && n_graphs <= 2 * N && n_launches <= 6 * N))
        printf("%ld graphs, %ld other launches\n", n_graphs, n_launches);
    // More objects are another shape: their work runs as it is, is recorded, is replayed.
    Result result = {0};
    long n_captures = control->n_captures;
    CHECK(sam2_video_remove_object(video, 2, true, NULL) == SAM2_OK);
    for (int round = 0; round < 3; round++) {
        long n = control->n_captures;
        CHECK(sweep(video, 2, N, &result) == SAM2_OK);
        CHECK((control->n_captures > n) == (round == 1));
        for (int id = 0; id < 2; id++)
            CHECK(sam2_video_clear_tracked(video, id, NULL) == SAM2_OK);
    }
    CHECK(control->n_captures - n_captures == N - 1); // each frame remembers one more
    sam2_video_close(&video);
    sam2_model_close(&model);
    end_group("a steady load");
}

// Allocation n fails, and n_more behind it. True: there was one.
static bool fail_allocation(long n, long n_more, bool pinned, long *n_errors, long *n_recovered)
{
    long *counter = pinned ? &control->fail_host_malloc : &control->fail_malloc;
    Sam2Video *video = NULL;
    if (!open_cuda())
        exit(1);
    *counter = n;
    control->n_more = n_more;
    Sam2Status status = open_video(&video);
    if (status == SAM2_OK)
        status = prompt_objects(video, 2);
    if (status == SAM2_OK)
        status = sweep(video, 2, 2, NULL);
    bool hit = *counter == 0 || control->n_more < n_more;
    *counter = control->n_more = 0;
    *n_errors += status != SAM2_OK;
    *n_recovered += hit && status == SAM2_OK;
    if (!CHECK(status == SAM2_OK || (hit && status == SAM2_ERR_MEMORY)))
        printf("allocation %ld and %ld more: status %d\n", n, n_more, status);
    // The same video goes on when there is memory again.
    if (status != SAM2_OK && video) {
        sam2_video_reset(video);
        CHECK(prompt_objects(video, 2) == SAM2_OK && sweep(video, 2, 2, NULL) == SAM2_OK);
    }
    sam2_video_close(&video);
    sam2_model_close(&model); // and with it what the backend kept
    CHECK(control->memory_used == 0);
    return hit;
}

// In steps, so that it does not take for ever.
static void test_failing_memory(void)
{
    long n_errors = 0, n_recovered = 0, n_pinned_errors = 0, n_pinned = 0;
    for (long n = 1; fail_allocation(n, 0, false, &n_errors, &n_recovered);)
        n += n < 4 ? 1 : 7;
    CHECK(n_errors == 0); // what was kept is given back, then it works
    for (long n = 1; fail_allocation(n, 1000000, false, &n_errors, &n_recovered);)
        n += n < 8 ? 1 : 4;
    CHECK(n_errors > 3);
    // Without pinned memory it works, slower.
    for (long n = 1; n < 4; n++)
        fail_allocation(n, 1000000, true, &n_pinned_errors, &n_pinned);
    CHECK(n_pinned_errors == 0 && n_pinned > 0);
    printf("%ld failures, %ld done with less; ", n_errors, n_recovered);
    end_group("memory that cannot be had");
}

// A device with less memory than tracking three objects at once takes.
static void test_small_device(void)
{
    Result expected = {0}, actual = {0};
    if (!open_cuda())
        exit(1);
    long before = control->memory_used;
    CHECK(track(N_OBJECTS, 3, &expected) == SAM2_OK);
    long peak = control->memory_used; // nothing is given back to the driver yet
    sam2_model_close(&model);
    bool failed = false, done_with_less = false;
    for (int percent = 97; percent > 0 && !failed; percent -= 4) {
        if (!open_cuda())
            exit(1);
        control->memory_limit = before + (peak - before) * percent / 100;
        memset(&actual, 0, sizeof actual);
        Sam2Status status = track(N_OBJECTS, 3, &actual);
        CHECK(status == SAM2_OK || status == SAM2_ERR_MEMORY);
        if (status == SAM2_OK)
            CHECK(difference(&expected, &actual) <= 1e-3);
        done_with_less |= status == SAM2_OK;
        failed = status != SAM2_OK;
        control->memory_limit = 0;
        CHECK(track(N_OBJECTS, 3, &actual) == SAM2_OK);
        sam2_model_close(&model);
    }
    CHECK(done_with_less && failed);
    end_group("a small device");
}

// In a process of its own: a lost device stays lost.
static int lose_device(long at)
{
    const char *why = NULL;
    if (!open_cuda())
        return 1;
    control->fail_launch = at;
    CHECK(track(2, 3, NULL) == SAM2_ERR_DEVICE);
    CHECK(track(2, 3, NULL) == SAM2_ERR_DEVICE);
    sam2_model_close(&model);
    CHECK(!sam2_backend_available(SAM2_BACKEND_CUDA, &why) && strstr(why, "lost"));
    // Work goes on elsewhere.
    model = fixture_model(SAM2_BACKEND_AUTO, SIDE);
    CHECK(model && track(2, 3, NULL) == SAM2_OK);
    sam2_model_close(&model);
    return end_tests();
}

static void test_lost_device(void)
{
    for (long at = 1; at < 500; at = at * 3 + 1) {
        if (!CHECK(fixture_in_child(lose_device, at)))
            printf("lost at launch %ld\n", at);
    }
    end_group("a lost device");
}

int main(void)
{
    test_lost_device(); // before there are threads
    test_orders();
    test_half();
    test_steady();
    test_failing_memory();
    test_small_device();
    return end_tests();
}
