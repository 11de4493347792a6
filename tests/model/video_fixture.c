// SPDX-License-Identifier: Apache-2.0
// A micro model and drawn frames.
#include "tests/model/video_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/seeded.h"

static bool temporary(char *path)
{
    int fd = mkstemp(path);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

// model.json with another input size: no weight's shape depends on it.
static bool write_json(const char *from, const char *to, int image_size)
{
    static const char key[] = "\"image_size\":";
    static char text[1 << 20];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
    text[n] = 0;
    char *at = strstr(text, key);
    bool ok = out && at;
    if (ok) {
        at += strlen(key);
        fprintf(out, "%.*s %d%s", (int)(at - text), text, image_size,
                at + strspn(at, " 0123456789"));
    }
    if (in)
        fclose(in);
    return out && fclose(out) == 0 && ok;
}

bool fixture_weights(char path[32], int image_size)
{
    const char *json = getenv("MICRO_MODEL_JSON");
    char sized[] = "/tmp/masklet-json-XXXXXX";
    Sam2Error error = {0};
    strcpy(path, "/tmp/masklet-micro-XXXXXX");
    if (!json || !temporary(path) || !temporary(sized)) {
        fprintf(stderr, "MICRO_MODEL_JSON must name tests/data/reference/micro-2.1/model.json\n");
        return false;
    }
    bool ok = write_json(json, sized, image_size) && seeded_write(sized, path, &error) == SAM2_OK;
    if (!ok)
        fprintf(stderr, "%s: %s\n", json, error.message);
    unlink(sized);
    return ok;
}

Sam2Model *fixture_model(Sam2BackendKind backend, int image_size)
{
    return fixture_model_in(backend, SAM2_PRECISION_F32, image_size);
}

Sam2Model *fixture_model_in(Sam2BackendKind backend, Sam2Precision precision, int image_size)
{
    char path[32];
    Sam2Error error = {0};
    Sam2Model *model = NULL;
    if (!fixture_weights(path, image_size))
        return NULL;
    Sam2ModelParams params = {
        .path = path, .backend = backend, .precision = precision, .n_threads = 2};
    if (sam2_model_open(&model, &params, &error) != SAM2_OK)
        fprintf(stderr, "%s\n", error.message);
    unlink(path);
    return model;
}

int fixture_frame(void *user, int64_t frame, uint8_t *rgb, size_t stride)
{
    VideoFixture *fixture = user;
    fixture->n_read++;
    if (frame == fixture->fail_at)
        return -1;
    int cx = fixture->width / 4 + (int)(frame % 50) * 3, cy = fixture->height / 2;
    int radius = fixture->height / 5 + 1;
    for (int y = 0; y < fixture->height; y++) {
        uint8_t *row = rgb + (size_t)y * stride;
        for (int x = 0; x < fixture->width; x++) {
            int dx = x - cx, dy = y - cy;
            bool inside = dx * dx + dy * dy < radius * radius;
            int ground = (x * 7 + y * 13 + (int)frame) % 61 + 60;
            row[3 * x] = (uint8_t)(inside ? 230 : ground);
            row[3 * x + 1] = (uint8_t)(inside ? 120 : ground + 20);
            row[3 * x + 2] = (uint8_t)(inside ? 40 : ground / 2);
        }
    }
    return 0;
}

Sam2VideoParams fixture_params(VideoFixture *fixture, Sam2VideoOptions options)
{
    return (Sam2VideoParams){.width = fixture->width,
                             .height = fixture->height,
                             .n_frames = fixture->n_frames,
                             .get_frame = fixture_frame,
                             .user = fixture,
                             .options = options};
}

bool fixture_in_child(int (*body)(long argument), long argument)
{
    fflush(stdout);
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(body(argument));
    bool waited = child > 0 && waitpid(child, &status, 0) == child;
    if (waited && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    printf("the process ended with status %x\n", (unsigned)status);
    return false;
}
