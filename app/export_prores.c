// SPDX-License-Identifier: Apache-2.0
// ProRes 4444 with alpha in .mov: 10-bit 4:4:4 limited range, alpha of its own.
#include "app/export_movie.h"

typedef struct ProresWriter {
    const MskExportSource *source;
    MskMovieSpec spec;
    MskMovie *movie;
} ProresWriter;

static void free_prores(void *data)
{
    ProresWriter *writer = data;
    msk_movie_free(writer->movie);
    g_free(writer);
}

static void *open_prores(const MskExportSource *source, const char *path, const char *shown,
                         GError **error)
{
    ProresWriter *writer = g_new0(ProresWriter, 1);
    writer->source = source;
    // ProRes carries no range: everybody reads it as limited.
    writer->spec = (MskMovieSpec){
        .muxer = "mov",
        .encoder = "prores_ks",
        .pixel_format = AV_PIX_FMT_YUVA444P10LE,
        .marked_format = AV_PIX_FMT_YUVA444P10LE,
        .tags = msk_movie_yuv_tags(source, AVCOL_RANGE_MPEG),
        .options = "profile=4444:alpha_bits=16:vendor=apl0",
        .intra_only = TRUE,
    };
    writer->movie = msk_movie_open(source, &writer->spec, path, shown, error);
    if (writer->movie)
        return writer;
    free_prores(writer);
    return NULL;
}

static gboolean write_prores(void *data, const MskExportPicture *picture, GError **error)
{
    ProresWriter *writer = data;
    g_autoptr(AVFrame) av = msk_movie_convert(&writer->spec, picture->frame, error);
    if (!av)
        return FALSE;
    if (writer->source->premultiplied)
        msk_export_premultiply(av, picture->alpha);
    msk_export_fill_alpha(av, picture->alpha); // swscale would keep 97 of 256 values
    return msk_movie_write(writer->movie, av, picture, error);
}

static gboolean finish_prores(void *data, GError **error)
{
    return msk_movie_finish(((ProresWriter *)data)->movie, error);
}

const MskExportWriter msk_export_prores_writer = {open_prores, write_prores, finish_prores,
                                                  free_prores};
