// SPDX-License-Identifier: Apache-2.0
// What every program of Masklet does before anything else, and where its data files are.
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

char *msk_startup_find_data(const char *name)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *bin = g_path_get_dirname(program ? program : "/");
    g_autofree char *beside = g_canonicalize_filename("../share/masklet", bin);
    const char *const folders[] = {beside, MSK_SOURCE_DATA_DIR, MSK_DATA_DIR};
    for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(folders[i], name, NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&path);
    }
    return NULL;
}
