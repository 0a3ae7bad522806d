#include "wire/json_write.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/time.h"

void sky_json_begin(struct sky_json_writer *json, struct sky_buffer *buffer)
{
    *json = (struct sky_json_writer){.buffer = buffer};
}

static void before_value(struct sky_json_writer *json)
{
    uint64_t bit = UINT64_C(1) << json->depth;
    if (!json->after_key && (json->has_items & bit))
        sky_buffer_put_u8(json->buffer, ',');
    json->has_items |= bit;
    json->after_key = false;
}

static void open_container(struct sky_json_writer *json, bool is_object)
{
    before_value(json);
    assert(json->depth + 1 < SKY_JSON_WRITE_DEPTH_MAX);
    json->depth++;
    uint64_t bit = UINT64_C(1) << json->depth;
    json->has_items &= ~bit;
    json->is_object = is_object ? json->is_object | bit : json->is_object & ~bit;
    sky_buffer_put_u8(json->buffer, is_object ? '{' : '[');
}

void sky_json_object(struct sky_json_writer *json)
{
    open_container(json, true);
}

void sky_json_array(struct sky_json_writer *json)
{
    open_container(json, false);
}

void sky_json_end(struct sky_json_writer *json)
{
    assert(json->depth > 0);
    bool is_object = json->is_object >> json->depth & 1;
    json->depth--;
    sky_buffer_put_u8(json->buffer, is_object ? '}' : ']');
}

static void put_code_point(struct sky_buffer *buffer, uint32_t c)
{
    static const char hex[17] = "0123456789abcdef";
    const uint8_t escape[6] = {'\\',
                               'u',
                               (uint8_t)hex[c >> 12 & 15],
                               (uint8_t)hex[c >> 8 & 15],
                               (uint8_t)hex[c >> 4 & 15],
                               (uint8_t)hex[c & 15]};
    sky_buffer_put(buffer, escape, sizeof escape);
}

static void put_escaped(struct sky_buffer *buffer, uint8_t c)
{
    static const char short_form[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    uint8_t letter = c < 32 ? (uint8_t)short_form[c] : c;
    if (letter) {
        uint8_t pair[2] = {'\\', letter};
        sky_buffer_put(buffer, pair, 2);
        return;
    }
    put_code_point(buffer, c);
}

/* What acts on whoever prints the line: DEL, the C1 controls and the marks that turn text around (UAX #9), read from
 * the two or three bytes at `p`. 0: nothing of the kind. All of them begin with 7F, C2, D8 or E2. */
static uint32_t acting_at(const uint8_t *p, size_t left, size_t *width)
{
    *width = *p == 0x7f ? 1 : *p == 0xe2 ? 3 : 2;
    if (*width > left) {
        *width = 1;
        return 0;
    }
    uint32_t c = *p == 0x7f   ? 0x7f
                 : *p == 0xe2 ? 0x2000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu)
                              : (*p & 0x1fu) << 6 | (p[1] & 0x3fu);
    bool acts = c == 0x7f || (c >= 0x80 && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
                (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    *width = acts ? *width : 1;
    return acts ? c : 0;
}

static void put_quoted(struct sky_buffer *buffer, struct sky_span value)
{
    sky_buffer_put_u8(buffer, '"');
    size_t start = 0;
    for (size_t i = 0, width; i < value.len; i += width) {
        uint8_t c = value.ptr[i];
        width = 1;
        uint32_t acting = 0;
        if (c == 0x7f || c == 0xc2 || c == 0xd8 || c == 0xe2)
            acting = acting_at(value.ptr + i, value.len - i, &width);
        if (!acting && c >= 32 && c != '"' && c != '\\')
            continue;
        sky_buffer_put(buffer, value.ptr + start, i - start);
        if (acting)
            put_code_point(buffer, acting);
        else
            put_escaped(buffer, c);
        start = i + width;
    }
    if (start < value.len)
        sky_buffer_put(buffer, value.ptr + start, value.len - start);
    sky_buffer_put_u8(buffer, '"');
}

void sky_json_key_span(struct sky_json_writer *json, struct sky_span key)
{
    before_value(json);
    put_quoted(json->buffer, key);
    sky_buffer_put_u8(json->buffer, ':');
    json->after_key = true;
}

void sky_json_key(struct sky_json_writer *json, const char *key)
{
    sky_json_key_span(json, sky_span_from_string(key));
}

void sky_json_span(struct sky_json_writer *json, struct sky_span value)
{
    before_value(json);
    put_quoted(json->buffer, value);
}

void sky_json_string(struct sky_json_writer *json, const char *value)
{
    sky_json_span(json, sky_span_from_string(value));
}

void sky_json_raw(struct sky_json_writer *json, struct sky_span value)
{
    before_value(json);
    sky_buffer_put_span(json->buffer, value);
}

void sky_json_uint(struct sky_json_writer *json, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    before_value(json);
    sky_buffer_put(json->buffer, digits + at, sizeof digits - at);
}

void sky_json_int(struct sky_json_writer *json, int64_t value)
{
    if (value >= 0) {
        sky_json_uint(json, (uint64_t)value);
        return;
    }
    before_value(json);
    sky_buffer_printf(json->buffer, "%" PRId64, value);
}

void sky_json_double(struct sky_json_writer *json, double value)
{
    if (!isfinite(value)) {
        sky_json_null(json);
        return;
    }
    before_value(json);
    sky_buffer_printf(json->buffer, "%.6f", value);
}

void sky_json_bool(struct sky_json_writer *json, bool value)
{
    sky_json_raw(json, value ? SKY_SPAN("true") : SKY_SPAN("false"));
}

void sky_json_null(struct sky_json_writer *json)
{
    sky_json_raw(json, SKY_SPAN("null"));
}

void sky_json_time(struct sky_json_writer *json, int64_t time_ms)
{
    char text[SKY_TIME_TEXT_SIZE];
    sky_time_format(time_ms, text);
    sky_json_string(json, text);
}
