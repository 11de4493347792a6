// SPDX-License-Identifier: Apache-2.0
// Reference operations of tracking: what an object remembers, which of its masks it is, absence.
#include "model/ref/ref.h"

#include <math.h>
#include <string.h>

Sam2Status sam2_ref_gather_memory(Sam2Backend *be, const Sam2Tensor *memory, const Sam2Tensor *keys,
                                  const Sam2Tensor *table, const Sam2Tensor *position,
                                  const Sam2Tensor *temporal, int64_t n_frames)
{
    int64_t n = memory->shape[0], rows = memory->shape[1], m = memory->shape[2];
    int64_t hw = position->shape[0], n_tokens = rows - n_frames * hw;
    size_t token_size = (size_t)(n_tokens * m) * sizeof(float);
    Sam2MemoryTable from = sam2_memory_table(table->data, n, n_frames, n_tokens, m);
    const float *place = sam2_f32(position);
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t i = 0; i < n * n_frames; i++) {
        const float *source = (const float *)(uintptr_t)from.sources[i];
        const float *time = sam2_f32(temporal) + from.rows[i] * m;
        int64_t at = (i / n_frames * rows + i % n_frames * hw) * m;
        for (int64_t k = 0; k < hw * m; k++) {
            sam2_f32(memory)[at + k] = source[k];
            sam2_f32(keys)[at + k] = source[k] + place[k] + time[k % m];
        }
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t at = (i * rows + n_frames * hw) * m;
        memcpy(sam2_f32(memory) + at, from.tokens + i * n_tokens * m, token_size);
        memcpy(sam2_f32(keys) + at, from.keys + i * n_tokens * m, token_size);
    }
    return SAM2_OK;
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

Sam2Status sam2_ref_choose_mask(Sam2Backend *be, const Sam2Tensor *low, const Sam2Tensor *token,
                                const Sam2Tensor *scores, const Sam2Tensor *logits,
                                const Sam2Tensor *tokens, const Sam2Tensor *iou,
                                const Sam2Tensor *score, float absent)
{
    int64_t n = logits->shape[0], n_pixels = logits->shape[2], d = tokens->shape[2];
    for (int64_t i = 0; i < n; i++) {
        const float *x = sam2_f32(iou) + 4 * i;
        int64_t best = 1;
        for (int64_t k = 2; k <= 3; k++)
            if (sigmoid(x[k]) > sigmoid(x[best]))
                best = k;
        float *out = sam2_f32(low) + i * n_pixels;
        const bool present = sam2_f32(score)[i] > 0;
        const float *mask = sam2_f32(logits) + (4 * i + best) * n_pixels;
        for (int64_t k = 0; k < n_pixels; k++)
            out[k] = present ? mask[k] : absent;
        memcpy(sam2_f32(token) + i * d, sam2_f32(tokens) + (best * n + i) * d,
               (size_t)d * sizeof(float));
        sam2_f32(scores)[2 * i] = sigmoid(x[best]);
        sam2_f32(scores)[2 * i + 1] = sam2_f32(score)[i];
    }
    return SAM2_OK;
}

Sam2Status sam2_ref_mark_absent(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *scores,
                                const Sam2Tensor *row, bool replace)
{
    int64_t n = x->shape[1] * x->shape[2], c = x->shape[2];
    for (int64_t i = 0; i < x->shape[0]; i++)
        for (int64_t k = 0; !(sam2_f32(scores)[2 * i + 1] > 0) && k < n; k++) {
            float *at = sam2_f32(x) + i * n + k;
            *at = sam2_f32(row)[k % c] + (replace ? 0 : *at);
        }
    return SAM2_OK;
}
