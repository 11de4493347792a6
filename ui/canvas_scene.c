// SPDX-License-Identifier: Apache-2.0
// From the session to a scene: which masks of which frames, and the canvas in words.
#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "ui/canvas_private.h"

G_STATIC_ASSERT((int)MSK_VIEW_OVERLAY == (int)MSK_VIEW_STYLE_OVERLAY);
G_STATIC_ASSERT((int)MSK_VIEW_OUTLINE == (int)MSK_VIEW_STYLE_OUTLINE);
G_STATIC_ASSERT((int)MSK_VIEW_MATTE == (int)MSK_VIEW_STYLE_MATTE);
G_STATIC_ASSERT((int)MSK_VIEW_CUTOUT == (int)MSK_VIEW_STYLE_CUTOUT);
G_STATIC_ASSERT((int)MSK_VIEW_COLOUR == (int)MSK_VIEW_STYLE_COLOUR);
G_STATIC_ASSERT((int)MSK_VIEW_IMAGE == (int)MSK_VIEW_STYLE_IMAGE);
G_STATIC_ASSERT((int)MSK_VIEW_BLUR == (int)MSK_VIEW_STYLE_BLUR);
G_STATIC_ASSERT((int)MSK_VIEW_DIFFERENCE == (int)MSK_VIEW_STYLE_DIFFERENCE);

static MskMask *ref_mask(MskMask *mask)
{
    return mask ? msk_mask_ref(mask) : NULL;
}

// What the masklet's matte on a frame is made of; FALSE if there is no mask.
static gboolean take_source(MskMasklet *masklet, int64_t frame, MskViewSource *out,
                            MskFrameFlags *flags)
{
    MskFrameState state = {0};
    *flags = msk_masklet_get_frame(masklet, frame, &state);
    *out = (MskViewSource){.params = msk_masklet_get_info(masklet)->matte};
    if (state.track)
        out->result = ref_mask(state.track->result->mask);
    if (state.paint) {
        out->add = ref_mask(state.paint->add);
        out->remove = ref_mask(state.paint->remove);
    }
    return out->result || out->add;
}

static void drop_source(MskViewSource *source)
{
    msk_mask_unref(source->result);
    msk_mask_unref(source->add);
    msk_mask_unref(source->remove);
    *source = (MskViewSource){.params = source->params};
}

static void add_object(MskScene *scene, MskMasklet *masklet, gboolean selected)
{
    MskSceneObject object = {.id = msk_masklet_get_id(masklet), .selected = selected};
    MskFrameFlags flags;
    if (!take_source(masklet, scene->n, &object.now, &flags))
        drop_source(&object.now);
    object.colour = msk_masklet_get_info(masklet)->colour;
    object.stale = (flags & MSK_FRAME_STALE) != 0;
    if (scene->style == MSK_VIEW_STYLE_DIFFERENCE) {
        object.previous.params = object.now.params;
        object.previous.result = msk_masklet_get_previous(masklet, scene->n);
        if (!object.previous.result) { // nothing to compare with: no difference
            object.previous.result = ref_mask(object.now.result);
            object.previous.add = ref_mask(object.now.add);
            object.previous.remove = ref_mask(object.now.remove);
        }
    }
    g_array_append_val(scene->objects, object);
}

static void add_ghosts(MskScene *scene, MskMasklet *masklet, int reach)
{
    for (int k = reach; k >= 1; k--) { // the nearest on top
        for (int sign = -1; sign <= 1; sign += 2) {
            MskSceneGhost ghost = {.step = sign * k, .n_steps = reach};
            MskFrameFlags flags;
            if (scene->n + ghost.step < 0)
                continue;
            if (take_source(masklet, scene->n + ghost.step, &ghost.source, &flags))
                g_array_append_val(scene->ghosts, ghost);
            else
                drop_source(&ghost.source);
        }
    }
}

MskScene *msk_canvas_build_scene(MskCanvas *canvas)
{
    MskSession *session = canvas->session;
    int64_t n = -1;
    MskFrame *frame = session ? msk_session_get_picture(session, &n) : NULL;
    if (!frame || n < 0)
        return NULL;
    MskScene *scene = msk_scene_new(frame, n);
    scene->serial = ++canvas->serial;
    scene->style = (MskViewStyle)msk_session_get_view_mode(session);
    scene->opacity = msk_session_get_opacity(session);
    scene->background = msk_session_get_background(session);
    scene->image_path = g_strdup(msk_session_get_background_image(session));
    MskDocument *document = msk_session_get_document(session);
    if (!document || msk_session_get_masks_muted(session)) {
        scene->style = MSK_VIEW_STYLE_OUTLINE;
        return scene;
    }
    MskMasklet *selected = msk_session_get_selected(session);
    int reach = msk_session_get_onion_skin(session);
    guint n_objects = msk_document_get_n_objects(document);
    for (guint i = 0; i < n_objects; i++) {
        MskMasklet *masklet = msk_document_get_object(document, i);
        if (!msk_masklet_get_info(masklet)->visible)
            continue;
        add_object(scene, masklet, masklet == selected);
        if (!selected || masklet == selected)
            add_ghosts(scene, masklet, reach);
    }
    return scene;
}

MskMasklet *msk_canvas_pick(MskCanvas *canvas, double frame_x, double frame_y)
{
    MskDocument *document = canvas->session ? msk_session_get_document(canvas->session) : NULL;
    if (!document || !canvas->rendered)
        return NULL;
    const GPtrArray *mattes = canvas->rendered->mattes;
    for (guint i = 0; i < mattes->len; i++) {
        const MskViewMatte *matte = g_ptr_array_index(mattes, i);
        if (msk_view_matte_get_alpha(matte, (int)floor(frame_x), (int)floor(frame_y)) < 128)
            continue;
        const GArray *objects = canvas->rendered->scene->objects;
        return msk_document_find_object(document, g_array_index(objects, MskSceneObject, i).id);
    }
    return NULL;
}

// ---- In words ----------------------------------------------------------------------------------

static const char *describe_state(MskFrameFlags flags)
{
    if (flags & MSK_FRAME_LOCKED)
        return _("locked");
    if (flags & MSK_FRAME_ABSENT)
        return _("not on this frame");
    if (flags & MSK_FRAME_STALE)
        return _("mask is stale");
    if (flags & MSK_FRAME_PAINT)
        return _("painted");
    if (flags & MSK_FRAME_PROMPT)
        return _("keyframe");
    if (flags & MSK_FRAME_HAS_MASK)
        return _("tracked");
    return _("no mask");
}

void msk_canvas_describe(MskCanvas *canvas)
{
    int64_t frame = msk_canvas_get_shown_frame(canvas);
    g_autofree char *text = NULL;
    MskMasklet *masklet = canvas->session ? msk_session_get_selected(canvas->session) : NULL;
    if (frame < 0) {
        text = g_strdup(_("No clip is open"));
    } else if (!masklet) {
        text = g_strdup_printf(_("Frame %" PRId64 ", no object is selected"), frame);
    } else {
        MskFrameFlags flags = msk_masklet_get_frame(masklet, frame, NULL);
        text = g_strdup_printf(_("Frame %" PRId64 ", %s: %s"), frame,
                               msk_masklet_get_info(masklet)->name, describe_state(flags));
    }
    if (canvas->crosshair) {
        g_autofree char *place =
            g_strdup_printf(_("crosshair at %.0f, %.0f"), canvas->crosshair_x, canvas->crosshair_y);
        g_autofree char *both = g_strdup_printf("%s, %s", text, place);
        g_free(text);
        text = g_steal_pointer(&both);
    }
    gtk_accessible_update_property(GTK_ACCESSIBLE(canvas), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                   text, -1);
}
