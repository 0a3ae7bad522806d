#include "wire/base64.h"

void sky_base64_encode(struct sky_span bytes, struct sky_buffer *text)
{
    static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | bytes.ptr[i];
        for (count += 8; count >= 6; count -= 6)
            sky_buffer_put_u8(text, (uint8_t)alphabet[bits >> (count - 6) & 63]);
    }
    if (count)
        sky_buffer_put_u8(text, (uint8_t)alphabet[bits << (6 - count) & 63]);
}

void sky_base64_encode_padded(struct sky_span bytes, struct sky_buffer *text)
{
    sky_base64_encode(bytes, text);
    sky_buffer_put(text, "==", (3 - bytes.len % 3) % 3);
}

static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* `text` without its padding, which must fill it to a multiple of four. */
static bool take_padding(struct sky_span *text)
{
    size_t len = text->len;
    while (text->len && len - text->len < 2 && text->ptr[text->len - 1] == '=')
        text->len--;
    return text->len == len || len % 4 == 0;
}

enum sky_status sky_base64_decode(struct sky_span text, struct sky_buffer *bytes)
{
    uint32_t bits = 0;
    unsigned count = 0;
    if (!take_padding(&text) || text.len % 4 == 1)
        return SKY_E_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);
        if (digit < 0)
            return SKY_E_MALFORMED;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            sky_buffer_put_u8(bytes, (uint8_t)(bits >> count));
        }
    }
    return (bits & ((1u << count) - 1)) == 0 ? SKY_OK : SKY_E_MALFORMED;
}
