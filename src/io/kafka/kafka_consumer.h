/* kafka_consumer.h: a member of a consumer group: committed records of some topics, from where the group stands.
 *
 *     for (;;)
 *         switch (sky_kafka_consumer_next(consumer, 100, &record, &message)) {
 *         case SKY_KAFKA_RECORD:   work on it; sky_kafka_consumer_commit(...) when it is done with
 *         case SKY_KAFKA_PARTITION_END:  record.topic, .partition have no more for now
 *         case SKY_KAFKA_IDLE:     nothing within the time given
 *         case SKY_KAFKA_PROBLEM:  worth a line in the log; it goes on by itself
 *         case SKY_KAFKA_FAILED:   no hope without a person
 *         }
 *
 * Offsets are committed by the owner alone, with metadata if it likes: `assigned` gets back what was last committed,
 * and says where to begin; that is how a consumer finds work that another one left half done.
 *
 * Every record given is of a partition that `assigned` told of, and `revoked` has not since. What the group committed
 * may be out of reach while its coordinator moves: then nothing is read, SKY_KAFKA_PROBLEM says so, and the group is
 * joined anew.
 *
 * The owner calls next at least every SKY_KAFKA_POLL_MS_MAX, paused or not, or the group gives its partitions away.
 *
 * Memory   at most fetch_bytes of records wait in this process.
 * Threads  one owner; the callbacks run inside sky_kafka_consumer_next and _free. */
#ifndef SKY_IO_KAFKA_KAFKA_CONSUMER_H
#define SKY_IO_KAFKA_KAFKA_CONSUMER_H

#include "io/kafka/kafka.h"

#define SKY_KAFKA_SESSION_MS         10000
#define SKY_KAFKA_POLL_MS_MAX        300000
#define SKY_KAFKA_OFFSET_NONE        INT64_C(-1) /* nothing was committed */
#define SKY_KAFKA_TOPICS_MAX         8           /* of one consumer */
#define SKY_KAFKA_METADATA_BYTES_MAX 1024        /* ours; a broker's default is 4,096 */

struct sky_kafka_group_events {
    /* This member now reads the partition. `committed` and `metadata` ("" when none): what the group last committed.
     * Returns the offset to begin at, or where the topic begins if that is not there any more; SKY_KAFKA_OFFSET_NONE:
     * at the beginning, or the end with from_latest. */
    int64_t (*assigned)(void *context, const char *topic, int32_t partition, int64_t committed, const char *metadata);
    /* Not any more: `lost` when another may read it already, else a commit is still possible inside the call. */
    void (*revoked)(void *context, const char *topic, int32_t partition, bool lost);
    void *context;
};

struct sky_kafka_consumer_options {
    const struct sky_kafka_options *kafka;
    const char *group;
    const char *instance; /* a member of that name takes the place of an older one at once; NULL: the brokers wait until
                             the older one is silent for SKY_KAFKA_SESSION_MS */
    const char *topics[SKY_KAFKA_TOPICS_MAX];
    uint32_t topics_count;
    bool from_latest;                     /* where nothing was committed; else from the beginning */
    size_t fetch_bytes;                   /* 0: 16 MiB */
    struct sky_kafka_group_events events; /* NULL functions: begin where the group committed */
};

struct sky_kafka_consumer;

/* No network yet. SKY_E_CONFIG, SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_kafka_consumer_new(const struct sky_kafka_consumer_options *options,
                                                    struct sky_kafka_consumer **consumer,
                                                    struct sky_kafka_message *message);
void sky_kafka_consumer_free(struct sky_kafka_consumer *consumer); /* leaves the group; NULL is fine */

enum sky_kafka_event { SKY_KAFKA_IDLE, SKY_KAFKA_RECORD, SKY_KAFKA_PARTITION_END, SKY_KAFKA_PROBLEM, SKY_KAFKA_FAILED };

enum sky_kafka_event sky_kafka_consumer_next(struct sky_kafka_consumer *consumer, int timeout_ms,
                                             struct sky_kafka_record *record, struct sky_kafka_message *message);

/* The group goes on at `offset` of that partition. Waits for the answer. SKY_E_FENCED: the partition belongs to another
 * member now. */
SKY_MUST_USE enum sky_status sky_kafka_consumer_commit(struct sky_kafka_consumer *consumer,
                                                       const struct sky_kafka_record *position, const char *metadata,
                                                       struct sky_kafka_message *message);

/* Read on from that offset. */
SKY_MUST_USE enum sky_status sky_kafka_consumer_seek(struct sky_kafka_consumer *consumer, const char *topic,
                                                     int32_t partition, int64_t offset);

/* Paused: next gives no records (and fetches none), but keeps the membership. */
void sky_kafka_consumer_pause(struct sky_kafka_consumer *consumer, bool paused);

/* How far behind the ends of its partitions this member is, in records, as far as known. */
uint64_t sky_kafka_consumer_lag(const struct sky_kafka_consumer *consumer);
uint32_t sky_kafka_consumer_partitions(const struct sky_kafka_consumer *consumer); /* assigned now */

/* Of the last problem; "" when there was none since records last came, or since the brokers of all partitions last
 * answered. */
void sky_kafka_consumer_problem(struct sky_kafka_consumer *consumer, struct sky_kafka_message *message);

#endif
