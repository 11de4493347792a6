// SPDX-License-Identifier: Apache-2.0
// Resizing on the cpu: bilinear planes and the network's input.
#include "model/cpu/ops.h"
#include "model/ref/ref.h"

#include <math.h>
#include <omp.h>

// Which columns an output column lies between, and where, as sam2_ref_resize() has it.
static void find_columns(int32_t *left, int32_t *right, float *across, int64_t n_in, int64_t n_out)
{
    const float scale = (float)n_in / (float)n_out;
    for (int64_t i = 0; i < n_out; i++) {
        float at = scale * ((float)i + 0.5f) - 0.5f;
        at = at < 0 ? 0 : at;
        left[i] = (int32_t)((int64_t)at < n_in - 1 ? (int64_t)at : n_in - 1);
        right[i] = left[i] < n_in - 1 ? left[i] + 1 : left[i];
        across[i] = at - (float)left[i];
    }
}

Sam2Status sam2_cpu_resize(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           bool antialias)
{
    if (antialias)
        return sam2_ref_resize(be, dst, x, true);
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t h = x->shape[1], w = x->shape[2], out_h = dst->shape[1], out_w = dst->shape[2];
    const int64_t n_columns = out_w + out_h;
    float *across = sam2_cpu_scratch(be, SAM2_CPU_SCRATCH_OP,
                                     (size_t)(3 * n_columns + (int64_t)be->n_threads * (w + 16)) *
                                         sizeof(float));
    if (!across)
        return be->error.status;
    int32_t *left = (int32_t *)(across + n_columns), *right = left + n_columns;
    float *lines = (float *)(right + n_columns);
    find_columns(left, right, across, w, out_w);
    find_columns(left + out_w, right + out_w, across + out_w, h, out_h); // the rows
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t row = 0; row < dst->shape[0] * out_h; row++) {
        const float *plane = sam2_f32(x) + row / out_h * h * w;
        const int64_t y = out_w + row % out_h;
        kernels->resize_row(sam2_f32(dst) + row * out_w, plane + left[y] * w, plane + right[y] * w,
                            across[y], left, right, across, out_w,
                            lines + omp_get_thread_num() * (w + 16), w);
    }
    return SAM2_OK;
}

// ---- Network input -----------------------------------------------------------------------------

// Memory of a resize to (size, size): across into (height, 3 size), then down.
typedef struct Work {
    Sam2Resample across, down;
    void *across_weights, *down_weights; // as the kernels want them: int32_t or float
    void *middle;                        // (height, 3 size) bytes or floats
    uint8_t *lines;                      // of each thread
    size_t line_size;
} Work;

static Sam2Status reserve(Work *work, Sam2Backend *be, int width, int height, int64_t size,
                          bool exact_8bit)
{
    const Sam2Filter filter = exact_8bit ? SAM2_FILTER_BICUBIC : SAM2_FILTER_TRIANGLE;
    if (!sam2_resample_init(&work->across, width, (int)size, filter) ||
        !sam2_resample_init(&work->down, height, (int)size, filter))
        return sam2_fail(&be->error, SAM2_ERR_MEMORY,
                         "out of memory while resizing an image of %d x %d pixels", width, height);
    const size_t n_across = (size_t)size * (size_t)work->across.n_max;
    const size_t n_down = (size_t)size * (size_t)work->down.n_max;
    const size_t middle = (size_t)height * 3 * (size_t)size * (exact_8bit ? 1 : sizeof(float));
    work->line_size = 3 * SAM2_ACROSS_ROWS * ((size_t)width + (size_t)size + 32);
    char *scratch = sam2_cpu_scratch(be, SAM2_CPU_SCRATCH_OP,
                                     4 * (n_across + n_down) + middle +
                                         work->line_size * (size_t)be->n_threads);
    if (!scratch)
        return be->error.status;
    work->across_weights = scratch;
    work->down_weights = scratch + 4 * n_across;
    work->middle = scratch + 4 * (n_across + n_down);
    work->lines = (uint8_t *)work->middle + middle;
    return SAM2_OK;
}

// Fixed point, rounded as Pillow does it.
static void fix_weights(int32_t *out, const Sam2Resample *resample)
{
    for (int64_t i = 0; i < (int64_t)resample->n_out * resample->n_max; i++)
        out[i] = (int32_t)lround(resample->weights[i] * (1 << 22));
}

static void round_weights(float *out, const Sam2Resample *resample)
{
    for (int64_t i = 0; i < (int64_t)resample->n_out * resample->n_max; i++)
        out[i] = (float)resample->weights[i];
}

static void load_exact(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb, int width,
                       int height, size_t stride, const Work *work)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t size = dst->shape[0], line = 3 * size;
    fix_weights(work->across_weights, &work->across);
    fix_weights(work->down_weights, &work->down);
    const Sam2Across across = {.rgb = rgb,
                               .stride = stride,
                               .width = width,
                               .height = height,
                               .size = size,
                               .first = work->across.first,
                               .n = work->across.n,
                               .n_max = work->across.n_max,
                               .weights = work->across_weights,
                               .dst = work->middle};
    float values[256][3];
    for (int i = 0; i < 256; i++)
        for (int c = 0; c < 3; c++)
            values[i][c] = ((float)(i / 255.0) - sam2_image_mean[c]) / sam2_image_deviation[c];
#pragma omp parallel num_threads(be->n_threads)
    {
        uint8_t *bytes = work->lines + work->line_size * (size_t)omp_get_thread_num();
#pragma omp for schedule(dynamic)
        for (int64_t y = 0; y < height; y += SAM2_ACROSS_ROWS)
            kernels->sum_across_u8(&across, y, bytes);
#pragma omp for schedule(dynamic, 16)
        for (int64_t y = 0; y < size; y++) {
            const int32_t *weights = (int32_t *)work->down_weights + y * work->down.n_max;
            kernels->sum_rows_u8(bytes, (uint8_t *)work->middle + work->down.first[y] * line,
                                 (size_t)line, weights, work->down.n[y], line);
            float *out = sam2_f32(dst) + y * line;
            for (int64_t i = 0; i < line; i += 3)
                for (int c = 0; c < 3; c++)
                    out[i + c] = values[bytes[i + c]][c];
        }
    }
}

static void sum_across_f32(float *dst, const uint8_t *row, int64_t size, const float *weights,
                           const Sam2Resample *across)
{
    for (int64_t i = 0; i < size; i++, dst += 3, weights += across->n_max) {
        const uint8_t *in = row + 3 * (int64_t)across->first[i];
        float sum[3] = {0};
        for (int j = 0; j < across->n[i]; j++, in += 3)
            for (int c = 0; c < 3; c++)
                sum[c] += weights[j] * in[c];
        for (int c = 0; c < 3; c++)
            dst[c] = sum[c];
    }
}

static void load_float(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb, int height,
                       size_t stride, const Work *work)
{
    const Sam2CpuKernels *kernels = sam2_cpu_state(be)->kernels;
    const int64_t size = dst->shape[0], line = 3 * size;
    float *middle = work->middle;
    round_weights(work->across_weights, &work->across);
    round_weights(work->down_weights, &work->down);
#pragma omp parallel num_threads(be->n_threads)
    {
#pragma omp for schedule(dynamic, 16)
        for (int64_t y = 0; y < height; y++)
            sum_across_f32(middle + y * line, rgb + (size_t)y * stride, size, work->across_weights,
                           &work->across);
#pragma omp for schedule(dynamic, 16)
        for (int64_t y = 0; y < size; y++) {
            float *out = sam2_f32(dst) + y * line;
            kernels->sum_rows_f32(out, middle + work->down.first[y] * line, (size_t)line,
                                  (float *)work->down_weights + y * work->down.n_max,
                                  work->down.n[y], line);
            for (int64_t i = 0; i < line; i += 3)
                for (int c = 0; c < 3; c++)
                    out[i + c] =
                        (out[i + c] / 255.0f - sam2_image_mean[c]) / sam2_image_deviation[c];
        }
    }
}

Sam2Status sam2_cpu_image_input(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb,
                                int width, int height, size_t stride, bool exact_8bit)
{
    Work work = {0};
    Sam2Status status = reserve(&work, be, width, height, dst->shape[0], exact_8bit);
    if (status == SAM2_OK && exact_8bit)
        load_exact(be, dst, rgb, width, height, stride, &work);
    else if (status == SAM2_OK)
        load_float(be, dst, rgb, height, stride, &work);
    sam2_resample_free(&work.across);
    sam2_resample_free(&work.down);
    return status;
}
