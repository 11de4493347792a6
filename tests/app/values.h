// SPDX-License-Identifier: Apache-2.0
// Random document values for tests.
#pragma once

#include "app/value.h"

// A mask of a random blob at frame size, BITS or LOGITS; now and then an empty one.
MskMask *random_bits(GRand *rand, int width, int height);
MskMask *random_logits(GRand *rand, int grid, int width, int height);
// A value of the kind for a frame of width x height, all its fields random within their limits.
MskValue *random_value(GRand *rand, MskCellKind kind, int64_t frame, int width, int height);
