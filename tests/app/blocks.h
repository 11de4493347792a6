// SPDX-License-Identifier: Apache-2.0
// How long the main loop was busy at a time, for benchmarks of what threads should do.
#pragma once

#include <glib.h>

// Runs the main loop until *done is there; returns the longest time, in ms, that it did not wait
// for events since blocks_begin().
void blocks_begin(void);
double blocks_end(gpointer *done);
