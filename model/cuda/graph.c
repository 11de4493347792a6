// SPDX-License-Identifier: Apache-2.0
// Work that comes again and again, as CUDA graphs.
//
// The first time that a key is seen its work runs as it is: scratch memory grows to what it needs,
// algorithms are chosen. The second time it is captured, and from then on one launch runs it all.
// Whatever moves memory that a graph may use forgets them all.
#include <string.h>

#include "model/cuda/state.h"

static Sam2CudaRecording *find(Sam2CudaState *state, const void *key, size_t size)
{
    for (int i = 0; i < SAM2_CUDA_N_RECORDINGS; i++) {
        Sam2CudaRecording *recording = &state->recordings[i];
        if (recording->key_size == size && recording->lane == state->lane &&
            memcmp(recording->key, key, size) == 0)
            return recording;
    }
    return NULL;
}

static void forget(Sam2CudaRecording *recording)
{
    // One that runs is freed when it is done.
    if (recording->graph)
        cudaGraphExecDestroy(recording->graph);
    *recording = (Sam2CudaRecording){0};
}

void sam2_cuda_forget_recordings(Sam2Backend *be)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    for (int i = 0; i < SAM2_CUDA_N_RECORDINGS; i++)
        if (&state->recordings[i] != state->recording)
            forget(&state->recordings[i]);
}

static Sam2CudaRecording *add(Sam2CudaState *state, const void *key, size_t size)
{
    Sam2CudaRecording *oldest = &state->recordings[0];
    for (int i = 0; i < SAM2_CUDA_N_RECORDINGS; i++)
        if (state->recordings[i].last_use < oldest->last_use)
            oldest = &state->recordings[i];
    forget(oldest);
    oldest->key_size = size;
    oldest->lane = state->lane;
    memcpy(oldest->key, key, size);
    return oldest;
}

Sam2Status sam2_cuda_record_begin(Sam2Backend *be, const void *key, size_t size, bool *replayed)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    *replayed = false;
    if (!state->can_record || size > SAM2_CUDA_KEY_SIZE)
        return SAM2_OK;
    Sam2CudaRecording *recording = find(state, key, size);
    if (!recording) {
        add(state, key, size)->last_use = ++state->clock;
        return SAM2_OK;
    }
    recording->last_use = ++state->clock;
    if (recording->unfit)
        return SAM2_OK;
    if (recording->graph) {
        *replayed = true;
        return sam2_cuda_check(be, cudaGraphLaunch(recording->graph, state->stream),
                               "running a graph");
    }
    SAM2_TRY(sam2_cuda_check(be,
                             cudaStreamBeginCapture(state->stream, cudaStreamCaptureModeRelaxed),
                             "recording a graph"));
    state->recording = recording;
    state->n_before_recording = state->n_allocations;
    return SAM2_OK;
}

Sam2Status sam2_cuda_record_end(Sam2Backend *be, bool good)
{
    Sam2CudaState *state = sam2_cuda_state(be);
    Sam2CudaRecording *recording = state->recording;
    cudaGraph_t graph = NULL;
    if (!recording)
        return SAM2_OK;
    state->recording = NULL;
    // Memory that was taken or given back belongs to somebody else by the next time.
    recording->unfit = !good || state->n_allocations != state->n_before_recording;
    cudaError_t error = cudaStreamEndCapture(state->stream, &graph);
    if (error == cudaSuccess && good)
        error = cudaGraphInstantiate(&recording->graph, graph, 0);
    if (graph)
        cudaGraphDestroy(graph);
    if (!good) {
        cudaGetLastError();
        return SAM2_OK; // the caller knows
    }
    if (error == cudaSuccess)
        error = cudaGraphLaunch(recording->graph, state->stream);
    if ((error != cudaSuccess || recording->unfit) && recording->graph) {
        cudaGraphExecDestroy(recording->graph);
        recording->graph = NULL;
    }
    recording->unfit |= error != cudaSuccess;
    return sam2_cuda_check(be, error, "recording a graph");
}
