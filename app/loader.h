// SPDX-License-Identifier: Apache-2.0
// MskLoader: decodes frames on a thread of its own for who shows them, and reads ahead.
//
// Functions are for one thread, with the main context that was its default when the loader was
// made; callbacks are made there, never from inside a function. One loader serves one media. What
// is asked for last comes first; requests that were overtaken are dropped.
#pragma once

#include "app/frame_cache.h"

G_BEGIN_DECLS

typedef struct MskLoader MskLoader;

// `frame` is the loader's: take a reference to keep it. NULL: `error` says why.
typedef void (*MskLoaderFunc)(int64_t n, MskFrame *frame, const GError *error, gpointer user);

// Keeps a reference to the media; the cache must outlive the loader.
MskLoader *msk_loader_new(MskMedia *media, MskFrameCache *cache);
// Stops the work in hand and waits for its end; no callback afterwards. NULL is fine.
void msk_loader_free(MskLoader *loader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskLoader, msk_loader_free)

// The frame at once if it is in the cache (a new reference), else NULL.
MskFrame *msk_loader_peek(MskLoader *loader, int64_t n);
// Asks for frame n to be shown: in place of what was asked for before and has not begun. A frame
// that has begun is finished and handed over, so that something is seen while dragging; reading
// ahead and thumbnails give way at once.
void msk_loader_request(MskLoader *loader, int64_t n, MskLoaderFunc func, gpointer user);

#define MSK_LOADER_AHEAD 48 // frames read ahead while playing, at most
#define MSK_LOADER_ASIDE 12 // and on each side while standing

// Where the playhead goes: `step` frames at a time, negative backward, 0 standing. Frames ahead are
// decoded into the cache while no frame is asked for; past the end of first..last they go on from
// the other end. Standing: on both sides. Never more than half of the cache.
void msk_loader_set_ahead(MskLoader *loader, int64_t n, int step, int64_t first, int64_t last);

// Asks for a small picture (RGBA, `width` x `height`), after everything else. Each request is
// answered unless it is forgotten; the newest come first. `rgba` is borrowed; NULL: the frame does
// not decode. Frames decoded for thumbnails do not enter the cache.
typedef void (*MskLoaderThumbnailFunc)(int64_t n, GBytes *rgba, int width, int height,
                                       gpointer user);
void msk_loader_request_thumbnail(MskLoader *loader, int64_t n, int width, int height,
                                  MskLoaderThumbnailFunc func, gpointer user);
// No request made before is answered any more.
void msk_loader_forget_thumbnails(MskLoader *loader);

G_END_DECLS
