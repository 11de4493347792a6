// SPDX-License-Identifier: Apache-2.0
// The trunk cut into bands (Sam2Backend.chunk_size) gives the same bits as in one piece, also where
// the last band is cut short and its windows are completed.
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "tests/model/video_fixture.h"
#include "tests/support/check.h"

typedef struct Stages {
    Sam2Backend *be;
    float *data[SAM2_N_STAGES];
    size_t size[SAM2_N_STAGES];
} Stages;

static Sam2Status keep_stage(void *user, int stage, const Sam2Tensor *out)
{
    Stages *stages = user;
    stages->size[stage] = sam2_tensor_size(out);
    stages->data[stage] = malloc(stages->size[stage]);
    if (!stages->data[stage])
        return SAM2_ERR_MEMORY;
    return stages->be->ops->download(stages->be, stages->data[stage], out->data,
                                     stages->size[stage]);
}

static bool run_trunk(Sam2Model *model, size_t chunk_size, Stages *out)
{
    Sam2Backend *be = model->be;
    const int64_t side = model->config.image_size;
    Sam2Arena arena;
    Sam2Tensor input;
    *out = (Stages){.be = be};
    be->chunk_size = chunk_size;
    sam2_arena_init(&arena, be);
    bool ok = SAM2_TAKE(&arena, &input, side, side, 3) == SAM2_OK;
    for (int64_t i = 0; ok && i < sam2_tensor_count(&input); i++)
        sam2_f32(&input)[i] = (float)(i * 7919 % 1009) / 504.5f - 1;
    ok = ok && sam2_hiera_forward(&model->hiera, &arena, &input, keep_stage, out) == SAM2_OK;
    sam2_arena_clear(&arena);
    return ok;
}

static void free_stages(Stages *stages)
{
    for (int i = 0; i < SAM2_N_STAGES; i++)
        free(stages->data[i]);
}

static void test_backend(Sam2BackendKind kind, const char *name)
{
    Sam2Model *model = fixture_model(kind, 288);
    if (!CHECK(model))
        return;
    const size_t chunks[] = {1, 100000, 300000, 1000000};
    Stages whole;
    CHECK(run_trunk(model, SIZE_MAX, &whole));
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        Stages cut;
        CHECK(run_trunk(model, chunks[i], &cut));
        for (int j = 0; j < SAM2_N_STAGES; j++)
            CHECK(whole.data[j] && cut.data[j] && whole.size[j] == cut.size[j] &&
                  !memcmp(whole.data[j], cut.data[j], whole.size[j]));
        free_stages(&cut);
    }
    free_stages(&whole);
    sam2_model_close(&model);
    end_group(name);
}

int main(void)
{
    test_backend(SAM2_BACKEND_REF, "bands on ref");
    if (sam2_backend_available(SAM2_BACKEND_CPU, NULL))
        test_backend(SAM2_BACKEND_CPU, "bands on cpu");
    return end_tests();
}
