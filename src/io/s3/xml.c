#include "io/s3/xml.h"

#define REFERENCE_BYTES_MAX 12 /* "&#x10FFFF;" and some */

void sky_xml_init(struct sky_xml_reader *xml, struct sky_span input)
{
    *xml = (struct sky_xml_reader){.input = input};
}

void sky_xml_clean_up(struct sky_xml_reader *xml)
{
    sky_buffer_clean_up(&xml->text);
}

bool sky_xml_is(const struct sky_xml_reader *xml, const char *name)
{
    return sky_span_equal(xml->name, sky_span_from_string(name));
}

bool sky_xml_is_in(const struct sky_xml_reader *xml, const char *parent, const char *name)
{
    return xml->depth >= 2 && sky_xml_is(xml, name) &&
           sky_span_equal(xml->names[xml->depth - 2], sky_span_from_string(parent));
}

void sky_xml_put_escaped(struct sky_buffer *out, struct sky_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '&')
            sky_buffer_put_string(out, "&amp;");
        else if (c == '<')
            sky_buffer_put_string(out, "&lt;");
        else if (c == '>')
            sky_buffer_put_string(out, "&gt;");
        else
            sky_buffer_put_u8(out, c);
    }
}

static struct sky_span rest(const struct sky_xml_reader *xml)
{
    return sky_span_from(xml->input, xml->at);
}

static bool skip_past(struct sky_xml_reader *xml, struct sky_span end)
{
    struct sky_span left = rest(xml);
    const uint8_t *found = left.len ? memmem(left.ptr, left.len, end.ptr, end.len) : NULL;
    if (!found)
        return false;
    xml->at += (size_t)(found - left.ptr) + end.len;
    return true;
}

static void put_code_point(struct sky_buffer *out, uint32_t c)
{
    uint8_t bytes[4];
    if (c < 0x80)
        sky_buffer_put_u8(out, (uint8_t)c);
    else if (c < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | c >> 6), bytes[1] = (uint8_t)(0x80 | (c & 63));
        sky_buffer_put(out, bytes, 2);
    } else if (c < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | c >> 12), bytes[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        bytes[2] = (uint8_t)(0x80 | (c & 63));
        sky_buffer_put(out, bytes, 3);
    } else {
        bytes[0] = (uint8_t)(0xf0 | c >> 18), bytes[1] = (uint8_t)(0x80 | (c >> 12 & 63));
        bytes[2] = (uint8_t)(0x80 | (c >> 6 & 63)), bytes[3] = (uint8_t)(0x80 | (c & 63));
        sky_buffer_put(out, bytes, 4);
    }
}

static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return 99;
}

/* &#10; or &#xA; without its & and ; */
static bool put_character_reference(struct sky_buffer *out, struct sky_span body)
{
    uint32_t base = body.len > 1 && body.ptr[1] == 'x' ? 16 : 10, code_point = 0;
    size_t i = base == 16 ? 2 : 1;
    if (i >= body.len)
        return false;
    for (; i < body.len; i++) {
        uint32_t digit = (uint32_t)digit_value(body.ptr[i]);
        if (digit >= base)
            return false;
        code_point = code_point * base + digit;
        if (code_point > 0x10ffff)
            return false;
    }
    if (code_point == 0 || (code_point >= 0xd800 && code_point < 0xe000))
        return false;
    put_code_point(out, code_point);
    return true;
}

static bool put_reference(struct sky_buffer *out, struct sky_span body)
{
    static const struct {
        const char *name;
        uint8_t character;
    } named[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        if (sky_span_equal(body, sky_span_from_string(named[i].name))) {
            sky_buffer_put_u8(out, named[i].character);
            return true;
        }
    return body.len > 0 && body.ptr[0] == '#' && put_character_reference(out, body);
}

/* Text up to the next tag, into xml->text. */
static bool read_text(struct sky_xml_reader *xml)
{
    while (xml->at < xml->input.len && xml->input.ptr[xml->at] != '<') {
        struct sky_span left = rest(xml);
        if (left.ptr[0] != '&') {
            sky_buffer_put_u8(&xml->text, left.ptr[0]);
            xml->at++;
            continue;
        }
        size_t limit = left.len < REFERENCE_BYTES_MAX ? left.len : REFERENCE_BYTES_MAX;
        const uint8_t *end = memchr(left.ptr, ';', limit);
        if (!end || !put_reference(&xml->text, sky_span_of(left.ptr + 1, (size_t)(end - left.ptr) - 1)))
            return false;
        xml->at += (size_t)(end - left.ptr) + 1;
    }
    return !xml->text.failed;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_name(uint8_t c)
{
    return is_space(c) || c == '>' || c == '/' || c == '=' || c == '<' || c == '&' || c == '"' || c == '\'';
}

static struct sky_span read_name(struct sky_xml_reader *xml)
{
    size_t begin = xml->at;
    while (xml->at < xml->input.len && !ends_name(xml->input.ptr[xml->at]))
        xml->at++;
    return sky_span_of(xml->input.ptr + begin, xml->at - begin);
}

/* From behind an element's name to behind its '>': attributes are passed over, quotes respected. */
static bool skip_attributes(struct sky_xml_reader *xml, bool *empty)
{
    uint8_t quote = 0, before = 0;
    for (; xml->at < xml->input.len; xml->at++) {
        uint8_t c = xml->input.ptr[xml->at];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '<') {
            return false;
        } else if (c == '>') {
            *empty = before == '/';
            xml->at++;
            return true;
        }
        before = c;
    }
    return false;
}

static enum sky_xml_token open_element(struct sky_xml_reader *xml)
{
    struct sky_span name = read_name(xml);
    if (!name.len || xml->depth == SKY_XML_DEPTH_MAX || xml->is_done || !skip_attributes(xml, &xml->empty))
        return SKY_XML_BAD;
    xml->names[xml->depth++] = name;
    xml->name = name;
    sky_buffer_clear(&xml->text);
    return SKY_XML_OPEN;
}

static enum sky_xml_token close_element(struct sky_xml_reader *xml)
{
    struct sky_span name = read_name(xml);
    bool ignored;
    if (!xml->depth || !sky_span_equal(name, xml->names[xml->depth - 1]) || !skip_attributes(xml, &ignored))
        return SKY_XML_BAD;
    xml->name = name;
    xml->closed = true;
    return SKY_XML_CLOSE;
}

/* The end of <a/>, or leaving the element whose end was told last. */
static bool leave_element(struct sky_xml_reader *xml)
{
    if (xml->closed) {
        xml->closed = false;
        xml->depth--;
        xml->is_done = xml->depth == 0;
        sky_buffer_clear(&xml->text);
    }
    if (!xml->empty)
        return false;
    xml->empty = false;
    xml->closed = true;
    return true;
}

static bool only_space(struct sky_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_space(text.ptr[i]))
            return false;
    return true;
}

enum sky_xml_token sky_xml_next(struct sky_xml_reader *xml)
{
    if (leave_element(xml))
        return SKY_XML_CLOSE;
    for (;;) {
        if (!read_text(xml))
            return SKY_XML_BAD;
        if (!xml->depth && !only_space(sky_buffer_span(&xml->text)))
            return SKY_XML_BAD;
        struct sky_span left = rest(xml);
        if (!left.len)
            return xml->is_done ? SKY_XML_END : SKY_XML_BAD;
        if (sky_span_starts_with(left, SKY_SPAN("<!--"))) {
            if (!skip_past(xml, SKY_SPAN("-->")))
                return SKY_XML_BAD;
        } else if (sky_span_starts_with(left, SKY_SPAN("<?"))) {
            if (!skip_past(xml, SKY_SPAN("?>")))
                return SKY_XML_BAD;
        } else if (sky_span_starts_with(left, SKY_SPAN("<!"))) {
            return SKY_XML_BAD;
        } else {
            bool close = sky_span_starts_with(left, SKY_SPAN("</"));
            xml->at += close ? 2 : 1;
            return close ? close_element(xml) : open_element(xml);
        }
    }
}
