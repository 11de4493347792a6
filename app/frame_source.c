// SPDX-License-Identifier: Apache-2.0
// Frames of a media for the engine.
#include "app/frame_source.h"

typedef struct MediaSource {
    MskMedia *media;
    MskFrameCache *cache;
} MediaSource;

static gboolean get_rgb_cb(gpointer user, int64_t n, uint8_t *rgb, size_t stride, GError **error)
{
    MediaSource *source = user;
    g_autoptr(MskFrame) frame = msk_frame_cache_get(source->cache, source->media, n, NULL, error);
    return frame && msk_frame_get_rgb8(frame, rgb, stride, error);
}

static void destroy_cb(gpointer user)
{
    MediaSource *source = user;
    g_object_unref(source->media);
    g_free(source);
}

void msk_frame_source_init_media(MskFrameSource *source, MskMedia *media, MskFrameCache *cache)
{
    MskMediaInfo info;
    msk_media_get_info(media, &info);
    MediaSource *state = g_new(MediaSource, 1);
    *state = (MediaSource){g_object_ref(media), cache};
    *source = (MskFrameSource){.width = info.width,
                               .height = info.height,
                               .n_frames = msk_media_get_n_frames(media),
                               .get_rgb = get_rgb_cb,
                               .user = state,
                               .destroy = destroy_cb};
}

void msk_frame_source_clear(MskFrameSource *source)
{
    if (source->destroy)
        source->destroy(source->user);
    *source = (MskFrameSource){0};
}
