// SPDX-License-Identifier: Apache-2.0
// The linker sends every allocation of the program through here.
#include "tests/support/fail_alloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static atomic_bool active, all_later;
static atomic_long n_calls, balance, fail_at;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *data);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
void __wrap_free(void *data);

void fail_alloc_start(long nth, bool later)
{
    fail_at = nth;
    all_later = later;
    n_calls = balance = 0;
    active = true;
}

FailAlloc fail_alloc_stop(void)
{
    active = false;
    return (FailAlloc){
        .hit = fail_at > 0 && n_calls >= fail_at, .n_calls = n_calls, .balance = balance};
}

static bool must_fail(void)
{
    if (!active)
        return false;
    long call = ++n_calls;
    bool fails = fail_at > 0 && (call == fail_at || (all_later && call > fail_at));
    if (fails)
        errno = ENOMEM;
    return fails;
}

static void *count(void *data)
{
    if (data && active)
        balance++;
    return data;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return must_fail() ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (must_fail())
        return NULL;
    return old ? __real_realloc(old, size) : count(__real_malloc(size));
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    if (must_fail())
        return ENOMEM;
    int result = __real_posix_memalign(out, alignment, size);
    if (result == 0)
        count(*out);
    return result;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return must_fail() ? NULL : count(__real_aligned_alloc(alignment, size));
}

char *__wrap_strndup(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    char *copy = __wrap_malloc(length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

void __wrap_free(void *data)
{
    if (data && active)
        balance--;
    __real_free(data);
}
