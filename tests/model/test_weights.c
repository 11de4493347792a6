// SPDX-License-Identifier: Apache-2.0
// Weight files that must open: torch's, safetensors, every configuration; JSON; converting.
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_private.h"
#include "model/json.h"
#include "model/safetensors.h"
#include "tests/model/weight_fixture.h"
#include "tests/seeded.h"
#include "tests/support/check.h"

static const char *data_dir; // tests/data

static const char *data_path(const char *name)
{
    static char paths[4][1024];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", data_dir, name);
    return path;
}

static Sam2Checkpoint *open_file(const char *path)
{
    Sam2Checkpoint *checkpoint;
    Sam2Error error = {0};
    if (!CHECK(sam2_checkpoint_open(&checkpoint, path, &error) == SAM2_OK))
        printf("%s\n", error.message);
    return checkpoint;
}

// ---- JSON --------------------------------------------------------------------------------------

static Sam2Json *parse(const char *text)
{
    Sam2Json *json;
    sam2_json_parse(&json, text, strlen(text), "text", NULL);
    return json;
}

static void test_json_values(void)
{
    Sam2Json *json =
        parse(" {\"a\" : [1, -2.5e3, true, false, null, {}], "
              "\"b\":{\"c\":{\"d\":\"x\\u00e9\\ud83d\\ude00\\n\\\"\\/\"}}, \"\": []}\n");
    if (!CHECK(json))
        return;
    const Sam2JsonValue *root = sam2_json_root(json), *a = sam2_json_member(root, "a");
    const Sam2JsonValue *d = sam2_json_path(root, "b.c.d");
    CHECK(root->n_children == 3 && a->n_children == 6);
    CHECK(a->first->is_integer && a->first->integer == 1);
    CHECK(a->first->next->number == -2500 && !a->first->next->is_integer);
    CHECK(a->first->next->next->boolean && a->first->next->next->kind == SAM2_JSON_BOOL);
    CHECK(d && strcmp(d->string, "x\xc3\xa9\xf0\x9f\x98\x80\n\"/") == 0);
    CHECK(!sam2_json_path(root, "b.x.d") && !sam2_json_path(root, "a.b"));
    CHECK(sam2_json_member(root, "")->kind == SAM2_JSON_ARRAY);
    char quoted[64];
    size_t n = sam2_json_quote(quoted, "a\"b\\\n\xc3\xa9");
    CHECK(n == 16 && memcmp(quoted, "\"a\\\"b\\\\\\u000a\xc3\xa9\"", n) == 0);
    CHECK(sam2_json_quote(NULL, "a\"b\\\n\xc3\xa9") == n);
    sam2_json_free(&json);
    end_group("JSON values");
}

static void test_json_numbers(void)
{
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "0.1",
                                          "1e-6",
                                          "0.08247861",
                                          "0.176776695",
                                          "1e22",
                                          "-20.0",
                                          "123456789012345",
                                          "4.35",
                                          "0.000001",
                                          "1E+2",
                                          "65504",
                                          "9007199254740992",
                                          "2.5e-22",
                                          "1e300",
                                          "1e-300"};
    // The decimal comma must not matter; the locale may be missing, which is no failure.
    setlocale(LC_NUMERIC, "de_DE.UTF-8");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        Sam2Json *json = parse(numbers[i]);
        if (!CHECK(json))
            continue;
        setlocale(LC_NUMERIC, "C");
        double expected = strtod(numbers[i], NULL), found = sam2_json_root(json)->number;
        setlocale(LC_NUMERIC, "de_DE.UTF-8");
        bool exact = fabs(expected) < 1e23 && (expected == 0 || fabs(expected) > 1e-23);
        CHECK(exact ? found == expected : fabs(found - expected) <= 1e-15 * fabs(expected));
        sam2_json_free(&json);
    }
    setlocale(LC_NUMERIC, "C");
    Sam2Json *tiny = parse("1e-500");
    CHECK(tiny && sam2_json_root(tiny)->number == 0);
    sam2_json_free(&tiny);
    Sam2Json *whole = parse("[123456789012345678, 1234567890123456789, 99999999999999999999, 5.0]");
    const Sam2JsonValue *value = whole ? sam2_json_root(whole)->first : NULL;
    CHECK(value && value->is_integer && value->integer == 123456789012345678);
    // Too long to be exact: no integer, rather than a wrong one.
    CHECK(value && !value->next->is_integer && !value->next->next->is_integer);
    sam2_json_free(&whole);
    end_group("JSON numbers");
}

static void test_json_refused(void)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[",
                                        "[1",
                                        "[1,",
                                        "[1,]",
                                        "[,1]",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "{'a':1}",
                                        "\"",
                                        "\"\\\"",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\u0000\"",
                                        "\"\\ud800\"",
                                        "\"\\ud800\\u0041\"",
                                        "\"\\udc00\"",
                                        "\"\x01\"",
                                        "\"\xff\"",
                                        "\"\xc0\x80\"",
                                        "\"\xed\xa0\x80\"",
                                        "\"\xf4\x90\x80\x80\"",
                                        "\"\xe2\x82\"",
                                        "01",
                                        "-",
                                        "+1",
                                        ".5",
                                        "1.",
                                        "1e",
                                        "1e+",
                                        "0x10",
                                        "NaN",
                                        "Infinity",
                                        "-Infinity",
                                        "1e999",
                                        "tru",
                                        "nul",
                                        "True",
                                        "1 2",
                                        "{} {}",
                                        "[1}",
                                        "{]",
                                        "{\"a\":1,\"a\":2}",
                                        "{\"a\":1,\"b\":2,\"\\u0061\":3}",
                                        "// x\n1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Sam2Json *json;
        Sam2Error error = {0};
        Sam2Status status = sam2_json_parse(&json, texts[i], strlen(texts[i]), "text", &error);
        if (!CHECK(status == SAM2_ERR_FORMAT && !json && strstr(error.message, "text")))
            printf("accepted: %s\n", texts[i]);
        sam2_json_free(&json);
    }
    Bytes deep = {0};
    for (int i = 0; i < 64; i++)
        bytes_put_text(&deep, "[");
    for (int i = 0; i < 64; i++)
        bytes_put_text(&deep, "]");
    Sam2Json *json;
    CHECK(sam2_json_parse(&json, (char *)deep.data, deep.size, "text", NULL) == SAM2_OK);
    sam2_json_free(&json);
    bytes_clear(&deep);
    for (int i = 0; i < 100000; i++)
        bytes_put_text(&deep, "[");
    CHECK(sam2_json_parse(&json, (char *)deep.data, deep.size, "text", NULL) == SAM2_ERR_FORMAT);
    bytes_clear(&deep);
    for (int i = 0; i < 600000; i++)
        bytes_put_text(&deep, i ? ",1" : "[1");
    bytes_put_text(&deep, "]");
    CHECK(sam2_json_parse(&json, (char *)deep.data, deep.size, "text", NULL) == SAM2_ERR_FORMAT);
    bytes_clear(&deep);
    end_group("JSON refused");
}

// ---- torch -------------------------------------------------------------------------------------

// What make.py puts into each tensor.
static void check_ramp(const Sam2Checkpoint *checkpoint, const char *name, Sam2DType dtype,
                       int n_dims, const int64_t *shape)
{
    const Sam2CheckpointTensor *tensor = sam2_checkpoint_find(checkpoint, name);
    if (!CHECK(tensor && tensor->dtype == dtype && tensor->n_dims == n_dims)) {
        printf("tensor %s\n", name);
        return;
    }
    for (int i = 0; i < n_dims; i++)
        CHECK(tensor->shape[i] == shape[i]);
    float values[256];
    size_t n = tensor->size / sam2_dtype_size(dtype), n_right = 0;
    if (!CHECK(n <= 256 && sam2_checkpoint_read_f32(tensor, values, "file", NULL) == SAM2_OK))
        return;
    for (size_t i = 0; i < n; i++)
        n_right += values[i] == (float)i / 2 - 3;
    CHECK(n_right == n);
}
#define SHAPE(...)                                                                                 \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void test_torch_files(void)
{
    static const char *const plain[] = {"pt/plain.pt", "pt/bare.pt"};
    for (int i = 0; i < 2; i++) {
        Sam2Checkpoint *checkpoint = open_file(data_path(plain[i]));
        if (!checkpoint)
            continue;
        CHECK(sam2_checkpoint_n_tensors(checkpoint) == 4);
        check_ramp(checkpoint, "single", SAM2_F32, SHAPE(2, 3));
        check_ramp(checkpoint, "half", SAM2_F16, SHAPE(4));
        check_ramp(checkpoint, "brain", SAM2_BF16, SHAPE(2, 2, 2));
        check_ramp(checkpoint, "scalar", SAM2_F32, 0, NULL);
        CHECK(!sam2_checkpoint_find(checkpoint, "epoch"));
        sam2_checkpoint_close(&checkpoint);
    }
    Sam2Checkpoint *checkpoint = open_file(data_path("pt/parameters.pt"));
    if (checkpoint)
        check_ramp(checkpoint, "weight", SAM2_F32, SHAPE(3, 2));
    sam2_checkpoint_close(&checkpoint);
    checkpoint = open_file(data_path("pt/views.pt"));
    if (checkpoint) {
        check_ramp(checkpoint, "transposed", SAM2_F32, SHAPE(6, 4));
        check_ramp(checkpoint, "channels_last", SAM2_F32, SHAPE(2, 3, 4, 5));
        check_ramp(checkpoint, "tail", SAM2_F32, SHAPE(3));
        check_ramp(checkpoint, "column", SAM2_F32, SHAPE(4));
    }
    sam2_checkpoint_close(&checkpoint);
    end_group("files that torch wrote");
}

static void test_torch_refused(void)
{
    static const struct {
        const char *name, *message;
        Sam2Status status;
    } files[] = {
        {"pt/evil.pt", "posix.system", SAM2_ERR_UNSUPPORTED},
        {"pt/int.pt", "torch.LongStorage", SAM2_ERR_UNSUPPORTED},
        {"pt/double.pt", "torch.DoubleStorage", SAM2_ERR_UNSUPPORTED},
        {"pt/protocol4.pt", "protocol 2", SAM2_ERR_UNSUPPORTED},
        {"pt/legacy.pt", "older than 1.6", SAM2_ERR_UNSUPPORTED},
        {"pt/expanded.pt", "\"expanded\"", SAM2_ERR_FORMAT},
        {"pt/five_dims.pt", "\"wide\"", SAM2_ERR_SHAPE},
        {"pt/no_tensors.pt", "no tensors", SAM2_ERR_FORMAT},
        {"pt/make.py", "known kind", SAM2_ERR_FORMAT},
        {"pt", "not a file", SAM2_ERR_IO},
        {"pt/absent.pt", "No such file", SAM2_ERR_IO},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = data_path(files[i].name);
        Outcome out = try_file(path, false);
        if (!CHECK(is_refused(&out, path) && out.status == files[i].status &&
                   strstr(out.error.message, files[i].message)))
            printf("%s: %d %s\n", path, out.status, out.error.message);
    }
    end_group("torch files refused");
}

// ---- Seeded weights ----------------------------------------------------------------------------

static bool same_tensors(const Sam2Checkpoint *a, const Sam2Checkpoint *b)
{
    if (sam2_checkpoint_n_tensors(a) != sam2_checkpoint_n_tensors(b))
        return false;
    for (size_t i = 0; i < sam2_checkpoint_n_tensors(a); i++) {
        const Sam2CheckpointTensor *x = sam2_checkpoint_tensor(a, i);
        const Sam2CheckpointTensor *y = sam2_checkpoint_find(b, x->name);
        if (!y || x->dtype != y->dtype || x->n_dims != y->n_dims || x->size != y->size ||
            memcmp(x->shape, y->shape, (size_t)x->n_dims * sizeof *x->shape) != 0 ||
            memcmp(x->data, y->data, x->size) != 0) {
            printf("tensor %s differs\n", x->name);
            return false;
        }
    }
    return true;
}

static void test_seeded(void)
{
    Sam2Error error = {0};
    const char *path = temporary_path("micro.safetensors");
    CHECK(seeded_write(data_path("reference/micro-2.1/model.json"), path, &error) == SAM2_OK);
    Sam2Checkpoint *torch = open_file(data_path("reference/micro-2.1/model.pt"));
    Sam2Checkpoint *seeded = open_file(path);
    if (torch && seeded) {
        CHECK(sam2_checkpoint_n_tensors(torch) == 359);
        CHECK(same_tensors(torch, seeded));
        CHECK(!sam2_checkpoint_metadata(torch, "masklet.config"));
        CHECK(strcmp(sam2_checkpoint_metadata(seeded, "format"), "pt") == 0);
        CHECK(strcmp(sam2_checkpoint_path(seeded), path) == 0);
    }
    sam2_checkpoint_close(&torch);
    sam2_checkpoint_close(&seeded);
    end_group("seeded weights equal torch's file bit for bit");
}

// ---- Configurations ----------------------------------------------------------------------------

static void check_micro(const Sam2Config *c, bool is_2_1)
{
    CHECK(strcmp(c->variant, "custom") == 0 && c->is_2_1 == is_2_1 && c->image_size == 256);
    CHECK(c->embed_dim == 16 && c->n_heads == 1 && c->stages[2] == 3 && c->stages[3] == 1);
    CHECK(c->n_global_att_blocks == 2 && c->global_att_blocks[0] == 2 &&
          c->global_att_blocks[1] == 4);
    CHECK(c->window_spec[0] == 8 && c->window_spec[1] == 4 && c->window_spec[2] == 14 &&
          c->window_spec[3] == 7);
    CHECK(c->pos_embed_size[0] == 7 && c->d_model == 64 && c->mem_dim == 16);
    CHECK(c->memory_layers == 2 && c->memory_feedforward == 128 && c->fuser_layers == 2);
    CHECK(c->num_maskmem == 7 && c->max_obj_ptrs == 16);
    CHECK(c->sigmoid_scale == 20 && c->sigmoid_bias == -10);
    CHECK(c->no_obj_embed_spatial == is_2_1 && c->add_tpos_enc_to_obj_ptrs == is_2_1 &&
          c->proj_tpos_enc_in_obj_ptrs == is_2_1 && c->use_signed_tpos_enc_to_obj_ptrs == is_2_1);
}

static bool same_config(const Sam2Config *a, const Sam2Config *b)
{
    char *x = NULL, *y = NULL;
    bool same = sam2_config_format(&x, a, NULL) == SAM2_OK &&
                sam2_config_format(&y, b, NULL) == SAM2_OK && strcmp(x, y) == 0 &&
                strcmp(a->variant, b->variant) == 0 && a->is_2_1 == b->is_2_1;
    free(x);
    free(y);
    return same;
}

static void test_micro_config(void)
{
    static const char *const folders[] = {"micro-2.1", "micro-2.0", "micro-2.1-occlusion"};
    for (int i = 0; i < 3; i++) {
        char json[128];
        const char *path = temporary_path("config.safetensors");
        snprintf(json, sizeof json, "reference/%s/model.json", folders[i]);
        CHECK(seeded_write(data_path(json), path, NULL) == SAM2_OK);
        Sam2Checkpoint *checkpoint = open_file(path);
        Sam2Config config, again = {0};
        Sam2Error error = {0};
        if (!checkpoint || !CHECK(sam2_config_read(&config, checkpoint, &error) == SAM2_OK)) {
            printf("%s\n", error.message);
            continue;
        }
        check_micro(&config, i != 1);
        char *text = NULL;
        CHECK(sam2_config_format(&text, &config, NULL) == SAM2_OK);
        CHECK(text && sam2_config_parse(&again, text, "text", NULL) == SAM2_OK);
        again.is_2_1 = config.is_2_1;
        memcpy(again.variant, config.variant, sizeof again.variant);
        CHECK(same_config(&config, &again));
        free(text);
        sam2_checkpoint_close(&checkpoint);
    }
    end_group("configurations of the micro models");
}

// A file with just the tensors that tell a variant apart.
static void write_skeleton(const char *path, int embed, const int stages[4], int grid, bool is_2_1,
                           const char *config)
{
    Bytes header = {0};
    size_t offset = 0;
    char line[512];
    bytes_put_text(&header, "{\"__metadata__\":{\"format\":\"pt\"");
    if (config) {
        char quoted[4096];
        bytes_put_text(&header, ",\"masklet.config\":");
        bytes_put(&header, quoted, sam2_json_quote(quoted, config));
    }
    bytes_put_text(&header, "}");
#define TENSOR(shape_text, count, ...)                                                             \
    do {                                                                                           \
        char name[128];                                                                            \
        snprintf(name, sizeof name, __VA_ARGS__);                                                  \
        size_t size = 2 * (size_t)(count);                                                         \
        snprintf(line, sizeof line,                                                                \
                 ",\"%s\":{\"dtype\":\"BF16\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", name,   \
                 shape_text, offset, offset + size);                                               \
        bytes_put_text(&header, line);                                                             \
        offset += size;                                                                            \
    } while (0)
    char shape[64];
    snprintf(shape, sizeof shape, "1,%d,%d,%d", embed, grid, grid);
    TENSOR(shape, embed * grid * grid, "image_encoder.trunk.pos_embed");
    snprintf(shape, sizeof shape, "1,%d,8,8", embed);
    TENSOR(shape, embed * 64, "image_encoder.trunk.pos_embed_window");
    for (int stage = 0, block = 0; stage < 4; stage++) {
        for (int i = 0; i < stages[stage]; i++, block++) {
            snprintf(shape, sizeof shape, "%d,1", embed << stage);
            TENSOR(shape, embed << stage, "image_encoder.trunk.blocks.%d.attn.proj.weight", block);
        }
    }
    TENSOR("1,1,256", 256, "no_mem_embed");
    TENSOR("7,1,1,64", 448, "maskmem_tpos_enc");
    for (int i = 0; i < 4; i++)
        TENSOR("2048,1", 2048, "memory_attention.layers.%d.linear1.weight", i);
    for (int i = 0; i < 2; i++)
        TENSOR("256", 256, "memory_encoder.fuser.layers.%d.gamma", i);
    if (is_2_1) {
        TENSOR("1,64", 64, "no_obj_embed_spatial");
        TENSOR("64,256", 64 * 256, "obj_ptr_tpos_proj.weight");
    }
#undef TENSOR
    bytes_put(&header, "}", 2);
    Bytes file = make_safetensors((char *)header.data, offset);
    write_file(path, file.data, file.size);
    bytes_clear(&header);
    bytes_clear(&file);
}

static void test_published_config(void)
{
    static const struct {
        const char *name;
        int embed, heads, stages[4], grid, globals[3], windows[4];
    } sizes[] = {
        {"tiny", 96, 1, {1, 2, 7, 2}, 7, {5, 7, 9}, {8, 4, 14, 7}},
        {"small", 96, 1, {1, 2, 11, 2}, 7, {7, 10, 13}, {8, 4, 14, 7}},
        {"base+", 112, 2, {2, 3, 16, 3}, 14, {12, 16, 20}, {8, 4, 14, 7}},
        {"large", 144, 2, {2, 6, 36, 4}, 7, {23, 33, 43}, {8, 4, 16, 8}},
    };
    for (int i = 0; i < 8; i++) {
        const char *path = temporary_path("skeleton.safetensors");
        bool is_2_1 = i < 4;
        write_skeleton(path, sizes[i % 4].embed, sizes[i % 4].stages, sizes[i % 4].grid, is_2_1,
                       NULL);
        Sam2Checkpoint *checkpoint = open_file(path);
        Sam2Config c;
        Sam2Error error = {0};
        if (!checkpoint || !CHECK(sam2_config_read(&c, checkpoint, &error) == SAM2_OK)) {
            printf("%s\n", error.message);
            continue;
        }
        CHECK(strcmp(c.variant, sizes[i % 4].name) == 0 && c.is_2_1 == is_2_1);
        CHECK(c.image_size == 1024 && c.embed_dim == sizes[i % 4].embed);
        CHECK(c.n_heads == sizes[i % 4].heads && c.n_global_att_blocks == 3);
        CHECK(memcmp(c.global_att_blocks, sizes[i % 4].globals, sizeof sizes[0].globals) == 0);
        CHECK(memcmp(c.window_spec, sizes[i % 4].windows, sizeof sizes[0].windows) == 0);
        CHECK(memcmp(c.stages, sizes[i % 4].stages, sizeof sizes[0].stages) == 0);
        CHECK(c.pos_embed_size[0] == sizes[i % 4].grid && c.memory_layers == 4);
        CHECK(c.add_tpos_enc_to_obj_ptrs == is_2_1 && c.no_obj_embed_spatial == is_2_1);
        sam2_checkpoint_close(&checkpoint);
    }
    end_group("published sizes told from the shapes");
}

static void test_partial_config(void)
{
    static const int base_plus[4] = {2, 3, 16, 3}, other[4] = {1, 1, 1, 1};
    static const struct {
        const char *text, *message; // message NULL: read
        Sam2Status status;
    } configs[] = {
        {"{}", NULL, SAM2_OK}, // absent keys have the defaults of the constructors, which are base+
        {"{\"image_size\":512}", NULL, SAM2_OK},
        {"{\"unknown\":{\"image_size\":3}}", NULL, SAM2_OK},
        {"[]", "not a JSON object", SAM2_ERR_FORMAT},
        {"{\"image_size\":1000}", "image_size is 1000", SAM2_ERR_UNSUPPORTED},
        {"{\"image_size\":32}", "image_size is 32", SAM2_ERR_UNSUPPORTED},
        {"{\"image_size\":4096}", "image_size is 4096", SAM2_ERR_UNSUPPORTED},
        {"{\"image_size\":0}", "image_size is 0", SAM2_ERR_UNSUPPORTED},
        {"{\"image_size\":-64}", "image_size", SAM2_ERR_FORMAT},
        {"{\"image_size\":1e3}", "image_size", SAM2_ERR_FORMAT},
        {"{\"image_size\":\"1024\"}", "image_size", SAM2_ERR_FORMAT},
        {"{\"image_size\":99999999999}", "image_size", SAM2_ERR_FORMAT},
        {"{\"num_maskmem\":6}", "num_maskmem 6", SAM2_ERR_SHAPE},
        {"{\"num_maskmem\":0}", "num_maskmem", SAM2_ERR_UNSUPPORTED},
        {"{\"max_obj_ptrs_in_encoder\":100000}", "max_obj_ptrs", SAM2_ERR_FORMAT},
        {"{\"sigmoid_scale_for_mem_enc\":1e30}", "sigmoid_scale", SAM2_ERR_FORMAT},
        {"{\"sigmoid_scale_for_mem_enc\":true}", "sigmoid_scale", SAM2_ERR_FORMAT},
        {"{\"no_obj_embed_spatial\":false}", "no_obj_embed_spatial 0", SAM2_ERR_SHAPE},
        {"{\"no_obj_embed_spatial\":1}", "no_obj_embed_spatial", SAM2_ERR_FORMAT},
        {"{\"proj_tpos_enc_in_obj_ptrs\":false}", "proj_tpos_enc", SAM2_ERR_SHAPE},
        {"{\"add_tpos_enc_to_obj_ptrs\":false}", "add_tpos_enc", SAM2_ERR_UNSUPPORTED},
        {"{\"pred_obj_scores\":false}", "pred_obj_scores is false", SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"scalp\":2}}", "scalp is 2", SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"trunk\":{\"q_stride\":[2,3]}}}", "q_stride", SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"trunk\":{\"embed_dim\":0}}}", "embed_dim is 0",
         SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"trunk\":{\"embed_dim\":96}}}", "embed_dim 96", SAM2_ERR_SHAPE},
        {"{\"image_encoder\":{\"trunk\":{\"num_heads\":3}}}", "multiples of 3",
         SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"trunk\":{\"num_heads\":0}}}", "num_heads is 0",
         SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"trunk\":{\"stages\":[2,3,16]}}}", "stages", SAM2_ERR_FORMAT},
        {"{\"image_encoder\":{\"trunk\":{\"stages\":[2,3,60,3]}}}", "number of blocks is 68",
         SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"trunk\":{\"stages\":[2,3,15,4]}}}", "stages[2] 15", SAM2_ERR_SHAPE},
        {"{\"image_encoder\":{\"trunk\":{\"window_spec\":[7,4,14,7]}}}", "is 7",
         SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"trunk\":{\"window_spec\":[4,4,14,7]}}}", "window_spec[0] 4",
         SAM2_ERR_SHAPE},
        {"{\"image_encoder\":{\"trunk\":{\"window_spec\":[8,4,14,0]}}}", "is 0",
         SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"trunk\":{\"global_att_blocks\":[24]}}}", "global_att_blocks is 24",
         SAM2_ERR_UNSUPPORTED},
        {"{\"image_encoder\":{\"trunk\":{\"global_att_blocks\":7}}}", "global_att_blocks",
         SAM2_ERR_FORMAT},
        {"{\"image_encoder\":{\"neck\":{\"backbone_channel_list\":[1,2,3,4]}}}",
         "backbone_channel_list", SAM2_ERR_FORMAT},
        {"{\"image_encoder\":{\"neck\":{\"d_model\":128}}}", "d_model 128", SAM2_ERR_SHAPE},
        {"{\"image_encoder\":{\"neck\":{\"d_model\":128}},\"memory_attention\":{\"d_model\":256}}",
         "another key", SAM2_ERR_FORMAT},
        {"{\"memory_attention\":{\"layer\":{\"activation\":\"gelu\"}}}", "activation is gelu",
         SAM2_ERR_UNSUPPORTED},
        {"{\"memory_attention\":{\"num_layers\":3}}", "memory attention layers 3", SAM2_ERR_SHAPE},
        {"{\"memory_encoder\":{\"out_dim\":48}}", "no multiple", SAM2_ERR_UNSUPPORTED},
        {"{\"image_size\":512,\"image_size\":256}", "twice", SAM2_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        const char *path = temporary_path("partial.safetensors");
        write_skeleton(path, 112, base_plus, 14, true, configs[i].text);
        Outcome out = try_file(path, true);
        bool right = configs[i].message
                         ? is_refused(&out, path) && strstr(out.error.message, configs[i].message)
                         : out.status == SAM2_OK;
        if (!CHECK(right && out.status == configs[i].status))
            printf("%s: %d %s\n", configs[i].text, out.status, out.error.message);
    }
    const char *path = temporary_path("other.safetensors");
    write_skeleton(path, 112, other, 14, true, NULL);
    Outcome out = try_file(path, true);
    CHECK(is_refused(&out, path) && strstr(out.error.message, "112 wide with 1-1-1-1 blocks"));
    end_group("configurations in the metadata");
}

// ---- Converting --------------------------------------------------------------------------------

static void test_convert(void)
{
    char micro[512], out[512];
    snprintf(micro, sizeof micro, "%s", temporary_path("micro.safetensors"));
    snprintf(out, sizeof out, "%s", temporary_path("converted.safetensors"));
    Sam2Error error = {0};
    Sam2ModelInfo info, again;
    CHECK(seeded_write(data_path("reference/micro-2.1/model.json"), micro, NULL) == SAM2_OK);
    CHECK(sam2_model_inspect(micro, &info, &error) == SAM2_OK);
    CHECK(strcmp(info.variant, "custom") == 0 && strcmp(info.version, "2.1") == 0);
    CHECK(info.image_size == 256 && info.d_model == 64 && info.n_parameters == 1470674);
    CHECK(sam2_model_convert(micro, out, SAM2_F32, &error) == SAM2_OK);
    Sam2Checkpoint *a = open_file(micro), *b = open_file(out);
    CHECK(a && b && same_tensors(a, b));
    Sam2Config x, y;
    CHECK(a && b && sam2_config_read(&x, a, NULL) == SAM2_OK &&
          sam2_config_read(&y, b, NULL) == SAM2_OK && same_config(&x, &y));
    sam2_checkpoint_close(&a);
    sam2_checkpoint_close(&b);
    for (Sam2DType dtype = SAM2_F16; dtype <= SAM2_BF16; dtype++) {
        CHECK(sam2_model_convert(micro, out, dtype, &error) == SAM2_OK);
        CHECK(sam2_model_inspect(out, &again, &error) == SAM2_OK);
        CHECK(again.n_parameters == info.n_parameters && again.image_size == 256);
    }
    const char *starter = data_path("../../data/models/starter.safetensors");
    CHECK(sam2_model_inspect(starter, &again, &error) == SAM2_OK && again.image_size == 384 &&
          again.d_model == 128 && again.n_parameters == 4424930);
    // In place, and without a trace where it fails.
    CHECK(sam2_model_convert(out, out, SAM2_F32, &error) == SAM2_OK);
    CHECK(sam2_model_convert(out, "/nonexistent/x.safetensors", SAM2_F32, &error) == SAM2_ERR_IO);
    CHECK(strstr(error.message, "/nonexistent/x.safetensors"));
    CHECK(sam2_model_convert(data_path("reference/micro-2.1/model.pt"), out, SAM2_F32, &error) ==
          SAM2_ERR_UNSUPPORTED);
    CHECK(sam2_model_inspect(out, &again, NULL) == SAM2_OK);
    CHECK(sam2_model_convert(NULL, out, SAM2_F32, &error) == SAM2_ERR_ARGUMENT);
    CHECK(sam2_model_convert(out, out, (Sam2DType)7, &error) == SAM2_ERR_ARGUMENT);
    CHECK(sam2_model_inspect(NULL, &again, &error) == SAM2_ERR_ARGUMENT);
    end_group("converting and inspecting");
}

static void test_convert_values(void)
{
    // 65520 is the first number that fp16 rounds to infinity.
    static const struct {
        uint32_t bits;
        Sam2DType dtype;
        bool written;
    } cases[] = {
        {0x477fe000, SAM2_F16, true},  // 65504
        {0x477fefff, SAM2_F16, true},  // just below 65520
        {0x477ff000, SAM2_F16, false}, // 65520
        {0xc77ff000, SAM2_F16, false},  {0x477ff000, SAM2_BF16, true},
        {0x7f7f7fff, SAM2_BF16, true},  // just below the middle to infinity
        {0x7f7f8000, SAM2_BF16, false}, // the middle
        {0x7f7fffff, SAM2_F32, true},   {0x7f800000, SAM2_F32, false}, // infinity
        {0x7fc00000, SAM2_F32, false},                                 // NaN
        {0x7fc00000, SAM2_F16, false},
    };
    static const int tiny[4] = {1, 2, 7, 2};
    char path[512], out[512];
    snprintf(path, sizeof path, "%s", temporary_path("values.safetensors"));
    snprintf(out, sizeof out, "%s", temporary_path("values_out.safetensors"));
    write_skeleton(path, 96, tiny, 7, true, NULL);
    CHECK(sam2_model_convert(path, path, SAM2_F32, NULL) == SAM2_OK);
    Bytes file = read_file(path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Sam2Error error = {0};
        memcpy(file.data + file.size - 4, &cases[i].bits, 4); // in the last tensor by name
        write_file(path, file.data, file.size);
        write_file(out, "old", 3);
        Sam2Status status = sam2_model_convert(path, out, cases[i].dtype, &error);
        CHECK((status == SAM2_OK) == cases[i].written);
        Bytes written = read_file(out);
        if (status != SAM2_OK) {
            CHECK(strstr(error.message, "\"obj_ptr_tpos_proj.weight\""));
            CHECK(strstr(error.message, out) || strstr(error.message, path));
            CHECK(written.size == 3 && memcmp(written.data, "old", 3) == 0);
        } else {
            CHECK(written.size > 1000);
        }
        bytes_clear(&written);
    }
    bytes_clear(&file);
    end_group("values that a type cannot hold");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test_weights TESTS_DATA\n");
        return 2;
    }
    data_dir = argv[1];
    test_json_values();
    test_json_numbers();
    test_json_refused();
    test_torch_files();
    test_torch_refused();
    test_seeded();
    test_micro_config();
    test_published_config();
    test_partial_config();
    test_convert();
    test_convert_values();
    return end_tests();
}
