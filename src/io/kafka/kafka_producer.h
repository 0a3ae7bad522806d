/* kafka_producer.h: records in transactions: all of one or none, once each, from one instance at a time.
 *
 *     sky_kafka_producer_new(&options, &producer, &message);
 *     while ((status = sky_kafka_producer_init(producer, 5000)) == SKY_E_TIMEOUT) ...  the brokers are away
 *     sky_kafka_producer_begin(producer);
 *     sky_kafka_producer_send(producer, &record);         ... any number
 *     status = sky_kafka_producer_commit(producer, 5000);
 *         SKY_OK          they are visible to read_committed consumers, and stay so
 *         SKY_E_TIMEOUT   not known yet: call commit again
 *         SKY_E_FENCED    a newer instance runs, or the brokers gave the transaction up: look which
 *         SKY_E_LIMIT     a record is too large for the brokers, and will be so again: a person is needed
 *         others          nothing of it will be seen. sky_kafka_producer_abort, then begin and send all again; when
 *                         abort fails too, free the producer and make a new one (its init aborts what is left over).
 *                         Between the two another instance may have come and gone: read again where things stand.
 *
 * Keys go to partitions as the Java clients' do (murmur2); a record without a key goes to the partition it names.
 *
 * Spec     KIP-98 (transactions), KIP-447
 * Memory   send copies the record into librdkafka's queue, SKY_KAFKA_QUEUE_BYTES_MAX at most.
 * Threads  one owner. */
#ifndef SKY_IO_KAFKA_KAFKA_PRODUCER_H
#define SKY_IO_KAFKA_KAFKA_PRODUCER_H

#include "io/kafka/kafka.h"

#define SKY_KAFKA_PARTITION_BY_KEY     (-1)
#define SKY_KAFKA_QUEUE_BYTES_MAX      (64 * 1024 * 1024) /* ours; a send waits while it is full */
#define SKY_KAFKA_RECORD_BYTES_MAX     (8 * 1024 * 1024)  /* ours; a broker's default is 1 MiB after compression */
#define SKY_KAFKA_PRODUCER_HEADERS_MAX 8

struct sky_kafka_producer_options {
    const struct sky_kafka_options *kafka;
    const char *transactional_id; /* NULL: idempotent without transactions: init, begin, commit and abort do not apply,
                                     sky_kafka_producer_flush does */
};

struct sky_kafka_header {
    const char *name;
    struct sky_span value;
};

struct sky_kafka_outgoing {
    const char *topic;
    int32_t partition;    /* or SKY_KAFKA_PARTITION_BY_KEY */
    int64_t timestamp_ms; /* 0: now */
    struct sky_span key;  /* ptr NULL: none */
    struct sky_span value;
    const struct sky_kafka_header *headers;
    uint32_t headers_count;
};

struct sky_kafka_producer;

/* No network yet. SKY_E_CONFIG, SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_kafka_producer_new(const struct sky_kafka_producer_options *options,
                                                    struct sky_kafka_producer **producer,
                                                    struct sky_kafka_message *message);
/* What is not committed is lost. Waits up to 3 s for what is under way. NULL is fine. */
void sky_kafka_producer_free(struct sky_kafka_producer *producer);

/* Become the one instance of this transactional id: older ones are fenced, what they left open is aborted. Once. */
SKY_MUST_USE enum sky_status sky_kafka_producer_init(struct sky_kafka_producer *producer, int timeout_ms);

SKY_MUST_USE enum sky_status sky_kafka_producer_begin(struct sky_kafka_producer *producer);

/* SKY_E_LIMIT: longer than SKY_KAFKA_RECORD_BYTES_MAX, nothing done. SKY_E_TIMEOUT: the queue has been full for
 * request_timeout_ms. */
SKY_MUST_USE enum sky_status sky_kafka_producer_send(struct sky_kafka_producer *producer,
                                                     const struct sky_kafka_outgoing *record);
SKY_MUST_USE enum sky_status sky_kafka_producer_commit(struct sky_kafka_producer *producer, int timeout_ms);
SKY_MUST_USE enum sky_status sky_kafka_producer_abort(struct sky_kafka_producer *producer, int timeout_ms);

/* Without transactions: SKY_OK when everything sent so far is acknowledged; SKY_E_IO when something was refused. */
SKY_MUST_USE enum sky_status sky_kafka_producer_flush(struct sky_kafka_producer *producer, int timeout_ms);

/* Why the last call did not give SKY_OK, or what librdkafka last complained of. */
void sky_kafka_producer_problem(struct sky_kafka_producer *producer, struct sky_kafka_message *message);

/* Partitions of a topic. SKY_E_MISSING: there is no such topic. */
SKY_MUST_USE enum sky_status sky_kafka_producer_partitions(struct sky_kafka_producer *producer, const char *topic,
                                                           int timeout_ms, int32_t *count);

#endif
