// SPDX-License-Identifier: Apache-2.0
// Making masks: quantised logits, cropped and deflated, and run-length coded bits.
#include "app/mask_private.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <zlib.h>

#include "app/mask.h"

G_DEFINE_QUARK(msk_mask_error, msk_mask_error)

MskMask *msk_mask_alloc(MskMaskKind kind, int width, int height, const uint8_t *payload,
                        size_t payload_size)
{
    g_assert(width >= 1 && width <= MSK_MASK_SIDE_MAX);
    g_assert(height >= 1 && height <= MSK_MASK_SIDE_MAX);
    MskMask *mask = g_malloc(sizeof(MskMask) + payload_size);
    *mask = (MskMask){.kind = kind, .width = width, .height = height};
    g_atomic_ref_count_init(&mask->refs);
    mask->payload_size = payload_size;
    if (payload_size > 0)
        memcpy(mask->payload, payload, payload_size);
    return mask;
}

MskMask *msk_mask_ref(MskMask *mask)
{
    g_atomic_ref_count_inc(&mask->refs);
    return mask;
}

void msk_mask_unref(MskMask *mask)
{
    if (mask && g_atomic_ref_count_dec(&mask->refs))
        g_free(mask);
}

MskMaskKind msk_mask_get_kind(const MskMask *mask)
{
    return mask->kind;
}

int msk_mask_get_width(const MskMask *mask)
{
    return mask->width;
}

int msk_mask_get_height(const MskMask *mask)
{
    return mask->height;
}

void msk_mask_get_grid_size(const MskMask *mask, int *width, int *height)
{
    *width = mask->grid_width;
    *height = mask->grid_height;
}

size_t msk_mask_get_size(const MskMask *mask)
{
    return sizeof(MskMask) + mask->payload_size;
}

// ---- Logits and codes --------------------------------------------------------------------------

// Code c stands for sinh((c - 127.5) * CODE_STEP). Steps that grow with the value keep the place of
// the zero crossing between two cells, which depends on their ratio; the half keeps the sign.
#define CODE_STEP (4.85209118 / 127.5) // asinh(MSK_MASK_LOGIT_MAX) / 127.5

static uint8_t code_from_logit(float logit)
{
    if (!(logit > -MSK_MASK_LOGIT_MAX)) // NaN is background
        return 0;
    float clamped = MIN(logit, MSK_MASK_LOGIT_MAX);
    int steps = MIN((int)(asinhf(fabsf(clamped)) * (float)(1.0 / CODE_STEP)), 127);
    return (uint8_t)(clamped > 0 ? 128 + steps : 127 - steps);
}

static float code_logits[256];

static void fill_code_logits(void)
{
    for (int i = 0; i < 256; i++)
        code_logits[i] = (float)sinh((i - 127.5) * CODE_STEP);
}

static const float *logits_of_codes(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT; // seen by the thread sanitizer, GLib's is not
    pthread_once(&once, fill_code_logits);
    return code_logits;
}

// Marks cells above the floor and their neighbours; returns the box around the marks.
static MskRect mark_kept_cells(const float *logits, int width, int height, uint8_t *kept)
{
    int x0 = width, y0 = height, x1 = -1, y1 = -1;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            if (!(logits[(size_t)y * width + x] > MSK_MASK_LOGIT_FLOOR))
                continue;
            for (int v = MAX(y - 1, 0); v <= MIN(y + 1, height - 1); v++) {
                for (int u = MAX(x - 1, 0); u <= MIN(x + 1, width - 1); u++)
                    kept[(size_t)v * width + u] = 1;
            }
            x0 = MIN(x0, MAX(x - 1, 0));
            y0 = MIN(y0, MAX(y - 1, 0));
            x1 = MAX(x1, MIN(x + 1, width - 1));
            y1 = MAX(y1, MIN(y + 1, height - 1));
        }
    }
    return x1 < 0 ? (MskRect){0} : (MskRect){x0, y0, x1 - x0 + 1, y1 - y0 + 1};
}

static uint8_t mean_code_of_rest(const float *logits, const uint8_t *kept, size_t n)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept[i])
            continue;
        sum += logits[i] > -MSK_MASK_LOGIT_MAX ? logits[i] : -MSK_MASK_LOGIT_MAX;
        count++;
    }
    return count > 0 ? code_from_logit((float)(sum / (double)count)) : 0;
}

// Replaces codes by their difference to the left + up - up-left prediction, or back: logits are
// smooth, so deflate finds far more repetition in the differences.
static void predict(uint8_t *codes, int width, int height)
{
    for (int y = height - 1; y >= 0; y--) {
        uint8_t *row = codes + (size_t)y * width;
        const uint8_t *up = y > 0 ? row - width : row; // not read on the first row
        for (int x = width - 1; x >= 0; x--) {
            int left = x > 0 ? row[x - 1] : 0;
            int above = y > 0 ? up[x] : 0;
            int corner = x > 0 && y > 0 ? up[x - 1] : 0;
            row[x] = (uint8_t)(row[x] - (left + above - corner));
        }
    }
}

static void unpredict(uint8_t *codes, int width, int height)
{
    for (int y = 0; y < height; y++) {
        uint8_t *row = codes + (size_t)y * width;
        const uint8_t *up = y > 0 ? row - width : row; // not read on the first row
        for (int x = 0; x < width; x++) {
            int left = x > 0 ? row[x - 1] : 0;
            int above = y > 0 ? up[x] : 0;
            int corner = x > 0 && y > 0 ? up[x - 1] : 0;
            row[x] = (uint8_t)(row[x] + left + above - corner);
        }
    }
}

MskMask *msk_mask_new_logits(const float *logits, int grid_width, int grid_height, int width,
                             int height)
{
    g_assert(grid_width >= 1 && grid_width <= MSK_MASK_GRID_MAX);
    g_assert(grid_height >= 1 && grid_height <= MSK_MASK_GRID_MAX);
    size_t n = (size_t)grid_width * grid_height;
    g_autofree uint8_t *kept = g_malloc0(n);
    MskRect box = mark_kept_cells(logits, grid_width, grid_height, kept);
    uint8_t background = mean_code_of_rest(logits, kept, n);

    g_autofree uint8_t *packed = NULL;
    uLongf packed_size = 0;
    if (box.width > 0) {
        size_t n_codes = (size_t)box.width * box.height;
        g_autofree uint8_t *codes = g_malloc(n_codes);
        for (int y = 0; y < box.height; y++) {
            for (int x = 0; x < box.width; x++) {
                size_t cell = (size_t)(box.y + y) * grid_width + box.x + x;
                codes[(size_t)y * box.width + x] =
                    kept[cell] ? code_from_logit(logits[cell]) : background;
            }
        }
        predict(codes, box.width, box.height);
        packed_size = compressBound(n_codes);
        packed = g_malloc(packed_size);
        int result = compress2(packed, &packed_size, codes, n_codes, 6);
        if (result != Z_OK)
            g_error("zlib: out of memory"); // the only way to fail with a buffer of the bound
    }
    MskMask *mask = msk_mask_alloc(MSK_MASK_LOGITS, width, height, packed, packed_size);
    mask->grid_width = grid_width;
    mask->grid_height = grid_height;
    mask->box = box;
    mask->background = background;
    return mask;
}

gboolean msk_mask_unpack(const MskMask *mask, uint8_t *codes)
{
    size_t n = (size_t)mask->box.width * mask->box.height;
    if (n == 0)
        return mask->payload_size == 0;
    uLongf size = n;
    uLong read = mask->payload_size;
    if (uncompress2(codes, &size, mask->payload, &read) != Z_OK || size != n ||
        read != mask->payload_size)
        return FALSE;
    unpredict(codes, mask->box.width, mask->box.height);
    return TRUE;
}

void msk_mask_get_low_logits(const MskMask *mask, float *out)
{
    g_assert(mask->kind == MSK_MASK_LOGITS);
    const float *table = logits_of_codes();
    size_t n = (size_t)mask->grid_width * mask->grid_height;
    for (size_t i = 0; i < n; i++)
        out[i] = table[mask->background];

    const MskRect *box = &mask->box;
    g_autofree uint8_t *codes = g_malloc((size_t)box->width * box->height);
    if (!msk_mask_unpack(mask, codes))
        g_error("mask: packed logits changed in memory"); // checked when the mask was made
    for (int y = 0; y < box->height; y++) {
        for (int x = 0; x < box->width; x++)
            out[(size_t)(box->y + y) * mask->grid_width + box->x + x] =
                table[codes[(size_t)y * box->width + x]];
    }
}

// ---- Runs --------------------------------------------------------------------------------------

static void append_run(GByteArray *runs, uint64_t run)
{
    do {
        uint8_t byte = (uint8_t)((run & 0x7f) | (run > 0x7f ? 0x80 : 0));
        g_byte_array_append(runs, &byte, 1);
        run >>= 7;
    } while (run > 0);
}

gboolean msk_mask_next_run(const MskMask *mask, size_t *position, uint64_t *run)
{
    *run = 0;
    for (int shift = 0; shift < 35; shift += 7) {
        if (*position >= mask->payload_size)
            return FALSE;
        uint8_t byte = mask->payload[(*position)++];
        *run |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return shift == 0 || byte != 0; // one form only, so that equal masks are equal bytes
    }
    return FALSE;
}

MskMask *msk_mask_new_bits(const uint8_t *mask, size_t stride, int width, int height)
{
    g_autoptr(GByteArray) runs = g_byte_array_new();
    gboolean value = FALSE;
    uint64_t run = 0;
    for (int y = 0; y < height; y++) {
        const uint8_t *row = mask + (size_t)y * stride;
        for (int x = 0; x < width; x++) {
            if ((row[x] != 0) != value) {
                append_run(runs, run);
                run = 0;
                value = !value;
            }
            run++;
        }
    }
    append_run(runs, run);
    return msk_mask_alloc(MSK_MASK_BITS, width, height, runs->data, runs->len);
}

MskMask *msk_mask_new_empty(int width, int height)
{
    g_autoptr(GByteArray) runs = g_byte_array_new();
    append_run(runs, (uint64_t)width * (uint64_t)height);
    return msk_mask_alloc(MSK_MASK_BITS, width, height, runs->data, runs->len);
}

MskMask *msk_mask_combine(const MskMask *base, const MskMask *add, const MskMask *remove)
{
    const MskMask *any = base ? base : add ? add : remove;
    g_assert(any);
    size_t width = (size_t)any->width, n = width * (size_t)any->height;
    g_autofree uint8_t *result = g_malloc0(n);
    g_autofree uint8_t *layer = g_malloc(n);
    const MskMask *layers[] = {base, add, remove};
    for (int k = 0; k < 3; k++) {
        if (!layers[k])
            continue;
        g_assert(layers[k]->width == any->width && layers[k]->height == any->height);
        msk_mask_get_binary(layers[k], layer, width);
        for (size_t i = 0; i < n; i++)
            result[i] = layers[k] == remove ? result[i] & ~layer[i] : result[i] | layer[i];
    }
    return msk_mask_new_bits(result, width, any->width, any->height);
}
