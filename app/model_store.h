// SPDX-License-Identifier: Apache-2.0
// Finding models by name, listing and adding them.
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

// The bundled model.
#define MSK_MODEL_DEFAULT "starter"

// The file of a model: `name` is a path if it has a "/" or an extension of a model file, else
// NAME.safetensors or NAME.pt in one of the folders, the published files being found by "tiny",
// "small", "base+" and "large" too. g_free() it. NULL with a G_FILE_ERROR that lists the folders
// and what is there.
char *msk_model_store_find(const char *name, GError **error);

// The folders that are looked through, in order: $MASKLET_MODELS if set, the user's
// ($XDG_DATA_HOME/masklet/models), the installed and the source tree's. g_strfreev() them.
char **msk_model_store_get_folders(void);

// An installed model.
typedef struct MskModelEntry {
    char *name, *path;
    gboolean is_own; // lies in the user's folder
} MskModelEntry;
void msk_model_entry_free(gpointer entry);

// The models that msk_model_store_find() finds, by name: MskModelEntry, free with
// g_ptr_array_unref(). Reads folders only; any thread.
GPtrArray *msk_model_store_list(void);

// Puts a model file into the user's folder, by a hard link where it can, else as a copy. *name (or
// NULL) is the name that it has from then on, g_free() it. A file that is no model, of a kind or
// size that cannot run, is refused with the error of msk_model_inspect(); G_FILE_ERROR_EXIST where
// another model has the name. Blocks; any thread. Nothing is left behind on failure.
gboolean msk_model_store_add(const char *path, char **name, GCancellable *cancellable,
                             GError **error);
// Deletes a model from the user's folder. Blocks for a moment; any thread.
gboolean msk_model_store_remove(const char *path, GError **error);

G_END_DECLS
