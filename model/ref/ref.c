// SPDX-License-Identifier: Apache-2.0
// The reference backend: plain C for every operation, in host memory, with fp32 results.
#include "model/ref/ref.h"

#include <stdlib.h>
#include <string.h>

static void *alloc_host(Sam2Backend *be, size_t size)
{
    void *data;
    return posix_memalign(&data, 64, size ? size : 1) == 0 ? data : NULL;
}

static void free_host(Sam2Backend *be, void *data)
{
    free(data);
}

static Sam2Status copy_host(Sam2Backend *be, void *dst, const void *src, size_t size)
{
    memcpy(dst, src, size);
    return SAM2_OK;
}

static Sam2Status copy_host_rows(Sam2Backend *be, void *dst, size_t dst_step, const void *src,
                                 size_t src_step, size_t row_size, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        memcpy((char *)dst + (size_t)i * dst_step, (const char *)src + (size_t)i * src_step,
               row_size);
    return SAM2_OK;
}

static Sam2Status init_weight(Sam2Backend *be, Sam2Weight *out, Sam2WeightKind kind,
                              const Sam2Tensor *host)
{
    *out = (Sam2Weight){0};
    SAM2_TRY(sam2_backend_alloc(be, &out->tensor, host->n_dims, host->shape));
    out->size = sam2_tensor_size(host);
    memcpy(out->tensor.data, host->data, out->size);
    return SAM2_OK;
}

static void free_weight(Sam2Backend *be, Sam2Weight *weight)
{
    free(weight->tensor.data);
    *weight = (Sam2Weight){0};
}

static void close_ref(Sam2Backend *be)
{
}

static Sam2Status sync_host(Sam2Backend *be)
{
    return SAM2_OK;
}

const Sam2BackendOps sam2_ref_ops = {
    .alloc = alloc_host,
    .free = free_host,
    .upload = copy_host,
    .download = copy_host,
    .copy = copy_host,
    .copy_rows = copy_host_rows,
    .weight_init = init_weight,
    .weight_free = free_weight,
    .close = close_ref,
    .linear = sam2_ref_linear,
    .matmul_nt = sam2_ref_matmul_nt,
    .layer_norm = sam2_ref_layer_norm,
    .window_attention = sam2_ref_window_attention,
    .attention = sam2_ref_attention,
    .rope = sam2_ref_rope,
    .conv2d = sam2_ref_conv2d,
    .depthwise_conv = sam2_ref_depthwise_conv,
    .conv_transpose = sam2_ref_conv_transpose,
    .max_pool = sam2_ref_max_pool,
    .upsample_add = sam2_ref_upsample_add,
    .add = sam2_ref_add,
    .mask_to_memory = sam2_ref_mask_to_memory,
    .round_bf16 = sam2_ref_round_bf16,
    .resize = sam2_ref_resize,
    .image_input = sam2_ref_image_input,
    .fill_holes = sam2_ref_fill_holes,
    .gather_memory = sam2_ref_gather_memory,
    .choose_mask = sam2_ref_choose_mask,
    .mark_absent = sam2_ref_mark_absent,
    .sync = sync_host,
};

Sam2Status sam2_ref_open(Sam2Backend *be)
{
    if (be->precision == SAM2_PRECISION_BF16)
        return sam2_fail(&be->error, SAM2_ERR_UNSUPPORTED,
                         "the reference backend computes in fp32 only");
    be->ops = &sam2_ref_ops;
    be->kind = SAM2_BACKEND_REF;
    be->precision = SAM2_PRECISION_F32;
    memcpy(be->name, "ref", sizeof "ref");
    return SAM2_OK;
}
