// SPDX-License-Identifier: Apache-2.0
// MskPlayer: moves a session's playhead through the clip at its own rate.
#include "ui/player.h"

// A clip that decodes slower than it plays shows frames late; when none came for this long, time
// waits for them.
#define LATE_MAX (G_USEC_PER_SEC / 4)
#define UNSEEN_MAX 64

struct _MskPlayer {
    GObject parent;
    MskSession *session;
    gboolean is_playing, loop;
    int speed;
    int64_t n_dropped;
    // Where and when playing began or was set right: frame, its time in the clip, and the clock.
    int64_t base_frame, base_now;
    int64_t shown, shown_at; // the frame shown last, and when
    GArray *unseen;          // of int64_t: frames shown since the last that was seen
};

G_DEFINE_FINAL_TYPE(MskPlayer, msk_player, G_TYPE_OBJECT)

enum { PROP_PLAYING = 1, PROP_SPEED, PROP_LOOP, PROP_N_DROPPED, N_PROPS };
static GParamSpec *props[N_PROPS];

static void notify(MskPlayer *self, int prop)
{
    g_object_notify_by_pspec(G_OBJECT(self), props[prop]);
}

// ---- Time --------------------------------------------------------------------------------------

static double get_rate(MskMedia *media)
{
    MskMediaInfo info;
    msk_media_get_info(media, &info);
    return info.frame_rate.num > 0 && info.frame_rate.den > 0
               ? (double)info.frame_rate.num / info.frame_rate.den
               : 25;
}

// The frame on screen `elapsed` microseconds of the clip after frame `base` began.
static int64_t find_frame(MskMedia *media, int64_t base, int64_t elapsed)
{
    MskMediaInfo info;
    msk_media_get_info(media, &info);
    if (!msk_media_is_indexed(media) || base >= info.n_frames || info.time_base.num <= 0 ||
        info.time_base.den <= 0)
        return base + (int64_t)(get_rate(media) * (double)elapsed / G_USEC_PER_SEC);
    const double ticks = (double)elapsed / G_USEC_PER_SEC * info.time_base.den / info.time_base.num;
    const int64_t pts =
        msk_media_get_pts(media, base) + (int64_t)(ticks + (ticks < 0 ? -0.5 : 0.5));
    if (pts >= info.start_pts + info.duration)
        return info.n_frames;
    // Going backward a frame is shown for its own time too, not for the one before it.
    return pts < info.start_pts ? -1 : msk_media_find_frame(media, pts);
}

static void put(MskPlayer *self, int64_t frame)
{
    g_array_append_val(self->unseen, frame);
    if (self->unseen->len > UNSEEN_MAX)
        g_array_remove_index(self->unseen, 0);
    msk_session_set_frame(self->session, frame);
}

static void set_base(MskPlayer *self, int64_t frame, int64_t now)
{
    self->base_frame = frame;
    self->base_now = now;
    self->shown = frame;
    self->shown_at = now;
}

// ---- Playing -----------------------------------------------------------------------------------

static void drop(MskPlayer *self, int64_t n)
{
    // Faster than the clip frames are left out on purpose.
    if (n <= 0 || ABS(self->speed) > 1)
        return;
    self->n_dropped += n;
    notify(self, PROP_N_DROPPED);
}

static void show(MskPlayer *self, int64_t frame, int64_t now)
{
    drop(self, ABS(frame - self->shown) - 1);
    self->shown = frame;
    self->shown_at = now;
    put(self, frame);
}

// The frame due or, if it is not decoded yet, the one nearest to it that can be shown now.
static int64_t find_ready(MskPlayer *self, int64_t due)
{
    MskLoader *loader = msk_session_get_loader(self->session);
    const int step = due > self->shown ? 1 : -1;
    for (int64_t n = due; n != self->shown; n -= step) {
        g_autoptr(MskFrame) frame = msk_loader_peek(loader, n);
        if (frame)
            return n;
    }
    return -1;
}

// Past the end of the range: from its other end, or stop there.
static void turn_around(MskPlayer *self, int64_t first, int64_t last, int64_t now)
{
    const int64_t start = self->speed > 0 ? first : last, stop = self->speed > 0 ? last : first;
    if (self->loop && first < last) {
        drop(self, ABS(stop - self->shown));
        set_base(self, start, now);
        put(self, start);
        return;
    }
    if (self->shown != stop)
        show(self, stop, now);
    msk_player_stop(self);
}

void msk_player_tick(MskPlayer *self, int64_t now)
{
    MskMedia *media = msk_session_get_media(self->session);
    int64_t first, last;
    if (!self->is_playing)
        return;
    if (!media) {
        msk_player_stop(self);
        return;
    }
    // The first tick starts the clock; moving the playhead by hand sets it right.
    if (self->base_now < 0 || msk_session_get_frame(self->session) != self->shown) {
        g_array_set_size(self->unseen, 0);
        set_base(self, msk_session_get_frame(self->session), now);
        return;
    }
    msk_session_get_range(self->session, &first, &last);
    if (self->shown < first || self->shown > last) {
        first = 0;
        last = msk_session_get_n_frames(self->session) - 1;
    }
    const int64_t due = find_frame(media, self->base_frame, (now - self->base_now) * self->speed);
    if (due == self->shown)
        return;
    if (due > last || due < first) {
        turn_around(self, first, last, now);
        return;
    }
    const int64_t ready = find_ready(self, due);
    if (ready >= 0) {
        show(self, ready, now);
    } else if (now - self->shown_at > LATE_MAX) {
        // Decoding does not keep up: show the next one as soon as it is there, go on from it.
        const int64_t next = CLAMP(self->shown + self->speed, first, last);
        drop(self, ABS(due - next));
        set_base(self, next, now);
        put(self, next);
    }
}

void msk_player_see(MskPlayer *self, int64_t frame)
{
    for (guint i = 0; self->is_playing && i < self->unseen->len; i++) {
        if (g_array_index(self->unseen, int64_t, i) != frame)
            continue;
        drop(self, i);
        g_array_remove_range(self->unseen, 0, i + 1);
    }
}

void msk_player_play(MskPlayer *self, int speed)
{
    int64_t first, last;
    speed = CLAMP(speed, -MSK_PLAYER_SPEED_MAX, MSK_PLAYER_SPEED_MAX);
    if (speed == 0 || !msk_session_get_media(self->session)) {
        msk_player_stop(self);
        return;
    }
    msk_session_get_range(self->session, &first, &last);
    const int64_t frame = msk_session_get_frame(self->session);
    if (!self->is_playing) {
        if (frame == (speed > 0 ? last : first))
            msk_session_set_frame(self->session, speed > 0 ? first : last);
        self->n_dropped = 0;
        notify(self, PROP_N_DROPPED);
    }
    self->base_now = -1;
    self->shown = msk_session_get_frame(self->session);
    if (self->speed != speed) {
        self->speed = speed;
        notify(self, PROP_SPEED);
    }
    msk_session_set_play_step(self->session, speed);
    if (!self->is_playing) {
        self->is_playing = TRUE;
        notify(self, PROP_PLAYING);
    }
}

void msk_player_stop(MskPlayer *self)
{
    if (!self->is_playing)
        return;
    self->is_playing = FALSE;
    msk_session_set_play_step(self->session, 0);
    notify(self, PROP_PLAYING);
}

void msk_player_toggle(MskPlayer *self)
{
    if (self->is_playing)
        msk_player_stop(self);
    else
        msk_player_play(self, 1);
}

void msk_player_shuttle(MskPlayer *self, int direction)
{
    const gboolean same = self->is_playing && (self->speed > 0) == (direction > 0);
    msk_player_play(self, same ? self->speed * 2 : direction > 0 ? 1 : -1);
}

void msk_player_step(MskPlayer *self, int64_t n_frames)
{
    msk_player_stop(self);
    msk_session_set_frame(self->session, msk_session_get_frame(self->session) + n_frames);
}

// ---- The object --------------------------------------------------------------------------------

gboolean msk_player_is_playing(MskPlayer *self)
{
    return self->is_playing;
}

int msk_player_get_speed(MskPlayer *self)
{
    return self->speed;
}

int64_t msk_player_get_n_dropped(MskPlayer *self)
{
    return self->n_dropped;
}

gboolean msk_player_get_loop(MskPlayer *self)
{
    return self->loop;
}

void msk_player_set_loop(MskPlayer *self, gboolean loop)
{
    if (self->loop == !!loop)
        return;
    self->loop = !!loop;
    notify(self, PROP_LOOP);
}

static void media_changed_cb(MskSession *session, GParamSpec *pspec, MskPlayer *self)
{
    msk_player_stop(self);
}

static void get_property(GObject *object, guint prop, GValue *value, GParamSpec *pspec)
{
    MskPlayer *self = MSK_PLAYER(object);
    switch (prop) {
    case PROP_PLAYING:
        g_value_set_boolean(value, self->is_playing);
        break;
    case PROP_SPEED:
        g_value_set_int(value, self->speed);
        break;
    case PROP_LOOP:
        g_value_set_boolean(value, self->loop);
        break;
    case PROP_N_DROPPED:
        g_value_set_int64(value, self->n_dropped);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, prop, pspec);
    }
}

static void set_property(GObject *object, guint prop, const GValue *value, GParamSpec *pspec)
{
    if (prop == PROP_LOOP)
        msk_player_set_loop(MSK_PLAYER(object), g_value_get_boolean(value));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, prop, pspec);
}

static void dispose(GObject *object)
{
    MskPlayer *self = MSK_PLAYER(object);
    g_clear_object(&self->session);
    G_OBJECT_CLASS(msk_player_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    g_array_unref(MSK_PLAYER(object)->unseen);
    G_OBJECT_CLASS(msk_player_parent_class)->finalize(object);
}

static void msk_player_class_init(MskPlayerClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    object_class->get_property = get_property;
    object_class->set_property = set_property;
    object_class->dispose = dispose;
    object_class->finalize = finalize;
    const GParamFlags common = G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
    props[PROP_PLAYING] =
        g_param_spec_boolean("playing", NULL, NULL, FALSE, common | G_PARAM_READABLE);
    props[PROP_SPEED] = g_param_spec_int("speed", NULL, NULL, -MSK_PLAYER_SPEED_MAX,
                                         MSK_PLAYER_SPEED_MAX, 1, common | G_PARAM_READABLE);
    props[PROP_LOOP] = g_param_spec_boolean("loop", NULL, NULL, FALSE, common | G_PARAM_READWRITE);
    props[PROP_N_DROPPED] =
        g_param_spec_int64("n-dropped", NULL, NULL, 0, G_MAXINT64, 0, common | G_PARAM_READABLE);
    g_object_class_install_properties(object_class, N_PROPS, props);
}

static void msk_player_init(MskPlayer *self)
{
    self->speed = 1;
    self->base_now = -1;
    self->unseen = g_array_new(FALSE, FALSE, sizeof(int64_t));
}

MskPlayer *msk_player_new(MskSession *session)
{
    MskPlayer *self = g_object_new(MSK_TYPE_PLAYER, NULL);
    self->session = g_object_ref(session);
    g_signal_connect_object(session, "notify::media", G_CALLBACK(media_changed_cb), self, 0);
    return self;
}
