// SPDX-License-Identifier: Apache-2.0
// MskTransport: the bar under the canvas: playing, where the playhead is, the range, the view.
#pragma once

#include <gtk/gtk.h>

#include "ui/player.h"

G_BEGIN_DECLS

#define MSK_TYPE_TRANSPORT (msk_transport_get_type())
G_DECLARE_FINAL_TYPE(MskTransport, msk_transport, MSK, TRANSPORT, GtkWidget)

// Once, before it is shown; keeps references.
void msk_transport_set_session(MskTransport *transport, MskSession *session, MskPlayer *player);
// Asks for a frame to go to.
void msk_transport_go_to_frame(MskTransport *transport);
// Zoom of the canvas, 1 is a frame pixel a screen pixel, for the slider and the label. The slider
// activates "win.zoom-to" (double).
void msk_transport_set_zoom(MskTransport *transport, double zoom);

G_END_DECLS
