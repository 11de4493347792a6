// SPDX-License-Identifier: Apache-2.0
// The box tool: draws a box, moves it, moves its sides and corners.
#include <glib/gi18n.h>
#include <math.h>

#include "ui/canvas_private.h"

#define REACH 8.0 // how near a press is on a side, points
#define LEAST 2.0 // smallest side of a box, frame pixels

void msk_canvas_get_box_handles(const float *box, double places[8][2], MskBoxPart parts[8])
{
    static const MskBoxPart all[8] = {
        MSK_BOX_LEFT | MSK_BOX_TOP,     MSK_BOX_TOP,
        MSK_BOX_RIGHT | MSK_BOX_TOP,    MSK_BOX_RIGHT,
        MSK_BOX_RIGHT | MSK_BOX_BOTTOM, MSK_BOX_BOTTOM,
        MSK_BOX_LEFT | MSK_BOX_BOTTOM,  MSK_BOX_LEFT,
    };
    for (int i = 0; i < 8; i++) {
        MskBoxPart part = parts[i] = all[i];
        places[i][0] = part & MSK_BOX_LEFT    ? box[0]
                       : part & MSK_BOX_RIGHT ? box[2]
                                              : (box[0] + box[2]) / 2;
        places[i][1] = part & MSK_BOX_TOP      ? box[1]
                       : part & MSK_BOX_BOTTOM ? box[3]
                                               : (box[1] + box[3]) / 2;
    }
}

MskBoxPart msk_canvas_find_box_part(MskCanvas *canvas, double x, double y)
{
    MskMasklet *masklet = canvas->session ? msk_session_get_selected(canvas->session) : NULL;
    const MskPrompt *prompt = masklet ? msk_canvas_get_prompt(canvas, masklet) : NULL;
    if (!prompt || !prompt->has_box)
        return MSK_BOX_NONE;
    double x0, y0, x1, y1;
    msk_canvas_frame_to_widget(canvas, prompt->box[0], prompt->box[1], &x0, &y0);
    msk_canvas_frame_to_widget(canvas, prompt->box[2], prompt->box[3], &x1, &y1);
    if (x < x0 - REACH || x > x1 + REACH || y < y0 - REACH || y > y1 + REACH)
        return MSK_BOX_NONE;
    // Of a small box the inside stays free to be moved.
    double reach_x = fmin(REACH, (x1 - x0) / 3), reach_y = fmin(REACH, (y1 - y0) / 3);
    int part = 0;
    part |= x < x0 + reach_x ? MSK_BOX_LEFT : x > x1 - reach_x ? MSK_BOX_RIGHT : 0;
    part |= y < y0 + reach_y ? MSK_BOX_TOP : y > y1 - reach_y ? MSK_BOX_BOTTOM : 0;
    return part ? (MskBoxPart)part : MSK_BOX_ALL;
}

// The prompt on the frame with this box. The caller owns it.
static MskPrompt *make_prompt(MskMasklet *masklet, int64_t frame, const float *box)
{
    MskFrameState state = {0};
    if (masklet)
        msk_masklet_get_frame(masklet, frame, &state);
    gboolean keep = state.prompt && !state.prompt->mask.pixels && !state.prompt->mask_path;
    MskPrompt *prompt = keep ? msk_prompt_copy(state.prompt) : msk_prompt_new(frame);
    prompt->frame = frame;
    msk_prompt_set_box(prompt, box[0], box[1], box[2], box[3]);
    return prompt;
}

gboolean msk_canvas_box_begin(MskCanvas *canvas, double x, double y)
{
    if (canvas->subtract)
        return FALSE;
    canvas->box_part = msk_canvas_find_box_part(canvas, x, y);
    msk_canvas_widget_to_frame(canvas, x, y, &canvas->press_x, &canvas->press_y);
    if (!msk_canvas_take_target(canvas))
        return FALSE;
    if (canvas->box_part != MSK_BOX_NONE) {
        const MskPrompt *prompt = msk_canvas_get_prompt(canvas, canvas->target);
        memcpy(canvas->box_start, prompt->box, sizeof canvas->box_start);
    } else {
        float at_x = (float)CLAMP(canvas->press_x, 0, canvas->layout.width);
        float at_y = (float)CLAMP(canvas->press_y, 0, canvas->layout.height);
        const float box[4] = {at_x, at_y, at_x, at_y};
        memcpy(canvas->box_start, box, sizeof box);
    }
    return TRUE;
}

// The box at the start with the dragged part moved, within the frame.
static void drag_box(MskCanvas *canvas, double x, double y, float out[4])
{
    double frame_x, frame_y;
    msk_canvas_widget_to_frame(canvas, x, y, &frame_x, &frame_y);
    float width = (float)canvas->layout.width, height = (float)canvas->layout.height;
    memcpy(out, canvas->box_start, 4 * sizeof *out);
    MskBoxPart part = canvas->box_part;
    if (part == MSK_BOX_NONE)
        part = MSK_BOX_RIGHT | MSK_BOX_BOTTOM;
    float dx = (float)(frame_x - canvas->press_x), dy = (float)(frame_y - canvas->press_y);
    if (part == MSK_BOX_ALL) {
        dx = CLAMP(dx, -out[0], width - out[2]);
        dy = CLAMP(dy, -out[1], height - out[3]);
    }
    if (part & MSK_BOX_LEFT)
        out[0] = CLAMP(out[0] + dx, 0, width);
    if (part & MSK_BOX_TOP)
        out[1] = CLAMP(out[1] + dy, 0, height);
    if (part & MSK_BOX_RIGHT)
        out[2] = CLAMP(out[2] + dx, 0, width);
    if (part & MSK_BOX_BOTTOM)
        out[3] = CLAMP(out[3] + dy, 0, height);
}

void msk_canvas_box_update(MskCanvas *canvas, double x, double y)
{
    float box[4];
    drag_box(canvas, x, y, box);
    msk_prompt_free(canvas->live);
    canvas->live = make_prompt(canvas->target, canvas->target_frame, box);
    canvas->live_point = -1;
}

void msk_canvas_set_box(MskCanvas *canvas, double x0, double y0, double x1, double y1)
{
    const float box[4] = {(float)fmin(x0, x1), (float)fmin(y0, y1), (float)fmax(x0, x1),
                          (float)fmax(y0, y1)};
    if (box[2] - box[0] < LEAST || box[3] - box[1] < LEAST) // a click
        return;
    MskFrameState state = {0};
    if (canvas->target)
        msk_masklet_get_frame(canvas->target, canvas->target_frame, &state);
    gboolean had_box = state.prompt && state.prompt->has_box;
    g_autoptr(MskPrompt) prompt = make_prompt(canvas->target, canvas->target_frame, box);
    msk_canvas_send_prompt(canvas, prompt, had_box ? _("Change Box") : _("Draw Box"),
                           (box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
}

void msk_canvas_box_end(MskCanvas *canvas, double x, double y)
{
    float box[4];
    gboolean moved = canvas->live != NULL;
    drag_box(canvas, x, y, box);
    g_clear_pointer(&canvas->live, msk_prompt_free);
    if (!moved || memcmp(box, canvas->box_start, sizeof box) == 0)
        return;
    if (fabsf(box[2] - box[0]) < LEAST || fabsf(box[3] - box[1]) < LEAST)
        return;
    msk_canvas_set_box(canvas, box[0], box[1], box[2], box[3]);
}
