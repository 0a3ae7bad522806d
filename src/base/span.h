/* span.h: a borrowed run of bytes, passed by value.
 *
 * A span never owns and is never NUL-terminated; it dies with the memory it points into.
 * ptr may be NULL only when len is 0. */
#ifndef SKY_BASE_SPAN_H
#define SKY_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sky_span {
    const uint8_t *ptr;
    size_t len;
};

/* A span over a string literal, usable in initialisers. */
#define SKY_SPAN(literal) ((struct sky_span){(const uint8_t *)("" literal), sizeof(literal) - 1})

static inline struct sky_span sky_span_of(const void *ptr, size_t len)
{
    return (struct sky_span){(const uint8_t *)ptr, len};
}

static inline struct sky_span sky_span_from_string(const char *string)
{
    return sky_span_of(string, string ? strlen(string) : 0);
}

/* It is b's length that memcmp gets: where b is a literal, that makes the call one or two compares of words. */
static inline bool sky_span_equal(struct sky_span a, struct sky_span b)
{
    return a.len == b.len && (b.len == 0 || memcmp(a.ptr, b.ptr, b.len) == 0);
}

static inline uint64_t sky_load_8(const void *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t sky_load_big_endian(const uint8_t *p, size_t width_bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width_bytes; i++)
        value = value << 8 | p[i];
    return value;
}

/* memcmp(a, b, len) == 0 where `len` is a constant: a few loads, of which the last overlaps, where memcmp is a call. */
static inline __attribute__((always_inline)) bool sky_bytes_equal(const void *a, const void *b, size_t len)
{
    const uint8_t *p = (const uint8_t *)a, *q = (const uint8_t *)b;
    if (len < 8)
        return memcmp(p, q, len < 4 ? len : 4) == 0 && (len <= 4 || memcmp(p + len - 4, q + len - 4, 4) == 0);
    uint64_t differs = sky_load_8(p + len - 8) ^ sky_load_8(q + len - 8);
    for (size_t i = 0; i + 8 < len; i += 8)
        differs |= sky_load_8(p + i) ^ sky_load_8(q + i);
    return differs == 0;
}

/* Order by bytes, a prefix before what it begins. <0, 0, >0 as memcmp. */
static inline int sky_span_compare(struct sky_span a, struct sky_span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool sky_span_starts_with(struct sky_span span, struct sky_span prefix)
{
    return span.len >= prefix.len && (prefix.len == 0 || memcmp(span.ptr, prefix.ptr, prefix.len) == 0);
}

/* The part from `from` (clamped to the end) to the end. */
static inline struct sky_span sky_span_from(struct sky_span span, size_t from)
{
    size_t skip = from < span.len ? from : span.len;
    return (struct sky_span){skip ? span.ptr + skip : span.ptr, span.len - skip};
}

#endif
