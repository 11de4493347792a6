// SPDX-License-Identifier: Apache-2.0
// What the video formats share: an encoder, a container and the source's sound.
#pragma once

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "app/export_private.h"

G_BEGIN_DECLS

typedef struct MskMovie MskMovie;
typedef struct MskSound MskSound;

typedef struct MskMovieSpec {
    const char *muxer;   // FFmpeg's names
    const char *encoder; //
    int pixel_format;    // enum AVPixelFormat of the pictures given to the encoder
    int marked_format;   // of the stream in the container, where it differs; else the same
    MskColour tags;      // written to container, encoder and every picture
    // Private options of the encoder, "key=value:key=value".
    const char *options;
    gboolean intra_only; // every picture a key frame
    int64_t bit_rate;    // 0: the encoder's quality mode
    int global_quality;  // as with -q; 0: not set
    // Looks at each packet before it is written, in the order of the pictures; may be NULL.
    gboolean (*packet_cb)(void *user, AVPacket *packet, GError **error);
    void *user;
} MskMovieSpec;

// Colour tags of the result: the source's, with the range and for RGB sources the matrix decided by
// the format.
MskColour msk_movie_yuv_tags(const MskExportSource *source, int range);
MskColour msk_movie_rgb_tags(const MskExportSource *source);
// A matte has no colour of its own: BT.709 or BT.601 by size, for readers that ask.
MskColour msk_movie_matte_tags(const MskExportSource *source, int range);

// The frame in the pixel format and tags of the spec; colours are converted to the tags' matrix and
// range. The caller owns the picture.
AVFrame *msk_movie_convert(const MskMovieSpec *spec, const MskFrame *frame, GError **error);
// An empty picture of the spec's format.
AVFrame *msk_movie_new_picture(const MskMovieSpec *spec, const MskExportSource *source,
                               GError **error);

// Version 3 with a checksum for each slice (version 1 for one row or column of pixels).
const char *msk_movie_ffv1_options(const MskExportSource *source);

// Opens an encoder by itself. The caller frees it with avcodec_free_context().
AVCodecContext *msk_movie_open_encoder(const MskExportSource *source, const MskMovieSpec *spec,
                                       gboolean global_header, GError **error);

MskMovie *msk_movie_open(const MskExportSource *source, const MskMovieSpec *spec, const char *path,
                         const char *shown, GError **error);
// Encodes a picture, which is the caller's and may be changed in its tags and times, and the sound
// up to its end.
gboolean msk_movie_write(MskMovie *movie, AVFrame *av, const MskExportPicture *picture,
                         GError **error);
gboolean msk_movie_finish(MskMovie *movie, GError **error);
void msk_movie_free(MskMovie *movie); // NULL is fine

// An FFmpeg error as a GError: IO for errors of the system, else `otherwise`. FALSE.
gboolean msk_movie_fail(GError **error, int code, MskExportErrorCode otherwise, const char *format,
                        ...) G_GNUC_PRINTF(4, 5);

// ---- export_sound.c ----------------------------------------------------------------------------

// Opens the source's sound and adds a stream to `muxer` (before its header) for each track. *out is
// NULL, with success, if the source has no sound.
gboolean msk_sound_open(MskSound **out, const MskExportSource *source, AVFormatContext *muxer,
                        const char *shown, GError **error);
// Goes to the time of the first exported frame, in the media's time base.
gboolean msk_sound_start(MskSound *sound, int64_t pts, GError **error);
// Writes what begins before `end` (time base of the media, 0 at the start).
gboolean msk_sound_write_until(MskSound *sound, int64_t end, GError **error);
// Writes the rest up to `end` and empties the encoders.
gboolean msk_sound_finish(MskSound *sound, int64_t end, GError **error);
void msk_sound_free(MskSound *sound); // NULL is fine

static inline void msk_release_av_frame(AVFrame *frame)
{
    av_frame_free(&frame);
}

static inline void msk_release_av_packet(AVPacket *packet)
{
    av_packet_free(&packet);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AVFrame, msk_release_av_frame)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AVPacket, msk_release_av_packet)

G_END_DECLS
