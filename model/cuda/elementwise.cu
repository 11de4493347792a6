// SPDX-License-Identifier: Apache-2.0
// Kernels that treat elements one by one.
#include "model/cuda/device.cuh"

template <typename T>
static __global__ void add_kernel(T *dst, const float *a, const float *b, int64_t n, int64_t n_b,
                                  float scale)
{
    SAM2_FOR(i, n)
    dst[i] = sam2_from_f32<T>(a[i] + scale * b[n_b == n ? i : i % n_b]);
}

cudaError_t sam2_cuda_launch_add(cudaStream_t stream, void *dst, const float *a, const float *b,
                                 int64_t n, int64_t n_b, float scale, bool to_half,
                                 Sam2CudaHalf half)
{
    SAM2_DISPATCH(to_half, half,
                  (SAM2_LAUNCH((add_kernel<T>), sam2_blocks(n), SAM2_BLOCK, 0, stream, (T *)dst, a,
                               b, n, n_b, scale)));
    return cudaGetLastError();
}

static __global__ void finish_kernel(float *dst, const float *x, const float *bias,
                                     const float *residual, int64_t count, int64_t n, int act)
{
    SAM2_FOR(i, count)
    {
        float y = sam2_cuda_act(bias ? x[i] + bias[i % n] : x[i], act);
        dst[i] = residual ? y + residual[i] : y;
    }
}

cudaError_t sam2_cuda_launch_finish(cudaStream_t stream, float *dst, const float *x,
                                    const float *bias, const float *residual, int64_t rows,
                                    int64_t n, int act)
{
    SAM2_LAUNCH(finish_kernel, sam2_blocks(rows * n), SAM2_BLOCK, 0, stream, dst, x, bias, residual,
                rows * n, n, act);
    return cudaGetLastError();
}

static __global__ void mask_to_memory_kernel(float *dst, const float *x, int64_t n, bool binarize,
                                             float scale, float bias)
{
    SAM2_FOR(i, n)
    dst[i] = sam2_cuda_mask_to_memory(x[i], binarize, scale, bias);
}

cudaError_t sam2_cuda_launch_mask_to_memory(cudaStream_t stream, float *dst, const float *x,
                                            int64_t n, bool binarize, float scale, float bias)
{
    SAM2_LAUNCH(mask_to_memory_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, dst, x, n, binarize,
                scale, bias);
    return cudaGetLastError();
}

static __global__ void round_bf16_kernel(float *x, int64_t n)
{
    SAM2_FOR(i, n)
    x[i] = sam2_cuda_round_bf16(x[i]);
}

cudaError_t sam2_cuda_launch_round_bf16(cudaStream_t stream, float *x, int64_t n)
{
    SAM2_LAUNCH(round_bf16_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, x, n);
    return cudaGetLastError();
}

static __global__ void rope_kernel(float *x, const float *cos, const float *sin, int64_t n,
                                   int64_t rotated, int64_t rows, int64_t half, int64_t period)
{
    SAM2_FOR(i, n)
    {
        int64_t t = i / half % rotated, row = i / half / rotated * rows + t;
        int64_t at = sam2_cuda_rope_row(row, rows, rotated, period) * half + i % half;
        int64_t to = row * half + i % half;
        sam2_cuda_rotate(&x[2 * to], &x[2 * to + 1], cos[at], sin[at]);
    }
}

cudaError_t sam2_cuda_launch_rope(cudaStream_t stream, float *x, const float *cos, const float *sin,
                                  int64_t n_batches, int64_t rows, int64_t rotated, int64_t half,
                                  int64_t period)
{
    int64_t n = n_batches * rotated * half;
    if (n > 0)
        SAM2_LAUNCH(rope_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, x, cos, sin, n, rotated,
                    rows, half, period);
    return cudaGetLastError();
}

static __global__ void max_pool_kernel(float *dst, const float *x, int64_t n, int out_w, int c)
{
    SAM2_FOR(i, n)
    {
        int64_t pixel = i / c, row = 2 * (int64_t)out_w * c;
        const float *top = x + pixel / out_w * 2 * row + pixel % out_w * 2 * c + i % c;
        dst[i] = fmaxf(fmaxf(top[0], top[c]), fmaxf(top[row], top[row + c]));
    }
}

cudaError_t sam2_cuda_launch_max_pool(cudaStream_t stream, float *dst, const float *x, int out_h,
                                      int out_w, int c)
{
    int64_t n = (int64_t)out_h * out_w * c;
    SAM2_LAUNCH(max_pool_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, dst, x, n, out_w, c);
    return cudaGetLastError();
}

static __global__ void upsample_add_kernel(float *dst, const float *x, int64_t n, int out_w, int c)
{
    SAM2_FOR(i, n)
    {
        int64_t pixel = i / c;
        dst[i] += x[(pixel / out_w / 2 * (out_w / 2) + pixel % out_w / 2) * c + i % c];
    }
}

cudaError_t sam2_cuda_launch_upsample_add(cudaStream_t stream, float *dst, const float *x,
                                          int out_h, int out_w, int c)
{
    int64_t n = (int64_t)out_h * out_w * c;
    SAM2_LAUNCH(upsample_add_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, dst, x, n, out_w, c);
    return cudaGetLastError();
}

template <typename T>
static __global__ void to_half_kernel(T *dst, const float *x, int64_t n, int64_t k,
                                      int64_t k_padded)
{
    SAM2_FOR(i, n)
    {
        int64_t column = i % k_padded;
        dst[i] = sam2_from_f32<T>(column < k ? x[i / k_padded * k + column] : 0.0f);
    }
}

cudaError_t sam2_cuda_launch_to_half(cudaStream_t stream, void *dst, const float *x, int64_t rows,
                                     int64_t k, int64_t k_padded, Sam2CudaHalf half)
{
    int64_t n = rows * k_padded;
    SAM2_DISPATCH(true, half,
                  (SAM2_LAUNCH((to_half_kernel<T>), sam2_blocks(n), SAM2_BLOCK, 0, stream, (T *)dst,
                               x, n, k, k_padded)));
    return cudaGetLastError();
}
