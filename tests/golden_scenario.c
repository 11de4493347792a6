// SPDX-License-Identifier: Apache-2.0
// A scenario: the calls of its JSON through the public video interface, every result compared.
#include "tests/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/video.h"

#define MAX_POINTS 16
#define NO_OBJECT_LOGIT -1024.0f
#define PUBLISHED_SIZE 1024

typedef struct Run {
    const Golden *golden;
    GoldenScore score;
    const Sam2JsonValue *tolerance;
    Sam2Checkpoint *tensors;
    bool *compared; // per tensor
    const char *tensors_path;
    Sam2Video *video;
    int64_t first_frame; // that is prompted
    bool guided;         // goes on from the reference's results instead of its own
} Run;

static int get_frame(void *user, int64_t frame, uint8_t *rgb, size_t stride)
{
    const Golden *golden = user;
    const GoldenImage *image = &golden->frames[frame];
    size_t row = (size_t)image->width * 3;
    for (int y = 0; y < image->height; y++)
        memcpy(rgb + (size_t)y * stride, image->rgb + (size_t)y * row, row);
    return 0;
}

static int64_t get_int(const Sam2JsonValue *object, const char *key, int64_t missing)
{
    const Sam2JsonValue *value = sam2_json_member(object, key);
    return value && value->kind == SAM2_JSON_NUMBER ? (int64_t)value->number : missing;
}

static bool get_bool(const Sam2JsonValue *object, const char *key, bool missing)
{
    const Sam2JsonValue *value = sam2_json_member(object, key);
    return value && value->kind == SAM2_JSON_BOOL ? value->boolean : missing;
}

static int get_floats(const Sam2JsonValue *array, float *out, int n, int limit)
{
    if (!array)
        return n;
    for (const Sam2JsonValue *item = array->first; item && n < limit; item = item->next) {
        if (item->kind == SAM2_JSON_ARRAY)
            n = get_floats(item, out, n, limit);
        else
            out[n++] = (float)item->number;
    }
    return n;
}

static bool read_options(const Sam2JsonValue *root, Sam2VideoOptions *options, GoldenScore *score)
{
    bool postprocessing = get_bool(root, "postprocessing", true);
    *options = sam2_video_options_parity();
    options->fill_hole_area = 0;
    options->dynamic_multimask_via_stability = postprocessing;
    options->binarize_mask_from_pts_for_mem_enc = postprocessing;
    const Sam2JsonValue *list = sam2_json_member(root, "options");
    for (const Sam2JsonValue *item = list ? list->first : NULL; item; item = item->next) {
        if (strcmp(item->key, "add_all_frames_to_correct_as_cond") == 0)
            options->add_all_frames_to_correct_as_cond = item->boolean;
        else if (strcmp(item->key, "clear_non_cond_mem_around_input") == 0)
            options->clear_non_cond_mem_around_input = item->boolean;
        else if (strcmp(item->key, "max_cond_frames_in_attn") == 0)
            options->max_cond_frames_in_attn = (int)item->number;
        else if (strcmp(item->key, "memory_temporal_stride_for_eval") == 0)
            options->memory_temporal_stride_for_eval = (int)item->number;
        else if (strcmp(item->key, "non_overlap_masks") == 0)
            options->non_overlap_masks = item->boolean;
        else if (strcmp(item->key, "fill_hole_area") == 0)
            options->fill_hole_area = (int)item->number;
        else
            golden_problem(score, "unknown option %s", item->key);
    }
    return !score->problem[0];
}

static Sam2Status add_points(Run *run, const Sam2JsonValue *op, Sam2Error *error)
{
    float points[2 * MAX_POINTS], box[4], labels[MAX_POINTS];
    int label_values[MAX_POINTS];
    int n = get_floats(sam2_json_member(op, "points"), points, 0, 2 * MAX_POINTS) / 2;
    get_floats(sam2_json_member(op, "labels"), labels, 0, MAX_POINTS);
    for (int i = 0; i < n; i++)
        label_values[i] = (int)labels[i];
    bool has_box = get_floats(sam2_json_member(op, "box"), box, 0, 4) == 4;
    Sam2Prompt prompt = {.points = points,
                         .labels = label_values,
                         .n_points = n,
                         .box = has_box ? box : NULL,
                         .keep_old_points = !get_bool(op, "clear_old_points", true)};
    return sam2_video_add_points(run->video, get_int(op, "frame", 0), (int)get_int(op, "object", 0),
                                 &prompt, error);
}

static Sam2Status add_mask(Run *run, const Sam2JsonValue *op, Sam2Error *error)
{
    float e[4] = {0};
    int width = (int)get_int(op, "width", 0), height = (int)get_int(op, "height", 0);
    get_floats(sam2_json_member(op, "ellipse"), e, 0, 4);
    uint8_t *mask = malloc((size_t)width * (size_t)height);
    if (!mask)
        return SAM2_ERR_MEMORY;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double dx = (x + 0.5 - e[0]) / e[2], dy = (y + 0.5 - e[1]) / e[3];
            mask[y * width + x] = dx * dx + dy * dy <= 1;
        }
    }
    Sam2Status status =
        sam2_video_add_mask(run->video, get_int(op, "frame", 0), (int)get_int(op, "object", 0),
                            mask, width, height, error);
    free(mask);
    return status;
}

// The actual values of what `key` names, or NULL.
static float *get_actual(Run *run, int64_t frame, int object, const char *key, int64_t n)
{
    Sam2Error error = {0};
    Sam2Status status = SAM2_OK;
    Sam2Scores scores;
    float *out = malloc((size_t)n * sizeof *out);
    if (!out)
        return NULL;
    if (!sam2_video_has_result(run->video, frame, object) && strcmp(key, "video_res") == 0) {
        for (int64_t i = 0; i < n; i++)
            out[i] = NO_OBJECT_LOGIT;
    } else if (strcmp(key, "low_res_logits") == 0) {
        status = sam2_video_get_low_logits(run->video, frame, object, out, &error);
    } else if (strcmp(key, "video_res") == 0) {
        status = sam2_video_get_logits(run->video, frame, object, out, &error);
    } else if (strcmp(key, "object_pointer") == 0) {
        status = sam2_video_get_pointer(run->video, frame, object, out, &error);
    } else if (strcmp(key, "object_score") == 0) {
        status = sam2_video_get_scores(run->video, frame, object, &scores, &error);
        out[0] = status == SAM2_OK ? scores.object_score : NAN;
    } else {
        golden_problem(&run->score, "unknown tensor kind %s", key);
    }
    if (status == SAM2_OK)
        return out;
    golden_problem(&run->score, "%s", error.message);
    free(out);
    return NULL;
}

// In bf16 what is far from the first frame depends on rounding as much as on the code: the logits
// of the first frame and all masks are compared, each frame for itself.
static void compare_rounded(Run *run, const char *name, int64_t frame, const char *key,
                            const float *expected, const float *actual, int64_t n)
{
    bool low = strcmp(key, "low_res_logits") == 0;
    if (low && frame == run->first_frame)
        golden_compare_rounded(&run->score, name, expected, actual, n);
    if (low || strcmp(key, "video_res") == 0)
        golden_compare_masks(&run->score, name, expected, actual, n);
}

static void compare_tensor(Run *run, const Sam2CheckpointTensor *tensor, int64_t frame, int object,
                           const char *key)
{
    const Sam2JsonValue *tolerance = sam2_json_member(run->tolerance, tensor->name);
    int64_t n = (int64_t)(tensor->size / sizeof(float));
    float *expected = golden_floats(tensor, run->tensors_path);
    float *actual = get_actual(run, frame, object, key, n);
    if (!expected || !tolerance) {
        golden_problem(&run->score, "%s: no tolerance or not readable", tensor->name);
    } else if (actual && tolerance->kind == SAM2_JSON_NUMBER && run->golden->rounded) {
        compare_rounded(run, tensor->name, frame, key, expected, actual, n);
    } else if (actual && tolerance->kind == SAM2_JSON_NUMBER) {
        golden_compare(&run->score, tensor->name, expected, actual, n, tolerance->number);
    } else if (actual) {
        run->score.n_tensors++;
        for (int64_t i = 0; i < n; i++)
            if (!isfinite(actual[i]))
                golden_problem(&run->score, "%s: not finite", tensor->name);
    }
    free(expected);
    free(actual);
}

// Compares what the reference has of this step, of one frame or (-1) of all.
static void compare_step(Run *run, int step, int64_t only_frame)
{
    for (size_t i = 0; i < sam2_checkpoint_n_tensors(run->tensors); i++) {
        const Sam2CheckpointTensor *tensor = sam2_checkpoint_tensor(run->tensors, i);
        int at_step, object;
        long long frame;
        char key[64];
        if (sscanf(tensor->name, "step%d.frame%lld.object%d.%63s", &at_step, &frame, &object,
                   key) != 4 ||
            at_step != step || (only_frame >= 0 && frame != only_frame))
            continue;
        run->compared[i] = true;
        compare_tensor(run, tensor, frame, object, key);
    }
}

static bool copy_expected(Run *run, int step, int64_t frame, int object, const char *key,
                          float *out)
{
    char name[128];
    snprintf(name, sizeof name, "step%d.frame%lld.object%d.%s", step, (long long)frame, object,
             key);
    const Sam2CheckpointTensor *tensor = sam2_checkpoint_find(run->tensors, name);
    if (tensor && out)
        memcpy(out, tensor->data, tensor->size);
    return tensor != NULL;
}

// Puts the reference's results on a frame in place of ours, memory included.
static Sam2Status adopt(Run *run, int step, int64_t frame, Sam2Error *error)
{
    for (int i = 0; run->guided && i < run->video->n_objects; i++) {
        const Sam2Object *object = run->video->objects[i];
        Sam2FrameOutput *output = sam2_object_result(object, frame);
        if (!output)
            continue;
        copy_expected(run, step, frame, object->id, "low_res_logits", output->low_logits);
        copy_expected(run, step, frame, object->id, "object_pointer", output->pointer);
        copy_expected(run, step, frame, object->id, "object_score", &output->object_score);
        bool tracked = output == sam2_output_find(&object->outputs[SAM2_TRACKED_LIST], frame);
        Sam2Status status = tracked ? sam2_video_encode(run->video, output, false, error) : SAM2_OK;
        sam2_video_finish(run->video, status, error);
        SAM2_TRY(status);
    }
    return SAM2_OK;
}

static Sam2Status propagate(Run *run, const Sam2JsonValue *op, const Sam2JsonValue *result,
                            int step, Sam2Error *error)
{
    Sam2Sweep sweep = {.start = get_int(op, "start", -1),
                       .max_frames = get_int(op, "max_frames", -1),
                       .reverse = get_bool(op, "reverse", false)};
    SAM2_TRY(sam2_video_sweep_start(run->video, &sweep, error));
    const Sam2JsonValue *frames = sam2_json_member(result, "frames");
    const Sam2JsonValue *expected = frames ? frames->first : NULL;
    for (;;) {
        int64_t frame;
        SAM2_TRY(sam2_video_sweep_next(run->video, &frame, error));
        if (frame < 0)
            break;
        if (!expected || expected->integer != frame)
            golden_problem(&run->score, "step %d visits frame %lld out of turn", step,
                           (long long)frame);
        expected = expected ? expected->next : NULL;
        compare_step(run, step, frame);
        SAM2_TRY(adopt(run, step, frame, error));
    }
    if (expected)
        golden_problem(&run->score, "step %d ends before frame %lld", step,
                       (long long)expected->integer);
    return SAM2_OK;
}

static Sam2Status apply(Run *run, const Sam2JsonValue *op, const Sam2JsonValue *result, int step,
                        Sam2Error *error)
{
    const Sam2JsonValue *kind = sam2_json_member(op, "op");
    const char *name = kind && kind->string ? kind->string : "";
    int object = (int)get_int(op, "object", 0);
    if (strcmp(name, "add_points") == 0)
        return add_points(run, op, error);
    if (strcmp(name, "add_mask") == 0)
        return add_mask(run, op, error);
    if (strcmp(name, "propagate") == 0)
        return propagate(run, op, result, step, error);
    if (strcmp(name, "clear_prompts") == 0)
        return sam2_video_clear_prompts(run->video, get_int(op, "frame", 0), object, error);
    if (strcmp(name, "remove_object") == 0)
        return sam2_video_remove_object(run->video, object, get_bool(op, "strict", false), error);
    if (strcmp(name, "reset") == 0)
        sam2_video_reset(run->video);
    else
        golden_problem(&run->score, "unknown step %s", name);
    return SAM2_OK;
}

static void check_objects(Run *run, const Sam2JsonValue *result, int step)
{
    const Sam2JsonValue *expected = sam2_json_member(result, "object_ids");
    const int *ids;
    int n = sam2_video_get_objects(run->video, &ids), i = 0;
    if (!expected)
        return;
    for (const Sam2JsonValue *item = expected->first; item; item = item->next, i++)
        if (i >= n || ids[i] != (int)item->integer)
            golden_problem(&run->score, "step %d: other objects than expected", step);
    if (i != n)
        golden_problem(&run->score, "step %d: %d objects, expected %d", step, n, i);
}

static void run_steps(Run *run, const Sam2JsonValue *root)
{
    const Sam2JsonValue *ops = sam2_json_member(root, "ops");
    const Sam2JsonValue *results = sam2_json_member(root, "results");
    const Sam2JsonValue *result = results ? results->first : NULL;
    int step = 0;
    run->first_frame = ops ? get_int(ops->first, "frame", 0) : 0;
    for (const Sam2JsonValue *op = ops ? ops->first : NULL; op; op = op->next, step++) {
        Sam2Error error = {0};
        Sam2Status status = apply(run, op, result, step, &error);
        bool refused = sam2_json_member(result, "error") != NULL;
        if (refused && status == SAM2_OK)
            golden_problem(&run->score, "step %d should have been refused", step);
        if (!refused && status != SAM2_OK)
            golden_problem(&run->score, "step %d: %s", step, error.message);
        if (!refused)
            check_objects(run, result, step);
        const Sam2JsonValue *kind = sam2_json_member(op, "op");
        if (kind && strcmp(kind->string, "propagate") != 0) {
            compare_step(run, step, -1);
            const Sam2JsonValue *frame = sam2_json_member(result, "frame");
            if (frame && adopt(run, step, frame->integer, &error) != SAM2_OK)
                golden_problem(&run->score, "step %d: %s", step, error.message);
        }
        result = result ? result->next : NULL;
    }
    for (size_t i = 0; i < sam2_checkpoint_n_tensors(run->tensors); i++)
        if (!run->compared[i])
            golden_problem(&run->score, "%s was never compared",
                           sam2_checkpoint_tensor(run->tensors, i)->name);
}

static void run_scenario(Run *run, Golden *golden, const char *name)
{
    char path[4096];
    Sam2Error error = {0};
    Sam2Json *json = NULL;
    size_t size;
    snprintf(path, sizeof path, "%s/%s.json", golden->dir, name);
    Sam2VideoParams params = {.width = golden->frames[0].width,
                              .height = golden->frames[0].height,
                              .n_frames = golden->n_frames,
                              .get_frame = get_frame,
                              .user = golden};
    char *text = golden_read_text(path, &size);
    if (!text || sam2_json_parse(&json, text, size, path, &error) != SAM2_OK ||
        sam2_checkpoint_open(&run->tensors, run->tensors_path, &error) != SAM2_OK ||
        !read_options(sam2_json_root(json), &params.options, &run->score) ||
        sam2_video_open(&run->video, golden->model, &params, &error) != SAM2_OK) {
        golden_problem(&run->score, "%s", error.message);
    } else {
        run->tolerance = sam2_json_member(sam2_json_root(json), "tolerance");
        run->compared = calloc(sam2_checkpoint_n_tensors(run->tensors), sizeof *run->compared);
        run_steps(run, sam2_json_root(json));
    }
    sam2_video_close(&run->video);
    sam2_checkpoint_close(&run->tensors);
    sam2_json_free(&json);
    free(run->compared);
    free(text);
}

void golden_run_scenario(Golden *golden, const char *name)
{
    char tensors_path[4096], title[256];
    snprintf(tensors_path, sizeof tensors_path, "%s/%s.safetensors", golden->dir, name);
    Run run = {.golden = golden, .tensors_path = tensors_path, .guided = golden->rounded};
    run_scenario(&run, golden, name);
    if (run.score.worst <= 1 || golden->rounded ||
        golden->model->config.image_size < PUBLISHED_SIZE) {
        golden_report(golden, name, &run.score);
        return;
    }
    // Random weights at this size amplify rounding: see tests/README.md. Each frame is compared for
    // itself then, with the reference's own results on the frames before it.
    Run guided = {.golden = golden, .tensors_path = tensors_path, .guided = true};
    run_scenario(&guided, golden, name);
    snprintf(title, sizeof title, "%s (each frame from the reference's past; free run %.3g, %s)",
             name, run.score.worst, run.score.worst_name);
    golden_report(golden, title, &guided.score);
}
