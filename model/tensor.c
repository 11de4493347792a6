// SPDX-License-Identifier: Apache-2.0
// Tensor views and conversions between number types.
#include "model/tensor.h"

#include <string.h>

size_t sam2_dtype_size(Sam2DType dtype)
{
    return dtype == SAM2_F32 ? 4 : 2;
}

const char *sam2_dtype_name(Sam2DType dtype)
{
    return dtype == SAM2_F32 ? "fp32" : dtype == SAM2_F16 ? "fp16" : "bf16";
}

int64_t sam2_tensor_count(const Sam2Tensor *tensor)
{
    int64_t n = 1;
    for (int i = 0; i < tensor->n_dims; i++)
        n *= tensor->shape[i];
    return n;
}

size_t sam2_tensor_size(const Sam2Tensor *tensor)
{
    return (size_t)sam2_tensor_count(tensor) * sam2_dtype_size(tensor->dtype);
}

Sam2Tensor sam2_tensor_reshape(const Sam2Tensor *tensor, int n_dims, const int64_t *shape)
{
    Sam2Tensor out = {.data = tensor->data, .dtype = tensor->dtype, .n_dims = n_dims};
    memcpy(out.shape, shape, (size_t)n_dims * sizeof *shape);
    return out;
}

Sam2Tensor sam2_tensor_rows(const Sam2Tensor *tensor, int64_t first, int64_t n)
{
    Sam2Tensor out = *tensor;
    size_t row = sam2_dtype_size(tensor->dtype);
    for (int i = 1; i < tensor->n_dims; i++)
        row *= (size_t)tensor->shape[i];
    out.data = (char *)tensor->data + (size_t)first * row;
    out.shape[0] = n;
    return out;
}

uint16_t sam2_bf16_from_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float sam2_f32_from_bf16(uint16_t value)
{
    uint32_t bits = (uint32_t)value << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

float sam2_f32_from_f16(uint16_t value)
{
    uint32_t sign = (uint32_t)(value & 0x8000u) << 16;
    uint32_t exponent = value >> 10 & 0x1f;
    uint32_t fraction = value & 0x3ff;
    uint32_t bits;
    if (exponent == 0x1f) {
        bits = sign | 0x7f800000u | fraction << 13;
    } else if (exponent != 0) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else if (fraction == 0) {
        bits = sign;
    } else {
        exponent = 113;
        while (!(fraction & 0x400)) {
            fraction <<= 1;
            exponent--;
        }
        bits = sign | exponent << 23 | (fraction & 0x3ff) << 13;
    }
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

uint16_t sam2_f16_from_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) // NaN
        return sign | 0x7e00;
    if (bits >= 0x477ff000) // rounds past 65504
        return sign | 0x7c00;
    if (bits < 0x33000001) // at most half of the smallest subnormal
        return sign;
    if (bits < 0x38800000) { // subnormal
        int shift = 126 - (int)(bits >> 23);
        uint32_t fraction = (bits & 0x7fffff) | 0x800000;
        uint32_t kept = fraction >> shift;
        uint32_t rest = fraction & ((1u << shift) - 1);
        uint32_t half = 1u << (shift - 1);
        kept += rest > half || (rest == half && (kept & 1));
        return (uint16_t)(sign | kept);
    }
    bits += 0xfff + (bits >> 13 & 1);
    return (uint16_t)(sign | (bits - 0x38000000) >> 13);
}
