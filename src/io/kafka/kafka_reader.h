/* kafka_reader.h: all partitions of one topic, each read at its own pace, without a consumer group: for one that merges
 * them by time. What reads a small compacted topic to its end is kafka_last.h.
 *
 *     sky_kafka_reader_open(&options, &reader, &message);
 *     for p in 0 .. sky_kafka_reader_partitions(reader) - 1:
 *         sky_kafka_reader_begin(reader, p, offset or SKY_KAFKA_READER_BEGINNING)
 *     sky_kafka_reader_next(reader, p, timeout_ms, &record)    the next of partition p
 *
 * Only committed records are given. A partition that is not asked for holds at most its share of fetch_bytes.
 *
 * Memory   a record lives until the next call for its partition.
 * Threads  one owner. */
#ifndef SKY_IO_KAFKA_KAFKA_READER_H
#define SKY_IO_KAFKA_KAFKA_READER_H

#include "io/kafka/kafka.h"

#define SKY_KAFKA_READER_BEGINNING      INT64_C(-2)
#define SKY_KAFKA_READER_PARTITIONS_MAX 1024 /* ours */

struct sky_kafka_reader_options {
    const struct sky_kafka_options *kafka;
    const char *topic;
    size_t fetch_bytes; /* of all partitions together; 0: 64 MiB */
};

struct sky_kafka_reader;

/* Asks the brokers for the partitions. SKY_E_MISSING: there is no such topic. SKY_E_TIMEOUT, SKY_E_CONFIG, SKY_E_IO. */
SKY_MUST_USE enum sky_status sky_kafka_reader_open(const struct sky_kafka_reader_options *options,
                                                   struct sky_kafka_reader **reader, struct sky_kafka_message *message);
void sky_kafka_reader_close(struct sky_kafka_reader *reader); /* NULL is fine */

uint32_t sky_kafka_reader_partitions(const struct sky_kafka_reader *reader);

SKY_MUST_USE enum sky_status sky_kafka_reader_begin(struct sky_kafka_reader *reader, uint32_t partition,
                                                    int64_t offset);

/*   SKY_OK         a record; its offset + 1 is where to begin after a restart
 *   SKY_E_MISSING  none within the time given: the end was reached for now (sky_kafka_reader_at_end), or the brokers
 *                  are away (the problem says so)
 *   SKY_E_RANGE    the offset to begin at is not there any more: retention has overtaken the reader
 *   SKY_E_IO       no hope without a person; the problem says why */
SKY_MUST_USE enum sky_status sky_kafka_reader_next(struct sky_kafka_reader *reader, uint32_t partition, int timeout_ms,
                                                   struct sky_kafka_record *record);

/* The last next found the end of what is committed. */
bool sky_kafka_reader_at_end(const struct sky_kafka_reader *reader, uint32_t partition);

uint64_t sky_kafka_reader_lag(const struct sky_kafka_reader *reader); /* records behind the ends, as far as known */
void sky_kafka_reader_problem(struct sky_kafka_reader *reader, struct sky_kafka_message *message);

#endif
