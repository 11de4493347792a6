// SPDX-License-Identifier: Apache-2.0
// masklet-cli info: the facts of a clip.
#include <stdio.h>
#include <string.h>

#include "app/cli.h"
#include "app/media.h"

static void indexed_cb(double fraction, int64_t n_frames, gpointer user)
{
    gpointer *both = user;
    MskJob *job = both[0];
    MskProgress state;
    msk_job_get_progress(job, &state);
    msk_job_advance(job, (int64_t)(fraction * 1000) - state.done);
    cli_progress_show(both[1], "reading", NULL, job);
}

static gboolean build_index(MskMedia *media, gboolean check_all, GError **error)
{
    CliProgress *progress = cli_progress_new(FALSE);
    g_autoptr(MskJob) job = msk_job_new();
    gpointer both[] = {job, progress};
    msk_job_start(job, 1000);
    gboolean built = msk_media_build_index(media, check_all ? MSK_INDEX_DECODE : MSK_INDEX_AUTO,
                                           indexed_cb, both, NULL, error);
    cli_progress_free(progress);
    return built;
}

int cli_info(int argc, char **argv)
{
    gboolean as_json = FALSE, check_all = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print one JSON object", NULL},
        {"check", 0, 0, G_OPTION_ARG_NONE, &check_all,
         "Decode every frame, to find damage anywhere", NULL},
        {NULL}};
    GOptionContext *context = g_option_context_new("FILE");
    g_option_context_set_summary(context,
                                 "Prints what is in a video file, a folder of images or a pattern "
                                 "such as frames/%05d.png:\nstreams, size, exact frame count, time "
                                 "base, rate, rotation, colour, duration.");
    g_option_context_set_description(context, "Example:\n  masklet-cli info clip.mp4 --json");
    g_option_context_add_main_entries(context, entries, NULL);
    int status = cli_parse(context, "info", &argc, &argv);
    if (status >= 0)
        return status;
    if (argc != 2)
        return cli_usage("info", argc < 2 ? "no file was given" : "one file at a time");

    g_autoptr(GError) error = NULL;
    g_autoptr(MskMedia) media = msk_media_open(argv[1], NULL, NULL, &error);
    if (!media || !build_index(media, check_all, &error))
        return cli_fail(error);
    g_autofree char *text = as_json ? msk_media_info_to_json(media) : msk_media_info_to_text(media);
    g_autofree char *warning = msk_media_dup_warning(media);
    if (fputs(text, stdout) == EOF || fflush(stdout) == EOF) {
        cli_message("cannot write to standard output");
        return CLI_FAILED;
    }
    // The text and the JSON object have the warnings; a log of errors should, too.
    if (warning && as_json)
        cli_message("%s: %s", argv[1], g_strchomp(warning));
    return CLI_DONE;
}
