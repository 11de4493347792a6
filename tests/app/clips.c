// SPDX-License-Identifier: Apache-2.0
// Clips for tests, by the ffmpeg and ffprobe commands.
#include "tests/app/clips.h"

#include <glib/gstdio.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <stdio.h>
#include <string.h>

static char *folder;
static GPtrArray *paths;

// Runs a command line in the folder; its output, or NULL when it fails.
static GBytes *run(const char *command)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) arguments = NULL;
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
    GBytes *out = NULL;

    if (!g_shell_parse_argv(command, NULL, &arguments, &error))
        g_error("%s: %s", command, error->message);
    g_subprocess_launcher_set_cwd(launcher, folder);
    g_autoptr(GSubprocess) process =
        g_subprocess_launcher_spawnv(launcher, (const char *const *)arguments, &error);
    if (!process || !g_subprocess_communicate(process, NULL, NULL, &out, NULL, &error) ||
        !g_subprocess_get_successful(process)) {
        g_clear_pointer(&out, g_bytes_unref);
        return NULL;
    }
    return out;
}

gboolean clips_begin(void)
{
    g_autofree char *ffmpeg = g_find_program_in_path("ffmpeg");
    g_autofree char *ffprobe = g_find_program_in_path("ffprobe");

    if (!ffmpeg || !ffprobe)
        return FALSE;
    folder = g_dir_make_tmp("masklet-test-XXXXXX", NULL);
    paths = g_ptr_array_new_with_free_func(g_free);
    return folder != NULL;
}

static void remove_tree(const char *path)
{
    const char *name;
    GDir *dir = g_dir_open(path, 0, NULL);

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR))
            remove_tree(child);
        else
            g_unlink(child);
    }
    if (dir)
        g_dir_close(dir);
    g_rmdir(path);
}

void clips_end(void)
{
    remove_tree(folder);
    g_ptr_array_unref(paths);
    g_clear_pointer(&folder, g_free);
}

const char *clip_path(const char *name)
{
    char *path = g_build_filename(folder, name, NULL);

    g_ptr_array_add(paths, path);
    return path;
}

const char *clip_make(const char *name, const char *arguments)
{
    const char *path = clip_path(name);
    g_auto(GStrv) parts = g_strsplit(arguments, "TEST", -1);
    g_autofree char *full = g_strjoinv("-f lavfi -i testsrc2=s=160x120:r=25:d=2", parts);
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *command = g_strdup_printf("ffmpeg -nostdin -v error -y %s %s", full, quoted);
    g_autoptr(GBytes) out = run(command);

    if (out)
        return path;
    printf("cannot make %s: %s\n", name, command);
    return NULL;
}

const char *clip_write(const char *name, const void *bytes, size_t size)
{
    const char *path = clip_path(name);

    g_file_set_contents(path, bytes, (gssize)size, NULL);
    return path;
}

const char *clip_truncate(const char *name, const char *from, double fraction)
{
    g_autofree char *bytes = NULL;
    gsize size = 0;

    g_file_get_contents(from, &bytes, &size, NULL);
    return clip_write(name, bytes, (size_t)((double)size * fraction));
}

GBytes *clip_convert(const char *path, const char *before, const char *after)
{
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *command =
        g_strdup_printf("ffmpeg -nostdin -v quiet %s -i %s %s -", before, quoted, after);

    return run(command);
}

GBytes *clip_decode(const char *path, const char *options)
{
    g_autofree char *before = g_strdup_printf("-noautorotate %s", options ? options : "");

    return clip_convert(path, before, "-map 0:v:0 -vsync passthrough -f rawvideo");
}

char *clip_probe(const char *path, const char *options, const char *entry)
{
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *command = g_strdup_printf(
        "ffprobe -v quiet %s -select_streams v:0 -show_entries %s -of default=nw=1:nk=1 %s",
        options ? options : "", entry, quoted);
    g_autoptr(GBytes) out = run(command);

    if (!out)
        return g_strdup("");
    char *text = g_strndup(g_bytes_get_data(out, NULL), g_bytes_get_size(out));
    return g_strstrip(text);
}

GArray *clip_stamps(const char *path)
{
    g_autofree char *text = clip_probe(path, NULL, "frame=best_effort_timestamp");
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GArray *stamps = g_array_new(FALSE, FALSE, sizeof(int64_t));

    for (int i = 0; lines[i]; i++) {
        g_strstrip(lines[i]);
        int64_t stamp =
            strcmp(lines[i], "N/A") == 0 ? INT64_MIN : g_ascii_strtoll(lines[i], NULL, 10);
        if (lines[i][0] &&
            (g_ascii_isdigit(lines[i][0]) || lines[i][0] == '-' || stamp == INT64_MIN))
            g_array_append_val(stamps, stamp);
    }
    return stamps;
}

GBytes *clip_frame_bytes(const MskFrame *frame)
{
    const AVFrame *av = msk_frame_get_av(frame);
    const int size = av_image_get_buffer_size(av->format, av->width, av->height, 1);
    uint8_t *bytes = g_malloc((size_t)size);

    av_image_copy_to_buffer(bytes, size, (const uint8_t *const *)av->data, av->linesize, av->format,
                            av->width, av->height, 1);
    return g_bytes_new_take(bytes, (size_t)size);
}
