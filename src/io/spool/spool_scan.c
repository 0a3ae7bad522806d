#include "io/spool/spool_scan.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#define SEARCH_BYTES 65536

bool sky_spool_batch_next(struct sky_spool_batch *batch, struct sky_spool_record *record)
{
    if (sky_spool_record_read(&batch->records, record) != SKY_OK)
        return false; /* that every record is whole was seen when the batch was read */
    record->position = batch->first_position++;
    return true;
}

void sky_spool_scan_begin(struct sky_spool_scan *scan, int fd, uint64_t id, uint64_t first_position)
{
    scan->fd = fd;
    scan->id = id;
    scan->expected = first_position;
    scan->end_position = UINT64_MAX;
    scan->offset = SKY_SPOOL_SEGMENT_HEAD_BYTES;
    scan->good_end = SKY_SPOOL_SEGMENT_HEAD_BYTES;
    scan->damaged_bytes = 0;
}

void sky_spool_scan_clean_up(struct sky_spool_scan *scan)
{
    sky_buffer_clean_up(&scan->buffer);
}

/* SKY_E_TRUNCATED: the file is shorter than that. */
static enum sky_status read_at(int fd, uint64_t offset, uint8_t *to, size_t len)
{
    while (len) {
        ssize_t got = pread(fd, to, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return SKY_E_IO;
        if (got == 0)
            return SKY_E_TRUNCATED;
        to += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return SKY_OK;
}

static void pass_over(struct sky_spool_scan *scan, uint64_t to)
{
    scan->damaged_bytes += to - scan->offset;
    scan->offset = to;
}

/* Moves to the next head after the present byte, or to `limit`. */
static enum sky_status find_head(struct sky_spool_scan *scan, uint64_t limit)
{
    uint8_t bytes[SEARCH_BYTES];
    uint64_t from = scan->offset + 1;
    while (from + SKY_SPOOL_BATCH_HEAD_BYTES <= limit) {
        size_t len = limit - from < sizeof bytes ? (size_t)(limit - from) : sizeof bytes;
        enum sky_status status = read_at(scan->fd, from, bytes, len);
        if (status == SKY_E_TRUNCATED)
            break;
        if (status != SKY_OK)
            return status;
        const uint8_t *at = bytes, *last = bytes + len - SKY_SPOOL_BATCH_HEAD_BYTES;
        while (at <= last && (at = memmem(at, (size_t)(last - at) + 4, SKY_SPOOL_BATCH_MAGIC, 4)) != NULL) {
            struct sky_spool_batch_head head;
            if (sky_spool_batch_head_read(at, scan->id, &head) == SKY_OK) {
                pass_over(scan, from + (uint64_t)(at - bytes));
                return SKY_OK;
            }
            at++;
        }
        from += (uint64_t)(last - bytes) + 1;
    }
    pass_over(scan, limit);
    return SKY_OK;
}

/* That the records are as many as the head says, and fill their part. */
static bool records_are_whole(struct sky_span records, uint32_t count)
{
    struct sky_spool_record record;
    enum sky_status status;
    while ((status = sky_spool_record_read(&records, &record)) == SKY_OK && count)
        count--;
    return status == SKY_E_END && !count;
}

/* SKY_E_CHECKSUM: it is not what was written, or not of this place. */
static enum sky_status read_body(struct sky_spool_scan *scan, const struct sky_spool_batch_head *head,
                                 struct sky_spool_batch *batch)
{
    size_t bytes = (size_t)head->records_bytes + head->state_bytes;
    sky_buffer_clear(&scan->buffer);
    if (!sky_buffer_reserve(&scan->buffer, bytes))
        return SKY_E_MEMORY;
    enum sky_status status = read_at(scan->fd, scan->offset + SKY_SPOOL_BATCH_HEAD_BYTES, scan->buffer.ptr, bytes);
    if (status != SKY_OK)
        return status == SKY_E_TRUNCATED ? SKY_E_CHECKSUM : status;
    scan->buffer.len = bytes;
    struct sky_span body = sky_buffer_span(&scan->buffer);
    struct sky_span records = sky_span_of(body.ptr, head->records_bytes);
    if (!sky_spool_body_is_whole(head, scan->id, body) || !records_are_whole(records, head->records_count))
        return SKY_E_CHECKSUM;
    *batch = (struct sky_spool_batch){.first_position = head->first_position,
                                      .next_position = head->first_position + head->records_count,
                                      .event_time_ms = head->event_time_ms,
                                      .records = records,
                                      .state = sky_span_from(body, head->records_bytes)};
    return SKY_OK;
}

/* One step: a batch, or (SKY_E_CHECKSUM) something passed over. */
static enum sky_status step(struct sky_spool_scan *scan, uint64_t limit, struct sky_spool_batch *batch)
{
    uint8_t bytes[SKY_SPOOL_BATCH_HEAD_BYTES];
    struct sky_spool_batch_head head;
    enum sky_status status = read_at(scan->fd, scan->offset, bytes, sizeof bytes);
    if (status == SKY_E_TRUNCATED) {
        pass_over(scan, limit);
        return SKY_E_CHECKSUM;
    }
    if (status != SKY_OK)
        return status;
    if (sky_spool_batch_head_read(bytes, scan->id, &head) != SKY_OK) {
        status = find_head(scan, limit);
        return status == SKY_OK ? SKY_E_CHECKSUM : status;
    }
    uint64_t end = scan->offset + SKY_SPOOL_BATCH_HEAD_BYTES + head.records_bytes + head.state_bytes;
    if (end > limit) {
        pass_over(scan, limit);
        return SKY_E_CHECKSUM;
    }
    bool in_place =
        head.first_position >= scan->expected && head.first_position + head.records_count <= scan->end_position;
    status = in_place ? read_body(scan, &head, batch) : SKY_E_CHECKSUM;
    if (status == SKY_E_CHECKSUM)
        pass_over(scan, end);
    if (status != SKY_OK)
        return status;
    scan->offset = end;
    scan->good_end = end;
    scan->expected = batch->next_position;
    return SKY_OK;
}

enum sky_status sky_spool_scan_next(struct sky_spool_scan *scan, uint64_t limit, struct sky_spool_batch *batch)
{
    while (scan->offset + SKY_SPOOL_BATCH_HEAD_BYTES <= limit) {
        enum sky_status status = step(scan, limit, batch);
        if (status != SKY_E_CHECKSUM)
            return status;
    }
    if (scan->offset < limit)
        pass_over(scan, limit);
    return SKY_E_END;
}
