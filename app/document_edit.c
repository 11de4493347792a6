// SPDX-License-Identifier: Apache-2.0
// MskDocument: edits of an object's frames, and of the settings.
#include "app/document_private.h"

#include <glib/gi18n.h>

gboolean msk_document_can_edit(MskDocument *document, MskMasklet *masklet)
{
    return masklet->exists && !masklet->info->object.locked;
}

static gboolean can_edit_frame(MskDocument *document, MskMasklet *masklet, int64_t frame)
{
    return frame >= 0 && frame < MSK_PROMPT_FRAME_MAX && msk_document_can_edit(document, masklet) &&
           !msk_masklet_is_locked_at(masklet, frame);
}

static MskCell get_cell(MskMasklet *masklet, MskCellKind kind, int64_t frame)
{
    return (MskCell){kind, masklet->id, frame};
}

static MskValue *get_value(MskDocument *document, MskMasklet *masklet, MskCellKind kind,
                           int64_t frame)
{
    MskCell cell = get_cell(masklet, kind, frame);
    return msk_document_get_value(document, &cell);
}

static gboolean change(MskDocument *document, MskMasklet *masklet, MskCellKind kind, int64_t frame,
                       MskValue *value)
{
    MskCell cell = get_cell(masklet, kind, frame);
    return msk_document_change(document, &cell, value);
}

static gboolean fits(MskDocument *document, const MskMask *mask)
{
    return !mask || (msk_mask_get_width(mask) == document->width &&
                     msk_mask_get_height(mask) == document->height);
}

// ---- Prompts, strokes, results -----------------------------------------------------------------

// The answer to a prompt goes with it; what was tracked stays.
static void drop_answer(MskDocument *document, MskMasklet *masklet, int64_t frame)
{
    const MskValue *result = get_value(document, masklet, MSK_CELL_RESULT, frame);
    if (result && result->track.source == 0)
        change(document, masklet, MSK_CELL_RESULT, frame, NULL);
}

static gboolean remove_prompt(MskDocument *document, MskMasklet *masklet, int64_t frame)
{
    if (!get_value(document, masklet, MSK_CELL_PROMPT, frame))
        return TRUE;
    if (!change(document, masklet, MSK_CELL_PROMPT, frame, NULL))
        return FALSE;
    if (!get_value(document, masklet, MSK_CELL_PAINT, frame))
        drop_answer(document, masklet, frame);
    return TRUE;
}

static gboolean put_prompt(MskDocument *document, MskMasklet *masklet, int64_t frame,
                           const MskPrompt *prompt)
{
    g_autoptr(MskValue) value = msk_value_new_prompt(prompt);
    value->prompt->frame = frame;
    return change(document, masklet, MSK_CELL_PROMPT, frame, value);
}

gboolean msk_document_set_prompt(MskDocument *document, MskMasklet *masklet, int64_t frame,
                                 const MskPrompt *prompt)
{
    if (!can_edit_frame(document, masklet, frame))
        return FALSE;
    gboolean removes = !prompt || msk_prompt_is_empty(prompt);
    msk_document_begin(document, removes ? _("Remove Prompt") : _("Set Prompt"));
    gboolean done = removes ? remove_prompt(document, masklet, frame)
                            : put_prompt(document, masklet, frame, prompt);
    msk_document_end(document);
    return done;
}

gboolean msk_document_set_paint(MskDocument *document, MskMasklet *masklet, int64_t frame,
                                MskMask *add, MskMask *remove)
{
    if (!can_edit_frame(document, masklet, frame))
        return FALSE;
    g_return_val_if_fail(fits(document, add) && fits(document, remove), FALSE);
    g_return_val_if_fail(!add || msk_mask_get_kind(add) == MSK_MASK_BITS, FALSE);
    g_return_val_if_fail(!remove || msk_mask_get_kind(remove) == MSK_MASK_BITS, FALSE);
    g_autoptr(MskValue) value = add || remove ? msk_value_new_paint(add, remove) : NULL;
    msk_document_begin(document, value ? _("Paint") : _("Remove Strokes"));
    gboolean done = change(document, masklet, MSK_CELL_PAINT, frame, value);
    msk_document_end(document);
    return done;
}

// For showing what tracking changed. Clicks in a row are compared with what was tracked before the
// first of them.
static void keep_previous(MskMasklet *masklet, int64_t frame, const MskValue *before,
                          const MskValue *after)
{
    if (!before || (after->track.source == 0 && before->track.source == 0))
        return;
    MskMask *mask = before->track.result->mask;
    if (!msk_mask_equal(mask, after->track.result->mask))
        msk_masklet_set_previous(masklet, frame, mask);
}

static gboolean set_track(MskDocument *document, MskMasklet *masklet, int64_t frame,
                          MskResult *result, guint64 source, float agreement)
{
    g_return_val_if_fail(fits(document, result->mask), FALSE);
    g_autoptr(MskValue) value = msk_value_new_track(result, source, agreement);
    MskValue *before = get_value(document, masklet, MSK_CELL_RESULT, frame);
    g_autoptr(MskValue) kept = before ? msk_value_ref(before) : NULL;
    msk_document_begin(document, _("Track"));
    gboolean done = change(document, masklet, MSK_CELL_RESULT, frame, value);
    if (done)
        keep_previous(masklet, frame, kept, value);
    msk_document_end(document);
    return done;
}

gboolean msk_document_set_track(MskDocument *document, MskMasklet *masklet, int64_t frame,
                                MskResult *result, guint64 source, float agreement)
{
    return can_edit_frame(document, masklet, frame) &&
           set_track(document, masklet, frame, result, source, agreement);
}

gboolean msk_document_set_answer(MskDocument *document, MskMasklet *masklet, int64_t frame,
                                 MskResult *result)
{
    return msk_document_find_index(document, masklet) >= 0 &&
           get_value(document, masklet, MSK_CELL_PROMPT, frame) &&
           set_track(document, masklet, frame, result, 0, -1);
}

// ---- Clearing and moving -----------------------------------------------------------------------

static void clear_frame(MskDocument *document, MskMasklet *masklet, int64_t frame)
{
    change(document, masklet, MSK_CELL_PAINT, frame, NULL);
    change(document, masklet, MSK_CELL_PROMPT, frame, NULL);
    drop_answer(document, masklet, frame);
}

void msk_document_clear_frame(MskDocument *document, MskMasklet *masklet, int64_t frame)
{
    if (!can_edit_frame(document, masklet, frame))
        return;
    msk_document_begin(document, _("Clear Frame"));
    clear_frame(document, masklet, frame);
    msk_document_end(document);
}

void msk_document_clear_object(MskDocument *document, MskMasklet *masklet)
{
    if (!msk_document_can_edit(document, masklet))
        return;
    msk_document_begin(document, _("Clear Object"));
    g_autoptr(GArray) frames = g_array_copy((GArray *)msk_masklet_get_keyframes(masklet));
    for (guint i = 0; i < frames->len; i++) {
        int64_t frame = g_array_index(frames, int64_t, i);
        if (!msk_masklet_is_locked_at(masklet, frame))
            clear_frame(document, masklet, frame);
    }
    msk_document_end(document);
}

gboolean msk_document_move_keyframe(MskDocument *document, MskMasklet *masklet, int64_t from,
                                    int64_t to, gboolean copy)
{
    if (from == to || !can_edit_frame(document, masklet, to) ||
        (!copy && !can_edit_frame(document, masklet, from)) ||
        (copy && !msk_document_can_edit(document, masklet)))
        return FALSE;
    MskValue *prompt = get_value(document, masklet, MSK_CELL_PROMPT, from);
    MskValue *paint = get_value(document, masklet, MSK_CELL_PAINT, from);
    if (!prompt && !paint)
        return FALSE;
    g_autoptr(MskValue) strokes = paint ? msk_value_ref(paint) : NULL;
    msk_document_begin(document, copy ? _("Copy Keyframe") : _("Move Keyframe"));
    clear_frame(document, masklet, to);
    if (prompt) {
        // Asked for again: a mask that was tracked would pass for the answer.
        change(document, masklet, MSK_CELL_RESULT, to, NULL);
        put_prompt(document, masklet, to, prompt->prompt);
    }
    change(document, masklet, MSK_CELL_PAINT, to, strokes);
    if (!copy)
        clear_frame(document, masklet, from);
    msk_document_end(document);
    return TRUE;
}

// ---- Locks -------------------------------------------------------------------------------------

static void add_interval(GArray *intervals, int64_t first, int64_t last)
{
    if (first <= last)
        g_array_append_vals(intervals, &(MskInterval){first, last}, 1);
}

// `locks` with first..last added or taken out.
static GArray *change_locks(const GArray *locks, int64_t first, int64_t last, gboolean lock)
{
    GArray *out = g_array_new(FALSE, FALSE, sizeof(MskInterval));
    guint i = 0;
    for (; i < locks->len && g_array_index(locks, MskInterval, i).last < first - lock; i++)
        g_array_append_val(out, g_array_index(locks, MskInterval, i));
    MskInterval joined = {first, last};
    for (; i < locks->len && g_array_index(locks, MskInterval, i).first <= last + lock; i++) {
        const MskInterval *old = &g_array_index(locks, MskInterval, i);
        joined.first = MIN(joined.first, old->first);
        joined.last = MAX(joined.last, old->last);
    }
    if (lock) {
        add_interval(out, joined.first, joined.last);
    } else {
        add_interval(out, joined.first, first - 1);
        add_interval(out, last + 1, joined.last);
    }
    for (; i < locks->len; i++)
        g_array_append_val(out, g_array_index(locks, MskInterval, i));
    return out;
}

static void set_locked(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last,
                       gboolean lock)
{
    first = MAX(first, 0);
    last = MIN(last, MSK_PROMPT_FRAME_MAX - 1);
    if (first > last || !msk_document_can_edit(document, masklet))
        return;
    g_autoptr(GArray) locks = change_locks(msk_masklet_get_locks(masklet), first, last, lock);
    g_autoptr(MskValue) value =
        locks->len > 0 ? msk_value_new_locks((MskInterval *)locks->data, locks->len) : NULL;
    msk_document_begin(document, lock ? _("Lock Frames") : _("Unlock Frames"));
    change(document, masklet, MSK_CELL_LOCKS, 0, value);
    msk_document_end(document);
}

void msk_document_lock(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last)
{
    set_locked(document, masklet, first, last, TRUE);
}

void msk_document_unlock(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last)
{
    set_locked(document, masklet, first, last, FALSE);
}

// ---- Settings ----------------------------------------------------------------------------------

static void set_setting(MskDocument *document, MskSetting setting, GVariant *content,
                        const char *name)
{
    g_autoptr(MskValue) value = content ? msk_value_new_setting(content) : NULL;
    MskCell cell = {MSK_CELL_SETTING, 0, setting};
    msk_document_begin(document, name);
    msk_document_change(document, &cell, value);
    msk_document_end(document);
}

static MskValue *get_setting(MskDocument *document, MskSetting setting, const char *type)
{
    MskCell cell = {MSK_CELL_SETTING, 0, setting};
    MskValue *value = msk_document_get_value(document, &cell);
    return value && g_variant_is_of_type(value->setting, G_VARIANT_TYPE(type)) ? value : NULL;
}

void msk_document_set_range(MskDocument *document, int64_t first, int64_t last)
{
    g_return_if_fail(first >= 0 && first <= last);
    set_setting(document, MSK_SETTING_RANGE, g_variant_new("(xx)", (gint64)first, (gint64)last),
                _("Set Range"));
}

void msk_document_clear_range(MskDocument *document)
{
    set_setting(document, MSK_SETTING_RANGE, NULL, _("Clear Range"));
}

gboolean msk_document_has_range(MskDocument *document)
{
    return get_setting(document, MSK_SETTING_RANGE, "(xx)") != NULL;
}

void msk_document_get_range(MskDocument *document, int64_t *first, int64_t *last)
{
    const MskValue *value = get_setting(document, MSK_SETTING_RANGE, "(xx)");
    int64_t end = document->n_frames > 0 ? document->n_frames - 1 : 0;
    gint64 range[2] = {0, end};
    if (value)
        g_variant_get(value->setting, "(xx)", &range[0], &range[1]);
    if (document->n_frames > 0) // a range may be from before the clip got shorter
        range[1] = MIN(range[1], end);
    *last = MAX(range[1], 0);
    *first = CLAMP(range[0], 0, *last);
}

void msk_document_set_notes(MskDocument *document, const char *notes)
{
    gboolean any = notes && *notes;
    set_setting(document, MSK_SETTING_NOTES, any ? g_variant_new_string(notes) : NULL,
                _("Edit Notes"));
}

const char *msk_document_get_notes(MskDocument *document)
{
    const MskValue *value = get_setting(document, MSK_SETTING_NOTES, "s");
    return value ? g_variant_get_string(value->setting, NULL) : "";
}
