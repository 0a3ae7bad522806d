#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_BYTES_MIN 256

void sky_buffer_init(struct sky_buffer *buffer)
{
    *buffer = (struct sky_buffer){0};
}

void sky_buffer_clean_up(struct sky_buffer *buffer)
{
    free(buffer->ptr);
    sky_buffer_init(buffer);
}

bool sky_buffer_grow(struct sky_buffer *buffer, size_t more_bytes)
{
    if (buffer->failed)
        return false;
    size_t want = buffer->capacity ? buffer->capacity * 2 : CAPACITY_BYTES_MIN;
    if (want < buffer->len + more_bytes)
        want = buffer->len + more_bytes;
    uint8_t *grown = want >= more_bytes ? realloc(buffer->ptr, want) : NULL;
    if (!grown) {
        buffer->failed = true;
        return false;
    }
    buffer->ptr = grown;
    buffer->capacity = want;
    return true;
}

void sky_buffer_put_string(struct sky_buffer *buffer, const char *string)
{
    sky_buffer_put(buffer, string, strlen(string));
}

void sky_buffer_printf(struct sky_buffer *buffer, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        buffer->failed = true;
    else if (sky_buffer_reserve(buffer, (size_t)len + 1)) {
        vsnprintf((char *)buffer->ptr + buffer->len, (size_t)len + 1, format, again);
        buffer->len += (size_t)len;
    }
    va_end(again);
}

static void put_little_endian(struct sky_buffer *buffer, uint64_t value, size_t width_bytes)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < width_bytes; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    sky_buffer_put(buffer, bytes, width_bytes);
}

void sky_buffer_put_u32(struct sky_buffer *buffer, uint32_t value)
{
    put_little_endian(buffer, value, 4);
}

void sky_buffer_put_u64(struct sky_buffer *buffer, uint64_t value)
{
    put_little_endian(buffer, value, 8);
}

void sky_buffer_put_i64(struct sky_buffer *buffer, int64_t value)
{
    put_little_endian(buffer, (uint64_t)value, 8);
}

void sky_buffer_put_f64(struct sky_buffer *buffer, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_little_endian(buffer, bits, 8);
}

size_t sky_buffer_begin_blob(struct sky_buffer *buffer)
{
    sky_buffer_put_u32(buffer, 0);
    return buffer->len;
}

void sky_buffer_end_blob(struct sky_buffer *buffer, size_t begin)
{
    size_t len = buffer->len - begin;
    buffer->failed |= len > UINT32_MAX;
    for (size_t i = 0; i < 4 && !buffer->failed; i++)
        buffer->ptr[begin - 4 + i] = (uint8_t)(len >> (8 * i));
}

void sky_buffer_put_blob(struct sky_buffer *buffer, struct sky_span span)
{
    if (span.len > UINT32_MAX) {
        buffer->failed = true;
        return;
    }
    sky_buffer_put_u32(buffer, (uint32_t)span.len);
    sky_buffer_put_span(buffer, span);
}

void sky_reader_init(struct sky_reader *reader, struct sky_span input)
{
    *reader = (struct sky_reader){.input = input};
}

void sky_reader_fail(struct sky_reader *reader, enum sky_status status, const char *reason)
{
    if (sky_reader_ok(reader))
        reader->error = (struct sky_error){status, reader->offset, reason};
}

struct sky_span sky_reader_bytes(struct sky_reader *reader, size_t len)
{
    if (!sky_reader_ok(reader))
        return (struct sky_span){0};
    if (reader->input.len - reader->offset < len) {
        sky_reader_fail(reader, SKY_E_TRUNCATED, "the input ends inside a value");
        return (struct sky_span){0};
    }
    struct sky_span bytes = sky_span_of(reader->input.ptr + reader->offset, len);
    reader->offset += len;
    return bytes;
}

static uint64_t get_little_endian(struct sky_reader *reader, size_t width_bytes)
{
    struct sky_span bytes = sky_reader_bytes(reader, width_bytes);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++)
        value |= (uint64_t)bytes.ptr[i] << (8 * i);
    return value;
}

uint8_t sky_reader_u8(struct sky_reader *reader)
{
    return (uint8_t)get_little_endian(reader, 1);
}

uint32_t sky_reader_u32(struct sky_reader *reader)
{
    return (uint32_t)get_little_endian(reader, 4);
}

uint64_t sky_reader_u64(struct sky_reader *reader)
{
    return get_little_endian(reader, 8);
}

int64_t sky_reader_i64(struct sky_reader *reader)
{
    return (int64_t)get_little_endian(reader, 8);
}

double sky_reader_f64(struct sky_reader *reader)
{
    uint64_t bits = get_little_endian(reader, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct sky_span sky_reader_blob(struct sky_reader *reader)
{
    return sky_reader_bytes(reader, sky_reader_u32(reader));
}

uint64_t sky_reader_count(struct sky_reader *reader, size_t item_size_bytes)
{
    uint64_t count = sky_reader_u64(reader);
    if (count > (reader->input.len - reader->offset) / (item_size_bytes ? item_size_bytes : 1)) {
        sky_reader_fail(reader, SKY_E_TRUNCATED, "a count larger than what follows");
        return 0;
    }
    return count;
}
