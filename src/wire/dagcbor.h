/* dagcbor.h: strict DAG-CBOR: a reader that pulls items one by one, without a tree, and a writer.
 *
 * Spec     RFC 8949; https://dasl.ing/drisl.html (CBOR restricted to one encoding of each value);
 *          https://atproto.com/specs/data-model
 * Memory   allocates nothing; every span borrows `input`.
 * Threads  one owner per reader.
 * Trust    input is hostile: reads stay inside it, work is O(bytes), nesting is bounded.
 *
 * The reader is sticky: after the first error every call gives 0, an empty span or false, and reader.error keeps the
 * status, the offset and the reason. So a decoder reads straight through and checks once:
 *
 *     struct sky_dagcbor_map map = sky_dagcbor_map(&reader);
 *     struct sky_span key;
 *     while (sky_dagcbor_key(&reader, &map, &key))
 *         if (sky_span_equal(key, SKY_SPAN("text")))
 *             text = sky_dagcbor_text(&reader);
 *         else
 *             sky_dagcbor_skip(&reader);      (validates what it passes over just as strictly)
 *     return sky_dagcbor_end(&reader);
 *
 * Each key's value must be read or skipped before the next key is asked for, and likewise the items of an array. */
#ifndef SKY_WIRE_DAGCBOR_H
#define SKY_WIRE_DAGCBOR_H

#include "base/buffer.h"

/* Limits of ours. */
#define SKY_DAGCBOR_DEPTH_MAX     32     /* open containers */
#define SKY_DAGCBOR_ITEMS_MAX     131072 /* of one array, pairs of one map */
#define SKY_DAGCBOR_KEY_BYTES_MAX 8192

enum sky_dagcbor_mode {
    SKY_DAGCBOR_RECORD, /* ATProto's data model: 64-bit signed integers, no floats */
    SKY_DAGCBOR_DRISL,  /* all of DRISL: -2^64 to 2^64-1, finite 64-bit floats but -0 */
};

enum sky_dagcbor_type {
    SKY_DAGCBOR_NONE, /* end of input, an error, or a byte that begins no item */
    SKY_DAGCBOR_INTEGER,
    SKY_DAGCBOR_BYTES,
    SKY_DAGCBOR_TEXT,
    SKY_DAGCBOR_ARRAY,
    SKY_DAGCBOR_MAP,
    SKY_DAGCBOR_LINK,
    SKY_DAGCBOR_BOOL,
    SKY_DAGCBOR_NULL,
    SKY_DAGCBOR_FLOAT
};

struct sky_dagcbor_reader {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    enum sky_dagcbor_mode mode;
    uint32_t depth; /* containers open */
    struct sky_error error;
};

struct sky_dagcbor_map {
    uint64_t left;            /* pairs not yet read */
    struct sky_span previous; /* key; ptr NULL before the first */
    uint64_t previous_word;   /* the same as a big-endian number of eight bytes, when it is that short */
};

struct sky_dagcbor_array {
    uint64_t left;
};

/* An integer of -2^64 .. 2^64-1: `magnitude`, or -1 - `magnitude` when negative. */
struct sky_dagcbor_integer {
    uint64_t magnitude;
    bool negative;
};

void sky_dagcbor_init(struct sky_dagcbor_reader *reader, struct sky_span input, enum sky_dagcbor_mode mode);

/* Type of the next item, from its first byte alone. */
enum sky_dagcbor_type sky_dagcbor_peek(const struct sky_dagcbor_reader *reader);

struct sky_dagcbor_map sky_dagcbor_map(struct sky_dagcbor_reader *reader);
/* The next key, or false at the map's end. Order, uniqueness and UTF-8 are checked. */
static inline bool sky_dagcbor_key(struct sky_dagcbor_reader *reader, struct sky_dagcbor_map *map,
                                   struct sky_span *key);

struct sky_dagcbor_array sky_dagcbor_array(struct sky_dagcbor_reader *reader);
/* True while an item is there to be read. */
bool sky_dagcbor_item(struct sky_dagcbor_reader *reader, struct sky_dagcbor_array *array);

struct sky_span sky_dagcbor_text(struct sky_dagcbor_reader *reader); /* valid UTF-8 */
struct sky_span sky_dagcbor_bytes(struct sky_dagcbor_reader *reader);
struct sky_span sky_dagcbor_link(struct sky_dagcbor_reader *reader); /* a valid binary CID */
int64_t sky_dagcbor_int(struct sky_dagcbor_reader *reader);          /* SKY_E_RANGE beyond 64 bits */
struct sky_dagcbor_integer sky_dagcbor_integer(struct sky_dagcbor_reader *reader);
bool sky_dagcbor_bool(struct sky_dagcbor_reader *reader);
void sky_dagcbor_null(struct sky_dagcbor_reader *reader);
double sky_dagcbor_float(struct sky_dagcbor_reader *reader);

/* Pass over one item with all it holds; returns its bytes. */
struct sky_span sky_dagcbor_skip(struct sky_dagcbor_reader *reader);

/* The input must end here: SKY_E_TRAILING otherwise. Gives the reader's status. */
SKY_MUST_USE enum sky_status sky_dagcbor_end(struct sky_dagcbor_reader *reader);

/* For a schema's own checks: sticky, at the present offset. */
void sky_dagcbor_fail(struct sky_dagcbor_reader *reader, enum sky_status status, const char *reason);

static inline bool sky_dagcbor_ok(const struct sky_dagcbor_reader *reader)
{
    return reader->error.status == SKY_OK;
}

static inline size_t sky_dagcbor_offset(const struct sky_dagcbor_reader *reader)
{
    return (size_t)(reader->at - reader->start);
}

/* One item that fills `input`. */
SKY_MUST_USE enum sky_status sky_dagcbor_validate(struct sky_span input, enum sky_dagcbor_mode mode,
                                                  struct sky_error *error);

/* DAG-CBOR's order of map keys: shorter first, then by bytes. <0, 0, >0. */
int sky_dagcbor_compare_keys(struct sky_span a, struct sky_span b);

/* The writer: each call appends the one canonical encoding. The caller gives the counts before the items and puts map
 * keys in order. Keys are texts. */
void sky_dagcbor_put_int(struct sky_buffer *buffer, int64_t value);
void sky_dagcbor_put_integer(struct sky_buffer *buffer, struct sky_dagcbor_integer value);
void sky_dagcbor_put_bytes(struct sky_buffer *buffer, struct sky_span value);
void sky_dagcbor_put_text(struct sky_buffer *buffer, struct sky_span value);
void sky_dagcbor_put_array(struct sky_buffer *buffer, uint64_t items);
void sky_dagcbor_put_map(struct sky_buffer *buffer, uint64_t pairs);
void sky_dagcbor_put_link(struct sky_buffer *buffer, struct sky_span cid); /* binary, 36 bytes */
void sky_dagcbor_put_bool(struct sky_buffer *buffer, bool value);
void sky_dagcbor_put_null(struct sky_buffer *buffer);
void sky_dagcbor_put_float(struct sky_buffer *buffer, double value); /* finite, not -0 */

/* Read one item and write it again: the bytes read when the reader is as strict as it says. */
void sky_dagcbor_copy(struct sky_dagcbor_reader *reader, struct sky_buffer *buffer);

/* Any key, and the map's end. */
bool sky_dagcbor_any_key(struct sky_dagcbor_reader *reader, struct sky_dagcbor_map *map, struct sky_span *key);

/* Past the key at `p`, or NULL when it is none of the usual ones. Most keys are ASCII of at most eight bytes: one load
 * holds such a key, and as a big-endian number padded with zeros it is compared with the one before it in one step
 * (which is right because NUL sorts first, and lengths come before). A longer one, up to 16 bytes, is mostly longer
 * than the key before it, so that its bytes need not be compared. map->left > 0. */
static inline const uint8_t *sky_dagcbor_short_key(const uint8_t *p, const uint8_t *end, struct sky_dagcbor_map *map)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    unsigned len = end - p >= 17 ? *p - 0x60u : 17; /* 0x60: the head of an empty text */
    uint64_t word = 0;
    if (len - 1 < 8) {
        for (unsigned i = 0; i < 8; i++) /* one load and a byte swap */
            word = word << 8 | p[1 + i];
        word &= ~UINT64_C(0) << (64 - 8 * len);
        bool above = len > map->previous.len || (len == map->previous.len && word > map->previous_word);
        if (!above || word & high_bits)
            return NULL;
    } else if (len - 1 >= 16 || len <= map->previous.len ||
               ((sky_load_8(p + 1) | sky_load_8(p + len - 7)) & high_bits)) {
        return NULL;
    }
    /* field by field: copying a span just written makes one wide load of two narrow stores, which stalls */
    map->previous.ptr = p + 1;
    map->previous.len = len;
    map->previous_word = word;
    map->left--;
    return p + 1 + len;
}

static inline bool sky_dagcbor_key(struct sky_dagcbor_reader *reader, struct sky_dagcbor_map *map, struct sky_span *key)
{
    const uint8_t *next = map->left ? sky_dagcbor_short_key(reader->at, reader->end, map) : NULL;
    if (!next)
        return sky_dagcbor_any_key(reader, map, key);
    key->ptr = map->previous.ptr;
    key->len = map->previous.len;
    reader->at = next;
    return true;
}

#endif
