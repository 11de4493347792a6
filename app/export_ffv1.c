// SPDX-License-Identifier: Apache-2.0
// FFV1 with alpha in .mkv: RGB without loss, at the depth of the source.
#include "app/export_movie.h"

typedef struct Ffv1Writer {
    const MskExportSource *source;
    MskMovieSpec spec;
    MskMovie *movie;
} Ffv1Writer;

static void free_ffv1(void *data)
{
    Ffv1Writer *writer = data;
    msk_movie_free(writer->movie);
    g_free(writer);
}

static enum AVPixelFormat format_for_depth(int depth)
{
    if (depth <= 8)
        return AV_PIX_FMT_BGRA;
    if (depth <= 10)
        return AV_PIX_FMT_GBRAP10LE;
    return depth <= 12 ? AV_PIX_FMT_GBRAP12LE : AV_PIX_FMT_GBRAP16LE;
}

static void *open_ffv1(const MskExportSource *source, const char *path, const char *shown,
                       GError **error)
{
    Ffv1Writer *writer = g_new0(Ffv1Writer, 1);
    writer->source = source;
    enum AVPixelFormat format = format_for_depth(source->info.depth);
    writer->spec = (MskMovieSpec){
        .muxer = "matroska",
        .encoder = "ffv1",
        .pixel_format = format,
        .marked_format = format,
        .tags = msk_movie_rgb_tags(source),
        .options = msk_movie_ffv1_options(source),
        .intra_only = TRUE,
    };
    writer->movie = msk_movie_open(source, &writer->spec, path, shown, error);
    if (writer->movie)
        return writer;
    free_ffv1(writer);
    return NULL;
}

static gboolean write_ffv1(void *data, const MskExportPicture *picture, GError **error)
{
    Ffv1Writer *writer = data;
    g_autoptr(AVFrame) av = msk_movie_convert(&writer->spec, picture->frame, error);
    if (!av)
        return FALSE;
    if (writer->source->premultiplied)
        msk_export_premultiply(av, picture->alpha);
    msk_export_fill_alpha(av, picture->alpha);
    return msk_movie_write(writer->movie, av, picture, error);
}

static gboolean finish_ffv1(void *data, GError **error)
{
    return msk_movie_finish(((Ffv1Writer *)data)->movie, error);
}

const MskExportWriter msk_export_ffv1_writer = {open_ffv1, write_ffv1, finish_ffv1, free_ffv1};
