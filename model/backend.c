// SPDX-License-Identifier: Apache-2.0
// Opens backends, and checks what operations are given before the backend is called.
#include "model/backend.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_THREADS 1024

// ---- Opening -----------------------------------------------------------------------------------

static int count_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN); // more processors than a cpu_set_t holds
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (int)n;
}

bool sam2_backend_available(Sam2BackendKind kind, const char **why)
{
    const char *reason = NULL;
    bool available = true;
    if (kind == SAM2_BACKEND_CPU) {
        available = sam2_cpu_available(&reason);
    } else if (kind == SAM2_BACKEND_CUDA) {
        available = sam2_cuda_available(&reason);
    } else if (kind != SAM2_BACKEND_REF && kind != SAM2_BACKEND_AUTO) {
        available = false;
        reason = "there is no such backend";
    }
    if (why)
        *why = available ? NULL : reason;
    return available;
}

static Sam2Status open_kind(Sam2Backend *be, Sam2BackendKind kind)
{
    const char *why;
    if (!sam2_backend_available(kind, &why))
        return sam2_fail(&be->error, SAM2_ERR_UNSUPPORTED, "%s", why);
    switch (kind) {
    case SAM2_BACKEND_CUDA:
        return sam2_cuda_open(be);
    case SAM2_BACKEND_CPU:
        return sam2_cpu_open(be);
    default:
        return sam2_ref_open(be);
    }
}

Sam2Status sam2_backend_open(Sam2Backend **out, Sam2BackendKind kind, Sam2Precision precision,
                             int n_threads, Sam2Error *error)
{
    *out = NULL;
    if (n_threads < 0 || n_threads > MAX_THREADS)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "%d threads: 0 to %d can be asked for",
                         n_threads, MAX_THREADS);
    if (precision != SAM2_PRECISION_AUTO && precision != SAM2_PRECISION_F32 &&
        precision != SAM2_PRECISION_BF16)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "unknown precision %d", (int)precision);
    Sam2Backend *be = calloc(1, sizeof *be);
    if (!be)
        return sam2_fail_memory(error, sizeof *be);

    const Sam2BackendKind best_first[] = {SAM2_BACKEND_CUDA, SAM2_BACKEND_CPU, SAM2_BACKEND_REF};
    Sam2Status status = SAM2_OK;
    for (int i = 0; i < 3; i++) {
        *be = (Sam2Backend){.precision = precision,
                            .n_threads = n_threads ? n_threads : count_cores(),
                            .chunk_size = SIZE_MAX};
        status = open_kind(be, kind == SAM2_BACKEND_AUTO ? best_first[i] : kind);
        if (kind != SAM2_BACKEND_AUTO ||
            (status != SAM2_ERR_UNSUPPORTED && status != SAM2_ERR_BACKEND))
            break; // else the next best one
    }
    if (status != SAM2_OK) {
        sam2_fail(error, status, "%s", be->error.message);
        free(be);
        return status;
    }
    *out = be;
    return SAM2_OK;
}

void sam2_backend_close(Sam2Backend **backend)
{
    Sam2Backend *be = *backend;
    if (!be)
        return;
    be->ops->close(be);
    free(be);
    *backend = NULL;
}

Sam2Status sam2_backend_alloc(Sam2Backend *be, Sam2Tensor *out, int n_dims, const int64_t *shape)
{
    *out = (Sam2Tensor){0};
    if (n_dims < 1 || n_dims > SAM2_MAX_DIMS)
        return sam2_fail(&be->error, SAM2_ERR_SHAPE, "a tensor of %d dimensions", n_dims);
    int64_t count = 1;
    for (int i = 0; i < n_dims; i++)
        if (shape[i] < 1 || __builtin_mul_overflow(count, shape[i], &count) ||
            count > (int64_t)(PTRDIFF_MAX / sizeof(float)))
            return sam2_fail(&be->error, SAM2_ERR_SHAPE,
                             "a tensor whose dimension %d is %lld cannot be made", i,
                             (long long)shape[i]);
    size_t size = (size_t)count * sizeof(float);
    void *data = be->ops->alloc(be, size);
    if (!data)
        return sam2_fail_memory(&be->error, size);
    *out = sam2_tensor_reshape(&(Sam2Tensor){.data = data, .dtype = SAM2_F32}, n_dims, shape);
    return SAM2_OK;
}

void sam2_backend_release(Sam2Backend *be, Sam2Tensor *tensor)
{
    if (tensor->data)
        be->ops->free(be, tensor->data);
    *tensor = (Sam2Tensor){0};
}

// ---- Checks ------------------------------------------------------------------------------------

static void print_shape(char *out, size_t size, const Sam2Tensor *tensor)
{
    int n = snprintf(out, size, "(");
    for (int i = 0; i < tensor->n_dims && n < (int)size; i++)
        n +=
            snprintf(out + n, size - (size_t)n, i ? ", %lld" : "%lld", (long long)tensor->shape[i]);
    if (n < (int)size)
        snprintf(out + n, size - (size_t)n, ")");
}

// The tensor is there, fp32, of n_dims dimensions (0: any number) and not empty.
static Sam2Status check_tensor(Sam2Backend *be, const char *op, const char *name,
                               const Sam2Tensor *tensor, int n_dims, bool packed)
{
    bool good = tensor && tensor->n_dims >= 1 && tensor->n_dims <= SAM2_MAX_DIMS &&
                (n_dims == 0 || tensor->n_dims == n_dims) && tensor->dtype == SAM2_F32 &&
                (tensor->data || packed);
    for (int i = 0; good && i < tensor->n_dims; i++)
        good = tensor->shape[i] >= 1;
    if (good)
        return SAM2_OK;
    char shape[128] = "nothing";
    if (tensor && tensor->n_dims >= 0 && tensor->n_dims <= SAM2_MAX_DIMS)
        print_shape(shape, sizeof shape, tensor);
    return sam2_fail(&be->error, SAM2_ERR_SHAPE, "%s: %s is %s%s", op, name, shape,
                     tensor && !tensor->data && !packed ? " without data" : "");
}

static Sam2Status check_vector(Sam2Backend *be, const char *op, const char *name,
                               const Sam2Tensor *tensor, int64_t n)
{
    SAM2_TRY(check_tensor(be, op, name, tensor, 0, false));
    if (sam2_tensor_count(tensor) == n)
        return SAM2_OK;
    return sam2_fail(&be->error, SAM2_ERR_SHAPE, "%s: %s has %lld elements, not %lld", op, name,
                     (long long)sam2_tensor_count(tensor), (long long)n);
}

static Sam2Status check_same(Sam2Backend *be, const char *op, const char *a_name,
                             const Sam2Tensor *a, const char *b_name, const Sam2Tensor *b)
{
    bool same = a->n_dims == b->n_dims;
    for (int i = 0; same && i < a->n_dims; i++)
        same = a->shape[i] == b->shape[i];
    if (same)
        return SAM2_OK;
    char a_shape[128], b_shape[128];
    print_shape(a_shape, sizeof a_shape, a);
    print_shape(b_shape, sizeof b_shape, b);
    return sam2_fail(&be->error, SAM2_ERR_SHAPE, "%s: %s %s does not fit %s %s", op, a_name,
                     a_shape, b_name, b_shape);
}

// dst is (d0, d1, ...), `n_dims` of them.
static Sam2Status check_shape(Sam2Backend *be, const char *op, const char *name,
                              const Sam2Tensor *tensor, int n_dims, const int64_t *shape)
{
    SAM2_TRY(check_tensor(be, op, name, tensor, n_dims, false));
    Sam2Tensor want = sam2_tensor_reshape(tensor, n_dims, shape);
    return check_same(be, op, name, tensor, "what it should be,", &want);
}
#define CHECK_SHAPE(be, op, name, tensor, ...)                                                     \
    check_shape(be, op, name, tensor, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),   \
                (const int64_t[]){__VA_ARGS__})

// dst and x have no byte in common, or, if `may_equal`, are the same memory.
static Sam2Status check_apart(Sam2Backend *be, const char *op, const char *name,
                              const Sam2Tensor *dst, const Sam2Tensor *x, bool may_equal)
{
    uintptr_t a = (uintptr_t)dst->data, b = (uintptr_t)x->data;
    if (a + sam2_tensor_size(dst) <= b || b + sam2_tensor_size(x) <= a || (may_equal && a == b))
        return SAM2_OK;
    return sam2_fail(&be->error, SAM2_ERR_ARGUMENT, "%s: dst overlaps %s", op, name);
}

static Sam2Status check_act(Sam2Backend *be, const char *op, Sam2Act act)
{
    if (act == SAM2_ACT_NONE || act == SAM2_ACT_RELU || act == SAM2_ACT_GELU)
        return SAM2_OK;
    return sam2_fail(&be->error, SAM2_ERR_ARGUMENT, "%s: unknown activation %d", op, (int)act);
}

static Sam2Status bad(Sam2Backend *be, const char *op, const char *what)
{
    return sam2_fail(&be->error, SAM2_ERR_SHAPE, "%s: %s", op, what);
}

// ---- Operations --------------------------------------------------------------------------------

Sam2Status sam2_op_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                          const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                          const Sam2Tensor *residual)
{
    const char *op = "linear";
    SAM2_TRY(check_tensor(be, op, "x", x, 2, false));
    SAM2_TRY(check_tensor(be, op, "w", &w->tensor, 2, w->packed));
    if (w->tensor.shape[1] != x->shape[1])
        return check_same(be, op, "w", &w->tensor, "x", x);
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", dst, x->shape[0], w->tensor.shape[0]));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    SAM2_TRY(check_act(be, op, act));
    if (bias)
        SAM2_TRY(check_vector(be, op, "bias", bias, w->tensor.shape[0]));
    if (residual) {
        SAM2_TRY(check_tensor(be, op, "residual", residual, 2, false));
        SAM2_TRY(check_same(be, op, "residual", residual, "dst", dst));
        SAM2_TRY(check_apart(be, op, "residual", dst, residual, true));
    }
    return be->ops->linear(be, dst, x, w, bias, act, residual);
}

Sam2Status sam2_op_matmul_nt(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                             const Sam2Tensor *b)
{
    const char *op = "matmul_nt";
    SAM2_TRY(check_tensor(be, op, "a", a, 2, false));
    SAM2_TRY(check_tensor(be, op, "b", b, 2, false));
    if (a->shape[1] != b->shape[1])
        return check_same(be, op, "a", a, "b", b);
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", dst, a->shape[0], b->shape[0]));
    SAM2_TRY(check_apart(be, op, "a", dst, a, false));
    SAM2_TRY(check_apart(be, op, "b", dst, b, false));
    return be->ops->matmul_nt(be, dst, a, b);
}

Sam2Status sam2_op_layer_norm(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                              const Sam2Tensor *gamma, const Sam2Tensor *beta, float eps,
                              Sam2Act act)
{
    const char *op = "layer_norm";
    SAM2_TRY(check_tensor(be, op, "x", x, 2, false));
    SAM2_TRY(check_tensor(be, op, "dst", dst, 2, false));
    SAM2_TRY(check_same(be, op, "dst", dst, "x", x));
    SAM2_TRY(check_apart(be, op, "x", dst, x, true));
    SAM2_TRY(check_vector(be, op, "gamma", gamma, x->shape[1]));
    SAM2_TRY(check_vector(be, op, "beta", beta, x->shape[1]));
    SAM2_TRY(check_act(be, op, act));
    if (!(eps > 0))
        return sam2_fail(&be->error, SAM2_ERR_ARGUMENT, "%s: eps is not positive", op);
    return be->ops->layer_norm(be, dst, x, gamma, beta, eps, act);
}

Sam2Status sam2_op_window_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                    const Sam2Tensor *qkv_bias, int n_heads, int window, bool pool)
{
    const char *op = "window_attention";
    SAM2_TRY(check_tensor(be, op, "qkv", qkv, 3, false));
    int64_t h = qkv->shape[0], w = qkv->shape[1], c3 = qkv->shape[2];
    if (n_heads < 1 || c3 % (3 * (int64_t)n_heads))
        return bad(be, op, "the channels of qkv are not 3 times a multiple of the heads");
    if (window < 0)
        return bad(be, op, "a negative window");
    if (pool && (h % 2 || w % 2 || window % 2))
        return bad(be, op, "pooling needs even sides and an even window");
    SAM2_TRY(check_vector(be, op, "qkv_bias", qkv_bias, c3));
    int64_t step = pool ? 2 : 1;
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", dst, h / step, w / step, c3 / 3));
    SAM2_TRY(check_apart(be, op, "qkv", dst, qkv, false));
    return be->ops->window_attention(be, dst, qkv, qkv_bias, n_heads, window, pool);
}

Sam2Status sam2_op_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                             const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale)
{
    const char *op = "attention";
    SAM2_TRY(check_tensor(be, op, "q", q, 2, false));
    SAM2_TRY(check_tensor(be, op, "k", k, 2, false));
    SAM2_TRY(check_tensor(be, op, "v", v, 2, false));
    if (k->shape[1] != q->shape[1])
        return check_same(be, op, "k", k, "q", q);
    if (v->shape[0] != k->shape[0])
        return check_same(be, op, "v", v, "k", k);
    if (n_heads < 1 || q->shape[1] % n_heads || v->shape[1] % n_heads)
        return bad(be, op, "the channels are not a multiple of the heads");
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", dst, q->shape[0], v->shape[1]));
    SAM2_TRY(check_apart(be, op, "q", dst, q, false));
    SAM2_TRY(check_apart(be, op, "k", dst, k, false));
    SAM2_TRY(check_apart(be, op, "v", dst, v, false));
    return be->ops->attention(be, dst, q, k, v, n_heads, scale);
}

Sam2Status sam2_op_rope(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *cos,
                        const Sam2Tensor *sin, int64_t n_rotated)
{
    const char *op = "rope";
    SAM2_TRY(check_tensor(be, op, "x", x, 2, false));
    SAM2_TRY(check_tensor(be, op, "cos", cos, 2, false));
    SAM2_TRY(check_tensor(be, op, "sin", sin, 2, false));
    SAM2_TRY(check_same(be, op, "sin", sin, "cos", cos));
    if (x->shape[1] % 2 || cos->shape[1] != x->shape[1] / 2)
        return check_same(be, op, "cos", cos, "x", x);
    if (n_rotated < 0 || n_rotated > x->shape[0])
        return bad(be, op, "more rows to rotate than there are");
    return be->ops->rope(be, x, cos, sin, n_rotated);
}

Sam2Status sam2_op_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                          const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                          Sam2Act act)
{
    const char *op = "conv2d";
    SAM2_TRY(check_tensor(be, op, "x", x, 3, false));
    SAM2_TRY(check_tensor(be, op, "w", &w->tensor, 4, w->packed));
    const int64_t *ws = w->tensor.shape;
    if (ws[1] != x->shape[2])
        return check_same(be, op, "w", &w->tensor, "x", x);
    if (stride < 1 || pad < 0 || pad > 4096 || x->shape[0] + 2 * pad < ws[2] ||
        x->shape[1] + 2 * pad < ws[3])
        return bad(be, op, "the filter, its stride and padding do not fit x");
    int64_t h = (x->shape[0] + 2 * pad - ws[2]) / stride + 1;
    int64_t width = (x->shape[1] + 2 * pad - ws[3]) / stride + 1;
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", dst, h, width, ws[0]));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    SAM2_TRY(check_vector(be, op, "bias", bias, ws[0]));
    SAM2_TRY(check_act(be, op, act));
    return be->ops->conv2d(be, dst, x, w, bias, stride, pad, act);
}

Sam2Status sam2_op_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                  const Sam2Weight *w, const Sam2Tensor *bias)
{
    const char *op = "depthwise_conv";
    SAM2_TRY(check_tensor(be, op, "x", x, 3, false));
    SAM2_TRY(check_tensor(be, op, "w", &w->tensor, 4, w->packed));
    const int64_t *ws = w->tensor.shape;
    if (ws[0] != x->shape[2] || ws[1] != 1 || ws[2] != ws[3] || ws[2] % 2 == 0)
        return check_same(be, op, "w", &w->tensor, "x", x);
    SAM2_TRY(check_tensor(be, op, "dst", dst, 3, false));
    SAM2_TRY(check_same(be, op, "dst", dst, "x", x));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    SAM2_TRY(check_vector(be, op, "bias", bias, ws[0]));
    return be->ops->depthwise_conv(be, dst, x, w, bias);
}

Sam2Status sam2_op_conv_transpose(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                  const Sam2Weight *w, const Sam2Tensor *bias,
                                  const Sam2Tensor *residual, Sam2Act act)
{
    const char *op = "conv_transpose";
    SAM2_TRY(check_tensor(be, op, "x", x, 3, false));
    SAM2_TRY(check_tensor(be, op, "w", &w->tensor, 4, w->packed));
    const int64_t *ws = w->tensor.shape;
    if (ws[0] != x->shape[2] || ws[2] != 2 || ws[3] != 2)
        return check_same(be, op, "w", &w->tensor, "x", x);
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", dst, 2 * x->shape[0], 2 * x->shape[1], ws[1]));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    SAM2_TRY(check_vector(be, op, "bias", bias, ws[1]));
    SAM2_TRY(check_act(be, op, act));
    if (residual) {
        SAM2_TRY(check_vector(be, op, "residual", residual, sam2_tensor_count(dst)));
        SAM2_TRY(check_apart(be, op, "residual", dst, residual, true));
    }
    return be->ops->conv_transpose(be, dst, x, w, bias, residual, act);
}

Sam2Status sam2_op_max_pool(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x)
{
    const char *op = "max_pool";
    SAM2_TRY(check_tensor(be, op, "x", x, 3, false));
    if (x->shape[0] % 2 || x->shape[1] % 2)
        return bad(be, op, "the sides of x are not even");
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", dst, x->shape[0] / 2, x->shape[1] / 2, x->shape[2]));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    return be->ops->max_pool(be, dst, x);
}

Sam2Status sam2_op_upsample_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x)
{
    const char *op = "upsample_add";
    SAM2_TRY(check_tensor(be, op, "x", x, 3, false));
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", dst, 2 * x->shape[0], 2 * x->shape[1], x->shape[2]));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    return be->ops->upsample_add(be, dst, x);
}

Sam2Status sam2_op_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                       const Sam2Tensor *b, float scale)
{
    const char *op = "add";
    SAM2_TRY(check_tensor(be, op, "a", a, 0, false));
    SAM2_TRY(check_tensor(be, op, "b", b, 0, false));
    SAM2_TRY(check_vector(be, op, "dst", dst, sam2_tensor_count(a)));
    if (sam2_tensor_count(b) != sam2_tensor_count(a))
        SAM2_TRY(check_vector(be, op, "b", b, a->shape[a->n_dims - 1]));
    SAM2_TRY(check_apart(be, op, "a", dst, a, true));
    SAM2_TRY(check_apart(be, op, "b", dst, b, false));
    return be->ops->add(be, dst, a, b, scale);
}

Sam2Status sam2_op_mask_to_memory(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                  bool binarize, float scale, float bias)
{
    const char *op = "mask_to_memory";
    SAM2_TRY(check_tensor(be, op, "x", x, 0, false));
    SAM2_TRY(check_vector(be, op, "dst", dst, sam2_tensor_count(x)));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    return be->ops->mask_to_memory(be, dst, x, binarize, scale, bias);
}

Sam2Status sam2_op_round_bf16(Sam2Backend *be, const Sam2Tensor *x)
{
    SAM2_TRY(check_tensor(be, "round_bf16", "x", x, 0, false));
    return be->ops->round_bf16(be, x);
}

Sam2Status sam2_op_resize(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                          bool antialias)
{
    const char *op = "resize";
    SAM2_TRY(check_tensor(be, op, "x", x, 3, false));
    SAM2_TRY(check_tensor(be, op, "dst", dst, 3, false));
    if (dst->shape[0] != x->shape[0])
        return check_same(be, op, "dst", dst, "x", x);
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    return be->ops->resize(be, dst, x, antialias);
}

Sam2Status sam2_op_image_input(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb,
                               int width, int height, size_t stride, bool exact_8bit)
{
    const char *op = "image_input";
    SAM2_TRY(check_tensor(be, op, "dst", dst, 3, false));
    if (dst->shape[0] != dst->shape[1] || dst->shape[2] != 3)
        return bad(be, op, "dst is not (S, S, 3)");
    if (!rgb || width < 1 || height < 1 || width > INT_MAX / 4 || stride < 3 * (size_t)width)
        return sam2_fail(&be->error, SAM2_ERR_ARGUMENT,
                         "%s: an image of %d x %d pixels with rows %zu bytes apart", op, width,
                         height, stride);
    return be->ops->image_input(be, dst, rgb, width, height, stride, exact_8bit);
}

Sam2Status sam2_op_fill_holes(Sam2Backend *be, const Sam2Tensor *x, int max_area, float value)
{
    SAM2_TRY(check_tensor(be, "fill_holes", "x", x, 2, false));
    if (max_area <= 0)
        return SAM2_OK;
    if (sam2_tensor_count(x) > INT_MAX / 2)
        return bad(be, "fill_holes", "x is too large");
    return be->ops->fill_holes(be, x, max_area, value);
}
