// SPDX-License-Identifier: Apache-2.0
// The timeline with made-up documents: edits, selection, what it hears, what it draws, its end.
#include <adwaita.h>
#include <string.h>

#include "tests/app/document_tools.h"
#include "tests/support/check.h"
#include "tests/ui/timeline_fixture.h"
#include "ui/session_private.h"
#include "ui/timeline_private.h"

static GtkWidget *window;
static MskTimeline *timeline;
static MskSession *session;
static MskDocument *document;

// Until everything is drawn that is known to need it.
static void settle(void)
{
    const guint64 before = timeline->n_draws;
    gtk_widget_queue_draw(timeline->tracks);
    while (timeline->n_draws == before || timeline->redraw_id || g_main_context_pending(NULL))
        g_main_context_iteration(NULL, TRUE);
}

static void open(MskDocument *made)
{
    document = made;
    session = fixture_session(document);
    window = gtk_window_new();
    timeline = MSK_TIMELINE(msk_timeline_new());
    gtk_window_set_child(GTK_WINDOW(window), GTK_WIDGET(timeline));
    gtk_window_set_default_size(GTK_WINDOW(window), 1000, 400);
    timeline->draw_budget = 60 * G_USEC_PER_SEC; // each drawing is complete
    msk_timeline_set_session(timeline, session);
    gtk_window_present(GTK_WINDOW(window));
    settle();
}

// Nothing of them is left.
static void close_all(void)
{
    GtkWidget *widget = GTK_WIDGET(timeline);
    g_object_add_weak_pointer(G_OBJECT(widget), (gpointer *)&widget);
    g_object_add_weak_pointer(G_OBJECT(session), (gpointer *)&session);
    g_object_add_weak_pointer(G_OBJECT(document), (gpointer *)&document);
    gtk_window_destroy(GTK_WINDOW(window));
    fixture_close(session);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    CHECK(!widget);
    CHECK(!session);
    CHECK(!document);
}

// ---- What is drawn -----------------------------------------------------------------------------

static guint8 *render(GtkWidget *part, MskTimelineDrawFunc draw, int width, int height)
{
    GtkSnapshot *snapshot = gtk_snapshot_new();
    guint8 *pixels = g_malloc0((gsize)width * (gsize)height * 4);

    draw(timeline, snapshot, width, height);
    GskRenderNode *node = gtk_snapshot_free_to_node(snapshot);
    if (node) {
        g_autoptr(GdkTexture) texture =
            gsk_renderer_render_texture(gtk_native_get_renderer(GTK_NATIVE(window)), node,
                                        &GRAPHENE_RECT_INIT(0, 0, width, height));
        gdk_texture_download(texture, pixels, (gsize)width * 4);
        gsk_render_node_unref(node);
    }
    return pixels;
}

// Drawings that make a tile each, after a change of zoom: none is without its picture, and the last
// is as if it had been drawn at once.
static void check_steps(void)
{
    open(fixture_document(4000, 3, 40, 5));
    const int width = timeline->view.width, height = 3 * MSK_TIMELINE_LANE_HEIGHT;
    int n_empty = 0, n_steps = 0;

    msk_timeline_zoom_at(timeline, 1, 0);
    msk_timeline_scroll_to(timeline, 0);
    g_free(render(timeline->tracks, msk_timeline_draw_lanes, width, height));
    msk_timeline_zoom_at(timeline, 2, 0);
    msk_timeline_scroll_to(timeline, 100);
    g_autofree guint8 *expected = render(timeline->tracks, msk_timeline_draw_lanes, width, height);
    msk_timeline_zoom_at(timeline, 1, 0);
    msk_timeline_scroll_to(timeline, 0);
    g_free(render(timeline->tracks, msk_timeline_draw_lanes, width, height));
    timeline->draw_budget = -1;
    msk_timeline_zoom_at(timeline, 2, 0);
    msk_timeline_scroll_to(timeline, 100);
    for (gboolean is_done = FALSE; !is_done && n_steps < 40; n_steps++) {
        g_autofree guint8 *pixels =
            render(timeline->tracks, msk_timeline_draw_lanes, width, height);
        for (int lane = 0; lane < 3; lane++) {
            int n_seen = 0;
            for (int x = 0; x < width; x++)
                n_seen +=
                    pixels[((lane * MSK_TIMELINE_LANE_HEIGHT + MSK_TIMELINE_SHAPE_Y) * width + x) *
                               4 +
                           3] > 200;
            n_empty += n_seen < width / 4;
        }
        is_done = memcmp(pixels, expected, (gsize)width * (gsize)height * 4) == 0;
    }
    CHECK(n_empty == 0);
    CHECK(n_steps > 3 && n_steps < 40);
    CHECK(g_hash_table_size(((MskTimelineLane *)timeline->lanes->pdata[0])->before) == 0);

    // What changed stays on the screen until it is drawn anew.
    fixture_track(document, msk_document_get_object(document, 2), 60, 160);
    MskTimelineLane *lane = timeline->lanes->pdata[2];
    int64_t index = 0;
    const MskTimelineTile *tile = g_hash_table_lookup(lane->tiles, &index);
    CHECK(tile && tile->is_outdated && tile->pixels);
    close_all();
    end_group("drawing in steps");
}

// Opaque pixels of the bar's rows at the middle of a frame.
static int count_bar(const guint8 *pixels, int64_t frame, int lane)
{
    const int64_t x = msk_timeline_view_get_middle(&timeline->view, frame) - timeline->view.scroll;
    int n = 0;

    for (int y = 0; y < MSK_TIMELINE_BAR_HEIGHT; y++) {
        const int row = lane * MSK_TIMELINE_LANE_HEIGHT + MSK_TIMELINE_BAR_TOP + y;
        n += pixels[(row * timeline->view.width + x) * 4 + 3] > 200;
    }
    return n;
}

static void check_drawing(void)
{
    open(fixture_states());
    msk_timeline_zoom_at(timeline, 4, 0);
    g_autofree guint8 *pixels =
        render(timeline->tracks, msk_timeline_draw_lanes, timeline->view.width, 80);

    CHECK(count_bar(pixels, 10, 0) == 0);  // nothing there yet
    CHECK(count_bar(pixels, 30, 0) == 15); // tracked
    CHECK(count_bar(pixels, 90, 0) == 2);  // absent: hollow
    CHECK(count_bar(pixels, 110, 0) == 0); // a gap
    const int stale = count_bar(pixels, 70, 0), locked = count_bar(pixels, 130, 0);
    CHECK(stale > 4 && stale < 13); // hatched
    CHECK(locked < 15 && locked > 8);
    CHECK(count_bar(pixels, 30, 1) == 0); // the other lane is empty

    // A frame that is tracked appears without anything else being told.
    fixture_track(document, msk_document_get_object(document, 0), 110, 112);
    g_autofree guint8 *after =
        render(timeline->tracks, msk_timeline_draw_lanes, timeline->view.width, 80);
    CHECK(count_bar(after, 111, 0) == 15 && count_bar(after, 113, 0) == 0);
    CHECK(count_bar(after, 30, 0) == 15);

    // Undone, it goes.
    CHECK(msk_document_undo(document));
    g_autofree guint8 *undone =
        render(timeline->tracks, msk_timeline_draw_lanes, timeline->view.width, 80);
    CHECK(memcmp(undone, pixels, (gsize)timeline->view.width * 80 * 4) == 0);

    // Kept tiles and fresh ones give the same picture, scrolled to any place.
    gboolean same = TRUE;
    msk_timeline_zoom_at(timeline, 20, 0);
    for (int scroll = 0; scroll < 2000; scroll += 311) {
        msk_timeline_scroll_to(timeline, scroll);
        g_autofree guint8 *kept =
            render(timeline->tracks, msk_timeline_draw_lanes, timeline->view.width, 80);
        for (guint i = 0; i < timeline->lanes->len; i++)
            msk_timeline_lane_forget_tiles(timeline->lanes->pdata[i]);
        g_autofree guint8 *fresh =
            render(timeline->tracks, msk_timeline_draw_lanes, timeline->view.width, 80);
        same &= memcmp(kept, fresh, (gsize)timeline->view.width * 80 * 4) == 0;
    }
    CHECK(same);
    close_all();
    end_group("drawing");
}

// Doubt that is computed in pieces ends where it would be computed at once.
static void check_doubt(void)
{
    open(fixture_document(20000, 1, 60, 3));
    MskTimelineLane *lane = timeline->lanes->pdata[0];
    gboolean right = TRUE, complete = TRUE;

    msk_timeline_lane_invalidate(lane, 0, 19999);
    msk_timeline_lane_get_doubt(lane, 0, 19999, 0, &complete); // the time is over
    CHECK(!complete);
    for (int i = 0; i < 1000 && !complete; i++) {
        complete = TRUE;
        msk_timeline_lane_get_doubt(lane, 0, 19999, 0, &complete);
    }
    CHECK(complete);
    for (int64_t f = 0; f < 20000; f++) {
        complete = TRUE;
        const float doubt = msk_masklet_get_doubt(lane->masklet, f);
        const int kept = msk_timeline_lane_get_doubt(lane, f, f, 0, &complete);
        right &= complete && ABS((float)kept / 254 - doubt) < 0.003f;
    }
    CHECK(right);
    close_all();
    end_group("doubt");
}

// ---- Lanes and view ----------------------------------------------------------------------------

static gboolean lanes_match(void)
{
    gboolean match = timeline->lanes->len == msk_document_get_n_objects(document);

    for (guint i = 0; match && i < timeline->lanes->len; i++) {
        MskTimelineLane *lane = timeline->lanes->pdata[i];
        match = lane->index == i && lane->masklet == msk_document_get_object(document, i);
    }
    return match;
}

static void check_lanes(void)
{
    open(fixture_states());
    CHECK(lanes_match());
    for (int i = 0; i < 30; i++)
        msk_document_add_object(document, NULL);
    CHECK(lanes_match());
    msk_document_move_object(document, msk_document_get_object(document, 3), 20);
    CHECK(lanes_match());
    msk_document_remove_object(document, msk_document_get_object(document, 5));
    CHECK(lanes_match());
    CHECK(msk_document_undo(document) && lanes_match());

    // Selecting brings the lane into view; picking finds it there.
    MskMasklet *last = msk_document_get_object(document, 31);
    msk_session_select(session, last);
    settle();
    const int64_t y = 31 * MSK_TIMELINE_LANE_HEIGHT - msk_timeline_get_scroll_y(timeline);
    CHECK(y >= 0 && y + MSK_TIMELINE_LANE_HEIGHT <= timeline->lanes_height);
    CHECK(msk_timeline_pick_lane(timeline, (double)y + 5)->masklet == last);
    CHECK(msk_timeline_pick_lane(timeline, (double)y + MSK_TIMELINE_LANE_HEIGHT + 1) == NULL);

    // As many header rows as are seen, and one of them is the selected one's.
    int n_rows = 0;
    for (GtkWidget *row = gtk_widget_get_first_child(timeline->headers); row;
         row = gtk_widget_get_next_sibling(row))
        n_rows += gtk_widget_get_visible(row);
    CHECK(n_rows > 5 && n_rows <= timeline->lanes_height / MSK_TIMELINE_LANE_HEIGHT + 2);

    // The objects go; the timeline stays.
    while (msk_document_get_n_objects(document) > 0)
        msk_document_remove_object(document, msk_document_get_object(document, 0));
    CHECK(lanes_match());
    settle();
    close_all();
    end_group("lanes");
}

static void check_view(void)
{
    open(fixture_document(100000, 2, 500, 5));
    const double fit = msk_timeline_view_get_fit(&timeline->view);
    CHECK(timeline->view.n_frames == 100000 && timeline->view.zoom == fit);
    msk_timeline_zoom_in(timeline);
    CHECK(timeline->view.zoom > fit);
    msk_timeline_zoom_out(timeline);
    CHECK(ABS(timeline->view.zoom - fit) < 1e-12);
    g_object_set(timeline, "zoom", 8.0, NULL);
    double zoom = 0;
    g_object_get(timeline, "zoom", &zoom, NULL);
    CHECK(zoom == 8);

    // The view follows the playhead, and the scrollbar the view.
    for (int64_t frame = 0; frame < 100000; frame += 9973) {
        msk_session_set_frame(session, frame);
        int64_t first, last;
        msk_timeline_view_get_pixels(&timeline->view, frame, &first, &last);
        CHECK(first >= timeline->view.scroll &&
              last < timeline->view.scroll + timeline->view.width);
        CHECK(gtk_adjustment_get_value(timeline->hadjustment) == (double)timeline->view.scroll);
    }
    gtk_adjustment_set_value(timeline->hadjustment, 12345);
    CHECK(timeline->view.scroll == 12345);

    // The count becomes exact; the whole clip stays in view.
    msk_timeline_zoom_fit(timeline);
    session->n_frames = 50000;
    msk_document_set_n_frames(document, 50000);
    msk_session_notify(session, MSK_SESSION_N_FRAMES);
    CHECK(timeline->view.n_frames == 50000);
    CHECK(timeline->view.zoom == msk_timeline_view_get_fit(&timeline->view));
    close_all();
    end_group("view");
}

// ---- Edits -------------------------------------------------------------------------------------

static gboolean has_keyframe(MskMasklet *masklet, int64_t frame)
{
    return (msk_masklet_get_frame(masklet, frame, NULL) & (MSK_FRAME_PROMPT | MSK_FRAME_PAINT)) !=
           0;
}

static void check_keyframes(void)
{
    open(fixture_states());
    MskMasklet *dog = msk_document_get_object(document, 0);
    MskTimelineLane *lane = timeline->lanes->pdata[0];

    // Markers are picked where they are drawn, and only there.
    msk_timeline_zoom_at(timeline, 6, 0);
    const double x =
        (double)(msk_timeline_view_get_middle(&timeline->view, 20) - timeline->view.scroll);
    CHECK(msk_timeline_lane_pick_keyframe(lane, x, 13) == 20);
    CHECK(msk_timeline_lane_pick_keyframe(lane, x + 6, 13) == 20);
    CHECK(msk_timeline_lane_pick_keyframe(lane, x + 12, 13) == -1);
    CHECK(msk_timeline_lane_pick_keyframe(lane, x, 30) == -1);

    msk_session_select(session, dog);
    CHECK(msk_timeline_move_keyframe(timeline, dog, 20, 25, FALSE));
    CHECK(!has_keyframe(dog, 20) && has_keyframe(dog, 25));
    CHECK(msk_session_get_frame(session) == 25 && msk_timeline_get_keyframe(timeline) == 25);
    CHECK(msk_timeline_move_keyframe(timeline, dog, 25, 5, TRUE));
    CHECK(has_keyframe(dog, 25) && has_keyframe(dog, 5));
    CHECK(msk_document_undo(document) && msk_document_undo(document));
    CHECK(has_keyframe(dog, 20) && !has_keyframe(dog, 25) && !has_keyframe(dog, 5));

    // Not onto itself, nor from where there is none, nor into a locked span or object.
    CHECK(!msk_timeline_move_keyframe(timeline, dog, 20, 20, FALSE));
    CHECK(!msk_timeline_move_keyframe(timeline, dog, 21, 30, FALSE));
    CHECK(!msk_timeline_move_keyframe(timeline, dog, 20, 130, FALSE));
    CHECK(!has_keyframe(dog, 130));
    CHECK(msk_timeline_move_keyframe(timeline, dog, 20, 100000, FALSE));
    CHECK(has_keyframe(dog, 199)); // clamped to the clip

    CHECK(msk_timeline_delete_keyframe(timeline));
    CHECK(!has_keyframe(dog, 199) && msk_timeline_get_keyframe(timeline) == -1);
    CHECK(!msk_timeline_delete_keyframe(timeline)); // nothing is selected now
    CHECK(msk_document_undo(document) && has_keyframe(dog, 199));

    MskObjectInfo info = *msk_masklet_get_info(dog);
    info.name = info.label = (char *)"dog";
    info.locked = TRUE;
    msk_document_set_info(document, dog, &info);
    CHECK(!msk_timeline_move_keyframe(timeline, dog, 60, 61, FALSE));
    CHECK(!msk_timeline_move_keyframe(timeline, dog, 60, 61, TRUE));
    close_all();
    end_group("keyframes");
}

static void check_spans(void)
{
    open(fixture_states());
    MskMasklet *dog = msk_document_get_object(document, 0);
    int64_t first, last;

    msk_timeline_get_span(timeline, dog, 5, &first, &last);
    CHECK(first == 0 && last == 20);
    msk_timeline_get_span(timeline, dog, 40, &first, &last);
    CHECK(first == 20 && last == 60);
    msk_timeline_get_span(timeline, dog, 60, &first, &last);
    CHECK(first == 20 && last == 120); // around the keyframe itself: both sides
    msk_timeline_get_span(timeline, dog, 130, &first, &last);
    CHECK(first == 120 && last == 139); // the lock
    msk_timeline_get_span(timeline, dog, 150, &first, &last);
    CHECK(first == 139 && last == 199);

    // The selected frames are meant where the frame is one of them.
    msk_timeline_select(timeline, 50, 30);
    CHECK(msk_timeline_get_selection(timeline, &first, &last) && first == 30 && last == 50);
    msk_timeline_get_span(timeline, dog, 40, &first, &last);
    CHECK(first == 30 && last == 50);
    msk_timeline_get_span(timeline, dog, 55, &first, &last);
    CHECK(first == 20 && last == 60);
    msk_timeline_select(timeline, -5, 1000);
    CHECK(msk_timeline_get_selection(timeline, &first, &last) && first == 0 && last == 199);
    msk_timeline_clear_selection(timeline);
    CHECK(!msk_timeline_get_selection(timeline, NULL, NULL));

    // Locking takes what has a mask.
    msk_timeline_lock_span(timeline, dog, 150);
    CHECK(msk_masklet_get_frame(dog, 199, NULL) & MSK_FRAME_LOCKED);
    msk_timeline_unlock_span(timeline, dog, 199);
    CHECK(!(msk_masklet_get_frame(dog, 150, NULL) & MSK_FRAME_LOCKED));
    msk_timeline_select(timeline, 80, 110); // frames from 100 on have none
    msk_timeline_lock_span(timeline, dog, 85);
    CHECK(msk_masklet_get_frame(dog, 99, NULL) & MSK_FRAME_LOCKED);
    CHECK(!(msk_masklet_get_frame(dog, 100, NULL) & MSK_FRAME_LOCKED));
    CHECK(!(msk_masklet_get_frame(dog, 79, NULL) & MSK_FRAME_LOCKED));

    // Doubtful frames come round again.
    msk_session_set_frame(session, 0);
    CHECK(msk_timeline_go_to_doubt(timeline, dog));
    const int64_t doubtful = msk_session_get_frame(session);
    CHECK(doubtful == 40);
    msk_session_set_frame(session, 199);
    CHECK(msk_timeline_go_to_doubt(timeline, dog) && msk_session_get_frame(session) == doubtful);
    CHECK(!msk_timeline_go_to_doubt(timeline, msk_document_get_object(document, 1)));
    close_all();
    end_group("spans");
}

static void check_words(void)
{
    open(fixture_states());
    MskMasklet *dog = msk_document_get_object(document, 0);
    static const struct {
        int64_t frame;
        const char *words;
    } wanted[] = {
        {10, "frame 10 of 199, dog: not tracked yet"},
        {20, "frame 20 of 199, dog: keyframe"},
        {30, "frame 30 of 199, dog: tracked"},
        {45, "frame 45 of 199, dog: tracked, doubtful"},
        {60, "frame 60 of 199, dog: painted"},
        {70, "frame 70 of 199, dog: out of date"},
        {90, "frame 90 of 199, dog: tracked, not in the picture"},
        {130, "frame 130 of 199, dog: locked"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
        g_autofree char *words = msk_timeline_describe(timeline, dog, wanted[i].frame);
        CHECK(strcmp(words, wanted[i].words) == 0);
    }
    g_autofree char *none = msk_timeline_describe(timeline, NULL, 3);
    CHECK(strcmp(none, "frame 3 of 199") == 0);
    g_autofree char *why = msk_timeline_explain(timeline, dog, 45);
    CHECK(strstr(why, "predicted IoU 0.55") && strstr(why, "low predicted IoU"));
    close_all();
    end_group("words");
}

// ---- Sessions ----------------------------------------------------------------------------------

static void check_sessions(void)
{
    // Without a session, with one that has nothing open, and then a document that goes again.
    window = gtk_window_new();
    timeline = MSK_TIMELINE(msk_timeline_new());
    gtk_window_set_child(GTK_WINDOW(window), GTK_WIDGET(timeline));
    gtk_window_present(GTK_WINDOW(window));
    settle();
    g_autoptr(MskSession) empty = msk_session_new();
    msk_timeline_set_session(timeline, empty);
    settle();
    gtk_widget_activate_action(GTK_WIDGET(timeline), "timeline.track-span", NULL);
    CHECK(!msk_timeline_delete_keyframe(timeline) && !msk_timeline_cancel_drag(timeline));

    MskSession *full = fixture_session(fixture_states());
    msk_timeline_set_session(timeline, full);
    settle();
    CHECK(timeline->lanes->len == 2);
    msk_timeline_set_session(timeline, empty);
    CHECK(timeline->lanes->len == 0 && timeline->view.n_frames == 1);
    settle();
    msk_timeline_set_session(timeline, NULL);
    settle();
    // The document goes while it is shown.
    msk_timeline_set_session(timeline, full);
    settle();
    fixture_close(full);
    CHECK(timeline->lanes->len == 0 && timeline->document == NULL);
    settle();
    gtk_window_destroy(GTK_WINDOW(window));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    end_group("sessions");
}

int main(void)
{
    if (!gtk_init_check())
        return 77;
    adw_init();
    check_drawing();
    check_doubt();
    check_lanes();
    check_steps();
    check_view();
    check_keyframes();
    check_spans();
    check_words();
    check_sessions();
    return end_tests();
}
