// SPDX-License-Identifier: Apache-2.0
// MskModelHost: the engine and the model that is open in it, shared by all windows.
#include "ui/model_host.h"

#include "app/model_store.h"
#include "ui/settings.h"

struct _MskModelHost {
    GObject parent;
    MskEngine *engine;
    MskModelInfo info;
    char *name, *opening, *problem;
    GCancellable *cancellable; // of the model that is being opened
    guint settings_idle;
};

G_DEFINE_FINAL_TYPE(MskModelHost, msk_model_host, G_TYPE_OBJECT)

enum { PROP_NAME = 1, PROP_OPENING, PROP_PROBLEM, N_PROPS };
static GParamSpec *props[N_PROPS];
static guint changed_signal;

static MskModelHost *default_host; // weak

static void set_string(MskModelHost *self, char **field, const char *value, int prop)
{
    if (g_strcmp0(*field, value) == 0)
        return;
    g_free(*field);
    *field = g_strdup(value);
    g_object_notify_by_pspec(G_OBJECT(self), props[prop]);
}

typedef struct OpenData {
    MskModelHost *host;
    char *name;
    GCancellable *cancellable;
} OpenData;

static void free_open_data(OpenData *data)
{
    g_object_unref(data->host);
    g_object_unref(data->cancellable);
    g_free(data->name);
    g_free(data);
}

static void open_cb(GObject *object, GAsyncResult *result, gpointer user)
{
    OpenData *data = user;
    MskModelHost *self = data->host;
    g_autoptr(GError) error = NULL;
    MskModelInfo info;
    const gboolean opened = msk_engine_open_model_finish(self->engine, result, &info, &error);
    const gboolean is_newest = self->cancellable == data->cancellable;
    if (opened) {
        self->info = info;
        set_string(self, &self->name, data->name, PROP_NAME);
    }
    if (is_newest) {
        g_clear_object(&self->cancellable);
        set_string(self, &self->problem, opened ? NULL : error->message, PROP_PROBLEM);
        set_string(self, &self->opening, NULL, PROP_OPENING);
    }
    if (opened)
        g_signal_emit(self, changed_signal, 0);
    free_open_data(data);
}

static void device_lost_cb(MskEngine *engine, const MskModelInfo *info, MskModelHost *self)
{
    self->info = *info;
    g_signal_emit(self, changed_signal, 0);
}

void msk_model_host_open(MskModelHost *self, const char *wanted)
{
    GSettings *settings = msk_settings_get();
    g_autoptr(GError) error = NULL;
    if (!wanted && (self->name || self->opening))
        return;
    g_autofree char *name = wanted ? g_strdup(wanted) : g_settings_get_string(settings, "model");
    g_autofree char *path = msk_model_store_find(name, &error);
    if (self->cancellable) {
        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
    }
    if (!path) {
        set_string(self, &self->opening, NULL, PROP_OPENING);
        set_string(self, &self->problem, error->message, PROP_PROBLEM);
        return;
    }
    self->cancellable = g_cancellable_new();
    set_string(self, &self->problem, NULL, PROP_PROBLEM);
    set_string(self, &self->opening, name, PROP_OPENING);
    OpenData *data = g_new(OpenData, 1);
    *data = (OpenData){g_object_ref(self), g_strdup(name), g_object_ref(self->cancellable)};
    const MskModelParams params = {
        .path = path,
        .backend = (MskBackend)g_settings_get_enum(settings, "backend"),
        .precision = (MskPrecision)g_settings_get_enum(settings, "precision"),
        .n_threads = g_settings_get_int(settings, "threads"),
    };
    msk_engine_open_model_async(self->engine, &params, self->cancellable, open_cb, data);
}

static gboolean settings_idle(gpointer user)
{
    MskModelHost *self = user;
    self->settings_idle = 0;
    g_autofree char *name = g_settings_get_string(msk_settings_get(), "model");
    msk_model_host_open(self, name);
    return G_SOURCE_REMOVE;
}

static void setting_cb(GSettings *settings, const char *key, MskModelHost *self)
{
    const gboolean is_model = g_str_equal(key, "model") || g_str_equal(key, "backend") ||
                              g_str_equal(key, "precision") || g_str_equal(key, "threads");
    if (is_model && !self->settings_idle)
        self->settings_idle = g_idle_add(settings_idle, self);
}

MskEngine *msk_model_host_get_engine(MskModelHost *self)
{
    return self->engine;
}

const MskModelInfo *msk_model_host_get_info(MskModelHost *self)
{
    return self->name ? &self->info : NULL;
}

const char *msk_model_host_get_name(MskModelHost *self)
{
    return self->name;
}

const char *msk_model_host_get_opening(MskModelHost *self)
{
    return self->opening;
}

const char *msk_model_host_get_problem(MskModelHost *self)
{
    return self->problem;
}

static void get_property(GObject *object, guint prop, GValue *value, GParamSpec *pspec)
{
    MskModelHost *self = MSK_MODEL_HOST(object);
    switch (prop) {
    case PROP_NAME:
        g_value_set_string(value, self->name);
        break;
    case PROP_OPENING:
        g_value_set_string(value, self->opening);
        break;
    case PROP_PROBLEM:
        g_value_set_string(value, self->problem);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, prop, pspec);
    }
}

static void finalize(GObject *object)
{
    MskModelHost *self = MSK_MODEL_HOST(object);
    g_clear_handle_id(&self->settings_idle, g_source_remove);
    msk_engine_close(self->engine);
    g_object_unref(self->engine);
    g_free(self->name);
    g_free(self->opening);
    g_free(self->problem);
    g_clear_object(&self->cancellable);
    G_OBJECT_CLASS(msk_model_host_parent_class)->finalize(object);
}

static void msk_model_host_class_init(MskModelHostClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
    props[PROP_NAME] = g_param_spec_string("name", NULL, NULL, NULL, flags);
    props[PROP_OPENING] = g_param_spec_string("opening", NULL, NULL, NULL, flags);
    props[PROP_PROBLEM] = g_param_spec_string("problem", NULL, NULL, NULL, flags);
    g_object_class_install_properties(object_class, N_PROPS, props);
    changed_signal = g_signal_new("changed", MSK_TYPE_MODEL_HOST, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                  NULL, G_TYPE_NONE, 0);
}

static void msk_model_host_init(MskModelHost *self)
{
    self->engine = msk_engine_new();
    g_signal_connect_object(self->engine, "device-lost", G_CALLBACK(device_lost_cb), self, 0);
    g_signal_connect_object(msk_settings_get(), "changed", G_CALLBACK(setting_cb), self, 0);
}

MskModelHost *msk_model_host_ref_default(void)
{
    if (default_host)
        return g_object_ref(default_host);
    g_set_weak_pointer(&default_host, g_object_new(MSK_TYPE_MODEL_HOST, NULL));
    return default_host;
}
