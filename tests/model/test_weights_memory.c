// SPDX-License-Identifier: Apache-2.0
// Every allocation of the weight files' readers and writers fails once: nothing leaks, the status
// says so.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/weight_fixture.h"
#include "tests/seeded.h"
#include "tests/support/check.h"
#include "tests/support/fail_alloc.h"

static Sam2Status open_only(const char *path, const char *out, Sam2Error *error)
{
    Sam2Checkpoint *checkpoint;
    SAM2_TRY(sam2_checkpoint_open(&checkpoint, path, error));
    sam2_checkpoint_close(&checkpoint);
    return SAM2_OK;
}

static Sam2Status inspect(const char *path, const char *out, Sam2Error *error)
{
    Sam2ModelInfo info;
    return sam2_model_inspect(path, &info, error);
}

static Sam2Status convert(const char *path, const char *out, Sam2Error *error)
{
    return sam2_model_convert(path, out, SAM2_F16, error);
}

static Sam2Status seed(const char *path, const char *out, Sam2Error *error)
{
    return seeded_write(path, out, error);
}

typedef Sam2Status (*Action)(const char *path, const char *out, Sam2Error *error);

// Fails allocations 1, 2, 3, ... until none is reached.
static void fail_each(const char *what, Action action, const char *path)
{
    char out[512];
    snprintf(out, sizeof out, "%s", temporary_path("out.safetensors"));
    Sam2Error warm_up;
    CHECK(action(path, out, &warm_up) == SAM2_OK);
    for (int all_later = 0; all_later < 2; all_later++) {
        bool hit = true;
        for (int n = 1; hit; n++) {
            Sam2Error error = {0};
            fail_alloc_start(n, all_later);
            Sam2Status status = action(path, out, &error);
            FailAlloc result = fail_alloc_stop();
            long left = result.balance;
            hit = result.hit;
            bool right = left == 0 && status == (hit ? SAM2_ERR_MEMORY : SAM2_OK) &&
                         (!hit || strstr(error.message, "memory"));
            if (!CHECK(right))
                printf("%s: allocation %d: %ld blocks left, status %d: %s\n", what, n, left, status,
                       error.message);
        }
    }
    end_group(what);
}

// Few tensors, but all that model/hf.c renames, merges and splits.
static void write_hf(const char *path)
{
    Bytes file = make_safetensors("{\"vision_encoder.backbone.pos_embed\":"
                                  "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                  "\"shared_image_embedding.positional_embedding\":"
                                  "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},"
                                  "\"prompt_encoder.shared_embedding.positional_embedding\":"
                                  "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
                                  "\"prompt_encoder.point_embed.weight\":"
                                  "{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[12,28]}}",
                                  28);
    write_file(path, file.data, file.size);
    bytes_clear(&file);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test_weights_memory TESTS_DATA\n");
        return 2;
    }
    char path[1024], micro[512];
    snprintf(micro, sizeof micro, "%s", temporary_path("micro.safetensors"));
    snprintf(path, sizeof path, "%s/reference/micro-2.1/model.json", argv[1]);
    if (!CHECK(seeded_write(path, micro, NULL) == SAM2_OK))
        return end_tests();
    fail_each("writing seeded weights", seed, path);
    fail_each("opening micro.safetensors", open_only, micro);
    fail_each("inspecting micro.safetensors", inspect, micro);
    fail_each("converting micro.safetensors", convert, micro);
    snprintf(path, sizeof path, "%s/reference/micro-2.1/model.pt", argv[1]);
    fail_each("opening micro-2.1/model.pt", open_only, path);
    snprintf(micro, sizeof micro, "%s", temporary_path("hf.safetensors"));
    write_hf(micro);
    fail_each("opening a file with Hugging Face's names", open_only, micro);
    static const char *const files[] = {"plain.pt", "bare.pt", "views.pt", "parameters.pt"};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/pt/%s", argv[1], files[i]);
        fail_each(files[i], open_only, path);
    }
    return end_tests();
}
