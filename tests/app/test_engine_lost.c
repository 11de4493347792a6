// SPDX-License-Identifier: Apache-2.0
// The model's device is lost: the engine tells, and goes on elsewhere. On the emulated cuda
// backend, in a process of its own.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "tests/app/engine_fixture.h"
#include "tests/model/cuda/emulate_control.h"
#include "tests/support/check.h"

static char *told; // backend of the news

static void device_lost_cb(MskEngine *engine, const MskModelInfo *info, gpointer user)
{
    CHECK(!told);
    told = g_strdup(info->backend);
}

static gboolean open_cuda(MskEngine *engine, MskModelInfo *info, GError **error)
{
    GAsyncResult *result = NULL;
    MskModelParams params = {.path = engine_model,
                             .backend = MSK_BACKEND_CUDA,
                             .precision = MSK_PRECISION_FP32,
                             .n_threads = 1};
    msk_engine_open_model_async(engine, &params, NULL, engine_done_cb, &result);
    gboolean is_open = msk_engine_open_model_finish(engine, engine_wait(&result), info, error);
    g_object_unref(result);
    return is_open;
}

static void test_lost(void)
{
    g_autoptr(MskEngine) engine = msk_engine_new();
    g_autoptr(GError) error = NULL;
    MskModelInfo info;
    int bad = -1;
    MskFrameSource source = {.width = ENGINE_WIDTH,
                             .height = ENGINE_HEIGHT,
                             .n_frames = 4,
                             .get_rgb = engine_get_rgb_cb,
                             .user = &bad};
    g_signal_connect(engine, "device-lost", G_CALLBACK(device_lost_cb), NULL);
    if (!CHECK(open_cuda(engine, &info, &error))) {
        printf("%s\n", error->message);
        return;
    }
    CHECK(g_str_has_prefix(info.backend, "cuda"));
    guint64 model = msk_engine_get_model(engine);
    void *handle = dlopen(g_getenv("SAM2_CUDA_MODULE"), RTLD_NOW | RTLD_NOLOAD);
    EmulatedControl *control = handle ? dlsym(handle, EMULATED_CONTROL_SYMBOL) : NULL;
    if (!CHECK(control))
        return;
    g_autoptr(MskVideo) video = msk_video_new(engine, &source, NULL);
    control->fail_launch = 40;
    g_autoptr(MskResult) none = engine_click(engine, video, 0, 20, 24, NULL, &error);
    CHECK(!none && g_error_matches(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_STATE) &&
          strstr(error->message, "lost"));
    g_clear_error(&error);
    for (int i = 0; i < 1000 && !told; i++)
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(10000);
    CHECK(told && g_str_has_prefix(told, "cpu"));
    // The same video, the same model, another backend.
    g_autoptr(MskResult) again = engine_click(engine, video, 0, 20, 24, NULL, &error);
    CHECK(again && !error && msk_engine_get_model(engine) == model);
    CHECK(!open_cuda(engine, &info, &error) &&
          g_error_matches(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_BACKEND));
    const char *why = NULL;
    CHECK(!msk_backend_is_available(MSK_BACKEND_CUDA, &why) && strstr(why, "started again"));
    g_free(told);
    end_group("a lost device");
}

int main(int argc, char **argv)
{
    if (argc != 2 || !engine_make_models(argv[1]))
        return 1;
    test_lost();
    engine_remove_models();
    return end_tests();
}
