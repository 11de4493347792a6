// SPDX-License-Identifier: Apache-2.0
// The ZIP container of torch's .pt files: stored entries of a file in memory.
#include "model/zip.h"

#include <stdlib.h>
#include <string.h>

#include "model/checkpoint_private.h"

#define END_SIZE 22
#define END64_SIZE 56
#define LOCATOR64_SIZE 20
#define CENTRAL_SIZE 46
#define LOCAL_SIZE 30
#define MAX_COMMENT 65535

#define END_MAGIC 0x06054b50u
#define END64_MAGIC 0x06064b50u
#define LOCATOR64_MAGIC 0x07064b50u
#define CENTRAL_MAGIC 0x02014b50u
#define LOCAL_MAGIC 0x04034b50u

typedef struct Directory {
    uint64_t n_entries, size, offset;
} Directory;

typedef struct Source {
    const char *path;
    const uint8_t *data;
    size_t size;
    Sam2Error *error;
} Source;

static uint64_t get(const uint8_t *p, int n_bytes)
{
    uint64_t value = 0;
    for (int i = n_bytes - 1; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static Sam2Status fail_zip(const Source *s, const char *problem)
{
    return sam2_fail(s->error, SAM2_ERR_FORMAT, "%s: %s; the file is damaged or was cut short",
                     s->path, problem);
}

static bool inside(uint64_t offset, uint64_t size, uint64_t total)
{
    return offset <= total && size <= total - offset;
}

// The directory's place: from the last end record, or from the ZIP64 record that it points to.
static Sam2Status find_directory(const Source *s, Directory *out)
{
    const uint8_t *end = NULL;
    for (size_t back = END_SIZE; back <= s->size && back <= END_SIZE + MAX_COMMENT; back++) {
        const uint8_t *at = s->data + s->size - back;
        if (get(at, 4) == END_MAGIC && get(at + 20, 2) == back - END_SIZE) {
            end = at;
            break;
        }
    }
    if (!end)
        return fail_zip(s, "the directory at the end of the archive is missing");
    size_t end_at = (size_t)(end - s->data), limit = end_at;
    *out = (Directory){get(end + 10, 2), get(end + 12, 4), get(end + 16, 4)};
    if (end_at >= LOCATOR64_SIZE && get(end - LOCATOR64_SIZE, 4) == LOCATOR64_MAGIC) {
        uint64_t at = get(end - LOCATOR64_SIZE + 8, 8);
        if (!inside(at, END64_SIZE, end_at - LOCATOR64_SIZE) || get(s->data + at, 4) != END64_MAGIC)
            return fail_zip(s, "the ZIP64 record is missing");
        *out = (Directory){get(s->data + at + 32, 8), get(s->data + at + 40, 8),
                           get(s->data + at + 48, 8)};
        limit = (size_t)at;
    }
    if (!inside(out->offset, out->size, limit))
        return fail_zip(s, "the archive's directory lies outside of the file");
    if (out->n_entries == 0 || out->n_entries > out->size / CENTRAL_SIZE)
        return fail_zip(s, "the archive's directory has an impossible number of entries");
    return SAM2_OK;
}

// Replaces what is 0xffffffff in the directory by the values of the ZIP64 field.
static Sam2Status read_zip64_field(const Source *s, const uint8_t *extra, size_t extra_size,
                                   uint64_t *values[], int n_values)
{
    bool wanted = false;
    for (int i = 0; i < n_values; i++)
        wanted |= *values[i] == 0xffffffffu;
    while (wanted && extra_size >= 4) {
        size_t size = (size_t)get(extra + 2, 2);
        if (size > extra_size - 4)
            break;
        if (get(extra, 2) == 1) {
            const uint8_t *p = extra + 4;
            for (int i = 0; i < n_values; i++) {
                if (*values[i] != 0xffffffffu)
                    continue;
                if (size < 8)
                    return fail_zip(s, "a ZIP64 field is too short");
                *values[i] = get(p, 8);
                p += 8;
                size -= 8;
            }
            return SAM2_OK;
        }
        extra += 4 + size;
        extra_size -= 4 + size;
    }
    return wanted ? fail_zip(s, "a ZIP64 field is missing") : SAM2_OK;
}

// Reads the directory's record at `p` and the local header that it points to.
static Sam2Status read_entry(const Source *s, const uint8_t *p, size_t left, uint64_t directory,
                             Sam2ZipEntry *out, size_t *used)
{
    if (left < CENTRAL_SIZE || get(p, 4) != CENTRAL_MAGIC)
        return fail_zip(s, "the archive's directory is broken");
    size_t name_length = (size_t)get(p + 28, 2), extra_size = (size_t)get(p + 30, 2);
    size_t record = CENTRAL_SIZE + name_length + extra_size + (size_t)get(p + 32, 2);
    if (record > left)
        return fail_zip(s, "the archive's directory is broken");
    uint64_t packed = get(p + 20, 4), size = get(p + 24, 4), offset = get(p + 42, 4);
    uint64_t *values[] = {&size, &packed, &offset};
    SAM2_TRY(read_zip64_field(s, p + CENTRAL_SIZE + name_length, extra_size, values, 3));
    if (get(p + 8, 2) & 1)
        return sam2_fail(s->error, SAM2_ERR_UNSUPPORTED, "%s is an encrypted archive", s->path);
    if (get(p + 10, 2) != 0 || packed != size)
        return sam2_fail(s->error, SAM2_ERR_UNSUPPORTED,
                         "%s is a compressed archive; torch stores its files without compression",
                         s->path);
    if (!inside(offset, LOCAL_SIZE, directory) || get(s->data + offset, 4) != LOCAL_MAGIC)
        return fail_zip(s, "an entry of the archive lies outside of the file");
    const uint8_t *local = s->data + offset;
    uint64_t header = LOCAL_SIZE + get(local + 26, 2) + get(local + 28, 2);
    if (!inside(offset, header, directory) || !inside(offset + header, size, directory))
        return fail_zip(s, "an entry of the archive lies outside of the file");
    if (get(local + 26, 2) != name_length ||
        memcmp(local + LOCAL_SIZE, p + CENTRAL_SIZE, name_length) != 0)
        return fail_zip(s, "an entry of the archive has two names");
    *out = (Sam2ZipEntry){
        .name = (const char *)p + CENTRAL_SIZE,
        .name_length = name_length,
        .header = local,
        .data = local + header,
        .size = (size_t)size,
        .crc = (uint32_t)get(p + 16, 4),
    };
    *used = record;
    return SAM2_OK;
}

static int compare_places(const void *a, const void *b)
{
    const Sam2ZipEntry *x = a, *y = b;
    return x->header < y->header ? -1 : x->header > y->header;
}

static int compare_names(const void *a, const void *b)
{
    const Sam2ZipEntry *x = a, *y = b;
    size_t n = x->name_length < y->name_length ? x->name_length : y->name_length;
    int order = memcmp(x->name, y->name, n);
    return order ? order : (x->name_length > y->name_length) - (x->name_length < y->name_length);
}

Sam2Status sam2_zip_read(Sam2Zip *out, const char *path, const uint8_t *data, size_t size,
                         Sam2Error *error)
{
    Source s = {path, data, size, error};
    Directory directory;
    *out = (Sam2Zip){.path = path};
    SAM2_TRY(find_directory(&s, &directory));
    if (directory.n_entries > SAM2_MAX_TENSORS)
        return sam2_fail(error, SAM2_ERR_UNSUPPORTED, "%s holds more than %d files", path,
                         SAM2_MAX_TENSORS);
    out->entries = calloc((size_t)directory.n_entries, sizeof *out->entries);
    if (!out->entries)
        return sam2_fail_memory(error, (size_t)directory.n_entries * sizeof *out->entries);
    const uint8_t *p = data + directory.offset;
    size_t left = (size_t)directory.size, used;
    for (; out->n_entries < directory.n_entries; out->n_entries++, p += used, left -= used)
        SAM2_TRY(read_entry(&s, p, left, directory.offset, &out->entries[out->n_entries], &used));
    qsort(out->entries, out->n_entries, sizeof *out->entries, compare_places);
    for (size_t i = 1; i < out->n_entries; i++)
        if (out->entries[i - 1].data + out->entries[i - 1].size > out->entries[i].header)
            return fail_zip(&s, "entries of the archive overlap");
    qsort(out->entries, out->n_entries, sizeof *out->entries, compare_names);
    for (size_t i = 1; i < out->n_entries; i++)
        if (compare_names(&out->entries[i - 1], &out->entries[i]) == 0)
            return fail_zip(&s, "two entries of the archive have the same name");
    return SAM2_OK;
}

void sam2_zip_clear(Sam2Zip *zip)
{
    free(zip->entries);
    *zip = (Sam2Zip){0};
}

const Sam2ZipEntry *sam2_zip_find(const Sam2Zip *zip, const char *name, size_t name_length)
{
    Sam2ZipEntry key = {.name = name, .name_length = name_length};
    return bsearch(&key, zip->entries, zip->n_entries, sizeof *zip->entries, compare_names);
}

#define CRC_STEP 16

// Sixteen bytes at a time: table[k][b] is the checksum of b followed by k zero bytes.
uint32_t sam2_crc32(const uint8_t *data, size_t size)
{
    uint32_t table[CRC_STEP][256], crc = 0xffffffffu;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        table[0][i] = c;
    }
    for (int k = 1; k < CRC_STEP; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
    for (; size >= CRC_STEP; data += CRC_STEP, size -= CRC_STEP) {
        uint64_t low = get(data, 8) ^ crc, high = get(data + 8, 8);
        crc = 0;
        for (int k = 0; k < 8; k++)
            crc ^= table[15 - k][low >> 8 * k & 0xff] ^ table[7 - k][high >> 8 * k & 0xff];
    }
    for (; size > 0; data++, size--)
        crc = crc >> 8 ^ table[0][(crc ^ *data) & 0xff];
    return ~crc;
}

Sam2Status sam2_zip_check(const Sam2Zip *zip, const Sam2ZipEntry *entry, Sam2Error *error)
{
    if (sam2_crc32(entry->data, entry->size) == entry->crc)
        return SAM2_OK;
    int length = entry->name_length < 100 ? (int)entry->name_length : 100;
    return sam2_fail(error, SAM2_ERR_FORMAT,
                     "%s: the checksum of \"%.*s\" is wrong; the file is damaged", zip->path,
                     length, sam2_is_printable(entry->name, (size_t)length) ? entry->name : "?");
}
