// SPDX-License-Identifier: Apache-2.0
// Names for assistive technology where GTK 4.8 gives wrong ones.
#include "ui/accessible.h"

#include <adwaita.h>

static void set_name(GtkWidget *widget, const char *name)
{
    gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

// "_Save" is Save, "a__b" is a_b.
static char *dup_without_mnemonic(const char *label)
{
    GString *text = g_string_new(NULL);
    for (; *label; label++) {
        if (*label == '_' && label[1])
            label++;
        g_string_append_c(text, *label);
    }
    return g_string_free(text, FALSE);
}

static void name_button(GtkWidget *widget)
{
    if (GTK_IS_BUTTON(widget) && gtk_button_get_use_underline(GTK_BUTTON(widget)) &&
        gtk_button_get_label(GTK_BUTTON(widget))) {
        g_autofree char *name = dup_without_mnemonic(gtk_button_get_label(GTK_BUTTON(widget)));
        set_name(widget, name);
    } else if (GTK_IS_MENU_BUTTON(widget) && ADW_IS_SPLIT_BUTTON(gtk_widget_get_parent(widget)) &&
               gtk_widget_get_tooltip_text(widget)) {
        set_name(widget, gtk_widget_get_tooltip_text(widget));
    }
}

void msk_accessible_name_buttons(GtkWidget *root)
{
    name_button(root);
    for (GtkWidget *child = gtk_widget_get_first_child(root); child;
         child = gtk_widget_get_next_sibling(child))
        msk_accessible_name_buttons(child);
}
