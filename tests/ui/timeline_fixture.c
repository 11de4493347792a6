// SPDX-License-Identifier: Apache-2.0
// Made-up documents. Values are shared by many frames, so that huge ones fit into memory.
#include "tests/ui/timeline_fixture.h"

#include "tests/app/document_tools.h"
#include "ui/session_private.h"

typedef enum Variant { SURE, SO_SO, DOUBTFUL, ABSENT, STALE, N_VARIANTS } Variant;

static GRand *dice;

static MskMask *get_mask(gboolean is_empty)
{
    static MskMask *masks[2];
    MskMask **mask = &masks[is_empty != 0];

    if (!*mask) {
        *mask = is_empty ? msk_mask_new_empty(TOOL_WIDTH, TOOL_HEIGHT) : tool_logits(4, 4, 8, 8);
        msk_mask_get_area(*mask);
    }
    return msk_mask_ref(*mask);
}

static MskValue *new_value(Variant variant, guint64 source)
{
    static const float ious[N_VARIANTS] = {0.96f, 0.8f, 0.55f, 0.9f, 0.93f};
    g_autoptr(MskResult) result =
        tool_result_of(0, get_mask(variant == ABSENT), variant == ABSENT ? -9 : 9, ious[variant]);

    return msk_value_new_track(result, variant == STALE ? source ^ 12345 : source, -1);
}

static void load(MskDocument *document, MskMasklet *masklet, MskCellKind kind, int64_t frame,
                 MskValue *value)
{
    const MskCell cell = {kind, msk_masklet_get_id(masklet), frame};

    msk_document_load_value(document, &cell, value);
}

static void load_keyframe(MskDocument *document, MskMasklet *masklet, int64_t frame,
                          gboolean is_painted)
{
    g_autoptr(MskPrompt) prompt = tool_prompt(6, 6);
    g_autoptr(MskMask) bits = is_painted ? tool_bits(4, 4, 5, 5) : NULL;
    g_autoptr(MskValue) key = is_painted ? msk_value_new_paint(bits, NULL)
                                         : (prompt->frame = frame, msk_value_new_prompt(prompt));
    g_autoptr(MskValue) result = new_value(SURE, 0);

    load(document, masklet, is_painted ? MSK_CELL_PAINT : MSK_CELL_PROMPT, frame, key);
    load(document, masklet, MSK_CELL_RESULT, frame, result);
}

// Fills the frames between two anchors in runs of random kinds; the first anchor is before `first`.
static void load_span(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last,
                      int length)
{
    MskValue *values[N_VARIANTS] = {NULL};
    const guint64 source = msk_masklet_get_source(masklet, first, FALSE);

    for (int i = 0; i < N_VARIANTS; i++)
        values[i] = new_value(i, source);
    for (int64_t f = first; f <= last;) {
        const int64_t end = MIN(f + g_rand_int_range(dice, 1, 2 * length + 1), last + 1);
        const int kind = g_rand_int_range(dice, 0, N_VARIANTS + 4);
        for (; f < end; f++)
            if (kind < N_VARIANTS + 3) // else a gap
                load(document, masklet, MSK_CELL_RESULT, f,
                     values[kind < N_VARIANTS ? kind : SURE]);
    }
    for (int i = 0; i < N_VARIANTS; i++)
        msk_value_unref(values[i]);
}

MskDocument *fixture_document(int64_t n_frames, guint n_objects, int spacing, guint seed)
{
    MskDocument *document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, n_frames);

    dice = g_rand_new_with_seed(seed);
    for (guint i = 0; i < n_objects; i++) {
        MskMasklet *masklet = msk_document_add_object(document, NULL);
        g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(int64_t));
        int64_t f = g_rand_int_range(dice, 0, spacing);
        for (; f < n_frames; f += g_rand_int_range(dice, spacing / 2 + 1, 2 * spacing))
            g_array_append_val(keys, f);
        for (guint k = 0; k < keys->len; k++)
            load_keyframe(document, masklet, g_array_index(keys, int64_t, k), k % 4 == 3);
        if (keys->len > 3) {
            const MskInterval lock = {g_array_index(keys, int64_t, 1),
                                      g_array_index(keys, int64_t, 2)};
            g_autoptr(MskValue) locks = msk_value_new_locks(&lock, 1);
            load(document, masklet, MSK_CELL_LOCKS, 0, locks);
        }
        for (guint k = 0; k < keys->len; k++) {
            const int64_t first = g_array_index(keys, int64_t, k) + 1;
            const int64_t last =
                k + 1 < keys->len ? g_array_index(keys, int64_t, k + 1) - 1 : n_frames - 1;
            if (first <= last)
                load_span(document, masklet, first, last, MAX(spacing / 5, 1));
        }
    }
    msk_document_loaded(document);
    g_rand_free(dice);
    return document;
}

static void load_stretch(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last,
                         Variant variant)
{
    for (int64_t f = first; f <= last; f++) {
        g_autoptr(MskValue) value = new_value(variant, msk_masklet_get_source(masklet, f, FALSE));
        load(document, masklet, MSK_CELL_RESULT, f, value);
    }
}

MskDocument *fixture_states(void)
{
    MskDocument *document = msk_document_new(TOOL_WIDTH, TOOL_HEIGHT, 200);
    MskMasklet *masklet = msk_document_add_object(document, "dog");
    const MskInterval lock = {120, 139};
    g_autoptr(MskValue) locks = msk_value_new_locks(&lock, 1);

    msk_document_add_object(document, "ball");
    load_keyframe(document, masklet, 20, FALSE);
    load_keyframe(document, masklet, 60, TRUE);
    load(document, masklet, MSK_CELL_LOCKS, 0, locks);
    load_stretch(document, masklet, 120, 139, SURE);
    load_stretch(document, masklet, 21, 39, SURE);
    load_stretch(document, masklet, 40, 49, DOUBTFUL);
    load_stretch(document, masklet, 50, 59, SURE);
    load_stretch(document, masklet, 61, 79, STALE);
    load_stretch(document, masklet, 80, 99, ABSENT);
    load_stretch(document, masklet, 140, 199, SO_SO);
    msk_document_loaded(document);
    return document;
}

MskSession *fixture_session(MskDocument *document)
{
    MskSession *session = msk_session_new();

    session->document = document;
    session->n_frames = msk_document_get_n_frames(document);
    msk_session_notify(session, MSK_SESSION_N_FRAMES);
    msk_session_notify(session, MSK_SESSION_DOCUMENT);
    return session;
}

void fixture_close(MskSession *session)
{
    MskDocument *document = g_steal_pointer(&session->document);

    msk_session_select(session, NULL);
    msk_session_notify(session, MSK_SESSION_DOCUMENT);
    g_clear_object(&document);
    g_object_unref(session);
}

void fixture_track(MskDocument *document, MskMasklet *masklet, int64_t first, int64_t last)
{
    msk_document_begin(document, "Track");
    for (int64_t f = first; f <= last; f++) {
        g_autoptr(MskResult) result = tool_result_of(f, get_mask(FALSE), 9, 0.96f);
        msk_document_set_track(document, masklet, f, result,
                               msk_masklet_get_source(masklet, f, FALSE), -1);
    }
    msk_document_end(document);
}
