// SPDX-License-Identifier: Apache-2.0
// A weight file as named tensors, whatever its form. Tensor data stays mapped from the file.
#pragma once

#include "model/config.h"
#include "model/tensor.h"

typedef struct Sam2Checkpoint Sam2Checkpoint;

typedef struct Sam2CheckpointTensor {
    const char *name; // as the published SAM 2.1 checkpoints name it
    Sam2DType dtype;
    int n_dims; // 0 to SAM2_MAX_DIMS
    int64_t shape[SAM2_MAX_DIMS];
    const void *data; // contiguous, maybe unaligned
    size_t size;      // bytes
} Sam2CheckpointTensor;

// Opens a published .pt (ZIP of stored entries), or .safetensors under the published or Hugging
// Face's names (translated). The kind is told from the content, never from the file's name.
Sam2Status sam2_checkpoint_open(Sam2Checkpoint **out, const char *path, Sam2Error *error);
void sam2_checkpoint_close(Sam2Checkpoint **checkpoint);

const char *sam2_checkpoint_path(const Sam2Checkpoint *checkpoint);
size_t sam2_checkpoint_n_tensors(const Sam2Checkpoint *checkpoint);
const Sam2CheckpointTensor *sam2_checkpoint_tensor(const Sam2Checkpoint *checkpoint, size_t index);
const Sam2CheckpointTensor *sam2_checkpoint_find(const Sam2Checkpoint *checkpoint,
                                                 const char *name); // NULL if absent
// Value of a safetensors metadata key, or NULL.
const char *sam2_checkpoint_metadata(const Sam2Checkpoint *checkpoint, const char *key);

// Copies a tensor's elements as fp32 into out (count elements). A NaN or infinity is
// SAM2_ERR_FORMAT and names the tensor.
Sam2Status sam2_checkpoint_read_f32(const Sam2CheckpointTensor *tensor, float *out,
                                    const char *path, Sam2Error *error);

// The configuration: from metadata key "masklet.config" (JSON) if there, else told from the shapes.
Sam2Status sam2_config_read(Sam2Config *out, const Sam2Checkpoint *checkpoint, Sam2Error *error);
