// SPDX-License-Identifier: Apache-2.0
// bench_model MODEL [--backend B] [--precision P] [--objects N] [--frames N] [--threads N]
//             [--masks FILE]
//
// Tracks N objects through N drawn frames of 1280 x 720 and prints one line of JSON: frames a
// second, percentiles of a frame's time, a click's latency with cached features, the share of each
// stage, memory, and arithmetic a second against that of a large matrix product in the same run.
// --masks: writes the frames' low-resolution logits instead, fp32 (frame, object, S/4, S/4), for
// bench_gpu.py, which draws the same frames.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "model/video.h"

#define WIDTH 1280
#define HEIGHT 720
#define WARM_UP 60 // frames until memory is full, graphs are recorded and caches have grown

typedef struct Options {
    Sam2ModelParams model;
    const char *masks; // or NULL
    int n_objects, n_frames;
} Options;

static int get_frame(void *user, int64_t frame, uint8_t *rgb, size_t stride)
{
    const uint8_t *ground = user;
    const int cx = WIDTH / 3 + (int)(frame % 400), cy = HEIGHT / 2, radius = HEIGHT / 6;
    memcpy(rgb, ground, (size_t)HEIGHT * stride);
    for (int y = cy - radius; y < cy + radius; y++)
        for (int x = cx - radius; x < cx + radius && x < WIDTH; x++)
            if ((x - cx) * (x - cx) + (y - cy) * (y - cy) < radius * radius)
                memcpy(rgb + (size_t)y * stride + 3 * (size_t)x, (uint8_t[]){230, 120, 40}, 3);
    return 0;
}

static uint8_t *make_ground(void)
{
    uint8_t *rgb = malloc((size_t)WIDTH * HEIGHT * 3);
    for (int i = 0; rgb && i < WIDTH * HEIGHT * 3; i++)
        rgb[i] = (uint8_t)(60 + (i / 3 % WIDTH * 7 + i / 3 / WIDTH * 13) % 61);
    return rgb;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double percentile(const double *sorted, int n, double p)
{
    return n > 0 ? sorted[(int)fmin(n - 1, floor(p * n))] : 0;
}

static Sam2Status click(Sam2Video *video, int64_t frame, int object, Sam2Error *error)
{
    const float point[2] = {(float)WIDTH / 3 + 10 * (float)object, (float)HEIGHT / 2};
    const int label = 1;
    Sam2Prompt prompt = {.points = point, .labels = &label, .n_points = 1};
    return sam2_video_add_points(video, frame, object, &prompt, error);
}

// Opens a video with `objects` clicked and the sweep begun.
static Sam2Status begin(Sam2Video **out, Sam2Model *model, const Options *options, int n_frames,
                        uint8_t *ground, bool time_stages, Sam2Error *error)
{
    Sam2VideoParams params = {.width = WIDTH,
                              .height = HEIGHT,
                              .n_frames = n_frames,
                              .get_frame = get_frame,
                              .user = ground,
                              .options = sam2_video_options_default()};
    Sam2Sweep sweep = {.start = -1, .max_frames = -1};
    params.options.time_stages = time_stages;
    if (options->masks) // as the network gives them
        params.options.fill_hole_area = 0;
    Sam2Status status = sam2_video_open(out, model, &params, error);
    for (int i = 0; status == SAM2_OK && i < options->n_objects; i++)
        status = click(*out, 0, i, error);
    return status == SAM2_OK ? sam2_video_sweep_start(*out, &sweep, error) : status;
}

// Seconds of each frame behind the first `skip`.
static Sam2Status time_frames(Sam2Video *video, double *seconds, int *n, int skip, Sam2Error *error)
{
    int64_t frame = 0;
    *n = 0;
    for (int i = 0; frame >= 0; i++) {
        double start = sam2_seconds();
        SAM2_TRY(sam2_video_sweep_next(video, &frame, error));
        if (frame >= 0 && i >= skip)
            seconds[(*n)++] = sam2_seconds() - start;
    }
    return SAM2_OK;
}

static Sam2Status write_masks(Sam2Model *model, const Options *options, uint8_t *ground,
                              Sam2Error *error)
{
    const size_t side = (size_t)model->config.image_size / 4;
    float *low = malloc(side * side * sizeof *low);
    FILE *file = fopen(options->masks, "wb");
    Sam2Video *video = NULL;
    int64_t frame = 0;
    bool written = low && file;
    Sam2Status status = begin(&video, model, options, options->n_frames, ground, false, error);
    for (int i = 0; i < options->n_frames && status == SAM2_OK; i++) {
        status = sam2_video_sweep_next(video, &frame, error);
        for (int k = 0; written && status == SAM2_OK && k < options->n_objects; k++) {
            status = sam2_video_get_low_logits(video, frame, k, low, error);
            written = fwrite(low, side * side * sizeof *low, 1, file) == 1;
        }
    }
    sam2_video_close(&video);
    if (file)
        written = fclose(file) == 0 && written;
    free(low);
    if (status == SAM2_OK && !written)
        status = SAM2_ERR_IO;
    if (status == SAM2_ERR_IO)
        snprintf(error->message, sizeof error->message, "%s cannot be written", options->masks);
    return status;
}

// TFLOP a second of a large product with the precision that the model uses.
static Sam2Status measure_peak(Sam2Model *model, double *out)
{
    Sam2Backend *be = model->be;
    const int64_t n = be->kind == SAM2_BACKEND_CUDA ? 8192 : 512;
    const int64_t shape[2] = {n, n};
    Sam2Tensor x = {0}, dst = {0};
    Sam2Weight w = {0};
    *out = 0;
    Sam2Tensor host = {.dtype = SAM2_F32, .n_dims = 2, .shape = {n, n}};
    float *data = host.data = malloc((size_t)(n * n) * sizeof *data);
    if (!data)
        return sam2_fail_memory(&be->error, (size_t)(n * n) * sizeof *data);
    for (int64_t i = 0; i < n * n; i++)
        data[i] = (float)(i * 7919 % 1009) / 1009 - 0.5f;
    Sam2Status status = be->ops->weight_init(be, &w, SAM2_WEIGHT_LINEAR, &host);
    if (status == SAM2_OK)
        status = sam2_backend_alloc(be, &x, 2, shape);
    if (status == SAM2_OK)
        status = sam2_backend_alloc(be, &dst, 2, shape);
    if (status == SAM2_OK)
        status = be->ops->upload(be, x.data, data, sam2_tensor_size(&x));
    for (int i = 0; status == SAM2_OK && i < 5; i++) {
        double start = sam2_seconds();
        for (int k = 0; status == SAM2_OK && k < 10; k++)
            status = sam2_op_linear(be, &dst, &x, &w, NULL, SAM2_ACT_NONE, NULL);
        if (status == SAM2_OK)
            status = be->ops->sync(be);
        double rate = 10 * 2e-12 * (double)n * (double)n * (double)n / (sam2_seconds() - start);
        *out = i > 0 && rate > *out ? rate : *out;
    }
    be->ops->weight_free(be, &w);
    sam2_backend_release(be, &x);
    sam2_backend_release(be, &dst);
    free(data);
    return status;
}

// GFLOP a frame at 1024 x 1024; 0: not known.
static double count_gflop(const Sam2Model *model, int n_objects)
{
    static const struct {
        const char *variant;
        double trunk;
    } all[] = {{"tiny", 287}, {"small", 354}, {"base+", 641}, {"large", 1815}};
    const double self0 = 19.5, object = 421 + 4 + 12; // layer 0's self-attention is shared
    if (model->config.image_size != 1024)
        return 0;
    for (int i = 0; i < 4; i++)
        if (strcmp(model->config.variant, all[i].variant) == 0)
            return all[i].trunk + self0 + n_objects * (object - self0);
    return 0;
}

static Sam2Status run(Sam2Model *model, const Options *options, uint8_t *ground, Sam2Error *error)
{
    Sam2Backend *be = model->be;
    const int n_frames = options->n_frames;
    const int skip = n_frames > 2 * WARM_UP ? WARM_UP : n_frames / 2;
    double *seconds = malloc((size_t)n_frames * sizeof *seconds), total = 0, peak, clicks[9];
    Sam2Video *video = NULL;
    Sam2VideoStats before, stats;
    int n = 0;
    if (!seconds)
        return sam2_fail_memory(error, (size_t)n_frames * sizeof *seconds);
    Sam2Status status = begin(&video, model, options, n_frames, ground, false, error);
    if (status == SAM2_OK)
        status = time_frames(video, seconds, &n, skip, error);
    size_t free_size = 0, all_size = 0;
    if (status == SAM2_OK && be->ops->get_memory)
        status = be->ops->get_memory(be, &free_size, &all_size);
    // The last frame's features are cached: a new object is clicked on it again and again.
    for (int i = 0; status == SAM2_OK && i < 9; i++) {
        double start = sam2_seconds();
        status = click(video, n_frames - 1, 1000 + i, error);
        clicks[i] = sam2_seconds() - start;
    }
    if (status == SAM2_OK)
        sam2_video_get_stats(video, &stats);
    size_t feature_bytes = stats.feature_bytes, memory_bytes = stats.memory_bytes;
    sam2_video_close(&video);

    // Stages, waiting after each.
    const int n_staged = n_frames < 60 ? n_frames : 60, staged_skip = n_staged / 2;
    int64_t frame;
    if (status == SAM2_OK)
        status = begin(&video, model, options, n_staged, ground, true, error);
    for (int i = 0; status == SAM2_OK && i < staged_skip; i++)
        status = sam2_video_sweep_next(video, &frame, error);
    if (status == SAM2_OK) {
        sam2_video_get_stats(video, &before);
        double *unused = malloc((size_t)n_staged * sizeof *unused);
        int n_unused;
        status = unused ? time_frames(video, unused, &n_unused, n_staged, error)
                        : sam2_fail_memory(error, 0);
        free(unused);
        sam2_video_get_stats(video, &stats);
    }
    sam2_video_close(&video);
    if (status == SAM2_OK) {
        status = measure_peak(model, &peak);
        if (status != SAM2_OK)
            *error = be->error;
    }
    if (status != SAM2_OK) {
        free(seconds);
        return status;
    }
    for (int i = 0; i < n; i++)
        total += seconds[i];
    qsort(seconds, (size_t)n, sizeof *seconds, compare);
    qsort(clicks, 9, sizeof *clicks, compare);
    const double stages[] = {stats.encode_s - before.encode_s,
                             stats.attention_s - before.attention_s,
                             stats.decode_s - before.decode_s, stats.memory_s - before.memory_s};
    const double sum = fmax(stages[0] + stages[1] + stages[2] + stages[3], 1e-12);
    const double fps = n / total, rate = count_gflop(model, options->n_objects) * fps / 1000;
    printf("{\"backend\": \"%s\", \"variant\": \"%s\", \"image_size\": %d, \"precision\": \"%s\", "
           "\"objects\": %d, \"frames\": %d, \"fps\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
           "\"click_ms\": %.3f, \"stages\": {\"encode\": %.3f, \"attention\": %.3f, "
           "\"decode\": %.3f, \"memory\": %.3f}, \"tflops\": %.2f, \"peak_tflops\": %.2f, "
           "\"of_peak\": %.3f, \"feature_mib\": %.1f, \"memory_mib\": %.1f, "
           "\"device_used_mib\": %.1f}\n",
           be->name, model->config.variant, model->config.image_size,
           be->precision == SAM2_PRECISION_BF16 ? "bf16" : "fp32", options->n_objects, n, fps,
           1e3 * percentile(seconds, n, 0.5), 1e3 * percentile(seconds, n, 0.99), 1e3 * clicks[4],
           stages[0] / sum, stages[1] / sum, stages[2] / sum, stages[3] / sum, rate, peak,
           rate / peak, (double)feature_bytes / 1048576, (double)memory_bytes / 1048576,
           (double)(all_size - free_size) / 1048576);
    free(seconds);
    return SAM2_OK;
}

static int find(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static bool read_options(Options *out, int argc, char **argv)
{
    static const char *const backends[] = {"auto", "ref", "cpu", "cuda"};
    static const char *const precisions[] = {"auto", "fp32", "bf16"};
    static const Sam2BackendKind kinds[] = {SAM2_BACKEND_AUTO, SAM2_BACKEND_REF, SAM2_BACKEND_CPU,
                                            SAM2_BACKEND_CUDA};
    static const Sam2Precision values[] = {SAM2_PRECISION_AUTO, SAM2_PRECISION_F32,
                                           SAM2_PRECISION_BF16};
    *out = (Options){.n_objects = 1, .n_frames = 200};
    if (argc < 2 || argc % 2)
        return false;
    out->model.path = argv[1];
    for (int i = 2; i < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        int number = atoi(value), index = -1;
        if (strcmp(name, "--backend") == 0 && (index = find(backends, 4, value)) >= 0)
            out->model.backend = kinds[index];
        else if (strcmp(name, "--precision") == 0 && (index = find(precisions, 3, value)) >= 0)
            out->model.precision = values[index];
        else if (strcmp(name, "--objects") == 0 && number >= 1)
            out->n_objects = number;
        else if (strcmp(name, "--frames") == 0 && number >= 2)
            out->n_frames = number;
        else if (strcmp(name, "--threads") == 0 && number >= 1)
            out->model.n_threads = number;
        else if (strcmp(name, "--masks") == 0)
            out->masks = value;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    Options options;
    Sam2Model *model = NULL;
    Sam2Error error = {0};
    const char *why;
    if (!read_options(&options, argc, argv)) {
        fprintf(stderr,
                "usage: bench_model MODEL [--backend auto|ref|cpu|cuda] [--precision "
                "auto|fp32|bf16] [--objects N] [--frames N >= 2] [--threads N] [--masks FILE]\n");
        return 2;
    }
    if (!sam2_backend_available(options.model.backend, &why)) {
        fprintf(stderr, "bench_model: %s\n", why);
        return 77;
    }
    uint8_t *ground = make_ground();
    Sam2Status status = ground ? sam2_model_open(&model, &options.model, &error) : SAM2_ERR_MEMORY;
    if (status == SAM2_OK)
        status = options.masks ? write_masks(model, &options, ground, &error)
                               : run(model, &options, ground, &error);
    if (status != SAM2_OK)
        fprintf(stderr, "bench_model: %s\n", error.message);
    sam2_model_close(&model);
    free(ground);
    return status == SAM2_OK ? 0 : 1;
}
