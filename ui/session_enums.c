// SPDX-License-Identifier: Apache-2.0
// The enumerations of a session as types.
#include "ui/session.h"

GType msk_tool_get_type(void)
{
    static GType type;
    if (g_once_init_enter(&type)) {
        static const GEnumValue values[] = {
            {MSK_TOOL_POINT, "MSK_TOOL_POINT", "point"},
            {MSK_TOOL_BOX, "MSK_TOOL_BOX", "box"},
            {MSK_TOOL_BRUSH, "MSK_TOOL_BRUSH", "brush"},
            {MSK_TOOL_ERASER, "MSK_TOOL_ERASER", "eraser"},
            {MSK_TOOL_LASSO, "MSK_TOOL_LASSO", "lasso"},
            {MSK_TOOL_HAND, "MSK_TOOL_HAND", "hand"},
            {0, NULL, NULL},
        };
        g_once_init_leave(&type, g_enum_register_static("MskTool", values));
    }
    return type;
}

GType msk_view_mode_get_type(void)
{
    static GType type;
    if (g_once_init_enter(&type)) {
        static const GEnumValue values[] = {
            {MSK_VIEW_OVERLAY, "MSK_VIEW_OVERLAY", "overlay"},
            {MSK_VIEW_OUTLINE, "MSK_VIEW_OUTLINE", "outline"},
            {MSK_VIEW_MATTE, "MSK_VIEW_MATTE", "matte"},
            {MSK_VIEW_CUTOUT, "MSK_VIEW_CUTOUT", "cutout"},
            {MSK_VIEW_COLOUR, "MSK_VIEW_COLOUR", "colour"},
            {MSK_VIEW_IMAGE, "MSK_VIEW_IMAGE", "image"},
            {MSK_VIEW_BLUR, "MSK_VIEW_BLUR", "blur"},
            {MSK_VIEW_DIFFERENCE, "MSK_VIEW_DIFFERENCE", "difference"},
            {0, NULL, NULL},
        };
        g_once_init_leave(&type, g_enum_register_static("MskViewMode", values));
    }
    return type;
}
