// SPDX-License-Identifier: Apache-2.0
// Telling a constant frame rate from a variable one by integer time stamps.
#include "app/media_private.h"

#include <libavutil/mathematics.h>

// Whether every frame is where `rate` puts it, to one tick (rounded time stamps).
static gboolean fits(const int64_t *pts, int64_t n_frames, AVRational time_base, AVRational rate)
{
    if (rate.num <= 0 || rate.den <= 0)
        return FALSE;
    for (int64_t i = 1; i < n_frames; i++) {
        int64_t off = pts[i] - pts[0], expected = av_rescale_q(i, av_inv_q(rate), time_base);
        if (__builtin_sub_overflow(off, expected, &off) || off < -1 || off > 1)
            return FALSE;
    }
    return TRUE;
}

// `n_steps` frames in `span` ticks as a reduced fraction, 0/1 when that is not possible.
static AVRational rate_of_span(int64_t n_steps, int64_t span, AVRational time_base)
{
    AVRational rate = {0, 1};
    int64_t num, den;

    if (span > 0 && !__builtin_mul_overflow((int64_t)time_base.den, n_steps, &num) &&
        !__builtin_mul_overflow((int64_t)time_base.num, span, &den))
        av_reduce(&rate.num, &rate.den, num, den, INT_MAX);
    return rate;
}

gboolean msk_rate_find(const int64_t *pts, int64_t n_frames, int64_t last_duration,
                       AVRational time_base, const AVRational *guesses, int n_guesses,
                       MskRational *rate)
{
    const int64_t span = n_frames > 1 ? pts[n_frames - 1] - pts[0] : last_duration;
    const int64_t n_steps = MAX(n_frames - 1, 1);
    const AVRational mean = rate_of_span(n_steps, span, time_base);
    const gboolean is_even = span > 0 && span % n_steps == 0;
    AVRational candidates[8];
    int n = 0;

    // Even steps of many ticks are the rate itself. Else the stamps may be rounded: the claims of
    // the container come first, then common rates.
    if (is_even && span / n_steps >= 100)
        candidates[n++] = mean;
    for (int i = 0; i < MIN(n_guesses, 4); i++)
        candidates[n++] = guesses[i];
    if (is_even)
        candidates[n++] = mean;
    const double per_second = mean.num > 0 ? av_q2d(mean) : 0;
    if (per_second > 0.5 && per_second < 1e6) {
        candidates[n++] = (AVRational){(int)(per_second + 0.5), 1};
        candidates[n++] = (AVRational){(int)(per_second * 1.001 + 0.5) * 1000, 1001};
    }
    for (int i = 0; i < n; i++) {
        if (candidates[i].num > 0 && candidates[i].den > 0 &&
            fits(pts, n_frames, time_base, candidates[i])) {
            *rate = (MskRational){candidates[i].num, candidates[i].den};
            return TRUE;
        }
    }
    *rate = (MskRational){mean.num, mean.den};
    return FALSE;
}
