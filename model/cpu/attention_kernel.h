// SPDX-License-Identifier: Apache-2.0
// What the driver of the cpu attention and its kernels, one table per instruction set, agree on.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One head's attention of some queries over some keys, given as arrays of rows, so that tiles of a
// map need no copies. Rows are read at [offset, offset + width) and nowhere else.
typedef struct Sam2AttentionJob {
    const float *const *q; // n_q rows; when pooling 4 n_q, a query is the maximum of 4 rows
    const float *const *k; // n_k rows
    const float *const *v; // n_k rows
    float *const *dst;     // n_q rows
    int64_t n_q, n_k;      // >= 1
    int d, dv;             // widths of a head in q and k, and in v and dst; >= 1
    size_t qk_offset,
        v_offset; // where the head begins in rows of q and k, and of v and dst; floats
    bool pool;
    float scale;
} Sam2AttentionJob;

typedef struct Sam2AttentionKernels {
    int lanes;       // queries are done in multiples of this
    int max_queries; // queries that share one pass over the keys
    // Keys and values in the kernel's own form, for kernels that want them so; else NULL. They may
    // be packed by several threads in pieces; pieces start at multiples of pack_step keys.
    int pack_step;
    size_t (*packed_size)(int64_t n_k, int d, int dv);
    void (*pack)(const Sam2AttentionJob *job, int64_t first_key, int64_t n_keys, void *packed);
    // Scratch of one thread for any job of these widths. Scratch and packed are 64-byte aligned.
    size_t (*scratch_size)(int d, int dv);
    void (*run)(const Sam2AttentionJob *job, const void *packed, void *scratch);
} Sam2AttentionKernels;

extern const Sam2AttentionKernels sam2_attention_f32_avx2;
extern const Sam2AttentionKernels sam2_attention_f32_avx512;
extern const Sam2AttentionKernels sam2_attention_bf16_amx;

static inline size_t sam2_attention_align(size_t size)
{
    return (size + 63) & ~(size_t)63;
}
