#include "stage/packets.h"

#include <stdlib.h>

#define OPEN_NONE UINT32_MAX

struct open_packet {
    enum sky_packet_kind kind;
    uint32_t bucket;
    int64_t minute;
    struct sky_buffer entries;
};

struct sky_packets {
    struct open_packet *open; /* in the order of opening; those behind `count` keep their room */
    uint32_t count;
    uint32_t capacity;
    uint32_t latest[SKY_PACKET_KINDS][SKY_STAGE_BUCKETS]; /* the one opened last, OPEN_NONE */
    struct sky_buffer failed;
};

static void forget(struct sky_packets *packets)
{
    packets->count = 0;
    memset(packets->latest, 0xff, sizeof packets->latest);
}

struct sky_packets *sky_packets_new(void)
{
    struct sky_packets *packets = calloc(1, sizeof *packets);
    if (packets)
        forget(packets);
    return packets;
}

void sky_packets_free(struct sky_packets *packets)
{
    if (!packets)
        return;
    for (uint32_t i = 0; i < packets->capacity; i++)
        sky_buffer_clean_up(&packets->open[i].entries);
    free(packets->open);
    free(packets);
}

static struct open_packet *append(struct sky_packets *packets)
{
    if (packets->count < packets->capacity)
        return &packets->open[packets->count++];
    uint32_t capacity = packets->capacity ? packets->capacity * 2 : SKY_STAGE_BUCKETS;
    struct open_packet *open = realloc(packets->open, capacity * sizeof *open);
    if (!open)
        return NULL;
    memset(open + packets->capacity, 0, (capacity - packets->capacity) * sizeof *open);
    packets->open = open;
    packets->capacity = capacity;
    return &open[packets->count++];
}

struct sky_buffer *sky_packets_open(struct sky_packets *packets, enum sky_packet_kind kind, uint32_t bucket,
                                    int64_t minute)
{
    uint32_t *latest = &packets->latest[kind][bucket];
    if (*latest != OPEN_NONE && packets->open[*latest].minute == minute)
        return &packets->open[*latest].entries;
    struct open_packet *made = append(packets);
    if (!made) {
        packets->failed.failed = true;
        return &packets->failed;
    }
    made->kind = kind;
    made->bucket = bucket;
    made->minute = minute;
    sky_buffer_clear(&made->entries);
    *latest = packets->count - 1;
    return &made->entries;
}

size_t sky_packets_size_bytes(const struct sky_packets *packets)
{
    size_t size = 0;
    for (uint32_t i = 0; i < packets->count; i++)
        size += packets->open[i].entries.len;
    return size;
}

enum sky_status sky_packets_take(struct sky_packets *packets, struct sky_buffer *out)
{
    bool failed = packets->failed.failed;
    for (uint32_t i = 0; i < packets->count; i++) {
        const struct open_packet *packet = &packets->open[i];
        failed |= packet->entries.failed || packet->entries.len > UINT32_MAX;
        sky_buffer_put_u8(out, (uint8_t)packet->kind);
        sky_buffer_put_u32(out, packet->bucket);
        sky_buffer_put_i64(out, packet->minute);
        sky_buffer_put_blob(out, sky_buffer_span(&packet->entries));
    }
    forget(packets);
    return failed || out->failed ? SKY_E_MEMORY : SKY_OK;
}

bool sky_packet_next(struct sky_reader *reader, struct sky_packet *packet)
{
    if (!sky_reader_ok(reader) || reader->offset == reader->input.len)
        return false;
    packet->kind = sky_reader_u8(reader);
    packet->bucket = sky_reader_u32(reader);
    packet->minute = sky_reader_i64(reader);
    packet->entries = sky_reader_blob(reader);
    if (packet->kind >= SKY_PACKET_KINDS || packet->bucket >= SKY_STAGE_BUCKETS)
        sky_reader_fail(reader, SKY_E_RANGE, "not a packet of the stages");
    return sky_reader_ok(reader);
}
