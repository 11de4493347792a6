// SPDX-License-Identifier: Apache-2.0
// MskLoader: decodes frames on a thread of its own for who shows them, and reads ahead.
//
// Main thread. One loader serves one media. What is asked for last comes first; requests that were
// overtaken are dropped.
#pragma once

#include "app/frame_cache.h"

G_BEGIN_DECLS

typedef struct MskLoader MskLoader;

// Called on the main thread. `frame` is owned by the caller of the callback; NULL: `error` says
// why.
typedef void (*MskLoaderFunc)(int64_t n, MskFrame *frame, const GError *error, gpointer user);

MskLoader *msk_loader_new(MskMedia *media, MskFrameCache *cache);
void msk_loader_free(MskLoader *loader); // waits for the frame in work; no callback afterwards

// The frame at once if it is in the cache (a new reference), else NULL.
MskFrame *msk_loader_peek(MskLoader *loader, int64_t n);
// Asks for frame n to be shown: in place of what was asked for before and has not begun.
void msk_loader_request(MskLoader *loader, int64_t n, MskLoaderFunc func, gpointer user);
// Where the playhead goes: `step` frames at a time, negative backward, 0 standing. Frames ahead are
// decoded into the cache while nothing else waits; standing, on both sides.
void msk_loader_set_ahead(MskLoader *loader, int64_t n, int step, int64_t first, int64_t last);
// Asks for a small picture (RGBA, `width` x `height`), after everything else. Each request is
// answered unless it is forgotten; the newest come first.
typedef void (*MskLoaderThumbnailFunc)(int64_t n, GBytes *rgba, int width, int height,
                                       gpointer user);
void msk_loader_request_thumbnail(MskLoader *loader, int64_t n, int width, int height,
                                  MskLoaderThumbnailFunc func, gpointer user);
void msk_loader_forget_thumbnails(MskLoader *loader);

G_END_DECLS
