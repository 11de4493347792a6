// SPDX-License-Identifier: Apache-2.0
// masklet-cli: which command to run, and what the commands share.
#include "app/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/export.h"
#include "app/media.h"
#include "app/startup.h"

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"info", "what is in a clip: size, exact frame count, rate, colour", cli_info},
    {"track", "carry objects through a clip from clicks, boxes or masks", cli_track},
    {"model", "look into a model file, or convert it", cli_model},
    {"bench", "measure the model's speed on this machine", cli_bench},
};

static void print_help(void)
{
    printf("Usage: masklet-cli COMMAND [OPTION...]\n\n"
           "Cuts moving things out of video with SAM 2.\n\nCommands:\n");
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %-8s %s\n", commands[i].name, commands[i].summary);
    printf("\n\"masklet-cli COMMAND --help\" tells more. \"masklet-cli --version\" prints the "
           "version.\n\n"
           "Example: cut out what is at x 318, y 213 on the first frame of a clip\n"
           "  masklet-cli track clip.mp4 --object 1 --point 318,213 --export "
           "prores4444=cutout.mov\n\n"
           "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unreadable input, 130 stopped\n");
}

int main(int argc, char **argv)
{
    msk_startup_restart_with_passive_waiting(argv);
    setlocale(LC_ALL, "");
    // A closed pipe is an error of the write, which is handled.
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2)
        return cli_usage(NULL, "no command was given");
    if (strcmp(argv[1], "--version") == 0) {
        printf("masklet-cli " MSK_VERSION "\n");
        return CLI_DONE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return CLI_DONE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return cli_usage(NULL, "there is no command \"%s\"", argv[1]);
}

// ---- Messages ----------------------------------------------------------------------------------

void cli_message(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    fprintf(stderr, "masklet-cli: %s\n", text);
}

int cli_usage(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    cli_message("%s", text);
    fprintf(stderr, "Try \"masklet-cli%s%s --help\".\n", command ? " " : "",
            command ? command : "");
    return CLI_USAGE;
}

int cli_exit_code(const GError *error)
{
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return CLI_STOPPED;
    if (msk_media_error_is_input(error) || error->domain == G_FILE_ERROR ||
        g_error_matches(error, MSK_ENGINE_ERROR, MSK_ENGINE_ERROR_MODEL))
        return CLI_UNREADABLE;
    if (error->domain == MSK_PROMPT_ERROR)
        return error->code == MSK_PROMPT_ERROR_VALUE ? CLI_USAGE : CLI_UNREADABLE;
    if (error->domain == G_OPTION_ERROR ||
        g_error_matches(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_ARGUMENT))
        return CLI_USAGE;
    return CLI_FAILED;
}

int cli_fail(const GError *error)
{
    cli_message("%s", error->message);
    return cli_exit_code(error);
}

// ---- Options -----------------------------------------------------------------------------------

int cli_parse(GOptionContext *context, const char *command, int *argc, char ***argv)
{
    g_autoptr(GOptionContext) owned = context;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strdup_printf("masklet-cli %s", command);
    g_set_prgname(name);
    g_option_context_set_help_enabled(context, FALSE);
    for (int i = 1; i < *argc; i++) {
        if (strcmp((*argv)[i], "--") == 0)
            break;
        if (strcmp((*argv)[i], "--help") == 0 || strcmp((*argv)[i], "-h") == 0) {
            g_autofree char *help = g_option_context_get_help(context, FALSE, NULL);
            fputs(help, stdout);
            return CLI_DONE;
        }
    }
    if (!g_option_context_parse(context, argc, argv, &error))
        return cli_usage(command, "%s", error->message);
    if (*argc > 1 && strcmp((*argv)[1], "--") == 0) {
        memmove(*argv + 1, *argv + 2, (size_t)(*argc - 1) * sizeof **argv);
        (*argc)--;
    }
    return -1;
}

gboolean cli_parse_int(const char *text, int64_t least, int64_t most, int64_t *out)
{
    gint64 value;
    if (!g_ascii_string_to_signed(text, 10, least, most, &value, NULL))
        return FALSE;
    *out = value;
    return TRUE;
}

// ---- Waiting -----------------------------------------------------------------------------------

void cli_async_cb(GObject *object, GAsyncResult *result, gpointer user)
{
    *(GAsyncResult **)user = g_object_ref(result);
}

GAsyncResult *cli_wait(GAsyncResult **result)
{
    while (!*result)
        g_main_context_iteration(NULL, TRUE);
    return *result;
}
