// SPDX-License-Identifier: Apache-2.0
// MskSession: a window's state: the clip that is open, the document, the playhead, what is
// selected, the tool, how things are shown. No widgets: every widget listens to the session and
// changes it.
//
// Main thread.
#pragma once

#include "app/document.h"
#include "app/engine.h"
#include "app/loader.h"
#include "app/media.h"
#include "app/store.h"
#include "app/tracker.h"

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

#define MSK_TYPE_TOOL (msk_tool_get_type())
GType msk_tool_get_type(void);
#define MSK_TYPE_VIEW_MODE (msk_view_mode_get_type())
GType msk_view_mode_get_type(void);

#define MSK_TYPE_SESSION (msk_session_get_type())
// Properties (all with notify):
//   "document" (MskDocument, NULL: nothing open), "media" (MskMedia), "title" (string), "busy"
//   (string or NULL: what is being opened), "model-name" (string or NULL) "frame" (int64): the
//   playhead; "n-frames" (int64) "selected" (MskMasklet or NULL) "tool" (MskTool), "brush-size"
//   (double, frame pixels: diameter) "view-mode" (MskViewMode), "opacity" (double 0..1),
//   "background" (uint 0xRRGGBB), "background-image" (string path or NULL), "onion-skin" (int:
//   frames to each side), "masks-muted" (boolean: the bare frame) "show-timecode" (boolean),
//   "read-only" (boolean)
// Signals:
//   "frame-ready" (gint64 n): the picture of the playhead's frame is there
//   "toast" (const char *message), "error" (const char *title, const char *message)
//   "media-missing" (const char *path): relink, see msk_session_relink_async()
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

// Opens a clip, a folder of images or a project, in place of what is open. Outcomes come as
// signals.
void msk_session_open(MskSession *session, GFile *file);
void msk_session_close(MskSession *session);
void msk_session_open_model(MskSession *session, const char *name);

// ---- Playhead ----------------------------------------------------------------------------------

int64_t msk_session_get_frame(MskSession *session);
void msk_session_set_frame(MskSession *session, int64_t n); // clamped to the clip
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

// ---- Messages ----------------------------------------------------------------------------------

void msk_session_toast(MskSession *session, const char *format, ...) G_GNUC_PRINTF(2, 3);
void msk_session_error(MskSession *session, const char *title, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

G_END_DECLS
