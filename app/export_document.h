// SPDX-License-Identifier: Apache-2.0
// Exporting a document: the masks as they are when it is asked for, written by a job later.
//
// Masks are immutable, so collecting them only takes references; it is done on the main thread in
// slices, then the work goes to a queue (app/jobs.h). Edits made meanwhile do not change it.
#pragma once

#include "app/document.h"
#include "app/export.h"
#include "app/job.h"

G_BEGIN_DECLS

typedef struct MskExportWork MskExportWork;

// An object as the export knows it: its number is its place in the document's list, from 1, its
// matte its own. Strings and matte are borrowed and live until the object's next edit.
void msk_export_object_init(MskExportObject *out, MskDocument *document, MskMasklet *masklet);

// Frames of first..last where the objects have no mask, or one that is stale: frames of all objects
// summed. Either may be NULL.
void msk_export_count_gaps(MskMasklet *const *masklets, guint n_masklets, int64_t first,
                           int64_t last, int64_t *n_missing, int64_t *n_stale);

// Work for these objects, of which there must be one, in the order of the document's list, and
// frames first..last. `options` are copied but for `first_wins`, which is TRUE: the list's order
// decides. The media is read again from its file by the job, so that it does not disturb who shows
// the clip.
MskExportWork *msk_export_work_new(MskDocument *document, MskMedia *media,
                                   MskMasklet *const *masklets, guint n_masklets, int64_t first,
                                   int64_t last, const MskExportOptions *options);
// Collects masks for at most about `budget` microseconds; TRUE: that is all. Main thread.
gboolean msk_export_work_collect(MskExportWork *work, int64_t budget);
double msk_export_work_get_fraction(const MskExportWork *work); // of collecting

// MskJobFunc: runs collected work. Stopped, it leaves nothing.
gboolean msk_export_work_run(MskJob *job, char ***paths, GError **error, gpointer work);
// GDestroyNotify. Any thread.
void msk_export_work_free(gpointer work);

G_END_DECLS
