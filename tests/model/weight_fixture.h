// SPDX-License-Identifier: Apache-2.0
// Weight files for tests: bytes put together by hand, temporary files, what opening them gives.
#pragma once

#include "model/checkpoint.h"

typedef struct Bytes {
    uint8_t *data;
    size_t size, capacity;
} Bytes;

void bytes_put(Bytes *bytes, const void *data, size_t size);
void bytes_put_text(Bytes *bytes, const char *text);
void bytes_put_int(Bytes *bytes, uint64_t value, int n_bytes); // little-endian
void bytes_clear(Bytes *bytes);

// The whole file, or a message and exit(1).
Bytes read_file(const char *path);
void write_file(const char *path, const void *data, size_t size);
// A path in this process's own temporary folder, which is removed at exit. Static memory, a new one
// for each of 4 calls.
const char *temporary_path(const char *name);

// A ZIP archive under construction.
typedef struct ZipEntry {
    char name[64];
    size_t offset, size, central; // of the local header; of the data; of the record
    uint32_t crc;
} ZipEntry;

typedef struct Zip {
    Bytes bytes;
    ZipEntry entries[32];
    int n_entries;
    size_t directory;
    bool zip64; // set before zip_finish(): sizes and places go to ZIP64 fields
} Zip;

void zip_add(Zip *zip, const char *name, const void *data, size_t size);
void zip_finish(Zip *zip);
void zip_clear(Zip *zip);

// A safetensors file of that header text and so many bytes of data, all zero.
Bytes make_safetensors(const char *header, size_t data_size);

// From here on the process may take 256 MiB of address space more than it has. Does nothing under
// sanitizers, whose shadow memory is far larger.
void limit_memory(void);

// What came of opening a file, reading its configuration if asked, and every tensor.
typedef struct Outcome {
    Sam2Status status;
    Sam2Error error;
    double cpu_s;
    uint64_t hash; // of all names, shapes and values, if the status is SAM2_OK
} Outcome;

Outcome try_file(const char *path, bool with_config);
// The same for bytes, as the file `hostile` in the temporary folder.
Outcome try_bytes(const void *data, size_t size, bool with_config);
// Refused with a message that names the file, quickly, and not for want of memory.
bool is_refused(const Outcome *outcome, const char *path);
