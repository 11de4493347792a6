// SPDX-License-Identifier: Apache-2.0
// How fast the open model is here.
#pragma once

#include "app/engine.h"

G_BEGIN_DECLS

// Tracks one object over a few frames of a drawn clip with the engine's open model, behind what
// else the engine does, for some seconds at most once it has begun.
void msk_model_measure_async(MskEngine *engine, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user);
// Frames a second; below 0 with an error.
double msk_model_measure_finish(MskEngine *engine, GAsyncResult *result, GError **error);

G_END_DECLS
