// SPDX-License-Identifier: Apache-2.0
// Finding the settings' schema.
#include "ui/settings.h"

#define SCHEMA "org.masklet.Masklet"

static GSettingsSchema *look_into(const char *folder)
{
    g_autoptr(GSettingsSchemaSource) source = g_settings_schema_source_new_from_directory(
        folder, g_settings_schema_source_get_default(), FALSE, NULL);
    return source ? g_settings_schema_source_lookup(source, SCHEMA, FALSE) : NULL;
}

static gboolean runs_from_build(void)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    return program && g_str_has_prefix(program, MSK_BUILD_DIR "/");
}

static GSettingsSchema *find_schema(void)
{
    GSettingsSchema *schema = NULL;
    if (runs_from_build())
        schema = look_into(MSK_BUILD_DIR "/data");
    GSettingsSchemaSource *usual = g_settings_schema_source_get_default();
    if (!schema && usual)
        schema = g_settings_schema_source_lookup(usual, SCHEMA, TRUE);
    if (!schema) { // moved after it was installed
        g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *bin = program ? g_path_get_dirname(program) : NULL;
        g_autofree char *folder =
            bin ? g_canonicalize_filename("../share/glib-2.0/schemas", bin) : NULL;
        schema = folder ? look_into(folder) : NULL;
    }
    if (!schema)
        schema = look_into(MSK_SCHEMA_DIR);
    return schema;
}

GSettings *msk_settings_get(void)
{
    static GSettings *settings;
    if (settings)
        return settings;
    g_autoptr(GSettingsSchema) schema = find_schema();
    if (!schema)
        g_error("The settings' schema " SCHEMA " is missing: Masklet is not installed completely");
    settings = g_settings_new_full(schema, NULL, NULL);
    g_object_add_weak_pointer(G_OBJECT(settings), (gpointer *)&settings);
    return settings;
}
