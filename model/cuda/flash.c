// SPDX-License-Identifier: Apache-2.0
// How attention on tensor cores is cut: widths that there are kernels for, parts of the keys.
#include "model/cuda/flash.h"

static int round_up(int x, const int *widths, int n)
{
    for (int i = 0; i < n; i++)
        if (x <= widths[i])
            return widths[i];
    return widths[n - 1];
}

void sam2_cuda_flash_choose(Sam2CudaFlash *out, const Sam2CudaAttention *attention,
                            int n_multiprocessors)
{
    static const int widths[] = {16, 32, 64, 80, 96, 128};
    int d = attention->d, d_v = attention->d_v;
    if (d <= 128 && d_v <= 128) {
        out->d = out->d_v = round_up(d > d_v ? d : d_v, widths, 6);
    } else {
        out->d = 256;
        out->d_v = d_v <= 64 ? 64 : 256;
    }
    // Two blocks fit on a multiprocessor; parts of fewer than four blocks of keys do not pay.
    int64_t n_rows = (int64_t)attention->n_batches * attention->n_heads * attention->n_q;
    int64_t n_blocks = (int64_t)attention->n_batches * attention->n_heads *
                       ((attention->n_q + SAM2_FLASH_QUERIES - 1) / SAM2_FLASH_QUERIES);
    int64_t splits = 2 * (int64_t)n_multiprocessors / n_blocks;
    int64_t most = attention->n_k / (4 * SAM2_FLASH_KEYS);
    splits = splits > most ? most : splits;
    out->n_splits = splits < 1 ? 1 : (int)splits;
    out->scratch_size = 0;
    if (out->n_splits > 1)
        out->scratch_size =
            (size_t)(n_rows * out->n_splits) * (size_t)(out->d_v + 2) * sizeof(float);
}
