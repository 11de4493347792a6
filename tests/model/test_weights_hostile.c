// SPDX-License-Identifier: Apache-2.0
// Weight files that are cut short, damaged or made to do harm: each is refused with a message that
// names the file, within a second and with at most 256 MiB.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/config_private.h"
#include "tests/model/weight_fixture.h"
#include "tests/seeded.h"
#include "tests/support/check.h"

static const char *data_dir; // tests/data

static void check_refused(const void *data, size_t size, const char *what, const char *message)
{
    Outcome out = try_bytes(data, size, false);
    bool right =
        message ? is_refused(&out, temporary_path("hostile")) && strstr(out.error.message, message)
                : out.status == SAM2_OK;
    if (!CHECK(right))
        printf("%s: status %d, %.3f s: %s\n", what, out.status, out.cpu_s, out.error.message);
}

static void test_magic(void)
{
    static const struct {
        const char *text, *message;
    } files[] = {
        {"", "is empty"},
        {"x", "known kind"},
        {"PK", "known kind"},
        {"PK\3\4", "directory at the end"},
        {"PK\5\6zzzzzzzzzzzzzzzzzzz", "known kind"},
        {"\x89PNG\r\n\x1a\n", "known kind"},
        {"{\"model\": 1}", "known kind"},
        {"\x80\x02}q\x01.", "torch older than 1.6"},
        {"<!DOCTYPE html><html>", "web page"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"},
        {"GGUF\3zzzzzzzzzzzzzzzzzz", "known kind"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check_refused(files[i].text, strlen(files[i].text), files[i].text, files[i].message);
    const char *fifo = temporary_path("fifo");
    CHECK(mkfifo(fifo, 0600) == 0);
    Outcome out = try_file(fifo, false);
    CHECK(is_refused(&out, fifo) && out.status == SAM2_ERR_IO);
    unlink(fifo);
    out = try_file("/dev/zero", false);
    CHECK(is_refused(&out, "/dev/zero") && out.status == SAM2_ERR_IO);
    Sam2Checkpoint *checkpoint;
    CHECK(sam2_checkpoint_open(&checkpoint, "", NULL) == SAM2_ERR_ARGUMENT && !checkpoint);
    CHECK(sam2_checkpoint_open(&checkpoint, NULL, NULL) == SAM2_ERR_ARGUMENT && !checkpoint);
    end_group("files of other kinds");
}

static void test_safetensors_headers(void)
{
#define F32(shape, begin, end)                                                                     \
    "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"
#define ONE F32("[4]", "0", "16")
    static const struct {
        const char *header, *message;
    } files[] = {
        {"{\"a\":" ONE "}", NULL},
        {"{\"a\":" ONE "}   ", NULL},
        {"{\"__metadata__\":{\"k\":\"v\"},\"a\":" ONE "}", NULL},
        {"{\"a\":" F32("[2]", "8", "16") ",\"b\":" F32("[2]", "0", "8") "}", NULL},
        {"{\"a\":" ONE ",\"b\":" F32("[0,4]", "16", "16") "}", NULL},
        {"{}", "0 tensors"},
        {"{\"__metadata__\":{\"k\":\"v\"}}", "follow the last tensor"},
        {"{\"__metadata__\":{\"k\":1},\"a\":" ONE "}", "map of strings"},
        {"{\"__metadata__\":\"x\",\"a\":" ONE "}", "map of strings"},
        {"{\"__metadata__\":{\"k\":\"v\",\"k\":\"w\"},\"a\":" ONE "}", "twice"},
        {"{\"a\":" ONE ",\"a\":" ONE "}", "twice"},
        {"{\"a\":1}", "no dtype"},
        {"{\"a\":[]}", "no dtype"},
        {"{\"a\":{}}", "no dtype"},
        {"{\"a\":{\"dtype\":1,\"shape\":[4],\"data_offsets\":[0,16]}}", "no dtype"},
        {"{\"a\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]}}", "type I64"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}", "type F64"},
        {"{\"a\":{\"dtype\":\"\\u001b[31m\",\"shape\":[2],\"data_offsets\":[0,16]}}", "type ?"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}}", "no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4]}}", "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]}}", "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,8,16]}}", "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[\"0\",\"16\"]}}",
         "data_offsets"},
        {"{\"a\":" F32("[4]", "0.0", "16") "}", "data_offsets"},
        {"{\"a\":" F32("[4.0]", "0", "16") "}", "whole numbers"},
        {"{\"a\":" F32("[-4]", "0", "16") "}", "whole numbers"},
        {"{\"a\":" F32("[1,1,1,1,4]", "0", "16") "}", "4 dimensions"},
        {"{\"a\":" F32("[3]", "0", "16") "}", "does not fit its size"},
        {"{\"a\":" F32("[5]", "0", "16") "}", "does not fit its size"},
        {"{\"a\":" F32("[4294967296,4294967296]", "0", "16") "}", "does not fit its size"},
        {"{\"a\":" F32("[4611686018427387905]", "0", "16") "}", "whole numbers"},
        {"{\"a\":" F32("[461168601842738790]", "0", "16") "}", "does not fit its size"},
        {"{\"a\":" F32("[0,9223372036854775]", "0", "16") "}", "does not fit its size"},
        {"{\"a\":" F32("[4]", "16", "0") "}", "outside"},
        {"{\"a\":" F32("[4]", "1", "17") "}", "outside"},
        {"{\"a\":" F32("[4]", "-16", "0") "}", "outside"},
        {"{\"a\":" F32("[4]", "999999999999999984", "1000000000000000000") "}", "data_offsets"},
        {"{\"a\":" F32("[4]", "99999999999999984", "100000000000000000") "}", "outside"},
        {"{\"a\":" F32("[2]", "0", "8") "}", "follow the last tensor"},
        {"{\"a\":" F32("[2]", "8", "16") "}", "follows a gap"},
        {"{\"a\":" ONE ",\"b\":" ONE "}", "overlaps"},
        {"{\"a\":" F32("[3]", "0", "12") ",\"b\":" F32("[2]", "8", "16") "}", "overlaps"},
        {"{\"\":" ONE "}", "name"},
        {"{\"a\\nb\":" ONE "}", "name"},
        {"{\"a\xc3\xa9\":" ONE "}", "name"},
        {"{\"a\xff\":" ONE "}", "not valid JSON"},
        {"{\"a\":" ONE, "not valid JSON"},
        {"{\"a\":" ONE "}x", "not valid JSON"},
        {"{\"a\":" ONE "}{}", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        Bytes file = make_safetensors(files[i].header, 16);
        check_refused(file.data, file.size, files[i].header, files[i].message);
        bytes_clear(&file);
    }
    end_group("safetensors headers");
}

static void test_safetensors_sizes(void)
{
    static const uint64_t sizes[] = {0,        1,         2,          1000000,
                                     99999999, 100000001, UINT32_MAX, (1ull << 56) - 1};
    Bytes good = make_safetensors("{\"a\":" ONE "}", 16);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Bytes file = {0};
        bytes_put_int(&file, sizes[i], 8);
        bytes_put(&file, good.data + 8, good.size - 8);
        check_refused(file.data, file.size, "header size", "");
        bytes_clear(&file);
    }
    bytes_clear(&good);
    // Headers as long as their files: deep, wide, and one endless name.
    static const struct {
        const char *start, *each;
        int n;
        const char *message;
    } large[] = {
        {"{\"a\":", "[", 20000000, "too deep"},
        {"{\"a\":", "{\"a\":", 4000000, "too deep"},
        {"{\"a\":[1", ",1", 10000000, "JSON values"},
        {"{\"", "a", 30000000, "inside a string"},
        {"{\"a\":\"", "\\u00e9", 5000000, "inside a string"},
        {"{\"a\":1", "1", 20000000, "too large"},
        {"{", " ", 30000000, "string was expected"},
    };
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        size_t length = strlen(large[i].each);
        Bytes file = {0};
        bytes_put_int(&file, strlen(large[i].start) + (size_t)large[i].n * length, 8);
        bytes_put_text(&file, large[i].start);
        for (int k = 0; k < large[i].n; k++)
            bytes_put(&file, large[i].each, length);
        const char *path = temporary_path("hostile");
        write_file(path, file.data, file.size);
        bytes_clear(&file); // so that only the reader's memory counts
        Outcome out = try_file(path, false);
        if (!CHECK(is_refused(&out, path) && strstr(out.error.message, large[i].message)))
            printf("%s...: %d, %.3f s: %s\n", large[i].start, out.status, out.cpu_s,
                   out.error.message);
    }
    end_group("safetensors of impossible sizes");
}

// What model/hf.c merges and splits; the rest of its table is checked by test_convert.py.
static void test_hf_names(void)
{
#define MARK "{\"vision_encoder.backbone.pos_embed\":" F32("[1]", "0", "4")
#define POINTS(shape) ",\"prompt_encoder.point_embed.weight\":" F32(shape, "4", "20")
#define SHARED "positional_embedding\":"
#define ROW2 ",\"sam_prompt_encoder.point_embeddings.2.weight\":"
    static const struct {
        const char *header, *message;
        uint8_t last;
    } files[] = {
        {MARK POINTS("[4,1]") ",\"x\":" F32("[1]", "20", "24") "}", NULL, 0},
        {MARK POINTS("[2,2]") ",\"x\":" F32("[1]", "20", "24") "}", "four rows", 0},
        {MARK POINTS("[4]") ",\"x\":" F32("[1]", "20", "24") "}", "four rows", 0},
        {MARK POINTS("[4,1]") ROW2 F32("[1]", "20", "24") "}", "two tensors named", 0},
        {MARK ",\"shared_image_embedding." SHARED
             F32("[2,1]", "4", "12") ",\"prompt_encoder.shared_embedding." SHARED F32(
                 "[2,1]", "12", "20") ",\"x\":" F32("[1]", "20", "24") "}",
         NULL, 0},
        {MARK ",\"shared_image_embedding." SHARED F32(
             "[3,1]", "4", "16") ",\"prompt_encoder.shared_embedding." SHARED F32("[2,1]", "16",
                                                                                  "24") "}",
         "differ", 0},
        {MARK ",\"x\":" F32("[2]", "4", "12") ",\"shared_image_embedding." SHARED F32("[1]", "12",
                                                                                      "16") "}",
         "follow", 0},
        {MARK ",\"x\":" F32("[3]", "4", "16") ",\"shared_image_embedding." SHARED F32(
             "[1]", "16", "20") ",\"prompt_encoder.shared_embedding." SHARED F32("[1]", "20",
                                                                                 "24") "}",
         "differ", 1},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        Bytes file = make_safetensors(files[i].header, 24);
        file.data[file.size - 1] = files[i].last;
        check_refused(file.data, file.size, files[i].header, files[i].message);
        bytes_clear(&file);
    }
    Bytes file = make_safetensors(files[0].header, 24);
    file.data[file.size - 5] = 64; // the last row is 2
    const char *path = temporary_path("hostile");
    write_file(path, file.data, file.size);
    Sam2Checkpoint *checkpoint;
    if (CHECK(sam2_checkpoint_open(&checkpoint, path, NULL) == SAM2_OK)) {
        const Sam2CheckpointTensor *row =
            sam2_checkpoint_find(checkpoint, "sam_prompt_encoder.point_embeddings.3.weight");
        float value = 0;
        CHECK(sam2_checkpoint_n_tensors(checkpoint) == 6);
        CHECK(sam2_checkpoint_find(checkpoint, "image_encoder.trunk.pos_embed"));
        CHECK(row && row->n_dims == 2 && row->shape[0] == 1 && row->shape[1] == 1 &&
              sam2_checkpoint_read_f32(row, &value, path, NULL) == SAM2_OK && value == 2);
    }
    sam2_checkpoint_close(&checkpoint);
    bytes_clear(&file);
    end_group("Hugging Face's names");
}

static void put_at(Bytes *bytes, size_t offset, uint64_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        bytes->data[offset + (size_t)i] = (uint8_t)(value >> 8 * i);
}

// One tensor "w" of four zeros.
static Zip make_archive(bool zip64)
{
    static const char pickle[] = "\x80\x02}X\x01\x00\x00\x00w"
                                 "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage"
                                 "ctorch\nFloatStorage\nX\x01\x00\x00\x00"
                                 "0X\x03\x00\x00\x00"
                                 "cpuK\x04tQK\x00K\x04\x85K\x01\x85\x89}tRs.";
    Zip zip = {.zip64 = zip64};
    zip_add(&zip, "a/data.pkl", pickle, sizeof pickle - 1);
    zip_add(&zip, "a/data/0", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    zip_finish(&zip);
    return zip;
}

// One changed field of an archive that is otherwise right.
static void test_zip_fields(void)
{
    enum { CENTRAL0, CENTRAL1, END, LOCAL1 };
    static const struct {
        int record;
        size_t offset;
        uint64_t value;
        int n_bytes;
        const char *message;
    } changes[] = {
        {END, 10, 2, 2, NULL}, // what it is
        {END, 10, 0, 2, "impossible number"},
        {END, 10, 3, 2, "impossible number"},
        {END, 10, 65535, 2, "impossible number"},
        {END, 12, 0xffffffff, 4, "outside"},
        {END, 12, 0, 4, "impossible number"},
        {END, 16, 0xffffffff, 4, "outside"},
        {END, 16, 0, 4, "directory is broken"},
        {END, 20, 1, 2, "directory at the end"},
        {CENTRAL0, 0, 0, 4, "directory is broken"},
        {CENTRAL0, 8, 1, 2, "encrypted"},
        {CENTRAL0, 10, 8, 2, "compressed"},
        {CENTRAL0, 16, 0, 4, "checksum"},
        {CENTRAL1, 16, 0, 4, "checksum"},
        {CENTRAL0, 20, 0xffffffff, 4, "ZIP64 field is missing"},
        {CENTRAL0, 24, 0xfffffffe, 4, "compressed"},
        {CENTRAL1, 28, 65535, 2, "directory is broken"},
        {CENTRAL1, 28, 1, 2, "two names"},
        {CENTRAL1, 30, 60000, 2, "directory is broken"},
        {CENTRAL1, 32, 60000, 2, "directory is broken"},
        {CENTRAL1, 42, 0xfffffffe, 4, "outside"},
        {CENTRAL1, 42, 0, 4, "two names"},
        {CENTRAL1, 42, 1, 4, "outside"},
        {LOCAL1, 0, 0, 4, "outside"},
        {LOCAL1, 26, 65535, 2, "outside"},
        {LOCAL1, 28, 65535, 2, "outside"},
        {LOCAL1, 28, 4, 2, "outside"},
        {LOCAL1, 30, 'b', 1, "two names"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        Zip zip = make_archive(false);
        size_t base = changes[i].record == END        ? zip.bytes.size - 22
                      : changes[i].record == CENTRAL0 ? zip.entries[0].central
                      : changes[i].record == CENTRAL1 ? zip.entries[1].central
                                                      : zip.entries[1].offset;
        put_at(&zip.bytes, base + changes[i].offset, changes[i].value, changes[i].n_bytes);
        char what[64];
        snprintf(what, sizeof what, "record %d + %zu = %llx", changes[i].record, changes[i].offset,
                 (unsigned long long)changes[i].value);
        check_refused(zip.bytes.data, zip.bytes.size, what, changes[i].message);
        zip_clear(&zip);
    }
    static const struct {
        size_t offset; // from the second entry's ZIP64 fields
        uint64_t value;
        int n_bytes;
        const char *message;
    } fields[] = {
        {5, 1, 2, NULL}, // what it is
        {5, 2, 2, "ZIP64 field is missing"},
        {2, 1000, 2, "ZIP64 field is missing"},
        {7, 16, 2, "ZIP64 field is too short"},
        {7, 25, 2, "ZIP64 field is missing"},
        {9, UINT64_MAX, 8, "compressed"},
        {25, UINT64_MAX, 8, "outside"},
        {25, 1ull << 40, 8, "outside"},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        Zip zip = make_archive(true);
        put_at(&zip.bytes, zip.entries[1].central + 46 + 8 + fields[i].offset, fields[i].value,
               fields[i].n_bytes);
        check_refused(zip.bytes.data, zip.bytes.size, "ZIP64", fields[i].message);
        zip_clear(&zip);
    }
    end_group("fields of the archive");
}

static void test_zip_entries(void)
{
    static const char pickle[] = "\x80\x02}.";
    Zip zip = {0};
    zip_add(&zip, "a/data.pkl", pickle, 4);
    zip_add(&zip, "b/data.pkl", pickle, 4);
    zip_finish(&zip);
    check_refused(zip.bytes.data, zip.bytes.size, "two pickles", "more than one data.pkl");
    zip_clear(&zip);
    zip_add(&zip, "a/data.pkl", pickle, 4);
    zip_add(&zip, "a/data.pkl", pickle, 4);
    zip_finish(&zip);
    check_refused(zip.bytes.data, zip.bytes.size, "one name twice", "same name");
    zip_clear(&zip);
    zip_add(&zip, "a/other", pickle, 4);
    zip_finish(&zip);
    check_refused(zip.bytes.data, zip.bytes.size, "no pickle", "no data.pkl");
    zip_clear(&zip);
    zip_add(&zip, "data.pkl", pickle, 4);
    zip_finish(&zip);
    check_refused(zip.bytes.data, zip.bytes.size, "no folder", "no data.pkl");
    zip_clear(&zip);
    zip_add(&zip, "a/data.pkl", pickle, 4);
    zip_add(&zip, "a/byteorder", "big", 3);
    zip_finish(&zip);
    check_refused(zip.bytes.data, zip.bytes.size, "big", "big-endian");
    zip_clear(&zip);
    // The first entry's data reaches over the second one.
    zip_add(&zip, "a/data.pkl", pickle, 4);
    zip_add(&zip, "a/data/0", pickle, 4);
    zip.entries[0].size = 40;
    zip_finish(&zip);
    check_refused(zip.bytes.data, zip.bytes.size, "overlap", "overlap");
    zip_clear(&zip);
    // 60000 records of one and the same entry.
    zip_add(&zip, "a/data.pkl", pickle, 4);
    zip_finish(&zip);
    Bytes many = {0};
    bytes_put(&many, zip.bytes.data, zip.directory);
    size_t record = zip.bytes.size - 22 - zip.directory;
    for (int i = 0; i < 60000; i++)
        bytes_put(&many, zip.bytes.data + zip.directory, record);
    bytes_put(&many, "PK\5\6\0\0\0\0", 8);
    bytes_put_int(&many, 60000, 2);
    bytes_put_int(&many, 60000, 2);
    bytes_put_int(&many, 60000 * record, 4);
    bytes_put_int(&many, zip.directory, 4);
    bytes_put_int(&many, 0, 2);
    check_refused(many.data, many.size, "many records", "overlap");
    bytes_clear(&many);
    zip_clear(&zip);
    end_group("entries of the archive");
}

// Cuts a file at every step-th byte where `dense` says so, and at every sparse-th elsewhere.
static void cut_file(const char *path, size_t step, size_t dense_begin, size_t dense_end,
                     size_t sparse, bool with_config)
{
    const char *copy = temporary_path("cut");
    Bytes content = read_file(path);
    write_file(copy, content.data, content.size);
    size_t n = 0;
    for (size_t size = content.size - 1;;) {
        if (!CHECK(truncate(copy, (off_t)size) == 0))
            break;
        Outcome out = try_file(copy, with_config);
        n++;
        if (!CHECK(is_refused(&out, copy)))
            printf("cut at %zu: status %d, %.3f s: %s\n", size, out.status, out.cpu_s,
                   out.error.message);
        if (size == 0)
            break;
        bool dense = size > dense_begin && size <= dense_end;
        size_t back = dense ? step : sparse;
        size_t next = (size - 1) / back * back;
        size = size > dense_end && next < dense_end ? dense_end : next;
    }
    bytes_clear(&content);
    printf("%zu cuts; ", n);
}

static void test_cuts(void)
{
    static const char *const files[] = {"plain.pt", "views.pt", "parameters.pt", "bare.pt"};
    char path[1024];
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/pt/%s", data_dir, files[i]);
        cut_file(path, 1, 0, SIZE_MAX, 1, false);
    }
    end_group("small .pt files, cut at every byte");
    // 6 MB: 93000 cuts at every 64th byte would take minutes, nearly all of them inside of weights.
    snprintf(path, sizeof path, "%s/reference/micro-2.1/model.pt", data_dir);
    cut_file(path, 64, 0, 70000, 4096, false);
    struct stat info;
    CHECK(stat(path, &info) == 0);
    size_t size = (size_t)info.st_size;
    cut_file(path, 64, size - 60000, size, 1 << 20, false);
    end_group("model.pt, every 64th byte of pickle and directory, every 4096th of weights");
    const char *micro = temporary_path("micro.safetensors");
    snprintf(path, sizeof path, "%s/reference/micro-2.1/model.json", data_dir);
    CHECK(seeded_write(path, micro, NULL) == SAM2_OK);
    cut_file(micro, 64, 0, 60000, 65536, false);
    end_group("micro.safetensors, every 64th byte of the header, every 65536th of weights");
    Bytes small = make_safetensors("{\"__metadata__\":{\"k\":\"v\"},\"a\":" F32(
                                       "[2]", "0", "8") ",\"b\":" F32("[2,2]", "8", "24") "}",
                                   24);
    const char *file = temporary_path("small.safetensors");
    write_file(file, small.data, small.size);
    char kept[512];
    snprintf(kept, sizeof kept, "%s", file);
    cut_file(kept, 1, 0, SIZE_MAX, 1, false);
    bytes_clear(&small);
    end_group("a small safetensors, cut at every byte");
}

// Every bit of torch's small files flips. Either the file is refused, or the bit was in a field
// that nobody reads and the tensors are the same.
static void test_flips(void)
{
    static const char *const files[] = {"plain.pt", "views.pt", "parameters.pt"};
    int n_refused = 0, n_tried = 0;
    for (int i = 0; i < 3; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/pt/%s", data_dir, files[i]);
        uint64_t hash = try_file(path, false).hash;
        Bytes content = read_file(path);
        for (size_t bit = 0; bit < 8 * content.size; bit++) {
            content.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            Outcome out = try_bytes(content.data, content.size, false);
            bool right = out.status == SAM2_OK ? out.hash == hash
                                               : is_refused(&out, temporary_path("hostile"));
            if (!CHECK(right))
                printf("%s, bit %zu: status %d: %s\n", files[i], bit, out.status,
                       out.error.message);
            n_tried++;
            n_refused += out.status != SAM2_OK;
            content.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        bytes_clear(&content);
    }
    CHECK(n_refused > n_tried / 2);
    printf("%d of %d refused; ", n_refused, n_tried);
    end_group("flipped bits of .pt files");
}

// The configuration as text: cut at every byte, every byte changed.
static void test_config_text(void)
{
    Bytes json = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/reference/micro-2.1/model.json", data_dir);
    json = read_file(path);
    bytes_put(&json, "", 1);
    char *start = strchr(strstr((char *)json.data, "\"config\":"), '{');
    char *end = strstr(start, "\"tensors\"");
    while (end > start && *end != '}')
        end--;
    size_t size = (size_t)(end - start) + 1;
    char *text = strndup(start, size);
    bytes_clear(&json);
    Sam2Config config = {.embed_dim = 16};
    Sam2Error error = {0};
    if (!CHECK(sam2_config_parse(&config, text, "FILE", &error) == SAM2_OK))
        printf("%s\n", error.message);
    for (size_t cut = 0; cut < size; cut++) {
        char *shorter = strndup(text, cut);
        error = (Sam2Error){0};
        CHECK(sam2_config_parse(&config, shorter, "FILE", &error) == SAM2_ERR_FORMAT &&
              strstr(error.message, "FILE"));
        free(shorter);
    }
    for (size_t at = 0; at < size; at++) {
        static const char replacements[] = "\"{}[],:0-9e.x\x01\xff";
        char kept = text[at];
        for (size_t k = 0; k < sizeof replacements - 1; k++) {
            text[at] = replacements[k];
            Sam2Config changed = {.embed_dim = 16};
            Sam2Status status = sam2_config_parse(&changed, text, "FILE", &error);
            CHECK(status == SAM2_OK ||
                  (status != SAM2_ERR_MEMORY && strstr(error.message, "FILE")));
        }
        text[at] = kept;
    }
    free(text);
    end_group("configuration text, cut and changed at every byte");
}

static void test_values(void)
{
    static const struct {
        const char *dtype, *message;
        uint64_t bits;
        int n_bytes;
    } values[] = {
        {"F32", "not finite", 0x7fc00000, 4},
        {"F32", "not finite", 0xff800000, 4},
        {"F32", "not finite", 0x7f800001, 4},
        {"F16", "not finite", 0x7c00, 2},
        {"F16", "not finite", 0xfe00, 2},
        {"BF16", "not finite", 0x7f80, 2},
        {"BF16", "not finite", 0xffff, 2},
        {"F16", NULL, 0x7bff, 2},
        {"BF16", NULL, 0x7f7f, 2},
        {"F32", NULL, 0x7f7fffff, 4},
        {"F32", NULL, 0x00000001, 4},
        {"F16", NULL, 0x8001, 2},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char header[256];
        snprintf(header, sizeof header,
                 "{\"odd\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%d]}}",
                 values[i].dtype, 3 * values[i].n_bytes);
        Bytes file = make_safetensors(header, 3 * (size_t)values[i].n_bytes);
        put_at(&file, file.size - 2 * (size_t)values[i].n_bytes, values[i].bits, values[i].n_bytes);
        check_refused(file.data, file.size, header, values[i].message);
        Outcome out = try_bytes(file.data, file.size, false);
        if (values[i].message)
            CHECK(strstr(out.error.message, "\"odd\"") && strstr(out.error.message, "index 1"));
        bytes_clear(&file);
    }
    end_group("values that are not finite");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test_weights_hostile TESTS_DATA\n");
        return 2;
    }
    data_dir = argv[1];
    limit_memory();
    test_magic();
    test_safetensors_headers();
    test_safetensors_sizes();
    test_hf_names();
    test_zip_fields();
    test_zip_entries();
    test_cuts();
    test_flips();
    test_config_text();
    test_values();
    return end_tests();
}
