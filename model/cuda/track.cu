// SPDX-License-Identifier: Apache-2.0
// Kernels of tracking: what objects remember, which of their masks they are, absence.
#include "model/cuda/device.cuh"

// Row r of object b: of one of its frames, or a pointer token.
template <typename T>
static __global__ void gather_kernel(T *memory, T *keys, const uint64_t *sources,
                                     const int64_t *temporal_rows, const float *tokens,
                                     const float *token_keys, const float *position,
                                     const float *temporal, Sam2CudaMemory shape, int64_t n)
{
    const int64_t n_rotated = (int64_t)shape.n_frames * shape.hw;
    SAM2_FOR(i, n)
    {
        int64_t column = i % shape.width, row = i / shape.width % shape.rows;
        int64_t object = i / shape.width / shape.rows;
        if (row >= n_rotated) {
            int64_t n_tokens = shape.rows - n_rotated;
            int64_t at = (object * n_tokens + row - n_rotated) * shape.width + column;
            memory[i] = sam2_from_f32<T>(tokens[at]);
            keys[i] = sam2_from_f32<T>(token_keys[at]);
        } else {
            int64_t frame = object * shape.n_frames + row / shape.hw;
            int64_t at = row % shape.hw * shape.width + column;
            float value = ((const float *)(uintptr_t)sources[frame])[at];
            memory[i] = sam2_from_f32<T>(value);
            keys[i] = sam2_from_f32<T>(value + position[at] +
                                       temporal[temporal_rows[frame] * shape.width + column]);
        }
    }
}

cudaError_t sam2_cuda_launch_gather(cudaStream_t stream, void *memory, void *keys,
                                    const uint64_t *sources, const int64_t *temporal_rows,
                                    const float *tokens, const float *token_keys,
                                    const float *position, const float *temporal,
                                    const Sam2CudaMemory *shape, int64_t n_objects, bool to_half,
                                    Sam2CudaHalf half)
{
    int64_t n = n_objects * shape->rows * shape->width;
    SAM2_DISPATCH(to_half, half,
                  (SAM2_LAUNCH((gather_kernel<T>), sam2_blocks(n), SAM2_BLOCK, 0, stream,
                               (T *)memory, (T *)keys, sources, temporal_rows, tokens, token_keys,
                               position, temporal, *shape, n)));
    return cudaGetLastError();
}

static __global__ void choose_kernel(float *low, float *token, float *scores, const float *logits,
                                     const float *tokens, const float *iou, const float *score,
                                     int64_t n_objects, int64_t n_pixels, int64_t d, float absent)
{
    SAM2_FOR(i, n_objects * n_pixels)
    {
        int64_t object = i / n_pixels, pixel = i % n_pixels;
        int best = sam2_cuda_best_mask(iou + 4 * object);
        low[i] = score[object] > 0 ? logits[(4 * object + best) * n_pixels + pixel] : absent;
    }
    SAM2_FOR(i, n_objects * d)
    {
        int64_t object = i / d;
        int best = sam2_cuda_best_mask(iou + 4 * object);
        token[i] = tokens[(best * n_objects + object) * d + i % d];
        if (i % d == 0) {
            scores[2 * object] = sam2_cuda_sigmoid(iou[4 * object + best]);
            scores[2 * object + 1] = score[object];
        }
    }
}

cudaError_t sam2_cuda_launch_choose(cudaStream_t stream, float *low, float *token, float *scores,
                                    const float *logits, const float *tokens, const float *iou,
                                    const float *score, int64_t n_objects, int64_t n_pixels,
                                    int64_t d, float absent)
{
    SAM2_LAUNCH(choose_kernel, sam2_blocks(n_objects * n_pixels), SAM2_BLOCK, 0, stream, low, token,
                scores, logits, tokens, iou, score, n_objects, n_pixels, d, absent);
    return cudaGetLastError();
}

static __global__ void mark_absent_kernel(float *x, const float *scores, const float *row,
                                          int64_t n, int64_t in_object, int64_t c, bool replace)
{
    SAM2_FOR(i, n)
    if (!(scores[2 * (i / in_object) + 1] > 0))
        x[i] = row[i % c] + (replace ? 0.0f : x[i]);
}

cudaError_t sam2_cuda_launch_mark_absent(cudaStream_t stream, float *x, const float *scores,
                                         const float *row, int64_t n_objects, int64_t in_object,
                                         int64_t c, bool replace)
{
    int64_t n = n_objects * in_object;
    SAM2_LAUNCH(mark_absent_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, x, scores, row, n,
                in_object, c, replace);
    return cudaGetLastError();
}
