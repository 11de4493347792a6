// SPDX-License-Identifier: Apache-2.0
// Which packets decoding can start from and give the same pixels as decoding from the start.
//
// The demuxer's key flag alone is not enough: it also marks pictures from which the image only
// builds up (gradual refresh), and some codecs' pictures lean on earlier ones in spite of it.
#include "app/media_private.h"

// ---- Bits of a NAL unit, with emulation prevention removed -------------------------------------

typedef struct Bits {
    uint8_t bytes[64];
    int n_bits, position;
} Bits;

static Bits bits_of_nal(const uint8_t *data, int size)
{
    Bits bits = {.n_bits = 0};
    int n = 0, n_zeros = 0;

    for (int i = 0; i < size && n < (int)sizeof bits.bytes; i++) {
        if (n_zeros >= 2 && data[i] == 3) {
            n_zeros = 0;
            continue;
        }
        n_zeros = data[i] ? 0 : n_zeros + 1;
        bits.bytes[n++] = data[i];
    }
    bits.n_bits = n * 8;
    return bits;
}

static int read_bit(Bits *bits)
{
    if (bits->position >= bits->n_bits)
        return 0;
    int bit = bits->bytes[bits->position / 8] >> (7 - bits->position % 8) & 1;
    bits->position++;
    return bit;
}

static int read_byte(Bits *bits)
{
    int value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 1 | read_bit(bits);
    return value;
}

// Exponential Golomb code: ue(v); se(v) is 0 exactly when ue(v) is.
static unsigned read_golomb(Bits *bits)
{
    unsigned value = 1;
    int n_zeros = 0;

    while (bits->position < bits->n_bits && n_zeros < 31 && !read_bit(bits))
        n_zeros++;
    for (int i = 0; i < n_zeros; i++)
        value = value << 1 | (unsigned)read_bit(bits);
    return value - 1;
}

// Whether an SEI payload says that the picture is complete only some frames later.
static gboolean recovers_later(const uint8_t *sei, int size)
{
    Bits bits = bits_of_nal(sei, size);

    while (bits.position + 16 <= bits.n_bits) {
        int type = 0, length = 0, byte;
        do
            type += byte = read_byte(&bits);
        while (byte == 255);
        do
            length += byte = read_byte(&bits);
        while (byte == 255);
        if (type == 6) // recovery point
            return read_golomb(&bits) != 0;
        bits.position += length * 8;
    }
    return FALSE;
}

// ---- NAL units of a packet ---------------------------------------------------------------------

typedef struct NalReader {
    const uint8_t *data, *end;
    int length_size; // 0: start codes
} NalReader;

static const uint8_t *find_start_code(const uint8_t *data, const uint8_t *end)
{
    for (; end - data >= 3; data++)
        if (data[0] == 0 && data[1] == 0 && data[2] == 1)
            return data;
    return end;
}

static gboolean next_nal(NalReader *reader, const uint8_t **nal, int *size)
{
    if (!reader->length_size) {
        const uint8_t *start = find_start_code(reader->data, reader->end);
        if (reader->end - start < 4)
            return FALSE;
        *nal = start + 3;
        reader->data = find_start_code(*nal, reader->end);
        *size = (int)(reader->data - *nal);
        return TRUE;
    }
    uint32_t length = 0;
    if (reader->end - reader->data <= reader->length_size)
        return FALSE;
    for (int i = 0; i < reader->length_size; i++)
        length = length << 8 | *reader->data++;
    if (!length || length > (size_t)(reader->end - reader->data))
        return FALSE;
    *nal = reader->data;
    *size = (int)length;
    reader->data += length;
    return TRUE;
}

static int nal_length_size(const AVCodecParameters *parameters)
{
    const gboolean h264 = parameters->codec_id == AV_CODEC_ID_H264;
    const int at = h264 ? 4 : 21;

    // A configuration record starts with its version, a stream with start codes with zeros.
    if (parameters->extradata_size <= at || parameters->extradata[0] != 1)
        return 0;
    return (parameters->extradata[at] & 3) + 1;
}

static MskEntry entry_of_nals(const AVCodecParameters *parameters, const AVPacket *packet)
{
    const gboolean h264 = parameters->codec_id == AV_CODEC_ID_H264;
    NalReader reader = {packet->data, packet->data + packet->size, nal_length_size(parameters)};
    const uint8_t *nal;
    int size;

    while (next_nal(&reader, &nal, &size)) {
        const int type = h264 ? nal[0] & 31 : nal[0] >> 1 & 63;
        if (h264 ? type == 5 : type == 19 || type == 20) // IDR
            return MSK_ENTRY_CLEAN;
        if (h264 ? type >= 1 && type <= 4 : type < 32) // a slice of another picture
            return h264 || (type >= 16 && type <= 21) ? MSK_ENTRY_OPEN : MSK_ENTRY_NONE;
        if (h264 ? type == 6 && recovers_later(nal + 1, size - 1)
                 : type == 39 && size > 2 && recovers_later(nal + 2, size - 2))
            return MSK_ENTRY_NONE;
    }
    return MSK_ENTRY_NONE;
}

MskEntry msk_entry_of_packet(const AVCodecParameters *parameters, const AVPacket *packet)
{
    const AVCodecDescriptor *desc = avcodec_descriptor_get(parameters->codec_id);

    if (!(packet->flags & AV_PKT_FLAG_KEY) || packet->flags & AV_PKT_FLAG_CORRUPT || !packet->size)
        return MSK_ENTRY_NONE;
    switch (parameters->codec_id) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
        return entry_of_nals(parameters, packet);
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_FFV1:
    case AV_CODEC_ID_PNG:
    case AV_CODEC_ID_QTRLE:
    case AV_CODEC_ID_THEORA:
        return MSK_ENTRY_CLEAN;
    case AV_CODEC_ID_AV1:
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_MSMPEG4V1:
    case AV_CODEC_ID_MSMPEG4V2:
    case AV_CODEC_ID_MSMPEG4V3:
    case AV_CODEC_ID_H263:
    case AV_CODEC_ID_FLV1:
    case AV_CODEC_ID_WMV1:
    case AV_CODEC_ID_WMV2:
    case AV_CODEC_ID_WMV3:
    case AV_CODEC_ID_VC1:
        return MSK_ENTRY_OPEN;
    default:
        return desc && desc->props & AV_CODEC_PROP_INTRA_ONLY ? MSK_ENTRY_CLEAN : MSK_ENTRY_NONE;
    }
}
