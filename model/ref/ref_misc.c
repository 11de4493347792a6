// SPDX-License-Identifier: Apache-2.0
// Reference element-wise operations and hole filling.
#include "model/ref/ref.h"

#include <math.h>
#include <stdlib.h>

Sam2Status sam2_ref_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                        const Sam2Tensor *b, float scale)
{
    int64_t n = sam2_tensor_count(a), n_b = sam2_tensor_count(b);
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t i = 0; i < n; i++)
        sam2_f32(dst)[i] = sam2_f32(a)[i] + scale * sam2_f32(b)[n_b == n ? i : i % n_b];
    return SAM2_OK;
}

Sam2Status sam2_ref_mask_to_memory(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                   bool binarize, float scale, float bias)
{
    int64_t n = sam2_tensor_count(x);
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t i = 0; i < n; i++) {
        float value = sam2_f32(x)[i];
        value = binarize ? value > 0 : 1 / (1 + expf(-value));
        sam2_f32(dst)[i] = scale * value + bias;
    }
    return SAM2_OK;
}

Sam2Status sam2_ref_round_bf16(Sam2Backend *be, const Sam2Tensor *x)
{
    int64_t n = sam2_tensor_count(x);
#pragma omp parallel for num_threads(be->n_threads)
    for (int64_t i = 0; i < n; i++)
        sam2_f32(x)[i] = sam2_f32_from_bf16(sam2_bf16_from_f32(sam2_f32(x)[i]));
    return SAM2_OK;
}

Sam2Status sam2_ref_fill_holes(Sam2Backend *be, const Sam2Tensor *x, int max_area, float value)
{
    int h = (int)x->shape[0], w = (int)x->shape[1], n = h * w;
    float *map = sam2_f32(x);
    unsigned char *seen = calloc((size_t)n, 1);
    int *component = malloc((size_t)n * sizeof *component); // its pixels, a queue
    if (!seen || !component) {
        free(seen);
        free(component);
        return sam2_fail_memory(&be->error, (size_t)n * sizeof *component);
    }
    for (int start = 0; start < n; start++) {
        if (seen[start] || !(map[start] <= 0))
            continue;
        int count = 0;
        component[count++] = start;
        seen[start] = 1;
        for (int i = 0; i < count; i++) {
            int y = component[i] / w, column = component[i] % w;
            for (int yy = y > 0 ? y - 1 : 0; yy <= y + 1 && yy < h; yy++) {
                for (int xx = column > 0 ? column - 1 : 0; xx <= column + 1 && xx < w; xx++) {
                    int p = yy * w + xx;
                    if (!seen[p] && map[p] <= 0) {
                        seen[p] = 1;
                        component[count++] = p;
                    }
                }
            }
        }
        for (int i = 0; i < count && count <= max_area; i++)
            map[component[i]] = value;
    }
    free(seen);
    free(component);
    return SAM2_OK;
}
