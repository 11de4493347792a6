// SPDX-License-Identifier: Apache-2.0
// What the files of MskMaskletList share.
#pragma once

#include "ui/masklet_inspector.h"
#include "ui/masklet_list.h"

G_BEGIN_DECLS

struct _MskMaskletList {
    GtkWidget parent;
    GtkWidget *content, *menu;
    GtkLabel *title, *hint;
    GtkStack *stack;
    GtkListView *view;
    MskMaskletInspector *inspector;
    GMenuModel *menu_model;

    MskSession *session;
    MskDocument *document;
    GtkMultiSelection *selection; // of the document
    GPtrArray *rows;              // that show an object now, borrowed
    guint rename_source, rename_position;
    gboolean is_selecting; // the list and the session are being brought together
};

// ---- masklet_list.c ----------------------------------------------------------------------------

void msk_masklet_list_select(MskMaskletList *list, GPtrArray *masklets);
void msk_masklet_list_scroll_to(MskMaskletList *list, guint position);
// Lets the user edit the name of an object whose row is on the screen.
void msk_masklet_list_rename(MskMaskletList *list, guint position);

// ---- masklet_list_actions.c --------------------------------------------------------------------

void msk_masklet_list_install_actions(GtkWidgetClass *class);
void msk_masklet_list_add_shortcuts(MskMaskletList *list, GtkWidget *view);
// What can be done with what is selected.
void msk_masklet_list_update_actions(MskMaskletList *list);

G_END_DECLS
