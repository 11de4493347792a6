// SPDX-License-Identifier: Apache-2.0
// Times of a document of 100 000 frames: tracking a frame at a time, runs, edits, undo.
#include <stdio.h>

#include "app/document_private.h"
#include "app/free_later.h"
#include "document_tools.h"
#include "tests/app/blocks.h"

#define N_FRAMES 100000
#define N_OBJECTS 100

typedef struct Times {
    const char *name;
    double sum, worst;
    int n;
} Times;

static double started;

static void begin(void)
{
    started = (double)g_get_monotonic_time();
}

static void note(Times *times)
{
    double spent = (double)g_get_monotonic_time() - started;
    times->sum += spent;
    times->worst = MAX(times->worst, spent);
    times->n++;
}

static void print(const Times *times)
{
    printf("%-46s %10.1f us mean %10.1f us worst (%d)\n", times->name, times->sum / times->n,
           times->worst, times->n);
}

static MskMasklet *add_prompted(MskDocument *document, int64_t frame)
{
    MskMasklet *masklet = msk_document_add_object(document, NULL);
    g_autoptr(MskPrompt) prompt = tool_prompt(3, 3);
    msk_document_set_prompt(document, masklet, frame, prompt);
    g_autoptr(MskResult) result = tool_result(frame, 1);
    msk_document_set_track(document, masklet, frame, result, 0, -1);
    return masklet;
}

static void track_one(MskDocument *document, MskMasklet *masklet, int64_t command, int64_t frame,
                      gboolean reverse)
{
    g_autoptr(MskResult) result = tool_result(frame, (guint)frame);
    guint64 source = msk_masklet_get_source(masklet, frame, reverse);
    begin();
    msk_document_begin_amending(document, command);
    msk_document_set_track(document, masklet, frame, result, source, -1);
    msk_document_end(document);
}

static void time_runs(MskMasklet *masklet, Times *times)
{
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(MskRun));
    begin();
    msk_masklet_get_runs(masklet, 0, N_FRAMES - 1, runs);
    note(times);
}

// From the middle to both ends, a command for all, the whole lane asked for every 100 frames.
static MskMasklet *time_tracking(MskDocument *document)
{
    Times set = {"track a frame (amend one command)"}, runs = {"runs of the whole lane, growing"};
    MskMasklet *masklet = add_prompted(document, N_FRAMES / 2);
    msk_document_begin(document, "Track");
    g_autoptr(MskResult) first = tool_result(N_FRAMES / 2 + 1, 7);
    msk_document_set_track(document, masklet, N_FRAMES / 2 + 1, first,
                           msk_masklet_get_source(masklet, N_FRAMES / 2 + 1, FALSE), -1);
    int64_t command = msk_document_end(document);
    for (int64_t n = N_FRAMES / 2 - 1; n >= 0; n--) {
        track_one(document, masklet, command, n, TRUE);
        note(&set);
        if (n % 100 == 0)
            time_runs(masklet, &runs);
    }
    for (int64_t n = N_FRAMES / 2 + 2; n < N_FRAMES; n++) {
        track_one(document, masklet, command, n, FALSE);
        note(&set);
        if (n % 100 == 0)
            time_runs(masklet, &runs);
    }
    print(&set);
    print(&runs);
    return masklet;
}

static void time_edits(MskDocument *document, MskMasklet *masklet)
{
    Times prompt = {"prompt in the middle: the lane becomes stale"}, undo = {"undo it"};
    Times runs = {"runs afterwards"}, get = {"all frames' flags, one by one"};
    Times all = {"undo tracking of all frames"}, again = {"redo it"}, doubt = {"next doubt: none"};
    for (int i = 0; i < 20; i++) {
        g_autoptr(MskPrompt) click = tool_prompt(4 + i, 3);
        begin();
        msk_document_set_prompt(document, masklet, N_FRAMES / 2, click);
        note(&prompt);
        g_autoptr(MskResult) result = tool_result(N_FRAMES / 2, (guint)i + 2);
        begin();
        msk_document_set_track(document, masklet, N_FRAMES / 2, result, 0, -1);
        note(&prompt);
        time_runs(masklet, &runs);
        begin();
        msk_document_undo(document);
        note(&undo);
        msk_document_undo(document);
    }
    begin();
    for (int64_t n = 0; n < N_FRAMES; n++)
        msk_masklet_get_frame(masklet, n, NULL);
    note(&get);
    begin();
    msk_masklet_find_doubt(masklet, 0, 1);
    note(&doubt);
    for (int i = 0; i < 5; i++) {
        begin();
        msk_document_undo(document);
        note(&all);
        begin();
        msk_document_redo(document);
        note(&again);
    }
    print(&prompt);
    print(&runs);
    print(&undo);
    print(&all);
    print(&again);
    print(&get);
    print(&doubt);
}

// Painted on every other frame: the most runs, anchors and keyframes there can be.
static void time_worst(MskDocument *document)
{
    Times paint = {"paint among 50 000 painted frames"}, runs = {"100 000 runs"};
    MskMasklet *masklet = add_prompted(document, 0);
    g_autoptr(MskMask) add = tool_bits(2, 2, 5, 5);
    g_autoptr(MskMask) other = tool_bits(3, 2, 5, 5);
    msk_document_begin(document, "Paint");
    for (int64_t n = 2; n < N_FRAMES; n += 2)
        msk_document_set_paint(document, masklet, n, add, NULL);
    msk_document_end(document);
    for (int i = 0; i < 20; i++) {
        begin();
        msk_document_set_paint(document, masklet, 2000 + 100 * i, other, NULL);
        note(&paint);
        time_runs(masklet, &runs);
    }
    print(&paint);
    print(&runs);
}

static void time_objects(void)
{
    Times runs = {"runs of 100 lanes of 100 000 frames"}, name = {"rename one of 500 objects"};
    Times move = {"move one of 500 objects"};
    g_autoptr(MskDocument) document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, N_FRAMES);
    // One value for all: what counts here is the walk over the lanes.
    g_autoptr(MskResult) result = tool_result(0, 3);
    g_autoptr(MskValue) value = msk_value_new_track(result, 5, -1);
    for (int64_t id = 1; id <= N_OBJECTS; id++) {
        MskObjectInfo info = {.name = (char *)"Thing", .visible = TRUE, .position = (double)id};
        g_autoptr(MskValue) object = msk_value_new_object(&info);
        msk_document_load_value(document, &(MskCell){MSK_CELL_OBJECT, id, 0}, object);
        for (int64_t n = 0; n < N_FRAMES; n++)
            msk_document_load_value(document, &(MskCell){MSK_CELL_RESULT, id, n}, value);
    }
    begin();
    msk_document_loaded(document);
    Times loaded = {"work 10 000 000 loaded frames out"};
    note(&loaded);
    print(&loaded);
    for (int i = 0; i < 5; i++) {
        g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(MskRun));
        begin();
        for (guint k = 0; k < N_OBJECTS; k++)
            msk_masklet_get_runs(msk_document_get_object(document, k), 0, N_FRAMES - 1, all);
        note(&runs);
    }
    print(&runs);
    for (int i = 0; i < 400; i++)
        msk_document_add_object(document, NULL);
    for (guint i = 0; i < 100; i++) {
        MskMasklet *masklet = msk_document_get_object(document, i * 5);
        MskObjectInfo info = *msk_masklet_get_info(masklet);
        info.name = (char *)"Other";
        begin();
        msk_document_set_info(document, masklet, &info);
        note(&name);
        begin();
        msk_document_move_object(document, masklet, 499 - i);
        note(&move);
    }
    print(&name);
    print(&move);
}

// ---- Very large commands -----------------------------------------------------------------------

#define N_LONG 10

static void print_block(const char *name, double ms, int64_t since)
{
    printf("%-46s %10.1f ms main thread %8.1f ms in all\n", name, ms,
           (double)(g_get_monotonic_time() - since) / 1e3);
}

static void finished_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    *(gpointer *)user = g_object_ref(result);
}

static void set_done_cb(gpointer *done)
{
    *done = done;
}

static void time_turn(MskDocument *document, gboolean is_redo, const char *name)
{
    gpointer done = NULL;
    const int64_t since = g_get_monotonic_time();
    blocks_begin();
    gulong handler =
        g_signal_connect_swapped(document, "history-changed", G_CALLBACK(set_done_cb), &done);
    if (is_redo)
        msk_document_redo_later(document);
    else
        msk_document_undo_later(document);
    print_block(name, blocks_end(&done), since);
    g_signal_handler_disconnect(document, handler);
}

// Ten objects tracked through all frames by one command.
static void time_large(void)
{
    MskDocument *document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, N_FRAMES);
    MskMasklet *masklets[N_LONG];
    g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func((GDestroyNotify)msk_result_unref);
    for (int64_t n = 0; n < N_FRAMES; n++)
        g_ptr_array_add(results, tool_result(n, (guint)n));
    for (int k = 0; k < N_LONG; k++)
        masklets[k] = add_prompted(document, 0);
    msk_document_begin(document, "Track");
    for (int k = 0; k < N_LONG; k++)
        for (int64_t n = 1; n < N_FRAMES; n++)
            msk_document_set_track(document, masklets[k], n, results->pdata[n],
                                   msk_masklet_get_source(masklets[k], n, FALSE), -1);
    msk_document_end(document);
    time_turn(document, FALSE, "undo tracking of 10 x 100 000 frames");
    time_turn(document, TRUE, "redo it");

    for (guint n = 1; n <= N_LONG; n += N_LONG - 1) {
        gpointer done = NULL;
        int64_t since = g_get_monotonic_time();
        blocks_begin();
        msk_document_duplicate_objects_async(document, masklets, n, "Duplicate", finished_cb,
                                             &done);
        print_block(n == 1 ? "duplicate 100 000 frames" : "duplicate 10 x 100 000 frames",
                    blocks_end(&done), since);
        g_ptr_array_unref(msk_document_duplicate_objects_finish(document, done));
        g_object_unref(done);
        time_turn(document, FALSE, "undo it");
    }
    gpointer done = NULL;
    int64_t since = g_get_monotonic_time();
    blocks_begin();
    msk_document_merge_objects_async(document, masklets, 2, "Merge", NULL, finished_cb, &done);
    print_block("merge two of 100 000 frames", blocks_end(&done), since);
    g_object_unref(done);
    time_turn(document, FALSE, "undo it");
    done = document;
    since = g_get_monotonic_time();
    blocks_begin();
    msk_document_remove_object(document, masklets[3]);
    print_block("delete an object of 100 000 frames", blocks_end(&done), since);
    since = g_get_monotonic_time();
    blocks_begin();
    g_object_unref(document);
    const double closing = blocks_end(&done);
    g_clear_pointer(&results, g_ptr_array_unref);
    msk_free_wait();
    print_block("close a document of 1 000 000 masks", closing, since);
}

int main(void)
{
    time_large();
    MskDocument *document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, N_FRAMES);
    MskMasklet *masklet = time_tracking(document);
    time_edits(document, masklet);
    time_worst(document);
    g_object_unref(document);
    time_objects();
    return 0;
}
