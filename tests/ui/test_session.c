// SPDX-License-Identifier: Apache-2.0
// test-session SAMPLE IMAGES: opening, saving, finding again what a session works on.
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/media_private.h"
#include "tests/app/clips.h"
#include "tests/support/check.h"
#include "tests/ui/session_fixture.h"
#include "ui/session_private.h"

static const char *folder, *sample, *images;

static char *in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static gboolean copy_file(const char *from, const char *to)
{
    g_autoptr(GFile) source = g_file_new_for_path(from), target = g_file_new_for_path(to);
    return g_file_copy(source, target, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, NULL);
}

static void count_cb(int *count)
{
    (*count)++;
}

static void save_as(Heard *heard, const char *path)
{
    g_autoptr(GFile) file = g_file_new_for_path(path);
    msk_session_save_as(heard->session, file);
}

// ---- Clips -------------------------------------------------------------------------------------

static void test_clip(void)
{
    Heard *heard = fixture_new_session();
    fixture_open(heard, sample);
    CHECK(msk_session_get_busy(heard->session) != NULL);
    CHECK(fixture_wait_picture(heard, 0));
    // The estimate is enough to work with.
    CHECK(msk_session_get_n_frames(heard->session) > 0);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    CHECK(heard->n_errors == 0 && heard->n_earlier == 0);
    CHECK(msk_session_get_n_frames(heard->session) == 120);
    CHECK(msk_document_get_n_frames(msk_session_get_document(heard->session)) == 120);
    CHECK(g_strcmp0(msk_session_get_title(heard->session), "sample.mp4") == 0);
    CHECK(msk_session_is_unsaved(heard->session));
    CHECK(!msk_session_is_read_only(heard->session));
    CHECK(fixture_count_unsaved() == 1);

    msk_session_set_frame(heard->session, 1000);
    CHECK(msk_session_get_frame(heard->session) == 119);
    CHECK(fixture_wait_picture(heard, 119));
    msk_session_set_frame(heard->session, -5);
    CHECK(msk_session_get_frame(heard->session) == 0);
    CHECK(fixture_wait_picture(heard, 0));

    msk_session_close(heard->session);
    CHECK(!msk_session_get_media(heard->session) && !msk_session_get_document(heard->session));
    CHECK(!msk_session_get_title(heard->session) && !msk_session_get_picture(heard->session, NULL));
    CHECK(msk_session_get_n_frames(heard->session) == 0);
    msk_store_wait_closed();
    CHECK(fixture_count_unsaved() == 0); // nothing was done
    fixture_free_session(heard);
    end_group("a clip");
}

static void test_first_frame_first(void)
{
    const char *clip =
        clip_make("long.mp4", "-f lavfi -i testsrc2=s=640x480:r=25:d=60 -c:v libx264 "
                              "-preset ultrafast -g 250");
    Heard *heard = fixture_new_session();
    fixture_open(heard, clip);
    CHECK(fixture_wait_picture(heard, 0));
    CHECK(!heard->had_count);
    CHECK(fixture_wait_idle(heard));
    CHECK(msk_session_get_n_frames(heard->session) == 1500);
    fixture_free_session(heard);
    end_group("first frame before the index");
}

static void test_earlier_work(void)
{
    Heard *heard = fixture_new_session();
    fixture_open(heard, sample);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    msk_document_add_object(msk_session_get_document(heard->session), "balloon");
    fixture_free_session(heard);
    CHECK(fixture_count_unsaved() == 1);

    heard = fixture_new_session();
    fixture_open(heard, sample);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(heard->n_earlier == 1);
    MskDocument *document = msk_session_get_document(heard->session);
    CHECK(msk_document_get_n_objects(document) == 1);
    CHECK(msk_session_get_selected(heard->session) == msk_document_get_object(document, 0));

    // The same clip in another window has a project of its own.
    Heard *other = fixture_new_session();
    fixture_open(other, sample);
    CHECK(fixture_wait_count(&other->n_opened, 1));
    CHECK(other->n_earlier == 0);
    CHECK(msk_document_get_n_objects(msk_session_get_document(other->session)) == 0);
    CHECK(fixture_count_unsaved() == 2);
    fixture_free_session(other);
    CHECK(fixture_count_unsaved() == 1);

    msk_session_start_afresh(heard->session);
    CHECK(fixture_wait_count(&heard->n_opened, 2));
    CHECK(msk_document_get_n_objects(msk_session_get_document(heard->session)) == 0);
    CHECK(heard->n_errors == 0);
    CHECK(fixture_count_unsaved() == 2); // the one before is put aside
    fixture_free_session(heard);
    CHECK(fixture_count_unsaved() == 1);
    fixture_remove_unsaved();
    end_group("earlier work");
}

static void test_sequence(void)
{
    Heard *heard = fixture_new_session();
    g_autofree char *image = g_build_filename(images, "00005.png", NULL);
    fixture_open(heard, image);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    CHECK(msk_session_get_n_frames(heard->session) == 24);
    fixture_open(heard, images);
    CHECK(fixture_wait_count(&heard->n_opened, 2));
    CHECK(fixture_wait_idle(heard));
    CHECK(msk_session_get_n_frames(heard->session) == 24);
    CHECK(heard->n_errors == 0);
    fixture_free_session(heard);

    // An image by itself.
    g_autofree char *alone = in_folder("alone7.png");
    CHECK(copy_file(image, alone));
    heard = fixture_new_session();
    fixture_open(heard, alone);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    CHECK(msk_session_get_n_frames(heard->session) == 1);
    fixture_free_session(heard);
    end_group("image sequences");
}

static void test_failures(void)
{
    Heard *heard = fixture_new_session();
    fixture_open(heard, sample);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    g_autofree char *nothing = in_folder("not-there.mp4");
    const char *garbage = clip_write("garbage.mp4", "these are no pictures", 21);
    const char *project = clip_write("garbage.masklet", "this is no data base", 20);
    const char *const paths[] = {nothing, garbage, project};
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        fixture_open(heard, paths[i]);
        CHECK(fixture_wait_count(&heard->n_errors, (int)i + 1));
        CHECK(!msk_session_get_busy(heard->session));
        // What was open is still there.
        CHECK(msk_session_get_media(heard->session) && msk_session_get_document(heard->session));
    }
    CHECK(heard->n_opened == 1);
    fixture_free_session(heard);
    end_group("what cannot be opened");
}

static void test_overtaking(void)
{
    const char *clip = clip_make("short.mp4", "TEST -c:v mpeg4");
    Heard *heard = fixture_new_session();
    fixture_open(heard, sample);
    fixture_open(heard, clip);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    CHECK(g_strcmp0(msk_session_get_title(heard->session), "short.mp4") == 0);
    CHECK(msk_session_get_n_frames(heard->session) == 50);
    fixture_open(heard, sample);
    msk_session_close(heard->session);
    CHECK(fixture_wait_idle(heard));
    for (int i = 0; i < 50; i++) {
        g_usleep(2000);
        g_main_context_iteration(NULL, FALSE);
    }
    CHECK(!msk_session_get_media(heard->session) && heard->n_opened == 1);
    CHECK(fixture_count_unsaved() == 0);
    fixture_free_session(heard);
    end_group("opening while opening");
}

// ---- Projects ----------------------------------------------------------------------------------

static void test_save(void)
{
    g_autofree char *clip = in_folder("clip.mp4"), *project = in_folder("work.masklet");
    CHECK(copy_file(sample, clip));
    Heard *heard = fixture_new_session();
    fixture_open(heard, clip);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    msk_document_add_object(msk_session_get_document(heard->session), "one");
    save_as(heard, project);
    CHECK(msk_session_get_busy(heard->session) != NULL); // no edits until it has moved
    CHECK(fixture_wait_count(&heard->n_saved, 1));
    CHECK(!msk_session_is_unsaved(heard->session));
    CHECK(g_strcmp0(msk_session_get_title(heard->session), "work") == 0);
    msk_store_wait_closed();
    CHECK(fixture_count_unsaved() == 0);
    // Edits go on into the new file.
    msk_document_add_object(msk_session_get_document(heard->session), "two");
    msk_session_save(heard->session);
    CHECK(fixture_wait_count(&heard->n_saved, 2));

    Heard *other = fixture_new_session();
    fixture_open(other, project);
    CHECK(fixture_wait_count(&other->n_errors, 1)); // in use
    fixture_free_session(other);
    fixture_free_session(heard);

    heard = fixture_new_session();
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    MskDocument *document = msk_session_get_document(heard->session);
    CHECK(msk_document_get_n_objects(document) == 2 && heard->n_earlier == 0);
    CHECK(msk_document_undo(document));
    CHECK(msk_document_get_n_objects(document) == 1);
    CHECK(msk_document_undo(document));
    CHECK(msk_document_get_n_objects(document) == 0 && !msk_session_get_selected(heard->session));
    CHECK(msk_document_redo(document) && msk_document_redo(document));
    fixture_free_session(heard);
    end_group("saving and opening again");
}

static void test_copies(void)
{
    g_autofree char *project = in_folder("work.masklet"), *clip = in_folder("clip.mp4");
    g_autofree char *away = in_folder("away"), *moved = in_folder("away/clip.mp4");
    g_autofree char *relative = in_folder("relative.masklet");
    g_autofree char *absolute = in_folder("absolute.masklet");
    g_autofree char *moved_relative = in_folder("away/relative.masklet");
    g_autofree char *moved_absolute = in_folder("away/absolute.masklet");
    g_autoptr(GFile) relative_file = g_file_new_for_path(relative);
    g_autoptr(GFile) absolute_file = g_file_new_for_path(absolute);
    Heard *heard = fixture_new_session();
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    msk_session_save_copy(heard->session, relative_file, TRUE);
    CHECK(fixture_wait_count(&heard->n_saved, 1));
    msk_session_save_copy(heard->session, absolute_file, FALSE);
    CHECK(fixture_wait_count(&heard->n_saved, 2));
    CHECK(g_strcmp0(msk_session_get_title(heard->session), "work") == 0);
    fixture_free_session(heard);

    // Project and clip are moved together: one finds it, the other asks.
    CHECK(g_mkdir(away, 0700) == 0 && g_rename(clip, moved) == 0);
    CHECK(g_rename(relative, moved_relative) == 0 && g_rename(absolute, moved_absolute) == 0);
    heard = fixture_new_session();
    fixture_open(heard, moved_relative);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(heard->n_missing == 0);
    fixture_free_session(heard);
    heard = fixture_new_session();
    fixture_open(heard, moved_absolute);
    CHECK(fixture_wait_count(&heard->n_missing, 1));
    CHECK(g_strcmp0(heard->path, clip) == 0);
    msk_session_relink(heard->session, NULL, FALSE);
    CHECK(!msk_session_get_busy(heard->session) && !msk_session_get_media(heard->session));
    fixture_free_session(heard);
    CHECK(g_rename(moved, clip) == 0);
    end_group("copies");
}

static void test_relink(void)
{
    g_autofree char *project = in_folder("work.masklet"), *clip = in_folder("clip.mp4");
    g_autofree char *moved = in_folder("renamed.mp4");
    g_autoptr(GFile) moved_file = g_file_new_for_path(moved);
    CHECK(g_rename(clip, moved) == 0);
    Heard *heard = fixture_new_session();
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_missing, 1));

    // Another clip altogether.
    const char *small = clip_make("small.mp4", "TEST -c:v mpeg4");
    g_autoptr(GFile) small_file = g_file_new_for_path(small);
    msk_session_relink(heard->session, small_file, FALSE);
    CHECK(fixture_wait_count(&heard->n_differs, 1));
    CHECK(!heard->is_usable);
    msk_session_relink(heard->session, small_file, TRUE); // no: it does not fit
    CHECK(fixture_wait_count(&heard->n_differs, 2));
    CHECK(heard->n_opened == 0);

    // The same shot, graded.
    g_autofree char *arguments = g_strdup_printf("-i %s -vf hue=s=0 -c:v mpeg4 -q:v 3 -an", sample);
    const char *graded = clip_make("graded.mp4", arguments);
    g_autoptr(GFile) graded_file = g_file_new_for_path(graded);
    msk_session_relink(heard->session, graded_file, FALSE);
    CHECK(fixture_wait_count(&heard->n_differs, 3));
    CHECK(heard->is_usable);
    CHECK(heard->n_opened == 0);

    // The clip itself under its new name; it is remembered.
    msk_session_relink(heard->session, moved_file, FALSE);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(heard->n_differs == 3);
    CHECK(msk_document_get_n_objects(msk_session_get_document(heard->session)) == 2);
    fixture_free_session(heard);
    heard = fixture_new_session();
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(heard->n_missing == 0);
    fixture_free_session(heard);

    // In place of the clip lies the graded one.
    CHECK(g_unlink(moved) == 0 && copy_file(graded, moved));
    heard = fixture_new_session();
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_differs, 1));
    CHECK(heard->is_usable && g_strcmp0(heard->path, moved) == 0);
    msk_session_relink(heard->session, moved_file, TRUE);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    fixture_free_session(heard);
    heard = fixture_new_session();
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(heard->n_differs == 0);
    fixture_free_session(heard);
    end_group("a clip that was moved or changed");
}

// ---- Leaving -----------------------------------------------------------------------------------

static void left_cb(MskSession *session, gpointer user)
{
    (*(int *)user)++;
    CHECK(!msk_session_get_media(session));
}

static guint count_objects(Heard *heard)
{
    return msk_document_get_n_objects(msk_session_get_document(heard->session));
}

static void test_leaving(void)
{
    g_autofree char *project = in_folder("left.masklet"), *work = in_folder("work.masklet");
    g_autofree char *saved = in_folder("saved-while-edited.masklet");
    int n_left = 0;
    CHECK(copy_file(work, project));
    Heard *heard = fixture_new_session();
    msk_session_leave(heard->session, left_cb, &n_left, NULL);
    CHECK(n_left == 1); // nothing is open
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    const guint n_before = count_objects(heard);

    // Closed at once and opened again: it waits for the file, and nothing is lost.
    for (int i = 0; i < 5; i++) {
        msk_document_add_object(msk_session_get_document(heard->session), NULL);
        msk_session_close(heard->session);
        fixture_open(heard, project);
        CHECK(fixture_wait_count(&heard->n_opened, 2 + i));
        CHECK(fixture_wait_idle(heard));
        CHECK(heard->n_errors == 0 && count_objects(heard) == n_before + (guint)i + 1);
    }

    // What is edited while it moves to another file is in that file.
    save_as(heard, saved);
    msk_document_add_object(msk_session_get_document(heard->session), "late");
    CHECK(msk_document_undo(msk_session_get_document(heard->session)));
    msk_document_add_object(msk_session_get_document(heard->session), "later");
    // Left before it has moved: it moves first.
    msk_session_leave(heard->session, left_cb, &n_left, NULL);
    CHECK(fixture_wait_count(&n_left, 2));
    CHECK(heard->n_saved == 1);
    fixture_open(heard, saved);
    CHECK(fixture_wait_count(&heard->n_opened, 7));
    CHECK(count_objects(heard) == n_before + 6 && heard->n_errors == 0);
    MskDocument *document = msk_session_get_document(heard->session);
    MskMasklet *last = msk_document_get_object(document, n_before + 5);
    CHECK(g_strcmp0(msk_masklet_get_info(last)->name, "later") == 0);
    CHECK(msk_document_undo(document) && msk_document_undo(document));
    CHECK(count_objects(heard) == n_before + 4);
    fixture_free_session(heard);
    end_group("leaving and coming back");
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = MIN(size, limit.rlim_max);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void test_unwritten(void)
{
    g_autofree char *project = in_folder("full.masklet"), *work = in_folder("work.masklet");
    int n_left = 0;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(copy_file(work, project));
    Heard *heard = fixture_new_session();
    MskSession *session = heard->session;
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    const guint n_before = count_objects(heard);

    // No room: it stays open, and the user is asked.
    limit_files(512);
    msk_document_add_object(msk_session_get_document(session), "kept");
    msk_session_leave(session, left_cb, &n_left, NULL);
    CHECK(msk_session_get_busy(session) != NULL);
    CHECK(fixture_wait_count(&heard->n_unwritten, 1));
    CHECK(n_left == 0 && count_objects(heard) == n_before + 1);
    CHECK(msk_session_get_write_problem(session) != NULL);
    msk_session_stay(session);
    CHECK(!msk_session_get_busy(session) && msk_session_get_document(session));

    // Another clip does not take its place either.
    fixture_open(heard, sample);
    CHECK(fixture_wait_count(&heard->n_unwritten, 2));
    CHECK(count_objects(heard) == n_before + 1);
    msk_session_stay(session);
    CHECK(!msk_session_get_busy(session) && heard->n_opened == 1);

    // Nor does a second attempt that overtakes the first one lose it.
    fixture_open(heard, sample);
    CHECK(fixture_wait_count(&heard->n_unwritten, 3));
    msk_session_leave(session, left_cb, &n_left, NULL);
    CHECK(fixture_wait_count(&heard->n_unwritten, 4));
    limit_files(RLIM_INFINITY);
    msk_session_leave(session, left_cb, &n_left, NULL);
    CHECK(fixture_wait_count(&n_left, 1));
    CHECK(heard->n_opened == 1 && !msk_session_get_media(session));
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_opened, 2));
    CHECK(fixture_wait_idle(heard));
    CHECK(count_objects(heard) == n_before + 1);

    // The user says so: the edits are lost, the other clip comes.
    limit_files(512);
    msk_document_add_object(msk_session_get_document(session), "lost");
    fixture_open(heard, sample);
    CHECK(fixture_wait_count(&heard->n_unwritten, 5));
    g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*edits could not be written*");
    msk_session_leave_anyway(session);
    msk_store_wait_closed();
    g_test_assert_expected_messages();
    limit_files(RLIM_INFINITY);
    CHECK(fixture_wait_count(&heard->n_opened, 3));
    CHECK(g_strcmp0(msk_session_get_title(session), "sample.mp4") == 0);
    fixture_free_session(heard);
    heard = fixture_new_session();
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(count_objects(heard) == n_before + 1);
    fixture_free_session(heard);
    end_group("edits that cannot be written");
}

// The file and its log as they are on the disk, as if the program had been killed.
static void copy_live(const char *from, const char *to)
{
    g_autofree char *log = g_strconcat(from, "-wal", NULL), *to_log = g_strconcat(to, "-wal", NULL);
    CHECK(copy_file(from, to) && copy_file(log, to_log));
}

static void test_read_only(void)
{
    g_autofree char *project = in_folder("work.masklet"), *place = in_folder("sealed");
    g_autofree char *sealed = in_folder("sealed/sealed.masklet");
    g_autofree char *state = in_folder("masklet"), *unsaved = in_folder("masklet/unsaved");
    g_autofree char *log = g_strconcat(sealed, "-wal", NULL);
    const gboolean is_root = geteuid() == 0;
    CHECK(g_mkdir(place, 0755) == 0);
    Heard *heard = fixture_new_session();
    fixture_open(heard, project);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(fixture_wait_idle(heard));
    msk_document_add_object(msk_session_get_document(heard->session), "in the log");
    msk_session_save(heard->session);
    CHECK(fixture_wait_count(&heard->n_saved, 1));
    copy_live(project, sealed);
    CHECK(msk_document_undo(msk_session_get_document(heard->session)));
    fixture_free_session(heard);
    CHECK(g_chmod(sealed, 0444) == 0 && g_chmod(log, 0444) == 0 && g_chmod(place, 0555) == 0);
    // Root may write everywhere: somebody else, whose state is elsewhere writable.
    if (is_root) {
        CHECK(g_chmod(folder, 0755) == 0 && g_chmod(state, 0777) == 0);
        CHECK(g_mkdir_with_parents(unsaved, 0777) == 0 && g_chmod(unsaved, 0777) == 0);
        CHECK(seteuid(65534) == 0);
    }
    heard = fixture_new_session();
    fixture_open(heard, sealed);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(msk_session_is_read_only(heard->session) && msk_session_is_unsaved(heard->session));
    CHECK(msk_document_get_n_objects(msk_session_get_document(heard->session)) == 3);
    msk_document_add_object(msk_session_get_document(heard->session), "four");
    fixture_free_session(heard);
    // What was done is kept in a copy and found again.
    heard = fixture_new_session();
    fixture_open(heard, sealed);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    CHECK(heard->n_earlier == 1);
    CHECK(msk_document_get_n_objects(msk_session_get_document(heard->session)) == 4);
    fixture_free_session(heard);
    CHECK(!is_root || seteuid(0) == 0);
    g_chmod(place, 0700);
    fixture_remove_unsaved();
    end_group("a project that cannot be written");
}

// ---- Tracking ----------------------------------------------------------------------------------

#define TRACK_LAST 30

// The playhead jumps about after other key frames.
static void jump_cb(MskTracker *tracker, gint64 frame, Heard *heard)
{
    msk_session_set_frame(heard->session, 91 + frame * 17 % 59);
}

// What is shown meanwhile does not make the engine's decoder seek.
static void test_tracking_while_looking(void)
{
    Heard *heard = fixture_new_session();
    MskSession *session = heard->session;
    int n_answered = 0, n_stopped = 0;
    const char *clip = clip_make("keys.mp4", "-f lavfi -i testsrc2=s=640x360:r=25:d=6 -c:v libx264 "
                                             "-preset ultrafast -g 30 -sc_threshold 0");
    msk_session_open_model(session, NULL);
    fixture_open(heard, clip);
    CHECK(fixture_wait_count(&heard->n_opened, 1) && fixture_wait_idle(heard));
    MskTracker *tracker = msk_session_get_tracker(session);
    g_signal_connect_swapped(tracker, "prompt-answered", G_CALLBACK(count_cb), &n_answered);
    g_signal_connect_swapped(tracker, "stopped", G_CALLBACK(count_cb), &n_stopped);
    g_signal_connect(tracker, "tracked", G_CALLBACK(jump_cb), heard);
    g_autoptr(MskPrompt) prompt = msk_prompt_new(0);
    msk_prompt_add_point(prompt, 320, 180, TRUE);
    MskMasklet *masklet = msk_session_ensure_selected(session);
    CHECK(msk_tracker_prompt(tracker, masklet, prompt, "Add Point"));
    CHECK(fixture_wait_count(&n_answered, 1));
    const int n_before = heard->n_pictures;
    const MskTrackOptions options = {.last = TRACK_LAST, .from = -1};
    CHECK(msk_tracker_track(tracker, &options, NULL) && fixture_wait_count(&n_stopped, 1));
    CHECK(msk_masklet_get_frame(masklet, TRACK_LAST, NULL) & MSK_FRAME_HAS_MASK);
    CHECK(heard->n_pictures - n_before > 5 && heard->n_errors == 0);

    const MskReader *own = session->engine_media->reader, *shown = session->media->reader;
    if (!CHECK(own && own != shown))
        return;
    printf("tracking while looking elsewhere: %d seeks, the player's %d\n",
           own->n_seeks + own->n_rewinds, shown->n_seeks + shown->n_rewinds);
    CHECK(own->n_seeks + own->n_rewinds == 0);
    CHECK(shown->n_seeks + shown->n_rewinds > 1);
    CHECK(msk_media_get_index(session->engine_media) == msk_media_get_index(session->media));
    fixture_free_session(heard);
    end_group("tracking while looking elsewhere");
}

// ---- Selection ---------------------------------------------------------------------------------

static void test_selection(void)
{
    Heard *heard = fixture_new_session();
    MskSession *session = heard->session;
    CHECK(msk_session_ensure_selected(session) == NULL); // nothing is open
    fixture_open(heard, sample);
    CHECK(fixture_wait_count(&heard->n_opened, 1));
    MskDocument *document = msk_session_get_document(session);
    CHECK(!msk_session_get_selected(session));
    MskMasklet *first = msk_session_ensure_selected(session);
    CHECK(first && msk_document_get_n_objects(document) == 1);
    CHECK(msk_session_ensure_selected(session) == first);
    MskMasklet *second = msk_document_add_object(document, NULL);
    msk_session_select(session, second);
    msk_document_remove_object(document, second);
    CHECK(msk_session_get_selected(session) == msk_document_get_object(document, 0));
    msk_document_remove_object(document, msk_session_get_selected(session));
    CHECK(!msk_session_get_selected(session));
    msk_session_set_brush_size(session, 1e9);
    CHECK(msk_session_get_brush_size(session) == MSK_BRUSH_MAX);
    msk_session_set_brush_size(session, -1);
    CHECK(msk_session_get_brush_size(session) == MSK_BRUSH_MIN);
    fixture_free_session(heard);
    end_group("selection and tools");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    // Clips are made in a folder of their own.
    g_autofree char *full_sample = g_canonicalize_filename(argv[1], NULL);
    sample = full_sample;
    images = argv[2];
    folder = fixture_begin();
    if (!clips_begin()) {
        fixture_end();
        return 77;
    }
    test_clip();
    test_first_frame_first();
    test_earlier_work();
    test_sequence();
    test_failures();
    test_overtaking();
    test_save();
    test_copies();
    test_relink();
    test_leaving();
    test_unwritten();
    test_read_only();
    test_tracking_while_looking();
    test_selection();
    clips_end();
    fixture_end();
    return end_tests();
}
