/* How the reader is fast: most items have a one-byte head, most texts are ASCII of under 100 bytes, most keys differ in
 * length from the one before; each of these is one predictable branch, and what remains is in functions of its own.
 * Inside one call the position is a local variable; reader->at is written once at its end. After an error reader->at
 * is the end of the input, so that later reads fail by the same bounds check that they make anyway. */
#include "wire/dagcbor.h"

#include <assert.h>
#include <math.h>

#include "base/utf8.h"
#include "wire/cid.h"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD        __attribute__((cold, noinline))
#define INLINE      static inline __attribute__((always_inline))

/* RFC 8949, section 3.1 */
enum major { MAJOR_UINT, MAJOR_NEGATIVE, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TAG, MAJOR_SIMPLE };

enum { BYTE_FALSE = 0xf4, BYTE_TRUE = 0xf5, BYTE_NULL = 0xf6, BYTE_FLOAT64 = 0xfb };

/* Tag 42, a byte string of 37, the identity multibase prefix 0x00; then the CID. */
static const uint8_t link_head[5] = {0xd8, 0x2a, 0x58, 0x25, 0x00};
#define LINK_SIZE_BYTES (sizeof link_head + SKY_CID_SIZE_BYTES)

COLD static const uint8_t *fail_at(struct sky_dagcbor_reader *reader, const uint8_t *p, enum sky_status status,
                                   const char *reason)
{
    if (sky_dagcbor_ok(reader))
        reader->error = (struct sky_error){status, (size_t)(p - reader->start), reason};
    reader->at = reader->end;
    return NULL;
}

COLD static const uint8_t *fail_truncated(struct sky_dagcbor_reader *reader, const uint8_t *p)
{
    return fail_at(reader, p, SKY_E_TRUNCATED, "the input ends inside an item");
}

void sky_dagcbor_fail(struct sky_dagcbor_reader *reader, enum sky_status status, const char *reason)
{
    fail_at(reader, reader->at, status, reason);
}

void sky_dagcbor_init(struct sky_dagcbor_reader *reader, struct sky_span input, enum sky_dagcbor_mode mode)
{
    static const uint8_t nothing = 0;
    const uint8_t *start = input.len ? input.ptr : &nothing;
    *reader = (struct sky_dagcbor_reader){.start = start, .at = start, .end = start + input.len, .mode = mode};
}

/* The argument of the head at `p`, in the bytes behind it. Shortest form only (RFC 8949, section 4.2.1). */
static const uint8_t *read_long_head(struct sky_dagcbor_reader *reader, const uint8_t *p, uint64_t *argument)
{
    static const uint64_t smallest[4] = {24, 0x100, 0x10000, UINT64_C(0x100000000)};
    unsigned info = *p & 31;
    if (info == 31)
        return fail_at(reader, p, SKY_E_NON_CANONICAL, "an indefinite length");
    if (info > 27)
        return fail_at(reader, p, SKY_E_MALFORMED, "a reserved head byte");
    size_t width_bytes = (size_t)1 << (info - 24);
    if ((size_t)(reader->end - p) < 1 + width_bytes)
        return fail_truncated(reader, p);
    *argument = sky_load_big_endian(p + 1, width_bytes);
    if (*argument < smallest[info - 24])
        return fail_at(reader, p, SKY_E_NON_CANONICAL, "a number not in its shortest form");
    return p + 1 + width_bytes;
}

/* p < end */
INLINE const uint8_t *read_head(struct sky_dagcbor_reader *reader, const uint8_t *p, uint64_t *argument)
{
    *argument = *p & 31;
    if (LIKELY(*argument < 24))
        return p + 1;
    if (LIKELY(*argument == 24) && reader->end - p >= 2 && LIKELY(p[1] >= 24)) {
        *argument = p[1];
        return p + 2;
    }
    return read_long_head(reader, p, argument);
}

INLINE bool is_ascii(const uint8_t *p, size_t len, const uint8_t *end)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    uint64_t seen = 0;
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8) /* leaving early also keeps the compiler from a vector loop, */
            if (sky_load_8(p + i) & high_bits)  /* whose set-up costs more than most texts are long */
                return false;
        return (sky_load_8(p + len - 8) & high_bits) == 0;
    }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (LIKELY(end - p >= 8))
        return len == 0 || (sky_load_8(p) << (64 - 8 * len) & high_bits) == 0;
#endif
    for (size_t i = 0; i < len; i++)
        seen |= p[i];
    return (seen & 0x80) == 0;
}

/* Past the byte or text string at `p`. */
INLINE const uint8_t *read_string(struct sky_dagcbor_reader *reader, const uint8_t *p, struct sky_span *string)
{
    uint64_t len;
    const uint8_t *body = read_head(reader, p, &len);
    if (UNLIKELY(!body))
        return NULL;
    if (UNLIKELY(len > (size_t)(reader->end - body)))
        return fail_truncated(reader, p);
    *string = sky_span_of(body, (size_t)len);
    return body + len;
}

COLD static const uint8_t *check_utf8(struct sky_dagcbor_reader *reader, struct sky_span text)
{
    size_t valid = sky_utf8_valid_prefix(text);
    if (valid < text.len)
        return fail_at(reader, text.ptr + valid, SKY_E_UTF8, "text is not UTF-8");
    return text.ptr + text.len;
}

INLINE const uint8_t *read_text(struct sky_dagcbor_reader *reader, const uint8_t *p, struct sky_span *text)
{
    const uint8_t *next = read_string(reader, p, text);
    if (UNLIKELY(!next) || LIKELY(is_ascii(text->ptr, text->len, reader->end)))
        return next;
    return check_utf8(reader, *text);
}

INLINE int compare_keys(struct sky_span a, struct sky_span b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    if (a.len == 0)
        return 0;
    return a.ptr[0] != b.ptr[0] ? a.ptr[0] - b.ptr[0] : memcmp(a.ptr, b.ptr, a.len);
}

int sky_dagcbor_compare_keys(struct sky_span a, struct sky_span b)
{
    return compare_keys(a, b);
}

/* Past the key at `p` of a map whose key before is *previous (ptr NULL: none). */
INLINE const uint8_t *read_key(struct sky_dagcbor_reader *reader, const uint8_t *p, struct sky_span *previous)
{
    if (UNLIKELY(p >= reader->end))
        return fail_truncated(reader, p);
    if (UNLIKELY(*p >> 5 != MAJOR_TEXT))
        return fail_at(reader, p, SKY_E_MALFORMED, "a map key that is not text");
    struct sky_span key;
    const uint8_t *next = read_text(reader, p, &key);
    if (UNLIKELY(!next))
        return NULL;
    if (UNLIKELY(key.len > SKY_DAGCBOR_KEY_BYTES_MAX))
        return fail_at(reader, p, SKY_E_LIMIT, "a map key over 8,192 bytes");
    if (LIKELY(previous->ptr != NULL)) {
        int order = compare_keys(*previous, key);
        if (UNLIKELY(order >= 0))
            return fail_at(reader, p, SKY_E_NON_CANONICAL,
                           order ? "map keys out of order" : "a map key that comes twice");
    }
    *previous = key;
    return next;
}

/* Into the array or map at `p`, `depth` containers being open around it. */
INLINE const uint8_t *read_container(struct sky_dagcbor_reader *reader, const uint8_t *p, uint32_t depth,
                                     uint64_t *items)
{
    const uint8_t *next = read_head(reader, p, items);
    if (UNLIKELY(!next))
        return NULL;
    if (UNLIKELY(*items > SKY_DAGCBOR_ITEMS_MAX))
        return fail_at(reader, p, SKY_E_LIMIT, "a container of more than 131,072 items");
    if (UNLIKELY(depth >= SKY_DAGCBOR_DEPTH_MAX))
        return fail_at(reader, p, SKY_E_LIMIT, "containers nested deeper than 32");
    return next;
}

INLINE const uint8_t *read_integer(struct sky_dagcbor_reader *reader, const uint8_t *p,
                                   struct sky_dagcbor_integer *value)
{
    uint64_t magnitude;
    const uint8_t *next = read_head(reader, p, &magnitude);
    if (UNLIKELY(!next))
        return NULL;
    if (UNLIKELY(magnitude > INT64_MAX) && reader->mode == SKY_DAGCBOR_RECORD)
        return fail_at(reader, p, SKY_E_RANGE, "an integer beyond 64 bits with sign");
    *value = (struct sky_dagcbor_integer){magnitude, *p >> 5 == MAJOR_NEGATIVE};
    return next;
}

COLD static const uint8_t *fail_link(struct sky_dagcbor_reader *reader, const uint8_t *p)
{
    uint64_t tag;
    const uint8_t *next = read_head(reader, p, &tag);
    if (!next)
        return NULL;
    if (tag != 42)
        return fail_at(reader, p, SKY_E_UNSUPPORTED, "a tag other than 42");
    struct sky_span bytes;
    if (next >= reader->end)
        return fail_truncated(reader, p);
    if (*next >> 5 != MAJOR_BYTES)
        return fail_at(reader, next, SKY_E_MALFORMED, "tag 42 on something that is not bytes");
    if (!read_string(reader, next, &bytes))
        return NULL;
    return fail_at(reader, next, SKY_E_CID, "a link that is not a CIDv1 of dag-cbor or raw with SHA-256");
}

INLINE const uint8_t *read_link(struct sky_dagcbor_reader *reader, const uint8_t *p, struct sky_span *cid)
{
    if (UNLIKELY((size_t)(reader->end - p) < LINK_SIZE_BYTES || memcmp(p, link_head, sizeof link_head) != 0))
        return fail_link(reader, p);
    *cid = sky_span_of(p + sizeof link_head, SKY_CID_SIZE_BYTES);
    return LIKELY(sky_cid_is_valid(*cid)) ? p + LINK_SIZE_BYTES : fail_link(reader, p);
}

static const uint8_t *read_float(struct sky_dagcbor_reader *reader, const uint8_t *p, double *value)
{
    if (reader->end - p < 9)
        return fail_truncated(reader, p);
    uint64_t bits = sky_load_big_endian(p + 1, 8);
    memcpy(value, &bits, sizeof bits);
    if (reader->mode == SKY_DAGCBOR_RECORD)
        return fail_at(reader, p, SKY_E_UNSUPPORTED, "a float, which records may not hold");
    if (!isfinite(*value))
        return fail_at(reader, p, SKY_E_RANGE, "a float that is not finite");
    if (*value == 0 && signbit(*value))
        return fail_at(reader, p, SKY_E_RANGE, "a float of minus zero");
    return p + 9;
}

/* Why `byte`, of major type 7, begins no item we take (RFC 8949, section 3.3). */
COLD static const uint8_t *fail_simple(struct sky_dagcbor_reader *reader, const uint8_t *p)
{
    unsigned info = *p & 31;
    if (info == 25 || info == 26)
        return fail_at(reader, p, SKY_E_NON_CANONICAL, "a float of less than 64 bits");
    if (info > 27)
        return fail_at(reader, p, SKY_E_MALFORMED, info == 31 ? "a break outside an item" : "a reserved head byte");
    return fail_at(reader, p, SKY_E_UNSUPPORTED, "a simple value other than false, true and null");
}

INLINE const uint8_t *skip_simple(struct sky_dagcbor_reader *reader, const uint8_t *p)
{
    double value;
    if (LIKELY(*p >= BYTE_FALSE && *p <= BYTE_NULL))
        return p + 1;
    return *p == BYTE_FLOAT64 ? read_float(reader, p, &value) : fail_simple(reader, p);
}

static const uint8_t *skip_array(struct sky_dagcbor_reader *reader, const uint8_t *p, uint32_t depth);
static const uint8_t *skip_map(struct sky_dagcbor_reader *reader, const uint8_t *p, uint32_t depth);

INLINE const uint8_t *skip_item(struct sky_dagcbor_reader *reader, const uint8_t *p, uint32_t depth)
{
    struct sky_span string;
    struct sky_dagcbor_integer integer;
    if (UNLIKELY(p >= reader->end))
        return fail_truncated(reader, p);
    switch ((enum major)(*p >> 5)) {
    case MAJOR_TEXT: return read_text(reader, p, &string);
    case MAJOR_MAP: return skip_map(reader, p, depth);
    case MAJOR_TAG: return read_link(reader, p, &string);
    case MAJOR_ARRAY: return skip_array(reader, p, depth);
    case MAJOR_UINT:
    case MAJOR_NEGATIVE: return read_integer(reader, p, &integer);
    case MAJOR_BYTES: return read_string(reader, p, &string);
    case MAJOR_SIMPLE: return skip_simple(reader, p);
    }
    return NULL;
}

/* The recursion is at most SKY_DAGCBOR_DEPTH_MAX deep. */
static const uint8_t *skip_array(struct sky_dagcbor_reader *reader, const uint8_t *p, uint32_t depth)
{
    uint64_t left;
    p = read_container(reader, p, depth, &left);
    for (; p && left; left--)
        p = skip_item(reader, p, depth + 1);
    return p;
}

/* The next key of a map by the general way, past which it returns. */
static const uint8_t *skip_any_key(struct sky_dagcbor_reader *reader, const uint8_t *p, struct sky_dagcbor_map *map)
{
    struct sky_span key;
    reader->at = p;
    return sky_dagcbor_any_key(reader, map, &key) ? reader->at : NULL;
}

static const uint8_t *skip_map(struct sky_dagcbor_reader *reader, const uint8_t *p, uint32_t depth)
{
    struct sky_dagcbor_map map = {0}; /* in registers, as long as only its copy is lent */
    p = read_container(reader, p, depth, &map.left);
    while (p && map.left) {
        const uint8_t *next = sky_dagcbor_short_key(p, reader->end, &map);
        if (UNLIKELY(!next)) {
            struct sky_dagcbor_map lent = map;
            next = skip_any_key(reader, p, &lent);
            map = lent;
        }
        p = LIKELY(next != NULL) ? skip_item(reader, next, depth + 1) : NULL;
    }
    return p;
}

struct sky_span sky_dagcbor_skip(struct sky_dagcbor_reader *reader)
{
    const uint8_t *start = reader->at;
    const uint8_t *next = skip_item(reader, start, reader->depth);
    if (UNLIKELY(!next))
        return (struct sky_span){0};
    reader->at = next;
    return sky_span_of(start, (size_t)(next - start));
}

enum sky_dagcbor_type sky_dagcbor_peek(const struct sky_dagcbor_reader *reader)
{
    static const uint8_t types[8] = {
        [MAJOR_UINT] = SKY_DAGCBOR_INTEGER, [MAJOR_NEGATIVE] = SKY_DAGCBOR_INTEGER, [MAJOR_BYTES] = SKY_DAGCBOR_BYTES,
        [MAJOR_TEXT] = SKY_DAGCBOR_TEXT,    [MAJOR_ARRAY] = SKY_DAGCBOR_ARRAY,      [MAJOR_MAP] = SKY_DAGCBOR_MAP,
        [MAJOR_TAG] = SKY_DAGCBOR_LINK,     [MAJOR_SIMPLE] = SKY_DAGCBOR_NONE};
    if (reader->at >= reader->end)
        return SKY_DAGCBOR_NONE;
    switch (*reader->at) {
    case BYTE_FALSE:
    case BYTE_TRUE: return SKY_DAGCBOR_BOOL;
    case BYTE_NULL: return SKY_DAGCBOR_NULL;
    case BYTE_FLOAT64: return SKY_DAGCBOR_FLOAT;
    default: return (enum sky_dagcbor_type)types[*reader->at >> 5];
    }
}

/* The next item is not of the type wanted: its own errors, if any, come first. */
COLD static void fail_type(struct sky_dagcbor_reader *reader, const char *reason)
{
    const uint8_t *item = reader->at;
    sky_dagcbor_skip(reader);
    fail_at(reader, item, SKY_E_TYPE, reason);
}

/* True when the next item is of `major`; otherwise the reader has failed. */
INLINE bool wants(struct sky_dagcbor_reader *reader, enum major major, const char *reason)
{
    if (LIKELY(reader->at < reader->end && *reader->at >> 5 == major))
        return true;
    fail_type(reader, reason);
    return false;
}

static uint64_t enter(struct sky_dagcbor_reader *reader)
{
    uint64_t items;
    const uint8_t *next = read_container(reader, reader->at, reader->depth, &items);
    if (UNLIKELY(!next))
        return 0;
    reader->at = next;
    reader->depth++;
    return items;
}

struct sky_dagcbor_map sky_dagcbor_map(struct sky_dagcbor_reader *reader)
{
    bool is_map = wants(reader, MAJOR_MAP, "not a map");
    return (struct sky_dagcbor_map){.left = is_map ? enter(reader) : 0};
}

bool sky_dagcbor_any_key(struct sky_dagcbor_reader *reader, struct sky_dagcbor_map *map, struct sky_span *key)
{
    if (map->left == 0) {
        reader->depth -= reader->depth > 0;
        return false;
    }
    const uint8_t *next = read_key(reader, reader->at, &map->previous);
    if (UNLIKELY(!next))
        return false;
    reader->at = next;
    map->left--;
    map->previous_word = 0;
    for (size_t i = 0; i < 8 && map->previous.len <= 8; i++)
        map->previous_word = map->previous_word << 8 | (i < map->previous.len ? map->previous.ptr[i] : 0);
    *key = map->previous;
    return true;
}

struct sky_dagcbor_array sky_dagcbor_array(struct sky_dagcbor_reader *reader)
{
    bool is_array = wants(reader, MAJOR_ARRAY, "not an array");
    return (struct sky_dagcbor_array){.left = is_array ? enter(reader) : 0};
}

bool sky_dagcbor_item(struct sky_dagcbor_reader *reader, struct sky_dagcbor_array *array)
{
    if (array->left == 0) {
        reader->depth -= reader->depth > 0;
        return false;
    }
    array->left--;
    return sky_dagcbor_ok(reader);
}

struct sky_span sky_dagcbor_text(struct sky_dagcbor_reader *reader)
{
    struct sky_span text = {0};
    const uint8_t *next = wants(reader, MAJOR_TEXT, "not a text") ? read_text(reader, reader->at, &text) : NULL;
    if (UNLIKELY(!next))
        return (struct sky_span){0};
    reader->at = next;
    return text;
}

struct sky_span sky_dagcbor_bytes(struct sky_dagcbor_reader *reader)
{
    struct sky_span bytes = {0};
    const uint8_t *next = wants(reader, MAJOR_BYTES, "not bytes") ? read_string(reader, reader->at, &bytes) : NULL;
    if (UNLIKELY(!next))
        return (struct sky_span){0};
    reader->at = next;
    return bytes;
}

struct sky_span sky_dagcbor_link(struct sky_dagcbor_reader *reader)
{
    struct sky_span cid = {0};
    const uint8_t *next = wants(reader, MAJOR_TAG, "not a link") ? read_link(reader, reader->at, &cid) : NULL;
    if (UNLIKELY(!next))
        return (struct sky_span){0};
    reader->at = next;
    return cid;
}

struct sky_dagcbor_integer sky_dagcbor_integer(struct sky_dagcbor_reader *reader)
{
    struct sky_dagcbor_integer value = {0};
    if (sky_dagcbor_peek(reader) != SKY_DAGCBOR_INTEGER) {
        fail_type(reader, "not an integer");
        return value;
    }
    const uint8_t *next = read_integer(reader, reader->at, &value);
    if (UNLIKELY(!next))
        return (struct sky_dagcbor_integer){0};
    reader->at = next;
    return value;
}

int64_t sky_dagcbor_int(struct sky_dagcbor_reader *reader)
{
    const uint8_t *item = reader->at;
    struct sky_dagcbor_integer value = sky_dagcbor_integer(reader);
    if (UNLIKELY(value.magnitude > INT64_MAX)) {
        fail_at(reader, item, SKY_E_RANGE, "an integer beyond 64 bits with sign");
        return 0;
    }
    return value.negative ? -1 - (int64_t)value.magnitude : (int64_t)value.magnitude;
}

bool sky_dagcbor_bool(struct sky_dagcbor_reader *reader)
{
    if (sky_dagcbor_peek(reader) != SKY_DAGCBOR_BOOL) {
        fail_type(reader, "not a boolean");
        return false;
    }
    return *reader->at++ == BYTE_TRUE;
}

void sky_dagcbor_null(struct sky_dagcbor_reader *reader)
{
    if (sky_dagcbor_peek(reader) == SKY_DAGCBOR_NULL)
        reader->at++;
    else
        fail_type(reader, "not null");
}

double sky_dagcbor_float(struct sky_dagcbor_reader *reader)
{
    double value = 0;
    if (sky_dagcbor_peek(reader) != SKY_DAGCBOR_FLOAT) {
        fail_type(reader, "not a float");
        return 0;
    }
    const uint8_t *next = read_float(reader, reader->at, &value);
    if (!next)
        return 0;
    reader->at = next;
    return value;
}

enum sky_status sky_dagcbor_end(struct sky_dagcbor_reader *reader)
{
    if (LIKELY(sky_dagcbor_ok(reader)) && UNLIKELY(reader->at < reader->end))
        fail_at(reader, reader->at, SKY_E_TRAILING, "bytes after the end of the item");
    return reader->error.status;
}

enum sky_status sky_dagcbor_validate(struct sky_span input, enum sky_dagcbor_mode mode, struct sky_error *error)
{
    struct sky_dagcbor_reader reader;
    sky_dagcbor_init(&reader, input, mode);
    sky_dagcbor_skip(&reader);
    enum sky_status status = sky_dagcbor_end(&reader);
    *error = reader.error;
    return status;
}
