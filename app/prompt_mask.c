// SPDX-License-Identifier: Apache-2.0
// Reading a PNG as a mask.
#include "app/prompt.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

#include "app/mask.h"

typedef struct PngState {
    FILE *file;
    png_structp png;
    png_infop info;
    char message[200];
    png_bytep row;
    uint8_t *pixels;
} PngState;

static void fail_png_cb(png_structp png, png_const_charp message)
{
    PngState *state = png_get_error_ptr(png);
    g_strlcpy(state->message, message, sizeof state->message);
    png_longjmp(png, 1);
}

static void warn_png_cb(png_structp png, png_const_charp message)
{
}

// How a row becomes a mask.
typedef enum RowKind { ROW_INDEX, ROW_GREY, ROW_ALPHA_GREY, ROW_RGB, ROW_ALPHA_RGB } RowKind;

static void convert_row(const uint8_t *row, uint8_t *out, int width, RowKind kind)
{
    for (int x = 0; x < width; x++) {
        gboolean in = FALSE;
        switch (kind) {
        case ROW_INDEX:
            in = row[x] != 0;
            break;
        case ROW_GREY:
            in = row[x] >= 128;
            break;
        case ROW_ALPHA_GREY:
            in = row[2 * x + 1] >= 128;
            break;
        case ROW_RGB:
            in = row[3 * x] + row[3 * x + 1] + row[3 * x + 2] >= 3 * 128;
            break;
        case ROW_ALPHA_RGB:
            in = row[4 * x + 3] >= 128;
            break;
        }
        out[x] = in ? 255 : 0;
    }
}

static RowKind set_up_rows(png_structp png, png_infop info)
{
    int depth = png_get_bit_depth(png, info);
    if (depth == 16)
        png_set_scale_16(png);
    switch (png_get_color_type(png, info)) {
    case PNG_COLOR_TYPE_PALETTE:
        png_set_packing(png); // indices, a byte each
        return ROW_INDEX;
    case PNG_COLOR_TYPE_GRAY:
        if (depth < 8)
            png_set_expand_gray_1_2_4_to_8(png);
        return ROW_GREY;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        return ROW_ALPHA_GREY;
    case PNG_COLOR_TYPE_RGB:
        return ROW_RGB;
    default:
        return ROW_ALPHA_RGB;
    }
}

// FALSE with state->message. What setjmp() may clobber is in *state and *out.
static gboolean read_png(PngState *state, MskPromptMask *out)
{
    if (setjmp(png_jmpbuf(state->png)))
        return FALSE;
    png_init_io(state->png, state->file);
    png_set_user_limits(state->png, MSK_MASK_SIDE_MAX, MSK_MASK_SIDE_MAX);
    png_read_info(state->png, state->info);
    out->width = (int)png_get_image_width(state->png, state->info);
    out->height = (int)png_get_image_height(state->png, state->info);
    RowKind kind = set_up_rows(state->png, state->info);
    int n_passes = png_set_interlace_handling(state->png);
    png_read_update_info(state->png, state->info);
    size_t row_size = png_get_rowbytes(state->png, state->info), width = (size_t)out->width;
    gsize size = n_passes > 1 ? row_size * (size_t)out->height : row_size;
    state->row = g_try_malloc(size);
    state->pixels = g_try_malloc(width * (size_t)out->height);
    if (!state->row || !state->pixels)
        png_error(state->png, "there is not enough memory for it");
    for (int pass = 0; pass < n_passes; pass++) {
        for (int y = 0; y < out->height; y++) {
            // Interlaced rows are completed in place, pass by pass.
            png_bytep row = state->row + (n_passes > 1 ? row_size * (size_t)y : 0);
            png_read_row(state->png, row, NULL);
            if (pass == n_passes - 1)
                convert_row(row, state->pixels + width * (size_t)y, out->width, kind);
        }
    }
    png_read_end(state->png, NULL);
    return TRUE;
}

static gboolean fail(GError **error, const char *path, const char *reason)
{
    g_set_error(error, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_UNREADABLE, "%s: %s", path, reason);
    return FALSE;
}

gboolean msk_prompt_mask_read(MskPromptMask *out, const char *path, GError **error)
{
    *out = (MskPromptMask){0};
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return fail(error, path, "is a folder, not a mask image");
    PngState state = {.file = fopen(path, "rb")};
    if (!state.file)
        return fail(error, path, errno == ENOENT ? "no such file" : g_strerror(errno));
    uint8_t magic[8] = {0};
    gboolean is_png = fread(magic, 1, 8, state.file) == 8 && png_sig_cmp(magic, 0, 8) == 0;
    rewind(state.file);
    gboolean done = FALSE;
    if (!is_png) {
        fail(error, path, "is not a PNG; a mask must be one");
    } else {
        state.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, fail_png_cb, warn_png_cb);
        state.info = state.png ? png_create_info_struct(state.png) : NULL;
        done = state.info && read_png(&state, out);
        if (!done) {
            g_autofree char *reason = g_strdup_printf("the PNG cannot be read: %s", state.message);
            fail(error, path, reason);
        }
        if (state.png)
            png_destroy_read_struct(&state.png, &state.info, NULL);
    }
    fclose(state.file);
    g_free(state.row);
    if (!done) {
        g_free(state.pixels);
        *out = (MskPromptMask){0};
        return FALSE;
    }
    out->pixels = state.pixels;
    return TRUE;
}
