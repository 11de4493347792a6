// SPDX-License-Identifier: Apache-2.0
// Kernels that resize pictures and masks.
#include "model/cuda/device.cuh"

static __global__ void bilinear_kernel(float *dst, const float *x, int64_t n, int h, int w,
                                       int out_h, int out_w)
{
    SAM2_FOR(i, n)
    {
        int y0, y1, x0, x1;
        float fy, fx;
        sam2_cuda_bilinear((int)(i / out_w % out_h), h, out_h, &y0, &y1, &fy);
        sam2_cuda_bilinear((int)(i % out_w), w, out_w, &x0, &x1, &fx);
        const float *top = x + (i / out_w / out_h * h + y0) * w;
        const float *below = top + (int64_t)(y1 - y0) * w;
        dst[i] = (1 - fy) * ((1 - fx) * top[x0] + fx * top[x1]) +
                 fy * ((1 - fx) * below[x0] + fx * below[x1]);
    }
}

cudaError_t sam2_cuda_launch_bilinear(cudaStream_t stream, float *dst, const float *x, int n_planes,
                                      int h, int w, int out_h, int out_w)
{
    int64_t n = (int64_t)n_planes * out_h * out_w;
    SAM2_LAUNCH(bilinear_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, dst, x, n, h, w, out_h,
                out_w);
    return cudaGetLastError();
}

static __global__ void resample_kernel(float *dst, const float *x, int64_t n, int64_t n_in,
                                       int64_t b, Sam2CudaTaps taps)
{
    SAM2_FOR(i, n)
    {
        int at = (int)(i / b % taps.n_out);
        const float *in = x + (i / b / taps.n_out * n_in + taps.first[at]) * b + i % b;
        const float *weights = taps.weights + (int64_t)at * taps.n_max;
        float sum = 0;
        for (int j = 0; j < taps.n[at]; j++)
            sum += weights[j] * in[j * b];
        dst[i] = sum;
    }
}

cudaError_t sam2_cuda_launch_resample(cudaStream_t stream, float *dst, const float *x, int64_t a,
                                      int64_t n_in, int64_t b, const Sam2CudaTaps *taps)
{
    int64_t n = a * taps->n_out * b;
    SAM2_LAUNCH(resample_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, dst, x, n, n_in, b, *taps);
    return cudaGetLastError();
}

static __global__ void resample_8bit_kernel(uint8_t *dst, const uint8_t *x, int64_t n, int64_t n_in,
                                            int64_t b, Sam2CudaTaps taps)
{
    SAM2_FOR(i, n)
    {
        int at = (int)(i / b % taps.n_out);
        const uint8_t *in = x + (i / b / taps.n_out * n_in + taps.first[at]) * b + i % b;
        const int *weights = taps.fixed + (int64_t)at * taps.n_max;
        int64_t sum = 1 << (SAM2_CUDA_PILLOW_BITS - 1);
        for (int j = 0; j < taps.n[at]; j++)
            sum += (int64_t)weights[j] * in[j * b];
        dst[i] = sam2_cuda_clip_8bit(sum);
    }
}

cudaError_t sam2_cuda_launch_resample_8bit(cudaStream_t stream, uint8_t *dst, const uint8_t *x,
                                           int64_t a, int64_t n_in, int64_t b,
                                           const Sam2CudaTaps *taps)
{
    int64_t n = a * taps->n_out * b;
    SAM2_LAUNCH(resample_8bit_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, dst, x, n, n_in, b,
                *taps);
    return cudaGetLastError();
}

static __global__ void from_8bit_kernel(float *dst, const uint8_t *x, int64_t n)
{
    SAM2_FOR(i, n)
    dst[i] = __fdiv_rn((float)x[i], 255.0f);
}

cudaError_t sam2_cuda_launch_from_8bit(cudaStream_t stream, float *dst, const uint8_t *x, int64_t n)
{
    SAM2_LAUNCH(from_8bit_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, dst, x, n);
    return cudaGetLastError();
}

static __global__ void normalise_kernel(float *x, int64_t n)
{
    SAM2_FOR(i, n)
    {
        int channel = (int)(i % 3);
        float mean = channel == 0 ? 0.485f : channel == 1 ? 0.456f : 0.406f;
        float deviation = channel == 0 ? 0.229f : channel == 1 ? 0.224f : 0.225f;
        x[i] = __fdiv_rn(x[i] - mean, deviation);
    }
}

cudaError_t sam2_cuda_launch_normalise(cudaStream_t stream, float *x, int64_t n)
{
    SAM2_LAUNCH(normalise_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, x, n);
    return cudaGetLastError();
}
