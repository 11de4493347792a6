// SPDX-License-Identifier: Apache-2.0
// MskDocument: several objects made one, the union of their masks frame by frame.
//
// The objects are forked on the main thread; the unions are made on any, as a command of their own
// that the main thread takes over if the objects are still what they were.
#include "app/document_private.h"

#include <glib/gi18n.h>

typedef struct MergePart {
    MskResult *result; // either may be NULL
    MskValue *paint;
} MergePart;

typedef struct MergeFrame {
    int64_t frame;
    guint first_part, n_parts;
    gboolean is_key;   // becomes a painted keyframe
    gboolean is_fresh; // nothing that goes into it is stale or was not tracked yet
    MskMask *shown;    // of keyframes: the union
    MskResult *result; // of other frames
} MergeFrame;

typedef struct Merge {
    GPtrArray *masklets; // references
    GPtrArray *forks;    // of them, in the bulk; borrowed
    MskBulk *bulk;
    guint64 revision; // of all masklets when they were forked
    GArray *parts;    // of MergePart
    GArray *frames;   // of MergeFrame, ascending
    char *name;       // of the command
} Merge;

static void clear_part_cb(gpointer data)
{
    MergePart *part = data;
    msk_result_unref(part->result);
    msk_value_unref(part->paint);
}

static void clear_frame_cb(gpointer data)
{
    MergeFrame *frame = data;
    msk_mask_unref(frame->shown);
    msk_result_unref(frame->result);
}

static Merge *new_merge(MskMasklet *const *masklets, guint n, const char *name)
{
    Merge *merge = g_new0(Merge, 1);
    merge->name = g_strdup(name);
    merge->masklets = g_ptr_array_new_with_free_func(g_object_unref);
    merge->forks = g_ptr_array_new();
    for (guint i = 0; i < n; i++)
        g_ptr_array_add(merge->masklets, g_object_ref(masklets[i]));
    merge->parts = g_array_new(FALSE, FALSE, sizeof(MergePart));
    g_array_set_clear_func(merge->parts, clear_part_cb);
    merge->frames = g_array_new(FALSE, FALSE, sizeof(MergeFrame));
    g_array_set_clear_func(merge->frames, clear_frame_cb);
    return merge;
}

static void free_merge(gpointer data)
{
    Merge *merge = data;
    g_free(merge->name);
    g_ptr_array_unref(merge->masklets);
    g_ptr_array_unref(merge->forks);
    msk_bulk_free(merge->bulk);
    g_array_unref(merge->parts);
    g_array_unref(merge->frames);
    g_free(merge);
}

static gboolean can_merge(MskDocument *document, const Merge *merge)
{
    for (guint i = 0; i < merge->masklets->len; i++) {
        if (!msk_document_can_edit(document, merge->masklets->pdata[i]))
            return FALSE;
        for (guint j = 0; j < i; j++)
            if (merge->masklets->pdata[i] == merge->masklets->pdata[j])
                return FALSE;
    }
    return merge->masklets->len >= 2;
}

// ---- Noting ------------------------------------------------------------------------------------

static guint64 sum_revisions(const Merge *merge)
{
    guint64 sum = 0; // each only grows
    for (guint i = 0; i < merge->masklets->len; i++)
        sum += ((MskMasklet *)merge->masklets->pdata[i])->revision;
    return sum;
}

// Main thread.
static void fork_objects(Merge *merge)
{
    g_autoptr(MskCommand) command = msk_command_new(0, merge->name);
    msk_bulk_free(merge->bulk);
    merge->bulk = msk_bulk_new(command);
    merge->revision = sum_revisions(merge);
    g_ptr_array_set_size(merge->forks, 0);
    for (guint k = 0; k < merge->masklets->len; k++) {
        MskMasklet *masklet = merge->masklets->pdata[k];
        g_ptr_array_add(merge->forks, msk_bulk_fork(merge->bulk, masklet, masklet->id));
    }
}

static void note_frame(Merge *merge, int64_t frame)
{
    MergeFrame noted = {.frame = frame, .first_part = merge->parts->len, .is_fresh = TRUE};
    for (guint k = 0; k < merge->forks->len; k++) {
        MskMasklet *masklet = merge->forks->pdata[k];
        guint flags = msk_masklet_get_frame(masklet, frame, NULL);
        gboolean is_tracked = !(flags & MSK_FRAME_LOCKED) && masklet->anchors->len > 0;
        if (flags & (MSK_FRAME_PROMPT | MSK_FRAME_PAINT))
            noted.is_key = TRUE;
        else if (is_tracked && (!(flags & MSK_FRAME_HAS_MASK) || (flags & MSK_FRAME_STALE)))
            noted.is_fresh = FALSE;
        MskValue *result = msk_frame_table_get(&masklet->frames, MSK_SLOT_RESULT, frame);
        MskValue *paint = msk_frame_table_get(&masklet->frames, MSK_SLOT_PAINT, frame);
        if (!result && !paint)
            continue;
        MergePart part = {.result = result ? msk_result_ref(result->track.result) : NULL,
                          .paint = paint ? msk_value_ref(paint) : NULL};
        g_array_append_val(merge->parts, part);
        noted.n_parts++;
    }
    if (noted.n_parts > 0)
        g_array_append_val(merge->frames, noted);
}

// The first frame from `from` on where an object has something; -1: none.
static int64_t find_frame(const Merge *merge, int64_t from)
{
    int64_t found = -1;
    for (guint k = 0; k < merge->forks->len; k++) {
        MskFrameTable *frames = &((MskMasklet *)merge->forks->pdata[k])->frames;
        for (guint p = msk_frame_table_seek(frames, from); p < frames->pages->len; p++) {
            const MskFramePage *page = msk_frame_table_get_page(frames, p);
            int i = (int)MAX(from - page->first, 0);
            while (i < MSK_PAGE_FRAMES && !page->flags[i])
                i++;
            if (i == MSK_PAGE_FRAMES)
                continue;
            if (found < 0 || page->first + i < found)
                found = page->first + i;
            break;
        }
    }
    return found;
}

static void note(Merge *merge)
{
    g_array_set_size(merge->parts, 0);
    g_array_set_size(merge->frames, 0);
    for (int64_t at = find_frame(merge, 0); at >= 0; at = find_frame(merge, at + 1))
        note_frame(merge, at);
}

// ---- Unions ------------------------------------------------------------------------------------

static MskMask *unite_shown(const MergePart *parts, guint n)
{
    g_autoptr(MskMask) sum = NULL;
    for (guint i = 0; i < n; i++) {
        MskMask *result = parts[i].result ? parts[i].result->mask : NULL;
        g_autoptr(MskMask) shown =
            parts[i].paint
                ? msk_mask_combine(result, parts[i].paint->paint.add, parts[i].paint->paint.remove)
                : msk_mask_ref(result);
        MskMask *both = msk_mask_combine(sum, shown, NULL);
        msk_mask_unref(sum);
        sum = both;
    }
    return g_steal_pointer(&sum);
}

// The larger logit of each cell, so that the edge stays soft: NULL unless all are logits of one
// grid.
static MskMask *unite_logits(const MergePart *parts, guint n)
{
    int width, height;
    MskMask *head = parts[0].result->mask;
    msk_mask_get_grid_size(head, &width, &height);
    gsize n_cells = (gsize)width * (gsize)height;
    for (guint i = 0; i < n; i++) {
        int w, h;
        msk_mask_get_grid_size(parts[i].result->mask, &w, &h);
        if (msk_mask_get_kind(parts[i].result->mask) != MSK_MASK_LOGITS || w != width ||
            h != height)
            return NULL;
    }
    g_autofree float *sum = g_new(float, n_cells);
    g_autofree float *logits = g_new(float, n_cells);
    for (guint i = 0; i < n; i++) {
        msk_mask_get_low_logits(parts[i].result->mask, i == 0 ? sum : logits);
        for (gsize k = 0; i > 0 && k < n_cells; k++)
            sum[k] = MAX(sum[k], logits[k]);
    }
    return msk_mask_new_logits(sum, width, height, msk_mask_get_width(head),
                               msk_mask_get_height(head));
}

// As sure as the least sure of those that are there.
static MskResult *unite_results(int64_t frame, const MergePart *parts, guint n)
{
    if (n == 1)
        return msk_result_ref(parts[0].result);
    MskResult *result = g_new0(MskResult, 1);
    *result = (MskResult){.n_refs = 1, .frame = frame, .object_score = -G_MAXFLOAT, .iou = 1};
    for (guint i = 0; i < n; i++) {
        result->object_score = MAX(result->object_score, parts[i].result->object_score);
        if (parts[i].result->object_score > 0)
            result->iou = MIN(result->iou, parts[i].result->iou);
    }
    result->mask = unite_logits(parts, n);
    if (!result->mask)
        result->mask = unite_shown(parts, n);
    return result;
}

static gboolean unite(Merge *merge, GCancellable *cancellable)
{
    for (guint i = 0; i < merge->frames->len; i++) {
        MergeFrame *frame = &g_array_index(merge->frames, MergeFrame, i);
        const MergePart *parts = &g_array_index(merge->parts, MergePart, frame->first_part);
        if (g_cancellable_is_cancelled(cancellable))
            return FALSE;
        if (frame->is_key)
            frame->shown = unite_shown(parts, frame->n_parts);
        else
            frame->result = unite_results(frame->frame, parts, frame->n_parts);
        msk_mask_get_area(frame->is_key ? frame->shown : frame->result->mask); // measures it
    }
    return TRUE;
}

// ---- Putting -----------------------------------------------------------------------------------

static void put(Merge *merge, MskCellKind kind, int64_t frame, MskValue *value)
{
    const MskMasklet *into = merge->forks->pdata[0];
    MskCell cell = {kind, into->id, frame};
    msk_bulk_change_take(merge->bulk, &cell, value);
}

static int compare_intervals(const void *a, const void *b)
{
    int64_t x = ((const MskInterval *)a)->first, y = ((const MskInterval *)b)->first;
    return x < y ? -1 : x > y;
}

static MskValue *unite_locks(const Merge *merge)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(MskInterval));
    for (guint k = 0; k < merge->forks->len; k++) {
        const GArray *locks = msk_masklet_get_locks(merge->forks->pdata[k]);
        g_array_append_vals(all, locks->data, locks->len);
    }
    g_array_sort(all, compare_intervals);
    guint n = 0;
    for (guint i = 0; i < all->len; i++) {
        MskInterval next = g_array_index(all, MskInterval, i);
        MskInterval *last = n > 0 ? &g_array_index(all, MskInterval, n - 1) : NULL;
        if (last && next.first - 1 <= last->last)
            last->last = MAX(last->last, next.last);
        else
            g_array_index(all, MskInterval, n++) = next;
    }
    return n > 0 ? msk_value_new_locks((MskInterval *)all->data, n) : NULL;
}

// A source that no frame has: what was tracked from it is stale.
#define SOURCE_NONE 1

static guint64 find_source(MskMasklet *masklet, const MergeFrame *frame)
{
    guint64 source = msk_masklet_get_source(masklet, frame->frame, FALSE);
    if (source == 0)
        source = msk_masklet_get_source(masklet, frame->frame, TRUE);
    return frame->is_fresh && source ? source : SOURCE_NONE;
}

static void put_all(Merge *merge)
{
    MskMasklet *into = merge->forks->pdata[0];
    put(merge, MSK_CELL_LOCKS, 0, unite_locks(merge));
    g_autoptr(GArray) keyframes = g_array_copy((GArray *)msk_masklet_get_keyframes(into));
    for (guint i = 0; i < keyframes->len; i++)
        put(merge, MSK_CELL_PROMPT, g_array_index(keyframes, int64_t, i), NULL);
    // Keyframes first: they are the anchors that the others' sources are worked out of.
    for (guint i = 0; i < merge->frames->len; i++) {
        const MergeFrame *frame = &g_array_index(merge->frames, MergeFrame, i);
        if (!frame->is_key)
            continue;
        put(merge, MSK_CELL_RESULT, frame->frame, NULL);
        put(merge, MSK_CELL_PAINT, frame->frame, msk_value_new_paint(frame->shown, NULL));
    }
    // Twice: the masks on the edges of locked spans are anchors too.
    for (int pass = 0; pass < 2; pass++) {
        for (guint i = 0; i < merge->frames->len; i++) {
            const MergeFrame *frame = &g_array_index(merge->frames, MergeFrame, i);
            if (frame->is_key || msk_masklet_is_locked_at(into, frame->frame) != (pass == 0))
                continue;
            put(merge, MSK_CELL_RESULT, frame->frame,
                msk_value_new_track(frame->result, find_source(into, frame), -1));
        }
    }
    msk_bulk_end(merge->bulk);
}

// Any thread.
static gboolean make(Merge *merge, GCancellable *cancellable)
{
    note(merge);
    if (!unite(merge, cancellable))
        return FALSE;
    put_all(merge);
    return TRUE;
}

static void commit(MskDocument *document, Merge *merge)
{
    msk_document_begin_bulk(document, merge->bulk);
    for (guint k = 1; k < merge->masklets->len; k++) {
        const MskMasklet *masklet = merge->masklets->pdata[k];
        msk_document_change(document, &(MskCell){MSK_CELL_OBJECT, masklet->id, 0}, NULL);
    }
    msk_document_end(document);
}

gboolean msk_document_merge_objects(MskDocument *document, MskMasklet *const *masklets, guint n)
{
    Merge *merge = new_merge(masklets, n, _("Merge Objects"));
    msk_document_finish_turns(document);
    gboolean possible = can_merge(document, merge);
    if (possible) {
        fork_objects(merge);
        make(merge, NULL);
        commit(document, merge);
    }
    free_merge(merge);
    return possible;
}

// ---- In the background -------------------------------------------------------------------------

static void make_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    if (make(data, cancellable))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error_if_cancelled(task);
}

static void run(GTask *outer);

static void made_cb(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autoptr(GTask) outer = user;
    MskDocument *document = g_task_get_source_object(outer);
    Merge *merge = g_task_get_task_data(outer);
    GError *error = NULL;
    const gboolean is_made = g_task_propagate_boolean(G_TASK(result), &error);
    msk_document_finish_turns(document);
    if (!is_made) {
        g_task_return_error(outer, error);
    } else if (!can_merge(document, merge)) {
        g_task_return_new_error(outer, G_IO_ERROR, G_IO_ERROR_BUSY,
                                _("An object was removed or locked meanwhile."));
    } else if (sum_revisions(merge) != merge->revision) {
        run(g_steal_pointer(&outer)); // edited meanwhile: once more
    } else {
        commit(document, merge);
        g_task_return_boolean(outer, TRUE);
    }
}

// Takes the task. Work is a task within it that knows no objects: it may end on its thread.
static void run(GTask *outer)
{
    Merge *merge = g_task_get_task_data(outer);
    fork_objects(merge);
    g_autoptr(GTask) task = g_task_new(NULL, g_task_get_cancellable(outer), made_cb, outer);
    g_task_set_task_data(task, merge, NULL);
    g_task_set_return_on_cancel(task, FALSE);
    g_task_run_in_thread(task, make_thread);
}

void msk_document_merge_objects_async(MskDocument *document, MskMasklet *const *masklets, guint n,
                                      const char *name, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user)
{
    g_autoptr(GTask) task = g_task_new(document, cancellable, callback, user);
    Merge *merge = new_merge(masklets, n, name);
    g_task_set_task_data(task, merge, free_merge);
    if (can_merge(document, merge))
        run(g_steal_pointer(&task));
    else
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                                _("At least two objects are needed, and none may be locked."));
}

gboolean msk_document_merge_objects_finish(MskDocument *document, GAsyncResult *result,
                                           GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}
