// SPDX-License-Identifier: Apache-2.0
// Timecode as it is written: counts, clocks, and clips with their own, without, and with a variable
// rate.
#include "app/timecode.h"

#include <string.h>

#include "tests/app/clips.h"
#include "tests/support/check.h"

static gboolean is_frames(int64_t n, int base, const char *text)
{
    char out[MSK_TIMECODE_SIZE];
    msk_timecode_format_frames(out, n, base);
    return strcmp(out, text) == 0;
}

static gboolean is_clock(int64_t milliseconds, const char *text)
{
    char out[MSK_TIMECODE_SIZE];
    msk_timecode_format_clock(out, milliseconds);
    return strcmp(out, text) == 0;
}

static void check_format(void)
{
    CHECK(is_frames(0, 24, "00:00:00:00"));
    CHECK(is_frames(23, 24, "00:00:00:23"));
    CHECK(is_frames(24, 24, "00:00:01:00"));
    CHECK(is_frames(25 * 3600 - 1, 25, "00:59:59:24"));
    CHECK(is_frames((int64_t)60 * 3600 * 123, 60, "123:00:00:00"));
    CHECK(is_frames(119, 120, "00:00:00:119"));
    CHECK(is_frames(-1, 24, "-00:00:00:01"));
    CHECK(is_frames(5, 1, "00:00:05:00"));
    CHECK(is_frames(INT64_MIN, 1, "-2562047788015215:30:08:00"));
    CHECK(is_clock(0, "00:00:00.000"));
    CHECK(is_clock(3599999, "00:59:59.999"));
    CHECK(is_clock(3600000, "01:00:00.000"));
    CHECK(is_clock(-1, "-00:00:00.001"));
    CHECK(is_clock(INT64_MAX, "2562047788015:12:55.807"));
    end_group("format");
}

static gboolean is_frame(MskMedia *media, int64_t n, const char *text)
{
    g_autofree char *own = msk_timecode_dup(media, n);
    return strcmp(own, text) == 0;
}

static MskMedia *open_clip(const char *name, const char *arguments, gboolean index)
{
    const char *path = clip_make(name, arguments);
    MskMedia *media = path ? msk_media_open(path, NULL, NULL, NULL) : NULL;
    if (media && index)
        CHECK(msk_media_build_index(media, MSK_INDEX_DECODE, NULL, NULL, NULL, NULL));
    return media;
}

static void check_clips(void)
{
    g_autoptr(MskMedia) plain = open_clip("plain.mp4", "TEST -r 24000/1001 -c:v libx264", FALSE);
    g_autoptr(MskMedia) own =
        open_clip("own.mov", "TEST -c:v mpeg4 -timecode 01:00:00:10 -frames:v 30", TRUE);
    g_autoptr(MskMedia) drop =
        open_clip("drop.mov", "TEST -r 30000/1001 -c:v mpeg4 -timecode 00:00:59;28", TRUE);
    g_autoptr(MskMedia) variable =
        open_clip("variable.mkv",
                  "TEST -vf \"select=lt(n\\,10)+not(mod(n\\,5))\" -vsync vfr -c:v mpeg4", TRUE);
    CHECK(plain && own && drop && variable);
    if (!plain || !own || !drop || !variable)
        return;

    CHECK(msk_timecode_get_base(plain) == 24 && msk_timecode_get_start(plain) == 0);
    CHECK(is_frame(plain, 0, "00:00:00:00") && is_frame(plain, 47, "00:00:01:23"));
    CHECK(msk_timecode_get_base(own) == 25 && msk_timecode_get_start(own) == 90010);
    CHECK(is_frame(own, 0, "01:00:00:10") && is_frame(own, 15, "01:00:01:00"));
    CHECK(msk_timecode_get_base(drop) == 30 && msk_timecode_get_start(drop) == 0);
    CHECK(is_frame(drop, 1, "00:00:59;29") && is_frame(drop, 2, "00:01:00;02"));
    CHECK(msk_timecode_get_base(variable) == 0);
    CHECK(is_frame(variable, 0, "00:00:00.000") && is_frame(variable, 5, "00:00:00.200"));
    CHECK(is_frame(variable, 12, "00:00:00.800"));
    CHECK(is_frame(NULL, 12, "12"));
    end_group("clips");
}

int main(void)
{
    check_format();
    if (!clips_begin())
        return end_tests() ? 1 : 77;
    check_clips();
    clips_end();
    return end_tests();
}
