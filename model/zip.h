// SPDX-License-Identifier: Apache-2.0
// The ZIP container of torch's .pt files: stored entries of a file in memory.
#pragma once

#include "model/status.h"

typedef struct Sam2ZipEntry {
    const char *name; // points into the file, not NUL-terminated
    size_t name_length;
    const uint8_t *header, *data; // the entry starts at its header
    size_t size;                  // of the data
    uint32_t crc;
} Sam2ZipEntry;

typedef struct Sam2Zip {
    const char *path;      // for messages
    Sam2ZipEntry *entries; // sorted by name
    size_t n_entries;
} Sam2Zip;

// Lists a ZIP (or ZIP64) archive in memory, which must outlive the list. Refused: compressed or
// encrypted entries, entries that overlap or lie outside of the file, and two of one name. The
// checksums are not looked at yet. *out is cleared by sam2_zip_clear() whatever the outcome.
Sam2Status sam2_zip_read(Sam2Zip *out, const char *path, const uint8_t *data, size_t size,
                         Sam2Error *error);
void sam2_zip_clear(Sam2Zip *zip);

// NULL if there is none.
const Sam2ZipEntry *sam2_zip_find(const Sam2Zip *zip, const char *name, size_t name_length);

// SAM2_ERR_FORMAT if an entry's CRC-32 is wrong.
Sam2Status sam2_zip_check(const Sam2Zip *zip, const Sam2ZipEntry *entry, Sam2Error *error);

// CRC-32 as ZIP, PNG and zlib have it.
uint32_t sam2_crc32(const uint8_t *data, size_t size);
