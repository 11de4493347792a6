// SPDX-License-Identifier: Apache-2.0
// MskSession: properties, the playhead and its picture, selection, tools, messages.
#include "ui/session_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#include "ui/settings.h"

G_DEFINE_FINAL_TYPE(MskSession, msk_session, G_TYPE_OBJECT)

static GParamSpec *props[MSK_SESSION_N_PROPS];
static guint frame_ready_signal, toast_signal, error_signal;

static size_t get_cache_budget(void)
{
    return (size_t)g_settings_get_int(msk_settings_get(), "frame-cache-mb") << 20;
}

static void cache_setting_cb(GSettings *settings, const char *key, MskFrameCache *cache)
{
    msk_frame_cache_set_budget(cache, get_cache_budget());
}

MskFrameCache *msk_session_get_frame_cache(void)
{
    // Lives as long as the process: the engine's thread may read through it to the end.
    static MskFrameCache *cache;
    if (!cache) {
        cache = msk_frame_cache_new(get_cache_budget());
        g_signal_connect(msk_settings_get(), "changed::frame-cache-mb",
                         G_CALLBACK(cache_setting_cb), cache);
    }
    return cache;
}

void msk_session_notify(MskSession *self, MskSessionProp prop)
{
    g_object_notify_by_pspec(G_OBJECT(self), props[prop]);
}

void msk_session_emit(MskSession *self, const char *signal)
{
    g_signal_emit_by_name(self, signal);
}

static void set_string(MskSession *self, char **field, const char *value, MskSessionProp prop)
{
    if (g_strcmp0(*field, value) == 0)
        return;
    char *old = *field;
    *field = g_strdup(value);
    g_free(old);
    msk_session_notify(self, prop);
}

void msk_session_set_busy(MskSession *self, const char *what)
{
    set_string(self, &self->busy, what, MSK_SESSION_BUSY);
}

void msk_session_set_title(MskSession *self, const char *title)
{
    set_string(self, &self->title, title, MSK_SESSION_TITLE);
}

void msk_session_set_write_problem(MskSession *self, const char *problem)
{
    set_string(self, &self->write_problem, problem, MSK_SESSION_WRITE_PROBLEM);
}

// ---- The playhead ------------------------------------------------------------------------------

static void show_picture(MskSession *self, int64_t n, MskFrame *frame)
{
    MskFrame *old = self->picture;
    self->picture = msk_frame_ref(frame);
    self->picture_frame = n;
    g_clear_pointer(&old, msk_frame_unref);
    g_signal_emit(self, frame_ready_signal, 0, (gint64)n);
}

static void picture_cb(int64_t n, MskFrame *frame, const GError *error, gpointer user)
{
    MskSession *self = user;
    if (frame) {
        // A late answer is better than an old picture, but not than the right one.
        if (n == self->frame || self->picture_frame != self->frame)
            show_picture(self, n, frame);
        return;
    }
    // The end of a clip that is not counted yet, and frames told of before, are no news.
    if (g_error_matches(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_RANGE) ||
        g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || n == self->failed_frame)
        return;
    self->failed_frame = n;
    msk_session_toast(self, _("Frame %" PRId64 " cannot be shown: %s"), n, error->message);
}

// Within the range if the playhead is in it: playing goes round there.
static void read_ahead(MskSession *self)
{
    int64_t first, last;
    msk_session_get_range(self, &first, &last);
    if (self->frame < first || self->frame > last) {
        first = 0;
        last = MAX(self->n_frames - 1, 0);
    }
    msk_loader_set_ahead(self->loader, self->frame, self->step, first, last);
}

void msk_session_request_picture(MskSession *self)
{
    if (!self->loader)
        return;
    g_autoptr(MskFrame) frame = msk_loader_peek(self->loader, self->frame);
    if (frame)
        show_picture(self, self->frame, frame);
    else
        msk_loader_request(self->loader, self->frame, picture_cb, self);
    read_ahead(self);
}

void msk_session_drop_picture(MskSession *self)
{
    g_clear_pointer(&self->picture, msk_frame_unref);
    self->picture_frame = -1;
    self->failed_frame = -1;
}

int64_t msk_session_get_frame(MskSession *self)
{
    return self->frame;
}

int64_t msk_session_get_n_frames(MskSession *self)
{
    return self->n_frames;
}

void msk_session_set_frame(MskSession *self, int64_t n)
{
    n = CLAMP(n, 0, MAX(self->n_frames - 1, 0));
    if (n == self->frame)
        return;
    self->frame = n;
    msk_session_notify(self, MSK_SESSION_FRAME);
    msk_session_request_picture(self);
}

void msk_session_get_range(MskSession *self, int64_t *first, int64_t *last)
{
    *first = 0;
    *last = MAX(self->n_frames - 1, 0);
    if (self->document)
        msk_document_get_range(self->document, first, last);
}

void msk_session_set_play_step(MskSession *self, int step)
{
    if (self->step == step)
        return;
    self->step = step;
    if (self->loader)
        read_ahead(self);
}

MskFrame *msk_session_get_picture(MskSession *self, int64_t *n)
{
    if (n)
        *n = self->picture_frame;
    return self->picture;
}

// ---- Selection and tools -----------------------------------------------------------------------

MskMasklet *msk_session_get_selected(MskSession *self)
{
    return self->selected;
}

void msk_session_select(MskSession *self, MskMasklet *masklet)
{
    if (self->selected == masklet)
        return;
    g_set_object(&self->selected, masklet);
    msk_session_notify(self, MSK_SESSION_SELECTED);
}

MskMasklet *msk_session_ensure_selected(MskSession *self)
{
    if (!self->selected && self->document)
        msk_session_select(self, msk_document_add_object(self->document, NULL));
    return self->selected;
}

MskTool msk_session_get_tool(MskSession *self)
{
    return self->tool;
}

void msk_session_set_tool(MskSession *self, MskTool tool)
{
    if (self->tool == tool)
        return;
    self->tool = tool;
    msk_session_notify(self, MSK_SESSION_TOOL);
}

MskViewMode msk_session_get_view_mode(MskSession *self)
{
    return self->view_mode;
}

void msk_session_set_view_mode(MskSession *self, MskViewMode mode)
{
    if (self->view_mode == mode)
        return;
    self->view_mode = mode;
    msk_session_notify(self, MSK_SESSION_VIEW_MODE);
}

gboolean msk_session_get_masks_muted(MskSession *self)
{
    return self->masks_muted;
}

void msk_session_set_masks_muted(MskSession *self, gboolean muted)
{
    if (self->masks_muted == !!muted)
        return;
    self->masks_muted = !!muted;
    msk_session_notify(self, MSK_SESSION_MASKS_MUTED);
}

double msk_session_get_brush_size(MskSession *self)
{
    return self->brush_size;
}

void msk_session_set_brush_size(MskSession *self, double size)
{
    size = CLAMP(size, MSK_BRUSH_MIN, MSK_BRUSH_MAX);
    if (self->brush_size == size)
        return;
    self->brush_size = size;
    msk_session_notify(self, MSK_SESSION_BRUSH_SIZE);
}

guint32 msk_session_get_background(MskSession *self)
{
    return self->background;
}

void msk_session_set_background(MskSession *self, guint32 colour)
{
    if (self->background == colour)
        return;
    self->background = colour;
    msk_session_notify(self, MSK_SESSION_BACKGROUND);
}

double msk_session_get_opacity(MskSession *self)
{
    return self->opacity;
}

const char *msk_session_get_background_image(MskSession *self)
{
    return self->background_image && *self->background_image ? self->background_image : NULL;
}

int msk_session_get_onion_skin(MskSession *self)
{
    return self->onion_skin;
}

gboolean msk_session_get_show_timecode(MskSession *self)
{
    return self->show_timecode;
}

// ---- Reading -----------------------------------------------------------------------------------

MskDocument *msk_session_get_document(MskSession *self)
{
    return self->document;
}

MskMedia *msk_session_get_media(MskSession *self)
{
    return self->media;
}

MskTracker *msk_session_get_tracker(MskSession *self)
{
    return self->tracker;
}

MskEngine *msk_session_get_engine(MskSession *self)
{
    return msk_model_host_get_engine(self->host);
}

MskLoader *msk_session_get_loader(MskSession *self)
{
    return self->loader;
}

MskVideo *msk_session_get_video(MskSession *self)
{
    return self->video;
}

MskStore *msk_session_get_store(MskSession *self)
{
    return self->store;
}

const MskModelInfo *msk_session_get_model_info(MskSession *self)
{
    return msk_model_host_get_info(self->host);
}

MskModelHost *msk_session_get_model_host(MskSession *self)
{
    return self->host;
}

MskJobs *msk_session_get_jobs(MskSession *self)
{
    return msk_jobs_get_default();
}

const char *msk_session_get_title(MskSession *self)
{
    return self->title;
}

const char *msk_session_get_busy(MskSession *self)
{
    return self->busy;
}

double msk_session_get_index_progress(MskSession *self)
{
    return self->index_progress;
}

GFile *msk_session_get_file(MskSession *self)
{
    return self->file;
}

gboolean msk_session_is_unsaved(MskSession *self)
{
    return self->is_unsaved;
}

gboolean msk_session_is_read_only(MskSession *self)
{
    return self->read_only;
}

const char *msk_session_get_write_problem(MskSession *self)
{
    return self->write_problem;
}

// ---- The model ---------------------------------------------------------------------------------

void msk_session_open_model(MskSession *self, const char *name)
{
    msk_model_host_open(self->host, name);
}

static void model_changed_cb(MskModelHost *host, MskSession *self)
{
    msk_session_notify(self, MSK_SESSION_MODEL_NAME);
    if (self->tracker && msk_model_host_get_info(host))
        msk_tracker_answer_missing(self->tracker);
}

// ---- Messages ----------------------------------------------------------------------------------

void msk_session_toast(MskSession *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_signal_emit(self, toast_signal, 0, message);
}

void msk_session_error(MskSession *self, const char *title, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_signal_emit(self, error_signal, 0, title, message);
}

static void device_lost_cb(MskEngine *engine, const MskModelInfo *info, MskSession *self)
{
    msk_session_toast(self, _("The graphics card was lost; the model runs on %s now"),
                      info->backend);
}

// ---- The object --------------------------------------------------------------------------------

static void get_property(GObject *object, guint prop, GValue *value, GParamSpec *pspec)
{
    MskSession *self = MSK_SESSION(object);
    switch ((MskSessionProp)prop) {
    case MSK_SESSION_DOCUMENT:
        g_value_set_object(value, self->document);
        break;
    case MSK_SESSION_MEDIA:
        g_value_set_object(value, self->media);
        break;
    case MSK_SESSION_TITLE:
        g_value_set_string(value, self->title);
        break;
    case MSK_SESSION_BUSY:
        g_value_set_string(value, self->busy);
        break;
    case MSK_SESSION_INDEX_PROGRESS:
        g_value_set_double(value, self->index_progress);
        break;
    case MSK_SESSION_MODEL_NAME:
        g_value_set_string(value, msk_model_host_get_name(self->host));
        break;
    case MSK_SESSION_FRAME:
        g_value_set_int64(value, self->frame);
        break;
    case MSK_SESSION_N_FRAMES:
        g_value_set_int64(value, self->n_frames);
        break;
    case MSK_SESSION_SELECTED:
        g_value_set_object(value, self->selected);
        break;
    case MSK_SESSION_TOOL:
        g_value_set_enum(value, (int)self->tool);
        break;
    case MSK_SESSION_BRUSH_SIZE:
        g_value_set_double(value, self->brush_size);
        break;
    case MSK_SESSION_VIEW_MODE:
        g_value_set_enum(value, (int)self->view_mode);
        break;
    case MSK_SESSION_OPACITY:
        g_value_set_double(value, self->opacity);
        break;
    case MSK_SESSION_BACKGROUND:
        g_value_set_uint(value, self->background);
        break;
    case MSK_SESSION_BACKGROUND_IMAGE:
        g_value_set_string(value, self->background_image ? self->background_image : "");
        break;
    case MSK_SESSION_ONION_SKIN:
        g_value_set_int(value, self->onion_skin);
        break;
    case MSK_SESSION_MASKS_MUTED:
        g_value_set_boolean(value, self->masks_muted);
        break;
    case MSK_SESSION_SHOW_TIMECODE:
        g_value_set_boolean(value, self->show_timecode);
        break;
    case MSK_SESSION_READ_ONLY:
        g_value_set_boolean(value, self->read_only);
        break;
    case MSK_SESSION_UNSAVED:
        g_value_set_boolean(value, self->is_unsaved);
        break;
    case MSK_SESSION_WRITE_PROBLEM:
        g_value_set_string(value, self->write_problem);
        break;
    case MSK_SESSION_N_PROPS:
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, prop, pspec);
    }
}

static void set_property(GObject *object, guint prop, const GValue *value, GParamSpec *pspec)
{
    MskSession *self = MSK_SESSION(object);
    switch ((MskSessionProp)prop) {
    case MSK_SESSION_FRAME:
        msk_session_set_frame(self, g_value_get_int64(value));
        break;
    case MSK_SESSION_SELECTED:
        msk_session_select(self, g_value_get_object(value));
        break;
    case MSK_SESSION_TOOL:
        msk_session_set_tool(self, (MskTool)g_value_get_enum(value));
        break;
    case MSK_SESSION_BRUSH_SIZE:
        msk_session_set_brush_size(self, g_value_get_double(value));
        break;
    case MSK_SESSION_VIEW_MODE:
        msk_session_set_view_mode(self, (MskViewMode)g_value_get_enum(value));
        break;
    case MSK_SESSION_OPACITY:
        if (self->opacity != g_value_get_double(value)) {
            self->opacity = g_value_get_double(value);
            msk_session_notify(self, MSK_SESSION_OPACITY);
        }
        break;
    case MSK_SESSION_BACKGROUND:
        msk_session_set_background(self, g_value_get_uint(value));
        break;
    case MSK_SESSION_BACKGROUND_IMAGE:
        set_string(self, &self->background_image, g_value_get_string(value),
                   MSK_SESSION_BACKGROUND_IMAGE);
        break;
    case MSK_SESSION_ONION_SKIN:
        if (self->onion_skin != g_value_get_int(value)) {
            self->onion_skin = g_value_get_int(value);
            msk_session_notify(self, MSK_SESSION_ONION_SKIN);
        }
        break;
    case MSK_SESSION_MASKS_MUTED:
        msk_session_set_masks_muted(self, g_value_get_boolean(value));
        break;
    case MSK_SESSION_SHOW_TIMECODE:
        if (self->show_timecode != g_value_get_boolean(value)) {
            self->show_timecode = g_value_get_boolean(value);
            msk_session_notify(self, MSK_SESSION_SHOW_TIMECODE);
        }
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, prop, pspec);
    }
}

static void dispose(GObject *object)
{
    MskSession *self = MSK_SESSION(object);
    if (self->host)
        msk_session_close(self);
    g_clear_object(&self->host);
    G_OBJECT_CLASS(msk_session_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    MskSession *self = MSK_SESSION(object);
    g_free(self->title);
    g_free(self->busy);
    g_free(self->write_problem);
    g_free(self->background_image);
    G_OBJECT_CLASS(msk_session_parent_class)->finalize(object);
}

static void install_signals(GType type)
{
    frame_ready_signal = g_signal_new("frame-ready", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                      G_TYPE_NONE, 1, G_TYPE_INT64);
    toast_signal = g_signal_new("toast", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                1, G_TYPE_STRING);
    error_signal = g_signal_new("error", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                2, G_TYPE_STRING, G_TYPE_STRING);
    g_signal_new("opened", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    g_signal_new("earlier-work", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    g_signal_new("saved", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                 G_TYPE_FILE);
    g_signal_new("unwritten", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                 G_TYPE_STRING);
    g_signal_new("media-missing", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                 G_TYPE_STRING);
    g_signal_new("media-differs", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 3,
                 G_TYPE_STRING, G_TYPE_STRING, G_TYPE_BOOLEAN);
}

static void msk_session_class_init(MskSessionClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    object_class->get_property = get_property;
    object_class->set_property = set_property;
    object_class->dispose = dispose;
    object_class->finalize = finalize;

    const GParamFlags common = G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
    const GParamFlags ro = common | G_PARAM_READABLE, rw = common | G_PARAM_READWRITE;
    props[MSK_SESSION_DOCUMENT] =
        g_param_spec_object("document", NULL, NULL, MSK_TYPE_DOCUMENT, ro);
    props[MSK_SESSION_MEDIA] = g_param_spec_object("media", NULL, NULL, MSK_TYPE_MEDIA, ro);
    props[MSK_SESSION_TITLE] = g_param_spec_string("title", NULL, NULL, NULL, ro);
    props[MSK_SESSION_BUSY] = g_param_spec_string("busy", NULL, NULL, NULL, ro);
    props[MSK_SESSION_INDEX_PROGRESS] =
        g_param_spec_double("index-progress", NULL, NULL, -1, 1, -1, ro);
    props[MSK_SESSION_MODEL_NAME] = g_param_spec_string("model-name", NULL, NULL, NULL, ro);
    props[MSK_SESSION_FRAME] = g_param_spec_int64("frame", NULL, NULL, 0, G_MAXINT64, 0, rw);
    props[MSK_SESSION_N_FRAMES] = g_param_spec_int64("n-frames", NULL, NULL, 0, G_MAXINT64, 0, ro);
    props[MSK_SESSION_SELECTED] = g_param_spec_object("selected", NULL, NULL, MSK_TYPE_MASKLET, rw);
    props[MSK_SESSION_TOOL] =
        g_param_spec_enum("tool", NULL, NULL, MSK_TYPE_TOOL, MSK_TOOL_POINT, rw);
    props[MSK_SESSION_BRUSH_SIZE] =
        g_param_spec_double("brush-size", NULL, NULL, MSK_BRUSH_MIN, MSK_BRUSH_MAX, 30, rw);
    props[MSK_SESSION_VIEW_MODE] =
        g_param_spec_enum("view-mode", NULL, NULL, MSK_TYPE_VIEW_MODE, MSK_VIEW_OVERLAY, rw);
    props[MSK_SESSION_OPACITY] = g_param_spec_double("opacity", NULL, NULL, 0, 1, 0.5, rw);
    props[MSK_SESSION_BACKGROUND] =
        g_param_spec_uint("background", NULL, NULL, 0, 0xffffff, 0x00b140, rw);
    props[MSK_SESSION_BACKGROUND_IMAGE] =
        g_param_spec_string("background-image", NULL, NULL, NULL, rw);
    props[MSK_SESSION_ONION_SKIN] = g_param_spec_int("onion-skin", NULL, NULL, 0, 5, 0, rw);
    props[MSK_SESSION_MASKS_MUTED] = g_param_spec_boolean("masks-muted", NULL, NULL, FALSE, rw);
    props[MSK_SESSION_SHOW_TIMECODE] = g_param_spec_boolean("show-timecode", NULL, NULL, TRUE, rw);
    props[MSK_SESSION_READ_ONLY] = g_param_spec_boolean("read-only", NULL, NULL, FALSE, ro);
    props[MSK_SESSION_UNSAVED] = g_param_spec_boolean("unsaved", NULL, NULL, FALSE, ro);
    props[MSK_SESSION_WRITE_PROBLEM] = g_param_spec_string("write-problem", NULL, NULL, NULL, ro);
    g_object_class_install_properties(object_class, MSK_SESSION_N_PROPS, props);
    install_signals(MSK_TYPE_SESSION);
}

static void msk_session_init(MskSession *self)
{
    GSettings *settings = msk_settings_get();
    self->index_progress = -1;
    self->picture_frame = self->failed_frame = -1;
    self->tool = (MskTool)g_settings_get_enum(settings, "tool");
    self->view_mode = (MskViewMode)g_settings_get_enum(settings, "view-mode");
    static const char *const shared[] = {"brush-size", "opacity",          "background",
                                         "onion-skin", "background-image", "show-timecode"};
    for (guint i = 0; i < G_N_ELEMENTS(shared); i++)
        g_settings_bind(settings, shared[i], self, shared[i], G_SETTINGS_BIND_DEFAULT);
    self->host = msk_model_host_ref_default();
    g_signal_connect_object(self->host, "changed", G_CALLBACK(model_changed_cb), self, 0);
    g_signal_connect_object(msk_model_host_get_engine(self->host), "device-lost",
                            G_CALLBACK(device_lost_cb), self, 0);
}

MskSession *msk_session_new(void)
{
    return g_object_new(MSK_TYPE_SESSION, NULL);
}
