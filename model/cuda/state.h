// SPDX-License-Identifier: Apache-2.0
// The CUDA backend's state, and what its C files share.
#pragma once

#include "model/cuda/gemm.h"
#include "model/cuda/kernels.h"
#include "model/cuda/module.h"

// Device memory that grows and is used by one operation at a time, for one purpose each.
typedef enum Sam2CudaScratch {
    SAM2_CUDA_SCRATCH_A,       // left operand of a product
    SAM2_CUDA_SCRATCH_BIAS,    // as half
    SAM2_CUDA_SCRATCH_PRODUCT, // what is finished into dst
    SAM2_CUDA_SCRATCH_Q,       // packed; K and V follow
    SAM2_CUDA_SCRATCH_K,
    SAM2_CUDA_SCRATCH_V,
    SAM2_CUDA_SCRATCH_PARTIAL, // attention in parts
    SAM2_CUDA_SCRATCH_IMAGE,   // resizing
    SAM2_CUDA_SCRATCH_IMAGE2,
    SAM2_CUDA_N_SCRATCH,
} Sam2CudaScratch;

#define SAM2_CUDA_N_TAPS 8

typedef struct Sam2CudaTapsEntry {
    int n_in, n_out, filter; // n_out 0: empty
    Sam2CudaTaps taps;
    void *memory;
} Sam2CudaTapsEntry;

typedef struct Sam2CudaArea {
    void *data;
    size_t size;
} Sam2CudaArea;

// Pinned memory on the way in or out; `done` when the last copy is.
typedef struct Sam2CudaStaged {
    void *data;
    size_t size;
    cudaEvent_t done;
} Sam2CudaStaged;

// A weight that has a half copy behind it.
typedef struct Sam2CudaVector {
    void *data;
    int64_t n;
} Sam2CudaVector;

// Work in order, beside that of the other lanes. Each has memory of its own; only the first two
// compute.
#define SAM2_CUDA_N_LANES 3
#define SAM2_CUDA_N_COMPUTING_LANES 2
typedef struct Sam2CudaLane {
    cudaStream_t stream;
    cudaEvent_t mark;
    Sam2CudaArea scratch[SAM2_CUDA_N_SCRATCH];
    Sam2CudaStaged staged[2], fetched;
    int next_staged;
} Sam2CudaLane;

// Pinned memory that the backend's user asked for; `done` when it was read last.
typedef struct Sam2CudaPinned {
    char *data;
    size_t size;
    cudaEvent_t done; // NULL: it was not uploaded from
    struct Sam2CudaPinned *next;
} Sam2CudaPinned;

// A piece of device memory, in use or kept for its lane.
typedef struct Sam2CudaBlock {
    void *data;
    size_t size;
    int lane;
    bool used;
} Sam2CudaBlock;

#define SAM2_CUDA_KEY_SIZE 128
#define SAM2_CUDA_N_RECORDINGS 64
typedef struct Sam2CudaRecording {
    char key[SAM2_CUDA_KEY_SIZE];
    size_t key_size; // 0: none
    int lane;
    uint64_t last_use;
    bool unfit;            // it cannot be recorded
    cudaGraphExec_t graph; // NULL: seen once, not recorded yet
} Sam2CudaRecording;

typedef struct Sam2CudaState {
    int n_multiprocessors, shared_limit;
    Sam2CudaHalf half;
    size_t total_size; // of the device's memory
    Sam2CudaLane lanes[SAM2_CUDA_N_LANES];
    int lane;            // that operations go to
    cudaStream_t stream; // its
    Sam2CudaGemm *gemm;
    Sam2CudaTapsEntry taps[SAM2_CUDA_N_TAPS];
    int next_taps;
    Sam2CudaVector *vectors; // by address
    int n_vectors, vectors_capacity;
    Sam2CudaBlock *blocks;
    int n_blocks, blocks_capacity;
    size_t unused_size;
    uint64_t n_allocations; // taken and given back
    Sam2CudaPinned *pinned;
    bool can_record;
    Sam2CudaRecording recordings[SAM2_CUDA_N_RECORDINGS], *recording; // NULL: not recording
    uint64_t clock, n_before_recording;
} Sam2CudaState;

static inline Sam2CudaState *sam2_cuda_state(Sam2Backend *be)
{
    return be->state;
}

// SAM2_OK, or the failure of `what` in be->error.
Sam2Status sam2_cuda_check(Sam2Backend *be, cudaError_t error, const char *what);

// ---- memory.c
void *sam2_cuda_alloc(Sam2Backend *be, size_t size);
void sam2_cuda_free(Sam2Backend *be, void *data);
void sam2_cuda_free_blocks(Sam2CudaState *state);
Sam2Status sam2_cuda_get_memory(Sam2Backend *be, size_t *free_size, size_t *total);
Sam2Status sam2_cuda_upload(Sam2Backend *be, void *dst, const void *host, size_t size);
// n rows that begin `step` bytes apart on the host, without gaps on the device.
Sam2Status sam2_cuda_upload_rows(Sam2Backend *be, void *dst, const void *host, size_t row_size,
                                 size_t step, int64_t n);
Sam2Status sam2_cuda_download(Sam2Backend *be, void *host, const void *src, size_t size);
void *sam2_cuda_alloc_pinned(Sam2Backend *be, size_t size);
void sam2_cuda_free_pinned(Sam2Backend *be, void *data);
Sam2Status sam2_cuda_wait_pinned(Sam2Backend *be, void *data);
Sam2Status sam2_cuda_copy_out(Sam2Backend *be, void *pinned, const void *src, size_t size);
Sam2Status sam2_cuda_copy_in(Sam2Backend *be, void *dst, const void *pinned, size_t size);
Sam2Status sam2_cuda_open_lanes(Sam2Backend *be);
void sam2_cuda_close_lanes(Sam2CudaState *state);
void sam2_cuda_select_lane(Sam2Backend *be, int lane);
Sam2Status sam2_cuda_mark(Sam2Backend *be);
Sam2Status sam2_cuda_wait(Sam2Backend *be, int lane);
// At least `size` bytes of the lane, contents undefined; NULL with be->error.
void *sam2_cuda_scratch(Sam2Backend *be, Sam2CudaScratch purpose, size_t size);
// ---- graph.c
Sam2Status sam2_cuda_record_begin(Sam2Backend *be, const void *key, size_t size, bool *replayed);
Sam2Status sam2_cuda_record_end(Sam2Backend *be, bool good);
void sam2_cuda_forget_recordings(Sam2Backend *be);

// Taps of a filter from n_in to n_out samples; they live until the backend closes or eight others
// were asked for.
Sam2Status sam2_cuda_taps(Sam2Backend *be, int n_in, int n_out, bool bicubic, Sam2CudaTaps *out);

// ---- Operations: see Sam2BackendOps ------------------------------------------------------------

Sam2Status sam2_cuda_weight_init(Sam2Backend *be, Sam2Weight *out, Sam2WeightKind kind,
                                 const Sam2Tensor *host);
void sam2_cuda_weight_free(Sam2Backend *be, Sam2Weight *weight);
Sam2Status sam2_cuda_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                            const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                            const Sam2Tensor *residual);
Sam2Status sam2_cuda_linear_rope(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                 const Sam2Weight *w, const Sam2Tensor *bias, const Sam2Tensor *cos,
                                 const Sam2Tensor *sin, int64_t n_rotated);
Sam2Status sam2_cuda_matmul_nt(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                               const Sam2Tensor *b);
Sam2Status sam2_cuda_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                            const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                            Sam2Act act);
Sam2Status sam2_cuda_conv_transpose(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                    const Sam2Weight *w, const Sam2Tensor *bias,
                                    const Sam2Tensor *residual, Sam2Act act);
Sam2Status sam2_cuda_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                    const Sam2Weight *w, const Sam2Tensor *bias);
Sam2Status sam2_cuda_window_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                      const Sam2Tensor *qkv_bias, int n_heads, int window,
                                      bool pool);
Sam2Status sam2_cuda_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                               const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale);
Sam2Status sam2_cuda_resize(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                            bool antialias);
Sam2Status sam2_cuda_image_input(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb,
                                 int width, int height, size_t stride, bool exact_8bit);
