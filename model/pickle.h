// SPDX-License-Identifier: Apache-2.0
// Reads pickles as torch.save() writes them into plain values. Nothing is ever called: the few
// names that a pickle may refer to become tags.
#pragma once

#include "model/status.h"

typedef enum Sam2PickleKind {
    SAM2_PICKLE_NONE,
    SAM2_PICKLE_BOOL,
    SAM2_PICKLE_INT,
    SAM2_PICKLE_FLOAT, // its value is not kept
    SAM2_PICKLE_STRING,
    SAM2_PICKLE_TUPLE,
    SAM2_PICKLE_LIST, // its items are not kept
    SAM2_PICKLE_DICT, // a dict or OrderedDict
    SAM2_PICKLE_GLOBAL,
    SAM2_PICKLE_CALL,       // items[0] is the global, items[1] the tuple of arguments
    SAM2_PICKLE_PERSISTENT, // items[0] is the id
} Sam2PickleKind;

// The names that may be referred to.
typedef enum Sam2PickleGlobal {
    SAM2_PICKLE_ORDERED_DICT,
    SAM2_PICKLE_REBUILD_TENSOR,
    SAM2_PICKLE_REBUILD_PARAMETER,
    SAM2_PICKLE_FLOAT_STORAGE,
    SAM2_PICKLE_HALF_STORAGE,
    SAM2_PICKLE_BFLOAT16_STORAGE,
} Sam2PickleGlobal;

typedef struct Sam2PickleValue Sam2PickleValue;
typedef struct Sam2PicklePair Sam2PicklePair;

struct Sam2PickleValue {
    Sam2PickleKind kind;
    int depth;      // of nesting, 0 for plain values
    bool sealed;    // inside of another container: may not change any more
    int64_t number; // bool, int; the Sam2PickleGlobal; bytes of a string; items of a tuple
    union {
        const char *string;            // into the data, not NUL-terminated
        const Sam2PickleValue **items; // tuple, call, persistent
        struct {
            Sam2PicklePair *first, *last; // dict, in the order of insertion
        };
    };
};

struct Sam2PicklePair {
    const Sam2PickleValue *key, *value;
    Sam2PicklePair *next;
};

typedef struct Sam2Pickle Sam2Pickle;

// Reads a protocol 2 pickle; `data` must outlive the values. `what` opens the messages. A global
// that is not listed above is SAM2_ERR_UNSUPPORTED and named; cycles, nesting past 64 and more than
// 64 MiB of values are SAM2_ERR_FORMAT.
Sam2Status sam2_pickle_read(Sam2Pickle **out, const uint8_t *data, size_t size, const char *what,
                            Sam2Error *error);
void sam2_pickle_free(Sam2Pickle **pickle);

const Sam2PickleValue *sam2_pickle_root(const Sam2Pickle *pickle);
bool sam2_pickle_is_string(const Sam2PickleValue *value, const char *text);
// The last value under a string key of a dict, or NULL.
const Sam2PickleValue *sam2_pickle_find(const Sam2PickleValue *dict, const char *key);
