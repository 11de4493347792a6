// SPDX-License-Identifier: Apache-2.0
// One object on one frame: condition the features on memory, decode a mask, encode it into memory.
#pragma once

#include "model/memory_bank.h"

// What decoding gives; `low` lives in the arena.
typedef struct Sam2Decoded {
    Sam2Tensor low; // (S/4, S/4) logits, holes as they came
    float object_score, iou;
} Sam2Decoded;

// Features of a frame without memory: *out (h * w, d) in the arena.
Sam2Status sam2_track_unconditioned(const Sam2Model *model, Sam2Arena *arena,
                                    const Sam2Features *features, Sam2Tensor *out);
// Features conditioned on the selection, which must have memories. Prepares `features`.
Sam2Status sam2_track_condition(const Sam2Model *model, Sam2Arena *arena, Sam2Features *features,
                                const Sam2Selection *selection, Sam2Tensor *out);

// Decodes points (n 0: none) and mask logits (S/4, S/4) or NULL. multimask: the best of three.
// pointer (d), host, is filled.
Sam2Status sam2_track_decode(const Sam2Model *model, Sam2Arena *arena, const Sam2Features *features,
                             const Sam2Tensor *image, const Sam2Points *points,
                             const Sam2Tensor *mask, bool multimask,
                             const Sam2VideoOptions *options, Sam2Decoded *out, float *pointer);

// A mask prompt (S, S), 0 or 1, is the result as it is; `present`: it has any object pixel.
Sam2Status sam2_track_take_mask(const Sam2Model *model, Sam2Arena *arena,
                                const Sam2Features *features, const Sam2Tensor *mask, bool present,
                                const Sam2VideoOptions *options, Sam2Decoded *out, float *pointer);

// Encodes low logits (S/4, S/4) into memory (h * w, mem_dim), given, rounded to bfloat16.
Sam2Status sam2_track_encode(const Sam2Model *model, Sam2Arena *arena, const Sam2Features *features,
                             const Sam2Tensor *low, float object_score, bool binarize,
                             const Sam2Tensor *memory);

// One of three masks by predicted IoU, or mask 0 if it is stable; shared with image mode.
// masks (4, n), host copies are made as needed. Returns the index, 0 to 3.
Sam2Status sam2_track_choose(Sam2Arena *arena, const Sam2DecoderOutput *decoded, bool multimask,
                             const Sam2VideoOptions *options, int *index);
