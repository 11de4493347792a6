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
    long memory_limit; // bytes; 0: none
    long memory_used;
} EmulatedControl;

#define EMULATED_CONTROL_SYMBOL "emulated_control"
