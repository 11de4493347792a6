// SPDX-License-Identifier: Apache-2.0
// MskStartPage: what a window without a clip shows: what to do, work that was not saved, and which
// model is in use.
#include "ui/start_page.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app/model_store.h"
#include "app/startup.h"
#include "ui/unsaved_list.h"

struct _MskStartPage {
    GtkWidget parent;
    MskSession *session;
    GtkLabel *model;
    GtkWidget *sample;
    MskUnsavedList *unsaved;
};

G_DEFINE_FINAL_TYPE(MskStartPage, msk_start_page, GTK_TYPE_WIDGET)

static char *describe_model(MskModelHost *host)
{
    const MskModelInfo *info = msk_model_host_get_info(host);
    const char *name = msk_model_host_get_name(host), *opening = msk_model_host_get_opening(host);
    const char *problem = msk_model_host_get_problem(host);
    if (opening) {
        g_autofree char *shown = g_filename_display_basename(opening);
        return g_strdup_printf(_("Opening the model “%s”…"), shown);
    }
    if (!info)
        return problem ? g_strdup_printf(_("No model is open: %s"), problem)
                       : g_strdup(_("No model is open. Add one to begin."));
    g_autofree char *shown = g_filename_display_basename(name);
    // Translators: name of a model, then what it is computed with ("cpu (AVX-512)")
    g_autofree char *text = g_strdup_printf(_("Model in use: %s, on %s."), shown, info->backend);
    if (g_strcmp0(name, MSK_MODEL_DEFAULT) != 0)
        return g_steal_pointer(&text);
    return g_strdup_printf("%s %s", text,
                           _("It is small and comes with Masklet; for the best masks add a "
                             "published SAM 2.1 model."));
}

static void model_changed_cb(MskStartPage *self)
{
    g_autofree char *text = describe_model(msk_session_get_model_host(self->session));
    gtk_label_set_label(self->model, text);
}

void msk_start_page_set_session(MskStartPage *self, MskSession *session)
{
    MskModelHost *host = msk_session_get_model_host(session);
    g_autofree char *sample = msk_startup_find_data("sample/sample.mp4");
    self->session = g_object_ref(session);
    g_signal_connect_object(host, "notify", G_CALLBACK(model_changed_cb), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(host, "changed", G_CALLBACK(model_changed_cb), self, G_CONNECT_SWAPPED);
    model_changed_cb(self);
    gtk_widget_set_visible(self->sample, sample != NULL);
}

void msk_start_page_refresh(MskStartPage *self)
{
    msk_unsaved_list_refresh(self->unsaved);
}

static void dispose(GObject *object)
{
    MskStartPage *self = MSK_START_PAGE(object);
    GtkWidget *child;
    while ((child = gtk_widget_get_first_child(GTK_WIDGET(self))))
        gtk_widget_unparent(child);
    g_clear_object(&self->session);
    G_OBJECT_CLASS(msk_start_page_parent_class)->dispose(object);
}

static void msk_start_page_class_init(MskStartPageClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    g_type_ensure(MSK_TYPE_UNSAVED_LIST);
    gtk_widget_class_set_template_from_resource(widget_class, "/org/masklet/Masklet/start_page.ui");
    gtk_widget_class_bind_template_child(widget_class, MskStartPage, model);
    gtk_widget_class_bind_template_child(widget_class, MskStartPage, sample);
    gtk_widget_class_bind_template_child(widget_class, MskStartPage, unsaved);
}

static void msk_start_page_init(MskStartPage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}
