// SPDX-License-Identifier: Apache-2.0
// What libsam2-cuda.so offers to the program that opens it.
//
// The backend is a module of its own, so that one program runs with and without NVIDIA's libraries.
#pragma once

#include "model/backend.h"

// Grows when Sam2Backend, its table or this struct change.
#define SAM2_CUDA_MODULE_ABI 4
#define SAM2_CUDA_MODULE_FILE "libsam2-cuda.so"
#define SAM2_CUDA_MODULE_SYMBOL "sam2_cuda_module"

typedef struct Sam2CudaModule {
    int abi;
    // Whether there is a device that can be used; *why (static, one sentence part) says why not.
    bool (*available)(const char **why);
    Sam2Status (*open)(Sam2Backend *be); // as sam2_cuda_open()
} Sam2CudaModule;
