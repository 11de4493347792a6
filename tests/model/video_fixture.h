// SPDX-License-Identifier: Apache-2.0
// A micro model and drawn frames for tests of the video interface.
#pragma once

#include "model/sam2.h"

typedef struct VideoFixture {
    int width, height;
    int64_t n_frames;
    int64_t fail_at; // this frame cannot be read; -1: none
    int n_read;      // frames asked for so far
} VideoFixture;

// Writes the seeded micro 2.1 model, at another input size than its 256 if asked, to a new
// temporary file, whose path it returns. False with a message on stderr.
bool fixture_weights(char path[32], int image_size);
// Opens such a model; the file is gone already. NULL with a message on stderr.
Sam2Model *fixture_model(Sam2BackendKind backend, int image_size);
Sam2Model *fixture_model_in(Sam2BackendKind backend, Sam2Precision precision, int image_size);
// Sam2FrameFunc of a VideoFixture: a bright disc that moves over a textured ground.
int fixture_frame(void *fixture, int64_t frame, uint8_t *rgb, size_t stride);
Sam2VideoParams fixture_params(VideoFixture *fixture, Sam2VideoOptions options);
// Runs body(argument) in a process of its own, before there are threads: what it does to the module
// stays there. Whether it returned 0; if not, its status is printed.
bool fixture_in_child(int (*body)(long argument), long argument);
