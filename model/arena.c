// SPDX-License-Identifier: Apache-2.0
// A stack of blocks. Empty, it keeps one that would have held all: a steady load allocates nothing.
#include "model/arena.h"

#include <stdlib.h>

#define ALIGNMENT 64
#define BLOCK_SIZE ((size_t)8 << 20)

struct Sam2ArenaBlock {
    Sam2ArenaBlock *below;
    char *data;
    size_t size, used;
};

void sam2_arena_init(Sam2Arena *arena, Sam2Backend *be)
{
    *arena = (Sam2Arena){.be = be};
}

static void pop_block(Sam2Arena *arena)
{
    Sam2ArenaBlock *block = arena->top;
    arena->top = block->below;
    arena->held -= block->size;
    arena->be->ops->free(arena->be, block->data);
    free(block);
}

void sam2_arena_clear(Sam2Arena *arena)
{
    while (arena->top)
        pop_block(arena);
}

// Empty is always the same mark, whichever block there is.
Sam2ArenaMark sam2_arena_mark(const Sam2Arena *arena)
{
    if (!arena->top || (!arena->top->below && arena->top->used == 0))
        return (Sam2ArenaMark){0};
    return (Sam2ArenaMark){arena->top, arena->top->used};
}

static Sam2Status push_block(Sam2Arena *arena, size_t size)
{
    Sam2ArenaBlock *block = calloc(1, sizeof *block);
    if (!block)
        return sam2_fail_memory(&arena->be->error, sizeof *block);
    block->data = arena->be->ops->alloc(arena->be, size);
    if (!block->data) {
        free(block);
        return sam2_fail_memory(&arena->be->error, size);
    }
    block->size = size;
    block->below = arena->top;
    arena->top = block;
    arena->held += size;
    if (arena->peak < arena->held)
        arena->peak = arena->held;
    return SAM2_OK;
}

void sam2_arena_release(Sam2Arena *arena, Sam2ArenaMark mark)
{
    while (arena->top && arena->top != mark.block && (mark.block || arena->top->below))
        pop_block(arena);
    if (!arena->top)
        return;
    arena->top->used = mark.used;
    // Once empty, one block as large as all were together serves the next round. And a quarter
    // more, which costs nothing until it is touched: what a frame needs grows with its memory.
    if (!mark.block && arena->top->size < arena->peak) {
        pop_block(arena);
        push_block(arena, arena->peak + arena->peak / 4);
    }
}

const void *sam2_arena_place(const Sam2Arena *arena, size_t *size, size_t *used)
{
    *size = arena->top ? arena->top->size : 0;
    *used = arena->top ? arena->top->used : 0;
    return arena->top ? arena->top->data : NULL;
}

static Sam2Status take(Sam2Arena *arena, Sam2Tensor *out, Sam2DType dtype, int n_dims,
                       const int64_t *shape)
{
    Sam2Tensor tensor = {.dtype = dtype, .n_dims = n_dims};
    for (int i = 0; i < n_dims; i++)
        tensor.shape[i] = shape[i];
    size_t size = (sam2_tensor_size(&tensor) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!arena->top || arena->top->size - arena->top->used < size)
        SAM2_TRY(push_block(arena, size > BLOCK_SIZE ? size : BLOCK_SIZE));
    tensor.data = arena->top->data + arena->top->used;
    arena->top->used += size;
    *out = tensor;
    return SAM2_OK;
}

Sam2Status sam2_arena_take(Sam2Arena *arena, Sam2Tensor *out, int n_dims, const int64_t *shape)
{
    return take(arena, out, SAM2_F32, n_dims, shape);
}

Sam2Status sam2_arena_take_operand(Sam2Arena *arena, Sam2Tensor *out, int64_t width, int n_dims,
                                   const int64_t *shape)
{
    return take(arena, out, sam2_operand_type(arena->be, width), n_dims, shape);
}
