// SPDX-License-Identifier: Apache-2.0
// A small JSON reader for headers and configurations, bounded in depth and memory.
#pragma once

#include "model/status.h"

typedef enum Sam2JsonKind {
    SAM2_JSON_NULL,
    SAM2_JSON_BOOL,
    SAM2_JSON_NUMBER,
    SAM2_JSON_STRING,
    SAM2_JSON_ARRAY,
    SAM2_JSON_OBJECT,
} Sam2JsonKind;

typedef struct Sam2JsonValue Sam2JsonValue;
struct Sam2JsonValue {
    Sam2JsonKind kind;
    bool boolean;
    bool is_integer; // a number written without fraction or exponent that fits int64_t
    int64_t integer;
    double number;
    const char *string; // decoded, NUL-terminated UTF-8
    const char *key;    // of a member of an object
    size_t n_children;  // of an array or object
    Sam2JsonValue *first, *next;
};

typedef struct Sam2Json Sam2Json;

// Parses one JSON value (RFC 8259) in `text`, which need not end in NUL and may go afterwards.
// Refused with SAM2_ERR_FORMAT besides bad syntax: nesting past 64, more than 2^19 values, repeated
// keys, invalid UTF-8 and NUL in strings. `what` opens the error message: "FILE: header".
Sam2Status sam2_json_parse(Sam2Json **out, const char *text, size_t size, const char *what,
                           Sam2Error *error);
void sam2_json_free(Sam2Json **json);

// Values live as long as the Sam2Json.
const Sam2JsonValue *sam2_json_root(const Sam2Json *json);
// A member, or NULL where there is none or `object` is not an object (or NULL).
const Sam2JsonValue *sam2_json_member(const Sam2JsonValue *object, const char *key);
// A member of members, "a.b.c", or NULL.
const Sam2JsonValue *sam2_json_path(const Sam2JsonValue *object, const char *path);

// Writes `string` with its quotes to `out` as JSON, or only counts when out is NULL. Returns the
// number of bytes. No NUL is added.
size_t sam2_json_quote(char *out, const char *string);
