// SPDX-License-Identifier: Apache-2.0
// Timecode and clock times of frames.
#include "app/timecode.h"

#include <inttypes.h>
#include <stdio.h>

void msk_timecode_format_frames(char out[MSK_TIMECODE_SIZE], int64_t n, int base)
{
    const char *sign = n < 0 ? "-" : "";
    const uint64_t count = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    const uint64_t seconds = count / (unsigned)base;

    g_snprintf(out, MSK_TIMECODE_SIZE, "%s%02" PRIu64 ":%02u:%02u:%02u", sign, seconds / 3600,
               (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60),
               (unsigned)(count % (unsigned)base));
}

void msk_timecode_format_clock(char out[MSK_TIMECODE_SIZE], int64_t milliseconds)
{
    const char *sign = milliseconds < 0 ? "-" : "";
    const uint64_t count = milliseconds < 0 ? 0 - (uint64_t)milliseconds : (uint64_t)milliseconds;

    g_snprintf(out, MSK_TIMECODE_SIZE, "%s%02" PRIu64 ":%02u:%02u.%03u", sign, count / 3600000,
               (unsigned)(count / 60000 % 60), (unsigned)(count / 1000 % 60),
               (unsigned)(count % 1000));
}

int msk_timecode_get_base(MskMedia *media)
{
    MskMediaInfo info;

    msk_media_get_info(media, &info);
    const MskRational rate = info.frame_rate;
    if (info.is_vfr || rate.num <= 0 || rate.den <= 0 || rate.num < rate.den)
        return 0;
    return (int)(((int64_t)rate.num + rate.den / 2) / rate.den);
}

int64_t msk_timecode_get_start(MskMedia *media)
{
    g_autofree char *text = msk_media_dup_timecode(media, 0);
    const int base = msk_timecode_get_base(media);
    int hours, minutes, seconds, frames;

    if (!text || !base || sscanf(text, "%d:%d:%d:%d", &hours, &minutes, &seconds, &frames) != 4)
        return 0;
    return ((int64_t)hours * 3600 + minutes * 60 + seconds) * base + frames;
}

// Milliseconds from the start of the clip to frame n; without an index, at the rate it claims.
static int64_t find_milliseconds(MskMedia *media, int64_t n)
{
    MskMediaInfo info;

    msk_media_get_info(media, &info);
    const int64_t pts = msk_media_get_pts(media, n);
    if (pts != INT64_MIN && info.time_base.den > 0)
        return (int64_t)((__int128)(pts - info.start_pts) * 1000 * info.time_base.num /
                         info.time_base.den);
    if (info.frame_rate.num > 0 && info.frame_rate.den > 0)
        return (int64_t)((__int128)n * 1000 * info.frame_rate.den / info.frame_rate.num);
    return 0;
}

char *msk_timecode_dup(MskMedia *media, int64_t n)
{
    char text[MSK_TIMECODE_SIZE];

    if (!media)
        return g_strdup_printf("%" PRId64, n);
    char *own = msk_media_dup_timecode(media, n);
    if (own)
        return own;
    const int base = msk_timecode_get_base(media);
    if (base > 0)
        msk_timecode_format_frames(text, n, base);
    else
        msk_timecode_format_clock(text, find_milliseconds(media, n));
    return g_strdup(text);
}
