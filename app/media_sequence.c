// SPDX-License-Identifier: Apache-2.0
// MskSequence: a folder of images, a numbered pattern or a single image, one file a frame.
#include "app/media_private.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

static gboolean is_image_name(const char *name)
{
    static const char *const extensions[] = {
        "png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "exr", "dpx", "bmp", "webp",
        "tga", "jp2", "j2k",  "j2c", "jxl",  "pgm", "ppm",  "pnm", "pbm", "pam", "pfm",
        "sgi", "rgb", "hdr",  "psd", "pcx",  "qoi", "ras",  "sun", "xwd", "cin",
    };
    const char *dot = strrchr(name, '.');

    if (name[0] == '.' || !dot)
        return FALSE;
    for (size_t i = 0; i < G_N_ELEMENTS(extensions); i++)
        if (g_ascii_strcasecmp(dot + 1, extensions[i]) == 0)
            return TRUE;
    return FALSE;
}

// Numbers inside names count by their value: a2.png comes before a10.png.
static int compare_natural(const char *a, const char *b)
{
    const char *left = a, *right = b;

    while (*left && *right) {
        if (g_ascii_isdigit(*left) && g_ascii_isdigit(*right)) {
            left += strspn(left, "0");
            right += strspn(right, "0");
            size_t n_left = strspn(left, "0123456789"), n_right = strspn(right, "0123456789");
            if (n_left != n_right)
                return n_left < n_right ? -1 : 1;
            int order = strncmp(left, right, n_left);
            if (order)
                return order;
            left += n_left;
            right += n_right;
        } else {
            int order = g_ascii_tolower(*left++) - g_ascii_tolower(*right++);
            if (order)
                return order;
        }
    }
    if (*left || *right)
        return *left ? 1 : -1;
    return strcmp(a, b);
}

static gint compare_names_cb(gconstpointer a, gconstpointer b)
{
    return compare_natural(*(const char *const *)a, *(const char *const *)b);
}

// ---- Patterns ----------------------------------------------------------------------------------

typedef struct Pattern {
    char *prefix, *suffix;
    int width; // digits, filled with zeros; 0: as many as it takes
} Pattern;

// Takes "name.%04d.png" apart; FALSE when it is something else.
static gboolean parse_pattern(const char *name, Pattern *out)
{
    GString *parts[2] = {g_string_new(NULL), g_string_new(NULL)};
    int part = 0;
    gboolean is_valid = TRUE;

    out->width = 0;
    for (const char *at = name; *at && is_valid; at++) {
        if (*at != '%') {
            g_string_append_c(parts[part], *at);
        } else if (at[1] == '%') {
            g_string_append_c(parts[part], *at++);
        } else {
            gboolean zeros = at[1] == '0';
            at += 1 + zeros;
            if (g_ascii_isdigit(*at))
                out->width = *at++ - '0';
            is_valid = *at == 'd' && part == 0 && (zeros ? out->width > 0 : out->width == 0);
            part = 1;
        }
    }
    out->prefix = g_string_free(parts[0], FALSE);
    out->suffix = g_string_free(parts[1], FALSE);
    if (is_valid && part == 1)
        return TRUE;
    g_free(out->prefix);
    g_free(out->suffix);
    return FALSE;
}

// The number in a name of the pattern, or -1.
static int64_t match_pattern(const Pattern *pattern, const char *name)
{
    const size_t n_prefix = strlen(pattern->prefix), n_suffix = strlen(pattern->suffix);
    const size_t length = strlen(name);

    if (length <= n_prefix + n_suffix || !g_str_has_prefix(name, pattern->prefix) ||
        !g_str_has_suffix(name, pattern->suffix))
        return -1;
    const size_t n_digits = length - n_prefix - n_suffix;
    const char *digits = name + n_prefix;
    if (n_digits > 18 || strspn(digits, "0123456789") < n_digits)
        return -1;
    // As printf() would write it: filled up to the width, no zeros beyond.
    if (n_digits < (size_t)pattern->width ||
        (digits[0] == '0' && n_digits > (size_t)MAX(pattern->width, 1)))
        return -1;
    return g_ascii_strtoll(digits, NULL, 10);
}

static void warn_of_gaps(const MskSequence *sequence, const Pattern *pattern, GPtrArray *warnings)
{
    int64_t before = -1, first_missing = -1, n_missing = 0;

    for (guint i = 0; i < sequence->names->len; i++) {
        int64_t number = match_pattern(pattern, g_ptr_array_index(sequence->names, i));
        if (i > 0 && number != before + 1) {
            if (first_missing < 0)
                first_missing = before + 1;
            n_missing += number - before - 1;
        }
        before = number;
    }
    if (n_missing)
        g_ptr_array_add(warnings,
                        g_strdup_printf(_("%" PRId64 " numbers are missing in the "
                                          "sequence (the first is %" PRId64
                                          "); its images follow each other without a gap"),
                                        n_missing, first_missing));
}

// ---- Listing -----------------------------------------------------------------------------------

static gboolean list_folder(MskSequence *sequence, const Pattern *pattern, GError **error)
{
    g_autofree char *display = g_filename_display_name(sequence->path);
    const char *name;
    GDir *dir = g_dir_open(sequence->folder, 0, NULL);

    if (!dir) {
        const gboolean is_missing = errno == ENOENT || errno == ENOTDIR;
        g_set_error(error, MSK_MEDIA_ERROR,
                    is_missing ? MSK_MEDIA_ERROR_NOT_FOUND : MSK_MEDIA_ERROR_UNREADABLE,
                    is_missing ? _("\"%s\": there is no such folder; check the name")
                               : _("\"%s\": the folder may not be read; check its permissions"),
                    display);
        return FALSE;
    }
    while ((name = g_dir_read_name(dir)))
        if (pattern ? match_pattern(pattern, name) >= 0 : is_image_name(name))
            g_ptr_array_add(sequence->names, g_strdup(name));
    g_dir_close(dir);
    if (sequence->names->len == 0) {
        g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_NOT_FOUND,
                    pattern
                        ? _("No file fits the pattern \"%s\"; check the folder, the name and the "
                            "number of digits")
                        : _("The folder \"%s\" holds no images (PNG, JPEG, TIFF, EXR, DPX, ...); "
                            "choose the folder that holds the frames"),
                    display);
        return FALSE;
    }
    g_ptr_array_sort(sequence->names, compare_names_cb);
    return TRUE;
}

MskSequence *msk_sequence_open(const char *path, gboolean is_image, GPtrArray *warnings,
                               GError **error)
{
    g_autoptr(MskSequence) sequence = g_new0(MskSequence, 1);
    g_autofree char *base = g_path_get_basename(path);
    Pattern pattern = {0};

    sequence->path = g_strdup(path);
    sequence->names = g_ptr_array_new_with_free_func(g_free);
    if (is_image) {
        sequence->folder = g_path_get_dirname(path);
        g_ptr_array_add(sequence->names, g_steal_pointer(&base));
        return g_steal_pointer(&sequence);
    }
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
        sequence->folder = g_strdup(path);
        return list_folder(sequence, NULL, error) ? g_steal_pointer(&sequence) : NULL;
    }
    if (g_file_test(path, G_FILE_TEST_EXISTS) || !parse_pattern(base, &pattern))
        return NULL;
    sequence->folder = g_path_get_dirname(path);
    gboolean is_listed = list_folder(sequence, &pattern, error);
    if (is_listed)
        warn_of_gaps(sequence, &pattern, warnings);
    g_free(pattern.prefix);
    g_free(pattern.suffix);
    return is_listed ? g_steal_pointer(&sequence) : NULL;
}

void msk_sequence_free(MskSequence *sequence)
{
    if (!sequence)
        return;
    g_ptr_array_unref(sequence->names);
    g_free(sequence->folder);
    g_free(sequence->path);
    g_free(sequence);
}

// ---- One image ---------------------------------------------------------------------------------

static int interrupt_cb(void *cancellable)
{
    return g_cancellable_is_cancelled(cancellable);
}

// The kind of image by the file's contents: names can be wrong.
static const AVInputFormat *probe(const char *path)
{
    uint8_t bytes[4096 + AVPROBE_PADDING_SIZE] = {0};
    FILE *file = g_fopen(path, "rb");
    int score = 0;

    if (!file)
        return NULL;
    const size_t n = fread(bytes, 1, sizeof bytes - AVPROBE_PADDING_SIZE, file);
    fclose(file);
    AVProbeData data = {.filename = "", .buf = bytes, .buf_size = (int)n};
    const AVInputFormat *format = av_probe_input_format3(&data, 1, &score);
    return format && g_str_has_suffix(format->name, "_pipe") ? format : NULL;
}

static AVFormatContext *open_image(const char *path, GCancellable *cancellable, GError **error)
{
    g_autofree char *url = g_strconcat("file:", path, NULL);
    AVDictionary *options = NULL;
    GStatBuf status;

    msk_log_clear();
    if (g_stat(path, &status) < 0) {
        msk_set_av_error(error, path, AVERROR(errno));
        return NULL;
    }
    AVFormatContext *format = S_ISREG(status.st_mode) ? avformat_alloc_context() : NULL;
    if (!format) {
        msk_set_av_error(error, path, S_ISREG(status.st_mode) ? AVERROR(ENOMEM) : AVERROR(EIO));
        return NULL;
    }
    format->interrupt_callback = (AVIOInterruptCB){interrupt_cb, cancellable};
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    av_dict_set(&options, "pattern_type", "none", 0);
    int code = avformat_open_input(&format, url, probe(path), &options);
    av_dict_free(&options);
    if (code >= 0 &&
        (!format->nb_streams || format->streams[0]->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)) {
        avformat_close_input(&format);
        code = AVERROR_INVALIDDATA;
    }
    if (code < 0) {
        msk_set_av_error(error, path, code);
        return NULL;
    }
    return format;
}

static AVCodecContext *open_codec(const AVFormatContext *format, int n_threads)
{
    const AVCodecParameters *parameters = format->streams[0]->codecpar;
    const AVCodec *decoder = avcodec_find_decoder(parameters->codec_id);
    AVCodecContext *codec = decoder ? avcodec_alloc_context3(decoder) : NULL;

    if (!codec)
        return NULL;
    codec->thread_count = n_threads;
    codec->thread_type = FF_THREAD_SLICE; // there is one picture only
    codec->max_pixels = MSK_MEDIA_MAX_PIXELS;
    if (avcodec_parameters_to_context(codec, parameters) < 0 ||
        avcodec_open2(codec, decoder, NULL) < 0)
        avcodec_free_context(&codec);
    return codec;
}

// Sends packets until the first picture comes out.
static gboolean decode_picture(AVFormatContext *format, AVCodecContext *codec, AVFrame *av)
{
    AVPacket *packet = av_packet_alloc();
    gboolean is_done = FALSE;

    while (packet && !is_done && av_read_frame(format, packet) >= 0) {
        if (packet->stream_index == 0 && packet->size > 0 &&
            avcodec_send_packet(codec, packet) >= 0)
            is_done = avcodec_receive_frame(codec, av) >= 0;
        av_packet_unref(packet);
    }
    if (!is_done && avcodec_send_packet(codec, NULL) >= 0)
        is_done = avcodec_receive_frame(codec, av) >= 0;
    av_packet_free(&packet);
    return is_done;
}

static void upright_size(const AVFrame *av, int *width, int *height)
{
    const AVFrameSideData *side = av_frame_get_side_data(av, AV_FRAME_DATA_DISPLAYMATRIX);
    const gboolean swaps =
        side && side->size >= 9 * sizeof(int32_t) &&
        msk_orientation_swaps(msk_orientation_from_matrix((const int32_t *)side->data, NULL));

    *width = swaps ? av->height : av->width;
    *height = swaps ? av->width : av->height;
}

// Takes the size from image 0, demands it of the others.
static gboolean check_picture(MskSequence *sequence, int64_t n, const AVFrame *av, GError **error)
{
    int width, height;

    upright_size(av, &width, &height);
    if (n == 0) {
        sequence->coded_width = av->width;
        sequence->coded_height = av->height;
        sequence->width = width;
        sequence->height = height;
    }
    if (width == sequence->width && height == sequence->height)
        return TRUE;
    g_autofree char *display = g_filename_display_name(sequence->path);
    g_autofree char *name = g_filename_display_name(g_ptr_array_index(sequence->names, n));
    g_autofree char *first = g_filename_display_name(g_ptr_array_index(sequence->names, 0));
    g_set_error(error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_MIXED_SIZES,
                _("\"%s\": \"%s\" is %d x %d pixels large, the first image (\"%s\") is %d x %d; "
                  "remove it or scale it"),
                display, name, width, height, first, sequence->width, sequence->height);
    return FALSE;
}

AVFrame *msk_sequence_decode(MskSequence *sequence, int64_t n, int n_threads,
                             GCancellable *cancellable, GError **error)
{
    g_autofree char *path =
        g_build_filename(sequence->folder, g_ptr_array_index(sequence->names, n), NULL);
    AVFormatContext *format = open_image(path, cancellable, error);

    if (!format)
        return NULL;
    g_autoptr(AVFrame) av = av_frame_alloc();
    AVCodecContext *codec = open_codec(format, n_threads);
    const gboolean is_done = codec && decode_picture(format, codec, av);
    if (!is_done) {
        g_autofree char *name = g_filename_display_name(path);
        const char *codec_name = avcodec_get_name(format->streams[0]->codecpar->codec_id);
        const char *reason = msk_log_last();
        if (!codec)
            g_set_error(
                error, MSK_MEDIA_ERROR, MSK_MEDIA_ERROR_UNSUPPORTED,
                _("\"%s\": there is no decoder for its format (%s); convert it to PNG first"), name,
                codec_name);
        else if (!msk_set_size_error(error, path))
            g_set_error(error, MSK_MEDIA_ERROR,
                        n == 0 ? MSK_MEDIA_ERROR_FORMAT : MSK_MEDIA_ERROR_DAMAGED,
                        _("The image \"%s\" (%s) does not decode%s%s; make a new copy of it"), name,
                        codec_name, reason[0] ? ": " : "", reason);
    }
    if (is_done && n == 0)
        g_strlcpy(sequence->codec, codec->codec->name, sizeof sequence->codec);
    avcodec_free_context(&codec);
    avformat_close_input(&format);
    return is_done && check_picture(sequence, n, av, error) ? g_steal_pointer(&av) : NULL;
}

// ---- All images --------------------------------------------------------------------------------

static gboolean read_size(const char *path, GCancellable *cancellable, int *width, int *height)
{
    AVFormatContext *format = open_image(path, cancellable, NULL);
    AVDictionary *options = NULL;

    if (!format)
        return FALSE;
    av_dict_set_int(&options, "max_pixels", MSK_MEDIA_MAX_PIXELS, 0);
    av_dict_set(&options, "threads", "1", 0);
    avformat_find_stream_info(format, format->nb_streams == 1 ? &options : NULL);
    av_dict_free(&options);
    *width = format->streams[0]->codecpar->width;
    *height = format->streams[0]->codecpar->height;
    avformat_close_input(&format);
    return *width > 0 && *height > 0;
}

gboolean msk_sequence_check(MskSequence *sequence, MskMediaProgressFunc progress, gpointer user,
                            GPtrArray *warnings, GCancellable *cancellable, GError **error)
{
    const guint n_images = sequence->names->len;
    int64_t n_damaged = 0;

    for (guint n = 1; n < n_images; n++) {
        const char *name = g_ptr_array_index(sequence->names, n);
        g_autofree char *path = g_build_filename(sequence->folder, name, NULL);
        g_autofree char *display = g_filename_display_name(name);
        int width = 0, height = 0;

        if (g_cancellable_set_error_if_cancelled(cancellable, error))
            return FALSE;
        if (!read_size(path, cancellable, &width, &height)) {
            if (n_damaged++ == 0)
                g_ptr_array_add(warnings,
                                g_strdup_printf(_("The image \"%s\" cannot be read"), display));
        } else if (width != sequence->coded_width || height != sequence->coded_height) {
            // Only the whole picture tells how it is turned.
            AVFrame *av = msk_sequence_decode(sequence, n, 1, cancellable, error);
            if (!av)
                return FALSE;
            av_frame_free(&av);
        }
        if (progress)
            progress((double)(n + 1) / n_images, n + 1, user);
    }
    if (n_damaged > 1)
        g_ptr_array_add(warnings, g_strdup_printf(_("In all, %" PRId64
                                                    " images of the sequence cannot be read"),
                                                  n_damaged));
    return TRUE;
}
