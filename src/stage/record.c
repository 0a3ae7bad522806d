#include "stage/record.h"

void sky_record_put(struct sky_buffer *buffer, const struct sky_published *record)
{
    sky_buffer_put_u8(buffer, (uint8_t)record->kind);
    sky_buffer_put_i64(buffer, record->timestamp_ms);
    sky_buffer_put_u64(buffer, record->correlation_id);
    sky_buffer_put_u8(buffer, record->key.ptr != NULL);
    sky_buffer_put_blob(buffer, record->key);
    sky_buffer_put_blob(buffer, record->value);
}

void sky_record_get(struct sky_reader *reader, struct sky_published *record)
{
    uint8_t kind = sky_reader_u8(reader);
    if (kind >= SKY_PUBLISHED_COUNT)
        sky_reader_fail(reader, SKY_E_RANGE, "not a record of the stages");
    *record = (struct sky_published){.kind = kind, .timestamp_ms = sky_reader_i64(reader)};
    record->correlation_id = sky_reader_u64(reader);
    bool has_key = sky_reader_u8(reader);
    record->key = sky_reader_blob(reader);
    if (!has_key)
        record->key = (struct sky_span){0};
    record->value = sky_reader_blob(reader);
}
