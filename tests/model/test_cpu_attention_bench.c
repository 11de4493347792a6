// SPDX-License-Identifier: Apache-2.0
// Speed of the cpu backend's attention at the shapes of SAM 2, beside a large matrix product.
#include "tests/model/test_cpu_attention.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_DNNL
#include <dnnl.h>
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *new_floats(size_t count)
{
    float *data = aligned_alloc(64, (count * sizeof *data + 63) & ~(size_t)63);
    if (!data) {
        perror("aligned_alloc");
        exit(1);
    }
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = (float)(state >> 8) / (float)(1 << 23) - 1;
    }
    return data;
}

// GFLOP/s of oneDNN for a large product in the backend's precision; 0 when it is not to be had.
static double measure_gemm(const Sam2Backend *be)
{
    double best = 0;
#ifdef HAVE_DNNL
    enum { N = 2048 };
    const dnnl_data_type_t type = be->precision == SAM2_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
    const bool avx2 = sam2_cpu_state((Sam2Backend *)be)->isa == SAM2_CPU_AVX2;
    const dnnl_dims_t dims = {N, N};
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_memory_desc_t in, out;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t primitive_desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c;
    if (avx2) // for the whole process, so a bench is of one instruction set
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) || dnnl_stream_create(&stream, engine, 0) ||
        dnnl_memory_desc_init_by_tag(&in, 2, dims, type, dnnl_ab) ||
        dnnl_memory_desc_init_by_tag(&out, 2, dims, dnnl_f32, dnnl_ab) ||
        dnnl_matmul_desc_init(&desc, &in, &in, NULL, &out) ||
        dnnl_primitive_desc_create(&primitive_desc, &desc, NULL, engine, NULL) ||
        dnnl_primitive_create(&primitive, primitive_desc) ||
        dnnl_memory_create(&a, &in, engine, DNNL_MEMORY_ALLOCATE) ||
        dnnl_memory_create(&b, &in, engine, DNNL_MEMORY_ALLOCATE) ||
        dnnl_memory_create(&c, &out, engine, DNNL_MEMORY_ALLOCATE))
        return 0;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}};
    for (int i = 0; i < 3; i++) {
        void *data;
        dnnl_memory_get_data_handle(args[i].memory, &data);
        memset(data, 0, (size_t)N * N * (i == 2 || type == dnnl_f32 ? 4 : 2));
    }
    for (int i = 0; i < 12; i++) {
        double t = now();
        dnnl_primitive_execute(primitive, stream, 3, args);
        dnnl_stream_wait(stream);
        best = fmax(best, 2e-9 * N * N * N / (now() - t));
    }
    dnnl_memory_destroy(a);
    dnnl_memory_destroy(b);
    dnnl_memory_destroy(c);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(primitive_desc);
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
#endif
    return best;
}

static void print_line(const char *isa, const char *name, double seconds, double flop, double gemm)
{
    printf("%-7s %-44s %8.2f ms %7.1f GFLOP/s", isa, name, seconds * 1e3, flop / seconds * 1e-9);
    if (gemm > 0)
        printf(" %5.2f of the product", flop / seconds * 1e-9 / gemm);
    printf("\n");
}

static void bench_attention(Sam2Backend *be, const char *isa, const char *name, double gemm,
                            int64_t n_q, int64_t n_k, int d, int dv, int n_heads)
{
    Sam2Tensor q = {.n_dims = 2, .shape = {n_q, (int64_t)d * n_heads}}, k = q, v = q, dst = q;
    k.shape[0] = v.shape[0] = n_k;
    v.shape[1] = dst.shape[1] = (int64_t)dv * n_heads;
    Sam2Tensor *tensors[] = {&q, &k, &v, &dst};
    for (int i = 0; i < 4; i++)
        tensors[i]->data = new_floats((size_t)sam2_tensor_count(tensors[i]));
    double best = INFINITY, flop = 2.0 * (double)n_q * (double)n_k * (d + dv) * n_heads;
    for (double begin = now(), end = begin; end - begin < 1.5;) {
        double t = now();
        sam2_cpu_attention(be, &dst, &q, &k, &v, n_heads, 1 / sqrtf((float)d));
        end = now();
        best = fmin(best, end - t);
    }
    for (int i = 0; i < 4; i++)
        free(tensors[i]->data);
    print_line(isa, name, best, flop, gemm);
}

static void bench_window(Sam2Backend *be, const char *isa, const char *name, double gemm,
                         int64_t side, int n_heads, int window, bool pool)
{
    const int64_t c = 96 * n_heads, tile = window ? window : side, out = pool ? side / 2 : side;
    Sam2Tensor qkv = {.n_dims = 3, .shape = {side, side, 3 * c}};
    Sam2Tensor bias = {.n_dims = 1, .shape = {3 * c}};
    Sam2Tensor dst = {.n_dims = 3, .shape = {out, out, c}};
    Sam2Tensor *tensors[] = {&qkv, &bias, &dst};
    for (int i = 0; i < 3; i++)
        tensors[i]->data = new_floats((size_t)sam2_tensor_count(tensors[i]));
    double best = INFINITY, flop = 4.0 * (double)(out * out) * (double)(tile * tile) * (double)c;
    for (double begin = now(), end = begin; end - begin < 1;) {
        double t = now();
        sam2_cpu_window_attention(be, &dst, &qkv, &bias, n_heads, window, pool);
        end = now();
        best = fmin(best, end - t);
    }
    for (int i = 0; i < 3; i++)
        free(tensors[i]->data);
    print_line(isa, name, best, flop, gemm);
}

void bench_cpu_attention(Sam2Backend *be, const char *isa)
{
    const double gemm = measure_gemm(be);
    printf("%-7s %d threads, product of 2048 x 2048: %.1f GFLOP/s\n", isa, be->n_threads, gemm);
    bench_attention(be, isa, "memory: (4096, 256) x (28736, 64)", gemm, 4096, 28736, 256, 64, 1);
    bench_attention(be, isa, "self: (4096, 256) x (4096, 256)", gemm, 4096, 4096, 256, 256, 1);
    bench_attention(be, isa, "decoder: 8 tokens x 4096, 8 heads of 16", gemm, 8, 4096, 16, 16, 8);
    bench_attention(be, isa, "decoder: 4096 x 8 tokens, 8 heads of 16", gemm, 4096, 8, 16, 16, 8);
    bench_attention(be, isa, "decoder: 8 x 8 tokens, 8 heads of 32", gemm, 8, 8, 32, 32, 8);
    bench_window(be, isa, "trunk: 64 x 64 global, 4 heads of 96", gemm, 64, 4, 0, false);
    bench_window(be, isa, "trunk: 256 x 256 window 8, 1 head", gemm, 256, 1, 8, false);
    bench_window(be, isa, "trunk: 256 x 256 window 8 pooled, 2 heads", gemm, 256, 2, 8, true);
    bench_window(be, isa, "trunk: 128 x 128 window 4, 2 heads", gemm, 128, 2, 4, false);
    bench_window(be, isa, "trunk: 128 x 128 window 4 pooled, 4 heads", gemm, 128, 4, 4, true);
    bench_window(be, isa, "trunk: 64 x 64 window 14, 4 heads", gemm, 64, 4, 14, false);
    bench_window(be, isa, "trunk: 64 x 64 window 14 pooled, 8 heads", gemm, 64, 8, 14, true);
    bench_window(be, isa, "trunk: 32 x 32 window 7, 8 heads", gemm, 32, 8, 7, false);
}
