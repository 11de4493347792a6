// SPDX-License-Identifier: Apache-2.0
// What an object has on each frame, and which of it a frame reads as memory.
#pragma once

#include "model/model.h"

// An object on one frame.
typedef struct Sam2FrameOutput {
    int64_t frame;
    float *low_logits; // (S/4, S/4), host; holes filled
    float *pointer;    // (d), host; NULL where not known
    float object_score, iou;
    Sam2Tensor memory; // (h * w, mem_dim), backend memory; data NULL: not encoded (any more)
} Sam2FrameOutput;

typedef struct Sam2OutputList {
    Sam2FrameOutput **items;
    int n, capacity;
} Sam2OutputList;

// The prompts of one frame. A mask prompt has is_mask and no points.
typedef struct Sam2FramePrompt {
    int64_t frame;
    bool is_mask;
    float *xy; // (n, 2), network pixels
    int *labels;
    int n;
} Sam2FramePrompt;

typedef enum Sam2Tracked { SAM2_UNTRACKED, SAM2_TRACKED_FORWARD, SAM2_TRACKED_REVERSE } Sam2Tracked;

typedef struct Sam2Object {
    int id;
    Sam2FramePrompt *prompts;
    int n_prompts, prompts_capacity;
    // [0] tracked frames, in frame order; [1] conditioning frames, in order of arrival.
    Sam2OutputList outputs[2];
    // Results of prompts since the last sweep began, of either kind; not memory yet.
    Sam2OutputList fresh[2];
    uint8_t *tracked; // Sam2Tracked a frame
    int64_t n_tracked;
} Sam2Object;

Sam2FrameOutput *sam2_output_new(int64_t frame, int64_t n_logits, int64_t n_pointer,
                                 Sam2Error *error);
void sam2_output_free(Sam2FrameOutput **output, Sam2Backend *be);

Sam2FrameOutput *sam2_output_find(const Sam2OutputList *list, int64_t frame); // or NULL
// Takes the output over and replaces the frame's old one. On failure the caller still owns it.
Sam2Status sam2_output_put(Sam2OutputList *list, Sam2FrameOutput *output, bool by_frame,
                           Sam2Backend *be);
// Removes and hands out, or NULL.
Sam2FrameOutput *sam2_output_take(Sam2OutputList *list, int64_t frame);
// Frees the outputs of frames first..last.
void sam2_output_drop(Sam2OutputList *list, int64_t first, int64_t last, Sam2Backend *be);
void sam2_output_clear(Sam2OutputList *list, Sam2Backend *be);

void sam2_object_free(Sam2Object **object, Sam2Backend *be);
// The newest result on a frame: a fresh one, then conditioning, then tracked; or NULL.
Sam2FrameOutput *sam2_object_result(const Sam2Object *object, int64_t frame);
Sam2FramePrompt *sam2_object_prompt(const Sam2Object *object, int64_t frame);
Sam2Tracked sam2_object_tracked(const Sam2Object *object, int64_t frame);
Sam2Status sam2_object_set_tracked(Sam2Object *object, int64_t frame, Sam2Tracked tracked,
                                   Sam2Error *error);

typedef struct Sam2MemoryRef {
    const Sam2FrameOutput *output;
    int temporal; // row of maskmem_tpos_enc
} Sam2MemoryRef;

typedef struct Sam2PointerRef {
    const Sam2FrameOutput *output;
    float position; // distance in frames over the largest one
} Sam2PointerRef;

typedef struct Sam2Selection {
    Sam2MemoryRef *memories;
    Sam2PointerRef *pointers;
    int n_memories, n_pointers;
} Sam2Selection;

// What `frame` reads. The arrays belong to the caller (sam2_selection_free); outputs stay the
// object's.
Sam2Status sam2_memory_bank_select(Sam2Selection *out, const Sam2Object *object, int64_t frame,
                                   int64_t n_frames, bool reverse, const Sam2Config *config,
                                   const Sam2VideoOptions *options, Sam2Error *error);
void sam2_selection_free(Sam2Selection *selection);

// Frees tracked outputs that no frame from `frame` on (in the sweep's direction) reads any more.
void sam2_memory_bank_trim(Sam2Object *object, int64_t frame, const Sam2Config *config,
                           const Sam2VideoOptions *options, Sam2Backend *be);
