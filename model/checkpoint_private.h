// SPDX-License-Identifier: Apache-2.0
// What the readers of weight files fill in. Only for checkpoint.c and the readers.
#pragma once

#include "model/checkpoint.h"

#define SAM2_MAX_TENSORS 65536
#define SAM2_MAX_NAME 256

typedef struct Sam2Text {
    char *key, *value;
} Sam2Text;

struct Sam2Checkpoint {
    char *path;
    const uint8_t *map; // the whole file, read-only
    size_t map_size;
    Sam2CheckpointTensor *tensors; // sorted by name once the file is open
    size_t n_tensors, tensors_capacity;
    Sam2Text *metadata;
    size_t n_metadata, metadata_capacity;
    void **owned; // data of tensors that could not stay in the map
    size_t n_owned, owned_capacity;
};

// Adds a tensor whose data lives as long as the checkpoint; the name (name_length bytes) is copied.
// Refuses names that are empty, longer than SAM2_MAX_NAME or not printable ASCII.
Sam2Status sam2_checkpoint_add(Sam2Checkpoint *checkpoint, const char *name, size_t name_length,
                               const Sam2CheckpointTensor *tensor, Sam2Error *error);
// Copies both strings.
Sam2Status sam2_checkpoint_add_metadata(Sam2Checkpoint *checkpoint, const char *key,
                                        const char *value, Sam2Error *error);
// malloc'd memory that goes with the checkpoint.
Sam2Status sam2_checkpoint_new_data(Sam2Checkpoint *checkpoint, size_t size, void **out,
                                    Sam2Error *error);

// Makes room for element n of the array that *(T **)array points to.
Sam2Status sam2_grow(void *array, size_t n, size_t *capacity, size_t element_size,
                     Sam2Error *error);

// Whether all bytes are printable ASCII, so that they can stand in a message.
bool sam2_is_printable(const char *text, size_t length);

// Elements of a shape, or -1 if a side is negative or the bytes of fp32 would not fit in 2^62.
int64_t sam2_count_elements(int n_dims, const int64_t *shape);

// Reads a file that starts as its kind does into an empty checkpoint.
Sam2Status sam2_safetensors_read(Sam2Checkpoint *checkpoint, Sam2Error *error);
Sam2Status sam2_pt_read(Sam2Checkpoint *checkpoint, Sam2Error *error);

// Gives tensors with Hugging Face's names the published ones; other files stay as they are.
Sam2Status sam2_hf_rename(Sam2Checkpoint *checkpoint, Sam2Error *error);
