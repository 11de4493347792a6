// SPDX-License-Identifier: Apache-2.0
// MskPixels: a picture in memory on its way to the screen.
//
// The Cairo renderer of GTK 4.8 converts each pixel of every texture of a window to floating point
// and back whenever it draws anything, on the main thread: 15 ms for a canvas. So for that renderer
// pixels are painted with Cairo, which copies what is to be seen; others get a texture.
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct MskPixels MskPixels;

// All zero. Made and filled on any thread, immutable once it is drawn. Opaque: each alpha is to be
// made 255.
MskPixels *msk_pixels_new(int width, int height, gboolean is_opaque);
MskPixels *msk_pixels_ref(MskPixels *pixels);
void msk_pixels_unref(MskPixels *pixels); // NULL is fine. After it was drawn: the main thread
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskPixels, msk_pixels_unref)

int msk_pixels_get_width(const MskPixels *pixels);
int msk_pixels_get_height(const MskPixels *pixels);
// Rows of `width` without gaps, 0xAARRGGBB in native order, premultiplied.
guint32 *msk_pixels_get_data(const MskPixels *pixels);

// Stretches them over a rectangle of the widget, which is realised. Main thread.
void msk_pixels_draw(MskPixels *pixels, GtkSnapshot *snapshot, GtkWidget *widget, float x, float y,
                     float width, float height);

G_END_DECLS
