// SPDX-License-Identifier: Apache-2.0
// Inside of MskMedia, shared by the media_*.c files.
#pragma once

#include "app/frame_private.h"
#include "app/media.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <pthread.h>

// ---- media_log.c: FFmpeg's messages ------------------------------------------------------------

// Keeps FFmpeg from printing; the first call does it for the whole process.
void msk_log_silence(void);
// Forgets, or tells, the last error FFmpeg logged on this thread; "" when there was none.
void msk_log_clear(void);
const char *msk_log_last(void);
// Sets MSK_MEDIA_ERROR_SIZE when FFmpeg has refused a picture for its size since the last clearing;
// FALSE, with nothing set, when it has not.
gboolean msk_set_size_error(GError **error, const char *path);
// Sets an error for an FFmpeg code met while opening or reading `path`, with the logged reason.
void msk_set_av_error(GError **error, const char *path, int code);

// ---- media_reader.c: one pass of demuxer and decoder over a container --------------------------

typedef struct MskReader {
    char *path;
    int n_threads;
    AVFormatContext *format;
    AVStream *stream;
    AVCodecContext *codec;
    AVPacket *packet;
    GCancellable *cancellable; // of the call that is under way, not owned
    gboolean has_pending;      // `packet` is the next one, already read
    gboolean is_draining, is_over;
    int64_t next_ordinal; // of the next packet: packets of the stream count from 0 at the start
    int64_t n_errors;     // packets the decoder refused
    int read_error;       // what ended the reading, 0 when it was the end of the file
    // After a seek: packets must be the ones the index has, else the reading ends.
    const struct MskIndex *expected;
    int n_seeks, n_rewinds;
} MskReader;

// Opens the video stream of a container. `is_image` is set when the file is one picture, which
// media_sequence.c reads; the result is then NULL without an error.
MskReader *msk_reader_open(const char *path, int n_threads, gboolean *is_image,
                           GCancellable *cancellable, GError **error);
void msk_reader_free(MskReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskReader, msk_reader_free)

// Where a file has become an image since it was opened.
void msk_media_set_replaced_error(GError **error, const char *path);

// Starts over by opening the file again, so that everything is as at the first time.
gboolean msk_reader_rewind(MskReader *reader, GError **error);

// Reads the stream's next packet into reader->packet; FALSE at the end. The ordinal of the packet
// is next_ordinal before the call.
gboolean msk_reader_read(MskReader *reader);

// The next presented picture into `av`. FALSE at the end, or with an error when cancelled.
gboolean msk_reader_decode(MskReader *reader, AVFrame *av, GError **error);

// ---- media_entry.c: where decoding can start ---------------------------------------------------

typedef enum MskEntry {
    MSK_ENTRY_NONE,
    MSK_ENTRY_OPEN,  // exact from this picture on; pictures after it in the file but shown before
                     // it may need earlier ones
    MSK_ENTRY_CLEAN, // exact for all that follow in the file
} MskEntry;

MskEntry msk_entry_of_packet(const AVCodecParameters *parameters, const AVPacket *packet);

// ---- media_index.c -----------------------------------------------------------------------------

typedef struct MskPacketInfo {
    int64_t pts, dts, pos;
    int64_t number; // of the frame it becomes, or -1
    int32_t size;
    uint8_t entry;   // MskEntry
    uint8_t discard; // read but not shown
} MskPacketInfo;

// How packets are recognised after a seek, and whose packet a picture is. (Time stamps and
// positions may be missing.)
typedef enum MskIndexKey {
    MSK_KEY_PTS,  // both by PTS
    MSK_KEY_POS,  // packets by their place in the file, pictures by their packet's ordinal
    MSK_KEY_DTS,  // packets by DTS, pictures by their packet's ordinal
    MSK_KEY_NONE, // not at all: frames are found by counting from the start
} MskIndexKey;

// Immutable once built.
typedef struct MskIndex {
    MskIndexKey key;
    gboolean is_decoded;
    int64_t n_frames;
    int64_t *pts;          // of each frame
    int64_t *frame_packet; // ordinal of the packet of each frame; NULL with MSK_KEY_NONE
    int64_t last_duration; // 0: not told
    int64_t n_packets;
    MskPacketInfo *packets; // NULL for sequences
    int64_t *sorted;        // ordinals in the order of the key
    MskRational frame_rate;
    gboolean is_vfr;
} MskIndex;

void msk_index_free(MskIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskIndex, msk_index_free)

// Reads the file with a reader of its own. A clip of up to `budget` pixels is decoded to count it,
// a larger one only where its packets do not tell. Sentences about what is wrong are added to
// `warnings`.
MskIndex *msk_index_build(const char *path, int n_threads, double budget,
                          MskMediaProgressFunc progress, gpointer user, GPtrArray *warnings,
                          GCancellable *cancellable, GError **error);

// The ordinal of a packet read again after a seek, or -1 when it is not certain.
int64_t msk_index_find_packet(const MskIndex *index, const AVPacket *packet);
// The number of a decoded picture (not with MSK_KEY_NONE), or -1 when it is not presented.
int64_t msk_index_number_of(const MskIndex *index, const AVFrame *av);
// The ordinal of the best packet to start from for frame n; 0 when there is no better one.
int64_t msk_index_find_entry(const MskIndex *index, int64_t n);

// ---- media_seek.c ------------------------------------------------------------------------------

// Makes packet `ordinal` the next one to be decoded. FALSE when that could not be had with
// certainty; the reader must then be rewound.
gboolean msk_reader_seek(MskReader *reader, const MskIndex *index, int64_t ordinal);

// ---- media_rate.c ------------------------------------------------------------------------------

// The constant rate behind the PTS: each is where the rate puts it, to a tick of the time base.
// FALSE when there is none; *rate is then the mean.
gboolean msk_rate_find(const int64_t *pts, int64_t n_frames, int64_t last_duration,
                       AVRational time_base, const AVRational *guesses, int n_guesses,
                       MskRational *rate);

// ---- media_sequence.c --------------------------------------------------------------------------

typedef struct MskSequence {
    char *path;       // as given
    char *folder;     // where the files are
    GPtrArray *names; // of files in the folder, in order
    // Of the first image.
    int width, height; // upright
    int coded_width, coded_height;
    char codec[32];
} MskSequence;

// Lists the images of a folder, a pattern or (is_image) a single file. NULL without an error when
// `path` is neither a folder nor a pattern.
MskSequence *msk_sequence_open(const char *path, gboolean is_image, GPtrArray *warnings,
                               GError **error);
void msk_sequence_free(MskSequence *sequence);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskSequence, msk_sequence_free)

// Decodes image n. The caller owns the result.
AVFrame *msk_sequence_decode(MskSequence *sequence, int64_t n, int n_threads,
                             GCancellable *cancellable, GError **error);
// Checks that every image has the size of the first, which must have been decoded.
gboolean msk_sequence_check(MskSequence *sequence, MskMediaProgressFunc progress, gpointer user,
                            GPtrArray *warnings, GCancellable *cancellable, GError **error);

// ---- media.c -----------------------------------------------------------------------------------

gboolean msk_media_check_size(const char *path, int width, int height, GError **error);

struct _MskMedia {
    GObject parent;
    MskMedia *original; // of a twin: has the index, the facts and the sequence; NULL: it is none
    // Set by msk_media_open(), constant afterwards.
    char *path;
    int n_threads;
    guint64 serial; // tells media apart in caches, never used twice
    MskMediaInfo info;
    GArray *audio; // MskAudioInfo
    GPtrArray *strings;
    MskOrientation orientation; // of the stream; a picture may say otherwise

    GMutex build_lock; // one build at a time
    // The decoder and all below. A pthread lock, which the thread sanitizer sees.
    pthread_mutex_t lock;
    MskReader *reader; // NULL in a twin that was not asked for a frame yet; or
    MskSequence *sequence;
    MskFrame *first;     // frame 0, decoded by opening
    int64_t position;    // last frame the reader has given, -1 before the first
    int64_t valid_from;  // frames before it are not exact after a seek
    gboolean is_lost;    // the reader must seek before it is used
    GHashTable *damaged; // frame numbers that did not decode

    gpointer index; // MskIndex, atomic; NULL before it is built, and in twins
    GMutex facts_lock;
    GPtrArray *warnings;
};

guint64 msk_media_get_serial(MskMedia *media);
MskIndex *msk_media_get_index(MskMedia *media);

// ---- media_frames.c ----------------------------------------------------------------------------

MskOrientation msk_media_orientation_of(const MskMedia *media, const AVFrame *av);
// A frame of the media's size; sets the pixel aspect of `av`.
MskFrame *msk_media_wrap(MskMedia *media, AVFrame *av, int64_t n, int64_t pts);

// ---- media_info.c ------------------------------------------------------------------------------

// Fills media->info and makes media->first of frame 0.
void msk_media_collect_info(MskMedia *media, AVFrame *first, MskRational sequence_rate);

// ---- media_timecode.c --------------------------------------------------------------------------

// The start timecode among the metadata of the stream, the container or a timecode track; or NULL.
const char *msk_timecode_find(const AVFormatContext *format, const AVStream *stream);
