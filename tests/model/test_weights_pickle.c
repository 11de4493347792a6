// SPDX-License-Identifier: Apache-2.0
// Pickles that were made to do harm: each is refused with a message that names the file, within a
// second and with at most 256 MiB.
#include <stdlib.h>
#include <string.h>

#include "model/pickle.h"
#include "model/zip.h"
#include "tests/model/weight_fixture.h"
#include "tests/support/check.h"

#define STORAGE_SIZE 64 // bytes of archive/data/0: 16 fp32 numbers

#define ORDERED_DICT "ccollections\nOrderedDict\n"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"

static void put_string(Bytes *bytes, const char *text)
{
    bytes_put_text(bytes, "X");
    bytes_put_int(bytes, strlen(text), 4);
    bytes_put_text(bytes, text);
}

static void put_number(Bytes *bytes, int64_t number)
{
    bytes_put(bytes, "\x8a\x08", 2);
    bytes_put_int(bytes, (uint64_t)number, 8);
}

static void put_numbers(Bytes *bytes, int n, const int64_t *numbers)
{
    bytes_put_text(bytes, "(");
    for (int i = 0; i < n; i++)
        put_number(bytes, numbers[i]);
    bytes_put_text(bytes, "t");
}

typedef struct Tensor {
    const char *name, *message; // what the refusal says; NULL: it is fine
    const char *key, *storage;
    int64_t count, offset;
    int n_dims, n_strides;
    int64_t shape[5], strides[5];
} Tensor;

static void put_tensor(Bytes *bytes, const Tensor *tensor)
{
    put_string(bytes, tensor->name);
    bytes_put_text(bytes, REBUILD "((");
    put_string(bytes, "storage");
    bytes_put_text(bytes, "ctorch\n");
    bytes_put_text(bytes, tensor->storage ? tensor->storage : "FloatStorage");
    bytes_put_text(bytes, "\n");
    put_string(bytes, tensor->key ? tensor->key : "0");
    put_string(bytes, "cpu");
    put_number(bytes, tensor->count);
    bytes_put_text(bytes, "tQ");
    put_number(bytes, tensor->offset);
    put_numbers(bytes, tensor->n_dims, tensor->shape);
    put_numbers(bytes, tensor->n_strides, tensor->strides);
    bytes_put_text(bytes, "\x89" ORDERED_DICT ")RtR");
}

static Outcome try_pickle(const void *pickle, size_t size)
{
    static const uint8_t storage[STORAGE_SIZE];
    Zip zip = {0};
    zip_add(&zip, "archive/data.pkl", pickle, size);
    zip_add(&zip, "archive/data/0", storage, sizeof storage);
    zip_finish(&zip);
    Outcome out = try_bytes(zip.bytes.data, zip.bytes.size, false);
    zip_clear(&zip);
    return out;
}

static void check_outcome(const Outcome *out, const char *what, const char *message)
{
    const char *path = temporary_path("hostile");
    bool right = message ? is_refused(out, path) && strstr(out->error.message, message)
                         : out->status == SAM2_OK;
    if (!CHECK(right))
        printf("%s: status %d, %.3f s: %s\n", what, out->status, out->cpu_s, out->error.message);
}

static void test_tensors(void)
{
    const int64_t big = INT64_MAX;
    const Tensor tensors[] = {
        {"fine", NULL, .count = 16, .n_dims = 2, .n_strides = 2, .shape = {4, 4},
         .strides = {4, 1}},
        {"tail", NULL, .count = 16, .offset = 15, .n_dims = 1, .n_strides = 1, .shape = {1},
         .strides = {1}},
        {"turned", NULL, .count = 16, .n_dims = 2, .n_strides = 2, .shape = {4, 4},
         .strides = {1, 4}},
        {"empty", NULL, .count = 16, .n_dims = 2, .n_strides = 2, .shape = {0, 4},
         .strides = {4, 1}},
        {"past", "larger than", .count = 16, .offset = 1, .n_dims = 1, .n_strides = 1,
         .shape = {16}, .strides = {1}},
        {"offset", "larger than", .count = 16, .offset = big, .n_dims = 1, .n_strides = 1,
         .shape = {1}, .strides = {1}},
        {"offset", "larger than", .count = 16, .offset = -1, .n_dims = 1, .n_strides = 1,
         .shape = {1}, .strides = {1}},
        {"offset", "larger than", .count = 16, .offset = INT64_MIN, .n_dims = 1, .n_strides = 1,
         .shape = {1}, .strides = {1}},
        {"stride", "impossible strides", .count = 16, .n_dims = 1, .n_strides = 1, .shape = {2},
         .strides = {-1}},
        {"stride", "larger than", .count = 16, .n_dims = 1, .n_strides = 1, .shape = {2},
         .strides = {big}},
        {"stride", "impossible strides", .count = 16, .n_dims = 1, .n_strides = 1, .shape = {3},
         .strides = {big}},
        {"stride", "impossible strides", .count = 16, .n_dims = 2, .n_strides = 2, .shape = {2, 2},
         .strides = {big, big}},
        {"stride", "larger than", .count = 16, .n_dims = 2, .n_strides = 2, .shape = {4, 4},
         .strides = {5, 1}},
        {"expanded", "larger than", .count = 16, .n_dims = 2, .n_strides = 2,
         .shape = {100000, 100000}, .strides = {0, 0}},
        {"shape", "larger than", .count = 16, .n_dims = 1, .n_strides = 1, .shape = {-4},
         .strides = {1}},
        {"shape", "larger than", .count = 16, .n_dims = 4, .n_strides = 4,
         .shape = {1 << 20, 1 << 20, 1 << 20, 1 << 20}, .strides = {1, 1, 1, 1}},
        {"shape", "larger than", .count = 16, .n_dims = 2, .n_strides = 2,
         .shape = {1LL << 32, 1LL << 32}, .strides = {0, 0}},
        {"shape", "larger than", .count = 16, .n_dims = 2, .n_strides = 2, .shape = {big, 2},
         .strides = {0, 0}},
        {"shape", "unknown way", .count = 16, .n_dims = 2, .n_strides = 1, .shape = {4, 4},
         .strides = {1}},
        {"shape", "4 dimensions", .count = 16, .n_dims = 5, .n_strides = 5,
         .shape = {1, 1, 1, 1, 1}, .strides = {1, 1, 1, 1, 1}},
        {"count", "size of its data", .count = 15, .n_dims = 1, .n_strides = 1, .shape = {1},
         .strides = {1}},
        {"count", "size of its data", .count = -16, .n_dims = 1, .n_strides = 1, .shape = {1},
         .strides = {1}},
        {"count", "size of its data", .count = big, .n_dims = 1, .n_strides = 1, .shape = {1},
         .strides = {1}},
        {"count", "size of its data", .count = 16, .storage = "HalfStorage", .n_dims = 1,
         .n_strides = 1, .shape = {1}, .strides = {1}},
        {"key", "no data", .key = "1", .count = 16, .n_dims = 1, .n_strides = 1, .shape = {1},
         .strides = {1}},
        {"key", "no data", .key = "../data.pkl", .count = 16, .n_dims = 1, .n_strides = 1,
         .shape = {1}, .strides = {1}},
        {"type", "torch.Storage", .storage = "Storage", .count = 16, .n_dims = 1, .n_strides = 1,
         .shape = {1}, .strides = {1}},
        {"", "name", .count = 16, .n_dims = 1, .n_strides = 1, .shape = {1}, .strides = {1}},
        {"new\nline", "name", .count = 16, .n_dims = 1, .n_strides = 1, .shape = {1},
         .strides = {1}},
        {"\xff\xfe", "name", .count = 16, .n_dims = 1, .n_strides = 1, .shape = {1},
         .strides = {1}},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        Bytes pickle = {0};
        bytes_put_text(&pickle, "\x80\x02}(");
        put_tensor(&pickle, &tensors[i]);
        bytes_put_text(&pickle, "u.");
        Outcome out = try_pickle(pickle.data, pickle.size);
        check_outcome(&out, tensors[i].name, tensors[i].message);
        bytes_clear(&pickle);
    }
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    Tensor tensor = tensors[0];
    tensor.name = name;
    Bytes pickle = {0};
    bytes_put_text(&pickle, "\x80\x02}(");
    put_tensor(&pickle, &tensor);
    bytes_put_text(&pickle, "u.");
    Outcome out = try_pickle(pickle.data, pickle.size);
    check_outcome(&out, "long name", "name");
    pickle.size = 0;
    bytes_put_text(&pickle, "\x80\x02}(");
    put_tensor(&pickle, &tensors[0]);
    put_tensor(&pickle, &tensors[0]);
    bytes_put_text(&pickle, "u.");
    out = try_pickle(pickle.data, pickle.size);
    check_outcome(&out, "two of one name", "two tensors named \"fine\"");
    bytes_clear(&pickle);
    end_group("tensors that lie about their place or shape");
}

static void test_globals(void)
{
    static const char *const names[][2] = {
        {"os\nsystem", "os.system"},
        {"posix\nsystem", "posix.system"},
        {"__builtin__\neval", "__builtin__.eval"},
        {"builtins\nexec", "builtins.exec"},
        {"builtins\ngetattr", "builtins.getattr"},
        {"subprocess\nPopen", "subprocess.Popen"},
        {"torch.nn.modules.linear\nLinear", "Linear"},
        {"torch._utils\n_rebuild_tensor_v2_", "_rebuild_tensor_v2_"},
        {"torch._utils\n_rebuild_tenso", "_rebuild_tenso"},
        {"torch._util\n_rebuild_tensor_v2", "torch._util."},
        {"collections\nOrderedDict.fromkeys", "fromkeys"},
        {"\n", "refers to \".\""},
        {"a\x01\n", "broken name"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Bytes pickle = {0};
        bytes_put_text(&pickle, "\x80\x02"
                                "c");
        bytes_put_text(&pickle, names[i][0]);
        bytes_put_text(&pickle, "\n(");
        put_string(&pickle, "touch /tmp/masklet-was-here");
        bytes_put_text(&pickle, "tR.");
        Outcome out = try_pickle(pickle.data, pickle.size);
        check_outcome(&out, names[i][0], names[i][1]);
        bytes_clear(&pickle);
    }
    end_group("names that a weight file may not use");
}

static void test_programs(void)
{
#define PROGRAM(text, message)                                                                     \
    {                                                                                              \
        "\x80\x02" text, sizeof("\x80\x02" text) - 1, message, #text                               \
    }
    static const struct {
        const char *bytes;
        size_t size;
        const char *message, *shown;
    } programs[] = {
        PROGRAM("", "ends too early"),
        PROGRAM(".", "value is missing"),
        PROGRAM("N", "ends too early"),
        PROGRAM("N.", "no state dict"),
        PROGRAM("].", "no state dict"),
        PROGRAM("}.", "no tensors"),
        PROGRAM("}N.", "left over"),
        PROGRAM("}.N", "left over"),
        PROGRAM("(.", "value is missing"),
        PROGRAM("t.", "mark is missing"),
        PROGRAM("u.", "mark is missing"),
        PROGRAM("(u.", "no dict"),
        PROGRAM("}(Nu.", "no dict"),
        PROGRAM("](NNu.", "no dict"),
        PROGRAM("}NNNs.", "no dict"),
        PROGRAM("}(Ne.", "no list"),
        PROGRAM("}Na.", "no list"),
        PROGRAM("s.", "value is missing"),
        PROGRAM("\x85.", "value is missing"),
        PROGRAM("(\x85.", "value is missing"),
        PROGRAM("h\x05.", "does not exist"),
        PROGRAM("j\xff\xff\xff\xff.", "does not exist"),
        PROGRAM("}q\x01.", "out of order"),
        PROGRAM("}r\xff\xff\xff\xff.", "out of order"),
        PROGRAM("}r\x00\x00\x00\x80.", "out of order"),
        PROGRAM("q\x00.", "value is missing"),
        PROGRAM("(q\x00.", "value is missing"),
        PROGRAM("X\xff\xff\xff\xff"
                "abc.",
                "longer than the pickle"),
        PROGRAM("X\x04\x00\x00\x00"
                "abc",
                "longer than the pickle"),
        PROGRAM("X\x01\x00", "ends too early"),
        PROGRAM("\x8a\x09"
                "123456789.",
                "64 bits"),
        PROGRAM("\x8a\xff.", "64 bits"),
        PROGRAM("\x8a\x08"
                "1234",
                "ends too early"),
        PROGRAM("\x8a\x00.", "no state dict"),
        PROGRAM("G1234", "ends too early"),
        PROGRAM("J\x01\x02", "ends too early"),
        PROGRAM("NR.", "value is missing"),
        PROGRAM("N)R.", "cannot be called"),
        PROGRAM("})R.", "cannot be called"),
        PROGRAM(ORDERED_DICT "NR.", "cannot be called"),
        PROGRAM(ORDERED_DICT "N\x85R.", "does not write"),
        PROGRAM("ctorch\nFloatStorage\n)R)R.", "cannot be called"),
        PROGRAM("NNb.", "has none"),
        PROGRAM("}Nb.", "has none"),
        PROGRAM("]}b.", "has none"),
        PROGRAM("ccollections", "broken name"),
        PROGRAM("ccollections\nOrdered", "broken name"),
        PROGRAM("}X\x01\x00\x00\x00wctorch\nFloatStorage\n)Rs.", "unknown way"),
        PROGRAM("}X\x01\x00\x00\x00w" REBUILD ")Rs.", "unknown way"),
        PROGRAM("}X\x01\x00\x00\x00w" REBUILD "(NNNNNNtRs.", "unknown way"),
        PROGRAM("}X\x01\x00\x00\x00w" REBUILD "(NQK\x00))\x89}tRs.", "unknown way"),
        PROGRAM("}X\x01\x00\x00\x00w" REBUILD "()QK\x00))\x89}tRs.", "unknown way"),
        PROGRAM("}X\x01\x00\x00\x00w" REBUILD "(}QK\x00))\x89}}tRs.", "negated view"),
        PROGRAM("}X\x01\x00\x00\x00wctorch._utils\n_rebuild_parameter\n)Rs.", "unknown way"),
        PROGRAM("}X\x01\x00\x00\x00wctorch._utils\n_rebuild_parameter\nN\x85Rs.", "unknown way"),
        PROGRAM("}K\x01" REBUILD ")Rs.", "no name"),
        // cycles
        PROGRAM("]q\x00h\x00"
                "a.",
                "cyclic"),
        PROGRAM("}q\x00Nh\x00s.", "cyclic"),
        PROGRAM("}q\x00h\x00Ns.", "cyclic"),
        PROGRAM("]q\x00]q\x01h\x00"
                "aa.",
                "cyclic"),
        PROGRAM("]q\x00h\x00\x85"
                "a.",
                "cyclic"),
        PROGRAM("}q\x00Nh\x00\x85s.", "cyclic"),
        PROGRAM("]q\x00(h\x00Ne.", "cyclic"),
        // instructions that torch does not write for tensors
        PROGRAM("I1\n.", "0x49"),
        PROGRAM("S'x'\n.", "0x53"),
        PROGRAM("(ios\nsystem\n.", "0x69"),
        PROGRAM("(NNo.", "0x6f"),
        PROGRAM("N)\x81.", "0x81"),
        PROGRAM("\x82\x01.", "0x82"),
        PROGRAM("\x8c\x01x.", "0x8c"),
        PROGRAM("\x93.", "0x93"),
        PROGRAM("\x94.", "0x94"),
        PROGRAM("\x95........", "0x95"),
        PROGRAM("P0\n.", "0x50"),
        PROGRAM("N2.", "0x32"),
        PROGRAM("\x8b\xff\xff\xff\x7f.", "0x8b"),
        PROGRAM("\x80\x02}.", "0x80"),
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        Outcome out = try_pickle(programs[i].bytes, programs[i].size);
        check_outcome(&out, programs[i].shown, programs[i].message);
    }
    static const char *const versions[] = {"\x80\x03}.", "\x80\x04}.", "}..", "\x80"};
    for (size_t i = 0; i < 4; i++) {
        Outcome out = try_pickle(versions[i], strlen(versions[i]));
        check_outcome(&out, "protocol", i < 3 ? "protocol 2" : "ends too early");
    }
    Outcome out = try_pickle("", 0);
    check_outcome(&out, "nothing", "ends too early");
    end_group("programs that go wrong");
}

// Millions of instructions of one kind.
static void test_bombs(void)
{
    static const struct {
        const char *once, *each;
        size_t each_size;
        int n;
        const char *message;
    } bombs[] = {
        {"", "N", 1, 4 << 20, "too many values"},   {"", "(", 1, 4 << 20, "too many values"},
        {"", "(t", 2, 4 << 20, "too many values"},  {")", "\x85", 1, 4 << 20, "nesting too deep"},
        {"", "(]", 2, 1 << 20, "too many values"},  {"]", "Na", 2, 4 << 20, "64 MiB"},
        {"}", "NNs", 3, 4 << 20, "64 MiB"},         {"}", "}b", 2, 4 << 20, "64 MiB"},
        {"}", "Q", 1, 4 << 20, "nesting too deep"},
    };
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        Bytes pickle = {0};
        bytes_put_text(&pickle, "\x80\x02");
        bytes_put_text(&pickle, bombs[i].once);
        for (int n = 0; n < bombs[i].n; n++)
            bytes_put(&pickle, bombs[i].each, bombs[i].each_size);
        bytes_put_text(&pickle, ".");
        Outcome out = try_pickle(pickle.data, pickle.size);
        check_outcome(&out, bombs[i].each, bombs[i].message);
        bytes_clear(&pickle);
    }
    // A memo of more than a million entries.
    Bytes pickle = {0};
    bytes_put_text(&pickle, "\x80\x02}");
    for (uint32_t i = 0; i < (1u << 20) + 10; i++) {
        bytes_put_text(&pickle, "r");
        bytes_put_int(&pickle, i, 4);
    }
    bytes_put_text(&pickle, ".");
    Outcome out = try_pickle(pickle.data, pickle.size);
    check_outcome(&out, "memo", "out of order");
    pickle.size = 0;
    // 2^60 values in shared tuples: nothing expands them.
    bytes_put_text(&pickle, "\x80\x02)");
    for (uint8_t i = 0; i < 60; i++) {
        uint8_t doubled[] = {'q', i, 'h', i, 0x86};
        bytes_put(&pickle, doubled, sizeof doubled);
    }
    bytes_put_text(&pickle, ".");
    out = try_pickle(pickle.data, pickle.size);
    check_outcome(&out, "doubled tuples", "no state dict");
    pickle.size = 0;
    // Views of one storage, each of which has to be copied.
    bytes_put_text(&pickle, "\x80\x02}(");
    for (int i = 0; i < 20000; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        put_tensor(&pickle, &(Tensor){name, NULL, .count = 16, .n_dims = 2, .n_strides = 2,
                                      .shape = {4, 4}, .strides = {1, 4}});
    }
    bytes_put_text(&pickle, "u.");
    out = try_pickle(pickle.data, pickle.size);
    check_outcome(&out, "many views", NULL); // 20000 of 64 bytes are less than the file
    pickle.size = 0;
    bytes_put_text(&pickle, "\x80\x02}(");
    for (int i = 0; i < 2000; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        put_tensor(&pickle, &(Tensor){name, NULL, .count = 1 << 19, .n_dims = 2, .n_strides = 2,
                                      .shape = {512, 1024}, .strides = {1, 512}});
    }
    bytes_put_text(&pickle, "u.");
    Zip zip = {0};
    uint8_t *storage = calloc(1, 2 << 20);
    zip_add(&zip, "a/data.pkl", pickle.data, pickle.size);
    zip_add(&zip, "a/data/0", storage, 2 << 20);
    zip_finish(&zip);
    out = try_bytes(zip.bytes.data, zip.bytes.size, false);
    check_outcome(&out, "views of 4 GB in all", "more memory than the file");
    zip_clear(&zip);
    free(storage);
    bytes_clear(&pickle);
    end_group("bombs");
}

static uint64_t random_bits(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

// Changes single bytes of torch's own pickle. The archive is put together again, so that checksums
// are right: what opens must be whole, what does not must say so.
static void test_mutations(const char *data_dir)
{
    static const char *const names[] = {"plain.pt", "views.pt", "parameters.pt"};
    uint64_t seed = 1;
    int n_refused = 0, n_tried = 0;
    for (int file = 0; file < 3; file++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/pt/%s", data_dir, names[file]);
        Bytes content = read_file(path);
        Sam2Zip zip;
        if (!CHECK(sam2_zip_read(&zip, path, content.data, content.size, NULL) == SAM2_OK))
            return;
        size_t pickle_size = 0;
        for (size_t i = 0; i < zip.n_entries; i++)
            if (memmem(zip.entries[i].name, zip.entries[i].name_length, "data.pkl", 8))
                pickle_size = zip.entries[i].size;
        for (size_t at = 0; at < pickle_size; at++) {
            for (int k = 0; k < 12; k++) {
                Zip changed = {0};
                uint8_t bits = k < 8 ? (uint8_t)(1u << k) : (uint8_t)(random_bits(&seed) | 1);
                for (size_t i = 0; i < zip.n_entries; i++) {
                    const Sam2ZipEntry *entry = &zip.entries[i];
                    char name[64];
                    snprintf(name, sizeof name, "%.*s", (int)entry->name_length, entry->name);
                    uint8_t *data = malloc(entry->size + 1);
                    memcpy(data, entry->data, entry->size);
                    if (entry->size == pickle_size)
                        data[at] ^= bits;
                    zip_add(&changed, name, data, entry->size);
                    free(data);
                }
                zip_finish(&changed);
                Outcome out = try_bytes(changed.bytes.data, changed.bytes.size, false);
                n_tried++;
                n_refused += out.status != SAM2_OK;
                if (out.status != SAM2_OK && !CHECK(is_refused(&out, temporary_path("hostile"))))
                    printf("%s, byte %zu ^ %02x: %s\n", names[file], at, bits, out.error.message);
                zip_clear(&changed);
            }
        }
        sam2_zip_clear(&zip);
        bytes_clear(&content);
    }
    CHECK(n_refused > n_tried / 2);
    printf("%d of %d changed pickles refused; ", n_refused, n_tried);
    end_group("changed bytes of torch's pickles");
}

// The pickle of the micro model (67 KB), in memory: a change at every 16th byte, and every 16th
// cut.
static void test_micro_pickle(const char *data_dir)
{
    char path[1024];
    uint64_t seed = 2;
    snprintf(path, sizeof path, "%s/reference/micro-2.1/model.pt", data_dir);
    Bytes content = read_file(path);
    Sam2Zip zip;
    CHECK(sam2_zip_read(&zip, path, content.data, content.size, NULL) == SAM2_OK);
    const Sam2ZipEntry *entry = sam2_zip_find(&zip, "model/data.pkl", 14);
    if (!CHECK(entry))
        return;
    uint8_t *copy = malloc(entry->size);
    memcpy(copy, entry->data, entry->size);
    for (size_t at = 0; at < entry->size; at += 16) {
        Sam2Pickle *pickle;
        Sam2Error error = {0};
        copy[at] ^= (uint8_t)(random_bits(&seed) % 255 + 1);
        Sam2Status status = sam2_pickle_read(&pickle, copy, entry->size, "file", &error);
        if (status != SAM2_OK)
            CHECK(!pickle && strstr(error.message, "file"));
        sam2_pickle_free(&pickle);
        copy[at] = entry->data[at];
        status = sam2_pickle_read(&pickle, copy, at, "file", &error);
        CHECK(status == SAM2_ERR_FORMAT && !pickle);
    }
    free(copy);
    sam2_zip_clear(&zip);
    bytes_clear(&content);
    end_group("changed and cut pickle of the micro model");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test_weights_pickle TESTS_DATA\n");
        return 2;
    }
    limit_memory();
    test_tensors();
    test_globals();
    test_programs();
    test_bombs();
    test_mutations(argv[1]);
    test_micro_pickle(argv[1]);
    return end_tests();
}
