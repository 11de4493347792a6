// SPDX-License-Identifier: Apache-2.0
// PNG sequences: grey mattes of 8 or 16 bits, cut-outs, and the indexed masks of DAVIS.
#include <glib/gi18n.h>
#include <errno.h>
#include <png.h>
#include <string.h>

#include "app/export_private.h"

typedef struct PngWriter {
    const MskExportSource *source;
    int bit_depth, colour_type, n_channels;
    size_t row_size;
    uint8_t *pixels; // the picture as it goes into the file
} PngWriter;

// What libpng's callbacks need; its errors leave by longjmp, so nothing owned lives on the stack.
typedef struct PngFile {
    FILE *file;
    int error_number;
    char message[128];
} PngFile;

static void write_png_cb(png_structp png, png_bytep data, size_t size)
{
    PngFile *state = png_get_io_ptr(png);
    if (fwrite(data, 1, size, state->file) != size) {
        state->error_number = errno ? errno : EIO;
        png_error(png, "write");
    }
}

static void flush_png_cb(png_structp png)
{
}

static void fail_png_cb(png_structp png, png_const_charp message)
{
    PngFile *state = png_get_error_ptr(png);
    g_strlcpy(state->message, message, sizeof(state->message));
    png_longjmp(png, 1);
}

static void warn_png_cb(png_structp png, png_const_charp message)
{
}

// Palette of PASCAL VOC, which DAVIS uses: the bits of the index spread over red, green and blue.
static void make_palette(png_color palette[256])
{
    for (int i = 0; i < 256; i++) {
        int red = 0, green = 0, blue = 0;
        for (int bit = 7, id = i; bit >= 0; bit--, id >>= 3) {
            red |= (id & 1) << bit;
            green |= (id >> 1 & 1) << bit;
            blue |= (id >> 2 & 1) << bit;
        }
        palette[i] = (png_color){(png_byte)red, (png_byte)green, (png_byte)blue};
    }
}

static void put_image(png_structp png, png_infop info, const PngWriter *writer)
{
    const MskExportSource *source = writer->source;
    png_set_IHDR(png, info, (png_uint_32)source->width, (png_uint_32)source->height,
                 writer->bit_depth, writer->colour_type, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (writer->colour_type == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[256];
        make_palette(palette);
        png_set_PLTE(png, info, palette, 256);
    }
    // Pixels a unit: the wider a pixel, the fewer.
    MskRational aspect = source->info.pixel_aspect;
    if (aspect.num > 0 && aspect.den > 0 && aspect.num != aspect.den)
        png_set_pHYs(png, info, (png_uint_32)aspect.den, (png_uint_32)aspect.num,
                     PNG_RESOLUTION_UNKNOWN);
    png_set_compression_level(png, 4);
    if (writer->colour_type == PNG_COLOR_TYPE_GRAY || writer->colour_type == PNG_COLOR_TYPE_PALETTE)
        png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE); // flat areas: filters only cost
    png_write_info_before_PLTE(png, info);

    // cICP, which PNG got in its third edition: colour tags as video has them.
    MskColour colour = source->info.colour;
    if (writer->colour_type == PNG_COLOR_TYPE_RGB_ALPHA && colour.primaries != 2 &&
        colour.transfer != 2) {
        const png_byte tags[4] = {(png_byte)colour.primaries, (png_byte)colour.transfer, 0, 1};
        png_write_chunk(png, (png_const_bytep) "cICP", tags, sizeof(tags));
    }
    png_write_info(png, info);
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
    if (writer->bit_depth == 16)
        png_set_swap(png);
#endif
    for (int y = 0; y < source->height; y++)
        png_write_row(png, writer->pixels + (size_t)y * writer->row_size);
    png_write_end(png, info);
}

static gboolean write_file(const PngWriter *writer, const MskExportPicture *picture, GError **error)
{
    PngFile state = {.file = fopen(picture->path, "wbe")};
    if (!state.file)
        return msk_export_fail_io(error, picture->shown, errno);
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, &state, fail_png_cb, warn_png_cb);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    gboolean done = FALSE;
    if (!info) {
        state.error_number = ENOMEM;
    } else if (setjmp(png_jmpbuf(png)) == 0) {
        png_set_write_fn(png, &state, write_png_cb, flush_png_cb);
        put_image(png, info, writer);
    }
    png_destroy_write_struct(&png, &info);
    errno = 0;
    done = state.error_number == 0 && state.message[0] == 0;
    if (fclose(state.file) != 0 && done) {
        state.error_number = errno;
        done = FALSE;
    }
    if (done)
        return TRUE;
    if (state.error_number)
        return msk_export_fail_io(error, picture->shown, state.error_number);
    g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_UNSUPPORTED,
                _("Cannot write %s: libpng: %s"), picture->shown, state.message);
    return FALSE;
}

static void free_png(void *data)
{
    PngWriter *writer = data;
    g_free(writer->pixels);
    g_free(writer);
}

static void *open_writer(const MskExportSource *source, int bit_depth, int colour_type,
                         int n_channels, GError **error)
{
    PngWriter *writer = g_new0(PngWriter, 1);
    writer->source = source;
    writer->bit_depth = bit_depth;
    writer->colour_type = colour_type;
    writer->n_channels = n_channels;
    writer->row_size = (size_t)source->width * (size_t)(n_channels * bit_depth / 8);
    writer->pixels = g_try_malloc(writer->row_size * (size_t)source->height);
    if (writer->pixels)
        return writer;
    g_free(writer);
    g_set_error(error, MSK_EXPORT_ERROR, MSK_EXPORT_ERROR_UNSUPPORTED,
                _("Not enough memory for pictures of %d x %d"), source->width, source->height);
    return NULL;
}

static void *open_png(const MskExportSource *source, const char *path, const char *shown,
                      GError **error)
{
    if (source->kind == MSK_EXPORT_MATTE_PNG)
        return open_writer(source, 8, PNG_COLOR_TYPE_GRAY, 1, error);
    if (source->kind == MSK_EXPORT_MATTE_PNG16)
        return open_writer(source, 16, PNG_COLOR_TYPE_GRAY, 1, error);
    return open_writer(source, source->info.depth > 8 ? 16 : 8, PNG_COLOR_TYPE_RGB_ALPHA, 4, error);
}

static void multiply8(uint8_t *rgba, const uint16_t *alpha, size_t n, gboolean premultiplied)
{
    for (size_t i = 0; i < n; i++, rgba += 4) {
        for (int c = 0; c < 3 && premultiplied; c++)
            rgba[c] = (uint8_t)((rgba[c] * (unsigned)alpha[i] + 32767) / 65535);
        rgba[3] = msk_matte_to_8(alpha[i]);
    }
}

static void multiply16(uint16_t *rgba, const uint16_t *alpha, size_t n, gboolean premultiplied)
{
    for (size_t i = 0; i < n; i++, rgba += 4) {
        for (int c = 0; c < 3 && premultiplied; c++)
            rgba[c] = (uint16_t)((rgba[c] * (uint64_t)alpha[i] + 32767) / 65535);
        rgba[3] = alpha[i];
    }
}

static gboolean write_png(void *data, const MskExportPicture *picture, GError **error)
{
    PngWriter *writer = data;
    const MskExportSource *source = writer->source;
    size_t n = (size_t)source->width * (size_t)source->height;
    if (source->kind == MSK_EXPORT_MATTE_PNG) {
        for (size_t i = 0; i < n; i++)
            writer->pixels[i] = msk_matte_to_8(picture->alpha[i]);
    } else if (source->kind == MSK_EXPORT_MATTE_PNG16) {
        memcpy(writer->pixels, picture->alpha, n * sizeof(uint16_t));
    } else if (writer->bit_depth == 8) {
        if (!msk_frame_get_rgba8(picture->frame, writer->pixels, writer->row_size, error))
            return FALSE;
        multiply8(writer->pixels, picture->alpha, n, source->premultiplied);
    } else {
        uint16_t *rgba = (uint16_t *)(void *)writer->pixels;
        if (!msk_frame_get_rgba16(picture->frame, rgba, writer->row_size, error))
            return FALSE;
        multiply16(rgba, picture->alpha, n, source->premultiplied);
    }
    return write_file(writer, picture, error);
}

// Every file is whole when its frame was written.
static gboolean finish_png(void *data, GError **error)
{
    return TRUE;
}

static void *open_davis(const MskExportSource *source, const char *path, const char *shown,
                        GError **error)
{
    return open_writer(source, 8, PNG_COLOR_TYPE_PALETTE, 1, error);
}

static gboolean write_davis(void *data, const MskExportPicture *picture, GError **error)
{
    PngWriter *writer = data;
    memcpy(writer->pixels, picture->labels, writer->row_size * (size_t)writer->source->height);
    return write_file(writer, picture, error);
}

const MskExportWriter msk_export_png_writer = {open_png, write_png, finish_png, free_png};
const MskExportWriter msk_export_davis_writer = {open_davis, write_davis, finish_png, free_png};
