// SPDX-License-Identifier: Apache-2.0
// All kernels, compiled for the host.
#include "model/cuda/attention_bf16.cu"
#include "model/cuda/attention_f16.cu"
#include "model/cuda/elementwise.cu"
#include "model/cuda/convolution.cu"
#include "model/cuda/layer_norm.cu"
#include "model/cuda/image.cu"
#include "model/cuda/holes.cu"
#include "model/cuda/pack.cu"
#include "model/cuda/attention_f32.cu"
#include "model/cuda/track.cu"
