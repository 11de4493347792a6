// SPDX-License-Identifier: Apache-2.0
// Reading prompt files (JSON); every error names the file and the place in it.
#include "app/prompt.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#define FILE_SIZE_MAX (16 << 20)
#define DEPTH_MAX 32
#define NAME_MAX_LENGTH 200

typedef struct Reader {
    const char *path;
    GString *place; // "object 2, prompt 1", or empty
    GError **error;
} Reader;

static gboolean fail(const Reader *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean fail(const Reader *reader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(reader->error, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_FORMAT, "%s: %s%s%s",
                reader->path, reader->place->str, reader->place->len ? ": " : "", text);
    return FALSE;
}

// Appends to the place and returns its length before, for leave().
static gsize enter(Reader *reader, const char *what, guint index)
{
    gsize before = reader->place->len;
    g_string_append_printf(reader->place, "%s%s %u", before ? ", " : "", what, index + 1);
    return before;
}

static void leave(Reader *reader, gsize before)
{
    g_string_truncate(reader->place, before);
}

static const char *type_name(JsonNode *node)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        return "an object";
    case JSON_NODE_ARRAY:
        return "a list";
    case JSON_NODE_NULL:
        return "null";
    default:
        break;
    }
    GType type = json_node_get_value_type(node);
    return type == G_TYPE_STRING ? "a text" : type == G_TYPE_BOOLEAN ? "true or false" : "a number";
}

// ---- Values ------------------------------------------------------------------------------------

static gboolean read_number(const Reader *reader, JsonNode *node, const char *what, double *out)
{
    if (JSON_NODE_HOLDS_VALUE(node)) {
        GType type = json_node_get_value_type(node);
        if (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE) {
            *out = json_node_get_double(node);
            if (!isfinite(*out) || fabs(*out) > 1e9)
                return fail(reader, "%s: %g is no possible number", what, *out);
            return TRUE;
        }
    }
    return fail(reader, "%s: expected a number, found %s", what, type_name(node));
}

static gboolean read_integer(const Reader *reader, JsonNode *node, const char *what, int64_t least,
                             int64_t most, int64_t *out)
{
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
        return fail(reader, "%s: expected a whole number, found %s", what,
                    JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_DOUBLE
                        ? "a fraction"
                        : type_name(node));
    *out = json_node_get_int(node);
    if (*out < least || *out > most)
        return fail(reader,
                    "%s: %" G_GINT64_FORMAT " is outside %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                    what, *out, least, most);
    return TRUE;
}

static gboolean read_text(const Reader *reader, JsonNode *node, const char *what, const char **out)
{
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return fail(reader, "%s: expected a text, found %s", what, type_name(node));
    *out = json_node_get_string(node);
    if (!**out)
        return fail(reader, "%s: is empty", what);
    return TRUE;
}

// NULL unless the node is a list; n >= 0 is how many elements it must have.
static JsonArray *read_list(const Reader *reader, JsonNode *node, const char *what, int n)
{
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        fail(reader, "%s: expected a list, found %s", what, type_name(node));
        return NULL;
    }
    JsonArray *array = json_node_get_array(node);
    if (n >= 0 && json_array_get_length(array) != (guint)n) {
        fail(reader, "%s: expected %d values, found %u", what, n, json_array_get_length(array));
        return NULL;
    }
    return array;
}

// Fills `nodes` with the members named in `keys`, NULL where they are not there; others are errors.
static gboolean read_members(const Reader *reader, JsonNode *node, const char *const *keys,
                             JsonNode **nodes)
{
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return fail(reader, "expected an object {...}, found %s", type_name(node));
    JsonObject *object = json_node_get_object(node);
    g_autoptr(GList) members = json_object_get_members(object);
    for (GList *l = members; l; l = l->next) {
        if (!g_strv_contains(keys, l->data)) {
            g_autofree char *known = g_strjoinv(", ", (char **)keys);
            return fail(reader, "unknown key \"%s\"; known are: %s", (char *)l->data, known);
        }
    }
    for (int i = 0; keys[i]; i++)
        nodes[i] = json_object_get_member(object, keys[i]);
    return TRUE;
}

// ---- The file's parts --------------------------------------------------------------------------

static gboolean read_points(Reader *reader, JsonNode *points_node, JsonNode *labels_node,
                            MskPrompt *prompt)
{
    if (!points_node)
        return !labels_node || fail(reader, "\"labels\" without \"points\"");
    if (!labels_node)
        return fail(reader, "\"points\" without \"labels\" (1 on the object, 0 not)");
    JsonArray *points = read_list(reader, points_node, "\"points\"", -1);
    if (!points)
        return FALSE;
    guint n = json_array_get_length(points);
    if (n > MSK_PROMPT_POINTS_MAX)
        return fail(reader, "\"points\": %u points; at most %d are possible", n,
                    MSK_PROMPT_POINTS_MAX);
    JsonArray *labels = read_list(reader, labels_node, "\"labels\"", (int)n);
    if (!labels)
        return FALSE;
    for (guint i = 0; i < n; i++) {
        gsize before = enter(reader, "point", i);
        JsonArray *xy = read_list(reader, json_array_get_element(points, i), "[x, y]", 2);
        double x, y;
        int64_t label;
        if (!xy || !read_number(reader, json_array_get_element(xy, 0), "x", &x) ||
            !read_number(reader, json_array_get_element(xy, 1), "y", &y) ||
            !read_integer(reader, json_array_get_element(labels, i), "label", 0, 1, &label))
            return FALSE;
        msk_prompt_add_point(prompt, x, y, label == 1);
        leave(reader, before);
    }
    return TRUE;
}

static gboolean read_box(Reader *reader, JsonNode *node, MskPrompt *prompt)
{
    JsonArray *box = read_list(reader, node, "\"box\"", 4);
    double sides[4];
    if (!box)
        return FALSE;
    for (guint i = 0; i < 4; i++)
        if (!read_number(reader, json_array_get_element(box, i), "\"box\"", &sides[i]))
            return FALSE;
    if (sides[0] >= sides[2] || sides[1] >= sides[3])
        return fail(reader, "\"box\": expected [x0, y0, x1, y1] with x0 < x1 and y0 < y1");
    msk_prompt_set_box(prompt, sides[0], sides[1], sides[2], sides[3]);
    return TRUE;
}

static gboolean read_mask(Reader *reader, JsonNode *node, MskPrompt *prompt)
{
    const char *name;
    if (!read_text(reader, node, "\"mask\"", &name))
        return FALSE;
    g_autofree char *folder = g_path_get_dirname(reader->path);
    prompt->mask_path =
        g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(folder, name, NULL);
    return TRUE;
}

static gboolean read_prompt(Reader *reader, JsonNode *node, MskPromptObject *object)
{
    static const char *const keys[] = {"frame", "points", "labels", "box", "mask", NULL};
    JsonNode *nodes[5];
    int64_t frame;
    if (!read_members(reader, node, keys, nodes))
        return FALSE;
    if (!nodes[0])
        return fail(reader, "\"frame\" is missing");
    if (!read_integer(reader, nodes[0], "\"frame\"", 0, MSK_PROMPT_FRAME_MAX, &frame))
        return FALSE;
    MskPrompt *prompt = msk_prompt_new(frame);
    g_ptr_array_add(object->prompts, prompt);
    if (!read_points(reader, nodes[1], nodes[2], prompt))
        return FALSE;
    if (nodes[3] && !read_box(reader, nodes[3], prompt))
        return FALSE;
    if (nodes[4] && !read_mask(reader, nodes[4], prompt))
        return FALSE;
    if (nodes[4] && (nodes[1] || nodes[3]))
        return fail(reader, "a \"mask\" goes without \"points\" and \"box\"");
    if (msk_prompt_is_empty(prompt))
        return fail(reader, "no points, box or mask");
    return TRUE;
}

static gboolean read_object(Reader *reader, JsonNode *node, GPtrArray *list)
{
    static const char *const keys[] = {"id", "name", "prompts", NULL};
    JsonNode *nodes[3];
    int64_t id;
    const char *name = NULL;
    if (!read_members(reader, node, keys, nodes))
        return FALSE;
    if (!nodes[0] || !nodes[2])
        return fail(reader, "\"%s\" is missing", nodes[0] ? "prompts" : "id");
    if (!read_integer(reader, nodes[0], "\"id\"", 1, G_MAXINT, &id))
        return FALSE;
    if (nodes[1] && !read_text(reader, nodes[1], "\"name\"", &name))
        return FALSE;
    if (name && strlen(name) > NAME_MAX_LENGTH)
        return fail(reader, "\"name\": longer than %d bytes", NAME_MAX_LENGTH);
    JsonArray *prompts = read_list(reader, nodes[2], "\"prompts\"", -1);
    if (!prompts)
        return FALSE;
    guint n_before = list->len;
    MskPromptObject *object = msk_prompt_list_object(list, (int)id);
    if (list->len == n_before)
        return fail(reader, "\"id\": %d is the id of an earlier object", (int)id);
    object->name = g_strdup(name);
    if (json_array_get_length(prompts) == 0)
        return fail(reader, "\"prompts\" is empty; give points, a box or a mask");
    for (guint i = 0; i < json_array_get_length(prompts); i++) {
        gsize before = enter(reader, "prompt", i);
        if (!read_prompt(reader, json_array_get_element(prompts, i), object))
            return FALSE;
        leave(reader, before);
    }
    return TRUE;
}

static gboolean read_root(Reader *reader, JsonNode *root, GPtrArray *list)
{
    static const char *const keys[] = {"objects", NULL};
    JsonNode *nodes[1];
    if (!root)
        return fail(reader, "the file is empty");
    if (!read_members(reader, root, keys, nodes))
        return FALSE;
    if (!nodes[0])
        return fail(reader, "\"objects\" is missing");
    JsonArray *objects = read_list(reader, nodes[0], "\"objects\"", -1);
    if (!objects)
        return FALSE;
    if (json_array_get_length(objects) == 0)
        return fail(reader, "\"objects\" is empty; there is nothing to track");
    for (guint i = 0; i < json_array_get_length(objects); i++) {
        gsize before = enter(reader, "object", i);
        if (!read_object(reader, json_array_get_element(objects, i), list))
            return FALSE;
        leave(reader, before);
    }
    return TRUE;
}

// ---- Text --------------------------------------------------------------------------------------

// The parser is recursive: text that is nested too deeply must not reach it.
static gboolean check_depth(const Reader *reader, const char *text)
{
    int depth = 0, line = 1;
    gboolean in_string = FALSE;
    for (const char *c = text; *c; c++) {
        line += *c == '\n';
        if (in_string) {
            if (*c == '\\' && c[1])
                c++;
            else if (*c == '"')
                in_string = FALSE;
        } else if (*c == '"') {
            in_string = TRUE;
        } else if (*c == '[' || *c == '{') {
            if (++depth > DEPTH_MAX)
                return fail(reader, "line %d: nested deeper than %d levels", line, DEPTH_MAX);
        } else if (*c == ']' || *c == '}') {
            depth--;
        }
    }
    return TRUE;
}

static char *read_text_file(const char *path, gsize *length, GError **error)
{
    g_autoptr(GError) inner = NULL;
    g_autoptr(GMappedFile) file = NULL;
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        g_set_error(error, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_UNREADABLE,
                    "%s: is a folder, not a prompt file", path);
    else if (!(file = g_mapped_file_new(path, FALSE, &inner)))
        g_set_error(error, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_UNREADABLE, "%s: %s", path,
                    g_error_matches(inner, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? "no such file"
                                                                             : inner->message);
    else if (g_mapped_file_get_length(file) > FILE_SIZE_MAX)
        g_set_error(error, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_FORMAT,
                    "%s: %zu bytes are too many for a prompt file", path,
                    g_mapped_file_get_length(file));
    else {
        *length = g_mapped_file_get_length(file);
        return *length ? g_strndup(g_mapped_file_get_contents(file), *length) : g_strdup("");
    }
    return NULL;
}

GPtrArray *msk_prompt_list_read(const char *path, GError **error)
{
    gsize length;
    g_autofree char *text = read_text_file(path, &length, error);
    if (!text)
        return NULL;
    g_autoptr(GString) place = g_string_new(NULL);
    Reader reader = {path, place, error};
    if (strlen(text) != length || !g_utf8_validate(text, (gssize)length, NULL)) {
        fail(&reader, "this is not a text file in UTF-8");
        return NULL;
    }
    if (!check_depth(&reader, text))
        return NULL;
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) inner = NULL;
    if (!json_parser_load_from_data(parser, text, (gssize)length, &inner)) {
        // "<data>:LINE:COLUMN: ..."
        const char *message = inner->message;
        if (g_str_has_prefix(message, "<data>:"))
            message += strlen("<data>:");
        g_set_error(error, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_FORMAT, "%s:%s", path, message);
        return NULL;
    }
    g_autoptr(GPtrArray) list = msk_prompt_list_new();
    if (!read_root(&reader, json_parser_get_root(parser), list))
        return NULL;
    return g_steal_pointer(&list);
}
