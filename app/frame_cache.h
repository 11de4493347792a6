// SPDX-License-Identifier: Apache-2.0
// MskFrameCache: decoded frames of any number of media, the least recently used ones dropped first.
//
// One cache may be used by several threads. It holds no reference to a media. What to fetch ahead
// is the caller's business.
#pragma once

#include "app/media.h"

G_BEGIN_DECLS

typedef struct MskFrameCache MskFrameCache;

typedef struct MskFrameCacheStats {
    size_t budget, size; // bytes: allowed, held
    int64_t n_frames;    // held
    int64_t n_hits, n_misses, n_evicted;
} MskFrameCacheStats;

// `budget` in bytes of decoded pictures. The frame asked for last is kept even when it is larger.
MskFrameCache *msk_frame_cache_new(size_t budget);
void msk_frame_cache_free(MskFrameCache *cache); // NULL is fine; no thread may be inside
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskFrameCache, msk_frame_cache_free)

// Frame n of the media, from the cache or decoded; the caller owns it. A miss also keeps the frames
// that were decoded on the way to n, up to half the budget, so that going backwards decodes a group
// of pictures once. Errors as msk_media_get_frame().
MskFrame *msk_frame_cache_get(MskFrameCache *cache, MskMedia *media, int64_t n,
                              GCancellable *cancellable, GError **error);

// The frame if it is there, else NULL, without decoding and without waiting for a decoder. Counts
// as a hit or a miss.
MskFrame *msk_frame_cache_peek(MskFrameCache *cache, MskMedia *media, int64_t n);

// Forgets the frames of one media (before the last reference to it goes), or all of them.
void msk_frame_cache_drop(MskFrameCache *cache, MskMedia *media);
void msk_frame_cache_clear(MskFrameCache *cache);

void msk_frame_cache_set_budget(MskFrameCache *cache, size_t budget);
void msk_frame_cache_get_stats(MskFrameCache *cache, MskFrameCacheStats *out);

G_END_DECLS
