// SPDX-License-Identifier: Apache-2.0
// Inside the engine: the core that talks to the model, and the queue that feeds it.
#pragma once

#include <pthread.h>

#include "app/engine.h"

G_BEGIN_DECLS

struct Sam2Video;

// ---- engine.c: the model -----------------------------------------------------------------------
// What is declared here for the core is called on the engine's thread only.

// The open model and all that was made from it.
typedef struct MskCore MskCore;

struct MskVideo {
    int n_refs; // atomic
    MskEngine *engine;
    MskFrameSource source;
    MskVideoOptions options;
    // Of the engine's thread.
    struct Sam2Video *sam2; // NULL until it is needed, and after a change of model
    GPtrArray *made;        // anchors of the open model made from masks; or NULL
    GError *frame_error;    // what the frame source said last
    double frame_s, result_s;
    pthread_mutex_t stats_lock;
    MskVideoStats stats;
};

MskCore *msk_core_new(void);
void msk_core_free(MskCore *core);
gboolean msk_core_open_model(MskCore *core, const MskModelParams *params, MskModelInfo *out,
                             GError **error);
// Where the open model's device was lost, opens the model on the best backend that is left. True if
// it was.
gboolean msk_core_recover(MskCore *core);
// Grows with each model that is opened.
guint msk_core_get_generation(const MskCore *core);
void msk_core_get_info(const MskCore *core, MskModelInfo *out);
guint64 msk_core_get_model(const MskCore *core); // msk_engine_get_model()

// Closes what the core has of a video.
void msk_core_close_video(MskCore *core, MskVideo *video);
void msk_core_update_stats(MskVideo *video);

// An object of a video by its slot, a number of the caller's choice; slot 0 is for prompts.
MskResult *msk_core_prompt(MskCore *core, MskVideo *video, const MskPrompt *prompt,
                           const MskResult *previous, GError **error);
// Makes the object anew with these anchors and nothing else.
gboolean msk_core_set_anchors(MskCore *core, MskVideo *video, int slot, MskResult *const *anchors,
                              int n_anchors, GError **error);
void msk_core_drop_object(MskVideo *video, int slot);
// The anchor itself if the model can use it as it is, else one made from its mask, kept for the
// next time. A new reference.
MskResult *msk_core_prepare_anchor(MskCore *core, MskVideo *video, MskResult *anchor,
                                   GError **error);
gboolean msk_core_is_prepared(const MskCore *core, const MskResult *anchor);
// An object in the middle of a sweep, and back.
GBytes *msk_core_save_object(MskVideo *video, int slot, GError **error);
gboolean msk_core_restore_object(MskCore *core, MskVideo *video, int slot, GBytes *bytes,
                                 GError **error);
// Sweeps over `n_frames` frames from `start` on.
gboolean msk_core_sweep_start(MskCore *core, MskVideo *video, int64_t start, int64_t n_frames,
                              gboolean reverse, const int *slots, int n_slots, GError **error);
gboolean msk_core_sweep_next(MskVideo *video, int64_t *frame, GError **error);
// The result of a tracked frame.
MskResult *msk_core_read(MskCore *core, MskVideo *video, int slot, int64_t frame, GError **error);

GPtrArray *msk_core_segment(MskCore *core, MskFrame *frame, const MskPrompt *prompt, gboolean three,
                            GError **error);

// ---- model_hash.c ------------------------------------------------------------------------------

// Of all that is in the file, never 0; 0: it cannot be read. Any thread; reads the whole file.
guint64 msk_model_hash_file(const char *path);

// ---- engine_thread.c: the queue ----------------------------------------------------------------

typedef struct MskRequest MskRequest;

// Answers the request with msk_request_return...() and returns FALSE; or TRUE to be called again
// after the requests that wait. `core` is NULL where there is no task and the engine is closed.
typedef gboolean (*MskRequestFunc)(MskCore *core, MskRequest *request);

struct MskRequest {
    MskEngine *engine; // reference
    GTask *task;       // NULL: nobody waits
    MskRequestFunc run;
    gboolean is_job; // runs when nothing else waits, one step at a time
    gpointer data;
    GDestroyNotify free_data;
};

// `request` is copied; its task and data are taken over, its engine is not.
void msk_engine_push(MskEngine *engine, const MskRequest *request);
// Takes `value` or `error` over. `value` must not be NULL.
void msk_request_return_pointer(MskRequest *request, gpointer value, GDestroyNotify free_value);
void msk_request_return_error(MskRequest *request, GError *error);
// For _finish(): g_task_propagate_pointer(), after what the engine's thread wrote can be seen.
gpointer msk_engine_propagate(MskEngine *engine, GAsyncResult *result, GError **error);

// ---- propagate.c -------------------------------------------------------------------------------

typedef struct MskPropagate MskPropagate;

// Copies the request; NULL with an error if it cannot be meant.
MskPropagate *msk_propagate_new(const MskTrackRequest *request, GError **error);
void msk_propagate_free(MskPropagate *propagate);
// Tracks one frame more. *more is FALSE at the end. FALSE on failure or cancel.
gboolean msk_propagate_step(MskPropagate *propagate, MskCore *core, gboolean *more, GError **error);

G_END_DECLS
