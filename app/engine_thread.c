// SPDX-License-Identifier: Apache-2.0
// The engine's thread and its queue.
#include "app/engine_private.h"

#include <glib/gi18n.h>

// Locks are pthread's: the thread sanitizer sees them, GLib's it does not.
typedef struct Queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    GQueue requests, jobs; // of MskRequest
    gboolean quit;         // when nothing waits any more
    gboolean is_closed;    // the thread has ended
    gboolean is_detached;  // the thread frees the queue
    guint64 model;         // id of the one that is open
} Queue;

struct _MskEngine {
    GObject parent_instance;
    Queue *queue;
    GThread *thread; // NULL: closed
};

G_DEFINE_FINAL_TYPE(MskEngine, msk_engine, G_TYPE_OBJECT)

static void free_request(MskRequest *request)
{
    if (request->free_data)
        request->free_data(request->data);
    g_clear_object(&request->task);
    g_object_unref(request->engine);
    g_free(request);
}

// The next request, or a job if none waits; NULL to quit.
static MskRequest *pop_request(Queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    MskRequest *request = NULL;
    while (!request) {
        request = g_queue_pop_head(&queue->requests);
        if (!request)
            request = g_queue_pop_head(&queue->jobs);
        if (!request && queue->quit)
            break;
        if (!request)
            pthread_cond_wait(&queue->filled, &queue->lock);
    }
    pthread_mutex_unlock(&queue->lock);
    return request;
}

static void free_queue(Queue *queue)
{
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->filled);
    g_free(queue);
}

// What a thread wrote before is seen by threads that pass here after.
static void pass_lock(MskEngine *engine)
{
    pthread_mutex_lock(&engine->queue->lock);
    pthread_mutex_unlock(&engine->queue->lock);
}

static guint device_lost_signal;

typedef struct LostNews {
    MskEngine *engine;
    MskModelInfo info;
} LostNews;

static gboolean tell_lost_idle(gpointer user)
{
    LostNews *news = user;
    pass_lock(news->engine);
    g_signal_emit(news->engine, device_lost_signal, 0, &news->info);
    return G_SOURCE_REMOVE;
}

static void free_lost_news(gpointer user)
{
    LostNews *news = user;
    g_object_unref(news->engine);
    g_free(news);
}

static void tell_lost(MskEngine *engine, const MskCore *core)
{
    LostNews *news = g_new0(LostNews, 1);
    news->engine = g_object_ref(engine);
    msk_core_get_info(core, &news->info);
    pass_lock(engine);
    g_idle_add_full(G_PRIORITY_DEFAULT, tell_lost_idle, news, free_lost_news);
}

static gpointer engine_thread(gpointer data)
{
    Queue *queue = data;
    MskCore *core = msk_core_new();
    MskRequest *request;
    while ((request = pop_request(queue))) {
        gboolean again = request->run(core, request);
        if (msk_core_recover(core))
            tell_lost(request->engine, core);
        if (again) {
            pthread_mutex_lock(&queue->lock);
            g_queue_push_head(&queue->jobs, request);
            pthread_mutex_unlock(&queue->lock);
        } else {
            free_request(request);
        }
    }
    msk_core_free(core);
    pthread_mutex_lock(&queue->lock);
    gboolean is_detached = queue->is_detached;
    pthread_mutex_unlock(&queue->lock);
    if (is_detached)
        free_queue(queue);
    return NULL;
}

static void msk_engine_init(MskEngine *engine)
{
    engine->queue = g_new0(Queue, 1);
    pthread_mutex_init(&engine->queue->lock, NULL);
    pthread_cond_init(&engine->queue->filled, NULL);
    g_queue_init(&engine->queue->requests);
    g_queue_init(&engine->queue->jobs);
    engine->thread = g_thread_new("engine", engine_thread, engine->queue);
}

// Ends the thread when nothing waits any more.
static void quit(Queue *queue, gboolean is_detached)
{
    pthread_mutex_lock(&queue->lock);
    queue->quit = TRUE;
    queue->is_detached = is_detached;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

void msk_engine_close(MskEngine *engine)
{
    if (!engine->thread)
        return;
    quit(engine->queue, FALSE);
    g_thread_join(g_steal_pointer(&engine->thread));
    pthread_mutex_lock(&engine->queue->lock);
    engine->queue->is_closed = TRUE;
    pthread_mutex_unlock(&engine->queue->lock);
}

static void msk_engine_finalize(GObject *object)
{
    MskEngine *engine = MSK_ENGINE(object);
    // The last reference may go with a request, on the thread itself.
    if (engine->thread == g_thread_self()) {
        quit(engine->queue, TRUE);
        g_thread_unref(engine->thread);
    } else {
        msk_engine_close(engine);
        free_queue(engine->queue);
    }
    G_OBJECT_CLASS(msk_engine_parent_class)->finalize(object);
}

static void msk_engine_class_init(MskEngineClass *class)
{
    G_OBJECT_CLASS(class)->finalize = msk_engine_finalize;
    device_lost_signal = g_signal_new("device-lost", MSK_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0, NULL,
                                      NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}

MskEngine *msk_engine_new(void)
{
    return g_object_new(MSK_TYPE_ENGINE, NULL);
}

void msk_engine_push(MskEngine *engine, const MskRequest *request)
{
    MskRequest *copy = g_memdup2(request, sizeof *request);
    copy->engine = g_object_ref(engine);
    Queue *queue = engine->queue;
    pthread_mutex_lock(&queue->lock);
    gboolean is_closed = queue->is_closed;
    if (!is_closed)
        g_queue_push_tail(copy->is_job ? &queue->jobs : &queue->requests, copy);
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
    if (!is_closed)
        return;
    if (copy->task)
        g_task_return_new_error(copy->task, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL,
                                _("the engine is closed"));
    else
        copy->run(NULL, copy);
    free_request(copy);
}

void msk_request_return_pointer(MskRequest *request, gpointer value, GDestroyNotify free_value)
{
    pass_lock(request->engine);
    g_task_return_pointer(request->task, value, free_value);
}

void msk_request_return_error(MskRequest *request, GError *error)
{
    pass_lock(request->engine);
    g_task_return_error(request->task, error);
}

gpointer msk_engine_propagate(MskEngine *engine, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, engine), NULL);
    pass_lock(engine);
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void push(MskEngine *engine, GTask *task, MskRequestFunc run, gpointer data,
                 GDestroyNotify free_data)
{
    msk_engine_push(engine,
                    &(MskRequest){.task = task, .run = run, .data = data, .free_data = free_data});
}

// Answers a request that was cancelled while it waited.
static gboolean answer_cancelled(MskRequest *request)
{
    GCancellable *cancellable = g_task_get_cancellable(request->task);
    GError *error = NULL;
    if (!cancellable || !g_cancellable_set_error_if_cancelled(cancellable, &error))
        return FALSE;
    msk_request_return_error(request, error);
    return TRUE;
}

// ---- Opening a model ---------------------------------------------------------------------------

typedef struct OpenData {
    MskModelParams params;
    char *path;
} OpenData;

static void free_open_data(gpointer data)
{
    g_free(((OpenData *)data)->path);
    g_free(data);
}

static gboolean run_open_model(MskCore *core, MskRequest *request)
{
    OpenData *data = request->data;
    GError *error = NULL;
    if (answer_cancelled(request))
        return FALSE;
    MskModelInfo *info = g_new0(MskModelInfo, 1);
    gboolean is_open = msk_core_open_model(core, &data->params, info, &error);
    Queue *queue = request->engine->queue;
    pthread_mutex_lock(&queue->lock);
    queue->model = msk_core_get_model(core);
    pthread_mutex_unlock(&queue->lock);
    if (is_open) {
        msk_request_return_pointer(request, info, g_free);
    } else {
        g_free(info);
        msk_request_return_error(request, error);
    }
    return FALSE;
}

void msk_engine_open_model_async(MskEngine *engine, const MskModelParams *params,
                                 GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer user)
{
    OpenData *data = g_new(OpenData, 1);
    *data = (OpenData){*params, g_strdup(params->path)};
    data->params.path = data->path;
    GTask *task = g_task_new(engine, cancellable, callback, user);
    g_task_set_check_cancellable(task, FALSE);
    push(engine, task, run_open_model, data, free_open_data);
}

gboolean msk_engine_open_model_finish(MskEngine *engine, GAsyncResult *result, MskModelInfo *out,
                                      GError **error)
{
    g_autofree MskModelInfo *info = msk_engine_propagate(engine, result, error);
    if (info && out)
        *out = *info;
    return info != NULL;
}

guint64 msk_engine_get_model(MskEngine *engine)
{
    pthread_mutex_lock(&engine->queue->lock);
    guint64 model = engine->queue->model;
    pthread_mutex_unlock(&engine->queue->lock);
    return model;
}

// ---- Videos ------------------------------------------------------------------------------------

MskVideo *msk_video_new(MskEngine *engine, MskFrameSource *source, const MskVideoOptions *options)
{
    static const MskVideoOptions defaults = MSK_VIDEO_OPTIONS_INIT;
    MskVideo *video = g_new0(MskVideo, 1);
    video->n_refs = 1;
    video->engine = g_object_ref(engine);
    video->source = *source;
    video->options = options ? *options : defaults;
    pthread_mutex_init(&video->stats_lock, NULL);
    *source = (MskFrameSource){0};
    return video;
}

MskVideo *msk_video_ref(MskVideo *video)
{
    g_atomic_int_inc(&video->n_refs);
    return video;
}

static gboolean run_close_video(MskCore *core, MskRequest *request)
{
    MskVideo *video = request->data;
    if (core)
        msk_core_close_video(core, video);
    msk_frame_source_clear(&video->source);
    pthread_mutex_destroy(&video->stats_lock);
    g_object_unref(video->engine);
    g_free(video);
    return FALSE;
}

void msk_video_unref(MskVideo *video)
{
    if (video && g_atomic_int_dec_and_test(&video->n_refs))
        push(video->engine, NULL, run_close_video, video, NULL);
}

int64_t msk_video_get_n_frames(MskVideo *video)
{
    return video->source.n_frames;
}

void msk_video_get_stats(MskVideo *video, MskVideoStats *out)
{
    pthread_mutex_lock(&video->stats_lock);
    *out = video->stats;
    pthread_mutex_unlock(&video->stats_lock);
}

// ---- Prompts -----------------------------------------------------------------------------------

typedef struct PromptData {
    MskVideo *video; // or
    MskFrame *frame;
    MskPrompt *prompt;
    MskResult *previous;
    gboolean three;
} PromptData;

static void free_prompt_data(gpointer user)
{
    PromptData *data = user;
    msk_video_unref(data->video);
    g_clear_pointer(&data->frame, msk_frame_unref);
    msk_prompt_free(data->prompt);
    msk_result_unref(data->previous);
    g_free(data);
}

static gboolean run_prompt(MskCore *core, MskRequest *request)
{
    PromptData *data = request->data;
    GError *error = NULL;
    if (answer_cancelled(request))
        return FALSE;
    MskResult *result = msk_core_prompt(core, data->video, data->prompt, data->previous, &error);
    msk_core_update_stats(data->video);
    if (result)
        msk_mask_get_area(result->mask); // measured here: it takes time
    if (result)
        msk_request_return_pointer(request, result, (GDestroyNotify)msk_result_unref);
    else
        msk_request_return_error(request, error);
    return FALSE;
}

void msk_engine_prompt_async(MskEngine *engine, MskVideo *video, const MskPrompt *prompt,
                             MskResult *previous, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user)
{
    PromptData *data = g_new0(PromptData, 1);
    data->video = msk_video_ref(video);
    data->prompt = msk_prompt_copy(prompt);
    data->previous = previous ? msk_result_ref(previous) : NULL;
    GTask *task = g_task_new(engine, cancellable, callback, user);
    g_task_set_check_cancellable(task, FALSE);
    push(engine, task, run_prompt, data, free_prompt_data);
}

MskResult *msk_engine_prompt_finish(MskEngine *engine, GAsyncResult *result, GError **error)
{
    return msk_engine_propagate(engine, result, error);
}

static gboolean run_segment(MskCore *core, MskRequest *request)
{
    PromptData *data = request->data;
    GError *error = NULL;
    if (answer_cancelled(request))
        return FALSE;
    GPtrArray *results = msk_core_segment(core, data->frame, data->prompt, data->three, &error);
    if (results)
        msk_request_return_pointer(request, results, (GDestroyNotify)g_ptr_array_unref);
    else
        msk_request_return_error(request, error);
    return FALSE;
}

void msk_engine_segment_async(MskEngine *engine, MskFrame *frame, const MskPrompt *prompt,
                              gboolean three, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user)
{
    PromptData *data = g_new0(PromptData, 1);
    data->frame = msk_frame_ref(frame);
    data->prompt = msk_prompt_copy(prompt);
    data->three = three;
    GTask *task = g_task_new(engine, cancellable, callback, user);
    g_task_set_check_cancellable(task, FALSE);
    push(engine, task, run_segment, data, free_prompt_data);
}

GPtrArray *msk_engine_segment_finish(MskEngine *engine, GAsyncResult *result, GError **error)
{
    return msk_engine_propagate(engine, result, error);
}
