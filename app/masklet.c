// SPDX-License-Identifier: Apache-2.0
// MskMasklet: the object, its cells and its mask on a frame.
#include "app/free_later.h"
#include "app/masklet_private.h"

G_DEFINE_FINAL_TYPE(MskMasklet, msk_masklet, G_TYPE_OBJECT)

#define PAGES_MAX 16 // that are freed at once

enum { PROP_NAME = 1, PROP_LABEL, PROP_COLOUR, PROP_VISIBLE, PROP_LOCKED, PROP_MATTE, N_PROPS };

static GParamSpec *properties[N_PROPS];

MskMasklet *msk_masklet_new(int64_t id)
{
    MskMasklet *masklet = g_object_new(MSK_TYPE_MASKLET, NULL);
    masklet->id = id;
    return masklet;
}

// ---- Forks -------------------------------------------------------------------------------------

MskMasklet *msk_masklet_fork(MskMasklet *masklet, int64_t id)
{
    MskMasklet *fork = msk_masklet_new(id);
    msk_masklet_settle(masklet);
    msk_frame_table_clear(&fork->frames);
    msk_frame_table_init_copy(&fork->frames, &masklet->frames);
    msk_value_unref(fork->info);
    fork->info = msk_value_ref(masklet->info);
    fork->exists = masklet->exists;
    fork->locks = masklet->locks ? msk_value_ref(masklet->locks) : NULL;
    g_array_unref(fork->keyframes);
    fork->keyframes = g_array_ref(masklet->keyframes);
    g_array_unref(fork->anchors);
    fork->anchors = g_array_ref(masklet->anchors);
    g_array_unref(fork->anchors_at);
    fork->anchors_at = g_array_ref(masklet->anchors_at);
    fork->has_unmeasured = masklet->has_unmeasured;
    fork->size = masklet->size;
    return fork;
}

#define SWAP(type, a, b)                                                                           \
    do {                                                                                           \
        type kept = (a);                                                                           \
        (a) = (b);                                                                                 \
        (b) = kept;                                                                                \
    } while (0)

void msk_masklet_adopt(MskMasklet *masklet, MskMasklet *fork)
{
    SWAP(MskFrameTable, masklet->frames, fork->frames);
    SWAP(MskValue *, masklet->locks, fork->locks);
    SWAP(GArray *, masklet->keyframes, fork->keyframes);
    SWAP(GArray *, masklet->anchors, fork->anchors);
    SWAP(GArray *, masklet->anchors_at, fork->anchors_at);
    SWAP(GArray *, masklet->dirty, fork->dirty);
    masklet->anchors_dirty = fork->anchors_dirty;
    masklet->has_unmeasured = fork->has_unmeasured;
    masklet->size = fork->size;
    masklet->revision += fork->revision;
    if (fork->changed.first <= fork->changed.last)
        msk_masklet_mark_changed(masklet, fork->changed.first, fork->changed.last);
}

int64_t msk_masklet_get_id(MskMasklet *masklet)
{
    return masklet->id;
}

const MskObjectInfo *msk_masklet_get_info(MskMasklet *masklet)
{
    return &masklet->info->object;
}

// ---- Locks -------------------------------------------------------------------------------------

const GArray *msk_masklet_get_locks(MskMasklet *masklet)
{
    return masklet->locks ? masklet->locks->locks : masklet->no_locks;
}

gboolean msk_masklet_is_locked_at(MskMasklet *masklet, int64_t frame)
{
    const GArray *locks = msk_masklet_get_locks(masklet);
    guint low = 0, high = locks->len;
    while (low < high) { // the first that ends at or after the frame
        guint middle = low + (high - low) / 2;
        if (g_array_index(locks, MskInterval, middle).last < frame)
            low = middle + 1;
        else
            high = middle;
    }
    return low < locks->len && g_array_index(locks, MskInterval, low).first <= frame;
}

// ---- Cells -------------------------------------------------------------------------------------

static MskFrameSlot slot_of_kind(MskCellKind kind)
{
    switch (kind) {
    case MSK_CELL_PROMPT:
        return MSK_SLOT_PROMPT;
    case MSK_CELL_PAINT:
        return MSK_SLOT_PAINT;
    case MSK_CELL_RESULT:
        return MSK_SLOT_RESULT;
    default:
        return MSK_N_SLOTS;
    }
}

MskValue *msk_masklet_peek_value(MskMasklet *masklet, const MskCell *cell)
{
    MskFrameSlot slot = slot_of_kind(cell->kind);
    if (slot != MSK_N_SLOTS)
        return msk_frame_table_get(&masklet->frames, slot, cell->frame);
    if (cell->kind == MSK_CELL_OBJECT)
        return masklet->exists ? masklet->info : NULL;
    return masklet->locks;
}

// Frames are mostly put in order: then this stays one interval.
static void mark_dirty(MskMasklet *masklet, int64_t first, int64_t last)
{
    GArray *dirty = masklet->dirty;
    msk_masklet_mark_changed(masklet, first, last);
    if (dirty->len > 0) {
        MskInterval *interval = &g_array_index(dirty, MskInterval, dirty->len - 1);
        if (first - 1 <= interval->last && interval->first - 1 <= last) {
            interval->first = MIN(interval->first, first);
            interval->last = MAX(interval->last, last);
            return;
        }
    }
    g_array_append_vals(dirty, &(MskInterval){first, last}, 1);
}

static gboolean has_interval(const GArray *intervals, const MskInterval *interval)
{
    for (guint i = 0; i < intervals->len; i++) {
        const MskInterval *other = &g_array_index(intervals, MskInterval, i);
        if (other->first == interval->first && other->last == interval->last)
            return TRUE;
    }
    return FALSE;
}

static void mark_missing(MskMasklet *masklet, const GArray *from, const GArray *in)
{
    for (guint i = 0; i < from->len; i++) {
        const MskInterval *interval = &g_array_index(from, MskInterval, i);
        if (!has_interval(in, interval))
            mark_dirty(masklet, interval->first, interval->last);
    }
}

static void put_locks(MskMasklet *masklet, MskValue *value)
{
    const GArray *after = value ? value->locks : masklet->no_locks;
    mark_missing(masklet, msk_masklet_get_locks(masklet), after);
    mark_missing(masklet, after, msk_masklet_get_locks(masklet));
    masklet->anchors_dirty = TRUE;
    msk_value_unref(masklet->locks);
    masklet->locks = value ? msk_value_ref(value) : NULL;
}

static gboolean is_anchor_or_lock(MskMasklet *masklet, int64_t frame)
{
    guint at = msk_masklet_seek_anchor(masklet, frame);
    return (at < masklet->anchors->len &&
            g_array_index(masklet->anchors, MskAnchor, at).frame == frame) ||
           msk_masklet_is_locked_at(masklet, frame);
}

static void put_frame(MskMasklet *masklet, MskFrameSlot slot, int64_t frame, MskValue *value)
{
    const MskValue *old = msk_frame_table_get(&masklet->frames, slot, frame);
    masklet->size += value ? msk_value_get_size(value) : 0;
    masklet->size -= old ? msk_value_get_size(old) : 0;
    msk_frame_table_set(&masklet->frames, slot, frame, value ? msk_value_ref(value) : NULL);
    if (slot != MSK_SLOT_PROMPT)
        msk_frame_table_set(&masklet->frames, MSK_SLOT_SHOWN, frame, NULL);
    if (slot != MSK_SLOT_RESULT || is_anchor_or_lock(masklet, frame))
        masklet->anchors_dirty = TRUE;
    mark_dirty(masklet, frame, frame);
}

void msk_masklet_put_value(MskMasklet *masklet, const MskCell *cell, MskValue *value)
{
    MskFrameSlot slot = slot_of_kind(cell->kind);
    masklet->revision++;
    if (slot != MSK_N_SLOTS) {
        put_frame(masklet, slot, cell->frame, value);
    } else if (cell->kind == MSK_CELL_LOCKS) {
        put_locks(masklet, value);
    } else {
        masklet->exists = value != NULL;
        if (value) {
            msk_value_ref(value);
            msk_value_unref(masklet->info);
            masklet->info = value;
        }
    }
}

void msk_masklet_foreach(MskMasklet *masklet,
                         void (*func)(const MskCell *cell, MskValue *value, gpointer user),
                         gpointer user)
{
    if (masklet->exists)
        func(&(MskCell){MSK_CELL_OBJECT, masklet->id, 0}, masklet->info, user);
    if (masklet->locks)
        func(&(MskCell){MSK_CELL_LOCKS, masklet->id, 0}, masklet->locks, user);
    static const MskCellKind kinds[] = {MSK_CELL_PROMPT, MSK_CELL_PAINT, MSK_CELL_RESULT};
    for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) {
        for (guint p = 0; p < masklet->frames.pages->len; p++) {
            const MskFramePage *page = msk_frame_table_get_page(&masklet->frames, p);
            gpointer *values = page->slots[slot_of_kind(kinds[k])];
            for (int i = 0; values && i < MSK_PAGE_FRAMES; i++)
                if (values[i])
                    func(&(MskCell){kinds[k], masklet->id, page->first + i}, values[i], user);
        }
    }
}

// ---- A frame -----------------------------------------------------------------------------------

MskFrameFlags msk_masklet_get_frame(MskMasklet *masklet, int64_t frame, MskFrameState *out)
{
    msk_masklet_settle(masklet);
    guint flags = msk_frame_table_get_flags(&masklet->frames, frame) & ~(guint)MSK_FRAME_UNMEASURED;
    if (msk_masklet_is_locked_at(masklet, frame))
        flags |= MSK_FRAME_LOCKED;
    if (out) {
        const MskValue *prompt = msk_frame_table_get(&masklet->frames, MSK_SLOT_PROMPT, frame);
        const MskValue *paint = msk_frame_table_get(&masklet->frames, MSK_SLOT_PAINT, frame);
        const MskValue *track = msk_frame_table_get(&masklet->frames, MSK_SLOT_RESULT, frame);
        *out = (MskFrameState){.flags = flags,
                               .prompt = prompt ? prompt->prompt : NULL,
                               .paint = paint ? &paint->paint : NULL,
                               .track = track ? &track->track : NULL};
    }
    return flags;
}

MskMask *msk_masklet_get_mask(MskMasklet *masklet, int64_t frame)
{
    MskFrameTable *frames = &masklet->frames;
    const MskValue *paint = msk_frame_table_get(frames, MSK_SLOT_PAINT, frame);
    const MskValue *track = msk_frame_table_get(frames, MSK_SLOT_RESULT, frame);
    MskMask *result = track ? track->track.result->mask : NULL;
    if (!paint)
        return result ? msk_mask_ref(result) : NULL;
    MskMask *shown = msk_frame_table_get(frames, MSK_SLOT_SHOWN, frame);
    if (!shown) {
        shown = msk_mask_combine(result, paint->paint.add, paint->paint.remove);
        msk_frame_table_set(frames, MSK_SLOT_SHOWN, frame, shown);
    }
    return msk_mask_ref(shown);
}

MskMask *msk_masklet_get_previous(MskMasklet *masklet, int64_t frame)
{
    MskMask *mask = msk_frame_table_get(&masklet->frames, MSK_SLOT_PREVIOUS, frame);
    return mask ? msk_mask_ref(mask) : NULL;
}

void msk_masklet_set_previous(MskMasklet *masklet, int64_t frame, MskMask *mask)
{
    msk_frame_table_set(&masklet->frames, MSK_SLOT_PREVIOUS, frame,
                        mask ? msk_mask_ref(mask) : NULL);
}

// ---- The object --------------------------------------------------------------------------------

void msk_masklet_notify_info(MskMasklet *masklet, const MskObjectInfo *before)
{
    const MskObjectInfo *after = &masklet->info->object;
    GObject *object = G_OBJECT(masklet);
    g_object_freeze_notify(object);
    if (!before || g_strcmp0(before->name, after->name) != 0)
        g_object_notify_by_pspec(object, properties[PROP_NAME]);
    if (!before || g_strcmp0(before->label, after->label) != 0)
        g_object_notify_by_pspec(object, properties[PROP_LABEL]);
    if (!before || before->colour != after->colour)
        g_object_notify_by_pspec(object, properties[PROP_COLOUR]);
    if (!before || before->visible != after->visible)
        g_object_notify_by_pspec(object, properties[PROP_VISIBLE]);
    if (!before || before->locked != after->locked)
        g_object_notify_by_pspec(object, properties[PROP_LOCKED]);
    const MskMatteParams *a = before ? &before->matte : NULL, *b = &after->matte;
    if (!a || a->ramp != b->ramp || a->fill_holes != b->fill_holes ||
        a->remove_dots != b->remove_dots || a->grow != b->grow || a->feather != b->feather)
        g_object_notify_by_pspec(object, properties[PROP_MATTE]);
    g_object_thaw_notify(object);
}

static void get_property(GObject *object, guint property, GValue *value, GParamSpec *spec)
{
    MskMasklet *masklet = MSK_MASKLET(object);
    const MskObjectInfo *info = &masklet->info->object;
    switch (property) {
    case PROP_NAME:
        g_value_set_string(value, info->name);
        break;
    case PROP_LABEL:
        g_value_set_string(value, info->label);
        break;
    case PROP_COLOUR:
        g_value_set_uint(value, info->colour);
        break;
    case PROP_VISIBLE:
        g_value_set_boolean(value, info->visible);
        break;
    case PROP_LOCKED:
        g_value_set_boolean(value, info->locked);
        break;
    case PROP_MATTE:
        g_value_set_pointer(value, (gpointer)&info->matte);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, property, spec);
    }
}

static void finalize(GObject *object)
{
    MskMasklet *masklet = MSK_MASKLET(object);
    // A long clip's masks take a while to be freed.
    if (masklet->frames.pages->len > PAGES_MAX)
        msk_free_later(masklet->frames.pages, (GDestroyNotify)g_ptr_array_unref);
    else
        msk_frame_table_clear(&masklet->frames);
    msk_value_unref(masklet->info);
    msk_value_unref(masklet->locks);
    g_array_unref(masklet->no_locks);
    g_array_unref(masklet->keyframes);
    g_array_unref(masklet->anchors);
    g_array_unref(masklet->anchors_at);
    g_array_unref(masklet->dirty);
    G_OBJECT_CLASS(msk_masklet_parent_class)->finalize(object);
}

static void msk_masklet_init(MskMasklet *masklet)
{
    // What an object is until its info is there: damaged projects can have cells of no object.
    masklet->info = msk_value_new_object(&(MskObjectInfo){.name = (char *)"", .visible = TRUE});
    msk_frame_table_init(&masklet->frames);
    masklet->no_locks = g_array_new(FALSE, FALSE, sizeof(MskInterval));
    masklet->keyframes = g_array_new(FALSE, FALSE, sizeof(int64_t));
    masklet->anchors = msk_masklet_new_anchors();
    masklet->anchors_at = g_array_new(FALSE, FALSE, sizeof(int64_t));
    masklet->dirty = g_array_new(FALSE, FALSE, sizeof(MskInterval));
    masklet->changed = (MskInterval){0, -1};
}

static void msk_masklet_class_init(MskMaskletClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
    properties[PROP_NAME] = g_param_spec_string("name", NULL, NULL, NULL, flags);
    properties[PROP_LABEL] = g_param_spec_string("label", NULL, NULL, NULL, flags);
    properties[PROP_COLOUR] = g_param_spec_uint("colour", NULL, NULL, 0, 0xffffff, 0, flags);
    properties[PROP_VISIBLE] = g_param_spec_boolean("visible", NULL, NULL, TRUE, flags);
    properties[PROP_LOCKED] = g_param_spec_boolean("locked", NULL, NULL, FALSE, flags);
    properties[PROP_MATTE] = g_param_spec_pointer("matte", NULL, NULL, flags);
    g_object_class_install_properties(object_class, N_PROPS, properties);
}
