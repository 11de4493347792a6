// SPDX-License-Identifier: Apache-2.0
// The list of long work and its queue.
#include "app/jobs.h"

#include <glib/gi18n.h>

// ---- Item --------------------------------------------------------------------------------------

struct _MskJobItem {
    GObject parent;
    guint number;
    char *title, *detail, *message;
    MskJob *job;
    MskJobState state;
    char **paths;
    // Of queued work, until it ends.
    MskJobFunc func;
    gpointer user;
    GDestroyNotify destroy;
};

G_DEFINE_FINAL_TYPE(MskJobItem, msk_job_item, G_TYPE_OBJECT)

enum { ITEM_0, ITEM_TITLE, ITEM_DETAIL, ITEM_STATE, ITEM_MESSAGE, ITEM_N_PROPERTIES };
static GParamSpec *item_properties[ITEM_N_PROPERTIES];

GType msk_job_state_get_type(void)
{
    static GType type;
    if (g_once_init_enter(&type)) {
        static const GEnumValue values[] = {
            {MSK_JOB_QUEUED, "MSK_JOB_QUEUED", "queued"},
            {MSK_JOB_RUNNING, "MSK_JOB_RUNNING", "running"},
            {MSK_JOB_DONE, "MSK_JOB_DONE", "done"},
            {MSK_JOB_STOPPED, "MSK_JOB_STOPPED", "stopped"},
            {MSK_JOB_FAILED, "MSK_JOB_FAILED", "failed"},
            {0, NULL, NULL},
        };
        g_once_init_leave(&type, g_enum_register_static("MskJobState", values));
    }
    return type;
}

static void get_item_property_cb(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    MskJobItem *item = MSK_JOB_ITEM(object);
    switch (id) {
    case ITEM_TITLE:
        g_value_set_string(value, item->title);
        break;
    case ITEM_DETAIL:
        g_value_set_string(value, item->detail);
        break;
    case ITEM_STATE:
        g_value_set_enum(value, (int)item->state);
        break;
    case ITEM_MESSAGE:
        g_value_set_string(value, item->message);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void drop_work(MskJobItem *item)
{
    GDestroyNotify destroy = g_steal_pointer(&item->destroy);
    gpointer user = g_steal_pointer(&item->user);
    item->func = NULL;
    if (destroy)
        destroy(user);
}

static void finalize_item_cb(GObject *object)
{
    MskJobItem *item = MSK_JOB_ITEM(object);
    drop_work(item);
    g_free(item->title);
    g_free(item->detail);
    g_free(item->message);
    g_strfreev(item->paths);
    msk_job_unref(item->job);
    G_OBJECT_CLASS(msk_job_item_parent_class)->finalize(object);
}

static void msk_job_item_class_init(MskJobItemClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS(class);
    object->finalize = finalize_item_cb;
    object->get_property = get_item_property_cb;
    GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
    item_properties[ITEM_TITLE] = g_param_spec_string("title", NULL, NULL, NULL, flags);
    item_properties[ITEM_DETAIL] = g_param_spec_string("detail", NULL, NULL, NULL, flags);
    item_properties[ITEM_STATE] =
        g_param_spec_enum("state", NULL, NULL, MSK_TYPE_JOB_STATE, MSK_JOB_QUEUED, flags);
    item_properties[ITEM_MESSAGE] = g_param_spec_string("message", NULL, NULL, NULL, flags);
    g_object_class_install_properties(object, ITEM_N_PROPERTIES, item_properties);
}

static void msk_job_item_init(MskJobItem *item)
{
}

static MskJobItem *make_item(const char *title, const char *detail, MskJob *job, MskJobState state)
{
    MskJobItem *item = g_object_new(MSK_TYPE_JOB_ITEM, NULL);
    item->title = g_strdup(title);
    item->detail = g_strdup(detail);
    item->job = job ? msk_job_ref(job) : msk_job_new();
    item->state = state;
    return item;
}

const char *msk_job_item_get_title(MskJobItem *item)
{
    return item->title;
}

const char *msk_job_item_get_detail(MskJobItem *item)
{
    return item->detail;
}

guint msk_job_item_get_number(MskJobItem *item)
{
    return item->number;
}

MskJob *msk_job_item_get_job(MskJobItem *item)
{
    return item->job;
}

MskJobState msk_job_item_get_state(MskJobItem *item)
{
    return item->state;
}

gboolean msk_job_item_is_active(MskJobItem *item)
{
    return item->state == MSK_JOB_QUEUED || item->state == MSK_JOB_RUNNING;
}

const char *msk_job_item_get_message(MskJobItem *item)
{
    return item->message;
}

const char *const *msk_job_item_get_paths(MskJobItem *item)
{
    return (const char *const *)item->paths;
}

// ---- List --------------------------------------------------------------------------------------

// Work on its thread. The main thread makes it, joins the thread and reads what came out.
typedef struct Run {
    MskJobs *jobs;
    MskJobItem *item;
    MskJob *job;
    MskJobFunc func;
    gpointer user;
    GThread *thread;
    GSource *ended; // attached by the thread as its last act
    GMainContext *context;
    gboolean ok;
    char **paths;
    GError *error;
} Run;

struct _MskJobs {
    GObject parent;
    GPtrArray *items;
    GMainContext *context;
    Run *run; // of the queue; NULL: nothing runs
    guint n_active, n_added;
    gboolean is_closed;
};

static void init_list_model(GListModelInterface *interface);
G_DEFINE_FINAL_TYPE_WITH_CODE(MskJobs, msk_jobs, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, init_list_model))

enum { JOBS_0, JOBS_N_ACTIVE, JOBS_N_PROPERTIES };
static GParamSpec *jobs_properties[JOBS_N_PROPERTIES];
static guint ended_signal;

static GType get_item_type_cb(GListModel *model)
{
    return MSK_TYPE_JOB_ITEM;
}

static guint get_n_items_cb(GListModel *model)
{
    return MSK_JOBS(model)->items->len;
}

static gpointer get_item_cb(GListModel *model, guint index)
{
    MskJobs *jobs = MSK_JOBS(model);
    return index < jobs->items->len ? g_object_ref(jobs->items->pdata[index]) : NULL;
}

static void init_list_model(GListModelInterface *interface)
{
    interface->get_item_type = get_item_type_cb;
    interface->get_n_items = get_n_items_cb;
    interface->get_item = get_item_cb;
}

static void change_n_active(MskJobs *jobs, int by)
{
    jobs->n_active = (guint)((int)jobs->n_active + by);
    g_object_notify_by_pspec(G_OBJECT(jobs), jobs_properties[JOBS_N_ACTIVE]);
}

static void set_state(MskJobItem *item, MskJobState state)
{
    item->state = state;
    g_object_notify_by_pspec(G_OBJECT(item), item_properties[ITEM_STATE]);
}

// The item has ended; it may have left the list while a handler of "ended" runs.
static void end_item(MskJobs *jobs, MskJobItem *item, char **paths, const GError *error)
{
    if (!msk_job_item_is_active(item)) {
        g_strfreev(paths);
        return;
    }
    g_autoptr(MskJobItem) keep = g_object_ref(item);
    g_strfreev(item->paths);
    item->paths = paths && paths[0] ? paths : NULL;
    if (paths && !paths[0])
        g_strfreev(paths);
    drop_work(item);
    MskJobState state = MSK_JOB_DONE;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        state = MSK_JOB_STOPPED;
    } else if (error) {
        state = MSK_JOB_FAILED;
        item->message = g_strdup(error->message);
        g_object_notify_by_pspec(G_OBJECT(item), item_properties[ITEM_MESSAGE]);
    }
    set_state(item, state);
    change_n_active(jobs, -1);
    g_signal_emit(jobs, ended_signal, 0, item);
}

static void stop_waiting(MskJobs *jobs, MskJobItem *item)
{
    g_autoptr(GError) error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, _("Stopped"));
    end_item(jobs, item, NULL, error);
}

// ---- Queue -------------------------------------------------------------------------------------

static void run_next(MskJobs *jobs);

// Joins the thread, which has nothing left to do but attach its source, or is waited for.
static void end_run(MskJobs *jobs)
{
    Run *run = g_steal_pointer(&jobs->run);
    g_thread_join(run->thread);
    g_source_destroy(run->ended);
    g_source_unref(run->ended);
    g_autoptr(GError) error = run->error;
    if (!run->ok && !error)
        error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, _("It failed without a reason"));
    end_item(jobs, run->item, g_steal_pointer(&run->paths), run->ok ? NULL : error);
    g_object_unref(run->item);
    g_main_context_unref(run->context);
    g_free(run);
}

static gboolean ended_idle(gpointer data)
{
    MskJobs *jobs = g_object_ref(((Run *)data)->jobs);
    end_run(jobs);
    run_next(jobs);
    g_object_unref(jobs);
    return G_SOURCE_REMOVE;
}

static gpointer job_thread(gpointer data)
{
    Run *run = data;
    run->ok = run->func(run->job, &run->paths, &run->error, run->user);
    g_source_attach(run->ended, run->context);
    return NULL;
}

static void run_next(MskJobs *jobs)
{
    MskJobItem *item = NULL;
    for (guint i = 0; i < jobs->items->len && !item; i++) {
        MskJobItem *other = jobs->items->pdata[i];
        if (other->state == MSK_JOB_QUEUED)
            item = other;
    }
    if (!item || jobs->run || jobs->is_closed)
        return;
    Run *run = g_new0(Run, 1);
    run->jobs = jobs;
    run->item = g_object_ref(item);
    run->job = item->job;
    run->func = item->func;
    run->user = item->user;
    run->context = g_main_context_ref(jobs->context);
    run->ended = g_idle_source_new();
    g_source_set_priority(run->ended, G_PRIORITY_DEFAULT);
    g_source_set_callback(run->ended, ended_idle, run, NULL);
    jobs->run = run;
    set_state(item, MSK_JOB_RUNNING);
    run->thread = g_thread_new("job", job_thread, run);
}

static MskJobItem *append(MskJobs *jobs, MskJobItem *item)
{
    item->number = jobs->n_added++;
    g_ptr_array_add(jobs->items, item);
    change_n_active(jobs, 1);
    g_list_model_items_changed(G_LIST_MODEL(jobs), jobs->items->len - 1, 0, 1);
    return item;
}

MskJobItem *msk_jobs_add(MskJobs *jobs, const char *title, const char *detail, MskJobFunc func,
                         gpointer user, GDestroyNotify destroy)
{
    MskJobItem *item = make_item(title, detail, NULL, MSK_JOB_QUEUED);
    item->func = func;
    item->user = user;
    item->destroy = destroy;
    append(jobs, item);
    if (jobs->is_closed)
        stop_waiting(jobs, item);
    else
        run_next(jobs);
    return item;
}

MskJobItem *msk_jobs_add_running(MskJobs *jobs, const char *title, const char *detail, MskJob *job)
{
    return append(jobs, make_item(title, detail, job, MSK_JOB_RUNNING));
}

void msk_jobs_end(MskJobs *jobs, MskJobItem *item, const char *const *paths, const GError *error)
{
    g_return_if_fail(!jobs->run || jobs->run->item != item);
    end_item(jobs, item, g_strdupv((char **)paths), error);
}

void msk_jobs_cancel(MskJobs *jobs, MskJobItem *item)
{
    if (!msk_job_item_is_active(item))
        return;
    msk_job_cancel(item->job);
    if (item->state == MSK_JOB_QUEUED)
        stop_waiting(jobs, item);
}

gboolean msk_jobs_remove(MskJobs *jobs, MskJobItem *item)
{
    guint index;
    if (msk_job_item_is_active(item) || !g_ptr_array_find(jobs->items, item, &index))
        return FALSE;
    g_ptr_array_remove_index(jobs->items, index);
    g_list_model_items_changed(G_LIST_MODEL(jobs), index, 1, 0);
    return TRUE;
}

void msk_jobs_clear_ended(MskJobs *jobs)
{
    for (guint i = jobs->items->len; i > 0; i--)
        msk_jobs_remove(jobs, jobs->items->pdata[i - 1]);
}

guint msk_jobs_get_n_active(MskJobs *jobs)
{
    return jobs->n_active;
}

double msk_jobs_get_fraction(MskJobs *jobs)
{
    double sum = 0;
    gboolean known = FALSE;
    for (guint i = 0; i < jobs->items->len; i++) {
        MskJobItem *item = jobs->items->pdata[i];
        if (item->state != MSK_JOB_RUNNING)
            continue;
        MskProgress progress;
        msk_job_get_progress(item->job, &progress);
        sum += progress.fraction;
        known |= progress.total > 0;
    }
    return known ? sum / jobs->n_active : -1;
}

// ---- Object ------------------------------------------------------------------------------------

void msk_jobs_close(MskJobs *jobs)
{
    jobs->is_closed = TRUE;
    g_autoptr(GPtrArray) items =
        g_ptr_array_copy(jobs->items, (GCopyFunc)(void *)g_object_ref, NULL);
    g_ptr_array_set_free_func(items, g_object_unref);
    for (guint i = 0; i < items->len; i++)
        msk_jobs_cancel(jobs, items->pdata[i]);
    if (jobs->run)
        end_run(jobs);
}

static void get_jobs_property_cb(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    if (id == JOBS_N_ACTIVE)
        g_value_set_uint(value, MSK_JOBS(object)->n_active);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void dispose_jobs_cb(GObject *object)
{
    msk_jobs_close(MSK_JOBS(object));
    G_OBJECT_CLASS(msk_jobs_parent_class)->dispose(object);
}

static void finalize_jobs_cb(GObject *object)
{
    MskJobs *jobs = MSK_JOBS(object);
    g_ptr_array_unref(jobs->items);
    g_main_context_unref(jobs->context);
    G_OBJECT_CLASS(msk_jobs_parent_class)->finalize(object);
}

static void msk_jobs_class_init(MskJobsClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS(class);
    object->dispose = dispose_jobs_cb;
    object->finalize = finalize_jobs_cb;
    object->get_property = get_jobs_property_cb;
    jobs_properties[JOBS_N_ACTIVE] =
        g_param_spec_uint("n-active", NULL, NULL, 0, G_MAXUINT, 0,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties(object, JOBS_N_PROPERTIES, jobs_properties);
    ended_signal = g_signal_new("ended", MSK_TYPE_JOBS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 1, MSK_TYPE_JOB_ITEM);
}

static void msk_jobs_init(MskJobs *jobs)
{
    jobs->items = g_ptr_array_new_with_free_func(g_object_unref);
    jobs->context = g_main_context_ref_thread_default();
}

MskJobs *msk_jobs_new(void)
{
    return g_object_new(MSK_TYPE_JOBS, NULL);
}

MskJobs *msk_jobs_get_default(void)
{
    static MskJobs *jobs;
    if (!jobs) {
        jobs = msk_jobs_new();
        g_object_add_weak_pointer(G_OBJECT(jobs), (gpointer *)&jobs);
    }
    return jobs;
}
