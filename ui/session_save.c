// SPDX-License-Identifier: Apache-2.0
// MskSession: where edits go: the store's failures, saving under another name, copies.
#include "ui/session_private.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#define RETRY_S 5

// ---- Failures ----------------------------------------------------------------------------------

// Room is made, disks come back: the store is asked again while there is something to be written.
static gboolean retry_timeout_cb(gpointer user)
{
    MskSession *self = user;
    if (!self->write_problem || !self->store) {
        self->retry_timer = 0;
        return G_SOURCE_REMOVE;
    }
    msk_session_retry_writing(self);
    return G_SOURCE_CONTINUE;
}

static void store_failed_cb(MskStore *store, const GError *error, gpointer user)
{
    MskSession *self = user;
    msk_session_set_write_problem(self, error->message);
    if (!self->retry_timer)
        self->retry_timer = g_timeout_add_seconds(RETRY_S, retry_timeout_cb, self);
}

void msk_session_watch_store(MskSession *self)
{
    if (self->store)
        msk_store_set_failed_func(self->store, store_failed_cb, self);
}

typedef struct Flush {
    MskSession *session;
    guint serial; // of its store
    gboolean is_retry;
} Flush;

static void flushed_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autofree Flush *flush = user;
    g_autoptr(MskSession) self = flush->session;
    g_autoptr(GError) error = NULL;
    if (flush->serial != self->store_serial)
        return; // closed meanwhile
    if (!msk_store_flush_finish(self->store, result, &error)) {
        msk_session_set_write_problem(self, error->message);
        return;
    }
    msk_session_set_write_problem(self, NULL);
    if (!flush->is_retry) {
        msk_session_toast(self, _("Saved"));
        g_signal_emit_by_name(self, "saved", self->file);
    }
}

static void flush(MskSession *self, gboolean is_retry)
{
    Flush *data = g_new(Flush, 1);
    *data = (Flush){g_object_ref(self), self->store_serial, is_retry};
    msk_store_flush_async(self->store, NULL, flushed_cb, data);
}

void msk_session_retry_writing(MskSession *self)
{
    if (!self->store)
        return;
    msk_store_retry(self->store);
    flush(self, TRUE);
}

void msk_session_save(MskSession *self)
{
    if (self->store)
        flush(self, FALSE);
}

void msk_session_close_store(MskSession *self)
{
    if (!self->store)
        return;
    g_clear_handle_id(&self->retry_timer, g_source_remove);
    self->store_serial++;
    self->is_moving = FALSE;
    msk_store_close_later(g_steal_pointer(&self->store), self->is_unsaved && !self->was_edited);
}

// ---- Under another name ------------------------------------------------------------------------

typedef struct Copy {
    guint serial; // of the store that is copied
    char *path;
    gboolean relative; // how the clip is found
    gboolean go_on;    // with the copy
    MskStore *opened;
} Copy;

static void free_copy(gpointer user)
{
    Copy *copy = user;
    msk_store_close_later(copy->opened, FALSE);
    g_free(copy->path);
    g_free(copy);
}

static void reopen_thread(GTask *task, gpointer source, gpointer user, GCancellable *cancellable)
{
    Copy *copy = user;
    GError *error = NULL;
    copy->opened = msk_store_open(copy->path, 0, &error);
    if (!copy->opened) {
        g_task_return_error(task, error);
        return;
    }
    if (!copy->relative) { // the copy has the way from its own folder already
        g_autoptr(MskMediaRef) ref = msk_media_ref_copy(msk_store_get_media(copy->opened));
        g_clear_pointer(&ref->relative_path, g_free);
        msk_store_set_media(copy->opened, ref);
    }
    if (!copy->go_on)
        g_clear_pointer(&copy->opened, msk_store_close);
    g_task_return_boolean(task, TRUE);
}

static void fail_copy(MskSession *self, Copy *copy, const GError *error)
{
    msk_store_end_move(self->store, NULL);
    self->is_moving = FALSE;
    g_autofree char *name = g_filename_display_basename(copy->path);
    g_autofree char *title = g_strdup_printf(_("“%s” Could Not Be Written"), name);
    msk_session_set_busy(self, NULL);
    msk_session_error(self, title, _("%s\n\nThe project stays where it was; nothing is lost."),
                      error->message);
    msk_session_go_on_leaving(self, FALSE);
}

// The session goes on with the copy, which gets what was edited since it was begun.
static void switch_store(MskSession *self, Copy *copy)
{
    MskStore *before = self->store;
    self->store = g_steal_pointer(&copy->opened);
    self->store_serial++;
    msk_store_end_move(before, self->store);
    msk_document_set_store(self->document, self->store);
    msk_session_keep_count(self);
    msk_session_watch_store(self);
    msk_store_close_later(before, self->is_unsaved);
    g_clear_object(&self->file);
    self->file = g_file_new_for_path(copy->path);
    g_autofree char *name = g_filename_display_basename(copy->path);
    if (g_str_has_suffix(name, ".masklet"))
        name[strlen(name) - strlen(".masklet")] = '\0';
    msk_session_set_title(self, name);
    self->is_unsaved = self->read_only = FALSE;
    msk_session_notify(self, MSK_SESSION_UNSAVED);
    msk_session_notify(self, MSK_SESSION_READ_ONLY);
    msk_session_set_write_problem(self, NULL);
}

static void reopened_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    MskSession *self = MSK_SESSION(source);
    Copy *copy = g_task_get_task_data(G_TASK(result));
    g_autoptr(GError) error = NULL;
    if (!g_task_propagate_boolean(G_TASK(result), &error)) {
        fail_copy(self, copy, error);
        return;
    }
    if (copy->serial != self->store_serial)
        return; // closed meanwhile; the copy is complete
    if (copy->go_on)
        switch_store(self, copy);
    self->is_moving = FALSE;
    msk_session_set_busy(self, NULL);
    g_autoptr(GFile) file = g_file_new_for_path(copy->path);
    g_autofree char *name = g_filename_display_basename(copy->path);
    msk_session_toast(self, _("Saved as “%s”"), name);
    g_signal_emit_by_name(self, "saved", file);
    msk_session_go_on_leaving(self, TRUE);
}

typedef struct CopyCall {
    MskSession *session;
    Copy *copy;
} CopyCall;

static void copied_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autofree CopyCall *call = user;
    g_autoptr(MskSession) self = call->session;
    g_autoptr(GError) error = NULL;
    if (call->copy->serial != self->store_serial) {
        free_copy(call->copy);
        return;
    }
    if (!msk_store_copy_finish(self->store, result, &error)) {
        fail_copy(self, call->copy, error);
        free_copy(call->copy);
        return;
    }
    g_autoptr(GTask) task = g_task_new(self, NULL, reopened_cb, NULL);
    g_task_set_task_data(task, call->copy, free_copy);
    g_task_run_in_thread(task, reopen_thread);
}

static void copy_to(MskSession *self, GFile *file, gboolean relative, gboolean go_on)
{
    g_autofree char *path = g_file_get_path(file);
    if (!self->store || !path || self->is_moving)
        return;
    if (!g_str_has_suffix(path, ".masklet")) {
        char *with = g_strconcat(path, ".masklet", NULL);
        g_free(path);
        path = with;
    }
    if (strcmp(path, msk_store_get_path(self->store)) == 0) {
        msk_session_save(self);
        return;
    }
    g_autofree char *name = g_filename_display_basename(path);
    g_autofree char *what = g_strdup_printf(_("Saving “%s”…"), name);
    // The window takes no input while the session is busy; what the model answers meanwhile goes
    // into both.
    if (go_on)
        msk_store_begin_move(self->store);
    self->is_moving = TRUE;
    msk_session_set_busy(self, what);
    Copy *copy = g_new0(Copy, 1);
    copy->serial = self->store_serial;
    copy->path = g_steal_pointer(&path);
    copy->relative = relative;
    copy->go_on = go_on;
    CopyCall *call = g_new(CopyCall, 1);
    *call = (CopyCall){g_object_ref(self), copy};
    msk_store_copy_async(self->store, copy->path, TRUE, NULL, copied_cb, call);
}

void msk_session_save_as(MskSession *self, GFile *file)
{
    copy_to(self, file, TRUE, TRUE);
}

void msk_session_save_copy(MskSession *self, GFile *file, gboolean relative)
{
    copy_to(self, file, relative, FALSE);
}
