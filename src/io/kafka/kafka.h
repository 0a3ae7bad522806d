/* kafka.h: what every connection to the brokers has in common: addresses, security, waits, and how errors are told.
 *
 * The parts, each a module of its own over librdkafka:
 *     kafka_producer.h  records in transactions
 *     kafka_consumer.h  a member of a consumer group
 *     kafka_reader.h    all partitions of a topic, each at its own pace, without a group
 *     kafka_last.h      the last value of a key
 *     kafka_topics.h    making topics, asking what there is
 *
 * Memory   options borrow; whoever takes them copies what it needs.
 * Threads  each object has one owner; librdkafka has threads of its own below it.
 * Errors   SKY_E_TIMEOUT  the brokers did not answer in time: the call may be made again
 *          SKY_E_FENCED   a newer instance with the same transactional id has taken over, or the brokers gave a
 *                         transaction up that was open for too long: they say the same to both
 *          SKY_E_CONFIG   the brokers refuse what was asked, or a setting is wrong: a person is needed
 *          SKY_E_IO       anything else; the message says what */
#ifndef SKY_IO_KAFKA_KAFKA_H
#define SKY_IO_KAFKA_KAFKA_H

#include <stdbool.h>

#include "base/span.h"
#include "base/status.h"

#define SKY_KAFKA_MESSAGE_SIZE 512

/* In the order of the settings kafka.security, kafka.sasl_mechanism and kafka.compression. */
enum sky_kafka_security {
    SKY_KAFKA_PLAINTEXT,
    SKY_KAFKA_SSL,
    SKY_KAFKA_SASL_PLAINTEXT,
    SKY_KAFKA_SASL_SSL,
    SKY_KAFKA_SECURITY_COUNT
};
enum sky_kafka_sasl { SKY_KAFKA_PLAIN, SKY_KAFKA_SCRAM_SHA_256, SKY_KAFKA_SCRAM_SHA_512, SKY_KAFKA_SASL_COUNT };
enum sky_kafka_compression {
    SKY_KAFKA_NONE,
    SKY_KAFKA_GZIP,
    SKY_KAFKA_SNAPPY,
    SKY_KAFKA_LZ4,
    SKY_KAFKA_ZSTD,
    SKY_KAFKA_COMPRESSION_COUNT
};

struct sky_kafka_options {
    const char *bootstrap_servers; /* HOST:PORT with commas between */
    enum sky_kafka_security security;
    enum sky_kafka_sasl sasl_mechanism;
    const char *username;
    const char *password;
    const char *ca_file; /* empty: the system's; likewise below */
    const char *certificate_file;
    const char *key_file;
    const char *client_id;
    enum sky_kafka_compression compression;
    int64_t linger_ms;
    int64_t retry_backoff_ms; /* of producers */
    int64_t reconnect_backoff_max_ms;
    int64_t request_timeout_ms;
    int64_t transaction_timeout_ms;
};

/* For a person; "" when nothing is wrong. */
struct sky_kafka_message {
    char text[SKY_KAFKA_MESSAGE_SIZE];
};

/* Whether a client can be made of these: a login, files that are there. Asks no broker. SKY_E_CONFIG, or SKY_E_IO when
 * the system has no thread for it: message says why. */
SKY_MUST_USE enum sky_status sky_kafka_check(const struct sky_kafka_options *options,
                                             struct sky_kafka_message *message);

/* One record as it comes out of a topic. Spans live until the next call on what gave it. */
struct sky_kafka_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    struct sky_span key;
    struct sky_span value; /* ptr NULL: a tombstone */
    const void *handle;    /* for sky_kafka_record_header */
};

/* The last header of that name; false when there is none. */
bool sky_kafka_record_header(const struct sky_kafka_record *record, const char *name, struct sky_span *value);

#endif
