#include "wire/data_model.h"

#include "wire/dagcbor.h"

/* What of an object decides whether it is a good blob. */
struct object {
    struct sky_span type;
    bool has_ref;
    bool has_mime_type;
    bool has_size;
};

static void check_item(struct sky_dagcbor_reader *reader);

static void fail_at(struct sky_dagcbor_reader *reader, size_t offset, enum sky_status status, const char *reason)
{
    bool first = sky_dagcbor_ok(reader);
    sky_dagcbor_fail(reader, status, reason);
    if (first)
        reader->error.offset = offset;
}

static void check_type(struct sky_dagcbor_reader *reader, struct object *object)
{
    size_t offset = sky_dagcbor_offset(reader);
    object->type = sky_dagcbor_text(reader);
    if (sky_dagcbor_ok(reader) && object->type.len == 0)
        fail_at(reader, offset, SKY_E_RANGE, "an empty $type");
}

/* The type of the value, noted for blobs; the value itself is checked as any other. */
static void note_field(struct sky_dagcbor_reader *reader, struct sky_span key, struct object *object)
{
    enum sky_dagcbor_type type = sky_dagcbor_peek(reader);
    if (sky_span_equal(key, SKY_SPAN("ref")))
        object->has_ref = type == SKY_DAGCBOR_LINK;
    else if (sky_span_equal(key, SKY_SPAN("mimeType")))
        object->has_mime_type = type == SKY_DAGCBOR_TEXT && *reader->at != 0x60; /* 0x60: the empty text */
    else if (sky_span_equal(key, SKY_SPAN("size")))
        object->has_size = type == SKY_DAGCBOR_INTEGER && *reader->at < 0x20; /* from 0x20 on: negative */
}

static void check_map(struct sky_dagcbor_reader *reader)
{
    size_t offset = sky_dagcbor_offset(reader);
    struct sky_dagcbor_map map = sky_dagcbor_map(reader);
    struct object object = {0};
    struct sky_span key;
    while (sky_dagcbor_key(reader, &map, &key)) {
        if (sky_span_equal(key, SKY_SPAN("$type"))) {
            check_type(reader, &object);
            continue;
        }
        note_field(reader, key, &object);
        check_item(reader);
    }
    bool is_blob = sky_span_equal(object.type, SKY_SPAN("blob"));
    if (is_blob && !(object.has_ref && object.has_mime_type && object.has_size))
        fail_at(reader, offset, SKY_E_MISSING, "a blob without a link as ref, a mimeType and a size");
}

/* The recursion is bounded by the reader's depth limit. */
static void check_item(struct sky_dagcbor_reader *reader)
{
    switch (sky_dagcbor_peek(reader)) {
    case SKY_DAGCBOR_MAP: check_map(reader); break;
    case SKY_DAGCBOR_ARRAY: {
        struct sky_dagcbor_array array = sky_dagcbor_array(reader);
        while (sky_dagcbor_item(reader, &array))
            check_item(reader);
        break;
    }
    default: sky_dagcbor_skip(reader); break;
    }
}

enum sky_status sky_data_model_check(struct sky_span record, struct sky_error *error)
{
    struct sky_dagcbor_reader reader;
    sky_dagcbor_init(&reader, record, SKY_DAGCBOR_RECORD);
    enum sky_dagcbor_type type = sky_dagcbor_peek(&reader);
    check_item(&reader);
    if (sky_dagcbor_ok(&reader) && type != SKY_DAGCBOR_MAP)
        fail_at(&reader, 0, SKY_E_TYPE, "a record that is not an object");
    enum sky_status status = sky_dagcbor_end(&reader);
    *error = reader.error;
    return status;
}
