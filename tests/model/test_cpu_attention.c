// SPDX-License-Identifier: Apache-2.0
// The cpu backend's attention on every instruction set at hand, against a plain one in double
// precision: odd sizes, buffers that end at an unreadable page, threads, extreme values.
// With --bench avx2|avx512|amx: speed at the shapes of SAM 2 (test_cpu_attention_bench.c).
#include "tests/model/test_cpu_attention.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int n_passed, n_failed;

static void report(bool ok, const char *isa, const char *group, const char *detail)
{
    printf("%s %s %s%s%s\n", ok ? "ok  " : "FAIL", isa, group, *detail ? ": " : "", detail);
    ok ? n_passed++ : n_failed++;
}

// ---- Buffers -----------------------------------------------------------------------------------

// `count` floats whose end is (or, at_front, whose beginning is) an unreadable page.
typedef struct Buffer {
    char *map;
    size_t map_size;
    float *data;
    size_t count;
} Buffer;

#define CANARY 0x7fa5a5a5u // a NaN: shows when it is read, too

static Buffer buffer_new(size_t count, bool at_front)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inner = (count * sizeof(float) + page - 1) / page * page + page;
    Buffer buffer = {.map_size = inner + 2 * page, .count = count};
    buffer.map = mmap(NULL, buffer.map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer.map == MAP_FAILED || mprotect(buffer.map + page, inner, PROT_READ | PROT_WRITE)) {
        perror("mmap");
        exit(1);
    }
    uint32_t *words = (uint32_t *)(buffer.map + page);
    for (size_t i = 0; i < inner / sizeof *words; i++)
        words[i] = CANARY;
    buffer.data = (float *)words;
    if (!at_front)
        buffer.data += inner / sizeof(float) - count;
    return buffer;
}

static void buffer_free(Buffer *buffer)
{
    munmap(buffer->map, buffer->map_size);
}

// Whether everything around the floats is as buffer_new() left it.
static bool buffer_is_intact(const Buffer *buffer)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const uint32_t *words = (const uint32_t *)(buffer->map + page);
    const uint32_t *end = (const uint32_t *)(buffer->map + buffer->map_size - page);
    for (; words < end; words++) {
        bool inside =
            words >= (uint32_t *)buffer->data && words < (uint32_t *)buffer->data + buffer->count;
        if (!inside && *words != CANARY)
            return false;
    }
    return true;
}

static uint64_t random_state = 1;

static float random_normal(void)
{
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        sum += (float)(random_state >> 40) / (float)(1 << 24) - 0.5f;
    }
    return sum * 1.7320508f;
}

static Buffer buffer_random(size_t count, bool at_front, float size)
{
    Buffer buffer = buffer_new(count, at_front);
    for (size_t i = 0; i < count; i++)
        buffer.data[i] = random_normal() * size;
    return buffer;
}

static Sam2Tensor make_tensor(const Buffer *buffer, int n_dims, int64_t a, int64_t b, int64_t c)
{
    return (Sam2Tensor){.data = buffer->data, .n_dims = n_dims, .shape = {a, b, c}};
}

// ---- Oracle ------------------------------------------------------------------------------------

static double as_input(float x, bool bf16)
{
    return bf16 ? (double)sam2_f32_from_bf16(sam2_bf16_from_f32(x)) : (double)x;
}

// One head, given by rows. `allowed` receives the error that rounding explains, relative to the sum
// of weight |v|: independent roundings of the scores and sums (of which blocks are added); n_equal
// equal keys, whose roundings add up; weights of bf16, each off by at most half a unit.
static void attend_plainly(double *out, double *allowed, const float *q, const float *const *k,
                           const float *const *v, int64_t n_k, int d, int dv, double scale,
                           int n_equal, bool bf16)
{
    double *weight = malloc((size_t)n_k * sizeof *weight);
    double max = -INFINITY, sum = 0, size = 0;
    for (int64_t i = 0; i < n_k; i++) {
        double s = 0, s_size = 0;
        for (int j = 0; j < d; j++) {
            double product = as_input(q[j], bf16) * as_input(k[i][j], bf16);
            s += product;
            s_size += fabs(product);
        }
        weight[i] = scale * s;
        max = fmax(max, weight[i]);
        if (isfinite(s_size))
            size = fmax(size, fabs(scale) * s_size);
    }
    const double relative = 0x1p-24 * (16 + 2 * sqrt(fmin((double)n_k, 256)) + 3 * size + n_equal) +
                            (bf16 ? 0x1p-8 + 2e-4 : 0);
    for (int64_t i = 0; i < n_k; i++)
        sum += weight[i] = exp(weight[i] - max);
    memset(out, 0, (size_t)dv * sizeof *out);
    memset(allowed, 0, (size_t)dv * sizeof *allowed);
    for (int64_t i = 0; i < n_k; i++) {
        for (int j = 0; j < dv; j++) {
            double x = as_input(v[i][j], bf16);
            out[j] += weight[i] / sum * x;
            allowed[j] += weight[i] / sum * fabs(x) * relative;
        }
    }
    free(weight);
}

// The largest error in units of the allowed.
static double compare(const float *got, const double *want, const double *allowed, int n)
{
    double worst = 0;
    for (int i = 0; i < n; i++) {
        double error = fabs((double)got[i] - want[i]) / (allowed[i] + 1e-30);
        if (!(error <= worst))
            worst = isnan(error) ? INFINITY : error;
    }
    return worst;
}

// ---- attention ---------------------------------------------------------------------------------

typedef struct Shape {
    int64_t n_q, n_k;
    int d, dv, n_heads;
    float size; // of q; scores grow with it
} Shape;

static bool check_attention(Sam2Backend *be, const Shape *shape, bool at_front, char *detail,
                            size_t detail_size)
{
    const bool bf16 = be->precision == SAM2_PRECISION_BF16;
    const int64_t d = shape->d * shape->n_heads, dv = shape->dv * shape->n_heads;
    Buffer q = buffer_random((size_t)(shape->n_q * d), at_front, shape->size);
    Buffer k = buffer_random((size_t)(shape->n_k * d), at_front, 1);
    Buffer v = buffer_random((size_t)(shape->n_k * dv), at_front, 1);
    Buffer dst = buffer_new((size_t)(shape->n_q * dv), at_front);
    Sam2Tensor q_tensor = make_tensor(&q, 2, shape->n_q, d, 0);
    Sam2Tensor k_tensor = make_tensor(&k, 2, shape->n_k, d, 0);
    Sam2Tensor v_tensor = make_tensor(&v, 2, shape->n_k, dv, 0);
    Sam2Tensor dst_tensor = make_tensor(&dst, 2, shape->n_q, dv, 0);
    const float scale = 1 / sqrtf((float)shape->d);
    const float **k_rows = malloc((size_t)shape->n_k * sizeof *k_rows);
    const float **v_rows = malloc((size_t)shape->n_k * sizeof *v_rows);
    double *want = malloc((size_t)shape->dv * sizeof *want);
    double *allowed = malloc((size_t)shape->dv * sizeof *allowed);
    double worst = 0;
    Sam2Status status =
        sam2_cpu_attention(be, &dst_tensor, &q_tensor, &k_tensor, &v_tensor, shape->n_heads, scale);
    const int64_t step = shape->n_q / 40 + 1; // of large ones, some queries
    for (int head = 0; head < shape->n_heads && status == SAM2_OK; head++) {
        for (int64_t i = 0; i < shape->n_k; i++) {
            k_rows[i] = k.data + i * d + head * shape->d;
            v_rows[i] = v.data + i * dv + head * shape->dv;
        }
        for (int64_t i = 0; i < shape->n_q; i += i + step < shape->n_q ? step : 1) {
            attend_plainly(want, allowed, q.data + i * d + head * shape->d, k_rows, v_rows,
                           shape->n_k, shape->d, shape->dv, (double)scale, 0, bf16);
            worst = fmax(worst,
                         compare(dst.data + i * dv + head * shape->dv, want, allowed, shape->dv));
        }
    }
    bool intact = buffer_is_intact(&dst);
    snprintf(detail, detail_size, "(%d, %d) x (%d, %d) %d heads: error %.2g of the allowed%s",
             (int)shape->n_q, shape->d, (int)shape->n_k, shape->dv, shape->n_heads, worst,
             intact ? "" : ", wrote outside dst");
    free(k_rows);
    free(v_rows);
    free(want);
    free(allowed);
    buffer_free(&q);
    buffer_free(&k);
    buffer_free(&v);
    buffer_free(&dst);
    return status == SAM2_OK && worst <= 1 && intact;
}

static void test_attention(Sam2Backend *be, const char *isa)
{
    static const Shape shapes[] = {
        {1, 1, 1, 1, 1, 1},        {1, 1, 16, 16, 8, 1},       {8, 4096, 16, 16, 8, 1},
        {700, 8, 16, 16, 8, 1},    {8, 8, 32, 32, 8, 1},       {5, 3, 8, 8, 3, 1},
        {3, 2, 7, 5, 2, 1},        {17, 33, 13, 9, 2, 1},      {16, 257, 31, 33, 1, 1},
        {47, 511, 56, 56, 2, 1},   {49, 300, 72, 72, 2, 1},    {100, 259, 96, 96, 1, 1},
        {200, 777, 256, 64, 1, 1}, {209, 513, 256, 256, 1, 1}, {417, 129, 64, 17, 1, 1},
        {33, 1025, 100, 3, 3, 1},  {500, 2000, 32, 64, 2, 1},  {64, 1000, 256, 64, 1, 30},
        {130, 900, 96, 96, 2, 10}, {2, 10000, 64, 64, 1, 3},   {31, 16, 24, 40, 4, 1},
    };
    char detail[200], worst[200] = "";
    bool ok = true;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int at_front = 0; at_front < 2; at_front++) {
            if (!check_attention(be, &shapes[i], at_front, detail, sizeof detail) && ok) {
                ok = false;
                memcpy(worst, detail, sizeof worst);
            }
        }
    }
    report(ok, isa, "attention, fixed shapes", worst);

    ok = true;
    for (int i = 0; i < 60; i++) {
        random_state += (uint64_t)i * 977;
        random_normal();
        uint64_t r = random_state >> 16;
        Shape shape = {
            .n_q = 1 + (int64_t)(r % 300),
            .n_k = 1 + (int64_t)(r / 300 % (i % 4 ? 300 : 1500)),
            .d = 1 + (int)(r / 450000 % 140),
            .dv = 1 + (int)(r / 63000000 % 140),
            .n_heads = 1 + (int)(r / 8820000000 % 3),
            .size = 1,
        };
        if (!check_attention(be, &shape, i % 2, detail, sizeof detail) && ok) {
            ok = false;
            memcpy(worst, detail, sizeof worst);
        }
    }
    report(ok, isa, "attention, random shapes", ok ? "" : worst);
}

static void test_values(Sam2Backend *be, const char *isa)
{
    const bool bf16 = be->precision == SAM2_PRECISION_BF16;
    enum { N_Q = 37, N_K = 700, D = 1, DV = 3 };
    Buffer q = buffer_random(N_Q * 40, false, 1), k = buffer_random(N_K * 40, false, 1);
    Buffer v = buffer_random(N_K * 40, false, 1), dst = buffer_new(N_Q * 40, false);
    bool ok = true;

    // One key: its value, but for the rounding of a weight that cancels out.
    Sam2Tensor q_tensor = make_tensor(&q, 2, N_Q, 40, 0), k_tensor = make_tensor(&k, 2, 1, 40, 0);
    Sam2Tensor v_tensor = make_tensor(&v, 2, 1, 40, 0),
               dst_tensor = make_tensor(&dst, 2, N_Q, 40, 0);
    ok = sam2_cpu_attention(be, &dst_tensor, &q_tensor, &k_tensor, &v_tensor, 5, 0.3f) == SAM2_OK;
    for (int i = 0; i < N_Q * 40; i++)
        ok = ok && fabs((double)dst.data[i] - as_input(v.data[i % 40], bf16)) <=
                       1e-6 * fabs((double)dst.data[i]);
    report(ok, isa, "one key gives its value", "");

    // Blocks of keys at minus infinity before, between and after finite ones.
    for (int i = 0; i < N_Q; i++)
        q.data[i] = 1 + (float)(i % 5);
    for (int i = 0; i < N_K; i++)
        k.data[i] = i % 300 > 290 ? (float)(i % 7) * 0.25f - 1e4f : -INFINITY;
    q_tensor = make_tensor(&q, 2, N_Q, D, 0);
    k_tensor = make_tensor(&k, 2, N_K, D, 0);
    v_tensor = make_tensor(&v, 2, N_K, DV, 0);
    dst_tensor = make_tensor(&dst, 2, N_Q, DV, 0);
    ok = sam2_cpu_attention(be, &dst_tensor, &q_tensor, &k_tensor, &v_tensor, 1, 1) == SAM2_OK;
    const float *k_rows[N_K], *v_rows[N_K];
    for (int i = 0; i < N_K; i++) {
        k_rows[i] = k.data + i;
        v_rows[i] = v.data + i * DV;
    }
    double worst = 0;
    for (int i = 0; i < N_Q; i++) {
        double want[DV], allowed[DV];
        attend_plainly(want, allowed, q.data + i, k_rows, v_rows, N_K, D, DV, 1, 0, bf16);
        worst = fmax(worst, compare(dst.data + i * DV, want, allowed, DV));
    }
    report(ok && worst <= 1, isa, "keys at minus infinity", "");

    // A negative scale, and weights that vanish: the key with the smallest product wins.
    for (int i = 0; i < N_Q; i++)
        q.data[i] = 1000;
    for (int i = 0; i < N_K; i++)
        k.data[i] = (float)((i * 337) % N_K);
    int smallest = 0;
    for (int i = 0; i < N_K; i++)
        smallest = k.data[i] < k.data[smallest] ? i : smallest;
    ok = sam2_cpu_attention(be, &dst_tensor, &q_tensor, &k_tensor, &v_tensor, 1, -1) == SAM2_OK;
    for (int i = 0; i < N_Q * DV; i++)
        ok = ok && (double)dst.data[i] == as_input(v.data[smallest * DV + i % DV], bf16);
    report(ok, isa, "negative scale, one weight left", "");

    // Scores that grow from block to block, past what a weight relative to the first can hold.
    for (int i = 0; i < N_Q; i++)
        q.data[i] = 1 + (float)(i % 3);
    for (int i = 0; i < N_K; i++)
        k.data[i] = (float)(i / 40 * 40) * (i % 2 ? 0.01f : 1.5f) + (float)(i % 40) * 0.05f;
    ok = sam2_cpu_attention(be, &dst_tensor, &q_tensor, &k_tensor, &v_tensor, 1, 0.5f) == SAM2_OK;
    worst = 0;
    for (int i = 0; i < N_Q; i++) {
        double want[DV], allowed[DV];
        attend_plainly(want, allowed, q.data + i, k_rows, v_rows, N_K, D, DV, 0.5, 0, bf16);
        worst = fmax(worst, compare(dst.data + i * DV, want, allowed, DV));
    }
    report(ok && worst <= 1, isa, "scores that grow by hundreds", "");

    // A NaN stays with its query.
    q.data[5] = NAN;
    ok = sam2_cpu_attention(be, &dst_tensor, &q_tensor, &k_tensor, &v_tensor, 1, 0.5f) == SAM2_OK;
    for (int i = 0; i < N_Q * DV; i++)
        ok = ok && (isnan(dst.data[i]) != 0) == (i / DV == 5);
    report(ok, isa, "NaN stays with its query", "");
    buffer_free(&q);
    buffer_free(&k);
    buffer_free(&v);
    buffer_free(&dst);
}

// ---- window attention --------------------------------------------------------------------------

typedef struct Map {
    int height, width, head_width, n_heads, window;
    bool pool;
} Map;

// A completed tile is made, then attended: the order of work of the definition.
static double check_tile(const Map *map, int top, int left, const float *qkv, const float *bias,
                         const float *dst, bool bf16)
{
    const int c = map->head_width * map->n_heads, d = map->head_width;
    const int tile_height = map->window ? map->window : map->height;
    const int tile_width = map->window ? map->window : map->width;
    const int n = tile_height * tile_width, step = map->pool ? 2 : 1;
    const float **k_rows = malloc((size_t)n * sizeof *k_rows);
    const float **v_rows = malloc((size_t)n * sizeof *v_rows);
    float *tile = malloc((size_t)n * (size_t)(3 * c) * sizeof *tile);
    float *q = malloc((size_t)d * sizeof *q);
    double *want = malloc((size_t)d * sizeof *want), *allowed = malloc((size_t)d * sizeof *allowed);
    double worst = 0;
    int n_pads = 0;
    for (int y = 0; y < tile_height; y++) {
        for (int x = 0; x < tile_width; x++) {
            bool inside = top + y < map->height && left + x < map->width;
            n_pads += !inside;
            memcpy(tile + (y * tile_width + x) * 3 * c,
                   inside ? qkv + ((top + y) * map->width + left + x) * 3 * c : bias,
                   (size_t)(3 * c) * sizeof *tile);
        }
    }
    for (int head = 0; head < map->n_heads; head++) {
        for (int i = 0; i < n; i++) {
            k_rows[i] = tile + i * 3 * c + c + head * d;
            v_rows[i] = tile + i * 3 * c + 2 * c + head * d;
        }
        for (int y = 0; y + step <= tile_height && top + y < map->height; y += step) {
            for (int x = 0; x + step <= tile_width && left + x < map->width; x += step) {
                for (int j = 0; j < d; j++) {
                    q[j] = -INFINITY;
                    for (int i = 0; i < step * step; i++)
                        q[j] =
                            fmaxf(q[j], tile[((y + i / step) * tile_width + x + i % step) * 3 * c +
                                             head * d + j]);
                }
                attend_plainly(want, allowed, q, k_rows, v_rows, n, d, d, 1 / sqrt(d), n_pads,
                               bf16);
                int row = (top + y) / step * (map->width / step) + (left + x) / step;
                worst = fmax(worst, compare(dst + row * c + head * d, want, allowed, d));
            }
        }
    }
    free(k_rows);
    free(v_rows);
    free(tile);
    free(q);
    free(want);
    free(allowed);
    return worst;
}

static void test_windows(Sam2Backend *be, const char *isa)
{
    static const Map maps[] = {
        {16, 16, 96, 1, 8, false}, {12, 20, 96, 2, 4, false}, {30, 17, 24, 2, 14, false},
        {9, 8, 56, 3, 7, false},   {5, 3, 8, 1, 8, false},    {16, 24, 48, 2, 8, true},
        {8, 12, 96, 2, 4, true},   {20, 36, 16, 3, 14, true}, {10, 14, 72, 1, 0, false},
        {12, 6, 24, 4, 0, true},   {3, 7, 5, 3, 2, false},    {2, 2, 16, 2, 2, true},
        {1, 1, 40, 1, 3, false},   {18, 2, 13, 2, 6, true},   {40, 24, 32, 2, 20, false},
    };
    const bool bf16 = be->precision == SAM2_PRECISION_BF16;
    for (int pool = 0; pool < 2; pool++) {
        char detail[200] = "";
        bool ok = true;
        for (size_t i = 0; i < 2 * sizeof maps / sizeof *maps; i++) {
            const Map *map = &maps[i / 2];
            if (map->pool != pool)
                continue;
            const int c = map->head_width * map->n_heads, step = pool ? 2 : 1;
            const int n = map->height * map->width;
            Buffer qkv = buffer_random((size_t)(n * 3 * c), i % 2, 1);
            Buffer bias = buffer_random((size_t)(3 * c), i % 2, 1);
            Buffer dst = buffer_new((size_t)(n / (step * step) * c), i % 2);
            Sam2Tensor qkv_tensor = make_tensor(&qkv, 3, map->height, map->width, 3 * c);
            Sam2Tensor bias_tensor = make_tensor(&bias, 1, 3 * c, 0, 0);
            Sam2Tensor dst_tensor = make_tensor(&dst, 3, map->height / step, map->width / step, c);
            Sam2Status status = sam2_cpu_window_attention(
                be, &dst_tensor, &qkv_tensor, &bias_tensor, map->n_heads, map->window, map->pool);
            double worst = 0;
            int tile_height = map->window ? map->window : map->height;
            int tile_width = map->window ? map->window : map->width;
            for (int y = 0; y < map->height; y += tile_height)
                for (int x = 0; x < map->width; x += tile_width)
                    worst = fmax(worst, check_tile(map, y, x, qkv.data, bias.data, dst.data, bf16));
            if (ok && (status != SAM2_OK || !(worst <= 1) || !buffer_is_intact(&dst))) {
                ok = false;
                snprintf(detail, sizeof detail, "%d x %d, window %d: error %.2g of the allowed",
                         map->height, map->width, map->window, worst);
            }
            buffer_free(&qkv);
            buffer_free(&bias);
            buffer_free(&dst);
        }
        report(ok, isa, pool ? "windows with pooled queries" : "windows", detail);
    }
    Buffer one = buffer_random(24, false, 1), dst = buffer_new(8, false);
    Sam2Tensor qkv_tensor = make_tensor(&one, 3, 1, 1, 24);
    Sam2Tensor bias_tensor = make_tensor(&one, 1, 24, 0, 0);
    Sam2Tensor dst_tensor = make_tensor(&dst, 3, 1, 1, 8);
    Sam2Status status =
        sam2_cpu_window_attention(be, &dst_tensor, &qkv_tensor, &bias_tensor, 1, INT_MAX, false);
    report(status == SAM2_ERR_MEMORY && be->error.message[0], isa, "a window beyond memory", "");
    buffer_free(&one);
    buffer_free(&dst);
}

// ---- threads -----------------------------------------------------------------------------------

static void test_threads(Sam2Backend *be, const char *isa)
{
    enum { N_Q = 500, N_K = 600, HEADS = 2, D = 40, DV = 24 };
    Buffer q = buffer_random(N_Q * HEADS * D, false, 1),
           k = buffer_random(N_K * HEADS * D, false, 1);
    Buffer v = buffer_random(N_K * HEADS * DV, false, 1);
    Buffer dst[4];
    Sam2Tensor q_tensor = make_tensor(&q, 2, N_Q, HEADS * D, 0);
    Sam2Tensor k_tensor = make_tensor(&k, 2, N_K, HEADS * D, 0);
    Sam2Tensor v_tensor = make_tensor(&v, 2, N_K, HEADS * DV, 0);
    const int n_threads = be->n_threads;
    bool ok = true;
    for (int i = 0; i < 4; i++) {
        dst[i] = buffer_new(N_Q * HEADS * DV, false);
        Sam2Tensor dst_tensor = make_tensor(&dst[i], 2, N_Q, HEADS * DV, 0);
        be->n_threads = (int[]){1, 2, 3, 11}[i];
        ok = ok && sam2_cpu_attention(be, &dst_tensor, &q_tensor, &k_tensor, &v_tensor, HEADS,
                                      0.2f) == SAM2_OK;
        ok = ok && !memcmp(dst[i].data, dst[0].data, dst[0].count * sizeof(float));
    }
    be->n_threads = n_threads;
    report(ok, isa, "the same bits with 1, 2, 3 and 11 threads", "");
    for (int i = 0; i < 4; i++)
        buffer_free(&dst[i]);
    buffer_free(&q);
    buffer_free(&k);
    buffer_free(&v);
}

int main(int argc, char **argv)
{
    const char *bench = argc > 2 && !strcmp(argv[1], "--bench") ? argv[2] : NULL;
    static const struct {
        const char *isa;
        Sam2CpuIsa kind;
        Sam2Precision precision;
    } modes[] = {
        {"avx2", SAM2_CPU_AVX2, SAM2_PRECISION_F32},
        {"avx512", SAM2_CPU_AVX512, SAM2_PRECISION_F32},
        {"amx", SAM2_CPU_AMX, SAM2_PRECISION_BF16},
    };
    int n_skipped = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        Sam2Backend *be = NULL;
        Sam2Error error = {0};
        if (bench && strcmp(bench, modes[i].isa) != 0)
            continue;
        setenv("SAM2_CPU_ISA", modes[i].isa, 1);
        if (sam2_backend_open(&be, SAM2_BACKEND_CPU, modes[i].precision, bench ? 0 : 2, &error) !=
                SAM2_OK ||
            sam2_cpu_state(be)->isa != modes[i].kind || be->precision != modes[i].precision) {
            printf("skip %s: %s\n", modes[i].isa, be ? "not on this machine" : error.message);
            sam2_backend_close(&be);
            n_skipped++;
            continue;
        }
        if (bench) {
            bench_cpu_attention(be, modes[i].isa);
        } else {
            random_state = 1;
            test_attention(be, modes[i].isa);
            test_values(be, modes[i].isa);
            test_windows(be, modes[i].isa);
            test_threads(be, modes[i].isa);
        }
        sam2_backend_close(&be);
    }
    printf("%d passed, %d failed, %d skipped\n", n_passed, n_failed, n_skipped);
    return n_failed ? 1 : n_passed || bench ? 0 : 77;
}
