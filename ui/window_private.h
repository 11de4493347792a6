// SPDX-License-Identifier: Apache-2.0
// What the files of MskWindow share.
#pragma once

#include "ui/canvas.h"
#include "ui/player.h"
#include "ui/start_page.h"
#include "ui/status_bar.h"
#include "ui/timeline.h"
#include "ui/toolbar.h"
#include "ui/transport.h"
#include "ui/window.h"

G_BEGIN_DECLS

struct _MskWindow {
    AdwApplicationWindow parent;
    MskSession *session;
    MskPlayer *player;
    MskDocument *document;  // listened to
    MskTracker *tracker;    // listened to
    MskJobItem *track_item; // of the running tracking
    guint tick;             // callback while playing

    AdwToastOverlay *toasts;
    GtkRevealer *header_revealer;
    AdwWindowTitle *title;
    GtkWidget *open_button, *undo_button, *redo_button, *track_button, *jobs_button;
    GtkWidget *export_button, *menu_button;
    GtkInfoBar *write_bar, *read_only_bar, *model_bar;
    GtkLabel *write_label, *model_label, *opening_label;
    GtkStack *pages;
    GtkSpinner *spinner;
    MskStartPage *start_page;
    GtkPaned *timeline_paned, *side_paned;
    MskToolbar *toolbar;
    AdwBin *canvas_bin, *side_bin, *timeline_bin;
    MskCanvas *canvas;
    MskTimeline *timeline;
    MskTransport *transport;
    MskStatusBar *status_bar;
    GMenu *recent_section;

    gboolean is_closing;           // the user said so
    gboolean is_left;              // nothing is open any more
    GtkFileChooserNative *chooser; // the one that is shown
};

// ---- window.c ----------------------------------------------------------------------------------

void msk_window_toast(MskWindow *window, const char *message);
void msk_window_focus_canvas(MskWindow *window); // where it is shown
// A dialog with one button.
void msk_window_tell(MskWindow *window, const char *heading, const char *body);
// A dialog; NULL-ended pairs of id and label. "response" tells the id; close is the first one.
AdwMessageDialog *msk_window_ask(MskWindow *window, const char *heading, const char *body,
                                 ...) G_GNUC_NULL_TERMINATED;

// ---- window_actions.c --------------------------------------------------------------------------

void msk_window_install_actions(MskWindow *window);
// GTK keeps a window's actions until the next one is drawn: the session is taken from them.
void msk_window_remove_actions(MskWindow *window);
// What can be done now.
void msk_window_update_actions(MskWindow *window);

// ---- window_keys.c -----------------------------------------------------------------------------

// Keys without modifiers; they stay out of the way of typing.
void msk_window_install_keys(MskWindow *window);

// ---- window_files.c ----------------------------------------------------------------------------

void msk_window_install_file_actions(MskWindow *window);
void msk_window_watch_files(MskWindow *window);
// What is open goes to the list of recent files.
void msk_window_add_recent(MskWindow *window, GFile *file);

// Asks for a name of a project, beside its clip and called like it; `chosen` is told.
typedef void (*MskNameChosenFunc)(MskWindow *window, GFile *file, gpointer user);
void msk_window_choose_name(MskWindow *window, const char *clip, MskNameChosenFunc chosen,
                            gpointer user, GDestroyNotify destroy);

// ---- window_unsaved.c --------------------------------------------------------------------------

void msk_window_install_unsaved_actions(MskWindow *window);

// ---- window_track.c ----------------------------------------------------------------------------

void msk_window_install_track_actions(MskWindow *window);
void msk_window_watch_tracker(MskWindow *window); // after the session's tracker changed
// Asks before work is given up; TRUE: the window may close at once.
gboolean msk_window_may_close(MskWindow *window);

G_END_DECLS
