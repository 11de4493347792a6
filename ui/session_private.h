// SPDX-License-Identifier: Apache-2.0
// What the files of MskSession share.
#pragma once

#include "ui/session.h"

G_BEGIN_DECLS

// A project on its way in: read, but its clip is not there yet.
typedef struct MskPending {
    char *path; // of the project; NULL: none
    MskStore *store;
    MskStoreContent *content;
    MskDocument *document; // of it; NULL: an empty one is to be made
    MskMediaRef *ref;      // of the clip that is being opened
    gboolean read_only;    // the project cannot be written
    gboolean is_unsaved;   // lives in the folder of unsaved projects
    gboolean is_new;       // there was nothing before
    gboolean is_chosen;    // of the unsaved ones, by the user
    gboolean is_relinked;  // `ref` is not what the store has
    char *problem;         // why there is no store; NULL: there is one
} MskPending;

struct _MskSession {
    GObject parent;
    MskModelHost *host;

    // What is open; all NULL: nothing.
    GFile *file; // as the user knows it
    GFile *clip;
    MskMedia *media;
    MskMedia *engine_media; // its twin, which the engine reads: the player does not get in its way
    MskLoader *loader;
    MskVideo *video;
    MskDocument *document;
    MskTracker *tracker;
    MskStore *store;
    guint store_serial; // another one for each store
    gboolean read_only, is_unsaved;
    gboolean was_edited;        // since it was opened, or before
    struct MskLeaving *leaving; // NULL: it is not being left
    gboolean is_moving;         // to another file, by saving as
    char *title, *busy, *write_problem;
    guint retry_timer; // while there is a write problem

    // What is being opened.
    GCancellable *opening;
    MskPending *pending;

    // The index.
    GCancellable *indexing;
    int *index_permille; // atomic, g_atomic_rc_box; shared with the thread
    guint index_timer;
    double index_progress;

    // The playhead.
    int64_t frame, n_frames;
    int step;
    MskFrame *picture;
    int64_t picture_frame;
    int64_t failed_frame; // told of already; -1: none

    MskMasklet *selected;
    MskTool tool;
    MskViewMode view_mode;
    double brush_size, opacity;
    guint32 background;
    char *background_image;
    int onion_skin;
    gboolean masks_muted, show_timecode;
};

typedef enum MskSessionProp {
    MSK_SESSION_DOCUMENT = 1,
    MSK_SESSION_MEDIA,
    MSK_SESSION_TITLE,
    MSK_SESSION_BUSY,
    MSK_SESSION_INDEX_PROGRESS,
    MSK_SESSION_MODEL_NAME,
    MSK_SESSION_FRAME,
    MSK_SESSION_N_FRAMES,
    MSK_SESSION_SELECTED,
    MSK_SESSION_TOOL,
    MSK_SESSION_BRUSH_SIZE,
    MSK_SESSION_VIEW_MODE,
    MSK_SESSION_OPACITY,
    MSK_SESSION_BACKGROUND,
    MSK_SESSION_BACKGROUND_IMAGE,
    MSK_SESSION_ONION_SKIN,
    MSK_SESSION_MASKS_MUTED,
    MSK_SESSION_SHOW_TIMECODE,
    MSK_SESSION_READ_ONLY,
    MSK_SESSION_UNSAVED,
    MSK_SESSION_WRITE_PROBLEM,
    MSK_SESSION_N_PROPS,
} MskSessionProp;

// ---- session.c ---------------------------------------------------------------------------------

void msk_session_notify(MskSession *session, MskSessionProp prop);
void msk_session_set_busy(MskSession *session, const char *what); // NULL: done
void msk_session_set_title(MskSession *session, const char *title);
void msk_session_set_write_problem(MskSession *session, const char *problem);
// Asks for the picture of the playhead's frame and what comes after it.
void msk_session_request_picture(MskSession *session);
void msk_session_drop_picture(MskSession *session);
void msk_session_emit(MskSession *session, const char *signal);

// ---- session_clip.c ----------------------------------------------------------------------------

// Takes the media over and shows its first frame; the document comes later.
void msk_session_attach_media(MskSession *session, GFile *clip, MskMedia *media);
// Makes the document of what is pending.
void msk_session_attach_document(MskSession *session, MskPending *pending);
// Tells the store how many frames the clip has, if they are counted.
void msk_session_keep_count(MskSession *session);
// Lets go of everything that is open.
void msk_session_detach(MskSession *session);
// A clip as the engine reads it; the number of frames is an estimate before the index is built.
MskVideo *msk_session_make_video(MskSession *session);

// ---- session_open.c ----------------------------------------------------------------------------

void msk_session_pending_free(MskPending *pending); // closes its store; NULL is fine
// Nothing is being opened any more.
void msk_session_end_opening(MskSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskPending, msk_session_pending_free)

// ---- session_save.c ----------------------------------------------------------------------------

// Lets the store go, to be closed by a thread; a project without a name in which nothing was done
// goes.
void msk_session_close_store(MskSession *session);
// From now on the store's failures become "write-problem".
void msk_session_watch_store(MskSession *session);

// ---- session_leave.c ---------------------------------------------------------------------------

// What was waited for has happened; FALSE: it failed, and the user was told.
void msk_session_go_on_leaving(MskSession *session, gboolean succeeded);
// It is not left after all; nothing else changes.
void msk_session_forget_leaving(MskSession *session);

G_END_DECLS
