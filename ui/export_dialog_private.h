// SPDX-License-Identifier: Apache-2.0
// What the files of MskExportDialog share.
#pragma once

#include "app/export_document.h"
#include "ui/export_dialog.h"

G_BEGIN_DECLS

struct _MskExportDialog {
    AdwWindow parent;
    GtkWidget *cancel, *export;
    GtkStack *stack;
    GtkProgressBar *collecting;
    AdwPreferencesGroup *gaps_group, *what_group, *chosen_group, *numbers_group;
    AdwActionRow *gaps, *folder_row, *example, *separate_row, *premultiplied_row, *sound_row;
    GtkWidget *track_first;
    AdwComboRow *preset, *container, *objects, *range;
    AdwExpanderRow *numbering;
    GtkSwitch *separate, *premultiplied, *sound;
    GtkSpinButton *first_number;
    GtkListView *chosen_view;
    AdwEntryRow *name, *pattern;

    MskSession *session;
    MskDocument *document;
    MskMedia *media;
    GHashTable *chosen; // MskMasklet, referenced
    GtkStringList *range_names;
    char *folder;
    char *suggested_name; // as it was last put into `name` by the dialog
    GtkFileChooserNative *chooser;
    gboolean is_updating;

    // While masks are collected.
    MskExportWork *work;
    char *job_title, *job_detail;
    guint collect_source;
};

// ---- export_dialog.c ---------------------------------------------------------------------------

MskExportKind msk_export_dialog_get_kind(MskExportDialog *dialog);
// What is to be exported, in the list's order; free with g_ptr_array_unref().
GPtrArray *msk_export_dialog_dup_masklets(MskExportDialog *dialog);
// FALSE: there is nothing in the range.
gboolean msk_export_dialog_get_range(MskExportDialog *dialog, int64_t *first, int64_t *last);
// Options as the rows say; `path` and `pattern` are given the strings that they point to.
MskExportOptions msk_export_dialog_get_options(MskExportDialog *dialog, char **path,
                                               char **pattern);
// A short name of the kind for people: "ProRes 4444".
const char *msk_export_dialog_get_kind_title(MskExportKind kind);

// ---- export_dialog_run.c -----------------------------------------------------------------------

// Checks the destination, asks before replacing, collects the masks and queues the job.
void msk_export_dialog_run(MskExportDialog *dialog);
// Gives up collecting.
void msk_export_dialog_stop(MskExportDialog *dialog);
// Tracks what is stale or missing of what was to be exported, and closes the dialog.
void msk_export_dialog_track_first(MskExportDialog *dialog);

G_END_DECLS
