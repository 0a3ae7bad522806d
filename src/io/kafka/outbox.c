/* The protocol as states. Each step either goes on to the next, or must be repeated (SKY_E_TIMEOUT), or leads back:
 *
 *     CONNECT -> MARKER -> READY -> begin, send all, marker -> COMMIT -> READY
 *                           ^                 |                 |
 *                           +--- ABORT <------+-----------------+     when abort fails: CONNECT
 */
#include "io/kafka/outbox.h"

#include <stdlib.h>

enum state { CONNECT, MARKER, READY, COMMIT, ABORT };

/* A record that waits: its bytes are in `bytes`, key, value and the header's value behind each other. */
struct waiting {
    const char *topic;
    const char *header_name; /* NULL: no header */
    int64_t timestamp_ms;
    size_t offset;
    uint32_t key_len;
    uint32_t value_len;
    uint32_t header_len;
    int32_t partition;
    bool has_key;
};

/* A minute that is complete: the records up to `end`. */
struct minute {
    int64_t window_end_ms;
    size_t end;
};

struct sky_outbox {
    struct sky_outbox_link link;
    enum state state;
    int64_t marker_ms;
    struct sky_buffer bytes;
    struct waiting *records;
    size_t records_count;
    size_t records_capacity;
    struct minute *minutes;
    size_t minutes_count;
    size_t minutes_capacity;
    size_t minutes_sent; /* those in the open transaction */
    uint64_t committed;
    uint64_t aborted;
    bool failed; /* no memory */
    bool checks; /* asked for, not begun */
};

struct sky_outbox *sky_outbox_new(const struct sky_outbox_link *link)
{
    struct sky_outbox *outbox = calloc(1, sizeof *outbox);
    if (!outbox)
        return NULL;
    outbox->link = *link;
    outbox->marker_ms = SKY_OUTBOX_NO_MARKER;
    return outbox;
}

void sky_outbox_free(struct sky_outbox *outbox)
{
    if (!outbox)
        return;
    sky_buffer_clean_up(&outbox->bytes);
    free(outbox->records);
    free(outbox->minutes);
    free(outbox);
}

/* Room for one more of `items`; NULL when there is no memory. */
static void *grown(void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return items;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *larger = realloc(items, wanted * item_size);
    if (larger)
        *capacity = wanted;
    return larger;
}

void sky_outbox_put(struct sky_outbox *outbox, const struct sky_kafka_outgoing *record)
{
    struct waiting *records =
        grown(outbox->records, outbox->records_count, &outbox->records_capacity, sizeof *outbox->records);
    if (!records) {
        outbox->failed = true;
        return;
    }
    outbox->records = records;
    const struct sky_kafka_header *header = record->headers_count ? record->headers : NULL;
    records[outbox->records_count++] = (struct waiting){.topic = record->topic,
                                                        .header_name = header ? header->name : NULL,
                                                        .timestamp_ms = record->timestamp_ms,
                                                        .offset = outbox->bytes.len,
                                                        .key_len = (uint32_t)record->key.len,
                                                        .value_len = (uint32_t)record->value.len,
                                                        .header_len = header ? (uint32_t)header->value.len : 0,
                                                        .partition = record->partition,
                                                        .has_key = record->key.ptr != NULL};
    if (record->key.ptr)
        sky_buffer_put_span(&outbox->bytes, record->key);
    sky_buffer_put_span(&outbox->bytes, record->value);
    if (header)
        sky_buffer_put_span(&outbox->bytes, header->value);
    outbox->failed |= outbox->bytes.failed;
}

static size_t complete_records(const struct sky_outbox *outbox)
{
    return outbox->minutes_count ? outbox->minutes[outbox->minutes_count - 1].end : 0;
}

bool sky_outbox_end_minute(struct sky_outbox *outbox, int64_t window_end_ms)
{
    size_t begin = complete_records(outbox);
    if (outbox->marker_ms != SKY_OUTBOX_NO_MARKER && window_end_ms <= outbox->marker_ms) {
        if (begin < outbox->records_count)
            outbox->bytes.len = outbox->records[begin].offset;
        outbox->records_count = begin;
        return false;
    }
    struct minute *minutes =
        grown(outbox->minutes, outbox->minutes_count, &outbox->minutes_capacity, sizeof *outbox->minutes);
    if (!minutes) {
        outbox->failed = true;
        return true;
    }
    outbox->minutes = minutes;
    minutes[outbox->minutes_count++] = (struct minute){window_end_ms, outbox->records_count};
    return true;
}

/* Forget the first `count` minutes. */
static void forget_minutes(struct sky_outbox *outbox, size_t count)
{
    if (!count)
        return;
    size_t records = outbox->minutes[count - 1].end;
    size_t bytes = records < outbox->records_count ? outbox->records[records].offset : outbox->bytes.len;
    outbox->minutes_count -= count;
    outbox->records_count -= records;
    memmove(outbox->minutes, outbox->minutes + count, outbox->minutes_count * sizeof *outbox->minutes);
    if (outbox->records_count)
        memmove(outbox->records, outbox->records + records, outbox->records_count * sizeof *outbox->records);
    if (outbox->bytes.len > bytes)
        memmove(outbox->bytes.ptr, outbox->bytes.ptr + bytes, outbox->bytes.len - bytes);
    outbox->bytes.len -= bytes;
    for (size_t i = 0; i < outbox->minutes_count; i++)
        outbox->minutes[i].end -= records;
    for (size_t i = 0; i < outbox->records_count; i++)
        outbox->records[i].offset -= bytes;
}

/* ---- the steps ---- */

/* A failure behind which the brokers can be tried again. */
static bool may_try_again(enum sky_status status)
{
    return status == SKY_E_IO || status == SKY_E_TIMEOUT;
}

static enum sky_status step_connect(struct sky_outbox *outbox, int timeout_ms)
{
    enum sky_status status = outbox->link.connect(outbox->link.context, timeout_ms);
    if (status == SKY_OK)
        outbox->state = MARKER;
    return status == SKY_E_IO ? SKY_E_TIMEOUT : status;
}

/* What the marker has was committed, by us before the connection broke or by who was here before us. */
static enum sky_status step_marker(struct sky_outbox *outbox)
{
    int64_t marker_ms = SKY_OUTBOX_NO_MARKER;
    enum sky_status status = outbox->link.read_marker(outbox->link.context, &marker_ms);
    if (status != SKY_OK && status != SKY_E_MISSING)
        return status == SKY_E_IO ? SKY_E_TIMEOUT : status;
    if (status == SKY_OK && marker_ms > outbox->marker_ms)
        outbox->marker_ms = marker_ms;
    size_t published = 0;
    while (published < outbox->minutes_count && outbox->marker_ms != SKY_OUTBOX_NO_MARKER &&
           outbox->minutes[published].window_end_ms <= outbox->marker_ms)
        published++;
    forget_minutes(outbox, published);
    outbox->minutes_sent = 0;
    outbox->state = READY;
    return SKY_OK;
}

static enum sky_status send_record(struct sky_outbox *outbox, const struct waiting *record)
{
    const uint8_t *bytes = outbox->bytes.ptr + record->offset;
    const struct sky_kafka_header header = {
        record->header_name, sky_span_of(bytes + record->key_len + record->value_len, record->header_len)};
    const struct sky_kafka_outgoing outgoing = {
        .topic = record->topic,
        .partition = record->partition,
        .timestamp_ms = record->timestamp_ms,
        .key = sky_span_of(record->has_key ? bytes : NULL, record->key_len),
        .value = sky_span_of(bytes + record->key_len, record->value_len),
        .headers = &header,
        .headers_count = record->header_name ? 1 : 0,
    };
    return outbox->link.send(outbox->link.context, &outgoing);
}

static enum sky_status step_send(struct sky_outbox *outbox)
{
    enum sky_status status = outbox->link.begin(outbox->link.context);
    if (status != SKY_OK) { /* nothing was begun that could be aborted */
        outbox->state = may_try_again(status) ? CONNECT : outbox->state;
        return may_try_again(status) ? SKY_E_TIMEOUT : status;
    }
    size_t count = complete_records(outbox);
    for (size_t i = 0; i < count && status == SKY_OK; i++)
        status = send_record(outbox, &outbox->records[i]);
    if (status == SKY_OK)
        status =
            outbox->link.send_marker(outbox->link.context, outbox->minutes[outbox->minutes_count - 1].window_end_ms);
    outbox->minutes_sent = outbox->minutes_count;
    outbox->state = status == SKY_OK ? COMMIT : ABORT;
    return may_try_again(status) ? SKY_E_TIMEOUT : status;
}

static enum sky_status step_check(struct sky_outbox *outbox)
{
    outbox->checks = false;
    enum sky_status status = outbox->link.begin(outbox->link.context);
    if (status != SKY_OK) {
        outbox->state = may_try_again(status) ? CONNECT : outbox->state;
        return may_try_again(status) ? SKY_E_TIMEOUT : status;
    }
    status = outbox->link.send_marker(outbox->link.context, outbox->marker_ms);
    outbox->state = status == SKY_OK ? COMMIT : ABORT;
    return may_try_again(status) ? SKY_E_TIMEOUT : status;
}

static enum sky_status step_commit(struct sky_outbox *outbox, int timeout_ms)
{
    enum sky_status status = outbox->link.commit(outbox->link.context, timeout_ms);
    if (status == SKY_E_IO)
        outbox->state = ABORT;
    if (status != SKY_OK)
        return status == SKY_E_IO ? SKY_E_TIMEOUT : status;
    if (outbox->minutes_sent)
        outbox->marker_ms = outbox->minutes[outbox->minutes_sent - 1].window_end_ms;
    forget_minutes(outbox, outbox->minutes_sent);
    outbox->minutes_sent = 0;
    outbox->committed++;
    outbox->state = READY;
    return SKY_OK;
}

static enum sky_status step_abort(struct sky_outbox *outbox, int timeout_ms)
{
    enum sky_status status = outbox->link.abort(outbox->link.context, timeout_ms);
    if (status == SKY_E_TIMEOUT || (status != SKY_OK && !may_try_again(status)))
        return status;
    outbox->minutes_sent = 0;
    outbox->aborted++;
    outbox->state = status == SKY_OK ? READY : CONNECT;
    return SKY_OK;
}

enum sky_status sky_outbox_pump(struct sky_outbox *outbox, int timeout_ms)
{
    enum sky_status status = outbox->failed ? SKY_E_MEMORY : SKY_OK;
    while (status == SKY_OK) {
        switch (outbox->state) {
        case CONNECT: status = step_connect(outbox, timeout_ms); break;
        case MARKER: status = step_marker(outbox); break;
        case READY:
            if (!outbox->minutes_count && !outbox->checks)
                return SKY_OK;
            status = outbox->minutes_count ? step_send(outbox) : step_check(outbox);
            break;
        case COMMIT: status = step_commit(outbox, timeout_ms); break;
        case ABORT: status = step_abort(outbox, timeout_ms); break;
        }
    }
    return status;
}

void sky_outbox_check(struct sky_outbox *outbox)
{
    outbox->checks = true;
}

bool sky_outbox_is_clear(const struct sky_outbox *outbox)
{
    return outbox->minutes_count == 0;
}

bool sky_outbox_is_busy(const struct sky_outbox *outbox)
{
    return outbox->state != READY;
}

size_t sky_outbox_bytes(const struct sky_outbox *outbox)
{
    return outbox->bytes.len + outbox->records_count * sizeof *outbox->records;
}

int64_t sky_outbox_marker_ms(const struct sky_outbox *outbox)
{
    return outbox->marker_ms;
}

uint64_t sky_outbox_committed(const struct sky_outbox *outbox)
{
    return outbox->committed;
}

uint64_t sky_outbox_aborted(const struct sky_outbox *outbox)
{
    return outbox->aborted;
}
