// SPDX-License-Identifier: Apache-2.0
// masklet-cli track: doing it, from the clip to the exports.
#include <glib-unix.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/cli_sink.h"
#include "app/cli_track.h"
#include "app/media.h"
#include "app/model_store.h"

// Decoded frames that are kept: enough for going backward through a group of pictures, little
// enough to be the same for short and long clips.
#define CACHE_FRAMES 64
#define CACHE_MIN ((size_t)8 << 20)
#define CACHE_MAX ((size_t)192 << 20)
#define SHOW_INTERVAL 100 // ms
#define JSON_INTERVAL G_USEC_PER_SEC

typedef struct Object {
    const MskPromptObject *prompts;
    GPtrArray *anchors; // of MskResult
} Object;

typedef struct Run {
    CliTrackOptions *options;
    char *model_path;
    MskModelInfo model_info;
    MskMedia *media;
    MskMediaInfo info;
    MskFrameCache *cache;
    int64_t first, last;
    Object *objects;
    int n_objects;
    GArray *spans; // of MskSpan
    GPtrArray *exports;
    MskEngine *engine;
    MskVideo *video;
    CliSink *sink;
    MskJob *job; // reading, then tracking; its cancellable stops all
    CliProgress *progress;
    const char *what, *unit; // what the progress is about
    MskJob *shown;           // job or the sink's
    int64_t last_json;
    gboolean stopped; // by a signal
    gboolean tracked; // all that is going to be
    gboolean kept;    // of a track that failed, something was exported
} Run;

// ---- Signals and progress ----------------------------------------------------------------------

static gboolean signal_cb(gpointer user)
{
    Run *run = user;
    cli_progress_end(run->progress);
    if (run->stopped) {
        if (run->sink)
            cli_sink_abort(run->sink);
        else if (run->exports)
            g_ptr_array_set_size(run->exports, 0);
        cli_message("quit; unfinished files were removed");
        fflush(stdout);
        _exit(CLI_STOPPED);
    }
    run->stopped = TRUE;
    cli_message("stopping after this frame, keeping what is done (again: quit at once)");
    msk_job_cancel(run->job);
    if (run->tracked)
        cli_sink_stop(run->sink);
    return G_SOURCE_CONTINUE;
}

static void print_progress(const Run *run)
{
    MskProgress state;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    msk_job_get_progress(run->shown, &state);
    json_builder_begin_object(builder);
    cli_json_text(builder, "event", "progress");
    cli_json_text(builder, "stage", run->what);
    cli_json_int(builder, "done", state.done);
    cli_json_int(builder, "total", state.total);
    cli_json_number(builder, "rate", state.rate);
    cli_json_number(builder, "seconds_left", state.seconds_left < 0 ? NAN : state.seconds_left);
    json_builder_end_object(builder);
    cli_print_json(builder);
}

static gboolean show_cb(gpointer user)
{
    Run *run = user;
    int64_t now = g_get_monotonic_time();
    cli_progress_show(run->progress, run->what, run->unit, run->shown);
    if (run->options->as_json && now - run->last_json >= JSON_INTERVAL && run->unit) {
        print_progress(run);
        run->last_json = now;
    }
    return G_SOURCE_CONTINUE;
}

static void set_stage(Run *run, const char *what, const char *unit, MskJob *shown)
{
    show_cb(run);
    run->what = what;
    run->unit = unit;
    run->shown = shown;
}

// ---- Reading -----------------------------------------------------------------------------------

static void indexed_cb(double fraction, int64_t n_frames, gpointer user)
{
    MskProgress state;
    msk_job_get_progress(user, &state);
    msk_job_advance(user, (int64_t)(fraction * 1000) - state.done);
}

static void read_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Run *run = data;
    GError *error = NULL;
    g_autoptr(MskMedia) media = msk_media_open(run->options->path, NULL, cancellable, &error);
    if (media &&
        msk_media_build_index(media, MSK_INDEX_AUTO, indexed_cb, run->job, cancellable, &error))
        g_task_return_pointer(task, g_steal_pointer(&media), g_object_unref);
    else
        g_task_return_error(task, error);
}

static size_t cache_size(const MskMediaInfo *info)
{
    size_t frame = (size_t)info->width * (size_t)info->height * (info->depth > 8 ? 4 : 2);
    return CLAMP(CACHE_FRAMES * frame, CACHE_MIN, CACHE_MAX);
}

static gboolean read_clip(Run *run, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    msk_job_start(run->job, 1000);
    GTask *task = g_task_new(NULL, msk_job_get_cancellable(run->job), cli_async_cb, &result);
    g_task_set_task_data(task, run, NULL);
    g_task_run_in_thread(task, read_thread);
    g_object_unref(task);
    run->media = g_task_propagate_pointer(G_TASK(cli_wait(&result)), error);
    if (!run->media)
        return FALSE;
    msk_media_get_info(run->media, &run->info);
    msk_frame_cache_set_budget(run->cache, cache_size(&run->info));
    g_autofree char *warning = msk_media_dup_warning(run->media);
    if (warning)
        cli_message("%s: %s", run->options->path, g_strchomp(warning));
    run->first = run->options->first;
    run->last = run->options->last < 0 ? run->info.n_frames - 1 : run->options->last;
    if (run->first <= run->last && run->last < run->info.n_frames)
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--range: %s has frames 0 to %" G_GINT64_FORMAT, run->options->path,
                run->info.n_frames - 1);
    return FALSE;
}

static gboolean prepare_prompts(Run *run, GError **error)
{
    GPtrArray *list = run->options->objects;
    for (guint i = 0; i < list->len; i++) {
        const MskPromptObject *object = g_ptr_array_index(list, i);
        for (guint k = 0; k < object->prompts->len; k++) {
            MskPrompt *prompt = g_ptr_array_index(object->prompts, k);
            if (prompt->frame < 0)
                prompt->frame = run->first;
        }
    }
    g_autoptr(GError) inner = NULL;
    if (!msk_prompt_list_prepare(list, run->info.width, run->info.height, run->first, run->last,
                                 &inner)) {
        if (run->options->prompts_path && inner->code == MSK_PROMPT_ERROR_VALUE)
            g_prefix_error(&inner, "%s: ", run->options->prompts_path);
        g_propagate_error(error, g_steal_pointer(&inner));
        return FALSE;
    }
    run->n_objects = (int)list->len;
    run->objects = g_new0(Object, run->n_objects);
    for (int i = 0; i < run->n_objects; i++) {
        run->objects[i].prompts = g_ptr_array_index(list, i);
        run->objects[i].anchors = g_ptr_array_new_with_free_func((GDestroyNotify)msk_result_unref);
    }
    return TRUE;
}

static gboolean open_exports(Run *run, GError **error)
{
    g_autofree MskExportObject *objects = g_new0(MskExportObject, run->n_objects);
    for (int i = 0; i < run->n_objects; i++)
        objects[i] = (MskExportObject){run->objects[i].prompts->id, run->objects[i].prompts->name};
    for (guint i = 0; i < run->options->exports->len; i++) {
        const CliTrackExport *wanted = &g_array_index(run->options->exports, CliTrackExport, i);
        MskExportOptions options = run->options->for_export;
        options.kind = wanted->kind;
        options.path = wanted->path;
        options.separate |= strstr(wanted->path, "{name}") || strstr(wanted->path, "{id}");
        // A data set has all objects in one by its nature.
        if (wanted->kind == MSK_EXPORT_DAVIS)
            options.separate = FALSE;
        MskExport *export = msk_export_open(&options, run->media, objects, run->n_objects, error);
        if (!export)
            return FALSE;
        g_ptr_array_add(run->exports, export);
    }
    return TRUE;
}

// ---- Tracking ----------------------------------------------------------------------------------

static gboolean open_model(Run *run, GError **error)
{
    const CliTrackOptions *options = run->options;
    g_autoptr(GAsyncResult) result = NULL;
    MskModelParams params = {run->model_path, options->backend, options->precision,
                             options->n_threads};
    msk_engine_open_model_async(run->engine, &params, msk_job_get_cancellable(run->job),
                                cli_async_cb, &result);
    return msk_engine_open_model_finish(run->engine, cli_wait(&result), &run->model_info, error);
}

static void plan(Run *run)
{
    for (int i = 0; i < run->n_objects; i++) {
        const GPtrArray *prompts = run->objects[i].prompts->prompts;
        g_autofree int64_t *anchors = g_new(int64_t, prompts->len);
        for (guint k = 0; k < prompts->len; k++) {
            anchors[k] = ((const MskPrompt *)g_ptr_array_index(prompts, k))->frame;
            cli_sink_expect(run->sink, i, anchors[k]);
        }
        msk_plan_spans(run->spans, i, anchors, (int)prompts->len, run->first, run->last,
                       run->options->direction);
    }
    for (guint i = 0; i < run->spans->len; i++) {
        const MskSpan *span = &g_array_index(run->spans, MskSpan, i);
        for (int64_t frame = span->first; frame <= span->last; frame++)
            cli_sink_expect(run->sink, span->object, frame);
    }
}

static void make_sink(Run *run)
{
    g_autofree int *ids = g_new(int, run->n_objects);
    for (int i = 0; i < run->n_objects; i++)
        ids[i] = run->objects[i].prompts->id;
    CliSinkParams params = {.media = run->media,
                            .cache = run->cache,
                            .first = run->first,
                            .last = run->last,
                            .object_ids = ids,
                            .n_objects = run->n_objects,
                            .exports = run->exports,
                            .print_json = run->options->as_json,
                            .failed = msk_job_get_cancellable(run->job)};
    run->sink = cli_sink_new(&params);
}

// Objects and prompts by frame, so that a frame is decoded and encoded once for all objects.
typedef struct Click {
    int object;
    const MskPrompt *prompt;
} Click;

static int compare_clicks(const void *a, const void *b)
{
    const Click *x = a, *y = b;
    if (x->prompt->frame != y->prompt->frame)
        return x->prompt->frame < y->prompt->frame ? -1 : 1;
    return x->object - y->object;
}

static gboolean make_anchors(Run *run, const GArray *clicks, GError **error)
{
    for (guint i = 0; i < clicks->len; i++) {
        const Click *click = &g_array_index(clicks, Click, i);
        g_autoptr(GAsyncResult) async = NULL;
        msk_engine_prompt_async(run->engine, run->video, click->prompt, NULL,
                                msk_job_get_cancellable(run->job), cli_async_cb, &async);
        MskResult *result = msk_engine_prompt_finish(run->engine, cli_wait(&async), error);
        if (!result)
            return FALSE;
        g_ptr_array_add(run->objects[click->object].anchors, result);
        cli_sink_put(run->sink, click->object, result, FALSE);
        msk_job_advance(run->job, 1);
    }
    return TRUE;
}

static void tracked_cb(int64_t frame, const MskTracked *tracked, int n_tracked, gpointer user)
{
    Run *run = user;
    for (int i = 0; i < n_tracked; i++)
        cli_sink_put(run->sink, tracked[i].object, tracked[i].result, TRUE);
}

static gboolean track_spans(Run *run, GError **error)
{
    g_autofree MskTrackObject *objects = g_new(MskTrackObject, run->n_objects);
    g_autoptr(GAsyncResult) result = NULL;
    for (int i = 0; i < run->n_objects; i++) {
        GPtrArray *anchors = run->objects[i].anchors;
        objects[i] =
            (MskTrackObject){(MskResult *const *)(void *)anchors->pdata, (int)anchors->len};
    }
    MskTrackRequest request = {.video = run->video,
                               .objects = objects,
                               .n_objects = run->n_objects,
                               .spans = (const MskSpan *)(void *)run->spans->data,
                               .n_spans = (int)run->spans->len,
                               .func = tracked_cb,
                               .user = run,
                               .job = run->job};
    msk_engine_track_async(run->engine, &request, cli_async_cb, &result);
    return msk_engine_track_finish(run->engine, cli_wait(&result), error);
}

static gboolean track(Run *run, GError **error)
{
    g_autoptr(GArray) clicks = g_array_new(FALSE, FALSE, sizeof(Click));
    for (int i = 0; i < run->n_objects; i++) {
        const GPtrArray *prompts = run->objects[i].prompts->prompts;
        for (guint k = 0; k < prompts->len; k++) {
            Click click = {i, g_ptr_array_index(prompts, k)};
            g_array_append_val(clicks, click);
        }
    }
    g_array_sort(clicks, compare_clicks);
    g_autoptr(GPtrArray) segments =
        msk_plan_passes((const MskSpan *)(void *)run->spans->data, (int)run->spans->len);
    msk_job_start(run->job, clicks->len + msk_plan_count(segments));
    set_stage(run, "tracking", "frame", run->job);
    MskVideoOptions options = MSK_VIDEO_OPTIONS_INIT;
    MskFrameSource source;
    options.hole_area = run->options->hole_area;
    msk_frame_source_init_media(&source, run->media, run->cache);
    run->video = msk_video_new(run->engine, &source, &options);
    return make_anchors(run, clicks, error) && track_spans(run, error);
}

// ---- Events ------------------------------------------------------------------------------------

static void print_start(const Run *run)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    cli_json_text(builder, "event", "start");
    cli_json_text(builder, "file", run->options->path);
    cli_json_int(builder, "width", run->info.width);
    cli_json_int(builder, "height", run->info.height);
    cli_json_int(builder, "frames", run->info.n_frames);
    cli_json_int(builder, "first", run->first);
    cli_json_int(builder, "last", run->last);
    json_builder_set_member_name(builder, "objects");
    json_builder_begin_array(builder);
    for (int i = 0; i < run->n_objects; i++) {
        json_builder_begin_object(builder);
        cli_json_int(builder, "id", run->objects[i].prompts->id);
        cli_json_text(builder, "name", run->objects[i].prompts->name);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    cli_json_text(builder, "model", run->model_path);
    cli_json_text(builder, "version", run->model_info.version);
    cli_json_text(builder, "variant", run->model_info.variant);
    cli_json_text(builder, "backend", run->model_info.backend);
    cli_json_text(builder, "precision", msk_precision_get_name(run->model_info.precision));
    cli_json_int(builder, "threads", run->model_info.n_threads);
    json_builder_end_object(builder);
    cli_print_json(builder);
}

static void print_export(const Run *run, guint index)
{
    MskExport *export = g_ptr_array_index(run->exports, index);
    const char *const *paths = msk_export_get_paths(export);
    int64_t n_frames = msk_export_get_n_frames(export);
    MskExportKind kind = g_array_index(run->options->exports, CliTrackExport, index).kind;
    for (int i = 0; !run->options->as_json && paths && paths[i]; i++)
        printf("%s: %" G_GINT64_FORMAT " frames\n", paths[i], n_frames);
    if (!run->options->as_json || !paths)
        return;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    cli_json_text(builder, "event", "export");
    cli_json_text(builder, "kind", msk_export_kind_get_name(kind));
    json_builder_set_member_name(builder, "paths");
    json_builder_begin_array(builder);
    for (int i = 0; paths[i]; i++) {
        g_autofree char *valid = g_utf8_make_valid(paths[i], -1);
        json_builder_add_string_value(builder, valid);
    }
    json_builder_end_array(builder);
    cli_json_int(builder, "frames", n_frames);
    json_builder_end_object(builder);
    cli_print_json(builder);
}

static void print_error(const GError *error)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    cli_json_text(builder, "event", "error");
    cli_json_text(builder, "message", error->message);
    json_builder_end_object(builder);
    cli_print_json(builder);
}

static void print_done(const Run *run, int status)
{
    MskProgress state;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    msk_job_get_progress(run->job, &state);
    json_builder_begin_object(builder);
    cli_json_text(builder, "event", "done");
    cli_json_text(builder, "status",
                  status == CLI_DONE      ? "done"
                  : status == CLI_STOPPED ? "stopped"
                                          : "failed");
    cli_json_int(builder, "results", run->sink ? cli_sink_get_n_results(run->sink) : 0);
    cli_json_number(builder, "seconds", state.seconds);
    cli_json_int(builder, "peak_memory", cli_peak_memory());
    json_builder_end_object(builder);
    cli_print_json(builder);
}

// ---- All of it ---------------------------------------------------------------------------------

// Everything that can be wrong is found here, before the first frame is tracked.
static gboolean prepare(Run *run, GError **error)
{
    CliTrackOptions *options = run->options;
    run->model_path =
        msk_model_store_find(options->model ? options->model : MSK_MODEL_DEFAULT, error);
    if (!run->model_path || !msk_model_inspect(run->model_path, &run->model_info, error))
        return FALSE;
    if (options->prompts_path) {
        g_ptr_array_unref(options->objects);
        options->objects = msk_prompt_list_read(options->prompts_path, error);
        if (!options->objects) {
            options->objects = msk_prompt_list_new();
            return FALSE;
        }
    }
    return read_clip(run, error) && prepare_prompts(run, error) && open_exports(run, error) &&
           open_model(run, error);
}

static gboolean write_out(Run *run, gboolean is_complete, GError **error)
{
    run->tracked = TRUE;
    cli_sink_end(run->sink, is_complete);
    if (run->exports->len > 0)
        set_stage(run, "writing", "frame", cli_sink_get_job(run->sink));
    while (!cli_sink_has_ended(run->sink))
        g_main_context_iteration(NULL, TRUE);
    show_cb(run);
    return cli_sink_get_status(run->sink, error);
}

static gboolean run_all(Run *run, GError **error)
{
    if (!prepare(run, error))
        return FALSE;
    if (run->options->as_json)
        print_start(run);
    make_sink(run);
    plan(run);
    cli_sink_start(run->sink);
    g_autoptr(GError) track_error = NULL, write_error = NULL;
    gboolean is_complete = track(run, &track_error);
    if (!write_out(run, is_complete, &write_error)) {
        g_propagate_error(error, g_steal_pointer(&write_error));
        return FALSE;
    }
    cli_progress_end(run->progress);
    for (guint i = 0; i < run->exports->len; i++)
        print_export(run, i);
    if (!is_complete) {
        for (guint i = 0; i < run->exports->len; i++)
            run->kept |= msk_export_get_n_frames(g_ptr_array_index(run->exports, i)) > 0;
        g_propagate_error(error, g_steal_pointer(&track_error));
        return FALSE;
    }
    if (cli_sink_was_stopped(run->sink)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "");
        return FALSE;
    }
    return TRUE;
}

static int report(Run *run, gboolean done, const GError *error)
{
    int status = done ? CLI_DONE : cli_exit_code(error);
    cli_progress_end(run->progress);
    if (status == CLI_STOPPED)
        cli_message("stopped");
    else if (!done)
        cli_message("%s%s", error->message,
                    run->kept ? "\nmasklet-cli: what was tracked before that is exported" : "");
    if (run->options->as_json) {
        if (!done && status != CLI_STOPPED)
            print_error(error);
        print_done(run, status);
    } else if (done && run->options->exports->len == 0) {
        MskProgress state;
        msk_job_get_progress(run->job, &state);
        g_autofree char *time = msk_job_format_seconds(state.seconds);
        printf("tracked %" G_GINT64_FORMAT " frames in %s; nothing was exported (--export)\n",
               state.done, time);
    }
    return status;
}

static void clear(Run *run)
{
    // The engine's thread and the sink's use what comes after.
    msk_video_unref(run->video);
    msk_engine_close(run->engine);
    g_object_unref(run->engine);
    if (run->sink)
        cli_sink_free(run->sink);
    g_ptr_array_unref(run->exports);
    for (int i = 0; i < run->n_objects; i++)
        g_ptr_array_unref(run->objects[i].anchors);
    g_free(run->objects);
    g_array_unref(run->spans);
    g_clear_object(&run->media);
    msk_frame_cache_free(run->cache);
    cli_progress_free(run->progress);
    msk_job_unref(run->job);
    g_free(run->model_path);
}

int cli_track_run(CliTrackOptions *options)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    Run run = {.options = options,
               .cache = msk_frame_cache_new(CACHE_MIN),
               .spans = g_array_new(FALSE, FALSE, sizeof(MskSpan)),
               .exports = g_ptr_array_new_with_free_func((GDestroyNotify)msk_export_free),
               .engine = msk_engine_new(),
               .job = msk_job_new(),
               .progress = cli_progress_new(FALSE),
               .what = "reading"};
    g_autoptr(GError) error = NULL;
    guint sources[G_N_ELEMENTS(signals) + 1];
    run.shown = run.job;
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
        sources[i] = g_unix_signal_add(signals[i], signal_cb, &run);
    sources[G_N_ELEMENTS(signals)] = g_timeout_add(SHOW_INTERVAL, show_cb, &run);
    gboolean done = run_all(&run, &error);
    for (guint i = 0; i < G_N_ELEMENTS(sources); i++)
        g_source_remove(sources[i]);
    int status = report(&run, done, error);
    clear(&run);
    return status;
}
