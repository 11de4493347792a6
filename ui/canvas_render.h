// SPDX-License-Identifier: Apache-2.0
// MskRenderer: a thread that turns scenes into pictures for the canvas.
#pragma once

#include <gtk/gtk.h>

#include "app/view.h"
#include "ui/canvas_layout.h"
#include "ui/pixels.h"

G_BEGIN_DECLS

// ---- Scenes ------------------------------------------------------------------------------------

typedef struct MskSceneObject {
    int64_t id;
    MskViewSource now;      // with references
    MskViewSource previous; // likewise; of DIFFERENCE only
    guint32 colour;
    gboolean selected, stale;
} MskSceneObject;

// An outline of another frame.
typedef struct MskSceneGhost {
    MskViewSource source; // with references
    int step;             // frames away: negative before
    int n_steps;          // the furthest shown
} MskSceneGhost;

// All that a picture shows, of one frame. Immutable once it is rendered.
typedef struct MskScene {
    gatomicrefcount refs;
    guint serial;
    MskFrame *frame;
    int64_t n;
    MskViewStyle style;
    double opacity;
    guint32 background;
    char *image_path; // or NULL
    GArray *objects;  // of MskSceneObject; the first one is on top
    GArray *ghosts;   // of MskSceneGhost
} MskScene;

MskScene *msk_scene_new(MskFrame *frame, int64_t n);
MskScene *msk_scene_ref(MskScene *scene);
void msk_scene_unref(MskScene *scene); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskScene, msk_scene_unref)

// ---- Pictures ----------------------------------------------------------------------------------

// A picture of a part of the frame at the screen's resolution. Immutable.
typedef struct MskRendered {
    gatomicrefcount refs;
    MskScene *scene;
    MskPixels *pixels;
    double across, down;     // device pixels a frame pixel
    int x, y, width, height; // device pixels from the frame's corner
    GPtrArray *mattes;       // MskViewMatte of each object of the scene; empty: masks are not shown
    char *problem;           // why the background image is not there, or NULL
} MskRendered;

MskRendered *msk_rendered_ref(MskRendered *rendered);
void msk_rendered_unref(MskRendered *rendered); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskRendered, msk_rendered_unref)

// Whether it has all that is to be seen at this layout, at its resolution.
gboolean msk_rendered_covers(const MskRendered *rendered, const MskLayout *layout);

// Draws outlines and hatching on a picture (canvas_lines.c). Any thread.
void msk_rendered_draw_lines(const MskRendered *rendered, uint32_t *pixels, int scale,
                             GPtrArray *ghost_mattes);
// A contour as a path, in device pixels from (x, y).
void msk_contour_append_to(const MskContour *contour, cairo_t *cr, double across, double down,
                           double x, double y);

// ---- The thread --------------------------------------------------------------------------------

typedef struct MskRenderer MskRenderer;

// On the main thread, with a picture that the callback may keep a reference of.
typedef void (*MskRendererFunc)(MskRendered *rendered, gpointer user);

MskRenderer *msk_renderer_new(MskRendererFunc func, gpointer user);
void msk_renderer_free(MskRenderer *renderer); // waits for the picture in work; no call afterwards
// Asks for a picture, in place of the one asked for before if that was not begun. `scene` stays the
// caller's.
void msk_renderer_request(MskRenderer *renderer, MskScene *scene, const MskLayout *layout);

G_END_DECLS
