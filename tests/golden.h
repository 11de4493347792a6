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
    bool rounded; // products in bf16: see tests/README.md for what is compared then
    int n_passed, n_failed;
} Golden;

// Of what is compared in bf16. Logits: mean (rms) difference over their deviation; as much as
// PyTorch's autocast differs from its own fp32 on the micro model (2.6 to 24 %), since seeded
// weights amplify rounding (test_rounded.py holds trained ones to 2 %). Masks: 1 - IoU, without
// pixels whose logit is that share of the range from zero.
#define GOLDEN_ROUNDED_LOGITS 0.24
#define GOLDEN_ROUNDED_MASKS 0.02

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
void golden_compare_rounded(GoldenScore *score, const char *name, const float *expected,
                            const float *actual, int64_t n);
void golden_compare_masks(GoldenScore *score, const char *name, const float *expected,
                          const float *actual, int64_t n);
// Standard deviation; of one value its size.
double golden_deviation(const float *values, int64_t n);
void golden_report(Golden *golden, const char *name, const GoldenScore *score);

// A file's text, NUL-terminated; NULL with a message on stderr.
char *golden_read_text(const char *path, size_t *size);
float *golden_floats(const Sam2CheckpointTensor *tensor, const char *path);

void golden_run_scenario(Golden *golden, const char *name);
void golden_run_stages(Golden *golden);
