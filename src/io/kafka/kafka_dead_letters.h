/* kafka_dead_letters.h: keeps in a topic what a service could not read or deliver, and why.
 *
 * A letter is the record as it was, key and value, each cut to SKY_KAFKA_DEAD_LETTER_BYTES_MAX, with these headers, all
 * text:
 *     service    who could not: "alerts"
 *     part       what of it, such as the output "webhook"; absent where there is none
 *     reason     why, for people
 *     topic, partition, offset   where the record stands
 *
 * What was added counts as kept only when sky_kafka_dead_letters_settle gave SKY_OK: until then its owner must be ready
 * to read it again.
 *
 * Memory   letters are copied until they are settled. Threads  one owner. */
#ifndef SKY_IO_KAFKA_KAFKA_DEAD_LETTERS_H
#define SKY_IO_KAFKA_KAFKA_DEAD_LETTERS_H

#include "io/kafka/kafka.h"

/* Ours: with its headers, a larger one is more than a broker takes (1 MiB), and would be in the way for ever. */
#define SKY_KAFKA_DEAD_LETTER_BYTES_MAX 262144

struct sky_kafka_dead_letter {
    const char *service;
    const char *part; /* NULL: none */
    const char *reason;
    const char *topic;
    int32_t partition;
    int64_t offset;
    struct sky_span key;   /* ptr NULL: none */
    struct sky_span value; /* likewise */
};

struct sky_kafka_dead_letters;

/* `topic` is copied. SKY_E_CONFIG, SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_kafka_dead_letters_new(const struct sky_kafka_options *options, const char *topic,
                                                        struct sky_kafka_dead_letters **letters,
                                                        struct sky_kafka_message *message);
void sky_kafka_dead_letters_free(struct sky_kafka_dead_letters *letters); /* NULL is fine */

SKY_MUST_USE enum sky_status sky_kafka_dead_letters_add(struct sky_kafka_dead_letters *letters,
                                                        const struct sky_kafka_dead_letter *letter); /* SKY_E_MEMORY */

/* SKY_OK: all that was added is kept by the brokers. SKY_E_TIMEOUT: not known yet, SKY_E_IO: refused; the next call
 * goes on, and message says what is in the way. */
SKY_MUST_USE enum sky_status sky_kafka_dead_letters_settle(struct sky_kafka_dead_letters *letters, int timeout_ms,
                                                           struct sky_kafka_message *message);

uint64_t sky_kafka_dead_letters_pending(const struct sky_kafka_dead_letters *letters);

#endif
