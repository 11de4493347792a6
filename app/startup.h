// SPDX-License-Identifier: Apache-2.0
// What every program of Masklet does before anything else, and where its data files are.
#pragma once

#include <glib.h>

G_BEGIN_DECLS

// OpenMP's threads spin while they wait, and read whether they should not before main() starts. On
// a machine that does anything else, a frame of a small model then takes several times as long. So
// the program starts itself again, once, with waiting that sleeps, unless the user has chosen. Call
// it first in main(), before there are threads.
void msk_startup_restart_with_passive_waiting(char **argv);

// A file that comes with the program ("sample/sample.mp4"): beside it, wherever it was installed
// to, else in the source tree. g_free() it; NULL: it is not there.
char *msk_startup_find_data(const char *name);

G_END_DECLS
