// SPDX-License-Identifier: Apache-2.0
// View: a frame with masks as a picture for the screen: tinted, cut out, as a matte, and so on.
//
// Any thread. Pictures are 8-bit red, green, blue and a byte that means nothing, rows without gaps,
// at the frame's size or smaller; msk_view_present() magnifies parts of them.
#pragma once

#include "app/contour.h"
#include "app/frame.h"
#include "app/mask.h"
#include "app/matte.h"

G_BEGIN_DECLS

// ---- Mattes ------------------------------------------------------------------------------------

// An object's matte on a frame, ready to be drawn: immutable, shared by reference.
typedef struct MskViewMatte {
    gatomicrefcount refs;
    int width, height;   // of the frame
    MskRect bounds;      // of alpha above 0
    uint8_t *alpha;      // bounds.height rows of bounds.width
    MskContour *contour; // where alpha passes one half
} MskViewMatte;

// What a matte is made of: (result or add) and not remove, then the parameters' steps. Each mask
// may be NULL; all that are there have one size.
typedef struct MskViewSource {
    MskMask *result, *add, *remove;
    MskMatteParams params;
} MskViewSource;

// `width` x `height` is the frame's size. The caller owns the result.
MskViewMatte *msk_view_matte_new(const MskViewSource *source, int width, int height);
MskViewMatte *msk_view_matte_ref(MskViewMatte *matte);
void msk_view_matte_unref(MskViewMatte *matte); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskViewMatte, msk_view_matte_unref)
gsize msk_view_matte_get_size(const MskViewMatte *matte); // bytes, about
// Alpha of a frame pixel; 0 outside.
uint8_t msk_view_matte_get_alpha(const MskViewMatte *matte, int x, int y);

// Mattes made lately, by what they were made of; it keeps references to the masks.
typedef struct MskViewCache MskViewCache;
MskViewCache *msk_view_cache_new(gsize budget); // bytes
void msk_view_cache_free(MskViewCache *cache);  // NULL is fine; no thread may be inside
// The caller owns the result.
MskViewMatte *msk_view_cache_get(MskViewCache *cache, const MskViewSource *source, int width,
                                 int height);

// ---- Pictures ----------------------------------------------------------------------------------

typedef enum MskViewStyle {
    MSK_VIEW_STYLE_OVERLAY, // tinted
    MSK_VIEW_STYLE_OUTLINE, // the frame as it is; outlines are drawn on top by the caller
    MSK_VIEW_STYLE_MATTE,   // white on black
    MSK_VIEW_STYLE_CUTOUT,  // on a checkerboard
    MSK_VIEW_STYLE_COLOUR,
    MSK_VIEW_STYLE_IMAGE,
    MSK_VIEW_STYLE_BLUR,       // on the frame, blurred
    MSK_VIEW_STYLE_DIFFERENCE, // against the masks before
} MskViewStyle;

typedef struct MskViewObject {
    MskViewMatte *matte;    // or NULL
    MskViewMatte *previous; // DIFFERENCE: before; or NULL
    guint32 colour;         // 0xRRGGBB
    double strength;        // 0..1, of the tint: for emphasis
} MskViewObject;

typedef struct MskView {
    MskViewStyle style;
    double opacity;       // 0..1, of tints
    guint32 background;   // 0xRRGGBB
    const uint8_t *frame; // RGBA, the picture's size, straight alpha
    gboolean frame_alpha; // the frame's alpha is to be seen
    const uint8_t *image; // IMAGE: a picture of the same size; NULL: black
    const MskViewObject *objects;
    int n_objects; // the first one is on top
} MskView;

#define MSK_VIEW_CHECK_SIZE 8      // picture pixels
#define MSK_VIEW_CHECK_LIGHT 0x9a  // grey
#define MSK_VIEW_CHECK_DARK 0x66   // grey
#define MSK_VIEW_ADDED 0x009e73u   // colours of DIFFERENCE
#define MSK_VIEW_REMOVED 0xd55e00u // that tell apart for everyone: Okabe and Ito

// Draws the picture. Mattes are averaged over the frame pixels that a picture pixel covers.
void msk_view_render(const MskView *view, int width, int height, uint8_t *rgba);

// A frame as RGBA so that it covers width x height, cut at the sides or at top and bottom.
gboolean msk_view_cover(MskFrame *frame, int width, int height, uint8_t *rgba, GError **error);

// ---- On the screen -----------------------------------------------------------------------------

// Writes device pixels as 0xAARRGGBB in native order: pixel (i, j) shows the picture at
// ((x + i + 0.5) / zoom_x, (y + j + 0.5) / zoom_y). From a zoom of 2 on pixels are squares, between
// 1 and 2 they are interpolated, at 1 copied. What is beyond the picture repeats its border.
typedef struct MskViewWindow {
    int x, y, width, height; // device pixels from the picture's corner
    double zoom_x, zoom_y;   // device pixels a picture pixel: at least 1
} MskViewWindow;

// `stride` in pixels.
void msk_view_present(const uint8_t *rgba, int width, int height, const MskViewWindow *window,
                      uint32_t *out, size_t stride);

G_END_DECLS
