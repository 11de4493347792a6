// SPDX-License-Identifier: Apache-2.0
// MskSession: what is open (media, loader, document, tracker, store) and the clip's index.
#include "ui/session_private.h"

#include <glib/gi18n.h>

#include "app/free_later.h"
#include "ui/settings.h"

#define INDEX_POLL_MS 100

// ---- The index ---------------------------------------------------------------------------------

typedef struct IndexData {
    MskMedia *media;
    int *permille;
} IndexData;

static void free_index_data(gpointer user)
{
    IndexData *data = user;
    g_object_unref(data->media);
    g_atomic_rc_box_release(data->permille);
    g_free(data);
}

static void index_progress_cb(double fraction, int64_t n_frames, gpointer user)
{
    IndexData *data = user;
    g_atomic_int_set(data->permille, (int)(fraction * 1000));
}

static void index_thread(GTask *task, gpointer source, gpointer user, GCancellable *cancellable)
{
    IndexData *data = user;
    GError *error = NULL;
    if (msk_media_build_index(data->media, MSK_INDEX_AUTO, index_progress_cb, data, cancellable,
                              &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void set_index_progress(MskSession *self, double progress)
{
    if (self->index_progress == progress)
        return;
    self->index_progress = progress;
    msk_session_notify(self, MSK_SESSION_INDEX_PROGRESS);
}

static gboolean poll_index_cb(gpointer user)
{
    MskSession *self = user;
    set_index_progress(self, CLAMP(g_atomic_int_get(self->index_permille) / 1000.0, 0, 1));
    return G_SOURCE_CONTINUE;
}

static void stop_indexing(MskSession *self)
{
    if (self->indexing)
        g_cancellable_cancel(self->indexing);
    g_clear_object(&self->indexing);
    g_clear_handle_id(&self->index_timer, g_source_remove);
    g_clear_pointer(&self->index_permille, g_atomic_rc_box_release);
    set_index_progress(self, -1);
}

void msk_session_keep_count(MskSession *self)
{
    const int64_t n = msk_media_get_n_frames(self->media);
    if (!self->store || n < 0 || msk_store_get_media(self->store)->n_frames == n)
        return;
    g_autoptr(MskMediaRef) ref = msk_media_ref_copy(msk_store_get_media(self->store));
    ref->n_frames = n;
    msk_store_set_media(self->store, ref);
}

// The count, once it is known; the engine's video, the document and the project follow.
static void use_exact_count(MskSession *self)
{
    self->n_frames = msk_media_get_n_frames(self->media);
    g_clear_pointer(&self->video, msk_video_unref);
    self->video = msk_session_make_video(self);
    if (self->document)
        msk_document_set_n_frames(self->document, self->n_frames);
    if (self->tracker)
        msk_tracker_set_video(self->tracker, self->video);
    msk_session_keep_count(self);
    msk_session_notify(self, MSK_SESSION_N_FRAMES);
    msk_session_set_frame(self, self->frame); // clamps
}

static void index_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    MskSession *self = MSK_SESSION(source); // held by the task
    g_autoptr(GError) error = NULL;
    const gboolean done = g_task_propagate_boolean(G_TASK(result), &error);
    if (g_task_get_cancellable(G_TASK(result)) != self->indexing)
        return; // of a clip that is closed
    stop_indexing(self);
    if (!done) {
        msk_session_error(self, _("The Clip Could Not Be Read to Its End"),
                          _("%s. Its length is an estimate; frames that can be read can be used."),
                          error->message);
        return;
    }
    use_exact_count(self);
    g_autofree char *warning = msk_media_dup_warning(self->media);
    if (warning) {
        g_strdelimit(g_strchomp(warning), "\n", ' ');
        msk_session_toast(self, "%s", warning);
    }
}

static void start_indexing(MskSession *self)
{
    self->index_permille = g_atomic_rc_box_new0(int);
    self->indexing = g_cancellable_new();
    self->index_timer = g_timeout_add(INDEX_POLL_MS, poll_index_cb, self);
    set_index_progress(self, 0);
    IndexData *data = g_new(IndexData, 1);
    *data = (IndexData){g_object_ref(self->media), g_atomic_rc_box_acquire(self->index_permille)};
    g_autoptr(GTask) task = g_task_new(self, self->indexing, index_cb, NULL);
    g_task_set_task_data(task, data, free_index_data);
    g_task_run_in_thread(task, index_thread);
}

// ---- Attaching ---------------------------------------------------------------------------------

MskVideo *msk_session_make_video(MskSession *self)
{
    MskFrameSource source;
    if (!self->engine_media)
        self->engine_media = msk_media_new_twin(self->media);
    msk_frame_source_init_media(&source, self->engine_media, msk_session_get_frame_cache());
    source.n_frames = self->n_frames;
    MskVideoOptions options = MSK_VIDEO_OPTIONS_INIT;
    options.feature_cache_size = (size_t)g_settings_get_int(msk_settings_get(), "feature-cache-mb")
                                 << 20;
    return msk_video_new(msk_session_get_engine(self), &source, &options);
}

void msk_session_attach_media(MskSession *self, GFile *clip, MskMedia *media)
{
    const int64_t exact = msk_media_get_n_frames(media);
    self->clip = g_object_ref(clip);
    self->media = g_object_ref(media);
    self->loader = msk_loader_new(media, msk_session_get_frame_cache());
    self->n_frames = exact >= 0 ? exact : msk_media_estimate_n_frames(media);
    self->frame = 0;
    self->step = 0;
    self->video = msk_session_make_video(self);
    msk_session_notify(self, MSK_SESSION_MEDIA);
    msk_session_notify(self, MSK_SESSION_N_FRAMES);
    msk_session_notify(self, MSK_SESSION_FRAME);
    msk_session_request_picture(self);
    if (exact < 0)
        start_indexing(self);
}

// The selection stays on what there is.
static void objects_changed_cb(GListModel *model, guint position, guint removed, guint added,
                               MskSession *self)
{
    if (!self->selected || msk_document_find_index(self->document, self->selected) >= 0)
        return;
    const guint n = msk_document_get_n_objects(self->document);
    msk_session_select(self,
                       n ? msk_document_get_object(self->document, MIN(position, n - 1)) : NULL);
}

static void history_changed_cb(MskDocument *document, MskSession *self)
{
    self->was_edited = TRUE;
}

static void tracker_failed_cb(MskTracker *tracker, GError *error, MskSession *self)
{
    if (g_error_matches(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_NO_MODEL))
        msk_session_toast(self, _("No model is open yet: your click is kept and answered then"));
    else
        msk_session_error(self, _("The Model Could Not Answer"), "%s", error->message);
}

void msk_session_attach_document(MskSession *self, MskPending *pending)
{
    MskMediaInfo info;
    msk_media_get_info(self->media, &info);
    MskDocument *document = g_steal_pointer(&pending->document);
    if (document) {
        msk_document_hand_over(document);
        msk_document_set_n_frames(document, self->n_frames);
    } else {
        document = msk_document_new(info.width, info.height, self->n_frames);
    }
    self->store = g_steal_pointer(&pending->store);
    if (self->store)
        msk_document_set_store(document, self->store);
    self->read_only = pending->read_only;
    self->is_unsaved = pending->is_unsaved;
    self->was_edited = !pending->is_new;
    self->document = document;
    self->tracker = msk_tracker_new(document, msk_session_get_engine(self));
    msk_tracker_set_video(self->tracker, self->video);
    g_signal_connect_object(document, "items-changed", G_CALLBACK(objects_changed_cb), self, 0);
    g_signal_connect_object(document, "history-changed", G_CALLBACK(history_changed_cb), self, 0);
    g_signal_connect_object(self->tracker, "failed", G_CALLBACK(tracker_failed_cb), self, 0);
    msk_session_watch_store(self);
    msk_session_notify(self, MSK_SESSION_DOCUMENT);
    msk_session_notify(self, MSK_SESSION_READ_ONLY);
    msk_session_notify(self, MSK_SESSION_UNSAVED);
    msk_session_select(self, msk_document_get_object(document, 0));
    // Found again after it was counted: the index was quicker than the project.
    if (self->store && !self->indexing && msk_media_get_n_frames(self->media) >= 0)
        use_exact_count(self);
    if (msk_session_get_model_info(self))
        msk_tracker_answer_missing(self->tracker);
}

void msk_session_detach(MskSession *self)
{
    MskTracker *tracker = g_steal_pointer(&self->tracker);
    MskDocument *document = g_steal_pointer(&self->document);
    MskMedia *media = g_steal_pointer(&self->media);
    if (!media)
        return;
    stop_indexing(self);
    msk_session_select(self, NULL);
    if (tracker)
        msk_tracker_close(tracker);
    if (document)
        msk_document_set_store(document, NULL);
    // Who hears that nothing is open any more may look for the file: it waits from here on.
    msk_session_close_store(self);
    // Everybody lets go before it goes.
    if (document)
        msk_session_notify(self, MSK_SESSION_DOCUMENT);
    g_clear_object(&tracker);
    g_clear_object(&document);
    g_clear_pointer(&self->loader, msk_loader_free);
    msk_session_drop_picture(self);
    self->n_frames = 0;
    self->frame = 0;
    self->step = 0;
    msk_session_notify(self, MSK_SESSION_MEDIA);
    msk_session_notify(self, MSK_SESSION_N_FRAMES);
    msk_session_notify(self, MSK_SESSION_FRAME);
    g_clear_pointer(&self->video, msk_video_unref);
    msk_frame_cache_drop(msk_session_get_frame_cache(), media);
    // Decoders end threads of their own.
    msk_free_later(media, g_object_unref);
    msk_free_later(g_steal_pointer(&self->engine_media), g_object_unref);
    g_clear_object(&self->clip);
    g_clear_object(&self->file);
    self->read_only = self->is_unsaved = self->was_edited = FALSE;
    msk_session_notify(self, MSK_SESSION_READ_ONLY);
    msk_session_notify(self, MSK_SESSION_UNSAVED);
    msk_session_set_write_problem(self, NULL);
    msk_session_set_title(self, NULL);
}
