// SPDX-License-Identifier: Apache-2.0
// Kernels around convolutions; the products themselves are matrix products (gemm.c).
#include "model/cuda/device.cuh"

template <typename T>
static __global__ void patches_kernel(T *dst, const float *x, Sam2CudaConv conv,
                                      int64_t first_pixel, int64_t n, int64_t k_padded)
{
    int taps = conv.kh * conv.kw * conv.c;
    SAM2_FOR(i, n)
    {
        int k = (int)(i % k_padded);
        int64_t pixel = first_pixel + i / k_padded, in_map = (int64_t)conv.out_h * conv.out_w;
        int64_t source =
            k < taps ? sam2_cuda_conv_source(pixel % in_map, k, conv.out_w, conv.h, conv.w, conv.c,
                                             conv.kw, conv.stride, conv.pad)
                     : -1;
        const float *map = x + pixel / in_map * conv.h * conv.w * conv.c;
        dst[i] = sam2_from_f32<T>(source < 0 ? 0.0f : map[source]);
    }
}

cudaError_t sam2_cuda_launch_patches(cudaStream_t stream, void *dst, const float *x,
                                     const Sam2CudaConv *conv, int64_t first_pixel,
                                     int64_t n_pixels, int64_t k_padded, bool to_half,
                                     Sam2CudaHalf half)
{
    int64_t n = n_pixels * k_padded;
    SAM2_DISPATCH(to_half, half,
                  (SAM2_LAUNCH((patches_kernel<T>), sam2_blocks(n), SAM2_BLOCK, 0, stream, (T *)dst,
                               x, *conv, first_pixel, n, k_padded)));
    return cudaGetLastError();
}

static __global__ void depthwise_kernel(float *dst, const float *x, const float *w,
                                        const float *bias, int64_t n, int h, int width, int c,
                                        int k)
{
    SAM2_FOR(i, n)
    {
        int channel = (int)(i % c);
        int y0 = (int)(i / c / width % h) - k / 2, x0 = (int)(i / c % width) - k / 2;
        const float *map = x + i / c / width / h * h * width * c;
        float sum = bias[channel];
        for (int yy = max(y0, 0); yy < min(y0 + k, h); yy++)
            for (int xx = max(x0, 0); xx < min(x0 + k, width); xx++)
                sum += map[((int64_t)yy * width + xx) * c + channel] *
                       w[((yy - y0) * k + xx - x0) * c + channel];
        dst[i] = sum;
    }
}

cudaError_t sam2_cuda_launch_depthwise(cudaStream_t stream, float *dst, const float *x,
                                       const float *w, const float *bias, int n_maps, int h,
                                       int width, int c, int k)
{
    int64_t n = (int64_t)n_maps * h * width * c;
    SAM2_LAUNCH(depthwise_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, dst, x, w, bias, n, h,
                width, c, k);
    return cudaGetLastError();
}

static __global__ void unfold2_kernel(float *dst, const float *y, const float *bias,
                                      const float *residual, int64_t n, int64_t in_map, int w, int c,
                                     int act)
{
    SAM2_FOR(i, n)
    {
        int channel = (int)(i % c), px = (int)(i / c % (2 * w));
        int64_t py = i / c / (2 * w);
        int64_t tap = (py % 2) * 2 + px % 2;
        float sum = y[((py / 2 * w + px / 2) * 4 + tap) * c + channel] + bias[channel];
        if (residual)
            sum += residual[i % in_map];
        dst[i] = sam2_cuda_act(sum, act);
    }
}

cudaError_t sam2_cuda_launch_unfold2(cudaStream_t stream, float *dst, const float *y,
                                     const float *bias, const float *residual, int n_maps, int h,
                                     int w, int c, int act)
{
    // Rows of maps that lie behind each other unfold as one tall map's.
    int64_t in_map = (int64_t)4 * h * w * c, n = n_maps * in_map;
    SAM2_LAUNCH(unfold2_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, dst, y, bias, residual, n,
                in_map, w, c, act);
    return cudaGetLastError();
}
