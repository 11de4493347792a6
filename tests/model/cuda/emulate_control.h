// SPDX-License-Identifier: Apache-2.0
// What a test can see of the emulated CUDA runtime, and make fail. Found by dlsym() in the module.
#pragma once

typedef struct EmulatedControl {
    // Calls so far.
    long n_mallocs, n_frees, n_host_mallocs, n_stream_waits, n_event_waits;
    long n_launches, n_graph_launches, n_captures, n_products;
    // The n-th call from now on fails (1: the next one), and n_more behind it; 0: none.
    long fail_malloc, fail_host_malloc, n_more;
    // The n-th launch (of a kernel, a product, a graph) from now on loses the device, for good.
    long fail_launch;
    // The n-th copy to or from pinned memory in stream 2 (the third that was made) fails;
    // copy_loses: and with it the device, for good.
    long fail_copy, copy_loses;
    const void *uploaded;                        // where stream 1 was last asked to copy from
    long n_copied_in, n_copied_out, pinned_used; // in that stream; bytes
    // What was asked for, in order, a letter each: stream 0's are capital. k: a kernel or product,
    // g: a graph, i: a copy from pinned host memory, p: from other host memory, o: to host memory,
    // w: the host waits. Stream 2's copies: < out, > in. Up to n_log - 1, once log is set.
    char *log;
    long n_log;
    long memory_limit; // bytes; 0: none
    long memory_used;
} EmulatedControl;

#define EMULATED_CONTROL_SYMBOL "emulated_control"
