/* kafka_topics.h: making the topics that are missing, and asking whether the brokers are there.
 *
 * Threads  any; a connection of its own for each call. */
#ifndef SKY_IO_KAFKA_KAFKA_TOPICS_H
#define SKY_IO_KAFKA_KAFKA_TOPICS_H

#include "io/kafka/kafka.h"

#define SKY_KAFKA_ENSURE_MAX 32 /* topics, in one call */

struct sky_kafka_topic {
    const char *name;
    int32_t partitions;
    int32_t replication;
    int64_t retention_ms; /* -1: for ever */
    bool compacted;       /* the last record of each key is kept, whatever its age */
    bool alone;           /* one partition and no more, also where somebody else made it */
};

/* Makes what is missing and waits until it can be written to; topics that are there are left as they are.
 *   SKY_E_TIMEOUT, SKY_E_CONFIG (not allowed, more copies than brokers, a bad name, more partitions than one
 *   where it must be alone), SKY_E_IO */
SKY_MUST_USE enum sky_status sky_kafka_ensure_topics(const struct sky_kafka_options *options,
                                                     const struct sky_kafka_topic *topics, uint32_t count,
                                                     int timeout_ms, struct sky_kafka_message *message);

struct sky_kafka_cluster {
    uint32_t brokers;
    uint32_t topics;   /* of those asked for, how many are there */
    char missing[256]; /* the names of those that are not, with commas between */
};

/* Are the brokers there, and these topics? */
SKY_MUST_USE enum sky_status sky_kafka_ask(const struct sky_kafka_options *options, const char *const *topics,
                                           uint32_t count, int timeout_ms, struct sky_kafka_cluster *cluster,
                                           struct sky_kafka_message *message);

#endif
