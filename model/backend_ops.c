// SPDX-License-Identifier: Apache-2.0
// Checks what operations are given before the backend is called, and takes batches apart for
// backends that run one at a time.
#include "model/backend.h"

#include <limits.h>
#include <stdio.h>

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

// The tensor is there, of n_dims dimensions (0: any number) and not empty.
static Sam2Status check_there(Sam2Backend *be, const char *op, const char *name,
                              const Sam2Tensor *tensor, int n_dims, bool packed, bool right_type)
{
    bool good = tensor && tensor->n_dims >= 1 && tensor->n_dims <= SAM2_MAX_DIMS &&
                (n_dims == 0 || tensor->n_dims == n_dims) && right_type && (tensor->data || packed);
    for (int i = 0; good && i < tensor->n_dims; i++)
        good = tensor->shape[i] >= 1;
    if (good)
        return SAM2_OK;
    char shape[128] = "nothing";
    if (tensor && tensor->n_dims >= 0 && tensor->n_dims <= SAM2_MAX_DIMS)
        print_shape(shape, sizeof shape, tensor);
    return sam2_fail(&be->error, SAM2_ERR_SHAPE, "%s: %s is %s%s%s", op, name, shape,
                     tensor && !tensor->data && !packed ? " without data" : "",
                     tensor && !right_type ? " of the wrong type" : "");
}

// And fp32.
static Sam2Status check_tensor(Sam2Backend *be, const char *op, const char *name,
                               const Sam2Tensor *tensor, int n_dims, bool packed)
{
    return check_there(be, op, name, tensor, n_dims, packed, tensor && tensor->dtype == SAM2_F32);
}

// Or an operand, with heads of `width` elements (0: the row).
static Sam2Status check_operand(Sam2Backend *be, const char *op, const char *name,
                                const Sam2Tensor *tensor, int n_dims, int64_t width)
{
    bool good = tensor && tensor->dtype == SAM2_F32;
    if (tensor && !good && tensor->n_dims >= 1 && tensor->n_dims <= SAM2_MAX_DIMS)
        good = tensor->dtype == be->operand_type && tensor->shape[tensor->n_dims - 1] % 8 == 0 &&
               width % 8 == 0 && (uintptr_t)tensor->data % 16 == 0;
    return check_there(be, op, name, tensor, n_dims, false, good);
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
    Sam2Tensor want = sam2_tensor_reshape(tensor, n_dims, shape);
    return check_same(be, op, name, tensor, "what it should be,", &want);
}
#define N_SHAPE(...) ((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
#define CHECK_SHAPE(be, op, name, tensor, ...)                                                     \
    (check_tensor(be, op, name, tensor, N_SHAPE(__VA_ARGS__), false) != SAM2_OK                    \
         ? (be)->error.status                                                                      \
         : check_shape(be, op, name, tensor, N_SHAPE(__VA_ARGS__),                                 \
                       (const int64_t[]){__VA_ARGS__}))
#define CHECK_OPERAND(be, op, name, tensor, width, ...)                                            \
    (check_operand(be, op, name, tensor, N_SHAPE(__VA_ARGS__), width) != SAM2_OK                   \
         ? (be)->error.status                                                                      \
         : check_shape(be, op, name, tensor, N_SHAPE(__VA_ARGS__),                                 \
                       (const int64_t[]){__VA_ARGS__}))

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

// ---- Batches -----------------------------------------------------------------------------------

// x has a dimension in front of the operation's n_dims.
static bool is_batch(const Sam2Tensor *x, int n_dims)
{
    return x && x->n_dims == n_dims + 1;
}

static Sam2Tensor one_of(const Sam2Tensor *x, int64_t i)
{
    Sam2Tensor row = sam2_tensor_rows(x, i, 1);
    return sam2_tensor_reshape(&row, x->n_dims - 1, x->shape + 1);
}

// x, or the first of its batch, for checks that hold for all.
static Sam2Tensor first_of(const Sam2Tensor *x, int n_dims)
{
    return is_batch(x, n_dims) ? one_of(x, 0) : x ? *x : (Sam2Tensor){0};
}

// x is a batch, of as many as `like`.
static Sam2Status check_batch(Sam2Backend *be, const char *op, const char *name,
                              const Sam2Tensor *x, const Sam2Tensor *like, int n_dims)
{
    if (is_batch(x, n_dims) && is_batch(like, n_dims) && x->shape[0] == like->shape[0] &&
        x->shape[0] >= 1)
        return SAM2_OK;
    return sam2_fail(&be->error, SAM2_ERR_SHAPE, "%s: %s is not a batch as large as the others", op,
                     name);
}

// ---- Operations --------------------------------------------------------------------------------

Sam2Status sam2_op_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                          const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                          const Sam2Tensor *residual)
{
    const char *op = "linear";
    SAM2_TRY(check_operand(be, op, "x", x, 2, 0));
    SAM2_TRY(check_tensor(be, op, "w", &w->tensor, 2, w->packed));
    if (w->tensor.shape[1] != x->shape[1])
        return check_same(be, op, "w", &w->tensor, "x", x);
    SAM2_TRY(CHECK_OPERAND(be, op, "dst", dst, 0, x->shape[0], w->tensor.shape[0]));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    SAM2_TRY(check_act(be, op, act));
    if (bias)
        SAM2_TRY(check_vector(be, op, "bias", bias, w->tensor.shape[0]));
    if (residual) {
        SAM2_TRY(check_tensor(be, op, "dst", dst, 2, false));
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
    if (is_batch(a, 2)) {
        SAM2_TRY(check_batch(be, op, "b", b, a, 2));
        SAM2_TRY(check_batch(be, op, "dst", dst, a, 2));
        if (!be->batched) {
            for (int64_t i = 0; i < a->shape[0]; i++) {
                Sam2Tensor d = one_of(dst, i), x = one_of(a, i), y = one_of(b, i);
                SAM2_TRY(sam2_op_matmul_nt(be, &d, &x, &y));
            }
            return SAM2_OK;
        }
    }
    Sam2Tensor first = first_of(a, 2), second = first_of(b, 2), out = first_of(dst, 2);
    SAM2_TRY(check_tensor(be, op, "a", &first, 2, false));
    SAM2_TRY(check_tensor(be, op, "b", &second, 2, false));
    if (first.shape[1] != second.shape[1])
        return check_same(be, op, "a", a, "b", b);
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", &out, first.shape[0], second.shape[0]));
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
    SAM2_TRY(check_operand(be, op, "dst", dst, 2, 0));
    SAM2_TRY(check_same(be, op, "dst", dst, "x", x));
    SAM2_TRY(check_apart(be, op, "x", dst, x, dst->dtype == SAM2_F32));
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
    SAM2_TRY(check_operand(be, op, "qkv", qkv, 3, 0));
    int64_t h = qkv->shape[0], w = qkv->shape[1], c3 = qkv->shape[2];
    if (n_heads < 1 || c3 % (3 * (int64_t)n_heads))
        return bad(be, op, "the channels of qkv are not 3 times a multiple of the heads");
    int64_t width = c3 / 3 / n_heads;
    SAM2_TRY(check_operand(be, op, "qkv", qkv, 3, width));
    if (window < 0)
        return bad(be, op, "a negative window");
    if (pool && (h % 2 || w % 2 || window % 2))
        return bad(be, op, "pooling needs even sides and an even window");
    SAM2_TRY(check_vector(be, op, "qkv_bias", qkv_bias, c3));
    int64_t step = pool ? 2 : 1;
    SAM2_TRY(CHECK_OPERAND(be, op, "dst", dst, width, h / step, w / step, c3 / 3));
    SAM2_TRY(check_apart(be, op, "qkv", dst, qkv, false));
    return be->ops->window_attention(be, dst, qkv, qkv_bias, n_heads, window, pool);
}

Sam2Status sam2_op_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                             const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale)
{
    const char *op = "attention";
    if (is_batch(k, 2)) {
        SAM2_TRY(check_batch(be, op, "v", v, k, 2));
        SAM2_TRY(check_batch(be, op, "dst", dst, k, 2));
        if (q->n_dims != 2)
            SAM2_TRY(check_batch(be, op, "q", q, k, 2));
        if (!be->batched) {
            for (int64_t i = 0; i < k->shape[0]; i++) {
                Sam2Tensor d = one_of(dst, i), y = one_of(k, i), z = one_of(v, i);
                Sam2Tensor x = q->n_dims == 2 ? *q : one_of(q, i);
                SAM2_TRY(sam2_op_attention(be, &d, &x, &y, &z, n_heads, scale));
            }
            return SAM2_OK;
        }
    }
    Sam2Tensor q1 = first_of(q, 2), k1 = first_of(k, 2), v1 = first_of(v, 2);
    Sam2Tensor dst1 = first_of(dst, 2);
    SAM2_TRY(check_operand(be, op, "q", &q1, 2, q1.shape[1] / (n_heads < 1 ? 1 : n_heads)));
    SAM2_TRY(check_operand(be, op, "k", &k1, 2, k1.shape[1] / (n_heads < 1 ? 1 : n_heads)));
    SAM2_TRY(check_operand(be, op, "v", &v1, 2, v1.shape[1] / (n_heads < 1 ? 1 : n_heads)));
    if (k1.shape[1] != q1.shape[1])
        return check_same(be, op, "k", k, "q", q);
    if (v1.shape[0] != k1.shape[0])
        return check_same(be, op, "v", v, "k", k);
    if (n_heads < 1 || q1.shape[1] % n_heads || v1.shape[1] % n_heads)
        return bad(be, op, "the channels are not a multiple of the heads");
    if (!(scale > 0))
        return sam2_fail(&be->error, SAM2_ERR_ARGUMENT, "%s: scale is not positive", op);
    SAM2_TRY(CHECK_OPERAND(be, op, "dst", &dst1, v1.shape[1] / n_heads, q1.shape[0], v1.shape[1]));
    SAM2_TRY(check_apart(be, op, "q", dst, q, false));
    SAM2_TRY(check_apart(be, op, "k", dst, k, false));
    SAM2_TRY(check_apart(be, op, "v", dst, v, false));
    return be->ops->attention(be, dst, q, k, v, n_heads, scale);
}

Sam2Status sam2_op_rope(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *cos,
                        const Sam2Tensor *sin, int64_t n_rotated)
{
    const char *op = "rope";
    if (is_batch(x, 2) && !be->batched) {
        for (int64_t i = 0; i < x->shape[0]; i++) {
            Sam2Tensor one = one_of(x, i);
            SAM2_TRY(sam2_op_rope(be, &one, cos, sin, n_rotated));
        }
        return SAM2_OK;
    }
    Sam2Tensor first = first_of(x, 2);
    SAM2_TRY(check_tensor(be, op, "x", &first, 2, false));
    SAM2_TRY(check_tensor(be, op, "cos", cos, 2, false));
    SAM2_TRY(check_tensor(be, op, "sin", sin, 2, false));
    SAM2_TRY(check_same(be, op, "sin", sin, "cos", cos));
    if (first.shape[1] % 2 || cos->shape[1] != first.shape[1] / 2)
        return check_same(be, op, "cos", cos, "x", x);
    if (n_rotated < 0 || n_rotated > first.shape[0])
        return bad(be, op, "more rows to rotate than there are");
    return be->ops->rope(be, x, cos, sin, n_rotated);
}

Sam2Status sam2_op_linear_rope(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                               const Sam2Weight *w, const Sam2Tensor *bias, const Sam2Tensor *cos,
                               const Sam2Tensor *sin, int64_t n_rotated)
{
    const char *op = "linear_rope";
    SAM2_TRY(check_operand(be, op, "dst", dst, 3, 0));
    const int64_t rows = dst->shape[1], width = dst->shape[2];
    Sam2Tensor out = SAM2_RESHAPE(dst, dst->shape[0] * rows, width);
    if (!be->ops->linear_rope) {
        SAM2_TRY(sam2_op_linear(be, &out, x, w, bias, SAM2_ACT_NONE, NULL));
        return sam2_op_rope(be, dst, cos, sin, n_rotated);
    }
    SAM2_TRY(check_operand(be, op, "x", x, 2, 0));
    SAM2_TRY(check_tensor(be, op, "w", &w->tensor, 2, w->packed));
    if (w->tensor.shape[1] != x->shape[1])
        return check_same(be, op, "w", &w->tensor, "x", x);
    SAM2_TRY(CHECK_OPERAND(be, op, "dst", &out, 0, x->shape[0], w->tensor.shape[0]));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    SAM2_TRY(check_vector(be, op, "bias", bias, width));
    SAM2_TRY(check_tensor(be, op, "cos", cos, 2, false));
    SAM2_TRY(check_tensor(be, op, "sin", sin, 2, false));
    SAM2_TRY(check_same(be, op, "sin", sin, "cos", cos));
    if (width % 2 || cos->shape[1] != width / 2)
        return check_same(be, op, "cos", cos, "dst", dst);
    if (n_rotated < 0 || n_rotated > rows)
        return bad(be, op, "more rows to rotate than there are");
    return be->ops->linear_rope(be, dst, x, w, bias, cos, sin, n_rotated);
}

Sam2Status sam2_op_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                          const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                          Sam2Act act)
{
    const char *op = "conv2d";
    if (is_batch(x, 3)) {
        SAM2_TRY(check_batch(be, op, "dst", dst, x, 3));
        for (int64_t i = 0; !be->batched && i < x->shape[0]; i++) {
            Sam2Tensor d = one_of(dst, i), y = one_of(x, i);
            SAM2_TRY(sam2_op_conv2d(be, &d, &y, w, bias, stride, pad, act));
        }
        if (!be->batched)
            return SAM2_OK;
    }
    Sam2Tensor map = first_of(x, 3), out = first_of(dst, 3);
    SAM2_TRY(check_tensor(be, op, "x", &map, 3, false));
    SAM2_TRY(check_tensor(be, op, "w", &w->tensor, 4, w->packed));
    const int64_t *ws = w->tensor.shape;
    if (ws[1] != map.shape[2])
        return check_same(be, op, "w", &w->tensor, "x", x);
    if (stride < 1 || pad < 0 || pad > 4096 || map.shape[0] + 2 * pad < ws[2] ||
        map.shape[1] + 2 * pad < ws[3])
        return bad(be, op, "the filter, its stride and padding do not fit x");
    int64_t h = (map.shape[0] + 2 * pad - ws[2]) / stride + 1;
    int64_t width = (map.shape[1] + 2 * pad - ws[3]) / stride + 1;
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", &out, h, width, ws[0]));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    SAM2_TRY(check_vector(be, op, "bias", bias, ws[0]));
    SAM2_TRY(check_act(be, op, act));
    return be->ops->conv2d(be, dst, x, w, bias, stride, pad, act);
}

Sam2Status sam2_op_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                  const Sam2Weight *w, const Sam2Tensor *bias)
{
    const char *op = "depthwise_conv";
    if (is_batch(x, 3)) {
        SAM2_TRY(check_batch(be, op, "dst", dst, x, 3));
        for (int64_t i = 0; !be->batched && i < x->shape[0]; i++) {
            Sam2Tensor d = one_of(dst, i), y = one_of(x, i);
            SAM2_TRY(sam2_op_depthwise_conv(be, &d, &y, w, bias));
        }
        if (!be->batched)
            return SAM2_OK;
    }
    Sam2Tensor map = first_of(x, 3);
    SAM2_TRY(check_tensor(be, op, "x", &map, 3, false));
    SAM2_TRY(check_tensor(be, op, "w", &w->tensor, 4, w->packed));
    const int64_t *ws = w->tensor.shape;
    if (ws[0] != map.shape[2] || ws[1] != 1 || ws[2] != ws[3] || ws[2] % 2 == 0)
        return check_same(be, op, "w", &w->tensor, "x", x);
    SAM2_TRY(check_tensor(be, op, "dst", dst, x->n_dims, false));
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
    if (is_batch(x, 3)) {
        SAM2_TRY(check_batch(be, op, "dst", dst, x, 3));
        for (int64_t i = 0; !be->batched && i < x->shape[0]; i++) {
            Sam2Tensor d = one_of(dst, i), y = one_of(x, i);
            SAM2_TRY(sam2_op_conv_transpose(be, &d, &y, w, bias, residual, act));
        }
        if (!be->batched)
            return SAM2_OK;
    }
    Sam2Tensor map = first_of(x, 3), out = first_of(dst, 3);
    SAM2_TRY(check_tensor(be, op, "x", &map, 3, false));
    SAM2_TRY(check_tensor(be, op, "w", &w->tensor, 4, w->packed));
    const int64_t *ws = w->tensor.shape;
    if (ws[0] != map.shape[2] || ws[2] != 2 || ws[3] != 2)
        return check_same(be, op, "w", &w->tensor, "x", x);
    SAM2_TRY(CHECK_SHAPE(be, op, "dst", &out, 2 * map.shape[0], 2 * map.shape[1], ws[1]));
    SAM2_TRY(check_apart(be, op, "x", dst, x, false));
    SAM2_TRY(check_vector(be, op, "bias", bias, ws[1]));
    SAM2_TRY(check_act(be, op, act));
    if (residual) {
        SAM2_TRY(check_vector(be, op, "residual", residual, sam2_tensor_count(&out)));
        SAM2_TRY(check_apart(be, op, "residual", dst, residual, x->n_dims == 3));
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
    SAM2_TRY(check_operand(be, op, "dst", dst, 0, 0));
    if (sam2_tensor_count(dst) != sam2_tensor_count(a))
        return check_same(be, op, "dst", dst, "a", a);
    if (sam2_tensor_count(a) % sam2_tensor_count(b))
        return check_same(be, op, "b", b, "a", a);
    SAM2_TRY(check_apart(be, op, "a", dst, a, dst->dtype == SAM2_F32));
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
    const char *op = "fill_holes";
    Sam2Tensor map = first_of(x, 2);
    SAM2_TRY(check_tensor(be, op, "x", &map, 2, false));
    if (max_area <= 0)
        return SAM2_OK;
    if (sam2_tensor_count(x) > INT_MAX / 2)
        return bad(be, op, "x is too large");
    for (int64_t i = 0; is_batch(x, 2) && !be->batched && i < x->shape[0]; i++) {
        Sam2Tensor one = one_of(x, i);
        SAM2_TRY(be->ops->fill_holes(be, &one, max_area, value));
    }
    return is_batch(x, 2) && !be->batched ? SAM2_OK : be->ops->fill_holes(be, x, max_area, value);
}

Sam2Status sam2_op_gather_memory(Sam2Backend *be, const Sam2Tensor *memory, const Sam2Tensor *keys,
                                 const Sam2Tensor *table, const Sam2Tensor *position,
                                 const Sam2Tensor *temporal, int64_t n_frames)
{
    const char *op = "gather_memory";
    SAM2_TRY(check_operand(be, op, "memory", memory, 3, 0));
    SAM2_TRY(check_operand(be, op, "keys", keys, 3, 0));
    SAM2_TRY(check_same(be, op, "keys", keys, "memory", memory));
    if (keys->dtype != memory->dtype)
        return bad(be, op, "keys and memory are not of the same type");
    SAM2_TRY(check_tensor(be, op, "position", position, 2, false));
    SAM2_TRY(check_tensor(be, op, "temporal", temporal, 2, false));
    int64_t width = memory->shape[2];
    if (position->shape[1] != width || temporal->shape[1] != width)
        return check_same(be, op, "position", position, "memory", memory);
    int64_t n_tokens = memory->shape[1] - n_frames * position->shape[0];
    if (n_frames < 0 || n_tokens < 0)
        return bad(be, op, "more frames than there are rows");
    Sam2MemoryTable layout = sam2_memory_table(NULL, memory->shape[0], n_frames, n_tokens, width);
    SAM2_TRY(check_vector(be, op, "table", table, (int64_t)(layout.size / sizeof(float))));
    SAM2_TRY(check_apart(be, op, "keys", memory, keys, false));
    return be->ops->gather_memory(be, memory, keys, table, position, temporal, n_frames);
}

Sam2Status sam2_op_choose_mask(Sam2Backend *be, const Sam2Tensor *low, const Sam2Tensor *token,
                               const Sam2Tensor *scores, const Sam2Tensor *logits,
                               const Sam2Tensor *tokens, const Sam2Tensor *iou,
                               const Sam2Tensor *score, float absent)
{
    const char *op = "choose_mask";
    SAM2_TRY(check_tensor(be, op, "logits", logits, 3, false));
    SAM2_TRY(check_tensor(be, op, "tokens", tokens, 3, false));
    int64_t n = logits->shape[0], width = tokens->shape[2];
    SAM2_TRY(CHECK_SHAPE(be, op, "logits", logits, n, 4, logits->shape[2]));
    SAM2_TRY(CHECK_SHAPE(be, op, "tokens", tokens, 4, n, width));
    SAM2_TRY(CHECK_SHAPE(be, op, "iou", iou, n, 4));
    SAM2_TRY(CHECK_SHAPE(be, op, "score", score, n, 1));
    SAM2_TRY(CHECK_SHAPE(be, op, "low", low, n, logits->shape[2]));
    SAM2_TRY(CHECK_SHAPE(be, op, "token", token, n, width));
    SAM2_TRY(CHECK_SHAPE(be, op, "scores", scores, n, 2));
    SAM2_TRY(check_apart(be, op, "logits", low, logits, false));
    SAM2_TRY(check_apart(be, op, "tokens", token, tokens, false));
    return be->ops->choose_mask(be, low, token, scores, logits, tokens, iou, score, absent);
}

Sam2Status sam2_op_mark_absent(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *scores,
                               const Sam2Tensor *row, bool replace)
{
    const char *op = "mark_absent";
    SAM2_TRY(check_tensor(be, op, "x", x, 3, false));
    SAM2_TRY(CHECK_SHAPE(be, op, "scores", scores, x->shape[0], 2));
    SAM2_TRY(check_vector(be, op, "row", row, x->shape[2]));
    return be->ops->mark_absent(be, x, scores, row, replace);
}
