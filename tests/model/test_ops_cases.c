// SPDX-License-Identifier: Apache-2.0
// Every operation: how its numbers make operands and a call, and what to try.
#include "tests/model/test_ops.h"

#include <math.h>
#include <stdlib.h>

static int64_t small(Case *c, int64_t limit)
{
    return 1 + (int64_t)(case_random(c) % (uint64_t)limit);
}

// A shape (n, a, b, c), or without n if it is 0, for `dims` dimensions behind n.
#define BATCH(n, ...)                                                                              \
    (int)(sizeof((int64_t[]){n, __VA_ARGS__}) / sizeof(int64_t)) - ((n) == 0),                     \
        (const int64_t[]){n, __VA_ARGS__} + ((n) == 0)

// Now and then a batch of a few; 0: none.
static double batch(Case *c)
{
    return case_random(c) % 3 ? 0 : (double)(1 + case_random(c) % 3);
}

static double times(const Case *c, int i)
{
    return c->p[i] > 1 ? c->p[i] : 1;
}

static void set(Case *c, int i, double value)
{
    c->p[i] = value;
}

// T, K, N, bias, act, residual: 1 an operand, 2 dst itself
static void run_linear(Case *c)
{
    const int64_t t = case_p(c, 0), k = case_p(c, 1), n = case_p(c, 2);
    const Operand *x = case_operand(c, "x", k, DIMS(t, k));
    const Sam2Weight *w = case_weight(c, "w", SAM2_WEIGHT_LINEAR, DIMS(n, k));
    const Sam2Tensor *bias = case_vector(c, "bias", n);
    const Operand *residual = case_p(c, 5) == 1 ? case_input(c, "residual", DIMS(t, n)) : NULL;
    const Sam2Tensor *dst = case_p(c, 5)
                                ? case_output(c, case_p(c, 5) == 2 ? "residual" : NULL, DIMS(t, n))
                                : case_output_operand(c, n, DIMS(t, n));
    c->flop = 2.0 * (double)(t * k * n);
    CASE_RUN(c,
             sam2_op_linear(c->be, dst, &x->tensor, w, case_p(c, 3) ? bias : NULL, case_act(c, 4),
                            case_p(c, 5) == 2 ? dst
                            : residual        ? &residual->tensor
                                              : NULL));
}

static void choose_linear(Case *c)
{
    // Now and then one that is cut into many parts, its weights larger than a cache.
    const bool large = case_random(c) % 16 == 0;
    const int sizes[] = {150, 650, 910};
    for (int i = 0; i < 3; i++)
        set(c, i, large ? sizes[i] : (double)case_size(c));
    for (int i = 3; i < 6; i++)
        set(c, i, (double)(case_random(c) % (i == 3 ? 2 : 3)));
}

// M, K, N, batch
static void run_matmul_nt(Case *c)
{
    const int64_t m = case_p(c, 0), k = case_p(c, 1), n = case_p(c, 2), many = case_p(c, 3);
    const Operand *a = case_input(c, "a", BATCH(many, m, k));
    const Operand *b = case_input(c, "b", BATCH(many, n, k));
    const Sam2Tensor *dst = case_output(c, NULL, BATCH(many, m, n));
    c->flop = 2.0 * (double)(m * k * n) * times(c, 3);
    CASE_RUN(c, sam2_op_matmul_nt(c->be, dst, &a->tensor, &b->tensor));
}

static void choose_sizes(Case *c)
{
    for (int i = 0; i < 3; i++)
        set(c, i, (double)case_size(c));
}

static void choose_matmul_nt(Case *c)
{
    choose_sizes(c);
    set(c, 3, batch(c));
}

// T, C, act
static void run_layer_norm(Case *c)
{
    const int64_t t = case_p(c, 0), n = case_p(c, 1);
    const float eps = 1e-6f;
    const Operand *x = case_input(c, "x", DIMS(t, n));
    const Operand *gamma = case_input(c, "gamma", DIMS(n)), *beta = case_input(c, "beta", DIMS(n));
    const Sam2Tensor *dst = case_output_operand(c, n, DIMS(t, n));
    // Rounding x matters as much as x is larger than its deviation.
    c->magnitude = 1;
    for (int64_t i = 0; i < t && !c->problem[0]; i++) {
        double sum = 0, squares = 0, max = 0;
        for (int64_t j = 0; j < n; j++) {
            sum += x->host[i * n + j];
            max = fmax(max, fabs(x->host[i * n + j]));
        }
        for (int64_t j = 0; j < n; j++)
            squares += pow(x->host[i * n + j] - sum / (double)n, 2);
        c->magnitude = fmax(c->magnitude, 1 + max / sqrt(squares / (double)n + eps));
    }
    CASE_RUN(c, sam2_op_layer_norm(c->be, dst, &x->tensor, &gamma->tensor, &beta->tensor, eps,
                                   case_act(c, 2)));
}

static void choose_layer_norm(Case *c)
{
    set(c, 0, (double)case_size(c));
    set(c, 1, case_random(c) % 4 ? (double)case_size(c) : 4);
    set(c, 2, (double)(case_random(c) % 3));
}

// H, W, heads, D, window, pool
static void run_window_attention(Case *c)
{
    const int64_t h = case_p(c, 0), w = case_p(c, 1), heads = case_p(c, 2), d = case_p(c, 3);
    const int64_t window = case_p(c, 4), step = case_p(c, 5) ? 2 : 1;
    const double tile = window ? (double)(window * window) : (double)(h * w);
    const Operand *qkv = case_operand(c, "qkv", d, DIMS(h, w, 3 * heads * d));
    const Operand *bias = case_input(c, "bias", DIMS(3 * heads * d));
    const Sam2Tensor *dst = case_output_operand(c, d, DIMS(h / step, w / step, heads * d));
    c->magnitude = 3 + sqrt((double)d); // weights err with the scores, and vectors reach 3
    c->flop = 4.0 * tile * (double)(h * w * heads * d) / (double)(step * step);
    CASE_RUN(c, sam2_op_window_attention(c->be, dst, &qkv->tensor, &bias->tensor, (int)heads,
                                         (int)window, step == 2));
}

static void choose_window_attention(Case *c)
{
    const bool pool = case_random(c) % 2;
    for (int i = 0; i < 2; i++)
        set(c, i, (double)(pool ? 2 * small(c, 9) : small(c, 18)));
    set(c, 2, (double)small(c, 3));
    set(c, 3, (double)small(c, 40));
    set(c, 4, case_random(c) % 4 == 0 ? 0 : (double)(pool ? 2 * small(c, 5) : small(c, 10)));
    set(c, 5, pool);
}

// Tq, Tk, heads, D, Dv, scale, batch, its queries are the same
static void run_attention(Case *c)
{
    const int64_t n_q = case_p(c, 0), n_k = case_p(c, 1), heads = case_p(c, 2), d = case_p(c, 3);
    const int64_t d_v = case_p(c, 4), n = case_p(c, 6), n_queries = case_p(c, 7) ? 0 : n;
    const Operand *q = case_operand(c, "q", d, BATCH(n_queries, n_q, heads * d));
    const Operand *k = case_operand(c, "k", d, BATCH(n, n_k, heads * d));
    const Operand *v = case_operand(c, "v", d_v, BATCH(n, n_k, heads * d_v));
    const Sam2Tensor *dst = case_output_operand(c, d_v, BATCH(n, n_q, heads * d_v));
    c->magnitude = 1 + fabs(c->p[5]) * (double)d / 4;
    c->flop = 2.0 * (double)(n_q * n_k * heads * (d + d_v)) * times(c, 6);
    CASE_RUN(c, sam2_op_attention(c->be, dst, &q->tensor, &k->tensor, &v->tensor, (int)heads,
                                  (float)c->p[5]));
}

static void choose_attention(Case *c)
{
    set(c, 0, (double)case_size(c));
    set(c, 1, (double)case_size(c) * (case_random(c) % 4 ? 1 : 5));
    set(c, 2, (double)small(c, 3));
    set(c, 3, (double)case_size(c));
    set(c, 4, (double)case_size(c));
    set(c, 5, 1 / sqrt(c->p[3]));
    set(c, 6, batch(c));
    set(c, 7, (double)(case_random(c) % 2));
}

// T, C, rows of the table, rotated rows, batch
static void run_rope(Case *c)
{
    const int64_t t = case_p(c, 0), n = case_p(c, 1), period = case_p(c, 2);
    const Operand *cos = case_input(c, "cos", DIMS(period, n / 2));
    const Operand *sin = case_input(c, "sin", DIMS(period, n / 2));
    const Sam2Tensor *x = case_output(c, "x", BATCH(case_p(c, 4), t, n));
    c->magnitude = 2;
    CASE_RUN(c, sam2_op_rope(c->be, x, &cos->tensor, &sin->tensor, case_p(c, 3)));
}

static void choose_rope(Case *c)
{
    set(c, 0, (double)case_size(c));
    set(c, 1, 2 * (double)case_size(c));
    set(c, 2, (double)small(c, (int64_t)c->p[0]));
    set(c, 3, (double)(case_random(c) % (uint64_t)(c->p[0] + 1)));
    set(c, 4, batch(c));
}

// T, K, N, rows of the table, rotated rows, batch
static void run_linear_rope(Case *c)
{
    const int64_t t = case_p(c, 0), k = case_p(c, 1), n = case_p(c, 2), period = case_p(c, 3);
    const int64_t many = case_p(c, 5);
    const Operand *x = case_operand(c, "x", k, DIMS(many * t, k));
    const Sam2Weight *w = case_weight(c, "w", SAM2_WEIGHT_LINEAR, DIMS(n, k));
    const Sam2Tensor *bias = case_vector(c, "bias", n);
    const Operand *cos = case_input(c, "cos", DIMS(period, n / 2));
    const Operand *sin = case_input(c, "sin", DIMS(period, n / 2));
    const Sam2Tensor *dst = case_output_operand(c, n, DIMS(many, t, n));
    c->magnitude = 2 + sqrt((double)k);
    CASE_RUN(c, sam2_op_linear_rope(c->be, dst, &x->tensor, w, bias, &cos->tensor, &sin->tensor,
                                    case_p(c, 4)));
}

static void choose_linear_rope(Case *c)
{
    choose_sizes(c);
    set(c, 2, 2 * (double)case_size(c));
    set(c, 3, (double)small(c, (int64_t)c->p[0]));
    set(c, 4, (double)(case_random(c) % (uint64_t)(c->p[0] + 1)));
    set(c, 5, (double)small(c, 3));
}

// H, W, Ci, Co, kh, kw, stride, pad, act, batch
static void run_conv2d(Case *c)
{
    const int64_t h = case_p(c, 0), w = case_p(c, 1), ci = case_p(c, 2), co = case_p(c, 3);
    const int64_t kh = case_p(c, 4), kw = case_p(c, 5), stride = case_p(c, 6), pad = case_p(c, 7);
    const int64_t out_h = (h + 2 * pad - kh) / stride + 1, out_w = (w + 2 * pad - kw) / stride + 1;
    const int64_t n = case_p(c, 9);
    const Operand *x = case_input(c, "x", BATCH(n, h, w, ci));
    const Sam2Weight *weight = case_weight(c, "w", SAM2_WEIGHT_CONV, DIMS(co, ci, kh, kw));
    const Operand *bias = case_input(c, "bias", DIMS(co));
    const Sam2Tensor *dst = case_output(c, NULL, BATCH(n, out_h, out_w, co));
    c->flop = 2.0 * (double)(out_h * out_w * co * ci * kh * kw) * times(c, 9);
    CASE_RUN(c, sam2_op_conv2d(c->be, dst, &x->tensor, weight, &bias->tensor, (int)stride, (int)pad,
                               case_act(c, 8)));
}

static void choose_conv2d(Case *c)
{
    const int kernels[][4] = {{7, 7, 4, 3}, {3, 3, 2, 1}, {2, 2, 2, 0},
                              {4, 4, 4, 0}, {1, 1, 1, 0}, {3, 2, 1, 4}};
    const int *kernel = kernels[case_random(c) % 6];
    for (int i = 0; i < 2; i++)
        set(c, i, (double)(kernel[i] + small(c, 20) - 1));
    set(c, 2, (double)small(c, 20));
    set(c, 3, (double)case_size(c));
    for (int i = 0; i < 4; i++)
        set(c, 4 + i, kernel[i]);
    set(c, 8, (double)(case_random(c) % 3));
    set(c, 9, batch(c));
}

// H, W, C, k, batch
static void run_depthwise_conv(Case *c)
{
    const int64_t h = case_p(c, 0), w = case_p(c, 1), n = case_p(c, 2), k = case_p(c, 3);
    const Operand *x = case_input(c, "x", BATCH(case_p(c, 4), h, w, n));
    const Sam2Weight *weight = case_weight(c, "w", SAM2_WEIGHT_DEPTHWISE, DIMS(n, 1, k, k));
    const Operand *bias = case_input(c, "bias", DIMS(n));
    const Sam2Tensor *dst = case_output(c, NULL, BATCH(case_p(c, 4), h, w, n));
    c->flop = 2.0 * (double)(h * w * n * k * k) * times(c, 4);
    CASE_RUN(c, sam2_op_depthwise_conv(c->be, dst, &x->tensor, weight, &bias->tensor));
}

static void choose_depthwise_conv(Case *c)
{
    choose_sizes(c);
    set(c, 0, (double)small(c, 20));
    set(c, 3, (double)(2 * small(c, 4) - 1));
    set(c, 4, batch(c));
}

// H, W, Ci, Co, act, residual, batch
static void run_conv_transpose(Case *c)
{
    const int64_t h = case_p(c, 0), w = case_p(c, 1), ci = case_p(c, 2), co = case_p(c, 3);
    const Operand *x = case_input(c, "x", BATCH(case_p(c, 6), h, w, ci));
    const Sam2Weight *weight = case_weight(c, "w", SAM2_WEIGHT_CONV_TRANSPOSE, DIMS(ci, co, 2, 2));
    const Operand *bias = case_input(c, "bias", DIMS(co));
    const Operand *residual = case_input(c, "residual", DIMS(2 * h, 2 * w, co));
    const Sam2Tensor *dst = case_output(c, NULL, BATCH(case_p(c, 6), 2 * h, 2 * w, co));
    c->flop = 8.0 * (double)(h * w * ci * co) * times(c, 6);
    CASE_RUN(c, sam2_op_conv_transpose(c->be, dst, &x->tensor, weight, &bias->tensor,
                                       case_p(c, 5) ? &residual->tensor : NULL, case_act(c, 4)));
}

static void choose_conv_transpose(Case *c)
{
    set(c, 0, (double)small(c, 9));
    set(c, 1, (double)case_size(c));
    set(c, 2, (double)case_size(c));
    set(c, 3, (double)case_size(c));
    set(c, 4, (double)(case_random(c) % 3));
    set(c, 5, (double)(case_random(c) % 2));
    set(c, 6, batch(c));
}

// H, W, C
static void run_max_pool(Case *c)
{
    const int64_t h = case_p(c, 0), w = case_p(c, 1), n = case_p(c, 2);
    const Operand *x = case_input(c, "x", DIMS(h, w, n));
    const Sam2Tensor *dst = case_output(c, NULL, DIMS(h / 2, w / 2, n));
    CASE_RUN(c, sam2_op_max_pool(c->be, dst, &x->tensor));
}

static void choose_max_pool(Case *c)
{
    set(c, 0, (double)(2 * small(c, 10)));
    set(c, 1, (double)(2 * small(c, 10)));
    set(c, 2, (double)case_size(c));
}

// H, W, C of the small map
static void run_upsample_add(Case *c)
{
    const int64_t h = case_p(c, 0), w = case_p(c, 1), n = case_p(c, 2);
    const Operand *x = case_input(c, "x", DIMS(h, w, n));
    const Sam2Tensor *dst = case_output(c, "before", DIMS(2 * h, 2 * w, n));
    CASE_RUN(c, sam2_op_upsample_add(c->be, dst, &x->tensor));
}

// rows, C, b is one row (or 2: half of the rows), dst is a, scale
static void run_add(Case *c)
{
    const int64_t rows = case_p(c, 0), n = case_p(c, 1);
    const Operand *a = case_p(c, 3) ? NULL : case_input(c, "a", DIMS(rows, n));
    const int64_t rows_b = case_p(c, 2) == 2 && rows % 2 == 0 ? rows / 2 : rows;
    const Operand *b = case_input(c, "b", DIMS(case_p(c, 2) == 1 ? 1 : rows_b, n));
    const Sam2Tensor *dst = case_p(c, 3) ? case_output(c, "a", DIMS(rows, n))
                                         : case_output_operand(c, n, DIMS(rows, n));
    CASE_RUN(c, sam2_op_add(c->be, dst, a ? &a->tensor : dst, &b->tensor, (float)c->p[4]));
}

static void choose_add(Case *c)
{
    set(c, 0, (double)case_size(c));
    set(c, 1, (double)case_size(c) * (case_random(c) % 4 ? 1 : 50));
    set(c, 2, (double)(case_random(c) % 3));
    set(c, 3, (double)(case_random(c) % 2));
    set(c, 4, case_random(c) % 2 ? 1 : 0.1);
}

// elements, binarize, scale, bias
static void run_mask_to_memory(Case *c)
{
    case_scale(c, 30);
    const Operand *x = case_input(c, "x", DIMS(case_p(c, 0)));
    const Sam2Tensor *dst = case_output(c, NULL, DIMS(case_p(c, 0)));
    c->magnitude = fabs(c->p[2]);
    CASE_RUN(c, sam2_op_mask_to_memory(c->be, dst, &x->tensor, case_p(c, 1), (float)c->p[2],
                                       (float)c->p[3]));
}

static void choose_mask_to_memory(Case *c)
{
    set(c, 0, (double)(case_size(c) * case_size(c)));
    set(c, 1, (double)(case_random(c) % 2));
    set(c, 2, 20);
    set(c, 3, -10);
}

// elements
static void run_round_bf16(Case *c)
{
    case_scale(c, 1000);
    const Sam2Tensor *x = case_output(c, "x", DIMS(case_p(c, 0)));
    CASE_RUN(c, sam2_op_round_bf16(c->be, x));
}

static void choose_round_bf16(Case *c)
{
    set(c, 0, (double)(case_size(c) * case_size(c)));
}

// N, h, w, H, W, antialias
static void run_resize(Case *c)
{
    const int64_t n = case_p(c, 0);
    const Operand *x = case_input(c, "x", DIMS(n, case_p(c, 1), case_p(c, 2)));
    const Sam2Tensor *dst = case_output(c, NULL, DIMS(n, case_p(c, 3), case_p(c, 4)));
    c->magnitude = 1;
    CASE_RUN(c, sam2_op_resize(c->be, dst, &x->tensor, case_p(c, 5)));
}

static void choose_resize(Case *c)
{
    set(c, 0, (double)small(c, 3));
    for (int i = 1; i < 5; i++)
        set(c, i, (double)case_size(c));
    set(c, 5, (double)(case_random(c) % 2));
}

// width, height, S, exact
static void run_image_input(Case *c)
{
    const int64_t w = case_p(c, 0), h = case_p(c, 1), s = case_p(c, 2);
    const Operand *image = case_input(c, "rgb", DIMS(h, w, 3));
    const Sam2Tensor *dst = case_output(c, NULL, DIMS(s, s, 3));
    const size_t padding = 7, stride = (size_t)(3 * w) + padding;
    // The last row ends where its pixels do.
    uint8_t *rgb = malloc((size_t)h * stride - padding);
    for (int64_t i = 0; rgb && !c->problem[0] && i < h * 3 * w; i++) {
        double value = image->host[i];
        rgb[(size_t)(i / (3 * w)) * stride + (size_t)(i % (3 * w))] =
            (uint8_t)(c->vectors ? value : (value + 1) * 127.99);
    }
    c->magnitude = 3;
    CASE_RUN(c, sam2_op_image_input(c->be, dst, rgb, (int)w, (int)h, stride, case_p(c, 3)));
    free(rgb);
}

static void choose_image_input(Case *c)
{
    choose_sizes(c);
    set(c, 3, (double)(case_random(c) % 2));
}

// H, W, largest hole, value, batch
static void run_fill_holes(Case *c)
{
    const Sam2Tensor *x = case_output(c, "x", BATCH(case_p(c, 4), case_p(c, 0), case_p(c, 1)));
    CASE_RUN(c, sam2_op_fill_holes(c->be, x, (int)c->p[2], (float)c->p[3]));
}

static void choose_fill_holes(Case *c)
{
    set(c, 0, (double)case_size(c));
    set(c, 1, (double)case_size(c));
    set(c, 2, (double)small(c, 12));
    set(c, 3, 0.1);
    set(c, 4, batch(c));
}

// objects, frames, rows of a frame, pointer tokens, width
static void run_gather_memory(Case *c)
{
    const int64_t n = case_p(c, 0), n_frames = case_p(c, 1), hw = case_p(c, 2);
    const int64_t n_tokens = case_p(c, 3), width = case_p(c, 4), n_rows = n_frames * hw + n_tokens;
    const Operand *frames = case_input(c, "frames", DIMS(n * n_frames + 1, hw, width));
    const Operand *tokens = case_input(c, "tokens", DIMS(2, n * n_tokens + 1, width));
    const Operand *position = case_input(c, "position", DIMS(hw, width));
    const Operand *temporal = case_input(c, "temporal", DIMS(7, width));
    const Sam2Tensor *dst = case_output_operand(c, width, DIMS(2, n, n_rows, width));
    const Sam2Tensor parts[2] = {sam2_tensor_rows(dst, 0, 1), sam2_tensor_rows(dst, 1, 1)};
    const Sam2Tensor memory = SAM2_RESHAPE(&parts[0], n, n_rows, width);
    const Sam2Tensor keys = SAM2_RESHAPE(&parts[1], n, n_rows, width);
    size_t size = sam2_memory_table(NULL, n, n_frames, n_tokens, width).size;
    void *host = malloc(size);
    if (!host)
        abort();
    Sam2MemoryTable table = sam2_memory_table(host, n, n_frames, n_tokens, width);
    for (int64_t i = 0; i < n * n_frames; i++) {
        const Sam2Tensor frame = sam2_tensor_rows(&frames->tensor, n * n_frames - i, 1);
        table.sources[i] = (uint64_t)(uintptr_t)frame.data;
        table.rows[i] = (i * 5 + 3) % 7;
    }
    for (int64_t i = 0; i < n * n_tokens * width; i++) {
        table.tokens[i] = tokens->host[i];
        table.keys[i] = tokens->host[(n * n_tokens + 1) * width + i];
    }
    Sam2Tensor placed = {.dtype = SAM2_F32, .n_dims = 1, .shape = {(int64_t)(size / 4)}};
    placed.data = c->be->ops->alloc(c->be, size);
    if (!placed.data || c->be->ops->upload(c->be, placed.data, host, size) != SAM2_OK)
        abort();
    c->magnitude = 3;
    CASE_RUN(c, sam2_op_gather_memory(c->be, &memory, &keys, &placed, &position->tensor,
                                      &temporal->tensor, n_frames));
    c->be->ops->free(c->be, placed.data);
    free(host);
}

static void choose_gather_memory(Case *c)
{
    set(c, 0, (double)small(c, 4));
    set(c, 1, (double)small(c, 7));
    set(c, 2, (double)case_size(c));
    set(c, 3, (double)(case_random(c) % 9));
    set(c, 4, (double)case_size(c));
}

// objects, pixels, width of a token
static void run_choose_mask(Case *c)
{
    const int64_t n = case_p(c, 0), n_pixels = case_p(c, 1), d = case_p(c, 2);
    const Operand *logits = case_input(c, "logits", DIMS(n, 4, n_pixels));
    const Operand *tokens = case_input(c, "tokens", DIMS(4, n, d));
    // The larger ones reach 1 behind the sigmoid, where the first of equals is taken.
    case_scale(c, 60);
    const Operand *iou = case_input(c, "iou", DIMS(n, 4));
    case_scale(c, 1);
    const Operand *score = case_input(c, "score", DIMS(n, 1));
    const Sam2Tensor *dst = case_output(c, NULL, DIMS(n * (n_pixels + d + 2)));
    const Sam2Tensor parts[3] = {sam2_tensor_rows(dst, 0, n * n_pixels),
                                 sam2_tensor_rows(dst, n * n_pixels, n * d),
                                 sam2_tensor_rows(dst, n * (n_pixels + d), n * 2)};
    const Sam2Tensor low = SAM2_RESHAPE(&parts[0], n, n_pixels);
    const Sam2Tensor token = SAM2_RESHAPE(&parts[1], n, d);
    const Sam2Tensor scores = SAM2_RESHAPE(&parts[2], n, 2);
    c->magnitude = 1;
    CASE_RUN(c, sam2_op_choose_mask(c->be, &low, &token, &scores, &logits->tensor, &tokens->tensor,
                                    &iou->tensor, &score->tensor, -1024));
}

static void choose_choose_mask(Case *c)
{
    set(c, 0, (double)small(c, 6));
    set(c, 1, (double)(case_size(c) * case_size(c)));
    set(c, 2, (double)case_size(c));
}

// objects, rows, width, replace
static void run_mark_absent(Case *c)
{
    const Operand *scores = case_input(c, "scores", DIMS(case_p(c, 0), 2));
    const Operand *row = case_input(c, "row", DIMS(case_p(c, 2)));
    const Sam2Tensor *x = case_output(c, "x", DIMS(case_p(c, 0), case_p(c, 1), case_p(c, 2)));
    c->magnitude = 2;
    CASE_RUN(c, sam2_op_mark_absent(c->be, x, &scores->tensor, &row->tensor, case_p(c, 3)));
}

static void choose_mark_absent(Case *c)
{
    set(c, 0, (double)small(c, 6));
    set(c, 1, (double)case_size(c));
    set(c, 2, (double)case_size(c));
    set(c, 3, (double)(case_random(c) % 2));
}

const Op test_ops[] = {
    {"linear", run_linear, choose_linear, .sums = true, .bf16 = true},
    {"matmul_nt", run_matmul_nt, choose_matmul_nt, .sums = true},
    {"layer_norm", run_layer_norm, choose_layer_norm},
    {"window_attention", run_window_attention, choose_window_attention, .bf16 = true},
    {"attention", run_attention, choose_attention, .bf16 = true},
    {"rope", run_rope, choose_rope},
    {"linear_rope", run_linear_rope, choose_linear_rope, .bf16 = true},
    {"conv2d", run_conv2d, choose_conv2d, .sums = true, .bf16 = true},
    {"depthwise_conv", run_depthwise_conv, choose_depthwise_conv, .sums = true},
    {"conv_transpose", run_conv_transpose, choose_conv_transpose, .sums = true, .bf16 = true},
    {"max_pool", run_max_pool, choose_max_pool, .exact = true},
    {"upsample_add", run_upsample_add, choose_sizes, .sums = true},
    {"add", run_add, choose_add, .sums = true},
    {"mask_to_memory", run_mask_to_memory, choose_mask_to_memory},
    {"round_bf16", run_round_bf16, choose_round_bf16, .exact = true},
    {"resize", run_resize, choose_resize},
    {"image_input", run_image_input, choose_image_input},
    {"fill_holes", run_fill_holes, choose_fill_holes, .exact = true},
    {"gather_memory", run_gather_memory, choose_gather_memory},
    {"choose_mask", run_choose_mask, choose_choose_mask},
    {"mark_absent", run_mark_absent, choose_mark_absent},
};
const int n_test_ops = sizeof test_ops / sizeof *test_ops;

const Bench test_half_cases[] = {
    {"linear", {33, 64, 96, 1, 0, 0}},
    {"linear", {33, 64, 96, 1, 1, 0}},
    {"linear", {33, 64, 96, 1, 2, 0}},
    {"linear", {33, 64, 96, 0, 2, 0}},
    {"linear", {16, 8, 8, 1, 0, 2}},
    {"linear", {65, 96, 288, 1, 0, 1}},
    {"layer_norm", {100, 4, 2}},
    {"layer_norm", {5, 8, 0}},
    {"layer_norm", {70, 16, 2}},
    {"layer_norm", {33, 56, 0}},
    {"layer_norm", {33, 96, 0}},
    {"layer_norm", {9, 144, 0}},
    {"layer_norm", {5, 256, 0}},
    {"layer_norm", {3, 448, 0}},
    {"layer_norm", {3, 768, 0}},
    {"layer_norm", {9, 1152, 1}},
    {"layer_norm", {3, 1160, 0}},
    // Every width of heads; tiles over both edges; pooling; the whole map, pooled too.
    {"window_attention", {8, 8, 1, 16, 4, 0}},
    {"window_attention", {12, 10, 2, 56, 8, 1}},
    {"window_attention", {9, 11, 2, 56, 8, 0}},
    {"window_attention", {14, 21, 1, 64, 7, 0}},
    {"window_attention", {10, 14, 1, 72, 4, 1}},
    {"window_attention", {20, 17, 1, 72, 14, 0}},
    {"window_attention", {9, 11, 2, 96, 8, 0}},
    {"window_attention", {10, 12, 1, 96, 8, 1}},
    {"window_attention", {16, 16, 1, 112, 14, 0}},
    {"window_attention", {9, 8, 3, 24, 0, 0}},
    {"window_attention", {8, 6, 1, 96, 0, 1}},
    // Memory; the frame with itself; the mask decoder; keys in parts.
    {"attention", {70, 130, 1, 256, 64, 0.0625, 2, 0}},
    {"attention", {65, 100, 1, 256, 64, 0.0625, 3, 1}},
    {"attention", {100, 600, 1, 256, 64, 0.0625, 0, 0}},
    {"attention", {40, 70, 1, 256, 256, 0.0625, 2, 0}},
    {"attention", {7, 300, 8, 16, 16, 0.25, 2, 0}},
    {"attention", {300, 7, 8, 16, 16, 0.25, 0, 0}},
    {"attention", {8, 9, 8, 32, 32, 0.177, 3, 0}},
    {"attention", {33, 65, 2, 24, 40, 0.2, 2, 1}},
    {"attention", {64, 600, 2, 72, 72, 0.12, 0, 0}},
    {"linear_rope", {70, 64, 128, 16, 64, 2}},
    {"linear_rope", {64, 256, 256, 64, 64, 3}},
    {"linear_rope", {65, 8, 16, 7, 0, 1}},
    {"linear_rope", {100, 72, 72, 33, 99, 2}},
    {"add", {33, 64, 1, 0, 1}},
    {"add", {6, 16, 0, 0, 0.1}},
    {"gather_memory", {2, 3, 16, 4, 64}},
    {"gather_memory", {1, 2, 7, 0, 8}},
};
const int n_test_half_cases = sizeof test_half_cases / sizeof *test_half_cases;

// What tiny spends its time on for a frame of 1024 x 1024 with one object.
const Bench test_benches[] = {
    {"linear", {65536, 96, 288, 1, 0, 0}},
    {"linear", {65536, 96, 384, 1, 2, 0}},
    {"linear", {65536, 384, 96, 1, 0, 2}},
    {"linear", {16384, 192, 576, 1, 0, 0}},
    {"linear", {16384, 192, 768, 1, 2, 0}},
    {"linear", {16384, 768, 192, 1, 0, 2}},
    {"linear", {4096, 384, 1152, 1, 0, 0}},
    {"linear", {4096, 384, 1536, 1, 2, 0}},
    {"linear", {4096, 1536, 384, 1, 0, 2}},
    {"linear", {1024, 768, 2304, 1, 0, 0}},
    {"linear", {1024, 768, 3072, 1, 2, 0}},
    {"linear", {1024, 3072, 768, 1, 0, 2}},
    {"linear", {4096, 256, 2048, 1, 1, 0}},
    {"linear", {4096, 2048, 256, 1, 0, 2}},
    {"linear", {28736, 64, 256, 1, 0, 0}},
    {"linear", {8, 256, 2048, 1, 1, 0}},
    {"matmul_nt", {4, 32, 65536}},
    {"attention", {4096, 28736, 1, 256, 64, 0.0625}},
    {"attention", {4096, 4096, 1, 256, 256, 0.0625}},
    {"attention", {8, 4096, 8, 16, 16, 0.25}},
    {"attention", {4096, 8, 8, 16, 16, 0.25}},
    {"window_attention", {256, 256, 1, 96, 8, 0}},
    {"window_attention", {128, 128, 2, 96, 4, 0}},
    {"window_attention", {64, 64, 4, 96, 14, 0}},
    {"window_attention", {64, 64, 4, 96, 0, 0}},
    {"window_attention", {32, 32, 8, 96, 7, 0}},
    {"window_attention", {256, 256, 2, 96, 8, 1}},
    {"conv2d", {1024, 1024, 3, 96, 7, 7, 4, 3, 0}},
    {"conv2d", {1024, 1024, 1, 4, 3, 3, 2, 1, 0}},
    {"conv2d", {512, 512, 4, 16, 3, 3, 2, 1, 0}},
    {"conv2d", {256, 256, 16, 64, 3, 3, 2, 1, 0}},
    {"conv2d", {128, 128, 64, 256, 3, 3, 2, 1, 0}},
    {"depthwise_conv", {64, 64, 256, 7}},
    {"conv_transpose", {64, 64, 256, 64, 0, 1}},
    {"conv_transpose", {128, 128, 64, 32, 2, 1}},
    {"layer_norm", {65536, 96, 0}},
    {"layer_norm", {4096, 384, 0}},
    {"layer_norm", {262144, 4, 2}},
    {"layer_norm", {65536, 16, 2}},
    {"max_pool", {256, 256, 192}},
    {"upsample_add", {32, 32, 256}},
    {"add", {65536, 96, 0, 1, 1}},
    {"rope", {28736, 256, 4096, 28672}},
    {"mask_to_memory", {1048576, 0, 20, -10}},
    {"resize", {1, 256, 256, 1024, 1024, 0}},
    {"resize", {1, 256, 256, 1080, 1920, 0}},
    {"image_input", {1920, 1080, 1024, 1}},
    {"image_input", {3840, 2160, 1024, 1}},
    {"image_input", {1920, 1080, 1024, 0}},
    {"fill_holes", {256, 256, 8, 0.1}},
};
const int n_test_benches = sizeof test_benches / sizeof *test_benches;
