/* post_feed.h: the topic of posts as a source of `run`: its partitions merged by event time, and how far each was read.
 *
 * Memory   owns its connection; a post lives until the next call.
 * Threads  one owner. */
#ifndef SKY_APP_POST_FEED_H
#define SKY_APP_POST_FEED_H

#include "base/buffer.h"
#include "io/kafka/kafka_reader.h"
#include "io/kafka/post_merge.h"

struct sky_post_feed;

/* Asks the brokers for the partitions: SKY_E_TIMEOUT, SKY_E_MISSING (no such topic), SKY_E_CONFIG, SKY_E_IO; message
 * says more. Reading begins with the first sky_post_feed_next: at the beginning, or where sky_post_feed_load says. */
SKY_MUST_USE enum sky_status sky_post_feed_open(const struct sky_kafka_reader_options *options,
                                                struct sky_post_feed **feed, struct sky_kafka_message *message);
void sky_post_feed_close(struct sky_post_feed *feed); /* NULL is fine */

/* SKY_MERGE_FAILED: the problem says why. */
enum sky_merge_event sky_post_feed_next(struct sky_post_feed *feed, int timeout_ms, struct sky_merged *item);
const char *sky_post_feed_problem(const struct sky_post_feed *feed);

struct sky_post_feed_status {
    const char *name; /* "Kafka 127.0.0.1:9092" */
    bool ever_received;
    uint64_t records;
    uint64_t bytes;
    uint64_t bad;
    uint64_t lag; /* records */
    uint32_t partitions;
    const char *problem; /* "" when there is none */
};
void sky_post_feed_status(struct sky_post_feed *feed, struct sky_post_feed_status *status);

/* Topic and offsets behind what was handed out. Load comes before the first next; errors are in the reader:
 * SKY_E_CONFIG when they are those of another topic, or of more partitions than there are. */
void sky_post_feed_save(const struct sky_post_feed *feed, struct sky_buffer *buffer);
void sky_post_feed_load(struct sky_post_feed *feed, struct sky_reader *reader);

#endif
