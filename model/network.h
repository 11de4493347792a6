// SPDX-License-Identifier: Apache-2.0
// The parts of SAM 2 as modules: weights in a struct, filled by _load(), run by _forward(). Modules
// own nothing: their weights live in the model's weight list, their results in the arena.
#pragma once

#include "model/arena.h"
#include "model/weights.h"

typedef struct Sam2Attention {
    Sam2Linear q, k, v, out;
} Sam2Attention;

// ---- Hiera trunk (hiera.c) ---------------------------------------------------------------------

typedef struct Sam2HieraBlock {
    int dim, dim_out, n_heads, window;
    bool pool;
    int stage; // that this block ends, or -1
    Sam2Norm norm1, norm2;
    Sam2Linear qkv, proj, mlp0, mlp1, shortcut;
} Sam2HieraBlock;

typedef struct Sam2Hiera {
    int n_blocks, image_size;
    Sam2HieraBlock blocks[SAM2_MAX_BLOCKS];
    Sam2Linear patch_embed;
    const Sam2Tensor *position; // (S/4 * S/4, embed_dim): pos_embed and pos_embed_window together
} Sam2Hiera;

// Gets the output of a stage, (h * w, C); it lives until the callback returns.
typedef Sam2Status (*Sam2StageFunc)(void *user, int stage, const Sam2Tensor *out);

Sam2Status sam2_hiera_load(Sam2Hiera *hiera, Sam2Loader *loader, const Sam2Config *config);
// input (S, S, 3). Calls `func` after each of the four stages.
Sam2Status sam2_hiera_forward(const Sam2Hiera *hiera, Sam2Arena *arena, const Sam2Tensor *input,
                              Sam2StageFunc func, void *user);

// ---- Feature pyramid (fpn.c) -------------------------------------------------------------------

// What a frame is to the rest of the network. One allocation, owned by whoever made it.
typedef struct Sam2Features {
    Sam2Tensor all; // the allocation
    Sam2Tensor top; // (h * w, d), h = w = S / 16
    Sam2Tensor s1;  // (2h, 2w, d / 4): conv_s1 of level 1
    Sam2Tensor s0;  // (4h, 4w, d / 8): conv_s0 of level 0
    // Layer 0 of memory attention up to its cross attention depends on the frame only.
    Sam2Tensor attended; // (h * w, d) after self-attention
    Sam2Tensor query;    // (h * w, d) rotated queries of the cross attention, an operand
    bool has_attended;
} Sam2Features;

typedef struct Sam2Fpn {
    Sam2Linear level0, level1; // lateral convolutions with conv_s0, conv_s1 folded in
    Sam2Linear level2, level3;
    int d_model, top_size; // h
} Sam2Fpn;

Sam2Status sam2_fpn_load(Sam2Fpn *fpn, Sam2Loader *loader, const Sam2Config *config);
Sam2Status sam2_features_alloc(Sam2Features *features, const Sam2Fpn *fpn, Sam2Backend *be);
void sam2_features_free(Sam2Features *features, Sam2Backend *be);
size_t sam2_features_size(const Sam2Fpn *fpn); // bytes of `all`
// Bytes of `all`, from its beginning, that mean something.
size_t sam2_features_used(const Sam2Features *features);
// Both allocated.
Sam2Status sam2_features_copy(Sam2Features *dst, const Sam2Features *src, Sam2Backend *be);
// Runs trunk and pyramid on input (S, S, 3) into allocated features.
Sam2Status sam2_fpn_forward(const Sam2Fpn *fpn, const Sam2Hiera *hiera, Sam2Arena *arena,
                            const Sam2Tensor *input, Sam2Features *features);

// ---- Position encodings (position.c), all on the host, all (h * w, C) --------------------------

// Hiera's: bicubic (a = -0.75) of grid (C, gh, gw) to (h, w), plus window (C, s, s) tiled.
void sam2_position_hiera(float *out, int h, int w, int c, const float *grid, int gh, int gw,
                         const float *window, int s);
// Sine, y first, normalised.
void sam2_position_sine(float *out, int h, int w, int c);
// SAM's random Fourier features of n points x, y in 0..1; gaussian (2, c / 2); out (n, c).
void sam2_position_fourier(float *out, const float *xy, int64_t n, int c, const float *gaussian);
// One-dimensional sine of `position`, c values: [sin | cos].
void sam2_position_sine_1d(float *out, float position, int c);
// Axial rotary angles: cos, sin (h * w, c / 2), first half x, second half y.
void sam2_position_rope(float *cos, float *sin, int h, int w, int c);

// ---- Prompt encoder (prompt_encoder.c) ---------------------------------------------------------

typedef struct Sam2PromptEncoder {
    int d_model, image_size, top_size;
    const float *gaussian;            // (2, d / 2), host
    const float *point_embed[4];      // (d), host: negative, positive, box corners
    const float *not_a_point;         // (d), host
    const Sam2Tensor *no_mask;        // (d)
    const Sam2Tensor *dense_position; // (h * w, d)
    Sam2Linear conv0, conv1, conv2;
    Sam2Norm norm0, norm1;
} Sam2PromptEncoder;

typedef struct Sam2Points {
    const float *xy;   // (n, 2) in network pixels, 0..S
    const int *labels; // (n): 0, 1, 2 and 3 box corners, -1 padding
    int n;
} Sam2Points;

Sam2Status sam2_prompt_encoder_load(Sam2PromptEncoder *encoder, Sam2Loader *loader,
                                    const Sam2Config *config);
// out (n + 1, d) on the host: the points and the padding point.
void sam2_prompt_encoder_points(const Sam2PromptEncoder *encoder, const Sam2Points *points,
                                float *out);
// Dense embedding of mask logits (4h, 4w): *out (h * w, d) in the arena; the row no_mask if
// mask is NULL.
Sam2Status sam2_prompt_encoder_mask(const Sam2PromptEncoder *encoder, Sam2Arena *arena,
                                    const Sam2Tensor *mask, Sam2Tensor *out);

// ---- Mask decoder (mask_decoder.c) -------------------------------------------------------------

typedef struct Sam2DecoderLayer {
    Sam2Attention self, token_to_image, image_to_token;
    Sam2Norm norm1, norm2, norm3, norm4;
    Sam2Linear mlp0, mlp1;
} Sam2DecoderLayer;

typedef struct Sam2Mlp3 {
    Sam2Linear layers[3];
} Sam2Mlp3;

typedef struct Sam2MaskDecoder {
    int d_model, top_size;
    const float *output_tokens[6]; // (d) each, host: object score, IoU, four masks
    Sam2DecoderLayer layers[2];
    Sam2Attention final_attention;
    Sam2Norm final_norm;
    Sam2Linear upscale0, upscale1;
    Sam2Norm upscale_norm;
    Sam2Mlp3 hyper[4], iou_head, score_head;
} Sam2MaskDecoder;

typedef struct Sam2DecoderOutput {
    Sam2Tensor masks;  // (4, 4h, 4w) logits, in the arena
    Sam2Tensor tokens; // (4, d), in the arena
    float iou[4];
    float object_score;
} Sam2DecoderOutput;

Sam2Status sam2_mask_decoder_load(Sam2MaskDecoder *decoder, Sam2Loader *loader,
                                  const Sam2Config *config);
// What decoding n objects gives, in the arena.
typedef struct Sam2DecodedObjects {
    Sam2Tensor masks;      // (n, 4, 16 h w) logits
    Sam2Tensor tokens;     // (4, n, d)
    Sam2Tensor iou, score; // (n, 4) before the sigmoid, (n, 1)
} Sam2DecodedObjects;

// image (n * h * w, d); dense as sam2_prompt_encoder_mask gave it and tokens (t, d), the six output
// tokens and then the prompts', are the same for all objects. Nothing waits for the device.
Sam2Status sam2_mask_decoder_run(const Sam2MaskDecoder *decoder, Sam2Arena *arena,
                                 const Sam2PromptEncoder *prompts, const Sam2Features *features,
                                 const Sam2Tensor *image, const Sam2Tensor *dense,
                                 const Sam2Tensor *tokens, Sam2DecodedObjects *out);
// One object. image (h * w, d), sparse (n_sparse, d) on the host.
Sam2Status sam2_mask_decoder_forward(const Sam2MaskDecoder *decoder, Sam2Arena *arena,
                                     const Sam2PromptEncoder *prompts, const Sam2Features *features,
                                     const Sam2Tensor *image, const Sam2Tensor *dense,
                                     const float *sparse, int n_sparse, Sam2DecoderOutput *out);
// y = layer 2 (relu layer 1 (relu layer 0 (x))), x (n, in) to *out in the arena.
Sam2Status sam2_mlp3_forward(const Sam2Mlp3 *mlp, Sam2Arena *arena, const Sam2Tensor *x,
                             Sam2Tensor *out);

// ---- Memory attention (memory_attention.c) -----------------------------------------------------

typedef struct Sam2MemoryLayer {
    Sam2Attention self, cross; // cross.out works on values before v_proj: it holds out_proj v_proj
    Sam2Norm norm1, norm2, norm3;
    Sam2Linear linear1, linear2;
} Sam2MemoryLayer;

#define SAM2_MAX_MEMORY_LAYERS 16

typedef struct Sam2MemoryAttention {
    int d_model, mem_dim, top_size, n_layers, feedforward;
    Sam2MemoryLayer layers[SAM2_MAX_MEMORY_LAYERS];
    Sam2Norm norm;
    const Sam2Tensor *position;            // (h * w, d) sine
    const Sam2Tensor *rope_cos, *rope_sin; // (h * w, d / 2)
} Sam2MemoryAttention;

Sam2Status sam2_memory_attention_load(Sam2MemoryAttention *attention, Sam2Loader *loader,
                                      const Sam2Config *config);
// Self-attention of layer 0 and the queries behind it, kept in features.
Sam2Status sam2_memory_attention_prepare(const Sam2MemoryAttention *attention, Sam2Arena *arena,
                                         Sam2Features *features);
// memory (B, n, mem_dim) of B objects and keys = memory + position; each object's first n_rotated
// rows are whole frames of h * w, the rest pointer tokens. features prepared. *out (B * h * w, d)
// in the arena.
Sam2Status sam2_memory_attention_forward(const Sam2MemoryAttention *attention, Sam2Arena *arena,
                                         const Sam2Features *features, const Sam2Tensor *memory,
                                         const Sam2Tensor *keys, int64_t n_rotated,
                                         Sam2Tensor *out);

// ---- Memory encoder (memory_encoder.c) ---------------------------------------------------------

typedef struct Sam2FuserLayer {
    Sam2Linear dwconv, pwconv1, pwconv2; // pwconv2 holds gamma too
    Sam2Norm norm;
} Sam2FuserLayer;

#define SAM2_MAX_FUSER_LAYERS 8

typedef struct Sam2MemoryEncoder {
    int d_model, mem_dim, top_size, image_size, n_layers;
    Sam2Linear down[4], down_proj;
    Sam2Norm down_norm[4];
    Sam2Linear pix_proj, out_proj;
    Sam2FuserLayer layers[SAM2_MAX_FUSER_LAYERS];
} Sam2MemoryEncoder;

Sam2Status sam2_memory_encoder_load(Sam2MemoryEncoder *encoder, Sam2Loader *loader,
                                    const Sam2Config *config);
// mask (B, S, S) of B objects, already scaled for memory; out (B * h * w, mem_dim), given.
Sam2Status sam2_memory_encoder_forward(const Sam2MemoryEncoder *encoder, Sam2Arena *arena,
                                       const Sam2Features *features, const Sam2Tensor *mask,
                                       const Sam2Tensor *out);
