// SPDX-License-Identifier: Apache-2.0
// Conversions by swscale: accurate, with explicit matrix, range and chroma position.
#include "app/frame_private.h"
#include "app/media.h"

#include <glib/gi18n.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <string.h>

typedef struct ScaleKey {
    int src_width, src_height, src_format, src_range, src_matrix, src_h, src_v;
    int dst_width, dst_height, dst_format, dst_range, dst_matrix, dst_h, dst_v;
} ScaleKey;

// Building a context costs more than a small picture, and a context serves one thread.
#define N_CONTEXTS 4

typedef struct ScaleCache {
    ScaleKey keys[N_CONTEXTS];
    struct SwsContext *contexts[N_CONTEXTS];
    int next;
} ScaleCache;

static void free_cache(gpointer data)
{
    ScaleCache *cache = data;

    for (int i = 0; i < N_CONTEXTS; i++)
        sws_freeContext(cache->contexts[i]);
    g_free(cache);
}

static GPrivate thread_cache = G_PRIVATE_INIT(free_cache);

// The yuvj formats are yuv of full range, which the key says by itself.
static enum AVPixelFormat plain_format(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ411P:
        return AV_PIX_FMT_YUV411P;
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    default:
        return format;
    }
}

static int matrix_coefficients(int matrix)
{
    switch (matrix) {
    case AVCOL_SPC_BT709:
        return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
        return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
        return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return SWS_CS_BT2020;
    default:
        return SWS_CS_ITU601;
    }
}

// Where chroma samples sit, in 1/256 of the distance of luma samples; unspecified is "left".
static void chroma_position(const MskImage *image, int *h, int *v)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(image->format);
    int location = image->colour.chroma_location;
    gboolean left = location != AVCHROMA_LOC_CENTER && location != AVCHROMA_LOC_TOP &&
                    location != AVCHROMA_LOC_BOTTOM;
    gboolean top = location == AVCHROMA_LOC_TOPLEFT || location == AVCHROMA_LOC_TOP;
    gboolean bottom = location == AVCHROMA_LOC_BOTTOMLEFT || location == AVCHROMA_LOC_BOTTOM;

    *h = desc->log2_chroma_w ? (left ? 0 : 128) : -513;
    *v = desc->log2_chroma_h ? (top ? 0 : bottom ? 256 : 128) : -513;
}

static struct SwsContext *make_context(const ScaleKey *key)
{
    struct SwsContext *context = sws_alloc_context();

    if (!context)
        return NULL;
    av_opt_set_int(context, "srcw", key->src_width, 0);
    av_opt_set_int(context, "srch", key->src_height, 0);
    av_opt_set_int(context, "src_format", key->src_format, 0);
    av_opt_set_int(context, "src_range", key->src_range, 0);
    av_opt_set_int(context, "src_h_chr_pos", key->src_h, 0);
    av_opt_set_int(context, "src_v_chr_pos", key->src_v, 0);
    av_opt_set_int(context, "dstw", key->dst_width, 0);
    av_opt_set_int(context, "dsth", key->dst_height, 0);
    av_opt_set_int(context, "dst_format", key->dst_format, 0);
    av_opt_set_int(context, "dst_range", key->dst_range, 0);
    av_opt_set_int(context, "dst_h_chr_pos", key->dst_h, 0);
    av_opt_set_int(context, "dst_v_chr_pos", key->dst_v, 0);
    av_opt_set_int(
        context, "sws_flags",
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT, 0);
    sws_setColorspaceDetails(context, sws_getCoefficients(matrix_coefficients(key->src_matrix)),
                             key->src_range,
                             sws_getCoefficients(matrix_coefficients(key->dst_matrix)),
                             key->dst_range, 0, 1 << 16, 1 << 16);
    if (sws_init_context(context, NULL, NULL) < 0) {
        sws_freeContext(context);
        return NULL;
    }
    return context;
}

static struct SwsContext *find_context(const ScaleKey *key)
{
    ScaleCache *cache = g_private_get(&thread_cache);

    if (!cache) {
        cache = g_new0(ScaleCache, 1);
        g_private_set(&thread_cache, cache);
    }
    for (int i = 0; i < N_CONTEXTS; i++)
        if (cache->contexts[i] && memcmp(&cache->keys[i], key, sizeof *key) == 0)
            return cache->contexts[i];

    struct SwsContext *context = make_context(key);
    if (!context)
        return NULL;
    sws_freeContext(cache->contexts[cache->next]);
    cache->contexts[cache->next] = context;
    cache->keys[cache->next] = *key;
    cache->next = (cache->next + 1) % N_CONTEXTS;
    return context;
}

MskImage msk_image_of_frame(const AVFrame *av, const MskColour *colour)
{
    MskImage image = {
        .width = av->width, .height = av->height, .format = av->format, .colour = *colour};

    for (int i = 0; i < 4; i++) {
        image.data[i] = av->data[i];
        image.stride[i] = av->linesize[i];
    }
    return image;
}

gboolean msk_image_scale(const MskImage *dst, const MskImage *src, GError **error)
{
    const AVPixFmtDescriptor *src_desc = av_pix_fmt_desc_get(src->format);
    const AVPixFmtDescriptor *dst_desc = av_pix_fmt_desc_get(dst->format);
    gboolean src_rgb = src_desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
    gboolean dst_rgb = dst_desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
    ScaleKey key = {
        .src_width = src->width,
        .src_height = src->height,
        .src_format = plain_format(src->format),
        .src_range = src->colour.range == AVCOL_RANGE_JPEG,
        .src_matrix = src_rgb ? dst->colour.matrix : src->colour.matrix,
        .dst_width = dst->width,
        .dst_height = dst->height,
        .dst_format = plain_format(dst->format),
        .dst_range = dst->colour.range == AVCOL_RANGE_JPEG,
        .dst_matrix = dst_rgb ? src->colour.matrix : dst->colour.matrix,
    };

    chroma_position(src, &key.src_h, &key.src_v);
    chroma_position(dst, &key.dst_h, &key.dst_v);
    struct SwsContext *context = find_context(&key);
    if (!context) {
        g_set_error(
            error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_UNSUPPORTED,
            _("Pictures of format \"%s\" cannot be converted to \"%s\"; convert the clip to "
              "a common format first"),
            src_desc->name, dst_desc->name);
        return FALSE;
    }
    int n_rows = sws_scale(context, (const uint8_t *const *)src->data, src->stride, 0, src->height,
                           dst->data, dst->stride);
    if (n_rows != dst->height) {
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_MEMORY,
                    _("Out of memory while converting a picture of %d x %d pixels"), src->width,
                    src->height);
        return FALSE;
    }
    return TRUE;
}
