// SPDX-License-Identifier: Apache-2.0
// test-masklet-list CLIP: the list of objects against the document: selection, edits as single
// steps to undo, hundreds of objects in few widgets, and everything gone at the end.
#include "ui/masklet_list.h"

#include <string.h>

#include "panel_fixture.h"
#include "tests/support/check.h"
#include "ui/masklet_inspector.h"
#include "ui/masklet_row.h"

typedef struct Pane {
    MskSession *session;
    MskDocument *document;
    GtkWidget *window, *list;
    GtkListView *view;
    GtkSelectionModel *model;
} Pane;

static Pane open_pane(const char *clip)
{
    Pane pane = {.session = fixture_open(clip)};
    pane.document = msk_session_get_document(pane.session);
    pane.window = adw_window_new();
    pane.list = msk_masklet_list_new();
    adw_window_set_content(ADW_WINDOW(pane.window), pane.list);
    gtk_window_set_default_size(GTK_WINDOW(pane.window), 300, 720);
    g_object_set(pane.list, "session", pane.session, NULL);
    pane.view = fixture_child(pane.list, MSK_TYPE_MASKLET_LIST, "view");
    pane.model = gtk_list_view_get_model(pane.view);
    gtk_window_present(GTK_WINDOW(pane.window));
    fixture_settle();
    return pane;
}

static void close_pane(Pane *pane)
{
    gpointer list = pane->list, document = pane->document;
    g_object_add_weak_pointer(G_OBJECT(pane->list), &list);
    g_object_add_weak_pointer(G_OBJECT(pane->document), &document);
    gtk_window_destroy(GTK_WINDOW(pane->window));
    fixture_close(pane->session);
    CHECK(list == NULL && document == NULL);
}

static gboolean act(Pane *pane, const char *action)
{
    gboolean known = gtk_widget_activate_action(pane->list, action, NULL);
    fixture_settle();
    return known;
}

static const char *name_at(Pane *pane, guint index)
{
    MskMasklet *masklet = msk_document_get_object(pane->document, index);
    return masklet ? msk_masklet_get_info(masklet)->name : "";
}

// Names in order, with one blank between.
static gboolean order_is(Pane *pane, const char *expected)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (guint i = 0; i < msk_document_get_n_objects(pane->document); i++)
        g_string_append_printf(names, "%s%s", i ? " " : "", name_at(pane, i));
    if (strcmp(names->str, expected) != 0)
        printf("order: %s\n", names->str);
    return strcmp(names->str, expected) == 0;
}

static void select_only(Pane *pane, guint first, guint n)
{
    g_autoptr(GtkBitset) chosen = gtk_bitset_new_range(first, n);
    g_autoptr(GtkBitset) all =
        gtk_bitset_new_range(0, g_list_model_get_n_items(G_LIST_MODEL(pane->model)));
    gtk_selection_model_set_selection(pane->model, chosen, all);
}

static void test_empty_and_add(Pane *pane)
{
    GtkStack *stack = fixture_child(pane->list, MSK_TYPE_MASKLET_LIST, "stack");
    GtkWidget *inspector = fixture_child(pane->list, MSK_TYPE_MASKLET_LIST, "inspector");
    CHECK(strcmp(gtk_stack_get_visible_child_name(stack), "empty") == 0);
    CHECK(!gtk_widget_get_visible(inspector));
    fixture_shot(pane->window, "objects-empty");
    CHECK(act(pane, "objects.add") && act(pane, "objects.add"));
    CHECK(msk_document_get_n_objects(pane->document) == 2);
    CHECK(strcmp(gtk_stack_get_visible_child_name(stack), "list") == 0);
    CHECK(msk_session_get_selected(pane->session) == msk_document_get_object(pane->document, 1));
    CHECK(gtk_selection_model_is_selected(pane->model, 1));
    CHECK(!gtk_selection_model_is_selected(pane->model, 0));
    CHECK(gtk_widget_get_visible(inspector));
    msk_document_undo(pane->document);
    msk_document_undo(pane->document);
    fixture_settle();
    CHECK(strcmp(gtk_stack_get_visible_child_name(stack), "empty") == 0);
    CHECK(msk_session_get_selected(pane->session) == NULL && !gtk_widget_get_visible(inspector));
    end_group("empty, adding, undoing it");
}

static void test_selection(Pane *pane)
{
    for (const char *name = "abcde"; *name; name++) {
        char text[] = {*name, 0};
        msk_document_add_object(pane->document, text);
    }
    fixture_settle();
    CHECK(order_is(pane, "a b c d e"));
    msk_session_select(pane->session, msk_document_get_object(pane->document, 3));
    CHECK(gtk_selection_model_is_selected(pane->model, 3));
    // What the user adds to the selection leaves the session's object as it is.
    gtk_selection_model_select_item(pane->model, 1, FALSE);
    CHECK(msk_session_get_selected(pane->session) == msk_document_get_object(pane->document, 3));
    g_autoptr(GPtrArray) both = msk_masklet_list_dup_selection(MSK_MASKLET_LIST(pane->list));
    CHECK(both->len == 2 && both->pdata[0] == (gpointer)msk_document_get_object(pane->document, 1));
    gtk_selection_model_select_item(pane->model, 0, TRUE);
    CHECK(msk_session_get_selected(pane->session) == msk_document_get_object(pane->document, 0));
    gtk_selection_model_unselect_all(pane->model);
    CHECK(msk_session_get_selected(pane->session) == NULL);
    msk_session_select(pane->session, msk_document_get_object(pane->document, 2));
    msk_session_select(pane->session, NULL);
    g_autoptr(GPtrArray) none = msk_masklet_list_dup_selection(MSK_MASKLET_LIST(pane->list));
    CHECK(none->len == 0);
    end_group("selection of the list and the session");
}

static void test_order(Pane *pane)
{
    select_only(pane, 1, 2);
    CHECK(act(pane, "objects.move-down") && order_is(pane, "a d b c e"));
    g_autoptr(GPtrArray) moved = msk_masklet_list_dup_selection(MSK_MASKLET_LIST(pane->list));
    CHECK(moved->len == 2 && strcmp(msk_masklet_get_info(moved->pdata[0])->name, "b") == 0);
    CHECK(act(pane, "objects.move-up") && act(pane, "objects.move-up") &&
          act(pane, "objects.move-up") && order_is(pane, "b c a d e"));
    // Dropped as one: a gap further down, then back.
    MskMasklet *b = msk_document_get_object(pane->document, 0);
    CHECK(gtk_widget_activate_action(pane->list, "objects.drop", "(xu)", msk_masklet_get_id(b), 5));
    CHECK(order_is(pane, "a d e b c"));
    CHECK(gtk_widget_activate_action(pane->list, "objects.drop", "(xu)", msk_masklet_get_id(b), 4));
    CHECK(order_is(pane, "a d e b c")); // into itself
    select_only(pane, 0, 1);
    CHECK(gtk_widget_activate_action(pane->list, "objects.drop", "(xu)", msk_masklet_get_id(b), 0));
    CHECK(order_is(pane, "b a d e c")); // alone: it is not selected
    for (int i = 0; i < 5; i++)         // up at the top, the drop into itself: no steps
        CHECK(msk_document_undo(pane->document));
    CHECK(order_is(pane, "a b c d e"));
    end_group("order");
}

static void test_edits(Pane *pane)
{
    MskMasklet *a = msk_document_get_object(pane->document, 0);
    gint64 id = msk_masklet_get_id(a);
    CHECK(gtk_widget_activate_action(pane->list, "objects.set-name", "(xs)", id, "dog"));
    CHECK(strcmp(name_at(pane, 0), "dog") == 0);
    select_only(pane, 1, 3);
    // One of several selected: all of them, as one step.
    MskMasklet *c = msk_document_get_object(pane->document, 2);
    CHECK(gtk_widget_activate_action(pane->list, "objects.set-visible", "(xb)",
                                     msk_masklet_get_id(c), FALSE));
    for (guint i = 0; i < 5; i++)
        CHECK(msk_masklet_get_info(msk_document_get_object(pane->document, i))->visible ==
              (i == 0 || i == 4));
    CHECK(msk_document_undo(pane->document));
    for (guint i = 0; i < 5; i++)
        CHECK(msk_masklet_get_info(msk_document_get_object(pane->document, i))->visible);
    CHECK(act(pane, "objects.show-only"));
    CHECK(!msk_masklet_get_info(msk_document_get_object(pane->document, 4))->visible);
    CHECK(act(pane, "objects.show-all"));
    CHECK(msk_masklet_get_info(msk_document_get_object(pane->document, 4))->visible);

    // Locked ones stay.
    select_only(pane, 0, 1);
    CHECK(gtk_widget_activate_action(pane->list, "objects.set-locked", "(xb)", id, TRUE));
    select_only(pane, 0, 2);
    CHECK(act(pane, "objects.delete") && order_is(pane, "dog c d e"));
    CHECK(msk_document_undo(pane->document) && order_is(pane, "dog b c d e"));
    CHECK(gtk_widget_activate_action(pane->list, "objects.set-locked", "(xb)", id, FALSE));

    select_only(pane, 0, 2);
    CHECK(act(pane, "objects.duplicate"));
    CHECK(msk_document_get_n_objects(pane->document) == 7);
    g_autoptr(GPtrArray) copies = msk_masklet_list_dup_selection(MSK_MASKLET_LIST(pane->list));
    CHECK(copies->len == 2 && msk_masklet_get_id(copies->pdata[0]) > 5);
    CHECK(msk_document_undo(pane->document) && msk_document_get_n_objects(pane->document) == 5);
    fixture_track(pane->document, msk_document_get_object(pane->document, 1), 3, 5, 10);
    select_only(pane, 0, 3);
    CHECK(act(pane, "objects.merge") && order_is(pane, "dog d e"));
    g_autoptr(MskMask) merged = msk_masklet_get_mask(a, 4);
    CHECK(merged && msk_mask_get_area(merged) > 0);
    CHECK(msk_document_undo(pane->document) && order_is(pane, "dog b c d e"));

    select_only(pane, 1, 4);
    CHECK(act(pane, "objects.delete") && order_is(pane, "dog"));
    CHECK(msk_session_get_selected(pane->session) == a);
    CHECK(msk_document_undo(pane->document) && order_is(pane, "dog b c d e"));
    end_group("edits of one and of several");
}

static void test_rename_in_place(Pane *pane)
{
    select_only(pane, 1, 1);
    fixture_settle();
    CHECK(act(pane, "objects.rename"));
    g_autoptr(GPtrArray) rows = fixture_find(GTK_WIDGET(pane->view), MSK_TYPE_MASKLET_ROW);
    CHECK(rows->len == 5);
    MskMaskletRow *row = rows->pdata[1];
    CHECK(msk_masklet_row_is_editing(row));
    GtkEditable *entry = fixture_child(row, MSK_TYPE_MASKLET_ROW, "entry");
    CHECK(strcmp(gtk_editable_get_text(entry), "b") == 0);
    gtk_editable_set_text(entry, "  ball\t");
    g_signal_emit_by_name(entry, "activate");
    CHECK(!msk_masklet_row_is_editing(row) && strcmp(name_at(pane, 1), "ball") == 0);
    // Nothing, or the same: no edit.
    CHECK(act(pane, "objects.rename"));
    gtk_editable_set_text(entry, "   ");
    g_signal_emit_by_name(entry, "activate");
    CHECK(strcmp(name_at(pane, 1), "ball") == 0);
    // Going elsewhere takes the name.
    CHECK(act(pane, "objects.rename"));
    gtk_editable_set_text(entry, "red ball");
    gtk_widget_grab_focus(GTK_WIDGET(pane->view));
    fixture_settle();
    CHECK(strcmp(name_at(pane, 1), "red ball") == 0 && !msk_masklet_row_is_editing(row));
    // A locked one is not edited.
    MskObjectInfo info = *msk_masklet_get_info(msk_document_get_object(pane->document, 1));
    info.locked = TRUE;
    msk_document_set_info(pane->document, msk_document_get_object(pane->document, 1), &info);
    CHECK(act(pane, "objects.rename") && !msk_masklet_row_is_editing(row));
    msk_document_undo(pane->document);
    end_group("renaming in place");
}

static gboolean has_model_cb(gpointer session)
{
    return msk_session_get_model_info(session) != NULL;
}

// Another model's masks say so once it is known which model is open.
static void test_other_model(Pane *pane)
{
    GtkWidget *inspector = fixture_child(pane->list, MSK_TYPE_MASKLET_LIST, "inspector");
    GtkLabel *numbers = fixture_child(inspector, MSK_TYPE_MASKLET_INSPECTOR, "numbers");
    MskMasklet *masklet = msk_session_get_selected(pane->session);
    MskFrameState state;
    msk_masklet_get_frame(masklet, 9, &state);
    MskResult *other = g_new0(MskResult, 1);
    *other = (MskResult){.n_refs = 1, .frame = 9, .model = 5};
    other->mask = msk_mask_ref(state.track->result->mask);
    msk_document_set_track(pane->document, masklet, 9, other, 0, -1);
    CHECK(!strstr(gtk_label_get_text(numbers), "another model"));
    msk_session_open_model(pane->session, NULL);
    fixture_wait(has_model_cb, pane->session);
    CHECK(strstr(gtk_label_get_text(numbers), "another model"));
    other->model = msk_session_get_model_info(pane->session)->id;
    msk_session_set_frame(pane->session, 8);
    msk_session_set_frame(pane->session, 9);
    CHECK(other->model != 0 && !strstr(gtk_label_get_text(numbers), "another model"));
    msk_result_unref(other);
    end_group("another model's mask");
}

static void test_inspector(Pane *pane)
{
    GtkWidget *inspector = fixture_child(pane->list, MSK_TYPE_MASKLET_LIST, "inspector");
    GtkAdjustment *grow = fixture_child(inspector, MSK_TYPE_MASKLET_INSPECTOR, "grow");
    GtkLabel *state = fixture_child(inspector, MSK_TYPE_MASKLET_INSPECTOR, "state");
    GtkLabel *numbers = fixture_child(inspector, MSK_TYPE_MASKLET_INSPECTOR, "numbers");
    GtkEditable *label = fixture_child(inspector, MSK_TYPE_MASKLET_INSPECTOR, "label");
    MskMasklet *b = msk_document_get_object(pane->document, 1);
    MskMasklet *c = msk_document_get_object(pane->document, 2);
    msk_session_select(pane->session, b);

    // A drag is one step.
    for (int i = 1; i <= 20; i++)
        gtk_adjustment_set_value(grow, i / 4.0);
    CHECK(msk_masklet_get_info(b)->matte.grow == 5);
    CHECK(msk_document_undo(pane->document) && msk_masklet_get_info(b)->matte.grow == 0);
    CHECK(gtk_adjustment_get_value(grow) == 0); // and undoing is not an edit again
    CHECK(msk_document_redo(pane->document) && gtk_adjustment_get_value(grow) == 5);
    // Showing another object changes neither.
    msk_session_select(pane->session, c);
    CHECK(gtk_adjustment_get_value(grow) == 0 && msk_masklet_get_info(b)->matte.grow == 5);
    gtk_adjustment_set_value(grow, 1);
    gtk_adjustment_set_value(fixture_child(inspector, MSK_TYPE_MASKLET_INSPECTOR, "holes"), 40);
    gtk_adjustment_set_value(fixture_child(inspector, MSK_TYPE_MASKLET_INSPECTOR, "feather"), 2.5);
    const MskMatteParams *matte = &msk_masklet_get_info(c)->matte;
    CHECK(matte->grow == 1 && matte->fill_holes == 40 && matte->feather == 2.5);
    g_signal_emit_by_name(fixture_child(inspector, MSK_TYPE_MASKLET_INSPECTOR, "reset"), "clicked");
    matte = &msk_masklet_get_info(c)->matte;
    CHECK(matte->grow == 0 && matte->fill_holes == 0 && matte->feather == 0);

    // A class that was typed goes to the object it was typed for.
    gtk_editable_set_text(label, " person ");
    msk_session_select(pane->session, b);
    CHECK(strcmp(msk_masklet_get_info(c)->label, "person") == 0);
    CHECK(msk_masklet_get_info(b)->label[0] == 0 && gtk_editable_get_text(label)[0] == 0);

    // What is told of the playhead's frame.
    msk_session_set_frame(pane->session, 4);
    CHECK(gtk_widget_get_visible(GTK_WIDGET(numbers)));
    CHECK(strstr(gtk_label_get_text(numbers), "0.93") &&
          strstr(gtk_label_get_text(numbers), "7.5"));
    msk_session_set_frame(pane->session, 9);
    CHECK(!gtk_widget_get_visible(GTK_WIDGET(numbers)));
    const char *before = gtk_label_get_text(state);
    CHECK(strstr(before, "Nothing") != NULL);
    fixture_track(pane->document, b, 9, 9, 10);
    CHECK(gtk_widget_get_visible(GTK_WIDGET(numbers)));
    CHECK(!strstr(gtk_label_get_text(state), "Nothing"));
    fixture_shot(pane->window, "objects");
    end_group("inspector");
}

static void test_many(Pane *pane)
{
    msk_document_begin(pane->document, "Many");
    while (msk_document_get_n_objects(pane->document) < 500)
        msk_document_add_object(pane->document, NULL);
    msk_document_end(pane->document);
    fixture_settle();
    g_autoptr(GPtrArray) rows = fixture_find(GTK_WIDGET(pane->view), MSK_TYPE_MASKLET_ROW);
    CHECK(rows->len > 0 && rows->len < 250);
    printf("%u rows for 500 objects\n", rows->len);

    // Edits use the rows that are there.
    for (guint i = 0; i < 500; i += 7) {
        MskMasklet *masklet = msk_document_get_object(pane->document, i);
        MskObjectInfo info = *msk_masklet_get_info(masklet);
        info.label = (char *)"car";
        info.visible = i % 2;
        msk_document_set_info(pane->document, masklet, &info);
    }
    fixture_settle();
    g_autoptr(GPtrArray) after = fixture_find(GTK_WIDGET(pane->view), MSK_TYPE_MASKLET_ROW);
    CHECK(after->len == rows->len);
    for (guint i = 0; i < MIN(rows->len, after->len); i++)
        CHECK(rows->pdata[i] == after->pdata[i]);

    // The end is reached, with as few widgets.
    msk_session_select(pane->session, msk_document_get_object(pane->document, 499));
    fixture_settle();
    g_autoptr(GPtrArray) end = fixture_find(GTK_WIDGET(pane->view), MSK_TYPE_MASKLET_ROW);
    gboolean is_there = FALSE;
    for (guint i = 0; i < end->len; i++)
        is_there |= msk_masklet_row_get_position(end->pdata[i]) == 499;
    CHECK(is_there && end->len <= rows->len + 60);
    fixture_shot(pane->window, "objects-many");
    end_group("hundreds of objects");
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 77;
    fixture_init();
    Pane pane = open_pane(argv[1]);
    test_empty_and_add(&pane);
    test_selection(&pane);
    test_order(&pane);
    test_edits(&pane);
    test_rename_in_place(&pane);
    test_inspector(&pane);
    test_other_model(&pane);
    test_many(&pane);
    close_pane(&pane);
    end_group("everything is gone");
    return end_tests();
}
