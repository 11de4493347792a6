// SPDX-License-Identifier: Apache-2.0
// Frame numbers, time stamps and pixels of clips of many kinds, against the ffmpeg commands.
#include "app/frame_cache.h"
#include "app/media_private.h"
#include "tests/app/clips.h"
#include "tests/support/check.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Clip {
    const char *name, *arguments;
    const char *options;     // for the oracle's decoder
    gboolean without_stamps; // ffprobe has none for some frames
} Clip;

// clang-format off
static const Clip clips[] = {
    {"b-frames.mp4", "TEST -c:v libx264 -bf 3 -g 12 -x264-params b-pyramid=normal"},
    {"open-gop.mp4", "TEST -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=12:scenecut=0"},
    {"open-gop.ts", "TEST -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=12:scenecut=0"},
    {"open-gop.mkv", "TEST -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=12:scenecut=0"},
    {"refresh.mp4", "TEST -c:v libx264 -intra-refresh 1 -g 12"},
    {"fields.ts", "TEST -c:v libx264 -flags +ilme+ildct -x264-params tff=1:keyint=10"},
    {"ten-bit.mkv", "TEST -pix_fmt yuv422p10 -c:v libx264 -g 12"},
    {"variable.mp4", "TEST -vf \"select=not(mod(n\\,3))+not(mod(n\\,4))\" -vsync vfr -c:v libx264 -g 9"},
    {"hevc.mp4", "TEST -c:v libx265 -x265-params log-level=none:keyint=12:open-gop=1"},
    {"hevc.ts", "TEST -c:v libx265 -x265-params log-level=none:keyint=12:open-gop=1"},
    {"vp9.webm", "TEST -c:v libvpx-vp9 -auto-alt-ref 1 -lag-in-frames 16 -b:v 200k -g 15 -cpu-used 5"},
    {"vp8.webm", "TEST -c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -b:v 200k -g 15 -cpu-used 5"},
    {"av1.mkv", "TEST -c:v libaom-av1 -cpu-used 8 -g 15 -lag-in-frames 8"},
    {"prores.mov", "TEST -c:v prores_ks"},
    {"mpeg2.ts", "TEST -c:v mpeg2video -bf 2 -g 12"},
    {"mpeg2.mpg", "TEST -c:v mpeg2video -bf 2 -g 12"},
    {"mpeg2.m2v", "TEST -c:v mpeg2video -bf 2 -g 12", .without_stamps = TRUE},
    {"mpeg4.avi", "TEST -c:v mpeg4 -bf 2 -g 12", .without_stamps = TRUE},
    {"mjpeg.avi", "TEST -c:v mjpeg -q:v 3"},
    {"ffv1.mkv", "TEST -c:v ffv1 -level 3 -g 5 -pix_fmt gbrp16le"},
    {"raw.h264", "TEST -c:v libx264 -bf 3 -g 12 -f h264", .without_stamps = TRUE},
    {"anim.gif", "TEST"},
    {"qtrle.mov", "TEST -c:v qtrle -g 10"},
    {"png.mov", "TEST -c:v png -pix_fmt rgba"},
    {"flash.flv", "TEST -c:v flv1 -g 10"},
};
// Cut out of the above without decoding.
static const Clip cuts[] = {
    {"cut.mp4", "-ss 0.7 -i b-frames.mp4 -c copy"},
    {"cut-open.mp4", "-ss 0.7 -i open-gop.mp4 -c copy"},
    {"cut-open.ts", "-ss 0.7 -i open-gop.ts -c copy"},
    {"cut-end.mov", "-i b-frames.mp4 -t 1.1 -c copy"},
    {"cut-hevc.mp4", "-ss 0.7 -i hevc.mp4 -c copy"},
    {"cut-vp9.webm", "-ss 0.7 -i vp9.webm -c copy"},
};
// clang-format on

// ---- Every frame, by every way -----------------------------------------------------------------

static uint32_t random_state = 11;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

// Whether frame n has the number and pixels of the oracle.
static bool frame_is(MskMedia *media, int64_t n, GBytes *oracle, size_t frame_size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MskFrame) frame = msk_media_get_frame(media, n, NULL, &error);

    if (!frame) {
        printf("  frame %d: %s\n", (int)n, error->message);
        return false;
    }
    g_autoptr(GBytes) bytes = clip_frame_bytes(frame);
    const uint8_t *expected = g_bytes_get_data(oracle, NULL);
    if (g_bytes_get_size(bytes) != frame_size || msk_frame_get_number(frame) != n ||
        memcmp(g_bytes_get_data(bytes, NULL), expected + n * frame_size, frame_size)) {
        printf("  frame %d differs\n", (int)n);
        return false;
    }
    return true;
}

static void check_stamps(MskMedia *media, const Clip *clip, const char *path)
{
    g_autoptr(GArray) stamps = clip_stamps(path);
    const int64_t n_frames = msk_media_get_n_frames(media);
    int n_wrong = 0;

    CHECK((int64_t)stamps->len == n_frames);
    for (int64_t n = 0; n < MIN(n_frames, (int64_t)stamps->len); n++) {
        int64_t stamp = g_array_index(stamps, int64_t, n), pts = msk_media_get_pts(media, n);
        n_wrong += pts != stamp && !(clip->without_stamps && stamp == INT64_MIN);
        n_wrong += n > 0 && pts <= msk_media_get_pts(media, n - 1);
        n_wrong += msk_media_find_frame(media, pts) != n;
        n_wrong += msk_media_get_frame_duration(media, n) <= 0;
    }
    CHECK(n_wrong == 0);
    CHECK(msk_media_get_pts(media, n_frames) == INT64_MIN &&
          msk_media_get_pts(media, -1) == INT64_MIN);
    CHECK(msk_media_find_frame(media, INT64_MIN) == 0);
    CHECK(msk_media_find_frame(media, INT64_MAX) == n_frames - 1);
}

static void check_orders(MskMedia *media, GBytes *oracle, size_t size)
{
    const int64_t n_frames = msk_media_get_n_frames(media);
    bool is_same = true;

    for (int64_t n = 0; n < n_frames; n++)
        is_same &= frame_is(media, n, oracle, size);
    CHECK(is_same);
    for (int64_t n = n_frames - 1; n >= 0; n -= 3)
        is_same &= frame_is(media, n, oracle, size);
    CHECK(is_same);
    for (int i = 0; i < 24; i++) {
        int64_t n = next_random() % (uint32_t)n_frames;
        for (int64_t k = n; k < MIN(n + 3, n_frames); k++) // decoding goes on after a seek
            is_same &= frame_is(media, k, oracle, size);
    }
    CHECK(is_same);
}

// Reading on must not seek, and seeks must not fall back to the start of the file.
static void check_effort(const char *path, MskMedia *media)
{
    g_autoptr(MskMedia) other = msk_media_open(path, NULL, NULL, NULL);

    CHECK(msk_media_build_index(other, MSK_INDEX_AUTO, NULL, NULL, NULL, NULL));
    for (int64_t n = 0; n < msk_media_get_n_frames(other); n++)
        msk_frame_unref(msk_media_get_frame(other, n, NULL, NULL));
    CHECK(other->reader->n_seeks == 0 && other->reader->n_rewinds == 0);
    MskIndex *index = msk_media_get_index(media);
    if (index->key != MSK_KEY_NONE && index->packets[0].entry != MSK_ENTRY_NONE)
        CHECK(media->reader->n_rewinds <= media->reader->n_seeks / 8);
}

// Two readers at different places do not make each other seek when one is the other's twin.
static void check_twin(MskMedia *media, MskMedia *twin, GBytes *oracle, size_t size)
{
    const int64_t n_frames = msk_media_get_n_frames(media);
    const int n_before = twin->reader->n_seeks + twin->reader->n_rewinds;
    bool is_same = true;

    CHECK(msk_media_is_indexed(twin) && msk_media_get_n_frames(twin) == n_frames);
    for (int64_t n = 1; n < n_frames; n++) {
        is_same &= frame_is(twin, n, oracle, size);
        if (n % 4 == 0)
            is_same &= frame_is(media, n * 37 % n_frames, oracle, size);
    }
    CHECK(is_same);
    // To the start, once.
    CHECK(twin->reader->n_seeks + twin->reader->n_rewinds - n_before <= 1);
}

static void test_clip(const Clip *clip)
{
    const char *path = clip_make(clip->name, clip->arguments);
    g_autoptr(GError) error = NULL;

    if (!CHECK(path != NULL)) {
        end_group(clip->name);
        return;
    }
    g_autoptr(GBytes) oracle = clip_decode(path, clip->options);
    g_autoptr(MskMedia) media = msk_media_open(path, NULL, NULL, &error);
    if (!CHECK(media && oracle)) {
        printf("  %s\n", error ? error->message : "no oracle");
        end_group(clip->name);
        return;
    }
    g_autoptr(MskFrame) first = msk_media_get_frame(media, 0, NULL, NULL);
    g_autoptr(GBytes) bytes = clip_frame_bytes(first);
    const size_t size = g_bytes_get_size(bytes);
    const int64_t n_expected = (int64_t)(g_bytes_get_size(oracle) / size);

    // Without an index: by counting.
    CHECK(msk_media_get_n_frames(media) == -1 && msk_media_estimate_n_frames(media) >= 1);
    CHECK(frame_is(media, 7, oracle, size) && frame_is(media, 8, oracle, size));
    CHECK(frame_is(media, 0, oracle, size) && frame_is(media, 3, oracle, size));
    g_autoptr(MskMedia) twin = msk_media_new_twin(media);
    CHECK(frame_is(twin, 6, oracle, size) && frame_is(media, 4, oracle, size));
    CHECK(frame_is(twin, 7, oracle, size) && twin->reader->n_rewinds == 0);
    g_autoptr(MskFrame) beyond = msk_media_get_frame(media, n_expected, NULL, &error);
    CHECK(!beyond && g_error_matches(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_RANGE));
    g_clear_error(&error);

    CHECK(msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, NULL, NULL));
    if (!CHECK(msk_media_get_n_frames(media) == n_expected))
        printf("  %d frames, not %d\n", (int)msk_media_get_n_frames(media), (int)n_expected);
    else
        check_orders(media, oracle, size);
    CHECK(!msk_media_get_frame(media, n_expected, NULL, &error) &&
          g_error_matches(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_RANGE));
    check_stamps(media, clip, path);
    check_effort(path, media);
    if (msk_media_get_n_frames(media) == n_expected)
        check_twin(media, twin, oracle, size);
    end_group(clip->name);
}

// ---- Counting by packets -----------------------------------------------------------------------

// An index made from packets, where that is allowed, equals the one made by decoding.
static void test_packets(const char *name, gboolean is_allowed)
{
    const char *path = clip_path(name);
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(MskIndex) quick = msk_index_build(path, 2, 0, NULL, NULL, warnings, NULL, NULL);
    g_autoptr(MskIndex) slow = msk_index_build(path, 2, 1e18, NULL, NULL, warnings, NULL, NULL);
    g_autofree char *group = g_strdup_printf("packets of %s", name);

    CHECK(quick && slow && slow->is_decoded && quick->is_decoded == !is_allowed);
    CHECK(quick->n_frames == slow->n_frames && quick->last_duration == slow->last_duration);
    CHECK(memcmp(quick->pts, slow->pts, sizeof(int64_t) * slow->n_frames) == 0);
    CHECK(memcmp(quick->frame_packet, slow->frame_packet, sizeof(int64_t) * slow->n_frames) == 0);
    CHECK(warnings->len == 0);
    end_group(group);
}

// Damage that an index made from packets does not know of: the frame is an error each time, its
// neighbours keep their numbers.
static void test_hidden_damage(void)
{
    const char *path = clip_make("hidden.mov", "TEST -c:v prores_ks");
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GBytes) oracle = clip_decode(path, NULL);
    g_autoptr(MskIndex) intact = msk_index_build(path, 2, 0, NULL, NULL, warnings, NULL, NULL);
    g_autofree char *bytes = NULL;
    gsize size;

    g_file_get_contents(path, &bytes, &size, NULL);
    memset(bytes + intact->packets[40].pos, 0, (size_t)intact->packets[40].size);
    g_file_set_contents(path, bytes, (gssize)size, NULL);
    g_autoptr(MskMedia) exact = msk_media_open(path, NULL, NULL, NULL);
    CHECK(msk_media_build_index(exact, MSK_INDEX_AUTO, NULL, NULL, NULL, NULL));
    g_autofree char *warning = msk_media_dup_warning(exact);
    CHECK(msk_media_get_n_frames(exact) == 49 && warning && strstr(warning, "1 packets"));

    g_autoptr(MskMedia) media = msk_media_open(path, NULL, NULL, NULL);
    media->index = msk_index_build(path, 2, 0, NULL, NULL, warnings, NULL, NULL);
    CHECK(msk_media_get_n_frames(media) == 50);
    const size_t frame_size = g_bytes_get_size(oracle) / 50;
    for (int i = 0; i < 3; i++) {
        g_autoptr(GError) error = NULL;
        CHECK(frame_is(media, 39, oracle, frame_size));
        CHECK(!msk_media_get_frame(media, 40, NULL, &error) &&
              g_error_matches(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_DAMAGED) &&
              strstr(error->message, "hidden.mov") && strstr(error->message, "40"));
        CHECK(frame_is(media, 41, oracle, frame_size) && frame_is(media, 49, oracle, frame_size));
    }
    end_group("damage not known to the index");
}

// ---- Building the index ------------------------------------------------------------------------

typedef struct Watch {
    double fraction;
    int n_calls, n_backward;
    GCancellable *cancel_at_once;
    MskMedia *media; // decoded from while the index is being built
    bool is_decodable;
} Watch;

static void watch_cb(double fraction, int64_t n_frames, gpointer user)
{
    Watch *watch = user;

    watch->n_calls++;
    watch->n_backward += fraction < watch->fraction;
    watch->fraction = fraction;
    if (watch->cancel_at_once)
        g_cancellable_cancel(watch->cancel_at_once);
    if (watch->media && watch->n_calls == 5) {
        g_autoptr(MskFrame) frame = msk_media_get_frame(watch->media, 4, NULL, NULL);
        watch->is_decodable = frame && msk_media_get_n_frames(watch->media) == -1;
    }
}

static gpointer cancel_thread(gpointer user)
{
    g_usleep((gulong)(next_random() % 3000));
    g_cancellable_cancel(user);
    return NULL;
}

// Requests that are broken off at any moment, in seeks and rewinds too, leave nothing behind.
static void test_cancelling(void)
{
    const char *path =
        clip_make("long.mp4", "-f lavfi -i testsrc2=s=320x240:r=25:d=20 -c:v libx264 -g 50 -bf 2");
    g_autoptr(MskMedia) media = msk_media_open(path, NULL, NULL, NULL);
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    media->index = msk_index_build(path, 1, 0, NULL, NULL, warnings, NULL, NULL);
    if (!CHECK(media->index && !msk_media_get_index(media)->is_decoded))
        return;
    int n_broken_off = 0, n_wrong = 0;
    for (int i = 0; i < 400; i++) {
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        g_autoptr(GError) error = NULL;
        GThread *thread = g_thread_new("cancel", cancel_thread, cancellable);
        const int64_t n = 1 + next_random() % 499;
        g_autoptr(MskFrame) frame = msk_media_get_frame(media, n, cancellable, &error);
        n_broken_off += !frame;
        n_wrong += !frame && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        g_thread_join(thread);
    }
    CHECK(n_wrong == 0 && g_hash_table_size(media->damaged) == 0);
    printf("%d of 400 requests broken off\n", n_broken_off);
    CHECK(n_broken_off > 40);
    // A rewind that was broken off has closed the file.
    g_autoptr(GCancellable) cancelled = g_cancellable_new();
    g_cancellable_cancel(cancelled);
    media->reader->cancellable = cancelled;
    CHECK(!msk_reader_rewind(media->reader, NULL) && !media->reader->format);
    media->reader->cancellable = NULL;
    media->is_lost = TRUE;
    g_autoptr(MskFrame) frame = msk_media_get_frame(media, 321, NULL, NULL);
    CHECK(frame && msk_frame_get_number(frame) == 321);
    end_group("broken off");
}

static void test_building(void)
{
    const char *path = clip_path("b-frames.mp4");
    g_autoptr(MskMedia) media = msk_media_open(path, NULL, NULL, NULL);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    Watch watch = {.cancel_at_once = cancellable};

    CHECK(!msk_media_build_index(media, MSK_INDEX_AUTO, watch_cb, &watch, cancellable, &error));
    CHECK(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) &&
          !msk_media_error_is_input(error));
    CHECK(!msk_media_is_indexed(media) && msk_media_get_n_frames(media) == -1);
    g_clear_error(&error);

    watch = (Watch){.media = media};
    CHECK(msk_media_build_index(media, MSK_INDEX_AUTO, watch_cb, &watch, NULL, NULL));
    CHECK(watch.n_calls > 40 && watch.n_backward == 0 && watch.fraction == 1);
    CHECK(watch.is_decodable && msk_media_is_indexed(media));
    watch = (Watch){0};
    CHECK(msk_media_build_index(media, MSK_INDEX_DECODE, watch_cb, &watch, NULL, NULL));
    CHECK(watch.n_calls == 0);

    // A cancelled request changes nothing for the next one.
    g_cancellable_reset(cancellable);
    g_cancellable_cancel(cancellable);
    CHECK(!msk_media_get_frame(media, 30, cancellable, &error) &&
          g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    g_autoptr(MskFrame) frame = msk_media_get_frame(media, 30, NULL, NULL);
    CHECK(frame && msk_frame_get_number(frame) == 30);
    CHECK(msk_frame_get_pts(frame) == msk_media_get_pts(media, 30));

    // A twin builds nothing of its own, is the same in caches, and outlives the first one.
    g_autoptr(MskMedia) twin = msk_media_new_twin(media), third = msk_media_new_twin(twin);
    MskMediaInfo info, twins;
    watch = (Watch){0};
    CHECK(msk_media_build_index(third, MSK_INDEX_AUTO, watch_cb, &watch, NULL, NULL));
    CHECK(watch.n_calls == 0 && msk_media_get_index(third) == msk_media_get_index(media));
    msk_media_get_info(media, &info);
    msk_media_get_info(third, &twins);
    CHECK(twins.n_frames == info.n_frames && twins.duration == info.duration);
    MskFrameCache *cache = msk_frame_cache_new(64 << 20);
    msk_frame_unref(msk_frame_cache_get(cache, twin, 30, NULL, NULL));
    g_autoptr(MskFrame) cached = msk_frame_cache_peek(cache, media, 30);
    CHECK(cached && !third->reader);
    msk_frame_cache_free(cache);
    g_clear_object(&twin);
    g_clear_object(&media);
    g_autoptr(MskFrame) late = msk_media_get_frame(third, 31, NULL, &error);
    CHECK(late && msk_frame_get_number(late) == 31);
    // The file goes before a twin has opened it.
    g_autofree char *copy = g_strconcat(path, ".copy", NULL), *contents = NULL;
    gsize size;
    CHECK(g_file_get_contents(path, &contents, &size, NULL) &&
          g_file_set_contents(copy, contents, (gssize)size, NULL));
    g_autoptr(MskMedia) gone = msk_media_open(copy, NULL, NULL, NULL);
    g_autoptr(MskMedia) blind = msk_media_new_twin(gone);
    g_unlink(copy);
    g_clear_error(&error);
    CHECK(!msk_media_get_frame(blind, 3, NULL, &error) &&
          g_error_matches(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_NOT_FOUND));
    end_group("building the index");
}

// ---- Real clips --------------------------------------------------------------------------------

static void test_real_clip(const char *path, const char *name)
{
    g_autofree char *count = clip_probe(path, "-count_frames", "stream=nb_read_frames");
    g_autoptr(GBytes) oracle = clip_convert(path, "", "-vframes 120 -f rawvideo");
    g_autoptr(MskMedia) media = msk_media_open(path, NULL, NULL, NULL);

    if (!CHECK(media && msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, NULL, NULL)))
        return;
    CHECK(msk_media_get_n_frames(media) == g_ascii_strtoll(count, NULL, 10));
    g_autoptr(MskFrame) first = msk_media_get_frame(media, 0, NULL, NULL);
    g_autoptr(GBytes) bytes = clip_frame_bytes(first);
    for (int i = 0; i < 6; i++)
        CHECK(frame_is(media, (i * 77 + 60) % 120, oracle, g_bytes_get_size(bytes)));
    end_group(name);
}

static void test_real_clips(const char *folder)
{
    const char *name;
    g_autofree char *absolute = g_canonicalize_filename(folder, NULL);
    GDir *dir = g_dir_open(absolute, 0, NULL);

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(absolute, name, NULL);
        if (g_str_has_suffix(name, ".mp4"))
            test_real_clip(path, name);
    }
    if (dir)
        g_dir_close(dir);
}

int main(int argc, char **argv)
{
    if (!clips_begin()) {
        printf("0 passed, 0 failed, 1 skipped (no ffmpeg)\n");
        return 77;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(clips); i++)
        test_clip(&clips[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++)
        test_clip(&cuts[i]);
    test_packets("b-frames.mp4", TRUE);
    test_packets("variable.mp4", TRUE);
    test_packets("prores.mov", TRUE);
    test_packets("hevc.mp4", TRUE);
    test_packets("fields.ts", FALSE);
    test_packets("cut.mp4", FALSE);
    test_packets("vp9.webm", FALSE);
    test_hidden_damage();
    test_building();
    test_cancelling();
    if (argc > 1)
        test_real_clips(argv[1]);
    clips_end();
    return end_tests();
}
