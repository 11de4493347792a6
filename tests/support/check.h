// SPDX-License-Identifier: Apache-2.0
// Counting checks: one line per group, a total at the end.
#pragma once

#include <stdbool.h>
#include <stdio.h>

static int n_passed, n_failed, n_in_group, n_failed_in_group;

static inline bool check_that(bool ok, const char *file, int line, const char *what)
{
    n_in_group++;
    if (ok) {
        n_passed++;
        return true;
    }
    n_failed++;
    n_failed_in_group++;
    printf("%s:%d: failed: %s\n", file, line, what);
    return false;
}

#define CHECK(condition) check_that((condition), __FILE__, __LINE__, #condition)

static inline void end_group(const char *name)
{
    printf("%s: %s (%d checks)\n", name, n_failed_in_group ? "FAILED" : "ok", n_in_group);
    fflush(stdout);
    n_in_group = n_failed_in_group = 0;
}

static inline int end_tests(void)
{
    printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed > 0;
}
