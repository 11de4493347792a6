// SPDX-License-Identifier: Apache-2.0
// Export: names, patterns, staging, the pushed form and what it refuses. Reading the results back
// is check_export.py's part.
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/export_private.h"
#include "tests/support/check.h"

#define WIDTH 12
#define HEIGHT 8
#define N_FRAMES 6

static char *work; // a folder that is removed at the end

static char *in_work(const char *name)
{
    return g_build_filename(work, name, NULL);
}

static int count_entries(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    int n = 0;
    while (dir && g_dir_read_name(dir))
        n++;
    return n;
}

// ---- Names -------------------------------------------------------------------------------------

static bool safe_is(const char *name, const char *expected)
{
    g_autofree char *safe = msk_export_safe_name(name, "object-7");
    if (!g_str_equal(safe, expected))
        printf("\"%s\" became \"%s\"\n", name ? name : "(null)", safe);
    return g_str_equal(safe, expected);
}

static void test_names(void)
{
    CHECK(safe_is("dog", "dog"));
    CHECK(safe_is("the dog", "the dog"));
    CHECK(safe_is("J\xc3\xb6rg", "J\xc3\xb6rg"));
    CHECK(safe_is("a/b\\c:d*e", "a_b_c_d_e"));
    CHECK(safe_is("../../etc/passwd", "_.._etc_passwd"));
    CHECK(safe_is("..", "object-7"));
    CHECK(safe_is("", "object-7"));
    CHECK(safe_is(NULL, "object-7"));
    CHECK(safe_is(" . ", "object-7"));
    CHECK(safe_is("a\nb\x7f", "a_b_"));
    CHECK(safe_is("{name}", "_name_"));
    CHECK(safe_is("trailing. ", "trailing"));
    char longest[1000];
    memset(longest, 'x', sizeof(longest));
    memcpy(longest + 99, "\xc3\xb6", 2); // must not be cut in half
    longest[999] = 0;
    g_autofree char *safe = msk_export_safe_name(longest, "x");
    CHECK(strlen(safe) == 99 && g_utf8_validate(safe, -1, NULL));
    g_autofree char *broken = msk_export_safe_name("a\xff\xfe", "x");
    CHECK(g_utf8_validate(broken, -1, NULL) && broken[0] == 'a');
    end_group("names");
}

static bool pattern_is_fine(const char *pattern, bool one_object)
{
    g_autoptr(GError) error = NULL;
    gboolean fine = msk_export_pattern_check(pattern, one_object, &error);
    CHECK(fine == (error == NULL));
    return fine;
}

static bool expands_to(const char *pattern, int64_t number, const char *expected)
{
    g_autofree char *name = msk_export_pattern_expand(pattern, "dog", 3, "clip", number);
    if (!g_str_equal(name, expected))
        printf("%s became %s\n", pattern, name);
    return g_str_equal(name, expected);
}

static void test_patterns(void)
{
    CHECK(pattern_is_fine("{name}.{frame:04d}.png", false));
    CHECK(pattern_is_fine("{frame}.png", false));
    CHECK(pattern_is_fine("{clip}-{id}-{frame:09d}.png", true));
    CHECK(!pattern_is_fine("{id}-{frame}.png", false));
    CHECK(!pattern_is_fine("name.png", true));
    CHECK(!pattern_is_fine("{frame}{frame}.png", true));
    CHECK(!pattern_is_fine("{frame:4d}.png", true));
    CHECK(!pattern_is_fine("{frame:010d}.png", true));
    CHECK(!pattern_is_fine("{what}{frame}.png", true));
    CHECK(!pattern_is_fine("{frame}.jpg", true));
    CHECK(!pattern_is_fine("a/{frame}.png", true));
    CHECK(!pattern_is_fine("{frame.png", true));
    CHECK(!pattern_is_fine("}{frame}.png", true));
    CHECK(!pattern_is_fine("", true));
    CHECK(!pattern_is_fine("\xff{frame}.png", true));
    CHECK(expands_to("{name}.{frame:04d}.png", 7, "dog.0007.png"));
    CHECK(expands_to("{name}.{frame:04d}.png", 123456, "dog.123456.png"));
    CHECK(expands_to("{clip}_{id}_{frame}.png", 0, "clip_3_0.png"));
    CHECK(expands_to("{frame:00d}%d.png", 5, "5%d.png"));

    g_autofree char *plain = msk_export_object_path("/a/out.mov", "dog", 2);
    g_autofree char *fields = msk_export_object_path("/a/{id}-{name}.mov", "dog", 2);
    g_autofree char *bare = msk_export_object_path("out", "dog", 2);
    CHECK(g_str_equal(plain, "/a/out-dog.mov"));
    CHECK(g_str_equal(fields, "/a/2-dog.mov"));
    CHECK(g_str_has_suffix(bare, "out-dog"));
    end_group("patterns");
}

static void test_kinds(void)
{
    for (int i = 0; i < MSK_EXPORT_N_KINDS; i++) {
        MskExportKind kind;
        CHECK(msk_export_kind_from_name(msk_export_kind_get_name(i), &kind) && (int)kind == i);
        CHECK(msk_export_kind_get_description(i)[0] != 0);
        CHECK(msk_export_kind_is_sequence(i) == (msk_export_kind_get_extension(i) == NULL));
    }
    MskExportKind kind;
    CHECK(!msk_export_kind_from_name("gif", &kind));
    end_group("kinds");
}

// ---- Staging -----------------------------------------------------------------------------------

static void write_text(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!g_file_set_contents(path, text, -1, NULL))
        g_error("cannot write %s", path);
}

static bool text_is(const char *folder, const char *name, const char *expected)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *text = NULL;
    g_file_get_contents(path, &text, NULL, NULL);
    return g_strcmp0(text, expected) == 0;
}

static void test_stage(void)
{
    g_autofree char *folder = in_work("stage");
    g_mkdir(folder, 0755);
    g_autofree char *target = g_build_filename(folder, "out.mov", NULL);

    MskStage *stage = msk_stage_open(target, FALSE, FALSE, NULL);
    write_text(folder, g_strrstr(msk_stage_get_path(stage), "/") + 1, "new");
    CHECK(count_entries(folder) == 1 && !g_file_test(target, G_FILE_TEST_EXISTS));
    msk_stage_free(stage);
    CHECK(count_entries(folder) == 0);

    stage = msk_stage_open(target, FALSE, FALSE, NULL);
    write_text(folder, g_strrstr(msk_stage_get_path(stage), "/") + 1, "new");
    write_text(folder, "out.mov", "somebody was faster");
    g_autoptr(GError) late = NULL;
    CHECK(!msk_stage_commit(stage, &late) && late);
    msk_stage_free(stage);
    CHECK(count_entries(folder) == 1 && text_is(folder, "out.mov", "somebody was faster"));

    g_autoptr(GError) exists = NULL;
    CHECK(!msk_stage_open(target, FALSE, FALSE, &exists));
    CHECK(g_error_matches(exists, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_EXISTS));
    stage = msk_stage_open(target, FALSE, TRUE, NULL);
    write_text(folder, g_strrstr(msk_stage_get_path(stage), "/") + 1, "newer");
    CHECK(msk_stage_commit(stage, NULL));
    msk_stage_revoke(stage); // what was there before is gone; the new one must not go too
    msk_stage_free(stage);
    CHECK(count_entries(folder) == 1 && text_is(folder, "out.mov", "newer"));
    struct stat status;
    mode_t mask = umask(022);
    umask(mask);
    CHECK(stat(target, &status) == 0 && (status.st_mode & 0777) == (0666 & ~mask));

    // Folders: a new one as a whole, an existing one file by file.
    g_autofree char *sequence = g_build_filename(folder, "frames", NULL);
    stage = msk_stage_open(sequence, TRUE, FALSE, NULL);
    write_text(msk_stage_get_path(stage), "a.png", "1");
    write_text(msk_stage_get_path(stage), "old.png", "1");
    write_text(msk_stage_get_path(stage), "frames.csv",
               "index,pts,time_base,timecode,file\n0,0,1/25,,a.png\n1,1,1/25,,\"old.png\"\n"
               "2,2,1/25,,../out.mov\n3,3,1/25,,..\nbroken");
    CHECK(msk_stage_commit(stage, NULL));
    msk_stage_free(stage);
    CHECK(count_entries(sequence) == 3 && count_entries(folder) == 2);
    write_text(sequence, "mine.txt", "1");
    stage = msk_stage_open(sequence, TRUE, TRUE, NULL);
    write_text(msk_stage_get_path(stage), "a.png", "2");
    CHECK(msk_stage_commit(stage, NULL));
    msk_stage_free(stage);
    CHECK(text_is(sequence, "a.png", "2") && text_is(sequence, "mine.txt", "1"));
    CHECK(count_entries(sequence) == 3 && count_entries(folder) == 2); // old.png went, out.mov not
    CHECK(text_is(folder, "out.mov", "newer"));
    end_group("stage");
}

// ---- Pushing -----------------------------------------------------------------------------------

static MskMedia *make_media(void)
{
    g_autofree char *folder = in_work("source");
    g_mkdir(folder, 0755);
    for (int n = 0; n < N_FRAMES; n++) {
        GString *image = g_string_new(NULL);
        g_string_printf(image, "P6\n%d %d\n255\n", WIDTH, HEIGHT);
        for (int i = 0; i < WIDTH * HEIGHT * 3; i++)
            g_string_append_c(image, (char)(i * 7 + n));
        g_autofree char *name = g_strdup_printf("%04d.ppm", n);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_file_set_contents(path, image->str, (gssize)image->len, NULL);
        g_string_free(image, TRUE);
    }
    GError *error = NULL;
    MskMedia *media = msk_media_open(folder, NULL, NULL, &error);
    if (!media || !msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, NULL, &error))
        g_error("%s", error->message);
    return media;
}

static bool fails_with(gboolean done, GError **error, int code, const char *part)
{
    bool right = !done && *error && (*error)->domain == MSK_EXPORT_ERROR &&
                 (*error)->code == code && strstr((*error)->message, part);
    if (!right)
        printf("got: %s\n", *error ? (*error)->message : "no error");
    g_clear_error(error);
    return right;
}

static bool refuses(MskMedia *media, MskExportOptions options, const MskExportObject *objects,
                    int n, int code, const char *part)
{
    GError *error = NULL;
    MskExport *job = msk_export_open(&options, media, objects, n, &error);
    bool right = fails_with(job != NULL, &error, code, part);
    msk_export_free(job);
    return right;
}

static void test_push(MskMedia *media)
{
    static const MskExportObject objects[] = {{2, "b"}, {1, "B"}};
    g_autofree char *folder = in_work("push");
    g_mkdir(folder, 0755);
    g_autofree char *path = g_build_filename(folder, "out", NULL);
    MskExportOptions options = MSK_EXPORT_OPTIONS_INIT;
    options.kind = MSK_EXPORT_MATTE_PNG;
    options.path = path;
    g_autoptr(MskMask) full = NULL, small = msk_mask_new_empty(3, 3);
    uint8_t pixels[WIDTH * HEIGHT];
    memset(pixels, 1, sizeof(pixels));
    full = msk_mask_new_bits(pixels, WIDTH, WIDTH, HEIGHT);
    g_autoptr(MskFrame) first = msk_media_get_frame(media, 1, NULL, NULL);
    g_autoptr(MskFrame) second = msk_media_get_frame(media, 4, NULL, NULL);
    MskMask *masks[] = {full, NULL}, *wrong[] = {NULL, small};
    GError *error = NULL;

    // Nothing written: nothing made.
    MskExport *job = msk_export_open(&options, media, objects, 2, &error);
    CHECK(job && count_entries(folder) == 1);
    CHECK(
        fails_with(msk_export_finish(job, &error), &error, MSK_EXPORT_ERROR_ARGUMENT, "no frame"));
    CHECK(count_entries(folder) == 0);
    msk_export_free(job);

    // Left alone: nothing stays.
    job = msk_export_open(&options, media, objects, 2, NULL);
    CHECK(msk_export_write_frame(job, first, masks, NULL));
    msk_export_free(job);
    CHECK(count_entries(folder) == 0);

    // Refused frames do not count, and do not spoil what is there.
    job = msk_export_open(&options, media, objects, 2, NULL);
    CHECK(msk_export_write_frame(job, first, masks, NULL));
    CHECK(fails_with(msk_export_write_frame(job, first, masks, &error), &error,
                     MSK_EXPORT_ERROR_ARGUMENT, "does not come after"));
    CHECK(fails_with(msk_export_write_frame(job, second, wrong, &error), &error,
                     MSK_EXPORT_ERROR_ARGUMENT, "object 1: the mask is 3 x 3"));
    CHECK(msk_export_write_frame(job, second, masks, NULL));
    CHECK(msk_export_get_n_frames(job) == 2);
    CHECK(msk_export_finish(job, &error) && !error);
    CHECK(g_str_equal(msk_export_get_paths(job)[0], path) && !msk_export_get_paths(job)[1]);
    CHECK(fails_with(msk_export_write_frame(job, second, masks, &error), &error,
                     MSK_EXPORT_ERROR_ARGUMENT, "ended"));
    msk_export_abort(job); // nothing after a finish
    msk_export_free(job);
    CHECK(count_entries(folder) == 1 && count_entries(path) == 3);
    g_autofree char *image = g_build_filename(path, "source.0004.png", NULL);
    CHECK(g_file_test(image, G_FILE_TEST_EXISTS));

    // Names that differ in case only would be one file on some disks.
    options.separate = TRUE;
    options.overwrite = TRUE;
    options.path = path;
    job = msk_export_open(&options, media, objects, 2, NULL);
    CHECK(msk_export_write_frame(job, first, masks, NULL) && msk_export_finish(job, NULL));
    CHECK(g_str_has_suffix(msk_export_get_paths(job)[0], "/b"));
    CHECK(g_str_has_suffix(msk_export_get_paths(job)[1], "/B-1"));
    msk_export_free(job);
    end_group("push");
}

static void test_refusals(MskMedia *media)
{
    static const MskExportObject one[] = {{1, NULL}}, twice[] = {{4, NULL}, {4, NULL}};
    static const MskExportObject zero[] = {{0, NULL}}, high[] = {{255, NULL}};
    g_autofree char *path = in_work("refused");
    g_autofree char *video = in_work("refused.mov");
    MskExportOptions options = MSK_EXPORT_OPTIONS_INIT;
    options.path = path;
    CHECK(refuses(media, options, one, 0, MSK_EXPORT_ERROR_ARGUMENT, "no objects"));
    CHECK(refuses(media, options, twice, 2, MSK_EXPORT_ERROR_ARGUMENT, "twice"));
    CHECK(refuses(media, options, zero, 1, MSK_EXPORT_ERROR_ARGUMENT, "begin at 1"));
    options.kind = MSK_EXPORT_DAVIS;
    CHECK(refuses(media, options, high, 1, MSK_EXPORT_ERROR_ARGUMENT, "254"));
    options.separate = TRUE;
    CHECK(refuses(media, options, one, 1, MSK_EXPORT_ERROR_ARGUMENT, "DAVIS"));
    options.separate = FALSE;
    options.kind = MSK_EXPORT_PRORES4444;
    CHECK(refuses(media, options, one, 1, MSK_EXPORT_ERROR_ARGUMENT, ".mov"));
    options.path = video;
    options.pattern = "{frame}.png";
    CHECK(refuses(media, options, one, 1, MSK_EXPORT_ERROR_ARGUMENT, "pattern"));
    options.pattern = NULL;
    options.path = NULL;
    CHECK(refuses(media, options, one, 1, MSK_EXPORT_ERROR_ARGUMENT, "destination"));
    options.path = video;
    options.matte.grow = 1e9;
    CHECK(refuses(media, options, one, 1, MSK_EXPORT_ERROR_ARGUMENT, "grow"));
    options.matte.grow = 0;
    options.kind = (MskExportKind)99;
    CHECK(refuses(media, options, one, 1, MSK_EXPORT_ERROR_ARGUMENT, "kind"));
    options.kind = MSK_EXPORT_PRORES4444;
    options.path = "/nowhere/at/all.mov";
    CHECK(refuses(media, options, one, 1, MSK_EXPORT_ERROR_IO, "/nowhere/at"));

    // A folder without the right to write, for whoever is not root.
    g_autofree char *closed = in_work("closed");
    g_autofree char *inside = g_build_filename(closed, "out.mov", NULL);
    g_mkdir(closed, 0555);
    options.path = inside;
    gboolean is_root = geteuid() == 0;
    chmod(work, 0755);
    if (is_root && seteuid(65534) != 0)
        g_error("cannot become nobody");
    CHECK(refuses(media, options, one, 1, MSK_EXPORT_ERROR_IO, "Permission denied"));
    if (is_root && seteuid(0) != 0)
        g_error("cannot become root again");
    CHECK(count_entries(closed) == 0);
    CHECK(!g_file_test(path, G_FILE_TEST_EXISTS) && !g_file_test(video, G_FILE_TEST_EXISTS));
    end_group("refusals");
}

// A mask of columns first..last.
static MskMask *make_columns(int first, int last)
{
    uint8_t pixels[WIDTH * HEIGHT];
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        pixels[i] = i % WIDTH >= first && i % WIDTH <= last;
    return msk_mask_new_bits(pixels, WIDTH, WIDTH, HEIGHT);
}

// Object ids of row 2 as one letter each.
static bool labels_are(MskMedia *media, const MskExportOptions *options,
                       const MskExportObject *objects, MskMask *const *masks, int n,
                       const char *expected)
{
    g_autoptr(MskExport) job = msk_export_open(options, media, objects, n, NULL);
    g_autoptr(MskFrame) frame = msk_media_get_frame(media, 0, NULL, NULL);
    if (!job || !msk_export_write_frame(job, frame, masks, NULL))
        return false;
    char row[WIDTH + 1] = "";
    for (int x = 0; x < WIDTH; x++)
        row[x] = (char)('0' + job->labels[2 * WIDTH + x]);
    if (strcmp(row, expected) != 0)
        printf("labels are %s\n", row);
    return strcmp(row, expected) == 0;
}

static void test_order_and_mattes(MskMedia *media)
{
    g_autofree char *path = in_work("order");
    MskExportOptions options = MSK_EXPORT_OPTIONS_INIT;
    options.kind = MSK_EXPORT_DAVIS;
    options.path = path;
    MskExportObject objects[] = {{3, "c"}, {1, "a"}, {2, "b"}};
    g_autoptr(MskMask) c = make_columns(0, 5), a = make_columns(3, 8), b = make_columns(5, 10);
    MskMask *masks[] = {c, a, b};
    CHECK(labels_are(media, &options, objects, masks, 3, "333111111220"));
    options.first_wins = TRUE;
    CHECK(labels_are(media, &options, objects, masks, 3, "333333111220"));
    MskMask *without[] = {NULL, a, b};
    CHECK(labels_are(media, &options, objects, without, 3, "000111111220"));

    // A matte of its own is in place of the options', not on top of it.
    options.first_wins = FALSE;
    options.matte.grow = 2;
    MskMatteParams none = {0}, shrink = {.grow = -1};
    CHECK(labels_are(media, &options, objects, masks, 3, "311111111112"));
    objects[1].matte = &none;
    objects[2].matte = &shrink;
    CHECK(labels_are(media, &options, objects, masks, 3, "333111111200"));
    MskMatteParams wrong = {.feather = 1e9};
    objects[2].matte = &wrong;
    CHECK(refuses(media, options, objects, 3, MSK_EXPORT_ERROR_ARGUMENT, "Object 2: "));
    end_group("order of objects, mattes of their own");
}

static bool previews(MskMedia *media, const MskExportOptions *options,
                     const MskExportObject *objects, int n, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) paths = msk_export_preview(options, media, objects, n, 2, &error);
    g_autofree char *joined = paths ? g_strjoinv(" ", paths) : g_strdup(error->message);
    if (!strstr(joined, expected))
        printf("previewed: %s\n", joined);
    return strstr(joined, expected) != NULL;
}

static void test_preview(MskMedia *media)
{
    g_autofree char *folder = in_work("preview");
    g_mkdir(folder, 0755);
    g_autofree char *path = g_build_filename(folder, "out", NULL);
    g_autofree char *movie = g_build_filename(folder, "out.mov", NULL);
    static const MskExportObject objects[] = {{1, "dog"}, {2, "ball"}};
    MskExportOptions options = MSK_EXPORT_OPTIONS_INIT;
    options.kind = MSK_EXPORT_MATTE_PNG;
    options.path = path;
    CHECK(previews(media, &options, objects, 2, "/preview/out/source.0002.png"));
    CHECK(previews(media, &options, objects, 1, "/preview/out/dog.0002.png"));
    options.separate = TRUE;
    options.first_number = 1001;
    options.pattern = "{id}_{clip}.{frame}.png";
    CHECK(previews(media, &options, objects, 2, "/preview/out/dog/1_source.1001.png "));
    CHECK(previews(media, &options, objects, 2, "/preview/out/ball/2_source.1001.png"));
    options.pattern = "{id}.png";
    CHECK(previews(media, &options, objects, 2, "must have {frame}"));
    options.pattern = NULL;
    CHECK(previews(media, &options, objects, 0, "no objects"));
    CHECK(count_entries(folder) == 0);

    GError *error = NULL;
    CHECK(msk_export_check_destination(&options, media, objects, 2, &error) && !error);
    g_mkdir(path, 0755);
    CHECK(msk_export_check_destination(&options, media, objects, 2, &error)); // empty
    write_text(path, "a.png", "1");
    CHECK(fails_with(msk_export_check_destination(&options, media, objects, 2, &error), &error,
                     MSK_EXPORT_ERROR_EXISTS, "not empty"));
    options.overwrite = TRUE;
    CHECK(msk_export_check_destination(&options, media, objects, 2, &error) && !error);

    options.kind = MSK_EXPORT_PRORES4444;
    options.path = movie;
    options.overwrite = FALSE;
    CHECK(previews(media, &options, objects, 2, "/preview/out-dog.mov "));
    CHECK(msk_export_check_destination(&options, media, objects, 2, &error) && !error);
    write_text(folder, "out-ball.mov.frames.csv", "1");
    CHECK(fails_with(msk_export_check_destination(&options, media, objects, 2, &error), &error,
                     MSK_EXPORT_ERROR_EXISTS, "out-ball.mov.frames.csv"));
    g_autofree char *nowhere = g_build_filename(folder, "no", "such", "out.mov", NULL);
    options.path = nowhere;
    CHECK(fails_with(msk_export_check_destination(&options, media, objects, 2, &error), &error,
                     MSK_EXPORT_ERROR_IO, "No such file"));
    end_group("previews");
}

int main(void)
{
    work = g_dir_make_tmp("masklet-export-XXXXXX", NULL);
    if (!work)
        return 77;
    test_names();
    test_patterns();
    test_kinds();
    test_stage();
    g_autoptr(MskMedia) media = make_media();
    test_push(media);
    test_refusals(media);
    test_order_and_mattes(media);
    test_preview(media);
    msk_stage_remove_tree(work);
    g_free(work);
    return end_tests();
}
