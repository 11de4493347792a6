// SPDX-License-Identifier: Apache-2.0
// Timecode: where the file keeps it, and the one of any frame.
#include "app/media_private.h"

#include <libavutil/timecode.h>

const char *msk_timecode_find(const AVFormatContext *format, const AVStream *stream)
{
    const AVDictionaryEntry *entry = av_dict_get(stream->metadata, "timecode", NULL, 0);

    if (!entry)
        entry = av_dict_get(format->metadata, "timecode", NULL, 0);
    for (unsigned i = 0; i < format->nb_streams && !entry; i++)
        if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_DATA)
            entry = av_dict_get(format->streams[i]->metadata, "timecode", NULL, 0);
    return entry ? entry->value : NULL;
}

char *msk_media_dup_timecode(MskMedia *media, int64_t n)
{
    MskMediaInfo info;
    AVTimecode timecode;
    char text[AV_TIMECODE_STR_SIZE];

    msk_media_get_info(media, &info);
    if (!info.timecode || info.is_vfr || n < 0 || n > INT_MAX / 2 || info.frame_rate.num <= 0)
        return NULL;
    const AVRational rate = {info.frame_rate.num, info.frame_rate.den};
    if (av_timecode_init_from_string(&timecode, rate, info.timecode, NULL) < 0)
        return NULL;
    return g_strdup(av_timecode_make_string(&timecode, text, (int)n));
}
