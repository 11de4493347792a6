// SPDX-License-Identifier: Apache-2.0
// test_ops VECTORS.safetensors [--cuda] | --bench [--threads N]
// Every operation on every backend: against what PyTorch, Pillow and SciPy gave (tests/data/ops),
// and on random odd sizes against the reference backend. The cpu backend runs once for each
// instruction set that the processor has.
#include "tests/model/test_ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/cpu/cpu.h"
#include "tests/support/check.h"

#define N_RANDOM 40         // cases of each operation
#define FP32_TOLERANCE 1e-5 // of the sum of magnitudes
#define BF16_TOLERANCE 8e-3 // two factors, each rounded by up to 2^-8
#define GUARD 64            // elements before and after what is written
#define CANARY 0x7fc0deadu  // a NaN

// ---- Cases -------------------------------------------------------------------------------------

int64_t case_p(const Case *c, int i)
{
    return (int64_t)c->p[i];
}

uint64_t case_random(Case *c)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return c->random >> 11;
}

int64_t case_size(Case *c)
{
    const int64_t sizes[] = {1, 2, 3, 4, 7, 13, 16, 31, 64, 65, 100};
    return sizes[case_random(c) % (sizeof sizes / sizeof *sizes)];
}

Sam2Act case_act(const Case *c, int i)
{
    return c->absolute ? SAM2_ACT_NONE : (Sam2Act)case_p(c, i);
}

static double scale_of_operands = 1;

void case_scale(Case *c, double scale)
{
    scale_of_operands = scale;
}

static void fail_case(Case *c, const char *what)
{
    if (!c->problem[0])
        snprintf(c->problem, sizeof c->problem, "%.500s", what);
}

static void read_vector(Case *c, const char *operand, float *out, int64_t n)
{
    char name[96];
    Sam2Error error = {0};
    snprintf(name, sizeof name, "%s.%s", c->name, operand);
    const Sam2CheckpointTensor *tensor = sam2_checkpoint_find(c->vectors, name);
    if (!tensor || tensor->size != (size_t)n * sizeof *out)
        fail_case(c, name);
    else if (sam2_checkpoint_read_f32(tensor, out, "vectors", &error) != SAM2_OK)
        fail_case(c, error.message);
}

static Operand *add_operand(Case *c, const char *name, int n_dims, const int64_t *shape)
{
    Operand *operand = &c->operands[c->n_operands++];
    operand->tensor = sam2_tensor_reshape(&(Sam2Tensor){0}, n_dims, shape);
    const int64_t n = sam2_tensor_count(&operand->tensor);
    operand->host = malloc((size_t)n * sizeof *operand->host);
    if (!operand->host)
        abort();
    for (int64_t i = 0; i < n; i++)
        operand->host[i] =
            (float)(scale_of_operands * ((double)(case_random(c) % 20001) / 1e4 - 1));
    scale_of_operands = 1;
    if (c->vectors && name)
        read_vector(c, name, operand->host, n);
    for (int64_t i = 0; c->absolute && i < n; i++)
        operand->host[i] = fabsf(operand->host[i]);
    return operand;
}

static void write_half(uint16_t *out, const float *x, size_t n, Sam2DType dtype)
{
    for (size_t i = 0; i < n; i++)
        out[i] = dtype == SAM2_BF16 ? sam2_bf16_from_f32(x[i]) : sam2_f16_from_f32(x[i]);
}

static void read_half(float *out, const uint16_t *x, size_t n, Sam2DType dtype)
{
    for (size_t i = 0; i < n; i++)
        out[i] = dtype == SAM2_BF16 ? sam2_f32_from_bf16(x[i]) : sam2_f32_from_f16(x[i]);
}

// Places `host` in the backend, `before` and `after` canaries around it. Halves are an even number.
static void place(Case *c, Operand *operand, size_t before, size_t after)
{
    const size_t n = (size_t)sam2_tensor_count(&operand->tensor);
    const size_t n_words = sam2_tensor_size(&operand->tensor) / sizeof(float);
    operand->offset = before * sizeof(float);
    operand->size = (before + n_words + after) * sizeof(float);
    operand->base = c->be->ops->alloc(c->be, operand->size);
    uint32_t *image = malloc(operand->size);
    if (!operand->base || !image)
        abort();
    for (size_t i = 0; i < before + n_words + after; i++)
        image[i] = CANARY;
    if (operand->tensor.dtype == SAM2_F32)
        memcpy(image + before, operand->host, n * sizeof(float));
    else
        write_half((uint16_t *)(image + before), operand->host, n, operand->tensor.dtype);
    if (c->be->ops->upload(c->be, operand->base, image, operand->size) != SAM2_OK)
        fail_case(c, c->be->error.message);
    free(image);
    operand->tensor.data = (char *)operand->base + operand->offset;
}

const Operand *case_input(Case *c, const char *name, int n_dims, const int64_t *shape)
{
    Operand *operand = add_operand(c, name, n_dims, shape);
    // On the host at any address that a float may have, and ending with the allocation. The number
    // is drawn for all: every backend gets the same operands.
    const size_t before = case_random(c) % 5;
    place(c, operand, c->be->kind == SAM2_BACKEND_CUDA || c->n_runs ? 0 : before, 0);
    return operand;
}

// Makes the newest operand half, if it is its turn.
static void choose_type(Case *c, Operand *operand, int64_t width)
{
    if (c->halves >> (c->n_operands - 1) & 1)
        operand->tensor.dtype = sam2_operand_type(c->be, width);
    c->has_half |= operand->tensor.dtype != SAM2_F32;
}

const Operand *case_operand(Case *c, const char *name, int64_t width, int n_dims,
                            const int64_t *shape)
{
    if (!c->halves)
        return case_input(c, name, n_dims, shape);
    Operand *operand = add_operand(c, name, n_dims, shape);
    choose_type(c, operand, width);
    place(c, operand, 0, 0);
    return operand;
}

const Sam2Tensor *case_vector(Case *c, const char *name, int64_t n)
{
    if (c->halves >> 31)
        return &case_weight(c, name, SAM2_WEIGHT_VECTOR, DIMS(n))->tensor;
    return &case_input(c, name, DIMS(n))->tensor;
}

const Sam2Weight *case_weight(Case *c, const char *name, Sam2WeightKind kind, int n_dims,
                              const int64_t *shape)
{
    Operand *operand = add_operand(c, name, n_dims, shape);
    operand->tensor.data = operand->host;
    if (c->be->ops->weight_init(c->be, &operand->weight, kind, &operand->tensor) != SAM2_OK)
        fail_case(c, c->be->error.message);
    return &operand->weight;
}

static const Sam2Tensor *make_output(Case *c, const char *before, int64_t width, int n_dims,
                                     const int64_t *shape)
{
    Operand *operand = add_operand(c, before, n_dims, shape);
    if (width)
        choose_type(c, operand, width);
    const int64_t n = sam2_tensor_count(&operand->tensor);
    const uint32_t canary = CANARY;
    for (int64_t i = 0; !before && i < n; i++)
        memcpy(&operand->host[i], &canary, sizeof canary);
    const size_t before_dst = case_random(c) % 5;
    const bool aligned = c->be->kind == SAM2_BACKEND_CUDA || c->n_runs;
    place(c, operand, GUARD + (aligned ? 0 : before_dst), GUARD);
    c->out = operand;
    return &operand->tensor;
}

const Sam2Tensor *case_output(Case *c, const char *before, int n_dims, const int64_t *shape)
{
    return make_output(c, before, 0, n_dims, shape);
}

const Sam2Tensor *case_output_operand(Case *c, int64_t width, int n_dims, const int64_t *shape)
{
    return make_output(c, NULL, width, n_dims, shape);
}

// One thread is timed by its own clock, which a busy machine hardly disturbs.
static double now(const Case *c)
{
    struct timespec t;
    clock_gettime(c->be->n_threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool case_more(Case *c, Sam2Status status)
{
    if (status == SAM2_OK)
        status = c->be->ops->sync(c->be);
    if (status != SAM2_OK)
        fail_case(c, c->be->error.message);
    c->seconds[c->run] = now(c);
    return ++c->run <= c->n_runs && status == SAM2_OK;
}

static void fetch_result(Case *c)
{
    const size_t n = c->out->size / sizeof(uint32_t), before = c->out->offset / sizeof(uint32_t);
    const size_t n_words = sam2_tensor_size(&c->out->tensor) / sizeof(uint32_t);
    uint32_t *image = malloc(c->out->size);
    if (!image)
        abort();
    if (c->be->ops->download(c->be, image, c->out->base, c->out->size) != SAM2_OK)
        fail_case(c, c->be->error.message);
    c->n_result = sam2_tensor_count(&c->out->tensor);
    for (size_t i = 0; i < n; i++)
        if ((i < before || i >= before + n_words) && image[i] != CANARY)
            fail_case(c, i < before ? "wrote before dst" : "wrote behind dst");
    c->result = malloc((size_t)c->n_result * sizeof *c->result);
    if (!c->result)
        abort();
    if (c->out->tensor.dtype == SAM2_F32)
        memcpy(c->result, image + before, (size_t)c->n_result * sizeof *c->result);
    else
        read_half(c->result, (const uint16_t *)(image + before), (size_t)c->n_result,
                  c->out->tensor.dtype);
    free(image);
}

static void run_case(Case *c, const Op *op)
{
    op->run(c);
    if (!c->problem[0])
        fetch_result(c);
    for (int i = 0; i < c->n_operands; i++) {
        Operand *operand = &c->operands[i];
        if (operand->base)
            c->be->ops->free(c->be, operand->base);
        c->be->ops->weight_free(c->be, &operand->weight);
        free(operand->host);
    }
}

// ---- Comparing ---------------------------------------------------------------------------------

typedef struct Tested {
    Sam2Backend *be, *ref;
    char label[96];
    double worst; // error over its tolerance, of the group at hand
} Tested;

static void describe(const Case *c, const Op *op, char *out, size_t size)
{
    int n = snprintf(out, size, "%s %s(", c->name ? c->name : "random", op->name);
    for (int i = 0; i < CASE_MAX_P && n < (int)size; i++)
        n += snprintf(out + n, size - (size_t)n, i ? ", %g" : "%g", c->p[i]);
}

// `expected` as given, or of the reference backend if NULL.
static void compare_case(Tested *tested, const Op *op, const Case *like, const float *expected,
                         int64_t n_expected)
{
    Case actual = *like, reference = *like, sums = *like;
    actual.be = tested->be;
    reference.be = sums.be = tested->ref;
    sums.absolute = true;
    run_case(&actual, op);
    if (!expected) {
        run_case(&reference, op);
        expected = reference.result;
        n_expected = reference.n_result;
    }
    if (op->sums)
        run_case(&sums, op);

    const bool bf16 = (op->bf16 && tested->be->precision == SAM2_PRECISION_BF16) || actual.has_half;
    double tolerance = op->exact ? 0 : bf16 ? BF16_TOLERANCE : FP32_TOLERANCE;
    char text[256], what[1024];
    describe(like, op, text, sizeof text);
    bool ok = !actual.problem[0] && !reference.problem[0] && !sums.problem[0] &&
              actual.n_result == n_expected;
    snprintf(what, sizeof what, "%s %s: %.300s%.300s", tested->label, text, actual.problem,
             reference.problem);
    for (int64_t i = 0; ok && i < n_expected; i++) {
        const double allowed = tolerance * (op->sums ? sums.result[i] : actual.magnitude) + 1e-30;
        const double ratio = fabs((double)expected[i] - actual.result[i]) / allowed;
        if (ratio > tested->worst)
            tested->worst = ratio;
        ok = ratio <= 1; // false for NaN
        if (!ok)
            snprintf(what, sizeof what, "%s %s: element %lld is %.9g, not %.9g (allowed %.3g)",
                     tested->label, text, (long long)i, actual.result[i], expected[i], allowed);
    }
    check_that(ok, __FILE__, __LINE__, what);
    free(actual.result);
    free(reference.result);
    free(sums.result);
}

static const Op *find_op(const char *name, size_t length)
{
    for (int i = 0; i < n_test_ops; i++)
        if (strlen(test_ops[i].name) == length && !memcmp(test_ops[i].name, name, length))
            return &test_ops[i];
    return NULL;
}

static void end_named_group(Tested *tested, const char *name)
{
    char text[192];
    snprintf(text, sizeof text, "%s %s, worst %.2g of its tolerance", tested->label, name,
             tested->worst);
    end_group(text);
    tested->worst = 0;
}

static void test_vectors(Tested *tested, const Sam2Checkpoint *vectors)
{
    int n_cases = 0;
    for (size_t i = 0; i < sam2_checkpoint_n_tensors(vectors); i++) {
        const Sam2CheckpointTensor *p = sam2_checkpoint_tensor(vectors, i);
        const char *dot = strchr(p->name, '.'), *end = strrchr(p->name, '.');
        if (!dot || strcmp(end, ".p"))
            continue;
        char name[64], dst_name[80];
        snprintf(name, sizeof name, "%.*s", (int)(end - p->name), p->name);
        snprintf(dst_name, sizeof dst_name, "%s.dst", name);
        const Op *op = find_op(name, (size_t)(dot - p->name));
        const Sam2CheckpointTensor *dst = sam2_checkpoint_find(vectors, dst_name);
        Case c = {.vectors = vectors, .name = name, .random = i + 1};
        float numbers[CASE_MAX_P] = {0}, *expected = dst ? malloc(dst->size) : NULL;
        Sam2Error error = {0};
        if (!op || !expected || p->size > sizeof numbers ||
            sam2_checkpoint_read_f32(p, numbers, "vectors", &error) != SAM2_OK ||
            sam2_checkpoint_read_f32(dst, expected, "vectors", &error) != SAM2_OK) {
            CHECK(!"the vectors can be read");
        } else {
            for (int j = 0; j < CASE_MAX_P; j++)
                c.p[j] = numbers[j];
            compare_case(tested, op, &c, expected, (int64_t)(dst->size / sizeof(float)));
            n_cases++;
        }
        free(expected);
    }
    CHECK(n_cases >= 50);
    end_named_group(tested, "vectors");
}

static void test_random(Tested *tested)
{
    for (int i = 0; i < n_test_ops; i++) {
        for (int j = 0; j < N_RANDOM; j++) {
            Case c = {.random = 0x9e3779b97f4a7c15u * (uint64_t)(1 + i * N_RANDOM + j)};
            test_ops[i].choose(&c);
            compare_case(tested, &test_ops[i], &c, NULL, 0);
        }
        end_named_group(tested, test_ops[i].name);
    }
}

// What the network asks for, with operands of the backend's own type: all, none, some.
static void test_halves(Tested *tested)
{
    for (int i = 0; i < n_test_half_cases; i++) {
        const Bench *b = &test_half_cases[i];
        const uint32_t masks[] = {0xffffffffu, 0, 0x80000001u, 0x2a, 0x15};
        for (int j = 0; j < 5; j++) {
            Case c = {.random = (uint64_t)(i + 1) * 0x9e3779b97f4a7c15u, .halves = masks[j]};
            memcpy(c.p, b->p, sizeof c.p);
            compare_case(tested, find_op(b->op, strlen(b->op)), &c, NULL, 0);
        }
    }
    end_named_group(tested, "half operands");
}

// Half results may take GELU's tanh form, which is within 4.74e-4 of it; then they are rounded.
static void test_half_gelu(Sam2Backend *be)
{
    enum { N = 200, K = 8 };
    const double rounding =
        be->operand_type == SAM2_BF16 ? 1.0 / 256 : 1.0 / 2048; // most, relative
    float eye[K * K] = {0}, x[N * K], y[N * K];
    uint16_t halves[N * K];
    for (int i = 0; i < K; i++)
        eye[i * K + i] = 1;
    for (int i = 0; i < N * K; i++)
        x[i] = (float)(i % 257 - 128) / 16; // exact in either half type
    const Sam2Tensor host = {.data = eye, .dtype = SAM2_F32, .n_dims = 2, .shape = {K, K}};
    Sam2Weight weight;
    Sam2Tensor in = {.dtype = be->operand_type, .n_dims = 2, .shape = {N, K}}, out = in;
    in.data = be->ops->alloc(be, sizeof halves);
    out.data = be->ops->alloc(be, sizeof halves);
    write_half(halves, x, N * K, be->operand_type);
    CHECK(be->ops->weight_init(be, &weight, SAM2_WEIGHT_LINEAR, &host) == SAM2_OK);
    CHECK(be->ops->upload(be, in.data, halves, sizeof halves) == SAM2_OK);
    CHECK(sam2_op_linear(be, &out, &in, &weight, NULL, SAM2_ACT_GELU, NULL) == SAM2_OK);
    CHECK(be->ops->download(be, halves, out.data, sizeof halves) == SAM2_OK);
    read_half(y, halves, N * K, be->operand_type);
    double worst = 0;
    for (int i = 0; i < N * K; i++) {
        const double exact = 0.5 * (double)x[i] * erfc(-(double)x[i] / sqrt(2));
        worst = fmax(worst, fabs(y[i] - exact) - rounding * fabs(exact));
    }
    CHECK(worst <= 4.8e-4);
    be->ops->free(be, in.data);
    be->ops->free(be, out.data);
    be->ops->weight_free(be, &weight);
    end_group("GELU of half results");
}

// ---- Calls that must be refused ----------------------------------------------------------------

static void test_checks(Sam2Backend *be)
{
    float data[64] = {0};
    Sam2Tensor a = {.data = data, .dtype = SAM2_F32, .n_dims = 2, .shape = {2, 4}};
    Sam2Tensor b = {.data = data + 8, .dtype = SAM2_F32, .n_dims = 2, .shape = {3, 4}};
    Sam2Tensor c = {.data = data + 20, .dtype = SAM2_F32, .n_dims = 2, .shape = {2, 3}};
    CHECK(sam2_op_matmul_nt(be, &c, &a, &b) == SAM2_OK);
    CHECK(sam2_op_matmul_nt(be, &c, &b, &a) == SAM2_ERR_SHAPE);
    CHECK(strstr(be->error.message, "matmul_nt") && strstr(be->error.message, "(2, 3)"));
    CHECK(sam2_op_matmul_nt(be, &c, &a, &c) == SAM2_ERR_SHAPE);
    c.data = data + 19; // overlaps b
    CHECK(sam2_op_matmul_nt(be, &c, &a, &b) == SAM2_ERR_ARGUMENT);
    c.data = NULL;
    CHECK(sam2_op_matmul_nt(be, &c, &a, &b) == SAM2_ERR_SHAPE);
    c.data = data + 20;
    c.dtype = SAM2_BF16;
    CHECK(sam2_op_matmul_nt(be, &c, &a, &b) == SAM2_ERR_SHAPE);
    CHECK(sam2_op_max_pool(be, &c, &a) == SAM2_ERR_SHAPE);
    // A backend never sees a type that it did not ask for, nor rows that are not multiples of 8.
    Sam2Tensor half = {.data = data + 32, .dtype = SAM2_BF16, .n_dims = 2, .shape = {2, 8}};
    Sam2Tensor x = {.data = data, .dtype = SAM2_F32, .n_dims = 2, .shape = {2, 8}};
    Sam2Tensor row = {.data = data + 48, .dtype = SAM2_F32, .n_dims = 1, .shape = {8}};
    Sam2Tensor short_half = half, short_x = x, short_row = row;
    half.data = (char *)((uintptr_t)half.data & ~(uintptr_t)15);
    short_half.shape[1] = short_x.shape[1] = short_row.shape[0] = 4;
    short_half.data = half.data;
    CHECK(sam2_op_add(be, &half, &x, &row, 1) == SAM2_ERR_SHAPE);
    CHECK(sam2_op_layer_norm(be, &half, &x, &row, &row, 1e-6f, SAM2_ACT_NONE) == SAM2_ERR_SHAPE &&
          strstr(be->error.message, "wrong type"));
    Sam2Backend pretended = *be;
    pretended.operand_type = SAM2_BF16;
    CHECK(sam2_op_add(&pretended, &short_half, &short_x, &short_row, 1) == SAM2_ERR_SHAPE);
    half.data = (char *)half.data + 2;
    CHECK(sam2_op_add(&pretended, &half, &x, &row, 1) == SAM2_ERR_SHAPE);
    CHECK(sam2_op_attention(be, &x, &x, &x, &x, 1, 0) == SAM2_ERR_ARGUMENT);
    CHECK(sam2_op_fill_holes(be, &a, 0, 1) == SAM2_OK);
    Sam2Tensor made;
    CHECK(sam2_backend_alloc(be, &made, 2, (int64_t[]){INT64_MAX / 2, 8}) == SAM2_ERR_SHAPE);
    CHECK(sam2_backend_alloc(be, &made, 2, (int64_t[]){4, 0}) == SAM2_ERR_SHAPE);
    CHECK(!made.data);
    sam2_backend_release(be, &made);

    Sam2Backend *other;
    Sam2Error error = {0};
    CHECK(sam2_backend_open(&other, SAM2_BACKEND_REF, SAM2_PRECISION_F32, -1, &error) ==
              SAM2_ERR_ARGUMENT &&
          !other);
    CHECK(sam2_backend_open(&other, SAM2_BACKEND_REF, SAM2_PRECISION_BF16, 1, &error) ==
          SAM2_ERR_UNSUPPORTED);
    CHECK(sam2_backend_open(&other, (Sam2BackendKind)77, SAM2_PRECISION_F32, 1, NULL) ==
          SAM2_ERR_UNSUPPORTED);
    const char *why = "";
    CHECK(sam2_backend_available(SAM2_BACKEND_REF, &why) && !why);
    if (sam2_backend_available(SAM2_BACKEND_CPU, NULL)) {
        setenv("SAM2_CPU_ISA", "sse", 1);
        CHECK(sam2_backend_open(&other, SAM2_BACKEND_CPU, SAM2_PRECISION_F32, 1, &error) ==
                  SAM2_ERR_ARGUMENT &&
              strstr(error.message, "sse"));
        unsetenv("SAM2_CPU_ISA");
    }
    end_group("calls that cannot be meant are refused");
}

// ---- Benchmark ---------------------------------------------------------------------------------

static int compare_double(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Median seconds of a run, 0 if it failed.
static double time_op(Sam2Backend *be, const Op *op, const double *p, int n_runs, double *flop)
{
    Case c = {.be = be, .random = 1, .n_runs = n_runs};
    memcpy(c.p, p, sizeof c.p);
    run_case(&c, op);
    if (c.problem[0]) {
        printf("%s: %s\n", op->name, c.problem);
        return 0;
    }
    double times[CASE_MAX_RUNS];
    for (int i = 1; i <= n_runs; i++)
        times[i - 1] = c.seconds[i] - c.seconds[i - 1];
    qsort(times, (size_t)n_runs, sizeof *times, compare_double);
    free(c.result);
    *flop = c.flop;
    return times[n_runs / 2];
}

static void bench(Sam2Backend *be, Sam2Backend *ref)
{
    const double large[CASE_MAX_P] = {2048, 2048, 2048};
    double flop;
    const double best = time_op(be, find_op("linear", 6), large, 9, &flop);
    const double peak = flop / best;
    printf("%s, %d threads; a product of 2048^3: %.0f GFLOP/s\n", be->name, be->n_threads,
           peak * 1e-9);
    printf("%-52s %10s %10s %9s %6s\n", "operation", "ms", "ref ms", "GFLOP/s", "share");
    for (int i = 0; i < n_test_benches; i++) {
        const Bench *b = &test_benches[i];
        const Op *op = find_op(b->op, strlen(b->op));
        Case like = {.name = ""};
        char text[256];
        memcpy(like.p, b->p, sizeof like.p);
        describe(&like, op, text, sizeof text);
        const double seconds = time_op(be, op, b->p, 9, &flop);
        const double slow = ref && flop < 3e8 ? time_op(ref, op, b->p, 1, &flop) : 0;
        printf("%-52.52s %10.3f %10.1f %9.1f %5.0f%%\n", text, seconds * 1e3, slow * 1e3,
               flop * 1e-9 / seconds, 100 * flop / seconds / peak);
        fflush(stdout);
    }
}

// ---- Backends ----------------------------------------------------------------------------------

static Sam2Backend *open_backend(Sam2BackendKind kind, Sam2Precision precision, int n_threads)
{
    Sam2Backend *be = NULL;
    Sam2Error error = {0};
    if (sam2_backend_open(&be, kind, precision, n_threads, &error) != SAM2_OK)
        printf("not tested: %s\n", error.message);
    return be;
}

static void test_backend(Sam2Backend *be, Sam2Backend *ref, const Sam2Checkpoint *vectors,
                         const char *isa)
{
    Tested tested = {.be = be, .ref = ref};
    snprintf(tested.label, sizeof tested.label, "%s%s%s%s", be->name, *isa ? " [" : "", isa,
             *isa ? "]" : "");
    test_vectors(&tested, vectors);
    if (be != ref)
        test_random(&tested);
    if (be->kind == SAM2_BACKEND_CUDA)
        test_halves(&tested);
    if (be->operand_type != SAM2_F32)
        test_half_gelu(be);
}

static void test_cpu(Sam2Backend *ref, const Sam2Checkpoint *vectors)
{
    const char *const isas[] = {"avx2", "avx512", "avx512_bf16", "amx"};
    for (int i = 0; i < 4; i++) {
        setenv("SAM2_CPU_ISA", isas[i], 1);
        for (int bf16 = 0; bf16 < 2; bf16++) {
            Sam2Backend *be = open_backend(
                SAM2_BACKEND_CPU, bf16 ? SAM2_PRECISION_BF16 : SAM2_PRECISION_F32, 1 + i % 2 * 2);
            if (be && (int)sam2_cpu_state(be)->isa == i)
                test_backend(be, ref, vectors, isas[i]);
            else if (be)
                printf("not tested: this processor has no %s\n", isas[i]);
            sam2_backend_close(&be);
        }
    }
    unsetenv("SAM2_CPU_ISA");
}

int main(int argc, char **argv)
{
    Sam2Backend *ref = open_backend(SAM2_BACKEND_REF, SAM2_PRECISION_F32, 1);
    if (!ref || argc < 2)
        return 1;
    if (!strcmp(argv[1], "--bench")) {
        const int n_threads = argc > 3 && !strcmp(argv[2], "--threads") ? atoi(argv[3]) : 0;
        const Sam2Precision precisions[] = {SAM2_PRECISION_F32, SAM2_PRECISION_BF16};
        for (int i = 0; i < 2; i++) {
            Sam2Backend *be = open_backend(SAM2_BACKEND_AUTO, precisions[i], n_threads);
            if (be)
                bench(be, i == 0 ? ref : NULL);
            sam2_backend_close(&be);
        }
        sam2_backend_close(&ref);
        return 0;
    }
    const char *why = "";
    Sam2Checkpoint *vectors;
    Sam2Error error = {0};
    if (sam2_checkpoint_open(&vectors, argv[1], &error) != SAM2_OK) {
        printf("%s\n", error.message);
        return 1;
    }
    const bool only_cuda = argc > 2 && !strcmp(argv[2], "--cuda");
    if (!only_cuda) {
        test_checks(ref);
        test_backend(ref, ref, vectors, "");
    }
    if (!only_cuda && sam2_backend_available(SAM2_BACKEND_CPU, NULL))
        test_cpu(ref, vectors);
    for (int bf16 = 0; bf16 < 2 && sam2_backend_available(SAM2_BACKEND_CUDA, NULL); bf16++) {
        Sam2Backend *be =
            open_backend(SAM2_BACKEND_CUDA, bf16 ? SAM2_PRECISION_BF16 : SAM2_PRECISION_F32, 1);
        if (be)
            test_backend(be, ref, vectors, "");
        sam2_backend_close(&be);
    }
    sam2_checkpoint_close(&vectors);
    sam2_backend_close(&ref);
    if (only_cuda && !sam2_backend_available(SAM2_BACKEND_CUDA, &why)) {
        printf("%s\n", why);
        return 77;
    }
    return end_tests();
}
