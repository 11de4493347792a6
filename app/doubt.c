// SPDX-License-Identifier: Apache-2.0
// Doubt: each reason is mapped to 0..1 so that MSK_DOUBT_LIMIT is where it deserves a look.
#include "app/doubt.h"

#include <math.h>

// 0 at `sure`, 1 at `doubtful`, straight in between.
static float ramp(float value, float sure, float doubtful)
{
    float at = (value - sure) / (doubtful - sure);
    return at > 0 ? fminf(at, 1) : 0; // NaN: 0
}

// Tracked objects score some 3 to 20, lost ones -3 to -20; the border is 0.
float msk_doubt_of_score(float score)
{
    return ramp(fabsf(score), 2.0f, 0.0f);
}

float msk_doubt_of_iou(const MskTrackValue *track)
{
    return track->result->object_score > 0 ? ramp(track->result->iou, 0.9f, 0.5f) : 0;
}

float msk_doubt_of_agreement(float agreement)
{
    return agreement >= 0 ? ramp(agreement, 0.9f, 0.5f) : 0;
}

static float get_distance(const MskRect *a, const MskRect *b)
{
    float dx = ((float)a->x + (float)a->width / 2) - ((float)b->x + (float)b->width / 2);
    float dy = ((float)a->y + (float)a->height / 2) - ((float)b->y + (float)b->height / 2);
    return sqrtf(dx * dx + dy * dy);
}

// Small masks change by large ratios at the flip of a few pixels: areas count from this on.
#define AREA_FLOOR 64.0f

static float doubt_of_step(const MskMask *mask, const MskMask *neighbour)
{
    if (!neighbour || !msk_mask_is_measured(neighbour) || !msk_mask_is_measured(mask))
        return 0;
    MskRect here, there;
    gboolean is_here = msk_mask_get_bounds(mask, &here);
    gboolean is_there = msk_mask_get_bounds(neighbour, &there);
    float area = (float)msk_mask_get_area(mask), other = (float)msk_mask_get_area(neighbour);
    if (!is_here && !is_there)
        return 0;
    // A speck that comes or goes is as good as nothing; anything larger gets flagged.
    float ratio = (fmaxf(area, other) + AREA_FLOOR) / (fminf(area, other) + AREA_FLOOR);
    float doubt = ramp(logf(ratio), logf(1.25f), logf(2.56f)); // the limit is a factor of 1.8
    if (is_here && is_there) {
        // Of the smaller box: a mask that jumps between two things is off by more than its size.
        float size = sqrtf(fminf((float)here.width * (float)here.height,
                                 (float)there.width * (float)there.height));
        float moved = get_distance(&here, &there) / fmaxf(size, 8);
        doubt = fmaxf(doubt, ramp(moved, 0.25f, 1.25f));
    }
    return doubt;
}

float msk_doubt_compute(const MskTrackValue *track, const MskMask *before, const MskMask *after)
{
    const MskMask *mask = track->result->mask;
    float doubt = msk_doubt_of_score(track->result->object_score);
    doubt = fmaxf(doubt, msk_doubt_of_iou(track));
    doubt = fmaxf(doubt, msk_doubt_of_agreement(track->agreement));
    doubt = fmaxf(doubt, doubt_of_step(mask, before));
    return fmaxf(doubt, doubt_of_step(mask, after));
}
