// SPDX-License-Identifier: Apache-2.0
// Showing files in the desktop's file manager.
#include "ui/show_files.h"

typedef struct Request {
    GtkWindow *window;
    char *folder_uri;
} Request;

static void free_request(Request *request)
{
    g_clear_object(&request->window);
    g_free(request->folder_uri);
    g_free(request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Request, free_request)

static void shown_cb(GObject *connection, GAsyncResult *result, gpointer user)
{
    g_autoptr(Request) request = user;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(connection), result, NULL);
    if (!answer)
        gtk_show_uri(request->window, request->folder_uri, GDK_CURRENT_TIME);
}

void msk_show_files(GtkWindow *window, const char *const *paths)
{
    if (!paths || !paths[0])
        return;
    g_autoptr(Request) request = g_new0(Request, 1);
    request->window = window ? g_object_ref(window) : NULL;
    gboolean is_folder = g_file_test(paths[0], G_FILE_TEST_IS_DIR);
    g_autofree char *folder = is_folder ? g_strdup(paths[0]) : g_path_get_dirname(paths[0]);
    g_autoptr(GFile) file = g_file_new_for_path(folder);
    request->folder_uri = g_file_get_uri(file);

    GApplication *application = g_application_get_default();
    GDBusConnection *bus =
        application && !is_folder ? g_application_get_dbus_connection(application) : NULL;
    if (!bus) {
        gtk_show_uri(window, request->folder_uri, GDK_CURRENT_TIME);
        return;
    }
    GVariantBuilder uris;
    g_variant_builder_init(&uris, G_VARIANT_TYPE_STRING_ARRAY);
    for (int i = 0; paths[i]; i++) {
        g_autoptr(GFile) one = g_file_new_for_path(paths[i]);
        g_autofree char *uri = g_file_get_uri(one);
        g_variant_builder_add(&uris, "s", uri);
    }
    g_dbus_connection_call(bus, "org.freedesktop.FileManager1", "/org/freedesktop/FileManager1",
                           "org.freedesktop.FileManager1", "ShowItems",
                           g_variant_new("(ass)", &uris, ""), NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                           NULL, shown_cb, g_steal_pointer(&request));
}
