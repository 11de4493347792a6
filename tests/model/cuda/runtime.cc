// SPDX-License-Identifier: Apache-2.0
// CUDA's runtime on the host: streams, events, graphs, memory, and their failures.
//
// SAM2_EMULATED_ORDER says when work of the streams is done, in the order of their making: a letter
// for each, e: when it is asked for, l: as late as possible, only when somebody waits for it. Results
// that depend on it tell of a wait that is missing.
#include "tests/model/cuda/emulate.h"
#include "tests/model/cuda/emulate_control.h"

#include <ctype.h>
#include <deque>
#include <memory>
#include <set>
#include <stdio.h>
#include <stdlib.h>
#include <unordered_map>
#include <vector>

extern "C" __attribute__((visibility("default"))) EmulatedControl emulated_control;
EmulatedControl emulated_control;

typedef std::function<void()> Work;

struct CUevent_st {
    uint64_t asked, done;
    CUstream_st *stream; // of the last record
};

struct CUstream_st {
    int index; // in the order of their making
    bool lazy;
    std::deque<Work> queue;
    CUgraph_st *capture; // NULL: none
    bool invalid;        // what was captured cannot be
};

struct CUgraph_st {
    std::vector<Work> work;
};
struct CUgraphExec_st {
    std::shared_ptr<std::vector<Work>> work;
};

static cudaError_t sticky = cudaSuccess, last = cudaSuccess;
static std::set<CUstream_st *> streams;
static std::unordered_map<void *, size_t> device_memory, pinned_memory;
static int n_streams;
static uint64_t n_tickets;

static cudaError_t give(cudaError_t error)
{
    if (sticky != cudaSuccess)
        error = sticky;
    if (error != cudaSuccess)
        last = error;
    return error;
}

// Counts down to a failure, and through those behind it.
static bool fails(long *counter, long *n_more)
{
    if (*counter == 0 || --*counter > 0)
        return false;
    if (n_more && *n_more > 0) {
        --*n_more;
        *counter = 1; // the next one too
    }
    return true;
}

static void note(const CUstream_st *stream, char what)
{
    if (!emulated_control.log || emulated_control.n_log < 2)
        return;
    *emulated_control.log++ = stream->index == 0 ? (char)toupper(what) : what;
    *emulated_control.log = 0;
    emulated_control.n_log--;
}

static void run_next(CUstream_st *stream)
{
    Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    work();
}

static void drain(CUstream_st *stream)
{
    while (!stream->queue.empty())
        run_next(stream);
}

static void drain_all(void)
{
    for (CUstream_st *stream : streams)
        drain(stream);
}

static cudaError_t enqueue(cudaStream_t stream, Work work)
{
    if (sticky != cudaSuccess)
        return give(sticky);
    if (stream->capture) {
        stream->capture->work.push_back(std::move(work));
        return cudaSuccess;
    }
    stream->queue.push_back(std::move(work));
    if (!stream->lazy)
        drain(stream);
    return cudaSuccess;
}

// ---- Kernels and products ----------------------------------------------------------------------

static cudaError_t count_launch(void)
{
    emulated_control.n_launches++;
    if (fails(&emulated_control.fail_launch, NULL))
        sticky = cudaErrorLaunchFailure;
    return give(cudaSuccess);
}

void emulated_launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared_size,
                     const std::function<void()> &kernel)
{
    note(stream, 'k');
    if (count_launch() == cudaSuccess)
        enqueue(stream, [=]() { emulated_run(grid, block, shared_size, kernel); });
}

extern "C" cudaError_t emulated_enqueue(cudaStream_t stream, void (*call)(const void *),
                                        const void *data, size_t size)
{
    std::vector<char> copy((const char *)data, (const char *)data + size);
    emulated_control.n_products++;
    note(stream, 'k');
    cudaError_t error = count_launch();
    return error != cudaSuccess ? error
                                : enqueue(stream, [call, copy]() { call(copy.data()); });
}

// ---- The device --------------------------------------------------------------------------------

// SAM2_EMULATED_DEVICE=75 is a device without bfloat16 and with little shared memory.
static bool is_old(void)
{
    const char *device = getenv("SAM2_EMULATED_DEVICE");
    return device && strcmp(device, "75") == 0;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 1;
    return give(cudaSuccess);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *out, int device)
{
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "emulated");
    out->major = is_old() ? 7 : 8;
    out->minor = is_old() ? 5 : 0;
    out->multiProcessorCount = 8;
    out->sharedMemPerBlockOptin = (is_old() ? 64 : 163) * 1024;
    out->totalGlobalMem = (size_t)4 << 30;
    return give(cudaSuccess);
}

const char *cudaGetErrorString(cudaError_t error)
{
    return error == cudaSuccess              ? "no error"
           : error == cudaErrorLaunchFailure ? "unspecified launch failure"
                                             : "an emulated error";
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t error = sticky != cudaSuccess ? sticky : last;
    last = cudaSuccess;
    return error;
}

// ---- Memory ------------------------------------------------------------------------------------

cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
    *total = emulated_control.memory_limit ? (size_t)emulated_control.memory_limit
                                           : (size_t)4 << 30;
    *free = *total - (size_t)emulated_control.memory_used;
    return give(cudaSuccess);
}

cudaError_t cudaMalloc(void **out, size_t size)
{
    emulated_control.n_mallocs++;
    const long limit = emulated_control.memory_limit;
    if (sticky != cudaSuccess)
        return give(sticky);
    if (fails(&emulated_control.fail_malloc, &emulated_control.n_more) ||
        (limit && emulated_control.memory_used + (long)size > limit) ||
        posix_memalign(out, 256, size))
        return give(cudaErrorMemoryAllocation);
    memset(*out, 0xcd, size);
    device_memory[*out] = size;
    emulated_control.memory_used += (long)size;
    return cudaSuccess;
}

cudaError_t cudaFree(void *data)
{
    if (!data)
        return cudaSuccess;
    emulated_control.n_frees++;
    drain_all();
    if (!device_memory.count(data))
        abort();
    emulated_control.memory_used -= (long)device_memory[data];
    device_memory.erase(data);
    free(data);
    return give(cudaSuccess);
}

cudaError_t cudaMallocHost(void **out, size_t size)
{
    emulated_control.n_host_mallocs++;
    if (sticky != cudaSuccess)
        return give(sticky);
    if (fails(&emulated_control.fail_host_malloc, &emulated_control.n_more) || posix_memalign(out, 256, size))
        return give(cudaErrorMemoryAllocation);
    pinned_memory[*out] = size;
    emulated_control.pinned_used += (long)size;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *data)
{
    drain_all();
    if (!pinned_memory.count(data))
        abort();
    emulated_control.pinned_used -= (long)pinned_memory[data];
    pinned_memory.erase(data);
    free(data);
    return give(cudaSuccess);
}

static bool is_pinned(const void *data, size_t size)
{
    for (auto &[start, length] : pinned_memory)
        if ((const char *)data >= (char *)start &&
            (const char *)data + size <= (char *)start + length)
            return true;
    return false;
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t size, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    if (stream->index == 2) {
        const bool in = kind == cudaMemcpyHostToDevice;
        if ((kind == cudaMemcpyDeviceToDevice) || !is_pinned(in ? src : dst, size))
            abort();
        if (fails(&emulated_control.fail_copy, NULL)) {
            if (emulated_control.copy_loses)
                sticky = cudaErrorLaunchFailure;
            return give(cudaErrorInvalidValue);
        }
        (in ? emulated_control.n_copied_in : emulated_control.n_copied_out)++;
        note(stream, in ? '>' : '<');
    } else if (kind != cudaMemcpyDeviceToDevice) {
        note(stream, kind == cudaMemcpyDeviceToHost ? 'o' : is_pinned(src, size) ? 'i' : 'p');
        if (stream->index == 1)
            emulated_control.uploaded = src;
    }
    if (kind == cudaMemcpyHostToDevice && !is_pinned(src, size)) {
        std::vector<char> copy((const char *)src, (const char *)src + size);
        return enqueue(stream, [=]() { memcpy(dst, copy.data(), size); });
    }
    cudaError_t error = enqueue(stream, [=]() { memcpy(dst, src, size); });
    if (kind == cudaMemcpyDeviceToHost && !is_pinned(dst, size))
        drain(stream);
    return error;
}

cudaError_t cudaMemcpy2DAsync(void *dst, size_t dst_stride, const void *src, size_t src_stride,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream)
{
    if (kind != cudaMemcpyDeviceToDevice || width > src_stride || width > dst_stride)
        return give(cudaErrorInvalidValue);
    return enqueue(stream, [=]() {
        for (size_t y = 0; y < height; y++)
            memcpy((char *)dst + y * dst_stride, (const char *)src + y * src_stride, width);
    });
}

// ---- Streams and events ------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
    const char *order = getenv("SAM2_EMULATED_ORDER");
    if (sticky != cudaSuccess)
        return give(sticky);
    const bool lazy = order && (size_t)n_streams < strlen(order) && order[n_streams] == 'l';
    *out = new CUstream_st{n_streams++, lazy, {}, NULL, false};
    streams.insert(*out);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    emulated_control.n_stream_waits++;
    note(stream, 'w');
    if (stream->capture) {
        stream->invalid = true;
        return give(cudaErrorStreamCaptureInvalidated);
    }
    drain(stream);
    return give(cudaSuccess);
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    return sticky != cudaSuccess ? sticky : stream->queue.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    drain(stream);
    streams.erase(stream);
    delete stream;
    n_streams--;
    return give(cudaSuccess);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
    *out = new CUevent_st{0, 0, NULL};
    return give(cudaSuccess);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    drain_all();
    delete event;
    return give(cudaSuccess);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    if (stream->capture)
        stream->invalid = true;
    const uint64_t ticket = ++n_tickets;
    event->asked = ticket;
    event->stream = stream;
    return enqueue(stream, [=]() { event->done = ticket; });
}

static void wait_for(cudaEvent_t event, uint64_t ticket, CUstream_st *stream)
{
    while (event->done < ticket && !stream->queue.empty())
        run_next(stream);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    if (stream->capture)
        stream->invalid = true;
    if (event->asked == 0)
        return give(cudaSuccess);
    const uint64_t ticket = event->asked;
    CUstream_st *other = event->stream;
    return enqueue(stream, [=]() { wait_for(event, ticket, other); });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    emulated_control.n_event_waits++;
    if (event->asked)
        wait_for(event, event->asked, event->stream);
    return give(cudaSuccess);
}

// ---- Graphs ------------------------------------------------------------------------------------

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    emulated_control.n_captures++;
    if (sticky != cudaSuccess)
        return give(sticky);
    stream->capture = new CUgraph_st;
    stream->invalid = false;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *out)
{
    *out = stream->capture;
    stream->capture = NULL;
    if (!stream->invalid)
        return give(cudaSuccess);
    delete *out;
    *out = NULL;
    return give(cudaErrorStreamCaptureInvalidated);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long flags)
{
    if (sticky != cudaSuccess)
        return give(sticky);
    *out = new CUgraphExec_st{std::make_shared<std::vector<Work>>(graph->work)};
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream)
{
    emulated_control.n_graph_launches++;
    note(stream, 'g');
    cudaError_t error = count_launch();
    if (error != cudaSuccess)
        return error;
    auto all = graph->work;
    return enqueue(stream, [all]() {
        for (const Work &work : *all)
            work();
    });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return give(cudaSuccess);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph)
{
    delete graph;
    return give(cudaSuccess);
}
