// SPDX-License-Identifier: Apache-2.0
// Objects on one frame: condition the features on memory, decode a mask, encode it into memory.
#pragma once

#include "model/memory_bank.h"

// What decoding gives; `low` lives in the arena.
typedef struct Sam2Decoded {
    Sam2Tensor low; // (S/4, S/4) logits, holes as they came
    float object_score, iou;
} Sam2Decoded;

// How many objects are worked on at once, and what each of them remembers.
typedef struct Sam2TrackShape {
    int n_objects, n_memories, n_pointers;
} Sam2TrackShape;

// What tracking gives, in one tensor `all`: masks with their holes filled, object pointers, and for
// each object predicted IoU and object score.
typedef struct Sam2Tracks {
    Sam2Tensor all;
    Sam2Tensor filled;   // (n, S/4, S/4)
    Sam2Tensor pointers; // (n, d)
    Sam2Tensor scores;   // (n, 2)
} Sam2Tracks;

// Features of a frame without memory: *out (h * w, d) in the arena.
Sam2Status sam2_track_unconditioned(const Sam2Model *model, Sam2Arena *arena,
                                    const Sam2Features *features, Sam2Tensor *out);
// Floats of the table that tells what the objects remember.
int64_t sam2_track_table_count(const Sam2Model *model, const Sam2TrackShape *shape);
// Fills it, in host memory; selections (n_objects) have the shape's numbers of memories and
// pointers. Nothing of them is needed later except the memories themselves.
Sam2Status sam2_track_fill_table(const Sam2Model *model, const Sam2Selection *selections,
                                 const Sam2TrackShape *shape, void *table);
// Features conditioned on memory, for each object: *out (n_objects * h * w, d) in the arena.
// `features` prepared. Objects without memories get unconditioned ones.
Sam2Status sam2_track_condition(const Sam2Model *model, Sam2Arena *arena,
                                const Sam2Features *features, const Sam2TrackShape *shape,
                                const Sam2Tensor *table, Sam2Tensor *out);
// Floats of Sam2Tracks, and its parts, of which `all` holds enough.
int64_t sam2_track_count(const Sam2Model *model, int n_objects);
Sam2Tracks sam2_track_view(const Sam2Model *model, int n_objects, const Sam2Tensor *all);
// Decodes without prompts: *low (n, S/4, S/4) in the arena, the masks before their holes are
// filled.
Sam2Status sam2_track_decode_objects(const Sam2Model *model, Sam2Arena *arena,
                                     const Sam2Features *features, const Sam2Tensor *image,
                                     const Sam2VideoOptions *options, const Sam2Tracks *out,
                                     Sam2Tensor *low);
// Encodes them into memory (n * h * w, mem_dim), given, rounded to bfloat16.
Sam2Status sam2_track_encode_objects(const Sam2Model *model, Sam2Arena *arena,
                                     const Sam2Features *features, const Sam2Tensor *low,
                                     const Sam2Tensor *scores, const Sam2Tensor *memory);

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
