// SPDX-License-Identifier: Apache-2.0
// Reference matrix products, layer norm and activations. Sums are in double.
#include "model/ref/ref.h"

#include <math.h>

float sam2_ref_act(float x, Sam2Act act)
{
    if (act == SAM2_ACT_RELU)
        return x > 0 ? x : 0;
    if (act == SAM2_ACT_GELU)
        return (float)(0.5 * x * erfc(x * -M_SQRT1_2));
    return x;
}

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

Sam2Status sam2_ref_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                           const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                           const Sam2Tensor *residual)
{
    int64_t rows = x->shape[0], k = x->shape[1], n = w->tensor.shape[0];
    const float *in = sam2_f32(x), *weight = sam2_f32(&w->tensor);
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t t = 0; t < rows; t++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = dot(in + t * k, weight + j * k, k);
            if (bias)
                sum += sam2_f32(bias)[j];
            float y = sam2_ref_act((float)sum, act);
            sam2_f32(dst)[t * n + j] = residual ? y + sam2_f32(residual)[t * n + j] : y;
        }
    }
    return SAM2_OK;
}

Sam2Status sam2_ref_matmul_nt(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                              const Sam2Tensor *b)
{
    int64_t m = a->shape[0], k = a->shape[1], n = b->shape[0];
#pragma omp parallel for num_threads(be->n_threads) collapse(2)
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            sam2_f32(dst)[i * n + j] = (float)dot(sam2_f32(a) + i * k, sam2_f32(b) + j * k, k);
    return SAM2_OK;
}

Sam2Status sam2_ref_layer_norm(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                               const Sam2Tensor *gamma, const Sam2Tensor *beta, float eps,
                               Sam2Act act)
{
    int64_t rows = x->shape[0], c = x->shape[1];
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t t = 0; t < rows; t++) {
        const float *in = sam2_f32(x) + t * c;
        float *out = sam2_f32(dst) + t * c;
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < c; i++)
            mean += in[i];
        mean /= (double)c;
        for (int64_t i = 0; i < c; i++)
            variance += (in[i] - mean) * (in[i] - mean);
        double scale = 1 / sqrt(variance / (double)c + eps);
        for (int64_t i = 0; i < c; i++) {
            double y = (in[i] - mean) * scale * sam2_f32(gamma)[i] + sam2_f32(beta)[i];
            out[i] = sam2_ref_act((float)y, act);
        }
    }
    return SAM2_OK;
}
