// SPDX-License-Identifier: Apache-2.0
// The cuda backend: the device, its memory, the table of operations.
#include "model/cuda/state.h"

#include <stdio.h>
#include <stdlib.h>

// ---- The device --------------------------------------------------------------------------------

static bool is_lost; // until the program is started again

// Device 0; CUDA_VISIBLE_DEVICES chooses another one.
static bool find_device(const char **why, struct cudaDeviceProp *out)
{
    static char reason[256];
    int n = 0;
    if (is_lost) {
        *why = "the GPU was lost; it can be used again once the program is started again";
        return false;
    }
    cudaError_t error = cudaGetDeviceCount(&n);
    if (error == cudaSuccess && n > 0)
        error = cudaGetDeviceProperties(out, 0);
    if (error != cudaSuccess || n == 0) {
        cudaGetLastError();
        snprintf(reason, sizeof reason, "there is no NVIDIA GPU that can be used: %s",
                 n == 0 && error == cudaSuccess ? "none was found" : cudaGetErrorString(error));
        *why = reason;
        return false;
    }
    if (out->major * 10 + out->minor < 75) {
        snprintf(reason, sizeof reason,
                 "%.100s has compute capability %d.%d; the CUDA backend needs 7.5 or more",
                 out->name, out->major, out->minor);
        *why = reason;
        return false;
    }
    return true;
}

static bool is_available(const char **why)
{
    struct cudaDeviceProp properties;
    return find_device(why, &properties);
}

Sam2Status sam2_cuda_check(Sam2Backend *be, cudaError_t error, const char *what)
{
    if (error == cudaSuccess)
        return SAM2_OK;
    cudaGetLastError(); // what is not sticky is forgotten
    if (error == cudaErrorMemoryAllocation)
        return sam2_fail(&be->error, SAM2_ERR_MEMORY, "out of GPU memory: %s", what);
    // An error that stays has taken the context with it: nothing on the device can be reached any
    // more by this process. The stream that is not being recorded tells.
    const Sam2CudaState *state = sam2_cuda_state(be);
    cudaError_t left = cudaStreamQuery(state->lanes[state->recording ? !state->lane : 0].stream);
    cudaGetLastError();
    if (left == cudaSuccess || left == cudaErrorNotReady)
        return sam2_fail(&be->error, SAM2_ERR_BACKEND, "the GPU failed: %s: %s", what,
                         cudaGetErrorString(error));
    is_lost = true;
    return sam2_fail(&be->error, SAM2_ERR_DEVICE, "the GPU was lost: %s: %s", what,
                     cudaGetErrorString(left));
}

// ---- Copies and waiting -------------------------------------------------------------------------

static Sam2Status synchronise(Sam2Backend *be)
{
    for (int i = 0; i < SAM2_CUDA_N_LANES; i++)
        SAM2_TRY(sam2_cuda_check(be, cudaStreamSynchronize(sam2_cuda_state(be)->lanes[i].stream),
                                 "waiting"));
    return SAM2_OK;
}

static Sam2Status copy(Sam2Backend *be, void *dst, const void *src, size_t size)
{
    return sam2_cuda_check(
        be, cudaMemcpyAsync(dst, src, size, cudaMemcpyDeviceToDevice, sam2_cuda_state(be)->stream),
        "copying");
}

static Sam2Status copy_rows(Sam2Backend *be, void *dst, size_t dst_step, const void *src,
                            size_t src_step, size_t row_size, int64_t n)
{
    return sam2_cuda_check(be,
                           cudaMemcpy2DAsync(dst, dst_step, src, src_step, row_size, (size_t)n,
                                             cudaMemcpyDeviceToDevice, sam2_cuda_state(be)->stream),
                           "copying");
}

// ---- Operations of one kernel ------------------------------------------------------------------

static Sam2Status layer_norm(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                             const Sam2Tensor *gamma, const Sam2Tensor *beta, float eps,
                             Sam2Act act)
{
    return sam2_cuda_check(be,
                           sam2_cuda_launch_layer_norm(
                               sam2_cuda_state(be)->stream, dst->data, sam2_f32(x), sam2_f32(gamma),
                               sam2_f32(beta), x->shape[0], (int)x->shape[1], eps, (int)act,
                               dst->dtype != SAM2_F32, sam2_cuda_state(be)->half),
                           "layer norm");
}

static Sam2Status rope(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *cos,
                       const Sam2Tensor *sin, int64_t n_rotated)
{
    const int at = x->n_dims - 2; // 1: a batch
    return sam2_cuda_check(be,
                           sam2_cuda_launch_rope(sam2_cuda_state(be)->stream, sam2_f32(x),
                                                 sam2_f32(cos), sam2_f32(sin), at ? x->shape[0] : 1,
                                                 x->shape[at], n_rotated, cos->shape[1],
                                                 cos->shape[0]),
                           "rotary positions");
}

static Sam2Status max_pool(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x)
{
    return sam2_cuda_check(be,
                           sam2_cuda_launch_max_pool(sam2_cuda_state(be)->stream, sam2_f32(dst),
                                                     sam2_f32(x), (int)dst->shape[0],
                                                     (int)dst->shape[1], (int)x->shape[2]),
                           "pooling");
}

static Sam2Status upsample_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x)
{
    return sam2_cuda_check(be,
                           sam2_cuda_launch_upsample_add(sam2_cuda_state(be)->stream, sam2_f32(dst),
                                                         sam2_f32(x), (int)dst->shape[0],
                                                         (int)dst->shape[1], (int)x->shape[2]),
                           "upsampling");
}

static Sam2Status add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                      const Sam2Tensor *b, float scale)
{
    return sam2_cuda_check(be,
                           sam2_cuda_launch_add(sam2_cuda_state(be)->stream, dst->data, sam2_f32(a),
                                                sam2_f32(b), sam2_tensor_count(a),
                                                sam2_tensor_count(b), scale, dst->dtype != SAM2_F32,
                                                sam2_cuda_state(be)->half),
                           "adding");
}

static Sam2Status mask_to_memory(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                 bool binarize, float scale, float bias)
{
    return sam2_cuda_check(
        be,
        sam2_cuda_launch_mask_to_memory(sam2_cuda_state(be)->stream, sam2_f32(dst), sam2_f32(x),
                                        sam2_tensor_count(x), binarize, scale, bias),
        "scaling a mask");
}

static Sam2Status round_bf16(Sam2Backend *be, const Sam2Tensor *x)
{
    return sam2_cuda_check(
        be,
        sam2_cuda_launch_round_bf16(sam2_cuda_state(be)->stream, sam2_f32(x), sam2_tensor_count(x)),
        "rounding");
}

static Sam2Status fill_holes(Sam2Backend *be, const Sam2Tensor *x, int max_area, float value)
{
    size_t size = (size_t)sam2_tensor_count(x) * sizeof(int);
    int *labels = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_IMAGE, size);
    int *areas = sam2_cuda_scratch(be, SAM2_CUDA_SCRATCH_IMAGE2, size);
    if (!labels || !areas)
        return be->error.status;
    const int at = x->n_dims - 2; // 1: a batch
    return sam2_cuda_check(be,
                           sam2_cuda_launch_fill_holes(sam2_cuda_state(be)->stream, sam2_f32(x),
                                                       at ? (int)x->shape[0] : 1, (int)x->shape[at],
                                                       (int)x->shape[at + 1], max_area, value,
                                                       labels, areas),
                           "filling holes");
}

static Sam2Status gather_memory(Sam2Backend *be, const Sam2Tensor *memory, const Sam2Tensor *keys,
                                const Sam2Tensor *table, const Sam2Tensor *position,
                                const Sam2Tensor *temporal, int64_t n_frames)
{
    const Sam2CudaMemory shape = {.rows = memory->shape[1],
                                  .width = memory->shape[2],
                                  .n_frames = n_frames,
                                  .hw = position->shape[0]};
    const Sam2MemoryTable from = sam2_memory_table(table->data, memory->shape[0], n_frames,
                                                   shape.rows - n_frames * shape.hw, shape.width);
    return sam2_cuda_check(
        be,
        sam2_cuda_launch_gather(sam2_cuda_state(be)->stream, memory->data, keys->data, from.sources,
                                from.rows, from.tokens, from.keys, sam2_f32(position),
                                sam2_f32(temporal), &shape, memory->shape[0],
                                memory->dtype != SAM2_F32, sam2_cuda_state(be)->half),
        "gathering memory");
}

static Sam2Status choose_mask(Sam2Backend *be, const Sam2Tensor *low, const Sam2Tensor *token,
                              const Sam2Tensor *scores, const Sam2Tensor *logits,
                              const Sam2Tensor *tokens, const Sam2Tensor *iou,
                              const Sam2Tensor *score, float absent)
{
    return sam2_cuda_check(be,
                           sam2_cuda_launch_choose(sam2_cuda_state(be)->stream, sam2_f32(low),
                                                   sam2_f32(token), sam2_f32(scores),
                                                   sam2_f32(logits), sam2_f32(tokens),
                                                   sam2_f32(iou), sam2_f32(score), logits->shape[0],
                                                   logits->shape[2], tokens->shape[2], absent),
                           "choosing masks");
}

static Sam2Status mark_absent(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *scores,
                              const Sam2Tensor *row, bool replace)
{
    return sam2_cuda_check(be,
                           sam2_cuda_launch_mark_absent(sam2_cuda_state(be)->stream, sam2_f32(x),
                                                        sam2_f32(scores), sam2_f32(row),
                                                        x->shape[0], x->shape[1] * x->shape[2],
                                                        x->shape[2], replace),
                           "marking absence");
}

// ---- Opening -----------------------------------------------------------------------------------

static void close_cuda(Sam2Backend *be)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    sam2_cuda_close_lanes(state);
    sam2_cuda_forget_recordings(be);
    sam2_cuda_gemm_close(&state->gemm);
    sam2_cuda_free_blocks(state);
    cudaGetLastError();
    free(state->vectors);
    free(state);
    be->state = NULL;
}

static const Sam2BackendOps cuda_ops = {
    .alloc = sam2_cuda_alloc,
    .free = sam2_cuda_free,
    .get_memory = sam2_cuda_get_memory,
    .upload = sam2_cuda_upload,
    .download = sam2_cuda_download,
    .copy = copy,
    .copy_rows = copy_rows,
    .weight_init = sam2_cuda_weight_init,
    .weight_free = sam2_cuda_weight_free,
    .close = close_cuda,
    .linear = sam2_cuda_linear,
    .linear_rope = sam2_cuda_linear_rope,
    .matmul_nt = sam2_cuda_matmul_nt,
    .layer_norm = layer_norm,
    .window_attention = sam2_cuda_window_attention,
    .attention = sam2_cuda_attention,
    .rope = rope,
    .conv2d = sam2_cuda_conv2d,
    .depthwise_conv = sam2_cuda_depthwise_conv,
    .conv_transpose = sam2_cuda_conv_transpose,
    .max_pool = max_pool,
    .upsample_add = upsample_add,
    .add = add,
    .mask_to_memory = mask_to_memory,
    .round_bf16 = round_bf16,
    .resize = sam2_cuda_resize,
    .image_input = sam2_cuda_image_input,
    .fill_holes = fill_holes,
    .gather_memory = gather_memory,
    .choose_mask = choose_mask,
    .mark_absent = mark_absent,
    .sync = synchronise,
    .select_lane = sam2_cuda_select_lane,
    .mark = sam2_cuda_mark,
    .wait = sam2_cuda_wait,
    .alloc_pinned = sam2_cuda_alloc_pinned,
    .free_pinned = sam2_cuda_free_pinned,
    .wait_pinned = sam2_cuda_wait_pinned,
    .copy_out = sam2_cuda_copy_out,
    .copy_in = sam2_cuda_copy_in,
    .record_begin = sam2_cuda_record_begin,
    .record_end = sam2_cuda_record_end,
};

static Sam2Status open_cuda(Sam2Backend *be)
{
    const char *why;
    struct cudaDeviceProp properties;
    if (!find_device(&why, &properties))
        return sam2_fail(&be->error, SAM2_ERR_UNSUPPORTED, "%s", why);
    Sam2CudaState *state = calloc(1, sizeof *state);
    if (!state)
        return sam2_fail_memory(&be->error, sizeof *state);
    *state = (Sam2CudaState){.n_multiprocessors = properties.multiProcessorCount,
                             .shared_limit = (int)properties.sharedMemPerBlockOptin,
                             .half = properties.major >= 8 ? SAM2_CUDA_BF16 : SAM2_CUDA_F16,
                             .total_size = properties.totalGlobalMem,
                             .can_record = !getenv("SAM2_CUDA_NO_GRAPHS")};
    be->state = state;
    Sam2Status status = sam2_cuda_open_lanes(be);
    if (status == SAM2_OK)
        status = sam2_cuda_gemm_open(&state->gemm, &be->error);
    if (status == SAM2_OK)
        sam2_cuda_select_lane(be, 0);
    if (status != SAM2_OK) {
        close_cuda(be);
        return status;
    }
    if (be->precision == SAM2_PRECISION_AUTO)
        be->precision = SAM2_PRECISION_BF16;
    be->ops = &cuda_ops;
    be->batched = true;
    if (be->precision == SAM2_PRECISION_BF16)
        be->operand_type = state->half == SAM2_CUDA_BF16 ? SAM2_BF16 : SAM2_F16;
    be->n_lanes = SAM2_CUDA_N_LANES;
    be->kind = SAM2_BACKEND_CUDA;
    snprintf(be->name, sizeof be->name, "cuda (%.40s%s)", properties.name,
             be->precision != SAM2_PRECISION_BF16 ? ""
             : state->half == SAM2_CUDA_BF16      ? ", bf16"
                                                  : ", fp16");
    return SAM2_OK;
}

__attribute__((visibility("default"))) const Sam2CudaModule sam2_cuda_module = {
    .abi = SAM2_CUDA_MODULE_ABI, .available = is_available, .open = open_cuda};
