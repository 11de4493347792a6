// SPDX-License-Identifier: Apache-2.0
// Export: frames and masks become mattes, cut-outs, data sets or video with alpha.
//
// The core is pushed: msk_export_open(), msk_export_write_frame() for each frame in order, then
// msk_export_finish() or msk_export_abort(). msk_export_run() does this for a range of a media.
// Memory does not grow with the length of the export. Everything is written under temporary names
// in the destination's folder and renamed by msk_export_finish(): whoever looks sees either nothing
// or a whole export. An export belongs to one thread at a time; use a worker thread.
//
// What leaves is upright and has the source's size, frame times, pixel aspect and colour tags.
// Times start at 0 on the first exported frame; the differences between frames are the source's
// (Matroska and WebM round them to 1 ms). ProRes and VP9 are limited range, FFV1 cut-outs RGB.
// Matte video is full range and tagged so, but in ProRes, which everybody reads as limited; H.264
// is 4:2:0 for even sizes and 4:4:4 for odd ones, so that a matte always lies on its picture.
// Beside the result is a table with the source's own times: in a folder frames.csv, of a video
// NAME.EXT.frames.csv.
#pragma once

#include <gio/gio.h>
#include <stdint.h>

#include "app/mask.h"
#include "app/matte.h"
#include "app/media.h"

G_BEGIN_DECLS

typedef struct MskExport MskExport;

typedef enum MskExportKind {
    MSK_EXPORT_MATTE_PNG,   // 8-bit grey PNGs
    MSK_EXPORT_MATTE_PNG16, // 16-bit grey PNGs
    MSK_EXPORT_RGBA_PNG,    // cut-outs; 16 bits a channel where the source has more than 8
    MSK_EXPORT_DAVIS,       // 8-bit indexed PNGs, pixel = object id, 0 background
    MSK_EXPORT_PRORES4444,  // .mov, 10-bit 4:4:4 and alpha
    MSK_EXPORT_VP9_ALPHA,   // .webm, 4:2:0; the alpha plane is coded without loss
    MSK_EXPORT_FFV1_ALPHA,  // .mkv, RGB and alpha without loss, at the source's depth
    MSK_EXPORT_MATTE_VIDEO, // black and white: .mp4 H.264, .mov ProRes, .mkv FFV1
    MSK_EXPORT_N_KINDS,
} MskExportKind;

// "matte-png", "matte-png16", "rgba-png", "davis", "prores4444", "vp9-alpha", "ffv1-alpha",
// "matte-video".
const char *msk_export_kind_get_name(MskExportKind kind);
// One line for people: "8-bit grey PNG sequence".
const char *msk_export_kind_get_description(MskExportKind kind);
gboolean msk_export_kind_from_name(const char *name, MskExportKind *out);
// Whether the destination is a folder of files (else it is one file).
gboolean msk_export_kind_is_sequence(MskExportKind kind);
// The extension that a video kind's file should have, with the dot; NULL for sequences.
const char *msk_export_kind_get_extension(MskExportKind kind);

typedef enum MskExportErrorCode {
    MSK_EXPORT_ERROR_ARGUMENT,    // options that cannot be meant
    MSK_EXPORT_ERROR_EXISTS,      // the destination exists and overwriting was not asked for
    MSK_EXPORT_ERROR_IO,          // folder not writable, disk full, ...
    MSK_EXPORT_ERROR_UNSUPPORTED, // an encoder is missing, or it refuses this source
    MSK_EXPORT_ERROR_SOURCE,      // the source's frames or sound could not be read
} MskExportErrorCode;
#define MSK_EXPORT_ERROR (msk_export_error_quark())
GQuark msk_export_error_quark(void);

typedef struct MskExportObject {
    int id;                      // unique, >= 1 (DAVIS: 1 to 254)
    const char *name;            // for file names; NULL or "": "object-ID"
    const MskMatteParams *matte; // NULL: that of the options
} MskExportObject;

typedef struct MskExportOptions {
    MskExportKind kind;
    // The destination. Sequences: a folder, which is made; the folder above must exist. Videos: a
    // file. With `separate` each object gets a folder PATH/NAME, or a file where "{name}" or "{id}"
    // in the path is replaced, or else STEM-NAME.EXT.
    const char *path;
    // One result for each object instead of the union of all. Not with DAVIS.
    gboolean separate;
    // File names of sequences. Fields: {name} (of the object; where several are in one or the only
    // one has no name, the clip's), {id}, {clip} (the media's file name without extension), {frame}
    // or {frame:0Nd}, which must be there once. NULL: "{name}.{frame:04d}.png", DAVIS
    // "{frame:05d}.png".
    const char *pattern;
    // Number of the first exported file; -1: DAVIS counts from 0, others use the source's frame
    // numbers.
    int64_t first_number;
    gboolean premultiplied; // RGB times alpha; default straight, RGB untouched outside the matte
    MskMatteParams matte;   // of objects that have none of their own
    // DAVIS, where objects overlap: TRUE the one that comes first wins, FALSE the one of lowest id.
    gboolean first_wins;
    gboolean sound; // videos only: with the source's first sound stream, trimmed to the range
    // FALSE: an existing file or non-empty folder is MSK_EXPORT_ERROR_EXISTS. TRUE: files are
    // replaced; in a folder the files listed in its frames.csv go, others stay.
    gboolean overwrite;
} MskExportOptions;

#define MSK_EXPORT_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .first_number = -1, .sound = TRUE                                                          \
    }

// ---- Before ------------------------------------------------------------------------------------

// What an export would make, without touching a file: for each result (one, or with `separate` one
// for each object) the file that source frame `frame` goes to, which is the first one exported;
// full paths, free with g_strfreev(). NULL with the error that msk_export_open() would give for the
// options.
char **msk_export_preview(const MskExportOptions *options, MskMedia *media,
                          const MskExportObject *objects, int n_objects, int64_t frame,
                          GError **error);
// Whether every destination is free to write: FALSE with MSK_EXPORT_ERROR_EXISTS where
// `overwrite` would replace something, MSK_EXPORT_ERROR_IO where the folder above is not there or
// not writable, or as msk_export_preview(). Asks the file system.
gboolean msk_export_check_destination(const MskExportOptions *options, MskMedia *media,
                                      const MskExportObject *objects, int n_objects,
                                      GError **error);
// A name that any file system takes, from any text; `fallback` where nothing is left. g_free().
char *msk_export_safe_name(const char *name, const char *fallback);
// The clip's name for files: the media's file name without extension, made safe. g_free().
char *msk_export_dup_clip_name(MskMedia *media);

// ---- Pushed ------------------------------------------------------------------------------------

// Checks everything that can be checked and makes the temporary files. `media` gives size, rate,
// colour, sound and names; it must outlive the export, which never decodes with it. `options` and
// `objects` are copied. NULL on failure, with nothing left behind.
MskExport *msk_export_open(const MskExportOptions *options, MskMedia *media,
                           const MskExportObject *objects, int n_objects, GError **error);

// Writes a frame. masks[i] belongs to objects[i]; NULL means that the object is not there. Frames
// must come in ascending order; gaps are allowed (sequences number on, videos keep the times). The
// caller keeps frame and masks. After a failure only abort and free are allowed.
gboolean msk_export_write_frame(MskExport *self, MskFrame *frame, MskMask *const *masks,
                                GError **error);

int64_t msk_export_get_n_frames(const MskExport *self); // written so far

// Completes the files and gives them their names. Fails, leaving nothing, if no frame was written.
// May be called early to keep what is done.
gboolean msk_export_finish(MskExport *self, GError **error);

// What a successful finish made: paths of the files (videos) or folders (sequences), NULL-ended.
// Lives as long as the export.
const char *const *msk_export_get_paths(const MskExport *self);

// Deletes everything written so far. Nothing happens after a successful finish.
void msk_export_abort(MskExport *self);

// Aborts unless finished. NULL is fine.
void msk_export_free(MskExport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskExport, msk_export_free)

// ---- A whole range -----------------------------------------------------------------------------

// The object's mask on a frame as a reference the caller drops, or NULL where there is none. Called
// on the export's thread. NULL with *error set ends the export.
typedef MskMask *(*MskExportGetMask)(void *user, int64_t frame, int object, GError **error);
typedef void (*MskExportProgress)(void *user, int64_t done, int64_t total);

typedef struct MskExportJob {
    MskExportOptions options;
    MskMedia *media; // used by the export's thread until it returns
    const MskExportObject *objects;
    int n_objects;
    int64_t first, last; // frames, both included; last -1: to the end
    MskExportGetMask get_mask;
    MskExportProgress progress; // after each frame, on the export's thread; may be NULL
    void *user;                 // for both
    // When cancelled: TRUE finishes with the frames so far (if any), FALSE deletes everything.
    gboolean keep_on_cancel;
} MskExportJob;

// Runs the export on the calling thread. Cancelled: G_IO_ERROR_CANCELLED, also when what was done
// has been kept; `paths` (may be NULL) then has it, as after success; free with g_strfreev().
gboolean msk_export_run(const MskExportJob *job, GCancellable *cancellable, char ***paths,
                        GError **error);

G_END_DECLS
