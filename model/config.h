// SPDX-License-Identifier: Apache-2.0
// A model's configuration: the published variants, or what a file's metadata says.
#pragma once

#include "model/status.h"

#define SAM2_MAX_BLOCKS 64
#define SAM2_N_STAGES 4
#define SAM2_MAX_MASKMEM 16

typedef struct Sam2Config {
    char variant[32]; // "tiny", "small", "base+", "large", "custom"
    bool is_2_1;      // has no_obj_embed_spatial, signed projected pointer positions
    int image_size;   // S, a multiple of 32, 64 to 2048
    // Hiera trunk
    int embed_dim, n_heads;                 // of the first stage; both double at each stage
    int stages[SAM2_N_STAGES];              // blocks per stage
    int window_spec[SAM2_N_STAGES];         // window side per stage, tokens
    int global_att_blocks[SAM2_MAX_BLOCKS]; // indices of blocks with global attention
    int n_global_att_blocks;
    int pos_embed_size[2]; // background position grid (h, w)
    // neck and heads
    int d_model;                       // 256
    int mem_dim;                       // 64
    int memory_layers;                 // 4
    int memory_feedforward;            // 2048
    int fuser_layers;                  // 2
    int num_maskmem;                   // 7
    int max_obj_ptrs;                  // 16
    float sigmoid_scale, sigmoid_bias; // 20, -10
    bool no_obj_embed_spatial;
    bool add_tpos_enc_to_obj_ptrs;
    bool proj_tpos_enc_in_obj_ptrs;
    bool use_signed_tpos_enc_to_obj_ptrs;
} Sam2Config;
