// SPDX-License-Identifier: Apache-2.0
// How long a long track takes to be written, and its project to be opened.
#include <math.h>
#include <stdio.h>

#include "tests/app/blocks.h"
#include "tests/app/store_fixture.h"
#include "tests/app/values.h"

#define N_FRAMES 10000
#define GRID 256
#define WIDTH 1920
#define HEIGHT 1080

static double seconds(int64_t since)
{
    return (double)(g_get_monotonic_time() - since) / G_USEC_PER_SEC;
}

// A disc that wanders, as a tracker would give it.
static MskResult *make_result(int64_t frame)
{
    g_autofree float *logits = g_new(float, GRID *GRID);
    const double x0 = 128 + 60 * sin((double)frame / 50), y0 = 128 + 50 * cos((double)frame / 70);
    for (int y = 0; y < GRID; y++)
        for (int x = 0; x < GRID; x++)
            logits[y * GRID + x] = (float)(30 - hypot(x - x0, y - y0) + sin(x * 0.7 + y * 0.3));
    MskResult *result = g_new0(MskResult, 1);
    result->n_refs = 1;
    result->frame = frame;
    result->mask = msk_mask_new_logits(logits, GRID, GRID, WIDTH, HEIGHT);
    result->object_score = 5;
    result->iou = 0.9f;
    result->grid = GRID;
    return result;
}

// ---- Opening -----------------------------------------------------------------------------------

#define N_LONG 100000
#define N_OBJECTS 10

typedef struct Opening {
    const char *path;
    MskStore *store;
    MskDocument *document;
    gpointer done;
} Opening;

static gboolean opened_idle(gpointer user)
{
    Opening *opening = user;
    msk_document_hand_over(opening->document);
    opening->done = opening;
    return G_SOURCE_REMOVE;
}

static gpointer open_thread(gpointer user)
{
    Opening *opening = user;
    opening->store = msk_store_open(opening->path, 0, NULL);
    g_autoptr(MskStoreContent) content = msk_store_read(opening->store, NULL);
    opening->document = msk_store_content_make_document(content, WIDTH, HEIGHT, N_LONG);
    g_idle_add(opened_idle, opening);
    return NULL;
}

// As a session opens it: a thread does the work, the main loop takes the document over.
static void time_opening(const char *path, const MskMediaRef *ref)
{
    g_autoptr(MskResult) result = make_result(0);
    msk_mask_get_area(result->mask);
    MskDocument *document = msk_document_new(WIDTH, HEIGHT, N_LONG);
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    msk_document_set_store(document, store);
    // A value for each frame, which the objects share: a row of a change and a cell for each.
    msk_document_begin(document, "Track");
    for (int k = 0; k < N_OBJECTS; k++) {
        MskMasklet *masklet = msk_document_add_object(document, NULL);
        for (int64_t n = 0; n < N_LONG; n++)
            msk_document_set_track(document, masklet, n, result, (guint64)n + 1, -1);
    }
    msk_document_end(document);
    flush_store(store, NULL);
    msk_document_set_store(document, NULL);
    msk_store_close(store);
    g_object_unref(document);

    Opening opening = {.path = path};
    const int64_t since = g_get_monotonic_time();
    blocks_begin();
    GThread *thread = g_thread_new("open", open_thread, &opening);
    const double block = blocks_end(&opening.done);
    g_thread_join(thread);
    printf("10 x 100 000 frames opened: %.2f s; main thread at most %.1f ms\n", seconds(since),
           block);
    opening.done = NULL;
    const int64_t closing = g_get_monotonic_time();
    blocks_begin();
    msk_store_close_later(opening.store, FALSE);
    g_object_unref(opening.document);
    opening.done = &opening;
    const double leaving = blocks_end(&opening.done);
    msk_store_wait_closed();
    printf("closed: %.2f s; main thread at most %.1f ms\n", seconds(closing), leaving);
}

int main(void)
{
    g_autofree char *folder = make_folder();
    g_autofree char *path = path_in(folder, "long.masklet");
    g_autofree char *copy = path_in(folder, "copy.masklet");
    g_autoptr(MskMediaRef) ref = make_ref(folder);
    g_autoptr(MskDocument) document = msk_document_new(WIDTH, HEIGHT, N_FRAMES);
    ref->width = WIDTH;
    ref->height = HEIGHT;
    MskStore *store = msk_store_create(path, ref, TRUE, NULL);
    msk_document_set_store(document, store);
    MskMasklet *masklet = msk_document_add_object(document, "disc");

    g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func((GDestroyNotify)msk_result_unref);
    for (int64_t i = 0; i < N_FRAMES; i++) {
        MskResult *result = make_result(i);
        msk_mask_get_area(result->mask); // the tracker has asked for it already
        g_ptr_array_add(results, result);
    }
    // One command, amended frame by frame; every tenth is waited for, as if it came alone.
    msk_document_begin(document, "Track");
    msk_document_set_track(document, masklet, 0, results->pdata[0], 1, -1);
    const int64_t command = msk_document_end(document);
    int64_t start = g_get_monotonic_time(), longest = 0;
    double in_document = 0, alone = 0;
    for (int64_t i = 1; i < N_FRAMES; i++) {
        const int64_t before = g_get_monotonic_time();
        msk_document_begin_amending(document, command);
        msk_document_set_track(document, masklet, i, results->pdata[i], 1, -1);
        msk_document_end(document);
        longest = MAX(longest, g_get_monotonic_time() - before);
        in_document += seconds(before);
        if (i % 10 == 0) {
            const int64_t flushing = g_get_monotonic_time();
            flush_store(store, NULL);
            alone += seconds(flushing);
        }
    }
    flush_store(store, NULL);
    printf("written: %.0f frames a second; on the main thread %.3f ms a frame, at most %.1f ms; "
           "%.1f ms until it is on the disk\n",
           N_FRAMES / seconds(start), 1e3 * in_document / N_FRAMES, (double)longest / 1e3,
           1e3 * alone / (N_FRAMES / 10));
    start = g_get_monotonic_time();
    copy_store(store, copy, TRUE, NULL);
    printf("copied with history: %.2f s\n", seconds(start));
    msk_document_set_store(document, NULL);
    start = g_get_monotonic_time();
    msk_store_close(store);
    printf("closed: %.3f s\n", seconds(start));

    start = g_get_monotonic_time();
    store = msk_store_open(path, 0, NULL);
    const double opened = seconds(start);
    g_autoptr(MskStoreContent) content = msk_store_read(store, NULL);
    const double read = seconds(start);
    g_autoptr(MskDocument) loaded = msk_document_new(WIDTH, HEIGHT, N_FRAMES);
    msk_store_content_apply(content, loaded);
    printf("opened: %.3f s; read: %.3f s; handed over on the main thread: %.1f ms\n", opened,
           read - opened, 1e3 * (seconds(start) - read));
    printf("same: %s\n", same_commands(document, loaded) ? "yes" : "NO");
    msk_store_close(store);
    printf("bytes of the file: %.1f a frame\n",
           (double)ask_file(path, "SELECT page_count * page_size FROM pragma_page_count,"
                                  " pragma_page_size") /
               N_FRAMES);
    g_autofree char *large = path_in(folder, "large.masklet");
    time_opening(large, ref);
    remove_folder(folder);
    return 0;
}
