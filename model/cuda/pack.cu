// SPDX-License-Identifier: Apache-2.0
// Operands of attention, gathered from where they lie: by heads, and by windows of the map.
#include "model/cuda/device.cuh"

template <typename T>
static __global__ void pack_heads_kernel(T *dst, const float *x, int64_t n, int64_t t, int64_t step,
                                         int n_heads, int d, int d_padded)
{
    SAM2_FOR(i, n)
    {
        int column = (int)(i % d_padded);
        int64_t head = i / d_padded / t % n_heads;
        int64_t row = i / d_padded / t / n_heads * step + i / d_padded % t;
        dst[i] = sam2_from_f32<T>(column < d ? x[(row * n_heads + head) * d + column] : 0.0f);
    }
}

cudaError_t sam2_cuda_launch_pack_heads(cudaStream_t stream, void *dst, const float *x,
                                        int64_t n_batches, int64_t t, int64_t step, int n_heads,
                                        int d, int d_padded, bool to_half, Sam2CudaHalf half)
{
    int64_t n = n_batches * t * n_heads * d_padded;
    SAM2_DISPATCH(to_half, half,
                  (SAM2_LAUNCH((pack_heads_kernel<T>), sam2_blocks(n), SAM2_BLOCK, 0, stream,
                               (T *)dst, x, n, t, step, n_heads, d, d_padded)));
    return cudaGetLastError();
}

template <typename T>
static __global__ void pack_windows_kernel(T *dst, const float *qkv, const float *bias, int64_t n,
                                           int part, Sam2CudaWindows windows, int n_tokens, int c,
                                           int n_heads, int d_padded)
{
    int d = c / n_heads;
    SAM2_FOR(i, n)
    {
        int column = (int)(i % d_padded), t = (int)(i / d_padded % n_tokens);
        int batch = (int)(i / d_padded / n_tokens), head = batch % n_heads, tile = batch / n_heads;
        float value = 0;
        if (column < d) {
            int at = part * c + head * d + column, tokens[4] = {t, t, t, t};
            if (part == 0)
                sam2_cuda_window_pooled(&windows, t, tokens);
            int n_pooled = part == 0 && windows.step == 2 ? 4 : 1;
            for (int j = 0; j < n_pooled; j++) {
                int64_t token = sam2_cuda_window_token(&windows, tile, tokens[j]);
                float x = token < 0 ? bias[at] : qkv[token * 3 * c + at];
                value = j == 0 ? x : fmaxf(value, x);
            }
        }
        dst[i] = sam2_from_f32<T>(value);
    }
}

cudaError_t sam2_cuda_launch_pack_windows(cudaStream_t stream, void *dst, const float *qkv,
                                          const float *bias, int part,
                                          const Sam2CudaWindows *windows, int c, int n_heads,
                                          int d_padded, bool to_half, Sam2CudaHalf half)
{
    int n_tokens = windows->tile_h * windows->tile_w;
    if (part == 0)
        n_tokens = windows->tile_h / windows->step * (windows->tile_w / windows->step);
    int64_t n = (int64_t)windows->n_tiles * n_heads * n_tokens * d_padded;
    SAM2_DISPATCH(
        to_half, half,
        (SAM2_LAUNCH((pack_windows_kernel<T>), sam2_blocks(n), SAM2_BLOCK, 0, stream, (T *)dst, qkv,
                     bias, n, part, *windows, n_tokens, c, n_heads, d_padded)));
    return cudaGetLastError();
}
