// SPDX-License-Identifier: Apache-2.0
// Position encodings. Computed once a model, on the host.
#include "model/network.h"

#include <math.h>

#define TEMPERATURE 10000.0f

static float cubic(float x)
{
    const float a = -0.75f;
    x = fabsf(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    return 0;
}

// Four source indices, clamped to the grid, and their weights.
static void cubic_taps(int at, int size, int grid, int index[4], float weight[4])
{
    float source = ((float)at + 0.5f) * ((float)grid / (float)size) - 0.5f;
    float base = floorf(source);
    for (int i = 0; i < 4; i++) {
        int k = (int)base + i - 1;
        index[i] = k < 0 ? 0 : k >= grid ? grid - 1 : k;
        weight[i] = cubic(source - (base + (float)(i - 1)));
    }
}

void sam2_position_hiera(float *out, int h, int w, int c, const float *grid, int gh, int gw,
                         const float *window, int s)
{
    for (int y = 0; y < h; y++) {
        int iy[4];
        float wy[4];
        cubic_taps(y, h, gh, iy, wy);
        for (int x = 0; x < w; x++) {
            int ix[4];
            float wx[4];
            cubic_taps(x, w, gw, ix, wx);
            float *row = out + ((int64_t)y * w + x) * c;
            for (int k = 0; k < c; k++) {
                const float *plane = grid + (int64_t)k * gh * gw;
                float sum = 0;
                for (int i = 0; i < 4; i++) {
                    const float *line = plane + iy[i] * gw;
                    sum += wy[i] * (wx[0] * line[ix[0]] + wx[1] * line[ix[1]] +
                                    wx[2] * line[ix[2]] + wx[3] * line[ix[3]]);
                }
                row[k] = sum + window[((int64_t)k * s + y % s) * s + x % s];
            }
        }
    }
}

// Value k of the sine encoding of an angle over n values: sin and cos interleaved.
static float sine_value(float angle, int k, int n)
{
    float t = angle / powf(TEMPERATURE, (float)(2 * (k / 2)) / (float)n);
    return k % 2 ? cosf(t) : sinf(t);
}

void sam2_position_sine(float *out, int h, int w, int c)
{
    const float scale = 2 * (float)M_PI, eps = 1e-6f;
    int half = c / 2;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            float *row = out + ((int64_t)y * w + x) * c;
            float ay = (float)(y + 1) / ((float)h + eps) * scale;
            float ax = (float)(x + 1) / ((float)w + eps) * scale;
            for (int k = 0; k < half; k++) {
                row[k] = sine_value(ay, k, half);
                row[half + k] = sine_value(ax, k, half);
            }
        }
    }
}

void sam2_position_fourier(float *out, const float *xy, int64_t n, int c, const float *gaussian)
{
    int half = c / 2;
    for (int64_t i = 0; i < n; i++) {
        float x = 2 * xy[2 * i] - 1, y = 2 * xy[2 * i + 1] - 1;
        for (int k = 0; k < half; k++) {
            float angle = 2 * (float)M_PI * (x * gaussian[k] + y * gaussian[half + k]);
            out[i * c + k] = sinf(angle);
            out[i * c + half + k] = cosf(angle);
        }
    }
}

void sam2_position_sine_1d(float *out, float position, int c)
{
    int half = c / 2;
    for (int k = 0; k < half; k++) {
        float angle = position / powf(TEMPERATURE, (float)(2 * (k / 2)) / (float)half);
        out[k] = sinf(angle);
        out[half + k] = cosf(angle);
    }
}

void sam2_position_rope(float *cosines, float *sines, int h, int w, int c)
{
    int half = c / 2, quarter = c / 4;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            int64_t row = ((int64_t)y * w + x) * half;
            for (int k = 0; k < quarter; k++) {
                float frequency = 1.0f / powf(TEMPERATURE, (float)(4 * k) / (float)c);
                cosines[row + k] = cosf((float)x * frequency);
                sines[row + k] = sinf((float)x * frequency);
                cosines[row + quarter + k] = cosf((float)y * frequency);
                sines[row + quarter + k] = sinf((float)y * frequency);
            }
        }
    }
}
