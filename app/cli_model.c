// SPDX-License-Identifier: Apache-2.0
// masklet-cli model: info and convert.
#include <stdio.h>
#include <string.h>

#include "app/cli.h"
#include "app/model_store.h"

static void print_text(const char *path, const MskModelInfo *info)
{
    printf("%s\n", path);
    printf("  SAM %s, %s\n", info->version, info->variant);
    printf("  input      %d x %d pixels\n", info->image_size, info->image_size);
    printf("  parameters %.1f million\n", (double)info->n_parameters / 1e6);
    const char *why = NULL;
    if (msk_backend_is_available(MSK_BACKEND_CUDA, &why))
        printf("  cuda       available, and used unless another backend is asked for\n");
    else
        printf("  cuda       not used: %s\n", why);
}

static gboolean print_json(const char *path, const MskModelInfo *info)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    cli_json_text(builder, "file", path);
    cli_json_text(builder, "version", info->version);
    cli_json_text(builder, "variant", info->variant);
    cli_json_int(builder, "image_size", info->image_size);
    cli_json_int(builder, "parameters", info->n_parameters);
    const char *why = NULL;
    gboolean has_cuda = msk_backend_is_available(MSK_BACKEND_CUDA, &why);
    cli_json_text(builder, "cuda", has_cuda ? "available" : why);
    json_builder_end_object(builder);
    return cli_print_json(builder);
}

static int run_info(int argc, char **argv)
{
    gboolean as_json = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print one JSON object", NULL}, {NULL}};
    GOptionContext *context = g_option_context_new("MODEL");
    g_option_context_set_summary(context,
                                 "Prints what a model file is. MODEL is a path or a name.");
    g_option_context_set_description(
        context, "Example:\n  masklet-cli model info sam2.1_hiera_tiny.pt --json");
    g_option_context_add_main_entries(context, entries, NULL);
    int status = cli_parse(context, "model info", &argc, &argv);
    if (status >= 0)
        return status;
    if (argc != 2)
        return cli_usage("model info", argc < 2 ? "no model was given" : "one model at a time");

    g_autoptr(GError) error = NULL;
    MskModelInfo info;
    g_autofree char *path = msk_model_store_find(argv[1], &error);
    if (!path || !msk_model_inspect(path, &info, &error))
        return cli_fail(error);
    if (as_json)
        return print_json(path, &info) ? CLI_DONE : CLI_FAILED;
    print_text(path, &info);
    return CLI_DONE;
}

static int run_convert(int argc, char **argv)
{
    g_autofree char *dtype_name = NULL;
    MskDType dtype = MSK_DTYPE_FP32;
    const GOptionEntry entries[] = {
        {"dtype", 0, 0, G_OPTION_ARG_STRING, &dtype_name, "fp32 (default), fp16 or bf16", "TYPE"},
        {NULL}};
    GOptionContext *context = g_option_context_new("IN OUT");
    g_option_context_set_summary(
        context, "Writes a model (.pt or .safetensors) as .safetensors with the published names,\n"
                 "its configuration in the metadata.");
    g_option_context_set_description(context, "Example:\n  masklet-cli model convert "
                                              "sam2.1_hiera_tiny.pt tiny.safetensors --dtype fp16");
    g_option_context_add_main_entries(context, entries, NULL);
    int status = cli_parse(context, "model convert", &argc, &argv);
    if (status >= 0)
        return status;
    if (argc != 3)
        return cli_usage("model convert", "give the model to read and the file to write");
    if (dtype_name && !msk_dtype_from_name(dtype_name, &dtype))
        return cli_usage("model convert", "--dtype %s: it is one of fp32, fp16, bf16", dtype_name);

    g_autoptr(GError) error = NULL;
    g_autofree char *path = msk_model_store_find(argv[1], &error);
    if (!path || !msk_model_convert(path, argv[2], dtype, &error))
        return cli_fail(error);
    printf("wrote %s\n", argv[2]);
    return CLI_DONE;
}

int cli_model(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "info") == 0)
        return run_info(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "convert") == 0)
        return run_convert(argc - 1, argv + 1);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf("Usage:\n"
               "  masklet-cli model info MODEL [--json]\n"
               "  masklet-cli model convert IN OUT [--dtype fp32|fp16|bf16]\n\n"
               "\"masklet-cli model info --help\" and \"masklet-cli model convert --help\" tell "
               "more.\n\nExample:\n  masklet-cli model info starter\n");
        return CLI_DONE;
    }
    if (argc > 1)
        return cli_usage("model", "there is no command \"model %s\"", argv[1]);
    return cli_usage("model", "info or convert?");
}
