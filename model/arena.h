// SPDX-License-Identifier: Apache-2.0
// Scratch tensors with stack lifetime: what was taken after a mark goes at its release.
#pragma once

#include "model/backend.h"

typedef struct Sam2ArenaBlock Sam2ArenaBlock;

typedef struct Sam2Arena {
    Sam2Backend *be;
    Sam2ArenaBlock *top; // newest block; older ones behind it
    size_t held, peak;   // bytes of the blocks, now and at most
} Sam2Arena;

typedef struct Sam2ArenaMark {
    Sam2ArenaBlock *block;
    size_t used;
} Sam2ArenaMark;

void sam2_arena_init(Sam2Arena *arena, Sam2Backend *be);
void sam2_arena_clear(Sam2Arena *arena); // frees everything

Sam2ArenaMark sam2_arena_mark(const Sam2Arena *arena);
void sam2_arena_release(Sam2Arena *arena, Sam2ArenaMark mark);

// Where the next tensor will be, if it fits: address, bytes of the block, bytes used. NULL: empty.
const void *sam2_arena_place(const Sam2Arena *arena, size_t *size, size_t *used);

// An fp32 tensor with undefined contents; be->error tells of a failure.
Sam2Status sam2_arena_take(Sam2Arena *arena, Sam2Tensor *out, int n_dims, const int64_t *shape);
#define SAM2_TAKE(arena, out, ...)                                                                 \
    sam2_arena_take(arena, out, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),         \
                    (const int64_t[]){__VA_ARGS__})

// Such a tensor for what is only an operand of what follows: of the backend's operand_type where
// `width`, that of a row or of a head in it, is a multiple of 8.
Sam2Status sam2_arena_take_operand(Sam2Arena *arena, Sam2Tensor *out, int64_t width, int n_dims,
                                   const int64_t *shape);
#define SAM2_TAKE_OPERAND(arena, out, width, ...)                                                  \
    sam2_arena_take_operand(arena, out, width,                                                     \
                            (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),             \
                            (const int64_t[]){__VA_ARGS__})
