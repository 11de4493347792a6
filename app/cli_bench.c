// SPDX-License-Identifier: Apache-2.0
// masklet-cli bench: the speed of a model on a drawn clip.
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "app/bench_clip.h"
#include "app/cli.h"
#include "app/model_store.h"

#define PRELOAD_MAX ((size_t)128 << 20) // bytes of frames; more frames repeat
#define CACHE_SIZE ((size_t)64 << 20)
#define FULL_FROM 17 // from this frame on all memories and pointers are in use

typedef struct Bench {
    int width, height, n_objects;
    int64_t n_frames;
    MskEngine *engine;
    MskModelInfo info;
    CliProgress *progress;
} Bench;

// One way to run the clip.
typedef struct Pass {
    const char *what;
    gboolean to_host; // masks at frame size
    uint8_t *mask;    // for them
    int64_t *times;   // (n_frames) when a frame was done, us
    int64_t start;
    MskVideoStats stats; // of tracking only
    double seconds, full_seconds;
    int64_t n_full; // frames with full memory
} Pass;

// ---- Frames kept in memory ---------------------------------------------------------------------

typedef struct Preloaded {
    uint8_t *frames;
    int64_t n;
    size_t frame_size;
} Preloaded;

static gboolean get_preloaded_cb(gpointer user, int64_t frame, uint8_t *rgb, size_t stride,
                                 GError **error)
{
    const Preloaded *preloaded = user;
    memcpy(rgb, preloaded->frames + (size_t)(frame % preloaded->n) * preloaded->frame_size,
           preloaded->frame_size);
    return TRUE;
}

static void free_preloaded(gpointer user)
{
    g_free(((Preloaded *)user)->frames);
    g_free(user);
}

static gboolean preload(const Bench *bench, MskFrameSource *source, GError **error)
{
    Preloaded *preloaded = g_new0(Preloaded, 1);
    preloaded->frame_size = 3 * (size_t)bench->width * (size_t)bench->height;
    preloaded->n =
        (int64_t)MIN((size_t)bench->n_frames, MAX(1, PRELOAD_MAX / preloaded->frame_size));
    preloaded->frames = g_try_malloc((size_t)preloaded->n * preloaded->frame_size);
    if (!preloaded->frames) {
        free_preloaded(preloaded);
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "not enough memory for %d x %d pixels",
                    bench->width, bench->height);
        return FALSE;
    }
    for (int64_t i = 0; i < preloaded->n; i++)
        bench_clip_draw(preloaded->frames + (size_t)i * preloaded->frame_size, bench->width,
                        bench->height, i, bench->n_objects);
    *source = (MskFrameSource){bench->width,     bench->height, bench->n_frames,
                               get_preloaded_cb, preloaded,     free_preloaded};
    return TRUE;
}

// ---- Running -----------------------------------------------------------------------------------

static void tracked_cb(int64_t frame, const MskTracked *tracked, int n_tracked, gpointer user)
{
    Pass *pass = user;
    for (int i = 0; i < n_tracked && pass->to_host; i++)
        msk_mask_get_binary(tracked[i].result->mask, pass->mask,
                            (size_t)msk_mask_get_width(tracked[i].result->mask));
    pass->times[frame] = g_get_monotonic_time();
}

static MskResult *click(const Bench *bench, MskVideo *video, int object, GError **error)
{
    g_autoptr(GAsyncResult) async = NULL;
    g_autoptr(MskPrompt) prompt = msk_prompt_new(0);
    double x, y;
    bench_clip_centre(bench->width, bench->height, 0, object, &x, &y);
    msk_prompt_add_point(prompt, x, y, TRUE);
    msk_engine_prompt_async(bench->engine, video, prompt, NULL, NULL, cli_async_cb, &async);
    return msk_engine_prompt_finish(bench->engine, cli_wait(&async), error);
}

static gboolean show_cb(gpointer user)
{
    gpointer *all = user;
    cli_progress_show(all[0], all[1], "frame", all[2]);
    return G_SOURCE_CONTINUE;
}

static gboolean track(const Bench *bench, MskVideo *video, MskResult **anchors, Pass *pass,
                      GError **error)
{
    g_autofree MskTrackObject *objects = g_new(MskTrackObject, bench->n_objects);
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(MskSpan));
    g_autoptr(GAsyncResult) async = NULL;
    g_autoptr(MskJob) job = msk_job_new();
    int64_t zero = 0;
    for (int i = 0; i < bench->n_objects; i++) {
        objects[i] = (MskTrackObject){&anchors[i], 1};
        msk_plan_spans(spans, i, &zero, 1, 0, bench->n_frames - 1, MSK_DIRECTION_FORWARD);
    }
    MskTrackRequest request = {.video = video,
                               .objects = objects,
                               .n_objects = bench->n_objects,
                               .spans = (const MskSpan *)(void *)spans->data,
                               .n_spans = (int)spans->len,
                               .func = tracked_cb,
                               .user = pass,
                               .job = job};
    gpointer all[] = {bench->progress, (gpointer)pass->what, job};
    msk_job_start(job, bench->n_frames - 1);
    guint timer = g_timeout_add(100, show_cb, all);
    msk_engine_track_async(bench->engine, &request, cli_async_cb, &async);
    gboolean done = msk_engine_track_finish(bench->engine, cli_wait(&async), error);
    g_source_remove(timer);
    return done;
}

static void measure(const Bench *bench, const MskVideoStats *before, const MskVideoStats *after,
                    Pass *pass)
{
    int64_t last = bench->n_frames - 1;
    pass->stats = (MskVideoStats){.frame_s = after->frame_s - before->frame_s,
                                  .encode_s = after->encode_s - before->encode_s,
                                  .attention_s = after->attention_s - before->attention_s,
                                  .decode_s = after->decode_s - before->decode_s,
                                  .memory_s = after->memory_s - before->memory_s,
                                  .result_s = after->result_s - before->result_s,
                                  .ring_size = after->ring_size,
                                  .feature_size = after->feature_size};
    pass->seconds = (double)(pass->times[last] - pass->start) / G_USEC_PER_SEC;
    // `encode_s` is the network alone, as `frame_s` is counted apart from it.
    if (last >= FULL_FROM) {
        pass->n_full = last - FULL_FROM + 1;
        pass->full_seconds =
            (double)(pass->times[last] - pass->times[FULL_FROM - 1]) / G_USEC_PER_SEC;
    }
}

static gboolean run_pass(const Bench *bench, MskFrameSource *source, Pass *pass, GError **error)
{
    g_autoptr(MskVideo) video = msk_video_new(bench->engine, source, NULL);
    g_autoptr(GPtrArray) anchors = g_ptr_array_new_with_free_func((GDestroyNotify)msk_result_unref);
    for (int i = 0; i < bench->n_objects; i++) {
        MskResult *anchor = click(bench, video, i, error);
        if (!anchor)
            return FALSE;
        g_ptr_array_add(anchors, anchor);
    }
    MskVideoStats before, after;
    pass->times = g_new0(int64_t, bench->n_frames);
    pass->mask = g_malloc((size_t)bench->width * (size_t)bench->height);
    msk_video_get_stats(video, &before);
    pass->start = g_get_monotonic_time();
    gboolean done = track(bench, video, (MskResult **)anchors->pdata, pass, error);
    msk_video_get_stats(video, &after);
    if (done)
        measure(bench, &before, &after, pass);
    g_clear_pointer(&pass->times, g_free);
    g_clear_pointer(&pass->mask, g_free);
    return done;
}

static gboolean run_decoded(const Bench *bench, Pass *pass, const char **codec, GError **error)
{
    g_autofree char *folder = g_dir_make_tmp("masklet-bench-XXXXXX", error);
    if (!folder)
        return FALSE;
    g_autofree char *path = g_build_filename(folder, "clip.mkv", NULL);
    gboolean done = bench_clip_write(path, bench->width, bench->height, bench->n_frames,
                                     bench->n_objects, codec, error);
    g_autoptr(MskMedia) media = done ? msk_media_open(path, NULL, NULL, error) : NULL;
    done = media && msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, NULL, error);
    MskFrameCache *cache = msk_frame_cache_new(CACHE_SIZE);
    if (done) {
        MskFrameSource source;
        msk_frame_source_init_media(&source, media, cache);
        done = run_pass(bench, &source, pass, error);
    }
    // Nothing runs any more that reads through the cache.
    msk_frame_cache_free(cache);
    g_remove(path);
    g_rmdir(folder);
    return done;
}

// ---- Output ------------------------------------------------------------------------------------

static double stages(const Pass *pass, double *out)
{
    const MskVideoStats *stats = &pass->stats;
    double all[] = {stats->frame_s,  stats->encode_s, stats->attention_s,
                    stats->decode_s, stats->memory_s, stats->result_s};
    double sum = 0;
    for (guint i = 0; i < G_N_ELEMENTS(all); i++)
        sum += out[i] = all[i];
    return sum;
}

static const char *const stage_names[] = {"reading", "encoder",        "memory_attention",
                                          "decoder", "memory_encoder", "masks"};
#define N_STAGES G_N_ELEMENTS(stage_names)

static void print_pass(const Bench *bench, const Pass *pass, const char *title)
{
    double seconds[N_STAGES], n = (double)(bench->n_frames - 1);
    double rest = pass->seconds - stages(pass, seconds);
    printf("\n%s\n  all frames       %8.2f frames/s %9.1f ms a frame\n", title, n / pass->seconds,
           1000 * pass->seconds / n);
    if (pass->n_full > 0)
        printf("  memory full      %8.2f frames/s %9.1f ms a frame (from frame %d on)\n",
               (double)pass->n_full / pass->full_seconds,
               1000 * pass->full_seconds / (double)pass->n_full, FULL_FROM);
    for (guint i = 0; i < N_STAGES; i++) {
        g_autofree char *name = g_strdelimit(g_strdup(stage_names[i]), "_", ' ');
        printf("    %-38s %9.1f ms\n", name, 1000 * seconds[i] / n);
    }
    printf("    %-38s %9.1f ms\n", "other", 1000 * rest / n);
}

static void add_pass(JsonBuilder *builder, const Bench *bench, const Pass *pass, const char *key)
{
    double seconds[N_STAGES], n = (double)(bench->n_frames - 1);
    double rest = pass->seconds - stages(pass, seconds);
    json_builder_set_member_name(builder, key);
    json_builder_begin_object(builder);
    cli_json_number(builder, "frames_per_second", n / pass->seconds);
    cli_json_number(builder, "ms_per_frame", 1000 * pass->seconds / n);
    if (pass->n_full > 0)
        cli_json_number(builder, "memory_full_frames_per_second",
                        (double)pass->n_full / pass->full_seconds);
    json_builder_set_member_name(builder, "stage_ms_per_frame");
    json_builder_begin_object(builder);
    for (guint i = 0; i < N_STAGES; i++)
        cli_json_number(builder, stage_names[i], 1000 * seconds[i] / n);
    cli_json_number(builder, "other", 1000 * rest / n);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

static void print_json(const Bench *bench, const Pass *preloaded, const Pass *decoded,
                       const char *path, const char *codec)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    cli_json_text(builder, "model", path);
    cli_json_text(builder, "version", bench->info.version);
    cli_json_text(builder, "variant", bench->info.variant);
    cli_json_int(builder, "image_size", bench->info.image_size);
    cli_json_text(builder, "backend", bench->info.backend);
    cli_json_text(builder, "precision", msk_precision_get_name(bench->info.precision));
    cli_json_int(builder, "threads", bench->info.n_threads);
    cli_json_int(builder, "width", bench->width);
    cli_json_int(builder, "height", bench->height);
    cli_json_int(builder, "frames", bench->n_frames);
    cli_json_int(builder, "objects", bench->n_objects);
    cli_json_text(builder, "codec", codec);
    add_pass(builder, bench, preloaded, "preloaded");
    add_pass(builder, bench, decoded, "decoded");
    cli_json_int(builder, "peak_memory", cli_peak_memory());
    json_builder_end_object(builder);
    cli_print_json(builder);
}

static void print_text(const Bench *bench, const Pass *preloaded, const Pass *decoded,
                       const char *path, const char *codec)
{
    g_autofree char *title = g_strdup_printf("From %s on disk to masks of frame size", codec);
    printf("model   %s\n        SAM %s %s, input %d x %d, %s, %s, %d threads\n", path,
           bench->info.version, bench->info.variant, bench->info.image_size, bench->info.image_size,
           bench->info.backend, msk_precision_get_name(bench->info.precision),
           bench->info.n_threads);
    printf("clip    %d x %d, %" G_GINT64_FORMAT " frames, %d object%s\n", bench->width,
           bench->height, bench->n_frames, bench->n_objects, bench->n_objects == 1 ? "" : "s");
    print_pass(bench, preloaded, "From frames in memory to masks (as published figures are made)");
    print_pass(bench, decoded, title);
    printf("\npeak memory %.0f MB\n", (double)cli_peak_memory() / 1e6);
}

// ---- The command -------------------------------------------------------------------------------

static gboolean open_model(Bench *bench, const MskModelParams *params, GError **error)
{
    g_autoptr(GAsyncResult) async = NULL;
    msk_engine_open_model_async(bench->engine, params, NULL, cli_async_cb, &async);
    return msk_engine_open_model_finish(bench->engine, cli_wait(&async), &bench->info, error);
}

// A few frames, so that nothing measured is done for the first time.
static gboolean warm_up(const Bench *bench, GError **error)
{
    Bench shorter = *bench;
    Pass pass = {.what = "warming up"};
    MskFrameSource source;
    shorter.n_frames = MIN(3, bench->n_frames);
    return preload(&shorter, &source, error) && run_pass(&shorter, &source, &pass, error);
}

static int run(Bench *bench, const MskModelParams *params, gboolean as_json)
{
    g_autoptr(GError) error = NULL;
    Pass preloaded = {.what = "preloaded"}, decoded = {.what = "decoded", .to_host = TRUE};
    const char *codec = "";
    MskFrameSource source;
    gboolean done = open_model(bench, params, &error) && warm_up(bench, &error) &&
                    preload(bench, &source, &error) &&
                    run_pass(bench, &source, &preloaded, &error) &&
                    run_decoded(bench, &decoded, &codec, &error);
    cli_progress_end(bench->progress);
    if (!done)
        return cli_fail(error);
    (as_json ? print_json : print_text)(bench, &preloaded, &decoded, params->path, codec);
    return CLI_DONE;
}

static gboolean parse_size(const char *text, int *width, int *height)
{
    g_auto(GStrv) sides = g_strsplit(text, "x", 3);
    int64_t w, h;
    if (g_strv_length(sides) != 2 || !cli_parse_int(sides[0], 16, 8192, &w) ||
        !cli_parse_int(sides[1], 16, 8192, &h) || w % 2 || h % 2)
        return FALSE;
    *width = (int)w;
    *height = (int)h;
    return TRUE;
}

int cli_bench(int argc, char **argv)
{
    g_autofree char *model = NULL, *backend = NULL, *precision = NULL, *size = NULL;
    gboolean as_json = FALSE;
    int n_frames = 24;
    MskModelParams params = {0};
    Bench bench = {.width = 1280, .height = 720, .n_objects = 1};
    const GOptionEntry entries[] = {
        {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
         "Name or path of the model (default: " MSK_MODEL_DEFAULT ")", "MODEL"},
        {"backend", 'b', 0, G_OPTION_ARG_STRING, &backend, "auto (default), ref, cpu or cuda",
         "NAME"},
        {"precision", 0, 0, G_OPTION_ARG_STRING, &precision, "auto (default), fp32 or bf16",
         "NAME"},
        {"threads", 't', 0, G_OPTION_ARG_INT, &params.n_threads,
         "Threads of the model (default: one per core)", "N"},
        {"size", 's', 0, G_OPTION_ARG_STRING, &size, "Size of the frames (default: 1280x720)",
         "WxH"},
        {"frames", 'n', 0, G_OPTION_ARG_INT, &n_frames, "Frames of the clip (default: 24)", "N"},
        {"objects", 'o', 0, G_OPTION_ARG_INT, &bench.n_objects, "Objects (default: 1)", "N"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print one JSON object", NULL},
        {NULL}};
    GOptionContext *context = g_option_context_new(NULL);
    g_option_context_set_summary(
        context,
        "Tracks objects through a drawn clip and prints the time of each stage: once with the\n"
        "frames in memory, once decoded from a file to masks of frame size.");
    g_option_context_set_description(
        context, "Example:\n  masklet-cli bench --model tiny --backend cpu --size 1920x1080 "
                 "--frames 30 --objects 2");
    g_option_context_add_main_entries(context, entries, NULL);
    int status = cli_parse(context, "bench", &argc, &argv);
    if (status >= 0)
        return status;
    if (argc > 1)
        return cli_usage("bench", "\"%s\": bench takes options only", argv[1]);
    if (size && !parse_size(size, &bench.width, &bench.height))
        return cli_usage("bench", "--size %s: expected WxH, even numbers from 16 to 8192", size);
    if (n_frames < 2 || n_frames > 100000)
        return cli_usage("bench", "--frames %d: it is 2 to 100000", n_frames);
    if (bench.n_objects < 1 || bench.n_objects > 100)
        return cli_usage("bench", "--objects %d: it is 1 to 100", bench.n_objects);
    if (params.n_threads < 0 || params.n_threads > 1024)
        return cli_usage("bench", "--threads %d: it is 0 to 1024", params.n_threads);
    if (backend && !msk_backend_from_name(backend, &params.backend))
        return cli_usage("bench", "--backend %s: it is one of auto, ref, cpu, cuda", backend);
    if (precision && !msk_precision_from_name(precision, &params.precision))
        return cli_usage("bench", "--precision %s: it is one of auto, fp32, bf16", precision);

    g_autoptr(GError) error = NULL;
    g_autofree char *path = msk_model_store_find(model ? model : MSK_MODEL_DEFAULT, &error);
    if (!path)
        return cli_fail(error);
    params.path = path;
    bench.n_frames = n_frames;
    bench.engine = msk_engine_new();
    bench.progress = cli_progress_new(FALSE);
    status = run(&bench, &params, as_json);
    msk_engine_close(bench.engine);
    g_object_unref(bench.engine);
    cli_progress_free(bench.progress);
    return status;
}
