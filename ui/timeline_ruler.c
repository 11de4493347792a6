// SPDX-License-Identifier: Apache-2.0
// Draws the ruler and, over everything, the playhead, the range and the selected span.
#include "ui/timeline_private.h"

#include <glib/gi18n.h>

#define LABEL_GAP 14
#define LABELS_MAX 512
#define HANDLE_WIDTH 5

typedef struct Label {
    GskRenderNode *node;
    int width;
} Label;

static void free_label(gpointer data)
{
    Label *label = data;

    g_clear_pointer(&label->node, gsk_render_node_unref);
    g_free(label);
}

GHashTable *msk_timeline_labels_new(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_label);
}

static const Label *get_label(MskTimeline *self, int64_t frame)
{
    Label *label = g_hash_table_lookup(self->labels, &frame);

    if (label)
        return label;
    if (g_hash_table_size(self->labels) >= LABELS_MAX)
        g_hash_table_remove_all(self->labels);
    g_autofree char *text = msk_timeline_dup_frame_text(self, frame);
    label = g_new0(Label, 1);
    label->node = msk_timeline_style_draw_text(&self->style, self->ruler, text, &self->style.dim,
                                               &label->width);
    g_hash_table_insert(self->labels, g_memdup2(&frame, sizeof(frame)), label);
    return label;
}

static void put_rect(GtkSnapshot *snapshot, const GdkRGBA *colour, float x, float y, float width,
                     float height)
{
    gtk_snapshot_append_color(snapshot, colour, &GRAPHENE_RECT_INIT(x, y, width, height));
}

// Base and offset of the ticks: of the timecode, or of numbers.
static void update_base(MskTimeline *self)
{
    MskMedia *media = msk_timeline_get_timed_media(self);

    if (self->label_base >= 0)
        return;
    self->label_base = 0;
    self->label_start = 0;
    if (!media)
        return;
    self->label_base = msk_timecode_get_base(media);
    self->label_start = msk_timecode_get_start(media);
}

void msk_timeline_draw_ruler(MskTimeline *self, GtkSnapshot *snapshot, int width, int height)
{
    const MskTimelineView *view = &self->view;
    const float bottom = (float)(height - MSK_TIMELINE_STRIP_HEIGHT);
    int64_t first, last;

    if (!self->document || !msk_timeline_view_get_span(view, view->scroll - 200,
                                                       view->scroll + width - 1, &first, &last))
        return;
    update_base(self);
    const int gap = get_label(self, view->n_frames - 1)->width + LABEL_GAP;
    const MskTimelineTicks ticks =
        msk_timeline_view_get_ticks(view, self->label_base, self->label_start, gap);
    for (int64_t f = msk_timeline_ticks_find(first, ticks.minor, ticks.offset); f <= last;
         f += ticks.minor) {
        const gboolean is_major = (f + ticks.offset) % ticks.major == 0;
        const float x = (float)(msk_timeline_view_get_edge(view, f) - view->scroll);
        const float length = is_major ? 9 : 4;
        put_rect(snapshot, &self->style.dim, x, bottom - length, 1, length);
        if (!is_major)
            continue;
        const Label *label = get_label(self, f);
        gtk_snapshot_save(snapshot);
        gtk_snapshot_translate(snapshot, &GRAPHENE_POINT_INIT(x + 4, 3));
        if (label->node)
            gtk_snapshot_append_node(snapshot, label->node);
        gtk_snapshot_restore(snapshot);
    }
    put_rect(snapshot, &self->style.line, 0, bottom, (float)width, 1);
}

// ---- The overlay -------------------------------------------------------------------------------

void msk_timeline_get_shown_range(MskTimeline *self, int64_t *first, int64_t *last)
{
    msk_document_get_range(self->document, first, last);
    if (self->drag == MSK_DRAG_IN)
        *first = self->drag_frame;
    else if (self->drag == MSK_DRAG_OUT)
        *last = self->drag_frame;
}

static void draw_range(MskTimeline *self, GtkSnapshot *snapshot, int width, int height)
{
    const MskTimelineView *view = &self->view;
    const MskTimelineStyle *style = &self->style;
    const float top = MSK_TIMELINE_RULER_HEIGHT - MSK_TIMELINE_STRIP_HEIGHT + 2;
    const float strip = MSK_TIMELINE_STRIP_HEIGHT - 3;
    GdkRGBA shade = style->background;
    int64_t first, last, ignored;

    msk_timeline_get_shown_range(self, &first, &last);
    const gboolean is_cut[2] = {first > 0, last < view->n_frames - 1};
    msk_timeline_view_get_pixels(view, last, &ignored, &last);
    msk_timeline_view_get_pixels(view, first, &first, &ignored);
    const float x0 = (float)CLAMP(first - view->scroll, -10, width);
    const float x1 = (float)CLAMP(last + 1 - view->scroll, 0, width + 10);
    const float below = (float)(height - MSK_TIMELINE_RULER_HEIGHT);

    shade.alpha = 0.6f;
    if (is_cut[0])
        put_rect(snapshot, &shade, 0, MSK_TIMELINE_RULER_HEIGHT, MAX(x0, 0), below);
    if (is_cut[1])
        put_rect(snapshot, &shade, x1, MSK_TIMELINE_RULER_HEIGHT, MAX((float)width - x1, 0), below);
    shade = style->accent;
    shade.alpha *= 0.35f;
    put_rect(snapshot, &shade, x0, top + 2, x1 - x0, strip - 4);
    // The handles: brackets that open inward.
    put_rect(snapshot, &style->foreground, x0, top - 1, 2, strip + 2);
    put_rect(snapshot, &style->foreground, x0, top - 1, HANDLE_WIDTH, 2);
    put_rect(snapshot, &style->foreground, x0, top + strip - 1, HANDLE_WIDTH, 2);
    put_rect(snapshot, &style->foreground, x1 - 2, top - 1, 2, strip + 2);
    put_rect(snapshot, &style->foreground, x1 - HANDLE_WIDTH, top - 1, HANDLE_WIDTH, 2);
    put_rect(snapshot, &style->foreground, x1 - HANDLE_WIDTH, top + strip - 1, HANDLE_WIDTH, 2);
}

static void draw_selection(MskTimeline *self, GtkSnapshot *snapshot, int width, int height)
{
    const MskTimelineView *view = &self->view;
    GdkRGBA colour = self->style.accent;
    int64_t first, last, ignored;

    if (!msk_timeline_get_selection(self, &first, &last))
        return;
    msk_timeline_view_get_pixels(view, last, &ignored, &last);
    msk_timeline_view_get_pixels(view, first, &first, &ignored);
    const float x0 = (float)CLAMP(first - view->scroll, -10, width + 10);
    const float x1 = (float)CLAMP(last + 1 - view->scroll, -10, width + 10);
    put_rect(snapshot, &colour, x0, 0, 1, (float)height);
    put_rect(snapshot, &colour, x1 - 1, 0, 1, (float)height);
    colour.alpha *= 0.22f;
    put_rect(snapshot, &colour, x0, 0, x1 - x0, (float)height);
}

static void draw_playhead(MskTimeline *self, GtkSnapshot *snapshot, int width, int height)
{
    const MskTimelineView *view = &self->view;
    const int64_t frame = msk_session_get_frame(self->session);
    const int64_t middle = msk_timeline_view_get_middle(view, frame) - view->scroll;
    const float top = MSK_TIMELINE_RULER_HEIGHT - MSK_TIMELINE_STRIP_HEIGHT;
    GskRoundedRect head;
    int64_t first, last;

    if (middle < -20 || middle > width + 20)
        return;
    msk_timeline_view_get_pixels(view, frame, &first, &last);
    if (last - first >= 3) { // the frame's width, where it has one
        GdkRGBA cell = self->style.foreground;
        cell.alpha *= 0.12f;
        put_rect(snapshot, &cell, (float)(first - view->scroll), top, (float)(last - first + 1),
                 (float)height - top);
    }
    // Over the film a line needs its contrast; over the lanes it would hide keyframes.
    put_rect(snapshot, &self->style.background, (float)middle - 1, MSK_TIMELINE_RULER_HEIGHT, 3,
             MSK_TIMELINE_FILM_HEIGHT);
    put_rect(snapshot, &self->style.foreground, (float)middle, top - 6, 1, (float)height - top + 6);
    gsk_rounded_rect_init_from_rect(&head, &GRAPHENE_RECT_INIT((float)middle - 4, top - 12, 9, 12),
                                    3);
    gtk_snapshot_push_rounded_clip(snapshot, &head);
    put_rect(snapshot, &self->style.foreground, (float)middle - 4, top - 12, 9, 12);
    gtk_snapshot_pop(snapshot);
}

void msk_timeline_draw_overlay(MskTimeline *self, GtkSnapshot *snapshot, int width, int height)
{
    if (!self->document)
        return;
    draw_range(self, snapshot, width, height);
    draw_selection(self, snapshot, width, height);
    draw_playhead(self, snapshot, width, height);
}
