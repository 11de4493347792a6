// SPDX-License-Identifier: Apache-2.0
// SAM 2 as a C library: promptable segmentation of images and videos.
//
// Paper: "SAM 2: Segment Anything in Images and Videos", Ravi et al., 2024 (arXiv:2408.00714).
//
// Conventions
// - Every function that can fail returns a Sam2Status and takes a Sam2Error, which may be NULL. On
//   failure nothing is handed out, the objects passed in stay as they were unless said otherwise,
//   and the error holds a sentence that names the file, tensor, frame or object at fault.
// - The library prints nothing, exits never and has no global state. An object and everything made
//   from it belong to one thread at a time; different models may run on different threads.
// - Images are 8-bit RGB, rows top to bottom. Coordinates are pixel indices as the reference takes
//   them (x right, y down, fractions allowed, (0, 0) is the first pixel). Frames count from 0.
// - Masks leave as logits (> 0 is the object). `low` logits are (S/4, S/4), S the input size.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SAM2_API __attribute__((visibility("default")))
#else
#define SAM2_API
#endif

typedef enum Sam2Status {
    SAM2_OK = 0,
    SAM2_ERR_ARGUMENT = -1,    // a call that cannot be meant: bad range, unknown object, no prompts
    SAM2_ERR_MEMORY = -2,      // an allocation failed
    SAM2_ERR_IO = -3,          // a file could not be opened, read or written
    SAM2_ERR_FORMAT = -4,      // a file is damaged or not of a known format
    SAM2_ERR_UNSUPPORTED = -5, // a well-formed file or option that this build cannot serve
    SAM2_ERR_SHAPE = -6,       // a tensor is missing or has another type or shape than expected
    SAM2_ERR_BACKEND = -7,     // the device or a library below failed
    SAM2_ERR_FRAME = -8,       // the frame callback failed
    SAM2_ERR_DEVICE = -9,      // the device was lost: the model cannot be used any more
} Sam2Status;

typedef struct Sam2Error {
    Sam2Status status;
    char message[1024];
} Sam2Error;

typedef enum Sam2BackendKind {
    SAM2_BACKEND_AUTO, // cuda when there is a device, else cpu, else ref
    SAM2_BACKEND_REF,  // plain C, any machine; the oracle of the others
    SAM2_BACKEND_CPU,  // vector and tile kernels; x86-64 with AVX2
    SAM2_BACKEND_CUDA,
} Sam2BackendKind;

typedef enum Sam2DType { SAM2_F32, SAM2_F16, SAM2_BF16 } Sam2DType;

typedef enum Sam2Precision {
    SAM2_PRECISION_AUTO, // bf16 arithmetic with fp32 accumulation where the hardware has it
    SAM2_PRECISION_F32,  // parity with the reference
    SAM2_PRECISION_BF16,
} Sam2Precision;

// ---- Model -------------------------------------------------------------------------------------

typedef struct Sam2Model Sam2Model;

typedef struct Sam2ModelParams {
    const char *path; // published .pt, .safetensors with the same names, or Hugging Face's naming
    Sam2BackendKind backend;
    Sam2Precision precision;
    int n_threads; // 0: one per core that the process may use
} Sam2ModelParams;

typedef struct Sam2ModelInfo {
    char variant[32];        // "tiny", "small", "base+", "large" or "custom"
    char version[8];         // "2.0" or "2.1"
    char backend[64];        // "ref", "cpu (AVX-512)", ...
    Sam2Precision precision; // F32 or BF16: what is used
    int image_size;          // S: side of the square network input, pixels
    int d_model;             // floats of an object pointer
    int64_t n_parameters;
    size_t weights_size; // bytes held by the backend for weights
    int n_threads;
} Sam2ModelInfo;

// Opens the model in `params->path`: every tensor's name, type and shape is checked. On success
// *out is owned by the caller, on failure it is NULL.
SAM2_API Sam2Status sam2_model_open(Sam2Model **out, const Sam2ModelParams *params,
                                    Sam2Error *error);

// Closes a model, whose videos and images must be gone. *model becomes NULL; NULL is fine.
SAM2_API void sam2_model_close(Sam2Model **model);

SAM2_API void sam2_model_get_info(const Sam2Model *model, Sam2ModelInfo *out);

// Reads only what `params->path` says of itself: no backend is made, no weight is kept.
SAM2_API Sam2Status sam2_model_inspect(const char *path, Sam2ModelInfo *out, Sam2Error *error);

// Writes the weights in `in` (any form that opens) as safetensors under the published names, with
// the configuration in the metadata. `out` is written under a temporary name and renamed.
SAM2_API Sam2Status sam2_model_convert(const char *in, const char *out, Sam2DType dtype,
                                       Sam2Error *error);

// Whether a backend is built in and can run on this machine; *why (static) says why not.
SAM2_API bool sam2_backend_available(Sam2BackendKind kind, const char **why);

// ---- Video -------------------------------------------------------------------------------------

typedef struct Sam2Video Sam2Video;

// Delivers frame `frame` into `rgb`: `height` rows of `width` pixels, rows `stride` bytes apart.
// Returns 0, or non-zero to make the call that asked fail with SAM2_ERR_FRAME. A sweep may ask for
// the next two frames while it works on one; failures count when their turn comes.
typedef int (*Sam2FrameFunc)(void *user, int64_t frame, uint8_t *rgb, size_t stride);

// Named as in the reference where it has the option.
typedef struct Sam2VideoOptions {
    bool add_all_frames_to_correct_as_cond; // a correction makes its frame a conditioning frame
    bool clear_non_cond_mem_around_input;   // forget tracked memory near a prompted frame
    int max_cond_frames_in_attn;            // nearest conditioning frames attended; -1: all
    int memory_temporal_stride_for_eval;    // every n-th past frame is a memory; >= 1
    bool non_overlap_masks;                 // frame-size logits: one object a pixel
    int fill_hole_area; // holes up to this many low-resolution pixels are filled; 0: none
    bool dynamic_multimask_via_stability;
    float dynamic_multimask_stability_delta;
    float dynamic_multimask_stability_thresh;
    bool binarize_mask_from_pts_for_mem_enc;
    // Keep only the tracked frames that later frames can still read. Off: every frame stays, as in
    // the reference. On: results of a tracked frame must be read before the sweep is 16 frames on
    // (or 6 strides, if that is more).
    bool bounded_memory;
    size_t feature_cache_size; // bytes of image features kept for frames visited lately
    // Bytes of host memory for features that leave that cache, where the backend is a device. The
    // videos of a model share it: what was used longest ago makes room, whosever it is. It is
    // pinned, so that copies cost the device no time, and grows as it is needed to at most a
    // quarter of the memory that the system has left; it goes with the model's last video. 0: such
    // frames are encoded again.
    size_t host_cache_size;
    int max_objects_at_once; // objects of a frame that are tracked in one go; 0: as many as pays
    // Waits for the device after each stage, so that Sam2VideoStats tells how long each takes.
    // Slower.
    bool time_stages;
} Sam2VideoOptions;

// The application's defaults: corrections are kept, at most 6 conditioning frames, bounded memory.
SAM2_API Sam2VideoOptions sam2_video_options_default(void);
// What the reference's build_sam2_video_predictor() gives, hole filling included.
SAM2_API Sam2VideoOptions sam2_video_options_parity(void);

typedef struct Sam2VideoParams {
    int width, height; // frame size, pixels, >= 1
    int64_t n_frames;  // >= 1
    Sam2FrameFunc get_frame;
    void *user;
    Sam2VideoOptions options;
} Sam2VideoParams;

// The model must outlive the video. *out is owned by the caller.
SAM2_API Sam2Status sam2_video_open(Sam2Video **out, Sam2Model *model,
                                    const Sam2VideoParams *params, Sam2Error *error);
SAM2_API void sam2_video_close(Sam2Video **video);

typedef struct Sam2Prompt {
    const float *points; // (n_points, 2) x, y in frame pixels
    const int *labels;   // (n_points): 1 positive, 0 negative
    int n_points;
    const float *box;     // x0, y0, x1, y1 in frame pixels, or NULL
    bool keep_old_points; // add to the points that the frame already has; not with a box
} Sam2Prompt;

// Adds points or a box on a frame and segments it. An unknown object is made. The frame's earlier
// mask prompt, if any, goes. On failure a new object is not kept.
SAM2_API Sam2Status sam2_video_add_points(Sam2Video *video, int64_t frame, int object,
                                          const Sam2Prompt *prompt, Sam2Error *error);

// Adds a mask (height rows of width bytes, non-zero is the object; any size: it covers the frame)
// as the object's mask on that frame. The frame's earlier points go.
SAM2_API Sam2Status sam2_video_add_mask(Sam2Video *video, int64_t frame, int object,
                                        const uint8_t *mask, int width, int height,
                                        Sam2Error *error);

// A result that an earlier sweep or session gave, put back.
typedef struct Sam2Result {
    const float *low_logits; // (S/4, S/4)
    const float *pointer;    // (d_model), or NULL where it is not known
    float object_score, iou;
    bool conditioning; // a prompted frame: later sweeps are conditioned on it; needs the pointer
} Sam2Result;

// Gives a frame's result back: the next correction on that frame starts from it and, if it is
// conditioning, sweeps do too. An unknown object is made. What is there for the frame is replaced.
SAM2_API Sam2Status sam2_video_set_result(Sam2Video *video, int64_t frame, int object,
                                          const Sam2Result *result, Sam2Error *error);

// Removes the prompts of an object on a frame; its result stays as a tracked one.
SAM2_API Sam2Status sam2_video_clear_prompts(Sam2Video *video, int64_t frame, int object,
                                             Sam2Error *error);
// An unknown object is SAM2_ERR_ARGUMENT if strict, else nothing.
SAM2_API Sam2Status sam2_video_remove_object(Sam2Video *video, int object, bool strict,
                                             Sam2Error *error);
// Forgets the tracked (not the prompted) frames of an object, so that a sweep starts afresh.
SAM2_API Sam2Status sam2_video_clear_tracked(Sam2Video *video, int object, Sam2Error *error);
// Removes all objects.
SAM2_API void sam2_video_reset(Sam2Video *video);

// Object ids in the order they were added; the array lives until the next call that changes it.
SAM2_API int sam2_video_get_objects(const Sam2Video *video, const int **ids);

typedef struct Sam2Sweep {
    int64_t start;      // first frame; -1: the earliest prompted frame
    int64_t max_frames; // frames after the first one; -1: to the end of the video
    bool reverse;
    bool visits_first;  // a backward sweep from frame 0 visits it, as it does not in the reference
    const int *objects; // ids, or NULL for all
    int n_objects;
} Sam2Sweep;

// Prepares a sweep: encodes the prompted frames into memory. Fails if an object has no prompts.
// Ends an earlier sweep. `sweep` and what it points to are copied.
SAM2_API Sam2Status sam2_video_sweep_start(Sam2Video *video, const Sam2Sweep *sweep,
                                           Sam2Error *error);
// Tracks the next frame and stores its number in *frame, or -1 at the end. After a failure the
// same frame can be tried again. Prompts may change between calls; they count from the next start.
SAM2_API Sam2Status sam2_video_sweep_next(Sam2Video *video, int64_t *frame, Sam2Error *error);

typedef struct Sam2Scores {
    float object_score; // logit; <= 0: the object is not on the frame
    float iou;          // predicted IoU of the mask, 0 to 1
} Sam2Scores;

// Results of an object on a frame. SAM2_ERR_ARGUMENT where there is none (any more).
SAM2_API Sam2Status sam2_video_get_low_logits(Sam2Video *video, int64_t frame, int object,
                                              float *out /* (S/4, S/4) */, Sam2Error *error);
SAM2_API Sam2Status sam2_video_get_logits(Sam2Video *video, int64_t frame, int object,
                                          float *out /* (height, width) */, Sam2Error *error);
SAM2_API Sam2Status sam2_video_get_mask(Sam2Video *video, int64_t frame, int object,
                                        uint8_t *out /* (height, width), 0 or 255 */,
                                        Sam2Error *error);
SAM2_API Sam2Status sam2_video_get_scores(Sam2Video *video, int64_t frame, int object,
                                          Sam2Scores *out, Sam2Error *error);
SAM2_API Sam2Status sam2_video_get_pointer(Sam2Video *video, int64_t frame, int object,
                                           float *out /* (d_model) */, Sam2Error *error);
SAM2_API bool sam2_video_has_result(const Sam2Video *video, int64_t frame, int object);

// Saves all objects (prompts, results, memory) into one block, freed with sam2_free(), and loads
// such a block into a video of the same size and model, in place of its objects. A damaged block is
// SAM2_ERR_FORMAT and changes nothing.
SAM2_API Sam2Status sam2_video_save(Sam2Video *video, void **data, size_t *size, Sam2Error *error);
SAM2_API Sam2Status sam2_video_restore(Sam2Video *video, const void *data, size_t size,
                                       Sam2Error *error);
// The same of one object: to go on later where a sweep was left, with the same results as if it had
// not been left. Restoring makes object `object` of the block, or replaces it.
SAM2_API Sam2Status sam2_video_save_object(Sam2Video *video, int object, void **data, size_t *size,
                                           Sam2Error *error);
SAM2_API Sam2Status sam2_video_restore_object(Sam2Video *video, int object, const void *data,
                                              size_t size, Sam2Error *error);
SAM2_API void sam2_free(void *data);

typedef struct Sam2VideoStats {
    size_t feature_bytes, memory_bytes;     // held now
    size_t host_feature_bytes;              // of this video, in host_cache_size
    double encode_s, attention_s, decode_s; // summed wall time of the stages
    double memory_s, resize_s;
    int64_t n_encoded, n_tracked; // frames encoded; object-frames tracked
    int64_t n_returned;           // frames whose features came back from host_cache_size
} Sam2VideoStats;
SAM2_API void sam2_video_get_stats(const Sam2Video *video, Sam2VideoStats *out);

// ---- Image -------------------------------------------------------------------------------------

typedef struct Sam2Image Sam2Image;

// The model must outlive the image. *out is owned by the caller.
SAM2_API Sam2Status sam2_image_open(Sam2Image **out, Sam2Model *model, Sam2Error *error);
SAM2_API void sam2_image_close(Sam2Image **image);

// Encodes an image (rows `stride` bytes apart). The pixels are not kept.
SAM2_API Sam2Status sam2_image_set(Sam2Image *image, const uint8_t *rgb, int width, int height,
                                   size_t stride, Sam2Error *error);

typedef struct Sam2ImagePrompt {
    const float *points; // (n_points, 2), image pixels
    const int *labels;
    int n_points;
    const float *box;        // x0, y0, x1, y1 or NULL
    const float *low_logits; // (S/4, S/4) of an earlier call, or NULL
    bool multimask;          // three candidates instead of one
} Sam2ImagePrompt;

typedef struct Sam2ImageResult {
    int n_masks;  // 1 or 3
    float iou[3]; // predicted
    float object_score;
    float *low_logits[3]; // (S/4, S/4) each, clamped to +-32; live until the next call on the image
} Sam2ImageResult;

SAM2_API Sam2Status sam2_image_predict(Sam2Image *image, const Sam2ImagePrompt *prompt,
                                       Sam2ImageResult *out, Sam2Error *error);
// Logits of candidate `index` of the last result at the image's size, (height, width).
SAM2_API Sam2Status sam2_image_get_logits(Sam2Image *image, int index, float *out,
                                          Sam2Error *error);

#ifdef __cplusplus
}
#endif
