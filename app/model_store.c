// SPDX-License-Identifier: Apache-2.0
// Finding models by name, listing and adding them.
#include "app/model_store.h"

#include <glib/gi18n.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/engine.h"

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

static char *dup_own_folder(void)
{
    return g_build_filename(g_get_user_data_dir(), "masklet", "models", NULL);
}

char **msk_model_store_get_folders(void)
{
    GPtrArray *folders = g_ptr_array_new();
    const char *chosen = g_getenv("MASKLET_MODELS");
    if (chosen && *chosen)
        add_folder(folders, g_strdup(chosen));
    add_folder(folders, dup_own_folder());
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

void msk_model_entry_free(gpointer data)
{
    MskModelEntry *entry = data;
    g_free(entry->name);
    g_free(entry->path);
    g_free(entry);
}

static int compare_names_cb(gconstpointer a, gconstpointer b)
{
    const MskModelEntry *left = *(MskModelEntry *const *)a, *right = *(MskModelEntry *const *)b;
    return strcmp(left->name, right->name);
}

GPtrArray *msk_model_store_list(void)
{
    g_auto(GStrv) folders = msk_model_store_get_folders();
    g_autofree char *own = dup_own_folder();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GPtrArray *entries = g_ptr_array_new_with_free_func(msk_model_entry_free);
    for (int i = 0; folders[i]; i++) {
        g_autoptr(GDir) folder = g_dir_open(folders[i], 0, NULL);
        const char *file;
        while (folder && (file = g_dir_read_name(folder))) {
            if (file[0] == '.' || !has_extension(file))
                continue;
            g_autofree char *stem = g_strndup(file, (gsize)(strrchr(file, '.') - file));
            char *path = find_in(folders[i], stem); // of two files of a name, the one that is used
            if (!path || !g_hash_table_add(seen, g_strdup(stem))) {
                g_free(path);
                continue;
            }
            MskModelEntry *entry = g_new(MskModelEntry, 1);
            *entry = (MskModelEntry){g_steal_pointer(&stem), path, strcmp(folders[i], own) == 0};
            g_ptr_array_add(entries, entry);
        }
    }
    g_ptr_array_sort(entries, compare_names_cb);
    return entries;
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
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, _("%s: no such model file"), name);
        return NULL;
    }
    g_auto(GStrv) folders = msk_model_store_get_folders();
    char *path = find_name(name, folders);
    if (path)
        return path;
    g_autoptr(GString) known = g_string_new(NULL);
    g_autoptr(GPtrArray) entries = msk_model_store_list();
    for (guint i = 0; i < entries->len; i++)
        g_string_append_printf(known, "%s%s", i ? ", " : "",
                               ((MskModelEntry *)entries->pdata[i])->name);
    g_autofree char *places = g_strjoinv(", ", folders);
    g_set_error(
        error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
        _("there is no model named \"%s\" (known: %s); put NAME.safetensors or NAME.pt into "
          "one of %s, or give its path"),
        name, known->len ? known->str : "none", places);
    return NULL;
}

// ---- Adding ------------------------------------------------------------------------------------

static gboolean fail_io(GError **error, const char *path, int code)
{
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), _("Cannot write %s: %s"), path,
                g_strerror(code));
    return FALSE;
}

// As `target`, which must not be there yet.
static gboolean link_or_copy(const char *path, const char *target, GCancellable *cancellable,
                             GError **error)
{
    if (link(path, target) == 0)
        return TRUE;
    if (errno == EEXIST)
        return fail_io(error, target, EEXIST);
    g_autofree char *temporary = g_strdup_printf("%s.%08x.part", target, g_random_int());
    g_autoptr(GFile) from = g_file_new_for_path(path), to = g_file_new_for_path(temporary);
    if (!g_file_copy(from, to, G_FILE_COPY_NONE, cancellable, NULL, NULL, error)) {
        unlink(temporary);
        return FALSE;
    }
    // Unlike rename, does not replace a file that has come meanwhile.
    int code = link(temporary, target) == 0 ? 0 : errno;
    if (code != 0 && code != EEXIST) // no hard links here
        code = rename(temporary, target) == 0 ? 0 : errno;
    unlink(temporary);
    return code == 0 || fail_io(error, target, code);
}

gboolean msk_model_store_add(const char *path, char **name, GCancellable *cancellable,
                             GError **error)
{
    MskModelInfo info;
    if (!msk_model_inspect(path, &info, error))
        return FALSE;
    g_autofree char *base = g_path_get_basename(path);
    if (!has_extension(base)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    _("%s: the name of a model file ends in .safetensors or .pt; rename it"), path);
        return FALSE;
    }
    g_autofree char *folder = dup_own_folder();
    if (g_mkdir_with_parents(folder, 0777) != 0)
        return fail_io(error, folder, errno);
    g_autofree char *stem = g_strndup(base, (gsize)(strrchr(base, '.') - base));
    g_autofree char *taken = find_in(folder, stem);
    if (taken) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                    _("%s: there is a model of this name already; remove it or rename the file"),
                    taken);
        return FALSE;
    }
    g_autofree char *target = g_build_filename(folder, base, NULL);
    if (!link_or_copy(path, target, cancellable, error))
        return FALSE;
    if (name)
        *name = g_steal_pointer(&stem);
    return TRUE;
}

gboolean msk_model_store_remove(const char *path, GError **error)
{
    g_autofree char *own = dup_own_folder();
    g_autofree char *folder = g_path_get_dirname(path);
    if (strcmp(own, folder) != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    _("%s does not lie in your own folder of models, %s"), path, own);
        return FALSE;
    }
    if (unlink(path) == 0)
        return TRUE;
    int code = errno;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), _("Cannot delete %s: %s"), path,
                g_strerror(code));
    return FALSE;
}
