// SPDX-License-Identifier: Apache-2.0
// torch's .pt files: a ZIP archive with a pickle of the structure and an entry for each storage.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint_private.h"
#include "model/pickle.h"
#include "model/zip.h"

typedef struct Source {
    Sam2Checkpoint *checkpoint;
    Sam2Zip zip;
    const char *prefix; // the archive's folder with its slash
    size_t prefix_length;
    size_t gathered; // bytes copied out of tensors that are not contiguous
    Sam2Error *error;
} Source;

// A tensor in the state dict.
typedef struct Entry {
    const char *name;
    int name_length; // as far as it can be shown
    const Sam2PickleValue *key;
} Entry;

static const Sam2ZipEntry *find_entry(const Source *s, const char *folder, const char *name,
                                      size_t name_length)
{
    char path[512];
    size_t folder_length = strlen(folder);
    if (s->prefix_length + folder_length + name_length > sizeof path)
        return NULL;
    memcpy(path, s->prefix, s->prefix_length);
    memcpy(path + s->prefix_length, folder, folder_length);
    memcpy(path + s->prefix_length + folder_length, name, name_length);
    return sam2_zip_find(&s->zip, path, s->prefix_length + folder_length + name_length);
}

// The folder that holds data.pkl; all else is beside it.
static Sam2Status find_pickle(Source *s, const Sam2ZipEntry **out)
{
    static const char name[] = "/data.pkl";
    const size_t length = sizeof name - 1;
    *out = NULL;
    for (size_t i = 0; i < s->zip.n_entries; i++) {
        const Sam2ZipEntry *entry = &s->zip.entries[i];
        if (entry->name_length <= length ||
            memcmp(entry->name + entry->name_length - length, name, length) != 0)
            continue;
        if (*out)
            return sam2_fail(s->error, SAM2_ERR_FORMAT, "%s holds more than one data.pkl",
                             s->checkpoint->path);
        *out = entry;
        s->prefix = entry->name;
        s->prefix_length = entry->name_length - length + 1;
    }
    if (!*out)
        return sam2_fail(s->error, SAM2_ERR_FORMAT,
                         "%s is an archive, but not one that torch.save wrote: it has no data.pkl",
                         s->checkpoint->path);
    const Sam2ZipEntry *order = find_entry(s, "", "byteorder", 9);
    if (order && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return sam2_fail(s->error, SAM2_ERR_UNSUPPORTED, "%s was saved on a big-endian machine",
                         s->checkpoint->path);
    return sam2_zip_check(&s->zip, *out, s->error);
}

static Sam2Status fail_entry(const Source *s, const Entry *e, Sam2Status status,
                             const char *problem)
{
    return sam2_fail(s->error, status, "%s: tensor \"%.*s\" %s", s->checkpoint->path,
                     e->name_length, e->name, problem);
}

static const Sam2PickleValue *item(const Sam2PickleValue *tuple, int64_t index, Sam2PickleKind kind)
{
    if (tuple->kind != SAM2_PICKLE_TUPLE || index >= tuple->number ||
        tuple->items[index]->kind != kind)
        return NULL;
    return tuple->items[index];
}

// ('storage', type, key, device, count)
static Sam2Status read_storage(const Source *s, const Entry *e, const Sam2PickleValue *id,
                               Sam2DType *dtype, const Sam2ZipEntry **out)
{
    const Sam2PickleValue *tag = item(id, 0, SAM2_PICKLE_STRING);
    const Sam2PickleValue *type = item(id, 1, SAM2_PICKLE_GLOBAL);
    const Sam2PickleValue *key = item(id, 2, SAM2_PICKLE_STRING);
    const Sam2PickleValue *device = item(id, 3, SAM2_PICKLE_STRING);
    const Sam2PickleValue *count = item(id, 4, SAM2_PICKLE_INT);
    if (!tag || !sam2_pickle_is_string(tag, "storage") || !type || !key || !device || !count ||
        id->number != 5)
        return fail_entry(s, e, SAM2_ERR_FORMAT, "refers to its data in an unknown way");
    switch ((Sam2PickleGlobal)type->number) {
    case SAM2_PICKLE_FLOAT_STORAGE:
        *dtype = SAM2_F32;
        break;
    case SAM2_PICKLE_HALF_STORAGE:
        *dtype = SAM2_F16;
        break;
    case SAM2_PICKLE_BFLOAT16_STORAGE:
        *dtype = SAM2_BF16;
        break;
    default:
        return fail_entry(s, e, SAM2_ERR_FORMAT, "has an unknown storage type");
    }
    *out = find_entry(s, "data/", key->string, (size_t)key->number);
    if (!*out)
        return fail_entry(s, e, SAM2_ERR_FORMAT, "has no data in the archive");
    size_t n = (*out)->size / sam2_dtype_size(*dtype);
    if (count->number < 0 || (uint64_t)count->number != n ||
        n * sam2_dtype_size(*dtype) != (*out)->size)
        return fail_entry(s, e, SAM2_ERR_FORMAT, "does not have the size of its data");
    return SAM2_OK;
}

static bool is_contiguous(int n_dims, const int64_t *shape, const int64_t *strides)
{
    int64_t expected = 1;
    for (int i = n_dims - 1; i >= 0; i--) {
        if (shape[i] != 1 && strides[i] != expected)
            return false;
        expected *= shape[i];
    }
    return true;
}

// Copies a tensor whose elements are not in order, which the caller has found to be inside of its
// storage and no larger than it.
static Sam2Status gather(Source *s, Sam2CheckpointTensor *tensor, const uint8_t *first,
                         const int64_t *strides, const Entry *e)
{
    size_t item_size = sam2_dtype_size(tensor->dtype);
    int64_t shape[SAM2_MAX_DIMS] = {1, 1, 1, 1}, step[SAM2_MAX_DIMS] = {0};
    for (int i = 0; i < tensor->n_dims; i++) {
        shape[SAM2_MAX_DIMS - tensor->n_dims + i] = tensor->shape[i];
        step[SAM2_MAX_DIMS - tensor->n_dims + i] = strides[i] * (int64_t)item_size;
    }
    // Views of one storage may each be as large as all of it.
    s->gathered += tensor->size;
    if (s->gathered > s->checkpoint->map_size)
        return fail_entry(s, e, SAM2_ERR_FORMAT,
                          "and others are views that take more memory than the file");
    void *memory;
    SAM2_TRY(sam2_checkpoint_new_data(s->checkpoint, tensor->size, &memory, s->error));
    uint8_t *out = memory;
    for (int64_t a = 0; a < shape[0]; a++)
        for (int64_t b = 0; b < shape[1]; b++)
            for (int64_t c = 0; c < shape[2]; c++)
                for (int64_t d = 0; d < shape[3]; d++, out += item_size)
                    memcpy(out, first + a * step[0] + b * step[1] + c * step[2] + d * step[3],
                           item_size);
    tensor->data = memory;
    return SAM2_OK;
}

// Finds where the tensor's elements are, all of which must lie inside of the storage.
static Sam2Status place_tensor(Source *s, const Entry *e, const Sam2ZipEntry *storage,
                               Sam2CheckpointTensor *tensor, int64_t offset, const int64_t *strides)
{
    int64_t n = (int64_t)(storage->size / sam2_dtype_size(tensor->dtype));
    int64_t count = sam2_count_elements(tensor->n_dims, tensor->shape), last = offset;
    if (count < 0 || count > n || offset < 0 || offset > n)
        return fail_entry(s, e, SAM2_ERR_FORMAT, "is larger than its data");
    for (int i = 0; i < tensor->n_dims && count > 0; i++) {
        int64_t span;
        if (strides[i] < 0 || __builtin_mul_overflow(tensor->shape[i] - 1, strides[i], &span) ||
            __builtin_add_overflow(last, span, &last))
            return fail_entry(s, e, SAM2_ERR_FORMAT, "has impossible strides");
    }
    if (count > 0 && last >= n)
        return fail_entry(s, e, SAM2_ERR_FORMAT, "is larger than its data");
    tensor->size = (size_t)count * sam2_dtype_size(tensor->dtype);
    const uint8_t *first = storage->data + (size_t)offset * sam2_dtype_size(tensor->dtype);
    tensor->data = first;
    if (count == 0 || is_contiguous(tensor->n_dims, tensor->shape, strides))
        return SAM2_OK;
    return gather(s, tensor, first, strides, e);
}

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])
static Sam2Status read_tensor(Source *s, const Entry *e, const Sam2PickleValue *args)
{
    const Sam2PickleValue *id = item(args, 0, SAM2_PICKLE_PERSISTENT);
    const Sam2PickleValue *offset = item(args, 1, SAM2_PICKLE_INT);
    const Sam2PickleValue *shape = item(args, 2, SAM2_PICKLE_TUPLE);
    const Sam2PickleValue *strides = item(args, 3, SAM2_PICKLE_TUPLE);
    if (!id || !offset || !shape || !strides || args->number < 6 || args->number > 7 ||
        shape->number != strides->number)
        return fail_entry(s, e, SAM2_ERR_FORMAT, "is described in an unknown way");
    if (args->number == 7)
        return fail_entry(s, e, SAM2_ERR_UNSUPPORTED, "is a conjugated or negated view");
    if (shape->number > SAM2_MAX_DIMS)
        return fail_entry(s, e, SAM2_ERR_SHAPE, "has more than 4 dimensions");
    Sam2CheckpointTensor tensor = {.n_dims = (int)shape->number};
    int64_t stride[SAM2_MAX_DIMS];
    for (int i = 0; i < tensor.n_dims; i++) {
        const Sam2PickleValue *side = item(shape, i, SAM2_PICKLE_INT);
        const Sam2PickleValue *step = item(strides, i, SAM2_PICKLE_INT);
        if (!side || !step)
            return fail_entry(s, e, SAM2_ERR_FORMAT, "has a shape that is not of whole numbers");
        tensor.shape[i] = side->number;
        stride[i] = step->number;
    }
    const Sam2ZipEntry *storage;
    SAM2_TRY(read_storage(s, e, id->items[0], &tensor.dtype, &storage));
    SAM2_TRY(place_tensor(s, e, storage, &tensor, offset->number, stride));
    return sam2_checkpoint_add(s->checkpoint, e->key->string, (size_t)e->key->number, &tensor,
                               s->error);
}

// Values of a state dict that are no tensors are of no use, and left alone.
static Sam2Status read_value(Source *s, const Sam2PickleValue *key, const Sam2PickleValue *value)
{
    if (value->kind != SAM2_PICKLE_CALL)
        return SAM2_OK;
    if (key->kind != SAM2_PICKLE_STRING)
        return sam2_fail(s->error, SAM2_ERR_FORMAT, "%s: a tensor has no name",
                         s->checkpoint->path);
    size_t shown = key->number < 100 ? (size_t)key->number : 100;
    Entry e = {"?", 1, key};
    if (sam2_is_printable(key->string, shown)) {
        e.name = key->string;
        e.name_length = (int)shown;
    }
    // _rebuild_parameter(tensor, requires_grad, hooks)
    if (value->items[0]->number == SAM2_PICKLE_REBUILD_PARAMETER) {
        value = item(value->items[1], 0, SAM2_PICKLE_CALL);
        if (!value)
            return fail_entry(s, &e, SAM2_ERR_FORMAT, "is described in an unknown way");
    }
    if (value->items[0]->number != SAM2_PICKLE_REBUILD_TENSOR)
        return fail_entry(s, &e, SAM2_ERR_FORMAT, "is described in an unknown way");
    return read_tensor(s, &e, value->items[1]);
}

// The state dict is the value of "model", or all of it.
static Sam2Status read_state(Source *s, const Sam2PickleValue *root)
{
    const Sam2PickleValue *model = sam2_pickle_find(root, "model");
    const Sam2PickleValue *state = model && model->kind == SAM2_PICKLE_DICT ? model : root;
    if (state->kind != SAM2_PICKLE_DICT)
        return sam2_fail(s->error, SAM2_ERR_FORMAT, "%s holds no state dict", s->checkpoint->path);
    for (const Sam2PicklePair *pair = state->first; pair; pair = pair->next)
        SAM2_TRY(read_value(s, pair->key, pair->value));
    for (size_t i = 0; i < s->zip.n_entries; i++)
        SAM2_TRY(sam2_zip_check(&s->zip, &s->zip.entries[i], s->error));
    return SAM2_OK;
}

Sam2Status sam2_pt_read(Sam2Checkpoint *checkpoint, Sam2Error *error)
{
    Source s = {.checkpoint = checkpoint, .error = error};
    Sam2Pickle *pickle = NULL;
    const Sam2ZipEntry *entry;
    char what[512];
    snprintf(what, sizeof what, "%.400s: data.pkl", checkpoint->path);
    Sam2Status status =
        sam2_zip_read(&s.zip, checkpoint->path, checkpoint->map, checkpoint->map_size, error);
    if (status == SAM2_OK)
        status = find_pickle(&s, &entry);
    if (status == SAM2_OK)
        status = sam2_pickle_read(&pickle, entry->data, entry->size, what, error);
    if (status == SAM2_OK)
        status = read_state(&s, sam2_pickle_root(pickle));
    sam2_pickle_free(&pickle);
    sam2_zip_clear(&s.zip);
    return status;
}
