// SPDX-License-Identifier: Apache-2.0
// Building prompts and checking them against a clip.
#include "app/prompt.h"

#include <math.h>
#include <string.h>

G_DEFINE_QUARK(msk - prompt - error - quark, msk_prompt_error)

MskPrompt *msk_prompt_new(int64_t frame)
{
    MskPrompt *prompt = g_new0(MskPrompt, 1);
    prompt->frame = frame;
    prompt->points = g_array_new(FALSE, FALSE, sizeof(float));
    prompt->labels = g_array_new(FALSE, FALSE, sizeof(int));
    return prompt;
}

void msk_prompt_free(MskPrompt *prompt)
{
    if (!prompt)
        return;
    g_array_unref(prompt->points);
    g_array_unref(prompt->labels);
    g_free(prompt->mask_path);
    g_free(prompt->mask.pixels);
    g_free(prompt);
}

MskPrompt *msk_prompt_copy(const MskPrompt *prompt)
{
    MskPrompt *copy = g_new(MskPrompt, 1);
    *copy = *prompt;
    copy->points = g_array_copy(prompt->points);
    copy->labels = g_array_copy(prompt->labels);
    copy->mask_path = g_strdup(prompt->mask_path);
    copy->mask.pixels =
        g_memdup2(prompt->mask.pixels, (gsize)prompt->mask.width * (gsize)prompt->mask.height);
    return copy;
}

void msk_prompt_add_point(MskPrompt *prompt, double x, double y, gboolean positive)
{
    float xy[2] = {(float)x, (float)y};
    int label = positive ? 1 : 0;
    g_array_append_vals(prompt->points, xy, 2);
    g_array_append_val(prompt->labels, label);
}

void msk_prompt_set_box(MskPrompt *prompt, double x0, double y0, double x1, double y1)
{
    prompt->has_box = TRUE;
    prompt->box[0] = (float)fmin(x0, x1);
    prompt->box[1] = (float)fmin(y0, y1);
    prompt->box[2] = (float)fmax(x0, x1);
    prompt->box[3] = (float)fmax(y0, y1);
}

void msk_prompt_set_mask(MskPrompt *prompt, uint8_t *pixels, int width, int height)
{
    g_free(prompt->mask.pixels);
    prompt->mask = (MskPromptMask){width, height, pixels};
}

gboolean msk_prompt_is_empty(const MskPrompt *prompt)
{
    return prompt->labels->len == 0 && !prompt->has_box && !prompt->mask_path &&
           !prompt->mask.pixels;
}

static void free_object(gpointer data)
{
    MskPromptObject *object = data;
    g_free(object->name);
    g_ptr_array_unref(object->prompts);
    g_free(object);
}

GPtrArray *msk_prompt_list_new(void)
{
    return g_ptr_array_new_with_free_func(free_object);
}

static MskPromptObject *find_object(GPtrArray *list, int id)
{
    for (guint i = 0; i < list->len; i++) {
        MskPromptObject *object = g_ptr_array_index(list, i);
        if (object->id == id)
            return object;
    }
    return NULL;
}

MskPromptObject *msk_prompt_list_object(GPtrArray *list, int id)
{
    MskPromptObject *object = find_object(list, id);
    if (!object) {
        object = g_new0(MskPromptObject, 1);
        object->id = id;
        object->prompts = g_ptr_array_new_with_free_func((GDestroyNotify)msk_prompt_free);
        g_ptr_array_add(list, object);
    }
    return object;
}

MskPrompt *msk_prompt_object_on(MskPromptObject *object, int64_t frame)
{
    for (guint i = 0; i < object->prompts->len; i++) {
        MskPrompt *prompt = g_ptr_array_index(object->prompts, i);
        if (prompt->frame == frame)
            return prompt;
    }
    MskPrompt *prompt = msk_prompt_new(frame);
    g_ptr_array_add(object->prompts, prompt);
    return prompt;
}

// ---- Checking ----------------------------------------------------------------------------------

static gboolean fail_value(GError **error, const MskPromptObject *object, const MskPrompt *prompt,
                           const char *format, ...) G_GNUC_PRINTF(4, 5);

static gboolean fail_value(GError **error, const MskPromptObject *object, const MskPrompt *prompt,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_VALUE,
                "object %d, frame %" G_GINT64_FORMAT ": %s", object->id, prompt->frame, text);
    return FALSE;
}

static gboolean check_points(const MskPromptObject *object, const MskPrompt *prompt, int width,
                             int height, GError **error)
{
    if (prompt->labels->len > MSK_PROMPT_POINTS_MAX)
        return fail_value(error, object, prompt, "%u points; at most %d are possible",
                          prompt->labels->len, MSK_PROMPT_POINTS_MAX);
    for (guint i = 0; i < prompt->labels->len; i++) {
        float x = g_array_index(prompt->points, float, 2 * i);
        float y = g_array_index(prompt->points, float, 2 * i + 1);
        if (!(x >= 0 && y >= 0 && x < (float)width && y < (float)height))
            return fail_value(error, object, prompt,
                              "point %g,%g is outside the frame, which is %d x %d pixels", x, y,
                              width, height);
    }
    const float *box = prompt->box;
    if (!prompt->has_box)
        return TRUE;
    if (!(box[0] >= 0 && box[1] >= 0 && box[2] <= (float)width && box[3] <= (float)height))
        return fail_value(error, object, prompt,
                          "box %g,%g,%g,%g is outside the frame, which is %d x %d pixels", box[0],
                          box[1], box[2], box[3], width, height);
    if (!(box[0] < box[2] && box[1] < box[3]))
        return fail_value(error, object, prompt, "box %g,%g,%g,%g is empty", box[0], box[1], box[2],
                          box[3]);
    return TRUE;
}

static gboolean check_mask(const MskPromptObject *object, MskPrompt *prompt, int width, int height,
                           GError **error)
{
    if (!prompt->mask_path && !prompt->mask.pixels)
        return TRUE;
    if (prompt->labels->len > 0 || prompt->has_box)
        return fail_value(error, object, prompt,
                          "a mask goes without points and box; leave out one or the other");
    if (!prompt->mask.pixels && !msk_prompt_mask_read(&prompt->mask, prompt->mask_path, error))
        return FALSE;
    if (prompt->mask.width != width || prompt->mask.height != height)
        return fail_value(error, object, prompt,
                          "mask %s is %d x %d pixels, the frame is %d x %d; the mask must have the "
                          "frame's size",
                          prompt->mask_path ? prompt->mask_path : "", prompt->mask.width,
                          prompt->mask.height, width, height);
    return TRUE;
}

static gboolean check_prompt(const MskPromptObject *object, guint index, int width, int height,
                             int64_t first, int64_t last, GError **error)
{
    MskPrompt *prompt = g_ptr_array_index(object->prompts, index);
    if (prompt->frame < first || prompt->frame > last)
        return fail_value(error, object, prompt,
                          "the frame is outside the range, %" G_GINT64_FORMAT
                          " to %" G_GINT64_FORMAT,
                          first, last);
    for (guint i = 0; i < index; i++) {
        const MskPrompt *other = g_ptr_array_index(object->prompts, i);
        if (other->frame == prompt->frame)
            return fail_value(error, object, prompt,
                              "two prompts on one frame; put their points into one");
    }
    if (msk_prompt_is_empty(prompt))
        return fail_value(error, object, prompt, "no points, box or mask");
    return check_points(object, prompt, width, height, error) &&
           check_mask(object, prompt, width, height, error);
}

gboolean msk_prompt_list_prepare(GPtrArray *list, int width, int height, int64_t first,
                                 int64_t last, GError **error)
{
    if (list->len == 0) {
        g_set_error(error, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_VALUE,
                    "there are no objects to track; give prompts for at least one");
        return FALSE;
    }
    for (guint i = 0; i < list->len; i++) {
        const MskPromptObject *object = g_ptr_array_index(list, i);
        if (object->prompts->len == 0) {
            g_set_error(error, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_VALUE,
                        "object %d has no prompts; give it points, a box or a mask", object->id);
            return FALSE;
        }
        for (guint k = 0; k < object->prompts->len; k++)
            if (!check_prompt(object, k, width, height, first, last, error))
                return FALSE;
    }
    return TRUE;
}
