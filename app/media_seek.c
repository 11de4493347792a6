// SPDX-License-Identifier: Apache-2.0
// Seeking a MskReader to a packet, and making sure that it got there.
#include "app/media_private.h"

// Reads on until packet `ordinal` is the pending one. After a seek the first packets may be torn
// (streams without a table of contents), but from the first known one on all must be as expected.
static gboolean settle(MskReader *reader, const MskIndex *index, int64_t ordinal)
{
    int64_t here = -1;

    avcodec_flush_buffers(reader->codec);
    reader->has_pending = reader->is_draining = reader->is_over = FALSE;
    reader->expected = NULL;
    for (int n_unknown = 0; n_unknown < 64;) {
        if (!msk_reader_read(reader))
            return FALSE;
        int64_t found = msk_index_find_packet(index, reader->packet);
        if (here < 0 && found < 0) {
            n_unknown++;
            continue;
        }
        if (found < 0 || found > ordinal || (here >= 0 && found != here + 1))
            return FALSE;
        here = found;
        if (here == ordinal) {
            reader->has_pending = TRUE;
            reader->next_ordinal = ordinal;
            reader->expected = index;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean msk_reader_seek(MskReader *reader, const MskIndex *index, int64_t ordinal)
{
    static const int back_ms[] = {0, 500, 5000};
    const MskPacketInfo *packet = &index->packets[ordinal];
    const AVRational tb = reader->stream->time_base;
    int64_t stamp = packet->pts;

    reader->n_seeks++;
    // Demuxers differ in whether they look for the DTS or the PTS: the smaller one serves both.
    if (stamp == AV_NOPTS_VALUE || (packet->dts != AV_NOPTS_VALUE && packet->dts < stamp))
        stamp = packet->dts;
    for (size_t i = 0; stamp != AV_NOPTS_VALUE && i < G_N_ELEMENTS(back_ms); i++) {
        int64_t back = av_rescale_q(back_ms[i], (AVRational){1, 1000}, tb);
        if (av_seek_frame(reader->format, reader->stream->index, stamp - back,
                          AVSEEK_FLAG_BACKWARD) >= 0 &&
            settle(reader, index, ordinal))
            return TRUE;
        if (g_cancellable_is_cancelled(reader->cancellable))
            return FALSE;
    }
    return packet->pos >= 0 && !(reader->format->iformat->flags & AVFMT_NO_BYTE_SEEK) &&
           av_seek_frame(reader->format, reader->stream->index, packet->pos, AVSEEK_FLAG_BYTE) >=
               0 &&
           settle(reader, index, ordinal);
}
