// SPDX-License-Identifier: Apache-2.0
// The safetensors format: 8 bytes of header size, a JSON header, the tensors' bytes.
#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/checkpoint_private.h"
#include "model/json.h"

#define MAX_HEADER 100000000u
#define FILL_CHUNK 32768 // elements converted at a time

static const struct {
    const char *name;
    Sam2DType dtype;
} dtype_names[] = {{"F32", SAM2_F32}, {"F16", SAM2_F16}, {"BF16", SAM2_BF16}};
#define N_DTYPES (sizeof dtype_names / sizeof *dtype_names)

typedef struct Span {
    uint64_t begin, end;
    const char *name;
} Span;

static const char *printable(const char *text)
{
    return sam2_is_printable(text, strlen(text)) ? text : "?";
}

static Sam2Status fail_entry(const Sam2Checkpoint *checkpoint, const Sam2JsonValue *entry,
                             const char *problem, Sam2Error *error)
{
    return sam2_fail(error, SAM2_ERR_FORMAT, "%s: tensor \"%.100s\" %s", checkpoint->path,
                     printable(entry->key), problem);
}

static Sam2Status read_shape(const Sam2Checkpoint *checkpoint, const Sam2JsonValue *entry,
                             Sam2CheckpointTensor *tensor, Sam2Error *error)
{
    const Sam2JsonValue *shape = sam2_json_member(entry, "shape");
    if (!shape || shape->kind != SAM2_JSON_ARRAY)
        return fail_entry(checkpoint, entry, "has no shape", error);
    if (shape->n_children > SAM2_MAX_DIMS)
        return fail_entry(checkpoint, entry, "has more than 4 dimensions", error);
    for (const Sam2JsonValue *side = shape->first; side; side = side->next) {
        if (!side->is_integer || side->integer < 0)
            return fail_entry(checkpoint, entry, "has a shape that is not of whole numbers", error);
        tensor->shape[tensor->n_dims++] = side->integer;
    }
    return SAM2_OK;
}

static Sam2Status read_dtype(const Sam2Checkpoint *checkpoint, const Sam2JsonValue *entry,
                             Sam2CheckpointTensor *tensor, Sam2Error *error)
{
    const Sam2JsonValue *dtype = sam2_json_member(entry, "dtype");
    if (!dtype || dtype->kind != SAM2_JSON_STRING)
        return fail_entry(checkpoint, entry, "has no dtype", error);
    for (size_t i = 0; i < N_DTYPES; i++) {
        if (strcmp(dtype->string, dtype_names[i].name) == 0) {
            tensor->dtype = dtype_names[i].dtype;
            return SAM2_OK;
        }
    }
    return sam2_fail(error, SAM2_ERR_UNSUPPORTED,
                     "%s: tensor \"%.100s\" is of type %.20s; only F32, F16 and BF16 are read",
                     checkpoint->path, printable(entry->key), printable(dtype->string));
}

static Sam2Status read_entry(Sam2Checkpoint *checkpoint, const Sam2JsonValue *entry, size_t start,
                             Span *span, Sam2Error *error)
{
    Sam2CheckpointTensor tensor = {0};
    const Sam2JsonValue *offsets = sam2_json_member(entry, "data_offsets");
    const Sam2JsonValue *begin = offsets ? offsets->first : NULL;
    const Sam2JsonValue *end = begin ? begin->next : NULL;
    SAM2_TRY(read_dtype(checkpoint, entry, &tensor, error));
    SAM2_TRY(read_shape(checkpoint, entry, &tensor, error));
    if (!end || end->next || !begin->is_integer || !end->is_integer)
        return fail_entry(checkpoint, entry, "has no pair of data_offsets", error);
    uint64_t room = checkpoint->map_size - start;
    if (begin->integer < 0 || end->integer < begin->integer || (uint64_t)end->integer > room)
        return fail_entry(checkpoint, entry,
                          "lies outside of the file; the file is damaged or was cut short", error);
    int64_t count = sam2_count_elements(tensor.n_dims, tensor.shape);
    tensor.size = (size_t)(end->integer - begin->integer);
    if (count < 0 || (uint64_t)count * sam2_dtype_size(tensor.dtype) != tensor.size)
        return fail_entry(checkpoint, entry, "has a shape that does not fit its size", error);
    tensor.data = checkpoint->map + start + begin->integer;
    *span = (Span){(uint64_t)begin->integer, (uint64_t)end->integer, entry->key};
    return sam2_checkpoint_add(checkpoint, entry->key, strlen(entry->key), &tensor, error);
}

static Sam2Status read_metadata(Sam2Checkpoint *checkpoint, const Sam2JsonValue *metadata,
                                Sam2Error *error)
{
    if (metadata->kind != SAM2_JSON_OBJECT)
        return sam2_fail(error, SAM2_ERR_FORMAT, "%s: __metadata__ is not a map of strings",
                         checkpoint->path);
    for (const Sam2JsonValue *text = metadata->first; text; text = text->next) {
        if (text->kind != SAM2_JSON_STRING)
            return sam2_fail(error, SAM2_ERR_FORMAT, "%s: __metadata__ is not a map of strings",
                             checkpoint->path);
        SAM2_TRY(sam2_checkpoint_add_metadata(checkpoint, text->key, text->string, error));
    }
    return SAM2_OK;
}

static int compare_spans(const void *a, const void *b)
{
    const Span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

// The format wants the tensors to fill the data without a gap.
static Sam2Status check_spans(const Sam2Checkpoint *checkpoint, Span *spans, size_t start,
                              Sam2Error *error)
{
    uint64_t at = 0;
    qsort(spans, checkpoint->n_tensors, sizeof *spans, compare_spans);
    for (size_t i = 0; i < checkpoint->n_tensors; i++) {
        if (spans[i].begin != at)
            return sam2_fail(error, SAM2_ERR_FORMAT,
                             "%s: tensor \"%.100s\" %s; the file is damaged", checkpoint->path,
                             spans[i].name,
                             spans[i].begin < at ? "overlaps another" : "follows a gap");
        at = spans[i].end;
    }
    if (at != checkpoint->map_size - start)
        return sam2_fail(error, SAM2_ERR_FORMAT, "%s: %llu bytes follow the last tensor",
                         checkpoint->path, (unsigned long long)(checkpoint->map_size - start - at));
    return SAM2_OK;
}

static Sam2Status read_header(Sam2Checkpoint *checkpoint, const Sam2JsonValue *root, size_t start,
                              Sam2Error *error)
{
    if (root->n_children == 0 || root->n_children > SAM2_MAX_TENSORS)
        return sam2_fail(error, SAM2_ERR_FORMAT, "%s holds %zu tensors", checkpoint->path,
                         root->n_children);
    Span *spans = malloc(root->n_children * sizeof *spans);
    if (!spans)
        return sam2_fail_memory(error, root->n_children * sizeof *spans);
    Sam2Status status = SAM2_OK;
    for (const Sam2JsonValue *entry = root->first; entry && status == SAM2_OK; entry = entry->next)
        status = strcmp(entry->key, "__metadata__") == 0
                     ? read_metadata(checkpoint, entry, error)
                     : read_entry(checkpoint, entry, start, &spans[checkpoint->n_tensors], error);
    if (status == SAM2_OK)
        status = check_spans(checkpoint, spans, start, error);
    free(spans);
    return status;
}

Sam2Status sam2_safetensors_read(Sam2Checkpoint *checkpoint, Sam2Error *error)
{
    const char *path = checkpoint->path;
    uint64_t size = 0;
    for (int i = 7; i >= 0; i--)
        size = size << 8 | checkpoint->map[i];
    if (size > MAX_HEADER)
        return sam2_fail(error, SAM2_ERR_FORMAT,
                         "%s: a header of %llu bytes is more than the format allows", path,
                         (unsigned long long)size);
    if (size > checkpoint->map_size - 8)
        return sam2_fail(error, SAM2_ERR_FORMAT,
                         "%s ends inside its header: the file was cut short", path);
    size_t what_size = strlen(path) + sizeof ": header";
    char *what = malloc(what_size);
    if (!what)
        return sam2_fail_memory(error, what_size);
    snprintf(what, what_size, "%s: header", path);
    Sam2Json *json = NULL;
    Sam2Status status =
        sam2_json_parse(&json, (const char *)checkpoint->map + 8, (size_t)size, what, error);
    free(what);
    if (status == SAM2_OK)
        status = read_header(checkpoint, sam2_json_root(json), 8 + (size_t)size, error);
    sam2_json_free(&json);
    return status;
}

// ---- Writing -----------------------------------------------------------------------------------

typedef struct Writer {
    const char *path;
    FILE *file;
    char *temporary;
    float *values;
    uint16_t *halves;
    const Sam2SafetensorsParams *params;
    Sam2Error *error;
} Writer;

static Sam2Status fail_write(const Writer *w)
{
    return sam2_fail(w->error, SAM2_ERR_IO, "%s could not be written: %s", w->temporary,
                     strerror(errno));
}

// Writes the header to `out` or, where out is NULL, only counts it.
static size_t format_header(const Sam2SafetensorsParams *params, char *out)
{
    size_t n = 0, offset = 0, item = sam2_dtype_size(params->dtype);
    char text[160];
#define PUT(...)                                                                                   \
    do {                                                                                           \
        int length = snprintf(text, sizeof text, __VA_ARGS__);                                     \
        if (out)                                                                                   \
            memcpy(out + n, text, (size_t)length);                                                 \
        n += (size_t)length;                                                                       \
    } while (0)
#define PUT_STRING(string) n += sam2_json_quote(out ? out + n : NULL, string)
    PUT("{\"__metadata__\":{");
    for (size_t i = 0; i < params->n_metadata; i++) {
        PUT(i ? "," : "");
        PUT_STRING(params->metadata[i].key);
        PUT(":");
        PUT_STRING(params->metadata[i].value);
    }
    PUT("}");
    for (size_t i = 0; i < params->n_tensors; i++) {
        const Sam2CheckpointTensor *tensor = &params->tensors[i];
        PUT(",");
        PUT_STRING(tensor->name);
        PUT(":{\"dtype\":\"%s\",\"shape\":[", dtype_names[params->dtype].name);
        for (int d = 0; d < tensor->n_dims; d++)
            PUT(d ? ",%lld" : "%lld", (long long)tensor->shape[d]);
        size_t size = (size_t)sam2_count_elements(tensor->n_dims, tensor->shape) * item;
        PUT("],\"data_offsets\":[%zu,%zu]}", offset, offset + size);
        offset += size;
    }
    PUT("}");
#undef PUT_STRING
#undef PUT
    return n;
}

static Sam2Status write_header(Writer *w)
{
    size_t length = format_header(w->params, NULL), padded = (length + 7) & ~(size_t)7;
    char *header = malloc(8 + padded);
    if (!header)
        return sam2_fail_memory(w->error, 8 + padded);
    for (int i = 0; i < 8; i++)
        header[i] = (char)((uint64_t)padded >> 8 * i & 0xff);
    format_header(w->params, header + 8);
    memset(header + 8 + length, ' ', padded - length);
    bool written = fwrite(header, 1, 8 + padded, w->file) == 8 + padded;
    free(header);
    return written ? SAM2_OK : fail_write(w);
}

// Checks the values and brings them to the file's type.
static Sam2Status convert_chunk(Writer *w, size_t index, size_t n)
{
    Sam2DType dtype = w->params->dtype;
    for (size_t i = 0; i < n; i++) {
        float value = w->values[i], kept = value;
        if (dtype == SAM2_F16)
            kept = sam2_f32_from_f16(w->halves[i] = sam2_f16_from_f32(value));
        else if (dtype == SAM2_BF16)
            kept = sam2_f32_from_bf16(w->halves[i] = sam2_bf16_from_f32(value));
        if (!isfinite(kept))
            return sam2_fail(w->error, SAM2_ERR_UNSUPPORTED,
                             "%s was not written: tensor \"%s\" holds %g, which %s cannot hold",
                             w->path, w->params->tensors[index].name, (double)value,
                             sam2_dtype_name(dtype));
    }
    return SAM2_OK;
}

static Sam2Status write_tensor(Writer *w, size_t index)
{
    const Sam2CheckpointTensor *tensor = &w->params->tensors[index];
    int64_t count = sam2_count_elements(tensor->n_dims, tensor->shape);
    for (int64_t first = 0; first < count; first += FILL_CHUNK) {
        int64_t n = count - first < FILL_CHUNK ? count - first : FILL_CHUNK;
        SAM2_TRY(w->params->fill(w->params->user, index, first, n, w->values, w->error));
        SAM2_TRY(convert_chunk(w, index, (size_t)n));
        const void *data = w->params->dtype == SAM2_F32 ? (void *)w->values : (void *)w->halves;
        size_t item = sam2_dtype_size(w->params->dtype);
        if (fwrite(data, item, (size_t)n, w->file) != (size_t)n)
            return fail_write(w);
    }
    return SAM2_OK;
}

// A file beside `path` that nobody else has.
static Sam2Status open_temporary(Writer *w)
{
    size_t size = strlen(w->path) + 40;
    w->temporary = malloc(size);
    if (!w->temporary)
        return sam2_fail_memory(w->error, size);
    int fd = -1;
    for (int i = 0; i < 100; i++) {
        snprintf(w->temporary, size, "%s.%ld-%d.part", w->path, (long)getpid(), i);
        fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            break;
    }
    w->file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (w->file)
        return SAM2_OK;
    Sam2Status status = fail_write(w);
    if (fd >= 0) {
        close(fd);
        unlink(w->temporary);
    }
    return status;
}

static Sam2Status write_content(Writer *w)
{
    w->values = malloc(FILL_CHUNK * sizeof *w->values);
    w->halves = malloc(FILL_CHUNK * sizeof *w->halves);
    if (!w->values || !w->halves)
        return sam2_fail_memory(w->error, FILL_CHUNK * sizeof *w->values);
    SAM2_TRY(write_header(w));
    for (size_t i = 0; i < w->params->n_tensors; i++)
        SAM2_TRY(write_tensor(w, i));
    if (fflush(w->file) != 0 || fsync(fileno(w->file)) != 0)
        return fail_write(w);
    return SAM2_OK;
}

Sam2Status sam2_safetensors_write(const char *path, const Sam2SafetensorsParams *params,
                                  Sam2Error *error)
{
    Writer w = {.path = path, .params = params, .error = error};
    Sam2Status status = open_temporary(&w);
    if (status == SAM2_OK) {
        status = write_content(&w);
        if (fclose(w.file) != 0 && status == SAM2_OK)
            status = fail_write(&w);
        if (status == SAM2_OK && rename(w.temporary, path) != 0)
            status = sam2_fail(error, SAM2_ERR_IO, "%s could not be put in place: %s", path,
                               strerror(errno));
        if (status != SAM2_OK)
            unlink(w.temporary);
    }
    free(w.values);
    free(w.halves);
    free(w.temporary);
    return status;
}
