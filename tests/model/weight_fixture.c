// SPDX-License-Identifier: Apache-2.0
// Weight files for tests: bytes put together by hand, temporary files, what opening them gives.
#include "tests/model/weight_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "model/zip.h"

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

void bytes_put(Bytes *bytes, const void *data, size_t size)
{
    if (bytes->size + size > bytes->capacity) {
        bytes->capacity = (bytes->size + size) * 2;
        bytes->data = realloc(bytes->data, bytes->capacity);
        if (!bytes->data)
            die("realloc");
    }
    if (size > 0)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void bytes_put_text(Bytes *bytes, const char *text)
{
    bytes_put(bytes, text, strlen(text));
}

void bytes_put_int(Bytes *bytes, uint64_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++, value >>= 8) {
        uint8_t byte = (uint8_t)value;
        bytes_put(bytes, &byte, 1);
    }
}

void bytes_clear(Bytes *bytes)
{
    free(bytes->data);
    *bytes = (Bytes){0};
}

Bytes read_file(const char *path)
{
    Bytes bytes = {0};
    uint8_t part[65536];
    FILE *file = fopen(path, "rb");
    if (!file)
        die(path);
    for (size_t n = fread(part, 1, sizeof part, file); n > 0; n = fread(part, 1, sizeof part, file))
        bytes_put(&bytes, part, n);
    fclose(file);
    return bytes;
}

void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        die(path);
}

static char folder[256];

static void remove_folder(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(folder);
}

const char *temporary_path(const char *name)
{
    static char paths[4][512];
    static int next;
    if (!folder[0]) {
        // Some tests write a file a hundred thousand times, which a disk need not see.
        const char *base = getenv("TMPDIR");
        if (!base)
            base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(folder, sizeof folder, "%.200s/masklet-test-XXXXXX", base);
        if (!mkdtemp(folder))
            die(folder);
        atexit(remove_folder);
    }
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void zip_add(Zip *zip, const char *name, const void *data, size_t size)
{
    ZipEntry *entry = &zip->entries[zip->n_entries++];
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->offset = zip->bytes.size;
    entry->size = size;
    entry->crc = sam2_crc32(data, size);
    bytes_put(&zip->bytes, "PK\3\4\0\0\0\0\0\0\0\0\0\0", 14);
    bytes_put_int(&zip->bytes, entry->crc, 4);
    bytes_put_int(&zip->bytes, size, 4);
    bytes_put_int(&zip->bytes, size, 4);
    bytes_put_int(&zip->bytes, strlen(entry->name), 2);
    bytes_put_int(&zip->bytes, 0, 2);
    bytes_put_text(&zip->bytes, entry->name);
    bytes_put(&zip->bytes, data, size);
}

void zip_finish(Zip *zip)
{
    zip->directory = zip->bytes.size;
    for (int i = 0; i < zip->n_entries; i++) {
        ZipEntry *entry = &zip->entries[i];
        entry->central = zip->bytes.size;
        bytes_put(&zip->bytes, "PK\1\2\0\0\0\0\0\0\0\0\0\0\0\0", 16);
        bytes_put_int(&zip->bytes, entry->crc, 4);
        bytes_put_int(&zip->bytes, zip->zip64 ? UINT32_MAX : entry->size, 4);
        bytes_put_int(&zip->bytes, zip->zip64 ? UINT32_MAX : entry->size, 4);
        bytes_put_int(&zip->bytes, strlen(entry->name), 2);
        bytes_put_int(&zip->bytes, zip->zip64 ? 5 + 28 : 0, 2);
        bytes_put_int(&zip->bytes, 0, 10);
        bytes_put_int(&zip->bytes, zip->zip64 ? UINT32_MAX : entry->offset, 4);
        bytes_put_text(&zip->bytes, entry->name);
        if (zip->zip64) {
            bytes_put(&zip->bytes, "\x99\x99\1\0x\1\0\x18\0", 9); // another field comes first
            bytes_put_int(&zip->bytes, entry->size, 8);
            bytes_put_int(&zip->bytes, entry->size, 8);
            bytes_put_int(&zip->bytes, entry->offset, 8);
        }
    }
    size_t end = zip->bytes.size;
    bytes_put(&zip->bytes, "PK\5\6\0\0\0\0", 8);
    bytes_put_int(&zip->bytes, (uint64_t)zip->n_entries, 2);
    bytes_put_int(&zip->bytes, (uint64_t)zip->n_entries, 2);
    bytes_put_int(&zip->bytes, end - zip->directory, 4);
    bytes_put_int(&zip->bytes, zip->directory, 4);
    bytes_put_int(&zip->bytes, 0, 2);
}

void zip_clear(Zip *zip)
{
    bytes_clear(&zip->bytes);
    *zip = (Zip){0};
}

Bytes make_safetensors(const char *header, size_t data_size)
{
    Bytes bytes = {0};
    bytes_put_int(&bytes, strlen(header), 8);
    bytes_put_text(&bytes, header);
    for (size_t i = 0; i < data_size; i++)
        bytes_put(&bytes, "", 1);
    return bytes;
}

void limit_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu", &pages) != 1)
        die("/proc/self/statm");
    fclose(file);
    rlim_t limit = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)256 << 20);
    if (setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}) != 0)
        die("setrlimit");
#endif
}

static void hash(uint64_t *state, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *state = (*state ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
}

static Sam2Status read_all(const Sam2Checkpoint *checkpoint, Outcome *out)
{
    Sam2Status status = SAM2_OK;
    for (size_t i = 0; i < sam2_checkpoint_n_tensors(checkpoint) && status == SAM2_OK; i++) {
        const Sam2CheckpointTensor *tensor = sam2_checkpoint_tensor(checkpoint, i);
        size_t n = tensor->size / sam2_dtype_size(tensor->dtype);
        float *values = malloc((n + 1) * sizeof *values);
        if (!values)
            die("malloc");
        status =
            sam2_checkpoint_read_f32(tensor, values, sam2_checkpoint_path(checkpoint), &out->error);
        if (status == SAM2_OK) {
            hash(&out->hash, tensor->name, strlen(tensor->name));
            hash(&out->hash, tensor->shape, (size_t)tensor->n_dims * sizeof *tensor->shape);
            hash(&out->hash, values, n * sizeof *values);
        }
        free(values);
    }
    return status;
}

Outcome try_file(const char *path, bool with_config)
{
    Outcome out = {.hash = 0xcbf29ce484222325u};
    Sam2Checkpoint *checkpoint = NULL;
    Sam2Config config;
    struct timespec start, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    out.status = sam2_checkpoint_open(&checkpoint, path, &out.error);
    if (out.status != SAM2_OK && checkpoint)
        die("a failed open handed something out");
    if (out.status == SAM2_OK && with_config)
        out.status = sam2_config_read(&config, checkpoint, &out.error);
    if (out.status == SAM2_OK)
        out.status = read_all(checkpoint, &out);
    sam2_checkpoint_close(&checkpoint);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    out.cpu_s = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    return out;
}

Outcome try_bytes(const void *data, size_t size, bool with_config)
{
    const char *path = temporary_path("hostile");
    write_file(path, data, size);
    return try_file(path, with_config);
}

bool is_refused(const Outcome *outcome, const char *path)
{
    return outcome->status != SAM2_OK && outcome->status != SAM2_ERR_MEMORY &&
           outcome->error.status == outcome->status && strstr(outcome->error.message, path) &&
           outcome->cpu_s < 1;
}
