// SPDX-License-Identifier: Apache-2.0
// Progress on standard error, JSON lines on standard output.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/cli.h"

#define BAR_WIDTH 24
#define LINE_INTERVAL (10 * G_USEC_PER_SEC)

struct CliProgress {
    gboolean is_silent, is_terminal, is_line_open;
    int64_t last_line; // time of the last plain line
    const char *last_what;
};

CliProgress *cli_progress_new(gboolean is_silent)
{
    CliProgress *progress = g_new0(CliProgress, 1);
    progress->is_silent = is_silent;
    progress->is_terminal = isatty(STDERR_FILENO) == 1;
    progress->last_line = g_get_monotonic_time();
    return progress;
}

void cli_progress_free(CliProgress *progress)
{
    cli_progress_end(progress);
    g_free(progress);
}

void cli_progress_end(CliProgress *progress)
{
    if (progress->is_line_open)
        fputc('\n', stderr);
    progress->is_line_open = FALSE;
}

// "frame 12 of 120, 1.3 frames/s, 1 min 22 s left"
static char *describe(const MskProgress *state, const char *unit)
{
    if (!unit)
        return g_strdup_printf("%.0f %%", 100 * state->fraction);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%s %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT, unit, state->done,
                           state->total);
    if (state->rate >= 1)
        g_string_append_printf(text, ", %.*f %ss/s", state->rate < 10 ? 1 : 0, state->rate, unit);
    else if (state->rate > 0)
        g_string_append_printf(text, ", %.1f s a %s", 1 / state->rate, unit);
    if (state->seconds_left >= 0 && state->done < state->total) {
        g_autofree char *left = msk_job_format_seconds(state->seconds_left);
        g_string_append_printf(text, ", %s left", left);
    }
    return g_string_free(text, FALSE);
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void show_bar(CliProgress *progress, const char *what, const char *text, double fraction)
{
    char bar[BAR_WIDTH + 1] = {0};
    int filled = (int)(fraction * BAR_WIDTH);
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    g_autofree char *line = g_strdup_printf("%s [%s] %s", what, bar, text);
    // A line that wraps could not be drawn over.
    int width = terminal_width() - 1;
    fprintf(stderr, "\r%.*s\033[K", width, line);
    fflush(stderr);
    progress->is_line_open = TRUE;
}

void cli_progress_show(CliProgress *progress, const char *what, const char *unit, MskJob *job)
{
    MskProgress state;
    msk_job_get_progress(job, &state);
    if (progress->is_silent || state.total == 0)
        return;
    if (progress->last_what != what) {
        cli_progress_end(progress);
        progress->last_what = what;
    }
    g_autofree char *text = describe(&state, unit);
    int64_t now = g_get_monotonic_time();
    if (progress->is_terminal) {
        show_bar(progress, what, text, state.fraction);
    } else if (now - progress->last_line >= LINE_INTERVAL) {
        fprintf(stderr, "%s: %s\n", what, text);
        progress->last_line = now;
    }
}

// ---- JSON --------------------------------------------------------------------------------------

gboolean cli_print_json(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *text = json_to_string(root, FALSE);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    // One write, so that lines of several threads do not mix.
    size_t length = strlen(line);
    return fwrite(line, 1, length, stdout) == length && fflush(stdout) == 0;
}

void cli_json_text(JsonBuilder *builder, const char *key, const char *value)
{
    json_builder_set_member_name(builder, key);
    if (!value) {
        json_builder_add_null_value(builder);
        return;
    }
    // File names need not be UTF-8, JSON must be.
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    json_builder_add_string_value(builder, valid);
}

void cli_json_int(JsonBuilder *builder, const char *key, int64_t value)
{
    json_builder_set_member_name(builder, key);
    json_builder_add_int_value(builder, value);
}

void cli_json_number(JsonBuilder *builder, const char *key, double value)
{
    json_builder_set_member_name(builder, key);
    if (isfinite(value))
        json_builder_add_double_value(builder, value);
    else
        json_builder_add_null_value(builder);
}

int64_t cli_peak_memory(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL))
        return 0;
    const char *line = strstr(text, "VmHWM:");
    return line ? g_ascii_strtoll(line + strlen("VmHWM:"), NULL, 10) * 1024 : 0;
}
