/* utf8.h: UTF-8 as RFC 3629 has it: shortest form, no surrogates, up to U+10FFFF. */
#ifndef SKY_BASE_UTF8_H
#define SKY_BASE_UTF8_H

#include "base/span.h"

/* The offset of the first byte that is not part of valid UTF-8; span.len when all is valid. */
size_t sky_utf8_valid_prefix(struct sky_span span);

static inline bool sky_utf8_is_valid(struct sky_span span)
{
    return sky_utf8_valid_prefix(span) == span.len;
}

/* The code point at *offset of VALID UTF-8 (caller's duty), moving *offset past it. *offset < span.len. */
uint32_t sky_utf8_next(struct sky_span span, size_t *offset);

/* Write `code_point` (a scalar value) to `out`; the bytes written, 1 to 4. */
size_t sky_utf8_put(uint32_t code_point, uint8_t out[4]);

/* True where `offset` does not fall inside a character; the end is a boundary. */
static inline bool sky_utf8_is_boundary(struct sky_span span, size_t offset)
{
    return offset == span.len || (offset < span.len && (span.ptr[offset] & 0xc0) != 0x80);
}

#endif
