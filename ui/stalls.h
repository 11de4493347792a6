// SPDX-License-Identifier: Apache-2.0
// Stalls: how long the main loop was busy at a time, for benchmarks.
#pragma once

#include <glib.h>

G_BEGIN_DECLS

// From now on every iteration of the main loop that takes more than 1 ms is written to `path`, a
// line each (a stall is one of more than 16 ms): when it began (microseconds of the monotonic
// clock), how long it took, and how much of that the processor worked for it (both likewise; the
// rest it waited, or other threads and programs had the processor). With `path` NULL, to
// $MASKLET_STALLS if it is set. FALSE: nothing is measured.
gboolean msk_stalls_start(const char *path);

G_END_DECLS
