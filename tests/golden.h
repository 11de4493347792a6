// SPDX-License-Identifier: Apache-2.0
// Comparing with the tensors of the public reference.
#pragma once

#include "model/checkpoint.h"
#include "model/json.h"
#include "model/model.h"

typedef struct GoldenImage {
    uint8_t *rgb; // width * height * 3
    int width, height;
} GoldenImage;

typedef struct Golden {
    const char *dir, *frames_dir;
    Sam2Model *model;
    GoldenImage *frames;
    int n_frames;
    int n_passed, n_failed;
} Golden;

// What one scenario, or the stages, came to.
typedef struct GoldenScore {
    double worst; // largest difference over tolerance
    char worst_name[160];
    char problem[512]; // empty: none
    int n_tensors;
} GoldenScore;

// Keeps the first problem.
void golden_problem(GoldenScore *score, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void golden_compare(GoldenScore *score, const char *name, const float *expected,
                    const float *actual, int64_t n, double tolerance);
void golden_report(Golden *golden, const char *name, const GoldenScore *score);

// A file's text, NUL-terminated; NULL with a message on stderr.
char *golden_read_text(const char *path, size_t *size);
float *golden_floats(const Sam2CheckpointTensor *tensor, const char *path);

void golden_run_scenario(Golden *golden, const char *name);
void golden_run_stages(Golden *golden);
