// SPDX-License-Identifier: Apache-2.0
// MskMaskletRow: an object in the list: number, colour, name, class, visible, locked.
//
// The row edits nothing: it activates the "objects." actions of the list that it is in (see
// ui/masklet_list.h). Rows are used again for other objects while the list scrolls.
#pragma once

#include <gtk/gtk.h>

#include "app/masklet.h"

G_BEGIN_DECLS

#define MSK_TYPE_MASKLET_ROW (msk_masklet_row_get_type())
G_DECLARE_FINAL_TYPE(MskMaskletRow, msk_masklet_row, MSK, MASKLET_ROW, GtkWidget)

GtkWidget *msk_masklet_row_new(void);

// Shows an object, NULL: none. What was being edited is dropped.
void msk_masklet_row_set_masklet(MskMaskletRow *row, MskMasklet *masklet);
MskMasklet *msk_masklet_row_get_masklet(MskMaskletRow *row); // borrowed or NULL
// Its place in the list, from 0.
void msk_masklet_row_set_position(MskMaskletRow *row, guint position);
guint msk_masklet_row_get_position(MskMaskletRow *row);

// Lets the user edit the name in place: Enter or going elsewhere takes it, Escape leaves it.
void msk_masklet_row_edit_name(MskMaskletRow *row);
gboolean msk_masklet_row_is_editing(MskMaskletRow *row);

G_END_DECLS
