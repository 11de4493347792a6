// SPDX-License-Identifier: Apache-2.0
// Finding models by name.
#pragma once

#include <glib.h>

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

G_END_DECLS
