// SPDX-License-Identifier: Apache-2.0
// A drawn clip for measuring: discs that move over a pattern, of any size.
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

// Draws frame n with `n_discs` discs as height rows of RGB.
void bench_clip_draw(uint8_t *rgb, int width, int height, int64_t n, int n_discs);

// Where disc `i` is on frame n.
void bench_clip_centre(int width, int height, int64_t n, int i, double *x, double *y);

// Writes the clip's first `n_frames` frames as a video (H.264 if there is an encoder, else MPEG-4)
// to `path` (Matroska). *codec (static) names what was used.
gboolean bench_clip_write(const char *path, int width, int height, int64_t n_frames, int n_discs,
                          const char **codec, GError **error);

G_END_DECLS
