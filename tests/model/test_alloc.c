// SPDX-License-Identifier: Apache-2.0
// The n-th allocation fails, for n = 1, 2, 3, ...: every call says so or succeeds, nothing leaks
// (under the address sanitizer) and the objects can still be used.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/model/video_fixture.h"
#include "tests/support/check.h"
#include "tests/support/fail_alloc.h"

#define SIZE 64
#define LOW (SIZE / 4)

static char path[32];
static Sam2Model *model, *ref;
static VideoFixture fixture = {40, 30, 3, -1, 0};

static Sam2Status open_model(void)
{
    Sam2Model *opened = NULL;
    Sam2ModelParams params = {.path = path,
                              .backend = model ? SAM2_BACKEND_AUTO : SAM2_BACKEND_REF,
                              .precision = SAM2_PRECISION_F32,
                              .n_threads = 1};
    Sam2Error error;
    Sam2Status status = sam2_model_open(&opened, &params, &error);
    CHECK((status == SAM2_OK) == (opened != NULL));
    sam2_model_close(&opened);
    return status;
}

static Sam2Status fill_video(Sam2Video *video)
{
    const float points[4] = {10, 15, 5, 5}, box[4] = {5, 5, 20, 25};
    const int labels[2] = {1, 0};
    uint8_t mask[100];
    memset(mask, 1, sizeof mask);
    Sam2Prompt clicks = {.points = points, .labels = labels, .n_points = 2};
    Sam2Prompt boxed = {.box = box};
    Sam2Status status = sam2_video_add_points(video, 0, 1, &clicks, NULL);
    if (status == SAM2_OK)
        status = sam2_video_add_points(video, 1, 1, &boxed, NULL);
    if (status == SAM2_OK)
        status = sam2_video_add_mask(video, 1, 2, mask, 10, 10, NULL);
    return status;
}

static Sam2Status run_sweep(Sam2Video *video)
{
    Sam2Sweep sweep = {.start = -1, .max_frames = -1};
    Sam2Status status = sam2_video_sweep_start(video, &sweep, NULL);
    int64_t frame = 0;
    while (status == SAM2_OK && frame >= 0)
        status = sam2_video_sweep_next(video, &frame, NULL);
    return status;
}

static int objects_at_once = 1;

static Sam2Status use_video(void)
{
    Sam2Video *video = NULL;
    Sam2VideoOptions options = sam2_video_options_default();
    options.feature_cache_size = 0;
    options.non_overlap_masks = true;
    options.max_objects_at_once = objects_at_once;
    Sam2VideoParams params = fixture_params(&fixture, options);
    Sam2Status status = sam2_video_open(&video, model, &params, NULL);
    if (status != SAM2_OK)
        return status;
    float low[LOW * LOW];
    uint8_t full[40 * 30];
    void *data = NULL;
    size_t size = 0;
    status = fill_video(video);
    if (status == SAM2_OK)
        status = run_sweep(video);
    if (status == SAM2_OK)
        status = sam2_video_get_low_logits(video, 2, 1, low, NULL);
    if (status == SAM2_OK)
        status = sam2_video_get_mask(video, 2, 1, full, NULL);
    if (status == SAM2_OK)
        status = sam2_video_save(video, &data, &size, NULL);
    if (status == SAM2_OK)
        status = sam2_video_restore(video, data, size, NULL);
    sam2_free(data);
    data = NULL;
    if (status == SAM2_OK)
        status = sam2_video_save_object(video, 1, &data, &size, NULL);
    if (status == SAM2_OK)
        status = sam2_video_restore_object(video, 5, data, size, NULL);
    // Whatever failed: the same video works now that there is memory again.
    static int n_failures;
    if (status != SAM2_OK && n_failures++ % 8 == 0) {
        sam2_video_reset(video);
        CHECK(fill_video(video) == SAM2_OK && run_sweep(video) == SAM2_OK);
    }
    sam2_free(data);
    sam2_video_close(&video);
    return status;
}

static Sam2Status use_image(void)
{
    Sam2Image *image = NULL;
    uint8_t rgb[40 * 30 * 3];
    float full[40 * 30];
    const float box[4] = {5, 5, 20, 25};
    Sam2ImagePrompt prompt = {.box = box, .multimask = true};
    Sam2ImageResult result;
    fixture_frame(&fixture, 0, rgb, 40 * 3);
    Sam2Status status = sam2_image_open(&image, model, NULL);
    if (status == SAM2_OK)
        status = sam2_image_set(image, rgb, 40, 30, 40 * 3, NULL);
    if (status == SAM2_OK)
        status = sam2_image_predict(image, &prompt, &result, NULL);
    if (status == SAM2_OK)
        status = sam2_image_get_logits(image, 2, full, NULL);
    sam2_image_close(&image);
    return status;
}

// Fails one allocation after the other until `run` meets none any more.
static void exhaust(const char *name, Sam2Status (*run)(void))
{
    long n = 0;
    CHECK(run() == SAM2_OK);
    for (bool hit = true; hit;) {
        fail_alloc_start(++n, false);
        Sam2Status status = run();
        FailAlloc result = fail_alloc_stop();
        hit = result.hit;
        // Other backends keep scratch memory until the model is closed.
        bool balanced = result.balance == 0 || (model && model != ref);
        // Several objects that cannot be tracked at once are tracked one by one.
        bool recovered = objects_at_once > 1 && status == SAM2_OK;
        if (!CHECK(balanced && (recovered || status == (hit ? SAM2_ERR_MEMORY : SAM2_OK))))
            printf("%s: allocation %ld: status %d, balance %ld\n", name, n, status, result.balance);
    }
    printf("%ld allocations; ", n - 1);
    end_group(name);
}

int main(void)
{
    if (!fixture_weights(path, SIZE))
        return 1;
    exhaust("open a model (ref)", open_model);
    model = ref = fixture_model(SAM2_BACKEND_REF, SIZE);
    exhaust("a video (ref)", use_video);
    objects_at_once = 2;
    exhaust("a video (ref), two objects at once", use_video);
    objects_at_once = 1;
    exhaust("an image (ref)", use_image);
    sam2_model_close(&model);
    ref = NULL;
    model = fixture_model(SAM2_BACKEND_AUTO, SIZE);
    exhaust("open a model (best backend)", open_model);
    exhaust("a video (best backend)", use_video);
    exhaust("an image (best backend)", use_image);
    sam2_model_close(&model);
    unlink(path);
    return end_tests();
}
