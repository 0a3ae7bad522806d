#include "wire/car.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/cid.h"
#include "wire/dagcbor.h"

#define COMPARED_ONE_BY_ONE_MAX 8
#define VARINT_BYTES_MAX        9 /* multiformats/unsigned-varint: 63 bits */

static enum sky_status fail_at(struct sky_car_reader *reader, size_t offset, enum sky_status status, const char *reason)
{
    if (reader->error.status == SKY_OK)
        reader->error = (struct sky_error){status, offset, reason};
    return reader->error.status;
}

/* The length of the section at reader->offset, which is inside the input. */
static enum sky_status read_length(struct sky_car_reader *reader, uint64_t *length, size_t *width_bytes)
{
    const uint8_t *p = reader->input.ptr + reader->offset;
    size_t left = reader->input.len - reader->offset;
    uint64_t value = 0;
    for (size_t i = 0; i < left && i < VARINT_BYTES_MAX; i++) {
        value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] & 0x80)
            continue;
        if (i > 0 && p[i] == 0)
            return fail_at(reader, reader->offset, SKY_E_NON_CANONICAL, "a varint not in its shortest form");
        *length = value;
        *width_bytes = i + 1;
        return SKY_OK;
    }
    if (left < VARINT_BYTES_MAX)
        return fail_at(reader, reader->offset, SKY_E_TRUNCATED, "the archive ends inside a varint");
    return fail_at(reader, reader->offset, SKY_E_MALFORMED, "a varint of more than 63 bits");
}

/* The bytes of the section at reader->offset; moves behind it. */
static enum sky_status read_section(struct sky_car_reader *reader, struct sky_span *section)
{
    uint64_t length = 0;
    size_t width_bytes = 0;
    enum sky_status status = read_length(reader, &length, &width_bytes);
    if (status)
        return status;
    if (length == 0)
        return fail_at(reader, reader->offset, SKY_E_MALFORMED, "a section of length zero");
    if (length > reader->input.len - reader->offset - width_bytes)
        return fail_at(reader, reader->offset, SKY_E_TRUNCATED, "the archive ends inside a section");
    *section = sky_span_of(reader->input.ptr + reader->offset + width_bytes, (size_t)length);
    reader->offset += width_bytes + (size_t)length;
    return SKY_OK;
}

static void read_roots(struct sky_dagcbor_reader *cbor, struct sky_span *first)
{
    struct sky_dagcbor_array roots = sky_dagcbor_array(cbor);
    while (sky_dagcbor_item(cbor, &roots)) {
        struct sky_span cid = sky_dagcbor_link(cbor);
        if (!first->len)
            *first = cid;
    }
}

static enum sky_status read_header(struct sky_car_reader *reader)
{
    struct sky_dagcbor_reader cbor;
    struct sky_span key;
    bool has_roots = false;
    int64_t version = 0;
    sky_dagcbor_init(&cbor, reader->header, SKY_DAGCBOR_DRISL);
    struct sky_dagcbor_map map = sky_dagcbor_map(&cbor);
    while (sky_dagcbor_key(&cbor, &map, &key)) {
        if (sky_span_equal(key, SKY_SPAN("roots"))) {
            has_roots = true;
            read_roots(&cbor, &reader->root);
        } else if (sky_span_equal(key, SKY_SPAN("version")))
            version = sky_dagcbor_int(&cbor);
        else
            sky_dagcbor_skip(&cbor);
    }
    size_t start = (size_t)(reader->header.ptr - reader->input.ptr);
    if (sky_dagcbor_end(&cbor))
        return fail_at(reader, start + cbor.error.offset, cbor.error.status, cbor.error.reason);
    if (version != 1)
        return fail_at(reader, start, SKY_E_UNSUPPORTED, "not version 1 of CAR");
    return has_roots ? SKY_OK : fail_at(reader, start, SKY_E_MISSING, "a CAR header without roots");
}

/* The header that nearly every archive has: one root, as sky_car_write_header writes it. Compared with what it must be,
 * so that nothing is left to check but the root. */
static bool read_usual_header(struct sky_car_reader *reader)
{
    static const char before[] = "\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25", behind[] = "\x67version\x01";
    const size_t root_at = sizeof before, size_bytes = root_at + SKY_CID_SIZE_BYTES + sizeof behind - 1;
    const uint8_t *p = reader->input.ptr;
    if (reader->input.len < size_bytes || !sky_bytes_equal(p, before, root_at) || /* its NUL is the link's first byte */
        !sky_bytes_equal(p + root_at + SKY_CID_SIZE_BYTES, behind, sizeof behind - 1))
        return false;
    reader->header = sky_span_of(p + 1, size_bytes - 1);
    reader->root = sky_span_of(p + root_at, SKY_CID_SIZE_BYTES);
    reader->offset = size_bytes;
    return sky_cid_is_valid(reader->root);
}

enum sky_status sky_car_open(struct sky_car_reader *reader, struct sky_span input)
{
    *reader = (struct sky_car_reader){.input = input};
    if (read_usual_header(reader))
        return SKY_OK;
    *reader = (struct sky_car_reader){.input = input};
    if (input.len == 0)
        return fail_at(reader, 0, SKY_E_TRUNCATED, "an archive without header");
    enum sky_status status = read_section(reader, &reader->header);
    return status ? status : read_header(reader);
}

enum sky_status sky_car_next(struct sky_car_reader *reader, struct sky_car_block *block)
{
    if (reader->error.status)
        return reader->error.status;
    if (reader->offset == reader->input.len)
        return SKY_E_END;
    struct sky_span section = {0};
    enum sky_status status = read_section(reader, &section);
    if (status)
        return status;
    block->cid = sky_span_of(section.ptr, section.len < SKY_CID_SIZE_BYTES ? section.len : SKY_CID_SIZE_BYTES);
    block->data = sky_span_from(section, SKY_CID_SIZE_BYTES);
    if (!sky_cid_is_valid(block->cid))
        return fail_at(reader, (size_t)(section.ptr - reader->input.ptr), SKY_E_CID,
                       "a block whose CID is not a CIDv1 of dag-cbor or raw with SHA-256");
    return SKY_OK;
}

/* The block at p when its length is a varint of one or two bytes and all is well with it; 0 otherwise, and its size
 * with the varint. A walk over blocks waits for each length to know where the next one is: this is the short way there.
 */
static inline size_t usual_block(const uint8_t *p, size_t left, struct sky_car_block *block)
{
    if (left < 2 + SKY_CID_SIZE_BYTES)
        return 0;
    size_t wide = p[0] >> 7; /* without a branch: lengths on both sides of 128 are frequent */
    size_t len = (p[0] & 0x7fu) | ((size_t)p[1] << 7 & (0 - wide)), head = 1 + wide;
    if ((wide && (p[1] == 0 || p[1] >= 0x80)) || len < SKY_CID_SIZE_BYTES || len > left - head)
        return 0;
    block->cid = sky_span_of(p + head, SKY_CID_SIZE_BYTES);
    block->data = sky_span_of(p + head + SKY_CID_SIZE_BYTES, len - SKY_CID_SIZE_BYTES);
    return sky_cid_is_valid(block->cid) ? head + len : 0;
}

/* The end of a digest: two CIDs that agree here are almost always the same. */
static uint64_t cid_tail(struct sky_span cid)
{
    uint64_t tail;
    memcpy(&tail, cid.ptr + SKY_CID_SIZE_BYTES - sizeof tail, sizeof tail);
    return tail;
}

/* The block at *offset, past which it moves; as sky_car_next, but with its state in registers. */
static inline enum sky_status next_block(struct sky_car_reader *reader, size_t *offset, struct sky_car_block *block)
{
    size_t size = usual_block(reader->input.ptr + *offset, reader->input.len - *offset, block);
    *offset += size;
    if (size)
        return SKY_OK;
    struct sky_car_block any = {0};
    reader->offset = *offset;
    enum sky_status status = sky_car_next(reader, &any);
    *offset = reader->offset;
    *block = any;
    return status;
}

static enum sky_status find_few(struct sky_car_reader *reader, struct sky_car_want *wants, size_t count)
{
    uint64_t tails[COMPARED_ONE_BY_ONE_MAX];
    struct sky_car_block block;
    size_t offset = reader->offset;
    enum sky_status status;
    for (size_t i = 0; i < count; i++)
        tails[i] = cid_tail(wants[i].cid);
    while ((status = next_block(reader, &offset, &block)) == SKY_OK) {
        uint64_t tail = cid_tail(block.cid);
        for (size_t i = 0; i < count; i++) {
            if (tails[i] != tail || wants[i].found || !sky_cid_equal(wants[i].cid, block.cid))
                continue;
            wants[i].found = true;
            wants[i].data = block.data;
        }
    }
    return status == SKY_E_END ? SKY_OK : status;
}

static int compare_wants(const void *a, const void *b, void *context)
{
    const struct sky_car_want *wants = context;
    return memcmp(wants[*(const uint16_t *)a].cid.ptr, wants[*(const uint16_t *)b].cid.ptr, SKY_CID_SIZE_BYTES);
}

/* The first place in `order` whose want is not below `cid`. */
static size_t lower_bound(const struct sky_car_want *wants, const uint16_t *order, size_t count, struct sky_span cid)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(wants[order[middle]].cid.ptr, cid.ptr, SKY_CID_SIZE_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum sky_status find_many(struct sky_car_reader *reader, struct sky_car_want *wants, size_t count)
{
    uint16_t order[SKY_CAR_FIND_MAX];
    struct sky_car_block block;
    size_t offset = reader->offset;
    enum sky_status status;
    for (size_t i = 0; i < count; i++)
        order[i] = (uint16_t)i;
    qsort_r(order, count, sizeof order[0], compare_wants, wants);
    while ((status = next_block(reader, &offset, &block)) == SKY_OK) {
        size_t i = lower_bound(wants, order, count, block.cid);
        /* those of one CID are found together, so that a block that comes again costs one look */
        for (; i < count && !wants[order[i]].found && sky_cid_equal(wants[order[i]].cid, block.cid); i++) {
            wants[order[i]].found = true;
            wants[order[i]].data = block.data;
        }
    }
    return status == SKY_E_END ? SKY_OK : status;
}

enum sky_status sky_car_find(struct sky_car_reader *reader, struct sky_car_want *wants, size_t count)
{
    assert(count <= SKY_CAR_FIND_MAX);
    return count <= COMPARED_ONE_BY_ONE_MAX ? find_few(reader, wants, count) : find_many(reader, wants, count);
}

static void write_varint(struct sky_buffer *buffer, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        sky_buffer_put_u8(buffer, (uint8_t)(value | 0x80));
    sky_buffer_put_u8(buffer, (uint8_t)value);
}

void sky_car_write_header(struct sky_buffer *buffer, struct sky_span root)
{
    static const uint8_t size_bytes = 58; /* of what follows: a constant for one root */
    sky_buffer_put_u8(buffer, size_bytes);
    sky_dagcbor_put_map(buffer, 2);
    sky_dagcbor_put_text(buffer, SKY_SPAN("roots"));
    sky_dagcbor_put_array(buffer, 1);
    sky_dagcbor_put_link(buffer, root);
    sky_dagcbor_put_text(buffer, SKY_SPAN("version"));
    sky_dagcbor_put_int(buffer, 1);
}

void sky_car_write_block(struct sky_buffer *buffer, struct sky_span cid, struct sky_span data)
{
    write_varint(buffer, cid.len + data.len);
    sky_buffer_put_span(buffer, cid);
    sky_buffer_put_span(buffer, data);
}

void sky_car_write_section(struct sky_buffer *buffer, struct sky_span content)
{
    write_varint(buffer, content.len);
    sky_buffer_put_span(buffer, content);
}
