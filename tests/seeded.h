// SPDX-License-Identifier: Apache-2.0
// Makes the seeded weights that the reference tensors were computed with.
#pragma once

#include "model/sam2.h"

// Reads `model_json` (its form and the generator are in tests/data/reference/README.md) and writes
// the weights to `out` as fp32 safetensors with the configuration in the metadata. Takes about a
// second for 80 M parameters, whose memory is never held at once.
Sam2Status seeded_write(const char *model_json, const char *out, Sam2Error *error);

// Element `index` of a tensor.
float seeded_value(const char *name, uint64_t seed, double mean, double std, uint64_t index);
