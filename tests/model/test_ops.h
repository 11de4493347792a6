// SPDX-License-Identifier: Apache-2.0
// A case of an operation: its numbers, operands, and a run on one backend.
#pragma once

#include "model/backend.h"
#include "model/checkpoint.h"

#define CASE_MAX_P 10
#define CASE_MAX_OPERANDS 8
#define CASE_MAX_RUNS 64

typedef struct Operand {
    void *base;    // the allocation in the backend
    size_t size;   // its bytes
    size_t offset; // of the tensor in it, bytes
    float *host;   // the elements at the start
    Sam2Tensor tensor;
    Sam2Weight weight;
} Operand;

typedef struct Case {
    Sam2Backend *be;
    double p[CASE_MAX_P];          // what the operation's `run` lists
    const Sam2Checkpoint *vectors; // operands come from NAME.operand in there; NULL: random
    const char *name;
    uint64_t random;
    // Operands without their signs and no activation: an operation that sums then gives the sum of
    // magnitudes that its rounding errors are proportional to.
    bool absolute;
    // Which operands, by number, are of the backend's operand_type; bit 31: vectors are weights.
    uint32_t halves;
    int n_runs; // timed, after a first one; 0: no benchmark

    bool has_half;    // an operand is half
    double magnitude; // of results, set by operations that do not sum
    double flop;      // of a run
    Operand operands[CASE_MAX_OPERANDS];
    int n_operands;
    const Operand *out;
    float *result; // elements of `out` after the run
    int64_t n_result;
    char problem[512]; // empty: none
    int run;
    double seconds[CASE_MAX_RUNS];
} Case;

typedef struct Op {
    const char *name;
    void (*run)(Case *c);    // makes operands, calls the operation
    void (*choose)(Case *c); // random numbers for it
    bool sums;               // see `absolute`
    bool bf16;               // may round its factors to bf16 if the backend is set to
    bool exact;
} Op;

extern const Op test_ops[];
extern const int n_test_ops;

typedef struct Bench {
    const char *op;
    double p[CASE_MAX_P];
} Bench;
extern const Bench test_half_cases[]; // shapes that half operands are made for
extern const int n_test_half_cases;
extern const Bench test_benches[];
extern const int n_test_benches;

// ---- For operations ----------------------------------------------------------------------------

#define DIMS(...)                                                                                  \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

int64_t case_p(const Case *c, int i);
uint64_t case_random(Case *c);
// One of the odd sizes.
int64_t case_size(Case *c);
const Operand *case_input(Case *c, const char *name, int n_dims, const int64_t *shape);
// One that may be half, with rows or heads of `width`.
const Operand *case_operand(Case *c, const char *name, int64_t width, int n_dims,
                            const int64_t *shape);
// A vector, given as a plain tensor or as a weight.
const Sam2Tensor *case_vector(Case *c, const char *name, int64_t n);
const Sam2Weight *case_weight(Case *c, const char *name, Sam2WeightKind kind, int n_dims,
                              const int64_t *shape);
// What the operation writes, between guards. It starts as operand `before`, or as NaN if NULL.
const Sam2Tensor *case_output(Case *c, const char *before, int n_dims, const int64_t *shape);
// The same for what may be half.
const Sam2Tensor *case_output_operand(Case *c, int64_t width, int n_dims, const int64_t *shape);
Sam2Act case_act(const Case *c, int i);
// Multiplies the elements of a random operand before it is placed: call before case_input().
void case_scale(Case *c, double scale);

// Notes how the call went; true: again.
bool case_more(Case *c, Sam2Status status);
#define CASE_RUN(c, call)                                                                          \
    while (!(c)->problem[0] && case_more(c, call))                                                 \
        ;
