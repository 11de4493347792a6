// SPDX-License-Identifier: Apache-2.0
// Models, a clip and waiting for tests of what stands on the engine.
#include "tests/app/engine_fixture.h"

#include <glib/gstdio.h>

#include "tests/seeded.h"

char *engine_model, *engine_smaller_model, *engine_other_model;
static char *folder;

// The micro model with another input size; half the size is a quarter of the work.
static char *make_model(const char *text, const char *size, const char *name)
{
    Sam2Error error;
    g_autofree char *json = g_build_filename(folder, "model.json", NULL);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_auto(GStrv) parts = g_strsplit(text, "\"image_size\": 256", 2);
    g_autofree char *changed = g_strjoinv(size, parts);
    gboolean made = g_strv_length(parts) == 2 && g_file_set_contents(json, changed, -1, NULL) &&
                    seeded_write(json, path, &error) == SAM2_OK;
    g_remove(json);
    return made ? g_steal_pointer(&path) : NULL;
}

gboolean engine_make_models(const char *json)
{
    g_autofree char *text = NULL;
    folder = g_dir_make_tmp("masklet-test-XXXXXX", NULL);
    if (!g_file_get_contents(json, &text, NULL, NULL))
        return FALSE;
    engine_model = make_model(text, "\"image_size\": 128", "a.safetensors");
    engine_smaller_model = make_model(text, "\"image_size\": 64", "c.safetensors");
    g_auto(GStrv) parts = g_strsplit(text, "\"seed\": 46", 2);
    g_autofree char *other = g_strjoinv("\"seed\": 47", parts);
    engine_other_model = make_model(other, "\"image_size\": 64", "d.safetensors");
    return engine_model && engine_smaller_model && engine_other_model;
}

void engine_remove_models(void)
{
    g_remove(engine_model);
    g_remove(engine_smaller_model);
    g_remove(engine_other_model);
    g_rmdir(folder);
    g_clear_pointer(&engine_model, g_free);
    g_clear_pointer(&engine_smaller_model, g_free);
    g_clear_pointer(&engine_other_model, g_free);
    g_clear_pointer(&folder, g_free);
}

gboolean engine_get_rgb_cb(gpointer user, int64_t frame, uint8_t *rgb, size_t stride,
                           GError **error)
{
    const int *bad_frame = user;
    if (frame == *bad_frame) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "frame %d is bad", (int)frame);
        return FALSE;
    }
    for (int y = 0; y < ENGINE_HEIGHT; y++) {
        for (int x = 0; x < ENGINE_WIDTH; x++) {
            double dx = x - 16 - 2.0 * (double)frame, dy = y - 24;
            gboolean inside = dx * dx + dy * dy < 100;
            uint8_t *pixel = rgb + (size_t)y * stride + 3 * (size_t)x;
            pixel[0] = inside ? 230 : (uint8_t)(2 * x);
            pixel[1] = inside ? 180 : (uint8_t)(3 * y);
            pixel[2] = inside ? 20 : 90;
        }
    }
    return TRUE;
}

void engine_done_cb(GObject *object, GAsyncResult *result, gpointer user)
{
    *(GAsyncResult **)user = g_object_ref(result);
}

GAsyncResult *engine_wait(GAsyncResult **result)
{
    while (!*result)
        g_main_context_iteration(NULL, TRUE);
    return *result;
}

gboolean engine_open_model(MskEngine *engine, const char *path, MskModelInfo *out, GError **error)
{
    MskModelParams params = {path, MSK_BACKEND_REF, MSK_PRECISION_FP32, 1};
    g_autoptr(GAsyncResult) result = NULL;
    msk_engine_open_model_async(engine, &params, NULL, engine_done_cb, &result);
    return msk_engine_open_model_finish(engine, engine_wait(&result), out, error);
}

MskResult *engine_click(MskEngine *engine, MskVideo *video, int64_t frame, double x, double y,
                        MskResult *previous, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(MskPrompt) prompt = msk_prompt_new(frame);
    msk_prompt_add_point(prompt, x, y, TRUE);
    msk_engine_prompt_async(engine, video, prompt, previous, NULL, engine_done_cb, &result);
    return msk_engine_prompt_finish(engine, engine_wait(&result), error);
}

gboolean engine_equal(const MskResult *a, const MskResult *b)
{
    return a && b && msk_mask_equal(a->mask, b->mask) && a->object_score == b->object_score &&
           a->iou == b->iou;
}
