// SPDX-License-Identifier: Apache-2.0
// An open model: backend, configuration and every module with its weights.
#pragma once

#include "model/network.h"

struct Sam2Model {
    Sam2Backend *be;
    struct Sam2Spill *spill; // of its videos (video_spill.c); NULL: there is none
    Sam2Config config;
    Sam2WeightList *weights;
    int64_t n_parameters;
    Sam2Hiera hiera;
    Sam2Fpn fpn;
    Sam2PromptEncoder prompts;
    Sam2MaskDecoder decoder;
    Sam2MemoryAttention attention;
    Sam2MemoryEncoder memory;
    Sam2Mlp3 pointer_proj;             // decoder token to object pointer
    Sam2Linear mask_downsample;        // (S, S) mask prompt to (S/4, S/4) logits
    const Sam2Tensor *no_mem_embed;    // (d)
    const Sam2Tensor *no_obj_embed;    // (mem_dim), or NULL (2.0)
    const float *no_obj_ptr;           // (d), host
    const Sam2Tensor *absent_pointer;  // the same in backend memory
    const Sam2Tensor *track_tokens;    // (8, d): the mask decoder's tokens without prompts
    const Sam2Tensor *memory_position; // (h * w, mem_dim) sine
    Sam2Tensor temporal;               // (num_maskmem, mem_dim): maskmem_tpos_enc
    const float *pointer_tpos_weight;  // (mem_dim, d), host; NULL: pointers carry no position
    const float *pointer_tpos_bias;    // (mem_dim), host
};
