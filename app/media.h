// SPDX-License-Identifier: Apache-2.0
// MskMedia: a clip or an image sequence; exact frame numbers, any frame decoded on demand.
//
// Frame n is the n-th picture the decoder presents when the file is played from its start with edit
// lists honoured, counted from 0. The number, not the time, names a frame; its PTS is kept as an
// integer in the stream's time base. Before the index is built, frames are found by decoding from
// the start, which is exact but slow for large n; afterwards by seeking.
//
// Threads: every function may be called from any thread. Frames of one media are decoded one at a
// time behind a lock. msk_media_build_index() reads the file by itself, so frames can be fetched
// from another thread while it runs.
#pragma once

#include "app/frame.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define MSK_MEDIA_ERROR (msk_media_error_quark())
GQuark msk_media_error_quark(void);

// Messages are one sentence that names the file, the reason and what to do.
typedef enum MskMediaError {
    MSK_MEDIA_ERROR_NOT_FOUND,   // no such file, folder, or no file for the pattern
    MSK_MEDIA_ERROR_UNREADABLE,  // permission, input/output error
    MSK_MEDIA_ERROR_FORMAT,      // not a media file, or damaged beyond opening
    MSK_MEDIA_ERROR_NO_VIDEO,    // opens, but has no video stream
    MSK_MEDIA_ERROR_EMPTY,       // not one frame decodes
    MSK_MEDIA_ERROR_UNSUPPORTED, // no decoder, encrypted, pixel format without conversion
    MSK_MEDIA_ERROR_SIZE,        // frame size out of bounds (MSK_MEDIA_MAX_SIDE, _MAX_PIXELS)
    MSK_MEDIA_ERROR_MIXED_SIZES, // images of a sequence differ in size
    MSK_MEDIA_ERROR_DAMAGED,     // this frame does not decode, others may
    MSK_MEDIA_ERROR_RANGE,       // no such frame number
    MSK_MEDIA_ERROR_MEMORY,
} MskMediaError;

// Whether the error says that the input cannot be read (masklet-cli: exit 3), in contrast to a
// wrong frame number, a cancel or lack of memory.
gboolean msk_media_error_is_input(const GError *error);

#define MSK_MEDIA_MAX_SIDE 16384
#define MSK_MEDIA_MAX_PIXELS (1 << 27)

#define MSK_TYPE_MEDIA (msk_media_get_type())
G_DECLARE_FINAL_TYPE(MskMedia, msk_media, MSK, MEDIA, GObject)

typedef struct MskMediaOptions {
    int n_threads;             // decoder threads; 0: one per core
    MskRational sequence_rate; // frame rate given to image sequences; 0/0: 25
} MskMediaOptions;

// Opens `path`: a file FFmpeg can read, a folder of images (natural order of names), a pattern such
// as "frames/%05d.png" (in the order of the numbers; frame 0 is the lowest one), or one image. Only
// local files are read. Frame 0 is decoded to learn the facts. `options` may be NULL. The caller
// owns the result; NULL with an error.
MskMedia *msk_media_open(const char *path, const MskMediaOptions *options,
                         GCancellable *cancellable, GError **error);

// The same clip with a decoder of its own, for who reads frames at another place: the two do not
// make each other seek. Facts and index, also one that is built later, are those of `media`; in
// frame caches both are one. The file is opened when the first frame is asked for. The caller owns
// the result.
MskMedia *msk_media_new_twin(MskMedia *media);

// ---- Index -------------------------------------------------------------------------------------

typedef enum MskIndexMode {
    // Decode the clip to count it when it is short (up to 2^32 pixels in all, a quarter of that for
    // codecs without motion) or when its packets do not tell: edit lists, discarded or invisible
    // frames, fields, missing time stamps, open GOP
    // or damage at the start, a codec that may present more or fewer frames than packets. Else read
    // the packets and decode the first and last ones only.
    MSK_INDEX_AUTO,
    MSK_INDEX_DECODE, // decode everything: also finds damage in the middle of a long clip
} MskIndexMode;

// `fraction` 0 to 1; `n_frames` found so far. Called on the thread that builds the index.
typedef void (*MskMediaProgressFunc)(double fraction, int64_t n_frames, gpointer user);

// Counts and locates every frame. Blocks; `progress` and `cancellable` may be NULL. Building twice
// is fine: the second call returns TRUE at once. On failure the media stays as it was.
gboolean msk_media_build_index(MskMedia *media, MskIndexMode mode, MskMediaProgressFunc progress,
                               gpointer user, GCancellable *cancellable, GError **error);
gboolean msk_media_is_indexed(MskMedia *media);

// The exact number of frames, or -1 before the index is built.
int64_t msk_media_get_n_frames(MskMedia *media);
// A guess from the file's headers, for progress bars: at least 1.
int64_t msk_media_estimate_n_frames(MskMedia *media);

// PTS and duration of frame n in the time base. The index must be built and n be in range (else
// INT64_MIN and 0). A frame lasts until the next one; the last as long as the file says, else as
// long as the one before it.
int64_t msk_media_get_pts(MskMedia *media, int64_t n);
int64_t msk_media_get_frame_duration(MskMedia *media, int64_t n);
// The frame on screen at `pts`: the last whose PTS is not later; 0 before the first; -1 without
// an index.
int64_t msk_media_find_frame(MskMedia *media, int64_t pts);

// ---- Frames ------------------------------------------------------------------------------------

// Frame n; the caller owns it. NULL with an error: MSK_MEDIA_ERROR_RANGE for n < 0 or past the end,
// _DAMAGED when it does not decode, G_IO_ERROR_CANCELLED.
// Asking for n, n + 1, n + 2 ... is as fast as plain decoding.
MskFrame *msk_media_get_frame(MskMedia *media, int64_t n, GCancellable *cancellable,
                              GError **error);

// As msk_media_get_frame(), and shows every frame before n that had to be decoded on the way, in
// order of decoding, to `passing` (which takes a reference of its own if it keeps one; it must not
// call the media). For caches.
typedef void (*MskMediaFrameFunc)(MskFrame *frame, gpointer user);
MskFrame *msk_media_get_frame_passing(MskMedia *media, int64_t n, MskMediaFrameFunc passing,
                                      gpointer user, GCancellable *cancellable, GError **error);

// ---- Facts -------------------------------------------------------------------------------------

typedef struct MskAudioInfo {
    int stream; // index in the container
    char codec[32];
    int sample_rate, n_channels;
    char layout[64];       // "stereo", "5.1(side)", ...
    MskRational time_base; // of its packets
    int64_t bit_rate;      // 0: unknown
    char language[16];     // "" when not told
} MskAudioInfo;

typedef enum MskFieldOrder {
    MSK_FIELD_UNKNOWN,
    MSK_FIELD_PROGRESSIVE,
    MSK_FIELD_TOP_FIRST,
    MSK_FIELD_BOTTOM_FIRST,
} MskFieldOrder;

typedef struct MskMediaInfo {
    const char *path;         // as given to msk_media_open()
    gboolean is_sequence;     // images: `path` cannot be opened as a container, there is no audio
    const char *container;    // FFmpeg's name: "mov,mp4,m4a,3gp,3g2,mj2", "image sequence", ...
    const char *codec;        // "h264", ...
    const char *decoder;      // "h264", "libvpx-vp9", ...
    const char *profile;      // "High", or NULL
    const char *pixel_format; // FFmpeg's name
    int stream;               // index of the video stream in the container
    int n_streams;

    int width, height;             // upright, as delivered
    int coded_width, coded_height; // as decoded
    MskOrientation orientation;
    MskRational pixel_aspect; // upright; 1/1 when the file does not say
    int depth;                // bits of a component
    gboolean has_alpha;
    MskColour colour;  // as tagged in the file; 2 (range, chroma: 0) where it does not say
    MskColour assumed; // as converted: see msk_frame_get_colour()
    MskFieldOrder field_order;

    MskRational time_base;
    // Of a constant rate: exact. Else the mean as the file gives it. Before the index is built: the
    // file's claim.
    MskRational frame_rate;
    gboolean is_vfr;      // known with the index
    int64_t n_frames;     // -1 before the index is built
    gboolean is_decoded;  // the count was made by decoding every frame
    int64_t n_claimed;    // what the header says; 0: nothing. Not to be trusted
    int64_t start_pts;    // of frame 0
    int64_t duration;     // in the time base, from the first frame's start to the last one's end
    const char *timecode; // of frame 0, "01:00:00:00" or drop-frame "01:00:00;00"; NULL: none
    int n_audio;
    const MskAudioInfo *audio;
} MskMediaInfo;

// A copy of the facts in *out; strings and `audio` belong to the media and live as long as it.
void msk_media_get_info(MskMedia *media, MskMediaInfo *out);

// The timecode of frame n: counted from the file's, or NULL when it has none, the rate is not
// constant or not one that timecode can count. g_free() it.
char *msk_media_dup_timecode(MskMedia *media, int64_t n);

// File name (no folder) of frame n of an image sequence, owned by the media; NULL for containers.
const char *msk_media_get_image_name(MskMedia *media, int64_t n);

// What is wrong with the file though it plays: truncated, frames that do not decode, missing
// numbers in a sequence, rotation by odd angles ... One sentence a line; NULL: nothing. g_free()
// it.
char *msk_media_dup_warning(MskMedia *media);

// The facts as `masklet-cli info` prints them: text for people, or one JSON object (UTF-8, ends in
// a newline). g_free() it.
char *msk_media_info_to_text(MskMedia *media);
char *msk_media_info_to_json(MskMedia *media);

G_END_DECLS
