/* kafka_last.h: the last value of a key in a topic of one partition, read to its end: what a compacted topic is for.
 *
 *     sky_kafka_last_new(&options, key, &last, &message);
 *     while ((status = sky_kafka_last_read(last, 20, &value, &message)) == SKY_E_TIMEOUT) ...  other work
 *     sky_kafka_last_free(last);
 *
 * Memory   options.fetch_bytes of librdkafka's, and the value found so far.
 * Threads  one owner. */
#ifndef SKY_IO_KAFKA_KAFKA_LAST_H
#define SKY_IO_KAFKA_KAFKA_LAST_H

#include "base/buffer.h"
#include "io/kafka/kafka_reader.h"

struct sky_kafka_last;

/* No network yet; the topic must be there. `key` is copied. SKY_E_CONFIG, SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_kafka_last_new(const struct sky_kafka_reader_options *options, struct sky_span key,
                                                struct sky_kafka_last **last, struct sky_kafka_message *message);
void sky_kafka_last_free(struct sky_kafka_last *last); /* NULL is fine */

/* Read on for so long. SKY_OK, and the value appended: the end was reached. SKY_E_MISSING: likewise, and there is no
 * such key. SKY_E_TIMEOUT: call again; the message says what is in the way, if anything is. */
SKY_MUST_USE enum sky_status sky_kafka_last_read(struct sky_kafka_last *last, int timeout_ms, struct sky_buffer *value,
                                                 struct sky_kafka_message *message);

/* All of it in one call, which also finds that there is no such topic: SKY_E_MISSING. */
SKY_MUST_USE enum sky_status sky_kafka_read_last(const struct sky_kafka_reader_options *options, struct sky_span key,
                                                 int timeout_ms, struct sky_buffer *value,
                                                 struct sky_kafka_message *message);

#endif
