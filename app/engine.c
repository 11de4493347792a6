// SPDX-License-Identifier: Apache-2.0
// The engine's core: every call into the model is made in this file.
#include "app/engine.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#include "app/engine_private.h"
#include "model/sam2.h"

G_DEFINE_QUARK(msk - engine - error - quark, msk_engine_error)

#define PROMPT_SLOT 0
#define FEATURE_FRAMES 6 // kept if the caller does not say how much

struct MskCore {
    Sam2Model *model;
    MskModelInfo info;
    int d_model;
    MskModelParams params; // that it was opened with
    char *path;            // params.path
    guint generation;
    GPtrArray *videos; // of MskVideo, those with an open sam2; not owned
    Sam2Image *image;
    MskFrame *image_frame; // what the image has been set to
};

static const char *const backend_names[] = {"auto", "ref", "cpu", "cuda", NULL};
static const char *const precision_names[] = {"auto", "fp32", "bf16", NULL};
static const char *const dtype_names[] = {"fp32", "fp16", "bf16", NULL};

static const Sam2BackendKind backend_kinds[] = {SAM2_BACKEND_AUTO, SAM2_BACKEND_REF,
                                                SAM2_BACKEND_CPU, SAM2_BACKEND_CUDA};
static const Sam2Precision precisions[] = {SAM2_PRECISION_AUTO, SAM2_PRECISION_F32,
                                           SAM2_PRECISION_BF16};
static const Sam2DType dtypes[] = {SAM2_F32, SAM2_F16, SAM2_BF16};

static int find_name(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

gboolean msk_backend_from_name(const char *name, MskBackend *out)
{
    int i = find_name(backend_names, name);
    *out = i < 0 ? MSK_BACKEND_AUTO : (MskBackend)i;
    return i >= 0;
}

gboolean msk_precision_from_name(const char *name, MskPrecision *out)
{
    int i = find_name(precision_names, name);
    *out = i < 0 ? MSK_PRECISION_AUTO : (MskPrecision)i;
    return i >= 0;
}

gboolean msk_dtype_from_name(const char *name, MskDType *out)
{
    int i = find_name(dtype_names, name);
    *out = i < 0 ? MSK_DTYPE_FP32 : (MskDType)i;
    return i >= 0;
}

const char *msk_precision_get_name(MskPrecision precision)
{
    return precision_names[precision];
}

// ---- Errors ------------------------------------------------------------------------------------

// A device that is lost stays so for the process, whoever used it.
static gint is_device_lost;

static gboolean fail(GError **error, const Sam2Error *inner)
{
    MskEngineErrorCode code = MSK_ENGINE_ERROR_BACKEND;
    switch (inner->status) {
    case SAM2_ERR_ARGUMENT:
        code = MSK_ENGINE_ERROR_ARGUMENT;
        break;
    case SAM2_ERR_MEMORY:
        code = MSK_ENGINE_ERROR_MEMORY;
        break;
    case SAM2_ERR_DEVICE:
        // What was made with it is gone; msk_core_recover() opens the model elsewhere.
        g_atomic_int_set(&is_device_lost, 1);
        code = MSK_ENGINE_ERROR_STATE;
        break;
    default:
        break;
    }
    g_set_error_literal(error, MSK_ENGINE_ERROR, code, inner->message);
    return FALSE;
}

// The same where a model's file is at fault.
static gboolean fail_model(GError **error, const Sam2Error *inner)
{
    switch (inner->status) {
    case SAM2_ERR_IO:
    case SAM2_ERR_FORMAT:
    case SAM2_ERR_UNSUPPORTED:
    case SAM2_ERR_SHAPE:
        g_set_error_literal(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_MODEL, inner->message);
        return FALSE;
    default:
        return fail(error, inner);
    }
}

// The same where a video's frames may be at fault.
static gboolean fail_video(MskVideo *video, GError **error, const Sam2Error *inner)
{
    if (inner->status == SAM2_ERR_FRAME && video->frame_error) {
        g_propagate_error(error, g_steal_pointer(&video->frame_error));
        return FALSE;
    }
    return fail(error, inner);
}

// ---- Models ------------------------------------------------------------------------------------

static void copy_info(MskModelInfo *out, const Sam2ModelInfo *info)
{
    *out = (MskModelInfo){.precision = info->precision == SAM2_PRECISION_BF16 ? MSK_PRECISION_BF16
                                                                              : MSK_PRECISION_FP32,
                          .image_size = info->image_size,
                          .n_parameters = info->n_parameters,
                          .weights_size = info->weights_size,
                          .n_threads = info->n_threads};
    g_strlcpy(out->variant, info->variant, sizeof out->variant);
    g_strlcpy(out->version, info->version, sizeof out->version);
    g_strlcpy(out->backend, info->backend, sizeof out->backend);
}

gboolean msk_model_inspect(const char *path, MskModelInfo *out, GError **error)
{
    Sam2ModelInfo info;
    Sam2Error inner = {0};
    if (sam2_model_inspect(path, &info, &inner) != SAM2_OK)
        return fail_model(error, &inner);
    copy_info(out, &info);
    return TRUE;
}

gboolean msk_model_convert(const char *in, const char *out, MskDType dtype, GError **error)
{
    Sam2Error inner = {0};
    // The input first, so that what fails later is the output's fault.
    Sam2ModelInfo info;
    if (sam2_model_inspect(in, &info, &inner) != SAM2_OK)
        return fail_model(error, &inner);
    if (sam2_model_convert(in, out, dtypes[dtype], &inner) == SAM2_OK)
        return TRUE;
    if (inner.status != SAM2_ERR_IO)
        return fail_model(error, &inner);
    g_set_error_literal(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_IO, inner.message);
    return FALSE;
}

gboolean msk_backend_is_available(MskBackend backend, const char **why)
{
    const char *reason = NULL;
    gboolean available = sam2_backend_available(backend_kinds[backend], &reason);
    if (why)
        *why = reason ? reason : "";
    return available;
}

MskCore *msk_core_new(void)
{
    MskCore *core = g_new0(MskCore, 1);
    core->videos = g_ptr_array_new();
    return core;
}

static void close_image(MskCore *core)
{
    if (core->image)
        sam2_image_close(&core->image);
    g_clear_pointer(&core->image_frame, msk_frame_unref);
}

static void close_model(MskCore *core)
{
    while (core->videos->len > 0)
        msk_core_close_video(core, g_ptr_array_index(core->videos, 0));
    close_image(core);
    sam2_model_close(&core->model);
    core->info.id = 0;
    core->generation++;
}

void msk_core_free(MskCore *core)
{
    close_model(core);
    g_ptr_array_unref(core->videos);
    g_free(core->path);
    g_free(core);
}

guint msk_core_get_generation(const MskCore *core)
{
    return core->generation;
}

void msk_core_get_info(const MskCore *core, MskModelInfo *out)
{
    *out = core->info;
}

guint64 msk_core_get_model(const MskCore *core)
{
    return core->info.id;
}

gboolean msk_core_open_model(MskCore *core, const MskModelParams *params, MskModelInfo *out,
                             GError **error)
{
    Sam2Error inner = {0};
    Sam2ModelInfo info;
    const char *why = NULL;
    if (sam2_model_inspect(params->path, &info, &inner) != SAM2_OK)
        return fail_model(error, &inner);
    if (!sam2_backend_available(backend_kinds[params->backend], &why)) {
        g_set_error(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_BACKEND,
                    _("the %s backend cannot be used: %s"), backend_names[params->backend], why);
        return FALSE;
    }
    // Two models at once may not fit into memory.
    close_model(core);
    Sam2ModelParams sam2_params = {.path = params->path,
                                   .backend = backend_kinds[params->backend],
                                   .precision = precisions[params->precision],
                                   .n_threads = params->n_threads};
    if (sam2_model_open(&core->model, &sam2_params, &inner) != SAM2_OK)
        return fail_model(error, &inner);
    sam2_model_get_info(core->model, &info);
    core->d_model = info.d_model;
    copy_info(&core->info, &info);
    core->info.id = msk_model_hash_file(params->path);
    *out = core->info;
    char *path = g_strdup(params->path); // may be core's own
    g_free(core->path);
    core->path = path;
    core->params = *params;
    core->params.path = path;
    return TRUE;
}

gboolean msk_core_recover(MskCore *core)
{
    if (!g_atomic_int_get(&is_device_lost) || !core->model ||
        !g_str_has_prefix(core->info.backend, "cuda"))
        return FALSE;
    MskModelParams params = core->params;
    MskModelInfo info;
    params.backend = MSK_BACKEND_AUTO; // without the lost one
    params.precision = MSK_PRECISION_AUTO;
    g_autoptr(GError) error = NULL;
    if (!msk_core_open_model(core, &params, &info, &error))
        g_warning("the model cannot be opened again: %s", error->message);
    return TRUE;
}

static gboolean check_model(const MskCore *core, GError **error)
{
    if (core->model)
        return TRUE;
    g_set_error_literal(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL, _("no model is open"));
    return FALSE;
}

// ---- Videos ------------------------------------------------------------------------------------

static int get_frame_cb(void *user, int64_t frame, uint8_t *rgb, size_t stride)
{
    MskVideo *video = user;
    g_clear_error(&video->frame_error);
    int64_t start = g_get_monotonic_time();
    gboolean done =
        video->source.get_rgb(video->source.user, frame, rgb, stride, &video->frame_error);
    video->frame_s += (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
    return done ? 0 : 1;
}

static gboolean ensure_open(MskCore *core, MskVideo *video, GError **error)
{
    if (video->sam2)
        return TRUE;
    if (!check_model(core, error))
        return FALSE;
    Sam2VideoParams params = {.width = video->source.width,
                              .height = video->source.height,
                              .n_frames = video->source.n_frames,
                              .get_frame = get_frame_cb,
                              .user = video,
                              .options = sam2_video_options_default()};
    size_t side = (size_t)core->info.image_size / 16;
    size_t frame_size = 6 * side * side * (size_t)core->d_model * sizeof(float);
    params.options.feature_cache_size = video->options.feature_cache_size;
    if (params.options.feature_cache_size == 0)
        params.options.feature_cache_size = FEATURE_FRAMES * frame_size;
    params.options.fill_hole_area = video->options.hole_area;
    Sam2Error inner = {0};
    if (sam2_video_open(&video->sam2, core->model, &params, &inner) != SAM2_OK)
        return fail(error, &inner);
    video->frame_s = video->result_s = 0;
    g_ptr_array_add(core->videos, video);
    return TRUE;
}

void msk_core_close_video(MskCore *core, MskVideo *video)
{
    g_ptr_array_remove_fast(core->videos, video);
    if (video->sam2)
        sam2_video_close(&video->sam2);
    g_clear_pointer(&video->made, g_ptr_array_unref);
    g_clear_error(&video->frame_error);
}

void msk_core_update_stats(MskVideo *video)
{
    Sam2VideoStats stats = {0};
    if (video->sam2)
        sam2_video_get_stats(video->sam2, &stats);
    pthread_mutex_lock(&video->stats_lock);
    video->stats = (MskVideoStats){.frame_s = video->frame_s,
                                   .encode_s = stats.encode_s,
                                   .attention_s = stats.attention_s,
                                   .decode_s = stats.decode_s,
                                   .memory_s = stats.memory_s,
                                   .result_s = video->result_s,
                                   .n_encoded = stats.n_encoded,
                                   .n_tracked = stats.n_tracked,
                                   .feature_size = stats.feature_bytes,
                                   .ring_size = stats.memory_bytes};
    pthread_mutex_unlock(&video->stats_lock);
}

// ---- Results -----------------------------------------------------------------------------------

MskResult *msk_result_ref(MskResult *result)
{
    g_atomic_int_inc(&result->n_refs);
    return result;
}

void msk_result_unref(MskResult *result)
{
    if (!result || !g_atomic_int_dec_and_test(&result->n_refs))
        return;
    msk_mask_unref(result->mask);
    g_free(result->low_logits);
    g_free(result->pointer);
    g_free(result);
}

static int grid_side(const MskCore *core)
{
    return core->info.image_size / 4;
}

// A result of low logits, which are copied.
static MskResult *make_result(const MskCore *core, int64_t frame, const float *low, int width,
                              int height, float object_score, float iou)
{
    MskResult *result = g_new0(MskResult, 1);
    result->n_refs = 1;
    result->frame = frame;
    result->mask = msk_mask_new_logits(low, grid_side(core), grid_side(core), width, height);
    result->object_score = object_score;
    result->iou = iou;
    result->model = core->info.id;
    result->grid = grid_side(core);
    result->n_pointer = core->d_model;
    return result;
}

static MskResult *read_result(MskCore *core, MskVideo *video, int slot, int64_t frame,
                              gboolean as_anchor, GError **error)
{
    Sam2Error inner = {0};
    Sam2Scores scores;
    gsize n = (gsize)grid_side(core) * (gsize)grid_side(core);
    g_autofree float *low = g_new(float, n);
    g_autofree float *pointer = as_anchor ? g_new(float, core->d_model) : NULL;
    if (sam2_video_get_low_logits(video->sam2, frame, slot, low, &inner) != SAM2_OK ||
        sam2_video_get_scores(video->sam2, frame, slot, &scores, &inner) != SAM2_OK ||
        (as_anchor &&
         sam2_video_get_pointer(video->sam2, frame, slot, pointer, &inner) != SAM2_OK)) {
        fail_video(video, error, &inner);
        return NULL;
    }
    int64_t start = g_get_monotonic_time();
    MskResult *result = make_result(core, frame, low, video->source.width, video->source.height,
                                    scores.object_score, scores.iou);
    video->result_s += (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
    if (as_anchor) {
        result->low_logits = g_steal_pointer(&low);
        result->pointer = g_steal_pointer(&pointer);
    }
    return result;
}

MskResult *msk_core_read(MskCore *core, MskVideo *video, int slot, int64_t frame, GError **error)
{
    return read_result(core, video, slot, frame, FALSE, error);
}

// ---- Prompts and anchors -----------------------------------------------------------------------

// Whether the result is this model's. Where that is not known, its sizes tell.
static gboolean fits(const MskCore *core, const MskResult *result)
{
    int width, height, side = grid_side(core);
    msk_mask_get_grid_size(result->mask, &width, &height);
    return (!result->model || !core->info.id || result->model == core->info.id) && width == side &&
           height == side && (!result->pointer || result->n_pointer == core->d_model);
}

// Along one axis, as torch's interpolate(align_corners=False).
static float find_neighbours(int *low, int *high, int i, int n_from, int n_to)
{
    float at = ((float)i + 0.5f) * (float)n_from / (float)n_to - 0.5f;
    at = CLAMP(at, 0, (float)(n_from - 1));
    *low = (int)at;
    *high = MIN(*low + 1, n_from - 1);
    return at - (float)*low;
}

// The logits of a LOGITS mask, (side, side). g_free().
static float *dup_logits(const MskMask *mask, int side)
{
    int width, height;
    msk_mask_get_grid_size(mask, &width, &height);
    float *from = g_new(float, (gsize)width *(gsize)height);
    msk_mask_get_low_logits(mask, from);
    if (width == side && height == side)
        return from;
    float *to = g_new(float, (gsize)side *(gsize)side);
    for (int y = 0; y < side; y++) {
        int top, bottom, left, right;
        float down = find_neighbours(&top, &bottom, y, height, side);
        for (int x = 0; x < side; x++) {
            float across = find_neighbours(&left, &right, x, width, side);
            const float *a = from + (gsize)top * (gsize)width;
            const float *b = from + (gsize)bottom * (gsize)width;
            to[(gsize)y * (gsize)side + (gsize)x] =
                (1 - down) * ((1 - across) * a[left] + across * a[right]) +
                down * ((1 - across) * b[left] + across * b[right]);
        }
    }
    g_free(from);
    return to;
}

// Of another model's result, the mask alone.
static gboolean put_result(MskCore *core, MskVideo *video, int slot, const MskResult *result,
                           gboolean conditioning, GError **error)
{
    Sam2Error inner = {0};
    gboolean own = fits(core, result), is_exact = own && result->low_logits;
    g_autofree float *logits = is_exact ? NULL : dup_logits(result->mask, grid_side(core));
    Sam2Result put = {.low_logits = is_exact ? result->low_logits : logits,
                      .pointer = own ? result->pointer : NULL,
                      .object_score = result->object_score,
                      .iou = result->iou,
                      .conditioning = conditioning};
    if (sam2_video_set_result(video->sam2, result->frame, slot, &put, &inner) != SAM2_OK)
        return fail(error, &inner);
    return TRUE;
}

void msk_core_drop_object(MskVideo *video, int slot)
{
    if (video->sam2)
        sam2_video_remove_object(video->sam2, slot, false, NULL);
}

static gboolean add_prompt(MskVideo *video, const MskPrompt *prompt, GError **error)
{
    Sam2Error inner = {0};
    Sam2Status status;
    if (prompt->mask.pixels) {
        status = sam2_video_add_mask(video->sam2, prompt->frame, PROMPT_SLOT, prompt->mask.pixels,
                                     prompt->mask.width, prompt->mask.height, &inner);
    } else {
        Sam2Prompt points = {.points = (const float *)(void *)prompt->points->data,
                             .labels = (const int *)(void *)prompt->labels->data,
                             .n_points = (int)prompt->labels->len,
                             .box = prompt->has_box ? prompt->box : NULL};
        status = sam2_video_add_points(video->sam2, prompt->frame, PROMPT_SLOT, &points, &inner);
    }
    return status == SAM2_OK || fail_video(video, error, &inner);
}

MskResult *msk_core_prompt(MskCore *core, MskVideo *video, const MskPrompt *prompt,
                           const MskResult *previous, GError **error)
{
    MskResult *result = NULL;
    if (!ensure_open(core, video, error))
        return NULL;
    if (previous && msk_mask_get_kind(previous->mask) != MSK_MASK_LOGITS)
        previous = NULL;
    if ((!previous || put_result(core, video, PROMPT_SLOT, previous, FALSE, error)) &&
        add_prompt(video, prompt, error))
        result = read_result(core, video, PROMPT_SLOT, prompt->frame, TRUE, error);
    if (result)
        result->from_mask =
            prompt->mask.pixels || (previous && (!previous->pointer || previous->from_mask));
    msk_core_drop_object(video, PROMPT_SLOT);
    return result;
}

gboolean msk_core_set_anchors(MskCore *core, MskVideo *video, int slot, MskResult *const *anchors,
                              int n_anchors, GError **error)
{
    if (!ensure_open(core, video, error))
        return FALSE;
    msk_core_drop_object(video, slot);
    for (int i = 0; i < n_anchors; i++) {
        if (!fits(core, anchors[i])) {
            g_set_error(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_ARGUMENT,
                        _("the mask of frame %" PRId64 " was not made by this model"),
                        anchors[i]->frame);
            return FALSE;
        }
        if (!put_result(core, video, slot, anchors[i], TRUE, error))
            return FALSE;
    }
    return TRUE;
}

gboolean msk_core_is_prepared(const MskCore *core, const MskResult *anchor)
{
    return anchor->pointer && fits(core, anchor);
}

// Anchors made from masks and kept; beyond these, the oldest go.
#define N_MADE 64

static MskResult *find_made(const MskVideo *video, const MskResult *anchor)
{
    for (guint i = 0; video->made && i + 1 < video->made->len; i += 2) {
        const MskResult *from = g_ptr_array_index(video->made, i);
        if (from->frame == anchor->frame && msk_mask_equal(from->mask, anchor->mask))
            return g_ptr_array_index(video->made, i + 1);
    }
    return NULL;
}

MskResult *msk_core_prepare_anchor(MskCore *core, MskVideo *video, MskResult *anchor,
                                   GError **error)
{
    if (!ensure_open(core, video, error))
        return NULL;
    if (msk_core_is_prepared(core, anchor))
        return msk_result_ref(anchor);
    MskResult *made = find_made(video, anchor);
    if (made)
        return msk_result_ref(made);
    int width = msk_mask_get_width(anchor->mask), height = msk_mask_get_height(anchor->mask);
    g_autoptr(MskPrompt) prompt = msk_prompt_new(anchor->frame);
    msk_prompt_set_mask(prompt, g_malloc((gsize)width * (gsize)height), width, height);
    msk_mask_get_binary(anchor->mask, prompt->mask.pixels, (size_t)width);
    made = msk_core_prompt(core, video, prompt, NULL, error);
    if (!made)
        return NULL;
    // Pairs: what it was made from, and what was made.
    if (!video->made)
        video->made = g_ptr_array_new_with_free_func((GDestroyNotify)msk_result_unref);
    g_ptr_array_add(video->made, msk_result_ref(anchor));
    g_ptr_array_add(video->made, msk_result_ref(made));
    if (video->made->len > 2 * N_MADE)
        g_ptr_array_remove_range(video->made, 0, 2);
    return made;
}

// ---- Sweeps ------------------------------------------------------------------------------------

gboolean msk_core_sweep_start(MskCore *core, MskVideo *video, int64_t start, int64_t n_frames,
                              gboolean reverse, const int *slots, int n_slots, GError **error)
{
    Sam2Error inner = {0};
    Sam2Sweep sweep = {.start = start,
                       .max_frames = n_frames - 1,
                       .reverse = reverse,
                       .visits_first = true,
                       .objects = slots,
                       .n_objects = n_slots};
    if (!ensure_open(core, video, error))
        return FALSE;
    return sam2_video_sweep_start(video->sam2, &sweep, &inner) == SAM2_OK ||
           fail_video(video, error, &inner);
}

gboolean msk_core_sweep_next(MskVideo *video, int64_t *frame, GError **error)
{
    Sam2Error inner = {0};
    return sam2_video_sweep_next(video->sam2, frame, &inner) == SAM2_OK ||
           fail_video(video, error, &inner);
}

GBytes *msk_core_save_object(MskVideo *video, int slot, GError **error)
{
    Sam2Error inner = {0};
    void *data;
    size_t size;
    if (sam2_video_save_object(video->sam2, slot, &data, &size, &inner) != SAM2_OK) {
        fail(error, &inner);
        return NULL;
    }
    return g_bytes_new_with_free_func(data, size, sam2_free, data);
}

gboolean msk_core_restore_object(MskCore *core, MskVideo *video, int slot, GBytes *bytes,
                                 GError **error)
{
    Sam2Error inner = {0};
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    if (!ensure_open(core, video, error))
        return FALSE;
    if (sam2_video_restore_object(video->sam2, slot, data, size, &inner) == SAM2_OK)
        return TRUE;
    if (inner.status != SAM2_ERR_FORMAT)
        return fail(error, &inner);
    g_set_error_literal(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_STATE, inner.message);
    return FALSE;
}

// ---- Single pictures ---------------------------------------------------------------------------

static gboolean set_image(MskCore *core, MskFrame *frame, GError **error)
{
    Sam2Error inner = {0};
    if (core->image_frame == frame)
        return TRUE;
    if (!core->image && sam2_image_open(&core->image, core->model, &inner) != SAM2_OK)
        return fail(error, &inner);
    int width = msk_frame_get_width(frame), height = msk_frame_get_height(frame);
    size_t stride = 3 * (size_t)width;
    g_autofree uint8_t *rgb = g_try_malloc(stride * (size_t)height);
    g_clear_pointer(&core->image_frame, msk_frame_unref);
    if (!rgb) {
        g_set_error(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_MEMORY,
                    _("not enough memory for a picture of %d x %d pixels"), width, height);
        return FALSE;
    }
    if (!msk_frame_get_rgb8(frame, rgb, stride, error))
        return FALSE;
    if (sam2_image_set(core->image, rgb, width, height, stride, &inner) != SAM2_OK)
        return fail(error, &inner);
    core->image_frame = msk_frame_ref(frame);
    return TRUE;
}

GPtrArray *msk_core_segment(MskCore *core, MskFrame *frame, const MskPrompt *prompt, gboolean three,
                            GError **error)
{
    Sam2Error inner = {0};
    Sam2ImageResult found;
    Sam2ImagePrompt points = {.points = (const float *)(void *)prompt->points->data,
                              .labels = (const int *)(void *)prompt->labels->data,
                              .n_points = (int)prompt->labels->len,
                              .box = prompt->has_box ? prompt->box : NULL,
                              .multimask = three};
    if (!check_model(core, error) || !set_image(core, frame, error))
        return NULL;
    if (sam2_image_predict(core->image, &points, &found, &inner) != SAM2_OK) {
        fail(error, &inner);
        return NULL;
    }
    GPtrArray *results = g_ptr_array_new_with_free_func((GDestroyNotify)msk_result_unref);
    for (int i = 0; i < found.n_masks; i++)
        g_ptr_array_add(results,
                        make_result(core, msk_frame_get_number(frame), found.low_logits[i],
                                    msk_frame_get_width(frame), msk_frame_get_height(frame),
                                    found.object_score, found.iou[i]));
    return results;
}
