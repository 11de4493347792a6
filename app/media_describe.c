// SPDX-License-Identifier: Apache-2.0
// The facts of a media as text for people and as JSON.
#include "app/media_private.h"

#include <json-glib/json-glib.h>

static const char *orientation_name(MskOrientation orientation)
{
    static const char *const names[] = {
        "normal",    "flip-h",    "rotate-180", "flip-v",
        "transpose", "rotate-90", "transverse", "rotate-270",
    };

    return names[orientation - 1];
}

static const char *field_order_name(MskFieldOrder order)
{
    static const char *const names[] = {"unknown", "progressive", "top-first", "bottom-first"};

    return names[order];
}

static const char *range_name(int range)
{
    return range == AVCOL_RANGE_MPEG ? "limited" : range == AVCOL_RANGE_JPEG ? "full" : NULL;
}

// FFmpeg's name of a colour tag; NULL when it is unspecified or not known.
static const char *tag_name(const char *name)
{
    return name && g_strcmp0(name, "unknown") != 0 && g_strcmp0(name, "unspecified") != 0 ? name
                                                                                          : NULL;
}

typedef struct TagNames {
    const char *range, *matrix, *primaries, *transfer, *chroma;
} TagNames;

static TagNames tag_names(const MskColour *colour)
{
    return (TagNames){
        range_name(colour->range),
        tag_name(av_color_space_name(colour->matrix)),
        tag_name(av_color_primaries_name(colour->primaries)),
        tag_name(av_color_transfer_name(colour->transfer)),
        tag_name(av_chroma_location_name(colour->chroma_location)),
    };
}

static double seconds(const MskMediaInfo *info, int64_t ticks)
{
    return (double)ticks * info->time_base.num / MAX(info->time_base.den, 1);
}

static double per_second(MskRational rate)
{
    return rate.den > 0 ? (double)rate.num / rate.den : 0;
}

// ---- Text --------------------------------------------------------------------------------------

static void G_GNUC_PRINTF(3, 4) add_line(GString *text, const char *name, const char *format, ...)
{
    va_list args;

    g_string_append_printf(text, "%-14s", name);
    va_start(args, format);
    g_string_append_vprintf(text, format, args);
    va_end(args);
    g_string_append_c(text, '\n');
}

static void add_rate(GString *text, const MskMediaInfo *info)
{
    const char *kind = info->n_frames < 0 ? "as the file says"
                       : info->is_vfr     ? "variable, this is the mean"
                                          : "constant";

    if (info->frame_rate.num <= 0)
        add_line(text, "Frame rate:", "unknown");
    else if (info->frame_rate.den == 1)
        add_line(text, "Frame rate:", "%d (%s)", info->frame_rate.num, kind);
    else
        add_line(text, "Frame rate:", "%d/%d = %.3f (%s)", info->frame_rate.num,
                 info->frame_rate.den, per_second(info->frame_rate), kind);
}

static const char *or_untagged(const char *name)
{
    return name ? name : "not tagged";
}

static void add_colour(GString *text, const MskMediaInfo *info)
{
    const TagNames tagged = tag_names(&info->colour), assumed = tag_names(&info->assumed);

    add_line(text, "Colour:", "range %s, matrix %s, primaries %s, transfer %s",
             or_untagged(tagged.range), or_untagged(tagged.matrix), or_untagged(tagged.primaries),
             or_untagged(tagged.transfer));
    if (info->colour.range != info->assumed.range || info->colour.matrix != info->assumed.matrix)
        add_line(text, "", "read as range %s, matrix %s", or_untagged(assumed.range),
                 or_untagged(assumed.matrix));
}

static void add_sound(GString *text, const MskMediaInfo *info)
{
    if (!info->n_audio)
        add_line(text, "Sound:", "none");
    for (int i = 0; i < info->n_audio; i++) {
        const MskAudioInfo *audio = &info->audio[i];
        add_line(text, i ? "" : "Sound:", "stream %d: %s, %d Hz, %d channels (%s)%s%s",
                 audio->stream, audio->codec, audio->sample_rate, audio->n_channels, audio->layout,
                 audio->language[0] ? ", " : "", audio->language);
    }
}

char *msk_media_info_to_text(MskMedia *media)
{
    g_autofree char *path = g_filename_display_name(media->path);
    g_autofree char *warning = msk_media_dup_warning(media);
    GString *text = g_string_new(NULL);
    MskMediaInfo info;

    msk_media_get_info(media, &info);
    add_line(text, "File:", "%s", path);
    add_line(text, "Container:", "%s, %d stream%s", info.container, info.n_streams,
             info.n_streams == 1 ? "" : "s");
    add_line(text, "Video:", "stream %d: %s%s%s%s, %s, %d bit%s", info.stream, info.codec,
             info.profile ? " (" : "", info.profile ? info.profile : "", info.profile ? ")" : "",
             info.pixel_format, info.depth, info.has_alpha ? ", with alpha" : "");
    if (info.orientation == MSK_ORIENTATION_NORMAL)
        add_line(text, "Size:", "%d x %d", info.width, info.height);
    else
        add_line(text, "Size:", "%d x %d (coded %d x %d, %s)", info.width, info.height,
                 info.coded_width, info.coded_height, orientation_name(info.orientation));
    add_line(text, "Pixel aspect:", "%d:%d", info.pixel_aspect.num, info.pixel_aspect.den);
    if (info.n_frames < 0)
        add_line(text, "Frames:", "not counted");
    else
        add_line(text, "Frames:", "%" G_GINT64_FORMAT "%s", info.n_frames,
                 info.is_sequence  ? ""
                 : info.is_decoded ? " (all decoded)"
                                   : " (from the packets)");
    add_rate(text, &info);
    add_line(text, "Time base:", "%d/%d, first frame at %" G_GINT64_FORMAT, info.time_base.num,
             info.time_base.den, info.start_pts);
    add_line(text, "Duration:", "%.3f s (%" G_GINT64_FORMAT " ticks)",
             seconds(&info, info.duration), info.duration);
    add_colour(text, &info);
    add_line(text, "Fields:", "%s", field_order_name(info.field_order));
    add_line(text, "Timecode:", "%s", info.timecode ? info.timecode : "none");
    add_sound(text, &info);
    g_auto(GStrv) lines = warning ? g_strsplit(warning, "\n", -1) : NULL;
    for (int i = 0; lines && lines[i]; i++)
        add_line(text, i ? "" : "Warning:", "%s", lines[i]);
    return g_string_free(text, FALSE);
}

// ---- JSON --------------------------------------------------------------------------------------

static void json_add_string(JsonBuilder *json, const char *key, const char *value)
{
    json_builder_set_member_name(json, key);
    if (value)
        json_builder_add_string_value(json, value);
    else
        json_builder_add_null_value(json);
}

static void json_add_int(JsonBuilder *json, const char *key, int64_t value)
{
    json_builder_set_member_name(json, key);
    json_builder_add_int_value(json, value);
}

static void json_add_bool(JsonBuilder *json, const char *key, gboolean value)
{
    json_builder_set_member_name(json, key);
    json_builder_add_boolean_value(json, value);
}

static void json_add_rational(JsonBuilder *json, const char *key, MskRational value)
{
    g_autofree char *text = NULL;

    if (value.num > 0 && value.den > 0)
        text = g_strdup_printf("%d/%d", value.num, value.den);
    json_add_string(json, key, text);
}

static void json_add_colour(JsonBuilder *json, const char *key, const MskColour *colour)
{
    const TagNames names = tag_names(colour);

    json_builder_set_member_name(json, key);
    json_builder_begin_object(json);
    json_add_string(json, "range", names.range);
    json_add_string(json, "matrix", names.matrix);
    json_add_string(json, "primaries", names.primaries);
    json_add_string(json, "transfer", names.transfer);
    json_add_string(json, "chroma_location", names.chroma);
    json_builder_end_object(json);
}

static void json_add_video(JsonBuilder *json, const MskMediaInfo *info)
{
    json_builder_set_member_name(json, "video");
    json_builder_begin_object(json);
    json_add_int(json, "stream", info->stream);
    json_add_string(json, "codec", info->codec);
    json_add_string(json, "decoder", info->decoder);
    json_add_string(json, "profile", info->profile);
    json_add_string(json, "pixel_format", info->pixel_format);
    json_add_int(json, "depth", info->depth);
    json_add_bool(json, "alpha", info->has_alpha);
    json_add_int(json, "width", info->width);
    json_add_int(json, "height", info->height);
    json_add_int(json, "coded_width", info->coded_width);
    json_add_int(json, "coded_height", info->coded_height);
    json_add_string(json, "orientation", orientation_name(info->orientation));
    json_add_rational(json, "pixel_aspect", info->pixel_aspect);
    json_add_string(json, "field_order", field_order_name(info->field_order));
    json_add_colour(json, "colour", &info->colour);
    json_add_colour(json, "colour_read_as", &info->assumed);
    json_add_rational(json, "time_base", info->time_base);
    json_add_rational(json, "frame_rate", info->frame_rate);
    if (info->n_frames >= 0) {
        json_add_bool(json, "variable_frame_rate", info->is_vfr);
        json_add_int(json, "frames", info->n_frames);
        json_add_bool(json, "frames_decoded", info->is_decoded);
    }
    json_add_int(json, "frames_claimed", info->n_claimed);
    json_add_int(json, "start_pts", info->start_pts);
    json_add_int(json, "duration_ticks", info->duration);
    json_builder_set_member_name(json, "duration");
    json_builder_add_double_value(json, seconds(info, info->duration));
    json_add_string(json, "timecode", info->timecode);
    json_builder_end_object(json);
}

static void json_add_audio(JsonBuilder *json, const MskMediaInfo *info)
{
    json_builder_set_member_name(json, "audio");
    json_builder_begin_array(json);
    for (int i = 0; i < info->n_audio; i++) {
        const MskAudioInfo *audio = &info->audio[i];
        json_builder_begin_object(json);
        json_add_int(json, "stream", audio->stream);
        json_add_string(json, "codec", audio->codec);
        json_add_int(json, "sample_rate", audio->sample_rate);
        json_add_int(json, "channels", audio->n_channels);
        json_add_string(json, "layout", audio->layout);
        json_add_int(json, "bit_rate", audio->bit_rate);
        json_add_rational(json, "time_base", audio->time_base);
        json_add_string(json, "language", audio->language[0] ? audio->language : NULL);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

char *msk_media_info_to_json(MskMedia *media)
{
    g_autofree char *path = g_filename_display_name(media->path);
    g_autofree char *warning = msk_media_dup_warning(media);
    g_auto(GStrv) lines = warning ? g_strsplit(warning, "\n", -1) : NULL;
    g_autoptr(JsonBuilder) json = json_builder_new();
    MskMediaInfo info;

    msk_media_get_info(media, &info);
    json_builder_begin_object(json);
    json_add_string(json, "path", path);
    json_add_string(json, "container", info.container);
    json_add_bool(json, "sequence", info.is_sequence);
    json_add_int(json, "streams", info.n_streams);
    json_add_video(json, &info);
    json_add_audio(json, &info);
    json_builder_set_member_name(json, "warnings");
    json_builder_begin_array(json);
    for (int i = 0; lines && lines[i]; i++)
        json_builder_add_string_value(json, lines[i]);
    json_builder_end_array(json);
    json_builder_end_object(json);

    g_autoptr(JsonNode) root = json_builder_get_root(json);
    g_autofree char *text = json_to_string(root, TRUE);
    return g_strconcat(text, "\n", NULL);
}
