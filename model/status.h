// SPDX-License-Identifier: Apache-2.0
// Filling a Sam2Error, and passing a status on.
#pragma once

#include "model/sam2.h"

// Stores the status and the formatted message in *error (may be NULL) and returns the status.
Sam2Status sam2_fail(Sam2Error *error, Sam2Status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// SAM2_ERR_MEMORY with the size that could not be had.
Sam2Status sam2_fail_memory(Sam2Error *error, size_t size);

// The status spelled out, so that the compiler sees that these never return SAM2_OK.
#define sam2_fail(error, status, ...)                                                              \
    __extension__({                                                                                \
        sam2_fail(error, status, __VA_ARGS__);                                                     \
        (status);                                                                                  \
    })
#define sam2_fail_memory(error, size)                                                              \
    __extension__({                                                                                \
        sam2_fail_memory(error, size);                                                             \
        SAM2_ERR_MEMORY;                                                                           \
    })

// The published word for a status: "out of memory", ...
const char *sam2_status_name(Sam2Status status);

#define SAM2_TRY(expression)                                                                       \
    do {                                                                                           \
        Sam2Status try_status_ = (expression);                                                     \
        if (try_status_ != SAM2_OK)                                                                \
            return try_status_;                                                                    \
    } while (0)

// As SAM2_TRY, for functions that clean up behind a `fail:` label and return `status`.
#define SAM2_TRY_FAIL(expression)                                                                  \
    do {                                                                                           \
        status = (expression);                                                                     \
        if (status != SAM2_OK)                                                                     \
            goto fail;                                                                             \
    } while (0)
