// SPDX-License-Identifier: Apache-2.0
// MskMasklet: anchors, what tracking starts from, and keeping both in step with the cells.
#include "app/masklet_private.h"

// ---- Hashes ------------------------------------------------------------------------------------

// The hashes are stored in project files: how they are made never changes.
static guint64 mix(guint64 hash, guint64 value)
{
    hash ^= value + G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) + (hash << 6) + (hash >> 2);
    hash = (hash ^ (hash >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return hash ^ (hash >> 31);
}

static guint64 hash_mask(const MskMask *mask)
{
    return mask ? msk_value_hash_mask(mask) : 0;
}

// Strokes by themselves, not the combined mask: combining takes milliseconds.
static guint64 hash_content(const MskValue *result, const MskValue *paint)
{
    guint64 hash = result ? hash_mask(result->track.result->mask) : 0;
    if (paint) {
        hash = mix(hash, hash_mask(paint->paint.add));
        hash = mix(hash, hash_mask(paint->paint.remove));
    }
    return hash;
}

static guint64 hash_source(const MskAnchor *near, const MskAnchor *far, gboolean reverse)
{
    guint64 hash = mix(reverse ? 2 : 1, (guint64)near->frame);
    hash = mix(hash, near->content);
    hash = mix(hash, far ? (guint64)far->frame : G_MAXUINT64);
    hash = mix(hash, far ? far->content : 0);
    return hash ? hash : 1;
}

// ---- Anchors -----------------------------------------------------------------------------------

static MskAnchor *get_anchor(MskMasklet *masklet, guint index)
{
    return &g_array_index(masklet->anchors, MskAnchor, index);
}

guint msk_masklet_seek_anchor(MskMasklet *masklet, int64_t frame)
{
    guint low = 0, high = masklet->anchors->len;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (get_anchor(masklet, middle)->frame < frame)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

MskSources msk_masklet_get_sources(MskMasklet *masklet, guint next)
{
    const MskAnchor *before = next > 0 ? get_anchor(masklet, next - 1) : NULL;
    const MskAnchor *after = next < masklet->anchors->len ? get_anchor(masklet, next) : NULL;
    return (MskSources){.forward = before ? hash_source(before, after, FALSE) : 0,
                        .reverse = after ? hash_source(after, before, TRUE) : 0};
}

guint64 msk_masklet_get_source(MskMasklet *masklet, int64_t frame, gboolean reverse)
{
    msk_masklet_settle(masklet);
    guint next = msk_masklet_seek_anchor(masklet, frame);
    if (next < masklet->anchors->len && get_anchor(masklet, next)->frame == frame)
        return 0;
    MskSources sources = msk_masklet_get_sources(masklet, next);
    return reverse ? sources.reverse : sources.forward;
}

const GArray *msk_masklet_get_anchors(MskMasklet *masklet)
{
    msk_masklet_settle(masklet);
    return masklet->anchors_at;
}

const GArray *msk_masklet_get_keyframes(MskMasklet *masklet)
{
    msk_masklet_settle(masklet);
    return masklet->keyframes;
}

int64_t msk_masklet_find_keyframe(MskMasklet *masklet, int64_t frame, int step)
{
    const GArray *keyframes = msk_masklet_get_keyframes(masklet);
    guint low = 0, high = keyframes->len; // the first after the frame, or at it
    while (low < high) {
        guint middle = low + (high - low) / 2;
        int64_t at = g_array_index(keyframes, int64_t, middle);
        if (at < frame || (at == frame && step > 0))
            low = middle + 1;
        else
            high = middle;
    }
    if (step > 0)
        return low < keyframes->len ? g_array_index(keyframes, int64_t, low) : -1;
    return low > 0 ? g_array_index(keyframes, int64_t, low - 1) : -1;
}

static void rebuild_keyframes(MskMasklet *masklet)
{
    g_array_unref(masklet->keyframes);
    masklet->keyframes = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (guint p = 0; p < masklet->frames.pages->len; p++) {
        const MskFramePage *page = msk_frame_table_get_page(&masklet->frames, p);
        gpointer *prompts = page->slots[MSK_SLOT_PROMPT], *paints = page->slots[MSK_SLOT_PAINT];
        if (!prompts && !paints)
            continue;
        for (int i = 0; i < MSK_PAGE_FRAMES; i++) {
            if ((prompts && prompts[i]) || (paints && paints[i]))
                g_array_append_vals(masklet->keyframes, &(int64_t){page->first + i}, 1);
        }
    }
}

static int compare_frames(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

// Keyframes, and first and last frames of locked spans that have a mask; ascending.
static GArray *list_anchor_frames(MskMasklet *masklet)
{
    GArray *frames = g_array_copy(masklet->keyframes);
    const GArray *locks = msk_masklet_get_locks(masklet);
    for (guint i = 0; i < locks->len; i++) {
        const MskInterval *lock = &g_array_index(locks, MskInterval, i);
        if (msk_frame_table_get(&masklet->frames, MSK_SLOT_RESULT, lock->first))
            g_array_append_val(frames, lock->first);
        if (msk_frame_table_get(&masklet->frames, MSK_SLOT_RESULT, lock->last))
            g_array_append_val(frames, lock->last);
    }
    if (locks->len > 0)
        g_array_sort(frames, compare_frames);
    guint n = 0;
    for (guint i = 0; i < frames->len; i++) {
        int64_t frame = g_array_index(frames, int64_t, i);
        if (n == 0 || g_array_index(frames, int64_t, n - 1) != frame)
            g_array_index(frames, int64_t, n++) = frame;
    }
    g_array_set_size(frames, n);
    return frames;
}

static void clear_anchor_cb(gpointer data)
{
    MskAnchor *anchor = data;
    msk_value_unref(anchor->result);
    msk_value_unref(anchor->paint);
}

GArray *msk_masklet_new_anchors(void)
{
    GArray *anchors = g_array_new(FALSE, FALSE, sizeof(MskAnchor));
    g_array_set_clear_func(anchors, clear_anchor_cb);
    return anchors;
}

// Takes the content over from the old anchor on that frame if there is nothing new on it.
static MskAnchor make_anchor(MskMasklet *masklet, int64_t frame, const MskAnchor *old)
{
    MskValue *result = msk_frame_table_get(&masklet->frames, MSK_SLOT_RESULT, frame);
    MskValue *paint = msk_frame_table_get(&masklet->frames, MSK_SLOT_PAINT, frame);
    gboolean same = old && old->result == result && old->paint == paint;
    return (MskAnchor){.frame = frame,
                       .content = same ? old->content : hash_content(result, paint),
                       .result = result ? msk_value_ref(result) : NULL,
                       .paint = paint ? msk_value_ref(paint) : NULL};
}

static void rebuild_anchors(MskMasklet *masklet, GArray *before)
{
    g_array_unref(masklet->anchors_at);
    masklet->anchors_at = list_anchor_frames(masklet);
    guint at = 0;
    for (guint i = 0; i < masklet->anchors_at->len; i++) {
        int64_t frame = g_array_index(masklet->anchors_at, int64_t, i);
        while (at < before->len && g_array_index(before, MskAnchor, at).frame < frame)
            at++;
        const MskAnchor *old = at < before->len ? &g_array_index(before, MskAnchor, at) : NULL;
        MskAnchor anchor = make_anchor(masklet, frame, old && old->frame == frame ? old : NULL);
        g_array_append_val(masklet->anchors, anchor);
    }
}

static gboolean same_anchor(const GArray *a, int i, const GArray *b, int j)
{
    const MskAnchor *x = i >= 0 && i < (int)a->len ? &g_array_index(a, MskAnchor, i) : NULL;
    const MskAnchor *y = j >= 0 && j < (int)b->len ? &g_array_index(b, MskAnchor, j) : NULL;
    return (!x && !y) || (x && y && x->frame == y->frame && x->content == y->content);
}

// Where the anchors on both sides are not what they were, masks became stale, or fresh again.
static void refresh_gaps(MskMasklet *masklet, const GArray *before)
{
    const GArray *after = masklet->anchors;
    guint old = 0;
    for (guint next = 0; next <= after->len; next++) {
        int64_t first = next > 0 ? get_anchor(masklet, next - 1)->frame : 0;
        int64_t last = next < after->len ? get_anchor(masklet, next)->frame : INT64_MAX;
        while (old < before->len && g_array_index(before, MskAnchor, old).frame < last)
            old++;
        if (!same_anchor(after, (int)next - 1, before, (int)old - 1) ||
            !same_anchor(after, (int)next, before, (int)old))
            msk_masklet_refresh_stale(masklet, first, last);
    }
}

// ---- Settling ----------------------------------------------------------------------------------

static int compare_intervals(const void *a, const void *b)
{
    return compare_frames(&((const MskInterval *)a)->first, &((const MskInterval *)b)->first);
}

// The dirty frames and their neighbours, whose doubt compares with them.
static void refresh_dirty(MskMasklet *masklet)
{
    GArray *dirty = masklet->dirty;
    if (dirty->len > 1)
        g_array_sort(dirty, compare_intervals);
    for (guint i = 0; i < dirty->len;) {
        MskInterval joined = g_array_index(dirty, MskInterval, i++);
        while (i < dirty->len && g_array_index(dirty, MskInterval, i).first - 2 <= joined.last) {
            joined.last = MAX(joined.last, g_array_index(dirty, MskInterval, i).last);
            i++;
        }
        msk_masklet_refresh_flags(masklet, joined.first > 0 ? joined.first - 1 : 0,
                                  joined.last < INT64_MAX ? joined.last + 1 : joined.last);
    }
    g_array_set_size(dirty, 0);
}

void msk_masklet_settle(MskMasklet *masklet)
{
    if (masklet->anchors_dirty) {
        masklet->anchors_dirty = FALSE;
        g_autoptr(GArray) before = masklet->anchors;
        masklet->anchors = msk_masklet_new_anchors();
        rebuild_keyframes(masklet);
        rebuild_anchors(masklet, before);
        refresh_gaps(masklet, before);
    }
    if (masklet->dirty->len > 0)
        refresh_dirty(masklet);
}

gboolean msk_masklet_take_changed(MskMasklet *masklet, int64_t *first, int64_t *last)
{
    msk_masklet_settle(masklet);
    *first = masklet->changed.first;
    *last = masklet->changed.last;
    masklet->changed = (MskInterval){0, -1};
    return *first <= *last;
}
