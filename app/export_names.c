// SPDX-License-Identifier: Apache-2.0
// Names of exported files: patterns with fields, and object names made safe for file systems.
#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#include "app/export_private.h"

#define NAME_SIZE_MAX 100
#define FILE_SIZE_MAX 255
#define PADDING_MAX 9

char *msk_export_safe_name(const char *name, const char *fallback)
{
    g_autofree char *valid = g_utf8_make_valid(name ? name : "", -1);
    GString *safe = g_string_new(NULL);
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        gboolean bad = g_unichar_iscntrl(c) || (c < 128 && strchr("/\\<>:\"|?*{}", (int)c));
        if (safe->len + (gsize)g_unichar_to_utf8(c, NULL) > NAME_SIZE_MAX)
            break;
        g_string_append_unichar(safe, bad ? '_' : c);
    }
    // Leading dots hide files; trailing dots and blanks get lost on some systems.
    while (safe->len > 0 && strchr(". ", safe->str[0]))
        g_string_erase(safe, 0, 1);
    while (safe->len > 0 && strchr(". ", safe->str[safe->len - 1]))
        g_string_truncate(safe, safe->len - 1);
    if (safe->len == 0)
        g_string_assign(safe, fallback);
    return g_string_free(safe, FALSE);
}

typedef enum Field { FIELD_NAME, FIELD_ID, FIELD_CLIP, FIELD_FRAME, FIELD_UNKNOWN } Field;

// Reads the field at "{"; *end is behind "}".
static Field parse_field(const char *at, const char **end, int *padding)
{
    static const char *const names[] = {"{name}", "{id}", "{clip}", "{frame}"};
    *padding = 0;
    for (int i = 0; i < (int)G_N_ELEMENTS(names); i++) {
        if (g_str_has_prefix(at, names[i])) {
            *end = at + strlen(names[i]);
            return (Field)i;
        }
    }
    if (g_str_has_prefix(at, "{frame:0")) {
        at += strlen("{frame:0");
        if (at[0] >= '0' && at[0] <= '0' + PADDING_MAX && at[1] == 'd' && at[2] == '}') {
            *padding = at[0] - '0';
            *end = at + 3;
            return FIELD_FRAME;
        }
    }
    return FIELD_UNKNOWN;
}

gboolean msk_export_pattern_check(const char *pattern, gboolean one_object, GError **error)
{
    const char *wrong = NULL;
    int n_frame_fields = 0;
    for (const char *at = pattern; *at && !wrong;) {
        int padding;
        if (*at == '{') {
            Field field = parse_field(at, &at, &padding);
            n_frame_fields += field == FIELD_FRAME;
            if (field == FIELD_UNKNOWN)
                wrong = _("has a field other than {name}, {id}, {clip}, {frame} and {frame:04d}");
            else if (field == FIELD_ID && !one_object)
                wrong = _("has {id}, but all objects go into one result");
        } else {
            if (*at == '/' || *at == '}' || g_ascii_iscntrl(*at))
                wrong = _("must not have '/', '}' or control characters outside its fields");
            at++;
        }
    }
    if (!wrong && n_frame_fields != 1)
        wrong = _("must have {frame} or {frame:04d} once");
    if (!wrong && !g_str_has_suffix(pattern, ".png"))
        wrong = _("must end in .png");
    if (!wrong && !g_utf8_validate(pattern, -1, NULL))
        wrong = _("is not UTF-8");
    if (!wrong && strlen(pattern) > FILE_SIZE_MAX - 30)
        wrong = _("is too long");
    if (wrong)
        g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_ARGUMENT, _("The pattern \"%s\" %s"),
                    pattern, wrong);
    return !wrong;
}

char *msk_export_pattern_expand(const char *pattern, const char *name, int id, const char *clip,
                                int64_t number)
{
    GString *out = g_string_new(NULL);
    for (const char *at = pattern; *at;) {
        int padding;
        if (*at != '{') {
            g_string_append_c(out, *at++);
            continue;
        }
        switch (parse_field(at, &at, &padding)) {
        case FIELD_NAME:
            g_string_append(out, name);
            break;
        case FIELD_ID:
            g_string_append_printf(out, "%d", id);
            break;
        case FIELD_CLIP:
            g_string_append(out, clip);
            break;
        case FIELD_FRAME:
            g_string_append_printf(out, "%0*" PRId64, padding, number);
            break;
        case FIELD_UNKNOWN:
            g_string_append_c(out, *at++);
            break;
        }
    }
    return g_string_free(out, FALSE);
}

char *msk_export_object_path(const char *path, const char *name, int id)
{
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *folder = g_path_get_dirname(path);
    GString *file = g_string_new(base);
    guint n_fields = g_string_replace(file, "{name}", name, 0);
    g_autofree char *number = g_strdup_printf("%d", id);
    n_fields += g_string_replace(file, "{id}", number, 0);
    if (n_fields == 0) {
        const char *dot = strrchr(file->str, '.');
        gssize at = dot && dot > file->str ? dot - file->str : (gssize)file->len;
        g_string_insert(file, at, name);
        g_string_insert_c(file, at, '-');
    }
    char *result = g_build_filename(folder, file->str, NULL);
    g_string_free(file, TRUE);
    return result;
}
