// SPDX-License-Identifier: Apache-2.0
// Resizing: tables of taps, network input, masks.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/cuda/state.h"
#include "model/ref/ref.h"

// first, n, weights and fixed weights, one after the other.
static void *lay_out_taps(const Sam2Resample *resample, size_t *size)
{
    const size_t n = (size_t)resample->n_out, all = n * (size_t)resample->n_max;
    *size = (2 * n + 2 * all) * sizeof(int);
    int *out = malloc(*size);
    if (!out)
        return NULL;
    memcpy(out, resample->first, n * sizeof *out);
    memcpy(out + n, resample->n, n * sizeof *out);
    float *weights = (float *)(out + 2 * n);
    int *fixed = out + 2 * n + all;
    for (size_t i = 0; i < all; i++) {
        weights[i] = (float)resample->weights[i];
        fixed[i] = (int)lround(resample->weights[i] * (1 << SAM2_CUDA_PILLOW_BITS));
    }
    return out;
}

static Sam2Status make_taps(Sam2Backend *be, Sam2CudaTapsEntry *entry)
{
    Sam2Resample resample;
    size_t size = 0;
    if (!sam2_resample_init(&resample, entry->n_in, entry->n_out,
                            entry->filter ? SAM2_FILTER_BICUBIC : SAM2_FILTER_TRIANGLE))
        return sam2_fail_memory(&be->error, (size_t)entry->n_out * sizeof(double));
    void *host = lay_out_taps(&resample, &size);
    Sam2Status status = host ? SAM2_OK : sam2_fail_memory(&be->error, size);
    if (status == SAM2_OK) {
        entry->memory = be->ops->alloc(be, size);
        status = entry->memory ? be->ops->upload(be, entry->memory, host, size) : be->error.status;
    }
    const int *base = entry->memory;
    const size_t n = (size_t)resample.n_out, all = n * (size_t)resample.n_max;
    if (status == SAM2_OK)
        entry->taps = (Sam2CudaTaps){.first = base,
                                     .n = base + n,
                                     .weights = (const float *)(base + 2 * n),
                                     .fixed = base + 2 * n + all,
                                     .n_max = resample.n_max,
                                     .n_out = resample.n_out};
    free(host);
    sam2_resample_free(&resample);
    return status;
}

Sam2Status sam2_cuda_taps(Sam2Backend *be, int n_in, int n_out, bool bicubic, Sam2CudaTaps *out)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    for (int i = 0; i < SAM2_CUDA_N_TAPS; i++) {
        const Sam2CudaTapsEntry *entry = &state->taps[i];
        if (entry->n_in == n_in && entry->n_out == n_out && entry->filter == bicubic) {
            *out = entry->taps;
            return SAM2_OK;
        }
    }
    Sam2CudaTapsEntry *entry = &state->taps[state->next_taps];
    sam2_cuda_forget_recordings(be);                       // they may use it
    SAM2_TRY(entry->memory ? be->ops->sync(be) : SAM2_OK); // the other lane too
    sam2_cuda_free(be, entry->memory);
    *entry = (Sam2CudaTapsEntry){.n_in = n_in, .n_out = n_out, .filter = bicubic};
    Sam2Status status = make_taps(be, entry);
    if (status != SAM2_OK) {
        sam2_cuda_free(be, entry->memory);
        *entry = (Sam2CudaTapsEntry){0};
        return status;
    }
    state->next_taps = (state->next_taps + 1) % SAM2_CUDA_N_TAPS;
    *out = entry->taps;
    return SAM2_OK;
}

Sam2Status sam2_cuda_resize(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                            bool antialias)
{
    cudaStream_t stream = sam2_cuda_state(be)->stream;
    const int64_t n = x->shape[0], h = x->shape[1], w = x->shape[2];
    const int64_t out_h = dst->shape[1], out_w = dst->shape[2];
    if (!antialias)
        return sam2_cuda_check(be,
                               sam2_cuda_launch_bilinear(stream, sam2_f32(dst), sam2_f32(x), (int)n,
                                                         (int)h, (int)w, (int)out_h, (int)out_w),
                               "resizing");
    Sam2CudaTaps across, down;
    SAM2_TRY(sam2_cuda_taps(be, (int)w, (int)out_w, false, &across));
    SAM2_TRY(sam2_cuda_taps(be, (int)h, (int)out_h, false, &down));
    float *middle = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_IMAGE,
                                      (size_t)(n * h * out_w) * sizeof(float)); // (n, h, W)
    if (!middle)
        return be->error.status;
    SAM2_TRY(sam2_cuda_check(
        be, sam2_cuda_launch_resample(stream, middle, sam2_f32(x), n * h, w, 1, &across),
        "resizing"));
    return sam2_cuda_check(
        be, sam2_cuda_launch_resample(stream, sam2_f32(dst), middle, n, h, out_w, &down),
        "resizing");
}

// The picture on the device, rows without gaps.
static Sam2Status upload_image(Sam2Backend *be, uint8_t **out, const uint8_t *rgb, int width,
                               int height, size_t stride)
{
    const size_t row = 3 * (size_t)width;
    *out = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_IMAGE, row * (size_t)height);
    if (!*out)
        return be->error.status;
    return sam2_cuda_upload_rows(be, *out, rgb, row, stride, height);
}

static Sam2Status load_exact(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *pixels,
                             int width, int height)
{
    cudaStream_t stream = sam2_cuda_state(be)->stream;
    const int size = (int)dst->shape[0];
    const size_t middle_size = (size_t)height * 3 * (size_t)size;
    Sam2CudaTaps across, down;
    SAM2_TRY(sam2_cuda_taps(be, width, size, true, &across));
    SAM2_TRY(sam2_cuda_taps(be, height, size, true, &down));
    uint8_t *middle = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_IMAGE2,
                                        middle_size + 3 * (size_t)size * (size_t)size);
    if (!middle)
        return be->error.status;
    uint8_t *resized = middle + middle_size;
    SAM2_TRY(sam2_cuda_check(
        be, sam2_cuda_launch_resample_8bit(stream, middle, pixels, height, width, 3, &across),
        "resizing a picture"));
    SAM2_TRY(sam2_cuda_check(be,
                             sam2_cuda_launch_resample_8bit(stream, resized, middle, 1, height,
                                                            3 * (int64_t)size, &down),
                             "resizing a picture"));
    return sam2_cuda_check(
        be, sam2_cuda_launch_from_8bit(stream, sam2_f32(dst), resized, sam2_tensor_count(dst)),
        "resizing a picture");
}

static Sam2Status load_float(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *pixels,
                             int width, int height)
{
    cudaStream_t stream = sam2_cuda_state(be)->stream;
    const int size = (int)dst->shape[0];
    const size_t n = 3 * (size_t)width * (size_t)height,
                 n_middle = 3 * (size_t)size * (size_t)height;
    Sam2CudaTaps across, down;
    SAM2_TRY(sam2_cuda_taps(be, width, size, false, &across));
    SAM2_TRY(sam2_cuda_taps(be, height, size, false, &down));
    float *input = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_IMAGE2, (n + n_middle) * sizeof(float));
    if (!input)
        return be->error.status;
    SAM2_TRY(sam2_cuda_check(be, sam2_cuda_launch_from_8bit(stream, input, pixels, (int64_t)n),
                             "resizing a picture"));
    SAM2_TRY(sam2_cuda_check(
        be, sam2_cuda_launch_resample(stream, input + n, input, height, width, 3, &across),
        "resizing a picture"));
    return sam2_cuda_check(be,
                           sam2_cuda_launch_resample(stream, sam2_f32(dst), input + n, 1, height,
                                                     3 * (int64_t)size, &down),
                           "resizing a picture");
}

Sam2Status sam2_cuda_image_input(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb,
                                 int width, int height, size_t stride, bool exact_8bit)
{
    uint8_t *pixels;
    SAM2_TRY(upload_image(be, &pixels, rgb, width, height, stride));
    SAM2_TRY(exact_8bit ? load_exact(be, dst, pixels, width, height)
                        : load_float(be, dst, pixels, width, height));
    return sam2_cuda_check(be,
                           sam2_cuda_launch_normalise(sam2_cuda_state(be)->stream, sam2_f32(dst),
                                                      sam2_tensor_count(dst)),
                           "normalising a picture");
}
