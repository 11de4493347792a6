// SPDX-License-Identifier: Apache-2.0
// Makes the n-th allocation of a test program fail, and counts what is left over.
//
// Link with fail_alloc_dep (tests/meson.build): it wraps malloc, calloc, realloc, posix_memalign,
// aligned_alloc, strdup, strndup and free as the program's own objects and static libraries call
// them. Shared libraries keep the real ones.
//
//     for (long n = 1;; n++) {
//         fail_alloc_start(n, false);
//         status = do_something();
//         if (status == SAM2_OK) undo_it();
//         FailAlloc result = fail_alloc_stop();
//         CHECK(result.balance == 0);
//         if (!result.hit) break;
//         CHECK(status == SAM2_ERR_MEMORY);
//     }
#pragma once

#include <stdbool.h>

typedef struct FailAlloc {
    bool hit;     // the failing call was reached
    long n_calls; // allocations asked for
    long balance; // blocks taken minus blocks given back
} FailAlloc;

// From now on the nth allocation (1 is the next one) fails, and with all_later each one after it
// too. 0: none fails, they are only counted. Any thread counts.
void fail_alloc_start(long nth, bool all_later);
// What has happened since; from now on nothing fails. Of repeated calls each tells the same.
FailAlloc fail_alloc_stop(void);
