// SPDX-License-Identifier: Apache-2.0
// What every program of Masklet does before anything else.
#include "app/startup.h"

#include <stdlib.h>
#include <unistd.h>

void msk_startup_restart_with_passive_waiting(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", argv); // where that fails, spinning is what is left
}
