// SPDX-License-Identifier: Apache-2.0
// model/cuda/warp.cuh on the host. Layouts are those of the PTX manual, written from it anew.
#pragma once

template <typename T> static inline uint32_t pack_pair(float x, float y)
{
    T low = sam2_from_f32<T>(x), high = sam2_from_f32<T>(y);
    return (uint32_t)low.bits | (uint32_t)high.bits << 16;
}

// The half at `index` of a register: 0 is the low one.
template <typename T> static inline float half_of(uint32_t pair, int index)
{
    T half;
    half.bits = (uint16_t)(pair >> 16 * index);
    return sam2_to_f32(half);
}

// c (16, 8) += a (16, 16) b (16, 8). With g = lane / 4 and i = lane % 4: a's registers hold rows g,
// g + 8, g, g + 8, columns 2i, 2i + 1 of the left, left, right, right half; b's rows 2i, 2i + 1 of
// the upper, lower half of column g; c rows g, g, g + 8, g + 8, columns 2i, 2i + 1.
template <typename T>
static inline void multiply(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
{
    const uint32_t mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
    const unsigned char *all = emulated_exchange(mine, sizeof mine);
    const unsigned lane = threadIdx.x % 32;
    for (int r = 0; r < 4; r++) {
        const unsigned row = lane / 4 + (r / 2) * 8, column = lane % 4 * 2 + r % 2;
        for (unsigned k = 0; k < 16; k++) {
            uint32_t left[6], right[6];
            memcpy(left, all + (row % 8 * 4 + k % 8 / 2) * 64, sizeof left);
            memcpy(right, all + (column * 4 + k % 8 / 2) * 64, sizeof right);
            c[r] += half_of<T>(left[row / 8 + k / 8 * 2], (int)(k % 2)) *
                    half_of<T>(right[4 + k / 8], (int)(k % 2));
        }
    }
    emulated_end_exchange();
}

// Matrix m of four has its row r at the address of lane 8 m + r; a lane gets row lane / 4, columns
// 2 (lane % 4) and the next, or, transposed, that column's elements of two rows.
static inline void load_tiles(uint32_t out[4], const void *row, bool transposed)
{
    const unsigned char *all = emulated_exchange(&row, sizeof row);
    const unsigned lane = threadIdx.x % 32;
    for (unsigned m = 0; m < 4; m++) {
        uint16_t pair[2];
        for (unsigned j = 0; j < 2; j++) {
            const unsigned r = transposed ? lane % 4 * 2 + j : lane / 4;
            const unsigned column = transposed ? lane / 4 : lane % 4 * 2 + j;
            const uint16_t *address;
            memcpy(&address, all + (m * 8 + r) * 64, sizeof address);
            pair[j] = address[column];
        }
        out[m] = (uint32_t)pair[0] | (uint32_t)pair[1] << 16;
    }
    emulated_end_exchange();
}

static inline void load_matrices(uint32_t out[4], const void *row)
{
    load_tiles(out, row, false);
}

static inline void load_matrices_transposed(uint32_t out[4], const void *row)
{
    load_tiles(out, row, true);
}

static inline void copy_16(void *dst, const void *src, bool there)
{
    if (there)
        memcpy(dst, src, 16);
    else
        memset(dst, 0, 16);
}

static inline void end_copies(void)
{
}

template <int PENDING> static inline void finish_copies(void)
{
}
