// SPDX-License-Identifier: Apache-2.0
// Plans of random anchors: spans and passes cover what they should, once, and nothing else.
#include "app/plan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"

#define MAX_FRAMES 60
#define MAX_OBJECTS 4

static int random_below(int n)
{
    return rand() % n;
}

// What a frame is by definition: 'A' anchor, 'B' tracked backward, 'F' forward, '.' nothing;
// conditioning anchors in from[] and to[] (-1: none).
static char expect(const gboolean *is_anchor, int first, int last, int frame,
                   MskDirection direction, int *from, int *to)
{
    int before = -1, after = -1;
    *from = *to = -1;
    if (is_anchor[frame])
        return 'A';
    for (int i = first; i < frame; i++)
        before = is_anchor[i] ? i : before;
    for (int i = last; i > frame; i--)
        after = is_anchor[i] ? i : after;
    if (before < 0 && after < 0)
        return '.';
    gboolean backward =
        direction == MSK_DIRECTION_BACKWARD || (direction == MSK_DIRECTION_BOTH && before < 0);
    *from = backward ? after : before;
    *to = backward ? before : after;
    if (*from < 0)
        return '.';
    return backward ? 'B' : 'F';
}

static void check_object(const GArray *spans, int object, const gboolean *is_anchor, int first,
                         int last, MskDirection direction)
{
    int n_covered[MAX_FRAMES] = {0};
    gboolean right = TRUE;
    for (guint i = 0; i < spans->len; i++) {
        const MskSpan *span = &g_array_index(spans, MskSpan, i);
        if (span->object != object)
            continue;
        CHECK(span->first >= first && span->last <= last && span->first <= span->last);
        for (int64_t f = span->first; f <= span->last; f++) {
            int from, to;
            char kind = expect(is_anchor, first, last, (int)f, direction, &from, &to);
            n_covered[f]++;
            right &=
                kind == (span->reverse ? 'B' : 'F') && span->anchors[0] == from &&
                (to < 0 ? span->n_anchors == 1 : span->n_anchors == 2 && span->anchors[1] == to);
        }
    }
    for (int f = first; f <= last; f++) {
        int from, to;
        char kind = expect(is_anchor, first, last, f, direction, &from, &to);
        right &= n_covered[f] == (kind == 'B' || kind == 'F');
    }
    CHECK(right);
}

static void check_passes(const GArray *spans)
{
    g_autoptr(GPtrArray) segments = msk_plan_passes((const MskSpan *)spans->data, (int)spans->len);
    g_autofree int *next = g_new(int, spans->len + 1); // frame of each span that is due
    for (guint i = 0; i < spans->len; i++) {
        const MskSpan *span = &g_array_index(spans, MskSpan, i);
        next[i] = (int)(span->reverse ? span->last : span->first);
    }
    gboolean in_order = TRUE, due = TRUE, forward_seen = FALSE;
    int64_t at = INT64_MAX, count = 0;
    for (guint k = 0; k < segments->len; k++) {
        const MskSegment *segment = g_ptr_array_index(segments, k);
        if (!segment->reverse && !forward_seen)
            at = -1;
        forward_seen |= !segment->reverse;
        // All backward work comes first; each pass goes one way and visits a frame once.
        in_order &= segment->reverse ? !forward_seen && segment->from < at : segment->from > at;
        in_order &= segment->reverse ? segment->from >= segment->to : segment->from <= segment->to;
        at = segment->to;
        int step = segment->reverse ? -1 : 1;
        for (int64_t f = segment->from; f != segment->to + step; f += step) {
            count++;
            for (int i = 0; i < segment->n_spans; i++) {
                const MskSpan *span = &g_array_index(spans, MskSpan, segment->spans[i]);
                due &= span->reverse == segment->reverse && next[segment->spans[i]] == f;
                next[segment->spans[i]] += step;
            }
        }
    }
    for (guint i = 0; i < spans->len; i++) {
        const MskSpan *span = &g_array_index(spans, MskSpan, i);
        due &= next[i] == (span->reverse ? span->first - 1 : span->last + 1);
    }
    CHECK(in_order);
    CHECK(due);
    CHECK(count == msk_plan_count(segments));
}

static void test_random(void)
{
    for (int round = 0; round < 3000; round++) {
        int first = random_below(MAX_FRAMES), last = first + random_below(MAX_FRAMES - first);
        MskDirection direction = (MskDirection)random_below(3);
        g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(MskSpan));
        gboolean is_anchor[MAX_OBJECTS][MAX_FRAMES] = {{0}};
        int n_objects = 1 + random_below(MAX_OBJECTS);
        for (int object = 0; object < n_objects; object++) {
            int64_t anchors[12];
            int n = random_below(12);
            for (int i = 0; i < n; i++) {
                anchors[i] = first + random_below(last - first + 1);
                is_anchor[object][anchors[i]] = TRUE;
            }
            msk_plan_spans(spans, object, anchors, n, first, last, direction);
        }
        for (int object = 0; object < n_objects; object++)
            check_object(spans, object, is_anchor[object], first, last, direction);
        check_passes(spans);
    }
    end_group("random anchors, ranges and directions");
}

static void test_shared(void)
{
    // Five objects prompted on frame 0 share one sweep.
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(MskSpan));
    int64_t zero = 0, twenty = 20;
    for (int object = 0; object < 5; object++)
        msk_plan_spans(spans, object, &zero, 1, 0, 99, MSK_DIRECTION_BOTH);
    g_autoptr(GPtrArray) segments = msk_plan_passes((const MskSpan *)spans->data, (int)spans->len);
    CHECK(spans->len == 5 && segments->len == 1 && msk_plan_count(segments) == 99);
    // One more on frame 20: it joins the forward pass there.
    msk_plan_spans(spans, 5, &twenty, 1, 0, 99, MSK_DIRECTION_BOTH);
    g_autoptr(GPtrArray) more = msk_plan_passes((const MskSpan *)spans->data, (int)spans->len);
    CHECK(more->len == 3 && msk_plan_count(more) == 20 + 99);
    end_group("objects share passes");
}

static void test_names(void)
{
    MskDirection direction = MSK_DIRECTION_BOTH;
    CHECK(msk_direction_from_name("backward", &direction) && direction == MSK_DIRECTION_BACKWARD);
    CHECK(strcmp(msk_direction_get_name(direction), "backward") == 0);
    CHECK(!msk_direction_from_name("sideways", &direction));
    end_group("names of directions");
}

int main(void)
{
    srand(7);
    test_random();
    test_shared();
    test_names();
    return end_tests();
}
