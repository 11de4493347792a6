// SPDX-License-Identifier: Apache-2.0
// Device memory, and the ways in and out of it.
//
// Blocks that are given back are kept for the next one of their size and lane, so that a steady
// load asks the driver for nothing. Both ways lead through pinned memory, the backend's own unless
// the caller's is: that is free again at once, and copies run beside kernels.
#include <stdlib.h>
#include <string.h>

#include "model/cuda/state.h"

#define ALIGNMENT ((size_t)512)
#define MAX_STAGED ((size_t)32 << 20) // larger ones go in pieces

// ---- Blocks ------------------------------------------------------------------------------------

// A free block of this lane that is hardly larger.
static Sam2CudaBlock *find_free(Sam2CudaState *state, size_t size)
{
    Sam2CudaBlock *best = NULL;
    for (int i = 0; i < state->n_blocks; i++) {
        Sam2CudaBlock *block = &state->blocks[i];
        if (!block->used && block->lane == state->lane && block->size >= size &&
            block->size - size <= size / 8 && (!best || block->size < best->size))
            best = block;
    }
    return best;
}

// cudaFree() waits for what still uses a block.
static void free_unused(Sam2CudaState *state)
{
    int n = 0;
    for (int i = 0; i < state->n_blocks; i++) {
        if (state->blocks[i].used)
            state->blocks[n++] = state->blocks[i];
        else
            cudaFree(state->blocks[i].data);
    }
    state->n_blocks = n;
    state->unused_size = 0;
}

static Sam2Status add_block(Sam2Backend *be, size_t size, void **out)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    if (state->n_blocks == state->blocks_capacity) {
        int capacity = state->blocks_capacity ? 2 * state->blocks_capacity : 256;
        Sam2CudaBlock *blocks = realloc(state->blocks, (size_t)capacity * sizeof *blocks);
        if (!blocks)
            return sam2_fail_memory(&be->error, (size_t)capacity * sizeof *blocks);
        state->blocks = blocks;
        state->blocks_capacity = capacity;
    }
    void *data = NULL;
    if (state->unused_size > state->total_size / 8 && !state->recording)
        free_unused(state);
    cudaError_t error = cudaMalloc(&data, size);
    if (error == cudaErrorMemoryAllocation && !state->recording) {
        cudaGetLastError();
        free_unused(state);
        error = cudaMalloc(&data, size);
    }
    SAM2_TRY(sam2_cuda_check(be, error, "tensors"));
    state->blocks[state->n_blocks++] = (Sam2CudaBlock){data, size, state->lane, true};
    *out = data;
    return SAM2_OK;
}

void *sam2_cuda_alloc(Sam2Backend *be, size_t size)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    if (size > SIZE_MAX - ALIGNMENT) {
        sam2_fail_memory(&be->error, size);
        return NULL;
    }
    size = size ? (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : ALIGNMENT;
    state->n_allocations++;
    Sam2CudaBlock *block = find_free(state, size);
    void *data = NULL;
    if (block) {
        block->used = true;
        state->unused_size -= block->size;
        data = block->data;
    } else if (add_block(be, size, &data) != SAM2_OK) {
        return NULL;
    }
    return data;
}

void sam2_cuda_free(Sam2Backend *be, void *data)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    for (int i = 0; data && i < state->n_blocks; i++) {
        if (state->blocks[i].data != data)
            continue;
        state->blocks[i].used = false;
        state->unused_size += state->blocks[i].size;
        state->n_allocations++;
        return;
    }
}

void sam2_cuda_free_blocks(Sam2CudaState *state)
{
    for (int i = 0; i < state->n_blocks; i++)
        cudaFree(state->blocks[i].data);
    free(state->blocks);
    state->blocks = NULL;
    state->n_blocks = state->blocks_capacity = 0;
}

Sam2Status sam2_cuda_get_memory(Sam2Backend *be, size_t *free_size, size_t *total)
{
    SAM2_TRY(sam2_cuda_check(be, cudaMemGetInfo(free_size, total), "asking for free memory"));
    *free_size += sam2_cuda_state(be)->unused_size;
    return SAM2_OK;
}

void *sam2_cuda_scratch(Sam2Backend *be, Sam2CudaScratch purpose, size_t size)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    Sam2CudaArea *area = &state->lanes[state->lane].scratch[purpose];
    if (area->size < size || !area->data) {
        sam2_cuda_free(be, area->data);
        *area = (Sam2CudaArea){0};
        sam2_cuda_forget_recordings(be); // they have the old address
        size += size / 4;                // what needs it grows with the memory of a video
        area->data = sam2_cuda_alloc(be, size);
        if (area->data)
            area->size = size;
    }
    return area->data;
}

// ---- Ways in and out ---------------------------------------------------------------------------

// Pinned memory of at least `size` bytes that no copy reads or writes any more. NULL: the system
// has none to pin.
static Sam2CudaStaged *get_staged(Sam2CudaState *state, Sam2CudaStaged *staged, size_t size)
{
    if (staged->data && cudaEventSynchronize(staged->done) != cudaSuccess)
        return NULL;
    if (staged->size >= size)
        return staged;
    if (staged->data)
        cudaFreeHost(staged->data);
    staged->data = NULL;
    staged->size = 0;
    if ((!staged->done &&
         cudaEventCreateWithFlags(&staged->done, cudaEventDisableTiming) != cudaSuccess) ||
        cudaMallocHost(&staged->data, size) != cudaSuccess) {
        cudaGetLastError();
        staged->data = NULL;
        return NULL;
    }
    staged->size = size;
    return staged;
}

static Sam2Status refuse_recording(Sam2Backend *be)
{
    if (!sam2_cuda_state(be)->recording)
        return SAM2_OK;
    return sam2_fail(&be->error, SAM2_ERR_ARGUMENT,
                     "what is recorded cannot exchange data with the host");
}

// The caller's pinned block that holds these bytes, or NULL.
static Sam2CudaPinned *find_pinned(Sam2CudaState *state, const void *data, size_t size)
{
    for (Sam2CudaPinned *block = state->pinned; block; block = block->next)
        if ((const char *)data >= block->data &&
            (const char *)data + size <= block->data + block->size)
            return block;
    return NULL;
}

static Sam2Status upload_pinned(Sam2Backend *be, void *dst, const void *host, size_t size,
                                Sam2CudaPinned *block)
{
    cudaStream_t stream = sam2_cuda_state(be)->stream;
    if (!block->done)
        SAM2_TRY(sam2_cuda_check(be, cudaEventCreateWithFlags(&block->done, cudaEventDisableTiming),
                                 "uploading"));
    SAM2_TRY(sam2_cuda_check(be, cudaMemcpyAsync(dst, host, size, cudaMemcpyHostToDevice, stream),
                             "uploading"));
    return sam2_cuda_check(be, cudaEventRecord(block->done, stream), "uploading");
}

Sam2Status sam2_cuda_upload(Sam2Backend *be, void *dst, const void *host, size_t size)
{
    return sam2_cuda_upload_rows(be, dst, host, size, size, 1);
}

Sam2Status sam2_cuda_upload_rows(Sam2Backend *be, void *dst, const void *host, size_t row_size,
                                 size_t step, int64_t n)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    Sam2CudaLane *lane = &state->lanes[state->lane];
    SAM2_TRY(refuse_recording(be));
    const size_t total = row_size * (size_t)n;
    Sam2CudaPinned *block = step == row_size ? find_pinned(state, host, total) : NULL;
    if (block)
        return upload_pinned(be, dst, host, total, block);
    for (size_t at = 0; at < total;) {
        size_t size = total - at < MAX_STAGED ? total - at : MAX_STAGED;
        lane->next_staged = !lane->next_staged;
        Sam2CudaStaged *staged = get_staged(state, &lane->staged[lane->next_staged], size);
        if (!staged) {
            // From where it is, a row at a time; pageable memory is read before the call returns.
            size = row_size - at % row_size;
            SAM2_TRY(sam2_cuda_check(
                be,
                cudaMemcpyAsync((char *)dst + at,
                                (const char *)host + at / row_size * step + at % row_size, size,
                                cudaMemcpyHostToDevice, lane->stream),
                "uploading"));
            at += size;
            continue;
        }
        for (size_t done = 0; done < size;) {
            size_t from = at + done, part = row_size - from % row_size;
            part = part < size - done ? part : size - done;
            memcpy((char *)staged->data + done,
                   (const char *)host + from / row_size * step + from % row_size, part);
            done += part;
        }
        SAM2_TRY(sam2_cuda_check(be,
                                 cudaMemcpyAsync((char *)dst + at, staged->data, size,
                                                 cudaMemcpyHostToDevice, lane->stream),
                                 "uploading"));
        SAM2_TRY(sam2_cuda_check(be, cudaEventRecord(staged->done, lane->stream), "uploading"));
        at += size;
    }
    return SAM2_OK;
}

Sam2Status sam2_cuda_download(Sam2Backend *be, void *host, const void *src, size_t size)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    Sam2CudaLane *lane = &state->lanes[state->lane];
    SAM2_TRY(refuse_recording(be));
    Sam2CudaStaged *staged = size <= MAX_STAGED ? get_staged(state, &lane->fetched, size) : NULL;
    SAM2_TRY(sam2_cuda_check(be,
                             cudaMemcpyAsync(staged ? staged->data : host, src, size,
                                             cudaMemcpyDeviceToHost, lane->stream),
                             "downloading"));
    // The other lane goes on.
    SAM2_TRY(sam2_cuda_check(be, cudaStreamSynchronize(lane->stream), "waiting"));
    if (staged)
        memcpy(host, staged->data, size);
    return SAM2_OK;
}

// ---- Pinned memory of the caller ---------------------------------------------------------------

void *sam2_cuda_alloc_pinned(Sam2Backend *be, size_t size)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    Sam2CudaPinned *block = calloc(1, sizeof *block);
    void *data = NULL;
    if (block && cudaMallocHost(&data, size) != cudaSuccess) {
        cudaGetLastError();
        data = NULL;
    }
    if (!data) {
        free(block);
        return NULL;
    }
    *block = (Sam2CudaPinned){.data = data, .size = size, .next = state->pinned};
    state->pinned = block;
    return data;
}

void sam2_cuda_free_pinned(Sam2Backend *be, void *data)
{
    for (Sam2CudaPinned **at = &sam2_cuda_state(be)->pinned; *at; at = &(*at)->next) {
        Sam2CudaPinned *block = *at;
        if (block->data != data)
            continue;
        *at = block->next;
        if (block->done)
            cudaEventDestroy(block->done);
        cudaFreeHost(block->data);
        free(block);
        return;
    }
}

Sam2Status sam2_cuda_wait_pinned(Sam2Backend *be, void *data)
{
    Sam2CudaPinned *block = find_pinned(sam2_cuda_state(be), data, 1);
    if (!block || !block->done)
        return SAM2_OK;
    return sam2_cuda_check(be, cudaEventSynchronize(block->done), "waiting");
}

Sam2Status sam2_cuda_copy_out(Sam2Backend *be, void *pinned, const void *src, size_t size)
{
    SAM2_TRY(refuse_recording(be));
    return sam2_cuda_check(
        be, cudaMemcpyAsync(pinned, src, size, cudaMemcpyDeviceToHost, sam2_cuda_state(be)->stream),
        "copying out");
}

Sam2Status sam2_cuda_copy_in(Sam2Backend *be, void *dst, const void *pinned, size_t size)
{
    SAM2_TRY(refuse_recording(be));
    return sam2_cuda_check(
        be, cudaMemcpyAsync(dst, pinned, size, cudaMemcpyHostToDevice, sam2_cuda_state(be)->stream),
        "copying in");
}

// ---- Lanes -------------------------------------------------------------------------------------

void sam2_cuda_select_lane(Sam2Backend *be, int lane)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    state->lane = lane;
    state->stream = state->lanes[lane].stream;
    if (lane < SAM2_CUDA_N_COMPUTING_LANES)
        sam2_cuda_gemm_use(state->gemm, state->stream, lane);
}

Sam2Status sam2_cuda_mark(Sam2Backend *be)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    return sam2_cuda_check(be, cudaEventRecord(state->lanes[state->lane].mark, state->stream),
                           "marking");
}

Sam2Status sam2_cuda_wait(Sam2Backend *be, int lane)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    return sam2_cuda_check(be, cudaStreamWaitEvent(state->stream, state->lanes[lane].mark, 0),
                           "waiting");
}

Sam2Status sam2_cuda_open_lanes(Sam2Backend *be)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    for (int i = 0; i < SAM2_CUDA_N_LANES; i++) {
        Sam2CudaLane *lane = &state->lanes[i];
        SAM2_TRY(sam2_cuda_check(be,
                                 cudaStreamCreateWithFlags(&lane->stream, cudaStreamNonBlocking),
                                 "opening a stream"));
        SAM2_TRY(sam2_cuda_check(be, cudaEventCreateWithFlags(&lane->mark, cudaEventDisableTiming),
                                 "opening a stream"));
    }
    return SAM2_OK;
}

static void close_staged(Sam2CudaStaged *staged)
{
    if (staged->data)
        cudaFreeHost(staged->data);
    if (staged->done)
        cudaEventDestroy(staged->done);
}

void sam2_cuda_close_lanes(Sam2CudaState *state)
{
    for (int i = 0; i < SAM2_CUDA_N_LANES; i++) {
        Sam2CudaLane *lane = &state->lanes[i];
        if (lane->stream)
            cudaStreamSynchronize(lane->stream);
    }
    for (int i = 0; i < SAM2_CUDA_N_LANES; i++) {
        Sam2CudaLane *lane = &state->lanes[i];
        close_staged(&lane->staged[0]);
        close_staged(&lane->staged[1]);
        close_staged(&lane->fetched);
        if (lane->mark)
            cudaEventDestroy(lane->mark);
        if (lane->stream)
            cudaStreamDestroy(lane->stream);
    }
}
