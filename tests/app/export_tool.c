// SPDX-License-Identifier: Apache-2.0
// A command line around masks and export for check_export.py: known masks in, files out.
//
//   export-tool logits GRID_WIDTH GRID_HEIGHT WIDTH HEIGHT IN.f32 OUT.u8
//   export-tool export SOURCE KIND DESTINATION [KEY=VALUE ...]
//
// Object k covers, on frame n of a width x height clip, x0 <= x < x0 + max(width / 2, 1) with
// x0 = (k - 1) * (width / 5) + n % 3 (0 where the width is below 8), and min(k, height / 4) <= y <
// height - min(k, height / 4). It has no mask where (n + k) % 7 == 6.
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/export.h"

#define N_OBJECTS_MAX 300

static int run_logits(char **argv)
{
    int gw = atoi(argv[0]), gh = atoi(argv[1]), width = atoi(argv[2]), height = atoi(argv[3]);
    g_autofree char *data = NULL;
    gsize size;
    if (!g_file_get_contents(argv[4], &data, &size, NULL) ||
        size != (gsize)gw * (gsize)gh * sizeof(float))
        return 2;
    g_autoptr(MskMask) mask =
        msk_mask_new_logits((const float *)(const void *)data, gw, gh, width, height);
    g_autofree uint8_t *out = g_malloc((size_t)width * height);
    msk_mask_get_binary(mask, out, (size_t)width);
    printf("%zu\n", msk_mask_get_size(mask));
    return g_file_set_contents(argv[5], (const char *)out, (gssize)width * height, NULL) ? 0 : 2;
}

typedef struct Run {
    MskExportJob job;
    MskExportObject objects[N_OBJECTS_MAX];
    int width, height;
    int64_t cancel_at;
    GCancellable *cancellable;
} Run;

static MskMask *get_mask_cb(void *user, int64_t frame, int object, GError **error)
{
    Run *run = user;
    if ((frame + object) % 7 == 6)
        return NULL;
    int x0 = run->width < 8 ? 0 : (object - 1) * (run->width / 5) + (int)(frame % 3);
    int x1 = x0 + MAX(run->width / 2, 1), margin = MIN(object, run->height / 4);
    g_autofree uint8_t *pixels = g_malloc0((size_t)run->width * run->height);
    for (int y = margin; y < run->height - margin; y++) {
        for (int x = x0; x < MIN(x1, run->width); x++)
            pixels[(size_t)y * run->width + x] = 255;
    }
    return msk_mask_new_bits(pixels, (size_t)run->width, run->width, run->height);
}

static void progress_cb(void *user, int64_t done, int64_t total)
{
    Run *run = user;
    if (done > total)
        g_error("progress beyond the end");
    if (run->cancel_at > 0 && done >= run->cancel_at)
        g_cancellable_cancel(run->cancellable);
}

static void set_option(Run *run, const char *key, const char *value)
{
    MskExportJob *job = &run->job;
    MskExportOptions *options = &job->options;
    if (g_str_equal(key, "first"))
        job->first = atoll(value);
    else if (g_str_equal(key, "last"))
        job->last = atoll(value);
    else if (g_str_equal(key, "objects"))
        job->n_objects = atoi(value);
    else if (g_str_equal(key, "separate"))
        options->separate = atoi(value);
    else if (g_str_equal(key, "pattern"))
        options->pattern = value;
    else if (g_str_equal(key, "number"))
        options->first_number = atoll(value);
    else if (g_str_equal(key, "premultiplied"))
        options->premultiplied = atoi(value);
    else if (g_str_equal(key, "feather"))
        options->matte.feather = g_ascii_strtod(value, NULL);
    else if (g_str_equal(key, "sound"))
        options->sound = atoi(value);
    else if (g_str_equal(key, "overwrite"))
        options->overwrite = atoi(value);
    else if (g_str_equal(key, "cancel"))
        run->cancel_at = atoll(value);
    else if (g_str_equal(key, "keep"))
        job->keep_on_cancel = atoi(value);
    else if (g_str_equal(key, "file_size_max")) {
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {(rlim_t)atoll(value), (rlim_t)atoll(value)};
        setrlimit(RLIMIT_FSIZE, &limit);
    } else if (g_str_equal(key, "names"))
        for (int i = 0; i < N_OBJECTS_MAX && value && *value; i++) {
            run->objects[i].name = g_strndup(value, strcspn(value, "|"));
            value = strchr(value, '|') ? strchr(value, '|') + 1 : NULL;
        }
    else
        g_error("unknown option %s", key);
}

static int run_export(int argc, char **argv)
{
    static Run run;
    run.job.options = (MskExportOptions)MSK_EXPORT_OPTIONS_INIT;
    run.job.options.path = argv[2];
    run.job.last = -1;
    run.job.n_objects = 1;
    if (!msk_export_kind_from_name(argv[1], &run.job.options.kind))
        return 2;
    for (int i = 0; i < N_OBJECTS_MAX; i++)
        run.objects[i].id = i + 1;
    GError *error = NULL;
    MskMedia *media = msk_media_open(argv[0], NULL, NULL, &error);
    if (!media || !msk_media_build_index(media, MSK_INDEX_AUTO, NULL, NULL, NULL, &error)) {
        printf("error: source: %s\n", error->message);
        g_clear_object(&media);
        g_clear_error(&error);
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            return 2;
        *value++ = 0;
        set_option(&run, argv[i], value);
    }
    MskMediaInfo info;
    msk_media_get_info(media, &info);
    run.width = info.width;
    run.height = info.height;
    run.cancellable = g_cancellable_new();
    run.job.media = media;
    run.job.objects = run.objects;
    run.job.get_mask = get_mask_cb;
    run.job.progress = progress_cb;
    run.job.user = &run;
    char **paths = NULL;
    gboolean done = msk_export_run(&run.job, run.cancellable, &paths, &error);
    for (int i = 0; paths && paths[i]; i++)
        printf("%s\n", paths[i]);
    if (!done)
        printf("error: %s %d: %s\n", g_quark_to_string(error->domain), error->code, error->message);
    g_strfreev(paths);
    g_clear_error(&error);
    g_object_unref(run.cancellable);
    g_object_unref(media);
    for (int i = 0; i < N_OBJECTS_MAX; i++)
        g_free((char *)run.objects[i].name);
    return done ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 8 && g_str_equal(argv[1], "logits"))
        return run_logits(argv + 2);
    if (argc >= 5 && g_str_equal(argv[1], "export"))
        return run_export(argc - 2, argv + 2);
    fprintf(stderr, "usage: see the first lines of export_tool.c\n");
    return 2;
}
