// SPDX-License-Identifier: Apache-2.0
// Everything that is a matrix product on the cpu: linear layers, convolutions, a b^T.
#include "model/cpu/ops.h"

#include <omp.h>
#include <string.h>

// Fewer multiplications than this are not worth waking another thread.
#define MIN_PARALLEL_WORK ((int64_t)1 << 19)

static int64_t min_int(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// How a product is cut into tasks: blocks of rows times groups of panels.
typedef struct Plan {
    int64_t n_periods, blocks; // blocks of rows in each period of c
    int64_t period, rows;      // rows in a period, in a block
    int64_t groups, panels;    // groups of panels, panels in a group
    int64_t n_panels;
} Plan;

// A block of a stays in the second-level cache while the panels of b pass. Where all of b fits
// there too, small blocks do: they touch fewer pages of c at a time.
static int64_t choose_rows(const Sam2GemmKernels *kernels, const Sam2Gemm *gemm)
{
    const int64_t l2 = 1 << 20, tile = kernels->tile_rows;
    const int64_t a_row = gemm->k * kernels->size;
    const int64_t b_size = (int64_t)kernels->packed_size(gemm->n, gemm->k);
    int64_t rows = b_size <= l2 ? 64 : min_int(l2 / 2 / a_row, 512);
    rows = rows / tile * tile;
    return rows < tile ? tile : rows;
}

static Plan make_plan(const Sam2GemmKernels *kernels, const Sam2Gemm *gemm, int n_threads)
{
    Plan plan = {.period = min_int(gemm->c_period, gemm->rows)};
    plan.n_periods = gemm->rows / plan.period;
    plan.rows = min_int(choose_rows(kernels, gemm), plan.period);
    plan.blocks = (plan.period + plan.rows - 1) / plan.rows;
    plan.n_panels = (gemm->n + kernels->panel - 1) / kernels->panel;
    // Some tasks for each thread, so that none waits long for the last one.
    const int64_t wanted = n_threads > 1 ? 4 * n_threads : 1;
    const int64_t groups = (wanted - 1) / (plan.n_periods * plan.blocks) + 1;
    plan.panels = (plan.n_panels - 1) / groups + 1;
    plan.groups = (plan.n_panels - 1) / plan.panels + 1;
    return plan;
}

static Sam2Status run_gemm(Sam2Backend *be, const Sam2GemmKernels *kernels, const Sam2Gemm *gemm)
{
    const int n_threads = gemm->rows * gemm->n * gemm->k < MIN_PARALLEL_WORK ? 1 : be->n_threads;
    const Plan plan = make_plan(kernels, gemm, n_threads);
    const size_t size = kernels->scratch_size(plan.rows, gemm->k, !gemm->a);
    char *scratch = NULL;
    if (size) {
        scratch = sam2_cpu_scratch(be, SAM2_CPU_SCRATCH_GEMM, size * (size_t)n_threads);
        if (!scratch)
            return be->error.status;
    }
    const int64_t n_blocks = plan.n_periods * plan.blocks;
#pragma omp parallel for num_threads(n_threads) schedule(dynamic)
    for (int64_t i = 0; i < n_blocks * plan.groups; i++) {
        const int64_t block = i / plan.groups, panel = i % plan.groups * plan.panels;
        const int64_t first = block % plan.blocks * plan.rows;
        kernels->run(gemm, block / plan.blocks * plan.period + first,
                     min_int(plan.rows, plan.period - first), panel,
                     min_int(plan.panels, plan.n_panels - panel),
                     scratch + size * (size_t)omp_get_thread_num());
    }
    return SAM2_OK;
}

static float *data_or_null(const Sam2Tensor *tensor)
{
    return tensor ? sam2_f32(tensor) : NULL;
}

Sam2Status sam2_cpu_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                           const Sam2Tensor *residual)
{
    const int64_t n = w->tensor.shape[0];
    const Sam2Gemm gemm = {.a = sam2_f32(x),
                           .b = w->packed,
                           .bias = data_or_null(bias),
                           .residual = data_or_null(residual),
                           .c = sam2_f32(dst),
                           .rows = x->shape[0],
                           .n = n,
                           .k = x->shape[1],
                           .c_period = x->shape[0],
                           .c_inner = n,
                           .act = act};
    return run_gemm(be, sam2_cpu_gemm(be), &gemm);
}

// a becomes the packed factor, so the product comes out transposed and is turned.
Sam2Status sam2_cpu_matmul_nt(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                              const Sam2Tensor *b)
{
    const Sam2GemmKernels *kernels = sam2_cpu_state(be)->kernels->f32;
    const int64_t m = a->shape[0], k = a->shape[1], n = b->shape[0];
    const size_t packed_size = (kernels->packed_size(m, k) + 63) / 64 * 64;
    char *scratch = sam2_cpu_scratch(be, SAM2_CPU_SCRATCH_OP,
                                     packed_size + (size_t)m * (size_t)n * sizeof(float));
    if (!scratch)
        return be->error.status;
    float *product = (float *)(scratch + packed_size); // (n, m)
    kernels->pack(scratch, sam2_f32(a), k, 1, m, k);
    const Sam2Gemm gemm = {.a = sam2_f32(b),
                           .b = scratch,
                           .c = product,
                           .rows = n,
                           .n = m,
                           .k = k,
                           .c_period = n,
                           .c_inner = m};
    SAM2_TRY(run_gemm(be, kernels, &gemm));
    float *out = sam2_f32(dst);
    const int64_t chunk = 256;
#pragma omp parallel for num_threads(m *n < MIN_PARALLEL_WORK ? 1 : be->n_threads)
    for (int64_t first = 0; first < n; first += chunk)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = first; j < min_int(first + chunk, n); j++)
                out[i * n + j] = product[j * m + i];
    return SAM2_OK;
}

typedef struct ConvMap {
    const float *x; // (h, w, c)
    int64_t h, w, c, kh, kw, out_w;
    int stride, pad;
} ConvMap;

// Row t holds the part of x under the filter at output pixel t: (kh, kw, c), zero outside.
static void gather_patches(const void *data, int64_t row, int64_t n_rows, float *out)
{
    const ConvMap *map = data;
    const int64_t line = map->kw * map->c;
    for (int64_t t = row; t < row + n_rows; t++) {
        const int64_t y0 = t / map->out_w * map->stride - map->pad;
        const int64_t x0 = t % map->out_w * map->stride - map->pad;
        const int64_t first = x0 < 0 ? -x0 : 0, last = min_int(map->kw, map->w - x0);
        for (int64_t y = y0; y < y0 + map->kh; y++, out += line) {
            const bool inside = y >= 0 && y < map->h && first < last;
            const float *in = map->x + (y * map->w + x0) * map->c;
            int64_t i = 0;
            for (const int64_t end = inside ? first * map->c : line; i < end; i++)
                out[i] = 0;
            for (const int64_t end = inside ? last * map->c : line; i < end; i++)
                out[i] = in[i];
            for (; i < line; i++)
                out[i] = 0;
        }
    }
}

Sam2Status sam2_cpu_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                           Sam2Act act)
{
    const int64_t *shape = w->tensor.shape, rows = dst->shape[0] * dst->shape[1];
    const ConvMap map = {.x = sam2_f32(x),
                         .h = x->shape[0],
                         .w = x->shape[1],
                         .c = x->shape[2],
                         .kh = shape[2],
                         .kw = shape[3],
                         .out_w = dst->shape[1],
                         .stride = stride,
                         .pad = pad};
    const bool pointwise = map.kh == 1 && map.kw == 1 && stride == 1 && pad == 0;
    const Sam2Gemm gemm = {.a = pointwise ? map.x : NULL,
                           .gather = gather_patches,
                           .map = &map,
                           .b = w->packed,
                           .bias = sam2_f32(bias),
                           .c = sam2_f32(dst),
                           .rows = rows,
                           .n = shape[0],
                           .k = shape[1] * shape[2] * shape[3],
                           .c_period = rows,
                           .c_inner = shape[0],
                           .act = act};
    return run_gemm(be, sam2_cpu_gemm(be), &gemm);
}

// Each of the four pixels that a pixel becomes is a product of its own, spread over dst.
Sam2Status sam2_cpu_conv_transpose(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   const Sam2Weight *w, const Sam2Tensor *bias,
                                   const Sam2Tensor *residual, Sam2Act act)
{
    const Sam2GemmKernels *kernels = sam2_cpu_gemm(be);
    const int64_t width = x->shape[1], k = x->shape[2], n = w->tensor.shape[1];
    const size_t size = kernels->packed_size(n, k);
    for (int i = 0; i < 4; i++) {
        const int64_t corner = (i / 2 * 2 * width + i % 2) * n;
        const Sam2Gemm gemm = {.a = sam2_f32(x),
                               .b = (const char *)w->packed + (size_t)i * size,
                               .bias = sam2_f32(bias),
                               .residual = residual ? sam2_f32(residual) + corner : NULL,
                               .c = sam2_f32(dst) + corner,
                               .rows = x->shape[0] * width,
                               .n = n,
                               .k = k,
                               .c_period = width,
                               .c_outer = 4 * width * n,
                               .c_inner = 2 * n,
                               .act = act,
                               .act_last = true};
        SAM2_TRY(run_gemm(be, kernels, &gemm));
    }
    return SAM2_OK;
}
