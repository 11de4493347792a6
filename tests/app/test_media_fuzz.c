// SPDX-License-Identifier: Apache-2.0
// Damaged files in great number: whatever is in them, opening, counting and decoding must end, with
// frames or with a message. Arguments: the seed and the number of mutations of each clip.
#include "tests/app/clips.h"
#include "tests/support/check.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const clips[][2] = {
    {"a.mp4", "TEST -frames:v 20 -c:v libx264 -bf 2 -g 6 -movflags +faststart"},
    {"b.mov", "TEST -frames:v 6 -c:v prores_ks -timecode 01:00:00:00"},
    {"c.mkv", "TEST -frames:v 6 -c:v ffv1 -level 3 -slicecrc 1"},
    {"d.webm", "TEST -frames:v 20 -c:v libvpx-vp9 -g 6 -b:v 100k -cpu-used 5"},
    {"e.ts", "TEST -frames:v 20 -c:v libx264 -bf 2 -g 6"},
    {"f.avi", "TEST -frames:v 8 -c:v mjpeg -q:v 9"},
    {"g.mpg", "TEST -frames:v 20 -c:v mpeg2video -bf 2 -g 6"},
    {"h.mp4", "-ss 0.3 -i a.mp4 -c copy"}, // with an edit list
    {"i.gif", "TEST -frames:v 6"},
    {"j.png", "TEST -frames:v 1"},
    {"k.jpg", "TEST -frames:v 1"},
    {"l.tiff", "TEST -frames:v 1"},
    {"m.h264", "TEST -frames:v 20 -c:v libx264 -bf 2 -g 6"},
    {"n.mkv", "TEST -frames:v 12 -c:v libx265 -x265-params log-level=none:keyint=6:open-gop=1"},
};

static uint64_t state;

static uint32_t next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

// A place in the file: headers are hit more often than their share.
static size_t pick_place(size_t size)
{
    const size_t reach = next_random() % 2 ? MIN(size, 1024) : size;

    return next_random() % reach;
}

// Length of a part from `at` on.
static size_t pick_length(size_t size, size_t at, uint32_t longest)
{
    const size_t length = 1 + next_random() % longest;

    return MIN(length, size - at);
}

static GByteArray *mutate(const uint8_t *bytes, size_t size)
{
    GByteArray *out = g_byte_array_new();
    const int kind = (int)(next_random() % 6);

    g_byte_array_append(out, bytes, (guint)size);
    if (kind == 0) { // cut off
        g_byte_array_set_size(out, 1 + (guint)pick_place(size));
    } else if (kind == 1) { // a hole
        const size_t at = pick_place(size), n = pick_length(size, at, 2000);
        memset(out->data + at, next_random() % 2 ? 0 : 255, n);
    } else if (kind == 2) { // a part twice, all behind it moved
        const size_t at = pick_place(size), n = pick_length(size, at, 500);
        g_autofree uint8_t *part = g_memdup2(out->data + at, size - at);
        g_byte_array_set_size(out, (guint)(at + n));
        g_byte_array_append(out, part, (guint)(size - at));
    } else if (kind == 3) { // a part left out
        const size_t at = pick_place(size), n = pick_length(size, at, 500);
        g_byte_array_remove_range(out, (guint)at, (guint)n);
    } else { // bytes and bits
        for (int n = 1 + (int)(next_random() % 40); n > 0; n--) {
            const size_t at = pick_place(size);
            out->data[at] =
                (uint8_t)(kind == 4 ? next_random() : out->data[at] ^ 1u << next_random() % 8);
        }
    }
    return out;
}

// Whether a frame is as the contract says: there with its number and pixels, or a message.
static bool try_frame(MskMedia *media, int64_t n)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MskFrame) frame = msk_media_get_frame(media, n, NULL, &error);

    if (!frame)
        return error && error->domain == MSK_MEDIA_ERROR && error->message[0];
    const size_t width = (size_t)msk_frame_get_width(frame);
    const size_t height = (size_t)msk_frame_get_height(frame);
    if (msk_frame_get_number(frame) != n || width * height > MSK_MEDIA_MAX_PIXELS)
        return false;
    if (width * height > 4000000)
        return true;
    g_autofree uint8_t *rgba = g_malloc(width * height * 4);
    return msk_frame_get_rgba8(frame, rgba, width * 4, &error) || error;
}

// 1 with frames, 0 refused with a message, -1 against the contract.
static int try_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MskMedia) media = msk_media_open(path, NULL, NULL, &error);

    if (!media)
        return error && msk_media_error_is_input(error) ? 0 : -1;
    if (!try_frame(media, 0) || !try_frame(media, 3))
        return -1;
    if (!msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, NULL, &error))
        return msk_media_error_is_input(error) ? 0 : -1;
    const int64_t n_frames = msk_media_get_n_frames(media);
    if (n_frames < 1)
        return -1;
    for (int64_t n = 1; n < n_frames; n++)
        if (msk_media_get_pts(media, n) <= msk_media_get_pts(media, n - 1))
            return -1;
    if (!try_frame(media, n_frames - 1) || !try_frame(media, n_frames / 2) ||
        !try_frame(media, n_frames / 3) || try_frame(media, n_frames) != true)
        return -1;
    g_autofree char *text = msk_media_info_to_text(media), *json = msk_media_info_to_json(media);
    return g_utf8_validate(text, -1, NULL) && g_utf8_validate(json, -1, NULL) ? 1 : -1;
}

static void test_clip(const char *name, const char *arguments, int n_mutations)
{
    const char *path = clip_make(name, arguments);
    g_autofree char *bytes = NULL;
    gsize size = 0;
    int n_open = 0;
    double slowest = 0;

    if (!CHECK(path && g_file_get_contents(path, &bytes, &size, NULL)) ||
        !CHECK(try_file(path) == 1)) {
        end_group(name);
        return;
    }
    g_autofree char *damaged_name = g_strconcat("damaged-", name, NULL);
    for (int i = 0; i < n_mutations; i++) {
        const uint64_t before = state;
        g_autoptr(GByteArray) damaged = mutate((const uint8_t *)bytes, size);
        const char *damaged_path = clip_write(damaged_name, damaged->data, damaged->len);
        const gint64 start = g_get_monotonic_time();
        const int result = try_file(damaged_path);
        slowest = MAX(slowest, (double)(g_get_monotonic_time() - start) / 1e6);
        n_open += result > 0;
        if (!CHECK(result >= 0))
            printf("  %s, state %" G_GUINT64_FORMAT "\n", name, before);
    }
    CHECK(slowest < 30);
    printf("  %d of %d open\n", n_open, n_mutations);
    end_group(name);
}

int main(int argc, char **argv)
{
    const int n_mutations = argc > 2 ? atoi(argv[2]) : 16;

    state = argc > 1 ? g_ascii_strtoull(argv[1], NULL, 10) : 1;
    if (!clips_begin()) {
        printf("0 passed, 0 failed, 1 skipped (no ffmpeg)\n");
        return 77;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(clips); i++)
        test_clip(clips[i][0], clips[i][1], n_mutations);
    clips_end();
    return end_tests();
}
