// SPDX-License-Identifier: Apache-2.0
// MskSession: a window's state: the clip that is open, the document, the playhead, what is
// selected, the tool, how things are shown. No widgets: every widget listens to the session and
// changes it.
//
// Main thread.
#pragma once

#include "app/document.h"
#include "app/engine.h"
#include "app/jobs.h"
#include "app/loader.h"
#include "app/media.h"
#include "app/store.h"
#include "app/tracker.h"
#include "ui/model_host.h"

G_BEGIN_DECLS

typedef enum MskTool {
    MSK_TOOL_POINT,
    MSK_TOOL_BOX,
    MSK_TOOL_BRUSH,
    MSK_TOOL_ERASER,
    MSK_TOOL_LASSO,
    MSK_TOOL_HAND,
} MskTool;

typedef enum MskViewMode {
    MSK_VIEW_OVERLAY,
    MSK_VIEW_OUTLINE,
    MSK_VIEW_MATTE,
    MSK_VIEW_CUTOUT, // on a checkerboard
    MSK_VIEW_COLOUR, // on the colour "background"
    MSK_VIEW_IMAGE,  // on the picture "background-image"
    MSK_VIEW_BLUR,
    MSK_VIEW_DIFFERENCE, // what changed since the last track
} MskViewMode;

#define MSK_BRUSH_MIN 1.0
#define MSK_BRUSH_MAX 1000.0

#define MSK_TYPE_TOOL (msk_tool_get_type())
GType msk_tool_get_type(void);
#define MSK_TYPE_VIEW_MODE (msk_view_mode_get_type())
GType msk_view_mode_get_type(void);

#define MSK_TYPE_SESSION (msk_session_get_type())
// Properties (all with notify; read-only where it says so):
//   "document" (MskDocument, read-only; NULL: nothing open, or its project is still being read)
//   "media" (MskMedia, read-only; NULL: nothing open)
//   "title" (string, read-only): name of what is open, NULL: nothing
//   "busy" (string, read-only): what is being done before going on, NULL: nothing
//   "index-progress" (double, read-only): 0 to 1 while frames are counted, else -1
//   "model-name" (string, read-only): NULL: no model is open
//   "frame" (int64): the playhead; "n-frames" (int64, read-only): an estimate before the index
//   "selected" (MskMasklet, NULL: none), "tool" (MskTool), "brush-size" (double, frame pixels:
//   diameter), "view-mode" (MskViewMode), "opacity" (double 0..1), "background" (uint 0xRRGGBB),
//   "background-image" (string path, "": none), "onion-skin" (int: frames to each side),
//   "masks-muted" (boolean: the bare frame), "show-timecode" (boolean)
//   "read-only" (boolean, read-only): the project file cannot be written; edits go to a copy
//   "unsaved" (boolean, read-only): the project has no name of the user's yet
//   "write-problem" (string, read-only): why the last edits are not on the disk, NULL: they are
// Signals:
//   "frame-ready" (gint64 n): the picture of the playhead's frame is there
//   "opened": the clip and its document are there
//   "earlier-work": the document was picked up from earlier, see msk_session_start_afresh()
//   "saved" (GFile *): under this name
//   "toast" (const char *message), "error" (const char *title, const char *message)
//   "unwritten" (const char *message): leaving what is open was held up, its last edits could not
//   be
//       written; see msk_session_leave()
//   "media-missing" (const char *path): the project's clip is not there, see msk_session_relink()
//   "media-differs" (const char *path, const char *how, gboolean usable): the clip found is not
//       the one the project was made with; `usable`: size and frame count fit
G_DECLARE_FINAL_TYPE(MskSession, msk_session, MSK, SESSION, GObject)

MskSession *msk_session_new(void);

MskDocument *msk_session_get_document(MskSession *session);          // borrowed, NULL: nothing open
MskMedia *msk_session_get_media(MskSession *session);                // borrowed, NULL: nothing open
MskTracker *msk_session_get_tracker(MskSession *session);            // borrowed, NULL: nothing open
MskEngine *msk_session_get_engine(MskSession *session);              // borrowed
MskLoader *msk_session_get_loader(MskSession *session);              // borrowed, NULL: nothing open
MskVideo *msk_session_get_video(MskSession *session);                // borrowed, NULL: nothing open
MskStore *msk_session_get_store(MskSession *session);                // borrowed, NULL: nothing open
const MskModelInfo *msk_session_get_model_info(MskSession *session); // NULL: no model is open
MskModelHost *msk_session_get_model_host(MskSession *session);       // borrowed
MskJobs *msk_session_get_jobs(MskSession *session);                  // borrowed, the program's
const char *msk_session_get_title(MskSession *session);              // NULL: nothing open
const char *msk_session_get_busy(MskSession *session);               // NULL: nothing
double msk_session_get_index_progress(MskSession *session);
// Decoded pictures, of all windows.
MskFrameCache *msk_session_get_frame_cache(void);

// ---- Opening and saving (session_open.c, session_save.c) ---------------------------------------

// Opens a clip, a folder of images or a project, in place of what is open. Outcomes come as
// signals; what is open stays where the file cannot be opened.
void msk_session_open(MskSession *session, GFile *file);
// Lets go of what is open once all edits are on the disk, then calls `then` (NULL: nothing), and
// `destroy` in any case. Meanwhile the session is busy. Edits that cannot be written hold it up: it
// stays open, and "unwritten" asks for msk_session_leave_anyway(), which loses them, or
// msk_session_stay().
typedef void (*MskSessionLeftFunc)(MskSession *session, gpointer user);
void msk_session_leave(MskSession *session, MskSessionLeftFunc then, gpointer user,
                       GDestroyNotify destroy);
void msk_session_leave_anyway(MskSession *session);
void msk_session_stay(MskSession *session);
// Lets go of what is open at once; its file is written to the end and closed on a thread
// (msk_store_wait_closed()), and what cannot be written then is lost.
void msk_session_close(MskSession *session);
// After "media-missing" or "media-differs": takes this clip for the project; `force`: whatever its
// content is, as long as size and frame count fit. NULL: gives up opening.
void msk_session_relink(MskSession *session, GFile *file, gboolean force);
// Puts the project that was picked up aside, among the unsaved ones, and begins anew.
void msk_session_start_afresh(MskSession *session);

// What is open: the project if it has a name, else the clip. Borrowed; NULL: nothing.
GFile *msk_session_get_file(MskSession *session);
gboolean msk_session_is_unsaved(MskSession *session);
gboolean msk_session_is_read_only(MskSession *session);
const char *msk_session_get_write_problem(MskSession *session); // NULL: nothing
void msk_session_retry_writing(MskSession *session);

// Edits are on the disk as they are made: makes sure of it, and says so by a toast.
void msk_session_save(MskSession *session);
// Goes on under another name. Replaces what is there.
void msk_session_save_as(MskSession *session, GFile *file);
// A copy; the session goes on with its own file. `relative`: the clip is found from the copy's
// folder, so that both can be moved together; else under its absolute path.
void msk_session_save_copy(MskSession *session, GFile *file, gboolean relative);

// Opens a model by name or path, with the backend and precision of the preferences.
void msk_session_open_model(MskSession *session, const char *name);

// ---- Playhead ----------------------------------------------------------------------------------

int64_t msk_session_get_frame(MskSession *session);
void msk_session_set_frame(MskSession *session, int64_t n); // clamped to the clip
int64_t msk_session_get_n_frames(MskSession *session);      // 0: nothing open
// The range of the document, or the whole clip.
void msk_session_get_range(MskSession *session, int64_t *first, int64_t *last);
// How the playhead is about to move, for reading ahead: frames a step, 0 standing.
void msk_session_set_play_step(MskSession *session, int step);
// The picture last decoded for the playhead, and its number (-1: none yet). Borrowed. While the
// frame asked for is being decoded this is the one before it.
MskFrame *msk_session_get_picture(MskSession *session, int64_t *n);

// ---- Selection and tools -----------------------------------------------------------------------

MskMasklet *msk_session_get_selected(MskSession *session); // borrowed; NULL: none
void msk_session_select(MskSession *session, MskMasklet *masklet);
// The selected object, or a new one, selected, where there is none: a click always works.
MskMasklet *msk_session_ensure_selected(MskSession *session);
MskTool msk_session_get_tool(MskSession *session);
void msk_session_set_tool(MskSession *session, MskTool tool);
MskViewMode msk_session_get_view_mode(MskSession *session);
void msk_session_set_view_mode(MskSession *session, MskViewMode mode);
gboolean msk_session_get_masks_muted(MskSession *session);
void msk_session_set_masks_muted(MskSession *session, gboolean muted);
double msk_session_get_brush_size(MskSession *session);
void msk_session_set_brush_size(MskSession *session, double size); // clamped
double msk_session_get_opacity(MskSession *session);
guint32 msk_session_get_background(MskSession *session); // 0xRRGGBB
void msk_session_set_background(MskSession *session, guint32 colour);
const char *msk_session_get_background_image(MskSession *session); // NULL: none
int msk_session_get_onion_skin(MskSession *session);
gboolean msk_session_get_show_timecode(MskSession *session);

// ---- Messages ----------------------------------------------------------------------------------

void msk_session_toast(MskSession *session, const char *format, ...) G_GNUC_PRINTF(2, 3);
void msk_session_error(MskSession *session, const char *title, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

G_END_DECLS
