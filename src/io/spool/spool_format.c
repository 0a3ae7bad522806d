#include "io/spool/spool_format.h"

#include "base/hash.h"

#define SEGMENT_MAGIC        "SKYSPOOL"
#define CHECK_OFFSET_SEGMENT 12
#define CHECK_OFFSET_BATCH   4

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++, value >>= 8)
        at[i] = (uint8_t)value;
}

static void put_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++, value >>= 8)
        at[i] = (uint8_t)value;
}

static uint32_t get_u32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get_u64(const uint8_t *at)
{
    return get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

/* Of a head; the field that holds it counts as 0. */
static uint32_t segment_check(const uint8_t bytes[SKY_SPOOL_SEGMENT_HEAD_BYTES])
{
    uint8_t copy[SKY_SPOOL_SEGMENT_HEAD_BYTES];
    memcpy(copy, bytes, sizeof copy);
    put_u32(copy + CHECK_OFFSET_SEGMENT, 0);
    return (uint32_t)sky_hash_id(sky_span_of(copy, sizeof copy));
}

static uint32_t batch_check(const uint8_t bytes[SKY_SPOOL_BATCH_HEAD_BYTES], uint64_t id)
{
    uint8_t copy[SKY_SPOOL_BATCH_HEAD_BYTES];
    memcpy(copy, bytes, sizeof copy);
    put_u32(copy + CHECK_OFFSET_BATCH, 0);
    return (uint32_t)sky_hash_id_in(sky_span_of(copy, sizeof copy), id);
}

void sky_spool_segment_head_write(uint8_t to[SKY_SPOOL_SEGMENT_HEAD_BYTES], const struct sky_spool_segment_head *head)
{
    memcpy(to, SEGMENT_MAGIC, 8);
    put_u32(to + 8, SKY_SPOOL_VERSION);
    put_u64(to + 16, head->id);
    put_u64(to + 24, head->first_position);
    put_u64(to + 32, (uint64_t)head->event_time_ms);
    put_u32(to + CHECK_OFFSET_SEGMENT, segment_check(to));
}

enum sky_status sky_spool_segment_head_read(const uint8_t from[SKY_SPOOL_SEGMENT_HEAD_BYTES],
                                            struct sky_spool_segment_head *head)
{
    *head = (struct sky_spool_segment_head){
        .id = get_u64(from + 16), .first_position = get_u64(from + 24), .event_time_ms = (int64_t)get_u64(from + 32)};
    if (memcmp(from, SEGMENT_MAGIC, 8) != 0 || get_u32(from + CHECK_OFFSET_SEGMENT) != segment_check(from))
        return SKY_E_CHECKSUM;
    if (get_u32(from + 8) != SKY_SPOOL_VERSION)
        return SKY_E_UNSUPPORTED;
    return head->first_position <= SKY_SPOOL_POSITION_MAX ? SKY_OK : SKY_E_CHECKSUM;
}

void sky_spool_batch_head_write(uint8_t to[SKY_SPOOL_BATCH_HEAD_BYTES], struct sky_spool_batch_head head, uint64_t id,
                                struct sky_span body)
{
    memcpy(to, SKY_SPOOL_BATCH_MAGIC, 4);
    put_u64(to + 8, head.first_position);
    put_u32(to + 16, head.records_count);
    put_u32(to + 20, head.records_bytes);
    put_u32(to + 24, head.state_bytes);
    put_u32(to + 28, 0);
    put_u64(to + 32, (uint64_t)head.event_time_ms);
    put_u64(to + 40, sky_hash_id_in(body, id));
    put_u32(to + CHECK_OFFSET_BATCH, batch_check(to, id));
}

enum sky_status sky_spool_batch_head_read(const uint8_t from[SKY_SPOOL_BATCH_HEAD_BYTES], uint64_t id,
                                          struct sky_spool_batch_head *head)
{
    *head = (struct sky_spool_batch_head){.first_position = get_u64(from + 8),
                                          .records_count = get_u32(from + 16),
                                          .records_bytes = get_u32(from + 20),
                                          .state_bytes = get_u32(from + 24),
                                          .event_time_ms = (int64_t)get_u64(from + 32),
                                          .body_check = get_u64(from + 40)};
    bool written =
        memcmp(from, SKY_SPOOL_BATCH_MAGIC, 4) == 0 && get_u32(from + CHECK_OFFSET_BATCH) == batch_check(from, id) &&
        head->records_bytes <= SKY_SPOOL_RECORDS_BYTES_MAX && head->state_bytes <= SKY_SPOOL_STATE_BYTES_MAX &&
        head->first_position <= SKY_SPOOL_POSITION_MAX - head->records_count &&
        (uint64_t)head->records_count * SKY_SPOOL_RECORD_HEAD_BYTES <= head->records_bytes;
    return written ? SKY_OK : SKY_E_CHECKSUM;
}

bool sky_spool_body_is_whole(const struct sky_spool_batch_head *head, uint64_t id, struct sky_span body)
{
    return sky_hash_id_in(body, id) == head->body_check;
}

void sky_spool_record_write(struct sky_buffer *buffer, const struct sky_spool_record *record)
{
    size_t bytes = SKY_SPOOL_RECORD_HEAD_BYTES + record->key.len + record->value.len;
    if (!sky_buffer_reserve(buffer, bytes))
        return;
    uint8_t *to = buffer->ptr + buffer->len;
    put_u32(to, (uint32_t)(bytes - 4));
    put_u64(to + 4, (uint64_t)record->event_time_ms);
    put_u64(to + 12, (uint64_t)record->seq);
    put_u64(to + 20, record->identity);
    to[28] = record->op;
    put_u32(to + 29, (uint32_t)record->key.len);
    to += SKY_SPOOL_RECORD_HEAD_BYTES;
    if (record->key.len)
        memcpy(to, record->key.ptr, record->key.len);
    if (record->value.len)
        memcpy(to + record->key.len, record->value.ptr, record->value.len);
    buffer->len += bytes;
}

enum sky_status sky_spool_record_read(struct sky_span *records, struct sky_spool_record *record)
{
    if (!records->len)
        return SKY_E_END;
    if (records->len < SKY_SPOOL_RECORD_HEAD_BYTES)
        return SKY_E_MALFORMED;
    const uint8_t *from = records->ptr;
    uint64_t bytes = (uint64_t)get_u32(from) + 4;
    uint64_t key_bytes = get_u32(from + 29);
    if (bytes > records->len || bytes < SKY_SPOOL_RECORD_HEAD_BYTES + key_bytes)
        return SKY_E_MALFORMED;
    *record = (struct sky_spool_record){
        .event_time_ms = (int64_t)get_u64(from + 4),
        .seq = (int64_t)get_u64(from + 12),
        .identity = get_u64(from + 20),
        .op = from[28],
        .key = sky_span_of(from + SKY_SPOOL_RECORD_HEAD_BYTES, key_bytes),
        .value = sky_span_of(from + SKY_SPOOL_RECORD_HEAD_BYTES + key_bytes,
                             bytes - SKY_SPOOL_RECORD_HEAD_BYTES - key_bytes),
    };
    *records = sky_span_from(*records, bytes);
    return SKY_OK;
}
