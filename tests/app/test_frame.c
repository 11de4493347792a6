// SPDX-License-Identifier: Apache-2.0
// Pixels of MskFrame, against the definitions of the formats computed in double precision.
#include "app/frame_private.h"
#include "tests/support/check.h"

#include <libavutil/imgutils.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t random_state = 5;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static AVFrame *new_av(enum AVPixelFormat format, int width, int height)
{
    AVFrame *av = av_frame_alloc();

    av->format = format;
    av->width = width;
    av->height = height;
    if (av_frame_get_buffer(av, 0) < 0)
        g_error("out of memory");
    for (int i = 0; i < AV_NUM_DATA_POINTERS && av->buf[i]; i++)
        memset(av->buf[i]->data, 0, av->buf[i]->size); // av_write_image_line2() only sets bits
    return av;
}

static MskFrame *wrap_plain(const AVFrame *av)
{
    return msk_frame_new(av, 0, 0, MSK_ORIENTATION_NORMAL, av->width, av->height);
}

static void fill_component(AVFrame *av, int c, unsigned value)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);
    const gboolean chroma = c == 1 || c == 2;
    const int width = AV_CEIL_RSHIFT(av->width, chroma ? desc->log2_chroma_w : 0);
    const int height = AV_CEIL_RSHIFT(av->height, chroma ? desc->log2_chroma_h : 0);
    g_autofree uint16_t *row = g_new(uint16_t, width);

    for (int x = 0; x < width; x++)
        row[x] = (uint16_t)value;
    for (int y = 0; y < height; y++)
        av_write_image_line2(row, av->data, av->linesize, desc, 0, y, c, width, 2);
}

// ---- YUV to RGB --------------------------------------------------------------------------------

typedef struct Matrix {
    int tag;
    double kr, kb;
} Matrix;

static const Matrix matrices[] = {
    {AVCOL_SPC_BT709, 0.2126, 0.0722},   {AVCOL_SPC_SMPTE170M, 0.299, 0.114},
    {AVCOL_SPC_BT470BG, 0.299, 0.114},   {AVCOL_SPC_BT2020_NCL, 0.2627, 0.0593},
    {AVCOL_SPC_SMPTE240M, 0.212, 0.087},
};

// Code values of `depth` bits to RGB from 0 to 1, clipped.
static void yuv_to_rgb(const Matrix *matrix, gboolean full, int depth, const unsigned yuv[3],
                       double rgb[3])
{
    const double unit = 1 << (depth - 8), max = (1 << depth) - 1, middle = 1 << (depth - 1);
    const double y = full ? yuv[0] / max : (yuv[0] - 16 * unit) / (219 * unit);
    const double cb = (yuv[1] - middle) / (full ? max : 224 * unit);
    const double cr = (yuv[2] - middle) / (full ? max : 224 * unit);
    const double kg = 1 - matrix->kr - matrix->kb;

    rgb[0] = y + 2 * (1 - matrix->kr) * cr;
    rgb[2] = y + 2 * (1 - matrix->kb) * cb;
    rgb[1] = (y - matrix->kr * rgb[0] - matrix->kb * rgb[2]) / kg;
    for (int i = 0; i < 3; i++)
        rgb[i] = CLAMP(rgb[i], 0, 1);
}

static void check_yuv(enum AVPixelFormat format, double *worst8, double *worst16)
{
    const int depth = av_pix_fmt_desc_get(format)->comp[0].depth;

    for (int i = 0; i < 40; i++) {
        const Matrix *matrix = &matrices[i % G_N_ELEMENTS(matrices)];
        const gboolean full = i / G_N_ELEMENTS(matrices) % 2;
        const unsigned unit = 1u << (depth - 8);
        // Near grey, so that RGB is seldom clipped.
        const unsigned yuv[3] = {(60 + next_random() % 130) * unit + next_random() % unit,
                                 (108 + next_random() % 40) * unit + next_random() % unit,
                                 (108 + next_random() % 40) * unit + next_random() % unit};
        g_autoptr(AVFrame) av = new_av(format, 32, 16);
        for (int c = 0; c < 3; c++)
            fill_component(av, c, yuv[c]);
        av->color_range = full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
        av->colorspace = matrix->tag;
        g_autoptr(MskFrame) frame = wrap_plain(av);
        uint8_t rgb[32 * 16 * 3];
        uint16_t rgba[32 * 16 * 4];
        double expected[3];
        if (!CHECK(msk_frame_get_rgb8(frame, rgb, 96, NULL)) ||
            !CHECK(msk_frame_get_rgba16(frame, rgba, 256, NULL)))
            return;
        yuv_to_rgb(matrix, full, depth, yuv, expected);
        for (int c = 0; c < 3; c++) {
            *worst8 = fmax(*worst8, fabs(rgb[(5 * 32 + 7) * 3 + c] - expected[c] * 255));
            *worst16 = fmax(*worst16, fabs(rgba[(5 * 32 + 7) * 4 + c] - expected[c] * 65535));
        }
        CHECK(rgba[(5 * 32 + 7) * 4 + 3] == (msk_frame_has_alpha(frame) ? 0 : 65535));
    }
}

static void test_yuv(void)
{
    static const enum AVPixelFormat formats[] = {
        AV_PIX_FMT_YUV420P,      AV_PIX_FMT_YUV422P,     AV_PIX_FMT_YUV444P,
        AV_PIX_FMT_YUV411P,      AV_PIX_FMT_NV12,        AV_PIX_FMT_YUYV422,
        AV_PIX_FMT_YUV420P10LE,  AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV444P12LE,
        AV_PIX_FMT_YUV444P16LE,  AV_PIX_FMT_P010LE,      AV_PIX_FMT_YUVA420P,
        AV_PIX_FMT_YUVA444P10LE,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        double worst8 = 0, worst16 = 0;
        check_yuv(formats[i], &worst8, &worst16);
        printf("  %s: off by up to %.2f of 255, %.1f of 65535\n", av_get_pix_fmt_name(formats[i]),
               worst8, worst16);
        CHECK(worst8 < 0.51 && worst16 < 1);
    }
    end_group("YUV to RGB");
}

// Chroma that rises evenly along x must come out as it was sampled: beside the left of each pair of
// pixels, or between them.
static void test_siting(void)
{
    static const int locations[] = {AVCHROMA_LOC_LEFT, AVCHROMA_LOC_CENTER,
                                    AVCHROMA_LOC_UNSPECIFIED};

    for (size_t i = 0; i < G_N_ELEMENTS(locations); i++) {
        const double offset = locations[i] == AVCHROMA_LOC_CENTER ? 0.5 : 0;
        g_autoptr(AVFrame) av = new_av(AV_PIX_FMT_YUV420P, 64, 16);
        double worst = 0;
        fill_component(av, 0, 120);
        fill_component(av, 1, 128);
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 32; x++)
                av->data[2][y * av->linesize[2] + x] = (uint8_t)(96 + 2 * x);
        av->chroma_location = locations[i];
        av->color_range = AVCOL_RANGE_MPEG;
        g_autoptr(MskFrame) frame = wrap_plain(av);
        g_autofree uint16_t *rgba = g_new(uint16_t, 64 * 16 * 4);
        CHECK(msk_frame_get_rgba16(frame, rgba, 64 * 8, NULL));
        for (int x = 8; x < 56; x++) {
            const double cr = (96 + (x - offset) - 128) / 224.0; // 2 a sample, 1 a pixel
            const double red = (120 - 16) / 219.0 + 2 * (1 - 0.299) * cr;
            worst = fmax(worst, fabs(rgba[(8 * 64 + x) * 4] - red * 65535));
        }
        if (!CHECK(worst < 0.25 * 65535 * 1.402 / 224)) // a quarter of a step of chroma
            printf("  location %d: off by %.0f\n", locations[i], worst);
    }
    end_group("chroma siting");
}

// ---- RGB, grey, palette and alpha: exact -------------------------------------------------------

static unsigned rounded(unsigned value, unsigned from, unsigned to)
{
    return (unsigned)floor((double)value * to / from + 0.5);
}

static void check_exact(enum AVPixelFormat format)
{
    enum { W = 37, H = 5 };
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    const gboolean grey = desc->nb_components <= 2, alpha = !!(desc->flags & AV_PIX_FMT_FLAG_ALPHA);
    g_autoptr(AVFrame) av = new_av(format, W, H);
    static uint16_t values[4][H][W];
    int n_wrong = 0;

    for (int c = 0; c < desc->nb_components; c++)
        for (int y = 0; y < H; y++) {
            for (int x = 0; x < W; x++)
                values[c][y][x] = (uint16_t)(next_random() & ((1u << desc->comp[c].depth) - 1));
            av_write_image_line2(values[c][y], av->data, av->linesize, desc, 0, y, c, W, 2);
        }
    g_autoptr(MskFrame) frame = wrap_plain(av);
    uint8_t rgb[W * H * 3], rgba[W * H * 4];
    uint16_t wide[W * H * 4];
    CHECK(msk_frame_get_rgb8(frame, rgb, W * 3, NULL));
    CHECK(msk_frame_get_rgba8(frame, rgba, W * 4, NULL));
    CHECK(msk_frame_get_rgba16(frame, wide, W * 8, NULL));
    CHECK(msk_frame_has_alpha(frame) == alpha && msk_frame_get_depth(frame) == desc->comp[0].depth);
    for (int i = 0; i < W * H; i++) {
        for (int c = 0; c < 4; c++) {
            const int from = c == 3 ? desc->nb_components - 1 : grey ? 0 : c;
            const unsigned max = (1u << desc->comp[from].depth) - 1;
            unsigned value = (c == 3 && !alpha) ? max : values[from][i / W][i % W];
            n_wrong += c < 3 && rgb[i * 3 + c] != rounded(value, max, 255);
            n_wrong += rgba[i * 4 + c] != rounded(value, max, 255);
            n_wrong += wide[i * 4 + c] != rounded(value, max, 65535);
        }
    }
    if (!CHECK(n_wrong == 0))
        printf("  %s: %d values\n", desc->name, n_wrong);
}

static void test_exact(void)
{
    static const enum AVPixelFormat formats[] = {
        AV_PIX_FMT_RGB24,    AV_PIX_FMT_BGR24,     AV_PIX_FMT_RGBA,      AV_PIX_FMT_BGRA,
        AV_PIX_FMT_ARGB,     AV_PIX_FMT_ABGR,      AV_PIX_FMT_0RGB,      AV_PIX_FMT_GBRP,
        AV_PIX_FMT_GBRAP,    AV_PIX_FMT_RGB48LE,   AV_PIX_FMT_RGB48BE,   AV_PIX_FMT_RGBA64LE,
        AV_PIX_FMT_RGBA64BE, AV_PIX_FMT_GBRP9LE,   AV_PIX_FMT_GBRP10LE,  AV_PIX_FMT_GBRP12LE,
        AV_PIX_FMT_GBRP14LE, AV_PIX_FMT_GBRP16LE,  AV_PIX_FMT_GBRAP10LE, AV_PIX_FMT_GBRAP12LE,
        AV_PIX_FMT_RGB565LE, AV_PIX_FMT_GBRAP16LE, AV_PIX_FMT_X2RGB10LE, AV_PIX_FMT_GRAY8,
        AV_PIX_FMT_GRAY10LE, AV_PIX_FMT_GRAY12LE,  AV_PIX_FMT_GRAY16LE,  AV_PIX_FMT_GRAY16BE,
        AV_PIX_FMT_YA8,      AV_PIX_FMT_YA16LE,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        check_exact(formats[i]);
    end_group("RGB and grey");
}

static void test_alpha(void)
{
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUVA420P, AV_PIX_FMT_YUVA422P10LE,
                                                 AV_PIX_FMT_YUVA444P10LE, AV_PIX_FMT_YUVA444P12LE,
                                                 AV_PIX_FMT_YUVA444P16LE};

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        const unsigned max = (1u << av_pix_fmt_desc_get(formats[i])->comp[3].depth) - 1;
        g_autoptr(AVFrame) av = new_av(formats[i], 256, 2);
        int n_wrong = 0;
        for (int c = 0; c < 3; c++)
            fill_component(av, c, max / 2);
        for (int x = 0; x < 256; x++)
            for (int y = 0; y < 2; y++) {
                uint8_t *at = av->data[3] + y * av->linesize[3];
                const unsigned value = rounded((unsigned)x, 255, max);
                if (max == 255)
                    at[x] = (uint8_t)value;
                else
                    ((uint16_t *)at)[x] = (uint16_t)value;
            }
        g_autoptr(MskFrame) frame = wrap_plain(av);
        uint8_t rgba[256 * 2 * 4];
        uint16_t wide[256 * 2 * 4];
        CHECK(msk_frame_has_alpha(frame) && msk_frame_get_rgba8(frame, rgba, 1024, NULL) &&
              msk_frame_get_rgba16(frame, wide, 2048, NULL));
        for (int x = 0; x < 256; x++) { // every value of 8 bits survives
            n_wrong += rgba[x * 4 + 3] != x || rgba[1024 + x * 4 + 3] != x;
            n_wrong += wide[x * 4 + 3] != rounded(rounded((unsigned)x, 255, max), max, 65535);
        }
        CHECK(n_wrong == 0);
    }
    end_group("alpha");
}

static void test_palette(void)
{
    g_autoptr(AVFrame) av = new_av(AV_PIX_FMT_PAL8, 8, 1);
    const uint32_t colours[3] = {0xff102030, 0x80aabbcc, 0xff0000ff};
    uint8_t rgba[8 * 4];

    memset(av->data[1], 0xff, 1024);
    memcpy(av->data[1], colours, sizeof colours);
    memset(av->data[0], 0, 8);
    av->data[0][3] = 2;
    g_autoptr(MskFrame) opaque = wrap_plain(av);
    CHECK(!msk_frame_has_alpha(opaque)); // its clear colour is not used
    CHECK(msk_frame_get_rgba8(opaque, rgba, 32, NULL));
    CHECK(memcmp(rgba, "\x10\x20\x30\xff", 4) == 0 && memcmp(rgba + 12, "\0\0\xff\xff", 4) == 0);
    g_autoptr(AVFrame) copy = new_av(AV_PIX_FMT_PAL8, 8, 1);
    av_frame_copy(copy, av);
    copy->data[0][1] = 1;
    g_autoptr(MskFrame) clear = wrap_plain(copy);
    CHECK(msk_frame_has_alpha(clear) && msk_frame_get_rgba8(clear, rgba, 32, NULL));
    CHECK(memcmp(rgba + 4, "\xaa\xbb\xcc\x80", 4) == 0);
    end_group("palette");
}

static void test_limited_grey(void)
{
    g_autoptr(AVFrame) av = new_av(AV_PIX_FMT_GRAY8, 256, 1);
    uint8_t rgb[256 * 3];
    int n_wrong = 0;

    for (int x = 0; x < 256; x++)
        av->data[0][x] = (uint8_t)x;
    av->color_range = AVCOL_RANGE_MPEG;
    g_autoptr(MskFrame) frame = wrap_plain(av);
    CHECK(msk_frame_get_rgb8(frame, rgb, sizeof rgb, NULL));
    for (int x = 0; x < 256; x++)
        n_wrong += rgb[x * 3] != floor((CLAMP(x, 16, 235) - 16) * 255.0 / 219 + 0.5);
    CHECK(n_wrong == 0);

    g_autoptr(AVFrame) ten = msk_frame_convert(frame, AV_PIX_FMT_GRAY10LE, NULL, NULL);
    CHECK(ten && ten->color_range == AVCOL_RANGE_MPEG);
    for (int x = 16; x <= 235; x++)
        n_wrong += abs(((uint16_t *)ten->data[0])[x] - x * 4) > 0;
    CHECK(n_wrong == 0);
    end_group("grey of limited range");
}

static void test_float(void)
{
    static const float linear[] = {0, 0.0021f, 0.18f, 0.5f, 1, 7, -1, NAN};
    g_autoptr(AVFrame) av = new_av(AV_PIX_FMT_GBRAPF32LE, 8, 1);
    uint16_t rgba[8 * 4];

    for (int x = 0; x < 8; x++) {
        for (int p = 0; p < 3; p++)
            ((float *)av->data[p])[x] = linear[x] * 0.25f; // premultiplied
        ((float *)av->data[3])[x] = 0.25f;
    }
    g_autoptr(MskFrame) frame = wrap_plain(av);
    CHECK(msk_frame_has_alpha(frame) && msk_frame_get_depth(frame) == 16);
    CHECK(msk_frame_get_rgba16(frame, rgba, 64, NULL));
    for (int x = 0; x < 8; x++) {
        const double v = linear[x] > 0 ? fmin(linear[x], 1) : 0; // NaN is black
        const double code = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
        CHECK(fabs(rgba[x * 4] - code * 65535) <= 1 && rgba[x * 4 + 3] == 16384);
    }
    end_group("scene-linear float");
}

// ---- Memory of the caller ----------------------------------------------------------------------

static void test_guards(void)
{
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV444P10LE,
                                                 AV_PIX_FMT_BGRA, AV_PIX_FMT_GRAY16LE};
    static const int sizes[][2] = {{1, 1}, {2, 3}, {7, 5}, {33, 17}, {129, 2}};
    int n_wrong = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(sizes); k++) {
            for (int orientation = 1; orientation <= 8; orientation++) {
                g_autoptr(AVFrame) av = new_av(formats[i], sizes[k][0], sizes[k][1]);
                const gboolean swaps = msk_orientation_swaps(orientation);
                const int width = sizes[k][swaps], height = sizes[k][!swaps];
                for (int c = 0; c < av_pix_fmt_desc_get(formats[i])->nb_components; c++)
                    fill_component(av, c, 100);
                g_autoptr(MskFrame) frame = msk_frame_new(av, 3, 4, orientation, width, height);
                for (int step = 3; step <= 8; step += step == 3 ? 1 : 4) {
                    const size_t stride = (size_t)width * step + 8;
                    g_autofree uint8_t *memory = g_malloc(stride * height + 8);
                    uint8_t *pixels = memory + 8;
                    memset(memory, 0xa5, stride * height + 8);
                    gboolean done =
                        step == 3   ? msk_frame_get_rgb8(frame, pixels, stride, NULL)
                        : step == 4 ? msk_frame_get_rgba8(frame, pixels, stride, NULL)
                                    : msk_frame_get_rgba16(frame, (uint16_t *)pixels, stride, NULL);
                    n_wrong += !done;
                    for (int b = 0; b < 8; b++)
                        n_wrong += memory[b] != 0xa5;
                    for (int y = 0; y < height; y++)
                        for (int b = 0; b < 8; b++)
                            n_wrong += pixels[y * stride + (size_t)width * step + b] != 0xa5;
                }
                g_autoptr(AVFrame) converted =
                    msk_frame_convert(frame, AV_PIX_FMT_YUVA420P, NULL, NULL);
                n_wrong += !converted || converted->width != width || converted->pts != 4;
            }
        }
    }
    CHECK(n_wrong == 0);
    end_group("odd sizes and guard bytes");
}

// ---- For encoders ------------------------------------------------------------------------------

static AVFrame *random_av(enum AVPixelFormat format, int width, int height)
{
    AVFrame *av = new_av(format, width, height);
    const int depth = av_pix_fmt_desc_get(format)->comp[0].depth;

    for (int i = 0; i < 4 && av->buf[0] && av->data[i]; i++) {
        const int n = av_pix_fmt_desc_get(format)->log2_chroma_h && (i == 1 || i == 2)
                          ? AV_CEIL_RSHIFT(height, 1)
                          : height;
        for (int y = 0; y < n; y++)
            for (int x = 0; x < av->linesize[i] / (depth > 8 ? 2 : 1); x++) {
                uint8_t *row = av->data[i] + y * av->linesize[i];
                if (depth > 8)
                    ((uint16_t *)row)[x] = (uint16_t)(next_random() & ((1u << depth) - 1));
                else
                    row[x] = (uint8_t)next_random();
            }
    }
    return av;
}

static bool planes_equal(const AVFrame *a, const AVFrame *b)
{
    const int size = av_image_get_buffer_size(a->format, a->width, a->height, 1);
    g_autofree uint8_t *left = g_malloc(size), *right = g_malloc(size);

    if (a->format != b->format || a->width != b->width || a->height != b->height)
        return false;
    av_image_copy_to_buffer(left, size, (const uint8_t *const *)a->data, a->linesize, a->format,
                            a->width, a->height, 1);
    av_image_copy_to_buffer(right, size, (const uint8_t *const *)b->data, b->linesize, b->format,
                            b->width, b->height, 1);
    return memcmp(left, right, size) == 0;
}

static void test_convert(void)
{
    static const enum AVPixelFormat same[] = {AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV422P10LE,
                                              AV_PIX_FMT_YUVA420P,  AV_PIX_FMT_YUVA444P10LE,
                                              AV_PIX_FMT_GBRAP16LE, AV_PIX_FMT_RGB24};

    for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
        g_autoptr(AVFrame) av = random_av(same[i], 50, 22);
        av->color_primaries = AVCOL_PRI_BT2020;
        av->color_trc = AVCOL_TRC_SMPTE2084;
        av->sample_aspect_ratio = (AVRational){4, 3};
        g_autoptr(MskFrame) frame = msk_frame_new(av, 1, 77, MSK_ORIENTATION_NORMAL, 50, 22);
        g_autoptr(AVFrame) out = msk_frame_convert(frame, same[i], NULL, NULL);
        if (!CHECK(out && planes_equal(av, out)))
            printf("  %s\n", av_get_pix_fmt_name(same[i]));
        CHECK(out->pts == 77 && out->sample_aspect_ratio.num == 4);
        CHECK(out->color_primaries == AVCOL_PRI_BT2020 && out->color_trc == AVCOL_TRC_SMPTE2084);
        CHECK(out->color_range != AVCOL_RANGE_UNSPECIFIED && av_frame_is_writable(out));
    }

    // More depth and chroma: luma is shifted, alpha opaque.
    g_autoptr(AVFrame) av = random_av(AV_PIX_FMT_YUV420P, 48, 20);
    g_autoptr(MskFrame) frame = wrap_plain(av);
    g_autoptr(AVFrame) out = msk_frame_convert(frame, AV_PIX_FMT_YUVA444P10LE, NULL, NULL);
    int n_wrong = 0;
    for (int y = 0; out && y < 20; y++)
        for (int x = 0; x < 48; x++) {
            const int luma = av->data[0][y * av->linesize[0] + x];
            n_wrong += ((uint16_t *)(out->data[0] + y * out->linesize[0]))[x] != luma * 4;
            n_wrong += ((uint16_t *)(out->data[3] + y * out->linesize[3]))[x] != 1023;
        }
    CHECK(out && n_wrong == 0 && out->color_range == AVCOL_RANGE_MPEG &&
          out->colorspace == AVCOL_SPC_SMPTE170M);

    // RGB to YUV and back, at 16 bits, in the wanted matrix and range.
    const MskColour target = {AVCOL_RANGE_MPEG, AVCOL_SPC_BT709, AVCOL_PRI_BT709, AVCOL_TRC_BT709,
                              AVCHROMA_LOC_LEFT};
    g_autoptr(AVFrame) red = new_av(AV_PIX_FMT_GBRP, 32, 8);
    fill_component(red, 0, 200);
    fill_component(red, 1, 90);
    fill_component(red, 2, 30);
    g_autoptr(MskFrame) red_frame = wrap_plain(red);
    g_autoptr(AVFrame) yuv = msk_frame_convert(red_frame, AV_PIX_FMT_YUV444P10LE, &target, NULL);
    const double luma = (0.2126 * 200 + 0.7152 * 90 + 0.0722 * 30) / 255;
    const double wanted[3] = {64 + 876 * luma, 512 + 896 * (30 / 255.0 - luma) / 1.8556,
                              512 + 896 * (200 / 255.0 - luma) / 1.5748};
    for (int p = 0; yuv && p < 3; p++)
        if (!CHECK(fabs(((uint16_t *)yuv->data[p])[9] - wanted[p]) <= 1))
            printf("  plane %d: %d, not %.2f\n", p, ((uint16_t *)yuv->data[p])[9], wanted[p]);
    CHECK(yuv && yuv->colorspace == AVCOL_SPC_BT709 && yuv->color_range == AVCOL_RANGE_MPEG);
    end_group("conversion for encoders");
}

static void rgb_to_yuv(const Matrix *matrix, gboolean full, int depth, const double rgb[3],
                       double yuv[3])
{
    const double unit = 1 << (depth - 8), max = (1 << depth) - 1, middle = 1 << (depth - 1);
    const double y =
        matrix->kr * rgb[0] + (1 - matrix->kr - matrix->kb) * rgb[1] + matrix->kb * rgb[2];

    yuv[0] = full ? y * max : 16 * unit + 219 * unit * y;
    yuv[1] = middle + (rgb[2] - y) / (2 * (1 - matrix->kb)) * (full ? max : 224 * unit);
    yuv[2] = middle + (rgb[0] - y) / (2 * (1 - matrix->kr)) * (full ? max : 224 * unit);
}

// Flat pictures from any kind to any other, between matrices and ranges.
static void test_convert_values(void)
{
    static const enum AVPixelFormat from[] = {AV_PIX_FMT_YUV420P,     AV_PIX_FMT_YUV420P10LE,
                                              AV_PIX_FMT_YUV444P12LE, AV_PIX_FMT_GBRP,
                                              AV_PIX_FMT_RGB48LE,     AV_PIX_FMT_GRAY16LE};
    static const enum AVPixelFormat to[] = {AV_PIX_FMT_YUV444P10LE, AV_PIX_FMT_YUVA444P10LE,
                                            AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV420P,
                                            AV_PIX_FMT_GBRP16LE,    AV_PIX_FMT_GBRAP10LE,
                                            AV_PIX_FMT_YUV444P12LE, AV_PIX_FMT_RGBA64LE};
    double worst = 0;

    for (int i = 0; i < 400; i++) {
        const Matrix *source = &matrices[next_random() % 4], *target = &matrices[next_random() % 4];
        const enum AVPixelFormat in = from[i % 6], out_format = to[i / 6 % 8];
        const AVPixFmtDescriptor *in_desc = av_pix_fmt_desc_get(in);
        const AVPixFmtDescriptor *out_desc = av_pix_fmt_desc_get(out_format);
        const gboolean in_rgb = in_desc->flags & AV_PIX_FMT_FLAG_RGB;
        const gboolean out_rgb = out_desc->flags & AV_PIX_FMT_FLAG_RGB;
        const gboolean grey = in_desc->nb_components == 1;
        const gboolean in_full = grey || next_random() % 2, out_full = next_random() % 2;
        const int depth = in_desc->comp[0].depth, out_depth = out_desc->comp[0].depth;
        unsigned codes[3];
        double rgb[3], wanted[3];

        g_autoptr(AVFrame) av = new_av(in, 32, 16);
        for (int c = 0; c < in_desc->nb_components; c++) {
            const gboolean luma = in_rgb || grey || c == 0;
            codes[c] = ((luma ? 70 : 116) + next_random() % (luma ? 110 : 24)) << (depth - 8);
            fill_component(av, c, codes[c]);
        }
        av->color_range = in_full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
        av->colorspace = source->tag;
        if (in_rgb || grey)
            for (int c = 0; c < 3; c++)
                rgb[c] = codes[grey ? 0 : c] / (double)((1 << depth) - 1);
        else
            yuv_to_rgb(source, in_full, depth, codes, rgb);
        if (out_rgb)
            for (int c = 0; c < 3; c++)
                wanted[c] = rgb[c] * ((1 << out_depth) - 1);
        else
            rgb_to_yuv(target, out_full, out_depth, rgb, wanted);

        const MskColour colour = {out_full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG, target->tag, 2, 2,
                                  1};
        g_autoptr(MskFrame) frame = wrap_plain(av);
        g_autoptr(AVFrame) out = msk_frame_convert(frame, out_format, &colour, NULL);
        if (!CHECK(out))
            continue;
        CHECK(out_rgb ||
              ((int)out->colorspace == target->tag && (int)out->color_range == colour.range));
        for (int c = 0; c < out_desc->nb_components; c++) {
            uint16_t value;
            av_read_image_line2(&value, (const uint8_t **)out->data, out->linesize, out_desc, 6, 4,
                                c, 1, 0, 2);
            const double off = fabs(value - (c == 3 ? (1 << out_depth) - 1 : wanted[c]));
            worst = fmax(worst, off);
            if (!CHECK(off < 1))
                printf("  %s to %s, %d: %d, not %.2f\n", in_desc->name, out_desc->name, c, value,
                       c == 3 ? 0 : wanted[c]);
        }
    }
    printf("  off by up to %.2f codes\n", worst);
    end_group("values for encoders");
}

// What the orientations mean, by the EXIF standard: where row 0 and column 0 of the coded picture
// are seen.
static void upright_position(int orientation, int w, int h, int x, int y, int *out_x, int *out_y)
{
    const int table[8][2] = {
        {x, y}, {w - 1 - x, y}, {w - 1 - x, h - 1 - y}, {x, h - 1 - y},
        {y, x}, {h - 1 - y, x}, {h - 1 - y, w - 1 - x}, {y, w - 1 - x},
    };

    *out_x = table[orientation - 1][0];
    *out_y = table[orientation - 1][1];
}

static void test_orientation(void)
{
    enum { W = 71, H = 45 };

    for (int orientation = 1; orientation <= 8; orientation++) {
        const gboolean swaps = orientation >= 5;
        const int width = swaps ? H : W, height = swaps ? W : H;
        g_autoptr(AVFrame) av = random_av(AV_PIX_FMT_RGB24, W, H);
        g_autoptr(MskFrame) frame = msk_frame_new(av, 0, 0, orientation, width, height);
        g_autofree uint8_t *rgb = g_malloc(W * H * 3);
        g_autoptr(AVFrame) planar = msk_frame_convert(frame, AV_PIX_FMT_GBRP, NULL, NULL);
        int n_wrong = 0;
        CHECK(msk_frame_get_rgb8(frame, rgb, (size_t)width * 3, NULL));
        CHECK(planar && planar->width == width && planar->height == height);
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                const uint8_t *pixel = av->data[0] + y * av->linesize[0] + x * 3;
                int u, v;
                upright_position(orientation, W, H, x, y, &u, &v);
                n_wrong += memcmp(rgb + (v * width + u) * 3, pixel, 3) != 0;
                n_wrong += planar->data[2][v * planar->linesize[2] + u] != pixel[0];
                n_wrong += planar->data[0][v * planar->linesize[0] + u] != pixel[1];
            }
        CHECK(n_wrong == 0);

        // A file that was turned by its pixels before: 4:2:0 survives turning within rounding.
        g_autoptr(AVFrame) flat = new_av(AV_PIX_FMT_YUV420P, W, H);
        for (int c = 0; c < 3; c++)
            fill_component(flat, c, 90 + 20 * c);
        g_autoptr(MskFrame) flat_frame = msk_frame_new(flat, 0, 0, orientation, width, height);
        g_autoptr(AVFrame) turned = msk_frame_convert(flat_frame, AV_PIX_FMT_YUV420P, NULL, NULL);
        g_autoptr(AVFrame) expected = new_av(AV_PIX_FMT_YUV420P, width, height);
        for (int c = 0; c < 3; c++)
            fill_component(expected, c, 90 + 20 * c);
        CHECK(turned && planes_equal(turned, expected));
    }
    end_group("orientation");
}

static void test_matrix(void)
{
    // x' = a p + c q, y' = b p + d q with (a, b, c, d), for each orientation.
    static const int entries[8][4] = {
        {1, 0, 0, 1}, {-1, 0, 0, 1}, {-1, 0, 0, -1}, {1, 0, 0, -1},
        {0, 1, 1, 0}, {0, 1, -1, 0}, {0, -1, -1, 0}, {0, -1, 1, 0},
    };
    gboolean exact = FALSE;

    for (int i = 0; i < 8; i++) {
        int32_t matrix[9] = {entries[i][0] * 65536,
                             entries[i][1] * 65536,
                             0,
                             entries[i][2] * 65536,
                             entries[i][3] * 65536,
                             0,
                             0,
                             0,
                             1 << 30};
        CHECK(msk_orientation_from_matrix(matrix, &exact) == (MskOrientation)(i + 1) && exact);
    }
    const int32_t odd[9] = {46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30}; // 45 degrees
    const int32_t none[9] = {0};
    CHECK(msk_orientation_from_matrix(odd, &exact) == MSK_ORIENTATION_NORMAL && !exact);
    CHECK(msk_orientation_from_matrix(none, &exact) == MSK_ORIENTATION_NORMAL && !exact);
    end_group("display matrix");
}

// ---- What is assumed, and sizes that change ----------------------------------------------------

static void test_assumptions(void)
{
    static const struct {
        enum AVPixelFormat format;
        int width, height, range, matrix, expect_range, expect_matrix;
    } cases[] = {
        {AV_PIX_FMT_YUV420P, 720, 576, 0, 2, AVCOL_RANGE_MPEG, AVCOL_SPC_SMPTE170M},
        {AV_PIX_FMT_YUV420P, 1280, 544, 0, 2, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709},
        {AV_PIX_FMT_YUV420P, 960, 720, 0, 2, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709},
        {AV_PIX_FMT_YUV420P, 1920, 1080, 2, 5, AVCOL_RANGE_JPEG, AVCOL_SPC_BT470BG},
        {AV_PIX_FMT_YUVJ420P, 64, 64, 0, 2, AVCOL_RANGE_JPEG, AVCOL_SPC_SMPTE170M},
        {AV_PIX_FMT_YUV444P, 64, 64, 0, 8, AVCOL_RANGE_MPEG, AVCOL_SPC_SMPTE170M}, // YCgCo
        {AV_PIX_FMT_RGB24, 64, 64, 1, 1, AVCOL_RANGE_JPEG, AVCOL_SPC_RGB},
        {AV_PIX_FMT_GRAY8, 64, 64, 0, 2, AVCOL_RANGE_JPEG, AVCOL_SPC_SMPTE170M},
        {AV_PIX_FMT_GRAY8, 64, 64, 1, 2, AVCOL_RANGE_MPEG, AVCOL_SPC_SMPTE170M},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const MskColour tagged = {cases[i].range, cases[i].matrix, 2, 2, 0};
        const MskColour colour = msk_frame_resolve_colour(av_pix_fmt_desc_get(cases[i].format),
                                                          cases[i].width, cases[i].height, tagged);
        CHECK(colour.range == cases[i].expect_range && colour.matrix == cases[i].expect_matrix);
    }
    end_group("assumed colour");
}

static void test_scaling(void)
{
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_RGB24,
                                                 AV_PIX_FMT_YUVA444P10LE};

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(formats[i]);
        g_autoptr(AVFrame) av = new_av(formats[i], 40, 30);
        for (int c = 0; c < desc->nb_components; c++)
            fill_component(av, c, 128u << (desc->comp[c].depth - 8));
        // The media is 60 x 50 upright, this picture changed its size.
        g_autoptr(MskFrame) frame = msk_frame_new(av, 0, 0, MSK_ORIENTATION_ROTATE_90, 60, 50);
        uint8_t rgba[60 * 50 * 4], small[9 * 7 * 4];
        CHECK(msk_frame_get_rgba8(frame, rgba, 240, NULL));
        CHECK(msk_frame_get_rgba8_scaled(frame, 9, 7, small, 36, NULL));
        const gboolean rgb = desc->flags & AV_PIX_FMT_FLAG_RGB;
        const int value = rgb ? 128 : (int)floor((128 - 16) * 255 / 219.0 + 0.5);
        int n_wrong = 0;
        for (int p = 0; p < 60 * 50; p++)
            for (int c = 0; c < 3; c++)
                n_wrong += abs(rgba[p * 4 + c] - value) > 1;
        for (int p = 0; p < 9 * 7; p++)
            n_wrong += abs(small[p * 4] - value) > 1 ||
                       abs(small[p * 4 + 3] - (msk_frame_has_alpha(frame) ? 128 : 255)) > 1;
        CHECK(n_wrong == 0);
        g_autoptr(AVFrame) out = msk_frame_convert(frame, AV_PIX_FMT_YUV422P10LE, NULL, NULL);
        CHECK(out && out->width == 60 && out->height == 50);
    }
    end_group("scaling");
}

int main(void)
{
    test_yuv();
    test_siting();
    test_exact();
    test_alpha();
    test_palette();
    test_limited_grey();
    test_float();
    test_guards();
    test_convert();
    test_convert_values();
    test_orientation();
    test_matrix();
    test_assumptions();
    test_scaling();
    return end_tests();
}
