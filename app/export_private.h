// SPDX-License-Identifier: Apache-2.0
// What the files of the export share: names, staging, frames.csv, and the writers of each format.
#pragma once

#include <libavutil/frame.h>
#include <stdio.h>

#include "app/export.h"
#include "app/frame.h"
#include "app/media.h"

G_BEGIN_DECLS

// What does not change during an export.
typedef struct MskExportSource {
    MskMedia *media;
    MskMediaInfo info;
    MskExportKind kind;
    int width, height;
    gboolean premultiplied, sound;
} MskExportSource;

// One frame on its way to a writer.
typedef struct MskExportPicture {
    MskFrame *frame;
    const uint16_t *alpha; // (height, width); cut-outs: times the source's own alpha
    const uint8_t *labels; // (height, width) object ids; DAVIS only
    int64_t pts, duration; // in the media's time base; pts is 0 on the first exported frame
    const char *path;      // sequences: the file to write,
    const char *shown;     // and its final name for messages
} MskExportPicture;

// A format. open() gets the staged path (a file, or a folder for sequences) and the name to use in
// messages; write() is called for each frame; finish() completes the file; free() always ends it.
typedef struct MskExportWriter {
    void *(*open)(const MskExportSource *source, const char *path, const char *shown,
                  GError **error);
    gboolean (*write)(void *writer, const MskExportPicture *picture, GError **error);
    gboolean (*finish)(void *writer, GError **error);
    void (*free)(void *writer);
} MskExportWriter;

extern const MskExportWriter msk_export_png_writer;   // matte-png, matte-png16, rgba-png
extern const MskExportWriter msk_export_davis_writer; // davis
extern const MskExportWriter msk_export_prores_writer;
extern const MskExportWriter msk_export_vp9_writer;
extern const MskExportWriter msk_export_ffv1_writer;
extern const MskExportWriter msk_export_matte_video_writer;

// "Cannot write PATH: No space left on device". FALSE.
gboolean msk_export_fail_io(GError **error, const char *path, int error_number);

// ---- export_names.c ----------------------------------------------------------------------------

// Checks a pattern of MskExportOptions; `one_object` says whether {id} has a meaning.
gboolean msk_export_pattern_check(const char *pattern, gboolean one_object, GError **error);

// The file name of a checked pattern.
char *msk_export_pattern_expand(const char *pattern, const char *name, int id, const char *clip,
                                int64_t number);

// A video's path for one of several objects: fields replaced, or "-NAME" before the extension.
char *msk_export_object_path(const char *path, const char *name, int id);

// ---- export_stage.c ----------------------------------------------------------------------------

// A file or folder under a temporary name beside its destination.
typedef struct MskStage MskStage;

// Whether nothing is in the way at `path`, or may be replaced.
gboolean msk_stage_check(const char *path, gboolean is_folder, gboolean overwrite, GError **error);
// Checks the destination against `overwrite` and makes the temporary file or folder.
MskStage *msk_stage_open(const char *path, gboolean is_folder, gboolean overwrite, GError **error);
const char *msk_stage_get_path(const MskStage *stage);  // temporary
const char *msk_stage_get_final(const MskStage *stage); // destination
// Gives it its name. A folder goes as a whole where the destination is new or empty, else its files
// one by one, and files listed in the destination's old frames.csv that did not come again go.
gboolean msk_stage_commit(MskStage *stage, GError **error);
// Undoes a commit that made the destination, for a group of which a later one failed.
void msk_stage_revoke(MskStage *stage);
// Deletes what was not committed.
void msk_stage_free(MskStage *stage); // NULL is fine
// Deletes a folder of plain files and folders, not following links.
void msk_stage_remove_tree(const char *path);

// ---- export_csv.c ------------------------------------------------------------------------------

// frames.csv: index, pts, time_base, timecode, file; a row for each frame.
typedef struct MskExportCsv MskExportCsv;
MskExportCsv *msk_export_csv_open(const char *path, const char *shown, GError **error);
gboolean msk_export_csv_add(MskExportCsv *csv, const MskExportSource *source, const MskFrame *frame,
                            const char *file, GError **error);
gboolean msk_export_csv_finish(MskExportCsv *csv, GError **error);
void msk_export_csv_free(MskExportCsv *csv); // NULL is fine
// The `file` column of an existing frames.csv; only plain names within its folder. Empty if there
// is none.
GHashTable *msk_export_csv_read_files(const char *path);

// ---- export_pixels.c ---------------------------------------------------------------------------

// Writes alpha into the last component of a picture with alpha, reduced to its depth: 8-bit values
// v * 257 arrive as (v << 2 | v >> 6) in 10 bits, and so on.
void msk_export_fill_alpha(AVFrame *picture, const uint16_t *alpha);
// Multiplies the colour components by alpha (the code values; YUV around black and neutral).
void msk_export_premultiply(AVFrame *picture, const uint16_t *alpha);
// Sets a component everywhere.
void msk_export_fill_plane(AVFrame *picture, int component, int value);
// Matte into component 0 of `picture`, full range or, where `limited`, 16-235 at its depth.
void msk_export_fill_matte(AVFrame *picture, const uint16_t *alpha, gboolean limited);

// ---- export.c, export_write.c ------------------------------------------------------------------

// A file or folder that comes out of the export.
typedef struct MskExportOutput {
    int object; // index; -1: all objects
    int id;
    char *name, *folder; // folder: below the stage, for an object's files; NULL: the stage itself
    MskStage *stage, *csv_stage; // videos: each its own; sequences share the export's stage
    MskExportCsv *csv;
    void *writer;
} MskExportOutput;

struct MskExport {
    MskExportSource source;
    const MskExportWriter *writer;
    gboolean is_cut_out;      // has the source's colours
    MskExportOptions options; // strings owned
    struct {
        int id;
        char *name; // safe and unique
        gboolean has_name;
        MskMatteParams matte;
    } * objects;
    int n_objects;
    int *paint_order; // indices of objects: who is painted last wins
    char *clip;
    MskStage *stage; // sequences
    MskExportOutput *outputs;
    int n_outputs;
    uint16_t *alpha, *layer; // (height, width)
    uint16_t *source_rgba;   // (height, width, 4), where the source has alpha of its own
    uint8_t *labels;
    int64_t n_frames, first_pts, last_pts, last_number;
    char **paths;
    gboolean failed, finished;
};

// An export that has its options, objects and outputs, all checked and named, and no file yet.
MskExport *msk_export_make(const MskExportOptions *options, MskMedia *media,
                           const MskExportObject *objects, int n_objects, GError **error);
// A video's destination.
char *msk_export_dup_video_path(const MskExport *self, const MskExportOutput *output);
// The file name of source frame `frame` in a sequence, when it is written next.
char *msk_export_dup_file_name(const MskExport *self, const MskExportOutput *output, int64_t frame);

G_END_DECLS
