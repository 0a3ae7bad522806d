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

static void put_escaped(struct sky_buffer *buffer, uint8_t c)
{
    static const char short_form[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    uint8_t letter = c < 32 ? (uint8_t)short_form[c] : c;
    if (letter) {
        uint8_t pair[2] = {'\\', letter};
        sky_buffer_put(buffer, pair, 2);
        return;
    }
    static const char hex[17] = "0123456789abcdef";
    uint8_t escape[6] = {'\\', 'u', '0', '0', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15]};
    sky_buffer_put(buffer, escape, 6);
}

static void put_quoted(struct sky_buffer *buffer, struct sky_span value)
{
    sky_buffer_put_u8(buffer, '"');
    size_t start = 0;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (c >= 32 && c != '"' && c != '\\')
            continue;
        sky_buffer_put(buffer, value.ptr + start, i - start);
        put_escaped(buffer, c);
        start = i + 1;
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
