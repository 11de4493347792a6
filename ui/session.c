// SPDX-License-Identifier: Apache-2.0
// The enumerations of a session.
#include "ui/session.h"

#include <gtk/gtk.h>

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
