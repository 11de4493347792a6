// SPDX-License-Identifier: Apache-2.0
// Facts of clips, image sequences, and files that are wrong in all kinds of ways.
#include "app/frame_cache.h"
#include "tests/app/clips.h"
#include "tests/support/check.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static MskMedia *open_indexed(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MskMedia) media = msk_media_open(path, NULL, NULL, &error);

    if (media && msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, NULL, &error))
        return g_steal_pointer(&media);
    printf("  %s\n", error->message);
    return NULL;
}

static GBytes *rgb_of(MskMedia *media, int64_t n)
{
    g_autoptr(MskFrame) frame = msk_media_get_frame(media, n, NULL, NULL);
    const size_t stride = (size_t)msk_frame_get_width(frame) * 3;
    const size_t size = stride * msk_frame_get_height(frame);
    uint8_t *rgb = g_malloc(size);

    CHECK(msk_frame_get_rgb8(frame, rgb, stride, NULL));
    return g_bytes_new_take(rgb, size);
}

// ---- Facts -------------------------------------------------------------------------------------

static gboolean is_ratio(MskRational value, int num, int den)
{
    return value.num == num && value.den == den;
}

static void test_facts(void)
{
    const char *path =
        clip_make("facts.mov", "TEST -f lavfi -i sine=r=44100:d=2 -r 30000/1001 -timecode "
                               "00:59:58;00 -vf setsar=4/3 -c:v libx264 -pix_fmt yuv422p10 "
                               "-color_range tv -colorspace bt709 -color_primaries bt2020 "
                               "-color_trc smpte2084 -c:a aac -ac 2 -metadata:s:a language=ger");
    g_autoptr(MskMedia) media = open_indexed(path);
    MskMediaInfo info;

    msk_media_get_info(media, &info);
    CHECK(info.width == 160 && info.height == 120 && is_ratio(info.pixel_aspect, 4, 3));
    CHECK(strcmp(info.codec, "h264") == 0 && strcmp(info.pixel_format, "yuv422p10le") == 0);
    CHECK(info.depth == 10 && !info.has_alpha && !info.is_sequence);
    CHECK(info.colour.range == 1 && info.colour.matrix == 1 && info.colour.primaries == 9 &&
          info.colour.transfer == 16);
    CHECK(is_ratio(info.frame_rate, 30000, 1001) && !info.is_vfr);
    CHECK(info.n_frames == msk_media_get_n_frames(media) && info.is_decoded);
    CHECK(info.duration == info.n_frames * 1001 * info.time_base.den / 30000);
    CHECK(info.field_order == MSK_FIELD_PROGRESSIVE && info.start_pts == 0);
    CHECK(info.n_audio == 1 && strcmp(info.audio[0].codec, "aac") == 0 &&
          info.audio[0].sample_rate == 44100 && info.audio[0].n_channels == 2 &&
          strcmp(info.audio[0].layout, "stereo") == 0 &&
          strcmp(info.audio[0].language, "ger") == 0 && info.audio[0].stream == 1);
    CHECK(g_strcmp0(info.timecode, "00:59:58;00") == 0);
    // Drop-frame: ;00 and ;01 are left out of each minute but every tenth.
    g_autofree char *start = msk_media_dup_timecode(media, 0);
    g_autofree char *last = msk_media_dup_timecode(media, 59);
    g_autofree char *hour = msk_media_dup_timecode(media, 60);
    CHECK(g_strcmp0(start, "00:59:58;00") == 0 && g_strcmp0(last, "00:59:59;29") == 0 &&
          g_strcmp0(hour, "01:00:00;00") == 0);
    g_autofree char *warning = msk_media_dup_warning(media);
    CHECK(warning == NULL);

    g_autofree char *json = msk_media_info_to_json(media);
    g_autoptr(JsonParser) parser = json_parser_new();
    CHECK(json_parser_load_from_data(parser, json, -1, NULL));
    JsonObject *root = json_node_get_object(json_parser_get_root(parser));
    JsonObject *video = json_object_get_object_member(root, "video");
    CHECK(json_object_get_int_member(video, "frames") == info.n_frames);
    CHECK(strcmp(json_object_get_string_member(video, "frame_rate"), "30000/1001") == 0);
    CHECK(strcmp(json_object_get_string_member(video, "timecode"), "00:59:58;00") == 0);
    CHECK(json_array_get_length(json_object_get_array_member(root, "audio")) == 1);
    CHECK(json_array_get_length(json_object_get_array_member(root, "warnings")) == 0);
    g_autofree char *text = msk_media_info_to_text(media);
    CHECK(strstr(text, "00:59:58;00") && strstr(text, "30000/1001") && strstr(text, "stereo"));
    end_group("facts");
}

static void test_more_facts(void)
{
    MskMediaInfo info;

    g_autoptr(MskMedia) fields = open_indexed(
        clip_make("fields.mov", "TEST -c:v prores_ks -vf tinterlace=interleave_top -flags +ildct"));
    msk_media_get_info(fields, &info);
    CHECK(info.field_order == MSK_FIELD_TOP_FIRST);

    g_autoptr(MskMedia) variable = open_indexed(clip_make(
        "variable.mp4", "TEST -vf \"select=not(mod(n\\,3))+not(mod(n\\,4))\" -vsync vfr -c:v "
                        "libx264 -timecode 01:00:00:00"));
    msk_media_get_info(variable, &info);
    CHECK(info.is_vfr && msk_media_dup_timecode(variable, 0) == NULL);

    // Milliseconds cannot hold 23.976: the rate must be found all the same.
    g_autoptr(MskMedia) film =
        open_indexed(clip_make("film.mkv", "TEST -r 24000/1001 -c:v libx264 -bf 2"));
    msk_media_get_info(film, &info);
    CHECK(is_ratio(info.frame_rate, 24000, 1001) && !info.is_vfr &&
          is_ratio(info.time_base, 1, 1000));

    g_autoptr(MskMedia) alpha = open_indexed(
        clip_make("alpha.webm", "TEST -vf format=yuva420p,fade=in:0:40:alpha=1 -c:v libvpx-vp9 "
                                "-auto-alt-ref 0 -cpu-used 5"));
    msk_media_get_info(alpha, &info);
    CHECK(info.has_alpha && strcmp(info.decoder, "libvpx-vp9") == 0);
    g_autoptr(GBytes) oracle = clip_decode(clip_path("alpha.webm"), "-c:v libvpx-vp9");
    g_autoptr(MskFrame) frame = msk_media_get_frame(alpha, 20, NULL, NULL);
    g_autoptr(GBytes) bytes = clip_frame_bytes(frame);
    const size_t size = g_bytes_get_size(bytes);
    CHECK(size == 160 * 120 * 5 / 2 && g_bytes_get_size(oracle) == 50 * size);
    CHECK(memcmp((const uint8_t *)g_bytes_get_data(oracle, NULL) + 20 * size,
                 g_bytes_get_data(bytes, NULL), size) == 0);
    end_group("more facts");
}

// ---- Rotation ----------------------------------------------------------------------------------

static void test_rotation(void)
{
    static const int angles[] = {90, 180, 270};
    const char *source = clip_make("upright.mp4", "TEST -c:v libx264rgb -g 10");

    for (size_t i = 0; i < G_N_ELEMENTS(angles) && CHECK(source); i++) {
        g_autofree char *arguments = g_strdup_printf(
            "-i upright.mp4 -c copy -metadata:s:v rotate=%d -aspect 2:1", angles[i]);
        g_autofree char *name = g_strdup_printf("turned-%d.mp4", angles[i]);
        const char *path = clip_make(name, arguments);
        g_autoptr(MskMedia) media = open_indexed(path);
        MskMediaInfo info;
        msk_media_get_info(media, &info);
        const gboolean swaps = angles[i] != 180;
        CHECK(info.width == (swaps ? 120 : 160) && info.height == (swaps ? 160 : 120));
        CHECK(info.coded_width == 160 && info.coded_height == 120);
        CHECK(swaps ? is_ratio(info.pixel_aspect, 2, 3) : is_ratio(info.pixel_aspect, 3, 2));
        // ffmpeg turns the picture itself.
        g_autoptr(GBytes) oracle = clip_convert(path, "", "-pix_fmt rgb24 -f rawvideo");
        for (int64_t n = 3; n < 50; n += 20) {
            g_autoptr(GBytes) rgb = rgb_of(media, n);
            const size_t size = g_bytes_get_size(rgb);
            CHECK(size == 160 * 120 * 3 && g_bytes_get_size(oracle) == 50 * size);
            CHECK(memcmp((const uint8_t *)g_bytes_get_data(oracle, NULL) + n * size,
                         g_bytes_get_data(rgb, NULL), size) == 0);
        }
    }
    end_group("rotation");
}

// A JPEG with an orientation tag: the bytes of a JPEG with an EXIF segment put in after its start.
static const char *tag_jpeg(const char *from, const char *name, int orientation)
{
    const uint8_t exif[] = {
        0xff,
        0xe1,
        0,
        34,
        'E',
        'x',
        'i',
        'f',
        0,
        0,
        'I',
        'I',
        42,
        0,
        8,
        0,
        0,
        0,
        1,
        0,
        0x12,
        0x01,
        3,
        0,
        1,
        0,
        0,
        0,
        (uint8_t)orientation,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    };
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autofree char *jpeg = NULL;
    gsize size;

    g_file_get_contents(from, &jpeg, &size, NULL);
    g_byte_array_append(bytes, (const uint8_t *)jpeg, 2);
    g_byte_array_append(bytes, exif, sizeof exif);
    g_byte_array_append(bytes, (const uint8_t *)jpeg + 2, (guint)size - 2);
    return clip_write(name, bytes->data, bytes->len);
}

static void test_exif(void)
{
    // What brings a picture with the tag upright, by the definition in the EXIF standard.
    static const char *const filters[] = {
        "null",        "hflip",       "hflip,vflip", "vflip",
        "transpose=0", "transpose=1", "transpose=3", "transpose=2",
    };
    const char *plain =
        clip_make("plain.jpg", "TEST -frames:v 1 -vf format=gray,format=yuvj444p -q:v 2");

    for (int i = 0; i < 8 && CHECK(plain); i++) {
        g_autofree char *name = g_strdup_printf("exif-%d.jpg", i + 1);
        const char *path = tag_jpeg(plain, name, i + 1);
        g_autofree char *after = g_strdup_printf("-vf %s -f rawvideo -pix_fmt gray", filters[i]);
        g_autoptr(GBytes) oracle = clip_convert(plain, "", after);
        g_autoptr(MskMedia) media = open_indexed(path);
        MskMediaInfo info;
        msk_media_get_info(media, &info);
        CHECK(info.orientation == (MskOrientation)(i + 1) && info.width == (i < 4 ? 160 : 120));
        g_autoptr(GBytes) rgb = rgb_of(media, 0);
        bool is_same = g_bytes_get_size(oracle) == 160 * 120;
        for (int p = 0; is_same && p < 160 * 120 * 3; p++)
            is_same = ((const uint8_t *)g_bytes_get_data(rgb, NULL))[p] ==
                      ((const uint8_t *)g_bytes_get_data(oracle, NULL))[p / 3];
        CHECK(is_same);
    }
    end_group("orientation tags");
}

// ---- Sequences ---------------------------------------------------------------------------------

static void check_sequence(const char *path, int n_frames, const char *first, const char *last)
{
    g_autoptr(MskMedia) media = open_indexed(path);

    if (!CHECK(media && msk_media_get_n_frames(media) == n_frames))
        return;
    CHECK(g_strcmp0(msk_media_get_image_name(media, 0), first) == 0);
    CHECK(g_strcmp0(msk_media_get_image_name(media, n_frames - 1), last) == 0);
    CHECK(msk_media_get_image_name(media, n_frames) == NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    for (int64_t n = n_frames - 1; n >= 0; n -= 4) {
        const char *where = g_file_test(path, G_FILE_TEST_IS_DIR) ? path : folder;
        g_autofree char *image = g_build_filename(where, msk_media_get_image_name(media, n), NULL);
        g_autoptr(GBytes) oracle = clip_convert(image, "", "-f rawvideo -pix_fmt rgb24");
        g_autoptr(GBytes) rgb = rgb_of(media, n);
        CHECK(g_bytes_equal(rgb, oracle));
        CHECK(msk_media_get_pts(media, n) == n);
        g_autoptr(MskMedia) twin = msk_media_new_twin(media);
        g_autoptr(GBytes) twins = rgb_of(twin, n);
        CHECK(g_bytes_equal(twins, oracle));
    }
}

static void test_sequences(void)
{
    g_mkdir(clip_path("plain"), 0755);
    g_mkdir(clip_path("natural"), 0755);
    g_mkdir(clip_path("mixed"), 0755);
    clip_make("plain/shot.%04d.png", "TEST -start_number 1001 -frames:v 12 -pix_fmt rgb24");
    clip_make("natural/f%d.png", "TEST -start_number 1 -frames:v 12 -pix_fmt rgb24");
    clip_make("mixed/%02d.png", "TEST -start_number 0 -frames:v 5 -pix_fmt rgb24");

    check_sequence(clip_path("plain"), 12, "shot.1001.png", "shot.1012.png");
    check_sequence(clip_path("plain/shot.%04d.png"), 12, "shot.1001.png", "shot.1012.png");
    check_sequence(clip_path("natural"), 12, "f1.png", "f12.png");
    check_sequence(clip_path("natural/f%d.png"), 12, "f1.png", "f12.png");
    check_sequence(clip_path("natural/f3.png"), 1, "f3.png", "f3.png");
    clip_write("natural/notes.txt", "x", 1);
    check_sequence(clip_path("natural"), 12, "f1.png", "f12.png");

    // A gap is closed and told.
    g_unlink(clip_path("plain/shot.1005.png"));
    g_autoptr(MskMedia) gap = open_indexed(clip_path("plain/shot.%04d.png"));
    g_autofree char *warning = msk_media_dup_warning(gap);
    CHECK(msk_media_get_n_frames(gap) == 11 && warning && strstr(warning, "1005"));
    CHECK(strcmp(msk_media_get_image_name(gap, 4), "shot.1006.png") == 0);
    MskMediaInfo info;
    msk_media_get_info(gap, &info);
    CHECK(info.is_sequence && is_ratio(info.frame_rate, 25, 1) && info.duration == 11);

    // Another rate, on request.
    const MskMediaOptions options = {.sequence_rate = {24000, 1001}};
    g_autoptr(MskMedia) film = msk_media_open(clip_path("natural"), &options, NULL, NULL);
    msk_media_get_info(film, &info);
    CHECK(is_ratio(info.frame_rate, 24000, 1001) && is_ratio(info.time_base, 1001, 24000));

    // The odd one is named, by the index and by asking for it.
    g_autoptr(GError) error = NULL;
    clip_make("mixed/03.png", "-f lavfi -i color=s=80x60 -frames:v 1");
    g_autoptr(MskMedia) mixed = msk_media_open(clip_path("mixed"), NULL, NULL, NULL);
    CHECK(!msk_media_build_index(mixed, MSK_INDEX_AUTO, NULL, NULL, NULL, &error));
    CHECK(g_error_matches(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_MIXED_SIZES) &&
          strstr(error->message, "03.png") && strstr(error->message, "80 x 60") &&
          msk_media_error_is_input(error));
    g_clear_error(&error);
    CHECK(!msk_media_get_frame(mixed, 3, NULL, &error) && strstr(error->message, "03.png"));
    g_clear_error(&error);

    // One that does not decode keeps its number.
    clip_write("mixed/03.png", "\x89PNG\r\n\x1a\n junk", 13);
    g_autoptr(MskMedia) damaged = open_indexed(clip_path("mixed"));
    CHECK(damaged && msk_media_get_n_frames(damaged) == 5);
    CHECK(!msk_media_get_frame(damaged, 3, NULL, &error) && strstr(error->message, "03.png") &&
          g_error_matches(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_DAMAGED));
    g_autoptr(MskFrame) after = msk_media_get_frame(damaged, 4, NULL, NULL);
    CHECK(after && msk_frame_get_number(after) == 4);
    end_group("sequences");
}

static void test_images(void)
{
    // A '%' in the name of a file that exists is no pattern; contents count, not the extension.
    const char *odd = clip_path("100%d.png");
    const char *plain = clip_make("image.png", "TEST -frames:v 1 -pix_fmt rgb48be");
    g_autofree char *bytes = NULL;
    gsize size;

    g_file_get_contents(plain, &bytes, &size, NULL);
    g_file_set_contents(odd, bytes, (gssize)size, NULL);
    const char *wrong = clip_write("image.jpg", bytes, size);
    const char *paths[] = {plain, odd, wrong};
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(MskMedia) media = open_indexed(paths[i]);
        MskMediaInfo info;
        if (!CHECK(media))
            continue;
        msk_media_get_info(media, &info);
        CHECK(info.n_frames == 1 && info.depth == 16 && info.is_sequence && info.n_audio == 0);
        g_autoptr(MskFrame) frame = msk_media_get_frame(media, 0, NULL, NULL);
        g_autofree uint16_t *rgba = g_new(uint16_t, 160 * 120 * 4);
        g_autoptr(GBytes) oracle = clip_convert(plain, "", "-f rawvideo -pix_fmt rgb48be");
        CHECK(msk_frame_get_rgba16(frame, rgba, 160 * 8, NULL));
        const uint8_t *expected = g_bytes_get_data(oracle, NULL);
        bool is_same = true;
        for (int p = 0; p < 160 * 120 * 3; p++)
            is_same &= rgba[p / 3 * 4 + p % 3] == (expected[p * 2] << 8 | expected[p * 2 + 1]);
        CHECK(is_same);
    }
    end_group("images");
}

// ---- Wrong files -------------------------------------------------------------------------------

static void check_refused(const char *path, int code, const char *reason)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MskMedia) media = msk_media_open(path, NULL, NULL, &error);
    g_autofree char *name = g_path_get_basename(path);

    if (!CHECK(!media && error) || !CHECK(g_error_matches(error, MSK_MEDIA_ERROR, code)) ||
        !CHECK(strstr(error->message, name)) || !CHECK(strstr(error->message, reason)) ||
        !CHECK(msk_media_error_is_input(error)))
        printf("  %s: [%d] %s\n", path, error ? error->code : -1, error ? error->message : "opens");
}

static uint32_t crc_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put_be32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

// The header of a PNG of any size, and nothing behind it that could be decoded.
static const char *write_png_header(const char *name, uint32_t width, uint32_t height)
{
    uint8_t png[57] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";
    static const uint8_t tail[] = "\0\0\0\x0cIDATx\x9c\x63\x60\0\0\0\2\0\1";

    put_be32(png + 16, width);
    put_be32(png + 20, height);
    png[24] = 8;
    png[25] = 6;
    put_be32(png + 29, crc_of(png + 12, 17));
    memcpy(png + 33, tail, sizeof tail - 1);
    return clip_write(name, png, sizeof png);
}

static void test_refused(void)
{
    static const char text[] = "This is a shopping list: milk, bread, eggs.\n";
    g_autofree char *long_text = g_strnfill(100000, 'a');

    check_refused(clip_path("missing.mp4"), MSK_MEDIA_ERROR_NOT_FOUND, "no file");
    check_refused(clip_path("missing/%04d.png"), MSK_MEDIA_ERROR_NOT_FOUND, "folder");
    check_refused(clip_path("nothing.%04d.png"), MSK_MEDIA_ERROR_NOT_FOUND, "pattern");
    g_mkdir(clip_path("empty"), 0755);
    check_refused(clip_path("empty"), MSK_MEDIA_ERROR_NOT_FOUND, "no images");
    check_refused(clip_write("text.mp4", text, sizeof text), MSK_MEDIA_ERROR_FORMAT, "not a video");
    check_refused(clip_write("text.txt", text, sizeof text), MSK_MEDIA_ERROR_FORMAT, "not a video");
    check_refused(clip_write("text.mov", long_text, 100000), MSK_MEDIA_ERROR_FORMAT, "not a video");
    check_refused(clip_write("text.png", text, sizeof text), MSK_MEDIA_ERROR_FORMAT, "text.png");
    check_refused(clip_write("empty.mp4", "", 0), MSK_MEDIA_ERROR_FORMAT, "not a video");
    check_refused(clip_write("empty.png", "", 0), MSK_MEDIA_ERROR_FORMAT, "empty.png");
    check_refused(clip_make("sound.m4a", "-f lavfi -i sine=d=1 -c:a aac"), MSK_MEDIA_ERROR_NO_VIDEO,
                  "sound");
    clip_make("cover.png", "TEST -frames:v 1");
    check_refused(clip_make("cover.mp3",
                            "-f lavfi -i sine=d=1 -i cover.png -map 0 -map 1 -c:v copy "
                            "-disposition:v attached_pic"),
                  MSK_MEDIA_ERROR_NO_VIDEO, "cover");
    const char *whole = clip_make("whole.mp4", "TEST -c:v libx264");
    check_refused(clip_truncate("headless.mp4", whole, 0.5), MSK_MEDIA_ERROR_FORMAT, "moov");
    check_refused(write_png_header("wide.png", 60000, 60000), MSK_MEDIA_ERROR_SIZE,
                  "60000 x 60000");
    check_refused(write_png_header("huge.png", 0x7fffffff, 0x7fffffff), MSK_MEDIA_ERROR_SIZE,
                  "huge.png");
    check_refused("/dev/zero", MSK_MEDIA_ERROR_UNREADABLE, "regular");
    const char *pipe = clip_path("pipe.mp4");
    CHECK(mkfifo(pipe, 0600) == 0);
    check_refused(pipe, MSK_MEDIA_ERROR_UNREADABLE, "regular");
    const char *secret = clip_write("secret.mp4", text, sizeof text);
    g_chmod(secret, 0);
    if (g_access(secret, R_OK) != 0) // root reads everything
        check_refused(secret, MSK_MEDIA_ERROR_UNREADABLE, "permissions");
    check_refused(clip_make("large.mkv", "-f lavfi -i color=s=16400x64:d=0.04 -c:v ffv1"),
                  MSK_MEDIA_ERROR_SIZE, "16400 x 64");
    // Nothing but a header: the container opens, no picture follows.
    const char *header = clip_make("header.avi", "TEST -c:v mjpeg");
    g_autofree char *bytes = NULL;
    gsize size;
    g_file_get_contents(header, &bytes, &size, NULL);
    const char *movie = memmem(bytes, size, "movi", 4);
    check_refused(clip_write("no-frames.avi", bytes, (size_t)(movie + 4 - bytes)),
                  MSK_MEDIA_ERROR_EMPTY, "no frame");
    // A playlist must not reach for other files.
    static const char playlist[] = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n"
                                   "http://localhost:9/x.ts\n#EXT-X-ENDLIST\n";
    g_autoptr(GError) error = NULL;
    CHECK(!msk_media_open(clip_write("list.m3u8", playlist, sizeof playlist - 1), NULL, NULL,
                          &error));
    end_group("wrong files");
}

static void check_truncated(const char *from, const char *name, const char *warns)
{
    const char *path = clip_truncate(name, from, 0.6);
    g_autofree char *count = clip_probe(path, "-count_frames", "stream=nb_read_frames");
    g_autoptr(MskMedia) media = open_indexed(path);

    if (!CHECK(media))
        return;
    const int64_t n_frames = msk_media_get_n_frames(media);
    g_autofree char *warning = msk_media_dup_warning(media);
    if (!CHECK(n_frames == g_ascii_strtoll(count, NULL, 10) && n_frames < 50 && n_frames > 10))
        printf("  %s: %d frames, not %s\n", name, (int)n_frames, count);
    if (warns && !CHECK(warning && strstr(warning, warns)))
        printf("  %s: %s\n", name, warning ? warning : "no warning");
    for (int64_t n = n_frames - 1; n >= 0; n--) {
        g_autoptr(MskFrame) frame = msk_media_get_frame(media, n, NULL, NULL);
        CHECK(frame != NULL);
    }
}

static void test_truncated(void)
{
    check_truncated(clip_make("t.mp4", "TEST -c:v libx264 -bf 2 -g 12 -movflags +faststart"),
                    "cut.mp4", "cut off");
    check_truncated(clip_make("t.mov", "TEST -c:v prores_ks -movflags +faststart"), "cut.mov",
                    "cut off");
    check_truncated(clip_make("t.mkv", "TEST -c:v ffv1"), "cut.mkv", "cut off");
    check_truncated(clip_make("t.avi", "TEST -c:v mjpeg"), "cut.avi", "promises 50");
    check_truncated(clip_make("t.ts", "TEST -c:v libx264 -g 12"), "cut.ts", NULL);
    end_group("truncated files");
}

// Zeros in the middle of the file: what the decoder makes of it is what counts.
static void test_damage(void)
{
    static const char *const kinds[] = {
        "damaged.mp4",  "TEST -c:v libx264 -bf 2 -g 12 -movflags +faststart",
        "damaged.avi",  "TEST -c:v mjpeg -q:v 3",
        "damaged.webm", "TEST -c:v libvpx-vp9 -g 12 -b:v 300k -cpu-used 5",
        "damaged.ts",   "TEST -c:v mpeg2video -bf 2 -g 12",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i += 2) {
        g_autofree char *bytes = NULL;
        gsize size;
        const char *path = clip_make(kinds[i], kinds[i + 1]);
        g_file_get_contents(path, &bytes, &size, NULL);
        memset(bytes + size / 2, 0, 3000);
        g_file_set_contents(path, bytes, (gssize)size, NULL);
        g_autofree char *count = clip_probe(path, "-count_frames", "stream=nb_read_frames");
        g_autoptr(MskMedia) media = open_indexed(path);
        if (!CHECK(media && msk_media_get_n_frames(media) == g_ascii_strtoll(count, NULL, 10)))
            printf("  %s: %d frames, not %s\n", kinds[i], (int)msk_media_get_n_frames(media),
                   count);
        int n_lost = 0;
        for (int64_t n = 0; media && n < msk_media_get_n_frames(media); n++) {
            g_autoptr(MskFrame) frame = msk_media_get_frame(media, n, NULL, NULL);
            n_lost += !frame || msk_frame_get_number(frame) != n;
        }
        CHECK(n_lost == 0);
    }
    end_group("damaged files");
}

// ---- Cache -------------------------------------------------------------------------------------

static void test_cache(void)
{
    g_autoptr(MskMedia) media = open_indexed(clip_make("cache.mp4", "TEST -c:v libx264 -g 25"));
    g_autoptr(MskMedia) other = open_indexed(clip_path("cache.mp4"));
    g_autoptr(MskFrame) frame = msk_media_get_frame(media, 1, NULL, NULL);
    const size_t size = msk_frame_get_size(frame);
    g_autoptr(MskFrameCache) cache = msk_frame_cache_new(size * 20);
    MskFrameCacheStats stats;

    CHECK(size >= 160 * 120 * 3 / 2);
    CHECK(msk_frame_cache_peek(cache, media, 3) == NULL);
    // Going backwards through two groups of 25: each is decoded in a few runs, not once a frame.
    for (int64_t n = 49; n >= 0; n--) {
        g_autoptr(MskFrame) got = msk_frame_cache_get(cache, media, n, NULL, NULL);
        CHECK(got && msk_frame_get_number(got) == n);
        msk_frame_cache_get_stats(cache, &stats);
        CHECK(stats.size <= stats.budget && stats.n_frames <= 21);
    }
    CHECK(stats.n_hits + stats.n_misses == 51 && stats.n_misses <= 8 && stats.n_evicted > 0);

    g_autoptr(MskFrame) first = msk_frame_cache_get(cache, media, 0, NULL, NULL);
    g_autoptr(MskFrame) again = msk_frame_cache_peek(cache, media, 0);
    CHECK(first == again);
    g_autoptr(MskFrame) foreign = msk_frame_cache_peek(cache, other, 0);
    CHECK(foreign == NULL);
    g_autoptr(MskFrame) from_other = msk_frame_cache_get(cache, other, 5, NULL, NULL);
    msk_frame_cache_drop(cache, media);
    g_autoptr(MskFrame) dropped = msk_frame_cache_peek(cache, media, 0);
    g_autoptr(MskFrame) kept = msk_frame_cache_peek(cache, other, 5);
    CHECK(!dropped && kept == from_other);

    // The least recently used one goes first.
    msk_frame_cache_clear(cache);
    msk_frame_cache_get_stats(cache, &stats);
    CHECK(stats.n_frames == 0 && stats.size == 0);
    for (int64_t n = 0; n < 4; n++)
        msk_frame_unref(msk_frame_cache_get(cache, media, n, NULL, NULL));
    msk_frame_unref(msk_frame_cache_peek(cache, media, 1));
    msk_frame_cache_set_budget(cache, size * 2 + size / 2);
    g_autoptr(MskFrame) one = msk_frame_cache_peek(cache, media, 1);
    g_autoptr(MskFrame) two = msk_frame_cache_peek(cache, media, 2);
    g_autoptr(MskFrame) three = msk_frame_cache_peek(cache, media, 3);
    CHECK(one && !two && three);
    msk_frame_cache_set_budget(cache, 1); // one frame stays, whatever its size
    msk_frame_cache_get_stats(cache, &stats);
    CHECK(stats.n_frames == 1);
    g_autoptr(GError) error = NULL;
    CHECK(!msk_frame_cache_get(cache, media, 50, NULL, &error) &&
          g_error_matches(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_RANGE));
    end_group("cache");
}

typedef struct Crowd {
    MskFrameCache *cache;
    MskMedia *media[2];
    guint expected[50];
    gint n_wrong;
} Crowd;

static guint hash_of(const MskFrame *frame)
{
    g_autoptr(GBytes) bytes = clip_frame_bytes(frame);

    return g_bytes_hash(bytes);
}

static gpointer crowd_thread(gpointer user)
{
    Crowd *crowd = user;
    guint state = GPOINTER_TO_UINT(g_thread_self()) | 1;

    for (int i = 0; i < 120; i++) {
        state = state * 1664525u + 1013904223u;
        const int n = (int)(state >> 8) % 50;
        g_autoptr(MskFrame) frame =
            msk_frame_cache_get(crowd->cache, crowd->media[state >> 30 & 1], n, NULL, NULL);
        uint8_t rgba[16 * 12 * 4];
        if (!frame || hash_of(frame) != crowd->expected[n] ||
            !msk_frame_get_rgba8_scaled(frame, 16, 12, rgba, 64, NULL))
            g_atomic_int_inc(&crowd->n_wrong);
        if (i % 40 == 39)
            msk_frame_cache_drop(crowd->cache, crowd->media[0]);
    }
    return NULL;
}

static void test_threads(void)
{
    Crowd crowd = {0};
    GThread *threads[4];

    crowd.media[0] = open_indexed(clip_path("cache.mp4"));
    crowd.media[1] = open_indexed(clip_path("cache.mp4"));
    for (int n = 0; n < 50; n++) {
        g_autoptr(MskFrame) frame = msk_media_get_frame(crowd.media[0], n, NULL, NULL);
        crowd.expected[n] = hash_of(frame);
    }
    crowd.cache = msk_frame_cache_new(1 << 20);
    for (int i = 0; i < 4; i++)
        threads[i] = g_thread_new("crowd", crowd_thread, &crowd);
    for (int i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    CHECK(crowd.n_wrong == 0);
    msk_frame_cache_free(crowd.cache);
    g_object_unref(crowd.media[0]);
    g_object_unref(crowd.media[1]);
    end_group("threads");
}

int main(void)
{
    if (!clips_begin()) {
        printf("0 passed, 0 failed, 1 skipped (no ffmpeg)\n");
        return 77;
    }
    test_facts();
    test_more_facts();
    test_rotation();
    test_exif();
    test_sequences();
    test_images();
    test_refused();
    test_truncated();
    test_damage();
    test_cache();
    test_threads();
    clips_end();
    return end_tests();
}
