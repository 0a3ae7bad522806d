/* json_read.h: strict JSON (RFC 8259): one text into a flat run of values.
 *
 * Every value stands behind its container, in the order of the text, and knows how many values its own subtree has:
 *     {"a":[1,2]}   ->   object(count 1, size 5) string "a" array(count 2, size 3) number number
 * so that walking is adding sizes and a document is one array that is used again for the next line.
 *
 * Strict: valid UTF-8, no lone surrogate escapes, no duplicate keys, nothing behind the value but white space.
 *
 * Memory   the document owns the values and the unescaped strings; strings without escapes borrow the input.
 * Threads  one owner per document.
 * Trust    input is hostile; work is O(bytes), O(keys x log(keys)) in an object. */
#ifndef SKY_WIRE_JSON_READ_H
#define SKY_WIRE_JSON_READ_H

#include "base/arena.h"

/* Limits of ours. */
#define SKY_JSON_SIZE_BYTES_MAX (8u * 1024 * 1024)
#define SKY_JSON_DEPTH_MAX      32
#define SKY_JSON_ITEMS_MAX      131072 /* of one array, pairs of one object */
#define SKY_JSON_VALUES_MAX     1048576

enum sky_json_type { SKY_JSON_NULL, SKY_JSON_BOOL, SKY_JSON_NUMBER, SKY_JSON_STRING, SKY_JSON_ARRAY, SKY_JSON_OBJECT };

struct sky_json_value {
    enum sky_json_type type;
    bool boolean;
    bool is_integer;      /* a number whose value is an integer that fits int64_t, as 12 and 12.0 */
    uint32_t count;       /* items of an array, pairs of an object (each pair: a string, then its value) */
    uint32_t size;        /* values of this subtree, itself included */
    uint32_t offset;      /* first byte in the input */
    int64_t integer;      /* when is_integer */
    struct sky_span text; /* a string unescaped; a number as written */
};

struct sky_json_document {
    struct sky_json_value *values; /* [0] is the root */
    uint32_t count;
    uint32_t capacity;
    struct sky_arena strings;
};

void sky_json_document_init(struct sky_json_document *document);
void sky_json_document_clean_up(struct sky_json_document *document);

/* Replaces what the document held. */
SKY_MUST_USE enum sky_status sky_json_parse(struct sky_json_document *document, struct sky_span input,
                                            struct sky_error *error);

/* The first item or key; read it only when count > 0. */
static inline const struct sky_json_value *sky_json_first(const struct sky_json_value *container)
{
    return container + 1;
}

/* What stands behind `value`: the next item, or after a key its value. */
static inline const struct sky_json_value *sky_json_next(const struct sky_json_value *value)
{
    return value + value->size;
}

/* The value under `key`, or NULL when `object` is NULL, no object or has no such key. */
const struct sky_json_value *sky_json_member(const struct sky_json_value *object, const char *key);

/* The member's text when it is a string, else an empty span. */
struct sky_span sky_json_member_text(const struct sky_json_value *object, const char *key);

#endif
