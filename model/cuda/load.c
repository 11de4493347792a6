// SPDX-License-Identifier: Apache-2.0
// Finds the CUDA backend's module and opens it, once.
#include "model/cuda/module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const Sam2CudaModule *module; // NULL: `reason` says why
static char reason[512];

static void *try_file(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle && !reason[0])
        snprintf(reason, sizeof reason, "the CUDA backend cannot be loaded: %s", dlerror());
    return handle;
}

// $SAM2_CUDA_MODULE alone if it is set; else where it was built or installed, else where the system
// looks for libraries.
static void *find_file(void)
{
    const char *path = getenv("SAM2_CUDA_MODULE");
    if (path && *path)
        return try_file(path);
    void *handle = NULL;
    static const char *const folders[] = {SAM2_CUDA_MODULE_FOLDERS, NULL};
    for (int i = 0; folders[i] && !handle; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/" SAM2_CUDA_MODULE_FILE, folders[i]);
        FILE *there = fopen(file, "rb"); // of files that are there, the reason is worth telling
        if (!there)
            continue;
        fclose(there);
        handle = try_file(file);
    }
    if (!handle && !reason[0]) {
        handle = dlopen(SAM2_CUDA_MODULE_FILE, RTLD_NOW | RTLD_LOCAL);
        if (!handle)
            snprintf(reason, sizeof reason,
                     "the CUDA backend (" SAM2_CUDA_MODULE_FILE ") is not installed");
    }
    return handle;
}

static void load(void)
{
    void *handle = find_file(); // never closed: CUDA does not like to be unloaded
    if (!handle)
        return;
    module = dlsym(handle, SAM2_CUDA_MODULE_SYMBOL);
    if (!module || module->abi != SAM2_CUDA_MODULE_ABI) {
        module = NULL;
        snprintf(reason, sizeof reason,
                 SAM2_CUDA_MODULE_FILE " belongs to another version of this program");
    }
}

bool sam2_cuda_available(const char **why)
{
    pthread_once(&once, load);
    if (module)
        return module->available(why);
    *why = reason;
    return false;
}

Sam2Status sam2_cuda_open(Sam2Backend *be)
{
    const char *why;
    if (!sam2_cuda_available(&why))
        return sam2_fail(&be->error, SAM2_ERR_UNSUPPORTED, "%s", why);
    return module->open(be);
}
