// SPDX-License-Identifier: Apache-2.0
// Small seeded models and a drawn clip, for tests of what stands on the engine.
//
// Models run on the ref backend with one thread, so that the thread sanitizer sees all that goes
// on.
#pragma once

#include "app/engine.h"

#define ENGINE_WIDTH 64
#define ENGINE_HEIGHT 48

// Paths: a micro model, one with a smaller input, and one of the same sizes as that with other
// weights.
extern char *engine_model, *engine_smaller_model, *engine_other_model;

// From the micro model's JSON. FALSE when they cannot be written.
gboolean engine_make_models(const char *json);
void engine_remove_models(void);

// MskFrameSource.get_rgb: a bright disc that moves to the right. `user` is an int, the frame that
// cannot be read ("frame N is bad"), -1: none.
gboolean engine_get_rgb_cb(gpointer user, int64_t frame, uint8_t *rgb, size_t stride,
                           GError **error);

// Waiting for an answer: engine_done_cb stores it, engine_wait() iterates until it is there.
void engine_done_cb(GObject *object, GAsyncResult *result, gpointer user);
GAsyncResult *engine_wait(GAsyncResult **result);

gboolean engine_open_model(MskEngine *engine, const char *path, MskModelInfo *out, GError **error);
MskResult *engine_click(MskEngine *engine, MskVideo *video, int64_t frame, double x, double y,
                        MskResult *previous, GError **error);
// Same mask and scores; NULLs are not.
gboolean engine_equal(const MskResult *a, const MskResult *b);
