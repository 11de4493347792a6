// SPDX-License-Identifier: Apache-2.0
// test-export-dialog CLIP: what the export dialog says while it is filled in, and the files that
// its jobs make.
#include "ui/export_dialog_private.h"

#include <glib/gstdio.h>
#include <string.h>

#include "app/export_private.h"
#include "panel_fixture.h"
#include "tests/support/check.h"
#include "ui/jobs_popover.h"
#include "ui/job_row.h"
#include "ui/settings.h"

static char *work; // a folder that is removed at the end
static MskSession *session;
static MskDocument *document;
static GtkWidget *window;

enum {
    EDITOR,
    WEB,
    ARCHIVE,
    COMPOSITING,
    N_PRESETS = 12,
    MATTE_VIDEO = 7,
    MATTE_PNG = 9,
    DAVIS = 11
};

static MskExportDialog *open_dialog(void)
{
    msk_export_dialog_present(GTK_WINDOW(window), session);
    fixture_settle();
    return fixture_window(MSK_TYPE_EXPORT_DIALOG);
}

static bool example_has(MskExportDialog *dialog, const char *part)
{
    const char *text = adw_action_row_get_subtitle(dialog->example);
    if (!strstr(text, part))
        printf("example: %s\n", text);
    return strstr(text, part) != NULL;
}

static bool can_export(MskExportDialog *dialog)
{
    return gtk_widget_get_sensitive(dialog->export);
}

static bool is_wrong(gpointer row)
{
    return gtk_widget_has_css_class(row, "error");
}

static void test_rows(void)
{
    MskExportDialog *dialog = open_dialog();
    CHECK(dialog && can_export(dialog) && example_has(dialog, "/sample-cutout.mov"));
    CHECK(!gtk_widget_get_visible(GTK_WIDGET(dialog->pattern)));
    CHECK(g_list_model_get_n_items(adw_combo_row_get_model(dialog->preset)) == N_PRESETS);
    for (guint i = 0; i < N_PRESETS; i++) {
        adw_combo_row_set_selected(dialog->preset, i);
        MskExportKind kind = msk_export_dialog_get_kind(dialog);
        CHECK(can_export(dialog) && msk_export_dialog_get_kind_title(kind)[0]);
        CHECK(gtk_widget_get_visible(GTK_WIDGET(dialog->numbers_group)) ==
              msk_export_kind_is_sequence(kind));
        const char *extension = msk_export_kind_get_extension(kind);
        CHECK(example_has(dialog, extension ? extension : ".png"));
    }
    adw_combo_row_set_selected(dialog->preset, MATTE_VIDEO);
    adw_combo_row_set_selected(dialog->container, 2);
    CHECK(example_has(dialog, "/sample-matte.mkv"));
    fixture_shot(GTK_WIDGET(dialog), "export-video");

    // Names: the suggestion follows the format until there is one of the user's.
    adw_combo_row_set_selected(dialog->preset, COMPOSITING);
    CHECK(example_has(dialog, "/sample-matte/sample.0000.png"));
    gtk_editable_set_text(GTK_EDITABLE(dialog->name), "shot 12");
    adw_combo_row_set_selected(dialog->preset, WEB);
    CHECK(example_has(dialog, "/shot 12.webm"));
    static const char *const wrong[] = {"", "  ", "a/b", ".", ".."};
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        gtk_editable_set_text(GTK_EDITABLE(dialog->name), wrong[i]);
        CHECK(!can_export(dialog) && is_wrong(dialog->name) && is_wrong(dialog->example));
    }
    gtk_editable_set_text(GTK_EDITABLE(dialog->name), "<b>&amp;");
    CHECK(can_export(dialog) && !is_wrong(dialog->name));
    CHECK(example_has(dialog, "/<b>&amp;.webm")); // as it is, not as markup

    // Patterns.
    adw_combo_row_set_selected(dialog->preset, MATTE_PNG);
    gtk_editable_set_text(GTK_EDITABLE(dialog->name), "out");
    gtk_editable_set_text(GTK_EDITABLE(dialog->pattern), "{clip}_{frame:06d}.png");
    CHECK(can_export(dialog) && example_has(dialog, "/out/sample_000000.png"));
    adw_expander_row_set_enable_expansion(dialog->numbering, TRUE);
    CHECK(example_has(dialog, "/out/sample_001001.png"));
    gtk_editable_set_text(GTK_EDITABLE(dialog->pattern), "{clip}.png");
    CHECK(!can_export(dialog) && is_wrong(dialog->pattern) && !is_wrong(dialog->name));
    fixture_shot(GTK_WIDGET(dialog), "export-wrong");
    gtk_editable_set_text(GTK_EDITABLE(dialog->pattern), "{id}.{frame}.png");
    CHECK(!can_export(dialog)); // all objects in one
    gtk_switch_set_active(dialog->separate, TRUE);
    CHECK(can_export(dialog) && example_has(dialog, "1.1001.png"));
    adw_combo_row_set_selected(dialog->preset, DAVIS);
    CHECK(can_export(dialog) && !gtk_widget_get_visible(GTK_WIDGET(dialog->separate_row)));
    gtk_window_destroy(GTK_WINDOW(dialog));
    fixture_settle();
    end_group("rows");
}

static void test_objects_and_range(void)
{
    MskMasklet *hidden = msk_document_get_object(document, 1);
    MskObjectInfo info = *msk_masklet_get_info(hidden);
    info.visible = FALSE;
    msk_document_set_info(document, hidden, &info);
    MskExportDialog *dialog = open_dialog();
    g_autoptr(GPtrArray) visible = msk_export_dialog_dup_masklets(dialog);
    CHECK(visible->len == 2 && !g_ptr_array_find(visible, hidden, NULL));
    adw_combo_row_set_selected(dialog->objects, 1);
    g_autoptr(GPtrArray) selected = msk_export_dialog_dup_masklets(dialog);
    CHECK(selected->len == 1 && selected->pdata[0] == (gpointer)msk_session_get_selected(session));
    adw_combo_row_set_selected(dialog->objects, 2);
    CHECK(gtk_widget_get_visible(GTK_WIDGET(dialog->chosen_group)) && can_export(dialog));
    g_signal_emit_by_name(dialog->chosen_view, "activate", 0); // was the selected one
    CHECK(!can_export(dialog) && is_wrong(dialog->example));
    g_signal_emit_by_name(dialog->chosen_view, "activate", 1);
    g_autoptr(GPtrArray) chosen = msk_export_dialog_dup_masklets(dialog);
    CHECK(chosen->len == 1 && chosen->pdata[0] == (gpointer)hidden && can_export(dialog));
    fixture_shot(GTK_WIDGET(dialog), "export-chosen");

    // Masks are on frames 0 to 9 only.
    CHECK(gtk_widget_get_visible(GTK_WIDGET(dialog->gaps_group)));
    gtk_window_destroy(GTK_WINDOW(dialog));
    msk_document_set_range(document, 2, 4);
    dialog = open_dialog();
    int64_t first, last;
    CHECK(msk_export_dialog_get_range(dialog, &first, &last) && first == 2 && last == 4);
    CHECK(!gtk_widget_get_visible(GTK_WIDGET(dialog->gaps_group)));
    adw_combo_row_set_selected(dialog->range, 0);
    CHECK(msk_export_dialog_get_range(dialog, &first, &last) && first == 0 &&
          last == msk_document_get_n_frames(document) - 1);
    CHECK(gtk_widget_get_visible(GTK_WIDGET(dialog->gaps_group)));
    gtk_window_destroy(GTK_WINDOW(dialog));
    info.visible = TRUE;
    msk_document_set_info(document, hidden, &info);
    fixture_settle();
    end_group("objects and range");
}

static gboolean is_idle_cb(gpointer user)
{
    return msk_jobs_get_n_active(msk_jobs_get_default()) == 0 &&
           !fixture_window(MSK_TYPE_EXPORT_DIALOG);
}

static void export_now(MskExportDialog *dialog)
{
    g_free(dialog->folder);
    dialog->folder = g_strdup(work);
    g_signal_emit_by_name(dialog->export, "clicked");
}

static int count_files(const char *name, const char *suffix)
{
    g_autofree char *path = g_build_filename(work, name, NULL);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    int n = 0;
    for (const char *file; folder && (file = g_dir_read_name(folder));)
        n += g_str_has_suffix(file, suffix);
    return n;
}

static void test_export(void)
{
    MskJobs *jobs = msk_jobs_get_default();
    MskExportDialog *dialog = open_dialog();
    adw_combo_row_set_selected(dialog->preset, DAVIS);
    gtk_editable_set_text(GTK_EDITABLE(dialog->name), "ids");
    export_now(dialog);
    fixture_wait(is_idle_cb, NULL);
    CHECK(count_files("ids", ".png") == 3);
    g_autoptr(MskJobItem) item = g_list_model_get_item(G_LIST_MODEL(jobs), 0);
    CHECK(msk_job_item_get_state(item) == MSK_JOB_DONE);
    CHECK(strcmp(msk_job_item_get_title(item), "ids") == 0);
    CHECK(strstr(msk_job_item_get_detail(item), "3 objects") &&
          strstr(msk_job_item_get_detail(item), "3 frames"));
    g_autofree char *preset = g_settings_get_string(msk_settings_get(), "export-preset");
    CHECK(strcmp(preset, "davis") == 0);

    // Again to the same place: it asks, and cancelling leaves everything.
    dialog = open_dialog();
    CHECK(adw_combo_row_get_selected(dialog->preset) == DAVIS);
    gtk_editable_set_text(GTK_EDITABLE(dialog->name), "ids");
    export_now(dialog);
    fixture_settle();
    AdwMessageDialog *question = fixture_window(ADW_TYPE_MESSAGE_DIALOG);
    CHECK(question && msk_jobs_get_n_active(jobs) == 0);
    fixture_shot(GTK_WIDGET(question), "export-replace");
    adw_message_dialog_response(question, "cancel");
    fixture_settle();
    CHECK(fixture_window(MSK_TYPE_EXPORT_DIALOG) == dialog && can_export(dialog));
    g_signal_emit_by_name(dialog->export, "clicked");
    fixture_settle();
    question = fixture_window(ADW_TYPE_MESSAGE_DIALOG);
    CHECK(question != NULL);
    adw_message_dialog_response(question, "replace");
    fixture_wait(is_idle_cb, NULL);
    CHECK(count_files("ids", ".png") == 3);
    CHECK(g_list_model_get_n_items(G_LIST_MODEL(jobs)) == 2);

    // What is in the way for good is told, not asked for.
    g_autofree char *file = g_build_filename(work, "file", NULL);
    g_file_set_contents(file, "x", 1, NULL);
    dialog = open_dialog();
    gtk_editable_set_text(GTK_EDITABLE(dialog->name), "file");
    export_now(dialog);
    fixture_settle();
    question = fixture_window(ADW_TYPE_MESSAGE_DIALOG);
    CHECK(question && strstr(adw_message_dialog_get_body(question), "not a folder"));
    adw_message_dialog_response(question, "close");
    fixture_settle();
    gtk_window_destroy(GTK_WINDOW(dialog));

    // Closed while masks are collected: nothing happens.
    dialog = open_dialog();
    gtk_editable_set_text(GTK_EDITABLE(dialog->name), "never");
    export_now(dialog);
    CHECK(dialog->work != NULL);
    gtk_window_destroy(GTK_WINDOW(dialog));
    fixture_settle();
    CHECK(count_files("never", ".png") == 0);
    CHECK(g_list_model_get_n_items(G_LIST_MODEL(jobs)) == 2);
    end_group("exports");
}

static gboolean fail_func(MskJob *job, char ***paths, GError **error, gpointer user)
{
    msk_job_start(job, 120);
    msk_job_advance(job, 47);
    if (user) {
        while (!msk_job_is_cancelled(job))
            g_usleep(1000);
    }
    if (g_cancellable_set_error_if_cancelled(msk_job_get_cancellable(job), error))
        return FALSE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                "Cannot write /media/disk/clip-cutout.mov: No space left on device");
    return FALSE;
}

static gboolean has_ended_cb(gpointer item)
{
    return !msk_job_item_is_active(item);
}

static gboolean has_begun_cb(gpointer item)
{
    g_main_context_wakeup(NULL); // nothing else does when it has
    g_usleep(1000);
    MskProgress progress;
    msk_job_get_progress(msk_job_item_get_job(item), &progress);
    return progress.done == 47;
}

static void test_popover(void)
{
    MskJobs *jobs = msk_jobs_get_default();
    GtkWidget *button = gtk_menu_button_new();
    GtkWidget *popover = msk_jobs_popover_new();
    gtk_menu_button_set_popover(GTK_MENU_BUTTON(button), popover);
    gtk_widget_set_valign(button, GTK_ALIGN_START);
    adw_window_set_content(ADW_WINDOW(window), button);
    MskJobItem *failed = msk_jobs_add(jobs, "clip-cutout.mov", "ProRes 4444, 2 objects, 120 frames",
                                      fail_func, NULL, NULL);
    fixture_wait(has_ended_cb, failed);
    MskJobItem *running = msk_jobs_add(jobs, "a very long name of a clip that has no place.webm",
                                       "VP9 with alpha", fail_func, jobs, NULL);
    msk_jobs_add(jobs, "last", NULL, fail_func, jobs, NULL);
    fixture_wait(has_begun_cb, running);
    gtk_menu_button_popup(GTK_MENU_BUTTON(button));
    fixture_settle();
    g_autoptr(GPtrArray) rows = fixture_find(popover, MSK_TYPE_JOB_ROW);
    CHECK(rows->len == 5);
    // What runs, what waits, then what has ended, the latest first.
    static const char *const statuses[] = {"47 of 120", "Waits", "No space left", "Done", "Done"};
    for (guint i = 0; i < MIN(rows->len, 5); i++) {
        GtkLabel *status = fixture_child(rows->pdata[i], MSK_TYPE_JOB_ROW, "status");
        CHECK(strstr(gtk_label_get_text(status), statuses[i]));
        CHECK(gtk_widget_get_visible(fixture_child(rows->pdata[i], MSK_TYPE_JOB_ROW, "show")) ==
              (i >= 3));
        CHECK(gtk_widget_get_visible(fixture_child(rows->pdata[i], MSK_TYPE_JOB_ROW, "stop")) ==
              (i < 2));
    }
    fixture_shot(popover, "jobs");
    g_signal_emit_by_name(fixture_child(rows->pdata[1], MSK_TYPE_JOB_ROW, "stop"), "clicked");
    fixture_settle();
    g_autoptr(GPtrArray) now = fixture_find(popover, MSK_TYPE_JOB_ROW);
    g_signal_emit_by_name(fixture_child(now->pdata[0], MSK_TYPE_JOB_ROW, "stop"), "clicked");
    fixture_wait(has_ended_cb, running);
    CHECK(msk_job_item_get_state(running) == MSK_JOB_STOPPED);
    g_autoptr(GPtrArray) ended = fixture_find(popover, MSK_TYPE_JOB_ROW);
    g_signal_emit_by_name(fixture_child(ended->pdata[0], MSK_TYPE_JOB_ROW, "remove"), "clicked");
    CHECK(g_list_model_get_n_items(G_LIST_MODEL(jobs)) == 4);
    g_signal_emit_by_name(fixture_child(popover, MSK_TYPE_JOBS_POPOVER, "clear"), "clicked");
    CHECK(g_list_model_get_n_items(G_LIST_MODEL(jobs)) == 0);
    fixture_settle();
    fixture_shot(popover, "jobs-empty");

    MskProgress progress = {.done = 1, .total = 1, .rate = 2, .seconds_left = 0};
    g_autofree char *one = msk_job_row_format_progress(&progress);
    CHECK(strcmp(one, "1 of 1 frame, 2.0 frames/s") == 0);
    progress = (MskProgress){.done = 12, .total = 288, .rate = 14.25, .seconds_left = 19.4};
    g_autofree char *some = msk_job_row_format_progress(&progress);
    CHECK(strcmp(some, "12 of 288 frames, 14.2 frames/s, 20 s left") == 0);
    gtk_menu_button_popdown(GTK_MENU_BUTTON(button));
    end_group("popover of jobs");
}

int main(int argc, char **argv)
{
    work = g_dir_make_tmp("masklet-dialog-XXXXXX", NULL);
    if (argc != 2 || !work)
        return 77;
    fixture_init();
    session = fixture_open(argv[1]);
    document = msk_session_get_document(session);
    static const char *const names[] = {"dog", "ball", "third & last"};
    for (int i = 0; i < 3; i++)
        fixture_track(document, msk_document_add_object(document, names[i]), 0, 9, 100 * i);
    msk_session_select(session, msk_document_get_object(document, 0));
    window = adw_window_new();
    gtk_window_set_default_size(GTK_WINDOW(window), 420, 500);
    gtk_window_present(GTK_WINDOW(window));

    test_rows();
    test_objects_and_range();
    test_export();
    test_popover();
    gtk_window_destroy(GTK_WINDOW(window));
    fixture_close(session);
    g_object_unref(msk_jobs_get_default());
    msk_stage_remove_tree(work);
    g_free(work);
    return end_tests();
}
