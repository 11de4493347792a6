// SPDX-License-Identifier: Apache-2.0
// For the sources that are built once per instruction set: which one this is, and its names.
//
// A file of kernels is compiled into one static library per Sam2CpuIsa with that set's compiler
// flags, so none of its code may run before sam2_cpu_open() has looked at the processor. Everything
// it exports is named with SAM2_KERNEL(); inline functions from shared headers are kept out of it
// (the linker could pick the copy built for another instruction set).
#pragma once

#if defined(__AMX_BF16__)
#define SAM2_KERNEL(name) name##_amx
#elif defined(__AVX512BF16__)
#define SAM2_KERNEL(name) name##_avx512_bf16
#elif defined(__AVX512F__)
#define SAM2_KERNEL(name) name##_avx512
#else
#define SAM2_KERNEL(name) name##_avx2
#endif
