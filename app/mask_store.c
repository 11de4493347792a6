// SPDX-License-Identifier: Apache-2.0
// Masks as bytes: writing, checked reading, and equality.
//
// Layout, little endian: "MSKM", version 1, kind, background, 0, width u32, height u32, grid width,
// grid height, box x, y, width, height u16 each, payload size u32, payload, crc32 of all before.
#include <string.h>
#include <zlib.h>

#include "app/mask_private.h"

#define HEADER_SIZE 32
#define FORMAT_VERSION 1

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value & 0xffff);
    put16(at + 2, value >> 16);
}

static int get16(const uint8_t *at)
{
    return at[0] | at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) | (uint32_t)get16(at + 2) << 16;
}

GBytes *msk_mask_serialise(const MskMask *mask)
{
    size_t size = HEADER_SIZE + mask->payload_size + 4;
    uint8_t *data = g_malloc0(size);
    memcpy(data, "MSKM", 4);
    data[4] = FORMAT_VERSION;
    data[5] = (uint8_t)mask->kind;
    data[6] = mask->background;
    put32(data + 8, (uint32_t)mask->width);
    put32(data + 12, (uint32_t)mask->height);
    put16(data + 16, (unsigned)mask->grid_width);
    put16(data + 18, (unsigned)mask->grid_height);
    put16(data + 20, (unsigned)mask->box.x);
    put16(data + 22, (unsigned)mask->box.y);
    put16(data + 24, (unsigned)mask->box.width);
    put16(data + 26, (unsigned)mask->box.height);
    put32(data + 28, (uint32_t)mask->payload_size);
    memcpy(data + HEADER_SIZE, mask->payload, mask->payload_size);
    put32(data + size - 4, (uint32_t)crc32(0, data, (uInt)(size - 4)));
    return g_bytes_new_take(data, size);
}

static gboolean refuse(GError **error, const char *what)
{
    g_set_error(error, MSK_MASK_ERROR, MSK_MASK_ERROR_DAMAGED, "The stored mask is damaged: %s",
                what);
    return FALSE;
}

static gboolean check_logits(const MskMask *mask, GError **error)
{
    const MskRect *box = &mask->box;
    if (mask->grid_width < 1 || mask->grid_width > MSK_MASK_GRID_MAX || mask->grid_height < 1 ||
        mask->grid_height > MSK_MASK_GRID_MAX)
        return refuse(error, "bad grid size");
    if (box->x + box->width > mask->grid_width || box->y + box->height > mask->grid_height ||
        (box->width == 0) != (box->height == 0))
        return refuse(error, "the box lies outside the grid");
    if (mask->background >= 128)
        return refuse(error, "the background is not background");
    g_autofree uint8_t *codes = g_malloc((size_t)box->width * box->height);
    if (!msk_mask_unpack(mask, codes))
        return refuse(error, "the packed logits do not fill the box");
    return TRUE;
}

static gboolean check_bits(const MskMask *mask, GError **error)
{
    uint64_t total = (uint64_t)mask->width * (uint64_t)mask->height, sum = 0, run;
    size_t position = 0;
    while (position < mask->payload_size) {
        gboolean first = position == 0;
        if (!msk_mask_next_run(mask, &position, &run))
            return refuse(error, "bad run length");
        if ((run == 0 && !first) || run > total - sum)
            return refuse(error, "the runs do not fit the frame");
        sum += run;
    }
    return sum == total ? TRUE : refuse(error, "the runs do not fill the frame");
}

MskMask *msk_mask_deserialise(const void *data, size_t size, GError **error)
{
    const uint8_t *bytes = data;
    if (size < HEADER_SIZE + 4 || memcmp(bytes, "MSKM", 4) != 0) {
        refuse(error, "it does not begin like one");
        return NULL;
    }
    if (bytes[4] != FORMAT_VERSION) {
        g_set_error(error, MSK_MASK_ERROR, MSK_MASK_ERROR_DAMAGED,
                    "The stored mask has version %d, this program reads version %d", bytes[4],
                    FORMAT_VERSION);
        return NULL;
    }
    size_t payload_size = get32(bytes + 28);
    if (payload_size != size - HEADER_SIZE - 4) {
        refuse(error, "its length is wrong");
        return NULL;
    }
    if (size > G_MAXUINT32 || crc32(0, bytes, (uInt)(size - 4)) != get32(bytes + size - 4)) {
        refuse(error, "its checksum is wrong");
        return NULL;
    }
    uint32_t width = get32(bytes + 8), height = get32(bytes + 12);
    if (width < 1 || width > MSK_MASK_SIDE_MAX || height < 1 || height > MSK_MASK_SIDE_MAX) {
        g_set_error(error, MSK_MASK_ERROR, MSK_MASK_ERROR_SIZE,
                    "The stored mask is damaged: frame size %u x %u", width, height);
        return NULL;
    }
    if (bytes[5] != MSK_MASK_LOGITS && bytes[5] != MSK_MASK_BITS) {
        refuse(error, "unknown kind");
        return NULL;
    }
    g_autoptr(MskMask) mask = msk_mask_alloc((MskMaskKind)bytes[5], (int)width, (int)height,
                                             bytes + HEADER_SIZE, payload_size);
    if (mask->kind == MSK_MASK_LOGITS) {
        mask->background = bytes[6];
        mask->grid_width = get16(bytes + 16);
        mask->grid_height = get16(bytes + 18);
        mask->box =
            (MskRect){get16(bytes + 20), get16(bytes + 22), get16(bytes + 24), get16(bytes + 26)};
    }
    if (!(mask->kind == MSK_MASK_LOGITS ? check_logits(mask, error) : check_bits(mask, error)))
        return NULL;
    return g_steal_pointer(&mask);
}

gboolean msk_mask_equal(const MskMask *a, const MskMask *b)
{
    if (a == b)
        return TRUE;
    if (a->kind != b->kind || a->width != b->width || a->height != b->height)
        return FALSE;
    if (a->kind == MSK_MASK_BITS)
        return a->payload_size == b->payload_size &&
               memcmp(a->payload, b->payload, a->payload_size) == 0;
    // The same logits may have been packed by another version of zlib: compare what they hold.
    if (a->grid_width != b->grid_width || a->grid_height != b->grid_height ||
        memcmp(&a->box, &b->box, sizeof(a->box)) != 0 || a->background != b->background)
        return FALSE;
    size_t n = (size_t)a->box.width * a->box.height;
    if (n == 0)
        return TRUE;
    g_autofree uint8_t *first = g_malloc(n), *second = g_malloc(n);
    return msk_mask_unpack(a, first) && msk_mask_unpack(b, second) && memcmp(first, second, n) == 0;
}
