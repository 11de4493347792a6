// SPDX-License-Identifier: Apache-2.0
// What tests of a session share: a state folder of their own, and waiting for what it says.
#include "tests/ui/session_fixture.h"

#include <adwaita.h>
#include <string.h>

#define PATIENCE_S 30

static char *folder;

const char *fixture_begin(void)
{
    folder = g_dir_make_tmp("masklet-session-XXXXXX", NULL);
    g_setenv("XDG_STATE_HOME", folder, TRUE);
    g_setenv("GSETTINGS_BACKEND", "memory", TRUE);
    return folder;
}

static void remove_tree(GFile *file)
{
    g_autoptr(GFileEnumerator) children = g_file_enumerate_children(
        file, "standard::name", G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, NULL, NULL);
    GFile *child;
    while (children && g_file_enumerator_iterate(children, NULL, &child, NULL, NULL) && child)
        remove_tree(child);
    g_file_delete(file, NULL, NULL);
}

void fixture_end(void)
{
    g_autoptr(GFile) file = g_file_new_for_path(folder);
    remove_tree(file);
    g_clear_pointer(&folder, g_free);
}

gboolean fixture_begin_window(void)
{
    fixture_begin();
    if (!gtk_init_check()) {
        fixture_end();
        return FALSE;
    }
    adw_init();
    // GTK 4.8 leaks the time each time that it looks for recent files that are too old.
    g_object_set(gtk_settings_get_default(), "gtk-recent-files-max-age", -1, NULL);
    return TRUE;
}

// ---- Hearing -----------------------------------------------------------------------------------

static void count_cb(int *count)
{
    (*count)++;
}

static void error_cb(MskSession *session, const char *title, const char *message, Heard *heard)
{
    g_free(heard->error);
    heard->error = g_strdup(message);
    heard->n_errors++;
}

static void missing_cb(MskSession *session, const char *path, Heard *heard)
{
    g_free(heard->path);
    heard->path = g_strdup(path);
    heard->n_missing++;
}

static void differs_cb(MskSession *session, const char *path, const char *how, gboolean usable,
                       Heard *heard)
{
    g_free(heard->path);
    heard->path = g_strdup(path);
    heard->is_usable = usable;
    heard->n_differs++;
}

static void picture_cb(MskSession *session, gint64 n, Heard *heard)
{
    if (heard->n_pictures++ == 0)
        heard->had_count = msk_media_is_indexed(msk_session_get_media(session));
}

Heard *fixture_new_session(void)
{
    Heard *heard = g_new0(Heard, 1);
    heard->session = msk_session_new();
    g_signal_connect_swapped(heard->session, "opened", G_CALLBACK(count_cb), &heard->n_opened);
    g_signal_connect_swapped(heard->session, "earlier-work", G_CALLBACK(count_cb),
                             &heard->n_earlier);
    g_signal_connect_swapped(heard->session, "saved", G_CALLBACK(count_cb), &heard->n_saved);
    g_signal_connect_swapped(heard->session, "unwritten", G_CALLBACK(count_cb),
                             &heard->n_unwritten);
    g_signal_connect(heard->session, "error", G_CALLBACK(error_cb), heard);
    g_signal_connect(heard->session, "media-missing", G_CALLBACK(missing_cb), heard);
    g_signal_connect(heard->session, "media-differs", G_CALLBACK(differs_cb), heard);
    g_signal_connect(heard->session, "frame-ready", G_CALLBACK(picture_cb), heard);
    return heard;
}

void fixture_forget(Heard *heard)
{
    MskSession *session = heard->session;
    g_free(heard->error);
    g_free(heard->path);
    *heard = (Heard){.session = session};
}

void fixture_free_session(Heard *heard)
{
    MskSession *session = heard->session;
    msk_session_close(session);
    // What workers still have on the way ends first.
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_signal_handlers_disconnect_by_data(session, heard);
    g_object_unref(session);
    msk_store_wait_closed();
    g_free(heard->error);
    g_free(heard->path);
    g_free(heard);
}

// ---- Waiting -----------------------------------------------------------------------------------

static gboolean wake_cb(gpointer user)
{
    return G_SOURCE_CONTINUE;
}

// The loop is woken now and then, for conditions that no event tells.
static gboolean wait_until(gboolean (*is_so)(gconstpointer a, int64_t b), gconstpointer a,
                           int64_t b)
{
    const int64_t end = g_get_monotonic_time() + (int64_t)PATIENCE_S * G_USEC_PER_SEC;
    const guint timer = g_timeout_add(20, wake_cb, NULL);
    while (!is_so(a, b) && g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
    return is_so(a, b);
}

static gboolean has_count(gconstpointer a, int64_t b)
{
    return *(const int *)a >= b;
}

static gboolean is_idle(gconstpointer a, int64_t b)
{
    const Heard *heard = a;
    return !msk_session_get_busy(heard->session) &&
           msk_session_get_index_progress(heard->session) < 0 &&
           (!msk_session_get_media(heard->session) || msk_session_get_document(heard->session));
}

static gboolean has_picture(gconstpointer a, int64_t b)
{
    const Heard *heard = a;
    int64_t n = -1;
    return msk_session_get_picture(heard->session, &n) && n == b;
}

gboolean fixture_wait_count(const int *count, int n)
{
    return wait_until(has_count, count, n);
}

gboolean fixture_wait_idle(Heard *heard)
{
    return wait_until(is_idle, heard, 0);
}

gboolean fixture_wait_picture(Heard *heard, int64_t n)
{
    return wait_until(has_picture, heard, n);
}

void fixture_open(Heard *heard, const char *path)
{
    g_autoptr(GFile) file = g_file_new_for_path(path);
    msk_session_open(heard->session, file);
}

int fixture_count_unsaved(void)
{
    g_autofree char *path = msk_store_dup_unsaved_folder();
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    int n = 0;
    while (dir && (name = g_dir_read_name(dir)))
        n += g_str_has_suffix(name, ".masklet");
    return n;
}

void fixture_remove_unsaved(void)
{
    g_autofree char *path = msk_store_dup_unsaved_folder();
    g_autoptr(GFile) file = g_file_new_for_path(path);
    remove_tree(file);
}
