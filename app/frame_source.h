// SPDX-License-Identifier: Apache-2.0
// MskFrameSource: where the engine gets the pixels of a clip from.
#pragma once

#include "app/frame_cache.h"

G_BEGIN_DECLS

typedef struct MskFrameSource {
    int width, height;
    int64_t n_frames;
    // Writes a frame as `height` rows of RGB, `stride` bytes apart. Called on the engine's thread.
    gboolean (*get_rgb)(gpointer user, int64_t frame, uint8_t *rgb, size_t stride, GError **error);
    gpointer user;
    GDestroyNotify destroy; // of `user`, on any thread; or NULL
} MskFrameSource;

// A media whose index is built, read through `cache`, so that going backward decodes a group of
// pictures once. The source keeps a reference to the media; the cache must outlive the source.
void msk_frame_source_init_media(MskFrameSource *source, MskMedia *media, MskFrameCache *cache);

// Releases what the source holds.
void msk_frame_source_clear(MskFrameSource *source);

G_END_DECLS
