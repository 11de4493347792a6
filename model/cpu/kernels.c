// SPDX-License-Identifier: Apache-2.0
// The table of one instruction set.
#include "model/cpu/gemm_kernel.h"
#include "model/cpu/map_kernel.h"

const Sam2CpuKernels SAM2_KERNEL(sam2_cpu_kernels) = {
    .f32 = &SAM2_KERNEL(sam2_gemm_f32),
#ifdef __AVX512BF16__
    .bf16 = &SAM2_KERNEL(sam2_gemm_bf16),
#endif
    .layer_norm = SAM2_KERNEL(sam2_layer_norm),
    .depthwise_row = SAM2_KERNEL(sam2_depthwise_row),
    .max_pool = SAM2_KERNEL(sam2_max_pool),
    .upsample_add = SAM2_KERNEL(sam2_upsample_add),
    .add = SAM2_KERNEL(sam2_add),
    .rope = SAM2_KERNEL(sam2_rope),
    .mask_to_memory = SAM2_KERNEL(sam2_mask_to_memory),
    .round_bf16 = SAM2_KERNEL(sam2_round_bf16),
    .resize_row = SAM2_KERNEL(sam2_resize_row),
    .sum_across_u8 = SAM2_KERNEL(sam2_sum_across_u8),
    .sum_rows_u8 = SAM2_KERNEL(sam2_sum_rows_u8),
    .sum_rows_f32 = SAM2_KERNEL(sam2_sum_rows_f32),
};
