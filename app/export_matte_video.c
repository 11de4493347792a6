// SPDX-License-Identifier: Apache-2.0
// Black-and-white matte video: H.264 in .mp4, ProRes in .mov, FFV1 in .mkv.
#include "app/export_movie.h"

typedef struct MatteWriter {
    const MskExportSource *source;
    MskMovieSpec spec;
    MskMovie *movie;
} MatteWriter;

static void free_matte(void *data)
{
    MatteWriter *writer = data;
    msk_movie_free(writer->movie);
    g_free(writer);
}

static MskMovieSpec spec_for(const MskExportSource *source, const char *path)
{
    MskMovieSpec spec = {.intra_only = TRUE};
    if (g_str_has_suffix(path, ".mkv")) {
        spec.muxer = "matroska";
        spec.encoder = "ffv1";
        spec.options = msk_movie_ffv1_options(source);
        spec.pixel_format = source->info.depth > 8 ? AV_PIX_FMT_GRAY16LE : AV_PIX_FMT_GRAY8;
        spec.tags = msk_movie_matte_tags(source, AVCOL_RANGE_JPEG);
    } else if (g_str_has_suffix(path, ".mov")) {
        // ProRes carries no range and everybody reads it as limited, so limited it is: white is
        // 940. The 4444 profile, at its finest quantiser, keeps 8-bit mattes to one level.
        spec.muxer = "mov";
        spec.encoder = "prores_ks";
        spec.options = "profile=4444:vendor=apl0";
        spec.global_quality = 1;
        spec.pixel_format = AV_PIX_FMT_YUV444P10LE;
        spec.tags = msk_movie_matte_tags(source, AVCOL_RANGE_MPEG);
    } else {
        // 4:2:0, which every player reads, has no odd sizes; a padded matte would not lie on its
        // picture, so odd sizes are 4:4:4.
        gboolean odd = source->width % 2 || source->height % 2;
        spec.muxer = "mp4";
        spec.encoder = "libx264";
        spec.options = "qp=4:psy=0:aq-mode=0:bf=0:preset=medium";
        spec.pixel_format = odd ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P;
        spec.tags = msk_movie_matte_tags(source, AVCOL_RANGE_JPEG);
        spec.intra_only = FALSE;
    }
    spec.marked_format = spec.pixel_format;
    return spec;
}

static void *open_matte(const MskExportSource *source, const char *path, const char *shown,
                        GError **error)
{
    MatteWriter *writer = g_new0(MatteWriter, 1);
    writer->source = source;
    writer->spec = spec_for(source, shown);
    writer->movie = msk_movie_open(source, &writer->spec, path, shown, error);
    if (writer->movie)
        return writer;
    free_matte(writer);
    return NULL;
}

static gboolean write_matte(void *data, const MskExportPicture *picture, GError **error)
{
    MatteWriter *writer = data;
    g_autoptr(AVFrame) av = msk_movie_new_picture(&writer->spec, writer->source, error);
    if (!av)
        return FALSE;
    msk_export_fill_matte(av, picture->alpha, writer->spec.tags.range == AVCOL_RANGE_MPEG);
    if (writer->spec.pixel_format == AV_PIX_FMT_YUV444P10LE) {
        msk_export_fill_plane(av, 1, 512);
        msk_export_fill_plane(av, 2, 512);
    } else if (writer->spec.pixel_format != AV_PIX_FMT_GRAY8 &&
               writer->spec.pixel_format != AV_PIX_FMT_GRAY16LE) {
        msk_export_fill_plane(av, 1, 128);
        msk_export_fill_plane(av, 2, 128);
    }
    return msk_movie_write(writer->movie, av, picture, error);
}

static gboolean finish_matte(void *data, GError **error)
{
    return msk_movie_finish(((MatteWriter *)data)->movie, error);
}

const MskExportWriter msk_export_matte_video_writer = {open_matte, write_matte, finish_matte,
                                                       free_matte};
