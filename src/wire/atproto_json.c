#include "wire/atproto_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/base64.h"
#include "wire/cid.h"

/* The two spellings of JSON, which differ in links, bytes and floats alone. */
enum dialect { DIALECT_ATPROTO, DIALECT_DAG_JSON };

static void write_item(struct sky_dagcbor_reader *reader, struct sky_json_writer *json, enum dialect dialect);

static void write_base64(struct sky_json_writer *json, struct sky_span bytes)
{
    sky_json_raw(json, SKY_SPAN("\""));
    sky_base64_encode(bytes, json->buffer);
    sky_buffer_put_u8(json->buffer, '"');
}

static void write_bytes(struct sky_json_writer *json, struct sky_span bytes, enum dialect dialect)
{
    sky_json_object(json);
    sky_json_key(json, dialect == DIALECT_ATPROTO ? "$bytes" : "/");
    if (dialect == DIALECT_DAG_JSON) {
        sky_json_object(json);
        sky_json_key(json, "bytes");
    }
    write_base64(json, bytes);
    if (dialect == DIALECT_DAG_JSON)
        sky_json_end(json);
    sky_json_end(json);
}

static void write_link(struct sky_json_writer *json, struct sky_span cid, enum dialect dialect)
{
    char text[SKY_CID_TEXT_SIZE];
    if (!cid.len)
        return;
    sky_cid_format(cid, text);
    sky_json_object(json);
    sky_json_key(json, dialect == DIALECT_ATPROTO ? "$link" : "/");
    sky_json_string(json, text);
    sky_json_end(json);
}

/* -2^64 is the one value whose magnitude does not fit the writer's integers. */
static void write_integer(struct sky_json_writer *json, struct sky_dagcbor_integer value)
{
    if (!value.negative)
        sky_json_uint(json, value.magnitude);
    else if (value.magnitude == UINT64_MAX)
        sky_json_raw(json, SKY_SPAN("-18446744073709551616"));
    else {
        char text[24];
        int len = snprintf(text, sizeof text, "-%llu", (unsigned long long)value.magnitude + 1);
        sky_json_raw(json, sky_span_of(text, (size_t)len));
    }
}

/* The shortest digits that read back as `value`, with a point: 1.0, 0.1, 1.0e+21. */
static void write_float(struct sky_json_writer *json, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (!strchr(text, '.')) {
        char *exponent = strchr(text, 'e');
        size_t len = strlen(text), at = exponent ? (size_t)(exponent - text) : len;
        memmove(text + at + 2, text + at, len - at + 1);
        memcpy(text + at, ".0", 2);
    }
    sky_json_raw(json, sky_span_from_string(text));
}

static void write_map(struct sky_dagcbor_reader *reader, struct sky_json_writer *json, enum dialect dialect)
{
    struct sky_dagcbor_map map = sky_dagcbor_map(reader);
    struct sky_span key;
    sky_json_object(json);
    while (sky_dagcbor_key(reader, &map, &key)) {
        sky_json_key_span(json, key);
        write_item(reader, json, dialect);
    }
    sky_json_end(json);
}

static void write_array(struct sky_dagcbor_reader *reader, struct sky_json_writer *json, enum dialect dialect)
{
    struct sky_dagcbor_array array = sky_dagcbor_array(reader);
    sky_json_array(json);
    while (sky_dagcbor_item(reader, &array))
        write_item(reader, json, dialect);
    sky_json_end(json);
}

/* The recursion is bounded by the reader's depth limit. */
static void write_item(struct sky_dagcbor_reader *reader, struct sky_json_writer *json, enum dialect dialect)
{
    switch (sky_dagcbor_peek(reader)) {
    case SKY_DAGCBOR_INTEGER: write_integer(json, sky_dagcbor_integer(reader)); break;
    case SKY_DAGCBOR_BYTES: write_bytes(json, sky_dagcbor_bytes(reader), dialect); break;
    case SKY_DAGCBOR_TEXT: sky_json_span(json, sky_dagcbor_text(reader)); break;
    case SKY_DAGCBOR_ARRAY: write_array(reader, json, dialect); break;
    case SKY_DAGCBOR_MAP: write_map(reader, json, dialect); break;
    case SKY_DAGCBOR_LINK: write_link(json, sky_dagcbor_link(reader), dialect); break;
    case SKY_DAGCBOR_BOOL: sky_json_bool(json, sky_dagcbor_bool(reader)); break;
    case SKY_DAGCBOR_FLOAT: write_float(json, sky_dagcbor_float(reader)); break;
    case SKY_DAGCBOR_NULL:
        sky_dagcbor_null(reader);
        sky_json_null(json);
        break;
    case SKY_DAGCBOR_NONE: sky_dagcbor_skip(reader); break; /* fails with the reason */
    }
}

void sky_atproto_json_write(struct sky_dagcbor_reader *reader, struct sky_json_writer *json)
{
    write_item(reader, json, DIALECT_ATPROTO);
}

void sky_dag_json_write(struct sky_dagcbor_reader *reader, struct sky_json_writer *json)
{
    write_item(reader, json, DIALECT_DAG_JSON);
}

struct encoder {
    struct sky_arena *arena;
    struct sky_buffer *cbor;
    struct sky_error *error;
};

static bool encode(struct encoder *encoder, const struct sky_json_value *value);

static bool fail(struct encoder *encoder, const struct sky_json_value *value, enum sky_status status,
                 const char *reason)
{
    if (encoder->error->status == SKY_OK)
        *encoder->error = (struct sky_error){status, value->offset, reason};
    return false;
}

static bool encode_link(struct encoder *encoder, const struct sky_json_value *link)
{
    uint8_t cid[SKY_CID_SIZE_BYTES];
    if (link->type != SKY_JSON_STRING)
        return fail(encoder, link, SKY_E_TYPE, "a $link that is not a string");
    if (sky_cid_parse(link->text, cid))
        return fail(encoder, link, SKY_E_CID, "a $link that is not a CIDv1 of dag-cbor or raw with SHA-256");
    sky_dagcbor_put_link(encoder->cbor, sky_span_of(cid, sizeof cid));
    return true;
}

static bool encode_bytes(struct encoder *encoder, const struct sky_json_value *bytes)
{
    if (bytes->type != SKY_JSON_STRING)
        return fail(encoder, bytes, SKY_E_TYPE, "$bytes that are not a string");
    struct sky_buffer decoded = {0};
    enum sky_status status = sky_base64_decode(bytes->text, &decoded);
    if (!status && decoded.failed)
        status = SKY_E_MEMORY;
    if (!status)
        sky_dagcbor_put_bytes(encoder->cbor, sky_buffer_span(&decoded));
    sky_buffer_clean_up(&decoded);
    return status == SKY_OK || fail(encoder, bytes, status, "$bytes that are not base64");
}

static int compare_pairs(const void *a, const void *b)
{
    return sky_dagcbor_compare_keys((*(const struct sky_json_value *const *)a)->text,
                                    (*(const struct sky_json_value *const *)b)->text);
}

static bool encode_map(struct encoder *encoder, const struct sky_json_value *object)
{
    const struct sky_json_value **keys = sky_arena_alloc(encoder->arena, object->count * sizeof *keys);
    if (!keys)
        return fail(encoder, object, SKY_E_MEMORY, "no memory");
    const struct sky_json_value *key = sky_json_first(object);
    for (uint32_t i = 0; i < object->count; i++, key = sky_json_next(key + 1))
        keys[i] = key;
    if (object->count > 1)
        qsort(keys, object->count, sizeof *keys, compare_pairs);
    sky_dagcbor_put_map(encoder->cbor, object->count);
    for (uint32_t i = 0; i < object->count; i++) {
        if (keys[i]->text.len > SKY_DAGCBOR_KEY_BYTES_MAX)
            return fail(encoder, keys[i], SKY_E_LIMIT, "a map key over 8,192 bytes");
        sky_dagcbor_put_text(encoder->cbor, keys[i]->text);
        if (!encode(encoder, keys[i] + 1))
            return false;
    }
    return true;
}

/* data-model: an object with $link or $bytes is that alone. */
static bool encode_object(struct encoder *encoder, const struct sky_json_value *object)
{
    const struct sky_json_value *link = sky_json_member(object, "$link");
    const struct sky_json_value *bytes = sky_json_member(object, "$bytes");
    if ((link || bytes) && object->count != 1)
        return fail(encoder, object, SKY_E_TYPE, "$link or $bytes with other fields beside it");
    if (link)
        return encode_link(encoder, link);
    return bytes ? encode_bytes(encoder, bytes) : encode_map(encoder, object);
}

static bool encode_array(struct encoder *encoder, const struct sky_json_value *array)
{
    const struct sky_json_value *item = sky_json_first(array);
    sky_dagcbor_put_array(encoder->cbor, array->count);
    for (uint32_t i = 0; i < array->count; i++, item = sky_json_next(item))
        if (!encode(encoder, item))
            return false;
    return true;
}

static bool encode_number(struct encoder *encoder, const struct sky_json_value *number)
{
    if (!number->is_integer)
        return fail(encoder, number, SKY_E_RANGE, "a number that is no integer of 64 bits with sign");
    sky_dagcbor_put_int(encoder->cbor, number->integer);
    return true;
}

/* The recursion is bounded by the JSON reader's depth limit. */
static bool encode(struct encoder *encoder, const struct sky_json_value *value)
{
    switch (value->type) {
    case SKY_JSON_NULL: sky_dagcbor_put_null(encoder->cbor); return true;
    case SKY_JSON_BOOL: sky_dagcbor_put_bool(encoder->cbor, value->boolean); return true;
    case SKY_JSON_NUMBER: return encode_number(encoder, value);
    case SKY_JSON_STRING: sky_dagcbor_put_text(encoder->cbor, value->text); return true;
    case SKY_JSON_ARRAY: return encode_array(encoder, value);
    case SKY_JSON_OBJECT: return encode_object(encoder, value);
    }
    return false;
}

enum sky_status sky_atproto_json_read(const struct sky_json_value *value, struct sky_arena *arena,
                                      struct sky_buffer *cbor, struct sky_error *error)
{
    struct encoder encoder = {.arena = arena, .cbor = cbor, .error = error};
    *error = (struct sky_error){0};
    if (encode(&encoder, value) && cbor->failed)
        fail(&encoder, value, SKY_E_MEMORY, "no memory");
    return error->status;
}
