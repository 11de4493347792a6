// SPDX-License-Identifier: Apache-2.0
// Names for assistive technology where GTK 4.8 gives wrong ones.
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

// Names the buttons within `root` (a window after its template is there): those with a mnemonic
// without its underscore, which GTK would read out, and the arrows of split buttons by their
// tooltip.
void msk_accessible_name_buttons(GtkWidget *root);

G_END_DECLS
