// SPDX-License-Identifier: Apache-2.0
// MskSession: opening a clip or a project; finding a project's clip again.
//
// A clip: its media is opened and shown first, then its project in the folder of unsaved ones is
// read, or made. A project: it is read first, then its clip is looked for and opened. Everything
// runs on worker threads; what is open stays until the media of the new one is there.
#include "ui/session_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <glib/gstdio.h>
#include <string.h>

#define UNSAVED_TRIES 20 // windows with one clip

void msk_session_pending_free(MskPending *pending)
{
    if (!pending)
        return;
    msk_store_content_free(pending->content);
    g_clear_object(&pending->document);
    msk_store_close_later(pending->store, FALSE);
    msk_media_ref_free(pending->ref);
    g_free(pending->path);
    g_free(pending->problem);
    g_free(pending);
}

// ---- Work --------------------------------------------------------------------------------------

typedef enum Outcome { OUTCOME_FAILED, OUTCOME_OPENED, OUTCOME_MISSING, OUTCOME_DIFFERS } Outcome;

// A piece of opening: what it is given, then what it found.
typedef struct Work {
    char *path;     // of the clip or project
    char *aside;    // a project to be put aside first; or NULL
    gboolean force; // relinking: whatever the content is
    MskPending *pending;
    MskMedia *media;
    char *clip;      // path of the media, or where it was looked for
    char *how;       // in which way it differs
    gboolean usable; // all the same
    Outcome outcome;
    GError *error;
} Work;

static void free_work(gpointer user)
{
    Work *work = user;
    msk_session_pending_free(work->pending);
    g_clear_object(&work->media);
    g_clear_error(&work->error);
    g_free(work->path);
    g_free(work->aside);
    g_free(work->clip);
    g_free(work->how);
    g_free(work);
}

typedef void (*WorkFunc)(Work *work, GCancellable *cancellable);
typedef void (*DoneFunc)(MskSession *session, Work *work);

typedef struct WorkTask {
    Work *work;
    WorkFunc run;
    DoneFunc done;
} WorkTask;

static void free_task_data(gpointer user)
{
    WorkTask *data = user;
    g_clear_pointer(&data->work, free_work);
    g_free(data);
}

static void work_thread(GTask *task, gpointer source, gpointer user, GCancellable *cancellable)
{
    WorkTask *data = user;
    data->run(data->work, cancellable);
    g_task_return_boolean(task, TRUE);
}

static void work_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    MskSession *self = MSK_SESSION(source);
    WorkTask *data = g_task_get_task_data(G_TASK(result));
    g_autoptr(GCancellable) cancellable = g_object_ref(g_task_get_cancellable(G_TASK(result)));
    if (cancellable == self->opening && !g_cancellable_is_cancelled(cancellable))
        data->done(self, data->work);
    // The store of what was overtaken is closed by a thread.
    g_clear_pointer(&data->work, free_work);
}

// For going on with it later.
static Work *take_work(Work *work)
{
    Work *taken = g_memdup2(work, sizeof *work);
    *work = (Work){0};
    return taken;
}

// Takes `work`.
static void run_work(MskSession *self, Work *work, WorkFunc run, DoneFunc done)
{
    WorkTask *data = g_new(WorkTask, 1);
    *data = (WorkTask){work, run, done};
    g_autoptr(GTask) task = g_task_new(self, self->opening, work_cb, NULL);
    g_task_set_task_data(task, data, free_task_data);
    g_task_run_in_thread(task, work_thread);
}

static void begin(MskSession *self)
{
    msk_session_forget_leaving(self);
    if (self->opening)
        g_cancellable_cancel(self->opening);
    g_clear_object(&self->opening);
    self->opening = g_cancellable_new();
}

void msk_session_end_opening(MskSession *self)
{
    g_clear_object(&self->opening);
    msk_session_set_busy(self, NULL);
}

static void fail(MskSession *self, const char *path, const GError *error)
{
    g_autofree char *name = g_filename_display_basename(path);
    g_autofree char *title = g_strdup_printf(_("“%s” Could Not Be Opened"), name);
    const char *hint = "";
    if (g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_IN_USE))
        hint = _("Close it in the other window or program and open it again.");
    else if (g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_NEWER))
        hint = _("Update Masklet to open it. The file was not changed.");
    msk_session_end_opening(self);
    msk_session_error(self, title, "%s%s%s", error->message, *hint ? "\n\n" : "", hint);
}

// ---- A clip ------------------------------------------------------------------------------------

// Whether a file beside has these digits' place filled up with zeros.
static gboolean is_padded(const char *folder, const char *prefix, int n_digits, const char *suffix)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const size_t n_prefix = strlen(prefix);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)))
        if (strlen(name) == n_prefix + (size_t)n_digits + strlen(suffix) &&
            g_str_has_prefix(name, prefix) && g_str_has_suffix(name, suffix) &&
            name[n_prefix] == '0')
            return TRUE;
    return FALSE;
}

// One image of a numbered sequence stands for all of it: "shot.0012.png" is "shot.%04d.png".
static char *dup_pattern(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
    const char *dot = strrchr(name, '.');
    if (!dot || strchr(name, '%'))
        return NULL;
    const char *end = dot;
    while (end > name && !g_ascii_isdigit(end[-1]))
        end--;
    const char *start = end;
    while (start > name && g_ascii_isdigit(start[-1]))
        start--;
    const int n_digits = (int)(end - start);
    if (n_digits == 0 || n_digits > 9) // what patterns can say
        return NULL;
    g_autofree char *prefix = g_strndup(name, (gsize)(start - name));
    g_autofree char *number = is_padded(folder, prefix, n_digits, end)
                                  ? g_strdup_printf("%%0%dd", n_digits)
                                  : g_strdup("%d");
    g_autofree char *pattern = g_strconcat(prefix, number, end, NULL);
    return g_build_filename(folder, pattern, NULL);
}

static gboolean is_image(const char *path)
{
    g_autofree char *type = g_content_type_guess(path, NULL, 0, NULL);
    g_autofree char *mime = type ? g_content_type_get_mime_type(type) : NULL;
    return mime && g_str_has_prefix(mime, "image/");
}

// Opens a file, a folder, or the sequence that an image belongs to. *used: what was opened.
static MskMedia *open_media(const char *path, char **used, GCancellable *cancellable,
                            GError **error)
{
    g_autofree char *pattern = is_image(path) ? dup_pattern(path) : NULL;
    if (pattern && g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        MskMedia *media = msk_media_open(pattern, NULL, cancellable, NULL);
        if (media && msk_media_estimate_n_frames(media) > 1) {
            *used = g_steal_pointer(&pattern);
            return media;
        }
        g_clear_object(&media);
    }
    *used = g_strdup(path);
    return msk_media_open(path, NULL, cancellable, error);
}

// It stays among the unsaved ones under a name that no clip leads to.
static void put_aside(const char *path)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%Y%m%d-%H%M%S");
    g_autofree char *stem = g_strndup(path, strlen(path) - strlen(".masklet"));
    g_autofree char *aside = g_strdup_printf("%s-aside-%s.masklet", stem, time);
    msk_store_wait_closed();
    g_rename(path, aside);
}

static void open_clip_thread(Work *work, GCancellable *cancellable)
{
    if (work->aside)
        put_aside(work->aside);
    work->media = open_media(work->path, &work->clip, cancellable, &work->error);
}

// A project of its own in the folder of unsaved ones, named by what the clip is.
static char *dup_unsaved_path(const char *name, const char *key, int number)
{
    g_autofree char *folder = msk_store_dup_unsaved_folder();
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, -1);
    g_autofree char *file = number == 1 ? g_strdup_printf("%s-%.16s.masklet", name, sum)
                                        : g_strdup_printf("%s-%.16s-%d.masklet", name, sum, number);
    return g_build_filename(folder, file, NULL);
}

// Of what was read and the clip that goes with it. It takes a while on long clips, and the main
// thread has nothing left to do.
static void make_document(Work *work)
{
    MskPending *pending = work->pending;
    MskMediaInfo info;
    const int64_t exact = msk_media_get_n_frames(work->media);
    msk_media_get_info(work->media, &info);
    if (pending->content && !pending->document)
        pending->document = msk_store_content_make_document(
            pending->content, info.width, info.height,
            exact >= 0 ? exact : msk_media_estimate_n_frames(work->media));
}

// Opens the project or makes it; puts a damaged one aside.
static gboolean open_unsaved(MskPending *pending, GError **error)
{
    g_autoptr(GError) inner = NULL;
    g_autofree char *folder = g_path_get_dirname(pending->path);
    g_mkdir_with_parents(folder, 0700);
    pending->store = msk_store_open(pending->path, 0, &inner);
    // It may be there no longer when a window that is being left has closed it.
    if (!pending->store && g_file_test(pending->path, G_FILE_TEST_EXISTS)) {
        if (!g_error_matches(inner, MSK_STORE_ERROR, MSK_STORE_ERROR_NOT_PROJECT)) {
            g_propagate_error(error, g_steal_pointer(&inner));
            return FALSE;
        }
        g_autofree char *aside = g_strconcat(pending->path, ".damaged", NULL);
        g_rename(pending->path, aside);
    }
    pending->is_new = !pending->store;
    if (!pending->store)
        pending->store = msk_store_create(pending->path, pending->ref, FALSE, error);
    else
        pending->content = msk_store_read(pending->store, error);
    return pending->store && (pending->is_new || pending->content);
}

static void unsaved_project_thread(Work *work, GCancellable *cancellable)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_path_get_basename(work->clip);
    MskPending *pending = work->pending = g_new0(MskPending, 1);
    pending->is_unsaved = TRUE;
    pending->ref = g_new0(MskMediaRef, 1);
    gboolean opened = msk_media_ref_init(pending->ref, work->clip, &error);
    if (opened) {
        MskMediaInfo info;
        msk_media_get_info(work->media, &info);
        pending->ref->width = info.width;
        pending->ref->height = info.height;
        pending->ref->n_frames = msk_media_get_n_frames(work->media);
        // The first one that no other window has open.
        for (int i = 1; i <= UNSAVED_TRIES; i++) {
            g_clear_error(&error);
            g_free(pending->path);
            pending->path = dup_unsaved_path(name, pending->ref->hash, i);
            opened = open_unsaved(pending, &error);
            if (opened || !(g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_IN_USE) ||
                            g_error_matches(error, MSK_STORE_ERROR, MSK_STORE_ERROR_NEWER)))
                break;
        }
    }
    if (!opened) {
        g_clear_pointer(&pending->store, msk_store_close);
        pending->problem = g_strdup(error->message);
    }
    make_document(work);
}

static void project_done(MskSession *self, Work *work)
{
    MskPending *pending = work->pending;
    msk_session_end_opening(self);
    msk_session_attach_document(self, pending);
    if (pending->problem)
        msk_session_set_write_problem(self, pending->problem);
    const char *warning = pending->content ? msk_store_content_get_warning(pending->content) : NULL;
    if (warning)
        msk_session_error(self, _("Parts of the Project Could Not Be Read"),
                          _("Everything else is here.\n\n%s"), warning);
    msk_session_emit(self, "opened");
    if (self->is_unsaved && !pending->is_new && !pending->is_chosen &&
        msk_document_get_n_objects(self->document) > 0)
        msk_session_emit(self, "earlier-work");
}

static void attach_clip(MskSession *self, gpointer user)
{
    Work *work = user;
    g_autoptr(GFile) clip = g_file_new_for_path(work->clip);
    g_autofree char *name = g_filename_display_basename(work->path);
    self->file = g_file_new_for_path(work->path);
    msk_session_set_title(self, name);
    msk_session_attach_media(self, clip, work->media);
    Work *next = g_new0(Work, 1);
    next->path = g_steal_pointer(&work->path);
    next->clip = g_steal_pointer(&work->clip);
    next->media = g_steal_pointer(&work->media);
    run_work(self, next, unsaved_project_thread, project_done);
}

static void clip_done(MskSession *self, Work *work)
{
    if (work->media)
        msk_session_leave(self, attach_clip, take_work(work), free_work);
    else
        fail(self, work->path, work->error);
}

// ---- A project ---------------------------------------------------------------------------------

// A project that cannot be written is worked on in a copy among the unsaved ones.
static gboolean open_copy(MskPending *pending, GError **error)
{
    g_autofree char *original = g_canonicalize_filename(pending->path, NULL);
    g_autofree char *name = g_path_get_basename(original);
    g_autofree char *folder = msk_store_dup_unsaved_folder();
    g_autofree char *stem = g_strndup(name, strlen(name) - strlen(".masklet"));
    // Of the project as it is: where another one was put in its place, that one is seen.
    GStatBuf status = {0};
    g_stat(original, &status);
    g_autofree char *key = g_strdup_printf("%s %" PRId64 " %" PRId64, original,
                                           (int64_t)status.st_size, (int64_t)status.st_mtime);
    g_autofree char *copy = dup_unsaved_path(stem, key, 1);
    g_mkdir_with_parents(folder, 0700);
    MskStore *store = msk_store_open(original, MSK_STORE_READ_ONLY, error);
    if (!store)
        return FALSE;
    // As seen from where the project is, not from its copy.
    pending->ref = msk_media_ref_copy(msk_store_get_media(store));
    pending->is_new = !g_file_test(copy, G_FILE_TEST_EXISTS);
    const gboolean is_there = !pending->is_new || msk_store_copy(store, copy, TRUE, error);
    msk_store_close(store);
    if (!is_there)
        return FALSE;
    pending->store = msk_store_open(copy, 0, error);
    pending->read_only = pending->is_unsaved = TRUE;
    return pending->store != NULL;
}

static MskPending *read_project(const char *path, GError **error)
{
    g_autoptr(GError) inner = NULL;
    g_autoptr(MskPending) pending = g_new0(MskPending, 1);
    pending->path = g_strdup(path);
    pending->is_unsaved = pending->is_chosen = msk_store_is_unsaved_path(path);
    pending->store = msk_store_open(path, 0, &inner);
    if (!pending->store) {
        if (!g_error_matches(inner, MSK_STORE_ERROR, MSK_STORE_ERROR_READ_ONLY)) {
            g_propagate_error(error, g_steal_pointer(&inner));
            return NULL;
        }
        if (!open_copy(pending, error))
            return NULL;
    }
    pending->content = msk_store_read(pending->store, error);
    if (!pending->content)
        return NULL;
    if (!pending->ref)
        pending->ref = msk_media_ref_copy(msk_store_get_media(pending->store));
    return g_steal_pointer(&pending);
}

// What is different about a clip that is not the project's; NULL: nothing that matters here.
static char *dup_difference(const MskMediaRef *ref, MskMedia *media, gboolean *usable,
                            GCancellable *cancellable)
{
    MskMediaInfo info;
    msk_media_get_info(media, &info);
    *usable = FALSE;
    if (info.width != ref->width || info.height != ref->height)
        return g_strdup_printf(_("It is %d × %d pixels; the project was made with %d × %d."),
                               info.width, info.height, ref->width, ref->height);
    if (ref->n_frames >= 0) {
        g_autoptr(GError) error = NULL;
        if (!msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, cancellable, &error))
            return g_strdup(error->message);
        const int64_t n = msk_media_get_n_frames(media);
        if (n != ref->n_frames)
            return g_strdup_printf(
                _("It has %" PRId64 " frames; the project was made with %" PRId64 "."), n,
                ref->n_frames);
    }
    *usable = TRUE;
    return g_strdup(_("Size and number of frames are the same, the content is another."));
}

// Looks into `path` as the project's clip.
static void try_clip(Work *work, const char *path, GCancellable *cancellable)
{
    MskPending *pending = work->pending;
    g_autoptr(MskMediaRef) found = g_new0(MskMediaRef, 1);
    g_clear_error(&work->error);
    g_clear_object(&work->media);
    g_clear_pointer(&work->how, g_free);
    g_clear_pointer(&work->clip, g_free);
    work->outcome = OUTCOME_FAILED;
    work->media = open_media(path, &work->clip, cancellable, &work->error);
    if (!work->media || !msk_media_ref_init(found, work->clip, &work->error))
        return;
    if (msk_media_ref_matches(found, pending->ref)) {
        work->outcome = OUTCOME_OPENED;
    } else {
        work->how = dup_difference(pending->ref, work->media, &work->usable, cancellable);
        work->outcome = work->force && work->usable ? OUTCOME_OPENED : OUTCOME_DIFFERS;
    }
    if (work->outcome == OUTCOME_OPENED) {
        found->width = pending->ref->width;
        found->height = pending->ref->height;
        found->n_frames = pending->ref->n_frames;
        pending->is_relinked = work->force || g_strcmp0(found->path, pending->ref->path) != 0;
        msk_media_ref_free(pending->ref);
        pending->ref = g_steal_pointer(&found);
        make_document(work);
    }
}

// Beside the project as it was, then where it was.
static void find_clip(Work *work, GCancellable *cancellable)
{
    MskPending *pending = work->pending;
    g_autofree char *folder = g_path_get_dirname(pending->path);
    g_autofree char *beside = pending->ref->relative_path
                                  ? g_canonicalize_filename(pending->ref->relative_path, folder)
                                  : NULL;
    g_autofree char *absolute = g_strdup(pending->ref->path);
    const char *const places[] = {beside, absolute};
    g_autofree char *differing = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        if (!places[i] || (i == 1 && g_strcmp0(beside, absolute) == 0))
            continue;
        try_clip(work, places[i], cancellable);
        if (work->outcome == OUTCOME_OPENED)
            return;
        if (work->outcome == OUTCOME_DIFFERS && !differing)
            differing = g_strdup(places[i]);
    }
    if (differing) {
        if (work->outcome != OUTCOME_DIFFERS)
            try_clip(work, differing, cancellable);
        return;
    }
    g_free(work->clip);
    work->clip = g_steal_pointer(&absolute);
    work->outcome = OUTCOME_MISSING;
}

static void open_project_thread(Work *work, GCancellable *cancellable)
{
    if (work->aside)
        put_aside(work->aside);
    work->pending = read_project(work->path, &work->error);
    if (work->pending)
        find_clip(work, cancellable);
}

static void relink_thread(Work *work, GCancellable *cancellable)
{
    try_clip(work, work->path, cancellable);
}

static void attach_project(MskSession *self, gpointer user)
{
    Work *work = user;
    MskPending *pending = work->pending;
    // One that has no name of the user's goes by that of its clip.
    const gboolean is_named = !pending->is_unsaved || pending->read_only;
    const char *path = is_named ? pending->path : work->clip;
    g_autofree char *name = g_filename_display_basename(path);
    if (g_str_has_suffix(name, ".masklet"))
        name[strlen(name) - strlen(".masklet")] = '\0';
    g_autoptr(GFile) clip = g_file_new_for_path(work->clip);
    self->file = g_file_new_for_path(path);
    msk_session_set_title(self, name);
    if (pending->is_relinked)
        msk_store_set_media(pending->store, pending->ref);
    msk_session_attach_media(self, clip, work->media);
    project_done(self, work);
}

static void project_read(MskSession *self, Work *work)
{
    if (!work->pending) {
        fail(self, work->path, work->error);
        return;
    }
    if (work->outcome == OUTCOME_OPENED) {
        msk_session_leave(self, attach_project, take_work(work), free_work);
        return;
    }
    if (work->outcome == OUTCOME_FAILED) { // while relinking: the window asks for another file
        msk_session_toast(self, "%s", work->error->message);
        work->outcome = OUTCOME_MISSING;
    }
    g_clear_pointer(&self->pending, msk_session_pending_free);
    self->pending = g_steal_pointer(&work->pending);
    msk_session_set_busy(self, NULL);
    if (work->outcome == OUTCOME_MISSING)
        g_signal_emit_by_name(self, "media-missing", work->clip);
    else
        g_signal_emit_by_name(self, "media-differs", work->clip, work->how, work->usable);
}

// ---- Public ------------------------------------------------------------------------------------

// Takes `work`.
static void open_path(MskSession *self, Work *work)
{
    g_autofree char *name = g_filename_display_basename(work->path);
    g_autofree char *what = g_strdup_printf(_("Opening “%s”…"), name);
    begin(self);
    g_clear_pointer(&self->pending, msk_session_pending_free);
    msk_session_set_busy(self, what);
    if (g_str_has_suffix(work->path, ".masklet"))
        run_work(self, work, open_project_thread, project_read);
    else
        run_work(self, work, open_clip_thread, clip_done);
}

void msk_session_open(MskSession *self, GFile *file)
{
    g_autofree char *path = g_file_get_path(file);
    if (!path) {
        g_autofree char *uri = g_file_get_uri(file);
        msk_session_error(self, _("Only Files on This Computer Can Be Opened"), "%s", uri);
        return;
    }
    if ((self->file && g_file_equal(file, self->file)) ||
        (self->clip && self->is_unsaved && g_file_equal(file, self->clip)))
        return;
    Work *work = g_new0(Work, 1);
    work->path = g_steal_pointer(&path);
    open_path(self, work);
}

void msk_session_relink(MskSession *self, GFile *file, gboolean force)
{
    if (!self->pending)
        return;
    if (!file) {
        g_clear_pointer(&self->pending, msk_session_pending_free);
        msk_session_end_opening(self);
        return;
    }
    begin(self);
    Work *work = g_new0(Work, 1);
    work->path = g_file_get_path(file);
    work->force = force;
    work->pending = g_steal_pointer(&self->pending);
    g_autofree char *name = g_filename_display_basename(work->path);
    g_autofree char *what = g_strdup_printf(_("Looking into “%s”…"), name);
    msk_session_set_busy(self, what);
    run_work(self, work, relink_thread, project_read);
}

static void open_afresh(MskSession *self, gpointer user)
{
    open_path(self, take_work(user));
}

void msk_session_start_afresh(MskSession *self)
{
    if (!self->is_unsaved || !self->store)
        return;
    Work *work = g_new0(Work, 1);
    work->path = g_file_get_path(self->file);
    work->aside = g_strdup(msk_store_get_path(self->store));
    msk_session_leave(self, open_afresh, work, free_work);
}

void msk_session_close(MskSession *self)
{
    msk_session_forget_leaving(self);
    if (self->opening)
        g_cancellable_cancel(self->opening);
    msk_session_end_opening(self);
    g_clear_pointer(&self->pending, msk_session_pending_free);
    msk_session_detach(self);
}
