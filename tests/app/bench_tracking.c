// SPDX-License-Identifier: Apache-2.0
// Tracking a 1080p clip while another part of it plays: with one decoder for both, and with two.
// bench-tracking MODEL
#include <stdio.h>

#include "app/engine.h"
#include "app/loader.h"
#include "app/media_private.h"
#include "tests/app/clips.h"

#define TRACK_FIRST 20 // the anchor
#define TRACK_FRAMES 60
#define PLAY_FIRST 150
#define PLAY_LAST 299
#define PLAY_MS 33

typedef enum Mode { MODE_ALONE, MODE_SHARED, MODE_TWIN } Mode;

static MskEngine *engine;
static const char *clip;

typedef struct Play {
    MskLoader *loader;
    int64_t frame;
    int n_shown;
} Play;

static void done_cb(GObject *object, GAsyncResult *result, gpointer user)
{
    *(GAsyncResult **)user = g_object_ref(result);
}

static void wait_for(GAsyncResult **result)
{
    while (!*result)
        g_main_context_iteration(NULL, TRUE);
}

static void show_cb(int64_t n, MskFrame *frame, const GError *error, gpointer user)
{
    ((Play *)user)->n_shown += frame != NULL;
}

// As the player does: the next frame at the clip's rate, whether the last one was in time or not.
static gboolean play_cb(gpointer user)
{
    Play *play = user;
    play->frame = play->frame < PLAY_LAST ? play->frame + 1 : PLAY_FIRST;
    MskFrame *frame = msk_loader_peek(play->loader, play->frame);
    if (frame)
        show_cb(play->frame, frame, NULL, play);
    else
        msk_loader_request(play->loader, play->frame, show_cb, play);
    g_clear_pointer(&frame, msk_frame_unref);
    msk_loader_set_ahead(play->loader, play->frame, 1, PLAY_FIRST, PLAY_LAST);
    return G_SOURCE_CONTINUE;
}

static void ignore_cb(int64_t frame, const MskTracked *tracked, int n_tracked, gpointer user)
{
}

static MskResult *click(MskVideo *video)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(MskPrompt) prompt = msk_prompt_new(TRACK_FIRST);
    msk_prompt_add_point(prompt, 960, 540, TRUE);
    msk_engine_prompt_async(engine, video, prompt, NULL, NULL, done_cb, &result);
    wait_for(&result);
    return msk_engine_prompt_finish(engine, result, NULL);
}

// Frames a second.
static double track(MskVideo *video)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(MskResult) anchor = click(video);
    MskTrackObject object = {.anchors = &anchor, .n_anchors = 1};
    MskSpan span = {.first = TRACK_FIRST + 1,
                    .last = TRACK_FIRST + TRACK_FRAMES,
                    .n_anchors = 1,
                    .anchors = {TRACK_FIRST}};
    MskTrackRequest request = {
        .video = video, .objects = &object, .n_objects = 1, .spans = &span, .n_spans = 1};
    request.func = ignore_cb;
    int64_t start = g_get_monotonic_time();
    msk_engine_track_async(engine, &request, done_cb, &result);
    wait_for(&result);
    double seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
    return msk_engine_track_finish(engine, result, NULL) ? TRACK_FRAMES / seconds : 0;
}

static double run(const char *name, Mode mode)
{
    g_autoptr(MskMedia) media = msk_media_open(clip, NULL, NULL, NULL);
    msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, NULL, NULL);
    g_autoptr(MskMedia) twin = msk_media_new_twin(media);
    MskMedia *read = mode == MODE_SHARED ? media : twin;
    MskFrameCache *cache = msk_frame_cache_new((size_t)200 << 20);
    MskFrameSource source;
    msk_frame_source_init_media(&source, read, cache);
    MskVideo *video = msk_video_new(engine, &source, NULL);
    Play play = {.loader = msk_loader_new(media, cache), .frame = PLAY_FIRST};
    guint timer = mode == MODE_ALONE ? 0 : g_timeout_add(PLAY_MS, play_cb, &play);
    int64_t start = g_get_monotonic_time();
    double rate = track(video);
    double seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
    MskVideoStats stats;
    msk_video_get_stats(video, &stats);
    g_clear_handle_id(&timer, g_source_remove);
    msk_loader_free(play.loader);
    printf("%-34s %6.2f frames/s tracked, %5.1f ms a frame spent decoding, %3d seeks; "
           "%5.1f frames/s shown\n",
           name, rate, 1000 * stats.frame_s / (TRACK_FRAMES + 1),
           read->reader->n_seeks + read->reader->n_rewinds, play.n_shown / seconds);
    msk_video_unref(video);
    msk_engine_close(engine); // until it has let go of the cache
    g_clear_object(&engine);
    msk_frame_cache_free(cache);
    return rate;
}

static gboolean open_engine(const char *path)
{
    g_autoptr(GAsyncResult) result = NULL;
    const MskModelParams params = {.path = path};
    engine = msk_engine_new();
    msk_engine_open_model_async(engine, &params, NULL, done_cb, &result);
    wait_for(&result);
    return msk_engine_open_model_finish(engine, result, NULL, NULL);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"nothing is played", "one decoder for both",
                                        "a decoder for each"};
    double rates[3];
    if (argc != 2 || !clips_begin())
        return 77;
    clip = clip_make("long.mp4", "-f lavfi -i testsrc2=s=1920x1080:r=30:d=10 -c:v libx264 "
                                 "-preset veryfast -g 250 -bf 2 -pix_fmt yuv420p");
    for (int mode = MODE_ALONE; clip && mode <= MODE_TWIN; mode++) {
        if (!open_engine(argv[1]))
            return 77;
        rates[mode] = run(names[mode], (Mode)mode);
    }
    if (clip)
        printf("tracking while playing: a decoder for each is %.2f times as fast as one for both, "
               "%.2f times as tracking alone\n",
               rates[MODE_TWIN] / rates[MODE_SHARED], rates[MODE_TWIN] / rates[MODE_ALONE]);
    clips_end();
    return 0;
}
