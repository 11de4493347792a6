// SPDX-License-Identifier: Apache-2.0
// MskSession: letting go of what is open, for another clip or for good, when all edits are on the
// disk.
#include "ui/session_private.h"

#include <glib/gi18n.h>

typedef struct MskLeaving {
    MskSessionLeftFunc then;
    gpointer user;
    GDestroyNotify destroy;
    gboolean is_busy; // the session is busy with this
} MskLeaving;

static void free_leaving(MskLeaving *leaving)
{
    if (leaving->destroy)
        leaving->destroy(leaving->user);
    g_free(leaving);
}

static void leave(MskSession *self)
{
    g_autoptr(MskSession) alive = g_object_ref(self);
    MskLeaving *leaving = g_steal_pointer(&self->leaving);
    if (leaving->is_busy)
        msk_session_set_busy(self, NULL);
    msk_session_detach(self);
    if (leaving->then)
        leaving->then(self, leaving->user);
    free_leaving(leaving);
}

typedef struct Flush {
    MskSession *session;
    MskLeaving *leaving; // to know whether it is still wanted
} Flush;

static void flush(MskSession *self);

static void flushed_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autofree Flush *data = user;
    g_autoptr(MskSession) self = data->session;
    g_autoptr(GError) error = NULL;
    if (!self->leaving || data->leaving != self->leaving)
        return; // it stays after all, or was left otherwise
    if (!msk_store_flush_finish(self->store, result, &error)) {
        msk_session_set_write_problem(self, error->message);
        g_signal_emit_by_name(self, "unwritten", error->message);
    } else if (!msk_store_is_written(self->store)) {
        flush(self); // the model has answered meanwhile
    } else {
        leave(self);
    }
}

static void flush(MskSession *self)
{
    Flush *data = g_new(Flush, 1);
    *data = (Flush){g_object_ref(self), self->leaving};
    msk_store_flush_async(self->store, NULL, flushed_cb, data);
}

void msk_session_leave(MskSession *self, MskSessionLeftFunc then, gpointer user,
                       GDestroyNotify destroy)
{
    msk_session_forget_leaving(self);
    self->leaving = g_new(MskLeaving, 1);
    *self->leaving = (MskLeaving){then, user, destroy, FALSE};
    if (!self->store) {
        leave(self);
        return;
    }
    msk_tracker_stop(self->tracker);
    if (!msk_session_get_busy(self)) {
        self->leaving->is_busy = TRUE;
        msk_session_set_busy(self, _("Writing the last edits…"));
    }
    if (!self->is_moving)
        flush(self);
}

void msk_session_go_on_leaving(MskSession *self, gboolean succeeded)
{
    if (!self->leaving)
        return;
    if (succeeded)
        flush(self);
    else
        msk_session_stay(self);
}

void msk_session_leave_anyway(MskSession *self)
{
    if (self->leaving)
        leave(self);
}

void msk_session_forget_leaving(MskSession *self)
{
    MskLeaving *leaving = g_steal_pointer(&self->leaving);
    if (!leaving)
        return;
    if (leaving->is_busy)
        msk_session_set_busy(self, NULL);
    free_leaving(leaving);
}

void msk_session_stay(MskSession *self)
{
    msk_session_forget_leaving(self);
    msk_session_end_opening(self);
}
