// SPDX-License-Identifier: Apache-2.0
// One sound track on its way into an exported video.
//
// Packets are added as they are read and leave when their time has come, so that the end of the
// export may become known late. Times are the media's (its time base, its origin).
#pragma once

#include "app/export_movie.h"

G_BEGIN_DECLS

typedef struct MskTrack MskTrack;

// Adds a stream for `source` to the muxer. Copies where the container takes the codec; PCM, which
// can be cut anywhere, is coded anew with the same codec; the rest becomes PCM (.mov, .mkv), Opus
// (.webm) or AAC (.mp4). `path` and `shown` (source, destination) are for messages.
MskTrack *msk_track_open(AVFormatContext *muxer, AVStream *source, AVRational time_base,
                         const char *path, const char *shown, GError **error);
// The time that becomes 0.
void msk_track_start(MskTrack *track, int64_t pts);
// Takes the packet's data, leaving it empty. Packets before the start are dropped.
void msk_track_add(MskTrack *track, AVPacket *packet);
// Whether packets up to `pts` have been added.
gboolean msk_track_has(const MskTrack *track, int64_t pts);
// Writes sound before `end`. Copied packets are not split: the last one may reach past it.
gboolean msk_track_write_until(MskTrack *track, int64_t end, GError **error);
// The same, and empties the encoder.
gboolean msk_track_finish(MskTrack *track, int64_t end, GError **error);
void msk_track_free(MskTrack *track); // NULL is fine

// ---- export_recoder.c --------------------------------------------------------------------------

// Decodes packets, puts the samples on a gapless grid that begins at `start`, and encodes them.
typedef struct MskRecoder MskRecoder;

// `codec` is the encoder's id. *encoder is the opened encoder, which the recoder keeps.
MskRecoder *msk_recoder_open(AVStream *source, enum AVCodecID codec, gboolean global_header,
                             const AVCodecContext **encoder, const char *path, GError **error);
void msk_recoder_start(MskRecoder *recoder, int64_t start); // in the source stream's time base
// NULL: the end of the source.
gboolean msk_recoder_add(MskRecoder *recoder, const AVPacket *packet, GError **error);
// The next packet with sound before `end` (source stream's time base), times in 1 / sample rate of
// the encoder; only whole frames of the encoder, but with `last` everything. FALSE when there is
// none yet, or with *error set.
gboolean msk_recoder_receive(MskRecoder *recoder, int64_t end, gboolean last, AVPacket *packet,
                             GError **error);
void msk_recoder_free(MskRecoder *recoder); // NULL is fine

G_END_DECLS
