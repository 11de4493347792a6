// SPDX-License-Identifier: Apache-2.0
// The frame loader: what comes first, what is dropped, what is read ahead; thumbnails; closing.
//
// Decoders run on one thread each, so that the thread sanitizer sees the loader's threads only.
#include "app/loader.h"

#include <string.h>

#include "app/media_private.h"
#include "tests/app/clips.h"
#include "tests/support/check.h"

#define N_FRAMES 50
#define N_ANSWERS 64

static const char *clip;
static const MskMediaOptions options = {.n_threads = 1};

typedef struct Fixture {
    MskMedia *media;
    MskFrameCache *cache;
    MskLoader *loader;
    // What came, in order.
    int64_t shown[N_ANSWERS], thumbnails[N_ANSWERS];
    int n_shown, n_failed, n_thumbnails, n_without;
    int n_shown_first;  // before the first thumbnail
    gboolean are_right; // numbers and pixels
} Fixture;

static void open_fixture(Fixture *fixture, size_t n_cached)
{
    GError *error = NULL;
    *fixture = (Fixture){.are_right = TRUE};
    fixture->media = msk_media_open(clip, &options, NULL, &error);
    CHECK(fixture->media && !error);
    CHECK(msk_media_build_index(fixture->media, MSK_INDEX_AUTO, NULL, NULL, NULL, NULL));
    CHECK(msk_media_get_n_frames(fixture->media) == N_FRAMES);
    MskFrame *frame = msk_media_get_frame(fixture->media, 0, NULL, NULL);
    fixture->cache = msk_frame_cache_new(n_cached * msk_frame_get_size(frame));
    msk_frame_unref(frame);
    fixture->loader = msk_loader_new(fixture->media, fixture->cache);
}

static void close_fixture(Fixture *fixture)
{
    msk_loader_free(fixture->loader);
    msk_frame_cache_drop(fixture->cache, fixture->media);
    msk_frame_cache_free(fixture->cache);
    g_object_unref(fixture->media);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

// Nothing is decoded while this is held.
static void hold(Fixture *fixture)
{
    pthread_mutex_lock(&fixture->media->lock);
}

static void let_go(Fixture *fixture)
{
    pthread_mutex_unlock(&fixture->media->lock);
}

// ---- Answers -----------------------------------------------------------------------------------

// Pictures of the clip, decoded apart.
static GPtrArray *expected;

static void decode_all(void)
{
    g_autoptr(MskMedia) media = msk_media_open(clip, &options, NULL, NULL);
    expected = g_ptr_array_new_with_free_func((GDestroyNotify)msk_frame_unref);
    for (int64_t n = 0; n < N_FRAMES; n++)
        g_ptr_array_add(expected, msk_media_get_frame(media, n, NULL, NULL));
}

static gboolean is_frame(MskFrame *frame, int64_t n)
{
    g_autoptr(GBytes) a = clip_frame_bytes(frame);
    g_autoptr(GBytes) b = clip_frame_bytes(g_ptr_array_index(expected, (guint)n));
    return msk_frame_get_number(frame) == n && g_bytes_equal(a, b);
}

static void show_cb(int64_t n, MskFrame *frame, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    fixture->are_right &= frame ? is_frame(frame, n) && !error : error != NULL;
    fixture->n_failed += !frame;
    fixture->shown[fixture->n_shown++ % N_ANSWERS] = n;
}

static void thumbnail_cb(int64_t n, GBytes *rgba, int width, int height, gpointer user)
{
    Fixture *fixture = user;
    if (fixture->n_thumbnails == 0)
        fixture->n_shown_first = fixture->n_shown;
    fixture->thumbnails[fixture->n_thumbnails++ % N_ANSWERS] = n;
    fixture->n_without += !rgba;
    if (!rgba)
        return;
    gsize size = (gsize)width * (gsize)height * 4;
    g_autofree uint8_t *pixels = g_malloc(size);
    fixture->are_right &= msk_frame_get_rgba8_scaled(g_ptr_array_index(expected, (guint)n), width,
                                                     height, pixels, (size_t)width * 4, NULL) &&
                          g_bytes_get_size(rgba) == size &&
                          memcmp(g_bytes_get_data(rgba, NULL), pixels, size) == 0;
}

static void wait_shown(Fixture *fixture, int n)
{
    while (fixture->n_shown < n)
        g_main_context_iteration(NULL, TRUE);
}

static void wait_thumbnails(Fixture *fixture, int n)
{
    while (fixture->n_thumbnails < n)
        g_main_context_iteration(NULL, TRUE);
}

// Thumbnails come after everything else: until what is to be read ahead is there.
static void wait_ahead(Fixture *fixture)
{
    int n = fixture->n_thumbnails;
    msk_loader_request_thumbnail(fixture->loader, 0, 8, 6, thumbnail_cb, fixture);
    wait_thumbnails(fixture, n + 1);
}

static gboolean is_cached(Fixture *fixture, int64_t n)
{
    MskFrame *frame = msk_loader_peek(fixture->loader, n);
    gboolean is_right = frame && is_frame(frame, n);
    g_clear_pointer(&frame, msk_frame_unref);
    return is_right;
}

// ---- Tests -------------------------------------------------------------------------------------

static void test_requests(void)
{
    Fixture fixture;
    open_fixture(&fixture, 40);
    static const int64_t order[] = {7, 30, 0, 49, 12};
    CHECK(!msk_loader_peek(fixture.loader, 7));
    for (int i = 0; i < 5; i++) {
        msk_loader_request(fixture.loader, order[i], show_cb, &fixture);
        wait_shown(&fixture, i + 1);
        CHECK(fixture.shown[i] == order[i] && is_cached(&fixture, order[i]));
    }
    CHECK(fixture.n_failed == 0);
    msk_loader_request(fixture.loader, N_FRAMES, show_cb, &fixture);
    wait_shown(&fixture, 6);
    msk_loader_request(fixture.loader, -1, show_cb, &fixture);
    wait_shown(&fixture, 7);
    CHECK(fixture.n_failed == 2 && fixture.are_right);
    // What was overtaken is not decoded.
    hold(&fixture);
    msk_loader_request(fixture.loader, 21, show_cb, &fixture);
    for (int64_t n = 35; n <= 45; n++)
        msk_loader_request(fixture.loader, n, show_cb, &fixture);
    let_go(&fixture);
    while (fixture.shown[fixture.n_shown - 1] != 45)
        g_main_context_iteration(NULL, TRUE);
    CHECK(fixture.n_shown <= 10 && fixture.are_right);
    close_fixture(&fixture);
    end_group("requests");
}

static void test_ahead(void)
{
    Fixture fixture;
    open_fixture(&fixture, 80);
    // Forward, then round to the range's other end.
    msk_loader_request(fixture.loader, 30, show_cb, &fixture);
    wait_shown(&fixture, 1);
    msk_frame_cache_clear(fixture.cache);
    msk_loader_set_ahead(fixture.loader, 30, 1, 26, 40);
    wait_ahead(&fixture);
    for (int64_t n = 26; n < N_FRAMES; n++)
        CHECK(n == 30 || n > 40 || is_cached(&fixture, n));
    CHECK(!is_cached(&fixture, 41) && !is_cached(&fixture, 49));
    // Backward.
    msk_frame_cache_clear(fixture.cache);
    msk_loader_set_ahead(fixture.loader, 30, -2, 0, 40);
    wait_ahead(&fixture);
    for (int64_t n = 28; n >= 0; n -= 2)
        CHECK(is_cached(&fixture, n));
    CHECK(is_cached(&fixture, 39) && !is_cached(&fixture, 41));
    // Standing: both sides.
    msk_frame_cache_clear(fixture.cache);
    msk_loader_set_ahead(fixture.loader, 30, 0, 0, N_FRAMES - 1);
    wait_ahead(&fixture);
    for (int64_t n = 30 - MSK_LOADER_ASIDE; n <= 30 + MSK_LOADER_ASIDE; n++)
        CHECK(n == 30 || is_cached(&fixture, n));
    CHECK(!is_cached(&fixture, 31 + MSK_LOADER_ASIDE));
    // The end of the clip may not be known yet.
    msk_frame_cache_clear(fixture.cache);
    msk_loader_set_ahead(fixture.loader, 45, 1, 40, 1000);
    wait_ahead(&fixture);
    for (int64_t n = 40; n < N_FRAMES; n++)
        CHECK(n == 45 || is_cached(&fixture, n));
    CHECK(fixture.are_right);
    close_fixture(&fixture);
    // No more than half of the cache.
    open_fixture(&fixture, 8);
    msk_loader_request(fixture.loader, 0, show_cb, &fixture);
    wait_shown(&fixture, 1);
    msk_loader_set_ahead(fixture.loader, 0, 1, 0, N_FRAMES - 1);
    wait_ahead(&fixture);
    CHECK(is_cached(&fixture, 0) && is_cached(&fixture, 1) && is_cached(&fixture, 4));
    CHECK(!is_cached(&fixture, 5));
    close_fixture(&fixture);
    end_group("reading ahead");
}

static void test_order(void)
{
    Fixture fixture;
    open_fixture(&fixture, 80);
    // A frame to be shown overtakes what is read ahead and thumbnails.
    hold(&fixture);
    msk_loader_set_ahead(fixture.loader, 5, 1, 0, 20);
    msk_loader_request_thumbnail(fixture.loader, 33, 16, 12, thumbnail_cb, &fixture);
    msk_loader_request(fixture.loader, 44, show_cb, &fixture);
    let_go(&fixture);
    wait_shown(&fixture, 1);
    wait_thumbnails(&fixture, 1);
    CHECK(fixture.shown[0] == 44 && fixture.n_shown_first == 1);
    CHECK(is_cached(&fixture, 6) && is_cached(&fixture, 20));
    CHECK(fixture.thumbnails[0] == 33 && !is_cached(&fixture, 33) && fixture.are_right);
    close_fixture(&fixture);
    end_group("order");
}

static void test_thumbnails(void)
{
    Fixture fixture;
    open_fixture(&fixture, 80);
    hold(&fixture);
    msk_loader_set_ahead(fixture.loader, 40, 1, 40, 41); // in hand
    for (int64_t n = 0; n < 40; n += 13)
        msk_loader_request_thumbnail(fixture.loader, n, 32, 24, thumbnail_cb, &fixture);
    msk_loader_request_thumbnail(fixture.loader, 26, 20, 20, thumbnail_cb, &fixture);
    msk_loader_request_thumbnail(fixture.loader, N_FRAMES, 20, 20, thumbnail_cb, &fixture);
    let_go(&fixture);
    wait_thumbnails(&fixture, 6);
    CHECK(fixture.thumbnails[0] == N_FRAMES && fixture.n_without == 1);
    CHECK(fixture.thumbnails[1] == 26 && fixture.thumbnails[2] == 26);
    CHECK(fixture.thumbnails[5] == 0 && fixture.are_right);
    // Neighbours come with the one that passes them, in one decoding.
    hold(&fixture);
    for (int64_t n = 24; n < 36; n++)
        msk_loader_request_thumbnail(fixture.loader, n, 32, 24, thumbnail_cb, &fixture);
    let_go(&fixture);
    wait_thumbnails(&fixture, 18);
    CHECK(fixture.are_right && fixture.n_without == 1);
    // Forgotten ones do not come, even when they are made.
    msk_loader_request_thumbnail(fixture.loader, 3, 32, 24, thumbnail_cb, &fixture);
    msk_loader_request_thumbnail(fixture.loader, 4, 32, 24, thumbnail_cb, &fixture);
    g_usleep(20000);
    msk_loader_forget_thumbnails(fixture.loader);
    msk_loader_request_thumbnail(fixture.loader, 9, 32, 24, thumbnail_cb, &fixture);
    wait_thumbnails(&fixture, 19);
    CHECK(fixture.thumbnails[18] == 9 && fixture.are_right);
    close_fixture(&fixture);
    end_group("thumbnails");
}

static void free_cb(int64_t n, MskFrame *frame, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    show_cb(n, frame, error, user);
    g_clear_pointer(&fixture->loader, msk_loader_free);
}

static void test_closing(void)
{
    Fixture fixture;
    // With work in hand and answers on their way.
    for (int i = 0; i < 10; i++) {
        open_fixture(&fixture, 80);
        msk_loader_set_ahead(fixture.loader, 10, 1, 0, 40);
        msk_loader_request(fixture.loader, 45, show_cb, &fixture);
        msk_loader_request_thumbnail(fixture.loader, 3, 32, 24, thumbnail_cb, &fixture);
        g_usleep(1000 * (gulong)i);
        close_fixture(&fixture);
        CHECK(fixture.n_shown == 0 && fixture.n_thumbnails == 0);
    }
    // From a callback.
    open_fixture(&fixture, 80);
    msk_loader_request_thumbnail(fixture.loader, 3, 32, 24, thumbnail_cb, &fixture);
    msk_loader_request(fixture.loader, 45, free_cb, &fixture);
    wait_shown(&fixture, 1);
    CHECK(!fixture.loader && fixture.are_right);
    close_fixture(&fixture);
    end_group("closing");
}

static void test_random(void)
{
    Fixture fixture;
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    open_fixture(&fixture, 20);
    int64_t last = -1;
    for (int i = 0; i < 400; i++) {
        int64_t n = g_rand_int_range(rand, 0, N_FRAMES);
        switch (g_rand_int_range(rand, 0, 6)) {
        case 0:
            msk_loader_set_ahead(fixture.loader, n, g_rand_int_range(rand, -3, 4), 0,
                                 g_rand_int_range(rand, 0, 60));
            break;
        case 1:
            msk_loader_request_thumbnail(fixture.loader, n, 16, 16, thumbnail_cb, &fixture);
            break;
        case 2:
            if (i % 5 == 0)
                msk_loader_forget_thumbnails(fixture.loader);
            break;
        case 3:
            for (int k = 0; k < 20; k++)
                g_main_context_iteration(NULL, FALSE);
            break;
        default:
            msk_loader_request(fixture.loader, last = n, show_cb, &fixture);
        }
    }
    while (fixture.n_shown == 0 || fixture.shown[(fixture.n_shown - 1) % N_ANSWERS] != last)
        g_main_context_iteration(NULL, TRUE);
    wait_ahead(&fixture);
    CHECK(fixture.are_right && fixture.n_failed == 0);
    close_fixture(&fixture);
    end_group("everything at once");
}

// Reads the clip in order, as tracking does.
typedef struct Along {
    MskMedia *media;
    gboolean are_right;
    int n_read; // atomic
} Along;

static gpointer along_thread(gpointer user)
{
    Along *along = user;
    along->are_right = TRUE;
    for (int64_t n = 1; n < N_FRAMES; n++) {
        g_autoptr(MskFrame) frame = msk_media_get_frame(along->media, n, NULL, NULL);
        along->are_right &= frame && is_frame(frame, n);
        g_atomic_int_inc(&along->n_read);
    }
    return NULL;
}

// Seeks of the decoder that reads along while pictures elsewhere are shown.
static int count_seeks(gboolean has_twin)
{
    Fixture fixture;
    open_fixture(&fixture, 4);
    g_autoptr(MskMedia) twin = has_twin ? msk_media_new_twin(fixture.media) : NULL;
    MskMedia *media = has_twin ? twin : fixture.media;
    Along along = {.media = media};
    GThread *thread = g_thread_new("along", along_thread, &along);
    for (int i = 0; g_atomic_int_get(&along.n_read) < N_FRAMES - 1 || i < N_FRAMES; i++) {
        msk_loader_request(fixture.loader, 1 + i * 31 % (N_FRAMES - 1), show_cb, &fixture);
        wait_shown(&fixture, i + 1);
    }
    g_thread_join(thread);
    CHECK(along.are_right && fixture.are_right && fixture.n_failed == 0);
    const int n_seeks = media->reader->n_seeks + media->reader->n_rewinds;
    close_fixture(&fixture);
    return n_seeks;
}

static void test_reading_along(void)
{
    const int n_alone = count_seeks(TRUE), n_shared = count_seeks(FALSE);
    printf("seeks while reading %d frames in order: %d, %d of a shared decoder\n", N_FRAMES,
           n_alone, n_shared);
    CHECK(n_alone == 0 && n_shared > 10);
    end_group("reading along");
}

int main(void)
{
    if (!clips_begin())
        return 77;
    clip = clip_make("loader.mp4", "TEST -c:v libx264 -bf 2 -g 12");
    if (CHECK(clip != NULL)) {
        decode_all();
        test_requests();
        test_ahead();
        test_order();
        test_thumbnails();
        test_closing();
        test_random();
        test_reading_along();
        g_ptr_array_unref(expected);
    }
    clips_end();
    return end_tests();
}
