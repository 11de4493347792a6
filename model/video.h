// SPDX-License-Identifier: Apache-2.0
// A video's state, shared by the files video*.c.
#pragma once

#include "model/track.h"

typedef struct Sam2FeatureEntry {
    int64_t frame; // -1: empty
    uint64_t last_use;
    Sam2Features features;
} Sam2FeatureEntry;

// The lanes of backends that have some.
enum { SAM2_LANE_TRACK, SAM2_LANE_ENCODE, SAM2_LANE_COPY };

// Host memory for the features of frames that leave the device (video_spill.c).
typedef struct Sam2Spill Sam2Spill;
typedef struct Sam2SpillSlot Sam2SpillSlot; // of one frame

// A frame on its way to the network.
typedef struct Sam2FrameBuffer {
    uint8_t *rgb; // NULL: none yet
    bool pinned;
    int64_t frame; // that was read ahead, or -1
} Sam2FrameBuffer;

typedef struct Sam2SweepState {
    bool active, reverse, all_objects;
    int64_t next, end; // frames, `end` is the last one
    int *objects;      // ids, unless all_objects
    int n_objects;
} Sam2SweepState;

// Memory that tracking uses on every frame; it grows with the largest shape.
typedef struct Sam2VideoWork {
    Sam2Tensor table, tracks, memory; // backend memory; see track.h
    void *host;                       // table or tracks on the host
    size_t host_size;
    // Backends with lanes work on a frame's features, and encode them, always in the same place.
    Sam2Features features, encoded;
} Sam2VideoWork;

// What tells recorded work from other work: sizes, and the memory that it uses.
typedef struct Sam2WorkKey {
    int64_t sizes[6];
    const void *memory[4];
    const void *arena;
    size_t arena_size, arena_used;
} Sam2WorkKey;

struct Sam2Video {
    Sam2Model *model;
    Sam2VideoParams params;
    Sam2Arena arena, encode_arena; // of the two lanes
    Sam2Object **objects;
    int *ids; // parallel to objects
    int n_objects, objects_capacity;
    Sam2FeatureEntry *cache;
    int n_cache;
    uint64_t clock;
    Sam2FrameBuffer frames[2]; // one is read while the other is uploaded
    int next_frame;            // of them
    bool spills;               // frames that leave the cache go to the model's Sam2Spill
    Sam2SweepState sweep;
    Sam2VideoWork work;
    int max_batch; // objects tracked at once; less once memory ran out
    Sam2VideoStats stats;
};

#define SAM2_TRACKED_LIST 0
#define SAM2_CONDITIONING_LIST 1

double sam2_seconds(void); // monotonic

Sam2Object *sam2_video_find(const Sam2Video *video, int id); // or NULL
// Finds or makes an object; *made tells which.
Sam2Status sam2_video_object(Sam2Video *video, int id, Sam2Object **out, bool *made,
                             Sam2Error *error);
void sam2_video_drop_object(Sam2Video *video, Sam2Object *object);
Sam2Status sam2_video_check_frame(const Sam2Video *video, int64_t frame, Sam2Error *error);

// ---- video_features.c
// Features of a frame, from the cache or encoded now. Valid until the next call. `tracking`: memory
// attention follows.
Sam2Status sam2_video_features(Sam2Video *video, int64_t frame, bool tracking, Sam2Features **out,
                               Sam2Error *error);
// Begins to encode a frame that is soon asked for, or to get it from the host, beside the work that
// goes on. The features in use are left alone. Failures are told when the frame is asked for.
void sam2_video_encode_ahead(Sam2Video *video, int64_t frame);
// Reads the frame behind that one, so that it can be encoded at once. Failures as above.
void sam2_video_read_ahead(Sam2Video *video, int64_t frame);
// How many frames' features are kept, by what memory there is.
Sam2Status sam2_video_open_features(Sam2Video *video, Sam2Error *error);
void sam2_video_clear_features(Sam2Video *video);
void sam2_video_clear_encoder(Sam2Video *video);
void sam2_video_free_frames(Sam2Video *video); // behind sync()
// Frees all but the newest. False: there was nothing to free.
bool sam2_video_shrink_features(Sam2Video *video);

// ---- video_spill.c
// Nothing of it fails: what cannot be kept, or comes back no more, is encoded again.
void sam2_video_spill_open(Sam2Video *video);
void sam2_video_spill_close(Sam2Video *video); // behind sync()
// The frame's slot, or NULL.
Sam2SpillSlot *sam2_video_spill_find(const Sam2Video *video, int64_t frame);
// Begins to copy what leaves the cache, behind the last mark of tracking and of encoding; wait for
// the lane of copies before the entry is written. `spare` is kept.
void sam2_video_spill_put(Sam2Video *video, const Sam2FeatureEntry *entry,
                          const Sam2SpillSlot *spare);
// Begins to copy a slot into an entry with memory, as above. False: it could not.
bool sam2_video_spill_get(Sam2Video *video, Sam2SpillSlot *slot, Sam2FeatureEntry *entry);
size_t sam2_video_spill_size(const Sam2Video *video); // bytes of this video

// Copies a decoded result into a new output, holes filled.
Sam2Status sam2_video_make_output(Sam2Video *video, int64_t frame, const Sam2Decoded *decoded,
                                  const float *pointer, Sam2FrameOutput **out);
// ---- video_track.c
// Conditions features on the object's memory; without any memory, as a first frame.
Sam2Status sam2_video_condition(Sam2Video *video, const Sam2Object *object, int64_t frame,
                                bool reverse, Sam2Features *features, Sam2Tensor *out);
// Tracks objects into a frame, as many at once as there can be.
Sam2Status sam2_video_track(Sam2Video *video, Sam2Object *const *objects, int n, int64_t frame,
                            bool reverse);
void sam2_video_free_work(Sam2Video *video);

// Encodes an output's mask into its memory.
Sam2Status sam2_video_encode(Sam2Video *video, Sam2FrameOutput *output, bool prompted,
                             Sam2Error *error);
void sam2_video_forget_around(Sam2Video *video, Sam2Object *object, int64_t frame);

// Ends an API call: scratch memory goes, a backend's message becomes the caller's.
Sam2Status sam2_video_finish(Sam2Video *video, Sam2Status status, Sam2Error *error);
