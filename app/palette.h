// SPDX-License-Identifier: Apache-2.0
// Colours for objects: told apart by people with any colour vision first, then by most.
#pragma once

#include <glib.h>

G_BEGIN_DECLS

// 0xRRGGBB. The first seven are Okabe and Ito's without black; then hues as far from each other as
// can be, in changing lightness.
guint32 msk_palette_get(guint index);

G_END_DECLS
