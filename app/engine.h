// SPDX-License-Identifier: Apache-2.0
// MskEngine: the one thread that owns the model; everything asked of SAM 2 goes through its queue.
//
// Requests may be made from any thread and never block. They are answered in order, each by a
// callback in the main context that was the thread's default when the request was made; call the
// matching _finish() there. Long work (tracking) is done frame by frame with other requests in
// between, so that a click is answered while a clip is tracked.
//
// The engine keeps no prompts: a request carries what its answer depends on. Masks that were given
// are anchors (MskResult), and belong to the caller.
#pragma once

#include "app/frame_source.h"
#include "app/job.h"
#include "app/mask.h"
#include "app/plan.h"
#include "app/prompt.h"

G_BEGIN_DECLS

typedef enum MskEngineErrorCode {
    MSK_ENGINE_ERROR_MODEL,    // the model's file is missing, damaged, of another kind or size
    MSK_ENGINE_ERROR_BACKEND,  // the backend is not there, or it failed
    MSK_ENGINE_ERROR_ARGUMENT, // a request that cannot be meant
    MSK_ENGINE_ERROR_MEMORY,   // not enough memory
    MSK_ENGINE_ERROR_IO,       // a model could not be written
    MSK_ENGINE_ERROR_NO_MODEL, // no model is open, or another one was opened meanwhile
    MSK_ENGINE_ERROR_STATE,    // a saved state is of another model or video, or went with a device
} MskEngineErrorCode;
#define MSK_ENGINE_ERROR (msk_engine_error_quark())
GQuark msk_engine_error_quark(void);

// ---- Models, without an engine -----------------------------------------------------------------

typedef enum MskBackend {
    MSK_BACKEND_AUTO,
    MSK_BACKEND_REF,
    MSK_BACKEND_CPU,
    MSK_BACKEND_CUDA,
} MskBackend;

typedef enum MskPrecision {
    MSK_PRECISION_AUTO,
    MSK_PRECISION_FP32,
    MSK_PRECISION_BF16
} MskPrecision;
typedef enum MskDType { MSK_DTYPE_FP32, MSK_DTYPE_FP16, MSK_DTYPE_BF16 } MskDType;

// "auto", "ref", "cpu", "cuda"; "auto", "fp32", "bf16"; "fp32", "fp16", "bf16".
gboolean msk_backend_from_name(const char *name, MskBackend *out);
gboolean msk_precision_from_name(const char *name, MskPrecision *out);
gboolean msk_dtype_from_name(const char *name, MskDType *out);
const char *msk_precision_get_name(MskPrecision precision);

typedef struct MskModelParams {
    const char *path;
    MskBackend backend;
    MskPrecision precision;
    int n_threads; // 0: one per core
} MskModelParams;

typedef struct MskModelInfo {
    char variant[32], version[8]; // "tiny", "2.1"
    char backend[64];             // "cpu (AVX-512)"; empty if only inspected
    guint64 id;                   // hash of the whole file; 0 if only inspected
    MskPrecision precision;
    int image_size; // side of the network's input, pixels
    int64_t n_parameters;
    size_t weights_size; // bytes
    int n_threads;
} MskModelInfo;

// Reads what a file says of itself. Blocks; any thread.
gboolean msk_model_inspect(const char *path, MskModelInfo *out, GError **error);
// Writes a model as safetensors. Blocks; any thread. Nothing is left behind on failure.
gboolean msk_model_convert(const char *in, const char *out, MskDType dtype, GError **error);
// Whether the backend can run here; *why (static, may be NULL) says why not.
gboolean msk_backend_is_available(MskBackend backend, const char **why);

// ---- Results -----------------------------------------------------------------------------------

// An object on a frame: immutable, shared by reference, any thread.
typedef struct MskResult {
    int n_refs; // atomic
    int64_t frame;
    MskMask *mask;
    float object_score; // logit; <= 0: the object is not on the frame
    float iou;          // predicted IoU of the mask, 0 to 1
    guint64 model;      // that made it: MskModelInfo.id; 0: not known, or made of masks
    // Of prompted frames: the answer rests on a mask too, by the prompt or by what it started from
    // (of tracking, mostly). Points that corrected a mask mean little without it.
    gboolean from_mask;
    // Of prompted frames, for use as an anchor: exact low logits and the object's pointer. Tracked
    // frames have neither (NULL).
    float *low_logits; // (grid, grid)
    float *pointer;    // (n_pointer)
    int grid, n_pointer;
} MskResult;

MskResult *msk_result_ref(MskResult *result);
void msk_result_unref(MskResult *result); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskResult, msk_result_unref)

// ---- The engine --------------------------------------------------------------------------------

#define MSK_TYPE_ENGINE (msk_engine_get_type())
G_DECLARE_FINAL_TYPE(MskEngine, msk_engine, MSK, ENGINE, GObject)

// "device-lost" (const MskModelInfo *info), on the main thread: the model's device was lost, and
// the model is open on another backend now. What was asked for failed with MSK_ENGINE_ERROR_STATE
// and can be asked for again.
MskEngine *msk_engine_new(void);

// Does what waits, closes the model and ends the thread; later requests fail. Blocks, so cancel
// jobs first; not for the engine's thread. The last reference going does this too, but where it
// goes on the engine's thread, that ends by itself: close the engine before the program ends.
void msk_engine_close(MskEngine *engine);

// Opens a model in place of the one before, whose running work fails. A file that is no model
// leaves the old one open.
void msk_engine_open_model_async(MskEngine *engine, const MskModelParams *params,
                                 GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer user);
gboolean msk_engine_open_model_finish(MskEngine *engine, GAsyncResult *result, MskModelInfo *out,
                                      GError **error);
// MskModelInfo.id of the model that is open; 0: none, or it is not known. Any thread.
guint64 msk_engine_get_model(MskEngine *engine);

// A clip as the engine knows it. Shared by reference; any thread. It outlives a change of model.
typedef struct MskVideo MskVideo;

typedef struct MskVideoOptions {
    size_t feature_cache_size; // bytes of features kept for frames visited lately; 0: a few frames
    int hole_area;             // holes up to this many pixels at 1/4 resolution are filled; 0: none
} MskVideoOptions;

#define MSK_VIDEO_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .hole_area = 8                                                                             \
    }

// Takes the source over. `options` may be NULL. Nothing is read yet.
MskVideo *msk_video_new(MskEngine *engine, MskFrameSource *source, const MskVideoOptions *options);
MskVideo *msk_video_ref(MskVideo *video);
void msk_video_unref(MskVideo *video); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskVideo, msk_video_unref)

int64_t msk_video_get_n_frames(MskVideo *video);

typedef struct MskVideoStats {
    double frame_s; // reading frames: decoding and conversion
    double encode_s, attention_s, decode_s, memory_s;
    double result_s;                // making masks of results
    int64_t n_encoded, n_tracked;   // frames encoded; object-frames tracked
    size_t feature_size, ring_size; // bytes held now
} MskVideoStats;
// Sums since the model was opened, as of the last finished step.
void msk_video_get_stats(MskVideo *video, MskVideoStats *out);

// Segments an object on prompt->frame. `previous` (or NULL) is the object's result on that frame so
// far, which a correction starts from; of another model's, the mask alone is used. The answer can
// be an anchor.
void msk_engine_prompt_async(MskEngine *engine, MskVideo *video, const MskPrompt *prompt,
                             MskResult *previous, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user);
MskResult *msk_engine_prompt_finish(MskEngine *engine, GAsyncResult *result, GError **error);

// Segments a picture by itself: one mask, or three candidates of different extent in the order that
// the model gives them. Features of the last picture are kept, so that asking again is fast.
void msk_engine_segment_async(MskEngine *engine, MskFrame *frame, const MskPrompt *prompt,
                              gboolean three, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user);
// MskResults; free with g_ptr_array_unref().
GPtrArray *msk_engine_segment_finish(MskEngine *engine, GAsyncResult *result, GError **error);

// ---- Tracking (propagate.c) --------------------------------------------------------------------

typedef struct MskTrackObject {
    // With low_logits (or a LOGITS mask) and pointer. From others, such as painted masks (BITS),
    // results of tracking or of another model, an anchor is made as by a mask prompt, when it is
    // needed; the video keeps it.
    MskResult *const *anchors;
    int n_anchors;
    // Strokes on top of the anchors' masks: NULL, or one for each anchor, which may be NULL.
    MskMask *const *add, *const *remove;
} MskTrackObject;

// Where tracking a span was left: what goes on from here gives the same masks as if it had not been
// left. Immutable, shared by reference, any thread. Good for one video while its model is open.
typedef struct MskTrackState MskTrackState;

MskTrackState *msk_track_state_ref(MskTrackState *state);
void msk_track_state_unref(MskTrackState *state); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskTrackState, msk_track_state_unref)
int64_t msk_track_state_get_next(const MskTrackState *state); // the frame that it goes on with
size_t msk_track_state_get_size(const MskTrackState *state);  // bytes of memory held

typedef struct MskTracked {
    int object; // index
    MskResult *result;
} MskTracked;

// Results of a frame, one for each object tracked there. Called on the engine's thread: take
// references, be quick. Blocking slows the engine down to the caller's pace.
typedef void (*MskTrackFunc)(int64_t frame, const MskTracked *tracked, int n_tracked,
                             gpointer user);

// The state of a span, by its index: when it was begun and tracking was cancelled or failed, and at
// its end where more frames could follow. Called on the engine's thread, before the request is
// answered: take a reference, be quick.
typedef void (*MskTrackSavedFunc)(int span, MskTrackState *state, gpointer user);

typedef struct MskTrackRequest {
    MskVideo *video;
    const MskTrackObject *objects; // what MskSpan.object counts
    int n_objects;
    const MskSpan *spans; // with an anchor on each frame that they name
    int n_spans;
    // NULL, or one for each span, or NULL for those that begin at their anchor. A span with a state
    // is what remains of it: it begins with the state's frame and has the same anchors as then.
    MskTrackState *const *states;
    MskTrackFunc func;
    MskTrackSavedFunc saved; // or NULL
    gpointer user;
    MskJob *job; // advanced by one for each frame; cancelled: stops after the frame; or NULL
} MskTrackRequest;

// Tracks the spans in the order of msk_plan_passes(). The request is copied. MSK_ENGINE_ERROR_STATE
// where a state cannot be used: without the states it will do.
void msk_engine_track_async(MskEngine *engine, const MskTrackRequest *request,
                            GAsyncReadyCallback callback, gpointer user);
// FALSE with G_IO_ERROR_CANCELLED when stopped. What was delivered before stays true.
gboolean msk_engine_track_finish(MskEngine *engine, GAsyncResult *result, GError **error);

G_END_DECLS
