/* post_merge.h: the partitions of the topic of posts, read side by side as one stream in event time.
 *
 * In each partition event time does not go back: ingest writes it so, with watermarks ("nothing older follows") in
 * every partition. A record is given only when no partition can still have an older one: each of the others has one at
 * hand that is not older, or its last one or last watermark was not. So what is given at time t says that all
 * partitions have come to t, and a minute is over when the slowest partition says so, whatever the clock says.
 * Records of one time come in any order of their partitions.
 *
 * A partition that is ahead is not asked for more, so that no more than its fetched records wait in memory. A
 * producer that goes back in time in a partition has its old records given at once, and those that are older by a whole
 * minute as `late`: whether a record counts must not depend on how far the other partitions happen to be. One that
 * is far ahead of the timestamp that Kafka has for it (event/event_time.h) is bad, and moves nothing.
 *
 * Memory   one record of each partition, parsed; a post lives until the next call.
 * Threads  one owner. */
#ifndef SKY_IO_KAFKA_POST_MERGE_H
#define SKY_IO_KAFKA_POST_MERGE_H

#include "event/post.h"
#include "io/kafka/kafka.h"

/* Where the records come from: sky_kafka_reader, as a rule. */
struct sky_post_source {
    void *context;
    uint32_t partitions; /* at least 1 */
    /* As sky_kafka_reader_next; the record lives until the next call for its partition. */
    enum sky_status (*next)(void *context, uint32_t partition, int timeout_ms, struct sky_kafka_record *record);
};

struct sky_post_merge;

/* NULL when there is no memory. `source` is copied. */
struct sky_post_merge *sky_post_merge_new(const struct sky_post_source *source);
void sky_post_merge_free(struct sky_post_merge *merge); /* NULL is fine */

/* Before the first next: where the source begins with that partition. */
void sky_post_merge_begin(struct sky_post_merge *merge, uint32_t partition, int64_t offset);

/* Where to begin with that partition so that what was given is not given again, and nothing else is left out. */
int64_t sky_post_merge_position(const struct sky_post_merge *merge, uint32_t partition);

enum sky_merge_event {
    SKY_MERGE_POST,    /* item.post, a watermark too */
    SKY_MERGE_BAD,     /* a record that is no PostData or far ahead: item.record, item.error; it is passed */
    SKY_MERGE_WAITING, /* item.partition has nothing to go on with */
    SKY_MERGE_FAILED   /* item.partition cannot be read: item.error, of the source's status */
};

struct sky_merged {
    uint32_t partition;
    const struct sky_post *post;
    struct sky_kafka_record record;
    struct sky_error error;
};

enum sky_merge_event sky_post_merge_next(struct sky_post_merge *merge, int timeout_ms, struct sky_merged *item);

#endif
