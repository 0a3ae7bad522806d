#include "io/kafka/ingest_cursor.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/time.h"
#include "io/spool/spool_format.h"
#include "wire/base64.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

#define ID_DIGITS 16

void sky_ingest_state_save(const struct sky_decoder *decoder, const struct sky_relay *relay, struct sky_buffer *buffer)
{
    struct sky_buffer part = {0};
    sky_buffer_put_u32(buffer, SKY_INGEST_STATE_VERSION);
    sky_decoder_save(decoder, &part);
    sky_buffer_put_blob(buffer, sky_buffer_span(&part));
    buffer->failed |= part.failed;
    sky_buffer_clear(&part);
    sky_relay_save(relay, &part);
    sky_buffer_put_blob(buffer, sky_buffer_span(&part));
    buffer->failed |= part.failed;
    sky_buffer_clean_up(&part);
}

enum sky_status sky_ingest_state_load(struct sky_span state, struct sky_decoder *decoder, struct sky_relay *relay,
                                      struct sky_error *error)
{
    struct sky_reader reader, part;
    sky_reader_init(&reader, state);
    if (sky_reader_u32(&reader) != SKY_INGEST_STATE_VERSION)
        sky_reader_fail(&reader, SKY_E_UNSUPPORTED, "a state of another version of skytrend");
    struct sky_span decoder_part = sky_reader_blob(&reader), relay_part = sky_reader_blob(&reader);
    *error = reader.error;
    if (!sky_reader_ok(&reader))
        return reader.error.status;
    sky_reader_init(&part, decoder_part);
    enum sky_status status = sky_decoder_load(decoder, &part);
    *error = part.error;
    if (status != SKY_OK)
        return status;
    sky_reader_init(&part, relay_part);
    status = sky_relay_load(relay, &part);
    *error = part.error;
    return status;
}

void sky_ingest_cursor_clean_up(struct sky_ingest_cursor *cursor)
{
    sky_buffer_clean_up(&cursor->state);
}

static void write_id(struct sky_json_writer *json, const char *key, uint64_t id)
{
    char text[ID_DIGITS + 1];
    snprintf(text, sizeof text, "%016" PRIx64, id);
    sky_json_key(json, key);
    sky_json_string(json, text);
}

void sky_ingest_cursor_write(const struct sky_ingest_cursor *cursor, struct sky_buffer *buffer)
{
    struct sky_json_writer json;
    struct sky_buffer text = {0};
    sky_base64_encode_padded(sky_buffer_span(&cursor->state), &text);
    sky_json_begin(&json, buffer);
    sky_json_object(&json);
    sky_json_key(&json, "version");
    sky_json_int(&json, SKY_INGEST_CURSOR_VERSION);
    write_id(&json, "spool", cursor->spool_id);
    write_id(&json, "instance", cursor->instance);
    sky_json_key(&json, "position");
    sky_json_uint(&json, cursor->position);
    sky_json_key(&json, "event_time");
    sky_json_time(&json, cursor->event_time_ms);
    sky_json_key(&json, "state");
    sky_json_span(&json, sky_buffer_span(&text));
    sky_json_end(&json);
    buffer->failed |= text.failed;
    sky_buffer_clean_up(&text);
}

static bool read_id(struct sky_span text, uint64_t *id)
{
    *id = 0;
    if (text.len != ID_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool is_digit = c >= '0' && c <= '9', is_letter = c >= 'a' && c <= 'f';
        if (!is_digit && !is_letter)
            return false;
        *id = *id << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static enum sky_status fail(struct sky_error *error, enum sky_status status, const char *reason)
{
    *error = (struct sky_error){status, 0, reason};
    return status;
}

static enum sky_status read_fields(const struct sky_json_value *root, struct sky_ingest_cursor *cursor,
                                   struct sky_error *error)
{
    const struct sky_json_value *version = sky_json_member(root, "version");
    const struct sky_json_value *position = sky_json_member(root, "position");
    if (!version || !position)
        return fail(error, SKY_E_MISSING, "no version or position");
    if (!version->is_integer || version->integer != SKY_INGEST_CURSOR_VERSION)
        return fail(error, SKY_E_UNSUPPORTED, "a cursor of another version of skytrend");
    if (!position->is_integer || position->integer < 0 || (uint64_t)position->integer > SKY_SPOOL_POSITION_MAX)
        return fail(error, SKY_E_RANGE, "no position");
    cursor->position = (uint64_t)position->integer;
    if (!read_id(sky_json_member_text(root, "spool"), &cursor->spool_id) ||
        !read_id(sky_json_member_text(root, "instance"), &cursor->instance))
        return fail(error, SKY_E_RANGE, "no id");
    if (sky_time_parse(sky_json_member_text(root, "event_time"), &cursor->event_time_ms) != SKY_OK)
        return fail(error, SKY_E_RANGE, "no event_time");
    sky_buffer_clear(&cursor->state);
    if (sky_base64_decode(sky_json_member_text(root, "state"), &cursor->state) != SKY_OK)
        return fail(error, SKY_E_RANGE, "no state");
    if (cursor->state.failed)
        return fail(error, SKY_E_MEMORY, "no memory");
    return cursor->state.len && cursor->state.len <= SKY_SPOOL_STATE_BYTES_MAX
               ? SKY_OK
               : fail(error, SKY_E_RANGE, "a state of no size that there is");
}

enum sky_status sky_ingest_cursor_read(struct sky_span json, struct sky_ingest_cursor *cursor, struct sky_error *error)
{
    struct sky_json_document document;
    sky_json_document_init(&document);
    *error = (struct sky_error){0};
    enum sky_status status = sky_json_parse(&document, json, error);
    if (status == SKY_OK)
        status = read_fields(document.values, cursor, error);
    sky_json_document_clean_up(&document);
    return status;
}
