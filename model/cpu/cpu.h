// SPDX-License-Identifier: Apache-2.0
// What the files of the cpu backend share: its state, scratch memory and operations.
#pragma once

#include "model/backend.h"

// Sets of kernels, each built from the same sources for its instructions; see kernel.h.
typedef enum Sam2CpuIsa {
    SAM2_CPU_AVX2,        // AVX2, FMA
    SAM2_CPU_AVX512,      // AVX-512 F, BW, DQ, VL
    SAM2_CPU_AVX512_BF16, // and BF16
    SAM2_CPU_AMX,         // and AMX tiles with bf16, which the process has asked leave to use
    SAM2_CPU_N_ISAS
} Sam2CpuIsa;

// Scratch is kept by purpose, so that an operation may run another's code while it holds its own.
typedef enum Sam2CpuScratch {
    SAM2_CPU_SCRATCH_OP,
    SAM2_CPU_SCRATCH_GEMM,
    SAM2_CPU_SCRATCH_ATTENTION,
    SAM2_CPU_N_SCRATCH
} Sam2CpuScratch;

typedef struct Sam2CpuKernels Sam2CpuKernels; // kernels.h

// be->state of the cpu backend. be->precision is BF16 only from SAM2_CPU_AVX512_BF16 on.
typedef struct Sam2CpuState {
    Sam2CpuIsa isa;
    const Sam2CpuKernels *kernels; // of that isa
    Sam2BackendOps ops;
    struct {
        void *data;
        size_t size;
    } scratch[SAM2_CPU_N_SCRATCH];
} Sam2CpuState;

static inline Sam2CpuState *sam2_cpu_state(Sam2Backend *be)
{
    return be->state;
}

// At least `size` bytes for `purpose`, 64-byte aligned, contents undefined, valid until the next
// call with the same purpose. The block is kept and reused; freed by close. NULL on failure, with
// the status SAM2_ERR_MEMORY in be->error.
void *sam2_cpu_scratch(Sam2Backend *be, Sam2CpuScratch purpose, size_t size);

// Attention (attention*.c), as the table in backend.h describes.
Sam2Status sam2_cpu_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                              const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale);
Sam2Status sam2_cpu_window_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                     const Sam2Tensor *qkv_bias, int n_heads, int window,
                                     bool pool);
