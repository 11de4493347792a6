// SPDX-License-Identifier: Apache-2.0
// What a weight file says of itself, and rewriting it as safetensors under the published names.
#include <stdio.h>
#include <stdlib.h>

#include "model/checkpoint.h"
#include "model/config_private.h"
#include "model/safetensors.h"

static Sam2Status fill(void *user, size_t index, int64_t first, int64_t n, float *out,
                       Sam2Error *error)
{
    const Sam2Checkpoint *checkpoint = user;
    Sam2CheckpointTensor part = *sam2_checkpoint_tensor(checkpoint, index);
    size_t item = sam2_dtype_size(part.dtype);
    part.data = (const char *)part.data + (size_t)first * item;
    part.size = (size_t)n * item;
    return sam2_checkpoint_read_f32(&part, out, sam2_checkpoint_path(checkpoint), error);
}

static Sam2Status write_checkpoint(const Sam2Checkpoint *checkpoint, const char *out,
                                   Sam2DType dtype, Sam2Error *error)
{
    Sam2Config config;
    char *text;
    SAM2_TRY(sam2_config_read(&config, checkpoint, error));
    SAM2_TRY(sam2_config_format(&text, &config, error));
    const Sam2SafetensorsMetadata metadata[] = {{"format", "pt"}, {"masklet.config", text}};
    Sam2SafetensorsParams params = {
        .tensors = sam2_checkpoint_tensor(checkpoint, 0),
        .n_tensors = sam2_checkpoint_n_tensors(checkpoint),
        .dtype = dtype,
        .metadata = metadata,
        .n_metadata = 2,
        .fill = fill,
        .user = (void *)(uintptr_t)checkpoint,
    };
    Sam2Status status = sam2_safetensors_write(out, &params, error);
    free(text);
    return status;
}

Sam2Status sam2_model_convert(const char *in, const char *out, Sam2DType dtype, Sam2Error *error)
{
    if (!in || !out || !*out)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "converting needs two file names");
    if (dtype != SAM2_F32 && dtype != SAM2_F16 && dtype != SAM2_BF16)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "%d is no number type", (int)dtype);
    Sam2Checkpoint *checkpoint;
    SAM2_TRY(sam2_checkpoint_open(&checkpoint, in, error));
    Sam2Status status = write_checkpoint(checkpoint, out, dtype, error);
    sam2_checkpoint_close(&checkpoint);
    return status;
}

Sam2Status sam2_model_inspect(const char *path, Sam2ModelInfo *out, Sam2Error *error)
{
    Sam2Checkpoint *checkpoint;
    Sam2Config config;
    SAM2_TRY(sam2_checkpoint_open(&checkpoint, path, error));
    Sam2Status status = sam2_config_read(&config, checkpoint, error);
    if (status == SAM2_OK) {
        *out = (Sam2ModelInfo){.image_size = config.image_size, .d_model = config.d_model};
        snprintf(out->variant, sizeof out->variant, "%s", config.variant);
        snprintf(out->version, sizeof out->version, "%s", config.is_2_1 ? "2.1" : "2.0");
        for (size_t i = 0; i < sam2_checkpoint_n_tensors(checkpoint); i++) {
            const Sam2CheckpointTensor *tensor = sam2_checkpoint_tensor(checkpoint, i);
            out->n_parameters += (int64_t)(tensor->size / sam2_dtype_size(tensor->dtype));
        }
    }
    sam2_checkpoint_close(&checkpoint);
    return status;
}
