// SPDX-License-Identifier: Apache-2.0
// Reference convolutions and pooling on (H, W, C) maps. Sums are in double.
#include "model/ref/ref.h"

#include <math.h>

// Sum over the part of a filter (n_in, kh, kw) that lies on x, its corner at (y0, x0) of x. The
// channels of x are `channels` floats apart from pixel to pixel.
static double correlate(const float *x, int64_t h, int64_t w, int64_t channels, int64_t n_in,
                        const float *filter, int64_t kh, int64_t kw, int64_t y0, int64_t x0)
{
    double sum = 0;
    for (int64_t i = 0; i < kh; i++) {
        for (int64_t j = 0; j < kw; j++) {
            int64_t yy = y0 + i, xx = x0 + j;
            if (yy < 0 || yy >= h || xx < 0 || xx >= w)
                continue;
            const float *pixel = x + (yy * w + xx) * channels;
            const float *tap = filter + i * kw + j;
            for (int64_t c = 0; c < n_in; c++)
                sum += (double)pixel[c] * tap[c * kh * kw];
        }
    }
    return sum;
}

Sam2Status sam2_ref_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                           Sam2Act act)
{
    int64_t n_in = x->shape[2], n_out = w->tensor.shape[0];
    int64_t kh = w->tensor.shape[2], kw = w->tensor.shape[3];
    int64_t out_w = dst->shape[1], n_pixels = dst->shape[0] * out_w;
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t p = 0; p < n_pixels; p++) {
        for (int64_t o = 0; o < n_out; o++) {
            const float *filter = sam2_f32(&w->tensor) + o * n_in * kh * kw;
            double sum = correlate(sam2_f32(x), x->shape[0], x->shape[1], n_in, n_in, filter, kh,
                                   kw, p / out_w * stride - pad, p % out_w * stride - pad);
            sam2_f32(dst)[p * n_out + o] = sam2_ref_act((float)(sum + sam2_f32(bias)[o]), act);
        }
    }
    return SAM2_OK;
}

Sam2Status sam2_ref_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   const Sam2Weight *w, const Sam2Tensor *bias)
{
    int64_t width = x->shape[1], channels = x->shape[2], k = w->tensor.shape[2];
    int64_t n_pixels = x->shape[0] * width;
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t p = 0; p < n_pixels; p++) {
        for (int64_t c = 0; c < channels; c++) {
            double sum = correlate(sam2_f32(x) + c, x->shape[0], width, channels, 1,
                                   sam2_f32(&w->tensor) + c * k * k, k, k, p / width - k / 2,
                                   p % width - k / 2);
            sam2_f32(dst)[p * channels + c] = (float)(sum + sam2_f32(bias)[c]);
        }
    }
    return SAM2_OK;
}

Sam2Status sam2_ref_conv_transpose(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   const Sam2Weight *w, const Sam2Tensor *bias,
                                   const Sam2Tensor *residual, Sam2Act act)
{
    int64_t n_in = x->shape[2], n_out = w->tensor.shape[1];
    int64_t width = dst->shape[1], n_pixels = dst->shape[0] * width;
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t p = 0; p < n_pixels; p++) {
        int64_t py = p / width, px = p % width;
        const float *pixel = sam2_f32(x) + (py / 2 * x->shape[1] + px / 2) * n_in;
        const float *taps = sam2_f32(&w->tensor) + py % 2 * 2 + px % 2; // (n_in, n_out, 2, 2)
        for (int64_t o = 0; o < n_out; o++) {
            double sum = sam2_f32(bias)[o];
            for (int64_t c = 0; c < n_in; c++)
                sum += (double)pixel[c] * taps[(c * n_out + o) * 4];
            if (residual)
                sum += sam2_f32(residual)[p * n_out + o];
            sam2_f32(dst)[p * n_out + o] = sam2_ref_act((float)sum, act);
        }
    }
    return SAM2_OK;
}

Sam2Status sam2_ref_max_pool(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x)
{
    int64_t out_w = dst->shape[1], c = x->shape[2], n_pixels = dst->shape[0] * out_w;
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t p = 0; p < n_pixels; p++) {
        const float *top = sam2_f32(x) + (p / out_w * 2 * x->shape[1] + p % out_w * 2) * c;
        const float *below = top + x->shape[1] * c;
        for (int64_t i = 0; i < c; i++)
            sam2_f32(dst)[p * c + i] =
                fmaxf(fmaxf(top[i], top[i + c]), fmaxf(below[i], below[i + c]));
    }
    return SAM2_OK;
}

Sam2Status sam2_ref_upsample_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x)
{
    int64_t width = dst->shape[1], c = x->shape[2], n_pixels = dst->shape[0] * width;
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t p = 0; p < n_pixels; p++) {
        const float *pixel = sam2_f32(x) + (p / width / 2 * x->shape[1] + p % width / 2) * c;
        for (int64_t i = 0; i < c; i++)
            sam2_f32(dst)[p * c + i] += pixel[i];
    }
    return SAM2_OK;
}
