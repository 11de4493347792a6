// SPDX-License-Identifier: Apache-2.0
// Reference resizing: torch's bilinear interpolation, Pillow's 8-bit bicubic, network input.
#include "model/ref/ref.h"

#include <math.h>
#include <stdlib.h>

#define COEFFICIENT_BITS 22 // Pillow's: 32 - 8 bits of pixel - 2 of headroom

const float sam2_image_mean[3] = {0.485f, 0.456f, 0.406f};
const float sam2_image_deviation[3] = {0.229f, 0.224f, 0.225f};

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

bool sam2_resample_init(Sam2Resample *out, int n_in, int n_out, Sam2Filter filter)
{
    double (*function)(double) = filter == SAM2_FILTER_BICUBIC ? bicubic : triangle;
    double scale = (double)n_in / n_out, stretch = scale > 1 ? scale : 1;
    double support = (filter == SAM2_FILTER_BICUBIC ? 2 : 1) * stretch;
    int n_max = 2 * (int)ceil(support) + 1;
    *out = (Sam2Resample){.n_out = n_out,
                          .n_max = n_max,
                          .first = calloc((size_t)n_out, sizeof(int)),
                          .n = calloc((size_t)n_out, sizeof(int)),
                          .weights = calloc((size_t)n_out * (size_t)n_max, sizeof(double))};
    if (!out->first || !out->n || !out->weights) {
        sam2_resample_free(out);
        return false;
    }
    for (int i = 0; i < n_out; i++) {
        double center = (i + 0.5) * scale, sum = 0;
        double *weights = out->weights + (size_t)i * (size_t)n_max;
        int first = (int)(center - support + 0.5), end = (int)(center + support + 0.5);
        first = first < 0 ? 0 : first;
        end = end > n_in ? n_in : end;
        for (int j = first; j < end; j++)
            sum += weights[j - first] = function((j - center + 0.5) / stretch);
        for (int j = first; j < end && sum != 0; j++)
            weights[j - first] /= sum;
        out->first[i] = first;
        out->n[i] = end - first;
    }
    return true;
}

void sam2_resample_free(Sam2Resample *resample)
{
    free(resample->first);
    free(resample->n);
    free(resample->weights);
    *resample = (Sam2Resample){0};
}

// The two taps of align_corners = false, in float as torch computes them.
static void bilinear_taps(int64_t i, int64_t n_in, int64_t n_out, int64_t *first, int64_t *second,
                          float *weight)
{
    float scale = (float)n_in / (float)n_out;
    float at = scale * ((float)i + 0.5f) - 0.5f;
    at = at < 0 ? 0 : at;
    *first = (int64_t)at < n_in - 1 ? (int64_t)at : n_in - 1;
    *second = *first < n_in - 1 ? *first + 1 : *first;
    *weight = at - (float)*first;
}

static void resize_bilinear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x)
{
    int64_t h = x->shape[1], w = x->shape[2], out_h = dst->shape[1], out_w = dst->shape[2];
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t row = 0; row < dst->shape[0] * out_h; row++) {
        const float *plane = sam2_f32(x) + row / out_h * h * w;
        float *out = sam2_f32(dst) + row * out_w, fy, fx;
        int64_t y0, y1, x0, x1;
        bilinear_taps(row % out_h, h, out_h, &y0, &y1, &fy);
        for (int64_t i = 0; i < out_w; i++) {
            bilinear_taps(i, w, out_w, &x0, &x1, &fx);
            out[i] = (1 - fy) * ((1 - fx) * plane[y0 * w + x0] + fx * plane[y0 * w + x1]) +
                     fy * ((1 - fx) * plane[y1 * w + x0] + fx * plane[y1 * w + x1]);
        }
    }
}

// Both passes of a separable resampling of interleaved pixels x (h, w, c) to dst (H, W, c).
static bool resample(Sam2Backend *be, float *dst, int64_t out_h, int64_t out_w, const float *x,
                     int64_t h, int64_t w, int64_t c, Sam2Filter filter)
{
    Sam2Resample across = {0}, down = {0};
    float *middle = malloc((size_t)(h * out_w * c) * sizeof *middle); // (h, W, c)
    bool ok = middle && sam2_resample_init(&across, (int)w, (int)out_w, filter) &&
              sam2_resample_init(&down, (int)h, (int)out_h, filter);
    if (ok) {
#pragma omp parallel for num_threads(be->n_threads)
        for (int64_t i = 0; i < h * out_w * c; i++) {
            int64_t column = i / c % out_w;
            const float *in = x + (i / c / out_w * w + across.first[column]) * c + i % c;
            double sum = 0;
            for (int j = 0; j < across.n[column]; j++)
                sum += across.weights[column * across.n_max + j] * in[j * c];
            middle[i] = (float)sum;
        }
#pragma omp parallel for num_threads(be->n_threads)
        for (int64_t i = 0; i < out_h * out_w * c; i++) {
            int64_t row = i / (out_w * c);
            const float *in = middle + down.first[row] * out_w * c + i % (out_w * c);
            double sum = 0;
            for (int j = 0; j < down.n[row]; j++)
                sum += down.weights[row * down.n_max + j] * in[j * out_w * c];
            dst[i] = (float)sum;
        }
    }
    sam2_resample_free(&across);
    sam2_resample_free(&down);
    free(middle);
    return ok;
}

Sam2Status sam2_ref_resize(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           bool antialias)
{
    if (!antialias) {
        resize_bilinear(be, dst, x);
        return SAM2_OK;
    }
    for (int64_t n = 0; n < x->shape[0]; n++) {
        Sam2Tensor out = sam2_tensor_rows(dst, n, 1), in = sam2_tensor_rows(x, n, 1);
        if (!resample(be, sam2_f32(&out), dst->shape[1], dst->shape[2], sam2_f32(&in), x->shape[1],
                      x->shape[2], 1, SAM2_FILTER_TRIANGLE))
            return sam2_fail_memory(&be->error, sam2_tensor_size(&in));
    }
    return SAM2_OK;
}

// Pillow's sum of 8-bit pixels `step` bytes apart, back to 8 bits.
static uint8_t sum_8bit(const uint8_t *pixels, int64_t step, const double *weights, int n)
{
    int64_t sum = 1 << (COEFFICIENT_BITS - 1);
    for (int i = 0; i < n; i++)
        sum += (int64_t)lround(weights[i] * (1 << COEFFICIENT_BITS)) * pixels[i * step];
    sum >>= COEFFICIENT_BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

// rgb to dst (size, size, 3) in 8 bits; middle (height, size, 3) is scratch.
static void resample_8bit(Sam2Backend *be, uint8_t *dst, int size, uint8_t *middle,
                          const uint8_t *rgb, size_t stride, int height, const Sam2Resample *across,
                          const Sam2Resample *down)
{
    int64_t row_size = 3 * (int64_t)size;
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t i = 0; i < height * row_size; i++) {
        int64_t column = i % row_size / 3;
        const uint8_t *in =
            rgb + (size_t)(i / row_size) * stride + 3 * (int64_t)across->first[column] + i % 3;
        middle[i] = sum_8bit(in, 3, across->weights + column * across->n_max, across->n[column]);
    }
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t i = 0; i < size * row_size; i++) {
        int64_t row = i / row_size;
        const uint8_t *in = middle + down->first[row] * row_size + i % row_size;
        dst[i] = sum_8bit(in, row_size, down->weights + row * down->n_max, down->n[row]);
    }
}

static bool load_exact(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb, int width,
                       int height, size_t stride)
{
    int size = (int)dst->shape[0];
    int64_t row_size = 3 * (int64_t)size;
    Sam2Resample across = {0}, down = {0};
    uint8_t *middle = malloc((size_t)(height * row_size));
    uint8_t *pixels = malloc((size_t)(size * row_size));
    bool ok = middle && pixels && sam2_resample_init(&across, width, size, SAM2_FILTER_BICUBIC) &&
              sam2_resample_init(&down, height, size, SAM2_FILTER_BICUBIC);
    if (ok) {
        resample_8bit(be, pixels, size, middle, rgb, stride, height, &across, &down);
        for (int64_t i = 0; i < size * row_size; i++)
            sam2_f32(dst)[i] = (float)(pixels[i] / 255.0);
    }
    sam2_resample_free(&across);
    sam2_resample_free(&down);
    free(middle);
    free(pixels);
    return ok;
}

static bool load_float(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb, int width,
                       int height, size_t stride)
{
    int64_t row_size = 3 * (int64_t)width;
    float *pixels = malloc((size_t)(height * row_size) * sizeof *pixels);
    if (!pixels)
        return false;
    for (int64_t i = 0; i < height * row_size; i++)
        pixels[i] = (float)rgb[(size_t)(i / row_size) * stride + (size_t)(i % row_size)] / 255.0f;
    bool ok = resample(be, sam2_f32(dst), dst->shape[0], dst->shape[1], pixels, height, width, 3,
                       SAM2_FILTER_TRIANGLE);
    free(pixels);
    return ok;
}

Sam2Status sam2_ref_image_input(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb,
                                int width, int height, size_t stride, bool exact_8bit)
{
    bool ok = exact_8bit ? load_exact(be, dst, rgb, width, height, stride)
                         : load_float(be, dst, rgb, width, height, stride);
    if (!ok)
        return sam2_fail(&be->error, SAM2_ERR_MEMORY,
                         "out of memory while resizing an image of %d x %d pixels", width, height);
    float *out = sam2_f32(dst);
    for (int64_t i = 0; i < sam2_tensor_count(dst); i++)
        out[i] = (out[i] - sam2_image_mean[i % 3]) / sam2_image_deviation[i % 3];
    return SAM2_OK;
}
