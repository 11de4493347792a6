// SPDX-License-Identifier: Apache-2.0
// Exporting a document: what was there when it was asked for is what is written, by a queued job.
#include "app/export_document.h"

#include <glib/gstdio.h>
#include <string.h>

#include "app/export_private.h"
#include "app/jobs.h"
#include "document_tools.h"
#include "tests/support/check.h"

#define N_FRAMES 8

static char *work; // a folder that is removed at the end

// Grey pictures, one for each frame.
static char *write_clip(const char *name, int n_frames)
{
    char *folder = g_build_filename(work, name, NULL);
    g_mkdir(folder, 0755);
    for (int n = 0; n < n_frames; n++) {
        g_autofree char *file = g_strdup_printf("%s/%03d.ppm", folder, n);
        g_autoptr(GString) text = g_string_new("P6 24 16 255\n");
        for (int i = 0; i < TOOL_WIDTH * TOOL_HEIGHT * 3; i++)
            g_string_append_c(text, (char)(40 + 10 * n));
        if (!g_file_set_contents(file, text->str, (gssize)text->len, NULL))
            g_error("cannot write %s", file);
    }
    return folder;
}

static MskMedia *open_clip(const char *path)
{
    MskMedia *media = msk_media_open(path, NULL, NULL, NULL);
    if (!media || !msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, NULL, NULL))
        g_error("cannot read %s", path);
    return media;
}

// A document whose objects have masks on all frames: columns 0-9, 6-15 and 12-21.
static MskDocument *make_document(void)
{
    MskDocument *document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, N_FRAMES);
    for (int i = 0; i < 3; i++) {
        g_autofree char *name = g_strdup_printf("thing %c", 'a' + i);
        MskMasklet *masklet = msk_document_add_object(document, name);
        for (int64_t n = 0; n < N_FRAMES; n++) {
            g_autoptr(MskResult) result =
                tool_result_of(n, tool_logits(6 * i, 0, 10, TOOL_HEIGHT), 8, 0.9f);
            msk_document_set_track(document, masklet, n, result, 0, -1);
        }
    }
    return document;
}

static void run_until_idle(MskJobs *jobs)
{
    while (msk_jobs_get_n_active(jobs) > 0)
        g_main_context_iteration(NULL, TRUE);
}

static GPtrArray *all_objects(MskDocument *document)
{
    GPtrArray *all = g_ptr_array_new();
    for (guint i = 0; i < msk_document_get_n_objects(document); i++)
        g_ptr_array_add(all, msk_document_get_object(document, i));
    return all;
}

static MskExportWork *make_work(MskDocument *document, MskMedia *media, const char *name,
                                MskExportKind kind, int64_t first, int64_t last)
{
    g_autofree char *path = g_build_filename(work, name, NULL);
    MskExportOptions options = MSK_EXPORT_OPTIONS_INIT;
    options.kind = kind;
    options.path = path;
    options.first_number = 0;
    g_autoptr(GPtrArray) all = all_objects(document);
    return msk_export_work_new(document, media, (MskMasklet *const *)all->pdata, all->len, first,
                               last, &options);
}

// The middle row of an exported picture, a letter a pixel: "." black, else from the palette.
static char *read_row(const char *name, int64_t frame)
{
    g_autofree char *path = g_build_filename(work, name, NULL);
    g_autoptr(MskMedia) media = open_clip(path);
    g_autoptr(MskFrame) picture = msk_media_get_frame(media, frame, NULL, NULL);
    uint8_t rgb[TOOL_HEIGHT][TOOL_WIDTH][3];
    if (!picture || !msk_frame_get_rgb8(picture, &rgb[0][0][0], sizeof rgb[0], NULL))
        return g_strdup("cannot read");
    char *row = g_malloc0(TOOL_WIDTH + 1);
    for (int x = 0; x < TOOL_WIDTH; x++) {
        const uint8_t *p = rgb[TOOL_HEIGHT / 2][x];
        row[x] = p[0] && p[1] && p[2] ? 'w' : p[0] && p[1] ? '3' : p[1] ? '2' : p[0] ? '1' : '.';
    }
    return row;
}

static bool row_is(const char *name, int64_t frame, const char *expected)
{
    g_autofree char *row = read_row(name, frame);
    if (strcmp(row, expected) != 0)
        printf("%s, frame %d: %s\n", name, (int)frame, row);
    return strcmp(row, expected) == 0;
}

// Through the queue; the caller owns the item.
static MskJobItem *run(MskJobs *jobs, MskExportWork *export)
{
    while (!msk_export_work_collect(export, 1000))
        ;
    MskJobItem *item = g_object_ref(
        msk_jobs_add(jobs, "export", NULL, msk_export_work_run, export, msk_export_work_free));
    run_until_idle(jobs);
    if (msk_job_item_get_message(item))
        printf("%s\n", msk_job_item_get_message(item));
    return item;
}

static void test_order(MskMedia *media)
{
    g_autoptr(MskDocument) document = make_document();
    g_autoptr(MskJobs) jobs = msk_jobs_new();
    g_autoptr(MskJobItem) item =
        run(jobs, make_work(document, media, "list", MSK_EXPORT_DAVIS, 2, 4));
    CHECK(msk_job_item_get_state(item) == MSK_JOB_DONE);
    CHECK(row_is("list", 0, "1111111111222222333333.."));
    MskProgress progress;
    msk_job_get_progress(msk_job_item_get_job(item), &progress);
    CHECK(progress.done == 3 && progress.total == 3);

    // The last one first: it has number 1 and wins.
    msk_document_move_object(document, msk_document_get_object(document, 2), 0);
    g_autoptr(MskJobItem) other =
        run(jobs, make_work(document, media, "moved", MSK_EXPORT_DAVIS, 2, 4));
    CHECK(row_is("moved", 1, "2222222222331111111111.."));
    end_group("the list's order decides");
}

static void test_snapshot(MskMedia *media)
{
    g_autoptr(MskDocument) document = make_document();
    g_autoptr(MskJobs) jobs = msk_jobs_new();
    MskMasklet *a = msk_document_get_object(document, 0);
    msk_document_remove_object(document, msk_document_get_object(document, 2));
    msk_document_remove_object(document, msk_document_get_object(document, 1));
    // Strokes on frame 3, a matte of its own.
    g_autoptr(MskMask) add = tool_bits(20, 0, 2, TOOL_HEIGHT),
                       cut = tool_bits(0, 0, 3, TOOL_HEIGHT);
    CHECK(msk_document_set_paint(document, a, 3, add, cut));
    MskObjectInfo info = *msk_masklet_get_info(a);
    info.matte.grow = 1;
    msk_document_set_info(document, a, &info);

    MskExportWork *export = make_work(document, media, "snapshot", MSK_EXPORT_MATTE_PNG, 2, 4);
    double last = -1;
    int n_slices = 0;
    gboolean done = FALSE, grows = TRUE;
    while (!done) {
        double now = msk_export_work_get_fraction(export);
        grows &= now > last && now <= 1;
        last = now;
        done = msk_export_work_collect(export, 0);
        n_slices++;
    }
    CHECK(grows && n_slices >= 1);

    // Edits made now come too late.
    info = *msk_masklet_get_info(a);
    info.matte.grow = 0;
    msk_document_set_info(document, a, &info);
    msk_document_set_paint(document, a, 3, NULL, NULL);
    msk_document_remove_object(document, a);
    g_autoptr(MskJobItem) item = run(jobs, export);
    CHECK(msk_job_item_get_state(item) == MSK_JOB_DONE);
    CHECK(row_is("snapshot", 0, "wwwwwwwwwww............."));
    CHECK(row_is("snapshot", 1, "..wwwwwwwww........wwww."));
    CHECK(row_is("snapshot", 2, "wwwwwwwwwww............."));
    g_autofree char *folder = g_build_filename(work, "snapshot", NULL);
    const char *const *paths = msk_job_item_get_paths(item);
    CHECK(paths && strcmp(paths[0], folder) == 0 && !paths[1]);
    end_group("what was there when it was asked for");
}

static void test_slices(MskMedia *media)
{
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 5000);
    MskMasklet *a = msk_document_add_object(document, NULL);
    g_autoptr(MskResult) result = tool_result(7, 1);
    msk_document_set_track(document, a, 4711, result, 0, -1);
    MskExportWork *export = make_work(document, media, "x", MSK_EXPORT_MATTE_PNG, 0, 4999);
    int n_slices = 1;
    while (!msk_export_work_collect(export, 0))
        n_slices++;
    CHECK(n_slices > 5); // it does come back
    CHECK(msk_export_work_get_fraction(export) == 1);
    msk_export_work_free(export);
    // Dropped half way.
    export = make_work(document, media, "x", MSK_EXPORT_MATTE_PNG, 0, 4999);
    CHECK(!msk_export_work_collect(export, 0));
    msk_export_work_free(export);
    end_group("collecting in slices");
}

static void test_stopped(MskMedia *media)
{
    g_autoptr(MskDocument) document = make_document();
    MskExportWork *export = make_work(document, media, "stopped", MSK_EXPORT_MATTE_PNG, 0, 7);
    while (!msk_export_work_collect(export, 1000))
        ;
    g_autoptr(MskJob) job = msk_job_new();
    msk_job_cancel(job);
    char **paths = NULL;
    g_autoptr(GError) error = NULL;
    CHECK(!msk_export_work_run(job, &paths, &error, export) && !paths);
    CHECK(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    g_autofree char *folder = g_build_filename(work, "stopped", NULL);
    CHECK(!g_file_test(folder, G_FILE_TEST_EXISTS));
    msk_export_work_free(export);
    end_group("stopped");
}

static void test_changed_clip(void)
{
    g_autofree char *path = write_clip("other", N_FRAMES);
    g_autoptr(MskMedia) media = open_clip(path);
    g_autoptr(MskDocument) document = make_document();
    g_autoptr(MskJobs) jobs = msk_jobs_new();
    MskExportWork *export = make_work(document, media, "from-other", MSK_EXPORT_DAVIS, 0, 3);
    g_autofree char *last = g_build_filename(path, "007.ppm", NULL);
    g_unlink(last);
    g_autoptr(MskJobItem) item = run(jobs, export);
    CHECK(msk_job_item_get_state(item) == MSK_JOB_FAILED);
    CHECK(strstr(msk_job_item_get_message(item), "not the clip any more"));
    end_group("a clip that changed");
}

static void test_gaps(void)
{
    g_autoptr(MskDocument) document = make_document();
    int64_t n_missing = -1, n_stale = -1;
    g_autoptr(GPtrArray) all = all_objects(document);
    MskMasklet *const *masklets = (MskMasklet *const *)all->pdata;
    msk_export_count_gaps(masklets, 3, 0, N_FRAMES - 1, &n_missing, &n_stale);
    CHECK(n_missing == 0);
    MskMasklet *d = msk_document_add_object(document, NULL);
    g_autoptr(MskResult) result = tool_result(5, 1);
    msk_document_set_track(document, d, 5, result, 0, -1);
    msk_export_count_gaps(&d, 1, 0, N_FRAMES - 1, &n_missing, NULL);
    CHECK(n_missing == N_FRAMES - 1);
    msk_export_count_gaps(&d, 1, 5, 5, &n_missing, NULL);
    CHECK(n_missing == 0);
    msk_export_count_gaps(masklets, 0, 0, 4, &n_missing, &n_stale);
    CHECK(n_missing == 0 && n_stale == 0);

    // Tracked from a keyframe that then changes.
    g_autoptr(MskDocument) other = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, N_FRAMES);
    MskMasklet *b = msk_document_add_object(other, NULL);
    g_autoptr(MskPrompt) prompt = tool_prompt(3, 3);
    g_autoptr(MskResult) first = tool_result(0, 1), second = tool_result(0, 30);
    prompt->frame = 0;
    msk_document_set_prompt(other, b, 0, prompt);
    msk_document_set_track(other, b, 0, first, 0, -1);
    tool_track(other, b, 1, N_FRAMES - 1, FALSE, 5);
    msk_export_count_gaps(&b, 1, 0, N_FRAMES - 1, &n_missing, &n_stale);
    CHECK(n_missing == 0 && n_stale == 0);
    msk_document_set_track(other, b, 0, second, 0, -1);
    msk_export_count_gaps(&b, 1, 0, N_FRAMES - 1, &n_missing, &n_stale);
    CHECK(n_missing == 0 && n_stale == N_FRAMES - 1);
    msk_export_count_gaps(&b, 1, 6, N_FRAMES - 1, NULL, &n_stale);
    CHECK(n_stale == 2);
    end_group("stale and missing frames");
}

int main(void)
{
    work = g_dir_make_tmp("masklet-export-XXXXXX", NULL);
    if (!work)
        return 77;
    g_autofree char *path = write_clip("clip", N_FRAMES);
    g_autoptr(MskMedia) media = open_clip(path);
    test_order(media);
    test_snapshot(media);
    test_slices(media);
    test_stopped(media);
    test_changed_clip();
    test_gaps();
    msk_stage_remove_tree(work);
    g_free(work);
    return end_tests();
}
