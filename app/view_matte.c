// SPDX-License-Identifier: Apache-2.0
// Mattes made ready for drawing, and the cache of those made lately.
#include <math.h>
#include <string.h>

#include "app/view.h"

// ---- Bounds ------------------------------------------------------------------------------------

static gboolean is_blank(const uint8_t *row, int n)
{
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t eight;
        memcpy(&eight, row + i, 8);
        if (eight)
            return FALSE;
    }
    for (; i < n; i++) {
        if (row[i])
            return FALSE;
    }
    return TRUE;
}

static MskRect find_bounds(const uint8_t *alpha, int width, int height)
{
    int top = 0, bottom = height, left = width, right = 0;
    while (top < bottom && is_blank(alpha + (size_t)top * width, width))
        top++;
    while (bottom > top && is_blank(alpha + (size_t)(bottom - 1) * width, width))
        bottom--;
    for (int y = top; y < bottom; y++) {
        const uint8_t *row = alpha + (size_t)y * width;
        // Only what would widen the bounds is looked at.
        for (int x = 0; x < left; x++) {
            if (row[x])
                left = x;
        }
        for (int x = width - 1; x >= right; x--) {
            if (row[x])
                right = x + 1;
        }
    }
    return top < bottom ? (MskRect){left, top, right - left, bottom - top} : (MskRect){0};
}

// ---- Mattes ------------------------------------------------------------------------------------

static gboolean needs_matte(const MskMatteParams *params)
{
    return params->fill_holes > 0 || params->remove_dots > 0 || fabs(params->grow) >= 1 ||
           params->feather >= 0.01;
}

// The matte at frame size.
static uint8_t *render_alpha(MskMask *mask, const MskMatteParams *params, int width, int height)
{
    size_t n = (size_t)width * (size_t)height;
    uint8_t *alpha = g_malloc(n);
    if (!needs_matte(params)) {
        msk_mask_get_alpha8(mask, (float)params->ramp, alpha, (size_t)width);
        return alpha;
    }
    g_autofree uint16_t *deep = g_new(uint16_t, n);
    msk_matte_render(mask, width, height, params, deep);
    for (size_t i = 0; i < n; i++)
        alpha[i] = msk_matte_to_8(deep[i]);
    return alpha;
}

MskViewMatte *msk_view_matte_new(const MskViewSource *source, int width, int height)
{
    MskViewMatte *matte = g_new0(MskViewMatte, 1);
    g_atomic_ref_count_init(&matte->refs);
    matte->width = width;
    matte->height = height;

    g_autoptr(MskMask) mask = NULL;
    if (source->add || source->remove)
        mask = msk_mask_combine(source->result, source->add, source->remove);
    else if (source->result)
        mask = msk_mask_ref(source->result);
    if (!mask || msk_mask_get_width(mask) != width || msk_mask_get_height(mask) != height) {
        matte->contour = msk_contour_trace(NULL, 0, 0, 0, 0, 0);
        return matte;
    }
    uint8_t *alpha = render_alpha(mask, &source->params, width, height);
    MskRect box = matte->bounds = find_bounds(alpha, width, height);
    matte->alpha = g_malloc(MAX((size_t)box.width * (size_t)box.height, 1));
    for (int y = 0; y < box.height; y++)
        memcpy(matte->alpha + (size_t)y * (size_t)box.width,
               alpha + (size_t)(box.y + y) * (size_t)width + box.x, (size_t)box.width);
    g_free(alpha);
    matte->contour =
        msk_contour_trace(matte->alpha, (size_t)box.width, box.width, box.height, box.x, box.y);
    return matte;
}

MskViewMatte *msk_view_matte_ref(MskViewMatte *matte)
{
    g_atomic_ref_count_inc(&matte->refs);
    return matte;
}

void msk_view_matte_unref(MskViewMatte *matte)
{
    if (!matte || !g_atomic_ref_count_dec(&matte->refs))
        return;
    msk_contour_free(matte->contour);
    g_free(matte->alpha);
    g_free(matte);
}

gsize msk_view_matte_get_size(const MskViewMatte *matte)
{
    return sizeof *matte + (gsize)matte->bounds.width * (gsize)matte->bounds.height +
           matte->contour->points->len * sizeof(float);
}

uint8_t msk_view_matte_get_alpha(const MskViewMatte *matte, int x, int y)
{
    const MskRect *box = &matte->bounds;
    if (x < box->x || y < box->y || x >= box->x + box->width || y >= box->y + box->height)
        return 0;
    return matte->alpha[(size_t)(y - box->y) * (size_t)box->width + (size_t)(x - box->x)];
}

// ---- Cache -------------------------------------------------------------------------------------

typedef struct Entry {
    MskViewSource source; // with references
    MskViewMatte *matte;
    gsize size;
    GList link; // in the order of use
} Entry;

struct MskViewCache {
    GMutex lock;
    GHashTable *entries; // Entry, by its source
    GQueue order;        // used last first
    gsize size, budget;
};

static guint hash_source(gconstpointer data)
{
    const MskViewSource *source = data;
    return g_direct_hash(source->result) ^ g_direct_hash(source->add) * 31 ^
           g_direct_hash(source->remove) * 961;
}

static gboolean sources_equal(gconstpointer a, gconstpointer b)
{
    const MskViewSource *p = a, *q = b;
    const MskMatteParams *u = &p->params, *v = &q->params;
    return p->result == q->result && p->add == q->add && p->remove == q->remove &&
           u->ramp == v->ramp && u->fill_holes == v->fill_holes &&
           u->remove_dots == v->remove_dots && u->grow == v->grow && u->feather == v->feather;
}

static void free_entry(gpointer data)
{
    Entry *entry = data;
    msk_mask_unref(entry->source.result);
    msk_mask_unref(entry->source.add);
    msk_mask_unref(entry->source.remove);
    msk_view_matte_unref(entry->matte);
    g_free(entry);
}

MskViewCache *msk_view_cache_new(gsize budget)
{
    MskViewCache *cache = g_new0(MskViewCache, 1);
    g_mutex_init(&cache->lock);
    // The key is the entry's first member.
    cache->entries = g_hash_table_new_full(hash_source, sources_equal, NULL, free_entry);
    g_queue_init(&cache->order);
    cache->budget = budget;
    return cache;
}

void msk_view_cache_free(MskViewCache *cache)
{
    if (!cache)
        return;
    g_hash_table_unref(cache->entries);
    g_mutex_clear(&cache->lock);
    g_free(cache);
}

static MskViewMatte *find_matte(MskViewCache *cache, const MskViewSource *source, int width,
                                int height)
{
    Entry *entry = g_hash_table_lookup(cache->entries, source);
    if (!entry || entry->matte->width != width || entry->matte->height != height)
        return NULL;
    g_queue_unlink(&cache->order, &entry->link);
    g_queue_push_head_link(&cache->order, &entry->link);
    return msk_view_matte_ref(entry->matte);
}

static void drop_entry(MskViewCache *cache, Entry *entry)
{
    cache->size -= entry->size;
    g_queue_unlink(&cache->order, &entry->link);
    g_hash_table_remove(cache->entries, &entry->source);
}

static void keep_matte(MskViewCache *cache, const MskViewSource *source, MskViewMatte *matte)
{
    Entry *old = g_hash_table_lookup(cache->entries, source);
    if (old)
        drop_entry(cache, old);
    Entry *entry = g_new0(Entry, 1);
    entry->source = *source;
    for (int i = 0; i < 3; i++) {
        MskMask *mask = (MskMask *[]){source->result, source->add, source->remove}[i];
        if (mask)
            msk_mask_ref(mask);
    }
    entry->matte = msk_view_matte_ref(matte);
    entry->size = msk_view_matte_get_size(matte);
    entry->link.data = entry;
    g_hash_table_insert(cache->entries, &entry->source, entry);
    g_queue_push_head_link(&cache->order, &entry->link);
    cache->size += entry->size;
    while (cache->size > cache->budget && cache->order.length > 1)
        drop_entry(cache, cache->order.tail->data);
}

MskViewMatte *msk_view_cache_get(MskViewCache *cache, const MskViewSource *source, int width,
                                 int height)
{
    g_mutex_lock(&cache->lock);
    MskViewMatte *matte = find_matte(cache, source, width, height);
    g_mutex_unlock(&cache->lock);
    if (matte)
        return matte;
    matte = msk_view_matte_new(source, width, height);
    g_mutex_lock(&cache->lock);
    keep_matte(cache, source, matte);
    g_mutex_unlock(&cache->lock);
    return matte;
}
