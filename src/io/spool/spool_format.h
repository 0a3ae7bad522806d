/* spool_format.h: the bytes of a segment of the spool (spool.h).
 *
 *     segment   head, batches                                                          (all little endian)
 *     head       0  8  "SKYSPOOL"
 *                8  4  version of this layout, SKY_SPOOL_VERSION
 *               12  4  check: low half of XXH3-64 of these 40 bytes, itself taken as 0
 *               16  8  id of the spool, random: batches of another one do not pass their checks here
 *               24  8  position of its first record
 *               32  8  event time of the stream before its first batch, ms
 *     batch      0  4  "SKYB"
 *                4  4  check: low half of XXH3-64, seeded with the id, of these 48 bytes, itself taken as 0
 *                8  8  position of its first record
 *               16  4  records
 *               20  4  bytes of records
 *               24  4  bytes of state, which follow them
 *               28  4  0
 *               32  8  event time of the stream behind it, ms
 *               40  8  XXH3-64, seeded with the id, of records and state
 *     record     0  4  bytes of what follows
 *                4  8  event time, ms
 *               12  8  seq
 *               20  8  identity
 *               28  1  op
 *               29  4  bytes of the key; key, value
 *
 * The seed is why nobody can put something into a post that would be taken for a batch while one is looked for in a
 * damaged segment.
 *
 * Memory   allocates nothing; spans borrow the input.
 * Trust    a head is what was written when it passes its check, and no length beyond the named limits passes. */
#ifndef SKY_IO_SPOOL_SPOOL_FORMAT_H
#define SKY_IO_SPOOL_SPOOL_FORMAT_H

#include "base/buffer.h"

#define SKY_SPOOL_VERSION            1
#define SKY_SPOOL_SEGMENT_HEAD_BYTES 40
#define SKY_SPOOL_BATCH_HEAD_BYTES   48
#define SKY_SPOOL_BATCH_MAGIC        "SKYB"
#define SKY_SPOOL_RECORD_HEAD_BYTES  33
#define SKY_SPOOL_RECORD_BYTES_MAX   (4 << 20)           /* ours: key and value of one record */
#define SKY_SPOOL_RECORDS_BYTES_MAX  (16 << 20)          /* ours: the records of one batch */
#define SKY_SPOOL_STATE_BYTES_MAX    (1 << 20)           /* ours */
#define SKY_SPOOL_POSITION_MAX       (UINT64_C(1) << 53) /* ours: exact in JSON */

struct sky_spool_segment_head {
    uint64_t id;
    uint64_t first_position;
    int64_t event_time_ms;
};

struct sky_spool_batch_head {
    uint64_t first_position;
    uint32_t records_count;
    uint32_t records_bytes;
    uint32_t state_bytes;
    int64_t event_time_ms;
    uint64_t body_check;
};

struct sky_spool_record {
    uint64_t position; /* given by the spool */
    int64_t event_time_ms;
    int64_t seq;
    uint64_t identity; /* what tells a repetition, see event/repeats.h; opaque here */
    uint8_t op;        /* enum sky_post_op; opaque here */
    struct sky_span key;
    struct sky_span value;
};

void sky_spool_segment_head_write(uint8_t to[SKY_SPOOL_SEGMENT_HEAD_BYTES], const struct sky_spool_segment_head *head);

/* SKY_E_CHECKSUM: not a head as it was written; SKY_E_UNSUPPORTED: of another version. */
SKY_MUST_USE enum sky_status sky_spool_segment_head_read(const uint8_t from[SKY_SPOOL_SEGMENT_HEAD_BYTES],
                                                         struct sky_spool_segment_head *head);

/* body_check is computed from `body` when written, and compared by sky_spool_body_is_whole. */
void sky_spool_batch_head_write(uint8_t to[SKY_SPOOL_BATCH_HEAD_BYTES], struct sky_spool_batch_head head, uint64_t id,
                                struct sky_span body);
SKY_MUST_USE enum sky_status sky_spool_batch_head_read(const uint8_t from[SKY_SPOOL_BATCH_HEAD_BYTES], uint64_t id,
                                                       struct sky_spool_batch_head *head); /* SKY_E_CHECKSUM */
bool sky_spool_body_is_whole(const struct sky_spool_batch_head *head, uint64_t id, struct sky_span body);

/* At the end of `buffer`, whose `failed` tells when there was no memory. Its key and value are within the limit. */
void sky_spool_record_write(struct sky_buffer *buffer, const struct sky_spool_record *record);

/* The next record of `records`, which is moved behind it. SKY_E_END behind the last; SKY_E_MALFORMED. */
SKY_MUST_USE enum sky_status sky_spool_record_read(struct sky_span *records, struct sky_spool_record *record);

#endif
