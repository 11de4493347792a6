// SPDX-License-Identifier: Apache-2.0
// Filling a Sam2Error.
#include "model/status.h"

#include <stdarg.h>
#include <stdio.h>

Sam2Status(sam2_fail)(Sam2Error *error, Sam2Status status, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        vsnprintf(error->message, sizeof error->message, format, args);
        va_end(args);
        error->status = status;
    }
    return status;
}

Sam2Status(sam2_fail_memory)(Sam2Error *error, size_t size)
{
    return sam2_fail(error, SAM2_ERR_MEMORY, "out of memory: %.1f MiB could not be had",
                     (double)size / (1024.0 * 1024.0));
}

const char *sam2_status_name(Sam2Status status)
{
    switch (status) {
    case SAM2_OK:
        return "ok";
    case SAM2_ERR_ARGUMENT:
        return "invalid argument";
    case SAM2_ERR_MEMORY:
        return "out of memory";
    case SAM2_ERR_IO:
        return "input/output error";
    case SAM2_ERR_FORMAT:
        return "damaged or unknown file";
    case SAM2_ERR_UNSUPPORTED:
        return "not supported";
    case SAM2_ERR_SHAPE:
        return "unexpected tensor";
    case SAM2_ERR_BACKEND:
        return "backend failure";
    case SAM2_ERR_DEVICE:
        return "the device was lost";
    case SAM2_ERR_FRAME:
        return "frame could not be read";
    }
    return "unknown status";
}
