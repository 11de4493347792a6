// SPDX-License-Identifier: Apache-2.0
// Saving and restoring the objects of a video.
//
// One block, little-endian: magic, version, the sizes that must agree, objects, CRC-32 of all
// before it. Memory is stored as bfloat16, which it was rounded to when it was made: nothing is
// lost.
#include "model/video.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC 0x5632534du // "MS2V"
#define VERSION 1u

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    uint32_t table[256], crc = 0xffffffffu;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++)
            table[i] = table[i] >> 1 ^ (0xedb88320u & (0u - (table[i] & 1)));
    }
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xff];
    return ~crc;
}

typedef struct Writer {
    uint8_t *data;
    size_t size, capacity;
    Sam2Status status;
} Writer;

static void write_bytes(Writer *writer, const void *data, size_t size)
{
    if (writer->status != SAM2_OK)
        return;
    if (writer->capacity - writer->size < size) {
        size_t capacity = 2 * writer->capacity + size + 4096;
        uint8_t *grown = realloc(writer->data, capacity);
        if (!grown) {
            writer->status = SAM2_ERR_MEMORY;
            return;
        }
        writer->data = grown;
        writer->capacity = capacity;
    }
    if (size)
        memcpy(writer->data + writer->size, data, size);
    writer->size += size;
}

static void write_i64(Writer *writer, int64_t value)
{
    write_bytes(writer, &value, sizeof value);
}

static void write_memory(Writer *writer, Sam2Backend *be, const Sam2Tensor *memory)
{
    int64_t n = memory->data ? sam2_tensor_count(memory) : 0;
    write_i64(writer, n);
    if (n == 0 || writer->status != SAM2_OK)
        return;
    float *host = malloc((size_t)n * sizeof *host);
    if (!host) {
        writer->status = SAM2_ERR_MEMORY;
        return;
    }
    writer->status = be->ops->download(be, host, memory->data, (size_t)n * sizeof *host);
    uint16_t *packed = (uint16_t *)host;
    for (int64_t i = 0; i < n; i++)
        packed[i] = sam2_bf16_from_f32(host[i]);
    write_bytes(writer, packed, (size_t)n * sizeof *packed);
    free(host);
}

static void write_outputs(Writer *writer, const Sam2Video *video, const Sam2OutputList *list)
{
    size_t side = (size_t)video->model->config.image_size / 4;
    size_t d = (size_t)video->model->config.d_model;
    write_i64(writer, list->n);
    for (int i = 0; i < list->n; i++) {
        const Sam2FrameOutput *output = list->items[i];
        write_i64(writer, output->frame);
        write_bytes(writer, &output->object_score, sizeof(float));
        write_bytes(writer, &output->iou, sizeof(float));
        write_i64(writer, output->pointer != NULL);
        if (output->pointer)
            write_bytes(writer, output->pointer, d * sizeof(float));
        write_bytes(writer, output->low_logits, side * side * sizeof(float));
        write_memory(writer, video->model->be, &output->memory);
    }
}

static void write_object(Writer *writer, const Sam2Video *video, const Sam2Object *object)
{
    write_i64(writer, object->id);
    write_i64(writer, object->n_prompts);
    for (int i = 0; i < object->n_prompts; i++) {
        const Sam2FramePrompt *prompt = &object->prompts[i];
        write_i64(writer, prompt->frame);
        write_i64(writer, prompt->is_mask);
        write_i64(writer, prompt->n);
        write_bytes(writer, prompt->xy, (size_t)prompt->n * 2 * sizeof(float));
        for (int k = 0; k < prompt->n; k++)
            write_i64(writer, prompt->labels[k]);
    }
    for (int i = 0; i < 2; i++) {
        write_outputs(writer, video, &object->outputs[i]);
        write_outputs(writer, video, &object->fresh[i]);
    }
    write_i64(writer, object->n_tracked);
    write_bytes(writer, object->tracked, (size_t)object->n_tracked);
}

static Sam2Status save(Sam2Video *video, Sam2Object *const *objects, int n_objects, void **data,
                       size_t *size, Sam2Error *error)
{
    Writer writer = {0};
    const Sam2Config *config = &video->model->config;
    *data = NULL;
    *size = 0;
    write_i64(&writer, MAGIC);
    write_i64(&writer, VERSION);
    write_i64(&writer, config->image_size);
    write_i64(&writer, config->d_model);
    write_i64(&writer, config->mem_dim);
    write_i64(&writer, video->params.width);
    write_i64(&writer, video->params.height);
    write_i64(&writer, video->params.n_frames);
    write_i64(&writer, n_objects);
    for (int i = 0; i < n_objects; i++)
        write_object(&writer, video, objects[i]);
    uint32_t crc = crc32_of(writer.data, writer.size);
    write_bytes(&writer, &crc, sizeof crc);
    if (writer.status != SAM2_OK) {
        free(writer.data);
        if (writer.status == SAM2_ERR_MEMORY)
            return sam2_fail_memory(error, writer.capacity);
        return sam2_video_finish(video, writer.status, error);
    }
    *data = writer.data;
    *size = writer.size;
    return SAM2_OK;
}

Sam2Status sam2_video_save(Sam2Video *video, void **data, size_t *size, Sam2Error *error)
{
    return save(video, video->objects, video->n_objects, data, size, error);
}

Sam2Status sam2_video_save_object(Sam2Video *video, int id, void **data, size_t *size,
                                  Sam2Error *error)
{
    Sam2Object *object = sam2_video_find(video, id);
    *data = NULL;
    *size = 0;
    if (!object)
        return sam2_fail(error, SAM2_ERR_ARGUMENT, "object %d does not exist", id);
    return save(video, &object, 1, data, size, error);
}

void sam2_free(void *data)
{
    free(data);
}

// ---- Restoring ---------------------------------------------------------------------------------

typedef struct Reader {
    const uint8_t *at, *end;
    Sam2Video *video; // gets the objects
    Sam2Error *error;
} Reader;

static Sam2Status fail_format(Reader *reader, const char *what)
{
    return sam2_fail(reader->error, SAM2_ERR_FORMAT, "saved video state: %s", what);
}

static Sam2Status read_bytes(Reader *reader, void *out, size_t size)
{
    if ((size_t)(reader->end - reader->at) < size)
        return fail_format(reader, "it ends too early");
    if (size)
        memcpy(out, reader->at, size);
    reader->at += size;
    return SAM2_OK;
}

// An integer of 0 to `limit`.
static Sam2Status read_count(Reader *reader, int64_t *out, int64_t limit, const char *what)
{
    SAM2_TRY(read_bytes(reader, out, sizeof *out));
    if (*out < 0 || *out > limit)
        return fail_format(reader, what);
    return SAM2_OK;
}

static Sam2Status read_memory(Reader *reader, Sam2FrameOutput *output)
{
    const Sam2Model *model = reader->video->model;
    Sam2Backend *be = model->be;
    int64_t h = model->fpn.top_size, n = 0, expected = h * h * model->config.mem_dim;
    SAM2_TRY(read_count(reader, &n, expected, "a memory of another model"));
    if (n == 0)
        return SAM2_OK;
    if (n != expected)
        return fail_format(reader, "a memory of another model");
    if ((size_t)(reader->end - reader->at) < (size_t)n * sizeof(uint16_t))
        return fail_format(reader, "it ends too early");
    float *host = malloc((size_t)n * sizeof *host);
    if (!host)
        return sam2_fail_memory(reader->error, (size_t)n * sizeof *host);
    for (int64_t i = 0; i < n; i++) {
        uint16_t value;
        memcpy(&value, reader->at + (size_t)i * sizeof value, sizeof value);
        host[i] = sam2_f32_from_bf16(value);
    }
    reader->at += (size_t)n * sizeof(uint16_t);
    Sam2Status status =
        sam2_backend_alloc(be, &output->memory, 2, (const int64_t[]){h * h, model->config.mem_dim});
    if (status == SAM2_OK)
        status = be->ops->upload(be, output->memory.data, host, (size_t)n * sizeof *host);
    free(host);
    if (status != SAM2_OK)
        return sam2_fail(reader->error, status, "%s", be->error.message);
    return SAM2_OK;
}

static Sam2Status read_output(Reader *reader, Sam2OutputList *list, bool by_frame)
{
    const Sam2Model *model = reader->video->model;
    int64_t side = model->config.image_size / 4, d = model->config.d_model;
    int64_t frame = 0, has_pointer = 0;
    float scores[2] = {0};
    SAM2_TRY(read_count(reader, &frame, reader->video->params.n_frames - 1,
                        "a frame outside the video"));
    SAM2_TRY(read_bytes(reader, scores, sizeof scores));
    SAM2_TRY(read_count(reader, &has_pointer, 1, "a damaged result"));
    if ((size_t)(reader->end - reader->at) < (size_t)(side * side) * sizeof(float))
        return fail_format(reader, "it ends too early");
    Sam2FrameOutput *output =
        sam2_output_new(frame, side * side, has_pointer ? d : 0, reader->error);
    if (!output)
        return SAM2_ERR_MEMORY;
    Sam2Status status = SAM2_OK;
    output->object_score = scores[0];
    output->iou = scores[1];
    if (has_pointer)
        SAM2_TRY_FAIL(read_bytes(reader, output->pointer, (size_t)d * sizeof(float)));
    SAM2_TRY_FAIL(read_bytes(reader, output->low_logits, (size_t)(side * side) * sizeof(float)));
    SAM2_TRY_FAIL(read_memory(reader, output));
    status = sam2_output_put(list, output, by_frame, model->be);
    if (status == SAM2_OK)
        return SAM2_OK;
    sam2_fail(reader->error, status, "%s", model->be->error.message);
fail:
    sam2_output_free(&output, model->be);
    return status;
}

static Sam2Status read_prompt(Reader *reader, Sam2Object *object)
{
    Sam2FramePrompt *prompt = &object->prompts[object->n_prompts];
    int64_t is_mask = 0, n = 0;
    SAM2_TRY(read_count(reader, &prompt->frame, reader->video->params.n_frames - 1,
                        "a frame outside the video"));
    SAM2_TRY(read_count(reader, &is_mask, 1, "a damaged prompt"));
    SAM2_TRY(read_count(reader, &n, reader->end - reader->at, "a damaged prompt"));
    prompt->is_mask = is_mask;
    prompt->n = (int)n;
    prompt->xy = malloc((size_t)(n + 1) * 2 * sizeof(float));
    prompt->labels = malloc((size_t)(n + 1) * sizeof(int));
    object->n_prompts++; // freed with the object from here on
    if (!prompt->xy || !prompt->labels)
        return sam2_fail_memory(reader->error, (size_t)n * 2 * sizeof(float));
    SAM2_TRY(read_bytes(reader, prompt->xy, (size_t)n * 2 * sizeof(float)));
    for (int64_t i = 0; i < n; i++) {
        int64_t label = 0;
        SAM2_TRY(read_count(reader, &label, 3, "a point with an unknown label"));
        prompt->labels[i] = (int)label;
    }
    return SAM2_OK;
}

static Sam2Status read_object(Reader *reader)
{
    Sam2Video *video = reader->video;
    int64_t id = 0, n = 0;
    bool made;
    Sam2Object *object;
    SAM2_TRY(read_bytes(reader, &id, sizeof id));
    if (id < INT32_MIN || id > INT32_MAX || sam2_video_find(video, (int)id))
        return fail_format(reader, "an object id that is impossible or there twice");
    SAM2_TRY(sam2_video_object(video, (int)id, &object, &made, reader->error));
    SAM2_TRY(read_count(reader, &n, (reader->end - reader->at) / 24, "a damaged object"));
    object->prompts = calloc((size_t)n + 1, sizeof *object->prompts);
    if (!object->prompts)
        return sam2_fail_memory(reader->error, (size_t)n * sizeof *object->prompts);
    object->prompts_capacity = (int)n + 1;
    for (int64_t i = 0; i < n; i++)
        SAM2_TRY(read_prompt(reader, object));
    for (int k = 0; k < 4; k++) {
        Sam2OutputList *list = k % 2 ? &object->fresh[k / 2] : &object->outputs[k / 2];
        SAM2_TRY(read_count(reader, &n, reader->end - reader->at, "a damaged object"));
        for (int64_t i = 0; i < n; i++)
            SAM2_TRY(read_output(reader, list, k == 0));
    }
    SAM2_TRY(read_count(reader, &n, reader->end - reader->at, "a damaged object"));
    if (n > 0) {
        object->tracked = malloc((size_t)n);
        if (!object->tracked)
            return sam2_fail_memory(reader->error, (size_t)n);
        object->n_tracked = n;
        SAM2_TRY(read_bytes(reader, object->tracked, (size_t)n));
        for (int64_t i = 0; i < n; i++)
            if (object->tracked[i] > SAM2_TRACKED_REVERSE)
                return fail_format(reader, "a damaged object");
    }
    return SAM2_OK;
}

static Sam2Status read_header(Reader *reader, int64_t *n_objects)
{
    const Sam2Video *video = reader->video;
    const Sam2Config *config = &video->model->config;
    const int64_t expected[] = {MAGIC,
                                VERSION,
                                config->image_size,
                                config->d_model,
                                config->mem_dim,
                                video->params.width,
                                video->params.height,
                                video->params.n_frames};
    static const char *const names[] = {"it is not one",
                                        "it is of another version of this library",
                                        "it is of a model with another input size",
                                        "it is of a model with another width",
                                        "it is of a model with another memory width",
                                        "the video's width differs",
                                        "the video's height differs",
                                        "the video's number of frames differs"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int64_t value = 0;
        SAM2_TRY(read_bytes(reader, &value, sizeof value));
        if (value != expected[i])
            return fail_format(reader, names[i]);
    }
    return read_count(reader, n_objects, reader->end - reader->at, "a damaged header");
}

// Objects of a block, in a video of their own; on failure it is empty.
static Sam2Status restore(Sam2Video *fresh, const void *data, size_t size, Sam2Error *error)
{
    uint32_t crc;
    int64_t n_objects = 0;
    if (!data || size < sizeof crc)
        return sam2_fail(error, SAM2_ERR_FORMAT, "saved video state: it is empty");
    const uint8_t *bytes = data;
    memcpy(&crc, bytes + size - sizeof crc, sizeof crc);
    Reader reader = {bytes, bytes + size - sizeof crc, fresh, error};
    Sam2Status status = read_header(&reader, &n_objects);
    if (status == SAM2_OK && crc != crc32_of(bytes, size - sizeof crc))
        status = fail_format(&reader, "it is damaged (checksum)");
    for (int64_t i = 0; status == SAM2_OK && i < n_objects; i++)
        status = read_object(&reader);
    if (status == SAM2_OK && reader.at != reader.end)
        status = fail_format(&reader, "there is more than expected");
    if (status != SAM2_OK)
        sam2_video_reset(fresh);
    return status;
}

Sam2Status sam2_video_restore(Sam2Video *video, const void *data, size_t size, Sam2Error *error)
{
    // The objects are built beside the old ones and swapped in at the end.
    Sam2Video fresh = {.model = video->model, .params = video->params};
    Sam2Status status = restore(&fresh, data, size, error);
    if (status == SAM2_OK) {
        sam2_video_reset(video);
        free(video->objects);
        free(video->ids);
        video->objects = fresh.objects;
        video->ids = fresh.ids;
        video->n_objects = fresh.n_objects;
        video->objects_capacity = fresh.objects_capacity;
        return SAM2_OK;
    }
    free(fresh.objects);
    free(fresh.ids);
    return status;
}

Sam2Status sam2_video_restore_object(Sam2Video *video, int id, const void *data, size_t size,
                                     Sam2Error *error)
{
    Sam2Video fresh = {.model = video->model, .params = video->params};
    Sam2Object *object = NULL;
    bool made;
    Sam2Status status = restore(&fresh, data, size, error);
    if (status == SAM2_OK && fresh.n_objects != 1)
        status =
            sam2_fail(error, SAM2_ERR_FORMAT, "saved video state: it is not of a single object");
    if (status == SAM2_OK)
        status = sam2_video_object(video, id, &object, &made, error);
    if (status == SAM2_OK) {
        // What is inside the two is exchanged; the old goes with `fresh`.
        Sam2Object old = *object;
        *object = *fresh.objects[0];
        object->id = id;
        *fresh.objects[0] = old;
    }
    sam2_video_reset(&fresh);
    free(fresh.objects);
    free(fresh.ids);
    return status;
}
