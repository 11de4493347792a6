// SPDX-License-Identifier: Apache-2.0
// Makes the seeded weights that the reference tensors were computed with.
#include "tests/seeded.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/safetensors.h"
#include "model/status.h"

typedef struct Distribution {
    uint64_t base;
    double mean, spread;
} Distribution;

static Distribution make_distribution(const char *name, uint64_t seed, double mean, double std)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return (Distribution){hash + seed * 0x9E3779B97F4A7C15u, mean, std * sqrt(3)};
}

static float draw(const Distribution *d, uint64_t index)
{
    uint64_t z = d->base + index + 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    double u = (double)(z >> 40) / 16777216.0;
    return (float)(d->mean + d->spread * (2 * u - 1));
}

float seeded_value(const char *name, uint64_t seed, double mean, double std, uint64_t index)
{
    Distribution d = make_distribution(name, seed, mean, std);
    return draw(&d, index);
}

static Sam2Status fill(void *user, size_t index, int64_t first, int64_t n, float *out,
                       Sam2Error *error)
{
    const Distribution *d = (const Distribution *)user + index;
    for (int64_t i = 0; i < n; i++)
        out[i] = draw(d, (uint64_t)(first + i));
    return SAM2_OK;
}

static Sam2Status read_text(const char *path, char **out, Sam2Error *error)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return sam2_fail(error, SAM2_ERR_IO, "%s: %s", path, strerror(errno));
    size_t capacity = 1 << 20;
    char *text = calloc(1, capacity + 1);
    size_t size = text ? fread(text, 1, capacity, file) : 0;
    fclose(file);
    if (!text)
        return sam2_fail_memory(error, capacity);
    if (size == 0 || size == capacity) {
        free(text);
        return sam2_fail(error, SAM2_ERR_IO, "%s could not be read", path);
    }
    *out = text;
    return SAM2_OK;
}

// The text of the object behind "config", or NULL. Its strings hold no braces.
static char *cut_config(const char *text)
{
    const char *start = strstr(text, "\"config\":");
    start = start ? strchr(start, '{') : NULL;
    int depth = 0;
    for (const char *c = start; c && *c; c++) {
        depth += (*c == '{') - (*c == '}');
        if (depth == 0)
            return strndup(start, (size_t)(c - start) + 1);
    }
    return NULL;
}

static bool read_tensors(const Sam2JsonValue *root, Sam2CheckpointTensor *tensors,
                         Distribution *distributions)
{
    const Sam2JsonValue *seed = sam2_json_member(root, "seed");
    const Sam2JsonValue *entry = sam2_json_member(root, "tensors")->first;
    for (size_t i = 0; entry; entry = entry->next, i++) {
        const Sam2JsonValue *name = sam2_json_member(entry, "name");
        const Sam2JsonValue *shape = sam2_json_member(entry, "shape");
        const Sam2JsonValue *mean = sam2_json_member(entry, "mean");
        const Sam2JsonValue *std = sam2_json_member(entry, "std");
        if (!seed || !name || !name->string || !shape || shape->n_children > SAM2_MAX_DIMS ||
            !mean || !std)
            return false;
        tensors[i].name = name->string;
        for (const Sam2JsonValue *side = shape->first; side; side = side->next)
            tensors[i].shape[tensors[i].n_dims++] = side->integer;
        distributions[i] =
            make_distribution(name->string, (uint64_t)seed->integer, mean->number, std->number);
    }
    return true;
}

Sam2Status seeded_write(const char *model_json, const char *out, Sam2Error *error)
{
    Sam2Status status;
    char *text = NULL, *config = NULL;
    Sam2Json *json = NULL;
    Sam2CheckpointTensor *tensors = NULL;
    Distribution *distributions = NULL;
    SAM2_TRY_FAIL(read_text(model_json, &text, error));
    SAM2_TRY_FAIL(sam2_json_parse(&json, text, strlen(text), model_json, error));
    const Sam2JsonValue *list = sam2_json_member(sam2_json_root(json), "tensors");
    size_t n = list ? list->n_children : 0;
    bool described = n > 0 && strstr(text, "\"config\":");
    config = cut_config(text);
    tensors = calloc(n + 1, sizeof *tensors);
    distributions = calloc(n + 1, sizeof *distributions);
    if (described && (!config || !tensors || !distributions)) {
        status = sam2_fail_memory(error, n * sizeof *tensors);
        goto fail;
    }
    if (!described || !read_tensors(sam2_json_root(json), tensors, distributions)) {
        status = sam2_fail(error, SAM2_ERR_FORMAT, "%s does not describe a model", model_json);
        goto fail;
    }
    const Sam2SafetensorsMetadata metadata[] = {{"format", "pt"}, {"masklet.config", config}};
    status = sam2_safetensors_write(out,
                                    &(Sam2SafetensorsParams){
                                        .tensors = tensors,
                                        .n_tensors = n,
                                        .dtype = SAM2_F32,
                                        .metadata = metadata,
                                        .n_metadata = 2,
                                        .fill = fill,
                                        .user = distributions,
                                    },
                                    error);
fail:
    free(tensors);
    free(distributions);
    free(config);
    sam2_json_free(&json);
    free(text);
    return status;
}
