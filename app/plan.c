// SPDX-License-Identifier: Apache-2.0
// Spans between anchors, and passes over the clip that run them.
#include "app/plan.h"

#include <string.h>

static const char *const direction_names[] = {"both", "forward", "backward"};

const char *msk_direction_get_name(MskDirection direction)
{
    return direction_names[direction];
}

gboolean msk_direction_from_name(const char *name, MskDirection *out)
{
    for (guint i = 0; i < G_N_ELEMENTS(direction_names); i++) {
        if (strcmp(name, direction_names[i]) == 0) {
            *out = (MskDirection)i;
            return TRUE;
        }
    }
    return FALSE;
}

static int compare_frames(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void add_span(GArray *spans, const MskSpan *span)
{
    if (span->first <= span->last)
        g_array_append_vals(spans, span, 1);
}

void msk_plan_spans(GArray *spans, int object, const int64_t *anchors, int n_anchors, int64_t first,
                    int64_t last, MskDirection direction)
{
    if (n_anchors == 0)
        return;
    g_autofree int64_t *sorted = g_memdup2(anchors, (gsize)n_anchors * sizeof *anchors);
    qsort(sorted, (size_t)n_anchors, sizeof *sorted, compare_frames);
    int64_t start = sorted[0], end = sorted[n_anchors - 1];
    if (direction != MSK_DIRECTION_FORWARD)
        add_span(spans, &(MskSpan){object, first, start - 1, TRUE, 1, {start}});
    for (int i = 0; i + 1 < n_anchors; i++) {
        int64_t a = sorted[i], b = sorted[i + 1];
        gboolean reverse = direction == MSK_DIRECTION_BACKWARD;
        add_span(spans,
                 &(MskSpan){object, a + 1, b - 1, reverse, 2, {reverse ? b : a, reverse ? a : b}});
    }
    if (direction != MSK_DIRECTION_BACKWARD)
        add_span(spans, &(MskSpan){object, end + 1, last, FALSE, 1, {end}});
}

static void free_segment(gpointer data)
{
    MskSegment *segment = data;
    g_free(segment->spans);
    g_free(segment);
}

typedef struct Start {
    int64_t first;
    int span;
} Start;

static int compare_starts(const void *a, const void *b)
{
    const Start *x = a, *y = b;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : x->span - y->span;
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static MskSegment *make_segment(gboolean reverse, int64_t first, int64_t last, const int *active,
                                int n)
{
    MskSegment *segment = g_new0(MskSegment, 1);
    segment->reverse = reverse;
    segment->from = reverse ? last : first;
    segment->to = reverse ? first : last;
    segment->n_spans = n;
    segment->spans = g_memdup2(active, (gsize)n * sizeof *active);
    qsort(segment->spans, (size_t)n, sizeof *segment->spans, compare_ints);
    return segment;
}

static void reverse_pointers(gpointer *items, guint n)
{
    for (guint i = 0; i < n / 2; i++) {
        gpointer item = items[i];
        items[i] = items[n - 1 - i];
        items[n - 1 - i] = item;
    }
}

// The segments between the frames where spans of one direction begin or end.
static void add_pass(GPtrArray *segments, const MskSpan *spans, int n_spans, gboolean reverse)
{
    g_autofree int64_t *cuts = g_new(int64_t, (gsize)n_spans * 2 + 1);
    g_autofree Start *starts = g_new(Start, (gsize)n_spans + 1);
    g_autofree int *active = g_new(int, (gsize)n_spans + 1);
    int n_cuts = 0, n_starts = 0, n_active = 0, next = 0;
    for (int i = 0; i < n_spans; i++) {
        if (spans[i].reverse == reverse) {
            starts[n_starts++] = (Start){spans[i].first, i};
            cuts[n_cuts++] = spans[i].first;
            cuts[n_cuts++] = spans[i].last + 1;
        }
    }
    qsort(cuts, (size_t)n_cuts, sizeof *cuts, compare_frames);
    qsort(starts, (size_t)n_starts, sizeof *starts, compare_starts);
    guint begin = segments->len;
    for (int k = 0; k + 1 < n_cuts; k++) {
        int64_t first = cuts[k], last = cuts[k + 1] - 1;
        if (first > last)
            continue;
        int n = 0;
        for (int i = 0; i < n_active; i++)
            if (spans[active[i]].last >= first)
                active[n++] = active[i];
        for (n_active = n; next < n_starts && starts[next].first <= first; next++)
            active[n_active++] = starts[next].span;
        if (n_active > 0)
            g_ptr_array_add(segments, make_segment(reverse, first, last, active, n_active));
    }
    if (reverse)
        reverse_pointers(segments->pdata + begin, segments->len - begin);
}

GPtrArray *msk_plan_passes(const MskSpan *spans, int n_spans)
{
    GPtrArray *segments = g_ptr_array_new_with_free_func(free_segment);
    add_pass(segments, spans, n_spans, TRUE);
    add_pass(segments, spans, n_spans, FALSE);
    return segments;
}

int64_t msk_plan_count(const GPtrArray *segments)
{
    int64_t n = 0;
    for (guint i = 0; i < segments->len; i++) {
        const MskSegment *segment = g_ptr_array_index(segments, i);
        n += ABS(segment->to - segment->from) + 1;
    }
    return n;
}
