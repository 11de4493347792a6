// SPDX-License-Identifier: Apache-2.0
// Small clips made by the ffmpeg command in a folder of their own, and what it says of them.
#pragma once

#include <glib.h>
#include <stdint.h>

#include "app/media.h"

// Makes the folder. FALSE when there is no ffmpeg or ffprobe: the test is to be skipped.
gboolean clips_begin(void);
void clips_end(void); // removes the folder

// Path of a name in the folder; lives until clips_end().
const char *clip_path(const char *name);
// "ffmpeg ARGUMENTS NAME" in the folder; the path, or NULL with a line printed when it fails.
// "TEST" in the arguments becomes a moving test picture of 2 s, 160x120, 25 frames per second.
const char *clip_make(const char *name, const char *arguments);
// Writes bytes to a file; the path.
const char *clip_write(const char *name, const void *bytes, size_t size);
// Copies the first `fraction` of a file.
const char *clip_truncate(const char *name, const char *from, double fraction);

// The decoded pictures of the first video stream in their own pixel format and coded orientation,
// one after the other; `options` go before the input ("-c:v libvpx-vp9").
GBytes *clip_decode(const char *path, const char *options);
// What "ffmpeg BEFORE -i PATH AFTER -" writes.
GBytes *clip_convert(const char *path, const char *before, const char *after);
// best_effort_timestamp of every frame, as ffprobe has it; int64_t, INT64_MIN where it has none.
GArray *clip_stamps(const char *path);
// ffprobe's answer for one entry of the first video stream ("stream=nb_read_frames").
char *clip_probe(const char *path, const char *options, const char *entry);

// Bytes of the frame's picture as decoded, without padding.
GBytes *clip_frame_bytes(const MskFrame *frame);
