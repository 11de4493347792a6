// SPDX-License-Identifier: Apache-2.0
// What the commands of masklet-cli share: exit codes, messages, progress, JSON lines.
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "app/engine.h"

G_BEGIN_DECLS

enum {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNREADABLE = 3,
    CLI_STOPPED = 130,
};

// The commands; argv[0] is the command's name. They return the exit code.
int cli_info(int argc, char **argv);
int cli_model(int argc, char **argv);
int cli_track(int argc, char **argv);
int cli_bench(int argc, char **argv);

// ---- cli.c -------------------------------------------------------------------------------------

// Prints "masklet-cli: ..." on standard error.
void cli_message(const char *format, ...) G_GNUC_PRINTF(1, 2);
// Prints the message and returns CLI_USAGE.
int cli_usage(const char *command, const char *format, ...) G_GNUC_PRINTF(2, 3);
// Prints the error and returns the exit code for its kind.
int cli_fail(const GError *error);
int cli_exit_code(const GError *error);

// Parses the options of `context` (taken over). Returns -1 to go on; else the exit code. What is
// not an option stays in argv.
int cli_parse(GOptionContext *context, const char *command, int *argc, char ***argv);
// "N" within least..most.
gboolean cli_parse_int(const char *text, int64_t least, int64_t most, int64_t *out);

// For GAsyncReadyCallback: cli_async_cb with a GAsyncResult * that is NULL, then cli_wait(), which
// runs the main context until the result is there.
void cli_async_cb(GObject *object, GAsyncResult *result, gpointer user);
GAsyncResult *cli_wait(GAsyncResult **result);

// ---- cli_output.c ------------------------------------------------------------------------------

// A line of progress on standard error: a bar on a terminal, else a plain line now and then.
typedef struct CliProgress CliProgress;
// `is_silent`: nothing is ever shown.
CliProgress *cli_progress_new(gboolean is_silent);
void cli_progress_free(CliProgress *progress); // ends the line
// Shows how far `job` is; `unit` NULL: a percentage only. Call it a few times a second.
void cli_progress_show(CliProgress *progress, const char *what, const char *unit, MskJob *job);
// Ends the line, so that something else can be printed.
void cli_progress_end(CliProgress *progress);

// Prints the object that `builder` has built as one line on standard output. FALSE if it cannot be
// written. Any thread.
gboolean cli_print_json(JsonBuilder *builder);
void cli_json_text(JsonBuilder *builder, const char *key, const char *value); // NULL: null
void cli_json_int(JsonBuilder *builder, const char *key, int64_t value);
void cli_json_number(JsonBuilder *builder, const char *key, double value); // not finite: null

// Peak resident memory of this process, bytes; 0: not known.
int64_t cli_peak_memory(void);

G_END_DECLS
