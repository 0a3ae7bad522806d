#include "app/lake_part.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/kafka/kafka_consumer.h"

#define HEAD_BYTES 12 /* offset and length before each record that waits */
#define PLAN       "end="

void sky_lake_parts_clean_up(struct sky_lake_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        sky_buffer_clean_up(&parts->parts[i]->waiting);
        free(parts->parts[i]->topic);
        free(parts->parts[i]);
    }
    parts->count = 0;
}

struct sky_lake_part *sky_lake_part_get(struct sky_lake_parts *parts, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < parts->count; i++)
        if (parts->parts[i]->partition == partition && strcmp(parts->parts[i]->topic, topic) == 0)
            return parts->parts[i];
    if (parts->count == SKY_LAKE_PARTS_MAX)
        return NULL;
    struct sky_lake_part *part = calloc(1, sizeof *part);
    if (!part)
        return NULL;
    part->topic = strdup(topic);
    part->partition = partition;
    part->kind = SKY_TOPIC_COUNT;
    if (!part->topic) {
        free(part);
        return NULL;
    }
    parts->parts[parts->count++] = part;
    return part;
}

static void empty(struct sky_lake_parts *parts, struct sky_lake_part *part)
{
    parts->waiting_bytes -= part->waiting.len;
    sky_buffer_clean_up(&part->waiting); /* a quiet partition keeps no room */
    part->rows = 0;
    part->plan_end = 0;
}

int64_t sky_lake_part_assign(struct sky_lake_parts *parts, struct sky_lake_part *part, int64_t committed,
                             const char *metadata)
{
    empty(parts, part);
    part->generation++;
    part->assigned = true;
    part->start = part->end = committed;
    part->seen_end = 0;
    if (strncmp(metadata, PLAN, sizeof PLAN - 1) == 0) {
        int64_t end = strtoll(metadata + sizeof PLAN - 1, NULL, 10);
        part->plan_end = end > committed ? end : 0;
    }
    return committed;
}

void sky_lake_part_revoke(struct sky_lake_parts *parts, struct sky_lake_part *part)
{
    empty(parts, part);
    part->generation++;
    part->assigned = false;
}

void sky_lake_part_reset(struct sky_lake_part *part, int64_t offset)
{
    part->generation++;
    part->start = part->end = offset;
    part->plan_end = 0;
}

enum sky_status sky_lake_part_add(struct sky_lake_parts *parts, struct sky_lake_part *part,
                                  const struct sky_kafka_record *record, int64_t clock_ms)
{
    struct sky_buffer *waiting = &part->waiting;
    size_t before = waiting->len;
    if (record->value.len > UINT32_MAX)
        return SKY_E_LIMIT;
    if (part->start < 0)
        part->start = record->offset;
    if (part->rows == 0)
        part->since_clock_ms = clock_ms;
    sky_buffer_put_i64(waiting, record->offset);
    sky_buffer_put_blob(waiting, record->value);
    part->end = record->offset + 1;
    part->rows++;
    parts->waiting_bytes += waiting->len - before;
    return waiting->failed ? SKY_E_MEMORY : SKY_OK;
}

void sky_lake_part_take(struct sky_lake_parts *parts, struct sky_lake_part *part, struct sky_lake_records *records)
{
    int64_t end = part->plan_end ? part->plan_end : part->end; /* a plan is done as it was committed */
    *records = (struct sky_lake_records){
        .chunk = {part->topic, part->partition, part->start, end},
        .kind = part->kind,
        .bytes = part->waiting,
        .count = part->rows,
    };
    parts->waiting_bytes -= part->waiting.len;
    part->waiting = (struct sky_buffer){0};
    empty(parts, part);
    part->start = part->end = end;
}

void sky_lake_part_metadata(const struct sky_lake_part *part, char metadata[SKY_LAKE_METADATA_SIZE])
{
    snprintf(metadata, SKY_LAKE_METADATA_SIZE, PLAN "%lld", (long long)part->end);
}

bool sky_lake_part_ends_plan(const struct sky_lake_part *part)
{
    return part->assigned && part->plan_end && part->seen_end >= part->plan_end;
}

bool sky_lake_records_next(const struct sky_lake_records *records, size_t *at, int64_t *offset, struct sky_span *record)
{
    struct sky_reader reader;
    if (records->bytes.len - *at < HEAD_BYTES)
        return false;
    sky_reader_init(&reader, sky_span_from(sky_buffer_span(&records->bytes), *at));
    *offset = sky_reader_i64(&reader);
    *record = sky_reader_blob(&reader);
    *at += reader.offset;
    return sky_reader_ok(&reader);
}
