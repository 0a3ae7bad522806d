/* The writing half of dagcbor.h. */
#include <assert.h>
#include <math.h>

#include "wire/cid.h"
#include "wire/dagcbor.h"

static void put_head(struct sky_buffer *buffer, uint8_t major, uint64_t argument)
{
    uint8_t bytes[9];
    size_t width_bytes = argument < 24            ? 0
                         : argument <= UINT8_MAX  ? 1
                         : argument <= UINT16_MAX ? 2
                         : argument <= UINT32_MAX ? 4
                                                  : 8;
    static const uint8_t info[9] = {[1] = 24, [2] = 25, [4] = 26, [8] = 27};
    bytes[0] = (uint8_t)(major << 5 | (width_bytes ? info[width_bytes] : argument));
    for (size_t i = 0; i < width_bytes; i++)
        bytes[1 + i] = (uint8_t)(argument >> (8 * (width_bytes - 1 - i)));
    sky_buffer_put(buffer, bytes, 1 + width_bytes);
}

void sky_dagcbor_put_integer(struct sky_buffer *buffer, struct sky_dagcbor_integer value)
{
    put_head(buffer, value.negative ? 1 : 0, value.magnitude);
}

void sky_dagcbor_put_int(struct sky_buffer *buffer, int64_t value)
{
    put_head(buffer, value < 0 ? 1 : 0, value < 0 ? (uint64_t)(-1 - value) : (uint64_t)value);
}

void sky_dagcbor_put_bytes(struct sky_buffer *buffer, struct sky_span value)
{
    put_head(buffer, 2, value.len);
    sky_buffer_put_span(buffer, value);
}

void sky_dagcbor_put_text(struct sky_buffer *buffer, struct sky_span value)
{
    put_head(buffer, 3, value.len);
    sky_buffer_put_span(buffer, value);
}

void sky_dagcbor_put_array(struct sky_buffer *buffer, uint64_t items)
{
    put_head(buffer, 4, items);
}

void sky_dagcbor_put_map(struct sky_buffer *buffer, uint64_t pairs)
{
    put_head(buffer, 5, pairs);
}

void sky_dagcbor_put_link(struct sky_buffer *buffer, struct sky_span cid)
{
    assert(cid.len == SKY_CID_SIZE_BYTES);
    put_head(buffer, 6, 42);
    put_head(buffer, 2, 1 + SKY_CID_SIZE_BYTES);
    sky_buffer_put_u8(buffer, 0x00);
    sky_buffer_put_span(buffer, cid);
}

void sky_dagcbor_put_bool(struct sky_buffer *buffer, bool value)
{
    sky_buffer_put_u8(buffer, value ? 0xf5 : 0xf4);
}

void sky_dagcbor_put_null(struct sky_buffer *buffer)
{
    sky_buffer_put_u8(buffer, 0xf6);
}

void sky_dagcbor_put_float(struct sky_buffer *buffer, double value)
{
    uint64_t bits;
    assert(isfinite(value) && !(value == 0 && signbit(value)));
    memcpy(&bits, &value, sizeof bits);
    bits = __builtin_bswap64(bits);
    sky_buffer_put_u8(buffer, 0xfb);
    sky_buffer_put(buffer, &bits, sizeof bits);
}

static void copy_map(struct sky_dagcbor_reader *reader, struct sky_buffer *buffer)
{
    struct sky_dagcbor_map map = sky_dagcbor_map(reader);
    struct sky_span key;
    sky_dagcbor_put_map(buffer, map.left);
    while (sky_dagcbor_key(reader, &map, &key)) {
        sky_dagcbor_put_text(buffer, key);
        sky_dagcbor_copy(reader, buffer);
    }
}

static void copy_array(struct sky_dagcbor_reader *reader, struct sky_buffer *buffer)
{
    struct sky_dagcbor_array array = sky_dagcbor_array(reader);
    sky_dagcbor_put_array(buffer, array.left);
    while (sky_dagcbor_item(reader, &array))
        sky_dagcbor_copy(reader, buffer);
}

static void copy_link(struct sky_dagcbor_reader *reader, struct sky_buffer *buffer)
{
    struct sky_span cid = sky_dagcbor_link(reader);
    if (cid.len)
        sky_dagcbor_put_link(buffer, cid);
}

static void copy_null(struct sky_dagcbor_reader *reader, struct sky_buffer *buffer)
{
    sky_dagcbor_null(reader);
    sky_dagcbor_put_null(buffer);
}

/* The recursion is bounded by the reader's depth limit. */
void sky_dagcbor_copy(struct sky_dagcbor_reader *reader, struct sky_buffer *buffer)
{
    switch (sky_dagcbor_peek(reader)) {
    case SKY_DAGCBOR_INTEGER: sky_dagcbor_put_integer(buffer, sky_dagcbor_integer(reader)); break;
    case SKY_DAGCBOR_BYTES: sky_dagcbor_put_bytes(buffer, sky_dagcbor_bytes(reader)); break;
    case SKY_DAGCBOR_TEXT: sky_dagcbor_put_text(buffer, sky_dagcbor_text(reader)); break;
    case SKY_DAGCBOR_ARRAY: copy_array(reader, buffer); break;
    case SKY_DAGCBOR_MAP: copy_map(reader, buffer); break;
    case SKY_DAGCBOR_LINK: copy_link(reader, buffer); break;
    case SKY_DAGCBOR_BOOL: sky_dagcbor_put_bool(buffer, sky_dagcbor_bool(reader)); break;
    case SKY_DAGCBOR_NULL: copy_null(reader, buffer); break;
    case SKY_DAGCBOR_FLOAT: sky_dagcbor_put_float(buffer, sky_dagcbor_float(reader)); break;
    case SKY_DAGCBOR_NONE: sky_dagcbor_skip(reader); break; /* fails with the reason */
    }
}
