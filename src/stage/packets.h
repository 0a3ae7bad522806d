/* packets.h: what the stages hand each other, gathered by where it goes.
 *
 * A packet is a run of entries of one kind, for one bucket, of one minute of event time. Stages append to open packets;
 * the engine around them takes all at once and sends each to the stage of its kind:
 *
 *     kind                  to                          bucket
 *     SKY_PACKET_EVENTS       post stage                  of the author
 *     SKY_PACKET_OCCURRENCES  count stage                 of the keyword
 *     SKY_PACKET_POSTS        rank stage                  0
 *     SKY_PACKET_TOTALS       rank stage                  0
 *     SKY_PACKET_ROWS         rank stage                  0
 *     SKY_PACKET_ACTIVITY     rank stage                  0
 *     SKY_PACKET_RECORDS      Kafka                       0
 *
 * Packets of one stage and bucket must arrive in the order they were taken; there is no order between stages or
 * buckets.
 *
 * Memory   owns its packets. What sky_packets_open gives is good until the next open or take. Failure is sticky: it
 *          shows as SKY_E_MEMORY when they are taken.
 * Threads  one owner. */
#ifndef SKY_STAGE_PACKETS_H
#define SKY_STAGE_PACKETS_H

#include "base/buffer.h"

/* Ours: state is kept by bucket, so this bounds how many machines can share a stage. A change makes old state useless.
 */
#define SKY_STAGE_BUCKETS 128

enum sky_packet_kind {
    SKY_PACKET_EVENTS,
    SKY_PACKET_OCCURRENCES,
    SKY_PACKET_POSTS,
    SKY_PACKET_TOTALS,
    SKY_PACKET_ROWS,
    SKY_PACKET_ACTIVITY,
    SKY_PACKET_RECORDS,
    SKY_PACKET_KINDS
};

struct sky_packets;

struct sky_packets *sky_packets_new(void); /* NULL when there is no memory */
void sky_packets_free(struct sky_packets *packets);

/* The open packet of that kind, bucket and minute, to append to; a buffer that has failed when there is no memory. */
struct sky_buffer *sky_packets_open(struct sky_packets *packets, enum sky_packet_kind kind, uint32_t bucket,
                                    int64_t minute);

size_t sky_packets_size_bytes(const struct sky_packets *packets); /* of what waits */

/* Append all that wait to `out`, in the order they were opened, and begin anew: for each u8 kind, u32 bucket, i64
 * minute, blob. SKY_E_MEMORY: something is missing; the stages around are of no use any more. */
SKY_MUST_USE enum sky_status sky_packets_take(struct sky_packets *packets, struct sky_buffer *out);

struct sky_packet {
    enum sky_packet_kind kind;
    uint32_t bucket;
    int64_t minute;
    struct sky_span entries; /* borrows the input */
};

/* The next packet of what sky_packets_take wrote; false at the end, and on an error, which is in the reader. */
bool sky_packet_next(struct sky_reader *reader, struct sky_packet *packet);

#endif
