// SPDX-License-Identifier: Apache-2.0
// Weights, and what becomes a matrix product: linear layers and convolutions.
//
// In bf16 (or fp16) both operands are half: as they are given, or rounded, their rows padded to a
// multiple of 8 elements with zeros. Sums are fp32, results fp32 or half as the caller wants them.
#include <stdlib.h>
#include <string.h>

#include "model/cuda/state.h"

#define PATCHES_SIZE ((size_t)256 << 20) // patches of a convolution at a time

static bool in_half(const Sam2Backend *be)
{
    return be->precision == SAM2_PRECISION_BF16;
}

static Sam2CudaGemmType gemm_type(Sam2Backend *be)
{
    if (!in_half(be))
        return SAM2_CUDA_GEMM_F32;
    return sam2_cuda_state(be)->half == SAM2_CUDA_BF16 ? SAM2_CUDA_GEMM_BF16 : SAM2_CUDA_GEMM_F16;
}

static int64_t pad(const Sam2Backend *be, int64_t k)
{
    return in_half(be) ? (k + 7) / 8 * 8 : k;
}

// ---- Weights -----------------------------------------------------------------------------------

// rows (n, k) fp32 on the host become an operand (n, padded k) in out->packed.
static Sam2Status pack(Sam2Backend *be, Sam2Weight *out, const float *rows, int64_t n, int64_t k)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    size_t size = (size_t)(n * k) * sizeof(float);
    out->size = in_half(be) ? (size_t)(n * pad(be, k)) * 2 : size;
    out->packed = be->ops->alloc(be, out->size);
    if (!out->packed)
        return be->error.status;
    if (!in_half(be))
        return be->ops->upload(be, out->packed, rows, size);
    float *staged = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_PRODUCT, size);
    if (!staged)
        return be->error.status;
    SAM2_TRY(be->ops->upload(be, staged, rows, size));
    return sam2_cuda_check(
        be,
        sam2_cuda_launch_to_half(state->stream, out->packed, staged, n, k, pad(be, k), state->half),
        "packing weights");
}

// Element i of the packed order is element index(i) of torch's.
typedef int64_t (*IndexFunc)(int64_t i, const int64_t *shape);

// (Co, kh, kw, Ci) of (Co, Ci, kh, kw)
static int64_t conv_index(int64_t i, const int64_t *shape)
{
    int64_t n_in = shape[1], taps = shape[2] * shape[3];
    return (i / (n_in * taps) * n_in + i % n_in) * taps + i / n_in % taps;
}

// (kh, kw, C) of (C, 1, kh, kw)
static int64_t depthwise_index(int64_t i, const int64_t *shape)
{
    return i % shape[0] * shape[2] * shape[3] + i / shape[0];
}

// (4, Co, Ci) of (Ci, Co, 2, 2)
static int64_t transpose_index(int64_t i, const int64_t *shape)
{
    int64_t n_in = shape[0], n_out = shape[1];
    return (i % n_in * n_out + i / n_in % n_out) * 4 + i / (n_in * n_out);
}

static float *reorder(Sam2Backend *be, const Sam2Tensor *host, IndexFunc index)
{
    float *out = malloc(sam2_tensor_size(host));
    if (!out)
        sam2_fail_memory(&be->error, sam2_tensor_size(host));
    for (int64_t i = 0; out && i < sam2_tensor_count(host); i++)
        out[i] = sam2_f32(host)[index(i, host->shape)];
    return out;
}

static Sam2Status upload_plain(Sam2Backend *be, void **out, size_t *size, const float *host,
                               int64_t n)
{
    *size = (size_t)n * sizeof(float);
    *out = be->ops->alloc(be, *size);
    return *out ? be->ops->upload(be, *out, host, *size) : be->error.status;
}

// Products with half results want a half bias: vectors have a half copy behind them, by which they
// are known again.
static size_t half_offset(int64_t n)
{
    return ((size_t)n * sizeof(float) + 15) / 16 * 16;
}

static int compare_addresses(const void *a, const void *b)
{
    const uintptr_t x = (uintptr_t)((const Sam2CudaVector *)a)->data;
    const uintptr_t y = (uintptr_t)((const Sam2CudaVector *)b)->data;
    return (x > y) - (x < y);
}

static Sam2CudaVector *find_vector(const Sam2CudaState *state, void *data)
{
    const Sam2CudaVector like = {data, 0};
    return state->n_vectors ? bsearch(&like, state->vectors, (size_t)state->n_vectors,
                                      sizeof *state->vectors, compare_addresses)
                            : NULL;
}

static Sam2Status upload_vector(Sam2Backend *be, Sam2Weight *out, const float *host, int64_t n)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    out->size = half_offset(n) + (size_t)n * 2;
    if (state->n_vectors == state->vectors_capacity) {
        const int capacity = state->vectors_capacity ? 2 * state->vectors_capacity : 64;
        Sam2CudaVector *vectors = realloc(state->vectors, (size_t)capacity * sizeof *vectors);
        if (!vectors)
            return sam2_fail_memory(&be->error, (size_t)capacity * sizeof *vectors);
        state->vectors = vectors;
        state->vectors_capacity = capacity;
    }
    float *data = out->tensor.data = be->ops->alloc(be, out->size);
    if (!data)
        return be->error.status;
    SAM2_TRY(be->ops->upload(be, data, host, (size_t)n * sizeof(float)));
    SAM2_TRY(sam2_cuda_check(be,
                             sam2_cuda_launch_to_half(state->stream, (char *)data + half_offset(n),
                                                      data, 1, n, n, state->half),
                             "packing weights"));
    int at = state->n_vectors++;
    for (; at > 0 && (uintptr_t)state->vectors[at - 1].data > (uintptr_t)data; at--)
        state->vectors[at] = state->vectors[at - 1];
    state->vectors[at] = (Sam2CudaVector){data, n};
    return SAM2_OK;
}

static void forget_vector(Sam2CudaState *state, void *data)
{
    Sam2CudaVector *at = find_vector(state, data);
    if (at)
        memmove(at, at + 1, (size_t)(state->vectors + state->n_vectors-- - at - 1) * sizeof *at);
}

static Sam2Status init_reordered(Sam2Backend *be, Sam2Weight *out, Sam2WeightKind kind,
                                 const Sam2Tensor *host)
{
    const int64_t *shape = host->shape, n = sam2_tensor_count(host);
    float *data = reorder(be, host,
                          kind == SAM2_WEIGHT_CONV        ? conv_index
                          : kind == SAM2_WEIGHT_DEPTHWISE ? depthwise_index
                                                          : transpose_index);
    if (!data)
        return SAM2_ERR_MEMORY;
    Sam2Status status;
    if (kind == SAM2_WEIGHT_CONV)
        status = pack(be, out, data, shape[0], n / shape[0]);
    else if (kind == SAM2_WEIGHT_CONV_TRANSPOSE)
        status = pack(be, out, data, 4 * shape[1], shape[0]);
    else
        status = upload_plain(be, &out->packed, &out->size, data, n);
    if (status == SAM2_OK) // `data` must outlive the upload
        status = be->ops->sync(be);
    free(data);
    return status;
}

Sam2Status sam2_cuda_weight_init(Sam2Backend *be, Sam2Weight *out, Sam2WeightKind kind,
                                 const Sam2Tensor *host)
{
    *out = (Sam2Weight){.tensor = *host};
    out->tensor.data = NULL;
    Sam2Status status;
    if (kind == SAM2_WEIGHT_VECTOR && host->n_dims == 1 && in_half(be))
        status = upload_vector(be, out, sam2_f32(host), host->shape[0]);
    else if (kind == SAM2_WEIGHT_VECTOR)
        status = upload_plain(be, &out->tensor.data, &out->size, sam2_f32(host),
                              sam2_tensor_count(host));
    else if (kind == SAM2_WEIGHT_LINEAR)
        status = pack(be, out, sam2_f32(host), host->shape[0], host->shape[1]);
    else
        status = init_reordered(be, out, kind, host);
    if (status != SAM2_OK)
        sam2_cuda_weight_free(be, out);
    return status;
}

void sam2_cuda_weight_free(Sam2Backend *be, Sam2Weight *weight)
{
    forget_vector(sam2_cuda_state(be), weight->tensor.data);
    be->ops->free(be, weight->tensor.data);
    be->ops->free(be, weight->packed);
    *weight = (Sam2Weight){0};
}

// ---- Products ----------------------------------------------------------------------------------

static Sam2Status run(Sam2Backend *be, const Sam2CudaProduct *product)
{
    Sam2Status status = sam2_cuda_gemm_run(sam2_cuda_state(be)->gemm, product, &be->error);
    // cuBLASLt does not tell whether the device is lost.
    return status == SAM2_ERR_BACKEND ? sam2_cuda_check(be, cudaErrorUnknown, be->error.message)
                                      : status;
}

// x (rows, k) as an operand: itself, or rounded and padded in scratch.
static Sam2Status make_operand(Sam2Backend *be, const void **out, const Sam2Tensor *x, int64_t rows,
                               int64_t k)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    *out = x->data;
    if (!in_half(be) || x->dtype != SAM2_F32)
        return SAM2_OK;
    void *half = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_A, (size_t)(rows * pad(be, k)) * 2);
    if (!half)
        return be->error.status;
    *out = half;
    return sam2_cuda_check(be,
                           sam2_cuda_launch_to_half(state->stream, half, sam2_f32(x), rows, k,
                                                    pad(be, k), state->half),
                           "rounding");
}

// A bias as half: a vector has it with it, of others a copy is made.
static Sam2Status make_half_bias(Sam2Backend *be, const void **out, const Sam2Tensor *bias)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    const int64_t n = sam2_tensor_count(bias);
    const Sam2CudaVector *vector = find_vector(state, bias->data);
    if (vector && vector->n == n) {
        *out = (char *)bias->data + half_offset(n);
        return SAM2_OK;
    }
    void *half = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_BIAS, (size_t)n * 2);
    if (!half)
        return be->error.status;
    *out = half;
    return sam2_cuda_check(
        be, sam2_cuda_launch_to_half(state->stream, half, sam2_f32(bias), 1, n, n, state->half),
        "rounding");
}

// dst = act(a b^T + bias) + residual. What cuBLASLt does not do in one goes through scratch.
static Sam2Status multiply(Sam2Backend *be, float *dst, const void *a, const void *b, int64_t m,
                           int64_t n, int64_t k, const float *bias, Sam2Act act,
                           const float *residual)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    Sam2CudaProduct product = {
        .type = gemm_type(be), .m = m, .n = n, .k = pad(be, k), .a = a, .b = b, .dst = dst};
    const bool in_one = act == SAM2_ACT_NONE || (act == SAM2_ACT_RELU && !residual);
    if (in_one) {
        product.bias = bias;
        product.residual = residual;
        product.act = act == SAM2_ACT_RELU ? SAM2_CUDA_GEMM_RELU : SAM2_CUDA_GEMM_NONE;
        return run(be, &product);
    }
    if (residual) {
        product.dst =
            sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_PRODUCT, (size_t)(m * n) * sizeof(float));
        if (!product.dst)
            return be->error.status;
    }
    SAM2_TRY(run(be, &product));
    return sam2_cuda_check(be,
                           sam2_cuda_launch_finish(state->stream, dst, (float *)product.dst, bias,
                                                   residual, m, n, (int)act),
                           "activation");
}

static const float *data_or_null(const Sam2Tensor *tensor)
{
    return tensor ? sam2_f32(tensor) : NULL;
}

Sam2Status sam2_cuda_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                            const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                            const Sam2Tensor *residual)
{
    const void *a;
    int64_t k = x->shape[1];
    SAM2_TRY(make_operand(be, &a, x, x->shape[0], k));
    if (dst->dtype != SAM2_F32) {
        Sam2CudaProduct product = {.type = gemm_type(be),
                                   .m = x->shape[0],
                                   .n = w->tensor.shape[0],
                                   .k = pad(be, k),
                                   .a = a,
                                   .b = w->packed,
                                   .act = act == SAM2_ACT_RELU   ? SAM2_CUDA_GEMM_RELU
                                          : act == SAM2_ACT_GELU ? SAM2_CUDA_GEMM_GELU
                                                                 : SAM2_CUDA_GEMM_NONE,
                                   .to_half = true,
                                   .dst = dst->data};
        if (bias)
            SAM2_TRY(make_half_bias(be, &product.bias, bias));
        return run(be, &product);
    }
    return multiply(be, sam2_f32(dst), a, w->packed, x->shape[0], w->tensor.shape[0], k,
                    data_or_null(bias), act, data_or_null(residual));
}

Sam2Status sam2_cuda_linear_rope(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                 const Sam2Weight *w, const Sam2Tensor *bias, const Sam2Tensor *cos,
                                 const Sam2Tensor *sin, int64_t n_rotated)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    const int64_t *shape = dst->shape;
    const int64_t k = x->shape[1];
    if (dst->dtype == SAM2_F32) {
        const Sam2Tensor rows = SAM2_RESHAPE(dst, shape[0] * shape[1], shape[2]);
        SAM2_TRY(sam2_cuda_linear(be, &rows, x, w, bias, SAM2_ACT_NONE, NULL));
        return be->ops->rope(be, dst, cos, sin, n_rotated);
    }
    const Sam2CudaProjection projection = {.m = x->shape[0],
                                           .rows = shape[1],
                                           .rotated = n_rotated,
                                           .period = cos->shape[0],
                                           .n = (int)shape[2],
                                           .k = (int)pad(be, k)};
    const void *a;
    SAM2_TRY(make_operand(be, &a, x, x->shape[0], k));
    return sam2_cuda_check(be,
                           (state->half == SAM2_CUDA_BF16 ? sam2_cuda_launch_project_bf16
                                                          : sam2_cuda_launch_project_f16)(
                               state->stream, dst->data, a, w->packed, sam2_f32(bias),
                               sam2_f32(cos), sam2_f32(sin), &projection),
                           "rotary projection");
}

// In fp32 always: it makes the masks' logits, and is small.
Sam2Status sam2_cuda_matmul_nt(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                               const Sam2Tensor *b)
{
    const int at = a->n_dims - 2; // 1: a batch
    const int64_t m = a->shape[at], n = b->shape[at], k = a->shape[at + 1];
    for (int64_t i = 0; i < (at ? a->shape[0] : 1); i++) {
        const Sam2CudaProduct product = {.type = SAM2_CUDA_GEMM_F32,
                                         .m = m,
                                         .n = n,
                                         .k = k,
                                         .a = sam2_f32(a) + i * m * k,
                                         .b = sam2_f32(b) + i * n * k,
                                         .dst = sam2_f32(dst) + i * m * n};
        SAM2_TRY(run(be, &product));
    }
    return SAM2_OK;
}

Sam2Status sam2_cuda_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                            const Sam2Weight *w, const Sam2Tensor *bias, int stride, int padding,
                            Sam2Act act)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    const int at_map = x->n_dims - 3; // 1: a batch
    const Sam2CudaConv conv = {.h = (int)x->shape[at_map],
                               .w = (int)x->shape[at_map + 1],
                               .c = (int)x->shape[at_map + 2],
                               .kh = (int)w->tensor.shape[2],
                               .kw = (int)w->tensor.shape[3],
                               .stride = stride,
                               .pad = padding,
                               .out_h = (int)dst->shape[at_map],
                               .out_w = (int)dst->shape[at_map + 1]};
    int64_t k = (int64_t)conv.kh * conv.kw * conv.c, n = w->tensor.shape[0];
    size_t row_size = (size_t)pad(be, k) * (in_half(be) ? 2 : sizeof(float));
    int64_t n_pixels = sam2_tensor_count(dst) / n, step = (int64_t)(PATCHES_SIZE / row_size);
    step = step < 1 ? 1 : step < n_pixels ? step : n_pixels;
    void *patches = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_A, (size_t)step * row_size);
    if (!patches)
        return be->error.status;
    for (int64_t at = 0; at < n_pixels; at += step) {
        int64_t m = n_pixels - at < step ? n_pixels - at : step;
        SAM2_TRY(
            sam2_cuda_check(be,
                            sam2_cuda_launch_patches(state->stream, patches, sam2_f32(x), &conv, at,
                                                     m, pad(be, k), in_half(be), state->half),
                            "convolution"));
        SAM2_TRY(multiply(be, sam2_f32(dst) + at * n, patches, w->packed, m, n, k, sam2_f32(bias),
                          act, NULL));
    }
    return SAM2_OK;
}

Sam2Status sam2_cuda_conv_transpose(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                    const Sam2Weight *w, const Sam2Tensor *bias,
                                    const Sam2Tensor *residual, Sam2Act act)
{
    const void *a;
    const int at = x->n_dims - 3; // 1: a batch
    int64_t k = x->shape[at + 2], n = w->tensor.shape[1], m = sam2_tensor_count(x) / k;
    float *product =
        sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_PRODUCT, (size_t)(4 * m * n) * sizeof(float));
    if (!product)
        return be->error.status;
    SAM2_TRY(make_operand(be, &a, x, m, k));
    SAM2_TRY(multiply(be, product, a, w->packed, m, 4 * n, k, NULL, SAM2_ACT_NONE, NULL));
    return sam2_cuda_check(be,
                           sam2_cuda_launch_unfold2(sam2_cuda_state(be)->stream, sam2_f32(dst),
                                                    product, sam2_f32(bias), data_or_null(residual),
                                                    at ? (int)x->shape[0] : 1, (int)x->shape[at],
                                                    (int)x->shape[at + 1], (int)n, (int)act),
                           "transposed convolution");
}

Sam2Status sam2_cuda_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                    const Sam2Weight *w, const Sam2Tensor *bias)
{
    const int at = x->n_dims - 3; // 1: a batch
    return sam2_cuda_check(be,
                           sam2_cuda_launch_depthwise(sam2_cuda_state(be)->stream, sam2_f32(dst),
                                                      sam2_f32(x), w->packed, sam2_f32(bias),
                                                      at ? (int)x->shape[0] : 1, (int)x->shape[at],
                                                      (int)x->shape[at + 1], (int)x->shape[at + 2],
                                                      (int)w->tensor.shape[2]),
                           "depthwise convolution");
}
