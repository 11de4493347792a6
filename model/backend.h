// SPDX-License-Identifier: Apache-2.0
// The operations that SAM 2 needs, as a vtable. `ref` defines each one; other backends start from
// ref's table and replace what they do faster. sam2_op_*() check the shapes, then make one indirect
// call. Feature maps are (H, W, C), tokens (T, C), weights as torch stores them. Activations and
// results are fp32; a backend may compute in bf16 with fp32 accumulation when the model asks so.
// `dst` never overlaps an input unless an operation says that it may.
//
// What is only an operand of what follows may be of the backend's operand_type instead of fp32,
// its rows a multiple of 8 elements long (heads too, where there are any) and at 16-byte addresses.
// Operands say so by "(operand)"; each may be of either type. A backend whose operand_type is fp32
// never sees such a tensor.
//
// Many of a kind in one call: matmul_nt, attention, rope, the convolutions and fill_holes also take
// tensors with one more dimension in front, (B, ...), and weights and biases are then the same for
// all. sam2_op_*() calls a backend that is not `batched` once for each.
#pragma once

#include "model/tensor.h"

typedef struct Sam2Backend Sam2Backend;

typedef enum Sam2Act { SAM2_ACT_NONE, SAM2_ACT_RELU, SAM2_ACT_GELU /* exact, erf */ } Sam2Act;

// A weight matrix or filter in backend memory with what the backend made of it in advance.
typedef struct Sam2Weight {
    Sam2Tensor tensor; // fp32, torch's layout; data may be NULL once packed
    void *packed;      // backend's own
    size_t size;       // bytes held
} Sam2Weight;

typedef enum Sam2WeightKind {
    SAM2_WEIGHT_VECTOR,         // bias, norm, embedding: read as a plain tensor by any operation
    SAM2_WEIGHT_LINEAR,         // (N, K): for sam2_op_linear only
    SAM2_WEIGHT_CONV,           // (Co, Ci, kh, kw): sam2_op_conv2d
    SAM2_WEIGHT_DEPTHWISE,      // (C, 1, kh, kw): sam2_op_depthwise_conv
    SAM2_WEIGHT_CONV_TRANSPOSE, // (Ci, Co, 2, 2): sam2_op_conv_transpose
} Sam2WeightKind;

typedef struct Sam2BackendOps {
    // Memory: 64-byte aligned, contents undefined. NULL on failure.
    void *(*alloc)(Sam2Backend *be, size_t size);
    void (*free)(Sam2Backend *be, void *data);
    // Bytes that can be had now, and there are. NULL: as many as the system gives.
    Sam2Status (*get_memory)(Sam2Backend *be, size_t *free_size, size_t *total);
    // From and to the host. The host's memory can be used again when the call returns (see
    // wait_pinned for an exception); work that was asked for may still wait to be done, a download
    // waits for it.
    Sam2Status (*upload)(Sam2Backend *be, void *dst, const void *host, size_t size);
    Sam2Status (*download)(Sam2Backend *be, void *host, const void *src, size_t size);
    Sam2Status (*copy)(Sam2Backend *be, void *dst, const void *src, size_t size);
    // n rows of row_size bytes, whose beginnings are dst_step and src_step bytes apart.
    Sam2Status (*copy_rows)(Sam2Backend *be, void *dst, size_t dst_step, const void *src,
                            size_t src_step, size_t row_size, int64_t n);
    // `host` is fp32 in torch's layout; it is copied or packed. weight_free takes zeroed ones.
    Sam2Status (*weight_init)(Sam2Backend *be, Sam2Weight *out, Sam2WeightKind kind,
                              const Sam2Tensor *host);
    void (*weight_free)(Sam2Backend *be, Sam2Weight *weight);
    void (*close)(Sam2Backend *be);

    // dst (T, N) (operand) = act(x (T, K) (operand) w^T + bias (N) or NULL) + residual (T, N) or
    // NULL. residual may be dst; with one, dst is fp32. Where dst is half, GELU is its tanh form.
    Sam2Status (*linear)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                         const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                         const Sam2Tensor *residual);
    // dst (M, N) = a (M, K) b^T (N, K); all activations.
    Sam2Status (*matmul_nt)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                            const Sam2Tensor *b);
    // dst (T, C) (operand) = act(LayerNorm over C of x) with gamma, beta (C). dst may be x.
    Sam2Status (*layer_norm)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                             const Sam2Tensor *gamma, const Sam2Tensor *beta, float eps,
                             Sam2Act act);
    // Hiera's attention. qkv (H, W, 3C) (operand), dst (operand); per token [q | k | v], each
    // n_heads x (C / n_heads); scale 1/sqrt(C / n_heads). window > 0: tokens attend inside window x
    // window tiles; tiles over the bottom or right edge are completed with tokens whose qkv is
    // qkv_bias (3C) (zeros after norm1, so the linear layer gives its bias). window 0: global.
    // pool: q is 2x2 max-pooled inside the (completed) tile and dst is (H/2, W/2, C), else (H, W,
    // C). H, W even if pool.
    Sam2Status (*window_attention)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                   const Sam2Tensor *qkv_bias, int n_heads, int window, bool pool);
    // dst (Tq, n_heads Dv) = softmax(scale q k^T) v, scale > 0. q (Tq, n_heads D), k (Tk, n_heads
    // D), v (Tk, n_heads Dv); all (operand).
    Sam2Status (*attention)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                            const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale);
    // Rotates pairs (2i, 2i+1) of the first n_rotated rows of x (T, C) in place; row t by the
    // angles whose cosines and sines are row t mod P of cos, sin (P, C/2).
    Sam2Status (*rope)(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *cos,
                       const Sam2Tensor *sin, int64_t n_rotated);
    // What keys and queries are: dst (B, T, N) (operand) = rope(x (B T, K) (operand) w^T + bias
    // (N)) of each (T, N). NULL: linear, then rope.
    Sam2Status (*linear_rope)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                              const Sam2Weight *w, const Sam2Tensor *bias, const Sam2Tensor *cos,
                              const Sam2Tensor *sin, int64_t n_rotated);
    // dst (Ho, Wo, Co) = act(conv(x (H, W, Ci), w (Co, Ci, kh, kw)) + bias (Co)).
    // Ho = (H + 2 pad - kh) / stride + 1.
    Sam2Status (*conv2d)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                         const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                         Sam2Act act);
    // dst, x (H, W, C); w (C, 1, k, k), padding k/2; bias (C).
    Sam2Status (*depthwise_conv)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                 const Sam2Weight *w, const Sam2Tensor *bias);
    // dst (2H, 2W, Co) = act(conv_transpose(x (H, W, Ci), w (Ci, Co, 2, 2), stride 2) + bias (Co)
    // + residual (2H, 2W, Co) or NULL).
    Sam2Status (*conv_transpose)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                 const Sam2Weight *w, const Sam2Tensor *bias,
                                 const Sam2Tensor *residual, Sam2Act act);
    // dst (H/2, W/2, C): 2x2 maximum of x (H, W, C), H and W even.
    Sam2Status (*max_pool)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x);
    // dst (2H, 2W, C) += nearest-neighbour x2 of x (H, W, C).
    Sam2Status (*upsample_add)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x);
    // dst (operand) = a + scale b; b has a's elements, or fewer and is repeated. dst may be a.
    Sam2Status (*add)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                      const Sam2Tensor *b, float scale);
    // dst = scale act(x) + bias with act sigmoid, or (x > 0) if binarize.
    Sam2Status (*mask_to_memory)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                 bool binarize, float scale, float bias);
    // Rounds x to bfloat16 in place, kept as fp32.
    Sam2Status (*round_bf16)(Sam2Backend *be, const Sam2Tensor *x);
    // Bilinear resize of planes, x (N, h, w) to dst (N, H, W), as torch's interpolate with
    // align_corners = false; antialias: with the triangle filter widened when shrinking.
    Sam2Status (*resize)(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                         bool antialias);
    // Network input dst (S, S, 3) fp32 from 8-bit RGB in host memory. exact_8bit: Pillow's bicubic
    // resize (8 bits between passes; ImagingResample), then /255; else antialiased bilinear in
    // float. Both then minus the mean, over the deviation of ImageNet.
    Sam2Status (*image_input)(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb, int width,
                              int height, size_t stride, bool exact_8bit);
    // 8-connected components of x (H, W) <= 0 with at most max_area pixels become `value`.
    Sam2Status (*fill_holes)(Sam2Backend *be, const Sam2Tensor *x, int max_area, float value);
    // What n objects remember, in one tensor each (operands, of the same type): memory (B, T, m),
    // and keys, which are memory and its position. T = n_frames * hw + n_tokens; `table` as
    // Sam2MemoryTable lays it out, position (hw, m), temporal (rows, m).
    Sam2Status (*gather_memory)(Sam2Backend *be, const Sam2Tensor *memory, const Sam2Tensor *keys,
                                const Sam2Tensor *table, const Sam2Tensor *position,
                                const Sam2Tensor *temporal, int64_t n_frames);
    // Of three masks the best: logits (B, 4, n), tokens (4, B, d), iou (B, 4) before the sigmoid,
    // score (B, 1). The index of the largest of sigmoid(iou[1..3]), the first on ties, decides what
    // low (B, n) and token (B, d) become; low is `absent` throughout where score is not positive.
    // scores (B, 2): that sigmoid, and score.
    Sam2Status (*choose_mask)(Sam2Backend *be, const Sam2Tensor *low, const Sam2Tensor *token,
                              const Sam2Tensor *scores, const Sam2Tensor *logits,
                              const Sam2Tensor *tokens, const Sam2Tensor *iou,
                              const Sam2Tensor *score, float absent);
    // Where object b is absent (scores (B, 2), the second not positive), row (C) is added to each
    // row of x (B, T, C), or replaces it.
    Sam2Status (*mark_absent)(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *scores,
                              const Sam2Tensor *row, bool replace);
    // Waits until everything asked for is done.
    Sam2Status (*sync)(Sam2Backend *be);

    // Backends with more than one lane only. Work of a lane is done in order, lanes run beside each
    // other; what is asked for goes to the selected one, 0 at first. mark() notes how far its work
    // has come; wait() lets the work that follows in it begin only behind another lane's last mark.
    void (*select_lane)(Sam2Backend *be, int lane);
    Sam2Status (*mark)(Sam2Backend *be);
    Sam2Status (*wait)(Sam2Backend *be, int lane);
    // Host memory that the device reaches beside other work: pinned. NULL, without an error: there
    // is none to be had. It costs the system more than other memory, and time. free_pinned: nothing
    // that was asked for uses it any more. Where the host is the device the five are NULL.
    void *(*alloc_pinned)(Sam2Backend *be, size_t size);
    void (*free_pinned)(Sam2Backend *be, void *data);
    // What upload() and image_input() get from a block of alloc_pinned is read where it lies, when
    // its turn comes: this waits until it was. `data` is the block's beginning.
    Sam2Status (*wait_pinned)(Sam2Backend *be, void *data);
    // Between memory of the device and pinned memory, in the lane's order; neither may change until
    // it is done, and nothing waits for that.
    Sam2Status (*copy_out)(Sam2Backend *be, void *pinned, const void *src, size_t size);
    Sam2Status (*copy_in)(Sam2Backend *be, void *dst, const void *pinned, size_t size);
    // Work that is asked for again and again stands between these. The key tells it from other
    // work, the addresses that it uses included; contents may differ. *replayed: it was asked for
    // as it was recorded, and must not be asked for in full. Between them nothing is up- or
    // downloaded.
    Sam2Status (*record_begin)(Sam2Backend *be, const void *key, size_t key_size, bool *replayed);
    Sam2Status (*record_end)(Sam2Backend *be, bool good); // not after a replay
} Sam2BackendOps;

// The table of gather_memory, one block: addresses (B, n_frames) of memories (hw, m) in backend
// memory; their rows of `temporal` (B, n_frames); tokens, then their keys, (B, n_tokens, m) each.
typedef struct Sam2MemoryTable {
    uint64_t *sources;
    int64_t *rows;
    float *tokens, *keys;
    size_t size; // bytes
} Sam2MemoryTable;

static inline Sam2MemoryTable sam2_memory_table(void *data, int64_t n_objects, int64_t n_frames,
                                                int64_t n_tokens, int64_t width)
{
    Sam2MemoryTable table = {.sources = (uint64_t *)data};
    int64_t n = n_objects * n_frames, n_floats = n_objects * n_tokens * width;
    table.rows = (int64_t *)((char *)data + (size_t)n * 8);
    table.tokens = (float *)((char *)data + (size_t)n * 16);
    table.keys = (float *)((char *)data + (size_t)n * 16 + (size_t)n_floats * 4);
    table.size = (size_t)n * 16 + (size_t)n_floats * 8;
    return table;
}

struct Sam2Backend {
    const Sam2BackendOps *ops;
    Sam2BackendKind kind;
    Sam2Precision precision; // F32 or BF16
    Sam2DType operand_type;  // F32, or a half type: see the top
    int n_threads;           // >= 1
    // Work that can be cut into parts is best cut so that the tensors of a part have about as many
    // bytes: they stay in the cache. SIZE_MAX: whole is best.
    size_t chunk_size;
    bool batched; // see the top
    int n_lanes;  // 3, or 0: the backend is done when it returns, and records nothing
    char name[64];
    Sam2Error error; // of the last operation that failed
    void *state;     // backend's own
};

// The type of an operand whose rows, or heads, are `width` elements long.
static inline Sam2DType sam2_operand_type(const Sam2Backend *be, int64_t width)
{
    return width % 8 ? SAM2_F32 : be->operand_type;
}

// Opens a backend. AUTO takes the best one present. n_threads 0: one per core at hand.
Sam2Status sam2_backend_open(Sam2Backend **out, Sam2BackendKind kind, Sam2Precision precision,
                             int n_threads, Sam2Error *error);
void sam2_backend_close(Sam2Backend **backend);

// What each backend's folder offers. On failure be->error says why. open fills be->ops, kind, name,
// precision, state, and chunk_size if it is not SIZE_MAX.
Sam2Status sam2_ref_open(Sam2Backend *be);
Sam2Status sam2_cpu_open(Sam2Backend *be);
Sam2Status sam2_cuda_open(Sam2Backend *be);
bool sam2_cpu_available(const char **why);
bool sam2_cuda_available(const char **why);
// ref's table, for other backends to start from.
extern const Sam2BackendOps sam2_ref_ops;

// Checked calls; see the table for what they do.
Sam2Status sam2_op_linear(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                          const Sam2Weight *w, const Sam2Tensor *bias, Sam2Act act,
                          const Sam2Tensor *residual);
Sam2Status sam2_op_matmul_nt(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                             const Sam2Tensor *b);
Sam2Status sam2_op_layer_norm(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                              const Sam2Tensor *gamma, const Sam2Tensor *beta, float eps,
                              Sam2Act act);
Sam2Status sam2_op_window_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *qkv,
                                    const Sam2Tensor *qkv_bias, int n_heads, int window, bool pool);
Sam2Status sam2_op_attention(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *q,
                             const Sam2Tensor *k, const Sam2Tensor *v, int n_heads, float scale);
Sam2Status sam2_op_rope(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *cos,
                        const Sam2Tensor *sin, int64_t n_rotated);
Sam2Status sam2_op_linear_rope(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                               const Sam2Weight *w, const Sam2Tensor *bias, const Sam2Tensor *cos,
                               const Sam2Tensor *sin, int64_t n_rotated);
Sam2Status sam2_op_conv2d(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                          const Sam2Weight *w, const Sam2Tensor *bias, int stride, int pad,
                          Sam2Act act);
Sam2Status sam2_op_depthwise_conv(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                  const Sam2Weight *w, const Sam2Tensor *bias);
Sam2Status sam2_op_conv_transpose(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                  const Sam2Weight *w, const Sam2Tensor *bias,
                                  const Sam2Tensor *residual, Sam2Act act);
Sam2Status sam2_op_max_pool(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x);
Sam2Status sam2_op_upsample_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x);
Sam2Status sam2_op_add(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *a,
                       const Sam2Tensor *b, float scale);
Sam2Status sam2_op_mask_to_memory(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                                  bool binarize, float scale, float bias);
Sam2Status sam2_op_round_bf16(Sam2Backend *be, const Sam2Tensor *x);
Sam2Status sam2_op_resize(Sam2Backend *be, const Sam2Tensor *dst, const Sam2Tensor *x,
                          bool antialias);
Sam2Status sam2_op_image_input(Sam2Backend *be, const Sam2Tensor *dst, const uint8_t *rgb,
                               int width, int height, size_t stride, bool exact_8bit);
Sam2Status sam2_op_fill_holes(Sam2Backend *be, const Sam2Tensor *x, int max_area, float value);
Sam2Status sam2_op_gather_memory(Sam2Backend *be, const Sam2Tensor *memory, const Sam2Tensor *keys,
                                 const Sam2Tensor *table, const Sam2Tensor *position,
                                 const Sam2Tensor *temporal, int64_t n_frames);
Sam2Status sam2_op_choose_mask(Sam2Backend *be, const Sam2Tensor *low, const Sam2Tensor *token,
                               const Sam2Tensor *scores, const Sam2Tensor *logits,
                               const Sam2Tensor *tokens, const Sam2Tensor *iou,
                               const Sam2Tensor *score, float absent);
Sam2Status sam2_op_mark_absent(Sam2Backend *be, const Sam2Tensor *x, const Sam2Tensor *scores,
                               const Sam2Tensor *row, bool replace);

// Memory with the failure told in be->error.
Sam2Status sam2_backend_alloc(Sam2Backend *be, Sam2Tensor *out, int n_dims, const int64_t *shape);
void sam2_backend_release(Sam2Backend *be, Sam2Tensor *tensor); // frees and zeroes; zeroed is fine
