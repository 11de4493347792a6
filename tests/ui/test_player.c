// SPDX-License-Identifier: Apache-2.0
// test-player SAMPLE VFR: playing by a clock that the test turns.
#include "tests/support/check.h"
#include "tests/ui/session_fixture.h"
#include "ui/player.h"

#define START G_GINT64_CONSTANT(1000000000)

typedef struct Stage {
    Heard *heard;
    MskSession *session;
    MskPlayer *player;
    MskMedia *media;
} Stage;

static Stage open_stage(const char *path)
{
    Stage stage = {.heard = fixture_new_session()};
    stage.session = stage.heard->session;
    fixture_open(stage.heard, path);
    CHECK(fixture_wait_count(&stage.heard->n_opened, 1));
    CHECK(fixture_wait_idle(stage.heard));
    stage.media = msk_session_get_media(stage.session);
    stage.player = msk_player_new(stage.session);
    return stage;
}

static void close_stage(Stage *stage)
{
    g_object_unref(stage->player);
    fixture_free_session(stage->heard);
}

// Waits until the frame can be shown at once.
static gboolean wait_ready(Stage *stage, int64_t n)
{
    const int64_t end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
    while (g_get_monotonic_time() < end) {
        g_autoptr(MskFrame) frame = msk_loader_peek(msk_session_get_loader(stage->session), n);
        if (frame)
            return TRUE;
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_usleep(1000);
    }
    return FALSE;
}

// Microseconds after the clip's start at which frame n is due.
static int64_t due(Stage *stage, int64_t n)
{
    MskMediaInfo info;
    msk_media_get_info(stage->media, &info);
    const int64_t ticks = msk_media_get_pts(stage->media, n) - info.start_pts;
    return (int64_t)((double)ticks * G_USEC_PER_SEC * info.time_base.num / info.time_base.den);
}

// Each frame comes when its time stamp says, not before, and none is left out.
static void test_times(const char *path, int64_t n)
{
    Stage stage = open_stage(path);
    msk_player_play(stage.player, 1);
    msk_player_tick(stage.player, START);
    for (int64_t i = 1; i < n; i++) {
        CHECK(wait_ready(&stage, i));
        msk_player_tick(stage.player, START + due(&stage, i) - 1000);
        CHECK(msk_session_get_frame(stage.session) == i - 1);
        msk_player_tick(stage.player, START + due(&stage, i) + 1000);
        CHECK(msk_session_get_frame(stage.session) == i);
    }
    CHECK(msk_player_get_n_dropped(stage.player) == 0);
    CHECK(msk_player_is_playing(stage.player));
    close_stage(&stage);
}

static void test_dropping(const char *path)
{
    Stage stage = open_stage(path);
    msk_player_play(stage.player, 1);
    msk_player_tick(stage.player, START);
    CHECK(wait_ready(&stage, 8));
    msk_player_tick(stage.player, START + due(&stage, 8) + 1000);
    CHECK(msk_session_get_frame(stage.session) == 8);
    CHECK(msk_player_get_n_dropped(stage.player) == 7);
    // Twice as fast, frames are left out on purpose.
    msk_player_shuttle(stage.player, 1);
    CHECK(msk_player_get_speed(stage.player) == 2);
    msk_player_tick(stage.player, 2 * START);
    CHECK(wait_ready(&stage, 16));
    msk_player_tick(stage.player, 2 * START + due(&stage, 4) + 1000);
    CHECK(msk_session_get_frame(stage.session) == 16);
    CHECK(msk_player_get_n_dropped(stage.player) == 7);
    // Playing anew counts anew.
    msk_player_stop(stage.player);
    msk_player_play(stage.player, 1);
    CHECK(msk_player_get_n_dropped(stage.player) == 0);
    close_stage(&stage);
    end_group("dropped frames");
}

// What is set but does not come onto the screen in time is dropped, too.
static void test_seen(const char *path)
{
    Stage stage = open_stage(path);
    msk_player_play(stage.player, 1);
    msk_player_tick(stage.player, START);
    for (int64_t i = 1; i <= 12; i++) {
        CHECK(wait_ready(&stage, i));
        msk_player_tick(stage.player, START + due(&stage, i) + 1000);
        if (i % 3 == 0) {
            msk_player_see(stage.player, i);
            msk_player_see(stage.player, i); // the screen is faster than the clip
        }
    }
    CHECK(msk_session_get_frame(stage.session) == 12);
    CHECK(msk_player_get_n_dropped(stage.player) == 8);
    msk_player_see(stage.player, 50); // something else
    CHECK(msk_player_get_n_dropped(stage.player) == 8);
    // After a jump by hand nothing is due that was before it.
    msk_player_tick(stage.player, START + due(&stage, 13) + 1000);
    msk_session_set_frame(stage.session, 40);
    msk_player_tick(stage.player, START + due(&stage, 14));
    CHECK(wait_ready(&stage, 41));
    msk_player_tick(stage.player, START + due(&stage, 15) + 1000);
    msk_player_see(stage.player, 41);
    CHECK(msk_player_get_n_dropped(stage.player) == 8);
    close_stage(&stage);
    end_group("frames not seen");
}

static void test_range(const char *path)
{
    Stage stage = open_stage(path);
    MskDocument *document = msk_session_get_document(stage.session);
    msk_document_set_range(document, 10, 14);
    msk_session_set_frame(stage.session, 13);
    CHECK(wait_ready(&stage, 14));
    msk_player_play(stage.player, 1);
    msk_player_tick(stage.player, START);
    msk_player_tick(stage.player, START + due(&stage, 1) + 1000);
    CHECK(msk_session_get_frame(stage.session) == 14);
    msk_player_tick(stage.player, START + due(&stage, 2) + 1000);
    CHECK(msk_session_get_frame(stage.session) == 14 && !msk_player_is_playing(stage.player));
    // At the end: once more from the start; looping goes round.
    msk_player_set_loop(stage.player, TRUE);
    msk_player_play(stage.player, 1);
    CHECK(msk_session_get_frame(stage.session) == 10);
    msk_session_set_frame(stage.session, 14);
    msk_player_tick(stage.player, START);
    msk_player_tick(stage.player, START + due(&stage, 1) + 1000);
    CHECK(msk_session_get_frame(stage.session) == 10 && msk_player_is_playing(stage.player));
    // Backward.
    msk_player_shuttle(stage.player, -1);
    CHECK(msk_player_get_speed(stage.player) == -1);
    msk_player_set_loop(stage.player, FALSE);
    msk_session_set_frame(stage.session, 12);
    CHECK(wait_ready(&stage, 11));
    msk_player_tick(stage.player, START);
    msk_player_tick(stage.player, START + due(&stage, 1) + 1000);
    CHECK(msk_session_get_frame(stage.session) == 11 || msk_session_get_frame(stage.session) == 10);
    msk_player_tick(stage.player, START + due(&stage, 4) + 1000);
    CHECK(msk_session_get_frame(stage.session) == 10 && !msk_player_is_playing(stage.player));
    close_stage(&stage);
    end_group("range and loop");
}

static void test_hands(const char *path)
{
    Stage stage = open_stage(path);
    msk_player_toggle(stage.player);
    msk_player_tick(stage.player, START);
    // Moving the playhead while playing goes on from there, outside of the range too, which the
    // test before has left in the clip's project.
    CHECK(msk_document_has_range(msk_session_get_document(stage.session)));
    msk_session_set_frame(stage.session, 50);
    msk_player_tick(stage.player, START + 5 * G_USEC_PER_SEC);
    CHECK(msk_session_get_frame(stage.session) == 50);
    CHECK(wait_ready(&stage, 51));
    msk_player_tick(stage.player, START + 5 * G_USEC_PER_SEC + due(&stage, 1) + 1000);
    CHECK(msk_session_get_frame(stage.session) == 51);
    msk_player_toggle(stage.player);
    CHECK(!msk_player_is_playing(stage.player));
    msk_player_tick(stage.player, START + 9 * G_USEC_PER_SEC);
    CHECK(msk_session_get_frame(stage.session) == 51);
    // J K L
    const int speeds[] = {1, 2, 4, 8, 8};
    for (guint i = 0; i < G_N_ELEMENTS(speeds); i++) {
        msk_player_shuttle(stage.player, 1);
        CHECK(msk_player_get_speed(stage.player) == speeds[i]);
    }
    msk_player_shuttle(stage.player, -1);
    CHECK(msk_player_get_speed(stage.player) == -1);
    msk_player_step(stage.player, -10);
    CHECK(!msk_player_is_playing(stage.player) && msk_session_get_frame(stage.session) == 41);
    msk_player_step(stage.player, -1000);
    CHECK(msk_session_get_frame(stage.session) == 0);
    // Closing the clip stops it.
    msk_player_play(stage.player, 1);
    msk_session_close(stage.session);
    CHECK(!msk_player_is_playing(stage.player));
    msk_player_play(stage.player, 1);
    CHECK(!msk_player_is_playing(stage.player));
    close_stage(&stage);
    end_group("by hand");
}

// When nothing can be shown in time, the clip waits and the frames are counted.
static void test_starving(const char *path)
{
    Stage stage = open_stage(path);
    msk_player_play(stage.player, 1);
    msk_player_tick(stage.player, START);
    msk_frame_cache_clear(msk_session_get_frame_cache());
    msk_player_tick(stage.player, START + due(&stage, 100) + 1000);
    const int64_t frame = msk_session_get_frame(stage.session);
    CHECK(frame == 1 || frame == 100); // or it was decoded meanwhile
    CHECK(msk_player_get_n_dropped(stage.player) == 99);
    CHECK(msk_player_is_playing(stage.player));
    close_stage(&stage);
    end_group("too slow to decode");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    fixture_begin();
    test_times(argv[1], 60);
    end_group("constant rate");
    test_times(argv[2], 8);
    end_group("variable rate");
    test_dropping(argv[1]);
    test_seen(argv[1]);
    test_range(argv[1]);
    test_hands(argv[1]);
    test_starving(argv[1]);
    fixture_end();
    return end_tests();
}
