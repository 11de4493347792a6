// SPDX-License-Identifier: Apache-2.0
// What every program of Masklet does before anything else.
#pragma once

// OpenMP's threads spin while they wait, and read whether they should not before main() starts. On
// a machine that does anything else, a frame of a small model then takes several times as long. So
// the program starts itself again, once, with waiting that sleeps, unless the user has chosen. Call
// it first in main(), before there are threads.
void msk_startup_restart_with_passive_waiting(char **argv);
