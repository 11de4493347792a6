// SPDX-License-Identifier: Apache-2.0
// The two halves of test_cpu_attention.
#pragma once

#include "model/cpu/cpu.h"

// Prints the speed at the shapes of SAM 2 beside that of a large matrix product of oneDNN.
void bench_cpu_attention(Sam2Backend *be, const char *isa);
