// SPDX-License-Identifier: Apache-2.0
// The style sheet of the panes and dialogs.
#include "ui/panel_style.h"

void msk_panel_style_load(void)
{
    static gboolean is_loaded;
    if (is_loaded)
        return;
    is_loaded = TRUE;
    g_autoptr(GtkCssProvider) provider = gtk_css_provider_new();
    gtk_css_provider_load_from_resource(provider, "/org/masklet/Masklet/panels.css");
    gtk_style_context_add_provider_for_display(gdk_display_get_default(),
                                               GTK_STYLE_PROVIDER(provider),
                                               GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}
