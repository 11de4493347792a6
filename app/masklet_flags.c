// SPDX-License-Identifier: Apache-2.0
// MskMasklet: the flags of frames, kept as a byte each, and what is read of them: runs, doubt.
#include "app/masklet_private.h"

#include <string.h>

#include "app/doubt.h"

void msk_masklet_mark_changed(MskMasklet *masklet, int64_t first, int64_t last)
{
    MskInterval *changed = &masklet->changed;
    if (changed->first > changed->last) {
        *changed = (MskInterval){first, last};
    } else {
        changed->first = MIN(changed->first, first);
        changed->last = MAX(changed->last, last);
    }
}

// ---- Working them out --------------------------------------------------------------------------

static MskValue *get_value(MskMasklet *masklet, MskFrameSlot slot, int64_t frame)
{
    return frame >= 0 ? msk_frame_table_get(&masklet->frames, slot, frame) : NULL;
}

// The mask that a frame's neighbours are compared with: none where strokes change the result, as
// their combination is not measured here.
static const MskMask *get_plain_mask(MskMasklet *masklet, int64_t frame)
{
    const MskValue *value = get_value(masklet, MSK_SLOT_RESULT, frame);
    return value && !get_value(masklet, MSK_SLOT_PAINT, frame) ? value->track.result->mask : NULL;
}

static float compute_doubt(MskMasklet *masklet, int64_t frame, const MskValue *value)
{
    return msk_doubt_compute(&value->track, get_plain_mask(masklet, frame - 1),
                             get_plain_mask(masklet, frame + 1));
}

static guint get_absence(MskMasklet *masklet, int64_t frame, const MskValue *result,
                         gboolean is_painted)
{
    const MskMask *mask = is_painted ? msk_frame_table_get(&masklet->frames, MSK_SLOT_SHOWN, frame)
                                     : result->track.result->mask;
    if (mask && msk_mask_is_measured(mask))
        return msk_mask_get_area(mask) == 0 ? MSK_FRAME_ABSENT : 0;
    gboolean lost = !is_painted && !(result->track.result->object_score > 0);
    return MSK_FRAME_UNMEASURED | (lost ? MSK_FRAME_ABSENT : 0);
}

// Whether the frame's sources are those of now: its span's.
static gboolean is_stale(const MskValue *result, MskSources sources)
{
    guint64 source = result->track.source;
    return source == 0 || (source != sources.forward && source != sources.reverse);
}

typedef struct Cursor {
    guint next; // the first anchor at or after the frame
    MskSources sources;
    gboolean has_sources;
} Cursor;

static gboolean is_stale_at(MskMasklet *masklet, Cursor *cursor, int64_t frame,
                            const MskValue *result)
{
    const GArray *anchors = masklet->anchors;
    while (cursor->next < anchors->len &&
           g_array_index(anchors, MskAnchor, cursor->next).frame < frame) {
        cursor->next++;
        cursor->has_sources = FALSE;
    }
    if (cursor->next < anchors->len &&
        g_array_index(anchors, MskAnchor, cursor->next).frame == frame)
        return FALSE;
    if (!cursor->has_sources) {
        cursor->sources = msk_masklet_get_sources(masklet, cursor->next);
        cursor->has_sources = TRUE;
    }
    return is_stale(result, cursor->sources);
}

static guint compute_flags(MskMasklet *masklet, const MskFramePage *page, int i, Cursor *cursor)
{
    int64_t frame = page->first + i;
    gpointer *const *slots = page->slots;
    gboolean is_prompted = slots[MSK_SLOT_PROMPT] && slots[MSK_SLOT_PROMPT][i];
    gboolean is_painted = slots[MSK_SLOT_PAINT] && slots[MSK_SLOT_PAINT][i];
    const MskValue *result = slots[MSK_SLOT_RESULT] ? slots[MSK_SLOT_RESULT][i] : NULL;
    guint flags = is_prompted ? MSK_FRAME_PROMPT : 0;
    if (is_painted)
        flags |= MSK_FRAME_PAINT;
    if (!is_painted && !result)
        return flags;
    flags |= MSK_FRAME_HAS_MASK | get_absence(masklet, frame, result, is_painted);
    // Given, not tracked: nothing to doubt.
    if (is_prompted || is_painted || msk_masklet_is_locked_at(masklet, frame))
        return flags;
    if (!msk_mask_is_measured(result->track.result->mask))
        flags |= MSK_FRAME_UNMEASURED;
    if (is_stale_at(masklet, cursor, frame, result))
        flags |= MSK_FRAME_STALE;
    if (compute_doubt(masklet, frame, result) >= MSK_DOUBT_LIMIT)
        flags |= MSK_FRAME_DOUBT;
    return flags;
}

// Returns the page as it is from now on.
static const MskFramePage *set_flags(MskMasklet *masklet, guint index, int i, guint flags)
{
    MskFramePage *page = msk_frame_table_own_page(&masklet->frames, index);
    if ((page->flags[i] ^ flags) & ~(guint)MSK_FRAME_UNMEASURED)
        msk_masklet_mark_changed(masklet, page->first + i, page->first + i);
    if (flags & MSK_FRAME_UNMEASURED)
        masklet->has_unmeasured = TRUE;
    page->flags[i] = (guint8)flags;
    return page;
}

static void refresh(MskMasklet *masklet, int64_t first, int64_t last, gboolean only_stale)
{
    MskFrameTable *frames = &masklet->frames;
    Cursor cursor = {.next = msk_masklet_seek_anchor(masklet, first)};
    for (guint p = msk_frame_table_seek(frames, first); p < frames->pages->len; p++) {
        const MskFramePage *page = msk_frame_table_get_page(frames, p);
        if (page->first > last)
            return;
        if (only_stale && !page->slots[MSK_SLOT_RESULT])
            continue;
        int end = (int)MIN(last - page->first, MSK_PAGE_FRAMES - 1);
        for (int i = (int)MAX(first - page->first, 0); i <= end; i++) {
            guint flags = page->flags[i];
            const MskValue *result = only_stale ? page->slots[MSK_SLOT_RESULT][i] : NULL;
            if (!only_stale) {
                flags = compute_flags(masklet, page, i, &cursor);
            } else if (result && !(flags & (MSK_FRAME_PROMPT | MSK_FRAME_PAINT))) {
                flags &= ~(guint)MSK_FRAME_STALE;
                int64_t frame = page->first + i;
                if (!msk_masklet_is_locked_at(masklet, frame) &&
                    is_stale_at(masklet, &cursor, frame, result))
                    flags |= MSK_FRAME_STALE;
            }
            if (flags != page->flags[i])
                page = set_flags(masklet, p, i, flags);
        }
    }
}

void msk_masklet_refresh_flags(MskMasklet *masklet, int64_t first, int64_t last)
{
    refresh(masklet, first, last, FALSE);
}

void msk_masklet_refresh_stale(MskMasklet *masklet, int64_t first, int64_t last)
{
    refresh(masklet, first, last, TRUE);
}

// ---- Runs --------------------------------------------------------------------------------------

static void add_run(GArray *runs, guint n_before, int64_t first, int64_t last, guint flags)
{
    if (flags == 0 || first > last)
        return;
    if (runs->len > n_before) {
        MskRun *run = &g_array_index(runs, MskRun, runs->len - 1);
        if (run->last + 1 == first && run->flags == flags) {
            run->last = last;
            return;
        }
    }
    g_array_append_vals(runs, &(MskRun){first, last, flags}, 1);
}

// Frames of a page from `i` on, up to `end`, with the same flags: their end. Eight at a time.
static int skip_same(const MskFramePage *page, int i, int end)
{
    guint8 flags = page->flags[i] & (guint8)~MSK_FRAME_UNMEASURED;
    guint64 same = flags * G_GUINT64_CONSTANT(0x0101010101010101), word;
    const guint64 mask = (guint8)~MSK_FRAME_UNMEASURED * G_GUINT64_CONSTANT(0x0101010101010101);
    for (i++; i + 7 <= end; i += 8) {
        memcpy(&word, page->flags + i, sizeof word);
        if ((word & mask) != same)
            break;
    }
    while (i <= end && (page->flags[i] & (guint8)~MSK_FRAME_UNMEASURED) == flags)
        i++;
    return i;
}

// The runs of a stretch that is locked, or not, as a whole.
static void add_stretch(MskMasklet *masklet, int64_t first, int64_t last, guint locked,
                        GArray *runs, guint n_before)
{
    MskFrameTable *frames = &masklet->frames;
    int64_t at = first;
    for (guint p = msk_frame_table_seek(frames, first); p < frames->pages->len; p++) {
        const MskFramePage *page = msk_frame_table_get_page(frames, p);
        if (page->first > last)
            break;
        add_run(runs, n_before, at, page->first - 1, locked);
        int end = (int)MIN(last - page->first, MSK_PAGE_FRAMES - 1);
        for (int i = (int)MAX(first - page->first, 0), next; i <= end; i = next) {
            next = skip_same(page, i, end);
            add_run(runs, n_before, page->first + i, page->first + next - 1,
                    (page->flags[i] & ~(guint)MSK_FRAME_UNMEASURED) | locked);
        }
        at = page->first + end + 1;
    }
    add_run(runs, n_before, at, last, locked);
}

void msk_masklet_get_runs(MskMasklet *masklet, int64_t first, int64_t last, GArray *runs)
{
    msk_masklet_settle(masklet);
    const GArray *locks = msk_masklet_get_locks(masklet);
    guint n_before = runs->len;
    int64_t at = MAX(first, 0);
    for (guint i = 0; i < locks->len && at <= last; i++) {
        const MskInterval *lock = &g_array_index(locks, MskInterval, i);
        if (lock->last < at)
            continue;
        if (lock->first > at)
            add_stretch(masklet, at, MIN(lock->first - 1, last), 0, runs, n_before);
        at = MAX(at, lock->first);
        if (at <= last)
            add_stretch(masklet, at, MIN(lock->last, last), MSK_FRAME_LOCKED, runs, n_before);
        at = lock->last + 1;
    }
    if (at <= last)
        add_stretch(masklet, at, last, 0, runs, n_before);
}

// The first frame of a page with flags, from the front or the back; -1: none.
static int64_t find_flagged(const MskFramePage *page, gboolean backward)
{
    for (int k = 0; k < MSK_PAGE_FRAMES; k++) {
        int i = backward ? MSK_PAGE_FRAMES - 1 - k : k;
        if (page->flags[i])
            return page->first + i;
    }
    return -1;
}

gboolean msk_masklet_get_extent(MskMasklet *masklet, int64_t *first, int64_t *last)
{
    msk_masklet_settle(masklet);
    *first = *last = -1;
    const GPtrArray *pages = masklet->frames.pages; // some hold only masks of before
    for (guint p = 0; p < pages->len && *first < 0; p++)
        *first = find_flagged(pages->pdata[p], FALSE);
    for (guint p = pages->len; p-- > 0 && *last < 0;)
        *last = find_flagged(pages->pdata[p], TRUE);
    return *first >= 0;
}

// ---- Doubt -------------------------------------------------------------------------------------

float msk_masklet_get_doubt(MskMasklet *masklet, int64_t frame)
{
    const MskValue *value = get_value(masklet, MSK_SLOT_RESULT, frame);
    guint flags = msk_masklet_get_frame(masklet, frame, NULL);
    if (!value || (flags & (MSK_FRAME_PROMPT | MSK_FRAME_PAINT | MSK_FRAME_LOCKED)))
        return 0;
    return compute_doubt(masklet, frame, value);
}

int64_t msk_masklet_find_doubt(MskMasklet *masklet, int64_t frame, int step)
{
    msk_masklet_settle(masklet);
    MskFrameTable *frames = &masklet->frames;
    int direction = step > 0 ? 1 : -1;
    int64_t from = frame + direction;
    if (from < 0)
        return -1;
    guint at = msk_frame_table_seek(frames, from);
    if (direction < 0 &&
        (at == frames->pages->len || msk_frame_table_get_page(frames, at)->first > from))
        at--; // the page before; of the first one none
    for (; at < frames->pages->len; at += (guint)direction) {
        const MskFramePage *page = msk_frame_table_get_page(frames, at);
        int i = (int)CLAMP(from - page->first, 0, MSK_PAGE_FRAMES - 1);
        for (; i >= 0 && i < MSK_PAGE_FRAMES; i += direction)
            if (page->flags[i] & MSK_FRAME_DOUBT)
                return page->first + i;
    }
    return -1;
}

// ---- Measuring ---------------------------------------------------------------------------------

void msk_unmeasured_clear(MskUnmeasured *unmeasured)
{
    msk_mask_unref(unmeasured->result);
    msk_value_unref(unmeasured->paint);
    msk_mask_unref(unmeasured->shown);
}

void msk_unmeasured_measure(MskUnmeasured *unmeasured)
{
    MskValue *paint = unmeasured->paint;
    if (unmeasured->result)
        msk_mask_get_area(unmeasured->result);
    if (!paint)
        return;
    unmeasured->shown = msk_mask_combine(unmeasured->result, paint->paint.add, paint->paint.remove);
    msk_mask_get_area(unmeasured->shown);
}

// Whether any of eight frames is.
static gboolean has_unmeasured_in(const MskFramePage *page, int i)
{
    guint64 word;
    memcpy(&word, page->flags + i, sizeof word);
    return (word & MSK_FRAME_UNMEASURED * G_GUINT64_CONSTANT(0x0101010101010101)) != 0;
}

gboolean msk_masklet_collect_unmeasured(MskMasklet *masklet, guint n, GArray *out)
{
    msk_masklet_settle(masklet);
    if (!masklet->has_unmeasured)
        return FALSE;
    guint n_before = out->len;
    for (guint p = 0; p < masklet->frames.pages->len; p++) {
        const MskFramePage *page = msk_frame_table_get_page(&masklet->frames, p);
        for (int i = 0; i < MSK_PAGE_FRAMES; i++) {
            if (i % 8 == 0 && !has_unmeasured_in(page, i)) {
                i += 7;
                continue;
            }
            if (!(page->flags[i] & MSK_FRAME_UNMEASURED))
                continue;
            if (n-- == 0)
                return TRUE;
            int64_t frame = page->first + i;
            MskValue *result = get_value(masklet, MSK_SLOT_RESULT, frame);
            MskValue *paint = get_value(masklet, MSK_SLOT_PAINT, frame);
            MskUnmeasured unmeasured = {.frame = frame,
                                        .result = result ? msk_mask_ref(result->track.result->mask)
                                                         : NULL,
                                        .paint = paint ? msk_value_ref(paint) : NULL};
            g_array_append_val(out, unmeasured);
        }
    }
    if (out->len == n_before)
        masklet->has_unmeasured = FALSE;
    return FALSE;
}

void msk_masklet_put_measured(MskMasklet *masklet, const MskUnmeasured *measured)
{
    int64_t frame = measured->frame;
    MskValue *result = get_value(masklet, MSK_SLOT_RESULT, frame);
    MskMask *mask = result ? result->track.result->mask : NULL;
    MskValue *paint = get_value(masklet, MSK_SLOT_PAINT, frame);
    if (paint && paint == measured->paint && mask == measured->result)
        msk_frame_table_set(&masklet->frames, MSK_SLOT_SHOWN, frame, msk_mask_ref(measured->shown));
    msk_masklet_refresh_flags(masklet, MAX(frame - 1, 0), frame + 1);
}
