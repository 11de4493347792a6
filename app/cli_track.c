// SPDX-License-Identifier: Apache-2.0
// masklet-cli track: its options.
#include "app/cli_track.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/model_store.h"

// While options are parsed: what --point and its like add to.
typedef struct Parsing {
    CliTrackOptions options;
    MskPromptObject *object;
    int64_t frame;
} Parsing;

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean fail(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
    return FALSE;
}

// Exactly n numbers with commas between.
static gboolean parse_numbers(const char *text, double *out, int n)
{
    for (int i = 0; i < n; i++) {
        char *end;
        out[i] = g_ascii_strtod(text, &end);
        if (end == text || !isfinite(out[i]) || *end != (i + 1 < n ? ',' : '\0'))
            return FALSE;
        text = end + 1;
    }
    return TRUE;
}

// ---- Options whose order counts ----------------------------------------------------------------

static gboolean object_cb(const char *name, const char *value, gpointer data, GError **error)
{
    Parsing *parsing = data;
    int64_t id;
    if (!cli_parse_int(value, 1, G_MAXINT, &id))
        return fail(error, "--object %s: an object's id is a whole number from 1 on", value);
    parsing->object = msk_prompt_list_object(parsing->options.objects, (int)id);
    parsing->frame = -1;
    return TRUE;
}

static gboolean check_object(const Parsing *parsing, const char *name, GError **error)
{
    return parsing->object || fail(error, "%s comes before any --object ID", name);
}

static gboolean frame_cb(const char *name, const char *value, gpointer data, GError **error)
{
    Parsing *parsing = data;
    if (!check_object(parsing, name, error))
        return FALSE;
    if (!cli_parse_int(value, 0, MSK_PROMPT_FRAME_MAX, &parsing->frame))
        return fail(error, "--frame %s: frames are whole numbers from 0 on", value);
    return TRUE;
}

static gboolean point_cb(const char *name, const char *value, gpointer data, GError **error)
{
    Parsing *parsing = data;
    double xy[2];
    if (!check_object(parsing, name, error))
        return FALSE;
    if (!parse_numbers(value, xy, 2))
        return fail(error, "%s %s: expected X,Y in pixels", name, value);
    MskPrompt *prompt = msk_prompt_object_on(parsing->object, parsing->frame);
    msk_prompt_add_point(prompt, xy[0], xy[1], strcmp(name, "--point") == 0);
    return TRUE;
}

static gboolean box_cb(const char *name, const char *value, gpointer data, GError **error)
{
    Parsing *parsing = data;
    double box[4];
    if (!check_object(parsing, name, error))
        return FALSE;
    if (!parse_numbers(value, box, 4))
        return fail(error, "--box %s: expected X0,Y0,X1,Y1 in pixels", value);
    MskPrompt *prompt = msk_prompt_object_on(parsing->object, parsing->frame);
    if (prompt->has_box)
        return fail(error, "--box %s: object %d has a box on this frame already", value,
                    parsing->object->id);
    msk_prompt_set_box(prompt, box[0], box[1], box[2], box[3]);
    return TRUE;
}

static gboolean mask_cb(const char *name, const char *value, gpointer data, GError **error)
{
    Parsing *parsing = data;
    if (!check_object(parsing, name, error))
        return FALSE;
    MskPrompt *prompt = msk_prompt_object_on(parsing->object, parsing->frame);
    if (prompt->mask_path)
        return fail(error, "--mask %s: object %d has a mask on this frame already", value,
                    parsing->object->id);
    prompt->mask_path = g_strdup(value);
    return TRUE;
}

static gboolean range_cb(const char *name, const char *value, gpointer data, GError **error)
{
    CliTrackOptions *options = &((Parsing *)data)->options;
    g_auto(GStrv) ends = g_strsplit(value, ":", 3);
    if (g_strv_length(ends) == 2 &&
        (!*ends[0] || cli_parse_int(ends[0], 0, MSK_PROMPT_FRAME_MAX, &options->first)) &&
        (!*ends[1] || cli_parse_int(ends[1], 0, MSK_PROMPT_FRAME_MAX, &options->last)) &&
        (options->last == -1 || options->first <= options->last))
        return TRUE;
    return fail(error, "--range %s: expected A:B, the first and the last frame", value);
}

static gboolean export_cb(const char *name, const char *value, gpointer data, GError **error)
{
    CliTrackOptions *options = &((Parsing *)data)->options;
    const char *equals = strchr(value, '=');
    g_autofree char *kind = equals ? g_strndup(value, (gsize)(equals - value)) : NULL;
    CliTrackExport export = {0};
    if (!equals || !equals[1])
        return fail(error, "--export %s: expected KIND=PATH", value);
    if (!msk_export_kind_from_name(kind, &export.kind)) {
        g_autoptr(GString) known = g_string_new(NULL);
        for (int i = 0; i < MSK_EXPORT_N_KINDS; i++)
            g_string_append_printf(known, "%s%s", i ? ", " : "",
                                   msk_export_kind_get_name((MskExportKind)i));
        return fail(error, "--export %s: unknown kind; known are %s", value, known->str);
    }
    g_autofree char *path = g_canonicalize_filename(equals + 1, NULL);
    for (guint i = 0; i < options->exports->len; i++) {
        const char *other = g_array_index(options->exports, CliTrackExport, i).path;
        g_autofree char *other_path = g_canonicalize_filename(other, NULL);
        if (strcmp(path, other_path) == 0)
            return fail(error, "--export %s: another export goes to that path", value);
    }
    export.path = g_strdup(equals + 1);
    g_array_append_val(options->exports, export);
    return TRUE;
}

// ---- Options with names ------------------------------------------------------------------------

static gboolean backend_cb(const char *name, const char *value, gpointer data, GError **error)
{
    return msk_backend_from_name(value, &((Parsing *)data)->options.backend) ||
           fail(error, "--backend %s: it is one of auto, ref, cpu, cuda", value);
}

static gboolean precision_cb(const char *name, const char *value, gpointer data, GError **error)
{
    return msk_precision_from_name(value, &((Parsing *)data)->options.precision) ||
           fail(error, "--precision %s: it is one of auto, fp32, bf16", value);
}

static gboolean direction_cb(const char *name, const char *value, gpointer data, GError **error)
{
    return msk_direction_from_name(value, &((Parsing *)data)->options.direction) ||
           fail(error, "--direction %s: it is one of both, forward, backward", value);
}

static GOptionContext *make_context(Parsing *parsing, gboolean *no_sound)
{
    CliTrackOptions *options = &parsing->options;
    MskExportOptions *out = &options->for_export;
    // GLib calls the callbacks through gpointer.
#define CB(function) G_OPTION_ARG_CALLBACK, (gpointer)(function)
    const GOptionEntry prompts[] = {
        {"prompts", 'p', 0, G_OPTION_ARG_FILENAME, &options->prompts_path,
         "Objects and their prompts from a JSON file", "FILE"},
        {"object", 'o', 0, CB(object_cb), "An object; what follows is about it", "ID"},
        {"frame", 'f', 0, CB(frame_cb),
         "Frame of the prompts that follow (default: the range's first)", "N"},
        {"point", 0, 0, CB(point_cb), "A point on the object", "X,Y"},
        {"negative", 0, 0, CB(point_cb), "A point that is not on it", "X,Y"},
        {"box", 0, 0, CB(box_cb), "A box around it", "X0,Y0,X1,Y1"},
        {"mask", 0, 0, CB(mask_cb), "Its mask: a PNG of the frame's size", "PNG"},
        {"range", 'r', 0, CB(range_cb), "First and last frame (default: all)", "A:B"},
        {"direction", 'd', 0, CB(direction_cb), "both (default), forward or backward", "WAY"},
        {"hole-area", 0, 0, G_OPTION_ARG_INT, &options->hole_area,
         "Fill holes up to N low-resolution pixels while tracking (default 8)", "N"},
        {NULL}};
    const GOptionEntry model[] = {
        {"model", 'm', 0, G_OPTION_ARG_FILENAME, &options->model,
         "Name or path of the model (default: " MSK_MODEL_DEFAULT ")", "MODEL"},
        {"backend", 'b', 0, CB(backend_cb), "auto (default), ref, cpu or cuda", "NAME"},
        {"precision", 0, 0, CB(precision_cb), "auto (default), fp32 or bf16", "NAME"},
        {"threads", 't', 0, G_OPTION_ARG_INT, &options->n_threads,
         "Threads of the model (default: one per core)", "N"},
        {NULL}};
    const GOptionEntry exports[] = {
        {"export", 'e', 0, CB(export_cb), "Write the result; can be repeated", "KIND=PATH"},
        {"separate", 0, 0, G_OPTION_ARG_NONE, &out->separate,
         "A result for each object ({name} or {id} in PATH is replaced)", NULL},
        {"overwrite", 0, 0, G_OPTION_ARG_NONE, &out->overwrite, "Replace what is there", NULL},
        {"no-sound", 0, 0, G_OPTION_ARG_NONE, no_sound, "Videos without the clip's sound", NULL},
        {"premultiplied", 0, 0, G_OPTION_ARG_NONE, &out->premultiplied,
         "Colours times alpha (default: straight)", NULL},
        {"pattern", 0, 0, G_OPTION_ARG_STRING, &out->pattern,
         "File names of sequences, as {name}.{frame:04d}.png", "TEXT"},
        {"first-number", 0, 0, G_OPTION_ARG_INT64, &out->first_number,
         "Number of the first file of sequences", "N"},
        {"ramp", 0, 0, G_OPTION_ARG_DOUBLE, &out->matte.ramp, "Softness of edges, 0 (hard) to 8",
         "R"},
        {"fill-holes", 0, 0, G_OPTION_ARG_INT, &out->matte.fill_holes,
         "Fill holes of the matte up to N pixels", "N"},
        {"remove-dots", 0, 0, G_OPTION_ARG_INT, &out->matte.remove_dots,
         "Remove dots of the matte up to N pixels", "N"},
        {"grow", 0, 0, G_OPTION_ARG_DOUBLE, &out->matte.grow,
         "Grow the matte by R pixels (negative: shrink)", "R"},
        {"feather", 0, 0, G_OPTION_ARG_DOUBLE, &out->matte.feather,
         "Feather its edge over R pixels", "R"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options->as_json,
         "One JSON object per line on standard output", NULL},
        {NULL}};
#undef CB
    GOptionContext *context = g_option_context_new("FILE");
    GOptionGroup *group = g_option_group_new("track", "", "", parsing, NULL);
    g_option_group_add_entries(group, prompts);
    g_option_group_add_entries(group, model);
    g_option_group_add_entries(group, exports);
    g_option_context_set_main_group(context, group);
    return context;
}

static void describe(GOptionContext *context)
{
    g_autoptr(GString) text = g_string_new("Kinds of export:\n");
    for (int i = 0; i < MSK_EXPORT_N_KINDS; i++)
        g_string_append_printf(text, "  %-13s %s\n", msk_export_kind_get_name((MskExportKind)i),
                               msk_export_kind_get_description((MskExportKind)i));
    g_string_append(
        text,
        "\nPoints and boxes are in pixels of the frame, 0,0 is the first one. A new --object or "
        "--frame\nstarts a new prompt. Points and box on one frame are one prompt; a mask stands "
        "alone.\n\nPrompt file:\n"
        "  {\"objects\": [{\"id\": 1, \"name\": \"dog\", \"prompts\": [\n"
        "    {\"frame\": 0, \"points\": [[x, y]], \"labels\": [1], \"box\": [x0, y0, x1, y1]},\n"
        "    {\"frame\": 40, \"mask\": \"m.png\"}]}]}\n\n"
        "JSON lines (--json) have an \"event\": start, mask (frame, object, object_score, iou, "
        "area, "
        "bbox),\nprogress, export, error, done. bbox is [x0, y0, x1, y1], x1 and y1 not included, "
        "or "
        "null.\n\n"
        "Ctrl-C stops after the frame and finishes what is done; again, it quits at once.\n\n"
        "Examples:\n"
        "  masklet-cli track clip.mp4 --object 1 --point 318,213 --export "
        "prores4444=cutout.mov\n"
        "  masklet-cli track clip.mp4 --object 1 --box 10,20,200,220 --negative 30,40 --object 2 "
        "\\\n    --frame 50 --point 400,100 --range 0:99 --export davis=masks "
        "--export vp9-alpha=web.webm");
    g_option_context_set_summary(context, "Carries objects through a clip and exports them.");
    g_option_context_set_description(context, text->str);
}

static void clear_export(gpointer data)
{
    g_free(((CliTrackExport *)data)->path);
}

static int check(const CliTrackOptions *options)
{
    g_autoptr(GError) error = NULL;
    if (options->n_threads < 0 || options->n_threads > 1024)
        return cli_usage("track", "--threads %d: it is 0 to 1024", options->n_threads);
    if (options->hole_area < 0)
        return cli_usage("track", "--hole-area %d: it cannot be negative", options->hole_area);
    if (!msk_matte_params_check(&options->for_export.matte, &error))
        return cli_usage("track", "%s", error->message);
    if (options->prompts_path && options->objects->len > 0)
        return cli_usage("track", "give objects by --prompts or by --object, not both");
    if (!options->prompts_path && options->objects->len == 0)
        return cli_usage("track", "nothing to track; give --object ID with --point, --box or "
                                  "--mask, or --prompts FILE");
    return -1;
}

int cli_track(int argc, char **argv)
{
    gboolean no_sound = FALSE;
    Parsing parsing = {.frame = -1};
    CliTrackOptions *options = &parsing.options;
    options->last = -1;
    options->hole_area = 8;
    options->for_export = (MskExportOptions)MSK_EXPORT_OPTIONS_INIT;
    options->objects = msk_prompt_list_new();
    options->exports = g_array_new(FALSE, FALSE, sizeof(CliTrackExport));
    g_array_set_clear_func(options->exports, clear_export);
    GOptionContext *context = make_context(&parsing, &no_sound);
    describe(context);
    int status = cli_parse(context, "track", &argc, &argv);
    if (status < 0 && argc != 2)
        status = cli_usage("track", argc < 2 ? "no file was given" : "one file at a time");
    if (status < 0)
        status = check(options);
    if (status < 0) {
        options->path = argv[1];
        options->for_export.sound = !no_sound;
        status = cli_track_run(options);
    }
    g_free(options->model);
    g_free(options->prompts_path);
    g_free((char *)options->for_export.pattern);
    g_ptr_array_unref(options->objects);
    g_array_unref(options->exports);
    return status;
}
