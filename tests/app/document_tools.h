// SPDX-License-Identifier: Apache-2.0
// Small masks, results and prompts for tests of documents, and documents copied cell by cell.
#pragma once

#include "app/document.h"

#define TOOL_WIDTH 24
#define TOOL_HEIGHT 16

// A rectangle; of the same numbers the same content. BITS or LOGITS.
MskMask *tool_bits(int x, int y, int width, int height);
MskMask *tool_logits(int x, int y, int width, int height);
// A confident result with a LOGITS mask that depends on the seed, measured.
MskResult *tool_result(int64_t frame, guint seed);
MskResult *tool_result_of(int64_t frame, MskMask *mask, float score, float iou); // takes the mask
MskPrompt *tool_prompt(double x, double y);

// A document of the same cells, loaded from scratch.
MskDocument *tool_copy(MskDocument *document);
// Runs the main loop until no masks are being measured.
void tool_settle(MskDocument *document);

// All cells with their values; free with g_hash_table_unref().
GHashTable *tool_cells(MskDocument *document);
MskValue *tool_lookup(GHashTable *cells, const MskCell *cell);
gboolean tool_same_cells(GHashTable *a, GHashTable *b);

// Set results for first..last as tracking would, fresh; the mask depends on seed and frame.
void tool_track(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last,
                gboolean reverse, guint seed);
