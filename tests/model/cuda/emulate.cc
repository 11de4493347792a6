// SPDX-License-Identifier: Apache-2.0
// Fibers that stand for the threads of a block.
#include "tests/model/cuda/emulate.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#define STACK_SIZE ((size_t)128 << 10)
#define MAX_THREADS 1024

dim3 threadIdx, blockIdx, blockDim, gridDim;

// Who meets at a barrier.
typedef struct Group {
    int n_alive, n_arrived;
    unsigned generation;
} Group;

// A context begins a fiber; after that jumps switch, which need no system call.
typedef struct Fiber {
    ucontext_t context;
    jmp_buf at;
    bool begun, done;
} Fiber;

static struct {
    ucontext_t main;
    jmp_buf main_at;
    Fiber fibers[MAX_THREADS];
    unsigned char *stacks, *shared;
    int current;
    Group block, warps[MAX_THREADS / 32];
    unsigned char exchange[MAX_THREADS / 32][32 * 64];
    const std::function<void()> *kernel;
} state;

static void switch_to_main(void)
{
    if (!_setjmp(state.fibers[state.current].at))
        _longjmp(state.main_at, 1);
}

static void switch_to(Fiber *fiber)
{
    if (_setjmp(state.main_at))
        return;
    if (fiber->begun)
        _longjmp(fiber->at, 1);
    fiber->begun = true;
    setcontext(&fiber->context);
}

static void open_if_complete(Group *group)
{
    if (group->n_arrived > 0 && group->n_arrived == group->n_alive) {
        group->n_arrived = 0;
        group->generation++;
    }
}

static void meet(Group *group)
{
    unsigned generation = group->generation;
    group->n_arrived++;
    open_if_complete(group);
    while (group->generation == generation)
        switch_to_main();
}

static Group *own_warp(void)
{
    return &state.warps[state.current / 32];
}

void emulated_sync_block(void)
{
    meet(&state.block);
}

const unsigned char *emulated_exchange(const void *data, size_t size)
{
    unsigned char *area = state.exchange[state.current / 32];
    memcpy(area + state.current % 32 * 64, data, size);
    meet(own_warp());
    return area;
}

void emulated_end_exchange(void)
{
    meet(own_warp());
}

unsigned char *emulated_shared(void)
{
    return state.shared;
}

static void run_fiber(void)
{
    (*state.kernel)();
    state.fibers[state.current].done = true;
    state.block.n_alive--;
    open_if_complete(&state.block);
    own_warp()->n_alive--;
    open_if_complete(own_warp());
    switch_to_main();
}

static void run_block(int n, size_t shared_size)
{
    // Canaries in what kernels must not rely on.
    memset(state.shared, 0xcd, shared_size);
    state.block = Group{n, 0, 0};
    for (int i = 0; i < (n + 31) / 32; i++)
        state.warps[i] = Group{n - i * 32 < 32 ? n - i * 32 : 32, 0, 0};
    for (int i = 0; i < n; i++) {
        Fiber *fiber = &state.fibers[i];
        fiber->begun = fiber->done = false;
        getcontext(&fiber->context);
        fiber->context.uc_stack.ss_sp = state.stacks + (size_t)i * STACK_SIZE;
        fiber->context.uc_stack.ss_size = STACK_SIZE;
        fiber->context.uc_link = &state.main;
        makecontext(&fiber->context, run_fiber, 0);
    }
    for (int left = n; left > 0;) {
        for (int i = 0; i < n; i++) {
            if (state.fibers[i].done)
                continue;
            state.current = i;
            threadIdx = dim3(i % (int)blockDim.x, i / (int)blockDim.x, 0);
            switch_to(&state.fibers[i]);
            left -= state.fibers[i].done;
        }
    }
}

void emulated_run(dim3 grid, dim3 block, size_t shared_size, const std::function<void()> &kernel)
{
    const int n = (int)(block.x * block.y * block.z);
    if (n > MAX_THREADS || shared_size > 227 * 1024)
        abort();
    if (!state.stacks)
        state.stacks = (unsigned char *)malloc(MAX_THREADS * STACK_SIZE);
    // Of its own, so that a sanitizer sees what lies outside.
    if (posix_memalign((void **)&state.shared, 128, shared_size ? shared_size : 1))
        abort();
    state.kernel = &kernel;
    gridDim = grid;
    blockDim = block;
    for (unsigned z = 0; z < grid.z; z++) {
        for (unsigned y = 0; y < grid.y; y++) {
            for (unsigned x = 0; x < grid.x; x++) {
                blockIdx = dim3(x, y, z);
                run_block(n, shared_size);
            }
        }
    }
    free(state.shared);
}
