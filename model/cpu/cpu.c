// SPDX-License-Identifier: Apache-2.0
// The cpu backend: chooses kernels for the processor, holds memory and weights.
#include "model/cpu/kernels.h"
#include "model/cpu/ops.h"

#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define CHUNK_PER_THREAD ((size_t)1 << 20) // about a second-level cache

// ---- The processor -----------------------------------------------------------------------------

static const char *const isa_names[SAM2_CPU_N_ISAS] = {"avx2", "avx512", "avx512_bf16", "amx"};

bool sam2_cpu_available(const char **why)
{
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi2"))
        return true;
    *why = "the cpu backend needs a processor with AVX2";
    return false;
}

// Linux gives tile registers to processes that ask for them.
static bool ask_for_tiles(void)
{
    const unsigned bf16_and_tile = 1u << 22 | 1u << 24;
    unsigned eax, ebx, ecx, edx;
    const long request_permission = 0x1023, tile_data = 18;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
           (edx & bf16_and_tile) == bf16_and_tile &&
           syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

static Sam2CpuIsa find_isa(void)
{
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return SAM2_CPU_AVX2;
    if (!__builtin_cpu_supports("avx512bf16"))
        return SAM2_CPU_AVX512;
    return ask_for_tiles() ? SAM2_CPU_AMX : SAM2_CPU_AVX512_BF16;
}

// SAM2_CPU_ISA lowers the choice, so that tests reach every kernel.
static Sam2Status choose_isa(Sam2Backend *be, Sam2CpuIsa *out)
{
    *out = find_isa();
    const char *wanted = getenv("SAM2_CPU_ISA");
    if (!wanted || !*wanted)
        return SAM2_OK;
    for (int i = 0; i < SAM2_CPU_N_ISAS; i++) {
        if (strcmp(wanted, isa_names[i]))
            continue;
        if (i < (int)*out)
            *out = (Sam2CpuIsa)i;
        return SAM2_OK;
    }
    return sam2_fail(&be->error, SAM2_ERR_ARGUMENT,
                     "SAM2_CPU_ISA is \"%s\"; it can be avx2, avx512, avx512_bf16 or amx", wanted);
}

// ---- Memory ------------------------------------------------------------------------------------

// Large blocks in huge pages where the system has them to give: a map of a stage spans thousands of
// small ones.
static void *allocate(size_t size)
{
    void *data;
    if (posix_memalign(&data, size >= HUGE_PAGE ? HUGE_PAGE : 64, size ? size : 1))
        return NULL;
    if (size >= HUGE_PAGE)
        madvise(data, size, MADV_HUGEPAGE);
    return data;
}

static void *allocate_tensor(Sam2Backend *be, size_t size)
{
    return allocate(size);
}

void *sam2_cpu_scratch(Sam2Backend *be, Sam2CpuScratch purpose, size_t size)
{
    Sam2CpuState *state = sam2_cpu_state(be);
    if (state->scratch[purpose].size < size || !state->scratch[purpose].data) {
        size += size / 4; // what needs it grows with the memory of a video
        free(state->scratch[purpose].data);
        state->scratch[purpose].data = allocate(size);
        state->scratch[purpose].size = state->scratch[purpose].data ? size : 0;
        if (!state->scratch[purpose].data)
            sam2_fail_memory(&be->error, size);
    }
    return state->scratch[purpose].data;
}

static void close_cpu(Sam2Backend *be)
{
    Sam2CpuState *state = sam2_cpu_state(be);
    for (int i = 0; i < SAM2_CPU_N_SCRATCH; i++)
        free(state->scratch[i].data);
    free(state);
    be->state = NULL;
}

// ---- Weights -----------------------------------------------------------------------------------

// w (n_out, n_in, taps) as (n_out, taps, n_in), so that a pixel's channels lie together.
static float *move_channels_last(const Sam2Tensor *w)
{
    const int64_t n_out = w->shape[0], n_in = w->shape[1], taps = w->shape[2] * w->shape[3];
    const float *in = sam2_f32(w);
    float *out = malloc(sam2_tensor_size(w));
    for (int64_t i = 0; out && i < n_out * n_in * taps; i++)
        out[(i / (n_in * taps) * taps + i % taps) * n_in + i / taps % n_in] = in[i];
    return out;
}

static Sam2Status pack_linear(Sam2Backend *be, Sam2Weight *out, const float *w, int64_t n,
                              int64_t k)
{
    const Sam2GemmKernels *kernels = sam2_cpu_gemm(be);
    out->size = kernels->packed_size(n, k);
    out->packed = allocate(out->size);
    if (!out->packed)
        return sam2_fail_memory(&be->error, out->size);
    kernels->pack(out->packed, w, k, 1, n, k);
    return SAM2_OK;
}

static Sam2Status pack_conv(Sam2Backend *be, Sam2Weight *out, const Sam2Tensor *host)
{
    float *w = move_channels_last(host);
    if (!w)
        return sam2_fail_memory(&be->error, sam2_tensor_size(host));
    Sam2Status status =
        pack_linear(be, out, w, host->shape[0], sam2_tensor_count(host) / host->shape[0]);
    free(w);
    return status;
}

// (C, 1, k, k) as (k, k, C)
static Sam2Status pack_depthwise(Sam2Backend *be, Sam2Weight *out, const Sam2Tensor *host)
{
    const int64_t c = host->shape[0], taps = host->shape[2] * host->shape[3];
    out->size = sam2_tensor_size(host);
    float *w = out->packed = allocate(out->size);
    if (!w)
        return sam2_fail_memory(&be->error, out->size);
    for (int64_t i = 0; i < c * taps; i++)
        w[i % taps * c + i / taps] = sam2_f32(host)[i];
    return SAM2_OK;
}

// (Ci, Co, 2, 2) as four matrices (Ci, Co), one for each pixel that a pixel becomes.
static Sam2Status pack_conv_transpose(Sam2Backend *be, Sam2Weight *out, const Sam2Tensor *host)
{
    const Sam2GemmKernels *kernels = sam2_cpu_gemm(be);
    const int64_t k = host->shape[0], n = host->shape[1];
    const size_t size = kernels->packed_size(n, k);
    out->size = 4 * size;
    char *packed = out->packed = allocate(out->size);
    if (!packed)
        return sam2_fail_memory(&be->error, out->size);
    for (int i = 0; i < 4; i++)
        kernels->pack(packed + (size_t)i * size, sam2_f32(host) + i, 4, 4 * n, n, k);
    return SAM2_OK;
}

static void free_weight(Sam2Backend *be, Sam2Weight *weight)
{
    free(weight->tensor.data);
    free(weight->packed);
    *weight = (Sam2Weight){0};
}

static Sam2Status init_weight(Sam2Backend *be, Sam2Weight *out, Sam2WeightKind kind,
                              const Sam2Tensor *host)
{
    *out = (Sam2Weight){.tensor = *host};
    out->tensor.data = NULL;
    switch (kind) {
    case SAM2_WEIGHT_LINEAR:
        return pack_linear(be, out, sam2_f32(host), host->shape[0], host->shape[1]);
    case SAM2_WEIGHT_CONV:
        return pack_conv(be, out, host);
    case SAM2_WEIGHT_DEPTHWISE:
        return pack_depthwise(be, out, host);
    case SAM2_WEIGHT_CONV_TRANSPOSE:
        return pack_conv_transpose(be, out, host);
    default:
        return sam2_ref_ops.weight_init(be, out, kind, host);
    }
}

// ---- Opening -----------------------------------------------------------------------------------

static Sam2BackendOps make_ops(void)
{
    Sam2BackendOps ops = sam2_ref_ops;
    ops.alloc = allocate_tensor;
    ops.weight_init = init_weight;
    ops.weight_free = free_weight;
    ops.close = close_cpu;
    ops.linear = sam2_cpu_linear;
    ops.matmul_nt = sam2_cpu_matmul_nt;
    ops.layer_norm = sam2_cpu_layer_norm;
    ops.window_attention = sam2_cpu_window_attention;
    ops.attention = sam2_cpu_attention;
    ops.rope = sam2_cpu_rope;
    ops.conv2d = sam2_cpu_conv2d;
    ops.depthwise_conv = sam2_cpu_depthwise_conv;
    ops.conv_transpose = sam2_cpu_conv_transpose;
    ops.max_pool = sam2_cpu_max_pool;
    ops.upsample_add = sam2_cpu_upsample_add;
    ops.add = sam2_cpu_add;
    ops.mask_to_memory = sam2_cpu_mask_to_memory;
    ops.round_bf16 = sam2_cpu_round_bf16;
    ops.resize = sam2_cpu_resize;
    ops.image_input = sam2_cpu_image_input;
    return ops;
}

Sam2Status sam2_cpu_open(Sam2Backend *be)
{
    static const Sam2CpuKernels *const kernels[SAM2_CPU_N_ISAS] = {
        &sam2_cpu_kernels_avx2, &sam2_cpu_kernels_avx512, &sam2_cpu_kernels_avx512_bf16,
        &sam2_cpu_kernels_amx};
    Sam2CpuIsa isa;
    SAM2_TRY(choose_isa(be, &isa));
    if (be->precision == SAM2_PRECISION_BF16 && !kernels[isa]->bf16)
        return sam2_fail(&be->error, SAM2_ERR_UNSUPPORTED,
                         "this processor has no bf16 arithmetic; choose fp32");
    Sam2CpuState *state = calloc(1, sizeof *state);
    if (!state)
        return sam2_fail_memory(&be->error, sizeof *state);
    *state = (Sam2CpuState){.isa = isa, .kernels = kernels[isa], .ops = make_ops()};
    if (be->precision == SAM2_PRECISION_AUTO)
        be->precision = kernels[isa]->bf16 ? SAM2_PRECISION_BF16 : SAM2_PRECISION_F32;
    be->state = state;
    be->ops = &state->ops;
    be->kind = SAM2_BACKEND_CPU;
    be->chunk_size = CHUNK_PER_THREAD * (size_t)(be->n_threads < 2 ? 2 : be->n_threads);
    const char *bf16 = be->precision != SAM2_PRECISION_BF16 ? ""
                       : isa == SAM2_CPU_AMX                ? ", AMX bf16"
                                                            : ", bf16";
    snprintf(be->name, sizeof be->name, "cpu (%s%s)", isa == SAM2_CPU_AVX2 ? "AVX2" : "AVX-512",
             bf16);
    return SAM2_OK;
}
