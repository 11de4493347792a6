// SPDX-License-Identifier: Apache-2.0
// Stands in for the CUDA backend in builds without it.
#include "model/backend.h"

static const char reason[] = "this build has no CUDA backend";

bool sam2_cuda_available(const char **why)
{
    *why = reason;
    return false;
}

Sam2Status sam2_cuda_open(Sam2Backend *be)
{
    return sam2_fail(&be->error, SAM2_ERR_UNSUPPORTED, "%s", reason);
}
