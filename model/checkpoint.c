// SPDX-License-Identifier: Apache-2.0
// A weight file as named tensors: mapping it, telling its kind, looking tensors up.
#include "model/checkpoint_private.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool sam2_is_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}

int64_t sam2_count_elements(int n_dims, const int64_t *shape)
{
    int64_t count = 1;
    for (int i = 0; i < n_dims; i++) {
        if (shape[i] < 0 || __builtin_mul_overflow(count, shape[i], &count) ||
            count > INT64_MAX / 8)
            return -1;
    }
    return count;
}

Sam2Status sam2_grow(void *array, size_t n, size_t *capacity, size_t element_size, Sam2Error *error)
{
    if (n < *capacity)
        return SAM2_OK;
    size_t larger = n < 16 ? 16 : n + n / 2;
    void *old, *moved;
    memcpy(&old, array, sizeof old);
    moved = realloc(old, larger * element_size);
    if (!moved)
        return sam2_fail_memory(error, larger * element_size);
    memcpy(array, &moved, sizeof moved);
    *capacity = larger;
    return SAM2_OK;
}

Sam2Status sam2_checkpoint_add(Sam2Checkpoint *checkpoint, const char *name, size_t name_length,
                               const Sam2CheckpointTensor *tensor, Sam2Error *error)
{
    if (name_length == 0 || name_length > SAM2_MAX_NAME || !sam2_is_printable(name, name_length))
        return sam2_fail(error, SAM2_ERR_FORMAT,
                         "%s: tensor %zu has a name that is empty, too long or not printable",
                         checkpoint->path, checkpoint->n_tensors);
    if (checkpoint->n_tensors >= SAM2_MAX_TENSORS)
        return sam2_fail(error, SAM2_ERR_UNSUPPORTED, "%s holds more than %d tensors",
                         checkpoint->path, SAM2_MAX_TENSORS);
    SAM2_TRY(sam2_grow(&checkpoint->tensors, checkpoint->n_tensors, &checkpoint->tensors_capacity,
                       sizeof *checkpoint->tensors, error));
    Sam2CheckpointTensor added = *tensor;
    added.name = strndup(name, name_length);
    if (!added.name)
        return sam2_fail_memory(error, name_length + 1);
    checkpoint->tensors[checkpoint->n_tensors++] = added;
    return SAM2_OK;
}

Sam2Status sam2_checkpoint_add_metadata(Sam2Checkpoint *checkpoint, const char *key,
                                        const char *value, Sam2Error *error)
{
    SAM2_TRY(sam2_grow(&checkpoint->metadata, checkpoint->n_metadata,
                       &checkpoint->metadata_capacity, sizeof *checkpoint->metadata, error));
    Sam2Text text = {.key = strdup(key), .value = strdup(value)};
    if (!text.key || !text.value) {
        free(text.key);
        free(text.value);
        return sam2_fail_memory(error, strlen(key) + strlen(value) + 2);
    }
    checkpoint->metadata[checkpoint->n_metadata++] = text;
    return SAM2_OK;
}

Sam2Status sam2_checkpoint_new_data(Sam2Checkpoint *checkpoint, size_t size, void **out,
                                    Sam2Error *error)
{
    SAM2_TRY(sam2_grow(&checkpoint->owned, checkpoint->n_owned, &checkpoint->owned_capacity,
                       sizeof *checkpoint->owned, error));
    *out = malloc(size ? size : 1);
    if (!*out)
        return sam2_fail_memory(error, size);
    checkpoint->owned[checkpoint->n_owned++] = *out;
    return SAM2_OK;
}

static Sam2Status map_file(Sam2Checkpoint *checkpoint, Sam2Error *error)
{
    const char *path = checkpoint->path;
    // Without O_NONBLOCK a named pipe would wait for a writer.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return sam2_fail(error, SAM2_ERR_IO, "%s could not be opened: %s", path, strerror(errno));
    struct stat info;
    Sam2Status status = SAM2_OK;
    if (fstat(fd, &info) != 0)
        status = sam2_fail(error, SAM2_ERR_IO, "%s could not be read: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        status = sam2_fail(error, SAM2_ERR_IO, "%s is not a file that could hold a model", path);
    else if (info.st_size == 0)
        status = sam2_fail(error, SAM2_ERR_FORMAT, "%s is empty", path);
    if (status == SAM2_OK) {
        size_t size = (size_t)info.st_size;
        void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            status = sam2_fail(error, errno == ENOMEM ? SAM2_ERR_MEMORY : SAM2_ERR_IO,
                               "%s could not be mapped: %s", path, strerror(errno));
        } else {
            checkpoint->map = map;
            checkpoint->map_size = size;
        }
    }
    close(fd);
    return status;
}

static bool starts_with(const Sam2Checkpoint *checkpoint, const char *magic, size_t length)
{
    return checkpoint->map_size >= length && memcmp(checkpoint->map, magic, length) == 0;
}

static Sam2Status read_content(Sam2Checkpoint *checkpoint, Sam2Error *error)
{
    const char *path = checkpoint->path;
    if (starts_with(checkpoint, "PK\3\4", 4))
        return sam2_pt_read(checkpoint, error);
    if (checkpoint->map_size > 8 && checkpoint->map[8] == '{' && checkpoint->map[7] == 0)
        return sam2_safetensors_read(checkpoint, error);
    if (starts_with(checkpoint, "\x80\x02", 2))
        return sam2_fail(error, SAM2_ERR_UNSUPPORTED,
                         "%s was saved by a torch older than 1.6; load it and save it again with "
                         "a newer one",
                         path);
    if (starts_with(checkpoint, "version https://git-lfs", 23))
        return sam2_fail(error, SAM2_ERR_FORMAT,
                         "%s is a Git LFS pointer, not the file itself; fetch it with git lfs pull",
                         path);
    if (starts_with(checkpoint, "<", 1))
        return sam2_fail(error, SAM2_ERR_FORMAT,
                         "%s is a web page, not a weight file; download the model again", path);
    return sam2_fail(error, SAM2_ERR_FORMAT,
                     "%s is not a weight file of a known kind (.pt or .safetensors)", path);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const Sam2CheckpointTensor *)a)->name, ((const Sam2CheckpointTensor *)b)->name);
}

static Sam2Status sort_tensors(Sam2Checkpoint *checkpoint, Sam2Error *error)
{
    const char *path = checkpoint->path;
    if (checkpoint->n_tensors == 0)
        return sam2_fail(error, SAM2_ERR_FORMAT, "%s holds no tensors", path);
    qsort(checkpoint->tensors, checkpoint->n_tensors, sizeof *checkpoint->tensors, compare_names);
    for (size_t i = 1; i < checkpoint->n_tensors; i++) {
        const char *name = checkpoint->tensors[i].name;
        if (strcmp(checkpoint->tensors[i - 1].name, name) == 0)
            return sam2_fail(error, SAM2_ERR_FORMAT, "%s has two tensors named \"%s\"", path, name);
    }
    return SAM2_OK;
}

Sam2Status sam2_checkpoint_open(Sam2Checkpoint **out, const char *path, Sam2Error *error)
{
    *out = NULL;
    if (!path || !*path)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "no model file was named");
    Sam2Checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    if (!checkpoint)
        return sam2_fail_memory(error, sizeof *checkpoint);
    Sam2Status status;
    checkpoint->path = strdup(path);
    if (!checkpoint->path) {
        status = sam2_fail_memory(error, strlen(path) + 1);
        goto fail;
    }
    SAM2_TRY_FAIL(map_file(checkpoint, error));
    SAM2_TRY_FAIL(read_content(checkpoint, error));
    SAM2_TRY_FAIL(sam2_hf_rename(checkpoint, error));
    SAM2_TRY_FAIL(sort_tensors(checkpoint, error));
    *out = checkpoint;
    return SAM2_OK;
fail:
    sam2_checkpoint_close(&checkpoint);
    return status;
}

void sam2_checkpoint_close(Sam2Checkpoint **checkpoint)
{
    Sam2Checkpoint *c = *checkpoint;
    if (!c)
        return;
    for (size_t i = 0; i < c->n_tensors; i++)
        free((char *)(uintptr_t)c->tensors[i].name);
    for (size_t i = 0; i < c->n_metadata; i++) {
        free(c->metadata[i].key);
        free(c->metadata[i].value);
    }
    for (size_t i = 0; i < c->n_owned; i++)
        free(c->owned[i]);
    free(c->tensors);
    free(c->metadata);
    free(c->owned);
    if (c->map)
        munmap((void *)(uintptr_t)c->map, c->map_size);
    free(c->path);
    free(c);
    *checkpoint = NULL;
}

const char *sam2_checkpoint_path(const Sam2Checkpoint *checkpoint)
{
    return checkpoint->path;
}

size_t sam2_checkpoint_n_tensors(const Sam2Checkpoint *checkpoint)
{
    return checkpoint->n_tensors;
}

const Sam2CheckpointTensor *sam2_checkpoint_tensor(const Sam2Checkpoint *checkpoint, size_t index)
{
    return index < checkpoint->n_tensors ? &checkpoint->tensors[index] : NULL;
}

const Sam2CheckpointTensor *sam2_checkpoint_find(const Sam2Checkpoint *checkpoint, const char *name)
{
    Sam2CheckpointTensor key = {.name = name};
    return bsearch(&key, checkpoint->tensors, checkpoint->n_tensors, sizeof *checkpoint->tensors,
                   compare_names);
}

const char *sam2_checkpoint_metadata(const Sam2Checkpoint *checkpoint, const char *key)
{
    for (size_t i = 0; i < checkpoint->n_metadata; i++)
        if (strcmp(checkpoint->metadata[i].key, key) == 0)
            return checkpoint->metadata[i].value;
    return NULL;
}

Sam2Status sam2_checkpoint_read_f32(const Sam2CheckpointTensor *tensor, float *out,
                                    const char *path, Sam2Error *error)
{
    size_t n = tensor->size / sam2_dtype_size(tensor->dtype);
    const uint8_t *data = tensor->data;
    if (tensor->dtype == SAM2_F32) {
        memcpy(out, data, tensor->size);
    } else {
        bool is_half = tensor->dtype == SAM2_F16;
        for (size_t i = 0; i < n; i++) {
            uint16_t bits;
            memcpy(&bits, data + 2 * i, sizeof bits);
            out[i] = is_half ? sam2_f32_from_f16(bits) : sam2_f32_from_bf16(bits);
        }
    }
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i]))
            return sam2_fail(error, SAM2_ERR_FORMAT,
                             "%s: tensor \"%s\" holds a value that is not finite at index %zu; the "
                             "file is damaged",
                             path, tensor->name, i);
    return SAM2_OK;
}
