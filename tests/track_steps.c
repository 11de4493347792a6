// SPDX-License-Identifier: Apache-2.0
// track_steps MODEL PRECISION THREADS SIDE FRAMES LOGITS: tracks one click through FRAMES (raw RGB,
// SIDE x SIDE), a frame for each line on standard input, so that another program can be timed in
// turn. Prints the seconds of each frame and writes its low logits to LOGITS.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/sam2.h"

typedef struct Frames {
    uint8_t *rgb;
    size_t frame_size;
    int side;
} Frames;

static int get_frame(void *user, int64_t frame, uint8_t *rgb, size_t stride)
{
    const Frames *frames = user;
    memcpy(rgb, frames->rgb + (size_t)frame * frames->frame_size, frames->frame_size);
    return 0;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool read_frames(Frames *frames, const char *path, int64_t *n)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    frames->frame_size = (size_t)frames->side * (size_t)frames->side * 3;
    frames->rgb = malloc(size);
    bool ok = frames->rgb && fread(frames->rgb, 1, size, file) == size;
    fclose(file);
    *n = (int64_t)(size / frames->frame_size);
    return ok && *n > 0;
}

static Sam2Status run(Sam2Video *video, int low_side, int side, FILE *out, Sam2Error *error)
{
    const float point[2] = {(float)side / 2, (float)side / 2};
    const int label = 1;
    size_t n = (size_t)low_side * (size_t)low_side;
    float *low = malloc(n * sizeof *low);
    char line[16];
    Sam2Prompt prompt = {.points = point, .labels = &label, .n_points = 1};
    Sam2Sweep sweep = {.start = -1, .max_frames = -1};
    Sam2Status status = sam2_video_add_points(video, 0, 1, &prompt, error);
    if (status == SAM2_OK)
        status = sam2_video_sweep_start(video, &sweep, error);
    while (status == SAM2_OK && fgets(line, sizeof line, stdin)) {
        int64_t frame;
        double start = seconds();
        status = sam2_video_sweep_next(video, &frame, error);
        double time = seconds() - start;
        if (frame < 0)
            break;
        if (status == SAM2_OK)
            status = sam2_video_get_low_logits(video, frame, 1, low, error);
        fwrite(low, sizeof *low, n, out);
        fflush(out);
        printf("%.6f\n", time);
        fflush(stdout);
    }
    free(low);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: track_steps MODEL fp32|bf16 THREADS SIDE FRAMES LOGITS\n");
        return 2;
    }
    Sam2ModelParams model_params = {.path = argv[1],
                                    .precision = strcmp(argv[2], "bf16") == 0 ? SAM2_PRECISION_BF16
                                                                              : SAM2_PRECISION_F32,
                                    .n_threads = atoi(argv[3])};
    Frames frames = {.side = atoi(argv[4])};
    Sam2VideoParams params = {.width = frames.side,
                              .height = frames.side,
                              .get_frame = get_frame,
                              .user = &frames,
                              .options = sam2_video_options_parity()};
    FILE *out = fopen(argv[6], "wb");
    Sam2Model *model = NULL;
    Sam2Video *video = NULL;
    Sam2Error error = {.message = "the frames or the output cannot be opened"};
    bool ok = out && read_frames(&frames, argv[5], &params.n_frames) &&
              sam2_model_open(&model, &model_params, &error) == SAM2_OK;
    params.options.fill_hole_area = 0;
    ok = ok && sam2_video_open(&video, model, &params, &error) == SAM2_OK;
    Sam2ModelInfo info = {0};
    if (ok) {
        sam2_model_get_info(model, &info);
        printf("%s, %s\n", info.backend, info.precision == SAM2_PRECISION_BF16 ? "bf16" : "fp32");
        fflush(stdout);
    }
    ok = ok && run(video, info.image_size / 4, frames.side, out, &error) == SAM2_OK;
    if (!ok)
        fprintf(stderr, "track_steps: %s\n", error.message);
    sam2_video_close(&video);
    sam2_model_close(&model);
    free(frames.rgb);
    if (out)
        fclose(out);
    return ok ? 0 : 1;
}
