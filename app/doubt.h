// SPDX-License-Identifier: Apache-2.0
// How doubtful a tracked mask is, from the model's own scores and from how it fits its neighbours.
#pragma once

#include "app/value.h"

G_BEGIN_DECLS

#define MSK_DOUBT_LIMIT 0.5f // frames from here on are worth a look

// 0 (sure) to 1: the strongest of these reasons:
//   the object's score is near the border between there and not there;
//   the predicted IoU is low (not where the object is not there: then it means nothing);
//   the area is suddenly another than on the frames next to it, or the object comes or goes;
//   the object is suddenly elsewhere, measured in its own size;
//   tracking from the other side gave another mask.
// `before` and `after` are the masks on the frames next to it, NULL where there is none. Only
// masks that were measured (msk_mask_is_measured()) take part, so that this is quick: measure
// masks where they are made. Any thread.
float msk_doubt_compute(const MskTrackValue *track, const MskMask *before, const MskMask *after);

// Single reasons, 0 to 1: the object's score, the predicted IoU, the agreement of both directions.
float msk_doubt_of_score(float score);
float msk_doubt_of_iou(const MskTrackValue *track);
float msk_doubt_of_agreement(float agreement); // negative (not known): 0

G_END_DECLS
