// SPDX-License-Identifier: Apache-2.0
// Hole filling: 8-connected components by union-find. A label is the index of another pixel of the
// component, never a larger one; the root's is its own.
#include "model/cuda/device.cuh"

static __device__ int find_root(const int *labels, int i)
{
    int next;
    while ((next = *(volatile const int *)&labels[i]) != i)
        i = next;
    return i;
}

static __device__ void join(int *labels, int a, int b)
{
    for (;;) {
        a = find_root(labels, a);
        b = find_root(labels, b);
        if (a == b)
            return;
        int low = min(a, b), high = max(a, b);
        int before = atomicMin(&labels[high], low);
        if (before == high)
            return;
        // Another thread had joined `high` elsewhere: that and `low` belong together too.
        a = low;
        b = before;
    }
}

static __global__ void label_kernel(const float *x, int n, int *labels, int *areas)
{
    SAM2_FOR(i, n)
    {
        labels[i] = x[i] <= 0 ? (int)i : -1;
        areas[i] = 0;
    }
}

static __global__ void join_kernel(int n, int h, int w, int *labels)
{
    SAM2_FOR(i, n)
    {
        if (labels[i] < 0)
            continue;
        int y = (int)(i / w % h), x = (int)(i % w);
        // Half of the neighbours: the other half looks this way.
        if (x > 0 && labels[i - 1] >= 0)
            join(labels, (int)i, (int)i - 1);
        for (int dx = -1; dx <= 1; dx++)
            if (y > 0 && x + dx >= 0 && x + dx < w && labels[i - w + dx] >= 0)
                join(labels, (int)i, (int)i - w + dx);
    }
}

static __global__ void count_kernel(int n, const int *labels, int *areas)
{
    SAM2_FOR(i, n)
    if (labels[i] >= 0)
        atomicAdd(&areas[find_root(labels, (int)i)], 1);
}

static __global__ void fill_kernel(float *x, int n, int max_area, float value, const int *labels,
                                   const int *areas)
{
    SAM2_FOR(i, n)
    if (labels[i] >= 0 && areas[find_root(labels, (int)i)] <= max_area)
        x[i] = value;
}

cudaError_t sam2_cuda_launch_fill_holes(cudaStream_t stream, float *x, int n_maps, int h, int w,
                                        int max_area, float value, int *labels, int *areas)
{
    int n = n_maps * h * w;
    SAM2_LAUNCH(label_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, x, n, labels, areas);
    SAM2_LAUNCH(join_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, n, h, w, labels);
    SAM2_LAUNCH(count_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, n, labels, areas);
    SAM2_LAUNCH(fill_kernel, sam2_blocks(n), SAM2_BLOCK, 0, stream, x, n, max_area, value, labels,
                areas);
    return cudaGetLastError();
}
