// SPDX-License-Identifier: Apache-2.0
// Values as bytes: writing, and reading back with every field checked.
//
// Layout, little endian: format version u8, kind u8, then the kind's fields as its writer below
// puts them. Text and blobs are a u32 length and the bytes.
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "app/mask_private.h"
#include "app/media.h"
#include "app/value.h"

// Version 1: results without agreement, masks without measures. Version 2: results that do not know
// their model.
#define FORMAT_VERSION 3
#define TYPE_MAX 32        // characters of a setting's type
#define POINTER_MAX 65536  // floats of an object pointer
#define DEFLATE_RATIO 1032 // bytes that a byte of a deflated stream can mean at most

G_DEFINE_QUARK(msk - value - error - quark, msk_value_error)

// ---- Writing -----------------------------------------------------------------------------------

static void put_u8(GByteArray *out, guint value)
{
    guint8 byte = (guint8)value;
    g_byte_array_append(out, &byte, 1);
}

static void put_u32(GByteArray *out, guint32 value)
{
    value = GUINT32_TO_LE(value);
    g_byte_array_append(out, (const guint8 *)&value, sizeof value);
}

static void put_u64(GByteArray *out, guint64 value)
{
    value = GUINT64_TO_LE(value);
    g_byte_array_append(out, (const guint8 *)&value, sizeof value);
}

static void put_float(GByteArray *out, float value)
{
    guint32 bits;
    memcpy(&bits, &value, sizeof bits);
    put_u32(out, bits);
}

static void put_double(GByteArray *out, double value)
{
    guint64 bits;
    memcpy(&bits, &value, sizeof bits);
    put_u64(out, bits);
}

static void put_blob(GByteArray *out, gconstpointer data, gsize size)
{
    put_u32(out, (guint32)size);
    if (size > 0)
        g_byte_array_append(out, data, (guint)size);
}

static void put_text(GByteArray *out, const char *text)
{
    put_blob(out, text ? text : "", text ? strlen(text) : 0);
}

// The measures go along: on a long clip, taking them anew would take minutes.
static void put_mask(GByteArray *out, const MskMask *mask)
{
    g_autoptr(GBytes) bytes = msk_mask_serialise(mask);
    MskRect bounds;

    put_blob(out, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    msk_mask_get_bounds(mask, &bounds);
    put_u64(out, (guint64)msk_mask_get_area(mask));
    put_u32(out, (guint32)bounds.x);
    put_u32(out, (guint32)bounds.y);
    put_u32(out, (guint32)bounds.width);
    put_u32(out, (guint32)bounds.height);
}

static void put_setting(GByteArray *out, GVariant *setting)
{
    g_autoptr(GVariant) normal = g_variant_get_normal_form(setting);
#if G_BYTE_ORDER == G_BIG_ENDIAN
    GVariant *swapped = g_variant_byteswap(normal);
    g_variant_unref(normal);
    normal = swapped;
#endif
    put_text(out, g_variant_get_type_string(normal));
    put_blob(out, g_variant_get_data(normal), g_variant_get_size(normal));
}

static void put_object(GByteArray *out, const MskObjectInfo *info)
{
    put_text(out, info->name);
    put_text(out, info->label);
    put_u32(out, info->colour);
    put_u8(out, (info->visible ? 1u : 0u) | (info->locked ? 2u : 0u));
    put_double(out, info->position);
    put_double(out, info->matte.ramp);
    put_u32(out, (guint32)info->matte.fill_holes);
    put_u32(out, (guint32)info->matte.remove_dots);
    put_double(out, info->matte.grow);
    put_double(out, info->matte.feather);
}

static void put_locks(GByteArray *out, const GArray *locks)
{
    put_u32(out, locks->len);
    for (guint i = 0; i < locks->len; i++) {
        const MskInterval *interval = &g_array_index(locks, MskInterval, i);
        put_u64(out, (guint64)interval->first);
        put_u64(out, (guint64)interval->last);
    }
}

static void put_prompt(GByteArray *out, const MskPrompt *prompt)
{
    put_u64(out, (guint64)prompt->frame);
    put_u32(out, prompt->labels->len);
    for (guint i = 0; i < prompt->labels->len; i++) {
        put_float(out, g_array_index(prompt->points, float, 2 * i));
        put_float(out, g_array_index(prompt->points, float, 2 * i + 1));
        put_u8(out, g_array_index(prompt->labels, int, i) ? 1 : 0);
    }
    put_u8(out, prompt->has_box ? 1 : 0);
    for (int i = 0; prompt->has_box && i < 4; i++)
        put_float(out, prompt->box[i]);
    put_u8(out, prompt->mask.pixels ? 1 : 0);
    if (prompt->mask.pixels) {
        const MskPromptMask *mask = &prompt->mask;
        g_autoptr(MskMask) bits =
            msk_mask_new_bits(mask->pixels, (size_t)mask->width, mask->width, mask->height);
        put_mask(out, bits);
    }
}

static void put_paint(GByteArray *out, const MskPaint *paint)
{
    put_u8(out, (paint->add ? 1u : 0u) | (paint->remove ? 2u : 0u));
    if (paint->add)
        put_mask(out, paint->add);
    if (paint->remove)
        put_mask(out, paint->remove);
}

// Deflated with the floats' bytes sorted by significance: exact, and neighbours' exponents are
// alike.
static void put_logits(GByteArray *out, const float *logits, gsize n)
{
    g_autofree guint8 *planes = g_malloc(n * 4);
    for (gsize i = 0; i < n; i++) {
        guint32 bits;
        memcpy(&bits, &logits[i], sizeof bits);
        for (gsize plane = 0; plane < 4; plane++)
            planes[plane * n + i] = (guint8)(bits >> (8 * plane));
    }
    uLongf size = compressBound((uLong)(n * 4));
    g_autofree guint8 *packed = g_malloc(size);
    int code = compress2(packed, &size, planes, (uLong)(n * 4), 1);
    g_assert(code == Z_OK); // the buffer is large enough
    put_blob(out, packed, size);
}

static void put_track(GByteArray *out, const MskTrackValue *track)
{
    const MskResult *result = track->result;

    put_u64(out, (guint64)result->frame);
    put_u64(out, track->source);
    put_float(out, track->agreement);
    put_float(out, result->object_score);
    put_float(out, result->iou);
    put_mask(out, result->mask);
    put_u32(out, (guint32)result->grid);
    put_u8(out, result->low_logits ? 1 : 0);
    if (result->low_logits)
        put_logits(out, result->low_logits, (gsize)result->grid * (gsize)result->grid);
    put_u32(out, (guint32)result->n_pointer);
    put_u8(out, result->pointer ? 1 : 0);
    for (int i = 0; result->pointer && i < result->n_pointer; i++)
        put_float(out, result->pointer[i]);
    put_u64(out, result->model);
    put_u8(out, result->from_mask ? 1 : 0);
}

GBytes *msk_value_encode(const MskValue *value)
{
    GByteArray *out = g_byte_array_new();

    put_u8(out, FORMAT_VERSION);
    put_u8(out, (guint)value->kind);
    switch (value->kind) {
    case MSK_CELL_SETTING:
        put_setting(out, value->setting);
        break;
    case MSK_CELL_OBJECT:
        put_object(out, &value->object);
        break;
    case MSK_CELL_LOCKS:
        put_locks(out, value->locks);
        break;
    case MSK_CELL_PROMPT:
        put_prompt(out, value->prompt);
        break;
    case MSK_CELL_PAINT:
        put_paint(out, &value->paint);
        break;
    case MSK_CELL_RESULT:
        put_track(out, &value->track);
        break;
    }
    return g_byte_array_free_to_bytes(out);
}

// ---- Reading -----------------------------------------------------------------------------------

// After the first fault every read gives zeros, and `fault` says what it was.
typedef struct Reader {
    const guint8 *data;
    gsize size, position;
    int version;
    const char *fault;
} Reader;

static void refuse(Reader *reader, const char *fault)
{
    if (!reader->fault)
        reader->fault = fault;
}

static const guint8 *get_bytes(Reader *reader, gsize size)
{
    if (!reader->fault && size > reader->size - reader->position)
        refuse(reader, "it ends too early");
    if (reader->fault)
        return NULL;
    const guint8 *at = reader->data + reader->position;
    reader->position += size;
    return at;
}

static guint8 get_u8(Reader *reader)
{
    const guint8 *at = get_bytes(reader, 1);
    return at ? *at : 0;
}

static guint32 get_u32(Reader *reader)
{
    const guint8 *at = get_bytes(reader, 4);
    guint32 value = 0;
    if (at)
        memcpy(&value, at, sizeof value);
    return GUINT32_FROM_LE(value);
}

static guint64 get_u64(Reader *reader)
{
    const guint8 *at = get_bytes(reader, 8);
    guint64 value = 0;
    if (at)
        memcpy(&value, at, sizeof value);
    return GUINT64_FROM_LE(value);
}

static float get_float(Reader *reader)
{
    guint32 bits = get_u32(reader);
    float value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value))
        refuse(reader, "a number is not finite");
    return reader->fault ? 0 : value;
}

static double get_double(Reader *reader)
{
    guint64 bits = get_u64(reader);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value))
        refuse(reader, "a number is not finite");
    return reader->fault ? 0 : value;
}

static guint get_flags(Reader *reader, guint known)
{
    guint8 flags = get_u8(reader);
    if (flags & ~known)
        refuse(reader, "it has unknown flags");
    return reader->fault ? 0 : flags;
}

static int64_t get_frame(Reader *reader)
{
    int64_t frame = (int64_t)get_u64(reader);
    if (frame < 0 || frame > MSK_PROMPT_FRAME_MAX)
        refuse(reader, "a frame number is out of range");
    return reader->fault ? 0 : frame;
}

static guint get_count(Reader *reader, guint limit)
{
    guint32 n = get_u32(reader);
    if (n > limit)
        refuse(reader, "a count is out of range");
    return reader->fault ? 0 : n;
}

static const guint8 *get_blob(Reader *reader, gsize *size)
{
    *size = get_u32(reader);
    return get_bytes(reader, *size);
}

// g_free(); NULL after a fault.
static char *get_text(Reader *reader)
{
    gsize size;
    const guint8 *at = get_blob(reader, &size);
    if (at && !g_utf8_validate_len((const char *)at, size, NULL))
        refuse(reader, "a text is not valid UTF-8");
    return reader->fault ? NULL : g_strndup((const char *)at, size);
}

static MskMask *get_mask(Reader *reader)
{
    gsize size;
    const guint8 *at = get_blob(reader, &size);
    g_autoptr(MskMask) mask = at ? msk_mask_deserialise(at, size, NULL) : NULL;
    if (!mask)
        refuse(reader, "a mask is damaged");
    if (mask && reader->version >= 2) {
        int64_t area = (int64_t)get_u64(reader);
        guint32 box[4];
        for (int i = 0; i < 4; i++)
            box[i] = get_count(reader, MSK_MASK_SIDE_MAX);
        MskRect bounds = {(int)box[0], (int)box[1], (int)box[2], (int)box[3]};
        if (!reader->fault && !msk_mask_set_measures(mask, area, &bounds))
            refuse(reader, "a mask's bounds are wrong");
    }
    return reader->fault ? NULL : g_steal_pointer(&mask);
}

static MskValue *get_setting(Reader *reader)
{
    g_autofree char *type = get_text(reader);
    gsize size;
    const guint8 *at = get_blob(reader, &size);

    if (reader->fault)
        return NULL;
    // No variants inside: the type alone says how deep it goes.
    if (strlen(type) > TYPE_MAX || !g_variant_type_string_is_valid(type) ||
        strpbrk(type, "v*?r") != NULL) {
        refuse(reader, "the setting's type is unknown");
        return NULL;
    }
    g_autoptr(GBytes) bytes = g_bytes_new(at, size);
    g_autoptr(GVariant) setting =
        g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(type), bytes, FALSE));
#if G_BYTE_ORDER == G_BIG_ENDIAN
    GVariant *swapped = g_variant_byteswap(setting);
    g_variant_unref(setting);
    setting = swapped;
#endif
    if (!g_variant_is_normal_form(setting)) {
        refuse(reader, "the setting does not have its form");
        return NULL;
    }
    return msk_value_new_setting(setting);
}

static MskValue *get_object(Reader *reader)
{
    g_autofree char *name = get_text(reader);
    g_autofree char *label = get_text(reader);
    MskObjectInfo info = {.name = name, .label = label};

    info.colour = get_u32(reader);
    guint flags = get_flags(reader, 3);
    info.visible = (flags & 1) != 0;
    info.locked = (flags & 2) != 0;
    info.position = get_double(reader);
    info.matte.ramp = get_double(reader);
    info.matte.fill_holes = (int)get_count(reader, G_MAXINT);
    info.matte.remove_dots = (int)get_count(reader, G_MAXINT);
    info.matte.grow = get_double(reader);
    info.matte.feather = get_double(reader);
    if (reader->fault)
        return NULL;
    if (!name[0])
        refuse(reader, "the object has no name");
    else if (info.colour > 0xffffff)
        refuse(reader, "the object's colour is out of range");
    else if (!msk_matte_params_check(&info.matte, NULL))
        refuse(reader, "the object's matte is out of range");
    return reader->fault ? NULL : msk_value_new_object(&info);
}

static MskValue *get_locks(Reader *reader)
{
    guint n = get_u32(reader);
    if (n > (reader->size - reader->position) / (2 * sizeof(guint64)))
        refuse(reader, "it ends too early");
    if (reader->fault)
        return NULL;
    g_autoptr(GArray) locks = g_array_sized_new(FALSE, FALSE, sizeof(MskInterval), n);
    int64_t before = -2;
    for (guint i = 0; i < n && !reader->fault; i++) {
        MskInterval interval;
        interval.first = get_frame(reader);
        interval.last = get_frame(reader);
        if (interval.first < before + 2 || interval.last < interval.first)
            refuse(reader, "the locked spans are out of order");
        before = interval.last;
        g_array_append_val(locks, interval);
    }
    return reader->fault ? NULL : msk_value_new_locks((const MskInterval *)locks->data, n);
}

static void get_prompt_mask(Reader *reader, MskPrompt *prompt)
{
    g_autoptr(MskMask) mask = get_mask(reader);
    if (!mask)
        return;
    const int width = msk_mask_get_width(mask), height = msk_mask_get_height(mask);
    // The only field that can mean more memory than its bytes: no larger than a clip's frame.
    guint8 *pixels = NULL;
    if (msk_mask_get_kind(mask) == MSK_MASK_BITS && (gint64)width * height <= MSK_MEDIA_MAX_PIXELS)
        pixels = g_try_malloc((gsize)width * (gsize)height);
    if (!pixels) {
        refuse(reader, "the prompt's mask is not one");
        return;
    }
    msk_mask_get_binary(mask, pixels, (size_t)width);
    msk_prompt_set_mask(prompt, pixels, width, height);
}

static MskValue *get_prompt(Reader *reader)
{
    g_autoptr(MskPrompt) prompt = msk_prompt_new(get_frame(reader));
    guint n = get_count(reader, MSK_PROMPT_POINTS_MAX);
    for (guint i = 0; i < n && !reader->fault; i++) {
        float x = get_float(reader), y = get_float(reader);
        msk_prompt_add_point(prompt, x, y, get_flags(reader, 1) != 0);
    }
    if (get_flags(reader, 1)) {
        float box[4];
        for (int i = 0; i < 4; i++)
            box[i] = get_float(reader);
        if (box[0] > box[2] || box[1] > box[3])
            refuse(reader, "the prompt's box is turned over");
        msk_prompt_set_box(prompt, box[0], box[1], box[2], box[3]);
    }
    if (get_flags(reader, 1))
        get_prompt_mask(reader, prompt);
    if (prompt->mask.pixels && (prompt->labels->len > 0 || prompt->has_box))
        refuse(reader, "the prompt has a mask and points");
    return reader->fault ? NULL : msk_value_new_prompt(prompt);
}

static MskValue *get_paint(Reader *reader)
{
    guint flags = get_flags(reader, 3);
    g_autoptr(MskMask) add = flags & 1 ? get_mask(reader) : NULL;
    g_autoptr(MskMask) remove = flags & 2 ? get_mask(reader) : NULL;

    if (!add && !remove)
        refuse(reader, "there are no strokes");
    if ((add && msk_mask_get_kind(add) != MSK_MASK_BITS) ||
        (remove && msk_mask_get_kind(remove) != MSK_MASK_BITS))
        refuse(reader, "the strokes are not strokes");
    if (add && remove &&
        (msk_mask_get_width(add) != msk_mask_get_width(remove) ||
         msk_mask_get_height(add) != msk_mask_get_height(remove)))
        refuse(reader, "the strokes differ in size");
    return reader->fault ? NULL : msk_value_new_paint(add, remove);
}

static float *get_logits(Reader *reader, gsize n)
{
    gsize packed_size;
    const guint8 *packed = get_blob(reader, &packed_size);
    if (packed && (n == 0 || n * 4 > packed_size * DEFLATE_RATIO + 64))
        refuse(reader, "the logits are too short");
    if (reader->fault)
        return NULL;
    g_autofree guint8 *planes = g_malloc(n * 4);
    uLongf size = (uLongf)(n * 4);
    uLong used = (uLong)packed_size;
    if (uncompress2(planes, &size, packed, &used) != Z_OK || size != n * 4 || used != packed_size) {
        refuse(reader, "the logits do not unpack");
        return NULL;
    }
    g_autofree float *logits = g_new(float, n);
    for (gsize i = 0; i < n; i++) {
        guint32 bits = 0;
        for (gsize plane = 0; plane < 4; plane++)
            bits |= (guint32)planes[plane * n + i] << (8 * plane);
        memcpy(&logits[i], &bits, sizeof bits);
        if (!isfinite(logits[i]))
            refuse(reader, "a number is not finite");
    }
    return reader->fault ? NULL : g_steal_pointer(&logits);
}

static void get_anchor(Reader *reader, MskResult *result)
{
    result->grid = (int)get_count(reader, MSK_MASK_GRID_MAX);
    if (get_flags(reader, 1)) {
        int width, height;
        if (result->mask)
            msk_mask_get_grid_size(result->mask, &width, &height);
        if (result->mask && msk_mask_get_kind(result->mask) == MSK_MASK_LOGITS &&
            (width != result->grid || height != result->grid))
            refuse(reader, "the logits differ from the mask in size");
        result->low_logits = get_logits(reader, (gsize)result->grid * (gsize)result->grid);
    }
    result->n_pointer = (int)get_count(reader, POINTER_MAX);
    if (!get_flags(reader, 1))
        return;
    const gsize n = (gsize)result->n_pointer;
    if (n == 0 || n * 4 > reader->size - reader->position) {
        refuse(reader, "it ends too early");
        return;
    }
    result->pointer = g_new(float, n);
    for (gsize i = 0; i < n; i++)
        result->pointer[i] = get_float(reader);
}

static MskValue *get_track(Reader *reader)
{
    g_autoptr(MskResult) result = g_new0(MskResult, 1);

    result->n_refs = 1;
    result->frame = get_frame(reader);
    guint64 source = get_u64(reader);
    float agreement = reader->version >= 2 ? get_float(reader) : -1;
    if (agreement != -1 && !(agreement >= 0 && agreement <= 1))
        refuse(reader, "the agreement is out of range");
    result->object_score = get_float(reader);
    result->iou = get_float(reader);
    result->mask = get_mask(reader);
    get_anchor(reader, result);
    result->model = reader->version >= 3 ? get_u64(reader) : 0;
    // Where it is not known, the mask that was accepted is worth more than the prompt.
    result->from_mask = reader->version < 3 || get_flags(reader, 1) != 0;
    return reader->fault ? NULL : msk_value_new_track(result, source, agreement);
}

MskValue *msk_value_decode(MskCellKind kind, GBytes *bytes, GError **error)
{
    static const char *const names[] = {"value",  "setting", "object", "locked span",
                                        "prompt", "paint",   "mask"};
    Reader reader = {0};
    g_autoptr(MskValue) value = NULL;

    reader.data = g_bytes_get_data(bytes, &reader.size);
    reader.version = get_u8(&reader);
    if (!reader.fault && (reader.version < 1 || reader.version > FORMAT_VERSION))
        refuse(&reader, "its version is unknown");
    if (get_u8(&reader) != (guint8)kind)
        refuse(&reader, "it is of another kind");
    switch (kind) {
    case MSK_CELL_SETTING:
        value = get_setting(&reader);
        break;
    case MSK_CELL_OBJECT:
        value = get_object(&reader);
        break;
    case MSK_CELL_LOCKS:
        value = get_locks(&reader);
        break;
    case MSK_CELL_PROMPT:
        value = get_prompt(&reader);
        break;
    case MSK_CELL_PAINT:
        value = get_paint(&reader);
        break;
    case MSK_CELL_RESULT:
        value = get_track(&reader);
        break;
    default:
        refuse(&reader, "its kind is unknown");
    }
    if (!reader.fault && reader.position != reader.size)
        refuse(&reader, "it is too long");
    if (reader.fault) {
        guint index = (guint)kind < G_N_ELEMENTS(names) ? (guint)kind : 0;
        g_set_error(error, MSK_VALUE_ERROR, MSK_VALUE_ERROR_DAMAGED, "The stored %s is damaged: %s",
                    names[index], reader.fault);
        return NULL;
    }
    return g_steal_pointer(&value);
}
