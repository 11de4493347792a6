// SPDX-License-Identifier: Apache-2.0
// What the files of MskPreferences share.
#pragma once

#include "ui/model_host.h"
#include "ui/preferences.h"

G_BEGIN_DECLS

struct _MskPreferences {
    AdwPreferencesWindow parent;
    AdwPreferencesPage *model_page;
    // General
    AdwComboRow *theme, *tool, *view_mode;
    GtkSwitch *show_timecode, *hover_preview, *notify_jobs;
    GtkColorButton *background;
    GtkAdjustment *brush_size, *opacity, *onion_skin;
    // Model
    AdwPreferencesGroup *models_group;
    AdwActionRow *in_use, *problem, *speed;
    GtkSpinner *opening;
    GtkWidget *add_file, *measure;
    GtkSpinner *measuring;
    AdwComboRow *backend, *precision;
    AdwActionRow *cuda;
    GtkAdjustment *threads;
    // Memory
    GtkAdjustment *frame_cache, *feature_cache;
    AdwActionRow *frame_cache_row;

    MskSession *session;
    MskModelHost *host;
    GSettings *settings;
    GPtrArray *model_rows, *radios; // widgets of models_group
    GCancellable *cancellable;      // of what runs for this window
    GCancellable *measure_cancellable;
    GtkFileChooserNative *chooser;
    guint memory_timer;
    gboolean is_listing, list_again;
};

// ---- preferences_models.c ----------------------------------------------------------------------

// Fills and keeps up to date the page of models.
void msk_preferences_init_models(MskPreferences *self);
void msk_preferences_dispose_models(MskPreferences *self);
void msk_preferences_add_file(MskPreferences *self);
void msk_preferences_measure(MskPreferences *self);

G_END_DECLS
