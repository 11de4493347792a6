// SPDX-License-Identifier: Apache-2.0
// How a frame's place in time is written: timecode where frames can be counted, else the clock.
//
// Any thread.
#pragma once

#include "app/media.h"

G_BEGIN_DECLS

// Frame n of a clip: the file's own timecode (msk_media_dup_timecode()); without one, counted from
// 00:00:00:00 at the clip's rate rounded to whole frames (no frame numbers dropped); with a
// variable rate, or less than a frame a second, the time since the start, 00:00:00.000.
// NULL media: the frame number. g_free() it.
char *msk_timecode_dup(MskMedia *media, int64_t n);

// Frame numbers that a second of the timecode has (24 for 23.976 frames/s); 0: it shows the clock.
int msk_timecode_get_base(MskMedia *media);
// How many frames after midnight the timecode of frame 0 is, as it counts; 0 for the clock and for
// timecode that drops numbers.
int64_t msk_timecode_get_start(MskMedia *media);

#define MSK_TIMECODE_SIZE 32
// "HH:MM:SS:FF" of a count of frames, base > 0; negative ones have a minus sign. Hours may have
// more digits.
void msk_timecode_format_frames(char out[MSK_TIMECODE_SIZE], int64_t n, int base);
// "HH:MM:SS.mmm"
void msk_timecode_format_clock(char out[MSK_TIMECODE_SIZE], int64_t milliseconds);

G_END_DECLS
