/* Strict reading and canonical writing are inverse: what is accepted is given back byte for byte; pulling and skipping
 * judge alike; a record is DRISL; and what became JSON and came back is the same record. */
#include <stdlib.h>

#include "wire/atproto_json.h"
#include "wire/data_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_mode(struct sky_span input, enum sky_dagcbor_mode mode)
{
    struct sky_error error;
    struct sky_dagcbor_reader reader;
    struct sky_buffer copy = {0};
    enum sky_status skipped = sky_dagcbor_validate(input, mode, &error);
    sky_dagcbor_init(&reader, input, mode);
    sky_dagcbor_copy(&reader, &copy);
    enum sky_status pulled = sky_dagcbor_end(&reader);
    require(skipped == pulled && error.offset == reader.error.offset);
    require(error.offset <= input.len);
    if (skipped == SKY_OK)
        require(sky_span_equal(sky_buffer_span(&copy), input));
    sky_buffer_clean_up(&copy);
}

/* True when some map has a key that JSON gives a meaning of its own. */
static bool has_reserved_key(struct sky_span input)
{
    return memmem(input.ptr, input.len, "$link", 5) || memmem(input.ptr, input.len, "$bytes", 6);
}

static void check_json(struct sky_span input)
{
    struct sky_error error;
    struct sky_buffer json = {0}, again = {0};
    struct sky_json_writer writer;
    struct sky_json_document document = {0};
    struct sky_arena arena = {0};
    struct sky_dagcbor_reader reader;
    sky_json_begin(&writer, &json);
    sky_dagcbor_init(&reader, input, SKY_DAGCBOR_RECORD);
    sky_atproto_json_write(&reader, &writer);
    enum sky_status status = sky_json_parse(&document, sky_buffer_span(&json), &error);
    if (status != SKY_E_LIMIT && !has_reserved_key(input)) { /* links and bytes nest one deeper in JSON */
        require(status == SKY_OK);
        require(sky_atproto_json_read(document.values, &arena, &again, &error) == SKY_OK);
        require(sky_span_equal(sky_buffer_span(&again), input));
    }
    sky_buffer_clean_up(&json);
    sky_buffer_clean_up(&again);
    sky_json_document_clean_up(&document);
    sky_arena_clean_up(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sky_span input = sky_span_of(data, size);
    struct sky_error error;
    check_mode(input, SKY_DAGCBOR_RECORD);
    check_mode(input, SKY_DAGCBOR_DRISL);
    if (sky_dagcbor_validate(input, SKY_DAGCBOR_RECORD, &error) == SKY_OK) {
        require(sky_dagcbor_validate(input, SKY_DAGCBOR_DRISL, &error) == SKY_OK);
        check_json(input);
    }
    if (sky_data_model_check(input, &error) == SKY_OK)
        require(sky_dagcbor_validate(input, SKY_DAGCBOR_RECORD, &error) == SKY_OK);
    return 0;
}
