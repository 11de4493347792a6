// SPDX-License-Identifier: Apache-2.0
// Finding models by name.
#include "app/model_store.h"

#include <string.h>

static const char *const extensions[] = {".safetensors", ".pt"};

// Short names of the published files, newest first.
static const struct {
    const char *name, *file;
} published[] = {
    {"tiny", "sam2.1_hiera_tiny"},       {"tiny", "sam2_hiera_tiny"},
    {"small", "sam2.1_hiera_small"},     {"small", "sam2_hiera_small"},
    {"base+", "sam2.1_hiera_base_plus"}, {"base+", "sam2_hiera_base_plus"},
    {"large", "sam2.1_hiera_large"},     {"large", "sam2_hiera_large"},
};

static gboolean has_extension(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(extensions); i++)
        if (g_str_has_suffix(name, extensions[i]))
            return TRUE;
    return FALSE;
}

// Takes the name; each folder is listed once.
static void add_folder(GPtrArray *folders, char *folder)
{
    if (g_ptr_array_find_with_equal_func(folders, folder, g_str_equal, NULL))
        g_free(folder);
    else
        g_ptr_array_add(folders, folder);
}

char **msk_model_store_get_folders(void)
{
    GPtrArray *folders = g_ptr_array_new();
    const char *chosen = g_getenv("MASKLET_MODELS");
    if (chosen && *chosen)
        add_folder(folders, g_strdup(chosen));
    add_folder(folders, g_build_filename(g_get_user_data_dir(), "masklet", "models", NULL));
    // Beside the program, wherever it was installed to, or in the tree that it was built in.
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *bin = program ? g_path_get_dirname(program) : NULL;
    static const char *const near[] = {"../share/masklet/models", "../../data/models"};
    for (guint i = 0; bin && i < G_N_ELEMENTS(near); i++) {
        g_autofree char *folder = g_canonicalize_filename(near[i], bin);
        if (g_file_test(folder, G_FILE_TEST_IS_DIR))
            add_folder(folders, g_steal_pointer(&folder));
    }
    if (g_file_test(MSK_SOURCE_DATA_DIR, G_FILE_TEST_IS_DIR))
        add_folder(folders, g_strdup(MSK_SOURCE_DATA_DIR "/models"));
    add_folder(folders, g_strdup(MSK_DATA_DIR "/models"));
    g_ptr_array_add(folders, NULL);
    return (char **)g_ptr_array_free(folders, FALSE);
}

static char *find_in(const char *folder, const char *stem)
{
    for (guint i = 0; i < G_N_ELEMENTS(extensions); i++) {
        g_autofree char *name = g_strconcat(stem, extensions[i], NULL);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return g_steal_pointer(&path);
    }
    return NULL;
}

static void list_models(GString *text, char **folders)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (int i = 0; folders[i]; i++) {
        g_autoptr(GDir) folder = g_dir_open(folders[i], 0, NULL);
        const char *name;
        while (folder && (name = g_dir_read_name(folder))) {
            if (!has_extension(name))
                continue;
            char *stem = g_strndup(name, (gsize)(strrchr(name, '.') - name));
            if (g_hash_table_add(seen, stem))
                g_string_append_printf(text, "%s%s", text->len ? ", " : "", stem);
        }
    }
}

static char *find_name(const char *name, char **folders)
{
    for (int i = 0; folders[i]; i++) {
        char *path = find_in(folders[i], name);
        for (guint k = 0; !path && k < G_N_ELEMENTS(published); k++)
            if (strcmp(published[k].name, name) == 0)
                path = find_in(folders[i], published[k].file);
        if (path)
            return path;
    }
    return NULL;
}

char *msk_model_store_find(const char *name, GError **error)
{
    if (strchr(name, '/') || has_extension(name)) {
        if (g_file_test(name, G_FILE_TEST_EXISTS))
            return g_strdup(name);
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s: no such model file", name);
        return NULL;
    }
    g_auto(GStrv) folders = msk_model_store_get_folders();
    char *path = find_name(name, folders);
    if (path)
        return path;
    g_autoptr(GString) known = g_string_new(NULL);
    list_models(known, folders);
    g_autofree char *places = g_strjoinv(", ", folders);
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                "there is no model named \"%s\" (known: %s); put NAME.safetensors or NAME.pt into "
                "one of %s, or give its path",
                name, known->len ? known->str : "none", places);
    return NULL;
}
