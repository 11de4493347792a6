// SPDX-License-Identifier: Apache-2.0
// Sizes of the blocks of attention on tensor cores.
#pragma once

#include "model/cuda/kernels.h"

#define SAM2_FLASH_QUERIES 64 // of a block: 16 for each of 4 warps
#define SAM2_FLASH_KEYS 64    // of a step, where shared memory allows; splits are multiples of it
